import type { Role } from '../../contract/endpoint.ts'
import type { Clock } from './clock.ts'
import { dayOf } from './clock.ts'
import type { Config } from './config.ts'
import type { Connections, Database } from './db.ts'
import type { Jobs } from './jobs.ts'
import type { Secrets } from './secrets.ts'

/** A signed-in person as rules see them. */
export type Actor = {
  personId: string
  username: string
  name: string
  departmentId: string
  department: string
  region: string
  /** What the department is in its region's regulation, e.g. ['authority']. */
  departmentRoles: string[]
  roles: Role[]
  /** The password was set by somebody else: nothing but changing it is allowed. */
  mustChangePassword?: boolean
}

/** What one process is made of; built once in app.ts. */
export type Services = {
  config: Config
  db: Database
  pool: Connections['pool']
  clock: Clock
  secrets: Secrets
  jobs: Jobs
  ledger: LedgerPort
  log: Log
}

/** The ledger as the floor sees it; the audit module builds it. */
export type LedgerPort = { append(record: string): Promise<number>; flush(): Promise<void>; close(): Promise<void> }

export type Log = {
  info(object: object, message?: string): void
  warn(object: object, message?: string): void
  error(object: object, message?: string): void
}

/** What a route knows about its caller. `actor` is null only on public and grant endpoints. */
export type Context = Services & {
  actor: Actor | null
  now: Date
  /** Calendar day in Beijing time. */
  day: string
  requestId: string
  ip: string
}

/** A context that is known to have a signed-in person. */
export type StaffContext = Context & { actor: Actor }

/** The system itself as actor: jobs, start-up, demonstration. */
export const systemContext = (services: Services, actor: Actor | null = null): Context => {
  const now = services.clock()
  return { ...services, actor, now, day: dayOf(now), requestId: 'system', ip: '' }
}

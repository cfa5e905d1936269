import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import type { Problem } from '../../contract/common.ts'
import type { Endpoint, Params, Query, Reply, Role } from '../../contract/endpoint.ts'
import { buildApp } from '../../server/app.ts'
import {
  createDepartment,
  createPerson,
  creditCheck,
  type DepartmentKind,
  fileOfficers,
  postsOf,
} from '../../server/modules/organization/public.ts'
import { dayOf } from '../../server/platform/clock.ts'
import { loadConfig } from '../../server/platform/config.ts'
import { systemContext } from '../../server/platform/context.ts'
import { createDatabase, dropDatabase } from '../../server/platform/postgres.ts'

const password = 'a long enough password'

export type Answer<E> = { status: number; headers: Record<string, unknown>; body: Reply<E>; problem: Problem; raw: Buffer }
export type Person = {
  id: string
  departmentId: string
  username: string
  call<E extends Endpoint>(
    e: E,
    parts?: { params?: Partial<Params<E>>; query?: Partial<Query<E>>; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer<E>>
  /** As `call`, and fails the test when refused. */
  ok<E extends Endpoint>(e: E, parts?: { params?: Partial<Params<E>>; query?: Partial<Query<E>>; body?: unknown }): Promise<Reply<E>>
}
export type World = {
  app: FastifyInstance
  url: string
  /** Moves the platform's clock; 'YYYY-MM-DD' means 10:00 Beijing time of that day. */
  at(day: string): void
  /** Officers are filed as the place asks, unless `officers` is false. */
  /** Lets minutes pass. */
  later(minutes: number): void
  department(d: {
    region: string
    name: string
    roles?: string[]
    creditCode?: string
    kind?: DepartmentKind
    authorisation?: { instrument: string; article: string }
    byReference?: boolean
    officers?: boolean
  }): Promise<string>
  person(p: { department: string; roles: Role[]; name?: string }): Promise<Person>
  anonymous: Person
  /** Runs a background job here and now. */
  job(queue: string, data?: object): Promise<void>
}

/**
 * A whole platform on a database of its own, cloned from the migrated template; gone after the test.
 * Needs HUITONG_TEST_URL (the `test` command sets it).
 */
export async function aWorld(
  t: Pick<TestContext, 'after'>,
  options: { day?: string; settings?: Record<string, string>; roles?: ('api' | 'worker')[] } = {},
): Promise<World> {
  const admin = process.env.HUITONG_TEST_URL
  if (!admin) throw new Error('run through ./huitong test')
  const name = `world_${randomBytes(6).toString('hex')}`
  const url = await createDatabase(admin, name, 'huitong_template')
  const dataDir = mkdtempSync(join(tmpdir(), 'huitong-test-'))
  let now: Date | null = options.day ? new Date(`${options.day}T10:00:00+08:00`) : null
  const config = {
    ...loadConfig({ HUITONG_LOG_LEVEL: process.env.HUITONG_TEST_LOG ?? 'silent', HUITONG_POOL_SIZE: '6', ...options.settings }),
    dataDir,
    sessionHours: 24 * 365,
  }
  const app = await buildApp({
    config,
    databaseUrl: url,
    clock: () => (now ? new Date(now) : new Date()),
    ...(options.roles && { roles: options.roles }),
  })
  t.after(async () => {
    await app.close()
    await dropDatabase(admin, name)
    rmSync(dataDir, { recursive: true, force: true })
  })
  await app.ready()
  const system = () => systemContext(app.services)
  const departments = new Map<string, string>()
  let n = 0
  return {
    app,
    url,
    at: day => {
      now = new Date(`${day}T10:00:00+08:00`)
    },
    later: minutes => {
      now = new Date((now ?? new Date()).getTime() + minutes * 60_000)
    },
    async department(d) {
      const made = await createDepartment(app.services.db, system(), {
        region: d.region,
        name: d.name,
        creditCode: d.creditCode ?? creditCode(d.region, ++n),
        roles: d.roles ?? [],
        ...(d.kind && { kind: d.kind }),
        ...(d.authorisation && { authorisation: d.authorisation }),
        ...(d.byReference && { byReference: true }),
      })
      departments.set(d.name, made.id)
      for (const scope of d.officers === false ? [] : (['data', 'opening'] as const)) {
        const posts = Object.keys(postsOf(d.region, scope, dayOf(system().now)).value.posts)
        const holders = Object.fromEntries(posts.map(post => [post, `${d.name}${post}`]))
        if (posts.length) await fileOfficers(app.services.db, system(), { departmentId: made.id, scope, holders })
      }
      return made.id
    },
    async person(p) {
      const departmentId = departments.get(p.department)
      if (!departmentId) throw new Error(`no department ${p.department}`)
      const username = `u${++n}`
      const id = await createPerson(app.services.db, system(), {
        username,
        name: p.name ?? `人员${n}`,
        departmentId,
        password,
        roles: p.roles,
      })
      const signed = await app.inject({ method: 'POST', url: '/api/session', payload: { username, password } })
      if (signed.statusCode !== 200) throw new Error(signed.body)
      const cookie = String(signed.headers['set-cookie']).split(';')[0]!
      return caller(app, { id, departmentId, username }, { cookie, 'x-csrf-token': signed.json().csrf })
    },
    job: (queue, data = {}) => app.services.jobs.run(queue, data, system()),
    anonymous: caller(app, { id: '', departmentId: '', username: '' }, {}),
  }
}

function caller(app: FastifyInstance, who: Pick<Person, 'id' | 'departmentId' | 'username'>, headers: Record<string, string>): Person {
  const call: Person['call'] = async (e, parts = {}) => {
    const path = e.path.replace(/:(\w+)/g, (_, key) =>
      encodeURIComponent(String((parts.params as Record<string, unknown>)?.[key] ?? '').toWellFormed()),
    )
    const outside = /^\/(data|ingest|agent|oauth|open\/v1)(\/|$)/.test(e.path)
    const query = new URLSearchParams(
      Object.entries(parts.query ?? {})
        .filter(([, v]) => v !== undefined)
        .map(([k, v]) => [k, String(v)]),
    )
    const reply = await app.inject({
      method: e.method,
      url: `${outside ? '' : '/api'}${path}${query.size ? `?${query}` : ''}`,
      headers: { ...headers, ...parts.headers },
      ...(parts.body !== undefined && { payload: parts.body as object }),
      ...(parts.body === undefined && e.method !== 'GET' && e.kind !== 'multipart' && { payload: {} }),
    })
    const json = String(reply.headers['content-type'] ?? '').includes('json') ? reply.json() : reply.body
    return { status: reply.statusCode, headers: reply.headers, body: json, problem: json, raw: reply.rawPayload }
  }
  return {
    ...who,
    call,
    async ok(e, parts) {
      const answer = await call(e, parts)
      if (answer.status >= 300) throw new Error(`${e.method} ${e.path} → ${answer.status} ${JSON.stringify(answer.problem)}`)
      return answer.body
    },
  }
}

/** A made-up code with a right check character; the subject part says FAKE. */
export function creditCode(region: string, n: number): string {
  const body = `11${region}FAKE${String(n).padStart(5, '0')}`
  return body + creditCheck(body)
}

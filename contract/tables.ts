import { z } from 'zod'
import { Done, Id, IdParam, Instant } from './common.ts'
import { MysqlConnection, OpenConnection, PostgresConnection } from './connections.ts'
import { endpoint, staff } from './endpoint.ts'

/** Where a table is written: a database of the consumer, and the name the table has or is to have there. */
const named = z.string().trim().min(1, '请填写表名').max(64)
export const TargetConnection = z.discriminatedUnion('kind', [
  PostgresConnection.extend({ table: named }),
  MysqlConnection.extend({ table: named }),
])
export type TargetConnection = z.infer<typeof TargetConnection>

export const pushStates = { full: '正在首次推送', current: '已跟上', late: '落后', trouble: '受阻', paused: '已暂停' } as const
export const TablePush = z.object({
  id: Id,
  grantId: Id,
  grantNo: z.string(),
  code: z.string(),
  title: z.string(),
  provider: z.string(),
  grantee: z.string(),
  connection: OpenConnection,
  place: z.string(),
  every: z.number().int().describe('Minutes between two pushes'),
  state: z.enum(Object.keys(pushStates) as [keyof typeof pushStates, ...(keyof typeof pushStates)[]]),
  stateLabel: z.string(),
  running: z.boolean(),
  lag: z.number().int().nullable().describe('Seconds since the table held everything; null: it never has'),
  caughtUp: Instant.nullable(),
  lastRun: Instant.nullable(),
  nextRun: Instant.nullable(),
  upserts: z.number().int().describe('Rows written since the push was set up'),
  removes: z.number().int(),
  trouble: z.object({ text: z.string(), remedy: z.string(), since: Instant }).nullable(),
  may: z.array(z.enum(['edit', 'run', 'pause', 'resume', 'remove'])),
})
export type TablePush = z.infer<typeof TablePush>

export const tablePushes = endpoint({
  method: 'GET',
  path: '/table-pushes',
  summary: '库表推送 of grants given to or by my department',
  access: staff,
  response: z.array(TablePush),
})
export const tablePush = endpoint({
  method: 'GET',
  path: '/grants/:id/table',
  summary: '库表推送 of one grant',
  access: staff,
  params: IdParam,
  response: z.object({ push: TablePush.nullable(), mayCreate: z.boolean() }),
})
const Given = z.object({ connection: TargetConnection, every: z.number().int().min(1).max(1440).default(5) })
export const setTablePush = endpoint({
  method: 'PUT',
  path: '/grants/:id/table',
  summary: 'Keep a table in the consumer’s database up to date; an empty password keeps the stored one',
  access: ['developer', 'steward'],
  params: IdParam,
  body: Given,
  response: TablePush,
})
export const testTablePush = endpoint({
  method: 'POST',
  path: '/grants/:id/table/test',
  summary: 'Connect to the consumer’s database and say what would be made there; nothing is written',
  access: ['developer', 'steward'],
  params: IdParam,
  body: Given.pick({ connection: true }),
  response: z.object({ version: z.string(), exists: z.boolean(), missing: z.array(z.string()), statement: z.string() }),
})
export const actTablePush = endpoint({
  method: 'POST',
  path: '/grants/:id/table/act',
  summary: 'Push now, pause, resume, or stop for good (the table stays where it is)',
  access: ['developer', 'steward'],
  params: IdParam,
  body: z.object({ action: z.enum(['run', 'pause', 'resume', 'remove']) }),
  response: Done,
})

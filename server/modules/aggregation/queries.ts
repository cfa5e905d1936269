import { type RawBuilder, sql } from 'kysely'
import type { Batch, BatchState, Cadence, Mapping, Message, ReadOptions } from '../../../contract/aggregation.ts'
import type { Mode, Schedule, SourceKind } from '../../../contract/connections.ts'
import type { Actor } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { explain } from '../quality/public.ts'
import type { Position } from './connectors/types.ts'

export type SourceRecord = {
  id: string
  entry_id: string
  department_id: string
  kind: SourceKind
  name: string
  /** Without its secrets. */
  connection: any
  secret: string | null
  secret_names: string[] | null
  mode: Mode
  cursor: string | null
  schedule: Schedule | null
  next_run: Date | null
  position: Position | null
  deletes: 'keep' | 'follow'
  run_as: Actor | null
  agent_id: string | null
  agent_source: string | null
  agent_run: string | null
  agent_run_at: Date | null
  /** Day of the delivery that is owed. */
  owed: string | null
  trouble: { code: string; text: string; remedy: string; since: string } | null
  contact: Date | null
  /** How live capture goes: milliseconds behind the source, bytes the source keeps for it. */
  live: { phase: 'copying' | 'streaming' | 'waiting' | 'retrying'; lag?: number; retained?: number | null; at?: string } | null
  /** Where something of ours stands at a source; null: nowhere. */
  slot: any
  mapping: Mapping
  keys: string[]
  threshold: number
  options: ReadOptions
  system_id: string | null
  cadence: Cadence
  produced_item: string | null
  active: boolean
}
export type UploadRecord = { id: string; source_id: string; name: string; bytes: number; sha256: string; removed: Date | null }
export type BatchRecord = {
  id: string
  no: string
  source_id: string
  entry_id: string
  upload_id: string | null
  name: string
  state: BatchState
  options: ReadOptions
  threshold: number
  read: number
  accepted: number
  changed: number
  unchanged: number
  rejected: number
  waiting: number
  removed: number
  position: string
  messages: Message[]
  difference: Batch['difference']
  fingerprint: string | null
  sha256: string | null
  released: boolean
  reason: string | null
  attempt: number
  actor: Actor
  created: Date
  started: Date | null
  finished: Date | null
  produced: Date | null
  lag: number | null
  late: boolean
  reached: Position | null
  department_id: string
}
export type VerificationRecord = { batch_id: string; method: string; result: string; person: string; at: Date }
export type ProgressRecord = {
  phase: 'reading' | 'checking' | 'writing'
  rows: number
  estimate: number | null
  taken: number
  total: number | null
  started: Date
  updated: Date
}
type Db = Database | Tx

const rowsOf = async <T>(db: Db, q: RawBuilder<unknown>): Promise<T[]> => (await q.execute(db)).rows as T[]
const first = async <T>(db: Db, q: RawBuilder<unknown>): Promise<T | undefined> => (await rowsOf<T>(db, q))[0]

export const sourceById = (db: Db, id: string) => first<SourceRecord>(db, sql`select * from aggregation.source where id = ${id}`)
export const uploadById = (db: Db, id: string) => first<UploadRecord>(db, sql`select * from aggregation.upload where id = ${id}`)
export const batchById = (db: Db, id: string) =>
  first<BatchRecord>(
    db,
    sql`select b.*, s.department_id from aggregation.batch b join aggregation.source s on s.id = b.source_id where b.id = ${id}`,
  )
export const lockBatch = (tx: Tx, id: string) =>
  first<BatchRecord>(
    tx,
    sql`select b.*, s.department_id from aggregation.batch b join aggregation.source s on s.id = b.source_id where b.id = ${id} for update of b`,
  )
export const progressOf = (db: Db, ids: string[]) =>
  ids.length
    ? rowsOf<ProgressRecord & { batch_id: string }>(db, sql`select * from aggregation.progress where batch_id = any(${ids}::uuid[])`)
    : Promise.resolve([])
export const verificationsOf = (db: Db, batchIds: string[]) =>
  batchIds.length
    ? rowsOf<VerificationRecord>(
        db,
        sql`select batch_id, method, result, person, at from aggregation.verification where batch_id = any(${batchIds}::uuid[])`,
      )
    : Promise.resolve([])
/** Rejected lines of a batch by rule. */
export const rejectCounts = async (db: Db, batchId: string): Promise<Map<string, number>> =>
  new Map(
    (
      await rowsOf<{ rule: string; n: number }>(
        db,
        sql`select rule, count(distinct line)::int as n from aggregation.reject where batch_id = ${batchId} group by rule`,
      )
    ).map(r => [r.rule, r.n]),
  )
export const mountOf = (db: Db, entryId: string) =>
  first<{ relation: string; columns: string[]; keys: string[]; rows: number; updated: Date; batch_id: string }>(
    db,
    sql`select * from aggregation.mount where entry_id = ${entryId}`,
  )

/** A department sees its own; bureau and inspectors see their region. */
export const visibleTo = (actor: Actor) =>
  actor.roles.includes('bureau') || actor.roles.includes('inspector')
    ? sql`(s.department_id = ${actor.departmentId} or exists (select from organization.department_view d where d.id = s.department_id and d.region = ${actor.region}))`
    : sql`s.department_id = ${actor.departmentId}`
export const maySee = async (db: Db, actor: Actor, departmentId: string): Promise<boolean> =>
  departmentId === actor.departmentId ||
  !!(await first(db, sql`select 1 from (select ${departmentId}::uuid as department_id) s where ${visibleTo(actor)}`))

export async function listSources(
  db: Db,
  actor: Actor,
  q: { entry?: string; q?: string; after?: string; limit: number },
): Promise<{ rows: SourceRecord[]; total: number }> {
  const where = sql`${visibleTo(actor)}
    ${q.entry ? sql`and s.entry_id = ${q.entry}` : sql``}
    ${q.q ? sql`and (s.name ilike ${like(q.q)} or exists (select from catalog.entry_view e where e.id = s.entry_id and (e.title ilike ${like(q.q)} or e.code ilike ${like(q.q)})))` : sql``}`
  const rows = await rowsOf<SourceRecord>(
    db,
    sql`select s.* from aggregation.source s where ${where} ${q.after ? sql`and s.id < ${q.after}` : sql``} order by s.id desc limit ${q.limit}`,
  )
  const count = await first<{ n: number }>(db, sql`select count(*)::int as n from aggregation.source s where ${where}`)
  return { rows, total: count!.n }
}
const like = (text: string) => `%${text.replace(/[\\%_]/g, c => `\\${c}`)}%`

export async function listBatches(
  db: Db,
  actor: Actor,
  q: { entry?: string; source?: string; state?: BatchState; q?: string; after?: string; limit: number },
): Promise<{ rows: BatchRecord[]; total: number }> {
  const where = sql`${visibleTo(actor)}
    ${q.entry ? sql`and b.entry_id = ${q.entry}` : sql``}
    ${q.source ? sql`and b.source_id = ${q.source}` : sql``}
    ${q.state ? sql`and b.state = ${q.state}` : sql``}
    ${q.q ? sql`and (strpos(b.no, ${q.q}) > 0 or strpos(b.name, ${q.q}) > 0 or exists (select from catalog.entry_view e where e.id = b.entry_id and strpos(e.title, ${q.q}) > 0))` : sql``}`
  const from = sql`from aggregation.batch b join aggregation.source s on s.id = b.source_id where ${where}`
  const rows = await rowsOf<BatchRecord>(
    db,
    sql`select b.*, s.department_id ${from} ${q.after ? sql`and b.id < ${q.after}` : sql``} order by b.id desc limit ${q.limit}`,
  )
  const count = await first<{ n: number }>(db, sql`select count(*)::int as n ${from}`)
  return { rows, total: count!.n }
}

export const lastBatches = (db: Db, sourceIds: string[]) =>
  sourceIds.length
    ? rowsOf<BatchRecord>(
        db,
        sql`select distinct on (b.source_id) b.*, s.department_id from aggregation.batch b join aggregation.source s on s.id = b.source_id
            where b.source_id = any(${sourceIds}::uuid[]) order by b.source_id, b.id desc`,
      )
    : Promise.resolve([])

export type EntryHead = { id: string; code: string; title: string; department: string }
export const entryHeads = async (db: Db, ids: string[]): Promise<Map<string, EntryHead>> =>
  new Map(
    (ids.length
      ? await rowsOf<EntryHead>(db, sql`select id, code, title, department from catalog.entry_view where id = any(${ids}::uuid[])`)
      : []
    ).map(e => [e.id, e]),
  )

export type RejectRecord = {
  id: number
  line: number
  item: string | null
  rule: string
  value: string | null
  note: string | null
  row: string[] | null
  /** Number of the batch that brought the row in, corrected. */
  mended_no: string | null
}
export async function listRejects(db: Db, batchId: string, q: { rule?: string; item?: string; after?: string; limit: number }) {
  const where = sql`batch_id = ${batchId} ${q.rule ? sql`and rule = ${q.rule}` : sql``} ${q.item ? sql`and item = ${q.item}` : sql``}`
  const [line, id] = /^(\d+)\.(\d+)$/
    .exec(q.after ?? '')
    ?.slice(1)
    .map(Number) ?? [-1, 0]
  const [rows, count, rules, items] = await Promise.all([
    rowsOf<RejectRecord>(
      db,
      sql`select id, line, item, rule, value, note, (select no from aggregation.batch b where b.id = mended) as mended_no from aggregation.reject where ${where} and (line, id) > (${line}, ${id}) order by line, id limit ${q.limit}`,
    ),
    first<{ n: number }>(db, sql`select count(*)::int as n from aggregation.reject where ${where}`),
    rowsOf<{ rule: string; count: number }>(
      db,
      sql`select rule, count(*)::int as count from aggregation.reject where batch_id = ${batchId} group by rule order by 2 desc`,
    ),
    rowsOf<{ item: string; count: number }>(
      db,
      sql`select item, count(*)::int as count from aggregation.reject where batch_id = ${batchId} and item is not null group by item order by 2 desc`,
    ),
  ])
  return { rows, total: count!.n, rules, items }
}

/** How many rejected lines of which batch another one mended, where either is one of these. */
export const mendsOf = (db: Db, ids: string[]) =>
  ids.length
    ? rowsOf<{ batch_id: string; no: string; mended: string; lines: number }>(
        db,
        sql`select r.batch_id, b.no, r.mended, count(distinct r.line)::int as lines from aggregation.reject r join aggregation.batch b on b.id = r.batch_id
          where r.mended is not null and (r.mended = any(${ids}::uuid[]) or r.batch_id = any(${ids}::uuid[])) group by 1, 2, 3`,
      )
    : Promise.resolve([])

/** A page of the reject list as people and systems read it. `names`: of the items by key. */
export async function rejectPage(db: Db, batchId: string, q: Parameters<typeof listRejects>[2], names: Map<string, string>) {
  const { rows, ...rest } = await listRejects(db, batchId, q)
  return {
    ...rest,
    rows: rows.map(r => {
      const { label, reason, remedy } = explain(r.rule, r.value, r.note)
      return {
        line: r.line,
        item: r.item,
        itemName: r.item ? (names.get(r.item) ?? r.item) : '整行',
        value: r.value,
        rule: r.rule,
        ruleLabel: label,
        reason,
        remedy,
        mended: r.mended_no,
      }
    }),
    next: rows.length === q.limit ? `${rows.at(-1)!.line}.${rows.at(-1)!.id}` : null,
  }
}

/** All rejects by line, in pages, so that a large list never stands in memory. */
export async function* allRejects(db: Db, batchId: string): AsyncGenerator<RejectRecord> {
  let line = -1
  let id = 0
  for (;;) {
    const rows = await rowsOf<RejectRecord>(
      db,
      sql`select id, line, item, rule, value, note, row from aggregation.reject where batch_id = ${batchId} and (line, id) > (${line}, ${id}) order by line, id limit 5000`,
    )
    yield* rows
    if (rows.length < 5000) return
    line = rows.at(-1)!.line
    id = rows.at(-1)!.id
  }
}

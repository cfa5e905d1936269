import { sql } from 'kysely'
import type { BasePlan, ConflictState, DatabaseDetail, ThemePlan } from '../../../../contract/bases.ts'
import type { Database, Tx } from '../../../platform/db.ts'
import type { Part } from './rules.ts'

type Db = Database | Tx
export type Derived = {
  id: string
  kind: 'base' | 'theme'
  region: string
  theme: string
  title: string
  department_id: string
  entry_id: string | null
  plan: BasePlan | ThemePlan | null
  offer: DatabaseDetail['offer']
  version: number
  built: string | null
  stale: boolean
  refreshed: Date | null
  trouble: string | null
}
export const basePlan = (d: Pick<Derived, 'kind' | 'plan'>) => (d.kind === 'base' ? (d.plan as BasePlan | null) : null)
export const themePlan = (d: Pick<Derived, 'kind' | 'plan'>) => (d.kind === 'theme' ? (d.plan as ThemePlan | null) : null)

export const derivedById = async (db: Db, id: string): Promise<Derived | undefined> =>
  (await sql<Derived>`select * from aggregation.derived where id = ${id}`.execute(db)).rows[0]

/** The published versions of entries, as plans look at them. */
export async function partsOf(db: Db, ids: string[]): Promise<Map<string, Part>> {
  const rows = await db
    .selectFrom('catalog.entry_view')
    .select(['id', 'code', 'title', 'department', 'state', 'content'])
    .where('id', 'in', ids)
    .execute()
  return new Map(
    rows.map(r => [
      r.id!,
      {
        id: r.id!,
        code: r.code!,
        title: r.title!,
        department: r.department!,
        published: r.state === 'published',
        content: r.content as unknown as Part['content'],
      },
    ]),
  )
}

export type Listed = Derived & { department: string; code: string | null; rows: number | null; sources: number; open: number }
/** Not settled: nobody has said yet that the value stands. */
const open = sql`not exists (select from quality.report_view r where r.case_no = c.case_no and r.wrong = false)`
export const listDerived = async (db: Db, kind: Derived['kind'], regions: string[]): Promise<Listed[]> =>
  (
    await sql<Listed>`select d.*, o.name as department, e.code, m.rows,
        (select count(*)::int from aggregation.derived_source s where s.derived_id = d.id) as sources,
        (select count(*)::int from aggregation.conflict c where c.derived_id = d.id and c.closed is null and ${open}) as open
      from aggregation.derived d join organization.department_view o on o.id = d.department_id
      left join catalog.entry_view e on e.id = d.entry_id left join aggregation.mount m on m.entry_id = d.entry_id
      where d.kind = ${kind} and d.region = any(${regions}) order by d.theme`.execute(db)
  ).rows

export type RefreshRecord = {
  id: string
  no: number
  full: boolean
  touched: number
  added: number
  changed: number
  removed: number
  started: Date
  finished: Date
  nos: string[]
}
export const refreshesOf = async (db: Db, id: string): Promise<RefreshRecord[]> =>
  (
    await sql<RefreshRecord>`select r.*, array(select b.no from aggregation.batch b where b.id = any(r.batches) order by b.no) as nos
      from aggregation.refresh r where r.derived_id = ${id} order by r.no desc limit 10`.execute(db)
  ).rows
export const waitingFor = async (db: Db, id: string): Promise<number> =>
  (await sql<{ n: number }>`select count(*)::int as n from aggregation.derived_change where derived_id = ${id}`.execute(db)).rows[0]!.n

export const dueOf = async (db: Db): Promise<string[]> =>
  (
    await sql<{ id: string }>`select id from aggregation.derived d where entry_id is not null
      and (stale or exists (select from aggregation.derived_change c where c.derived_id = d.id))`.execute(db)
  ).rows.map(d => d.id)

export type ConflictCount = { item: string; chosen_entry: string; other_entry: string; open: number; settled: number; agreed: number }
export const conflictCounts = async (db: Db, id: string): Promise<ConflictCount[]> =>
  (
    await sql<ConflictCount>`select item, chosen_entry, other_entry, count(*) filter (where closed is null and ${open})::int as open,
        count(*) filter (where closed is null and not ${open})::int as settled, count(*) filter (where closed is not null)::int as agreed
      from aggregation.conflict c where derived_id = ${id} group by item, chosen_entry, other_entry order by 4 desc, 1`.execute(db)
  ).rows

export type ConflictRecord = {
  id: string
  item: string
  chosen_entry: string
  chosen_value: string
  other_entry: string
  other_value: string
  since: Date
  case_no: string | null
  state: keyof typeof import('../../../../contract/bases.ts').conflictStates
}
/** `entries`: only conflicts with a side among these; null: all. */
export async function listConflicts(
  db: Db,
  id: string,
  q: { entries: string[] | null; item?: string; state?: (typeof ConflictState)['_output']; case?: string; after?: string; limit: number },
): Promise<{ rows: ConflictRecord[]; total: number }> {
  const state = sql`case when c.closed is not null then 'agreed' when ${open} then 'open' else 'settled' end`
  const where = sql`c.derived_id = ${id}
    ${q.entries ? sql`and (c.chosen_entry = any(${q.entries}::uuid[]) or c.other_entry = any(${q.entries}::uuid[]))` : sql``}
    ${q.item ? sql`and c.item = ${q.item}` : sql``} ${q.case ? sql`and c.case_no = ${q.case}` : sql``}
    ${q.state ? sql`and ${state} = ${q.state}` : sql``}`
  // Counted, not by the last key: an identity number must not stand in an address.
  const { rows } =
    await sql<ConflictRecord>`select c.id, c.item, c.chosen_entry, c.chosen_value, c.other_entry, c.other_value, c.since, c.case_no, ${state} as state
    from aggregation.conflict c where ${where} order by c.id, c.item, c.other_entry limit ${q.limit} offset ${Number(q.after) || 0}`.execute(
      db,
    )
  const { rows: count } = await sql<{ n: number }>`select count(*)::int as n from aggregation.conflict c where ${where}`.execute(db)
  return { rows, total: count[0]!.n }
}

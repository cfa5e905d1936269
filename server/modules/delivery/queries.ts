import { sql } from 'kysely'
import type pg from 'pg'
import type { Item } from '../../../contract/catalog.ts'
import type { Actor } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import type { StandingMark } from '../quality/public.ts'
import type { GrantRecord } from './rules.ts'

/** A grant with its entry, its table and the names of all concerned. */
export type LoadedGrant = GrantRecord & {
  code: string
  title: string
  entryItems: Pick<Item, 'key' | 'name'>[]
  published: boolean
  /** There is a text that both sides sign. */
  agreement: boolean
  providerDepartmentId: string
  provider: string
  providerRegion: string
  grantee: string
  granteeRegion: string
  system: string
  relation: string | null
  columns: string[]
  keys: string[]
  /** Whether what was replaced is kept beside the table. */
  history: boolean
  /** 异议和疑义标注 in force; an empty record is the whole entry. */
  marked: { record: string; kind: StandingMark['kind']; item: string }[]
}

const select = `select g.id, g.no, g.version, g.state, g.state_reason as "stateReason", g.state_cite as "stateCite", g.state_at as "stateAt",
    g.entry_id as "entryId", g.grantee_department_id as "granteeDepartmentId", g.system_id as "systemId", g.items, g.row_filter as limits, g.purpose, g.basis, g.approver,
    g.valid_from as "from", g.valid_until as "until", g.quota_per_day as "quotaPerDay", g.case_no as "caseNo", g.method, g.cite,
    g.awaits, g.conditions, g.agreed_way as "agreedWay", exists (select from delivery.agreement a where a.grant_id = g.id) as agreement, g.matters, g.approved, g.effective,
    g.allowed_ips as "allowedIps", g.client_id as "clientId", g.credential,
    g.officer_id as "officerId", g.officer, g.former_officers as "formerOfficers",
    coalesce(e.code, '') as code, coalesce(e.title, '') as title, coalesce(e.state = 'published', false) as published,
    coalesce(e.content -> 'items', '[]') as "entryItems",
    e.department_id as "providerDepartmentId", coalesce(e.department, '') as provider, coalesce(e.region, '') as "providerRegion",
    coalesce(d.name, '') as grantee, coalesce(d.region, '') as "granteeRegion", coalesce(s.name, '') as system,
    m.relation, to_regclass(replace(m.relation, 'pool.e_', 'pool.h_')) is not null as history, coalesce(m.columns, '{}') as columns, coalesce(m.keys, '{}') as keys,
    coalesce((select jsonb_agg(jsonb_build_object('record', q.record, 'kind', q.kind, 'item', q.item)) from quality.mark_view q
      where q.entry_id = g.entry_id), '[]') as marked
  from delivery.grant g
  left join catalog.entry_view e on e.id = g.entry_id
  left join aggregation.mount_view m on m.entry_id = g.entry_id
  left join organization.department_view d on d.id = g.grantee_department_id
  left join organization.system_view s on s.id = g.system_id`

/** On the pool, not in a transaction: the path of every data call. */
export const loadGrantRow = async (pool: pg.Pool, id: string): Promise<LoadedGrant | undefined> =>
  (await pool.query<LoadedGrant>({ name: 'delivery.grant', text: `${select} where g.id = $1`, values: [id] })).rows[0]

export const findClient = async (
  pool: pg.Pool,
  clientId: string,
): Promise<{ id: string; secretHash: Buffer; credential: number } | undefined> =>
  (
    await pool.query({
      text: `select id, secret_hash as "secretHash", credential from delivery.grant where client_id = $1`,
      values: [clientId],
    })
  ).rows[0]

export const findAgreement = async (db: Database | Tx, id: string): Promise<{ text: string; digest: string; made: Date } | undefined> =>
  (await sql<any>`select text, digest, made from delivery.agreement where grant_id = ${id}`.execute(db)).rows[0]

/** Another grant without a case that gives the same for the same to the same system. */
export const twinOf = async (tx: Tx, id: string): Promise<string | undefined> =>
  (
    await sql<{ no: string }>`select o.no from delivery.grant g join delivery.grant o
        on (o.entry_id, o.grantee_department_id, o.system_id, o.purpose, o.items) = (g.entry_id, g.grantee_department_id, g.system_id, g.purpose, g.items)
      where g.id = ${id} and o.id <> g.id and o.case_id is null and o.state <> 'revoked' order by o.no limit 1`.execute(tx)
  ).rows[0]?.no

export const lockGrant = async (
  tx: Tx,
  id: string,
): Promise<{ id: string; no: string; state: GrantRecord['state']; version: number } | undefined> =>
  (await sql<any>`select id, no, state, version from delivery.grant where id = ${id} for update`.execute(tx)).rows[0]

/** Which grants a person sees: their department's on either side, those of their region when it is the authority, all for inspectors. */
export const visibleTo = (actor: Actor) =>
  actor.roles.includes('inspector')
    ? sql`true`
    : actor.departmentRoles.includes('authority')
      ? sql`(g.grantee_department_id = ${actor.departmentId} or e.department_id = ${actor.departmentId} or d.region = ${actor.region} or e.region = ${actor.region})`
      : sql`(g.grantee_department_id = ${actor.departmentId} or e.department_id = ${actor.departmentId})`

export type GrantListQuery = {
  side: 'received' | 'given' | 'all'
  state?: string | undefined
  q?: string | undefined
  after?: string | undefined
  limit: number
}
export async function listGrants(db: Database, actor: Actor, query: GrantListQuery, day: string) {
  const like = query.q ? `%${query.q.replace(/[\\%_]/g, c => `\\${c}`)}%` : null
  const state = sql`case when g.state = 'active' and g.valid_until < ${day}::date then 'expired' else g.state end`
  const where = sql`${visibleTo(actor)}
    ${query.side === 'received' ? sql`and g.grantee_department_id = ${actor.departmentId}` : sql``}
    ${query.side === 'given' ? sql`and e.department_id = ${actor.departmentId}` : sql``}
    ${query.state ? sql`and ${state} = ${query.state}` : sql``}
    ${like ? sql`and (e.title ilike ${like} or g.no ilike ${like} or d.name ilike ${like} or e.code ilike ${like} or s.name ilike ${like})` : sql``}`
  const from = sql`delivery.grant g left join catalog.entry_view e on e.id = g.entry_id
    left join organization.department_view d on d.id = g.grantee_department_id left join organization.system_view s on s.id = g.system_id`
  const { rows } =
    await sql<any>`select g.id, g.no, coalesce(e.code, '') as code, coalesce(e.title, '') as title, coalesce(e.department, '') as provider,
      coalesce(d.name, '') as grantee, coalesce(s.name, '') as system, ${state} as state, g.valid_until as until,
      jsonb_array_length(g.items) as items, (select max(at) from delivery.call c where c.grant_id = g.id) as "lastCall",
      (select count(*) from delivery.call c where c.grant_id = g.id and c.day = ${day}::date) as "callsToday"
    from ${from} where ${where} ${query.after ? sql`and g.no < ${query.after}` : sql``} order by g.no desc limit ${query.limit}`.execute(db)
  const total = (await sql<{ n: number }>`select count(*) as n from ${from} where ${where}`.execute(db)).rows[0]!.n
  return { rows, total }
}

export async function listCalls(db: Database, grantId: string, after: string | undefined, limit: number) {
  const { rows } =
    await sql<any>`select id, seq, at, operator, case_ref as "caseRef", method, rows, status, code, milliseconds from delivery.call
    where grant_id = ${grantId} ${after && /^\d{1,18}$/.test(after) ? sql`and id < ${after}` : sql``} order by id desc limit ${limit}`.execute(
      db,
    )
  const total = (await sql<{ n: number }>`select count(*) as n from delivery.call where grant_id = ${grantId}`.execute(db)).rows[0]!.n
  return { rows, total }
}

export const usageByDay = async (db: Database, grantId: string, from: string, to: string) =>
  (
    await sql<{ day: string; ok: number; refused: number; rows: number }>`select d::date as day,
        count(c.id) filter (where c.status < 400) as ok, count(c.id) filter (where c.status >= 400) as refused, coalesce(sum(c.rows), 0)::bigint as rows
      from generate_series(${from}::date, ${to}::date, interval '1 day') d left join delivery.call c on c.grant_id = ${grantId} and c.day = d::date
      group by 1 order by 1`.execute(db)
  ).rows

export type UseQuery = {
  side: 'received' | 'given' | 'all'
  /** Codes of refusals; null: all refusals but those of `not`. */
  refused?: { codes: string[] } | { not: string[] } | undefined
  q?: string | undefined
  from: string
  to: string
  after?: string | undefined
  limit: number
}
/** The book of uses. What was taken in detail comes from the ledger's record; the list itself is quick and may miss the last moment. */
export async function listUses(db: Database, actor: Actor, query: UseQuery) {
  const like = query.q ? `%${query.q.replace(/[\\%_]/g, c => `\\${c}`)}%` : null
  const refused = query.refused
  const scope = sql`c.day between ${query.from}::date and ${query.to}::date and ${visibleTo(actor)}
    ${query.side === 'received' ? sql`and g.grantee_department_id = ${actor.departmentId}` : sql``}
    ${query.side === 'given' ? sql`and e.department_id = ${actor.departmentId}` : sql``}
    ${like ? sql`and (e.title ilike ${like} or g.no ilike ${like} or d.name ilike ${like} or e.department ilike ${like} or c.operator ilike ${like} or c.case_ref ilike ${like})` : sql``}`
  const which = !refused
    ? sql``
    : 'codes' in refused
      ? sql`and c.status >= 400 and c.code = any(${refused.codes})`
      : sql`and c.status >= 400 and not coalesce(c.code, '') = any(${refused.not})`
  const from = sql`delivery.call c join delivery.grant g on g.id = c.grant_id left join catalog.entry_view e on e.id = g.entry_id
    left join organization.department_view d on d.id = g.grantee_department_id`
  const { rows } = await sql<{
    id: number
    seq: number | null
    at: Date
    purpose: string
    person: string
    approver: string
    content: string
    method: string
    caseRef: string
    grantee: string
    provider: string
    grantId: string
    grant: string
    status: number
    code: string | null
  }>`select c.id, c.seq, c.at, coalesce(a.purpose, g.purpose) as purpose, c.operator as person, g.approver,
      case when c.status >= 400 then e.title || '（' || e.code || '）' || coalesce('，要的是 ' || (a.data ->> 'asked'), '')
        else coalesce(a.content, e.title || '（' || e.code || '）' || c.rows || ' 行') end as content, c.method, c.case_ref as "caseRef",
      coalesce(d.name, '') as grantee, coalesce(e.department, '') as provider, g.id as "grantId", g.no as grant, c.status, c.code
    from ${from} left join audit.entry_view a on a.seq = c.seq
    where ${scope} ${which} ${query.after && /^\d{1,18}$/.test(query.after) ? sql`and c.id < ${query.after}` : sql``} order by c.id desc limit ${query.limit}`.execute(
    db,
  )
  const total = (await sql<{ n: number }>`select count(*)::int as n from ${from} where ${scope} ${which}`.execute(db)).rows[0]!.n
  const { rows: refusals } = await sql<{ code: string | null; count: number; departments: string[] }>`
    select c.code, count(*)::int as count, array_agg(distinct g.grantee_department_id::text) as departments from ${from}
    where ${scope} and c.status >= 400 group by 1`.execute(db)
  return { rows, total, refusals }
}

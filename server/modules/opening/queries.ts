import { sql } from 'kysely'
import type pg from 'pg'
import type { Item, OpenClass } from '../../../contract/catalog.ts'
import type { Cite } from '../../../contract/common.ts'
import type { Basis } from '../../../contract/procedure.ts'
import type { Actor } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { regionName } from '../regulation/public.ts'
import type { Attributes } from './attributes.ts'
import type { OpenRecords } from './gate.ts'
import type { Findings, State, Treatment } from './rules.ts'
import type { Profile } from './scan.ts'
import { wordsVersion } from './words.ts'

type Content = {
  title: string
  abstract: string
  items: Item[]
  openClass?: OpenClass
  updateCycle?: string
  theme?: string
  formatClass?: number
  formatType?: string
  openConditions?: string
  origin?: string
  secrecy?: { declared: boolean }
  openBasis?: Basis
  openExclusion?: { ground: string; evidence: Record<string, string> }
  sharedFrom?: string
  relatedCodes?: string[]
}
export type Listing = {
  version: number
  state: 'open' | 'withdrawn'
  items: { key: string; treatment: Treatment }[]
  theme: string
  description: string
  published: string
  caseNo: string | null
  approver: string
  cite: Cite
  withdrawnReason: string | null
  withdrawnCite: Cite | null
  profile: Profile | null
  profileMark: string | null
  openClass: 'open' | 'conditional'
  useRequirements: string
  records: OpenRecords
  attributes: Attributes | null
}
/** An entry as opening sees it: published content, table, listing and a proposal under review. */
export type OpenEntry = {
  entryId: string
  code: string
  title: string
  department: string
  departmentId: string
  region: string
  regionName: string
  state: string
  version: number | null
  content: Content | null
  openClass: OpenClass | null
  relation: string | null
  columns: string[]
  keys: string[]
  rows: number
  updated: Date | null
  /** State of the table's data; changes with every batch that commits. */
  mark: string
  listing: Listing | null
  pending: { id: string; caseNo: string; state: 'pending' | 'reviewed' } | null
  departmentKind: string
  byReference: boolean
  /** Found secret: nobody learns its name here. */
  secret: boolean
}

export const markOf = (m: string) => `coalesce(${m}.batch::text, '') || '@' || coalesce(${m}.updated::text, '')`

export async function findEntry(pool: pg.Pool, where: { urlCode: string } | { entryId: string }): Promise<OpenEntry | undefined> {
  const [condition, value] = 'urlCode' in where ? [`replace(e.code, '/', '-') = $1`, where.urlCode] : ['e.id = $1', where.entryId]
  const { rows } = await pool.query(
    `select e.id as "entryId", e.code, e.title, e.department, e.department_id as "departmentId", e.region, 
      e.state, e.version, e.content, e.open_class as "openClass",
      m.relation, coalesce(m.columns, '{}') as columns, coalesce(m.keys, '{}') as keys, coalesce(m.rows, 0)::bigint as rows, m.updated, coalesce(${markOf('m')}, '') as mark,
      case when l.entry_id is not null then json_build_object('version', l.version, 'state', l.state, 'items', l.items, 'theme', l.theme,
        'description', l.description, 'published', l.published, 'caseNo', l.case_no, 'approver', l.approver, 'cite', l.cite,
        'withdrawnReason', l.withdrawn_reason, 'withdrawnCite', l.withdrawn_cite, 'profile', l.profile, 'profileMark', l.profile_mark,
        'openClass', l.open_class, 'useRequirements', l.use_requirements, 'records', l.records, 'attributes', l.attributes) end as listing,
      case when p.id is not null then json_build_object('id', p.id, 'caseNo', coalesce(p.case_no, ''), 'state', p.state) end as pending,
      d.kind as "departmentKind", d.by_reference as "byReference",
      exists (select from opening.exclusion x where x.entry_id = e.id) as secret
    from catalog.entry_view e
    join organization.department_view d on d.id = e.department_id
    left join aggregation.mount_view m on m.entry_id = e.id
    left join opening.listing l on l.entry_id = e.id
    left join opening.proposal p on p.entry_id = e.id and p.state in ('pending', 'reviewed')
    where ${condition} limit 1`,
    [value],
  )
  return rows[0] && { ...rows[0], regionName: regionName(rows[0].region) }
}

export const stateOf = (e: Pick<OpenEntry, 'pending' | 'listing'>): State =>
  e.pending ? (e.pending.state === 'reviewed' ? 'reviewed' : 'in-review') : (e.listing?.state ?? 'none')

export const findScan = async (pool: pg.Pool, entryId: string): Promise<{ mark: string; findings: Record<string, Findings> } | undefined> =>
  (await pool.query('select mark, findings from opening.scan where entry_id = $1', [entryId])).rows[0]

export const storeScan = (pool: pg.Pool, entryId: string, mark: string, findings: Record<string, Findings>) =>
  pool.query(
    `insert into opening.scan (entry_id, mark, findings) values ($1, $2, $3)
     on conflict (entry_id) do update set mark = excluded.mark, findings = excluded.findings, at = now()`,
    [entryId, mark, JSON.stringify(findings)],
  )

export const storeProfile = (pool: pg.Pool, entryId: string, version: number, mark: string, profile: Profile) =>
  pool.query('update opening.listing set profile = $3, profile_mark = $4 where entry_id = $1 and version = $2', [
    entryId,
    version,
    JSON.stringify(profile),
    mark,
  ])

export type Proposal = {
  id: string
  entryId: string
  items: { key: string; treatment: Treatment }[]
  theme: string
  description: string
  caseNo: string
  openClass: 'open' | 'conditional'
  useRequirements: string
  records: OpenRecords
  attributes: Attributes | null
}
const proposalColumns = sql`id, entry_id as "entryId", items, theme, description, case_no as "caseNo", open_class as "openClass",
  use_requirements as "useRequirements", records, attributes`
export const lockProposal = async (tx: Tx, caseId: string): Promise<Proposal | undefined> =>
  (
    await sql<Proposal>`select ${proposalColumns} from opening.proposal where case_id = ${caseId} and state = 'pending' for update`.execute(
      tx,
    )
  ).rows[0]
/** The proposal of an entry under review. */
export const lockPending = async (tx: Tx, entryId: string): Promise<Proposal | undefined> =>
  (
    await sql<Proposal>`select ${proposalColumns} from opening.proposal where entry_id = ${entryId} and state = 'pending' for update`.execute(
      tx,
    )
  ).rows[0]
/** The proposal of an entry that passed its review and waits to be published. */
export const lockReviewed = async (tx: Tx, entryId: string): Promise<Proposal | undefined> =>
  (
    await sql<Proposal>`select ${proposalColumns} from opening.proposal where entry_id = ${entryId} and state = 'reviewed' for update`.execute(
      tx,
    )
  ).rows[0]

/** The open list as staff see it: own department's entries, the region's for its authority, all for inspectors; what is open for everybody. */
export async function listForStaff(
  db: Database,
  actor: Actor,
  query: { q?: string | undefined; state?: State | undefined; after?: string | undefined; limit: number },
) {
  const like = query.q ? `%${query.q.replace(/[\\%_]/g, c => `\\${c}`)}%` : null
  const state = sql`case p.state when 'pending' then 'in-review' when 'reviewed' then 'reviewed' else coalesce(l.state, 'none') end`
  const mine = actor.roles.includes('inspector')
    ? sql`true`
    : actor.departmentRoles.includes('authority')
      ? sql`(e.department_id = ${actor.departmentId} or e.region = ${actor.region} or l.state = 'open')`
      : sql`(e.department_id = ${actor.departmentId} or l.state = 'open')`
  const from = sql`catalog.entry_view e left join opening.listing l on l.entry_id = e.id
    left join opening.proposal p on p.entry_id = e.id and p.state in ('pending', 'reviewed')
    where (e.state = 'published' or l.entry_id is not null) and not exists (select from opening.exclusion x where x.entry_id = e.id)
    and (l.entry_id is not null or e.open_class in ('open', 'conditional')) and ${mine}
    ${query.state ? sql`and ${state} = ${query.state}` : sql``}
    ${like ? sql`and (e.title ilike ${like} or e.code ilike ${like} or e.department ilike ${like})` : sql``}`
  const { rows } =
    await sql<any>`select e.code, e.title, e.department, e.region, e.open_class as "openClass", ${state} as state, l.published,
      coalesce((select sum(downloads) from opening.counter c where c.entry_id = e.id), 0)::bigint as downloads
    from ${from} ${query.after ? sql`and e.code > ${query.after}` : sql``} order by e.code limit ${query.limit}`.execute(db)
  const total = (await sql<{ n: number }>`select count(*) as n from ${from}`.execute(db)).rows[0]!.n
  return { rows, total }
}

export type OpenRow = {
  entryId: string
  code: string
  title: string
  department: string
  region: string
  regionName: string
  theme: string
  openClass: OpenClass
  cycle: string | null
  abstract: string
  updated: Date | null
  published: string
  rows: number
  downloads: number
  calls: number
  rank: number
  items: string[]
}
/** Every open data set that a search finds. Some thousands at most, so facets and pages are made from this one list. */
export async function searchListings(pool: pg.Pool, tsquery: string, like: string | null): Promise<OpenRow[]> {
  const { rows } = await pool.query(
    `select e.id as "entryId", e.code, e.title, e.department, e.region, l.theme,
      case when l.open_class = 'conditional' then 'conditional' else e.open_class end as "openClass",
      coalesce(l.attributes ->> 'updateCycle', e.content ->> 'updateCycle') as cycle,
      coalesce(l.attributes ->> 'abstract', e.content ->> 'abstract', '') as abstract, m.updated, l.published, coalesce(m.rows, 0)::bigint as rows,
      coalesce(c.downloads, 0)::bigint as downloads, coalesce(c.calls, 0)::bigint as calls,
      case when $1::text = '' then 0 else ts_rank('{0.1,0.2,0.5,1}', l.words, $1::tsquery) + case when e.title ilike $2 then 1 else 0 end end::float8 as rank,
      array(select i.value ->> 'name' from jsonb_array_elements(e.content -> 'items') i
        where i.value ->> 'key' in (select x ->> 'key' from jsonb_array_elements(l.items) x)) as items
    from opening.listing l
    join catalog.entry_view e on e.id = l.entry_id and e.state = 'published' and e.open_class in ('open', 'conditional')
    left join aggregation.mount_view m on m.entry_id = e.id
    left join lateral (select sum(downloads) as downloads, sum(calls) as calls from opening.counter c where c.entry_id = e.id) c on true
    where l.state = 'open' and ($2::text is null or l.words @@ $1::tsquery or e.title ilike $2 or e.code = $3)`,
    [tsquery, like ? `%${like.replace(/[\\%_]/g, c => `\\${c}`)}%` : null, like],
  )
  return rows.map(r => ({ ...r, regionName: regionName(r.region) }))
}

/** Listings whose search words are of an older version of the entry. */
export const staleWords = async (
  pool: pg.Pool,
): Promise<{ entryId: string; version: number; content: Content; open: string[]; department: string; theme: string }[]> =>
  (
    await pool.query(
      `select e.id as "entryId", e.version, e.content, e.department, l.theme, array(select x ->> 'key' from jsonb_array_elements(l.items) x) as open from opening.listing l
      join catalog.entry_view e on e.id = l.entry_id where l.state = 'open' and e.state = 'published' and l.indexed_version <> e.version * 10 + $1 limit 500`,
      [wordsVersion],
    )
  ).rows

/** Words that stand most often in the titles of open data sets. */
export const frequentWords = async (pool: pg.Pool, n: number): Promise<string[]> =>
  (
    await pool.query<{ word: string }>(
      `select word from ts_stat($$select words from opening.listing where state = 'open'$$, 'a')
       where length(word) between 3 and 8 and word !~ '^[0-9.]+$' order by ndoc desc, length(word) desc, word limit $1`,
      [n],
    )
  ).rows.map(r => r.word)

export const countersOf = async (pool: pg.Pool, entryId: string): Promise<{ downloads: number; calls: number }> =>
  (
    await pool.query(
      'select coalesce(sum(downloads), 0)::bigint as downloads, coalesce(sum(calls), 0)::bigint as calls from opening.counter where entry_id = $1',
      [entryId],
    )
  ).rows[0]

/** Is the entry in the newest published version of its department's list? */
export const inPublishedList = async (tx: Tx | Database, departmentId: string, cls: string, entryId: string): Promise<boolean> =>
  (
    await sql<{ ok: boolean }>`select coalesce((select ${entryId}::uuid = any (entries) from opening.list
      where department_id = ${departmentId} and class = ${cls} order by version desc limit 1), false) as ok`.execute(tx)
  ).rows[0]!.ok

/** How often the public asked for an entry to be opened. */
export const demandsFor = async (pool: pg.Pool, entryId: string): Promise<number> =>
  (await pool.query("select count(*)::int as n from procedure.case_view where procedure = 'open-demand' and subject_id = $1", [entryId]))
    .rows[0].n

/** Rows of the last finished batch, and how many of them the checks turned away. */
export const lastBatch = async (pool: pg.Pool, entryId: string): Promise<{ read: number; rejected: number } | null> =>
  (
    await pool.query(
      `select read::int as read, rejected::int as rejected from aggregation.batch_view where entry_id = $1 and state = 'done' order by finished desc nulls last limit 1`,
      [entryId],
    )
  ).rows[0] ?? null

/** Does the entry hold what its department got by sharing? As declared, or because a related entry is one it has a grant for. */
export const isShared = async (pool: pg.Pool, e: OpenEntry): Promise<boolean> =>
  !!e.content?.sharedFrom ||
  (
    await pool.query<{ ok: boolean }>(
      `select exists (select from delivery.grant_view g join catalog.entry_view s on s.id = g.entry_id
         where g.grantee_department_id = $1 and s.code = any ($2)) as ok`,
      [e.departmentId, e.content?.relatedCodes ?? []],
    )
  ).rows[0]!.ok

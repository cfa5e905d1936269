import { sql } from 'kysely'
import { actionLabels, dataActions, type LedgerRow, operations } from '../../../contract/audit.ts'
import { regionPrefix } from '../../../contract/common.ts'
import { addDays, addMonths } from '../../platform/clock.ts'
import type { Actor } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'

/** Whose records this person sees: auditors all, authorities and inspectors their region and those below, departments their own. */
export function scopeOf(actor: Actor): { kind: 'all' | 'region' | 'department'; words: string } {
  if (actor.roles.includes('audit_admin')) return { kind: 'all', words: '全部记录' }
  if (actor.roles.includes('inspector') || actor.roles.includes('bureau')) return { kind: 'region', words: '本地区的记录' }
  return { kind: 'department', words: `${actor.department} 的记录，以及他人对本部门数据的取用` }
}

export type LedgerFilter = {
  department?: string
  person?: string
  action?: string
  subject?: string
  caseNo?: string
  key?: string
  from?: string
  to?: string
  reads?: boolean
  operation?: keyof typeof operations
  after?: string | undefined
  limit: number
}

// Counting further takes longer than anybody looks.
const countTo = 10_000
// A part of a code or title is looked for in these newest records only.
const partWithin = 200_000

export type LedgerPage = { rows: LedgerRow[]; next: string | null; total: number; more: boolean; partly: boolean }

/**
 * One page of the ledger, newest month first and in it by number. Month by month, because one statement over all partitions takes longer to
 * plan than to run, and because most questions are answered before the first month ends. `after` is a month and a number in it.
 */
export async function ledgerPage(db: Database, actor: Actor, f: LedgerFilter): Promise<LedgerPage> {
  const page: LedgerPage = { rows: [], next: null, total: 0, more: false, partly: false }
  const fits: Sql[] = []
  const scope = scopeOf(actor)
  if (scope.kind === 'region') fits.push(sql`region like ${`${regionPrefix(actor.region)}%`}`)
  if (scope.kind === 'department') fits.push(sql`(department_id = ${actor.departmentId} or provider_id = ${actor.departmentId})`)
  for (const kind of ['department', 'person'] as const) {
    if (!f[kind]) continue
    const names = await namesLike(db, kind, f[kind])
    if (!names.length) return page
    fits.push(sql`${sql.ref(kind)} = any(${names})`)
  }
  if (f.action) fits.push(sql`action = ${f.action}`)
  if (f.operation) fits.push(sql`action = any(${[...operations[f.operation]]})`)
  if (f.reads) fits.push(sql`action = any(${[...dataActions]})`)
  if (f.caseNo) fits.push(sql`case_no = ${f.caseNo}`)
  if (f.key) fits.push(sql`key = ${Buffer.from(f.key, 'hex')}`)
  if (f.from) fits.push(sql`at >= ${`${f.from} 00:00:00+08`}::timestamptz`)
  if (f.to) fits.push(sql`at < ${`${f.to} 00:00:00+08`}::timestamptz + interval '1 day'`)

  const within = (m: Month) => sql`at >= ${m.start}::timestamptz and at < ${m.end}::timestamptz`
  let months = (await monthsOf(db)).filter(m => (!f.from || m.last >= f.from) && (!f.to || m.first <= f.to))
  // What is rare is found sooner by one statement over all of them than by one for each.
  if (months.length && (f.caseNo || f.key)) months = [{ ...months[0]!, start: months.at(-1)!.start, first: months.at(-1)!.first }]
  if (f.subject) {
    page.partly = true
    for (const m of months) {
      const { rows } = await sql`select 1 from audit.entry where ${within(m)} and subject = ${f.subject} limit 1`.execute(db)
      if (!rows.length) continue
      page.partly = false
      break
    }
    if (page.partly) fits.push(sql`subject like ${`%${escapeLike(f.subject)}%`}`, sql`seq > ${(await newestSeq(db)) - partWithin}`)
    else fits.push(sql`subject = ${f.subject}`)
  }
  const [afterMonth, afterSeq] = (f.after ?? '').split('.')
  const found: (Record<string, any> & { month: string })[] = []
  for (const m of months) {
    const where = sql.join([within(m), ...fits], sql` and `)
    // One at least: whether this month has something for the page.
    const room = Math.max(1, countTo + 1 - page.total)
    const { rows: counted } = await sql<{ n: number }>`
      select count(*) as n from (select 1 from audit.entry where ${where} limit ${room}) x`.execute(db)
    const n = Number(counted[0]!.n)
    page.total += n
    if (n && found.length <= f.limit && (!afterMonth || m.name <= afterMonth)) {
      const before = m.name === afterMonth ? sql`and seq < ${Math.min(Number(afterSeq) || 0, Number.MAX_SAFE_INTEGER)}` : sql``
      const { rows } = await sql<Record<string, any>>`
        select * from audit.entry where ${where} ${before} order by seq desc limit ${f.limit + 1 - found.length}`.execute(db)
      found.push(...rows.map(r => ({ ...r, month: m.name })))
    }
    // Both are known: how many there are, as far as anybody counts, and what is on the page.
    if (page.total > countTo && found.length > f.limit) break
  }
  page.more = page.total > countTo
  page.total = Math.min(page.total, countTo)
  const shown = found.slice(0, f.limit)
  const last = shown.at(-1)
  return { ...page, rows: shown.map(toRow), next: found.length > f.limit ? `${last!.month}.${last!.seq}` : null }
}

/** One record, when this person may see it. */
export async function visibleRecord(db: Database, actor: Actor, seq: number): Promise<Record<string, any> | undefined> {
  const row = (await db.selectFrom('audit.entry').selectAll().where('seq', '=', seq).executeTakeFirst()) as Record<string, any> | undefined
  if (!row) return undefined
  const scope = scopeOf(actor).kind
  const seen =
    scope === 'all' ||
    (scope === 'region'
      ? row.region?.startsWith(regionPrefix(actor.region))
      : row.department_id === actor.departmentId || row.provider_id === actor.departmentId)
  return seen ? row : undefined
}

type Sql = ReturnType<typeof sql>
type Month = { name: string; start: string; end: string; first: string; last: string }

/** The months that have a partition, newest first. */
async function monthsOf(db: Database): Promise<Month[]> {
  const { rows } = await sql<{ name: string }>`
    select right(c.relname, 6) as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'audit.entry'::regclass order by 1 desc`.execute(db)
  return rows.map(({ name }) => {
    const first = `${name.slice(0, 4)}-${name.slice(4)}-01`
    const next = addMonths(first, 1)
    return { name, first, last: addDays(next, -1), start: `${first} 00:00:00+08`, end: `${next} 00:00:00+08` }
  })
}

const newestSeq = async (db: Database): Promise<number> =>
  (await sql<{ seq: number | null }>`select max(seq) as seq from audit.entry`.execute(db)).rows[0]!.seq ?? 0

const namesLike = async (db: Database, kind: 'department' | 'person', part: string): Promise<string[]> =>
  (
    await sql<{
      name: string
    }>`select name from audit.name where kind = ${kind} and name like ${`%${escapeLike(part)}%`} limit 2000`.execute(db)
  ).rows.map(r => r.name)

const escapeLike = (text: string) => text.replace(/[\\%_]/g, c => `\\${c}`)

export const toRow = (r: any): LedgerRow => ({
  seq: r.seq,
  at: r.at.toISOString(),
  action: r.action,
  label: (actionLabels as Record<string, string>)[r.action] ?? r.action,
  person: r.person,
  department: r.department,
  region: r.region,
  purpose: r.purpose,
  approver: r.approver,
  content: r.content,
  method: r.method,
  medium: r.medium,
  subject: r.subject,
  caseNo: r.case_no,
  cite: r.cite,
})

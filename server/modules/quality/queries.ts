import { sql } from 'kysely'
import { regionPrefix } from '../../../contract/common.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import type { BoardRow, CheckKind, EntryQuality, entryScores } from '../../../contract/quality.ts'
import { dayOf } from '../../platform/clock.ts'
import type { StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { notFound } from '../../platform/problem.ts'
import { filledAt, freshness, type PublishedEntry, publishedEntry } from '../catalog/public.ts'
import { clockOf, govern, governProcedure, workingDaysBetween } from '../regulation/public.ts'
import { doubtText, marksOf, markText } from './reports.ts'
import { dimensionsOf, type Facts, type Measure, meanOf, type RuleCount } from './scores.ts'

/** The latest delivery's measures of each entry, and what else a score is made of. */
async function factsOf(
  db: Database,
  entries: Pick<PublishedEntry, 'id' | 'content'>[],
  now: Date,
): Promise<Map<string, Facts & { batchNo: string | null }>> {
  const ids = entries.map(e => e.id)
  if (!ids.length) return new Map()
  const { rows: measures } = await sql<{
    entry_id: string
    kind: CheckKind
    checked: string
    failed: string
    note: string
    batch_no: string
  }>`
    select m.entry_id, m.kind, m.checked, m.failed, m.note, m.batch_no from quality.measure m
    join (select distinct on (entry_id) entry_id, batch_id from quality.measure where entry_id = any(${ids}::uuid[]) order by entry_id, at desc, batch_no desc) l
      on l.entry_id = m.entry_id and l.batch_id = m.batch_id order by m.kind`.execute(db)
  const { rows: rules } = await sql<RuleCount & { entry_id: string }>`
    select r.entry_id, r.title, r.dimension, r.weight, r.checked, r.failed, r.fault from quality.rule_result r
    join (select distinct on (entry_id) entry_id, batch_id from quality.score where entry_id = any(${ids}::uuid[]) order by entry_id, at desc, batch_no desc) l
      on l.entry_id = r.entry_id and l.batch_id = r.batch_id order by r.rule_id`.execute(db)
  const known = await standingOf(db, entries, now)
  return new Map(
    entries.map(e => {
      const mine = measures.filter(m => m.entry_id === e.id)
      return [
        e.id,
        {
          measures: mine.map((m): Measure => ({ kind: m.kind, checked: Number(m.checked), failed: Number(m.failed), note: m.note })),
          rules: rules.filter(r => r.entry_id === e.id),
          ...known.get(e.id)!,
          batchNo: mine[0]?.batch_no ?? null,
        },
      ]
    }),
  )
}

export type Standing = Pick<Facts, 'reports' | 'fresh' | 'rows'>
/** What a score is made of beside the counts of a delivery: how entries stand now. */
export async function standingOf(
  db: Database | Tx,
  entries: Pick<PublishedEntry, 'id' | 'content'>[],
  now: Date,
): Promise<Map<string, Standing>> {
  const ids = entries.map(e => e.id)
  const { rows: reports } = await sql<{ entry_id: string; settled: number; wrong: number }>`
    select entry_id, count(*)::int as settled, count(*) filter (where wrong)::int as wrong from quality.report
    where entry_id = any(${ids}::uuid[]) and wrong is not null group by entry_id`.execute(db)
  const filled = await filledAt(db, ids)
  return new Map(
    entries.map(e => {
      const mount = filled.get(e.id)
      const told = reports.find(r => r.entry_id === e.id)
      return [
        e.id,
        {
          reports: { settled: told?.settled ?? 0, wrong: told?.wrong ?? 0 },
          fresh: mount ? freshness(e.content.updateCycle, mount.updated, now) : null,
          rows: mount ? mount.rows : null,
        },
      ]
    }),
  )
}

export async function entryQualityOf(ctx: StaffContext, code: string): Promise<EntryQuality> {
  const entry = (await publishedEntry(ctx.db, { code })) ?? notFound('catalog.entry', '目录')
  const rule = govern(entry.region, 'quality-dimensions', ctx.day)
  // A key may be a person's number: only who answers for the data reads it here; users see the mark on the row they obtain.
  const mine = entry.department_id === ctx.actor.departmentId || (oversees(ctx) && entry.region.startsWith(below(ctx).slice(0, -1)))
  const facts = (await factsOf(ctx.db, [entry], ctx.now)).get(entry.id)!
  const dimensions = dimensionsOf(rule.value.dimensions, facts)
  const findings = await ctx.db
    .selectFrom('quality.finding')
    .selectAll()
    .where('entry_id', '=', entry.id)
    .where('closed', 'is', null)
    .orderBy('found', 'desc')
    .execute()
  return {
    entryId: entry.id,
    code: entry.code,
    title: entry.title,
    department: entry.department,
    score: meanOf(dimensions),
    measured: dimensions.filter(d => d.measured).length,
    dimensions: dimensions.map(({ weight: _, ...d }) => d),
    cite: rule.cite,
    inherited: rule.inherited,
    batchNo: facts.batchNo,
    findings: findings.map(f => ({
      id: f.id,
      dimension: f.dimension,
      label: f.label,
      kind: f.kind,
      failed: Number(f.failed),
      text: f.text,
      department: entry.department,
      batchNo: f.batch_no,
      found: f.found.toISOString(),
      closed: null,
      caseNo: f.case_no,
    })),
    marks: (await marksOf(ctx.db, entry.id)).map(m => ({
      caseNo: mine ? m.caseNo : null,
      whole: m.record === null,
      record: mine ? m.record : null,
      since: m.since.toISOString(),
      kind: m.kind,
      item: m.item,
      text: m.kind === 'objection' ? markText : doubtText([m.item]),
    })),
  }
}

const oversees = (ctx: StaffContext) => ctx.actor.roles.includes('bureau') || ctx.actor.roles.includes('inspector')
const below = (ctx: StaffContext) => `${regionPrefix(ctx.actor.region)}%`

/** Departments of the region for its authority, else one's own, each on the dimensions of its place. */
export async function departmentQualityOf(ctx: StaffContext) {
  const { rows: entries } = await sql<PublishedEntry>`
    select id, code, title, region, department_id, department, state, version, content from catalog.entry_view
    where state = 'published' and ${oversees(ctx) ? sql`region like ${below(ctx)}` : sql`department_id = ${ctx.actor.departmentId}`}`.execute(
    ctx.db,
  )
  const facts = await factsOf(ctx.db, entries, ctx.now)
  const { rows: open } = await sql<{ department_id: string; n: number }>`
    select department_id, count(*)::int as n from quality.finding where closed is null group by department_id`.execute(ctx.db)
  const departments = [...new Set(entries.map(e => e.department_id))]
  return {
    cite: govern(ctx.actor.region, 'quality-dimensions', ctx.day).cite,
    rows: departments
      .map(id => {
        const mine = entries.filter(e => e.department_id === id)
        const named = govern(mine[0]!.region, 'quality-dimensions', ctx.day).value.dimensions
        const scored = mine.map(e => dimensionsOf(named, facts.get(e.id)!))
        const dimensions = named.map(({ key, label }) => {
          const known = scored.flatMap(list => list.filter(d => d.key === key && d.measured))
          return { key, label, score: meanOf(known), measured: known.length }
        })
        return {
          departmentId: id,
          department: mine[0]!.department,
          entries: mine.length,
          measured: scored.filter(list => list.some(d => d.measured)).length,
          score: meanOf(dimensions),
          dimensions,
          findings: open.find(o => o.department_id === id)?.n ?? 0,
        }
      })
      .sort((a, b) => (a.score ?? 101) - (b.score ?? 101) || a.department.localeCompare(b.department, 'zh')),
  }
}

/** Entries by the score of their last delivery, the worst first, and the mean of every week. */
export async function entryScoresOf(
  ctx: StaffContext,
  q: { department?: string | undefined; limit: number },
): Promise<Reply<typeof entryScores>> {
  const mine = sql`e.state = 'published'
    and ${oversees(ctx) ? sql`e.region like ${below(ctx)}` : sql`e.department_id = ${ctx.actor.departmentId}`}
    ${q.department ? sql`and e.department_id = ${q.department}::uuid` : sql``}`
  const { rows } = await sql<{
    code: string
    title: string
    department: string
    total: number | null
    dimensions: { key: string; label: string; score: number | null }[]
    batch_no: string
    at: Date
    rules: number
    tickets: number
    all: number
  }>`
    select e.code, e.title, e.department, s.total, s.dimensions, s.batch_no, s.at, count(*) over () as all,
      (select count(*) from quality.rule r where r.entry_id = e.id and r.active and r.removed is null) as rules,
      (select count(*) from quality.ticket_view t where t.entry_id = e.id and not t.ended) as tickets
    from catalog.entry_view e
    cross join lateral (select * from quality.score s where s.entry_id = e.id order by at desc, batch_no desc limit 1) s
    where ${mine} order by s.total nulls last, e.code limit ${q.limit}`.execute(ctx.db)
  // An entry stands in each week with the last score it had until then.
  const { rows: trend } = await sql<{ week: string; score: number; entries: number }>`
    select w.week::date::text as week, round(avg(s.total)::numeric, 1)::float as score, count(*)::int as entries
    from generate_series(date_trunc('week', ${ctx.day}::date - interval '11 weeks'), ${ctx.day}::date, interval '1 week') w(week)
    cross join catalog.entry_view e
    cross join lateral (select total from quality.score s where s.entry_id = e.id and s.at < w.week + interval '1 week' order by at desc, batch_no desc limit 1) s
    where s.total is not null and ${mine} group by 1 order by 1`.execute(ctx.db)
  return {
    rows: rows.map(r => ({
      code: r.code,
      title: r.title,
      department: r.department,
      score: r.total,
      dimensions: r.dimensions.map(({ key, label, score }) => ({ key, label, score })),
      batchNo: r.batch_no,
      at: r.at.toISOString(),
      rules: r.rules,
      tickets: r.tickets,
    })),
    total: rows[0]?.all ?? 0,
    trend,
  }
}

type BoardRecord = {
  no: string
  procedure: string
  region: string
  state: string
  opened_at: Date
  ended_at: Date | null
  record: string
  wrong: boolean | null
  told: number | null
  title: string
  code: string
  department: string
}

/** The queue of everything said about wrong, doubtful or disputed data. */
export async function boardOf(ctx: StaffContext, q: { state: 'open' | 'ended' | 'all'; procedure?: string }) {
  const mine = sql`(r.department_id = ${ctx.actor.departmentId} or c.applicant_id = ${ctx.actor.departmentId})`
  const { rows } = await sql<BoardRecord & { id: string }>`
    select c.id, c.no, c.procedure, c.region, c.state, c.opened_at, c.ended_at, r.record, r.wrong, r.told, e.title, e.code, e.department
    from quality.report r join procedure.case_view c on c.id = r.case_id join catalog.entry_view e on e.id = r.entry_id
    where ${oversees(ctx) ? sql`(c.region like ${below(ctx)} or ${mine})` : mine}
      ${q.procedure ? sql`and c.procedure = ${q.procedure}` : sql``}
    order by c.ended_at is not null, c.opened_at limit 2000`.execute(ctx.db)
  const { rows: duties } = rows.length
    ? await sql<any>`select * from procedure.duty_view where case_id = any(${rows.map(r => r.id)}::uuid[])`.execute(ctx.db)
    : { rows: [] }
  const views = rows.map((r): BoardRow => {
    const p = governProcedure(r.region, r.procedure, ctx.day)?.value
    const step = p?.steps[r.state]
    const clocks = duties
      .filter(d => d.case_id === r.id)
      .map(d => ({ d, clock: clockOf({ ...d, inherited: null, estimated: false, stopped: !!d.stopped_on, also: null }, ctx.day) }))
    const running = clocks.filter(c => !c.d.ended).sort((a, b) => (a.clock.due ?? '9').localeCompare(b.clock.due ?? '9'))
    const ended = r.ended_at
    const end = ended ? dayOf(ended) : ctx.day
    return {
      no: r.no,
      procedure: r.procedure,
      label: p?.label ?? r.procedure,
      entry: r.title,
      code: r.code,
      record: r.record,
      state: r.state,
      stateLabel: step?.label ?? p?.ends[r.state]?.label ?? r.state,
      ended: !!ended,
      owner: running[0]?.d.debtor ?? r.department,
      opened: r.opened_at.toISOString(),
      age: Math.max(0, workingDaysBetween(dayOf(r.opened_at), end)),
      light: ended ? (clocks.some(c => c.clock.light === 'late') ? 'late' : 'done') : (running[0]?.clock.light ?? null),
      left: running[0]?.clock.left ?? null,
      word: running[0]?.clock.word ?? null,
      due: running[0]?.clock.due ?? null,
      extended: Math.max(0, ...clocks.map(c => Number(c.d.extended))),
      result: r.wrong === null ? null : r.wrong ? '确有错误' : '数据无误',
      told: r.told,
    }
  })
  const ended = views.filter(v => v.ended)
  return {
    rows: views.filter(v => q.state === 'all' || v.ended === (q.state === 'ended')),
    counts: {
      open: views.length - ended.length,
      overdue: views.filter(v => v.light === 'red').length,
      ended: ended.length,
      corrected: ended.filter(v => v.result === '确有错误').length,
      upheld: ended.filter(v => v.result === '数据无误').length,
      averageDays: ended.length ? Math.round((10 * ended.reduce((n, v) => n + v.age, 0)) / ended.length) / 10 : null,
    },
  }
}

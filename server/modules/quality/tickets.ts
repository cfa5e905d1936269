/** 质量问题单: opened against the owner by what a rule or a score says, closed by data that pass, or by a reason. */

import { sql } from 'kysely'
import { regionPrefix } from '../../../contract/common.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import type * as contract from '../../../contract/quality.ts'
import { addDays } from '../../platform/clock.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { Problem, refuse } from '../../platform/problem.ts'
import type { PublishedEntry } from '../catalog/public.ts'
import { departmentFor } from '../organization/public.ts'
import { type CaseRecord, notifyDepartments, registerHooks, startCase } from '../procedure/public.ts'
import { governProcedure } from '../regulation/public.ts'

/** A place that has a correction procedure of its own uses it; elsewhere the platform's applies. */
const procedureFor = (region: string, day: string) => {
  const own = governProcedure(region, 'correction-task', day)
  return own ? { name: 'correction-task', ruled: own } : { name: 'quality-ticket', ruled: governProcedure(region, 'quality-ticket', day) }
}
/** What a ticket is about. Its subject is the rule, or the entry's score; so each has one open ticket. */
export type Cause = { rule: { id: string; title: string } | null; text: string }
const subjectType = { rule: 'quality-rule', score: 'quality-score' }

export const openTickets = async (db: Database | Tx, entryId: string): Promise<{ case_no: string; rule_id: string | null }[]> =>
  (
    await sql<{
      case_no: string
      rule_id: string | null
    }>`select case_no, rule_id from quality.ticket_view where entry_id = ${entryId} and not ended order by case_no`.execute(db)
  ).rows

/** Opens one ticket per cause that has none open. A place without an authority, or whose text does not hold now, has none. */
export async function openTicketsFor(tx: Tx, ctx: Context, entry: PublishedEntry, causes: Cause[]): Promise<void> {
  if (!causes.length) return
  // Two deliveries counted at once must not open two.
  await sql`select pg_advisory_xact_lock(hashtextextended(${entry.id}, 17))`.execute(tx)
  const open = await openTickets(tx, entry.id)
  const { name, ruled } = procedureFor(entry.region, ctx.day)
  if (!ruled) return
  for (const cause of causes) {
    if (open.some(t => t.rule_id === (cause.rule?.id ?? null))) continue
    const what = cause.rule ? `${cause.rule.title}：${cause.text}` : cause.text
    try {
      const authority = await departmentFor(tx, ruled.adopter || entry.region, 'authority', ruled.roleLabels.authority ?? '主管部门').catch(
        () => null,
      )
      const c = await startCase(
        tx,
        { ...ctx, actor: null },
        {
          procedure: name,
          region: entry.region,
          subject: {
            type: cause.rule ? subjectType.rule : subjectType.score,
            id: cause.rule?.id ?? entry.id,
            code: entry.code,
            title: entry.title,
          },
          parties: { applicant: authority?.id ?? entry.department_id, provider: entry.department_id },
          form: { doubt: what.slice(0, 4000) },
          title: `${ruled.value.label}：${entry.title}`,
        },
      )
      await tx
        .insertInto('quality.ticket')
        .values({
          case_no: c.no,
          case_id: c.id,
          entry_id: entry.id,
          rule_id: cause.rule?.id ?? null,
          department_id: entry.department_id,
          region: entry.region,
          what,
          opened: ctx.day,
        })
        .execute()
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return
    }
  }
}

/** The owner hears that a delivery has passed what a ticket is about. */
export async function tellPassed(tx: Tx, ctx: Context, entry: PublishedEntry, passed: (string | null)[], batchNo: string): Promise<void> {
  for (const t of await openTickets(tx, entry.id))
    if (passed.includes(t.rule_id))
      await notifyDepartments(
        tx,
        ctx.now,
        [entry.department_id],
        `批次 ${batchNo} 已通过检查，问题单 ${t.case_no} 可以办结`,
        `/workbench/cases/${t.case_no}`,
      )
}

/** Refuses to close a ticket before a delivery has passed; undefined for a task that is no ticket. */
export async function passedSince(tx: Tx, c: CaseRecord): Promise<{ label: string; href: string } | undefined> {
  if (!Object.values(subjectType).includes(c.subject_type)) return undefined
  const { rows } = await sql<{ batch_no: string; passed: boolean; text: string }>`
    select s.batch_no,
      case when t.rule_id is null then s.total >= coalesce((select l.score from quality.score_limit l where l.entry_id = t.entry_id), 60)
        else r.fault = '' and r.failed <= u.threshold * r.checked end as passed,
      case when t.rule_id is null then '得分 ' || s.total else r.checked || ' 行中 ' || r.failed || ' 行不符合' end as text
    from quality.ticket t join quality.score s on s.entry_id = t.entry_id and s.loaded and s.at > ${c.opened_at}
    left join quality.rule u on u.id = t.rule_id
    left join quality.rule_result r on r.rule_id = t.rule_id and r.batch_id = s.batch_id
    where t.case_no = ${c.no} and (t.rule_id is null or r.rule_id is not null) order by s.at desc, s.batch_no desc limit 1`.execute(tx)
  const last = rows[0]
  if (!last?.passed)
    refuse('quality.correction_missing', {
      reason: 'correction-missing',
      detail: last ? `还没有更正：批次 ${last.batch_no} ${last.text}。` : '问题单发出以后，还没有通过检查的数据入库。',
      cite: c.ruling.cite,
      remedy: '把更正后的数据入库，检查通过后再办结；确实不需要更正的，写明理由。',
    })
  return { label: `更正批次 ${last.batch_no}`, href: '/workbench/batches' }
}
registerHooks('quality-ticket', { href: c => c.subject_code && `/workbench/quality/entries/${c.subject_code.replace('/', '-')}` })

type Row = {
  case_no: string
  code: string
  title: string
  department_id: string
  department: string
  what: string
  opened: string
  due: string | null
  closed: string | null
  ended: boolean
}
/** Tickets opened in a period, and how many were put right in time: of those closed or past their date. */
export async function ticketsOf(
  ctx: StaffContext,
  q: { from?: string | undefined; to?: string | undefined; state: 'open' | 'closed' | 'all' },
): Promise<Reply<typeof contract.tickets>> {
  const to = q.to ?? ctx.day
  const from = q.from ?? addDays(to, -364)
  const oversees = ctx.actor.roles.includes('bureau') || ctx.actor.roles.includes('inspector')
  const { rows } = await sql<Row>`
    select t.case_no, e.code, e.title, t.department_id, e.department, t.what, t.opened::text, t.due::text, t.closed::text, t.ended
    from quality.ticket_view t join catalog.entry_view e on e.id = t.entry_id
    where t.opened between ${from}::date and ${to}::date
      and ${oversees ? sql`t.region like ${`${regionPrefix(ctx.actor.region)}%`}` : sql`t.department_id = ${ctx.actor.departmentId}`}
    order by t.ended, t.due, t.case_no limit 2000`.execute(ctx.db)
  const judged = rows.map(r => ({ ...r, inTime: r.closed ? !r.due || r.closed <= r.due : r.due && r.due < ctx.day ? false : null }))
  return {
    from,
    to,
    rows: judged
      .filter(r => q.state === 'all' || (r.closed !== null) === (q.state === 'closed'))
      .map(r => ({
        no: r.case_no,
        code: r.code,
        entry: r.title,
        department: r.department,
        what: r.what,
        opened: r.opened,
        due: r.due,
        closed: r.closed,
        inTime: r.inTime,
        stateLabel: r.ended ? '已办结' : r.closed ? '待核查' : r.inTime === false ? '逾期' : '整改中',
      })),
    departments: [...new Set(judged.map(r => r.department_id))].map(id => {
      const mine = judged.filter(r => r.department_id === id)
      const counted = mine.filter(r => r.inTime !== null).length
      const inTime = mine.filter(r => r.inTime).length
      return {
        departmentId: id,
        department: mine[0]!.department,
        opened: mine.length,
        counted,
        inTime,
        rate: counted ? Math.round((1000 * inTime) / counted) / 10 : null,
      }
    }),
  }
}

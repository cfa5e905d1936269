import { sql } from 'kysely'
import { regionPrefix } from '../../../contract/common.ts'
import { dayOf } from '../../platform/clock.ts'
import type { StaffContext } from '../../platform/context.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { expandLedger } from '../audit/public.ts'
import { publishedEntry } from '../catalog/public.ts'
import { regionName } from '../regulation/public.ts'

type Row = {
  departmentId: string
  department: string
  register: number
  collect: number
  aggregate: number
  share: number
  service: number
  overdue: number
  corrections: number
  findings: number
}
const supervising = ['inspection', 'accountability', 'provider-accountability', 'survey-finding']

/** Departments of the region and below: what they registered, hold, give and owe. */
export async function boardOf(ctx: StaffContext): Promise<Row[]> {
  const { region, departmentRoles, roles, departmentId } = ctx.actor
  const over = departmentRoles.includes('authority') || roles.includes('inspector')
  const scope = over ? sql`d.region like ${`${regionPrefix(region)}%`}` : sql`d.id = ${departmentId}`
  const { rows } = await sql<Row>`
    select d.id as "departmentId", d.name as department,
      count(e.id)::int as register,
      count(m.entry_id)::int as aggregate,
      (select count(*) from procedure.case_view c where c.ended_at is null and c.procedure in ('inspection', 'duplicate-settlement')
        and c.departments @> array[d.id])::int as collect,
      (select count(*) from delivery.grant_view g join catalog.entry_view x on x.id = g.entry_id
        where x.department_id = d.id and g.state = 'active')::int as share,
      (select count(*) from audit.entry_view a where a.action = 'data.read' and a.at > ${ctx.now}::timestamptz - interval '30 days'
        and a.subject in (select code from catalog.entry_view y where y.department_id = d.id))::int as service,
      (select count(*) from procedure.duty_view u where u.debtor_id = d.id and u.ended is null and u.origin = 'law'
        and u.stopped_on is null and u.due < ${ctx.day}::date)::int as overdue,
      (select count(*) from procedure.case_view c where c.ended_at is null and c.procedure = any(${supervising})
        and c.state in ('correction', 'ordered') and c.departments @> array[d.id] and c.applicant_id <> d.id)::int as corrections,
      (select count(*) from sharing.exchange_view s where s.department_id = d.id and s.state = 'finding')::int as findings
    from organization.department_view d
    left join catalog.entry_view e on e.department_id = d.id and e.state = 'published'
    left join aggregation.mount_view m on m.entry_id = e.id
    where ${scope} group by d.id, d.name order by d.name limit 500`.execute(ctx.db)
  return rows
}

/** Use of an opened entry. The provider sees its own; the authority that of its region. */
export async function openUseOf(ctx: StaffContext, code: string) {
  const entry = (await publishedEntry(ctx.db, { code })) ?? notFound('catalog.entry', '目录')
  const { departmentId, departmentRoles, roles, region } = ctx.actor
  const over = (departmentRoles.includes('authority') || roles.includes('inspector')) && entry.region.startsWith(regionPrefix(region))
  if (entry.department_id !== departmentId && !over)
    refuse('supervision.not_owner', {
      status: 403,
      reason: 'not-owner',
      detail: `“${entry.title}”的使用情况由 ${entry.department} 和${regionName(entry.region)}主管部门查看。`,
    })
  await ctx.ledger.flush()
  await expandLedger(ctx.db)
  const count = async (action: string) =>
    Number(
      (
        await sql<{ n: number }>`select count(*) as n from audit.entry_view where action = ${action} and subject = ${entry.code}`.execute(
          ctx.db,
        )
      ).rows[0]!.n,
    )
  const trace =
    await sql<any>`select seq, at, action, coalesce(person, department, '') as who, coalesce(content, '') as content, coalesce(method, '') as method
    from audit.entry_view where subject = ${entry.code} and action in ('open.download', 'open.read', 'open.preview') order by seq desc limit 100`.execute(
      ctx.db,
    )
  const cases = await sql<any>`select no, procedure, title, opened_at, ended_at, state from procedure.case_view
    where subject_id = ${entry.id} and procedure in ('use-feedback', 'conduct-report', 'open-feedback', 'open-objection') order by opened_at desc limit 100`.execute(
    ctx.db,
  )
  return {
    code: entry.code,
    title: entry.title,
    downloads: await count('open.download'),
    calls: await count('open.read'),
    cases: cases.rows.map(c => ({
      no: c.no,
      procedure: c.procedure,
      title: c.title,
      opened: c.opened_at.toISOString(),
      ended: !!c.ended_at,
      state: c.state,
    })),
    trace: trace.rows.map(r => ({
      at: r.at.toISOString(),
      action: r.action,
      who: r.who,
      content: r.content,
      method: r.method,
      ledger: Number(r.seq),
    })),
    from: dayOf(entry.published),
  }
}

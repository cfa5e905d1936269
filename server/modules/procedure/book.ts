import { sql } from 'kysely'
import { regionPrefix } from '../../../contract/common.ts'
import type { Query, Reply } from '../../../contract/endpoint.ts'
import type { duties } from '../../../contract/procedure.ts'
import type { StaffContext } from '../../platform/context.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { workingDaysBetween } from '../regulation/public.ts'
import { addEvent, type CaseRecord } from './engine.ts'
import { notifyDepartments } from './notices.ts'
import { type DutyRow, dutyClock } from './view.ts'

type Row = DutyRow & Pick<CaseRecord, 'no' | 'region' | 'parties'> & { urged: number; debtor_region: string | null }

/** 义务台账: who owes what by when. Authorities and inspectors see their region and below, others what they owe or are owed. */
export async function dutyBook(ctx: StaffContext, query: Query<typeof duties>): Promise<Reply<typeof duties>> {
  const me = ctx.actor
  const overseer = me.roles.includes('bureau') || me.roles.includes('inspector')
  const base = () => {
    let q = ctx.db
      .selectFrom('procedure.duty as d')
      .leftJoin('procedure.case as c', 'c.id', 'd.case_id')
      .leftJoin('organization.department_view as o', 'o.id', 'd.debtor_id')
    if (query.scope === 'region' && overseer) q = q.where(sql<boolean>`coalesce(c.region, o.region) like ${`${regionPrefix(me.region)}%`}`)
    else if (query.scope === 'owed')
      q = q.where(sql<boolean>`c.departments @> array[${me.departmentId}::uuid] and d.debtor_id is distinct from ${me.departmentId}::uuid`)
    else q = q.where('d.debtor_id', '=', me.departmentId)
    if (query.q)
      q = q.where(eb =>
        eb.or([
          eb('d.title', 'like', `%${query.q}%`),
          eb('d.what', 'like', `%${query.q}%`),
          eb('d.debtor', 'like', `%${query.q}%`),
          eb('c.no', 'like', `%${query.q}%`),
        ]),
      )
    if (query.article) q = q.where(sql<boolean>`d.cite ->> 'article' = ${query.article}`)
    if (query.regulation) q = q.where(sql<boolean>`d.cite ->> 'regulation' = ${query.regulation}`)
    return q
  }
  let q = base()
  if (query.department) q = q.where('d.debtor_id', '=', query.department)
  if (query.state === 'open') q = q.where('d.ended', 'is', null)
  if (query.state === 'ended') q = q.where('d.ended', 'is not', null)
  if (query.state === 'late')
    q = q.where(sql<boolean>`d.origin = 'law' and d.stopped_on is null and d.due < coalesce(d.ended, ${ctx.day}::date)`)
  const { total } = await q.select(eb => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
  const [due, id] = query.after?.split('_') ?? []
  if (due && /^\d{4}-\d\d-\d\d$/.test(due) && /^[0-9a-f-]{36}$/.test(id ?? ''))
    q = q.where(sql<boolean>`(coalesce(d.due, '9999-12-31'), d.id) > (${due}::date, ${id!}::uuid)`)
  const rows = (await q
    .selectAll('d')
    .select(['c.no', 'c.region', 'c.parties', 'o.region as debtor_region'])
    .select(
      sql<number>`(select count(*)::int from procedure.event e where e.case_id = d.case_id and e.action = 'urge' and e.form ->> 'duty' = d.id::text)`.as(
        'urged',
      ),
    )
    .orderBy(sql`coalesce(d.due, '9999-12-31')`)
    .orderBy('d.id')
    .limit(query.limit + 1)
    .execute()) as unknown as Row[]
  const shown = rows.slice(0, query.limit)
  const last = shown.at(-1)
  const departments = await base()
    .where('d.ended', 'is', null)
    .where('d.debtor_id', 'is not', null)
    .groupBy(['d.debtor_id', 'd.debtor'])
    .select(['d.debtor_id as id', 'd.debtor as name'])
    .select(sql<number>`count(*)::int`.as('open'))
    .select(sql<number>`(count(*) filter (where d.origin = 'law' and d.stopped_on is null and d.due < ${ctx.day}::date))::int`.as('late'))
    .select(
      sql<number>`(count(*) filter (where d.origin = 'law' and d.stopped_on is null and d.due between ${ctx.day}::date and ${ctx.day}::date + 3))::int`.as(
        'soon',
      ),
    )
    .orderBy(sql`4 desc, 3 desc, 2`)
    .limit(200)
    .execute()
  return {
    rows: shown.map(d => ({
      id: d.id,
      caseNo: d.no,
      title: d.title,
      href: d.href,
      creditor: d.creditor,
      clock: dutyClock(d, ctx.day),
      urged: d.urged,
      may: mayPress(ctx, d),
    })),
    next: rows.length > query.limit && last ? `${last.due ?? '9999-12-31'}_${last.id}` : null,
    total: Number(total),
    departments: departments as { id: string; name: string; open: number; late: number; soon: number }[],
  }
}

/** 催办 is for who waits for it, 督办 for the authority of the place or an inspector; nobody presses the own department. */
function mayPress(ctx: StaffContext, d: Row): ('urge' | 'supervise')[] {
  const me = ctx.actor
  if (d.ended || d.stopped_on || d.debtor_id === me.departmentId) return []
  const party = Object.values(d.parties ?? {}).some(p => p.departmentId === me.departmentId)
  const over = (d.region ?? d.debtor_region ?? '').startsWith(regionPrefix(me.region))
  const overseer = over && ((me.departmentRoles.includes('authority') && me.roles.includes('bureau')) || me.roles.includes('inspector'))
  return [...(party || overseer ? (['urge'] as const) : []), ...(overseer ? (['supervise'] as const) : [])]
}

export async function urge(ctx: StaffContext, id: string, kind: 'urge' | 'supervise', note: string): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const d = (await tx
      .selectFrom('procedure.duty as d')
      .leftJoin('procedure.case as c', 'c.id', 'd.case_id')
      .leftJoin('organization.department_view as o', 'o.id', 'd.debtor_id')
      .selectAll('d')
      .select(['c.no', 'c.region', 'c.parties', 'c.state', 'o.region as debtor_region'])
      .where('d.id', '=', id)
      .executeTakeFirst()) as unknown as (Row & { state: string | null }) | undefined
    const may = d ? mayPress(ctx, d) : []
    if (!d || (!may.length && d.debtor_id !== ctx.actor.departmentId)) notFound('procedure.duty', '义务')
    if (!may.includes(kind))
      refuse('procedure.not_competent', {
        status: 403,
        reason: 'not-competent',
        detail:
          kind === 'supervise'
            ? '督办由当地数据主管部门或检查人员发出，而且义务还没有办结。'
            : '催办由等候结果的部门发出，而且义务还没有办结。',
      })
    const word = kind === 'supervise' ? '督办' : '催办'
    const left = d.due ? workingDaysBetween(ctx.day, d.due) : null
    const when = left === null ? '' : left < 0 ? `，已逾期 ${-left} 个工作日` : `，还有 ${left} 个工作日`
    await notifyDepartments(
      tx,
      ctx.now,
      [d.debtor_id],
      `${ctx.actor.department} ${word}“${d.what}”${when}：${d.title}${note ? `。${note}` : ''}`,
      d.href,
      kind === 'supervise' ? 'supervision' : 'reminder',
    )
    if (d.case_id)
      await addEvent(
        tx,
        { id: d.case_id },
        {
          at: ctx.now,
          action: 'urge',
          label: `${word}“${d.what}”`,
          actor: ctx.actor,
          role: null,
          from: d.state,
          to: d.state,
          form: { duty: d.id, ...(note && { note }) },
          cite: d.cite,
        },
      )
    await record(tx, ctx, {
      action: kind === 'supervise' ? 'duty.supervise' : 'duty.urge',
      subject: d.no ?? d.title,
      content: d.what,
      cite: d.cite,
      ...(d.no && { caseNo: d.no }),
    })
  })
}

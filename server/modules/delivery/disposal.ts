import { sql } from 'kysely'
import type { Cite } from '../../../contract/common.ts'
import { type Disposal, disposals, disposalWays, type NewDisposal } from '../../../contract/delivery.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { Faults, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { departmentFor } from '../organization/public.ts'
import { fulfilDuties, notifyDepartments, openDuty } from '../procedure/public.ts'
import { govern } from '../regulation/public.ts'
import { type LoadedGrant, lockGrant } from './queries.ts'

type Way = keyof typeof disposalWays
type Received = { way: Way; rows: number; times: number; last: Date | null }

export const dutyName = 'share-disposal'
const pageOf = (id: string) => `/workbench/grants/${id}`

/** What was taken under a grant, by the way it was taken. A package that nobody fetched was not received; a count holds no data. */
async function receivedUnder(db: Database | Tx, id: string): Promise<Received[]> {
  const { rows } = await sql<Received>`
    select case c.method when '库表推送' then 'table' else 'api' end as way, sum(c.rows)::float8 as rows, count(*)::int as times, max(c.at) as last
    from delivery.call c where c.grant_id = ${id} and c.status = 200 and c.rows > 0 and not c.method in ('数据文件', '计数接口') group by 1
    union all
    select 'file', coalesce(sum(p.rows), 0)::float8, sum(p.downloads)::int, null from delivery.package p
    where p.grant_id = ${id} and p.downloads > 0 having count(*) > 0`.execute(db)
  return rows
}

/**
 * Opens the duty to say what became of the data, once for each ended grant under which data were received. Called where a grant is ended,
 * and every hour for those that ran out and for calls that were listed a moment later.
 */
export async function askDisposal(tx: Tx, ctx: Context, id: string): Promise<boolean> {
  await lockGrant(tx, id)
  const { rows } = await sql<{
    no: string
    title: string
    region: string
    provider: string
    providerId: string
    grantee: string
    granteeId: string
    until: string | null
    state: string
  }>`select g.no, e.title, e.region, e.department as provider, e.department_id as "providerId", d.name as grantee, d.id as "granteeId",
      g.valid_until as until, g.state
    from delivery.grant g join catalog.entry_view e on e.id = g.entry_id join organization.department_view d on d.id = g.grantee_department_id
    where g.id = ${id} and g.disposal_asked is null`.execute(tx)
  const g = rows[0]
  if (!g) return false
  const received = await receivedUnder(tx, id)
  if (!received.length) return false
  const rule = govern(g.region, 'share-disposal', ctx.day)
  const ways = received.map(r => disposalWays[r.way]).join('、')
  await openDuty(tx, {
    name: dutyName,
    what: '说明数据处置',
    debtorId: g.granteeId,
    debtor: g.grantee,
    role: 'applicant',
    creditor: g.provider,
    title: `授权 ${g.no}（${g.title}）已结束，说明经${ways}取得的数据怎样处置`,
    href: pageOf(id),
    day: ctx.day,
    within: rule.value.within,
    origin: rule.value.within.days ? rule.origin : 'platform',
    cite: rule.cite,
    also: rule.origin === 'platform' ? govern(g.region, 'share-use', ctx.day).cite : null,
    inherited: rule.inherited,
  })
  await sql`update delivery.grant set disposal_asked = ${ctx.day} where id = ${id}`.execute(tx)
  await record(tx, ctx, {
    action: 'grant.disposal-asked',
    subject: g.no,
    content: `${g.grantee} 须说明经${ways}取得的「${g.title}」怎样处置`,
    cite: rule.cite,
  })
  await notifyDepartments(
    tx,
    ctx.now,
    [g.granteeId],
    `授权 ${g.no}（${g.title}）${g.state === 'revoked' ? '已终止' : `已于 ${g.until} 到期`}，请说明已取得的数据怎样处置。`,
    pageOf(id),
    'reminder',
  )
  return true
}

/** Grants that have ended and were not asked about: those that ran out have nobody who ends them. */
export async function askEnded(ctx: Context): Promise<number> {
  const { rows } = await sql<{ id: string }>`select g.id from delivery.grant g
    where g.disposal_asked is null and (g.state = 'revoked' or g.valid_until < ${ctx.day}::date)
      and (exists (select from delivery.call c where c.grant_id = g.id and c.status = 200 and c.rows > 0 and not c.method in ('数据文件', '计数接口'))
        or exists (select from delivery.package p where p.grant_id = g.id and p.downloads > 0)) order by g.no limit 1000`.execute(ctx.db)
  let asked = 0
  for (const { id } of rows) if (await ctx.db.transaction().execute(tx => askDisposal(tx, ctx, id))) asked++
  return asked
}

/** Tells the authority of the provider's place, once for each grant, when the consumer has let the day pass without a word. */
export async function tellLate(ctx: Context): Promise<number> {
  const { rows } = await sql<{ id: string; no: string; title: string; region: string; grantee: string; granteeId: string; due: string }>`
    select g.id, g.no, e.title, e.region, r.debtor as grantee, r.debtor_id as "granteeId", r.due
    from procedure.reminder_view r join delivery.grant g on r.href = '/workbench/grants/' || g.id
    join catalog.entry_view e on e.id = g.entry_id
    where r.name = ${dutyName} and r.ended is null and r.due < ${ctx.day}::date and g.disposal_late_told is null order by g.no limit 1000`.execute(
    ctx.db,
  )
  let told = 0
  for (const g of rows)
    await ctx.db.transaction().execute(async tx => {
      const authority = await departmentFor(tx, g.region, 'authority', '主管部门').catch(() => null)
      // Nobody to tell yet; the next hour tries again.
      if (!authority) return
      const { numAffectedRows } = await sql`update delivery.grant set disposal_late_told = ${ctx.day}
        where id = ${g.id} and disposal_late_told is null`.execute(tx)
      // When it is the authority's own grant, its own reminder says so.
      if (!numAffectedRows || authority.id === g.granteeId) return
      told++
      await notifyDepartments(
        tx,
        ctx.now,
        [authority.id],
        `${g.grantee} 逾期没有说明数据处置：授权 ${g.no}（${g.title}）已结束，应于 ${g.due} 前说明。可以催办，必要时按规定处理。`,
        pageOf(g.id),
        'supervision',
      )
    })
  return told
}

const hasEnded = (g: LoadedGrant, day: string) => g.state === 'revoked' || (!!g.until && g.until < day)

/** Grants of the same entry to the same department that came later and are in force: under one of them the data may stay in use. */
async function laterGrants(db: Database | Tx, g: LoadedGrant, day: string): Promise<Disposal['later']> {
  const { rows } = await sql<Disposal['later'][number]>`select n.id, n.no, n.valid_until as until from delivery.grant n, delivery.grant o
    where o.id = ${g.id} and n.entry_id = o.entry_id and n.grantee_department_id = o.grantee_department_id and n.id <> o.id and n.created > o.created
      and n.state = 'active' and n.awaits = '[]' and n.valid_from <= ${day}::date and (n.valid_until is null or n.valid_until >= ${day}::date)
    order by n.no`.execute(db)
  return rows
}

/** What is wrong with a statement: every way accounted for, nothing else, and each ground named. */
export function disposalFaults(
  received: readonly Way[],
  later: readonly string[],
  said: Pick<NewDisposal, 'done' | 'on'>,
  day: string,
  cite: Cite,
): Faults {
  const faults = new Faults()
  for (const way of received)
    if (!said.done.some(d => d.way === way))
      faults.add('/done', 'field-missing', `没有说明经「${disposalWays[way]}」取得的数据怎样处置。`, { cite })
  said.done.forEach((d, n) => {
    const at = `/done/${n}`
    if (!received.includes(d.way))
      faults.add(`${at}/way`, 'field-invalid', `这个授权没有经「${disposalWays[d.way]}」取得过数据。`, { remedy: '去掉这一项。' })
    else if (said.done.findIndex(x => x.way === d.way) !== n)
      faults.add(`${at}/way`, 'field-invalid', `「${disposalWays[d.way]}」写了两次。`, { remedy: '每种方式只写一次。' })
    if (d.done === 'kept' && d.basis.length < 4)
      faults.add(`${at}/basis`, 'basis-required', '依法保留的，写明依据的名称和条款。', {
        cite,
        remedy: '没有依据的，请删除或退还后再说明。',
      })
    if (d.done === 'continued' && !later.includes(d.grant))
      faults.add(
        `${at}/grant`,
        'grant-missing',
        d.grant ? `授权 ${d.grant} 不是同一目录的后续有效授权。` : '写明在哪一个后续授权下继续使用。',
        { cite, remedy: later.length ? `可以写 ${later.join('、')}。` : '目前没有同一目录的后续授权；请删除、退还，或先申请续期。' },
      )
  })
  if (said.on > day) faults.add('/on', 'field-invalid', '处置日期不能晚于今天。')
  return faults
}

/** The consuming department states what it did. The duty ends with it; a later statement may follow, e.g. when what was kept is deleted. */
export async function stateDisposal(ctx: StaffContext, grant: LoadedGrant, said: NewDisposal): Promise<void> {
  const rule = govern(grant.providerRegion, 'share-disposal', ctx.day)
  if (ctx.actor.departmentId !== grant.granteeDepartmentId)
    refuse('grant.not_yours', {
      status: 403,
      reason: 'not-competent',
      detail: `数据处置由取得数据的「${grant.grantee}」说明。`,
      cite: rule.cite,
      remedy: '请等使用部门说明；逾期的可以催办。',
    })
  if (!hasEnded(grant, ctx.day))
    refuse('grant.not_ended', {
      status: 409,
      reason: 'wrong-state',
      detail: `授权 ${grant.no} 还没有结束${grant.until ? `，到 ${grant.until} 为止` : ''}。`,
      cite: rule.cite,
      remedy: '授权到期或终止后再说明。',
    })
  await ctx.db.transaction().execute(async tx => {
    await askDisposal(tx, ctx, grant.id)
    const received = await receivedUnder(tx, grant.id)
    if (!received.length)
      refuse('grant.nothing_received', {
        status: 409,
        reason: 'wrong-state',
        detail: `授权 ${grant.no} 没有取得过数据，没有需要处置的。`,
        cite: rule.cite,
        remedy: '不用办理。',
      })
    const later = await laterGrants(tx, grant, ctx.day)
    disposalFaults(
      received.map(r => r.way),
      later.map(l => l.no),
      said,
      ctx.day,
      rule.cite,
    ).throwIfAny('grant.disposal_incomplete')
    const due = await dutyOf(tx, grant.id)
    const late = !!due && !due.ended && due.due < ctx.day
    const content = said.done.map(d => `${disposalWays[d.way]}：${doneWords(d)}`).join('；')
    await sql`insert into delivery.disposal (id, grant_id, at, person, person_id, by_person, done_on, done, note, attachment, late)
      values (${newId(ctx.now.getTime())}, ${grant.id}, ${ctx.now}, ${ctx.actor.name}, ${ctx.actor.personId}, ${said.by}, ${said.on},
        ${JSON.stringify(said.done)}, ${said.note}, ${said.attachment ? JSON.stringify(said.attachment) : null}, ${late})`.execute(tx)
    await fulfilDuties(tx, { name: dutyName, href: pageOf(grant.id) }, ctx.day)
    await record(tx, ctx, {
      action: 'grant.dispose',
      subject: grant.no,
      content: `${content}（${said.on}，${said.by}）${late ? `，逾期，应于 ${due!.due} 前` : ''}`,
      cite: rule.cite,
      data: { done: said.done.map(d => [d.way, d.done]), on: said.on, ...(said.attachment && { attachment: said.attachment.name }) },
    })
    const authority = await departmentFor(tx, grant.providerRegion, 'authority', '主管部门').catch(() => null)
    const told = [grant.providerDepartmentId, ...(authority ? [authority.id] : [])]
    await notifyDepartments(
      tx,
      ctx.now,
      [...new Set(told)],
      `${grant.grantee} 已说明授权 ${grant.no}（${grant.title}）的数据处置：${content}${late ? '（逾期）' : ''}`,
      pageOf(grant.id),
    )
  })
}

const doneWords = (d: NewDisposal['done'][number]): string =>
  disposals[d.done] + (d.done === 'kept' ? `，依据 ${d.basis}` : d.done === 'continued' ? ` ${d.grant}` : '')

const dutyOf = async (db: Database | Tx, id: string): Promise<{ due: string; ended: string | null } | undefined> =>
  (
    await sql<{ due: string; ended: string | null }>`select due, ended from procedure.reminder_view
      where name = ${dutyName} and href = ${pageOf(id)} order by opened desc limit 1`.execute(db)
  ).rows[0]

/** The panel 数据处置 of a grant. */
export async function disposalOf(ctx: StaffContext, grant: LoadedGrant, mayState: boolean): Promise<Disposal> {
  const rule = govern(grant.providerRegion, 'share-disposal', ctx.day)
  const received = await receivedUnder(ctx.db, grant.id)
  const duty = await dutyOf(ctx.db, grant.id)
  const { rows } = await sql<any>`select id, at, person, by_person as by, done_on as on, done, note, attachment, late from delivery.disposal
    where grant_id = ${grant.id} order by at desc, id desc`.execute(ctx.db)
  const asked = (
    await sql<{ asked: string | null }>`select disposal_asked as asked from delivery.grant where id = ${grant.id}`.execute(ctx.db)
  ).rows[0]!.asked
  return {
    ended: hasEnded(grant, ctx.day),
    asked,
    due: duty?.due ?? null,
    late: !!duty && !duty.ended && duty.due < ctx.day,
    cite: rule.cite,
    platform: rule.origin === 'platform',
    use: govern(grant.providerRegion, 'share-use', ctx.day).cite,
    received: received.map(r => ({ ...r, label: disposalWays[r.way], last: r.last?.toISOString() ?? null })),
    later: await laterGrants(ctx.db, grant, ctx.day),
    statements: rows.map(r => ({
      ...r,
      at: r.at.toISOString(),
      done: (r.done as NewDisposal['done']).map(d => ({ ...d, label: disposalWays[d.way], doneLabel: disposals[d.done] })),
    })),
    mayState: mayState && received.length > 0,
  }
}

import { sql } from 'kysely'
import type { Cite } from '../../../contract/common.ts'
import { regionPrefix } from '../../../contract/common.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { departmentById } from '../organization/public.ts'
import { registerEffect } from '../procedure/public.ts'
import { govern } from '../regulation/public.ts'
import { databaseById } from './bases.ts'

type Row = {
  id: string
  no: string
  department: string
  partner: string
  data: string
  reason: string
  state: 'allowed' | 'finding'
  exceptionNo: string | null
  cite: Cite
  at: Date
}
const select = sql`select x.id, x.no, d.name as department, p.name as partner, x.data, x.reason, x.state, x.exception_no as "exceptionNo", x.cite, x.at
  from sharing.exchange x join organization.department_view d on d.id = x.department_id join organization.department_view p on p.id = x.partner_id`
const shown = (r: Row) => ({ ...r, at: r.at.toISOString() })

/** What two departments exchange beside the platform. An approved exception allows it; otherwise it is refused, and kept as a finding. */
export async function declareExchange(
  ctx: StaffContext,
  body: { partner: string; data: string; reason: string; database?: string | undefined },
) {
  const partner = (await departmentById(ctx.db, body.partner)) ?? notFound('organization.department', '部门')
  const { departmentId, department, region } = ctx.actor
  if (partner.id === departmentId) refuse('sharing.exchange_self', { reason: 'out-of-scope', detail: '请选择对方部门。' })
  const database = body.database ? ((await databaseById(ctx.db, body.database)) ?? notFound('aggregation.database', '数据库')) : null
  const barred = database && govern(database.region!, 'base-databases', ctx.day)
  const offplatform = govern(region, 'share-offplatform', ctx.day)
  const rule = barred ?? offplatform
  const known = (
    await sql<Row>`${select} where x.department_id = ${departmentId} and x.partner_id = ${partner.id} and x.state = 'allowed' order by x.at desc limit 1`.execute(
      ctx.db,
    )
  ).rows[0]
  if (known && !database) return shown(known)
  const no = await ctx.db.transaction().execute(async tx => {
    const made = await keep(tx, ctx, {
      data: body.data,
      reason: body.reason,
      departmentId,
      partnerId: partner.id,
      region,
      state: 'finding',
      exceptionNo: null,
      cite: rule.cite,
    })
    await record(tx, ctx, {
      action: 'sharing.exchange',
      subject: made,
      content: `${department} → ${partner.name}：${body.data}（线索）`,
      cite: rule.cite,
    })
    return made
  })
  refuse('sharing.direct', {
    status: 409,
    reason: 'direct-sharing-barred',
    detail: database
      ? `${department}不能与${partner.name}直连取用“${database.title}”：它只由平台的接口提供。已记为线索 ${no}。`
      : `${department}与${partner.name}之间的数据要通过平台共享，已记为线索 ${no}。`,
    cite: rule.cite,
    remedy: database
      ? '请在“基础数据库接口”或目录页取得授权，用平台的接口。'
      : offplatform.value.exception
        ? '改为通过平台共享；确有原因的，先申请“平台外交换例外”。'
        : '改为通过平台共享；这里没有例外。',
  })
}

type New = {
  data: string
  reason: string
  departmentId: string
  partnerId: string
  region: string
  state: 'allowed' | 'finding'
  exceptionNo: string | null
  cite: Cite
}
async function keep(tx: Tx, ctx: Context, x: New): Promise<string> {
  const year = Number(ctx.day.slice(0, 4))
  const { rows } = await sql<{
    last: number
  }>`insert into sharing.counter as c (year, last) values (${year}, 1) on conflict (year) do update set last = c.last + 1 returning last`.execute(
    tx,
  )
  const no = `WJ-${year}-${String(rows[0]!.last).padStart(4, '0')}`
  await tx
    .insertInto('sharing.exchange')
    .values({
      id: newId(),
      no,
      region: x.region,
      department_id: x.departmentId,
      partner_id: x.partnerId,
      data: x.data,
      reason: x.reason,
      state: x.state,
      exception_no: x.exceptionNo,
      cite: JSON.stringify(x.cite),
      at: ctx.now,
      by_person: ctx.actor?.name ?? '',
    })
    .execute()
  return no
}

/** An approved exception: from now on the two may exchange what the case says. */
registerEffect('allow-exchange', async (tx, ctx, c) => {
  const form = c.form as { partner?: string; exchangedData?: string; reason?: string }
  const no = await keep(tx, ctx, {
    data: form.exchangedData ?? '',
    reason: form.reason ?? '',
    departmentId: c.applicant_id!,
    partnerId: form.partner!,
    region: c.region,
    state: 'allowed',
    exceptionNo: c.no,
    cite: c.ruling.cite,
  })
  return { label: `例外登记 ${no}`, href: '/workbench/exchanges' }
})

export async function listExchanges(db: Database, ctx: StaffContext) {
  const { departmentId, region, departmentRoles, roles } = ctx.actor
  const all = departmentRoles.includes('authority') || roles.includes('inspector')
  const where = all
    ? sql`x.region like ${`${regionPrefix(region)}%`} or x.department_id = ${departmentId}`
    : sql`x.department_id = ${departmentId} or x.partner_id = ${departmentId}`
  return (await sql<Row>`${select} where ${where} order by x.at desc limit 200`.execute(db)).rows.map(shown)
}

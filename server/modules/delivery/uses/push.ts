import { createHmac } from 'node:crypto'
import { sql } from 'kysely'
import type { Context } from '../../../platform/context.ts'
import { newId } from '../../../platform/id.ts'
import { expandLedger, record, recordRead } from '../../audit/public.ts'
import { departmentById } from '../../organization/public.ts'
import { notifyDepartments } from '../../procedure/public.ts'
import { govern } from '../../regulation/public.ts'
import { receiptOf, send } from './send.ts'

export type SubscriptionRecord = {
  id: string
  no: string
  department_id: string
  side: 'given' | 'received'
  entry_id: string | null
  url: string
  secret: string
  state: 'active' | 'paused' | 'stopped' | 'ended'
  position: number
  attempts: number
  next_try: Date
  trouble: string | null
  created: Date
  created_by: string
}
/** Uses in one push, and records of the ledger looked at for it. */
const MOST = 500
const WINDOW = 50_000
/** After this many failures it is paused, and the department told. */
const maxAttempts = 12
const actions = ['data.read', 'data.verify', 'data.try', 'data.refused', 'data.package', 'data.download']

type Use = {
  seq: number
  at: Date
  action: string
  purpose: string | null
  person: string | null
  approver: string | null
  content: string | null
  method: string | null
  medium: string | null
  case_no: string | null
  grantee: string | null
  provider: string | null
  grant: string
  code: string
  title: string
  refusal: string | null
}
const shown = (u: Use) => ({
  seq: u.seq,
  at: u.at.toISOString(),
  result: u.action === 'data.refused' ? 'refused' : 'given',
  ...(u.refusal && { refusal: u.refusal }),
  purpose: u.purpose ?? '',
  person: u.person ?? '',
  approver: u.approver ?? '',
  content: u.content ?? '',
  method: u.method ?? '',
  medium: u.medium ?? '',
  case: u.case_no ?? '',
  grantee: u.grantee ?? '',
  provider: u.provider ?? '',
  entry: { code: u.code, title: u.title },
  grant: u.grant,
})

export async function pushUsesDue(ctx: Context): Promise<void> {
  const { rows } = await sql<{ id: string }>`select id from delivery.use_subscription where state = 'active' and next_try <= ${ctx.now}
    order by next_try limit 200`.execute(ctx.db)
  if (!rows.length) return
  await ctx.ledger.flush()
  await expandLedger(ctx.db)
  // In turns of twenty, so that one that is far behind does not keep the others waiting.
  for (const { id } of rows) for (let n = 0; n < 20 && (await pushUses(ctx, id)); n++);
}

/**
 * The next uses of one subscription, from the ledger, which misses none; the position moves with the receipt. A push whose answer was lost is
 * sent again under the same number. True while there may be more.
 */
export async function pushUses(ctx: Context, id: string): Promise<boolean> {
  return ctx.db.transaction().execute(async tx => {
    const { rows } =
      await sql<SubscriptionRecord>`select * from delivery.use_subscription where id = ${id} and state = 'active' and next_try <= ${ctx.now}
      for update skip locked`.execute(tx)
    const s = rows[0]
    if (!s) return false
    const department = (await departmentById(tx, s.department_id))!
    const { cite } = govern(department.region, 'use-logs', ctx.day)
    const about = {
      subject: s.no,
      department: department.name,
      departmentId: department.id,
      region: department.region,
      person: '系统',
      cite,
    }
    if (s.entry_id && !(await ownsEntry(tx, s.entry_id, s.department_id))) {
      const trouble = '这条目录已不属于本部门，日志不再推送。'
      await sql`update delivery.use_subscription set state = 'stopped', trouble = ${trouble} where id = ${id}`.execute(tx)
      await record(tx, ctx, { ...about, action: 'use.stop', content: trouble, data: { reason: 'not-owner' } })
      await notifyDepartments(tx, ctx.now, [s.department_id], `使用日志推送 ${s.no}：${trouble}`, '/workbench/use-subscriptions')
      return false
    }
    const { rows: window } = await sql<{ upto: number | null }>`select max(seq) as upto from audit.entry_view
      where seq > ${s.position} and seq <= ${s.position + WINDOW}`.execute(tx)
    const upto = window[0]!.upto ?? (await later(tx, s.position))
    if (upto === null) return false
    const { rows: uses } = await sql<Use>`
      select a.seq, a.at, a.action, a.purpose, a.person, a.approver, a.content, a.method, a.medium, a.case_no, a.department as grantee,
        e.department as provider, g.no as grant, e.code, e.title, a.data ->> 'code' as refusal
      from audit.entry_view a join delivery.grant g on g.no = a.data ->> 'grant' join catalog.entry_view e on e.id = g.entry_id
      where a.seq > ${s.position} and a.seq <= ${upto} and a.action = any(${actions})
        and ${s.side === 'received' ? sql`g.grantee_department_id = ${s.department_id}` : sql`e.department_id = ${s.department_id}`}
        ${s.entry_id ? sql`and e.id = ${s.entry_id}` : sql``}
      order by a.seq limit ${MOST}`.execute(tx)
    const last = uses.length === MOST ? uses.at(-1)!.seq : upto
    if (!uses.length) {
      await sql`update delivery.use_subscription set position = ${last} where id = ${id}`.execute(tx)
      return last < (await newest(tx))
    }
    const first = uses[0]!.seq
    const end = uses.at(-1)!.seq
    const push = `${s.no}-${s.position}`
    const seq = await recordRead(ctx, {
      ...about,
      action: 'use.push',
      content: `使用日志 ${uses.length} 条（第 ${first} 至 ${end} 号）推送到 ${new URL(s.url).host}`,
      method: '使用日志推送',
      medium: '接口报文',
      data: { push, uses: uses.length },
    })
    const body = JSON.stringify({
      push,
      subscription: s.no,
      department: department.name,
      side: s.side,
      first,
      last: end,
      uses: uses.map(shown),
    })
    const signature = createHmac('sha256', ctx.secrets.unseal(s.secret)).update(body).digest('hex')
    const answer = await send(
      s.url,
      { 'x-huitong-push': push, 'x-huitong-signature': `sha256=${signature}` },
      body,
      ctx.config.sources.local,
    ).catch((error: Error) => error)
    const received = !(answer instanceof Error) && answer.status >= 200 && answer.status < 300
    const error = answer instanceof Error ? answer.message.slice(0, 300) : received ? null : `对方答复 HTTP ${answer.status}`
    const receipt = answer instanceof Error || !received ? '' : receiptOf(answer)
    await sql`insert into delivery.use_push (id, subscription_id, at, first, last, uses, seq, status, receipt, error)
      values (${newId()}, ${id}, ${ctx.now}, ${first}, ${end}, ${uses.length}, ${seq}, ${answer instanceof Error ? null : answer.status}, ${receipt}, ${error})`.execute(
      tx,
    )
    if (received) {
      await sql`update delivery.use_subscription set position = ${last}, attempts = 0, trouble = null where id = ${id}`.execute(tx)
      await record(tx, ctx, {
        ...about,
        action: 'use.receipt',
        content: `${push} 已收到 ${uses.length} 条，回执 ${receipt}`,
        data: { push },
      })
      return last < (await newest(tx))
    }
    const attempts = s.attempts + 1
    const over = attempts >= maxAttempts
    const next = new Date(ctx.now.getTime() + Math.min(2 ** s.attempts, 240) * 60_000)
    await sql`update delivery.use_subscription set attempts = ${attempts}, trouble = ${error}, next_try = ${next}, state = ${over ? 'paused' : 'active'}
      where id = ${id}`.execute(tx)
    if (over)
      await notifyDepartments(
        tx,
        ctx.now,
        [s.department_id],
        `使用日志推送 ${s.no} 连续 ${attempts} 次没有送达，已暂停：${error}`,
        '/workbench/use-subscriptions',
      )
    return false
  })
}

type Db = Parameters<typeof departmentById>[0]
export const ownsEntry = async (db: Db, entryId: string, departmentId: string): Promise<boolean> =>
  (
    await sql<{
      own: boolean
    }>`select exists (select from catalog.entry_view where id = ${entryId} and department_id = ${departmentId}) as own`.execute(db)
  ).rows[0]!.own
export const newest = async (db: Db): Promise<number> =>
  (await sql<{ seq: number | null }>`select max(seq) as seq from audit.entry_view`.execute(db)).rows[0]!.seq ?? 0
/** The next record after a gap that pruning has left. */
const later = async (db: Db, position: number): Promise<number | null> =>
  (await sql<{ seq: number | null }>`select min(seq) as seq from audit.entry_view where seq > ${position}`.execute(db)).rows[0]!.seq

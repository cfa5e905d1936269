import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import * as contract from '../../../../contract/uses.ts'
import type { StaffContext } from '../../../platform/context.ts'
import { route } from '../../../platform/http.ts'
import { newId, newSecret } from '../../../platform/id.ts'
import type { Jobs } from '../../../platform/jobs.ts'
import { notFound, refuse } from '../../../platform/problem.ts'
import { expandLedger, record } from '../../audit/public.ts'
import { govern } from '../../regulation/public.ts'
import { newest, ownsEntry, pushUsesDue, type SubscriptionRecord } from './push.ts'

export function usesJobs(jobs: Jobs): void {
  jobs.on('delivery.uses', async (_, ctx) => pushUsesDue(ctx))
  jobs.every('delivery.uses', '* * * * *')
}

/** 使用日志推送, under /api. */
export function registerUses(app: FastifyInstance): void {
  route(app, contract.useSubscriptions, async ({ ctx }) => ({
    cite: govern(ctx.actor.region, 'use-logs', ctx.day).cite,
    rows: await list(ctx, sql`true`),
  }))

  route(app, contract.subscribeUses, async ({ body, ctx, reply }) => {
    const { cite } = govern(ctx.actor.region, 'use-logs', ctx.day)
    const entryId = body.entryId ?? null
    if (entryId && (body.side === 'received' || !(await ownsEntry(ctx.db, entryId, ctx.actor.departmentId))))
      refuse('use.not_owner', {
        status: 403,
        reason: 'not-owner',
        detail: '只能订阅本部门目录的使用日志；这条目录不是本部门的。',
        cite,
        remedy: '请选择本部门的目录；本部门使用别人数据的日志，选「本部门使用数据的日志」。',
      })
    if (new URL(body.url).username || new URL(body.url).password)
      refuse('use.address', { detail: '地址里不能写用户名和密码。', remedy: '推送以密钥签名，请由接收系统核对签名。' })
    await ctx.ledger.flush()
    await expandLedger(ctx.db)
    const id = newId(ctx.now.getTime())
    const secret = newSecret()
    await ctx.db.transaction().execute(async tx => {
      await sql`select pg_advisory_xact_lock(hashtextextended('delivery.use_subscription', 0))`.execute(tx)
      const { rows: count } = await sql<{ n: number }>`select count(*)::int + 1 as n from delivery.use_subscription`.execute(tx)
      const no = `RZ-${String(count[0]!.n).padStart(4, '0')}`
      const { rows } =
        await sql`insert into delivery.use_subscription (id, no, department_id, side, entry_id, url, secret, state, position, next_try, created, created_by)
        values (${id}, ${no}, ${ctx.actor.departmentId}, ${body.side}, ${entryId}, ${body.url}, ${ctx.secrets.seal(secret)}, 'active', ${await newest(tx)},
          ${ctx.now}, ${ctx.now}, ${ctx.actor.name}) on conflict do nothing returning id`.execute(tx)
      if (!rows.length)
        refuse('use.exists', { status: 409, detail: '这份使用日志已经在推送。', remedy: '要换地址的，先结束原来的，再订阅。' })
      await record(tx, ctx, {
        action: 'use.subscribe',
        subject: no,
        content: `${contract.useSides[body.side]}推送到 ${new URL(body.url).host}`,
        cite,
        data: { entry: entryId },
      })
    })
    void reply.header('cache-control', 'no-store')
    return { subscription: (await list(ctx, sql`s.id = ${id}`))[0]!, secret }
  })

  route(app, contract.actUseSubscription, async ({ params, body: { action }, ctx }) => {
    await ctx.db.transaction().execute(async tx => {
      const { rows } = await sql<SubscriptionRecord>`select * from delivery.use_subscription where id = ${params.id}
        and department_id = ${ctx.actor.departmentId} for update`.execute(tx)
      const s = rows[0] ?? notFound('use.subscription', '使用日志推送')
      if (!mayOf(s.state).includes(action))
        refuse('use.wrong_state', {
          status: 409,
          detail: `${s.no} 现在是「${contract.subscriptionStates[s.state]}」。`,
          remedy: '请刷新页面。',
        })
      const state = action === 'pause' ? 'paused' : action === 'end' ? 'ended' : 'active'
      await sql`update delivery.use_subscription set state = ${state}, attempts = 0, next_try = ${ctx.now} where id = ${s.id}`.execute(tx)
      if (action === 'run') await ctx.jobs.enqueue(tx, 'delivery.uses', {})
      else await record(tx, ctx, { action: action === 'end' ? 'use.end' : 'use.subscribe', subject: s.no, content: words[action] })
    })
    return { ok: true as const }
  })

  route(app, contract.usePushes, async ({ params, query, ctx }) => {
    const [s] = await list(ctx, sql`s.id = ${params.id}`)
    if (!s) notFound('use.subscription', '使用日志推送')
    const after = query.after && /^[0-9a-f-]{36}$/.test(query.after) ? sql`and id < ${query.after}` : sql``
    const { rows } = await sql<{
      id: string
      at: Date
      uses: number
      first: number
      last: number
      ledger: number
      status: number | null
      receipt: string
      error: string | null
    }>`select id, at, uses, first, last, seq as ledger, status, receipt, error from delivery.use_push where subscription_id = ${params.id} ${after}
      order by id desc limit ${query.limit}`.execute(ctx.db)
    const { rows: count } = await sql<{
      n: number
    }>`select count(*)::int as n from delivery.use_push where subscription_id = ${params.id}`.execute(ctx.db)
    return {
      rows: rows.map(r => ({ ...r, at: r.at.toISOString() })),
      total: count[0]!.n,
      next: rows.length === query.limit ? rows.at(-1)!.id : null,
    }
  })
}

const words = { pause: '暂停推送', resume: '继续推送', end: '结束推送' }
const mayOf = (state: SubscriptionRecord['state']): contract.UseSubscription['may'] =>
  state === 'active' ? ['run', 'pause', 'end'] : state === 'paused' ? ['resume', 'end'] : state === 'stopped' ? ['end'] : []

type Row = SubscriptionRecord & { code: string | null; title: string | null; pushed: number; last: Date | null }
async function list(ctx: StaffContext, where: ReturnType<typeof sql>): Promise<contract.UseSubscription[]> {
  const { rows } = await sql<Row>`select s.*, e.code, e.title,
      (select coalesce(sum(uses), 0)::int from delivery.use_push p where p.subscription_id = s.id and p.error is null) as pushed,
      (select max(at) from delivery.use_push p where p.subscription_id = s.id and p.error is null) as last
    from delivery.use_subscription s left join catalog.entry_view e on e.id = s.entry_id
    where s.department_id = ${ctx.actor.departmentId} and ${where} order by s.state = 'ended', s.no desc limit 200`.execute(ctx.db)
  const mine = ctx.actor.roles.some(r => r === 'steward' || r === 'developer')
  return rows.map(s => ({
    id: s.id,
    no: s.no,
    side: s.side,
    sideLabel: contract.useSides[s.side],
    entry: s.entry_id ? { id: s.entry_id, code: s.code ?? '', title: s.title ?? '' } : null,
    url: s.url,
    state: s.state,
    stateLabel: contract.subscriptionStates[s.state],
    trouble: s.trouble,
    attempts: s.attempts,
    nextTry: s.state === 'active' ? s.next_try.toISOString() : null,
    pushed: s.pushed,
    last: s.last?.toISOString() ?? null,
    created: s.created.toISOString(),
    createdBy: s.created_by,
    may: mine ? mayOf(s.state) : [],
  }))
}

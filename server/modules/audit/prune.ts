import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Cite } from '../../../contract/common.ts'
import { addMonths } from '../../platform/clock.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import { connect, type Database, type Tx } from '../../platform/db.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record } from './public.ts'

/** How long a region keeps its records. The rule stands to the right of this module, so whoever builds the app hands it in. */
export type Retention = (region: string | null, day: string) => { months: number; cite: Cite; place: string }

/** The first day whose records are still to be kept: the same day of the month, so many months back. */
export const keptFrom = (day: string, months: number): string => addMonths(day, -months)

type Verdict = { ok: true } | { ok: false; code: string; status: number; reason: string; detail: string; remedy: string; cite?: Cite }

export type Order = { no: number; before: string; approvers: string[]; done: boolean; withdrawn: boolean }
/** Whether somebody may be the next to approve: nobody twice, nothing that is done, nothing that would have to be kept today. */
export function judgeApproval(order: Order, personId: string, rule: { from: string; cite: Cite; months: number }): Verdict {
  const open = judgeWithdrawal(order)
  if (!open.ok) return open
  if (order.approvers.includes(personId))
    return {
      ok: false,
      code: 'audit.pruning_same_person',
      status: 403,
      reason: 'second-approver-required',
      detail: '清理要两个人批准，你已经批准过一次。',
      remedy: '请另一位安全管理员或审计管理员批准。',
    }
  return judgeAge(order.before, rule)
}

/** What is carried out cannot be taken back; until then either administrator may stop it, approved or not. */
export function judgeWithdrawal(order: Pick<Order, 'no' | 'done' | 'withdrawn'>): Verdict {
  const no = (code: string, detail: string, remedy: string): Verdict => ({
    ok: false,
    code,
    status: 409,
    reason: 'wrong-state',
    detail,
    remedy,
  })
  if (order.done) return no('audit.pruning_done', `第 ${order.no} 号清理已经完成。`, '请刷新页面。')
  if (order.withdrawn) return no('audit.pruning_withdrawn', `第 ${order.no} 号清理已经撤回。`, '仍要清理的，请重新提出。')
  return { ok: true }
}

/** No record may go before the time its region keeps it. */
export const judgeAge = (before: string, rule: { from: string; cite: Cite; months: number }): Verdict =>
  before <= rule.from
    ? { ok: true }
    : {
        ok: false,
        code: 'audit.retention_not_elapsed',
        status: 422,
        reason: 'retention-not-elapsed',
        detail: `留痕须保存 ${rule.months} 个月，${rule.from} 起的现在还不能清理。`,
        remedy: `请把日期改为 ${rule.from} 或更早。`,
        cite: rule.cite,
      }

const must = (verdict: Verdict) => {
  if (!verdict.ok) {
    const { code, ok: _, ...details } = verdict
    refuse(code, details)
  }
}
const midnight = (day: string) => new Date(`${day}T00:00:00+08:00`)
/** What may lose its content. The ledger's records about itself stay: without them nobody could tell what was pruned or who signed. */
const matching = (region: string | null, before: Date) =>
  sql`region is not distinct from ${region} and at < ${before} and action not like 'audit.%'`

export async function pruningRules(db: Database, retention: Retention, day: string) {
  // Looked up one after the other along the index; the table itself may have ten million rows.
  const { rows } = await sql<{ region: string | null }>`
    with recursive known as (
      (select region from audit.entry where region is not null order by region limit 1)
      union all
      select (select region from audit.entry e where e.region > known.region order by region limit 1) from known where known.region is not null
    ) select region from known where region is not null union all select null`.execute(db)
  return Promise.all(
    rows.map(async ({ region }) => {
      const { months, cite, place } = retention(region, day)
      const from = keptFrom(day, months)
      const { rows: due } = await sql<{ n: number; oldest: Date | null }>`
        select count(*) as n, min(at) as oldest from audit.entry where ${matching(region, midnight(from))}`.execute(db)
      return { region, place, months, cite, from, due: Number(due[0]!.n), oldest: due[0]!.oldest?.toISOString() ?? null }
    }),
  )
}

/** Proposing is the first of the two approvals. */
export async function proposePruning(
  ctx: StaffContext,
  retention: Retention,
  p: { region: string | null; before: string; reason: string },
): Promise<number> {
  const rule = ruleOf(retention, p.region, ctx.day)
  must(judgeAge(p.before, rule))
  return ctx.db.transaction().execute(async tx => {
    await turn(tx)
    const { rows } = await sql<{
      n: number
    }>`select count(*) as n from audit.entry where ${matching(p.region, midnight(p.before))}`.execute(tx)
    const count = Number(rows[0]!.n)
    if (!count)
      refuse('audit.nothing_to_prune', {
        detail: `${p.before} 以前没有可以清理的留痕。`,
        remedy: '请核对地区和日期。账本关于自己的记录（检查点、密钥、见证、清理）一直保留。',
      })
    const open = (await orders(tx)).find(o => o.region === p.region && !o.done && !o.withdrawn)
    // The second to be carried out would find nothing, and wait for ever.
    if (open)
      refuse('audit.pruning_open', {
        status: 409,
        reason: 'wrong-state',
        detail: `这个地区的第 ${open.no} 号清理（${open.before} 以前）还没有完成。`,
        remedy: '请先由另一人批准，或撤回后重新提出。',
      })
    const last = await tx.selectFrom('audit.pruning').select('no').orderBy('no', 'desc').limit(1).executeTakeFirst()
    const no = (last?.no ?? 0) + 1
    const { region, reason } = p
    await tx
      .insertInto('audit.pruning')
      .values({
        no,
        region,
        before: midnight(p.before),
        months: rule.months,
        cite: JSON.stringify(rule.cite),
        reason,
        at: ctx.now,
        count,
      })
      .execute()
    await approval(tx, ctx, no)
    await record(tx, ctx, {
      action: 'audit.propose',
      subject: `第 ${no} 号清理`,
      content: `${p.before} 以前 ${count} 条`,
      purpose: reason,
      cite: rule.cite,
      data: { order: no, region, before: p.before, months: rule.months },
    })
    return no
  })
}

/** The second approval sets the job to work, in the same transaction. */
export async function approvePruning(ctx: StaffContext, retention: Retention, no: number): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    await turn(tx)
    const order = (await orders(tx, no))[0] ?? notFound('audit.pruning', '清理')
    const { before, done, withdrawn } = order
    must(
      judgeApproval(
        { no, before, approvers: order.approvals.map(a => a.personId), done, withdrawn: !!withdrawn },
        ctx.actor.personId,
        ruleOf(retention, order.region, ctx.day),
      ),
    )
    await approval(tx, ctx, no)
    await record(tx, ctx, { action: 'audit.approve', subject: `第 ${no} 号清理`, data: { order: no } })
    await ctx.jobs.enqueue(tx, 'audit.prune', { no })
  })
}

export async function withdrawPruning(ctx: StaffContext, no: number, reason: string): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    await turn(tx)
    const order = (await orders(tx, no))[0] ?? notFound('audit.pruning', '清理')
    must(judgeWithdrawal({ no, done: order.done, withdrawn: !!order.withdrawn }))
    await tx
      .insertInto('audit.pruning_withdrawal')
      .values({ no, person_id: ctx.actor.personId, person: personOf(ctx), reason, at: ctx.now })
      .execute()
    await record(tx, ctx, { action: 'audit.withdraw', subject: `第 ${no} 号清理`, purpose: reason, data: { order: no } })
  })
}

const ruleOf = (retention: Retention, region: string | null, day: string) => {
  const { months, cite } = retention(region, day)
  return { months, cite, from: keptFrom(day, months) }
}
const turnKey = 7281004
const turn = (tx: Tx) => sql`select pg_advisory_xact_lock(${turnKey})`.execute(tx)
const personOf = (ctx: StaffContext) => `${ctx.actor.name}（${ctx.actor.username}）`
const approval = (tx: Tx, ctx: StaffContext, no: number) =>
  tx
    .insertInto('audit.pruning_approval')
    .values({ no, person_id: ctx.actor.personId, person: personOf(ctx), at: ctx.now })
    .execute()

/** The order that took a record's content. */
export const prunedBy = async (db: Database, seq: number) =>
  (
    await sql<{ no: number; cite: Cite }>`
      select o.no, o.cite from (select height, first_seq from audit.block where first_seq <= ${seq} order by first_seq desc limit 1) b
      join audit.pruned d on d.height = b.height and (${seq}::bigint - b.first_seq + 1)::int = any(d.indexes) join audit.pruning o on o.no = d.order_no`.execute(
      db,
    )
  ).rows[0]

export async function orders(db: Database | Tx, no?: number) {
  const { rows } = await sql<{
    no: number
    region: string | null
    before: string
    months: number
    cite: Cite
    reason: string
    at: Date
    count: number
    done: boolean
    approvals: { personId: string; person: string; at: string }[]
    withdrawn: { person: string; reason: string; at: string } | null
  }>`
    select p.no, p.region, to_char(p.before at time zone 'Asia/Shanghai', 'YYYY-MM-DD') as before, p.months, p.cite, p.reason, p.at, p.count,
      exists (select from audit.pruned d where d.order_no = p.no) as done,
      (select jsonb_agg(jsonb_build_object('personId', a.person_id, 'person', a.person, 'at', a.at) order by a.at) from audit.pruning_approval a where a.no = p.no) as approvals,
      (select jsonb_build_object('person', w.person, 'reason', w.reason, 'at', w.at) from audit.pruning_withdrawal w where w.no = p.no) as withdrawn
    from audit.pruning p where ${no ?? null}::int is null or p.no = ${no ?? null} order by p.no desc`.execute(db)
  return rows
}

/**
 * Carries an approved order out, as the owner, since the application's role can change nothing. Triggers hold the owner to the order as well.
 * One transaction: content, copy and record of it go and come together.
 */
export async function prune(databaseUrl: string, ctx: Context, no: number, retention: Retention): Promise<number> {
  const { db, close } = await connect(databaseUrl, { max: 1, as: 'owner' })
  try {
    // Held by the one connection until it closes. Inside the transaction it would come after the snapshot, which then shows an order
    // withdrawn during the wait as it was before.
    await sql`select pg_advisory_lock(${turnKey})`.execute(db)
    return await db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async tx => {
        const order = (await orders(tx, no))[0]
        if (!order || order.done || order.withdrawn || order.approvals.length < 2) return 0
        // Once more, by the law of today: an order that got here in some other way than through `approvePruning` takes nothing that must stay.
        must(judgeAge(order.before, ruleOf(retention, order.region, ctx.day)))
        await sql`select set_config('huitong.pruning', ${String(no)}, true)`.execute(tx)
        const which = matching(order.region, midnight(order.before))
        await sql`
          insert into audit.pruned (order_no, height, indexes)
          select ${no}, b.height, array_agg((e.seq - b.first_seq + 1)::int order by e.seq)
          from (select seq from audit.entry where ${which}) e,
            lateral (select height, first_seq from audit.block where first_seq <= e.seq order by first_seq desc limit 1) b
          group by b.height`.execute(tx)
        await sql`
          update audit.block b set records =
            (select array_agg(case when g is null then r end order by i) from unnest(b.records) with ordinality u(r, i) left join unnest(p.indexes) g on g = i)
          from audit.pruned p where p.order_no = ${no} and p.height = b.height`.execute(tx)
        await sql`delete from audit.entry where ${which}`.execute(tx)
        const { count, digest } = await digestOf(tx, no)
        await record(tx, ctx, {
          action: 'audit.prune',
          subject: `第 ${no} 号清理`,
          approver: order.approvals.map(a => a.person).join('、'),
          content: `${order.before} 以前 ${count} 条的内容`,
          purpose: order.reason,
          cite: order.cite,
          data: { order: no, region: order.region, before: order.before, count, digest, approvers: order.approvals.map(a => a.person) },
        })
        return count
      })
  } finally {
    await close()
  }
}

/** Over the numbers of the records that were taken, so that `verify` can tell that it was these and no others. */
async function digestOf(tx: Tx, no: number): Promise<{ count: number; digest: string }> {
  const hash = createHash('sm3')
  let count = 0
  for (let height = 0; ; ) {
    const { rows } = await sql<{ height: number; seqs: number[] }>`
      select p.height, (select array_agg(b.first_seq - 1 + i order by i)::float8[] from unnest(p.indexes) i) as seqs
      from audit.pruned p join audit.block b using (height) where p.order_no = ${no} and p.height > ${height} order by p.height limit 500`.execute(
      tx,
    )
    if (!rows.length) break
    for (const { seqs } of rows)
      for (const seq of seqs) {
        hash.update(`${seq}\n`)
        count++
      }
    height = rows.at(-1)!.height
  }
  return { count, digest: hash.digest('hex') }
}

import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { TargetConnection } from '../../../../contract/tables.ts'
import type { Context } from '../../../platform/context.ts'
import { alone } from '../../../platform/db.ts'
import { Problem } from '../../../platform/problem.ts'
import { SourceDown } from '../../aggregation/public.ts'
import { deliveryOf } from '../api.ts'
import { type LoadedGrant, loadGrantRow } from '../queries.ts'
import { urlCode } from '../rules.ts'
import { type Change, columnsFor, Moved, openTarget, type Standing } from './target.ts'

export type PushRecord = {
  id: string
  grant_id: string
  connection: Omit<TargetConnection, 'password'>
  secret: string
  every: number
  state: 'active' | 'paused'
  run_as: { name: string }
  next_run: Date | null
  began: Date | null
  last_run: Date | null
  caught_up: Date | null
  upserts: number
  removes: number
  trouble: { text: string; remedy: string; since: string } | null
}
/** Rows of one transaction at the consumer. */
const ROWS = 2000

export const connectionOf = (ctx: Pick<Context, 'secrets'>, p: Pick<PushRecord, 'connection' | 'secret'>): TargetConnection =>
  ({ ...p.connection, password: ctx.secrets.unseal(p.secret) }) as TargetConnection

/** Columns and marks as the rows are sent; when they are others, all rows are sent again. */
const printOf = (grant: LoadedGrant, columns: object[]) =>
  createHash('sha256')
    .update(JSON.stringify([columns, grant.items, grant.limits, grant.marked]))
    .digest('base64url')

/**
 * Brings the consumer's table up to date. Every row leaves as through the data API: judged, projected and recorded before it is sent.
 * Position and rows are one transaction of the consumer's database; killed anywhere it goes on from what that says.
 */
export const pushTable = (ctx: Context, id: string): Promise<void> =>
  alone(
    ctx.pool,
    [id, 9],
    () => push(ctx, id),
    () => {},
  )

async function push(ctx: Context, id: string): Promise<void> {
  const { rows } =
    await sql<PushRecord>`update delivery.table_push set began = ${ctx.clock()} where id = ${id} and state = 'active' returning *`.execute(
      ctx.db,
    )
  const push = rows[0]
  if (!push) return
  try {
    await bring(ctx, push)
    await sql`update delivery.table_push set began = null, last_run = ${ctx.clock()}, caught_up = ${ctx.clock()}, trouble = null where id = ${id}`.execute(
      ctx.db,
    )
  } catch (error) {
    const said = inWords(error)
    if (!said) ctx.log.error({ push: id, error: (error as Error).message, stack: (error as Error).stack }, 'table push failed')
    const { text, remedy } = said ?? {
      text: '推送时系统出错了，已推送的都已写入，没有写一半的。',
      remedy: '系统会自动再试；仍不行请告诉平台管理员。',
    }
    await sql`update delivery.table_push set began = null, last_run = ${ctx.clock()}, trouble = jsonb_build_object('text', ${text}::text, 'remedy', ${remedy}::text,
        'since', case when trouble->>'text' = ${text} then trouble->>'since' else ${ctx.clock().toISOString()} end) where id = ${id}`.execute(
      ctx.db,
    )
  }
}

function inWords(error: unknown): { text: string; remedy: string } | null {
  if (error instanceof SourceDown)
    return {
      text: `${error.diagnosis.text.replace(/[^。]$/, '$&。')}已推送的都已写入，恢复后从断开处继续。`,
      remedy: error.diagnosis.remedy,
    }
  if (error instanceof Moved)
    return { text: '目标库的推送记录被别处改动，本次没有写入。', remedy: '请确认没有别的平台或程序写这张表，之后自动继续。' }
  if (error instanceof Problem) return { text: error.message, remedy: error.details.remedy ?? '' }
  return null
}

async function bring(ctx: Context, push: PushRecord): Promise<void> {
  const grant = await loadGrantRow(ctx.pool, push.grant_id)
  if (!grant) return
  const call = {
    grantId: grant.id,
    credential: null,
    code: urlCode(grant.code),
    operator: push.run_as.name,
    caseRef: grant.no,
    purpose: null,
    user: null,
  }
  const delivery = deliveryOf(ctx)
  // That the platform tries by the minute is no attempt of the department's: it would be in its findings.
  const verdict = await delivery.judge({ ...ctx, now: ctx.clock() }, call)
  if (!verdict.ok) throw new Problem(verdict.code, verdict)
  const connection = connectionOf(ctx, push)
  const columns = columnsFor(connection.kind, grant.items)
  const target = await openTarget(connection, push.id, columns)
  try {
    if (target.missing?.length)
      throw new SourceDown({
        code: 'shape',
        text: `目标表「${connection.table}」已经存在，但缺少列「${target.missing.slice(0, 5).join('」「')}」。`,
        remedy: '请换一个表名让平台新建，或在目标库补上这些列。',
      })
    await target.prepare()
    const print = printOf(grant, columns)
    let stands = await target.standing()
    // Under other columns, rows or marks all of it is sent anew; the table keeps what it has meanwhile.
    let anew = !!stands && stands.print !== print
    for (;;) {
      const now = { ...ctx, now: ctx.clock() }
      const begin: Standing = stands && !anew ? stands : { position: null, round: (stands?.round ?? 0) + 1, whole: false, print }
      let body: { rows: Change[]; more: boolean; next: string }
      try {
        const reply = await delivery.changes(
          now,
          call,
          { since: begin.position ?? undefined, limit: ROWS },
          { method: '库表推送', medium: '库表' },
        )
        body = JSON.parse(reply.body)
      } catch (error) {
        // The platform's database was put back to an earlier state: the position means nothing any more.
        if (error instanceof Problem && error.code === 'data.since_invalid' && stands && !anew) {
          anew = true
          continue
        }
        throw error
      }
      const to: Standing = { ...begin, position: body.next, whole: begin.whole || !body.more }
      await target.write(body.rows, stands, to)
      stands = to
      anew = false
      const removes = body.rows.filter(r => r._change !== 'upsert').length
      await sql`update delivery.table_push set upserts = upserts + ${body.rows.length - removes}, removes = removes + ${removes} where id = ${push.id}`.execute(
        ctx.db,
      )
      if (!body.more) return
      const { rows } = await sql<{ state: string }>`select state from delivery.table_push where id = ${push.id}`.execute(ctx.db)
      if (rows[0]?.state !== 'active') return
    }
  } finally {
    await target.close()
  }
}

/** Those whose turn it is. The next turn is set first, so that two processes do not both begin. */
export async function pushDue(ctx: Context): Promise<void> {
  const now = ctx.clock()
  const { rows } = await sql<{ id: string }>`
    update delivery.table_push set next_run = ${now}::timestamptz + make_interval(mins => every) where state = 'active' and next_run <= ${now} returning id`.execute(
    ctx.db,
  )
  for (const { id } of rows) await ctx.jobs.enqueue(ctx.db, 'delivery.push', { id })
}

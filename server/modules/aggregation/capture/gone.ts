import { sql } from 'kysely'
import type { Source } from '../../../../contract/aggregation.ts'
import type { Cite } from '../../../../contract/common.ts'
import { placeOf } from '../../../../contract/connections.ts'
import type { StaffContext } from '../../../platform/context.ts'
import type { Database, Tx } from '../../../platform/db.ts'
import { refuse } from '../../../platform/problem.ts'
import { record } from '../../audit/public.ts'
import { publishedEntry } from '../../catalog/public.ts'
import { caseFor } from '../../procedure/public.ts'
import { govern } from '../../regulation/public.ts'
import type { SourceRecord } from '../queries.ts'
import { removeRecords } from '../remove.ts'

/** What an order names that lets a source's own deletions be followed, once for all of them. */
export const standing = (source: Pick<SourceRecord, 'connection'>) => `来源 ${placeOf(source.connection)} 删除的记录`

const countOf = async (db: Database | Tx, sourceId: string) =>
  (await sql<{ n: number }>`select count(*)::int as n from aggregation.gone where source_id = ${sourceId}`.execute(db)).rows[0]!.n

const phases = {
  copying: '正在整表读取，完成后接着捕获变更。',
  streaming: '实时捕获中。',
  waiting: '等待处理，暂不捕获。',
  retrying: '没有连上来源，正在重试。',
} as const
/** How live capture of a source stands, in words. */
export async function liveView(db: Database, source: SourceRecord): Promise<Source['live']> {
  if (source.mode !== 'capture') return null
  const phase = source.live?.phase ?? 'copying'
  const lag = source.live?.lag ?? null
  const late =
    phase === 'streaming' && lag !== null ? `最近一次变更 ${lag < 1000 ? '在 1 秒内' : `用了 ${(lag / 1000).toFixed(1)} 秒`}到达。` : ''
  const gone = await countOf(db, source.id)
  return {
    phase,
    lag,
    retained: source.live?.retained ?? null,
    gone,
    text: `${phases[phase]}${late}${gone ? `来源已删除、待批准 ${gone} 行。` : ''}`,
  }
}

/** The rows a source has deleted, by key, oldest first; and the list that is out for approval. */
export async function goneOf(db: Database, source: SourceRecord, q: { after?: string; limit: number }) {
  const { rows } = await sql<{ key: string; at: Date; list: string | null }>`
    select key, at, list from aggregation.gone where source_id = ${source.id} ${q.after ? sql`and key > ${q.after}` : sql``} order by key limit ${q.limit}`.execute(
    db,
  )
  const { rows: lists } = await sql<{ list: string; rows: number }>`
    select list, count(*)::int as rows from aggregation.gone where source_id = ${source.id} and list is not null group by list order by list`.execute(
    db,
  )
  return { rows, total: await countOf(db, source.id), lists }
}

/** Puts everything that waits on one list, so that one approval can name it. */
export async function listGone(ctx: StaffContext, source: SourceRecord): Promise<{ list: string; rows: number }> {
  const now = ctx.clock()
  const list = `SC-${now.toISOString().slice(0, 19).replace(/\D/g, '')}`
  return ctx.db.transaction().execute(async tx => {
    const { numAffectedRows } =
      await sql`update aggregation.gone set list = ${list} where source_id = ${source.id} and list is null`.execute(tx)
    const rows = Number(numAffectedRows ?? 0)
    if (!rows)
      refuse('aggregation.nothing_gone', {
        status: 409,
        detail: '没有新的来源已删除的记录。',
        remedy: '已列出的名单，请等待审批或凭办件编号办理。',
      })
    const entry = await publishedEntry(tx, { id: source.entry_id })
    await record(tx, ctx, {
      action: 'source.gone',
      subject: entry?.code ?? source.id,
      content: `名单 ${list}，${rows} 行`,
      data: { source: source.id },
    })
    return { list, rows }
  })
}

type Approved = { id: string; no: string; cite: Cite }
/** The approved order for what is named, or the refusal that says how to get one. */
async function approvedFor(ctx: StaffContext, source: SourceRecord, order: string | undefined, what: string): Promise<Approved> {
  const entry = await publishedEntry(ctx.db, { id: source.entry_id })
  const { cite } = govern(entry?.region ?? ctx.actor.region, 'data-change', ctx.day)
  const c = order ? await caseFor(ctx, order) : undefined
  if (
    c?.procedure === 'change-order' &&
    c.state === 'approved' &&
    c.subject.id === source.entry_id &&
    c.parties.some(p => p.role === 'applicant' && p.departmentId === ctx.actor.departmentId) &&
    c.form.find(f => f.name === 'record')?.value === what
  )
    return { id: c.id, no: c.no, cite }
  await ctx.db.transaction().execute(tx =>
    record(tx, ctx, {
      action: 'data.refused',
      subject: entry?.code ?? source.id,
      content: '拒绝：change-not-approved',
      method: '删除记录',
      cite,
      ...(order && { caseNo: order }),
    }),
  )
  await ctx.ledger.flush()
  return refuse('aggregation.change_not_approved', {
    status: 403,
    reason: 'change-not-approved',
    detail: order ? `办件 ${order} 没有批准删除“${what}”。` : `没有经批准的审批办件，不能删除“${what}”。`,
    cite,
    remedy: `请先在目录页发起“记录删除审批”，记录一栏填写“${what}”，批准后凭办件编号办理。`,
  })
}

/** Removes what stands on an approved list; a row the source has brought back since is not on it any more. */
export async function removeGone(
  ctx: StaffContext,
  source: SourceRecord,
  o: { list: string; order?: string },
): Promise<{ removed: number; order: string }> {
  const c = await approvedFor(ctx, source, o.order, o.list)
  return ctx.db.transaction().execute(async tx => {
    const { rows } = await sql<{
      key: string
    }>`select key from aggregation.gone where source_id = ${source.id} and list = ${o.list} for update`.execute(tx)
    const removed = await removeRecords(
      tx,
      ctx,
      source.entry_id,
      rows.map(r => r.key),
      c.id,
    )
    await sql`delete from aggregation.gone where source_id = ${source.id} and list = ${o.list}`.execute(tx)
    const entry = await publishedEntry(tx, { id: source.entry_id })
    await record(tx, ctx, {
      action: 'source.removed',
      subject: entry?.code ?? source.id,
      caseNo: c.no,
      content: `名单 ${o.list}，${removed} 行移入历史`,
      cite: c.cite,
    })
    return { removed, order: c.no }
  })
}

/** Following the deletions of a source is a removal, too. */
export const requireStanding = (ctx: StaffContext, source: SourceRecord, order: string | undefined): Promise<Approved> =>
  approvedFor(ctx, source, order, standing(source))

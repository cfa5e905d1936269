import { sql } from 'kysely'
import type { AgentSource } from '../../../../contract/agents.ts'
import type { Context, StaffContext } from '../../../platform/context.ts'
import type { Tx } from '../../../platform/db.ts'
import { isId, newId } from '../../../platform/id.ts'
import { notFound, refuse } from '../../../platform/problem.ts'
import { openUpdateTask } from '../../catalog/public.ts'
import { entryToFill, itemsOf, saveMapping } from '../commands.ts'
import { fileConnector } from '../connectors/index.ts'
import { type SourceRecord, sourceById } from '../queries.ts'
import { drift } from '../rules.ts'
import { noteTrouble } from '../run.ts'
import type { AgentRecord } from './caller.ts'
import { planned } from './capture.ts'

/** Asks the agent of a source to read it; asked twice it reads once. */
export async function wantRun(ctx: Pick<Context, 'db' | 'now'>, source: SourceRecord): Promise<void> {
  await sql`update aggregation.source set agent_run = coalesce(agent_run, ${newId()}), agent_run_at = coalesce(agent_run_at, ${ctx.now}) where id = ${source.id}`.execute(
    ctx.db,
  )
}

export async function runSource(ctx: Context, agent: AgentRecord, run: string): Promise<SourceRecord> {
  const { rows } = await sql<{ id: string }>`select id from aggregation.source where agent_run = ${run} and agent_id = ${agent.id}`.execute(
    ctx.db,
  )
  return rows[0] ? (await sourceById(ctx.db, rows[0].id))! : notFound('agent.run', '读取任务')
}

/**
 * Settles what the agent reads. A table is compared with the mapping first, and only mapped columns are asked for. Without a mapping,
 * columns named (or commented) exactly as the items need nobody to map them; everything else waits for the steward.
 */
export async function begin(
  ctx: StaffContext,
  source: SourceRecord,
  o: { columns: AgentSource['columns']; files: { name: string; stamp: string }[] },
) {
  const entry = await entryToFill(ctx, source.entry_id)
  if (fileConnector(source.kind)) {
    const { rows } = await sql<{
      name: string
      stamp: string
    }>`select name, stamp from aggregation.taken where source_id = ${source.id}`.execute(ctx.db)
    const taken = new Set(rows.map(r => `${r.name}\n${r.stamp}`))
    return { ask: [], cursor: null, capture: null, files: o.files.filter(f => !taken.has(`${f.name}\n${f.stamp}`)) }
  }
  const columns = o.columns ?? []
  if (!source.keys.length) {
    const items = itemsOf(entry)
    const mapping = columns.map(c => ({
      source: c.name,
      item: items.find(i => i.name === c.name || i.name === c.comment.trim())?.key ?? null,
    }))
    const mapped = new Set(mapping.flatMap(m => m.item ?? []))
    const declared = items.filter(i => i.identifier).map(i => i.key)
    const keys = declared.length ? declared : mapping.flatMap(m => (m.item && columns.find(c => c.name === m.source)!.key ? [m.item] : []))
    if (!keys.length || keys.some(k => !mapped.has(k)) || items.some(i => i.required && !mapped.has(i.key)))
      return waits(ctx, source, 'no-mapping', '还没有对应信息项，前置机没有读取。', '请在数据源页完成「对应信息项」。')
    await saveMapping(ctx, source, { mapping, keys, threshold: source.threshold, options: {} })
  }
  const ready = (await sourceById(ctx.db, source.id))!
  const difference = drift(
    ready.mapping,
    columns.map(c => c.name),
  )
  if (difference) {
    const { missing, added } = difference
    const parts = [
      missing.length && `少 ${missing.length} 列「${missing.slice(0, 5).join('」「')}」`,
      added.length && `多 ${added.length} 列「${added.slice(0, 5).join('」「')}」`,
    ]
    const text = `结构变化：${parts.filter(Boolean).join('，')}，没有读取，位置未移动。`
    // Asked once: the reading is tried again and again until somebody has looked.
    if (ready.trouble?.text !== text)
      await ctx.db
        .transaction()
        .execute(tx => openUpdateTask(tx, ctx, source.entry_id, text))
        .catch(() => {})
    return waits(ctx, ready, 'drift', text, '请重新对应信息项。')
  }
  if (ready.mode === 'capture') {
    const { names } = await planned(ctx, ready)
    await sql`update aggregation.source set slot = ${JSON.stringify(ready.connection)}, live = ${JSON.stringify({ phase: 'copying' })} where id = ${ready.id}`.execute(
      ctx.db,
    )
    return { ask: names.asked, cursor: null, capture: { keys: names.keys }, files: [] }
  }
  const cursor =
    ready.mode === 'increment' && ready.cursor ? { column: ready.cursor, from: (ready.position?.cursor as string) ?? null } : null
  return { ask: ready.mapping.filter(m => m.item).map(m => m.source), cursor, capture: null, files: [] }
}

async function waits(ctx: Context, source: SourceRecord, code: string, text: string, remedy: string): Promise<never> {
  await noteTrouble(ctx.db, source.id, { code, text, remedy }, ctx.now)
  return refuse('agent.waits', { status: 409, reason: code, detail: text, remedy })
}

/** Written with the batch of a delivery: where the source stands once it is loaded, which file was taken, that nothing is owed. */
export async function settleDelivery(
  tx: Tx,
  ctx: Context,
  source: SourceRecord,
  o: {
    batchId: string
    uploadId: string
    key: string
    position: Record<string, string | number | null> | null
    file: { name: string; stamp: string } | null
  },
): Promise<void> {
  if (!source.agent_id) return
  if (o.position) await sql`update aggregation.batch set reached = ${JSON.stringify(o.position)} where id = ${o.batchId}`.execute(tx)
  if (o.file)
    await sql`insert into aggregation.taken (source_id, name, stamp, upload_id, at) values (${source.id}, ${o.file.name}, ${o.file.stamp}, ${o.uploadId}, ${ctx.now})
      on conflict do nothing`.execute(tx)
  if (isId(o.key))
    await sql`update aggregation.source set agent_run = null, agent_run_at = null where id = ${source.id} and agent_run = ${o.key}`.execute(
      tx,
    )
}

/** A reading that brought nothing is done; one that could not be made stays owed, and its source says why. */
export async function end(
  ctx: Context,
  source: SourceRecord,
  trouble: { code: string; text: string; remedy: string } | null,
): Promise<void> {
  if (trouble) return noteTrouble(ctx.db, source.id, { ...trouble, code: `source-${trouble.code}` }, ctx.now)
  await sql`update aggregation.source set agent_run = null, agent_run_at = null, contact = ${ctx.now}, trouble = null where id = ${source.id}`.execute(
    ctx.db,
  )
}

/** Requests older than the clocks may differ are refused by their time. */
export async function sweepNonces(ctx: Pick<Context, 'db' | 'clock'>): Promise<void> {
  await sql`delete from aggregation.agent_nonce where at < ${new Date(ctx.clock().getTime() - 15 * 60_000)}`.execute(ctx.db)
  await sql`delete from aggregation.pairing where expires < ${new Date(ctx.clock().getTime() - 86_400_000)}`.execute(ctx.db)
}

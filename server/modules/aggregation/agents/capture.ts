import { sql } from 'kysely'
import type pg from 'pg'
import type * as contract from '../../../../contract/agents.ts'
import type { Context } from '../../../platform/context.ts'
import { alone } from '../../../platform/db.ts'
import { notFound, refuse } from '../../../platform/problem.ts'
import { noteChange } from '../bases/refresh.ts'
import {
  closeBatch,
  driftOf,
  Halt,
  type Live,
  noteBacklog,
  noteDown,
  opened,
  overdue,
  planFor,
  printOf,
  stands,
  startOver,
  stopForDrift,
  take,
} from '../capture/live.ts'
import type { Change } from '../capture/types.ts'
import { type SourceRecord, sourceById } from '../queries.ts'
import { noteTrouble } from '../run.ts'
import type { AgentRecord } from './caller.ts'

/** A source this agent captures, or the refusal that ends its following. */
async function captureOf(ctx: Context, agent: AgentRecord, id: string): Promise<SourceRecord> {
  const source = await sourceById(ctx.db, id)
  if (source?.agent_id !== agent.id) notFound('agent.capture', '实时捕获的来源')
  return source
}
const followed = (s: SourceRecord) => s.mode === 'capture' && s.active && s.keys.length > 0

/** What an agent captures. A source that has no position yet, and waits for nobody, is asked for as a whole. */
export async function capturesOf(ctx: Context, agent: AgentRecord): Promise<contract.AgentCapture[]> {
  const { rows } = await sql<SourceRecord & { agent_source: string }>`
    select * from aggregation.source where agent_id = ${agent.id} and (mode = 'capture' and active and cardinality(keys) > 0 or slot is not null) order by id`.execute(
    ctx.db,
  )
  return rows.map(s => ({
    sourceId: s.id,
    source: s.agent_source,
    follow: followed(s),
    ready: s.position !== null,
    retain: ctx.config.captureRetainedBytes,
  }))
}

/** Writes as the one who follows this source. Who finds another at it is asked to come again. */
const following = <T>(ctx: Context, source: SourceRecord, work: (client: pg.PoolClient) => Promise<T>): Promise<T> =>
  alone(ctx.pool, [source.id, 8], work, () =>
    refuse('agent.capture_busy', {
      status: 409,
      detail: '这个来源的上一批变更还在入库。',
      remedy: '请一秒后再发。',
      headers: { 'retry-after': '1' },
    }),
  )

export async function openCapture(ctx: Context, agent: AgentRecord, id: string) {
  const source = await captureOf(ctx, agent, id)
  if (!followed(source) || !source.position) notFound('agent.capture', '实时捕获的来源')
  const { names } = await planned(ctx, source)
  const difference = driftOf(source)
  if (difference) {
    await following(ctx, source, () => stopForDrift(ctx, source, difference, false))
    notFound('agent.capture', '实时捕获的来源')
  }
  return { columns: names.asked, keys: names.keys, position: source.position }
}

/** What the source is followed by; a person has to do something first where it cannot be. */
export async function planned(ctx: Context, source: SourceRecord) {
  try {
    return await planFor(ctx, source)
  } catch (error) {
    if (!(error instanceof Halt)) throw error
    const { code, text, remedy } = error.trouble
    await noteTrouble(ctx.db, source.id, error.trouble, ctx.clock())
    return refuse('agent.waits', { status: 409, reason: code, detail: text, remedy, headers: { 'retry-after': '10' } })
  }
}

/** By source: what makes its changes rows, the batch whose arrival nobody was told of yet, and when somebody was told last. */
const sessions = new Map<string, Live & { news: string | null; told: number; warned: boolean }>()
const NEWS = 60_000

export async function takeChanges(ctx: Context, agent: AgentRecord, id: string, body: contract.Changes) {
  const source = await captureOf(ctx, agent, id)
  if (!followed(source) || !source.position) notFound('agent.capture', '实时捕获的来源')
  return following(ctx, source, async client => {
    let live = sessions.get(id)
    if (live?.print !== printOf(source) || !(await stands(ctx, live))) {
      const { plan, entry } = await planned(ctx, source)
      live = { ...(await opened(ctx, client, source, { plan, entry })), news: null, told: Date.now(), warned: false }
      sessions.delete(id)
      sessions.set(id, live)
      if (sessions.size > 500) sessions.delete(sessions.keys().next().value!)
    }
    if (await overdue(ctx, source)) await closeBatch(ctx, source)
    if (body.backlog) live.warned = await noteBacklog(ctx, id, body.backlog)
    const width = live.plan.columns
    if (body.changes.some(c => c.op !== 'empty' && c.row.length !== width)) moved()
    const part = {
      changes: body.changes as Change[],
      position: body.position,
      committed: body.committed ? new Date(body.committed) : null,
    }
    const done = await take(ctx, client, live, part, { from: body.from, warned: live.warned })
    if (!done) moved()
    if (done.accepted) live.news = done.batchId
    if (live.news && Date.now() - live.told > NEWS) {
      const batch = live.news
      live.news = null
      live.told = Date.now()
      await ctx.db.transaction().execute(tx => noteChange(tx, ctx, source.entry_id, batch))
    }
    return { position: done.position }
  })
}

function moved(): never {
  refuse('agent.capture_moved', {
    status: 409,
    detail: '来源已不在这个位置，或已改变跟法，这些变更没有入库。',
    remedy: '请重新取得位置，从那里再发。',
  })
}

export async function endCapture(ctx: Context, agent: AgentRecord, id: string, body: contract.CaptureEnd) {
  const source = await captureOf(ctx, agent, id)
  await following(ctx, source, async () => {
    switch (body.why) {
      case 'dropped':
        await closeBatch(ctx, source)
        await sql`update aggregation.source set slot = null, live = null where id = ${id} and not (mode = 'capture' and active)`.execute(
          ctx.db,
        )
        return
      case 'down':
        return noteDown(ctx, id, body)
      case 'drift':
        if (followed(source) && source.position) await stopForDrift(ctx, source, body, body.dropped)
        return
      case 'gone':
        if (followed(source) && source.position) await startOver(ctx, source, body.text)
    }
  })
}

/** The hour of a source that brings nothing now is over, too. */
export async function closeOverdue(ctx: Context): Promise<void> {
  const { rows } = await sql<SourceRecord>`
    select s.* from aggregation.source s join aggregation.batch b on b.source_id = s.id
    where s.agent_id is not null and b.open_until <= ${ctx.clock()} limit 500`.execute(ctx.db)
  for (const source of rows)
    await following(ctx, source, async () => {
      if (await overdue(ctx, source)) await closeBatch(ctx, source)
    }).catch(() => {})
}

import { sql } from 'kysely'
import type pg from 'pg'
import { placeOf } from '../../../../contract/connections.ts'
import { type Context, type Services, type StaffContext, systemContext } from '../../../platform/context.ts'
import { alone, connect } from '../../../platform/db.ts'
import { noteChange } from '../bases/refresh.ts'
import { queueBatch } from '../commands.ts'
import { SourceDown, type Database as Target } from '../connectors/types.ts'
import { batchById, type SourceRecord, sourceById } from '../queries.ts'
import { noteTrouble, runBatch, targetOf } from '../run.ts'
import { captureConnector } from './index.ts'
import {
  closeBatch,
  driftOf,
  Halt,
  type Live,
  type Names,
  noteBacklog,
  noteDown,
  opened,
  overdue,
  planFor,
  printOf,
  sayLive,
  stands,
  startOver,
  stopForDrift,
  take,
  tooMuch,
} from './live.ts'
import { type CaptureConnector, Drifted, Gone, Moved, type Part, type Stream } from './types.ts'

/** Follows the captured sources of this process until it is stopped. */
export type Follower = { stop(): Promise<void> }

const LOOK = 1000
/** After a failure: seconds until the next attempt. */
const BACK_OFF = [1, 2, 5, 10, 30, 60]

/**
 * Every process with background work keeps one loop per captured source that nobody else follows. Whoever holds the advisory lock of a
 * source writes on the connection that holds it: when a process or its connection dies, the lock is free and the next one goes on
 * where the last commit stands.
 */
export async function startCapture(services: Services, databaseUrl: string): Promise<Follower> {
  const own = await connect(databaseUrl, { max: 200 })
  const stopping = new AbortController()
  const loops = new Map<string, Promise<void>>()
  let looking = Promise.resolve()
  const look = async () => {
    const { rows } = await own.pool.query<{ id: string }>(
      `select id from aggregation.source where agent_id is null and (mode = 'capture' and active and cardinality(keys) > 0 or slot is not null)`,
    )
    for (const { id } of rows) {
      if (loops.has(id) || stopping.signal.aborted) continue
      const loop = keep(services, own.pool, id, stopping.signal)
        .catch(error => services.log.warn({ source: id, error: (error as Error).message }, 'capture'))
        .finally(() => loops.delete(id))
      loops.set(id, loop)
    }
  }
  const timer = setInterval(() => {
    looking = looking.then(look).catch(() => {})
  }, LOOK)
  return {
    async stop() {
      clearInterval(timer)
      stopping.abort()
      await looking
      await Promise.all(loops.values())
      await own.close()
    },
  }
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>(resolve => {
    if (signal.aborted) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })

const keep = (services: Services, pool: pg.Pool, id: string, signal: AbortSignal): Promise<void> =>
  alone(
    pool,
    [id, 8],
    async (client, held) => {
      let failures = 0
      while (!signal.aborted && !held.lost) {
        const source = await sourceById(services.db, id)
        if (!source) break
        const ctx: Context = systemContext(services, source.run_as)
        const connector = captureConnector(source.kind)
        try {
          if (!connector || source.mode !== 'capture' || !source.active) {
            await letGo(ctx, source)
            break
          }
          await follow(ctx, client, source, connector, signal, () => {
            failures = 0
          })
        } catch (error) {
          await client.query('rollback').catch(() => {
            held.lost = true
          })
          if (signal.aborted || held.lost) break
          const seconds = await complain(ctx, source, error, failures++)
          await pause(seconds * 1000, signal)
        }
      }
    },
    () => {},
  )

/** Notes what went wrong; returns the seconds to wait. */
async function complain(ctx: Context, source: SourceRecord, error: unknown, failures: number): Promise<number> {
  const wait = BACK_OFF[Math.min(failures, BACK_OFF.length - 1)]!
  const now = ctx.clock()
  if (error instanceof Moved) return 0
  if (error instanceof Gone) {
    await startOver(ctx, source, error.message)
    return 0
  }
  if (error instanceof Drifted) {
    // What follows is read anew as a whole, so the source need not keep it until somebody has decided.
    const dropped = await captureConnector(source.kind)!
      .drop(targetOf(ctx, source) as Target, source.id)
      .then(
        () => true,
        () => false,
      )
    await stopForDrift(ctx, source, error, dropped)
    return 0
  }
  if (error instanceof Halt) {
    await noteTrouble(ctx.db, source.id, error.trouble, now)
    await sayLive(ctx, source.id, { phase: 'retrying' })
    return 10
  }
  if (error instanceof SourceDown) {
    await noteDown(ctx, source.id, error.diagnosis)
    return wait
  }
  const e = error as Error & { code?: string }
  ctx.log.error({ source: source.id, error: e.message, stack: e.stack }, 'capture failed')
  const full = e.code === '53100'
  await noteTrouble(
    ctx.db,
    source.id,
    {
      code: full ? 'disk-full' : 'unexpected',
      text: full ? '数据库的磁盘已满，变更暂时不能入库，位置没有移动。' : `变更没有入库，系统出错了（${e.message}），位置没有移动。`,
      remedy: full ? '请联系平台管理员腾出空间，之后自动继续。' : '系统会自动再试；仍不行请告诉平台管理员。',
    },
    now,
  ).catch(() => {})
  return wait
}

/** Takes away what was made at the source, when it is not captured any more. */
async function letGo(ctx: Context, source: SourceRecord): Promise<void> {
  if (!source.slot) return
  const connector = captureConnector(source.slot.kind)
  await closeBatch(ctx, source)
  await connector?.drop({ ...targetOf(ctx, source), ...source.slot } as Target, source.id)
  await sql`update aggregation.source set slot = null, live = null where id = ${source.id}`.execute(ctx.db)
}

/** One run of a source: the whole table first where there is no position, then change after change until something is different. */
async function follow(
  ctx: Context,
  client: pg.PoolClient,
  source: SourceRecord,
  connector: CaptureConnector,
  signal: AbortSignal,
  well: () => void,
): Promise<void> {
  const { plan, entry, names } = await planFor(ctx, source)
  const target = targetOf(ctx, source) as Target
  if (!source.position) {
    if (!(await copy(ctx, source, connector, target, names))) await pause(LOOK, signal)
    return
  }
  const difference = driftOf(source)
  if (difference) throw difference
  const stream = await connector.open(target, source.id, names.asked, names.keys, source.position)
  try {
    await streaming(ctx, client, { ...(await opened(ctx, client, source, { plan, entry })), stream, connector, target }, signal, well)
  } finally {
    await stream.close()
  }
}

/** The whole table as an ordinary batch, from whose moment on the stream goes. False: somebody has to decide first. */
async function copy(ctx: Context, source: SourceRecord, connector: CaptureConnector, target: Target, names: Names): Promise<boolean> {
  const { rows } = await sql<{ id: string; state: string }>`
    select id, state from aggregation.batch where source_id = ${source.id} and open_until is null and upload_id is null and state in ('queued', 'running')
    order by id desc limit 1`.execute(ctx.db)
  let batchId = rows[0]?.id
  if (!batchId && source.live?.phase === 'waiting') return false
  await closeBatch(ctx, source)
  if (!source.slot || placeOf(source.slot) !== placeOf(source.connection)) {
    if (source.slot) await connector.drop({ ...target, ...source.slot } as Target, source.id).catch(() => {})
    await sql`update aggregation.source set slot = ${JSON.stringify(source.connection)} where id = ${source.id}`.execute(ctx.db)
  }
  const beginning = await connector.begin(target, source.id, names.asked, names.keys)
  try {
    batchId ??= await queueBatch({ ...ctx, actor: source.run_as } as StaffContext, source, {}, false)
    await sayLive(ctx, source.id, { phase: 'copying' })
    await runBatch(ctx, batchId, beginning)
  } finally {
    await beginning.release()
  }
  const batch = (await batchById(ctx.db, batchId))!
  if (batch.state === 'done') return true
  // Nobody knows how long that takes; the source keeps nothing meanwhile.
  await connector.drop(target, source.id)
  await sql`update aggregation.source set slot = null, live = ${JSON.stringify({ phase: 'waiting' })} where id = ${source.id}`.execute(
    ctx.db,
  )
  if (batch.state === 'held')
    await noteTrouble(
      ctx.db,
      source.id,
      { code: 'capture-held', text: `整表读取的批次 ${batch.no} 待放行，放行前不捕获变更。`, remedy: '请查看这一批次，放行或退回。' },
      ctx.clock(),
    )
  return false
}

type Following = Live & { stream: Stream; connector: CaptureConnector; target: Target }
/** Half a minute between looks at what the source keeps for us, a minute between news to what is made of the entry. */
const BACKLOG = 30_000
const NEWS = 60_000

async function streaming(ctx: Context, client: pg.PoolClient, f: Following, signal: AbortSignal, well: () => void): Promise<void> {
  const { source, stream } = f
  let looked = 0
  let weighed = 0
  let told = Date.now()
  /** The batch that has brought changes nobody was told of yet. */
  let news: string | null = null
  let warned = false
  const more = async (): Promise<Part> => {
    for (;;) {
      const next = await stream.next(LOOK)
      if (signal.aborted) throw new Error('stopping')
      if (next) return next
    }
  }
  for (;;) {
    if (signal.aborted) return
    if (Date.now() - looked > LOOK) {
      looked = Date.now()
      const now = await sourceById(ctx.db, source.id)
      if (!now || printOf(now) !== f.print || !(await stands(ctx, f))) return
      if (await overdue(ctx, source)) await closeBatch(ctx, source)
    }
    if (Date.now() - weighed > BACKLOG) {
      weighed = Date.now()
      warned = await weigh(ctx, f)
    }
    if (news && Date.now() - told > NEWS) {
      told = Date.now()
      const batch = news
      news = null
      await ctx.db.transaction().execute(tx => noteChange(tx, ctx, source.entry_id, batch))
    }
    const part = await stream.next(LOOK)
    if (!part) continue
    const done = await take(ctx, client, f, part, { more, warned })
    if (!done) return
    if (done.accepted) news = done.batchId
    stream.done(done.position)
    well()
  }
}

/** What the source keeps for us: told when it is much, given up when it is too much. */
async function weigh(ctx: Context, f: Following): Promise<boolean> {
  const backlog = await f.connector.backlog(f.target, f.source.id, f.source.position!)
  if (backlog.bytes !== null && backlog.bytes > ctx.config.captureRetainedBytes) {
    await f.stream.close()
    await f.connector.drop(f.target, f.source.id)
    throw new Gone(tooMuch(backlog.bytes))
  }
  return noteBacklog(ctx, f.source.id, backlog)
}

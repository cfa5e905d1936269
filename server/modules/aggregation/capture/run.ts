import { sql } from 'kysely'
import type pg from 'pg'
import type { Message } from '../../../../contract/aggregation.ts'
import { placeOf } from '../../../../contract/connections.ts'
import { dayOf } from '../../../platform/clock.ts'
import { type Context, type Services, type StaffContext, systemContext } from '../../../platform/context.ts'
import { connect } from '../../../platform/db.ts'
import { newId } from '../../../platform/id.ts'
import { record } from '../../audit/public.ts'
import { noteMount, openUpdateTask, type PublishedEntry, publishedEntry } from '../../catalog/public.ts'
import { noteDelivery, rejectRules } from '../../quality/public.ts'
import { govern } from '../../regulation/public.ts'
import { noteChange } from '../bases/refresh.ts'
import { nextNo, queueBatch } from '../commands.ts'
import { type Position, SourceDown, type Database as Target } from '../connectors/types.ts'
import { noteArrival } from '../freshness.ts'
import { intervalOf, isLate, lagText } from '../promises.ts'
import { batchById, rejectCounts, type SourceRecord, sourceById } from '../queries.ts'
import { drift, fingerprint, identityOf, mappingFaults, tableName, wire } from '../rules.ts'
import { noteTrouble, onto, runBatch, seedOf, setBatch, targetOf } from '../run.ts'
import { applier, type Counts, nothing, type Plan, prepared } from './apply.ts'
import { captureConnector } from './index.ts'
import { type CaptureConnector, Drifted, Gone, Moved, type Part, type Stream } from './types.ts'

/** Follows the captured sources of this process until it is stopped. */
export type Follower = { stop(): Promise<void> }

/** A person has to do something before it goes on. */
class Halt extends Error {
  readonly trouble: { code: string; text: string; remedy: string }
  constructor(code: string, text: string, remedy: string) {
    super(text)
    this.trouble = { code, text, remedy }
  }
}

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

async function keep(services: Services, pool: pg.Pool, id: string, signal: AbortSignal): Promise<void> {
  const client = await pool.connect()
  let broken: Error | undefined
  const lost = (error: Error) => {
    broken = error
  }
  client.on('error', lost)
  try {
    const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock(hashtextextended($1, 8)) as mine', [id])
    if (!rows[0]!.mine) return
    let failures = 0
    while (!signal.aborted && !broken) {
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
        await client.query('rollback').catch(lost)
        if (signal.aborted || broken) break
        const seconds = await complain(ctx, source, error, failures++)
        await pause(seconds * 1000, signal)
      }
    }
    await client.query('select pg_advisory_unlock(hashtextextended($1, 8))', [id]).catch(lost)
  } catch (error) {
    broken ??= error as Error
    throw error
  } finally {
    client.off('error', lost)
    client.release(broken)
  }
}

const sayLive = (ctx: Pick<Context, 'db'>, id: string, live: object) =>
  sql`update aggregation.source set live = coalesce(live, '{}') || ${JSON.stringify(live)}::jsonb where id = ${id}`.execute(ctx.db)

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
    await stopForDrift(ctx, source, error)
    return 0
  }
  if (error instanceof Halt) {
    await noteTrouble(ctx.db, source.id, error.trouble, now)
    await sayLive(ctx, source.id, { phase: 'retrying' })
    return 10
  }
  if (error instanceof SourceDown) {
    const { code, text, remedy } = error.diagnosis
    const capture = code.startsWith('capture-')
    await noteTrouble(
      ctx.db,
      source.id,
      {
        code: capture ? code : `source-${code}`,
        text: capture ? text : `${text}已捕获的变更都已入库，恢复后从断开处继续，不会遗漏，也不会重复。`,
        remedy,
      },
      now,
    )
    await sayLive(ctx, source.id, { phase: 'retrying' })
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

/** The source can no longer say what came after the position: the whole table is read and compared, then changes go on from there. */
async function startOver(ctx: Context, source: SourceRecord, why: string): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    await sql`update aggregation.source set position = null, live = null where id = ${source.id}`.execute(tx)
    await noteTrouble(
      tx,
      source.id,
      {
        code: 'capture-restart',
        text: `${why}，中间的变更取不到了。正在重新整表读取并核对，完成后继续实时捕获。`,
        remedy: '不用处理。经常发生时，请来源方延长日志的保留时间。',
      },
      ctx.clock(),
    )
    await record(tx, ctx, { action: 'source.change', subject: source.id, data: { capture: 'restart', why } })
  })
}

/** The table of the source has another structure: nothing moves until its columns are assigned anew. */
async function stopForDrift(ctx: Context, source: SourceRecord, d: Drifted): Promise<void> {
  const list = (label: string, names: string[]) => (names.length ? `${label}「${names.slice(0, 5).join('」「')}」` : '')
  const parts = [
    list(`少 ${d.missing.length} 列`, d.missing),
    list(`多 ${d.added.length} 列`, d.added),
    list('类型变化', d.changed),
  ].filter(Boolean)
  const message: Message = {
    level: 'stop',
    code: 'drift',
    text: `来源表结构变化：${parts.join('，')}。实时捕获已停在变化之前，位置未移动。`,
    remedy: '请核对后重新保存「对应信息项」，系统随即整表核对并继续捕获。',
  }
  const entry = (await publishedEntry(ctx.db, { id: source.entry_id }))!
  const now = ctx.clock()
  // What follows is read anew as a whole, so the source need not keep it until somebody has decided.
  const connector = captureConnector(source.kind)!
  const dropped = await connector.drop(targetOf(ctx, source) as Target, source.id).then(
    () => true,
    () => false,
  )
  await ctx.db.transaction().execute(async tx => {
    await sql`update aggregation.source set position = null, live = ${JSON.stringify({ phase: 'waiting' })} ${dropped ? sql`, slot = null` : sql``} where id = ${source.id}`.execute(
      tx,
    )
    await noteTrouble(tx, source.id, { ...message, remedy: message.remedy! }, now)
    const id = newId()
    const no = await nextNo(tx, dayOf(now))
    await sql`insert into aggregation.batch (id, no, source_id, entry_id, name, state, options, threshold, actor, created, started, finished, messages, difference)
      values (${id}, ${no}, ${source.id}, ${source.entry_id}, ${placeOf(source.connection)}, 'drift', '{}', ${source.threshold}, ${JSON.stringify(source.run_as)}, ${now}, ${now}, ${now},
        ${JSON.stringify([message])}, ${JSON.stringify({ missing: d.missing, added: [...d.added, ...d.changed] })})`.execute(tx)
    await record(tx, ctx, { action: 'batch.failed', subject: no, content: entry.code, data: { code: 'drift' } })
    await openUpdateTask(tx, ctx, source.entry_id, message.text).catch(() => {})
  })
}

/** Takes away what was made at the source, when it is not captured any more. */
async function letGo(ctx: Context, source: SourceRecord): Promise<void> {
  if (!source.slot) return
  const connector = captureConnector(source.slot.kind)
  await closeBatch(ctx, source)
  await connector?.drop({ ...targetOf(ctx, source), ...source.slot } as Target, source.id)
  await sql`update aggregation.source set slot = null, live = null where id = ${source.id}`.execute(ctx.db)
}

/** What a source is followed by; another one begins when this changes. */
const printOf = (s: SourceRecord) =>
  JSON.stringify([s.mapping, s.keys, s.mode, s.deletes, s.connection, s.secret, s.active, s.position === null, s.agent_id])

type Names = { asked: string[]; keys: string[] }
async function planFor(ctx: Context, source: SourceRecord): Promise<{ plan: Plan; entry: PublishedEntry; names: Names }> {
  const entry = await publishedEntry(ctx.db, { id: source.entry_id })
  if (entry?.state !== 'published')
    throw new Halt('entry-not-registered', '这条目录没有发布或已经撤销，变更不入库。', '目录发布后自动继续；不再需要时，请改为不实时捕获。')
  const items = entry.content.items.filter(i => i.name)
  const wanted = govern(entry.region, 'subject-identifier', ctx.day).value.required ? identityOf(entry.content, items) : null
  const identity = wanted?.item?.key
  const [fault] = mappingFaults(source.mapping, source.keys, items)
  if (fault) throw new Halt('mapping', `目录已变更：${fault.message}`, '请重新对应信息项，之后自动继续。')
  const there = source.mapping.map(m => m.source)
  const wiring = wire(source.mapping, there, items, source.keys, identity)
  const asked = wiring.map(w => there[w.index]!)
  const narrow = wiring.map((w, i) => ({ ...w, index: i }))
  return {
    entry,
    names: { asked, keys: source.keys.map(k => asked[narrow.find(w => w.item.key === k)!.index]!) },
    plan: {
      sourceId: source.id,
      entryId: source.entry_id,
      items,
      wiring: narrow,
      keys: source.keys,
      columns: asked.length,
      unidentified: wanted && !wiring.some(w => w.identity) ? (identity ?? '') : null,
      rules: await rejectRules(ctx.db, source.entry_id),
      seed: seedOf(fingerprint(narrow, source.keys), asked),
      deletes: source.deletes,
      today: dayOf(ctx.clock()),
    },
  }
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
  const difference = drift(
    source.mapping,
    (JSON.parse(String(source.position.shape)) as [string, string][]).map(([name]) => name),
  )
  if (difference) throw new Drifted({ ...difference, changed: [] })
  const stream = await connector.open(target, source.id, names.asked, names.keys, source.position)
  try {
    await streaming(ctx, client, { source, plan, entry, stream, connector, target }, signal, well)
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

type Following = {
  source: SourceRecord
  plan: Plan
  entry: PublishedEntry
  stream: Stream
  connector: CaptureConnector
  target: Target
}
/** Half a minute between looks at what the source keeps for us, a minute between news to what is made of the entry. */
const BACKLOG = 30_000
const NEWS = 60_000

async function streaming(ctx: Context, client: pg.PoolClient, f: Following, signal: AbortSignal, well: () => void): Promise<void> {
  const { source, plan, entry, stream } = f
  await client.query('begin')
  const columns = await prepared(client, plan)
  await client.query('commit')
  const apply = applier(plan, columns)
  const print = printOf(source)
  let looked = 0
  let weighed = 0
  let told = Date.now()
  /** The batch that has brought changes nobody was told of yet. */
  let news: string | null = null
  let warned = false
  for (;;) {
    if (signal.aborted) return
    if (Date.now() - looked > LOOK) {
      looked = Date.now()
      const now = await sourceById(ctx.db, source.id)
      if (!now || printOf(now) !== print) return
      const still = await publishedEntry(ctx.db, { id: source.entry_id })
      if (still?.version !== entry.version || still.state !== 'published' || dayOf(ctx.clock()) !== plan.today) return
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
    let part = await stream.next(LOOK)
    if (!part) continue
    const counts = nothing()
    const now = ctx.clock()
    const batchId = part.changes.length ? await openBatch(ctx, source, entry) : null
    await client.query('begin')
    try {
      await client.query(`set local jit = off`)
      // Nobody changes how it is followed between this look and the commit; what has come is read again under the new way.
      const { rows: still } = await client.query<SourceRecord>('select * from aggregation.source where id = $1 for no key update', [
        source.id,
      ])
      if (!still[0] || printOf(still[0]) !== print) {
        await client.query('rollback')
        return
      }
      if (batchId) {
        await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 7))`, [tableName(source.entry_id)])
        const { rows } = await client.query<{ read: number }>('select read from aggregation.batch where id = $1 for update', [batchId])
        const line = rows[0]!.read
        await apply(client, part.changes, { batchId, now, line }, counts)
        // A transaction that is too long to wait for as a whole: its parts come one by one, and become visible together.
        while (!part.position) {
          const next: Part | undefined = await stream.next(LOOK)
          if (signal.aborted) throw new Error('stopping')
          if (!next) continue
          part = next
          await apply(client, part.changes, { batchId, now, line }, counts)
        }
      }
      const lag = part.committed ? Math.max(0, Date.now() - part.committed.getTime()) : 0
      await commit(client, f, { batchId, counts, position: part.position!, lag, now, warned, columns })
      if (counts.accepted) news = batchId
      await client.query('commit')
    } catch (error) {
      await client.query('rollback').catch(() => {})
      throw error
    }
    stream.done(part.position!)
    well()
  }
}

/** Counters, position and size of the entry, in the transaction of the rows. */
async function commit(
  client: pg.PoolClient,
  { source, plan }: Following,
  o: { batchId: string | null; counts: Counts; position: Position; lag: number; now: Date; warned: boolean; columns: string[] },
): Promise<void> {
  const { counts } = o
  await client.query({
    name: 'capture_position',
    text: `update aggregation.source set position = $2, contact = $3, live = coalesce(live, '{}') || $4::jsonb,
      trouble = case when $5 then trouble else null end where id = $1`,
    values: [
      source.id,
      JSON.stringify(o.position),
      o.now,
      JSON.stringify({ phase: 'streaming', lag: o.lag, at: new Date().toISOString() }),
      o.warned,
    ],
  })
  if (!o.batchId) return
  await client.query({
    name: 'capture_counts',
    text: `update aggregation.batch set read = read + $2, accepted = accepted + $3, changed = changed + $4, unchanged = unchanged + $5,
      rejected = rejected + $6, removed = removed + $7, finished = $8, lag = greatest(lag, $9), position = $10 where id = $1`,
    values: [
      o.batchId,
      counts.read,
      counts.accepted,
      counts.changed,
      counts.unchanged,
      counts.rejected,
      counts.removed,
      o.now,
      Math.round(o.lag / 1000),
      String(o.position.lsn ?? `${o.position.file}:${o.position.pos}`),
    ],
  })
  if (!counts.accepted) return
  const { rows } = await client.query<{ rows: number }>({
    name: 'capture_mount',
    text: `insert into aggregation.mount as m (entry_id, relation, columns, keys, rows, updated, batch_id) values ($1, $2, $3, $4, $5, $6, $7)
      on conflict (entry_id) do update set columns = excluded.columns, rows = greatest(m.rows + $5, 0), updated = excluded.updated, batch_id = excluded.batch_id returning rows`,
    values: [source.entry_id, `pool.e_${tableName(source.entry_id)}`, o.columns, plan.keys, counts.added, o.now, o.batchId],
  })
  await noteMount(onto(client), source.entry_id, { rows: rows[0]!.rows, updated: o.now })
}

const HOUR = 3600_000
const liveOf = async (ctx: Context, source: SourceRecord) =>
  (
    await sql<{
      id: string
      open_until: Date
    }>`select id, open_until from aggregation.batch where source_id = ${source.id} and open_until is not null`.execute(ctx.db)
  ).rows[0]
const overdue = async (ctx: Context, source: SourceRecord) => {
  const live = await liveOf(ctx, source)
  return !!live && live.open_until <= ctx.clock()
}

/** The batch of this hour. It is complete and balanced after every transaction; only its end is open. */
async function openBatch(ctx: Context, source: SourceRecord, entry: PublishedEntry): Promise<string> {
  const live = await liveOf(ctx, source)
  const now = ctx.clock()
  if (live && live.open_until > now) return live.id
  if (live) await closeBatch(ctx, source)
  const id = newId()
  const until = new Date((Math.floor(now.getTime() / HOUR) + 1) * HOUR)
  const hour = (d: Date) => new Date(d.getTime() + 8 * HOUR).toISOString().slice(11, 16)
  const message: Message = { level: 'info', code: 'live', text: `实时批次：变更随到随入库，${hour(until)} 结束。` }
  const { code } = entry
  await ctx.db.transaction().execute(async tx => {
    const no = await nextNo(tx, dayOf(now))
    await sql`insert into aggregation.batch (id, no, source_id, entry_id, name, state, options, threshold, actor, created, started, finished, messages, open_until)
      values (${id}, ${no}, ${source.id}, ${source.entry_id}, ${`实时 ${dayOf(now)} ${hour(until)} 前`}, 'done', '{}', ${source.threshold}, ${JSON.stringify(source.run_as)},
        ${now}, ${now}, ${now}, ${JSON.stringify([message])}, ${until})`.execute(tx)
    await record(tx, ctx, { action: 'batch.start', subject: no, content: code, data: { source: source.id, live: true } })
  })
  return id
}

/** The hour is over, or the source is not followed any more: what a delivery has to be told is told once. */
async function closeBatch(ctx: Context, source: SourceRecord): Promise<void> {
  const live = await liveOf(ctx, source)
  if (!live) return
  const entry = await publishedEntry(ctx.db, { id: source.entry_id })
  const now = ctx.clock()
  await ctx.db.transaction().execute(async tx => {
    const batch = (await batchById(tx, live.id))!
    await sql`update aggregation.batch set open_until = null where id = ${batch.id}`.execute(tx)
    const rejects = batch.rejected ? await rejectCounts(tx, batch.id) : new Map<string, number>()
    const interval = entry && intervalOf(source.cadence, entry.content.updateCycle)
    const late =
      !!entry && batch.lag !== null && isLate(batch.lag, interval ?? null, govern(entry.region, 'real-time', dayOf(now)).value.within)
    await setBatch(tx, batch.id, {
      late,
      messages: [{ level: 'info', code: 'live', text: '实时批次，已结束。' }],
    })
    const { read, accepted, changed, unchanged, rejected, removed } = batch
    await record(tx, ctx, {
      action: 'batch.done',
      subject: batch.no,
      content: entry?.code ?? '',
      data: { read, accepted, changed, unchanged, rejected, removed, live: true },
    })
    if (!entry) return
    const { wiring } = await planFor(ctx, source).then(
      p => p.plan,
      () => ({ wiring: [] as Plan['wiring'] }),
    )
    await noteDelivery(
      tx,
      { ...ctx, now },
      {
        entry: { ...entry, departmentId: entry.department_id },
        batch: { id: batch.id, no: batch.no },
        loaded: true,
        read: batch.read,
        rules: rejects,
        items: wiring.map(w => ({ required: w.required, semantic: w.item.semantic, codes: w.item.codes })),
        late: interval !== null && batch.lag !== null ? { late, note: lagText(batch.lag, late) } : null,
        stale: null,
      },
    )
    if (batch.accepted) await noteChange(tx, ctx, source.entry_id, batch.id)
    await noteArrival(tx, { ...ctx, now }, source, entry, null)
  })
}

/** What the source keeps for us: told when it is much, given up when it is too much, so that the platform never fills its disk. */
async function weigh(ctx: Context, f: Following): Promise<boolean> {
  const { bytes, text } = await f.connector.backlog(f.target, f.source.id, f.source.position!)
  await sayLive(ctx, f.source.id, { retained: bytes })
  const most = ctx.config.captureRetainedBytes
  if (bytes !== null && bytes > most) {
    await f.stream.close()
    await f.connector.drop(f.target, f.source.id)
    throw new Gone(`来源为本平台保留的日志达到 ${size(bytes)}，为不占满来源的磁盘已经放弃`)
  }
  if (!text && (bytes === null || bytes < most / 2)) return false
  await noteTrouble(
    ctx.db,
    f.source.id,
    {
      code: 'capture-backlog',
      text: text ? `${text}。` : `来源为本平台保留了 ${size(bytes!)} 日志，超过 ${size(most)} 时平台会放弃，改为重新整表核对。`,
      remedy: '请查看平台入库是否变慢，或来源是否有很长的事务。',
    },
    ctx.clock(),
  )
  return true
}
const size = (bytes: number) => (bytes >= 1 << 30 ? `${(bytes / 2 ** 30).toFixed(1)} GB` : `${Math.round(bytes / 2 ** 20)} MB`)

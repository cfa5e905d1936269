import { sql } from 'kysely'
import type pg from 'pg'
import type { Message } from '../../../../contract/aggregation.ts'
import { placeOf } from '../../../../contract/connections.ts'
import { dayOf } from '../../../platform/clock.ts'
import type { Context } from '../../../platform/context.ts'
import { newId } from '../../../platform/id.ts'
import { record } from '../../audit/public.ts'
import { noteMount, openUpdateTask, type PublishedEntry, publishedEntry } from '../../catalog/public.ts'
import { noteDelivery, rejectRules } from '../../quality/public.ts'
import { govern } from '../../regulation/public.ts'
import { noteChange } from '../bases/refresh.ts'
import { nextNo } from '../commands.ts'
import type { Position, SourceDown } from '../connectors/types.ts'
import { noteArrival } from '../freshness.ts'
import { intervalOf, isLate, lagText } from '../promises.ts'
import { batchById, rejectCounts, type SourceRecord } from '../queries.ts'
import { drift, fingerprint, identityOf, mappingFaults, tableName, wire } from '../rules.ts'
import { noteTrouble, onto, seedOf, setBatch } from '../run.ts'
import { applier, type Counts, nothing, type Plan, prepared } from './apply.ts'
import { type Backlog, Drifted, type Part, type Shape } from './types.ts'

/** A person has to do something before it goes on. */
export class Halt extends Error {
  readonly trouble: { code: string; text: string; remedy: string }
  constructor(code: string, text: string, remedy: string) {
    super(text)
    this.trouble = { code, text, remedy }
  }
}

export const sayLive = (ctx: Pick<Context, 'db'>, id: string, live: object) =>
  sql`update aggregation.source set live = coalesce(live, '{}') || ${JSON.stringify(live)}::jsonb where id = ${id}`.execute(ctx.db)

/** What a source is followed by; another one begins when this changes. */
export const printOf = (s: SourceRecord) =>
  JSON.stringify([s.mapping, s.keys, s.mode, s.deletes, s.connection, s.secret, s.active, s.position === null, s.agent_id])

export type Names = { asked: string[]; keys: string[] }
export async function planFor(ctx: Context, source: SourceRecord): Promise<{ plan: Plan; entry: PublishedEntry; names: Names }> {
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

/** Columns that came or went since the table was read. */
export function driftOf(source: SourceRecord): Drifted | undefined {
  const difference = drift(
    source.mapping,
    (JSON.parse(String(source.position!.shape)) as Shape).map(([name]) => name),
  )
  return difference ? new Drifted({ ...difference, changed: [] }) : undefined
}

/** What makes the changes of one source rows of its entry, until something about either is different. */
export type Live = {
  source: SourceRecord
  plan: Plan
  entry: PublishedEntry
  columns: string[]
  apply: ReturnType<typeof applier>
  print: string
}
export async function opened(ctx: Context, client: pg.PoolClient, source: SourceRecord, known?: { plan: Plan; entry: PublishedEntry }) {
  const { plan, entry } = known ?? (await planFor(ctx, source))
  await client.query('begin')
  const columns = await prepared(client, plan)
  await client.query('commit')
  return { source, plan, entry, columns, apply: applier(plan, columns), print: printOf(source) } satisfies Live
}

/** Whether the entry is still the one the changes are made for. */
export async function stands(ctx: Context, { source, entry, plan }: Live): Promise<boolean> {
  const still = await publishedEntry(ctx.db, { id: source.entry_id })
  return still?.version === entry.version && still.state === 'published' && dayOf(ctx.clock()) === plan.today
}

/**
 * A transaction of the source as one of ours: rows, rejects, counters and position, written by who holds the lock of the source. Where
 * it comes in several parts `more` gives the next. `from`: where the source has to stand. False: it is followed in another way by
 * now, or stands elsewhere; nothing was written.
 */
export async function take(
  ctx: Context,
  client: pg.PoolClient,
  live: Live,
  first: Part,
  o: { from?: Position; more?: () => Promise<Part>; warned: boolean },
): Promise<{ position: Position; batchId: string | null; accepted: number } | false> {
  const { source, entry } = live
  let part = first
  const counts = nothing()
  const now = ctx.clock()
  const batchId = part.changes.length ? await openBatch(ctx, source, entry) : null
  await client.query('begin')
  try {
    await client.query('set local jit = off')
    // Nobody changes how it is followed between this look and the commit; what has come is read again under the new way.
    const { rows: still } = await client.query<SourceRecord>(
      'select * from aggregation.source where id = $1 and ($2::jsonb is null or position = $2::jsonb) for no key update',
      [source.id, o.from ? JSON.stringify(o.from) : null],
    )
    if (!still[0] || printOf(still[0]) !== live.print) {
      await client.query('rollback')
      return false
    }
    if (batchId) {
      await client.query('select pg_advisory_xact_lock(hashtextextended($1, 7))', [tableName(source.entry_id)])
      const { rows } = await client.query<{ read: number }>('select read from aggregation.batch where id = $1 for update', [batchId])
      const line = rows[0]!.read
      await live.apply(client, part.changes, { batchId, now, line }, counts)
      // A transaction that is too long to wait for as a whole: its parts come one by one, and become visible together.
      while (!part.position) {
        part = await o.more!()
        await live.apply(client, part.changes, { batchId, now, line }, counts)
      }
    }
    const position = part.position!
    const lag = part.committed ? Math.max(0, Date.now() - part.committed.getTime()) : 0
    await commit(client, live, { batchId, counts, position, lag, now, warned: o.warned })
    await client.query('commit')
    return { position, batchId, accepted: counts.accepted }
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  }
}

/** Counters, position and size of the entry, in the transaction of the rows. */
async function commit(
  client: pg.PoolClient,
  { source, plan, columns }: Live,
  o: { batchId: string | null; counts: Counts; position: Position; lag: number; now: Date; warned: boolean },
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
    values: [source.entry_id, `pool.e_${tableName(source.entry_id)}`, columns, plan.keys, counts.added, o.now, o.batchId],
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
export const overdue = async (ctx: Context, source: SourceRecord) => {
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
export async function closeBatch(ctx: Context, source: SourceRecord): Promise<void> {
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

/** The source can no longer say what came after the position: the whole table is read and compared, then changes go on from there. */
export async function startOver(ctx: Context, source: SourceRecord, why: string): Promise<void> {
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

/** The table of the source has another structure: nothing moves until its columns are assigned anew. `dropped`: the source keeps nothing for us meanwhile. */
export async function stopForDrift(
  ctx: Context,
  source: SourceRecord,
  d: Pick<Drifted, 'missing' | 'added' | 'changed'>,
  dropped: boolean,
): Promise<void> {
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

/** The source cannot be reached or does not let us capture. */
export async function noteDown(ctx: Context, sourceId: string, { code, text, remedy }: SourceDown['diagnosis']): Promise<void> {
  const capture = code.startsWith('capture-')
  await noteTrouble(
    ctx.db,
    sourceId,
    {
      code: capture ? code : `source-${code}`,
      text: capture ? text : `${text}已捕获的变更都已入库，恢复后从断开处继续，不会遗漏，也不会重复。`,
      remedy,
    },
    ctx.clock(),
  )
  await sayLive(ctx, sourceId, { phase: 'retrying' })
}

/** What the source keeps for us is told when it is much. True when it was. */
export async function noteBacklog(ctx: Context, sourceId: string, { bytes, text }: Backlog): Promise<boolean> {
  await sayLive(ctx, sourceId, { retained: bytes })
  const most = ctx.config.captureRetainedBytes
  if (!text && (bytes === null || bytes < most / 2)) return false
  await noteTrouble(
    ctx.db,
    sourceId,
    {
      code: 'capture-backlog',
      text: text ? `${text}。` : `来源为本平台保留了 ${size(bytes!)} 日志，超过 ${size(most)} 时平台会放弃，改为重新整表核对。`,
      remedy: '请查看平台入库是否变慢，或来源是否有很长的事务。',
    },
    ctx.clock(),
  )
  return true
}
/** Why what the source keeps is given up: the platform never fills its disk. */
export const tooMuch = (bytes: number) => `来源为本平台保留的日志达到 ${size(bytes)}，为不占满来源的磁盘已经放弃`
const size = (bytes: number) => (bytes >= 1 << 30 ? `${(bytes / 2 ** 30).toFixed(1)} GB` : `${Math.round(bytes / 2 ** 20)} MB`)

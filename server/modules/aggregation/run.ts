import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CompiledQuery, Kysely, PostgresDialect, sql } from 'kysely'
import type pg from 'pg'
import type { Message } from '../../../contract/aggregation.ts'
import type { Item } from '../../../contract/catalog.ts'
import { secretFields } from '../../../contract/connections.ts'
import { dayOf } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { alone, type Database, type Tx } from '../../platform/db.ts'
import { othersFirst, paced } from '../../platform/priority.ts'
import { Problem } from '../../platform/problem.ts'
import { Unreadable } from '../../platform/xlsx.ts'
import { record } from '../audit/public.ts'
import { noteMount, openUpdateTask, type PublishedEntry, publishedEntry } from '../catalog/public.ts'
import { explain, noteDelivery, type RejectRule, rejectRules, wiredRules } from '../quality/public.ts'
import { gateMode, govern } from '../regulation/public.ts'
import { noteChange } from './bases/refresh.ts'
import type { Beginning } from './capture/types.ts'
import { tableConnector } from './connectors/index.ts'
import { type Database as DatabaseTarget, type Position, SourceDown, type Target } from './connectors/types.ts'
import { noteArrival } from './freshness.ts'
import { load, type Outcome, type Phase, VANISHING } from './load.ts'
import { type Order, orderOf } from './order.ts'
import { intervalOf, isLate, isStale, lagOf, lagText } from './promises.ts'
import { QUICK_BYTES, quick, remove } from './push/quick.ts'
import {
  type BatchRecord,
  batchById,
  mountOf,
  rejectCounts,
  type SourceRecord,
  sourceById,
  uploadById,
  verificationsOf,
} from './queries.ts'
import { csvFeed, type Feed, tableFeed, xlsxFeed } from './reading/feed.ts'
import { lookAt } from './reading/inspect.ts'
import { mendingColumns } from './reading/mapping.ts'
import { tableOf } from './reading/records.ts'
import type { Check } from './reading/scan.ts'
import { TooManyBad } from './reading/scanner.ts'
import { drift, fingerprint, identityOf, mappingFaults, shownColumns, tableName, type Wiring, wire } from './rules.ts'

/** A batch stops here and says why; nothing of it has been loaded. */
class Stopped extends Error {
  readonly state: 'failed' | 'drift' | 'cancelled'
  readonly notes: Message[]
  readonly difference: { missing: string[]; added: string[] } | null
  readonly retry: boolean
  constructor(
    state: 'failed' | 'drift' | 'cancelled',
    notes: Message[],
    more: { difference?: { missing: string[]; added: string[] }; retry?: boolean } = {},
  ) {
    super(notes[0]?.text ?? state)
    this.state = state
    this.notes = notes
    this.difference = more.difference ?? null
    this.retry = more.retry ?? false
  }
}
const stop = (code: string, text: string, remedy?: string) =>
  new Stopped('failed', [{ level: 'stop', code, text, ...(remedy && { remedy }) }])

/** After a source that went away: half a minute, two, ten. */
const RETRY_SECONDS = [30, 120, 600]
export const uploadPath = (dataDir: string, id: string) => join(dataDir, 'uploads', id)

const running = new Map<string, AbortController>()
/** Called when the process ends: batches in flight roll back and stay `running`, so that the next start takes them up. */
export function abandonBatches(): void {
  for (const controller of running.values()) controller.abort('shutdown')
}

/**
 * Runs a batch from reading to commit, after those of its source that came before it: what came later must win. Rows, rejects, counters
 * and source position are written in ONE transaction, so that a process killed at any moment leaves either all of it or nothing; the
 * same batch can be run again with the same result. Returns at once when somebody else is at work on the source: he goes on with it.
 */
export async function runBatch(ctx: Context, batchId: string, via?: Beginning): Promise<void> {
  // The whole table of a captured source is read by its follower, which knows where the changes go on.
  if (!via && (await captured(ctx, batchId))) return
  const { rows } = await ctx.pool.query<{ source_id: string }>('select source_id from aggregation.batch where id = $1', [batchId])
  const sourceId = rows[0]?.source_id
  const next = async () =>
    via
      ? batchId
      : (
          await ctx.pool.query<{ id: string }>(
            `select id from aggregation.batch where source_id = $1 and state in ('queued', 'running') order by id limit 1`,
            [sourceId],
          )
        ).rows[0]?.id
  // Asked again once the lock is given back: what was queued meanwhile found it taken.
  let more = !!sourceId
  while (more && (await next())) more = await working(ctx, sourceId!, work)

  async function work(client: pg.PoolClient): Promise<boolean> {
    for (let id = await next(); id; id = await next()) {
      if (!(await attempt(ctx, client, id, via)) || via) return false
      // A batch may have failed because this connection did; the next one gets another.
      await client.query('select 1')
    }
    return true
  }
}

/** Does work that only one process at a time may do for a source, politely. False when another is at it, or when the work says that it is to end. */
const working = (ctx: Context, sourceId: string, work: (client: pg.PoolClient) => Promise<boolean>): Promise<boolean> =>
  alone(
    ctx.pool,
    [sourceId, 6],
    async (client, held) => {
      const polite = othersFirst(client)
      try {
        return await work(client)
      } catch (error) {
        if (!/connection|terminat/i.test((error as Error).message)) throw error
        held.lost = true
        return true
      } finally {
        held.spent = polite.stop()
      }
    },
    () => false,
  )

async function captured(ctx: Pick<Context, 'pool'>, batchId: string): Promise<boolean> {
  const { rows } = await ctx.pool.query<{ mode: string }>(
    'select s.mode from aggregation.batch b join aggregation.source s on s.id = b.source_id where b.id = $1 and b.upload_id is null',
    [batchId],
  )
  return rows[0]?.mode === 'capture'
}

/** Batches that wait or say they run although nobody is at work on their source: its process was killed. */
export async function orphans(ctx: Pick<Context, 'pool'>): Promise<string[]> {
  const { rows } = await ctx.pool.query<{ id: string; source_id: string }>(
    `select id, source_id from aggregation.batch where state = 'running' or state = 'queued' and created < now() - interval '20 seconds'`,
  )
  const list: string[] = []
  for (const { id, source_id } of rows) {
    const free = await ctx.pool.query<{ free: boolean }>(
      `select not exists (select from pg_locks where locktype = 'advisory' and ((classid::bigint << 32) | objid::bigint) = hashtextextended($1, 6) and objsubid = 1) as free`,
      [source_id],
    )
    if (free.rows[0]!.free) list.push(id)
  }
  return list
}

/** False when the process is ending and the batch stays as it is. */
async function attempt(base: Context, client: pg.PoolClient, batchId: string, via?: Beginning): Promise<boolean> {
  const claimed = await base.pool.query(
    `update aggregation.batch set state = 'running', started = $2, attempt = attempt + 1, messages = '[]' where id = $1 and state in ('queued', 'running') returning id`,
    [batchId, base.clock()],
  )
  if (!claimed.rowCount) return true
  const batch = (await batchById(base.db, batchId))!
  const ctx: Context = { ...base, actor: batch.actor }
  const controller = new AbortController()
  running.set(batchId, controller)
  const watch = await watchProgress(ctx, client, batchId, controller)
  const pace = paced(ctx.pool)
  try {
    const source = (await sourceById(ctx.db, batch.source_id))!
    const work = await prepare(ctx, batch, source, controller.signal, via)
    watch.follow(work.feed, work.estimate)
    const same = await sameAgain(ctx, batch, source, work)
    if (same) {
      await finishSame(ctx, batch, source, work, same)
      return true
    }
    await client.query('begin')
    try {
      const hold = await waitsForVerification(ctx, work.entry, batch)
      const pushed = {
        client,
        plan: {
          sourceId: source.id,
          entryId: batch.entry_id,
          items: work.items,
          wiring: work.wiring,
          keys: source.keys,
          columns: work.names.length,
          unidentified: work.unidentified,
          rules: work.rules,
          seed: seedOf(work.fingerprint, work.names),
          deletes: source.deletes,
          today: dayOf(ctx.clock()),
          order: work.order,
        },
        batchId,
        now: ctx.clock(),
        names: work.names,
      }
      const soon = work.small && !hold && work.unidentified === null
      const small = soon ? await quick(pushed, { path: work.small!, most: batch.released ? 1 : batch.threshold }) : undefined
      const loaded =
        small ??
        (await load(
          client,
          work.feed,
          {
            batchId,
            sourceId: source.id,
            short: batchId.replaceAll('-', '').slice(-16),
            table: tableName(batch.entry_id),
            items: work.items,
            wiring: work.wiring,
            columns: work.names.length,
            keys: source.keys,
            threshold: batch.threshold,
            released: batch.released,
            hold,
            unidentified: work.unidentified,
            rules: work.rules,
            today: dayOf(ctx.clock()),
            now: ctx.clock(),
            order: work.order,
            follow: followsWhole(source) && !work.increment,
            shown: shownColumns(source.mapping, !!tableConnector(source.kind)).map(m => work.names.indexOf(m.source)),
            mends: mendingColumns(work.names),
            pace,
          },
          watch.phase,
        ))
      const done = work.deletions.length && !loaded.held ? await remove(pushed, work.deletions, loaded) : loaded
      if (done.read === 0 && !work.increment && !via) throw stop('no-rows', '没有数据行，未入库。', '请检查文件或来源表。')
      await settle(onto(client), ctx, batch, source, work, done)
      if (controller.signal.aborted) throw new Error('aborted')
      await client.query('commit')
    } catch (error) {
      await client.query('rollback').catch(() => {})
      throw error
    }
  } catch (error) {
    if (controller.signal.reason === 'shutdown') return false
    await fail(ctx, batch, error, controller.signal, watch.rows())
  } finally {
    running.delete(batchId)
    pace.stop()
    if (batch.upload_id) await rm(`${uploadPath(ctx.config.dataDir, batch.upload_id)}.csv`, { force: true })
    await watch.end()
  }
  return true
}

type Work = {
  feed: Feed
  names: string[]
  items: Item[]
  wiring: Wiring
  fingerprint: string
  estimate: number | null
  sha256: string | null
  code: string
  entry: PublishedEntry
  /** See Plan.unidentified. */
  unidentified: string | null
  /** See Plan.rules. */
  rules: RejectRule[]
  /** Deletions a push asks for. */
  deletions: Deletions
  /** The file of a push that may be brought in as a handful of changes. */
  small: string | null
  /** Once all is read: up to where, for the next increment. */
  reached: () => Position | null
  /** Only what is new since the last time: nothing at all is a good answer. */
  increment: boolean
  order: Order
}

/** Settles how the source is read and compares its structure; nothing has moved yet. */
async function prepare(ctx: Context, batch: BatchRecord, source: SourceRecord, signal: AbortSignal, via?: Beginning): Promise<Work> {
  const entry = await publishedEntry(ctx.db, { id: batch.entry_id })
  if (entry?.state !== 'published') throw stop('entry-not-registered', '这条目录没有发布或已经撤销，不能入库。', '目录发布后再试。')
  const items = entry.content.items.filter(i => i.name)
  const wanted = govern(entry.region, 'subject-identifier', ctx.day).value.required ? identityOf(entry.content, items) : null
  const identity = wanted?.item?.key
  const named = (w: Wiring): string | null => (wanted && !w.some(x => x.identity) ? (identity ?? '') : null)
  const faults = mappingFaults(source.mapping, source.keys, items)
  if (faults.length) {
    throw new Stopped(
      'drift',
      faults.map(f => ({ level: 'stop', code: f.code, text: `目录已变更：${f.message}`, remedy: '请重新对应信息项，再重试。' })),
    )
  }
  const rules = await rejectRules(ctx.db, entry.id)
  const mounted = await mountOf(ctx.db, batch.entry_id)
  if (mounted && mounted.keys.join() !== source.keys.join())
    throw stop('key-changed', '主键与已入库的数据不同，不能并入。', '请改回原来的主键。')
  const order = await orderOf(ctx.pool, batch)
  if (order.overtaken && followsWhole(source)) throw stop('overtaken', OVERTAKEN.text, OVERTAKEN.remedy)

  // What an agent read comes as a file, whatever its source is.
  const connector = batch.upload_id ? undefined : tableConnector(source.kind)
  if (connector) {
    const target = targetOf(ctx, source) as DatabaseTarget
    const table = await connector.look(target)
    const there = table.columns.map(c => c.name)
    compare(source, there)
    const wiring = wire(source.mapping, there, items, source.keys, identity)
    // Only the mapped columns are asked for: what is not needed does not leave its source.
    const asked = wiring.map(w => there[w.index]!)
    const narrow = wiring.map((w, i) => ({ ...w, index: i }))
    const cursor =
      source.mode === 'increment' && source.cursor
        ? { column: source.cursor, from: (source.position?.cursor as string) ?? null }
        : undefined
    const reading = connector.read(target, asked, { ...(cursor && { cursor }), ...(via && { snapshot: via.snapshot }) }, signal)
    return {
      feed: tableFeed(reading.bytes, asked.length, checksOf(narrow, rules, ctx), seedOf(fingerprint(narrow, source.keys, rules), asked)),
      names: asked,
      items,
      wiring: narrow,
      fingerprint: fingerprint(narrow, source.keys, rules),
      estimate: cursor?.from ? null : table.estimate,
      sha256: null,
      code: entry.code,
      entry,
      unidentified: named(wiring),
      rules,
      deletions: [],
      small: null,
      reached: () => (via ? via.position(reading.position()) : reading.position()),
      increment: !!cursor?.from,
      order,
    }
  }
  const upload = batch.upload_id ? await uploadById(ctx.db, batch.upload_id) : undefined
  if (!upload || upload.removed) throw stop('upload-gone', '上传的文件已经清除。', '请重新上传。')
  const path = uploadPath(ctx.config.dataDir, upload.id)
  const seen = await lookAt(path, upload.bytes, items, batch.options)
  const { shape } = seen
  const table = shape.kind === 'document' ? await tableOf(path, upload.bytes, shape.rows, `${path}.csv`) : null
  const names = table?.names ?? shape.header.names
  const deletions = await deletionsOf(ctx, batch.id)
  const stopper = seen.messages.find(m => m.level === 'stop' && !(m.code === 'header-only' && deletions.length))
  if (stopper) throw new Stopped('failed', [stopper])
  compare(source, names)
  const wiring = wire(source.mapping, names, items, source.keys, identity)
  const print = fingerprint(wiring, source.keys, rules)
  const seed = seedOf(print, names)
  const feed =
    shape.kind !== 'xlsx'
      ? csvFeed(table ? `${path}.csv` : path, table?.bytes ?? upload.bytes, {
          ...(shape.kind === 'csv'
            ? { encoding: shape.encoding, delimiter: shape.delimiter, skip: shape.header.line - 1 + shape.header.rows }
            : { encoding: 'utf-8', delimiter: ',', skip: 0 }),
          columns: names.length,
          checks: checksOf(wiring, rules, ctx),
          seed,
        })
      : xlsxFeed(path, upload.bytes, {
          sheet: shape.sheet,
          headerLine: shape.header.line,
          headerRows: shape.header.rows,
          names,
          wanted: new Set(wiring.map(w => w.index)),
          seed,
        })
  return {
    feed: source.deletes === 'keep' ? withRefused(feed, deletions) : feed,
    names,
    items,
    wiring,
    fingerprint: print,
    estimate: shape.estimate,
    // The file does not say it all where deletions came with it.
    sha256: deletions.length ? null : upload.sha256,
    code: entry.code,
    entry,
    unidentified: named(wiring),
    rules,
    deletions: source.deletes === 'keep' ? [] : deletions,
    // Written by us out of JSON: one line of header, UTF-8, commas.
    small:
      source.kind === 'push' &&
      upload.bytes <= QUICK_BYTES &&
      batch.options.headerRow === 1 &&
      mounted &&
      !(deletions.length && source.deletes === 'keep')
        ? path
        : null,
    reached: () => batch.reached,
    increment: false,
    order,
  }
}

/** Each delivery is all the source has, and what is not in it leaves the pool. */
export const followsWhole = (source: Pick<SourceRecord, 'deletes' | 'kind'>) => source.deletes === 'follow' && source.kind !== 'push'
export const OVERTAKEN = {
  text: '同一来源后来的整表读取已经入库。这一批是更早的情况，入库会改回旧值、删去新来的行。',
  remedy: '以后来的为准，待放行的请退回；需要最新情况的，重新读取一次。',
}

type Deletions = { line: number; raw: string }[]
async function deletionsOf(ctx: Context, batchId: string): Promise<Deletions> {
  const { rows } = await ctx.pool.query<{ deletions: Deletions | null }>('select deletions from aggregation.push where batch_id = $1', [
    batchId,
  ])
  return rows[0]?.deletions ?? []
}

/** With the deletions a push asked for and nobody has approved: read, and rejected. */
function withRefused(feed: Feed, deletions: Deletions): Feed {
  if (!deletions.length) return feed
  const refused = deletions.map(r => ({ ...r, rule: 'delete-unapproved', note: '' }))
  return Object.create(feed, {
    read: { get: () => feed.read + refused.length },
    bad: { get: () => [...feed.bad, ...refused] },
  })
}

/** A row is the same when its bytes are, under the same rules and with the columns in the same order. */
export const seedOf = (print: string, names: string[]) =>
  createHash('sha256')
    .update(JSON.stringify([print, names]))
    .digest()
    .readInt32BE(0)

/** By source column. */
function checksOf(wiring: Wiring, rules: readonly RejectRule[], ctx: Context): Check[] {
  const list: Check[] = []
  const ruled = rules.length > 0
  for (const { index, item, required } of wiring) list[index] = { item, required, today: dayOf(ctx.clock()), ...(ruled && { ruled }) }
  return list
}

/** A source's connection with its secrets opened. */
export function targetOf(ctx: Pick<Context, 'secrets' | 'config'>, source: SourceRecord): Target {
  const none = { ...Object.fromEntries(secretFields.map(name => [name, ''])), bounds: ctx.config.sources }
  if (!source.secret) return { ...none, ...source.connection }
  const text = ctx.secrets.unseal(source.secret)
  // Before there were several secrets the password stood alone.
  return { ...none, ...source.connection, ...(source.secret_names ? JSON.parse(text) : { password: text }) }
}

function compare(source: SourceRecord, names: string[]): void {
  const difference = drift(source.mapping, names)
  if (!difference) return
  const parts = [
    difference.missing.length && `少 ${difference.missing.length} 列「${difference.missing.slice(0, 5).join('」「')}」`,
    difference.added.length && `多 ${difference.added.length} 列「${difference.added.slice(0, 5).join('」「')}」`,
  ].filter(Boolean)
  throw new Stopped(
    'drift',
    [{ level: 'stop', code: 'drift', text: `结构变化：${parts.join('，')}，位置未移动。`, remedy: '请重新对应信息项，再重试。' }],
    { difference },
  )
}

/** The same bytes under the same rules as the batch that is loaded now: nothing can change, so nothing is read. */
async function sameAgain(ctx: Context, batch: BatchRecord, source: SourceRecord, work: Work): Promise<{ read: number } | undefined> {
  // An earlier delivery may still come, and would have to know what this one says.
  if (!work.sha256 || work.order.noted) return undefined
  const mounted = await mountOf(ctx.db, batch.entry_id)
  const last = mounted && (await batchById(ctx.db, mounted.batch_id))
  if (!last || last.source_id !== source.id || last.sha256 !== work.sha256 || last.fingerprint !== work.fingerprint || last.rejected > 0)
    return undefined
  // One that came late has left out what later ones said.
  if ((await orderOf(ctx.pool, last)).overtaken) return undefined
  return JSON.stringify(last.options) === JSON.stringify(batch.options) ? { read: last.read } : undefined
}

async function finishSame(ctx: Context, batch: BatchRecord, source: SourceRecord, work: Work, same: { read: number }): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    await setBatch(tx, batch.id, {
      state: 'done',
      read: same.read,
      unchanged: same.read,
      position: position(same.read),
      fingerprint: work.fingerprint,
      sha256: work.sha256,
      finished: ctx.clock(),
      messages: [{ level: 'info', code: 'same-file', text: '与上一批是同一个文件，没有变化。' }],
    })
    await stand(tx, source.id, work.reached(), ctx.clock())
    await noteArrival(tx, ctx, source, work.entry, null)
    await record(tx, ctx, {
      action: 'batch.done',
      subject: batch.no,
      content: work.code,
      data: { read: same.read, unchanged: same.read, accepted: 0, rejected: 0, sameFile: true },
    })
  })
}

/** Where the source has been read up to, and that it works. */
const stand = (tx: Tx, sourceId: string, reached: Position | null, now: Date) =>
  sql`update aggregation.source set position = coalesce(${reached && JSON.stringify(reached)}::jsonb, position), trouble = null, contact = ${now} where id = ${sourceId}`.execute(
    tx,
  )

const position = (read: number) => `行 ${(read + 1).toLocaleString('en')}`

async function settle(tx: Tx, ctx: Context, batch: BatchRecord, source: SourceRecord, work: Work, done: Outcome): Promise<void> {
  const { held, relation, poolColumns, rowsAdded, vanishing: _, kept, ...counts } = done
  const now = ctx.clock()
  const rejects = done.rejected ? await rejectCounts(tx, batch.id) : new Map<string, number>()
  const stopped = held ? heldBecause(ctx, work, batch, done, rejects) : null
  const first = !held && !(await mountOf(tx, batch.entry_id))
  const timing = held ? null : await timingOf(tx, batch, source, work, relation, first, now)
  await setBatch(tx, batch.id, {
    ...counts,
    state: stopped?.state ?? 'done',
    position: held ? batch.position : position(done.read),
    fingerprint: work.fingerprint,
    sha256: work.sha256,
    finished: now,
    messages: stopped?.messages ?? [
      ...(done.read === 0 ? [{ level: 'info' as const, code: 'nothing-new', text: '来源没有新的数据。' }] : []),
      ...(kept ? [{ level: 'info' as const, code: 'kept-newer', text: keptText(kept) }] : []),
    ],
    ...(timing && { produced: timing.produced, lag: timing.lag, late: timing.late }),
  })
  if (held) await waits(tx, source.id)
  // The same transaction as the rows: what is read again after a crash is what was not written.
  await stand(tx, source.id, held || work.order.overtaken ? null : work.reached(), now)
  if (!held) {
    const { rows } = await tx.executeQuery<{ rows: number }>(
      raw(
        `insert into aggregation.mount as m (entry_id, relation, columns, keys, rows, updated, batch_id) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (entry_id) do update set relation = excluded.relation, columns = excluded.columns, keys = excluded.keys,
           rows = m.rows + excluded.rows, updated = excluded.updated, batch_id = excluded.batch_id returning rows`,
        [batch.entry_id, relation, poolColumns, source.keys, rowsAdded, now, batch.id],
      ),
    )
    await noteMount(tx, batch.entry_id, { rows: rows[0]!.rows, updated: now })
    if (done.accepted || done.removed) await noteChange(tx, ctx, batch.entry_id, batch.id)
  }
  await noteDelivery(
    tx,
    { ...ctx, now },
    {
      entry: { ...work.entry, departmentId: work.entry.department_id },
      batch: { id: batch.id, no: batch.no },
      loaded: !held,
      read: done.read,
      rules: rejects,
      applied: wiredRules(
        work.rules,
        work.wiring.map(w => w.item),
      ),
      items: work.wiring.map(w => ({ required: w.required, semantic: w.item.semantic, codes: w.item.codes })),
      late: timing?.judged ? { late: timing.late, note: lagText(timing.lag, timing.late) } : null,
      stale: timing?.newest ? isStale(work.entry.content.updateCycle, timing.newest, now) : null,
    },
  )
  if (!held)
    await noteArrival(
      tx,
      { ...ctx, now },
      source,
      work.entry,
      timing?.judged && timing.late ? { produced: timing.produced, interval: timing.interval! } : null,
    )
  const { read, accepted, changed, unchanged, rejected, waiting } = done
  await record(tx, ctx, {
    action: held ? 'batch.held' : 'batch.done',
    subject: batch.no,
    content: work.code,
    data: { read, accepted, changed, unchanged, rejected, waiting, file: work.sha256, released: batch.released },
  })
}

const keptText = (rows: number) => `${rows.toLocaleString('en')} 行在同一来源后来的批次里已有更新的内容，保留新值，没有改回（计入未变）。`

/** Why a delivery was not loaded: against the standard of the place, not yet confirmed, or over the threshold of its source. */
function heldBecause(
  ctx: Context,
  work: Work,
  batch: BatchRecord,
  done: Outcome,
  rejects: Map<string, number>,
): { state: 'held' | 'returned'; messages: Message[] } {
  const { region } = work.entry
  const share = (100 * done.rejected) / done.read
  const over = work.unidentified !== null || done.rejected > batch.threshold * done.read
  const listed = [...rejects].map(([rule, n]) => `${explain(rule, null).label} ${n} 行`).join('，')
  const again = '下载拒收清单，更正后重新上传。'
  const identity = govern(region, 'subject-identifier', ctx.day)
  if (over && rejects.has('identity-key-missing') && identity.value.required)
    return {
      state: 'returned',
      messages: [
        {
          level: 'stop',
          code: 'identity-key-missing',
          text: `${rejects.get('identity-key-missing')} 行缺主体标识，隔离在拒收清单里，整批没有入库（${identity.cite.title} ${identity.cite.article}）。`,
          remedy: again,
          cite: identity.cite,
        },
      ],
    }
  if (done.vanishing)
    return {
      state: 'held',
      messages: [
        {
          level: 'warn',
          code: 'vanishing',
          text: `来源里少了 ${done.vanishing.toLocaleString('en')} 行已入库的数据，超过 ${VANISHING * 100}%，整批待放行，没有入库。`,
          remedy: '请向来源核实是否真的删除；属实就放行并说明理由，不属实就退回来源。',
        },
      ],
    }
  const standard = govern(region, 'data-standard', ctx.day)
  if (over && standard.value.required)
    return {
      state: 'returned',
      messages: [
        {
          level: 'stop',
          code: 'standard-violation',
          text: `不符合数据标准，整批没有入库：${listed}；拒收率 ${share.toFixed(2)}%，阈值 ${(batch.threshold * 100).toFixed(2)}%（${standard.cite.title} ${standard.cite.article}）。`,
          remedy: again,
          cite: standard.cite,
        },
      ],
    }
  const messages: Message[] = []
  if (over)
    messages.push({
      level: 'warn',
      code: 'held',
      text: `拒收率 ${share.toFixed(2)}% 超过阈值 ${(batch.threshold * 100).toFixed(2)}%，整批待放行，没有入库。`,
      remedy: '看过拒收清单后放行并说明理由，或退回来源。',
    })
  const verification = govern(region, 'batch-verification', ctx.day)
  if (verification.value.required)
    messages.push({
      level: 'warn',
      code: 'verification-missing',
      text: `还没有校核确认，整批待放行，没有入库（${verification.cite.title} ${verification.cite.article}）。`,
      remedy: '登记校核方式和结论，再放行。',
      cite: verification.cite,
    })
  return { state: 'held', messages }
}

/** Where the place wants deliveries confirmed, each waits for it; where that gate only reminds, none does. */
async function waitsForVerification(ctx: Context, entry: PublishedEntry, batch: BatchRecord): Promise<boolean> {
  if (!govern(entry.region, 'batch-verification', ctx.day).value.required) return false
  if (gateMode(entry.region, 'verification') === 'remind') return false
  return !(await verificationsOf(ctx.db, [batch.id])).length
}

type Timing = { produced: Date; newest: Date | null; lag: number; late: boolean; interval: number | null; judged: boolean }
/**
 * How far the data are behind on arrival. Where an item carries the time of production, the oldest of the new and changed rows counts, so
 * that one fresh row does not hide late ones; in an entry's first delivery, which brings its history, the newest. Else the time of the file.
 */
async function timingOf(
  tx: Tx,
  batch: BatchRecord,
  source: SourceRecord,
  work: Work,
  relation: string,
  first: boolean,
  now: Date,
): Promise<Timing | null> {
  let produced = batch.produced
  let newest: Date | null = null
  const item = source.produced_item ? work.items.find(i => i.key === source.produced_item) : undefined
  if (item && work.wiring.some(w => w.item.key === item.key)) {
    // A day is over at its end; times without a zone are Beijing's.
    const end = item.type === 'D' ? sql` + 1` : sql``
    const { rows } = await sql<{ oldest: Date | null; newest: Date | null }>`
      select (min(${sql.ref(item.key)})${end})::timestamp at time zone 'Asia/Shanghai' as oldest,
             (max(${sql.ref(item.key)})${end})::timestamp at time zone 'Asia/Shanghai' as newest
      from ${sql.table(relation)} where _batch = ${batch.id}`.execute(tx)
    newest = rows[0]!.newest
    produced = first ? newest : rows[0]!.oldest
  }
  if (!produced) return null
  const rule = govern(work.entry.region, 'real-time', dayOf(now))
  const interval = intervalOf(source.cadence, work.entry.content.updateCycle)
  const lag = lagOf(produced, now)
  return { produced, newest: newest ?? produced, lag, late: isLate(lag, interval, rule.value.within), interval, judged: interval !== null }
}

/** The reading that an agent's live capture begins with is not loaded: changes wait until somebody has decided. */
const waits = (tx: Tx, sourceId: string) =>
  sql`update aggregation.source set live = '{"phase": "waiting"}' where id = ${sourceId} and mode = 'capture' and agent_id is not null and position is null`.execute(
    tx,
  )

async function fail(ctx: Context, batch: BatchRecord, error: unknown, signal: AbortSignal, rows: number): Promise<void> {
  const stopped =
    signal.reason === 'cancel'
      ? new Stopped('cancelled', [{ level: 'info', code: 'cancelled', text: '已取消，没有入库。' }])
      : explained(error, rows)
  const wait = stopped.retry ? RETRY_SECONDS[batch.attempt - 1] : undefined
  const now = ctx.clock()
  const notes = stopped.notes
  if (wait !== undefined) {
    const at = new Date(now.getTime() + wait * 1000 + 8 * 3600_000).toISOString().slice(11, 16)
    notes.push({ level: 'info', code: 'retry', text: `已试 ${batch.attempt} 次，${at} 自动再试。` })
  }
  if (!(error instanceof Stopped) && stopped.notes[0]?.code === 'unexpected')
    ctx.log.error({ batch: batch.no, error: (error as Error).message, stack: (error as Error).stack }, 'batch failed')
  await ctx.db.transaction().execute(async tx => {
    await setBatch(tx, batch.id, { state: stopped.state, messages: notes, difference: stopped.difference, finished: now })
    if (wait === undefined) await waits(tx, batch.source_id)
    if (stopped.state !== 'cancelled' && notes[0]) await noteTrouble(tx, batch.source_id, notes[0], now)
    await record(tx, ctx, {
      action: stopped.state === 'cancelled' ? 'batch.cancel' : 'batch.failed',
      subject: batch.no,
      data: { code: notes[0]?.code ?? 'unknown', attempt: batch.attempt },
    })
    // The source has changed: its department is asked to bring the entry up to date. Without an authority in the place nobody is asked.
    if (stopped.difference)
      await openUpdateTask(tx, ctx, batch.entry_id, notes[0]!.text).catch(error => {
        if (!(error instanceof Problem)) throw error
      })
    if (wait !== undefined) {
      await ctx.jobs.enqueue(
        tx,
        'aggregation.retry',
        { batchId: batch.id, attempt: batch.attempt },
        { startAfter: new Date(Date.now() + wait * 1000) },
      )
    }
  })
}

/** What keeps a source from working, since when; the next good delivery clears it. */
export async function noteTrouble(
  tx: Tx | Database,
  sourceId: string,
  m: { code: string; text: string; remedy?: string },
  now: Date,
): Promise<void> {
  const trouble = { code: m.code, text: m.text, remedy: m.remedy ?? '', since: now.toISOString() }
  await sql`update aggregation.source set trouble = case when trouble->>'code' = ${m.code} then ${JSON.stringify(trouble)}::jsonb || jsonb_build_object('since', trouble->>'since')
    else ${JSON.stringify(trouble)}::jsonb end where id = ${sourceId}`.execute(tx)
}

/** Any error as words: what happened, that nothing was loaded, what to do. */
function explained(error: unknown, rows: number): Stopped {
  if (error instanceof Stopped) return error
  if (error instanceof Unreadable) return stop(error.code, error.message, error.remedy)
  if (error instanceof SourceDown) {
    const lasting = ['credentials', 'no-database', 'no-table', 'no-right', 'no-cursor', 'tls', 'unknown-host'].includes(
      error.diagnosis.code,
    )
    const text = `${error.diagnosis.text}已读取的 ${rows.toLocaleString('en')} 行没有入库，恢复后从头读，不会重复。`
    return new Stopped('failed', [{ level: 'stop', code: `source-${error.diagnosis.code}`, text, remedy: error.diagnosis.remedy }], {
      retry: !lasting,
    })
  }
  if (error instanceof TooManyBad)
    return stop('unreadable-rows', `${error.message}，整批停止，没有入库。`, '请核对编码、分隔符和引号后重新上传。')
  const e = error as { code?: string; message?: string }
  if (e.code === 'ENOENT') return stop('upload-gone', '上传的文件找不到了。', '请重新上传。')
  if (e.code && ['22P02', '42804', '42846', '22003', '22007', '22008'].includes(e.code)) {
    return stop('shape-changed', `数据类型变更后，已入库的数据不能转换（${e.message}）。`, '请先变更目录，或清理已有数据。')
  }
  if (e.code === '53100') return stop('disk-full', '数据库的磁盘已满，没有入库。', '请联系平台管理员。')
  return stop('unexpected', `没有入库，系统出错了（${e.message ?? String(error)}）。`, '请重试；仍不行请把批次号告诉平台管理员。')
}

type Change = Partial<
  Pick<
    BatchRecord,
    | 'state'
    | 'read'
    | 'accepted'
    | 'changed'
    | 'unchanged'
    | 'rejected'
    | 'waiting'
    | 'removed'
    | 'position'
    | 'fingerprint'
    | 'sha256'
    | 'finished'
    | 'messages'
    | 'difference'
    | 'released'
    | 'reason'
    | 'attempt'
    | 'options'
    | 'produced'
    | 'lag'
    | 'late'
  >
>
const json = new Set(['messages', 'difference', 'options'])
export async function setBatch(tx: Tx | Database, id: string, change: Change): Promise<void> {
  const names = Object.keys(change) as (keyof Change)[]
  const values = names.map(n => (json.has(n) && change[n] !== null ? JSON.stringify(change[n]) : change[n]))
  await tx.executeQuery(
    raw(`update aggregation.batch set ${names.map((n, i) => `${n} = $${i + 2}`).join(', ')} where id = $1`, [id, ...values]),
  )
}
const raw = <R = unknown>(text: string, values: unknown[]) => CompiledQuery.raw(text, values) as CompiledQuery<R>

/** The open transaction of a plain connection, for functions that ask for one of ours (ledger, jobs, neighbours). */
export const onto = (client: pg.PoolClient): Tx =>
  new Kysely<any>({
    dialect: new PostgresDialect({
      pool: { connect: async () => ({ query: client.query.bind(client), release: () => {} }) as any, end: async () => {} } as any,
    }),
  }) as unknown as Tx

/** Keeps the progress row a few times a second, and looks whether somebody asked to stop. */
async function watchProgress(ctx: Context, client: pg.PoolClient, batchId: string, controller: AbortController) {
  const started = new Date()
  let phase: Phase = 'reading'
  let feed: Feed | undefined
  let estimate: number | null = null
  const { rows: backend } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  await ctx.pool.query(
    `insert into aggregation.progress (batch_id, phase, started, updated) values ($1, 'reading', $2, $2)
     on conflict (batch_id) do update set phase = 'reading', rows = 0, taken = 0, started = excluded.started, updated = excluded.updated`,
    [batchId, started],
  )
  const interrupt = () => {
    // Inside a statement only the server can stop it; while reading, the next chunk ends it.
    ctx.pool.query('select pg_cancel_backend($1)', [backend[0]!.pid]).catch(() => {})
  }
  controller.signal.addEventListener('abort', interrupt)
  let busy = false
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    ctx.pool
      .query<{ cancel: string | null }>(
        'update aggregation.progress set phase = $2, rows = $3, estimate = $4, taken = $5, total = $6, updated = $7 where batch_id = $1 returning cancel',
        [batchId, phase, feed?.read ?? 0, estimate, feed?.taken ?? 0, feed?.total ?? null, new Date()],
      )
      .then(({ rows }) => {
        if (rows[0]?.cancel) controller.abort('cancel')
      })
      .catch(() => {})
      .finally(() => {
        busy = false
      })
  }, 400)
  return {
    phase: (next: Phase) => {
      phase = next
      controller.signal.throwIfAborted()
    },
    follow: (next: Feed, rows: number | null) => {
      feed = next
      estimate = rows
    },
    rows: () => feed?.read ?? 0,
    end: async () => {
      clearInterval(timer)
      controller.signal.removeEventListener('abort', interrupt)
      await ctx.pool.query('delete from aggregation.progress where batch_id = $1', [batchId]).catch(() => {})
    },
  }
}

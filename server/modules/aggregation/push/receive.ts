import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { sql } from 'kysely'
import type { ReadOptions } from '../../../../contract/aggregation.ts'
import type { Item } from '../../../../contract/catalog.ts'
import type { Context, StaffContext } from '../../../platform/context.ts'
import type { Database, Tx } from '../../../platform/db.ts'
import { newId } from '../../../platform/id.ts'
import { Faults, refuse } from '../../../platform/problem.ts'
import { Unreadable } from '../../../platform/xlsx.ts'
import { entryToFill, itemsOf, queueBatch, receiveUpload, saveMapping } from '../commands.ts'
import { type BatchRecord, batchById, mountOf, type SourceRecord, sourceById, type UploadRecord } from '../queries.ts'
import { judge, lookAt, type Seen } from '../reading/inspect.ts'
import { annotations } from '../reading/mapping.ts'
import { drift } from '../rules.ts'
import { runBatch, uploadPath } from '../run.ts'
import { csvOf, type Survey, survey } from './body.ts'

export const types = { 'application/x-ndjson': 'json', 'application/json': 'json', 'text/csv': 'csv' } as const
/** `application/octet-stream`: a file as an agent found it, whatever it is. */
export type BodyType = keyof typeof types | 'application/octet-stream'
const formOf = (type: BodyType) => (type === 'application/octet-stream' ? 'file' : types[type])

/** A body on disk as its sender wrote it, unpacked. */
export type Body = { path: string; type: BodyType; bytes: number; sha256: string; name?: string }
export type Accepted = { batch: BatchRecord; repeated: boolean }

const directory = (ctx: Pick<Context, 'config'>) => join(ctx.config.dataDir, 'incoming')
/** Batches of one source that may wait; beyond that its sender is asked to come back. */
const WAITING = 50
/** Up to here a batch is run at once by the process that took it, without the way through the queue. */
const SMALL = 1024 * 1024

/** Streams a body to disk as fast as the disk takes it, unpacked and counted; over the limit it is refused and removed. */
export async function keepBody(ctx: Context, content: AsyncIterable<Buffer>, type: BodyType, gzip: boolean): Promise<Body> {
  const path = join(directory(ctx), newId())
  await mkdir(directory(ctx), { recursive: true, mode: 0o700 })
  const hash = createHash('sha256')
  let bytes = 0
  const counter = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length
      if (bytes > ctx.config.maxUploadBytes) return done(tooLarge(ctx))
      hash.update(chunk)
      done(null, chunk)
    },
  })
  const file = createWriteStream(path, { mode: 0o600 })
  try {
    await (gzip ? pipeline(content, createGunzip(), counter, file) : pipeline(content, counter, file))
  } catch (error) {
    await rm(path, { force: true })
    if (gzip && /^Z_/.test((error as { code?: string }).code ?? ''))
      refuse('ingest.body_invalid', { status: 400, detail: '内容不是完整的 gzip，没有接收。', remedy: '请重新压缩后再发送。' })
    throw error
  }
  return { path, type, bytes, sha256: hash.digest('hex') }
}

export function tooLarge(ctx: Pick<Context, 'config'>): Error {
  try {
    refuse('aggregation.file_too_large', {
      status: 413,
      detail: `内容超过 ${Math.floor(ctx.config.maxUploadBytes / 1024 / 1024).toLocaleString('en')} MB，没有接收。`,
      remedy: '请分成几次推送，各用自己的 Idempotency-Key。',
    })
  } catch (error) {
    return error as Error
  }
}

export const discard = (body: Pick<Body, 'path'>) => rm(body.path, { force: true })

type Known = { sha256: string; batch_id: string }
const known = async (db: Database | Tx, sourceId: string, key: string): Promise<Known | undefined> =>
  (await sql<Known>`select sha256, batch_id from aggregation.push where source_id = ${sourceId} and key = ${key}`.execute(db)).rows[0]

/** Another request with the same key was faster. */
class Taken extends Error {}

/**
 * Makes a body a batch of its source, once for each key: the same key with the same body is answered with the batch it became, with
 * another body it is refused. Key and batch are written in one transaction, so that a process killed anywhere leaves both or neither.
 */
export async function accept(
  ctx: StaffContext,
  source: SourceRecord,
  body: Body,
  key: string,
  also: (tx: Tx, batchId: string, uploadId: string) => Promise<void> = async () => {},
): Promise<Accepted> {
  const sha256 = createHash('sha256')
    .update(`${formOf(body.type)} ${body.sha256}`)
    .digest('hex')
  const before = await known(ctx.db, source.id, key)
  if (before) return again(ctx, before, sha256)
  await requireRoom(ctx, source)

  const found = formOf(body.type) === 'json' ? await survey(read(body)) : null
  if (found && found.rows === 0 && (!found.deletions.length || source.deletes === 'keep' || !source.keys.length)) refuseEmpty(found)
  // Only deletions: a delivery of the known structure without a row.
  const columns = found?.rows === 0 ? source.mapping.map(m => m.source) : (found?.columns ?? [])
  const content = found ? csvOf(read(body), columns) : read(body)
  // What we wrote ourselves need not be guessed.
  const options: ReadOptions = found ? { encoding: 'utf-8', delimiter: ',', headerRow: 1, headerRows: 1 } : {}
  const upload = await receiveUpload(ctx, source, body.name || `${key.replace(/[^\p{L}\p{N}._-]/gu, '_').slice(0, 80)}.csv`, content)
  try {
    const wired = await withMapping(ctx, source, upload, options)
    const batchId = await queueBatch(ctx, wired, { uploadId: upload.id, options }, true, async (tx, id) => {
      const deletions = found?.deletions.length ? JSON.stringify(found.deletions) : null
      const { numAffectedRows } = await sql`insert into aggregation.push (source_id, key, sha256, batch_id, deletions, at)
        values (${source.id}, ${key}, ${sha256}, ${id}, ${deletions}, ${ctx.now}) on conflict (source_id, key) do nothing`.execute(tx)
      if (!numAffectedRows) throw new Taken()
      await also(tx, id, upload.id)
    })
    if (upload.bytes <= SMALL) runSoon(ctx, batchId)
    return { batch: (await batchById(ctx.db, batchId))!, repeated: false }
  } catch (error) {
    await sql`update aggregation.upload set removed = ${ctx.now} where id = ${upload.id}`.execute(ctx.db)
    await rm(uploadPath(ctx.config.dataDir, upload.id), { force: true })
    if (error instanceof Taken) return again(ctx, (await known(ctx.db, source.id, key))!, sha256)
    throw error
  }
}

const read = (body: Body) => createReadStream(body.path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>

async function again(ctx: Context, before: Known, sha256: string): Promise<Accepted> {
  if (before.sha256 !== sha256)
    refuse('ingest.key_reused', {
      status: 409,
      detail: '这个 Idempotency-Key 已经用于另一份内容，没有接收。',
      remedy: '新的内容请换一个新的键；重发原来的内容请一字不改。',
    })
  return { batch: (await batchById(ctx.db, before.batch_id))!, repeated: true }
}

async function requireRoom(ctx: Context, source: SourceRecord): Promise<void> {
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from aggregation.batch
    where source_id = ${source.id} and state in ('queued', 'running')`.execute(ctx.db)
  if (rows[0]!.n < WAITING) return
  refuse('ingest.busy', {
    status: 503,
    reason: 'busy',
    detail: `这个数据源还有 ${rows[0]!.n} 批没有入库，暂不接收新的。`,
    remedy: '请按 retry-after 的秒数稍后重发，键不变；也可以把多条合成一批。',
    headers: { 'retry-after': '10' },
  })
}

function refuseEmpty(found: Survey): never {
  if (!found.deletions.length) refuse('ingest.empty', { detail: '没有一条记录，没有接收。' })
  refuse('ingest.delete_unapproved', {
    detail: `要求删除 ${found.deletions.length} 条记录，没有批准，记录仍在。`,
    remedy: '请提出「记录删除审批」；批准后由平台移除。',
    errors: found.deletions.slice(0, 100).map(d => ({
      pointer: `/${d.line - 1}`,
      code: 'delete-unapproved',
      message: `第 ${d.line} 条记录要求删除，未经批准。`,
    })),
  })
}

/**
 * The source with a mapping that fits these columns. A column named exactly as an item (or by its key, c1 …) needs nobody to map it:
 * neither the first time nor when one comes to be sent later. Everything else is for people.
 */
async function withMapping(ctx: StaffContext, source: SourceRecord, upload: UploadRecord, options: ReadOptions): Promise<SourceRecord> {
  const entry = await entryToFill(ctx, source.entry_id)
  const items = itemsOf(entry)
  const seen = await lookAt(uploadPath(ctx.config.dataDir, upload.id), upload.bytes, items, { ...source.options, ...options }).catch(
    error => {
      if (!(error instanceof Unreadable)) throw error
      return refuse('ingest.body_invalid', { status: 400, detail: error.message, remedy: error.remedy })
    },
  )
  const names = seen.shape.header.names
  const added = source.keys.length ? (drift(source.mapping, names)?.added ?? []) : names.filter(n => !annotations.has(n))
  if (!added.length) return source
  const taken = new Set(source.mapping.flatMap(m => m.item ?? []))
  const more = added.map(name => ({ source: name, item: itemNamed(items, name)?.key ?? null }))
  const unknown = more.filter(m => !m.item || taken.has(m.item)).map(m => m.source)
  if (unknown.length && source.keys.length) return source // A change of structure: the batch stops and shows it.
  if (unknown.length) refuseUnknown(unknown, items)
  const mapping = [...source.mapping, ...more]
  const keys = source.keys.length ? source.keys : await keysFor(ctx, entry.id, items, mapping, seen)
  await saveMapping(ctx, source, { mapping, keys, threshold: source.threshold, options: source.options })
  return (await sourceById(ctx.db, source.id))!
}

const itemNamed = (items: Item[], name: string) => items.find(i => i.name === name) ?? items.find(i => i.key === name)

function refuseUnknown(unknown: string[], items: Item[]): never {
  const faults = new Faults()
  const names = items.map(i => `「${i.name}」`).join('')
  for (const name of unknown)
    faults.add(`/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, 'ingest.unknown_field', `「${name}」不是这条目录的信息项。`, {
      remedy: `可以用的名称：${names}；也可以请数据专员在数据源页指定对应关系。`,
    })
  return faults.throwIfAny('ingest.unknown_field') as never
}

async function keysFor(ctx: Context, entryId: string, items: Item[], mapping: SourceRecord['mapping'], seen: Seen): Promise<string[]> {
  const mounted = await mountOf(ctx.db, entryId)
  if (mounted) return mounted.keys
  const declared = items.filter(i => i.identifier).map(i => i.key)
  if (declared.length) return declared
  const byName = new Map(mapping.map(m => [m.source, items.find(i => i.key === m.item)!.name]))
  const { keys } = judge(
    seen.columns.map(c => ({ ...c, name: byName.get(c.name) ?? c.name })),
    seen.preview,
    items,
    [],
  )
  if (!keys.length)
    refuse('ingest.no_key', {
      detail: '看不出用哪个信息项认出一条记录，没有接收。',
      remedy: '请数据专员在目录里标明标识项，或在数据源页选择主键。',
    })
  return keys
}

let running = 0
/** A small batch without the wait for a queue. When the process ends first, the queue has it. */
function runSoon(ctx: Context, batchId: string): void {
  if (running >= 2) return
  running++
  void runBatch(ctx, batchId)
    .catch(error => ctx.log.error({ batch: batchId, error: (error as Error).message }, 'push'))
    .finally(() => {
      running--
    })
}

/** What nobody will ask for again: answers after a week, pieces of bodies that were never completed. */
export async function sweepPushes(ctx: Context): Promise<void> {
  await sql`delete from aggregation.push where at < ${new Date(ctx.now.getTime() - 7 * 86_400_000)}`.execute(ctx.db)
  const old = new Date(ctx.now.getTime() - 2 * 86_400_000)
  await sql`delete from aggregation.incoming where created < ${old}`.execute(ctx.db)
  for (const name of await readdir(directory(ctx)).catch(() => [])) {
    const path = join(directory(ctx), name)
    // By the clock of the disk: the platform's own may be set to another day.
    if (Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs > 2 * 86_400_000) await rm(path, { force: true })
  }
}
export const incomingPath = (ctx: Pick<Context, 'config'>, id: string) => join(directory(ctx), id)

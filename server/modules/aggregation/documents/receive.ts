import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { MultipartFile } from '@fastify/multipart'
import { sql } from 'kysely'
import type { Item } from '../../../../contract/catalog.ts'
import { documentKinds, type Taken } from '../../../../contract/documents.ts'
import type { Context, StaffContext } from '../../../platform/context.ts'
import { newId } from '../../../platform/id.ts'
import { Problem, refuse } from '../../../platform/problem.ts'
import { Unreadable } from '../../../platform/xlsx.ts'
import { record } from '../../audit/public.ts'
import type { PublishedEntry } from '../../catalog/public.ts'
import { createSource, entryToFill, itemsOf, queueBatch, receiveUpload, saveMapping } from '../commands.ts'
import { batchById, mountOf, type SourceRecord, sourceById } from '../queries.ts'
import { copyFields } from '../reading/csv.ts'
import { plainName } from '../reading/header.ts'
import { Looker } from './looker.ts'
import { digestItem, holdsFiles, isFileName, type Kept, mayBeGiven, rowOf } from './row.ts'

export const MOST_FILES = 200
const MOST_TABLE = 20 * 1024 ** 2
export const mostBytes = (ctx: Pick<Context, 'config'>) => Math.min(200 * 1024 ** 2, ctx.config.maxUploadBytes)

/** Where a content stands, once for all entries that hold it. */
export const contentPath = (dataDir: string, digest: string) => join(dataDir, 'files', digest.slice(0, 2), digest)

type Refused = { name: string; code: string; text: string; remedy: string }
type Table = { rows: Map<string, Record<string, string>>; notes: string[] }
const none: Table = { rows: new Map(), notes: [] }

export async function entryOfFiles(ctx: StaffContext, id: string): Promise<PublishedEntry> {
  const entry = await entryToFill(ctx, id)
  if (!holdsFiles(entry.content))
    refuse('aggregation.not_of_files', {
      detail: `目录 ${entry.code} 登记的格式不是电子文件或图形图像，数据是一行一行的，不接收文件。`,
      remedy: '请在「挂接数据」里上传数据表；确是文件的，先变更目录的信息资源格式。',
    })
  return entry
}

/**
 * Takes files as rows of an entry: each is judged, its content kept once, and what it says of itself becomes a batch like any other.
 * A file that is no good is named and leaves the others alone.
 */
export async function takeDocuments(ctx: StaffContext, entryId: string, parts: AsyncIterable<MultipartFile>): Promise<Taken> {
  const entry = await entryOfFiles(ctx, entryId)
  const items = itemsOf(entry)
  const keys = await keysOf(ctx, entry, items)
  const looker = new Looker()
  const waiting: string[] = []
  const kept: (Kept & { path: string })[] = []
  const refused: Refused[] = []
  let table = none
  let bytes = 0
  try {
    for await (const part of parts) {
      const name = cleanName(part.filename)
      const path = join(ctx.config.dataDir, 'incoming', newId())
      waiting.push(path)
      const got = await store(path, part)
      bytes += got.bytes
      if (bytes > ctx.config.maxUploadBytes || kept.length + refused.length >= MOST_FILES) tooMany(ctx)
      if (part.fieldname === 'metadata') {
        table = await accompanying(looker, path, got.bytes, name, items)
        continue
      }
      try {
        if (part.file.truncated) throw tooLarge(ctx)
        kept.push({ ...got, name, path, look: await looker.look(path, name) })
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error
        refused.push({ name, code: error.code, text: error.message, remedy: error.remedy })
      }
    }
    if (refused.length)
      await record(ctx.db, ctx, {
        action: 'document.refuse',
        subject: entry.code,
        data: { files: refused.length, reasons: [...new Set(refused.map(r => r.code))] },
      })
    if (!kept.length) noneTaken(refused)
    return await load(ctx, { entry, items, keys, kept, refused, table })
  } finally {
    await looker.close()
    for (const path of waiting) await rm(path, { force: true })
  }
}

const cleanName = (name: string) =>
  basename(name.replaceAll('\\', '/'))
    .toWellFormed()
    .replace(/\p{Cc}/gu, '')
    .slice(-200) || '未命名'

async function store(path: string, part: MultipartFile): Promise<{ bytes: number; digest: string }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const hash = createHash('sha256')
  let bytes = 0
  await pipeline(
    part.file,
    async function* (source: AsyncIterable<Buffer>) {
      for await (const piece of source) {
        hash.update(piece)
        bytes += piece.length
        yield piece
      }
    },
    // On the disk before any row speaks of it.
    createWriteStream(path, { mode: 0o600, flush: true }),
  )
  return { bytes, digest: hash.digest('hex') }
}

const megabytes = (bytes: number) => Math.floor(bytes / 1024 ** 2).toLocaleString('en')
const tooLarge = (ctx: Context) =>
  new Unreadable('document-large', `文件超过 ${megabytes(mostBytes(ctx))} MB。`, '请拆成几个文件，或降低图像的分辨率后上传。')
const tooMany = (ctx: Context) =>
  refuse('aggregation.too_many_files', {
    status: 413,
    detail: `一次最多 ${MOST_FILES} 个文件、共 ${megabytes(ctx.config.maxUploadBytes)} MB，没有接收。`,
    remedy: '请分几次上传。',
  })

function noneTaken(refused: Refused[]): never {
  const first = refused[0]
  if (!first) refuse('aggregation.no_upload', { status: 400, detail: '没有收到文件。', remedy: '请选择一个或多个文件。' })
  refuse('aggregation.files_refused', {
    reason: first.code,
    detail: refused.length === 1 ? `「${first.name}」没有接收：${first.text}` : `${refused.length} 个文件都没有接收，原因逐个列出。`,
    remedy: refused.length === 1 ? first.remedy : '请按每个文件的说明更正后再上传。',
    errors: refused.map((r, i) => ({ pointer: `/files/${i}`, code: r.code, message: `「${r.name}」${r.text}`, remedy: r.remedy })),
  })
}

/** What the accompanying table says of each file, by its name. */
async function accompanying(looker: Looker, path: string, bytes: number, name: string, items: Item[]): Promise<Table> {
  const wrong = (detail: string, remedy: string): never =>
    refuse('aggregation.file_table', { detail: `随附的表「${name}」不能用：${detail}`, remedy })
  if (bytes > MOST_TABLE) wrong(`超过 ${megabytes(MOST_TABLE)} MB。`, '请分几次上传。')
  const rows = await looker.table(path).catch(error => {
    if (!(error instanceof Unreadable)) throw error
    return wrong(error.message, error.remedy)
  })
  const header = rows[0] ?? []
  const at = header.findIndex(isFileName)
  if (at === -1) wrong('第一行里没有「文件名」这一列。', '请加上「文件名」列，值与上传的文件名一致；其他列用信息项的名称。')
  const columns = header.map(column => items.find(i => plainName(i.name) === plainName(column) && mayBeGiven(i)))
  const unused = header.filter((column, i) => column && i !== at && !columns[i])
  const table: Table = { rows: new Map(), notes: unused.map(c => `随附的表里「${c}」不是可以填写的信息项，没有使用。`) }
  for (const row of rows.slice(1)) {
    const file = cleanName(row[at] ?? '')
    if (!row[at]) continue
    if (table.rows.has(file)) wrong(`「${file}」写了两行。`, '每个文件只留一行。')
    table.rows.set(file, Object.fromEntries(columns.flatMap((item, i) => (item && row[i] ? [[item.key, row[i]]] : []))))
  }
  return table
}

async function keysOf(ctx: StaffContext, entry: PublishedEntry, items: Item[]): Promise<string[]> {
  const mounted = await mountOf(ctx.db, entry.id)
  if (mounted) return mounted.keys
  const declared = items.filter(i => i.identifier).map(i => i.key)
  if (declared.length) return declared
  const digest = digestItem(items)
  return digest
    ? [digest.key]
    : refuse('aggregation.files_no_key', {
        detail: '看不出用哪个信息项认出一个文件，没有接收。',
        remedy: '请变更目录：加一个信息项「文件摘要」，或标明标识项。',
      })
}

type Delivery = {
  entry: PublishedEntry
  items: Item[]
  keys: string[]
  kept: (Kept & { path: string })[]
  refused: Refused[]
  table: Table
}

async function load(ctx: StaffContext, d: Delivery): Promise<Taken> {
  const { entry, items, keys, table } = d
  const digests = d.kept.map(f => f.digest)
  const { rows: known } = await sql<{ digest: string; given: Record<string, string> }>`
    select digest, given from aggregation.document where entry_id = ${entry.id} and digest = any(${digests})`.execute(ctx.db)
  const before = new Map(known.map(k => [k.digest, k.given]))
  // Where the content itself is the key, the same content twice is one row.
  const byContent = keys.length === 1 && keys[0] === digestItem(items)?.key
  const firsts = new Map<string, Kept>()
  for (const f of d.kept) if (!firsts.has(f.digest)) firsts.set(f.digest, f)
  const files = byContent ? d.kept.filter(f => firsts.get(f.digest) === f) : d.kept
  const givenOf = (f: Kept) => ({ ...before.get(f.digest), ...table.rows.get(f.name) })

  const source = await sourceOf(ctx, entry, items, keys)
  const lines = [items.map(i => i.name), ...files.map(f => rowOf(items, f, givenOf(f)))]
  const name = files.length === 1 ? files[0]!.name : `${files[0]!.name} 等 ${files.length} 个文件`
  const upload = await receiveUpload(ctx, source, name, Readable.from([Buffer.from(`${lines.map(l => copyFields(l)).join('\n')}\n`)]))
  for (const f of files) await keep(ctx, f)
  const batchId = await queueBatch(
    ctx,
    source,
    { uploadId: upload.id, options: { encoding: 'utf-8', delimiter: ',', headerRow: 1, headerRows: 1 } },
    true,
    async (tx, id) => {
      for (const f of files)
        await sql`insert into aggregation.document (entry_id, digest, name, kind, bytes, given, batch_id, created, created_by)
          values (${entry.id}, ${f.digest}, ${f.name}, ${f.look.kind}, ${f.bytes}, ${JSON.stringify(givenOf(f))}, ${id}, ${ctx.now}, ${ctx.actor.name})
          on conflict (entry_id, digest) do update set given = excluded.given, batch_id = excluded.batch_id`.execute(tx)
    },
  )
  const { no } = (await batchById(ctx.db, batchId))!
  const names = new Set(d.kept.map(f => f.name))
  const astray = [...table.rows.keys()].filter(file => !names.has(file))
  return {
    batch: { id: batchId, no },
    files: [
      ...d.refused.map(r => ({ name: r.name, outcome: 'refused' as const, text: r.text, remedy: r.remedy })),
      ...d.kept.map(f => ({ name: f.name, remedy: null, ...outcomeOf(f) })),
    ],
    notes: [...table.notes, ...astray.slice(0, 20).map(file => `随附的表里「${file}」没有对应的文件，没有使用。`)],
  }

  function outcomeOf(f: Kept): { outcome: Taken['files'][number]['outcome']; text: string } {
    const first = firsts.get(f.digest)!
    if (byContent && first !== f) return { outcome: 'same', text: `内容与「${first.name}」相同，只记一行。` }
    if (before.has(f.digest)) return { outcome: 'known', text: '内容以前收过，沿用原来的一份。' }
    return { outcome: 'taken', text: `${documentKinds[f.look.kind].label}${f.look.pages ? ` ${f.look.pages} 页` : ''}` }
  }
}

/** The content at its place; a copy that came before is as good. */
async function keep(ctx: StaffContext, f: Kept & { path: string }): Promise<void> {
  const place = contentPath(ctx.config.dataDir, f.digest)
  if ((await stat(place).catch(() => null))?.size === f.bytes) return
  await mkdir(dirname(place), { recursive: true, mode: 0o700 })
  await rename(f.path, place).catch(async error => {
    // The same content twice in one upload: the first took it there.
    if ((await stat(place).catch(() => null))?.size !== f.bytes) throw error
  })
}

/** The source of the entry's files, every item wired to the column of its name: made at the first upload, kept up with the catalog. */
async function sourceOf(ctx: StaffContext, entry: PublishedEntry, items: Item[], keys: string[]): Promise<SourceRecord> {
  const found = async () =>
    (await sql<SourceRecord>`select * from aggregation.source where entry_id = ${entry.id} and documents`.execute(ctx.db)).rows[0]
  let source = await found()
  // Rejects hold nothing up: each file stands for itself, and what was rejected is in the list.
  const threshold = source?.threshold ?? 1
  source ??= await createSource(ctx, { entryId: entry.id, kind: 'file', name: `${entry.title}（文件）`, threshold, documents: true }).catch(
    async error => {
      const theirs = error instanceof Problem ? undefined : await found()
      if (!theirs) throw error
      return theirs
    },
  )
  const mapping = items.map(i => ({ source: i.name, item: i.key }))
  if (JSON.stringify([source.mapping, source.keys]) === JSON.stringify([mapping, keys])) return source
  await saveMapping(ctx, source, { mapping, keys, threshold, options: {} })
  return (await sourceById(ctx.db, source.id))!
}

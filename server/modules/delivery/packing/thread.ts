import type { KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import iconv from 'iconv-lite'
import pg from 'pg'
import { type Column, csv, json, xlsx } from '../../../platform/export.ts'
import { parquet } from '../../../platform/parquet.ts'
import { othersFirst } from '../../../platform/priority.ts'
import { createZip } from '../../../platform/zip.ts'
import type { projectCopy } from '../projection.ts'
import { markLength, rowMarks } from '../watermark.ts'
import { copyRows } from './copy.ts'
import { csvLines, MARKS, values } from './csv.ts'

export type Task = {
  connection: pg.ClientConfig
  copy: Pick<ReturnType<typeof projectCopy>, 'text' | 'settings'>
  /** The ZIP, and the file in it; `whole` is where Parquet is written first, since it has its directory last. Whoever ends the thread removes both. */
  path: string
  whole: string
  name: string
  format: 'csv' | 'json' | 'xlsx' | 'parquet'
  encoding: 'utf-8' | 'gb18030'
  /** As COPY gives them, and the mark of the row as the last. */
  columns: Column[]
  key: KeyObject
  packageNo: number
  /** The same as people know it. */
  no: string
  at: Date
}

// Whoever asks for data goes first. Only Linux gives a thread a priority of its own; elsewhere it would be that of the whole process.
if (process.platform === 'linux') setPriority(10)

const task = workerData as Task
const port = parentPort!
const client = new pg.Client(task.connection)
// Its query hears of it.
client.on('error', () => {})
await client.connect()
// A backend that sorts or waits notices by this that nobody wants its rows any more; not every system can.
await client.query(`select set_config('client_connection_check_interval', '1s', false)`).catch(() => {})
await client.query(`select set_config('max_parallel_workers_per_gather', '0', false)`)
for (const [name, value] of task.copy.settings) await client.query('select set_config($1, $2, false)', [name, value])
const lowered = othersFirst(client as unknown as pg.PoolClient)

let count = 0
const marksFrom = (first: number, many: number) => rowMarks(task.key, task.packageNo, first, many)

/** A piece is made of whole lines, so no character is cut in two. */
const encoded = (lines: Uint8Array): Uint8Array =>
  task.encoding === 'gb18030' ? iconv.encode(Buffer.from(lines).toString(), 'gb18030') : lines
async function* lines() {
  for await (const head of csv(task.columns, [], { bom: task.encoding === 'utf-8' })) yield encoded(head)
  const made = csvLines(marksFrom)
  for await (const _ of copyRows(client, task.copy.text, made.add)) if (made.full) yield encoded(made.take())
  yield encoded(made.take())
  count = made.rows
}

async function* rows() {
  const keys = task.columns.map(c => c.key)
  const water = keys.pop()!
  let ready: Record<string, string | null>[] = []
  let marks = ''
  const add = (bytes: Buffer, from: number, until: number) => {
    const at = (count++ % MARKS) * markLength
    if (at === 0) marks = marksFrom(count, MARKS).toString('latin1')
    const row: Record<string, string | null> = { [water]: marks.slice(at, at + markLength) }
    const found = values(bytes, from, until)
    for (let i = 0; i < keys.length; i++) row[keys[i]!] = found[i]!
    ready.push(row)
  }
  const taken = () => {
    const now = ready
    ready = []
    return now
  }
  for await (const _ of copyRows(client, task.copy.text, add)) yield* taken()
  yield* taken()
}

async function pieces(): Promise<AsyncIterable<Uint8Array>> {
  if (task.format === 'csv') return lines()
  if (task.format === 'json') return json(task.columns, rows())
  if (task.format === 'xlsx') return xlsx(task.columns, rows())
  await parquet(task.whole, task.columns, rows(), { 'huitong.package': task.no })
  return createReadStream(task.whole)
}
const zip = await createZip(task.path, task.at)
const file = await zip.add(task.name, await pieces())
await rm(task.whole, { force: true })
lowered.stop()
await client.end()
port.postMessage({ rows: count, file: { name: task.name, ...file } })
const [parts] = (await once(port, 'message')) as [[string, Uint8Array][]]
for (const [name, content] of parts) await zip.add(name, [content])
port.postMessage({ whole: await zip.end() })
port.close()

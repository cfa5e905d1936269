import type { KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import iconv from 'iconv-lite'
import pg from 'pg'
import { othersFirst } from '../../../platform/priority.ts'
import { createZip } from '../../../platform/zip.ts'
import type { projectCopy } from '../projection.ts'
import { rowMarks } from '../watermark.ts'
import { copyRows } from './copy.ts'
import { csvLines } from './csv.ts'

export type Task = {
  connection: pg.ClientConfig
  copy: Pick<ReturnType<typeof projectCopy>, 'text' | 'settings'>
  /** The ZIP, the file in it, its first line. */
  path: string
  name: string
  head: Uint8Array
  encoding: 'utf-8' | 'gb18030'
  key: KeyObject
  packageNo: number
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

const lines = csvLines((first, count) => rowMarks(task.key, task.packageNo, first, count))
// A piece is made of whole lines, so no character is cut in two.
const encoded = (lines: Buffer): Buffer => (task.encoding === 'gb18030' ? iconv.encode(lines.toString(), 'gb18030') : lines)
async function* pieces() {
  yield encoded(Buffer.from(task.head))
  for await (const _ of copyRows(client, task.copy.text, lines.add)) if (lines.full) yield encoded(lines.take())
  yield encoded(lines.take())
}
const zip = await createZip(task.path, task.at)
const file = await zip.add(task.name, pieces())
lowered.stop()
await client.end()
port.postMessage({ rows: lines.rows, file: { name: task.name, ...file } })
const [parts] = (await once(port, 'message')) as [[string, Uint8Array][]]
for (const [name, content] of parts) await zip.add(name, [content])
port.postMessage({ whole: await zip.end() })
port.close()

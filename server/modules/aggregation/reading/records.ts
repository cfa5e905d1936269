import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Unreadable } from '../../../platform/xlsx.ts'
import { copyFields } from './csv.ts'
import { type Encoding, toUtf8 } from './encoding.ts'
import { type JsonRows, jsonRecords } from './json.ts'
import { xmlRecords } from './xml.ts'

/** A row of a JSON or XML document: its fields by name, nested ones as `a.b`. `broken`: what stood there instead, as it came. */
export type Record = { line: number; fields: Map<string, string>; broken?: string }
/** Where the rows stand in a document: see JsonRows, or the names of the elements down to the one that repeats. */
export type Rows = { kind: 'json'; encoding: Encoding; at: JsonRows } | { kind: 'xml'; encoding: Encoding; at: string[] }

export const MOST_DEPTH = 32
export const MOST_FIELDS = 1600
/** One row, as it stands in the file. */
export const LONGEST_RECORD = 1024 * 1024

export function recordsOf(path: string, rows: Rows): AsyncGenerator<Record[]> {
  const bytes = toUtf8(createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>, rows.encoding)
  return rows.kind === 'json' ? jsonRecords(bytes, rows.at) : xmlRecords(bytes, rows.at)
}

/** Names of all fields, in the order they first appear. */
export class Names {
  readonly list: string[] = []
  private readonly seen = new Set<string>()
  add(record: Record): void {
    for (const name of record.fields.keys()) {
      if (this.seen.has(name)) continue
      if (this.list.length >= MOST_FIELDS)
        throw new Unreadable('too-many-fields', `第 ${record.line} 行起字段超过 ${MOST_FIELDS} 个。`, '请只导出需要的字段。')
      this.seen.add(name)
      this.list.push(name)
    }
  }
}

/**
 * Writes the rows of a document as CSV, so that they are read from there like any other table; the names of the fields come back.
 * A row stands on the same line as in the document wherever that is possible.
 */
export async function toTable(path: string, rows: Rows, out: string): Promise<string[]> {
  const names = new Names()
  for await (const records of recordsOf(path, rows)) for (const r of records) names.add(r)
  const file = createWriteStream(out, { mode: 0o600, highWaterMark: 1 << 20 })
  const failed = once(file, 'error').then(([error]) => {
    throw error
  })
  failed.catch(() => {})
  let line = 1
  for await (const records of recordsOf(path, rows)) {
    let text = ''
    for (const r of records) {
      if (r.line > line) {
        text += '\n'.repeat(r.line - line)
        line = r.line
      }
      // One field too few or too many: a row that is put aside with what it was.
      const row = r.broken === undefined ? names.list.map(n => r.fields.get(n) ?? '') : names.list.length > 1 ? [r.broken] : [r.broken, '']
      const written = copyFields(row)
      // A row without any value would be passed over as a blank line.
      text += `${row.some(Boolean) || row.length > 1 ? written : '""'}\n`
      line += 1 + (written.includes('\n') ? written.split('\n').length - 1 : 0)
    }
    if (text && !file.write(text)) await Promise.race([once(file, 'drain'), failed])
  }
  file.end()
  await Promise.race([once(file, 'finish'), failed])
  return names.list
}

/** Above this a document is taken apart in a thread of its own, so that whoever asks for data meanwhile does not wait for it. */
const LARGE = 4 * 1024 * 1024
export async function tableOf(path: string, bytes: number, rows: Rows, out: string): Promise<{ names: string[]; bytes: number }> {
  const names = bytes <= LARGE ? await toTable(path, rows, out) : await inThread(path, rows, out)
  return { names, bytes: (await stat(out)).size }
}

async function inThread(path: string, rows: Rows, out: string): Promise<string[]> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { document: { path, rows, out } } })
  const [answer] = (await once(worker, 'message')) as [{ names: string[] } | { code?: string; message: string; remedy?: string }]
  if ('names' in answer) return answer.names
  throw answer.code ? new Unreadable(answer.code, answer.message, answer.remedy ?? '') : new Error(answer.message)
}

if (!isMainThread && parentPort && workerData?.document) {
  const { path, rows, out } = workerData.document
  const port = parentPort
  toTable(path, rows, out).then(
    names => port.postMessage({ names }),
    (error: Unreadable) => port.postMessage({ code: error.code, message: error.message, remedy: error.remedy }),
  )
}

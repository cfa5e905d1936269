import { refuse } from '../../../platform/problem.ts'

/** What a JSON body holds: its columns in the order they first appear, and the deletions it asks for. */
export type Survey = { columns: string[]; rows: number; deletions: { line: number; raw: string }[] }

const MAX_RECORD = 1024 * 1024
const MAX_COLUMNS = 1600
const MAX_DELETIONS = 10_000
const MAX_DELETION = 4000
const [QUOTE, BACKSLASH, OPEN, CLOSE, LIST, END] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]

/**
 * The objects of a JSON array, of NDJSON, or of objects one after the other, as text, one at a time: a body of any size needs the
 * memory of one record. What stands between records may only be white space and commas.
 */
export async function* objectsOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let held: Buffer[] = []
  let heldBytes = 0
  let depth = 0
  let text = false
  let escaped = false
  let list: 'no' | 'open' | 'closed' = 'no'
  let n = 0
  const wrong = (what: string): never =>
    refuse('ingest.body_invalid', {
      status: 400,
      detail: `第 ${n + 1} 条记录${what}，没有接收。`,
      remedy: '请发送 NDJSON（每行一个对象）、JSON 对象数组，或 CSV。',
    })
  for await (const chunk of body) {
    let from = depth ? 0 : -1
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (text) {
        if (escaped) escaped = false
        else if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) text = false
        continue
      }
      if (depth === 0) {
        if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0x2c) continue
        // A byte order mark before everything.
        if (n === 0 && list === 'no' && (byte === 0xef || byte === 0xbb || byte === 0xbf)) continue
        if (byte === LIST && list === 'no' && n === 0) list = 'open'
        else if (byte === END && list === 'open') list = 'closed'
        else if (byte === OPEN && list !== 'closed') {
          depth = 1
          from = i
        } else wrong('不是 JSON 对象')
        continue
      }
      if (byte === QUOTE) text = true
      else if (byte === OPEN || byte === LIST) depth++
      else if ((byte === CLOSE || byte === END) && --depth === 0) {
        held.push(chunk.subarray(from, i + 1))
        yield (held.length === 1 ? held[0]! : Buffer.concat(held)).toString()
        n++
        held = []
        heldBytes = 0
        from = -1
      }
    }
    if (depth) {
      held.push(chunk.subarray(from))
      heldBytes += chunk.length - from
      if (heldBytes > MAX_RECORD) wrong('超过 1 MB')
    }
  }
  if (depth) wrong('没有结束')
  if (list === 'open') wrong('之后，数组没有结束')
}

/** A number keeps its digits: an identifier of 18 digits written as a number would lose its end. */
const exact = (_: string, value: unknown, context?: { source?: string }) =>
  typeof value === 'number' && context?.source !== undefined ? new Digits(context.source) : value
class Digits {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  toJSON(): unknown {
    return (JSON as { rawJSON?: (text: string) => unknown }).rawJSON?.(this.text) ?? Number(this.text)
  }
}

function parse(text: string, n: number): Record<string, unknown> {
  try {
    return (JSON.parse as (text: string, reviver: unknown) => Record<string, unknown>)(text, exact)
  } catch {
    return refuse('ingest.body_invalid', {
      status: 400,
      detail: `第 ${n} 条记录不是合法的 JSON，没有接收。`,
      remedy: '请检查引号、逗号和括号；编码用 UTF-8。',
    })
  }
}

const plain = (value: unknown): string =>
  value === null || value === undefined
    ? ''
    : (value instanceof Digits ? value.text : typeof value === 'object' ? JSON.stringify(value) : String(value)).replaceAll('\0', '')

const isDeletion = (record: Record<string, unknown>) => record._delete === true

/** Reads the body once without keeping it. Throws when a record is no JSON object. */
export async function survey(body: AsyncIterable<Buffer>): Promise<Survey> {
  const columns = new Set<string>()
  const deletions: Survey['deletions'] = []
  let n = 0
  let rows = 0
  for await (const text of objectsOf(body)) {
    const record = parse(text, ++n)
    if (isDeletion(record)) {
      if (deletions.length === MAX_DELETIONS)
        refuse('ingest.too_many_deletions', {
          detail: `一次推送里要求删除的记录超过 ${MAX_DELETIONS.toLocaleString('en')} 条，没有接收。`,
          remedy: '请分几次推送，或先取得批准。',
        })
      if (text.length > MAX_DELETION)
        refuse('ingest.body_invalid', { status: 400, detail: `第 ${n} 条记录要求删除，内容太长。`, remedy: '只需写 _delete 和标识项。' })
      deletions.push({ line: n, raw: text })
      continue
    }
    rows++
    for (const name in record) if (name !== '_delete') columns.add(name)
    if (columns.size > MAX_COLUMNS) refuse('ingest.body_invalid', { status: 400, detail: '字段超过 1,600 个，没有接收。' })
  }
  return { columns: [...columns], rows, deletions }
}

const quoted = (value: string) => (value === '' ? '' : `"${value.replaceAll('"', '""')}"`)

/** The records as CSV under these columns; deletions are left out. */
export async function* csvOf(body: AsyncIterable<Buffer>, columns: string[]): AsyncGenerator<Buffer> {
  let out = `${columns.map(quoted).join(',')}\n`
  let n = 0
  for await (const text of objectsOf(body)) {
    const record = parse(text, ++n)
    if (isDeletion(record)) continue
    // An empty record stays a line: a blank one would not be counted.
    const line = columns.map(name => quoted(plain(record[name]))).join(',')
    out += `${columns.length === 1 && !line ? '""' : line}\n`
    if (out.length < 64 * 1024) continue
    yield Buffer.from(out)
    out = ''
  }
  yield Buffer.from(out)
}

/** One record as text values. */
export const fieldsOf = (text: string): Record<string, string> =>
  Object.fromEntries(Object.entries(parse(text, 1)).map(([name, value]) => [name, plain(value)]))

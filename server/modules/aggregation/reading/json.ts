import { trimmed } from '../../../platform/text.ts'
import { Unreadable } from '../../../platform/xlsx.ts'
import { LONGEST_RECORD, MOST_DEPTH, type Record } from './records.ts'

/** `lines`: one value per line; `values`: the document is the row, or several after each other; else the keys down to the list of rows. */
export type JsonRows = 'lines' | 'values' | string[]

const QUOTE = 0x22
const BACKSLASH = 0x5c
const LF = 0x0a
const [OPEN, CLOSE, LEFT, RIGHT, COMMA, COLON] = [...Buffer.from('{}[],:')] as [number, number, number, number, number, number]

const broken = (line: number) =>
  new Unreadable('json-broken', `第 ${line.toLocaleString('en')} 行附近不是正确的 JSON。`, '请检查导出是否完整，再上传。')
const tooLong = (line: number) =>
  new Unreadable('record-too-long', `第 ${line.toLocaleString('en')} 行起的一条记录超过 1 MB。`, '请检查数据，或去掉其中的大字段。')

/** Numbers keep the digits they are written with. */
const exact = (text: string): unknown =>
  /\d\.|\d[eE]|\d{16}/.test(text)
    ? JSON.parse(text, (_, value, context?: { source?: string }) => (typeof value === 'number' ? (context?.source ?? value) : value))
    : JSON.parse(text)

function flatten(value: unknown, name: string, depth: number, line: number, into: Map<string, string>): void {
  if (depth > MOST_DEPTH) throw new Unreadable('too-deep', `第 ${line} 行起嵌套超过 ${MOST_DEPTH} 层。`, '请导出为平面的记录。')
  if (value === null || value === undefined) into.set(name, '')
  else if (Array.isArray(value)) into.set(name, value.length ? JSON.stringify(value) : '')
  else if (typeof value === 'object') {
    for (const [key, inner] of Object.entries(value)) flatten(inner, name ? `${name}.${key}` : key, depth + 1, line, into)
  } else into.set(name, trimmed(String(value).replaceAll('\0', '')))
}

function recordOf(text: string, line: number): Record {
  const value = exact(text)
  const fields = new Map<string, string>()
  if (value && typeof value === 'object' && !Array.isArray(value)) flatten(value, '', 0, line, fields)
  else flatten(value, '值', 0, line, fields)
  return { line, fields }
}

/** The rows of a JSON document, while it is still being read. */
export function jsonRecords(source: AsyncIterable<Buffer>, at: JsonRows): AsyncGenerator<Record[]> {
  return at === 'lines' ? lines(source) : elements(source, at)
}

async function* lines(source: AsyncIterable<Buffer>): AsyncGenerator<Record[]> {
  let rest: Buffer = Buffer.alloc(0)
  let line = 0
  const of = (bytes: Buffer): Record[] => {
    line++
    const text = bytes
      .toString()
      .replace(/^\ufeff/, '')
      .trim()
    if (!text) return []
    try {
      return [recordOf(text, line)]
    } catch (error) {
      if (error instanceof Unreadable) throw error
      return [{ line, fields: new Map(), broken: text }]
    }
  }
  for await (const chunk of source) {
    const bytes = rest.length ? Buffer.concat([rest, chunk]) : chunk
    const found: Record[] = []
    let from = 0
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, from)) {
      found.push(...of(bytes.subarray(from, end)))
      from = end + 1
    }
    rest = bytes.subarray(from)
    if (rest.length > LONGEST_RECORD) throw tooLong(line + 1)
    yield found
  }
  if (rest.length) yield of(rest)
}

type Level = { list: boolean; key: string | null; items: number; objects: number }

/**
 * Walks through a document byte by byte, holding on to one row at a time. `seen` is told of every list that stands in no other list.
 */
async function* elements(
  source: AsyncIterable<Buffer>,
  at: Exclude<JsonRows, 'lines'>,
  seen?: (path: string[], objects: number) => void,
): AsyncGenerator<Record[]> {
  const target = at === 'values' ? null : at.join('\0')
  const levels: Level[] = []
  let line = 1
  let inString = false
  let escaped = false
  // Depth inside the value that is being held or passed over as a whole; 0: not in one.
  let inside = 0
  let holding = false
  let started = 1
  let held: Buffer[] = []
  let size = 0
  let word: number[] | null = null
  let key = ''
  let reached = false
  let other = false
  const path = () => levels.flatMap(l => (l.key === null ? [] : [l.key]))

  for await (const chunk of source) {
    const found: Record[] = []
    let from = 0
    const hold = (end: number) => {
      if (!holding || end <= from) return
      held.push(chunk.subarray(from, end))
      size += end - from
      if (size > LONGEST_RECORD) throw tooLong(started)
    }
    const finish = (end: number) => {
      hold(end)
      holding = false
      try {
        found.push(recordOf(Buffer.concat(held).toString(), started))
      } catch (error) {
        throw error instanceof Unreadable ? error : broken(started)
      }
      held = []
      size = 0
    }
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (byte === LF) line++
      if (inString) {
        if (escaped) escaped = false
        else if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) {
          inString = false
          if (word) {
            try {
              key = JSON.parse(`"${Buffer.from(word).toString()}"`)
            } catch {
              throw broken(line)
            }
            word = null
          }
          continue
        }
        if (word && word.length < 1000) word.push(byte)
        continue
      }
      if (inside) {
        if (byte === QUOTE) inString = true
        else if (byte === OPEN || byte === LEFT) {
          if (++inside > MOST_DEPTH + 1)
            throw new Unreadable('too-deep', `第 ${line} 行起嵌套超过 ${MOST_DEPTH} 层。`, '请导出为平面的记录。')
        } else if (byte === CLOSE || byte === RIGHT) {
          inside--
          if (!inside && holding) finish(i + 1)
        }
        continue
      }
      const here = levels.at(-1)
      switch (byte) {
        case QUOTE:
          inString = true
          if (here && !here.list) word = []
          else other ||= reached
          break
        case COLON:
          if (here) here.key = key
          break
        case COMMA:
          if (here && !here.list) here.key = null
          break
        case OPEN:
        case LEFT: {
          if (here?.list) here.items++
          if (here?.list && byte === OPEN) here.objects++
          const row = here?.list ? reached && byte === OPEN : at === 'values' && levels.length === 0 && byte === OPEN
          if (row || here?.list) {
            // An item of a list: a row, or something nobody looks into.
            inside = 1
            holding = row
            started = line
            from = i
            break
          }
          if (levels.length >= MOST_DEPTH)
            throw new Unreadable('too-deep', `第 ${line} 行起嵌套超过 ${MOST_DEPTH} 层。`, '请导出为平面的记录。')
          levels.push({ list: byte === LEFT, key: null, items: 0, objects: 0 })
          if (byte === LEFT) reached = path().join('\0') === target
          break
        }
        case CLOSE:
        case RIGHT:
          if (!here || here.list !== (byte === RIGHT)) throw broken(line)
          levels.pop()
          if (here.list) {
            seen?.(path(), here.objects)
            if (reached && here.items !== here.objects) other = true
            reached = false
          }
          break
        default:
          if (here?.list && byte > 0x20) other ||= reached
      }
    }
    hold(chunk.length)
    yield found
  }
  if (seen)
    for (const [i, level] of levels.entries())
      if (level.list)
        seen(
          levels.slice(0, i).flatMap(l => l.key ?? []),
          level.objects,
        )
  if (!seen && (levels.length || inside || inString))
    throw new Unreadable('json-broken', '文件在中间结束，不是完整的 JSON。', '请检查导出是否完整，再上传。')
  if (other) throw new Unreadable('json-mixed', '列表里有的不是记录（对象）。', '请只导出由记录组成的列表。')
}

/** No key is called like this: every list is passed over. */
const NOWHERE = ['\0']
/** Where the rows stand, judged by the beginning of a document: the longest list of objects, lines, or the document itself. */
export async function findJsonRows(beginning: string): Promise<JsonRows> {
  const [first = '', second = ''] = beginning
    .replace(/^\ufeff/, '')
    .trimStart()
    .split(/\r?\n/, 2)
  const whole = (text: string) => {
    try {
      return typeof JSON.parse(text) === 'object' && text.trimStart().startsWith('{')
    } catch {
      return false
    }
  }
  if (whole(first) && second.trim()) return 'lines'
  let best: { path: string[]; objects: number } | undefined
  const source = (async function* () {
    yield Buffer.from(beginning)
  })()
  try {
    for await (const _ of elements(source, NOWHERE, (path, objects) => {
      if (objects > (best?.objects ?? 0)) best = { path, objects }
    }));
  } catch (error) {
    // Cut off in the middle, or broken: reading it will tell.
    if (error instanceof Unreadable && error.code === 'too-deep') throw error
  }
  return best?.path ?? (whole(first) ? 'lines' : 'values')
}

import { isUtf8 } from 'node:buffer'
import type { Voucher } from '../../quality/public.ts'
import { copyFields, parseRecord } from './csv.ts'
import { rowHash } from './hash.ts'

/** A record that cannot go to the database, with the line it stands on. */
export type Bad = { n: number; line: number; rule: 'ragged' | 'encoding' | 'quote'; note: string; raw: string }

/**
 * What is handed on of each record, as CSV with `\n` at its end.
 * `all`: its number, its hash, every field. `keys`: number, hash and these fields. `some`: as `all`, but only the numbers marked.
 * `typed`: a record whose values are all plainly right without its number, as hash, key and the fields the pool wants; the others
 * are put aside as in `all`.
 */
export type Layout =
  | { kind: 'all' }
  | { kind: 'keys'; keys: number[] }
  | { kind: 'some'; wanted: Uint8Array }
  | { kind: 'typed'; keys: number[]; fields: number[] }

export type ScanOptions = {
  delimiter: string
  /** Columns of the header; every record must have as many. */
  columns: number
  /** Records before the first row of data, blank ones included. */
  skip: number
  /** Starts the hash of every row: what else its verdict depends on. */
  seed?: number
  /** By column: answers whether a value is plainly right. */
  vouchers?: (Voucher | undefined)[]
  /** The bytes were converted, so that U+FFFD stands for a byte nobody could read. */
  converted?: boolean
  layout?: Layout
  /** Buffers nobody needs any more, to be written anew: what moves between threads is freed late. */
  spare?: Buffer[]
}

const DELIMITER = 1
const LF = 2
const CR = 3
const QUOTE = 4
/** A quoted value may hold line breaks, but one that reaches over a megabyte is a quote that was never closed. */
const LONGEST_RECORD = 1024 * 1024
const MOST_BAD = 100_000
const MOST_DOUBTFUL = 500_000

export class TooManyBad extends Error {}

const NOTHING = Buffer.alloc(0)
/** Bytes that grow until they are taken. */
class Out {
  private readonly spare: Buffer[]
  bytes: Buffer = Buffer.allocUnsafe(512 * 1024)
  filled = 0
  constructor(spare: Buffer[] = []) {
    this.spare = spare
  }
  room(more: number): void {
    if (this.filled + more <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.filled + more, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.filled)
    this.bytes = larger
  }
  take(): Buffer {
    if (!this.filled) return NOTHING
    const done = this.bytes.subarray(0, this.filled)
    this.bytes = this.spare.pop() ?? Buffer.allocUnsafe(512 * 1024)
    this.filled = 0
    return done
  }
  /** The same for a few bytes, which need not keep a large buffer alive. */
  copied(): Buffer {
    // Not from the pool, all of which would be copied when it goes to another thread.
    const done = this.filled ? Buffer.allocUnsafeSlow(this.filled) : NOTHING
    this.bytes.copy(done, 0, 0, this.filled)
    this.filled = 0
    return done
  }
}

/** Fields that lie beside each other are copied in one piece. */
function runsOf(fields: number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const f of fields) {
    const last = runs.at(-1)
    if (last && last[1] + 1 === f) last[1] = f
    else runs.push([f, f])
  }
  return runs
}

/**
 * Cuts UTF-8 bytes into records and hands those that COPY can read as they are, without making a string of them: it counts
 * fields, follows quotes and line ends, and looks at both ends of every field. Only records with something unusual (quotes in
 * odd places, blanks around a value, a lone CR at the end, a wrong number of fields, broken bytes) are read one by one.
 * COPY is told: FORMAT csv, DELIMITER as given; all values arrive trimmed and never empty. See Layout for what a line holds.
 */
export class Scanner {
  /** Records of data read, good and bad; blank ones do not count. */
  read = 0
  /** Records handed on; the database numbers them 1, 2, … in this order. */
  passed = 0
  readonly bad: Bad[] = []
  /** From record number `n` on (as the database counts), its line is n + shift. */
  readonly shifts: { n: number; shift: number }[] = []
  /** Record numbers, as the database counts, in which a value is not plainly right; null when that is most of them. */
  doubtful: number[] | null
  /** Xor and sum (modulo 2^32, of the lower halves) over the hashes of all records passed: the same rows in any order give the same. */
  readonly mark = { high: 0, low: 0, sum: 0 }
  private line = 1
  private skipped = 0
  private readonly out: Out
  private readonly rest = new Out()
  private readonly kind = new Uint8Array(256)
  private readonly options: ScanOptions
  private readonly layout: Layout
  private readonly runs: [number, number][]
  private readonly whole: [number, number][]
  /** Where each field of the record at hand begins and ends, quotes included. */
  private readonly begins: Int32Array
  private readonly ends: Int32Array

  constructor(options: ScanOptions) {
    this.options = options
    this.out = new Out(options.spare)
    this.layout = options.layout ?? { kind: 'all' }
    this.whole = [[0, options.columns - 1]]
    this.runs =
      this.layout.kind === 'keys' ? runsOf(this.layout.keys) : this.layout.kind === 'typed' ? runsOf(this.layout.fields) : this.whole
    this.begins = new Int32Array(options.columns)
    this.ends = new Int32Array(options.columns)
    this.doubtful = options.vouchers && this.layout.kind !== 'keys' ? [] : null
    this.kind[options.delimiter.charCodeAt(0)] = DELIMITER
    this.kind[10] = LF
    this.kind[13] = CR
    this.kind[34] = QUOTE
  }

  async *scan(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    // Bytes of a record that is not whole yet stay at the beginning; the next piece comes behind them.
    let work: Buffer = Buffer.allocUnsafe(512 * 1024)
    let held = 0
    let first = true
    for await (const piece of source) {
      let chunk: Buffer = piece
      if (first && chunk.length) {
        first = false
        if (chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf) chunk = chunk.subarray(3)
      }
      if (held + chunk.length > work.length) {
        const larger = Buffer.allocUnsafe(Math.max(held + chunk.length, work.length * 2))
        work.copy(larger, 0, 0, held)
        work = larger
      }
      held += chunk.copy(work, held)
      const used = this.take(work.subarray(0, held), false)
      work.copyWithin(0, used, held)
      held -= used
      if (this.out.filled || this.rest.filled) yield this.out.take()
    }
    if (held) this.take(work.subarray(0, held), true)
    if (this.out.filled || this.rest.filled) yield this.out.take()
  }

  /** The records put aside since last time, with the layout `typed`. */
  takeAside(): Buffer {
    return this.rest.copied()
  }

  /** Hands on the record whose fields lie at `begins` and `ends`. */
  private put(bytes: Buffer, start: number, close: number, plain: boolean): void {
    const { layout } = this
    this.passed++
    this.place(this.passed, this.line)
    const hash = rowHash(bytes, start, close, this.options.seed ?? 0)
    const low = hash | 0
    this.mark.high ^= (hash / 2 ** 32) | 0
    this.mark.low ^= low
    this.mark.sum = (this.mark.sum + low) | 0
    if (layout.kind === 'some' && !(layout.wanted[this.passed >> 3]! & (1 << (this.passed & 7)))) return
    if (!plain) this.doubt()
    const typed = layout.kind === 'typed' && plain
    const out = layout.kind === 'typed' && !plain ? this.rest : this.out
    // The key stands twice in a typed line.
    out.room((close - start) * 2 + 60)
    const delimiter = this.options.delimiter.charCodeAt(0)
    const to = out.bytes
    let at = out.filled
    if (!typed) {
      at = digits(to, at, this.passed)
      to[at++] = delimiter
    }
    at = digits(to, at, hash)
    if (typed) {
      for (const [i, f] of layout.keys.entries()) {
        to[at++] = i ? UNIT : delimiter
        at += bytes.copy(to, at, this.begins[f]!, this.ends[f]!)
      }
    }
    const runs = layout.kind === 'typed' && !plain ? this.whole : this.runs
    for (let r = 0; r < runs.length; r++) {
      to[at++] = delimiter
      at += bytes.copy(to, at, this.begins[runs[r]![0]]!, this.ends[runs[r]![1]]!)
    }
    to[at++] = 10
    out.filled = at
  }

  /** Works through whole records and returns how many bytes that were. */
  private take(bytes: Buffer, last: boolean): number {
    const { kind, begins, ends } = this
    const { columns, skip, converted } = this.options
    const vouchers = this.doubtful || this.layout.kind === 'typed' ? this.options.vouchers : undefined
    // A key of several fields is put together here, which only bare fields allow.
    const joined = this.layout.kind === 'typed' && this.layout.keys.length > 1 ? this.layout.keys : null
    // Bytes above the highest special one need no look at the table: with a comma those are all letters, digits and Chinese.
    const top = Math.max(34, this.options.delimiter.charCodeAt(0))
    const end = bytes.length
    const strict = !isUtf8(upToCharacter(bytes)) || bytes.includes(0) || (converted === true && bytes.includes('\ufffd'))
    let start = 0
    let i = 0
    record: while (start < end) {
      let fields = 1
      let odd = strict
      let breaks = 0
      let field = start
      let plain = vouchers !== undefined
      i = start
      let close = -1
      for (;;) {
        i = special(bytes, i, end, kind, top)
        if (i >= end) {
          if (!last) break record
          odd = true
          close = end
          break
        }
        const what = kind[bytes[i]!]
        if (what === QUOTE) {
          if (i !== field) {
            odd = true
            i++
            continue
          }
          // A quoted value: to the quote that is not doubled.
          let k = i + 1
          for (;;) {
            k = bytes.indexOf(34, k)
            if (k === -1 || k - start > LONGEST_RECORD) break
            if (k + 1 < end && bytes[k + 1] === 34) {
              k += 2
              plain = false
              continue
            }
            break
          }
          const lost = k === -1 || k - start > LONGEST_RECORD
          if (lost && !last && k === -1 && end - start <= LONGEST_RECORD) break record
          if (!lost && k + 1 >= end && !last) break record
          const after = !lost && k + 1 < end ? kind[bytes[k + 1]!] : LF
          const closed = after === DELIMITER || after === LF || after === CR
          const firstBreak = bytes.indexOf(10, i)
          if (lost || (!closed && firstBreak !== -1 && firstBreak < k)) {
            // Never closed, or closed in the middle of a later value: the record ends with its line.
            const next = lineEnd(bytes, start)
            if (this.skipped < skip) this.skipped++
            else this.divert(bytes, start, next, 'quote', '引号没有结束')
            this.line++
            start = next
            continue record
          }
          if (!closed) odd = true
          if (k === i + 1 || blankAt(bytes, i + 1, k)) odd = true
          for (let b = firstBreak; b !== -1 && b < k; b = bytes.indexOf(10, b + 1)) breaks++
          if (plain && vouchers![fields - 1] && !vouchers![fields - 1]!(bytes, i + 1, k)) plain = false
          if (joined?.includes(fields - 1)) plain = false
          if (fields <= columns) {
            begins[fields - 1] = i
            ends[fields - 1] = k + 1
          }
          i = k + 1
          field = -1
          continue
        }
        if (field >= 0) {
          if (i > field && blankAt(bytes, field, i)) odd = true
          if (fields <= columns) {
            begins[fields - 1] = field
            ends[fields - 1] = i
          }
          if (plain && vouchers![fields - 1] && !vouchers![fields - 1]!(bytes, field, i)) plain = false
        }
        if (what === DELIMITER) {
          fields++
          i++
          field = i
          continue
        }
        // End of the record.
        close = i
        if (what === CR) {
          if (i + 1 >= end && !last) break record
          if (bytes[i + 1] === 10) i += 2
          else {
            i++
            odd = true
          }
        } else i++
        break
      }
      if (i < close) i = close
      const next = i

      if (this.skipped < skip) this.skipped++
      else if (close - start <= fields - 1) {
        // Nothing but delimiters: a blank line.
      } else if (odd || fields !== columns) {
        this.unusual(bytes, start, close, next, strict)
      } else {
        this.read++
        this.put(bytes, start, close, plain)
      }
      this.line += 1 + breaks
      start = next
    }
    return start
  }

  /** Remembers where the distance between record number and line changes. */
  private place(n: number, line: number): void {
    const shift = line - n
    if (this.shifts.length === 0 || this.shifts[this.shifts.length - 1]!.shift !== shift) this.shifts.push({ n, shift })
  }

  private doubt(): void {
    if (!this.doubtful) return
    if (this.doubtful.length < MOST_DOUBTFUL) this.doubtful.push(this.passed)
    else this.doubtful = null
  }

  private unusual(bytes: Buffer, start: number, close: number, next: number, strict: boolean): void {
    const raw = bytes.subarray(start, close)
    const nul = strict ? raw.indexOf(0) : -1
    if (nul !== -1 || (strict && (!isUtf8(raw) || (this.options.converted && raw.includes('\ufffd'))))) {
      const note = nul !== -1 ? `第 ${nul + 1} 个字节是空字节` : `第 ${brokenAt(raw) + 1} 个字节处`
      this.divert(bytes, start, next, 'encoding', note)
      return
    }
    const { fields, open } = parseRecord(raw.toString(), 0, this.options.delimiter)
    while (fields.length > this.options.columns && fields[fields.length - 1] === '') fields.pop()
    if (open) {
      this.divert(bytes, start, next, 'quote', '引号没有结束')
      return
    }
    if (fields.every(f => f === '')) return
    if (fields.length !== this.options.columns) {
      this.divert(bytes, start, next, 'ragged', `表头 ${this.options.columns} 列，这一行 ${fields.length} 列`)
      return
    }
    this.read++
    const { delimiter } = this.options
    let at = 0
    const parts = fields.map((field, f) => {
      const part = copyFields([field])
      this.begins[f] = at
      this.ends[f] = at + Buffer.byteLength(part)
      at = this.ends[f]! + 1
      return part
    })
    const record = Buffer.from(parts.join(delimiter))
    this.put(record, 0, record.length, false)
  }

  private divert(bytes: Buffer, start: number, next: number, rule: Bad['rule'], note: string): void {
    this.read++
    if (this.bad.length >= MOST_BAD) throw new TooManyBad(`已有 ${MOST_BAD.toLocaleString('en')} 行不能读取`)
    const raw = bytes
      .subarray(start, Math.min(next, start + 2000))
      .toString()
      .replaceAll('\0', '␀')
      .replace(/[\r\n]+$/, '')
    this.bad.push({ n: this.passed, line: this.line, rule, note, raw })
  }
}

/** The next special byte from `i` on. A function of its own: the compiler makes this loop four times as fast as inside `take`. */
function special(bytes: Uint8Array, i: number, end: number, kind: Uint8Array, top: number): number {
  for (; i < end; i++) {
    const b = bytes[i]!
    if (b <= top && kind[b] !== 0) break
  }
  return i
}

/** Between the fields of a key, as `concat_ws(chr(31), …)` has it. */
const UNIT = 31

/** Writes a whole number below 2^53 in decimal and returns where it ends. */
function digits(to: Uint8Array, at: number, n: number): number {
  if (n >= 1e8) {
    const high = Math.floor(n / 1e8)
    at = digits(to, at, high)
    let low = n - high * 1e8
    for (let i = at + 7; i >= at; i--) {
      const next = (low / 10) | 0
      to[i] = 48 + low - next * 10
      low = next
    }
    return at + 8
  }
  let length = 1
  for (let m = 10; m <= n; m *= 10) length++
  let low = n
  for (let i = at + length - 1; i >= at; i--) {
    const next = (low / 10) | 0
    to[i] = 48 + low - next * 10
    low = next
  }
  return at + length
}

/** Blank at either edge of a value: space, control, no-break space, ideographic space. */
function blankAt(bytes: Buffer, from: number, to: number): boolean {
  const a = bytes[from]!
  if (a <= 0x20) return true
  const z = bytes[to - 1]!
  if (z <= 0x20) return true
  if (a === 0xe3) {
    if (bytes[from + 1] === 0x80 && bytes[from + 2] === 0x80) return true
  } else if (a === 0xc2 && bytes[from + 1] === 0xa0) return true
  if (z === 0x80) return bytes[to - 2] === 0x80 && bytes[to - 3] === 0xe3
  return z === 0xa0 && bytes[to - 2] === 0xc2
}

const lineEnd = (bytes: Buffer, start: number) => {
  const lf = bytes.indexOf(10, start)
  return lf === -1 ? bytes.length : lf + 1
}

/** Whole characters only: a chunk may end inside one. */
function upToCharacter(bytes: Buffer): Buffer {
  let back = 0
  while (back < 3 && back < bytes.length && (bytes[bytes.length - 1 - back]! & 0xc0) === 0x80) back++
  const lead = bytes[bytes.length - 1 - back] ?? 0
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return length > back + 1 ? bytes.subarray(0, bytes.length - back - 1) : bytes
}

function brokenAt(raw: Buffer): number {
  for (let i = 0; i < raw.length; i++)
    if (!isUtf8(upToCharacter(raw.subarray(0, i + 1))) || raw.subarray(i, i + 3).equals(REPLACEMENT)) return i
  return raw.length - 1
}
const REPLACEMENT = Buffer.from('\ufffd')

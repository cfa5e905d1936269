import { csvCell } from '../../../platform/export.ts'
import { markLength } from '../watermark.ts'

const [LF, CR, QUOTE, COMMA] = [10, 13, 34, 44] as const
/** Marks are made for so many rows at once. */
export const MARKS = 4096

// Where a value starts or ends with one of these bytes, csvCell looks at it: formulas, white space, and what may be the first or last byte of
// full-width signs and white space beyond ASCII. A value of anything else leaves as PostgreSQL has quoted it.
const first = new Uint8Array(256)
first.fill(1, 0, 0x21)
for (const byte of [...Buffer.from('=+-@"\\'), 0xc2, 0xe1, 0xe2, 0xe3, 0xef]) first[byte] = 1
const last = new Uint8Array(256)
last.fill(1, 0, 0x21)
last.fill(2, 0x80, 0x8b)
for (const byte of [0x9f, 0xa0, 0xa8, 0xa9, 0xaf, 0xbf]) last[byte] = 2

const doubtful = (bytes: Buffer, head: number, behind: number): boolean => {
  if (first[bytes[head]!]) return true
  const tail = last[bytes[behind - 1]!]!
  return tail !== 0 && (tail === 1 || bytes[behind - 2] === 0xc2 || first[bytes[behind - 3]!] === 1)
}

/** Lines go on in pieces of this size: large ones cost the hashes and the ZIP less. */
const PIECE = 512 * 1024

/** Behind the quote that closes the value begun at `at`. */
function closed(bytes: Buffer, at: number): number {
  let quote = bytes.indexOf(QUOTE, at + 1)
  while (bytes[quote + 1] === QUOTE) quote = bytes.indexOf(QUOTE, quote + 2)
  return quote + 1
}

/** The values of a row as COPY … (format csv) sends it. */
export function values(bytes: Buffer, from: number, until: number): (string | null)[] {
  const list: (string | null)[] = []
  for (let at = from; at < until; at++) {
    const begin = at
    if (bytes[at] === QUOTE) {
      at = closed(bytes, at)
      list.push(bytes.toString('utf8', begin + 1, at - 1).replaceAll('""', '"'))
    } else {
      for (let c = bytes[at]!; c !== COMMA && c !== LF; c = bytes[++at]!);
      list.push(begin === at ? null : bytes.toString('utf8', begin, at))
    }
  }
  return list
}

/**
 * Rows as COPY … (format csv) sends them become lines as `csv()` of the platform writes them, each with its watermark as the last cell. A value is
 * made into text only where its ends ask for it.
 */
export function csvLines(marksFrom: (first: number, count: number) => Buffer) {
  let rows = 0
  let marks: Buffer = Buffer.alloc(0)
  let mark = 0
  let out = Buffer.allocUnsafeSlow(PIECE)
  /** That of the piece before. */
  let spare = Buffer.allocUnsafeSlow(PIECE)
  let written = 0
  /** `out` with so much room behind `to`. */
  const room = (to: number, bytes: number): Buffer => {
    if (to + bytes > out.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (to + bytes))
      out.copy(larger, 0, 0, to)
      out = larger
    }
    return out
  }

  return {
    get rows() {
      return rows
    },
    /** One row with its line feed. What the loop needs is local: variables of the closure would make it half as fast. */
    add(bytes: Buffer, from: number, until: number): void {
      if (bytes[until - 1] !== LF) throw new Error('a row without an end')
      let to = written
      let line = room(to, until - from + markLength + 3)
      let taken = from
      for (let at = from; at < until; at++) {
        const begin = at
        const quoted = bytes[at] === QUOTE
        if (quoted) at = closed(bytes, at)
        else for (let c = bytes[at]!; c !== COMMA && c !== LF; c = bytes[++at]!);
        const head = quoted ? begin + 1 : begin
        const behind = quoted ? at - 1 : at
        if (begin === at || !doubtful(bytes, head, behind)) continue
        const text = bytes.toString('utf8', head, behind)
        const cell = csvCell(quoted ? text.replaceAll('""', '"') : text)
        line = room(to, begin - taken + cell.length * 3 + until - at + markLength + 3)
        to += bytes.copy(line, to, taken, begin)
        to += line.write(cell, to)
        taken = at
      }
      to += bytes.copy(line, to, taken, until - 1)
      if (mark === marks.length) {
        marks = marksFrom(rows + 1, MARKS)
        mark = 0
      }
      line[to++] = COMMA
      const behind = mark + markLength
      for (let at = mark; at < behind; at++) line[to++] = marks[at]!
      mark = behind
      line[to++] = CR
      line[to++] = LF
      written = to
      rows++
    },
    /** Whether there is enough to take. */
    get full() {
      return written > PIECE / 2
    },
    /** The lines made since the last time; good until the next but one are asked for. */
    take(): Buffer {
      const lines = out.subarray(0, written)
      ;[out, spare] = [spare, out]
      written = 0
      return lines
    },
  }
}

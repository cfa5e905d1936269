import { vouchFor, vouchModule } from '../../quality/public.ts'
import type { Encoding } from './encoding.ts'
import { type BookScan, type Check, type Piece, type Progress, scanFile, scanSheet, vouchersOf } from './scan.ts'
import { type Bad, type Layout, Scanner } from './scanner.ts'
import { inThread, LARGE_BOOK } from './threads.ts'

/** Rows on their way into staging: CSV bytes for COPY, and the books of what was read, passed and put aside. */
export type Feed = {
  readonly read: number
  readonly passed: number
  readonly bad: Bad[]
  readonly shifts: { n: number; shift: number }[]
  /** Numbers of the rows whose values are not all plainly right; null: look at every row. */
  readonly doubtful: number[] | null
  /** Bytes of the source taken so far, and in all; null when the source cannot say. */
  readonly taken: number
  readonly total: number | null
  readonly delimiter: string
  /** Over the hashes of all rows that were passed, see Scanner; null when unknown. */
  readonly mark: Scanner['mark'] | null
  bytes(): AsyncIterable<Buffer>
  /**
   * For sources that give the same rows however often they are read: what of each is wanted, and the records put aside by the
   * layout `typed`. A load then reads only what it needs, twice if need be.
   */
  again?(layout: Layout): AsyncIterable<Pick<Piece, 'out' | 'aside' | 'free'>>
}

/** Above this a file is scanned in a thread of its own, so that whoever asks for data meanwhile does not wait for it. */
const LARGE = 8 * 1024 * 1024

export function csvFeed(
  path: string,
  size: number,
  o: { encoding: Encoding; delimiter: string; columns: number; skip: number; checks: (Check | undefined)[]; seed: number },
): Feed {
  let books: Progress = { read: 0, passed: 0, taken: 0 }
  const found: Pick<Feed, 'bad' | 'shifts' | 'doubtful' | 'mark'> = { bad: [], shifts: [], doubtful: null, mark: null }
  async function* again(layout: Layout): AsyncGenerator<Piece> {
    const scan = { path, ...o, layout }
    for await (const piece of size > LARGE ? inThread<Piece>({ file: scan, vouch: vouchModule }) : scanFile(scan, vouchFor)) {
      books = piece
      if (piece.books) Object.assign(found, piece.books)
      yield piece
    }
  }
  return {
    get read() {
      return books.read
    },
    get passed() {
      return books.passed
    },
    get taken() {
      return books.taken
    },
    get bad() {
      return found.bad
    },
    get shifts() {
      return found.shifts
    },
    get doubtful() {
      return found.doubtful
    },
    get mark() {
      return found.mark
    },
    total: size,
    delimiter: o.delimiter,
    again,
    async *bytes() {
      for await (const { out } of again({ kind: 'all' })) yield out
    },
  }
}

/** A table of another server: its COPY output is CSV already. */
export function tableFeed(source: () => AsyncIterable<Buffer>, columns: number, checks: (Check | undefined)[], seed: number): Feed {
  const scanner = new Scanner({ delimiter: ',', columns, skip: 0, vouchers: vouchersOf(vouchFor, checks), seed })
  return {
    get read() {
      return scanner.read
    },
    get passed() {
      return scanner.passed
    },
    get doubtful() {
      return scanner.doubtful
    },
    bad: scanner.bad,
    shifts: scanner.shifts,
    mark: scanner.mark,
    taken: 0,
    total: null,
    delimiter: ',',
    bytes: () => scanner.scan(source()),
  }
}

export function xlsxFeed(path: string, size: number, o: Omit<BookScan, 'path'>): Feed {
  let books: Progress = { read: 0, passed: 0, taken: 0 }
  let shifts: Feed['shifts'] = []
  const scan = { path, ...o }
  return {
    get read() {
      return books.read
    },
    get passed() {
      return books.passed
    },
    get shifts() {
      return shifts
    },
    doubtful: null,
    mark: null,
    taken: 0,
    total: null,
    bad: [],
    delimiter: ',',
    async *bytes() {
      for await (const piece of size > LARGE_BOOK ? inThread<Piece>({ sheet: scan }) : scanSheet(scan)) {
        books = piece
        if (piece.books) shifts = piece.books.shifts
        if (piece.out.length) yield piece.out
      }
    },
  }
}

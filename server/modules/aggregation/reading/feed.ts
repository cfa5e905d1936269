import { Worker } from 'node:worker_threads'
import { Unreadable, Workbook } from '../../../platform/xlsx.ts'
import { vouchFor, vouchModule } from '../../quality/public.ts'
import { copyFields } from './csv.ts'
import type { Encoding } from './encoding.ts'
import { rowHash } from './hash.ts'
import { type Check, type FileScan, type Piece, type Progress, scanFile, vouchersOf } from './scan.ts'
import { type Bad, type Layout, Scanner, TooManyBad } from './scanner.ts'

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
  again?(layout: Layout): AsyncIterable<{ out: Buffer; aside: Buffer }>
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
  async function* again(layout: Layout): AsyncGenerator<{ out: Buffer; aside: Buffer }> {
    const scan = { path, ...o, layout }
    for await (const piece of size > LARGE ? inThread(scan) : scanFile(scan, vouchFor)) {
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

/** The pieces of scanFile, made in another thread; it stays a few pieces ahead of whoever takes them. */
async function* inThread(scan: FileScan): AsyncGenerator<Piece> {
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: { scan, vouch: vouchModule } })
  const pieces: Piece[] = []
  let wake = () => {}
  let failed: Error | undefined
  let ended = false
  const tell = () => wake()
  worker.on('message', (message: Piece | { error: { name: string; code?: string; message: string } }) => {
    if ('error' in message) {
      const { name, ...e } = message.error
      failed = Object.assign(name === 'TooManyBad' ? new TooManyBad(e.message) : new Error(e.message), e)
    } else pieces.push(message)
    tell()
  })
  worker.on('error', error => {
    failed = error as Error
    tell()
  })
  worker.on('exit', () => {
    ended = true
    tell()
  })
  try {
    for (;;) {
      const piece = pieces.shift()
      if (piece) {
        worker.postMessage('more')
        const buffer = (b: Uint8Array) => Buffer.from(b.buffer, b.byteOffset, b.byteLength)
        yield { ...piece, out: buffer(piece.out), aside: buffer(piece.aside) }
      } else if (failed) throw failed
      else if (ended) return
      else
        await new Promise<void>(resolve => {
          wake = resolve
        })
    }
  } finally {
    await worker.terminate()
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

/** `wanted`: columns that fill an item. In them a number with more than 15 digits stops the whole file: its end is lost. */
export function xlsxFeed(
  path: string,
  o: { sheet: string; headerLine: number; headerRows: number; names: string[]; wanted: Set<number>; seed: number },
): Feed {
  const shifts: { n: number; shift: number }[] = []
  let read = 0
  async function* bytes(): AsyncGenerator<Buffer> {
    const book = await Workbook.open(path)
    try {
      const sheet = book.sheets.find(s => s.name === o.sheet)
      if (!sheet) throw new Unreadable('sheet-missing', `工作簿里没有表『${o.sheet}』。`, '请改选工作表。')
      let text = ''
      for await (const row of book.rows(sheet)) {
        if (row.line < o.headerLine + o.headerRows) continue
        const values: string[] = []
        for (let c = 0; c < o.names.length; c++) {
          const cell = row.cells[c] ?? ''
          if (typeof cell === 'string') values.push(cell)
          else if (o.wanted.has(c)) throw lostDigits(o.names[c]!, row.line)
          else values.push(cell.lossy)
        }
        if (!values.some(Boolean)) continue
        read++
        if (shifts.at(-1)?.shift !== row.line - read) shifts.push({ n: read, shift: row.line - read })
        const line = copyFields(values.map(v => v.replaceAll('\0', '')))
        const raw = Buffer.from(line)
        text += `${read},${rowHash(raw, 0, raw.length, o.seed)},${line}\n`
        if (text.length < 128 * 1024) continue
        yield Buffer.from(text)
        text = ''
      }
      if (text) yield Buffer.from(text)
    } finally {
      book.close()
    }
  }
  return {
    get read() {
      return read
    },
    get passed() {
      return read
    },
    doubtful: null,
    mark: null,
    taken: 0,
    total: null,
    bad: [],
    shifts,
    delimiter: ',',
    bytes,
  }
}

export const lostDigits = (column: string, line: number) =>
  new Unreadable(
    'excel-digits',
    `${column}列被 Excel 存成数字，末几位已丢失，不能导入（第 ${line.toLocaleString('en')} 行起）。`,
    '请把该列设为文本后重新导出。',
  )

import { createReadStream } from 'node:fs'
import { Unreadable, Workbook } from '../../../platform/xlsx.ts'
import type { Voucher } from '../../quality/public.ts'
import { copyFields } from './csv.ts'
import { type Encoding, toUtf8 } from './encoding.ts'
import { rowHash } from './hash.ts'
import { type Bad, Scanner } from './scanner.ts'

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
  bytes(): AsyncIterable<Buffer>
}

export function csvFeed(
  path: string,
  size: number,
  o: { encoding: Encoding; delimiter: string; columns: number; skip: number; vouchers: (Voucher | undefined)[]; seed: number },
): Feed {
  const { delimiter, columns, skip, vouchers, seed } = o
  const scanner = new Scanner({ delimiter, columns, skip, vouchers, seed, converted: o.encoding !== 'utf-8' })
  let taken = 0
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
      taken += (chunk as Buffer).length
      yield chunk as Buffer
    }
  }
  return scannerFeed(
    scanner,
    delimiter,
    size,
    () => taken,
    () => scanner.scan(toUtf8(counted(), o.encoding)),
  )
}

/** A table of another server: its COPY output is CSV already. */
export function tableFeed(source: () => AsyncIterable<Buffer>, columns: number, vouchers: (Voucher | undefined)[], seed: number): Feed {
  const scanner = new Scanner({ delimiter: ',', columns, skip: 0, vouchers, seed })
  return scannerFeed(
    scanner,
    ',',
    null,
    () => 0,
    () => scanner.scan(source()),
  )
}

const scannerFeed = (
  scanner: Scanner,
  delimiter: string,
  total: number | null,
  taken: () => number,
  bytes: () => AsyncIterable<Buffer>,
): Feed => ({
  get read() {
    return scanner.read
  },
  get passed() {
    return scanner.passed
  },
  get doubtful() {
    return scanner.doubtful
  },
  get taken() {
    return taken()
  },
  bad: scanner.bad,
  shifts: scanner.shifts,
  total,
  delimiter,
  bytes,
})

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

import { open } from 'node:fs/promises'
import { type Row, Unreadable, Workbook } from '../../../platform/xlsx.ts'
import type { CheckedItem, Voucher, vouchFor } from '../../quality/public.ts'
import { copyFields } from './csv.ts'
import { type Encoding, toUtf8 } from './encoding.ts'
import { rowHash } from './hash.ts'
import type { Merge } from './header.ts'
import { type Layout, Scanner } from './scanner.ts'

/** What a value has to be, as data that can go to another thread. */
export type Check = {
  item: CheckedItem
  required: boolean
  today: string
  /** Rules look at whole rows: no value alone makes one plainly right. */
  ruled?: boolean
}
export const vouchersOf = (vouch: typeof vouchFor, checks: (Check | undefined)[]): (Voucher | undefined)[] =>
  Array.from(checks, c => c && (c.ruled ? () => false : vouch(c.item, c.required, c.today)))

export type FileScan = {
  path: string
  encoding: Encoding
  delimiter: string
  columns: number
  skip: number
  checks: (Check | undefined)[]
  seed: number
  layout: Layout
}
export type Progress = { read: number; passed: number; taken: number }
type Books = Pick<Scanner, 'bad' | 'shifts' | 'doubtful'> & { mark: Scanner['mark'] | null }
/** `free`: the bytes of `out` have gone where they had to and may be overwritten. */
export type Piece = Progress & { out: Buffer; aside: Buffer; books?: Books; free?: () => void }

/** A text file from its beginning to its end; the books come with the last piece. */
export async function* scanFile(
  { path, encoding, checks, ...options }: FileScan,
  vouch: typeof vouchFor,
  spare: Buffer[] = [],
): AsyncGenerator<Piece> {
  const scanner = new Scanner({ ...options, vouchers: vouchersOf(vouch, checks), converted: encoding !== 'utf-8', spare })
  let taken = 0
  // One buffer for all of the file: the scanner copies what it keeps.
  async function* counted(): AsyncGenerator<Buffer> {
    const file = await open(path)
    try {
      const buffer = Buffer.allocUnsafe(256 * 1024)
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, null)
        if (!bytesRead) return
        taken += bytesRead
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      await file.close()
    }
  }
  const piece = (out: Buffer): Piece => ({ out, aside: scanner.takeAside(), read: scanner.read, passed: scanner.passed, taken })
  for await (const out of scanner.scan(toUtf8(counted(), encoding))) yield piece(out)
  const { bad, shifts, doubtful, mark } = scanner
  yield { ...piece(Buffer.alloc(0)), books: { bad, shifts, doubtful, mark } }
}

/** The beginning of every sheet of a workbook. */
export type Peek = { name: string; hidden: boolean; rows: Row[]; merges: Merge[] }[]
export async function peekAtBook(path: string): Promise<Peek> {
  const book = await Workbook.open(path)
  try {
    const sheets: Peek = []
    for (const sheet of book.sheets) {
      const rows: Row[] = []
      for await (const row of book.rows(sheet)) {
        rows.push(row)
        if (rows.length >= PEEK_ROWS) break
      }
      const merges = rows.length ? await book.merges(sheet, rows[Math.min(rows.length, 30) - 1]!.line) : []
      sheets.push({ name: sheet.name, hidden: sheet.hidden, rows, merges })
    }
    return sheets
  } finally {
    book.close()
  }
}
export const PEEK_ROWS = 300

/** `wanted`: columns that fill an item. In them a number with more than 15 digits stops the whole file: its end is lost. */
export type BookScan = {
  path: string
  sheet: string
  headerLine: number
  headerRows: number
  names: string[]
  wanted: Set<number>
  seed: number
}

/** A sheet as the scanner would hand it on in layout `all`. */
export async function* scanSheet(o: BookScan): AsyncGenerator<Piece> {
  const shifts: Books['shifts'] = []
  let read = 0
  const piece = (text: string): Piece => ({ out: Buffer.from(text), aside: Buffer.alloc(0), read, passed: read, taken: 0 })
  const book = await Workbook.open(o.path)
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
      yield piece(text)
      text = ''
    }
    yield { ...piece(text), books: { bad: [], shifts, doubtful: null, mark: null } }
  } finally {
    book.close()
  }
}

const lostDigits = (column: string, line: number) =>
  new Unreadable(
    'excel-digits',
    `${column}列被 Excel 存成数字，末几位已丢失，不能导入（第 ${line.toLocaleString('en')} 行起）。`,
    '请把该列设为文本后重新导出。',
  )

import { createReadStream } from 'node:fs'
import type { CheckedItem, Voucher, vouchFor } from '../../quality/public.ts'
import { type Encoding, toUtf8 } from './encoding.ts'
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
type Books = Pick<Scanner, 'bad' | 'shifts' | 'doubtful' | 'mark'>
export type Piece = Progress & { out: Buffer; aside: Buffer; books?: Books }

/** A file from its beginning to its end; the books come with the last piece. */
export async function* scanFile({ path, encoding, checks, ...options }: FileScan, vouch: typeof vouchFor): AsyncGenerator<Piece> {
  const scanner = new Scanner({ ...options, vouchers: vouchersOf(vouch, checks), converted: encoding !== 'utf-8' })
  let taken = 0
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
      taken += (chunk as Buffer).length
      yield chunk as Buffer
    }
  }
  const piece = (out: Buffer): Piece => ({ out, aside: scanner.takeAside(), read: scanner.read, passed: scanner.passed, taken })
  for await (const out of scanner.scan(toUtf8(counted(), encoding))) yield piece(out)
  const { bad, shifts, doubtful, mark } = scanner
  yield { ...piece(Buffer.alloc(0)), books: { bad, shifts, doubtful, mark } }
}

import type { CheckedItem } from './columns.ts'

/**
 * Answers, on the bytes of a field, whether its value is plainly right: written the usual way and keeping every rule of its item.
 * `false` means no more than "look closer": the SQL checks decide. Reading sees every byte anyway, so vouching for the many ordinary
 * rows costs almost nothing there, while checking them again in SQL would cost more than loading them.
 */
export type Voucher = (bytes: Uint8Array, from: number, to: number) => boolean

const MINUS = 45
const DOT = 46
const isDigit = (b: number) => b >= 48 && b <= 57

export function vouchFor(item: CheckedItem, required: boolean, today: string): Voucher {
  const value = valueVoucher(item, Number(today.replaceAll('-', '')))
  const codes = item.codes?.length ? codeVoucher(item.codes) : undefined
  return (bytes, from, to) => (from === to ? !required : value(bytes, from, to) && (!codes || codes(bytes, from, to)))
}

function valueVoucher(item: CheckedItem, today: number): Voucher {
  if (item.semantic === 'id-number' && isText(item)) return (b, from, to) => to - from === 18 && idNumber(b, from, today)
  if (item.semantic === 'credit-code' && isText(item)) return (b, from, to) => to - from === 18 && creditCode(b, from)
  const length = item.length ?? Number.POSITIVE_INFINITY
  switch (item.type) {
    case 'N':
    case 'Y':
      return (b, from, to) => decimal(b, from, to, Math.min(length, 100))
    case 'B':
    case 'F':
      return (b, from, to) => decimal(b, from, to, 15)
    case 'I':
      return (b, from, to) => integer(b, from, to, Math.min(length, 18))
    case 'D':
      return date
    case 'T':
      return (b, from, to) => to - from === 19 && date(b, from, from + 10) && b[from + 10] === 32 && time(b, from + 11)
    case 'L':
      return (b, from, to) => to - from === 1 && (b[from] === 48 || b[from] === 49)
    default:
      return (b, from, to) => to - from <= length || characters(b, from, to) <= length
  }
}
const isText = (item: CheckedItem) => !item.type || item.type === 'C' || item.type === 'M' || item.type === 'G'

function characters(b: Uint8Array, from: number, to: number): number {
  let n = 0
  for (let i = from; i < to; i++) if ((b[i]! & 0xc0) !== 0x80) n++
  return n
}

function codeVoucher(codes: string[]): Voucher {
  const known = codes.map(c => Buffer.from(c))
  if (known.length > 12) {
    const set = new Set(known.map(c => c.toString('latin1')))
    return (b, from, to) => set.has((b as Buffer).toString('latin1', from, to))
  }
  return (b, from, to) => {
    next: for (const code of known) {
      if (code.length !== to - from) continue
      for (let i = 0; i < code.length; i++) if (code[i] !== b[from + i]) continue next
      return true
    }
    return false
  }
}

function decimal(b: Uint8Array, from: number, to: number, most: number): boolean {
  let i = b[from] === MINUS ? from + 1 : from
  let digits = 0
  let dots = 0
  for (; i < to; i++) {
    if (isDigit(b[i]!)) digits++
    else if (b[i] === DOT && digits > 0 && dots === 0) dots++
    else return false
  }
  return digits > 0 && digits <= most && b[to - 1] !== DOT
}
function integer(b: Uint8Array, from: number, to: number, most: number): boolean {
  const start = b[from] === MINUS ? from + 1 : from
  if (to === start || to - start > most) return false
  for (let i = start; i < to; i++) if (!isDigit(b[i]!)) return false
  return true
}

const pair = (b: Uint8Array, i: number) => (isDigit(b[i]!) && isDigit(b[i + 1]!) ? (b[i]! - 48) * 10 + b[i + 1]! - 48 : -1)
const days = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
/** 29 February is looked at closer. */
const realDay = (century: number, year: number, month: number, day: number) =>
  century >= 10 && year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month]!

function date(b: Uint8Array, from: number, to: number): boolean {
  if (to - from === 8) return realDay(pair(b, from), pair(b, from + 2), pair(b, from + 4), pair(b, from + 6))
  return (
    to - from === 10 &&
    b[from + 4] === MINUS &&
    b[from + 7] === MINUS &&
    realDay(pair(b, from), pair(b, from + 2), pair(b, from + 5), pair(b, from + 8))
  )
}
function time(b: Uint8Array, from: number): boolean {
  const [h, m, s] = [pair(b, from), pair(b, from + 3), pair(b, from + 6)]
  return b[from + 2] === 58 && b[from + 5] === 58 && h >= 0 && h < 24 && m >= 0 && m < 60 && s >= 0 && s < 60
}

const idWeights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const idChecks = Buffer.from('10X98765432')
const provinces = new Uint8Array(100)
for (const p of [
  11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82,
  83,
]) {
  provinces[p] = 1
}
function idNumber(b: Uint8Array, from: number, today: number): boolean {
  let sum = 0
  for (let i = 0; i < 17; i++) {
    const digit = b[from + i]! - 48
    if (digit < 0 || digit > 9) return false
    sum += digit * idWeights[i]!
  }
  if (b[from + 17] !== idChecks[sum % 11] || !provinces[pair(b, from)]) return false
  const [c, y, m, d] = [pair(b, from + 6), pair(b, from + 8), pair(b, from + 10), pair(b, from + 12)]
  return c >= 19 && realDay(c, y, m, d) && c * 1_000_000 + y * 10_000 + m * 100 + d <= today
}

const creditWeights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]
const creditValues = new Uint8Array(256).fill(255)
for (const [i, c] of [...'0123456789ABCDEFGHJKLMNPQRTUWXY'].entries()) creditValues[c.charCodeAt(0)] = i
const authorities = new Set([...'123456789ANY'].map(c => c.charCodeAt(0)))
function creditCode(b: Uint8Array, from: number): boolean {
  let sum = 0
  for (let i = 0; i < 17; i++) {
    const value = creditValues[b[from + i]!]!
    if (value === 255 || (i >= 2 && i < 8 && value > 9)) return false
    sum += value * creditWeights[i]!
  }
  const area = pair(b, from + 2)
  return authorities.has(b[from]!) && (area === 10 || provinces[area] === 1) && creditValues[b[from + 17]!] === (31 - (sum % 31)) % 31
}

import { UNSENT, type Value } from './types.ts'

/** A column as the source describes it; the binary log itself only tells how its bytes are laid out. */
export type Described = { name: string /** e.g. `decimal(10,2) unsigned`. */; type: string; charset: string | null }

/** A table as one TABLE_MAP event lays it out. */
export type Layout = { types: number[]; metas: number[]; names: string[] | null }

export const event = {
  query: 2,
  rotate: 4,
  format: 15,
  xid: 16,
  tableMap: 19,
  heartbeat: 27,
  payload: 40,
  mariadbCompressed: [165, 166, 167, 168, 169, 170, 171],
} as const
export const rowEvent = (type: number): 'insert' | 'update' | 'delete' | undefined =>
  type === 23 || type === 30 ? 'insert' : type === 24 || type === 31 ? 'update' : type === 25 || type === 32 ? 'delete' : undefined

/** Reads the numbers of the protocol one after the other. */
export class Bytes {
  readonly b: Buffer
  at: number
  constructor(b: Buffer, at = 0) {
    this.b = b
    this.at = at
  }
  get left(): number {
    return this.b.length - this.at
  }
  uint(n: number): number {
    this.at += n
    return this.b.readUIntLE(this.at - n, n)
  }
  /** A number that tells its own length. */
  counted(): number {
    const first = this.uint(1)
    return first < 251 ? first : first === 252 ? this.uint(2) : first === 253 ? this.uint(3) : Number(this.big())
  }
  big(): bigint {
    this.at += 8
    return this.b.readBigUInt64LE(this.at - 8)
  }
  take(n: number): Buffer {
    if (n > this.left) throw new RangeError('binlog event is shorter than it says')
    this.at += n
    return this.b.subarray(this.at - n, this.at)
  }
  /** A name with its length before and a zero behind. */
  name(): string {
    const text = this.take(this.uint(1)).toString()
    this.at++
    return text
  }
}

export function tableMap(b: Buffer): { id: number; schema: string; table: string; layout: Layout } {
  const r = new Bytes(b)
  const id = r.uint(6)
  r.uint(2)
  const schema = r.name()
  const table = r.name()
  const n = r.counted()
  const types = [...r.take(n)]
  const meta = new Bytes(r.take(r.counted()))
  const metas = types.map(type => {
    switch (type) {
      case 4:
      case 5:
      case 17:
      case 18:
      case 19:
      case 140:
      case 245:
      case 249:
      case 250:
      case 251:
      case 252:
      case 255:
        return meta.uint(1)
      case 15:
      case 16:
      case 141:
        return meta.uint(2)
      case 246:
      case 247:
      case 248:
      case 253:
      case 254: {
        const high = meta.uint(1)
        return (high << 8) | meta.uint(1)
      }
      default:
        return 0
    }
  })
  r.take((n + 7) >> 3)
  let names: string[] | null = null
  // Where the server says more than it has to: the names of the columns at that moment.
  while (r.left > 0) {
    const kind = r.uint(1)
    const field = new Bytes(r.take(r.counted()))
    if (kind !== 4) continue
    names = []
    while (field.left > 0) names.push(field.take(field.counted()).toString())
  }
  return { id, schema, table, layout: { types, metas, names } }
}

/** Whether bytes laid out like this can belong to columns described like that. */
export function fits(layout: Layout, columns: Described[]): boolean {
  if (layout.types.length !== columns.length) return false
  if (layout.names?.some((name, i) => name !== columns[i]!.name)) return false
  return layout.types.every((type, i) => {
    const t = columns[i]!.type
    const want = kinds.find(([pattern]) => pattern.test(t))
    return !want || want[1].includes(type === 254 ? realType(layout.metas[i]!) : type)
  })
}
const kinds: [RegExp, number[]][] = [
  [/^tinyint/, [1]],
  [/^smallint/, [2]],
  [/^mediumint/, [9]],
  [/^int/, [3]],
  [/^bigint/, [8]],
  [/^decimal/, [246]],
  [/^float/, [4]],
  [/^double/, [5]],
  [/^year/, [13]],
  [/^date\b/, [10, 14]],
  [/^datetime/, [12, 18]],
  [/^timestamp/, [7, 17]],
  [/^time\b/, [11, 19]],
  [/^enum/, [247]],
  [/^set/, [248]],
  [/^bit/, [16]],
  [/^(varchar|varbinary)/, [15, 141]],
  [/^(char|binary)/, [254]],
  [/^(tiny|medium|long)?(text|blob)/, [252, 140]],
]
/** CHAR, ENUM and SET share a type; the first byte of their meta tells them apart, two of its bits belong to the length. */
const realType = (meta: number): number => {
  const high = meta >> 8
  return (high & 0x30) !== 0x30 ? high | 0x30 : high
}

export type RowsHead = { id: number; columns: number; present: Buffer; after: Buffer | null; body: Bytes }
export function rowsHead(type: number, b: Buffer): RowsHead {
  const r = new Bytes(b)
  const id = r.uint(6)
  r.uint(2)
  if (type >= 30) r.take(r.uint(2) - 2)
  const columns = r.counted()
  const bitmap = (columns + 7) >> 3
  const present = r.take(bitmap)
  return { id, columns, present, after: rowEvent(type) === 'update' ? r.take(bitmap) : null, body: r }
}
const bit = (bitmap: Buffer, i: number) => (bitmap[i >> 3]! >> (i & 7)) & 1

/** One row: a value, null, or undefined where the image does not hold the column; columns nobody wants are passed over. */
export function row(r: Bytes, layout: Layout, columns: Described[], present: Buffer, wanted: boolean[]): (Value | undefined)[] {
  let count = 0
  for (let i = 0; i < layout.types.length; i++) count += bit(present, i)
  const nulls = r.take((count + 7) >> 3)
  let n = 0
  return layout.types.map((type, i) => {
    if (!bit(present, i)) return undefined
    if (bit(nulls, n++)) return null
    return value(r, type, layout.metas[i]!, wanted[i] ? columns[i]! : null)
  })
}

const pad = (n: number | bigint, width: number) => String(n).padStart(width, '0')
const decoders = new Map<string, TextDecoder | null>()
/** Null: only the server can read it. */
function decoderOf(charset: string): TextDecoder | null {
  if (!decoders.has(charset)) {
    const label = /^utf8|^ascii$/.test(charset)
      ? 'utf-8'
      : { gbk: 'gbk', gb2312: 'gbk', gb18030: 'gb18030', big5: 'big5', latin1: 'windows-1252' }[charset]
    decoders.set(charset, label ? new TextDecoder(label, { ignoreBOM: true }) : null)
  }
  return decoders.get(charset)!
}

/** The text the server would write for a value; `column` null: only passed over. */
function value(r: Bytes, type: number, meta: number, column: Described | null): Value {
  const whole = (n: number) => {
    const unsigned = !column || /unsigned|zerofill/.test(column.type)
    r.at += n
    const v =
      n === 8
        ? unsigned
          ? r.b.readBigUInt64LE(r.at - 8)
          : r.b.readBigInt64LE(r.at - 8)
        : unsigned
          ? r.b.readUIntLE(r.at - n, n)
          : r.b.readIntLE(r.at - n, n)
    const width = column && /\((\d+)\).*zerofill/.exec(column.type)?.[1]
    return width ? pad(v, Number(width)) : String(v)
  }
  const bytes = (n: number): Value => {
    const b = r.take(n)
    if (!column) return null
    if (/blob|^varbinary/.test(column.type)) return `\\x${b.toString('hex')}`
    const decoder = column.charset && decoderOf(column.charset)
    return decoder ? decoder.decode(b) : UNSENT
  }
  switch (type) {
    case 1:
      return whole(1)
    case 2:
      return whole(2)
    case 9:
      return whole(3)
    case 3:
      return whole(4)
    case 8:
      return whole(8)
    case 4:
      r.take(4)
      return UNSENT
    case 5: {
      const v = r.take(8).readDoubleLE(0)
      // In this range both sides write the shortest digits without an exponent.
      const plain = Object.is(v, 0) || (Math.abs(v) >= 1e-4 && Math.abs(v) < 1e14)
      return plain ? String(v) : UNSENT
    }
    case 13: {
      const v = r.uint(1)
      return v ? String(1900 + v) : '0000'
    }
    case 10:
    case 14: {
      const v = r.uint(3)
      return date(v >> 9, (v >> 5) & 15, v & 31)
    }
    case 7:
      return moment(r.uint(4), '')
    case 17: {
      const seconds = r.take(4).readUInt32BE(0)
      return moment(seconds, fraction(r, meta))
    }
    case 12: {
      const v = r.big()
      const [day, time] = [Number(v / 1_000_000n), Number(v % 1_000_000n)]
      return `${date(Math.floor(day / 10_000), Math.floor(day / 100) % 100, day % 100)} ${clock(Math.floor(time / 10_000), Math.floor(time / 100) % 100, time % 100)}`
    }
    case 18: {
      const v = r.take(5).readUIntBE(0, 5) - 0x8000000000
      const months = Math.floor(v / 2 ** 22)
      const rest = v % 2 ** 22
      return `${date(Math.floor(months / 13), months % 13, rest >> 17)} ${clock((rest >> 12) & 31, (rest >> 6) & 63, rest & 63)}${fraction(r, meta)}`
    }
    case 11: {
      r.at += 3
      const v = r.b.readIntLE(r.at - 3, 3)
      const a = Math.abs(v)
      return `${v < 0 ? '-' : ''}${clock(Math.floor(a / 10_000), Math.floor(a / 100) % 100, a % 100)}`
    }
    case 19: {
      // Whole number and fraction are one number, so that a negative time borrows from its seconds.
      const size = 3 + ((meta + 1) >> 1)
      const places = 8 * (size - 3)
      const v = r.take(size).readUIntBE(0, size) - 0x800000 * 2 ** places
      const a = Math.abs(v)
      const rest = Math.floor(a / 2 ** places)
      const part = a % 2 ** places
      return `${v < 0 ? '-' : ''}${clock(rest >> 12, (rest >> 6) & 63, rest & 63)}${digits(part, meta)}`
    }
    case 246:
      return decimal(r, meta >> 8, meta & 255)
    case 15:
      return bytes(r.uint(meta > 255 ? 2 : 1))
    case 16: {
      const bits = (meta >> 8) * 8 + (meta & 255)
      let v = 0n
      for (const byte of r.take((bits + 7) >> 3)) v = (v << 8n) | BigInt(byte)
      return v.toString(2).padStart(bits, '0')
    }
    case 247:
    case 248:
    case 253:
    case 254: {
      const real = type === 254 ? realType(meta) : type
      if (real === 247) return choice(column, r.uint(meta & 255))
      if (real === 248)
        return choices(
          column,
          BigInt(
            `0x${Buffer.from(r.take(meta & 255))
              .reverse()
              .toString('hex')}`,
          ),
        )
      const most = type === 254 ? (((meta >> 4) & 0x300) ^ 0x300) + (meta & 255) : meta
      const n = r.uint(most > 255 ? 2 : 1)
      if (column && /^binary/.test(column.type)) {
        r.take(n)
        return UNSENT
      }
      return bytes(n)
    }
    case 249:
    case 250:
    case 251:
    case 252:
      return bytes(r.uint(meta))
    case 140:
    case 245:
    case 255:
      r.take(r.uint(meta))
      return UNSENT
    case 141:
      r.take(r.uint(meta > 255 ? 2 : 1))
      return UNSENT
    default:
      throw new RangeError(`binlog type ${type}`)
  }
}

const date = (y: number, m: number, d: number) => `${pad(y, 4)}-${pad(m, 2)}-${pad(d, 2)}`
const clock = (h: number, m: number, s: number) => `${pad(h, 2)}:${pad(m, 2)}:${pad(s, 2)}`
/** Beijing time, as the snapshot is read; no moment at all is written as zeros. */
const moment = (seconds: number, part: string) =>
  seconds === 0 && !/[1-9]/.test(part)
    ? `0000-00-00 00:00:00${part}`
    : `${new Date((seconds + 8 * 3600) * 1000).toISOString().slice(0, 19).replace('T', ' ')}${part}`
/** Stored in whole bytes, two digits each. */
const fraction = (r: Bytes, n: number) => (n ? digits(r.take((n + 1) >> 1).readUIntBE(0, (n + 1) >> 1), n) : '')
const digits = (v: number, n: number) => (n ? `.${pad(n % 2 ? Math.floor(v / 10) : v, n)}` : '')

const SIZES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4]
function decimal(r: Bytes, precision: number, scale: number): string {
  const integral = precision - scale
  const lead = SIZES[integral % 9]!
  const tail = SIZES[scale % 9]!
  const b = Buffer.from(r.take(lead + 4 * (Math.floor(integral / 9) + Math.floor(scale / 9)) + tail))
  const negative = !(b[0]! & 0x80)
  b[0]! ^= 0x80
  if (negative) for (let i = 0; i < b.length; i++) b[i]! ^= 0xff
  let at = 0
  const group = (size: number, width: number) => {
    at += size
    return size ? pad(b.readUIntBE(at - size, size), width) : ''
  }
  let front = group(lead, integral % 9)
  for (let i = 0; i < Math.floor(integral / 9); i++) front += group(4, 9)
  let back = ''
  for (let i = 0; i < Math.floor(scale / 9); i++) back += group(4, 9)
  back += group(tail, scale % 9)
  return `${negative ? '-' : ''}${front.replace(/^0+(?=\d)/, '') || '0'}${scale ? `.${back}` : ''}`
}

/** The words of `enum('a','b')`, two quotes in them standing for one. */
const words = (type: string) => [...type.matchAll(/'((?:[^']|'')*)'/g)].map(m => m[1]!.replaceAll("''", "'"))
const choice = (column: Described | null, n: number): Value => (column ? (n ? (words(column.type)[n - 1] ?? UNSENT) : '') : null)
const choices = (column: Described | null, bits: bigint): Value =>
  column
    ? words(column.type)
        .filter((_, i) => (bits >> BigInt(i)) & 1n)
        .join(',')
    : null

import { createCipheriv, createDecipheriv, createHmac, type KeyObject } from 'node:crypto'

/** `block` makes marks and reads them; `seal` reads those of packages made before there were blocks. */
export type MarkKeys = { block: KeyObject; seal: KeyObject }
export const markLength = 22

const alphabet = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789~_')

/**
 * The marks of rows that follow each other in a package, one behind the other: which package, which row, in a form that nobody else can make or
 * read. It stands in a column of its own, so that no value is touched.
 *
 * A mark is one AES block as 22 characters of base64url, with ~ for the hyphen, at which a spreadsheet would begin to reckon: number of the package,
 * number of the row, eight bytes of zeros. ECB is right here, and
 * only here: every block is encrypted once in its life and no two are alike, so nothing shows through, and an invented mark comes out with eight
 * zeros once in 2^64. Thousands of marks are one call of the cipher; an HMAC for each row took longer than PostgreSQL needs to read it.
 */
export function rowMarks(key: KeyObject, packageNo: number, first: number, count: number): Buffer {
  const blocks = Buffer.alloc(count * 16)
  for (let i = 0; i < count; i++) {
    blocks.writeUInt32BE(packageNo, i * 16)
    blocks.writeUInt32BE(first + i, i * 16 + 4)
  }
  const sealed = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(blocks)
  const text = Buffer.allocUnsafe(count * markLength)
  let to = 0
  for (let at = 0; at < sealed.length; at++) {
    // Five times three bytes are four characters each, the last byte is two.
    for (const end = at + 15; at < end; at += 3) {
      const n = (sealed[at]! << 16) | (sealed[at + 1]! << 8) | sealed[at + 2]!
      text[to++] = alphabet[n >> 18]!
      text[to++] = alphabet[(n >> 12) & 63]!
      text[to++] = alphabet[(n >> 6) & 63]!
      text[to++] = alphabet[n & 63]!
    }
    text[to++] = alphabet[sealed[at]! >> 2]!
    text[to++] = alphabet[(sealed[at]! & 3) << 4]!
  }
  return text
}

/** Whose row this is; null when the mark is not ours. */
export function readMark(keys: MarkKeys, mark: string): { packageNo: number; row: number } | null {
  const text = mark.trim().replaceAll('~', '-')
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) return null
  const body =
    bytes.length === 16 ? opened(keys.block, bytes) : bytes.length === 14 && seal(keys.seal, bytes).equals(bytes.subarray(8)) ? bytes : null
  return body && { packageNo: body.readUInt32BE(0), row: body.readUInt32BE(4) }
}

function opened(key: KeyObject, block: Buffer): Buffer | null {
  const body = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(block)
  return body.readBigUInt64BE(8) === 0n ? body : null
}
/** In earlier packages a mark is package and row in the clear and six bytes of an HMAC. */
const seal = (key: KeyObject, mark: Buffer) => createHmac('sha256', key).update(mark.subarray(0, 8)).digest().subarray(0, 6)

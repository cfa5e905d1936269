import { randomBytes, randomFillSync } from 'node:crypto'

// Asking the system for a few bytes costs as much as for many.
const pool = Buffer.alloc(4096)
let used = pool.length
/** Random bytes, good until the next are asked for. */
export function random(length: number): Buffer {
  if (used + length > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += length
  return pool.subarray(used - length, used)
}

/** UUID version 7 (RFC 9562): sortable by time, so that indexes grow at one end. */
export function newId(now = Date.now()): string {
  const bytes = Buffer.from(random(16))
  bytes.writeUIntBE(now, 0, 6)
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Is this text an id? A reference that people or programs hand in is asked before it reaches the database. */
export const isId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

/** A secret for a token or key: 256 random bits, URL-safe. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/**
 * 53 bits that tell whether a row is the one loaded last time, as a number JavaScript and bigint both hold: two Murmur-like lanes over
 * the bytes. A changed row that goes unnoticed has odds of 1 in 9 × 10^15. Computed here because `hash_record_extended` over ten
 * columns took a quarter of the time of a first load.
 */
export function rowHash(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let a = seed | 0
  let b = (seed ^ 0x9e3779b9) | 0
  let i = from
  for (const end = to - 3; i < end; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    a ^= Math.imul(word, 0xcc9e2d51)
    a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0
    b ^= Math.imul(word, 0x1b873593)
    b = (Math.imul((b << 15) | (b >>> 17), 9) + 0x38b34ae5) | 0
  }
  for (; i < to; i++) {
    a = Math.imul(a ^ bytes[i]!, 0x85ebca6b)
    b = Math.imul(b ^ bytes[i]!, 0xc2b2ae35)
  }
  return (mixed(b ^ (to - from)) >>> 11) * 2 ** 32 + (mixed(a ^ b) >>> 0)
}

function mixed(h: number): number {
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h ^ (h >>> 16)
}

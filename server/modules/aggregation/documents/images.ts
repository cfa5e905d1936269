import { Unreadable } from '../../../platform/xlsx.ts'

export type Image = { kind: 'png' | 'jpeg' | 'tiff' | 'gif' | 'webp'; width: number; height: number; pages?: number }

const cut = (): never => {
  throw new Unreadable('document-broken', '图像不完整或已损坏。', '请用看图软件打开核对，重新导出后再上传。')
}
const ascii = (b: Buffer, from: number, to: number) => b.toString('latin1', from, to)

/** Size of an image, from its structure and not only its first bytes: one that ends in the middle is broken. */
export function imageOf(b: Buffer): Image | null {
  try {
    if (b.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex'))) return png(b)
    if (b[0] === 0xff && b[1] === 0xd8 && b[2] === 0xff) return jpeg(b)
    if (/^GIF8[79]a$/.test(ascii(b, 0, 6)))
      return b[b.length - 1] === 0x3b ? sized({ kind: 'gif', width: b.readUInt16LE(6), height: b.readUInt16LE(8) }) : cut()
    if (ascii(b, 0, 4) === 'RIFF' && ascii(b, 8, 12) === 'WEBP') return webp(b)
    if (['II*\0', 'MM\0*'].includes(ascii(b, 0, 4))) return tiff(b)
  } catch (error) {
    if (error instanceof RangeError) return cut()
    throw error
  }
  return null
}

const sized = (image: Image): Image => (image.width > 0 && image.height > 0 ? image : cut())

function png(b: Buffer): Image {
  if (ascii(b, 12, 16) !== 'IHDR') cut()
  for (let at = 8; ascii(b, at + 4, at + 8) !== 'IEND'; ) at += 12 + b.readUInt32BE(at)
  return sized({ kind: 'png', width: b.readUInt32BE(16), height: b.readUInt32BE(20) })
}

function jpeg(b: Buffer): Image {
  for (let at = 2; ; ) {
    if (b.readUInt8(at) !== 0xff) cut()
    const marker = b.readUInt8(at + 1)
    if (marker === 0xff) {
      at++
      continue
    }
    // Frame headers; C4, C8 and CC in their midst are tables.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (b.indexOf(Buffer.from([0xff, 0xd9]), at) === -1) cut()
      return sized({ kind: 'jpeg', width: b.readUInt16BE(at + 7), height: b.readUInt16BE(at + 5) })
    }
    at += 2 + b.readUInt16BE(at + 2)
  }
}

function webp(b: Buffer): Image {
  if (b.readUInt32LE(4) + 8 > b.length) cut()
  switch (ascii(b, 12, 16)) {
    case 'VP8X':
      return sized({ kind: 'webp', width: b.readUIntLE(24, 3) + 1, height: b.readUIntLE(27, 3) + 1 })
    case 'VP8L': {
      const bits = b.readUInt32LE(21)
      return sized({ kind: 'webp', width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 })
    }
    case 'VP8 ':
      return sized({ kind: 'webp', width: b.readUInt16LE(26) & 0x3fff, height: b.readUInt16LE(28) & 0x3fff })
    default:
      return cut()
  }
}

function tiff(b: Buffer): Image {
  const little = b[0] === 0x49
  const u16 = (at: number) => (little ? b.readUInt16LE(at) : b.readUInt16BE(at))
  const u32 = (at: number) => (little ? b.readUInt32LE(at) : b.readUInt32BE(at))
  let [width, height, pages] = [0, 0, 0]
  const seen = new Set<number>()
  for (let at = u32(4); at; ) {
    if (seen.has(at)) cut()
    seen.add(at)
    const n = u16(at)
    for (let i = 0; i < n && pages === 0; i++) {
      const field = at + 2 + i * 12
      const value = u16(field + 2) === 3 ? u16(field + 8) : u32(field + 8)
      if (u16(field) === 256) width = value
      if (u16(field) === 257) height = value
    }
    pages++
    at = u32(at + 2 + n * 12)
  }
  return sized({ kind: 'tiff', width, height, pages })
}

import { isUtf8 } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'

export type Encoding = 'utf-8' | 'gb18030' | 'utf-16le' | 'utf-16be'

const PIECE = 256 * 1024
/** Pieces of a file from its beginning to its end: the first Chinese character may stand in row 100,000. */
export async function samples(file: FileHandle, bytes: number): Promise<Buffer[]> {
  const list: Buffer[] = []
  const places = bytes <= PIECE * 2 ? [0] : Array.from({ length: 9 }, (_, i) => Math.floor(((bytes - PIECE) * i) / 8))
  for (const place of places) {
    const buffer = Buffer.alloc(Math.min(places.length === 1 ? bytes : PIECE, bytes - place))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, place)
    list.push(buffer.subarray(0, bytesRead))
  }
  return list
}

/** Told by content, never by the file's name: byte-order mark, then validity as UTF-8, else GB18030 (which contains GBK). */
export function detectEncoding(pieces: Buffer[]): { encoding: Encoding; bom: number } {
  const head = pieces[0] ?? Buffer.alloc(0)
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return { encoding: 'utf-8', bom: 3 }
  if (head[0] === 0xff && head[1] === 0xfe) return { encoding: 'utf-16le', bom: 2 }
  if (head[0] === 0xfe && head[1] === 0xff) return { encoding: 'utf-16be', bom: 2 }
  const wide = wideWithoutMark(head)
  if (wide) return { encoding: wide, bom: 0 }
  if (pieces.every(p => isUtf8(onCharacters(p)))) return { encoding: 'utf-8', bom: 0 }
  // A broken UTF-8 file still has nearly all of its characters right; GBK text read as UTF-8 has nearly none.
  const broken = { 'utf-8': 0, gb18030: 0 }
  let high = 0
  for (const piece of pieces) {
    for (const byte of piece) if (byte >= 0x80) high++
    broken['utf-8'] += count(new TextDecoder('utf-8').decode(onCharacters(piece)))
    broken.gb18030 += count(new TextDecoder('gb18030').decode(piece))
  }
  return { encoding: broken['utf-8'] * 20 < high && broken['utf-8'] <= broken.gb18030 + high / 50 ? 'utf-8' : 'gb18030', bom: 0 }
}

const count = (text: string) => text.split('\ufffd').length - 1

/** Without half characters at both ends of a piece cut from the middle. */
function onCharacters(piece: Buffer): Buffer {
  let from = 0
  while (from < 3 && from < piece.length && (piece[from]! & 0xc0) === 0x80) from++
  let to = piece.length
  let back = 0
  while (back < 3 && to - 1 - back >= from && (piece[to - 1 - back]! & 0xc0) === 0x80) back++
  const lead = piece[to - 1 - back] ?? 0
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  if (length > back + 1) to -= back + 1
  return piece.subarray(from, to)
}

function wideWithoutMark(head: Buffer): Encoding | undefined {
  const n = Math.min(head.length & ~1, 4000)
  if (n < 8) return undefined
  let even = 0
  let odd = 0
  for (let i = 0; i < n; i += 2) {
    if (head[i] === 0) even++
    if (head[i + 1] === 0) odd++
  }
  // Commas, digits and line ends have a zero byte on one side; a table without any is not text we know.
  if (odd > n / 10 && even < n / 100) return 'utf-16le'
  if (even > n / 10 && odd < n / 100) return 'utf-16be'
  return undefined
}

/** Bytes as UTF-8. What cannot be read becomes U+FFFD, which the scanner rejects row by row. */
export async function* toUtf8(source: AsyncIterable<Buffer>, encoding: Encoding): AsyncGenerator<Buffer> {
  if (encoding === 'utf-8') {
    yield* source
    return
  }
  const decoder = new TextDecoder(encoding, { ignoreBOM: false })
  const lone = encoding === 'gb18030' ? loneBytes() : undefined
  for await (const chunk of source) yield Buffer.from(decoder.decode(lone ? lone(chunk) : chunk, { stream: true }))
  yield Buffer.from(decoder.decode())
}

/** The decoder reads a lone 0x80 as €, which GB18030 does not know: mark it as broken instead of guessing. */
function loneBytes(): (chunk: Buffer) => Buffer {
  let state = 0
  return chunk => {
    let out = chunk
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (state === 0) {
        if (byte > 0x80) state = 1
        else if (byte === 0x80) {
          if (out === chunk) out = Buffer.from(chunk)
          out[i] = 0xff
        }
      } else if (state === 1) state = byte >= 0x30 && byte <= 0x39 ? 2 : 0
      else if (state === 2) state = byte > 0x80 ? 3 : 0
      else state = 0
    }
    return out
  }
}

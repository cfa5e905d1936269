import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { crc32, createDeflateRaw } from 'node:zlib'

export type Digests = { bytes: number; sha256: string; sm3: string }

/** Above this a field of 32 bits says only that the value stands in one of 64. */
const MOST = 0xffff_ffff
const [UTF8, SIZES_AFTER, DEFLATED, UNIX_FILE] = [0x0800, 0x0008, 8, 0o100600]
/** Packages of numbers and repeated words: more than the first level takes twice the time for a twentieth of the size. */
const LEVEL = 1
/** Looks back 8 kB, which stay in the cache of a core: rows are alike their neighbours. */
const WINDOW = 13
const le = (...fields: [bytes: 2 | 4 | 8, value: number][]): Buffer => {
  const made = Buffer.alloc(fields.reduce((sum, [bytes]) => sum + bytes, 0))
  let at = 0
  for (const [bytes, value] of fields) {
    if (bytes === 8) made.writeBigUInt64LE(BigInt(value), at)
    else made.writeUIntLE(value, at, bytes)
    at += bytes
  }
  return made
}
/** Date and time as MS-DOS had them, in Beijing time, two seconds exact. */
const dosTime = (at: Date): [2, number][] => {
  const d = new Date(at.getTime() + 8 * 3600_000)
  return [
    [2, (d.getUTCHours() << 11) | (d.getUTCMinutes() << 5) | (d.getUTCSeconds() >> 1)],
    [2, ((d.getUTCFullYear() - 1980) << 9) | ((d.getUTCMonth() + 1) << 5) | d.getUTCDate()],
  ]
}

export type ZipFile = Awaited<ReturnType<typeof createZip>>

/**
 * A ZIP written from its first byte to its last while its files arrive, of any size (APPNOTE 6.3, with ZIP64 where it is needed). All digests are
 * taken on the way, so nothing is read again. `most` is for tests.
 */
export async function createZip(path: string, at: Date, most: number = MOST) {
  const file: FileHandle = await open(path, 'w', 0o600)
  const whole = createHash('sha256')
  const entries: Buffer[] = []
  let written = 0
  const write = async (piece: Uint8Array) => {
    whole.update(piece)
    written += piece.length
    for (let done = 0; done < piece.length; ) done += (await file.write(piece, done)).bytesWritten
  }
  const short = (value: number): [4, number] => [4, value < most ? value : MOST]

  return {
    /** A piece is done with when the next but one is asked for: whoever makes pieces may take turns with two buffers. */
    async add(name: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Digests> {
      const title = Buffer.from(name)
      const offset = written
      const about: [2 | 4, number][] = [[2, 45], [2, UTF8 | SIZES_AFTER], [2, DEFLATED], ...dosTime(at)]
      await write(Buffer.concat([le([4, 0x04034b50], ...about, [4, 0], [4, 0], [4, 0], [2, title.length], [2, 0]), title]))
      const start = written
      const [sha256, sm3] = [createHash('sha256'), createHash('sm3')]
      let [bytes, crc] = [0, 0]
      const deflate = createDeflateRaw({ level: LEVEL, memLevel: 9, windowBits: WINDOW, chunkSize: 128 * 1024 })
      const packed = pipeline(deflate, async (all: AsyncIterable<Buffer>) => {
        for await (const piece of all) await write(piece)
      })
      // Told below; what ends one of the two ends both.
      packed.catch(() => {})
      try {
        // One is compressed while the next is made.
        let under: Promise<void> | undefined
        for await (const piece of pieces) {
          sha256.update(piece)
          sm3.update(piece)
          crc = crc32(piece, crc)
          bytes += piece.length
          await under
          under = new Promise((done, fail) => deflate.write(piece, error => (error ? fail(error) : done())))
          under.catch(() => {})
        }
        await under
        deflate.end()
      } catch (error) {
        deflate.destroy(error as Error)
      }
      await packed
      const size = written - start
      const wide = bytes >= most || size >= most
      await write(le([4, 0x08074b50], [4, crc], [wide ? 8 : 4, size], [wide ? 8 : 4, bytes]))
      const more = wide || offset >= most ? le([2, 1], [2, 24], [8, bytes], [8, size], [8, offset]) : Buffer.alloc(0)
      const all = (value: number): [4, number] => [4, more.length ? MOST : value]
      entries.push(
        le([4, 0x02014b50], [2, 0x032d], ...about, [4, crc], all(size), all(bytes), [2, title.length], [2, more.length], [2, 0]),
        le([2, 0], [2, 0], [4, UNIX_FILE * 0x10000], all(offset)),
        title,
        more,
      )
      return { bytes, sha256: sha256.digest('hex'), sm3: sm3.digest('hex') }
    },

    /** The list of files, which makes it a ZIP. */
    async end(): Promise<{ bytes: number; sha256: string }> {
      const [start, count] = [written, entries.length / 4]
      const list = Buffer.concat(entries)
      await write(list)
      if (start >= most || list.length >= most) {
        const there = written
        await write(
          le([4, 0x06064b50], [8, 44], [2, 0x032d], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, list.length], [8, start]),
        )
        await write(le([4, 0x07064b50], [4, 0], [8, there], [4, 1]))
      }
      await write(le([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], short(list.length), short(start), [2, 0]))
      await file.close()
      return { bytes: written, sha256: whole.digest('hex') }
    },

    close: () => file.close(),
  }
}

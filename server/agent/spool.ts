import { createReadStream, createWriteStream, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { type Home, writeWhole } from './home.ts'

/** A delivery that is read and not yet with the platform. `id` is its idempotency key. */
export type Delivery = {
  id: string
  run: string
  sourceId: string
  source: string
  name: string
  type: 'text/csv' | 'application/octet-stream'
  bytes: number
  position: Record<string, string | number | null> | null
  file: { name: string; stamp: string } | null
  uploadId: string | null
}
export class SpoolFull extends Error {}

/** Deliveries on disk, so that neither an end of this process nor of the network costs a reading. Bounded. */
export function openSpool(home: Home, limit: number) {
  const at = (id: string, part: 'json' | 'gz') => join(home.dir, 'spool', `${id}.${part}`)
  const names = () => readdirSync(join(home.dir, 'spool'))
  const bytes = () =>
    names().reduce((sum, name) => sum + (statSync(join(home.dir, 'spool', name), { throwIfNoEntry: false })?.size ?? 0), 0)
  const save = (d: Delivery) => writeWhole(at(d.id, 'json'), JSON.stringify(d))
  return {
    bytes,
    save,
    /** What an earlier process had read whole; what it had not is removed and read again. */
    left(): Delivery[] {
      const found: Delivery[] = []
      for (const name of names()) {
        const id = name.replace(/\.(gz|json)(\.new)?$/, '')
        if (name.endsWith('.json') && existsSync(at(id, 'gz'))) found.push(JSON.parse(readFileSync(at(id, 'json'), 'utf8')) as Delivery)
        else if (!existsSync(at(id, 'json'))) rmSync(join(home.dir, 'spool', name), { force: true })
      }
      return found
    },
    /** A delivery that was read whole. */
    saved: (id: string): Delivery | undefined =>
      existsSync(at(id, 'json')) && existsSync(at(id, 'gz')) ? (JSON.parse(readFileSync(at(id, 'json'), 'utf8')) as Delivery) : undefined,
    /** Packs what comes; it is a delivery once `save` has been called. */
    async write(id: string, content: AsyncIterable<Buffer>): Promise<number> {
      const path = at(id, 'gz')
      const others = bytes()
      let size = 0
      const bound = new Transform({
        transform(chunk: Buffer, _, done) {
          size += chunk.length
          done(others + size > limit ? new SpoolFull() : null, chunk)
        },
      })
      try {
        await pipeline(content, createGzip({ level: 1 }), bound, createWriteStream(path, { mode: 0o600 }))
      } catch (error) {
        rmSync(path, { force: true })
        throw error
      }
      const file = await open(path, 'r')
      await file.sync()
      await file.close()
      return size
    },
    async piece(id: string, from: number, length: number): Promise<Buffer> {
      const pieces: Buffer[] = []
      for await (const piece of createReadStream(at(id, 'gz'), { start: from, end: from + length - 1 })) pieces.push(piece as Buffer)
      return Buffer.concat(pieces)
    },
    remove(id: string): void {
      rmSync(at(id, 'json'), { force: true })
      rmSync(at(id, 'gz'), { force: true })
    },
  }
}
export type Spool = ReturnType<typeof openSpool>

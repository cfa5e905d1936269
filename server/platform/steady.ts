import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

const BLOCK = 1024 * 1024

/** Memory at the edge of a page, as writing past the cache wants it. One block for all: whoever writes waits for his turn. */
const block = Buffer.from(new WebAssembly.Memory({ initial: BLOCK / 65_536, maximum: BLOCK / 65_536 }).buffer)
let turn: Promise<unknown> = Promise.resolve()

export type SteadyFile = { write(piece: Buffer): Promise<void>; close(): Promise<void> }

/**
 * A new file whose bytes go to the disk as they come while `steady()` says so, past the cache of the system. Left there, a gigabyte comes due at
 * once half a minute later, and every commit of the database waits behind it. Otherwise, and where the file system knows no such way, it is
 * written like any other.
 */
export async function createSteady(path: string, steady: () => boolean): Promise<SteadyFile> {
  const file = await open(path, 'wx', 0o600)
  const direct = constants.O_DIRECT ? await open(path, constants.O_WRONLY | constants.O_DIRECT).catch(() => null) : null
  const waiting = Buffer.allocUnsafe(BLOCK)
  let held = 0
  let at = 0
  const through = async (bytes: Buffer, from: number): Promise<void> => {
    for (let done = from; done < bytes.length; ) done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
  }
  const past = async (): Promise<void> => {
    waiting.copy(block)
    const written = await direct!.write(block, 0, BLOCK, at).then(
      r => r.bytesWritten,
      // What the file system does not do this way after all.
      () => 0,
    )
    await through(block, written)
  }
  const put = async (): Promise<void> => {
    if (held === BLOCK && direct && steady()) {
      const mine = turn.then(past)
      turn = mine.catch(() => {})
      await mine
    } else await through(waiting.subarray(0, held), 0)
    at += held
    held = 0
  }
  return {
    async write(piece) {
      for (let from = 0; from < piece.length; ) {
        const taken = piece.copy(waiting, held, from)
        from += taken
        held += taken
        if (held === BLOCK) await put()
      }
    },
    async close() {
      try {
        await put()
      } finally {
        await direct?.close()
        await file.close()
      }
    },
  }
}

import { Worker } from 'node:worker_threads'
import { Unreadable } from '../../../platform/xlsx.ts'
import { TooManyBad } from './scanner.ts'
import type { Task } from './thread.ts'

/** Above this a workbook is read in a thread of its own. */
export const LARGE_BOOK = 512 * 1024

/** What another thread makes of a file, see thread.ts; it stays a few pieces ahead of whoever takes them. */
export async function* inThread<T extends object>(task: Task): AsyncGenerator<T> {
  // A heap of its own that is swept before it grows: what a large workbook leaves behind is mostly rubbish.
  const worker = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: task,
    resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 512 },
  })
  const pieces: T[] = []
  let wake = () => {}
  let failed: Error | undefined
  let ended = false
  worker.on('message', (message: T | { error: { name: string; code: string; message: string; remedy: string } }) => {
    if ('error' in message) {
      const { name, ...e } = message.error
      failed =
        name === 'Unreadable'
          ? new Unreadable(e.code, e.message, e.remedy)
          : name === 'TooManyBad'
            ? new TooManyBad(e.message)
            : Object.assign(new Error(e.message), { code: e.code })
    } else pieces.push(message)
    wake()
  })
  worker.on('error', (error: Error & { code?: string }) => {
    failed =
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? new Unreadable('workbook-large', '工作簿里的文字太多，不能一次读完。', '请另存为 CSV 后上传。')
        : error
    wake()
  })
  worker.on('exit', () => {
    ended = true
    wake()
  })
  try {
    for (;;) {
      const piece = pieces.shift()
      if (piece) {
        worker.postMessage('more')
        yield 'out' in piece ? { ...piece, ...buffers(piece as T & Bytes, worker) } : piece
      } else if (failed) throw failed
      else if (ended) return
      else
        await new Promise<void>(resolve => {
          wake = resolve
        })
    }
  } finally {
    await worker.terminate()
  }
}

type Bytes = { out: Uint8Array; aside: Uint8Array }
/** The bytes as buffers; those of their own go back to be written anew. */
function buffers({ out, aside }: Bytes, worker: Worker) {
  const buffer = (b: Uint8Array) => Buffer.from(b.buffer, b.byteOffset, b.byteLength)
  const memory = out.buffer as ArrayBuffer
  const free = out.length > Buffer.poolSize ? () => worker.postMessage(memory, [memory]) : undefined
  return { out: buffer(out), aside: buffer(aside), ...(free && { free }) }
}

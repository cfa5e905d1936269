import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { FileFacts } from '../../../../contract/evidence.ts'
import { createZip } from '../../../platform/zip.ts'
import type { Task } from './thread.ts'

/** A package that has its data and waits for what is said about them. Who discards it removes the file. */
export type Packed = {
  rows: number
  file: FileFacts
  /** Files of the entry that stand beside the list of them. */
  originals?: FileFacts[]
  finish(parts: [string, Uint8Array][]): Promise<{ bytes: number; sha256: string }>
  discard(): Promise<void>
}

/** Rows straight from COPY, in a thread of their own: they never pass through the one that answers. */
export async function packCopied(task: Task, stop: AbortSignal): Promise<Packed> {
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: task, resourceLimits: { maxOldGenerationSizeMb: 256 } })
  const discard = async () => void (await worker.terminate())
  const ended = new AbortController()
  worker.once('exit', () => ended.abort(new Error('the thread ended early')))
  // Told to whoever waits; without a listener it would end the process when nobody does.
  worker.on('error', () => {})
  const answer = async <T>(signal: AbortSignal): Promise<T> => {
    try {
      const [message] = await once(worker, 'message', { signal })
      return message as T
    } catch (error) {
      // Read before the end of the thread gives another reason.
      const reason = signal.aborted ? signal.reason : error
      await discard()
      throw reason
    }
  }
  const { rows, file } = await answer<Pick<Packed, 'rows' | 'file'>>(AbortSignal.any([ended.signal, stop]))
  return {
    rows,
    file,
    discard,
    async finish(parts) {
      worker.postMessage(parts)
      return (await answer<{ whole: { bytes: number; sha256: string } }>(ended.signal)).whole
    },
  }
}

type Zip = Awaited<ReturnType<typeof createZip>>
/** A list made here, and the files that `beside` puts behind it. */
export async function packOriginals(
  { path, name, at }: Pick<Task, 'path' | 'name' | 'at'>,
  pieces: AsyncIterable<Uint8Array>,
  rows: () => number,
  beside: (zip: Zip) => Promise<FileFacts[]>,
): Promise<Packed> {
  const zip = await createZip(path, at)
  const discard = () => zip.close()
  const orDiscard = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      await discard()
      throw error
    }
  }
  const [file, originals] = await orDiscard(async () => [{ name, ...(await zip.add(name, pieces)) }, await beside(zip)] as const)
  return {
    rows: rows(),
    file,
    originals,
    discard,
    finish: parts =>
      orDiscard(async () => {
        for (const [part, content] of parts) await zip.add(part, [content])
        return zip.end()
      }),
  }
}

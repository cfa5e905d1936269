import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import type { FileFacts } from '../../../../contract/evidence.ts'
import { createZip } from '../../../platform/zip.ts'
import type { Task } from './thread.ts'

/** A package that has its data and waits for what is said about them. Until it is finished nothing but its path says that it is there. */
export type Packed = {
  rows: number
  file: FileFacts
  finish(parts: [string, Uint8Array][]): Promise<{ bytes: number; sha256: string }>
  discard(): Promise<void>
}

/** CSV straight from COPY, in a thread of its own: the rows never pass through the one that answers. */
export async function packCopied(task: Task, signal: AbortSignal): Promise<Packed> {
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: task, resourceLimits: { maxOldGenerationSizeMb: 256 } })
  const discard = async () => {
    await worker.terminate()
    await rm(task.path, { force: true })
  }
  const answer = async <T>(stopped?: AbortSignal): Promise<T> => {
    const ended = new AbortController()
    const gone = () => ended.abort(new Error('the thread ended early'))
    worker.once('exit', gone)
    try {
      // An error of the thread rejects.
      const [message] = await once(worker, 'message', { signal: AbortSignal.any([ended.signal, ...(stopped ? [stopped] : [])]) })
      return message as T
    } catch (error) {
      await discard()
      throw stopped?.aborted ? stopped.reason : ended.signal.aborted ? ended.signal.reason : error
    } finally {
      worker.off('exit', gone)
    }
  }
  const { rows, file } = await answer<Pick<Packed, 'rows' | 'file'>>(signal)
  return {
    rows,
    file,
    discard,
    async finish(parts) {
      worker.postMessage(parts)
      return (await answer<{ whole: { bytes: number; sha256: string } }>()).whole
    },
  }
}

/** Any other format, from pieces made here. */
export async function packPieces(
  { path, name, at }: Pick<Task, 'path' | 'name' | 'at'>,
  pieces: AsyncIterable<Uint8Array>,
  rows: () => number,
): Promise<Packed> {
  const zip = await createZip(path, at)
  const discard = async () => {
    await zip.close()
    await rm(path, { force: true })
  }
  const orDiscard = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      await discard()
      throw error
    }
  }
  const file = await orDiscard(() => zip.add(name, pieces))
  return {
    rows: rows(),
    file: { name, ...file },
    discard,
    finish: parts =>
      orDiscard(async () => {
        for (const [part, content] of parts) await zip.add(part, [content])
        return zip.end()
      }),
  }
}

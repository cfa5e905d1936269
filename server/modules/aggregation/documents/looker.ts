import { Worker } from 'node:worker_threads'
import { Unreadable } from '../../../platform/xlsx.ts'
import type { Look } from './look.ts'
import type { Answer, Task } from './thread.ts'

/** A file that takes longer, or more memory, was made to. */
const SECONDS = 30
const MEGABYTES = 512

/** Looks at files in a thread of its own: one that makes a reader run wild ends that thread and nothing else. */
export class Looker {
  private worker: Worker | undefined

  look(path: string, name: string): Promise<Look> {
    return this.ask({ look: path, name }) as Promise<Look>
  }
  table(path: string): Promise<string[][]> {
    return this.ask({ table: path }) as Promise<string[][]>
  }
  async close(): Promise<void> {
    await this.worker?.terminate()
    this.worker = undefined
  }

  private async ask(task: Task): Promise<unknown> {
    this.worker ??= new Worker(new URL('./thread.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: MEGABYTES } })
    const { worker } = this
    let timer: NodeJS.Timeout | undefined
    let settle: (answer?: Answer) => void = () => {}
    const failed = () => settle()
    try {
      const answer = await new Promise<Answer | undefined>(resolve => {
        settle = resolve
        worker.on('message', settle).on('error', failed)
        timer = setTimeout(failed, SECONDS * 1000)
        worker.postMessage(task)
      })
      if (!answer) {
        await this.close()
        throw new Unreadable('document-broken', '文件读不下去（太复杂，或已损坏）。', '请用原来的软件打开核对，另存后再上传。')
      }
      if ('done' in answer) return answer.done
      throw answer.remedy ? new Unreadable(answer.code, answer.message, answer.remedy) : new Error(answer.message)
    } finally {
      clearTimeout(timer)
      worker.off('message', settle).off('error', failed)
    }
  }
}

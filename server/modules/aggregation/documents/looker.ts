import { Worker } from 'node:worker_threads'
import { Unreadable } from '../../../platform/xlsx.ts'
import type { Look } from './look.ts'
import type { Answer, Task } from './thread.ts'

/**
 * A file that takes more of a processor, or more memory, was made to. Counted is what the thread has used, not the time that went by: it
 * gives way to everybody (see thread.ts), and beside busy neighbours a good file waits for minutes.
 */
const SECONDS = 30
const MEGABYTES = 512
/** Without using the processor: its thread has lost its way. */
const WAITED = 600

/** Looks at files in a thread of its own: one that makes a reader run wild ends that thread and nothing else. */
export class Looker {
  private worker: Worker | undefined
  private readonly script: URL
  private readonly seconds: number
  constructor(script = new URL('./thread.ts', import.meta.url), seconds = SECONDS) {
    this.script = script
    this.seconds = seconds
  }

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
    const before = this.worker ? await used(this.worker) : 0
    this.worker ??= new Worker(this.script, { resourceLimits: { maxOldGenerationSizeMb: MEGABYTES } })
    const { worker } = this
    const began = performance.now()
    let timer: NodeJS.Timeout | undefined
    let settle: (answer?: Answer) => void = () => {}
    const failed = () => settle()
    try {
      const answer = await new Promise<Answer | undefined>(resolve => {
        settle = resolve
        worker.on('message', settle).on('error', failed)
        timer = setInterval(async () => {
          if (performance.now() - began > WAITED * 1000 || (await used(worker)) - before > this.seconds) failed()
        }, 500)
        worker.postMessage(task)
      })
      if (!answer) {
        await this.close()
        throw new Unreadable('document-broken', '文件读不下去（太复杂，或已损坏）。', '请用原来的软件打开核对，另存后再上传。')
      }
      if ('done' in answer) return answer.done
      throw answer.remedy ? new Unreadable(answer.code, answer.message, answer.remedy) : new Error(answer.message)
    } finally {
      clearInterval(timer)
      worker.off('message', settle).off('error', failed)
    }
  }
}

/** Seconds of a processor the thread has used; 0 before it has begun and after it has ended. */
const used = (worker: Worker): Promise<number> =>
  worker.cpuUsage().then(
    ({ user, system }) => (user + system) / 1e6,
    () => 0,
  )

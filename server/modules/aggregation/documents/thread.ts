import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import type { Unreadable } from '../../../platform/xlsx.ts'
import { look, tableRows } from './look.ts'

export type Task = { look: string; name: string } | { table: string }
export type Answer = { done: unknown } | { code: string; message: string; remedy: string }

// Whoever asks for data goes first. Only Linux gives a thread a priority of its own.
if (process.platform === 'linux') setPriority(10)

parentPort!.on('message', (task: Task) => {
  const work = 'look' in task ? look(task.look, task.name) : tableRows(task.table)
  work.then(
    done => parentPort!.postMessage({ done } satisfies Answer),
    (error: Partial<Unreadable> & Error) =>
      parentPort!.postMessage({ code: error.code ?? '', message: error.message, remedy: error.remedy ?? '' } satisfies Answer),
  )
})

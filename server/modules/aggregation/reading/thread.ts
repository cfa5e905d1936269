import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import type { Unreadable } from '../../../platform/xlsx.ts'
import { type BookScan, type FileScan, peekAtBook, scanFile, scanSheet } from './scan.ts'

/** How many pieces wait for whoever takes them. */
const AHEAD = 8

/** What this thread is to read. The address of vouchFor comes from outside: loading all of another module would take longer than a file. */
export type Task = { file: FileScan; vouch: string } | { sheet: BookScan } | { book: string }

// Whoever asks for data goes first. Only Linux gives a thread a priority of its own; elsewhere it would be that of the whole process.
if (process.platform === 'linux') setPriority(10)

const task = workerData as Task
const port = parentPort!
const spare: Buffer[] = []
let waiting = 0
let wake = () => {}
port.on('message', (message: 'more' | ArrayBuffer) => {
  if (message !== 'more') {
    spare.push(Buffer.from(message))
    return
  }
  waiting--
  wake()
})
try {
  if ('book' in task) port.postMessage({ sheets: await peekAtBook(task.book) })
  const pieces =
    'book' in task ? [] : 'sheet' in task ? scanSheet(task.sheet) : scanFile(task.file, (await import(task.vouch)).vouchFor, spare)
  for await (const piece of pieces) {
    // Only buffers of their own can move; small ones share one.
    const large = [piece.out, piece.aside].filter(b => b.length > Buffer.poolSize).map(b => b.buffer as ArrayBuffer)
    port.postMessage(piece, large)
    waiting++
    while (waiting >= AHEAD)
      await new Promise<void>(resolve => {
        wake = resolve
      })
  }
} catch (error) {
  const { message, code, remedy } = error as Unreadable
  port.postMessage({ error: { name: (error as Error).constructor.name, message, code, remedy } })
}
port.close()

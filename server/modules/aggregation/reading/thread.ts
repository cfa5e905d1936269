import { parentPort, workerData } from 'node:worker_threads'
import { type FileScan, scanFile } from './scan.ts'

/** How many pieces wait for whoever takes them. */
const AHEAD = 8

// A thread that scans one file. Its address for vouchFor comes from outside: loading all of another module would take longer than a
// small file does.
const { scan, vouch } = workerData as { scan: FileScan; vouch: string }
const port = parentPort!
let waiting = 0
let wake = () => {}
port.on('message', () => {
  waiting--
  wake()
})
try {
  for await (const piece of scanFile(scan, (await import(vouch)).vouchFor)) {
    port.postMessage(
      piece,
      [piece.out, piece.aside].filter(b => b.length).map(b => b.buffer as ArrayBuffer),
    )
    waiting++
    while (waiting >= AHEAD)
      await new Promise<void>(resolve => {
        wake = resolve
      })
  }
} catch (error) {
  const { message, code } = error as Error & { code?: string }
  port.postMessage({ error: { name: (error as Error).constructor.name, message, code } })
}
port.close()

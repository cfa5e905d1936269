import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** A port of this machine that nobody listens on now. */
export const freePort = () =>
  new Promise<number>((done, fail) => {
    const probe = createServer()
    probe.on('error', fail)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => done(port))
    })
  })

/** Processes whose parent is this one; on Linux. */
export const childrenOf = (pid: number): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(one => {
      try {
        return Number(readFileSync(`/proc/${one}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[1]) === pid
      } catch {
        return false
      }
    })

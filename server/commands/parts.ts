import cluster, { type Worker } from 'node:cluster'
import { join } from 'node:path'
import { type Config, loadConfig } from '../platform/config.ts'
import { root } from './child.ts'
import { say } from './database.ts'
import type { Role } from './serve.ts'
import { untilAsked, within } from './stopping.ts'

/** What a process is told; not by its arguments or environment, where others could read it. */
type Orders = { databaseUrl: string; roles: Role[]; port: number }
type Told = { address: string } | { failed: string }

/** Several processes on one port. The first has all the roles, the others only answer requests; one that dies is replaced. */
export async function startParts(o: {
  config: Config
  databaseUrl: string
  roles: Role[]
}): Promise<{ address: string; close(): Promise<void> }> {
  cluster.setupPrimary({ exec: join(root, 'server/main.ts'), args: ['part'] })
  const parts = new Set<Worker>()
  let closing = false
  const begin = (roles: Role[]): Promise<string> =>
    new Promise((ready, fail) => {
      const part = cluster.fork()
      let began = 0
      parts.add(part)
      part.on('online', () => part.send({ databaseUrl: o.databaseUrl, roles, port: o.config.port ?? 8080 } satisfies Orders))
      part.on('message', (told: Told) => {
        if ('failed' in told) return fail(new Error(told.failed))
        began = Date.now()
        ready(told.address)
      })
      part.on('error', () => {})
      part.on('exit', (code, signal) => {
        parts.delete(part)
        if (closing || !began) return fail(new Error(`一个进程没有启动（${signal ?? code}）。`))
        say(`一个进程意外结束（${signal ?? code}），马上再起一个。`)
        // What ends at once is not begun as fast as it ends; while the database is away it is tried again and again.
        const again = () => {
          if (!closing)
            begin(roles).catch(error => {
              say((error as Error).message)
              setTimeout(again, 2000)
            })
        }
        setTimeout(again, Date.now() - began < 10_000 ? 1000 : 0)
      })
    })
  const close = async () => {
    closing = true
    const gone = [...parts].map(part => new Promise(done => part.once('exit', done)))
    for (const part of parts) part.process.kill('SIGTERM')
    if (await within(2000, Promise.all(gone))) return
    for (const part of parts) part.process.kill('SIGKILL')
  }
  try {
    // The first makes what all need, such as the queues of jobs.
    const address = await begin(o.roles)
    await Promise.all(Array.from({ length: o.config.processes - 1 }, () => begin(['api'])))
    return { address, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** One of them, until it is asked to end or the first process is gone. */
export async function part(): Promise<number> {
  const asked = untilAsked()
  const left = new Promise<undefined>(done => process.once('disconnect', () => done(undefined)))
  const orders = await Promise.race([asked, left, new Promise<Orders>(done => process.once('message', m => done(m as Orders)))])
  if (!orders) return 0
  try {
    const { startServer } = await import('../app.ts')
    const { databaseUrl, roles, port } = orders
    // Each listens itself: what was handed to a process that is killed then ends with it, and does not wait in the first one for ever.
    const server = await startServer({ config: { ...loadConfig(), port }, databaseUrl, roles, shared: true })
    process.send?.({ address: server.address } satisfies Told)
    await Promise.race([asked, left])
    await within(1800, server.close())
    return 0
  } catch (error) {
    process.send?.({ failed: (error as Error).message } satisfies Told)
    return 1
  }
}

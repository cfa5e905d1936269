/**
 * The data API served by two processes on one port beside one, as HUITONG_PROCESSES starts them: ./huitong bench api.two_processes [seconds per turn]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { buildApp } from '../server/app.ts'
import { loadConfig } from '../server/platform/config.ts'
import { freePort } from '../server/platform/postgres.ts'
import { keepRates } from './results.ts'
import { fill, granted, key, keysOf, rowAt } from './support/aid.ts'
import { callerOf, tokenFor } from './support/grant.ts'
import { withServer } from './support/world.ts'

export const measures = ['api.two_processes']

const seconds = Number(process.argv.slice(2).find(a => /^\d+$/.test(a)) ?? 6)
const rounds = 3
const connections = 64
/** Two for the platform, two for the database, one for whoever asks. */
const CORES = 5

await withServer(async ({ url: database, folder }) => {
  const config = { ...loadConfig({ HUITONG_LOG_LEVEL: 'silent', HUITONG_DATA_BURST: '0' }), dataDir: folder }
  const app = await buildApp({ config, databaseUrl: database, roles: ['api'] })
  const { entry, user } = await fill(app.services)
  const own = await app.listen({ host: '127.0.0.1', port: 0 })
  const headers = callerOf(await tokenFor(app.services, own, { entryId: entry.id, departmentId: user.id, items: granted }))
  await app.close()

  async function perSecond(processes: number): Promise<number> {
    const port = await freePort()
    const child = spawn(process.execPath, [join(import.meta.dirname, '../server/main.ts'), 'serve'], {
      env: {
        PATH: process.env.PATH,
        HUITONG_DATABASE_URL: database,
        HUITONG_DATA_DIR: folder,
        HUITONG_PORT: String(port),
        HUITONG_PROCESSES: String(processes),
        HUITONG_DATA_BURST: '0',
        HUITONG_LOG_LEVEL: 'silent',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    try {
      const url = `http://127.0.0.1:${port}`
      const asked = () =>
        fetch(url + rowAt(entry.path, key), { headers }).then(
          r => r.ok,
          () => false,
        )
      for (let tries = 0; !(await asked()); tries++) {
        if (tries > 150 || child.exitCode !== null) throw new Error('the server did not start')
        await sleep(200)
      }
      const ask = (duration: number) => {
        let n = 0
        return autocannon({
          url,
          connections,
          duration,
          setupClient: client => client.setRequests(keysOf(n++).map(k => ({ path: rowAt(entry.path, k), headers }))),
        })
      }
      await ask(2)
      const r = await ask(seconds)
      if (r.non2xx || r.errors) throw new Error(`${r.non2xx} refused, ${r.errors} errors`)
      return r['2xx'] / r.duration
    } finally {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    }
  }
  const pairs: { ours: number; base: number }[] = []
  for (let round = 1; round <= rounds; round++) {
    const base = await perSecond(1)
    const ours = await perSecond(2)
    pairs.push({ ours, base })
    console.log(`round ${round}: one process ${base.toFixed(0)}/s, two ${ours.toFixed(0)}/s, ratio ${(ours / base).toFixed(2)}`)
  }
  const cores = availableParallelism()
  keepRates(
    'api.two_processes',
    pairs,
    `one row by its key, ${connections} connections; baseline: one process; at least 1.6${cores < CORES ? `, but not here: ${cores} cores for two processes, their database and whoever asks; from ${CORES} on it counts` : ''}`,
  )
})

/**
 * The data API while a large file loads in the same process: look-ups by key at a steady rate, whatever the answers take, idle and
 * during the load. ./huitong bench ingest.api_p99_ms [--most=10000000] [--rate=100]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { keep, option } from './results.ts'
import { person, writeCsv } from './support/people.ts'
import { withServer } from './support/world.ts'

export const measures = ['ingest.api_p99_ms']

const most = Number(option('most') ?? 10_000_000)
const rate = Number(option('rate') ?? 100)
const IDLE_SECONDS = 20

/** Milliseconds of each answer, counted from when its turn had come. */
async function answers(url: string, token: string, until: () => boolean): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 })
  const list: number[] = []
  const open: Promise<void>[] = []
  const began = performance.now()
  for (let i = 0; !until(); i++) {
    const due = began + (i * 1000) / rate
    const wait = due - performance.now()
    if (wait > 0) await sleep(wait)
    const filter = encodeURIComponent(JSON.stringify({ 公民身份号码: person((i * 7919) % 100_000)[0] }))
    open.push(
      new Promise((done, fail) => {
        const headers = {
          authorization: `Bearer ${token}`,
          'x-huitong-operator': encodeURIComponent('周倩'),
          'x-huitong-case': 'YB-2026-77',
        }
        request(`${url}?limit=10&filter=${filter}`, { agent, headers }, reply => {
          if (reply.statusCode !== 200) fail(new Error(`${reply.statusCode}`))
          reply.resume().on('end', () => {
            list.push(performance.now() - due)
            done()
          })
        })
          .on('error', fail)
          .end()
      }),
    )
  }
  await Promise.all(open)
  agent.destroy()
  return list
}
const p99 = (list: number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length * 0.99)]!

await withServer(async ({ url: database, folder }) => {
  const path = join(folder, 'rows.csv')
  await writeCsv(path, most)
  const child = spawn(process.execPath, [join(import.meta.dirname, 'support/api.ts'), database, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const said = async () => JSON.parse((await lines.next()).value ?? '{}')
  const { url, token } = await said()
  if (!url) throw new Error('the server did not start')
  const forSeconds = (seconds: number) => {
    const end = performance.now() + seconds * 1000
    return () => performance.now() > end
  }
  await answers(url, token, forSeconds(5))
  const idle = p99(await answers(url, token, forSeconds(IDLE_SECONDS)))
  let loaded: { state: string; accepted: number } | undefined
  child.stdin.write(`${path}\n`)
  void said().then(result => {
    loaded = result
  })
  const during = await answers(url, token, () => loaded !== undefined)
  child.stdin.end()
  if (child.exitCode === null) await once(child, 'exit')
  if (loaded?.accepted !== most) throw new Error(`not loaded: ${JSON.stringify(loaded)}`)
  keep([
    {
      name: 'ingest.api_p99_ms',
      value: Number(p99(during).toFixed(1)),
      unit: 'ms',
      baseline: Number(idle.toFixed(1)),
      ratio: Number((p99(during) / idle).toFixed(2)),
      at: new Date().toISOString(),
      note: `99th percentile of look-ups by key, ${rate} a second, ${during.length.toLocaleString('en')} of them while ${most.toLocaleString('en')} rows load in the same process; baseline: idle; at most 2`,
    },
  ])
})

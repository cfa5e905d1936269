/**
 * The data API while a large file loads in the same process: look-ups by key at a steady rate, whatever the answers take, idle and
 * during the load. Where other machines of the same host take the processors away (steal time), that second counts on neither side. ./huitong bench ingest.api_p99_ms [--most=10000000] [--rate=100]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
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
const IDLE_SECONDS = 60
/** Share of the processors' time that the host may give to others in a second that counts. */
const STOLEN = 0.02

/** All ticks of the processors so far, and those that the host gave to others; none where the system does not say. */
function ticks(): { all: number; stolen: number } {
  try {
    const list = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]!.trim().split(/\s+/).slice(1, 9).map(Number)
    return { all: list.reduce((sum, n) => sum + n, 0), stolen: list[7]! }
  } catch {
    return { all: 0, stolen: 0 }
  }
}

type Answers = { list: { second: number; ms: number }[]; stolen: Set<number>; seconds: number }
/** Milliseconds of each answer, counted from when its turn had come, and the seconds in which the host gave the processors to others. */
async function answers(url: string, token: string, until: () => boolean): Promise<Answers> {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 })
  const list: Answers['list'] = []
  const stolen = new Set<number>()
  const open: Promise<void>[] = []
  const began = performance.now()
  const second = () => Math.floor((performance.now() - began) / 1000)
  let before = ticks()
  const clock = setInterval(() => {
    const now = ticks()
    // The tick may be late; it tells of what came before it.
    if (now.stolen - before.stolen > STOLEN * (now.all - before.all)) stolen.add(second()).add(second() - 1)
    before = now
  }, 1000)
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
            list.push({ second: Math.floor((due - began) / 1000), ms: performance.now() - due })
            done()
          })
        })
          .on('error', fail)
          .end()
      }),
    )
  }
  await Promise.all(open)
  clearInterval(clock)
  agent.destroy()
  return { list, stolen, seconds: second() }
}
const at99 = (list: number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length * 0.99)]!
const all = (a: Answers) => at99(a.list.map(x => x.ms))
const counted = (a: Answers) => a.list.filter(x => !a.stolen.has(x.second)).map(x => x.ms)

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
  const idle = await answers(url, token, forSeconds(IDLE_SECONDS))
  let loaded: { state: string; accepted: number } | undefined
  child.stdin.write(`${path}\n`)
  void said().then(result => {
    loaded = result
  })
  const during = await answers(url, token, () => loaded !== undefined)
  child.stdin.end()
  if (child.exitCode === null) await once(child, 'exit')
  if (loaded?.accepted !== most) throw new Error(`not loaded: ${JSON.stringify(loaded)}`)
  const [value, baseline] = [counted(during), counted(idle)].map(at99) as [number, number]
  const left = `${idle.stolen.size} of ${idle.seconds} s idle and ${during.stolen.size} of ${during.seconds} s beside the load`
  keep([
    {
      name: 'ingest.api_p99_ms',
      value: Number(value.toFixed(1)),
      unit: 'ms',
      baseline: Number(baseline.toFixed(1)),
      ratio: Number((value / baseline).toFixed(2)),
      at: new Date().toISOString(),
      note: `99th percentile of look-ups by key, ${rate} a second, ${counted(during).length.toLocaleString('en')} of them while ${most.toLocaleString('en')} rows load in the same process; baseline: idle; at most 2; left out: seconds in which the host gave over ${STOLEN * 100} % of the processors to others, ${left}; with them ${all(during).toFixed(1)} beside ${all(idle).toFixed(1)}`,
    },
  ])
})

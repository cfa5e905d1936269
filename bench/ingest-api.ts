/**
 * The data API while a large file loads in the same process: look-ups by key at a steady rate, whatever the answers take, idle and
 * during the load. Where other machines of the same host take the processors away (steal time), that second counts on neither side. ./huitong bench ingest.api_p99_ms [--most=10000000] [--rate=100]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { keep, option } from './results.ts'
import { callerOf } from './support/grant.ts'
import { person, writeCsv } from './support/people.ts'
import { atRate, counted, forSeconds, p99, STOLEN } from './support/steady.ts'
import { withServer } from './support/world.ts'

export const measures = ['ingest.api_p99_ms']

const most = Number(option('most') ?? 10_000_000)
const rate = Number(option('rate') ?? 100)
const IDLE_SECONDS = 60
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
  const headers = callerOf(token)
  const ask = (i: number) => ({
    url: `${url}?limit=10&filter=${encodeURIComponent(JSON.stringify({ 公民身份号码: person((i * 7919) % 100_000)[0] }))}`,
    headers,
  })
  await atRate(rate, ask, forSeconds(5))
  const idle = await atRate(rate, ask, forSeconds(IDLE_SECONDS))
  let loaded: { state: string; accepted: number } | undefined
  child.stdin.write(`${path}\n`)
  void said().then(result => {
    loaded = result
  })
  const during = await atRate(rate, ask, () => loaded !== undefined)
  child.stdin.end()
  if (child.exitCode === null) await once(child, 'exit')
  if (loaded?.accepted !== most) throw new Error(`not loaded: ${JSON.stringify(loaded)}`)
  const [value, baseline] = [p99(during), p99(idle)] as const
  const left = `${idle.stolen.size} of ${idle.seconds} s idle and ${during.stolen.size} of ${during.seconds} s beside the load`
  keep([
    {
      name: 'ingest.api_p99_ms',
      value: Number(value.ms.toFixed(1)),
      unit: 'ms',
      baseline: Number(baseline.ms.toFixed(1)),
      ratio: Number((value.ms / baseline.ms).toFixed(2)),
      at: new Date().toISOString(),
      note: `99th percentile of look-ups by key, ${rate} a second, ${counted(during).length.toLocaleString('en')} of them while ${most.toLocaleString('en')} rows load in the same process; baseline: idle; at most 2; left out: seconds in which the host gave over ${STOLEN * 100} % of the processors to others, ${left}; with them ${value.all.toFixed(1)} beside ${baseline.all.toFixed(1)}`,
    },
  ])
})

import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** Share of the processors' time that the host may give to others in a second that counts. */
export const STOLEN = 0.02

/** All ticks of the processors so far, and those that the host gave to others; none where the system does not say. */
function ticks(): { all: number; stolen: number } {
  try {
    const list = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]!.trim().split(/\s+/).slice(1, 9).map(Number)
    return { all: list.reduce((sum, n) => sum + n, 0), stolen: list[7]! }
  } catch {
    return { all: 0, stolen: 0 }
  }
}

export type Answers = { list: { second: number; ms: number }[]; stolen: Set<number>; seconds: number }

/**
 * So many questions a second at a steady pace, whatever the answers take. Milliseconds of each answer, counted from when its turn had come, and
 * the seconds in which the host gave the processors to others.
 */
export async function atRate(
  rate: number,
  ask: (i: number) => { url: string; headers?: Record<string, string> | undefined },
  until: () => boolean,
): Promise<Answers> {
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
    const { url, headers } = ask(i)
    open.push(
      new Promise((done, fail) => {
        request(url, { agent, headers }, reply => {
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
export const counted = (a: Answers): number[] => a.list.filter(x => !a.stolen.has(x.second)).map(x => x.ms)
/** The 99th percentile of the seconds that count, and of all. */
export const p99 = (a: Answers): { ms: number; all: number } => ({ ms: at99(counted(a)), all: at99(a.list.map(x => x.ms)) })
export const forSeconds = (seconds: number): (() => boolean) => {
  const end = performance.now() + seconds * 1000
  return () => performance.now() > end
}

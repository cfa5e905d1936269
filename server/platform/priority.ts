import { readFile, writeFile } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'

/** Of 19. At 15 a load beside busy neighbours hardly got on. */
const LOW = 10
const EVERY_MS = 300

/**
 * While long work runs on a connection everybody else goes first: its PostgreSQL process and the helpers of that process get a low
 * priority. From the first 300 ms on, so short work keeps its own. Only on Linux and where PostgreSQL runs on this machine under a user
 * we may do it to; elsewhere nothing happens. `stop()` says whether it did: an ordinary user cannot raise a priority again, so such a
 * connection must not go back to the pool.
 */
export function othersFirst(client: pg.PoolClient): { stop(): boolean } {
  const { processID: pid, connection } = client as unknown as { processID: number; connection: { stream: { localPort?: number } } }
  const mine = new RegExp(`^postgres: .*\\(${connection.stream.localPort}\\)`)
  const done = new Set<number>()
  let lowered = false
  async function lower(id: number): Promise<void> {
    if (done.has(id)) return
    setPriority(id, LOW)
    lowered = true
    // Linux weighs sessions against each other first, and every process of PostgreSQL is one.
    const error = await writeFile(`/proc/${id}/autogroup`, String(LOW)).catch((error: NodeJS.ErrnoException) => error)
    // Not twice within a moment: again at the next turn.
    if (error?.code !== 'EAGAIN') done.add(id)
  }
  async function turn(): Promise<void> {
    // Whose number it is shows in its title: another machine's process may have the number of one of ours.
    if (!mine.test(await title(pid))) return
    await lower(pid)
    const parent = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ')[1]!
    const children = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8')
    for (const id of children.trim().split(' ').map(Number))
      if (!done.has(id) && new RegExp(`parallel worker for PID ${pid}\\b`).test(await title(id))) await lower(id)
  }
  const timer =
    process.platform === 'linux' && connection.stream.localPort
      ? setInterval(() => void turn().catch(() => {}), EVERY_MS).unref()
      : undefined
  return {
    stop() {
      clearInterval(timer)
      return lowered
    },
  }
}

const title = (pid: number) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')

/** Ledger records a second from which on somebody is being served rather than passing by. */
const SERVED = 10
/** What work may go through in a second while others are served. */
const BYTES_A_SECOND = 8 * 1024 * 1024

export type Pace = {
  /** Whether others are being served just now: what cannot rest in between had better take one processor. */
  readonly served: boolean
  /** To be called after each piece of this size: waits for its turn while others are served, else returns at once. */
  rest(bytes: number): Promise<void>
  stop(): void
}

/**
 * For work on many rows that shares disk and processor with those who ask for data: as long as the ledger grows (every answer stands in
 * it, whichever process gave it) the work goes on at a steady slow pace. When nobody asks it goes on at full speed.
 */
export function paced(pool: pg.Pool): Pace {
  let served = false
  let due = 0
  let before: number | undefined
  const look = () =>
    pool.query<{ seq: number | null }>('select first_seq + count as seq from audit.block order by height desc limit 1').then(
      ({ rows }) => {
        const seq = rows[0]?.seq ?? 0
        served = before !== undefined && seq - before > (SERVED * EVERY_MS) / 1000
        before = seq
      },
      () => {},
    )
  const timer = setInterval(() => void look(), EVERY_MS).unref()
  return {
    get served() {
      return served
    },
    async rest(bytes) {
      const now = performance.now()
      if (!served || due < now) due = now
      due += (bytes / BYTES_A_SECOND) * 1000
      if (served) await sleep(due - now)
    },
    stop: () => clearInterval(timer),
  }
}

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type pg from 'pg'
import { addDays, dayOf } from '../../platform/clock.ts'
import type { Services } from '../../platform/context.ts'

const minute = 60_000
/** A gap of more than this between two looks counts as an outage; one look a minute is meant. */
const tolerance = 3 * minute
const shown = 30

const version = (): string =>
  (JSON.parse(readFileSync(resolve(import.meta.dirname, '../../../package.json'), 'utf8')) as { version: string }).version

type Part = { name: string; ok: boolean }

/** Looks whether the parts that serve open data answer. */
async function lookAround(pool: pg.Pool): Promise<Part[]> {
  const look = async (name: string, text: string) => ({
    name,
    ok: await pool.query(text).then(
      () => true,
      () => false,
    ),
  })
  return [
    await look('目录与清单', 'select 1 from opening.listing limit 1'),
    await look('数据与接口', 'select 1 from aggregation.mount_view limit 1'),
    await look('留痕账本', 'select 1 from audit.entry_view limit 1'),
  ]
}

/** Writes down what was found; every minute. */
export async function probe({ pool, clock }: Services): Promise<void> {
  const now = clock()
  const parts = await lookAround(pool)
  await pool.query('insert into opening.probe (at, ok, parts) values ($1, $2, $3) on conflict do nothing', [
    now,
    parts.every(p => p.ok),
    JSON.stringify(parts),
  ])
  await pool.query('insert into opening.release (version, since, notes) values ($1, $2, $3) on conflict do nothing', [version(), now, ''])
}

type Probe = { at: Date; ok: boolean; parts: Part[] }
export type Outage = { from: Date; to: Date | null }

/** Stretches without a good look: from a failed look, or from the last good one when none followed in time, to the next good one. Pure. */
export function outagesOf(probes: Pick<Probe, 'at' | 'ok'>[], now: Date): Outage[] {
  const outages: Outage[] = []
  let lastGood: Date | null = null
  let downSince: Date | null = null
  for (const p of probes) {
    const before = lastGood && p.at.getTime() - lastGood.getTime() > tolerance ? lastGood : null
    downSince ??= before
    if (p.ok) {
      if (downSince) outages.push({ from: downSince, to: p.at })
      downSince = null
      lastGood = p.at
    } else downSince ??= p.at
  }
  if (lastGood && now.getTime() - lastGood.getTime() > tolerance) downSince ??= lastGood
  if (downSince) outages.push({ from: downSince, to: null })
  return outages
}

/** Share of a day that was up, of the part of it that was watched. */
function availabilityOf(day: string, first: Date, outages: Outage[], now: Date): { availability: number | null; minutesDown: number } {
  const start = Math.max(Date.parse(`${day}T00:00:00+08:00`), first.getTime())
  const end = Math.min(Date.parse(`${addDays(day, 1)}T00:00:00+08:00`), now.getTime())
  if (end <= start) return { availability: null, minutesDown: 0 }
  const down = outages.reduce((sum, o) => {
    const from = Math.max(o.from.getTime(), start)
    const to = Math.min((o.to ?? now).getTime(), end)
    return sum + Math.max(0, to - from)
  }, 0)
  return { availability: Math.round((10_000 * (end - start - down)) / (end - start)) / 10_000, minutesDown: Math.round(down / minute) }
}

/** What anyone may know about how the portal has been running. Not looked at is not the same as up. */
export async function statusOf(pool: pg.Pool, now: Date) {
  const since = new Date(now.getTime() - shown * 86_400_000)
  const { rows } = await pool.query<Probe>('select at, ok, parts from opening.probe where at >= $1 and at <= $2 order by at', [since, now])
  const outages = outagesOf(rows, now)
  const last = rows.at(-1)
  // What fails right now is not available, whatever the last look wrote down; what works right now is not yet proof that it did.
  const present = await lookAround(pool)
  const failing = present.some(p => !p.ok)
  if (last && failing && outages.at(-1)?.to !== null) outages.push({ from: now, to: null })
  const state = failing || outages.at(-1)?.to === null ? ('degraded' as const) : last ? ('up' as const) : ('unknown' as const)
  const first = rows[0]?.at ?? now
  const { rows: versions } = await pool.query<{ version: string; since: Date; notes: string }>(
    'select version, since, notes from opening.release order by since desc',
  )
  return {
    state,
    stateLabel: { up: '正常', degraded: '中断或部分中断', unknown: '没有测到' }[state],
    // Without a recent look nothing may be called available.
    parts: (last?.parts ?? []).map(p => ({
      ...p,
      ok: p.ok && now.getTime() - last!.at.getTime() <= tolerance && !present.some(x => x.name === p.name && !x.ok),
    })),
    days: Array.from({ length: shown }, (_, i) => addDays(dayOf(now), i - shown + 1)).map(day => ({
      day,
      ...availabilityOf(day, first, outages, now),
    })),
    outages: outages.map(o => ({
      from: o.from.toISOString(),
      to: o.to?.toISOString() ?? null,
      minutes: Math.round(((o.to ?? now).getTime() - o.from.getTime()) / minute),
    })),
    versions: versions.map(v => ({ ...v, since: v.since.toISOString() })),
  }
}

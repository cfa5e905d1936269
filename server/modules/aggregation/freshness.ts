import { sql } from 'kysely'
import { dayOf } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { type PublishedEntry, publishedEntry } from '../catalog/public.ts'
import { fulfilDuties, openDuty } from '../procedure/public.ts'
import { govern } from '../regulation/public.ts'
import { intervalOf, promiseOf } from './promises.ts'
import type { SourceRecord } from './queries.ts'

const DAY = 24 * 60
const name = 'data-delivery'
const href = (sourceId: string) => `/workbench/sources/${sourceId}`

/** Long cycles are announced this many minutes ahead; short ones would only fill the book, so theirs opens when it is missed. */
const ahead = (interval: number): number => (interval >= 7 * DAY ? Math.min(3 * DAY, interval / 5) : 0)

/**
 * The moment the next delivery of a source is due, and from when it stands in the book of duties. Pure.
 * `last`: the last delivery, or when the source was set up; `interval` and `tolerance` in minutes.
 */
export function dueOf(last: Date, interval: number, tolerance: number): { due: Date; from: Date } {
  const due = new Date(last.getTime() + interval * 60_000)
  const lead = ahead(interval)
  return { due, from: new Date(due.getTime() + (lead ? -lead : tolerance) * 60_000) }
}

type Watched = SourceRecord & { last: Date }
/** Opens a duty for every active source whose next delivery is due soon or was missed. */
export async function watchFreshness(ctx: Context): Promise<void> {
  const { rows } = await sql<Watched>`
    select s.*, coalesce(case when s.mode = 'capture' then s.contact end, b.last, s.created) as last
    from aggregation.source s
    left join lateral (select max(finished) as last from aggregation.batch b where b.source_id = s.id and b.state = 'done') b on true
    where s.active and s.owed is null and cardinality(s.keys) > 0`.execute(ctx.db)
  for (const source of rows) {
    const entry = await publishedEntry(ctx.db, { id: source.entry_id })
    if (entry?.state !== 'published') continue
    const interval = intervalOf(source.cadence, entry.content.updateCycle)
    if (interval === null) continue
    const { due, from } = dueOf(source.last, interval, govern(entry.region, 'real-time', ctx.day).value.within)
    if (from <= ctx.now) await ctx.db.transaction().execute(tx => owe(tx, ctx, source, entry, dayOf(due)))
  }
}

async function owe(tx: Tx, ctx: Context, source: SourceRecord, entry: PublishedEntry, due: string): Promise<void> {
  const { numAffectedRows } = await sql`update aggregation.source set owed = ${due} where id = ${source.id} and owed is null`.execute(tx)
  if (!numAffectedRows) return
  const promise = await promiseOf(tx, entry, source, ctx.day)
  await openDuty(tx, {
    name,
    what: '按周期汇聚',
    debtorId: entry.department_id,
    debtor: entry.department,
    role: 'provider',
    title: `${entry.title}：${promise.label}，应在 ${due} 前送到`,
    href: href(source.id),
    day: due < ctx.day ? due : ctx.day,
    within: { days: null, word: null },
    set: due,
    // The department registered this cycle itself: a date it owes, not a reminder of ours.
    origin: 'law',
    cite: promise.cite,
  })
}

/** After a delivery: one in time ends what was owed; one that came late stands in the book until the next comes in time. */
export async function noteArrival(
  tx: Tx,
  ctx: Context,
  source: SourceRecord,
  entry: PublishedEntry,
  late: { produced: Date; interval: number } | null,
): Promise<void> {
  if (late) return owe(tx, ctx, source, entry, dayOf(new Date(late.produced.getTime() + late.interval * 60_000)))
  const { rows } = await sql`update aggregation.source set owed = null where id = ${source.id} and owed is not null returning id`.execute(
    tx,
  )
  if (rows.length) await fulfilDuties(tx, { name, href: href(source.id) }, ctx.day)
}

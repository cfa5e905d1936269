import { sql } from 'kysely'
import { dayOf } from '../../../platform/clock.ts'
import type { Context } from '../../../platform/context.ts'
import type { Tx } from '../../../platform/db.ts'
import { newId } from '../../../platform/id.ts'
import { record } from '../../audit/public.ts'
import { noteMount } from '../../catalog/public.ts'
import { shape } from '../load.ts'
import { tableName } from '../rules.ts'
import { buildBase, buildTheme, type Changes, indexOf, rowsOf, runner } from './build.ts'
import { faultsOf } from './declare.ts'
import { basePlan, type Derived, derivedById, partsOf, themePlan } from './queries.ts'
import { identifierOf, printOf, themeEntries } from './rules.ts'

/** Told of every batch (or approved case) that changed an entry, in its transaction: databases made of it are refreshed. */
export async function noteChange(tx: Tx, ctx: Pick<Context, 'jobs'>, entryId: string, batchId: string): Promise<void> {
  const { rows } = await sql<{ id: string }>`insert into aggregation.derived_change (derived_id, entry_id, batch_id)
    select derived_id, entry_id, ${batchId}::uuid from aggregation.derived_source where entry_id = ${entryId} returning derived_id as id`.execute(
    tx,
  )
  for (const { id } of rows) await ctx.jobs.enqueue(tx, 'aggregation.refresh', { id })
}

/** The declaration does not hold any more: nothing is made until somebody has put it right. */
class Blocked extends Error {}

/** Takes up what has changed since the last time; everything, where the declaration or the shape of an entry is another. */
export async function refresh(ctx: Context, id: string): Promise<void> {
  try {
    await ctx.db.transaction().execute(tx => refreshOnce(tx, ctx, id))
  } catch (error) {
    const trouble = error instanceof Blocked ? error.message : '刷新没有完成，系统稍后会再试；仍不行请告诉平台管理员。'
    await sql`update aggregation.derived set trouble = ${trouble} where id = ${id}`.execute(ctx.db)
    if (!(error instanceof Blocked)) throw error
  }
}

async function refreshOnce(tx: Tx, ctx: Context, id: string): Promise<void> {
  const started = ctx.clock()
  // One after another: the next one finds what came meanwhile.
  await sql`select pg_advisory_xact_lock(hashtextextended(${id}, 8))`.execute(tx)
  const d = await derivedById(tx, id)
  if (!d?.plan || !d.entry_id) return
  const { rows: pending } = await sql<{ entry_id: string; batch_id: string }>`
    delete from aggregation.derived_change where derived_id = ${id} returning entry_id, batch_id`.execute(tx)
  const entries = entriesOf(d)
  const parts = await partsOf(tx, [...entries, d.entry_id])
  const target = parts.get(d.entry_id)
  const faults = target ? await faultsOf(tx, d, d.plan, target, parts, dayOf(started)) : []
  if (!target || faults.length)
    throw new Blocked(`不能刷新：${faults[0]?.message ?? '存放结果的目录找不到了。'}${faults[0]?.remedy ?? '请重新选择目录。'}`)
  const built = printOf(d.plan, target, parts)
  const full = d.stale || d.built !== built
  if (!full && !pending.length) return
  const changes: Changes = new Map()
  for (const { entry_id, batch_id } of pending) {
    const place = entries.indexOf(entry_id) + 1
    if (place) changes.set(place, [...(changes.get(place) ?? []), batch_id])
  }

  const mounts = new Map(
    (
      await sql<{ entry_id: string; relation: string; rows: number }>`
        select entry_id, relation, rows from aggregation.mount where entry_id = any(${[...entries, d.entry_id]}::uuid[])`.execute(tx)
    ).rows.map(m => [m.entry_id, m]),
  )
  const refreshId = newId()
  const w = {
    tx,
    id: refreshId,
    now: started,
    target,
    parts,
    mounts: new Map([...mounts].filter(([entry]) => entry !== d.entry_id).map(([entry, m]) => [entry, m.relation])),
  }
  const relation = `pool.e_${tableName(d.entry_id)}`
  const run = runner(tx)
  const [there] = await rowsOf<{ is: boolean }>(tx, 'select to_regclass($1) is not null as is', [relation])
  const client = { query: async (text: string, values?: unknown[]) => ({ rows: await rowsOf<any>(tx, text, values) }) }
  const columns = await shape(
    client as never,
    relation,
    relation.replace('e_', 'h_'),
    target.content.items.filter(i => i.name),
    !there!.is,
  )
  if (!there!.is) await run(`alter table ${relation} add primary key (_key)`)
  const base = basePlan(d)
  const theme = themePlan(d)
  if (theme || base?.subject === 'organisation') await run(indexOf(theme ? 'theme' : 'organisation', d.entry_id))
  const counts = base ? await buildBase(w, base, full ? undefined : changes) : await buildTheme(w, theme!, full ? undefined : changes)

  const finished = ctx.clock()
  const rows = (mounts.get(d.entry_id)?.rows ?? 0) + counts.added - counts.removed
  const keys = base ? [identifierOf(target.content, base.subject)!.key] : []
  const batches = [...new Set(pending.map(p => p.batch_id))]
  const { rows: made } = await sql<{ no: number }>`
    insert into aggregation.refresh (id, derived_id, no, "full", batches, touched, added, changed, removed, started, finished)
    values (${refreshId}, ${id}, (select coalesce(max(no), 0) + 1 from aggregation.refresh where derived_id = ${id}), ${full}, ${batches}::uuid[],
      ${counts.touched}, ${counts.added}, ${counts.changed}, ${counts.removed}, ${started}, ${finished}) returning no`.execute(tx)
  await sql`update aggregation.derived set refreshed = ${finished}, built = ${built}, stale = version <> ${d.version}, trouble = null where id = ${id}`.execute(
    tx,
  )
  await sql`insert into aggregation.mount (entry_id, relation, columns, keys, rows, updated, batch_id)
    values (${d.entry_id}, ${relation}, ${columns}, ${keys}, ${rows}, ${finished}, ${refreshId})
    on conflict (entry_id) do update set relation = excluded.relation, columns = excluded.columns, keys = excluded.keys, rows = excluded.rows,
      updated = excluded.updated, batch_id = excluded.batch_id`.execute(tx)
  await noteMount(tx, d.entry_id, { rows, updated: finished })
  if (counts.added + counts.changed + counts.removed) await noteChange(tx, ctx, d.entry_id, refreshId)
  await record(tx, ctx, {
    action: 'base.refresh',
    subject: target.code,
    content: entries.map(e => parts.get(e)!.code).join('、'),
    data: { database: d.title, no: made[0]!.no, full, batches, ...counts },
  })
  if (base) await ctx.jobs.enqueue(tx, 'aggregation.conflicts', { id })
}

export const entriesOf = (d: Pick<Derived, 'kind' | 'plan'>): string[] => {
  const theme = themePlan(d)
  return theme ? themeEntries(theme) : (basePlan(d)?.sources.map(s => s.entryId) ?? [])
}

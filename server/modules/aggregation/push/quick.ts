import { readFile } from 'node:fs/promises'
import type pg from 'pg'
import { applier, type Counts, nothing, type Plan, prepared } from '../capture/apply.ts'
import type { Change } from '../capture/types.ts'
import type { Outcome } from '../load.ts'
import { parseRecords } from '../reading/csv.ts'
import { tableName } from '../rules.ts'
import { fieldsOf, type Survey } from './body.ts'

/** Up to here a push is brought in as a handful of changes: no staging table, no look at the rest of the entry. */
export const QUICK_BYTES = 256 * 1024
const QUICK_ROWS = 1000

type Pushed = { client: pg.PoolClient; plan: Plan; batchId: string; now: Date; names: string[] }

/**
 * A small push in one statement, inside the caller's transaction. Undefined where that would not come to the same as a load: a key
 * that comes twice, a line of another width, more rejects than may be. Nothing is kept of it then.
 */
export async function quick(p: Pushed, o: { path: string; most: number }): Promise<Outcome | undefined> {
  const { rows } = parseRecords(await readFile(o.path, 'utf8'), ',')
  const records = rows.slice(1)
  const keys = p.plan.keys.map(k => p.plan.wiring.find(w => w.item.key === k)!.index)
  if (records.length > QUICK_ROWS || records.some(r => r.length !== p.names.length)) return undefined
  if (new Set(records.map(r => JSON.stringify(keys.map(k => r[k])))).size !== records.length) return undefined
  const { client } = p
  await client.query('savepoint push')
  const poolColumns = await open(p)
  const counts = nothing()
  await applier(p.plan, poolColumns)(
    client,
    records.map(row => ({ op: 'put', row }) satisfies Change),
    { batchId: p.batchId, now: p.now, line: 1 },
    counts,
  )
  if (counts.rejected > o.most * counts.read) {
    await client.query('rollback to savepoint push')
    return undefined
  }
  const relation = `pool.e_${tableName(p.plan.entryId)}`
  return add({ ...zero, relation, poolColumns }, counts)
}
const zero = {
  held: false,
  waiting: 0,
  vanishing: 0,
  kept: 0,
  read: 0,
  accepted: 0,
  changed: 0,
  unchanged: 0,
  rejected: 0,
  removed: 0,
  rowsAdded: 0,
}

async function open(p: Pushed): Promise<string[]> {
  await p.client.query(`select pg_advisory_xact_lock(hashtextextended($1, 7))`, [tableName(p.plan.entryId)])
  return prepared(p.client, p.plan)
}

/** The deletions a push asks for, where its source may: after everything it writes. One of a record that is not there changes nothing. */
export async function remove(p: Pushed, deletions: Survey['deletions'], done: Outcome): Promise<Outcome> {
  const poolColumns = await open(p)
  const counts = nothing()
  const changes = deletions.map(({ raw }): Change => {
    const given = fieldsOf(raw)
    const row: (string | null)[] = p.names.map(() => null)
    for (const { index, item } of p.plan.wiring) row[index] = given[p.names[index]!] ?? given[item.name] ?? given[item.key] ?? null
    return { op: 'delete', row }
  })
  await applier(p.plan, poolColumns)(p.client, changes, { batchId: p.batchId, now: p.now, line: done.read }, counts)
  return add(done, counts)
}

const add = (done: Outcome, c: Counts): Outcome => ({
  ...done,
  read: done.read + c.read,
  accepted: done.accepted + c.accepted,
  changed: done.changed + c.changed,
  unchanged: done.unchanged + c.unchanged,
  rejected: done.rejected + c.rejected,
  removed: done.removed + c.removed,
  kept: done.kept + c.kept,
  rowsAdded: done.rowsAdded + c.added,
})

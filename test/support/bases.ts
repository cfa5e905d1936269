import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type * as aggregation from '../../contract/aggregation.ts'
import * as contract from '../../contract/bases.ts'
import { EntryContent, type Item } from '../../contract/catalog.ts'
import { tableName } from '../../server/modules/aggregation/rules.ts'
import { idCheck } from '../../server/modules/quality/public.ts'
import { newId } from '../../server/platform/id.ts'
import { deliver } from './batches.ts'
import { aWorld, type Person, type World } from './world.ts'

// ── a city with its authority and three departments that each know something about the same people ──
export const region = '350100'
export async function setUp(t: TestContext) {
  const world = await aWorld(t, { day: '2026-05-21' })
  const people: Record<string, Person> = {}
  for (const [name, roles] of [
    ['大数据委', ['authority']],
    ['公安局', []],
    ['民政局', []],
    ['卫健委', []],
  ] as const) {
    await world.department({ region, name, roles: [...roles] })
    people[name] = await world.person({ department: name, roles: ['steward', 'bureau'] })
  }
  return { world, builder: people.大数据委!, police: people.公安局!, civil: people.民政局!, health: people.卫健委! }
}
let serial = 0
export type Entry = { id: string; code: string; keys: string[] }
export async function anEntry(world: World, by: Person, title: string, items: Partial<Item>[], more: object = {}): Promise<Entry> {
  const { pool } = world.app.services
  const id = newId()
  const code = `307013${region}001/${String(++serial).padStart(6, '0')}`
  const content = EntryContent.parse({
    title,
    kind: 3,
    shareClass: 'conditional',
    updateCycle: 'monthly',
    items: items.map((item, i) => ({ key: `c${i + 1}`, type: 'C', length: 100, ...item })),
    ...more,
  })
  await pool.query('insert into catalog.entry (id, code, region, department_id, published, created_by) values ($1, $2, $3, $4, 1, $4)', [
    id,
    code,
    region,
    by.departmentId,
  ])
  await pool.query(
    `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved, published) values ($1, 1, 'published', $2, 'x', 'test', now(), now())`,
    [id, JSON.stringify(content)],
  )
  return { id, code, keys: content.items.map(i => i.key) }
}
export const identity = { name: '公民身份号码', semantic: 'id-number', identifier: true, required: true, length: 18 } as const
export const idNumber = (n: number): string => {
  const body = `35010019000101${String(n).padStart(3, '0')}`
  return body + idCheck(body)
}
export const load = async (by: Person, entry: Entry, csv: string, source?: aggregation.Source) => {
  const { batch, ...more } = await deliver(by, entry, csv, { keys: ['c1'], ...(source && { source }) })
  assert.equal(batch.state, 'done', JSON.stringify(batch.messages))
  return { batch, ...more }
}
/** Until nothing is waiting, the jobs of the process do their work. */
export async function settled(world: World, by: Person, id: string): Promise<contract.DatabaseDetail> {
  for (let i = 0; i < 300; i++) {
    const { rows } = await world.app.services.pool.query('select stale, trouble from aggregation.derived where id = $1', [id])
    const d = await by.ok(contract.database, { params: { id } })
    if (rows[0].trouble || (!d.waiting && !rows[0].stale)) return d
    await sleep(50)
  }
  throw new Error('not refreshed')
}
export const content = async (world: World, entry: Entry) =>
  (
    await world.app.services.pool.query(
      `select _key, ${entry.keys.map(k => `${k}::text`).join(', ')} from pool.e_${tableName(entry.id)} order by _key`,
    )
  ).rows

/** Rows of a source change the way a batch changes them: pool, history and the word to those it concerns, in one transaction. */
export async function change(world: World, entry: Entry, rows: (string | null)[][], gone: string | null): Promise<void> {
  const { pool } = world.app.services
  const batch = newId()
  const [e, h] = [`pool.e_${tableName(entry.id)}`, `pool.h_${tableName(entry.id)}`]
  const list = entry.keys.join(', ')
  const away = (where: string, values: unknown[]) =>
    pool.query(
      `with old as (delete from ${e} where ${where} returning *) insert into ${h} (_key, ${list}, _batch, _updated, _replaced_by, _replaced)
       select _key, ${list}, _batch, _updated, $${values.length + 1}::uuid, clock_timestamp() from old`,
      [...values, batch],
    )
  await away('_key = any($1)', [[...rows.map(r => r[0]), ...(gone ? [gone] : [])]])
  for (const row of rows)
    await pool.query(
      `insert into ${e} (_key, ${list}, _hash, _batch, _updated) values ($1, ${row.map((_, i) => `$${i + 1}`).join(', ')}, 0, $${row.length + 1}, clock_timestamp())`,
      [...row, batch],
    )
  await pool.query(
    `insert into aggregation.derived_change (derived_id, entry_id, batch_id) select derived_id, entry_id, $2 from aggregation.derived_source where entry_id = $1`,
    [entry.id, batch],
  )
}

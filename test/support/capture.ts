import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import * as aggregation from '../../contract/aggregation.ts'
import type { Item } from '../../contract/catalog.ts'
import { createSystem } from '../../contract/organization.ts'
import { newId } from '../../server/platform/id.ts'
import type { Person, World } from './world.ts'

/** Waits until it holds; the last failure is the one reported. */
export async function until(what: () => Promise<void>, ms = 12_000): Promise<void> {
  const end = Date.now() + ms
  for (;;) {
    try {
      return await what()
    } catch (error) {
      if (Date.now() > end) throw error
      await sleep(50)
    }
  }
}

let serial = 0
/** A published entry of a department in 永泰 with these items, and its steward. */
export async function aCapturedEntry(world: World, items: Partial<Item>[]) {
  const name = `永泰县民政局${++serial}`
  const departmentId = await world.department({ region: '350125', name })
  const steward = await world.person({ department: name, roles: ['steward'] })
  const { pool } = world.app.services
  const entryId = newId()
  const content = {
    title: '城乡低保对象信息',
    items: items.map((item, i) => ({ key: `c${i + 1}`, description: '', identifier: false, required: false, ...item })),
  }
  await pool.query(
    `insert into catalog.entry (id, code, region, department_id, published, created_by) values ($1, $2, '350125', $3, 1, $1)`,
    [entryId, `307013350125001/${String(900000 + serial)}`, departmentId],
  )
  await pool.query(
    `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved) values ($1, 1, 'published', $2, 'x', 'x', now())`,
    [entryId, JSON.stringify(content)],
  )
  return { entryId, steward, departmentId }
}

/** A source of the entry that is captured live: columns by name to the items in their order. */
export async function captured(
  world: World,
  steward: Person,
  entryId: string,
  connection: object,
  columns: string[],
  o: { keys?: string[]; deletes?: 'keep' | 'follow' } = {},
): Promise<aggregation.Source> {
  const systemId = (await steward.ok(createSystem, { body: { name: '民政业务系统' } })).id
  const source = await steward.ok(aggregation.createSource, {
    body: {
      entryId,
      kind: (connection as { kind: 'postgres' }).kind,
      connection,
      systemId,
      threshold: 1,
      follow: { mode: 'capture', cursor: null, schedule: null, deletes: 'keep' },
    },
  })
  // As after an approved order, which is a test of its own.
  if (o.deletes === 'follow')
    await world.app.services.pool.query(`update aggregation.source set deletes = 'follow' where id = $1`, [source.id])
  return steward.ok(aggregation.saveMapping, {
    params: { id: source.id },
    body: { mapping: columns.map((c, i) => ({ source: c, item: `c${i + 1}` })), keys: o.keys ?? ['c1'], threshold: 1, options: {} },
  })
}

/** The rows of an entry, as text; [] before there is a table. */
export async function poolOf(world: World, entryId: string, columns: string): Promise<unknown[][]> {
  const { rows } = await world.app.services.pool.query<{ relation: string }>(
    'select relation from aggregation.mount_view where entry_id = $1',
    [entryId],
  )
  if (!rows[0]) return []
  const list = columns.split(',').map(c => `${c}::text`)
  const found = await world.app.services.pool.query({ text: `select ${list} from ${rows[0].relation} order by _key`, rowMode: 'array' })
  return found.rows
}
export const sourceOf = (steward: Person, id: string) => steward.ok(aggregation.source, { params: { id } })

/** Live batches of a source: they balance, and say how many changes came. */
export async function liveCounts(world: World, sourceId: string) {
  const { rows } = await world.app.services.pool.query(
    `select coalesce(sum(read), 0)::int as read, coalesce(sum(accepted), 0)::int as accepted, coalesce(sum(changed), 0)::int as changed,
       coalesce(sum(unchanged), 0)::int as unchanged, coalesce(sum(rejected), 0)::int as rejected, coalesce(sum(removed), 0)::int as removed
     from aggregation.batch where source_id = $1 and name like '实时%'`,
    [sourceId],
  )
  assert.equal(rows[0].read, rows[0].accepted + rows[0].unchanged + rows[0].rejected)
  return rows[0] as Record<'read' | 'accepted' | 'changed' | 'unchanged' | 'rejected' | 'removed', number>
}

import type pg from 'pg'
import { EntryContent } from '../../contract/catalog.ts'
import { newId } from '../../server/platform/id.ts'

export type FilledEntry = { id: string; code: string; path: string; relation: string }

/**
 * A published entry with data, put straight into the tables: for tests and measurements of what comes after registration and
 * aggregation. `pool` runs as the application, which owns the pool tables.
 */
export async function aFilledEntry(
  pool: pg.Pool,
  e: { department: string; region: string; code: string; content: unknown; rows: (string | null)[][] },
): Promise<FilledEntry> {
  const id = newId()
  const content = EntryContent.parse(e.content)
  const relation = `pool.e_${id.replaceAll('-', '')}`
  await pool.query('insert into catalog.entry (id, code, region, department_id, published, created_by) values ($1, $2, $3, $4, 1, $4)', [
    id,
    e.code,
    e.region,
    e.department,
  ])
  await pool.query(
    `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved, published)
     values ($1, 1, 'published', $2, 'x', 'test', now(), now())`,
    [id, JSON.stringify(content)],
  )
  const types: Record<string, string> = { N: 'numeric', Y: 'numeric', I: 'bigint', D: 'date', T: 'timestamp', L: 'boolean' }
  const columns = content.items.map(i => `${i.key} ${types[i.type ?? 'C'] ?? 'text'}`)
  await pool.query(`create table ${relation} (_key text primary key, _hash text, _batch uuid, _updated timestamptz, ${columns.join(', ')})`)
  await refill(
    pool,
    { id, relation },
    content.items.map(i => i.key),
    e.rows,
  )
  return { id, code: e.code, path: e.code.replace('/', '-'), relation }
}

/** Replaces the rows, as another batch would. The first column is the key. */
export async function refill(
  pool: pg.Pool,
  entry: { id: string; relation: string },
  keys: string[],
  rows: (string | null)[][],
): Promise<void> {
  const batch = newId()
  const source = newId()
  await pool.query(
    `insert into aggregation.source (id, entry_id, department_id, kind, name, created, created_by) values ($1, $2, $2, 'file', 'test', now(), 'test')`,
    [source, entry.id],
  )
  await pool.query(
    `insert into aggregation.batch (id, no, source_id, entry_id, name, state, threshold, actor, created) values ($1::uuid, $1::text, $2, $3, 'test', 'done', 0, '{}', now())`,
    [batch, source, entry.id],
  )
  await pool.query(`delete from ${entry.relation}`)
  await pool.query(
    `insert into ${entry.relation} (_key, _batch, _updated, ${keys.join(', ')})
     select r.c1::text, $2::uuid, now(), r.* from jsonb_populate_recordset(null::${entry.relation}, $1::jsonb) t,
     lateral (select ${keys.map(k => `t.${k}`).join(', ')}) r`,
    [JSON.stringify(rows.map(row => Object.fromEntries(keys.map((k, i) => [k, row[i] ?? null])))), batch],
  )
  await pool.query(
    `insert into aggregation.mount (entry_id, relation, columns, keys, rows, updated, batch_id) values ($1, $2, $3, $4, $5, clock_timestamp(), $6)
     on conflict (entry_id) do update set rows = excluded.rows, updated = excluded.updated, batch_id = excluded.batch_id`,
    [entry.id, entry.relation, keys, keys.slice(0, 1), rows.length, batch],
  )
}

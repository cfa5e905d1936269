import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { Item } from '../../../../contract/catalog.ts'
import { trimmed } from '../../../platform/text.ts'
import type { RejectRule } from '../../quality/public.ts'
import { shape, sqlOf } from '../load.ts'
import { noteKeys, type Order, spokenOf } from '../order.ts'
import { copyFields } from '../reading/csv.ts'
import { rowHash } from '../reading/hash.ts'
import { tableName, type Wiring } from '../rules.ts'
import type { Change, Value } from './types.ts'

/** How the changes of one source become rows of its entry. */
export type Plan = {
  sourceId: string
  entryId: string
  items: Item[]
  /** By place in the rows that come. */
  wiring: Wiring
  keys: string[]
  columns: number
  unidentified: string | null
  rules: RejectRule[]
  seed: number
  deletes: 'keep' | 'follow'
  today: string
  order?: Order
}
export type Counts = {
  read: number
  accepted: number
  changed: number
  unchanged: number
  rejected: number
  removed: number
  /** What a later delivery has spoken of already and stays; counted as unchanged. */
  kept: number
  /** Rows the entry has more than before. */
  added: number
}
export const nothing = (): Counts => ({ read: 0, accepted: 0, changed: 0, unchanged: 0, rejected: 0, removed: 0, kept: 0, added: 0 })

/** The pool table as the published version wants it; there before the first change. */
export async function prepared(client: pg.PoolClient, plan: Pick<Plan, 'entryId' | 'items'>): Promise<string[]> {
  const table = tableName(plan.entryId)
  const { rows } = await client.query<{ there: string | null }>('select to_regclass($1) as there', [`pool.e_${table}`])
  const columns = await shape(client, `pool.e_${table}`, `pool.h_${table}`, plan.items, !rows[0]!.there)
  if (!rows[0]!.there) await client.query(`alter table pool.e_${table} add primary key (_key)`)
  return columns
}

/**
 * Changes as statements on the caller's transaction: checked as a file's rows are, older values into the history, rows that are wrong
 * into the rejects of the batch. Among the changes of one call the last of a key counts. One statement, prepared once: no staging table,
 * since making and dropping one costs more than a handful of rows.
 */
export function applier(plan: Plan, poolColumns: string[]) {
  const q = sqlOf({
    ...plan,
    table: tableName(plan.entryId),
    batchId: plan.sourceId,
    short: '',
    threshold: 1,
    released: true,
    hold: false,
    now: new Date(0),
  })
  const { relation, history, wires, checks, keyWires, columns } = q
  const fields = Array.from({ length: plan.columns }, (_, i) => `s${i + 1}`)
  const [now, batch, base] = ['$1::timestamptz', '$2::uuid', '$3::bigint']
  const differs = (a: string, b: string) =>
    `(${columns.map(c => `${a}.${c}`).join(', ')}) is distinct from (${columns.map(c => `${b}.${c}`).join(', ')})`
  const old = `p._key, ${poolColumns.map(c => `p.${c}`).join(', ')}, p._batch, p._updated, ${batch}, ${now}`
  const into = `insert into ${history} (_key, ${poolColumns.join(', ')}, _batch, _updated, _replaced_by, _replaced)`
  const firstFault = `case ${checks.map((w, i) => `when (${w.fault}) is not null then ${i + 1}`).join(' ')} else 0 end`
  const noKey = `coalesce(${keyWires.map(w => w.fault).join(', ')}) is not null`
  const array = (parts: string[]) => `array[${parts.join(', ')}]::text[]`
  const own = `(select id from aggregation.batch where source_id = '${plan.sourceId}'::uuid)`
  const follow = plan.deletes === 'follow'
  const removal = follow
    ? `archived as (${into} select ${old} from ${relation} p join gone on gone._key = p._key),
       dropped as (delete from ${relation} p using gone where p._key = gone._key returning 1),`
    : `kept as (insert into aggregation.gone (entry_id, key, source_id, at)
         select '${plan.entryId}'::uuid, _key, '${plan.sourceId}'::uuid, ${now} from gone where exists (select from ${relation} p where p._key = gone._key)
         on conflict (entry_id, key) do nothing),`
  const source = { sourceId: plan.sourceId, batch }
  const overtaken = plan.order?.overtaken
  const late = overtaken ? `late as materialized (select _key from good where ${spokenOf({ ...source, key: '_key' })}),` : ''
  const still = overtaken ? 'and _key not in (select _key from late)' : ''
  const noted = plan.order?.noted ? `noted as (${noteKeys({ ...source, keys: 'select _key as k from good' })}),` : ''
  const text = `
    with s as materialized (select * from unnest($4::int[], $5::bool[], $6::bigint[], ${fields.map((_, i) => `$${i + 7}::text[]`).join(', ')}) as s(n, gone, hash, ${fields.join(', ')})),
    judged as materialized (select s.*, case when s.gone then case when ${noKey} then -1 else 0 end else ${firstFault} end as place from s),
    good as materialized (
      select distinct on (_key) * from (select n, gone, hash, ${q.key} as _key from judged s where place = 0 offset 0) k order by _key, n desc),
    ${late}
    gone as materialized (select _key from good where gone ${still}),
    put as materialized (select g._key, g.hash as _hash, ${wires.map(w => `${w.value} as ${w.item.key}`).join(', ')} from good g join judged s on s.n = g.n where not g.gone ${still}),
    ${noted}
    replaced as (${into} select ${old} from ${relation} p join put g on g._key = p._key where ${differs('p', 'g')} returning 1),
    written as (insert into ${relation} as p (_key, ${columns.join(', ')}, _hash, _batch, _updated)
      select _key, ${columns.join(', ')}, _hash, ${batch}, ${now} from put
      on conflict (_key) do update set ${columns.map(c => `${c} = excluded.${c}`).join(', ')}, _hash = excluded._hash, _batch = excluded._batch, _updated = excluded._updated
      where ${differs('p', 'excluded')} returning 1),
    ${removal}
    back as (delete from aggregation.gone g using put r where g.entry_id = '${plan.entryId}'::uuid and g.key = r._key),
    bad as (insert into aggregation.reject (batch_id, line, item, rule, value, row)
      select ${batch}, ${base} + s.n, nullif((${array(checks.map(w => `'${w.item.key}'`))})[f.place], ''), f.rule, f.value,
        case when f.place = s.place then to_jsonb(array[${fields.map(f => `s.${f}`).join(', ')}]) end
      from judged s cross join lateral unnest(${array(checks.map(w => w.fault))}, ${array(checks.map(w => w.column))}) with ordinality f(rule, value, place)
      where s.place > 0 and f.rule is not null)
    select (select count(*) from judged where place > 0)::int as rejected, (select count(*) from written)::int as written,
      (select count(*) from replaced)::int as replaced, (select count(*) from put)::int as rows,
      (select count(*) from judged where place < 0)::int as lost, ${overtaken ? '(select count(*) from late)' : '0'}::int as kept, (select count(*) from gone)::int as gone,
      ${follow ? '(select count(*) from dropped)' : '0'}::int as dropped`
  const name = `capture_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`

  const hashOf = (row: Value[]) => {
    const bytes = Buffer.from(copyFields(row.map(v => v ?? '')))
    return rowHash(bytes, 0, bytes.length, plan.seed)
  }

  async function some(client: pg.PoolClient, changes: Exclude<Change, { op: 'empty' }>[], o: Where, counts: Counts): Promise<void> {
    const values: (Value | undefined)[][] = fields.map(() => [])
    const hashes: number[] = []
    for (const { row } of changes) {
      const clean = fields.map((_, i) => (row[i] == null ? null : trimmed(row[i]!.replaceAll('\0', '')) || null))
      for (let i = 0; i < fields.length; i++) values[i]!.push(clean[i])
      hashes.push(hashOf(clean))
    }
    const { rows } = await client.query<
      Record<'rejected' | 'written' | 'replaced' | 'rows' | 'lost' | 'kept' | 'gone' | 'dropped', number>
    >({
      name,
      text,
      values: [
        o.now,
        o.batchId,
        o.line + counts.read,
        changes.map((_, i) => i + 1),
        changes.map(c => c.op === 'delete'),
        hashes,
        ...values,
      ],
    })
    const r = rows[0]!
    const unchanged = r.rows - r.written + r.lost + r.kept + (r.gone - r.dropped)
    counts.read += changes.length
    counts.rejected += r.rejected
    counts.unchanged += unchanged
    // A change that a later one of the same application has overtaken was taken, too.
    counts.accepted += changes.length - r.rejected - unchanged
    counts.changed += r.replaced
    counts.removed += r.dropped
    counts.kept += r.kept
    counts.added += r.written - r.replaced - r.dropped
  }

  /** TRUNCATE at the source: all rows that came from it. */
  async function empty(client: pg.PoolClient, o: Where, counts: Counts): Promise<void> {
    const from = `from ${relation} p where p._batch in ${own}`
    if (!follow) {
      const noted = await client.query(
        `insert into aggregation.gone (entry_id, key, source_id, at) select $1, p._key, $2, $3 ${from} on conflict (entry_id, key) do nothing`,
        [plan.entryId, plan.sourceId, o.now],
      )
      counts.read += noted.rowCount!
      counts.unchanged += noted.rowCount!
      return
    }
    await client.query(`${into} select ${old.replace(batch, '$1::uuid').replace(now, '$2::timestamptz')} ${from}`, [o.batchId, o.now])
    const n = (await client.query(`delete ${from}`)).rowCount!
    counts.read += n
    counts.accepted += n
    counts.removed += n
    counts.added -= n
  }

  type Where = { batchId: string; now: Date /** Changes the batch has had before. */; line: number }
  return async (client: pg.PoolClient, changes: Change[], o: Where, counts: Counts): Promise<void> => {
    let held: Exclude<Change, { op: 'empty' }>[] = []
    for (const change of changes) {
      if (change.op !== 'empty') held.push(change)
      else {
        if (held.length) await some(client, held, o, counts)
        held = []
        await empty(client, o, counts)
      }
    }
    if (held.length) await some(client, held, o, counts)
  }
}

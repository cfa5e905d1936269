import type pg from 'pg'
import type { Item } from '../../../contract/catalog.ts'
import { type OutgoingItem, project } from '../delivery/public.ts'
import type { Findings } from './rules.ts'

type Table = { relation: string; columns: string[] }

// Dates, times, yes/no and amounts cannot hold a number of a person.
const scanned = new Set(['C', 'M', 'G', 'N', 'I', undefined])

/**
 * Counts values that look like personal data in every column that could hold them. Digits are cut out of longer text first;
 * of several in one value the first is checked. Nothing but counts leaves the database.
 */
export async function scanTable(pool: pg.Pool, table: Table, items: Pick<Item, 'key' | 'type'>[]): Promise<Record<string, Findings>> {
  const keys = items.filter(i => table.columns.includes(i.key) && scanned.has(i.type)).map(i => i.key)
  if (!keys.length) return {}
  if (!/^pool\.[a-z][a-z0-9_]{0,60}$/.test(table.relation) || keys.some(k => !/^c\d{1,4}$/.test(k))) throw new Error('not a pool table')
  const counts: string[] = []
  const cuts: string[] = []
  for (const k of keys) {
    cuts.push(
      `case when ${k}::text ~ '\\d{17}[\\dXx]' then substring(${k}::text from '(?<!\\d)\\d{17}[\\dXx](?![\\dA-Za-z])') end as i_${k}`,
      `case when ${k}::text ~ '1[3-9]\\d{9}' then substring(${k}::text from '(?<![\\dA-Za-z.])1[3-9]\\d{9}(?![\\dA-Za-z])') end as m_${k}`,
      `case when ${k}::text like '%92%' then substring(upper(${k}::text) from '(?<![0-9A-Z])92\\d{6}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Z])') end as s_${k}`,
    )
    counts.push(
      `count(*) filter (where case when i_${k} is not null then quality.id_number_fault(upper(i_${k})) is null else false end) as "${k}.ids"`,
      `count(m_${k}) as "${k}.mobiles"`,
      `count(*) filter (where case when s_${k} is not null then quality.credit_code_fault(s_${k}) is null else false end) as "${k}.soleTraders"`,
    )
  }
  // A few hundred columns at most per statement: PostgreSQL allows 1664 in a list.
  const row: Record<string, number> = {}
  for (let from = 0; from < keys.length; from += 200) {
    const part = (list: string[]) => list.slice(from * 3, (from + 200) * 3).join(',\n')
    const { rows } = await pool.query(`select ${part(counts)} from (select ${part(cuts)} from ${table.relation}) t`)
    Object.assign(row, rows[0])
  }
  return Object.fromEntries(
    keys.flatMap(k => {
      const f = { ids: row[`${k}.ids`]!, mobiles: row[`${k}.mobiles`]!, soleTraders: row[`${k}.soleTraders`]! }
      return f.ids || f.mobiles || f.soleTraders ? [[k, f] as const] : []
    }),
  )
}

export type Profile = Record<string, { filled: number | null; distinct: number | null; top: { value: string; count: number }[] }>
const sample = 200_000

/** Fill rates and frequent values, taken from what leaves (masks applied), over the first 200,000 rows. */
export async function profileTable(pool: pg.Pool, table: Table, items: OutgoingItem[]): Promise<Profile> {
  const s = project({ ...table, items, limit: sample })
  const keys = s.columns.map(c => c.key)
  const facts = keys.map(k => `count(${k}) as "${k}.filled", count(distinct ${k}) as "${k}.distinct"`).join(', ')
  const { rows } = await pool.query(`with p as materialized (${s.text}) select count(*) as n, ${facts} from p`, s.values)
  const row = rows[0] as Record<string, number>
  const telling = s.columns
    .filter(c => c.treatment === 'plain' && row[`${c.key}.distinct`]! > 1 && row[`${c.key}.distinct`]! <= 500)
    .map(c => c.key)
  const top = telling.length
    ? await pool.query<{ k: string; value: string; count: number }>(
        `with p as materialized (${s.text}) ${telling
          .map(
            k =>
              `(select '${k}' as k, left(${k}, 60) as value, count(*) as count from p where ${k} is not null group by ${k} order by 3 desc, 2 limit 5)`,
          )
          .join(' union all ')}`,
        s.values,
      )
    : { rows: [] }
  return Object.fromEntries(
    keys.map(k => [
      k,
      {
        filled: row.n ? row[`${k}.filled`]! / row.n : null,
        distinct: row[`${k}.distinct`]!,
        top: top.rows.filter(t => t.k === k).map(({ value, count }) => ({ value, count })),
      },
    ]),
  )
}

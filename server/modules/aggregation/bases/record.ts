import { sql } from 'kysely'
import type { BasePlan, databaseRecord } from '../../../../contract/bases.ts'
import type { Reply } from '../../../../contract/endpoint.ts'
import type { Database } from '../../../platform/db.ts'
import { notFound } from '../../../platform/problem.ts'
import { columnType } from '../../quality/public.ts'
import { tableName } from '../rules.ts'
import { keysOf, rowsOf } from './build.ts'
import { type Derived, partsOf } from './queries.ts'
import { identifierOf, survivor } from './rules.ts'

type Row = { _key: string; at: string; since: Date; batch: string } & Record<string, string | null>

/**
 * One record with the origin of each value: which entry, which batch, since when, and what the others say. Worked out from the sources as
 * they are now by the same order the refresh uses; where that is not what stands, a refresh is still to come.
 */
export async function recordOf(db: Database, d: Derived, plan: BasePlan, identifier: string): Promise<Reply<typeof databaseRecord>> {
  const parts = await partsOf(db, [d.entry_id!, ...plan.sources.map(s => s.entryId)])
  const target = parts.get(d.entry_id!)!
  const person = plan.subject === 'person'
  const { rows: meant } = await sql<{ id: string | null }>`select ${
    person ? sql`aggregation.person_id(${identifier})` : sql`aggregation.organisation_id(aggregation.organisation_code(${identifier}))`
  } as id`.execute(db)
  const id = meant[0]!.id ?? notFound('aggregation.record', '记录')
  const items = target.content.items.filter(i => i.name)
  const own = identifierOf(target.content, plan.subject)!
  const [stands] = await rowsOf<Row>(
    db,
    `select _key, _updated as since, ${items.map(i => `${i.key}::text as ${i.key}`).join(', ')} from pool.e_${tableName(d.entry_id!)} p
     where ${person ? '_key' : 'right(left(_key, 17), 9)'} = $1 order by _key desc limit 1`,
    [id],
  )
  if (!stands) notFound('aggregation.record', '记录')

  const origins = new Map<number, Row[][]>()
  for (const [n, s] of plan.sources.entries()) {
    const relation = `pool.e_${tableName(s.entryId)}`
    const columns = [...new Set(plan.attributes.flatMap(a => a.sources.filter(x => x.entryId === s.entryId).map(x => x.item)))]
    const typed = columns.map(c => {
      const item = parts.get(s.entryId)?.content.items.find(i => i.key === c)
      const text = item && columnType(item) === 'numeric' ? `trim_scale(${c})::text` : `${c}::text`
      return `, nullif(${text}, '') as ${c}`
    })
    const meta = `_key, _updated as since, _batch as batch, (extract(epoch from _updated) * 1000000)::bigint::text as at`
    const there = await rowsOf<{ is: boolean }>(db, 'select to_regclass($1) is not null as is', [relation])
    if (!there[0]!.is) continue
    const now = await rowsOf<Row>(
      db,
      `select ${meta}${typed.join('')} from ${relation} where _key in (select key from ${keysOf(d.entry_id!)} where source = $1 and id = $2) order by _key limit 100`,
      [n + 1, id],
    )
    // Each row with what it said before, newest first.
    const lives: Row[][] = []
    for (const row of now)
      lives.push([
        row,
        ...(await rowsOf<Row>(
          db,
          `select ${meta}${typed.join('')} from ${relation.replace('e_', 'h_')} where _key = $1 order by _replaced desc limit 500`,
          [row._key],
        )),
      ])
    origins.set(n + 1, lives)
  }
  const batches = [...new Set([...origins.values()].flat(2).map(r => r.batch))]
  const { rows: numbers } = await sql<{ id: string; no: string }>`select id, no from aggregation.batch where id = any(${batches}::uuid[])
    union all select id, '第 ' || no || ' 次归集' from aggregation.refresh where id = any(${batches}::uuid[])`.execute(db)
  const noOf = new Map(numbers.map(b => [b.id, b.no]))

  const values = plan.attributes.map(a => {
    const item = items.find(i => i.key === a.item)!
    const place = (entryId: string) => plan.sources.findIndex(s => s.entryId === entryId) + 1
    const candidates = a.sources.flatMap(s =>
      (origins.get(place(s.entryId)) ?? []).map(life => {
        const value = life[0]![s.item] ?? null
        // The value came with the first of the versions in a row that have it.
        const came = life
          .slice(
            0,
            [...life, undefined].findIndex(v => !v || (v[s.item] ?? null) !== value),
          )
          .at(-1)!
        const part = parts.get(s.entryId)!
        return {
          place: place(s.entryId),
          value,
          updated: Number(life[0]!.at),
          key: life[0]!._key,
          shown: {
            entryId: s.entryId,
            entry: part.title,
            department: part.department,
            value: value ?? '',
            batchNo: noOf.get(came.batch) ?? null,
            since: came.since.toISOString(),
            authority: s.authority,
          },
        }
      }),
    )
    const ranked = survivor(candidates, {
      authority: place(a.sources.find(s => s.authority)!.entryId),
      places: a.sources.map(s => place(s.entryId)),
      rest: a.rest,
    })
    return { item, stands: stands[a.item] ?? null, ranked }
  })
  const differing = await plainly(
    db,
    values.flatMap(v => v.ranked.map(r => r.value!)),
  )
  return {
    key: stands._key,
    updated: stands.since.toISOString(),
    values: [
      { item: own.key, name: own.name, meaning: own.description, value: stands[own.key] ?? null, pending: false, origin: null, others: [] },
      ...values.map(({ item, stands: value, ranked }) => ({
        item: item.key,
        name: item.name,
        meaning: item.description,
        value,
        pending: columnType(item) === 'text' && (ranked[0]?.value ?? null) !== value,
        origin: ranked[0]?.shown ?? null,
        others: ranked.slice(1).map(r => ({ ...r.shown, differs: differing.get(r.value!) !== differing.get(ranked[0]!.value!) })),
      })),
    ],
  }
}

/** Values as the refresh compares them. */
async function plainly(db: Database, values: string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{
    v: string
    plain: string
  }>`select v, aggregation.plain_text(v) as plain from unnest(${[...new Set(values)]}::text[]) v`.execute(db)
  return new Map(rows.map(r => [r.v, r.plain]))
}

import { CompiledQuery } from 'kysely'
import type { BasePlan, ThemePlan } from '../../../../contract/bases.ts'
import type { Item } from '../../../../contract/catalog.ts'
import type { Tx } from '../../../platform/db.ts'
import { columnType, literal } from '../../quality/public.ts'
import { tableName } from '../rules.ts'
import { identifierOf, type Part, themeEntries } from './rules.ts'

/** Between the keys of the rows a theme row is made of. */
const separator = 'chr(30)'

/** What changed in the sources: by the place of the source, the batches that changed it. Absent: everything is made anew. */
export type Changes = Map<number, string[]>
export type Counts = { touched: number; added: number; changed: number; removed: number }

type Run = (text: string, values?: unknown[]) => Promise<number>
/** Plain SQL on the caller's transaction: names of tables and columns are ours, values are parameters or literals. */
export const runner =
  (tx: Tx): Run =>
  async (text, values = []) =>
    Number((await tx.executeQuery(CompiledQuery.raw(text, values))).numAffectedRows ?? 0)
export const rowsOf = async <T>(tx: Pick<Tx, 'executeQuery'>, text: string, values: unknown[] = []): Promise<T[]> =>
  (await tx.executeQuery(CompiledQuery.raw(text, values))).rows as T[]

const relationOf = (entryId: string) => `pool.e_${tableName(entryId)}`
const historyOf = (entryId: string) => `pool.h_${tableName(entryId)}`
/** Which identifier each row of each source carries. */
export const keysOf = (entryId: string) => `pool.k_${tableName(entryId)}`

type Work = {
  tx: Tx
  /** Of the refresh: `_batch` of the rows it makes. */
  id: string
  now: Date
  target: Part
  parts: ReadonlyMap<string, Part>
  /** Entries of the plan that hold rows, with their relation. */
  mounts: ReadonlyMap<string, string>
}
const short = (w: Work) => w.id.replaceAll('-', '').slice(-16)
const temp = (w: Work, name: string) => `staging.${name}_${short(w)}`
const itemOf = (w: Work, entryId: string, key: string): Item => w.parts.get(entryId)!.content.items.find(i => i.key === key)!
const itemsOf = (w: Work): Item[] => w.target.content.items.filter(i => i.name)

/** A source value as the column of the result holds it; nothing written is no value. */
const taken = (column: string, from: Item, to: Item): string =>
  columnType(from) === 'text' ? `nullif(${column}, '')` : columnType(to) === 'text' ? asText(column, from) : column
const asText = (column: string, item: Item) => (columnType(item) === 'numeric' ? `trim_scale(${column})::text` : `${column}::text`)

/** Unlogged and not temporary: PostgreSQL reads those in parallel. They live and die in this transaction. */
async function staged<T>(w: Work, work: (make: (name: string, select: string) => Promise<void>) => Promise<T>): Promise<T> {
  const run = runner(w.tx)
  const made: string[] = []
  await run(`set local work_mem = '128MB'`)
  await run('set local jit = off')
  const done = await work(async (name, select) => {
    made.push(temp(w, name))
    await run(`create unlogged table ${temp(w, name)} as ${select}`)
    await run(`analyze ${temp(w, name)}`)
  })
  for (const name of made.reverse()) await run(`drop table ${name}`)
  return done
}

/** Keys of the source rows that these batches wrote, replaced or took away. */
function touchedKeys(relation: string, batches: string[]): string {
  const list = `(${batches.map(literal).join(', ')})`
  const history = relation.replace('pool.e_', 'pool.h_')
  return `select _key from ${relation} where _batch in ${list} union select _key from ${history} where _replaced_by in ${list}`
}

/**
 * Makes the records of a base: all of them, or those whose identifiers the changed batches touch. Set by set: identifiers of the
 * touched rows, before and now; one candidate per identifier, source and attribute; the survivor; what differs from what stands there.
 */
export async function buildBase(w: Work, plan: BasePlan, changes?: Changes): Promise<Counts> {
  const run = runner(w.tx)
  const map = keysOf(w.target.id)
  const person = plan.subject === 'person'
  const sources = plan.sources.flatMap((s, i) => {
    const relation = w.mounts.get(s.entryId)
    return relation ? [{ ...s, place: i + 1, relation }] : []
  })
  const matched = (s: (typeof sources)[number], more: string) => {
    const code = person ? `aggregation.person_id(p.${s.identifier})` : `aggregation.organisation_code(p.${s.identifier})`
    return `select ${s.place}::smallint as source, key collate "C" as key, (${person ? 'code' : 'aggregation.organisation_id(code)'}) collate "C" as id, code
      from (select p._key as key, ${code} as code from ${s.relation} p${more} offset 0) m where code is not null`
  }
  return staged(w, async make => {
    let scope: string | null = null
    if (!changes) {
      await run(`drop table if exists ${map}`)
      await run(
        `create table ${map} as ${sources.length ? sources.map(s => matched(s, '')).join(' union all ') : `select 0::smallint as source, null::text collate "C" as key, null::text collate "C" as id, null::text as code where false`}`,
      )
      await run(`alter table ${map} add primary key (source, key)`)
      await run(`create index on ${map} (id)`)
      await run(`analyze ${map}`)
    } else {
      await make('i', 'select null::text collate "C" as id where false')
      for (const s of sources) {
        const batches = changes.get(s.place)
        if (!batches) continue
        const t = `t${s.place}`
        await make(t, touchedKeys(s.relation, batches))
        const mine = `source = ${s.place} and key in (select _key from ${temp(w, t)})`
        await run(`insert into ${temp(w, 'i')} select id from ${map} where ${mine}`)
        await run(`delete from ${map} where ${mine}`)
        await run(`insert into ${map} ${matched(s, ` join ${temp(w, t)} t on t._key = p._key`)}`)
        await run(`insert into ${temp(w, 'i')} select id from ${map} where ${mine}`)
      }
      await make('j', `select distinct id from ${temp(w, 'i')}`)
      scope = `(select id from ${temp(w, 'j')})`
    }

    const supplies = (place: number) =>
      plan.attributes.flatMap((a, n) => {
        const s = a.sources.find(x => x.entryId === plan.sources[place - 1]!.entryId)
        const to = itemsOf(w).find(i => i.key === a.item)!
        return s ? [{ n, value: taken(`p.${s.item}`, itemOf(w, s.entryId, s.item), to), dated: a.rest === 'newest' }] : []
      })
    for (const s of sources) {
      const from = `from ${map} k join ${s.relation} p on p._key = k.key where k.source = ${s.place}${scope ? ` and k.id in ${scope}` : ''}`
      const [twice] = await rowsOf<{ yes: boolean }>(
        w.tx,
        `select exists (select from ${map} k where k.source = ${s.place}${scope ? ` and k.id in ${scope}` : ''} group by k.id having count(*) > 1) as yes`,
      )
      // Most sources have one row per identifier; only where one has more is the newest value picked.
      const pick = (value: string, given: string) =>
        twice!.yes ? `(array_agg(${value} order by p._updated desc, p._key) filter (where ${given} is not null))[1]` : value
      const columns = supplies(s.place).flatMap(a => [
        `${pick(a.value, a.value)} as v${a.n}_${s.place}`,
        ...(a.dated ? [`${pick(`case when ${a.value} is not null then p._updated end`, a.value)} as t${a.n}_${s.place}`] : []),
      ])
      const code = twice!.yes ? 'max(k.code) filter (where length(k.code) = 18)' : 'k.code'
      await make(
        `r${s.place}`,
        `select k.id, ${[`${code} as code_${s.place}`, ...columns].join(', ')} ${from}${twice!.yes ? ' group by k.id' : ''}`,
      )
    }

    const all = sources.map(s => `${temp(w, `r${s.place}`)} r${s.place}`)
    const merged = all.length ? all.slice(1).reduce((left, right) => `${left} full join ${right} using (id)`, all[0]!) : null
    const attributes = plan.attributes.map((a, n) => {
      const places = a.sources.flatMap(s => sources.find(x => x.entryId === s.entryId)?.place ?? [])
      const authority = sources.find(x => x.entryId === a.sources.find(s => s.authority)!.entryId)?.place
      const order = [...places].sort((x, y) => Number(y === authority) - Number(x === authority))
      const v = (place: number) => `v${n}_${place}`
      const newest = order.filter(p => p !== authority)
      const latest = (what: 'v' | 'p') =>
        newest.length
          ? `(select ${what} from (values ${newest.map((p, i) => `(${v(p)}, t${n}_${p}, ${p}, ${i})`).join(', ')}) c(v, t, p, o) where v is not null order by t desc, o limit 1)`
          : 'null'
      const given = (p: number) => `when ${v(p)} is not null then ${p}`
      const to = itemsOf(w).find(i => i.key === a.item)!
      return {
        to,
        places,
        v,
        value: !order.length
          ? 'null'
          : a.rest === 'newest'
            ? authority === undefined
              ? latest('v')
              : `coalesce(${v(authority)}, ${latest('v')})`
            : `coalesce(${order.map(v).join(', ')})`,
        chosen: !order.length
          ? 'null'
          : a.rest === 'newest'
            ? authority === undefined
              ? latest('p')
              : `case ${given(authority)} else ${latest('p')} end`
            : `case ${order.map(given).join(' ')} end`,
      }
    })
    const identifier = identifierOf(w.target.content, plan.subject)!
    const full = sources.map(s => `case when length(code_${s.place}) = 18 then code_${s.place} end`)
    const code = person ? 'id' : `coalesce(${[...full, 'id'].join(', ')})`
    const columns = itemsOf(w).map(item => {
      const a = attributes.find(x => x.to.key === item.key)
      const value = item.key === identifier.key ? code : (a?.value ?? 'null')
      return `(${value})::${columnType(item)} as ${item.key}`
    })
    await make(
      'n',
      merged
        ? `select (${code}) collate "C" as _key, ${columns.join(', ')} from ${merged}`
        : `select null::text collate "C" as _key, ${itemsOf(w).map(i => `null::${columnType(i)} as ${i.key}`)} where false`,
    )
    const standing = scope === null ? null : person ? `p._key in ${scope}` : `right(left(p._key, 17), 9) in ${scope}`
    const counts = await writeDifferences(w, standing)

    const compared = attributes.flatMap((a, n) =>
      a.places.map(p => `(${literal(a.to.key)}, x.c${n}, ${p}, ${asText(`x.w${n}`, a.to)}, ${asText(`x.${a.v(p)}`, a.to)})`),
    )
    await make(
      'd',
      merged && compared.length
        ? `select x.id, v.item, v.chosen, v.other, v.mine, v.theirs
           from (select *, ${attributes.map((a, n) => `${a.chosen} as c${n}, (${a.value})::${columnType(a.to)} as w${n}`).join(', ')} from ${merged} offset 0) x
           cross join lateral (values ${compared.join(', ')}) v(item, chosen, other, mine, theirs)
           where v.other <> v.chosen and v.theirs is not null and v.theirs <> v.mine
             and aggregation.plain_text(v.theirs) <> aggregation.plain_text(v.mine)`
        : 'select null::text as id, null::text as item, 0 as chosen, 0 as other, null::text as mine, null::text as theirs where false',
    )
    await writeConflicts(w, plan, scope)
    return counts
  })
}

/** A conflict that is there again as it was keeps its case and its decision; another value is another conflict. */
async function writeConflicts(w: Work, plan: BasePlan, scope: string | null): Promise<void> {
  const run = runner(w.tx)
  const derived = `(select id from aggregation.derived where entry_id = ${literal(w.target.id)})`
  const places = `(values ${plan.sources.map((s, i) => `(${i + 1}, ${literal(s.entryId)}::uuid)`).join(', ')}) e(place, entry_id)`
  const now = `${literal(w.now.toISOString())}::timestamptz`
  const found = `(select d.id collate "C" as id, d.item, c.entry_id as chosen_entry, d.mine, o.entry_id as other_entry, d.theirs
    from ${temp(w, 'd')} d join ${places.replace(' e(', ' c(')} on c.place = d.chosen join ${places.replace(' e(', ' o(')} on o.place = d.other)`
  await run(
    `update aggregation.conflict x set closed = ${now} where derived_id = ${derived} and closed is null${scope ? ` and id in ${scope}` : ''}
       and not exists (select from ${found} f where f.id = x.id and f.item = x.item and f.other_entry = x.other_entry)`,
  )
  await run(
    `insert into aggregation.conflict as x (derived_id, id, item, chosen_entry, chosen_value, other_entry, other_value, refresh_id, since)
     select ${derived}, f.id, f.item, f.chosen_entry, f.mine, f.other_entry, f.theirs, ${literal(w.id)}::uuid, ${now} from ${found} f
     on conflict (derived_id, id, item, other_entry) do update set chosen_entry = excluded.chosen_entry, chosen_value = excluded.chosen_value,
       other_value = excluded.other_value, refresh_id = excluded.refresh_id, since = excluded.since, closed = null, case_no = null
     where x.closed is not null or (x.chosen_entry, x.chosen_value, x.other_value) is distinct from (excluded.chosen_entry, excluded.chosen_value, excluded.other_value)`,
  )
}

/** Identifiers join as what they mean, everything else as it is written. */
function joined(a: { column: string; item: Item }, b: { column: string; item: Item }): string {
  const meant = (s: Item['semantic']) => a.item.semantic === s || b.item.semantic === s
  const side = ({ column, item }: typeof a) =>
    meant('id-number')
      ? `aggregation.person_id(${column})`
      : meant('credit-code')
        ? `aggregation.organisation_id(aggregation.organisation_code(${column}))`
        : columnType(item) === 'text'
          ? `nullif(${column}, '')`
          : column
  return `${side(a)} = ${side(b)}`
}

/** Makes the rows of a theme: all of them, or those of the driving rows that the changed batches touch. */
export async function buildTheme(w: Work, plan: ThemePlan, changes?: Changes): Promise<Counts> {
  const run = runner(w.tx)
  const entries = themeEntries(plan)
  const alias = (entryId: string) => `j${entries.indexOf(entryId) + 1}`
  const end = (x: { entryId: string; item: string }) => ({ column: `${alias(x.entryId)}.${x.item}`, item: itemOf(w, x.entryId, x.item) })
  const on = (j: ThemePlan['joins'][number]) => joined(end(j), end(j.to))
  const table = (entryId: string) => w.mounts.get(entryId)!
  // An entry without rows yet joins nothing.
  const there = (entryId: string) => w.mounts.has(entryId)
  const joins = plan.joins.filter(j => there(j.entryId) && there(j.to.entryId))
  const barren = !there(plan.driving) || plan.joins.some(j => j.kind === 'inner' && !joins.includes(j))
  const standing = relationOf(w.target.id)
  return staged(w, async make => {
    let scope: string | null = null
    if (changes) {
      await make('i', 'select null::text collate "C" as _key where false')
      for (const [i, entryId] of entries.entries()) {
        const batches = changes.get(i + 1)
        if (!batches || !there(entryId)) continue
        const t = temp(w, `t${i + 1}`)
        await make(`t${i + 1}`, touchedKeys(table(entryId), batches))
        if (entryId === plan.driving) {
          await run(`insert into ${temp(w, 'i')} select _key from ${t}`)
          continue
        }
        // The driving rows it belonged to are in the keys of the result; those it belongs to now are found through the joins that lead there.
        await run(
          `insert into ${temp(w, 'i')} select split_part(p._key, ${separator}, 1) from ${standing} p where split_part(p._key, ${separator}, ${i + 1}) in (select _key from ${t})`,
        )
        const chain: typeof joins = []
        for (let at = entryId; at !== plan.driving; ) {
          const j = joins.find(x => x.entryId === at)
          if (!j) break
          chain.push(j)
          at = j.to.entryId
        }
        if (chain.at(-1)?.to.entryId !== plan.driving) continue
        const path = chain.reverse().map(j => ` join ${table(j.entryId)} ${alias(j.entryId)} on ${on(j)}`)
        await run(
          `insert into ${temp(w, 'i')} select j1._key from ${table(plan.driving)} j1${path.join('')} where ${alias(entryId)}._key in (select _key from ${t})`,
        )
      }
      await make('j', `select distinct _key from ${temp(w, 'i')}`)
      scope = `(select _key from ${temp(w, 'j')})`
    }
    const columns = itemsOf(w).map(item => {
      const c = plan.columns.find(x => x.item === item.key)
      const value =
        c && (c.entryId === plan.driving || joins.some(j => j.entryId === c.entryId))
          ? taken(`${alias(c.entryId)}.${c.from}`, itemOf(w, c.entryId, c.from), item)
          : 'null'
      return `(${value})::${columnType(item)} as ${item.key}`
    })
    const key = entries
      .map(id => (id === plan.driving || joins.some(j => j.entryId === id) ? `coalesce(${alias(id)}._key, '')` : `''`))
      .join(` || ${separator} || `)
    const from = `${table(plan.driving)} j1${joins.map(j => ` ${j.kind} join ${table(j.entryId)} ${alias(j.entryId)} on ${on(j)}`).join('')}`
    await make(
      'n',
      barren
        ? `select null::text collate "C" as _key, ${itemsOf(w).map(i => `null::${columnType(i)} as ${i.key}`)} where false`
        : `select (${key}) collate "C" as _key, ${columns.join(', ')} from ${from}${scope ? ` where j1._key in ${scope}` : ''}`,
    )
    return writeDifferences(w, scope && `split_part(p._key, ${separator}, 1) in ${scope}`)
  })
}

/** Brings what stands in the pool to what was made: only rows that differ are written, and what they held goes to the history. */
async function writeDifferences(w: Work, standing: string | null): Promise<Counts> {
  const run = runner(w.tx)
  const [pool, history, n] = [relationOf(w.target.id), historyOf(w.target.id), temp(w, 'n')]
  const columns = itemsOf(w).map(i => i.key)
  const list = (alias: string) => columns.map(c => `${alias}.${c}`).join(', ')
  // 1.5 and 1.50 are equal and not the same: what is delivered must be what a rebuild would deliver.
  const exact = (alias: string) => itemsOf(w).map(i => (columnType(i) === 'numeric' ? `${alias}.${i.key}::text` : `${alias}.${i.key}`))
  const meta = `${literal(w.id)}::uuid, ${literal(w.now.toISOString())}::timestamptz`
  const keep = (from: string) =>
    run(
      `insert into ${history} (_key, ${columns.join(', ')}, _batch, _updated, _replaced_by, _replaced) select p._key, ${list('p')}, p._batch, p._updated, ${meta} ${from}`,
    )
  const gone = `from ${pool} p where ${standing ?? 'true'} and not exists (select from ${n} n where n._key = p._key)`
  const removed = await keep(gone)
  if (removed) await run(`delete ${gone}`)
  const differs = `n._key = p._key and (${exact('p').join(', ')}) is distinct from (${exact('n').join(', ')})`
  const changed = await keep(`from ${pool} p join ${n} n on ${differs}`)
  if (changed)
    await run(
      `update ${pool} p set ${columns.map(c => `${c} = n.${c}`).join(', ')}, _batch = ${literal(w.id)}::uuid, _updated = ${literal(w.now.toISOString())}::timestamptz from ${n} n where ${differs}`,
    )
  const added = await run(
    `insert into ${pool} (_key, ${columns.join(', ')}, _hash, _batch, _updated)
     select n._key, ${list('n')}, 0, ${meta} from ${n} n where not exists (select from ${pool} p where p._key = n._key)`,
  )
  const [made] = await rowsOf<{ n: number }>(w.tx, `select count(*) as n from ${n}`)
  return { touched: made!.n, added, changed, removed }
}

/** So that the rows of an identifier, or of a driving row, are found without reading all of them. */
export const indexOf = (of: 'organisation' | 'theme', entryId: string): string =>
  `create index if not exists d_${tableName(entryId)} on ${relationOf(entryId)} (${of === 'organisation' ? '(right(left(_key, 17), 9))' : `(split_part(_key, ${separator}, 1))`})`

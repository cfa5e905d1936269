import { sql } from 'kysely'
import { type EntryContent, entryStates, kinds, type OpenClass, type ShareClass, updateCycles } from '../../../contract/catalog.ts'
import { regionPrefix } from '../../../contract/common.ts'
import type { Actor, StaffContext } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'
import { openLabel, regionName, shareLabel } from '../regulation/public.ts'
import { type Asked, excerpt, marksIn, mend, tsqueryOf, understand } from './search.ts'

export type SearchQuery = {
  q?: string
  scope: 'mine' | 'region' | 'all'
  after?: string
  limit: number
} & Partial<Record<FacetKey, string | boolean>>

// ── Facets: where they stand in catalog.search.facets (migration 0167), as two words of 32 bits ──

const words: Record<string, readonly string[]> = {
  state: ['draft', 'in_review', 'published'],
  cycle: Object.keys(updateCycles),
  share: ['unconditional', 'conditional', 'denied'],
  open: ['open', 'conditional', 'closed'],
  kind: Object.keys(kinds),
}
const layout = {
  department: { label: '部门', high: true, shift: 14, bits: 17 },
  region: { label: '地区', high: false, shift: 14, bits: 17 },
  theme: { label: '主题', high: true, shift: 0, bits: 14 },
  kind: { label: '资源分类', high: false, shift: 0, bits: 2 },
  share: { label: '共享类型', high: false, shift: 4, bits: 2 },
  open: { label: '开放类型', high: false, shift: 2, bits: 2 },
  cycle: { label: '更新周期', high: false, shift: 6, bits: 4 },
  mounted: { label: '数据', high: false, shift: 10, bits: 1 },
  state: { label: '状态', high: false, shift: 11, bits: 3 },
} as const
type FacetKey = keyof typeof layout
const facetKeys = Object.keys(layout) as FacetKey[]

type Numbers = { ids: Map<string, number>; values: Map<string, { value: string; label: string }>; at: number }
const cache = new WeakMap<object, Numbers>()
/** Numbers of departments, themes and regions with what they are called. A department is renamed rarely; a minute is soon enough. */
async function numbers(db: Database, fresh = false): Promise<Numbers> {
  const known = cache.get(db)
  if (known && !fresh && Date.now() - known.at < 60_000) return known
  const { rows } = await sql<{ facet: FacetKey; id: number; value: string; name: string | null }>`
    select f.facet, f.id, f.value, d.name from catalog.facet f
    left join organization.department_view d on f.facet = 'department' and d.id::text = f.value`.execute(db)
  const made: Numbers = {
    ids: new Map(rows.map(r => [`${r.facet} ${r.value}`, r.id])),
    values: new Map(rows.map(r => [`${r.facet} ${r.id}`, { value: r.value, label: r.name ?? r.value }])),
    at: Date.now(),
  }
  cache.set(db, made)
  return made
}

/** The number a choice has in the packed facets; -1 for what no entry has. */
function numberOf(key: FacetKey, value: string | boolean, n: Numbers): number {
  if (key === 'mounted') return Number(value)
  const list = words[key]
  return list ? list.indexOf(String(value)) + 1 || -1 : (n.ids.get(`${key} ${value}`) ?? -1)
}

/** How many entries each choice would find: for one facet its own choice left out, all others kept. Pure. */
function count(packed: Buffer, chosen: [FacetKey, number][]) {
  const counts = Object.fromEntries(facetKeys.map(k => [k, new Uint32Array(2 ** layout[k].bits)])) as Record<FacetKey, Uint32Array>
  const fields = facetKeys.map(k => ({
    ...layout[k],
    mask: 2 ** layout[k].bits - 1,
    want: chosen.find(([c]) => c === k)?.[1],
    into: counts[k],
  }))
  const asked = fields.filter(f => f.want !== undefined)
  let total = 0
  for (let at = 0; at < packed.length; at += 8) {
    const high = packed.readUInt32BE(at)
    const low = packed.readUInt32BE(at + 4)
    let misses = 0
    let missed: (typeof fields)[number] | undefined
    for (const f of asked)
      if ((((f.high ? high : low) >>> f.shift) & f.mask) !== f.want) {
        misses++
        missed = f
      }
    if (misses > 1) continue
    if (missed) missed.into[((missed.high ? high : low) >>> missed.shift) & missed.mask]!++
    else {
      total++
      for (const f of fields) f.into[((f.high ? high : low) >>> f.shift) & f.mask]!++
    }
  }
  return { total, counts }
}

// ── The search ──

/** What the person may see unpublished, and where to look; the order of the functions in migration 0169. */
type Place = [seenDepartment: string, seenRegion: string | null, inDepartment: string | null, inRegion: string | null]
const placeOf = (a: Actor, scope: SearchQuery['scope']): Place => {
  const region = `${regionPrefix(a.region)}%`
  return [
    a.departmentId,
    a.roles.includes('bureau') || a.roles.includes('inspector') ? region : null,
    scope === 'mine' ? a.departmentId : null,
    scope === 'region' ? region : null,
  ]
}
const sqlPlace = ([d, r, inD, inR]: Place) => sql`${d}::uuid, ${r}::text, ${inD}::uuid, ${inR}::text`
const within = ([d, r, inD, inR]: Place) =>
  sql`(s.published or s.department_id = ${d} or s.region like ${r}) ${inD ? sql`and s.department_id = ${inD}` : sql``} ${inR ? sql`and s.region like ${inR}` : sql``}`

/** Entries by words, synonyms, pinyin and item names, with the counts of every facet; a mistake of one character is mended and said. */
export async function searchEntries(ctx: StaffContext, f: SearchQuery) {
  const { db, actor } = ctx
  const choose = (n: Numbers) => facetKeys.flatMap(k => (f[k] === undefined ? [] : [[k, numberOf(k, f[k], n)] as [FacetKey, number]]))
  let chosen = choose(await numbers(db))
  if (chosen.some(([, n]) => n < 0)) chosen = choose(await numbers(db, true))
  let asked = f.q ? await understand(db, f.q) : null
  const offset = Math.max(0, Math.trunc(Number(f.after)) || 0)
  const place = placeOf(actor, f.scope)
  const look = (a: Asked | null, relaxed: boolean) =>
    Promise.all([packedOf(db, place, a, relaxed), pageOf(ctx, place, a, relaxed, chosen, offset, f.limit)])

  let [packed, page] = await look(asked, false)
  if (!packed.length && asked?.terms.length) [packed, page] = await look(asked, true)
  let corrected: string | null = null
  if (!packed.length && f.q && asked?.terms.length) {
    const better = await mend(f.q, {
      exists: async part => (await packedOf(db, place, await understand(db, part), true)).length > 0,
      names: async near =>
        (
          await sql<{ title: string; items: string[] }>`select * from catalog.near_names(${near}::tsquery, ${sqlPlace(place)})`.execute(db)
        ).rows.flatMap(r => [r.title, ...r.items]),
    })
    if (better) {
      const meant = await understand(db, better)
      const [p, rows] = await look(meant, true)
      if (p.length) [packed, page, asked, corrected] = [p, rows, meant, better]
    }
  }
  const { total, counts } = count(packed, chosen)
  return {
    rows: page.slice(0, f.limit).map(r => rowOf(r, asked, ctx.day)),
    next: page.length > f.limit ? String(offset + f.limit) : null,
    total,
    corrected,
    facets: await facetViews(db, counts, chosen, ctx),
  }
}

/** The packed facets of everything found, eight bytes each: counted here faster than grouped nine times over there. */
async function packedOf(db: Database, place: Place, a: Asked | null, relaxed: boolean): Promise<Buffer> {
  const { rows } = await (a?.terms.length
    ? sql<{ packed: Buffer | null }>`select catalog.found_facets(${tsqueryOf(a, relaxed)}::tsquery, ${sqlPlace(place)}) as packed`
    : sql<{
        packed: Buffer | null
      }>`select string_agg(int8send(s.facets), '') as packed from catalog.search s where ${within(place)} and ${signs(a)}`
  ).execute(db)
  return rows[0]!.packed ?? Buffer.alloc(0)
}
/** Signs alone are no words: they are looked for in the title as they stand. */
const signs = (a: Asked | null) => (a?.text ? sql`strpos(s.title, ${a.text}) > 0` : sql`true`)

type Row = {
  id: string
  code: string
  region: string
  department_id: string
  department: string
  state: 'draft' | 'in_review' | 'published'
  version: number
  content: EntryContent
  changing: string | null
  rows: number | null
  updated: Date | null
}
/** One page, and one row more when there is another. */
async function pageOf(
  { db, now }: StaffContext,
  place: Place,
  a: Asked | null,
  relaxed: boolean,
  chosen: [FacetKey, number][],
  offset: number,
  limit: number,
): Promise<Row[]> {
  if (chosen.some(([, n]) => n < 0)) return []
  let [mask, wanted] = [0n, 0n]
  for (const [key, n] of chosen) {
    const { high, shift, bits } = layout[key]
    const at = BigInt(shift + (high ? 32 : 0))
    mask |= BigInt(2 ** bits - 1) << at
    wanted |= BigInt(n) << at
  }
  const facets = sql`${String(mask)}::bigint, ${String(wanted)}::bigint`
  const ids = a?.terms.length
    ? sql`catalog.found_page(${tsqueryOf(a, relaxed)}::tsquery, ${a.text}, ${sqlPlace(place)}, ${facets}, ${now}::timestamptz, ${offset}::int, ${limit + 1}::int)`
    : sql`unnest(array(select s.entry_id from catalog.search s where ${within(place)} and ${signs(a)}
        and s.facets & ${String(mask)}::bigint = ${String(wanted)}::bigint order by s.entry_id desc limit ${limit + 1} offset ${offset}))`
  const { rows } = await sql<Row>`
    select e.id, e.code, e.region, e.department_id, d.name as department,
      case when e.published is not null then 'published' else v.state end as state, v.version, v.content, w.state as changing, m.rows, m.updated
    from ${ids} with ordinality as found (id, place)
    join catalog.entry e on e.id = found.id
    join organization.department_view d on d.id = e.department_id
    join lateral (select * from catalog.version v where v.entry_id = e.id order by (v.version = e.published) desc nulls last, v.version desc limit 1) v on true
    left join catalog.version w on w.entry_id = e.id and w.state in ('draft', 'in_review') and e.published is not null
    left join catalog.mount m on m.entry_id = e.id
    order by found.place`.execute(db)
  return rows
}

function rowOf(r: Row, asked: Asked | null, day: string) {
  const c = r.content
  const title = c.title || '（未命名）'
  const hits = asked ? c.items.map(i => ({ name: i.name, marks: marksIn(i.name, asked) })).filter(h => h.marks.length) : []
  const shown = hits.slice(0, 8)
  const snippet = asked ? excerpt(c.abstract, asked) : c.abstract.slice(0, 120)
  return {
    id: r.id,
    code: r.code,
    title,
    department: r.department,
    departmentId: r.department_id,
    region: r.region,
    regionName: regionName(r.region),
    state: r.state,
    version: r.version,
    changing: r.changing ? (r.changing === 'draft' ? '变更草稿' : '变更待审核') : null,
    shareClass: c.shareClass ?? null,
    shareLabel: shareLabel(r.region, c.shareClass, day),
    openClass: c.openClass ?? null,
    openLabel: openLabel(r.region, c.openClass, day),
    updateCycle: c.updateCycle ? updateCycles[c.updateCycle] : '',
    mounted: r.rows !== null,
    rows: Number(r.rows ?? 0),
    updated: r.updated?.toISOString() ?? null,
    items: c.items.length,
    hits: shown.map(h => h.name),
    snippet: snippet || null,
    marks: { title: marksIn(title, asked), hits: shown.map(h => h.marks), snippet: marksIn(snippet, asked) },
  }
}

async function facetViews(
  db: Database,
  counts: Record<FacetKey, Uint32Array>,
  chosen: [FacetKey, number][],
  { day, actor: { region } }: StaffContext,
) {
  let n = await numbers(db)
  const label = (key: FacetKey, id: number): { value: string; label: string } | undefined => {
    if (key === 'mounted') return { value: String(id === 1), label: id ? '已汇聚' : '未汇聚' }
    const list = words[key]
    if (!list) {
      const known = n.values.get(`${key} ${id}`)
      return known && key === 'region' ? { value: known.value, label: regionName(known.value) } : known
    }
    const value = list[id - 1]
    if (value === undefined) return undefined
    if (key === 'share') return { value, label: shareLabel(region, value as ShareClass, day) }
    if (key === 'open') return { value, label: openLabel(region, value as OpenClass, day) }
    if (key === 'state') return { value, label: entryStates[value as keyof typeof entryStates] }
    return { value, label: (key === 'cycle' ? updateCycles : kinds)[value as never] }
  }
  // Thousands of numbers are possible, a few dozen stand: gone through once.
  const standing = facetKeys.map(key => {
    const of: [id: number, count: number][] = []
    const found = counts[key]
    const asked = chosen.find(([k]) => k === key)?.[1]
    for (let id = 0; id < found.length; id++) if (found[id] || id === asked) of.push([id, found[id]!])
    return [key, of] as const
  })
  const numbered = standing.filter(([key]) => key === 'department' || key === 'region' || key === 'theme')
  if (numbered.some(([key, of]) => of.some(([id, c]) => c > 0 && id > 0 && !label(key, id)))) n = await numbers(db, true)
  return standing.map(([key, of]) => ({
    key,
    label: layout[key].label,
    values: of
      .flatMap(([id, count]) => {
        const known = label(key, id)
        return known ? [{ ...known, count }] : []
      })
      .sort((a, b) => b.count - a.count || a.label.localeCompare(b.label)),
  }))
}

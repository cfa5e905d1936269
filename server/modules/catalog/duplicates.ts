import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { EntryContent } from '../../../contract/catalog.ts'
import { type Cite, regionPrefix } from '../../../contract/common.ts'
import type { Context } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { Problem } from '../../platform/problem.ts'
import { govern, regionOf } from '../regulation/public.ts'
import { likeness, plainName, type SameWords, signatureOf, traitsOf } from './likeness.ts'

/** Another department's entry about the same subject with the same items. */
export type Duplicate = {
  id: string
  code: string
  title: string
  departmentId: string
  department: string
  published: boolean
  mounted: boolean
  shareClass: string | undefined
  items: string[]
}

/** Words that name one thing, each with the first of its group. */
export async function sameWords(db: Database | Tx): Promise<SameWords> {
  const { rows } = await sql<{ words: string[] }>`select words from catalog.synonym where same order by id`.execute(db)
  return new Map(rows.flatMap(({ words }) => words.map(w => [plainName(w), plainName(words[0]!)] as const)))
}

type Place = { id: string; region: string; departmentId: string }

/** Regions of which the one contains the other: only there two departments collect the same. */
const above = (region: string): string[] => {
  const regions: string[] = []
  for (let at = regionOf(region); at; at = at.parent ? regionOf(at.parent) : undefined) regions.push(at.code)
  return regions
}

/** Keeps by what an entry is compared, in the transaction that puts its content up for review. */
export async function setTraits(tx: Tx, e: Place & { content: EntryContent }, same: SameWords): Promise<void> {
  await sql`delete from catalog.trait where entry_id = ${e.id}`.execute(tx)
  await sql`insert into catalog.trait (key, region, entry_id, department_id)
    select key, ${e.region}, ${e.id}, ${e.departmentId} from unnest(${traitsOf(e.content, same)}::text[]) key`.execute(tx)
}

type Candidate = Place & { code: string; department: string; content: EntryContent; state: string; mounted: boolean }
/** The entries that have most in common with one, by the traits of both: at most forty are worth reading. */
async function candidates(db: Database | Tx, e: Place & { content: EntryContent }, same: SameWords, below: boolean): Promise<Candidate[]> {
  const prefix = below ? `${regionPrefix(e.region)}%` : ''
  const { rows } = await sql<any>`
    with near as (
      select t.entry_id, count(*) as common from catalog.trait t
      where t.key = any(${traitsOf(e.content, same)}::text[]) and t.department_id <> ${e.departmentId}
        and (t.region = any(${above(e.region)}) or t.region like ${prefix})
      group by t.entry_id order by common desc, t.entry_id limit 40)
    select e.id, e.code, e.region, e.department_id as "departmentId", d.name as department, v.content, v.state, m.entry_id is not null as mounted
    from near join catalog.entry e on e.id = near.entry_id and not e.withdrawn
    join organization.department_view d on d.id = e.department_id
    join lateral (select content, state from catalog.version v where v.entry_id = e.id and v.state in ('published', 'in_review')
                  order by v.version desc limit 1) v on true
    left join catalog.mount m on m.entry_id = e.id
    where e.id <> ${e.id} order by near.common desc, e.code`.execute(db)
  return rows
}

/** Entries of other departments, in the place and above it, that are published or under review and hold the same data. */
export async function duplicatesOf(db: Database | Tx, e: Place & { content: EntryContent }): Promise<Duplicate[]> {
  const same = await sameWords(db)
  const found = (await candidates(db, e, same, false)).flatMap(c => {
    const like = likeness(e.content, c.content, same)
    return like?.rules.includes('identifier') ? [{ c, like }] : []
  })
  const different = await declaredDifferent(
    db,
    e,
    found.map(f => f.c),
  )
  return found
    .filter(f => !different.has(f.c.id))
    .map(({ c, like }) => ({
      id: c.id,
      code: c.code,
      title: c.content.title,
      departmentId: c.departmentId,
      department: c.department,
      published: c.state === 'published',
      mounted: c.mounted,
      shareClass: c.content.shareClass,
      items: like.items.length ? like.items.map(i => i.b) : c.content.items.map(i => i.name),
    }))
}

/** Which of them were declared to be something else, as long as both are what they were then. */
async function declaredDifferent(db: Database | Tx, e: Place & { content: EntryContent }, others: Candidate[]): Promise<Set<string>> {
  if (!others.length) return new Set()
  const { rows } = await sql<{ other: string; signature: string }>`
    select case when a = ${e.id} then b else a end as other, settled_signature as signature from catalog.duplicate
    where settled = 'different' and ${e.id} in (a, b)`.execute(db)
  const said = new Map(rows.map(r => [r.other, r.signature]))
  return new Set(others.filter(c => said.get(c.id) === pairSignature(e, c)).map(c => c.id))
}

type Side = { id: string; content: EntryContent }
/** The same for a pair whichever is named first. */
export const pairSignature = (x: Side, y: Side): string =>
  x.id < y.id ? signatureOf(x.content, y.content) : signatureOf(y.content, x.content)

// ── The whole catalog ──

/**
 * Compares what has changed since it was compared last, and notes the doubles it finds. What was settled stays settled while names and
 * items of both are what they were.
 */
export async function compareStale(ctx: Context): Promise<void> {
  const same = await sameWords(ctx.db)
  const words = createHash('sha256')
    .update(JSON.stringify([...same]))
    .digest('base64url')
    .slice(0, 8)
  const due = sql`select e.id, e.region, e.department_id as "departmentId", v.content, v.etag || ':' || ${words}::text as etag
    from catalog.entry e
    join lateral (select content, etag from catalog.version v where v.entry_id = e.id and v.state in ('published', 'in_review')
                  order by v.version desc limit 1) v on true
    left join catalog.compared c on c.entry_id = e.id
    where not e.withdrawn`
  // Traits of all first, so that the first of two new entries finds the second.
  for (;;) {
    const { rows } = await sql<Side & Place & { etag: string }>`${due} and c.etag is distinct from v.etag || ':' || ${words}::text
      and c.etag is distinct from 'traits:' || v.etag || ':' || ${words}::text limit 500`.execute(ctx.db)
    if (!rows.length) break
    await ctx.db.transaction().execute(async tx => {
      for (const r of rows) {
        await setTraits(tx, r, same)
        await noteCompared(tx, r.id, `traits:${r.etag}`)
      }
    })
  }
  for (;;) {
    const { rows } = await sql<
      Side & Place & { etag: string }
    >`${due} and c.etag = 'traits:' || v.etag || ':' || ${words}::text limit 200`.execute(ctx.db)
    if (!rows.length) break
    for (const r of rows)
      await ctx.db.transaction().execute(async tx => {
        await notePairs(tx, ctx, r, await candidates(tx, r, same, true), same)
        await noteCompared(tx, r.id, r.etag)
      })
  }
  // What was withdrawn or sent back is nobody's double.
  await sql`with gone as (
      select c.entry_id from catalog.compared c join catalog.entry e on e.id = c.entry_id
      where e.withdrawn or not exists (select from catalog.version v where v.entry_id = e.id and v.state in ('published', 'in_review'))),
    pairs as (delete from catalog.duplicate where a in (select entry_id from gone) or b in (select entry_id from gone)),
    traits as (delete from catalog.trait where entry_id in (select entry_id from gone))
    delete from catalog.compared where entry_id in (select entry_id from gone)`.execute(ctx.db)
}

const noteCompared = (tx: Tx, id: string, etag: string) =>
  sql`insert into catalog.compared (entry_id, etag) values (${id}, ${etag}) on conflict (entry_id) do update set etag = excluded.etag`.execute(
    tx,
  )

async function notePairs(tx: Tx, ctx: Context, e: Side & Place, others: Candidate[], same: SameWords): Promise<void> {
  const found = others.flatMap(o => {
    const [x, y] = e.id < o.id ? [e, o] : [o, e]
    const like = likeness(x.content, y.content, same)
    return like ? [{ a: x.id, b: y.id, score: like.score, evidence: like, signature: signatureOf(x.content, y.content) }] : []
  })
  await sql`delete from catalog.duplicate where ${e.id} in (a, b) and settled is null
    and (a, b) not in (select a, b from jsonb_to_recordset(${JSON.stringify(found)}::jsonb) r (a uuid, b uuid))`.execute(tx)
  await sql`insert into catalog.duplicate (a, b, score, evidence, signature, found)
    select a, b, score, evidence, signature, ${ctx.now} from jsonb_to_recordset(${JSON.stringify(found)}::jsonb)
      r (a uuid, b uuid, score real, evidence jsonb, signature text)
    on conflict (a, b) do update set score = excluded.score, evidence = excluded.evidence, signature = excluded.signature,
      found = case when catalog.duplicate.signature = excluded.signature then catalog.duplicate.found else excluded.found end`.execute(tx)
}

/** Notes what was decided about entries of a case: who is the source of all of them, or that they are different things. */
export async function settlePairs(
  tx: Tx,
  ctx: Context,
  ids: string[],
  s: { settled: 'source' | 'different'; caseNo: string; reason: string },
): Promise<void> {
  const { rows } = await sql<Side>`select e.id, v.content from catalog.entry e
    join lateral (select content from catalog.version v where v.entry_id = e.id order by (v.state in ('published', 'in_review')) desc, v.version desc limit 1) v on true
    where e.id = any(${ids}::uuid[]) order by e.id`.execute(tx)
  const same = await sameWords(tx)
  for (const [i, x] of rows.entries())
    for (const y of rows.slice(i + 1)) {
      const like = likeness(x.content, y.content, same)
      const signature = signatureOf(x.content, y.content)
      await sql`insert into catalog.duplicate (a, b, score, evidence, signature, found, settled, settled_signature, settled_on, case_no, reason)
        values (${x.id}, ${y.id}, ${like?.score ?? 0}, ${JSON.stringify(like ?? { rules: [], title: 0, subjects: [], items: [], of: [0, 0] })}::jsonb,
          ${signature}, ${ctx.now}, ${s.settled}, ${signature}, ${ctx.day}, ${s.caseNo}, ${s.reason})
        on conflict (a, b) do update set signature = excluded.signature, settled = excluded.settled, settled_signature = excluded.signature,
          settled_on = excluded.settled_on, case_no = excluded.case_no, reason = excluded.reason`.execute(tx)
    }
}

const cited = (b: EntryContent['legalException']) =>
  !!(b?.instrument && b.article && ['law', 'administrative-regulation', 'local-regulation'].includes(b.kind))

/** Who was named to collect, for an entry that several departments had. */
export const collectorOf = (db: Database | Tx, entryId: string) =>
  db.selectFrom('catalog.collector').select(['department_id', 'case_no']).where('entry_id', '=', entryId).executeTakeFirst()

/** One source for one item: refuses what another department already provides, naming it and offering to share instead. */
export async function refuseDuplicates(
  db: Database | Tx,
  e: { id: string; region: string; departmentId: string; content: EntryContent },
  day: string,
): Promise<void> {
  const one = govern(e.region, 'one-source', day)
  const available = govern(e.region, 'available-data', day)
  if (!one.value.bars && !available.value.bars) return
  if ((await collectorOf(db, e.id))?.department_id === e.departmentId) return
  const found = (await duplicatesOf(db, e)).filter(d => d.published)
  // Where both clauses bar it, the one without exception speaks.
  const barred = found.flatMap(d => {
    const reachable = d.mounted && d.shareClass !== 'denied'
    const rule = reachable && available.value.bars ? available : one.value.bars ? one : null
    if (!rule || (rule.value.exception === 'law' && cited(e.content.legalException))) return []
    return { d, cite: rule.cite, exception: rule.value.exception }
  })
  const first = barred[0]
  if (first)
    throw duplicate(
      barred.map(b => b.d),
      first.cite,
      first.exception === 'law',
    )
}

function duplicate(found: Duplicate[], cite: Cite, excepting: boolean): Problem {
  const d = found[0]!
  return new Problem('catalog.duplicate', {
    status: 409,
    reason: 'duplicate-collection',
    detail: `${d.department}已经提供“${d.title}”（${d.code}），其中有${d.items
      .slice(0, 5)
      .map(n => `“${n}”`)
      .join('、')}，不再另行采集。`,
    cite,
    remedy: `请改为向${d.department}申请共享：打开目录 ${d.code} 提出申请。${excepting ? '法律、法规另有规定的，写明名称和条款后再提交。' : ''}`,
    errors: found.map(f => ({
      pointer: '/items',
      code: 'duplicate-collection',
      message: `与${f.department}的“${f.title}”（${f.code}）重复：${f.items.join('、')}。`,
      cite,
      remedy: `申请共享：/workbench/catalog/${f.code.replace('/', '-')}/apply`,
    })),
  })
}

/** In review: what several departments have is published only for the one that was named to collect it. */
export async function refuseUnsettled(
  db: Database | Tx,
  e: { id: string; region: string; departmentId: string; content: EntryContent },
  day: string,
): Promise<void> {
  const rule = govern(e.region, 'source-department', day)
  const named = await collectorOf(db, e.id)
  if (named?.department_id === e.departmentId) return
  if (named)
    throw new Problem('catalog.not_collector', {
      status: 409,
      reason: 'duplicate-collection',
      detail: `这项数据已明确由另一个部门采集（${named.case_no}），本目录不能发布。`,
      cite: rule.cite,
      remedy: '请撤回这条目录，改为向数源部门申请共享。',
    })
  if (!rule.value.required || cited(e.content.legalException)) return
  const found = await duplicatesOf(db, e)
  if (!found.length) return
  throw new Problem('catalog.unsettled', {
    status: 409,
    reason: 'duplicate-unresolved',
    detail: `与${found.map(d => `${d.department}的“${d.title}”（${d.code}）`).join('、')}重复，还没有明确由哪个部门采集。`,
    cite: rule.cite,
    remedy: '先用“明确数源部门”办件写明采集部门，再审核发布。',
    errors: found.map(d => ({
      pointer: '/items',
      code: 'duplicate-unresolved',
      message: `与${d.department}的“${d.title}”（${d.code}）重复：${d.items.join('、')}。`,
      cite: rule.cite,
    })),
  })
}

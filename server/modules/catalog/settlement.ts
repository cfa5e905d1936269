import { sql } from 'kysely'
import type { EntryContent, entryStates } from '../../../contract/catalog.ts'
import { regionPrefix } from '../../../contract/common.ts'
import type { StaffContext } from '../../platform/context.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { govern, regionName, shareLabel } from '../regulation/public.ts'
import type { Likeness } from './likeness.ts'
import { forgetSynonyms } from './search.ts'
import { plain } from './segment.ts'

const ruleLabels: Record<Likeness['rules'][number], string> = {
  identifier: '标识相同，半数以上信息项相同',
  title: '名称相近，信息项大多相同',
}
const itemLabels = { same: '名称相同', synonym: '同义', similar: '名称相近' } as const
const settledLabels = { source: '已明确数源部门', different: '已认定不重复' } as const

type Pair = {
  a: string
  b: string
  score: number
  evidence: Likeness
  found: Date
  settled: keyof typeof settledLabels | null
  settled_on: string | null
  case_no: string | null
  reason: string | null
  reopened: boolean
}

/** Most pairs that are read at once; more wait until some of these are settled. */
const mostPairs = 5000

/** Doubles as groups: who is the double of a double stands with both. The likeliest first. */
export async function duplicateGroups(ctx: StaffContext, f: { state: 'open' | 'settled'; after?: string; limit: number }) {
  const { db, actor, day } = ctx
  const region = `${regionPrefix(actor.region)}%`
  const wide = actor.roles.includes('bureau') || actor.roles.includes('inspector')
  // Of what is not published only the own department, and the authority for its region, know anything.
  const seen = (e: string) =>
    sql`(${sql.ref(`${e}.published`)} is not null or ${sql.ref(`${e}.department_id`)} = ${actor.departmentId} or (${wide} and ${sql.ref(`${e}.region`)} like ${region}))`
  const { rows: pairs } = await sql<Pair>`
    select p.a, p.b, p.score, p.evidence, p.found, p.settled, p.settled_on, p.case_no, p.reason,
      p.settled is not null and p.settled_signature <> p.signature as reopened
    from catalog.duplicate p join catalog.entry x on x.id = p.a join catalog.entry y on y.id = p.b
    where not x.withdrawn and not y.withdrawn and ${seen('x')} and ${seen('y')}
      and (${actor.departmentId} in (x.department_id, y.department_id) or (${wide} and (x.region like ${region} or y.region like ${region})))
      and (p.settled is null or p.settled_signature <> p.signature) = ${f.state === 'open'}
    order by p.score desc, p.a, p.b limit ${mostPairs}`.execute(db)
  const groups = grouped(pairs)
  const offset = Math.max(0, Math.trunc(Number(f.after)) || 0)
  const shown = groups.slice(offset, offset + f.limit)
  const entries = await entriesOf(ctx, [...new Set(shown.flat().flatMap(p => [p.a, p.b]))])
  const { rows: waiting } = await sql<{ n: number }>`select count(*)::int as n from catalog.search s
    left join catalog.compared c on c.entry_id = s.entry_id
    where s.published and (c.etag is null or c.etag not like s.etag || ':%')`.execute(db)
  const bureau = actor.roles.includes('bureau')
  return {
    rows: shown.map(group => {
      const of = [...new Set(group.flatMap(p => [p.a, p.b]))].map(id => entries.get(id)!)
      const inRegion = of.every(e => e.region.startsWith(regionPrefix(actor.region)))
      return {
        key: of[0]!.view.id,
        entries: of.map(e => e.view),
        pairs: group.map(p => ({
          a: entries.get(p.a)!.view.code,
          b: entries.get(p.b)!.view.code,
          score: p.score,
          rules: p.evidence.rules.map(key => ({ key, label: ruleLabels[key] })),
          titleLikeness: p.evidence.title,
          items: p.evidence.items.map(i => ({ ...i, label: itemLabels[i.rule] })),
          of: p.evidence.of,
          found: p.found.toISOString(),
          settled: p.settled
            ? { label: settledLabels[p.settled], reason: p.reason ?? '', caseNo: p.case_no ?? '', on: p.settled_on!, reopened: p.reopened }
            : null,
        })),
        may: bureau && inRegion && f.state === 'open' ? (['settle', 'differ'] as const).slice() : [],
      }
    }),
    next: groups.length > offset + f.limit ? String(offset + f.limit) : null,
    total: groups.length,
    cite: govern(actor.region, 'source-department', day).cite,
    waiting: waiting[0]!.n,
  }
}

/** Pairs that hang together, in the order of their likeliest. Pure. */
export function grouped<P extends { a: string; b: string }>(pairs: P[]): P[][] {
  const root = new Map<string, string>()
  const find = (x: string): string => {
    const up = root.get(x) ?? x
    if (up === x) return x
    const top = find(up)
    root.set(x, top)
    return top
  }
  for (const { a, b } of pairs) root.set(find(a), find(b))
  return [...Map.groupBy(pairs, p => find(p.a)).values()]
}

async function entriesOf({ db, day }: StaffContext, ids: string[]) {
  const { rows } = await sql<any>`select e.id, e.code, e.region, e.department_id, e.published, d.name as department, v.state, v.content,
      m.rows, m.updated, n.name as collector
    from catalog.entry e join organization.department_view d on d.id = e.department_id
    join lateral (select state, content from catalog.version v where v.entry_id = e.id
      order by (v.version = e.published) desc nulls last, v.version desc limit 1) v on true
    left join catalog.mount m on m.entry_id = e.id
    left join catalog.collector c on c.entry_id = e.id left join organization.department_view n on n.id = c.department_id
    where e.id = any(${ids}::uuid[])`.execute(db)
  return new Map(
    rows.map(r => {
      const c = r.content as EntryContent
      const view = {
        id: r.id as string,
        code: r.code as string,
        title: c.title,
        department: r.department as string,
        departmentId: r.department_id as string,
        regionName: regionName(r.region),
        state: (r.published ? 'published' : r.state) as keyof typeof entryStates,
        mounted: r.rows !== null,
        rows: Number(r.rows ?? 0),
        updated: (r.updated?.toISOString() ?? null) as string | null,
        items: c.items.length,
        identifiers: c.items.filter(i => i.identifier).map(i => i.name),
        shareLabel: shareLabel(r.region, c.shareClass, day),
        collector: (r.collector ?? null) as string | null,
      }
      return [r.id as string, { region: r.region as string, view }]
    }),
  )
}

// ── Synonyms ──

const columns = ['id', 'words', 'same', 'added_by as by'] as const
export const listSynonyms = ({ db }: StaffContext) => db.selectFrom('catalog.synonym').select(columns).orderBy('id').execute()

/** Adds a group; the words are kept as queries are read: one width, one case. */
export async function addSynonyms(ctx: StaffContext, given: { words: string[]; same: boolean }) {
  const words = [...new Set(given.words.map(plain))].filter(Boolean)
  if (words.length < 2)
    refuse('request.invalid', {
      detail: '一组同义词要有两个以上不同的词。',
      errors: [{ pointer: '/words', code: 'field-missing', message: '至少两个不同的词' }],
    })
  const made = await ctx.db.transaction().execute(async tx => {
    const known = await sql<{
      id: number
    }>`select id from catalog.synonym where words @> ${words}::text[] and same = ${given.same}`.execute(tx)
    if (known.rows.length)
      refuse('catalog.synonym_known', { status: 409, detail: `“${words.join('、')}”已经是同义词。`, remedy: '不用再加，直接查找即可。' })
    await record(tx, ctx, { action: 'catalog.synonym', subject: words.join('、'), content: given.same ? '添加：同一事物的名称' : '添加' })
    return tx
      .insertInto('catalog.synonym')
      .values({ words, same: given.same, added_by: ctx.actor.name })
      .returning(columns)
      .executeTakeFirstOrThrow()
  })
  forgetSynonyms(ctx.db)
  return made
}

export async function removeSynonyms(ctx: StaffContext, id: number): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const gone =
      (await tx.deleteFrom('catalog.synonym').where('id', '=', id).returning('words').executeTakeFirst()) ??
      notFound('catalog.synonym', '同义词')
    await record(tx, ctx, { action: 'catalog.synonym', subject: gone.words.join('、'), content: '删除' })
  })
  forgetSynonyms(ctx.db)
}

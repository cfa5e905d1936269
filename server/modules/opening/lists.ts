import { sql } from 'kysely'
import type { Cite } from '../../../contract/common.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { Faults, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { departmentFor } from '../organization/public.ts'
import { gateMode, govern, openLabel, regionName } from '../regulation/public.ts'
import { changedSince } from './attributes.ts'
import { releaseReviewed, withdrawListing } from './commands.ts'
import { findEntry, isShared, type OpenEntry } from './queries.ts'

/** Publishing is for the body the place names: the department itself, or its authority. */
export async function demandPublisher(ctx: StaffContext, entry: OpenEntry): Promise<void> {
  const rule = govern(entry.region, 'open-publish', ctx.day)
  const competent: string[] = []
  for (const role of rule.value.by) {
    if (role === 'provider') {
      competent.push(entry.department)
      if (ctx.actor.departmentId === entry.departmentId) return
      continue
    }
    const d = await departmentFor(ctx.db, rule.adopter || entry.region, role, rule.roleLabels[role] ?? role)
    competent.push(d.name)
    if (ctx.actor.departmentId === d.id) return
  }
  refuse('opening.not_publisher', {
    status: 403,
    reason: 'not-competent',
    detail: `「${entry.title}」由 ${competent.join('、')} 公布。`,
    remedy: '审查通过后由它公布。',
    cite: rule.cite,
  })
}

type ListRow = {
  department: string
  departmentId: string
  region: string
  class: 'open' | 'conditional'
  version: number
  published: Date
  entries: { code: string; title: string; conditions: string }[]
  cite: Cite
}
const listColumns = `l.department, l.department_id as "departmentId", l.region, l.class, l.version, l.published, l.cite,
  coalesce((select json_agg(json_build_object('code', e.code, 'title', e.title, 'conditions', coalesce(o.attributes ->> 'openConditions', e.content ->> 'openConditions', '')) order by e.code)
    from catalog.entry_view e left join opening.listing o on o.entry_id = e.id where e.id = any (l.entries) and e.state = 'published'), '[]') as entries`

export const listViews = async (ctx: Context, region: string | null) =>
  (
    await ctx.pool.query<ListRow>(
      `select distinct on (l.department_id, l.class) ${listColumns} from opening.list l where $1::text is null or l.region = $1
       order by l.department_id, l.class, l.version desc`,
      [region],
    )
  ).rows.map(r => listView(ctx, r))

const listView = (ctx: Context, { departmentId: _, ...r }: ListRow) => ({
  ...r,
  regionName: regionName(r.region),
  label: govern(r.region, 'open-lists', ctx.day).value.names[r.class] ?? openLabel(r.region, r.class, ctx.day),
  published: r.published.toISOString(),
})

/** A new version of one of the department's lists: what is on it and reviewed is released, what left it is taken down. */
export async function publishDepartmentList(ctx: StaffContext, cls: 'open' | 'conditional', codes: string[]) {
  const { departmentId, department, region } = ctx.actor
  const rule = govern(region, 'open-lists', ctx.day)
  const scope = govern(region, 'open-scope', ctx.day)
  const review = govern(region, 'open-list-review', ctx.day)
  // Where no text orders a review of the list, ours may be switched to a reminder; then a proposal is enough.
  const reminded = review.origin === 'platform' && gateMode(region, 'secrecy-review') === 'remind'
  const unreviewed = (e: OpenEntry): string | null => {
    if (e.pending?.state === 'reviewed' || (e.pending && reminded)) return null
    if (e.listing?.state !== 'open')
      return e.pending ? `「${e.title}」的审查 ${e.pending.caseNo} 还没有办结。` : `「${e.title}」还没有提请开放。`
    const changed = changedSince(e)
    return changed.length ? `「${e.title}」的${changed.join('、')}在审查以后有变更，还没有再审查。` : null
  }
  const faults = new Faults()
  const entries: OpenEntry[] = []
  for (const [i, code] of codes.entries()) {
    const at = `/entries/${i}`
    const e = await findEntry(ctx.pool, { urlCode: code.replace('/', '-') })
    if (e?.state !== 'published')
      faults.add(at, 'entry-not-registered', `${code} 没有登记和发布的目录，不能列入开放清单。`, {
        cite: scope.cite,
        remedy: '请先登记目录并经审核发布。',
      })
    else if (e.departmentId !== departmentId) faults.add(at, 'not-owner', `「${e.title}」属于 ${e.department}。`, { cite: rule.cite })
    else if (!scope.value.shared && (await isShared(ctx.pool, e)))
      faults.add(at, 'shared-data-not-openable', `「${e.title}」是共享得来的，不列入本部门的开放清单。`, { cite: scope.cite })
    else if (e.openClass !== cls)
      faults.add(at, 'open-type-invalid', `「${e.title}」的开放类型是${openLabel(region, e.openClass, ctx.day)}，不能列入这张清单。`, {
        cite: govern(region, 'open-types', ctx.day).cite,
      })
    else {
      const why = unreviewed(e)
      if (why) faults.add(at, 'list-review-required', why, { cite: review.cite, remedy: '请由提供部门提请开放，审查通过后再公布。' })
      else entries.push(e)
    }
  }
  faults.throwIfAny('opening.list')
  await ctx.db.transaction().execute(async tx => {
    const { rows } = await sql<{ version: number; entries: string[] }>`select version, entries from opening.list
      where department_id = ${departmentId} and class = ${cls} order by version desc limit 1 for update`.execute(tx)
    await sql`insert into opening.list (department_id, class, version, region, department, entries, published, published_by, cite)
      values (${departmentId}, ${cls}, ${(rows[0]?.version ?? 0) + 1}, ${region}, ${department}, ${entries.map(e => e.entryId)}, ${ctx.now}, ${ctx.actor.name}, ${JSON.stringify(rule.cite)})`.execute(
      tx,
    )
    const name = rule.value.names[cls] ?? '开放清单'
    await record(tx, ctx, {
      action: 'opening.list',
      subject: `${department} ${name}`,
      content: `第 ${(rows[0]?.version ?? 0) + 1} 版，${entries.length} 个：${entries.map(e => e.title).join('、')}`,
      cite: rule.cite,
    })
    if (rule.value.required) {
      for (const e of entries) if (e.pending?.state === 'reviewed') await releaseReviewed(tx, ctx, e)
      for (const id of rows[0]?.entries ?? []) {
        if (entries.some(e => e.entryId === id)) continue
        const e = await findEntry(ctx.pool, { entryId: id })
        if (e?.listing?.state === 'open') await withdrawListing(tx, ctx, e, `已移出「${name}」。`)
      }
    }
  })
  const all = await ctx.pool.query<ListRow>(
    `select ${listColumns} from opening.list l where l.department_id = $1 and l.class = $2 order by l.version desc limit 1`,
    [departmentId, cls],
  )
  return listView(ctx, all.rows[0]!)
}

/** What is closed or conditional, with its basis, where the place wants it known. Entries without basis are left out; their department is told. */
export async function restrictedList(ctx: Context, region: string | null) {
  const { rows } = await ctx.pool.query<{
    code: string
    title: string
    department: string
    region: string
    openClass: 'conditional' | 'closed'
    conditions: string
    basis: { instrument?: string; article?: string } | null
    ground: string | null
    evidence: Record<string, string>
  }>(
    `select e.code, e.title, e.department, e.region, e.open_class as "openClass", coalesce(e.content ->> 'openConditions', '') as conditions,
       e.content -> 'openBasis' as basis, e.content #>> '{openExclusion,ground}' as ground, coalesce(e.content #> '{openExclusion,evidence}', '{}') as evidence
     from catalog.entry_view e
     where e.state = 'published' and e.open_class in ('conditional', 'closed') and ($1::text is null or e.region = $1) order by e.code limit 5000`,
    [region],
  )
  return rows.flatMap(({ basis, ground, evidence, ...r }) => {
    const rule = govern(r.region, 'open-restricted', ctx.day)
    if (!(rule.value.publish as string[]).includes(r.openClass)) return []
    const needed = (govern(r.region, 'open-basis', ctx.day).value.required as string[]).includes(r.openClass)
    const named = !!basis?.instrument?.trim() && !!basis.article?.trim()
    if (needed && !named) return []
    return [
      {
        ...r,
        regionName: regionName(r.region),
        openLabel: openLabel(r.region, r.openClass, ctx.day),
        basis: named ? `《${basis!.instrument}》${basis!.article}` : '',
        ground: govern(r.region, 'open-exclusions', ctx.day).value.grounds.find(g => g.key === ground)?.label ?? null,
        channel: evidence.channel && evidence.channel !== '无' ? evidence.channel : null,
        cite: rule.cite,
      },
    ]
  })
}

type PlanItem = {
  code: string
  title: string
  department: string
  conditions: string
  target: string
  priority: boolean
  criterion: string
}
/** The yearly plan: every item says on which conditions it will be opened. */
export async function publishYearPlan(ctx: StaffContext, p: { year: number; focus: string; items: PlanItem[] }) {
  const rule = govern(ctx.actor.region, 'open-plan', ctx.day)
  const authority = await departmentFor(ctx.db, rule.adopter || ctx.actor.region, 'authority', rule.roleLabels.authority ?? '主管部门')
  if (authority.id !== ctx.actor.departmentId)
    refuse('opening.not_publisher', {
      status: 403,
      reason: 'not-competent',
      detail: `开放年度计划由 ${authority.name} 会同提供部门制定和公布。`,
      cite: rule.cite,
    })
  const faults = new Faults()
  for (const [i, item] of p.items.entries())
    if (!item.conditions)
      faults.add(`/items/${i}/conditions`, 'conditions-required', `计划第 ${i + 1} 项「${item.title}」没有写明开放条件。`, {
        cite: rule.cite,
        remedy: '不需要条件的写“无条件”。',
      })
  const focus = govern(ctx.actor.region, 'open-focus', ctx.day)
  for (const [i, item] of p.items.entries())
    if (item.priority && !focus.value.criteria[item.criterion])
      faults.add(
        `/items/${i}/criterion`,
        'criterion-required',
        `计划第 ${i + 1} 项「${item.title}」列为优先，要写明符合哪一条：${Object.values(focus.value.criteria).join('；')}。`,
        {
          cite: focus.cite,
        },
      )
  faults.throwIfAny('opening.plan')
  const { region } = ctx.actor
  await ctx.db.transaction().execute(async tx => {
    await savePlan(tx, ctx, p, rule.cite)
    await record(tx, ctx, { action: 'opening.plan', subject: `${p.year} 年开放计划`, content: `${p.items.length} 项`, cite: rule.cite })
  })
  return (await planViews(ctx, region)).find(x => x.year === p.year)!
}
const savePlan = (tx: Tx, ctx: StaffContext, p: { year: number; focus: string; items: PlanItem[] }, cite: Cite) =>
  sql`insert into opening.plan (region, year, version, items, focus, published, published_by, cite)
    select ${ctx.actor.region}, ${p.year}, coalesce(max(version), 0) + 1, ${JSON.stringify(p.items)}, ${p.focus}, ${ctx.now}, ${ctx.actor.name}, ${JSON.stringify(cite)}
    from opening.plan where region = ${ctx.actor.region} and year = ${p.year}`.execute(tx)

export async function planViews(ctx: Context, region: string | null) {
  const { rows } = await ctx.pool.query<{
    region: string
    year: number
    version: number
    items: PlanItem[]
    focus: string
    published: Date
    cite: Cite
    open: string[]
  }>(
    `select distinct on (p.region, p.year) p.region, p.year, p.version, p.items, p.focus, p.published, p.cite,
       array(select e.code from opening.listing l join catalog.entry_view e on e.id = l.entry_id
         where l.state = 'open' and e.code in (select x ->> 'code' from jsonb_array_elements(p.items) x)) as open
     from opening.plan p where $1::text is null or p.region = $1 order by p.region, p.year desc, p.version desc`,
    [region],
  )
  return rows.map(({ open, ...r }) => ({
    ...r,
    regionName: regionName(r.region),
    published: r.published.toISOString(),
    items: r.items.map(i => ({ ...i, done: open.includes(i.code) })),
  }))
}

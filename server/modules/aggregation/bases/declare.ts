import { sql } from 'kysely'
import type { BasePlan, ThemePlan } from '../../../../contract/bases.ts'
import { regionPrefix } from '../../../../contract/common.ts'
import type { StaffContext } from '../../../platform/context.ts'
import type { Database, Tx } from '../../../platform/db.ts'
import { newId } from '../../../platform/id.ts'
import { Faults, notFound, refuse } from '../../../platform/problem.ts'
import { record } from '../../audit/public.ts'
import { publishedEntry } from '../../catalog/public.ts'
import { departmentFor } from '../../organization/public.ts'
import { notifyDepartments } from '../../procedure/public.ts'
import { govern, regionName, regionOf } from '../../regulation/public.ts'
import { mountOf } from '../queries.ts'
import { type Derived, derivedById, partsOf } from './queries.ts'
import { entriesOf } from './refresh.ts'
import { rightsOf } from './rights.ts'
import { baseFaults, type Fault, type Part, themeFaults } from './rules.ts'

/** Who builds base databases for a region. Nobody registered: it is known by name only. */
export async function builderOf(db: Database | Tx, region: string, day: string) {
  const rule = govern(region, 'base-databases', day)
  const label = rule.roleLabels[rule.value.by] ?? '数据主管部门'
  const body = await departmentFor(db, rule.adopter || region, rule.value.by, label).catch(() => null)
  return { rule, label, body }
}

/** The region and those above it: whose databases serve it. */
export function regionsAbove(region: string): string[] {
  const codes: string[] = []
  for (let at = regionOf(region); at; at = at.parent ? regionOf(at.parent) : undefined) codes.push(at.code)
  return codes
}

export async function createBase(ctx: StaffContext, o: { theme: string; title: string }): Promise<string> {
  const { rule, label, body } = await builderOf(ctx.db, ctx.actor.region, ctx.day)
  if (body?.id !== ctx.actor.departmentId)
    refuse('aggregation.base_database_owner', {
      status: 403,
      reason: 'base-database-owner',
      detail: `基础数据库“${o.theme}”由${body?.name ?? label}建设，本部门不能另建（${rule.cite.title} ${rule.cite.article}）。`,
      cite: rule.cite,
      remedy: `请使用${regionName(body?.region ?? rule.adopter)}的基础数据库服务；需要新的主题，向${body?.name ?? label}提出。`,
    })
  return create(ctx, 'base', o, { cite: rule.cite })
}

/** A theme database is its lead department's own; what it may take from others is asked when the joins are declared. */
export const createTheme = (ctx: StaffContext, o: { theme: string; title: string }): Promise<string> => create(ctx, 'theme', o, {})

async function create(
  ctx: StaffContext,
  kind: Derived['kind'],
  o: { theme: string; title: string },
  more: { cite?: Parameters<typeof record>[2]['cite'] },
): Promise<string> {
  const id = newId()
  const title = o.title || o.theme
  await ctx.db.transaction().execute(async tx => {
    const { rows } = await sql`insert into aggregation.derived (id, kind, region, theme, title, department_id, created)
      values (${id}, ${kind}, ${ctx.actor.region}, ${o.theme}, ${title}, ${ctx.actor.departmentId}, ${ctx.now}) on conflict do nothing returning id`.execute(
      tx,
    )
    if (!rows.length)
      refuse('aggregation.base_database_exists', {
        status: 409,
        detail: `已有“${o.theme}”${kind === 'base' ? '基础数据库' : '主题数据库'}。`,
        remedy: '请打开已有的那一个，或换一个主题。',
      })
    await record(tx, ctx, { action: 'base.create', subject: title, data: { kind }, ...more })
  })
  return id
}

export async function ownDerived(ctx: StaffContext, id: string): Promise<Derived> {
  const d = (await derivedById(ctx.db, id)) ?? notFound('aggregation.database', '数据库')
  if (d.department_id !== ctx.actor.departmentId)
    refuse('aggregation.database_owner', {
      status: 403,
      reason: 'not-competent',
      detail: `“${d.title}”由别的部门建设，只有它的人员可以办理。`,
      remedy: '请联系建设部门。',
    })
  return d
}

/**
 * Everything that keeps a plan from being carried out. A base is aggregated by duty: its builder takes what the departments of its region
 * have brought together. Whoever makes a theme uses others' entries under the grants it holds, like any other use.
 */
export async function faultsOf(
  db: Database | Tx,
  d: Pick<Derived, 'kind' | 'region' | 'department_id'>,
  plan: BasePlan | ThemePlan,
  target: Part,
  parts: ReadonlyMap<string, Part>,
  day: string,
): Promise<Fault[]> {
  const homes = new Map(
    (
      await db
        .selectFrom('catalog.entry_view')
        .select(['id', 'region', 'department_id', 'department'])
        .where('id', 'in', [target.id, ...parts.keys()])
        .execute()
    ).map(e => [e.id!, e]),
  )
  const faults: Fault[] =
    homes.get(target.id)?.department_id === d.department_id
      ? []
      : [{ pointer: '/entryId', code: 'not-your-entry', message: '存放结果的目录要是本部门的。', remedy: '请选择本部门发布的目录。' }]
  if (d.kind === 'base') {
    const base = plan as BasePlan
    faults.push(...baseFaults(base, target, parts))
    for (const [i, s] of base.sources.entries()) {
      const home = homes.get(s.entryId)
      if (home && !home.region!.startsWith(regionPrefix(d.region)))
        faults.push({
          pointer: `/plan/sources/${i}`,
          code: 'source-outside',
          message: `「${parts.get(s.entryId)!.title}」属于${regionName(home.region!)}，不在${regionName(d.region)}的汇聚范围。`,
          remedy: '选择本地区的目录；别处的数据按共享办理。',
        })
    }
    return faults
  }
  const theme = plan as ThemePlan
  faults.push(...themeFaults(theme, target, parts))
  const foreign = [...parts.keys()].filter(id => id !== target.id && homes.get(id)?.department_id !== d.department_id)
  if (!foreign.length) return faults
  const rights = await rightsOf(db, d.department_id, foreign, day)
  const used = [
    ...theme.columns.map((c, i) => ({ entryId: c.entryId, item: c.from, pointer: `/plan/columns/${i}` })),
    ...theme.joins.flatMap((j, i) => [
      { entryId: j.entryId, item: j.item, pointer: `/plan/joins/${i}` },
      { ...j.to, pointer: `/plan/joins/${i}` },
    ]),
  ]
  for (const u of used) {
    const part = parts.get(u.entryId)
    const name = part?.content.items.find(x => x.key === u.item)?.name
    if (!name || !foreign.includes(u.entryId) || rights.has(`${u.entryId} ${u.item}`)) continue
    faults.push({
      pointer: u.pointer,
      code: 'no-access-grant',
      message: `本部门没有「${part!.title}」的「${name}」按原样使用的有效授权（${part!.department}）。`,
      remedy: '先申请共享或直接取用，得到授权后再声明。',
    })
  }
  return faults
}

/** Declares what a database is made of. The first rows are made right after, in the background. */
export async function declare(
  ctx: StaffContext,
  d: Derived,
  o: { version: number; entryId: string; plan: BasePlan | ThemePlan },
): Promise<void> {
  if (d.kind === 'base') {
    const { rule, body, label } = await builderOf(ctx.db, d.region, ctx.day)
    if (body?.id !== ctx.actor.departmentId)
      refuse('aggregation.base_database_owner', {
        status: 403,
        reason: 'base-database-owner',
        detail: `基础数据库由${body?.name ?? label}建设（${rule.cite.title} ${rule.cite.article}）。`,
        cite: rule.cite,
        remedy: `请联系${body?.name ?? label}。`,
      })
  }
  const entries = [...new Set(entriesOf({ kind: d.kind, plan: o.plan }))]
  await ctx.db.transaction().execute(async tx => {
    const parts = await partsOf(tx, [...entries, o.entryId])
    const target = parts.get(o.entryId) ?? notFound('catalog.entry', '目录')
    parts.delete(o.entryId)
    if (entries.includes(o.entryId)) parts.set(o.entryId, target)
    const faults = new Faults()
    for (const f of await faultsOf(tx, d, o.plan, target, parts, ctx.day)) faults.add(f.pointer, f.code, f.message, { remedy: f.remedy })
    if (d.entry_id && d.entry_id !== o.entryId)
      faults.add('/entryId', 'entry-fixed', '结果已经存放在另一条目录里，不能改换。', {
        remedy: '请选回原来的目录；需要另存的，另建一个数据库。',
      })
    else if (!d.entry_id && (await mountOf(tx, o.entryId)))
      faults.add('/entryId', 'entry-filled', `目录「${target.title}」已经有别的数据，不能再存放结果。`, { remedy: '请登记一条新的目录。' })
    else if (await circular(tx, o.entryId, entries))
      faults.add('/plan', 'circular', '来源里有由这个数据库产生的数据，会循环。', { remedy: '请去掉这个来源。' })
    faults.throwIfAny('aggregation.database_plan')
    const { rows } =
      await sql`update aggregation.derived set entry_id = ${o.entryId}, plan = ${JSON.stringify(o.plan)}, version = version + 1, stale = true
      where id = ${d.id} and version = ${o.version} returning id`.execute(tx)
    if (!rows.length)
      refuse('aggregation.database_changed', {
        status: 409,
        detail: `“${d.title}”的声明刚被别人修改过。`,
        remedy: '请刷新后再看，需要的话重新修改。',
      })
    await sql`delete from aggregation.derived_source where derived_id = ${d.id}`.execute(tx)
    for (const [i, entryId] of entries.entries())
      await sql`insert into aggregation.derived_source (derived_id, place, entry_id) values (${d.id}, ${i + 1}, ${entryId})`.execute(tx)
    const { rule } = await builderOf(tx, d.region, ctx.day)
    await record(tx, ctx, {
      action: 'base.declare',
      subject: target.code,
      content: entries.map(id => parts.get(id)!.code).join('、'),
      purpose: d.kind === 'base' ? `按职责建设${d.title}` : `建设${d.title}`,
      ...(d.kind === 'base' && { cite: rule.cite }),
      data: { database: d.title, version: o.version + 1 },
    })
    const owners = await Promise.all(entries.map(async id => (await publishedEntry(tx, { id }))?.department_id ?? null))
    await notifyDepartments(
      tx,
      ctx.now,
      [...new Set(owners)].filter(id => id !== ctx.actor.departmentId),
      `本部门的目录成为“${d.title}”的来源（${ctx.actor.department}）`,
      `/workbench/databases/${d.id}`,
    )
    await ctx.jobs.enqueue(tx, 'aggregation.refresh', { id: d.id })
  })
}

/** Whether one of these entries is made, directly or not, of the one that would be made of them. */
async function circular(tx: Tx, entryId: string, entries: string[]): Promise<boolean> {
  const { rows } = await sql<{ is: boolean }>`
    with recursive below as (
      select unnest(${entries}::uuid[]) as entry_id
      union select s.entry_id from below b join aggregation.derived d on d.entry_id = b.entry_id
        join aggregation.derived_source s on s.derived_id = d.id
    ) select exists (select from below where entry_id = ${entryId}) as is`.execute(tx)
  return rows[0]!.is
}

/** All rows anew; those that come out the same are not touched. */
export async function rebuild(ctx: StaffContext, d: Derived): Promise<void> {
  if (!d.entry_id) refuse('aggregation.database_plan', { detail: `“${d.title}”还没有声明来源。`, remedy: '请先声明来源和属性。' })
  await ctx.db.transaction().execute(async tx => {
    await sql`update aggregation.derived set stale = true where id = ${d.id}`.execute(tx)
    await record(tx, ctx, { action: 'base.rebuild', subject: d.title })
    await ctx.jobs.enqueue(tx, 'aggregation.refresh', { id: d.id })
  })
}

/** One way in: an entry made of others takes no deliveries of its own. */
export async function requireNotDerived(db: Database | Tx, entryId: string): Promise<void> {
  const { rows } = await sql<{ title: string }>`select title from aggregation.derived where entry_id = ${entryId}`.execute(db)
  if (rows[0])
    refuse('aggregation.entry_derived', {
      status: 409,
      reason: 'entry-derived',
      detail: `这条目录存放“${rows[0].title}”归集的结果，不能另外入库。`,
      remedy: '请在来源目录更正数据，结果随之刷新。',
    })
}

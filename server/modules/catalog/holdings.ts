import { sql } from 'kysely'
import { regionPrefix } from '../../../contract/common.ts'
import { addDays } from '../../platform/clock.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { type DepartmentKind, departmentById, departmentFor, isDepartment } from '../organization/public.ts'
import { fulfilDuties, openDuty, registerHooks, startCase } from '../procedure/public.ts'
import { govern, law, regionName } from '../regulation/public.ts'
import { pathOf } from './public.ts'
import { freshness } from './rules.ts'

const pathColumn = sql<string>`replace(code, '/', '-')`

/** Where a text says 定期 without an interval, we remind after this many days; it is ours, not the text's. */
export const releaseDays = 92
const releaseHref = (region: string) => `/workbench/catalog/releases?region=${region}`

/** The catalog of a place as a numbered release: only what has been reviewed and published goes in. */
export async function releaseCatalog(ctx: StaffContext, codes: string[] | undefined) {
  const region = ctx.actor.region
  const rule = govern(region, 'catalog-release', ctx.day)
  const body = await departmentFor(ctx.db, region, 'authority', '主管部门')
  if (body.id !== ctx.actor.departmentId)
    refuse('catalog.not_competent', { status: 403, reason: 'not-competent', detail: `目录由${body.name}公布。`, cite: rule.cite })
  return ctx.db.transaction().execute(async tx => {
    const entries = await tx
      .selectFrom('catalog.entry_view')
      .select(['code', 'title', 'department', 'version'])
      .where('region', '=', region)
      .where('state', '=', 'published')
      .$if(!!codes, q => q.where(pathColumn, 'in', codes!.map(pathOf)))
      .orderBy('code')
      .execute()
    const missing = codes?.filter(code => !entries.some(e => pathOf(e.code!) === pathOf(code))) ?? []
    if (missing.length || !entries.length)
      refuse('catalog.release_unreviewed', {
        status: 409,
        reason: 'entry-not-approved',
        detail: missing.length ? `${missing.join('、')} 还没有审核发布，不能列入公布的目录。` : '还没有审核发布的目录。',
        cite: rule.cite,
        errors: missing.map(code => ({
          pointer: `/codes/${codes!.indexOf(code)}`,
          code: 'entry-not-approved',
          message: `${code} 没有审核发布`,
          cite: rule.cite,
        })),
      })
    const last = await tx
      .selectFrom('catalog.release')
      .select('version')
      .where('region', '=', region)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst()
    const version = (last?.version ?? 0) + 1
    await tx
      .insertInto('catalog.release')
      .values({
        region,
        version,
        released: ctx.day as never,
        released_by: ctx.actor.department,
        entries: JSON.stringify(entries),
        cite: JSON.stringify(rule.cite),
      })
      .execute()
    await fulfilDuties(tx, { name: 'catalog-release', href: releaseHref(region) }, ctx.day)
    await record(tx, ctx, {
      action: 'catalog.release',
      subject: `${regionName(region)}目录第 ${version} 期`,
      content: `${entries.length} 条`,
      cite: rule.cite,
    })
    return version
  })
}

export async function releases(db: Database, region: string) {
  const rows = await db
    .selectFrom('catalog.release')
    .selectAll()
    .where('region', '=', region)
    .orderBy('version', 'desc')
    .limit(50)
    .execute()
  return rows.map(r => ({
    region: r.region,
    version: r.version,
    released: r.released as unknown as string,
    by: r.released_by,
    entries: r.entries as unknown as { code: string; title: string; department: string; version: number }[],
    cite: r.cite,
  }))
}

/** Reminds the authority of every place whose text says that the catalog is published regularly. Runs daily. */
export async function remindReleases(ctx: Context): Promise<void> {
  for (const r of law().regions.values()) {
    const rule = govern(r.code, 'catalog-release', ctx.day)
    if (rule.origin !== 'law' || rule.adopter !== r.code) continue
    const { rows } = await sql<{ last: string | null; first: string | null }>`
      select (select max(released)::text from catalog.release where region = ${r.code}) as last,
             (select min(v.published)::date::text from catalog.version v join catalog.entry e on e.id = v.entry_id where e.region = ${r.code}) as first`.execute(
      ctx.db,
    )
    const since = rows[0]!.last ?? rows[0]!.first
    if (!since || addDays(since, releaseDays) > ctx.day) continue
    const body = await departmentFor(ctx.db, r.code, 'authority', '主管部门').catch(() => null)
    const open = await ctx.db
      .selectFrom('procedure.duty_view')
      .select('id')
      .where('name', '=', 'catalog-release')
      .where('debtor_id', '=', body?.id ?? null)
      .where('ended', 'is', null)
      .executeTakeFirst()
    if (!body || open) continue
    await ctx.db.transaction().execute(tx =>
      openDuty(tx, {
        name: 'catalog-release',
        what: '公布目录',
        debtorId: body.id,
        debtor: body.name,
        role: 'authority',
        title: `${r.name}目录距上次公布已超过 ${releaseDays} 天（间隔是平台约定）`,
        href: releaseHref(r.code),
        day: ctx.day,
        within: rule.value.within,
        origin: 'platform',
        cite: rule.cite,
      }),
    )
  }
}

/** Where a text says that departments update their catalog regularly, we ask for a look at it after this many days. */
const recheckDays = 183

/** Asks every department whose catalog nobody has looked at for that long. Runs daily. */
export async function remindRechecks(ctx: Context): Promise<void> {
  for (const r of law().regions.values()) {
    const rule = govern(r.code, 'catalog-recheck', ctx.day)
    if (rule.origin !== 'law' || rule.adopter !== r.code) continue
    const { rows } = await sql<{ id: string; name: string }>`
      select d.id, d.name from organization.department_view d
      join catalog.entry e on e.department_id = d.id and e.published is not null and not e.withdrawn
      join catalog.version v on v.entry_id = e.id
      left join procedure.case_view c on c.subject_id = d.id and c.procedure = 'catalog-recheck'
      where d.region = ${r.code} and not d.by_reference
      group by d.id, d.name
      having bool_and(c.id is null or c.ended_at is not null)
         and greatest(max(c.ended_at), min(v.published)) < ${new Date(ctx.now.getTime() - recheckDays * 86_400_000)}`.execute(ctx.db)
    for (const d of rows)
      await ctx.db.transaction().execute(tx =>
        startCase(tx, ctx, {
          procedure: 'catalog-recheck',
          region: r.code,
          subject: { type: 'department', id: d.id, code: null, title: d.name },
          parties: { applicant: d.id, provider: d.id },
          form: {},
          title: `${d.name}定期核对目录`,
        }),
      )
  }
}
registerHooks('catalog-recheck', { closed: '到期时由平台提出' })

/** Data obtained, entrusted or bought, each with the entry it belongs to, or flagged as missing in the catalog. */
export async function acquisitions(ctx: StaffContext) {
  const overseer = ctx.actor.roles.some(r => r === 'bureau' || r === 'inspector')
  const rows = await ctx.db
    .selectFrom('catalog.acquisition as a')
    .innerJoin('organization.department_view as d', 'd.id', 'a.department_id')
    .leftJoin('catalog.entry as e', 'e.id', 'a.entry_id')
    .select(['a.id', 'a.kind', 'a.title', 'a.obtained', 'a.evidence', 'd.name as department', 'd.region', 'e.code', 'e.published'])
    .where(eb =>
      overseer ? eb('d.region', 'like', `${regionPrefix(ctx.actor.region)}%`) : eb('a.department_id', '=', ctx.actor.departmentId),
    )
    .orderBy('a.obtained')
    .limit(500)
    .execute()
  return rows.map(a => {
    const rule = govern(a.region!, 'acquisitions', ctx.day)
    return {
      id: a.id,
      kind: a.kind,
      kindLabel: rule.value.kinds[a.kind] ?? a.kind,
      title: a.title,
      obtained: a.obtained as unknown as string,
      evidence: a.evidence,
      department: a.department!,
      code: a.code,
      missing: a.published
        ? null
        : {
            reason: 'entry-missing',
            text: a.code ? '目录还没有发布。' : `还没有编入目录，要${rule.value.within.word ?? ''}编目。`,
            word: rule.value.within.word,
            cite: rule.cite,
          },
    }
  })
}

export async function addAcquisition(
  ctx: StaffContext,
  a: { kind: string; title: string; obtained: string; evidence: string; code?: string | undefined },
): Promise<string> {
  const rule = govern(ctx.actor.region, 'acquisitions', ctx.day)
  if (!rule.value.kinds[a.kind])
    refuse('catalog.acquisition_kind', {
      reason: 'origin-required',
      detail: `取得方式只能选：${Object.values(rule.value.kinds).join('、')}。`,
      cite: rule.cite,
      errors: [{ pointer: '/kind', code: 'origin-required', message: '没有这种取得方式', cite: rule.cite }],
    })
  const id = newId()
  await ctx.db.transaction().execute(async tx => {
    await tx
      .insertInto('catalog.acquisition')
      .values({
        id,
        department_id: ctx.actor.departmentId,
        kind: a.kind,
        title: a.title,
        obtained: a.obtained as never,
        evidence: a.evidence,
        entry_id: a.code ? await ownEntry(tx as unknown as Database, ctx, a.code) : null,
      })
      .execute()
    await record(tx, ctx, { action: 'catalog.acquisition', subject: a.title, content: rule.value.kinds[a.kind], cite: rule.cite })
  })
  return id
}

export async function linkAcquisition(ctx: StaffContext, id: string, code: string): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const done =
      (await tx
        .updateTable('catalog.acquisition')
        .set({ entry_id: await ownEntry(tx as unknown as Database, ctx, code) })
        .where('id', '=', id)
        .where('department_id', '=', ctx.actor.departmentId)
        .returning('title')
        .executeTakeFirst()) ?? notFound('catalog.acquisition', '登记')
    await record(tx, ctx, { action: 'catalog.acquisition', subject: done.title, content: `编入目录 ${code}` })
  })
}

const ownEntry = async (db: Database, ctx: StaffContext, code: string): Promise<string> =>
  (
    (await db
      .selectFrom('catalog.entry')
      .select('id')
      .where(pathColumn, '=', pathOf(code))
      .where('department_id', '=', ctx.actor.departmentId)
      .executeTakeFirst()) ?? notFound('catalog.entry', '目录')
  ).id

type Measure = { done: boolean; evidence: string }
type Counts = { published: number; mounted: number; given: number; opened: number; received: number }

/** What records say about one duty of a department; nothing here can be ticked. */
const measures: Record<string, (n: Counts & { fresh: number; promised: number }) => Measure> = {
  catalog: n => ({ done: n.published > 0, evidence: `已发布目录 ${n.published} 条` }),
  collect: n => ({ done: n.mounted > 0, evidence: `已汇聚数据的目录 ${n.mounted} 条` }),
  update: n => ({ done: n.promised > 0 && n.fresh === n.promised, evidence: `按更新周期更新的目录 ${n.fresh}/${n.promised} 条` }),
  share: n => ({ done: n.given + n.received > 0, evidence: `提供给别的部门的授权 ${n.given} 个，本部门获得的授权 ${n.received} 个` }),
  use: n => ({ done: n.received > 0, evidence: `本部门获得并使用的授权 ${n.received} 个` }),
  service: n => ({ done: n.opened > 0, evidence: `面向社会提供的数据集 ${n.opened} 个` }),
  open: n => ({ done: n.opened > 0, evidence: `已开放的数据集 ${n.opened} 个` }),
}

/** The duties the regulation gives a department, each done or outstanding by underlying records alone. */
export async function checklist(ctx: StaffContext, departmentId: string) {
  const overseer = ctx.actor.roles.some(r => r === 'bureau' || r === 'inspector')
  const d = await departmentById(ctx.db, departmentId)
  const mine = d?.id === ctx.actor.departmentId || (overseer && d?.region.startsWith(regionPrefix(ctx.actor.region)))
  if (!d || !mine) notFound('organization.department', '部门')
  return itemsOf(ctx, d)
}

async function itemsOf(ctx: StaffContext, d: { id: string; name: string; region: string }) {
  const rule = govern(d.region, 'department-duties', ctx.day)
  const { rows } = await sql<Counts>`
    select (select count(*)::int from catalog.entry e where e.department_id = ${d.id} and e.published is not null and not e.withdrawn) as published,
           (select count(*)::int from catalog.mount m join catalog.entry e on e.id = m.entry_id where e.department_id = ${d.id} and m.rows > 0) as mounted,
           (select count(*)::int from catalog.use u join catalog.entry e on e.id = u.entry_id where e.department_id = ${d.id} and u.active and u.kind = 'grant') as given,
           (select count(*)::int from catalog.use u join catalog.entry e on e.id = u.entry_id where e.department_id = ${d.id} and u.active and u.kind = 'open') as opened,
           (select count(*)::int from catalog.use u where u.grantee = ${d.id} and u.active and u.kind = 'grant')
           + (select count(*)::int from procedure.case_view c where c.applicant_id = ${d.id} and c.procedure = 'sharing-application' and c.outcome = 'approved'
              and not exists (select from catalog.use u where u.grantee = ${d.id} and u.entry_id = c.subject_id)) as received`.execute(
    ctx.db,
  )
  const entries = await ctx.db
    .selectFrom('catalog.entry_view as e')
    .leftJoin('catalog.mount as m', 'm.entry_id', 'e.id')
    .select(['e.content', 'm.updated'])
    .where('e.department_id', '=', d.id)
    .where('e.state', '=', 'published')
    .execute()
  const states = entries.flatMap(e => freshness((e.content as any).updateCycle, e.updated, ctx.now) ?? [])
  const counts = { ...rows[0]!, promised: states.length, fresh: states.filter(s => s.fresh).length }
  return {
    departmentId: d.id,
    department: d.name,
    cite: rule.cite,
    items: Object.entries(rule.value.items).map(([key, label]) => ({
      key,
      label: label as string,
      cite: rule.cite,
      ...measures[key]!(counts),
    })),
  }
}

/** The departments of the region by what their duties still lack. Units by reference are shown, and not ranked: that is ours, the text is silent. */
export async function dutyBoard(ctx: StaffContext) {
  const rule = govern(ctx.actor.region, 'department-duties', ctx.day)
  const { rows } = await sql<{ id: string; name: string; by_reference: boolean; kind: DepartmentKind }>`
    select id, name, by_reference, kind from organization.department_view where region = ${ctx.actor.region} order by name limit 300`.execute(
    ctx.db,
  )
  const units = rows.filter(d => isDepartment({ region: ctx.actor.region, kind: d.kind, by_reference: d.by_reference }, ctx.day))
  const ranked = []
  for (const d of units.filter(d => !d.by_reference)) {
    const { items } = await itemsOf(ctx, { id: d.id, name: d.name, region: ctx.actor.region })
    const open = items.filter(i => !i.done).map(i => i.label)
    ranked.push({ departmentId: d.id, department: d.name, done: items.length - open.length, of: items.length, open })
  }
  return {
    ranked: ranked.sort((a, b) => b.done - a.done || a.department.localeCompare(b.department, 'zh')),
    apart: units.filter(d => d.by_reference).map(d => ({ departmentId: d.id, department: d.name, kindLabel: '参照执行' })),
    cite: rule.cite,
  }
}

/** An item turns done by records, never by hand. */
export async function confirmDuty(ctx: StaffContext, departmentId: string, key: string) {
  const list = await checklist(ctx, departmentId)
  const item = list.items.find(i => i.key === key) ?? notFound('catalog.duty', '职责')
  if (!item.done)
    refuse('catalog.duty_evidence', {
      reason: 'evidence-required',
      detail: `“${item.label}”还没有支持它的记录（${item.evidence}），不能手工勾选。`,
      cite: item.cite,
      remedy: '办理相应的登记、汇聚、共享或开放后，这一项会自己变为已做。',
    })
  return list
}

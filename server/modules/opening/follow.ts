import { sql } from 'kysely'
import { regionPrefix } from '../../../contract/common.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { departmentFor } from '../organization/public.ts'
import { fulfilDuties, notifyDepartments, openDuty } from '../procedure/public.ts'
import { govern, law } from '../regulation/public.ts'
import type { OpenEntry } from './queries.ts'

const hrefOf = (code: string) => `/workbench/opening/${code.replace('/', '-')}`

/** Is a task of this name still open for the entry? */
export const waits = async (ctx: Context, name: string, code: string): Promise<boolean> =>
  (
    await ctx.pool.query<{ ok: boolean }>(
      'select exists (select from procedure.reminder_view where name = $1 and href = $2 and ended is null) as ok',
      [name, hrefOf(code)],
    )
  ).rows[0]!.ok

export const isAuthority = (ctx: StaffContext, region: string): boolean =>
  ctx.actor.departmentRoles.includes('authority') && region.startsWith(regionPrefix(ctx.actor.region))

/** What was found about a set that was taken down; ends the tasks of provider and authority. */
export async function assessWithdrawn(
  ctx: StaffContext,
  entry: OpenEntry,
  a: { findings: string; measures: string; conclusion: 'reopen' | 'keep-down' },
): Promise<void> {
  const rule = govern(entry.region, 'open-withdraw', ctx.day)
  if (ctx.actor.departmentId !== entry.departmentId && !isAuthority(ctx, entry.region))
    refuse('opening.not_yours', {
      status: 403,
      reason: 'not-competent',
      detail: `「${entry.title}」由 ${entry.department} 会同当地主管部门评估。`,
      cite: rule.cite,
    })
  if (entry.listing?.state !== 'withdrawn')
    refuse('opening.wrong_state', { status: 409, reason: 'wrong-state', detail: '数据集没有下架，不需要评估。', cite: rule.cite })
  await ctx.db.transaction().execute(async tx => {
    await sql`insert into opening.assessment (id, entry_id, findings, measures, conclusion, by, at)
      values (${newId(ctx.now.getTime())}, ${entry.entryId}, ${a.findings}, ${a.measures}, ${a.conclusion}, ${`${ctx.actor.department} ${ctx.actor.name}`}, ${ctx.now})`.execute(
      tx,
    )
    await fulfilDuties(tx, { name: 'open-assess', href: hrefOf(entry.code) }, ctx.day)
    await record(tx, ctx, {
      action: 'opening.assess',
      subject: entry.code,
      content: `${a.conclusion === 'reopen' ? '重新处理后可以开放' : '不再开放'}：${a.findings}`,
      cite: rule.cite,
    })
  })
}

/** Titles are written with marks and without. */
const bare = (instrument: string) => instrument.replace(/[《》\s]/g, '')

type Change = { region: string; instrument: string; change: string; effective: string; adoption?: string }
/** Writes down that a law changed and opens a review of the conditions of every entry that names it. */
async function noteChange(tx: Tx, ctx: Context, c: Change, by: string): Promise<{ code: string; title: string }[] | undefined> {
  const { rows: made } = await sql`insert into opening.law_change (id, region, instrument, change, effective, adoption, recorded_by, at)
    values (${newId(ctx.now.getTime())}, ${c.region}, ${bare(c.instrument)}, ${c.change}, ${c.effective}, ${c.adoption ?? null}, ${by}, ${ctx.now})
    on conflict do nothing returning id`.execute(tx)
  if (!made.length) return undefined
  const { rows: entries } = await sql<{
    code: string
    title: string
    region: string
    department: string
    departmentId: string
  }>`select e.code, e.title, e.region, e.department, e.department_id as "departmentId" from catalog.entry_view e
    where e.state = 'published' and e.open_class = 'conditional' and e.region like ${`${regionPrefix(c.region)}%`}
      and (regexp_replace(coalesce(e.content #>> '{openBasis,instrument}', ''), '[《》[:space:]]', '', 'g') = ${bare(c.instrument)}
        or position(${bare(c.instrument)} in regexp_replace(coalesce(e.content ->> 'openConditions', ''), '[《》[:space:]]', '', 'g')) > 0)
      and not exists (select from opening.exclusion x where x.entry_id = e.id)
    order by e.code`.execute(tx)
  for (const e of entries) {
    const rule = govern(e.region, 'open-conditions', ctx.day)
    const href = hrefOf(e.code)
    const authority = await departmentFor(tx, rule.adopter || e.region, 'authority', rule.roleLabels.authority ?? '主管部门')
    const text = `「${e.title}」的开放条件引用《${bare(c.instrument)}》，该规定有变化：${c.change}。请会同核对并调整条件。`
    const { rows: open } = await sql`select 1 from procedure.reminder_view
      where name = 'open-conditions' and href = ${href} and ended is null`.execute(tx)
    if (!open.length)
      for (const d of [
        { role: 'authority', id: authority.id, name: authority.name, creditor: e.department },
        { role: 'provider', id: e.departmentId, name: e.department, creditor: authority.name },
      ])
        await openDuty(tx, {
          name: 'open-conditions',
          what: '核对开放条件',
          debtorId: d.id,
          debtor: d.name,
          role: d.role,
          creditor: d.creditor,
          title: text,
          href,
          day: ctx.day,
          within: { days: null, word: '及时' },
          origin: 'platform',
          cite: rule.cite,
          inherited: rule.inherited,
        })
    await notifyDepartments(tx, ctx.now, [authority.id, e.departmentId], text, href, 'reminder')
  }
  await record(tx, ctx, {
    action: 'opening.law-change',
    region: c.region,
    subject: `《${bare(c.instrument)}》`,
    content: `${c.change}；核对 ${entries.length} 个目录的开放条件`,
    cite: govern(c.region, 'open-conditions', ctx.day).cite,
  })
  return entries.map(({ code, title }) => ({ code, title }))
}

/** The authority says that a law, regulation or policy has changed. */
export async function recordChange(ctx: StaffContext, c: { instrument: string; change: string; effective: string }) {
  const { region } = ctx.actor
  const rule = govern(region, 'open-conditions', ctx.day)
  if (!isAuthority(ctx, region))
    refuse('opening.not_publisher', {
      status: 403,
      reason: 'not-competent',
      detail: '规定的变化由当地主管部门登记。',
      remedy: '请告诉主管部门。',
      cite: rule.cite,
    })
  const entries = await ctx.db
    .transaction()
    .execute(tx => noteChange(tx, ctx, { region, ...c }, `${ctx.actor.department} ${ctx.actor.name}`))
  return { entries: entries ?? [] }
}

/** A text that a place has adopted in another version is a changed law too; found once, from the day it binds. */
export async function noticeAdoptions(ctx: Context): Promise<void> {
  const { rows } = await ctx.pool.query<{ adoption: string }>('select adoption from opening.law_change where adoption is not null')
  const known = new Set(rows.map(r => r.adoption))
  for (const records of law().records.values())
    for (const r of records) {
      if (r.kind === 'continuation' || r.origin !== 'record' || known.has(r.id) || r.ended || !r.from || r.from > ctx.day) continue
      const text = (r.version && law().versions.get(r.version)) || law().regulations.get(r.regulation)
      const change = `自 ${r.from} 起按${r.version ? '新的版本' : '这部规定'}执行（${r.document}）`
      if (!text) continue
      const c = { region: r.region, instrument: text.title, change, effective: r.from, adoption: r.id }
      await ctx.db.transaction().execute(tx => noteChange(tx, ctx, c, '平台'))
    }
}

type ConditionVersion = { version: number; published: Date; conditions: string; basis: { instrument?: string; article?: string } | null }

/** The conditions of an entry as they were and are, newest first; a version that changed neither text nor basis is not another one. */
export async function conditionVersions(ctx: Context, entryId: string) {
  const { rows } = await ctx.pool.query<ConditionVersion>(
    'select version, published, conditions, basis from catalog.condition_view where entry_id = $1 order by version',
    [entryId],
  )
  const same = (a: ConditionVersion | undefined, b: ConditionVersion) =>
    a?.conditions === b.conditions && JSON.stringify(a.basis) === JSON.stringify(b.basis)
  return rows
    .filter((r, i) => r.conditions && !same(rows[i - 1], r))
    .map(r => ({
      version: r.version,
      published: r.published.toISOString(),
      conditions: r.conditions,
      basis: r.basis?.instrument ? `《${bare(r.basis.instrument)}》${r.basis.article ?? ''}` : '',
    }))
    .reverse()
}

/** The authority's answer to a changed law: the conditions stand, with why; or they were adjusted, in a version published since. */
export async function reviewConditions(
  ctx: StaffContext,
  entry: OpenEntry,
  r: { conclusion: 'keep' | 'adjusted'; reason: string },
): Promise<void> {
  const rule = govern(entry.region, 'open-conditions', ctx.day)
  if (!isAuthority(ctx, entry.region))
    refuse('opening.not_yours', {
      status: 403,
      reason: 'not-competent',
      detail: `开放条件由当地主管部门会同 ${entry.department} 确定。`,
      cite: rule.cite,
    })
  const versions = await conditionVersions(ctx, entry.entryId)
  const { rows } = await ctx.pool.query<{ at: Date | null }>(
    `select greatest(max(d.at), (select max(v.at) from opening.condition_review v where v.entry_id = $2)) as at from opening.law_change d
     where $1 like regexp_replace(d.region, '(00)+$', '') || '%'`,
    [entry.region, entry.entryId],
  )
  const since = rows[0]?.at
  if (r.conclusion === 'adjusted' && !(versions[0] && since && new Date(versions[0].published) > since))
    refuse('opening.conditions_unchanged', {
      status: 409,
      reason: 'conditions-required',
      detail: '规定变化以后，还没有发布写明新条件的目录版本。',
      remedy: '请由提供部门在目录里改开放条件或依据并发布新版本；不需要改的，结论选“条件不变”并写明理由。',
      cite: rule.cite,
    })
  await ctx.db.transaction().execute(async tx => {
    await sql`insert into opening.condition_review (id, entry_id, entry_version, conclusion, reason, by, at)
      values (${newId(ctx.now.getTime())}, ${entry.entryId}, ${entry.version ?? 0}, ${r.conclusion}, ${r.reason}, ${`${ctx.actor.department} ${ctx.actor.name}`}, ${ctx.now})`.execute(
      tx,
    )
    await fulfilDuties(tx, { name: 'open-conditions', href: hrefOf(entry.code) }, ctx.day)
    await record(tx, ctx, {
      action: 'opening.conditions',
      subject: entry.code,
      content: `${r.conclusion === 'keep' ? '条件不变' : '条件已调整'}：${r.reason}`,
      cite: rule.cite,
    })
  })
}

import { sql } from 'kysely'
import { regionPrefix } from '../../../contract/common.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { type CaseRecord, notifyDepartments, registerEffect, registerHooks, startCase } from '../procedure/public.ts'
import { govern } from '../regulation/public.ts'
import { settlePairs } from './duplicates.ts'
import { pathOf } from './public.ts'

type Change = { kind: 'law' | 'function' | 'structure' | 'review'; changedOn: string; change: string }
const kindLabels = { law: '法律法规修改', function: '行政职能变化', structure: '数据结构变化', review: '定期核对' }
type Affected = { id: string; code: string; region: string; department_id: string; published: number | null; title: string }

/** One task to update an entry; where one is open already it stays the only one. */
async function openTask(tx: Tx, ctx: Context, e: Affected, c: Change, applicant: string): Promise<string | null> {
  const open = await tx
    .selectFrom('procedure.case_view')
    .select('no')
    .where('procedure', '=', 'catalog-update')
    .where('subject_id', '=', e.id)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  if (open) return open.no
  const made = await startCase(tx, ctx, {
    procedure: 'catalog-update',
    region: e.region,
    subject: { type: 'entry', id: e.id, code: e.code, title: e.title },
    parties: { applicant, provider: e.department_id },
    form: { changeKind: c.kind, changedOn: c.changedOn, change: c.change, baseVersion: e.published ?? 1 },
    title: `更新目录：${e.title}（${kindLabels[c.kind]}）`,
  })
  return made.no
}

const published = (tx: Tx) =>
  tx
    .selectFrom('catalog.entry_view')
    .select(['id', 'code', 'region', 'department_id', 'version as published', 'title'])
    .where('state', '=', 'published')
    .$castTo<Affected>()

/** Told by aggregation when the structure of a source no longer fits the entry: a task for the department that owns it. */
export async function openUpdateTask(tx: Tx, ctx: Context, entryId: string, change: string): Promise<string | null> {
  const e = await published(tx).where('id', '=', entryId).executeTakeFirst()
  return e ? openTask(tx, ctx, e, { kind: 'structure', changedOn: ctx.day, change }, e.department_id) : null
}

/** A law was revised or a function changed: every entry it touches gets its task, counted from the day of the change. */
export async function registerChange(
  ctx: StaffContext,
  c: Change & { departments: string[]; codes: string[] },
): Promise<{ code: string; title: string; caseNo: string }[]> {
  return ctx.db.transaction().execute(async tx => {
    if (c.changedOn > ctx.day)
      refuse('catalog.change_ahead', {
        reason: 'field-missing',
        detail: '变化的日期不能晚于今天。',
        errors: [{ pointer: '/changedOn', code: 'field-missing', message: '不能晚于今天' }],
      })
    const bureau = ctx.actor.roles.includes('bureau')
    let q = published(tx)
    q = bureau ? q.where('region', 'like', `${regionPrefix(ctx.actor.region)}%`) : q.where('department_id', '=', ctx.actor.departmentId)
    if (c.departments.length) q = q.where('department_id', 'in', c.departments)
    if (c.codes.length)
      q = q.where(
        sql<string>`replace(code, '/', '-')`,
        'in',
        c.codes.map(code => pathOf(code)),
      )
    const affected = await q.orderBy('code').limit(500).execute()
    if (!affected.length || (!c.departments.length && !c.codes.length)) notFound('catalog.entry', '目录')
    const made = []
    for (const e of affected) made.push({ code: e.code, title: e.title, caseNo: (await openTask(tx, ctx, e, c, ctx.actor.departmentId))! })
    await record(tx, ctx, {
      action: 'catalog.change',
      subject: kindLabels[c.kind],
      content: `${c.changedOn} ${c.change}：${made.length} 条目录`,
      cite: govern(ctx.actor.region, 'catalog-update', ctx.day).cite,
    })
    return made
  })
}

registerEffect('check-updated', async (tx, ctx, c) => {
  const now = await tx.selectFrom('catalog.entry').select('published').where('id', '=', c.subject_id).executeTakeFirstOrThrow()
  const before = Number((c.form as Record<string, unknown>).baseVersion ?? 0)
  if ((now.published ?? 0) <= before)
    refuse('catalog.not_updated', {
      reason: 'evidence-required',
      detail: `目录还是第 ${before} 版，没有新版本，不能办结。`,
      cite: c.ruling.cite,
      remedy: '先修改目录并发布新版本，再办结这件任务。',
    })
  await record(tx, ctx, {
    action: 'case.act',
    subject: c.subject_code ?? '',
    caseNo: c.no,
    content: `目录更新到第 ${now.published} 版并备案`,
    cite: c.ruling.cite,
  })
  return { label: `第 ${now.published} 版，备案回执 ${c.no}`, href: `/workbench/catalog/${pathOf(c.subject_code!)}` }
})
registerHooks('catalog-update', {
  closed: '登记变化',
  href: c => `/workbench/catalog/${pathOf(c.subject_code!)}`,
})

/** The entries a settlement is about: two or more of the region, by their codes. */
async function entriesOf(tx: Tx, c: CaseRecord, codes: string[]) {
  const found = await tx
    .selectFrom('catalog.entry')
    .select(['id', 'code', 'department_id', 'region'])
    .where(
      sql<string>`replace(code, '/', '-')`,
      'in',
      codes.map(code => pathOf(code.trim())),
    )
    .execute()
  if (found.length < 2 || found.some(e => !e.region.startsWith(regionPrefix(c.region))))
    wrongSettlement(c, '写明本地区两条以上重复的目录的信息资源代码。', 'entry-missing', '/form/entries')
  return found
}
const wrongSettlement = (c: CaseRecord, detail: string, reason: string, pointer: string): never =>
  refuse('catalog.settlement', { reason, detail, cite: c.ruling.cite, errors: [{ pointer, code: reason, message: detail }] })

/** Which department collects what several had registered; the others become users. */
registerEffect('name-collector', async (tx, ctx, c, form) => {
  const { entries, collector, reason } = form as unknown as { entries: string[]; collector: string; reason: string }
  const found = await entriesOf(tx, c, entries)
  if (!found.some(e => e.department_id === collector))
    wrongSettlement(c, '数源部门要是登记了其中一条目录的部门。', 'unknown-party', '/form/collector')
  for (const e of found) {
    const row = { department_id: collector, case_no: c.no, settled: ctx.day as never }
    await tx
      .insertInto('catalog.collector')
      .values({ entry_id: e.id, ...row })
      .onConflict(o => o.column('entry_id').doUpdateSet(row))
      .execute()
  }
  await settlePairs(
    tx,
    ctx,
    found.map(e => e.id),
    { settled: 'source', caseNo: c.no, reason },
  )
  const others = found.filter(e => e.department_id !== collector).map(e => e.department_id)
  const name = c.parties['source-department']?.department ?? ''
  await notifyDepartments(tx, ctx.now, others, `已明确由${name}采集，本部门改为申请共享（${c.no}）`, `/workbench/cases/${c.no}`)
  await record(tx, ctx, {
    action: 'catalog.collector',
    subject: found.map(e => e.code).join('、'),
    caseNo: c.no,
    content: `由${name}采集`,
    cite: c.ruling.cite,
  })
  return { label: `由${name}采集`, href: `/workbench/cases/${c.no}` }
})

/** What only looks like the same is not asked about again, until its name or items change. */
registerEffect('declare-different', async (tx, ctx, c, form) => {
  const { entries, reason } = form as unknown as { entries: string[]; reason: string }
  const found = await entriesOf(tx, c, entries)
  await settlePairs(
    tx,
    ctx,
    found.map(e => e.id),
    { settled: 'different', caseNo: c.no, reason },
  )
  await record(tx, ctx, {
    action: 'catalog.different',
    subject: found.map(e => e.code).join('、'),
    caseNo: c.no,
    content: `认定不重复：${reason}`,
    cite: c.ruling.cite,
  })
  return { label: '已认定不重复', href: '/workbench/catalog/duplicates' }
})

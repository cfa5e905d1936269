import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { EntryContent } from '../../../contract/catalog.ts'
import type { StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { notFound, Problem, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { type CaseRecord, registerEffect, registerHooks, startCase } from '../procedure/public.ts'
import { govern } from '../regulation/public.ts'
import { nextCode } from './codes.ts'
import { pathOf } from './public.ts'
import { checkView, type EntryRules } from './rules.ts'
import { segment } from './segment.ts'

/** The rulings of a region that entries are checked by, on a day. */
export function rulesOf(region: string, day: string): EntryRules {
  const topics = ['catalog-fields', 'share-types', 'share-basis', 'share-conditions', 'open-types', 'open-basis', 'secrecy'] as const
  return Object.fromEntries(topics.map(t => [t, govern(region, t, day)])) as unknown as EntryRules
}

export const etagOf = (content: unknown): string => createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 16)

export async function createEntry(ctx: StaffContext, given: Partial<EntryContent>): Promise<string> {
  return ctx.db.transaction().execute(async tx => {
    const content = EntryContent.parse(given)
    const id = newId()
    const code = await nextCode(tx, content.kind, ctx.actor.region, ctx.actor.departmentId)
    await tx
      .insertInto('catalog.entry')
      .values({ id, code, region: ctx.actor.region, department_id: ctx.actor.departmentId, created_by: ctx.actor.personId })
      .execute()
    await tx
      .insertInto('catalog.version')
      .values({
        entry_id: id,
        version: 1,
        state: 'draft',
        content: JSON.stringify(content),
        etag: etagOf(content),
        saved_by: ctx.actor.name,
        saved: ctx.now,
      })
      .execute()
    await index(tx, id, content)
    await record(tx, ctx, { action: 'catalog.create', subject: code })
    return code
  })
}

type Locked = { id: string; code: string; region: string; department_id: string; published: number | null; withdrawn: boolean }

async function lockOwn(tx: Tx, ctx: StaffContext, code: string): Promise<Locked> {
  const e =
    (await tx
      .selectFrom('catalog.entry')
      .selectAll()
      .where(sql<boolean>`replace(code, '/', '-') = ${pathOf(code)}`)
      .forUpdate()
      .executeTakeFirst()) ?? notFound('catalog.entry', '目录')
  if (e.department_id !== ctx.actor.departmentId)
    refuse('catalog.not_owner', {
      status: 403,
      reason: 'not-owner',
      detail: '这条目录属于别的部门，只有登记它的部门可以修改。',
      remedy: '发现内容有误，请与目录页所列联系人联系。',
    })
  return e as Locked
}

type Working = { version: number; state: string; content: EntryContent; etag: string; case_no: string | null; case_id: string | null }
export const workingVersion = async (db: Database | Tx, entryId: string): Promise<Working | undefined> =>
  (await db
    .selectFrom('catalog.version')
    .select(['version', 'state', 'content', 'etag', 'case_no', 'case_id'])
    .where('entry_id', '=', entryId)
    .where('state', 'in', ['draft', 'in_review'])
    .executeTakeFirst()) as unknown as Working | undefined

/** Under review, but sent back: the department may write again. */
export async function isReturned(db: Database | Tx, w: Working): Promise<boolean> {
  if (w.state !== 'in_review' || !w.case_id) return false
  const c = await db.selectFrom('procedure.case_view').select('state').where('id', '=', w.case_id).executeTakeFirst()
  return c?.state === 'supplement'
}

/** Saves the draft; on a published entry begins the next version. 412 when somebody else saved meanwhile. */
export async function saveDraft(ctx: StaffContext, code: string, content: EntryContent, etag: string | undefined): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const e = await lockOwn(tx, ctx, code)
    const working = await workingVersion(tx, e.id)
    if (working?.state === 'in_review' && !(await isReturned(tx, working))) {
      refuse('catalog.in_review', {
        status: 409,
        reason: 'step-skipped',
        detail: `正在审核（${working.case_no}），不能修改。`,
        remedy: '需要修改时，请审核部门退回补正，或撤回后再改。',
      })
    }
    if (working && etag && etag !== working.etag) {
      throw new Problem('catalog.draft_changed', {
        status: 412,
        detail: '另一个窗口或同事刚保存过这份草稿，没有覆盖。',
        remedy: '请刷新后把两份内容对照再保存。',
      })
    }
    const text = JSON.stringify(content)
    const row = { content: text, etag: etagOf(content), saved_by: ctx.actor.name, saved: ctx.now }
    if (working)
      await tx.updateTable('catalog.version').set(row).where('entry_id', '=', e.id).where('version', '=', working.version).execute()
    else
      await tx
        .insertInto('catalog.version')
        .values({ entry_id: e.id, version: (e.published ?? 0) + 1, state: 'draft', ...row })
        .execute()
    if (!e.published) await index(tx, e.id, content)
  })
}

export async function discardDraft(ctx: StaffContext, code: string): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const e = await lockOwn(tx, ctx, code)
    const working = (await workingVersion(tx, e.id)) ?? notFound('catalog.draft', '草稿')
    if (working.state !== 'draft') refuse('catalog.in_review', { status: 409, detail: '正在审核的版本不能放弃，请先在办件里撤回。' })
    if (e.published) await tx.deleteFrom('catalog.version').where('entry_id', '=', e.id).where('version', '=', working.version).execute()
    else await tx.deleteFrom('catalog.entry').where('id', '=', e.id).execute()
    await record(tx, ctx, { action: 'catalog.discard', subject: e.code })
  })
}

function refuseFaults(content: EntryContent, region: string, day: string): void {
  const check = checkView(content, rulesOf(region, day))
  if (check.ready) return
  const first = check.faults[0]!
  throw new Problem('catalog.incomplete', {
    status: 422,
    reason: first.code,
    detail: check.faults.length === 1 ? first.message : `还差 ${check.faults.length} 处：${check.faults.map(f => f.message).join('')}`,
    ...(first.cite && { cite: first.cite }),
    ...(first.remedy && { remedy: first.remedy }),
    errors: check.faults,
  })
}

/** Sends the draft to review. Everything missing or wrong is told at once, each with its article. */
export async function submitEntry(ctx: StaffContext, code: string): Promise<string> {
  return ctx.db.transaction().execute(async tx => {
    const e = await lockOwn(tx, ctx, code)
    const working =
      (await workingVersion(tx, e.id)) ??
      refuse('catalog.no_draft', {
        status: 409,
        reason: 'catalog-draft-missing',
        detail: '没有待提交的修改。',
        remedy: '先修改目录，再提交审核。',
      })
    if (working.state !== 'draft')
      refuse('catalog.in_review', {
        status: 409,
        reason: 'step-skipped',
        detail: `已在审核中（${working.case_no}）。`,
        remedy: '补正后请在办件里重新提交。',
      })
    refuseFaults(working.content, e.region, ctx.day)
    const c = await startCase(tx, ctx, {
      procedure: 'catalog-review',
      region: e.region,
      subject: { type: 'entry', id: e.id, code: e.code, title: working.content.title },
      parties: { applicant: e.department_id, provider: e.department_id },
      form: {},
      title: `${working.content.title}（第 ${working.version} 版）`,
    })
    await tx
      .updateTable('catalog.version')
      .set({ state: 'in_review', submitted: ctx.now, case_id: c.id, case_no: c.no })
      .where('entry_id', '=', e.id)
      .where('version', '=', working.version)
      .execute()
    await record(tx, ctx, { action: 'catalog.submit', subject: e.code, caseNo: c.no, content: `第 ${working.version} 版` })
    return c.no
  })
}

const underReview = async (tx: Tx, c: CaseRecord): Promise<Working> => {
  const w = await workingVersion(tx, c.subject_id)
  if (!w || w.case_id !== c.id) throw new Error(`case ${c.no} has no version under review`)
  return w
}

registerEffect('publish-entry', async (tx, ctx, c) => {
  const w = await underReview(tx, c)
  refuseFaults(w.content, c.region, ctx.day)
  await tx
    .updateTable('catalog.version')
    .set({ state: 'superseded' })
    .where('entry_id', '=', c.subject_id)
    .where('state', '=', 'published')
    .execute()
  await tx
    .updateTable('catalog.version')
    .set({ state: 'published', published: ctx.now })
    .where('entry_id', '=', c.subject_id)
    .where('version', '=', w.version)
    .execute()
  await tx.updateTable('catalog.entry').set({ published: w.version }).where('id', '=', c.subject_id).execute()
  await index(tx, c.subject_id, w.content)
  await record(tx, ctx, {
    action: 'catalog.publish',
    subject: c.subject_code ?? '',
    caseNo: c.no,
    approver: ctx.actor?.name,
    content: `第 ${w.version} 版`,
    cite: c.ruling.cite,
  })
  return { label: `第 ${w.version} 版已发布`, href: `/workbench/catalog/${pathOf(c.subject_code!)}` }
})
registerEffect('return-entry', async (tx, _ctx, c) => {
  const w = await underReview(tx, c)
  await tx
    .updateTable('catalog.version')
    .set({ state: 'draft', case_id: null, case_no: null })
    .where('entry_id', '=', c.subject_id)
    .where('version', '=', w.version)
    .execute()
  return undefined
})
registerEffect('check-entry', async (tx, ctx, c) => {
  refuseFaults((await underReview(tx, c)).content, c.region, ctx.day)
  return undefined
})
registerHooks('catalog-review', {
  href: c => `/workbench/catalog/${pathOf(c.subject_code!)}`,
  compare: c => `/workbench/catalog/${pathOf(c.subject_code!)}/compare`,
})

/** What search reads about an entry. Weights: name, then items, then the rest. */
export async function index(tx: Tx, entryId: string, c: EntryContent): Promise<void> {
  const words = (text: string) => segment(text).join(' ')
  const items = c.items.map(i => i.name)
  const tokens = sql`setweight(to_tsvector('simple', ${words(c.title)}), 'A') || setweight(to_tsvector('simple', ${words(items.join(' '))}), 'B') || setweight(to_tsvector('simple', ${words([c.abstract, c.theme, c.innerUnit, c.sourceSystem, ...c.items.map(i => i.description)].join(' '))}), 'C')`
  const row = { title: c.title, items, tokens: tokens as never }
  await tx
    .insertInto('catalog.search')
    .values({ entry_id: entryId, ...row })
    .onConflict(o => o.column('entry_id').doUpdateSet(row))
    .execute()
}

import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { EntryContent } from '../../../contract/catalog.ts'
import type { Fault } from '../../../contract/common.ts'
import type { StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { notFound, Problem, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { requireDepartment, requireOfficers } from '../organization/public.ts'
import { type CaseRecord, registerEffect, registerHooks, registerSubject, startCase } from '../procedure/public.ts'
import { govern, passGate, requireInForce } from '../regulation/public.ts'
import { adoptCode, type CodeTable, nextCode, nextRegistration } from './codes.ts'
import { requireConfirmed } from './confirmation.ts'
import { refuseDuplicates, refuseUnsettled, sameWords, setTraits } from './duplicates.ts'
import { guideFor } from './guide.ts'
import { pathOf, publishedEntry } from './public.ts'
import { registrationTopics } from './registration.ts'
import { checkView, type EntryRules, readWords } from './rules.ts'
import { index } from './search.ts'
import { upperFaults } from './upper.ts'

/** The rulings of a region that entries are checked by, on a day. */
export function rulesOf(region: string, day: string): EntryRules {
  const topics = [
    ...registrationTopics,
    'share-types',
    'share-principle',
    'share-basis',
    'share-conditions',
    'open-types',
    'open-basis',
    'open-grade',
    'open-criteria',
    'open-conditions',
    'open-exclusions',
    'secrecy',
  ] as const
  return Object.fromEntries(topics.map(t => [t, govern(region, t, day)])) as unknown as EntryRules
}

/** The same, with the compilation guide in force. */
export async function rulesFor(db: Database | Tx, region: string, day: string): Promise<EntryRules> {
  const guide = await guideFor(db, region, day)
  return { ...rulesOf(region, day), ...(guide && { guide }) }
}

export const etagOf = (content: unknown): string => createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 16)

export const createEntry = (ctx: StaffContext, given: Partial<EntryContent>): Promise<string> =>
  ctx.db.transaction().execute(tx => beginEntry(tx, ctx, given))

/** The same within a change that does more. */
export async function beginEntry(tx: Tx, ctx: StaffContext, given: Partial<EntryContent>): Promise<string> {
  requireInForce(ctx.actor.region, ctx.day)
  await requireDepartment(tx, ctx)
  return createDraft(tx, ctx, settled(given, ctx.actor.region, ctx.day))
}

/** A new entry with its first draft, under the next code of the place or under one it brings along. */
export async function createDraft(
  tx: Tx,
  ctx: StaffContext,
  content: EntryContent,
  given: { code?: string; codes?: CodeTable } = {},
): Promise<string> {
  const { region, departmentId } = ctx.actor
  const id = newId()
  const kind = content.kind ?? 3
  const code = given.code
    ? await adoptCode(tx, given.code, { kind, departmentId })
    : await nextCode(tx, { kind, region, departmentId, classification: content.classification }, given.codes)
  await tx.insertInto('catalog.entry').values({ id, code, region, department_id: departmentId, created_by: ctx.actor.personId }).execute()
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
}

/** What a form leaves open where the place lets it: words become classes, and the usual kind is taken where none is asked for. */
export function settled(given: Partial<EntryContent>, region: string, day: string, rules = rulesOf(region, day)): EntryContent {
  const content = readWords(EntryContent.parse(given), rules)
  return rules['catalog-kinds'].value.required || content.kind ? content : { ...content, kind: 3 }
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
export const saveDraft = (ctx: StaffContext, code: string, given: EntryContent, etag: string | undefined): Promise<void> =>
  ctx.db.transaction().execute(async tx => {
    const e = await lockOwn(tx, ctx, code)
    const working = await openVersion(tx, e)
    if (working && etag && etag !== working.etag) draftChanged()
    await writeDraft(tx, ctx, e, working, settled(given, e.region, ctx.day))
  })

/** As `saveDraft`, for one who read the entry as it stood under `etag`, published or not, and has settled the content. */
export async function changeDraft(tx: Tx, ctx: StaffContext, code: string, content: EntryContent, etag: string): Promise<void> {
  const e = await lockOwn(tx, ctx, code)
  const working = await openVersion(tx, e)
  const stands =
    working ??
    (await tx
      .selectFrom('catalog.version')
      .select('etag')
      .where('entry_id', '=', e.id)
      .where('version', '=', e.published ?? 0)
      .executeTakeFirst())
  if (stands?.etag !== etag) draftChanged()
  await writeDraft(tx, ctx, e, working, content)
}

const draftChanged = (): never =>
  refuse('catalog.draft_changed', {
    status: 412,
    detail: '另一个窗口或同事刚保存过这份草稿，没有覆盖。',
    remedy: '请刷新后把两份内容对照再保存。',
  })

/** The version that may be written on, unless it is under review. */
async function openVersion(tx: Tx, e: Locked): Promise<Working | undefined> {
  const working = await workingVersion(tx, e.id)
  if (working?.state === 'in_review' && !(await isReturned(tx, working))) {
    refuse('catalog.in_review', {
      status: 409,
      reason: 'step-skipped',
      detail: `正在审核（${working.case_no}），不能修改。`,
      remedy: '需要修改时，请审核部门退回补正，或撤回后再改。',
    })
  }
  return working
}

async function writeDraft(tx: Tx, ctx: StaffContext, e: Locked, working: Working | undefined, content: EntryContent): Promise<void> {
  const row = { content: JSON.stringify(content), etag: etagOf(content), saved_by: ctx.actor.name, saved: ctx.now }
  if (working)
    await tx.updateTable('catalog.version').set(row).where('entry_id', '=', e.id).where('version', '=', working.version).execute()
  else
    await tx
      .insertInto('catalog.version')
      .values({ entry_id: e.id, version: (e.published ?? 0) + 1, state: 'draft', ...row })
      .execute()
  if (!e.published) await index(tx, e.id, content)
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

async function refuseFaults(tx: Tx, content: EntryContent, region: string, day: string): Promise<void> {
  const { faults } = checkView(content, await rulesFor(tx, region, day), await upperFaults(tx, region, day, content))
  const [first] = faults
  if (!first) return
  throw new Problem('catalog.incomplete', {
    status: 422,
    reason: first.code,
    detail: faults.length === 1 ? first.message : `还差 ${faults.length} 处：${faults.map(f => f.message).join('')}`,
    ...(first.cite && { cite: first.cite }),
    ...(first.remedy && { remedy: first.remedy }),
    errors: faults,
  })
}

/** Sends the draft to review. Everything missing or wrong is told at once, each with its article. */
export const submitEntry = (ctx: StaffContext, code: string): Promise<string> =>
  ctx.db.transaction().execute(tx => submitOne(tx, ctx, code))

/** Several at once: all or none. What is wrong is told entry by entry. */
export async function submitEntries(ctx: StaffContext, codes: string[]): Promise<string[]> {
  return ctx.db.transaction().execute(async tx => {
    const faults: Fault[] = []
    let first: Problem | undefined
    for (const [i, code] of codes.entries()) {
      const e = await lockOwn(tx, ctx, code)
      const w = await workingVersion(tx, e.id)
      if (!w) continue
      try {
        await refuseFaults(tx, w.content, e.region, ctx.day)
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        first ??= error
        const title = w.content.title || e.code
        for (const f of error.details.errors ?? [])
          faults.push({ ...f, pointer: `/codes/${i}${f.pointer}`, message: `“${title}”${f.message}` })
      }
    }
    if (first)
      throw new Problem(first.code, {
        ...first.details,
        detail: `${new Set(faults.map(f => f.pointer.split('/')[2])).size} 条目录还不能提交：${faults.map(f => f.message).join('')}`,
        errors: faults,
      })
    const cases = []
    for (const code of codes) cases.push(await submitOne(tx, ctx, code))
    return cases
  })
}

/** What the text orders without saying that a submission waits for it: the wait is ours and can be switched. */
async function gates(tx: Tx, ctx: StaffContext, e: Locked, c: EntryContent): Promise<void> {
  await requireOfficers(tx, ctx, 'data')
  const duty = govern(e.region, 'entry-duty', ctx.day)
  if (duty.value.required && !c.statutoryDuty)
    await passGate(tx, ctx, {
      region: e.region,
      key: 'duty-stated',
      code: 'catalog.duty_missing',
      reason: 'duty-missing',
      detail: '没有写明依据哪项法定职责采集。',
      cite: duty.cite,
      remedy: '写明本部门的法定职责后再提交。',
      errors: [{ pointer: '/statutoryDuty', code: 'duty-missing', message: '缺“对应的法定职责”。', cite: duty.cite }],
      subject: e.code,
    })
  const joint = govern(e.region, 'joint-collection', ctx.day)
  if (joint.value.agreement && c.joint && !(c.joint.agreement && c.joint.shares && c.joint.parties.length))
    await passGate(tx, ctx, {
      region: e.region,
      key: 'agreement',
      code: 'catalog.joint_agreement',
      reason: 'agreement-required',
      detail: '联合采集的目录还没有附上各方的协议和分工。',
      cite: joint.cite,
      remedy: '写明参与部门、各自分工和协议后再提交。',
      errors: [{ pointer: '/joint/agreement', code: 'agreement-required', message: '缺联合采集协议。', cite: joint.cite }],
      subject: e.code,
    })
}

export async function submitOne(tx: Tx, ctx: StaffContext, code: string): Promise<string> {
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
  requireInForce(e.region, ctx.day)
  await refuseFaults(tx, working.content, e.region, ctx.day)
  await refuseDuplicates(tx, { id: e.id, region: e.region, departmentId: e.department_id, content: working.content }, ctx.day)
  await gates(tx, ctx, e, working.content)
  await setTraits(tx, { id: e.id, region: e.region, departmentId: e.department_id, content: working.content }, await sameWords(tx))
  const fields = govern(e.region, 'catalog-fields', ctx.day)
  const guide = await guideFor(tx, e.region, ctx.day)
  await tx
    .updateTable('catalog.version')
    .set({
      submitted: ctx.now,
      regulation: fields.regulation,
      regulation_version: fields.version,
      guide: guide?.version ?? null,
      level: fields.level ?? null,
    })
    .where('entry_id', '=', e.id)
    .where('version', '=', working.version)
    .execute()
  const c = await startCase(tx, ctx, {
    procedure: 'catalog-review',
    region: e.region,
    subject: { type: 'entry', id: e.id, code: e.code, title: working.content.title },
    parties: { applicant: e.department_id, provider: e.department_id },
    form: {},
    title: `${working.content.title}（第 ${working.version} 版）`,
  })
  // Where the review only reminds, the case has ended and the version is published already.
  await tx
    .updateTable('catalog.version')
    .set({ case_id: c.id, case_no: c.no, ...(!c.ended_at && { state: 'in_review' }) })
    .where('entry_id', '=', e.id)
    .where('version', '=', working.version)
    .execute()
  await record(tx, ctx, { action: 'catalog.submit', subject: e.code, caseNo: c.no, content: `第 ${working.version} 版` })
  return c.no
}

const underReview = async (tx: Tx, c: CaseRecord): Promise<Working> => {
  const w = await workingVersion(tx, c.subject_id)
  const atOnce = !!c.ended_at && w?.state === 'draft'
  if (!w || (w.case_id !== c.id && !atOnce)) throw new Error(`case ${c.no} has no version under review`)
  return w
}

registerEffect('publish-entry', async (tx, ctx, c) => {
  const w = await underReview(tx, c)
  await requireConfirmed(tx, ctx, c, w.content)
  await refuseFaults(tx, w.content, c.region, ctx.day)
  await refuseUnsettled(
    tx,
    { id: c.subject_id, region: c.region, departmentId: c.parties.provider!.departmentId!, content: w.content },
    ctx.day,
  )
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
  const given = (
    await tx
      .updateTable('catalog.entry')
      .set({ published: w.version })
      .where('id', '=', c.subject_id)
      .returning('registration')
      .executeTakeFirstOrThrow()
  ).registration
  const registration = given ?? (await nextRegistration(tx, c.region, ctx.day))
  if (!given) await tx.updateTable('catalog.entry').set({ registration }).where('id', '=', c.subject_id).execute()
  await index(tx, c.subject_id, w.content)
  await record(tx, ctx, {
    action: 'catalog.publish',
    subject: c.subject_code ?? '',
    caseNo: c.no,
    approver: ctx.actor?.name,
    content: `第 ${w.version} 版，登记号 ${registration}`,
    cite: c.ruling.cite,
  })
  return { label: `第 ${w.version} 版已发布，登记号 ${registration}`, href: `/workbench/catalog/${pathOf(c.subject_code!)}` }
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
  await refuseFaults(tx, (await underReview(tx, c)).content, c.region, ctx.day)
  return undefined
})
registerEffect('check-source', async (tx, ctx, c) => {
  const { content } = await underReview(tx, c)
  await refuseFaults(tx, content, c.region, ctx.day)
  await refuseUnsettled(tx, { id: c.subject_id, region: c.region, departmentId: c.parties.provider!.departmentId!, content }, ctx.day)
  return undefined
})
registerSubject('entry', async (db, ctx, code) => {
  const e = await publishedEntry(db, { code })
  // From outside only what is meant for the public can be named; the rest does not exist there.
  if (!e || (!ctx.actor && e.content.openClass === 'closed')) return undefined
  return { type: 'entry', id: e.id, code: e.code, title: e.title, region: e.region, parties: { provider: e.department_id } }
})

registerHooks('catalog-review', {
  closed: '目录编辑页',
  href: c => `/workbench/catalog/${pathOf(c.subject_code!)}`,
  compare: c => `/workbench/catalog/${pathOf(c.subject_code!)}/compare`,
})

import { sql } from 'kysely'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { noteUse, pathOf, publishedEntry } from '../catalog/public.ts'
import { departmentFor } from '../organization/public.ts'
import { notifyDepartments, openDuty, registerEffect, registerHooks, startCase } from '../procedure/public.ts'
import { govern, governProcedure, passGate } from '../regulation/public.ts'
import { type Attributes, attributesOf } from './attributes.ts'
import type { OpenRecords } from './gate.ts'
import { findEntry, inPublishedList, lockPending, lockProposal, lockReviewed, type OpenEntry } from './queries.ts'
import type { Treatment } from './rules.ts'
import { searchVector, wordsVersion } from './words.ts'

registerHooks('open-review', {
  closed: '开放页的“提出开放”',
  href: c => `/workbench/opening/${pathOf(c.subject_code!)}`,
  rows: async (db, c) =>
    ((await publishedEntry(db, { id: c.subject_id }))?.content.items ?? []).map(i => ({
      key: i.key,
      label: i.name,
      note: null,
      treatment: 'plain',
    })),
})

export type NewProposal = {
  items: { key: string; treatment: Treatment }[]
  theme: string
  description: string
  processing: string
  audience: string[]
  useRequirements: string
  focus: string
  records: OpenRecords
}

/** Puts a proposal that passed the gate under review. */
export async function proposeOpening(tx: Tx, ctx: StaffContext, entry: OpenEntry, p: NewProposal): Promise<{ caseNo: string }> {
  const id = newId(ctx.now.getTime())
  const made =
    await sql`insert into opening.proposal (id, entry_id, entry_version, items, theme, description, processing, proposed_by, at, audience, use_requirements,
      focus, records, open_class, attributes)
    values (${id}, ${entry.entryId}, ${entry.version}, ${JSON.stringify(p.items)}, ${p.theme}, ${p.description}, ${p.processing}, ${ctx.actor.personId}, ${ctx.now},
      ${p.audience}, ${p.useRequirements}, ${p.focus}, ${JSON.stringify(p.records)}, ${entry.openClass},
      ${JSON.stringify(
        attributesOf(
          entry.content!,
          p.items.map(i => i.key),
        ),
      )})
    on conflict do nothing returning id`.execute(tx)
  if (!made.rows.length) {
    refuse('opening.in_review', {
      status: 409,
      reason: 'wrong-state',
      detail: '这个目录的开放正在审查，不能再提一次。',
      remedy: '请打开办件查看进度。',
    })
  }
  const names = new Map(entry.content!.items.map(i => [i.key, i.name]))
  const c = await startCase(tx, ctx, {
    procedure: 'open-review',
    region: entry.region,
    subject: { type: 'entry', id: entry.entryId, code: entry.code, title: entry.title },
    parties: { applicant: entry.departmentId, provider: entry.departmentId },
    form: {
      note: [p.description, p.processing && `重新处理：${p.processing}`].filter(Boolean).join('\n'),
      treatments: p.items,
    },
    title: `开放「${entry.title}」`,
  })
  await sql`update opening.proposal set case_id = ${c.id}, case_no = ${c.no} where id = ${id}`.execute(tx)
  await record(tx, ctx, {
    action: 'opening.propose',
    subject: entry.code,
    caseNo: c.no,
    content: p.items.map(i => `${names.get(i.key)}${i.treatment === 'masked' ? '（脱敏）' : ''}`).join('、'),
    data: {
      theme: p.theme,
      exclusions: 'declared',
      items: p.items.map(i => [i.key, i.treatment]),
      steps: p.records.preprocessing.map(x => x.step),
      assessed: p.records.risk?.conclusion ?? null,
    },
  })
  return { caseNo: c.no }
}

export type Opening = {
  entryId: string
  items: { key: string; treatment: Treatment }[]
  theme: string
  description: string
  caseNo: string | null
  approver: string
  openClass?: 'open' | 'conditional'
  useRequirements?: string
  records?: OpenRecords
  attributes?: Attributes | null
}

/** Opens a data set, or opens it again under the next version. */
export async function publishListing(tx: Tx, ctx: Context, o: Opening, entry: Pick<OpenEntry, 'code' | 'title' | 'region'>): Promise<void> {
  const cite = govern(entry.region, 'open-list', ctx.day).cite
  await sql`insert into opening.listing as l (entry_id, state, items, theme, description, published, case_no, approver, cite, open_class, use_requirements, records, attributes)
    values (${o.entryId}, 'open', ${JSON.stringify(o.items)}, ${o.theme}, ${o.description}, ${ctx.day}, ${o.caseNo}, ${o.approver}, ${JSON.stringify(cite)},
      ${o.openClass ?? 'open'}, ${o.useRequirements ?? ''}, ${JSON.stringify(o.records ?? { preprocessing: [] })},
      ${o.attributes ? JSON.stringify(o.attributes) : null})
    on conflict (entry_id) do update set state = 'open', version = l.version + 1, items = excluded.items, theme = excluded.theme,
      description = excluded.description, published = excluded.published, case_no = excluded.case_no, approver = excluded.approver, cite = excluded.cite,
      open_class = excluded.open_class, use_requirements = excluded.use_requirements, records = excluded.records, attributes = excluded.attributes,
      withdrawn_at = null, withdrawn_reason = null, withdrawn_cite = null, indexed_version = 0, profile = null, profile_mark = null`.execute(
    tx,
  )
  const keys = o.items.map(i => i.key)
  await noteUse(tx, {
    kind: 'open',
    entryId: o.entryId,
    ref: o.entryId,
    label: o.openClass === 'conditional' ? '授权后开放' : '公共开放',
    items: keys,
    active: true,
  })
  await record(tx, ctx, {
    action: 'opening.publish',
    subject: entry.code,
    ...(o.caseNo && { caseNo: o.caseNo }),
    approver: o.approver,
    content: `${entry.title}：${o.items.length} 项`,
    cite,
    data: { items: o.items.map(i => [i.key, i.treatment]) },
  })
}

/** Publishes what passed its review. The review must be there, the type must still allow it, and the list must hold the entry where lists count. */
export async function releaseReviewed(tx: Tx, ctx: Context, entry: OpenEntry): Promise<void> {
  const review = govern(entry.region, 'open-list-review', ctx.day)
  let p = await lockReviewed(tx, entry.entryId)
  // Where no text orders a review of the list, what stands before release is our secrecy review; it may be switched to a reminder.
  if (!p && review.origin === 'platform') {
    await passGate(tx, ctx, {
      region: entry.region,
      key: 'secrecy-review',
      code: 'opening.not_reviewed',
      reason: 'secrecy-review-required',
      detail: `「${entry.title}」还没有通过保密审查。`,
      subject: entry.code,
      cite: governProcedure(entry.region, 'open-review', ctx.day)?.cite ?? review.cite,
      remedy: entry.pending ? `请先办结审查 ${entry.pending.caseNo}。` : '请先提请开放，由另一人作保密审查。',
    })
    p = entry.pending ? await lockPending(tx, entry.entryId) : undefined
  }
  if (!p) {
    refuse('opening.not_reviewed', {
      status: 422,
      reason: 'list-review-required',
      detail: `「${entry.title}」还没有通过审查，不能公布。`,
      remedy: entry.pending ? `请先办结审查 ${entry.pending.caseNo}。` : '请由提供部门提请开放，审查通过后再公布。',
      cite: review.cite,
    })
  }
  if (entry.state !== 'published' || entry.openClass !== p.openClass) {
    refuse('opening.changed_meanwhile', {
      status: 409,
      reason: 'open-type-invalid',
      detail: '审查期间目录已变更，开放类型与审查时不同。',
      remedy: '请不同意本次申请，由提供部门重新提出。',
    })
  }
  const lists = govern(entry.region, 'open-lists', ctx.day)
  if (lists.value.required && !(await inPublishedList(tx, entry.departmentId, p.openClass, entry.entryId))) {
    refuse('opening.not_listed', {
      status: 422,
      reason: 'not-in-open-catalog',
      detail: `「${entry.title}」没有列入已公布的「${lists.value.names[p.openClass] ?? '开放清单'}」，不能开放。`,
      remedy: '请先把它列入清单并公布。',
      cite: lists.cite,
    })
  }
  const approver = ctx.actor ? `${ctx.actor.department} ${ctx.actor.name}` : '平台'
  await sql`update opening.proposal set state = 'opened' where id = ${p.id}`.execute(tx)
  await publishListing(tx, ctx, { ...p, approver }, entry)
}

/**
 * Takes a data set down. Pages, files and interfaces look at the state in the same statement as the data, so all stop at once. Who is
 * known to use the data is told; unless it only left a list, what happened is to be assessed.
 */
export async function withdrawListing(
  tx: Tx,
  ctx: Context,
  entry: Pick<OpenEntry, 'entryId' | 'code' | 'title' | 'region' | 'department' | 'departmentId'>,
  reason: string,
  how: { by?: string; assess?: boolean; silent?: boolean } = {},
): Promise<void> {
  const rule = govern(entry.region, 'open-withdraw', ctx.day)
  const { cite } = rule
  const { rows } =
    await sql`update opening.listing set state = 'withdrawn', version = version + 1, withdrawn_at = ${ctx.now}, withdrawn_reason = ${reason},
    withdrawn_cite = ${JSON.stringify(cite)} where entry_id = ${entry.entryId} and state = 'open' returning entry_id`.execute(tx)
  if (!rows.length) {
    refuse('opening.not_open', {
      status: 409,
      reason: 'wrong-state',
      detail: '这个数据集已经不在开放中。',
      remedy: '请刷新页面查看最新状态。',
    })
  }
  await noteUse(tx, { kind: 'open', entryId: entry.entryId, ref: entry.entryId, label: '公共开放', items: [], active: false })
  await record(tx, ctx, { action: 'opening.withdraw', subject: entry.code, content: reason, cite, ...(how.by && { person: how.by }) })
  if (how.silent) return

  const href = `/workbench/opening/${pathOf(entry.code)}`
  const { rows: sharers } = await sql<{ id: string }>`select distinct grantee_department_id as id from delivery.grant_view
    where entry_id = ${entry.entryId} and state in ('active', 'suspended')`.execute(tx)
  const { rows: holders } = await sql<{
    holder: string
  }>`select distinct holder from opening.access where entry_id = ${entry.entryId} and state in ('approved', 'active', 'limited')`.execute(
    tx,
  )
  await notifyDepartments(
    tx,
    ctx.now,
    sharers.map(s => s.id).filter(id => id !== entry.departmentId),
    `「${entry.title}」已从开放平台下架，原因：${reason}。你部门取用着这些数据，请核对使用是否受影响。`,
    `/workbench/catalog/${pathOf(entry.code)}`,
  )
  // Nobody may be registered as authority yet; the set must come down all the same.
  const authority = await departmentFor(tx, rule.adopter || entry.region, 'authority', rule.roleLabels.authority ?? '主管部门').catch(
    () => null,
  )
  const known = holders.length ? `授权使用者 ${holders.map(h => h.holder).join('、')} 在办件页看到下架和原因。` : '没有授权使用者。'
  await notifyDepartments(
    tx,
    ctx.now,
    [entry.departmentId, authority?.id ?? null],
    `「${entry.title}」已下架，原因：${reason}。${how.assess ? '请及时评估。' : ''}已告知 ${sharers.length} 个取用部门；${known}`,
    href,
    how.assess ? 'reminder' : 'news',
  )
  if (!how.assess) return
  const debtors = [
    { role: 'provider', id: entry.departmentId, name: entry.department, creditor: authority?.name ?? '' },
    { role: 'authority', id: authority?.id, name: authority?.name ?? '', creditor: entry.department },
  ]
  for (const d of debtors)
    if (d.id && rule.value.by.includes(d.role) && (d.role === 'provider' || d.id !== entry.departmentId))
      await openDuty(tx, {
        name: 'open-assess',
        what: '评估下架的数据',
        debtorId: d.id,
        debtor: d.name,
        role: d.role,
        creditor: d.creditor,
        title: `会同评估「${entry.title}」的泄露情况或风险：${reason}`,
        href,
        day: ctx.day,
        within: { days: null, word: '及时' },
        origin: 'platform',
        cite,
        inherited: rule.inherited,
      })
}

/** What the end of an open review does. Regulation files name these effects. */
export function registerOpeningEffects(): void {
  registerEffect('open-entry', async (tx, ctx, c) => {
    const p = (await lockProposal(tx, c.id)) ?? notFound('opening.proposal', '开放申请')
    const entry = (await findEntry(ctx.pool, { entryId: p.entryId })) ?? notFound('catalog.entry', '目录')
    await sql`update opening.proposal set state = 'reviewed' where id = ${p.id}`.execute(tx)
    await releaseReviewed(tx, ctx, entry)
    return { label: '查看开放数据', href: `/dataset/${entry.code.replace('/', '-')}` }
  })
  registerEffect('pass-review', async (tx, _ctx, c) => {
    const p = (await lockProposal(tx, c.id)) ?? notFound('opening.proposal', '开放申请')
    await sql`update opening.proposal set state = 'reviewed' where id = ${p.id}`.execute(tx)
    return { label: '去公布', href: `/workbench/opening/${pathOf(c.subject_code!)}` }
  })
  registerEffect('close-opening', async (tx, _ctx, c) => {
    await sql`update opening.proposal set state = 'refused' where case_id = ${c.id} and state = 'pending'`.execute(tx)
  })
}

/** Keeps the search words of a listing those of the entry's current version. */
export const indexListing = (
  db: Context['db'],
  entryId: string,
  version: number,
  parts: { title: string; items: string[]; rest: string },
): Promise<unknown> =>
  sql`update opening.listing set indexed_version = ${version * 10 + wordsVersion}, words = ${searchVector(parts)}::tsvector where entry_id = ${entryId}`.execute(
    db,
  )

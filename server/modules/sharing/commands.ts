import { semantics } from '../../../contract/catalog.ts'
import type { Form } from '../../../contract/procedure.ts'
import type { StaffContext } from '../../platform/context.ts'
import { Faults, notFound, Problem, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { type PublishedEntry, proposedTreatment, publishedEntry, shareClassOf } from '../catalog/public.ts'
import { createGrant, grantView, loadGrant, setGrantState } from '../delivery/public.ts'
import { type CaseRecord, notifyDepartments, registerEffect, registerHooks, startCase } from '../procedure/public.ts'
import { govern, shareLabel } from '../regulation/public.ts'

/** Items of an entry as an application or a decision chooses from them; what is not shared at all is left out. */
export const itemRows = (entry: Pick<PublishedEntry, 'content' | 'region'>, day: string) =>
  entry.content.items
    .filter(i => shareClassOf(entry.content, i) !== 'denied')
    .map(i => ({
      key: i.key,
      label: i.name,
      note: [i.semantic ? semantics[i.semantic] : '', shareLabel(entry.region, shareClassOf(entry.content, i), day)]
        .filter(Boolean)
        .join(' · '),
      treatment: proposedTreatment(i) as 'plain' | 'masked' | 'verify',
    }))

async function shareable(ctx: StaffContext, entryId: string): Promise<PublishedEntry> {
  const entry = (await publishedEntry(ctx.db, { id: entryId })) ?? notFound('catalog.entry', '目录')
  if (entry.state !== 'published')
    refuse('sharing.withdrawn', { status: 409, reason: 'dataset-withdrawn', detail: '这条目录已撤销，不能申请。' })
  if (entry.department_id === ctx.actor.departmentId)
    refuse('sharing.own', { reason: 'out-of-scope', detail: '这是本部门的目录，不需要申请。' })
  if (entry.content.shareClass === 'denied') {
    const denied = govern(entry.region, 'share-denied', ctx.day)
    refuse('sharing.denied', {
      reason: 'share-type-not-shareable',
      detail: `“${entry.title}”是${shareLabel(entry.region, 'denied', ctx.day)}的数据，不受理共享申请。`,
      cite: denied.cite,
      remedy: '目录仍可查看；履职确有需要的，请与提供部门协商。',
    })
  }
  return entry
}

async function ownSystem(ctx: StaffContext, id: string | undefined): Promise<{ id: string; name: string } | null> {
  if (!id) return null
  const system = await ctx.db
    .selectFrom('organization.system_view')
    .select(['id', 'name', 'department_id'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (!system || system.department_id !== ctx.actor.departmentId)
    refuse('sharing.system', {
      detail: '没有这个信息系统，或它属于别的部门。',
      remedy: '请先登记本部门的信息系统。',
      errors: [{ pointer: '/form/system', code: 'field-missing', message: '请选择本部门登记的信息系统' }],
    })
  return { id: system.id as string, name: system.name as string }
}

/** Opens an application for conditional data, under the rule of the region that holds them. */
export async function apply(ctx: StaffContext, entryId: string, form: Form): Promise<CaseRecord> {
  const entry = await shareable(ctx, entryId)
  if (entry.content.shareClass === 'unconditional') {
    const direct = govern(entry.region, 'share-direct', ctx.day)
    refuse('sharing.no_application', {
      status: 409,
      detail: `“${entry.title}”无条件共享，写明用途后直接取用，不需申请。`,
      cite: direct.cite,
      remedy: '请用“直接取用”。',
    })
  }
  const faults = new Faults()
  const known = new Map(entry.content.items.map(i => [i.key, i]))
  for (const key of form.items ?? []) {
    const item = known.get(key)
    if (!item) faults.add('/form/items', 'field-not-registered', `目录里没有信息项 ${key}。`)
    else if (shareClassOf(entry.content, item) === 'denied')
      faults.add(
        '/form/items',
        'share-type-not-shareable',
        `信息项“${item.name}”${shareLabel(entry.region, 'denied', ctx.day)}，不能申请。`,
        { cite: govern(entry.region, 'share-denied', ctx.day).cite },
      )
  }
  if (form.until && form.until <= ctx.day) faults.add('/form/until', 'field-missing', '使用时限要晚于今天。')
  faults.throwIfAny('sharing.incomplete')
  await ownSystem(ctx, form.system)
  return ctx.db.transaction().execute(tx =>
    startCase(tx, ctx, {
      procedure: 'sharing-application',
      region: entry.region,
      subject: { type: 'entry', id: entry.id, code: entry.code, title: entry.title },
      parties: { applicant: ctx.actor.departmentId, provider: entry.department_id },
      form,
      title: `${ctx.actor.department} 申请 ${entry.title}`,
    }),
  )
}

registerHooks('sharing-application', {
  href: c => `/workbench/catalog/${c.subject_code!.replace('/', '-')}`,
  rows: async (db, c) => {
    const entry = await publishedEntry(db, { id: c.subject_id })
    return entry ? itemRows(entry, c.opened_at.toISOString().slice(0, 10)) : []
  },
})

/** The end of an approved application: what was decided becomes a grant, in the same transaction. */
registerEffect('grant', async (tx, ctx, c, form) => {
  const entry = (await publishedEntry(tx, { id: c.subject_id })) ?? notFound('catalog.entry', '目录')
  const decision = form.treatments?.length ? { form, person: ctx.actor?.name } : await approvalOf(tx, c)
  const treatments = decision.form.treatments!
  const gone = treatments.filter(t => !entry.content.items.some(i => i.key === t.key && shareClassOf(entry.content, i) !== 'denied'))
  if (gone.length)
    refuse('sharing.items_changed', {
      status: 409,
      reason: 'field-not-registered',
      detail: '目录已有新版本，所给信息项中有的已不再提供，不能生成授权。',
      remedy: '请申请部门按新版本重新申请。',
    })
  const grant = await createGrant(tx, ctx, {
    entryId: entry.id,
    entryVersion: entry.version,
    granteeDepartmentId: c.applicant_id,
    systemId: c.form.system ?? null,
    items: treatments,
    purpose: c.form.purpose!,
    basis: c.form.duty ?? '',
    approver: decision.person ?? '',
    from: ctx.day,
    until: decision.form.until ?? c.form.until ?? null,
    quotaPerDay: decision.form.quota ?? null,
    caseId: c.id,
    caseNo: c.no,
    method: c.form.method ?? 'api',
    cite: c.ruling.cite,
  })
  return { label: `授权 ${grant.no}`, href: `/workbench/grants/${grant.id}` }
})

/** The approving act of a case whose last act was something else, e.g. the signing of the agreement. */
async function approvalOf(
  tx: Parameters<Parameters<typeof registerEffect>[1]>[0],
  c: CaseRecord,
): Promise<{ form: Form; person: string | undefined }> {
  const row = await tx
    .selectFrom('procedure.decision_view')
    .select(['form', 'person'])
    .where('case_id', '=', c.id)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!row) throw new Problem('sharing.no_decision', { status: 409, reason: 'step-skipped', detail: '还没有同意的决定，不能生成授权。' })
  return { form: row.form as Form, person: row.person ?? undefined }
}

/** Unconditional data: a grant at once, under the article that says so. */
export async function takeUp(
  ctx: StaffContext,
  body: {
    entryId: string
    system: string
    purpose: string
    duty?: string
    items?: { key: string; treatment: 'plain' | 'masked' | 'verify' }[]
  },
) {
  const entry = await shareable(ctx, body.entryId)
  const direct = govern(entry.region, 'share-direct', ctx.day)
  if (entry.content.shareClass !== 'unconditional') {
    const rule = govern(entry.region, 'no-grant', ctx.day)
    refuse('sharing.application_needed', {
      status: 403,
      reason: 'no-access-grant',
      detail: `“${entry.title}”是${shareLabel(entry.region, entry.content.shareClass, ctx.day)}的数据，要先申请。`,
      cite: rule.cite,
      remedy: '请提出共享申请。',
    })
  }
  const outside = !ctx.actor.region.startsWith(direct.adopter.replace(/(00)+$/, ''))
  if (direct.value.audience === 'region' && direct.adopter && outside) {
    refuse('sharing.not_in_region', {
      status: 403,
      reason: 'not-a-government-department',
      detail: `直接取用只限 ${entry.region === direct.adopter ? '本地区' : '所属地区'} 的部门。`,
      cite: direct.cite,
      remedy: '外地部门请与提供部门联系，或通过上级平台申请。',
    })
  }
  if (body.purpose.trim().length < 4)
    refuse('sharing.purpose', {
      reason: 'purpose-required',
      detail: '请写明使用用途。',
      cite: direct.cite,
      errors: [{ pointer: '/purpose', code: 'purpose-required', message: '请写明使用用途（至少 4 个字）', cite: direct.cite }],
    })
  const system = await ownSystem(ctx, body.system)
  const allowed = itemRows(entry, ctx.day).filter(
    r => shareClassOf(entry.content, entry.content.items.find(i => i.key === r.key)!) === 'unconditional',
  )
  const items = (body.items ?? allowed.map(r => ({ key: r.key, treatment: 'plain' as const }))).filter(i =>
    allowed.some(r => r.key === i.key),
  )
  if (!items.length) refuse('sharing.no_items', { reason: 'field-not-registered', detail: '没有可以直接取用的信息项。' })
  return ctx.db
    .transaction()
    .execute(async tx => {
      const grant = await createGrant(tx, ctx, {
        entryId: entry.id,
        entryVersion: entry.version,
        granteeDepartmentId: ctx.actor.departmentId,
        systemId: system?.id ?? null,
        items,
        purpose: body.purpose,
        basis: body.duty ?? '',
        approver: '无条件共享，不需批准',
        from: ctx.day,
        until: null,
        quotaPerDay: null,
        caseId: null,
        caseNo: null,
        method: 'api',
        cite: direct.cite,
      })
      await record(tx, ctx, {
        action: 'sharing.access',
        subject: entry.code,
        purpose: body.purpose,
        content: items.map(i => i.key).join('、'),
        cite: direct.cite,
      })
      return grant.id
    })
    .then(id => grantView(ctx, id))
}

/** Suspends or resumes a grant: by the provider or by the authority the regulation names. The next request feels it. */
export async function changeGrant(ctx: StaffContext, id: string, action: 'suspend' | 'resume', reason: string) {
  const view = await grantView(ctx, id)
  if (!view.may.includes(action)) {
    const grant = await loadGrant(ctx.pool, id)
    const region = grant?.providerRegion ?? ctx.actor.region
    const rule = govern(region, 'share-suspend', ctx.day)
    refuse('sharing.not_competent', {
      status: 403,
      reason: 'not-competent',
      detail:
        action === 'suspend' ? '只有提供部门和主管部门可以暂停授权，而且授权须在生效中。' : '只有提供部门和主管部门可以恢复已暂停的授权。',
      cite: rule.cite,
    })
  }
  const grant = (await loadGrant(ctx.pool, id)) ?? notFound('grant', '授权')
  const rule = govern(grant.providerRegion, 'share-suspend', ctx.day)
  await ctx.db.transaction().execute(async tx => {
    await setGrantState(tx, ctx, id, action === 'suspend' ? 'suspended' : 'active', reason, rule.cite)
    const parties = [grant.granteeDepartmentId, grant.providerDepartmentId]
    await notifyDepartments(
      tx,
      ctx.now,
      parties,
      `授权 ${grant.no}（${grant.title}）已${action === 'suspend' ? '暂停' : '恢复'}：${reason}`,
      `/workbench/grants/${id}`,
    )
  })
  return grantView(ctx, id)
}

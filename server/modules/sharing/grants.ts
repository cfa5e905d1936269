import type { Cite } from '../../../contract/common.ts'
import type { Form, GrantedItem } from '../../../contract/procedure.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { notFound, Problem, refuse } from '../../platform/problem.ts'
import { mountOf } from '../aggregation/public.ts'
import { recordRead } from '../audit/public.ts'
import { type PublishedEntry, publishedEntry, shareClassOf } from '../catalog/public.ts'
import { type Await, createGrant, grantOfCase, grantView, loadGrant, previewOf, setGrantState, settleAwait } from '../delivery/public.ts'
import { addEvent, type CaseRecord, caseFor, lockCase, notifyDepartments, registerEffect, startCase } from '../procedure/public.ts'
import { govern, governProcedure } from '../regulation/public.ts'
import { agreementText } from './agreement.ts'

/** What a decision leaves open before the grant delivers: nothing, the signatures of the agreement, or the filing with the authority. */
const ways = { grant: null, 'grant-on-signature': 'agreement', 'grant-on-filing': 'filing' } as const
for (const [effect, waits] of Object.entries(ways))
  registerEffect(effect, async (tx, ctx, c, form) => {
    const grant = await give(tx, ctx, c, form, waits)
    return { label: `授权 ${grant.no}`, href: `/workbench/grants/${grant.id}` }
  })
/** The signatures are there, or the filing is made. */
for (const [effect, key] of [
  ['grant-effective', 'agreement'],
  ['grant-filed', 'filing'],
] as const)
  registerEffect(effect, async (tx, ctx, c, form) => {
    const id = (await grantOfCase(tx, c.id)) ?? notFound('grant', '授权')
    await settleAwait(tx, ctx, id, key, form.agreement ?? form.note ?? c.no)
    return undefined
  })

/**
 * What was judged or coordinated stands in the timeline of the application it was about. A judgement for the applicant binds it: the grant
 * follows at once, of nothing that was not asked for.
 */
registerEffect('bind-judgement', async (tx, ctx, c, form) => {
  const earlier = c.after_no ? await lockCase(tx, c.after_no) : undefined
  const said = form as { verdict?: string; judgement?: string }
  if (earlier)
    await addEvent(tx, earlier, {
      at: ctx.now,
      action: 'judged',
      label: `争议 ${c.no} 有了结果`,
      actor: ctx.actor,
      role: 'authority',
      from: earlier.state,
      to: earlier.state,
      form: { judgement: said.judgement, ...(said.verdict && { verdict: said.verdict }) },
      cite: c.ruling.cite,
    })
  if (said.verdict !== 'provide') return undefined
  if (!earlier)
    refuse('sharing.no_application_judged', {
      status: 409,
      reason: 'step-skipped',
      detail: '这件争议没有接着一件申请提出，评判不能直接生成授权。',
      cite: c.ruling.cite,
      remedy: '请申请部门先提出共享申请，再按评判结论办理。',
    })
  const more = form.treatments!.filter(t => !earlier.form.items?.includes(t.key))
  if (more.length)
    refuse('sharing.more_than_asked', {
      reason: 'field-not-granted',
      detail: `信息项 ${more.map(t => t.key).join('、')} 不在申请范围内，不能评判给予。`,
      cite: c.ruling.cite,
      errors: [{ pointer: '/form/treatments', code: 'field-not-granted', message: '超出申请范围。' }],
    })
  const grant = await give(tx, ctx, { ...earlier, id: c.id, no: c.no, ruling: c.ruling }, form, null)
  return { label: `授权 ${grant.no}`, href: `/workbench/grants/${grant.id}` }
})

/** What was decided becomes a grant, in the transaction of the decision. */
async function give(tx: Tx, ctx: Context, c: CaseRecord, form: Form, waits: 'agreement' | 'filing' | null) {
  const entry = (await publishedEntry(tx, { id: c.subject_id })) ?? notFound('catalog.entry', '目录')
  const decision = form.treatments?.length ? { form, person: ctx.actor?.name, at: ctx.now } : await approvalOf(tx, c)
  const treatments = decision.form.treatments!
  // What is not shared leaves only where both sides came to terms about it.
  const negotiated = c.procedure !== 'sharing-application'
  const offered = (key: string) =>
    entry.content.items.some(i => i.key === key && (negotiated || shareClassOf(entry.content, i) !== 'denied'))
  if (treatments.some(t => !offered(t.key)))
    refuse('sharing.items_changed', {
      status: 409,
      reason: 'field-not-registered',
      detail: '目录已有新版本，所给信息项中有的已不再提供，不能生成授权。',
      remedy: '请申请部门按新版本重新申请。',
    })
  const { until } = decision.form
  if (until && c.form.until && until > c.form.until)
    refuse('sharing.more_than_asked', {
      reason: 'field-not-granted',
      detail: `申请的使用时限到 ${c.form.until}，不能给到 ${until}。`,
      cite: c.ruling.cite,
      remedy: '请写申请的日期或更早；需要更久的，由使用部门申请续期。',
      errors: [{ pointer: '/form/until', code: 'field-not-granted', message: '超出申请的时限。' }],
    })
  const agreedWay = String((decision.form as { agreedWay?: unknown }).agreedWay ?? '')
  const matters = (c.form as { matters?: string[] }).matters ?? []
  const cite = (topic: 'share-use' | 'usage-record' | 'share-suspend' | 'share-disposal') => govern(entry.region, topic, ctx.day).cite
  const system = c.form.system
    ? ((await tx.selectFrom('organization.system_view').select('name').where('id', '=', c.form.system).executeTakeFirst())?.name ?? null)
    : null
  return createGrant(tx, ctx, {
    entryId: entry.id,
    entryVersion: entry.version,
    granteeDepartmentId: c.applicant_id!,
    systemId: c.form.system ?? null,
    items: treatments,
    purpose: c.form.purpose!,
    basis: c.form.duty ?? '',
    approver: decision.person ?? '',
    from: ctx.day,
    until: until ?? c.form.until ?? null,
    quotaPerDay: decision.form.quota ?? null,
    caseId: c.id,
    caseNo: c.no,
    method: c.form.method ?? 'api',
    cite: c.ruling.cite,
    conditions: entry.content.shareConditions,
    officer: await applicantOf(tx, c),
    agreedWay,
    matters,
    ...(waits === 'agreement' && {
      agreement: made =>
        agreementText({
          ...made,
          caseNo: c.no,
          parties: Object.values(c.parties),
          entry,
          stated: { ...c.form, matters, system },
          method: c.form.method ?? 'api',
          from: ctx.day,
          until: until ?? c.form.until ?? null,
          quotaPerDay: decision.form.quota ?? null,
          conditions: entry.content.shareConditions,
          agreedWay,
          cites: {
            decision: c.ruling.cite,
            use: cite('share-use'),
            record: cite('usage-record'),
            suspend: cite('share-suspend'),
            disposal: cite('share-disposal'),
          },
        }),
    }),
    ...(decision.at && { approved: decision.at }),
    awaits: [...awaited(entry, waits, ctx.day), ...wayAwaited(entry, treatments, agreedWay, ctx.day)],
  })
}

/** Who applied answers for the grant, as long as nobody else is named. */
const applicantOf = async (tx: Tx, c: CaseRecord): Promise<{ id: string; name: string } | null> =>
  c.opened_by
    ? (((await tx
        .selectFrom('organization.person_view')
        .select(['id', 'name'])
        .where('id', '=', c.opened_by)
        .where('department_id', '=', c.applicant_id)
        .executeTakeFirst()) as { id: string; name: string } | undefined) ?? null)
    : null

const waitWords = {
  agreement: { topic: 'share-agreement', reason: 'agreement-required', what: '签订协议', who: '使用部门和主管部门' },
  filing: { topic: 'share-filing', reason: 'filing-missing', what: '向主管部门备案', who: '提供部门' },
} as const
function awaited(entry: PublishedEntry, key: keyof typeof waitWords | null, day: string): Await[] {
  if (!key) return []
  const { topic, ...words } = waitWords[key]
  return [{ key, ...words, cite: govern(entry.region, topic, day).cite, gate: key }]
}

const touchesPersons = new Set(['id-number', 'person-name', 'mobile', 'phone', 'address', 'bank-card', 'email', 'plate'])
/** Where the law wants an agreed way for privacy and trade secrets, it is part of the grant: no switch. */
function wayAwaited(entry: PublishedEntry, given: { key: string; treatment: string }[], agreed: string, day: string): Await[] {
  const rule = govern(entry.region, 'share-privacy', day)
  const touched = entry.content.items.filter(
    i =>
      given.some(t => t.key === i.key && t.treatment !== 'verify' && t.treatment !== 'aggregate') &&
      (i.sensitive || (i.semantic && touchesPersons.has(i.semantic))),
  )
  if (!rule.value.required || agreed || !touched.length) return []
  const names = touched.map(i => i.name).join('、')
  return [{ key: 'agreed-way', reason: 'agreement-required', what: `约定${names}的提供方式`, who: '提供部门', cite: rule.cite }]
}

/** The approving act of a case whose last act was something else. */
async function approvalOf(tx: Tx, c: CaseRecord): Promise<{ form: Form; person: string | undefined; at: Date | undefined }> {
  const row = await tx
    .selectFrom('procedure.decision_view')
    .select(['form', 'person', 'at'])
    .where('case_id', '=', c.id)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!row) throw new Problem('sharing.no_decision', { status: 409, reason: 'step-skipped', detail: '还没有同意的决定，不能生成授权。' })
  return { form: row.form as Form, person: row.person ?? undefined, at: row.at ?? undefined }
}

const words = { suspend: '暂停', resume: '恢复', stop: '终止' } as const
const states = { suspend: 'suspended', resume: 'active', stop: 'revoked' } as const

/** Suspends, resumes or ends a grant: by the provider or by the authority the regulation names. The next request feels it. */
export async function changeGrant(ctx: StaffContext, id: string, action: keyof typeof words, reason: string) {
  const view = await grantView(ctx, id)
  const grant = (await loadGrant(ctx.pool, id)) ?? notFound('grant', '授权')
  const rule = govern(grant.providerRegion, 'share-suspend', ctx.day)
  if (!view.may.includes(action)) {
    if (view.state === 'revoked' || view.may.includes('stop'))
      refuse('grant.wrong_state', {
        status: 409,
        reason: 'wrong-state',
        detail: `授权 ${grant.no} 现在是「${view.stateLabel}」，不能${words[action]}。`,
        cite: rule.cite,
        remedy: '请刷新页面查看最新状态。',
      })
    refuse('sharing.not_competent', {
      status: 403,
      reason: 'not-competent',
      detail: `授权 ${grant.no} 只有提供部门「${grant.provider}」和主管部门可以${words[action]}。`,
      cite: rule.cite,
      remedy: '请把情况告诉提供部门或主管部门。',
    })
  }
  needReason(reason, `请写明${words[action]}的原因（至少 4 个字）。`, rule.cite)
  await ctx.db.transaction().execute(async tx => {
    await setGrantState(tx, ctx, id, states[action], reason, rule.cite)
    if (action !== 'resume' && ctx.actor.departmentId === grant.providerDepartmentId) await report(tx, ctx, grant, words[action], reason)
    const parties = [grant.granteeDepartmentId, grant.providerDepartmentId]
    await notifyDepartments(
      tx,
      ctx.now,
      parties,
      `授权 ${grant.no}（${grant.title}）已${words[action]}：${reason}`,
      `/workbench/grants/${id}`,
    )
  })
  return grantView(ctx, id)
}

/** The provider acts at once and reports; the report is a filing that waits for nobody. */
async function report(
  tx: Tx,
  ctx: StaffContext,
  grant: { id: string; no: string; title: string; providerRegion: string; providerDepartmentId: string; granteeDepartmentId: string },
  measure: string,
  reason: string,
): Promise<void> {
  if (!governProcedure(grant.providerRegion, 'suspension-report', ctx.day)) return
  await startCase(tx, ctx, {
    procedure: 'suspension-report',
    region: grant.providerRegion,
    subject: { type: 'grant', id: grant.id, code: grant.no, title: grant.title },
    parties: { applicant: grant.providerDepartmentId, provider: grant.providerDepartmentId, grantee: grant.granteeDepartmentId },
    form: { stopReason: reason, stopMeasure: measure } as Form,
    title: `${measure}授权 ${grant.no}（${grant.title}）`,
  })
}

/** What the treatments do to real rows, for the person who may decide on the case now. It is a look at data, so it is recorded first. */
export async function previewTreatments(ctx: StaffContext, no: string, given: GrantedItem[]) {
  const view = (await caseFor(ctx, no)) ?? notFound('procedure.case', '办件')
  const cite = view.actions[0]?.cite ?? view.steps[0]!.cite
  const choice = view.actions.flatMap(a => a.fields).find(f => f.kind === 'treatments')
  if (!choice)
    refuse('sharing.preview_not_yours', {
      status: 403,
      reason: 'not-competent',
      detail: '真实数据的预览只给正在决定这件申请的人看。',
      cite,
      remedy: '请在轮到本部门决定时再预览。',
    })
  const beyond = given.filter(t => !choice.rows?.some(row => row.key === t.key))
  if (beyond.length)
    refuse('sharing.more_than_asked', {
      reason: 'field-not-granted',
      detail: `信息项 ${beyond.map(t => t.key).join('、')} 不在申请范围内。`,
      cite,
    })
  const c = (await ctx.db.selectFrom('procedure.case_view').select(['subject_id', 'applicant_id']).where('no', '=', no).executeTakeFirst())!
  const entry = (await publishedEntry(ctx.db, { id: c.subject_id! })) ?? notFound('catalog.entry', '目录')
  const mount = await mountOf(ctx.db, entry.id)
  if (!mount)
    refuse('data.not_mounted', {
      status: 409,
      reason: 'not-mounted',
      detail: `「${entry.title}」目前没有挂接数据，没有可以预览的行。`,
      remedy: '数据汇聚后再预览；处理方式现在也可以决定。',
    })
  const shown = await previewOf(ctx, mount, { title: entry.title, items: entry.content.items }, given, c.applicant_id ?? '')
  await recordRead(ctx, {
    action: 'grant.preview',
    subject: entry.code,
    caseNo: no,
    content: `${entry.title}（${entry.code}）${shown.rows.length} 行：${shown.columns.map(i => i.name).join('、')}`,
    cite,
    data: { items: shown.columns.map(i => [i.key, i.treatment]) },
  })
  return shown
}

/** The agreed way for data that touch secrets or privacy, put down by the provider. */
export async function agreeWay(ctx: StaffContext, id: string, text: string) {
  const view = await grantView(ctx, id)
  if (!view.may.includes('settle'))
    refuse('sharing.not_competent', {
      status: 403,
      reason: 'not-competent',
      detail: '提供方式由提供部门登记，而且授权正等着这一项。',
      cite: view.cite,
    })
  await ctx.db.transaction().execute(tx => settleAwait(tx, ctx, id, 'agreed-way', text))
  return grantView(ctx, id)
}

function needReason(reason: string, message: string, cite: Cite): void {
  if (reason.trim().length < 4)
    refuse('sharing.reason', {
      reason: 'reason-required',
      detail: message,
      cite,
      errors: [{ pointer: '/reason', code: 'reason-required', message, cite }],
    })
}

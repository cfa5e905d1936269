import { semantics } from '../../../contract/catalog.ts'
import { regionPrefix } from '../../../contract/common.ts'
import { maskProfiles, profilesFor } from '../../../contract/delivery.ts'
import type { Form, GrantedItem } from '../../../contract/procedure.ts'
import { dayOf } from '../../platform/clock.ts'
import type { StaffContext } from '../../platform/context.ts'
import { Faults, notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { type PublishedEntry, proposedTreatment, publishedEntry, shareClassOf } from '../catalog/public.ts'
import { createGrant, grantView, loadGrant, twinOf } from '../delivery/public.ts'
import { requireDepartment, requireOfficers } from '../organization/public.ts'
import { type CaseRecord, registerHooks, registerSubject, startCase } from '../procedure/public.ts'
import { govern, governProcedure, shareLabel } from '../regulation/public.ts'
import { offerOf } from './bases.ts'
import { renewalOf } from './renewal.ts'
import { statements } from './rules.ts'

/** Items of an entry as an application or a decision chooses from them; what is not shared at all is left out, but where it is negotiated. */
export const itemRows = (entry: Pick<PublishedEntry, 'content' | 'region'>, day: string, denied = false) =>
  entry.content.items
    .filter(i => denied || shareClassOf(entry.content, i) !== 'denied')
    .map(i => ({
      key: i.key,
      label: i.name,
      note: [i.semantic ? semantics[i.semantic] : '', shareLabel(entry.region, shareClassOf(entry.content, i), day)]
        .filter(Boolean)
        .join(' · '),
      treatment: proposedTreatment(i) as 'plain' | 'masked' | 'verify',
      profiles: profilesFor(i).map(value => ({ value, label: maskProfiles[value].label })),
    }))

/** Who may use shared data at all, and of what entry; the refusals every way in has in common. */
async function shareable(ctx: StaffContext, entryId: string): Promise<PublishedEntry> {
  await requireDepartment(ctx.db, ctx)
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
      remedy: governProcedure(entry.region, 'negotiation', ctx.day)
        ? '目录仍可查看；履职确有需要的，请在目录页发起“协商提供”。'
        : '目录仍可查看；履职确有需要的，请与提供部门联系。',
    })
  }
  await requireReciprocity(ctx, entry.region)
  return entry
}

/** Who keeps its own data to itself does not use the data of others, where the rule says so. A recorded decision makes an exception. */
async function requireReciprocity(ctx: StaffContext, region: string): Promise<void> {
  const rule = govern(region, 'share-reciprocity', ctx.day)
  if (!rule.value.required) return
  const own = await ctx.db
    .selectFrom('catalog.entry_view as e')
    .leftJoin('aggregation.mount_view as m', 'm.entry_id', 'e.id')
    .select(['e.title', 'm.relation'])
    .where('e.department_id', '=', ctx.actor.departmentId)
    .where('e.state', '=', 'published')
    .execute()
  if (!own.length || own.some(e => e.relation)) return
  const exception = await ctx.db
    .selectFrom('procedure.case_view')
    .select('no')
    .where('procedure', '=', 'reciprocity-exception')
    .where('applicant_id', '=', ctx.actor.departmentId)
    .where('outcome', '=', 'approved')
    .executeTakeFirst()
  if (exception) return
  refuse('sharing.reciprocity', {
    status: 403,
    reason: 'reciprocity-unmet',
    detail: `${ctx.actor.department}登记的 ${own.length} 条目录（${own[0]!.title}${own.length > 1 ? '等' : ''}）都还没有汇聚数据，不能使用其他部门的数据。`,
    cite: rule.cite,
    remedy: '先按要求汇聚本部门登记的数据；确有原因的，申请登记例外决定。',
  })
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
export async function apply(ctx: StaffContext, entryId: string, stated: Form, renews?: string): Promise<CaseRecord> {
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
  const before = renews ? await renewalOf(ctx, renews) : undefined
  if (before && before.entryId !== entryId)
    refuse('sharing.renewal', {
      reason: 'out-of-scope',
      detail: `授权 ${before.no} 不是“${entry.title}”的授权，不能由这件申请接续。`,
      remedy: '请从那个授权的页面办理续期，或不写所接续的授权。',
      errors: [{ pointer: '/renews', code: 'out-of-scope', message: '不是同一条目录的授权' }],
    })
  const form = { ...before?.form, ...stated }
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
  return ctx.db.transaction().execute(async tx => {
    await requireOfficers(tx, ctx, 'data')
    const c = await startCase(tx, ctx, {
      procedure: 'sharing-application',
      region: entry.region,
      subject: { type: 'entry', id: entry.id, code: entry.code, title: entry.title },
      parties: { applicant: ctx.actor.departmentId, provider: entry.department_id },
      // The conditions stand in the application as the applicant saw them, whatever the entry says later.
      form: { ...form, ...(entry.content.shareConditions && { conditions: entry.content.shareConditions }) },
      title: before
        ? `${ctx.actor.department} 申请续期 ${entry.title}（接续授权 ${before.no}）`
        : `${ctx.actor.department} 申请 ${entry.title}`,
    })
    if (before)
      await record(tx, ctx, {
        action: 'sharing.renew',
        subject: before.no,
        caseNo: c.no,
        content: `以 ${c.no} 申请接续`,
        cite: c.ruling.cite,
      })
    return c
  })
}

const page = (c: CaseRecord) => `/workbench/catalog/${c.subject_code!.replace('/', '-')}`
const rowsOf =
  (denied: boolean): NonNullable<Parameters<typeof registerHooks>[1]['rows']> =>
  async (db, c) => {
    const entry = await publishedEntry(db, { id: c.subject_id })
    return entry ? itemRows(entry, dayOf(c.opened_at), denied) : []
  }
registerSubject('grant', async (_, ctx, id) => {
  const g = /^[0-9a-f-]{36}$/.test(id) ? await loadGrant(ctx.pool, id) : undefined
  // Only its two sides and the authorities of the place know of a grant.
  const mine = g && ctx.actor && [g.granteeDepartmentId, g.providerDepartmentId].includes(ctx.actor.departmentId)
  const over = g && ctx.actor?.roles.includes('bureau') && g.providerRegion.startsWith(regionPrefix(ctx.actor.region))
  if (!g || !(mine || over)) return undefined
  return {
    type: 'grant',
    id,
    code: g.code,
    title: `${g.no} ${g.title}`,
    region: g.providerRegion,
    parties: { provider: g.providerDepartmentId, grantee: g.granteeDepartmentId },
  }
})

registerHooks('sharing-application', { href: page, rows: rowsOf(false), closed: '目录页的“申请使用”' })
registerHooks('dispute', { href: page, rows: rowsOf(true) })
registerHooks('negotiation', {
  href: page,
  rows: rowsOf(true),
  begin: async (tx, ctx, { subject, after }) => {
    const staff = ctx as StaffContext
    await requireDepartment(tx, staff)
    const entry = (await publishedEntry(tx, { id: subject.id })) ?? notFound('catalog.entry', '已发布的目录')
    if (entry.department_id === staff.actor.departmentId)
      refuse('sharing.own', { reason: 'out-of-scope', detail: '这是本部门的目录，不需要协商。' })
    if (entry.content.shareClass === 'denied' || after) return
    refuse('sharing.application_first', {
      status: 409,
      reason: 'step-skipped',
      detail: `“${entry.title}”是${shareLabel(entry.region, entry.content.shareClass, ctx.day)}的数据，先按规定取用或申请；被拒绝后才协商。`,
      cite: govern(entry.region, 'share-denied', ctx.day).cite,
      remedy: '请先提出共享申请。',
    })
  },
})

/** Even where nobody decides, the user says what for: it becomes part of every usage record. */
function requireStatement(region: string, body: { [K in keyof typeof statements]?: string | undefined }, day: string): void {
  const { value, cite } = govern(region, 'share-request', day)
  const faults = new Faults()
  for (const key of value.requires) {
    if ((body[key]?.trim().length ?? 0) >= (key === 'dataName' ? 1 : 4)) continue
    faults.add(
      `/${key}`,
      key === 'dataName' ? 'field-missing' : 'purpose-required',
      `请写明“${statements[key]}”${key === 'dataName' ? '' : '（至少 4 个字）'}。`,
      { cite },
    )
  }
  faults.throwIfAny('sharing.purpose')
}

/** Unconditional data, and the interface of a base database that is open to the region: a grant at once, under the article that says so. */
export async function takeUp(
  ctx: StaffContext,
  body: {
    entryId: string
    system: string
    purpose: string
    duty?: string | undefined
    dataName?: string | undefined
    items?: GrantedItem[] | undefined
  },
) {
  const entry = await shareable(ctx, body.entryId)
  const direct = govern(entry.region, 'share-direct', ctx.day)
  const free = entry.content.shareClass === 'unconditional'
  const offer = await offerOf(ctx.db, entry, ctx.actor.region)
  if (!free && !offer?.items.length) {
    const rule = govern(entry.region, 'no-grant', ctx.day)
    refuse('sharing.application_needed', {
      status: 403,
      reason: 'no-access-grant',
      detail: `“${entry.title}”是${shareLabel(entry.region, entry.content.shareClass, ctx.day)}的数据，要先申请。`,
      cite: rule.cite,
      remedy: '请提出共享申请。',
    })
  }
  const outside = !ctx.actor.region.startsWith(regionPrefix(direct.adopter))
  if (free && direct.value.audience === 'region' && direct.adopter && outside) {
    refuse('sharing.not_in_region', {
      status: 403,
      reason: 'not-a-government-department',
      detail: `直接取用只限 ${entry.region === direct.adopter ? '本地区' : '所属地区'} 的部门。`,
      cite: direct.cite,
      remedy: '外地部门请与提供部门联系，或通过上级平台申请。',
    })
  }
  requireStatement(entry.region, body, ctx.day)
  const system = await ownSystem(ctx, body.system)
  const offered = offer?.items.map(({ key, treatment, profile }): GrantedItem => ({ key, treatment, ...(profile && { profile }) })) ?? []
  const rows = itemRows(entry, ctx.day)
  const open = rows.filter(r => shareClassOf(entry.content, entry.content.items.find(i => i.key === r.key)!) === 'unconditional')
  // Of a base what the builder offers, as it offers it: to choose is only which of the items.
  const items = free
    ? (body.items ?? open.map(r => ({ key: r.key, treatment: 'plain' as const }))).filter(i => open.some(r => r.key === i.key))
    : offered.filter(o => !body.items || body.items.some(i => i.key === o.key))
  const cite = free ? direct.cite : govern(entry.region, 'base-databases', ctx.day).cite
  const rowsByKey = new Map(rows.map(r => [r.key, r.label]))
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
        approver: free ? '无条件共享，不需批准' : `${offer!.builder}（${offer!.title}对各部门开放的接口）`,
        from: ctx.day,
        until: null,
        quotaPerDay: null,
        caseId: null,
        caseNo: null,
        method: 'api',
        cite,
        conditions: entry.content.shareConditions,
        agreedWay: free ? '' : offer!.way,
        officer: { id: ctx.actor.personId, name: ctx.actor.name },
      })
      // A second click; of two at once one waits for the other's number.
      const twin = await twinOf(tx, grant.id)
      if (twin)
        refuse('sharing.already_taken', {
          status: 409,
          reason: 'wrong-state',
          detail: `这个信息系统已有同一用途、同样信息项的授权 ${twin}。`,
          cite,
          remedy: '请打开那个授权取用；用途不同的，写明另一个用途。',
        })
      await record(tx, ctx, {
        action: 'sharing.access',
        subject: entry.code,
        purpose: [body.purpose, body.duty].filter(Boolean).join('；'),
        content: `${body.dataName ?? entry.title}：${items.map(i => rowsByKey.get(i.key)).join('、')}`,
        cite,
      })
      return grant.id
    })
    .then(id => grantView(ctx, id))
}

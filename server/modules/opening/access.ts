import { sql } from 'kysely'
import type { Fault } from '../../../contract/common.ts'
import { regionPrefix } from '../../../contract/common.ts'
import { addMonths } from '../../platform/clock.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { newId, newSecret } from '../../platform/id.ts'
import { Faults, notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { departmentFor, digestOf } from '../organization/public.ts'
import { type CaseRecord, fulfilDuties, notifyDepartments, openDuty, registerEffect, registerHooks } from '../procedure/public.ts'
import { gateMode, govern, regionName } from '../regulation/public.ts'
import { type AccessRow, accessColumns, accessLabels, withinScenario } from './admit.ts'
import { withdrawListing } from './commands.ts'
import { findEntry } from './queries.ts'

registerHooks('open-application', {
  href: c => `/workbench/opening/${c.subject_code?.replace('/', '-')}`,
  begin: async (_tx, ctx, { subject }) => {
    const entry = await findEntry(ctx.pool, { entryId: subject.id })
    const cls = entry?.listing?.openClass === 'conditional' ? 'conditional' : entry?.openClass
    if (entry?.listing?.state !== 'open')
      refuse('opening.not_listed', {
        reason: 'not-in-open-catalog',
        detail: `「${subject.title}」没有在开放平台公布，不受理使用申请。`,
        remedy: '希望它开放的，可以提出开放需求。',
        cite: govern(subject.region, 'open-platform', ctx.day).cite,
      })
    if (cls === 'open')
      refuse('opening.no_application', {
        status: 409,
        reason: 'open-type-invalid',
        detail: `「${subject.title}」已向社会开放，可以直接下载和调用，不需要申请。`,
        cite: govern(subject.region, 'open-types', ctx.day).cite,
      })
  },
})

type Said = Record<string, unknown>
const text = (v: unknown) => (typeof v === 'string' ? v : '')

/** What a decided application does: an authorisation that waits for its agreement, and begins with it. */
export function registerAccessEffects(): void {
  registerEffect('allow-access', async (tx, ctx, c) => {
    const all = { ...c.form, ...c.said } as Said
    await conditionsMet(tx, ctx, c, all)
    const publicBenefit = (govern(c.region, 'open-benefit', ctx.day).value.kinds as string[]).includes(text(all.applicantKind))
    const no = `SK-${c.no.split('-').slice(1).join('-')}`
    const approver = ctx.actor ? `${ctx.actor.department} ${ctx.actor.name}` : '平台'
    // Where the agreement only reminds, the data flow before it is signed.
    const state = gateMode(c.region, 'agreement') === 'remind' ? 'active' : 'approved'
    const due = addMonths(ctx.day, govern(c.region, 'open-report', ctx.day).value.months)
    const followUp = addMonths(ctx.day, govern(c.region, 'open-follow-up', ctx.day).value.months)
    await sql`insert into opening.access (id, no, entry_id, region, holder, holder_kind, contact, purpose, scenario, use_kind, public_benefit, terms, state,
        case_id, case_no, approver, cite, granted, until, report_due, follow_up_due)
      values (${newId(ctx.now.getTime())}, ${no}, ${c.subject_id}, ${c.region}, ${text(all.applicantName)}, ${text(all.applicantKind)}, ${text(all.contact)},
        ${text(all.purpose)}, ${text(all.scenario)}, ${text(all.useKind)}, ${publicBenefit}, ${text(all.terms)}, ${state}, ${c.id}, ${c.no}, ${approver},
        ${JSON.stringify(c.ruling.cite)}, ${ctx.day}, ${text(all.until) || null}, ${due}, ${followUp})
      on conflict (case_id) do nothing`.execute(tx)
    await record(tx, ctx, {
      action: 'opening.access',
      subject: no,
      caseNo: c.no,
      content: `${c.subject_title}：${accessLabels[state]}`,
      purpose: text(all.purpose),
      cite: c.ruling.cite,
    })
    return undefined
  })
  registerEffect('begin-access', async (tx, ctx, c) => {
    const a = (await accessOfCase(tx, c.id)) ?? notFound('opening.access', '授权')
    await sql`update opening.access set state = 'active', version = version + 1 where id = ${a.id} and state = 'approved'`.execute(tx)
    await record(tx, ctx, { action: 'opening.access', subject: a.no, caseNo: c.no, content: '协议已签订，授权生效', cite: c.ruling.cite })
    return { label: `授权 ${a.no} 已生效`, href: `/dataset/${c.subject_code?.replace('/', '-')}` }
  })
  registerEffect('draft-agreement', async (tx, _ctx, c, form) => {
    const { rows } =
      await sql`update opening.access set terms = ${text((form as Said).terms)} where case_id = ${c.id} and not signed returning id`.execute(
        tx,
      )
    if (!rows.length)
      refuse('opening.agreement_signed', {
        status: 409,
        reason: 'step-skipped',
        detail: '已有一方签订，协议约定的事项不能再改。',
        remedy: '需要改变的，请不同意或重新申请。',
        cite: c.ruling.cite,
      })
    return undefined
  })
  registerEffect('sign-agreement', async (tx, _ctx, c) => {
    await sql`update opening.access set signed = true where case_id = ${c.id}`.execute(tx)
    return undefined
  })
  registerEffect('list-demanded', async (tx, ctx, c) => {
    const all = { ...c.form, ...c.said } as Said
    const provider = c.parties.provider!
    await openDuty(tx, {
      name: 'open-demanded',
      what: '列入目录或开放',
      debtorId: provider.departmentId,
      debtor: provider.department,
      role: 'provider',
      creditor: c.parties.applicant?.department ?? '',
      title: `${text(all.demand).slice(0, 60)}：${text(all.openPlan).slice(0, 120)}`,
      href: `/workbench/cases/${c.no}`,
      day: ctx.day,
      within: { days: null, word: '及时' },
      origin: 'platform',
      cite: c.ruling.cite,
      inherited: c.ruling.inherited,
    })
    return undefined
  })
  registerEffect('recall-entry', async (tx, ctx, c) => {
    const entry = await findEntry(ctx.pool, { entryId: c.subject_id })
    if (entry?.listing?.state === 'open')
      await withdrawListing(tx, ctx, entry, text({ ...c.said }.answer) || '因权益异议撤下', { assess: true })
    return undefined
  })
  registerEffect('limit-access', (tx, ctx, c) => sanction(tx, ctx, c, 'limit'))
  registerEffect('close-access', (tx, ctx, c) => sanction(tx, ctx, c, 'close'))
}

/** Conditions of an entry, one a line or parted by a semicolon. */
export const conditionsOf = (content: { openConditions?: string } | null): string[] =>
  (content?.openConditions ?? '')
    .split(/[\n；;]/)
    .map(t =>
      t
        .replace(/^\s*[（(]?[\d一二三四五六七八九十]+[)）.、]\s*/, '')
        .replace(/[。.]\s*$/, '')
        .trim(),
    )
    .filter(Boolean)

/** Authorisation looks at every condition, with evidence; and a commercial developer must be the one selected. */
async function conditionsMet(_tx: Tx, ctx: Context, c: CaseRecord, all: Said): Promise<void> {
  const rule = govern(c.region, 'open-access', ctx.day)
  const entry = await findEntry(ctx.pool, { entryId: c.subject_id })
  const told = (Array.isArray(all.conditionsMet) ? (all.conditionsMet as string[]) : []).map(line => line.trim())
  const unmet = conditionsOf(entry?.content ?? null).filter(
    condition => !told.some(line => line.startsWith(condition) && line.slice(condition.length).replace(/[\s：:—-]/g, '').length >= 2),
  )
  const faults = new Faults()
  for (const condition of unmet)
    faults.add('/form/conditionsMet', 'conditions-unmet', `开放条件「${condition}」没有核对或没有证据。`, {
      cite: rule.cite,
      remedy: '每个条件写一行：条件，再写符合条件的证据；不符合的不能授权。',
    })
  faults.throwIfAny('opening.conditions')
  if (all.useKind === 'commercial' && text(all.tenderResult) && text(all.tenderResult) !== text(all.applicantName))
    refuse('opening.conditions', {
      reason: 'competitive-selection-required',
      detail: `竞争性选择选定的是「${text(all.tenderResult)}」，不是申请人「${text(all.applicantName)}」。`,
      cite: rule.cite,
      errors: [{ pointer: '/form/tenderResult', code: 'competitive-selection-required', message: '授权给选定的开发单位。' }],
    })
}

/** The joint decision against a user: no further call is answered, and the public can read why. */
async function sanction(tx: Tx, ctx: Context, c: CaseRecord, measure: 'limit' | 'close') {
  const all = { ...c.form, ...c.said } as Said
  const cite = govern(c.region, 'open-limit', ctx.day).cite
  const state = measure === 'limit' ? 'limited' : 'closed'
  const no = text(all.accessNo)
  const { rows } = await sql<{
    no: string
    holder: string
  }>`update opening.access set state = ${state}, version = version + 1, state_reason = ${text(all.reason)},
      state_cite = ${JSON.stringify(cite)}
    where ${no ? sql`no = ${no}` : sql`entry_id = ${c.subject_id} and holder = ${text(all.accused)}`} and entry_id = ${c.subject_id} and state in ('approved', 'active', 'limited')
    returning no, holder`.execute(tx)
  const holder = rows[0]?.holder ?? text(all.accused)
  await sql`insert into opening.notice (id, region, case_no, holder, measure, reason, cite, at)
    values (${newId(ctx.now.getTime())}, ${c.region}, ${c.no}, ${holder}, ${measure}, ${text(all.reason)}, ${JSON.stringify(cite)}, ${ctx.now})`.execute(
    tx,
  )
  for (const a of rows)
    await record(tx, ctx, {
      action: 'opening.limit',
      subject: a.no,
      caseNo: c.no,
      content: `${accessLabels[state]}：${text(all.reason)}`,
      cite,
    })
  return { label: '已在门户公示', href: '/notices' }
}

const accessOfCase = async (tx: Tx, caseId: string): Promise<AccessRow | undefined> =>
  (await sql<AccessRow>`select a.id, a.no from opening.access a where a.case_id = ${caseId} for update`.execute(tx)).rows[0]

type Joined = AccessRow & {
  code: string
  title: string
  provider: string
  providerId: string
  reports: unknown
  products: unknown
  followUps: unknown
  withdrawn: { reason: string; cite: never } | null
}
const joined = `select ${accessColumns}, e.code, e.title, e.department as provider, e.department_id as "providerId",
    coalesce((select json_agg(json_build_object('at', r.at, 'scenario', r.scenario, 'content', r.content, 'exceeded', r.exceeded) order by r.at desc) from opening.use_report r where r.access_id = a.id), '[]') as reports,
    coalesce((select json_agg(json_build_object('title', p.title, 'kind', p.kind, 'source', p.source, 'acquired', p.acquired) order by p.at desc) from opening.product p where p.access_id = a.id), '[]') as products,
    coalesce((select json_agg(json_build_object('at', f.at, 'result', f.result, 'findings', f.findings, 'measures', f.measures, 'by', f.by) order by f.at desc) from opening.follow_up f where f.access_id = a.id), '[]') as "followUps",
    (select json_build_object('reason', coalesce(l.withdrawn_reason, ''), 'cite', l.withdrawn_cite) from opening.listing l where l.entry_id = a.entry_id and l.state = 'withdrawn') as withdrawn
  from opening.access a join catalog.entry_view e on e.id = a.entry_id`

const view = (a: Joined, day: string) => ({
  no: a.no,
  code: a.code,
  title: a.title,
  provider: a.provider,
  holder: a.holder,
  holderKind: a.holderKind,
  purpose: a.purpose,
  scenario: a.scenario,
  publicBenefit: a.publicBenefit,
  terms: a.terms,
  state: a.state,
  stateLabel: accessLabels[a.state],
  stateReason: a.stateReason,
  withdrawn: a.withdrawn,
  granted: a.granted,
  until: a.until,
  reportDue: a.reportDue,
  reportLate: a.state === 'active' && !!a.reportDue && a.reportDue < day,
  exceeded: a.exceeded,
  followUpDue: a.followUpDue,
  followUps: (a.followUps as { at: string }[]).map(f => ({ ...f, at: new Date(f.at).toISOString() })) as never,
  caseNo: a.caseNo,
  reports: (a.reports as { at: string }[]).map(r => ({ ...r, at: new Date(r.at).toISOString() })) as never,
  products: a.products as never,
  cite: a.cite,
})

/** Authorisations a department sees: of its own data, or of its region for the authority. */
export async function accessesFor(ctx: StaffContext, q: string) {
  const wide = ctx.actor.departmentRoles.includes('authority') || ctx.actor.roles.includes('inspector')
  const { rows } = await ctx.pool.query<Joined>(
    `${joined} where (e.department_id = $1 or ($2 and a.region like $3)) and ($4 = '' or a.holder ilike '%' || $4 || '%' or a.no = $4 or e.title ilike '%' || $4 || '%')
     order by a.no desc limit 500`,
    [ctx.actor.departmentId, wide, `${regionPrefix(ctx.actor.region)}%`, q],
  )
  return rows.map(r => view(r, ctx.day))
}

/** The authorisation that belongs to an application and its code. Who does not hold the code learns nothing. */
async function held(ctx: Context, no: string, code: string): Promise<Joined> {
  const { rows } = await ctx.pool.query<Joined & { digest: Buffer | null }>(
    `${joined.replace(' from opening.access a', ', c.code_digest as digest from opening.access a')} join procedure.outside_view c on c.id = a.case_id where a.case_no = $1 or a.no = $1`,
    [no],
  )
  const a = rows[0]
  if (!a?.digest?.equals(digestOf(code))) notFound('opening.access', '授权')
  return a
}

export const heldView = async (ctx: Context, no: string, code: string) => view(await held(ctx, no, code), ctx.day)

/** A new key; only its digest stays. */
export async function newKey(ctx: Context, no: string, code: string): Promise<{ key: string; api: string }> {
  const a = await held(ctx, no, code)
  const key = `hto_${newSecret()}`
  await ctx.db.transaction().execute(async tx => {
    await sql`update opening.access set key_hash = ${digestOf(key)}, key_number = key_number + 1 where id = ${a.id}`.execute(tx)
    await record(tx, ctx, { action: 'opening.key', subject: a.no, person: a.holder, content: '生成密钥', caseNo: a.caseNo })
  })
  return { key, api: `/open/v1/${a.code.replace('/', '-')}` }
}

/** A report to the provider. One that names another scenario is taken and flagged: hiding it would be worse. */
export async function reportUse(
  ctx: Context,
  no: string,
  r: { code: string; scenario: string; content: string; sameAsApplied?: boolean | undefined },
) {
  const a = await held(ctx, no, r.code)
  const rule = govern(a.region, 'open-report', ctx.day)
  const exceeded = r.sameAsApplied === false || !withinScenario(a.scenario, r.scenario)
  await ctx.db.transaction().execute(async tx => {
    await sql`insert into opening.use_report (id, access_id, at, scenario, content, exceeded)
      values (${newId(ctx.now.getTime())}, ${a.id}, ${ctx.now}, ${r.scenario}, ${r.content}, ${exceeded})`.execute(tx)
    await sql`update opening.access set report_due = ${addMonths(ctx.day, rule.value.months)} where id = ${a.id}`.execute(tx)
    await notifyDepartments(
      tx,
      ctx.now,
      [a.providerId],
      `${a.holder} 报告了「${a.title}」的使用情况${exceeded ? '，场景与申请不同，请核对' : ''}`,
      '/workbench/opening/accesses',
    )
    await record(tx, ctx, {
      action: 'opening.report',
      subject: a.no,
      person: a.holder,
      content: r.content.slice(0, 300),
      caseNo: a.caseNo,
      cite: rule.cite,
      data: { exceeded },
    })
  })
  const flags: Fault[] = exceeded
    ? [
        {
          pointer: '/scenario',
          code: 'scenario-exceeded',
          message: `报告的场景与申请的「${a.scenario}」不一致，已标出并告知提供部门。`,
          cite: rule.cite,
          remedy: '需要改变场景的，请重新申请。',
        },
      ]
    : []
  return { access: await heldView(ctx, no, r.code), flags }
}

/** The authority looks how the data are used; a record without result is none. */
export async function recordFollowUp(ctx: StaffContext, no: string, f: { result: string; findings: string; measures: string }) {
  const a = (await ctx.pool.query<Joined>(`${joined} where a.no = $1`, [no])).rows[0] ?? notFound('opening.access', '授权')
  const rule = govern(a.region, 'open-follow-up', ctx.day)
  const authority = await departmentFor(ctx.db, rule.adopter || a.region, 'authority', rule.roleLabels.authority ?? '主管部门')
  if (authority.id !== ctx.actor.departmentId)
    refuse('opening.not_publisher', { status: 403, reason: 'not-competent', detail: `跟踪由 ${authority.name} 办理。`, cite: rule.cite })
  if (f.result.length < 2)
    refuse('opening.follow_up', {
      reason: 'record-incomplete',
      detail: '跟踪记录没有写明结果。',
      cite: rule.cite,
      errors: [{ pointer: '/result', code: 'record-incomplete', message: '请写明结果。', cite: rule.cite }],
    })
  await ctx.db.transaction().execute(async tx => {
    await sql`insert into opening.follow_up (id, access_id, at, result, findings, measures, by)
      values (${newId(ctx.now.getTime())}, ${a.id}, ${ctx.now}, ${f.result}, ${f.findings}, ${f.measures}, ${ctx.actor.name})`.execute(tx)
    await sql`update opening.access set follow_up_due = ${addMonths(ctx.day, rule.value.months)} where id = ${a.id}`.execute(tx)
    await fulfilDuties(tx, { name: 'open-follow-up', href: followUpHref(no) }, ctx.day)
    await record(tx, ctx, { action: 'opening.follow-up', subject: no, content: f.result, caseNo: a.caseNo, cite: rule.cite })
  })
  return view((await ctx.pool.query<Joined>(`${joined} where a.no = $1`, [no])).rows[0]!, ctx.day)
}
const followUpHref = (no: string) => `/workbench/opening/accesses?q=${no}&follow-up`

/** What was made from the data. Those who hold them for public benefit register no commercial product. */
export async function registerProduct(
  ctx: Context,
  no: string,
  p: { code: string; title: string; kind: string; source: string; acquired: string },
) {
  const a = await held(ctx, no, p.code)
  const rule = govern(a.region, 'open-benefit', ctx.day)
  if (a.publicBenefit && p.kind === 'commercial')
    refuse('opening.public_benefit', {
      reason: 'public-benefit-only',
      detail: `授权 ${a.no} 由高校或科研机构取得，只能用于公共服务、科研、教育等公益活动，不能登记商业产品。`,
      cite: rule.cite,
      remedy: '商业开发请另行申请，并经竞争性方式选定。',
      errors: [{ pointer: '/kind', code: 'public-benefit-only', message: '只能登记公益性成果。', cite: rule.cite }],
    })
  await ctx.db.transaction().execute(async tx => {
    await sql`insert into opening.product (id, access_id, title, kind, source, acquired, at)
      values (${newId(ctx.now.getTime())}, ${a.id}, ${p.title}, ${p.kind}, ${p.source || a.provider}, ${p.acquired}, ${ctx.now})`.execute(
      tx,
    )
    await record(tx, ctx, {
      action: 'opening.product',
      subject: a.no,
      person: a.holder,
      content: p.title,
      caseNo: a.caseNo,
      cite: rule.cite,
    })
  })
  return heldView(ctx, no, p.code)
}

export async function noticeViews(ctx: Context) {
  const { rows } = await ctx.pool.query<{
    holder: string
    measure: 'limit' | 'close'
    reason: string
    caseNo: string
    at: Date
    region: string
    cite: never
  }>('select holder, measure, reason, case_no as "caseNo", at, region, cite from opening.notice order by at desc limit 200')
  return rows.map(({ region, ...r }) => ({
    ...r,
    measure: r.measure === 'limit' ? '限制访问' : '关闭访问',
    at: r.at.toISOString(),
    regionName: regionName(region),
  }))
}

/** The authority is reminded of every follow-up that is past its day, once. */
export async function remindFollowUps(ctx: Context): Promise<void> {
  const { rows } = await ctx.pool.query<{ no: string; region: string; holder: string; title: string; due: string }>(
    `select a.no, a.region, a.holder, e.title, a.follow_up_due as due from opening.access a join catalog.entry_view e on e.id = a.entry_id
     where a.state = 'active' and a.follow_up_due < $1
       and not exists (select from procedure.reminder_view d where d.name = 'open-follow-up' and d.href = '/workbench/opening/accesses?q=' || a.no || '&follow-up' and d.ended is null)`,
    [ctx.day],
  )
  for (const a of rows)
    await ctx.db.transaction().execute(async tx => {
      const rule = govern(a.region, 'open-follow-up', ctx.day)
      const authority = await departmentFor(tx, rule.adopter || a.region, 'authority', rule.roleLabels.authority ?? '主管部门')
      await openDuty(tx, {
        name: 'open-follow-up',
        what: '跟踪使用情况',
        debtorId: authority.id,
        debtor: authority.name,
        role: 'authority',
        creditor: a.holder,
        title: `了解 ${a.holder} 使用「${a.title}」的情况（应于 ${a.due} 前）`,
        href: followUpHref(a.no),
        day: ctx.day,
        within: { days: null, word: '定期' },
        origin: 'platform',
        cite: rule.cite,
        inherited: rule.inherited,
      })
      await notifyDepartments(tx, ctx.now, [authority.id], `应了解 ${a.holder} 使用「${a.title}」的情况`, followUpHref(a.no), 'reminder')
    })
}

/** Opens a duty for every report that is past its day: the provider is told once. */
export async function remindReports(ctx: Context): Promise<number> {
  const { rows } = await ctx.pool.query<{
    no: string
    region: string
    holder: string
    title: string
    provider: string
    providerId: string
    reportDue: string
  }>(
    `select a.no, a.region, a.holder, e.title, e.department as provider, e.department_id as "providerId", a.report_due as "reportDue"
     from opening.access a join catalog.entry_view e on e.id = a.entry_id
     where a.state = 'active' and a.report_due < $1 and not exists (select from procedure.reminder_view d where d.name = 'open-report' and d.href = '/workbench/opening/accesses?q=' || a.no and d.ended is null)`,
    [ctx.day],
  )
  for (const a of rows)
    await ctx.db.transaction().execute(async tx => {
      const rule = govern(a.region, 'open-report', ctx.day)
      const href = `/workbench/opening/accesses?q=${a.no}`
      await openDuty(tx, {
        name: 'open-report',
        what: '催报使用情况',
        debtorId: a.providerId,
        debtor: a.provider,
        role: 'provider',
        creditor: a.holder,
        title: `${a.holder} 应于 ${a.reportDue} 前报告「${a.title}」的使用情况`,
        href,
        day: ctx.day,
        within: { days: null, word: '定期' },
        origin: 'platform',
        cite: rule.cite,
        inherited: rule.inherited,
      })
      await notifyDepartments(
        tx,
        ctx.now,
        [a.providerId],
        `${a.holder} 没有按期报告「${a.title}」的使用情况（应于 ${a.reportDue}）`,
        href,
        'reminder',
      )
    })
  return rows.length
}

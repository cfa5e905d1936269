import { sql } from 'kysely'
import type { Cite, Fault } from '../../../contract/common.ts'
import { fields as coreFields, type FieldSpec, type Form } from '../../../contract/procedure.ts'
import type { Context } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { isId, newId } from '../../platform/id.ts'
import { notFound, Problem, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { departmentFor } from '../organization/public.ts'
import {
  gateMode,
  governProcedure,
  type Procedure,
  platformFields,
  type Ruled,
  regionName,
  regionOf,
  regulationVersion,
  requireInForce,
} from '../regulation/public.ts'
import { clockFacts, endDuties, extendDuties, openDuties, stopDuties } from './duties.ts'
import { notifyDepartments } from './notices.ts'
import {
  type Act,
  type ActionRule,
  type Doer,
  demands,
  type Facts,
  judge,
  type Parties,
  type Party,
  type Rulebook,
  summed,
} from './rules.ts'

export type CaseRecord = {
  id: string
  no: string
  procedure: string
  region: string
  regulation: string
  regulation_version: string
  adopter: string
  ruling: Omit<Ruled<unknown>, 'value'>
  subject_type: string
  subject_id: string
  subject_code: string | null
  subject_title: string
  title: string
  state: string
  version: number
  parties: Parties
  /** What the application states; a supplement changes it. */
  form: Form
  /** What acts have stated since, latest last. */
  said: Form
  opened_by: string | null
  applicant_id: string
  opened_at: Date
  ended_at: Date | null
  outcome: string | null
  result: { label: string; href: string } | null
  after_no: string | null
  code_digest: Buffer | null
}
export type Effect = (tx: Tx, ctx: Context, c: CaseRecord, form: Form) => Promise<{ label: string; href: string } | undefined>

const effects = new Map<string, Effect>()
/** Names an effect that regulation files may use. It runs in the transaction of the act and may refuse it by throwing. */
export const registerEffect = (name: string, effect: Effect): void => void effects.set(name, effect)

export type Start = {
  procedure: string
  region: string
  subject: { type: string; id: string; code: string | null; title: string }
  /** Departments by role; roles not named here (authority …) are looked up in the region that adopted the rule. */
  parties: Record<string, string | Party>
  form: Form
  title: string
  after?: CaseRecord
  /** SHA-256 of the code of somebody outside. */
  code?: Buffer
}

/** The rule a case would run under today; refuses a procedure the region does not have, and a regulation that has run out. */
export function ruleFor(region: string, procedure: string, day: string): Ruled<Procedure> {
  requireInForce(region, day, procedure)
  const ruled = governProcedure(region, procedure, day)
  if (!ruled) refuse('procedure.unknown', { status: 409, detail: `${regionName(region)} 没有“${procedure}”这种办件。` })
  return ruled.ownLevel ? { ...ruled, adopter: region } : ruled
}

/** Opens a case under the rule that governs today, checks what the application must state, and opens the first duties. */
export async function startCase(tx: Tx, ctx: Context, s: Start): Promise<CaseRecord> {
  const ruled = ruleFor(s.region, s.procedure, ctx.day)
  const p = ruled.value
  const book = bookOf(s.region, p, ruled.cite, await fieldsOf(tx, ruled.regulation, ruled.version))
  const parties = await partiesOf(tx, ruled, s)
  const facts = factsOf(s.region, parties)
  const faults = demands(book, { requires: p.requires, forbids: p.forbids, cite: ruled.cite }, s.form, facts, () => true)
  if (faults.block.length) throw incomplete(faults.block, ruled.cite)
  const pass = p.gate && gateMode(s.region, p.gate.key) === 'remind' ? p.gate.pass : undefined
  const state = pass ?? p.start
  const end = p.ends[state]
  const { value: _, ...ruling } = ruled
  const row = {
    id: newId(),
    no: await nextNo(tx, p.prefix, ctx.day),
    procedure: s.procedure,
    region: s.region,
    regulation: ruled.regulation,
    regulation_version: ruled.version,
    adopter: ruled.adopter,
    ruling: JSON.stringify(ruling),
    subject_type: s.subject.type,
    subject_id: s.subject.id,
    subject_code: s.subject.code,
    subject_title: s.subject.title,
    title: s.title,
    state,
    parties: JSON.stringify(parties),
    departments: [...new Set(Object.values(parties).flatMap(x => x.departmentId ?? []))],
    form: JSON.stringify(s.form),
    opened_by: ctx.actor?.personId ?? null,
    applicant_id: parties.applicant?.departmentId ?? ctx.actor?.departmentId ?? newId(),
    opened_at: ctx.now,
    after_no: s.after?.no ?? null,
    code_digest: s.code ?? null,
    ...(end && { ended_at: ctx.now, outcome: end.kind }),
  }
  const made = await tx
    .insertInto('procedure.case')
    .values(row)
    .onConflict(c => c.doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!made) {
    const open = await tx
      .selectFrom('procedure.case')
      .select('no')
      .where('procedure', '=', s.procedure)
      .where('subject_id', '=', s.subject.id)
      .where('applicant_id', '=', row.applicant_id)
      .where('ended_at', 'is', null)
      .executeTakeFirst()
    refuse('procedure.already_open', {
      status: 409,
      detail: `已有一件在办（${open?.no ?? ''}），不能重复提出。`,
      remedy: open ? `请打开办件 ${open.no} 查看进度。` : undefined,
    })
  }
  const c = made as unknown as CaseRecord
  await addEvent(tx, c, {
    at: ctx.now,
    action: 'start',
    label: `提交${p.label}`,
    actor: ctx.actor,
    role: 'applicant',
    from: null,
    to: state,
    form: {},
    cite: ruled.cite,
  })
  if (pass)
    await addEvent(tx, c, {
      at: ctx.now,
      action: 'pass',
      label: `平台约定的“${p.label}”在本地区只作提醒，随即${end!.label}`,
      actor: null,
      role: null,
      from: state,
      to: state,
      form: {},
      cite: ruled.cite,
    })
  await remind(tx, ctx, c, faults.remind)
  if (p.steps[state]) await openDuties(tx, c, p, state, ctx.day, facts)
  const result = await runEffects(tx, ctx, c, [p.effect, end?.effect], s.form)
  if (result)
    await tx
      .updateTable('procedure.case')
      .set({ result: JSON.stringify(result) })
      .where('id', '=', c.id)
      .execute()
  await record(tx, ctx, {
    action: 'case.start',
    subject: s.subject.code ?? s.subject.title,
    caseNo: c.no,
    purpose: s.form.purpose,
    content: s.title,
    cite: ruled.cite,
    ...(!ctx.actor && { person: parties.applicant?.department }),
  })
  await notify(tx, ctx, c, end ? end.notify : p.steps[state]!.by.roles, `收到${p.label}：${c.title}`)
  return { ...c, result: result ?? null }
}

const incomplete = (errors: Fault[], cite: Cite): Problem => {
  const [reason, detail] = summed(errors)
  return new Problem('procedure.incomplete', { status: 422, reason, detail, cite: errors[0]!.cite ?? cite, errors })
}

const bookOf = (region: string, procedure: Procedure, base: Cite, fields: Record<string, FieldSpec>): Rulebook => ({
  procedure,
  base,
  fields,
  gate: key => gateMode(region, key),
})

/** All fields a procedure of this regulation may ask for: those code knows, the platform's, its own. */
export async function fieldsOf(db: Database | Tx, regulation: string, version: string): Promise<Record<string, FieldSpec>> {
  const own = await regulationVersion(db as Database, regulation, version)
  return { ...coreFields, ...platformFields(), ...own.fields } as Record<string, FieldSpec>
}

/** The procedure a case runs under, with its fields and gates. */
export async function rulebook(
  db: Database | Tx,
  c: Pick<CaseRecord, 'regulation' | 'regulation_version' | 'procedure' | 'region' | 'ruling'>,
): Promise<Rulebook> {
  return bookOf(c.region, await procedureOf(db, c), c.ruling.cite, await fieldsOf(db, c.regulation, c.regulation_version))
}

const factsOf = (region: string, parties: Parties): Facts => ({
  applicantKind: parties.applicant?.kind,
  level: regionOf(region)?.level,
  sameRegion: Object.values(parties).every(p => !p.region || p.appointed || p.region === region),
})
/** Facts that conditions of a running case may use. */
export const caseFacts = async (db: Database | Tx, c: CaseRecord, day: string): Promise<Facts> => ({
  ...factsOf(c.region, c.parties),
  ...(await clockFacts(db, c, day)),
})

async function runEffects(tx: Tx, ctx: Context, c: CaseRecord, names: (string | undefined)[], form: Form) {
  let result: { label: string; href: string } | undefined
  for (const name of names) {
    if (!name) continue
    const run = effects.get(name)
    if (!run) throw new Error(`没有登记效果 ${name}`)
    result = (await run(tx, ctx, c, form)) ?? result
  }
  return result
}

/** What a platform gate would have refused is written down instead. */
async function remind(tx: Tx, ctx: Context, c: CaseRecord, faults: Fault[]): Promise<void> {
  for (const f of faults)
    await addEvent(tx, c, {
      at: ctx.now,
      action: 'remind',
      label: `平台提醒：${f.message}`.slice(0, 300),
      actor: null,
      role: null,
      from: c.state,
      to: c.state,
      form: {},
      cite: f.cite ?? null,
    })
}

/** Finds who plays each role: given by the starter, named in the form, or appointed in the region. */
async function partiesOf(tx: Tx, ruled: Ruled<Procedure>, s: Start): Promise<Parties> {
  const p = ruled.value
  const wanted = new Set([...Object.keys(s.parties), ...Object.keys(p.parties)])
  for (const step of Object.values(p.steps)) {
    const rules = [step, step.extend, ...Object.values(step.actions), ...Object.values(step.duties ?? {})] as (
      | { by?: { roles: string[] } }
      | undefined
    )[]
    for (const x of rules) for (const r of x?.by?.roles ?? []) wanted.add(r)
    for (const r of step.extend?.tell ?? []) wanted.add(r)
  }
  for (const end of Object.values(p.ends)) for (const r of end.notify) wanted.add(r)
  const parties: Parties = {}
  for (const role of wanted) {
    // 使用部门, 申请部门 are words for who wants data; who starts another matter is called so only where the text says it.
    const starter = p.applicant ?? (['entry', 'grant'].includes(s.subject.type) ? undefined : '提出部门')
    const label = (role === 'applicant' && starter) || (ruled.roleLabels[role] ?? role)
    const given = s.parties[role]
    const named = p.parties[role] ? (s.form as Record<string, unknown>)[p.parties[role]!] : undefined
    if (typeof given === 'object') parties[role] = { ...given, label: given.label || label }
    else if (given || named) parties[role] = await givenParty(tx, String(given ?? named), label, p.parties[role])
    else if (!p.parties[role]) {
      const d = await departmentFor(tx, ruled.adopter || s.region, role, label)
      parties[role] = { departmentId: d.id, department: d.name, label, appointed: true, region: d.region }
    }
  }
  return parties
}

async function givenParty(tx: Tx, id: string, label: string, field: string | undefined): Promise<Party> {
  const d = isId(id)
    ? await tx
        .selectFrom('organization.department_view as d')
        .select(['id', 'name', 'region', sql<string | null>`to_jsonb(d) ->> 'kind'`.as('kind')])
        .where('id', '=', id)
        .executeTakeFirst()
    : undefined
  if (!d)
    refuse('procedure.incomplete', {
      reason: 'unknown-party',
      detail: `没有登记这个部门（${label}）。`,
      errors: [{ pointer: `/form/${field ?? 'department'}`, code: 'unknown-party', message: '没有登记这个部门。' }],
    })
  // A department that is named answers through its stewards, like the one that starts; only an appointed authority needs its own office.
  return {
    departmentId: d.id as string,
    department: d.name as string,
    label,
    appointed: false,
    region: d.region as string,
    ...(d.kind && { kind: d.kind }),
  }
}

async function nextNo(tx: Tx, prefix: string, day: string): Promise<string> {
  const year = Number(day.slice(0, 4))
  const { n } = await tx
    .insertInto('procedure.counter')
    .values({ prefix, year, n: 1 })
    .onConflict(c => c.columns(['prefix', 'year']).doUpdateSet({ n: sql`counter.n + 1` }))
    .returning('n')
    .executeTakeFirstOrThrow()
  return `${prefix}-${year}-${String(n).padStart(4, '0')}`
}

type NewEvent = {
  at: Date
  action: string
  label: string
  actor: Pick<NonNullable<Context['actor']>, 'personId' | 'name' | 'departmentId' | 'department'> | null
  /** Somebody outside, by name. */
  outside?: string
  role: string | null
  from: string | null
  to: string | null
  form: object
  cite: Cite | null
}
export async function addEvent(tx: Tx, c: Pick<CaseRecord, 'id'>, e: NewEvent): Promise<number> {
  const { rows } = await sql<{ seq: number }>`select coalesce(max(seq), 0) + 1 as seq from procedure.event where case_id = ${c.id}`.execute(
    tx,
  )
  const seq = rows[0]!.seq
  await tx
    .insertInto('procedure.event')
    .values({
      case_id: c.id,
      seq,
      at: e.at,
      action: e.action,
      label: e.label,
      system: !e.actor && !e.outside && e.role === null,
      person_id: e.actor?.personId ?? null,
      person: e.actor?.name ?? e.outside ?? null,
      department_id: e.actor?.departmentId ?? null,
      department: e.actor?.department ?? null,
      role: e.role,
      from_state: e.from,
      to_state: e.to,
      form: JSON.stringify(e.form),
      cite: e.cite ? JSON.stringify(e.cite) : null,
    })
    .execute()
  return seq
}

/** The case and the procedure it runs under, locked for this transaction. */
export async function lockCase(tx: Tx, no: string): Promise<CaseRecord | undefined> {
  return (await tx.selectFrom('procedure.case').selectAll().where('no', '=', no).forUpdate().executeTakeFirst()) as unknown as
    | CaseRecord
    | undefined
}

export async function procedureOf(
  db: Database | Tx,
  c: Pick<CaseRecord, 'regulation' | 'regulation_version' | 'procedure'>,
): Promise<Procedure> {
  const p = (await regulationVersion(db as Database, c.regulation, c.regulation_version)).procedures[c.procedure]!
  // Versions stored before a word entered the vocabulary do not have it.
  return {
    ...p,
    about: p.about ?? 'region',
    requires: p.requires ?? [],
    offers: p.offers ?? [],
    forbids: p.forbids ?? [],
    parties: p.parties ?? {},
  }
}

export const historyOf = async (db: Database | Tx, caseId: string): Promise<Act[]> =>
  (
    await db
      .selectFrom('procedure.event')
      .select(['action', 'role', 'person_id', 'from_state', 'to_state'])
      .where('case_id', '=', caseId)
      .orderBy('seq')
      .execute()
  ).map(e => ({ action: e.action, role: e.role, personId: e.person_id, from: e.from_state, to: e.to_state }))

/** Who acts: the signed-in person, or the person outside whose code opened the case. */
export const doerOf = (ctx: Context, outside?: string): Doer =>
  outside ? { personId: null, departmentId: null, roles: [], outside } : ctx.actor!

/**
 * One act on a case, in one transaction: lock, judge, write the event, close and open duties, run the effect, record, notify.
 * Throws a Problem with reason, article and everything missing; 409 when somebody was faster.
 */
export async function act(
  ctx: Context,
  no: string,
  actionName: string,
  expected: number,
  form: Form,
  mayKnow: (c: CaseRecord) => boolean,
  outside?: string,
): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const c = await lockCase(tx, no)
    if (!c || !mayKnow(c)) refuse('procedure.case_not_found', { status: 404, detail: '没有找到这件办件，或不在你可以看到的范围内。' })
    if (c.version !== expected) throw await changed(tx, c)
    const book = await rulebook(tx, c)
    const facts = await caseFacts(tx, c, ctx.day)
    const known = { ...c.form, ...c.said } as Form
    const verdict = judge(
      book,
      { state: c.state, ended: !!c.ended_at, parties: c.parties, form: known, facts },
      await historyOf(tx, c.id),
      actionName,
      doerOf(ctx, outside),
      form,
    )
    if (!verdict.ok) throw new Problem(verdict.code, verdict)
    await attach(tx, ctx, book, c, form)
    await carryOut(tx, ctx, c, book.procedure, verdict.rule, verdict.roles, verdict.to, form, facts)
    await remind(tx, ctx, c, verdict.reminders)
  })
}

async function changed(tx: Tx, c: CaseRecord): Promise<Problem> {
  const last = await tx
    .selectFrom('procedure.event')
    .selectAll()
    .where('case_id', '=', c.id)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
  const time = last.at.toLocaleTimeString('zh-CN', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' })
  return new Problem('procedure.changed', {
    status: 409,
    detail: `${last.person ?? '系统'} 已于 ${time} 办理“${last.label}”。这是最新情况，你写的意见还在。`,
    remedy: '请看过最新情况后再决定。',
  })
}

/** Files named in a form belong to the case from now on. They must have been uploaded by the department that names them. */
export async function attach(tx: Tx, ctx: Context, book: Pick<Rulebook, 'fields'>, c: Pick<CaseRecord, 'id'>, form: Form): Promise<void> {
  for (const [field, value] of Object.entries(form)) {
    if (book.fields[field]?.kind !== 'file' || typeof value !== 'string') continue
    const done = await tx
      .updateTable('procedure.attachment')
      .set({ case_id: c.id })
      .where('id', '=', value)
      .where('department_id', '=', ctx.actor?.departmentId ?? newId())
      .where(eb => eb.or([eb('case_id', 'is', null), eb('case_id', '=', c.id)]))
      .returning('id')
      .executeTakeFirst()
    if (!done) notFound('procedure.attachment', '附件')
  }
}

async function carryOut(
  tx: Tx,
  ctx: Context,
  c: CaseRecord,
  p: Procedure,
  rule: ActionRule,
  roles: string[],
  to: string | null,
  form: Form,
  facts: Facts,
): Promise<void> {
  const day = ctx.day
  const from = c.state
  const outside = ctx.actor ? undefined : c.parties[roles[0]!]!.department
  const seq = await addEvent(tx, c, {
    at: ctx.now,
    action: rule.name,
    label: rule.label,
    actor: ctx.actor,
    ...(outside && { outside }),
    role: roles.join(','),
    from,
    to: to ?? from,
    form,
    cite: rule.cite,
  })
  const end = to ? p.ends[to] : undefined
  const target = to ? p.steps[to] : undefined
  const stated = Object.fromEntries(Object.entries(form).filter(([k, v]) => v !== undefined && k !== 'note'))
  // A supplement changes what the application says; other acts speak for themselves.
  const next: CaseRecord = {
    ...c,
    state: to ?? from,
    version: c.version + 1,
    form: rule.name === 'resubmit' ? { ...c.form, ...stated } : c.form,
    said: rule.name === 'resubmit' ? c.said : { ...c.said, ...stated },
    ended_at: end ? ctx.now : null,
    outcome: end?.kind ?? null,
  }
  const debtorId = c.parties[roles[0]!]!.departmentId
  if (rule.name === 'extend') await extendDuties(tx, c, debtorId, form.extendDays!)
  else if (target?.stops) await stopDuties(tx, c.id, from, day)
  else await endDuties(tx, c, { step: from, action: rule.name, day, leaves: !!to && to !== from, ends: !!end, debtorId })
  if (target && to !== from) await openDuties(tx, next, p, to!, day, facts)

  const result = (await runEffects(tx, ctx, next, [rule.effect, end?.effect], form)) ?? c.result
  await tx
    .updateTable('procedure.case')
    .set({
      state: next.state,
      version: next.version,
      form: JSON.stringify(next.form),
      said: JSON.stringify(next.said),
      ended_at: next.ended_at,
      outcome: next.outcome,
      result: result ? JSON.stringify(result) : null,
    })
    .where('id', '=', c.id)
    .execute()
  await record(tx, ctx, {
    action: 'case.act',
    subject: c.subject_code ?? c.subject_title,
    caseNo: c.no,
    content: `${rule.label}${end ? `：${end.label}` : ''}`,
    purpose: c.form.purpose,
    cite: rule.cite,
    data: { event: seq, from, to: next.state },
    ...(outside && { person: outside }),
  })
  const who = ctx.actor?.department ?? outside!
  const told = rule.name === 'extend' ? p.steps[from]!.extend!.tell : end ? end.notify : (target?.by.roles ?? [])
  const text =
    rule.name === 'extend'
      ? `${who} 将期限延长 ${form.extendDays} 个工作日：${c.title}`
      : end
        ? `${p.label}${end.label}：${c.title}`
        : target
          ? `${p.label}到“${target.label}”：${c.title}`
          : `${who} ${rule.label}：${c.title}`
  await notify(tx, ctx, next, told, text)
}

async function notify(tx: Tx, ctx: Context, c: CaseRecord, roles: string[], text: string): Promise<void> {
  await notifyDepartments(
    tx,
    ctx.now,
    roles.map(r => c.parties[r]?.departmentId ?? null),
    text,
    `/workbench/cases/${c.no}`,
  )
}

import { sql } from 'kysely'
import type { Cite } from '../../../contract/common.ts'
import type { Form } from '../../../contract/procedure.ts'
import { dayOf } from '../../platform/clock.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { Problem, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { departmentFor } from '../organization/public.ts'
import {
  addWorkingDays,
  governProcedure,
  type Procedure,
  type Ruled,
  regionName,
  regulationVersion,
  workingDaysBetween,
} from '../regulation/public.ts'
import { type Act, type ActionRule, holds, judge, missing, type Parties } from './rules.ts'

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
  form: Form
  opened_by: string | null
  applicant_id: string
  opened_at: Date
  ended_at: Date | null
  outcome: string | null
  result: { label: string; href: string } | null
}
export type Effect = (tx: Tx, ctx: Context, c: CaseRecord, form: Form) => Promise<{ label: string; href: string } | undefined>

const effects = new Map<string, Effect>()
/** Names an effect that regulation files may use. It runs in the transaction of the act and may refuse it by throwing. */
export const registerEffect = (name: string, effect: Effect): void => void effects.set(name, effect)

/** A word such as 及时 gets a reminder of ours after this many working days; it is labelled and never a legal deadline. */
const reminderDays = 5

export type Start = {
  procedure: string
  region: string
  subject: { type: string; id: string; code: string | null; title: string }
  /** Department ids by role; roles not named here (authority …) are looked up in the region that adopted the rule. */
  parties: Record<string, string>
  form: Form
  title: string
}

/** Opens a case under the rule that governs today, checks what the application must state, and opens the first duties. */
export async function startCase(tx: Tx, ctx: StaffContext, s: Start): Promise<CaseRecord> {
  const ruled = governProcedure(s.region, s.procedure, ctx.day)
  if (!ruled) refuse('procedure.unknown', { status: 409, detail: `${regionName(s.region)} 没有“${s.procedure}”这种办件。` })
  const p = ruled.value
  const errors = missing({ requires: p.requires, cite: ruled.cite }, s.form)
  if (errors.length)
    throw new Problem('procedure.incomplete', {
      status: 422,
      reason: errors[0]!.code,
      detail: errors.length === 1 ? errors[0]!.message : `还差 ${errors.length} 处：${errors.map(e => e.message).join('')}`,
      cite: ruled.cite,
      errors,
    })
  const parties = await partiesOf(tx, ruled, s.parties)
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
    state: p.start,
    parties: JSON.stringify(parties),
    departments: [...new Set(Object.values(parties).map(x => x.departmentId))],
    form: JSON.stringify(s.form),
    opened_by: ctx.actor.personId,
    applicant_id: s.parties.applicant ?? ctx.actor.departmentId,
    opened_at: ctx.now,
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
  const first = p.steps[p.start]!
  await addEvent(tx, c, {
    at: ctx.now,
    action: 'start',
    label: `提交${p.label}`,
    person: ctx.actor,
    role: 'applicant',
    from: null,
    to: p.start,
    form: {},
    cite: ruled.cite,
  })
  await openDuties(tx, c, p, p.start, ctx.day)
  await record(tx, ctx, {
    action: 'case.start',
    subject: s.subject.code ?? s.subject.title,
    caseNo: c.no,
    purpose: s.form.purpose,
    content: s.title,
    cite: ruled.cite,
  })
  await notify(tx, ctx, c, first.by.roles, `收到${p.label}：${c.title}`)
  return c
}

async function partiesOf(tx: Tx, ruled: Ruled<Procedure>, given: Record<string, string>): Promise<Parties> {
  const p = ruled.value
  const wanted = new Set(Object.keys(given))
  for (const step of Object.values(p.steps)) {
    for (const r of step.by.roles) wanted.add(r)
    for (const a of Object.values(step.actions)) for (const r of (a as { by?: { roles: string[] } }).by?.roles ?? []) wanted.add(r)
  }
  const parties: Parties = {}
  for (const role of wanted) {
    const label = ruled.roleLabels[role] ?? role
    const d = given[role]
      ? await tx.selectFrom('organization.department_view').select(['id', 'name']).where('id', '=', given[role]).executeTakeFirstOrThrow()
      : await departmentFor(tx, ruled.adopter, role, label)
    parties[role] = { departmentId: d.id as string, department: d.name as string, label }
  }
  return parties
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
  person: StaffContext['actor'] | null
  role: string | null
  from: string | null
  to: string | null
  form: object
  cite: Cite | null
}
async function addEvent(tx: Tx, c: Pick<CaseRecord, 'id'>, e: NewEvent): Promise<number> {
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
      system: !e.person,
      person_id: e.person?.personId ?? null,
      person: e.person?.name ?? null,
      department_id: e.person?.departmentId ?? null,
      department: e.person?.department ?? null,
      role: e.role,
      from_state: e.from,
      to_state: e.to,
      form: JSON.stringify(e.form),
      cite: e.cite ? JSON.stringify(e.cite) : null,
    })
    .execute()
  return seq
}

/** Opens the duties of a step, or starts its clocks again after a stop. */
async function openDuties(tx: Tx, c: CaseRecord, p: Procedure, stepName: string, day: string): Promise<void> {
  const step = p.steps[stepName]!
  const stopped = await tx
    .selectFrom('procedure.duty')
    .selectAll()
    .where('case_id', '=', c.id)
    .where('step', '=', stepName)
    .where('stopped_on', 'is not', null)
    .where('ended', 'is', null)
    .execute()
  if (stopped.length) {
    for (const d of stopped) {
      // What was left when the clock stopped is counted again from the day after it starts; nothing left stays overdue.
      const left = workingDaysBetween(d.stopped_on as unknown as string, d.due as unknown as string)
      const due = left > 0 ? addWorkingDays(day, left) : { due: d.due as unknown as string, estimated: d.estimated }
      await tx
        .updateTable('procedure.duty')
        .set({ stopped_on: null, due: due.due as never, estimated: due.estimated })
        .where('id', '=', d.id)
        .execute()
    }
    return
  }
  const base = c.ruling.cite
  const clocks = step.duties
    ? Object.entries(step.duties)
        .filter(([, d]) => holds(d.when, c.form))
        .map(([name, d]) => ({
          name,
          what: d.label,
          within: d.within,
          by: d.by ?? step.by,
          until: d.until,
          cite: d.cite ?? step.cite,
          text: d.text ?? step.text,
        }))
    : [
        {
          name: stepName,
          what: step.label,
          within: step.within ?? { days: null, word: '法规未定天数' as const },
          by: step.by,
          until: Object.entries(step.actions)
            .filter(([, a]) => (a as { to?: string }).to)
            .map(([k]) => k),
          cite: step.cite,
          text: step.text,
        },
      ]
  for (const k of clocks) {
    const due = addWorkingDays(day, k.within.days ?? reminderDays)
    const debtors = new Map(k.by.roles.map(role => [c.parties[role]!.departmentId, role]))
    for (const [debtorId, role] of debtors) {
      await tx
        .insertInto('procedure.duty')
        .values({
          id: newId(),
          case_id: c.id,
          step: stepName,
          name: k.name,
          what: k.what,
          debtor_id: debtorId,
          debtor: c.parties[role]!.department,
          role,
          creditor: creditorOf(c, debtorId),
          title: c.title,
          href: `/workbench/cases/${c.no}`,
          opened: day,
          days: k.within.days,
          word: k.within.word,
          origin: k.within.days && c.ruling.origin === 'law' ? 'law' : 'platform',
          due: due.due,
          estimated: due.estimated,
          until: k.until,
          cite: JSON.stringify({ ...base, article: k.cite ?? base.article, text: k.text ?? base.text }),
          inherited: c.ruling.inherited,
        })
        .execute()
    }
  }
}

const creditorOf = (c: CaseRecord, debtorId: string): string => {
  const other = c.parties.applicant && c.parties.applicant.departmentId !== debtorId ? c.parties.applicant : c.parties.provider
  return other && other.departmentId !== debtorId ? other.department : ''
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
  return (await regulationVersion(db as Database, c.regulation, c.regulation_version)).procedures[c.procedure]!
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

/**
 * One act on a case, in one transaction: lock, judge, write the event, close and open duties, run the effect, record, notify.
 * Throws a Problem with reason, article and everything missing; 409 when somebody was faster.
 */
export async function act(
  ctx: StaffContext,
  no: string,
  actionName: string,
  expected: number,
  form: Form,
  mayKnow: (c: CaseRecord) => boolean,
): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const c = await lockCase(tx, no)
    if (!c || !mayKnow(c)) refuse('procedure.case_not_found', { status: 404, detail: '没有找到这件办件，或不在你可以看到的范围内。' })
    const p = await procedureOf(tx, c)
    const history = await historyOf(tx, c.id)
    if (c.version !== expected) {
      const last = await tx
        .selectFrom('procedure.event')
        .selectAll()
        .where('case_id', '=', c.id)
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirstOrThrow()
      const time = last.at.toLocaleTimeString('zh-CN', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' })
      throw new Problem('procedure.changed', {
        status: 409,
        detail: `${last.person ?? '系统'} 已于 ${time} 办理“${last.label}”。这是最新情况，你写的意见还在。`,
        remedy: '请看过最新情况后再决定。',
      })
    }
    const verdict = judge(
      p,
      c.ruling.cite,
      { state: c.state, ended: !!c.ended_at, parties: c.parties, form: c.form },
      history,
      actionName,
      ctx.actor,
      form,
    )
    if (!verdict.ok) throw new Problem(verdict.code, verdict)
    await carryOut(tx, ctx, c, p, verdict.rule, verdict.roles, verdict.to, form)
  })
}

async function carryOut(
  tx: Tx,
  ctx: StaffContext,
  c: CaseRecord,
  p: Procedure,
  rule: ActionRule,
  roles: string[],
  to: string | null,
  form: Form,
): Promise<void> {
  const day = dayOf(ctx.now)
  const from = c.state
  const seq = await addEvent(tx, c, {
    at: ctx.now,
    action: rule.name,
    label: rule.label,
    person: ctx.actor,
    role: roles.join(','),
    from,
    to: to ?? from,
    form,
    cite: rule.cite,
  })
  const end = to ? p.ends[to] : undefined
  const target = to ? p.steps[to] : undefined
  // A supplement changes what the application says.
  const merged =
    rule.name === 'resubmit'
      ? { ...c.form, ...Object.fromEntries(Object.entries(form).filter(([k, v]) => v !== undefined && k !== 'note')) }
      : c.form
  const next: CaseRecord = {
    ...c,
    state: to ?? from,
    version: c.version + 1,
    form: merged,
    ended_at: end ? ctx.now : null,
    outcome: end?.kind ?? null,
  }

  const mineDone = tx
    .updateTable('procedure.duty')
    .set({ ended: day as never, outcome: 'fulfilled' })
    .where('case_id', '=', c.id)
    .where('ended', 'is', null)
    .where('step', '=', from)
    .where(sql<boolean>`${rule.name} = any(until)`)
  if (!to || to === from) {
    // Spoken, but others still owe: only this department's clock ends.
    await mineDone.where('debtor_id', '=', ctx.actor.departmentId).execute()
  } else if (target?.stops) {
    await tx
      .updateTable('procedure.duty')
      .set({ stopped_on: day as never })
      .where('case_id', '=', c.id)
      .where('ended', 'is', null)
      .where('step', '=', from)
      .execute()
    await openDuties(tx, next, p, to, day)
  } else {
    await mineDone.execute()
    await tx
      .updateTable('procedure.duty')
      .set({ ended: day as never, outcome: 'void' })
      .where('case_id', '=', c.id)
      .where('ended', 'is', null)
      .where(eb => eb.or([eb('step', '=', from), eb.val(!!end)]))
      .execute()
    if (target) await openDuties(tx, next, p, to, day)
  }

  let result = c.result
  for (const effect of [rule.effect, end?.effect]) {
    if (!effect) continue
    const run = effects.get(effect)
    if (!run) throw new Error(`没有登记效果 ${effect}`)
    result = (await run(tx, ctx, next, form)) ?? result
  }
  await tx
    .updateTable('procedure.case')
    .set({
      state: next.state,
      version: next.version,
      form: JSON.stringify(merged),
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
  })
  const told = end ? end.notify : (target?.by.roles ?? [])
  await notify(
    tx,
    ctx,
    next,
    told,
    end
      ? `${p.label}${end.label}：${c.title}`
      : target
        ? `${p.label}到“${target.label}”：${c.title}`
        : `${ctx.actor.department} ${rule.label}：${c.title}`,
  )
}

async function notify(tx: Tx, ctx: Context, c: CaseRecord, roles: string[], text: string): Promise<void> {
  await notifyDepartments(
    tx,
    ctx.now,
    roles.map(r => c.parties[r]?.departmentId).filter((d): d is string => !!d),
    text,
    `/workbench/cases/${c.no}`,
  )
}

/** A message to the working people of departments, once each. */
export async function notifyDepartments(tx: Tx, at: Date, departmentIds: string[], text: string, href: string): Promise<void> {
  for (const department_id of new Set(departmentIds))
    await tx.insertInto('procedure.notice').values({ id: newId(), department_id, at, text, href }).execute()
}

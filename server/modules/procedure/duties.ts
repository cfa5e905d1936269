import { sql } from 'kysely'
import type { Cite } from '../../../contract/common.ts'
import { dayOf } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { refuse } from '../../platform/problem.ts'
import { addWorkingDays, type Procedure, shorter, type Term, type Within, workingDaysBetween } from '../regulation/public.ts'
import type { CaseRecord } from './engine.ts'
import { type Facts, holds } from './rules.ts'

/** A word such as 及时 gets a reminder of ours after this many working days; it is labelled and never a legal deadline. */
const reminderDays = 5

export type NewDuty = {
  name: string
  what: string
  debtorId: string | null
  debtor: string
  role: string
  creditor?: string
  title: string
  href: string
  day: string
  within: { days: number | null; word: string | null }
  origin: 'law' | 'platform'
  cite: Cite
  inherited?: string | null
  caseId?: string
  step?: string
  until?: string[]
  /** The clock starts here; the day itself when absent. */
  from?: string
  /** A date that an order has set. */
  set?: string
  also?: Cite | null
}

/** Writes one duty into the book. Also for duties without a case: an update cycle, a certificate that runs out. */
export async function openDuty(tx: Tx, d: NewDuty): Promise<void> {
  const opened = d.from ?? d.day
  const counted = d.set ? null : (d.within.days ?? reminderDays)
  const due = d.set ? { due: d.set, estimated: false } : addWorkingDays(opened, counted!)
  const days = d.set ? Math.max(1, workingDaysBetween(opened, d.set)) : d.within.days
  await tx
    .insertInto('procedure.duty')
    .values({
      id: newId(),
      case_id: d.caseId ?? null,
      step: d.step ?? null,
      name: d.name,
      what: d.what,
      debtor_id: d.debtorId,
      debtor: d.debtor,
      role: d.role,
      creditor: d.creditor ?? '',
      title: d.title,
      href: d.href,
      opened,
      days,
      word: d.set ? null : d.within.word,
      origin: d.origin,
      due: due.due,
      estimated: due.estimated,
      counted_from: counted ? opened : null,
      counted_days: counted,
      until: d.until ?? [],
      cite: JSON.stringify(d.cite),
      also: d.also ? JSON.stringify(d.also) : null,
      inherited: d.inherited ?? null,
    })
    .execute()
}

type Clocks = {
  name: string
  what: string
  within: Term
  from?: string
  clock?: string
  by: { roles: string[] }
  until: string[]
  cite?: string
  text?: string
}

/** Opens the duties of a step, or starts its clocks again after a stop. */
export async function openDuties(tx: Tx, c: CaseRecord, p: Procedure, stepName: string, day: string, facts: Facts): Promise<void> {
  if (await resumeDuties(tx, c, stepName, day)) return
  const step = p.steps[stepName]!
  const values = { ...c.form, ...c.said, ...facts }
  const clocks: Clocks[] = step.duties
    ? Object.entries(step.duties)
        .filter(([, d]) => holds(d.when, values))
        .map(
          ([name, d]) =>
            ({ ...d, name, what: d.label, by: d.by ?? step.by, cite: d.cite ?? step.cite, text: d.text ?? step.text }) as Clocks,
        )
    : [
        {
          name: stepName,
          what: step.label,
          within: step.within ?? { days: null, word: '法规未定天数' as const },
          ...(step.from && { from: step.from }),
          ...(step.clock && { clock: step.clock }),
          by: step.by,
          until: Object.entries(step.actions)
            .filter(([, a]) => (a as { to?: string }).to)
            .map(([k]) => k),
          ...(step.cite && { cite: step.cite }),
          ...(step.text && { text: step.text }),
        },
      ]
  const base = c.ruling.cite
  for (const k of clocks) {
    const cite: Cite = { ...base, article: k.cite ?? base.article, text: k.text ?? base.text }
    const set = 'field' in k.within ? dayIn(values, k.within.field, day) : undefined
    const own = { days: k.within.days, word: k.within.word } as Within
    const limit = k.clock ? shorter(c.region, dayOf(c.opened_at), k.clock, own, cite) : { within: own, cite: undefined, also: null }
    const from = k.from ? (values[k.from] as string | undefined) : undefined
    const debtors = new Map(k.by.roles.map(role => [c.parties[role]!.departmentId ?? role, role]))
    for (const role of debtors.values())
      await openDuty(tx, {
        name: k.name,
        what: k.what,
        debtorId: c.parties[role]!.departmentId,
        debtor: c.parties[role]!.department,
        role,
        creditor: creditorOf(c, role),
        title: c.title,
        href: `/workbench/cases/${c.no}`,
        day,
        within: { days: limit.within.days, word: limit.within.word },
        origin: set || (limit.within.days && (c.ruling.origin === 'law' || limit.cite)) ? 'law' : 'platform',
        cite: limit.cite ?? cite,
        also: limit.also,
        inherited: c.ruling.inherited,
        caseId: c.id,
        step: stepName,
        until: k.until,
        ...(from && { from }),
        ...(set && { set }),
      })
  }
}

/** A date an order sets must lie ahead. */
function dayIn(values: Record<string, unknown>, field: string, day: string): string {
  const set = values[field]
  if (typeof set === 'string' && set > day) return set
  return refuse('procedure.incomplete', {
    reason: 'field-missing',
    detail: '限定的日期要晚于今天。',
    errors: [{ pointer: `/form/${field}`, code: 'field-missing', message: '限定的日期要晚于今天。' }],
  })
}

/** What was left when the clock stopped is counted again from the day after it starts; nothing left stays overdue. */
async function resumeDuties(tx: Tx, c: CaseRecord, step: string, day: string): Promise<boolean> {
  const stopped = await tx
    .selectFrom('procedure.duty')
    .select(['id', 'stopped_on', 'due', 'estimated'])
    .where('case_id', '=', c.id)
    .where('step', '=', step)
    .where('stopped_on', 'is not', null)
    .where('ended', 'is', null)
    .execute()
  for (const d of stopped) {
    const left = workingDaysBetween(d.stopped_on as unknown as string, d.due as unknown as string)
    const due = left > 0 ? addWorkingDays(day, left) : { due: d.due as unknown as string, estimated: d.estimated }
    await tx
      .updateTable('procedure.duty')
      .set({
        stopped_on: null,
        due: due.due as never,
        estimated: due.estimated,
        ...(left > 0 && { counted_from: day as never, counted_days: left }),
      })
      .where('id', '=', d.id)
      .execute()
  }
  return stopped.length > 0
}

export async function stopDuties(tx: Tx, caseId: string, step: string, day: string): Promise<void> {
  await tx
    .updateTable('procedure.duty')
    .set({ stopped_on: day as never })
    .where('case_id', '=', caseId)
    .where('ended', 'is', null)
    .where('step', '=', step)
    .execute()
}

/** Adds working days to the department's open duties of the step. */
export async function extendDuties(tx: Tx, c: CaseRecord, debtorId: string | null, days: number): Promise<void> {
  const open = await tx
    .selectFrom('procedure.duty')
    .select(['id', 'due', 'counted_days'])
    .where('case_id', '=', c.id)
    .where('step', '=', c.state)
    .where('ended', 'is', null)
    .where(eb => (debtorId ? eb('debtor_id', '=', debtorId) : eb('debtor_id', 'is', null)))
    .execute()
  for (const d of open) {
    const due = addWorkingDays(d.due as unknown as string, days)
    await tx
      .updateTable('procedure.duty')
      .set({
        due: due.due as never,
        estimated: due.estimated,
        extended: sql`extended + ${days}`,
        ...(d.counted_days !== null && { counted_days: d.counted_days + days }),
      })
      .where('id', '=', d.id)
      .execute()
  }
}

/** An act that ended duties: those it fulfils, and the rest of the step when the case goes on. */
export async function endDuties(
  tx: Tx,
  c: CaseRecord,
  a: { step: string; action: string; day: string; leaves: boolean; ends: boolean; debtorId: string | null },
): Promise<void> {
  let done = tx
    .updateTable('procedure.duty')
    .set({ ended: a.day as never, outcome: 'fulfilled' })
    .where('case_id', '=', c.id)
    .where('ended', 'is', null)
    .where('step', '=', a.step)
    .where(sql<boolean>`${a.action} = any(until)`)
  // Spoken, but others still owe: only this party's clock ends.
  if (!a.leaves) done = done.where(eb => (a.debtorId ? eb('debtor_id', '=', a.debtorId) : eb('debtor_id', 'is', null)))
  await done.execute()
  if (a.leaves)
    await tx
      .updateTable('procedure.duty')
      .set({ ended: a.day as never, outcome: 'void' })
      .where('case_id', '=', c.id)
      .where('ended', 'is', null)
      .where(eb => eb.or([eb('step', '=', a.step), eb.val(a.ends)]))
      .execute()
}

/** Ends duties without a case by their name and address, e.g. when a certificate is renewed. */
export async function fulfilDuties(tx: Tx, where: { name: string; href: string }, day: string): Promise<void> {
  await tx
    .updateTable('procedure.duty')
    .set({ ended: day as never, outcome: 'fulfilled' })
    .where('case_id', 'is', null)
    .where('name', '=', where.name)
    .where('href', '=', where.href)
    .where('ended', 'is', null)
    .execute()
}

/** Counts every open duty again, after a calendar was imported. Returns how many moved. */
export async function recalculate(db: Database): Promise<number> {
  return db.transaction().execute(async tx => {
    const open = await tx
      .selectFrom('procedure.duty')
      .select(['id', 'counted_from', 'counted_days', 'due', 'estimated'])
      .where('ended', 'is', null)
      .where('stopped_on', 'is', null)
      .where('counted_days', 'is not', null)
      .forUpdate()
      .execute()
    let moved = 0
    for (const d of open) {
      const due = addWorkingDays(d.counted_from as unknown as string, d.counted_days!)
      if (due.due === (d.due as unknown as string) && due.estimated === d.estimated) continue
      await tx
        .updateTable('procedure.duty')
        .set({ due: due.due as never, estimated: due.estimated })
        .where('id', '=', d.id)
        .execute()
      moved++
    }
    return moved
  })
}

/** What conditions may know about the running step: is a legal duty of it past due, and how far was it extended. */
export async function clockFacts(
  tx: Tx | Database,
  c: Pick<CaseRecord, 'id' | 'state'>,
  day: string,
): Promise<{ overdue: boolean; extended: number }> {
  const row = await tx
    .selectFrom('procedure.duty')
    .select([
      sql<boolean>`coalesce(bool_or(origin = 'law' and due < ${day}::date and stopped_on is null), false)`.as('overdue'),
      sql<number>`coalesce(max(extended), 0)`.as('extended'),
    ])
    .where('case_id', '=', c.id)
    .where('step', '=', c.state)
    .where('ended', 'is', null)
    .executeTakeFirstOrThrow()
  return { overdue: row.overdue, extended: Number(row.extended) }
}

const creditorOf = (c: CaseRecord, debtor: string): string => {
  const id = c.parties[debtor]!.departmentId
  const other =
    c.parties.applicant && (c.parties.applicant.outside || c.parties.applicant.departmentId !== id)
      ? c.parties.applicant
      : c.parties.provider
  return other && other.departmentId !== id ? other.department : ''
}

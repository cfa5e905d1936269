import { sql } from 'kysely'
import type { Cite, Clock } from '../../../contract/common.ts'
import { regionPrefix } from '../../../contract/common.ts'
import {
  type ActionField,
  type Case,
  type CaseAction,
  type FieldSpec,
  type Form,
  type GrantedItem,
  treatments,
} from '../../../contract/procedure.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { clockOf, lawWarnings, type Procedure, regionName, timeText } from '../regulation/public.ts'
import { type CaseRecord, caseFacts, doerOf, historyOf, rulebook } from './engine.ts'
import { type ActionRule, actionRule, actionsOf, judge, type Rulebook, rolesOf, spoken, whoOf } from './rules.ts'
import type { Subject } from './start.ts'

type ChoiceRow = { key: string; label: string; note: string | null; treatment: string; profiles?: { value: string; label: string }[] }
/** What the module that owns a case's subject adds to its page. */
export type SubjectHooks = {
  href?: (c: CaseRecord) => string | null
  /** Page that shows what changed. */
  compare?: (c: CaseRecord) => string | null
  /** Rows that `items` and `treatments` fields choose from, with the proposed treatment. */
  rows?: (db: Database, c: CaseRecord) => Promise<ChoiceRow[]>
  /** Where the start of this procedure is, when it is not the general one. */
  closed?: string
  /** Checks of the owning module before a case of this procedure opens; refuses by throwing. */
  begin?: (tx: Tx, ctx: Context, s: { subject: Subject; form: Form; region: string; cite: Cite; after?: CaseRecord }) => Promise<void>
  /** What stands in the way of an action, beside the regulation: shown on the page and refused on the server. */
  blocks?: (db: Database, c: CaseRecord, action: string) => Promise<{ what: string; who: string; cite: Cite | null } | null>
}
const hooks = new Map<string, SubjectHooks>()
/** Registers what a procedure's page shows about its subject. */
export const registerHooks = (procedure: string, h: SubjectHooks): void => void hooks.set(procedure, { ...hooks.get(procedure), ...h })
export const hooksOf = (procedure: string): SubjectHooks => hooks.get(procedure) ?? {}

/** Parties see their cases; authorities and inspectors those of their region and below. */
export const mayKnow =
  (ctx: StaffContext) =>
  (c: Pick<CaseRecord, 'parties' | 'region'>): boolean =>
    Object.values(c.parties).some(p => p.departmentId === ctx.actor.departmentId) ||
    ((ctx.actor.roles.includes('inspector') || ctx.actor.roles.includes('bureau')) && c.region.startsWith(regionPrefix(ctx.actor.region)))

export type DutyRow = {
  id: string
  case_id: string | null
  step: string | null
  what: string
  debtor_id: string | null
  debtor: string
  role: string
  creditor: string
  title: string
  href: string
  opened: string
  days: number | null
  word: string | null
  origin: 'law' | 'platform'
  due: string | null
  estimated: boolean
  stopped_on: string | null
  ended: string | null
  cite: Cite
  inherited: string | null
  until: string[]
  extended: number
  also: Cite | null
}
export const dutyClock = (d: DutyRow, day: string): Clock =>
  clockOf(
    {
      id: d.id,
      what: d.what,
      debtor: d.debtor,
      opened: d.opened,
      due: d.due,
      days: d.days,
      word: d.word,
      origin: d.origin,
      estimated: d.estimated,
      ended: d.ended,
      stopped: !!d.stopped_on,
      cite: d.cite,
      inherited: d.inherited,
      extended: d.extended,
      also: d.also,
    },
    day,
  )

/** What this doer may do now, what is withheld and why, and what is missing. */
export async function actionsFor(ctx: Context, c: CaseRecord, book: Rulebook, outside?: string) {
  const h = hooksOf(c.procedure)
  const history = await historyOf(ctx.db, c.id)
  const facts = await caseFacts(ctx.db, c, ctx.day)
  const rows = h.rows ? await h.rows(ctx.db, c) : []
  const step = c.ended_at ? null : book.procedure.steps[c.state]!
  const doer = doerOf(ctx, outside)
  const actions: CaseAction[] = []
  const withheld: Case['withheld'] = []
  const missing: Case['missing'] = []
  for (const name of step ? actionsOf(step) : []) {
    const rule = actionRule(step!, name, book.base)!
    const competent = rolesOf(c.parties, rule.by.roles, doer).length > 0
    const known = { ...c.form, ...c.said } as Form
    const verdict = judge(book, { state: c.state, ended: false, parties: c.parties, form: known, facts }, history, name, doer, {})
    const possible = verdict.ok || verdict.code === 'procedure.incomplete'
    const block = competent && h.blocks ? await h.blocks(ctx.db, c, name) : null
    if (block) {
      missing.push({ what: block.what, who: block.who })
      withheld.push({ label: rule.label, why: block.what, cite: block.cite })
    } else if (possible) actions.push(actionView(book, rule, c, rows))
    else if (competent && !verdict.ok) withheld.push({ label: rule.label, why: verdict.detail, cite: verdict.cite })
  }
  if (actions.length && !actions.some(a => a.style === 'primary')) actions[0] = { ...actions[0]!, style: 'primary' }
  if (step) {
    for (const [name, raw] of Object.entries(step.actions)) {
      const rule = actionRule(step, name, book.base)!
      if (!rule.by.all || !(raw as { to?: string }).to) continue
      const done = spoken(history, c.state, name)
      for (const role of rule.by.roles.filter(r => !done.has(r)))
        missing.push({
          what: `${c.parties[role]!.department} 的“${rule.label}”`,
          who: `${c.parties[role]!.department}（${c.parties[role]!.label}）`,
        })
    }
    if (!missing.length && !actions.length) missing.push({ what: step.label, who: whoOf(c.parties, step.by.roles) })
  }
  return { actions, withheld, missing, rows, history }
}

export const dutiesOf = async (db: Database, caseId: string): Promise<DutyRow[]> =>
  (await db
    .selectFrom('procedure.duty')
    .selectAll()
    .where('case_id', '=', caseId)
    .orderBy('opened')
    .orderBy('id')
    .execute()) as unknown as DutyRow[]

/** One case with everything its page needs, for this person on this day. */
export async function caseView(ctx: StaffContext, c: CaseRecord): Promise<Case> {
  const book = await rulebook(ctx.db, c)
  const p = book.procedure
  const h = hooksOf(c.procedure)
  const duties = await dutiesOf(ctx.db, c.id)
  const events = await ctx.db.selectFrom('procedure.event').selectAll().where('case_id', '=', c.id).orderBy('seq').execute()
  const seqs = await ledgerNumbers(ctx.db, c.no)
  const { actions, withheld, missing, rows, history } = await actionsFor(ctx, c, book)
  const named = {
    ...(c.form.system && { [c.form.system]: (await systemName(ctx.db, c.form.system)) ?? c.form.system }),
    ...(await departmentNames(ctx.db, book, [c.form, ...events.map(e => e.form as Form)])),
  }
  const last = [...events].reverse().find(e => ['approve', 'refuse'].includes(kindOf(p, e.from_state, e.action)))
  const clocks = duties
    .map(d => dutyClock(d, ctx.day))
    .sort((a, b) => Number(!!a.ended) - Number(!!b.ended) || (a.due ?? '9').localeCompare(b.due ?? '9'))
  return {
    ...caseRow(c, p, duties, ctx.day),
    version: c.version,
    ruling: c.ruling,
    parties: await Promise.all(
      Object.entries(c.parties).map(async ([role, x]) => ({
        role,
        label: x.label,
        departmentId: x.departmentId,
        department: x.department,
        contact: x.departmentId ? await contactOf(ctx.db, x.departmentId) : null,
      })),
    ),
    clocks,
    steps: stepsOf(p, c, history),
    actions,
    withheld,
    missing,
    form: formRows(book.fields, c.form, rows, named),
    timeline: events.map(e => ({
      seq: e.seq,
      at: e.at.toISOString(),
      action: e.action,
      label: e.label,
      system: e.system,
      person: e.person,
      department: e.department,
      role: e.role
        ? e.role
            .split(',')
            .map((r: string) => c.parties[r]?.label ?? r)
            .join('、')
        : null,
      from: labelOf(p, e.from_state),
      to: e.to_state !== e.from_state ? labelOf(p, e.to_state) : null,
      content: formRows(book.fields, e.form as Form, rows, named).map(({ label, value }) => ({ label, value })),
      cite: e.cite as Cite | null,
      ledger: seqs.get(e.seq) ?? null,
    })),
    subject: {
      type: c.subject_type,
      id: c.subject_id,
      code: c.subject_code,
      title: c.subject_title,
      href: h.href?.(c) ?? null,
      compare: h.compare?.(c) ?? null,
    },
    decision: last
      ? {
          kind: kindOf(p, last.from_state, last.action) === 'refuse' ? 'refused' : 'approved',
          reason: (last.form as Form).reason ?? (last.form as Form).note ?? null,
          basis: (last.form as Form).basis ? basisText((last.form as Form).basis!) : null,
          next: (last.form as Form).remedyHint ?? null,
        }
      : null,
    result: c.result,
  }
}

const kindOf = (p: Procedure, state: string | null, action: string): string =>
  (state && (p.steps[state]?.actions[action] as { kind?: string } | undefined)?.kind) || 'neutral'
export const labelOf = (p: Procedure, state: string | null): string | null =>
  state ? (p.steps[state]?.label ?? p.ends[state]?.label ?? state) : null

export function caseRow(c: CaseRecord, p: Procedure, duties: DutyRow[], day: string) {
  const open = duties
    .filter(d => !d.ended && !(d.stopped_on && d.step !== c.state))
    .map(d => dutyClock(d, day))
    .sort((a, b) => (a.due ?? '9').localeCompare(b.due ?? '9'))[0]
  const ended = duties.filter(d => d.ended).map(d => dutyClock(d, day))
  const step = p.steps[c.state]
  return {
    id: c.id,
    no: c.no,
    procedure: c.procedure,
    procedureLabel: p.label,
    title: c.title,
    state: c.state,
    stateLabel: labelOf(p, c.state)!,
    ended: !!c.ended_at,
    region: c.region,
    regionName: regionName(c.region),
    applicant: c.parties.applicant?.department ?? '',
    waitingFor: c.ended_at ? '' : whoOf(c.parties, step?.by.roles ?? []),
    light: c.ended_at ? (ended.some(d => d.light === 'late') ? ('late' as const) : ('done' as const)) : (open?.light ?? null),
    left: open?.left ?? null,
    due: open?.due ?? null,
    opened: c.opened_at.toISOString(),
  }
}

function actionView(book: Rulebook, rule: ActionRule, c: CaseRecord, rows: ChoiceRow[]): CaseAction {
  const required = rule.requires.filter(r => !r.when).map(r => r.field)
  const names = [...new Set([...rule.requires.map(r => r.field), ...rule.offers])]
  const style = rule.kind === 'refuse' ? 'danger' : rule.kind === 'approve' ? 'primary' : 'default'
  return {
    action: rule.name,
    label: rule.label,
    style,
    cite: rule.cite,
    effect: rule.text || (rule.to ? `之后到“${labelOf(book.procedure, rule.to)}”。` : '记入时间线，不改变步骤。'),
    fields: names.map(name => {
      const own = rule.requires.find(r => r.field === name)?.cite
      return {
        ...fieldView(name, book.fields[name]!, required.includes(name), rule, c, rows),
        help: own ? `${rule.cite.title} ${own}` : null,
      }
    }),
  }
}

export function fieldView(
  name: string,
  spec: FieldSpec,
  required: boolean,
  rule: Pick<ActionRule, 'cite'>,
  c: Pick<CaseRecord, 'form'> | null,
  rows: ChoiceRow[],
): ActionField {
  const asked = c?.form.items ? rows.filter(r => c.form.items!.includes(r.key)) : rows
  const base: ActionField = {
    name,
    label: spec.label,
    kind: spec.kind,
    required,
    min: spec.min,
    help: required ? `${rule.cite.title} ${rule.cite.article}` : null,
    options: spec.options ? spec.options.map(([value, label]) => ({ value, label })) : null,
  }
  if (spec.kind === 'treatments')
    return {
      ...base,
      rows: asked.map(({ key, label, note, profiles }) => ({ key, label, note, ...(profiles && { profiles }) })),
      proposal: asked.map(r => ({ key: r.key, treatment: r.treatment })),
    }
  if (spec.kind === 'items') return { ...base, rows: rows.map(({ key, label, note }) => ({ key, label, note })) }
  if (c && (c.form as Record<string, unknown>)[name] !== undefined) return { ...base, proposal: (c.form as Record<string, unknown>)[name] }
  return base
}

/** Past steps as taken, the current one, and the usual way on; side steps only when taken. */
function stepsOf(p: Procedure, c: CaseRecord, history: { from: string | null; to: string | null }[]): Case['steps'] {
  const visited = [...new Set(history.map(e => e.to).filter((s): s is string => !!s && !!p.steps[s]))]
  const path: string[] = []
  for (let at: string | undefined = p.start; at && p.steps[at] && !path.includes(at); ) {
    path.push(at)
    at = Object.values(p.steps[at]!.actions)
      .map(a => a as { to?: string; kind?: string })
      .find(a => a.to && a.to !== at && a.kind !== 'return' && a.kind !== 'refuse' && !p.steps[a.to]?.stops)?.to
  }
  const names = [...path, ...visited.filter(v => !path.includes(v))]
  const current = c.ended_at ? null : c.state
  const at = current ? names.indexOf(current) : names.length
  return names
    .map((name, i) => {
      const s = p.steps[name]!
      return {
        name,
        label: s.label,
        by: `${whoOf(c.parties, s.by.roles)}${s.by.all && s.by.roles.length > 1 ? '（都要）' : ''}`,
        time: s.duties
          ? Object.values(s.duties)
              .map(d => `${d.label} ${timeText(d.within)}`)
              .join('，')
          : timeText(s.within),
        cite: { ...c.ruling.cite, article: s.cite ?? c.ruling.cite.article, text: s.text ?? c.ruling.cite.text },
        status:
          name === current
            ? ('current' as const)
            : s.stops
              ? ('side' as const)
              : c.ended_at
                ? visited.includes(name)
                  ? ('past' as const)
                  : ('side' as const)
                : i < at
                  ? ('past' as const)
                  : ('future' as const),
      }
    })
    .filter(s => !(s.status === 'side' && !visited.includes(s.name)))
}

const basisText = (b: NonNullable<Form['basis']>) => `《${b.instrument}》${b.article}${b.text ? `：${b.text}` : ''}`

/** A form in words, field by field. `named`: what ids in it stand for. */
export function formRows(
  specs: Record<string, FieldSpec>,
  form: Form,
  rows: Pick<ChoiceRow, 'key' | 'label' | 'profiles'>[],
  named: Record<string, string> = {},
): Case['form'] {
  const name = (key: string) => rows.find(r => r.key === key)?.label ?? key
  return Object.keys(specs).flatMap(field => {
    const value = (form as Record<string, unknown>)[field]
    if (value === undefined || value === null || value === '') return []
    const spec = specs[field]!
    let text = Array.isArray(value) && typeof value[0] === 'string' ? value.join('\n') : String(value)
    if (field === 'items') text = (value as string[]).map(name).join('、')
    else if (field === 'treatments')
      text = (value as GrantedItem[])
        .map(t => {
          const profile = t.profile && rows.find(r => r.key === t.key)?.profiles?.find(p => p.value === t.profile)?.label
          return `${name(t.key)} ${treatments[t.treatment]}${profile ? `（${profile}）` : ''}${t.only?.length ? `，只限 ${t.only.join('、')}` : ''}`
        })
        .join('｜')
    else if (spec.kind === 'basis') text = basisText(value as NonNullable<Form['basis']>)
    else if (field === 'corrections')
      text = (value as { field: string; message: string }[]).map((x, i) => `${i + 1}. ${x.field}：${x.message}`).join('\n')
    else if (spec.kind === 'confirm') text = value ? '已确认' : '未确认'
    else if (spec.options) text = spec.options.find(([k]) => k === value)?.[1] ?? text
    return [{ name: field, label: spec.label, value: named[text] ?? text }]
  })
}

/** Names of the departments and files that forms refer to. */
async function departmentNames(db: Database, book: Rulebook, forms: Form[]): Promise<Record<string, string>> {
  const ids = (kind: string) =>
    forms.flatMap(f => Object.entries(f).flatMap(([k, v]) => (book.fields[k]?.kind === kind && typeof v === 'string' ? [v] : [])))
  const departments = ids('department')
  const files = ids('file')
  const rows = [
    ...(departments.length
      ? await db.selectFrom('organization.department_view').select(['id', 'name']).where('id', 'in', departments).execute()
      : []),
    ...(files.length ? await db.selectFrom('procedure.attachment').select(['id', 'name']).where('id', 'in', files).execute() : []),
  ]
  return Object.fromEntries(rows.map(r => [r.id as string, r.name as string]))
}

async function contactOf(db: Database, departmentId: string): Promise<string | null> {
  const p = await db
    .selectFrom('organization.person_view')
    .select(['name', 'phone'])
    .where('department_id', '=', departmentId)
    .where('disabled', '=', false)
    .where(sql<boolean>`roles && array['steward', 'bureau']`)
    .orderBy('name')
    .limit(1)
    .executeTakeFirst()
  return p ? `${p.name}${p.phone ? ` ${p.phone}` : ''}` : null
}

const systemName = async (db: Database, id: string): Promise<string | null> =>
  (await db.selectFrom('organization.system_view').select('name').where('id', '=', id).executeTakeFirst())?.name ?? null

/** Ledger numbers of a case's events, as far as the ledger is expanded. */
async function ledgerNumbers(db: Database, no: string): Promise<Map<number, number>> {
  const rows = await db.selectFrom('audit.entry_view').select(['seq', 'action', 'data']).where('case_no', '=', no).execute()
  return new Map(rows.map(r => [r.action === 'case.start' ? 1 : Number((r.data as { event?: number } | null)?.event ?? -1), Number(r.seq)]))
}

/** One line under 数据健康: what to look at besides deadlines. Lines that count nothing are left out by the page. */
export type HealthLine = { label: string; count: number; href: string }
type Health = (ctx: StaffContext) => Promise<HealthLine[]>
const healths: Health[] = []
/** Modules to the right tell what a department should know about its data today. */
export const registerHealth = (h: Health): void => void healths.push(h)
export const healthOf = async (ctx: StaffContext): Promise<HealthLine[]> =>
  (await Promise.all(healths.map(h => h(ctx)))).flat().filter(line => line.count > 0)

registerHealth(async ctx => [
  {
    label: '规定将到期或已失效',
    count: ctx.actor.roles.includes('bureau') ? lawWarnings(ctx.actor.region, ctx.day, ctx.config.lawWarningDays).length : 0,
    href: `/workbench/regulations?tab=places&region=${ctx.actor.region}`,
  },
])

/** The page of a case for other modules: whose number this person knows and may see. */
export async function caseFor(ctx: StaffContext, no: string): Promise<Case | undefined> {
  const c = (await ctx.db.selectFrom('procedure.case').selectAll().where('no', '=', no).executeTakeFirst()) as unknown as
    | CaseRecord
    | undefined
  return c && mayKnow(ctx)(c) ? caseView(ctx, c) : undefined
}

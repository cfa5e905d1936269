import type { Cite, Fault } from '../../../contract/common.ts'
import type { Role } from '../../../contract/endpoint.ts'
import type { FieldSpec, Form } from '../../../contract/procedure.ts'
import { isId } from '../../platform/id.ts'
import type { Condition, Procedure, Requirement, Step } from '../regulation/public.ts'

/** Who plays a role in a case. `outside`: a person or body without an account; `appointed`: found by its role in the region. */
export type Party = {
  departmentId: string | null
  department: string
  label: string
  appointed?: boolean
  outside?: boolean
  /** Kind of department or applicant, for conditions. */
  kind?: string
  region?: string
}
export type Parties = Record<string, Party>
/** What is known beside the form: applicantKind, overdue, sameRegion, level. */
export type Facts = Record<string, unknown>
export type CaseFacts = { state: string; ended: boolean; parties: Parties; form: Form; facts: Facts }
/** An earlier act: enough to know who has spoken since the step was entered. */
export type Act = { action: string; role: string | null; personId: string | null; from: string | null; to: string | null }
/** Who wants to act: somebody of a department, or the person outside who plays the role `outside`. */
export type Doer = { personId: string | null; departmentId: string | null; roles: readonly Role[]; outside?: string }
/** A procedure with what is needed to read it: its article, its fields, and how its platform gates stand in the region. */
export type Rulebook = { procedure: Procedure; base: Cite; fields: Record<string, FieldSpec>; gate: (key: string) => 'block' | 'remind' }

/** A condition of the file against the form and the facts. */
export function holds(when: Condition | undefined, values: Record<string, unknown>): boolean {
  if (!when) return true
  return Object.entries(when).every(([name, wanted]) => {
    const value = values[name]
    const given = value !== undefined && value !== null && value !== '' && value !== false && !(Array.isArray(value) && !value.length)
    const has = (x: unknown) => (Array.isArray(value) ? value.includes(x) : value === x)
    if (Array.isArray(wanted)) return wanted.some(has)
    if (typeof wanted === 'object') return 'given' in wanted ? given === wanted.given : !has(wanted.not)
    return has(wanted)
  })
}

type Forbid = Procedure['forbids'][number]
export type ActionRule = {
  name: string
  when?: Condition
  reason?: string
  to?: string
  label: string
  by: { roles: string[]; all: boolean }
  requires: Requirement[]
  offers: string[]
  forbids: Forbid[]
  effect?: string
  kind: string
  otherThan?: string
  cite: Cite
  text: string
}
/** A refusal. `errors` names everything missing at once, with who can supply it in `remedy`. */
export type No = { ok: false; code: string; status: number; reason: string; detail: string; remedy?: string; cite: Cite; errors?: Fault[] }
/** `reminders`: what a platform gate in mode 提醒 would have refused; it is recorded with the act. */
export type Verdict = { ok: true; rule: ActionRule; roles: string[]; to: string | null; waitsFor: string[]; reminders: Fault[] } | No

/** One action of a step with the short form written out. `cite` of the procedure stands where the step or action has none. */
export function actionRule(step: Step, name: string, base: Cite): ActionRule | null {
  if (name === 'extend' && step.extend) return extension(step.extend, step, base)
  const raw = step.actions[name] as Partial<ActionRule & { cite: string }> | undefined
  if (!raw) return null
  return {
    name,
    label: raw.label ?? defaultLabels[name] ?? name,
    by: raw.by ?? step.by,
    requires: raw.requires ?? [],
    offers: raw.offers ?? [],
    forbids: raw.forbids ?? [],
    kind: raw.kind ?? 'neutral',
    cite: { ...base, article: (raw as { cite?: string }).cite ?? step.cite ?? base.article, text: step.text ?? base.text },
    text: raw.text ?? '',
    ...(raw.to && { to: raw.to }),
    ...(raw.effect && { effect: raw.effect }),
    ...(raw.otherThan && { otherThan: raw.otherThan }),
    ...(raw.when && { when: raw.when }),
    ...(raw.reason && { reason: raw.reason }),
  }
}

/** The action that a step's `extend` gives: days, whose consent, and word to the others. */
function extension(e: NonNullable<Step['extend']>, step: Step, base: Cite): ActionRule {
  return {
    name: 'extend',
    label: '延长期限',
    by: e.by,
    requires: [
      { field: 'extendDays' },
      { field: 'consentBy', reason: 'extension-consent-required', text: `延长要经${e.consent}同意，请写明是谁。` },
      { field: 'consentOn', reason: 'extension-consent-required', text: `请写明${e.consent}同意的日期。` },
      { field: 'told', reason: 'notice-missing', text: '延长要告知对方，请确认。' },
    ],
    offers: ['note'],
    forbids: [],
    kind: 'neutral',
    cite: { ...base, article: e.cite ?? step.cite ?? base.article, text: e.text ?? step.text ?? base.text },
    text: `最多延长 ${e.atMost.days ?? 0} 个工作日，须经${e.consent}同意并告知对方。`,
  }
}

/** Names of everything that may be done in a step. */
export const actionsOf = (step: Step): string[] => [...Object.keys(step.actions), ...(step.extend ? ['extend'] : [])]

const defaultLabels: Record<string, string> = {
  approve: '同意',
  refuse: '不同意',
  return: '要求补正',
  resubmit: '重新提交',
  withdraw: '撤回',
}

/** Working roles that may act for a department in a role: appointed authorities through their administrators, others through stewards and heads. */
const actingRoles = (role: string, party: Party): Role[] =>
  (party.appointed ?? (role !== 'provider' && role !== 'applicant')) ? ['bureau', 'leader'] : ['steward', 'leader', 'secrecy', 'bureau']

/** The roles of this step that the person may speak for. */
export const rolesOf = (parties: Parties, wanted: string[], doer: Doer): string[] =>
  wanted.filter(role => {
    const party = parties[role]
    if (!party) return false
    if (party.outside) return doer.outside === role
    return party.departmentId === doer.departmentId && actingRoles(role, party).some(r => doer.roles.includes(r))
  })

/** Roles that have done this action since the step was last entered. */
export function spoken(history: Act[], state: string, action: string): Set<string> {
  const roles = new Set<string>()
  for (let i = history.length - 1; i >= 0; i--) {
    const e = history[i]!
    if (e.to === state && e.from !== state) break
    if (e.from === state && e.action === action && e.role) for (const role of e.role.split(',')) roles.add(role)
  }
  return roles
}

/**
 * May this person do this now, with this form? Pure: no database, no clock. Says no with reason, article, and everything missing at once.
 */
export function judge(book: Rulebook, c: CaseFacts, history: Act[], actionName: string, doer: Doer, form: Form): Verdict {
  const { procedure, base } = book
  const no = (code: string, status: number, reason: string, detail: string, more: Partial<No> = {}): No => ({
    ok: false,
    code,
    status,
    reason,
    detail,
    cite: base,
    ...more,
  })
  if (c.ended)
    return no('procedure.ended', 409, 'step-skipped', `这件办件已经办结（${procedure.ends[c.state]?.label ?? c.state}），不能再办理。`)
  const step = procedure.steps[c.state]!
  const rule = actionRule(step, actionName, base)
  if (!rule)
    return no(
      'procedure.wrong_step',
      409,
      'step-skipped',
      `现在是“${step.label}”，这一步不能办理“${actionLabelAnywhere(procedure, actionName)}”。`,
      {
        remedy: `这一步可以办理：${actionsOf(step)
          .map(a => actionRule(step, a, base)!.label)
          .join('、')}。`,
      },
    )
  const roles = rolesOf(c.parties, rule.by.roles, doer)
  if (roles.length === 0) {
    // An action that names its own article keeps it.
    const own = (step.actions[actionName] as { cite?: string } | undefined)?.cite
    const cite = step.competence && !own ? { ...rule.cite, article: step.competence.cite, text: step.competence.text } : rule.cite
    return no(
      'procedure.not_competent',
      403,
      'not-competent',
      `“${rule.label}”由 ${whoOf(c.parties, rule.by.roles)} 办理（${cite.title} ${cite.article}）。`,
      { cite, remedy: '你可以在时间线里看到办理进度。' },
    )
  }
  if (!holds(rule.when, { ...c.form, ...c.facts }))
    return no('procedure.not_yet', 409, rule.reason ?? 'step-skipped', rule.text || `“${rule.label}”的条件还不具备。`, { cite: rule.cite })
  if (rule.otherThan) {
    const earlier = history.find(e => e.action === rule.otherThan)
    if (earlier && earlier.personId === doer.personId)
      return no('procedure.same_person', 403, 'conflict-of-interest', `“${rule.label}”要由提出人以外的另一人办理。`, {
        cite: rule.cite,
        remedy: '请本部门另一位有权限的人员办理。',
      })
  }
  const before = spoken(history, c.state, actionName)
  const mine = rule.by.all ? roles.filter(r => !before.has(r)) : roles
  if (mine.length === 0)
    return no('procedure.already_spoken', 409, 'step-skipped', `本部门已经办理过“${rule.label}”。`, {
      cite: rule.cite,
      remedy: `还在等 ${whoOf(
        c.parties,
        rule.by.roles.filter(r => !before.has(r)),
      )}。`,
    })
  const offered = new Set(rule.offers)
  const faults = demands(book, rule, form, { ...c.form, ...c.facts }, key => offered.has(key))
  faults.block.push(...wrongItems(c.form, form, rule.cite))
  if (rule.name === 'extend') faults.block.push(...tooLong(step, c.facts, form, rule.cite))
  if (faults.block.length)
    return no('procedure.incomplete', 422, ...summed(faults.block), { cite: faults.block[0]!.cite ?? rule.cite, errors: faults.block })
  const waitsFor = rule.by.all ? rule.by.roles.filter(r => !before.has(r) && !mine.includes(r)) : []
  return { ok: true, rule, roles: mine, to: waitsFor.length ? null : (rule.to ?? null), waitsFor, reminders: faults.remind }
}

/** The first reason, and all messages in one sentence. */
export const summed = (errors: Fault[]): [reason: string, detail: string] => [
  errors[0]!.code,
  errors.length === 1 ? errors[0]!.message : `还差 ${errors.length} 处：${errors.map(e => e.message).join('')}`,
]

const reasonCodes: Record<string, string> = {
  reason: 'reason-required',
  basis: 'basis-required',
  purpose: 'purpose-required',
  opinion: 'opinion-missing',
  accept: 'agreement-required',
  corrections: 'reason-required',
}
const isGiven = (value: unknown): boolean =>
  !(value === undefined || value === null || value === '' || value === false || (Array.isArray(value) && value.length === 0))

/**
 * Everything a form lacks, has wrongly, or states against a prohibition. Conditions see `known` (the case's form and facts) below the new form.
 * Platform gates in mode 提醒 are told apart: they do not refuse.
 */
export function demands(
  book: Pick<Rulebook, 'fields' | 'gate'>,
  rule: Pick<ActionRule, 'requires' | 'cite'> & { forbids?: Forbid[] },
  form: Form,
  known: Record<string, unknown>,
  offered: (field: string) => boolean = () => false,
): { block: Fault[]; remind: Fault[] } {
  const block: Fault[] = []
  const remind: Fault[] = []
  const values = { ...known, ...form } as Record<string, unknown>
  const put = (fault: Fault, gate: string | undefined) => {
    if (gate && book.gate(gate) === 'remind') remind.push(fault)
    else block.push(gate ? { ...fault, message: `${fault.message}（这一阻断是平台约定，不是条文本身。）` } : fault)
  }
  const asked = new Set<string>()
  for (const r of rule.requires) {
    asked.add(r.field)
    if (!holds(r.when, values)) continue
    const spec = book.fields[r.field]!
    const value = (form as Record<string, unknown>)[r.field]
    const cite = r.cite ? { ...rule.cite, article: r.cite, text: r.text ?? rule.cite.text } : rule.cite
    const at = { pointer: `/form/${r.field}`, code: r.reason ?? reasonCodes[r.field] ?? 'field-missing', cite }
    if (!isGiven(value))
      put(
        { ...at, message: r.text ?? `请填写“${spec.label}”。`, remedy: `${cite.title} ${cite.article} 要求写明“${spec.label}”。` },
        r.gate,
      )
    else {
      const wrong = wrongValue(spec, value)
      if (wrong) block.push({ ...at, message: wrong })
    }
  }
  for (const [field, value] of Object.entries(form)) {
    if (asked.has(field) || !isGiven(value)) continue
    const spec = book.fields[field]
    const at = { pointer: `/form/${field}`, cite: rule.cite }
    if (!spec || !offered(field)) continue
    const wrong = wrongValue(spec, value)
    if (wrong) block.push({ ...at, code: 'field-invalid', message: wrong })
  }
  for (const f of rule.forbids ?? []) {
    if (!holds(f.when, values)) continue
    const field = Object.keys(f.when).find(k => book.fields[k])
    put(
      {
        pointer: field ? `/form/${field}` : '',
        code: f.reason,
        message: f.text,
        cite: f.cite ? { ...rule.cite, article: f.cite, text: f.text } : rule.cite,
      },
      f.gate,
    )
  }
  return { block, remind }
}

/** What is wrong with a value for its field, or null. */
function wrongValue(spec: FieldSpec, value: unknown): string | null {
  const said = `“${spec.label}”`
  switch (spec.kind) {
    case 'day':
      return typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))
        ? null
        : `${said}要写成日期，如 2026-09-24。`
    case 'number':
      return typeof value === 'number' && value >= spec.min ? null : `${said}要是不小于 ${spec.min} 的数字。`
    case 'confirm':
      return value === true ? null : `请确认${said}。`
    case 'choice':
      return !spec.options || spec.options.some(([key]) => key === value)
        ? null
        : `${said}只能选：${spec.options.map(([, label]) => label).join('、')}。`
    case 'list':
      return Array.isArray(value) && value.filter(v => String(v).trim()).length >= spec.min ? null : `${said}至少写 ${spec.min} 行。`
    case 'department':
    case 'entry':
    case 'file':
      return typeof value === 'string' && isId(value) ? null : `请选择${said}。`
    case 'basis': {
      const b = value as { instrument?: string; article?: string }
      return b.instrument?.trim() && b.article?.trim() ? null : '依据要写明文件名称和条款。'
    }
    case 'text':
    case 'longtext':
      if (typeof value !== 'string') return `${said}要写成文字。`
      return value.trim().length >= spec.min ? null : `${said}至少写 ${spec.min} 个字。`
    default:
      return null
  }
}

/** Nobody can give more than was asked for. */
function wrongItems(asked: Form, form: Form, cite: Cite): Fault[] {
  if (!form.treatments || !asked.items) return []
  const allowed = new Set(asked.items)
  return form.treatments
    .filter(t => !allowed.has(t.key))
    .map(t => ({ pointer: '/form/treatments', code: 'field-not-granted', message: `信息项 ${t.key} 不在申请范围内，不能给予。`, cite }))
}

/** The limit is on all extensions together (`extended`, in working days). */
function tooLong(step: Step, facts: Facts, form: Form, cite: Cite): Fault[] {
  const most = step.extend!.atMost.days ?? 0
  const before = Number(facts.extended ?? 0)
  if (before + (form.extendDays ?? 0) <= most) return []
  const already = before ? `，已延长 ${before} 个` : ''
  return [{ pointer: '/form/extendDays', code: 'extension-limit-exceeded', message: `延长合计最多 ${most} 个工作日${already}。`, cite }]
}

export const whoOf = (parties: Parties, roles: string[]): string => [...new Set(roles.map(r => parties[r]?.department ?? r))].join('、')

const actionLabelAnywhere = (p: Procedure, name: string): string => {
  for (const step of Object.values(p.steps)) {
    const label = (step.actions[name] as { label?: string } | undefined)?.label
    if (label) return label
  }
  return defaultLabels[name] ?? name
}

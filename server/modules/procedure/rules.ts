import type { Cite, Fault } from '../../../contract/common.ts'
import type { Role } from '../../../contract/endpoint.ts'
import { type FieldName, type Form, fields } from '../../../contract/procedure.ts'
import type { Procedure, Step } from '../regulation/public.ts'

/** Who plays a role in a case. */
export type Parties = Record<string, { departmentId: string; department: string; label: string }>
export type CaseFacts = { state: string; ended: boolean; parties: Parties; form: Form }
/** An earlier act: enough to know who has spoken since the step was entered. */
export type Act = { action: string; role: string | null; personId: string | null; from: string | null; to: string | null }
export type Doer = { personId: string; departmentId: string; roles: readonly Role[] }

type FullAction = Exclude<Procedure['steps'][string]['actions'][string], { to: string } & { requires?: never }> & { to?: string }
/** A condition of the file: every named field of the form has the named value. */
export const holds = (when: Record<string, unknown> | undefined, form: Form): boolean =>
  !when || Object.entries(when).every(([field, value]) => (form as Record<string, unknown>)[field] === value)

export type ActionRule = {
  name: string
  when?: Record<string, unknown>
  to?: string
  label: string
  by: { roles: string[]; all: boolean }
  requires: { field: FieldName; when?: Record<string, unknown> }[]
  offers: FieldName[]
  effect?: string
  kind: string
  otherThan?: string
  cite: Cite
  text: string
}

export type Verdict =
  | { ok: true; rule: ActionRule; roles: string[]; to: string | null; waitsFor: string[] }
  | { ok: false; code: string; status: number; reason: string; detail: string; remedy?: string; cite: Cite; errors?: Fault[] }

/** One action of a step with the short form written out. `cite` of the procedure stands where the step or action has none. */
export function actionRule(step: Step, name: string, base: Cite): ActionRule | null {
  const raw = step.actions[name] as (Partial<FullAction> & { to?: string }) | undefined
  if (!raw) return null
  const cite: Cite = { ...base, article: raw.cite ?? step.cite ?? base.article, text: step.text ?? base.text }
  return {
    name,
    label: raw.label ?? defaultLabels[name] ?? name,
    by: raw.by ?? step.by,
    requires: raw.requires ?? [],
    offers: raw.offers ?? [],
    kind: raw.kind ?? 'neutral',
    cite,
    text: raw.text ?? '',
    ...(raw.to && { to: raw.to }),
    ...(raw.effect && { effect: raw.effect }),
    ...(raw.otherThan && { otherThan: raw.otherThan }),
    ...(raw.when && { when: raw.when }),
  }
}
const defaultLabels: Record<string, string> = {
  approve: '同意',
  refuse: '不同意',
  return: '要求补正',
  resubmit: '重新提交',
  withdraw: '撤回',
}

/** Working roles that may act for a department in a role: authorities through their administrators, others through stewards and heads. */
const actingRoles = (role: string): Role[] =>
  role === 'provider' || role === 'applicant' ? ['steward', 'leader', 'secrecy'] : ['bureau', 'leader']

/** The roles of this step that the person may speak for. */
export const rolesOf = (parties: Parties, wanted: string[], doer: Doer): string[] =>
  wanted.filter(role => parties[role]?.departmentId === doer.departmentId && actingRoles(role).some(r => doer.roles.includes(r)))

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
export function judge(procedure: Procedure, base: Cite, c: CaseFacts, history: Act[], actionName: string, doer: Doer, form: Form): Verdict {
  const no = (
    code: string,
    status: number,
    reason: string,
    detail: string,
    more: { cite?: Cite; remedy?: string; errors?: Fault[] } = {},
  ): Verdict => ({ ok: false, code, status, reason, detail, cite: base, ...more })
  if (c.ended)
    return no('procedure.ended', 409, 'step-skipped', `这件办件已经办结（${procedure.ends[c.state]?.label ?? c.state}），不能再办理。`)
  const step = procedure.steps[c.state]!
  const rule = actionRule(step, actionName, base)
  if (!rule || !holds(rule.when, c.form))
    return no(
      'procedure.wrong_step',
      409,
      'step-skipped',
      `现在是“${step.label}”，这一步不能办理“${actionLabelAnywhere(procedure, actionName)}”。`,
      {
        remedy: `这一步可以办理：${Object.keys(step.actions)
          .map(a => actionRule(step, a, base)!.label)
          .join('、')}。`,
      },
    )
  const roles = rolesOf(c.parties, rule.by.roles, doer)
  if (roles.length === 0) {
    return no(
      'procedure.not_competent',
      403,
      'not-competent',
      `“${rule.label}”由 ${whoOf(c.parties, rule.by.roles)} 办理（${rule.cite.title} ${rule.cite.article}）。`,
      { cite: rule.cite, remedy: '你可以在时间线里看到办理进度。' },
    )
  }
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
  const errors = [...missing(rule, form), ...wrongItems(c.form, form, rule.cite)]
  if (errors.length)
    return no(
      'procedure.incomplete',
      422,
      errors[0]!.code,
      errors.length === 1 ? errors[0]!.message : `还差 ${errors.length} 处：${errors.map(e => e.message).join('')}`,
      { cite: rule.cite, errors },
    )
  const waitsFor = rule.by.all ? rule.by.roles.filter(r => !before.has(r) && !mine.includes(r)) : []
  return { ok: true, rule, roles: mine, to: waitsFor.length ? null : (rule.to ?? null), waitsFor }
}

const reasonCodes: Partial<Record<FieldName, string>> = {
  reason: 'reason-required',
  basis: 'basis-required',
  purpose: 'purpose-required',
  dataName: 'field-missing',
  opinion: 'opinion-missing',
  accept: 'agreement-required',
  corrections: 'reason-required',
}

/** Every demanded field that is empty or too short. */
export function missing(rule: Pick<ActionRule, 'requires' | 'cite'>, form: Form): Fault[] {
  const faults: Fault[] = []
  for (const { field, when } of rule.requires) {
    if (!holds(when, form)) continue
    const spec = fields[field]
    const value = (form as Record<string, unknown>)[field]
    const at = { pointer: `/form/${field}`, code: reasonCodes[field] ?? 'field-missing', cite: rule.cite }
    const empty = value === undefined || value === null || value === '' || value === false || (Array.isArray(value) && value.length === 0)
    if (empty) faults.push({ ...at, message: `请填写“${spec.label}”。`, remedy: `${rule.cite.title} ${rule.cite.article} 要求写明。` })
    else if (typeof value === 'string' && value.trim().length < spec.min)
      faults.push({ ...at, message: `“${spec.label}”至少写 ${spec.min} 个字。` })
    else if (field === 'basis') {
      const b = value as { instrument: string; article: string }
      if (!b.instrument.trim() || !b.article.trim()) faults.push({ ...at, message: '依据要写明文件名称和条款。' })
    }
  }
  return faults
}

/** Nobody can give more than was asked for. */
function wrongItems(asked: Form, form: Form, cite: Cite): Fault[] {
  if (!form.treatments || !asked.items) return []
  const allowed = new Set(asked.items)
  return form.treatments
    .filter(t => !allowed.has(t.key))
    .map(t => ({ pointer: '/form/treatments', code: 'field-not-granted', message: `信息项 ${t.key} 不在申请范围内，不能给予。`, cite }))
}

export const whoOf = (parties: Parties, roles: string[]): string => [...new Set(roles.map(r => parties[r]?.department ?? r))].join('、')

const actionLabelAnywhere = (p: Procedure, name: string): string => {
  for (const step of Object.values(p.steps)) {
    const label = (step.actions[name] as { label?: string } | undefined)?.label
    if (label) return label
  }
  return defaultLabels[name] ?? name
}

import { basisKinds, fields } from '../../../contract/procedure.ts'
import type { Words } from '../../../contract/regulation.ts'
import type { Loaded } from './load.ts'
import type { Procedure, Step } from './schema.ts'
import { timeText } from './words.ts'

/** Names of what topics carry, in the words people use for them. A key that is not here is shown as it is in the file. */
const keyLabels: Record<string, string> = {
  values: '分类',
  default: '默认',
  required: '要求',
  kinds: '类别',
  by: '由谁',
  report: '报告',
  audience: '给谁',
  grounds: '情形',
  barred: '不得进入平台的',
  fields: '内容',
  months: '月数',
  exception: '例外',
  free: '不收费',
  requires: '须写明',
  posts: '岗位',
  fileWith: '报谁备案',
  within: '期限',
  of: '对象',
  bars: '禁止',
  steps: '处理',
  dimensions: '维度',
  publish: '公布',
  classes: '格式',
  types: '格式种类',
  criteria: '标准',
  proposes: '建议',
  names: '名称',
  shared: '共享所得可以开放',
  items: '事项',
  units: '单位',
  apart: '单独列出',
  authorisation: '须有授权依据的',
  record: '要有记录',
  title: '名称',
  reason: '拒绝的理由',
}
/** Yes and no of a parameter; where the text is silent, no is silence. */
const booleans: Record<string, [string, string]> = {
  free: ['不收取费用', '没有写明'],
  required: ['要求', '不要求'],
  exception: ['可以有例外', '没有例外'],
  bars: ['禁止', '不禁止'],
  record: ['要有记录', '不要求'],
}
const tokens: Record<string, string> = {
  unconditional: '无条件共享',
  conditional: '有条件',
  denied: '不共享',
  open: '无条件开放',
  closed: '不开放',
  region: '本地区各部门',
  all: '全部',
  personal: '个人信息',
  law: '法律法规另有规定',
  none: '没有',
  title: '名称',
  abstract: '摘要',
  theme: '领域',
  formatClass: '格式',
  items: '信息项',
  shareClass: '共享类型',
  shareModeType: '共享方式',
  shareConditions: '共享条件',
  openClass: '开放类型',
  openConditions: '开放条件',
  updateCycle: '更新周期',
  grade: '分级',
  dataName: '数据名称',
  purpose: '用途',
  duty: '履职依据',
}

type Speaking = Pick<Loaded, 'roles' | 'topics'>

/** Words of the text itself come first: its classes, its roles. */
function tokenOf(r: Speaking, topic: string, key: string, value: string): string {
  if (['by', 'report', 'fileWith'].includes(key)) return r.roles[value] ?? value
  if (key === 'kinds' && value in basisKinds) return basisKinds[value as keyof typeof basisKinds]
  const classes = (topic.startsWith('open') ? r.topics['open-types'] : r.topics['share-types'])?.values as
    | Record<string, string>
    | undefined
  return classes?.[value] ?? tokens[value] ?? value
}

function wordsOf(r: Speaking, topic: string, key: string, value: unknown): string {
  if (value === null || value === undefined) return '—'
  if (typeof value === 'boolean') return (booleans[key] ?? ['是', '否'])[value ? 0 : 1]!
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return tokenOf(r, topic, key, value)
  if (Array.isArray(value)) return value.length ? value.map(one => wordsOf(r, topic, key, one)).join('、') : '不要求'
  const object = value as Record<string, unknown>
  if ('days' in object && 'word' in object) return timeText(object as never)
  if (typeof object.label === 'string') return object.label
  if (Object.keys(object).length === 0) return '—'
  // Classes: the words of the text, not our keys.
  if (
    key === 'values' ||
    key === 'posts' ||
    key === 'kinds' ||
    key === 'names' ||
    key === 'dimensions' ||
    key === 'criteria' ||
    key === 'items'
  )
    return Object.values(object)
      .map(one => wordsOf(r, topic, '', one))
      .join('、')
  return Object.entries(object)
    .map(([k, v]) => `${tokenOf(r, topic, '', k)}：${wordsOf(r, topic, '', v)}`)
    .join('；')
}

/** Every parameter of a topic in words. What has no parameter is its sentence alone. */
export function topicWords(r: Speaking, topic: string, value: object): Words[] {
  return Object.entries(value)
    .filter(([key]) => key !== 'cite' && key !== 'text')
    .map(([key, one]) => ({ label: keyLabels[key] ?? key, value: wordsOf(r, topic, key, one) }))
}

type FieldsOf = { title?: string; fields?: Record<string, { label: string }> }
const fieldLabel = (r: FieldsOf, platform: FieldsOf | undefined, name: string): string =>
  (fields as Record<string, { label: string }>)[name]?.label ?? r.fields?.[name]?.label ?? platform?.fields?.[name]?.label ?? name

type Asked = { field: string; when?: unknown }[]
export const askedWords = (r: FieldsOf, platform: FieldsOf | undefined, list: Asked | undefined): string =>
  (list ?? []).map(q => fieldLabel(r, platform, q.field) + (q.when ? '（视情况）' : '')).join('、')

const byWords = (r: Pick<Loaded, 'roles'>, by: { roles: string[]; all: boolean }): string =>
  by.roles.map(role => roleWords(r, role)).join(by.all ? '和' : '或')
export const roleWords = (r: Pick<Loaded, 'roles'>, role: string): string => r.roles[role] ?? (role === 'applicant' ? '申请人' : role)

/** Who may start it, in words. */
export function procedureWho(r: Pick<Loaded, 'roles'>, p: Procedure): string {
  const { who } = p
  if (!who) return '各部门'
  const outside = who.public ? '平台以外的申请人' : null
  const inside = who.roles ? who.roles.map(role => roleWords(r, role)).join('、') : who.kinds ? '规定所列的部门' : null
  return [inside, outside].filter(Boolean).join('、') || '各部门'
}

export type StepWords = {
  name: string
  label: string
  by: string
  /** One per clock of the step. */
  times: { label: string; time: string }[]
  actions: { name: string; label: string; to: string | null; requires: string }[]
  extend: string | null
}
type Long = { label?: string; to?: string; requires?: Asked; by?: { roles: string[]; all: boolean } }

export function stepWords(r: Loaded, p: Procedure, name: string, step: Step, platform: Loaded | undefined): StepWords {
  const { extend } = step as { extend?: { by: { roles: string[]; all: boolean }; atMost: never; consent?: string } }
  return {
    name,
    label: step.label,
    by: byWords(r, step.by),
    times: step.duties
      ? Object.values(step.duties).map(d => ({ label: d.label, time: timeText(d.within) }))
      : [{ label: step.label, time: step.stops ? '停表' : timeText(step.within) }],
    actions: Object.entries(step.actions).map(([action, short]) => {
      const a = short as Long
      return {
        name: action,
        label: a.label ?? action,
        to: a.to ? (p.steps[a.to]?.label ?? p.ends[a.to]?.label ?? a.to) : null,
        requires: askedWords(r, platform, a.requires),
      }
    }),
    extend: extend
      ? `${byWords(r, extend.by)}可以延长，最多 ${timeText(extend.atMost)}${extend.consent ? `，须${extend.consent}同意` : ''}`
      : null,
  }
}

export const timesWords = (s: StepWords): string => s.times.map(t => (s.times.length > 1 ? `${t.label} ${t.time}` : t.time)).join('；')

/** One line for a step: 由 市大数据委，20 个工作日；可以 同意、不同意. */
export const stepLine = (s: StepWords): string =>
  [`由${s.by}`, timesWords(s), s.extend, `可以 ${s.actions.map(a => a.label + (a.requires ? `（写明${a.requires}）` : '')).join('、')}`]
    .filter(Boolean)
    .join('，')

/** A procedure in words: what the application states, its steps in order, its ends. */
export function procedureWords(r: Loaded, p: Procedure, platform: Loaded | undefined): Words[] {
  const asked = askedWords(r, platform, p.requires)
  return [
    ...(asked ? [{ label: '提出时写明', value: asked }] : []),
    ...Object.entries(p.steps).map(([name, step], index) => ({
      label: `第 ${index + 1} 步 ${step.label}`,
      value: stepLine(stepWords(r, p, name, step, platform)),
    })),
    {
      label: '结果',
      value: Object.values(p.ends)
        .map(e => e.label)
        .join('、'),
    },
  ]
}

export type Parameter = { at: string; label: string; value: string; cite: string | null }

/** A regulation as a flat list of parameters, to compare two versions of it line by line. */
export function parametersOf(r: Loaded, platform: Loaded | undefined, topicLabel: (topic: string) => string): Parameter[] {
  const list: Parameter[] = []
  const add = (at: string, label: string, value: string | null | undefined, cite: string | null = null) => {
    if (value) list.push({ at, label, value, cite })
  }
  add('title', '名称', r.title)
  add('document', '文号', r.document)
  add('issued', '印发', r.issued)
  add('effective.from', '施行', r.effective.from, r.effective.cite ?? null)
  add('effective.until', '有效期至', r.effective.until, r.effective.cite ?? null)
  add('effective.draft', '征求意见稿', r.effective.draft ? '是' : null)
  add('prevails', '优先适用', r.prevails?.text, r.prevails?.cite ?? null)
  for (const [role, label] of Object.entries(r.roles)) add(`roles.${role}`, `角色 ${role}`, label)
  for (const [topic, value] of Object.entries(r.topics)) {
    const name = topicLabel(topic)
    const { cite, text } = value as { cite: string; text: string }
    for (const w of topicWords(r, topic, value as object)) add(`topics.${topic}.${w.label}`, `${name} · ${w.label}`, w.value, cite)
    add(`topics.${topic}.text`, `${name} · 规则`, text, cite)
    add(`topics.${topic}.cite`, `${name} · 条款`, cite, cite)
  }
  for (const [key, p] of Object.entries(r.procedures)) {
    add(`procedures.${key}.cite`, `${p.label} · 条款`, p.cite, p.cite)
    add(`procedures.${key}.text`, `${p.label} · 说明`, p.text, p.cite)
    add(`procedures.${key}.requires`, `${p.label} · 提出时写明`, askedWords(r, platform, p.requires), p.cite)
    for (const [name, step] of Object.entries(p.steps)) {
      const s = stepWords(r, p, name, step, platform)
      const at = `procedures.${key}.steps.${name}`
      const cite = step.cite ?? p.cite
      const where = `${p.label} · ${step.label}`
      add(`${at}.by`, `${where} · 由谁`, s.by, cite)
      add(`${at}.within`, `${where} · 期限`, timesWords(s), cite)
      add(`${at}.extend`, `${where} · 延长`, s.extend, cite)
      for (const a of s.actions) {
        add(`${at}.actions.${a.name}`, `${where} · ${a.label}`, a.to ? `到“${a.to}”` : '留在这一步', cite)
        add(`${at}.actions.${a.name}.requires`, `${where} · ${a.label}须写明`, a.requires, cite)
      }
    }
    for (const [name, end] of Object.entries(p.ends)) add(`procedures.${key}.ends.${name}`, `${p.label} · 结果`, end.label, p.cite)
  }
  for (const [clock, limit] of Object.entries(r.limits ?? {}))
    add(`limits.${clock}`, `上限 ${limit.label}`, timeText(limit.within), limit.cite)
  return list
}

export function differencesOf(before: Parameter[], after: Parameter[]) {
  const old = new Map(before.map(p => [p.at, p]))
  const now = new Map(after.map(p => [p.at, p]))
  const one = (kind: 'added' | 'removed' | 'changed', b: Parameter | undefined, a: Parameter | undefined) => ({
    kind,
    at: (a ?? b)!.at,
    label: (a ?? b)!.label,
    before: b?.value ?? null,
    after: a?.value ?? null,
    cite: (a ?? b)!.cite,
  })
  return [
    ...after.filter(p => old.get(p.at)?.value !== p.value).map(p => one(old.has(p.at) ? 'changed' : 'added', old.get(p.at), p)),
    ...before.filter(p => !now.has(p.at)).map(p => one('removed', p, undefined)),
  ]
}

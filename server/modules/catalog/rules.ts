import type { EntryContent, Item, OpenClass, ShareClass, updateCycles } from '../../../contract/catalog.ts'
import type { Cite, Fault } from '../../../contract/common.ts'
import type { Topics } from '../regulation/public.ts'
import { checkOpenness, type OpennessRules } from './openness.ts'
import { checkRegistration, type Guide, type RegistrationRules } from './registration.ts'

/** The rulings an entry is checked by: values with the article each stands in. */
export type EntryRules = {
  [K in 'share-types' | 'share-principle' | 'share-basis' | 'share-conditions' | 'open-types' | 'open-basis' | 'secrecy']: {
    value: Topics[K]
    cite: Cite
  }
} & OpennessRules &
  RegistrationRules & { guide?: Guide }
export type Section = 'basic' | 'items' | 'share' | 'open' | 'update' | 'secrecy'
export const sections: { key: Section; label: string }[] = [
  { key: 'basic', label: '基本信息' },
  { key: 'items', label: '信息项' },
  { key: 'share', label: '共享' },
  { key: 'open', label: '开放' },
  { key: 'update', label: '更新与分级' },
  { key: 'secrecy', label: '保密声明' },
]
type Found = Fault & { section: Section; wrong: boolean }

/** Elements of the national guide by the names the regulation files use, with how to tell that one is there. */
const elements: Record<string, { label: string; section: Section; there: (c: EntryContent) => boolean; remedy: string }> = {
  title: { label: '信息资源名称', section: 'basic', there: c => c.title.length > 0, remedy: '写能看出内容的名称，如“城乡低保对象信息”。' },
  abstract: { label: '信息资源摘要', section: 'basic', there: c => c.abstract.length > 0, remedy: '写明是什么、怎么来的、范围多大。' },
  formatClass: { label: '信息资源格式', section: 'basic', there: c => c.formatClass !== undefined, remedy: '选择格式分类。' },
  theme: { label: '开放主题', section: 'basic', there: c => c.theme.length > 0, remedy: '选择主题。' },
  items: { label: '信息项', section: 'items', there: c => c.items.length > 0, remedy: '至少登记一个信息项。' },
  shareClass: { label: '共享类型', section: 'share', there: c => c.shareClass !== undefined, remedy: '选择共享类型。' },
  shareConditions: {
    label: '使用范围',
    section: 'share',
    there: c => c.shareConditions.length > 0,
    remedy: '写明哪些部门为什么事可以用。',
  },
  shareModeType: {
    label: '共享方式',
    section: 'share',
    there: c => c.shareModeType !== undefined,
    remedy: '选择数据库、文件下载或服务接口。',
  },
  openClass: { label: '开放类型', section: 'open', there: c => c.openClass !== undefined, remedy: '选择开放类型。' },
  updateCycle: {
    label: '更新周期',
    section: 'update',
    there: c => c.updateCycle !== undefined,
    remedy: '选择更新周期；不能定期更新的选“不定期”。',
  },
  grade: {
    label: '数据分级',
    section: 'update',
    there: c => c.grade !== undefined,
    remedy: '按对组织和个人的影响选择一般数据 1 至 4 级。',
  },
}
Object.assign(elements, {
  classification: {
    label: '信息资源分类（项、目、细目）',
    section: 'basic',
    there: c => c.classification.length > 0,
    remedy: '写明项和目。',
  },
  innerUnit: { label: '提供的内设机构', section: 'basic', there: c => c.innerUnit.length > 0, remedy: '写明由哪个内设机构提供。' },
  formatType: { label: '格式类型', section: 'basic', there: c => c.formatType.length > 0, remedy: '写明文件或数据库的类型。' },
  sourceSystem: { label: '来源信息系统', section: 'basic', there: c => c.sourceSystem.length > 0, remedy: '写明数据由哪个信息系统产生。' },
  origin: { label: '获取方式说明', section: 'basic', there: c => c.origin.length > 0, remedy: '写明数据怎么来的。' },
  collectionBasis: {
    label: '采集依据',
    section: 'basic',
    there: c => c.collectionBasis.length > 0,
    remedy: '写明依据哪部法律、法规或职责采集。',
  },
  contact: { label: '联系人和电话', section: 'basic', there: c => !!(c.contact.name && c.contact.phone), remedy: '写明联系人和电话。' },
  identifier: {
    label: '标识项',
    section: 'items',
    there: c => c.items.some(i => i.identifier),
    remedy: '标出公民身份号码或统一社会信用代码等标识项。',
  },
} satisfies typeof elements)
/** Elements a compilation guide may demand. */
export const guideElements = Object.entries(elements).map(([key, e]) => ({ key, label: e.label }))
const codes: Record<string, string> = {
  shareClass: 'share-type-required',
  updateCycle: 'update-frequency-required',
  grade: 'grade-required',
}

const personal = new Set(['id-number', 'person-name', 'mobile', 'bank-card', 'address'])
const needsLength = new Set(['C', 'N', 'Y'])

/** Everything missing or wrong in an entry, each with its article, and advice that does not block. Pure. */
export function checkEntry(c: EntryContent, rules: EntryRules): { faults: Found[]; hints: Found[] } {
  const faults: Found[] = []
  const hints: Found[] = []
  const fault = (section: Section, pointer: string, code: string, message: string, cite: Cite, remedy?: string, wrong = true) =>
    faults.push({ section, pointer, code, message, cite, ...(remedy && { remedy }), wrong })
  const hint = (section: Section, pointer: string, code: string, message: string, cite?: Cite) =>
    hints.push({ section, pointer, code, message, ...(cite && { cite }), wrong: false })
  const fields = rules['catalog-fields']

  for (const name of fields.value.required) {
    const e = elements[name]
    // A word that is not of this place is wrong, not missing.
    if ((name === 'shareClass' && c.shareWord) || (name === 'openClass' && c.openWord)) continue
    // Where the grade comes before the open type, that rule asks for it.
    if (name === 'grade' && c.openClass && rules['open-grade'].value.required) continue
    if (e && !e.there(c) && name === 'shareClass') proposeClass(fault, rules)
    else if (e && !e.there(c))
      fault(e.section, `/${name}`, codes[name] ?? 'catalog-field-missing', `缺“${e.label}”。`, fields.cite, e.remedy, false)
  }
  for (const name of rules.guide?.required ?? []) {
    const e = elements[name]
    if (e && !fields.value.required.includes(name) && !e.there(c))
      fault(
        e.section,
        `/${name}`,
        codes[name] ?? 'catalog-field-missing',
        `${rules.guide!.title}要求填写“${e.label}”。`,
        rules.guide!.cite,
        e.remedy,
        false,
      )
  }
  faults.push(...checkRegistration(c, rules))
  if (c.abstract && c.abstract.length < 20) hint('basic', '/abstract', 'short', '摘要少于 20 字，别的部门难以判断是否合用。')

  checkItems(c.items, fields.cite, fault, hint)
  checkSharing(c, rules, fault)
  checkOpening(c, rules, fault)
  checkLevels(c, rules, fault)
  const openness = checkOpenness(c, rules)
  faults.push(...openness.faults)
  hints.push(...openness.hints)

  if (!c.secrecy.declared)
    fault(
      'secrecy',
      '/secrecy/declared',
      'state-secret-barred',
      `需要声明不含${rules.secrecy.value.barred.join('和')}。`,
      rules.secrecy.cite,
      '由本部门核对后勾选；含涉密内容的数据不得登记。',
      false,
    )
  const persons = c.items.filter(i => i.semantic && personal.has(i.semantic))
  if (persons.length && !c.impactAssessment)
    hint(
      'secrecy',
      '/impactAssessment',
      'impact-assessment',
      `含个人信息（${persons.map(i => i.name).join('、')}），建议写明个人信息保护影响评估的结论。`,
    )
  if (persons.length && c.shareClass === 'unconditional')
    hint('share', '/shareClass', 'personal-unconditional', '含个人信息的数据一般不宜列为无条件共享；可以对单个信息项另定类型。')
  if (c.items.length && !c.items.some(i => i.identifier))
    hint('items', '/items', 'identity-key-missing', '没有标出标识项：挂接数据时需要用它判断同一条记录。')
  return { faults, hints }
}

/** Nothing chosen: the place's usual class is proposed, and the department has to confirm it. */
function proposeClass(fault: Add, rules: EntryRules): void {
  const usual = rules['share-principle']
  const own = rules['share-marking'].cite
  const label = rules['share-types'].value.values[usual.value.default] ?? usual.value.default
  const text = `建议选“${label}”，由本部门确认；改选其他类型的写明依据或条件。`
  fault(
    'share',
    '/shareClass',
    'share-type-required',
    `缺“共享类型”。${text}`,
    own.regulation === 'platform' ? usual.cite : own,
    text,
    false,
  )
}

/** A class given in words becomes the class of the place; a word of elsewhere stays and is refused at submission. Pure. */
export function readWords(c: EntryContent, rules: Pick<EntryRules, 'share-types' | 'open-types'>): EntryContent {
  const read = <K extends string>(word: string | undefined, values: Partial<Record<K, string>>) =>
    (Object.entries(values) as [K, string][]).find(([, label]) => label === word)?.[0]
  const share = read(c.shareWord, rules['share-types'].value.values)
  const open = read(c.openWord, rules['open-types'].value.values)
  const out = { ...c }
  if (share) out.shareClass = share as ShareClass
  if (open) out.openClass = open as OpenClass
  if (share) delete out.shareWord
  else if (c.shareWord) delete out.shareClass
  if (open) delete out.openWord
  else if (c.openWord) delete out.openClass
  return out
}

type Add = (section: Section, pointer: string, code: string, message: string, cite: Cite, remedy?: string, wrong?: boolean) => void

function checkItems(
  items: Item[],
  cite: Cite,
  fault: Add,
  hint: (section: Section, pointer: string, code: string, message: string) => void,
): void {
  const names = new Map<string, number>()
  const keys = new Set<string>()
  for (const [i, item] of items.entries()) {
    const n = i + 1
    const at = `/items/${i}`
    if (!item.name) fault('items', `${at}/name`, 'catalog-field-missing', `第 ${n} 项缺名称。`, cite, undefined, false)
    else if (names.has(item.name))
      fault('items', `${at}/name`, 'field-duplicate', `第 ${n} 项与第 ${names.get(item.name)} 项同名“${item.name}”。`, cite)
    else names.set(item.name, n)
    if (keys.has(item.key)) fault('items', `${at}/key`, 'field-duplicate', `第 ${n} 项的内部编号 ${item.key} 重复。`, cite)
    keys.add(item.key)
    if (!item.type) fault('items', `${at}/type`, 'catalog-field-missing', `第 ${n} 项“${item.name}”缺数据类型。`, cite, undefined, false)
    else if (needsLength.has(item.type) && !item.length)
      fault('items', `${at}/length`, 'catalog-field-missing', `第 ${n} 项“${item.name}”缺数据长度。`, cite, undefined, false)
    if ((item.semantic === 'id-number' || item.semantic === 'credit-code') && item.type === 'C' && item.length && item.length < 18)
      fault('items', `${at}/length`, 'standard-violation', `第 ${n} 项“${item.name}”是 18 位代码，长度不能小于 18。`, cite)
    if (/身份证|身份号码/.test(item.name) && !item.semantic)
      hint('items', `${at}/semantic`, 'semantic', `第 ${n} 项“${item.name}”像公民身份号码，标出后会核对校验位并默认脱敏。`)
  }
}

function checkSharing(c: EntryContent, rules: EntryRules, fault: Add): void {
  const types = rules['share-types']
  const basis = rules['share-basis']
  const conditions = rules['share-conditions']
  const label = (key: string) => types.value.values[key] ?? key
  const check = (key: string | undefined, at: string, what: string, own: { conditions?: string; basis?: EntryContent['shareBasis'] }) => {
    if (!key) return
    if (!types.value.values[key])
      return fault(
        'share',
        `${at}/shareClass`,
        'share-type-invalid',
        `${what}：这里没有“${key}”这种共享类型，可选 ${Object.values(types.value.values).join('、')}。`,
        types.cite,
      )
    if ((basis.value.required as string[]).includes(key)) {
      const pointer = at ? `${at}/basis` : '/shareBasis'
      if (!own.basis?.instrument || !own.basis.article)
        fault(
          'share',
          pointer,
          'basis-required',
          `${what}选了${label(key)}，需要写明依据。`,
          basis.cite,
          '选择法律、法规或国家政策，并写明条款；没有依据就改为无条件共享。',
          false,
        )
      else if (!(basis.value.kinds as string[]).includes(own.basis.kind))
        fault(
          'share',
          pointer,
          'basis-kind-invalid',
          `${what}的依据“${own.basis.instrument}”这一类文件不能作为${label(key)}的依据。`,
          basis.cite,
          '请改选法律、行政法规或国家政策，或改变共享类型。',
        )
    }
    if ((conditions.value.required as string[]).includes(key) && !own.conditions)
      fault(
        'share',
        at ? `${at}/conditions` : '/shareConditions',
        'conditions-required',
        `${what}选了${label(key)}，需要写明共享条件。`,
        conditions.cite,
        '写明哪些部门为什么事可以用。',
        false,
      )
  }
  check(c.shareClass ?? c.shareWord, '', '本目录', { conditions: c.shareConditions, basis: c.shareBasis })
  for (const [i, item] of c.items.entries()) {
    // An item that differs from the entry stands on its own; where it is silent the entry's words count.
    if (item.shareClass && item.shareClass !== c.shareClass)
      check(item.shareClass, `/items/${i}`, `信息项“${item.name}”`, {
        conditions: item.conditions || c.shareConditions,
        basis: item.basis ?? c.shareBasis,
      })
  }
}

function checkOpening(c: EntryContent, rules: EntryRules, fault: Add): void {
  const types = rules['open-types']
  const basis = rules['open-basis']
  const check = (key: string | undefined, at: string, what: string) => {
    if (key && !types.value.values[key])
      fault(
        'open',
        `${at}/openClass`,
        'open-type-invalid',
        `${what}：这里没有“${key}”这种开放类型，可选 ${Object.values(types.value.values).join('、')}。`,
        types.cite,
      )
  }
  check(c.openClass ?? c.openWord, '', '本目录')
  for (const [i, item] of c.items.entries()) check(item.openClass, `/items/${i}`, `信息项“${item.name}”`)
  if (!c.openClass) return
  if ((basis.value.required as string[]).includes(c.openClass)) {
    if (!c.openBasis?.instrument || !c.openBasis.article)
      fault(
        'open',
        '/openBasis',
        'basis-required',
        `选了${types.value.values[c.openClass]}，需要写明依据。`,
        basis.cite,
        '选择法律、法规或国家规定，并写明条款。',
        false,
      )
    else if (!(basis.value.kinds as string[]).includes(c.openBasis.kind))
      fault('open', '/openBasis', 'basis-kind-invalid', `“${c.openBasis.instrument}”这一类文件不能作为依据。`, basis.cite)
  }
}

/**
 * The class of an entry has to be true of it: of at least one item, and nothing in an entry that is kept back can be given away, since who
 * wants an item asks for its entry.
 */
function checkLevels(c: EntryContent, rules: EntryRules, fault: Add): void {
  const level = (
    section: 'share' | 'open',
    field: 'shareClass' | 'openClass',
    what: string,
    shut: string,
    own: string | undefined,
    types: { value: { values: Record<string, string> }; cite: Cite },
  ) => {
    if (!own || !c.items.length) return
    const label = (key: string) => types.value.values[key] ?? key
    const apart = c.items.filter(i => i[field] && i[field] !== own)
    if (own === shut && apart.length)
      for (const item of apart)
        fault(
          section,
          `/items/${c.items.indexOf(item)}/${field}`,
          'class-inconsistent',
          `目录是“${label(own)}”，其中的“${item.name}”却是“${label(item[field]!)}”，别的部门申请不到。`,
          types.cite,
          `把目录的${what}改为可以提供的一种，不能提供的信息项另定；或去掉这一项的${what}。`,
        )
    else if (apart.length === c.items.length)
      fault(
        section,
        `/${field}`,
        'class-inconsistent',
        `目录是“${label(own)}”，可是没有一个信息项是这一类。`,
        types.cite,
        `把目录的${what}改为信息项实际所属的一种。`,
      )
  }
  level('share', 'shareClass', '共享类型', 'denied', c.shareClass, rules['share-types'])
  level('open', 'openClass', '开放类型', 'closed', c.openClass, rules['open-types'])
}

/** The check as pages show it: how many of the sections are done, and the state of each. `links` are faults that only the rest of the catalog shows. */
export function checkView(c: EntryContent, rules: EntryRules, links: Fault[] = []) {
  const { faults, hints } = checkEntry(c, rules)
  faults.push(...links.map(f => ({ ...f, section: 'basic' as const, wrong: true })))
  const state = (key: Section) => {
    const mine = faults.filter(f => f.section === key)
    if (mine.some(f => f.wrong)) return 'wrong' as const
    if (mine.length) return 'empty' as const
    return hints.some(h => h.section === key) ? ('advice' as const) : ('done' as const)
  }
  const plain = ({ section: _s, wrong: _w, ...f }: Found): Fault => f
  const required = rules['catalog-fields'].value.required.length + 2
  return {
    ready: faults.length === 0,
    done: Math.max(0, required - new Set(faults.map(f => f.pointer.split('/')[1])).size),
    of: required,
    faults: faults.map(plain),
    hints: hints.map(plain),
    sections: sections.map(s => ({ ...s, state: state(s.key) })),
  }
}

const cycleDays: Record<keyof typeof updateCycles, number | null> = {
  realtime: 1,
  daily: 2,
  weekly: 8,
  monthly: 32,
  quarterly: 93,
  halfyearly: 186,
  yearly: 367,
  irregular: null,
}

/** Is the data within its update cycle? Null where no cycle is promised. */
export function freshness(
  cycle: keyof typeof updateCycles | undefined,
  updated: Date | null,
  now: Date,
): { fresh: boolean; words: string } | null {
  if (!cycle) return null
  const days = cycleDays[cycle]
  if (days === null) return null
  if (!updated) return { fresh: false, words: '还没有数据' }
  const age = (now.getTime() - updated.getTime()) / 86_400_000
  return age <= days ? { fresh: true, words: '期限内' } : { fresh: false, words: `超过更新周期 ${Math.floor(age - days) || 1} 天` }
}

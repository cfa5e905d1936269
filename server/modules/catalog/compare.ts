import {
  type EntryContent,
  formatClasses,
  grades,
  type Item,
  itemTypes,
  kinds,
  type OpenClass,
  type ShareClass,
  semantics,
  updateCycles,
} from '../../../contract/catalog.ts'
import type { Basis } from '../../../contract/procedure.ts'

type Labels = { share: Record<string, string>; open: Record<string, string>; origins: Record<string, string> }
export type DiffRow = {
  field: string
  group: 'entry' | 'item'
  a: string
  b: string
  kind: 'same' | 'changed' | 'added' | 'removed'
  /** What it comes to, in sentences: renamed, narrowed, tightened … */
  words: string[]
  /** Who uses the data now gets less, or has to change something. */
  tighter: boolean
}

const basisText = (b: Basis | undefined): string => (b?.instrument ? `《${b.instrument}》${b.article}` : '—')
const or = (text: string | undefined | null): string => text || '—'
const list = (texts: string[] | undefined) => or(texts?.join('、'))

/** Every element of an entry but its items, in the order of the form. A test asks that none is forgotten. */
function texts(c: EntryContent, l: Labels): [string, string][] {
  return [
    ['名称', or(c.title)],
    ['类', c.kind ? kinds[c.kind] : '—'],
    ['分类', or(c.classification.join(' / '))],
    ['主题', or(c.theme)],
    ['数据主体', c.subject ? { person: '自然人', organisation: '法人和其他组织', other: '其他' }[c.subject] : '—'],
    ['关联业务事项', or(c.affairs)],
    ['内设机构', or(c.innerUnit)],
    ['摘要', or(c.abstract)],
    ['格式', or([c.formatClass && formatClasses[c.formatClass as 1], c.formatType, c.formatNote].filter(Boolean).join(' '))],
    ['共享类型', or(c.shareClass ? l.share[c.shareClass] : c.shareWord)],
    ['共享条件', or(c.shareConditions)],
    ['共享依据', basisText(c.shareBasis)],
    ['共享方式', or([c.shareMode, c.shareModeType].filter(Boolean).join(' · '))],
    ['开放类型', or(c.openClass ? l.open[c.openClass] : c.openWord)],
    ['开放条件', or(c.openConditions)],
    ['开放依据', basisText(c.openBasis)],
    ['列为有条件开放的理由', or(c.openCriterion)],
    [
      '不开放的理由',
      c.openExclusion ? [c.openExclusion.ground, ...Object.values(c.openExclusion.evidence)].filter(Boolean).join('；') : '—',
    ],
    ['共享取得自', or(c.sharedFrom)],
    ['更新周期', or(c.updateCycle && updateCycles[c.updateCycle])],
    ['分级', or(c.grade ? grades[c.grade as 1] : '')],
    ['上级目录', or(c.upperCode)],
    ['关联目录', list(c.relatedCodes)],
    ['标签', list(c.tags)],
    ['来源系统', or(c.sourceSystem)],
    ['数据来源', or(c.acquisition && (l.origins[c.acquisition] ?? c.acquisition))],
    ['数据形式', or(c.dataForm)],
    ['获取方式', or(c.origin)],
    ['采集依据', or(c.collectionBasis)],
    ['采集边界和范围', or(c.collectionScope)],
    ['收集目的', or(c.collectionPurpose)],
    ['法定职责', or(c.statutoryDuty)],
    ['另行采集的法律依据', basisText(c.legalException)],
    ['牵头部门', or(c.leadDepartment)],
    ['会同部门', list(c.coDepartments)],
    ['联合采集', c.joint ? or([c.joint.parties.join('、'), c.joint.shares, c.joint.agreement].filter(Boolean).join('；')) : '—'],
    ['联系人', or([c.contact.name, c.contact.phone].filter(Boolean).join(' '))],
    ['非涉密声明', c.secrecy.declared ? '已声明' : '—'],
    ['影响评估', or(c.impactAssessment)],
  ]
}

const typeText = (i: Item): string =>
  i.type ? `${itemTypes[i.type]}${i.length ? ` ${i.length}${i.scale ? `,${i.scale}` : ''}` : ''}` : '未填类型'
const sensitive = { privacy: '个人隐私', 'trade-secret': '商业秘密' } as const

const itemText = (i: Item, l: Labels): string =>
  [
    i.name,
    typeText(i),
    i.semantic ? semantics[i.semantic] : '',
    i.identifier ? '标识项' : '',
    i.required ? '必填' : '',
    i.codes?.length ? `取值 ${i.codes.join('、')}` : '',
    i.shareClass ? l.share[i.shareClass] : '',
    i.openClass ? l.open[i.openClass] : '',
    i.conditions ?? '',
    i.basis ? basisText(i.basis) : '',
    i.sensitive ? sensitive[i.sensitive] : '',
    i.description,
  ]
    .map(x => String(x ?? '').trim())
    .filter(Boolean)
    .join(' · ')

const shareOrder: Record<ShareClass, number> = { unconditional: 0, conditional: 1, denied: 2 }
const openOrder: Record<OpenClass, number> = { open: 0, conditional: 1, closed: 2 }

// What a value of one type can be written as without loss.
const holds: Record<string, string> = {
  I: 'INYBFCM',
  N: 'NYBFCM',
  Y: 'NYBFCM',
  B: 'BCM',
  F: 'FBCM',
  D: 'DTCM',
  T: 'TCM',
  L: 'LCM',
  C: 'CM',
  M: 'M',
  G: 'G',
}
/** May values that fitted before not fit any more? Pure. */
export function narrowed(a: Item, b: Item): boolean {
  if (a.type && b.type && !holds[a.type]!.includes(b.type)) return true
  if (b.length && (!a.length || b.length < a.length) && (b.type !== 'C' || !a.type || a.type === 'C' || a.type === 'M')) return true
  return a.type === b.type && (b.scale ?? 0) < (a.scale ?? 0)
}

function itemWords(a: Item, b: Item, from: EntryContent, to: EntryContent, l: Labels): { words: string[]; tighter: boolean } {
  const words: string[] = []
  let tighter = false
  const tell = (text: string, tight = false) => {
    words.push(text)
    tighter ||= tight
  }
  if (a.name !== b.name) tell(`改名：“${a.name}”改为“${b.name}”。`, true)
  if (typeText(a) !== typeText(b)) {
    const narrow = narrowed(a, b)
    tell(`类型由“${typeText(a)}”改为“${typeText(b)}”${narrow ? '，变窄：已有的值可能放不下' : '，放宽'}。`, narrow)
  }
  if (a.identifier !== b.identifier) tell(b.identifier ? '改为标识项。' : '不再是标识项。', !b.identifier)
  if (a.required !== b.required) tell(b.required ? '改为必填。' : '不再必填。', b.required)
  if (a.semantic !== b.semantic)
    tell(`含义由“${a.semantic ? semantics[a.semantic] : '未标'}”改为“${b.semantic ? semantics[b.semantic] : '未标'}”。`)
  const lost = (a.codes ?? []).filter(code => !(b.codes ?? []).includes(code))
  const fresh = (b.codes ?? []).filter(code => !(a.codes ?? []).includes(code))
  if (lost.length && b.codes?.length) tell(`取值去掉：${lost.join('、')}。`, true)
  else if (lost.length) tell('不再限定取值。')
  if (fresh.length) tell(a.codes?.length ? `取值增加：${fresh.join('、')}。` : `限定取值：${fresh.join('、')}。`, !a.codes?.length)
  const share = [a.shareClass ?? from.shareClass, b.shareClass ?? to.shareClass] as const
  if (share[0] && share[1] && share[0] !== share[1]) {
    const tight = shareOrder[share[1]] > shareOrder[share[0]]
    tell(`共享由“${l.share[share[0]]}”改为“${l.share[share[1]]}”，${tight ? '收紧' : '放宽'}。`, tight)
  }
  const open = [a.openClass ?? from.openClass, b.openClass ?? to.openClass] as const
  if (open[0] && open[1] && open[0] !== open[1]) {
    const tight = openOrder[open[1]] > openOrder[open[0]]
    tell(`开放由“${l.open[open[0]]}”改为“${l.open[open[1]]}”，${tight ? '收紧' : '放宽'}。`, tight)
  }
  if ((a.conditions ?? '') !== (b.conditions ?? '') || basisText(a.basis) !== basisText(b.basis)) tell('条件或依据有变化。')
  if (a.sensitive !== b.sensitive) tell(b.sensitive ? `标为${sensitive[b.sensitive]}。` : '不再标为敏感。')
  if (a.description !== b.description) tell('说明有修改。')
  return { words, tighter }
}

function entryWords(field: string, a: EntryContent, b: EntryContent): { words: string[]; tighter: boolean } {
  const moved = (from: number, to: number) => ({ words: [to > from ? '收紧。' : '放宽。'], tighter: to > from })
  if (field === '共享类型' && a.shareClass && b.shareClass) return moved(shareOrder[a.shareClass], shareOrder[b.shareClass])
  if (field === '开放类型' && a.openClass && b.openClass) return moved(openOrder[a.openClass], openOrder[b.openClass])
  if (field === '更新周期' && a.updateCycle && b.updateCycle) {
    const order = Object.keys(updateCycles)
    const slower = order.indexOf(b.updateCycle) > order.indexOf(a.updateCycle)
    return { words: [slower ? '更新变慢。' : '更新变快。'], tighter: slower }
  }
  return { words: [], tighter: false }
}

/** What differs between two versions, in words a reader checks line by line. Items are matched by their permanent key. */
export function compareContents(a: EntryContent, b: EntryContent, labels: Labels): { rows: DiffRow[]; changedItems: string[] } {
  const before = texts(a, labels)
  const rows: DiffRow[] = texts(b, labels).map(([field, value], i) => {
    const was = before[i]![1]
    const kind = was === value ? 'same' : 'changed'
    return { field, group: 'entry', a: was, b: value, kind, ...(kind === 'same' ? { words: [], tighter: false } : entryWords(field, a, b)) }
  })
  const old = new Map(a.items.map(i => [i.key, i]))
  const changedItems: string[] = []
  for (const item of b.items) {
    const was = old.get(item.key)
    old.delete(item.key)
    const [x, y] = [was ? itemText(was, labels) : '—', itemText(item, labels)]
    const said = was ? itemWords(was, item, a, b, labels) : { words: ['新增。'], tighter: false }
    const kind = !was ? 'added' : x === y && !said.words.length ? 'same' : 'changed'
    rows.push({ field: `信息项 ${item.name || item.key}`, group: 'item', a: x, b: y, kind, ...said })
    if (was && kind === 'changed') changedItems.push(item.key)
  }
  for (const item of old.values()) {
    rows.push({
      field: `信息项 ${item.name}`,
      group: 'item',
      a: itemText(item, labels),
      b: '—',
      kind: 'removed',
      words: ['去掉。'],
      tighter: true,
    })
    changedItems.push(item.key)
  }
  const order = (c: EntryContent) =>
    c.items.map(i => i.key).filter(key => a.items.some(i => i.key === key) && b.items.some(i => i.key === key))
  if (order(a).join() !== order(b).join()) {
    const names = (c: EntryContent) => c.items.map(i => i.name).join('、')
    rows.push({
      field: '信息项的顺序',
      group: 'item',
      a: names(a),
      b: names(b),
      kind: 'changed',
      words: ['只是次序不同。'],
      tighter: false,
    })
  }
  return { rows, changedItems }
}

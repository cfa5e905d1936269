import {
  type EntryContent,
  formatClasses,
  grades,
  type Item,
  itemTypes,
  kinds,
  semantics,
  updateCycles,
} from '../../../contract/catalog.ts'
import type { Basis } from '../../../contract/procedure.ts'

type Labels = { share: Record<string, string>; open: Record<string, string> }
export type DiffRow = { field: string; a: string; b: string; kind: 'same' | 'changed' | 'added' | 'removed' }

const basisText = (b: Basis | undefined): string => (b?.instrument ? `《${b.instrument}》${b.article}` : '—')
const or = (text: string | undefined | null): string => text || '—'

function words(c: EntryContent, l: Labels): [string, string][] {
  return [
    ['名称', or(c.title)],
    ['类', c.kind ? kinds[c.kind] : '—'],
    ['分类', or(c.classification.join(' / '))],
    ['主题', or(c.theme)],
    ['内设机构', or(c.innerUnit)],
    ['摘要', or(c.abstract)],
    ['格式', or(c.formatClass ? `${formatClasses[c.formatClass as 1]} ${c.formatType}` : '')],
    ['共享类型', or(c.shareClass && l.share[c.shareClass])],
    ['共享条件', or(c.shareConditions)],
    ['共享依据', basisText(c.shareBasis)],
    ['共享方式', or([c.shareMode, c.shareModeType].filter(Boolean).join(' · '))],
    ['开放类型', or(c.openClass && l.open[c.openClass])],
    ['开放条件', or(c.openConditions)],
    ['开放依据', basisText(c.openBasis)],
    ['更新周期', or(c.updateCycle && updateCycles[c.updateCycle])],
    ['分级', or(c.grade ? grades[c.grade as 1] : '')],
    ['关联目录', or(c.relatedCodes.join('、'))],
    ['来源系统', or(c.sourceSystem)],
    ['采集依据', or(c.collectionBasis)],
    ['来源', or(c.origin)],
    ['联系人', or(c.contact.name)],
    ['非涉密声明', c.secrecy.declared ? '已声明' : '—'],
    ['影响评估', or(c.impactAssessment)],
  ]
}

const itemText = (i: Item, l: Labels): string =>
  [
    i.name,
    i.type ? `${itemTypes[i.type]} ${i.length ?? ''}` : '',
    i.semantic ? semantics[i.semantic] : '',
    i.identifier ? '标识项' : '',
    i.required ? '必填' : '',
    i.shareClass ? l.share[i.shareClass] : '',
    i.openClass ? l.open[i.openClass] : '',
    i.conditions ?? '',
    i.basis ? basisText(i.basis) : '',
  ]
    .map(x => String(x ?? '').trim())
    .filter(Boolean)
    .join(' · ')

/** What differs between two versions, in words a reader checks line by line. Items are matched by their permanent key. */
export function compareContents(a: EntryContent, b: EntryContent, labels: Labels): { rows: DiffRow[]; changedItems: string[] } {
  const before = words(a, labels)
  const rows: DiffRow[] = words(b, labels).map(([field, value], i) => ({
    field,
    a: before[i]![1],
    b: value,
    kind: before[i]![1] === value ? 'same' : 'changed',
  }))
  const old = new Map(a.items.map(i => [i.key, i]))
  const changedItems: string[] = []
  for (const item of b.items) {
    const was = old.get(item.key)
    old.delete(item.key)
    const [x, y] = [was ? itemText(was, labels) : '—', itemText(item, labels)]
    rows.push({ field: `信息项 ${item.name || item.key}`, a: x, b: y, kind: !was ? 'added' : x === y ? 'same' : 'changed' })
    if (x !== y && was) changedItems.push(item.key)
  }
  for (const item of old.values()) {
    rows.push({ field: `信息项 ${item.name}`, a: itemText(item, labels), b: '—', kind: 'removed' })
    changedItems.push(item.key)
  }
  return { rows, changedItems }
}

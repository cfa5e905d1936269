import { createHash } from 'node:crypto'
import type { BasePlan, ThemePlan } from '../../../../contract/bases.ts'
import { type EntryContent, type Item, kinds, type ShareClass } from '../../../../contract/catalog.ts'
import { shareClassOf } from '../../catalog/public.ts'
import { columnType } from '../../quality/public.ts'

/** An entry as plans look at it. */
export type Part = { id: string; code: string; title: string; department: string; published: boolean; content: EntryContent }
export type Fault = { pointer: string; code: string; message: string; remedy: string }
export type Target = Part & { subject?: BasePlan['subject'] }

const itemOf = (part: Part | undefined, key: string): Item | undefined => part?.content.items.find(i => i.key === key && i.name)
const semanticOf = { person: 'id-number', organisation: 'credit-code' } as const
/** The item of a base's entry that holds the identifier. */
export const identifierOf = (content: Pick<EntryContent, 'items'>, subject: BasePlan['subject']): Item | undefined =>
  content.items.find(i => i.semantic === semanticOf[subject] && columnType(i) === 'text')

const strictness: Record<ShareClass, number> = { unconditional: 0, conditional: 1, denied: 2 }
/** A value keeps the limits of its source: made into a base or a theme it must not become freer, and what is not shared is not taken. */
function freer(source: Part, from: Item, target: Part, to: Item, pointer: string): Fault | null {
  const have = shareClassOf(source.content, from)
  const gets = shareClassOf(target.content, to)
  const name = `「${source.title}」的「${from.name}」`
  if (have === 'denied')
    return {
      pointer,
      code: 'source-denied',
      message: `${name}不予共享，不能作为来源。`,
      remedy: '与该部门商定，由它变更这一项的共享类型后再选。',
    }
  if (have && gets && strictness[gets] < strictness[have])
    return {
      pointer,
      code: 'source-stricter',
      message: `${name}是有条件共享，「${to.name}」不能列为无条件共享。`,
      remedy: `先变更目录「${target.title}」，把「${to.name}」改为有条件共享。`,
    }
  return null
}
const fits = (from: Item, to: Item) => columnType(to) === 'text' || columnType(from) === columnType(to)
const mismatch = (pointer: string, from: Item, to: Item): Fault => ({
  pointer,
  code: 'type-mismatch',
  message: `「${from.name}」和「${to.name}」的数据类型不同，不能并在一起。`,
  remedy: '换一个信息项，或把目录里的类型改成字符。',
})
const missing = (pointer: string, part: Part | undefined, what: string): Fault => ({
  pointer,
  code: part?.published === false ? 'entry-withdrawn' : 'unknown-item',
  message: part?.published === false ? `目录「${part.title}」没有发布或已经撤销。` : `现行目录里没有${what}。`,
  remedy: '请重新选择。',
})
function targetFaults(target: Target, kind: 1 | 2): Fault[] {
  if (!target.published) return [missing('/entryId', target, '这条目录')]
  if (target.content.kind !== kind)
    return [
      {
        pointer: '/entryId',
        code: 'entry-kind',
        message: `目录「${target.title}」的类别不是${kinds[kind]}。`,
        remedy: `请登记一条类别为${kinds[kind]}的目录，发布后再选。`,
      },
    ]
  return []
}

/** Everything wrong with the plan of a base; empty when it can be made. Also asked before each refresh, since entries change. */
export function baseFaults(plan: BasePlan, target: Target, parts: ReadonlyMap<string, Part>): Fault[] {
  const faults = targetFaults(target, 1)
  const identifier = identifierOf(target.content, plan.subject)
  const word = plan.subject === 'person' ? '公民身份号码' : '统一社会信用代码'
  if (!identifier)
    faults.push({
      pointer: '/entryId',
      code: 'no-identifier',
      message: `目录「${target.title}」没有标识为${word}的信息项。`,
      remedy: '在目录里为这一项选择标识，发布后再试。',
    })
  const seen = new Set<string>()
  for (const [i, s] of plan.sources.entries()) {
    const pointer = `/plan/sources/${i}`
    const part = parts.get(s.entryId)
    const item = itemOf(part, s.identifier)
    if (seen.has(s.entryId))
      faults.push({
        pointer,
        code: 'source-twice',
        message: `来源「${part?.title ?? ''}」选了两次。`,
        remedy: '每个来源只选一次。',
      })
    seen.add(s.entryId)
    if (s.entryId === target.id)
      faults.push({ pointer, code: 'source-itself', message: '来源不能是它自己的目录。', remedy: '请选择别的目录。' })
    else if (!part?.published || !item) faults.push(missing(pointer, part, `作为${word}的信息项`))
    else if (columnType(item) !== 'text') faults.push(mismatch(pointer, item, identifier ?? item))
    else if (identifier) {
      const fault = freer(part, item, target, identifier, pointer)
      if (fault) faults.push(fault)
    }
  }
  const declared = new Set<string>()
  for (const [i, a] of plan.attributes.entries()) {
    const pointer = `/plan/attributes/${i}`
    const to = itemOf(target, a.item)
    if (!to || a.item === identifier?.key) {
      faults.push(missing(`${pointer}/item`, target, '这个属性'))
      continue
    }
    if (declared.has(a.item))
      faults.push({
        pointer: `${pointer}/item`,
        code: 'attribute-twice',
        message: `属性「${to.name}」声明了两次。`,
        remedy: '合并成一个。',
      })
    declared.add(a.item)
    const authorities = a.sources.filter(s => s.authority)
    if (authorities.length !== 1)
      faults.push({
        pointer: `${pointer}/sources`,
        code: 'one-authority',
        message: authorities.length
          ? `属性「${to.name}」有 ${authorities.length} 个权威来源，只能有一个。`
          : `属性「${to.name}」还没有权威来源。`,
        remedy: '一数一源：为它选定一个权威来源，其余按顺序补缺。',
      })
    for (const [n, s] of a.sources.entries()) {
      const at = `${pointer}/sources/${n}`
      const part = parts.get(s.entryId)
      const from = itemOf(part, s.item)
      if (a.sources.findIndex(x => x.entryId === s.entryId) !== n)
        faults.push({
          pointer: at,
          code: 'source-twice',
          message: `属性「${to.name}」的来源「${part?.title ?? ''}」选了两次。`,
          remedy: '每个来源只选一次。',
        })
      else if (!seen.has(s.entryId))
        faults.push({ pointer: at, code: 'unknown-source', message: '这个来源不在来源目录里。', remedy: '先把它加到来源目录。' })
      else if (!part?.published || !from) faults.push(missing(at, part, '这个信息项'))
      else if (!fits(from, to)) faults.push(mismatch(at, from, to))
      else {
        const fault = freer(part, from, target, to, at)
        if (fault) faults.push(fault)
      }
    }
  }
  return faults
}

export const themeEntries = (plan: ThemePlan): string[] => [plan.driving, ...plan.joins.map(j => j.entryId)]
export function themeFaults(plan: ThemePlan, target: Target, parts: ReadonlyMap<string, Part>): Fault[] {
  const faults = targetFaults(target, 2)
  const known = new Set<string>()
  for (const [i, id] of themeEntries(plan).entries()) {
    const part = parts.get(id)
    const pointer = i ? `/plan/joins/${i - 1}` : '/plan/driving'
    if (known.has(id))
      faults.push({ pointer, code: 'source-twice', message: `目录「${part?.title ?? ''}」选了两次。`, remedy: '每条目录只连接一次。' })
    else if (id === target.id)
      faults.push({ pointer, code: 'source-itself', message: '来源不能是它自己的目录。', remedy: '请选择别的目录。' })
    else if (!part?.published) faults.push(missing(pointer, part, '这条目录'))
    if (i) {
      const join = plan.joins[i - 1]!
      const [mine, other] = [itemOf(part, join.item), itemOf(parts.get(join.to.entryId), join.to.item)]
      if (!known.has(join.to.entryId))
        faults.push({ pointer, code: 'unknown-source', message: '连接的另一方要先列出。', remedy: '调整连接的顺序。' })
      else if (!mine || !other) faults.push(missing(pointer, part, '用来连接的信息项'))
      else if (columnType(mine) !== columnType(other)) faults.push(mismatch(pointer, mine, other))
    }
    known.add(id)
  }
  const filled = new Set<string>()
  for (const [i, c] of plan.columns.entries()) {
    const pointer = `/plan/columns/${i}`
    const part = parts.get(c.entryId)
    const [from, to] = [itemOf(part, c.from), itemOf(target, c.item)]
    if (!known.has(c.entryId))
      faults.push({ pointer, code: 'unknown-source', message: '这一列的来源不在连接里。', remedy: '先连接它的目录。' })
    else if (!part || !from || !to) faults.push(missing(pointer, part, '这个信息项'))
    else if (filled.has(c.item))
      faults.push({ pointer, code: 'attribute-twice', message: `「${to.name}」选了两次来源。`, remedy: '只留一个。' })
    else if (!fits(from, to)) faults.push(mismatch(pointer, from, to))
    else {
      const fault = freer(part, from, target, to, pointer)
      if (fault) faults.push(fault)
    }
    filled.add(c.item)
  }
  return faults
}

/** Everything the rows depend on besides the sources' rows: when it differs, all of them are made anew. */
export const printOf = (plan: BasePlan | ThemePlan, target: Part, parts: ReadonlyMap<string, Part>): string =>
  createHash('sha256')
    .update(
      JSON.stringify([1, plan, [target, ...parts.values()].map(p => [p.id, p.content.items.map(i => [i.key, columnType(i), i.semantic])])]),
    )
    .digest('hex')

export type Candidate = { place: number; value: string | null; updated: number; key: string }
/** Whose value stands: the authority's; else by the order of sources, or the newest; never nothing where somebody says something. */
export function survivor<C extends Candidate>(
  candidates: C[],
  order: { authority: number; places: number[]; rest: 'order' | 'newest' },
): C[] {
  const first = (c: C) => (c.place === order.authority ? 0 : 1)
  const place = (c: C) => order.places.indexOf(c.place)
  return candidates
    .filter(c => c.value !== null)
    .sort(
      (a, b) =>
        first(a) - first(b) ||
        (order.rest === 'newest' ? b.updated - a.updated || place(a) - place(b) : place(a) - place(b) || b.updated - a.updated) ||
        (a.key < b.key ? -1 : a.key > b.key ? 1 : 0),
    )
}

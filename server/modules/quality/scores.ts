/** From checks to the dimensions a place names. Pure. */

import { type CheckKind, checkKinds, type Dimension, dimensions as nationalNames } from '../../../contract/quality.ts'
import type { Topics } from '../regulation/public.ts'

export type DimensionKey = Topics['quality-dimensions']['dimensions'][number]['key']
export type Named = { key: DimensionKey; label: string }
export type Measure = { kind: CheckKind; checked: number; failed: number; note?: string }

/** Which rules of single values make up a check. */
const kindOfRule: Record<string, CheckKind> = {
  required: 'required',
  'identity-key-missing': 'required',
  'not-in-codes': 'codes',
  'duplicate-key': 'duplicate',
}
const kindOf = (rule: string): CheckKind => kindOfRule[rule] ?? (/^(id|credit)-/.test(rule) ? 'identifier' : 'format')

export type Delivered = {
  read: number
  /** Rejected lines by rule. */
  rules: ReadonlyMap<string, number>
  items: readonly { required: boolean; semantic?: string | undefined; codes?: readonly string[] | undefined }[]
  /** null: nobody declared when the data are produced. */
  late: { late: boolean; note: string } | null
  stale: { stale: boolean; note: string } | null
}

/** What a delivery lets us measure. A check that was not made has no measure: it must not look passed. */
export function measuresOf(d: Delivered): Measure[] {
  if (d.read === 0) return []
  const failed = new Map<CheckKind, number>()
  // What the department's own rules found is counted by rule.
  for (const [rule, n] of d.rules) if (!rule.startsWith('rule:')) failed.set(kindOf(rule), (failed.get(kindOf(rule)) ?? 0) + n)
  const made: CheckKind[] = ['format', 'duplicate']
  if (d.items.some(i => i.required) || failed.has('required')) made.push('required')
  if (d.items.some(i => i.codes?.length)) made.push('codes')
  if (d.items.some(i => i.semantic === 'id-number' || i.semantic === 'credit-code')) made.push('identifier')
  const list: Measure[] = made.map(kind => ({ kind, checked: d.read, failed: Math.min(d.read, failed.get(kind) ?? 0) }))
  if (d.late) list.push({ kind: 'lag', checked: 1, failed: d.late.late ? 1 : 0, note: d.late.note })
  if (d.stale) list.push({ kind: 'stale', checked: 1, failed: d.stale.stale ? 1 : 0, note: d.stale.note })
  return list
}

/** Where a check counts among the dimensions a place has. */
export function dimensionOf(kind: CheckKind, dimensions: readonly Named[]): Named | undefined {
  const has = (key: DimensionKey) => dimensions.find(d => d.key === key)
  switch (kind) {
    case 'required':
      return has('complete')
    case 'format':
      return has('conforming') ?? has('accurate')
    case 'duplicate':
      return has('consistent') ?? has('accurate')
    case 'codes':
    case 'identifier':
      return has('accurate')
    case 'lag':
    case 'stale':
      return has('timely')
    case 'reports':
      return has('truthful')
  }
}

/** What one rule of the entry found in a delivery; `fault`: it could not be checked, and counts for nothing. */
export type RuleCount = { title: string; dimension: DimensionKey; weight: number; checked: number; failed: number; fault: string }
export type Facts = {
  measures: readonly Measure[]
  rules: readonly RuleCount[]
  /** Reports about single records that were decided, and how many were right. */
  reports: { settled: number; wrong: number }
  fresh: { fresh: boolean; words: string } | null
  /** Rows in the pool; null: never filled. */
  rows: number | null
}
export type Scored = Dimension & { weight: number }

const round = (n: number) => Math.round(n * 10) / 10

/** Every dimension of the place, in its order, then those that only rules of the entry name. What nothing measures has no score. */
export function dimensionsOf(named: readonly Named[], f: Facts): Scored[] {
  const counted = f.rules.filter(r => !r.fault && r.checked > 0)
  const further = [...new Set(counted.map(r => r.dimension))].filter(key => !named.some(d => d.key === key))
  return [...named, ...further.map(key => ({ key, label: nationalNames[key] }))].map(({ key, label }) => {
    const mine = f.measures.filter(m => dimensionOf(m.kind, named)?.key === key)
    const rules = counted.filter(r => r.dimension === key)
    const weight = Math.max(
      1,
      rules.reduce((n, r) => n + r.weight, 0),
    )
    const checks = [
      ...mine.map(m => ({ kind: m.kind as string, label: checkKinds[m.kind], checked: m.checked, failed: m.failed })),
      ...rules.map(r => ({ kind: 'rule', label: r.title, checked: r.checked, failed: r.failed })),
    ]
    const parts: { score: number; why: string }[] = mine.map(m => ({
      score: 100 * (1 - m.failed / m.checked),
      why:
        m.note ||
        (m.failed ? `${checkKinds[m.kind]}：${m.checked} 行中 ${m.failed} 行不通过` : `${checkKinds[m.kind]}：${m.checked} 行都通过`),
    }))
    if (rules.length) {
      const broken = rules.filter(r => r.failed)
      parts.push({
        score: rules.reduce((n, r) => n + 100 * r.weight * (1 - r.failed / r.checked), 0) / weight,
        why: broken.length
          ? `${rules.length} 条规则按权重平均，不符合的有：${broken.map(r => `${r.title}（${r.checked} 行中 ${r.failed} 行）`).join('、')}`
          : `${rules.length} 条规则都符合`,
      })
    }
    if (key === 'truthful' && f.reports.settled)
      parts.push({
        score: 100 * (1 - f.reports.wrong / f.reports.settled),
        why: `${f.reports.settled} 件核实过的疑义，${f.reports.wrong} 件属实有误`,
      })
    if (key === 'timely' && f.fresh) parts.push({ score: f.fresh.fresh ? 100 : 0, why: `按更新周期：${f.fresh.words}` })
    if ((key === 'usable' || key === 'accessible') && f.rows !== null)
      parts.push({
        score: f.rows > 0 ? 100 : 0,
        why: f.rows > 0 ? `已入库 ${f.rows.toLocaleString('en')} 行，可以通过平台取用` : '没有可以取用的数据',
      })
    if (!parts.length)
      return { key, label, measured: false, score: null, why: '未测：没有配置这一维度的检查，或还没有数据', checks, weight }
    // The weakest check decides: a dimension is not better because something easy was checked beside it.
    const score = Math.min(...parts.map(p => p.score))
    const why = parts.toSorted((a, b) => a.score - b.score).map(p => p.why)
    return { key, label, measured: true, score: round(score), why: why.join('；'), checks, weight }
  })
}

export const meanOf = (dimensions: readonly { score: number | null; weight?: number }[]): number | null => {
  const known = dimensions.flatMap(d => (d.score === null ? [] : [{ score: d.score, weight: d.weight ?? 1 }]))
  const weights = known.reduce((n, d) => n + d.weight, 0)
  return known.length ? round(known.reduce((n, d) => n + d.score * d.weight, 0) / weights) : null
}

/** The score of a delivery from its counts: the dimensions, and their mean by the weight of the rules in them (1 where there are none). */
export function scoreOf(named: readonly Named[], f: Facts): { total: number | null; dimensions: Scored[] } {
  const dimensions = dimensionsOf(named, f)
  return { total: meanOf(dimensions), dimensions }
}

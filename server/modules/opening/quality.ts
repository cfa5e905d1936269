import type { Cite } from '../../../contract/common.ts'

/** What is known about a data set that a dimension can be measured by. Null: not known, so not measured. */
export type QualityFacts = {
  /** Rows in, of which rejected, in the last batch. */
  batch: { read: number; rejected: number } | null
  /** Share of filled cells of what leaves; null where that is not looked at. */
  filled: number | null
  fresh: { fresh: boolean; words: string } | null
  cycleDays: number | null
  ageDays: number | null
  /** Doubts about the data that were raised and settled: how many of the settled ones were errors. */
  verified: { settled: number; wrong: number } | null
  served: boolean
  formats: number
}
export type Score = { key: string; label: string; score: number | null; why: string }

const round = (n: number) => Math.round(n * 10) / 10
const unknown = (why: string): { score: null; why: string } => ({ score: null, why })

/** How each dimension is measured. A dimension nobody measured has no score, never a full one. */
const measures: Record<string, (f: QualityFacts) => { score: number | null; why: string }> = {
  truthful: f =>
    f.verified?.settled
      ? {
          score: round(100 * (1 - f.verified.wrong / f.verified.settled)),
          why: `${f.verified.settled} 件核实，${f.verified.wrong} 件属实有误`,
        }
      : unknown('还没有核实过的反馈，未测量'),
  complete: f =>
    f.filled === null ? unknown('未测量') : { score: round(100 * f.filled), why: `开放的信息项填充率 ${round(100 * f.filled)}%` },
  accurate: f =>
    f.batch?.read
      ? { score: round(100 * (1 - f.batch.rejected / f.batch.read)), why: `最近一批 ${f.batch.read} 行，未通过检查 ${f.batch.rejected} 行` }
      : unknown('没有带检查的批次，未测量'),
  timely: f => {
    if (!f.fresh || f.cycleDays === null) return unknown('不定期更新，未测量')
    if (f.fresh.fresh) return { score: 100, why: '在更新周期内' }
    // A point for every day within the promise, fewer the longer the data are late.
    const score = f.ageDays === null ? 0 : Math.max(0, round((100 * f.cycleDays) / Math.max(f.ageDays, f.cycleDays + 1)))
    return { score, why: f.fresh.words }
  },
  usable: f => (f.served ? { score: 100, why: `可下载、可调用，${f.formats} 种机器可读格式` } : { score: 0, why: '目前没有挂接数据' }),
}

/** The dimensions of a place with their scores; the total counts only what was measured. Pure. */
export function scoreOf(dimensions: Record<string, string>, f: QualityFacts, cite: Cite) {
  const list: Score[] = Object.entries(dimensions).map(([key, label]) => ({ key, label, ...(measures[key]?.(f) ?? unknown('未测量')) }))
  const measured = list.filter(d => d.score !== null)
  return {
    score: measured.length ? round(measured.reduce((sum, d) => sum + d.score!, 0) / measured.length) : null,
    measured: measured.length,
    of: list.length,
    dimensions: list,
    cite,
  }
}

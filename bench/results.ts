import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** One figure beside the baseline of the same run; `ratio` is value ÷ baseline. What each ratio should be stands in README.md. */
export type Result = { name: string; value: number; unit: string; baseline: number; ratio: number; at: string; note: string }

const file = resolve(import.meta.dirname, 'results/latest.json')

/** Replaces the figures of the same names in bench/results/latest.json, and says them. */
export function keep(results: Result[]): void {
  let before: Result[] = []
  try {
    before = JSON.parse(readFileSync(file, 'utf8'))
  } catch {}
  const names = new Set(results.map(r => r.name))
  mkdirSync(resolve(file, '..'), { recursive: true })
  const all = [...before.filter(r => !names.has(r.name)), ...results].sort((a, b) => a.name.localeCompare(b.name))
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`)
  for (const r of results) console.log(`${r.name}: ${r.value} ${r.unit} beside ${r.baseline}, ratio ${r.ratio} (${r.note})`)
}

const names = process.argv.slice(2).filter(a => /^[a-z]/.test(a))
/** Whether this measurement was asked for: all are when none is named; a beginning names all that begin so. */
export const asked = (name: string): boolean => !names.length || names.some(wanted => name.startsWith(wanted))
/** `--name=value` on the command line. */
export const option = (name: string): string | undefined => process.argv.find(a => a.startsWith(`--${name}=`))?.slice(name.length + 3)

export const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!

/** Keeps what two things gave in a second, turn by turn in one run: the median of each, and of the turns' ratios. */
export const keepRates = (name: string, pairs: readonly { ours: number; base: number }[], note: string, unit = 'requests/s'): void =>
  keep([
    {
      name,
      value: Math.round(median(pairs.map(p => p.ours))),
      unit,
      baseline: Math.round(median(pairs.map(p => p.base))),
      ratio: Number(median(pairs.map(p => p.ours / p.base)).toFixed(2)),
      at: new Date().toISOString(),
      note,
    },
  ])

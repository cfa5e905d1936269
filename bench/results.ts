import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** One figure beside the baseline measured in the same run; `ratio` is value ÷ baseline, so 1 means nothing was lost. */
export type Result = { name: string; value: number; unit: string; baseline: number; ratio: number; at: string; note: string }

const file = resolve(import.meta.dirname, 'results/latest.json')

/** Replaces the figures of the same names in bench/results/latest.json. */
export function keep(results: Result[]): void {
  let before: Result[] = []
  try {
    before = JSON.parse(readFileSync(file, 'utf8'))
  } catch {}
  const names = new Set(results.map(r => r.name))
  mkdirSync(resolve(file, '..'), { recursive: true })
  const all = [...before.filter(r => !names.has(r.name)), ...results].sort((a, b) => a.name.localeCompare(b.name))
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`)
}

import { halfWidth } from '../../quality/public.ts'

export type Sheet = { line: number; cells: string[] }[]
export type Merge = { top: number; left: number; bottom: number; right: number }
export type Header = { line: number; rows: number; names: string[] }

/** A name without what people add to it: blanks, punctuation, a star, a unit in brackets. */
export const plainName = (text: string) =>
  halfWidth(text)
    .toLowerCase()
    .replace(/[（([【].*?[)）\]】]/g, '')
    .replace(/[\s_\-—:：·.*、/"'“”]/g, '')

const looksLikeData = (text: string) =>
  /^[-+]?[\d,.]+%?$/.test(text) || /^\d{4}[-/年.]\d{1,2}/.test(text) || /^\d{15,18}[\dXx]?$/.test(text)

/**
 * Finds where the names of the columns stand: below titles and unit lines, on one row or on two or three with merged cells.
 * `known` are the names of the items; a row that carries them is the header whatever stands above it.
 */
export function findHeader(
  sheet: Sheet,
  known: string[],
  merges: Merge[] = [],
  forced: { line?: number; rows?: number } = {},
): Header | null {
  const rows = sheet.filter(r => r.cells.some(Boolean)).slice(0, 30)
  if (!rows.length) return null
  const at = (line: number) => sheet.find(r => r.line === line)
  if (forced.line) return named(at(forced.line) ?? rows[0]!, forced.rows ?? 1, at, merges)

  const names = new Set(known.map(plainName))
  const width = Math.max(...rows.map(r => filled(r.cells)))
  let best: { row: Sheet[number]; score: number } | undefined
  for (const row of rows.slice(0, 20)) {
    const cells = row.cells.filter(Boolean)
    const hits = cells.filter(c => names.has(plainName(c))).length
    const words = cells.filter(c => !looksLikeData(c)).length
    const wide = cells.length >= Math.max(Math.min(2, width), width * 0.5) && words >= cells.length * 0.7
    const score = hits * 10 + (wide ? 5 : 0)
    if (score > (best?.score ?? 0)) best = { row, score }
  }
  if (!best) return null
  let first = best.row.line
  let last = best.row.line
  const filledRow = (line: number) => at(line)?.cells ?? []
  // Upwards: a row of group titles, merged sideways or with gaps where the row below has names.
  while (last - first < 2) {
    const above = filledRow(first - 1)
    const count = filled(above)
    const sideways = merges.some(m => m.top === first - 1 && m.right > m.left && m.right - m.left + 1 < width)
    const gaps = count >= 2 && above.some((c, i) => !c && filledRow(first)[i]) && !above.some(c => /[:：]/.test(c) || looksLikeData(c))
    if (count >= 1 && (sideways || (!merges.length && gaps))) first--
    else break
  }
  // Downwards: names below a group title, while other columns go on from above.
  while (last - first < 2) {
    const below = filledRow(last + 1)
    const here = filledRow(last)
    const words = below.filter(Boolean)
    if (!words.length || words.some(looksLikeData)) break
    const merged = merges.some(
      m => (m.top === last && m.right > m.left && m.right - m.left + 1 < width) || (m.top <= last && m.bottom > last),
    )
    const group = (i: number) => {
      for (let k = i; k >= 0; k--) if (here[k]) return k
      return -1
    }
    const gaps =
      words.length < width &&
      here.some((c, i) => !c && below[i]) &&
      below.every((c, i) => !c || !here[i] || (group(i + 1) === i && !here[i + 1] && below[i + 1]))
    if (merged || (!merges.length && gaps)) last++
    else break
  }
  return named(at(first)!, last - first + 1, at, merges)
}

const filled = (cells: string[]) => cells.reduce((n, c) => n + (c ? 1 : 0), 0)

function named(row: Sheet[number], count: number, at: (line: number) => Sheet[number] | undefined, merges: Merge[]): Header {
  const grid = Array.from({ length: count }, (_, k) => [...(at(row.line + k)?.cells ?? [])])
  const width = Math.max(...grid.map(r => r.length))
  for (const m of merges) {
    const value = grid[m.top - row.line]?.[m.left]
    if (!value) continue
    for (let line = m.top; line <= m.bottom; line++) {
      const cells = grid[line - row.line]
      if (cells) for (let c = m.left; c <= Math.min(m.right, width - 1); c++) cells[c] ||= value
    }
  }
  if (!merges.length) {
    for (const [k, cells] of grid.entries()) {
      const below = grid[k + 1]
      if (below) for (let c = 1; c < width; c++) if (!cells[c] && below[c]) cells[c] = cells[c - 1] ?? ''
    }
  }
  const names: string[] = []
  const seen = new Map<string, number>()
  for (let c = 0; c < width; c++) {
    const parts = grid.map(cells => (cells[c] ?? '').replace(/\s+/g, ' ').trim()).filter(Boolean)
    const name = parts.filter((p, i) => p !== parts[i - 1]).join(' ') || `第 ${c + 1} 列`
    const n = (seen.get(name) ?? 0) + 1
    seen.set(name, n)
    names.push(n === 1 ? name : `${name} (${n})`)
  }
  return { line: row.line, rows: count, names }
}

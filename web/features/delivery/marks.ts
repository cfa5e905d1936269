/**
 * The marks in what was pasted, each once: of a line the last run of the letters that marks are made of (~ in those of today, - in earlier ones),
 * so a cell, a line of CSV, a row copied from a workbook and a row of JSON all do. The line of titles has none. The interface takes at most 60
 * characters; no mark is that long.
 */
export function marksIn(text: string): string[] {
  const found = text.split(/[\r\n]+/).flatMap(line => {
    const named = [...line.matchAll(/"_水印"\s*:\s*"([^"]+)"/g)].map(m => m[1]!)
    if (named.length) return named
    const last = /_水印["']?\s*$/.test(line) ? undefined : line.match(/[\w~-]+/g)?.at(-1)
    return last ? [last] : []
  })
  return [...new Set(found.map(mark => mark.slice(0, 60)))]
}

/** Numbers of rows as somebody would write them: 1–3、7. */
export function ranges(numbers: number[]): string {
  const runs: [number, number][] = []
  for (const n of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last && n === last[1] + 1) last[1] = n
    else runs.push([n, n])
  }
  return runs.map(([from, to]) => (from === to ? from : to === from + 1 ? `${from}、${to}` : `${from}–${to}`)).join('、')
}

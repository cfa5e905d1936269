import { trimmed } from '../../../platform/text.ts'

/** One record of a CSV file, read leniently: the slow and careful way, for samples and for records the scanner finds unusual. */

export type Records = { rows: string[][]; lines: number[] }

/** Splits text into records of fields. Quotes count only at the start of a field; a quote that never ends is taken as text. */
export function parseRecords(text: string, delimiter: string, limit = Number.POSITIVE_INFINITY): Records {
  const rows: string[][] = []
  const lines: number[] = []
  let i = 0
  let line = 1
  while (i < text.length && rows.length < limit) {
    lines.push(line)
    const { fields, end } = parseRecord(text, i, delimiter)
    rows.push(fields)
    for (let k = i; k < end; k++) if (text[k] === '\n' || (text[k] === '\r' && text[k + 1] !== '\n')) line++
    i = end
  }
  return { rows, lines }
}

export function parseRecord(text: string, start: number, delimiter: string): { fields: string[]; end: number; open: boolean } {
  const fields: string[] = []
  let i = start
  let open = false
  for (;;) {
    let field = ''
    while (text[i] === ' ' || text[i] === '\u3000') i++
    if (text[i] === '"') {
      let k = i + 1
      let closed = false
      for (; k < text.length; k++) {
        if (text[k] !== '"') field += text[k]
        else if (text[k + 1] === '"') {
          field += '"'
          k++
        } else {
          closed = true
          k++
          break
        }
      }
      if (closed) i = k
      else {
        open = true
        field = ''
      }
    }
    while (i < text.length && text[i] !== delimiter && text[i] !== '\n' && text[i] !== '\r') field += text[i++]
    fields.push(trimmed(field))
    if (text[i] === delimiter) {
      i++
      continue
    }
    if (text[i] === '\r' && text[i + 1] === '\n') i++
    return { fields, end: i + 1, open }
  }
}

/** Fields as COPY reads them: every value in quotes, an empty one bare, which COPY takes as null. */
export const copyFields = (fields: string[], delimiter = ','): string =>
  fields.map(f => (f === '' ? '' : `"${f.replaceAll('"', '""')}"`)).join(delimiter)

/** The delimiter that splits the sample into the most even table of at least two columns. */
export function sniffDelimiter(text: string): ',' | '\t' | ';' | '|' {
  let best: { delimiter: ',' | '\t' | ';' | '|'; score: number } = { delimiter: ',', score: 0 }
  for (const delimiter of [',', '\t', ';', '|'] as const) {
    const widths = parseRecords(text, delimiter, 100)
      .rows.filter(r => r.some(Boolean))
      .map(r => r.length)
    const counts = new Map<number, number>()
    for (const w of widths) counts.set(w, (counts.get(w) ?? 0) + 1)
    for (const [width, n] of counts) {
      const score = width < 2 ? 0 : (n / widths.length) * (1 + Math.log2(width) / 10)
      if (score > best.score) best = { delimiter, score }
    }
  }
  return best.delimiter
}

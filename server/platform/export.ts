import { Zip, ZipDeflate } from 'fflate'

/** How rows leave as files: CSV, XLSX and JSON, streamed, with cells that no spreadsheet can mistake for a formula. */
export type Column = { key: string; name: string; type: string }
type Rows = AsyncIterable<Record<string, unknown>> | Iterable<Record<string, unknown>>

const numeric = new Set(['N', 'Y', 'I', 'B', 'F', 'number'])
const isNumber = (text: string) => /^-?\d+(\.\d+)?$/.test(text)
const dangerous = /^[=+\-@\t\r\n＝＋－＠]/

/** A leading quote makes Excel, WPS and LibreOffice show the text instead of running it. Plain negative numbers stay as they are. */
export const neutralise = (text: string) => (dangerous.test(text) && !isNumber(text) ? `'${text}` : text)

const pad = (n: number) => String(n).padStart(2, '0')
function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  // Times of day in files are Beijing time, as on every page.
  if (value instanceof Date) {
    const d = new Date(value.getTime() + 8 * 3600_000)
    return `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())} ${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}:${pad(d.getUTCSeconds())}`
  }
  if (typeof value === 'boolean') return value ? '是' : '否'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const encoder = new TextEncoder()
const FLUSH = 64 * 1024

async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let held: string[] = []
  let size = 0
  for await (const line of lines) {
    held.push(line)
    size += line.length
    if (size < FLUSH) continue
    yield encoder.encode(held.join(''))
    held = []
    size = 0
  }
  if (held.length) yield encoder.encode(held.join(''))
}

const csvCell = (value: unknown) => {
  const text = neutralise(textOf(value))
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text
}

/** RFC 4180 with CRLF; the byte-order mark makes Excel read the Chinese correctly. */
export function csv(columns: Column[], rows: Rows, { bom = true } = {}): AsyncGenerator<Uint8Array> {
  async function* lines() {
    yield `${bom ? '\ufeff' : ''}${columns.map(c => csvCell(c.name)).join(',')}\r\n`
    for await (const row of rows) yield `${columns.map(c => csvCell(row[c.key])).join(',')}\r\n`
  }
  return inPieces(lines())
}

const exactNumber = (value: unknown, type: string) => {
  const text = textOf(value)
  // Fifteen digits is what a double and Excel keep; anything longer stays text, so that no digit is lost.
  return numeric.has(type) && isNumber(text) && text.replace(/\D/g, '').length <= 15 && !/^-?0\d/.test(text) ? text : undefined
}

/** A JSON array with one object per line; keys are the names of the items. */
export function json(columns: Column[], rows: Rows): AsyncGenerator<Uint8Array> {
  const keys = columns.map(c => JSON.stringify(c.name))
  const cell = (value: unknown, type: string) =>
    value === null || value === undefined
      ? 'null'
      : typeof value === 'boolean'
        ? String(value)
        : (exactNumber(value, type) ?? JSON.stringify(textOf(value)))
  async function* lines() {
    let between = '[\n'
    for await (const row of rows) {
      yield `${between}{${columns.map((c, i) => `${keys[i]}:${cell(row[c.key], c.type)}`).join(',')}}`
      between = ',\n'
    }
    yield between === '[\n' ? '[]\n' : '\n]\n'
  }
  return inPieces(lines())
}

// ── XLSX ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const RELATIONS = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006'
const LAST_ROW = 1_048_576
const LONGEST_CELL = 32_767

// The characters XML 1.0 does not allow, written the way Excel writes them (_x0001_).
const forbidden = /(?![\t\n])\p{Cc}|[\ufffe\uffff]/gu
const xml = (text: string) =>
  text
    .replace(/_x[0-9A-Fa-f]{4}_/g, found => `_x005F${found}`)
    .replace(forbidden, c => `_x${c.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}_`)
    .toWellFormed()
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')

// Styles: 0 plain, 1 header, 2 text kept as text even when somebody edits the cell (quotePrefix), 3 marked as wrong.
const STYLES = `${HEAD}<styleSheet xmlns="${MAIN}"><fonts count="3"><font><sz val="11"/><name val="等线"/></font><font><b/><sz val="11"/><name val="等线"/></font><font><sz val="11"/><color rgb="FFB42318"/><name val="等线"/></font></fonts><fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid"><fgColor rgb="FFFDECEA"/></patternFill></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf xfId="0"/><xf xfId="0" fontId="1" applyFont="1"/><xf xfId="0" numFmtId="49" quotePrefix="1" applyNumberFormat="1"/><xf xfId="0" fontId="2" fillId="2" numFmtId="49" quotePrefix="1" applyFont="1" applyFill="1" applyNumberFormat="1"/></cellXfs></styleSheet>`

function xlsxCell(value: unknown, type: string, marked: boolean) {
  if (value === null || value === undefined || value === '') return marked ? '<c s="3"/>' : '<c/>'
  const number = marked ? undefined : exactNumber(value, type)
  if (number !== undefined) return `<c><v>${number}</v></c>`
  let text = textOf(value)
  if (text.length > LONGEST_CELL) text = `${text.slice(0, LONGEST_CELL - 8)}…(已截断)`
  // An inline string is never a formula; text that looks like one, or like a long number, is also pinned as text.
  const style = marked ? 3 : dangerous.test(text) || /^\d/.test(text) ? 2 : 0
  return `<c t="inlineStr"${style ? ` s="${style}"` : ''}><is><t xml:space="preserve">${xml(text)}</t></is></c>`
}

/** A workbook written while the rows arrive; a new sheet starts when Excel's last row is reached. `marked` paints a cell red. */
export async function* xlsx(
  columns: Column[],
  rows: Rows,
  {
    sheet = '数据',
    marked = () => false,
    lastRow = LAST_ROW,
  }: { sheet?: string; marked?: (row: Record<string, unknown>, key: string) => boolean; lastRow?: number } = {},
): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = []
  const zip = new Zip((error, piece) => {
    if (error) throw error
    ready.push(piece)
  })
  function* taken() {
    const now = ready
    ready = []
    yield* now
  }
  const file = (name: string) => {
    const entry = new ZipDeflate(name, { level: 4 })
    zip.add(entry)
    return entry
  }
  const whole = (name: string, text: string) => file(name).push(encoder.encode(text), true)

  const header = `<row>${columns.map(c => `<c t="inlineStr" s="1"><is><t xml:space="preserve">${xml(c.name)}</t></is></c>`).join('')}</row>`
  const opening = `${HEAD}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15" defaultColWidth="18"/><sheetData>${header}`
  const closing = '</sheetData></worksheet>'

  let sheets = 1
  let current = file('xl/worksheets/sheet1.xml')
  let held = opening
  let row = 1
  for await (const values of rows) {
    if (row === lastRow) {
      current.push(encoder.encode(held + closing), true)
      sheets++
      current = file(`xl/worksheets/sheet${sheets}.xml`)
      held = opening
      row = 1
    }
    row++
    held += `<row>${columns.map(c => xlsxCell(values[c.key], c.type, marked(values, c.key))).join('')}</row>`
    if (held.length < FLUSH) continue
    current.push(encoder.encode(held))
    held = ''
    yield* taken()
  }
  current.push(encoder.encode(held + closing), true)

  const numbers = Array.from({ length: sheets }, (_, i) => i + 1)
  const title = (n: number) => xml((n === 1 ? sheet : `${sheet} ${n}`).replace(/[\\/?*[\]:]/g, ' ').slice(0, 31))
  whole('xl/styles.xml', STYLES)
  whole(
    'xl/workbook.xml',
    `${HEAD}<workbook xmlns="${MAIN}" xmlns:r="${RELATIONS}"><sheets>${numbers.map(n => `<sheet name="${title(n)}" sheetId="${n}" r:id="r${n}"/>`).join('')}</sheets></workbook>`,
  )
  whole(
    'xl/_rels/workbook.xml.rels',
    `${HEAD}<Relationships xmlns="${PACKAGE}/relationships">${numbers.map(n => `<Relationship Id="r${n}" Type="${RELATIONS}/worksheet" Target="worksheets/sheet${n}.xml"/>`).join('')}<Relationship Id="s" Type="${RELATIONS}/styles" Target="styles.xml"/></Relationships>`,
  )
  whole(
    '_rels/.rels',
    `${HEAD}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="w" Type="${RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
  )
  const part = 'application/vnd.openxmlformats-officedocument.spreadsheetml'
  whole(
    '[Content_Types].xml',
    `${HEAD}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${part}.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="${part}.styles+xml"/>${numbers.map(n => `<Override PartName="/xl/worksheets/sheet${n}.xml" ContentType="${part}.worksheet+xml"/>`).join('')}</Types>`,
  )
  zip.end()
  yield* taken()
}

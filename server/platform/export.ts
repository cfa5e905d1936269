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

/** One line for each row after the first text; one generator for all of it, since each step of one costs as much as a line. */
async function* inPieces<T>(
  first: string,
  rows: AsyncIterable<T> | Iterable<T>,
  line: (row: T) => string,
  last = () => '',
): AsyncGenerator<Uint8Array> {
  let text = first
  for await (const row of rows) {
    text += line(row)
    if (text.length < FLUSH) continue
    yield encoder.encode(text)
    text = ''
  }
  text += last()
  if (text) yield encoder.encode(text)
}

export const csvCell = (value: unknown) => {
  const text = neutralise(textOf(value))
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text
}

/** RFC 4180 with CRLF; the byte-order mark makes Excel read the Chinese correctly. */
export function csv(columns: Column[], rows: Rows, { bom = true } = {}): AsyncGenerator<Uint8Array> {
  const head = `${bom ? '\ufeff' : ''}${columns.map(c => csvCell(c.name)).join(',')}\r\n`
  const keys = columns.map(c => c.key)
  return inPieces(head, rows, row => {
    let line = csvCell(row[keys[0]!])
    for (let i = 1; i < keys.length; i++) line += `,${csvCell(row[keys[i]!])}`
    return `${line}\r\n`
  })
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
  let between = '[\n'
  const object = (row: Record<string, unknown>) => {
    const text = `${between}{${columns.map((c, i) => `${keys[i]}:${cell(row[c.key], c.type)}`).join(',')}}`
    between = ',\n'
    return text
  }
  return inPieces('', rows, object, () => (between === '[\n' ? '[]\n' : '\n]\n'))
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

// Styles: 0 plain, 1 header, 2 text kept as text even when somebody edits the cell (quotePrefix), 3 marked as wrong;
// the same four in a frame for forms that are printed: 4 plain, 5 header, 6 text, 7 marked.
const BORDER = ['left', 'right', 'top', 'bottom'].map(side => `<${side} style="thin"><color rgb="FFBFBFBF"/></${side}>`).join('')
const FRAMED = 'borderId="1" applyBorder="1" applyAlignment="1"'
const MIDDLE = '<alignment vertical="center" wrapText="1"/>'
const STYLES = `${HEAD}<styleSheet xmlns="${MAIN}"><fonts count="3"><font><sz val="11"/><name val="等线"/></font><font><b/><sz val="11"/><name val="等线"/></font><font><sz val="11"/><color rgb="FFB42318"/><name val="等线"/></font></fonts><fills count="4"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid"><fgColor rgb="FFFDECEA"/></patternFill></fill><fill><patternFill patternType="solid"><fgColor rgb="FFEEF2F7"/></patternFill></fill></fills><borders count="2"><border/><border>${BORDER}</border></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="8"><xf xfId="0"/><xf xfId="0" fontId="1" applyFont="1"/><xf xfId="0" numFmtId="49" quotePrefix="1" applyNumberFormat="1"/><xf xfId="0" fontId="2" fillId="2" numFmtId="49" quotePrefix="1" applyFont="1" applyFill="1" applyNumberFormat="1"/><xf xfId="0" ${FRAMED}>${MIDDLE}</xf><xf xfId="0" fontId="1" fillId="3" applyFont="1" applyFill="1" ${FRAMED}><alignment horizontal="center" vertical="center" wrapText="1"/></xf><xf xfId="0" numFmtId="49" quotePrefix="1" applyNumberFormat="1" ${FRAMED}>${MIDDLE}</xf><xf xfId="0" fontId="2" fillId="2" numFmtId="49" quotePrefix="1" applyFont="1" applyFill="1" applyNumberFormat="1" ${FRAMED}>${MIDDLE}</xf></cellXfs></styleSheet>`

function xlsxCell(value: unknown, type: string, marked: boolean, framed: boolean) {
  const frame = framed ? 4 : 0
  const styled = (style: number) => (style + frame ? ` s="${style + frame}"` : '')
  if (value === null || value === undefined || value === '') return `<c${styled(marked ? 3 : 0)}/>`
  const number = marked ? undefined : exactNumber(value, type)
  if (number !== undefined) return `<c${styled(0)}><v>${number}</v></c>`
  let text = textOf(value)
  if (text.length > LONGEST_CELL) text = `${text.slice(0, LONGEST_CELL - 8)}…(已截断)`
  // An inline string is never a formula; text that looks like one, or like a long number, is also pinned as text.
  const style = marked ? 3 : dangerous.test(text) || /^\d/.test(text) ? 2 : 0
  return `<c t="inlineStr"${styled(style)}><is><t xml:space="preserve">${xml(text)}</t></is></c>`
}

/** A rectangle of cells shown as one, counted from 0. */
export type Merge = { top: number; left: number; bottom: number; right: number }
export type BookSheet = {
  name: string
  /** Header rows; they stay in view. */
  head: string[][]
  /** Type of each column, as in `Column`. */
  types: string[]
  widths?: number[]
  /** Every cell in a frame, as a form that is printed. */
  framed?: boolean
  /** `marked` names the columns of a row that are painted red. */
  rows: AsyncIterable<{ cells: unknown[]; marked?: Set<number> }>
  /** Read when the last row is written, so that rows may add to it. */
  merges?: Merge[]
}

const letters = (column: number): string =>
  (column >= 26 ? letters(Math.floor(column / 26) - 1) : '') + String.fromCharCode(65 + (column % 26))
/** The address of a cell as spreadsheets write it; both count from 0. */
export const cellName = (row: number, column: number): string => `${letters(column)}${row + 1}`

/** A workbook written while the rows of its sheets arrive. */
export async function* workbook(sheets: AsyncIterable<BookSheet> | Iterable<BookSheet>): AsyncGenerator<Uint8Array> {
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

  const names: string[] = []
  for await (const sheet of sheets) {
    names.push(sheet.name)
    const current = file(`xl/worksheets/sheet${names.length}.xml`)
    const framed = sheet.framed ?? false
    const top = sheet.head.length
    const cols = sheet.widths?.map((w, i) => `<col min="${i + 1}" max="${i + 1}" width="${w}" customWidth="1"/>`).join('')
    const head = sheet.head.map(
      row =>
        `<row>${row.map(text => `<c t="inlineStr" s="${framed ? 5 : 1}"><is><t xml:space="preserve">${xml(text)}</t></is></c>`).join('')}</row>`,
    )
    let held = `${HEAD}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="${top}" topLeftCell="A${top + 1}" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15" defaultColWidth="18"/>${cols ? `<cols>${cols}</cols>` : ''}<sheetData>${head.join('')}`
    for await (const { cells, marked } of sheet.rows) {
      held += `<row>${sheet.types.map((type, i) => xlsxCell(cells[i], type, marked?.has(i) ?? false, framed)).join('')}</row>`
      if (held.length < FLUSH) continue
      current.push(encoder.encode(held))
      held = ''
      yield* taken()
    }
    held += '</sheetData>'
    if (sheet.merges?.length) {
      held += `<mergeCells count="${sheet.merges.length}">`
      for (const m of sheet.merges) held += `<mergeCell ref="${cellName(m.top, m.left)}:${cellName(m.bottom, m.right)}"/>`
      held += '</mergeCells>'
    }
    current.push(encoder.encode(`${held}</worksheet>`), true)
    yield* taken()
  }

  const numbers = names.map((_, i) => i + 1)
  const title = (n: number) => xml(names[n - 1]!.replace(/[\\/?*[\]:]/g, ' ').slice(0, 31))
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

/** One table as a workbook; a new sheet starts when Excel's last row is reached. `marked` paints a cell red. */
export function xlsx(
  columns: Column[],
  rows: Rows,
  {
    sheet = '数据',
    marked,
    lastRow = LAST_ROW,
  }: { sheet?: string; marked?: (row: Record<string, unknown>, key: string) => boolean; lastRow?: number } = {},
): AsyncGenerator<Uint8Array> {
  async function* sheets(): AsyncGenerator<BookSheet> {
    const source = Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]()
    let ahead = await source.next()
    async function* page() {
      for (let row = 1; row < lastRow && !ahead.done; row++) {
        const values = ahead.value as Record<string, unknown>
        yield {
          cells: columns.map(c => values[c.key]),
          ...(marked && { marked: new Set(columns.flatMap((c, i) => (marked(values, c.key) ? [i] : []))) }),
        }
        ahead = await source.next()
      }
    }
    try {
      for (let n = 1; n === 1 || !ahead.done; n++)
        yield { name: n === 1 ? sheet : `${sheet} ${n}`, head: [columns.map(c => c.name)], types: columns.map(c => c.type), rows: page() }
    } finally {
      await source.return?.()
    }
  }
  return workbook(sheets())
}

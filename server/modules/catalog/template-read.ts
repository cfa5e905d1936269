import { open } from 'node:fs/promises'
import { type Cell, containerOf, Unreadable, Workbook } from '../../platform/xlsx.ts'
import { bare, type Column, columns } from './template.ts'

/** One entry as it stands in a workbook: its merged cells once, its items row by row. Text still, nothing is judged yet. */
export type Group = {
  n: number
  sheet: string
  line: number
  lines: number
  cells: Map<Column, string>
  rows: { line: number; cells: Map<Column, string>; broken: { column: Column; text: string; why: 'lossy' | 'error' }[] }[]
  /** Where each column stands, as spreadsheets count, from 0. */
  at: Map<Column, number>
}
export type SheetHead = { name: string; top: number; rows: number; at: Map<Column, number>; unknown: string[]; width: number }
export type Piece = { sheet: SheetHead } | { passed: { sheet: string; why: string } } | { group: Group } | { read: number }

/** Ten thousand entries of twenty items: beyond it a workbook does not open well in Excel either. */
const MOST_ROWS = 200_000
const HEAD_LINES = 40
const ERRORS = /^#(REF!|N\/A|VALUE!|DIV\/0!|NAME\?|NULL!|NUM!)$/
/** What the report writes beside the rows; passed over when the file comes back. */
export const reportColumn = '检查结果'
/** The sheet of our own form that explains it. */
export const helpSheet = '填表说明'

/** Opens an uploaded file, or says in words what it is instead of a workbook. */
export async function openTemplate(path: string): Promise<Workbook> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    if (!size) throw new Unreadable('file-empty', '文件是空的（0 字节）。', '请重新导出后上传。')
    const ends = Buffer.alloc(Math.min(size, 1024 * 1024))
    await file.read(ends, 0, ends.length, Math.max(0, size - ends.length))
    const head = Buffer.alloc(Math.min(size, 64 * 1024))
    await file.read(head, 0, head.length, 0)
    const kind = containerOf(head)
    const locked = Buffer.from('EncryptedPackage', 'utf16le')
    if (kind === 'ole' && (head.includes(locked) || ends.includes(locked)))
      throw new Unreadable('workbook-encrypted', '工作簿有密码，读不到内容。', '请去掉密码后重新上传。')
    if (kind === 'ole')
      throw new Unreadable('workbook-old', '这是旧版 .xls（或 .et）工作簿，不能读取。', '请用 Excel 或 WPS 另存为 .xlsx 后上传。')
    if (kind !== 'zip') throw new Unreadable('file-kind', '这不是 Excel 工作簿。', '请下载目录编制模板，填好后上传 .xlsx 文件。')
  } finally {
    await file.close()
  }
  return Workbook.open(path)
}

const named = new Map<string, Column>()
for (const column of columns)
  for (const name of [column.name, ...(column.also ?? [])]) if (!named.has(bare(name))) named.set(bare(name), column)
/** A column by what its header says: without blanks, marks and what stands in brackets at the end. */
function columnOf(text: string): Column | undefined {
  const plain = bare(text).replace(/[*＊:：]/g, '')
  return named.get(plain) ?? named.get(plain.replace(/[（(].*[)）]$/, '').replace(/^[（(].*?[)）]/, ''))
}

/** The text of a cell, without what no text may hold. */
const textOf = (cell: Cell | undefined): string =>
  (cell === undefined ? '' : typeof cell === 'string' ? cell : cell.lossy).replaceAll('\0', '').toWellFormed()
type Merges = Awaited<ReturnType<Workbook['merges']>>

/** The header of a sheet: in one row or in two, with groups over names; columns are told by name, wherever they stand. */
function headOf(name: string, rows: { line: number; cells: Cell[] }[], merges: Merges): SheetHead | undefined {
  const lines = new Map(rows.map(r => [r.line, r.cells.map(textOf)]))
  const at = (line: number, c: number): string => {
    const own = lines.get(line)?.[c]
    if (own) return own
    const m = merges.find(r => r.top <= line && line <= r.bottom && r.left <= c && c <= r.right)
    return m ? (lines.get(m.top)?.[m.left] ?? '') : ''
  }
  let best: SheetHead | undefined
  for (const { line } of rows)
    for (const height of [1, 2]) {
      const last = line + height - 1
      const width = Math.max(0, ...[line, last].map(l => lines.get(l)?.length ?? 0))
      const found = new Map<Column, number>()
      const unknown: string[] = []
      for (let c = 0; c < width; c++) {
        const [above, own] = [at(line, c), at(last, c)]
        const column =
          (own && columnOf(own)) || (height === 2 && own && above && columnOf(`${above}${own}`)) || (!own && above && columnOf(above))
        if (column && !found.has(column)) found.set(column, c)
        else if (own && bare(own) !== reportColumn) unknown.push(own)
      }
      const has = (name: string) => [...found.keys()].some(c => c.name === name)
      if (has('信息资源名称') && has('信息项名称') && found.size > (best?.at.size ?? 0))
        best = { name, top: line, rows: height, at: found, unknown, width }
    }
  return best
}

/** Everything a workbook holds, sheet by sheet and entry by entry, while it is still being unpacked. */
export async function* readTemplate(book: Workbook): AsyncGenerator<Piece> {
  let n = 0
  let read = 0
  let sheets = 0
  for (const sheet of book.sheets) {
    if (sheet.hidden) {
      yield { passed: { sheet: sheet.name, why: '隐藏的工作表没有读。' } }
      continue
    }
    const merges = await book.merges(sheet, Number.MAX_SAFE_INTEGER)
    const first: { line: number; cells: Cell[] }[] = []
    for await (const row of book.rows(sheet)) {
      if (row.line > HEAD_LINES) break
      first.push(row)
    }
    const head = headOf(
      sheet.name,
      first,
      merges.filter(m => m.top <= HEAD_LINES),
    )
    if (!head) {
      if (first.length && sheet.name !== helpSheet) yield { passed: { sheet: sheet.name, why: '没有找到目录编制模板的表头，没有读。' } }
      continue
    }
    sheets++
    yield { sheet: head }
    const body = head.top + head.rows
    // A merged cell speaks for the rows under it; only its left column is a column of ours.
    const starting = new Map<number, Merges>()
    for (const m of merges)
      if (m.bottom > m.top && m.bottom >= body) {
        const at = starting.get(m.top)
        if (at) at.push(m)
        else starting.set(m.top, [m])
      }
    const running = new Map<number, { bottom: number; cell: Cell | undefined }>()
    const byPlace = new Map([...head.at].map(([column, c]) => [c, column]))
    const title = columns.find(c => c.name === '信息资源名称')!
    const code = columns.find(c => c.name === '信息资源代码')!
    let group: Group | undefined
    let alone = false
    let before = 0
    for await (const row of book.rows(sheet)) {
      if (row.line < body) continue
      if (++read > MOST_ROWS)
        throw new Unreadable('template-large', `工作簿超过 ${MOST_ROWS / 10_000} 万行。`, '请分成几个文件，逐个导入。')
      if (read % 1000 === 0) yield { read }
      for (let l = before + 1; l <= row.line; l++)
        for (const m of starting.get(l) ?? [])
          running.set(m.left, { bottom: m.bottom, cell: l === row.line ? row.cells[m.left] : undefined })
      before = row.line
      const cells = new Map<Column, string>()
      const broken: Group['rows'][number]['broken'] = []
      const under = new Set<Column>()
      for (const [c, column] of byPlace) {
        const merged = running.get(c)
        const covered = merged && merged.bottom >= row.line
        if (covered && !starting.get(row.line)?.some(m => m.left === c)) under.add(column)
        const cell = covered ? merged.cell : row.cells[c]
        const text = textOf(cell)
        cells.set(column, text)
        if (typeof cell === 'object') broken.push({ column, text, why: 'lossy' })
        else if (ERRORS.test(text)) broken.push({ column, text, why: 'error' })
      }
      if ([...cells].every(([column, text]) => !text || under.has(column))) continue
      // The header again, as on every printed page.
      if (bare(cells.get(title) ?? '') === bare(title.name)) continue
      const own = cells.get(title) ?? ''
      const ownCode = cells.get(code) ?? ''
      const goesOn =
        group &&
        (under.has(title) ||
          (!own && !ownCode) ||
          // Without merged cells, the same name and code again are the same entry.
          (alone &&
            !starting.get(row.line)?.some(m => m.left === head.at.get(title)) &&
            own === group.cells.get(title) &&
            ownCode === (group.cells.get(code) ?? '')))
      if (!goesOn) {
        if (group) yield { group }
        alone = !starting.get(row.line)?.some(m => m.left === head.at.get(title))
        group = { n: ++n, sheet: sheet.name, line: row.line, lines: 0, cells: new Map(), rows: [], at: head.at }
        for (const [column, text] of cells) if (column.of === 'entry') group.cells.set(column, text)
      }
      group!.lines = row.line - group!.line + 1
      group!.rows.push({ line: row.line, cells, broken })
    }
    if (group) yield { group }
  }
  if (!sheets)
    throw new Unreadable(
      'template-wrong',
      '没有找到目录编制模板的表头（至少要有“信息资源名称”和“信息项名称”两列）。',
      '请下载目录编制模板，把内容填进去后上传。',
    )
  if (!n) throw new Unreadable('template-empty', '表头下面没有内容。', '每个信息项填一行，再上传。')
  yield { read }
}

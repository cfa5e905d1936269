import { open } from 'node:fs/promises'
import type { Inspection, Message, ReadOptions } from '../../../../contract/aggregation.ts'
import { delimiters } from '../../../../contract/aggregation.ts'
import type { Item } from '../../../../contract/catalog.ts'
import { type Cell, containerOf, Unreadable } from '../../../platform/xlsx.ts'
import { parseRecords, sniffDelimiter } from './csv.ts'
import { detectEncoding, type Encoding, samples, toUtf8 } from './encoding.ts'
import { findHeader, type Header, type Sheet } from './header.ts'
import { findJsonRows } from './json.ts'
import { proposeMapping, type SampleColumn } from './mapping.ts'
import { Names, type Rows, recordsOf } from './records.ts'
import { PEEK_ROWS, type Peek, peekAtBook } from './scan.ts'
import { inThread, LARGE_BOOK } from './threads.ts'
import { findXmlRows } from './xml.ts'

/** How a file will be read: settled once, shown to the person, used by the batch. */
export type Shape =
  | { kind: 'csv'; encoding: Encoding; delimiter: string; header: Header; estimate: number }
  | { kind: 'xlsx'; sheet: string; header: Header; estimate: number | null }
  | { kind: 'document'; rows: Rows; encoding: Encoding; header: Header; estimate: number | null }

const SAMPLE_ROWS = 50
const HEAD_BYTES = 512 * 1024

export type Seen = { shape: Shape; sheets: Inspection['sheets']; columns: SampleColumn[]; preview: string[][]; messages: Message[] }

/** Looks at the beginning of a file. Throws Unreadable with words for the person when it is no table at all. */
export async function lookAt(path: string, bytes: number, items: Item[], options: ReadOptions = {}): Promise<Seen> {
  if (bytes === 0) throw new Unreadable('file-empty', '文件是空的（0 字节）。', '请检查导出是否成功，再上传。')
  const file = await open(path)
  try {
    const head = Buffer.alloc(Math.min(bytes, 64 * 1024))
    await file.read(head, 0, head.length, 0)
    switch (containerOf(head)) {
      case 'zip':
        return await lookAtWorkbook(path, bytes, items, options)
      case 'ole':
        throw head.includes(Buffer.from('EncryptedPackage', 'utf16le')) ||
          (await tail(file, bytes)).includes(Buffer.from('EncryptedPackage', 'utf16le'))
          ? new Unreadable('workbook-encrypted', '工作簿有密码，读不到内容。', '请去掉密码后重新上传。')
          : new Unreadable('workbook-old', '这是旧版 .xls（或 .et）工作簿，不能读取。', '请用 Excel 或 WPS 另存为 .xlsx 后上传。')
      case 'pdf':
        throw new Unreadable('file-kind', '这是 PDF 文件，不是数据表。', '请上传 CSV、XLSX、JSON 或 XML。')
      case 'gzip':
        throw new Unreadable('file-kind', '这是压缩文件。', '请解压后上传。')
    }
    const pieces = await samples(file, bytes)
    const detected = detectEncoding(pieces)
    const encoding = options.encoding ?? detected.encoding
    const beginning = Buffer.alloc(Math.min(bytes, HEAD_BYTES))
    await file.read(beginning, 0, beginning.length, 0)
    const content = await text(beginning, encoding, bytes > HEAD_BYTES)
    const rows = await documentRows(content, encoding)
    return rows ? await lookAtDocument(path, bytes, rows) : lookAtText(content, bytes, encoding, items, options)
  } finally {
    await file.close()
  }
}

const tail = async (file: Awaited<ReturnType<typeof open>>, bytes: number) => {
  const buffer = Buffer.alloc(Math.min(bytes, 1024 * 1024))
  await file.read(buffer, 0, buffer.length, Math.max(0, bytes - buffer.length))
  return buffer
}

async function text(bytes: Buffer, encoding: Encoding, cut: boolean): Promise<string> {
  let out = ''
  for await (const piece of toUtf8(
    (async function* () {
      yield bytes
    })(),
    encoding,
  ))
    out += piece.toString()
  out = out.replace(/^\ufeff/, '').replaceAll('\0', '')
  // The last record of a piece is not whole.
  return cut ? out.slice(0, Math.max(out.lastIndexOf('\n'), out.lastIndexOf('\r')) + 1) || out : out
}

/** How the rows of a JSON or XML document stand; null when it is neither. */
async function documentRows(content: string, encoding: Encoding): Promise<Rows | null> {
  const start = content.trimStart().slice(0, 200)
  if (/^<(!doctype\s+html|html|head|body|table)\b/i.test(start))
    throw new Unreadable(
      'file-kind',
      '这是网页（HTML），不是数据表；有的系统把它叫作 .xls。',
      '请用 Excel 或 WPS 打开后另存为 .xlsx 再上传。',
    )
  if (/^<(\?xml|!--|!doctype|[\p{L}_])/iu.test(start)) return { kind: 'xml', encoding, at: findXmlRows(content) }
  if (/^(\{\s*["}]|\[\s*[{\]])/.test(start)) return { kind: 'json', encoding, at: await findJsonRows(content) }
  return null
}

/** Up to here all fields of a document are found before it is shown; of a longer one, those of its beginning. */
const WHOLE_BYTES = 8 * 1024 * 1024
const MANY_RECORDS = 20_000

async function lookAtDocument(path: string, bytes: number, rows: Rows): Promise<Seen> {
  const names = new Names()
  const sample: Map<string, string>[] = []
  let read = 0
  let whole = true
  for await (const records of recordsOf(path, rows)) {
    for (const r of records) {
      if (r.broken !== undefined) continue
      names.add(r)
      if (sample.length < 500) sample.push(r.fields)
    }
    read += records.length
    if (bytes > WHOLE_BYTES && read > MANY_RECORDS) {
      whole = false
      break
    }
  }
  if (!names.list.length) throw new Unreadable('no-records', '文件里没有找到记录。', '请检查导出是否成功：需要由记录组成的列表。')
  return {
    shape: {
      kind: 'document',
      rows,
      encoding: rows.encoding,
      header: { line: 0, rows: 0, names: names.list },
      estimate: whole ? read : null,
    },
    sheets: [],
    columns: names.list.map(name => ({ name, values: sample.map(fields => fields.get(name) ?? ''), lossy: false })),
    preview: sample.slice(0, SAMPLE_ROWS).map(fields => names.list.map(name => fields.get(name) ?? '')),
    messages: [],
  }
}

function lookAtText(content: string, bytes: number, encoding: Encoding, items: Item[], options: ReadOptions): Seen {
  if (!content.trim()) throw new Unreadable('file-empty', '文件里没有内容。', '请检查导出是否成功，再上传。')
  const sniffed = sniffDelimiter(content.slice(0, 64 * 1024))
  const delimiter = options.delimiter ?? sniffed
  const { rows } = parseRecords(content, delimiter, 2000)
  const sheet: Sheet = rows.map((cells, i) => ({ line: i + 1, cells }))
  const messages: Message[] = []
  const header = findHeader(
    sheet,
    items.map(i => i.name),
    [],
    { line: options.headerRow, rows: options.headerRows },
  )
  if (!header) throw new Unreadable('header-missing', '没有找到表头。', '请在第一行写上各列的名称后重新上传。')
  const data = sheet.filter(r => r.line >= header.line + header.rows && r.cells.some(Boolean))
  if (!data.length) messages.push(headerOnly)
  if (header.names.length === 1 && items.length > 1) messages.push(oneColumn(content, header.names[0]!, delimiter, sniffed))
  // Only the first 2000 records were parsed; line ends tell how many the whole beginning holds.
  const inHead = rows.length < 2000 ? rows.length : content.split('\n').length - 1
  const perRow = Math.max(content.length / Math.max(inHead, 1), 1)
  const estimate =
    content.length < HEAD_BYTES / 4 && rows.length < 2000
      ? data.length
      : Math.round(bytes / ((perRow * bytesOf(content, encoding)) / content.length))
  return {
    shape: { kind: 'csv', encoding, delimiter, header, estimate },
    sheets: [],
    columns: header.names.map((name, c) => ({ name, values: data.slice(0, 500).map(r => r.cells[c] ?? ''), lossy: false })),
    preview: data.slice(0, SAMPLE_ROWS).map(r => header.names.map((_, c) => r.cells[c] ?? '')),
    messages,
  }
}

const bytesOf = (content: string, encoding: Encoding) => {
  const sample = content.slice(0, 20_000)
  const wide = sample.replace(/[\0-\x7f]/g, '').length
  const each = encoding === 'utf-8' ? sample.length + wide * 2 : encoding === 'gb18030' ? sample.length + wide : sample.length * 2
  return (each / Math.max(sample.length, 1)) * content.length
}

const headerOnly: Message = { level: 'stop', code: 'header-only', text: '只有表头，没有数据行。', remedy: '请检查导出条件，再上传。' }

function oneColumn(content: string, name: string, delimiter: string, sniffed: string): Message {
  const label = (d: string) => `${delimiters[d as keyof typeof delimiters] ?? '其他字符'}「${d === '\t' ? 'Tab' : d}」`
  const start = `按${label(delimiter)}分开后只有一列『${name.slice(0, 40)}』，与任何信息项都对不上`
  if (sniffed !== delimiter)
    return {
      level: 'stop',
      code: 'delimiter',
      text: `${start}。文件看起来用${label(sniffed)}分隔。`,
      remedy: `请把分隔符改为${label(sniffed)}。`,
    }
  const line = content.split(/\r?\n/).find(Boolean) ?? ''
  const other = ['，', '；', '^', '~', ':', '、', '\u0001'].find(d => line.split(d).length > 2)
  return other
    ? {
        level: 'stop',
        code: 'delimiter',
        text: `${start}。文件看起来用「${other}」分隔，不能识别。`,
        remedy: '请用英文逗号或制表符分隔后重新导出。',
      }
    : { level: 'stop', code: 'delimiter', text: `${start}。`, remedy: '请核对分隔符：可以是逗号、制表符、分号或竖线。' }
}

/** The texts of a large workbook fill much memory, of which nothing is left when another thread has read them. */
async function beginningOf(path: string, bytes: number): Promise<Peek> {
  if (bytes <= LARGE_BOOK) return peekAtBook(path)
  for await (const { sheets } of inThread<{ sheets: Peek }>({ book: path })) return sheets
  return []
}

async function lookAtWorkbook(path: string, bytes: number, items: Item[], options: ReadOptions): Promise<Seen> {
  const book = await beginningOf(path, bytes)
  const known = items.map(i => i.name)
  const looks: { name: string; header: Header | null; rows: { line: number; cells: Cell[] }[]; hits: number }[] = []
  const sheets: Inspection['sheets'] = []
  for (const [i, sheet] of book.entries()) {
    const { rows, merges } = sheet
    const plain: Sheet = rows.map(r => ({
      line: r.line,
      cells: Array.from(r.cells, c => (typeof c === 'string' ? c : (c?.lossy ?? ''))),
    }))
    const chosen = options.sheet === sheet.name
    const header = findHeader(plain, known, merges, chosen ? { line: options.headerRow, rows: options.headerRows } : {})
    const usable = header !== null && (header.names.length > 1 || known.length <= 1)
    const { mapping } = usable
      ? proposeMapping(
          header.names.map(name => ({ name, values: [], lossy: false })),
          items,
        )
      : { mapping: [] }
    looks.push({ name: sheet.name, header: usable ? header : null, rows, hits: mapping.filter(m => m.item).length })
    const note = !rows.length ? '空表' : !usable ? `第 ${i + 1} 张表『${sheet.name}』没有表头，未读取。` : sheet.hidden ? '隐藏的表' : null
    sheets.push({ name: sheet.name, header: usable, note })
  }
  const chosen = options.sheet ? looks.find(l => l.name === options.sheet) : looks.filter(l => l.header).sort((a, b) => b.hits - a.hits)[0]
  if (!chosen)
    throw new Unreadable(
      'sheet-missing',
      options.sheet ? `工作簿里没有表『${options.sheet}』。` : '没有一张表有表头。',
      '请在第一行写上各列的名称后重新上传。',
    )
  if (!chosen.header)
    throw new Unreadable('header-missing', sheets.find(s => s.name === chosen.name)?.note ?? '没有找到表头。', '请补上表头，或改选别的表。')
  const { header } = chosen
  const data = chosen.rows.filter(r => r.line >= header.line + header.rows)
  const messages: Message[] = []
  if (!data.length) messages.push(headerOnly)
  for (const [i, sheet] of sheets.entries()) {
    if (!sheet.header && sheet.note && sheet.name !== chosen.name && looks[i]!.rows.length)
      messages.push({ level: 'info', code: 'sheet-without-header', text: sheet.note })
  }
  const others = looks.filter(l => l.header && l.name !== chosen.name && l.hits > 0)
  if (others.length && !options.sheet) {
    messages.push({
      level: 'info',
      code: 'sheets',
      text: `工作簿有 ${sheets.length} 张表，已选『${chosen.name}』；『${others.map(o => o.name).join('』『')}』也有表头，可以改选。`,
    })
  }
  const asText = (c: Cell | undefined) => (c === undefined ? '' : typeof c === 'string' ? c : c.lossy)
  return {
    shape: { kind: 'xlsx', sheet: chosen.name, header, estimate: chosen.rows.length < PEEK_ROWS ? data.length : null },
    sheets,
    columns: header.names.map((name, c) => ({
      name,
      values: data.map(r => asText(r.cells[c])),
      lossy: data.some(r => typeof r.cells[c] === 'object'),
    })),
    preview: data.slice(0, SAMPLE_ROWS).map(r => header.names.map((_, c) => asText(r.cells[c]))),
    messages,
  }
}

/** Everything the wizard shows about columns: proposal, key, what is missing and whether the import can go on. */
export function judge(
  columns: SampleColumn[],
  preview: string[][],
  items: Item[],
  messages: Message[],
): Pick<Inspection, 'columns' | 'preview' | 'mapping' | 'keys' | 'missing' | 'messages' | 'ready'> {
  const { mapping, keys } = proposeMapping(columns, items)
  const filled = new Set(mapping.map(m => m.item))
  const missing = items
    .filter(i => !filled.has(i.key))
    .map(i => ({ item: i.key, name: i.name, required: i.required, text: `没有源列对应「${i.name}」${i.required ? '（必填）' : ''}` }))
  const all = [...messages]
  for (const m of mapping) if (m.level === 'stop' && m.problem) all.push({ level: 'stop', code: 'excel-digits', text: m.problem })
  if (!mapping.some(m => m.item) && !all.some(m => m.code === 'delimiter')) {
    all.push({
      level: 'stop',
      code: 'no-column-matches',
      text: '没有一列与目录的信息项对得上。',
      remedy: '请核对分隔符、表头行和所选的表，或手工指定对应关系。',
    })
  }
  return {
    columns: columns.map(c => ({ name: c.name, samples: [...new Set(c.values.filter(Boolean))].slice(0, 5) })),
    preview,
    mapping,
    keys,
    missing,
    messages: all,
    ready: !all.some(m => m.level === 'stop') && !missing.some(m => m.required) && keys.length > 0,
  }
}

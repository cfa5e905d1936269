import { readFile } from 'node:fs/promises'
import { type DocumentKind, documentKinds } from '../../../../contract/documents.ts'
import { containerOf, Unreadable, Workbook } from '../../../platform/xlsx.ts'
import { parseRecords, sniffDelimiter } from '../reading/csv.ts'
import { detectEncoding } from '../reading/encoding.ts'
import { archiveOf, encrypted } from './archives.ts'
import { asBeijing } from './dates.ts'
import { imageOf } from './images.ts'

/** What a file says of itself. */
export type Look = {
  kind: DocumentKind
  pages?: number
  width?: number
  height?: number
  title?: string | undefined
  author?: string | undefined
  /** In Beijing's time. */
  created?: string | undefined
  modified?: string | undefined
}

/** Judges a file by its content; its name only has to fit. Throws Unreadable with words for whoever sent it. */
export async function look(path: string, name: string): Promise<Look> {
  const b = await readFile(path)
  if (!b.length) throw new Unreadable('document-empty', '文件是空的（0 字节）。', '请检查导出是否成功，再上传。')
  const found = await judged(b)
  const ending = name.includes('.') ? name.split('.').pop()!.toLowerCase() : ''
  const { label, endings } = documentKinds[found.kind]
  if (!(endings as readonly string[]).includes(ending))
    throw new Unreadable(
      'document-ending',
      `内容是 ${label}，文件名却${ending ? `以 .${ending} 结尾` : '没有结尾'}。`,
      `请核对是不是拿错了文件；没有错的，把文件名的结尾改成 .${endings[0]}。`,
    )
  return found
}

async function judged(b: Buffer): Promise<Look> {
  if (executable(b)) throw new Unreadable('document-executable', '这是可执行的程序，不接收。', '请核对文件来源。')
  switch (containerOf(b.subarray(0, 16))) {
    case 'pdf':
      return pdf(b)
    case 'zip':
      return archiveOf(b)
    case 'ole':
      if (b.includes(Buffer.from('EncryptedPackage', 'utf16le'))) throw encrypted()
      throw new Unreadable(
        'document-kind',
        '这是旧版的 .doc、.xls 或 .wps 文件。',
        '请用 Word 或 WPS 另存为 .docx、.xlsx、PDF 或 OFD 后上传。',
      )
    case 'gzip':
      throw new Unreadable('document-kind', '这是压缩文件。', '请解压后上传。')
  }
  return imageOf(b) ?? text(b)
}

const programs = ['4d5a', '7f454c46', 'feedface', 'feedfacf', 'cefaedfe', 'cffaedfe', 'cafebabe', '2321'].map(h => Buffer.from(h, 'hex'))
const executable = (b: Buffer) => programs.some(p => b.subarray(0, p.length).equals(p))

async function pdf(b: Buffer): Promise<Look> {
  const broken = () => new Unreadable('document-broken', 'PDF 不完整或已损坏。', '请用阅读器打开核对，重新导出后再上传。')
  // A reader mends much; what was cut off on the way is not there all the same.
  if (!b.subarray(-65_536).includes('%%EOF')) throw broken()
  const { getDocumentProxy } = await import('unpdf')
  try {
    const document = await getDocumentProxy(new Uint8Array(b), { verbosity: 0 })
    const info = (await document.getMetadata()).info as Record<string, unknown>
    const said = (key: string) => (typeof info[key] === 'string' ? (info[key] as string) : '')
    const pages = document.numPages
    await document.loadingTask.destroy()
    return {
      kind: 'pdf',
      pages,
      title: said('Title'),
      author: said('Author'),
      created: asBeijing(said('CreationDate')),
      modified: asBeijing(said('ModDate')),
    }
  } catch (error) {
    throw (error as Error).name === 'PasswordException' ? encrypted() : broken()
  }
}

function text(b: Buffer): Look {
  const unknown = () =>
    new Unreadable(
      'document-kind',
      '不是可以接收的文件。',
      `可以接收：${Object.values(documentKinds)
        .map(k => k.label)
        .join('、')}。`,
    )
  const content = decoded(b) ?? unknownIf(unknown)
  if (/[^\P{Cc}\t\n\r\f]/u.test(content)) throw unknown()
  if (/^\s*<(!doctype|html|head|body|script|svg|\?xml|!--)/i.test(content))
    throw new Unreadable('document-kind', '这是网页、SVG 或 XML，不是文本文件。', '请导出为 PDF 或图像后上传。')
  return { kind: 'txt' }
}
const unknownIf = (error: () => Error): never => {
  throw error()
}

function decoded(b: Buffer): string | null {
  try {
    return new TextDecoder(detectEncoding([b.subarray(0, 1 << 20)]).encoding, { fatal: true }).decode(b)
  } catch {
    return null
  }
}

const MOST_ROWS = 50_000
/** The rows of an accompanying table, its header first. */
export async function tableRows(path: string): Promise<string[][]> {
  const b = await readFile(path)
  const rows = containerOf(b.subarray(0, 16)) === 'zip' ? await sheetRows(path) : textRows(b)
  if (rows.length > MOST_ROWS)
    throw new Unreadable('document-table', `随附的表超过 ${MOST_ROWS.toLocaleString('en')} 行。`, '请分成几次上传。')
  return rows
}

function textRows(b: Buffer): string[][] {
  const content = decoded(b) ?? unknownIf(() => new Unreadable('document-table', '随附的表读不懂。', '请用 CSV 或 XLSX，第一行写列名。'))
  return parseRecords(content.replace(/^\ufeff/, ''), sniffDelimiter(content.slice(0, 100_000)), MOST_ROWS + 1).rows.filter(r =>
    r.some(Boolean),
  )
}

async function sheetRows(path: string): Promise<string[][]> {
  const book = await Workbook.open(path)
  try {
    const rows: string[][] = []
    for await (const { cells } of book.rows(book.sheets.find(s => !s.hidden) ?? book.sheets[0]!)) {
      rows.push(cells.map(c => (typeof c === 'string' ? c : c.lossy)))
      if (rows.length > MOST_ROWS) break
    }
    return rows
  } finally {
    book.close()
  }
}

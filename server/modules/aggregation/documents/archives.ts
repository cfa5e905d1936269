import { crc32 } from 'node:zlib'
import { SaxesParser } from 'saxes'
import yauzl from 'yauzl'
import { Unreadable } from '../../../platform/xlsx.ts'
import { asBeijing } from './dates.ts'
import type { Look } from './look.ts'

const broken = () => new Unreadable('document-broken', '文件不完整或已损坏。', '请用原来的软件打开核对，重新保存后再上传。')
const MOST_PARTS = 20_000
const MOST_UNPACKED = 1024 ** 3
/** A page of text packs to a tenth, an empty sheet to a fiftieth. */
const MOST_RATIO = 200
const SMALL = 64 * 1024 ** 2
const MOST_XML = 16 * 1024 ** 2

type Parts = Map<string, Buffer>

/** What a zip holds: a text, a sheet or a page layout. Every part is unpacked once, so that one that is damaged is found now. */
export async function archiveOf(b: Buffer): Promise<Look> {
  const { names, parts } = await unpacked(b)
  if (names.has('OFD.xml')) return ofd(parts)
  const types = parts.get('[Content_Types].xml')?.toString() ?? ''
  const kind = /wordprocessingml\.document\.main\+xml/.test(types) ? 'docx' : /spreadsheetml\.sheet\.main\+xml/.test(types) ? 'xlsx' : null
  if (/macroEnabled/i.test(types) || [...names].some(n => /vbaProject\.bin$/i.test(n)))
    throw new Unreadable('document-macro', '文件里有宏程序，不接收。', '请另存为不带宏的 .docx 或 .xlsx 后上传。')
  if (kind) return office(kind, parts)
  throw new Unreadable('document-kind', '这是压缩包，不是单个文件。', '请解压后把里面的文件一起选上。')
}

async function unpacked(b: Buffer): Promise<{ names: Set<string>; parts: Parts }> {
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) =>
    yauzl.fromBuffer(b, { lazyEntries: true }, (error, file) => (error ? reject(broken()) : resolve(file))),
  )
  const entries = await new Promise<yauzl.Entry[]>((resolve, reject) => {
    const list: yauzl.Entry[] = []
    zip.on('entry', (entry: yauzl.Entry) => {
      list.push(entry)
      if (list.length > MOST_PARTS) return reject(bomb())
      zip.readEntry()
    })
    zip.on('end', () => resolve(list))
    zip.on('error', () => reject(broken()))
    zip.readEntry()
  })
  if (entries.some(e => e.isEncrypted())) throw encrypted()
  const total = entries.reduce((sum, e) => sum + e.uncompressedSize, 0)
  if (total > MOST_UNPACKED || (total > SMALL && total > b.length * MOST_RATIO)) throw bomb()
  const parts: Parts = new Map()
  for (const entry of entries) {
    const keep = /\.xml$/i.test(entry.fileName) && entry.uncompressedSize <= MOST_XML
    const content = await read(zip, entry, keep)
    if (content) parts.set(entry.fileName.replace(/^\//, ''), content)
  }
  return { names: new Set(entries.map(e => e.fileName.replace(/^\//, ''))), parts }
}

async function read(zip: yauzl.ZipFile, entry: yauzl.Entry, keep: boolean): Promise<Buffer | null> {
  const stream = await new Promise<NodeJS.ReadableStream>((resolve, reject) =>
    zip.openReadStream(entry, (error, s) => (error ? reject(broken()) : resolve(s))),
  )
  const pieces: Buffer[] = []
  let sum = 0
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      sum = crc32(piece, sum)
      if (keep) pieces.push(piece)
    }
  } catch {
    throw broken()
  }
  if (sum !== entry.crc32) throw broken()
  return keep ? Buffer.concat(pieces) : null
}

const bomb = () =>
  new Unreadable('document-bomb', '压缩内容解开后大得不合常理，没有接收。', '请核对文件来源；确是正常文件的，请用原来的软件另存后上传。')
export const encrypted = () => new Unreadable('document-encrypted', '文件有密码，读不到内容。', '请去掉密码后重新上传。')

/** Texts of an XML part by the names of the elements that lead to it; and how often an element stands there. */
function elementsOf(parts: Parts, name: string): { text(path: string): string; count(path: string): number; all(path: string): string[] } {
  const part = parts.get(name)
  const texts = new Map<string, string[]>()
  if (part) {
    const at: string[] = []
    const parser = new SaxesParser()
    const add = (t: string) => {
      const list = texts.get(at.join('/'))
      if (list) list[list.length - 1] += t
    }
    parser.on('opentag', tag => {
      at.push(tag.name.slice(tag.name.indexOf(':') + 1))
      const path = at.join('/')
      if (!texts.has(path)) texts.set(path, [])
      texts.get(path)!.push('')
    })
    parser.on('text', add)
    parser.on('cdata', add)
    parser.on('closetag', () => at.pop())
    // A document type could define entities; none of these formats has one.
    parser.on('doctype', () => {
      throw broken()
    })
    try {
      parser.write(new TextDecoder().decode(part)).close()
    } catch {
      throw broken()
    }
  }
  const all = (path: string) => texts.get(path) ?? []
  return { all, text: path => (all(path)[0] ?? '').trim(), count: path => all(path).length }
}

function ofd(parts: Parts): Look {
  const root = elementsOf(parts, 'OFD.xml')
  const bodies = root.all('OFD/DocBody/DocRoot').map(p => p.trim().replace(/^\//, ''))
  if (!bodies.length || bodies.some(p => !parts.has(p))) throw broken()
  const info = (name: string) => root.text(`OFD/DocBody/DocInfo/${name}`)
  return {
    kind: 'ofd',
    pages: bodies.reduce((sum, p) => sum + elementsOf(parts, p).count('Document/Pages/Page'), 0),
    title: info('Title'),
    author: info('Author'),
    created: asBeijing(info('CreationDate')),
    modified: asBeijing(info('ModDate')),
  }
}

function office(kind: 'docx' | 'xlsx', parts: Parts): Look {
  const core = elementsOf(parts, 'docProps/core.xml')
  const pages = Number(elementsOf(parts, 'docProps/app.xml').text('Properties/Pages'))
  return {
    kind,
    ...(pages > 0 && { pages }),
    title: core.text('coreProperties/title'),
    author: core.text('coreProperties/creator'),
    created: asBeijing(core.text('coreProperties/created')),
    modified: asBeijing(core.text('coreProperties/modified')),
  }
}

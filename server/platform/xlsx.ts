import type { Readable } from 'node:stream'
import { SaxesParser } from 'saxes'
import yauzl from 'yauzl'
import { trimmed } from './text.ts'

/** A workbook that cannot be read, in words for the person who uploaded it. */
export class Unreadable extends Error {
  readonly code: string
  readonly remedy: string
  constructor(code: string, message: string, remedy: string) {
    super(message)
    this.code = code
    this.remedy = remedy
  }
}

/** A cell: its text, or a number of more than 15 digits whose last digits Excel has lost. */
export type Cell = string | { lossy: string }
export type Row = { line: number; cells: Cell[] }

const broken = (detail: string) =>
  new Unreadable('workbook-broken', `工作簿打不开（${detail}）。`, '请用 Excel 或 WPS 打开后另存为 .xlsx，再上传。')

/** Enough for about 3 million different texts; above it the file would take more memory than one upload may. */
const MOST_SHARED = 120_000_000
const MOST_COLUMNS = 1600

/** Says what a file that is no CSV is, by its first bytes. */
export function containerOf(head: Buffer): 'zip' | 'ole' | 'pdf' | 'gzip' | null {
  if (head.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1'))) return 'zip'
  if (head.subarray(0, 8).equals(Buffer.from('d0cf11e0a1b11ae1', 'hex'))) return 'ole'
  if (head.subarray(0, 5).toString('latin1') === '%PDF-') return 'pdf'
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  return null
}

export class Workbook {
  readonly sheets: { name: string; path: string; hidden: boolean }[] = []
  private readonly zip: yauzl.ZipFile
  private readonly entries: Map<string, yauzl.Entry>
  private shared: string[] | undefined
  private dateStyles: boolean[] = []
  private date1904 = false
  private sharedPath: string | undefined

  private constructor(zip: yauzl.ZipFile, entries: Map<string, yauzl.Entry>) {
    this.zip = zip
    this.entries = entries
  }

  static async open(path: string): Promise<Workbook> {
    const zip = await new Promise<yauzl.ZipFile>((resolve, reject) =>
      yauzl.open(path, { lazyEntries: true, autoClose: false }, (error, file) => (error ? reject(broken('压缩包损坏')) : resolve(file))),
    )
    try {
      const entries = await new Promise<Map<string, yauzl.Entry>>((resolve, reject) => {
        const map = new Map<string, yauzl.Entry>()
        zip.on('entry', (entry: yauzl.Entry) => {
          map.set(entry.fileName.replace(/^\//, '').toLowerCase(), entry)
          if (map.size > 20_000) reject(broken('部件过多'))
          zip.readEntry()
        })
        zip.on('end', () => resolve(map))
        zip.on('error', () => reject(broken('压缩包损坏')))
        zip.readEntry()
      })
      const book = new Workbook(zip, entries)
      await book.readStructure()
      return book
    } catch (error) {
      zip.close()
      throw error instanceof Unreadable ? error : broken((error as Error).message)
    }
  }

  close(): void {
    this.zip.close()
  }

  private async part(path: string): Promise<Readable | undefined> {
    const entry = this.entries.get(path.toLowerCase())
    if (!entry) return undefined
    if (entry.isEncrypted()) throw new Unreadable('workbook-encrypted', '工作簿有密码，读不到内容。', '请去掉密码后重新上传。')
    return new Promise((resolve, reject) =>
      this.zip.openReadStream(entry, (error, stream) => (error ? reject(broken('压缩包损坏')) : resolve(stream))),
    )
  }

  /** Runs a parser over one part; `open`, `text`, `close` as SAX gives them. Stops early when `done` says so. */
  private async walk(
    path: string,
    on: { open?(name: string, a: Record<string, string>, self: boolean): void; text?(t: string): void; close?(name: string): void },
  ) {
    for await (const _ of this.events(path, on)) void _
  }

  private async *events(
    path: string,
    on: { open?(name: string, a: Record<string, string>, self: boolean): void; text?(t: string): void; close?(name: string): void },
  ): AsyncGenerator<void> {
    const stream = await this.part(path)
    if (!stream) return
    const parser = new SaxesParser()
    const local = (name: string) => name.slice(name.indexOf(':') + 1)
    parser.on('opentag', tag => on.open?.(local(tag.name), tag.attributes as Record<string, string>, tag.isSelfClosing))
    if (on.text) {
      parser.on('text', on.text)
      parser.on('cdata', on.text)
    }
    parser.on('closetag', tag => on.close?.(local(tag.name)))
    // A document type could define entities; no workbook has one.
    parser.on('doctype', () => {
      throw broken('含有文档类型声明')
    })
    const decoder = new TextDecoder()
    try {
      for await (const chunk of stream) {
        parser.write(decoder.decode(chunk as Buffer, { stream: true }))
        yield
      }
      parser.close()
      yield
    } catch (error) {
      throw error instanceof Unreadable ? error : broken('内容不完整')
    } finally {
      stream.destroy()
    }
  }

  private async relations(path: string): Promise<Map<string, { target: string; type: string }>> {
    const map = new Map<string, { target: string; type: string }>()
    const slash = path.lastIndexOf('/')
    const base = path.slice(0, slash + 1)
    await this.walk(`${base}_rels/${path.slice(slash + 1)}.rels`, {
      open: (name, a) => {
        if (name !== 'Relationship' || !a.Id || !a.Target) return
        const target = a.Target.startsWith('/') ? a.Target.slice(1) : new URL(a.Target, `zip:///${base}`).pathname.slice(1)
        map.set(a.Id, { target, type: (a.Type ?? '').split('/').pop()! })
      },
    })
    return map
  }

  private async readStructure(): Promise<void> {
    const root = [...(await this.relations('')).values()].find(r => r.type === 'officeDocument')?.target ?? 'xl/workbook.xml'
    if (!this.entries.has(root.toLowerCase())) throw broken('里面没有工作簿')
    const relations = await this.relations(root)
    await this.walk(root, {
      open: (name, a) => {
        if (name === 'workbookPr' && (a.date1904 === '1' || a.date1904 === 'true')) this.date1904 = true
        if (name !== 'sheet') return
        const relation = relations.get(a['r:id'] ?? Object.entries(a).find(([k]) => k.endsWith(':id'))?.[1] ?? '')
        if (relation?.type === 'worksheet')
          this.sheets.push({ name: a.name ?? '', path: relation.target, hidden: (a.state ?? 'visible') !== 'visible' })
      },
    })
    if (!this.sheets.length) throw broken('里面没有工作表')
    const parts = [...relations.values()]
    this.sharedPath = parts.find(p => p.type === 'sharedStrings')?.target
    const styles = parts.find(p => p.type === 'styles')?.target
    if (styles) await this.readStyles(styles)
  }

  private async readStyles(path: string): Promise<void> {
    const formats = new Map<number, string>()
    let cells = false
    await this.walk(path, {
      open: (name, a) => {
        if (name === 'numFmt') formats.set(Number(a.numFmtId), a.formatCode ?? '')
        if (name === 'cellXfs') cells = true
        if (name === 'xf' && cells) this.dateStyles.push(isDateFormat(Number(a.numFmtId ?? 0), formats))
      },
      close: name => {
        if (name === 'cellXfs') cells = false
      },
    })
  }

  private async strings(): Promise<string[]> {
    if (this.shared) return this.shared
    const list: string[] = []
    let total = 0
    let text: string | undefined
    let phonetic = 0
    let inText = false
    if (this.sharedPath) {
      await this.walk(this.sharedPath, {
        open: name => {
          if (name === 'si') text = ''
          else if (name === 'rPh') phonetic++
          else if (name === 't') inText = true
        },
        text: t => {
          if (inText && !phonetic && text !== undefined) text += t
        },
        close: name => {
          if (name === 't') inText = false
          else if (name === 'rPh') phonetic--
          else if (name === 'si') {
            total += text!.length + 16
            if (total > MOST_SHARED) throw new Unreadable('workbook-large', '工作簿里的文字太多，不能一次读完。', '请另存为 CSV 后上传。')
            list.push(unescaped(text!))
            text = undefined
          }
        },
      })
    }
    this.shared = list
    return list
  }

  /** Rows of a sheet that have at least one value, in order, while the part is still being unpacked. */
  async *rows(sheet: { path: string }): AsyncGenerator<Row> {
    const shared = await this.strings()
    let ready: Row[] = []
    let line = 0
    let column = 0
    let cells: Cell[] = []
    let type = ''
    let style = 0
    let value: string | undefined
    let reading = false
    let phonetic = 0
    const on = {
      open: (name: string, a: Record<string, string>) => {
        if (name === 'row') {
          line = a.r ? Number(a.r) : line + 1
          column = 0
          cells = []
        } else if (name === 'c') {
          column = a.r ? columnOf(a.r) : column + 1
          type = a.t ?? 'n'
          style = Number(a.s ?? 0)
          value = undefined
        } else if (name === 'v' || name === 't') {
          reading = phonetic === 0
          if (reading) value ??= ''
        } else if (name === 'rPh') phonetic++
      },
      text: (t: string) => {
        if (reading && value !== undefined) value += t
      },
      close: (name: string) => {
        if (name === 'v' || name === 't') reading = false
        else if (name === 'rPh') phonetic--
        else if (name === 'c') {
          if (value === undefined || value === '' || column > MOST_COLUMNS) return
          const cell = this.cell(type, style, value, shared)
          if (cell === '') return
          while (cells.length < column - 1) cells.push('')
          cells[column - 1] = cell
        } else if (name === 'row' && cells.length) ready.push({ line, cells })
      },
    }
    for await (const _ of this.events(sheet.path, on)) {
      if (!ready.length) continue
      const now = ready
      ready = []
      yield* now
    }
  }

  /** Merged ranges stand after the rows in the file, so this reads the part once more. */
  async merges(sheet: { path: string }, upToRow: number): Promise<{ top: number; left: number; bottom: number; right: number }[]> {
    const list: { top: number; left: number; bottom: number; right: number }[] = []
    await this.walk(sheet.path, {
      open: (name, a) => {
        if (name !== 'mergeCell' || !a.ref) return
        const [from, to = from] = a.ref.split(':') as [string, string?]
        const range = { top: rowOf(from), left: columnOf(from) - 1, bottom: rowOf(to!), right: Math.min(columnOf(to!) - 1, MOST_COLUMNS) }
        if (range.top <= upToRow) list.push(range)
      },
    })
    return list
  }

  private cell(type: string, style: number, value: string, shared: string[]): Cell {
    switch (type) {
      case 's':
        return trimmed(shared[Number(value)] ?? '')
      case 'inlineStr':
      case 'str':
        return trimmed(unescaped(value))
      case 'b':
        return value === '1' ? '1' : '0'
      case 'e':
        return value
      case 'd':
        return value.replace(/T00:00:00(\.0+)?Z?$/, '').replace('T', ' ')
      default: {
        const number = Number(value)
        if (!Number.isFinite(number)) return trimmed(value)
        if (this.dateStyles[style]) return dateOf(number, this.date1904)
        return plainNumber(number, value)
      }
    }
  }
}

/** A number as the person typed it: no exponent, and honest about digits a double cannot keep. */
export function plainNumber(number: number, written: string): Cell {
  const digits = /^-?\d+$/.test(written) ? written.replace(/^-?0*/, '').length : 0
  if (Math.abs(number) >= 1e15 || digits > 15) return { lossy: BigInt(Math.round(number)).toString() }
  if (Number.isInteger(number)) return String(number)
  // 17 significant digits are how 0.1 + 0.2 is stored; people typed 15 at most.
  const text = String(Number(number.toPrecision(15)))
  return text.includes('e') ? number.toFixed(20).replace(/0+$/, '') : text
}

/** Excel's day number. In the 1900 system it believes in 29 February 1900, so days before March stand one off. */
export function dateOf(serial: number, date1904: boolean): string {
  const days = Math.floor(serial)
  const seconds = Math.round((serial - days) * 86_400)
  if (!date1904 && days === 0) return clock(seconds)
  const day = date1904 ? days + 1462 : days < 60 ? days + 1 : days
  const date = new Date(Date.UTC(1899, 11, 30 + day, 0, 0, seconds))
  if (Number.isNaN(date.getTime())) return String(serial)
  const text = date.toISOString()
  return seconds % 86_400 ? `${text.slice(0, 10)} ${text.slice(11, 19)}` : text.slice(0, 10)
}
const clock = (s: number) => [s / 3600, (s / 60) % 60, s % 60].map(n => String(Math.floor(n)).padStart(2, '0')).join(':')

function isDateFormat(id: number, formats: Map<number, string>): boolean {
  const format = formats.get(id)
  if (format === undefined) return (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58)
  const bare = format.replace(/"[^"]*"|\\.|_.|\*.|\[[^\]]*\]/g, ' ').split(';')[0]!
  return /[ymdhs]/i.test(bare) && !/[0#?]/.test(bare.replace(/s\.0+/i, ''))
}

const columnOf = (reference: string): number => {
  let n = 0
  for (let i = 0; i < reference.length; i++) {
    const c = reference.charCodeAt(i) & 0xdf
    if (c < 65 || c > 90) break
    n = n * 26 + c - 64
  }
  return n
}
const rowOf = (reference: string): number => Number(/\d+/.exec(reference)?.[0] ?? 0)
const unescaped = (text: string) =>
  text.includes('_x') ? text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))) : text

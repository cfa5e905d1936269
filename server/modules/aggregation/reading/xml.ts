import { SaxesParser } from 'saxes'
import { trimmed } from '../../../platform/text.ts'
import { Unreadable } from '../../../platform/xlsx.ts'
import { LONGEST_RECORD, MOST_DEPTH, type Record } from './records.ts'

const local = (name: string) => name.slice(name.indexOf(':') + 1)

type Tag = { name: string; attributes: { [name: string]: string } }
function parserOf(on: { open(tag: Tag, line: number): void; text?(text: string): void; close?(): void }): SaxesParser {
  const parser = new SaxesParser()
  parser.on('opentag', tag => on.open(tag as Tag, parser.line))
  if (on.text) {
    parser.on('text', on.text)
    parser.on('cdata', on.text)
  }
  if (on.close) parser.on('closetag', on.close)
  // Entities of one's own could blow a small file up, or point to other files.
  parser.on('doctype', text => {
    if (/[[]|ENTITY/i.test(text))
      throw new Unreadable('xml-entities', 'XML 里定义了实体（DOCTYPE），不予读取。', '请去掉文档类型声明后重新导出。')
  })
  return parser
}
const unreadable = (error: unknown, parser: SaxesParser): Unreadable =>
  error instanceof Unreadable
    ? error
    : new Unreadable('xml-broken', `第 ${parser.line.toLocaleString('en')} 行附近不是正确的 XML。`, '请检查导出是否完整，再上传。')

/** The rows of an XML document, while it is still being read: elements at `at`, their attributes and children as fields. */
export async function* xmlRecords(source: AsyncIterable<Buffer>, at: string[]): AsyncGenerator<Record[]> {
  let found: Record[] = []
  const path: string[] = []
  let record: Record | undefined
  /** Text of the elements that are open inside the row, each with what it is called. */
  let open: { name: string; text: string; children: boolean }[] = []
  let size = 0
  const put = (name: string, value: string) => {
    const before = record!.fields.get(name)
    // Several of the same name are a list.
    record!.fields.set(name, before && value ? `${before}；${value}` : (before ?? '') || value)
  }
  const parser = parserOf({
    open(tag, line) {
      path.push(local(tag.name))
      if (path.length > MOST_DEPTH) throw new Unreadable('too-deep', `第 ${line} 行起嵌套超过 ${MOST_DEPTH} 层。`, '请导出为平面的记录。')
      if (!record) {
        if (path.length !== at.length || path.some((name, i) => name !== at[i])) return
        record = { line, fields: new Map() }
        size = 0
        open = [{ name: '', text: '', children: false }]
      } else {
        const above = open.at(-1)!
        above.children = true
        open.push({ name: above.name ? `${above.name}.${path.at(-1)}` : path.at(-1)!, text: '', children: false })
      }
      const { name } = open.at(-1)!
      for (const [attribute, value] of Object.entries(tag.attributes)) {
        if (/^(xmlns|xsi)(:|$)/.test(attribute)) continue
        size += value.length
        put(name ? `${name}.${local(attribute)}` : local(attribute), trimmed(value))
      }
    },
    text(text) {
      if (!record) return
      size += text.length
      if (size > LONGEST_RECORD)
        throw new Unreadable('record-too-long', `第 ${record.line} 行起的一条记录超过 1 MB。`, '请检查数据，或去掉其中的大字段。')
      open.at(-1)!.text += text
    },
    close() {
      path.pop()
      if (!record) return
      const done = open.pop()!
      const text = trimmed(done.text)
      if (done.name ? text || !done.children : text) put(done.name || '值', text)
      if (open.length) return
      found.push(record)
      record = undefined
    },
  })
  const decoder = new TextDecoder()
  let quiet = 0
  let told = 0
  parser.on('opentagstart', () => {
    told++
  })
  try {
    for await (const chunk of source) {
      const before = told
      parser.write(decoder.decode(chunk, { stream: true }))
      // The parser holds a value until its end.
      quiet = told === before ? quiet + chunk.length : 0
      if (quiet > LONGEST_RECORD)
        throw new Unreadable('record-too-long', `第 ${parser.line} 行附近的一个值超过 1 MB。`, '请检查数据，或去掉其中的大字段。')
      if (!found.length) continue
      yield found
      found = []
    }
    parser.close()
  } catch (error) {
    throw unreadable(error, parser)
  }
  if (found.length) yield found
}

/** Where the rows stand, judged by the beginning of a document: the outermost element that comes more than once in the same place. */
export function findXmlRows(beginning: string): string[] {
  const counts = new Map<string, { path: string[]; n: number; deep: boolean }>()
  const path: string[] = []
  const parser = parserOf({
    open(tag, line) {
      path.push(local(tag.name))
      if (path.length > MOST_DEPTH) throw new Unreadable('too-deep', `第 ${line} 行起嵌套超过 ${MOST_DEPTH} 层。`, '请导出为平面的记录。')
      const above = counts.get(path.slice(0, -1).join('/'))
      if (above) above.deep = true
      const one = counts.get(path.join('/')) ?? { path: [...path], n: 0, deep: false }
      one.n++
      if (Object.keys(tag.attributes).some(name => !name.startsWith('xmlns'))) one.deep = true
      counts.set(path.join('/'), one)
    },
    close: () => void path.pop(),
  })
  try {
    parser.write(beginning)
  } catch (error) {
    if (error instanceof Unreadable) throw error
    if (!counts.size) throw unreadable(error, parser)
  }
  const all = [...counts.values()].sort((a, b) => a.path.length - b.path.length)
  const repeated = all.find(c => c.n > 1 && c.deep) ?? all.find(c => c.n > 1 && c.path.length === 2)
  // Only one row: the innermost element that still has parts.
  const chosen = repeated ?? all.filter(c => c.deep).at(-1) ?? all[0]
  if (!chosen) throw new Unreadable('xml-broken', '文件里没有 XML 元素。', '请检查导出是否成功，再上传。')
  return chosen.path
}

import type { Item } from '../../../contract/catalog.ts'

/**
 * A block of cells copied from a spreadsheet: tabs and line ends, quotes around cells that hold either, one line end too many at the end.
 * `text/html` is not read: it loses empty cells and carries what was displayed, not what was there.
 */
export function cells(text: string): string[][] {
  const rows: string[][] = [[]]
  let cell = ''
  let quoted = false
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i]!
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') {
        cell += '"'
        i += 1
      } else if (c === '"') quoted = false
      else cell += c
    } else if (c === '"' && cell === '') quoted = true
    else if (c === '\t') {
      rows.at(-1)!.push(cell)
      cell = ''
    } else if (c === '\n' || c === '\r') {
      if (c === '\r' && text[i + 1] === '\n') i += 1
      rows.at(-1)!.push(cell)
      cell = ''
      rows.push([])
    } else cell += c
  }
  if (cell || rows.at(-1)!.length) rows.at(-1)!.push(cell)
  else rows.pop()
  return rows.map(row => row.map(one => one.trim()))
}

export type Part = 'name' | 'type' | 'length' | 'description' | 'skip'
export const partLabels: Record<Part, string> = {
  name: '信息项名称',
  type: '数据类型',
  length: '长度',
  description: '说明',
  skip: '不导入',
}

const words: [Part, RegExp][] = [
  ['name', /名称|字段名|中文名|信息项|name/i],
  ['type', /类型|type/i],
  ['length', /长度|length|size/i],
  ['description', /说明|描述|备注|注释|comment|description/i],
]

/** Whether the first line names the columns, and which column is what. */
export function guess(rows: string[][]): { header: boolean; parts: Part[] } {
  const width = Math.max(0, ...rows.map(row => row.length))
  const first = rows[0] ?? []
  const taken = new Set<Part>()
  const named = Array.from({ length: width }, (_, index): Part => {
    const found = words.find(([part, pattern]) => !taken.has(part) && pattern.test(first[index] ?? ''))?.[0]
    if (found) taken.add(found)
    return found ?? 'skip'
  })
  if (taken.has('name')) return { header: true, parts: named }
  const usual: Part[] = ['name', 'type', 'length', 'description']
  return { header: false, parts: Array.from({ length: width }, (_, index) => usual[index] ?? 'skip') }
}

const types: [NonNullable<Item['type']>, RegExp][] = [
  ['T', /日期时间|datetime|timestamp/i],
  ['D', /日期|date/i],
  ['Y', /货币|金额|money|currency/i],
  ['I', /整|int/i],
  ['L', /逻辑|布尔|bool/i],
  ['F', /浮点|float|real/i],
  ['B', /双精度|double/i],
  ['N', /数值|数字|num|decimal/i],
  ['M', /备注|text|clob|memo/i],
  ['C', /字符|文本|char|string/i],
]
const narrow = (text: string) => text.normalize('NFKC').trim()

/** 字符型, varchar(18), C, 日期 → the letters of the national template. */
export function typeOf(text: string): Item['type'] {
  const plain = narrow(text)
  if (/^[CNYDTLMGBIF]$/i.test(plain)) return plain.toUpperCase() as Item['type']
  return types.find(([, pattern]) => pattern.test(plain))?.[0]
}

export type Pasted = { item: Pick<Item, 'name' | 'type' | 'length' | 'description'>; problems: string[] }

export function itemsFrom(rows: string[][], parts: Part[], header: boolean): Pasted[] {
  return (header ? rows.slice(1) : rows)
    .filter(row => row.some(Boolean))
    .map(row => {
      const pick = (part: Part) => row[parts.indexOf(part)] ?? ''
      const problems: string[] = []
      const name = pick('name')
      if (!name) problems.push('没有名称')
      const typeText = pick('type')
      const type = typeText ? typeOf(typeText) : undefined
      if (typeText && !type) problems.push(`不认识类型「${typeText}」`)
      const lengthText = narrow(pick('length')) || /\((\d+)/.exec(narrow(typeText))?.[1] || ''
      const length = /^\d+/.test(lengthText) ? Number.parseInt(lengthText, 10) : undefined
      if (lengthText && length === undefined) problems.push(`长度「${lengthText}」不是数字`)
      return { item: { name, type, length: length || undefined, description: pick('description') }, problems }
    })
}

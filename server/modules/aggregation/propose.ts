import { EntryContent, type Item } from '../../../contract/catalog.ts'
import type { Proposal } from '../../../contract/proposals.ts'
import { checkCreditCode, checkIdNumber } from '../quality/public.ts'
import type { Column, Look, Table } from './connectors/types.ts'

/** The name at the beginning of a comment; what explains it (codes, units, notes) follows in brackets or after a mark. */
export function named(comment: string): string {
  const name = comment
    .trim()
    .split(/[（(【[{：:，,。；;、|\n\r\t]|\s+|--/)[0]!
    .trim()
  return name.length <= 60 ? name : ''
}

const numbers = (type: string) => (/\(([\d\s,]+)\)/.exec(type)?.[1] ?? '').split(',').map(Number).filter(Boolean)

/** The template's type of a column as PostgreSQL or MySQL writes it. */
export function typeOf(type: string, name: string): Pick<Item, 'type' | 'length' | 'scale' | 'codes'> {
  const t = type.toLowerCase()
  const [size, scale] = numbers(t).map((n, i) => Math.min(n, i ? 10 : 100_000))
  if (/^(boolean|bool|tinyint\(1\)|bit\(1\))/.test(t)) return { type: 'L' }
  if (/^(numeric|decimal|money)/.test(t))
    return { type: /金额|金$|补助|费|价|收入|支出|余额/.test(name) ? 'Y' : 'N', ...(size && { length: size }), ...(scale && { scale }) }
  if (/^(tinyint|smallint|mediumint|int|integer|bigint|year|serial)/.test(t)) return { type: 'I' }
  if (/^double/.test(t)) return { type: 'B' }
  if (/^(real|float)/.test(t)) return { type: 'F' }
  if (/^date\b/.test(t) && !t.startsWith('datetime')) return { type: 'D', length: 8 }
  if (/^(timestamp|datetime)/.test(t)) return { type: 'T' }
  if (/^enum/.test(t))
    return { type: 'C', length: 50, codes: [...type.matchAll(/'((?:[^']|'')*)'/g)].map(m => m[1]!.replaceAll("''", "'").slice(0, 100)) }
  if (/^(char|character|varchar|nchar|nvarchar|bpchar)/.test(t)) return { type: 'C', ...(size && { length: size }) }
  if (/^uuid/.test(t)) return { type: 'C', length: 36 }
  if (/^time/.test(t)) return { type: 'C', length: 20 }
  if (/text/.test(t)) return { type: 'M' }
  return { type: 'G' }
}

const luhn = (text: string) =>
  /^\d{16,19}$/.test(text) &&
  [...text].reverse().reduce((sum, c, i) => sum + (i % 2 ? [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][Number(c)]! : Number(c)), 0) % 10 === 0
const between = (from: number, to: number) => (v: string) => /^-?\d+\.\d+$/.test(v) && Number(v) >= from && Number(v) <= to

/** What a value can be told by, the sure ones first. `called`: only together with such a name. */
const detectors: { semantic: NonNullable<Item['semantic']>; word: string; test(v: string): boolean; called?: RegExp }[] = [
  { semantic: 'id-number', word: '校验位', test: v => checkIdNumber(v).ok },
  { semantic: 'credit-code', word: '校验码', test: v => checkCreditCode(v).ok },
  { semantic: 'mobile', word: '手机号段', test: v => /^(\+?86)?1[3-9]\d{9}$/.test(v) },
  { semantic: 'email', word: '邮箱格式', test: v => /^[\w.+-]+@[\w-]+(\.[\w-]+)+$/.test(v) },
  { semantic: 'bank-card', word: '校验位', test: luhn, called: /卡号|账号|帐号|card|account/i },
  { semantic: 'plate', word: '号牌格式', test: v => /^[\u4e00-\u9fa5][A-Z][A-Z0-9]{4,5}[A-Z0-9挂学警港澳]$/.test(v) },
  { semantic: 'longitude', word: '经度范围', test: between(73, 136), called: /经度|lng|lon|^x$/i },
  { semantic: 'latitude', word: '纬度范围', test: between(3, 54), called: /纬度|lat|^y$/i },
  { semantic: 'region-code', word: '区划位数', test: v => /^\d{6}(\d{3}){0,2}$/.test(v), called: /区划|地区代码|xzqh|adcode|region/i },
  { semantic: 'phone', word: '电话格式', test: v => /^(0\d{2,3}-?)?\d{7,8}(-\d+)?$/.test(v), called: /电话|phone|tel/i },
  {
    semantic: 'person-name',
    word: '姓名用字',
    test: v => /^[\u4e00-\u9fa5·]{2,15}$/.test(v),
    called: /姓名|名字|联系人|负责人|法定代表人|^xm$/i,
  },
  { semantic: 'address', word: '地址用字', test: v => /[\u4e00-\u9fa5]{3}/.test(v), called: /地址|住址|住所|^dz$|address/i },
]
const personal = new Set<Item['semantic']>(['id-number', 'mobile', 'email', 'bank-card', 'plate', 'phone', 'person-name', 'address'])

/** What the sample shows a column to be; a column of which nothing is seen is judged by no name alone. */
function seenIn(column: Column, name: string, values: string[]): { semantic?: Item['semantic']; seen: string } {
  const filled = values.map(v => v.trim()).filter(Boolean)
  if (!filled.length) return { seen: '样例中没有值' }
  const count = `样例 ${filled.length} 个值`
  for (const { semantic, word, test, called } of detectors) {
    if (called && !called.test(name) && !called.test(column.name)) continue
    const share = filled.filter(test).length / filled.length
    if (share >= 0.8) return { semantic, seen: `${count}，${word} ${Math.floor(share * 100)}% 符合` }
  }
  return { seen: count }
}

/** An entry as a table suggests it: the steward decides. */
export function propose(table: Table, look: Look, label: string): Proposal {
  const items: Item[] = []
  const used = new Set<string>()
  const unique = (name: string) => {
    let one = name
    for (let n = 2; used.has(one); n++) one = `${name}${n}`
    used.add(one)
    return one
  }
  const columns: Proposal['columns'] = look.columns.map((column, i) => {
    const values = look.rows.map(r => r[i] ?? '')
    const comment = column.comment.trim()
    const called = named(comment) || column.name
    const { semantic, seen } = seenIn(column, called, values)
    const type = typeOf(column.type, called)
    const key = `c${i + 1}`
    items.push({
      key,
      name: unique(called),
      // A number column of identifiers keeps its leading zeros and letters as text.
      ...(semantic === 'id-number' || semantic === 'credit-code' ? { type: 'C', length: 18 } : type),
      description: comment === called ? '' : comment.slice(0, 1000),
      identifier: column.key,
      required: !column.nullable,
      ...(semantic && { semantic }),
      ...(personal.has(semantic) && { sensitive: 'privacy' as const }),
    })
    return { name: column.name, type: column.type, comment, item: key, seen, sample: values.find(Boolean)?.slice(0, 60) ?? '' }
  })
  // Without a key of its own the table is told apart by what identifies persons or organisations, where it never repeats.
  if (!items.some(i => i.identifier)) {
    const sure = items.find((item, i) => {
      const values = look.rows.map(r => r[i] ?? '')
      return (
        (item.semantic === 'id-number' || item.semantic === 'credit-code') &&
        values.every(Boolean) &&
        new Set(values).size === values.length
      )
    })
    if (sure) Object.assign(sure, { identifier: true, required: true })
  }
  const title = (named(table.comment).replace(/(数据|信息)?表$/, m => m.replace('表', '')) || table.table).slice(0, 200)
  const subject = items.some(i => i.semantic === 'id-number')
    ? ('person' as const)
    : items.some(i => i.semantic === 'credit-code')
      ? ('organisation' as const)
      : undefined
  const content = EntryContent.parse({
    title,
    ...(table.comment.trim() !== title && { abstract: table.comment.trim() }),
    ...(subject && { subject }),
    formatClass: 3,
    formatType: label,
    items,
  })
  return {
    schema: table.schema,
    table: table.table,
    rows: look.estimate ?? table.rows,
    content: content as EntryContent,
    columns,
    trouble: null,
  }
}

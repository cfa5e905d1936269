import type { Item } from '../../../../contract/catalog.ts'
import { checkCreditCode, checkDate, checkIdNumber, checkNumber, halfWidth } from '../../quality/public.ts'
import { plainName } from './header.ts'

export type Proposal = {
  source: string
  item: string | null
  percent: number | null
  judgement: string
  sample: string
  level: 'ok' | 'warn' | 'stop'
  problem: string | null
}
/** `comment`: what a database says a column means. */
export type SampleColumn = { name: string; values: string[]; lossy: boolean; comment?: string }

/** Words that mean the same in the tables of different offices. */
const synonyms = [
  [
    '公民身份号码',
    '身份证号',
    '身份证号码',
    '居民身份证号',
    '居民身份证号码',
    '证件号码',
    '身份证',
    '身份号码',
    'sfzh',
    'sfzhm',
    'gmsfhm',
    'idcard',
    'idno',
  ],
  ['统一社会信用代码', '社会信用代码', '信用代码', '统一代码', 'tyshxydm', 'uscc'],
  ['姓名', '人员姓名', '名字', 'xm', 'name'],
  ['企业名称', '单位名称', '机构名称', '市场主体名称', '法人名称', '名称', 'mc', 'name'],
  ['手机号', '手机号码', '联系电话', '电话', '移动电话', 'sjh', 'mobile', 'phone'],
  ['地址', '住址', '住所', '注册地址', '详细地址', 'dz', 'address'],
  ['成立日期', '注册日期', '登记日期', '设立日期', 'clrq'],
  ['行政区划代码', '区划代码', '地区代码', 'xzqhdm', 'code', 'adcode'],
  ['经度', 'lng', 'lon', 'longitude'],
  ['纬度', 'lat', 'latitude'],
  ['备注', '说明', 'bz', 'remark'],
  ['性别', 'xb', 'sex', 'gender'],
  ['日期', 'rq', 'date'],
].map(group => new Set(group.map(plainName)))

/** Columns our own rejects workbook adds; the corrected file is uploaded with them still in it. */
export const annotations = new Set(['原行号', '拒收原因', '怎样改', '原批次'])
/** Where such a workbook says which batch and line a row comes from. */
export function mendingColumns(names: string[]): { batch: number; line: number } | null {
  const [batch, line] = [names.indexOf('原批次'), names.indexOf('原行号')]
  return batch === -1 || line === -1 ? null : { batch, line }
}

function nameScore(column: string, item: string): number {
  const forms = [plainName(column), plainName(column.split(' ').pop()!)]
  const want = plainName(item)
  if (forms[0] === want) return 100
  if (forms[1] === want) return 97
  if (forms.some(f => synonyms.some(group => group.has(f) && group.has(want)))) return 95
  const [a] = forms as [string, string]
  if (a.length >= 2 && want.length >= 2 && (a.includes(want) || want.includes(a))) return 80
  const grams = (t: string) => new Set(Array.from({ length: Math.max(t.length - 1, 1) }, (_, i) => t.slice(i, i + 2)))
  const [x, y] = [grams(a), grams(want)]
  const common = [...x].filter(g => y.has(g)).length
  const dice = Math.round((200 * common) / (x.size + y.size))
  return dice >= 60 ? Math.min(dice, 79) : 0
}

/** Share of the sample that fits the item, where its content can tell. */
function contentShare(values: string[], item: Item): { share: number; word: string } | null {
  const filled = values.filter(Boolean)
  if (!filled.length) return null
  const of = (test: (v: string) => boolean) => filled.filter(test).length / filled.length
  if (item.semantic === 'id-number') return { share: of(v => checkIdNumber(v).ok), word: '校验位' }
  if (item.semantic === 'credit-code') return { share: of(v => checkCreditCode(v).ok), word: '校验码' }
  if (item.type === 'D' || item.type === 'T')
    return { share: of(v => checkDate(v.slice(0, 10)).ok || checkDate(v.slice(0, 8)).ok), word: '日期' }
  if (['N', 'Y', 'I', 'B', 'F'].includes(item.type ?? '')) return { share: of(v => checkNumber(v).ok), word: '数值' }
  if (item.codes?.length) return { share: of(v => item.codes!.includes(v)), word: '代码' }
  return null
}

/** Proposes an item for every column: by name, by words that mean the same, and by what the values say about themselves. */
export function proposeMapping(columns: SampleColumn[], items: Item[]): { mapping: Proposal[]; keys: string[] } {
  const pairs: { c: number; i: number; score: number; name: number; share: ReturnType<typeof contentShare> }[] = []
  for (const [c, column] of columns.entries()) {
    if (annotations.has(column.name)) continue
    for (const [i, item] of items.entries()) {
      const name = Math.max(nameScore(column.name, item.name), column.comment ? nameScore(column.comment, item.name) : 0)
      const share = contentShare(column.values, item)
      const telling = (item.semantic === 'id-number' || item.semantic === 'credit-code') && share && share.share >= 0.8
      const score = name ? name + (share ? share.share * 10 - 5 : 0) : telling ? 70 * share.share : 0
      if (score > 0) pairs.push({ c, i, score, name, share })
    }
  }
  pairs.sort((a, b) => b.score - a.score)
  const byColumn = new Map<number, (typeof pairs)[number]>()
  const taken = new Set<number>()
  for (const pair of pairs) {
    if (byColumn.has(pair.c) || taken.has(pair.i)) continue
    byColumn.set(pair.c, pair)
    taken.add(pair.i)
  }
  const mapping = columns.map((column, c): Proposal => {
    const pair = byColumn.get(c)
    const sample = column.values.find(Boolean) ?? ''
    if (!pair)
      return {
        source: column.name,
        item: null,
        percent: null,
        judgement: annotations.has(column.name) ? '批注列' : '',
        sample,
        level: 'ok',
        problem: null,
      }
    const item = items[pair.i]!
    const content = pair.share ? Math.round(pair.share.share * 100) : null
    const identifier = item.semantic === 'id-number' || item.semantic === 'credit-code'
    const percent = identifier && content !== null ? content : pair.name ? Math.min(pair.name, 100) : (content ?? 0)
    const judgement = `${pair.name ? '名称' : '内容'}${pair.name && pair.share && content! >= 50 ? `＋${pair.share.word}` : ''} ${percent}%`
    return { source: column.name, item: item.key, percent, judgement, sample, ...problemOf(column, item, content) }
  })
  return { mapping, keys: proposeKeys(columns, items, mapping) }
}

function problemOf(column: SampleColumn, item: Item, content: number | null): Pick<Proposal, 'level' | 'problem'> {
  if (column.lossy) {
    return { level: 'stop', problem: `${column.name}列被 Excel 存成数字，末几位已丢失，不能导入。请把该列设为文本后重新导出。` }
  }
  const filled = column.values.filter(Boolean)
  const units = ['N', 'Y', 'I', 'B', 'F'].includes(item.type ?? '') ? filled.filter(v => /元\s*$/.test(halfWidth(v))).length : 0
  if (units) return { level: 'warn', problem: `${units} 行有「元」字，将去除` }
  const long =
    item.length && (item.type === 'C' || !item.type) && !item.semantic ? filled.filter(v => [...v].length > item.length!).length : 0
  if (long) return { level: 'warn', problem: `样例中 ${long} 行超过 ${item.length} 个字，入库时会被拒收` }
  if (content !== null && content < 100) {
    const n = Math.round((filled.length * (100 - content)) / 100)
    if (n) return { level: 'warn', problem: `样例中 ${n} 行不符合「${item.name}」的规则，入库时会被拒收` }
  }
  const empty = item.required ? column.values.length - filled.length : 0
  if (empty) return { level: 'warn', problem: `样例中 ${empty} 行为空，必填` }
  return { level: 'ok', problem: null }
}

/** The declared identifiers; else a checked identifier; else the first mapped item whose sample never repeats. */
function proposeKeys(columns: SampleColumn[], items: Item[], mapping: Proposal[]): string[] {
  const mapped = (item: Item) => mapping.findIndex(m => m.item === item.key)
  const declared = items.filter(i => i.identifier)
  if (declared.length && declared.every(i => mapped(i) !== -1)) return declared.map(i => i.key)
  const checked = items.find(i => (i.semantic === 'id-number' || i.semantic === 'credit-code') && mapped(i) !== -1)
  if (checked) return [checked.key]
  const unique = items.find(i => {
    const values = columns[mapped(i)]?.values ?? []
    return values.length > 0 && values.every(Boolean) && new Set(values).size === values.length
  })
  return unique ? [unique.key] : []
}

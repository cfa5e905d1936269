import { type EntryContent, formatClasses, type Item } from '../../../../contract/catalog.ts'
import { documentKinds } from '../../../../contract/documents.ts'
import { plainName } from '../reading/header.ts'
import type { Look } from './look.ts'

export type Kept = { name: string; bytes: number; digest: string; look: Look }

const files: readonly string[] = [formatClasses[1], formatClasses[4]]
/** An entry of files: registered as electronic files or images, or shared as files to download. */
export const holdsFiles = (c: Pick<EntryContent, 'formatClass' | 'shareModeType'>): boolean =>
  (!!c.formatClass && files.includes(formatClasses[c.formatClass as 1])) || c.shareModeType === '文件下载'

type Fact = {
  names: string[]
  of(file: Kept): string | number | undefined /** What people write beside it does not count. */
  fixed?: true
}
const digest: Fact = { names: ['文件摘要', 'SHA256', '文件哈希', '文件哈希值', '摘要值'], of: f => f.digest, fixed: true }
const facts: Fact[] = [
  digest,
  { names: ['文件名', '文件名称', '原文件名'], of: f => f.name, fixed: true },
  { names: ['文件类型', '文件格式'], of: f => documentKinds[f.look.kind].label, fixed: true },
  { names: ['字节数', '文件字节数', '文件大小'], of: f => f.bytes, fixed: true },
  { names: ['页数', '总页数', '文件页数'], of: f => f.look.pages },
  { names: ['宽度', '图像宽度'], of: f => f.look.width },
  { names: ['高度', '图像高度'], of: f => f.look.height },
  { names: ['标题', '文件标题', '文档标题'], of: f => f.look.title },
  { names: ['作者', '文件作者', '文档作者'], of: f => f.look.author },
  { names: ['创建日期', '创建时间', '文件创建日期', '文件创建时间'], of: f => f.look.created },
  { names: ['修改日期', '修改时间', '文件修改日期', '文件修改时间'], of: f => f.look.modified },
]
const factOf = (item: Pick<Item, 'name'>): Fact | undefined => facts.find(f => f.names.some(n => plainName(n) === plainName(item.name)))

/** Whether an item carries the digest. */
export const isDigest = (item: Pick<Item, 'name'>): boolean => factOf(item) === digest
export const digestItem = (items: Item[]): Item | undefined => items.find(isDigest)
export const nameOfFact = (item: Item): string | null => factOf(item)?.names[0] ?? null
export const isFileName = (column: string): boolean => facts[1]!.names.some(n => plainName(n) === plainName(column))
/** Whether the accompanying table may say it. */
export const mayBeGiven = (item: Item): boolean => !factOf(item)?.fixed

/** The row of a file: what was written beside it, else what it says of itself; the rest stays empty. */
export const rowOf = (items: Item[], file: Kept, given: Record<string, string>): string[] =>
  items.map(item => {
    const said = (mayBeGiven(item) && given[item.key]) || String(factOf(item)?.of(file) ?? '')
    const text = said.replace(/\p{Cc}+/gu, ' ').trim()
    return item.type === 'D' ? text.replace(/^(\d{4}-\d\d-\d\d) \d\d:\d\d:\d\d$/, '$1') : text
  })

import { createHash } from 'node:crypto'
import type { EntryContent, Item } from '../../../contract/catalog.ts'
import { grams } from './segment.ts'

/** Names of one thing: each word with the one that stands for all of its group. */
export type SameWords = ReadonlyMap<string, string>
const none: SameWords = new Map()

const wellKnown: [RegExp, string][] = [
  [/^(公民)?(身份证|居民身份证)(件)?(号|号码|编号)$|^公民身份号码$|^身份号码$/, '公民身份号码'],
  [/^(统一)?社会信用代码$|^信用代码$/, '统一社会信用代码'],
  [/^(手机|联系电话|电话|手机号码|联系方式)$/, '手机号'],
  [/^(人员)?姓名$|^名字$/, '姓名'],
]
const bare = (name: string) =>
  name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[（(［[].*?[)）\]］]/g, '')
    .replace(/[\s、，,.。:：/_-]/g, '')

/** The name of an item without spaces, brackets and punctuation, in the word most use. Pure. */
export function plainName(name: string, same = none): string {
  const b = bare(name)
  return wellKnown.find(([pattern]) => pattern.test(b))?.[1] ?? same.get(b) ?? b
}

/** A title without what says only that it is a list, and of where and when. */
const plainTitle = (title: string, same: SameWords) => {
  const b = bare(title.replace(/(19|20)\d\d年?度?/g, '')).replace(
    /(基本)?(信息|数据)?(名录|名单|名册|台账|明细|清单|一览|汇总|登记|信息|数据|表)*$/,
    '',
  )
  return same.get(b) ?? b
}

export type Compared = Pick<EntryContent, 'title' | 'items' | 'kind'>
/** 基础 and 主题 hold by design what other departments collected: made of their entries, not collected again. */
const compiled = ({ kind }: Compared) => kind === 1 || kind === 2
const subjects = (items: Item[], same: SameWords) =>
  new Set(
    items
      .filter(i => i.identifier)
      .map(i =>
        i.semantic === 'id-number' ? '公民身份号码' : i.semantic === 'credit-code' ? '统一社会信用代码' : plainName(i.name, same),
      ),
  )
/** Who and where somebody is says nothing about what is collected. */
const telling = (items: Item[]) =>
  items.filter(i => i.name && !i.identifier && !['person-name', 'mobile', 'phone', 'address', 'email'].includes(i.semantic ?? ''))

/** How much of their pairs of characters two names have in common, 0 to 1. Pure. */
export function alike(a: string, b: string): number {
  if (a === b) return a ? 1 : 0
  const [x, y] = [new Set(grams(a)), new Set(grams(b))]
  const common = [...x].filter(g => y.has(g)).length
  return x.size + y.size ? (2 * common) / (x.size + y.size) : 0
}

export type ItemMatch = { a: string; b: string; rule: 'same' | 'synonym' | 'similar' }
export type Likeness = {
  /** Why they count as doubles. */
  rules: ('identifier' | 'title')[]
  score: number
  title: number
  subjects: string[]
  items: ItemMatch[]
  of: [number, number]
}

/** What two entries have in common when they seem to hold the same data; else null. Pure. */
export function likeness(a: Compared, b: Compared, same = none): Likeness | null {
  if (compiled(a) || compiled(b)) return null
  const about = subjects(b.items, same)
  const shared = [...subjects(a.items, same)].filter(k => about.has(k))
  const [mine, theirs] = [telling(a.items), telling(b.items)]
  const left = new Map(theirs.map(i => [i, plainName(i.name, same)]))
  const items: ItemMatch[] = []
  const take = (i: Item, fits: (name: string) => boolean, rule: (j: Item) => ItemMatch['rule']) => {
    for (const [j, name] of left)
      if (fits(name)) {
        items.push({ a: i.name, b: j.name, rule: rule(j) })
        left.delete(j)
        return true
      }
    return false
  }
  const rest = mine.filter(i => {
    const name = plainName(i.name, same)
    return !take(
      i,
      other => other === name,
      j => (bare(j.name) === bare(i.name) ? 'same' : 'synonym'),
    )
  })
  // What is the same by name is enough for the rule of the regulations; what only looks alike is shown beside it.
  const certain = items.length
  for (const i of rest) {
    const name = plainName(i.name, same)
    if (name.length > 2)
      take(
        i,
        other => other.length > 2 && alike(name, other) >= 0.75,
        () => 'similar',
      )
  }
  const smaller = Math.min(mine.length, theirs.length)
  const title = alike(plainTitle(a.title, same), plainTitle(b.title, same))
  const share = smaller ? items.length / smaller : 0
  const byIdentifier = shared.length > 0 && (smaller ? certain * 2 >= smaller : plainName(a.title, same) === plainName(b.title, same))
  const byTitle = smaller >= 2 && ((title >= 0.6 && share >= 0.6) || (title === 1 && share >= 0.3))
  if (!byIdentifier && !byTitle) return null
  return {
    rules: [...(byIdentifier ? (['identifier'] as const) : []), ...(byTitle ? (['title'] as const) : [])],
    score: Math.round((0.6 * (smaller ? share : 1) + 0.4 * title) * 100) / 100,
    title: Math.round(title * 100) / 100,
    subjects: shared,
    items,
    of: [mine.length, theirs.length],
  }
}

/** What an entry is looked up by. Pure. */
export const traitsOf = (c: Compared, same = none): string[] =>
  compiled(c)
    ? []
    : [
        ...new Set([
          ...telling(c.items).map(i => `i${plainName(i.name, same).slice(0, 200)}`),
          `t${plainTitle(c.title, same).slice(0, 200)}`,
        ]),
      ]

/** Of names and items as far as they are compared: another one means that the question is open again. Pure. */
export const signatureOf = (a: Compared, b: Compared): string =>
  createHash('sha256')
    .update(JSON.stringify([a, b].map(c => [bare(c.title), compiled(c), c.items.map(i => [bare(i.name), i.identifier, i.semantic ?? ''])])))
    .digest('base64url')
    .slice(0, 22)

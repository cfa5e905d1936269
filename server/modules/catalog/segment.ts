import { Jieba } from '@node-rs/jieba'
import { dict } from '@node-rs/jieba/dict.js'
import { pinyin } from 'pinyin-pro'

let opened: Jieba | undefined
const jieba = () => (opened ??= Jieba.withDict(dict))

/** Reading the dictionary stops everything for a quarter of a second: done before anybody is served, not at the first search. */
export const openDictionary = (): void => void jieba()

/** As people and templates may write it: one width, one case, one kind of space. */
export const plain = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()

/** The first characters of a text; a rare character (𠮷, two code units) is never cut in half: half of one is no text for the database. */
export const beginning = (text: string, most: number): string => (text.length <= most ? text : [...text].slice(0, most).join(''))

const isWord = (w: string) => /[\p{L}\p{N}]/u.test(w)

/** Words of a Chinese text for searching, long words also in their parts; lower case, no punctuation. */
export function segment(text: string): string[] {
  const given = plain(text)
  // Guessed words (names of places and people) and the dictionary's alone: what is typed without its surroundings is cut by the latter.
  const all = [...jieba().cutForSearch(given, true), ...jieba().cutForSearch(given, false)]
  return [...new Set(all.map(w => w.trim()).filter(isWord))]
}

/** The words of a text one after the other, by the dictionary alone. */
export const cut = (text: string): string[] =>
  jieba()
    .cut(text, false)
    .map(w => w.trim())
    .filter(isWord)

/** A text cut into stretches of Chinese characters and stretches of letters and digits. */
export const stretches = (text: string): string[] => plain(text).match(runs) ?? []
const runs = /\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{N}])+(?:[./_-](?:(?!\p{Script=Han})[\p{L}\p{N}])+)*/gu
export const isHan = (text: string): boolean => /^\p{Script=Han}/u.test(text)

/** Pairs of neighbouring characters; one character alone stands for itself. */
export function grams(text: string): string[] {
  const c = [...text]
  return c.length < 2 ? c : c.slice(1).map((x, i) => c[i]! + x)
}

/** Syllables of Chinese characters, in the reading their neighbours give them: 重庆 chong qing. */
export const syllables = (han: string): string[] => pinyin(han, { toneType: 'none', type: 'array', v: true })

// Longer beginnings are not told apart: eight initials or six syllables single out a name among 100,000.
export const longestInitials = 8
export const longestPinyin = 24
export const longestWord = 30

const known = new Map<string, string[]>()
/**
 * What a name is found by: its words, `~` characters and pairs of characters, `/` pinyin from the beginning of each of its words,
 * whole and by initials (城乡低保对象: /cxdbdx /dbdx /dx, /chengxiangdibaoduixiang …).
 */
export function nameTokens(name: string): string[] {
  const found = known.get(name)
  if (found) return found
  // A lexeme may have 2 kB; what is longer is no word.
  const tokens = new Set(segment(name).map(w => beginning(w, longestWord)))
  for (const run of stretches(beginning(name, 200))) {
    for (const c of run) tokens.add(`~${c}`)
    for (const g of grams(run)) tokens.add(`~${g}`)
    if (!isHan(run)) continue
    const read = syllables(run)
    let at = 0
    for (const word of cut(run)) {
      const rest = read.slice(at)
      if (rest.length > 1)
        tokens.add(
          `/${rest
            .slice(0, longestInitials)
            .map(s => beginning(s, 1))
            .join('')}`,
        )
      tokens.add(`/${beginning(rest.join(''), longestPinyin)}`)
      at += [...word].length
    }
  }
  // Names of items come back in entry after entry.
  if (known.size > 50_000) known.clear()
  const made = [...tokens]
  known.set(name, made)
  return made
}

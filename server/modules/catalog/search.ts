import { sql } from 'kysely'
import type { EntryContent } from '../../../contract/catalog.ts'
import type { Context } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import {
  beginning,
  cut,
  grams,
  isHan,
  longestInitials,
  longestPinyin,
  longestWord,
  nameTokens,
  plain,
  segment,
  stretches,
  syllables,
} from './segment.ts'

// ── Words of an entry ──

/** Of the way words are made: one more, and the job makes those of every entry again. */
const wordsVersion = 2

export type Found = { title: string; items: string[]; rest: string[]; code?: string }
export type Words = { title: string[]; names: string[]; all: string[] }

/** All that a thing is found by: words of its title, of title and items, of everything. Pure. */
export function wordsOf({ title, items, rest, code }: Found): Words {
  const inTitle = new Set(nameTokens(title))
  const names = new Set(inTitle)
  for (const name of items) {
    // All lexemes of one entry may have 1 MB.
    if (names.size > 6000) break
    for (const w of nameTokens(name)) names.add(w)
  }
  const words = segment(beginning(rest.join(' '), 20_000)).map(w => beginning(w, longestWord))
  return {
    title: [...inTitle],
    names: [...names],
    all: [...new Set([...names, ...words.slice(0, 4000), ...(code ? [`#${code.toLowerCase()}`] : [])])],
  }
}

const foundBy = (code: string, department: string, c: EntryContent): Found => ({
  title: c.title,
  items: c.items.map(i => i.name),
  rest: [department, c.theme, c.innerUnit, c.sourceSystem, ...(c.classification ?? []), c.abstract, ...c.items.map(i => i.description)],
  code,
})

const upToDate = sql`${String(wordsVersion)} || ':' || s.etag || ':' || d.name`

type Indexed = { id: string; code: string; department: string; content: EntryContent }
async function setWords(tx: Tx, entries: Indexed[]): Promise<void> {
  const rows = entries.map(e => {
    const found = foundBy(e.code, e.department, e.content)
    const { title, names, all } = wordsOf(found)
    return { id: e.id, title: plain(found.title), items: found.items, title_words: title, name_words: names, words: all }
  })
  const vector = (column: string) => sql`array_to_tsvector(array(select jsonb_array_elements_text(${sql.ref(`r.${column}`)})))`
  await sql`update catalog.search s set title = r.title, items = array(select jsonb_array_elements_text(r.items)),
      title_words = ${vector('title_words')}, name_words = ${vector('name_words')}, words = ${vector('words')}, indexed = ${upToDate}
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) r (id uuid, title text, items jsonb, title_words jsonb, name_words jsonb, words jsonb),
      organization.department_view d
    where d.id = s.department_id and s.entry_id = r.id`.execute(tx)
}

/** What search reads about an entry; where it stands (state, classes, region) is kept by the database itself. */
export async function index(tx: Tx, entryId: string, content: EntryContent): Promise<void> {
  const { rows } = await sql<Omit<Indexed, 'content'>>`select e.id, e.code, d.name as department from catalog.entry e
    join organization.department_view d on d.id = e.department_id where e.id = ${entryId}`.execute(tx)
  await setWords(
    tx,
    rows.map(r => ({ ...r, content })),
  )
}

/** Makes the words of entries whose words are missing or of another time; ends when there are none. */
export async function indexStale(ctx: Context): Promise<void> {
  for (;;) {
    const done = await ctx.db.transaction().execute(async tx => {
      const { rows } = await sql<Indexed>`
        select e.id, e.code, d.name as department, v.content from catalog.search s
        join catalog.entry e on e.id = s.entry_id join organization.department_view d on d.id = s.department_id
        join lateral (select content from catalog.version v where v.entry_id = e.id
          order by (v.version = e.published) desc nulls last, v.version desc limit 1) v on true
        where s.indexed <> ${upToDate} limit 500 for update of s skip locked`.execute(tx)
      if (rows.length) await setWords(tx, rows)
      return rows.length
    })
    if (!done) return
  }
}

// ── What somebody asks ──

/** One thing asked for: what finds it, and what to mark where it is found. */
export type Term = { tsquery: string; relaxed: string; literals: string[]; pinyin?: string }
export type Asked = { text: string; terms: Term[] }

const lexeme = (word: string) => `'${word.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
const all = (words: string[]) => words.map(lexeme).join(' & ')
const any = (alternatives: string[]) => `(${[...new Set(alternatives)].join(' | ')})`

/** Ways in which a Chinese word may stand in a name or a text. `inner`: words asked for beside it that are part of it. */
function ways(word: string, relaxed: boolean, inner: string[] = []): string[] {
  const pairs = grams(word).map(g => `~${g}`)
  if ([...word].length === 1) return [lexeme(word), lexeme(`~${word}`)]
  // Two characters: as a word only, so that 人大 does not find 工人大会; where nothing is found, anywhere.
  if ([...word].length === 2) return relaxed ? [lexeme(word), all(pairs)] : [lexeme(word)]
  const parts = cut(word)
  // What is found by a part of the word anyway is not looked for twice: 统一社会信用代码 beside 信用代码.
  const byParts = parts.length > 1 && !inner.some(w => cut(w).every(part => parts.includes(part)))
  return [lexeme(word), ...(inner.length ? [] : [`(${all(pairs)})`]), ...(byParts ? [`(${all(parts)})`] : [])]
}

function hanTerm(words: string[]): Term {
  const inner = (w: string) => words.filter(v => v !== w && [...v].length > 2 && w.includes(v))
  return {
    tsquery: any(words.flatMap(w => ways(w, false, inner(w)))),
    relaxed: any(words.flatMap(w => ways(w, true, inner(w)))),
    literals: words,
  }
}

function latinTerm(run: string, same: string[]): Term {
  const letters = /^[a-z]{2,}$/.test(run)
  const alternatives = [
    `(${all(segment(run).map(w => beginning(w, longestWord)))})`,
    ...same.flatMap(w => (isHan(w) ? ways(w, false) : [lexeme(w)])),
  ]
  if (letters) alternatives.push(`${lexeme(`/${run.slice(0, longestPinyin)}`)}:*`)
  if (letters && run.length > longestInitials) alternatives.push(lexeme(`/${run.slice(0, longestInitials)}`))
  if (/\d{4}/.test(run)) alternatives.push(`${lexeme(`#${run.replace('-', '/')}`)}:*`)
  const tsquery = any(alternatives)
  return { tsquery, relaxed: tsquery, literals: [run, ...same], ...(letters && { pinyin: run }) }
}

/** Reads a query: synonyms first, then words; characters that belong to no word stay together. Pure. */
export function readQuery(q: string, synonyms: ReadonlyMap<string, string[]>): Asked {
  const text = beginning(plain(q), 100)
  const longest = Math.max(0, ...[...synonyms.keys()].map(w => w.length))
  const terms: Term[] = []
  for (const run of stretches(text)) {
    if (!isHan(run)) {
      terms.push(latinTerm(run, synonyms.get(run) ?? []))
      continue
    }
    let rest = ''
    const flush = () => {
      let alone = ''
      for (const word of [...cut(rest), '']) {
        if ([...word].length === 1) {
          alone += word
          continue
        }
        if (alone) terms.push(hanTerm([alone]))
        alone = ''
        if (word) terms.push(hanTerm([word]))
      }
      rest = ''
    }
    for (let at = 0; at < run.length; ) {
      let size = Math.min(longest, run.length - at)
      while (size > 1 && !synonyms.has(run.slice(at, at + size))) size--
      if (size > 1) {
        flush()
        const word = run.slice(at, at + size)
        terms.push(hanTerm([word, ...synonyms.get(word)!]))
        at += size
      } else rest += run[at++]
    }
    flush()
  }
  return { text, terms: terms.slice(0, 40) }
}

/** Every term must be found. */
export const tsqueryOf = (asked: Asked, relaxed = false): string => asked.terms.map(t => (relaxed ? t.relaxed : t.tsquery)).join(' & ')

// ── Synonyms ──

type Known = { at: number; map: Map<string, string[]> }
const cache = new WeakMap<object, Known>()

/** Each word with the others of its groups. Another process may add a group: read again after five seconds. */
export async function synonyms(db: Database): Promise<ReadonlyMap<string, string[]>> {
  const known = cache.get(db)
  if (known && Date.now() - known.at < 5000) return known.map
  const groups = await db.selectFrom('catalog.synonym').select('words').execute()
  const map = new Map<string, string[]>()
  for (const { words } of groups)
    for (const word of words) map.set(word, [...new Set([...(map.get(word) ?? []), ...words.filter(w => w !== word)])])
  cache.set(db, { at: Date.now(), map })
  return map
}
export const forgetSynonyms = (db: Database): void => void cache.delete(db)

export const understand = async (db: Database, q: string): Promise<Asked> => readQuery(q, await synonyms(db))

// ── One wrong character ──

/** What finds names that differ from the text in one character, in the order of two, or only in how they sound. Pure. */
export function nearQuery(text: string): string {
  const c = [...text]
  const marks = (part: string[]) => grams(part.join('')).map(g => `~${g}`)
  const ways = [`${lexeme(`/${beginning(syllables(text).join(''), longestPinyin)}`)}:*`]
  if (c.length > 2)
    for (let i = 0; i < c.length; i++) {
      ways.push(`(${all([...marks(c.slice(0, i)), ...marks(c.slice(i + 1))])})`)
      if (i + 1 < c.length) ways.push(`(${all([...marks(c.slice(0, i)), `~${c[i + 1]}${c[i]}`, ...marks(c.slice(i + 2))])})`)
    }
  return any(ways)
}

/** Are two texts equal but for one character more, less or other, or two that changed places? Pure. */
export function oneOff(a: string, b: string): boolean {
  const [x, y] = [[...a], [...b]]
  let from = 0
  while (from < x.length && from < y.length && x[from] === y[from]) from++
  let [i, j] = [x.length, y.length]
  while (i > from && j > from && x[i - 1] === y[j - 1]) [i, j] = [i - 1, j - 1]
  const [m, n] = [i - from, j - from]
  return (m <= 1 && n <= 1) || (m === 2 && n === 2 && x[from] === y[from + 1] && x[from + 1] === y[from])
}

/** The part of these names that the text most probably meant: by its sound first, then by how many have it. Pure. */
export function nearest(text: string, names: string[]): string | undefined {
  const size = [...text].length
  const sound = syllables(text).join('')
  const votes = new Map<string, number>()
  // Names of items come back in entry after entry: each is compared once.
  for (const [name, { length: times }] of Map.groupBy(names, n => n))
    for (const run of stretches(name).filter(isHan)) {
      const c = [...run]
      const starts = new Set<number>([0])
      let at = 0
      for (const word of cut(run)) {
        at += [...word].length
        starts.add(at)
      }
      for (let from = 0; from < c.length; from++)
        for (const length of size > 2 ? [size, size - 1, size + 1] : [size]) {
          if (from + length > c.length) continue
          const part = c.slice(from, from + length).join('')
          if (part === text) return undefined
          const near = size > 2 && oneOff(part, text)
          // Reading aloud costs more than comparing; only what begins like it can sound like it.
          const alike = length === size && (near || part[0] === text[0] || size === 2) && syllables(part).join('') === sound
          if (!near && !alike) continue
          const whole = starts.has(from) && starts.has(from + length)
          votes.set(part, (votes.get(part) ?? 0) + times * (1 + (alike ? 1e6 : 0) + (whole ? 1e3 : 0) + (length === size ? 10 : 0)))
        }
    }
  return [...votes].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))[0]?.[0]
}

/**
 * The query with its mistakes of one character mended by what is really there. `names` finds at most some hundred titles and item names,
 * among what the person may see; `exists` says whether a part needs mending at all.
 */
export async function mend(
  q: string,
  look: { exists(part: string): Promise<boolean>; names(tsquery: string): Promise<string[]> },
): Promise<string | undefined> {
  const runs = stretches(q).slice(0, 8)
  let mended = plain(q)
  let changed = false
  for (const run of runs) {
    if (!isHan(run) || [...run].length < 2 || [...run].length > 20) continue
    if (runs.length > 1 && (await look.exists(run))) continue
    const meant = nearest(run, await look.names(nearQuery(run)))
    if (!meant) return undefined
    mended = mended.replace(run, meant)
    changed = true
  }
  return changed ? mended : undefined
}

// ── Marks ──

export type Range = [from: number, to: number]

/** Where the terms stand in a text: what they are written as, or what their pinyin reads. Ranges of characters, never markup. Pure. */
export function marksIn(text: string, asked: Asked | null): Range[] {
  if (!asked) return []
  // Character by character, so that places in the plain text are places in the text.
  const flat = Array.from({ length: text.length }, (_, i) => {
    const c = plain(text[i]!)
    return c.length === 1 ? c : text[i]!
  }).join('')
  const ranges: Range[] = []
  for (const { literals, pinyin } of asked.terms) {
    for (const word of literals)
      for (let at = flat.indexOf(word); at >= 0; at = flat.indexOf(word, at + 1)) ranges.push([at, at + word.length])
    if (pinyin)
      for (const { 0: run, index: start } of flat.matchAll(/\p{Script=Han}+/gu)) {
        const read = syllables(run)
        if (read.length !== run.length) continue
        for (let i = 0; i < read.length; i++) {
          const length = sounds(read.slice(i), pinyin)
          if (length) ranges.push([start + i, start + i + length])
        }
      }
  }
  ranges.sort((a, b) => a[0] - b[0])
  const joined: Range[] = []
  for (const r of ranges) {
    const last = joined.at(-1)
    if (last && r[0] <= last[1]) last[1] = Math.max(last[1], r[1])
    else joined.push([...r])
  }
  return joined
}

/** How many syllables the letters spell, whole or by initials; 0 for none. */
function sounds(read: string[], letters: string): number {
  if (
    read
      .map(s => s[0])
      .join('')
      .startsWith(letters)
  )
    return letters.length
  let spelt = ''
  for (const [i, s] of read.entries()) {
    spelt += s
    if (spelt.startsWith(letters)) return i + 1
    if (!letters.startsWith(spelt)) return 0
  }
  return 0
}

/** Some 120 characters of a text around the first mark. */
export function excerpt(text: string, asked: Asked | null): string {
  const at = marksIn(text, asked)[0]?.[0] ?? 0
  const from = at < 60 ? 0 : at - 40
  return `${from ? '…' : ''}${text.slice(from, from + 120)}${from + 120 < text.length ? '…' : ''}`
}

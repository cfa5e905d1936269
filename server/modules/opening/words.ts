import { wordsOf } from '../catalog/public.ts'

const lexeme = (word: string) => `'${word.replace(/\\/g, '\\\\').replace(/'/g, "''")}'`

/** Which way of making words a listing was indexed by; another number makes them again. */
export const wordsVersion = 1

/** Text of a tsvector: title A, names of open items B, the rest C. Lexemes are taken as they are, so no dictionary of the server touches them. */
export function searchVector(found: { title: string; items: string[]; rest: string }): string {
  const { title, names, all } = wordsOf({ ...found, rest: [found.rest] })
  const [inTitle, inNames] = [new Set(title), new Set(names)]
  return all.map((w, at) => `${lexeme(w)}:${Math.min(at + 1, 16_383)}${inTitle.has(w) ? 'A' : inNames.has(w) ? 'B' : 'C'}`).join(' ')
}

import { segment } from '../catalog/public.ts'

const lexeme = (word: string) => `'${word.replace(/\\/g, '\\\\').replace(/'/g, "''")}'`

/** Words to search by, smaller words inside larger ones included. */
export const words = (text: string): string[] => [...new Set(segment(text.slice(0, 20_000)))]

/** Text of a tsvector: title A, item names B, the rest C. Lexemes are taken as they are, so no dictionary of the server touches them. */
export function searchVector(parts: { weight: 'A' | 'B' | 'C'; text: string }[]): string {
  let at = 0
  return parts.flatMap(p => words(p.text).map(w => `${lexeme(w)}:${Math.min(++at, 16_383)}${p.weight}`)).join(' ')
}

/** Text of a tsquery that wants every word. */
export const searchQuery = (text: string): string => words(text).map(lexeme).join(' & ')

import { Jieba } from '@node-rs/jieba'
import { dict } from '@node-rs/jieba/dict.js'

let jieba: Jieba | undefined

/** Words of a Chinese text for searching, long words also in their parts; lower case, no punctuation. */
export function segment(text: string): string[] {
  jieba ??= Jieba.withDict(dict)
  return [
    ...new Set(
      jieba
        .cutForSearch(text.normalize('NFKC').toLowerCase(), true)
        .map(w => w.trim())
        .filter(w => /[\p{L}\p{N}]/u.test(w)),
    ),
  ]
}

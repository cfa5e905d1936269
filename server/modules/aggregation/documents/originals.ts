import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { sql } from 'kysely'
import { type DocumentKind, documentKinds } from '../../../../contract/documents.ts'
import type { Database } from '../../../platform/db.ts'
import { contentPath } from './receive.ts'
import { isDigest } from './row.ts'

/** The key of the item that names a file by its digest, if there is one among these. */
export const digestKey = (items: readonly { key: string; name: string }[]): string | undefined => items.find(isDigest)?.key

export type Original = { digest: string; name: string; bytes: number; kind: DocumentKind }
/** The files of an entry by their digests; those it has none of are not among them. */
export async function originalsOf(db: Database, entryId: string, digests: readonly string[]): Promise<Map<string, Original>> {
  const { rows } = await sql<Original>`select digest, name, bytes::float8 as bytes, kind from aggregation.document
    where entry_id = ${entryId} and digest = any(${digests})`.execute(db)
  return new Map(rows.map(r => [r.digest, { ...r, name: endingOf(r) }]))
}
/** A name that ends as the content is, whatever the file was called. */
const endingOf = ({ name, kind }: Original): string => {
  const { endings } = documentKinds[kind]
  return endings.some(e => name.toLowerCase().endsWith(`.${e}`)) ? name : `${name}.${endings[0]}`
}

/** The bytes of a file; an error at their end when they are not those of its digest (`changed`), or at once when it is gone (ENOENT). */
export async function* contentOf(dataDir: string, digest: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(contentPath(dataDir, digest)) as AsyncIterable<Buffer>) {
    hash.update(piece)
    yield piece
  }
  if (hash.digest('hex') !== digest) throw Object.assign(new Error('the content is another one'), { code: 'changed' })
}

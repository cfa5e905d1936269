import { type EntryContent, EntryContent as EntryContentSchema, type Item, type ShareClass } from '../../../contract/catalog.ts'
import type { Database, Tx } from '../../platform/db.ts'

export { beginEntry } from './commands.ts'
export { checkGround, groundCite } from './openness.ts'
export { freshness } from './rules.ts'
export { type Asked, excerpt, marksIn, mend, tsqueryOf, understand, wordsOf } from './search.ts'
export { openDictionary, segment } from './segment.ts'
export { openUpdateTask } from './updates.ts'

export type PublishedEntry = {
  id: string
  code: string
  title: string
  region: string
  department_id: string
  department: string
  credit_code: string
  state: 'published' | 'withdrawn'
  version: number
  content: EntryContent
  published: Date
}

/** A code as it stands in addresses: the one `/` written `-`. */
export const pathOf = (code: string): string => code.replace('/', '-')

/** The published version of an entry by id, code or code in address form. */
export async function publishedEntry(db: Database | Tx, key: { id: string } | { code: string }): Promise<PublishedEntry | undefined> {
  const q = db
    .selectFrom('catalog.entry_view')
    .select(['id', 'code', 'title', 'region', 'department_id', 'department', 'credit_code', 'state', 'version', 'content', 'published'])
  return (await ('id' in key
    ? q.where('id', '=', key.id)
    : q.where(eb => eb(eb.fn('replace', ['code', eb.val('/'), eb.val('-')]), '=', pathOf(key.code)))
  ).executeTakeFirst()) as unknown as PublishedEntry | undefined
}

/** An entry's identity whether published or not; `content` is of the published version, null before. */
export async function entryForFilling(
  db: Database | Tx,
  key: string,
): Promise<
  | {
      id: string
      code: string
      title: string
      region: string
      departmentId: string
      state: string
      version: number | null
      content: EntryContent | null
    }
  | undefined
> {
  const uuid = /^[0-9a-f-]{36}$/i.test(key)
  let q = db
    .selectFrom('catalog.entry as e')
    .leftJoin('catalog.version as v', j => j.onRef('v.entry_id', '=', 'e.id').onRef('v.version', '=', 'e.published'))
    .select(['e.id', 'e.code', 'e.region', 'e.department_id', 'e.published', 'e.withdrawn', 'v.content'])
  q = uuid ? q.where('e.id', '=', key) : q.where(eb => eb(eb.fn('replace', ['e.code', eb.val('/'), eb.val('-')]), '=', pathOf(key)))
  const e = await q.executeTakeFirst()
  if (!e) return undefined
  const content = (e.content ?? null) as EntryContent | null
  return {
    id: e.id,
    code: e.code,
    title: content?.title ?? '',
    region: e.region,
    departmentId: e.department_id,
    state: e.withdrawn ? 'withdrawn' : e.published ? 'published' : 'draft',
    version: e.published,
    content,
  }
}

export const shareClassOf = (entry: Pick<EntryContent, 'shareClass'>, item: Pick<Item, 'shareClass'>): ShareClass | undefined =>
  item.shareClass ?? entry.shareClass

/** Proposed treatment of an item when given away: what identifies a person is masked unless the decider says otherwise. */
export const proposedTreatment = (item: Pick<Item, 'semantic'>): 'plain' | 'masked' =>
  item.semantic && ['id-number', 'person-name', 'mobile', 'phone', 'address', 'bank-card', 'email'].includes(item.semantic)
    ? 'masked'
    : 'plain'

/** Rows and last change of entries that are filled. */
export async function filledAt(db: Database | Tx, entryIds: string[]): Promise<Map<string, { rows: number; updated: Date }>> {
  if (!entryIds.length) return new Map()
  const rows = await db.selectFrom('catalog.mount').selectAll().where('entry_id', 'in', entryIds).execute()
  return new Map(rows.map(r => [r.entry_id, { rows: Number(r.rows), updated: r.updated }]))
}

/** Told by aggregation after each batch. */
export async function noteMount(tx: Tx | Database, entryId: string, m: { rows: number; updated: Date }): Promise<void> {
  await tx
    .insertInto('catalog.mount')
    .values({ entry_id: entryId, ...m })
    .onConflict(c => c.column('entry_id').doUpdateSet(m))
    .execute()
}

/** Told by delivery and opening: who uses which items of an entry. */
export async function noteUse(
  tx: Tx | Database,
  u: { kind: 'grant' | 'open'; entryId: string; ref: string; label: string; items: string[]; active: boolean; grantee?: string },
): Promise<void> {
  const row = { kind: u.kind, label: u.label, items: u.items, active: u.active, ...(u.grantee && { grantee: u.grantee }) }
  await tx
    .insertInto('catalog.use')
    .values({ ref: u.ref, entry_id: u.entryId, ...row })
    .onConflict(c => c.column('ref').doUpdateSet(row))
    .execute()
}

/** Takes an entry out of every page and channel at once; with `erase` the content of all its versions goes, and the note is all that stays. */
export async function barEntry(tx: Tx, _ctx: unknown, entryId: string, how: { erase: boolean; note: string }): Promise<void> {
  await tx.updateTable('catalog.entry').set({ withdrawn: true, barred: how.note }).where('id', '=', entryId).execute()
  await tx.deleteFrom('catalog.search').where('entry_id', '=', entryId).execute()
  if (!how.erase) return
  const content = JSON.stringify({ ...EntryContentSchema.parse({ title: '（内容已移除）' }), erased: 'true' })
  await tx.updateTable('catalog.version').set({ content }).where('entry_id', '=', entryId).execute()
}

/** Ends an entry: nobody can find, apply for or read it any more. Its versions stay. */
export async function withdrawEntry(tx: Tx, entryId: string): Promise<void> {
  await tx.updateTable('catalog.entry').set({ withdrawn: true }).where('id', '=', entryId).execute()
  await tx.deleteFrom('catalog.search').where('entry_id', '=', entryId).execute()
}

/** Whether a department holds an active grant on an entry. */
export const usesEntry = async (db: Database | Tx, entryId: string, departmentId: string): Promise<boolean> =>
  !!(await db
    .selectFrom('catalog.use')
    .select('ref')
    .where('entry_id', '=', entryId)
    .where('grantee', '=', departmentId)
    .where('kind', '=', 'grant')
    .where('active', '=', true)
    .executeTakeFirst())

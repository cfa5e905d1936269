import type { Database, Tx } from '../../platform/db.ts'
import { mountOf as find } from './queries.ts'

/** Where the rows of an entry stand: `relation` has `_key`, the item columns (c1, c2 …), `_hash`, `_batch`, `_updated`. */
export type Mount = { relation: string; columns: string[]; keys: string[]; rows: number; updated: Date; batch: string }

export async function mountOf(db: Database | Tx, entryId: string): Promise<Mount | undefined> {
  const m = await find(db, entryId)
  return m && { relation: m.relation, columns: m.columns, keys: m.keys, rows: m.rows, updated: m.updated, batch: m.batch_id }
}

import { diagnose as diagnoseMysql, drop, open as openMysql } from './connectors/mysql.ts'
import { diagnose as diagnosePostgres, open as openPostgres } from './connectors/postgres.ts'

/** Connections to databases of departments, and what their errors mean. */
export const databases = {
  postgres: { open: openPostgres, diagnose: diagnosePostgres },
  mysql: { open: openMysql, drop, diagnose: diagnoseMysql },
}
export type { NewOffer as Offer } from '../../../contract/bases.ts'
export { offeredLabel } from './bases/offer.ts'
export { registerRights } from './bases/rights.ts'
export { importFile, loadUpload } from './commands.ts'
export { guardedLookup, isLocal } from './connectors/http.ts'
export { type Diagnosis, SourceDown } from './connectors/types.ts'
export { contentOf, digestKey, originalsOf } from './documents/originals.ts'
export { removeRecord } from './remove.ts'

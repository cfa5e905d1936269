import { sql } from 'kysely'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { noteMount } from '../catalog/public.ts'
import { noteChange } from './bases/refresh.ts'
import { mountOf } from './queries.ts'

/** Takes one record out of an entry. What it held moves to the history, under the case that approved it. Says whether there was one. */
export const removeRecord = async (tx: Tx, ctx: Context, entryId: string, key: string, caseId: string): Promise<boolean> =>
  (await removeRecords(tx, ctx, entryId, [key], caseId)) > 0

/** The same for many; returns how many there were. */
export async function removeRecords(tx: Tx, ctx: Context, entryId: string, keys: string[], caseId: string): Promise<number> {
  const m = await mountOf(tx, entryId)
  if (!m) return 0
  const relation = sql.table(m.relation)
  const name = m.relation.replace(/^pool\.e_/, 'pool.h_')
  const { rows } = await sql<{ there: boolean }>`select to_regclass(${name}) is not null as there`.execute(tx)
  const columns = sql.join([...m.columns, '_batch', '_updated'].map(c => sql.ref(c)))
  if (rows[0]!.there)
    await sql`insert into ${sql.table(name)} (_key, ${columns}, _replaced_by, _replaced)
      select _key, ${columns}, ${caseId}::uuid, ${ctx.now} from ${relation} where _key = any(${keys})`.execute(tx)
  const gone = Number((await sql`delete from ${relation} where _key = any(${keys})`.execute(tx)).numAffectedRows ?? 0)
  if (!gone) return 0
  await sql`update aggregation.mount set rows = greatest(rows - ${gone}, 0), updated = ${ctx.now} where entry_id = ${entryId}`.execute(tx)
  await noteMount(tx, entryId, { rows: Math.max(0, m.rows - gone), updated: ctx.now })
  await noteChange(tx, ctx, entryId, caseId)
  return gone
}

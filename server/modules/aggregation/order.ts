import type { Pool } from 'pg'
import { literal } from '../quality/public.ts'
import type { BatchRecord } from './queries.ts'

/**
 * Where a delivery stands among those of its source (docs/decisions/0015-order-of-deliveries.md). Only one that came as a file has an age
 * of its own: a table that is read again brings what it says now.
 */
export type Order = {
  /** Later ones of its source have been loaded already. */
  overtaken: boolean
  /** Earlier ones wait and may be loaded after it, so that the keys it speaks of must be noted. */
  noted: boolean
}

export async function orderOf(pool: Pick<Pool, 'query'>, batch: Pick<BatchRecord, 'id' | 'source_id' | 'upload_id'>): Promise<Order> {
  if (!batch.upload_id) return { overtaken: false, noted: false }
  const { rows } = await pool.query<Order>(
    `select exists (select from aggregation.batch where source_id = $1 and id > $2 and state = 'done') as overtaken,
       exists (select from aggregation.batch b join aggregation.upload u on u.id = b.upload_id
         where b.source_id = $1 and b.id < $2 and b.state not in ('done', 'returned') and u.removed is null) as noted`,
    [batch.source_id, batch.id],
  )
  return rows[0]!
}

/** Keys (`k`) of a delivery, as an INSERT to go with its rows. An older delivery that notes them late takes nothing back. */
export const noteKeys = (o: { sourceId: string; batch: string; keys: string }) =>
  `insert into aggregation.newest as n (source_id, key, batch_id) select distinct ${literal(o.sourceId)}::uuid, k, ${o.batch} from (${o.keys}) k
   on conflict (source_id, key) do update set batch_id = greatest(n.batch_id, excluded.batch_id)`

/** Whether a later delivery of the source has spoken of a key. */
export const spokenOf = (o: { sourceId: string; batch: string; key: string }) =>
  `exists (select from aggregation.newest n where n.source_id = ${literal(o.sourceId)}::uuid and n.key = ${o.key} and n.batch_id > ${o.batch})`

/** What was noted is of no use once nothing waits for it. */
export const sweepNewest = (pool: Pick<Pool, 'query'>) =>
  pool.query(
    `delete from aggregation.newest n where not exists (
       select from aggregation.batch b join aggregation.upload u on u.id = b.upload_id
       where b.source_id = n.source_id and b.id < n.batch_id and b.state not in ('done', 'returned') and u.removed is null)`,
  )

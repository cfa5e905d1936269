import { sql } from 'kysely'
import { registerRights } from '../aggregation/public.ts'

/** What a grant in force gives as it is: masked or verify-only items are no right to build on. */
registerRights(async (db, departmentId, entryIds, day) => {
  const { rows } = await sql<{ entryId: string; item: string }>`
    select distinct g.entry_id as "entryId", i ->> 'key' as item from delivery.grant g, jsonb_array_elements(g.items) i
    where g.grantee_department_id = ${departmentId} and g.entry_id = any(${entryIds}::uuid[]) and g.state = 'active' and g.awaits = '[]'
      and g.valid_from <= ${day} and (g.valid_until is null or g.valid_until >= ${day}) and i ->> 'treatment' = 'plain'`.execute(db)
  return rows
})

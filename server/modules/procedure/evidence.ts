import { sql } from 'kysely'
import type { z } from 'zod'
import type { Evidence } from '../../../contract/procedure.ts'
import type { StaffContext } from '../../platform/context.ts'

/** Numbers only, of all places: what the articles are used for, not who used them. */
export async function evidence(ctx: StaffContext): Promise<z.infer<typeof Evidence>[]> {
  const { rows } = await sql<z.infer<typeof Evidence>>`
    with cited as (
      select ruling->'cite' as cite, 1 as cases, 0 as acts, 0 as open, 0 as late from procedure.case
      union all
      select cite, 0, 1, 0, 0 from procedure.event where cite is not null and action <> 'start'
      union all
      select cite, 0, 0, (ended is null)::int,
        (origin = 'law' and due is not null and coalesce(ended, ${ctx.day}::date) > due and stopped_on is null)::int
      from procedure.duty
    )
    select cite->>'regulation' as regulation, cite->>'article' as article, sum(cases)::int as cases, sum(acts)::int as acts,
      sum(open)::int as open, sum(late)::int as late
    from cited where cite->>'article' is not null group by 1, 2 order by 1, 2`.execute(ctx.db)
  return rows
}

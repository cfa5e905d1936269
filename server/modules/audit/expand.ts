import { sql } from 'kysely'
import type { Database } from '../../platform/db.ts'

/**
 * Opens new blocks up into `audit.entry` for queries. Safe to call from anywhere, any number of times at once. When it returns, everything
 * sealed before the call can be queried, also where somebody else was just doing it; the background asks with `wait` false.
 */
export async function expand(db: Database, { wait = true } = {}): Promise<number> {
  let total = 0
  for (;;) {
    const moved = await db.transaction().execute(async tx => {
      if (wait) await sql`select pg_advisory_xact_lock(7281002)`.execute(tx)
      else {
        const { rows: lock } = await sql<{ got: boolean }>`select pg_try_advisory_xact_lock(7281002) as got`.execute(tx)
        if (!lock[0]!.got) return 0
      }
      // By height: whatever compares with what stands inside a block reads the whole ledger, every second.
      const { rows } = await sql<{ days: string[] | null; done: number; first: number; last: number; upto: number | null }>`
        with start as (select coalesce((select max(seq) from audit.entry), 0) as done),
             first as (select b.height from start, audit.block b where b.first_seq <= start.done + 1 order by b.first_seq desc limit 1),
             todo as materialized (select b.* from first, start, audit.block b
               where b.height >= first.height and b.height < first.height + 501 and b.first_seq + b.count - 1 > start.done)
        select (select done from start) as done, min(todo.height) as first, max(todo.height) as last, max(todo.first_seq + todo.count - 1) as upto,
               (select array_agg(distinct (r::jsonb ->> 'at')::timestamptz::date::text) from todo, unnest(todo.records) r where r is not null) as days
        from todo`.execute(tx)
      const { done, first, last, upto, days } = rows[0]!
      if (upto === null) return 0
      for (const month of new Set((days ?? []).map(d => `${d.slice(0, 7)}-01`)))
        await sql`select audit.ensure_month(${month}::date)`.execute(tx)
      await sql`
        insert into audit.entry (seq, at, action, person, person_id, department, department_id, region, purpose, approver, content, method, medium, subject, case_no, cite, data, key, provider_id)
        select b.first_seq + n - 1, (j ->> 'at')::timestamptz, j ->> 'action', j ->> 'person', (j ->> 'personId')::uuid, j ->> 'department', (j ->> 'departmentId')::uuid, j ->> 'region',
               j ->> 'purpose', j ->> 'approver', j ->> 'content', j ->> 'method', j ->> 'medium', j ->> 'subject', j ->> 'caseNo', nullif(j -> 'cite', 'null'), nullif(j -> 'data', 'null'), decode(j ->> 'key', 'hex'), (j -> 'data' ->> 'providerId')::uuid
        from audit.block b, unnest(b.records) with ordinality as u(r, n), lateral (select r::jsonb as j) x
        where b.height between ${first} and ${last} and b.first_seq + n - 1 > ${done} and r is not null`.execute(tx)
      // From the blocks, not from the copy: looking into all of its partitions would take longer than the rest.
      await sql`
        insert into audit.name
        select distinct kind, name from audit.block b, unnest(b.records) r, lateral (select r::jsonb as j) x,
          lateral (values ('person', j ->> 'person'), ('department', j ->> 'department')) n(kind, name)
        where b.height between ${first} and ${last} and r is not null and name is not null
        on conflict do nothing`.execute(tx)
      return upto - done
    })
    total += moved
    if (moved === 0) return total
  }
}

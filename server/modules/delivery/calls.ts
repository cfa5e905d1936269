import { sql } from 'kysely'
import type pg from 'pg'
import type { Context, Log } from '../../platform/context.ts'
import { refuse } from '../../platform/problem.ts'
import { rateHeaders } from './watch.ts'

export type CallRow = {
  grantId: string
  at: Date
  day: string
  seq: number | null
  operator: string
  caseRef: string
  method: string
  rows: number
  status: number
  code: string | null
  milliseconds: number
}

const insert = `insert into delivery.call (grant_id, at, day, seq, operator, case_ref, method, rows, status, code, milliseconds)
  select * from unnest($1::uuid[], $2::timestamptz[], $3::date[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::int[], $9::int[], $10::text[], $11::real[])`

/**
 * The list of calls people look at, written in lots a moment after the calls. It may lose the last moment when the process is killed;
 * the ledger, which is the proof, does not.
 */
export function openCallLog(pool: pg.Pool, log: Log, everyMs = 300) {
  let held: CallRow[] = []
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  const write = async (rows: CallRow[]) => {
    const column = (pick: (r: CallRow) => unknown) => rows.map(pick)
    const values = [
      column(r => r.grantId),
      column(r => r.at),
      column(r => r.day),
      column(r => r.seq),
      column(r => r.operator),
      column(r => r.caseRef),
      column(r => r.method),
      column(r => r.rows),
      column(r => r.status),
      column(r => r.code),
      column(r => r.milliseconds),
    ]
    await pool
      .query({ name: 'delivery.call', text: insert, values })
      .catch(error => log.error({ error: (error as Error).message, lost: rows.length }, 'call log'))
  }
  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    const rows = held
    held = []
    if (rows.length) writing = writing.then(() => write(rows))
    return writing
  }
  return {
    add(row: CallRow): void {
      held.push(row)
      if (held.length >= 2000) void flush()
      else timer ??= setTimeout(flush, everyMs).unref()
    },
    flush,
  }
}

/** Long enough for a call to be listed by the process that answered it. */
const SETTLED_MS = 10_000
/**
 * Records of the ledger that no call stands for: their process was killed between the record and the list. They are listed as cut off, since
 * nobody knows whether the reply arrived; refusals as what they are, for nothing left by them.
 */
export async function markInterrupted(ctx: Pick<Context, 'db' | 'clock'>): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const { rows } = await sql<{ seq: number }>`select seq from delivery.compared for update`.execute(tx)
    const from = rows[0]!.seq
    const before = new Date(ctx.clock().getTime() - SETTLED_MS)
    const { rows: last } = await sql<{ seq: number | null }>`
      select max(seq) as seq from (select seq, at from audit.entry_view where seq > ${from} order by seq limit 100000) a where at < ${before}`.execute(
      tx,
    )
    const until = last[0]!.seq
    if (!until) return
    await sql`insert into delivery.call (grant_id, at, day, seq, operator, case_ref, method, rows, status, code, milliseconds)
      select g.id, a.at, (a.at at time zone 'Asia/Shanghai')::date, a.seq, coalesce(nullif(a.person, '未写明'), ''), coalesce(a.case_no, ''),
        coalesce(a.method, ''), coalesce((a.data->>'rows')::int, 0), case a.action when 'data.refused' then 400 else 0 end,
        case a.action when 'data.refused' then a.data->>'code' else 'interrupted' end, 0
      from audit.entry_view a join delivery.grant g on g.no = a.data->>'grant'
      where a.seq > ${from} and a.seq <= ${until} and a.action in ('data.read', 'data.verify', 'data.try', 'data.refused')
        and not exists (select from delivery.call c where c.seq = a.seq)`.execute(tx)
    await sql`update delivery.compared set seq = ${until}`.execute(tx)
  })
}

/**
 * Calls left today. A process takes them from the database in lots of at most one per cent, so that a busy grant needs no lock per call
 * and the limit is never passed; a process that ends leaves at most one lot unused.
 */
export function openQuota(pool: pg.Pool) {
  const lots = new Map<string, { day: string; limit: number; left: number; taken: number; taking: Promise<number> | null }>()

  const take = async (grantId: string, day: string, limit: number): Promise<{ lot: number; taken: number }> => {
    const lot = Math.max(1, Math.min(100, Math.floor(limit / 100)))
    const { rows } = await pool.query<{ lot: number; taken: number }>({
      name: 'delivery.quota',
      text: `insert into delivery.quota as q (grant_id, day, taken, lot) values ($1, $2, $3::int, $3::int)
        on conflict (grant_id, day) do update set taken = least(q.taken + $3::int, $4::int), lot = least($3::int, $4::int - q.taken)
        where q.taken < $4::int returning lot, taken`,
      values: [grantId, day, lot, limit],
    })
    return rows[0] ?? { lot: 0, taken: limit }
  }

  /** Takes one call; says how many are left today, as far as this process knows. */
  return async function spend(grantId: string, day: string, limit: number, no: string, secondsLeft: number): Promise<number> {
    for (;;) {
      let lot = lots.get(grantId)
      // Calls taken under another limit are not spent: a lower one holds for the next request.
      if (lot?.day !== day || lot.limit !== limit) {
        lot = { day, limit, left: 0, taken: 0, taking: null }
        lots.set(grantId, lot)
      }
      if (lot.left > 0) {
        lot.left--
        return limit - lot.taken + lot.left
      }
      const mine = lot
      mine.taking ??= take(grantId, day, limit)
        .then(got => {
          mine.left += got.lot
          mine.taken = got.taken
          return got.lot
        })
        .finally(() => {
          mine.taking = null
        })
      if ((await mine.taking) > 0) continue
      refuse('data.quota_used', {
        status: 429,
        reason: 'quota-exceeded',
        detail: `授权 ${no} 今天的 ${limit} 次调用已用完。`,
        remedy: '请明天再调用，或申请提高每日上限。',
        headers: {
          'retry-after': String(secondsLeft),
          ...rateHeaders({ most: 0, left: 0 }, { most: limit, left: 0, seconds: secondsLeft }),
        },
      })
    }
  }
}

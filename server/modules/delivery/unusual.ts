import { sql } from 'kysely'
import type { Cite } from '../../../contract/common.ts'
import { addDays, dayOf } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { record } from '../audit/public.ts'
import { departmentFor } from '../organization/public.ts'
import { notifyDepartments } from '../procedure/public.ts'
import { calendarDay, govern } from '../regulation/public.ts'
import { setGrantState } from './commands.ts'
import { loadGrantRow, lockGrant } from './queries.ts'

type Kind = 'volume' | 'hours' | 'scan'
/** What was taken under a grant in one hour that begins at `at`. */
export type Hour = { at: Date; calls: number; rows: number }

/** What was usual is read from this many days before; less than a week of them says nothing. */
const USUAL_DAYS = 28
const FEWEST_DAYS = 7
/** An hour is unusual with this many times the rows of the fullest one before, and at least so many rows. */
const TIMES = 5
const FEWEST_ROWS = 1000
/** Calls in one night or day off, where hardly any of the calls before fell into such hours. */
const FEWEST_CALLS = 20
const HARDLY = 0.01

const two = (n: number) => String(n).padStart(2, '0')
const hourOf = (at: Date) => Number(new Date(at.getTime() + 8 * 3600_000).toISOString().slice(11, 13))
/** From ten at night to six in the morning, and days off. */
export function isOff(at: Date): boolean {
  const hour = hourOf(at)
  return hour < 6 || hour >= 22 || !calendarDay(dayOf(at)).working
}
const many = (n: number) => n.toLocaleString('en')

/** What one hour has that the days before had not. */
export function unusual(now: Hour, before: readonly Hour[]): { kind: Exclude<Kind, 'scan'>; what: string }[] {
  if (new Set(before.map(h => dayOf(h.at))).size < FEWEST_DAYS) return []
  const found: ReturnType<typeof unusual> = []
  const when = `${dayOf(now.at)} ${two(hourOf(now.at))} 时`
  const fullest = Math.max(...before.map(h => h.rows))
  if (now.rows >= FEWEST_ROWS && now.rows > fullest * TIMES)
    found.push({ kind: 'volume', what: `${when}取用 ${many(now.rows)} 行，此前 ${USUAL_DAYS} 天里最多的一小时是 ${many(fullest)} 行` })
  const calls = (list: readonly Hour[]) => list.reduce((sum, h) => sum + h.calls, 0)
  const off = calls(before.filter(h => isOff(h.at)))
  if (isOff(now.at) && now.calls >= FEWEST_CALLS && off < calls(before) * HARDLY)
    found.push({
      kind: 'hours',
      what: `${when}（${hourOf(now.at) < 6 || hourOf(now.at) >= 22 ? '夜间' : '非工作日'}）调用 ${many(now.calls)} 次，此前 ${USUAL_DAYS} 天的 ${many(calls(before))} 次里只有 ${many(off)} 次在夜间和非工作日`,
    })
  return found
}

export type Watched = {
  id: string
  no: string
  title: string
  code: string
  purpose: string
  grantee: string
  granteeDepartmentId: string
  providerRegion: string
  providerDepartmentId: string
}

/**
 * Tells both sides and the authority, keeps it in the ledger and on the page of the grant, and ends the grant for now where that is set.
 * False when the same was told already today.
 */
export async function raiseAlert(
  ctx: Context,
  g: Watched,
  a: { kind: Kind; what: string; cite: Cite; data: object },
  suspends: boolean,
): Promise<boolean> {
  return ctx.db.transaction().execute(async tx => {
    // Another process may have suspended it already.
    const suspended = suspends && (await lockGrant(tx, g.id))?.state === 'active'
    const { numAffectedRows } = await sql`insert into delivery.alert (id, grant_id, kind, day, at, what, suspended)
      values (${newId(ctx.now.getTime())}, ${g.id}, ${a.kind}, ${ctx.day}, ${ctx.now}, ${a.what}, ${suspended}) on conflict do nothing`.execute(
      tx,
    )
    if (!numAffectedRows) return false
    await record(tx, ctx, {
      action: a.kind === 'scan' ? 'data.scan' : 'data.unusual',
      subject: g.code,
      purpose: g.purpose,
      person: '未写明',
      department: g.grantee,
      departmentId: g.granteeDepartmentId,
      region: g.providerRegion,
      content: `授权 ${g.no}（${g.title}）${a.what}${suspended ? '，已暂停授权' : ''}`,
      cite: a.cite,
      data: { grant: g.no, ...a.data },
    })
    if (suspended) await setGrantState(tx, ctx, g.id, 'suspended', `${a.what}。核查清楚后由提供部门恢复。`, a.cite)
    const authority = await departmentFor(tx, g.providerRegion, 'authority', '主管部门').catch(() => null)
    await notifyDepartments(
      tx,
      ctx.now,
      [...new Set([g.providerDepartmentId, g.granteeDepartmentId, ...(authority ? [authority.id] : [])])],
      `授权 ${g.no}（${g.title}）${a.what}${suspended ? '，已自动暂停' : '，请核查'}。`,
      `/workbench/grants/${g.id}`,
    )
    return true
  })
}

export type Alert = { kind: Kind; at: Date; what: string; suspended: boolean }
export const alertsOf = async (db: Database, grantId: string): Promise<Alert[]> =>
  (await sql<Alert>`select kind, at, what, suspended from delivery.alert where grant_id = ${grantId} order by at desc limit 20`.execute(db))
    .rows

/** A call is in the list a moment after it was answered, by whichever process. */
const SETTLED_MS = 60_000

/** Adds the calls that came since the last time to their hours, and looks at those hours. Says how many alerts that gave. */
export async function watchUse(ctx: Context): Promise<number> {
  const touched = await ctx.db.transaction().execute(async tx => {
    const { rows } = await sql<{ id: number }>`select id from delivery.summed for update`.execute(tx)
    const settled = new Date(ctx.now.getTime() - SETTLED_MS)
    const { rows: hours } = await sql<{ grantId: string; at: Date; last: number }>`
      with fresh as (select id, grant_id, date_trunc('hour', at, 'Asia/Shanghai') as hour, rows, status from delivery.call
          where id > ${rows[0]!.id} and at < ${settled}),
        kept as (insert into delivery.hour as h (grant_id, hour, calls, rows)
          select grant_id, hour, count(*), sum(rows) from fresh where status = 200 group by 1, 2
          on conflict (grant_id, hour) do update set calls = h.calls + excluded.calls, rows = h.rows + excluded.rows returning grant_id, hour)
      select k.grant_id as "grantId", k.hour as at, (select max(id) from fresh) as last from kept k`.execute(tx)
    if (hours[0]) await sql`update delivery.summed set id = ${hours[0].last}`.execute(tx)
    await sql`delete from delivery.hour where hour < ${new Date(`${addDays(ctx.day, -USUAL_DAYS - 2)}T00:00:00+08:00`)}`.execute(tx)
    return hours
  })
  let told = 0
  // Only what has just happened: the first time, the whole list of calls is summed.
  const since = ctx.now.getTime() - 2 * 3600_000
  for (const { grantId, at } of touched.filter(h => h.at.getTime() >= since)) {
    const from = new Date(at.getTime() - USUAL_DAYS * 86_400_000)
    const { rows } = await sql<Hour>`select hour as at, calls, rows from delivery.hour
      where grant_id = ${grantId} and hour >= ${from} and hour <= ${at}`.execute(ctx.db)
    const found = unusual(
      rows.find(h => h.at.getTime() === at.getTime())!,
      rows.filter(h => h.at < at),
    )
    const grant = found.length ? await loadGrantRow(ctx.pool, grantId) : null
    if (!grant) continue
    const cite = govern(grant.providerRegion, 'share-use', ctx.day).cite
    for (const { kind, what } of found)
      if (await raiseAlert(ctx, grant, { kind, what, cite, data: { at: at.toISOString() } }, ctx.config.data.unusualSuspends)) told++
  }
  return told
}

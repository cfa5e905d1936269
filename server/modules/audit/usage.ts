import { sql } from 'kysely'
import type { ledgerUsage } from '../../../contract/audit.ts'
import { regionPrefix } from '../../../contract/common.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { addDays, weekdayOf } from '../../platform/clock.ts'
import type { StaffContext } from '../../platform/context.ts'
import { refuse } from '../../platform/problem.ts'
import { scopeOf } from './queries.ts'

const shown = 200
const words = { all: '全部数据的使用情况', region: '本地区数据的使用情况', department: '本部门数据的使用情况' }

/** Who used whose data, for what, how often: the usage records of the provider, counted. */
export async function usageOf(
  ctx: StaffContext,
  q: { from?: string | undefined; to?: string | undefined; subject?: string | undefined },
): Promise<Reply<typeof ledgerUsage>> {
  const to = q.to ?? ctx.day
  const from = q.from ?? addDays(to, -83)
  if (from > to || from < addDays(to, -366))
    refuse('audit.usage_period', { detail: '起止日期要在一年以内，先写起，后写止。', remedy: '请改为较短的一段。' })
  const { kind } = scopeOf(ctx.actor)
  const whose =
    kind === 'department'
      ? sql`provider_id = ${ctx.actor.departmentId}`
      : kind === 'region'
        ? sql`region like ${`${regionPrefix(ctx.actor.region)}%`}`
        : sql`true`
  const used = sql`
    select *, action = 'data.refused' as turned_away, action = 'data.verify' as verifying, split_part(coalesce(content, ''), '（' || subject || '）', 1) as title
    from audit.entry
    where ${whose} and at >= ${`${from} 00:00:00+08`}::timestamptz and at < ${`${to} 00:00:00+08`}::timestamptz + interval '1 day'
      and action in ('data.read', 'data.verify', 'data.refused', 'data.download', 'open.download', 'open.read') and subject is not null
      and (${q.subject ?? null}::text is null or subject = ${q.subject ?? null})`
  const { rows: weeks } = await sql<{ week: string; reads: number; verifies: number; refused: number }>`
    select to_char(date_trunc('week', at at time zone 'Asia/Shanghai'), 'YYYY-MM-DD') as week,
      count(*) filter (where not turned_away and not verifying) as reads, count(*) filter (where verifying) as verifies, count(*) filter (where turned_away) as refused
    from (${used}) u group by 1 order by 1`.execute(ctx.db)
  const { rows: entries } = await sql<{ subject: string; title: string; times: number; users: number; last: Date }>`
    select subject, coalesce(max(title) filter (where not turned_away), '') as title, count(*) filter (where not turned_away) as times,
      count(distinct coalesce(department, '')) as users, max(at) as last
    from (${used}) u group by subject order by times desc, subject limit ${shown}`.execute(ctx.db)
  const { rows: users } = await sql<{
    department: string | null
    subject: string
    title: string
    purpose: string | null
    method: string | null
    times: number
    refused: number
    people: number
    last: Date
  }>`
    select department, subject, coalesce(max(title) filter (where not turned_away), '') as title, purpose, method, count(*) filter (where not turned_away) as times,
      count(*) filter (where turned_away) as refused, count(distinct person) as people, max(at) as last
    from (${used}) u group by department, subject, purpose, method order by times desc, refused desc, subject limit ${shown + 1}`.execute(
    ctx.db,
  )
  const sum = (key: 'reads' | 'verifies' | 'refused') => weeks.reduce((n, w) => n + Number(w[key]), 0)
  return {
    scope: words[kind],
    from,
    to,
    reads: sum('reads'),
    verifies: sum('verifies'),
    refused: sum('refused'),
    weeks: filled(weeks, from, to),
    entries: entries.map(e => ({ ...e, last: e.last.toISOString() })),
    users: users.slice(0, shown).map(u => ({ ...u, last: u.last.toISOString() })),
    more: users.length > shown,
  }
}

type Week = { week: string; reads: number; verifies: number; refused: number }
/** A week in which nobody came is a nought, not a gap. */
function filled(weeks: Week[], from: string, to: string): Week[] {
  const known = new Map(weeks.map(w => [w.week, w]))
  const list: Week[] = []
  const monday = addDays(from, -((weekdayOf(from) + 6) % 7))
  for (let week = monday; week <= to; week = addDays(week, 7)) list.push(known.get(week) ?? { week, reads: 0, verifies: 0, refused: 0 })
  return list
}

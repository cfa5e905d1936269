import { sql } from 'kysely'
import { regionPrefix } from '../../../contract/common.ts'
import { registerHealth } from '../procedure/public.ts'

/** Batches of the last day that need a look, for the department that owns the source or the whole region of an authority. */
registerHealth(async ctx => {
  const { actor, db, now } = ctx
  const region = actor.roles.includes('bureau') || actor.roles.includes('inspector') ? `${regionPrefix(actor.region)}%` : null
  const { rows } = await sql<{ done: number; rejects: number; late: number; held: number; drift: number; failed: number }>`
      select count(*) filter (where b.state = 'done' and b.finished > ${now}::timestamptz - interval '1 day')::int as done,
             count(*) filter (where b.state = 'done' and b.rejected > 0 and b.finished > ${now}::timestamptz - interval '1 day')::int as rejects,
             count(*) filter (where b.state = 'done' and b.late and b.finished > ${now}::timestamptz - interval '1 day')::int as late,
             count(*) filter (where b.state = 'held')::int as held, count(*) filter (where b.state = 'drift')::int as drift,
             count(*) filter (where b.state = 'failed' and b.created > ${now}::timestamptz - interval '7 days')::int as failed
      from aggregation.batch b
      join aggregation.source s on s.id = b.source_id
      join organization.department_view d on d.id = s.department_id
      where s.department_id = ${actor.departmentId} or (${region}::text is not null and d.region like ${region})`.execute(db)
  const n = rows[0]!
  const line = (label: string, count: number, state: string) => ({ label, count, href: `/workbench/batches?state=${state}` })
  return [
    line('一日内入库的批次', n.done, 'done'),
    line('其中有拒收', n.rejects, 'done'),
    line('其中迟到', n.late, 'done'),
    line('整批待放行', n.held, 'held'),
    line('结构变化', n.drift, 'drift'),
    line('七日内失败', n.failed, 'failed'),
  ]
})

import { sql } from 'kysely'
import type { CoverageRow } from '../../../contract/aggregation.ts'
import { regionPrefix } from '../../../contract/common.ts'
import type { StaffContext } from '../../platform/context.ts'
import { govern } from '../regulation/public.ts'

const percent = (part: number, whole: number): number => (whole ? Math.round((1000 * part) / whole) / 10 : 0)

/** Registered against filled, by department. An entry counts when a batch has brought it rows; the gap says what stands in the way. */
export async function coverageOf(ctx: StaffContext) {
  const all = ctx.actor.roles.includes('bureau') || ctx.actor.roles.includes('inspector')
  const { rows } = await sql<{
    department_id: string
    department: string
    region: string
    code: string
    title: string
    filled: boolean
    sources: number
    last: string | null
  }>`
    select e.department_id, e.department, e.region, e.code, e.title, coalesce(m.rows > 0, false) as filled,
      (select count(*)::int from aggregation.source s where s.entry_id = e.id) as sources,
      (select b.state from aggregation.batch b where b.entry_id = e.id order by b.created desc, b.id desc limit 1) as last
    from catalog.entry_view e left join aggregation.mount m on m.entry_id = e.id
    where e.state = 'published' and ${
      all ? sql`e.region like ${`${regionPrefix(ctx.actor.region)}%`}` : sql`e.department_id = ${ctx.actor.departmentId}`
    } order by e.code`.execute(ctx.db)
  const departments = new Map<string, CoverageRow>()
  for (const r of rows) {
    const row = departments.get(r.department_id) ?? {
      departmentId: r.department_id,
      department: r.department,
      region: r.region,
      registered: 0,
      aggregated: 0,
      percent: 0,
      gap: [],
    }
    row.registered++
    if (r.filled) row.aggregated++
    else row.gap.push({ code: r.code, title: r.title, why: whyEmpty(r) })
    row.percent = percent(row.aggregated, row.registered)
    departments.set(r.department_id, row)
  }
  const list = [...departments.values()].sort((a, b) => a.percent - b.percent || a.department.localeCompare(b.department, 'zh'))
  const registered = rows.length
  const aggregated = rows.filter(r => r.filled).length
  return {
    cite: govern(ctx.actor.region, 'coverage', ctx.day).cite,
    registered,
    aggregated,
    percent: percent(aggregated, registered),
    rows: list,
  }
}

const whyEmpty = (r: { sources: number; last: string | null }): string => {
  if (!r.sources) return '还没有数据源'
  switch (r.last) {
    case null:
      return '数据源还没有批次'
    case 'failed':
      return '最近一批失败'
    case 'held':
      return '最近一批待放行'
    case 'returned':
      return '最近一批已退回'
    case 'drift':
      return '来源结构变化'
    case 'queued':
    case 'running':
      return '正在入库'
    default:
      return '没有入库的数据行'
  }
}

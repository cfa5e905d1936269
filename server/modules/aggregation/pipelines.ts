import { sql } from 'kysely'
import { type Pipeline, pipelineStates } from '../../../contract/aggregation.ts'
import { modes, type Schedule, sourceKinds } from '../../../contract/connections.ts'
import { addDays } from '../../platform/clock.ts'
import type { StaffContext } from '../../platform/context.ts'
import { fileConnector, tableConnector } from './connectors/index.ts'
import { type SourceRecord, visibleTo } from './queries.ts'

const weekdays = ['一', '二', '三', '四', '五', '六', '日']
/** A schedule as people say it. Pure. */
export function scheduleText(s: Schedule): string {
  if (s.every === 'minutes') return s.minutes % 60 ? `每 ${s.minutes} 分钟` : s.minutes === 60 ? '每小时' : `每 ${s.minutes / 60} 小时`
  if (s.every === 'day') return `每日 ${s.at}`
  return s.every === 'week' ? `每周${weekdays[s.weekday - 1]} ${s.at}` : `每月 ${s.day} 日 ${s.at}`
}
const howOf = (s: SourceRecord): string =>
  s.mode === 'capture'
    ? modes.capture
    : [
        s.schedule && scheduleText(s.schedule),
        tableConnector(s.kind) ? modes[s.mode] : s.schedule ? '取文件' : '',
        !s.schedule && tableConnector(s.kind) ? '手工启动' : '',
      ]
        .filter(Boolean)
        .join('，') || '由提供方送来'

type Row = SourceRecord & {
  title: string
  code: string
  department: string
  batch_id: string | null
  batch_state: string | null
  batch_lag: number | null
  seconds: number | null
  read: number | null
  last: Date | null
  rejected: number
  days: Record<string, number>
  owed: string | null
  held: string | null
}

/** Every source the person may see, what needs a hand first. Figures come from the batches, nothing is kept beside them. */
export async function pipelinesOf(ctx: StaffContext, q: { state?: Pipeline['state'] | undefined; q?: string | undefined }) {
  const first = addDays(ctx.day, -13)
  const { rows } = await sql<Row>`
    select s.*, s.owed::text as owed, e.title, e.code, e.department, b.id as batch_id, b.state as batch_state, b.lag as batch_lag, b.read,
      extract(epoch from b.finished - b.started) as seconds, l.last,
      (select h.id from aggregation.batch h where h.source_id = s.id and h.state = 'held' order by h.id desc limit 1) as held, coalesce(d.rejected, 0)::int as rejected, coalesce(d.days, '{}') as days
    from aggregation.source s
    join catalog.entry_view e on e.id = s.entry_id
    left join lateral (select * from aggregation.batch b where b.source_id = s.id order by b.id desc limit 1) b on true
    left join lateral (select max(finished) as last from aggregation.batch b where b.source_id = s.id and b.state = 'done') l on true
    left join lateral (
      select sum(rejected) as rejected, jsonb_object_agg(day, read) filter (where day is not null) as days from (
        select (finished at time zone 'Asia/Shanghai')::date::text as day, sum(read) as read,
          sum(rejected) filter (where finished > ${ctx.now}::timestamptz - interval '1 day') as rejected
        from aggregation.batch b where b.source_id = s.id and b.finished >= (${first}::date::timestamp at time zone 'Asia/Shanghai') group by 1) x) d on true
    where ${visibleTo(ctx.actor)} and e.state = 'published'
      ${q.q ? sql`and (strpos(s.name, ${q.q}) > 0 or strpos(e.title, ${q.q}) > 0 or strpos(e.department, ${q.q}) > 0)` : sql``}
    order by e.department, e.title, s.id limit 2000`.execute(ctx.db)
  const all = rows.map(r => view(ctx, r, first))
  const counts = Object.fromEntries(Object.keys(pipelineStates).map(state => [state, all.filter(p => p.state === state).length])) as Record<
    Pipeline['state'],
    number
  >
  const order = Object.keys(pipelineStates)
  return {
    rows: all.filter(p => !q.state || p.state === q.state).sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state)),
    counts,
  }
}

function view(ctx: StaffContext, r: Row, first: string): Pipeline {
  const state: Pipeline['state'] = !r.keys.length
    ? 'unready'
    : !r.active
      ? 'stopped'
      : r.trouble
        ? 'trouble'
        : (r.live ? r.live.phase === 'copying' : r.batch_state === 'running' || r.batch_state === 'queued')
          ? 'running'
          : r.held
            ? 'waiting'
            : r.owed && r.owed < ctx.day
              ? 'late'
              : 'idle'
  const said = {
    trouble: [r.trouble?.text ?? '', r.trouble?.remedy ?? ''],
    late: [`应在 ${r.owed} 前送到，还没有收到。`, r.schedule ? '请看来源有没有新数据。' : '请送来新的一批。'],
    running: [r.live ? '正在读现有的行，读完接着跟上变更。' : '', ''],
    waiting: ['有一批整批待放行。', '看过拒收清单后放行并说明理由，或退回来源。'],
    idle: ['', ''],
    stopped: ['还没有启用。', '办好备案后启用。'],
    unready: ['还没有对应信息项。', '完成挂接。'],
  }[state] as [string, string]
  const mine = ctx.actor.departmentId === r.department_id && ctx.actor.roles.includes('steward')
  const fetches = r.mode !== 'capture' && !r.agent_id && !!(tableConnector(r.kind) || fileConnector(r.kind))
  return {
    sourceId: r.id,
    name: r.name,
    title: r.title,
    code: r.code,
    department: r.department,
    kind: r.kind,
    kindLabel: sourceKinds[r.kind],
    how: howOf(r),
    state,
    stateLabel: pipelineStates[state],
    text: said[0],
    remedy: said[1],
    since: r.trouble?.since ?? null,
    last: (r.mode === 'capture' ? r.contact : r.last)?.toISOString() ?? null,
    lag: r.live ? (r.live.lag === undefined ? null : Math.round(r.live.lag / 1000)) : r.batch_lag === null ? null : Number(r.batch_lag),
    perSecond: r.read && r.seconds ? Math.round(Number(r.read) / Math.max(Number(r.seconds), 0.001)) : null,
    days: Array.from({ length: 14 }, (_, n) => Number(r.days[addDays(first, n)] ?? 0)),
    rejected: r.rejected,
    nextRun: r.next_run?.toISOString() ?? null,
    batchId: state === 'waiting' ? r.held : r.batch_id,
    may:
      mine && r.active && r.keys.length
        ? [
            ...(fetches ? (['pull'] as const) : []),
            ...(r.batch_state === 'failed' || r.batch_state === 'drift' ? (['retry'] as const) : []),
          ]
        : [],
  }
}

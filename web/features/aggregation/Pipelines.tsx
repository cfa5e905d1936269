import { App, Button, Select } from 'antd'
import { createSource, type Pipeline, pipelineStates, pipelines, pullNow, retryBatch } from '../../../contract/aggregation.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { amount, codeInUrl, moment, number, span } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Page } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Nothing } from '../../ui/states.tsx'
import { HoldingPages } from './Holdings.tsx'

const look: Record<Pipeline['state'], [Hue, string]> = {
  trouble: ['red', '■'],
  late: ['red', '■'],
  running: ['blue', '◇'],
  waiting: ['yellow', '▲'],
  idle: ['green', '●'],
  stopped: ['grey', '‖'],
  unready: ['yellow', '▲'],
}
export const PipelineMark = ({ of: one }: { of: Pick<Pipeline, 'state' | 'stateLabel'> }) => (
  <Mark hue={look[one.state][0]} shape={look[one.state][1]}>
    {one.stateLabel}
  </Mark>
)

/** Rows of the last 14 days, a bar a day; the figures are said in words for who does not see them. */
function Days({ of: days }: { of: number[] }) {
  const top = Math.max(...days, 1)
  const total = days.reduce((a, b) => a + b, 0)
  return (
    <svg width={14 * 6} height={24} role="img" aria-label={`近 14 天读入 ${number(total)} 行，最多一天 ${number(Math.max(...days))} 行`}>
      {days.map((n, i) => {
        const height = n ? Math.max(2, (22 * n) / top) : 1
        // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its day
        return <rect key={i} x={i * 6} y={24 - height} width={4} height={height} fill={n ? 'var(--ht-blue-fill)' : 'var(--ht-line)'} />
      })}
    </svg>
  )
}

/** 汇聚管道: how each source stands, what needs a hand first. */
export function Pipelines() {
  const filters = useFilters({ state: '', q: '' })
  const { state, q } = filters.value
  const load = useRead(
    pipelines,
    { query: { ...(state && { state: state as Pipeline['state'] }), ...(q && { q }) } },
    { refetchInterval: 5000 },
  )
  const mayMount = useMay(createSource)
  const { message, modal } = App.useApp()
  const refused = (error: unknown) => {
    const problem = problemOf(error)
    modal.error({ title: problem.detail, content: problem.remedy, okText: '返回' })
  }
  const pull = useAct(pullNow, answer => message.success(answer.text))
  const retry = useAct(retryBatch, () => message.success('已重新读取'))
  const counts = load.data?.counts
  return (
    <Page title="汇聚管道" crumb={<A href={at('/sources')}>数据源</A>}>
      <HoldingPages here="/pipelines" />
      <div className="filters">
        <label className="grow">
          <span>查找</span>
          <SearchBox value={q} onSearch={text => filters.set({ q: text })} placeholder="数据源、目录或部门" />
        </label>
        <label>
          <span>状态</span>
          <Select
            aria-label="状态"
            style={{ width: 180 }}
            allowClear
            placeholder="全部"
            value={state || undefined}
            onChange={value => filters.set({ state: value ?? '' })}
            options={Object.entries(pipelineStates).map(([value, label]) => ({
              value,
              label: counts ? `${label}（${counts[value as Pipeline['state']]}）` : label,
            }))}
          />
        </label>
      </div>
      <DataTable
        name="汇聚管道"
        rows={load.data?.rows}
        rowKey={row => row.sourceId}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        filtered={Boolean(state || q)}
        clear={filters.clear}
        empty={<Nothing action={mayMount && <A href={at('/sources/new')}>挂接数据</A>}>还没有数据源。</Nothing>}
        columns={[
          {
            title: '数据源',
            head: true,
            cell: row => (
              <>
                <A href={at(`/sources/${row.sourceId}`)}>{row.name || row.title}</A>
                <div className="ht-meta">
                  {row.kindLabel} · {row.how}
                </div>
              </>
            ),
          },
          {
            title: '状态',
            keep: true,
            cell: row => (
              <>
                <PipelineMark of={row} />
                {row.text && (
                  <div className="ht-meta">
                    {row.text} {row.remedy}
                    {row.since && `（自 ${moment(row.since)}）`}
                  </div>
                )}
              </>
            ),
          },
          { title: '目录', wide: true, cell: row => <A href={at(`/catalog/${codeInUrl(row.code)}`)}>{row.title}</A> },
          { title: '部门', wide: true, cell: row => row.department },
          {
            title: '最近一次',
            narrow: true,
            cell: row => (
              <>
                {row.batchId ? <A href={at(`/batches/${row.batchId}`)}>{moment(row.last)}</A> : moment(row.last)}
                {row.nextRun && <div className="ht-meta">下次 {moment(row.nextRun)}</div>}
              </>
            ),
          },
          { title: '延迟', narrow: true, right: true, cell: row => (row.lag === null ? '—' : span(row.lag)) },
          { title: '速度', narrow: true, right: true, cell: row => (row.perSecond === null ? '—' : `${amount(row.perSecond)} 行/秒`) },
          { title: '近 14 天', narrow: true, wide: true, cell: row => <Days of={row.days} /> },
          { title: '一日拒收', narrow: true, right: true, cell: row => (row.rejected ? number(row.rejected) : '—') },
          {
            title: '',
            narrow: true,
            keep: true,
            cell: row =>
              row.may.includes('retry') ? (
                <Button
                  size="small"
                  loading={retry.isPending}
                  onClick={() => retry.mutate({ params: { id: row.batchId! }, body: { reason: '' } }, { onError: refused })}
                >
                  重试
                </Button>
              ) : row.may.includes('pull') ? (
                <Button
                  size="small"
                  loading={pull.isPending}
                  onClick={() => pull.mutate({ params: { id: row.sourceId } }, { onError: refused })}
                >
                  现在读取
                </Button>
              ) : null,
          },
        ]}
      />
    </Page>
  )
}

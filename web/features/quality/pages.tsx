import { Select } from 'antd'
import { board, departmentQuality } from '../../../contract/quality.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { codeInUrl, moment, number } from '../../ui/format.ts'
import { Light, Mark } from '../../ui/Light.tsx'
import { Page } from '../../ui/Page.tsx'
import { Nothing } from '../../ui/states.tsx'
import { Why } from '../../ui/Why.tsx'
import { Score } from './EntryQuality.tsx'

const pages = [
  ['/quality', '部门质量'],
  ['/quality/cases', '疑义与异议'],
] as const
const QualityPages = ({ here }: { here: (typeof pages)[number][0] }) => (
  <nav className="tabs" aria-label="质量">
    {pages.map(([path, label]) => (
      <A key={path} href={at(path)} aria-current={path === here ? 'page' : undefined}>
        {label}
      </A>
    ))}
  </nav>
)

/** Departments against the dimensions of their place. */
export function Quality() {
  const load = useRead(departmentQuality)
  const named = load.data?.rows[0]?.dimensions ?? []
  return (
    <Page
      title="质量"
      sub={
        load.data && (
          <span>
            按部门汇总，没有检查的维度不计分 <Why cite={load.data.cite} />
          </span>
        )
      }
    >
      <QualityPages here="/quality" />
      <DataTable
        name="部门质量"
        rows={load.data?.rows}
        rowKey={row => row.departmentId}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        empty={<Nothing action={<A href={at('/catalog')}>看目录</A>}>还没有发布的目录，没有可以汇总的质量。</Nothing>}
        columns={[
          { title: '部门', head: true, cell: row => row.department },
          { title: '目录', right: true, narrow: true, cell: row => number(row.entries) },
          { title: '已测', right: true, narrow: true, cell: row => number(row.measured) },
          ...named.map(({ key, label }) => ({
            title: label,
            narrow: true,
            keep: true,
            cell: (row: NonNullable<typeof load.data>['rows'][number]) => {
              // Places below the region may name other dimensions.
              const mine = row.dimensions.find(d => d.key === key)
              return mine ? <Score score={mine.score} /> : '—'
            },
          })),
          { title: '平均', narrow: true, keep: true, cell: row => <Score score={row.score} /> },
          { title: '未解决的问题', right: true, narrow: true, cell: row => number(row.findings) },
        ]}
      />
    </Page>
  )
}

/** All reports about doubtful, wrong or disputed data, the oldest open one first. */
export function Board() {
  const filters = useFilters({ state: '', procedure: '' })
  const { state, procedure } = filters.value
  const load = useRead(board, {
    query: { ...(state && { state: state as 'open' }), ...(procedure && { procedure }) },
  })
  const counts = load.data?.counts
  return (
    <Page title="疑义与异议" crumb={<A href={at('/quality')}>质量</A>}>
      <QualityPages here="/quality/cases" />
      {counts && (
        <p className="row ht-ink2" style={{ marginBottom: 12 }}>
          <span>在办 {number(counts.open)}</span>
          {counts.overdue > 0 && (
            <Mark hue="red" shape="■">
              逾期 {counts.overdue}
            </Mark>
          )}
          <span>办结 {number(counts.ended)}</span>
          <span>确有错误 {number(counts.corrected)}</span>
          <span>数据无误 {number(counts.upheld)}</span>
          {counts.averageDays !== null && <span>平均 {counts.averageDays} 个工作日办结</span>}
        </p>
      )}
      <div className="filters">
        <label>
          <span>状态</span>
          <Select
            aria-label="状态"
            style={{ width: 140 }}
            allowClear
            placeholder="全部"
            value={state || undefined}
            onChange={value => filters.set({ state: value ?? '' })}
            options={[
              { value: 'open', label: '在办' },
              { value: 'ended', label: '已办结' },
            ]}
          />
        </label>
        <label>
          <span>种类</span>
          <Select
            aria-label="种类"
            style={{ width: 160 }}
            allowClear
            placeholder="全部"
            value={procedure || undefined}
            onChange={value => filters.set({ procedure: value ?? '' })}
            options={[
              { value: 'verification', label: '部门的疑义' },
              { value: 'objection', label: '公众的异议' },
            ]}
          />
        </label>
      </div>
      <DataTable
        name="疑义与异议"
        rows={load.data?.rows}
        rowKey={row => row.no}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        filtered={!!(state || procedure)}
        clear={filters.clear}
        empty={<Nothing>还没有人反馈过数据的疑义或异议。在目录的“数据”页可以反馈。</Nothing>}
        columns={[
          {
            title: '办件',
            head: true,
            narrow: true,
            keep: true,
            cell: row => (
              <>
                <A href={at(`/cases/${row.no}`)} className="ht-num">
                  {row.no}
                </A>
                <div className="ht-meta">{row.label}</div>
              </>
            ),
          },
          {
            title: '目录',
            cell: row => (
              <>
                <A href={at(`/catalog/${codeInUrl(row.code)}`, { tab: 'data' })}>{row.entry}</A>
                <div className="ht-meta">{row.record ? `记录 ${row.record}` : '整条目录'}</div>
              </>
            ),
          },
          { title: '状态', narrow: true, cell: row => row.stateLabel },
          { title: '由谁办', cell: row => row.owner },
          {
            title: '时限',
            narrow: true,
            keep: true,
            cell: row => (
              <>
                {row.light ? <Light light={row.light} left={row.left} word={row.word} due={row.due} date /> : '—'}
                {row.extended > 0 && <div className="ht-meta">已延长 {row.extended} 个工作日</div>}
              </>
            ),
          },
          { title: '已历', narrow: true, right: true, cell: row => `${row.age} 个工作日` },
          { title: '收到', narrow: true, keep: true, cell: row => moment(row.opened) },
          {
            title: '结果',
            narrow: true,
            cell: row => (
              <>
                {row.result ?? '—'}
                {row.told !== null && <div className="ht-meta">已告知 {row.told} 个部门</div>}
              </>
            ),
          },
        ]}
      />
    </Page>
  )
}

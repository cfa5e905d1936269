import { Input, Select } from 'antd'
import { board, corrections, departmentQuality, entryScores, tickets } from '../../../contract/quality.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { codeInUrl, moment, number } from '../../ui/format.ts'
import { Light, Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Nothing } from '../../ui/states.tsx'
import { Trend } from '../../ui/Trend.tsx'
import { Why } from '../../ui/Why.tsx'
import { Score } from './EntryQuality.tsx'

const pages = [
  ['/quality', '部门质量'],
  ['/quality/entries', '目录得分'],
  ['/quality/tickets', '问题单'],
  ['/quality/cases', '疑义与异议'],
  ['/quality/corrections', '更正清单'],
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
          {
            title: '部门',
            head: true,
            cell: row => <A href={at('/quality/entries', { department: row.departmentId })}>{row.department}</A>,
          },
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

/** Entries by score, the worst first, and how the mean went. */
export function EntryScores() {
  const filters = useFilters({ department: '' })
  const { department } = filters.value
  const load = useRead(entryScores, { query: { ...(department && { department }) } })
  const trend = load.data?.trend ?? []
  return (
    <Page title="目录得分" crumb={<A href={at('/quality')}>质量</A>} sub={<span>得分低的在前；每一批入库后重新计算</span>}>
      <QualityPages here="/quality/entries" />
      <div className="stack">
        {trend.length > 0 && (
          <Sheet>
            <Trend
              title={`${department ? (load.data?.rows[0]?.department ?? '部门') : '全部目录'}的平均得分，近 ${trend.length} 周`}
              points={trend.map(w => w.week)}
              lines={[{ label: '平均', values: trend.map(w => w.score) }]}
              source={`每周取各目录到那时为止的最后得分，现在有 ${trend.at(-1)!.entries} 条目录计入；日期是周一。`}
            />
          </Sheet>
        )}
        <DataTable
          name="目录得分"
          rows={load.data?.rows}
          rowKey={row => row.code}
          error={load.error}
          retry={load.refetch}
          since={load.dataUpdatedAt}
          filtered={!!department}
          clear={filters.clear}
          empty={<Nothing>还没有入库的批次，没有得分。</Nothing>}
          columns={[
            { title: '目录', head: true, cell: row => <A href={at(`/quality/entries/${codeInUrl(row.code)}`)}>{row.title}</A> },
            { title: '部门', cell: row => row.department },
            { title: '得分', narrow: true, keep: true, cell: row => <Score score={row.score} /> },
            {
              title: '最弱的维度',
              cell: row => {
                const [worst] = row.dimensions.filter(d => d.score !== null).sort((a, b) => a.score! - b.score!)
                return worst && worst.score! < 100 ? `${worst.label} ${worst.score}` : '—'
              },
            },
            { title: '规则', narrow: true, right: true, cell: row => number(row.rules) },
            { title: '未办结的问题单', narrow: true, right: true, cell: row => number(row.tickets) },
            {
              title: '批次',
              narrow: true,
              keep: true,
              cell: row => (
                <>
                  {row.batchNo}
                  <div className="ht-meta">{moment(row.at)}</div>
                </>
              ),
            },
          ]}
        />
      </div>
    </Page>
  )
}

/** 问题单 and 整改率. */
export function Tickets() {
  const filters = useFilters({ state: '', from: '', to: '' })
  const { state, from, to } = filters.value
  const load = useRead(tickets, { query: { ...(state && { state: state as 'open' }), ...(from && { from }), ...(to && { to }) } })
  return (
    <Page
      title="质量问题单"
      crumb={<A href={at('/quality')}>质量</A>}
      sub={load.data && <span>{`${load.data.from} 至 ${load.data.to} 发出的问题单；整改率 ＝ 按时办结 ÷ 已办结或到期的`}</span>}
    >
      <QualityPages here="/quality/tickets" />
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
              { value: 'open', label: '整改中' },
              { value: 'closed', label: '已办结' },
            ]}
          />
        </label>
        <label>
          <span>从</span>
          <Input type="date" style={{ width: 160 }} value={from} onChange={event => filters.set({ from: event.target.value })} />
        </label>
        <label>
          <span>到</span>
          <Input type="date" style={{ width: 160 }} value={to} onChange={event => filters.set({ to: event.target.value })} />
        </label>
      </div>
      <div className="stack">
        {load.data && load.data.departments.length > 0 && (
          <DataTable
            name="整改率"
            rows={load.data.departments}
            rowKey={row => row.departmentId}
            columns={[
              { title: '部门', head: true, cell: row => row.department },
              { title: '发出', narrow: true, right: true, cell: row => number(row.opened) },
              { title: '已办结或到期', narrow: true, right: true, cell: row => number(row.counted) },
              { title: '按时办结', narrow: true, right: true, cell: row => number(row.inTime) },
              {
                title: '整改率',
                narrow: true,
                right: true,
                // A rate of a handful says nothing.
                cell: row =>
                  row.counted >= 5 ? `${row.inTime}/${row.counted} ＝ ${row.rate}%` : row.counted ? `${row.inTime}/${row.counted}` : '—',
              },
            ]}
          />
        )}
        <DataTable
          name="问题单"
          rows={load.data?.rows}
          rowKey={row => row.no}
          error={load.error}
          retry={load.refetch}
          since={load.dataUpdatedAt}
          filtered={filters.filtered}
          clear={filters.clear}
          empty={<Nothing>没有问题单。规则不符合的行超过阈值，或得分低于底线时，平台向目录所属部门发问题单。</Nothing>}
          columns={[
            {
              title: '问题单',
              head: true,
              narrow: true,
              keep: true,
              cell: row => (
                <A href={at(`/cases/${row.no}`)} className="ht-num">
                  {row.no}
                </A>
              ),
            },
            {
              title: '问题',
              cell: row => (
                <>
                  <A href={at(`/quality/entries/${codeInUrl(row.code)}`)}>{row.entry}</A>
                  <div className="ht-meta">{row.what}</div>
                </>
              ),
            },
            { title: '部门', cell: row => row.department },
            {
              title: '状态',
              narrow: true,
              keep: true,
              cell: row => (
                <Mark
                  hue={row.inTime === false && !row.closed ? 'red' : row.closed ? 'grey' : 'green'}
                  shape={row.inTime === false && !row.closed ? '■' : row.closed ? '✓' : '●'}
                >
                  {row.stateLabel}
                </Mark>
              ),
            },
            { title: '发出', narrow: true, keep: true, cell: row => row.opened },
            { title: '期限', narrow: true, keep: true, cell: row => row.due ?? '—' },
            {
              title: '办结',
              narrow: true,
              keep: true,
              cell: row => (row.closed ? `${row.closed}${row.inTime === false ? '（逾期）' : ''}` : '—'),
            },
          ]}
        />
      </div>
    </Page>
  )
}

/** 更正清单: what was put right in data one provides or has obtained. */
export function Corrections() {
  const load = useRead(corrections)
  return (
    <Page
      title="更正清单"
      crumb={<A href={at('/quality')}>质量</A>}
      sub={<span>疑义核实后更正的记录；取用过的部门请按更正后的内容使用，业务系统可从数据接口的 corrections 取得</span>}
    >
      <QualityPages here="/quality/corrections" />
      <DataTable
        name="更正清单"
        rows={load.data?.rows}
        rowKey={(_, i) => i}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        empty={<Nothing>本部门提供或取用的数据，还没有更正过的记录。</Nothing>}
        columns={[
          { title: '目录', head: true, cell: row => <A href={at(`/catalog/${codeInUrl(row.code)}`, { tab: 'data' })}>{row.entry}</A> },
          { title: '提供部门', cell: row => row.department },
          { title: '记录', cell: row => row.record ?? '取用时按主键核对' },
          { title: '信息项', narrow: true, cell: row => row.item ?? '—' },
          { title: '更正', narrow: true, keep: true, cell: row => moment(row.at) },
          { title: '批次', narrow: true, keep: true, cell: row => row.batchNo },
          { title: '已告知', narrow: true, right: true, cell: row => `${row.told} 个部门` },
          {
            title: '办件',
            narrow: true,
            keep: true,
            cell: row => (row.caseNo ? <A href={at(`/cases/${row.caseNo}`)}>{row.caseNo}</A> : '—'),
          },
        ]}
      />
    </Page>
  )
}

import { Input, Select } from 'antd'
import { findingKinds, useRecords } from '../../../contract/delivery.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { moment, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Nothing } from '../../ui/states.tsx'

type Row = Reply<typeof useRecords>['rows'][number]

/** 使用记录: who used what for what, under whose approval; what was refused stands out. */
export function Uses() {
  const filters = useFilters({ side: 'all', kind: '', q: '', from: '', to: '' })
  const { side, kind, q, from, to, after } = filters.value
  const load = useRead(useRecords, {
    query: {
      side: side as 'all',
      ...(kind && { kind: kind as 'refused' }),
      ...(q && { q }),
      ...(from && { from }),
      ...(to && { to }),
      ...(after && { after }),
    },
  })
  const columns: Column<Row>[] = [
    {
      title: '时间',
      head: true,
      keep: true,
      narrow: true,
      cell: row => (row.seq === null ? moment(row.at, true) : <A href={at(`/audit/${row.seq}`)}>{moment(row.at, true)}</A>),
    },
    {
      title: '使用部门和人员',
      cell: row => (
        <>
          {row.grantee}
          <div className="ht-meta">{row.person || '未写明'}</div>
        </>
      ),
    },
    {
      title: '内容',
      cell: row => (
        <>
          {row.content}
          <div className="ht-meta">
            <A href={at(`/grants/${row.grantId}`)}>{row.grant}</A> {row.provider}
          </div>
        </>
      ),
    },
    {
      title: '用途和事项',
      cell: row => (
        <>
          {row.purpose}
          <div className="ht-meta">{row.caseRef || '未写明'}</div>
        </>
      ),
    },
    { title: '批准', cell: row => row.approver },
    {
      title: '方法和介质',
      narrow: true,
      cell: row => (
        <>
          {row.method}
          <div className="ht-meta">{row.medium}</div>
        </>
      ),
    },
    {
      title: '结果',
      narrow: true,
      cell: row =>
        row.kind ? (
          <Mark hue="red" shape="■">
            {row.kindLabel}
          </Mark>
        ) : row.status ? (
          <Mark hue="green" shape="●">
            提供
          </Mark>
        ) : (
          <Mark hue="yellow" shape="▲">
            中断
          </Mark>
        ),
    },
  ]
  return (
    <Page title="使用记录" crumb={<A href={at('/grants')}>授权</A>} acts={<A href={at('/use-subscriptions')}>使用日志推送</A>}>
      <nav className="tabs" aria-label="范围">
        {(
          [
            ['all', '全部'],
            ['received', '本部门使用的'],
            ['given', '使用本部门数据的'],
          ] as const
        ).map(([key, label]) => (
          <A key={key} href={filters.address({ side: key })} aria-current={side === key ? 'page' : undefined}>
            {label}
          </A>
        ))}
      </nav>
      <div className="filters">
        <label className="grow">
          <span>查找</span>
          <SearchBox value={q} onSearch={text => filters.set({ q: text })} placeholder="部门、目录、授权、人员、事项编号" />
        </label>
        <label>
          <span>结果</span>
          <Select
            aria-label="结果"
            style={{ width: 150 }}
            allowClear
            placeholder="全部"
            value={kind || undefined}
            onChange={value => filters.set({ kind: value ?? '' })}
            options={[{ value: 'refused', label: '被拒绝的' }, ...Object.entries(findingKinds).map(([value, label]) => ({ value, label }))]}
          />
        </label>
        <label>
          <span>自</span>
          <Input
            type="date"
            style={{ width: 160 }}
            value={from || load.data?.from || ''}
            onChange={event => filters.set({ from: event.target.value })}
          />
        </label>
        <label>
          <span>至</span>
          <Input
            type="date"
            style={{ width: 160 }}
            value={to || load.data?.to || ''}
            onChange={event => filters.set({ to: event.target.value })}
          />
        </label>
      </div>
      <div className="stack">
        {Boolean(load.data?.findings.length) && (
          <Sheet title="被拒绝的使用" note="由系统拒绝，没有提供数据">
            <p className="row">
              {load.data!.findings.map(f => (
                <A key={f.kind} href={filters.address({ kind: f.kind })}>
                  <Mark hue="red" shape="■">
                    {f.label} {number(f.count)} 次，{f.departments} 个部门
                  </Mark>
                </A>
              ))}
            </p>
          </Sheet>
        )}
        <DataTable
          name="使用记录"
          columns={columns}
          rows={load.data?.rows}
          rowKey={(row, n) => `${row.seq}-${n}`}
          error={load.error}
          retry={load.refetch}
          since={load.dataUpdatedAt}
          filtered={Boolean(q || kind || from || to)}
          clear={() => filters.set({ q: '', kind: '', from: '', to: '' })}
          empty={<Nothing>这段时间没有使用记录。</Nothing>}
          footer={<ListPager of={load.data} filters={filters} />}
        />
      </div>
    </Page>
  )
}

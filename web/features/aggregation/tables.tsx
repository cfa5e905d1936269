import type { ReactNode } from 'react'
import type { Batch, batches, Source, sources } from '../../../contract/aggregation.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { A, at } from '../../app/link.tsx'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { amount, codeInUrl, moment, number } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'

export const batchHue: Record<Batch['state'], Hue> = {
  queued: 'grey',
  running: 'blue',
  done: 'green',
  held: 'yellow',
  returned: 'grey',
  drift: 'yellow',
  failed: 'red',
  cancelled: 'grey',
}
export const batchShape: Record<Batch['state'], string> = {
  queued: '‖',
  running: '◇',
  done: '●',
  held: '▲',
  returned: '✓',
  drift: '▲',
  failed: '■',
  cancelled: '‖',
}
export const BatchMark = ({ batch }: { batch: Pick<Batch, 'state' | 'stateLabel'> }) => (
  <Mark hue={batchHue[batch.state]} shape={batchShape[batch.state]}>
    {batch.stateLabel}
  </Mark>
)

type Load<T> = { data: T | undefined; error: unknown; refetch: () => void; dataUpdatedAt: number }
type Rest = { empty?: ReactNode; filtered?: boolean; clear?: () => void; footer?: ReactNode }

export function SourceTable({ load, ...rest }: { load: Load<Reply<typeof sources>> } & Rest) {
  const columns: Column<Source>[] = [
    {
      title: '数据源',
      head: true,
      cell: row => (
        <>
          <A href={at(`/sources/${row.id}`)}>{row.name || row.title}</A>
          <div className="ht-meta">{row.kindLabel}</div>
        </>
      ),
    },
    { title: '目录', cell: row => <A href={at(`/catalog/${codeInUrl(row.code)}`)}>{row.title}</A> },
    { title: '部门', cell: row => row.department },
    {
      title: '周期',
      narrow: true,
      cell: row => (
        <>
          {row.promise.label}
          <div className="ht-meta">
            {row.promise.filing
              ? `已备案 ${row.promise.filing.caseNo}`
              : row.promise.missing
                ? '未备案'
                : row.promise.realTime
                  ? '按规定实时'
                  : ''}
          </div>
        </>
      ),
    },
    {
      title: '对应关系',
      narrow: true,
      cell: row => (!row.promise.active ? <Mark hue="yellow">未启用</Mark> : row.ready ? '已保存' : <Mark hue="yellow">未完成</Mark>),
    },
    {
      title: '最近批次',
      narrow: true,
      cell: row => (row.last ? <BatchMark batch={row.last} /> : '—'),
    },
    { title: '最近入库', keep: true, narrow: true, cell: row => moment(row.last?.finished) },
  ]
  return (
    <DataTable
      name="数据源"
      columns={columns}
      rows={load.data?.rows}
      rowKey={row => row.id}
      error={load.error}
      retry={load.refetch}
      since={load.dataUpdatedAt}
      {...rest}
    />
  )
}

export function BatchTable({ load, ...rest }: { load: Load<Reply<typeof batches>> } & Rest) {
  const columns: Column<Batch>[] = [
    {
      title: '批次',
      head: true,
      cell: row => (
        <>
          <A href={at(`/batches/${row.id}`)} className="ht-num">
            {row.no}
          </A>
          <div className="ht-meta">{row.name}</div>
        </>
      ),
    },
    { title: '目录', cell: row => <A href={at(`/catalog/${codeInUrl(row.code)}`)}>{row.title}</A> },
    { title: '状态', narrow: true, cell: row => <BatchMark batch={row} /> },
    { title: '读入', right: true, narrow: true, cell: row => amount(row.read) },
    { title: '接收', right: true, narrow: true, cell: row => amount(row.accepted) },
    { title: '未变化', right: true, narrow: true, cell: row => amount(row.unchanged) },
    {
      title: '拒收',
      right: true,
      narrow: true,
      cell: row => (row.rejected ? <A href={at(`/batches/${row.id}`)}>{number(row.rejected)}</A> : '0'),
    },
    {
      title: '到达',
      narrow: true,
      cell: row =>
        row.lag === null ? (
          '—'
        ) : row.late ? (
          <Mark hue="red" shape="■">
            迟到
          </Mark>
        ) : (
          '按时'
        ),
    },
    { title: '开始', keep: true, narrow: true, cell: row => moment(row.started ?? row.created) },
    { title: '办理人', narrow: true, wide: true, cell: row => row.by },
  ]
  return (
    <DataTable
      name="批次"
      columns={columns}
      rows={load.data?.rows}
      rowKey={row => row.id}
      error={load.error}
      retry={load.refetch}
      since={load.dataUpdatedAt}
      {...rest}
    />
  )
}

import { Link, useSearch } from '@tanstack/react-router'
import { useRead } from '../app/query.ts'
import { DataTable, Pager } from '../ui/DataTable.tsx'
import { amount, dayOf } from '../ui/format.ts'
import { searchOpen } from './contract.ts'
import { ListTabs } from './Public.tsx'
import { DatasetLink, OpenMark, Title } from './parts.tsx'
import { SaveList } from './Search.tsx'

export function OpenList() {
  const { region, after } = useSearch({ strict: false }) as { region?: string; after?: string }
  const load = useRead(searchOpen, { query: { region, after, sort: 'updated' } as never })
  const regions = load.data?.facets.find(facet => facet.key === 'region')?.values ?? []
  const link = (search: object, label: string, current?: boolean) => (
    <Link to="/open-list" search={search as never} aria-current={current || undefined}>
      {label}
    </Link>
  )
  return (
    <div className="wrap">
      <div className="head">
        <Title area="开放清单">开放清单</Title>
        <p className="lead">已经开放的全部数据集。清单随数据开放、变更和下架实时更新。</p>
      </div>
      <div className="bar loose">
        <ListTabs at="/open-list" />
      </div>
      <div className="bar loose">
        <ul className="sorts" aria-label="地区">
          <li>{link({}, '全部地区', !region)}</li>
          {regions.map(({ value, label }) => (
            <li key={value}>{link({ region: value }, label, region === value)}</li>
          ))}
        </ul>
        <SaveList query={{ region, sort: 'updated' }} name="开放清单" label="下载清单 CSV" />
      </div>
      <DataTable
        name="数据集"
        rows={load.data?.rows}
        rowKey={row => row.code}
        error={load.error}
        retry={() => load.refetch()}
        since={load.dataUpdatedAt}
        filtered={!!region}
        columns={[
          { title: '名称', head: true, cell: row => <DatasetLink row={row} /> },
          { title: '部门', cell: row => row.department },
          { title: '主题', keep: true, wide: true, cell: row => row.theme },
          { title: '开放类型', keep: true, cell: row => <OpenMark row={row} /> },
          { title: '更新周期', keep: true, wide: true, cell: row => row.updateCycle },
          { title: '更新日期', keep: true, cell: row => (row.updated ? dayOf(row.updated) : '—') },
          { title: '行数', keep: true, right: true, cell: row => amount(row.rows) },
          { title: '下载', keep: true, wide: true, right: true, cell: row => amount(row.downloads) },
        ]}
        footer={
          load.data && load.data.total > 0 ? (
            <Pager
              total={load.data.total}
              shown={load.data.rows.length}
              after={after}
              next={load.data.next}
              link={(to, label) => link({ region, after: to }, label)}
            />
          ) : undefined
        }
      />
    </div>
  )
}

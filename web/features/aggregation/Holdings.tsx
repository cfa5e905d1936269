import { coverage } from '../../../contract/aggregation.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { codeInUrl, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { Why } from '../../ui/Why.tsx'

const pages = [
  ['/sources', '数据源'],
  ['/pipelines', '汇聚管道'],
  ['/agents', '前置机'],
  ['/coverage', '汇聚率'],
  ['/databases', '基础库与主题库'],
] as const
export const HoldingPages = ({ here }: { here: (typeof pages)[number][0] }) => (
  <nav className="tabs" aria-label="汇聚">
    {pages.map(([path, label]) => (
      <A key={path} href={at(path)} aria-current={path === here ? 'page' : undefined}>
        {label}
      </A>
    ))}
  </nav>
)

/** Registered against filled, by department, with what is missing by name. */
export function Coverage() {
  const load = useRead(coverage)
  const gap = load.data?.rows.flatMap(row => row.gap.map(one => ({ ...one, department: row.department }))) ?? []
  return (
    <Page title="汇聚率" crumb={<A href={at('/sources')}>数据源</A>}>
      <HoldingPages here="/coverage" />
      <Loaded load={load}>
        {all => (
          <div className="stack">
            <p className="row">
              <b className="ht-num">
                {number(all.aggregated)} / {number(all.registered)} ＝ {all.percent}%
              </b>
              <span className="ht-ink2">已入库的目录占已登记的目录；失败和待放行的批次不算</span>
              <Why cite={all.cite} />
            </p>
            <DataTable
              name="部门汇聚率"
              rows={all.rows}
              rowKey={row => row.departmentId}
              empty={<Nothing>还没有发布的目录。</Nothing>}
              columns={[
                { title: '部门', head: true, cell: row => row.department },
                { title: '已登记', right: true, narrow: true, cell: row => number(row.registered) },
                { title: '已汇聚', right: true, narrow: true, cell: row => number(row.aggregated) },
                {
                  title: '汇聚率',
                  narrow: true,
                  keep: true,
                  cell: row =>
                    row.percent === 100 ? (
                      <Mark hue="green" shape="●">
                        100%
                      </Mark>
                    ) : (
                      <Mark hue="yellow" shape="▲">
                        {row.percent}%
                      </Mark>
                    ),
                },
                { title: '缺口', right: true, narrow: true, cell: row => number(row.gap.length) },
              ]}
            />
            {gap.length > 0 && (
              <Sheet title="缺口" note={`${number(gap.length)} 条目录还没有数据`}>
                <DataTable
                  name="没有数据的目录"
                  rows={gap}
                  rowKey={row => row.code}
                  columns={[
                    {
                      title: '目录',
                      head: true,
                      cell: row => <A href={at(`/catalog/${codeInUrl(row.code)}`, { tab: 'data' })}>{row.title}</A>,
                    },
                    { title: '部门', cell: row => row.department },
                    { title: '原因', cell: row => row.why },
                  ]}
                />
              </Sheet>
            )}
          </div>
        )}
      </Loaded>
    </Page>
  )
}

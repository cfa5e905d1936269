import { useParams } from '@tanstack/react-router'
import { Button } from 'antd'
import type { Reply } from '../../../contract/endpoint.ts'
import { board, openUse, suspicions } from '../../../contract/supervision.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { moment, number } from '../../ui/format.ts'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

type Row = Reply<typeof board>['rows'][number]

/** 监督: the five areas of each department, with what is overdue and under correction. */
export function Board() {
  const load = useRead(board)
  const count = (key: 'register' | 'collect' | 'aggregate' | 'share' | 'service', title: string): Column<Row> => ({
    title,
    right: true,
    narrow: true,
    cell: row => number(row[key]),
  })
  const warn = (key: 'overdue' | 'corrections' | 'findings', title: string): Column<Row> => ({
    title,
    right: true,
    narrow: true,
    cell: row => (row[key] ? <b>{number(row[key])}</b> : '0'),
  })
  const columns: Column<Row>[] = [
    { title: '部门', head: true, cell: row => row.department },
    count('register', '登记（目录）'),
    count('collect', '采集（在查）'),
    count('aggregate', '汇聚（有数据）'),
    count('share', '共享（授权）'),
    count('service', '服务（30 天调用）'),
    warn('overdue', '逾期'),
    warn('corrections', '在纠正'),
    warn('findings', '平台外交换'),
  ]
  return (
    <Page
      title="监督"
      sub={<span>登记、采集、汇聚、共享、服务五个方面，每个数都能查到背后的记录。</span>}
      acts={
        <>
          <A href={at('/cases/new?q=监督检查')}>
            <Button type="primary">记录检查</Button>
          </A>
          <A href={at('/cases/new?q=责任追究')}>
            <Button>责任追究</Button>
          </A>
          <A href={at('/exchanges')}>
            <Button>平台外交换</Button>
          </A>
        </>
      }
    >
      <div className="stack">
        {load.data && (
          <p className="row">
            {load.data.areas.map(area => (
              <A key={area.key} href={area.href}>
                {area.label}的记录
              </A>
            ))}
          </p>
        )}
        <DataTable
          name="各部门"
          columns={columns}
          rows={load.data?.rows}
          rowKey={row => row.departmentId}
          error={load.error}
          retry={load.refetch}
          since={load.dataUpdatedAt}
          empty={<Nothing>还没有登记部门。</Nothing>}
        />
        <Suspicions />
      </div>
    </Page>
  )
}

/** What the facts suggest; a person decides whether a case is opened. */
function Suspicions() {
  const load = useRead(suspicions)
  return (
    <DataTable
      name="线索（平台按事实提示，是否追究由人决定）"
      rows={load.data}
      rowKey={row => `${row.breach}${row.href}${row.departmentId}`}
      error={load.error}
      retry={load.refetch}
      since={load.dataUpdatedAt}
      columns={[
        { title: '行为', head: true, cell: row => row.label },
        { title: '部门', cell: row => row.department },
        { title: '事实', cell: row => <A href={row.href}>{row.what}</A> },
        {
          title: '已过',
          right: true,
          narrow: true,
          cell: row => `${number(row.elapsed)} 天${row.legal ? '' : '（规定没有天数）'}`,
        },
        {
          title: '依据',
          narrow: true,
          cell: row => (
            <>
              {citeWords(row.cite)}
              <Why cite={row.cite} />
            </>
          ),
        },
        { title: '操作', narrow: true, cell: row => <A href={at(`/cases/new?procedure=${row.procedure}`)}>立案</A> },
      ]}
      empty={<Nothing>没有线索。</Nothing>}
    />
  )
}

/** Use of one opened entry: who took it, what was said about it, and what the provider concluded. */
export function OpenUsePage() {
  const { code } = useParams({ strict: false }) as { code: string }
  const load = useRead(openUse, { params: { code } })
  return (
    <Loaded load={load}>
      {one => (
        <Page title={`${one.title} 的使用情况`} crumb={<A href={at(`/opening/${code}`)}>开放清单</A>}>
          <div className="stack">
            <Sheet title="开放以来">
              <Facts
                of={[
                  ['目录发布', one.from],
                  ['下载', `${number(one.downloads)} 次`],
                  ['接口调用', `${number(one.calls)} 次`],
                ]}
              />
            </Sheet>
            <DataTable
              name="意见建议和举报"
              rows={one.cases}
              rowKey={row => row.no}
              columns={[
                { title: '办件', head: true, cell: row => <A href={at(`/cases/${row.no}`)}>{row.title}</A> },
                { title: '提出', narrow: true, cell: row => moment(row.opened) },
                { title: '状态', narrow: true, cell: row => (row.ended ? '已有结论' : '待判断') },
              ]}
              empty={<Nothing>还没有人反映。</Nothing>}
            />
            <DataTable
              name="使用痕迹"
              rows={one.trace}
              rowKey={row => String(row.ledger)}
              columns={[
                { title: '时间', head: true, narrow: true, cell: row => moment(row.at) },
                { title: '方式', narrow: true, cell: row => row.method },
                { title: '内容', cell: row => row.content },
                { title: '账本', narrow: true, cell: row => <A href={at(`/audit/${row.ledger}`)}>{row.ledger}</A> },
              ]}
              empty={<Nothing>还没有下载或调用。</Nothing>}
            />
          </div>
        </Page>
      )}
    </Loaded>
  )
}

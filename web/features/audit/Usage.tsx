import { Button, Input } from 'antd'
import { useState } from 'react'
import { ledgerUsage } from '../../../contract/audit.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { moment, number } from '../../ui/format.ts'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { Trend } from '../../ui/Trend.tsx'

type Usage = Reply<typeof ledgerUsage>
const empty = { from: '', to: '', subject: '' }

/** 使用情况: who used our data, for what, how often. */
export function UsagePage() {
  const filters = useFilters(empty)
  const given = Object.fromEntries(Object.entries(filters.value).filter(([key, one]) => one && key !== 'after'))
  const [typed, setTyped] = useState({ ...empty, ...filters.value })
  const load = useRead(ledgerUsage, { query: given as object })
  const field = (key: keyof typeof empty, label: string, type: 'date' | 'text') => (
    <label>
      <span>{label}</span>
      <Input
        type={type}
        allowClear={type === 'text'}
        style={{ width: type === 'date' ? 150 : 190 }}
        value={typed[key]}
        onChange={event => setTyped({ ...typed, [key]: event.target.value })}
      />
    </label>
  )
  return (
    <Page title="使用情况" crumb={<A href={at('/audit')}>审计</A>} sub={load.data && <span>{load.data.scope}</span>}>
      <div className="stack">
        <form
          className="filters"
          onSubmit={event => {
            event.preventDefault()
            filters.set(typed)
          }}
        >
          {field('from', '从', 'date')}
          {field('to', '到', 'date')}
          {field('subject', '目录代码', 'text')}
          <Button htmlType="submit">查看</Button>
        </form>
        <Loaded load={load}>{one => <Counted of={one} choose={subject => filters.address({ subject })} />}</Loaded>
      </div>
    </Page>
  )
}

function Counted({ of, choose }: { of: Usage; choose: (subject: string) => string }) {
  // The axis ends at a round number that four lines divide.
  const most = Math.max(4, ...of.weeks.flatMap(w => [w.reads, w.verifies, w.refused]))
  const step = 10 ** Math.floor(Math.log10(most / 4))
  const top = 4 * step * Math.ceil(most / 4 / step)
  const entries: Column<Usage['entries'][number]>[] = [
    {
      title: '目录',
      head: true,
      cell: row => (
        <A href={choose(row.subject)}>
          {row.title || row.subject}
          {row.title && <div className="ht-meta">{row.subject}</div>}
        </A>
      ),
    },
    { title: '次数', right: true, narrow: true, keep: true, cell: row => number(row.times) },
    { title: '使用方', right: true, narrow: true, cell: row => number(row.users) },
    { title: '最近一次', narrow: true, cell: row => moment(row.last) },
  ]
  const users: Column<Usage['users'][number]>[] = [
    { title: '使用部门', head: true, cell: row => row.department ?? '社会公众' },
    { title: '目录', cell: row => row.title || row.subject },
    { title: '具体用途', cell: row => row.purpose ?? '—' },
    { title: '方式', narrow: true, cell: row => row.method ?? '—' },
    { title: '次数', right: true, narrow: true, keep: true, cell: row => number(row.times) },
    { title: '被拒绝', right: true, narrow: true, cell: row => (row.refused ? <b>{number(row.refused)}</b> : '0') },
    { title: '人数', right: true, narrow: true, cell: row => number(row.people) },
    {
      title: '最近一次',
      narrow: true,
      cell: row => (
        <A
          href={at(
            `/audit?${new URLSearchParams({ subject: row.subject, ...(row.department && { department: row.department }), from: of.from, to: of.to, reads: 'true' })}`,
          )}
        >
          {moment(row.last)}
        </A>
      ),
    },
  ]
  return (
    <>
      <p>
        {of.from} 至 {of.to}：取用 <b>{number(of.reads)}</b> 次，核验 <b>{number(of.verifies)}</b> 次，被拒绝 <b>{number(of.refused)}</b>{' '}
        次。
      </p>
      <Trend
        title="每周次数"
        points={of.weeks.map(w => w.week)}
        lines={[
          { label: '取用', values: of.weeks.map(w => w.reads) },
          { label: '核验', values: of.weeks.map(w => w.verifies) },
          { label: '被拒绝', values: of.weeks.map(w => w.refused) },
        ]}
        top={top}
        source="按周一所在的日期；取用含服务接口、库表推送、数据包下载和开放数据，不含试调用和预览。"
      />
      <Sheet title="哪些目录被使用">
        <DataTable
          name="被使用的目录"
          columns={entries}
          rows={of.entries}
          rowKey={row => row.subject}
          empty={<Nothing>这段时间没有人取用。</Nothing>}
        />
      </Sheet>
      <Sheet title="谁、为什么、多少次" note={of.more ? '只列前 200 行，可按目录代码缩小范围' : undefined}>
        <DataTable
          name="使用方"
          columns={users}
          rows={of.users}
          rowKey={row => [row.department, row.subject, row.purpose, row.method].join('|')}
          empty={<Nothing>这段时间没有人取用。</Nothing>}
        />
      </Sheet>
    </>
  )
}

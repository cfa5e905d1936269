import { useParams } from '@tanstack/react-router'
import { Button, Input } from 'antd'
import { useState } from 'react'
import { entryByCode } from '../../../contract/catalog.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { type RecordVersion, recordHistory } from '../../../contract/history.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { dayOf, longDay, moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { ProblemNote } from '../../ui/states.tsx'

type History = Reply<typeof recordHistory>

/** What one record said on a day, and who has changed it when. */
export function RecordHistory() {
  const { code } = useParams({ strict: false }) as { code: string }
  const entry = useRead(entryByCode, { params: { code }, query: {} })
  const [key, setKey] = useState('')
  const [day, setDay] = useState(dayOf(new Date()))
  const [found, setFound] = useState<History | null>(null)
  const [problem, setProblem] = useState<unknown>(null)
  const look = useAct(recordHistory, reply => {
    setFound(reply)
    setProblem(null)
  })
  const id = entry.data?.id
  return (
    <Page
      title="一条记录的历史"
      crumb={
        <>
          <A href={at('/catalog')}>目录</A> › <A href={at(`/catalog/${code}`, { tab: 'data' })}>{entry.data?.content.title ?? code}</A>
        </>
      }
      sub={<span>查看会留痕。时间都是北京时间。</span>}
    >
      <div className="stack">
        {entry.error ? <ProblemNote error={entry.error} retry={entry.refetch} /> : null}
        <form
          className="filters"
          onSubmit={event => {
            event.preventDefault()
            if (!id) return
            look.mutate(
              { params: { id }, body: { key, ...(day && { day }) } },
              {
                onError: error => {
                  setFound(null)
                  setProblem(error)
                },
              },
            )
          }}
        >
          <label className="grow">
            <span>主键</span>
            <Input
              aria-label="主键"
              value={key}
              autoComplete="off"
              placeholder="例如公民身份号码；由几项组成的主键用 + 连接"
              onChange={event => setKey(event.target.value)}
            />
          </label>
          <label>
            <span>哪一天</span>
            <Input aria-label="哪一天" type="date" style={{ width: 160 }} value={day} onChange={event => setDay(event.target.value)} />
          </label>
          <Button type="primary" htmlType="submit" loading={look.isPending} disabled={!key.trim() || !id}>
            查找
          </Button>
        </form>
        {problem ? <ProblemNote error={problem} /> : null}
        {found && <Found of={found} />}
      </div>
    </Page>
  )
}

function Found({ of: found }: { of: History }) {
  const then = found.at === null ? null : found.versions[found.at]!
  const names = new Map(found.items.map(i => [i.key, i.name]))
  return (
    <>
      <Sheet title={`${longDay(found.day)}结束时`}>
        {then ? (
          <Facts of={found.items.map(i => [i.name, then.values[i.key] ?? null])} />
        ) : (
          <p>这一天结束时没有这条记录：还没有入库，或已经移出。</p>
        )}
      </Sheet>
      <DataTable
        name="变更"
        rows={found.versions}
        rowKey={row => `${row.from}-${row.until}`}
        on={row => row === then}
        columns={[
          { title: '自', head: true, narrow: true, keep: true, cell: row => moment(row.from, true) },
          {
            title: '至',
            narrow: true,
            keep: true,
            cell: row =>
              row.until ? (
                moment(row.until, true)
              ) : (
                <Mark hue="green" shape="✓">
                  现行
                </Mark>
              ),
          },
          { title: '变更', cell: row => <Changes of={row} before={found.versions[found.versions.indexOf(row) + 1]} names={names} /> },
          { title: '批次', narrow: true, cell: row => <Batch of={row.batch} /> },
          { title: '谁', cell: row => row.by },
        ]}
      />
      {found.more && <p className="ht-hint">更早的变更没有列出。</p>}
    </>
  )
}

const Batch = ({ of: batch }: { of: RecordVersion['batch'] }) => (batch ? <A href={at(`/batches/${batch.id}`)}>{batch.no}</A> : '—')

function Changes({ of: row, before, names }: { of: RecordVersion; before: RecordVersion | undefined; names: Map<string, string> }) {
  return (
    <>
      {row.first && <p>入库</p>}
      {row.changed.map(key => (
        <p key={key}>
          {names.get(key)}：<del className="ht-ink2">{before?.values[key] ?? '空'}</del> → {row.values[key] ?? '空'}
        </p>
      ))}
      {row.removed && (
        <p>
          {moment(row.until, true)} 移出：{row.removed.by} {row.removed.batch && <Batch of={row.removed.batch} />}
        </p>
      )}
    </>
  )
}

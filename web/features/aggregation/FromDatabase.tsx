import { useNavigate } from '@tanstack/react-router'
import { App, Button, Checkbox, Input, Select } from 'antd'
import { useState } from 'react'
import { testConnection } from '../../../contract/aggregation.ts'
import { type Item, itemTypes, semantics } from '../../../contract/catalog.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { systems } from '../../../contract/organization.ts'
import { confirmProposals, type Proposal, preparedEntries, proposeEntries, startPrepared } from '../../../contract/proposals.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { useForm } from '../../ui/form.ts'
import { codeInUrl, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { ProblemNote } from '../../ui/states.tsx'
import { ConnectionFields, startOf } from './connection.tsx'

type Table = Reply<typeof testConnection>['tables'][number]
const nameOf = (t: Pick<Table, 'schema' | 'table'>) => `${t.schema}.${t.table}`

/** 从数据库编目: tables become drafts of entries; once published, their first batch is one click. */
export function FromDatabase() {
  const form = useForm<any>({ connection: startOf('postgres'), systemId: '' })
  const [tables, setTables] = useState<Table[] | null>(null)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [found, setFound] = useState<Proposal[] | null>(null)
  const [words, setWords] = useState<{ text: string; remedy: string | null } | null>(null)
  const connect = useAct(testConnection, reply => {
    setTables(reply.ok ? reply.tables : null)
    setWords(reply)
  })
  const look = useAct(proposeEntries, reply => setFound(reply.proposals))
  const mine = useRead(systems)
  const { connection, systemId } = form.value
  const pick = (kind: string) => {
    form.set('/connection', startOf(kind as 'postgres'))
    setTables(null)
    setFound(null)
    setWords(null)
  }
  const wanted = tables?.filter(t => chosen.has(nameOf(t))) ?? []
  const tick = (t: Table, on: boolean) => {
    const next = new Set(chosen)
    if (on) next.add(nameOf(t))
    else next.delete(nameOf(t))
    setChosen(next)
  }
  const start = () => {
    setFound(null)
    setChosen(new Set())
  }
  if (found) return <Confirm proposals={found} connection={connection} systemId={systemId} back={() => setFound(null)} done={start} />
  return (
    <Page title="从数据库编目" crumb={<A href={at('/catalog')}>目录</A>}>
      <div className="stack">
        <Waiting />
        <Sheet title="连接数据库" note="只读取表结构和少量样例；确认之前什么都不保存。">
          <div className="form">
            <div className="row">
              {(['postgres', 'mysql'] as const).map(kind => (
                <Button key={kind} type={connection.kind === kind ? 'primary' : 'default'} onClick={() => pick(kind)}>
                  {kind === 'postgres' ? 'PostgreSQL' : 'MySQL / MariaDB'}
                </Button>
              ))}
            </div>
            <ConnectionFields form={form} at="/connection" bare />
            <Select
              aria-label="所属信息系统"
              allowClear
              placeholder="所属信息系统（有的地方要求）"
              style={{ maxWidth: 420 }}
              value={systemId || undefined}
              onChange={value => form.set('/systemId', value ?? '')}
              options={(mine.data ?? []).map(s => ({ value: s.id, label: s.name }))}
            />
            <div className="row">
              <Button
                type="primary"
                loading={connect.isPending}
                onClick={() => {
                  setWords(null)
                  connect.mutate({ body: { connection } }, { onError: form.refused })
                }}
              >
                连接并列出表
              </Button>
              {words && (
                <span role="status">
                  {words.text} {words.remedy}
                </span>
              )}
            </div>
            {form.problem ? <ProblemNote error={form.problem} /> : null}
          </div>
        </Sheet>
        {tables && (
          <Sheet title="选择表">
            <DataTable
              name="数据表"
              rows={tables}
              rowKey={nameOf}
              empty="没有可以读取的表。"
              columns={[
                {
                  title: '选择',
                  narrow: true,
                  cell: t => (
                    <Checkbox aria-label={`选择 ${t.table}`} checked={chosen.has(nameOf(t))} onChange={e => tick(t, e.target.checked)} />
                  ),
                },
                { title: '表', head: true, cell: t => <span className="ht-code">{nameOf(t)}</span> },
                { title: '注释', cell: t => t.comment || '—' },
                { title: '约有', right: true, narrow: true, cell: t => (t.rows === null ? '—' : `${number(t.rows)} 行`) },
              ]}
            />
            <div className="row">
              <Button
                type="primary"
                disabled={!wanted.length || wanted.length > 50}
                loading={look.isPending}
                onClick={() => look.mutate({ body: { connection, tables: wanted.map(({ schema, table }) => ({ schema, table })) } })}
              >
                读取 {wanted.length} 个表，生成目录草稿
              </Button>
              {wanted.length > 50 && <span>一次最多 50 个表。</span>}
            </div>
            {look.error ? <ProblemNote error={look.error} /> : null}
          </Sheet>
        )}
      </div>
    </Page>
  )
}

/** Made before and waiting for publication, or for their first batch. */
function Waiting() {
  const load = useRead(preparedEntries, {})
  const navigate = useNavigate()
  const { modal } = App.useApp()
  const start = useAct(startPrepared, made => void navigate({ to: `/batches/${made.batchId}` as string }))
  if (!load.data?.entries.length) return null
  return (
    <Sheet title="已备好的目录" note="发布后点一次就开始入库。">
      <DataTable
        name="备好的目录"
        rows={load.data.entries}
        rowKey={e => e.entryId}
        columns={[
          { title: '目录', head: true, cell: e => <A href={at(`/catalog/${codeInUrl(e.code)}`)}>{e.title || e.code}</A> },
          { title: '来源', cell: e => e.place },
          { title: '状态', narrow: true, cell: e => <Mark hue={e.ready ? 'green' : 'grey'}>{e.stateLabel}</Mark> },
          {
            title: '办理',
            narrow: true,
            cell: e =>
              e.ready ? (
                <Button
                  size="small"
                  type="primary"
                  loading={start.isPending}
                  onClick={() =>
                    start.mutate(
                      { params: { entryId: e.entryId } },
                      {
                        onError: error => {
                          const problem = problemOf(error)
                          modal.error({ title: problem.detail, content: problem.remedy, okText: '返回' })
                        },
                      },
                    )
                  }
                >
                  第一批入库
                </Button>
              ) : (
                '提交审核并发布'
              ),
          },
        ]}
      />
    </Sheet>
  )
}

function Confirm({
  proposals,
  connection,
  systemId,
  back,
  done,
}: {
  proposals: Proposal[]
  connection: any
  systemId: string
  back: () => void
  done: () => void
}) {
  const [list, setList] = useState(proposals)
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set())
  const make = useAct(confirmProposals, done)
  const change = (p: number, part: Partial<Proposal['content']>) =>
    setList(now => now.map((one, i) => (i === p ? { ...one, content: { ...one.content, ...part } } : one)))
  const edit = (p: number, key: string, part: Partial<Item>) =>
    change(p, { items: list[p]!.content.items.map(i => (i.key === key ? { ...i, ...part } : i)) })
  const ready = list.filter(p => !p.trouble)
  const entries = ready.map(p => {
    const kept = (key: string | null) => key !== null && !left.has(`${nameOf(p)} ${key}`)
    return {
      schema: p.schema,
      table: p.table,
      content: { ...p.content, items: p.content.items.filter(i => kept(i.key)) },
      mapping: p.columns.map(c => ({ source: c.name, item: kept(c.item) ? c.item : null })),
    }
  })
  return (
    <Page title="确认目录草稿" crumb={<A href={at('/catalog')}>目录</A>}>
      <div className="stack">
        {list.map((p, n) => (
          <Sheet
            key={nameOf(p)}
            title={p.content.title || p.table}
            note={`${nameOf(p)}${p.rows === null ? '' : ` · 约 ${number(p.rows)} 行`}`}
          >
            {p.trouble ? (
              <p>{p.trouble}</p>
            ) : (
              <>
                <Input
                  aria-label={`${p.table} 的目录名称`}
                  value={p.content.title}
                  style={{ maxWidth: 480, marginBottom: 12 }}
                  onChange={e => change(n, { title: e.target.value })}
                />
                <DataTable
                  name={`${p.table} 的信息项`}
                  rows={p.columns}
                  rowKey={c => c.name}
                  columns={[
                    {
                      title: '编入',
                      narrow: true,
                      cell: c => (
                        <Checkbox
                          aria-label={`编入 ${c.name}`}
                          checked={!left.has(`${nameOf(p)} ${c.item}`)}
                          onChange={e => {
                            const next = new Set(left)
                            if (e.target.checked) next.delete(`${nameOf(p)} ${c.item}`)
                            else next.add(`${nameOf(p)} ${c.item}`)
                            setLeft(next)
                          }}
                        />
                      ),
                    },
                    {
                      title: '列',
                      head: true,
                      cell: c => (
                        <>
                          <span className="ht-code">{c.name}</span>
                          <div className="ht-meta">
                            {c.type}
                            {c.comment && ` · ${c.comment}`}
                          </div>
                        </>
                      ),
                    },
                    {
                      title: '信息项',
                      cell: c => (
                        <Input
                          aria-label={`${c.name} 的信息项名称`}
                          value={itemOf(p, c.item).name}
                          onChange={e => edit(n, c.item!, { name: e.target.value })}
                        />
                      ),
                    },
                    {
                      title: '类型',
                      cell: c => {
                        const item = itemOf(p, c.item)
                        return (
                          <>
                            {item.type ? itemTypes[item.type] : '—'}
                            {item.length ? ` ${item.length}${item.scale ? `,${item.scale}` : ''}` : ''}
                          </>
                        )
                      },
                    },
                    {
                      title: '标识',
                      narrow: true,
                      cell: c => (
                        <Checkbox
                          aria-label={`${c.name} 是标识项`}
                          checked={itemOf(p, c.item).identifier}
                          onChange={e => edit(n, c.item!, { identifier: e.target.checked })}
                        />
                      ),
                    },
                    {
                      title: '必填',
                      narrow: true,
                      cell: c => (
                        <Checkbox
                          aria-label={`${c.name} 必填`}
                          checked={itemOf(p, c.item).required}
                          onChange={e => edit(n, c.item!, { required: e.target.checked })}
                        />
                      ),
                    },
                    {
                      title: '含义',
                      cell: c => (
                        <>
                          <Select
                            aria-label={`${c.name} 的含义`}
                            allowClear
                            placeholder="一般"
                            style={{ width: 150 }}
                            value={itemOf(p, c.item).semantic}
                            onChange={semantic => edit(n, c.item!, { semantic, ...(semantic ? {} : { sensitive: undefined }) })}
                            options={Object.entries(semantics).map(([value, label]) => ({ value, label }))}
                          />
                          <div className="ht-meta">
                            {itemOf(p, c.item).sensitive === 'privacy' && '个人隐私 · '}
                            {c.seen}
                          </div>
                        </>
                      ),
                    },
                  ]}
                />
              </>
            )}
          </Sheet>
        ))}
        {make.error ? <ProblemNote error={make.error} /> : null}
        <div className="row">
          <Button
            type="primary"
            disabled={!entries.length}
            loading={make.isPending}
            onClick={() => make.mutate({ body: { connection, entries, ...(systemId && { systemId }) } })}
          >
            确认，生成 {entries.length} 条目录草稿
          </Button>
          <Button onClick={back}>返回选择表</Button>
        </div>
      </div>
    </Page>
  )
}

const itemOf = (p: Proposal, key: string | null): Item => p.content.items.find(i => i.key === key)!

import { useParams } from '@tanstack/react-router'
import { Button, Checkbox, Input, Select } from 'antd'
import { useState } from 'react'
import { ledger, ledgerKeyCommitment, ledgerRecord, ledgerState, ledgerTrust, operations, verifyLedger } from '../../../contract/audit.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { problemOf } from '../../app/api.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { useMay } from '../../app/session.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { moment, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing, ProblemNote } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

type Verified = Reply<typeof verifyLedger>

/** The last verification as one bar; when it failed, all of it is red and names the record. */
function Verdict({ of: one, when }: { of: Verified | null; when: string | null }) {
  if (!one) return <p className="ht-note">账本还没有核验过。</p>
  if (one.bad)
    return (
      <div className="ht-note red" role="alert">
        <p>
          <b>■ 核验失败：{one.bad.message}</b>
        </p>
        <p>
          {one.bad.seq !== null && (
            <>
              <A href={at(`/audit/${one.bad.seq}`)}>查看第 {number(one.bad.seq)} 条</A>（区块 {number(one.bad.height)}）
            </>
          )}
          {one.bad.seq !== null && one.bad.seq > 1 && ` 其前 ${number(one.bad.seq - 1)} 条有效。`}
        </p>
        <p>请先留一份数据目录的副本，不要再改动，与见证人保存的和导出过的账本比对，并按安全事件报告。</p>
      </div>
    )
  return (
    <p className="ht-note green">
      <b>✓ 账本核验通过</b> 至序号 {number(one.upTo)}，共 {number(one.records)} 条、{number(one.blocks)} 个区块，用时{' '}
      {number(Math.round(one.milliseconds))} ms
      {one.checkpoint && ` · 检查点 #${one.checkpoint.no}（${one.checkpoint.algorithms.join('、')} 签名）`}
      {one.witness && ` · 「${one.witness.name}」见证至区块 ${number(one.witness.height)}`}
      {one.pruned ? ` · 其中 ${number(one.pruned)} 条的内容已依批准清理` : ''}
      {when && ` · ${moment(when)}`}
    </p>
  )
}

const empty = { department: '', person: '', action: '', subject: '', caseNo: '', key: '', operation: '', from: '', to: '', reads: '' }

export function Audit() {
  const filters = useFilters(empty)
  const { after, ...value } = filters.value
  const [typed, setTyped] = useState<Record<keyof typeof empty, string>>(() => ({ ...empty, ...value }))
  const given = Object.fromEntries(Object.entries(value).filter(([, one]) => one))
  const load = useRead(ledger, { query: { ...given, ...(after && { after }) } as object })
  const state = useRead(ledgerState)
  const mayVerify = useMay(verifyLedger)
  const mayKeep = useMay(ledgerTrust)
  // The key itself stays in this field and in one request: the address has its commitment.
  const [key, setKey] = useState('')
  const commit = useAct(ledgerKeyCommitment, reply => filters.set({ ...typed, key: reply.key }))
  const verify = useAct(verifyLedger)
  const last = verify.data ?? state.data?.last ?? null

  const columns: Column<Reply<typeof ledger>['rows'][number]>[] = [
    {
      title: '序号',
      head: true,
      narrow: true,
      cell: row => (
        <A className="ht-num" href={at(`/audit/${row.seq}`)}>
          {number(row.seq)}
        </A>
      ),
    },
    { title: '时间', keep: true, narrow: true, cell: row => moment(row.at, true) },
    {
      title: '使用人员·部门',
      cell: row => (
        <>
          {row.person ?? '系统'}
          {row.department && <div className="ht-meta">{row.department}</div>}
        </>
      ),
    },
    { title: '动作', narrow: true, cell: row => row.label },
    { title: '数据内容', cell: row => row.content ?? row.subject ?? '—' },
    { title: '具体用途', cell: row => row.purpose ?? '—' },
    { title: '批准人员', cell: row => row.approver ?? '—' },
    { title: '获取方式', cell: row => row.method ?? '—', narrow: true },
    { title: '介质', cell: row => row.medium ?? '—', narrow: true },
    {
      title: '依据',
      narrow: true,
      cell: row =>
        row.cite ? (
          <>
            {citeWords(row.cite)}
            <Why cite={row.cite} />
          </>
        ) : (
          '—'
        ),
    },
  ]
  const line = (key: 'department' | 'person' | 'subject' | 'caseNo', label: string, width: number) => (
    <label>
      <span>{label}</span>
      <Input style={{ width }} allowClear value={typed[key]} onChange={event => setTyped({ ...typed, [key]: event.target.value })} />
    </label>
  )
  const day = (key: 'from' | 'to', label: string) => (
    <label>
      <span>{label}</span>
      <Input type="date" style={{ width: 150 }} value={typed[key]} onChange={event => setTyped({ ...typed, [key]: event.target.value })} />
    </label>
  )
  return (
    <Page
      title="审计"
      sub={load.data && <span>{load.data.scope}</span>}
      acts={
        <>
          {mayVerify && (
            <Button type="primary" loading={verify.isPending} onClick={() => verify.mutate({})}>
              {verify.isPending ? '正在核验…' : '立即核验'}
            </Button>
          )}
          <A href={at('/audit/usage')}>
            <Button>使用情况</Button>
          </A>
          {mayKeep && (
            <A href={at('/audit/keeping')}>
              <Button>账本保管</Button>
            </A>
          )}
        </>
      }
    >
      <div className="stack">
        {verify.error ? (
          <ProblemNote error={verify.error} />
        ) : state.data || verify.data ? (
          <Verdict of={last} when={verify.data ? null : (state.data?.lastAt ?? null)} />
        ) : null}
        <form
          className="filters"
          onSubmit={event => {
            event.preventDefault()
            if (key.trim()) commit.mutate({ body: { key } })
            else filters.set({ ...typed, key: '' })
          }}
        >
          {line('department', '部门', 150)}
          {line('person', '人员', 110)}
          {line('subject', '目录代码', 150)}
          {line('caseNo', '办件', 140)}
          <label>
            <span>记录标识</span>
            <Input
              style={{ width: 170 }}
              allowClear
              autoComplete="off"
              placeholder={value.key ? '已按摘要查找' : ''}
              value={key}
              onChange={event => setKey(event.target.value)}
            />
          </label>
          <label>
            <span>动作</span>
            <Select
              aria-label="动作"
              style={{ width: 170 }}
              allowClear
              showSearch={{ optionFilterProp: 'label' }}
              placeholder="全部"
              value={typed.action || undefined}
              onChange={action => setTyped({ ...typed, action: action ?? '' })}
              options={load.data?.actions.map(one => ({ value: one.action, label: one.label }))}
            />
          </label>
          <label>
            <span>操作类别</span>
            <Select
              aria-label="操作类别"
              style={{ width: 130 }}
              allowClear
              placeholder="全部"
              value={typed.operation || undefined}
              onChange={operation => setTyped({ ...typed, operation: operation ?? '' })}
              options={Object.keys(operations).map(value => ({ value, label: value }))}
            />
          </label>
          {day('from', '从')}
          {day('to', '到')}
          <div className="box">
            <Checkbox
              checked={typed.reads === 'true'}
              onChange={event => setTyped({ ...typed, reads: event.target.checked ? 'true' : '' })}
            >
              只看数据取用
            </Checkbox>
          </div>
          <Button htmlType="submit">查询</Button>
        </form>
        {commit.error && <ProblemNote error={commit.error} />}
        {load.data?.partly && <p className="ht-hint">没有代码完全相同的，在最近 20 万条里按部分内容查找。</p>}
        {load.data?.more && <p className="ht-hint">超过 {number(load.data.total)} 条，没有再往下数。</p>}
        <p className="ht-hint">查询本身也会留痕{state.data && `，将记在第 ${number(state.data.head)} 条之后`}。</p>
        <DataTable
          name="留痕记录"
          columns={columns}
          rows={load.data?.rows}
          rowKey={row => row.seq}
          error={load.error}
          retry={load.refetch}
          since={load.dataUpdatedAt}
          filtered={Object.keys(given).length > 0}
          clear={() => {
            setTyped(empty)
            setKey('')
            filters.clear()
          }}
          empty={<Nothing>账本里还没有记录。</Nothing>}
          footer={<ListPager of={load.data} filters={filters} />}
        />
      </div>
    </Page>
  )
}

/** Uses of data name the matter of whoever uses them; it is no case of the platform. */
const ownMatter = (action: string) => /^(data|package)\./.test(action)

export function RecordPage() {
  const { seq } = useParams({ strict: false }) as { seq: string }
  const load = useRead(ledgerRecord, { params: { seq: Number(seq) } })
  const head = { title: `留痕 第 ${number(Number(seq))} 条`, name: `留痕 ${seq}`, crumb: <A href={at('/audit')}>审计</A> }
  const proof = (
    <a className="ht-btn" href={`/api/audit/records/${seq}/proof`} download>
      下载证明
    </a>
  )
  if (load.error && !load.data) {
    const pruned = problemOf(load.error).code === 'audit.pruned'
    return (
      <Page {...head} acts={pruned && proof}>
        <ProblemNote error={load.error} {...(!pruned && { retry: load.refetch })} />
      </Page>
    )
  }
  return (
    <Loaded load={load}>
      {one => (
        <Page
          {...head}
          sub={
            <>
              {one.intact ? (
                <Mark hue="green" shape="✓">
                  内容与登记摘要相符
                </Mark>
              ) : (
                <Mark hue="red" shape="■">
                  内容与登记摘要不符
                </Mark>
              )}
              <span>{one.label}</span>
              <span className="ht-num">{moment(one.at, true)}</span>
            </>
          }
          acts={
            <>
              {proof}
              {one.previous !== null && (
                <A className="ht-btn" href={at(`/audit/${one.previous}`)}>
                  上一条
                </A>
              )}
              {one.next !== null && (
                <A className="ht-btn" href={at(`/audit/${one.next}`)}>
                  下一条
                </A>
              )}
            </>
          }
        >
          <div className="stack">
            <Sheet title="七项记录">
              <Facts
                of={[
                  ['具体用途', one.purpose],
                  ['使用人员', [one.person, one.department].filter(Boolean).join(' · ') || '系统'],
                  ['批准人员', one.approver],
                  ['数据内容', one.content ?? one.subject],
                  ['使用时间', moment(one.at, true)],
                  ['获取方式', one.method],
                  ['介质', one.medium],
                  [
                    ownMatter(one.action) ? '事项' : '办件',
                    one.caseNo && ownMatter(one.action) ? (
                      one.caseNo
                    ) : one.caseNo ? (
                      <A key="c" href={at(`/cases/${one.caseNo}`)}>
                        {one.caseNo}
                      </A>
                    ) : null,
                  ],
                  [
                    '依据',
                    one.cite ? (
                      <span key="b">
                        {citeWords(one.cite)}
                        <Why cite={one.cite} />
                      </span>
                    ) : null,
                  ],
                ]}
              />
            </Sheet>
            <Sheet title="原文">
              <pre className="code wrap" tabIndex={0} aria-label="记录原文">
                {one.text}
              </pre>
            </Sheet>
            <Sheet
              title="证明"
              note={`区块 ${number(one.block.height)} · 含第 ${number(one.block.first)} 条起 ${number(one.block.count)} 条`}
            >
              <Facts
                of={[
                  ['叶摘要（SM3）', <code key="l">{one.leaf}</code>],
                  ['区块根', <code key="r">{one.block.root}</code>],
                  ['上一区块', <code key="p">{one.block.previous}</code>],
                  [
                    '证明路径',
                    one.proof.length ? (
                      <ol key="o">
                        {one.proof.map(hash => (
                          <li key={hash}>
                            <code>{hash}</code>
                          </li>
                        ))}
                      </ol>
                    ) : (
                      '区块只有这一条，叶即是根'
                    ),
                  ],
                ]}
              />
            </Sheet>
          </div>
        </Page>
      )}
    </Loaded>
  )
}

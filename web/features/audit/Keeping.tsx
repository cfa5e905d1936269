import { App, Button, Popconfirm } from 'antd'
import { useState } from 'react'
import {
  addLedgerWitness,
  approvePruning,
  ledgerTrust,
  proposePruning,
  prunings,
  rotateLedgerKey,
  withdrawPruning,
} from '../../../contract/audit.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { useAct, useRead } from '../../app/query.ts'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { useMay } from '../../app/session.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { dayOf, moment, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing, ProblemNote } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

type Rule = Reply<typeof prunings>['rules'][number]
type Order = Reply<typeof prunings>['orders'][number]

/** 账本保管: keys, witnesses, how long records stay, and the orders that let them go. */
export function Keeping() {
  const trust = useRead(ledgerTrust)
  const pruning = useRead(prunings)
  const [open, setOpen] = useState<'key' | 'witness' | Rule | null>(null)
  const [back, setBack] = useState<Order | null>(null)
  const mayRotate = useMay(rotateLedgerKey)
  const mayAdd = useMay(addLedgerWitness)
  const shut = () => setOpen(null)
  return (
    <Page title="账本保管" sub={<span>谁签、谁见证、留多久。</span>}>
      <div className="stack">
        <Loaded load={trust}>
          {of => (
            <>
              <Sheet
                title="密钥和检查点"
                note={
                  of.checkpoints.last
                    ? `已签 ${number(of.checkpoints.count)} 个检查点，最近 #${of.checkpoints.last.no} 签到区块 ${number(of.checkpoints.last.height)}（${moment(of.checkpoints.last.at)}）`
                    : '还没有检查点'
                }
                acts={mayRotate && of.keys.length > 0 && <Button onClick={() => setOpen('key')}>更换密钥</Button>}
              >
                <DataTable
                  name="密钥"
                  rowKey={row => row.no}
                  rows={of.keys}
                  empty={<Nothing>第一个检查点签署时生成第 1 号密钥。</Nothing>}
                  columns={[
                    { title: '密钥', head: true, narrow: true, cell: row => `第 ${row.no} 号` },
                    { title: '启用', narrow: true, keep: true, cell: row => moment(row.at) },
                    { title: '算法', narrow: true, cell: row => Object.keys(row.public).sort().reverse().join('、') },
                    { title: '签名', narrow: true, cell: row => (row.no === 1 ? '自己' : `第 ${row.no - 1} 号密钥`) },
                    { title: '摘要（SM3）', cell: row => <code style={{ overflowWrap: 'anywhere' }}>{row.hash}</code> },
                  ]}
                />
                {of.keys.length > 0 && <p className="ht-hint">请把第 1 号密钥的摘要记在平台之外：离线核验时用它确认导出的账本是这一本。</p>}
              </Sheet>
              <Sheet title="见证人" acts={mayAdd && <Button onClick={() => setOpen('witness')}>登记见证人</Button>}>
                <DataTable
                  name="见证人"
                  rowKey={row => row.name}
                  rows={of.witnesses}
                  empty={<Nothing>还没有见证人。没有见证人时，掌握数据库和密钥的人可以重写账本而不被发现。</Nothing>}
                  columns={[
                    { title: '名称', head: true, cell: row => row.name },
                    { title: '登记', narrow: true, cell: row => moment(row.at) },
                    { title: '见证', right: true, narrow: true, cell: row => `${number(row.statements)} 次` },
                    {
                      title: '最近一次',
                      keep: true,
                      cell: row => (row.last ? `${moment(row.last.at)} 见到区块 ${number(row.last.height)}` : '还没有'),
                    },
                  ]}
                />
              </Sheet>
            </>
          )}
        </Loaded>
        <Loaded load={pruning}>
          {of => (
            <>
              <Sheet title="保存期限">
                <DataTable
                  name="保存期限"
                  rowKey={row => row.region ?? '-'}
                  rows={of.rules}
                  columns={rules(of.mayPropose ? setOpen : null)}
                />
              </Sheet>
              <Sheet title="清理">
                <p className="ht-hint">
                  提出和批准的是两个人才执行，执行前任何一位管理员可以撤回。删去的只是内容，摘要和以前给出的证明还在。
                </p>
                <Orders of={of.orders} withdraw={setBack} />
              </Sheet>
            </>
          )}
        </Loaded>
      </div>
      {open === 'key' && (
        <SideForm endpoint={rotateLedgerKey} title="更换密钥" verb="更换" start={{ reason: '' }} shut={shut}>
          {form => (
            <Line
              form={form}
              at="/reason"
              type="area"
              label="原因"
              hint="例如：2027 年度更换。记入账本；以前的检查点仍按当时的密钥核验。"
            />
          )}
        </SideForm>
      )}
      {open === 'witness' && (
        <SideForm
          endpoint={addLedgerWitness}
          title="登记见证人"
          verb="登记"
          start={{ name: '', sm2: '', ed25519: '' }}
          body={({ name, sm2, ed25519 }) => ({
            name,
            public: { ...(sm2 && { SM2: sm2.trim() }), ...(ed25519 && { Ed25519: ed25519.trim() }) },
          })}
          shut={shut}
        >
          {form => (
            <>
              <Line form={form} at="/name" label="名称" hint="对方运行见证时写的同一个名称，登记后不能改。" />
              <Line form={form} at="/sm2" label="SM2 公钥" hint="04 开头，130 位十六进制。" required={false} />
              <Line form={form} at="/ed25519" label="Ed25519 公钥" hint="SPKI，88 位十六进制。两种至少写一种。" required={false} />
            </>
          )}
        </SideForm>
      )}
      {open && typeof open === 'object' && (
        <SideForm
          endpoint={proposePruning}
          title={`清理：${open.place}`}
          verb="提出"
          start={{ before: open.from, reason: '' }}
          body={value => ({ ...value, region: open.region })}
          shut={shut}
        >
          {form => (
            <>
              <p>
                须保存 {open.months} 个月（{citeWords(open.cite)}），{open.from} 以前的有 {number(open.due)} 条已过期限。
              </p>
              <Line form={form} at="/before" type="date" label="清理这一天以前的" hint={`不晚于 ${open.from}`} />
              <Line
                form={form}
                at="/reason"
                type="area"
                label="理由"
                hint="提出即第一人批准，还要另一位管理员批准。有未了案件或争议的，先不要清理。"
              />
            </>
          )}
        </SideForm>
      )}
      {back && (
        <SideForm
          endpoint={withdrawPruning}
          title={`撤回第 ${back.no} 号清理`}
          verb="撤回清理"
          start={{ reason: '' }}
          params={{ no: back.no }}
          shut={() => setBack(null)}
        >
          {form => (
            <>
              <p>{scopeOf(back)}。撤回后不再执行，也不能恢复；仍要清理的，重新提出。</p>
              <Line form={form} at="/reason" type="area" label="撤回的理由" hint="例如：范围内有未了的案件。记入账本。" />
            </>
          )}
        </SideForm>
      )}
    </Page>
  )
}

const scopeOf = (order: Order) => `${order.place}，${order.before} 以前 ${number(order.count)} 条`

const rules = (propose: ((rule: Rule) => void) | null): Column<Rule>[] => [
  { title: '地区', head: true, narrow: true, cell: row => row.place },
  {
    title: '保存',
    narrow: true,
    keep: true,
    cell: row => (
      <>
        {row.months} 个月
        <Why cite={row.cite} />
      </>
    ),
  },
  { title: '依据', cell: row => citeWords(row.cite) },
  { title: '要留的从', narrow: true, cell: row => row.from },
  { title: '最早一条', narrow: true, cell: row => (row.oldest ? dayOf(row.oldest) : '—') },
  { title: '已过期限', right: true, narrow: true, cell: row => `${number(row.due)} 条` },
  ...(propose
    ? [
        {
          title: '操作',
          narrow: true,
          cell: (row: Rule) => (row.due > 0 ? <Button onClick={() => propose(row)}>提出清理</Button> : null),
        } satisfies Column<Rule>,
      ]
    : []),
]

function Orders({ of, withdraw }: { of: Order[]; withdraw: (order: Order) => void }) {
  const { message } = App.useApp()
  const approve = useAct(approvePruning, () => message.success('已批准，开始清理'))
  const columns: Column<Order>[] = [
    { title: '清理', head: true, narrow: true, cell: row => `第 ${row.no} 号` },
    { title: '现在', cell: row => <OrderMark of={row} /> },
    { title: '清理什么', cell: scopeOf },
    {
      title: '须保存',
      cell: row => (
        <>
          {row.months} 个月
          <Why cite={row.cite} />
          <div className="ht-meta">{citeWords(row.cite)}</div>
        </>
      ),
    },
    { title: '理由', cell: row => row.reason },
    { title: '提出', cell: row => <Act of={row.approvals[0]} /> },
    { title: '批准', cell: row => <Act of={row.approvals[1]} /> },
  ]
  if (of.some(row => row.mayApprove || row.mayWithdraw))
    columns.push({
      title: '操作',
      narrow: true,
      cell: row => (
        <span className="row">
          {row.mayApprove && (
            <Popconfirm
              title={`删去 ${number(row.count)} 条的内容？`}
              description="不能恢复。摘要、区块和以前的证明还在。"
              okText="批准并清理"
              cancelText="先不办"
              onConfirm={() => approve.mutate({ params: { no: row.no } })}
            >
              <Button type="primary" loading={approve.isPending}>
                批准
              </Button>
            </Popconfirm>
          )}
          {row.mayWithdraw && <Button onClick={() => withdraw(row)}>撤回</Button>}
        </span>
      ),
    })
  return (
    <>
      {approve.error && <ProblemNote error={approve.error} />}
      <DataTable name="清理" rowKey={row => row.no} rows={of} empty={<Nothing>还没有清理过。</Nothing>} columns={columns} />
    </>
  )
}

function OrderMark({ of: one }: { of: Order }) {
  if (one.done)
    return (
      <Mark hue="green" shape="✓">
        已清理
      </Mark>
    )
  if (one.withdrawn)
    return (
      <>
        <Mark hue="grey" shape="■">
          已撤回
        </Mark>
        <div className="ht-meta">
          {one.withdrawn.person} {moment(one.withdrawn.at)}：{one.withdrawn.reason}
        </div>
      </>
    )
  return (
    <Mark hue="yellow" shape="▲">
      {one.approvals.length < 2 ? '等另一人批准' : '正在清理'}
    </Mark>
  )
}

const Act = ({ of: one }: { of: Order['approvals'][number] | undefined }) =>
  one ? (
    <>
      {one.person}
      <div className="ht-meta ht-num">{moment(one.at)}</div>
    </>
  ) : (
    '—'
  )

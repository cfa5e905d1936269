import { App, Button, Drawer, Input } from 'antd'
import { useState } from 'react'
import { coverage } from '../../../contract/aggregation.ts'
import { baseDatabases, createBaseDatabase } from '../../../contract/bases.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { codeInUrl, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing, ProblemNote } from '../../ui/states.tsx'
import { Why } from '../../ui/Why.tsx'

const pages = [
  ['/sources', '数据源'],
  ['/pipelines', '汇聚管道'],
  ['/coverage', '汇聚率'],
  ['/databases', '基础数据库'],
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

/** Base databases that serve the region: who builds them is the regulation's to say. */
export function Databases() {
  const load = useRead(baseDatabases)
  const mayCreate = useMay(createBaseDatabase)
  const [asking, setAsking] = useState(false)
  return (
    <Page
      title="基础数据库"
      crumb={<A href={at('/sources')}>数据源</A>}
      acts={
        load.data?.mine &&
        mayCreate && (
          <Button type="primary" onClick={() => setAsking(true)}>
            建立基础数据库
          </Button>
        )
      }
    >
      <HoldingPages here="/databases" />
      <Loaded load={load}>
        {all => (
          <div className="stack">
            <p className="row">
              <span>由 {all.builder} 建设，各部门使用它的服务</span>
              <Why cite={all.cite} />
            </p>
            <DataTable
              name="基础数据库"
              rows={all.rows}
              rowKey={row => row.id ?? row.theme}
              empty={<Nothing>规定没有列出基础数据库的主题，也还没有建立。</Nothing>}
              columns={[
                { title: '主题', head: true, cell: row => row.theme },
                { title: '名称', cell: row => (row.id ? row.title : '—') },
                { title: '地区', narrow: true, cell: row => row.regionName },
                {
                  title: '状态',
                  narrow: true,
                  cell: row =>
                    row.id ? (
                      <Mark hue="green" shape="●">
                        已建立
                      </Mark>
                    ) : (
                      <Mark>还没有登记</Mark>
                    ),
                },
                { title: '建设部门', cell: row => row.department ?? '—' },
              ]}
            />
          </div>
        )}
      </Loaded>
      {asking && <NewDatabase shut={() => setAsking(false)} />}
    </Page>
  )
}

function NewDatabase({ shut }: { shut: () => void }) {
  const form = useForm({ theme: '', title: '' })
  const { message } = App.useApp()
  const send = useAct(createBaseDatabase, () => {
    message.success('已建立')
    shut()
  })
  const submit = () => form.complete() && send.mutate({ body: form.value }, { onError: form.refused })
  const input = (label: string, name: '/theme' | '/title', required: boolean) => (
    <Field form={form} at={name} label={label} required={required}>
      {({ labelledby: _, onChange, ...control }) => <Input {...control} onChange={event => onChange(event.target.value)} />}
    </Field>
  )
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title="建立基础数据库"
      footer={
        <div className="row">
          <Button type="primary" loading={send.isPending} onClick={submit}>
            建立
          </Button>
          <Button onClick={shut}>先不办</Button>
        </div>
      }
    >
      <div className="form">
        {form.problem !== null && form.faults.length === 0 ? <ProblemNote error={form.problem} /> : <Summary form={form} />}
        {input('主题', '/theme', true)}
        {input('名称', '/title', false)}
      </div>
    </Drawer>
  )
}

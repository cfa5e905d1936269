import { useNavigate, useParams } from '@tanstack/react-router'
import { App, Button, Checkbox, Drawer, Input, Select } from 'antd'
import { useState } from 'react'
import type { Reply } from '../../../contract/endpoint.ts'
import { gate, openList, propose, withdraw } from '../../../contract/opening.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { FaultWords, Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { codeInUrl, number } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Page } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

type Gate = Reply<typeof gate>
const hue: Record<string, Hue> = { none: 'grey', 'in-review': 'blue', open: 'green', withdrawn: 'red' }
const shape: Record<string, string> = { none: '‖', 'in-review': '◇', open: '●', withdrawn: '■' }
const themes =
  '信用服务 医疗卫生 社保就业 公共安全 城建住房 交通运输 教育文化 科技创新 资源能源 生态环境 工业农业 商贸流通 财税金融 安全生产 市场监管 社会救助 法律服务 生活服务 气象服务 地理空间 机构团体 其他'.split(
    ' ',
  )

export function OpenList() {
  const filters = useFilters({ q: '', state: '' })
  const { q, state, after } = filters.value
  const load = useRead(openList, { query: { ...(q && { q }), ...(state && { state: state as 'open' }), ...(after && { after }) } })
  const columns: Column<Reply<typeof openList>['rows'][number]>[] = [
    {
      title: '目录',
      head: true,
      cell: row => (
        <>
          <A href={at(`/opening/${codeInUrl(row.code)}`)}>{row.title}</A>
          <div className="ht-meta ht-code">{row.code}</div>
        </>
      ),
    },
    { title: '提供部门', cell: row => row.department },
    { title: '开放类型', narrow: true, cell: row => row.openLabel },
    {
      title: '状态',
      narrow: true,
      cell: row => (
        <Mark hue={hue[row.state] ?? 'grey'} shape={shape[row.state]}>
          {row.stateLabel}
        </Mark>
      ),
    },
    { title: '开放日期', keep: true, narrow: true, cell: row => row.published ?? '—' },
    { title: '下载', right: true, narrow: true, cell: row => number(row.downloads) },
    {
      title: '操作',
      narrow: true,
      cell: row =>
        row.state === 'open' ? (
          <a href={`/dataset/${codeInUrl(row.code)}`} aria-label={`在门户查看 ${row.title}`}>
            在门户查看
          </a>
        ) : (
          <A href={at(`/opening/${codeInUrl(row.code)}`)} aria-label={`看关口：${row.title}`}>
            看关口
          </A>
        ),
    },
  ]
  return (
    <Page
      title="开放清单"
      acts={
        <a className="ht-btn" href="/">
          打开门户
        </a>
      }
    >
      <div className="filters">
        <label className="grow">
          <span>查找</span>
          <SearchBox value={q} onSearch={text => filters.set({ q: text })} placeholder="名称、部门" />
        </label>
        <label>
          <span>状态</span>
          <Select
            aria-label="状态"
            style={{ width: 150 }}
            allowClear
            placeholder="全部"
            value={state || undefined}
            onChange={value => filters.set({ state: value ?? '' })}
            options={[
              { value: 'none', label: '未提请' },
              { value: 'in-review', label: '审查中' },
              { value: 'open', label: '已开放' },
              { value: 'withdrawn', label: '已下架' },
            ]}
          />
        </label>
      </div>
      <DataTable
        name="开放清单"
        columns={columns}
        rows={load.data?.rows}
        rowKey={row => row.code}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        filtered={Boolean(q || state)}
        clear={filters.clear}
        empty={<Nothing>还没有可以开放的目录。开放类型不是「不开放」、且已挂接数据的目录会出现在这里。</Nothing>}
        footer={<ListPager of={load.data} filters={filters} />}
      />
    </Page>
  )
}

export function GatePage() {
  const { code } = useParams({ strict: false }) as { code: string }
  const load = useRead(gate, { params: { code } })
  return <Loaded load={load}>{one => <GateView of={one} code={code} />}</Loaded>
}

const treatmentWords = { plain: '原样', masked: '脱敏', withheld: '不开放' } as const

function GateView({ of: one, code }: { of: Gate; code: string }) {
  const [asking, setAsking] = useState<'propose' | 'withdraw' | null>(null)
  const may = new Set(one.may)
  return (
    <Page
      title={`开放关口：${one.title}`}
      crumb={<A href={at('/opening')}>开放清单</A>}
      sub={
        <>
          <Mark hue={hue[one.state]} shape={shape[one.state]}>
            {one.stateLabel}
          </Mark>
          <A className="ht-code" href={at(`/catalog/${code}`)}>
            {one.code}
          </A>
          <span>
            {citeWords(one.ruling.cite)}
            <Why cite={one.ruling.cite} inherited={one.ruling.inherited} link={at(`/regulations/${one.ruling.regulation}`)} />
          </span>
          {one.caseNo && <A href={at(`/cases/${one.caseNo}`)}>办件 {one.caseNo}</A>}
        </>
      }
      acts={
        <>
          {may.has('propose') && (
            <Button type="primary" onClick={() => setAsking('propose')}>
              提请开放
            </Button>
          )}
          {one.state === 'open' && (
            <a className="ht-btn" href={`/dataset/${code}`}>
              在门户查看
            </a>
          )}
          {may.has('withdraw') && (
            <Button danger onClick={() => setAsking('withdraw')}>
              下架数据集
            </Button>
          )}
        </>
      }
    >
      <div className="stack">
        {one.faults.length > 0 && (
          <div className="ht-note red">
            {one.faults.map(fault => (
              <FaultWords key={fault.pointer + fault.code} fault={fault} />
            ))}
          </div>
        )}
        <DataTable
          name="关口检查"
          rows={one.checks}
          rowKey={check => check.key}
          columns={[
            { title: '检查', head: true, cell: check => check.label },
            {
              title: '结果',
              narrow: true,
              cell: check => (
                <Mark hue={check.ok ? 'green' : 'yellow'} shape={check.ok ? '✓' : '▲'}>
                  {check.ok ? '通过' : '待完成'}
                </Mark>
              ),
            },
            { title: '说明', cell: check => check.detail },
            { title: '由谁', cell: check => check.who },
            {
              title: '依据',
              narrow: true,
              cell: check => (
                <>
                  {citeWords(check.cite)}
                  <Why cite={check.cite} />
                </>
              ),
            },
          ]}
        />
        <DataTable
          name="信息项"
          rows={one.items}
          rowKey={item => item.key}
          columns={[
            { title: '信息项', head: true, cell: item => item.name },
            { title: '开放类型', narrow: true, cell: item => item.openLabel },
            {
              title: '处理',
              narrow: true,
              cell: item => (
                <Mark hue={item.treatment === 'plain' ? 'green' : item.treatment === 'masked' ? 'blue' : 'grey'}>
                  {treatmentWords[item.treatment]}
                </Mark>
              ),
            },
            { title: '扫描发现', cell: item => item.findings.join('；') || '—' },
          ]}
        />
      </div>
      {asking === 'propose' && <Propose of={one} code={code} shut={() => setAsking(null)} />}
      {asking === 'withdraw' && <Withdraw of={one} code={code} shut={() => setAsking(null)} />}
    </Page>
  )
}

function Propose({ of: one, code, shut }: { of: Gate; code: string; shut: () => void }) {
  const could = one.items.filter(item => item.opens && item.treatment !== 'withheld')
  const form = useForm({
    items: could.map(item => ({ key: item.key, treatment: item.treatment as 'plain' | 'masked' })),
    theme: '',
    description: '',
    exclusions: false,
    processing: '',
  })
  const navigate = useNavigate()
  const send = useAct(propose, made => void navigate({ to: `/cases/${made.caseNo}` as string }))
  const submit = () => form.complete() && send.mutate({ params: { code }, body: form.value }, { onError: form.refused })
  const chosen = (key: string) => form.value.items.find(item => item.key === key)
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(600, window.innerWidth)}
      title="提请开放"
      footer={
        <div className="row">
          <Button type="primary" loading={send.isPending} onClick={submit}>
            {send.isPending ? '正在提交…' : '提请开放'}
          </Button>
          <Button onClick={shut}>先不办</Button>
        </div>
      }
    >
      <div className="form">
        <p className="ht-note">提交后由提出人以外的另一人作保密审查，再由主管部门审查；通过后在门户发布，任何人免登录可取。</p>
        <Summary form={form} />
        <Field form={form} at="/items" label="开放的信息项与处理方式" required group>
          {({ id, labelledby, onChange }) => (
            <fieldset id={id} aria-labelledby={labelledby} className="choices" tabIndex={-1}>
              {could.map(item => (
                <div key={item.key} className="row">
                  <label style={{ flex: 1 }} className={chosen(item.key) ? 'on' : undefined}>
                    <input
                      type="checkbox"
                      checked={Boolean(chosen(item.key))}
                      onChange={event =>
                        onChange(
                          event.target.checked
                            ? [...form.value.items, { key: item.key, treatment: item.treatment }]
                            : form.value.items.filter(one => one.key !== item.key),
                        )
                      }
                    />
                    {item.name}
                  </label>
                  <Select
                    aria-label={`${item.name}的处理方式`}
                    style={{ width: 100 }}
                    disabled={!chosen(item.key)}
                    value={chosen(item.key)?.treatment}
                    placeholder="不开放"
                    options={[
                      { value: 'plain', label: '原样' },
                      { value: 'masked', label: '脱敏' },
                    ]}
                    onChange={treatment => onChange(form.value.items.map(one => (one.key === item.key ? { ...one, treatment } : one)))}
                  />
                </div>
              ))}
            </fieldset>
          )}
        </Field>
        <Field form={form} at="/theme" label="主题" required>
          {({ labelledby: _, value, ...control }) => (
            <Select {...control} showSearch value={value || undefined} options={themes.map(theme => ({ value: theme, label: theme }))} />
          )}
        </Field>
        <Field form={form} at="/description" label="说明" required hint="是什么、怎么来的、不能用来做什么；至少 10 个字">
          {({ labelledby: _, onChange, ...control }) => (
            <Input.TextArea {...control} autoSize={{ minRows: 4 }} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
        {one.state === 'withdrawn' && (
          <Field form={form} at="/processing" label="下架后的处理" required hint="写明对数据做了什么处理">
            {({ labelledby: _, onChange, ...control }) => (
              <Input.TextArea {...control} autoSize={{ minRows: 2 }} onChange={event => onChange(event.target.value)} />
            )}
          </Field>
        )}
        <Field form={form} at="/exclusions" label="声明" group required>
          {({ id, value, onChange }) => (
            <Checkbox id={id} checked={value} onChange={event => onChange(event.target.checked)}>
              不属于法规列明的不得开放的情形
            </Checkbox>
          )}
        </Field>
      </div>
    </Drawer>
  )
}

function Withdraw({ of: one, code, shut }: { of: Gate; code: string; shut: () => void }) {
  const form = useForm({ reason: '' })
  const { message } = App.useApp()
  const send = useAct(withdraw, () => {
    message.success('已下架')
    shut()
  })
  const submit = () => form.complete() && send.mutate({ params: { code }, body: form.value }, { onError: form.refused })
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title={`下架 ${one.title}`}
      footer={
        <div className="row">
          <Button danger loading={send.isPending} onClick={submit}>
            下架数据集
          </Button>
          <Button onClick={shut}>先不办</Button>
        </div>
      }
    >
      <div className="form">
        <p className="ht-note">下载、接口和门户页面立即停止；门户上会写明已下架。</p>
        <Summary form={form} />
        <Field form={form} at="/reason" label="原因" required>
          {({ labelledby: _, onChange, ...control }) => (
            <Input.TextArea {...control} autoSize={{ minRows: 3 }} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
      </div>
    </Drawer>
  )
}

import { useNavigate, useParams } from '@tanstack/react-router'
import { App, Button, Checkbox, Drawer, Input, Select } from 'antd'
import { useState } from 'react'
import type { Reply } from '../../../contract/endpoint.ts'
import { assess, block, evaluate, gate, openList, propose, publish, reviewConditions, unlock, withdraw } from '../../../contract/opening.ts'
import { problemOf } from '../../app/api.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { useSession } from '../../app/session.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { FaultWords, Field, Summary } from '../../ui/Field.tsx'
import { type Form as FormOf, useForm } from '../../ui/form.ts'
import { codeInUrl, dayOf, number } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Page } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'
import { OpeningPages } from './Scope.tsx'

type Gate = Reply<typeof gate>
const hue: Record<string, Hue> = { none: 'grey', 'in-review': 'blue', reviewed: 'yellow', open: 'green', withdrawn: 'red' }
const shape: Record<string, string> = { none: '‖', 'in-review': '◇', reviewed: '▲', open: '●', withdrawn: '■' }
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
      <OpeningPages here="/opening" />
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
              { value: 'reviewed', label: '已审查，待公布' },
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
  const [asking, setAsking] = useState<'propose' | 'withdraw' | 'unlock' | 'evaluate' | 'block' | 'assess' | 'conditions' | null>(null)
  const may = new Set(one.may)
  const { message } = App.useApp()
  const release = useAct(publish, () => message.success('已公布'))
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
          {may.has('publish') && (
            <Button
              type="primary"
              loading={release.isPending}
              onClick={() => release.mutate({ params: { code } }, { onError: error => message.error(problemOf(error).detail) })}
            >
              公布
            </Button>
          )}
          {may.has('assess') && (
            <Button type="primary" onClick={() => setAsking('assess')}>
              登记评估
            </Button>
          )}
          {may.has('conditions') && (
            <Button type="primary" onClick={() => setAsking('conditions')}>
              核对开放条件
            </Button>
          )}
          {may.has('evaluate') && <Button onClick={() => setAsking('evaluate')}>再评估</Button>}
          {may.has('unlock') && <Button onClick={() => setAsking('unlock')}>登记处理或同意</Button>}
          {may.has('block') && (
            <Button danger onClick={() => setAsking('block')}>
              发现涉密
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
        {one.changed.length > 0 && (
          <p className="ht-note yellow">审查以后目录变更了{one.changed.join('、')}；门户仍显示审查过的内容，请重新提请开放。</p>
        )}
        {one.excluded && (
          <div className="ht-note">
            <p>
              <b>不开放的情形：{one.excluded.label}</b>（{citeWords(one.excluded.cite)}）
              <Why cite={one.excluded.cite} />
            </p>
            {one.excluded.evidence.map(e => (
              <p key={e.label}>
                {e.label}：{e.value}
              </p>
            ))}
            <p>
              {one.excluded.evaluated ? `上次评估 ${one.excluded.evaluated}` : '还没有再评估过'}
              {one.excluded.next && `，应于 ${one.excluded.next} 前再评估（间隔是平台约定）`}
            </p>
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
        {one.conditionVersions.length > 0 && (
          <DataTable
            name="开放条件的版本"
            rows={one.conditionVersions}
            rowKey={v => String(v.version)}
            columns={[
              { title: '开放条件', head: true, cell: v => v.conditions },
              { title: '依据', cell: v => v.basis || '—' },
              { title: '目录版本', narrow: true, cell: v => v.version },
              { title: '发布', narrow: true, cell: v => dayOf(v.published) },
            ]}
          />
        )}
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
      {asking === 'unlock' && <Unlock code={code} shut={() => setAsking(null)} />}
      {asking === 'evaluate' && <Evaluate of={one} code={code} shut={() => setAsking(null)} />}
      {asking === 'assess' && <Assess code={code} shut={() => setAsking(null)} />}
      {asking === 'conditions' && <Conditions code={code} shut={() => setAsking(null)} />}
      {asking === 'block' && <Block of={one} code={code} shut={() => setAsking(null)} />}
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
    audience: ['citizens', 'legal-persons', 'other-organisations'] as (
      | 'citizens'
      | 'legal-persons'
      | 'other-organisations'
      | 'departments'
    )[],
    useRequirements: '',
    focus: '',
    records: {
      risk: { risks: '', measures: '', conclusion: undefined as 'acceptable' | 'unacceptable' | undefined },
      preprocessing: [] as { step: string; operator: string; on: string; note: string }[],
      desensitization: { method: '', reviewer: '', result: '' },
    },
  })
  const me = useSession()
  const today = dayOf(new Date())
  const { risk, desensitization } = form.value.records
  // What is not filled in at all is not sent; the server says whether it is missing.
  const body = {
    ...form.value,
    records: {
      preprocessing: form.value.records.preprocessing,
      ...(risk.risks || risk.measures || risk.conclusion ? { risk: risk as typeof risk & { conclusion: 'acceptable' } } : {}),
      ...(desensitization.method || desensitization.reviewer || desensitization.result ? { desensitization } : {}),
    },
  }
  const navigate = useNavigate()
  const send = useAct(propose, made => void navigate({ to: `/cases/${made.caseNo}` as string }))
  const submit = () => form.complete() && send.mutate({ params: { code }, body }, { onError: form.refused })
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
        {one.demands > 0 && <p className="ht-note blue">公众提出过 {one.demands} 次开放需求。</p>}
        {one.needs.useRequirements && (
          <Long
            form={form}
            at="/useRequirements"
            label="使用要求"
            hint="获取、使用和传播数据时要遵守什么；没有特别要求的也要写明"
            required
          />
        )}
        {one.needs.risk && (
          <>
            <Long form={form} at="/records/risk/risks" label="安全风险" hint="开放后可能带来哪些风险" required />
            <Long form={form} at="/records/risk/measures" label="采取的措施" required />
            <Field form={form} at="/records/risk/conclusion" label="评估结论" group required>
              {({ id, labelledby, value, onChange }) => (
                <fieldset id={id} aria-labelledby={labelledby} className="choices" tabIndex={-1}>
                  {(['acceptable', 'unacceptable'] as const).map(key => (
                    <label key={key} className={value === key ? 'on' : undefined}>
                      <input type="radio" name="conclusion" checked={value === key} onChange={() => onChange(key)} />
                      {key === 'acceptable' ? '风险可控，可以开放' : '不宜开放'}
                    </label>
                  ))}
                </fieldset>
              )}
            </Field>
          </>
        )}
        {one.needs.preprocessing && (
          <Field form={form} at="/records/preprocessing" label="作了哪些预处理" group required>
            {({ id, labelledby, value, onChange }) => (
              <fieldset id={id} aria-labelledby={labelledby} className="choices" tabIndex={-1}>
                {one.needs.preprocessing!.map(step => (
                  <label key={step} className={value.some((x: { step: string }) => x.step === step) ? 'on' : undefined}>
                    <input
                      type="checkbox"
                      checked={value.some((x: { step: string }) => x.step === step)}
                      onChange={event =>
                        onChange(
                          event.target.checked
                            ? [...value, { step, operator: me.person.name, on: today, note: '' }]
                            : value.filter((x: { step: string }) => x.step !== step),
                        )
                      }
                    />
                    {step}
                  </label>
                ))}
              </fieldset>
            )}
          </Field>
        )}
        {one.needs.desensitization && form.value.items.some(item => item.treatment === 'masked') && (
          <>
            <Long form={form} at="/records/desensitization/method" label="脱敏方法" hint="例如姓名只保留姓氏" required />
            <Long form={form} at="/records/desensitization/reviewer" label="脱敏审核人" required rows={1} />
            <Long form={form} at="/records/desensitization/result" label="脱敏结果" required />
          </>
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

function Long({
  form,
  at: pointer,
  label,
  hint,
  required,
  rows = 2,
}: {
  form: FormOf<any>
  at: string
  label: string
  hint?: string
  required?: boolean
  rows?: number
}) {
  return (
    <Field form={form} at={pointer} label={label} {...(hint && { hint })} {...(required && { required })}>
      {({ labelledby: _, onChange, ...control }) => (
        <Input.TextArea {...control} autoSize={{ minRows: rows }} onChange={event => onChange(event.target.value)} />
      )}
    </Field>
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

function Sheet({
  title,
  shut,
  busy,
  act,
  verb,
  danger,
  children,
}: {
  title: string
  shut: () => void
  busy: boolean
  act: () => void
  verb: string
  danger?: boolean
  children: React.ReactNode
}) {
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title={title}
      footer={
        <div className="row">
          <Button type={danger ? 'default' : 'primary'} danger={danger ?? false} loading={busy} onClick={act}>
            {verb}
          </Button>
          <Button onClick={shut}>先不办</Button>
        </div>
      }
    >
      <div className="form">{children}</div>
    </Drawer>
  )
}

function Choices({
  form,
  at: pointer,
  label,
  options,
}: {
  form: FormOf<any>
  at: string
  label: string
  options: { value: string; label: string }[]
}) {
  return (
    <Field form={form} at={pointer} label={label} group required>
      {({ id, labelledby, value, onChange }) => (
        <fieldset id={id} aria-labelledby={labelledby} className="choices" tabIndex={-1}>
          {options.map(option => (
            <label key={option.value} className={value === option.value ? 'on' : undefined}>
              <input type="radio" name={pointer} checked={value === option.value} onChange={() => onChange(option.value)} />
              {option.label}
            </label>
          ))}
        </fieldset>
      )}
    </Field>
  )
}

/** The statements that support a ground; which ones comes from the regulation. */
function Evidence({ form, ground }: { form: FormOf<any>; ground: Gate['grounds'][number] | undefined }) {
  return ground?.evidence.map(e =>
    e.options ? (
      <Choices key={e.key} form={form} at={`/evidence/${e.key}`} label={e.label} options={e.options} />
    ) : (
      <Long
        key={e.key}
        form={form}
        at={`/evidence/${e.key}`}
        label={e.label}
        required
        rows={e.kind === 'longtext' ? 2 : 1}
        {...(e.kind === 'day' && { hint: '写作 2026-09-24' })}
      />
    ),
  )
}

function Unlock({ code, shut }: { code: string; shut: () => void }) {
  const form = useForm({ how: 'desensitised' as 'desensitised' | 'consent', method: '', reviewer: '', result: '' })
  const { message } = App.useApp()
  const send = useAct(unlock, () => {
    message.success('已登记，应当列入开放')
    shut()
  })
  const act = () => form.complete() && send.mutate({ params: { code }, body: form.value }, { onError: form.refused })
  return (
    <Sheet title="登记处理或同意" shut={shut} busy={send.isPending} act={act} verb="登记">
      <Summary form={form} />
      <Choices
        form={form}
        at="/how"
        label="为什么可以开放了"
        options={[
          { value: 'desensitised', label: '有了脱敏脱密后的版本' },
          { value: 'consent', label: '取得了有关第三方的同意' },
        ]}
      />
      <Long form={form} at="/method" label="怎样处理，或怎样取得同意" required />
      <Long form={form} at="/reviewer" label="审核人" required rows={1} />
      <Long form={form} at="/result" label="结果" required />
    </Sheet>
  )
}

function Evaluate({ of: one, code, shut }: { of: Gate; code: string; shut: () => void }) {
  const form = useForm({
    conclusion: undefined as 'open' | 'keep' | undefined,
    reason: '',
    ground: undefined as string | undefined,
    evidence: {} as Record<string, string>,
  })
  const { message } = App.useApp()
  const send = useAct(evaluate, () => {
    message.success('已记下评估结论')
    shut()
  })
  const act = () => form.complete() && send.mutate({ params: { code }, body: form.value }, { onError: form.refused })
  return (
    <Sheet title="再评估" shut={shut} busy={send.isPending} act={act} verb="记下结论">
      <Summary form={form} />
      <Choices
        form={form}
        at="/conclusion"
        label="结论"
        options={[
          { value: 'open', label: '可以开放' },
          { value: 'keep', label: '仍不开放' },
        ]}
      />
      <Long form={form} at="/reason" label="理由" required />
      {form.value.conclusion === 'keep' && (
        <>
          <Field form={form} at="/ground" label="情形" hint="已登记过处理或同意的，要写明新的情形">
            {({ labelledby: _, value, ...control }) => (
              <Select
                {...control}
                allowClear
                value={value}
                options={one.grounds.filter(g => !g.secret).map(g => ({ value: g.key, label: g.label }))}
              />
            )}
          </Field>
          <Evidence form={form} ground={one.grounds.find(g => g.key === form.value.ground)} />
        </>
      )}
    </Sheet>
  )
}

function Assess({ code, shut }: { code: string; shut: () => void }) {
  const form = useForm({ findings: '', measures: '', conclusion: undefined as 'reopen' | 'keep-down' | undefined })
  const { message } = App.useApp()
  const send = useAct(assess, () => {
    message.success('已登记评估')
    shut()
  })
  const act = () =>
    form.complete() &&
    send.mutate({ params: { code }, body: form.value as typeof form.value & { conclusion: 'reopen' } }, { onError: form.refused })
  return (
    <Sheet title="登记评估" shut={shut} busy={send.isPending} act={act} verb="登记">
      <Summary form={form} />
      <Long form={form} at="/findings" label="查明的情况和影响" required />
      <Long form={form} at="/measures" label="采取的措施" />
      <Choices
        form={form}
        at="/conclusion"
        label="结论"
        options={[
          { value: 'reopen', label: '重新处理后可以开放' },
          { value: 'keep-down', label: '不再开放' },
        ]}
      />
    </Sheet>
  )
}

function Conditions({ code, shut }: { code: string; shut: () => void }) {
  const form = useForm({ conclusion: undefined as 'keep' | 'adjusted' | undefined, reason: '' })
  const { message } = App.useApp()
  const send = useAct(reviewConditions, () => {
    message.success('已记下结论')
    shut()
  })
  const act = () =>
    form.complete() &&
    send.mutate({ params: { code }, body: form.value as typeof form.value & { conclusion: 'keep' } }, { onError: form.refused })
  return (
    <Sheet title="核对开放条件" shut={shut} busy={send.isPending} act={act} verb="记下结论">
      <p className="ht-note">规定有变化。需要调整的，先由提供部门在目录里改条件或依据并发布新版本。</p>
      <Summary form={form} />
      <Choices
        form={form}
        at="/conclusion"
        label="结论"
        options={[
          { value: 'adjusted', label: '条件已调整' },
          { value: 'keep', label: '条件不变' },
        ]}
      />
      <Long form={form} at="/reason" label="理由" required />
    </Sheet>
  )
}

function Block({ of: one, code, shut }: { of: Gate; code: string; shut: () => void }) {
  const ground = one.grounds.find(g => g.secret)
  const form = useForm({ ground: ground?.key ?? '', evidence: {} as Record<string, string> })
  const { message } = App.useApp()
  const navigate = useNavigate()
  const send = useAct(block, () => {
    message.success('已登记，只保留一条说明')
    void navigate({ to: '/opening' as string })
  })
  return (
    <Sheet
      title="发现涉密"
      shut={shut}
      busy={send.isPending}
      act={() => send.mutate({ params: { code }, body: form.value }, { onError: form.refused })}
      verb="立即停止访问"
      danger
    >
      <p className="ht-note red">提交后查询、共享、开放立即停止。写明定密依据后，目录内容移除，只保留一条说明，不能恢复。</p>
      <Summary form={form} />
      <Evidence form={form} ground={ground} />
    </Sheet>
  )
}

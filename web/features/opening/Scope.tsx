import { App, Button, Checkbox, Drawer, Input, InputNumber, Select } from 'antd'
import { useState } from 'react'
import type { Reply } from '../../../contract/endpoint.ts'
import { accesses, coverage, followUp, lists, openList, plans, publishList, publishPlan } from '../../../contract/opening.ts'
import { rule } from '../../../contract/regulation.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { useSession } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { FaultWords, Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { codeInUrl, dayOf } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Page } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

const pages = [
  ['/opening', '开放清单'],
  ['/opening/coverage', '应开放'],
  ['/opening/lists', '清单与计划'],
  ['/opening/accesses', '授权使用'],
] as const

/** The pages of opening, one beside the other. */
export const OpeningPages = ({ here }: { here: (typeof pages)[number][0] }) => (
  <nav className="tabs" aria-label="开放">
    {pages.map(([path, label]) => (
      <A key={path} href={at(path)} aria-current={path === here ? 'page' : undefined}>
        {label}
      </A>
    ))}
  </nav>
)

const look: Record<string, { hue: Hue; shape: string }> = {
  open: { hue: 'green', shape: '●' },
  due: { hue: 'yellow', shape: '▲' },
  evaluate: { hue: 'yellow', shape: '◇' },
  excluded: { hue: 'grey', shape: '‖' },
}

/** What is open, what should be, and what stays closed on which ground. */
export function Coverage() {
  const load = useRead(coverage)
  const filters = useFilters({ state: '' })
  const { state } = filters.value
  const rows = load.data?.rows.filter(row => !state || row.state === state)
  return (
    <Page title="应开放的目录" crumb={<A href={at('/opening')}>开放清单</A>}>
      <OpeningPages here="/opening/coverage" />
      <div className="filters">
        <label>
          <span>状态</span>
          <Select
            aria-label="状态"
            style={{ width: 200 }}
            allowClear
            placeholder="全部"
            value={state || undefined}
            onChange={value => filters.set({ state: value ?? '' })}
            options={[
              ['due', '应当开放'],
              ['evaluate', '到期再评估'],
              ['open', '已开放'],
              ['excluded', '不列入开放'],
            ].map(([value, label]) => ({ value, label: `${label} ${load.data?.counts[value!] ?? 0}` }))}
          />
        </label>
      </div>
      <DataTable
        name="应开放的目录"
        rows={rows}
        rowKey={row => row.code}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        filtered={!!state}
        clear={filters.clear}
        empty={<Nothing>还没有发布的目录。</Nothing>}
        columns={[
          { title: '目录', head: true, cell: row => <A href={at(`/opening/${codeInUrl(row.code)}`)}>{row.title}</A> },
          { title: '部门', cell: row => row.department },
          { title: '开放类型', narrow: true, cell: row => row.openLabel },
          {
            title: '状态',
            narrow: true,
            cell: row => (
              <Mark hue={look[row.state]!.hue} shape={look[row.state]!.shape}>
                {row.stateLabel}
              </Mark>
            ),
          },
          {
            title: '为什么',
            cell: row => (
              <>
                {row.why}
                {row.cite && (
                  <>
                    （{citeWords(row.cite)}）<Why cite={row.cite} />
                  </>
                )}
                {row.faults.map(fault => (
                  <div key={fault.code}>
                    <FaultWords fault={fault} />
                  </div>
                ))}
              </>
            ),
          },
        ]}
      />
    </Page>
  )
}

/** Who uses conditionally opened data for what, and what they reported. */
export function Accesses() {
  const filters = useFilters({ q: '' })
  const { q } = filters.value
  const load = useRead(accesses, { query: { ...(q && { q }) } })
  const me = useSession()
  const [looking, setLooking] = useState<string | null>(null)
  const follows = me.department.roles.includes('authority') && me.roles.some(r => ['bureau', 'leader'].includes(r.role))
  return (
    <Page title="授权使用" crumb={<A href={at('/opening')}>开放清单</A>}>
      <OpeningPages here="/opening/accesses" />
      <div className="filters">
        <label className="grow">
          <span>查找</span>
          <SearchBox value={q} onSearch={text => filters.set({ q: text })} placeholder="使用者、数据集、授权编号" />
        </label>
      </div>
      <DataTable
        name="授权使用"
        rows={load.data}
        rowKey={row => row.no}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        filtered={!!q}
        clear={filters.clear}
        empty={<Nothing>还没有授权。公众在门户申请有条件开放的数据，同意后会出现在这里。</Nothing>}
        columns={[
          {
            title: '授权',
            head: true,
            cell: row => (
              <>
                <A href={at(`/cases/${row.caseNo}`)}>{row.no}</A>
                <div className="ht-meta">{row.title}</div>
              </>
            ),
          },
          {
            title: '使用者',
            cell: row => (
              <>
                {row.holder}
                {row.publicBenefit && <div className="ht-meta">只限公益</div>}
              </>
            ),
          },
          {
            title: '状态',
            narrow: true,
            cell: row => <Mark hue={row.state === 'active' ? 'green' : row.state === 'approved' ? 'blue' : 'red'}>{row.stateLabel}</Mark>,
          },
          {
            title: '申请的场景',
            cell: row => (
              <>
                {row.scenario}
                {row.stateReason && <div className="ht-meta">原因：{row.stateReason}</div>}
              </>
            ),
          },
          {
            title: '使用报告',
            cell: row => (
              <>
                {row.reportDue && (
                  <div>
                    应于 {row.reportDue} 前报告{' '}
                    {row.reportLate && (
                      <Mark hue="red" shape="■">
                        逾期
                      </Mark>
                    )}
                  </div>
                )}
                {row.reports.map(report => (
                  <div key={report.at}>
                    {dayOf(report.at)} {report.scenario}{' '}
                    {report.exceeded && (
                      <Mark hue="yellow" shape="▲">
                        与申请的场景不同
                      </Mark>
                    )}
                  </div>
                ))}
                {row.products.map(product => (
                  <div key={product.title}>成果：{product.title}</div>
                ))}
                {row.exceeded > 0 && (
                  <div>
                    <Mark hue="yellow" shape="▲">
                      声明其他用途的调用 {row.exceeded} 次，已拒绝
                    </Mark>
                  </div>
                )}
              </>
            ),
          },
          {
            title: '跟踪',
            cell: row => (
              <>
                {row.followUps.map(one => (
                  <div key={one.at}>
                    {dayOf(one.at)} {one.result}
                  </div>
                ))}
                {row.followUpDue && <div className="ht-meta">下次应于 {row.followUpDue} 前</div>}
                {follows && row.state === 'active' && (
                  <Button size="small" onClick={() => setLooking(row.no)} aria-label={`记录对 ${row.holder} 的跟踪`}>
                    记录跟踪
                  </Button>
                )}
              </>
            ),
          },
        ]}
      />
      {looking && <FollowUp no={looking} shut={() => setLooking(null)} />}
    </Page>
  )
}

function FollowUp({ no, shut }: { no: string; shut: () => void }) {
  const form = useForm({ result: '', findings: '', measures: '' })
  const { message } = App.useApp()
  const send = useAct(followUp, () => {
    message.success('已记下')
    shut()
  })
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title={`跟踪 ${no}`}
      footer={
        <div className="row">
          <Button
            type="primary"
            loading={send.isPending}
            onClick={() => form.complete() && send.mutate({ params: { no }, body: form.value }, { onError: form.refused })}
          >
            记录跟踪
          </Button>
          <Button onClick={shut}>先不办</Button>
        </div>
      }
    >
      <div className="form">
        <Summary form={form} />
        {(
          [
            ['result', '结果', true],
            ['findings', '发现的问题', false],
            ['measures', '采取的措施', false],
          ] as const
        ).map(([name, label, required]) => (
          <Field key={name} form={form} at={`/${name}`} label={label} required={required}>
            {({ labelledby: _, onChange, ...control }) => (
              <Input.TextArea {...control} autoSize={{ minRows: 2 }} onChange={event => onChange(event.target.value)} />
            )}
          </Field>
        ))}
      </div>
    </Drawer>
  )
}

/** The department's two lists, and for the authority the yearly plan. */
export function Lists() {
  const me = useSession()
  const shown = useRead(lists, { query: { region: me.department.region } })
  const planned = useRead(plans, { query: { region: me.department.region } })
  const steward = me.roles.some(r => ['steward', 'leader', 'bureau'].includes(r.role))
  const mine = shown.data?.filter(l => l.department === me.department.name)
  return (
    <Page title="清单与计划" crumb={<A href={at('/opening')}>开放清单</A>}>
      <OpeningPages here="/opening/lists" />
      <div className="stack">
        {steward && (
          <>
            <ListForm cls="open" current={mine?.find(l => l.class === 'open')} />
            <ListForm cls="conditional" current={mine?.find(l => l.class === 'conditional')} />
          </>
        )}
        {me.department.roles.includes('authority') && <PlanForm />}
        <Loaded load={planned}>
          {all => (
            <DataTable
              name="开放年度计划"
              rows={all.flatMap(plan => plan.items.map(item => ({ ...item, year: plan.year })))}
              rowKey={row => `${row.year} ${row.title}`}
              empty={<Nothing>还没有公布年度计划。</Nothing>}
              columns={[
                { title: '优先', narrow: true, cell: row => (row.priority ? '优先' : '—') },
                { title: '计划', head: true, cell: row => `${row.year} ${row.title}` },
                { title: '部门', cell: row => row.department || '—' },
                { title: '开放条件', cell: row => row.conditions },
                { title: '计划日期', narrow: true, cell: row => row.target },
                {
                  title: '进展',
                  narrow: true,
                  cell: row =>
                    row.done ? (
                      <Mark hue="green" shape="●">
                        已开放
                      </Mark>
                    ) : (
                      '未开放'
                    ),
                },
              ]}
            />
          )}
        </Loaded>
      </div>
    </Page>
  )
}

type List = Reply<typeof lists>[number]
function ListForm({ cls, current }: { cls: 'open' | 'conditional'; current: List | undefined }) {
  const load = useRead(openList, { query: { limit: 200 } })
  const me = useSession()
  const { message } = App.useApp()
  const candidates =
    load.data?.rows.filter(
      r => r.openClass === cls && r.department === me.department.name && ['reviewed', 'open', 'in-review'].includes(r.state),
    ) ?? []
  const [picked, setPicked] = useState<string[] | null>(null)
  const chosen = picked ?? current?.entries.map(e => e.code) ?? []
  const send = useAct(publishList, made => {
    setPicked(null)
    message.success(`已公布第 ${made.version} 版`)
  })
  return (
    <section>
      <h2>{cls === 'open' ? '向社会直接开放的清单' : '申请后开放的清单'}</h2>
      <p className="ht-hint">
        {current
          ? `${current.label}第 ${current.version} 版，${dayOf(current.published)} 公布，${current.entries.length} 个。`
          : '还没有公布过。'}
        公布后，清单上已审查的目录立即开放；移出清单的立即下架（当地规定以清单为准的）。
      </p>
      {candidates.map(row => (
        <div key={row.code}>
          <Checkbox
            checked={chosen.includes(row.code)}
            onChange={event => setPicked(event.target.checked ? [...chosen, row.code] : chosen.filter(code => code !== row.code))}
          >
            {row.title}（{row.openLabel}，{row.stateLabel}）
          </Checkbox>
        </div>
      ))}
      {candidates.length === 0 && <p className="ht-hint">先在开放关口提请开放，审查通过后列入清单。</p>}
      <Button
        disabled={picked === null}
        loading={send.isPending}
        onClick={() => send.mutate({ body: { class: cls, entries: chosen } }, { onError: error => message.error(problemOf(error).detail) })}
      >
        公布新版本
      </Button>
    </section>
  )
}

type Item = { code: string; title: string; department: string; conditions: string; target: string; priority: boolean; criterion: string }
const blank: Item = { code: '', title: '', department: '', conditions: '', target: '', priority: false, criterion: '' }
function PlanForm() {
  const { message } = App.useApp()
  const form = useForm({ year: new Date().getFullYear(), focus: '', items: [blank] as Item[] })
  const send = useAct(publishPlan, made => {
    form.reset({ year: made.year, focus: '', items: [blank] })
    message.success(`已公布 ${made.year} 年计划第 ${made.version} 版`)
  })
  const me = useSession()
  const focus = useRead(rule, { params: { code: me.department.region, topic: 'open-focus' }, query: {} })
  const criteria = Object.entries((focus.data?.value as { criteria?: Record<string, string> } | undefined)?.criteria ?? {})
  const words: [Exclude<keyof Item, 'priority' | 'criterion'>, string][] = [
    ['title', '内容'],
    ['department', '提供部门'],
    ['conditions', '开放条件'],
    ['target', '计划日期'],
    ['code', '目录代码'],
  ]
  return (
    <section className="form">
      <h2>公布开放年度计划</h2>
      <Summary form={form} />
      <Field form={form} at="/year" label="年度" required>
        {({ labelledby: _, ...control }) => <InputNumber {...control} controls={false} min={2000} max={2100} />}
      </Field>
      <Field form={form} at="/focus" label="重点">
        {({ labelledby: _, onChange, ...control }) => <Input {...control} onChange={event => onChange(event.target.value)} />}
      </Field>
      {form.value.items.map((item, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines of a form keep their place
        <div key={i} className="row wrap">
          {words.map(([name, label]) => (
            <Field key={name} form={form} at={`/items/${i}/${name}`} label={label}>
              {({ labelledby: _l, onChange, ...control }) => (
                <Input
                  {...control}
                  {...(name === 'target' && { placeholder: '2026-09-30' })}
                  onChange={event => onChange(event.target.value)}
                />
              )}
            </Field>
          ))}
          {criteria.length > 0 && (
            <>
              <Field form={form} at={`/items/${i}/priority`} label="优先">
                {({ labelledby: _l, value, onChange, ...control }) => (
                  <Checkbox {...control} checked={!!value} onChange={event => onChange(event.target.checked)}>
                    列为优先
                  </Checkbox>
                )}
              </Field>
              {item.priority && (
                <Field form={form} at={`/items/${i}/criterion`} label="符合哪一条" required>
                  {({ labelledby: _l, value, ...control }) => (
                    <Select
                      {...control}
                      style={{ minWidth: 200 }}
                      value={value || undefined}
                      placeholder="请选择"
                      options={criteria.map(([key, label]) => ({ value: key, label }))}
                    />
                  )}
                </Field>
              )}
            </>
          )}
        </div>
      ))}
      <div className="row">
        <Button onClick={() => form.set('/items', [...form.value.items, blank])}>添一项</Button>
        <Button
          type="primary"
          loading={send.isPending}
          onClick={() => form.complete() && send.mutate({ body: form.value }, { onError: form.refused })}
        >
          公布计划
        </Button>
      </div>
    </section>
  )
}

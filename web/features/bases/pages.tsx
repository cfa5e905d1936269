import { useParams } from '@tanstack/react-router'
import { App, Button, Input, Select } from 'antd'
import { useState } from 'react'
import {
  baseDatabases,
  conflictStates,
  createBaseDatabase,
  createThemeDatabase,
  type DatabaseDetail,
  type DatabaseRow,
  database,
  databaseConflicts,
  databaseKinds,
  databaseRecord,
  rebuildDatabase,
  themeDatabases,
} from '../../../contract/bases.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { baseInterfaces } from '../../../contract/sharing.ts'
import { problemOf } from '../../app/api.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { useFilters } from '../../app/search.ts'
import { useMay } from '../../app/session.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { amount, codeInUrl, moment, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing, ProblemNote } from '../../ui/states.tsx'
import { Why } from '../../ui/Why.tsx'
import { HoldingPages } from '../aggregation/Holdings.tsx'
import { OfferOf } from './Offer.tsx'

const State = ({ of: d }: { of: DatabaseRow }) =>
  !d.id ? (
    <Mark>还没有建立</Mark>
  ) : d.trouble ? (
    <Mark hue="red" shape="■">
      停止刷新
    </Mark>
  ) : d.refreshed ? (
    <Mark hue="green" shape="●">
      已归集
    </Mark>
  ) : (
    <Mark hue="yellow" shape="▲">
      {d.code ? '正在归集' : '还没有声明来源'}
    </Mark>
  )

const columns: Column<DatabaseRow>[] = [
  { title: '名称', head: true, cell: row => (row.id ? <A href={at(`/databases/${row.id}`)}>{row.title}</A> : row.title) },
  { title: '主题', narrow: true, cell: row => row.theme },
  { title: '建设部门', cell: row => row.department ?? '—' },
  { title: '地区', narrow: true, cell: row => row.regionName },
  { title: '状态', narrow: true, cell: row => <State of={row} /> },
  { title: '来源', right: true, narrow: true, cell: row => number(row.sources) },
  { title: '记录', right: true, narrow: true, cell: row => amount(row.rows) },
  {
    title: '待校核',
    right: true,
    narrow: true,
    cell: row => (row.open && row.id ? <A href={at(`/databases/${row.id}/conflicts`, { state: 'open' })}>{number(row.open)}</A> : '0'),
  },
  { title: '刷新', narrow: true, keep: true, cell: row => moment(row.refreshed) },
]

/** Base and theme databases that serve the region: who builds base databases is the regulation's to say. */
export function Databases() {
  const bases = useRead(baseDatabases)
  const themes = useRead(themeDatabases)
  const mayCreate = useMay(createBaseDatabase)
  const mayCall = useMay(baseInterfaces)
  const [asking, setAsking] = useState<keyof typeof databaseKinds | null>(null)
  return (
    <Page
      title="基础库与主题库"
      crumb={<A href={at('/sources')}>数据源</A>}
      acts={
        mayCreate && (
          <>
            {bases.data?.mine && (
              <Button type="primary" onClick={() => setAsking('base')}>
                建立基础数据库
              </Button>
            )}
            <Button onClick={() => setAsking('theme')}>建立主题数据库</Button>
          </>
        )
      }
    >
      <HoldingPages here="/databases" />
      <div className="stack">
        {bases.data && (
          <p className="row">
            <span>基础数据库由{bases.data.builder}建设，各部门使用它的服务；主题数据库由牵头部门建设。</span>
            {mayCall && <A href={at('/sharing/bases')}>基础数据库接口</A>}
            <Why cite={bases.data.cite} />
          </p>
        )}
        <DataTable
          name="基础数据库"
          rows={bases.data?.rows}
          rowKey={row => row.id ?? row.theme}
          error={bases.error}
          retry={bases.refetch}
          since={bases.dataUpdatedAt}
          empty={<Nothing>规定没有列出基础数据库的主题，也还没有建立。</Nothing>}
          columns={columns}
        />
        <DataTable
          name="主题数据库"
          rows={themes.data?.rows}
          rowKey={row => row.id!}
          error={themes.error}
          retry={themes.refetch}
          since={themes.dataUpdatedAt}
          empty={<Nothing>还没有主题数据库。牵头部门把几条目录按信息项连接起来，就成为一个主题数据库。</Nothing>}
          columns={columns}
        />
      </div>
      {asking && (
        <SideForm
          endpoint={asking === 'base' ? createBaseDatabase : createThemeDatabase}
          title={`建立${databaseKinds[asking]}`}
          verb="建立"
          start={{ theme: '', title: '' }}
          shut={() => setAsking(null)}
        >
          {form => (
            <>
              <Line form={form} at="/theme" label="主题" hint={asking === 'base' ? '例如：人口、法人' : '例如：医疗监管'} />
              <Line form={form} at="/title" label="名称" required={false} />
            </>
          )}
        </SideForm>
      )}
    </Page>
  )
}

export function DatabasePage() {
  const { id } = useParams({ strict: false }) as { id: string }
  const [moving, setMoving] = useState(false)
  const load = useRead(database, { params: { id } }, { refetchInterval: moving ? 2000 : false })
  const waits = !!load.data && !load.data.trouble && !!load.data.entry && (!load.data.refreshed || load.data.waiting > 0)
  if (waits !== moving) setMoving(waits)
  return <Loaded load={load}>{d => <One of={d} />}</Loaded>
}

function One({ of: d }: { of: DatabaseDetail }) {
  const { message } = App.useApp()
  const rebuild = useAct(rebuildDatabase, () => message.success('已开始重建，结果相同的记录不会改动'))
  const open = d.conflicts.reduce((n, c) => n + c.open, 0)
  const differences =
    d.kind === 'theme' ? null : open ? (
      <A href={at(`/databases/${d.id}/conflicts`, { state: 'open' })}>{number(open)} 处待校核</A>
    ) : (
      '没有待校核的'
    )
  return (
    <Page
      title={d.title}
      crumb={<A href={at('/databases')}>基础库与主题库</A>}
      sub={
        <>
          <Mark>{databaseKinds[d.kind]}</Mark>
          <State of={d} />
          <span>{d.department}</span>
          {d.cite && <Why cite={d.cite} />}
        </>
      }
      acts={
        <>
          {d.may.includes('record') && (
            <A className="ht-btn solid" href={at(`/databases/${d.id}/record`)}>
              查一条记录
            </A>
          )}
          {d.may.includes('declare') && (
            <A className={d.entry ? 'ht-btn' : 'ht-btn solid'} href={at(`/databases/${d.id}/edit`)}>
              {d.entry ? '修改声明' : d.kind === 'base' ? '声明来源和属性' : '声明连接'}
            </A>
          )}
          {d.may.includes('rebuild') && (
            <Button
              loading={rebuild.isPending}
              onClick={() =>
                rebuild.mutate({ params: { id: d.id } } as never, { onError: error => message.error(problemOf(error).detail) })
              }
            >
              重建
            </Button>
          )}
        </>
      }
    >
      <div className="stack">
        {d.trouble && (
          <div className="ht-note red" role="alert">
            <p>
              <b>{d.trouble}</b>
            </p>
            <p>已有的记录没有变动。</p>
          </div>
        )}
        <Sheet title="概况">
          <Facts
            of={[
              ['存放结果的目录', d.entry && <A href={at(`/catalog/${codeInUrl(d.entry.code)}`)}>{d.entry.title}</A>],
              ['记录', d.refreshed && `${number(d.rows)} 条`],
              ['上次刷新', d.refreshed && moment(d.refreshed)],
              ['等待归集', d.waiting ? `${number(d.waiting)} 批` : '没有'],
              ['不一致', differences],
            ]}
          />
        </Sheet>
        <OfferOf of={d} />
        {d.from.length > 0 && (
          <Sheet title="来源">
            <Sources of={d} />
          </Sheet>
        )}
        {d.base && (
          <Sheet title="属性" note="每个属性一个权威来源">
            <Attributes of={d} />
          </Sheet>
        )}
        {d.joins && <Joins of={d} />}
        {d.conflicts.length > 0 && (
          <Sheet title="不一致">
            <ConflictCounts of={d} />
          </Sheet>
        )}
        {d.refreshes.length > 0 && (
          <Sheet title="最近的归集">
            <Refreshes of={d} />
          </Sheet>
        )}
      </div>
    </Page>
  )
}

const percent = (part: number, whole: number) => (whole ? `${((100 * part) / whole).toFixed(1)}%` : '—')

function Sources({ of: d }: { of: DatabaseDetail }) {
  return (
    <DataTable
      name="来源"
      rows={d.from}
      rowKey={row => row.entryId}
      columns={[
        { title: '来源目录', head: true, cell: row => <A href={at(`/catalog/${codeInUrl(row.code)}`)}>{row.title}</A> },
        { title: '部门', cell: row => row.department },
        { title: '行数', right: true, narrow: true, cell: row => amount(row.rows) },
        ...(d.base
          ? [
              {
                title: '标识可用',
                right: true,
                narrow: true,
                cell: (row: DatabaseDetail['from'][number]) => `${amount(row.matched)}（${percent(row.matched ?? 0, row.rows)}）`,
              },
              {
                title: '标识不可用',
                right: true,
                narrow: true,
                cell: (row: DatabaseDetail['from'][number]) => number(Math.max(0, row.rows - (row.matched ?? 0))),
              },
            ]
          : []),
      ]}
    />
  )
}

function Attributes({ of: d }: { of: DatabaseDetail }) {
  const at = new Map(d.from.map(f => [f.entryId, f]))
  const said = (s: { entryId: string; item: string }) => {
    const f = at.get(s.entryId)
    return `${f?.title ?? ''}「${f?.items.find(i => i.key === s.item)?.name ?? s.item}」`
  }
  return (
    <DataTable
      name="属性"
      rows={d.base!.attributes}
      rowKey={row => row.item}
      columns={[
        { title: '属性', head: true, cell: row => d.entry?.items.find(i => i.key === row.item)?.name ?? row.item },
        { title: '类型', narrow: true, cell: row => d.entry?.items.find(i => i.key === row.item)?.type ?? '' },
        { title: '含义', cell: row => d.entry?.items.find(i => i.key === row.item)?.meaning || '—' },
        { title: '权威来源', cell: row => said(row.sources.find(s => s.authority)!) },
        {
          title: '缺值时',
          cell: row => {
            const rest = row.sources.filter(s => !s.authority)
            return rest.length ? `${row.rest === 'newest' ? '取最新：' : '依次取：'}${rest.map(said).join(' → ')}` : '留空'
          },
        },
      ]}
    />
  )
}

function Joins({ of: d }: { of: DatabaseDetail }) {
  const from = new Map(d.from.map(f => [f.entryId, f]))
  const said = (entryId: string, item: string) => {
    const f = from.get(entryId)
    return `${f?.title ?? ''}「${f?.items.find(i => i.key === item)?.name ?? item}」`
  }
  const { driving, joins, columns: chosen } = d.joins!
  return (
    <>
      <Sheet title="连接">
        <ul>
          <li>主目录：{from.get(driving)?.title}</li>
          {joins.map(j => (
            <li key={j.entryId}>
              {j.kind === 'inner' ? '只留连得上的' : '连不上的留空'}：{said(j.entryId, j.item)} ＝ {said(j.to.entryId, j.to.item)}
            </li>
          ))}
        </ul>
      </Sheet>
      <DataTable
        name="列的来源"
        rows={chosen}
        rowKey={row => row.item}
        columns={[
          { title: '列', head: true, cell: row => d.entry?.items.find(i => i.key === row.item)?.name ?? row.item },
          { title: '来自', cell: row => said(row.entryId, row.from) },
        ]}
      />
    </>
  )
}

function ConflictCounts({ of: d }: { of: DatabaseDetail }) {
  const cell = (state: keyof typeof conflictStates) => (row: DatabaseDetail['conflicts'][number]) =>
    row[state] ? <A href={at(`/databases/${d.id}/conflicts`, { item: row.item, state })}>{number(row[state])}</A> : '0'
  return (
    <DataTable
      name="不一致"
      rows={d.conflicts}
      rowKey={row => `${row.item}${row.chosen}${row.other}`}
      columns={[
        { title: '属性', head: true, cell: row => row.itemName },
        { title: '现取', cell: row => row.chosen },
        { title: '对方', cell: row => row.other },
        { title: conflictStates.open, right: true, narrow: true, cell: cell('open') },
        { title: conflictStates.settled, right: true, narrow: true, cell: cell('settled') },
        { title: conflictStates.agreed, right: true, narrow: true, cell: cell('agreed') },
      ]}
    />
  )
}

function Refreshes({ of: d }: { of: DatabaseDetail }) {
  return (
    <DataTable
      name="最近的归集"
      rows={d.refreshes}
      rowKey={row => row.no}
      columns={[
        { title: '次序', head: true, narrow: true, cell: row => `第 ${row.no} 次` },
        { title: '范围', narrow: true, cell: row => (row.full ? '全部' : '变动部分') },
        { title: '完成', narrow: true, keep: true, cell: row => moment(row.finished, true) },
        { title: '涉及', right: true, narrow: true, cell: row => amount(row.touched) },
        { title: '新增', right: true, narrow: true, cell: row => amount(row.added) },
        { title: '改动', right: true, narrow: true, cell: row => amount(row.changed) },
        { title: '移出', right: true, narrow: true, cell: row => amount(row.removed) },
        { title: '批次', cell: row => row.batches.join('、') || '—' },
      ]}
    />
  )
}

type Record = Reply<typeof databaseRecord>
type Value = Record['values'][number]
/** One record: who said what, in which batch, since when. The number goes in the request, not into the address. */
export function RecordPage() {
  const { id } = useParams({ strict: false }) as { id: string }
  const load = useRead(database, { params: { id } })
  const [identifier, setIdentifier] = useState('')
  const [found, setFound] = useState<Record | null>(null)
  const [problem, setProblem] = useState<unknown>(null)
  const look = useAct(databaseRecord, reply => {
    setFound(reply)
    setProblem(null)
  })
  const word = load.data?.base?.subject === 'organisation' ? '统一社会信用代码' : '公民身份号码'
  return (
    <Page
      title="一条记录的来源"
      crumb={
        <>
          <A href={at('/databases')}>基础库与主题库</A> › <A href={at(`/databases/${id}`)}>{load.data?.title ?? ''}</A>
        </>
      }
      sub={<span>查看会留痕。</span>}
    >
      <div className="stack">
        <form
          className="filters"
          onSubmit={event => {
            event.preventDefault()
            look.mutate(
              { params: { id }, body: { identifier } },
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
            <span>{word}</span>
            <Input aria-label={word} value={identifier} autoComplete="off" onChange={event => setIdentifier(event.target.value)} />
          </label>
          <Button type="primary" htmlType="submit" loading={look.isPending} disabled={!identifier.trim()}>
            查找
          </Button>
        </form>
        {problem ? <ProblemNote error={problem} /> : null}
        {found && (
          <DataTable
            name="属性的来源"
            rows={found.values}
            rowKey={row => row.item}
            columns={[
              { title: '属性', head: true, cell: row => row.name },
              { title: '现值', cell: row => <Standing of={row} /> },
              { title: '提供', cell: row => (row.origin ? <Provider of={row.origin} /> : '—') },
              { title: '批次', narrow: true, cell: row => row.origin?.batchNo ?? '—' },
              { title: '自', narrow: true, keep: true, cell: row => moment(row.origin?.since) },
              { title: '其他来源', cell: row => (row.others.length ? <Others of={row} /> : '—') },
            ]}
          />
        )}
      </div>
    </Page>
  )
}

const Standing = ({ of: value }: { of: Value }) => (
  <>
    {value.value ?? <span className="ht-ink3">没有来源提供</span>}{' '}
    {value.pending && (
      <Mark hue="yellow" shape="▲">
        来源有变动，等待归集
      </Mark>
    )}
  </>
)
const Provider = ({ of: origin }: { of: NonNullable<Value['origin']> }) => (
  <>
    {origin.department} · {origin.entry} {origin.authority && <Mark hue="blue">权威</Mark>}
  </>
)
const Others = ({ of: value }: { of: Value }) => (
  <ul>
    {value.others.map(other => (
      <li key={other.entryId + other.value + other.since}>
        {other.value}（{other.department} · {other.entry}，{other.batchNo ?? '—'}，{moment(other.since)}）{' '}
        {other.differs ? (
          <Mark hue="red" shape="■">
            不一致
          </Mark>
        ) : (
          <Mark>一致</Mark>
        )}
      </li>
    ))}
  </ul>
)

export function Conflicts() {
  const { id } = useParams({ strict: false }) as { id: string }
  const filters = useFilters({ state: '', item: '', case: '' })
  const { state, item, case: no, after } = filters.value
  const load = useRead(databaseConflicts, {
    params: { id },
    query: { ...(state && { state: state as 'open' }), ...(item && { item }), ...(no && { case: no }), ...(after && { after }) },
  })
  const one = useRead(database, { params: { id } })
  const side = (s: Reply<typeof databaseConflicts>['rows'][number]['chosen']) => (
    <>
      <b>{s.value}</b>
      <br />
      <span className="ht-ink2">
        {s.department} · {s.entry}
      </span>
    </>
  )
  return (
    <Page
      title="来源之间的不一致"
      crumb={
        <>
          <A href={at('/databases')}>基础库与主题库</A> › <A href={at(`/databases/${id}`)}>{load.data?.title ?? ''}</A>
        </>
      }
      sub={<span>查看会留痕。由现取值的部门校核：认定无误的以现值为准；更正后的数据入库即重新比对。</span>}
    >
      <div className="filters">
        <label>
          <span>状态</span>
          <Select
            aria-label="状态"
            style={{ width: 140 }}
            allowClear
            placeholder="全部"
            value={state || undefined}
            onChange={value => filters.set({ state: value ?? '' })}
            options={Object.entries(conflictStates).map(([value, label]) => ({ value, label }))}
          />
        </label>
        <label>
          <span>属性</span>
          <Select
            aria-label="属性"
            style={{ width: 180 }}
            allowClear
            placeholder="全部"
            value={item || undefined}
            onChange={value => filters.set({ item: value ?? '' })}
            options={one.data?.base?.attributes.map(a => ({
              value: a.item,
              label: one.data!.entry?.items.find(i => i.key === a.item)?.name ?? a.item,
            }))}
          />
        </label>
      </div>
      <DataTable
        name="不一致"
        rows={load.data?.rows}
        rowKey={row => row.key + row.item + row.other.entry}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        filtered={Boolean(state || item || no)}
        clear={filters.clear}
        empty={<Nothing>没有与本部门有关的不一致。</Nothing>}
        columns={[
          { title: '标识', head: true, keep: true, cell: row => row.key },
          { title: '属性', narrow: true, cell: row => row.itemName },
          { title: '现取', cell: row => side(row.chosen) },
          { title: '对方', cell: row => side(row.other) },
          {
            title: '状态',
            narrow: true,
            cell: row => (
              <Mark hue={row.state === 'open' ? 'yellow' : 'green'} shape={row.state === 'open' ? '▲' : '✓'}>
                {row.stateLabel}
              </Mark>
            ),
          },
          { title: '办件', narrow: true, cell: row => (row.caseNo ? <A href={at(`/cases/${row.caseNo}`)}>{row.caseNo}</A> : '—') },
          { title: '自', narrow: true, keep: true, cell: row => moment(row.since) },
        ]}
        footer={<ListPager of={load.data} filters={filters} />}
      />
    </Page>
  )
}

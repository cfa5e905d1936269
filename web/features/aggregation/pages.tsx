import { useParams } from '@tanstack/react-router'
import { App, Button, Drawer, Input, Select } from 'antd'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import {
  type Batch as BatchShape,
  batch,
  batches,
  batchStates,
  cancelBatch,
  createSource,
  downloadRejects,
  pullNow,
  rejects,
  releaseBatch,
  retryBatch,
  returnBatch,
  source,
  sources,
  startBatch,
  upload,
} from '../../../contract/aggregation.ts'
import { modes, placeOf } from '../../../contract/connections.ts'
import { href, problemOf } from '../../app/api.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { amount, codeInUrl, moment, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Loaded, Nothing, ProblemNote } from '../../ui/states.tsx'
import { Why } from '../../ui/Why.tsx'
import { isFetched, isTable } from './connection.tsx'
import { FollowSheet } from './Follow.tsx'
import { HoldingPages } from './Holdings.tsx'
import { LiveSheet } from './Live.tsx'
import { PushSheet } from './Push.tsx'
import { PromiseSheet, Verify } from './promises.tsx'
import { BatchMark, BatchTable, SourceTable } from './tables.tsx'

const secretNames: Record<string, string> = { password: '密码或令牌', privateKey: '私钥' }

export function Sources() {
  const filters = useFilters({ q: '' })
  const { q, after } = filters.value
  const load = useRead(sources, { query: { ...(q && { q }), ...(after && { after }) } })
  const mayCreate = useMay(createSource)
  const create = mayCreate && (
    <A className="ht-btn solid" href={at('/sources/new')}>
      挂接数据
    </A>
  )
  return (
    <Page title="数据源" acts={create}>
      <HoldingPages here="/sources" />
      <div className="filters">
        <label className="grow">
          <span>查找</span>
          <SearchBox value={q} onSearch={text => filters.set({ q: text })} placeholder="目录名称、文件或表名" />
        </label>
      </div>
      <SourceTable
        load={load}
        filtered={Boolean(q)}
        clear={filters.clear}
        empty={<Nothing action={create}>还没有数据源。目录发布后，从这里上传文件或连接数据表。</Nothing>}
        footer={<ListPager of={load.data} filters={filters} />}
      />
    </Page>
  )
}

export function Source() {
  const { id } = useParams({ strict: false }) as { id: string }
  const [live, setLive] = useState(false)
  const load = useRead(source, { params: { id } }, { refetchInterval: live ? 3000 : false })
  const runs = useRead(batches, { query: { source: id } }, { refetchInterval: live ? 3000 : 10_000 })
  if (load.data && live !== Boolean(load.data.live)) setLive(Boolean(load.data.live))
  const mayRun = useMay(startBatch)
  const { message } = App.useApp()
  const pull = useAct(pullNow, answer => message.success(answer.text))
  const [following, setFollowing] = useState(false)
  return (
    <Loaded load={load}>
      {one => (
        <Page
          title={one.name || one.title}
          crumb={<A href={at('/sources')}>数据源</A>}
          sub={
            <>
              <Mark>{one.kindLabel}</Mark>
              <A href={at(`/catalog/${codeInUrl(one.code)}`)}>{one.title}</A>
              <span>{one.department}</span>
            </>
          }
          acts={
            mayRun && (
              <>
                {one.kind === 'file' && (
                  <A className="ht-btn solid" href={at('/sources/new', { source: id })}>
                    上传新文件
                  </A>
                )}
                {(isTable(one.kind) || isFetched(one.kind)) && one.follow.mode !== 'capture' && (
                  <Button
                    type="primary"
                    disabled={!one.ready}
                    loading={pull.isPending}
                    onClick={() => pull.mutate({ params: { id } }, { onError: error => message.error(problemOf(error).detail) })}
                  >
                    现在读取
                  </Button>
                )}
                <A className="ht-btn" href={at('/sources/new', { source: id, step: isTable(one.kind) ? 'map' : undefined })}>
                  修改对应关系
                </A>
              </>
            )
          }
        >
          <div className="stack">
            {one.trouble && (
              <div className="ht-note red">
                <p>{one.trouble.text}</p>
                <p className="ht-ink2">
                  {one.trouble.remedy}（自 {moment(one.trouble.since)}）
                </p>
              </div>
            )}
            <div className="columns">
              <DataTable
                name="对应关系"
                rows={one.mapping}
                rowKey={row => row.source}
                empty={<Nothing>还没有对应信息项。</Nothing>}
                columns={[
                  { title: '源列', head: true, cell: row => row.source },
                  {
                    title: '信息项',
                    cell: row =>
                      row.item ? (
                        (one.items.find(item => item.key === row.item)?.name ?? row.item)
                      ) : (
                        <span className="ht-ink3">不导入</span>
                      ),
                  },
                  {
                    title: '主键',
                    narrow: true,
                    cell: row => (row.item && one.keys.includes(row.item) ? <Mark hue="blue">主键</Mark> : '—'),
                  },
                ]}
              />
              <Sheet
                title="设置"
                acts={mayRun && (isTable(one.kind) || isFetched(one.kind)) && <Button onClick={() => setFollowing(true)}>读取方式</Button>}
              >
                <Facts
                  of={[
                    ['来源', one.kindLabel],
                    ['前置机', one.agent && `${one.agent.name}（${one.agent.stateLabel}）上的「${one.agent.source}」`],
                    ['所属系统', one.system?.name ?? null],
                    ['连接', one.connection ? placeOf(one.connection) : null],
                    ['已保存的密钥', one.secrets.length ? one.secrets.map(name => secretNames[name] ?? name).join('、') : null],
                    ['读取方式', isTable(one.kind) ? modes[one.follow.mode] : null],
                    ['下次去取', one.nextRun ? moment(one.nextRun) : null],
                    ['最近联系', one.contact ? moment(one.contact, true) : null],
                    ['拒收阈值', `${(one.threshold * 100).toFixed(1)}%，超过则整批待放行`],
                  ].filter((fact): fact is [string, string] => fact[1] !== null)}
                />
              </Sheet>
            </div>
            {one.live && <LiveSheet of={one} />}
            {one.kind === 'push' && <PushSheet of={one} />}
            <PromiseSheet of={one} />
            <BatchTable load={runs} empty={<Nothing>还没有批次。</Nothing>} />
            {following && <FollowSheet of={one} shut={() => setFollowing(false)} />}
          </div>
        </Page>
      )}
    </Loaded>
  )
}

export function Batches() {
  const filters = useFilters({ state: '', q: '' })
  const { state, q, after } = filters.value
  const load = useRead(
    batches,
    { query: { ...(state && { state: state as 'done' }), ...(q && { q }), ...(after && { after }) } },
    { refetchInterval: 10_000 },
  )
  return (
    <Page title="批次">
      <div className="filters">
        <label className="grow">
          <span>查找</span>
          <SearchBox value={q} onSearch={text => filters.set({ q: text })} placeholder="编号、目录名称、文件或表名" />
        </label>
        <label>
          <span>状态</span>
          <Select
            aria-label="状态"
            style={{ width: 160 }}
            allowClear
            placeholder="全部"
            value={state || undefined}
            onChange={value => filters.set({ state: value ?? '' })}
            options={Object.entries(batchStates).map(([value, label]) => ({ value, label }))}
          />
        </label>
      </div>
      <BatchTable
        load={load}
        filtered={Boolean(state || q)}
        clear={filters.clear}
        empty={<Nothing action={<A href={at('/sources')}>看数据源</A>}>还没有批次。挂接数据后，每次入库都会在这里留下一笔账。</Nothing>}
        footer={<ListPager of={load.data} filters={filters} />}
      />
    </Page>
  )
}

export function Batch() {
  const { id } = useParams({ strict: false }) as { id: string }
  const [moving, setMoving] = useState(true)
  const load = useRead(batch, { params: { id } }, { refetchInterval: moving ? 1000 : false })
  const active = load.data ? ['queued', 'running'].includes(load.data.state) : true
  if (active !== moving) setMoving(active)
  return <Loaded load={load}>{one => <BatchPage of={one} />}</Loaded>
}

const decisions = {
  release: { endpoint: releaseBatch, label: '放行', effect: '这一批中合格的行将入库，拒收的行仍不入库。', required: true, danger: false },
  return: { endpoint: returnBatch, label: '退回来源', effect: '这一批不入库，等来源改好后重新上传。', required: true, danger: true },
  cancel: { endpoint: cancelBatch, label: '停止入库', effect: '停止读取，这一批的内容一行也不保留。', required: false, danger: true },
  retry: { endpoint: retryBatch, label: '重新读取', effect: '从头读取这一批，不会重复入库。', required: false, danger: false },
} as const
type Decision = keyof typeof decisions

function BatchPage({ of: one }: { of: BatchShape }) {
  const [asking, setAsking] = useState<Decision | null>(null)
  const may = new Set(one.may)
  const verbs = (Object.keys(decisions) as Decision[]).filter(verb => may.has(verb))
  const solid = one.state === 'held' ? null : verbs.includes('retry') ? 'retry' : null
  return (
    <Page
      title={`批次 ${one.no}`}
      crumb={
        <>
          <A href={at('/batches')}>批次</A> › <A href={at(`/sources/${one.sourceId}`)}>{one.title}</A>
        </>
      }
      sub={
        <>
          <BatchMark batch={one} />
          <span>{one.name}</span>
          <A href={at(`/catalog/${codeInUrl(one.code)}`)}>{one.title}</A>
          <span>
            {one.by} · {moment(one.started ?? one.created)}
          </span>
        </>
      }
      acts={
        <>
          {may.has('verify') && <Verify of={one} />}
          {may.has('upload-fixed') && <UploadFixed of={one} />}
          {verbs.map(verb => (
            <Button
              key={verb}
              type={verb === solid ? 'primary' : 'default'}
              danger={decisions[verb].danger}
              onClick={() => setAsking(verb)}
            >
              {decisions[verb].label}
            </Button>
          ))}
        </>
      }
    >
      <div className="stack">
        {one.progress && <Progress of={one.progress} />}
        {one.messages.map(message => (
          <div
            key={message.code + message.text}
            className={`ht-note${message.level === 'stop' ? ' red' : message.level === 'warn' ? ' yellow' : ''}`}
          >
            <p>{message.text}</p>
            {message.remedy && (
              <p className="ht-ink2">
                {message.remedy} {message.cite && <Why cite={message.cite} />}
              </p>
            )}
          </div>
        ))}
        {one.difference && (
          <div className="ht-note yellow">
            <p>
              <b>结构变化，来源位置没有移动</b>
            </p>
            {one.difference.missing.length > 0 && <p>少了：{one.difference.missing.join('、')}</p>}
            {one.difference.added.length > 0 && <p>多了：{one.difference.added.join('、')}</p>}
          </div>
        )}
        {one.verification && (
          <p className="ht-note green">
            已校核确认：{one.verification.result}（{one.verification.method}）· {one.verification.person} {moment(one.verification.at)}
          </p>
        )}
        {one.reason && <p className="ht-note">办理说明：{one.reason}</p>}
        {one.mends.map(m => (
          <p className="ht-note" key={m.id}>
            本批更正了批次 <A href={at(`/batches/${m.id}`)}>{m.no}</A> 拒收的 {number(m.rows)} 行。
          </p>
        ))}
        <Balance of={one} />
        <Rejects of={one} />
      </div>
      {asking && <Decide key={asking} of={one} verb={asking} shut={() => setAsking(null)} />}
    </Page>
  )
}

function Progress({ of: progress }: { of: NonNullable<BatchShape['progress']> }) {
  const { percent, rows, estimate, perSecond, secondsLeft } = progress
  return (
    <Sheet>
      <div className="row" style={{ marginBottom: 8 }}>
        <b>{progress.label}</b>
        <span className="ht-num">
          {percent !== null && `${Math.round(percent)}% · `}
          {number(rows)}
          {estimate !== null && ` / 约 ${number(estimate)}`} 行
        </span>
        <span className="ht-ink2 ht-num">
          {number(perSecond)} 行/秒{secondsLeft !== null && ` · 约余 ${secondsLeft} 秒`}
        </span>
      </div>
      <div
        className="bar"
        role="progressbar"
        aria-label="入库进度"
        aria-valuenow={percent === null ? undefined : Math.round(percent)}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <i style={{ width: `${percent ?? 0}%` }} />
      </div>
    </Sheet>
  )
}

/** Every row read is accounted for: the sum is shown, not claimed. */
function Balance({ of: one }: { of: BatchShape }) {
  const figure = (label: string, value: number, note?: ReactNode) => (
    <div>
      <dt>{label}</dt>
      <dd title={number(value)}>
        {amount(value)}
        {note && <span className="ht-hint"> {note}</span>}
      </dd>
    </div>
  )
  const op = (sign: string) => (
    <div className="op" aria-hidden="true">
      <dt />
      <dd style={{ fontSize: 'inherit' }}>{sign}</dd>
    </div>
  )
  return (
    <div>
      <dl className="figures">
        {figure('读入', one.read)}
        {op('＝')}
        {figure('接收', one.accepted, one.changed ? `其中更新 ${number(one.changed)}` : undefined)}
        {op('＋')}
        {figure('未变化', one.unchanged)}
        {op('＋')}
        {figure('拒收', one.rejected)}
        {one.waiting > 0 && op('＋')}
        {one.waiting > 0 && figure('待放行', one.waiting)}
        {one.removed > 0 && figure('移入历史', one.removed, '来源已没有')}
      </dl>
      <p className="row ht-hint" style={{ marginTop: 8 }}>
        {one.balanced ? (
          <Mark hue="green" shape="✓">
            平衡
          </Mark>
        ) : (
          <Mark hue="red" shape="■">
            不平衡
          </Mark>
        )}
        <span>
          拒收率 {(one.rejectShare * 100).toFixed(2)}%（阈值 {(one.threshold * 100).toFixed(1)}%，超过则整批待放行）
        </span>
        <span>来源位置 {one.position || '—'}</span>
        {one.finished && <span>完成于 {moment(one.finished, true)}</span>}
        {one.state === 'done' &&
          (one.late ? (
            <Mark hue="red" shape="■">
              {one.lagText}
            </Mark>
          ) : (
            <span>{one.lagText}</span>
          ))}
      </p>
    </div>
  )
}

function Rejects({ of: one }: { of: BatchShape }) {
  const filters = useFilters({ rule: '', item: '' })
  const { rule, item, after } = filters.value
  const may = useMay(rejects) && one.rejected > 0
  const load = useRead(
    rejects,
    { params: { id: one.id }, query: { ...(rule && { rule }), ...(item && { item }), ...(after && { after }) } },
    { enabled: may },
  )
  const { refetch } = load
  // While a batch runs again its rejects are gone for a moment; what was read then is stale when it ends.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end of the batch is what calls for reading again
  useEffect(() => {
    if (may) void refetch()
  }, [one.finished, one.rejected, may, refetch])
  if (one.rejected === 0) return one.finished ? <p className="ht-note green">没有拒收的行。</p> : null
  if (!may) return null
  const download = (format: 'xlsx' | 'csv') => href(downloadRejects, { params: { id: one.id }, query: { format } })
  return (
    <section>
      <div className="filters">
        <h2 style={{ marginRight: 12 }}>
          拒收 {number(one.rejected)}
          {one.mended > 0 && `，已更正 ${number(one.mended)}`}
        </h2>
        <div>
          <span>规则</span>
          <Select
            aria-label="规则"
            style={{ width: 190 }}
            allowClear
            placeholder="全部"
            value={rule || undefined}
            onChange={value => filters.set({ rule: value ?? '' })}
            options={load.data?.rules.map(one => ({ value: one.rule, label: `${one.label}（${one.count}）` }))}
          />
        </div>
        <div>
          <span>信息项</span>
          <Select
            aria-label="信息项"
            style={{ width: 190 }}
            allowClear
            placeholder="全部"
            value={item || undefined}
            onChange={value => filters.set({ item: value ?? '' })}
            options={load.data?.items.map(one => ({ value: one.item, label: `${one.name}（${one.count}）` }))}
          />
        </div>
        {one.may.includes('download-rejects') && (
          <div className="row push" style={{ marginLeft: 'auto' }}>
            <a className="ht-btn" href={download('xlsx')} download>
              下载拒收清单（Excel，已批注）
            </a>
            <a className="ht-btn" href={download('csv')} download>
              CSV
            </a>
          </div>
        )}
      </div>
      <DataTable
        name="拒收的行"
        rows={load.data?.rows}
        rowKey={(row, index) => `${row.line}-${row.item}-${row.rule}-${index}`}
        error={load.error}
        retry={load.refetch}
        filtered={Boolean(rule || item)}
        clear={filters.clear}
        columns={[
          { title: '行', head: true, right: true, narrow: true, cell: row => <span className="ht-num">{number(row.line)}</span> },
          { title: '信息项', cell: row => row.itemName || '整行' },
          {
            title: '原值',
            cell: row => (row.value === null || row.value === '' ? <span className="ht-ink3">（空）</span> : <code>{row.value}</code>),
          },
          { title: '规则', cell: row => row.ruleLabel },
          { title: '原因', cell: row => row.reason },
          { title: '怎样改', cell: row => row.remedy },
        ]}
        footer={<ListPager of={load.data} filters={filters} />}
      />
    </section>
  )
}

function UploadFixed({ of: one }: { of: BatchShape }) {
  const file = useRef<HTMLInputElement>(null)
  const { message, modal } = App.useApp()
  const send = useAct(upload)
  const start = useAct(startBatch, next => message.success(`已开始批次 ${next.no}`))
  const choose = async (chosen: File) => {
    const body = new FormData()
    body.append('file', chosen)
    const failed = (error: unknown) => {
      const problem = problemOf(error)
      modal.error({ title: problem.detail, content: problem.remedy, okText: '返回' })
    }
    try {
      const inspection = await send.mutateAsync({ params: { id: one.sourceId }, body })
      await start.mutateAsync({ params: { id: one.sourceId }, body: { uploadId: inspection.uploadId ?? undefined } })
    } catch (error) {
      failed(error)
    }
  }
  return (
    <>
      <Button type="primary" loading={send.isPending || start.isPending} onClick={() => file.current?.click()}>
        上传改好的文件
      </Button>
      <input
        ref={file}
        type="file"
        hidden
        aria-label="改好的文件"
        accept=".csv,.tsv,.txt,.xlsx,.json,.ndjson,.jsonl,.xml"
        onChange={event => {
          const chosen = event.target.files?.[0]
          event.target.value = ''
          if (chosen) void choose(chosen)
        }}
      />
    </>
  )
}

function Decide({ of: one, verb, shut }: { of: BatchShape; verb: Decision; shut: () => void }) {
  const { endpoint, label, effect, required, danger } = decisions[verb]
  const form = useForm({ reason: '' })
  const { message } = App.useApp()
  const send = useAct(endpoint, () => {
    message.success(`${label}：已办理`)
    shut()
  })
  const submit = () => form.complete() && send.mutate({ params: { id: one.id }, body: form.value }, { onError: form.refused })
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title={`${label}批次`}
      footer={
        <div className="row">
          <Button type={danger ? 'default' : 'primary'} danger={danger} loading={send.isPending} onClick={submit}>
            {label}
          </Button>
          <Button onClick={shut}>先不办</Button>
        </div>
      }
    >
      <div className="form">
        <p className="ht-note">{effect}</p>
        {form.problem !== null && form.faults.length === 0 ? <ProblemNote error={form.problem} /> : <Summary form={form} />}
        <Field form={form} at="/reason" label="理由" required={required}>
          {({ labelledby: _, onChange, ...control }) => (
            <Input.TextArea {...control} autoSize={{ minRows: 3 }} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
      </div>
    </Drawer>
  )
}

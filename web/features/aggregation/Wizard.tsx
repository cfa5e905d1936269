import { useQueryClient } from '@tanstack/react-query'
import { useNavigate, useRouter } from '@tanstack/react-router'
import { App, Button, Input, InputNumber, Radio, Select } from 'antd'
import { useEffect, useRef, useState } from 'react'
import type { z } from 'zod'
import { agentMakesSource } from '../../../contract/agents.ts'
import {
  createSource,
  delimiters,
  encodings,
  type Inspection as InspectionSchema,
  inspect,
  inspectTable,
  pullNow,
  type ReadOptions,
  type Source,
  sample,
  saveMapping,
  setConnection,
  setFollow,
  source as sourceById,
  startBatch,
  upload,
} from '../../../contract/aggregation.ts'
import { entryByCode, searchEntries } from '../../../contract/catalog.ts'
import { type SourceKind, sourceKinds } from '../../../contract/connections.ts'
import { systems } from '../../../contract/organization.ts'
import { A, at } from '../../app/link.tsx'
import { reading, useAct, useRead } from '../../app/query.ts'
import type { AnyForm } from '../../app/SideForm.tsx'
import { useFilters } from '../../app/search.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Drop } from '../../ui/Drop.tsx'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { bytes, codeInUrl, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet, Steps } from '../../ui/Page.tsx'
import { Bones, Loaded, ProblemNote } from '../../ui/states.tsx'
import { AgentFacts, AgentField, AtTheAgent, chosenOf } from './AgentSteps.tsx'
import { ConnectionFields, isFetched, isTable, startOf } from './connection.tsx'
import { FollowFields } from './Follow.tsx'

type Inspection = z.infer<typeof InspectionSchema>
const stepNames = { source: '选择来源', preview: '预览', map: '对应信息项', follow: '定时或实时', check: '检查', run: '首批' } as const
type Step = keyof typeof stepNames

/** 挂接数据. Where it stands is in the address, so a reload or a colleague opens the same step. */
export function NewSource() {
  const filters = useFilters({
    entry: '',
    source: '',
    upload: '',
    step: '',
    encoding: '',
    delimiter: '',
    sheet: '',
    headerRow: '',
    headerRows: '',
  })
  const { entry, source, step, upload: uploadId } = filters.value
  const { history } = useRouter()
  const go = (next: Partial<Record<'entry' | 'source' | 'upload' | 'step', string>>) => history.push(filters.address(next))
  const one = useRead(sourceById, { params: { id: source } }, { enabled: Boolean(source) }).data
  const now: Step = !source ? 'source' : step in stepNames ? (step as Step) : uploadId ? 'preview' : 'source'
  // An agent shows its columns only, so that there is nothing to look at before.
  const keys = (Object.keys(stepNames) as Step[]).filter(key => !(source && one?.agent && key === 'preview'))
  return (
    <Page title="挂接数据" crumb={<A href={at('/sources')}>数据源</A>}>
      <div className="stack">
        <Steps
          label="挂接步骤"
          of={keys.map((key, index) => ({
            name: stepNames[key],
            state: key === now ? 'now' : index < keys.indexOf(now) ? 'done' : 'later',
          }))}
        />
        {!source && !entry && <ChooseEntry onChoose={code => go({ entry: code })} />}
        {!source && entry && (
          <ChooseSource
            code={entry}
            onDone={({ id, kind, agent }) => go({ source: id, step: !isTable(kind) ? '' : agent ? 'map' : 'preview' })}
          />
        )}
        {source && <WithSource id={source} filters={filters} now={now} go={go} />}
      </div>
    </Page>
  )
}

function ChooseEntry({ onChoose }: { onChoose: (code: string) => void }) {
  const load = useRead(searchEntries, { query: { scope: 'mine', state: 'published', limit: 200 } })
  return (
    <Sheet title="挂接到哪个目录">
      <Loaded load={load}>
        {data =>
          data.rows.length ? (
            <Select
              aria-label="目录"
              showSearch={{ optionFilterProp: 'label' }}
              style={{ width: '100%', maxWidth: 560 }}
              placeholder="选择本部门已发布的目录"
              onChange={onChoose}
              options={data.rows.map(row => ({ value: codeInUrl(row.code), label: `${row.title} ${row.code}` }))}
            />
          ) : (
            <p>
              本部门还没有已发布的目录。<A href={at('/catalog')}>先去登记目录</A>
            </p>
          )
        }
      </Loaded>
    </Sheet>
  )
}

/** A source of any kind that an agent reads; which kind, the agent has said. */
type Way = SourceKind | 'agent'
const ways: Record<Way, string> = { ...sourceKinds, agent: '前置机' }
const helps: Record<Way, string> = {
  file: '在这里上传 CSV、TSV、XLSX、JSON、XML',
  folder: '平台服务器上的目录，放进去的文件自动入库',
  sftp: '定时去取对方服务器上的文件',
  postgres: '整表、增量或实时',
  mysql: '整表、增量或实时',
  http: '定时调用业务系统的接口',
  push: '业务系统调用平台的接口送来',
  agent: '数据库不能对外开放时：部门自己机器上的程序读取后送来',
}

function ChooseSource({ code, onDone }: { code: string; onDone: (made: Pick<Source, 'id' | 'kind' | 'agent'>) => void }) {
  const entry = useRead(entryByCode, { params: { code }, query: {} })
  const form = useForm({ kind: 'file' as Way, name: '', systemId: '', connection: undefined as any, offered: '' })
  const create = useAct(createSource, onDone)
  const client = useQueryClient()
  const mount = useAct(agentMakesSource, async made => onDone(await client.fetchQuery(reading(sourceById, { params: { id: made.id } }))))
  const { kind } = form.value
  const rest = (nameHint: string) => (
    <>
      <Field form={form} at="/name" label="名称" hint={nameHint}>
        {({ labelledby: _, onChange, ...control }) => <Input {...control} onChange={event => onChange(event.target.value)} />}
      </Field>
      {kind !== 'file' && kind !== 'folder' && <SystemField form={form} />}
      {form.value.connection && <ConnectionFields key={kind} form={form} at="/connection" />}
      <Button type="primary" htmlType="submit" loading={create.isPending || mount.isPending}>
        下一步
      </Button>
    </>
  )
  return (
    <Loaded load={entry}>
      {one => (
        <Sheet title={one.content.title} note={one.code}>
          <form
            className="form"
            noValidate
            onSubmit={event => {
              event.preventDefault()
              if (!form.complete()) return
              const { name, connection, systemId, offered } = form.value
              const { agentId, source } = chosenOf(offered)
              if (kind === 'agent')
                return mount.mutate(
                  { params: { id: agentId }, body: { entryId: one.id, source, name, threshold: 0.01, ...(systemId && { systemId }) } },
                  { onError: form.refused },
                )
              create.mutate(
                {
                  body: { entryId: one.id, kind, name, threshold: 0.01, ...(connection && { connection }), ...(systemId && { systemId }) },
                },
                { onError: form.refused },
              )
            }}
          >
            <Summary form={form} />
            <Field form={form} at="/kind" label="来源" required group>
              {({ id, labelledby, value, onChange }) => (
                <Radio.Group
                  id={id}
                  name={id}
                  vertical
                  aria-labelledby={labelledby}
                  value={value}
                  onChange={event => {
                    onChange(event.target.value)
                    form.set('/connection', startOf(event.target.value))
                  }}
                  options={(Object.keys(ways) as Way[]).map(key => ({
                    value: key,
                    label: (
                      <>
                        {ways[key]} <span className="ht-ink2">{helps[key]}</span>
                      </>
                    ),
                  }))}
                />
              )}
            </Field>
            {kind === 'agent' ? <AgentField form={form}>{rest('不填则用前置机和来源的名称')}</AgentField> : rest('不填则用目录名称')}
          </form>
        </Sheet>
      )}
    </Loaded>
  )
}

/** The registered system the data come from; the server says where it must be named. */
function SystemField({ form }: { form: ReturnType<typeof useForm<any>> }) {
  const load = useRead(systems)
  return (
    <Field
      form={form}
      at="/systemId"
      label="所属信息系统"
      hint={
        load.data?.length === 0 ? (
          <>
            本部门还没有登记信息系统。<A href={at('/organization', { tab: 'systems' })}>去登记</A>
          </>
        ) : (
          '数据从哪个已登记的系统来'
        )
      }
    >
      {({ labelledby, value, ...control }) => (
        <Select
          {...control}
          aria-labelledby={labelledby}
          allowClear
          placeholder="选择信息系统"
          value={value || undefined}
          options={load.data?.map(one => ({ value: one.id, label: one.name }))}
        />
      )}
    </Field>
  )
}

type Filters = ReturnType<typeof useFilters<any>>
type Go = (next: Partial<Record<'entry' | 'source' | 'upload' | 'step', string>>) => void

function WithSource({ id, filters, now, go }: { id: string; filters: Filters; now: Step; go: Go }) {
  const load = useRead(sourceById, { params: { id } })
  const { upload: uploadId, encoding, delimiter, sheet, headerRow, headerRows } = filters.value as Record<string, string>
  const options = {
    ...(encoding && { encoding }),
    ...(delimiter && { delimiter }),
    ...(sheet && { sheet }),
    ...(headerRow && { headerRow: Number(headerRow) }),
    ...(headerRows && { headerRows: Number(headerRows) }),
  } as ReadOptions
  const table = load.data ? isTable(load.data.kind) : false
  const ofFile = useRead(inspect, { params: { id: uploadId ?? '' }, query: options }, { enabled: Boolean(uploadId) && !table })
  const ofTable = useRead(inspectTable, { params: { id } }, { enabled: table && now !== 'source' && now !== 'run' })
  const inspection = table ? ofTable : ofFile
  return (
    <Loaded load={load}>
      {one => (
        <>
          <p className="row">
            <b>{one.title}</b>
            <Mark>{one.kindLabel}</Mark>
            {one.agent && <Mark>前置机 {one.agent.name}</Mark>}
            {inspection.data && <span className="ht-ink2">{inspection.data.name}</span>}
          </p>
          {now === 'source' &&
            (one.agent ? (
              <FromAgent one={one} go={go} />
            ) : table ? (
              <Reconnect one={one} onDone={() => go({ step: 'preview' })} />
            ) : isFetched(one.kind) ? (
              <Sample one={one} onDone={made => go({ upload: made, step: 'preview' })} />
            ) : one.kind === 'push' ? (
              <p className="ht-note">
                这个数据源由业务系统推送。<A href={at(`/sources/${id}`)}>去数据源页面发放凭据，看调用示例</A>
              </p>
            ) : (
              <Upload id={id} onDone={made => go({ upload: made, step: 'preview' })} />
            ))}
          {now === 'run' && <AtTheAgent id={id} />}
          {/* Files at an agent whose columns are named as the items need no sample. */}
          {now !== 'source' && now !== 'run' && one.agent && !table && !uploadId && (
            <>
              {now === 'follow' && <FollowStep one={one} columns={[]} back={() => go({ step: '' })} onDone={() => go({ step: 'check' })} />}
              {now === 'check' && <AskAgent one={one} go={go} />}
            </>
          )}
          {now !== 'source' && now !== 'run' && !(one.agent && !table && !uploadId) && (
            <>
              {inspection.error ? <ProblemNote error={inspection.error} retry={inspection.refetch} /> : null}
              {inspection.isFetching && !inspection.data && <Bones lines={10} label="正在读取来源" />}
              {inspection.data && now === 'preview' && (
                <Preview of={inspection.data} filters={filters} go={go} busy={inspection.isFetching} table={table} />
              )}
              {inspection.data && now !== 'preview' && (
                <MapAndRun
                  key={inspection.dataUpdatedAt ? 'ready' : 'wait'}
                  one={one}
                  of={inspection.data}
                  options={options}
                  uploadId={uploadId}
                  now={now}
                  go={go}
                />
              )}
            </>
          )}
        </>
      )}
    </Loaded>
  )
}

/** Where the agent reads. Of files nobody here sees the columns before the first has come. */
function FromAgent({ one, go }: { one: Source; go: Go }) {
  if (isTable(one.kind))
    return (
      <Sheet title="前置机">
        <AgentFacts of={one.agent!} />
        <div className="row" style={{ marginTop: 16 }}>
          <Button type="primary" onClick={() => go({ step: 'map' })}>
            下一步：对应信息项
          </Button>
        </div>
      </Sheet>
    )
  return (
    <div className="stack">
      <Sheet title="前置机">
        <div className="stack">
          <AgentFacts of={one.agent!} />
          <p className="ht-note">
            文件在前置机上，平台在它送来之前看不到。列名与信息项名称一致的，不用样本，直接往下；不一致的，先上传一个同样格式的样本来对应，样本不入库。
          </p>
          <div className="row">
            <Button type={one.ready ? 'default' : 'primary'} onClick={() => go({ step: 'follow' })}>
              {one.ready ? '对应关系不变，下一步：定时' : '列名一致，下一步：定时'}
            </Button>
          </div>
        </div>
      </Sheet>
      <Upload id={one.id} title="样本文件" onDone={made => go({ upload: made, step: 'map' })} />
    </div>
  )
}

function AskAgent({ one, go }: { one: Source; go: Go }) {
  const pull = useAct(pullNow, () => go({ step: 'run' }))
  return (
    <>
      <Sheet title="检查">
        <ul className="stack-small">
          <li>
            {one.ready
              ? `✓ 已对应 ${one.mapping.filter(line => line.item).length} 列`
              : '✓ 按列名与信息项名称对应；有对不上的列，送来时不入库，并在数据源页面说明'}
          </li>
          <li>✓ 拒收超过 {(one.threshold * 100).toFixed(1)}% 时整批停下，等人放行</li>
        </ul>
      </Sheet>
      <div className="row">
        <Button onClick={() => go({ step: 'follow' })}>上一步</Button>
        <Button type="primary" loading={pull.isPending} onClick={() => pull.mutate({ params: { id: one.id } })}>
          请前置机读取首批
        </Button>
      </div>
      {pull.error && <ProblemNote error={pull.error} />}
    </>
  )
}

function Reconnect({
  one,
  onDone,
  verb = '下一步：预览',
  busy = false,
}: {
  one: Source
  onDone: () => void
  verb?: string
  busy?: boolean
}) {
  const form = useForm({ ...one.connection!, password: '', privateKey: '' })
  const send = useAct(setConnection, onDone)
  return (
    <Sheet title="连接">
      <form
        className="form"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          if (form.complete()) send.mutate({ params: { id: one.id }, body: form.value }, { onError: form.refused })
        }}
      >
        <Summary form={form} />
        <ConnectionFields form={form} at="" sourceId={one.id} />
        <Button type="primary" htmlType="submit" loading={send.isPending || busy}>
          {verb}
        </Button>
      </form>
    </Sheet>
  )
}

/** Files that the platform fetches: one of them is looked at first. */
function Sample({ one, onDone }: { one: Source; onDone: (uploadId: string) => void }) {
  const fetched = useAct(sample, inspection => onDone(inspection.uploadId!))
  return (
    <>
      <Reconnect one={one} verb="取一个文件来看" busy={fetched.isPending} onDone={() => fetched.mutate({ params: { id: one.id } })} />
      {fetched.error && <ProblemNote error={fetched.error} />}
    </>
  )
}

function Upload({ id, title = '上传文件', onDone }: { id: string; title?: string; onDone: (uploadId: string) => void }) {
  const file = useRef<HTMLInputElement>(null)
  const [name, setName] = useState('')
  const send = useAct(upload, inspection => onDone(inspection.uploadId!))
  const take = (chosen: File | undefined) => {
    if (!chosen) return
    setName(`${chosen.name}（${bytes(chosen.size)}）`)
    const body = new FormData()
    body.append('file', chosen)
    send.mutate({ params: { id }, body })
  }
  return (
    <Sheet title={title}>
      <Drop onFiles={files => take(files[0])}>
        <p>
          <Button type="primary" loading={send.isPending} onClick={() => file.current?.click()}>
            {send.isPending ? '正在上传…' : '选择文件'}
          </Button>
        </p>
        <p className="ht-ink2">
          {send.isPending ? name : '也可以把文件拖到这里：CSV、TSV、XLSX、JSON、NDJSON、XML。编码（UTF-8、GBK、GB18030）按内容判断。'}
        </p>
        <input
          ref={file}
          type="file"
          hidden
          aria-label="数据文件"
          accept=".csv,.tsv,.txt,.xlsx,.json,.ndjson,.jsonl,.xml"
          onChange={event => {
            take(event.target.files?.[0])
            event.target.value = ''
          }}
        />
      </Drop>
      {send.error && (
        <div style={{ marginTop: 12 }}>
          <ProblemNote error={send.error} />
        </div>
      )}
    </Sheet>
  )
}

function Messages({ of }: { of: Inspection['messages'] }) {
  return of.map(message => (
    <div
      key={message.code + message.text}
      className={`ht-note${message.level === 'stop' ? ' red' : message.level === 'warn' ? ' yellow' : ''}`}
    >
      <p>{message.text}</p>
      {message.remedy && <p className="ht-ink2">{message.remedy}</p>}
    </div>
  ))
}

function Preview({ of: one, filters, go, busy, table }: { of: Inspection; filters: Filters; go: Go; busy: boolean; table: boolean }) {
  const choice = (label: string, key: string, value: string | undefined, options: { value: string; label: string }[], width = 160) => (
    <label>
      <span>{label}</span>
      <Select aria-label={label} style={{ width }} value={value} options={options} onChange={next => filters.set({ [key]: next })} />
    </label>
  )
  const stopped = one.columns.length === 0
  return (
    <>
      {one.kind !== 'table' && (
        <div className="filters">
          {one.sheets.length > 0 &&
            choice(
              '工作表',
              'sheet',
              one.sheet ?? undefined,
              one.sheets.map(sheet => ({ value: sheet.name, label: sheet.note ? `${sheet.name}（${sheet.note}）` : sheet.name })),
              220,
            )}
          {one.encoding &&
            choice(
              '编码',
              'encoding',
              one.encoding ?? undefined,
              Object.entries(encodings).map(([value, label]) => ({ value, label })),
              190,
            )}
          {one.kind === 'csv' &&
            choice(
              '分隔符',
              'delimiter',
              one.delimiter ?? undefined,
              Object.entries(delimiters).map(([value, label]) => ({ value, label })),
              110,
            )}
          {one.headerRow > 0 &&
            choice(
              '表头从第几行',
              'headerRow',
              String(one.headerRow),
              Array.from({ length: 10 }, (_, i) => ({ value: String(i + 1), label: `第 ${i + 1} 行` })),
              120,
            )}
          {one.headerRow > 0 &&
            choice(
              '表头占几行',
              'headerRows',
              String(one.headerRows),
              ['1', '2', '3'].map(value => ({ value, label: `${value} 行` })),
              110,
            )}
          <span className="ht-ink2 ht-num">
            {one.rows !== null && `约 ${number(one.rows)} 行`} {one.bytes !== null && bytes(one.bytes)} {busy && '正在重读…'}
          </span>
        </div>
      )}
      <Messages of={one.messages} />
      <DataTable
        name="预览"
        scroll
        rows={one.preview}
        rowKey={(_, index) => index}
        columns={[
          { title: '行', head: true, right: true, narrow: true, cell: (_, index) => index + 1 },
          ...one.columns.map((column, index) => ({
            title: column.name || `第 ${index + 1} 列`,
            keep: true,
            cell: (row: string[]) => row[index] ?? '',
          })),
        ]}
      />
      <div className="row">
        <Button onClick={() => go({ step: table ? 'source' : '', upload: '' })}>{table ? '上一步' : '换一个文件'}</Button>
        <Button type="primary" disabled={stopped} onClick={() => go({ step: 'map' })}>
          下一步：对应信息项
        </Button>
      </div>
    </>
  )
}

const levelMark = {
  ok: (
    <Mark hue="green" shape="✓">
      可以
    </Mark>
  ),
  warn: (
    <Mark hue="yellow" shape="▲">
      注意
    </Mark>
  ),
  stop: (
    <Mark hue="red" shape="■">
      不行
    </Mark>
  ),
}

/** Mapping, checks and the first batch share what was chosen, so they are one component with three faces. */
function MapAndRun({
  one,
  of,
  options,
  uploadId,
  now,
  go,
}: {
  one: Source
  of: Inspection
  options: ReadOptions
  uploadId?: string
  now: Step
  go: Go
}) {
  const [mapping, setMapping] = useState<Record<string, string | null>>(() =>
    Object.fromEntries(of.mapping.map(line => [line.source, line.item])),
  )
  const [keys, setKeys] = useState<string[]>(one.keys.length ? one.keys : of.keys)
  const [threshold, setThreshold] = useState(one.threshold)
  const navigate = useNavigate()
  const { message } = App.useApp()
  // Another sheet or header gives other columns: begin again from its proposal.
  const shape = of.mapping.map(line => line.source).join('\u0001')
  const known = useRef(shape)
  useEffect(() => {
    if (known.current === shape) return
    known.current = shape
    setMapping(Object.fromEntries(of.mapping.map(line => [line.source, line.item])))
    setKeys(of.keys)
  }, [shape, of])

  const save = useAct(saveMapping)
  // Without an item that says when a row was produced, the time of the delivery can be given by hand; not given is not measured.
  const [produced, setProduced] = useState('')
  const start = useAct(startBatch, made => {
    message.success(`已开始批次 ${made.no}`)
    void navigate({ to: `/batches/${made.id}` as string })
  })
  const pull = useAct(pullNow, answer => {
    if (one.agent) return go({ step: 'run' })
    message.success(answer.text)
    void navigate({ to: (answer.batches.length === 1 ? `/batches/${answer.batches[0]}` : `/sources/${one.id}`) as string })
  })
  const used = new Set(Object.values(mapping).filter(Boolean))
  const missing = one.items.filter(item => item.required && !used.has(item.key))
  const lacking = [...missing.map(item => `没有源列对应必填项「${item.name}」`), ...(keys.length ? [] : ['没有选择主键'])]
  const nameOf = (key: string) => one.items.find(item => item.key === key)?.name ?? key
  const list = of.mapping.map(line => ({ source: line.source, item: mapping[line.source] ?? null }))

  if (now === 'map')
    return (
      <>
        <DataTable
          name="源列"
          rows={of.mapping}
          rowKey={line => line.source}
          columns={[
            { title: '源列', head: true, cell: line => line.source },
            {
              title: '信息项',
              cell: line => (
                <Select
                  aria-label={`${line.source} 对应`}
                  style={{ width: '100%', minWidth: 170 }}
                  showSearch={{ optionFilterProp: 'label' }}
                  value={mapping[line.source] ?? ''}
                  onChange={item => setMapping({ ...mapping, [line.source]: item || null })}
                  options={[
                    { value: '', label: '不导入' },
                    ...one.items.map(item => ({
                      value: item.key,
                      label: `${item.name}${item.required ? '（必填）' : ''}`,
                      disabled: used.has(item.key) && mapping[line.source] !== item.key,
                    })),
                  ]}
                />
              ),
            },
            { title: '判断', cell: line => (mapping[line.source] === line.item ? line.judgement || '—' : '人工选定') },
            { title: '样例', cell: line => (line.sample ? <code>{line.sample}</code> : '—') },
            {
              title: '问题',
              cell: line =>
                line.problem ? (
                  <>
                    {levelMark[line.level]} {line.problem}
                  </>
                ) : (
                  '✓'
                ),
            },
          ]}
        />
        <div className="filters">
          <div style={{ flex: 1, maxWidth: 420 }}>
            <span id="keys-label">主键（用来认出同一行）</span>
            <Select
              mode="multiple"
              aria-label="主键"
              style={{ width: '100%' }}
              value={keys}
              onChange={setKeys}
              options={one.items.filter(item => used.has(item.key)).map(item => ({ value: item.key, label: item.name }))}
            />
          </div>
          <div>
            <span>拒收超过百分之几整批待放行</span>
            <InputNumber
              aria-label="拒收阈值（百分比）"
              controls={false}
              min={0}
              max={100}
              value={threshold * 100}
              onChange={value => setThreshold((value ?? 1) / 100)}
            />
          </div>
        </div>
        {lacking.length > 0 && (
          <ul className="ht-note yellow">
            {lacking.map(words => (
              <li key={words}>{words}</li>
            ))}
          </ul>
        )}
        <div className="row">
          <Button onClick={() => go({ step: one.agent ? 'source' : 'preview' })}>上一步</Button>
          <Button
            type="primary"
            disabled={lacking.length > 0}
            loading={save.isPending}
            onClick={() =>
              save.mutate(
                { params: { id: one.id }, body: { mapping: list, keys, threshold, options } },
                { onSuccess: () => go({ step: isTable(one.kind) || isFetched(one.kind) ? 'follow' : 'check' }) },
              )
            }
          >
            {isTable(one.kind) || isFetched(one.kind) ? '下一步：定时或实时' : '下一步：检查'}
          </Button>
          {lacking.length > 0 && <span className="ht-ink2">还缺 {lacking.length} 处，不能继续</span>}
        </div>
        {save.error && <ProblemNote error={save.error} />}
      </>
    )

  if (now === 'follow')
    return (
      <FollowStep
        one={one}
        columns={of.mapping.map(line => line.source)}
        back={() => go({ step: 'map' })}
        onDone={() => go({ step: 'check' })}
      />
    )

  const fetched = isFetched(one.kind) || one.agent !== null
  const live = one.follow.mode === 'capture'
  const stopping = of.messages.filter(one => one.level === 'stop')
  return (
    <>
      <Messages of={of.messages} />
      <Sheet title="检查">
        <ul className="stack-small">
          <li>
            ✓ {list.filter(line => line.item).length} 列对应到信息项，{list.filter(line => !line.item).length} 列不导入
          </li>
          <li>✓ 主键：{keys.map(nameOf).join('、')}</li>
          <li>✓ 拒收超过 {(threshold * 100).toFixed(1)}% 时整批停下，等人放行</li>
          {of.mapping
            .filter(line => mapping[line.source] && line.problem)
            .map(line => (
              <li key={line.source}>
                {levelMark[line.level]} {line.source}：{line.problem}
              </li>
            ))}
        </ul>
        {!one.promise.producedItem && !fetched && !live && (
          <div className="filters" style={{ marginTop: 12 }}>
            <label>
              <span>这批数据何时产生（选填，用来计算到达是否及时）</span>
              <Input type="datetime-local" style={{ width: 240 }} value={produced} onChange={event => setProduced(event.target.value)} />
            </label>
          </div>
        )}
      </Sheet>
      <div className="row">
        <Button onClick={() => go({ step: isTable(one.kind) || fetched ? 'follow' : 'map' })}>上一步</Button>
        {live ? (
          <A className="ht-btn solid" href={at(`/sources/${one.id}`)}>
            完成：开始实时捕获
          </A>
        ) : (
          <Button
            type="primary"
            disabled={stopping.length > 0}
            loading={start.isPending || pull.isPending}
            onClick={() =>
              fetched
                ? pull.mutate({ params: { id: one.id } })
                : start.mutate({
                    params: { id: one.id },
                    body: { ...(uploadId && { uploadId }), options, ...(produced && { producedAt: `${produced}:00+08:00` }) },
                  })
            }
          >
            {start.isPending || pull.isPending ? '正在提交…' : one.agent ? '请前置机读取首批' : '读取首批'}
          </Button>
        )}
      </div>
      {live && <p className="ht-hint">先读一遍现有的行，再跟上以后的每次变更；进度在数据源页面。</p>}
      {(start.error ?? pull.error) && <ProblemNote error={start.error ?? pull.error} />}
    </>
  )
}

function FollowStep({ one, columns, back, onDone }: { one: Source; columns: string[]; back: () => void; onDone: () => void }) {
  const form = useForm(one.follow)
  const send = useAct(setFollow, onDone)
  return (
    <Sheet title="定时或实时">
      <form
        className="form"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          if (form.complete()) send.mutate({ params: { id: one.id }, body: form.value }, { onError: form.refused })
        }}
      >
        <Summary form={form} />
        <FollowFields form={form as unknown as AnyForm} source={one} columns={columns} />
        <div className="row">
          <Button onClick={back}>上一步</Button>
          <Button type="primary" htmlType="submit" loading={send.isPending}>
            下一步：检查
          </Button>
        </div>
      </form>
    </Sheet>
  )
}

import { useParams } from '@tanstack/react-router'
import { App, Button, Drawer, Grid, Input, Modal, Select } from 'antd'
import { type ReactNode, useEffect, useState } from 'react'
import {
  alerts,
  calls,
  type Grant,
  grant,
  grants,
  guide,
  orderPackage,
  packageFormats,
  packageLink,
  packages,
  rotate,
  setIps,
  tryCall,
  usage,
} from '../../../contract/delivery.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { fields } from '../../../contract/procedure.ts'
import { agreeWay, resume, stop, suspend } from '../../../contract/sharing.ts'
import { problemOf } from '../../app/api.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { codeInUrl, moment, number } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Loaded, Nothing, ProblemNote } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'
import { DisposalOf } from './Disposal.tsx'
import { HandOver, Narrow } from './Running.tsx'
import { TableOf } from './Tables.tsx'

const stateHue: Record<Grant['state'], Hue> = { active: 'green', suspended: 'red', revoked: 'grey', expired: 'grey' }
const stateShape: Record<Grant['state'], string> = { active: '●', suspended: '‖', revoked: '■', expired: '✓' }
/** Until when, and how long that is; what was revoked has no days left. */
const termOf = ({ state, until, daysLeft }: Pick<Grant, 'state' | 'until' | 'daysLeft'>) =>
  until ? `${state === 'revoked' ? '原定至' : '至'} ${until}${daysLeft === null ? '' : `（余 ${daysLeft} 天）`}` : '长期'
const GrantMark = ({ state, stateLabel }: Pick<Grant, 'state' | 'stateLabel'>) => (
  <Mark hue={stateHue[state]} shape={stateShape[state]}>
    {stateLabel}
  </Mark>
)

export function Grants() {
  const filters = useFilters({ side: 'all', state: '', q: '' })
  const { side, state, q, after } = filters.value
  const load = useRead(grants, {
    query: { side: side as 'all', ...(state && { state: state as 'active' }), ...(q && { q }), ...(after && { after }) },
  })
  const columns: Column<Reply<typeof grants>['rows'][number]>[] = [
    {
      title: '授权',
      head: true,
      cell: row => (
        <>
          <A href={at(`/grants/${row.id}`)}>{row.title}</A>
          <div className="ht-meta ht-num">{row.no}</div>
        </>
      ),
    },
    { title: '提供部门', cell: row => row.provider },
    {
      title: '使用部门与系统',
      cell: row => (
        <>
          {row.grantee}
          <div className="ht-meta">{row.system}</div>
        </>
      ),
    },
    { title: '状态', narrow: true, cell: row => <GrantMark {...row} /> },
    { title: '信息项', right: true, narrow: true, cell: row => row.items },
    { title: '今日调用', right: true, narrow: true, cell: row => number(row.callsToday) },
    { title: '最近调用', keep: true, narrow: true, cell: row => moment(row.lastCall) },
    {
      title: '期限',
      keep: true,
      narrow: true,
      cell: termOf,
    },
  ]
  return (
    <Page
      title="授权"
      acts={
        <>
          <A href={at('/use-records')}>使用记录</A>
          <A href={at('/table-pushes')}>库表推送</A>
          <A href={at('/watermarks')}>水印溯源</A>
        </>
      }
    >
      <nav className="tabs" aria-label="范围">
        {(
          [
            ['all', '全部'],
            ['received', '本部门取得的'],
            ['given', '本部门给出的'],
          ] as const
        ).map(([key, label]) => (
          <A key={key} href={filters.address({ side: key })} aria-current={side === key ? 'page' : undefined}>
            {label}
          </A>
        ))}
      </nav>
      <div className="filters">
        <label className="grow">
          <span>查找</span>
          <SearchBox value={q} onSearch={text => filters.set({ q: text })} placeholder="编号、目录、部门、系统" />
        </label>
        <label>
          <span>状态</span>
          <Select
            aria-label="状态"
            style={{ width: 140 }}
            allowClear
            placeholder="全部"
            value={state || undefined}
            onChange={value => filters.set({ state: value ?? '' })}
            options={[
              { value: 'active', label: '生效中' },
              { value: 'suspended', label: '已暂停' },
              { value: 'revoked', label: '已终止' },
              { value: 'expired', label: '已到期' },
            ]}
          />
        </label>
      </div>
      <DataTable
        name="授权"
        columns={columns}
        rows={load.data?.rows}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        filtered={Boolean(q || state)}
        clear={() => filters.set({ q: '', state: '' })}
        empty={<Nothing action={<A href={at('/sharing')}>查找数据</A>}>还没有授权。申请被同意后，系统立即生成授权。</Nothing>}
        footer={<ListPager of={load.data} filters={filters} />}
      />
    </Page>
  )
}

export function GrantPage() {
  const { id } = useParams({ strict: false }) as { id: string }
  const load = useRead(grant, { params: { id } })
  return <Loaded load={load}>{one => <GrantView of={one} />}</Loaded>
}

type Secret = Reply<typeof rotate>

function GrantView({ of: one }: { of: Grant }) {
  const may = new Set(one.may)
  const [asking, setAsking] = useState<'suspend' | 'resume' | 'stop' | 'ips' | 'way' | 'officer' | 'narrow' | null>(null)
  const [secret, setSecret] = useState<Secret | null>(null)
  const { message, modal } = App.useApp()
  const renew = useAct(rotate, setSecret)
  const make = () => {
    const go = () => renew.mutate({ params: { id: one.id } }, { onError: error => message.error(problemOf(error).detail) })
    if (!one.clientId) return go()
    modal.confirm({
      title: '轮换密钥',
      content: '旧密钥立即失效，正在使用它的系统会被拒绝。',
      okText: '轮换密钥',
      okButtonProps: { danger: true },
      cancelText: '保留旧密钥',
      onOk: go,
    })
  }
  return (
    <Page
      title={`${one.title} → ${one.system}`}
      name={`${one.no} · 授权`}
      crumb={<A href={at('/grants')}>授权</A>}
      sub={
        <>
          <span className="ht-code">{one.no}</span>
          <GrantMark {...one} />
          <span>{termOf(one)}</span>
          {one.caseNo && <A href={at(`/cases/${one.caseNo}`)}>办件 {one.caseNo}</A>}
        </>
      }
      acts={
        <>
          {may.has('rotate') && (
            <Button type={one.clientId ? 'default' : 'primary'} loading={renew.isPending} onClick={make}>
              {one.clientId ? '轮换密钥' : '取得凭证'}
            </Button>
          )}
          {may.has('resume') && (
            <Button type="primary" onClick={() => setAsking('resume')}>
              恢复授权
            </Button>
          )}
          {may.has('renew') && (
            <A className="ht-btn" href={at('/sharing/apply', { entry: codeInUrl(one.code), renews: one.id })}>
              申请续期
            </A>
          )}
          {may.has('narrow') && <Button onClick={() => setAsking('narrow')}>收窄授权</Button>}
          {may.has('suspend') && (
            <Button danger onClick={() => setAsking('suspend')}>
              暂停授权
            </Button>
          )}
          {may.has('stop') && (
            <Button danger onClick={() => setAsking('stop')}>
              终止授权
            </Button>
          )}
          {may.has('settle') && (
            <Button type="primary" onClick={() => setAsking('way')}>
              登记提供方式
            </Button>
          )}
        </>
      }
    >
      <div className="stack">
        {one.state !== 'active' && (
          <div className="ht-note red">
            <p>
              <b>
                授权 {one.no} {one.stateLabel}
              </b>
              {one.stateCite && (
                <>
                  （{citeWords(one.stateCite)}
                  <Why cite={one.stateCite} />）
                </>
              )}
            </p>
            {one.stateReason && <p>原因：{one.stateReason}</p>}
          </div>
        )}
        {one.awaits.map(a => (
          <div key={a.key} className="ht-note yellow">
            <p>
              <b>还没有{a.what}，暂不提供数据。</b>（{citeWords(a.cite)}
              <Why cite={a.cite} />
              {a.platform && '；先补齐再提供是平台约定'}）
            </p>
            <p>由 {a.who} 办理。</p>
          </div>
        ))}
        <DisposalOf of={one} />
        <div className="columns halves">
          <Sheet title="授权内容">
            <Facts
              of={[
                [
                  '目录',
                  <A key="e" href={at(`/catalog/${codeInUrl(one.code)}`)}>
                    {one.title}
                  </A>,
                ],
                ['提供部门', one.provider],
                ['使用部门', one.grantee],
                ['信息系统', one.system],
                [
                  '经办人',
                  <span key="o">
                    {one.officer || '未登记'}
                    {one.formerOfficers.length > 0 && `（以前：${one.formerOfficers.map(f => `${f.name} 至 ${f.until}`).join('、')}）`}{' '}
                    {may.has('hand-over') && (
                      <button type="button" className="ht-link" onClick={() => setAsking('officer')}>
                        变更
                      </button>
                    )}
                  </span>,
                ],
                ['用途', one.purpose],
                ['事项', one.matters.join('；') || null],
                ['批准到可以取用', one.approved ? waited(one.approved, one.effective) : null],
                ['履职依据', one.basis || null],
                ['批准', one.approver],
                ['限定的行', one.rows.map(r => `${r.name}为 ${r.values.join('、')}`).join('；') || null],
                ['共享条件', one.conditions || null],
                ['约定的提供方式', one.agreedWay || null],
                [
                  '使用协议',
                  one.agreement ? (
                    <A key="agreement" href={at(`/grants/${one.id}/agreement`)}>
                      {one.awaits.some(a => a.key === 'agreement') ? '查看（等待签订）' : '查看'}
                    </A>
                  ) : null,
                ],
                ['方式', fields.method.options.find(([key]) => key === one.method)?.[1] ?? one.method],
                [
                  '起止',
                  <span key="t">
                    <span className="ht-nowrap">{one.from} 至</span> <span className="ht-nowrap">{one.until ?? '长期'}</span>
                  </span>,
                ],
                ['每日上限', one.quotaPerDay ? `${number(one.quotaPerDay)} 次` : '未设'],
                [
                  '依据',
                  <span key="c">
                    {citeWords(one.cite)}
                    <Why cite={one.cite} />
                  </span>,
                ],
              ]}
            />
          </Sheet>
          <div className="stack">
            <DataTable
              name="范围"
              rows={one.items}
              rowKey={item => item.key}
              columns={[
                { title: `信息项（${one.items.length}）`, head: true, cell: item => item.name },
                {
                  title: '处理方式',
                  cell: item => (
                    <>
                      <Mark hue={item.treatment === 'plain' ? 'grey' : 'blue'}>{item.treatmentLabel}</Mark>
                      {item.treatment === 'aggregate' && <span className="ht-hint"> 只给各组的计数、合计和平均</span>}
                    </>
                  ),
                  narrow: true,
                },
              ]}
            />
            <Alerts id={one.id} />
            {one.method !== 'file' && (
              <Sheet title="凭证">
                <Facts
                  of={[
                    ['client_id', one.clientId ? <code key="id">{one.clientId}</code> : '还没有'],
                    ['密钥', '只在生成时显示一次'],
                    [
                      'IP 白名单',
                      <span key="ip">
                        {one.allowedIps.length ? one.allowedIps.join('、') : '不限'}{' '}
                        {may.has('edit-ips') && (
                          <button type="button" className="ht-link" onClick={() => setAsking('ips')}>
                            编辑
                          </button>
                        )}
                      </span>,
                    ],
                  ]}
                />
              </Sheet>
            )}
          </div>
        </div>
        <Interface of={one} />
        {may.has('try') && <TryCall of={one} />}
        <Packages of={one} />
        <TableOf of={one} />
        <Usage id={one.id} />
        <Calls of={one} />
      </div>
      {secret && <SecretOnce of={secret} shut={() => setSecret(null)} />}
      {asking === 'narrow' && <Narrow of={one} shut={() => setAsking(null)} />}
      {asking === 'officer' && <HandOver of={one} shut={() => setAsking(null)} />}
      {asking === 'way' && <Way of={one} shut={() => setAsking(null)} />}
      {(asking === 'suspend' || asking === 'resume' || asking === 'stop') && <Decide of={one} verb={asking} shut={() => setAsking(null)} />}
      {asking === 'ips' && <Ips of={one} shut={() => setAsking(null)} />}
    </Page>
  )
}

const copy = (text: string) => void navigator.clipboard?.writeText(text)

/** The one time a secret is seen. Closing asks nothing of memory: it can be made anew. */
function SecretOnce({ of: secret, shut }: { of: Secret; shut: () => void }) {
  return (
    <Modal
      open
      title="凭证（只显示这一次）"
      width={720}
      mask={{ closable: false }}
      onCancel={shut}
      footer={
        <Button type="primary" onClick={shut}>
          已保存，关闭
        </Button>
      }
    >
      <div className="stack">
        <p className="ht-note yellow">请现在存入密码管理工具或系统的环境变量。关闭后无法再看，只能轮换。</p>
        <Facts
          of={[
            ['client_id', <code key="i">{secret.clientId}</code>],
            [
              '密钥',
              <code key="s" data-testid="client-secret">
                {secret.clientSecret}
              </code>,
            ],
            ['取令牌', <code key="t">{secret.tokenUrl}</code>],
            ['数据接口', <code key="d">{secret.dataUrl}</code>],
          ]}
        />
        <SampleCode of={secret.examples}>
          <Button onClick={() => copy(secret.clientSecret)}>复制密钥</Button>
        </SampleCode>
      </div>
    </Modal>
  )
}

/** Code in one of the languages, and what else can be copied beside it. */
function SampleCode({ of: examples, children }: { of: Secret['examples']; children?: ReactNode }) {
  const [language, setLanguage] = useState(examples[0]?.language)
  const code = examples.find(example => example.language === language)?.code ?? ''
  return (
    <>
      <div className="row">
        <nav className="tabs flat" aria-label="示例语言">
          {examples.map(example => (
            <a
              key={example.language}
              href={`#${example.language}`}
              aria-current={example.language === language ? 'page' : undefined}
              onClick={event => {
                event.preventDefault()
                setLanguage(example.language)
              }}
            >
              {example.language}
            </a>
          ))}
        </nav>
        <Button className="push" onClick={() => copy(code)}>
          复制代码
        </Button>
        {children}
      </div>
      <pre className="code" tabIndex={0} aria-label="示例代码">
        {code}
      </pre>
    </>
  )
}

/** What can be called under this grant, an answer made of nothing real, and code to begin with. */
function Interface({ of: one }: { of: Grant }) {
  const load = useRead(guide, { params: { id: one.id } })
  if (!load.data?.calls.length) return null
  const { calls: list, example, examples, dataUrl } = load.data
  return (
    <Sheet title="接口说明" note={<a href={`/api/grants/${one.id}/openapi.json`}>下载 OpenAPI 文件</a>}>
      <div className="stack">
        <DataTable
          name="可用的调用"
          rows={list}
          rowKey={row => row.method + row.path}
          columns={[
            { title: '做什么', head: true, cell: row => row.what },
            { title: '方法', narrow: true, cell: row => <code>{row.method}</code> },
            { title: '地址', cell: row => <code className="break">{row.path}</code> },
          ]}
        />
        <details>
          <summary>答复的样子（虚构的值）</summary>
          <pre className="code" tabIndex={0} aria-label="答复的样子" style={{ maxHeight: 280 }}>
            {example}
          </pre>
        </details>
        <details>
          <summary>示例代码</summary>
          <p className="ht-hint">数据接口 {dataUrl}；密钥放在环境变量 HUITONG_CLIENT_SECRET 里。</p>
          <SampleCode of={examples} />
        </details>
      </div>
    </Sheet>
  )
}

function TryCall({ of: one }: { of: Grant }) {
  const forGroups = one.items.filter(item => item.treatment === 'aggregate' || item.treatment === 'plain')
  const numbers = forGroups.filter(item => item.number)
  const rows = one.items.some(item => item.treatment !== 'aggregate' && item.treatment !== 'verify')
  const groups = one.items.some(item => item.treatment === 'aggregate')
  const [way, setWay] = useState<'rows' | 'groups'>(rows || !groups ? 'rows' : 'groups')
  const [query, setQuery] = useState('limit=5')
  const [by, setBy] = useState<string[]>([])
  const [sum, setSum] = useState<string[]>([])
  const [purpose, setPurpose] = useState('试调用')
  const send = useAct(tryCall)
  const reply = send.data
  return (
    <Sheet title="试调用" note="和正式调用走同一条路，照样留痕">
      <div className="filters">
        {groups && rows && (
          <label>
            <span>取用</span>
            <Select
              value={way}
              onChange={setWay}
              options={[
                { value: 'rows', label: '逐行' },
                { value: 'groups', label: '聚合' },
              ]}
            />
          </label>
        )}
        {way === 'rows' ? (
          <label className="grow">
            <span>参数</span>
            <Input value={query} onChange={event => setQuery(event.target.value)} placeholder="limit=5&fields=姓名" />
          </label>
        ) : (
          <>
            <label className="grow">
              <span>按什么分组</span>
              <Select
                mode="multiple"
                style={{ width: '100%' }}
                value={by}
                onChange={setBy}
                options={forGroups.map(i => ({ value: i.name }))}
                placeholder="不分组"
              />
            </label>
            {numbers.length > 0 && (
              <label className="grow">
                <span>合计什么</span>
                <Select
                  mode="multiple"
                  style={{ width: '100%' }}
                  value={sum}
                  onChange={setSum}
                  options={numbers.map(i => ({ value: i.name }))}
                  placeholder="只计数"
                />
              </label>
            )}
          </>
        )}
        <label className="grow">
          <span>用途或事项</span>
          <Input value={purpose} onChange={event => setPurpose(event.target.value)} />
        </label>
        <Button
          loading={send.isPending}
          onClick={() =>
            send.mutate({ params: { id: one.id }, body: { purpose, query, ...(way === 'groups' && { aggregate: { by, sum } }) } })
          }
        >
          试调用
        </Button>
      </div>
      {send.error && <ProblemNote error={send.error} />}
      {reply && (
        <div className="stack-small" aria-live="polite">
          <p className="row">
            <Mark hue={reply.status < 400 ? 'green' : 'red'} shape={reply.status < 400 ? '●' : '■'}>
              {reply.status}
            </Mark>
            <code>{reply.url}</code>
            <span className="ht-ink2 ht-num">用时 {Math.round(reply.milliseconds)} ms</span>
            {reply.ledger !== null && <A href={at(`/audit/${reply.ledger}`)}>留痕号 {number(reply.ledger)}</A>}
          </p>
          <pre className="code" tabIndex={0} aria-label="响应" style={{ maxHeight: 320 }}>
            {JSON.stringify(reply.body, null, 2)}
          </pre>
        </div>
      )}
    </Sheet>
  )
}

const packageHue: Record<string, Hue> = { queued: 'blue', ready: 'green', failed: 'red', gone: 'grey' }
const packageShape: Record<string, string> = { queued: '…', ready: '●', failed: '■', gone: '✓' }
const size = (bytes: number | null) =>
  bytes === null ? '' : bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(1)} MB`

/** Files made under this grant: made in the background, fetched by a link that works once. */
function Packages({ of: one }: { of: Grant }) {
  const [asking, setAsking] = useState(false)
  const [waiting, setWaiting] = useState(false)
  const load = useRead(packages, { params: { id: one.id } }, { refetchInterval: waiting ? 1500 : false })
  const busy = load.data?.some(row => row.state === 'queued') ?? false
  useEffect(() => setWaiting(busy), [busy])
  const { message } = App.useApp()
  const link = useAct(packageLink, ({ url }) => window.location.assign(url))
  const may = one.may.includes('package')
  if (!may && !load.data?.length) return null
  return (
    <Sheet
      title="数据包"
      acts={
        may && (
          <Button type={one.method === 'file' ? 'primary' : 'default'} disabled={busy} onClick={() => setAsking(true)}>
            生成数据包
          </Button>
        )
      }
    >
      <DataTable
        name="数据包"
        rows={load.data}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        empty={<Nothing>还没有数据包。</Nothing>}
        columns={[
          {
            title: '编号',
            head: true,
            narrow: true,
            cell: row => (
              <>
                {row.no}
                <div className="ht-meta">{row.format}</div>
                {row.rows !== null && (
                  <div className="ht-meta">
                    {number(row.rows)} 行，{size(row.bytes)}
                    {row.downloads > 0 && `，已下载 ${row.downloads} 次`}
                  </div>
                )}
              </>
            ),
          },
          {
            title: '状态',
            cell: row => (
              <>
                <Mark hue={packageHue[row.state]!} shape={packageShape[row.state]!}>
                  {row.stateLabel}
                </Mark>
                {row.problem && <div className="ht-meta">{row.problem}</div>}
              </>
            ),
          },
          {
            title: '用于',
            cell: row => (
              <>
                {row.caseRef}
                <div className="ht-meta">{row.operator}</div>
              </>
            ),
          },
          {
            title: '留痕号',
            narrow: true,
            cell: row => (row.ledger === null ? '' : <A href={at(`/audit/${row.ledger}`)}>{number(row.ledger)}</A>),
          },
          { title: '保留至', keep: true, narrow: true, cell: row => moment(row.expires).slice(0, 10) },
          {
            title: '下载',
            narrow: true,
            cell: row =>
              row.state === 'ready' && may ? (
                <button
                  type="button"
                  className="ht-link"
                  aria-label={`下载 ${row.no}`}
                  onClick={() =>
                    link.mutate({ params: { id: one.id, package: row.id } }, { onError: error => message.error(problemOf(error).detail) })
                  }
                >
                  下载
                </button>
              ) : (
                ''
              ),
          },
        ]}
      />
      <p className="ht-hint">
        数据包里的证据文件（.evidence.json）证明交付了什么、何时交付、给了谁；任何人都可以在「<a href="/verify">验证数据包</a>」页核对。
      </p>
      {asking && <NewPackageForm of={one} shut={() => setAsking(false)} />}
    </Sheet>
  )
}

function NewPackageForm({ of: one, shut }: { of: Grant; shut: () => void }) {
  const form = useForm({ format: one.originals ? 'originals' : 'csv', encoding: 'utf-8', caseRef: '', asOf: '', digests: '' })
  const { message } = App.useApp()
  const send = useAct(orderPackage, () => {
    message.success('正在生成，完成后可以下载')
    shut()
  })
  const submit = () => {
    if (!form.complete()) return
    const { format, encoding, caseRef, asOf } = form.value
    const digests = format === 'originals' ? form.value.digests.split(/[\s,，;；]+/).filter(Boolean) : []
    const body = {
      format: format as 'csv',
      encoding: encoding as 'utf-8',
      caseRef,
      ...(asOf && { asOf }),
      ...(digests.length && { digests: digests.map(d => d.toLowerCase()) }),
    }
    send.mutate({ params: { id: one.id }, body }, { onError: form.refused })
  }
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title="生成数据包"
      footer={
        <div className="row">
          <Button type="primary" loading={send.isPending} onClick={submit}>
            生成
          </Button>
          <Button onClick={shut}>先不生成</Button>
        </div>
      }
    >
      <div className="form">
        <p className="ht-note">
          生成和每次下载都留痕。每行带水印，能认出这个数据包和本部门；各项的值没有改动。文件保留 7 天，下载链接 10 分钟内用一次。
        </p>
        <Summary form={form} />
        <Field form={form} at="/format" label="格式" required>
          {({ labelledby: _, ...control }) => (
            <Select
              {...control}
              options={Object.entries(packageFormats)
                .filter(([value]) => value !== 'originals' || one.originals)
                .map(([value, label]) => ({ value, label }))}
            />
          )}
        </Field>
        {form.value.format === 'originals' && (
          <Field form={form} at="/digests" label="哪些文件" hint="每行一个文件摘要；不填是授权里的全部文件">
            {({ labelledby: _, onChange, ...control }) => (
              <Input.TextArea {...control} rows={3} onChange={event => onChange(event.target.value)} />
            )}
          </Field>
        )}
        {form.value.format === 'csv' && (
          <Field form={form} at="/encoding" label="编码" required>
            {({ labelledby: _, ...control }) => (
              <Select
                {...control}
                options={[
                  { value: 'utf-8', label: 'UTF-8' },
                  { value: 'gb18030', label: 'GB18030' },
                ]}
              />
            )}
          </Field>
        )}
        <Field form={form} at="/caseRef" label="用于哪一件事" required hint="业务编号或办件编号，登记在使用记录里">
          {({ labelledby: _, onChange, ...control }) => (
            <Input {...control} maxLength={100} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
        <Field form={form} at="/asOf" label="哪一天的数据" hint="不填是现在的数据；填了是那一天结束时的">
          {({ labelledby: _, onChange, ...control }) => <Input type="date" {...control} onChange={event => onChange(event.target.value)} />}
        </Field>
      </div>
    </Drawer>
  )
}

/** Nothing where nothing was unusual. */
function Alerts({ id }: { id: string }) {
  const load = useRead(alerts, { params: { id } })
  if (!load.data?.length) return null
  return (
    <Sheet title="异常提示">
      <DataTable
        name="异常提示"
        rows={load.data}
        rowKey={row => row.at + row.kind}
        columns={[
          { title: '情况', head: true, cell: row => row.what },
          { title: '类别', narrow: true, cell: row => row.kindLabel },
          { title: '时间', narrow: true, keep: true, cell: row => moment(row.at) },
          {
            title: '处理',
            narrow: true,
            cell: row =>
              row.suspended ? (
                <Mark hue="red" shape="‖">
                  已自动暂停
                </Mark>
              ) : (
                '已提示双方和主管部门'
              ),
          },
        ]}
      />
    </Sheet>
  )
}

/** Calls per day as bars that are rows of a table: the numbers are on the page, not only in a picture. */
function Usage({ id }: { id: string }) {
  const load = useRead(usage, { params: { id } })
  const days = load.data ?? []
  const most = Math.max(1, ...days.map(day => day.ok + day.refused))
  const total = days.reduce((sum, day) => sum + day.ok + day.refused, 0)
  if (!total) return null
  const refused = days.reduce((sum, day) => sum + day.refused, 0)
  return (
    <Sheet title="用量" note={`近 30 天调用 ${number(total)} 次，被拒 ${number(refused)} 次`}>
      <table className="bars">
        <caption className="ht-hide">每日调用</caption>
        <thead className="ht-hide">
          <tr>
            <th scope="col">日期</th>
            <th scope="col">成功</th>
            <th scope="col">被拒</th>
          </tr>
        </thead>
        <tbody>
          {days.map(day => (
            <tr key={day.day} title={`${day.day}：成功 ${day.ok}，被拒 ${day.refused}，${day.rows} 行`}>
              <th scope="row" className="ht-hide">
                {day.day}
              </th>
              <td className="ok" style={{ height: `${(100 * day.ok) / most}%` }}>
                <span className="ht-hide">{day.ok}</span>
              </td>
              <td className="refused" style={{ height: `${(100 * day.refused) / most}%` }}>
                <span className="ht-hide">{day.refused}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="row ht-hint">
        <span>{days[0]?.day}</span>
        <span className="push">{days.at(-1)?.day}</span>
      </p>
    </Sheet>
  )
}

/** The newest, fewer on a phone; all of them stand in the book of uses. */
function Calls({ of: one }: { of: Grant }) {
  const load = useRead(calls, { params: { id: one.id }, query: { limit: 20 } })
  const desk = Grid.useBreakpoint().md
  return (
    <Sheet title="最近调用" note={<A href={at('/use-records', { q: one.no })}>这个授权的使用记录</A>}>
      <DataTable
        name="最近调用"
        rows={desk ? load.data?.rows : load.data?.rows.slice(0, 5)}
        rowKey={(row, index) => `${row.at}-${index}`}
        error={load.error}
        retry={load.refetch}
        empty={<Nothing>还没有调用。</Nothing>}
        columns={[
          {
            title: '时间',
            head: true,
            keep: true,
            narrow: true,
            cell: row => (row.seq === null ? moment(row.at, true) : <A href={at(`/audit/${row.seq}`)}>{moment(row.at, true)}</A>),
          },
          { title: '操作人', cell: row => row.operator || '—' },
          { title: '事项编号', cell: row => row.caseRef || '—' },
          { title: '方法', cell: row => row.method, narrow: true },
          { title: '行数', right: true, narrow: true, cell: row => number(row.rows) },
          {
            title: '状态',
            narrow: true,
            cell: row => (
              <Mark
                hue={row.status >= 400 ? 'red' : row.status ? 'green' : 'yellow'}
                shape={row.status >= 400 ? '■' : row.status ? '●' : '▲'}
              >
                {row.status ? (
                  <>
                    {row.status} {row.code && <a href={`/help/errors#${row.code}`}>{row.code}</a>}
                  </>
                ) : (
                  '中断'
                )}
              </Mark>
            ),
          },
          { title: '用时', right: true, narrow: true, cell: row => `${Math.round(row.milliseconds)} ms` },
        ]}
      />
    </Sheet>
  )
}

const verbs = {
  suspend: { label: '暂停授权', means: '下一次调用起即被拒绝，使用部门会收到通知和原因。', act: suspend },
  resume: { label: '恢复授权', means: '下一次调用起恢复，双方会收到通知。', act: resume },
  stop: { label: '终止授权', means: '授权就此终止，不能恢复；仍需使用的要重新申请。', act: stop },
} as const

function Decide({ of: one, verb, shut }: { of: Grant; verb: keyof typeof verbs; shut: () => void }) {
  const { label, means, act } = verbs[verb]
  const form = useForm({ reason: '' })
  const { message } = App.useApp()
  const done = () => {
    message.success(`${label}：已办理`)
    shut()
  }
  const send = useAct(act, done)
  const submit = () => form.complete() && send.mutate({ params: { id: one.id }, body: form.value }, { onError: form.refused })
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title={`${label} ${one.no}`}
      footer={
        <div className="row">
          <Button type={verb === 'resume' ? 'primary' : 'default'} danger={verb !== 'resume'} loading={send.isPending} onClick={submit}>
            {label}
          </Button>
          <Button onClick={shut}>先不办</Button>
        </div>
      }
    >
      <div className="form">
        <p className="ht-note">{means}</p>
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

/** How data that touch privacy or secrets are handed over, as both sides agreed. */
function Way({ of: one, shut }: { of: Grant; shut: () => void }) {
  const form = useForm({ way: '' })
  const { message } = App.useApp()
  const send = useAct(agreeWay, () => {
    message.success('已登记，授权可以提供数据')
    shut()
  })
  const submit = () => form.complete() && send.mutate({ params: { id: one.id }, body: form.value }, { onError: form.refused })
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title={`约定的提供方式 ${one.no}`}
      footer={
        <div className="row">
          <Button type="primary" loading={send.isPending} onClick={submit}>
            登记
          </Button>
          <Button onClick={shut}>先不办</Button>
        </div>
      }
    >
      <div className="form">
        <p className="ht-note">写明双方约定的范围、保存和销毁办法；登记后授权立即生效。</p>
        <Summary form={form} />
        <Field form={form} at="/way" label="约定的提供方式" required>
          {({ labelledby: _, onChange, ...control }) => (
            <Input.TextArea {...control} autoSize={{ minRows: 3 }} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
      </div>
    </Drawer>
  )
}

function Ips({ of: one, shut }: { of: Grant; shut: () => void }) {
  const form = useForm({ text: one.allowedIps.join('\n') })
  const { message } = App.useApp()
  const send = useAct(setIps, () => {
    message.success('IP 白名单已保存')
    shut()
  })
  const ips = form.value.text.split(/[\s,，、]+/).filter(Boolean)
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title="IP 白名单"
      footer={
        <div className="row">
          <Button
            type="primary"
            loading={send.isPending}
            onClick={() => send.mutate({ params: { id: one.id }, body: { ips } }, { onError: form.refused })}
          >
            保存白名单
          </Button>
          <Button onClick={shut}>先不改</Button>
        </div>
      }
    >
      <div className="form">
        <Summary form={form} />
        <Field form={form} at="/text" label="允许的地址" hint="一行一个，可写网段，如 10.1.2.0/24；留空则不限">
          {({ labelledby: _, onChange, ...control }) => (
            <Input.TextArea {...control} autoSize={{ minRows: 5 }} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
      </div>
    </Drawer>
  )
}

/** From the decision until data can be taken, in words. */
function waited(approved: string, effective: string | null): string {
  if (!effective) return '已批准，还不能取用'
  const minutes = Math.round((Date.parse(effective) - Date.parse(approved)) / 60_000)
  if (minutes < 1) return '批准后即时'
  if (minutes < 60) return `${minutes} 分钟`
  return minutes < 2880 ? `${Math.round(minutes / 60)} 小时` : `${Math.round(minutes / 1440)} 天`
}

import { useNavigate } from '@tanstack/react-router'
import { App, Button, Modal, Select } from 'antd'
import { useEffect, useRef, useState } from 'react'
import { searchEntries } from '../../../contract/catalog.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { systems } from '../../../contract/organization.ts'
import { type ActionField, type GrantedItem, treatments } from '../../../contract/procedure.ts'
import { access, apply, prepare, renewal, sandbox } from '../../../contract/sharing.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { Pager } from '../../ui/DataTable.tsx'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { amount, codeInUrl, dueDay, moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Marked } from '../../ui/Marked.tsx'
import { Page, Sheet, Steps } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { ShareClass } from '../../ui/ShareClass.tsx'
import { Bones, Loaded, Nothing, ProblemNote } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'
import { openMark } from '../catalog/marks.ts'
import { FormField, startOf } from '../procedure/FormField.tsx'

export function Find() {
  const filters = useFilters({ q: '', share: '', open: '', region: '', department: '', mounted: '', theme: '', kind: '', cycle: '' })
  const { q, after, ...rest } = filters.value
  const set = Object.fromEntries(Object.entries(rest).filter(([, value]) => value))
  const load = useRead(searchEntries, {
    query: { scope: 'all', state: 'published', ...(q && { q }), ...(after && { after }), ...set } as object,
  })
  return (
    <Page
      title="查找数据"
      sub={<span>名称、摘要、信息项和它们的同义词、拼音都能搜到。找到后可以看到谁决定、要几天。</span>}
      acts={<A href={at('/sharing/bases')}>基础数据库接口</A>}
    >
      <div className="filters">
        <label className="grow">
          <span>要找什么</span>
          <SearchBox value={q} onSearch={text => filters.set({ q: text })} placeholder="如 低保、不动产、营业执照" />
        </label>
        {load.data?.facets
          .filter(facet => facet.key !== 'state')
          .map(facet => (
            <label key={facet.key} className="facet">
              <span>{facet.label}</span>
              <Select
                aria-label={facet.label}
                style={{ width: '100%' }}
                allowClear
                placeholder="全部"
                value={filters.value[facet.key as 'share'] || undefined}
                onChange={value => filters.set({ [facet.key]: value ?? '' })}
                options={facet.values.map(one => ({ value: one.value, label: `${one.label}（${one.count}）` }))}
              />
            </label>
          ))}
      </div>
      {load.error ? <ProblemNote error={load.error} retry={load.refetch} since={load.dataUpdatedAt} /> : null}
      {load.isPending && <Bones lines={8} />}
      {load.data?.corrected && (
        <p role="status" style={{ marginBottom: 12 }}>
          没有找到“{q}”，已按“{load.data.corrected}”查找。
        </p>
      )}
      {load.data && load.data.rows.length === 0 && (
        <Nothing action={filters.filtered && <Button onClick={filters.clear}>清空筛选</Button>}>
          {filters.filtered ? '没有符合条件的目录。换个说法，或少选一个条件。' : '还没有已发布的目录。'}
        </Nothing>
      )}
      {load.data && load.data.rows.length > 0 && (
        <div className="ht-table">
          <ul className="results">
            {load.data.rows.map(row => (
              <li key={row.id}>
                <h2>
                  <A href={at(`/catalog/${codeInUrl(row.code)}`)}>
                    <Marked text={row.title} at={row.marks.title} />
                  </A>
                </h2>
                <p className="row ht-ink2">
                  <span>
                    {row.regionName} · {row.department}
                  </span>
                  {row.shareClass && <ShareClass value={row.shareClass} label={row.shareLabel} />}
                  {row.openClass && <ShareClass value={openMark[row.openClass]} label={row.openLabel} />}
                  <span className="ht-num">
                    {row.items} 项{row.mounted ? ` · ${amount(row.rows)} 行 · ${moment(row.updated).slice(0, 10)} 更新` : ' · 未挂接'}
                  </span>
                </p>
                {row.snippet && (
                  <p>
                    <Marked text={row.snippet} at={row.marks.snippet} />
                  </p>
                )}
                {row.hits.length > 0 && (
                  <p className="ht-hint">
                    命中信息项：
                    {row.hits.map((hit, index) => (
                      <span key={hit}>
                        {index > 0 && '、'}
                        <A href={at(`/catalog/${codeInUrl(row.code)}`, { tab: 'items', item: hit })}>
                          <Marked text={hit} at={row.marks.hits[index] ?? []} />
                        </A>
                      </span>
                    ))}
                  </p>
                )}
              </li>
            ))}
          </ul>
          <Pager
            total={load.data.total}
            shown={load.data.rows.length}
            after={after}
            next={load.data.next}
            link={(from, label) => <A href={filters.address({ after: from })}>{label}</A>}
          />
        </div>
      )}
    </Page>
  )
}

type Preparation = Reply<typeof prepare>
/** `items` is drawn from the entry's own list; how the data will be used and by what means are screens of their own. */
const means = new Set(['method', 'until', 'system', 'quota'])
const screenOf = (field: ActionField) =>
  field.kind === 'items' || field.kind === 'treatments' ? 'items' : means.has(field.name) ? 'means' : 'use'
const screens = [
  { key: 'items', label: '要哪些信息项' },
  { key: 'use', label: '为什么用' },
  { key: 'means', label: '怎样用' },
  { key: 'check', label: '核对并提交' },
] as const

export function Apply() {
  const { entry, renews } = useFilters({ entry: '', renews: '' }).value
  const before = useRead(renewal, { params: { id: renews } }, { enabled: Boolean(renews) })
  const load = useRead(prepare, { params: { code: entry } }, { enabled: Boolean(entry) })
  if (!entry)
    return (
      <Page title="申请使用">
        <Nothing action={<A href={at('/sharing')}>查找数据</A>}>先找到要用的目录。</Nothing>
      </Page>
    )
  const page = (carried?: Reply<typeof renewal>) => (
    <Loaded load={load}>
      {one => <Application key={one.entryId} of={one} code={entry} {...(carried && { before: carried, renews })} />}
    </Loaded>
  )
  return renews ? <Loaded load={before}>{page}</Loaded> : page()
}

function Application({
  of: one,
  code,
  before,
  renews,
}: {
  of: Preparation
  code: string
  before?: Reply<typeof renewal>
  renews?: string
}) {
  const direct = one.mode === 'direct'
  const form = useForm<Record<string, any>>({
    // Asking for everything is never the proposal: only what the duty needs may be used. Unconditional data is taken whole.
    items: direct ? one.items.filter(item => item.available).map(item => item.key) : [],
    ...startOf(one.fields),
    ...before?.form,
  })
  const [screen, setScreen] = useState(0)
  const top = useRef<HTMLDivElement>(null)
  const first = useRef(true)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the next screen is read from its beginning
  useEffect(() => {
    if (!first.current) {
      scrollTo(0, 0)
      top.current?.focus({ preventScroll: true })
    }
    first.current = false
  }, [screen])
  const navigate = useNavigate()
  const { message } = App.useApp()
  const send = useAct(apply, made => {
    message.success('申请已提交')
    void navigate({ to: `/cases/${made.no}` as string })
  })
  const take = useAct(access, made => {
    message.success('已取得授权')
    void navigate({ to: `/grants/${made.id}` as string })
  })
  const here = screens[screen]!
  const fieldsOf = (key: string) => one.fields.filter(field => screenOf(field) === key)
  const used = screens
    .map((step, index) => ({ ...step, index }))
    .filter(step => step.key === 'items' || step.key === 'check' || fieldsOf(step.key).length)
  const place = used.findIndex(step => step.index === screen)

  const submit = () => {
    const onError = (error: Error) => form.refused(error)
    if (direct) {
      const { system, purpose, scenario, duty, dataName, items } = form.value
      const chosen = one.items.filter(item => items.includes(item.key)).map(({ key, treatment }) => ({ key, treatment }))
      take.mutate(
        {
          body: { entryId: one.entryId, system, purpose: purpose ?? scenario ?? '', duty, dataName: dataName ?? one.title, items: chosen },
        },
        { onError },
      )
    } else send.mutate({ body: { entryId: one.entryId, form: form.value, ...(renews && { renews }) } }, { onError })
  }
  const busy = send.isPending || take.isPending

  return (
    <Page
      title={`${direct ? '取用' : '申请使用'}：${one.title}`}
      crumb={
        <>
          <A href={at('/sharing')}>查找数据</A> › <A href={at(`/catalog/${code}`)}>{one.title}</A>
        </>
      }
      sub={
        <>
          <span>{one.provider}</span>
          <ShareClass value={direct ? 'unconditional' : one.mode === 'barred' ? 'denied' : 'conditional'} label={one.shareLabel} />
          <span className="ht-code">{one.code}</span>
        </>
      }
    >
      <div className="stack">
        <Decider of={one} />
        {before && (
          <p className="ht-note">
            接续授权 {before.no}：内容已经填好，请核对并写新的使用时限。
            {before.dropped.length > 0 && `目录已不再提供 ${before.dropped.join('、')}，不在这件申请里。`}
          </p>
        )}
        {one.openApplication && (
          <p className="ht-note yellow">
            本部门对这条目录已有一件申请在办：<A href={at(`/cases/${one.openApplication}`)}>{one.openApplication}</A>
          </p>
        )}
        {one.mode === 'barred' ? null : (
          <>
            <Steps
              label="申请步骤"
              of={used.map((step, index) => ({ name: step.label, state: index === place ? 'now' : index < place ? 'done' : 'later' }))}
            />
            <div ref={top} tabIndex={-1}>
              <Sheet title={here.label}>
                <form
                  className="form"
                  noValidate
                  onSubmit={event => {
                    event.preventDefault()
                    if (!form.complete()) return
                    if (here.key === 'check') submit()
                    else setScreen(used[place + 1]!.index)
                  }}
                >
                  <Summary form={form} />
                  {here.key === 'items' && <ChooseItems form={form} of={one} />}
                  {(here.key === 'use' || here.key === 'means') &&
                    fieldsOf(here.key).map(field => <FormField key={field.name} form={form} field={field} />)}
                  {here.key === 'check' && (
                    <Review of={one} value={form.value} edit={key => setScreen(screens.findIndex(step => step.key === key))} />
                  )}
                  <div className="row">
                    {place > 0 && <Button onClick={() => setScreen(used[place - 1]!.index)}>上一步</Button>}
                    <Button type="primary" htmlType="submit" loading={busy}>
                      {here.key === 'check' ? (busy ? '正在提交…' : direct ? '取得授权' : '提交申请') : `下一步：${used[place + 1]?.label}`}
                    </Button>
                  </div>
                </form>
              </Sheet>
            </div>
          </>
        )}
      </div>
    </Page>
  )
}

/** Who will decide, in how many days, by which article: told before a word is written. */
function Decider({ of: one }: { of: Preparation }) {
  return (
    <div className={`ht-note${one.mode === 'barred' ? ' red' : ''}`}>
      <p>
        <b>{one.sentence}</b>（{citeWords(one.cite)}
        <Why cite={one.cite} inherited={one.ruling.inherited} link={at(`/regulations/${one.ruling.regulation}`)}>
          {one.ruling.chain.length > 1 && (
            <ol>
              {one.ruling.chain.map(link => (
                <li key={link.region + link.regulation}>
                  {link.region}：{link.says}
                </li>
              ))}
            </ol>
          )}
        </Why>
        ）{one.dueIfToday && <span className="ht-ink2"> 今天提交，最晚 {dueDay(one.dueIfToday)} 有结果。</span>}
      </p>
      <p className="row">
        {one.ruling.inherited && <Mark hue="violet">继承自{one.ruling.inherited}</Mark>}
        {one.ruling.origin === 'platform' && <Mark hue="violet">平台约定，非法定</Mark>}
        {one.ruling.label && <Mark hue="violet">{one.ruling.label}</Mark>}
      </p>
      {one.path.length > 0 && (
        <ol className="path">
          {one.path.map(step => (
            <li key={step.step}>
              {step.step}{' '}
              <span className="ht-ink2">
                {step.by} · {step.time}
              </span>
              <Why cite={step.cite} />
            </li>
          ))}
        </ol>
      )}
      {one.negotiation && (
        <p>
          履职确有需要的：
          <A href={at(`/cases/new?procedure=negotiation&about=${codeInUrl(one.code)}`)}>{one.negotiation.label}</A>（
          {citeWords(one.negotiation.cite)}
          <Why cite={one.negotiation.cite} />）
        </p>
      )}
      {one.offered && one.mode === 'apply' && (
        <p>
          这是对各部门开放的基础数据库：核验和脱敏的信息项，到<A href={at('/sharing/bases')}>基础数据库接口</A>一步取得授权，不用申请。
        </p>
      )}
      {one.conditions && <p>共享条件：{one.conditions}</p>}
      {one.basis && <p>依据：{one.basis}</p>}
    </div>
  )
}

function ChooseItems({ form, of: one }: { form: ReturnType<typeof useForm<Record<string, any>>>; of: Preparation }) {
  return (
    <Field form={form} at="/items" label="信息项" required group hint="只选办事需要的；不能申请的写明了原因">
      {({ id, labelledby, value, onChange }) => {
        const chosen: string[] = value ?? []
        return (
          <fieldset id={id} aria-labelledby={labelledby} className="choices" tabIndex={-1}>
            <div>
              <button
                type="button"
                className="ht-link"
                onClick={() => onChange(chosen.length ? [] : one.items.filter(item => item.available).map(item => item.key))}
              >
                {chosen.length ? '全部取消' : '全选'}
              </button>{' '}
              <span className="ht-hint">已选 {chosen.length} 项</span>{' '}
              <Sandbox
                code={one.code}
                given={one.items.filter(item => chosen.includes(item.key)).map(({ key, treatment }) => ({ key, treatment }))}
              />
            </div>
            {one.items.map(item => (
              <label key={item.key} className={chosen.includes(item.key) ? 'on' : undefined}>
                <input
                  type="checkbox"
                  disabled={!item.available}
                  checked={chosen.includes(item.key)}
                  onChange={event => onChange(event.target.checked ? [...chosen, item.key] : chosen.filter(key => key !== item.key))}
                />
                <span>
                  {item.name} <span className="ht-hint">{item.shareLabel}</span>{' '}
                  {item.available ? (
                    item.treatment !== 'plain' && <Mark hue="blue">{treatments[item.treatment]}</Mark>
                  ) : (
                    <span className="ht-hint">{item.why}</span>
                  )}
                </span>
              </label>
            ))}
          </fieldset>
        )
      }}
    </Field>
  )
}

/** What a call would answer, made up, so that a developer can begin before the decision. */
function Sandbox({ code, given }: { code: string; given: GrantedItem[] }) {
  const look = useAct(sandbox)
  return (
    <>
      <button
        type="button"
        className="ht-link"
        disabled={!given.length}
        onClick={() => look.mutate({ params: { code: codeInUrl(code) }, body: { treatments: given } })}
      >
        看答复的样子（虚构的值）
      </button>
      {(look.data || look.error) && (
        <Modal
          open
          title="答复的样子（虚构的值，不含真实数据）"
          width={720}
          onCancel={look.reset}
          footer={<Button onClick={look.reset}>关闭</Button>}
        >
          {look.error && <ProblemNote error={look.error} />}
          <pre className="code" tabIndex={0} aria-label="答复的样子" style={{ maxHeight: 420 }}>
            {JSON.stringify(look.data, null, 2)}
          </pre>
        </Modal>
      )}
    </>
  )
}

/** Question, answer, change: what will be sent, before it is sent. */
function Review({ of: one, value, edit }: { of: Preparation; value: Record<string, any>; edit: (screen: string) => void }) {
  const list = useRead(systems).data
  const items = one.items.filter(item => value.items?.includes(item.key)).map(item => item.name)
  const rows: [string, string, string][] = [['信息项', items.join('、') || '—', 'items']]
  for (const field of one.fields) {
    if (screenOf(field) === 'items') continue
    const raw = value[field.name]
    const option = field.options?.find(one => one.value === raw)?.label
    rows.push([
      field.label,
      field.kind === 'system'
        ? (list?.find(system => system.id === raw)?.name ?? '—')
        : field.kind === 'confirm'
          ? raw
            ? '是'
            : '—'
          : (option ?? String(raw ?? '—')),
      screenOf(field),
    ])
  }
  return (
    <dl className="review">
      {rows.map(([question, answer, screen]) => (
        <div key={question}>
          <dt>{question}</dt>
          <dd className="pre">{answer}</dd>
          <dd>
            <button type="button" className="ht-link" aria-label={`修改${question}`} onClick={() => edit(screen)}>
              修改
            </button>
          </dd>
        </div>
      ))}
    </dl>
  )
}

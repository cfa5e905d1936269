import { useQueries } from '@tanstack/react-query'
import { useParams, useRouter } from '@tanstack/react-router'
import { App, Button, Radio, Select } from 'antd'
import { useState } from 'react'
import {
  type BasePlan,
  baseSubjects,
  type DatabaseDetail,
  database,
  declareBase,
  declareTheme,
  type ThemePlan,
} from '../../../contract/bases.ts'
import { entryByCode, searchEntries } from '../../../contract/catalog.ts'
import { A, at } from '../../app/link.tsx'
import { reading, useAct, useRead } from '../../app/query.ts'
import { Field, Summary } from '../../ui/Field.tsx'
import { type Form, useForm } from '../../ui/form.ts'
import { codeInUrl } from '../../ui/format.ts'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded } from '../../ui/states.tsx'

type Named = { id: string; code: string; title: string; department: string }
type Item = { key: string; name: string }

export function PlanPage() {
  const { id } = useParams({ strict: false }) as { id: string }
  const load = useRead(database, { params: { id } })
  return <Loaded load={load}>{d => (d.kind === 'base' ? <BaseForm of={d} /> : <ThemeForm of={d} />)}</Loaded>
}

/** Published entries by what is typed; what was chosen stays known by name. */
function EntrySelect({
  value,
  onChange,
  mine,
  ...control
}: {
  value: Named | null
  onChange: (entry: Named) => void
  mine?: boolean
  id?: string
}) {
  const [q, setQ] = useState('')
  const load = useRead(searchEntries, { query: { state: 'published', scope: mine ? 'mine' : 'all', limit: 50, ...(q && { q }) } })
  const rows: Named[] = load.data?.rows ?? []
  const all = value && !rows.some(r => r.id === value.id) ? [value, ...rows] : rows
  return (
    <Select
      {...control}
      style={{ width: '100%' }}
      showSearch={{ filterOption: false, onSearch: setQ }}
      placeholder="输入目录名称查找"
      value={value?.id}
      onChange={id => onChange(all.find(r => r.id === id)!)}
      options={all.map(r => ({ value: r.id, label: `${r.title}（${r.department}）` }))}
    />
  )
}

/** Items of the entries that are chosen, by entry. */
function useItems(entries: (Named | null)[]): Map<string, (Item & { meaning: string; semantic?: string | undefined })[]> {
  const chosen = [...new Map(entries.flatMap(e => (e ? [[e.id, e] as const] : []))).values()]
  const replies = useQueries({ queries: chosen.map(e => reading(entryByCode, { params: { code: codeInUrl(e.code) } })) })
  return new Map(
    chosen.map((e, i) => [
      e.id,
      (replies[i]?.data?.content.items ?? [])
        .filter(item => item.name)
        .map(item => ({ key: item.key, name: item.name, meaning: item.description, semantic: item.semantic })),
    ]),
  )
}
/** Fields of one line, side by side where there is room. */
const Beside = ({ children }: { children: React.ReactNode }) => (
  <div
    style={{
      display: 'grid',
      gridTemplateColumns: 'repeat(auto-fit, minmax(240px, 1fr))',
      columnGap: 24,
      alignItems: 'end',
      margin: '12px 0',
    }}
  >
    {children}
  </div>
)
const options = (items: Item[] | undefined) => items?.map(i => ({ value: i.key, label: i.name })) ?? []
const known = (d: DatabaseDetail, id: string): Named => {
  const found = d.from.find(f => f.entryId === id)
  return { id, code: found?.code ?? '', title: found?.title ?? '', department: found?.department ?? '' }
}
const target = (d: DatabaseDetail): Named | null =>
  d.entry && { id: d.entry.id, code: d.entry.code, title: d.entry.title, department: d.department ?? '' }

function Target({ form, kind }: { form: Form<any>; kind: string }) {
  return (
    <Field
      form={form}
      at="/entry"
      label="存放结果的目录"
      required
      hint={
        <>
          本部门类别为{kind}的目录，它的信息项就是这里的属性；没有的<A href={at('/catalog/new')}>先登记</A>。
        </>
      }
    >
      {({ labelledby: _, ...control }) => <EntrySelect {...control} mine />}
    </Field>
  )
}

function Frame({
  of: d,
  form,
  send,
  busy,
  children,
}: {
  of: DatabaseDetail
  form: Form<any>
  send: () => void
  busy: boolean
  children: React.ReactNode
}) {
  return (
    <Page
      title={d.kind === 'base' ? '来源和属性' : '连接和列'}
      crumb={
        <>
          <A href={at('/databases')}>基础库与主题库</A> › <A href={at(`/databases/${d.id}`)}>{d.title}</A>
        </>
      }
    >
      <form
        className="stack"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          if (form.complete()) send()
        }}
      >
        <Summary form={form} />
        {children}
        <div className="row">
          <Button type="primary" htmlType="submit" loading={busy}>
            保存并归集
          </Button>
          <A className="ht-btn" href={at(`/databases/${d.id}`)}>
            先不办
          </A>
        </div>
      </form>
    </Page>
  )
}
function useLeave(id: string) {
  const { history } = useRouter()
  const { message } = App.useApp()
  return () => {
    message.success('已保存，正在归集')
    history.push(at(`/databases/${id}`))
  }
}

type Source = { entry: Named | null; identifier: string | null }
type Attribute = { rest: 'order' | 'newest'; authority: string | null; order: string[]; items: Record<string, string | undefined> }
type BaseState = { entry: Named | null; subject: BasePlan['subject']; sources: Source[]; attributes: Record<string, Attribute> }
const blank: Attribute = { rest: 'order', authority: null, order: [], items: {} }

function BaseForm({ of: d }: { of: DatabaseDetail }) {
  const form = useForm<BaseState>({
    entry: target(d),
    subject: d.base?.subject ?? 'person',
    sources: d.base?.sources.map(s => ({ entry: known(d, s.entryId), identifier: s.identifier })) ?? [{ entry: null, identifier: null }],
    attributes: Object.fromEntries(
      d.base?.attributes.map(a => [
        a.item,
        {
          rest: a.rest,
          authority: a.sources.find(s => s.authority)?.entryId ?? null,
          order: a.sources.map(s => s.entryId),
          items: Object.fromEntries(a.sources.map(s => [s.entryId, s.item])),
        },
      ]) ?? [],
    ),
  })
  const { value } = form
  const items = useItems([value.entry, ...value.sources.map(s => s.entry)])
  const leave = useLeave(d.id)
  const save = useAct(declareBase, leave)
  const semantic = value.subject === 'person' ? 'id-number' : 'credit-code'
  const attributes = (value.entry ? (items.get(value.entry.id) ?? []) : []).filter(i => i.semantic !== semantic)
  const sources = value.sources.flatMap(s => (s.entry ? [s.entry] : []))
  /** Until somebody chooses: the item of the same name, and the first source that has it as the authority. */
  const of = (item: Item): Attribute => {
    const said = value.attributes[item.key]
    if (said) return said
    const found = sources.flatMap(s => {
      const same = items.get(s.id)?.find(i => i.name === item.name)
      return same ? [[s.id, same.key] as const] : []
    })
    return { ...blank, items: Object.fromEntries(found), authority: found[0]?.[0] ?? null }
  }
  /** Sources of an attribute as they follow one another. */
  const ordered = (a: Attribute) => [
    ...a.order.flatMap(id => sources.find(s => s.id === id) ?? []),
    ...sources.filter(s => !a.order.includes(s.id)),
  ]
  const send = () =>
    save.mutate(
      {
        params: { id: d.id },
        body: {
          version: d.version,
          entryId: value.entry!.id,
          plan: {
            subject: value.subject,
            sources: value.sources.flatMap(s => (s.entry ? [{ entryId: s.entry.id, identifier: s.identifier ?? '' }] : [])),
            attributes: attributes.flatMap(item => {
              const a = of(item)
              const taken = ordered(a).flatMap(s =>
                a.items[s.id] ? [{ entryId: s.id, item: a.items[s.id]!, authority: a.authority === s.id }] : [],
              )
              return taken.length ? [{ item: item.key, rest: a.rest, sources: taken }] : []
            }),
          },
        },
      },
      { onError: form.refused },
    )
  return (
    <Frame of={d} form={form} send={send} busy={save.isPending}>
      <Sheet title="结果">
        <Target form={form} kind="基础" />
        <Field form={form} at="/subject" label="按什么对上同一个主体" required group>
          {({ labelledby, value: subject, onChange }) => (
            <Radio.Group
              aria-labelledby={labelledby}
              value={subject}
              onChange={event => onChange(event.target.value)}
              options={Object.entries(baseSubjects).map(([key, label]) => ({ value: key, label }))}
            />
          )}
        </Field>
      </Sheet>
      <Sheet title="来源目录" note="号码里的空格、全角和小写 x 不影响；15 位旧号码、9 位组织机构代码会换算">
        {value.sources.map((s, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line has no other identity before an entry is chosen
          <Beside key={i}>
            <Field form={form} at={`/sources/${i}/entry`} label={`来源 ${i + 1}`} required>
              {({ labelledby: _, onChange, ...control }) => (
                <EntrySelect {...control} onChange={entry => form.set(`/sources/${i}`, { entry, identifier: null })} />
              )}
            </Field>
            <Field form={form} at={`/sources/${i}/identifier`} label={`${baseSubjects[value.subject]}是哪一项`} required>
              {({ labelledby: _, value: chosen, onChange, ...control }) => (
                <div className="row">
                  <Select
                    {...control}
                    style={{ flex: '1 1 160px' }}
                    value={chosen ?? undefined}
                    onChange={onChange}
                    options={options(s.entry ? items.get(s.entry.id) : [])}
                  />
                  {value.sources.length > 1 && (
                    <Button
                      onClick={() =>
                        form.set(
                          '/sources',
                          value.sources.filter((_, n) => n !== i),
                        )
                      }
                    >
                      去掉
                    </Button>
                  )}
                </div>
              )}
            </Field>
          </Beside>
        ))}
        <Button onClick={() => form.set('/sources', [...value.sources, { entry: null, identifier: null }])}>再加一个来源</Button>
      </Sheet>
      {attributes.map(item => {
        const a = of(item)
        const set = (more: Partial<Attribute>) => form.set(`/attributes/${item.key}`, { ...a, ...more })
        const list = ordered(a)
        return (
          <Sheet key={item.key} title={item.name} note={item.meaning || undefined}>
            {list.map((s, n) => (
              <div className="row" key={s.id} style={{ marginBottom: 8 }}>
                <span style={{ flex: '1 1 200px' }}>
                  {s.title}（{s.department}）
                </span>
                <Select
                  aria-label={`${item.name}取自${s.title}的哪一项`}
                  style={{ flex: '1 1 160px' }}
                  allowClear
                  placeholder="不取"
                  value={a.items[s.id]}
                  onChange={key => set({ items: { ...a.items, [s.id]: key }, ...(!key && a.authority === s.id && { authority: null }) })}
                  options={options(items.get(s.id))}
                />
                <Radio disabled={!a.items[s.id]} checked={a.authority === s.id} onChange={() => set({ authority: s.id })}>
                  权威
                </Radio>
                <Button
                  disabled={n === 0}
                  aria-label={`${s.title}提前一位`}
                  onClick={() => set({ order: [...list.slice(0, n - 1), s, list[n - 1]!, ...list.slice(n + 1)].map(x => x.id) })}
                >
                  提前
                </Button>
              </div>
            ))}
            {list.filter(s => a.items[s.id]).length > 1 && (
              <Radio.Group
                aria-label={`${item.name}缺值时`}
                value={a.rest}
                onChange={event => set({ rest: event.target.value })}
                options={[
                  { value: 'order', label: '权威来源没有值时，依次取' },
                  { value: 'newest', label: '取最新的' },
                ]}
              />
            )}
          </Sheet>
        )
      })}
    </Frame>
  )
}

type Join = { entry: Named | null; kind: 'left' | 'inner'; item: string | null; toEntry: string | null; toItem: string | null }
type ThemeState = { entry: Named | null; driving: Named | null; joins: Join[]; columns: Record<string, string | undefined> }

function ThemeForm({ of: d }: { of: DatabaseDetail }) {
  const form = useForm<ThemeState>({
    entry: target(d),
    driving: d.joins ? known(d, d.joins.driving) : null,
    joins:
      d.joins?.joins.map(j => ({ entry: known(d, j.entryId), kind: j.kind, item: j.item, toEntry: j.to.entryId, toItem: j.to.item })) ?? [],
    columns: Object.fromEntries(d.joins?.columns.map(c => [c.item, `${c.entryId} ${c.from}`]) ?? []),
  })
  const { value } = form
  const entries = [value.driving, ...value.joins.map(j => j.entry)]
  const items = useItems([value.entry, ...entries])
  const leave = useLeave(d.id)
  const save = useAct(declareTheme, leave)
  const named = entries.flatMap(e => e ?? [])
  const sources = named.map(e => ({
    label: e.title,
    options: (items.get(e.id) ?? []).map(i => ({ value: `${e.id} ${i.key}`, label: `${e.title}「${i.name}」` })),
  }))
  const columns = value.entry ? (items.get(value.entry.id) ?? []) : []
  const of = (item: Item) =>
    item.key in value.columns
      ? value.columns[item.key]
      : sources.flatMap(s => s.options).find(o => o.label.endsWith(`「${item.name}」`))?.value
  const send = () => {
    const plan: ThemePlan = {
      driving: value.driving!.id,
      joins: value.joins.map(j => ({
        entryId: j.entry!.id,
        kind: j.kind,
        item: j.item!,
        to: { entryId: j.toEntry ?? value.driving!.id, item: j.toItem! },
      })),
      columns: columns.flatMap(item => {
        const [entryId, from] = (of(item) ?? '').split(' ')
        return entryId && from ? [{ item: item.key, entryId, from }] : []
      }),
    }
    save.mutate({ params: { id: d.id }, body: { version: d.version, entryId: value.entry!.id, plan } }, { onError: form.refused })
  }
  const pick = (pointer: string, label: string, list: { value: string; label: string }[]) => (
    <Field form={form} at={pointer} label={label} required>
      {({ labelledby: _, value: chosen, ...control }) => (
        <Select {...control} style={{ width: '100%' }} value={chosen ?? undefined} options={list} />
      )}
    </Field>
  )
  return (
    <Frame of={d} form={form} send={send} busy={save.isPending}>
      <Sheet title="结果">
        <Target form={form} kind="主题" />
        <Field
          form={form}
          at="/driving"
          label="主目录"
          required
          hint="它的每一行成为结果的一行；别的目录连到它上面。本部门的目录，或已得到授权的目录。"
        >
          {({ labelledby: _, ...control }) => <EntrySelect {...control} />}
        </Field>
      </Sheet>
      {value.joins.map((j, i) => (
        <Sheet
          // biome-ignore lint/suspicious/noArrayIndexKey: a join has no other identity before an entry is chosen
          key={i}
          title={`连接 ${i + 1}`}
          acts={
            <Button
              onClick={() =>
                form.set(
                  '/joins',
                  value.joins.filter((_, n) => n !== i),
                )
              }
            >
              去掉
            </Button>
          }
        >
          <Field form={form} at={`/joins/${i}/entry`} label="目录" required>
            {({ labelledby: _, ...control }) => <EntrySelect {...control} />}
          </Field>
          <Beside>
            {pick(`/joins/${i}/item`, '它的信息项', options(j.entry ? items.get(j.entry.id) : []))}
            {pick(
              `/joins/${i}/toEntry`,
              '等于谁的',
              entries.slice(0, i + 1).flatMap(e => (e ? [{ value: e.id, label: e.title }] : [])),
            )}
            {pick(`/joins/${i}/toItem`, '哪一项', options(items.get(j.toEntry ?? '')))}
          </Beside>
          <Field form={form} at={`/joins/${i}/kind`} label="连不上的行" group>
            {({ labelledby, value: kind, onChange }) => (
              <Radio.Group
                aria-labelledby={labelledby}
                value={kind}
                onChange={event => onChange(event.target.value)}
                options={[
                  { value: 'left', label: '留下，这些列留空' },
                  { value: 'inner', label: '不要' },
                ]}
              />
            )}
          </Field>
        </Sheet>
      ))}
      <div>
        <Button
          onClick={() =>
            form.set('/joins', [
              ...value.joins,
              { entry: null, kind: 'left', item: null, toEntry: value.driving?.id ?? null, toItem: null },
            ])
          }
        >
          再连一条目录
        </Button>
      </div>
      {columns.length > 0 && (
        <Sheet title="列" note="每个信息项取自哪里">
          {columns.map(item => (
            <div className="row" key={item.key} style={{ marginBottom: 8 }}>
              <span style={{ flex: '1 1 160px' }}>{item.name}</span>
              <Select
                aria-label={`${item.name}取自`}
                style={{ flex: '2 1 240px' }}
                allowClear
                placeholder="不取"
                value={of(item)}
                onChange={key => form.set(`/columns/${item.key}`, key)}
                options={sources}
              />
            </div>
          ))}
        </Sheet>
      )}
    </Frame>
  )
}

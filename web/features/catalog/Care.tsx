import { App, Button, Checkbox, Input, Select } from 'antd'
import { useState } from 'react'
import {
  acquisitions,
  addAcquisition,
  addSynonyms,
  guide,
  issueGuide,
  linkAcquisition,
  registerChange,
  releaseCatalog,
  releases,
  removeSynonyms,
  searchEntries,
  synonyms,
} from '../../../contract/catalog.ts'
import { codes, saveClass, savePattern } from '../../../contract/catalog-runs.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { useFilters } from '../../app/search.ts'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { codeInUrl } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

const tabs = [
  ['changes', '登记变化'],
  ['acquisitions', '取得的数据'],
  ['guide', '编制指南'],
  ['codes', '编码表'],
  ['synonyms', '同义词'],
  ['releases', '公布目录'],
] as const

/** 目录维护: what happens to the catalog beside single entries. */
export function Care() {
  const filters = useFilters({ tab: 'changes' })
  const { tab } = filters.value
  return (
    <Page title="目录维护" crumb={<A href={at('/catalog')}>目录</A>}>
      <nav className="tabs" aria-label="内容">
        {tabs.map(([key, label]) => (
          <A key={key} href={filters.address({ tab: key })} aria-current={tab === key ? 'page' : undefined}>
            {label}
          </A>
        ))}
      </nav>
      {tab === 'changes' && <Changes />}
      {tab === 'acquisitions' && <Acquisitions />}
      {tab === 'guide' && <Guide />}
      {tab === 'codes' && <Codes />}
      {tab === 'synonyms' && <SynonymWords />}
      {tab === 'releases' && <Releases />}
    </Page>
  )
}

/** Entries a person may name: their own department's, or the region's for the authority. */
function EntrySelect({ value, onChange, many, ...control }: { value: any; onChange: (v: any) => void; many?: boolean; id?: string }) {
  const load = useRead(searchEntries, { query: { scope: 'region', state: 'published', limit: 200 } })
  return (
    <Select
      {...control}
      {...(many && { mode: 'multiple' as const })}
      showSearch={{ optionFilterProp: 'label' }}
      value={value}
      onChange={onChange}
      options={load.data?.rows.map(row => ({ value: row.code, label: `${row.title}（${row.department}）` }))}
    />
  )
}

function Changes() {
  const form = useForm<Record<string, any>>({ kind: undefined, changedOn: '', change: '', codes: [] })
  const { message } = App.useApp()
  const may = useMay(registerChange)
  const send = useAct(registerChange, reply => {
    message.success(`已登记，${reply.tasks.length} 条目录开始更新`)
    form.reset({ kind: undefined, changedOn: '', change: '', codes: [] })
  })
  if (!may) return <Nothing>变化由数据专员或主管部门登记。</Nothing>
  return (
    <Sheet title="法律修改、职能调整、数据变化" note="登记后，涉及的目录各开一件更新任务；期限从变化之日起按当地规定计算">
      <form
        className="form"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          if (form.complete()) send.mutate({ body: form.value } as never, { onError: form.refused })
        }}
      >
        <Summary form={form} />
        <Field form={form} at="/kind" label="种类" required>
          {({ labelledby: _, ...control }) => (
            <Select
              {...control}
              style={{ maxWidth: 280 }}
              options={[
                { value: 'law', label: '法律法规修改' },
                { value: 'function', label: '行政职能变化' },
                { value: 'structure', label: '数据结构变化' },
                { value: 'review', label: '定期核对' },
              ]}
            />
          )}
        </Field>
        <Field form={form} at="/changedOn" label="变化的日期" required>
          {({ labelledby: _, onChange, ...control }) => (
            <Input {...control} type="date" style={{ maxWidth: 200 }} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
        <Field form={form} at="/change" label="变化的内容" required>
          {({ labelledby: _, onChange, ...control }) => (
            <Input.TextArea {...control} autoSize={{ minRows: 2 }} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
        <Field form={form} at="/codes" label="涉及的目录" required>
          {({ labelledby: _, ...control }) => <EntrySelect {...control} many />}
        </Field>
        <Button type="primary" htmlType="submit" loading={send.isPending}>
          登记变化
        </Button>
      </form>
    </Sheet>
  )
}

function Acquisitions() {
  const load = useRead(acquisitions)
  const may = useMay(addAcquisition)
  const { message } = App.useApp()
  const link = useAct(linkAcquisition, () => message.success('已编入目录'))
  return (
    <div className="stack">
      {may && <Acquired />}
      <DataTable
        name="取得的数据"
        rows={load.data}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        empty={<Nothing>还没有登记。履职、委托和采购取得的数据登记在这里，对照目录看有没有遗漏。</Nothing>}
        columns={[
          {
            title: '数据',
            head: true,
            cell: row => (
              <>
                {row.title}
                {row.evidence && <div className="ht-meta">{row.evidence}</div>}
              </>
            ),
          },
          { title: '取得方式', cell: row => row.kindLabel },
          { title: '部门', cell: row => row.department },
          { title: '取得日期', cell: row => row.obtained, keep: true, narrow: true },
          {
            title: '目录',
            cell: row => (
              <>
                {row.code && <A href={at(`/catalog/${codeInUrl(row.code)}`)}>{row.code}</A>}
                {row.missing && (
                  <div>
                    <Mark hue="yellow" shape="▲">
                      {row.missing.text}
                    </Mark>
                    <Why cite={row.missing.cite} text={citeWords(row.missing.cite)} />
                  </div>
                )}
                {!row.code && may && (
                  <EntrySelect
                    value={undefined}
                    onChange={code =>
                      link.mutate({ params: { id: row.id }, body: { code } }, { onError: error => message.error(problemOf(error).detail) })
                    }
                  />
                )}
              </>
            ),
          },
        ]}
      />
    </div>
  )
}

function Acquired() {
  const form = useForm<Record<string, any>>({ kind: 'own', title: '', obtained: '', evidence: '' })
  const { message } = App.useApp()
  const send = useAct(addAcquisition, () => {
    message.success('已登记')
    form.reset({ kind: 'own', title: '', obtained: '', evidence: '' })
  })
  return (
    <Sheet title="登记取得的数据">
      <form
        className="form"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          if (form.complete()) send.mutate({ body: form.value } as never, { onError: form.refused })
        }}
      >
        <Summary form={form} />
        <Field form={form} at="/kind" label="取得方式" required>
          {({ labelledby: _, ...control }) => (
            <Select
              {...control}
              style={{ maxWidth: 280 }}
              options={[
                { value: 'own', label: '履职收集产生' },
                { value: 'entrusted', label: '委托第三方' },
                { value: 'purchased', label: '采购' },
              ]}
            />
          )}
        </Field>
        {(
          [
            ['/title', '数据名称', 'text', true],
            ['/obtained', '取得日期', 'date', true],
            ['/evidence', '合同或付款凭证', 'text', false],
          ] as const
        ).map(([pointer, label, type, required]) => (
          <Field key={pointer} form={form} at={pointer} label={label} required={required}>
            {({ labelledby: _, onChange, ...control }) => (
              <Input
                {...control}
                type={type}
                style={type === 'date' ? { maxWidth: 200 } : undefined}
                onChange={event => onChange(event.target.value)}
              />
            )}
          </Field>
        ))}
        <Button type="primary" htmlType="submit" loading={send.isPending}>
          登记
        </Button>
      </form>
    </Sheet>
  )
}

function Guide() {
  const load = useRead(guide)
  return <Loaded load={load}>{one => <GuideForm key={one.versions[0]?.version ?? 0} of={one} />}</Loaded>
}
function GuideForm({ of: one }: { of: Reply<typeof guide> }) {
  const last = one.versions[0]
  const form = useForm<Record<string, any>>({ title: last?.title ?? `${one.regionName}目录编制指南`, required: last?.required ?? [] })
  const { message } = App.useApp()
  const send = useAct(issueGuide, () => message.success('新版本已发布'))
  return (
    <div className="stack">
      <Sheet
        title={last ? `${last.title} 第 ${last.version} 版` : '还没有发布编制指南'}
        note={
          <>
            {last ? `${last.by} ${last.issued} 发布 ` : `${one.regionName}的目录按规定的要素检查 `}
            <Why cite={one.cite} text={citeWords(one.cite)} />
          </>
        }
      >
        <form
          className="form"
          noValidate
          onSubmit={event => {
            event.preventDefault()
            if (form.complete()) send.mutate({ body: { ...form.value, region: one.region } } as never, { onError: form.refused })
          }}
        >
          <Summary form={form} />
          <Field form={form} at="/title" label="名称" required>
            {({ labelledby: _, onChange, ...control }) => <Input {...control} onChange={event => onChange(event.target.value)} />}
          </Field>
          <Field form={form} at="/required" label="必填要素" group hint="规定已要求的不能去掉；发布后提交的目录按新版本检查">
            {({ id, labelledby, value, onChange }) => (
              <Checkbox.Group
                aria-labelledby={labelledby}
                className="column"
                name={id}
                value={[...value, ...one.elements.filter(e => e.by === 'regulation').map(e => e.key)]}
                onChange={chosen => onChange(chosen.filter(key => !one.elements.some(e => e.key === key && e.by === 'regulation')))}
                options={one.elements.map(e => ({ value: e.key, label: e.label, disabled: e.by === 'regulation' }))}
              />
            )}
          </Field>
          <Button htmlType="submit" loading={send.isPending}>
            发布新版本
          </Button>
        </form>
      </Sheet>
    </div>
  )
}

function Releases() {
  const load = useRead(releases)
  const may = useMay(releaseCatalog)
  const { message } = App.useApp()
  const send = useAct(releaseCatalog, one => message.success(`第 ${one.version} 期已公布`))
  const button = may && (
    <Button
      type="primary"
      loading={send.isPending}
      onClick={() => send.mutate({ body: {} }, { onError: error => message.error(problemOf(error).detail) })}
    >
      公布现行目录
    </Button>
  )
  return (
    <>
      {button && <div className="filters">{button}</div>}
      <DataTable
        name="公布的目录"
        rows={load.data}
        rowKey={row => row.version}
        error={load.error}
        retry={load.refetch}
        empty={<Nothing>本地区还没有公布过目录。</Nothing>}
        columns={[
          { title: '期', head: true, cell: row => `第 ${row.version} 期` },
          { title: '公布日期', cell: row => row.released, keep: true, narrow: true },
          { title: '公布部门', cell: row => row.by },
          { title: '目录', right: true, narrow: true, cell: row => `${row.entries.length} 条` },
          { title: '依据', cell: row => <Why cite={row.cite} text={citeWords(row.cite)} />, narrow: true },
        ]}
      />
    </>
  )
}

/** 编码表: what the digits of 信息资源代码 mean here, and how a code is put together. */
function Codes() {
  const load = useRead(codes)
  const [form, setForm] = useState<{ kind: 'class' | 'pattern'; start: Record<string, any> } | null>(null)
  return (
    <Loaded load={load}>
      {view => (
        <div className="stack">
          <Sheet title="代码怎样编制" note={view.regionName}>
            <DataTable
              name="编制规则"
              rows={view.patterns}
              rowKey={row => row.kind}
              columns={[
                { title: '种类', head: true, cell: row => row.kindLabel },
                { title: '规则', keep: true, cell: row => <span className="ht-code">{row.pattern}</span> },
                { title: '例', keep: true, cell: row => <span className="ht-code">{row.example}</span> },
                {
                  title: '操作',
                  narrow: true,
                  cell: row =>
                    view.may && (
                      <button
                        type="button"
                        className="ht-link"
                        onClick={() => setForm({ kind: 'pattern', start: { kind: row.kind, pattern: row.pattern } })}
                      >
                        修改
                      </button>
                    ),
                },
              ]}
            />
            <p className="ht-hint" style={{ marginTop: 8 }}>
              {
                '{class} 类项目细目，{region} 行政区划，{department:3} 部门序号，{seq:6} 顺序号，冒号后是位数。已经编出的代码不会变，号码不重复使用。'
              }
            </p>
          </Sheet>
          <Sheet
            title="类、项、目、细目"
            note="本地有的以本地为准"
            acts={view.may && <Button onClick={() => setForm({ kind: 'class', start: { code: '', name: '', usual: false } })}>增加</Button>}
          >
            <DataTable
              name="编码"
              rows={view.classes}
              rowKey={row => row.code}
              columns={[
                { title: '名称', head: true, cell: row => row.name },
                { title: '代码', keep: true, narrow: true, cell: row => <span className="ht-code">{row.code}</span> },
                { title: '级', narrow: true, cell: row => ({ 1: '类', 3: '项', 6: '目' })[row.code.length] ?? '细目' },
                { title: '没有写明时', narrow: true, cell: row => (row.usual ? '取这一个' : '—') },
                { title: '来自', narrow: true, cell: row => row.regionName },
              ]}
            />
          </Sheet>
          {form?.kind === 'class' && (
            <SideForm endpoint={saveClass} title="增加或改名" verb="保存编码" start={form.start} shut={() => setForm(null)}>
              {one => (
                <>
                  <Line form={one} at="/code" label="代码" hint="含上一级：项 3 位、目 6 位、细目更长" />
                  <Line form={one} at="/name" label="名称" />
                  <Field form={one} at="/usual" label="目录没有写明这一级时" group>
                    {({ value, onChange }) => (
                      <Checkbox checked={Boolean(value)} onChange={event => onChange(event.target.checked)}>
                        取这一个
                      </Checkbox>
                    )}
                  </Field>
                </>
              )}
            </SideForm>
          )}
          {form?.kind === 'pattern' && (
            <SideForm endpoint={savePattern} title="代码怎样编制" verb="保存规则" start={form.start} shut={() => setForm(null)}>
              {one => <Line form={one} at="/pattern" label="规则" hint="以 {class} 开头，/ 之后以 {seq:位数} 结尾" />}
            </SideForm>
          )}
        </div>
      )}
    </Loaded>
  )
}

/** Words that find the same: those that came with the platform, and those added here. */
function SynonymWords() {
  const load = useRead(synonyms)
  const may = useMay(addSynonyms)
  const { message, modal } = App.useApp()
  const [word, setWord] = useState('')
  const [adding, setAdding] = useState(false)
  const remove = useAct(removeSynonyms, () => message.success('已删除，查找立即生效'))
  const of = (rows: Reply<typeof synonyms>) =>
    rows.filter(row => row.words.some(w => w.includes(word.trim().toLowerCase()))).sort((a, b) => b.id - a.id)
  return (
    <Sheet
      title="同义词"
      note="查其中一个，也找到其余的"
      acts={
        may && (
          <Button type="primary" onClick={() => setAdding(true)}>
            增加一组
          </Button>
        )
      }
    >
      <Input.Search
        aria-label="找词"
        placeholder="找词"
        allowClear
        value={word}
        onChange={event => setWord(event.target.value)}
        style={{ maxWidth: 320, marginBottom: 12 }}
      />
      <DataTable
        name="同义词"
        rows={load.data && of(load.data)}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        filtered={word.trim() !== ''}
        clear={() => setWord('')}
        empty="还没有同义词。"
        columns={[
          { title: '词', head: true, cell: row => row.words.join('、') },
          { title: '用于', narrow: true, cell: row => (row.same ? '查找、查重' : '查找') },
          { title: '来自', narrow: true, cell: row => row.by ?? '平台自带' },
          {
            title: '操作',
            narrow: true,
            cell: row =>
              may && (
                <button
                  type="button"
                  className="ht-link"
                  aria-label={`删除 ${row.words[0]} 一组`}
                  onClick={() =>
                    modal.confirm({
                      title: `删除“${row.words.join('、')}”`,
                      content: '以后查其中一个，不再找到其余的。',
                      okText: '删除这组',
                      okButtonProps: { danger: true },
                      cancelText: '保留',
                      onOk: () =>
                        remove.mutate(
                          { params: { id: row.id } },
                          { onError: error => message.error(problemOf(error).detail ?? '没有删除') },
                        ),
                    })
                  }
                >
                  删除
                </button>
              ),
          },
        ]}
      />
      {adding && (
        <SideForm
          endpoint={addSynonyms}
          title="增加一组同义词"
          verb="增加"
          start={{ words: [], same: false }}
          shut={() => setAdding(false)}
        >
          {one => (
            <>
              <Field form={one} at="/words" label="词" required hint="输入后回车，至少两个；可以一次粘贴多个（顿号、逗号或空格分开）">
                {({ labelledby: _, ...control }) => (
                  <Select {...control} mode="tags" open={false} tokenSeparators={['、', '，', ',', ' ']} style={{ width: '100%' }} />
                )}
              </Field>
              <Field form={one} at="/same" label="用于" group>
                {({ value, onChange }) => (
                  <Checkbox checked={Boolean(value)} onChange={event => onChange(event.target.checked)}>
                    查重也用：是同一信息项的不同叫法
                  </Checkbox>
                )}
              </Field>
            </>
          )}
        </SideForm>
      )}
    </Sheet>
  )
}

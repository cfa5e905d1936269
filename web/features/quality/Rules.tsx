import { useParams } from '@tanstack/react-router'
import { App, Button, Input, InputNumber, Select } from 'antd'
import { useEffect, useState } from 'react'
import {
  addRule,
  afterBatch,
  Check,
  changeRule,
  checkKindLabels,
  dimensions,
  type EntryRules,
  entryRules,
  formats,
  type Preview,
  previewRule,
  type QualityRule,
  removeRule,
  ruleRows,
  setLimit,
} from '../../../contract/quality.ts'
import { call, problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { type Control, Field, Summary } from '../../ui/Field.tsx'
import { type Form, useForm } from '../../ui/form.ts'
import { codeInUrl, moment, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing, ProblemNote } from '../../ui/states.tsx'
import { Trend } from '../../ui/Trend.tsx'
import { Score } from './EntryQuality.tsx'

type AnyForm = Form<Record<string, any>>

/** 质量规则 of one entry: what is checked, what was found, how the score went. */
export function RulesPage() {
  const { code } = useParams({ strict: false }) as { code: string }
  const load = useRead(entryRules, { params: { code } })
  return <Loaded load={load}>{of => <Rules key={of.code} of={of} code={code} />}</Loaded>
}

function Rules({ of, code }: { of: EntryRules; code: string }) {
  const [editing, setEditing] = useState<QualityRule | 'new' | null>(null)
  const [shown, setShown] = useState<QualityRule | null>(null)
  const { message, modal } = App.useApp()
  const failed = (error: Error) => {
    const problem = problemOf(error)
    modal.error({ title: problem.detail, content: problem.remedy, okText: '返回' })
  }
  const remove = useAct(removeRule, () => message.success('已删去，以前的结果保留'))
  const scored = of.trend.filter(p => p.score !== null)
  const keys = [...new Set(scored.flatMap(p => p.dimensions.map(d => d.key)))].filter(key =>
    scored.some(p => p.dimensions.some(d => d.key === key && d.score !== null)),
  )
  const last = scored.at(-1)
  return (
    <Page
      title="质量规则"
      name={`${of.title} · 质量规则`}
      crumb={
        <>
          <A href={at('/quality/entries')}>质量</A> › <A href={at(`/catalog/${codeInUrl(of.code)}`, { tab: 'data' })}>{of.title}</A>
        </>
      }
      sub={
        <span>
          {last ? (
            <>
              批次 {last.batchNo} 得分 <Score score={last.score} />
            </>
          ) : (
            '还没有得分，数据入库后计算'
          )}
        </span>
      }
      acts={
        of.kinds.length > 0 && (
          <Button type="primary" onClick={() => setEditing('new')}>
            添加规则
          </Button>
        )
      }
    >
      <div className="stack">
        {editing && (
          <RuleForm
            key={editing === 'new' ? 'new' : editing.id}
            entry={of}
            code={code}
            of={editing === 'new' ? null : editing}
            shut={() => setEditing(null)}
          />
        )}
        <DataTable
          name="质量规则"
          rows={of.rules}
          rowKey={row => row.id}
          empty={
            <Nothing
              action={
                of.kinds.length > 0 && !editing ? (
                  <button type="button" className="ht-btn" onClick={() => setEditing('new')}>
                    添加规则
                  </button>
                ) : undefined
              }
            >
              还没有规则。入库时仍检查必填、类型、长度、代码表、身份号码和信用代码。
            </Nothing>
          }
          columns={[
            {
              title: '规则',
              head: true,
              cell: row => (
                <>
                  {row.title}
                  {!row.active && (
                    <>
                      {' '}
                      <Mark>已停用</Mark>
                    </>
                  )}
                  {row.title !== row.words && <div className="ht-meta">{row.words}</div>}
                  {row.article && <div className="ht-meta">依据 {row.article}</div>}
                </>
              ),
            },
            { title: '种类', narrow: true, keep: true, cell: row => row.kindLabel },
            {
              title: '维度',
              narrow: true,
              cell: row => (
                <>
                  {row.dimensionLabel}
                  <div className="ht-meta">权重 {row.weight}</div>
                </>
              ),
            },
            { title: '不符合时', narrow: true, keep: true, cell: row => (row.severity === 'reject' ? '拒收这一行' : '只计数') },
            {
              title: '上一批',
              cell: row =>
                !row.last ? (
                  '还没有检查'
                ) : row.last.fault ? (
                  <Mark hue="yellow" shape="▲">
                    没有检查：{row.last.fault}
                  </Mark>
                ) : (
                  <>
                    <Mark
                      hue={row.last.failed === 0 ? 'green' : row.last.failed > row.threshold * row.last.checked ? 'red' : 'yellow'}
                      shape={row.last.failed === 0 ? '●' : row.last.failed > row.threshold * row.last.checked ? '■' : '▲'}
                    >
                      {number(row.last.checked)} 行中 {number(row.last.failed)} 行不符合
                    </Mark>
                    <div className="ht-meta">
                      批次 {row.last.batchNo} · 阈值 {Math.round(row.threshold * 1000) / 10}%
                      {row.ticket && (
                        <>
                          {' · '}
                          <A href={at(`/cases/${row.ticket}`)}>{row.ticket}</A>
                        </>
                      )}
                    </div>
                  </>
                ),
            },
            {
              title: '操作',
              narrow: true,
              cell: row =>
                row.may && (
                  <span className="row">
                    {row.check.kind !== 'fresh' && (
                      <button type="button" className="ht-btn" onClick={() => setShown(row)}>
                        看哪些行
                      </button>
                    )}
                    <button type="button" className="ht-btn" onClick={() => setEditing(row)}>
                      修改
                    </button>
                    <button
                      type="button"
                      className="ht-btn"
                      onClick={() =>
                        modal.confirm({
                          title: `删去规则「${row.title}」？`,
                          content: '以后的批次不再检查；以前的结果和得分保留。',
                          okText: '删去规则',
                          cancelText: '保留',
                          onOk: () => remove.mutateAsync({ params: { id: row.id } }).catch(failed),
                        })
                      }
                    >
                      删去
                    </button>
                  </span>
                ),
            },
          ]}
        />
        {shown && <BrokenRows key={shown.id} of={shown} shut={() => setShown(null)} />}
        <Sheet title="得分" acts={of.kinds.length > 0 && <Limit code={code} limit={of.limit} />}>
          <p className="ht-ink2">维度取内置检查与规则加权平均中较低的；总分按维度里规则的权重平均。</p>
          {scored.length ? (
            <Trend
              title={`${of.title}的质量得分`}
              points={scored.map(p => moment(p.at))}
              lines={[
                { label: '总分', values: scored.map(p => p.score) },
                ...keys.slice(0, 5).map(key => ({
                  label: scored.flatMap(p => p.dimensions).find(d => d.key === key)!.label,
                  values: scored.map(p => p.dimensions.find(d => d.key === key)?.score ?? null),
                })),
              ]}
              target={of.limit === null ? undefined : { label: '底线', value: of.limit }}
              source={`最近 ${scored.length} 批；由每一批保存的检查行数和不符合行数算出，可以重算。`}
            />
          ) : (
            <Nothing>还没有入库的批次。</Nothing>
          )}
        </Sheet>
      </div>
    </Page>
  )
}

function Limit({ code, limit }: { code: string; limit: number | null }) {
  const [value, setValue] = useState<number | null>(limit)
  const { message } = App.useApp()
  const save = useAct(setLimit, () => message.success(value === null ? '得分不再发问题单' : '底线已保存'))
  return (
    <span className="row">
      <label>
        <span className="ht-meta" style={{ fontWeight: 400 }}>
          低于多少分发问题单{' '}
        </span>
        <InputNumber
          aria-label="低于多少分发问题单"
          min={0}
          max={100}
          controls={false}
          style={{ width: 72 }}
          placeholder="不发"
          value={value}
          onChange={setValue}
        />
      </label>
      {value !== limit && (
        <Button loading={save.isPending} onClick={() => save.mutate({ params: { code }, body: { limit: value } })}>
          保存底线
        </Button>
      )}
    </span>
  )
}

function BrokenRows({ of: rule, shut }: { of: QualityRule; shut: () => void }) {
  const load = useRead(ruleRows, { params: { id: rule.id } })
  return (
    <Sheet
      title={`不符合「${rule.title}」的行`}
      acts={
        <button type="button" className="ht-btn" onClick={shut}>
          收起
        </button>
      }
    >
      {load.error ? <ProblemNote error={load.error} retry={load.refetch} /> : null}
      {load.data && <PreviewNote of={load.data} />}
    </Sheet>
  )
}

/** 「会查出 N 行」 with the rows themselves. */
function PreviewNote({ of: p }: { of: Preview }) {
  return (
    <>
      <p aria-live="polite">
        <b>{p.words}</b>：
        {p.checked > 0 && (
          <>
            {p.sampled && '抽样 '}
            {number(p.checked)} 行中{' '}
            <Mark hue={p.failed ? 'yellow' : 'green'} shape={p.failed ? '▲' : '●'}>
              {number(p.failed)} 行不符合
            </Mark>
          </>
        )}{' '}
        {p.note}
      </p>
      {p.example.length > 0 && (
        <DataTable
          name="不符合的行"
          scroll
          rows={p.example}
          rowKey={row => row.key}
          columns={[
            { title: '主键', head: true, keep: true, cell: row => row.key },
            ...(p.example[0]?.values ?? []).map((v, i) => ({
              title: v.name,
              cell: (row: Preview['example'][number]) => row.values[i]?.value ?? <span className="ht-ink3">（空）</span>,
            })),
          ]}
        />
      )}
    </>
  )
}

const blank: Record<Check['kind'], object> = {
  'not-null': {},
  unique: { items: [] },
  format: { format: 'mobile' },
  codes: { codes: [] },
  range: {},
  length: {},
  compare: { op: '>=' },
  depends: { when: { is: 'filled', values: [] }, must: 'filled', values: [] },
  sum: { parts: [], tolerance: 0 },
  reference: { items: [], code: '' },
  fresh: { days: 30 },
  predicate: { expression: '' },
}
const usual: Record<Check['kind'], keyof typeof dimensions> = {
  'not-null': 'complete',
  unique: 'consistent',
  format: 'conforming',
  codes: 'accurate',
  range: 'accurate',
  length: 'conforming',
  compare: 'consistent',
  depends: 'complete',
  sum: 'consistent',
  reference: 'consistent',
  fresh: 'timely',
  predicate: 'accurate',
}

function RuleForm({ entry, code, of, shut }: { entry: EntryRules; code: string; of: QualityRule | null; shut: () => void }) {
  const first = (entry.kinds[0] ?? 'not-null') as Check['kind']
  const form = useForm<Record<string, any>>(
    of
      ? { ...of, percent: of.threshold * 100 }
      : {
          title: '',
          check: { kind: first, ...blank[first] },
          dimension: usual[first],
          severity: 'mark',
          weight: 1,
          percent: 1,
          article: '',
          active: true,
        },
  )
  const { message } = App.useApp()
  const done = () => {
    message.success('规则已保存，下一批起检查')
    shut()
  }
  const add = useAct(addRule, done)
  const change = useAct(changeRule, done)
  const { check, percent, title, dimension, severity, weight, article, active } = form.value
  const kind = check.kind as Check['kind']
  const late = afterBatch.includes(kind)
  const preview = usePreview(code, check)
  const submit = () => {
    if (!form.complete()) return
    const body = {
      title,
      check,
      dimension,
      severity: late ? 'mark' : severity,
      weight: weight ?? 1,
      threshold: (percent ?? 0) / 100,
      article,
      active,
    } as never
    if (of) change.mutate({ params: { id: of.id }, body }, { onError: form.refused })
    else add.mutate({ params: { code }, body }, { onError: form.refused })
  }
  return (
    <Sheet title={of ? '修改规则' : '添加规则'} note="保存前先看它在现有数据里会查出什么">
      <form
        className="form"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          submit()
        }}
      >
        <Summary form={form} />
        <Choice
          form={form}
          at="/check/kind"
          label="检查什么"
          options={entry.kinds.map(k => ({ value: k, label: checkKindLabels[k as Check['kind']] }))}
          change={next => {
            form.set('/check', { kind: next, ...blank[next as Check['kind']] })
            form.set('/dimension', usual[next as Check['kind']])
          }}
        />
        <CheckFields form={form} kind={kind} items={entry.items} />
        <div className="ht-note" aria-busy={preview.busy}>
          {preview.problem ? (
            <p>{preview.problem}</p>
          ) : preview.found ? (
            <PreviewNote of={preview.found} />
          ) : (
            <p className="ht-ink2">{preview.busy ? '正在试查…' : '写全以后，这里显示现有数据里会查出多少行、是哪些行。'}</p>
          )}
        </div>
        <Choice
          form={form}
          at="/severity"
          label="不符合时"
          hint={late ? '这种检查在入库以后进行，只能计数' : '拒收的行进入拒收清单，其余照常入库'}
          options={[
            { value: 'mark', label: '照常入库，只计数' },
            { value: 'reject', label: '拒收这一行', disabled: late },
          ]}
        />
        <Choice
          form={form}
          at="/dimension"
          label="计入哪个维度"
          options={Object.entries(dimensions).map(([value, label]) => ({ value, label }))}
        />
        <Num form={form} at="/weight" label="权重" hint="1 至 10" min={1} max={10} />
        <Num form={form} at="/percent" label="超过百分之几发问题单" hint="不符合的行占检查的行的比例；0 表示有一行就发" min={0} max={100} />
        <Text form={form} at="/title" label="名称" hint="不写时用规则的内容作名称" />
        <Text form={form} at="/article" label="依据（法规或标准条款）" />
        {of && (
          <Choice
            form={form}
            at="/active"
            label="状态"
            options={[
              { value: true, label: '使用' },
              { value: false, label: '停用' },
            ]}
          />
        )}
        <div className="row">
          <Button type="primary" htmlType="submit" loading={add.isPending || change.isPending}>
            保存规则
          </Button>
          <Button onClick={shut}>先不存</Button>
        </div>
      </form>
    </Sheet>
  )
}

/** Asks a moment after the last change what the check would find; what it refuses is said in place. */
function usePreview(code: string, check: object) {
  const [state, setState] = useState<{ found?: Preview; problem?: string; busy: boolean }>({ busy: false })
  const text = JSON.stringify(check)
  useEffect(() => {
    // A form that is not finished is no mistake yet.
    const parsed = Check.safeParse(JSON.parse(text))
    if (!parsed.success) return setState({ busy: false })
    const controller = new AbortController()
    const timer = setTimeout(async () => {
      setState({ busy: true })
      try {
        const found = (await (call as any)(previewRule, {
          params: { code },
          body: { check: parsed.data },
          signal: controller.signal,
        })) as Preview
        setState({ found, busy: false })
      } catch (error) {
        if (controller.signal.aborted) return
        const problem = problemOf(error)
        setState({ problem: `${problem.detail}${problem.remedy ?? ''}`, busy: false })
      }
    }, 600)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [code, text])
  return state
}

type Items = EntryRules['items']
function CheckFields({ form, kind, items }: { form: AnyForm; kind: Check['kind']; items: Items }) {
  const options = items.map(i => ({ value: i.key, label: i.name }))
  const of = (...types: string[]) => items.filter(i => types.includes(i.type)).map(i => ({ value: i.key, label: i.name }))
  const item = (label = '信息项', pointer = '/check/item', from = options) => (
    <Choice form={form} at={pointer} label={label} required options={from} />
  )
  const { check } = form.value
  switch (kind) {
    case 'not-null':
      return item()
    case 'unique':
      return <Choice form={form} at="/check/items" label="哪些信息项合起来不重复" required many options={options} />
    case 'format':
      return (
        <>
          {item('信息项', '/check/item', of('C', 'M', 'G'))}
          <Choice
            form={form}
            at="/check/format"
            label="格式"
            options={[...Object.entries(formats).map(([value, f]) => ({ value, label: f.label })), { value: '', label: '自己写表达式' }]}
            change={value =>
              form.set('/check', value ? { kind, item: check.item, format: value } : { kind, item: check.item, pattern: '' })
            }
          />
          {check.format === undefined && (
            <Text
              form={form}
              at="/check/pattern"
              label="正则表达式"
              required
              hint="整个值都要符合，例如 [A-Z]{2}[0-9]{6}；不能用反向引用、前后断言和重复里的重复"
            />
          )}
        </>
      )
    case 'codes':
      return (
        <>
          {item()}
          <Tags form={form} at="/check/codes" label="代码" hint="输入后回车，可以一次粘贴多个（逗号或换行分开）" />
        </>
      )
    case 'range':
      return (
        <>
          {item('信息项', '/check/item', of('N', 'Y', 'I', 'B', 'F', 'D', 'T'))}
          <Text form={form} at="/check/min" label="不小于（不早于）" hint="数字、2026-09-24，或 today、today-30" unset />
          <Text form={form} at="/check/max" label="不大于（不晚于）" hint="数字、2026-09-24，或 today、today+30" unset />
        </>
      )
    case 'length':
      return (
        <>
          {item('信息项', '/check/item', of('C', 'M', 'G'))}
          <Num form={form} at="/check/min" label="最少字数" min={0} max={100_000} />
          <Num form={form} at="/check/max" label="最多字数" min={0} max={100_000} />
        </>
      )
    case 'compare':
      return (
        <>
          {item('这一项')}
          <Choice
            form={form}
            at="/check/op"
            label="应当"
            options={[
              { value: '>=', label: '不小于（不早于）' },
              { value: '>', label: '大于（晚于）' },
              { value: '<=', label: '不大于（不晚于）' },
              { value: '<', label: '小于（早于）' },
              { value: '=', label: '等于' },
              { value: '<>', label: '不等于' },
            ]}
          />
          {item('另一项', '/check/other')}
        </>
      )
    case 'depends':
      return (
        <>
          {item('当这一项', '/check/when/item')}
          <Choice
            form={form}
            at="/check/when/is"
            label="是"
            options={[
              { value: 'filled', label: '有值' },
              { value: 'empty', label: '没有值' },
              { value: 'one-of', label: '下列值之一' },
              { value: 'not-one-of', label: '不是下列值' },
            ]}
          />
          {String(check.when?.is).endsWith('one-of') && <Tags form={form} at="/check/when/values" label="条件的值" />}
          {item('那么这一项')}
          <Choice
            form={form}
            at="/check/must"
            label="应当"
            options={[
              { value: 'filled', label: '有值' },
              { value: 'empty', label: '没有值' },
              { value: 'one-of', label: '是下列值之一' },
            ]}
          />
          {check.must === 'one-of' && <Tags form={form} at="/check/values" label="应为哪些值" />}
        </>
      )
    case 'sum':
      return (
        <>
          <Choice form={form} at="/check/parts" label="哪些信息项相加" required many options={of('N', 'Y', 'I', 'B', 'F')} />
          {item('等于哪一项', '/check/total', of('N', 'Y', 'I', 'B', 'F'))}
          <Num form={form} at="/check/tolerance" label="允许相差" min={0} />
        </>
      )
    case 'reference':
      return (
        <>
          <Choice form={form} at="/check/items" label="哪些信息项与另一条目录的主键对应" required many options={options} />
          <Text form={form} at="/check/code" label="另一条目录的信息资源代码" required hint="本部门的，或本部门已取得授权的目录" />
        </>
      )
    case 'fresh':
      return (
        <>
          <Choice
            form={form}
            at="/check/item"
            label="按哪个日期"
            options={[{ value: '', label: '数据入库的时间' }, ...of('D', 'T')]}
            change={value => form.set('/check', { kind, days: check.days, ...(value && { item: value }) })}
          />
          <Num form={form} at="/check/days" label="最新的在几天以内" min={0} max={3660} />
        </>
      )
    case 'predicate':
      return (
        <Field
          form={form}
          at="/check/expression"
          label="每一行都应符合的条件"
          required
          hint="用信息项的名称写，例如 停业日期 is null or 停业日期 >= 开业日期；可以用 and or not、in、between、like、+ - * /、length left substr upper round year month today coalesce"
        >
          {({ labelledby: _, onChange, ...control }) => (
            <Input.TextArea
              {...control}
              rows={4}
              value={control.value ?? ''}
              spellCheck={false}
              onChange={event => onChange(event.target.value)}
            />
          )}
        </Field>
      )
  }
}

type Part = { form: AnyForm; at: string; label: string; hint?: string; required?: boolean }
const bare = ({ labelledby: _, ...control }: Control & { labelledby: string }) => control

function Choice({
  options,
  many = false,
  change,
  ...field
}: Part & { options: { value: any; label: string; disabled?: boolean }[]; many?: boolean; change?: (value: any) => void }) {
  return (
    <Field {...field}>
      {given => {
        const { value, onChange, ...control } = bare(given)
        return (
          <Select
            {...control}
            {...(many && { mode: 'multiple' as const })}
            style={{ width: '100%', maxWidth: 420 }}
            showSearch={options.length > 8 && { optionFilterProp: 'label' }}
            placeholder="请选择"
            value={many ? (value ?? []) : (value ?? (options.some(o => o.value === '') ? '' : undefined))}
            options={options}
            onChange={change ?? onChange}
          />
        )
      }}
    </Field>
  )
}
function Tags(field: Part) {
  return (
    <Field required {...field}>
      {given => {
        const { value, ...control } = bare(given)
        return (
          <Select
            {...control}
            mode="tags"
            open={false}
            style={{ width: '100%', maxWidth: 420 }}
            tokenSeparators={[',', '，', '\n']}
            value={value ?? []}
          />
        )
      }}
    </Field>
  )
}
/** `unset`: an empty line means that there is no such bound. */
function Text({ unset = false, ...field }: Part & { unset?: boolean }) {
  return (
    <Field {...field}>
      {given => {
        const { value, onChange, ...control } = bare(given)
        return (
          <Input
            {...control}
            autoComplete="off"
            style={{ maxWidth: 420 }}
            value={value ?? ''}
            onChange={event => onChange(unset && !event.target.value ? undefined : event.target.value)}
          />
        )
      }}
    </Field>
  )
}
function Num({ min, max, ...field }: Part & { min?: number; max?: number }) {
  return (
    <Field {...field}>
      {given => {
        const { value, onChange, ...control } = bare(given)
        return (
          <InputNumber
            {...control}
            controls={false}
            min={min}
            max={max}
            style={{ width: 140 }}
            value={value}
            onChange={v => onChange(v ?? undefined)}
          />
        )
      }}
    </Field>
  )
}

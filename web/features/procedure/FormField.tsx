import { useParams } from '@tanstack/react-router'
import { App, Button, Checkbox, Input, InputNumber, Modal, Radio, Select } from 'antd'
import { useEffect, useState } from 'react'
import { searchEntries } from '../../../contract/catalog.ts'
import { createSystem, departments, systems } from '../../../contract/organization.ts'
import { type ActionField, attach, basisKinds, type GrantedItem, type Treatment, treatments } from '../../../contract/procedure.ts'
import { previewTreatments } from '../../../contract/sharing.ts'
import { problemOf } from '../../app/api.ts'
import { useAct, useRead } from '../../app/query.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { type Control, Field } from '../../ui/Field.tsx'
import type { Form } from '../../ui/form.ts'
import { Nothing, ProblemNote } from '../../ui/states.tsx'

/** What a field starts with: the server's proposal, else empty. */
export const startOf = (fields: readonly ActionField[]) =>
  Object.fromEntries(
    fields.filter(field => field.proposal !== undefined && field.proposal !== null).map(field => [field.name, field.proposal]),
  )

type Props = Control & { labelledby: string; field: ActionField; choices: string[] }

/** One field of an action or application, drawn from its description; the regulation file decides which there are. */
export function FormField({
  form,
  field,
  at = '',
  choices = [],
}: {
  form: Form<any>
  field: ActionField
  at?: string
  choices?: string[]
}) {
  const group = ['choice', 'items', 'treatments', 'basis', 'corrections', 'confirm'].includes(field.kind)
  const min = field.kind === 'longtext' && field.min > 1 ? `至少 ${field.min} 个字` : null
  return (
    <Field
      form={form}
      at={`${at}/${field.name}`}
      label={field.kind === 'confirm' ? '确认' : field.label}
      required={field.required}
      group={group}
      hint={[field.help, min].filter(Boolean).join('。') || undefined}
    >
      {control => {
        const Input = inputs[field.kind] ?? Text
        return <Input {...control} field={field} choices={choices} />
      }}
    </Field>
  )
}

function Text({ field: _, choices: __, labelledby: ___, onChange, ...control }: Props) {
  return <Input {...control} value={control.value ?? ''} maxLength={200} onChange={event => onChange(event.target.value)} />
}

function LongText({ field: _, choices: __, labelledby: ___, onChange, ...control }: Props) {
  return (
    <Input.TextArea
      {...control}
      value={control.value ?? ''}
      autoSize={{ minRows: 3, maxRows: 10 }}
      onChange={event => onChange(event.target.value)}
    />
  )
}

function DayInput({ field: _, choices: __, labelledby: ___, onChange, ...control }: Props) {
  return (
    <Input
      {...control}
      type="date"
      style={{ maxWidth: 200 }}
      value={control.value ?? ''}
      onChange={event => onChange(event.target.value || undefined)}
    />
  )
}

function NumberInput({ field: _, choices: __, labelledby: ___, onChange, ...control }: Props) {
  return (
    <InputNumber
      {...control}
      controls={false}
      min={1}
      precision={0}
      style={{ width: 200 }}
      onChange={value => onChange(value ?? undefined)}
    />
  )
}

function Choice({ id, field, value, onChange, labelledby, ...rest }: Props) {
  return (
    <Radio.Group
      id={id}
      name={id}
      aria-labelledby={labelledby}
      aria-describedby={rest['aria-describedby']}
      value={value}
      onChange={event => onChange(event.target.value)}
      options={field.options ?? []}
    />
  )
}

function Confirm({ id, field, value, onChange, ...rest }: Props) {
  return (
    <Checkbox
      id={id}
      aria-describedby={rest['aria-describedby']}
      checked={Boolean(value)}
      onChange={event => onChange(event.target.checked || undefined)}
    >
      {field.label}
    </Checkbox>
  )
}

function Items({ id, field, value, onChange, labelledby }: Props) {
  const chosen: string[] = value ?? []
  const rows = field.rows ?? []
  return (
    <fieldset id={id} aria-labelledby={labelledby} className="choices" tabIndex={-1}>
      {rows.length > 3 && (
        <div>
          <button type="button" className="ht-link" onClick={() => onChange(chosen.length === rows.length ? [] : rows.map(row => row.key))}>
            {chosen.length === rows.length ? '全部取消' : '全选'}
          </button>
          <span className="ht-hint"> 已选 {chosen.length} 项；只选办事需要的。</span>
        </div>
      )}
      {rows.map(row => (
        <label key={row.key} className={chosen.includes(row.key) ? 'on' : undefined}>
          <input
            type="checkbox"
            checked={chosen.includes(row.key)}
            onChange={event => onChange(event.target.checked ? [...chosen, row.key] : chosen.filter(key => key !== row.key))}
          />
          <span>
            {row.label}
            {row.note && <span className="ht-hint"> {row.note}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  )
}

/** What is given and how: treatment, masking profile and, where wanted, only the rows with certain values. */
function Treatments({ id, field, value, onChange, labelledby }: Props) {
  const given: GrantedItem[] = value ?? []
  const [looking, setLooking] = useState(false)
  const { no } = useParams({ strict: false }) as { no?: string }
  const change = (key: string, part: Partial<GrantedItem>) => onChange(given.map(item => (item.key === key ? { ...item, ...part } : item)))
  return (
    <fieldset id={id} aria-labelledby={labelledby} className="choices" tabIndex={-1}>
      {(field.rows ?? []).map(row => {
        const one = given.find(item => item.key === row.key)
        const box = `${id}-${row.key}`
        return (
          <div key={row.key} className="stack-small">
            <div className="row">
              <label htmlFor={box} style={{ flex: 1 }} className={one ? 'on' : undefined}>
                <input
                  id={box}
                  type="checkbox"
                  checked={Boolean(one)}
                  onChange={event =>
                    onChange(
                      event.target.checked ? [...given, { key: row.key, treatment: 'plain' }] : given.filter(item => item.key !== row.key),
                    )
                  }
                />
                <span>
                  {row.label}
                  {row.note && <span className="ht-hint"> {row.note}</span>}
                </span>
              </label>
              <Select
                aria-label={`${row.label}的处理方式`}
                style={{ width: 104 }}
                disabled={!one}
                value={one?.treatment}
                placeholder="不给予"
                options={Object.entries(treatments).map(([key, label]) => ({ value: key, label }))}
                onChange={treatment => change(row.key, { treatment, profile: undefined })}
              />
            </div>
            {one && (
              <div className="row">
                {one.treatment === 'masked' && row.profiles && (
                  <Select
                    aria-label={`${row.label}的脱敏方式`}
                    style={{ flex: 1, minWidth: 180 }}
                    value={one.profile ?? row.profiles[0]?.value}
                    options={row.profiles}
                    onChange={profile => change(row.key, { profile })}
                  />
                )}
                <Select
                  mode="tags"
                  aria-label={`只给${row.label}为这些值的行`}
                  style={{ flex: 1, minWidth: 180 }}
                  placeholder="不限定行；可写值，只给相符的行"
                  value={one.only ?? []}
                  open={false}
                  suffixIcon={null}
                  tokenSeparators={['，', ',', '、']}
                  onChange={(only: string[]) => change(row.key, { only: only.length ? only : undefined })}
                />
              </div>
            )}
          </div>
        )
      })}
      {no && (
        <div>
          <Button disabled={!given.length} onClick={() => setLooking(true)}>
            预览处理效果
          </Button>
        </div>
      )}
      {looking && no && <TreatmentPreview no={no} given={given} shut={() => setLooking(false)} />}
    </fieldset>
  )
}

const notShown: Partial<Record<Treatment, string>> = { verify: '不提供内容', aggregate: '只供聚合' }
/** A few real rows before and after. Each look is recorded, so it happens on asking only. */
function TreatmentPreview({ no, given, shut }: { no: string; given: GrantedItem[]; shut: () => void }) {
  const look = useAct(previewTreatments)
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each opening, since each look is recorded
  useEffect(() => look.mutate({ params: { no }, body: { treatments: given } }), [])
  const shown = look.data
  return (
    <Modal open title="处理前后（真实数据，已留痕）" width={900} onCancel={shut} footer={<Button onClick={shut}>关闭</Button>}>
      {look.error && <ProblemNote error={look.error} />}
      {shown && (
        <div className="stack">
          <p className="ht-hint">
            共 {shown.count.toLocaleString('zh-CN')} 行符合，这里是前 {shown.rows.length} 行。上面是现在的值，下面是提供出去的值。
            {shown.missing.length > 0 && ` 还没有数据的信息项：${shown.missing.join('、')}。`}
          </p>
          <DataTable
            name="处理前后对照"
            scroll
            rows={shown.rows}
            rowKey={(_, n) => n}
            columns={shown.columns.map((column, i) => ({
              title: `${column.name}（${column.treatmentLabel}）`,
              cell: (row: (typeof shown.rows)[number]) => (
                <>
                  <div className="ht-meta">{row.before[i] ?? '（空）'}</div>
                  <b>{notShown[column.treatment] ?? row.after[i] ?? '（空）'}</b>
                </>
              ),
            }))}
            empty={<Nothing>没有符合的行。</Nothing>}
          />
        </div>
      )}
    </Modal>
  )
}

export function BasisInput({ id, value, onChange, labelledby }: Pick<Control, 'id' | 'value' | 'onChange'> & { labelledby: string }) {
  const basis = value ?? {}
  const set = (part: object) => onChange({ kind: 'law', instrument: '', article: '', ...basis, ...part })
  return (
    <fieldset id={id} aria-labelledby={labelledby} className="stack-small" tabIndex={-1}>
      <div className="row">
        <Select
          aria-label="依据的种类"
          style={{ width: 150 }}
          placeholder="种类"
          value={basis.kind}
          onChange={kind => set({ kind })}
          options={Object.entries(basisKinds).map(([key, label]) => ({ value: key, label }))}
        />
        <Input
          aria-label="依据的名称"
          style={{ flex: 1, minWidth: 160 }}
          placeholder="名称，如 社会救助暂行办法"
          value={basis.instrument ?? ''}
          onChange={event => set({ instrument: event.target.value })}
        />
        <Input
          aria-label="依据的条款"
          style={{ width: 110 }}
          placeholder="第…条"
          value={basis.article ?? ''}
          onChange={event => set({ article: event.target.value })}
        />
      </div>
    </fieldset>
  )
}

type Fix = { field: string; message: string; who?: string }
function Corrections({ id, value, onChange, labelledby, choices }: Props) {
  const list: Fix[] = value ?? []
  const set = (index: number, part: Partial<Fix>) => onChange(list.map((fix, i) => (i === index ? { ...fix, ...part } : fix)))
  return (
    <fieldset id={id} aria-labelledby={labelledby} className="stack-small" tabIndex={-1}>
      <p className="ht-hint">一次性告知，提交后不能再追加。</p>
      {list.map((fix, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other identity
        <div key={index} className="sheet stack-small">
          <div className="row">
            <Select
              aria-label={`第 ${index + 1} 处：哪里`}
              style={{ flex: 1, minWidth: 160 }}
              showSearch
              placeholder="哪里需要补正"
              value={fix.field || undefined}
              onChange={field => set(index, { field })}
              options={[...choices, '其他材料'].map(choice => ({ value: choice, label: choice }))}
            />
            <Button onClick={() => onChange(list.filter((_, i) => i !== index))}>移除第 {index + 1} 处</Button>
          </div>
          <Input.TextArea
            aria-label={`第 ${index + 1} 处：怎样补正`}
            autoSize={{ minRows: 2 }}
            placeholder="什么不对，怎样补正"
            value={fix.message}
            onChange={event => set(index, { message: event.target.value })}
          />
        </div>
      ))}
      <Button onClick={() => onChange([...list, { field: '', message: '' }])}>添加一处</Button>
    </fieldset>
  )
}

function System({ field: _, choices: __, labelledby: ___, value, onChange, ...control }: Props) {
  const list = useRead(systems)
  const [name, setName] = useState<string | null>(null)
  const { message } = App.useApp()
  const register = useAct(createSystem, system => {
    onChange(system.id)
    setName(null)
  })
  return (
    <div className="stack-small">
      <Select
        {...control}
        value={value}
        onChange={onChange}
        loading={list.isPending}
        placeholder="选择已登记的信息系统"
        options={list.data?.map(system => ({ value: system.id, label: `${system.name} · ${system.department}` }))}
        notFoundContent="本部门还没有登记信息系统"
      />
      {name === null ? (
        <button type="button" className="ht-link" onClick={() => setName('')}>
          登记新的信息系统
        </button>
      ) : (
        <div className="row">
          <Input
            aria-label="新信息系统的名称"
            style={{ flex: 1 }}
            value={name}
            placeholder="系统名称"
            onChange={event => setName(event.target.value)}
          />
          <Button
            loading={register.isPending}
            onClick={() => register.mutate({ body: { name, address: '' } }, { onError: error => message.error(problemOf(error).detail) })}
          >
            登记
          </Button>
          <Button onClick={() => setName(null)}>取消</Button>
        </div>
      )}
    </div>
  )
}

/** One line per thing. */
function List({ field: _, choices: __, labelledby: ___, value, onChange, ...control }: Props) {
  const lines: string[] = value ?? []
  return (
    <Input.TextArea
      {...control}
      value={lines.join('\n')}
      placeholder="一行写一项"
      autoSize={{ minRows: 3, maxRows: 12 }}
      onChange={event => onChange(event.target.value.split('\n'))}
    />
  )
}

function Department({ field: _, choices: __, labelledby: ___, value, onChange, ...control }: Props) {
  const list = useRead(departments, { query: {} })
  return (
    <Select
      {...control}
      showSearch={{ optionFilterProp: 'label' }}
      value={value}
      onChange={onChange}
      loading={list.isPending}
      placeholder="选择部门"
      options={list.data?.map(one => ({ value: one.id, label: one.name }))}
      notFoundContent="没有找到这个部门"
    />
  )
}

/** Finds an entry by its words; the field keeps its id, an address its code. */
function EntryInput({ id, value, onChange, by = 'id' }: Pick<Control, 'id' | 'value' | 'onChange'> & { by?: 'id' | 'code' }) {
  const [q, setQ] = useState('')
  const list = useRead(searchEntries, { query: { scope: 'all', state: 'published', limit: 20, ...(q && { q }) } as object })
  return (
    <Select
      id={id}
      showSearch={{ filterOption: false, onSearch: setQ }}
      value={value || undefined}
      onChange={onChange}
      loading={list.isPending}
      placeholder="输入名称查找目录"
      options={list.data?.rows.map(row => ({ value: row[by], label: `${row.title} · ${row.department}` }))}
      notFoundContent="没有找到这条目录"
    />
  )
}

/** What a case is about: an entry, one of my grants or systems, a department; anything else by its number. */
export function TargetInput({ kind, ...control }: Control & { kind: string }) {
  const plain = { field: {} as ActionField, choices: [], labelledby: '' }
  if (kind === 'entry') return <EntryInput {...control} by="code" />
  if (kind === 'system') return <System {...control} {...plain} />
  if (kind === 'department') return <Department {...control} {...plain} />
  return <Text {...control} {...plain} />
}

function File({ id, field, value, onChange }: Props) {
  const { message } = App.useApp()
  const [name, setName] = useState('')
  const send = useAct(attach, made => {
    setName(made.name)
    onChange(made.id)
  })
  return (
    <div className="row">
      <input
        id={id}
        type="file"
        aria-label={field.label}
        onChange={event => {
          const file = event.target.files?.[0]
          if (!file) return
          const body = new FormData()
          body.append('file', file)
          send.mutate({ body }, { onError: error => message.error(problemOf(error).detail) })
        }}
      />
      {send.isPending && <span className="ht-ink2">正在上传</span>}
      {value && name && <span className="ht-ink2">已上传 {name}</span>}
    </div>
  )
}

const inputs: Record<string, (props: Props) => React.JSX.Element> = {
  list: List,
  department: Department,
  entry: EntryInput,
  file: File,
  text: Text,
  longtext: LongText,
  choice: Choice,
  day: DayInput,
  number: NumberInput,
  confirm: Confirm,
  items: Items,
  treatments: Treatments,
  basis: BasisInput,
  corrections: Corrections,
  system: System,
}

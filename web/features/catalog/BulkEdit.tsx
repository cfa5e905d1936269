import { useNavigate } from '@tanstack/react-router'
import { App, Button, Checkbox, Drawer, Input, Select } from 'antd'
import { Fragment, type ReactNode } from 'react'
import { grades, updateCycles } from '../../../contract/catalog.ts'
import { bulkEdit } from '../../../contract/catalog-runs.ts'
import { useAct } from '../../app/query.ts'
import { useSession } from '../../app/session.ts'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { number } from '../../ui/format.ts'
import { BasisInput } from '../procedure/FormField.tsx'
import { useWords } from './words.ts'

const parts = {
  contact: '联系人',
  updateCycle: '更新周期',
  grade: '数据分级',
  share: '共享类型',
  open: '开放类型',
  upperCode: '上级目录',
  tags: '标签',
  theme: '主题',
  innerUnit: '内设机构',
  sourceSystem: '来源系统',
} as const
type PartKey = keyof typeof parts

/** 批量修改: choose what to change, say to what; everything else of the entries stays. */
export function BulkEdit({
  codes,
  filter,
  count,
  shut,
}: {
  codes?: string[]
  filter?: Record<string, string>
  count: number
  shut: () => void
}) {
  const navigate = useNavigate()
  const { message } = App.useApp()
  const words = useWords(useSession().department.region)
  const form = useForm<Record<string, any>>({ parts: [] as PartKey[], changes: {}, submit: false })
  const send = useAct(bulkEdit, made => {
    message.success('开始检查')
    void navigate({ to: `/catalog/runs/${made.id}` as string })
  })
  const chosen = new Set<PartKey>(form.value.parts)
  const submit = () => {
    const { changes } = form.value
    const of: Record<PartKey, object> = {
      contact: { contact: changes.contact ?? {} },
      updateCycle: { updateCycle: changes.updateCycle },
      grade: { grade: changes.grade },
      share: {
        shareClass: changes.shareClass,
        ...(changes.shareClass === 'conditional' && { shareConditions: changes.shareConditions ?? '' }),
        ...(changes.shareBasis?.instrument && { shareBasis: changes.shareBasis }),
      },
      open: {
        openClass: changes.openClass,
        ...(changes.openClass === 'conditional' && { openConditions: changes.openConditions ?? '' }),
        ...(changes.openBasis?.instrument && { openBasis: changes.openBasis }),
      },
      upperCode: { upperCode: changes.upperCode ?? '' },
      tags: { addTags: changes.addTags ?? [], removeTags: changes.removeTags ?? [] },
      theme: { theme: changes.theme ?? '' },
      innerUnit: { innerUnit: changes.innerUnit ?? '' },
      sourceSystem: { sourceSystem: changes.sourceSystem ?? '' },
    }
    if (!form.complete()) return
    const body = {
      changes: Object.assign({}, ...[...chosen].map(key => of[key])),
      submit: form.value.submit,
      ...(codes ? { codes } : { filter }),
    }
    send.mutate({ body } as never, { onError: form.refused })
  }
  const line = (at: string, label: string, hint?: string, required = false) => (
    <Field form={form} at={`/changes/${at}`} label={label} hint={hint} required={required}>
      {({ labelledby: _, onChange, value, ...control }) => (
        <Input {...control} value={value ?? ''} autoComplete="off" onChange={event => onChange(event.target.value)} />
      )}
    </Field>
  )
  const pick = (at: string, label: string, options: [string | number, string][]) => (
    <Field form={form} at={`/changes/${at}`} label={label} required>
      {({ labelledby: _, ...control }) => (
        <Select {...control} options={options.map(([value, text]) => ({ value, label: text }))} style={{ width: '100%' }} />
      )}
    </Field>
  )
  const many = (at: string, label: string) => (
    <Field form={form} at={`/changes/${at}`} label={label} hint="输入后按回车">
      {({ labelledby: _, value, ...control }) => (
        <Select {...control} mode="tags" value={value ?? []} open={false} style={{ width: '100%' }} />
      )}
    </Field>
  )
  const basis = (at: string, label: string) => (
    <Field form={form} at={`/changes/${at}`} label={label} group hint="本地规定要求依据的，没有依据的目录不会改">
      {control => <BasisInput {...control} />}
    </Field>
  )
  const { changes } = form.value
  const fields: Record<PartKey, () => ReactNode> = {
    contact: () => (
      <>
        {line('contact/name', '联系人姓名', '空着就不改')}
        {line('contact/phone', '联系电话', '空着就不改')}
      </>
    ),
    updateCycle: () => pick('updateCycle', '更新周期', Object.entries(updateCycles)),
    grade: () =>
      pick(
        'grade',
        '数据分级',
        Object.entries(grades).map(([k, label]) => [Number(k), label]),
      ),
    share: () => (
      <>
        {pick('shareClass', '共享类型', Object.entries(words?.share ?? {}))}
        {changes.shareClass === 'conditional' && line('shareConditions', '共享条件', '哪些部门、什么用途、什么范围', true)}
        {changes.shareClass && changes.shareClass !== 'unconditional' && basis('shareBasis', '共享依据')}
      </>
    ),
    open: () => (
      <>
        {pick('openClass', '开放类型', Object.entries(words?.open ?? {}))}
        {changes.openClass === 'conditional' && line('openConditions', '开放条件')}
        {changes.openClass && changes.openClass !== 'open' && basis('openBasis', '不开放或有条件开放的依据')}
      </>
    ),
    upperCode: () => line('upperCode', '上级目录代码', '上级已发布目录的代码；空着就去掉'),
    tags: () => (
      <>
        {many('addTags', '加上标签')}
        {many('removeTags', '去掉标签')}
      </>
    ),
    theme: () => line('theme', '主题'),
    innerUnit: () => line('innerUnit', '内设机构'),
    sourceSystem: () => line('sourceSystem', '来源系统'),
  }
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title={`批量修改 ${number(count)} 条目录`}
      footer={
        <div className="row">
          <Button type="primary" disabled={!chosen.size} loading={send.isPending} onClick={submit}>
            先检查
          </Button>
          <Button onClick={shut}>先不改</Button>
        </div>
      }
    >
      <form
        className="form"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          submit()
        }}
      >
        <Summary form={form} />
        <Field form={form} at="/parts" label="改什么" required group hint="没有选的内容保持不变">
          {({ labelledby, value, onChange }) => (
            <Select
              mode="multiple"
              aria-labelledby={labelledby}
              value={value}
              onChange={onChange}
              style={{ width: '100%' }}
              options={Object.entries(parts).map(([key, label]) => ({ value: key, label }))}
            />
          )}
        </Field>
        {[...chosen].map(key => (
          <Fragment key={key}>{fields[key]()}</Fragment>
        ))}
        <Field form={form} at="/submit" label="保存以后" group>
          {({ value, onChange }) => (
            <Checkbox checked={value} onChange={event => onChange(event.target.checked)}>
              改好的随即提交审核
            </Checkbox>
          )}
        </Field>
        <p className="ht-hint">下一步逐条检查，您核对后才保存。草稿直接修改；已发布的成为变更草稿，审核发布前仍按现行版本使用。</p>
      </form>
    </Drawer>
  )
}

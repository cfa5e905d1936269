import { App, Button, Drawer, Input, Select } from 'antd'
import type { ReactNode } from 'react'
import type { Cite } from '../../../contract/common.ts'
import type { Endpoint, Reply } from '../../../contract/endpoint.ts'
import { regions } from '../../../contract/organization.ts'
import { conformance, imports } from '../../../contract/regulation.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useMay } from '../../app/session.ts'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { citeWords, Why } from '../../ui/Why.tsx'

/** The pages of 法规, each with its own address. */
export function LawTabs({ here }: { here: string }) {
  const mayImport = useMay(imports)
  const mayProve = useMay(conformance)
  const tabs: [string, string, string, boolean][] = [
    ['list', '规定', at('/regulations'), true],
    ['places', '各地适用', at('/regulations', { tab: 'places' }), true],
    ['gates', '平台约定', at('/regulations', { tab: 'gates' }), true],
    ['compare', '两地比较', at('/regulations/compare'), true],
    ['conformance', '法规对照', at('/regulations/conformance'), mayProve],
    ['import', '导入', at('/regulations/import'), mayImport],
    ['calendar', '放假安排', at('/calendar'), true],
  ]
  return (
    <nav className="tabs" aria-label="法规">
      {tabs
        .filter(([, , , shown]) => shown)
        .map(([key, label, href]) => (
          <A key={key} href={href} aria-current={key === here ? 'page' : undefined}>
            {label}
          </A>
        ))}
    </nav>
  )
}

export const CiteCell = ({ cite, inherited }: { cite: Cite | null; inherited?: string | null }) =>
  cite ? (
    <>
      {citeWords(cite)}
      <Why cite={cite} inherited={inherited} />
    </>
  ) : (
    '—'
  )

export function RegionChoice({ label = '地区', value, choose }: { label?: string; value: string; choose: (code: string) => void }) {
  const places = useRead(regions)
  return (
    <label>
      <span>{label}</span>
      <Select
        aria-label={label}
        style={{ width: 190 }}
        showSearch={{ optionFilterProp: 'label' }}
        value={value || undefined}
        placeholder="选择地区"
        onChange={choose}
        options={places.data?.map(place => ({ value: place.code, label: place.name }))}
      />
    </label>
  )
}

export type AnyForm = ReturnType<typeof useForm<Record<string, any>>>

/** A side sheet with one form and one button that sends it. */
export function SideForm<E extends Endpoint>({
  endpoint,
  title,
  verb,
  start,
  params,
  body,
  shut,
  done,
  children,
}: {
  endpoint: E
  title: string
  verb: string
  start: Record<string, any>
  params?: object
  body?: (value: Record<string, any>) => object
  shut: () => void
  done?: (reply: Reply<E>) => void
  children: (form: AnyForm) => ReactNode
}) {
  const form = useForm<Record<string, any>>(start)
  const { message } = App.useApp()
  const send = useAct(endpoint, reply => {
    message.success(`${verb}：已办理`)
    shut()
    done?.(reply)
  })
  const submit = () => {
    if (form.complete()) send.mutate({ params, body: body ? body(form.value) : form.value } as never, { onError: form.refused })
  }
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title={title}
      footer={
        <div className="row">
          <Button type="primary" loading={send.isPending} onClick={submit}>
            {verb}
          </Button>
          <Button onClick={shut}>先不办</Button>
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
        {children(form)}
      </form>
    </Drawer>
  )
}

export function Line({
  form,
  at: pointer,
  label,
  hint,
  required = true,
  type = 'text',
}: {
  form: AnyForm
  at: string
  label: string
  hint?: string
  required?: boolean
  type?: 'text' | 'date' | 'area'
}) {
  return (
    <Field form={form} at={pointer} label={label} hint={hint} required={required}>
      {({ labelledby: _, onChange, ...control }) =>
        type === 'area' ? (
          <Input.TextArea {...control} rows={3} value={control.value ?? ''} onChange={event => onChange(event.target.value)} />
        ) : (
          <Input
            {...control}
            type={type}
            autoComplete="off"
            style={type === 'date' ? { width: 180 } : undefined}
            value={control.value ?? ''}
            onChange={event => onChange(event.target.value)}
          />
        )
      }
    </Field>
  )
}

/** A text file read in the browser: what goes to the server is its content, so that every problem can be shown beside it. */
export function TextFile({ label, hint, accept, read }: { label: string; hint: string; accept: string; read: (text: string) => void }) {
  return (
    <label className="ht-btn" style={{ cursor: 'pointer' }}>
      {label}
      <input
        type="file"
        accept={accept}
        className="ht-hide"
        aria-description={hint}
        onChange={async event => {
          const file = event.target.files?.[0]
          event.target.value = ''
          if (file) read(await file.text())
        }}
      />
    </label>
  )
}

import { App, Button, Drawer, Input } from 'antd'
import type { ReactNode } from 'react'
import type { Endpoint, Reply } from '../../contract/endpoint.ts'
import { Field, Summary } from '../ui/Field.tsx'
import { useForm } from '../ui/form.ts'
import { useAct } from './query.ts'

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
  type?: 'text' | 'date' | 'area' | 'password'
}) {
  return (
    <Field form={form} at={pointer} label={label} hint={hint} required={required}>
      {({ labelledby: _, onChange, ...control }) =>
        type === 'area' ? (
          <Input.TextArea {...control} rows={3} value={control.value ?? ''} onChange={event => onChange(event.target.value)} />
        ) : type === 'password' ? (
          <Input.Password {...control} autoComplete="new-password" onChange={event => onChange(event.target.value)} />
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

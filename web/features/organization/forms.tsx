import { App, Button, Drawer, Input } from 'antd'
import type { Endpoint } from '../../../contract/endpoint.ts'
import { useAct } from '../../app/query.ts'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'

/** A side sheet with one form and one button that sends it. */
export function Sending<E extends Endpoint>({
  endpoint,
  title,
  verb,
  start,
  body,
  params,
  shut,
  children,
}: {
  endpoint: E
  title: string
  verb: string
  start: Record<string, any>
  body?: (value: Record<string, any>) => Record<string, any>
  params?: object
  shut: () => void
  children: (form: ReturnType<typeof useForm<Record<string, any>>>) => React.ReactNode
}) {
  const form = useForm<Record<string, any>>(start)
  const { message } = App.useApp()
  const send = useAct(endpoint, () => {
    message.success(`${verb}：已办理`)
    shut()
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

export type AnyForm = ReturnType<typeof useForm<Record<string, any>>>
export function Line({
  form,
  at: pointer,
  label,
  hint,
  required = true,
  secret = false,
}: {
  form: AnyForm
  at: string
  label: string
  hint?: string
  required?: boolean
  secret?: boolean
}) {
  return (
    <Field form={form} at={pointer} label={label} hint={hint} required={required}>
      {({ labelledby: _, onChange, ...control }) =>
        secret ? (
          <Input.Password {...control} autoComplete="new-password" onChange={event => onChange(event.target.value)} />
        ) : (
          <Input {...control} autoComplete="off" value={control.value ?? ''} onChange={event => onChange(event.target.value)} />
        )
      }
    </Field>
  )
}

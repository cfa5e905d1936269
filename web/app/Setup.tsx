import { Button, Input, Select } from 'antd'
import { useState } from 'react'
import { regions, setup } from '../../contract/organization.ts'
import { Field, Summary } from '../ui/Field.tsx'
import { useForm } from '../ui/form.ts'
import { call } from './api.ts'
import { useRead } from './query.ts'

const administrators = [
  { role: 'system_admin', label: '系统管理员', does: '机构、人员和设置' },
  { role: 'security_admin', label: '安全管理员', does: '分工与安全事件' },
  { role: 'audit_admin', label: '审计管理员', does: '查看和核验账本' },
] as const

/** First start without demonstration data: the one-time token printed by the server lets the three administrators in. */
export function Setup({ onDone }: { onDone: () => void }) {
  const form = useForm({
    token: decodeURIComponent(location.hash.slice(1)), // the address printed at start carries it behind the #, where no log sees it
    region: '',
    departmentName: '',
    creditCode: '',
    administrators: administrators.map(({ role }) => ({ role, username: '', name: '', password: '' })),
  })
  const [busy, setBusy] = useState(false)
  const places = useRead(regions)
  return (
    <form
      className="form"
      noValidate
      onSubmit={async event => {
        event.preventDefault()
        if (!form.complete()) return
        setBusy(true)
        try {
          await call(setup, { body: form.value })
          onDone()
        } catch (error) {
          form.refused(error)
        } finally {
          setBusy(false)
        }
      }}
    >
      <h2>首次启用</h2>
      <p className="ht-ink2">建立三位互相独立的管理员。一次性口令在启动服务的窗口里。</p>
      <Summary form={form} />
      <Field form={form} at="/token" label="一次性口令" required>
        {({ labelledby: _, onChange, ...control }) => (
          <Input {...control} autoComplete="off" onChange={event => onChange(event.target.value)} />
        )}
      </Field>
      <Field form={form} at="/region" label="地区" required>
        {({ labelledby: _, value, ...control }) => (
          <Select {...control} value={value || undefined} options={places.data?.map(place => ({ value: place.code, label: place.name }))} />
        )}
      </Field>
      <Field form={form} at="/departmentName" label="数据主管部门名称" required>
        {({ labelledby: _, onChange, ...control }) => <Input {...control} onChange={event => onChange(event.target.value)} />}
      </Field>
      <Field form={form} at="/creditCode" label="统一社会信用代码" required>
        {({ labelledby: _, onChange, ...control }) => <Input {...control} onChange={event => onChange(event.target.value)} />}
      </Field>
      {administrators.map(({ role, label, does }, index) => (
        <fieldset key={role} className="form">
          <legend>
            <b>{label}</b> <span className="ht-hint">{does}</span>
          </legend>
          {(['username', 'name', 'password'] as const).map(part => (
            <Field
              key={part}
              form={form}
              at={`/administrators/${index}/${part}`}
              label={{ username: '用户名', name: '姓名', password: '密码' }[part]}
              required
              hint={part === 'password' ? '至少 12 个字符' : undefined}
            >
              {({ labelledby: _, onChange, ...control }) =>
                part === 'password' ? (
                  <Input.Password {...control} autoComplete="new-password" onChange={event => onChange(event.target.value)} />
                ) : (
                  <Input {...control} autoComplete="off" onChange={event => onChange(event.target.value)} />
                )
              }
            </Field>
          ))}
        </fieldset>
      ))}
      <Button type="primary" htmlType="submit" loading={busy}>
        {busy ? '正在建立…' : '建立三位管理员'}
      </Button>
    </form>
  )
}

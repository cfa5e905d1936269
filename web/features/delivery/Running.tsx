import { Checkbox, InputNumber, Select } from 'antd'
import type { Grant } from '../../../contract/delivery.ts'
import { handOver, narrow, officerCandidates } from '../../../contract/sharing.ts'
import { useRead } from '../../app/query.ts'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { Field } from '../../ui/Field.tsx'

type Side = { of: Grant; shut: () => void }

/** 经办人变更. */
export function HandOver({ of: one, shut }: Side) {
  const people = useRead(officerCandidates, { params: { id: one.id } })
  return (
    <SideForm
      endpoint={handOver}
      title={`变更经办人 ${one.no}`}
      verb="变更经办人"
      start={{ person: undefined, reason: '' }}
      params={{ id: one.id }}
      shut={shut}
    >
      {form => (
        <>
          <p className="ht-note">
            {one.officer ? `${one.officer} 自下一次调用起不能再以本人名义取用；` : ''}提供部门会收到通知。他知道密钥的，请随后轮换密钥。
          </p>
          <Field form={form} at="/person" label="新的经办人" required>
            {({ labelledby: _, ...control }) => (
              <Select {...control} loading={people.isPending} options={(people.data ?? []).map(p => ({ value: p.id, label: p.name }))} />
            )}
          </Field>
          <Line form={form} at="/reason" label="原因" type="area" />
        </>
      )}
    </SideForm>
  )
}

/** 收窄授权: only what is less than now can be asked for. */
export function Narrow({ of: one, shut }: Side) {
  return (
    <SideForm
      endpoint={narrow}
      title={`收窄授权 ${one.no}`}
      verb="收窄授权"
      start={{ drop: [], quotaPerDay: null, until: '', reason: '' }}
      params={{ id: one.id }}
      body={({ until, ...rest }) => ({ ...rest, until: until || null })}
      shut={shut}
    >
      {form => (
        <>
          <p className="ht-note">下一次调用起生效，使用部门会收到通知和原因。要扩大的，由使用部门重新申请。</p>
          <Field form={form} at="/drop" label="不再提供的信息项" group>
            {({ id, labelledby, value, onChange }) => (
              <Checkbox.Group
                aria-labelledby={labelledby}
                value={value}
                onChange={onChange}
                options={one.items.map((item, n) => ({ value: item.key, label: item.name, ...(n === 0 && { id }) }))}
              />
            )}
          </Field>
          <Field form={form} at="/quotaPerDay" label="每日上限" hint={one.quotaPerDay ? `现在 ${one.quotaPerDay} 次` : '现在没有设'}>
            {({ labelledby: _, ...control }) => <InputNumber {...control} min={1} precision={0} />}
          </Field>
          <Line form={form} at="/until" label="提前到哪天结束" hint={`现在 ${one.until ?? '长期'}`} type="date" required={false} />
          <Line form={form} at="/reason" label="原因" type="area" />
        </>
      )}
    </SideForm>
  )
}

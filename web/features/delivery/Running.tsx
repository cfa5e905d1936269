import { Select } from 'antd'
import type { Grant } from '../../../contract/delivery.ts'
import { handOver, officerCandidates } from '../../../contract/sharing.ts'
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

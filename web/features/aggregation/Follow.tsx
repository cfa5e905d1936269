import { Input, InputNumber, Radio, Select } from 'antd'
import { type Source, setFollow } from '../../../contract/aggregation.ts'
import { deletions, type Follow, modes, placeOf, type Schedule } from '../../../contract/connections.ts'
import { A, at } from '../../app/link.tsx'
import { type AnyForm, SideForm } from '../../app/SideForm.tsx'
import { Field } from '../../ui/Field.tsx'
import { codeInUrl } from '../../ui/format.ts'
import { isFetched, isTable } from './connection.tsx'

const turns = { none: '不定时，由人启动', minutes: '每隔几分钟', day: '每日', week: '每周', month: '每月' }
const starts: Record<string, Schedule | null> = {
  none: null,
  minutes: { every: 'minutes', minutes: 10 },
  day: { every: 'day', at: '02:30' },
  week: { every: 'week', at: '02:30', weekday: 1 },
  month: { every: 'month', at: '02:30', day: 1 },
}
const hints: Record<Follow['mode'], string> = {
  snapshot: '每次读整张表；没有变化的行不重写。',
  increment: '只读增量列比上次更大的行。来源删除的行看不到。',
  capture: '来源一提交就跟上，不必定时。来源要打开逻辑复制（PostgreSQL）或 ROW 格式的 binlog（MySQL）。',
}

/** 整表、增量还是实时；何时去取；来源删除的行怎么办。 */
export function FollowFields({ form, source, columns }: { form: AnyForm; source: Source; columns: string[] }) {
  const { mode, schedule } = form.value as Follow
  const table = isTable(source.kind)
  const every = schedule?.every ?? 'none'
  return (
    <>
      {table && (
        <Field form={form} at="/mode" label="怎样读取" required group hint={hints[mode]}>
          {({ id, labelledby, value, onChange }) => (
            <Radio.Group
              id={id}
              name={id}
              aria-labelledby={labelledby}
              value={value}
              onChange={event => {
                onChange(event.target.value)
                if (event.target.value === 'capture') form.set('/schedule', null)
                if (event.target.value === 'increment') form.set('/deletes', 'keep')
              }}
              options={Object.entries(modes)
                .filter(([key]) => !(source.agent && key === 'capture'))
                .map(([key, label]) => ({ value: key, label }))}
            />
          )}
        </Field>
      )}
      {mode === 'increment' && (
        <Field form={form} at="/cursor" label="增量列" required hint="更新时间，或只增不减的序号。没有更新时间的表，改过的旧行读不到。">
          {({ labelledby, ...control }) => (
            <Select
              {...control}
              aria-labelledby={labelledby}
              showSearch
              placeholder="选择一列"
              options={columns.map(name => ({ value: name, label: name }))}
            />
          )}
        </Field>
      )}
      {mode !== 'capture' && (table || isFetched(source.kind)) && (
        <Field form={form} at="/schedule" label="何时去取" hint="北京时间。">
          {({ labelledby, value: _, onChange, ...control }) => (
            <Select
              {...control}
              aria-labelledby={labelledby}
              value={every}
              onChange={key => onChange(starts[key])}
              options={Object.entries(turns).map(([value, label]) => ({ value, label }))}
            />
          )}
        </Field>
      )}
      {schedule?.every === 'minutes' && (
        <Field form={form} at="/schedule/minutes" label="每隔多少分钟" required>
          {({ labelledby: _, onChange, ...control }) => <InputNumber {...control} min={1} max={1440} onChange={onChange} />}
        </Field>
      )}
      {schedule?.every === 'week' && (
        <Field form={form} at="/schedule/weekday" label="星期" required>
          {({ labelledby, ...control }) => (
            <Select
              {...control}
              aria-labelledby={labelledby}
              options={[...'一二三四五六日'].map((day, n) => ({ value: n + 1, label: `星期${day}` }))}
            />
          )}
        </Field>
      )}
      {schedule?.every === 'month' && (
        <Field form={form} at="/schedule/day" label="几日" required hint="没有这一日的月份，在最后一日。">
          {({ labelledby: _, onChange, ...control }) => <InputNumber {...control} min={1} max={31} onChange={onChange} />}
        </Field>
      )}
      {schedule && schedule.every !== 'minutes' && (
        <Field form={form} at="/schedule/at" label="时刻" required>
          {({ labelledby: _, onChange, ...control }) => (
            <Input {...control} type="time" style={{ width: 140 }} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
      )}
      {table && mode !== 'increment' && (
        <Field form={form} at="/deletes" label="来源删除的行" required group hint="移入历史的行仍可追溯，不再对外提供。">
          {({ id, labelledby, value, onChange }) => (
            <Radio.Group
              id={id}
              name={id}
              aria-labelledby={labelledby}
              value={value}
              onChange={event => onChange(event.target.value)}
              options={Object.entries(deletions).map(([key, label]) => ({ value: key, label }))}
            />
          )}
        </Field>
      )}
      {table && form.value.deletes === 'follow' && source.follow.deletes !== 'follow' && (
        <Field
          form={form}
          at="/order"
          label="批准的办件编号"
          hint={
            <>
              规定要求经批准才能删除的，先
              <A href={at('/cases/new', { procedure: 'change-order', about: codeInUrl(source.code) })}>发起记录删除审批</A>
              ，记录一栏填写“来源 {placeOf(source.connection!)} 删除的记录”。
            </>
          }
        >
          {({ labelledby: _, onChange, ...control }) => (
            <Input {...control} onChange={event => onChange(event.target.value || undefined)} />
          )}
        </Field>
      )}
    </>
  )
}

export function FollowSheet({ of: one, shut }: { of: Source; shut: () => void }) {
  return (
    <SideForm endpoint={setFollow} title="读取方式" verb="保存" start={one.follow} params={{ id: one.id }} shut={shut}>
      {form => <FollowFields form={form} source={one} columns={one.mapping.map(m => m.source)} />}
    </SideForm>
  )
}

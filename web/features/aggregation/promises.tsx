import { App, Button, Drawer, Input, Select } from 'antd'
import { useState } from 'react'
import { activateSource, type Batch, type Cadence, cadences, type Source, setCadence, verifyBatch } from '../../../contract/aggregation.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct } from '../../app/query.ts'
import { useMay } from '../../app/session.ts'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { codeInUrl, moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Sheet } from '../../ui/Page.tsx'
import { ProblemNote } from '../../ui/states.tsx'
import { Why } from '../../ui/Why.tsx'

/** What the place asks of the timing of a source, and how it stands: cadence, filing, whether it may work. */
export function PromiseSheet({ of: one }: { of: Source }) {
  const { promise: p } = one
  const [asking, setAsking] = useState(false)
  const { modal, message } = App.useApp()
  const may = useMay(setCadence)
  const start = useAct(activateSource, () => message.success('已启用'))
  const file = at('/cases/new', { procedure: 'non-realtime-filing', about: codeInUrl(one.code) })
  const refused = (error: unknown) => {
    const problem = problemOf(error)
    modal.error({ title: problem.detail, content: problem.remedy, okText: '返回' })
  }
  return (
    <Sheet
      title="汇聚时限"
      note={<Why cite={p.cite} />}
      acts={
        may && (
          <>
            {!p.active && (
              <Button loading={start.isPending} onClick={() => start.mutate({ params: { id: one.id } }, { onError: refused })}>
                启用
              </Button>
            )}
            <Button onClick={() => setAsking(true)}>修改周期</Button>
          </>
        )
      }
    >
      <Facts
        of={[
          [
            '周期',
            <span key="c">
              {p.label} {!p.active && <Mark hue="yellow">未启用</Mark>}
            </span>,
          ],
          ['规定', p.realTime ? '数据产生时实时汇聚' : '没有要求实时，按约定的周期'],
          [
            '备案',
            p.filing ? (
              <span key="f">
                <A href={at(`/cases/${p.filing.caseNo}`)}>{p.filing.caseNo}</A> · {p.filing.interval} · {moment(p.filing.filed)}
                {p.missing && <Mark hue="yellow">现在的周期不在备案之内</Mark>}
              </span>
            ) : p.missing ? (
              <span key="m">
                <Mark hue="yellow">未备案</Mark> <A href={file}>去备案</A>
              </span>
            ) : (
              '不需要'
            ),
          ],
          [
            '数据何时产生',
            p.producedItem
              ? `按“${one.items.find(i => i.key === p.producedItem)?.name ?? p.producedItem}”`
              : '没有选定信息项，按文件的时间；没有给出的不测',
          ],
        ]}
      />
      {asking && <CadenceForm of={one} shut={() => setAsking(false)} />}
    </Sheet>
  )
}

function CadenceForm({ of: one, shut }: { of: Source; shut: () => void }) {
  const form = useForm({ cadence: one.promise.cadence as string, producedItem: one.promise.producedItem ?? '' })
  const { message } = App.useApp()
  const send = useAct(setCadence, next => {
    message.success(next.promise.active ? '已保存' : '已保存；备案后再启用')
    shut()
  })
  const { cadence, producedItem } = form.value
  const submit = () =>
    form.complete() &&
    send.mutate(
      { params: { id: one.id }, body: { cadence: cadence as Cadence, producedItem: producedItem || null } },
      { onError: form.refused },
    )
  const timed = one.items.filter(i => i.type === '日期' || i.type === '日期时间')
  return (
    <Drawer
      open
      mask={false}
      onClose={shut}
      size={Math.min(480, window.innerWidth)}
      title="修改周期"
      footer={
        <div className="row">
          <Button type="primary" loading={send.isPending} onClick={submit}>
            保存
          </Button>
          <Button onClick={shut}>先不改</Button>
        </div>
      }
    >
      <div className="form">
        {form.problem !== null && form.faults.length === 0 ? <ProblemNote error={form.problem} /> : <Summary form={form} />}
        <Field
          form={form}
          at="/cadence"
          label="周期"
          required
          hint={one.promise.realTime ? '比实时慢的周期要先备案，备案前数据源不工作。' : undefined}
        >
          {({ onChange, labelledby, ...control }) => (
            <Select
              {...control}
              aria-labelledby={labelledby}
              value={cadence}
              onChange={onChange}
              options={Object.entries(cadences).map(([value, label]) => ({ value, label }))}
            />
          )}
        </Field>
        <Field form={form} at="/producedItem" label="数据产生时间" hint="选一个日期类的信息项，平台据此计算每一批到达时晚了多久。">
          {({ onChange, labelledby, ...control }) => (
            <Select
              {...control}
              aria-labelledby={labelledby}
              allowClear
              placeholder={timed.length ? '不选' : '目录里没有日期类的信息项'}
              disabled={!timed.length}
              value={producedItem || undefined}
              onChange={value => onChange(value ?? '')}
              options={timed.map(i => ({ value: i.key, label: i.name }))}
            />
          )}
        </Field>
      </div>
    </Drawer>
  )
}

/** 校核确认 of a held batch. */
export function Verify({ of: one }: { of: Batch }) {
  const [open, setOpen] = useState(false)
  const form = useForm({ method: '', result: '' })
  const { message } = App.useApp()
  const send = useAct(verifyBatch, () => {
    message.success('已登记校核，可以放行')
    setOpen(false)
  })
  const submit = () => form.complete() && send.mutate({ params: { id: one.id }, body: form.value }, { onError: form.refused })
  const area = (label: string, name: '/method' | '/result', help: string) => (
    <Field form={form} at={name} label={label} required hint={help}>
      {({ labelledby: _, onChange, ...control }) => (
        <Input.TextArea {...control} autoSize={{ minRows: 3 }} onChange={event => onChange(event.target.value)} />
      )}
    </Field>
  )
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>
        登记校核
      </Button>
      {open && (
        <Drawer
          open
          mask={false}
          onClose={() => setOpen(false)}
          size={Math.min(480, window.innerWidth)}
          title="登记校核"
          footer={
            <div className="row">
              <Button type="primary" loading={send.isPending} onClick={submit}>
                确认
              </Button>
              <Button onClick={() => setOpen(false)}>先不办</Button>
            </div>
          }
        >
          <div className="form">
            <p className="ht-note">登记后可以放行，这一批才对外共享。</p>
            {form.problem !== null && form.faults.length === 0 ? <ProblemNote error={form.problem} /> : <Summary form={form} />}
            {area('怎样校核', '/method', '与什么核对、抽查还是逐条。')}
            {area('校核结论', '/result', '核对的结果，是否确认可以共享。')}
          </div>
        </Drawer>
      )}
    </>
  )
}

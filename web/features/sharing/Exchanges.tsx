import { App, Button, Input, Select } from 'antd'
import { useState } from 'react'
import { baseDatabases, themeDatabases } from '../../../contract/bases.ts'
import { departments } from '../../../contract/organization.ts'
import { declareExchange, exchanges } from '../../../contract/sharing.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useSession } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

/** 平台外交换: declared exceptions, and what is only a finding. */
export function Exchanges() {
  const load = useRead(exchanges)
  const { roles } = useSession()
  const may = roles.some(one => one.role === 'steward' || one.role === 'leader')
  return (
    <Page title="平台外交换" sub={<span>部门之间的数据通过平台共享；在平台之外交换的在这里申报。</span>}>
      <div className="stack">
        {may && <Declare done={load.refetch} />}
        <DataTable
          name="申报"
          rows={load.data}
          rowKey={row => row.id}
          error={load.error}
          retry={load.refetch}
          since={load.dataUpdatedAt}
          columns={[
            { title: '编号', head: true, narrow: true, cell: row => row.no },
            { title: '部门', cell: row => `${row.department} → ${row.partner}` },
            { title: '数据', cell: row => row.data },
            {
              title: '结果',
              narrow: true,
              cell: row =>
                row.state === 'allowed' ? (
                  <>
                    <Mark hue="green">例外已批准</Mark> {row.exceptionNo && <A href={at(`/cases/${row.exceptionNo}`)}>{row.exceptionNo}</A>}
                  </>
                ) : (
                  <Mark hue="red">线索</Mark>
                ),
            },
            {
              title: '依据',
              narrow: true,
              cell: row => (
                <>
                  {citeWords(row.cite)}
                  <Why cite={row.cite} />
                </>
              ),
            },
            { title: '时间', narrow: true, cell: row => moment(row.at) },
          ]}
          empty={<Nothing>没有申报过平台外交换。</Nothing>}
        />
      </div>
    </Page>
  )
}

function Declare({ done }: { done: () => unknown }) {
  const [open, setOpen] = useState(false)
  const form = useForm<{ partner: string; data: string; reason: string; database?: string }>({ partner: '', data: '', reason: '' })
  const bases = useRead(baseDatabases)
  const themes = useRead(themeDatabases)
  const list = useRead(departments, { query: {} })
  const { message } = App.useApp()
  const send = useAct(declareExchange, made => {
    message.success(`例外已登记（${made.no}），可以按所写内容交换`)
    setOpen(false)
    void done()
  })
  if (!open)
    return (
      <div className="row">
        <Button onClick={() => setOpen(true)}>申报一项交换</Button>
        <A href={at('/cases/new?q=平台外交换')}>申请例外</A>
      </div>
    )
  return (
    <Sheet title="申报一项交换">
      <form
        className="form"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          if (form.complete())
            send.mutate(
              { body: form.value },
              {
                onError: error => {
                  form.refused(error)
                  void done()
                },
              },
            )
        }}
      >
        <Summary form={form} />
        <Field form={form} at="/partner" label="对方部门" required>
          {({ labelledby: _, onChange, value, ...control }) => (
            <Select
              {...control}
              showSearch={{ optionFilterProp: 'label' }}
              value={(value as string) || undefined}
              onChange={onChange}
              options={list.data?.map(unit => ({ value: unit.id, label: unit.name }))}
            />
          )}
        </Field>
        <Field form={form} at="/data" label="交换的数据" required>
          {({ labelledby: _, onChange, ...control }) => <Input {...control} onChange={event => onChange(event.target.value)} />}
        </Field>
        <Field form={form} at="/database" label="从哪个基础或主题数据库取得" hint="不是从这些库取得的不选；这些库只由平台的接口提供">
          {({ labelledby: _, onChange, value, ...control }) => (
            <Select
              {...control}
              allowClear
              value={(value as string) || undefined}
              onChange={onChange}
              options={[...(bases.data?.rows ?? []), ...(themes.data?.rows ?? [])].flatMap(d =>
                d.id ? [{ value: d.id, label: d.title }] : [],
              )}
            />
          )}
        </Field>
        <Field form={form} at="/reason" label="原因">
          {({ labelledby: _, onChange, ...control }) => (
            <Input.TextArea {...control} autoSize={{ minRows: 2 }} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
        <div className="row">
          <Button type="primary" htmlType="submit" loading={send.isPending}>
            申报
          </Button>
          <Button onClick={() => setOpen(false)}>先不办</Button>
        </div>
      </form>
    </Sheet>
  )
}

import { App, Button, Input } from 'antd'
import { useState } from 'react'
import type { Reply } from '../../../contract/endpoint.ts'
import { matters, publishMatter, saveMatter } from '../../../contract/sharing.ts'
import { problemOf } from '../../app/api.ts'
import { useAct, useRead } from '../../app/query.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

type Matter = Reply<typeof matters>[number]

/** 事项材料: what a matter asks the applicant for, checked against what the platform has. */
export function Matters() {
  const load = useRead(matters)
  const [editing, setEditing] = useState<Matter | 'new' | null>(null)
  const { message } = App.useApp()
  const publish = useAct(publishMatter, () => {
    message.success('已发布')
    void load.refetch()
  })
  return (
    <Page
      title="事项材料"
      sub={<span>能从平台获得的材料，不再要求办事人提供。</span>}
      acts={
        <Button type="primary" onClick={() => setEditing('new')}>
          登记事项
        </Button>
      }
    >
      <div className="stack">
        {editing && (
          <Editor
            key={editing === 'new' ? 'new' : editing.id}
            of={editing === 'new' ? null : editing}
            done={() => {
              setEditing(null)
              void load.refetch()
            }}
          />
        )}
        <DataTable
          name="事项"
          rows={load.data}
          rowKey={row => row.id}
          error={load.error}
          retry={load.refetch}
          since={load.dataUpdatedAt}
          columns={[
            { title: '事项', head: true, cell: row => row.name },
            {
              title: '材料',
              cell: row => (
                <ul>
                  {row.materials.map((m, i) => {
                    const fault = row.faults.find(f => f.pointer === `/materials/${i}`)
                    return (
                      <li key={m.name}>
                        {m.name} <span className="ht-hint">{m.source === 'platform' ? '由平台提供' : '由办事人提供'}</span>
                        {fault && (
                          <div className="ht-meta">
                            <Mark hue="red">重复要求</Mark> {fault.message}
                            {fault.cite && (
                              <>
                                （{citeWords(fault.cite)}
                                <Why cite={fault.cite} />）
                              </>
                            )}
                          </div>
                        )}
                      </li>
                    )
                  })}
                </ul>
              ),
            },
            {
              title: '状态',
              narrow: true,
              cell: row => <Mark hue={row.state === 'published' ? 'green' : 'grey'}>{row.state === 'published' ? '已发布' : '草稿'}</Mark>,
            },
            {
              title: '操作',
              narrow: true,
              cell: row => (
                <span className="row">
                  <Button onClick={() => setEditing(row)}>修改</Button>
                  {row.state === 'draft' && (
                    <Button
                      onClick={() =>
                        publish.mutate({ params: { id: row.id } }, { onError: error => message.error(problemOf(error).detail) })
                      }
                    >
                      发布
                    </Button>
                  )}
                </span>
              ),
            },
          ]}
          empty={<Nothing>还没有登记事项。</Nothing>}
        />
      </div>
    </Page>
  )
}

/** One material a line; `平台：` before it says that the platform supplies it, `｜` after it the law that asks for the paper. */
function Editor({ of: one, done }: { of: Matter | null; done: () => void }) {
  const form = useForm({
    name: one?.name ?? '',
    lines: one?.materials.map(m => `${m.source === 'platform' ? '平台：' : ''}${m.name}${m.basis ? `｜${m.basis}` : ''}`).join('\n') ?? '',
  })
  const send = useAct(saveMatter, done)
  const submit = () => {
    if (!form.complete()) return
    const materials = form.value.lines
      .split('\n')
      .map(line => line.trim())
      .filter(Boolean)
      .map(line => {
        const platform = line.startsWith('平台：')
        const [name = '', basis = ''] = line.replace(/^平台：/, '').split('｜')
        return { name: name.trim(), source: platform ? ('platform' as const) : ('applicant' as const), basis: basis.trim() }
      })
    send.mutate({ body: { name: form.value.name, materials } }, { onError: form.refused })
  }
  return (
    <Sheet title={one ? `修改 ${one.name}` : '登记事项'}>
      <form
        className="form"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          submit()
        }}
      >
        <Summary form={form} />
        <Field form={form} at="/name" label="事项名称" required>
          {({ labelledby: _, onChange, ...control }) => (
            <Input {...control} disabled={Boolean(one)} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
        <Field
          form={form}
          at="/lines"
          label="材料"
          required
          hint="每行一项；由平台提供的写作“平台：名称”，法律法规要求提供纸质的写作“名称｜依据”"
        >
          {({ labelledby: _, onChange, ...control }) => (
            <Input.TextArea {...control} autoSize={{ minRows: 4 }} onChange={event => onChange(event.target.value)} />
          )}
        </Field>
        <div className="row">
          <Button type="primary" htmlType="submit" loading={send.isPending}>
            保存
          </Button>
          <Button onClick={done}>先不办</Button>
        </div>
      </form>
    </Sheet>
  )
}

import { Button, Select } from 'antd'
import { useEffect, useState } from 'react'
import { entryByCode } from '../../../contract/catalog.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { addOverride, endOverride, overrides, vocabulary } from '../../../contract/regulation.ts'
import { problemOf } from '../../app/api.ts'
import { useAct, useRead } from '../../app/query.ts'
import { type AnyForm, Line, SideForm } from '../../app/SideForm.tsx'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field } from '../../ui/Field.tsx'
import { moment } from '../../ui/format.ts'
import { Sheet } from '../../ui/Page.tsx'
import { Nothing } from '../../ui/states.tsx'
import { CiteCell } from './parts.tsx'

const topics = { 'share-types': '共享类型', 'open-types': '开放类型' } as const

/** Laws that go before the local rule for single entries. */
export function Overrides({ region, mayChange }: { region: string; mayChange: boolean }) {
  const load = useRead(overrides, { params: { code: region }, query: {} })
  const [adding, setAdding] = useState(false)
  const mayFind = useMay(entryByCode)
  const end = useAct(endOverride)
  return (
    <Sheet
      title="优先适用的法律"
      note="其他法律对某条目录另有规定的，从其规定"
      acts={mayChange && mayFind && <Button onClick={() => setAdding(true)}>登记</Button>}
    >
      <DataTable
        name="优先适用的法律"
        rows={load.data}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        empty={<Nothing>没有登记。都按本地规定办。</Nothing>}
        columns={[
          { title: '目录', head: true, cell: row => <span className="ht-code">{row.entry}</span> },
          { title: '事项', cell: row => `${topics[row.topic]}：${row.valueLabel}` },
          { title: '依据', cell: row => <CiteCell cite={row.cite} /> },
          { title: '登记', cell: row => `${row.by} · ${moment(row.at)}` },
          ...(mayChange
            ? [
                {
                  title: '操作',
                  narrow: true,
                  cell: (row: Reply<typeof overrides>[number]) => (
                    <Button
                      aria-label={`终止：${row.cite.title}${row.cite.article}`}
                      loading={end.isPending}
                      onClick={() => end.mutate({ params: { code: region, id: row.id } })}
                    >
                      终止
                    </Button>
                  ),
                },
              ]
            : []),
        ]}
      />
      {adding && <Add region={region} shut={() => setAdding(false)} />}
    </Sheet>
  )
}

function Add({ region, shut }: { region: string; shut: () => void }) {
  const words = useRead(vocabulary, { params: { code: region } })
  return (
    <SideForm
      endpoint={addOverride}
      title="登记优先适用的法律"
      verb="登记"
      params={{ code: region }}
      start={{ code: '', topic: 'open-types', instrument: '', article: '', text: '' }}
      body={({ code: _, ...rest }) => rest}
      shut={shut}
    >
      {form => (
        <>
          <Line form={form} at="/code" label="目录代码" hint="信息资源代码，目录页标题下可以复制" />
          <Found form={form} />
          <Field form={form} at="/topic" label="事项" required>
            {({ labelledby: _, ...control }) => (
              <Select {...control} options={Object.entries(topics).map(([value, label]) => ({ value, label }))} />
            )}
          </Field>
          <Field form={form} at="/value" label="那部法律定的类型" required>
            {({ labelledby: _, ...control }) => (
              <Select
                {...control}
                options={Object.entries((form.value.topic === 'share-types' ? words.data?.share : words.data?.open) ?? {}).map(
                  ([value, label]) => ({ value, label }),
                )}
              />
            )}
          </Field>
          <Line form={form} at="/instrument" label="法律名称" />
          <Line form={form} at="/article" label="条款" hint="例如 第二十八条" />
          <Line form={form} at="/text" label="用一句自己的话写明" type="area" required={false} />
        </>
      )}
    </SideForm>
  )
}

/** The entry that the typed code means: the form sends its id. */
function Found({ form }: { form: AnyForm }) {
  const code = String(form.value.code ?? '')
    .trim()
    .replace('/', '-')
  const load = useRead(entryByCode, { params: { code }, query: {} }, { enabled: code.length > 8 })
  const id = code.length > 8 && !load.isPlaceholderData ? load.data?.id : undefined
  const { set } = form
  useEffect(() => set('/entry', id), [set, id])
  if (code.length <= 8) return null
  return (
    <p className="ht-hint">{load.error ? problemOf(load.error).detail : load.data ? `目录：${load.data.content.title}` : '正在查找'}</p>
  )
}

import { Button, Input } from 'antd'
import { useState } from 'react'
import { traceMarks } from '../../../contract/delivery.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { A, at } from '../../app/link.tsx'
import { useAct } from '../../app/query.ts'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { moment, number } from '../../ui/format.ts'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Nothing } from '../../ui/states.tsx'
import { marksIn, ranges } from './marks.ts'

type Found = Reply<typeof traceMarks>[number]
const atOnce = 200

/** 水印溯源: from rows found somewhere to the package they were in, who ordered it and for what. */
export function Tracing() {
  const form = useForm({ text: '' })
  const [asked, setAsked] = useState<string[] | null>(null)
  const may = useMay(traceMarks)
  const send = useAct(traceMarks)
  const submit = () => {
    if (!form.complete()) return
    const marks = marksIn(form.value.text)
    setAsked(marks)
    send.reset()
    if (marks.length) send.mutate({ body: { marks: marks.slice(0, atOnce) } }, { onError: form.refused })
  }
  if (!may)
    return (
      <Page title="水印溯源">
        <Nothing>这里只对各部门的工作人员开放。</Nothing>
      </Page>
    )
  return (
    <Page
      title="水印溯源"
      crumb={<A href={at('/grants')}>授权</A>}
      sub={<span>数据包的每一行带水印。在别处发现这些行，可以查出它们来自哪个数据包。</span>}
    >
      <div className="stack">
        <Sheet>
          <form
            className="form"
            noValidate
            onSubmit={event => {
              event.preventDefault()
              submit()
            }}
          >
            <Summary form={form} />
            <Field
              form={form}
              at="/text"
              label="水印，或带水印的行"
              hint={`一行一个。粘贴整行时取最后一列；一次查 ${atOnce} 个。每次查询都留痕。`}
              required
            >
              {({ labelledby: _, onChange, ...control }) => (
                <Input.TextArea
                  {...control}
                  autoSize={{ minRows: 5, maxRows: 14 }}
                  spellCheck={false}
                  onChange={event => onChange(event.target.value)}
                />
              )}
            </Field>
            <div>
              <Button type="primary" htmlType="submit" loading={send.isPending}>
                查水印
              </Button>
            </div>
          </form>
        </Sheet>
        <div className="stack" aria-live="polite">
          {asked?.length === 0 && <p className="ht-note yellow">粘贴的文字里没有水印。水印在数据文件的「_水印」一列。</p>}
          {asked && send.data && <Answer asked={asked} found={send.data} />}
        </div>
      </div>
    </Page>
  )
}

function Answer({ asked, found }: { asked: string[]; found: Found[] }) {
  const packages = [...new Set(found.map(one => one.package))].map(no => found.filter(one => one.package === no))
  const known = new Set(found.map(one => one.mark))
  const unknown = asked.slice(0, atOnce).filter(mark => !known.has(mark))
  const left = asked.length - atOnce
  return (
    <>
      {left > 0 && (
        <p className="ht-note yellow">
          只查了前 {atOnce} 个，还有 {number(left)} 个没有查，请分次粘贴。
        </p>
      )}
      <DataTable
        name="数据包"
        rows={packages}
        rowKey={([one]) => one!.package}
        empty={<Nothing>没有认出一个水印。</Nothing>}
        columns={[
          {
            title: '数据包',
            head: true,
            narrow: true,
            cell: ([one]) => (
              <>
                {one!.package}
                <div className="ht-meta">{one!.title}</div>
              </>
            ),
          },
          { title: '行', cell: rows => `第 ${ranges(rows.map(one => one.row))} 行` },
          {
            title: '交给',
            cell: ([one]) => (
              <>
                {one!.grantee}
                <div className="ht-meta">由 {one!.provider} 提供</div>
              </>
            ),
          },
          {
            title: '要求生成',
            cell: ([one]) => (
              <>
                {one!.operator}
                <div className="ht-meta ht-num">{moment(one!.created)}</div>
              </>
            ),
          },
          { title: '用于', cell: ([one]) => one!.caseRef },
          { title: '授权', keep: true, narrow: true, cell: ([one]) => <A href={at(`/grants/${one!.grantId}`)}>{one!.grant}</A> },
          {
            title: '留痕号',
            narrow: true,
            cell: ([one]) => (one!.ledger === null ? '—' : <A href={at(`/audit/${one!.ledger}`)}>{number(one!.ledger)}</A>),
          },
        ]}
      />
      {unknown.length > 0 && (
        <Sheet title={`没有认出 ${number(unknown.length)} 个`}>
          <p>可能抄错或截断了，不是本平台的水印，或属于别的部门之间的授权。别的部门之间的，请数据主管部门或检查人员来查。</p>
          <p>
            <code className="break">{unknown.slice(0, 20).join('　')}</code>
            {unknown.length > 20 && ` 等 ${number(unknown.length)} 个`}
          </p>
        </Sheet>
      )}
    </>
  )
}

import { App, Button, Input } from 'antd'
import { useState } from 'react'
import { gone, listGone, removeGone, type Source } from '../../../contract/aggregation.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { SideForm } from '../../app/SideForm.tsx'
import { useMay } from '../../app/session.ts'
import { Field } from '../../ui/Field.tsx'
import { bytes, codeInUrl, moment, number } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Sheet } from '../../ui/Page.tsx'

const look = { streaming: ['green', '●'], copying: ['blue', '◇'], waiting: ['yellow', '▲'], retrying: ['red', '■'] } as const

/** How live capture of a source stands, and the rows its source has deleted. */
export function LiveSheet({ of: one }: { of: Source }) {
  const live = one.live!
  const [hue, shape] = look[live.phase]
  return (
    <Sheet title="实时捕获">
      <Facts
        of={[
          [
            '现在',
            <Mark key="p" hue={hue} shape={shape}>
              {live.text}
            </Mark>,
          ],
          ['最近联系', one.contact ? moment(one.contact, true) : null],
          ['来源为此保留的日志', live.retained === null ? null : bytes(live.retained)],
        ]}
      />
      {live.gone > 0 && <Gone of={one} />}
    </Sheet>
  )
}

/** What the source has deleted stays until an approved order names its list. */
function Gone({ of: one }: { of: Source }) {
  const may = useMay(gone)
  const load = useRead(gone, { params: { id: one.id }, query: { limit: 5 } }, { enabled: may })
  const { message, modal } = App.useApp()
  const [removing, setRemoving] = useState<string | null>(null)
  const list = useAct(listGone, made => message.success(`已列出名单 ${made.list}，${number(made.rows)} 行`))
  const refused = (error: unknown) => {
    const problem = problemOf(error)
    modal.error({ title: problem.detail, content: problem.remedy, okText: '返回' })
  }
  if (!load.data) return null
  const listed = load.data.lists.reduce((sum, l) => sum + l.rows, 0)
  return (
    <div className="stack-small" style={{ marginTop: 12 }}>
      <p>
        来源已删除 <b className="ht-num">{number(load.data.total)}</b> 行，平台还保留着：
        <span className="ht-ink2">{load.data.rows.map(r => r.key).join('、')}</span>
        {load.data.total > load.data.rows.length && ' 等'}。移入历史要经批准。
      </p>
      {load.data.lists.map(l => (
        <p key={l.list} className="row">
          <span className="ht-num">
            名单 {l.list}（{number(l.rows)} 行）
          </span>
          <A href={at('/cases/new', { procedure: 'change-order', about: codeInUrl(one.code) })}>发起记录删除审批</A>
          <Button size="small" onClick={() => setRemoving(l.list)}>
            凭办件移入历史
          </Button>
        </p>
      ))}
      {load.data.total > listed && (
        <p>
          <Button size="small" loading={list.isPending} onClick={() => list.mutate({ params: { id: one.id } }, { onError: refused })}>
            列出名单以便审批
          </Button>
        </p>
      )}
      {removing && (
        <SideForm
          endpoint={removeGone}
          title={`名单 ${removing}`}
          verb="移入历史"
          start={{ list: removing, order: '' }}
          params={{ id: one.id }}
          shut={() => setRemoving(null)}
        >
          {form => (
            <Field form={form} at="/order" label="办件编号" required hint={`已批准的记录删除审批，记录一栏填写“${removing}”。`}>
              {({ labelledby: _, onChange, ...control }) => <Input {...control} onChange={event => onChange(event.target.value)} />}
            </Field>
          )}
        </SideForm>
      )}
    </div>
  )
}

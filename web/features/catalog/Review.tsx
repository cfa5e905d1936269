import { useState } from 'react'
import { checkDraft, compare, versions } from '../../../contract/catalog.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { useRead } from '../../app/query.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { FaultWords } from '../../ui/Field.tsx'
import { codeInUrl } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Sheet } from '../../ui/Page.tsx'
import { Nothing } from '../../ui/states.tsx'

const kindWords = { same: '—', changed: '改', added: '＋', removed: '－' } as const
const kindHue: Record<keyof typeof kindWords, Hue> = { same: 'grey', changed: 'yellow', added: 'green', removed: 'red' }

/** Two versions side by side, and which grants feel the difference. */
export function Changes({
  of: one,
  left,
  right,
  all,
  error,
  retry,
}: {
  of: Reply<typeof compare> | undefined
  left: number
  right: number
  all: boolean
  error?: unknown
  retry?: () => void
}) {
  return (
    <div className="stack">
      {one && one.affected.length > 0 && (
        <p className="ht-note yellow">
          {one.affected.length} 个授权正在使用变化的信息项：{one.affected.join('、')}
        </p>
      )}
      {one && left > 0 && <Tally of={one} />}
      <DataTable
        name="变化"
        rows={all ? one?.rows : one?.rows.filter(row => row.kind !== 'same')}
        error={error}
        retry={retry}
        rowKey={(row, index) => `${row.field}-${index}`}
        empty={<Nothing>两版内容相同。</Nothing>}
        columns={[
          { title: '字段', head: true, cell: row => row.field },
          ...(left > 0
            ? [
                {
                  title: '变化',
                  narrow: true,
                  cell: (row: Reply<typeof compare>['rows'][number]) =>
                    row.kind === 'same' ? (
                      '—'
                    ) : (
                      <Mark hue={row.tighter ? 'red' : kindHue[row.kind]}>
                        {[kindWords[row.kind], row.tighter && '影响使用'].filter(Boolean).join(' · ')}
                      </Mark>
                    ),
                },
                {
                  title: `第 ${left} 版`,
                  cell: (row: Reply<typeof compare>['rows'][number]) => <span className="pre">{row.a || '—'}</span>,
                },
              ]
            : []),
          { title: `第 ${right} 版`, cell: row => <span className="pre">{row.b || '—'}</span> },
          ...(left > 0 ? [{ title: '说明', cell: (row: Reply<typeof compare>['rows'][number]) => row.words.join('') || '—' }] : []),
        ]}
      />
    </div>
  )
}

/** The difference in one line. */
function Tally({ of: { rows } }: { of: Reply<typeof compare> }) {
  const items = rows.filter(row => row.group === 'item')
  const count = (kind: string) => items.filter(row => row.kind === kind).length
  const fields = rows.filter(row => row.group === 'entry' && row.kind !== 'same').length
  const tighter = rows.filter(row => row.tighter).length
  const parts = [
    fields && `${fields} 处目录内容变化`,
    count('added') && `新增 ${count('added')} 个信息项`,
    count('removed') && `去掉 ${count('removed')} 个信息项`,
    count('changed') && `${count('changed')} 个信息项有变化`,
  ].filter(Boolean)
  if (!parts.length) return null
  return (
    <p>
      {parts.join('，')}
      {tighter > 0 && `；其中 ${tighter} 处会影响正在使用的部门`}。
    </p>
  )
}

/** What a reviewer of an entry reads on the case page: the machine's checks and what this version changes. */
export function useReview(entryCode: string | null, caseNo: string) {
  const code = entryCode ? codeInUrl(entryCode) : ''
  const list = useRead(versions, { params: { code } }, { enabled: Boolean(code) })
  const right = list.data?.find(one => one.caseNo === caseNo)?.version ?? 0
  const load = useRead(compare, { params: { code }, query: { a: right - 1, b: right } }, { enabled: right > 0 })
  return { code, right, left: right - 1, load }
}

export function Review({ of: { code, left, right, load }, ended }: { of: ReturnType<typeof useReview>; ended: boolean }) {
  const [all, setAll] = useState(false)
  const check = useRead(checkDraft, { params: { code } }, { enabled: !ended })
  const found = [...(check.data?.faults ?? []), ...(check.data?.hints ?? [])]
  return (
    <>
      {!ended && check.data && (
        <Sheet title="机器检查" note={check.data.ready ? `✓ ${check.data.of} 项齐全` : `${check.data.done}/${check.data.of}`}>
          {found.length === 0 ? (
            <p className="ht-ink2">没有发现要留意的地方。</p>
          ) : (
            <ul className="stack-small">
              {found.map(fault => (
                <li key={fault.pointer + fault.code + fault.message} className="row">
                  <Mark hue={check.data.faults.includes(fault) ? 'red' : 'yellow'} shape={check.data.faults.includes(fault) ? '■' : '▲'}>
                    {check.data.faults.includes(fault) ? '待修正' : '建议'}
                  </Mark>
                  <FaultWords fault={fault} />
                </li>
              ))}
            </ul>
          )}
        </Sheet>
      )}
      <Sheet
        title={left > 0 ? `第 ${right} 版改了什么` : '送审内容'}
        acts={
          left > 0 && (
            <button type="button" className="ht-link" aria-pressed={all} onClick={() => setAll(!all)}>
              {all ? '只看变化' : '看全部内容'}
            </button>
          )
        }
      >
        <Changes of={load.data} left={left} right={right} all={all || left === 0} error={load.error} retry={load.refetch} />
      </Sheet>
    </>
  )
}

import { useParams, useRouter } from '@tanstack/react-router'
import { App, Button, Input, Select } from 'antd'
import { useState } from 'react'
import type { Reply } from '../../../contract/endpoint.ts'
import {
  adoptCalendar,
  adoptImport,
  calendarImports,
  calendarYear,
  importCalendar,
  importDifferences,
  importRegulation,
  imports,
  refuseImport,
} from '../../../contract/regulation.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { useFilters } from '../../app/search.ts'
import { useMay } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field } from '../../ui/Field.tsx'
import { dayOf, longDay, moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Page, Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing, ProblemNote } from '../../ui/states.tsx'
import { LawTabs, RegionChoice, TextFile } from './parts.tsx'

const states = { checked: ['blue', '待决定'], adopted: ['green', '已采用'], refused: ['grey', '不采用'] } as const
const State = ({ of }: { of: keyof typeof states }) => <Mark hue={states[of][0]}>{states[of][1]}</Mark>

export function Imports() {
  const load = useRead(imports)
  const { history } = useRouter()
  const bring = useAct(importRegulation, reply => history.push(at(`/regulations/import/${reply.id}`)))
  const [text, setText] = useState('')
  const send = (content: string) => {
    setText(content)
    bring.mutate({ body: { text: content } })
  }
  return (
    <Page
      title="导入规定"
      sub={<span>一部规定是一个 YAML 文件。导入时整个检查一遍，看过与现行版本的差异再采用；已经开始的办件保持原来的版本。</span>}
    >
      <LawTabs here="import" />
      <div className="stack">
        <Sheet title="新的文件">
          <div className="row">
            <TextFile label="选择文件" hint="YAML 文件" accept=".yaml,.yml,text/yaml" read={send} />
            <span className="ht-hint">或者把内容粘贴在下面</span>
          </div>
          <div className="form" style={{ marginTop: 12 }}>
            <Input.TextArea
              aria-label="文件内容"
              rows={6}
              className="ht-code"
              spellCheck={false}
              value={text}
              onChange={event => setText(event.target.value)}
            />
            <div className="row">
              <Button type="primary" loading={bring.isPending} disabled={!text.trim()} onClick={() => send(text)}>
                检查并导入
              </Button>
            </div>
          </div>
          {bring.error && <Problems error={bring.error} />}
        </Sheet>
        <DataTable
          name="导入的规定"
          rows={load.data}
          rowKey={row => row.id}
          error={load.error}
          retry={load.refetch}
          columns={[
            { title: '规定', head: true, cell: row => <A href={at(`/regulations/import/${row.id}`)}>{row.title}</A> },
            { title: '标识', narrow: true, cell: row => <span className="ht-code">{row.regulation}</span> },
            { title: '版本', narrow: true, cell: row => <span className="ht-code">{row.version.slice(0, 8)}</span> },
            { title: '导入', cell: row => `${row.by} · ${moment(row.recorded)}` },
            { title: '状态', narrow: true, cell: row => <State of={row.state} /> },
          ]}
        />
      </div>
    </Page>
  )
}

/** Every problem of a file with its path: nothing was saved. */
function Problems({ error }: { error: unknown }) {
  const { errors } = problemOf(error)
  return (
    <div style={{ marginTop: 12 }}>
      <ProblemNote error={error}>
        {errors && errors.length > 0 && (
          <ul>
            {errors.map(fault => (
              <li key={fault.pointer + fault.message}>{fault.message}</li>
            ))}
          </ul>
        )}
      </ProblemNote>
    </div>
  )
}

const kindWords = { added: ['green', '＋ 新增'], removed: ['red', '－ 去掉'], changed: ['yellow', '≠ 改变'] } as const

export function ImportPage() {
  const { id } = useParams({ strict: false }) as { id: string }
  const filters = useFilters({ region: '' })
  const { region } = filters.value
  const load = useRead(importDifferences, { params: { id }, query: region ? { region } : {} })
  const [deciding, setDeciding] = useState<'adopt' | 'refuse' | null>(null)
  return (
    <Loaded load={load}>
      {one => (
        <Page
          title={one.title}
          crumb={<A href={at('/regulations/import')}>导入规定</A>}
          mark={<State of={one.state} />}
          sub={
            <>
              <span>{one.from ? `自 ${longDay(one.from)}起${one.until ? `，至 ${longDay(one.until)}` : ''}` : '没有写明施行日期'}</span>
              <span>
                {one.by} {moment(one.recorded)} 导入
              </span>
              <span className="ht-code">{one.version.slice(0, 12)}</span>
            </>
          }
          acts={
            one.mayDecide.length > 0 && (
              <>
                {one.state === 'checked' && <Button onClick={() => setDeciding('refuse')}>不采用</Button>}
                <Button type="primary" onClick={() => setDeciding('adopt')}>
                  采用
                </Button>
              </>
            )
          }
        >
          {one.note && <p className="ht-note">不采用的理由：{one.note}</p>}
          <div className="filters">
            <RegionChoice label="与哪里现行的版本比" value={region} choose={code => filters.set({ region: code })} />
          </div>
          <p className="ht-ink2" style={{ marginBottom: 12 }}>
            {one.against
              ? `与现行的${one.against.title}（${one.against.version.slice(0, 8)}）相比，有 ${one.differences.length} 处不同。`
              : `平台里还没有这部规定，以下 ${one.differences.length} 项都是新的。`}
          </p>
          <DataTable
            name="差异"
            rows={one.differences}
            rowKey={row => row.at}
            empty={<Nothing>规则没有变化，只有文字或次序不同。</Nothing>}
            columns={[
              {
                title: '哪里',
                head: true,
                cell: row => (
                  <>
                    {row.label}
                    <div className="ht-code ht-meta">{row.at}</div>
                  </>
                ),
              },
              { title: '变化', narrow: true, cell: row => <Mark hue={kindWords[row.kind][0]}>{kindWords[row.kind][1]}</Mark> },
              { title: '现行', cell: row => row.before ?? <span className="ht-ink3">没有</span> },
              { title: '导入的', cell: row => row.after ?? <span className="ht-ink3">没有</span> },
              { title: '条款', narrow: true, cell: row => row.cite ?? '—' },
            ]}
          />
          {deciding === 'adopt' && <Adopt of={one} shut={() => setDeciding(null)} />}
          {deciding === 'refuse' && (
            <SideForm
              endpoint={refuseImport}
              title="不采用这个文件"
              verb="不采用"
              params={{ id }}
              start={{ reason: '' }}
              shut={() => setDeciding(null)}
            >
              {form => <Line form={form} at="/reason" label="理由" type="area" />}
            </SideForm>
          )}
        </Page>
      )}
    </Loaded>
  )
}

function Adopt({ of: one, shut }: { of: Reply<typeof importDifferences>; shut: () => void }) {
  const today = dayOf(new Date())
  return (
    <SideForm
      endpoint={adoptImport}
      title={`采用 ${one.title}`}
      verb="采用"
      params={{ id: one.id }}
      start={{
        region: one.mayDecide.length === 1 ? one.mayDecide[0]!.code : undefined,
        from: one.from && one.from > today ? one.from : today,
        document: '',
        note: '',
      }}
      shut={shut}
    >
      {form => (
        <>
          <p className="ht-note">从这一天起，新的办件按这个版本办；已经开始的办件保持原来的版本。</p>
          <Field form={form} at="/region" label="哪个地区" required>
            {({ labelledby: _, ...control }) => (
              <Select
                {...control}
                showSearch={{ optionFilterProp: 'label' }}
                options={one.mayDecide.map(place => ({ value: place.code, label: place.name }))}
              />
            )}
          </Field>
          <Line form={form} at="/from" label="自哪天起" type="date" />
          <Line form={form} at="/document" label="所依据的文件" hint="文件名称或文号" />
          <Line form={form} at="/note" label="说明" type="area" required={false} />
        </>
      )}
    </SideForm>
  )
}

export function CalendarPage() {
  const filters = useFilters({ year: dayOf(new Date()).slice(0, 4) })
  const year = Number(filters.value.year)
  const load = useRead(calendarYear, { params: { year } })
  const mayImport = useMay(importCalendar)
  const mayList = useMay(calendarImports)
  return (
    <Page title="放假安排" sub={<span>工作日按国务院办公厅每年的通知计算，调休上班的周末算工作日。</span>}>
      <LawTabs here="calendar" />
      <div className="filters">
        <label>
          <span>年份</span>
          <Select
            aria-label="年份"
            style={{ width: 120 }}
            value={String(year)}
            onChange={value => filters.set({ year: value })}
            options={Array.from({ length: 8 }, (_, i) => String(Number(dayOf(new Date()).slice(0, 4)) - 2 + i)).map(value => ({
              value,
              label: value,
            }))}
          />
        </label>
      </div>
      <div className="stack">
        <Loaded load={load}>
          {one => (
            <Sheet
              title={`${one.year} 年`}
              note={one.announced ? '按公布的安排' : <Mark hue="violet">预估：通知还没有公布，导入后重新计算</Mark>}
            >
              <ul className="chips" aria-label="放假和调休">
                {one.days.map(d => (
                  <li key={d.day}>
                    <Mark hue={d.working ? 'yellow' : d.estimated ? 'violet' : 'green'} shape={d.working ? '班' : '休'}>
                      {Number(d.day.slice(5, 7))}月{Number(d.day.slice(8))}日 {d.note}
                    </Mark>
                  </li>
                ))}
              </ul>
            </Sheet>
          )}
        </Loaded>
        {mayImport && <BringCalendar />}
        {mayList && <CalendarImports mayAdopt={mayImport} />}
      </div>
    </Page>
  )
}

/** The statutory days as the platform expects them: to be put right by the notice. */
const sample = (year: number, off: { day: string; note: string }[]) => `year: ${year}
document: 国务院办公厅关于${year}年部分节假日安排的通知
holidays:
${off.map(d => `  ${d.day}: ${d.note.replace(/放假|（预估）/g, '')}`).join('\n')}
workdays: {} # 调休上班的周末，如 ${year}-02-14: 春节
`
function BringCalendar() {
  const year = Number(dayOf(new Date()).slice(0, 4)) + 1
  const load = useRead(calendarYear, { params: { year } })
  return (
    <Loaded load={load}>
      {one => (
        <CalendarForm
          key={year}
          start={sample(
            year,
            one.days.filter(d => !d.working),
          )}
        />
      )}
    </Loaded>
  )
}
function CalendarForm({ start }: { start: string }) {
  const [text, setText] = useState(start)
  const { message } = App.useApp()
  const bring = useAct(importCalendar, () => message.success('已导入，看过变化的日子后再采用'))
  const send = (content: string) => {
    setText(content)
    bring.mutate({ body: { text: content } })
  }
  return (
    <Sheet title="导入一年的安排">
      <div className="row">
        <TextFile label="选择文件" hint="YAML 文件" accept=".yaml,.yml,text/yaml" read={send} />
        <span className="ht-hint">或者按通知改好下面的日子：现在写的是预估的法定假日</span>
      </div>
      <div className="form" style={{ marginTop: 12 }}>
        <Input.TextArea
          aria-label="放假安排"
          rows={8}
          className="ht-code"
          spellCheck={false}
          value={text}
          onChange={event => setText(event.target.value)}
        />
        <div className="row">
          <Button loading={bring.isPending} onClick={() => send(text)}>
            检查并导入
          </Button>
        </div>
      </div>
      {bring.error && <Problems error={bring.error} />}
    </Sheet>
  )
}

function CalendarImports({ mayAdopt }: { mayAdopt: boolean }) {
  const load = useRead(calendarImports)
  const { message, modal } = App.useApp()
  const adopt = useAct(adoptCalendar, () => message.success('已采用，未办完的期限正在重新计算'))
  return (
    <Sheet title="导入的安排">
      <DataTable
        name="导入的安排"
        rows={load.data}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        columns={[
          { title: '年份', head: true, cell: row => `${row.year} 年` },
          { title: '文件', cell: row => row.document },
          {
            title: '与现在不同的日子',
            cell: row =>
              row.differences.length ? (
                <details>
                  <summary>{row.differences.length} 天</summary>
                  <ul>
                    {row.differences.map(d => (
                      <li key={d.day}>
                        {longDay(d.day)}：{d.before} → {d.after}
                      </li>
                    ))}
                  </ul>
                </details>
              ) : (
                '没有'
              ),
          },
          { title: '导入', cell: row => `${row.by} · ${moment(row.recorded)}` },
          { title: '状态', narrow: true, cell: row => <State of={row.state} /> },
          ...(mayAdopt
            ? [
                {
                  title: '操作',
                  narrow: true,
                  cell: (row: Reply<typeof calendarImports>[number]) =>
                    row.state === 'checked' ? (
                      <Button
                        aria-label={`采用：${row.year} 年`}
                        onClick={() =>
                          modal.confirm({
                            title: `采用 ${row.year} 年的放假安排`,
                            content: `${row.differences.length} 天与现在不同。采用后，未办完的期限会重新计算，并写明原来的日期。`,
                            okText: '采用',
                            cancelText: '先不办',
                            onOk: () =>
                              adopt.mutate({ params: { id: row.id } }, { onError: error => message.error(problemOf(error).detail) }),
                          })
                        }
                      >
                        采用
                      </Button>
                    ) : null,
                },
              ]
            : []),
        ]}
      />
    </Sheet>
  )
}

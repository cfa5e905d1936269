import { useNavigate, useParams } from '@tanstack/react-router'
import { App, Button } from 'antd'
import { useRef, useState } from 'react'
import {
  exportTemplate,
  importTemplate,
  noteLevels,
  outcomes,
  type Run,
  removeRun,
  run as runById,
  runEntries,
  runNotes,
  runReport,
  runs,
  saveRun,
} from '../../../contract/catalog-runs.ts'
import { href, problemOf } from '../../app/api.ts'
import { ListPager } from '../../app/ListPager.tsx'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { useFilters } from '../../app/search.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Drop } from '../../ui/Drop.tsx'
import { bytes, codeInUrl, moment, number } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Page, Sheet, Steps } from '../../ui/Page.tsx'
import { Loaded, Nothing, ProblemNote } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

const stateHue: Record<Run['state'], Hue> = { checking: 'blue', checked: 'yellow', saving: 'blue', done: 'green', failed: 'red' }
const outcomeHue: Record<keyof typeof outcomes, Hue> = { create: 'green', change: 'blue', same: 'grey', fault: 'red' }
const levelHue: Record<keyof typeof noteLevels, Hue> = { fault: 'red', todo: 'yellow', note: 'grey' }

/** 导入目录: the empty form, the upload, and what was brought in before. */
export function ImportPage() {
  const load = useRead(runs)
  return (
    <Page title="导入目录" crumb={<A href={at('/catalog')}>目录</A>}>
      <div className="stack">
        <Sheet title="填写模板" note="政务信息资源目录编制指南">
          <p>每个信息项一行，目录的内容合并单元格或只填第一行。已有的目录按代码认，没有代码的按名称认；新目录的代码由平台编制。</p>
          <div className="row" style={{ marginTop: 12 }}>
            <a className="ht-btn" href={href(exportTemplate, { query: { blank: true } })} download>
              下载空白模板
            </a>
            <a className="ht-btn" href={href(exportTemplate, { query: { blank: true, extended: true } })} download>
              下载含平台扩展列的模板
            </a>
            <a className="ht-btn" href={href(exportTemplate, { query: { scope: 'mine', extended: true } })} download>
              导出本部门目录，改好再导入
            </a>
          </div>
        </Sheet>
        <Upload />
        <Sheet title="最近的导入和批量修改" note="保留 7 天">
          <DataTable
            name="导入和批量修改"
            rows={load.data}
            error={load.error}
            retry={load.refetch}
            rowKey={row => row.id}
            empty={<Nothing>还没有导入过目录。</Nothing>}
            columns={[
              { title: '名称', head: true, cell: row => <A href={at(`/catalog/runs/${row.id}`)}>{row.name}</A> },
              { title: '状态', narrow: true, cell: row => <Mark hue={stateHue[row.state]}>{row.stateLabel}</Mark> },
              { title: '新建', right: true, narrow: true, cell: row => number(row.outcomes.create) },
              { title: '修改', right: true, narrow: true, cell: row => number(row.outcomes.change) },
              { title: '有错', right: true, narrow: true, cell: row => number(row.outcomes.fault) },
              { title: '经办', cell: row => row.by },
              { title: '时间', keep: true, narrow: true, cell: row => moment(row.created) },
            ]}
          />
        </Sheet>
      </div>
    </Page>
  )
}

function Upload() {
  const navigate = useNavigate()
  const file = useRef<HTMLInputElement>(null)
  const [name, setName] = useState('')
  const send = useAct(importTemplate, made => void navigate({ to: `/catalog/runs/${made.id}` as string }))
  const take = (chosen: File | undefined) => {
    if (!chosen) return
    setName(`${chosen.name}（${bytes(chosen.size)}）`)
    const body = new FormData()
    body.append('file', chosen)
    send.mutate({ body })
  }
  return (
    <Sheet title="上传填好的模板">
      <Drop onFiles={files => take(files[0])}>
        <p>{send.isPending ? `正在上传 ${name}` : '把 .xlsx 文件拖到这里'}</p>
        <Button type="primary" loading={send.isPending} onClick={() => file.current?.click()}>
          选择文件
        </Button>
        <input
          ref={file}
          type="file"
          accept=".xlsx"
          aria-label="选择目录编制模板文件"
          hidden
          onChange={event => {
            take(event.target.files?.[0])
            event.target.value = ''
          }}
        />
      </Drop>
      {send.error ? <ProblemNote error={send.error} /> : null}
      <p className="ht-hint" style={{ marginTop: 8 }}>
        先检查，列出每一处问题；您确认以后才保存。有错的目录不保存，其他的照常保存。
      </p>
    </Sheet>
  )
}

/** One import or bulk edit: what it would do, line by line, and the button that does it. */
export function RunPage() {
  const { id } = useParams({ strict: false }) as { id: string }
  const load = useRead(runById, { params: { id } })
  return (
    <Loaded load={load}>{one => <RunView key={one.kind} one={one} busy={one.state === 'checking' || one.state === 'saving'} />}</Loaded>
  )
}

function RunView({ one, busy }: { one: Run; busy: boolean }) {
  useRead(runById, { params: { id: one.id } }, { refetchInterval: busy ? 1000 : false })
  const { message, modal } = App.useApp()
  const navigate = useNavigate()
  const filters = useFilters({ tab: one.notes.fault ? 'notes' : 'entries', level: '', outcome: '' })
  const { tab } = filters.value
  const failed = (error: Error) => {
    const problem = problemOf(error)
    modal.error({ title: problem.detail, content: problem.remedy, okText: '返回' })
  }
  const save = useAct(saveRun, () => message.success('开始保存'))
  const remove = useAct(removeRun, () => void navigate({ to: '/catalog/import' as string }))
  const good = one.outcomes.create + one.outcomes.change
  const step = { checking: 1, checked: 2, saving: 3, done: 4, failed: 1 }[one.state]
  const names = [one.kind === 'import' ? '上传' : '选择', '检查', '核对', '保存']
  return (
    <Page
      title={one.name}
      crumb={<A href={at('/catalog/import')}>导入目录</A>}
      sub={
        <>
          <Mark hue={stateHue[one.state]}>{one.stateLabel}</Mark>
          <span className="ht-meta">
            {one.by} · {moment(one.created)}
          </span>
        </>
      }
      acts={
        <>
          {one.may.includes('save') && (
            <Button type="primary" loading={save.isPending} onClick={() => save.mutate({ params: { id: one.id } }, { onError: failed })}>
              保存 {number(good)} 条
            </Button>
          )}
          {one.may.includes('report') && (
            <a className="ht-btn" href={href(runReport, { params: { id: one.id } })} download>
              下载检查结果
            </a>
          )}
          {one.state === 'done' && (
            <A className="ht-btn" href={at('/catalog', { scope: 'mine', state: 'draft' })}>
              查看草稿
            </A>
          )}
          {(one.state === 'checked' || one.state === 'failed') && (
            <Button danger loading={remove.isPending} onClick={() => remove.mutate({ params: { id: one.id } }, { onError: failed })}>
              不保存，删除
            </Button>
          )}
        </>
      }
    >
      <div className="stack">
        <Steps
          label="办理步骤"
          of={names.map((name, index) => ({ name, state: index < step ? 'done' : index === step ? 'now' : 'later' }))}
        />
        {one.problem && <FileProblem of={one.problem} />}
        {busy && <Progress of={one} />}
        {one.state !== 'failed' && <Counts of={one} />}
        {one.state !== 'failed' && (
          <>
            <nav className="tabs" aria-label="结果">
              <A href={filters.address({ tab: 'notes', outcome: '' })} aria-current={tab === 'notes' ? 'page' : undefined}>
                逐处问题 {number(one.notes.fault + one.notes.todo + one.notes.note)}
              </A>
              <A href={filters.address({ tab: 'entries', level: '' })} aria-current={tab === 'entries' ? 'page' : undefined}>
                逐条结果 {number(one.total)}
              </A>
            </nav>
            {tab === 'notes' ? <Notes one={one} busy={busy} /> : <Entries one={one} busy={busy} />}
          </>
        )}
      </div>
    </Page>
  )
}

const FileProblem = ({ of: problem }: { of: NonNullable<Run['problem']> }) => (
  <div className="ht-note red" role="alert">
    <p>
      <b>{problem.detail}</b>
    </p>
    {problem.remedy && <p>{problem.remedy}</p>}
  </div>
)

function Progress({ of: one }: { of: Run }) {
  const percent = one.state === 'saving' && one.total ? Math.round((one.done / one.total) * 100) : null
  return (
    <Sheet>
      <div className="row" style={{ marginBottom: 8 }}>
        <b>{one.stateLabel}</b>
        <span className="ht-num">
          {percent === null
            ? `已读 ${number(one.read)} 行，${number(one.total)} 条目录`
            : `${percent}% · ${number(one.done)} / ${number(one.total)} 条`}
        </span>
        <span className="ht-ink2">可以离开这一页，办完了结果还在。</span>
      </div>
      <div
        className="bar"
        role="progressbar"
        aria-label="办理进度"
        aria-valuenow={percent ?? undefined}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <i style={{ width: `${percent ?? 0}%` }} />
      </div>
    </Sheet>
  )
}

function Counts({ of: one }: { of: Run }) {
  const done = one.state === 'done'
  return (
    <p className="row">
      <Mark hue="green">
        {done ? '已新建' : '将新建'} {number(one.outcomes.create)}
      </Mark>
      <Mark hue="blue">
        {done ? '已修改' : '将修改'} {number(one.outcomes.change)}
      </Mark>
      <Mark hue="grey">没有变化 {number(one.outcomes.same)}</Mark>
      <Mark hue="red">有错，不保存 {number(one.outcomes.fault)}</Mark>
      <span className="ht-ink2">已发布的目录改为变更草稿，审核发布前仍按现行版本使用。</span>
    </p>
  )
}

function Notes({ one, busy }: { one: Run; busy: boolean }) {
  const filters = useFilters({ tab: one.notes.fault ? 'notes' : 'entries', level: '', outcome: '' })
  const { level, after } = filters.value
  const load = useRead(
    runNotes,
    { params: { id: one.id }, query: { ...(level && { level: level as 'fault' }), ...(after && { after }) } },
    { refetchInterval: busy ? 3000 : false },
  )
  return (
    <>
      <nav className="tabs flat" aria-label="轻重">
        <A href={filters.address({ level: '' })} aria-current={level ? undefined : 'page'}>
          全部
        </A>
        {(Object.keys(noteLevels) as (keyof typeof noteLevels)[]).map(key => (
          <A key={key} href={filters.address({ level: key })} aria-current={level === key ? 'page' : undefined}>
            {noteLevels[key]} {number(one.notes[key])}
          </A>
        ))}
      </nav>
      <DataTable
        name="问题"
        rows={load.data?.rows}
        error={load.error}
        retry={load.refetch}
        rowKey={(row, index) => `${row.n}-${index}`}
        empty={<Nothing>没有发现问题。</Nothing>}
        filtered={Boolean(level)}
        clear={filters.clear}
        columns={[
          {
            title: '位置',
            head: true,
            keep: true,
            cell: row =>
              one.kind === 'bulk'
                ? `第 ${row.line} 条`
                : [row.sheet, row.cell || (row.line ? `第 ${row.line} 行` : '')].filter(Boolean).join(' · '),
          },
          { title: '轻重', narrow: true, cell: row => <Mark hue={levelHue[row.level]}>{row.levelLabel}</Mark> },
          { title: '目录', cell: row => row.title || '—' },
          { title: '列', narrow: true, cell: row => row.field || '—' },
          {
            title: '问题与改法',
            cell: row => (
              <>
                {row.message}
                {row.cite && (
                  <span className="ht-nowrap">
                    （{citeWords(row.cite)}）
                    <Why cite={row.cite} />
                  </span>
                )}
                {row.remedy && <span className="ht-ink2"> {row.remedy}</span>}
              </>
            ),
          },
        ]}
        footer={<ListPager of={load.data} filters={filters} />}
      />
    </>
  )
}

function Entries({ one, busy }: { one: Run; busy: boolean }) {
  const filters = useFilters({ tab: one.notes.fault ? 'notes' : 'entries', level: '', outcome: '' })
  const { outcome, after } = filters.value
  const load = useRead(
    runEntries,
    { params: { id: one.id }, query: { ...(outcome && { outcome: outcome as 'fault' }), ...(after && { after }) } },
    { refetchInterval: busy ? 3000 : false },
  )
  return (
    <>
      <nav className="tabs flat" aria-label="结果">
        <A href={filters.address({ outcome: '' })} aria-current={outcome ? undefined : 'page'}>
          全部
        </A>
        {(Object.keys(outcomes) as (keyof typeof outcomes)[]).map(key => (
          <A key={key} href={filters.address({ outcome: key })} aria-current={outcome === key ? 'page' : undefined}>
            {outcomes[key]} {number(one.outcomes[key])}
          </A>
        ))}
      </nav>
      <DataTable
        name="目录"
        rows={load.data?.rows}
        error={load.error}
        retry={load.refetch}
        rowKey={row => row.n}
        filtered={Boolean(outcome)}
        clear={filters.clear}
        columns={[
          {
            title: '目录',
            head: true,
            cell: row => (
              <>
                {row.code && (row.saved || row.outcome === 'same' || row.outcome === 'change') ? (
                  <A href={at(`/catalog/${codeInUrl(row.code)}`)}>{row.title || '（未命名）'}</A>
                ) : (
                  row.title || '（未命名）'
                )}
                {row.code && (
                  <div className="ht-meta">
                    <span className="ht-code">{row.code}</span>
                  </div>
                )}
              </>
            ),
          },
          {
            title: '位置',
            narrow: true,
            cell: row =>
              one.kind === 'bulk'
                ? `第 ${row.line} 条`
                : `${row.sheet} 第 ${row.line}${row.lines > 1 ? `–${row.line + row.lines - 1}` : ''} 行`,
          },
          {
            title: '结果',
            narrow: true,
            cell: row => (
              <Mark hue={outcomeHue[row.outcome]}>
                {row.outcomeLabel}
                {row.saved && '，已保存'}
              </Mark>
            ),
          },
          { title: '错误', right: true, narrow: true, cell: row => row.faults || '—' },
          { title: '提交前要补', right: true, narrow: true, cell: row => row.todo || '—' },
          { title: '审核', narrow: true, cell: row => (row.caseNo ? <A href={at(`/cases/${row.caseNo}`)}>{row.caseNo}</A> : '—') },
        ]}
        footer={<ListPager of={load.data} filters={filters} />}
      />
    </>
  )
}

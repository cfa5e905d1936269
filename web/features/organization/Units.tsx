import { App, Button, Select } from 'antd'
import { useState } from 'react'
import { checklist, dutyBoard } from '../../../contract/catalog.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import {
  changeSystem,
  confirmDocuments,
  createSystem,
  departments,
  documents,
  officers,
  setDocument,
  systems,
} from '../../../contract/organization.ts'
import { startCase } from '../../../contract/procedure.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { useFilters } from '../../app/search.ts'
import { useMay, useSession } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Mark } from '../../ui/Light.tsx'
import { Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'

const filing = { data: 'officer-filing', opening: 'opening-officer-filing' } as const

/** Who answers for data in each department, as filed; what is vacant, and since when. */
export function Officers() {
  const load = useRead(officers)
  const { department } = useSession()
  const mayFile = useMay(startCase)
  return (
    <DataTable
      name="责任人备案"
      rows={load.data}
      rowKey={row => `${row.departmentId}${row.scope}`}
      error={load.error}
      retry={load.refetch}
      empty={<Nothing>本地规定没有要求备案数据工作责任人。</Nothing>}
      columns={[
        {
          title: '部门',
          head: true,
          cell: row => (
            <>
              {row.department}
              <div className="ht-meta">{row.scopeLabel}</div>
            </>
          ),
        },
        {
          title: '岗位',
          cell: row => row.posts.map(post => <div key={post.post}>{`${post.label}：${post.holder ?? '空缺'}`}</div>),
        },
        {
          title: '状态',
          narrow: true,
          cell: row => (
            <>
              {row.complete ? (
                <Mark hue="green" shape="●">
                  已备案
                </Mark>
              ) : (
                <Mark hue="yellow" shape="▲">
                  {row.filings.length ? '要补报' : '未备案'}
                </Mark>
              )}
              <Why cite={row.cite} text={citeWords(row.cite)} />
              {row.reminder && <div className="ht-meta">{`${row.reminder.text}${row.reminder.word ?? ''}报告。`}</div>}
            </>
          ),
        },
        {
          title: '回执',
          narrow: true,
          cell: row => (row.filings[0] ? `${row.filings[0].receipt} · ${row.filings[0].filed}` : '—'),
        },
        {
          title: '操作',
          narrow: true,
          cell: row =>
            mayFile && row.departmentId === department.id ? (
              <A href={at(`/cases/new?procedure=${filing[row.scope]}`)}>{row.filings.length ? '报告变动' : '备案'}</A>
            ) : null,
        },
      ]}
    />
  )
}

type OfDepartment = { department: string; choose: (department: string) => void }

/** One's own department; the authority and inspectors may look at every other of their place. */
function useDepartment(department: string) {
  const session = useSession()
  const overseer = session.roles.some(one => one.role === 'bureau' || one.role === 'inspector')
  return { id: department || session.department.id, own: session.department.id, region: session.department.region, overseer }
}
function ChooseDepartment({ id, region, choose }: { id: string; region: string; choose: OfDepartment['choose'] }) {
  const list = useRead(departments, { query: { region } })
  return (
    <div className="filters">
      <label>
        <span>部门</span>
        <Select
          aria-label="部门"
          style={{ width: 320, maxWidth: '100%' }}
          showSearch={{ optionFilterProp: 'label' }}
          value={list.data ? id : undefined}
          loading={!list.data}
          onChange={choose}
          options={list.data?.map(one => ({ value: one.id, label: one.name }))}
        />
      </label>
    </div>
  )
}

/** What the regulation asks of a department, done or outstanding by records alone; and how far all of them are, first until one is chosen. */
export function Duties({ department, choose }: OfDepartment) {
  const { id, region, overseer } = useDepartment(department)
  const load = useRead(checklist, { params: { id } })
  const mayBoard = useMay(dutyBoard)
  return (
    <div className="stack">
      {mayBoard && !department && <Board />}
      {overseer && <ChooseDepartment id={id} region={region} choose={choose} />}
      <Loaded load={load}>
        {one => (
          <Sheet title={one.department} note="由登记、汇聚、共享和开放的记录自动得出，不能手工勾选">
            <ul className="stack-small">
              {one.items.map(item => (
                <li key={item.key} className="row">
                  <Mark hue={item.done ? 'green' : 'yellow'} shape={item.done ? '✓' : '▲'}>
                    {item.done ? '已做' : '未做'}
                  </Mark>
                  <span>{item.label}</span>
                  <span className="ht-meta">{item.evidence}</span>
                  <Why cite={item.cite} text={citeWords(item.cite)} />
                </li>
              ))}
            </ul>
          </Sheet>
        )}
      </Loaded>
      {mayBoard && department && <Board />}
    </div>
  )
}

function Board() {
  const load = useRead(dutyBoard)
  const filters = useFilters({ tab: '', department: '' })
  return (
    <>
      <DataTable
        name="各部门履职情况"
        rows={load.data?.ranked}
        rowKey={row => row.departmentId}
        error={load.error}
        retry={load.refetch}
        empty={<Nothing>本地区还没有登记的部门。</Nothing>}
        columns={[
          {
            title: '部门',
            head: true,
            cell: row => <A href={filters.address({ tab: 'duties', department: row.departmentId })}>{row.department}</A>,
          },
          { title: '已做', right: true, narrow: true, cell: row => `${row.done} / ${row.of}` },
          { title: '未做的职责', cell: row => row.open.join('、') || '—' },
        ]}
      />
      {!!load.data?.apart.length && (
        <p className="ht-meta">
          参照执行、不参加排名：{load.data.apart.map(one => `${one.department}（${one.kindLabel}）`).join('、')}
          <Why cite={load.data.cite} text={citeWords(load.data.cite)} />
        </p>
      )}
    </>
  )
}

type Document = Reply<typeof documents>['documents'][number]

/** Procedures and rules a department has set for itself; it notes them and marks the set complete. */
export function Documents({ department, choose }: OfDepartment) {
  const { id, own, region, overseer } = useDepartment(department)
  const load = useRead(documents, { params: { id } })
  const mine = useMay(setDocument) && id === own
  const { message, modal } = App.useApp()
  const [open, setOpen] = useState<Document | null>(null)
  const confirm = useAct(confirmDocuments, () => message.success('已确认建全'))
  const failed = (error: Error) => {
    const problem = problemOf(error)
    modal.error({ title: problem.detail, content: problem.remedy, okText: '返回' })
  }
  return (
    <div className="stack">
      {overseer && <ChooseDepartment id={id} region={region} choose={choose} />}
      <Loaded load={load}>
        {sheet =>
          sheet.documents.length === 0 ? (
            <Nothing>当地规定没有要求部门建立管理制度。</Nothing>
          ) : (
            <>
              <p className="row">
                {sheet.confirmed ? (
                  <Mark hue="green" shape="✓">{`${sheet.confirmed} 确认建全`}</Mark>
                ) : (
                  <Mark hue="yellow" shape="▲">
                    {sheet.missing.length ? `还缺${sheet.missing.join('、')}` : '已登记，还没有确认建全'}
                  </Mark>
                )}
                <Why cite={sheet.cite} text={citeWords(sheet.cite)} />
                {mine && !sheet.confirmed && !sheet.missing.length && (
                  <Button
                    type="primary"
                    loading={confirm.isPending}
                    onClick={() => confirm.mutate({ params: { id } } as never, { onError: failed })}
                  >
                    确认建全
                  </Button>
                )}
              </p>
              <DataTable
                name="管理制度"
                rows={sheet.documents}
                rowKey={row => row.key}
                empty={null}
                columns={[
                  { title: '种类', head: true, cell: row => row.label },
                  { title: '文件', cell: row => row.title ?? '没有登记' },
                  { title: '版本', narrow: true, cell: row => row.version ?? '—' },
                  { title: '印发日期', narrow: true, cell: row => row.issued ?? '—' },
                  {
                    title: '操作',
                    narrow: true,
                    cell: row =>
                      mine ? (
                        <Button aria-label={`登记：${row.label}`} onClick={() => setOpen(row)}>
                          {row.title ? '更换' : '登记'}
                        </Button>
                      ) : null,
                  },
                ]}
              />
            </>
          )
        }
      </Loaded>
      {open && (
        <SideForm
          key={open.key}
          endpoint={setDocument}
          title={open.label}
          verb="登记"
          start={{ title: open.title ?? '', version: open.version ?? '', issued: open.issued ?? '' }}
          params={{ id, key: open.key }}
          shut={() => setOpen(null)}
        >
          {form => (
            <>
              <Line form={form} at="/title" label="文件名称" />
              <Line form={form} at="/version" label="版本" hint="如 2026 年修订" />
              <Line form={form} at="/issued" label="印发日期" hint="如 2026-01-04" />
            </>
          )}
        </SideForm>
      )}
    </div>
  )
}

type System = Reply<typeof systems>[number]
const hues = { none: 'grey', valid: 'green', expiring: 'yellow', expired: 'red' } as const
const shapes = { none: '◇', valid: '●', expiring: '▲', expired: '■' } as const

export function Systems() {
  const load = useRead(systems)
  const mayAdd = useMay(createSystem)
  const { department } = useSession()
  const [open, setOpen] = useState<System | 'new' | null>(null)
  return (
    <>
      {mayAdd && (
        <div className="filters">
          <Button onClick={() => setOpen('new')}>登记信息系统</Button>
        </div>
      )}
      <DataTable
        name="信息系统"
        rows={load.data}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        empty={<Nothing>还没有登记信息系统。申请数据时可以登记。</Nothing>}
        columns={[
          {
            title: '名称',
            head: true,
            cell: row => (
              <>
                {row.name}
                {row.address && <div className="ht-meta">{row.address}</div>}
              </>
            ),
          },
          { title: '部门', cell: row => row.department },
          { title: '托管和网络', cell: row => [row.hosting, row.network].filter(Boolean).join(' · ') || '—' },
          {
            title: '等保测评',
            cell: row => (
              <>
                <Mark hue={hues[row.certification.state]} shape={shapes[row.certification.state]}>
                  {row.certification.words}
                </Mark>
                {row.protectionLevel && <div className="ht-meta">{`第 ${row.protectionLevel} 级 ${row.certificate}`}</div>}
              </>
            ),
          },
          { title: '登记日期', cell: row => row.created, keep: true, narrow: true },
          {
            title: '操作',
            narrow: true,
            cell: row =>
              mayAdd && row.departmentId === department.id ? (
                <Button aria-label={`修改：${row.name}`} onClick={() => setOpen(row)}>
                  修改
                </Button>
              ) : null,
          },
        ]}
      />
      {open && <SystemForm key={open === 'new' ? 'new' : open.id} of={open === 'new' ? null : open} shut={() => setOpen(null)} />}
    </>
  )
}

function SystemForm({ of: one, shut }: { of: System | null; shut: () => void }) {
  const start = {
    name: one?.name ?? '',
    address: one?.address ?? '',
    hosting: one?.hosting ?? '',
    network: one?.network ?? '',
    protectionLevel: one?.protectionLevel ?? undefined,
    certificate: one?.certificate ?? '',
    certifiedUntil: one?.certifiedUntil ?? '',
  }
  return (
    <SideForm
      endpoint={one ? changeSystem : createSystem}
      title={one ? one.name : '登记信息系统'}
      verb={one ? '保存' : '登记'}
      start={start}
      body={({ name, certifiedUntil, ...rest }) => ({
        ...(one ? {} : { name }),
        ...rest,
        ...(certifiedUntil && { certifiedUntil }),
      })}
      {...(one && { params: { id: one.id } })}
      shut={shut}
    >
      {form => (
        <>
          {!one && <Line form={form} at="/name" label="名称" />}
          <Line form={form} at="/address" label="地址" required={false} />
          <Line form={form} at="/hosting" label="托管在" hint="如 市政务云、本单位机房" required={false} />
          <Line form={form} at="/network" label="网络" hint="如 政务外网、互联网" required={false} />
          <label className="column">
            <span>等级保护</span>
            <Select
              aria-label="等级保护"
              allowClear
              style={{ width: 160 }}
              value={form.value.protectionLevel}
              onChange={value => form.set('/protectionLevel', value)}
              options={[1, 2, 3, 4, 5].map(value => ({ value, label: `第 ${value} 级` }))}
            />
          </label>
          <Line form={form} at="/certificate" label="测评报告编号" required={false} />
          <Line form={form} at="/certifiedUntil" label="测评有效期至" hint="如 2027-09-30" required={false} />
        </>
      )}
    </SideForm>
  )
}

import { Button, Select } from 'antd'
import { useState } from 'react'
import { checklist } from '../../../contract/catalog.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { changeSystem, createSystem, departments, officers, systems } from '../../../contract/organization.ts'
import { startCase } from '../../../contract/procedure.ts'
import { A, at } from '../../app/link.tsx'
import { useRead } from '../../app/query.ts'
import { useMay, useSession } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Mark } from '../../ui/Light.tsx'
import { Sheet } from '../../ui/Page.tsx'
import { Loaded, Nothing } from '../../ui/states.tsx'
import { citeWords, Why } from '../../ui/Why.tsx'
import { Line, Sending } from './forms.tsx'

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
            ) : (
              '—'
            ),
        },
      ]}
    />
  )
}

/** What the regulation asks of a department, done or outstanding by records alone. */
export function Duties({ department, choose }: { department: string; choose: (department: string) => void }) {
  const session = useSession()
  const list = useRead(departments, { query: { region: session.department.region } })
  const overseer = session.roles.some(one => one.role === 'bureau' || one.role === 'inspector')
  const id = department || session.department.id
  const load = useRead(checklist, { params: { id } })
  return (
    <>
      {overseer && (
        <div className="filters">
          <label>
            <span>部门</span>
            <Select
              aria-label="部门"
              style={{ width: 320 }}
              showSearch={{ optionFilterProp: 'label' }}
              value={id}
              onChange={choose}
              options={list.data?.map(one => ({ value: one.id, label: one.name }))}
            />
          </label>
        </div>
      )}
      <Loaded load={load}>
        {one => (
          <Sheet title={one.department} note="由登记、汇聚、共享和开放的记录自动得出，不能手工勾选">
            <ul className="plain">
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
    </>
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
              ) : (
                '—'
              ),
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
    <Sending
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
    </Sending>
  )
}

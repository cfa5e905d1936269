import { useQueryClient } from '@tanstack/react-query'
import { App, Button, Checkbox, Input, Select } from 'antd'
import { useState } from 'react'
import type { z } from 'zod'
import type { Reply } from '../../../contract/endpoint.ts'
import { roles as roleLabels } from '../../../contract/endpoint.ts'
import {
  changePassword,
  createDepartment,
  createPerson,
  departmentKinds,
  departmentRoles,
  departments,
  myContact,
  mySessions,
  type Person as PersonSchema,
  people,
  regions,
  resetPassword,
  setDisabled,
  setMyContact,
  setRoles,
  signOut,
  systems,
} from '../../../contract/organization.ts'
import { call, problemOf } from '../../app/api.ts'
import { OtherPages } from '../../app/Frame.tsx'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { Line, SideForm } from '../../app/SideForm.tsx'
import { useFilters } from '../../app/search.ts'
import { useMay, useSession } from '../../app/session.ts'
import { DataTable } from '../../ui/DataTable.tsx'
import { Field, Summary } from '../../ui/Field.tsx'
import { useForm } from '../../ui/form.ts'
import { moment } from '../../ui/format.ts'
import { Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { SearchBox } from '../../ui/SearchBox.tsx'
import { Loaded } from '../../ui/states.tsx'
import { Documents, Duties, Officers, Systems } from './Units.tsx'

type Person = z.infer<typeof PersonSchema>

export function Organization() {
  const filters = useFilters({ tab: '', q: '', region: '', department: '' })
  const [adding, setAdding] = useState<'person' | 'department' | null>(null)
  const mayPeople = useMay(people)
  const maySystems = useMay(systems)
  const tab = filters.value.tab || (mayPeople ? 'people' : 'departments')
  const addPerson = useMay(createPerson)
  const addDepartment = useMay(createDepartment)
  const tabs: [string, string, boolean][] = [
    ['people', '人员', mayPeople],
    ['departments', '部门', true],
    ['officers', '责任人备案', maySystems],
    ['duties', '职责清单', maySystems],
    ['documents', '管理制度', maySystems],
    ['systems', '信息系统', maySystems],
    ['regions', '地区', true],
  ]
  return (
    <Page
      title="机构与人员"
      acts={
        <>
          {tab === 'people' && addPerson && (
            <Button type="primary" onClick={() => setAdding('person')}>
              添加人员
            </Button>
          )}
          {tab === 'departments' && addDepartment && (
            <Button type="primary" onClick={() => setAdding('department')}>
              添加部门
            </Button>
          )}
        </>
      }
    >
      <nav className="tabs" aria-label="内容">
        {tabs
          .filter(([, , shown]) => shown)
          .map(([key, label]) => (
            <A key={key} href={filters.address({ tab: key, q: undefined })} aria-current={tab === key ? 'page' : undefined}>
              {label}
            </A>
          ))}
      </nav>
      {tab === 'people' && mayPeople && <People q={filters.value.q} search={q => filters.set({ q })} />}
      {tab === 'departments' && <Departments region={filters.value.region} choose={region => filters.set({ region })} />}
      {tab === 'officers' && maySystems && <Officers />}
      {tab === 'duties' && maySystems && (
        <Duties department={filters.value.department} choose={department => filters.set({ department })} />
      )}
      {tab === 'documents' && maySystems && (
        <Documents department={filters.value.department} choose={department => filters.set({ department })} />
      )}
      {tab === 'systems' && maySystems && <Systems />}
      {tab === 'regions' && <Regions />}
      {adding === 'person' && <AddPerson shut={() => setAdding(null)} />}
      {adding === 'department' && <AddDepartment shut={() => setAdding(null)} />}
    </Page>
  )
}

function People({ q, search }: { q: string; search: (q: string) => void }) {
  const load = useRead(people, { query: q ? { q } : {} })
  const [giving, setGiving] = useState<Person | null>(null)
  const mayRoles = useMay(setRoles)
  const mayDisable = useMay(setDisabled)
  const mayReset = useMay(resetPassword)
  const [resetting, setResetting] = useState<Person | null>(null)
  const { message, modal } = App.useApp()
  const disable = useAct(setDisabled, () => message.success('已办理'))
  return (
    <>
      <div className="filters">
        <label className="grow" style={{ maxWidth: 420 }}>
          <span>查找</span>
          <SearchBox value={q} onSearch={search} placeholder="姓名、用户名、部门" />
        </label>
      </div>
      <DataTable
        name="人员"
        rows={load.data}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        filtered={Boolean(q)}
        clear={() => search('')}
        columns={[
          {
            title: '姓名',
            head: true,
            cell: row => (
              <>
                {row.name}
                <div className="ht-meta">{row.username}</div>
              </>
            ),
          },
          { title: '部门', cell: row => row.department },
          { title: '分工', cell: row => row.roles.map(role => roleLabels[role]).join('、') || <span className="ht-ink3">还没有分工</span> },
          { title: '电话', cell: row => row.phone ?? '—', narrow: true },
          {
            title: '状态',
            narrow: true,
            cell: row =>
              row.disabled ? (
                <Mark shape="‖">已停用</Mark>
              ) : row.locked ? (
                <Mark hue="yellow" shape="▲">
                  已锁定
                </Mark>
              ) : (
                <Mark hue="green" shape="●">
                  正常
                </Mark>
              ),
          },
          { title: '最近登录', keep: true, narrow: true, cell: row => moment(row.lastSignIn) },
          ...(mayRoles || mayDisable || mayReset
            ? [
                {
                  title: '操作',
                  narrow: true,
                  cell: (row: Person) => (
                    <span className="row">
                      {mayRoles && (
                        <Button aria-label={`调整分工：${row.name}`} onClick={() => setGiving(row)}>
                          调整分工
                        </Button>
                      )}
                      {mayReset && (
                        <Button aria-label={`重设密码：${row.name}`} onClick={() => setResetting(row)}>
                          重设密码
                        </Button>
                      )}
                      {mayDisable && (
                        <Button
                          danger={!row.disabled}
                          aria-label={`${row.disabled ? '启用' : '停用'}：${row.name}`}
                          onClick={() =>
                            modal.confirm({
                              title: `${row.disabled ? '启用' : '停用'} ${row.name} 的账号`,
                              content: row.disabled ? '启用后可以再次登录。' : '停用后立即退出所有登录。',
                              okText: row.disabled ? '启用账号' : '停用账号',
                              cancelText: '先不办',
                              onOk: () =>
                                disable.mutate(
                                  { params: { id: row.id }, body: { disabled: !row.disabled } },
                                  { onError: error => message.error(problemOf(error).detail) },
                                ),
                            })
                          }
                        >
                          {row.disabled ? '启用' : '停用'}
                        </Button>
                      )}
                    </span>
                  ),
                },
              ]
            : []),
        ]}
      />
      {resetting && (
        <SideForm
          key={resetting.id}
          endpoint={resetPassword}
          title={`重设 ${resetting.name} 的密码`}
          verb="重设密码"
          start={{ password: '' }}
          params={{ id: resetting.id }}
          shut={() => setResetting(null)}
        >
          {form => <Line form={form} at="/password" label="新的初始密码" hint="至少 12 个字符，本人下次登录后须修改" type="password" />}
        </SideForm>
      )}
      {giving && <GiveRoles key={giving.id} person={giving} shut={() => setGiving(null)} />}
    </>
  )
}

function GiveRoles({ person, shut }: { person: Person; shut: () => void }) {
  return (
    <SideForm
      endpoint={setRoles}
      title={`${person.name} 的分工`}
      verb="保存分工"
      start={{ roles: person.roles }}
      params={{ id: person.id }}
      shut={shut}
    >
      {form => (
        <Field form={form} at="/roles" label="分工" group hint="三个管理员的分工互相排斥，也不能兼任业务分工">
          {({ id, labelledby, value, onChange }) => (
            <Checkbox.Group
              aria-labelledby={labelledby}
              className="column"
              name={id}
              value={value}
              onChange={onChange}
              options={Object.entries(roleLabels).map(([key, label]) => ({ value: key, label }))}
            />
          )}
        </Field>
      )}
    </SideForm>
  )
}

function AddPerson({ shut }: { shut: () => void }) {
  const list = useRead(departments)
  return (
    <SideForm
      endpoint={createPerson}
      title="添加人员"
      verb="添加人员"
      start={{ username: '', name: '', phone: '', password: '' }}
      body={({ phone, ...rest }) => ({ ...rest, ...(phone && { phone }) })}
      shut={shut}
    >
      {form => (
        <>
          <p className="ht-note">账号建立后没有分工，由安全管理员另行给予。</p>
          <Line form={form} at="/name" label="姓名" />
          <Line form={form} at="/username" label="用户名" hint="小写字母开头，3 到 32 位" />
          <Field form={form} at="/departmentId" label="部门" required>
            {({ labelledby: _, ...control }) => (
              <Select
                {...control}
                showSearch={{ optionFilterProp: 'label' }}
                options={list.data?.map(one => ({ value: one.id, label: `${one.regionName} ${one.name}` }))}
              />
            )}
          </Field>
          <Line form={form} at="/phone" label="电话" required={false} />
          <Line form={form} at="/password" label="初始密码" hint="至少 12 个字符，本人首次登录后须修改" type="password" />
        </>
      )}
    </SideForm>
  )
}

function AddDepartment({ shut }: { shut: () => void }) {
  const places = useRead(regions)
  return (
    <SideForm
      endpoint={createDepartment}
      title="添加部门"
      verb="添加部门"
      start={{ name: '', creditCode: '', roles: [], kind: 'agency' }}
      body={({ instrument, article, ...rest }) => ({
        ...rest,
        ...(instrument && { authorisation: { instrument, article: article ?? '' } }),
      })}
      shut={shut}
    >
      {form => (
        <>
          <Field form={form} at="/region" label="地区" required>
            {({ labelledby: _, ...control }) => (
              <Select {...control} options={places.data?.map(place => ({ value: place.code, label: place.name }))} />
            )}
          </Field>
          <Line form={form} at="/name" label="部门名称" />
          <Line form={form} at="/creditCode" label="统一社会信用代码" hint="18 位" />
          <Field form={form} at="/kind" label="单位性质" required hint="哪些单位是政务部门，由当地规定">
            {({ labelledby: _, ...control }) => (
              <Select {...control} options={Object.entries(departmentKinds).map(([value, label]) => ({ value, label }))} />
            )}
          </Field>
          {form.value.kind !== 'agency' && (
            <>
              <Line
                form={form}
                at="/instrument"
                label="授权的法律、法规"
                hint="授权它管理公共事务的规定；当地要求的必填"
                required={false}
              />
              <Line form={form} at="/article" label="条款" required={false} />
              <Field form={form} at="/byReference" label="参照执行" group>
                {({ id, value, onChange }) => (
                  <Checkbox id={id} checked={Boolean(value)} onChange={event => onChange(event.target.checked)}>
                    依当地“参照执行”的条款加入
                  </Checkbox>
                )}
              </Field>
            </>
          )}
          <Field form={form} at="/roles" label="在办件中的角色" hint="一个地区的数据主管部门只有一个；一般部门不选">
            {({ labelledby: _, ...control }) => (
              <Select {...control} mode="multiple" options={Object.entries(departmentRoles).map(([value, label]) => ({ value, label }))} />
            )}
          </Field>
        </>
      )}
    </SideForm>
  )
}

function Departments({ region, choose }: { region: string; choose: (region: string) => void }) {
  const load = useRead(departments, { query: region ? { region } : {} })
  const places = useRead(regions)
  return (
    <>
      <div className="filters">
        <label>
          <span>地区</span>
          <Select
            aria-label="地区"
            style={{ width: 180 }}
            allowClear
            placeholder="全部"
            value={region || undefined}
            onChange={value => choose(value ?? '')}
            options={places.data?.map(place => ({ value: place.code, label: place.name }))}
          />
        </label>
      </div>
      <DataTable
        name="部门"
        rows={load.data}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        filtered={Boolean(region)}
        clear={() => choose('')}
        columns={[
          { title: '部门', head: true, cell: row => row.name },
          { title: '地区', cell: row => row.regionName, narrow: true },
          { title: '统一社会信用代码', cell: row => <span className="ht-code">{row.creditCode}</span>, narrow: true },
          {
            title: '性质',
            cell: row => (
              <>
                {row.kindLabel}
                {row.authorisation && (
                  <div className="ht-meta">
                    《{row.authorisation.instrument}》{row.authorisation.article}
                  </div>
                )}
                {!row.department && <div className="ht-meta">不属于当地所说的部门</div>}
              </>
            ),
          },
          { title: '在程序中是', cell: row => row.roles.join('、') || '—' },
        ]}
      />
    </>
  )
}

const levels: Record<Reply<typeof regions>[number]['level'], string> = { province: '省', city: '市', county: '县' }
function Regions() {
  const load = useRead(regions)
  return (
    <DataTable
      name="地区"
      rows={load.data}
      rowKey={row => row.code}
      error={load.error}
      retry={load.refetch}
      columns={[
        { title: '地区', head: true, cell: row => row.name },
        { title: '代码', cell: row => <span className="ht-code">{row.code}</span>, narrow: true },
        { title: '层级', cell: row => levels[row.level], narrow: true },
        { title: '上级', cell: row => load.data?.find(one => one.code === row.parent)?.name ?? '—', narrow: true },
        {
          title: '现用法规',
          cell: row =>
            row.regulation ? (
              <>
                <A href={at(`/regulations/${row.regulation.id}`)}>{row.regulation.title}</A>{' '}
                {row.regulation.status !== '现行有效' && <Mark hue="violet">{row.regulation.status}</Mark>}
              </>
            ) : (
              '—'
            ),
        },
      ]}
    />
  )
}

/** Where the notices of the department reach this person beside the workbench. */
function MyContact() {
  const load = useRead(myContact)
  return <Loaded load={load}>{one => <ContactForm key={one.email + one.phone} of={one} />}</Loaded>
}
function ContactForm({ of: one }: { of: Reply<typeof myContact> }) {
  const form = useForm({ phone: one.phone, email: one.email })
  const { message } = App.useApp()
  const send = useAct(setMyContact, () => message.success('已保存'))
  return (
    <Sheet title="联系方式" note={one.mail ? '办件进展、催办和督办会同时发到邮箱' : '平台没有设置邮件服务器，通知只在消息里'}>
      <form
        className="form"
        noValidate
        onSubmit={event => {
          event.preventDefault()
          if (form.complete()) send.mutate({ body: form.value }, { onError: form.refused })
        }}
      >
        <Summary form={form} />
        <Field form={form} at="/phone" label="电话" hint="有往来的部门可以看到">
          {control => <Input {...control} value={control.value} maxLength={30} onChange={event => control.onChange(event.target.value)} />}
        </Field>
        <Field form={form} at="/email" label="邮箱">
          {control => (
            <Input
              {...control}
              type="email"
              value={control.value}
              maxLength={120}
              onChange={event => control.onChange(event.target.value)}
            />
          )}
        </Field>
        <Button htmlType="submit" loading={send.isPending}>
          保存
        </Button>
      </form>
    </Sheet>
  )
}

export function Me() {
  const { person, department, region, roles } = useSession()
  const list = useRead(mySessions)
  const client = useQueryClient()
  const form = useForm({ current: '', next: '', again: '' })
  const { message } = App.useApp()
  const change = useAct(changePassword, () => {
    form.reset({ current: '', next: '', again: '' })
    void client.invalidateQueries({ queryKey: ['session'] })
    message.success('密码已修改，其他登录已退出')
  })
  return (
    <Page
      title="我的"
      sub={<span>{person.name}</span>}
      acts={
        <Button
          onClick={async () => {
            await call(signOut)
            client.clear()
            location.assign(at('/'))
          }}
        >
          退出登录
        </Button>
      }
    >
      <div className="stack">
        <OtherPages />
        {person.mustChangePassword && <p className="ht-note yellow">这是初始密码，请先修改。</p>}
        <Sheet title="账号">
          <Facts
            of={[
              ['姓名', person.name],
              ['用户名', person.username],
              ['部门', department.name],
              ['地区', region.name],
              ['分工', roles.map(role => role.label).join('、')],
            ]}
          />
        </Sheet>
        <MyContact />
        <Sheet title="修改密码">
          <form
            className="form"
            noValidate
            onSubmit={event => {
              event.preventDefault()
              if (!form.complete()) return
              const { current, next, again } = form.value
              if (next !== again) return form.refused(new Error('两次输入的新密码不同。'))
              change.mutate({ body: { current, next } }, { onError: form.refused })
            }}
          >
            <Summary form={form} />
            {(
              [
                ['current', '现在的密码', 'current-password', undefined],
                ['next', '新密码', 'new-password', '至少 12 个字符；一句长话最好记'],
                ['again', '再输一次新密码', 'new-password', undefined],
              ] as const
            ).map(([key, label, autoComplete, hint]) => (
              <Field key={key} form={form} at={`/${key}`} label={label} hint={hint} required>
                {({ labelledby: _, onChange, ...control }) => (
                  <Input.Password
                    {...control}
                    autoComplete={autoComplete}
                    style={{ maxWidth: 360 }}
                    onChange={event => onChange(event.target.value)}
                  />
                )}
              </Field>
            ))}
            <Button type="primary" htmlType="submit" loading={change.isPending}>
              修改密码
            </Button>
          </form>
        </Sheet>
        <DataTable
          name="登录"
          rows={list.data}
          rowKey={row => row.id}
          error={list.error}
          retry={list.refetch}
          columns={[
            {
              title: '浏览器',
              head: true,
              cell: row => (
                <>
                  {row.agent} {row.current && <Mark hue="blue">这一个</Mark>}
                </>
              ),
            },
            { title: '地址', cell: row => row.ip, narrow: true },
            { title: '登录于', cell: row => moment(row.created), keep: true, narrow: true },
            { title: '最近使用', cell: row => moment(row.lastSeen), keep: true, narrow: true },
          ]}
        />
      </div>
    </Page>
  )
}

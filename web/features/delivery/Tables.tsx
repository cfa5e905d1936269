import { App, Button, Checkbox, InputNumber, Radio } from 'antd'
import { useState } from 'react'
import type { Grant } from '../../../contract/delivery.ts'
import type { Reply } from '../../../contract/endpoint.ts'
import { actTablePush, setTablePush, type TablePush, tablePush, tablePushes, testTablePush } from '../../../contract/tables.ts'
import { problemOf } from '../../app/api.ts'
import { A, at } from '../../app/link.tsx'
import { useAct, useRead } from '../../app/query.ts'
import { type AnyForm, Line, SideForm } from '../../app/SideForm.tsx'
import { type Column, DataTable } from '../../ui/DataTable.tsx'
import { Field } from '../../ui/Field.tsx'
import { moment, number, span } from '../../ui/format.ts'
import { type Hue, Mark } from '../../ui/Light.tsx'
import { Facts, Page, Sheet } from '../../ui/Page.tsx'
import { Nothing, ProblemNote } from '../../ui/states.tsx'

const looks: Record<TablePush['state'], [Hue, string]> = {
  full: ['blue', '◇'],
  current: ['green', '●'],
  late: ['yellow', '▲'],
  trouble: ['red', '■'],
  paused: ['grey', '‖'],
}
const StateOf = ({ of: one }: { of: TablePush }) => (
  <Mark hue={looks[one.state][0]} shape={looks[one.state][1]}>
    {one.stateLabel}
  </Mark>
)
const lagText = (one: TablePush) => (one.lag === null ? '还没有推送完第一遍' : one.lag < 60 ? '不到 1 分钟' : span(one.lag))

const empty = {
  postgres: { kind: 'postgres', host: '', port: 5432, database: '', schema: 'public', user: '', password: '', tls: false, table: '' },
  mysql: { kind: 'mysql', host: '', port: 3306, database: '', user: '', password: '', tls: false, table: '' },
}

/** 库表推送 of one grant: how it stands, what keeps it, what may be done. */
export function TableOf({ of: grant }: { of: Grant }) {
  const load = useRead(tablePush, { params: { id: grant.id } }, { refetchInterval: 5000 })
  const [editing, setEditing] = useState(false)
  const { message, modal } = App.useApp()
  const act = useAct(actTablePush)
  const push = load.data?.push
  if (!load.data || (!push && !load.data.mayCreate)) return null
  const go = (action: 'run' | 'pause' | 'resume' | 'remove', done: string) =>
    act.mutate(
      { params: { id: grant.id }, body: { action } },
      { onSuccess: () => message.success(done), onError: error => message.error(problemOf(error).detail) },
    )
  const may = new Set(push?.may)
  return (
    <Sheet
      title="库表推送"
      {...(push && { note: <StateOf of={push} /> })}
      acts={
        push ? (
          <>
            {may.has('run') && <Button onClick={() => go('run', '已安排推送')}>现在推送</Button>}
            {may.has('resume') && (
              <Button type="primary" onClick={() => go('resume', '已继续')}>
                继续推送
              </Button>
            )}
            {may.has('pause') && <Button onClick={() => go('pause', '已暂停')}>暂停推送</Button>}
            {may.has('edit') && <Button onClick={() => setEditing(true)}>修改</Button>}
            {may.has('remove') && (
              <Button
                danger
                onClick={() =>
                  modal.confirm({
                    title: '不再推送',
                    content: '已经推送的表留在您的数据库里，由您按授权的约定处理。再要推送须重新设置。',
                    okText: '不再推送',
                    okButtonProps: { danger: true },
                    cancelText: '先不办',
                    onOk: () => go('remove', '已停止'),
                  })
                }
              >
                不再推送
              </Button>
            )}
          </>
        ) : (
          <Button onClick={() => setEditing(true)}>设置库表推送</Button>
        )
      }
    >
      {push ? (
        <div className="stack">
          {push.trouble && (
            <div className="ht-note red" role="status">
              <p>
                <b>{push.trouble.text}</b>
              </p>
              <p>
                {push.trouble.remedy}（自 {moment(push.trouble.since)}）
              </p>
            </div>
          )}
          <Facts
            of={[
              ['目标表', push.place],
              ['落后', lagText(push)],
              ['每隔', `${push.every} 分钟`],
              ['最近一次', push.running ? '正在推送' : moment(push.lastRun)],
              ['下一次', push.nextRun ? moment(push.nextRun) : '—'],
              ['已写入', `${number(push.upserts)} 行`],
              ['已移除', `${number(push.removes)} 行`],
            ]}
          />
        </div>
      ) : (
        <p className="ht-ink2">
          由平台把授权范围内的数据写进贵部门自己的 PostgreSQL 或 MySQL/MariaDB
          表，先整表，再只写变化的行。每次写入前先登记使用记录；授权暂停即停写。
        </p>
      )}
      {editing && <Settings grant={grant} push={push ?? null} shut={() => setEditing(false)} />}
    </Sheet>
  )
}

function Settings({ grant, push, shut }: { grant: Grant; push: TablePush | null; shut: () => void }) {
  const start = push ? { connection: { ...push.connection, password: '' }, every: push.every } : { connection: empty.postgres, every: 5 }
  return (
    <SideForm endpoint={setTablePush} title="库表推送" verb="保存" start={start} params={{ id: grant.id }} shut={shut}>
      {form => <Fields form={form} grantId={grant.id} kept={!!push} />}
    </SideForm>
  )
}

function Fields({ form, grantId, kept }: { form: AnyForm; grantId: string; kept: boolean }) {
  const connection = form.value.connection as typeof empty.postgres
  const test = useAct(testTablePush)
  return (
    <>
      <Field form={form} at="/connection/kind" label="数据库种类" required group>
        {({ id, labelledby, value }) => (
          <Radio.Group
            id={id}
            name={id}
            aria-labelledby={labelledby}
            value={value}
            onChange={event => {
              const kind = event.target.value as keyof typeof empty
              const { host, database, user, table } = connection
              form.set('/connection', { ...empty[kind], host, database, user, table })
            }}
            options={[
              { value: 'postgres', label: 'PostgreSQL' },
              { value: 'mysql', label: 'MySQL / MariaDB' },
            ]}
          />
        )}
      </Field>
      <Line form={form} at="/connection/host" label="主机" />
      <Field form={form} at="/connection/port" label="端口" required>
        {({ labelledby: _, onChange, ...control }) => (
          <InputNumber {...control} controls={false} min={1} max={65535} style={{ width: 120 }} onChange={onChange} />
        )}
      </Field>
      <Line form={form} at="/connection/database" label="数据库" />
      {connection.kind === 'postgres' && <Line form={form} at="/connection/schema" label="模式" />}
      <Line form={form} at="/connection/table" label="表名" hint="没有这张表时由平台建立，列名就是信息项名称。" />
      <Line form={form} at="/connection/user" label="用户名" hint="须有建表和增删改查的权限。" />
      <Line
        form={form}
        at="/connection/password"
        label="密码"
        type="password"
        required={false}
        {...(kept && { hint: '留空则沿用已保存的。' })}
      />
      <Field form={form} at="/connection/tls" label="加密连接" group>
        {({ id, value, onChange }) => (
          <Checkbox id={id} checked={value} onChange={event => onChange(event.target.checked)}>
            使用 TLS
          </Checkbox>
        )}
      </Field>
      <Field form={form} at="/every" label="每隔多少分钟" required>
        {({ labelledby: _, onChange, ...control }) => <InputNumber {...control} min={1} max={1440} onChange={onChange} />}
      </Field>
      <div>
        <Button
          loading={test.isPending}
          onClick={() => test.mutate({ params: { id: grantId }, body: { connection: form.value.connection } })}
        >
          测试连接
        </Button>
        {test.error && <ProblemNote error={test.error} />}
        {test.data && (
          <div className={`ht-note ${test.data.missing.length ? 'red' : 'green'}`} role="status" style={{ marginTop: 8 }}>
            <p>
              已连上 {test.data.version}。
              {!test.data.exists
                ? '还没有这张表，第一次推送时建立：'
                : test.data.missing.length
                  ? `已有这张表，但缺少列「${test.data.missing.join('」「')}」。请换一个表名，或补上这些列。`
                  : '已有这张表，列都齐全。'}
            </p>
            {!test.data.exists && <pre className="ht-code">{test.data.statement}</pre>}
          </div>
        )}
      </div>
    </>
  )
}

/** All 库表推送 of the department: what lags and what is stuck comes first. */
export function TablePushes() {
  const load = useRead(tablePushes, {}, { refetchInterval: 10_000 })
  const columns: Column<Reply<typeof tablePushes>[number]>[] = [
    {
      title: '目录与授权',
      head: true,
      cell: row => (
        <>
          <A href={at(`/grants/${row.grantId}`)}>{row.title}</A>
          <div className="ht-meta ht-num">{row.grantNo}</div>
        </>
      ),
    },
    {
      title: '提供 → 使用',
      cell: row => (
        <>
          {row.provider}
          <div className="ht-meta">{row.grantee}</div>
        </>
      ),
    },
    { title: '目标表', cell: row => <span className="ht-meta">{row.place}</span> },
    {
      title: '状态',
      keep: true,
      cell: row => (
        <>
          <StateOf of={row} />
          {row.trouble && (
            <div className="ht-meta">
              {row.trouble.text}
              {row.trouble.remedy}
            </div>
          )}
        </>
      ),
    },
    { title: '落后', narrow: true, keep: true, cell: lagText },
    { title: '已写入', narrow: true, right: true, cell: row => number(row.upserts) },
    { title: '已移除', narrow: true, right: true, cell: row => number(row.removes) },
    { title: '最近一次', narrow: true, cell: row => (row.running ? '正在推送' : moment(row.lastRun)) },
  ]
  return (
    <Page title="库表推送" crumb={<A href={at('/grants')}>授权</A>}>
      <DataTable
        name="库表推送"
        columns={columns}
        rows={load.data}
        rowKey={row => row.id}
        error={load.error}
        retry={load.refetch}
        since={load.dataUpdatedAt}
        empty={<Nothing action={<A href={at('/grants?side=received')}>本部门取得的授权</A>}>还没有库表推送。在授权页上设置。</Nothing>}
      />
    </Page>
  )
}

import { Button, Checkbox, Input, InputNumber, Select } from 'antd'
import type { ReactNode } from 'react'
import { testConnection } from '../../../contract/aggregation.ts'
import type { SourceKind } from '../../../contract/connections.ts'
import { useAct } from '../../app/query.ts'
import { Field } from '../../ui/Field.tsx'
import type { useForm } from '../../ui/form.ts'
import { bytes, number } from '../../ui/format.ts'
import { ProblemNote } from '../../ui/states.tsx'

type AnyForm = ReturnType<typeof useForm<any>>

const database = { host: '', database: '', user: '', password: '', tls: false, table: '' }
const starts: Partial<Record<SourceKind, Record<string, unknown>>> = {
  postgres: { kind: 'postgres', ...database, port: 5432, schema: 'public' },
  mysql: { kind: 'mysql', ...database, port: 3306 },
  folder: { kind: 'folder', path: '', pattern: '*' },
  sftp: { kind: 'sftp', host: '', port: 22, user: '', password: '', privateKey: '', hostKey: '', path: '', pattern: '*' },
  http: { kind: 'http', url: '', headers: {}, auth: 'none', user: '', password: '', tokenUrl: '', rowsAt: '', paging: { by: 'none' } },
}
/** A connection of the kind with nothing filled in; undefined for kinds that have none. */
export const startOf = (kind: SourceKind) => starts[kind]
export const isTable = (kind: SourceKind) => kind === 'postgres' || kind === 'mysql'
/** Files that the platform fetches itself. */
export const isFetched = (kind: SourceKind) => kind === 'folder' || kind === 'sftp' || kind === 'http'

const auths = {
  none: '不需要',
  basic: '用户名和密码',
  bearer: '令牌（Bearer）',
  header: '自定义请求头',
  'client-credentials': 'OAuth 2.0 客户端',
}
const pagings = {
  none: '不分页',
  page: '页码',
  offset: '偏移量',
  cursor: '游标',
  link: '下一页的地址',
}
const pagingStarts: Record<string, object> = {
  none: { by: 'none' },
  page: { by: 'page', page: 'page', size: 'size', rows: 500, from: 1 },
  offset: { by: 'offset', offset: 'offset', limit: 'limit', rows: 500 },
  cursor: { by: 'cursor', parameter: 'cursor', at: 'next' },
  link: { by: 'link' },
}

/** The fields of a connection, with the button that tries it. `sourceId`: secrets left empty are the stored ones of this source. */
export function ConnectionFields({
  form,
  at: base,
  sourceId,
  bare,
}: {
  form: AnyForm
  at: string
  sourceId?: string
  /** Only whom to connect to: without the button that tries it, and without a table. */
  bare?: boolean
}) {
  const test = useAct(testConnection)
  const connection = base ? form.value.connection : form.value
  const kind = connection.kind as SourceKind
  const line = (
    key: string,
    label: string,
    o: { required?: boolean; type?: 'text' | 'number' | 'password' | 'long' | 'plain-number'; hint?: ReactNode } = {},
  ) => (
    <Field form={form} at={`${base}/${key}`} label={label} required={o.required ?? true} hint={o.hint}>
      {({ labelledby: _, onChange, ...control }) =>
        o.type === 'number' ? (
          <InputNumber {...control} controls={false} min={1} max={65535} style={{ width: 120 }} onChange={onChange} />
        ) : o.type === 'password' ? (
          <Input.Password {...control} autoComplete="off" onChange={event => onChange(event.target.value)} />
        ) : o.type === 'long' ? (
          <Input.TextArea
            {...control}
            autoSize={{ minRows: 2, maxRows: 6 }}
            autoComplete="off"
            onChange={event => onChange(event.target.value)}
          />
        ) : (
          <Input {...control} autoComplete="off" onChange={event => onChange(event.target.value)} />
        )
      }
    </Field>
  )
  const choice = (key: string, label: string, options: Record<string, string>, set?: (value: string) => void) => (
    <Field form={form} at={`${base}/${key}`} label={label}>
      {({ labelledby, onChange, ...control }) => (
        <Select
          {...control}
          aria-labelledby={labelledby}
          onChange={set ?? onChange}
          options={Object.entries(options).map(([value, text]) => ({ value, label: text }))}
        />
      )}
    </Field>
  )
  const server = (
    <>
      {line('host', '主机')}
      {line('port', '端口', { type: 'number' })}
    </>
  )
  const kept = sourceId ? '留空则沿用已保存的。' : undefined
  const files = (
    <>
      {line('path', '目录', { hint: kind === 'folder' ? '服务器上约定目录之下的路径。' : undefined })}
      {line('pattern', '文件名', { hint: '* 代表任意多个字，? 代表一个字，例如 低保_*.csv。' })}
    </>
  )
  return (
    <>
      {isTable(kind) && (
        <>
          {server}
          {line('database', '数据库')}
          {line('user', '用户名')}
          {line('password', '密码', { required: false, type: 'password', hint: kept })}
          <Field form={form} at={`${base}/tls`} label="加密连接" group>
            {({ id, value, onChange }) => (
              <Checkbox id={id} checked={value} onChange={event => onChange(event.target.checked)}>
                使用 TLS
              </Checkbox>
            )}
          </Field>
        </>
      )}
      {kind === 'folder' && files}
      {kind === 'sftp' && (
        <>
          {server}
          {line('user', '用户名')}
          {line('password', '密码', { required: false, type: 'password', hint: kept ?? '用私钥登录时，这里填私钥的口令。' })}
          {line('privateKey', '私钥', { required: false, type: 'long', hint: kept })}
          {line('hostKey', '主机指纹', { required: false, hint: '不填则记下首次连接时的指纹，以后变了就停下。' })}
          {files}
        </>
      )}
      {kind === 'http' && (
        <>
          {line('url', '接口地址')}
          {choice('auth', '认证', auths)}
          {connection.auth === 'client-credentials' && line('tokenUrl', '取令牌的地址')}
          {['basic', 'header', 'client-credentials'].includes(connection.auth) &&
            line('user', connection.auth === 'basic' ? '用户名' : connection.auth === 'header' ? '请求头名称' : '客户端编号')}
          {connection.auth !== 'none' &&
            line('password', connection.auth === 'basic' ? '密码' : connection.auth === 'client-credentials' ? '客户端密钥' : '令牌', {
              required: false,
              type: 'password',
              hint: kept,
            })}
          {choice('paging/by', '分页', pagings, by => form.set(`${base}/paging`, pagingStarts[by]))}
          {connection.paging.by === 'page' && (
            <>
              {line('paging/page', '页码参数')}
              {line('paging/size', '每页行数参数')}
            </>
          )}
          {connection.paging.by === 'offset' && (
            <>
              {line('paging/offset', '偏移量参数')}
              {line('paging/limit', '每页行数参数')}
            </>
          )}
          {connection.paging.by === 'cursor' && (
            <>
              {line('paging/parameter', '游标参数')}
              {line('paging/at', '下一个游标在答复的何处', { hint: '例如 data.next。' })}
            </>
          )}
          {line('rowsAt', '数据行在答复的何处', { required: false, hint: '例如 data.list；不填由平台查找。' })}
        </>
      )}
      {!bare && (
        <div>
          <Button loading={test.isPending} onClick={() => test.mutate({ body: { connection, ...(sourceId && { sourceId }) } })}>
            测试连接
          </Button>
          {test.error && <ProblemNote error={test.error} />}
          {test.data && (
            <div className={`ht-note ${test.data.ok ? 'green' : 'red'}`} role="status" style={{ marginTop: 8 }}>
              <p>{test.data.text}</p>
              {test.data.remedy && <p>{test.data.remedy}</p>}
              {test.data.files.length > 0 && (
                <p className="ht-ink2">
                  {test.data.files
                    .slice(0, 5)
                    .map(file => (file.bytes === null ? file.name : `${file.name}（${bytes(file.bytes)}）`))
                    .join('、')}
                  {test.data.files.length > 5 && ' 等'}
                </p>
              )}
            </div>
          )}
        </div>
      )}
      {!bare && kind === 'postgres' && line('schema', '模式')}
      {!bare &&
        isTable(kind) &&
        (test.data?.tables.length ? (
          <Field form={form} at={`${base}/table`} label="数据表" required>
            {({ labelledby: _, onChange, value, ...control }) => (
              <Select
                {...control}
                showSearch={{ optionFilterProp: 'label' }}
                value={value ? `${connection.schema ?? ''}.${value}` : undefined}
                onChange={(_value, option) => {
                  const one = (option as unknown as { one: { schema: string; table: string } }).one
                  onChange(one.table)
                  if (kind === 'postgres') form.set(`${base}/schema`, one.schema)
                }}
                options={test.data!.tables.map(one => ({
                  one,
                  value: `${kind === 'postgres' ? one.schema : ''}.${one.table}`,
                  label: `${kind === 'postgres' ? `${one.schema}.` : ''}${one.table}${one.comment ? ` ${one.comment}` : ''}${one.rows === null ? '' : `（约 ${number(one.rows)} 行）`}`,
                }))}
              />
            )}
          </Field>
        ) : (
          line('table', '数据表')
        ))}
    </>
  )
}

import { z } from 'zod'

/** Where the rows of an entry come from. */
/** Of an agent (前置机): in touch, not heard of for minutes, ended. */
export const agentStates = ['online', 'silent', 'revoked'] as const
export const sourceKinds = {
  file: '上传文件',
  folder: '监视文件夹',
  sftp: 'SFTP 目录',
  postgres: 'PostgreSQL 数据表',
  mysql: 'MySQL / MariaDB 数据表',
  http: 'HTTP 接口',
  push: '接口推送',
} as const
export const SourceKind = z.enum(Object.keys(sourceKinds) as [keyof typeof sourceKinds, ...(keyof typeof sourceKinds)[]])
export type SourceKind = z.infer<typeof SourceKind>

const Host = z.string().trim().min(1, '请填写主机').max(255)
const Port = z.number().int().min(1).max(65535)
const Secret = z.string().max(10_000).default('').describe('Stored encrypted, never returned; empty keeps the stored one')
const User = z.string().trim().min(1, '请填写用户名').max(63)

const database = {
  host: Host,
  database: z.string().trim().min(1, '请填写数据库名').max(63),
  user: User,
  password: Secret,
  tls: z.boolean().default(false),
  table: z.string().trim().max(64).default(''),
}
export const PostgresConnection = z.object({
  kind: z.literal('postgres'),
  ...database,
  port: Port.default(5432),
  schema: z.string().trim().min(1).max(63).default('public'),
})
export const MysqlConnection = z.object({ kind: z.literal('mysql'), ...database, port: Port.default(3306) })

/** Which files of a directory are taken; `*` and `?` as in a shell, e.g. `低保_*.csv`. */
const Pattern = z.string().trim().min(1).max(200).default('*')
export const FolderConnection = z.object({
  kind: z.literal('folder'),
  path: z.string().trim().min(1, '请填写目录').max(500).describe('Below HUITONG_FOLDER_ROOT'),
  pattern: Pattern,
})
export const SftpConnection = z.object({
  kind: z.literal('sftp'),
  host: Host,
  port: Port.default(22),
  user: User,
  password: Secret,
  privateKey: Secret,
  hostKey: z
    .string()
    .trim()
    .max(200)
    .default('')
    .describe('SHA-256 fingerprint of the server; empty: taken at the first contact and held to from then on'),
  path: z.string().trim().min(1, '请填写目录').max(500),
  pattern: Pattern,
})
export const HttpConnection = z.object({
  kind: z.literal('http'),
  url: z.url({ protocol: /^https?$/, error: '请填写以 http:// 或 https:// 开头的地址' }).max(2000),
  headers: z.record(z.string().max(100), z.string().max(2000)).default({}),
  auth: z.enum(['none', 'basic', 'bearer', 'header', 'client-credentials']).default('none'),
  user: z.string().trim().max(200).default('').describe('User, client id, or name of the header'),
  password: Secret.describe('Password, token, client secret, or value of the header'),
  tokenUrl: z.string().trim().max(2000).default(''),
  rowsAt: z
    .string()
    .trim()
    .max(200)
    .default('')
    .describe('Where the list of rows stands in the reply, e.g. `data.list`; empty: found by itself'),
  paging: z
    .discriminatedUnion('by', [
      z.object({ by: z.literal('none') }),
      z.object({
        by: z.literal('page'),
        page: z.string().max(50).default('page'),
        size: z.string().max(50).default('size'),
        rows: z.number().int().min(1).max(10_000).default(500),
        from: z.number().int().min(0).max(1).default(1),
      }),
      z.object({
        by: z.literal('offset'),
        offset: z.string().max(50).default('offset'),
        limit: z.string().max(50).default('limit'),
        rows: z.number().int().min(1).max(10_000).default(500),
      }),
      z.object({
        by: z.literal('cursor'),
        parameter: z.string().max(50),
        at: z.string().max(200).describe('Where the next cursor stands in the reply'),
      }),
      z.object({ by: z.literal('link') }).describe('Link header or a full address in the reply (`next`)'),
    ])
    .default({ by: 'none' }),
})
export const Connection = z.discriminatedUnion('kind', [
  PostgresConnection,
  MysqlConnection,
  FolderConnection,
  SftpConnection,
  HttpConnection,
])
export type Connection = z.infer<typeof Connection>
/** A connection as it is shown: without its secrets. */
export const OpenConnection = z.discriminatedUnion('kind', [
  PostgresConnection.omit({ password: true }),
  MysqlConnection.omit({ password: true }),
  FolderConnection,
  SftpConnection.omit({ password: true, privateKey: true }),
  HttpConnection.omit({ password: true }),
])
export type OpenConnection = z.infer<typeof OpenConnection>
/** What a source reads, in one line, without secrets. */
export function placeOf(c: OpenConnection): string {
  const at = 'host' in c ? `${c.host}:${c.port}` : ''
  if (c.kind === 'postgres') return `${at}/${c.database} ${c.schema}.${c.table}`
  if (c.kind === 'mysql') return `${at}/${c.database} ${c.table}`
  return c.kind === 'http' ? c.url : c.kind === 'sftp' ? `${at} ${c.path}` : c.path
}
export const secretFields = ['password', 'privateKey'] as const

/** How a table is followed. */
export const modes = { snapshot: '整表读取', increment: '按时间戳或序号增量', capture: '实时捕获变更' } as const
export const Mode = z.enum(Object.keys(modes) as [keyof typeof modes, ...(keyof typeof modes)[]])
export type Mode = z.infer<typeof Mode>
export const deletions = { keep: '保留，不删除', follow: '来源删除的，随之移入历史' } as const
export const Deletions = z.enum(Object.keys(deletions) as [keyof typeof deletions, ...(keyof typeof deletions)[]])

const At = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, '请填写时刻，如 02:30')
/** When the platform fetches by itself, Beijing time. */
export const Schedule = z.discriminatedUnion('every', [
  z.object({ every: z.literal('minutes'), minutes: z.number().int().min(1).max(1440) }),
  z.object({ every: z.literal('day'), at: At }),
  z.object({ every: z.literal('week'), at: At, weekday: z.number().int().min(1).max(7) }),
  z.object({ every: z.literal('month'), at: At, day: z.number().int().min(1).max(31).describe('The last day in shorter months') }),
])
export type Schedule = z.infer<typeof Schedule>

/** How a source is followed: as a whole or by changes, by itself or when somebody says so. */
export const Follow = z.object({
  mode: Mode.default('snapshot'),
  cursor: z.string().max(64).nullable().default(null).describe('Column that only grows: a time of change or a number'),
  schedule: Schedule.nullable().default(null),
  deletes: Deletions.default('keep'),
  order: z.string().max(40).optional().describe('Approved 记录删除审批 for following deletions; asked for when that begins'),
})
export type Follow = z.infer<typeof Follow>

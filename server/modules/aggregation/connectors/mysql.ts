import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { RowDataPacket } from 'mysql2'
import mysql from 'mysql2'
import { unreached } from './diagnosis.ts'
import { type Column, type Diagnosis, type Mysql, type Position, SourceDown, type TableConnector } from './types.ts'

const place = (c: Pick<Mysql, 'host' | 'port'>) => `${c.host}:${c.port}`
export const quoted = (name: string) => `\`${name.replaceAll('`', '``')}\``
export const tableOf = (c: Mysql) => `${quoted(c.database)}.${quoted(c.table)}`

/** A session whose words are known: UTF-8 out, Beijing time, backslash escapes, no limit on how long a slow reader may take. */
export async function open(c: Mysql): Promise<mysql.Connection> {
  const connection = mysql.createConnection({
    host: c.host,
    port: c.port,
    database: c.database,
    user: c.user,
    password: c.password,
    charset: 'utf8mb4',
    connectTimeout: 8000,
    ...(c.tls && { ssl: { rejectUnauthorized: false } }),
  })
  connection.on('error', () => {})
  try {
    await connection.promise().connect()
    await connection.promise().query(`set session sql_mode = '', time_zone = '+08:00', net_write_timeout = 3600, net_read_timeout = 3600`)
    return connection
  } catch (error) {
    drop(connection)
    throw error
  }
}

const socketOf = (connection: mysql.Connection) => (connection as unknown as { stream: Socket }).stream
/** The driver only says goodbye; a server in the middle of a long answer would go on with it. */
export function drop(connection: mysql.Connection | undefined): void {
  if (!connection) return
  connection.destroy()
  socketOf(connection).destroy()
}

/** What went wrong, in words a person can act on; the driver's text only where nothing better is known. */
export function diagnose(error: unknown, c: Mysql): Diagnosis {
  const e = error as { code?: string; message?: string }
  const at = place(c)
  const far = unreached(error, '来源数据库', c.host, at)
  if (far) return far
  switch (e.code) {
    case 'ER_ACCESS_DENIED_ERROR':
    case 'ER_ACCESS_DENIED_NO_PASSWORD_ERROR':
      return {
        code: 'credentials',
        text: `来源数据库 ${at} 不接受用户 ${c.user} 的登录。`,
        // A MariaDB that requires TLS says no more than this either.
        remedy: `请核对用户名和密码，以及该用户允许的登录主机${c.tls ? '' : '；来源要求加密连接的，请勾选「使用 TLS」'}。`,
      }
    case 'ER_HOST_NOT_PRIVILEGED':
      return { code: 'not-allowed', text: `来源数据库 ${at} 不允许本机连接。`, remedy: '请来源方为本机地址授权。' }
    case 'ER_HOST_IS_BLOCKED':
      return { code: 'blocked', text: `来源数据库 ${at} 因多次连接失败封锁了本机。`, remedy: '请来源方执行 FLUSH HOSTS 后重试。' }
    case 'ER_BAD_DB_ERROR':
      return { code: 'no-database', text: `${at} 上没有数据库「${c.database}」。`, remedy: '请核对数据库名。' }
    case 'ER_DBACCESS_DENIED_ERROR':
      return {
        code: 'no-database',
        text: `用户 ${c.user} 不能使用数据库「${c.database}」，或没有这个数据库。`,
        remedy: '请核对数据库名，或请来源方授权。',
      }
    case 'ER_NO_SUCH_TABLE':
      return { code: 'no-table', text: `没有表「${c.table}」，或当前用户看不到它。`, remedy: '请重新选择表，或请来源方授权。' }
    case 'ER_TABLEACCESS_DENIED_ERROR':
    case 'ER_COLUMNACCESS_DENIED_ERROR':
      return { code: 'no-right', text: `用户 ${c.user} 没有读取「${c.table}」的权限。`, remedy: '请来源方授予 SELECT 权限。' }
    case 'ER_BAD_FIELD_ERROR':
      return { code: 'no-column', text: `来源表「${c.table}」的列已经变化（${e.message}）。`, remedy: '请重新对应信息项。' }
    case 'ER_CON_COUNT_ERROR':
    case 'ER_TOO_MANY_USER_CONNECTIONS':
      return { code: 'full', text: `来源数据库 ${at} 的连接已满。`, remedy: '请稍后重试。' }
    case 'ER_SECURE_TRANSPORT_REQUIRED':
      return { code: 'tls', text: `与 ${at} 的加密方式不一致（来源要求 TLS）。`, remedy: '请勾选「使用 TLS」后再试。' }
    case 'HANDSHAKE_NO_SSL_SUPPORT':
      return { code: 'tls', text: `与 ${at} 的加密方式不一致（来源不支持 TLS）。`, remedy: '请取消「使用 TLS」后再试。' }
    case 'PROTOCOL_CONNECTION_LOST':
    case 'ER_SERVER_SHUTDOWN':
    case 'ER_QUERY_INTERRUPTED':
    case 'ER_CONNECTION_KILLED':
      return { code: 'lost', text: `来源数据库 ${at} 断开了连接。`, remedy: '恢复后重试。' }
  }
  if (/closed state|Connection lost/i.test(e.message ?? ''))
    return { code: 'lost', text: `来源数据库 ${at} 断开了连接。`, remedy: '恢复后重试。' }
  return { code: 'other', text: `来源数据库 ${at} 报错：${e.message ?? String(error)}`, remedy: '请把这段话告诉来源的管理员。' }
}

async function using<T>(c: Mysql, work: (connection: mysql.Connection) => Promise<T>): Promise<T> {
  let connection: mysql.Connection | undefined
  try {
    connection = await open(c)
    return await work(connection)
  } catch (error) {
    throw error instanceof SourceDown ? error : new SourceDown(diagnose(error, c))
  } finally {
    drop(connection)
  }
}

export async function ask<T>(connection: mysql.Connection, sql: string, values: unknown[] = []): Promise<T[]> {
  const [rows] = await connection.promise().query<RowDataPacket[]>(sql, values)
  return rows as T[]
}

const columnsOf = async (connection: mysql.Connection, c: Mysql): Promise<Column[]> => {
  const rows = await ask<{ name: string; type: string; comment: string; empty: string; part: string }>(
    connection,
    `select column_name as name, column_type as type, column_comment as comment, is_nullable as empty, column_key as part
     from information_schema.columns where table_schema = ? and table_name = ? order by ordinal_position`,
    [c.database, c.table],
  )
  if (!rows.length) throw new SourceDown(diagnose({ code: 'ER_NO_SUCH_TABLE' }, c))
  return rows.map(r => ({ name: r.name, type: r.type, comment: r.comment, nullable: r.empty === 'YES', key: r.part === 'PRI' }))
}

export const plain = /^(tinyint|smallint|mediumint|int|bigint|decimal|double|year|date|datetime|timestamp|time)\b/
/** The exact text of a value, said by the server itself: no date, number or zero date passes through JavaScript. */
export function textOf({ name, type }: Pick<Column, 'name' | 'type'>): string {
  const column = quoted(name)
  const bits = /^bit\((\d+)\)/.exec(type)
  if (bits) return `lpad(bin(${column} + 0), ${bits[1]}, '0')`
  if (/^(tinyblob|blob|mediumblob|longblob|binary|varbinary)/.test(type)) return `concat('\\\\x', lower(hex(${column})))`
  if (/^(geometry|point|linestring|polygon|multi|geom)/.test(type)) return `st_astext(${column})`
  // A float is shown with six digits, even where they are not what it holds.
  if (/^float/.test(type))
    return `if(abs(${column} * 1e0 - concat(${column})) > abs(${column} * 1e0) * 6e-8, concat(${column} * 1e0), concat(${column}))`
  return `convert(${column} using utf8mb4)`
}
/** A row as one line of CSV, put together by the server: null bare, text in quotes. */
const lineOf = (columns: Column[]) =>
  `concat(${columns
    .map(c => {
      const text = textOf(c)
      return plain.test(c.type) ? `coalesce(${text}, '')` : `coalesce(concat('"', replace(${text}, '"', '""'), '"'), '')`
    })
    .join(`, ',', `)}, '\n')`

/** Rows committed late carry older times: an increment looks back this far. What it sees again is left out as unchanged. */
const OVERLAP = 5
const PIECE = 128 * 1024
const AHEAD = 16

export const mysqlTables: TableConnector<Mysql> = {
  label: 'MySQL / MariaDB',

  tables: c =>
    using(c, async connection => {
      const [about] = await ask<{ v: string }>(connection, 'select version() as v')
      const rows = await ask<{ name: string; n: string | number | null; comment: string; type: string }>(
        connection,
        `select table_name as name, table_rows as n, table_comment as comment, table_type as type
         from information_schema.tables where table_schema = ? order by table_name limit 500`,
        [c.database],
      )
      return {
        version: about!.v,
        tables: rows.map(r => ({
          schema: c.database,
          table: r.name,
          rows: r.n === null ? null : Number(r.n),
          comment: r.type === 'VIEW' ? '' : r.comment,
        })),
      }
    }),

  look: c =>
    using(c, async connection => {
      const columns = await columnsOf(connection, c)
      const [rows] = await connection.promise().query<RowDataPacket[]>({
        sql: `select ${columns.map(textOf).join(', ')} from ${tableOf(c)} limit 300`,
        rowsAsArray: true,
        typeCast: false,
      })
      const [size] = await ask<{ n: string | number | null }>(
        connection,
        'select table_rows as n from information_schema.tables where table_schema = ? and table_name = ?',
        [c.database, c.table],
      )
      const n = size?.n ?? null
      return {
        columns,
        rows: (rows as unknown as (Buffer | null)[][]).map(r => r.map(v => v?.toString() ?? '')),
        estimate: n === null ? null : Math.max(Number(n), rows.length),
      }
    }),

  read(c, names, o, signal) {
    let reached: string | null = o.cursor?.from ?? null
    let moment: Position | null = null
    async function* bytes(): AsyncGenerator<Buffer> {
      let connection: mysql.Connection | undefined
      const stop = () => drop(connection)
      try {
        connection = await open(c)
        signal?.addEventListener('abort', stop)
        // One snapshot for the highest cursor and the rows up to it.
        await ask(connection, 'set session transaction isolation level repeatable read')
        await ask(connection, 'start transaction with consistent snapshot, read only')
        if (o.snapshot) moment = await snapshotMoment(connection)
        const all = await columnsOf(connection, c)
        const columns = names.map(name => all.find(x => x.name === name) ?? missing(c, name))
        let where = ''
        if (o.cursor) {
          const column = all.find(x => x.name === o.cursor!.column)
          if (!column)
            throw new SourceDown({ code: 'no-cursor', text: `来源表没有增量列「${o.cursor.column}」。`, remedy: '请重新选择增量列。' })
          const name = quoted(column.name)
          const [top] = await ask<{ top: string | null }>(
            connection,
            `select convert(max(${name}) using utf8mb4) as top from ${tableOf(c)}`,
          )
          reached = top!.top ?? reached
          if (o.cursor.from !== null) where = ` where ${name} ${after(connection, column.type, o.cursor.from)}`
        }
        const [table] = await ask<{ engine: string | null }>(
          connection,
          'select engine as engine from information_schema.tables where table_schema = ? and table_name = ?',
          [c.database, c.table],
        )
        const rows = rowsOf(connection, `select ${lineOf(columns)} from ${tableOf(c)}${where}`, c)
        if (/^(myisam|aria|memory|csv)$/i.test(table?.engine ?? '')) yield* spooled(rows)
        else yield* rows
      } catch (error) {
        throw error instanceof SourceDown ? error : new SourceDown(diagnose(error, c))
      } finally {
        signal?.removeEventListener('abort', stop)
        drop(connection)
      }
    }
    return { bytes, position: () => (o.cursor ? { cursor: reached } : moment) }
  },
}

/** Where the binary log stood when the snapshot began; only MariaDB can say. */
async function snapshotMoment(connection: mysql.Connection): Promise<Position | null> {
  const rows = await ask<{ Variable_name: string; Value: string }>(connection, `show status like 'binlog_snapshot_%'`)
  const of = (name: string) => rows.find(r => r.Variable_name.toLowerCase() === name)?.Value
  const [file, pos] = [of('binlog_snapshot_file'), of('binlog_snapshot_position')]
  return file ? { file, pos: Number(pos) } : null
}

const missing = (c: Mysql, name: string): never => {
  throw new SourceDown({ code: 'no-column', text: `来源表「${c.table}」没有列「${name}」。`, remedy: '请重新对应信息项。' })
}

/** As a literal of the column's own type: a number compared with text would be compared as a double, and lose its last digits. */
function after(connection: mysql.Connection, type: string, from: string): string {
  if (/^(date|datetime|timestamp)\b/.test(type)) return `>= cast(${connection.escape(from)} as datetime(6)) - interval ${OVERLAP} minute`
  return `> ${/^-?\d+(\.\d+)?$/.test(from) && plain.test(type) ? from : connection.escape(from)}`
}

/** Engines without transactions hold writers up while they are read: their rows are put aside first, as fast as they come. */
async function* spooled(rows: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'huitong-table-'))
  try {
    const path = join(dir, 'rows')
    await pipeline(rows, createWriteStream(path, { mode: 0o600 }))
    yield* createReadStream(path, { highWaterMark: PIECE }) as AsyncIterable<Buffer>
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** The rows of a statement that gives one line each, in larger pieces; the server waits while nobody takes them. */
async function* rowsOf(connection: mysql.Connection, sql: string, c: Mysql): AsyncGenerator<Buffer> {
  const ready: Buffer[] = []
  let held: Buffer[] = []
  let size = 0
  let ended = false
  let failed: unknown
  let wake = () => {}
  const query = connection.query({ sql, rowsAsArray: true, typeCast: false })
  const end = (error?: unknown) => {
    failed ??= error
    ended = true
    wake()
  }
  query.on('error', end)
  query.on('result', (row: [Buffer | null]) => {
    // Cut off by max_allowed_packet: the server gives null instead of a long row.
    if (!row[0])
      return end(
        new SourceDown({
          code: 'row-too-long',
          text: `来源表「${c.table}」有一行超过来源允许的最大长度（max_allowed_packet）。`,
          remedy: '请来源方调大 max_allowed_packet，或不取其中的大字段。',
        }),
      )
    held.push(row[0])
    size += row[0].length
    if (size < PIECE) return
    ready.push(Buffer.concat(held))
    held = []
    size = 0
    if (ready.length >= AHEAD) connection.pause()
    wake()
  })
  query.on('end', () => end())
  // A server that dies ends the socket; without this the rows would be waited for for ever.
  const socket = socketOf(connection)
  const lost = () => end({ code: 'PROTOCOL_CONNECTION_LOST' })
  socket.once('close', lost)
  try {
    for (;;) {
      const piece = ready.shift()
      if (piece) {
        yield piece
        if (ready.length < AHEAD / 2) connection.resume()
      } else if (ended) break
      else
        await new Promise<void>(resolve => {
          wake = resolve
        })
    }
    if (failed) throw failed
    if (size) yield Buffer.concat(held)
  } finally {
    socket.off('close', lost)
  }
}

import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import type mysql from 'mysql2'
import type { RowDataPacket } from 'mysql2'
import { ask, diagnose, open, plain, quoted, tableOf, textOf } from '../connectors/mysql.ts'
import { type Mysql, type Position, SourceDown } from '../connectors/types.ts'
import { type Described, event, fits, type Layout, row, rowEvent, rowsHead, tableMap } from './binlog.ts'
import { type CaptureConnector, differ, filled, Gone, Inbox, Moved, type Shape, UNSENT, type Value } from './types.ts'

const down = (code: string, text: string, remedy: string) => new SourceDown({ code, text, remedy })
async function using<T>(c: Mysql, work: (connection: mysql.Connection) => Promise<T>): Promise<T> {
  let connection: mysql.Connection | undefined
  try {
    connection = await open(c)
    return await work(connection)
  } catch (error) {
    throw error instanceof SourceDown || error instanceof Gone || error instanceof Moved ? error : new SourceDown(diagnose(error, c))
  } finally {
    connection?.destroy()
  }
}

type About = (Described & { key: boolean; generated: boolean })[]
async function about(connection: mysql.Connection, c: Mysql): Promise<About> {
  const rows = await ask<{ name: string; type: string; charset: string | null; part: string; extra: string }>(
    connection,
    `select column_name as name, column_type as type, character_set_name as charset, column_key as part, extra as extra
     from information_schema.columns where table_schema = ? and table_name = ? order by ordinal_position`,
    [c.database, c.table],
  )
  if (!rows.length) throw new SourceDown(diagnose({ code: 'ER_NO_SUCH_TABLE' }, c))
  return rows.map(r => ({ name: r.name, type: r.type, charset: r.charset, key: r.part === 'PRI', generated: /\bvirtual\b/i.test(r.extra) }))
}
const shapeOf = (a: About): Shape => a.map(x => [x.name, x.type])

/** Where the log stands; MariaDB also says where it stood when a snapshot began. */
async function standing(connection: mysql.Connection, c: Mysql): Promise<{ file: string; pos: number }> {
  for (const statement of ['show master status', 'show binary log status'])
    try {
      const [r] = await ask<{ File: string; Position: number | string }>(connection, statement)
      if (r) return { file: r.File, pos: Number(r.Position) }
    } catch (error) {
      const { code } = error as { code?: string }
      if (code === 'ER_SPECIFIC_ACCESS_DENIED_ERROR' || code === 'ER_ACCESS_DENIED_ERROR') throw rights(c)
      if (code !== 'ER_PARSE_ERROR') throw error
    }
  throw logOff(c)
}
const rights = (c: Mysql) =>
  down(
    'capture-role',
    `用户 ${c.user} 没有读取变更日志（binlog）的权限。`,
    `请来源的管理员执行 GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '${c.user}'@'%';（MariaDB 10.5 起写 GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO '${c.user}'@'%';）`,
  )
const logOff = (c: Mysql) =>
  down(
    'capture-binlog-off',
    `来源数据库 ${c.host}:${c.port} 没有打开变更日志（binlog）。`,
    '请来源的管理员在 my.cnf 的 [mysqld] 下写 log_bin = binlog、binlog_format = ROW 和 server_id = 1，重新启动来源数据库。',
  )

async function checked(connection: mysql.Connection, c: Mysql, columns: string[], keys: string[]): Promise<About> {
  const setting = async (name: string) =>
    (await ask<{ Value: string }>(connection, `show global variables like '${name}'`))[0]?.Value?.toUpperCase()
  if ((await setting('log_bin')) !== 'ON') throw logOff(c)
  const format = await setting('binlog_format')
  if (format && format !== 'ROW')
    throw down(
      'capture-binlog-format',
      `来源数据库的 binlog_format 是 ${format}，日志里没有每一行的变更。`,
      "请来源的管理员执行 SET GLOBAL binlog_format = 'ROW'; 并写入 my.cnf，再让业务系统重新连接数据库。",
    )
  for (const name of ['log_bin_compress', 'binlog_transaction_compression'])
    if ((await setting(name)) === 'ON')
      throw down(
        'capture-binlog-compressed',
        `来源数据库的变更日志是压缩的（${name}）。`,
        `请来源的管理员执行 SET GLOBAL ${name} = OFF; 并写入 my.cnf。`,
      )
  const found = await about(connection, c)
  const image = await setting('binlog_row_image')
  const outside = keys.filter(k => !found.some(x => x.name === k && x.key))
  if (image && image !== 'FULL' && outside.length)
    throw down(
      'capture-row-image',
      `来源数据库的 binlog_row_image 是 ${image}，变更里没有对应本目录主键的列「${outside.join('」「')}」。`,
      "请来源的管理员执行 SET GLOBAL binlog_row_image = 'FULL'; 并写入 my.cnf，再让业务系统重新连接数据库。",
    )
  const virtual = columns.filter(n => found.some(x => x.name === n && x.generated))
  if (virtual.length)
    throw down('capture-generated', `列「${virtual.join('」「')}」由来源计算生成，变更里不带它的值。`, '请不要对应这些列，或改用整表读取。')
  return found
}

/** Every reader of the log has a number of its own, and a name by which a dead reader of ours is recognised. */
const readerOf = (id: string) => {
  const h = createHash('sha256').update(id).digest()
  return { number: 1_000_000_000 + (h.readUInt32BE(0) % 3_000_000_000), uuid: id }
}

export const mysqlCapture: CaptureConnector<Mysql> = {
  begin: (c, _id, columns, keys) =>
    using(c, async connection => {
      const shape = JSON.stringify(shapeOf(await checked(connection, c, columns, keys)))
      const before = await standing(connection, c)
      return {
        snapshot: 'binlog',
        // Where the server cannot say where its snapshot stands, the stream begins a little earlier: what it brings again changes nothing.
        position: read => ({ ...before, ...read, shape }),
        release: async () => {},
      }
    }),

  async open(c, id, columns, keys, position) {
    const table = await using(c, async connection => {
      const logs = await ask<{ Log_name: string; File_size: number | string }>(connection, 'show binary logs').catch(error => {
        if (/ACCESS_DENIED/.test((error as { code?: string }).code ?? '')) throw rights(c)
        throw error
      })
      const log = logs.find(l => l.Log_name === position.file)
      if (!log) throw new Gone('来源已经清除平台还没有读到的变更日志（binlog）')
      if (Number(log.File_size) < Number(position.pos)) throw new Gone('来源的变更日志（binlog）比平台读到的还短，来源可能恢复过备份')
      return checked(connection, c, columns, keys)
    })
    const drift = differ(JSON.parse(String(position.shape)) as Shape, shapeOf(table))
    if (drift) throw drift
    return stream(c, { reader: readerOf(id), columns, keys, table, position })
  },

  backlog: async () => ({ bytes: null, text: null }),
  // The log is the source's own: nothing was made there.
  drop: async () => {},
}

type Of = { reader: ReturnType<typeof readerOf>; columns: string[]; keys: string[]; table: About; position: Position }
/** Seconds after which a silent server is asked whether it is still there, by itself. */
const BEAT = 2

async function stream(c: Mysql, o: Of) {
  let connection: mysql.Connection
  try {
    connection = await open(c)
    await ask(connection, 'set @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = @@global.binlog_checksum')
    await ask(connection, `set @master_heartbeat_period = ${BEAT}000000000, @source_heartbeat_period = ${BEAT}000000000`)
    await ask(connection, `set @mariadb_slave_capability = 4, @slave_uuid = '${o.reader.uuid}', @replica_uuid = '${o.reader.uuid}'`)
  } catch (error) {
    throw new SourceDown(diagnose(error, c))
  }
  const inbox = new Inbox({ pause: () => connection.pause(), resume: () => connection.resume() })
  const socket = (connection as unknown as { stream: NodeJS.EventEmitter & { destroy(): void } }).stream
  const lost = (error?: unknown) =>
    inbox.fail(refusal(error, c) ?? new SourceDown(diagnose(error ?? { code: 'PROTOCOL_CONNECTION_LOST' }, c)))
  socket.once('close', () => lost())
  connection.on('error', lost)
  const reader = decoder(c, o, inbox, () => {
    // Another statement may have changed the table: what comes after waits until that is known.
    connection.pause()
    return using(c, source => about(source, c)).then(
      now => {
        const drift = differ(shapeOf(o.table), shapeOf(now))
        if (drift) inbox.fail(drift)
        else connection.resume()
      },
      error => inbox.fail(error as Error),
    )
  })
  let heard = Date.now()
  const wire = connection as unknown as Wire
  wire.addCommand(
    Object.assign(new EventEmitter(), {
      // mysql2 knows the command, but drops the rows and cannot write the name of the file: only its connection is used.
      execute(packet: Packet | undefined): boolean {
        heard = Date.now()
        if (!packet) {
          wire._resetSequenceId()
          wire.write(request(String(o.position.file), Number(o.position.pos), o.reader.number))
          wire._bumpSequenceId(1)
          return false
        }
        try {
          if (packet.isError()) lost(packet.asError('utf8'))
          else if (packet.isEOF()) lost()
          // A zero before every event.
          else reader(packet.buffer.subarray(packet.offset + 1, packet.end))
        } catch (error) {
          inbox.fail(error as Error)
        }
        return false
      },
    }),
  )
  const timer = setInterval(() => {
    if (Date.now() - heard > 15_000) socket.destroy()
  }, 5000)
  return {
    next: async (wait: number) => filled(await inbox.next(wait), holes => using(c, source => fill(source, c, o, holes))),
    done() {},
    async close() {
      clearInterval(timer)
      connection.removeListener('error', lost)
      connection.on('error', () => {})
      socket.destroy()
    },
  }
}

type Packet = { buffer: Buffer; offset: number; end: number; isEOF(): boolean; isError(): boolean; asError(encoding: string): Error }
type Wire = { addCommand(command: object): void; write(b: Buffer): void; _resetSequenceId(): void; _bumpSequenceId(n: number): void }
/** COM_BINLOG_DUMP with its header. */
function request(file: string, pos: number, reader: number): Buffer {
  const b = Buffer.alloc(4 + 11 + Buffer.byteLength(file))
  b.writeUIntLE(b.length - 4, 0, 3)
  b[4] = 0x12
  b.writeUInt32LE(pos, 5)
  b.writeUInt32LE(reader, 11)
  b.write(file, 15)
  return b
}

/** Why the server ends the reading of its log. */
function refusal(error: unknown, c: Mysql): Error | undefined {
  const e = error as { code?: string; errno?: number; message?: string } | undefined
  const text = e?.message ?? ''
  if (/same server_uuid|same server_id|slave with the same/i.test(text))
    return down(
      'capture-server-id',
      '另有一个从库用了与本平台相同的 server_id，来源断开了本平台。',
      '请来源的管理员查看 SHOW SLAVE HOSTS;（或 SHOW REPLICAS;），停掉重复的读取者；系统会自动再试。',
    )
  if (
    /could not find first log file|log file name in binary log index|impossible position|position > file size|purged|could not find GTID/i.test(
      text,
    )
  )
    return new Gone('来源已经清除平台还没有读到的变更日志（binlog）')
  if (e?.code && /ACCESS_DENIED/.test(e.code) && /REPLICATION|BINLOG/i.test(text)) return rights(c)
  return undefined
}

/** Rows of which a value was not sent are asked for, in the server's own words. */
async function fill(connection: mysql.Connection, c: Mysql, o: Of, rows: { row: Value[] }[]): Promise<void> {
  const at = o.keys.map(k => o.columns.indexOf(k))
  const types = o.keys.map(k => o.table.find(x => x.name === k)!.type)
  // A number compared with text would be compared as a double, and lose its last digits.
  const literal = (v: Value, i: number) => (v !== null && plain.test(types[i]!) && /^-?\d+(\.\d+)?$/.test(v) ? v : connection.escape(v))
  const keyOf = (row: Value[]) => at.map(i => row[i]).join('\u001f')
  const by = new Map<string, Value[]>()
  for (let i = 0; i < rows.length; i += 500) {
    const wanted = rows.slice(i, i + 500).map(r => `(${at.map((a, k) => literal(r.row[a]!, k)).join(', ')})`)
    const [found] = await connection.promise().query<RowDataPacket[]>({
      sql: `select ${o.columns.map(n => textOf(o.table.find(x => x.name === n)!)).join(', ')} from ${tableOf(c)} where (${o.keys.map(quoted).join(', ')}) in (${wanted.join(', ')})`,
      rowsAsArray: true,
      typeCast: false,
    })
    for (const r of found as unknown as (Buffer | null)[][]) {
      const now = r.map(v => v?.toString() ?? null)
      by.set(keyOf(now), now)
    }
  }
  for (const change of rows) {
    const now = by.get(keyOf(change.row))
    if (now) change.row = now
  }
}

/** The events of one log, for one table. `altered`: looks at the table again, as a statement may have changed it. */
function decoder(c: Mysql, o: Of, inbox: Inbox, altered: () => Promise<void>) {
  let file = String(o.position.file)
  let inside = false
  let beat = 0
  /** Bytes of checksum behind every event; null: not known yet. */
  let tail: number | null = null
  const tables = new Map<number, Layout | null>()
  const wanted = o.table.map(x => o.columns.includes(x.name))
  const place = o.columns.map(n => o.table.findIndex(x => x.name === n))
  const keyAt = o.keys.map(k => o.columns.indexOf(k))
  const asked = (values: (Value | undefined)[]): (Value | undefined)[] => place.map(i => values[i])
  const position = (pos: number): Position => ({ ...o.position, file, pos })
  const commit = (pos: number, seconds: number) => {
    inside = false
    inbox.commit(position(pos), inbox.idle ? null : new Date(seconds * 1000))
  }
  // Names may be quoted or not, and stand with their database or without.
  const named = new RegExp(`(^|[\\s\`.])${c.table.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}($|[\\s\`;,(])`, 'i')
  return (b: Buffer) => {
    const seconds = b.readUInt32LE(0)
    const type = b[4]!
    const pos = b.readUInt32LE(13)
    if (type === event.format) {
      // Kind of checksum, then the checksum of this event itself, which is always there.
      tail = b[b.length - 5] === 1 ? 4 : 0
      return
    }
    // Before the format is told, the server only repeats the name that was asked for.
    if (tail === null) return
    const body = b.subarray(19, b.length - tail)
    const rows = rowEvent(type)
    if (rows) {
      const head = rowsHead(type, body)
      const layout = tables.get(head.id)
      if (!layout) return
      while (head.body.left > 0) {
        const first = asked(row(head.body, layout, o.table, head.present, wanted))
        if (rows === 'insert') inbox.add({ op: 'put', row: first.map(v => v ?? null) })
        else if (rows === 'delete') inbox.add({ op: 'delete', row: whole(first) })
        else {
          const after = asked(row(head.body, layout, o.table, head.after!, wanted))
          // What is in neither image has not changed; what is only in the first is part of the key.
          const now = after.map((v, i) => (v !== undefined ? v : keyAt.includes(i) ? (first[i] ?? null) : UNSENT))
          if (keyAt.some(k => first[k] !== undefined && first[k] !== now[k])) inbox.add({ op: 'delete', row: whole(first) })
          inbox.add({ op: 'put', row: now })
        }
      }
      return
    }
    switch (type) {
      case event.tableMap: {
        inside = true
        const t = tableMap(body)
        const ours = t.schema === c.database && t.table.toLowerCase() === c.table.toLowerCase()
        if (ours && !fits(t.layout, o.table)) throw new Gone('来源表的结构在这期间变过，旧的变更读不出来了')
        tables.set(t.id, ours ? t.layout : null)
        return
      }
      case event.xid:
        return commit(pos, seconds)
      case event.query: {
        const schema = body.subarray(13 + body.readUInt16LE(11), 13 + body.readUInt16LE(11) + body[8]!).toString()
        const text = body.subarray(13 + body.readUInt16LE(11) + body[8]! + 1).toString()
        if (/^\s*begin\b/i.test(text)) {
          inside = true
          return
        }
        if (/^\s*(commit|rollback)\s*$/i.test(text)) return commit(pos, seconds)
        if (/^\s*(savepoint|release|rollback to|xa )/i.test(text)) return
        const bare = text.replace(/\/\*.*?\*\//gs, ' ')
        if (named.test(bare) && (schema === c.database || bare.includes(c.database))) {
          if (/^\s*truncate\b/i.test(bare)) inbox.add({ op: 'empty' })
          else if (/^\s*(alter|drop|rename|create)\b/i.test(bare)) altered()
        }
        return commit(pos, seconds)
      }
      case event.rotate:
        file = body.subarray(8).toString()
        if (!inside) idle(Number(body.readBigUInt64LE(0)))
        return
      case event.heartbeat:
        if (!inside) idle(pos)
        return
      case event.payload:
        throw down(
          'capture-binlog-compressed',
          '来源数据库的变更日志是压缩的（binlog_transaction_compression）。',
          '请来源的管理员执行 SET GLOBAL binlog_transaction_compression = OFF;',
        )
    }
    if ((event.mariadbCompressed as readonly number[]).includes(type))
      throw down(
        'capture-binlog-compressed',
        '来源数据库的变更日志是压缩的（log_bin_compress）。',
        '请来源的管理员执行 SET GLOBAL log_bin_compress = OFF;',
      )
  }
  function idle(pos: number) {
    if (!inbox.idle || pos < 4 || Date.now() - beat < 1500) return
    beat = Date.now()
    inbox.commit(position(pos), null)
  }
  function whole(values: (Value | undefined)[]): Value[] {
    if (keyAt.some(k => values[k] === undefined))
      throw down(
        'capture-row-image',
        '来源的变更里没有对应本目录主键的列（binlog_row_image 不是 FULL）。',
        "请来源的管理员执行 SET GLOBAL binlog_row_image = 'FULL'; 并写入 my.cnf，再让业务系统重新连接数据库。",
      )
    if (keyAt.some(k => values[k] === UNSENT))
      throw down(
        'capture-key-type',
        '对应本目录主键的列是浮点数、二进制等类型，变更里说不清是哪一行。',
        '请改选别的列作主键，或改用整表读取。',
      )
    return values.map(v => v ?? null)
  }
}

import pg from 'pg'
import copy from 'pg-copy-streams'
import { unreached } from './diagnosis.ts'
import { type Column, type Diagnosis, type Postgres, SourceDown, type TableConnector } from './types.ts'

const place = (c: Pick<Postgres, 'host' | 'port'>) => `${c.host}:${c.port}`
export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

export async function open(c: Postgres): Promise<pg.Client> {
  const client = new pg.Client({
    host: c.host,
    port: c.port,
    database: c.database,
    user: c.user,
    password: c.password,
    ssl: c.tls ? { rejectUnauthorized: false } : false,
    connectionTimeoutMillis: 8000,
    application_name: 'huitong-source',
    options: '-c default_transaction_read_only=on -c DateStyle=ISO -c TimeZone=Asia/Shanghai',
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** What went wrong, in words a person can act on; the driver's text only where nothing better is known. */
export function diagnose(error: unknown, c: Postgres): Diagnosis {
  const e = error as { code?: string; message?: string }
  const at = place(c)
  const far = unreached(error, '来源数据库', c.host, at)
  if (far) return far
  switch (e.code) {
    case '28P01':
    case '28000':
      return {
        code: 'credentials',
        text: `来源数据库 ${at} 不接受用户 ${c.user} 的登录。`,
        remedy: '请核对用户名和密码，以及来源的访问控制（pg_hba.conf）。',
      }
    case '3D000':
      return { code: 'no-database', text: `${at} 上没有数据库「${c.database}」。`, remedy: '请核对数据库名。' }
    case '42P01':
    case '3F000':
      return { code: 'no-table', text: `没有表「${c.schema}.${c.table}」，或当前用户看不到它。`, remedy: '请重新选择表，或请来源方授权。' }
    case '42501':
      return { code: 'no-right', text: `用户 ${c.user} 没有读取「${c.schema}.${c.table}」的权限。`, remedy: '请来源方授予 SELECT 权限。' }
    case '53300':
      return { code: 'full', text: `来源数据库 ${at} 的连接已满。`, remedy: '请稍后重试。' }
  }
  if (/timeout/i.test(e.message ?? '')) return { code: 'timeout', text: `连接 ${at} 超时。`, remedy: '请检查网络与防火墙。' }
  if (/SSL|TLS/i.test(e.message ?? ''))
    return {
      code: 'tls',
      text: `与 ${at} 的加密方式不一致（${c.tls ? '来源不支持 TLS' : '来源要求 TLS'}）。`,
      remedy: '请改变「使用 TLS」后再试。',
    }
  if (/terminat|57P0/i.test(`${e.code} ${e.message}`))
    return { code: 'lost', text: `来源数据库 ${at} 断开了连接。`, remedy: '恢复后重试。' }
  return { code: 'other', text: `来源数据库 ${at} 报错：${e.message ?? String(error)}`, remedy: '请把这段话告诉来源的管理员。' }
}

async function using<T>(c: Postgres, work: (client: pg.Client) => Promise<T>): Promise<T> {
  let client: pg.Client | undefined
  try {
    client = await open(c)
    return await work(client)
  } catch (error) {
    throw error instanceof SourceDown ? error : new SourceDown(diagnose(error, c))
  } finally {
    await client?.end().catch(() => {})
  }
}

const columnsOf = async (client: pg.Client, c: Postgres): Promise<Column[]> => {
  const { rows } = await client.query<Column>(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, coalesce(col_description(a.attrelid, a.attnum), '') as comment,
       not a.attnotnull as nullable, coalesce(a.attnum = any(i.indkey), false) as key
     from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
     where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [tableOf(c)],
  )
  if (!rows.length) throw new SourceDown(diagnose({ code: '42P01' }, c))
  return rows
}
export const tableOf = (c: Postgres) => `${quoted(c.schema)}.${quoted(c.table)}`

/** Rows committed late carry older times: an increment looks back this far. What it sees again is left out as unchanged. */
const OVERLAP = '5 minutes'

export const postgres: TableConnector<Postgres> = {
  label: 'PostgreSQL',

  tables: c =>
    using(c, async client => {
      const { rows: version } = await client.query(`select split_part(version(), ' ', 2) as v`)
      const { rows } = await client.query(
        `select n.nspname as schema, r.relname as "table", case when r.reltuples >= 0 then r.reltuples::bigint end as rows,
           coalesce(obj_description(r.oid, 'pg_class'), '') as comment
         from pg_class r join pg_namespace n on n.oid = r.relnamespace
         where r.relkind in ('r', 'v', 'm', 'p', 'f') and n.nspname !~ '^(pg_|information_schema)' and has_table_privilege(r.oid, 'select')
         order by 1, 2 limit 500`,
      )
      return { version: version[0].v, tables: rows.map(r => ({ ...r, rows: r.rows === null ? null : Number(r.rows) })) }
    }),

  look: c =>
    using(c, async client => {
      const columns = await columnsOf(client, c)
      const { rows } = await client.query({
        text: `select ${columns.map(n => `${quoted(n.name)}::text`).join(', ')} from ${tableOf(c)} limit 300`,
        rowMode: 'array',
      })
      const { rows: size } = await client.query(`select reltuples::bigint as n from pg_class where oid = to_regclass($1)`, [tableOf(c)])
      const n = Number(size[0]?.n ?? -1)
      return { columns, rows: rows.map((r: (string | null)[]) => r.map(v => v ?? '')), estimate: n >= 0 ? Math.max(n, rows.length) : null }
    }),

  read(c, columns, o, signal) {
    let reached: string | null = o.cursor?.from ?? null
    async function* bytes(): AsyncGenerator<Buffer> {
      let client: pg.Client | undefined
      try {
        client = await open(c)
        // One snapshot for the highest cursor and the rows up to it.
        await client.query('begin isolation level repeatable read')
        if (o.snapshot) await client.query(`set transaction snapshot ${pg.escapeLiteral(o.snapshot)}`)
        let where = ''
        if (o.cursor) {
          const column = quoted(o.cursor.column)
          const found = (await columnsOf(client, c)).find(x => x.name === o.cursor!.column)
          if (!found)
            throw new SourceDown({ code: 'no-cursor', text: `来源表没有增量列「${o.cursor.column}」。`, remedy: '请重新选择增量列。' })
          const { rows } = await client.query(`select max(${column})::text as top from ${tableOf(c)}`)
          reached = rows[0].top ?? reached
          if (o.cursor.from !== null) {
            const from = `${pg.escapeLiteral(o.cursor.from)}::${found.type}`
            where = ` where ${column} ${/^(timestamp|date|time)/.test(found.type) ? `>= ${from} - interval '${OVERLAP}'` : `> ${from}`}`
          }
        }
        const list = columns.map(n => `${quoted(n)}::text`).join(', ')
        const stream = client.query(copy.to(`copy (select ${list} from ${tableOf(c)}${where}) to stdout (format csv)`))
        signal?.addEventListener('abort', () => stream.destroy())
        // A server that dies ends the socket; without this the stream would wait for ever.
        client.on('end', () => stream.destroy(new Error('Connection terminated')))
        let finished = false
        stream.on('end', () => {
          finished = true
        })
        // Rows come in packets of one; gathered, they are scanned in larger pieces.
        let held: Buffer[] = []
        let size = 0
        for await (const piece of stream) {
          held.push(piece as Buffer)
          size += (piece as Buffer).length
          if (size < 128 * 1024) continue
          yield Buffer.concat(held)
          held = []
          size = 0
        }
        if (!finished) throw new Error('Connection terminated')
        if (size) yield Buffer.concat(held)
      } catch (error) {
        throw error instanceof SourceDown ? error : new SourceDown(diagnose(error, c))
      } finally {
        await client?.end().catch(() => {})
      }
    }
    return { bytes, position: () => (o.cursor ? { cursor: reached } : null) }
  },
}

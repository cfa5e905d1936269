import mysql from 'mysql2'
import type { RowDataPacket } from 'mysql2/promise'
import pg from 'pg'
import type { TargetConnection } from '../../../../contract/tables.ts'
import { type Diagnosis, databases, SourceDown } from '../../aggregation/public.ts'

type Kind = 'text' | 'numeric' | 'bigint' | 'double' | 'date' | 'timestamp' | 'boolean'
/** A column of the consumer's table: the item's name, cut where the database allows no more. */
export type Column = { name: string; label: string; kind: Kind }
/** A change as the data API tells it: `_id`, `_change`, items by name, marks. */
export type Change = Record<string, string | null>

/** Where the table stands, as it says itself: written with the rows, so that no row is lost or written twice whatever ends when. */
export type Standing = {
  position: string | null
  /** Counts the times all rows were sent; rows of an earlier round that were not sent again are gone at the source. */
  round: number
  /** The round has been sent whole. */
  whole: boolean
  /** Columns and marks the rows were sent with. */
  print: string
}
export type Target = {
  version: string
  /** Columns the table lacks; null: there is no table. */
  missing: string[] | null
  create: string
  /** Makes what is missing. */
  prepare(): Promise<void>
  standing(): Promise<Standing | null>
  /** One transaction: rows, removals, standing; after the last of a round also what was not sent again. Throws Moved when it stands elsewhere. */
  write(changes: Change[], from: Standing | null, to: Standing): Promise<void>
  close(): Promise<void>
}
/** Somebody else has written since. */
export class Moved extends Error {}

const MARKS = ['_objection', '_doubt'] as const
const CONTROL = 'huitong_push'

/** Names by which the items are columns there: at most 63 bytes of UTF-8 in PostgreSQL, 64 characters in MySQL, each once. */
export function columnsFor(
  kind: TargetConnection['kind'],
  items: { name: string; treatment: string; type?: string | null | undefined }[],
): Column[] {
  const used = new Set<string>(['_id', '_round', '_at', ...MARKS])
  const fits = (name: string) => (kind === 'postgres' ? Buffer.byteLength(name) <= 63 : [...name].length <= 64)
  return items
    .filter(i => i.treatment !== 'verify' && i.treatment !== 'aggregate')
    .map(item => {
      let name = item.name
      for (let n = 1; !fits(name) || used.has(name.toLowerCase()); n++) {
        const letters = [...item.name]
        const end = n === 1 ? '' : `_${n}`
        while (letters.length && !fits(letters.join('') + end)) letters.pop()
        name = letters.join('') + end
      }
      used.add(name.toLowerCase())
      return { name, label: item.name, kind: item.treatment === 'plain' ? kindOf(item.type) : 'text' }
    })
}
function kindOf(type: string | null | undefined): Kind {
  switch (type) {
    case 'N':
    case 'Y':
    case 'I':
      return 'numeric'
    case 'B':
    case 'F':
      return 'double'
    case 'D':
      return 'date'
    case 'T':
      return 'timestamp'
    case 'L':
      return 'boolean'
    default:
      return 'text'
  }
}

/** Connects. What goes wrong becomes SourceDown, in words about the consumer's database. */
export async function openTarget(c: TargetConnection, id: string, columns: Column[]): Promise<Target> {
  try {
    return guarded(c, c.kind === 'postgres' ? await onPostgres(c, id, columns) : await onMysql(c, id, columns))
  } catch (error) {
    throw down(c, error)
  }
}

function guarded(c: TargetConnection, target: Target): Target {
  const wrap =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        return await work(...args)
      } catch (error) {
        throw error instanceof Moved ? error : down(c, error)
      }
    }
  return { ...target, prepare: wrap(target.prepare), standing: wrap(target.standing), write: wrap(target.write) }
}

function down(c: TargetConnection, error: unknown): SourceDown {
  if (error instanceof SourceDown) return new SourceDown(asTarget(error.diagnosis))
  const e = error as { code?: string; message?: string }
  const at = `${c.host}:${c.port}`
  if (['42501', 'ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR', 'ER_DBACCESS_DENIED_ERROR'].includes(e.code ?? ''))
    return new SourceDown({
      code: 'no-right',
      text: `用户 ${c.user} 在目标数据库 ${at}/${c.database} 没有建表或写入的权限。`,
      remedy: `请目标库的管理员授予建表（表「${c.table}」和「${CONTROL}」）和增删改查的权限，或预先建好这两张表。`,
    })
  if (['53100', 'ER_DISK_FULL', 'ER_RECORD_FILE_FULL'].includes(e.code ?? ''))
    return new SourceDown({ code: 'full', text: `目标数据库 ${at} 的磁盘已满。`, remedy: '请腾出空间，之后自动继续。' })
  if (/^(22|23)/.test(e.code ?? '') || /^ER_(DATA_TOO_LONG|TRUNCATED|BAD_NULL|DUP_ENTRY|WARN_DATA|NO_DEFAULT)/.test(e.code ?? ''))
    return new SourceDown({
      code: 'shape',
      text: `目标表「${c.table}」装不下推送的数据：${e.message ?? ''}`,
      remedy: '请核对目标表的列类型、长度和约束，或换一个表名让平台新建。',
    })
  return new SourceDown(asTarget(c.kind === 'postgres' ? databases.postgres.diagnose(error, c) : databases.mysql.diagnose(error, c)))
}
const asTarget = (d: Diagnosis): Diagnosis => ({
  ...d,
  text: d.text.replaceAll('来源', '目标'),
  remedy: d.remedy.replaceAll('来源方', '目标库的管理员').replaceAll('来源', '目标'),
})

// ---- PostgreSQL

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
const pgTypes: Record<Kind, string> = {
  text: 'text',
  numeric: 'numeric',
  bigint: 'bigint',
  double: 'double precision',
  date: 'date',
  timestamp: 'timestamp',
  boolean: 'boolean',
}

async function onPostgres(c: Extract<TargetConnection, { kind: 'postgres' }>, id: string, columns: Column[]): Promise<Target> {
  const client = await databases.postgres.open(c)
  const table = `${quoted(c.schema)}.${quoted(c.table)}`
  const control = `${quoted(c.schema)}.${quoted(CONTROL)}`
  const own = ['_id char(32) primary key', ...MARKS.map(m => `${m} text`), '_round int not null', '_at timestamptz not null']
  const create = `create table ${table} (${[own[0]!, ...columns.map(k => `${quoted(k.name)} ${pgTypes[k.kind]}`), ...own.slice(1)].join(', ')})`
  try {
    // Sources are opened for reading only; this one is written.
    await client.query('set default_transaction_read_only = off')
    const { rows: version } = await client.query<{ v: string }>(`select split_part(version(), ' ', 2) as v`)
    const there = async () =>
      (
        await client.query<{ name: string }>(
          'select attname as name from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped',
          [table],
        )
      ).rows.map(r => r.name)
    const found = await there()
    // Said at the test, and not at the first push; in a schema that is not there no table is either.
    const { rows: may } = await client.query<{ create: boolean }>(
      `select has_schema_privilege(to_regnamespace($1), 'create') as create where to_regnamespace($1) is not null`,
      [quoted(c.schema)],
    )
    if (!may.length)
      throw new SourceDown({
        code: 'no-schema',
        text: `目标数据库 ${c.host}:${c.port}/${c.database} 没有模式「${c.schema}」。`,
        remedy: '请改填已有的模式，或请目标库的管理员新建这个模式。',
      })
    if (!found.length && !may[0]!.create) throw Object.assign(new Error('no right to create'), { code: '42501' })
    const wanted = ['_id', ...columns.map(k => k.name), ...MARKS, '_round', '_at']
    const names = [...columns.map(k => quoted(k.name)), ...MARKS, '_round', '_at']
    const upsert = `insert into ${table} (_id, ${names.join(', ')})
      select i, ${[...columns.map((k, n) => `v${n}::${pgTypes[k.kind]}`), 'm0', 'm1', '$1::int', 'now()'].join(', ')}
      from unnest($2::text[]${[...columns, ...MARKS].map((_, n) => `, $${n + 3}::text[]`).join('')}) s(i${columns.map((_, n) => `, v${n}`).join('')}, m0, m1)
      on conflict (_id) do update set ${names.map(n => `${n} = excluded.${n}`).join(', ')}`
    return {
      version: `PostgreSQL ${version[0]!.v}`,
      missing: found.length ? wanted.filter(n => !found.includes(n)) : null,
      create: `${create};`,
      async prepare() {
        await client.query(
          `create table if not exists ${control} (id uuid primary key, position text, round int not null, whole boolean not null, print text not null, at timestamptz not null)`,
        )
        if (!(await there()).length) await client.query(create)
        for (const k of columns)
          if (k.name !== k.label) await client.query(`comment on column ${table}.${quoted(k.name)} is ${pg.escapeLiteral(k.label)}`)
      },
      async standing() {
        const { rows } = await client.query<Standing>(`select position, round, whole, print from ${control} where id = $1`, [id])
        return rows[0] ?? null
      },
      async write(changes, from, to) {
        const put = changes.filter(x => x._change === 'upsert')
        const gone = changes.filter(x => x._change !== 'upsert').map(x => x._id)
        await client.query('begin')
        try {
          const { rowCount } = from
            ? await client.query(
                `update ${control} set position = $2, round = $3, whole = $4, print = $5, at = now() where id = $1 and round = $6 and position is not distinct from $7`,
                [id, to.position, to.round, to.whole, to.print, from.round, from.position],
              )
            : await client.query(
                `insert into ${control} (id, position, round, whole, print, at) values ($1, $2, $3, $4, $5, now()) on conflict do nothing`,
                [id, to.position, to.round, to.whole, to.print],
              )
          if (!rowCount) throw new Moved()
          if (put.length)
            await client.query(upsert, [
              to.round,
              put.map(x => x._id),
              ...columns.map(k => put.map(x => x[k.label] ?? null)),
              ...MARKS.map(m => put.map(x => x[m] ?? null)),
            ])
          if (gone.length) await client.query(`delete from ${table} where _id = any($1::text[])`, [gone])
          if (to.whole && !from?.whole) await client.query(`delete from ${table} where _round <> $1`, [to.round])
          await client.query('commit')
        } catch (error) {
          await client.query('rollback').catch(() => {})
          throw error
        }
      },
      close: () => client.end().catch(() => {}),
    }
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }
}

// ---- MySQL and MariaDB

const ticked = (name: string) => `\`${name.replaceAll('`', '``')}\``
const mysqlTypes: Record<Kind, string> = {
  text: 'longtext',
  // Ten digits after the point is what an item may have at most.
  numeric: 'decimal(38,10)',
  bigint: 'bigint',
  double: 'double',
  date: 'date',
  timestamp: 'datetime(6)',
  boolean: 'boolean',
}
const mysqlValue = (kind: Kind, value: string | null | undefined) =>
  value === null || value === undefined ? null : kind === 'boolean' ? (/^t/.test(value) ? 1 : 0) : value

async function onMysql(c: Extract<TargetConnection, { kind: 'mysql' }>, id: string, columns: Column[]): Promise<Target> {
  const raw = await databases.mysql.open(c)
  const client = raw.promise()
  const table = `${ticked(c.database)}.${ticked(c.table)}`
  const control = `${ticked(c.database)}.${ticked(CONTROL)}`
  const create = `create table ${table} (_id char(32) character set ascii primary key, ${columns.map(k => `${ticked(k.name)} ${mysqlTypes[k.kind]}${k.name === k.label ? '' : ` comment ${mysql.escape(k.label)}`}`).join(', ')}${columns.length ? ', ' : ''}${MARKS.map(m => `${m} text`).join(', ')}, _round int not null, _at datetime(6) not null) character set utf8mb4`
  try {
    // A value that does not fit is an error, not another value.
    await client.query(`set session sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE'`)
    const [version] = await client.query<RowDataPacket[]>('select version() as v')
    const there = async () =>
      (
        await client.query<RowDataPacket[]>(
          'select column_name as name from information_schema.columns where table_schema = ? and table_name = ?',
          [c.database, c.table],
        )
      )[0].map(r => String(r.name))
    const found = await there()
    const wanted = ['_id', ...columns.map(k => k.name), ...MARKS, '_round', '_at']
    const names = [...columns.map(k => ticked(k.name)), ...MARKS, '_round', '_at']
    return {
      version: String(version[0]!.v),
      missing: found.length ? wanted.filter(n => !found.includes(n)) : null,
      create: `${create};`,
      async prepare() {
        await client.query(
          `create table if not exists ${control} (id char(36) character set ascii primary key, position text, round int not null, whole boolean not null, print varchar(64) not null, at datetime(6) not null) character set utf8mb4 engine=InnoDB`,
        )
        if (!(await there()).length) await client.query(`${create} engine=InnoDB`)
      },
      async standing() {
        const [rows] = await client.query<RowDataPacket[]>(`select position, round, whole, print from ${control} where id = ?`, [id])
        const r = rows[0]
        return r ? { position: r.position, round: r.round, whole: !!r.whole, print: r.print } : null
      },
      async write(changes, from, to) {
        const put = changes.filter(x => x._change === 'upsert')
        const gone = changes.filter(x => x._change !== 'upsert').map(x => x._id)
        await client.query('start transaction')
        try {
          const [done] = from
            ? await client.query<mysql.ResultSetHeader>(
                `update ${control} set position = ?, round = ?, whole = ?, print = ?, at = now(6) where id = ? and round = ? and position <=> ?`,
                [to.position, to.round, to.whole, to.print, id, from.round, from.position],
              )
            : await client.query<mysql.ResultSetHeader>(
                `insert ignore into ${control} (id, position, round, whole, print, at) values (?, ?, ?, ?, ?, now(6))`,
                [id, to.position, to.round, to.whole, to.print],
              )
          if (!done.affectedRows) throw new Moved()
          const now = new Date(Date.now() + 8 * 3600_000).toISOString().replace('T', ' ').slice(0, 23)
          for (let i = 0; i < put.length; i += 500) {
            const rows = put
              .slice(i, i + 500)
              .map(x => [x._id, ...columns.map(k => mysqlValue(k.kind, x[k.label])), ...MARKS.map(m => x[m] ?? null), to.round, now])
            await client.query(
              `insert into ${table} (_id, ${names.join(', ')}) values ? on duplicate key update ${names.map(n => `${n} = values(${n})`).join(', ')}`,
              [rows],
            )
          }
          if (gone.length) await client.query(`delete from ${table} where _id in (?)`, [gone])
          if (to.whole && !from?.whole) await client.query(`delete from ${table} where _round <> ?`, [to.round])
          await client.query('commit')
        } catch (error) {
          await client.query('rollback').catch(() => {})
          throw error
        }
      },
      close: async () => databases.mysql.drop(raw),
    }
  } catch (error) {
    databases.mysql.drop(raw)
    throw error
  }
}

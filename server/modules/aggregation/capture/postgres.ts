import pg from 'pg'
import { diagnose, open, quoted, tableOf } from '../connectors/postgres.ts'
import { type Diagnosis, type Position, type Postgres, SourceDown } from '../connectors/types.ts'
import { type CaptureConnector, type Change, differ, filled, Gone, Inbox, Moved, type Shape, UNSENT, type Value } from './types.ts'

/** Of the slot and of the publication; a source has one of each. */
export const slotName = (id: string) => `huitong_${id.replaceAll('-', '').slice(-20)}`
const down = (code: string, text: string, remedy: string) => new SourceDown({ code, text, remedy } satisfies Diagnosis)

async function using<T>(c: Postgres, work: (client: pg.Client) => Promise<T>, writing = false): Promise<T> {
  let client: pg.Client | undefined
  try {
    client = await open(c)
    if (writing) await client.query('set default_transaction_read_only = off')
    return await work(client)
  } catch (error) {
    throw known(error) ? error : new SourceDown(diagnose(error, c))
  } finally {
    await client?.end().catch(() => {})
  }
}
const known = (error: unknown) => error instanceof SourceDown || error instanceof Gone

type About = { columns: { name: string; type: string; oid: number; mod: number; base: number; identity: boolean; part: boolean }[] }
/** The table as decoding sees it: `base` is the type below a domain, `identity` says whether an old row tells the column. */
async function about(client: pg.Client, c: Postgres): Promise<About> {
  const { rows } = await client.query(
    `with recursive typ(oid, base) as (
       select t.oid, t.oid from pg_type t where t.typtype <> 'd'
       union all select d.oid, typ.base from pg_type d join typ on d.typbasetype = typ.oid where d.typtype = 'd')
     select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.atttypid::int as oid, a.atttypmod as mod, coalesce(typ.base, a.atttypid)::int as base, a.attgenerated = '' as part,
       coalesce(case r.relreplident when 'f' then true when 'd' then a.attnum = any(pk.indkey) when 'i' then a.attnum = any(ri.indkey) else false end, false) as identity
     from pg_class r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
     left join pg_index pk on pk.indrelid = r.oid and pk.indisprimary
     left join pg_index ri on ri.indrelid = r.oid and ri.indisreplident
     left join typ on typ.oid = a.atttypid
     where r.oid = to_regclass($1) order by a.attnum`,
    [tableOf(c)],
  )
  if (!rows.length) throw new SourceDown(diagnose({ code: '42P01' }, c))
  return { columns: rows }
}
const shapeOf = (a: About): Shape => a.columns.map(x => [x.name, x.type])

/** Everything the source must have before a change can be captured; says what its administrator has to run. */
async function checked(client: pg.Client, c: Postgres, id: string, columns: string[], keys: string[]): Promise<About> {
  const name = slotName(id)
  const { rows } = await client.query<{
    level: string
    replicate: boolean
    kind: string | null
    slots: number
    free: number
    user: string
  }>(
    `select current_setting('wal_level') as level, (select rolreplication or rolsuper from pg_roles where rolname = current_user) as replicate,
       (select relkind from pg_class where oid = to_regclass($1)) as kind, current_user as user,
       (select count(*)::int from pg_replication_slots where slot_name <> $2) as slots, current_setting('max_replication_slots')::int as free`,
    [tableOf(c), name],
  )
  const s = rows[0]!
  if (!s.kind) throw new SourceDown(diagnose({ code: '42P01' }, c))
  const table = tableOf(c)
  if (s.kind !== 'r' && s.kind !== 'p')
    throw down(
      'capture-view',
      `「${c.schema}.${c.table}」不是数据表，视图和外部表没有变更可以捕获。`,
      '请改选数据表，或改用整表读取、增量读取。',
    )
  if (s.level !== 'logical')
    throw down(
      'capture-wal-level',
      `来源数据库的 wal_level 是 ${s.level}，不能捕获变更。`,
      '请来源的管理员执行 ALTER SYSTEM SET wal_level = logical; 然后重新启动来源数据库。',
    )
  if (!s.replicate)
    throw down(
      'capture-role',
      `用户 ${c.user} 没有复制权限，不能捕获变更。`,
      `请来源的管理员执行 ALTER ROLE ${quoted(s.user)} REPLICATION;`,
    )
  if (s.slots >= s.free)
    throw down(
      'capture-slots',
      `来源数据库的复制槽已经用完（${s.slots} 个）。`,
      '请来源的管理员删除不用的复制槽，或调大 max_replication_slots 后重新启动。',
    )
  const table_ = await about(client, c)
  const full = `ALTER TABLE ${table} REPLICA IDENTITY FULL;`
  if (!table_.columns.some(x => x.identity))
    // A publication on such a table would make the source refuse its own updates.
    throw down(
      'capture-identity',
      `表「${c.schema}.${c.table}」没有主键，来源说不清改了、删了哪一行。`,
      `请来源的管理员为表加上主键，或执行 ${full}`,
    )
  const hidden = keys.filter(k => !table_.columns.some(x => x.name === k && x.identity))
  if (hidden.length)
    throw down(
      'capture-identity',
      `来源删除一行时只给出它的主键，里面没有对应本目录主键的列「${hidden.join('」「')}」。`,
      `请来源的管理员执行 ${full}`,
    )
  const generated = columns.filter(k => table_.columns.some(x => x.name === k && !x.part))
  if (generated.length)
    throw down(
      'capture-generated',
      `列「${generated.join('」「')}」由来源计算生成，变更里不带它的值。`,
      '请不要对应这些列，或改用整表读取。',
    )
  return table_
}

async function publish(client: pg.Client, c: Postgres, id: string): Promise<void> {
  const name = slotName(id)
  const make = `CREATE PUBLICATION ${name} FOR TABLE ${tableOf(c)} WITH (publish_via_partition_root = true)`
  const { rows } = await client.query<{ covers: boolean }>(
    `select p.puballtables or exists (select from pg_publication_rel r where r.prpubid = p.oid and r.prrelid = to_regclass($2)) as covers
     from pg_publication p where pubname = $1`,
    [name, tableOf(c)],
  )
  if (rows[0]?.covers) return
  try {
    if (rows.length) await client.query(`drop publication ${name}`)
    await client.query(make)
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error
    throw down(
      'capture-publication',
      `用户 ${c.user} 不能在来源建立发布（publication）。`,
      `请来源的管理员在库「${c.database}」中执行 ${make};`,
    )
  }
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
/** A reader that died may hold the slot for a while yet: it is ended, since only one process at a time works for a source. */
async function free(client: pg.Client, name: string): Promise<void> {
  for (let i = 0; i < 50; i++) {
    const { rows } = await client.query<{ pid: number | null }>(`select active_pid as pid from pg_replication_slots where slot_name = $1`, [
      name,
    ])
    if (!rows[0]?.pid) return
    if (i % 10 === 0) await client.query('select pg_terminate_backend($1)', [rows[0].pid]).catch(() => {})
    await pause(100)
  }
}
async function dropSlot(client: pg.Client, name: string): Promise<void> {
  await free(client, name)
  await client.query('select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1', [name])
}

/** A connection that speaks the replication protocol. */
async function replication(c: Postgres): Promise<pg.Client> {
  const client = new pg.Client({
    host: c.host,
    port: c.port,
    database: c.database,
    user: c.user,
    password: c.password,
    ssl: c.tls ? { rejectUnauthorized: false } : false,
    connectionTimeoutMillis: 8000,
    keepAlive: true,
    application_name: 'huitong-capture',
    options: '-c DateStyle=ISO -c TimeZone=Asia/Shanghai',
    ...({ replication: 'database' } as object),
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

export const postgresCapture: CaptureConnector<Postgres> = {
  async begin(c, id, columns, keys) {
    const name = slotName(id)
    const shape = await using(
      c,
      async client => {
        const table = await checked(client, c, id, columns, keys)
        await dropSlot(client, name)
        await publish(client, c, id)
        return shapeOf(table)
      },
      true,
    )
    let client: pg.Client | undefined
    try {
      client = await replication(c)
      const { rows } = await client.query(`CREATE_REPLICATION_SLOT ${name} LOGICAL pgoutput EXPORT_SNAPSHOT`)
      const made = rows[0] as { consistent_point: string; snapshot_name: string }
      const held = client
      return {
        snapshot: made.snapshot_name,
        position: () => ({ lsn: made.consistent_point, shape: JSON.stringify(shape) }),
        release: () => held.end().catch(() => {}),
      }
    } catch (error) {
      await client?.end().catch(() => {})
      throw new SourceDown(diagnose(error, c))
    }
  },

  async open(c, id, columns, keys, position) {
    const name = slotName(id)
    const before = JSON.parse(String(position.shape)) as Shape
    const table = await using(c, async client => {
      const { rows } = await client.query<{ status: string | null; ahead: boolean }>(
        `select wal_status as status, confirmed_flush_lsn > $2::pg_lsn as ahead from pg_replication_slots where slot_name = $1`,
        [name, position.lsn],
      )
      if (!rows[0]) throw new Gone('来源的复制槽不见了')
      if (rows[0].status === 'lost') throw new Gone('来源的复制槽落后太多，已经失效')
      // Only what was written here first is acknowledged: so the platform has gone back, e.g. to a backup.
      if (rows[0].ahead) throw new Gone('来源已经忘记平台所在的位置')
      await free(client, name)
      return about(client, c)
    })
    const drift = differ(before, shapeOf(table))
    if (drift) throw drift
    let client: pg.Client
    try {
      client = await replication(c)
    } catch (error) {
      throw new SourceDown(diagnose(error, c))
    }
    return stream(client, c, { name, columns, keys, table, position })
  },

  backlog: (c, id) =>
    using(c, async client => {
      const { rows } = await client.query<{ bytes: string; status: string | null; most: string }>(
        `select pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end, restart_lsn)::bigint as bytes,
           wal_status as status, current_setting('max_slot_wal_keep_size', true) as most from pg_replication_slots where slot_name = $1`,
        [slotName(id)],
      )
      if (!rows[0]) throw new Gone('来源的复制槽不见了')
      const bytes = Number(rows[0].bytes)
      return { bytes, text: rows[0].status === 'unreserved' ? '来源很快就要删除平台还没有读到的日志' : null }
    }),

  drop: (c, id) =>
    using(
      c,
      async client => {
        await dropSlot(client, slotName(id))
        await client.query(`drop publication if exists ${slotName(id)}`).catch(error => {
          // Made by the administrator, and his to remove.
          if (error.code !== '42501') throw error
        })
      },
      true,
    ),
}

const lsnText = (high: number, low: number) => `${high.toString(16).toUpperCase()}/${low.toString(16).toUpperCase()}`
/** Microseconds since 2000 → milliseconds since 1970. */
const timeAt = (b: Buffer, at: number) => new Date(Number(b.readBigInt64BE(at) / 1000n) + 946_684_800_000)

function stream(client: pg.Client, c: Postgres, o: { name: string; columns: string[]; keys: string[]; table: About; position: Position }) {
  const wire = (client as unknown as { connection: Wire }).connection
  const inbox = new Inbox({ pause: () => wire.stream.pause(), resume: () => wire.stream.resume() })
  const decode = decoder(o, inbox, end => ({ ...o.position, lsn: end }))
  let acknowledged = String(o.position.lsn)
  let told = 0
  const status = () => {
    told = Date.now()
    const [high, low] = acknowledged.split('/').map(x => Number.parseInt(x, 16)) as [number, number]
    const b = Buffer.alloc(34)
    b[0] = 0x72
    for (const at of [1, 9, 17]) {
      b.writeUInt32BE(high, at)
      b.writeUInt32BE(low, at + 4)
    }
    b.writeBigInt64BE(BigInt(Date.now() - 946_684_800_000) * 1000n, 25)
    wire.sendCopyFromChunk(b)
  }
  let beat = 0
  wire.on('copyData', ({ chunk }: { chunk: Buffer }) => {
    try {
      if (chunk[0] === 0x77) decode.message(chunk.subarray(25))
      else if (chunk[0] === 0x6b) {
        if (chunk[17]) status()
        // What others do to the source moves the end, too: without this the source would keep all of it for us.
        if (!decode.inside && inbox.idle && Date.now() - beat > IDLE) {
          beat = Date.now()
          inbox.commit({ ...o.position, lsn: lsnText(chunk.readUInt32BE(1), chunk.readUInt32BE(5)) }, null)
        }
      }
    } catch (error) {
      inbox.fail(error as Error)
    }
  })
  const lost = (error?: unknown) => inbox.fail(new SourceDown(diagnose(error ?? { code: 'ECONNRESET' }, c)))
  client.on('error', lost)
  client.on('end', () => lost())
  client
    .query(`START_REPLICATION SLOT ${o.name} LOGICAL ${o.position.lsn} (proto_version '1', publication_names '${o.name}')`)
    .then(() => lost())
    .catch(error => inbox.fail(gone(error) ?? new SourceDown(diagnose(error, c))))
  // Well within the sender's time-out of a minute.
  const timer = setInterval(() => {
    if (Date.now() - told > 8000) status()
  }, 2000)
  return {
    next: async (wait: number) => filled(await inbox.next(wait), holes => using(c, source => fill(source, c, o, holes))),
    done(position: Position) {
      acknowledged = String(position.lsn)
      status()
    },
    async close() {
      clearInterval(timer)
      client.removeListener('error', lost)
      wire.stream.destroy()
    },
  }
}
type Wire = {
  on(event: 'copyData', listener: (message: { chunk: Buffer }) => void): void
  sendCopyFromChunk(chunk: Buffer): void
  stream: { pause(): void; resume(): void; destroy(): void }
}
/** At most this often, in milliseconds, a position without changes is written. */
const IDLE = 3000

const gone = (error: unknown): Gone | undefined => {
  const e = error as { code?: string; message?: string }
  if (e.code === '42704') return new Gone('来源的复制槽不见了')
  return e.code === '55000' && /can no longer get changes|invalidated/i.test(e.message ?? '')
    ? new Gone('来源的复制槽落后太多，已经失效')
    : undefined
}

/** Rows with values that were not sent are asked for. What they are by now is right as well: the changes in between are still to come. */
async function fill(
  client: pg.Client,
  c: Postgres,
  o: { columns: string[]; keys: string[]; table: About },
  rows: { row: Value[] }[],
): Promise<void> {
  const keys = o.table.columns.filter(x => o.keys.includes(x.name))
  const at = keys.map(k => o.columns.indexOf(k.name))
  const { rows: found } = (await client.query<(string | null)[]>({
    text: `select ${o.columns.map(n => `t.${quoted(n)}::text`).join(', ')}
       from unnest(${keys.map((_, i) => `$${i + 1}::text[]`).join(', ')}) as k(${keys.map((_, i) => `k${i}`).join(', ')})
       join ${tableOf(c)} t on ${keys.map((k, i) => `t.${quoted(k.name)} = k.k${i}::${k.type}`).join(' and ')}`,
    values: at.map(i => rows.map(r => r.row[i])),
    rowMode: 'array',
  } as unknown as pg.QueryArrayConfig)) as unknown as { rows: (string | null)[][] }
  const key = (row: Value[]) => at.map(i => row[i]).join('\u001f')
  const by = new Map(found.map(r => [key(r), r]))
  for (const change of rows) {
    const now = by.get(key(change.row))
    if (now) change.row = now
  }
}

/** pgoutput, version 1: what the walsender says of one table, in text. */
function decoder(o: { columns: string[]; keys: string[]; table: About }, inbox: Inbox, at: (lsn: string) => Position) {
  type Relation = { wanted: number[]; render: ((text: string) => string)[] }
  const relations = new Map<number, Relation>()
  const base = new Map(o.table.columns.map(x => [x.name, x.base]))
  const keyAt = o.keys.map(k => o.columns.indexOf(k))
  const sent = o.table.columns.filter(x => x.part)
  const expected = JSON.stringify(sent.map(x => [x.name, x.oid, x.mod]))
  let b: Buffer = Buffer.alloc(0)
  let i = 0
  const text = () => {
    const end = b.indexOf(0, i)
    const s = b.toString('utf8', i, end)
    i = end + 1
    return s
  }
  const tuple = (r: Relation, old?: Value[]): Value[] => {
    const n = b.readInt16BE(i)
    i += 2
    const row: Value[] = o.columns.map(() => null)
    for (let f = 0; f < n; f++) {
      const kind = b[i++]
      const to = r.wanted[f]!
      if (kind === 0x6e) continue
      if (kind === 0x75) {
        if (to >= 0) row[to] = old ? old[to]! : UNSENT
        continue
      }
      const length = b.readInt32BE(i)
      i += 4
      if (to >= 0) row[to] = r.render[f]!(b.toString('utf8', i, i + length))
      i += length
    }
    return row
  }
  const relationOf = () => {
    const id = b.readInt32BE(i)
    i += 4
    return relations.get(id)
  }
  return {
    /** Within a transaction. */
    inside: false,
    message(message: Buffer) {
      b = message
      i = 1
      switch (message[0]) {
        case 0x42:
          this.inside = true
          return
        case 0x43: {
          this.inside = false
          const end = lsnText(b.readUInt32BE(10), b.readUInt32BE(14))
          inbox.commit(at(end), timeAt(b, 18))
          return
        }
        case 0x52: {
          const id = b.readInt32BE(i)
          i += 4
          text()
          text()
          i++
          const n = b.readInt16BE(i)
          i += 2
          const is: [string, number, number][] = []
          for (let f = 0; f < n; f++) {
            i++
            is.push([text(), b.readInt32BE(i), b.readInt32BE(i + 4)])
            i += 8
          }
          if (JSON.stringify(is) !== expected) throw new Moved()
          const names = is.map(([name]) => name)
          relations.set(id, { wanted: names.map(name => o.columns.indexOf(name)), render: names.map(name => rendering(base.get(name)!)) })
          return
        }
        case 0x49: {
          const r = relationOf()
          i++
          if (r) inbox.add({ op: 'put', row: tuple(r) })
          return
        }
        case 0x55: {
          const r = relationOf()
          if (!r) return
          let old: Value[] | undefined
          const kind = b[i++]
          if (kind === 0x4b || kind === 0x4f) {
            old = tuple(r)
            i++
          }
          const row = tuple(r, kind === 0x4f ? old : undefined)
          const change: Change = { op: 'put', row }
          if (old && keyAt.some(k => old[k] !== row[k] && row[k] !== UNSENT)) inbox.add({ op: 'delete', row: old })
          inbox.add(change)
          return
        }
        case 0x44: {
          const r = relationOf()
          i++
          if (r) inbox.add({ op: 'delete', row: tuple(r) })
          return
        }
        case 0x54: {
          const n = b.readInt32BE(i)
          i += 5
          for (let k = 0; k < n; k++) if (relationOf()) inbox.add({ op: 'empty' })
          return
        }
      }
    },
  }
}

/** Output of a type, as a cast to text writes it. */
function rendering(type: number): (text: string) => string {
  if (type === 16) return text => (text === 't' ? 'true' : 'false')
  if (type === 869) return text => (text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`)
  return text => text
}

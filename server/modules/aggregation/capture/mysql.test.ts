import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import * as aggregation from '../../../../contract/aggregation.ts'
import { aCapturedEntry, captured, liveCounts, poolOf, sourceOf, until } from '../../../../test/support/capture.ts'
import { aMariadb, noMariadb } from '../../../../test/support/mariadb.ts'
import { aWorld } from '../../../../test/support/world.ts'
import { mysqlTables } from '../connectors/mysql.ts'

const skip = noMariadb
async function setUp(
  t: TestContext,
  o: { create: string; columns: string[]; rows?: string; options?: string[]; deletes?: 'keep' | 'follow'; user?: string },
) {
  const world = await aWorld(t)
  const server = (await aMariadb(t, o.options))!
  await server.sql('create database business character set utf8mb4')
  const sql = (statement: string, values?: unknown[]) => server.sql(statement, values, 'business')
  await sql(o.create)
  if (o.rows) await sql(o.rows)
  const connection = {
    kind: 'mysql' as const,
    host: server.host,
    port: server.port,
    database: 'business',
    user: o.user ?? server.user,
    password: server.password,
    tls: false,
    table: 'people',
  }
  const { entryId, steward } = await aCapturedEntry(
    world,
    o.columns.map((name, i) => ({ name, type: 'C' as const, ...(i === 0 && { required: true }) })),
  )
  const source = await captured(world, steward, entryId, connection, o.columns, { deletes: o.deletes ?? 'follow' })
  const list = o.columns.map((_, i) => `c${i + 1}`).join(',')
  const pool = () => poolOf(world, entryId, list)
  /** As the snapshot reads it, in the order of the pool. */
  const there = async () => {
    const { rows } = await mysqlTables.look(connection)
    return rows.map(r => r.map(v => v.trim() || null)).sort((a, b) => Buffer.compare(Buffer.from(a[0]!), Buffer.from(b[0]!)))
  }
  const same = () => until(async () => assert.deepEqual(await pool(), await there()))
  const phase = (p: string) =>
    until(async () => {
      const { live, trouble } = await sourceOf(steward, source.id)
      assert.equal(live?.phase, p, trouble?.text)
    })
  return { world, server, sql, connection, entryId, steward, source, pool, there, same, phase }
}

const kinds = {
  id: 'bigint unsigned not null primary key',
  small: 'tinyint',
  medium: 'mediumint',
  padded: 'int(8) unsigned zerofill',
  money: 'decimal(30,10)',
  ratio: 'decimal(5,5)',
  whole: 'decimal(18,0)',
  single: 'float',
  approx: 'double',
  day: 'date',
  at: 'datetime(6)',
  plainat: 'datetime',
  stamp: 'timestamp(3) null',
  span: 'time(2)',
  year: 'year',
  state: `enum('在册','退出','it''s, (so)')`,
  marks: `set('甲','乙','丙')`,
  gbk: 'varchar(300) character set gbk',
  latin: 'char(20) character set latin1',
  text: 'longtext',
  bytes: 'varbinary(20)',
  fixed: 'binary(8)',
  blob: 'mediumblob',
  bits: 'bit(9)',
  doc: 'json',
  uid: 'uuid',
}
const rows = [
  `1, -128, -8388608, 42, -12345678901234567890.0123456789, 0.00001, -999999999999999999, 1.1, 0.1, '2026-02-28', '2026-11-22 23:59:59.123456', '1000-01-01 00:00:00', '2026-11-22 08:00:00.123', '-12:34:56.78', 2026, '在册', '甲,丙', '汉字：一二三四五六七八九十甲乙丙丁戊己庚辛壬癸', 'café', '😀𠮷"引号",\n逗号', x'00ff10', x'010203', x'deadbeef', b'100000001', '{"a": [1, 2.50, "汉"]}', '123e4567-e89b-12d3-a456-426655440000'`,
  `18446744073709551615, 127, 8388607, 0, 0, 0, 0, 0, 1e300, '0000-00-00', '0000-00-00 00:00:00', '9999-12-31 23:59:59', '0000-00-00 00:00:00', '838:59:59.00', 0, 'it''s, (so)', '', '', '', '', '', '', '', b'0', 'null', null`,
  `9007199254740993, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null`,
  `7, -1, -1, 99999999, -0.5, -0.5, 1, 16777217, -1.5e-9, '1000-01-01', '2026-01-01 00:00:00.000001', '2026-01-01 12:00:00', '2038-01-19 11:14:07', '-00:00:00.01', 2155, '退出', '乙', ' 空格 ', 'x ', repeat('长', 300000), x'ff', x'ffffffffffffffff', repeat(x'ab', 70000), b'111111111', '[]', 'ffffffff-ffff-ffff-ffff-ffffffffffff'`,
]

test('values of every type arrive as the same text as in a snapshot, from the whole table and from changes', { skip }, async t => {
  const columns = Object.keys(kinds)
  const create = `create table people (${columns.map(c => `\`${c}\` ${kinds[c as keyof typeof kinds]}`).join(', ')})`
  const s = await setUp(t, { create, columns, rows: `set sql_mode = ''; insert into people values (${rows[0]})` })
  await s.same()
  await s.phase('streaming')
  await s.sql(
    `set sql_mode = ''; ${rows
      .slice(1)
      .map(r => `insert into people values (${r})`)
      .join('; ')}`,
  )
  await s.same()
  // Every value of the first row, too, by a change; and a key beyond what a double can tell apart.
  await s.sql(
    `set sql_mode = ''; delete from people where id = 1; insert into people values (${rows[0]}); update people set id = 9007199254740992 where id = 9007199254740993`,
  )
  await s.same()
  const counts = await liveCounts(s.world, s.source.id)
  assert.equal(counts.rejected, 0)
})

const create = 'create table people (id varchar(20) primary key, name varchar(100), amount decimal(12,2), note longtext)'
const columns = ['id', 'name', 'amount', 'note']

test('changes with minimal row images, truncation, and transactions rolled back or long', { skip }, async t => {
  const s = await setUp(t, {
    create,
    columns,
    rows: `insert into people values ('a', '张三', 1, 'x'), ('b', '李四', 2, null)`,
    options: ['--binlog-row-image=MINIMAL'],
  })
  await s.same()
  await s.phase('streaming')
  await s.sql(
    `update people set amount = 3 where id = 'a'; update people set id = 'c', amount = 4 where id = 'b'; insert into people (id) values ('d')`,
  )
  await s.sql(`start transaction; insert into people (id) values ('never'); rollback`)
  await s.same()
  await s.sql(
    `start transaction; insert into people select concat('n', seq), '批量', seq, null from seq_1_to_50000; delete from people where id = 'd'; commit`,
  )
  await until(async () => assert.equal((await s.pool()).length, 50_002))
  await s.sql(`truncate table people; insert into people (id) values ('z')`)
  await until(async () => assert.equal((await s.pool()).length, 1))
  await s.same()
  assert.equal((await liveCounts(s.world, s.source.id)).removed, 50_004)
})

test('a source that cannot be captured says which statement to run; a purged log is made good by reading the table again', {
  skip,
}, async t => {
  const s = await setUp(t, {
    create,
    columns,
    rows: `insert into people values ('a', '甲', 1, null), ('b', '乙', 2, null)`,
    options: ['--binlog-format=STATEMENT'],
  })
  const trouble = (code: string, remedy: RegExp) =>
    until(async () => {
      const { trouble } = await sourceOf(s.steward, s.source.id)
      assert.equal(trouble?.code, code, trouble?.text)
      assert.match(trouble!.remedy, remedy)
    })
  await trouble('capture-binlog-format', /SET GLOBAL binlog_format = 'ROW'/)
  await s.sql(`set global binlog_format = 'ROW'`)
  await s.phase('streaming')
  await s.same()
  // The platform looks away while the log it needs goes.
  const { pool } = s.world.app.services
  await pool.query(`update aggregation.source set active = false where id = $1`, [s.source.id])
  await until(async () => {
    const { rows } = await pool.query(`select 1 from aggregation.source where id = $1 and slot is null`, [s.source.id])
    assert.equal(rows.length, 1)
  })
  await s.sql(`insert into people values ('c', '丙', 3, null); delete from people where id = 'a'; flush binary logs`)
  // The server keeps a log as long as it believes that somebody reads it.
  await until(async () => {
    const logs = (await s.sql('show binary logs')) as { Log_name: string }[]
    await s.sql(`purge binary logs to '${logs.at(-1)!.Log_name}'`)
    assert.equal(logs.length, 1)
  })
  await s.sql(`update people set amount = 9 where id = 'b'`)
  await pool.query(`update aggregation.source set active = true where id = $1`, [s.source.id])
  // One of two rows gone is more than is believed without somebody saying so.
  await until(async () => {
    const { rows } = await s.steward.ok(aggregation.batches, { query: { source: s.source.id, state: 'held' } })
    assert.equal(rows.length, 1)
    await s.steward.ok(aggregation.releaseBatch, { params: { id: rows[0]!.id }, body: { reason: '来源确已删除' } })
  })
  await s.same()
  await s.phase('streaming')
  await s.sql(`alter table people modify amount decimal(12,1)`)
  await trouble('drift', /重新保存/)
})

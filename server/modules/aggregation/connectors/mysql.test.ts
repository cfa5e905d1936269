import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { aMariadb, type Mariadb, noMariadb } from '../../../../test/support/mariadb.ts'
import { parseRecords } from '../reading/csv.ts'
import { mysqlTables } from './mysql.ts'
import { type Mysql, SourceDown } from './types.ts'

const skip = noMariadb

/** One server for the tests that only read; each has a database of its own. */
let shared: Promise<Mariadb> | undefined
test.after(async () => {
  for (const end of ends) await end()
})
const ends: (() => unknown)[] = []
const server = () => (shared ??= aMariadb({ after: end => void ends.push(end as () => unknown) }).then(m => m!))
let serial = 0
async function aDatabase(sql: string) {
  const m = await server()
  const database = `d${++serial}`
  await m.sql(`create database ${database} character set utf8mb4`)
  await m.sql(sql, [], database)
  const target = (table: string, more: Partial<Mysql> = {}): Mysql => ({
    kind: 'mysql',
    host: m.host,
    port: m.port,
    database,
    user: m.user,
    password: m.password,
    tls: false,
    table,
    ...more,
  })
  return { m, database, target }
}
async function all(c: Mysql, columns: string[], o: Parameters<typeof mysqlTables.read>[2] = {}) {
  const reading = mysqlTables.read(c, columns, o)
  const pieces: Buffer[] = []
  for await (const piece of reading.bytes()) pieces.push(piece)
  const text = Buffer.concat(pieces).toString()
  return { text, rows: parseRecords(text, ',').rows, position: reading.position() }
}
const diagnosisOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => assert.fail('nothing was thrown'),
    e => e,
  )
  assert.ok(error instanceof SourceDown, String(error))
  return error.diagnosis
}

test('tables come with their comments, columns with types, comments and key', { skip }, async () => {
  const { target } = await aDatabase(`
    create table 名单 (id bigint primary key comment '编号', 姓名 varchar(50) not null comment '姓名（全称）', je decimal(12,2)) comment '城乡低保名单';
    create view 名单_v as select * from 名单;
    insert into 名单 values (1, '张三', 5.10), (2, '', null)`)
  const { version, tables } = await mysqlTables.tables(target(''))
  assert.match(version, /MariaDB/)
  assert.deepEqual(
    tables.map(x => [x.table, x.comment]),
    [
      ['名单', '城乡低保名单'],
      ['名单_v', ''],
    ],
  )
  const seen = await mysqlTables.look(target('名单'))
  assert.deepEqual(seen.columns, [
    { name: 'id', type: 'bigint(20)', comment: '编号', nullable: false, key: true },
    { name: '姓名', type: 'varchar(50)', comment: '姓名（全称）', nullable: false, key: false },
    { name: 'je', type: 'decimal(12,2)', comment: '', nullable: true, key: false },
  ])
  assert.deepEqual(seen.rows, [
    ['1', '张三', '5.10'],
    ['2', '', ''],
  ])
})

test('every type arrives as its exact text, null bare and an empty value in quotes', { skip }, async () => {
  const { target } = await aDatabase(`
    set sql_mode = '';
    create table t (a bigint unsigned, b decimal(38,10), c datetime(3), d date, e time, f bit(4), g varbinary(8), h json, i float, j double, k enum('男','女'), l year, m text character set gbk, n char(5));
    insert into t values
      (18446744073709551615, 12345678901234567890.0123456789, '2026-02-28 23:59:59.125', '0000-00-00', '-12:30:00', b'0101', x'00ff22', '{"a":"é\\\\"，"}', 16777216, 0.1, '女', 2026, '国标，"引号"\\n换行', 'x'),
      (null, null, '0000-00-00 00:00:00', '2026-00-00', null, null, null, null, 3.14159274, null, null, null, '', '')`)
  const { text } = await all(target('t'), 'a b c d e f g h i j k l m n'.split(' '))
  assert.equal(
    text,
    `18446744073709551615,12345678901234567890.0123456789,2026-02-28 23:59:59.125,0000-00-00,-12:30:00,"0101","\\x00ff22","{""a"":""é\\""，""}","16777216",0.1,"女",2026,"国标，""引号""\n换行","x"\n` +
      `,,0000-00-00 00:00:00.000,2026-00-00,,,,,"3.1415927410125732",,,,"",""\n`,
  )
})

test('GBK tables and servers that speak GBK by default give the same characters', { skip }, async () => {
  const { m, target, database } = await aDatabase(`create table 旧表 (姓名 varchar(20), 备注 text) default character set gbk`)
  await m.sql(`insert into 旧表 values ('镕基', '喆')`, [], database)
  assert.deepEqual((await all(target('旧表'), ['备注', '姓名'])).rows, [['喆', '镕基']])
})

test('an increment starts a little before the time reached, or right after the number reached; numbers keep all their digits', {
  skip,
}, async () => {
  const { m, target, database } = await aDatabase(`
    create table t (id bigint, at datetime(6), day date);
    insert into t values (9007199254740993, '2026-01-01 08:00:00.000001', '2026-01-01'), (9007199254740995, '2026-01-01 09:00:00', '2026-01-02')`)
  const by = (column: string, from: string | null) => all(target('t'), ['id'], { cursor: { column, from } })
  const first = await by('at', null)
  assert.deepEqual([first.rows.length, first.position], [2, { cursor: '2026-01-01 09:00:00.000000' }])
  await m.sql(`insert into t values (9007199254740996, '2026-01-01 08:56:00', '2026-01-02')`, [], database)
  assert.deepEqual((await by('at', '2026-01-01 09:00:00.000000')).rows, [['9007199254740995'], ['9007199254740996']])
  assert.deepEqual((await by('id', '9007199254740995')).rows, [['9007199254740996']])
  assert.deepEqual((await by('day', '2026-01-02')).rows.length, 2)
  assert.equal((await diagnosisOf(by('gone', null))).code, 'no-cursor')
})

test('a table is read in one snapshot while others write, in bounded pieces, and a writer is not held up', { skip }, async () => {
  const { m, target, database } = await aDatabase(
    `create table t (id int primary key, v varchar(300)); insert into t select seq, repeat('甲', 90) from seq_1_to_40000;
     create table old (id int primary key, v varchar(300)) engine = myisam; insert into old select * from t`,
  )
  for (const table of ['t', 'old']) {
    const reading = mysqlTables.read(target(table), ['id', 'v'], {})
    let rows = 0
    for await (const piece of reading.bytes()) {
      if (!rows) {
        // Whoever reads stands still here; the source goes on writing meanwhile.
        await m.sql(`insert into ${table} values (900000, 'neu'); delete from ${table} where id = 40000`, [], database)
      }
      assert.ok(piece.length < 300_000)
      rows += piece.toString().split('\n').length - 1
    }
    assert.equal(rows, 40000)
  }
})

test('a reading can be given up, and a server that dies in the middle is told', { skip }, async t => {
  const m = (await aMariadb(t))!
  await m.sql(
    `create database d; use d; create table d.t (id int primary key, v varchar(900)); insert into d.t select seq, repeat('x', 900) from seq_1_to_60000`,
  )
  const c = { ...(await aDatabase('select 1')).target('t'), database: 'd', port: m.port }
  const controller = new AbortController()
  const given = async (end: () => unknown) => {
    for await (const _ of mysqlTables.read(c, ['id', 'v'], {}, controller.signal).bytes()) await end()
  }
  assert.equal((await diagnosisOf(given(() => controller.abort()))).code, 'lost')
  const broken = await diagnosisOf(
    (async () => {
      for await (const _ of mysqlTables.read(c, ['id', 'v'], {}).bytes()) await m.kill()
    })(),
  )
  assert.deepEqual([broken.code, /断开了连接/.test(broken.text)], ['lost', true])
  assert.equal((await diagnosisOf(mysqlTables.tables(c))).code, 'refused')
})

test('what is wrong with a connection is said in plain words', { skip }, async t => {
  const { m, target, database } = await aDatabase(`create table t (a int)`)
  await m.sql(`create user 'few'@'%' identified by 'few'; grant select on ${database}.other to 'few'@'%'`.replace('.other', '.t'))
  await m.sql(`create table hidden (a int)`, [], database)
  // Answers nothing: as a firewall that drops packets does.
  const sockets: Socket[] = []
  const deaf = createServer(socket => void sockets.push(socket)).listen(0, '127.0.0.1')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    deaf.close()
  })
  await new Promise(resolve => deaf.once('listening', resolve))
  const dir = mkdtempSync(join(tmpdir(), 'huitong-tls-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const [key, cert] = [join(dir, 'key'), join(dir, 'cert')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  })
  const strict = (await aMariadb(t, [`--ssl-cert=${cert}`, `--ssl-key=${key}`, '--require-secure-transport=ON']))!
  const cases: [Partial<Mysql>, string, RegExp][] = [
    [{ password: 'wrong' }, 'credentials', /不接受用户 huitong 的登录/],
    [{ database: 'nowhere' }, 'no-database', /没有数据库「nowhere」/],
    [{ user: 'few', password: 'few', database: 'mysql' }, 'no-database', /不能使用数据库「mysql」/],
    [{ table: 'nothing' }, 'no-table', /没有表「nothing」/],
    [{ user: 'few', password: 'few', table: 'hidden' }, 'no-table', /当前用户看不到它/],
    [{ port: 1 }, 'refused', /拒绝连接/],
    [{ host: 'no-such-host.invalid' }, 'unknown-host', /找不到主机/],
    [{ port: (deaf.address() as { port: number }).port }, 'timeout', /超时/],
    [{ tls: true }, 'tls', /来源不支持 TLS/],
    [{ port: strict.port }, 'credentials', /不接受用户/],
  ]
  for (const [more, code, words] of cases) {
    const d = await diagnosisOf(mysqlTables.look(target('t', more)))
    assert.deepEqual([d.code, words.test(d.text)], [code, true], d.text)
    assert.ok(d.remedy && !d.text.includes(m.password))
  }
  await m.sql(
    `revoke select on ${database}.t from 'few'@'%'; grant select (a) on ${database}.t to 'few'@'%'; alter table ${database}.t add b int`,
  )
  const d = await diagnosisOf(all(target('t', { user: 'few', password: 'few' }), ['b']))
  assert.equal(d.code, 'no-column')
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import * as contract from '../../../../contract/tables.ts'
import { until } from '../../../../test/support/capture.ts'
import { aGrant } from '../../../../test/support/delivery.ts'
import { aMariadb, noMariadb } from '../../../../test/support/mariadb.ts'
import { createDatabase, dropDatabase } from '../../../platform/postgres.ts'
import { columnsFor } from './target.ts'

type Consumer = { connection: contract.TargetConnection; rows(): Promise<unknown[][]>; sql(text: string): Promise<any[]> }

async function postgresConsumer(t: TestContext): Promise<Consumer> {
  const admin = process.env.HUITONG_TEST_URL!
  const database = `consumer_${randomBytes(6).toString('hex')}`
  const url = new URL(await createDatabase(admin, database))
  const pool = new pg.Pool({ connectionString: url.href, max: 2 })
  pool.on('error', () => {})
  t.after(async () => {
    await pool.end()
    await dropDatabase(admin, database)
  })
  return {
    connection: {
      kind: 'postgres',
      host: url.hostname,
      port: Number(url.port),
      database,
      user: url.username,
      password: decodeURIComponent(url.password),
      tls: false,
      schema: 'public',
      table: '低保对象',
    },
    sql: async text => (await pool.query(text)).rows,
    rows: async () =>
      (
        await pool.query({
          text: 'select "姓名", "月补助金额"::float, "起始日期"::text, _objection from "低保对象" order by 1',
          rowMode: 'array',
        })
      ).rows,
  }
}
async function mariaConsumer(t: TestContext): Promise<Consumer> {
  const maria = (await aMariadb(t))!
  await maria.sql('create database consumer')
  const { host, port, user, password } = maria
  return {
    connection: { kind: 'mysql', host, port, database: 'consumer', user, password, tls: false, table: '低保对象' },
    sql: text => maria.sql(text, [], 'consumer'),
    rows: async () =>
      (
        await maria.sql(
          'select `姓名` as a, cast(`月补助金额` as double) as b, cast(`起始日期` as char) as c, _objection as d from `低保对象` order by 1',
          [],
          'consumer',
        )
      ).map(r => [r.a, r.b, r.c, r.d]),
  }
}

for (const [name, consumer, skip] of [
  ['PostgreSQL', postgresConsumer, false],
  ['MariaDB', mariaConsumer, noMariadb],
] as const)
  test(`${name}: a table is filled, then kept up to date; each row once, whatever ends when`, { skip }, async t => {
    const g = await aGrant(t)
    const c = await consumer(t)
    const { pool } = g.services
    const { relation } = g.entry
    const history = relation.replace('pool.e_', 'pool.h_')
    await pool.query(`create table if not exists ${history} (like ${relation}, _replaced_by uuid, _replaced timestamptz)`)
    const { params } = g

    const tested = await g.developer.ok(contract.testTablePush, { params, body: { connection: c.connection } })
    assert.equal(tested.exists, false)
    assert.match(tested.statement, /姓名/)
    const wrong = await g.developer.call(contract.testTablePush, { params, body: { connection: { ...c.connection, password: 'no' } } })
    assert.equal(wrong.problem.code, 'delivery.target')
    assert.match(wrong.problem.detail, /目标数据库 .* 不接受用户/)

    if (c.connection.kind === 'postgres') {
      const test = (change: object) =>
        g.developer.call(contract.testTablePush, { params, body: { connection: { ...c.connection, ...change } } })
      assert.match((await test({ schema: '没有' })).problem.detail, /没有模式「没有」/)
      await c.sql(`create schema closed; create role poor login password 'poor'; grant usage on schema closed to poor`)
      assert.match((await test({ schema: 'closed', user: 'poor', password: 'poor' })).problem.detail, /用户 poor .* 没有建表或写入的权限/)
    }

    const made = await g.developer.ok(contract.setTablePush, { params, body: { connection: c.connection, every: 1 } })
    assert.ok(!JSON.stringify(made).includes(c.connection.password))
    assert.equal(made.state, 'full')
    const push = () => g.world.job('delivery.push', { id: made.id })
    const seen = async () => (await g.developer.ok(contract.tablePush, { params })).push!
    // A transaction anywhere on the server, such as another test's, lets rows come again until it ends.
    const settle = () =>
      until(async () => {
        const { upserts, removes } = await seen()
        await push()
        assert.deepEqual([(await seen()).upserts, (await seen()).removes], [upserts, removes])
      })
    await push()
    assert.equal((await seen()).trouble, null)
    assert.deepEqual(await c.rows(), [
      ['张**', 512.5, '2024-02-29', null],
      ['李**', 99999999.99, '2025-01-01', null],
      ['王**', null, null, null],
    ])
    assert.deepEqual([(await seen()).state, (await seen()).upserts, (await seen()).removes], ['current', 3, 0])
    const record = (await g.ledger()).at(-1)!
    assert.deepEqual([record.action, record.method, record.medium, record.purpose], ['data.read', '库表推送', '库表', '核对医疗救助资格'])

    await settle()
    // What changed, what is new and what is gone; nothing else is written again.
    await pool.query(`update ${relation} set c3 = 600 where c2 = '张三丰'`)
    await pool.query(
      `with gone as (delete from ${relation} where c2 = '李四' returning *) insert into ${history} select *, gen_random_uuid(), now() from gone`,
    )
    await pool.query(
      `insert into ${relation} (_key, c1, c2, c3, _hash, _batch, _updated) select 'x', 'x', '赵六', 7, 1, _batch, _updated from ${relation} limit 1`,
    )
    await push()
    assert.deepEqual(await c.rows(), [
      ['张**', 600, '2024-02-29', null],
      ['王**', null, null, null],
      ['赵**', 7, null, null],
    ])
    assert.equal((await seen()).removes, 1)
    await settle()

    // The platform forgets everything, even that it pushed: the table itself says where it stands.
    await pool.query('update delivery.table_push set upserts = 0, caught_up = null')
    await push()
    assert.equal((await seen()).upserts, 0)

    // The consumer's database is put back to before the last push: it goes on from what that says.
    await c.sql(`update huitong_push set position = 'nonsense'`)
    await push()
    assert.equal((await seen()).state, 'current')
    assert.equal((await c.rows()).length, 3)

    // Suspended: not a byte; afterwards what was missed.
    await g.set('suspended')
    const refused = async () => (await g.ledger()).filter(r => r.action === 'data.refused').length
    const before = await refused()
    await pool.query(`update ${relation} set c3 = 8 where c2 = '赵六'`)
    await push()
    const halted = await seen()
    assert.equal(halted.state, 'trouble')
    assert.match(halted.trouble!.text, /暂停/)
    assert.equal(await refused(), before, 'what the platform tries by itself is no finding')
    assert.deepEqual((await c.rows())[2], ['赵**', 7, null, null])
    await g.set('active')
    await push()
    assert.deepEqual((await c.rows())[2], ['赵**', 8, null, null])

    // Its table is changed under us: told, nothing half written.
    await c.sql(name === 'MariaDB' ? 'alter table `低保对象` drop column `月补助金额`' : 'alter table "低保对象" drop column "月补助金额"')
    await push()
    assert.match((await seen()).trouble!.text, /缺少列「月补助金额」/)

    // Another department sees nothing of it and changes nothing.
    const stranger = await g.world.person({ department: '双牌县医保局', roles: ['developer', 'steward'] })
    assert.equal((await stranger.call(contract.tablePush, { params })).status, 404)
    assert.deepEqual(await stranger.ok(contract.tablePushes), [])
    const provider = await g.world.person({ department: '福州市民政局', roles: ['steward'] })
    assert.equal((await provider.ok(contract.tablePushes))[0]!.state, 'trouble')
    assert.equal((await provider.call(contract.actTablePush, { params, body: { action: 'pause' } })).problem.code, 'grant.not_yours')
    await g.developer.ok(contract.actTablePush, { params, body: { action: 'pause' } })
    assert.equal((await seen()).state, 'paused')
    await g.developer.ok(contract.actTablePush, { params, body: { action: 'remove' } })
    assert.equal((await g.developer.ok(contract.tablePush, { params })).push, null)
  })

test('a table of many rows goes over in parts; two at once, and a push that is killed in between, leave each row once', async t => {
  const g = await aGrant(t)
  const c = await postgresConsumer(t)
  const { pool } = g.services
  const { relation } = g.entry
  await pool.query(
    `insert into ${relation} (_key, c1, c2, c3, _hash, _batch, _updated) select 'k' || n, 'k' || n, '钱' || n, n, n, b._batch, b._updated from generate_series(1, 9000) n, (select _batch, _updated from ${relation} limit 1) b`,
  )
  const made = await g.developer.ok(contract.setTablePush, { params: g.params, body: { connection: c.connection, every: 1 } })
  const push = () => g.world.job('delivery.push', { id: made.id })
  // The consumer's database ends the connection again and again while rows come.
  const cutting = setInterval(
    () =>
      void c
        .sql(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query like '%低保对象%'`,
        )
        .catch(() => {}),
    40,
  )
  for (let i = 0; i < 8; i++) await Promise.all([push(), push()])
  clearInterval(cutting)
  await push()
  const [{ n, sum }] = (await c.sql('select count(*)::int as n, sum("月补助金额") as sum from "低保对象"')) as [{ n: number; sum: string }]
  assert.equal(n, 9003)
  assert.equal(Number(sum), (9000 * 9001) / 2 + 512.5 + 99999999.99)
  const { push: seen } = await g.developer.ok(contract.tablePush, { params: g.params })
  assert.deepEqual([seen!.state, seen!.trouble], ['current', null])
})

test('names longer than a database allows are cut at a character, each stays one of its own', () => {
  const long = '申请人与共同生活家庭成员近十二个月人均可支配收入'
  const items = [long, long, `${long}（元）`, '_id', '短'].map(name => ({ name, treatment: 'plain', type: 'Y' }))
  const columns = columnsFor('postgres', items)
  assert.ok(columns.every(k => Buffer.byteLength(k.name) <= 63))
  assert.equal(new Set(columns.map(k => k.name.toLowerCase())).size, columns.length)
  assert.ok(!columns.some(k => k.name === '_id'))
  assert.deepEqual(
    columnsFor('mysql', items.slice(0, 1)).map(k => k.name),
    [long],
  )
  assert.deepEqual(columnsFor('postgres', [{ name: '密', treatment: 'verify' }]), [])
  assert.equal(columnsFor('postgres', [{ name: '遮', treatment: 'masked', type: 'D' }])[0]!.kind, 'text')
})

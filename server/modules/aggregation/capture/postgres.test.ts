import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import * as aggregation from '../../../../contract/aggregation.ts'
import { aCapturedEntry, captured, liveCounts, poolOf, sourceOf, until } from '../../../../test/support/capture.ts'
import { aWorld } from '../../../../test/support/world.ts'
import { buildApp } from '../../../app.ts'
import { createDatabase, dropDatabase } from '../../../platform/postgres.ts'
import { slotName } from './postgres.ts'

const items = [
  { name: '编号', type: 'C' as const, length: 20, required: true },
  { name: '姓名', type: 'C' as const, length: 50 },
  { name: '金额', type: 'Y' as const, length: 12 },
  { name: '日期', type: 'D' as const, length: 8 },
  { name: '说明', type: 'C' as const },
]
const columns = ['id', '当事人姓名（含曾用名、别名以及其他称谓）', 'amount', 'day', 'note']
const name = '"当事人姓名（含曾用名、别名以及其他称谓）"'
const table = `create table people (id varchar(20) primary key, ${name} text, amount numeric(12, 2), day date, note text)`

/** A database of its own as source, and an entry that follows its table. */
async function setUp(t: TestContext, o: { create?: string; deletes?: 'keep' | 'follow'; rows?: string } = {}) {
  const world = await aWorld(t)
  const admin = process.env.HUITONG_TEST_URL!
  const database = `source_${randomBytes(6).toString('hex')}`
  const url = await createDatabase(admin, database)
  const source = new pg.Pool({ connectionString: url, max: 3 })
  source.on('error', () => {})
  t.after(async () => {
    await source.end()
    await dropDatabase(admin, database)
  })
  await source.query(o.create ?? table)
  if (o.rows) await source.query(`insert into people values ${o.rows}`)
  const at = new URL(url)
  const connection = {
    kind: 'postgres',
    host: at.hostname,
    port: Number(at.port),
    database,
    user: at.username,
    password: at.password,
    tls: false,
    schema: 'public',
    table: 'people',
  }
  const { entryId, steward } = await aCapturedEntry(world, items)
  const followed = await captured(world, steward, entryId, connection, columns, { deletes: o.deletes ?? 'follow' })
  const pool = () => poolOf(world, entryId, 'c1,c2,c3,c4,c5')
  const there = async () =>
    (
      await source.query({
        text: `select id::text, nullif(${name}, ''), amount::text, day::text, nullif(note, '') from people order by id collate "C"`,
        rowMode: 'array',
      })
    ).rows
  /** The pool is the source, row by row. */
  const same = () => until(async () => assert.deepEqual(await pool(), await there()))
  const streaming = () => until(async () => assert.equal((await sourceOf(steward, followed.id)).live?.phase, 'streaming'))
  return { world, source, connection, entryId, steward, followed, pool, there, same, streaming, url }
}

/** Ends the connection that follows the source, as the death of its process does. */
async function endFollower(s: { world: { url: string }; followed: { id: string } }): Promise<void> {
  const owner = new pg.Client({ connectionString: s.world.url })
  await owner.connect()
  const { rowCount } = await owner.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and objsubid = 1
     and ((classid::bigint << 32) | objid::bigint) = hashtextextended($1, 8)`,
    [s.followed.id],
  )
  await owner.end()
  assert.ok(rowCount! <= 1, 'one process follows a source')
}

test('every kind of change arrives as the source has it: inserts, updates, deletes, new keys, empty and long values, truncation', async t => {
  const s = await setUp(t, { rows: `('a1', '张三', 10.50, '2026-01-01', 'x'), ('a2', '李四', null, null, null), ('a3', '', 0, null, '')` })
  await s.same()
  await s.streaming()
  await s.source.query(`insert into people values ('b1', '王五😀𠮷', -1.00, '2026-02-28', e'两行\\n"引号",逗号')`)
  await s.source.query(`update people set ${name} = '张三丰', amount = 11 where id = 'a1'`)
  await s.source.query(`update people set id = 'a9' where id = 'a2'`)
  await s.source.query(`delete from people where id = 'a3'`)
  await s.same()
  // A value of 10 MB, out of line at the source; then a change that does not send it again.
  await s.source.query(`alter table people alter note set storage external`)
  await s.source.query(`insert into people values ('big', '长', 1, null, repeat('汉字', 1700000))`)
  await s.source.query(`update people set amount = 2 where id = 'big'`)
  await s.same()
  const counts = await liveCounts(s.world, s.followed.id)
  assert.equal(counts.rejected, 0)
  assert.equal(counts.removed, 2)
  await s.source.query(`truncate people`)
  await s.source.query(`insert into people values ('c1', '后来', 1, null, null)`)
  await s.same()
  const { rows } = await s.world.app.services.pool.query(
    `select _key, c2 from pool.${(await s.world.app.services.pool.query('select relation from aggregation.mount where entry_id = $1', [s.entryId])).rows[0].relation.replace('pool.e_', 'h_')} order by _key, _replaced`,
  )
  assert.deepEqual(
    rows.filter(r => r._key !== 'big').map(r => [r._key, r.c2]),
    [
      ['a1', '张三'],
      ['a1', '张三丰'],
      ['a2', '李四'],
      ['a3', null],
      ['a9', '李四'],
      ['b1', '王五😀𠮷'],
    ],
  )
})

test('rows that break a rule are put aside with their reason and come in when the source has mended them', async t => {
  const s = await setUp(t)
  await s.streaming()
  await s.source.query(`insert into people values ('${'9'.repeat(20)}', '${'长'.repeat(51)}', 1, null, null), ('ok', '好', 1, null, null)`)
  await until(async () =>
    assert.deepEqual(
      (await s.pool()).map(r => r[0]),
      ['ok'],
    ),
  )
  const [live] = (await s.steward.ok(aggregation.batches, { query: { source: s.followed.id } })).rows
  assert.deepEqual([live!.state, live!.read, live!.accepted, live!.rejected], ['done', 2, 1, 1])
  const rejects = await s.steward.ok(aggregation.rejects, { params: { id: live!.id }, query: {} })
  assert.deepEqual(
    rejects.rows.map(r => [r.line, r.itemName, r.rule]),
    [[1, '姓名', 'too-long']],
  )
  const file = await s.steward.call(aggregation.downloadRejects, { params: { id: live!.id }, query: { format: 'csv' } })
  assert.match(String(file.body), /长长长/)
  await s.source.query(`update people set ${name} = '短' where id like '9%'`)
  await s.same()
})

test('a cut connection, a process that dies and a removed slot: nothing is lost, nothing comes twice', async t => {
  const s = await setUp(t, { rows: `('k', '起', 1, null, null)` })
  await s.same()
  await s.streaming()
  // Within a transaction of 3,000 changes the source ends our connection, and ours ends the follower's own.
  const long = s.source.query(`insert into people select 'm' || i, '批量', i, null, null from generate_series(1, 3000) i`)
  await s.source.query(`select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1`, [slotName(s.followed.id)])
  await long
  await s.source.query(`select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1`, [slotName(s.followed.id)])
  await endFollower(s)
  await s.source.query(`update people set amount = amount + 1 where id = 'k'`)
  await until(async () => assert.equal((await s.pool()).length, 3001))
  await s.same()
  assert.equal((await liveCounts(s.world, s.followed.id)).read, 3001)
  // The slot goes: what happens meanwhile comes by reading the whole table again, deletions included.
  await until(async () => {
    await s.source.query(`select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1`, [
      slotName(s.followed.id),
    ])
    await s.source.query(`select pg_drop_replication_slot($1)`, [slotName(s.followed.id)])
  })
  await s.source.query(`delete from people where id in ('m1', 'm2'); update people set amount = 5 where id = 'k'`)
  await until(async () => assert.equal((await s.pool()).length, 2999))
  await s.same()
  await s.streaming()
  await s.source.query(`delete from people where id like 'm%'`)
  await until(async () => assert.equal((await s.pool()).length, 1))
  await s.same()
})

test('a column dropped, narrowed or added stops it before the change, says so, and goes on when the columns are assigned anew', async t => {
  const s = await setUp(t, { rows: `('a', '张三', 1.25, null, '旧')` })
  await s.same()
  await s.streaming()
  await s.source.query(`insert into people values ('b', '之前', 2, null, null)`)
  await until(async () => assert.equal((await s.pool()).length, 2))
  await s.source.query(`alter table people drop column note, add column extra text, alter column amount type numeric(12, 1)`)
  await s.source.query(`insert into people (id, ${name}, amount) values ('c', '之后', 3)`)
  await until(async () => {
    const { trouble } = await sourceOf(s.steward, s.followed.id)
    assert.equal(trouble?.code, 'drift')
    assert.match(trouble!.text, /少 1 列「note」，多 1 列「extra」，类型变化「amount（numeric\(12,2\) → numeric\(12,1\)）」/)
  })
  assert.equal((await s.pool()).length, 2)
  const stopped = (await s.steward.ok(aggregation.batches, { query: { source: s.followed.id, state: 'drift' } })).rows[0]!
  assert.deepEqual(stopped.difference?.missing, ['note'])
  const { rowCount } = await s.source.query('select from pg_replication_slots where slot_name = $1', [slotName(s.followed.id)])
  assert.equal(rowCount, 0, 'the source keeps nothing while it waits')
  await s.steward.ok(aggregation.saveMapping, {
    params: { id: s.followed.id },
    body: {
      mapping: [...columns.slice(0, 4).map((c, i) => ({ source: c, item: `c${i + 1}` })), { source: 'extra', item: null }],
      keys: ['c1'],
      threshold: 1,
      options: {},
    },
  })
  await until(async () =>
    assert.deepEqual(
      (await s.pool()).map(r => [r[0], r[1], Number(r[2])]),
      [
        ['a', '张三', 1.3],
        ['b', '之前', 2],
        ['c', '之后', 3],
      ],
    ),
  )
  await s.streaming()
  assert.equal((await sourceOf(s.steward, s.followed.id)).trouble, null)
})

test('without a primary key the source would refuse its own updates: nothing is made there, and the statement to run is named', async t => {
  const s = await setUp(t, { create: table.replace(' primary key', '') })
  await until(async () => {
    const { trouble } = await sourceOf(s.steward, s.followed.id)
    assert.equal(trouble?.code, 'capture-identity')
    assert.match(trouble!.remedy, /ALTER TABLE "public"\."people" REPLICA IDENTITY FULL;/)
  })
  assert.equal((await s.source.query('select from pg_publication')).rowCount, 0)
  await s.source.query('alter table people replica identity full')
  await s.source.query(`insert into people values ('a', '有了', 1, null, null)`)
  await s.streaming()
  await s.source.query(
    `update people set amount = 2; insert into people values ('b', '乙', 1, null, null); delete from people where id = 'b'`,
  )
  await s.same()
  // Another way of following takes everything away from the source.
  await s.steward.ok(aggregation.setFollow, { params: { id: s.followed.id }, body: { mode: 'snapshot', deletes: 'keep' } })
  await until(async () => {
    const { rows } = await s.source.query(
      `select (select count(*) from pg_replication_slots where slot_name = $1)::int as slots, (select count(*) from pg_publication)::int as publications`,
      [slotName(s.followed.id)],
    )
    assert.deepEqual(rows[0], { slots: 0, publications: 0 })
  })
})

test('two processes share the sources: one follows, and when it ends the other goes on where it was', async t => {
  const s = await setUp(t)
  await s.streaming()
  const { config } = s.world.app.services
  const other = await buildApp({ config, databaseUrl: s.world.url, roles: ['worker'] })
  await other.ready()
  try {
    for (let i = 0; i < 60; i++) {
      await s.source.query(`insert into people values ($1, '甲', 1, null, null)`, [`x${i}`])
      await s.source.query(`update people set amount = amount + 1 where id = 'x0'`)
      if (i % 20 === 10) await endFollower(s)
    }
    await s.same()
    assert.equal((await liveCounts(s.world, s.followed.id)).read, 120)
  } finally {
    await other.close()
  }
})

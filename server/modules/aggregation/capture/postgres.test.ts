import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import * as aggregation from '../../../../contract/aggregation.ts'
import { aCapturedEntry, captured, liveCounts, poolOf, sourceOf, until } from '../../../../test/support/capture.ts'
import { aWorld } from '../../../../test/support/world.ts'
import { createDatabase, dropDatabase } from '../../../platform/postgres.ts'

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

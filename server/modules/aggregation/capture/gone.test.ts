import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import pg from 'pg'
import * as aggregation from '../../../../contract/aggregation.ts'
import * as organization from '../../../../contract/organization.ts'
import * as procedure from '../../../../contract/procedure.ts'
import { liveCounts, poolOf, sourceOf, until } from '../../../../test/support/capture.ts'
import { act, aPlace, aPlainEntry, said } from '../../../../test/support/country.ts'
import { createDatabase, dropDatabase } from '../../../platform/postgres.ts'

test('what the source deletes stays until an approved order names its list; following deletions needs an order, too', async t => {
  const p = await aPlace(t, 'yongtai')
  const entry = await p.register(aPlainEntry())
  const database = `source_${randomBytes(6).toString('hex')}`
  const url = await createDatabase(process.env.HUITONG_TEST_URL!, database)
  const db = new pg.Pool({ connectionString: url, max: 1 })
  t.after(async () => {
    await db.end()
    await dropDatabase(process.env.HUITONG_TEST_URL!, database)
  })
  await db.query(`create table homes (id text primary key, name text, beds int)`)
  await db.query(`insert into homes select 'A' || i, '第' || i || '家', i from generate_series(1, 5) i`)
  const at = new URL(url)
  const connection = {
    kind: 'postgres' as const,
    host: at.hostname,
    port: Number(at.port),
    database,
    user: at.username,
    password: at.password,
    schema: 'public',
    table: 'homes',
    tls: false,
  }
  const systemId = (await p.provider.ok(organization.createSystem, { body: { name: '养老系统' } })).id
  const body = {
    entryId: entry.id,
    kind: 'postgres' as const,
    connection,
    systemId,
    threshold: 1,
    follow: { mode: 'capture' as const, deletes: 'keep' as const },
  }
  const source = await p.provider.ok(aggregation.createSource, { body })
  const params = { id: source.id }
  await p.provider.ok(aggregation.saveMapping, {
    params,
    body: {
      mapping: [
        { source: 'id', item: 'c1' },
        { source: 'name', item: 'c2' },
        { source: 'beds', item: 'c3' },
      ],
      keys: ['c1'],
      threshold: 1,
      options: {},
    },
  })
  await until(async () => assert.equal((await sourceOf(p.provider, source.id)).live?.phase, 'streaming'))
  await db.query(`delete from homes where id in ('A1', 'A2', 'A3')`)
  await db.query(`insert into homes values ('A3', '又开了', 9)`)
  await until(async () => assert.equal((await sourceOf(p.provider, source.id)).live?.gone, 2))
  assert.match((await sourceOf(p.provider, source.id)).live!.text, /来源已删除、待批准 2 行/)
  const keys = async () => (await poolOf(p.world, entry.id, 'c1')).map(r => r[0])
  assert.deepEqual(await keys(), ['A1', 'A2', 'A3', 'A4', 'A5'])
  assert.equal((await liveCounts(p.world, source.id)).removed, 0)

  const { list, rows } = await p.provider.ok(aggregation.listGone, { params })
  assert.equal(rows, 2)
  assert.equal((await p.provider.call(aggregation.listGone, { params })).problem.code, 'aggregation.nothing_gone')
  const shown = await p.provider.ok(aggregation.gone, { params })
  assert.deepEqual([shown.rows.map(r => r.key), shown.lists], [['A1', 'A2'], [{ list, rows: 2 }]])
  const refused = await p.provider.call(aggregation.removeGone, { params, body: { list } })
  assert.deepEqual(said(refused), ['change-not-approved', '第十八条第三款'])
  const order = async (record: string) => {
    const c = await p.provider.ok(procedure.startCase, {
      body: { procedure: 'change-order', about: entry.code, form: { record, reason: '来源业务系统已删除这些记录。' } },
    })
    await act(p.authority, c.no, 'approve', {})
    return c.no
  }
  const no = await order(list)
  // One of them is back at the source before the order is carried out.
  await db.query(`insert into homes values ('A2', '回来了', 2)`)
  await until(async () => assert.equal((await sourceOf(p.provider, source.id)).live?.gone, 1))
  assert.deepEqual(await p.provider.ok(aggregation.removeGone, { params, body: { list, order: no } }), { removed: 1, order: no })
  assert.deepEqual(await keys(), ['A2', 'A3', 'A4', 'A5'])

  const follow = { mode: 'capture' as const, deletes: 'follow' as const }
  const without = await p.provider.call(aggregation.setFollow, { params, body: follow })
  assert.deepEqual(said(without), ['change-not-approved', '第十八条第三款'])
  const named = /记录一栏填写“(.*)”/.exec(without.problem.remedy!)![1]!
  await p.provider.ok(aggregation.setFollow, { params, body: { ...follow, order: await order(named) } })
  await db.query(`delete from homes where id = 'A4'`)
  await until(async () => assert.deepEqual(await keys(), ['A2', 'A3', 'A5']))
  assert.equal((await liveCounts(p.world, source.id)).removed, 1)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordHistory } from '../../../contract/history.ts'
import { deliver } from '../../../test/support/batches.ts'
import { aWorld, type Person, type World } from '../../../test/support/world.ts'
import { newId } from '../../platform/id.ts'

async function anEntry(world: World, departmentId: string): Promise<string> {
  const id = newId()
  const items = [
    { key: 'c1', name: '编号', type: 'C', length: 8, identifier: true, required: true },
    { key: 'c2', name: '年度', type: 'I', length: 4, identifier: true, required: true },
    { key: 'c3', name: '金额', type: 'Y', length: 8 },
  ].map(i => ({ description: '', identifier: false, required: false, ...i }))
  const { pool } = world.app.services
  await pool.query(
    `insert into catalog.entry (id, code, region, department_id, published, created_by) values ($1, '307013350125001/000001', '350125', $2, 1, $1)`,
    [id, departmentId],
  )
  await pool.query(
    `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved) values ($1, 1, 'published', $2, 'x', 'x', now())`,
    [id, JSON.stringify({ title: '补助名单', items })],
  )
  return id
}
const look = (who: Person, id: string, key: string, day?: string) =>
  who.call(recordHistory, { params: { id }, body: { key, ...(day && { day }) } })

test('what a record said at the end of a day, every change with its batch and who, and when it was away', async t => {
  const world = await aWorld(t, { day: '2026-03-01' })
  const departmentId = await world.department({ region: '350125', name: '永泰县民政局' })
  await world.department({ region: '350125', name: '永泰县教育局' })
  const steward = await world.person({ department: '永泰县民政局', roles: ['steward'], name: '张三' })
  const inspector = await world.person({ department: '永泰县教育局', roles: ['inspector'] })
  const stranger = await world.person({ department: '永泰县教育局', roles: ['steward'] })
  const id = await anEntry(world, departmentId)
  const file = (amount: string) => `编号,年度,金额\na1,2026,${amount}\nb1,2026,7.00\n`
  const { source, batch: first } = await deliver(steward, { id }, file('1.00'), { keys: ['c1', 'c2'] })
  // 23:30 in Beijing: still that day, though not in every other place.
  world.at('2026-03-05')
  world.later(13.5 * 60)
  const { batch: second } = await deliver(steward, { id }, file('2.50'), { source })
  world.at('2026-03-09')
  await world.app.services.pool.query(`update aggregation.source set deletes = 'follow', threshold = 1`)
  const many = Array.from({ length: 20 }, (_, i) => `d${i},2026,1.00\n`).join('')
  await deliver(steward, { id }, file('2.50') + many, { source })
  const { batch: third } = await deliver(steward, { id }, `编号,年度,金额\nb1,2026,7.00\n${many}`, { source })
  assert.equal(third.removed, 1)
  world.at('2026-03-12')
  await deliver(steward, { id }, file('9.00') + many, { source })

  const { body } = await look(steward, id, 'a1 + 2026')
  assert.equal(body.keyName, '编号 + 年度')
  assert.deepEqual(
    body.versions.map(v => [v.values.c3, v.first, v.changed, v.batch?.no, v.removed?.batch?.no ?? null]),
    [
      ['9.00', true, [], body.versions[0]!.batch!.no, null],
      ['2.50', false, ['c3'], second.no, third.no],
      ['1.00', true, [], first.no, null],
    ],
  )
  assert.equal(body.versions[1]!.by, '永泰县民政局 张三')
  const said = async (day: string, who = steward) => {
    const { body } = await look(who, id, 'a1+2026', day)
    return body.at === null ? null : body.versions[body.at]!.values.c3
  }
  assert.equal(await said('2026-02-28'), null)
  assert.equal(await said('2026-03-01'), '1.00')
  assert.equal(await said('2026-03-04'), '1.00')
  assert.equal(await said('2026-03-05'), '2.50')
  assert.equal(await said('2026-03-08'), '2.50')
  assert.equal(await said('2026-03-10'), null)
  assert.equal(await said('2026-03-12', inspector), '9.00')

  assert.equal((await look(stranger, id, 'a1+2026')).status, 404)
  assert.equal((await look(steward, id, 'nobody')).status, 404)
  // What does not fit the contract is told in words, too.
  const long = await look(steward, id, 'x'.repeat(500))
  assert.deepEqual([long.status, long.problem.detail], [400, '填写的内容有 1 处不对：/key 最多 400 个字'])
  assert.match((await look(steward, id, 'a1+2026', '2026-02-31')).problem.detail, /\/day 没有这一天/)
  const { rows } = await world.app.services.pool.query(
    `select count(*)::int as n from audit.block where array_to_string(records, ' ') like '%record.history%'`,
  )
  assert.ok(rows[0].n > 0)
})

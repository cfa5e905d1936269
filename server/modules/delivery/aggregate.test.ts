import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/delivery.ts'
import { aGrant } from '../../../test/support/delivery.ts'
import { refill } from '../../../test/support/entry.ts'
import { aggregateExample } from './examples.ts'

/** 12 in one town, 11 in another, 3 in a third; c3 is 100 for everybody of the first. */
const persons = Array.from({ length: 26 }, (_, n) => [
  `3501251900010100${n}`,
  `张${n}`,
  n < 12 ? '100' : String(n),
  n < 13 ? '2024-01-01' : '2024-02-01',
  n < 12 ? '樟城镇' : n < 23 ? '嵩口镇' : '赤锡乡',
])
async function aCounted(t: Parameters<typeof aGrant>[0], more: Parameters<typeof aGrant>[1] = {}) {
  const g = await aGrant(t, {
    items: [
      { key: 'c2', treatment: 'masked' },
      { key: 'c3', treatment: 'aggregate' },
      { key: 'c4', treatment: 'plain' },
      { key: 'c5', treatment: 'aggregate' },
    ],
    ...more,
  })
  await refill(g.services.pool, g.entry, ['c1', 'c2', 'c3', 'c4', 'c5'], persons)
  const ask = (body: object) => g.ask(contract.aggregate, { body })
  return { ...g, aggregate: ask }
}

test('a grant gives counts, sums and averages of an item over groups, and never its rows; small groups are only numbered', async t => {
  const g = await aCounted(t)
  const answer = await g.aggregate({ by: ['户籍地址'], sum: ['月补助金额'], average: ['月补助金额'] })
  // The third has 3 records. It alone could be had by subtraction from the whole, so the smaller of the others is hidden as well.
  assert.deepEqual(answer.body, {
    groups: [{ by: { 户籍地址: '樟城镇' }, count: 12, sum: { 月补助金额: '1200' }, average: { 月补助金额: '100' } }],
    count: 1,
    hidden: 2,
    least: 10,
  })
  assert.equal((await g.aggregate({})).body.groups[0]!.count, 26)
  const record = (await g.ledger()).findLast(r => r.method === '聚合接口' && r.content!.includes('按户籍地址分组'))!
  assert.match(record.content!, /聚合 1 组，未列 2 组：按户籍地址分组，计数，合计（月补助金额），平均（月补助金额）$/)
  assert.equal(Number(answer.headers['huitong-ledger']) > 0, true)

  const { rows } = (await g.rows()).body as unknown as { rows: object[] }
  assert.deepEqual(Object.keys(rows[0]!), ['姓名', '起始日期'])
  for (const [query, code] of [
    [{ fields: '户籍地址' }, 'data.aggregate_only'],
    [{ filter: '{"户籍地址":"樟城镇"}' }, 'data.filter_not_plain'],
    [{ sort: '月补助金额' }, 'data.sort_not_plain'],
  ] as const)
    assert.equal((await g.rows(query)).problem.code, code)
  assert.equal((await g.ask(contract.changes, { query: { fields: 'c3' } })).problem.code, 'data.aggregate_only')
  assert.equal((await g.ask(contract.countRows, { query: { filter: '{"c5":"樟城镇"}' } })).problem.code, 'data.filter_not_plain')
  const listed = await g.developer.ok(contract.useRecords, { query: { kind: 'item' } })
  assert.equal(listed.total, 5)
  assert.match(listed.rows[0]!.method, /计数接口|变更接口/)
})

test('a filter works on plain items, and not where it would leave a few out', async t => {
  const g = await aCounted(t)
  // 13 of 26 begin on the first day: 12 of one town and one of another, which 11 − 1 leaves 10 of.
  const filtered = await g.aggregate({ by: ['户籍地址'], filter: { 起始日期: '2024-01-01' } })
  assert.deepEqual([filtered.body.groups, filtered.body.hidden], [[], 2])
  assert.equal((await g.aggregate({ filter: { 起始日期: '2024-01-01' } })).body.groups[0]!.count, 13)
  const [masked, max, none] = [
    await g.aggregate({ by: ['姓名'] }),
    await g.aggregate({ max: ['月补助金额'] }),
    await g.aggregate({ by: ['公民身份号码'] }),
  ]
  assert.deepEqual(
    [masked, max, none].map(r => [r.status, r.problem.code, r.problem.reason]),
    [
      [403, 'data.not_for_aggregate', 'field-not-granted'],
      [403, 'data.not_for_aggregate', 'field-not-granted'],
      [403, 'data.field_not_granted', 'field-not-granted'],
    ],
  )
  const other = await aGrant(t)
  assert.equal((await other.ask(contract.aggregate, { body: {} })).problem.code, 'data.nothing_to_aggregate')
})

test('the example groups by no key: each would be a group of its own, and hidden', () => {
  const items = ['c1', 'c2', 'c3'].map(
    key => ({ key, name: key, treatment: key === 'c3' ? 'aggregate' : 'plain', type: key === 'c3' ? 'N' : 'C' }) as const,
  )
  assert.deepEqual(aggregateExample({ items, keys: ['c1'] }), { by: ['c2'], sum: ['c3'], only: false })
})

test('where only aggregates are granted no row, count, file or table leaves; the page, the description and the code say how to call', async t => {
  const g = await aCounted(t, {
    items: [
      { key: 'c3', treatment: 'aggregate' },
      { key: 'c5', treatment: 'aggregate' },
    ],
    settings: { HUITONG_DATA_LEAST_GROUP: '3' },
  })
  assert.equal((await g.rows()).problem.code, 'data.nothing_to_deliver')
  assert.equal((await g.ask(contract.countRows)).problem.code, 'data.nothing_to_deliver')
  assert.equal((await g.ask(contract.changes)).problem.code, 'data.nothing_to_deliver')
  assert.equal((await g.verify({ key: { 公民身份号码: persons[0]![0] }, values: { c3: '100' } })).problem.code, 'data.key_incomplete')
  assert.equal((await g.aggregate({ by: ['户籍地址'] })).body.count, 3)
  const page = await g.developer.ok(contract.grant, { params: g.params })
  assert.deepEqual(
    page.items.map(i => [i.name, i.treatmentLabel, i.number]),
    [
      ['月补助金额', '聚合', true],
      ['户籍地址', '聚合', false],
    ],
  )
  const guide = await g.developer.ok(contract.guide, { params: g.params })
  assert.deepEqual(
    guide.calls.map(c => `${c.method} ${c.path.replace(/.*\//, '')}`),
    ['POST aggregate'],
  )
  assert.match(guide.example, /"groups"/)
  assert.ok(guide.examples.every(e => e.code.includes('/aggregate') && e.code.includes('{"by":["户籍地址"],"sum":["月补助金额"]}')))
  const api = (await g.developer.call(contract.openApi, { params: g.params })).raw.toString()
  assert.match(api, /少于 3 条记录的组不列出/)
  assert.doesNotMatch(api, /"max"/)
  const trial = await g.developer.ok(contract.tryCall, { params: g.params, body: { aggregate: { by: ['户籍地址'], sum: ['月补助金额'] } } })
  assert.equal(trial.status, 200)
  assert.equal((trial.body as { count: number }).count, 3)
  assert.equal((await g.ledger()).at(-1)!.method, '试调用')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { itemTypes, semantics } from '../../../contract/catalog.ts'
import * as contract from '../../../contract/delivery.ts'
import * as sharing from '../../../contract/sharing.ts'
import { aGrant, names, people } from '../../../test/support/delivery.ts'
import { checkCreditCode, checkDate, checkIdNumber, checkNumber } from '../quality/public.ts'
import { madeUp } from './sandbox.ts'

test('made-up values pass the checks of what they stand for', () => {
  const item = (more: object) => ({ key: 'c1', name: '项', ...more })
  for (let n = 0; n < 40; n++) {
    assert.ok(checkIdNumber(madeUp(item({ semantic: 'id-number' }), n)).ok)
    assert.ok(checkCreditCode(madeUp(item({ semantic: 'credit-code' }), n)).ok)
    assert.ok(checkDate(madeUp(item({ type: 'D' }), n)).ok)
    assert.ok(checkNumber(madeUp(item({ type: 'Y', scale: 2 }), n)).ok)
  }
  assert.equal(madeUp(item({ type: 'C', codes: ['A', 'B'] }), 3), 'B')
  assert.equal(madeUp(item({ type: 'C', name: '很长的名称', length: 4 }), 0).length, 4)
  for (const semantic of Object.keys(semantics)) assert.ok(madeUp(item({ semantic }), 1))
  for (const type of Object.keys(itemTypes)) assert.ok(madeUp(item({ type }), 1))
})

test('before a grant there is an answer of made-up values; it holds nothing of the table', async t => {
  const g = await aGrant(t)
  const shown = await g.developer.ok(sharing.sandbox, {
    params: { code: g.entry.path },
    body: {
      treatments: [
        { key: 'c1', treatment: 'pseudonym' },
        { key: 'c2', treatment: 'masked' },
        { key: 'c3', treatment: 'plain' },
        { key: 'c5', treatment: 'verify' },
      ],
    },
  })
  assert.equal(shown.count, 5)
  assert.deepEqual(Object.keys(shown.rows[0]!).sort(), [names[0], names[1], names[2]].sort())
  assert.equal(shown.rows[0]!.姓名, '张**')
  assert.match(shown.rows[0]!.公民身份号码!, /^[0-9a-f]{32}$/)
  const text = JSON.stringify(shown)
  for (const value of people.flat()) if (value && value.length > 3) assert.ok(!text.includes(value), value)
})

test('the document of a grant names its items and only the calls that are possible with them', async t => {
  const g = await aGrant(t)
  const guide = await g.developer.ok(contract.guide, { params: g.params })
  assert.deepEqual(
    guide.calls.map(c => c.what),
    ['逐页取得', '行数', '上次以来的变更', '核验：是或否，不含原值'],
  )
  assert.deepEqual(
    guide.examples.map(e => e.language),
    ['curl', 'Java', 'Python', 'TypeScript'],
  )
  const document = (await g.developer.call(contract.openApi, { params: g.params })).body as unknown as {
    openapi: string
    components: { schemas: { Row: { properties: object } } }
  }
  assert.equal(document.openapi, '3.1.0')
  assert.deepEqual(Object.keys(document.components.schemas.Row.properties), ['姓名', '月补助金额', '起始日期'])
  const stranger = await g.world.person({ department: '双牌县医保局', roles: ['developer'] })
  assert.equal((await stranger.call(contract.guide, { params: g.params })).status, 404)

  const keyed = await aGrant(t, {
    items: [
      { key: 'c1', treatment: 'plain' },
      { key: 'c2', treatment: 'masked' },
    ],
  })
  const calls = (await keyed.developer.ok(contract.guide, { params: keyed.params })).calls
  assert.ok(calls.some(c => c.path.endsWith('/batch')))
})

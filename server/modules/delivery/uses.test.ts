import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/delivery.ts'
import { aGrant } from '../../../test/support/delivery.ts'

test('[fuzhou-manage-29-2b] the book of uses: seven fields of each, and what was tried beyond purpose, period and items', async t => {
  const g = await aGrant(t)
  await g.rows({ limit: 1 })
  await g.rows({}, { 'x-huitong-purpose': encodeURIComponent('商业营销') })
  await g.rows({}, { 'x-huitong-user': encodeURIComponent('某公司') })
  await g.rows({ fields: '户籍地址' })
  await g.rows({ sort: '姓名' })
  await g.bare({ 'x-huitong-operator': 'A' })
  await g.set('suspended')
  await g.rows()
  await g.set('active')
  const book = await g.developer.ok(contract.useRecords, {})
  assert.equal(book.total, 7)
  const allowed = book.rows.find(r => r.kind === null)!
  assert.deepEqual(
    [allowed.purpose, allowed.person, allowed.approver, allowed.content, allowed.method, allowed.medium, allowed.caseRef, allowed.grantee],
    [
      '核对医疗救助资格',
      '周倩',
      '市大数据委 陈主任',
      '城乡低保对象信息（307013350100001/000001）1 行：姓名、月补助金额、起始日期',
      '服务接口',
      '接口报文',
      'YB-2026-77',
      '永泰县医保局',
    ],
  )
  assert.ok(book.rows.every(r => r.seq !== null))
  assert.deepEqual(
    book.findings.map(f => [f.kind, f.count]),
    [
      ['purpose', 2],
      ['period', 1],
      ['item', 2],
      ['record', 1],
    ],
  )
  const kinds = await g.developer.ok(contract.useRecords, { query: { kind: 'purpose' } })
  assert.deepEqual(kinds.rows.map(r => r.code).sort(), ['data.purpose_mismatch', 'data.third_party'])
  assert.equal((await g.developer.ok(contract.useRecords, { query: { kind: 'refused' } })).total, 6)
  assert.equal((await g.developer.ok(contract.useRecords, { query: { side: 'given' } })).total, 0)

  const owner = await g.world.person({ department: '福州市民政局', roles: ['steward'] })
  const stranger = await g.world.person({ department: '双牌县医保局', roles: ['steward'] })
  const inspector = await g.world.person({ department: '双牌县医保局', roles: ['inspector'] })
  assert.equal((await owner.ok(contract.useRecords, { query: { side: 'given', q: '周倩' } })).total, 6)
  assert.equal((await stranger.ok(contract.useRecords, {})).total, 0)
  const seen = await inspector.ok(contract.useRecords, { query: { limit: 3 } })
  assert.deepEqual([seen.total, seen.rows.length], [7, 3])
  const next = await inspector.ok(contract.useRecords, { query: { limit: 50, after: seen.next! } })
  assert.equal(next.rows.length, 4)
})

test('calls whose process was killed before they were listed keep their person; a refusal stays one', async t => {
  const g = await aGrant(t)
  await g.rows({ limit: 1 })
  await g.rows({ fields: '户籍地址' })
  const before = await g.developer.ok(contract.useRecords, {})
  await g.services.pool.query('delete from delivery.call')
  g.world.later(1)
  await g.world.job('delivery.interrupted')
  const after = await g.developer.ok(contract.useRecords, {})
  assert.deepEqual(
    after.rows.map(r => [r.seq, r.person, r.caseRef, r.code, r.kind]),
    [
      [before.rows[0]!.seq, '周倩', 'YB-2026-77', 'data.field_not_granted', 'item'],
      [before.rows[1]!.seq, '周倩', 'YB-2026-77', 'interrupted', null],
    ],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as delivery from '../../../contract/delivery.ts'
import * as supervision from '../../../contract/supervision.ts'
import { aGrant } from '../../../test/support/delivery.ts'

test('what was tried again and again beyond a grant is one hint of misuse; a slip is none, and after 30 days it is gone', async t => {
  const g = await aGrant(t)
  await g.world.department({ region: '350100', name: '市大数据委', roles: ['authority'] })
  const bureau = await g.world.person({ department: '市大数据委', roles: ['bureau'] })
  const hints = async () => (await bureau.ok(supervision.suspicions, {})).filter(s => s.what.includes('超出授权取用'))
  await g.rows({ limit: 1 })
  await g.rows({ fields: '户籍地址' })
  await g.set('suspended')
  await g.rows()
  assert.deepEqual(await hints(), [])
  await g.rows()
  const [one, ...more] = await hints()
  assert.deepEqual(more, [])
  assert.deepEqual(
    [one!.breach, one!.department, one!.cite.article, one!.procedure],
    ['misuse', '永泰县医保局', '第三十七条第五项', 'accountability'],
  )
  assert.match(one!.what, /^授权 SQ-2026-0001（城乡低保对象信息）30 天内 3 次超出授权取用被拒绝：/)
  assert.match(one!.what, /已暂停 2 次/)
  assert.match(one!.what, /不是授权的信息项 1 次/)
  // The calls behind it stand in the book of uses, under the address of the hint.
  const query = Object.fromEntries(new URL(one!.href, 'http://x').searchParams)
  await bureau.ok(delivery.useRecords, { query })
  const book = await bureau.ok(delivery.useRecords, { query: { q: 'SQ-2026-0001' } })
  assert.deepEqual(
    book.findings.map(f => [f.kind, f.count]),
    [
      ['period', 2],
      ['item', 1],
    ],
  )
  g.world.at('2026-07-15')
  assert.deepEqual(await hints(), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/delivery.ts'
import { until } from '../../../test/support/capture.ts'
import { aGrant, people } from '../../../test/support/delivery.ts'

type Rows = { rows: Record<string, string | null>[]; count: number; next: string | null; more?: boolean }
const rowsOf = (reply: { body: unknown }) => reply.body as Rows
const plainKey = [
  { key: 'c1', treatment: 'plain' as const },
  { key: 'c2', treatment: 'masked' as const },
  { key: 'c3', treatment: 'plain' as const },
]

test('sorted pages go on where they stopped; another order cannot go on from there', async t => {
  const g = await aGrant(t)
  const first = await g.rows({ sort: '-月补助金额', limit: 1, fields: '月补助金额' })
  assert.deepEqual(rowsOf(first).rows, [{ 月补助金额: '99999999.99' }])
  const second = await g.rows({ sort: '-月补助金额', limit: 1, fields: '月补助金额', after: rowsOf(first).next })
  assert.deepEqual(rowsOf(second).rows, [{ 月补助金额: '512.50' }])
  assert.equal((await g.rows({ sort: '月补助金额', limit: 1, after: rowsOf(first).next })).problem.code, 'data.after_invalid')
  assert.equal((await g.rows({ limit: 1, after: rowsOf(first).next })).problem.code, 'data.after_invalid')
  for (const [sort, code] of [
    ['姓名', 'data.sort_not_plain'],
    ['公民身份号码', 'data.sort_not_plain'],
    ['户籍地址', 'data.field_not_granted'],
    ['_key', 'data.field_not_granted'],
  ])
    assert.equal((await g.rows({ sort })).problem.code, code)
})

test('counting, and looking up many keys: only where the key is granted as it is', async t => {
  const g = await aGrant(t, { items: plainKey })
  assert.deepEqual((await g.ask(contract.countRows)).body, { count: 3 })
  assert.deepEqual((await g.ask(contract.countRows, { query: { filter: '{"月补助金额":"512.5"}' } })).body, { count: 1 })
  const found = await g.ask(contract.batchOfKeys, {
    body: { keys: people.map(p => ({ 公民身份号码: p[0] })).concat([{ 公民身份号码: '没有' }]), fields: ['月补助金额'] },
  })
  assert.deepEqual(
    rowsOf(found).rows.map(r => r.月补助金额),
    ['512.50', '99999999.99', null],
  )
  assert.match((await g.ledger()).at(-1)!.content!, /按 4 个键取 3 行/)
  assert.equal((await g.ask(contract.batchOfKeys, { body: { keys: [{ 姓名: '张三丰' }] } })).problem.code, 'data.filter_not_plain')
  const many = Array.from({ length: 1001 }, (_, i) => ({ 公民身份号码: String(i) }))
  assert.equal((await g.ask(contract.batchOfKeys, { body: { keys: many } })).problem.code, 'request.invalid')

  const hidden = await aGrant(t)
  const refused = await hidden.ask(contract.batchOfKeys, { body: { keys: [{ 公民身份号码: people[0]![0]! }] } })
  assert.equal(refused.problem.code, 'data.filter_not_plain')
})

test('look-ups at the same time: each gets its own row and its own record; a suspension among them turns away all that follow', async t => {
  const g = await aGrant(t, { items: plainKey })
  const keys = [...people.map(p => p[0]!), '没有', 'a\u001fb']
  const ask = (i: number) => g.rows({ filter: JSON.stringify({ 公民身份号码: keys[i % keys.length] }), limit: 1 + (i % 2), fields: 'c1' })
  const replies = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(i)))
  for (const [i, reply] of replies.entries()) {
    const { rows, count, next } = rowsOf(reply)
    const person = people[i % keys.length]
    assert.deepEqual([rows.map(r => r.公民身份号码), count], [person ? [person[0]] : [], person ? 1 : 0])
    // As many as were wanted: there might be more.
    assert.equal(next !== null, !!person && i % 2 === 0)
  }
  const ledger = await g.ledger()
  const records = replies.map(r => ledger[Number(r.headers['huitong-ledger']) - 1]!)
  assert.equal(new Set(records).size, 60)
  for (const [i, r] of records.entries()) assert.match(r.content!, people[i % keys.length] ? /1 行/ : /0 行/)
  assert.equal(new Set(records.map(r => r.key)).size, keys.length)

  const late = Array.from({ length: 20 }, (_, i) => ask(i))
  await g.set('suspended')
  const refused = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(i)))
  await Promise.all(late)
  assert.deepEqual([...new Set(refused.map(r => r.problem.code))], ['data.grant_suspended'])
  assert.equal(new Set(refused.map(r => r.headers['huitong-ledger'])).size, 20)
})

test('changes since a position: what is new and what is gone, and the position survives', async t => {
  const g = await aGrant(t)
  const history = g.entry.relation.replace('pool.e_', 'pool.h_')
  await g.services.pool.query(`create table ${history} (like ${g.entry.relation}, _replaced_by uuid, _replaced timestamptz)`)
  const start = rowsOf(await g.ask(contract.changes, { query: { limit: 2 } }))
  assert.deepEqual([start.count, start.more], [2, true])
  const rest = rowsOf(await g.ask(contract.changes, { query: { since: start.next! } }))
  assert.deepEqual([rest.count, rest.more], [1, false])
  assert.ok([...start.rows, ...rest.rows].every(r => r._change === 'upsert' && /^[0-9a-f]{32}$/.test(r._id!)))
  // A transaction anywhere on the server, such as another test's, lets rows come again until it ends.
  let since = rest.next!
  await until(async () => {
    const again = rowsOf(await g.ask(contract.changes, { query: { since } }))
    since = again.next!
    assert.deepEqual(again.rows, [])
  })

  await g.services.pool.query(`update ${g.entry.relation} set c3 = 600 where c2 = '张三丰'`)
  await g.services.pool.query(`insert into ${history} select *, gen_random_uuid(), now() from ${g.entry.relation} where c2 = '王五'`)
  await g.services.pool.query(`delete from ${g.entry.relation} where c2 = '王五'`)
  const news = rowsOf(await g.ask(contract.changes, { query: { since } }))
  assert.deepEqual(
    news.rows.map(r => [r._change, r.月补助金额]),
    [
      ['upsert', '600'],
      ['remove', undefined],
    ],
  )
  assert.equal(news.rows[0]!._id, start.rows[0]!._id)
  assert.equal(news.rows[1]!._id, rest.rows[0]!._id)
  for (const wrong of ['x', rowsOf(await g.rows({ limit: 1 })).next!])
    assert.equal((await g.ask(contract.changes, { query: { since: wrong } })).problem.code, 'data.since_invalid')
  assert.equal((await g.rows({ after: rest.next! })).problem.code, 'data.after_invalid')
})

test('rows as of a day; a day to come or none at all is refused', async t => {
  const g = await aGrant(t)
  await g.services.pool.query(`update ${g.entry.relation} set _updated = '2026-05-10 00:00Z' where c2 = '张三丰'`)
  assert.equal(rowsOf(await g.rows({ as_of: '2026-05-10' })).count, 1)
  assert.equal(rowsOf(await g.rows({ as_of: '2026-05-09' })).count, 0)
  assert.match((await g.ledger()).at(-1)!.content!, /2026-05-09 的 0 行/)
  assert.equal((await g.rows({ as_of: '2026-06-02' })).problem.code, 'data.day_invalid')
  assert.match((await g.rows({ as_of: '2026-02-30' })).problem.detail, /没有这一天/)
})

test('a grant limited to some rows, with profiles and pseudonyms as decided', async t => {
  const g = await aGrant(t, {
    items: [
      { key: 'c1', treatment: 'pseudonym' },
      { key: 'c2', treatment: 'masked', profile: 'name-ends' },
      { key: 'c4', treatment: 'masked', profile: 'month', only: ['2024-02-29', '2025-01-01'] },
    ],
  })
  const { rows } = rowsOf(await g.rows())
  assert.deepEqual(
    rows.map(r => [r.姓名, r.起始日期]),
    [
      ['张*丰', '2024-02'],
      ['李*', '2025-01'],
    ],
  )
  assert.ok(rows.every(r => /^[0-9a-f]{32}$/.test(r.公民身份号码!)))
  assert.deepEqual(rowsOf(await g.rows()).rows, rows)
  assert.deepEqual((await g.ask(contract.countRows)).body, { count: 2 })
  const page = await g.developer.ok(contract.grant, { params: g.params })
  assert.deepEqual(
    page.items.map(i => i.treatmentLabel),
    ['假名', '脱敏（留首末字：李*花）', '脱敏（只到月）'],
  )
  assert.deepEqual(page.rows, [{ name: '起始日期', values: ['2024-02-29', '2025-01-01'] }])
  assert.equal((await g.verify({ key: { 公民身份号码: people[0]![0]! }, values: { 姓名: '张三丰' } })).problem.code, 'data.pseudonym_only')
  await assert.rejects(aGrant(t, { items: [{ key: 'c2', treatment: 'masked', profile: 'id-number' }] }), { code: 'grant.profile_unknown' })
  await assert.rejects(aGrant(t, { items: [{ key: 'c4', treatment: 'plain', only: ['去年'] }] }), { code: 'grant.limit_unreadable' })
})

test('what is left of the quota and of the second stands in the headers; over it, how long to wait', async t => {
  const g = await aGrant(t, { quotaPerDay: 3, settings: { HUITONG_DATA_BURST: '50' } })
  const first = await g.rows({ limit: 1 })
  assert.equal(first.headers['ratelimit-policy'], '"second";q=50;w=1, "day";q=3;w=86400')
  assert.match(String(first.headers.ratelimit), /^"second";r=49;t=1, "day";r=2;t=50400$/)
  await g.rows()
  await g.rows()
  const over = await g.rows()
  assert.deepEqual([over.status, over.problem.code, over.headers['retry-after']], [429, 'data.quota_used', '50400'])
  assert.equal(over.headers.ratelimit, '"day";r=0;t=50400')

  const fast = await aGrant(t, { settings: { HUITONG_DATA_BURST: '5' } })
  const replies = await Promise.all(Array.from({ length: 20 }, () => fast.rows({ limit: 1 })))
  const slowed = replies.filter(r => r.status === 429)
  assert.ok(slowed.length >= 5, `${slowed.length}`)
  assert.ok(slowed.every(r => r.problem.code === 'data.too_fast' && r.headers['retry-after'] === '1'))
})

test('trying keys out raises an alert, and suspends where the setting says so', async t => {
  const g = await aGrant(t, { items: plainKey, settings: { HUITONG_DATA_SCAN_SUSPENDS: 'true' } })
  const guess = (n: number, from: number) =>
    g.ask(contract.batchOfKeys, { body: { keys: Array.from({ length: n }, (_, i) => ({ 公民身份号码: String(from + i) })) } })
  assert.equal((await guess(60, 0)).status, 200)
  assert.equal((await guess(60, 60)).status, 200)
  const record = (await g.ledger()).find(r => r.action === 'data.scan')!
  assert.match(record.content!, /查找 120 次，其中 120 次查无此键或值不符.*已暂停授权/)
  const { rows } = await g.services.pool.query(`select text from procedure.notice where text like '%试探%'`)
  assert.ok(rows.length >= 2)
  assert.equal((await g.rows()).problem.code, 'data.grant_suspended')
})

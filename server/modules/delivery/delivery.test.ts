import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/delivery.ts'
import { aGrant, names, people } from '../../../test/support/delivery.ts'
import type { Person } from '../../../test/support/world.ts'

test('[fuzhou-manage-29-2b] only granted items leave, masked as granted, with the seven fields in the ledger first', async t => {
  const g = await aGrant(t)
  const reply = await g.rows({ limit: 2 })
  assert.equal(reply.status, 200)
  const body = reply.body as unknown as { rows: object[]; count: number; next: string }
  assert.deepEqual(body.rows, [
    { 姓名: '张**', 月补助金额: '512.50', 起始日期: '2024-02-29' },
    { 姓名: '李**', 月补助金额: '99999999.99', 起始日期: '2025-01-01' },
  ])
  assert.equal(reply.headers['cache-control'], 'no-store')
  const rest = await g.rows({ limit: 2, after: body.next })
  assert.deepEqual(rest.body, { rows: [{ 姓名: '王**', 月补助金额: null, 起始日期: null }], count: 1, next: null } as never)

  const record = (await g.ledger())[Number(reply.headers['huitong-ledger']) - 1]!
  assert.deepEqual(
    [
      record.action,
      record.purpose,
      record.person,
      record.approver,
      record.content,
      record.method,
      record.medium,
      record.caseNo,
      record.department,
    ],
    [
      'data.read',
      '核对医疗救助资格',
      '周倩',
      '市大数据委 陈主任',
      '城乡低保对象信息（307013350100001/000001）2 行：姓名、月补助金额、起始日期',
      '服务接口',
      '接口报文',
      'YB-2026-77',
      '永泰县医保局',
    ],
  )
  assert.match(record.at!, /^2026-06-01T/)
})

test('[fuzhou-manage-29-2b] without the person using it nothing is delivered, and the refusal is recorded', async t => {
  const g = await aGrant(t)
  for (const [headers, what] of [
    [{ 'x-huitong-case': 'YB-1' }, '使用人员'],
    [{ 'x-huitong-operator': 'A' }, '办理事项'],
  ] as const) {
    const reply = await g.bare(headers)
    assert.equal(reply.status, 422)
    assert.equal(reply.problem.reason, 'record-incomplete')
    assert.match(reply.problem.detail, new RegExp(what))
    assert.equal(reply.problem.cite?.article, '第二十九条第二款')
    assert.equal((await g.ledger()).at(-1)!.action, 'data.refused')
  }
  assert.equal((await g.bare({ 'x-huitong-case': 'YB-1', 'x-huitong-operator': 'A' })).status, 200)
})

test('a suspended grant is refused on the next request, in another process too, and answers again when resumed', async t => {
  const g = await aGrant(t)
  assert.equal((await g.rows()).status, 200)
  // Straight in the database, as another process would leave it: nothing in this one is told.
  await g.services.pool.query(`update delivery.grant set state = 'suspended', state_reason = '核查', version = version + 1 where id = $1`, [
    g.id,
  ])
  const refused = await g.rows()
  assert.equal(refused.status, 403)
  assert.equal(refused.problem.code, 'data.grant_suspended')
  assert.match(refused.problem.detail, /核查/)
  await g.set('active')
  assert.equal((await g.rows()).status, 200)
  await g.set('revoked')
  const ended = await g.rows()
  assert.equal(ended.problem.code, 'data.grant_revoked')
  assert.match(ended.problem.detail, /已终止/)
  await assert.rejects(g.set('active'), { code: 'grant.wrong_state' })
})

test('[fuzhou-manage-29-2a] without a grant of this entry there is no data', async t => {
  const g = await aGrant(t)
  const other = await g.world.anonymous.call(contract.data, { params: { code: g.entry.path } })
  assert.equal(other.problem.code, 'data.token_invalid')
  const { access_token } = (await g.token()).body
  const elsewhere = await g.world.anonymous.call(contract.data, {
    params: { code: '307013350100001-000002' },
    headers: { authorization: `Bearer ${access_token}`, 'x-huitong-operator': 'a', 'x-huitong-case': 'b' },
  })
  assert.equal(elsewhere.problem.reason, 'no-access-grant')
  assert.equal(elsewhere.problem.cite?.regulation, 'fuzhou-manage-2019')
})

test('[fuzhou-manage-18-1a] a call for another purpose gets nothing and is recorded', async t => {
  const g = await aGrant(t)
  const refused = await g.rows({}, { 'x-huitong-purpose': encodeURIComponent('商业营销') })
  assert.equal(refused.problem.reason, 'purpose-mismatch')
  assert.equal((await g.ledger()).at(-1)!.action, 'data.refused')
  assert.equal((await g.rows({}, { 'x-huitong-purpose': encodeURIComponent('核对医疗救助资格') })).status, 200)
})

test('items outside the grant are refused by name; values of other types and foreign positions too', async t => {
  const g = await aGrant(t)
  const code = async (query: object) => (await g.rows(query)).problem.code
  const refused = await g.rows({ fields: '姓名,户籍地址' })
  assert.equal(refused.problem.reason, 'field-not-granted')
  assert.match(refused.problem.detail, /SQ-2026-0001 不含「户籍地址」/)
  assert.equal(await code({ fields: '公民身份号码' }), 'data.verify_only')
  assert.equal(await code({ filter: '{"公民身份号码":"35012519000101001X"}' }), 'data.filter_not_plain')
  assert.equal(await code({ filter: '{"姓名":"张三丰"}' }), 'data.filter_not_plain')
  assert.equal(await code({ filter: '{"起始日期":"去年"}' }), 'data.value_invalid')
  assert.equal(await code({ filter: 'x' }), 'data.filter_invalid')
  assert.equal(await code({ after: '350125' }), 'data.after_invalid')
  assert.equal(await code({ limit: 5000 }), 'request.invalid')
  const one = await g.rows({ filter: '{"月补助金额":512.5}', fields: 'c2' })
  assert.deepEqual((one.body as unknown as { rows: object[] }).rows, [{ 姓名: '张**' }])
})

test('verification answers yes or no and shows nothing', async t => {
  const g = await aGrant(t)
  const yes = await g.verify({
    key: { 公民身份号码: '35012519000101001X' },
    values: { 姓名: '张三丰', 月补助金额: '512.5', 起始日期: '2024-03-01' },
  })
  assert.deepEqual(yes.body, { found: true, agrees: { 姓名: true, 月补助金额: true, 起始日期: false } })
  assert.deepEqual((await g.verify({ key: { 公民身份号码: '0' }, values: { 姓名: '张三丰' } })).body, { found: false, agrees: {} })
  assert.equal((await g.verify({ key: { 姓名: '张三丰' }, values: { 月补助金额: '1' } })).problem.code, 'data.key_incomplete')
  assert.equal((await g.verify({ key: { 公民身份号码: '0' }, values: { 户籍地址: 'x' } })).problem.code, 'data.field_not_granted')
})

test('credentials: the secret is shown once, kept only as digest, and a new one ends the old tokens at once', async t => {
  const g = await aGrant(t)
  assert.match(g.credentials.clientId, /^htc_/)
  assert.ok(!JSON.stringify(g.credentials.examples).includes(g.credentials.clientSecret))
  const { rows } = await g.services.pool.query('select * from delivery.grant')
  assert.ok(!JSON.stringify(rows).includes(g.credentials.clientSecret))
  assert.equal((await g.token('wrong')).problem.code, 'oauth.invalid_client')
  const basic = await g.world.app.inject({
    method: 'POST',
    url: '/oauth/token',
    headers: {
      authorization: `Basic ${Buffer.from(`${g.credentials.clientId}:${g.credentials.clientSecret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: 'grant_type=client_credentials',
  })
  assert.equal(basic.statusCode, 200)
  assert.equal(basic.json().token_type, 'Bearer')
  assert.equal((await g.rows()).status, 200)
  const fresh = await g.developer.ok(contract.rotate, { params: g.params })
  assert.equal(fresh.clientId, g.credentials.clientId)
  assert.equal((await g.rows()).problem.code, 'data.token_replaced')
  assert.equal((await g.token()).status, 401)
  g.use((await g.token(fresh.clientSecret)).body.access_token)
  assert.equal((await g.rows()).status, 200)
  for (let i = 0; i < 40; i++) if ((await g.token('guess')).status === 429) return
  assert.fail('guessing secrets is slowed down')
})

test('the daily quota holds when calls come at once', async t => {
  const g = await aGrant(t, { quotaPerDay: 5 })
  const replies = await Promise.all(Array.from({ length: 12 }, () => g.rows({ limit: 1 })))
  assert.equal(replies.filter(r => r.status === 200).length, 5)
  assert.ok(replies.filter(r => r.status !== 200).every(r => r.problem.reason === 'quota-exceeded'))
})

test('addresses outside the list are refused', async t => {
  const g = await aGrant(t)
  await g.developer.ok(contract.setIps, { params: g.params, body: { ips: ['10.0.0.0/8'] } })
  assert.equal((await g.rows()).problem.reason, 'ip-not-allowed')
  await g.developer.ok(contract.setIps, { params: g.params, body: { ips: ['10.0.0.0/8', '127.0.0.1'] } })
  assert.equal((await g.rows()).status, 200)
  assert.equal((await g.developer.call(contract.setIps, { params: g.params, body: { ips: ['here'] } })).status, 400)
})

test('pages: who sees a grant, what they may do, trial call, calls and usage', async t => {
  const g = await aGrant(t)
  const { world } = g
  await world.department({ region: '350100', name: '福州市大数据委', roles: ['authority'] })
  const owner = await world.person({ department: '福州市民政局', roles: ['steward'] })
  const bureau = await world.person({ department: '福州市大数据委', roles: ['bureau'] })
  const stranger = await world.person({ department: '双牌县医保局', roles: ['steward'] })
  const inspector = await world.person({ department: '双牌县医保局', roles: ['inspector'] })
  const may = async (who: Person) => (await who.ok(contract.grant, { params: g.params })).may
  assert.deepEqual(await may(g.developer), ['rotate', 'edit-ips', 'try'])
  assert.deepEqual(await may(owner), ['suspend', 'stop', 'narrow'])
  assert.deepEqual(await may(bureau), ['suspend', 'stop'])
  assert.deepEqual(await may(inspector), [])
  assert.equal((await stranger.call(contract.grant, { params: g.params })).status, 404)
  assert.equal((await stranger.ok(contract.grants, {})).total, 0)
  assert.equal((await owner.ok(contract.grants, { query: { side: 'given' } })).total, 1)
  assert.equal((await owner.ok(contract.grants, { query: { side: 'received' } })).total, 0)
  assert.equal((await owner.call(contract.rotate, { params: g.params })).status, 403)

  const trial = await g.developer.ok(contract.tryCall, { params: g.params, body: { query: 'limit=1' } })
  assert.equal(trial.status, 200)
  assert.ok(trial.ledger)
  const refused = await g.developer.ok(contract.tryCall, { params: g.params, body: { query: `fields=${encodeURIComponent('户籍地址')}` } })
  assert.equal(refused.status, 403)
  assert.equal((refused.body as { code: string }).code, 'data.field_not_granted')
  await g.rows()
  const calls = await g.developer.ok(contract.calls, { params: g.params })
  assert.deepEqual(
    calls.rows.map(c => [c.method, c.status, c.rows, c.code]),
    [
      ['服务接口', 200, 3, null],
      ['试调用', 403, 0, 'data.field_not_granted'],
      ['试调用', 200, 1, null],
    ],
  )
  const usage = await g.developer.ok(contract.usage, { params: g.params })
  assert.equal(usage.length, 30)
  assert.deepEqual(usage.at(-1), { day: '2026-06-01', ok: 2, refused: 1, rows: 4 })
  const row = (await g.developer.ok(contract.grants, {})).rows[0]!
  assert.deepEqual([row.no, row.stateLabel, row.items, row.callsToday, row.daysLeft], ['SQ-2026-0001', '生效中', 4, 3, 213])
})

test('canary: no reply of any channel holds a value that the grant does not', async t => {
  const g = await aGrant(t)
  const replies = [
    await g.rows(),
    await g.rows({ limit: 1 }),
    await g.rows({ fields: '户籍地址' }),
    await g.rows({ filter: '{"户籍地址":"=cmd|\\"<b>"}' }),
    await g.verify({ key: { 公民身份号码: people[0]![0]! }, values: { 姓名: 'x' } }),
    await g.developer.call(contract.tryCall, { params: g.params, body: { query: '' } }),
    await g.developer.call(contract.grant, { params: g.params }),
    await g.developer.call(contract.calls, { params: g.params }),
  ]
  const text = JSON.stringify(replies.map(r => [r.headers, r.body]))
  for (const person of people) {
    for (const at of [0, 1, 4]) if (person[at]) assert.ok(!text.includes(JSON.stringify(person[at]).slice(1, -1)), `${names[at]} leaked`)
  }
})

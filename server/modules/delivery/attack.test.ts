import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/delivery.ts'
import { aGrant, people } from '../../../test/support/delivery.ts'

/** Whoever attacks the data API is refused with a problem that names the reason, and the ledger has it. */
const strings = [
  "'; drop table delivery.grant; --",
  "' or '1'='1",
  'c1"; select 1',
  'c1::text) from delivery.grant --',
  '_key',
  'xmin',
  '(select secret_hash from delivery.grant limit 1)',
  '\\',
  '%',
  '$1',
  '{{7*7}}',
  '../../etc/passwd',
  '<script>alert(1)</script>',
  '姓名\u202e',
  'c1,c2;c5',
  '-',
  '--姓名',
  '月补助金额 desc, c5',
]

const refusals = async (g: Awaited<ReturnType<typeof aGrant>>) => (await g.ledger()).filter(r => r.action === 'data.refused').length

test('injection: hostile text in every parameter is refused, recorded, and changes nothing', async t => {
  const g = await aGrant(t)
  for (const text of strings) {
    for (const [what, reply] of [
      ['fields', await g.rows({ fields: text })],
      ['sort', await g.rows({ sort: text })],
      ['filter name', await g.rows({ filter: JSON.stringify({ [text]: '1' }) })],
      ['after', await g.rows({ after: text })],
      ['since', await g.ask(contract.changes, { query: { since: text } })],
      ['batch', await g.ask(contract.batchOfKeys, { body: { keys: [{ [text]: '1' }] } })],
      ['verify', await g.verify({ key: { [text]: '1' }, values: { 姓名: text } })],
      ['count', await g.ask(contract.countRows, { query: { filter: JSON.stringify({ [text]: text }) } })],
    ] as const) {
      assert.ok(reply.status >= 400 && reply.status < 500, `${what} ${text}: ${reply.status}`)
      assert.ok(reply.problem.detail && reply.problem.remedy, `${what} ${text}`)
    }
    // As a value it is only a value: of the wrong type, or simply not there.
    const value = await g.rows({ filter: JSON.stringify({ 月补助金额: text }) })
    assert.equal(value.problem.code, 'data.value_invalid')
    assert.deepEqual((await g.verify({ key: { 公民身份号码: text }, values: { 姓名: text } })).body, { found: false, agrees: {} })
  }
  assert.equal(await refusals(g), strings.length * 9)
  assert.equal((await g.rows()).status, 200)
})

test('injection into groups, measures and filter of an aggregate', async t => {
  const g = await aGrant(t, {
    items: [
      { key: 'c3', treatment: 'plain' },
      { key: 'c4', treatment: 'aggregate' },
    ],
  })
  for (const text of strings)
    for (const body of [{ by: [text] }, { sum: [text] }, { min: [text] }, { by: ['起始日期'], filter: { [text]: '1' } }]) {
      const reply = await g.ask(contract.aggregate, { body })
      assert.equal(reply.problem.code, 'data.field_not_granted', text)
    }
  for (const filter of [{ 月补助金额: strings[0]! }, { 月补助金额: '1; drop' }])
    assert.equal((await g.ask(contract.aggregate, { body: { filter } })).problem.code, 'data.value_invalid')
  for (const body of [{ by: Array(6).fill('起始日期') }, { sum: Array(11).fill('月补助金额') }, { by: ['a'.repeat(300)] }])
    assert.equal((await g.ask(contract.aggregate, { body })).problem.code, 'request.invalid')
  assert.equal(await refusals(g), strings.length * 4 + 5)
})

test('oversized parameters are turned away before they cost anything, and recorded', async t => {
  const g = await aGrant(t)
  const long = 'a'.repeat(3000)
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`项${i}`, '1']))
  for (const [query, code] of [
    [{ fields: long }, 'request.invalid'],
    [{ filter: JSON.stringify({ a: long }) }, 'request.invalid'],
    [{ filter: JSON.stringify(many) }, 'data.filter_invalid'],
    [{ filter: '['.repeat(900) }, 'data.filter_invalid'],
    [{ sort: long }, 'request.invalid'],
    [{ after: 'a'.repeat(5000) }, 'request.invalid'],
    [{ limit: 1e9 }, 'request.invalid'],
    [{ limit: -1 }, 'request.invalid'],
    [{ as_of: '2026-01-01T00:00:00' }, 'request.invalid'],
  ] as const)
    assert.equal((await g.rows(query)).problem.code, code, JSON.stringify(query).slice(0, 60))
  const big = await g.ask(contract.batchOfKeys, { body: { keys: [{ 公民身份号码: 'a' }], fields: ['x'.repeat(3_000_000)] } })
  assert.equal(big.status, 413)
  const refused = (await g.ledger()).filter(r => r.action === 'data.refused')
  assert.equal(refused.length, 10)
  assert.ok(refused.every(r => r.person === '周倩' && r.department === '永泰县医保局'))
  assert.equal((await g.rows({}, { 'x-huitong-case': 'b'.repeat(500) })).status, 200)
  assert.equal((await g.ledger()).at(-1)!.caseNo!.length, 100)
})

test('tokens: expired, forged, of another client, of replaced credentials; who has none is recorded once a minute', async t => {
  const g = await aGrant(t)
  const other = await aGrant(t)
  // The other platform has keys of its own; its token is a forgery here.
  const forged = (await other.token()).body.access_token
  const mine = (await g.token()).body.access_token
  g.use(forged)
  assert.equal((await g.rows()).problem.code, 'data.token_invalid')
  g.use(mine)
  const [head, body, mac] = mine.split('.') as [string, string, string]
  const [id, credential, expires] = JSON.parse(Buffer.from(body, 'base64url').toString())
  const rewritten = (content: unknown) => `${head}.${Buffer.from(JSON.stringify(content)).toString('base64url')}.${mac}`
  for (const bad of [
    rewritten([id, credential, expires + 86_400]),
    rewritten([id, credential + 1, expires]),
    `${head}.${body}.`,
    `${head}.${body}`,
    'null',
    mac,
  ]) {
    g.use(bad)
    assert.equal((await g.rows()).problem.code, 'data.token_invalid', bad)
  }
  assert.equal((await g.ledger()).filter(r => r.action === 'data.refused').length, 1)
  g.use(mine)
  assert.equal((await g.rows()).status, 200)
  g.world.later(31)
  assert.equal((await g.rows()).problem.code, 'data.token_invalid')
  assert.equal((await g.ledger()).filter(r => r.action === 'data.refused').length, 2)
  assert.equal((await g.token('guess')).problem.code, 'oauth.invalid_client')
})

test('another client’s token opens only its own entry', async t => {
  const g = await aGrant(t)
  const { aFilledEntry } = await import('../../../test/support/entry.ts')
  const { rows } = await g.services.pool.query('select department_id from catalog.entry limit 1')
  const second = await aFilledEntry(g.services.pool, {
    department: rows[0].department_id,
    region: '350100',
    code: '307013350100001/000009',
    content: { title: '另一条', shareClass: 'conditional', items: [{ key: 'c1', name: '编号', type: 'C' }] },
    rows: [['机密']],
  })
  const bearer = (await g.token()).body.access_token
  const headers = { authorization: `Bearer ${bearer}`, 'x-huitong-operator': 'a', 'x-huitong-case': 'b' }
  for (const [e, parts] of [
    [contract.data, {}],
    [contract.countRows, {}],
    [contract.changes, {}],
    [contract.batchOfKeys, { body: { keys: [{ 编号: '机密' }] } }],
    [contract.verify, { body: { key: { 编号: '机密' }, values: { 编号: '机密' } } }],
    [contract.correctionList, {}],
  ] as const) {
    const reply = await g.world.anonymous.call(e as typeof contract.data, { params: { code: second.path }, headers, ...parts })
    assert.deepEqual([reply.status, reply.problem.reason], [403, 'no-access-grant'])
    assert.ok(!JSON.stringify(reply.body).includes('机密'))
  }
  assert.equal(await refusals(g), 6)
})

test('tricks with the path lead nowhere', async t => {
  const g = await aGrant(t)
  const bearer = (await g.token()).body.access_token
  const headers = { authorization: `Bearer ${bearer}`, 'x-huitong-operator': 'a', 'x-huitong-case': 'b' }
  for (const path of [
    '/data/v1/',
    '/data/v1/..%2f..%2fapi%2fgrants',
    `/data/v1/${g.entry.path}/..`,
    `/data/v1/${g.entry.path}%2fcount`,
    `/data/v1/${g.entry.path}%00`,
    `/data/v1//${g.entry.path}`,
    `/DATA/v1/${g.entry.path}`,
    `/data/v2/${g.entry.path}`,
    `/data/v1/${g.entry.path.replace('-', '%2f')}/x`,
    '/data/v1/packages',
    '/data/v1/packages?link=..%2f..%2fsecret.key',
    '/data/v1/packages?link=%00%00%00%00%00%00%00%00',
    `/data/v1/${encodeURIComponent("x' or 1=1")}`,
  ]) {
    const reply = await g.world.app.inject({ method: 'GET', url: path, headers })
    assert.ok(reply.statusCode >= 400 && reply.statusCode < 500, `${path}: ${reply.statusCode}`)
    for (const person of people) assert.ok(!reply.body.includes(person[2] ?? '—'), path)
  }
})

test('a malformed call without a right token is a stranger’s first of all', async t => {
  const g = await aGrant(t)
  g.use('guess')
  assert.equal((await g.rows({ limit: -1 })).problem.code, 'data.token_invalid')
  await g.set('suspended')
  g.use((await g.token()).body.access_token)
  assert.equal((await g.rows({ limit: -1 })).problem.code, 'data.grant_suspended')
})

test('an error of the token endpoint has the code that clients of OAuth know', async t => {
  const g = await aGrant(t)
  for (const [body, status, error] of [
    [{ grant_type: 'client_credentials', client_id: 'guess' }, 401, 'invalid_client'],
    [{ grant_type: 'password' }, 400, 'unsupported_grant_type'],
    [{}, 400, 'invalid_request'],
  ] as const) {
    const reply = await g.world.anonymous.call(contract.token, { body })
    assert.deepEqual([reply.status, reply.problem.error], [status, error])
  }
})

test('guessing a hidden value by comparing is noticed like trying out keys', async t => {
  const g = await aGrant(t)
  for (let i = 0; i < 101; i++) await g.verify({ key: { 公民身份号码: people[0]![0] }, values: { 姓名: `张${i}` } })
  assert.match((await g.ledger()).find(r => r.action === 'data.scan')!.content!, /101 次，其中 101 次|100 次，其中 100 次/)
})

test('trying keys out is told to both sides even where it does not suspend', async t => {
  const g = await aGrant(t)
  for (let i = 0; i < 101; i++) await g.verify({ key: { 公民身份号码: `35012519000101${i}` }, values: { 姓名: '张三丰' } })
  const scans = (await g.ledger()).filter(r => r.action === 'data.scan')
  assert.equal(scans.length, 1)
  assert.ok(!JSON.stringify(scans).includes('35012519000101'))
  assert.equal((await g.rows()).status, 200)
  const { rows } = await g.services.pool.query(
    `select count(distinct department_id)::int as n from procedure.notice where text like '%试探%'`,
  )
  assert.equal(rows[0].n, 2)
})

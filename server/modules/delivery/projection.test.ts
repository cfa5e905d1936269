import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import pg from 'pg'
import { startTemporaryPostgres } from '../../platform/postgres.ts'
import { Problem } from '../../platform/problem.ts'
import { comparison, type OutgoingItem, project, projectJson } from './projection.ts'

let server: Awaited<ReturnType<typeof startTemporaryPostgres>>
let client: pg.Client
before(async () => {
  server = await startTemporaryPostgres()
  client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query(readFileSync(new URL('../../migrations/0070_delivery.sql', import.meta.url), 'utf8'))
  await client.query(`create schema pool;
    create table pool.e_1 (_key text primary key, c1 text, c2 text, c3 numeric(12,2), c4 date, c5 timestamp, c6 boolean)`)
  await client.query(`insert into pool.e_1 values
    ('a', '张三丰', '35012519000101001X', 1.50, '2024-02-29', '2026-01-01 08:00:00', true),
    ('b', '李四', '350125190001010028', 99999999.99, null, null, null),
    ('c', '=cmd"<b>', null, null, null, null, false)`)
})
after(async () => {
  await client.end()
  await server.stop()
})

const columns = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6']
const item = (key: string, name: string, treatment: OutgoingItem['treatment'], semantic?: string): OutgoingItem => ({
  key,
  name,
  treatment,
  semantic,
})
const items = [
  item('c1', '姓名', 'masked', 'person-name'),
  item('c2', '公民身份号码', 'verify', 'id-number'),
  item('c3', '金额', 'plain'),
  item('c4', '日期', 'plain'),
  item('c5', '时间', 'plain'),
]
const source = { relation: 'pool.e_1', columns, items }
const run = async (s: { text: string; values: unknown[] }) => (await client.query(s)).rows
const code = (f: () => unknown) => {
  try {
    f()
  } catch (error) {
    return error instanceof Problem ? error.code : (error as Error).message
  }
  return 'nothing'
}

for (const [mask, vectors] of Object.entries({
  mask_name: [
    ['张三丰', '张**'],
    ['李四', '李**'],
    ['李', '***'],
    ['', '***'],
  ],
  mask_id_number: [
    ['35012519000101001X', '3***************1X'],
    ['350125000101001', '3************01'],
    ['12345', '***'],
  ],
  mask_mobile: [
    ['13812341234', '138****1234'],
    ['+8613812341234', '**********1234'],
    ['138', '***'],
  ],
  mask_phone: [
    ['0591-23456789', '0591*******89'],
    ['2345678', '*****78'],
    ['110', '***'],
  ],
  mask_address: [
    ['福建省福州市永泰县樟城镇北门路12号3栋502室', '福建省福州市永泰县樟城镇********'],
    ['永泰县', '********'],
  ],
  mask_bank_card: [
    ['6222021234567890123', '6222***********0123'],
    ['1234', '***'],
  ],
  mask_plate: [
    ['闽A12340', '闽A1***0'],
    ['闽AD12340', '闽AD****0'],
  ],
  mask_email: [
    ['abc@x.com', 'a****@x.com'],
    ['a@x.com', '***'],
    ['none', '***'],
  ],
  mask_credit_code: [
    ['92350125MA2XXXXX1A', '92350125*********A'],
    ['91350125MA2XXXXX1A', '91350125MA2XXXXX1A'],
    ['92', '***'],
  ],
  mask_default: [['anything', '***']],
} as Record<string, [string, string][]>)) {
  test(`${mask} shows what convention allows and never a short value whole`, async () => {
    for (const [value, shown] of vectors) {
      assert.equal((await client.query(`select delivery.${mask}($1) as v`, [value])).rows[0].v, shown, value)
    }
    assert.equal((await client.query(`select delivery.${mask}(null) as v`)).rows[0].v, null)
  })
}

test('rows leave as exact text, masked as granted, without items for comparison only', async () => {
  assert.deepEqual(await run(project({ ...source, limit: 2 })), [
    { _key: 'a', c1: '张**', c3: '1.50', c4: '2024-02-29', c5: '2026-01-01 08:00:00' },
    { _key: 'b', c1: '李**', c3: '99999999.99', c4: null, c5: null },
  ])
})

test('one JSON text with the names of the items, keyset paging and filters by the type of the column', async () => {
  const [first] = await run(projectJson({ ...source, limit: 1, after: 'a', fields: ['金额', '姓名'] }))
  assert.deepEqual(first, { live: true, rows: '[{"金额":"99999999.99","姓名":"李**"}]', count: 1, last: 'b' })
  const [same] = await run(projectJson({ ...source, limit: 9, filter: { 金额: '1.5' } }))
  assert.equal(same.count, 1)
  const [none] = await run(projectJson({ ...source, limit: 9, filter: { 金额: '7' } }))
  assert.deepEqual(none, { live: true, rows: '[]', count: 0, last: null })
})

test('a filter on all identifiers looks the row up by its key', async () => {
  await client.query(`create table pool.two (_key text collate "C" primary key, c1 text, c2 text, c3 numeric)`)
  await client.query(`insert into pool.two select 'a' || chr(31) || i, 'a', i::text, i from generate_series(1, 2000) i; analyze pool.two`)
  const two = {
    relation: 'pool.two',
    columns: ['c1', 'c2', 'c3'],
    items: [item('c1', '甲', 'plain'), item('c2', '乙', 'plain'), { ...item('c3', '数', 'plain'), type: 'N' }],
  }
  const s = projectJson({ ...two, keys: ['c1', 'c2'], limit: 5, filter: { 乙: '77', 甲: 'a' } })
  assert.equal((await run(s))[0].rows, '[{"甲":"a","乙":"77","数":"77"}]')
  const plan = (await client.query(`explain ${s.text}`, s.values)).rows.map(r => r['QUERY PLAN']).join('\n')
  assert.match(plan, /Index Scan using two_pkey/)
  assert.doesNotMatch(projectJson({ ...two, keys: ['c3'], limit: 5, filter: { 数: '7.0' } }).text, /_key = /)
})

test('the guard holds in the same snapshot: no row leaves when it fails', async () => {
  const [reply] = await run(projectJson({ ...source, limit: 9, guard: param => `1 = ${param(2)}::int` }))
  assert.deepEqual(reply, { live: false, rows: '[]', count: 0, last: null })
})

test('names, quotes and markup in item names stay data', async () => {
  const odd = `'; drop table pool.e_1; --"\\<script>${'长'.repeat(30)}`
  const [reply] = await run(projectJson({ ...source, items: [item('c1', odd, 'plain')], limit: 9, filter: { [odd]: '=cmd"<b>' } }))
  assert.deepEqual(JSON.parse(reply.rows), [{ [odd]: '=cmd"<b>' }])
})

test('what is not granted, not in the table, masked or for comparison only is refused by name', () => {
  const refused = (more: object) => code(() => projectJson({ ...source, limit: 1, ...more }))
  assert.equal(refused({ fields: ['户籍地址'] }), 'data.field_not_granted')
  assert.equal(refused({ fields: ['c6'] }), 'data.field_not_granted')
  assert.equal(refused({ fields: ['c1; select'] }), 'data.field_not_granted')
  assert.equal(refused({ fields: ['公民身份号码'] }), 'data.verify_only')
  assert.equal(refused({ filter: { 姓名: '张三丰' } }), 'data.filter_not_plain')
  assert.equal(refused({ filter: { 公民身份号码: '35012519000101001X' } }), 'data.filter_not_plain')
  assert.equal(refused({ columns: ['c1'] }), 'data.field_not_registered')
  assert.equal(refused({ items: [item('c2', '公民身份号码', 'verify')] }), 'data.nothing_to_deliver')
  assert.match(refused({ relation: 'pool.e_1; drop table x' }), /not a pool relation/)
  assert.match(refused({ relation: 'audit.block' }), /not a pool relation/)
  assert.match(refused({ items: [item('c1"', 'x', 'plain')], columns: ['c1"'] }), /not a pool column/)
})

test('a comparison answers yes or no, and gives nothing when the row is not there', async () => {
  const ask = (key: string, values: Record<string, string>) => run(comparison({ ...source, key: { 公民身份号码: key }, values }))
  assert.deepEqual(await ask('35012519000101001X', { 姓名: '张三丰', 金额: '1.5', 日期: '2024-03-01' }), [
    { live: true, agrees: { 姓名: true, 金额: true, 日期: false } },
  ])
  assert.deepEqual(await ask('350125190001010028', { 日期: '2024-03-01' }), [{ live: true, agrees: { 日期: false } }])
  assert.deepEqual(await ask('nobody', { 姓名: '张三丰' }), [{ live: true, agrees: null }])
})

test('canary: whatever is granted, no channel carries a value of an item that is not', async () => {
  await client.query('create table pool.canary (_key text primary key, c1 text, c2 text, c3 text, c4 text, c5 text, c6 text)')
  const canary = columns.map((_, i) => `4${i}0125190001017${i}7${i}`)
  await client.query('insert into pool.canary values ($1, $2, $3, $4, $5, $6, $7)', ['k', ...canary])
  const semantics = [undefined, 'person-name', 'id-number', 'mobile', 'phone', 'address', 'bank-card', 'plate', 'email']
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ treatment: fc.constantFrom('plain', 'masked', 'verify', 'none'), semantic: fc.constantFrom(...semantics) }), {
        minLength: 6,
        maxLength: 6,
      }),
      async choices => {
        const granted = choices.flatMap((c, i) =>
          c.treatment === 'none' ? [] : [item(`c${i + 1}`, `项${i + 1}`, c.treatment as OutgoingItem['treatment'], c.semantic)],
        )
        if (!granted.some(g => g.treatment !== 'verify')) return
        const p = { relation: 'pool.canary', columns, items: granted, limit: 10 }
        const left = JSON.stringify([await run(project(p)), await run(projectJson(p))])
        for (const [i, c] of choices.entries())
          assert.equal(left.includes(canary[i]!), c.treatment === 'plain', `${i} ${c.treatment} ${c.semantic}`)
      },
    ),
    { numRuns: 200 },
  )
})

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import pg from 'pg'
import copy from 'pg-copy-streams'
import { startTemporaryPostgres } from '../../platform/postgres.ts'
import { Problem } from '../../platform/problem.ts'
import {
  aggregate,
  comparison,
  hmacPads,
  type OutgoingItem,
  project,
  projectChanges,
  projectCopy,
  projectCount,
  projectEach,
  projectJson,
} from './projection.ts'

let server: Awaited<ReturnType<typeof startTemporaryPostgres>>
let client: pg.Client
before(async () => {
  server = await startTemporaryPostgres()
  client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query(readFileSync(new URL('../../migrations/0070_delivery.sql', import.meta.url), 'utf8'))
  await client.query(readFileSync(new URL('../../migrations/0230_masking.sql', import.meta.url), 'utf8'))
  await client.query('create schema procedure; create table procedure.case_view (id uuid)')
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
  mask_name_ends: [
    ['张三丰', '张*丰'],
    ['李四', '李*'],
    ['李', '***'],
  ],
  mask_id_number_area: [
    ['35012519000101001X', '350125********001X'],
    ['350125000101001', '***'],
  ],
  mask_id_number_tail: [['35012519000101001X', '**************001X']],
  mask_mobile_tail: [
    ['13812341234', '*******1234'],
    ['138', '***'],
  ],
  mask_address_county: [
    ['福建省福州市永泰县樟城镇北门路12号', '福建省福州市永泰县********'],
    ['福建省晋江市梅岭街道市场路3号', '福建省晋江市********'],
    ['晋江市青阳镇', '晋江市********'],
    ['河南省郑州市金水区花园路2号', '河南省郑州市金水区********'],
    ['北门路12号3栋502室', '********'],
    ['樟城镇市场路县前街5号', '********'],
  ],
  mask_bank_card_tail: [
    ['6222021234567890123', '***************0123'],
    ['1234', '***'],
  ],
  mask_plate_head: [['闽A12340', '闽A*****']],
  mask_email_domain: [
    ['abc@x.com', '****@x.com'],
    ['none', '***'],
  ],
  mask_credit_code_hidden: [['91350125MA2XXXXX1A', '91350125*********A']],
  mask_ends: [
    ['长者之家', '长**家'],
    ['ab', '***'],
  ],
  mask_month: [
    ['2024-02-29', '2024-02'],
    ['二月', '***'],
  ],
  mask_year: [['2024-02-29 08:00:00', '2024']],
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

test('a file holds the same text of each value, whatever its type', async () => {
  await client.query(`create table pool.e_types (_key text primary key, c1 bigint, c2 double precision, c3 numeric, c4 date, c5 timestamp, c6 boolean);
    insert into pool.e_types values ('a', 9007199254740993, 0.1, 1.50, '2024-02-29', '2026-01-01 08:00:00.5', true),
      ('b', -1, 1e300, 'NaN', '0044-03-15 BC', 'infinity', false), ('c', null, null, null, null, null, null)`)
  const types = ['I', 'F', 'N', 'D', 'T', 'L'].map((type, i) => ({ ...item(`c${i + 1}`, `${type}`, 'plain'), type }))
  const both = { relation: 'pool.e_types', columns, items: types }
  const { text } = projectCopy({ ...both, marks: [], whole: null })
  const pieces: Buffer[] = []
  for await (const piece of client.query(copy.to(text))) pieces.push(piece)
  const rows = (await run(project(both))).map(({ _key, ...row }) =>
    Object.values(row)
      .map(value => value ?? '')
      .join(','),
  )
  assert.deepEqual(Buffer.concat(pieces).toString().trim().split('\n'), rows)
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

test('a pseudonym is the HMAC of the value under the key of the recipient: stable for one, another for each', async () => {
  const key = Buffer.alloc(32, 7)
  const p = { ...source, items: [item('c1', '姓名', 'pseudonym'), item('c2', '公民身份号码', 'pseudonym')], limit: 3 }
  const seen = async (k: Buffer) =>
    JSON.parse((await run(projectJson({ ...p, pseudonyms: hmacPads(k) })))[0].rows) as Record<string, string>[]
  const first = await seen(key)
  assert.equal(first[0]!.姓名, createHmac('sha256', key).update('张三丰').digest('hex').slice(0, 32))
  assert.deepEqual(await seen(key), first)
  const other = await seen(Buffer.alloc(32, 8))
  assert.notEqual(other[0]!.姓名, first[0]!.姓名)
  assert.equal(first[2]!.公民身份号码, null)
  assert.throws(() => projectJson(p), /no key/)
  assert.equal(
    code(() => projectJson({ ...p, pseudonyms: hmacPads(key), filter: { 姓名: '张三丰' } })),
    'data.filter_not_plain',
  )
  assert.equal(
    code(() => comparison({ ...p, key: { 姓名: '张三丰' }, values: {} })),
    'data.pseudonym_only',
  )
})

test('sorting goes by plain items only, keeps every row once over the pages, and puts what is empty last', async () => {
  await client.query('create table pool.sorted (_key text collate "C" primary key, c1 text, c3 numeric)')
  await client.query(
    `insert into pool.sorted select lpad(i::text, 3, '0'), '名' || i, case when i % 7 = 0 then null else i % 5 end from generate_series(1, 50) i`,
  )
  const p = {
    relation: 'pool.sorted',
    columns: ['c1', 'c3'],
    items: [item('c1', '姓名', 'masked', 'person-name'), { ...item('c3', '数', 'plain'), type: 'N' }],
  }
  for (const down of [false, true]) {
    const got: (number | null)[] = []
    let [after, afterValue]: [string | null, string | null] = [null, null]
    for (let n = 0; n < 8; n++) {
      const [page] = await run(projectJson({ ...p, sort: { by: '数', down }, limit: 8, after, afterValue }))
      got.push(...(JSON.parse(page.rows) as { 数: string | null }[]).map(r => (r.数 === null ? null : Number(r.数))))
      ;[after, afterValue] = [page.last, page.value]
      if (page.count < 8) break
    }
    const numbers = got.filter(v => v !== null)
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => (down ? b - a : a - b)),
    )
    assert.equal(got.length, 50)
    assert.ok(got.slice(numbers.length).every(v => v === null))
  }
  assert.equal(
    code(() => projectJson({ ...p, sort: { by: '姓名', down: false }, limit: 1 })),
    'data.sort_not_plain',
  )
  assert.equal(
    code(() => projectJson({ ...p, sort: { by: '户籍', down: false }, limit: 1 })),
    'data.field_not_granted',
  )
})

test('a page far back is found by the index like the first one', async () => {
  await client.query('create table pool.deep (_key text collate "C" primary key, c1 text)')
  await client.query(`insert into pool.deep select lpad(i::text, 7, '0'), 'x' from generate_series(1, 60000) i; analyze pool.deep`)
  const p = { relation: 'pool.deep', columns: ['c1'], items: [item('c1', '甲', 'plain')], limit: 100 }
  const cost = async (after: string | null) => {
    const s = projectJson({ ...p, after })
    const plan = (await client.query(`explain (analyze, buffers, format json) ${s.text}`, s.values)).rows[0]['QUERY PLAN'][0].Plan
    assert.match(JSON.stringify(plan), /Index (Only )?Scan/)
    return plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
  }
  await cost(null)
  const [start, end] = [await cost('0000001'), await cost('0059000')]
  assert.ok(end <= start + 4, `${end} blocks at the end, ${start} at the start`)
})

test('only rows within the limits of a grant leave, are counted, found, compared', async () => {
  const p = { ...source, limits: [{ key: 'c2', name: '公民身份号码', values: ['350125190001010028'] }], limit: 9 }
  assert.equal((await run(projectJson(p)))[0].count, 1)
  assert.equal((await run(projectCount(p)))[0].count, 1)
  assert.equal((await run(project(p))).length, 1)
  assert.deepEqual(await run(comparison({ ...p, key: { 公民身份号码: '35012519000101001X' }, values: { 姓名: '张三丰' } })), [
    { live: true, agrees: null },
  ])
  assert.equal(
    code(() => projectJson({ ...p, limits: [{ key: 'c9', name: '区划', values: ['1'] }] })),
    'data.field_not_registered',
  )
})

test('look-ups, pages and batches are planned a few times and never again', async () => {
  await client.query(`create table pool.e_planned (_key text primary key, c1 text, c2 text);
    insert into pool.e_planned select n::text, n::text, '甲' from generate_series(1, 20000) n; analyze pool.e_planned`)
  const p = {
    relation: 'pool.e_planned',
    columns: ['c1', 'c2'],
    items: [item('c1', '编号', 'plain'), item('c2', '名称', 'plain')],
    keys: ['c1'],
  }
  const among = [{ 编号: '1' }, { 编号: '2' }]
  for (const [name, { text, values }] of Object.entries({
    'look-up': projectEach(p, ['1', '2']),
    'first page': projectJson({ ...p, limit: 2 }),
    'next page': projectJson({ ...p, limit: 2, after: '5' }),
    batch: projectJson({ ...p, limit: 1000, among }),
  })) {
    for (let n = 1; n <= 20; n++) {
      const { rows } = await client.query({ name, text, values })
      assert.equal(name === 'look-up' ? rows.length : rows[0].count, 2)
    }
    const kept = await client.query(`select generic_plans::int as n from pg_prepared_statements where name = $1`, [name])
    assert.deepEqual(kept.rows, [{ n: 15 }], name)
  }
})
test('rows by many keys at once, where the key is given as it is', async () => {
  await client.query('create table pool.many (_key text collate "C" primary key, c1 text, c2 text)')
  await client.query(`insert into pool.many select i::text, i::text, '值' || i from generate_series(1, 2000) i; analyze pool.many`)
  const p = {
    relation: 'pool.many',
    columns: ['c1', 'c2'],
    keys: ['c1'],
    items: [item('c1', '编号', 'plain'), item('c2', '值', 'plain')],
    limit: 1000,
  }
  const among = Array.from({ length: 1000 }, (_, i) => ({ 编号: String(i * 3) }))
  const s = projectJson({ ...p, among })
  assert.equal((await run(s))[0].count, 666)
  assert.match((await client.query(`explain ${s.text}`, s.values)).rows.map(r => r['QUERY PLAN']).join('\n'), /many_pkey/)
  assert.equal(
    code(() => projectJson({ ...p, items: [item('c1', '编号', 'verify'), item('c2', '值', 'plain')], among })),
    'data.filter_not_plain',
  )
  assert.equal(
    code(() => projectJson({ ...p, among: [{ 值: '1' }] })),
    'data.key_incomplete',
  )
})

test('as of a day rows are what they were; what an approved case removed does not come back', async () => {
  await client.query(`create table pool.e_old (_key text collate "C" primary key, c1 text, _updated timestamptz);
    create table pool.h_old (_key text collate "C", c1 text, _updated timestamptz, _replaced_by uuid, _replaced timestamptz);
    insert into pool.e_old values ('a', '新', '2026-03-10 02:00Z'), ('b', '一直', '2026-01-05 02:00Z');
    insert into pool.h_old values ('a', '旧', '2026-01-05 02:00Z', gen_random_uuid(), '2026-03-10 02:00Z'),
      ('c', '已去', '2026-01-05 02:00Z', gen_random_uuid(), '2026-02-01 02:00Z'),
      ('d', '按办件删除', '2026-01-05 02:00Z', '00000000-0000-7000-8000-000000000001', '2026-02-01 02:00Z');
    insert into procedure.case_view values ('00000000-0000-7000-8000-000000000001')`)
  const p = { relation: 'pool.e_old', columns: ['c1'], items: [item('c1', '甲', 'plain')], limit: 9 }
  const said = async (at: string) =>
    (JSON.parse((await run(projectJson({ ...p, asOf: { at, history: true } })))[0].rows) as { 甲: string }[]).map(r => r.甲)
  assert.deepEqual(await said('2026-01-20T16:00:00Z'), ['旧', '一直', '已去'])
  assert.deepEqual(await said('2026-02-20T16:00:00Z'), ['旧', '一直'])
  assert.deepEqual(await said('2026-03-20T16:00:00Z'), ['新', '一直'])
  assert.deepEqual(await said('2025-12-31T16:00:00Z'), [])
})

test('changes: nothing is missed by a batch that began earlier and commits later, removals are told without the key', async () => {
  await client.query(`create table pool.e_live (_key text collate "C" primary key, c1 text, c2 text);
    create table pool.h_live (_key text collate "C", c1 text, c2 text);
    insert into pool.e_live values ('a', '甲', 'x'), ('b', '乙', 'x'), ('c', '丙', 'y')`)
  const ids = hmacPads(Buffer.alloc(32, 3))
  const p = {
    relation: 'pool.e_live',
    columns: ['c1', 'c2'],
    items: [item('c1', '名', 'plain')],
    limits: [{ key: 'c2', name: '区', values: ['x'] }],
    history: true,
    ids,
    limit: 2,
  }
  const ask = async (since: number | null) => {
    const rows: { _id: string; _change: string; 名?: string }[] = []
    let after: string | null = null
    let until: number | null = null
    for (;;) {
      const [page] = await run(projectChanges({ ...p, since, after }))
      rows.push(...JSON.parse(page.rows))
      until ??= Number(page.seen)
      if (page.count < 2) return { rows, until }
      after = page.last
    }
  }
  const start = await ask(null)
  assert.deepEqual(
    start.rows.map(r => [r._change, r.名]),
    [
      ['upsert', '甲'],
      ['upsert', '乙'],
    ],
  )
  const slow = new pg.Client({ connectionString: server.url })
  await slow.connect()
  try {
    await slow.query(`begin; savepoint s; insert into pool.e_live values ('0', '慢', 'x'); release s`)
    await client.query(`insert into pool.e_live values ('d', '丁', 'x')`)
    const second = await ask(start.until)
    assert.deepEqual(
      second.rows.map(r => r.名),
      ['丁'],
    )
    await slow.query('commit')
    const third = await ask(second.until)
    assert.ok(third.rows.some(r => r.名 === '慢'))
    // One leaves, one no longer fits the limits of the grant.
    await client.query(
      `insert into pool.h_live select _key, c1, c2 from pool.e_live where _key in ('a', 'b'); delete from pool.e_live where _key = 'a'`,
    )
    await client.query(`update pool.e_live set c2 = 'y' where _key = 'b'`)
    const last = await ask((await ask(third.until)).until - 2)
    const gone = last.rows.filter(r => r._change === 'remove').map(r => r._id)
    assert.deepEqual(gone.sort(), start.rows.map(r => r._id).sort())
    assert.ok(last.rows.every(r => r._change === 'upsert' || Object.keys(r).length === 2))
    assert.deepEqual((await ask((await ask(null)).until)).rows, [])
  } finally {
    await slow.end()
  }
})

test('aggregate: what is shown has enough records, so has what a filter leaves out and what is hidden, and the sums are right', async () => {
  await client.query('create table pool.e_2 (_key text primary key, c1 text, c2 text, c3 numeric)')
  const items = [item('c1', '镇', 'plain'), item('c2', '类', 'aggregate'), { ...item('c3', '额', 'aggregate'), type: 'Y' }]
  const least = 4
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(
          fc.constantFrom('东', '东', '东', '西', '西', '西', '南'),
          fc.constantFrom('甲', '乙', '丙', '丁', null),
          fc.option(fc.integer({ min: 0, max: 9 })),
        ),
        {
          maxLength: 60,
        },
      ),
      fc.constantFrom([], ['类'], ['镇'], ['镇', '类']),
      fc.option(fc.constantFrom('东', '西')),
      async (rows, by, only) => {
        await client.query('truncate pool.e_2')
        await client.query(
          `insert into pool.e_2 select n::text, r ->> 0, r ->> 1, (r ->> 2)::numeric from jsonb_array_elements($1::jsonb) with ordinality t(r, n)`,
          [JSON.stringify(rows)],
        )
        const got = (
          await run(
            aggregate({
              relation: 'pool.e_2',
              columns: ['c1', 'c2', 'c3'],
              items,
              by,
              measures: { sum: ['额'], average: ['额'] },
              ...(only && { filter: { 镇: only } }),
              least,
            }),
          )
        )[0]
        const groups = JSON.parse(got.groups) as {
          by: Record<string, string | null>
          count: number
          sum: { 额: string }
          average: { 额: string }
        }[]
        const within = rows.filter(r => !only || r[0] === only)
        const named = (r: (typeof rows)[number]) => JSON.stringify(Object.fromEntries(by.map(name => [name, name === '镇' ? r[0] : r[1]])))
        const all = new Set(within.map(named))
        assert.equal(groups.length, got.count)
        assert.equal(all.size, got.count + got.hidden)
        const values = (of: typeof rows) => of.flatMap(r => (r[2] === null ? [] : [r[2]]))
        const enough = (of: typeof rows) => of.length >= least && values(of).length >= least
        const noneOrEnough = (of: typeof rows) => (!of.length || of.length >= least) && (!values(of).length || values(of).length >= least)
        for (const group of groups) {
          const name = JSON.stringify(group.by)
          const mine = within.filter(r => named(r) === name)
          assert.ok(enough(mine), 'a group is too small')
          assert.ok(noneOrEnough(rows.filter(r => named(r) === name && only && r[0] !== only)), 'what the filter leaves out is too small')
          const sum = values(mine).reduce((a, b) => a + b, 0)
          assert.deepEqual([group.count, Number(group.sum.额)], [mine.length, sum])
          assert.ok(Math.abs(Number(group.average.额) - sum / values(mine).length) < 1e-6)
        }
        const shown = new Set(groups.map(group => JSON.stringify(group.by)))
        if (shown.size) assert.ok(noneOrEnough(within.filter(r => !shown.has(named(r)))), 'what is hidden can be got by subtraction')
      },
    ),
    { numRuns: 300 },
  )
})

test('aggregate: an item for that is in no row, filter, order, comparison or key; the greatest of it is one record’s value', () => {
  const p = {
    ...source,
    items: [
      item('c1', '姓名', 'masked', 'person-name'),
      { ...item('c3', '金额', 'aggregate'), type: 'Y' },
      item('c4', '日期', 'plain'),
      item('c5', '时间', 'aggregate'),
    ],
    keys: ['c5'],
    limit: 1,
  }
  const to = (q: object) => code(() => aggregate({ ...p, by: [], measures: {}, least: 10, ...q }))
  assert.deepEqual(
    project(p).columns.map(c => c.key),
    ['c1', 'c4'],
  )
  assert.equal(
    code(() => project({ ...p, fields: ['金额'] })),
    'data.aggregate_only',
  )
  assert.equal(
    code(() => projectJson({ ...p, fields: ['时间'] })),
    'data.aggregate_only',
  )
  assert.equal(
    code(() => projectJson({ ...p, filter: { 金额: '1' } })),
    'data.filter_not_plain',
  )
  assert.equal(
    code(() => projectJson({ ...p, sort: { by: '金额', down: true } })),
    'data.sort_not_plain',
  )
  assert.equal(
    code(() => projectCount({ ...p, filter: { 金额: '1' } })),
    'data.filter_not_plain',
  )
  assert.equal(
    code(() => projectJson({ ...p, among: [{ 时间: 'x' }] })),
    'data.filter_not_plain',
  )
  assert.equal(
    code(() => comparison({ ...p, key: { 时间: 'x' }, values: {} })),
    'data.aggregate_only',
  )
  assert.equal(
    code(() => comparison({ ...p, key: { 日期: '2024-02-29' }, values: { 金额: '1' } })),
    'data.aggregate_only',
  )
  assert.equal(
    code(() => project({ ...p, items: [item('c5', '时间', 'aggregate')] })),
    'data.nothing_to_deliver',
  )
  assert.equal(to({ by: ['时间', '日期'], measures: { sum: ['金额'] } }), 'nothing')
  assert.equal(to({ by: ['姓名'] }), 'data.not_for_aggregate')
  assert.equal(to({ measures: { sum: ['日期'] } }), 'data.not_for_aggregate')
  assert.equal(to({ measures: { max: ['金额'] } }), 'data.not_for_aggregate')
  assert.equal(to({ filter: { 金额: '1' } }), 'data.filter_not_plain')
  assert.equal(to({ by: ['c2'] }), 'data.field_not_granted')
})

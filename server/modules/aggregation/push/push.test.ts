import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import * as contract from '../../../../contract/aggregation.ts'
import * as audit from '../../../../contract/audit.ts'
import * as pushing from '../../../../contract/push.ts'
import { finished } from '../../../../test/support/batches.ts'
import { aPublishedEntry } from '../../../../test/support/published.ts'
import { aWorld } from '../../../../test/support/world.ts'

const items = [
  { name: '公民身份号码', type: 'C', length: 18, semantic: 'id-number', identifier: true, required: true },
  { name: '姓名', type: 'C', length: 50, required: true },
  { name: '月补助金额', type: 'Y', length: 12 },
]
const zhang = { 公民身份号码: '35012519000101001X', 姓名: '张三', 月补助金额: 512.5 }
const li = { 公民身份号码: '350125190001010028', 姓名: '李四', 月补助金额: null }
const bad = { 公民身份号码: '350125190001010029', 姓名: '王五', 月补助金额: 1 }
const lines = (...rows: object[]) => rows.map(r => JSON.stringify(r)).join('\n')

async function setUp(t: TestContext, threshold = 1) {
  const world = await aWorld(t)
  const departmentId = await world.department({ region: '350125', name: '永泰县民政局' })
  const steward = await world.person({ department: '永泰县民政局', roles: ['steward'] })
  const entry = await aPublishedEntry(world, departmentId, '350125', items)
  const source = await steward.ok(contract.createSource, { body: { entryId: entry.id, kind: 'push', threshold } })
  const { key, id: keyId } = await steward.ok(pushing.issuePushKey, { params: { id: source.id }, body: { name: '民政业务系统' } })
  const call = async (method: 'GET' | 'POST' | 'PATCH', url: string, payload?: string | Buffer, headers: Record<string, string> = {}) => {
    const reply = await world.app.inject({
      method,
      url: `/ingest/v1/${url}`,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...(payload !== undefined && { payload }),
    })
    return { status: reply.statusCode, headers: reply.headers, body: reply.json() }
  }
  const push = (body: string | Buffer, idempotency: string, o: { wait?: number; headers?: Record<string, string> } = {}) =>
    call('POST', `${entry.path}?wait=${o.wait ?? 30}`, body, {
      'idempotency-key': idempotency,
      'content-type': 'application/x-ndjson',
      ...o.headers,
    })
  const pool = async () => {
    const { rows } = await world.app.services.pool.query('select relation from aggregation.mount where entry_id = $1', [entry.id])
    return rows.length ? (await world.app.services.pool.query(`select c1, c2, c3::text from ${rows[0].relation} order by c1`)).rows : []
  }
  return { world, steward, entry, source, key, keyId, call, push, pool }
}

test('the first push needs nobody to map it; the same push again is the same batch, another body under its key is refused', async t => {
  const s = await setUp(t)
  const first = await s.push(lines(zhang, li), 'k-1')
  assert.equal(first.status, 200, JSON.stringify(first.body))
  assert.deepEqual(
    [first.body.state, first.body.read, first.body.accepted, first.body.rejected, first.body.repeated],
    ['done', 2, 2, 0, false],
  )
  assert.deepEqual(
    (await s.pool()).map(r => [r.c2, r.c3]),
    [
      ['张三', '512.5'],
      ['李四', null],
    ],
  )
  const again = await s.push(lines(zhang, li), 'k-1')
  assert.deepEqual([again.status, again.body.batch, again.body.repeated], [200, first.body.batch, true])
  const other = await s.push(lines(zhang), 'k-1')
  assert.deepEqual([other.status, other.body.code], [409, 'ingest.key_reused'])
  assert.equal((await s.steward.ok(contract.batches, { query: { source: s.source.id } })).total, 1)

  // Upsert under another key, this time as CSV, compressed.
  const csv = gzipSync('公民身份号码,姓名,月补助金额\n35012519000101001X,张三丰,600\n')
  const next = await s.push(csv, 'k-2', { headers: { 'content-type': 'text/csv; charset=utf-8', 'content-encoding': 'gzip' } })
  assert.deepEqual([next.status, next.body.accepted, next.body.changed], [200, 1, 1], JSON.stringify(next.body))
  assert.deepEqual(
    (await s.pool()).map(r => r.c2),
    ['张三丰', '李四'],
  )
})

test('many at once with one key load once', async t => {
  const s = await setUp(t)
  const replies = await Promise.all(Array.from({ length: 6 }, () => s.push(lines(zhang, li), 'same')))
  assert.deepEqual(new Set(replies.map(r => r.status)), new Set([200]))
  assert.equal(new Set(replies.map(r => r.body.batch)).size, 1)
  assert.equal(replies.filter(r => !r.body.repeated).length, 1)
  assert.equal((await s.steward.ok(contract.batches, { query: { source: s.source.id } })).total, 1)
})

test('a push that is not waited for says where to ask; wrong rows are told with their reasons', async t => {
  const s = await setUp(t)
  const sent = await s.push(lines(zhang, bad), 'a', { wait: 0 })
  assert.equal(sent.status, 202)
  assert.equal(sent.headers.location, `/ingest/v1/${s.entry.path}/batches/${sent.body.batch}`)
  const status = await s.call('GET', `${s.entry.path}/batches/${sent.body.batch}?wait=30`)
  assert.deepEqual([status.body.state, status.body.accepted, status.body.rejected], ['done', 1, 1])
  const rejects = await s.call('GET', `${s.entry.path}/batches/${sent.body.batch}/rejects`)
  assert.deepEqual([rejects.body.total, rejects.body.rows[0].itemName, rejects.body.rows[0].rule], [1, '公民身份号码', 'id-check'])
})

test('over the threshold nothing is loaded, and who waits is told so with the reason', async t => {
  const s = await setUp(t, 0.1)
  const held = await s.push(lines(zhang, bad), 'a')
  assert.deepEqual([held.status, held.body.code], [422, 'ingest.not_loaded'])
  assert.match(held.body.detail, /拒收/)
  assert.deepEqual(await s.pool(), [])
})

test('a deletion nobody has approved is rejected, and the record stays', async t => {
  const s = await setUp(t)
  await s.push(lines(zhang), 'a')
  const mixed = await s.push(lines(li, { _delete: true, 公民身份号码: zhang.公民身份号码 }), 'b')
  assert.deepEqual([mixed.status, mixed.body.read, mixed.body.accepted, mixed.body.rejected], [200, 2, 1, 1], JSON.stringify(mixed.body))
  const rejects = await s.call('GET', `${s.entry.path}/batches/${mixed.body.batch}/rejects`)
  assert.deepEqual([rejects.body.rows[0].line, rejects.body.rows[0].rule], [2, 'delete-unapproved'])
  assert.equal((await s.pool()).length, 2)
  const only = await s.push(lines({ _delete: true, 公民身份号码: zhang.公民身份号码 }), 'c')
  assert.deepEqual([only.status, only.body.code], [422, 'ingest.delete_unapproved'])
})

test('where its source may delete, a push does: after what it writes, into the history, also when it is all it asks for', async t => {
  const s = await setUp(t)
  await s.push(lines(zhang, li), 'a')
  await s.world.app.services.pool.query(`update aggregation.source set deletes = 'follow' where id = $1`, [s.source.id])
  const gone = (of: typeof zhang | typeof li) => ({ _delete: true, 公民身份号码: of.公民身份号码 })
  const mixed = await s.push(lines({ ...li, 姓名: '李四四' }, gone(zhang)), 'b')
  assert.deepEqual([mixed.status, mixed.body.read, mixed.body.accepted, mixed.body.changed], [200, 2, 2, 1], JSON.stringify(mixed.body))
  assert.deepEqual(
    (await s.pool()).map(r => r.c2),
    ['李四四'],
  )
  // The same rows with another deletion are not the same delivery.
  const next = await s.push(lines({ ...li, 姓名: '李四四' }, gone(li)), 'c')
  assert.deepEqual([next.body.read, next.body.accepted, next.body.unchanged], [2, 1, 1], JSON.stringify(next.body))
  assert.deepEqual(await s.pool(), [])
  await s.push(lines(zhang), 'd')
  const only = await s.push(lines(gone(zhang), gone(li)), 'e')
  assert.deepEqual([only.status, only.body.read, only.body.accepted, only.body.unchanged], [200, 2, 1, 1], JSON.stringify(only.body))
  assert.deepEqual(await s.pool(), [])
  const { rows } = await s.world.app.services.pool.query('select relation, rows from aggregation.mount where entry_id = $1', [s.entry.id])
  assert.equal(Number(rows[0].rows), 0)
  const history = await s.world.app.services.pool.query(`select c2 from ${rows[0].relation.replace('.e_', '.h_')} order by _replaced, c2`)
  assert.deepEqual(
    history.rows.map(r => r.c2),
    ['张三', '李四', '李四四', '张三'],
  )
})

test('a push released late deletes and writes nothing that a later one has spoken of', async t => {
  const s = await setUp(t, 0.1)
  const { pool } = s.world.app.services
  await pool.query(`update aggregation.source set deletes = 'follow' where id = $1`, [s.source.id])
  const gone = (of: typeof zhang | typeof li) => ({ _delete: true, 公民身份号码: of.公民身份号码 })
  const wang = { 公民身份号码: '350582190402290031', 姓名: '王五', 月补助金额: 1 }
  await s.push(lines(zhang, li), 'a')
  const held = await s.push(lines({ ...li, 姓名: '旧名' }, wang, bad, gone(zhang)), 'b')
  assert.equal(held.body.code, 'ingest.not_loaded')
  // 张三 as he was, 李四 anew; 王五, whom only the held one knows, is deleted.
  assert.deepEqual((await s.push(lines(zhang, { ...li, 姓名: '新名' }, gone(wang)), 'c')).body.state, 'done')
  const { rows } = await pool.query(`select id from aggregation.batch where state = 'held'`)
  await s.steward.ok(contract.releaseBatch, { params: { id: rows[0].id }, body: { reason: '来源确认其余各行无误' } })
  const late = await finished(s.steward, rows[0].id)
  assert.deepEqual([late.state, late.read, late.accepted, late.unchanged, late.rejected, late.balanced], ['done', 4, 0, 3, 1, true])
  assert.deepEqual(
    (await s.pool()).map(r => r.c2),
    ['张三', '新名'],
  )
})

test('a small push comes to the same as a large one: counters, rejects, unchanged rows, a key that comes twice, the threshold', async t => {
  const s = await setUp(t, 0.5)
  await s.push(lines(zhang, li), 'a')
  const second = await s.push(lines({ ...zhang, 姓名: '张三丰' }, li, bad), 'b')
  assert.deepEqual(
    [second.body.read, second.body.accepted, second.body.changed, second.body.unchanged, second.body.rejected],
    [3, 1, 1, 1, 1],
    JSON.stringify(second.body),
  )
  const rejects = await s.call('GET', `${s.entry.path}/batches/${second.body.batch}/rejects`)
  assert.deepEqual([rejects.body.rows[0].line, rejects.body.rows[0].rule], [4, 'id-check'])
  const twice = await s.push(lines(zhang, { ...zhang, 姓名: '又一个' }), 'c')
  assert.deepEqual([twice.body.accepted, twice.body.rejected], [1, 1], JSON.stringify(twice.body))
  const over = await s.push(lines(bad), 'd')
  assert.equal(over.body.code, 'ingest.not_loaded')
  assert.deepEqual(
    (await s.pool()).map(r => r.c2),
    ['张三', '李四'],
  )
  const { rows } = await s.world.app.services.pool.query('select rows from aggregation.mount where entry_id = $1', [s.entry.id])
  assert.equal(Number(rows[0].rows), 2)
  // A file afterwards compares with what the small pushes wrote.
  const csv = `公民身份号码,姓名,月补助金额\n${zhang.公民身份号码},张三,512.5\n${li.公民身份号码},李四,\n`
  const file = await s.push(csv, 'e', { headers: { 'content-type': 'text/csv' } })
  assert.deepEqual([file.body.read, file.body.accepted, file.body.unchanged], [2, 0, 2], JSON.stringify(file.body))
})

test('what is sent wrongly is refused in words a developer can act on, and burns no key', async t => {
  const s = await setUp(t)
  const refused: [string, Awaited<ReturnType<typeof s.push>>][] = [
    ['ingest.key_missing', await s.call('POST', s.entry.path, lines(zhang), { 'content-type': 'application/x-ndjson' })],
    ['ingest.key_missing', await s.push(lines(zhang), 'x'.repeat(201))],
    ['ingest.type', await s.push(lines(zhang), 'a', { headers: { 'content-type': 'application/xml' } })],
    ['ingest.type', await s.push(lines(zhang), 'a', { headers: { 'content-encoding': 'br' } })],
    ['ingest.body_invalid', await s.push('{"姓名":', 'a')],
    ['ingest.body_invalid', await s.push(lines(zhang), 'a', { headers: { 'content-encoding': 'gzip' } })],
    ['ingest.empty', await s.push('[]', 'a')],
    ['ingest.unknown_field', await s.push(lines({ ...zhang, 爱好: '棋' }), 'a')],
    ['ingest.other_entry', await s.call('POST', 'no-such', lines(zhang), { 'idempotency-key': 'a', 'content-type': 'application/json' })],
  ]
  for (const [code, reply] of refused) {
    assert.equal(reply.body.code, code, JSON.stringify(reply.body))
    assert.match(String(reply.headers['content-type']), /problem\+json/)
  }
  assert.equal((await s.push(lines(zhang), 'a')).status, 200)
  // A field that is no item now is a change of structure: the batch stops and shows it.
  const drifted = await s.push(lines({ ...zhang, 爱好: '棋' }), 'b')
  assert.deepEqual([drifted.status, drifted.body.code], [422, 'ingest.not_loaded'])
  assert.match(drifted.body.detail, /多 1 列「爱好」/)
})

test('a key is shown once, can be replaced and ended, and works only from its addresses', async t => {
  const s = await setUp(t)
  const shown = JSON.stringify(await s.steward.ok(pushing.pushPage, { params: { id: s.source.id } }))
  assert.ok(!shown.includes(s.key) && shown.includes(`/ingest/v1/${s.entry.path}`))
  await s.steward.ok(pushing.setPushIps, { params: { id: s.keyId }, body: { ips: ['10.1.0.0/16'] } })
  assert.equal((await s.push(lines(zhang), 'a')).body.code, 'ingest.ip_not_allowed')
  await s.steward.ok(pushing.setPushIps, { params: { id: s.keyId }, body: { ips: ['127.0.0.1'] } })
  assert.equal((await s.push(lines(zhang), 'a')).status, 200)
  const { key } = await s.steward.ok(pushing.rotatePushKey, { params: { id: s.keyId } })
  assert.equal((await s.push(lines(li), 'b')).body.code, 'ingest.key_invalid')
  assert.equal((await s.push(lines(li), 'b', { headers: { authorization: `Bearer ${key}` } })).status, 200)
  await s.steward.ok(pushing.revokePushKey, { params: { id: s.keyId } })
  assert.equal((await s.push(lines(li), 'c', { headers: { authorization: `Bearer ${key}` } })).status, 401)
  const { rows } = await s.world.app.services.pool.query('select secret_hash, actor::text from aggregation.push_key')
  assert.ok(!JSON.stringify(rows).includes(key.slice(key.indexOf('_', key.indexOf('_') + 1) + 1)))
  await s.world.department({ region: '350125', name: '永泰县水利局' })
  const stranger = await s.world.person({ department: '永泰县水利局', roles: ['steward'] })
  assert.equal((await stranger.call(pushing.revokePushKey, { params: { id: s.keyId } })).status, 404)
  const inspector = await s.world.person({ department: '永泰县民政局', roles: ['inspector'] })
  const { rows: ledger } = await inspector.ok(audit.ledger, { query: {} })
  for (const label of ['生成推送密钥', '停用推送密钥', '开始批次', '拒绝推送'])
    assert.ok(
      ledger.some(r => r.label === label),
      label,
    )
})

test('a large body comes in pieces and goes on where it stopped; asked twice it is one batch', async t => {
  const s = await setUp(t)
  const body = Buffer.from(lines(zhang, li))
  const begun = await s.call('POST', 'uploads', JSON.stringify({ bytes: body.length, type: 'application/x-ndjson' }), {
    'content-type': 'application/json',
  })
  assert.equal(begun.status, 200, JSON.stringify(begun.body))
  const { id } = begun.body
  const piece = (from: number, to: number) =>
    s.call('PATCH', `uploads/${id}`, body.subarray(from, to), { 'upload-offset': String(from), 'content-type': 'application/octet-stream' })
  assert.equal((await piece(0, 20)).body.received, 20)
  // As after a lost answer, and as by somebody who skips a part.
  for (const from of [0, 40]) {
    const wrong = await piece(from, 60)
    assert.deepEqual([wrong.status, wrong.body.code, wrong.headers['upload-offset']], [409, 'ingest.offset', '20'])
  }
  const end = () => s.call('POST', `uploads/${id}/batch?wait=30`, '{}', { 'idempotency-key': 'big', 'content-type': 'application/json' })
  assert.equal((await end()).body.code, 'ingest.upload_incomplete')
  assert.equal((await s.call('GET', `uploads/${id}`)).body.received, 20)
  assert.equal((await piece(20, body.length)).body.received, body.length)
  assert.equal((await piece(body.length, body.length + 1)).status, 200)
  const done = await end()
  assert.deepEqual([done.status, done.body.accepted], [200, 2], JSON.stringify(done.body))
  const again = await end()
  assert.deepEqual([again.status, again.body.batch, again.body.repeated], [200, done.body.batch, true])
  assert.equal((await s.steward.ok(contract.batches, { query: { source: s.source.id } })).total, 1)
})

test('an array of ten thousand records arrives whole', async t => {
  const s = await setUp(t)
  const id = (n: number) => {
    const seventeen = `35012519000101${String(n % 1000).padStart(3, '0')}`.replace('19000101', `${1900 + Math.floor(n / 1000)}0101`)
    const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return seventeen + '10X98765432'[[...seventeen].reduce((sum, d, i) => sum + Number(d) * weights[i]!, 0) % 11]!
  }
  const rows = Array.from({ length: 10_000 }, (_, n) => ({ 公民身份号码: id(n), 姓名: `人\n${n}`, 月补助金额: n }))
  const sent = await s.push(JSON.stringify(rows), 'all', { wait: 0, headers: { 'content-type': 'application/json' } })
  assert.equal(sent.status, 202, JSON.stringify(sent.body))
  const { rows: batches } = await s.steward.ok(contract.batches, { query: { source: s.source.id } })
  const batch = await finished(s.steward, batches[0]!.id)
  assert.deepEqual([batch.state, batch.read, batch.accepted], ['done', 10_000, 10_000])
  assert.equal((await s.pool()).length, 10_000)
})

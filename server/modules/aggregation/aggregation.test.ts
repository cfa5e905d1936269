import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate'
import pg from 'pg'
import * as contract from '../../../contract/aggregation.ts'
import type { Item } from '../../../contract/catalog.ts'
import { createSystem } from '../../../contract/organization.ts'
import { aWorld, type Person, type World } from '../../../test/support/world.ts'
import { newId } from '../../platform/id.ts'

// ── people, an entry and files ──
const people: Partial<Item>[] = [
  { name: '公民身份号码', type: 'C', length: 18, semantic: 'id-number', identifier: true, required: true },
  { name: '姓名', type: 'C', length: 50, required: true },
  { name: '月补助金额', type: 'Y', length: 12 },
  { name: '起始日期', type: 'D', length: 8 },
  { name: '保障类别', type: 'C', length: 2, codes: ['01', '02'] },
]
const header = '身份证号,姓名,月补助金额,起始日期,保障类别'
const rows = ['35012519000101001X,张三,512.00,20260101,01', '350125190001010028,李四,300,2026-02-01,02', '350582190402290031,王五,,,']
const table = (...lines: string[]) => `${[header, ...lines].join('\n')}\n`

async function setUp(t: TestContext, items = people, state: 'published' | 'draft' = 'published') {
  const world = await aWorld(t)
  const departmentId = await world.department({ region: '350125', name: '永泰县民政局' })
  const steward = await world.person({ department: '永泰县民政局', roles: ['steward'] })
  const entryId = await anEntry(world, departmentId, items, state)
  return { world, steward, entryId, pool: world.app.services.pool }
}
let serial = 0
async function anEntry(world: World, departmentId: string, items: Partial<Item>[], state: 'published' | 'draft'): Promise<string> {
  const { pool } = world.app.services
  const id = newId()
  const content = {
    title: '城乡低保对象信息',
    items: items.map((item, i) => ({ key: `c${i + 1}`, description: '', identifier: false, required: false, ...item })),
  }
  await pool.query(
    `insert into catalog.entry (id, code, region, department_id, published, created_by) values ($1, $2, '350125', $3, $4, $1)`,
    [id, `307013350125001/${String(++serial).padStart(6, '0')}`, departmentId, state === 'published' ? 1 : null],
  )
  await pool.query(
    `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved) values ($1, 1, $2, $3, 'x', 'x', now())`,
    [id, state, JSON.stringify(content)],
  )
  return id
}

const aSystem = async (steward: Person) => (await steward.ok(createSystem, { body: { name: '民政业务系统' } })).id

async function send(_world: World, steward: Person, sourceId: string, name: string, content: string | Buffer) {
  const boundary = 'xxBOUNDARYxx'
  const payload = Buffer.concat([
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: application/octet-stream\r\n\r\n`,
    ),
    Buffer.from(content),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
  return steward.call(contract.upload, {
    params: { id: sourceId },
    body: payload,
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  })
}
async function finished(steward: Person, id: string, states = ['queued', 'running']) {
  for (let i = 0; i < 400; i++) {
    const batch = await steward.ok(contract.batch, { params: { id } })
    if (!states.includes(batch.state)) return batch
    await sleep(50)
  }
  throw new Error('batch did not finish')
}
/** A file through the wizard: source (made once), upload, proposed mapping, batch. */
async function load(
  s: Awaited<ReturnType<typeof setUp>>,
  content: string | Buffer,
  o: { source?: contract.Source; name?: string; threshold?: number } = {},
) {
  let source =
    o.source ?? (await s.steward.ok(contract.createSource, { body: { entryId: s.entryId, kind: 'file', threshold: o.threshold ?? 1 } }))
  const answer = await send(s.world, s.steward, source.id, o.name ?? '名单.csv', content)
  assert.equal(answer.status, 200, JSON.stringify(answer.problem))
  const seen = answer.body
  if (!source.ready) {
    source = await s.steward.ok(contract.saveMapping, {
      params: { id: source.id },
      body: {
        mapping: seen.mapping.map(m => ({ source: m.source, item: m.item })),
        keys: seen.keys,
        threshold: o.threshold ?? 1,
        options: {},
      },
    })
  }
  const started = await s.steward.ok(contract.startBatch, { params: { id: source.id }, body: { uploadId: seen.uploadId } })
  const batch = await finished(s.steward, started.id)
  return { source, seen, batch }
}
const counts = (b: contract.Batch) => [b.state, b.read, b.accepted, b.unchanged, b.rejected]
const rejectsOf = async (s: { steward: Person }, b: contract.Batch) =>
  (await s.steward.ok(contract.rejects, { params: { id: b.id }, query: {} })).rows.map(r => [r.line, r.itemName, r.rule])
const poolOf = async (s: Awaited<ReturnType<typeof setUp>>) => {
  const { rows: mount } = await s.pool.query('select relation, rows, keys, columns from aggregation.mount_view where entry_id = $1', [
    s.entryId,
  ])
  return (await s.pool.query(`select _key, c1, c2, c3::text, c4::text, c5 from ${mount[0].relation} order by _key`)).rows
}

/** A small workbook: sheets of cells; a number is stored as a number, text inline. */
function workbook(sheets: { name: string; rows: (string | number | null)[][]; merges?: string[] }[]): Buffer {
  const letter = (c: number) => String.fromCharCode(65 + c)
  const parts: Record<string, Uint8Array> = {
    '_rels/.rels': strToU8('<Relationships><Relationship Id="a" Type="x/officeDocument" Target="xl/workbook.xml"/></Relationships>'),
    'xl/workbook.xml': strToU8(
      `<workbook xmlns:r="r"><sheets>${sheets.map((s, i) => `<sheet name="${s.name}" sheetId="${i + 1}" r:id="r${i + 1}"/>`).join('')}</sheets></workbook>`,
    ),
    'xl/_rels/workbook.xml.rels': strToU8(
      `<Relationships>${sheets.map((_, i) => `<Relationship Id="r${i + 1}" Type="x/worksheet" Target="worksheets/sheet${i + 1}.xml"/>`).join('')}</Relationships>`,
    ),
  }
  for (const [i, sheet] of sheets.entries()) {
    const cell = (v: string | number | null, c: number, r: number) =>
      v === null
        ? ''
        : typeof v === 'number'
          ? `<c r="${letter(c)}${r + 1}"><v>${v}</v></c>`
          : `<c r="${letter(c)}${r + 1}" t="inlineStr"><is><t>${v}</t></is></c>`
    parts[`xl/worksheets/sheet${i + 1}.xml`] = strToU8(
      `<worksheet><sheetData>${sheet.rows.map((row, r) => `<row r="${r + 1}">${row.map((v, c) => cell(v, c, r)).join('')}</row>`).join('')}</sheetData>${sheet.merges?.length ? `<mergeCells>${sheet.merges.map(m => `<mergeCell ref="${m}"/>`).join('')}</mergeCells>` : ''}</worksheet>`,
    )
  }
  return Buffer.from(zipSync(parts))
}

// ── batches ──
test('a file becomes rows: typed, keyed, counted, recorded', async t => {
  const s = await setUp(t)
  const { batch, seen } = await load(s, table(...rows))
  assert.deepEqual(
    seen.mapping.map(m => m.item),
    ['c1', 'c2', 'c3', 'c4', 'c5'],
  )
  assert.match(seen.mapping[0]!.judgement, /名称＋校验位 100%/)
  assert.deepEqual(seen.keys, ['c1'])
  assert.deepEqual(counts(batch), ['done', 3, 3, 0, 0])
  assert.ok(batch.balanced)
  assert.deepEqual((await poolOf(s))[0], {
    _key: '35012519000101001X',
    c1: '35012519000101001X',
    c2: '张三',
    c3: '512.00',
    c4: '2026-01-01',
    c5: '01',
  })
  const { rows: ledger } = await s.pool.query(`select count(*)::int as n from audit.outbox where record like '%batch.done%'`)
  const { rows: blocks } = await s.pool.query(
    `select count(*)::int as n from audit.block where array_to_string(records, ' ') like '%batch.done%'`,
  )
  assert.equal(ledger[0].n + blocks[0].n, 1)
})

test('the same file again changes nothing; a changed row is accepted and its old form kept', async t => {
  const s = await setUp(t)
  const { source } = await load(s, table(...rows))
  const again = await load(s, table(...rows), { source })
  assert.deepEqual(counts(again.batch), ['done', 3, 0, 3, 0])
  const shuffled = await load(s, table(...[...rows].reverse()), { source })
  assert.deepEqual(counts(shuffled.batch), ['done', 3, 0, 3, 0])
  const spelled = await load(s, table('35012519000101001x,张三,512.0,2026/1/1,01', rows[1]!), { source })
  assert.deepEqual(counts(spelled.batch), ['done', 2, 0, 2, 0])
  const changed = await load(s, table('35012519000101001X,张三,600,20260101,01', '431123190102031248,赵六,1,20260101,01'), { source })
  assert.deepEqual([...counts(changed.batch), changed.batch.changed], ['done', 2, 2, 0, 0, 1])
  const { rows: mount } = await s.pool.query('select relation, rows from aggregation.mount_view')
  assert.equal(mount[0].rows, 4)
  const { rows: old } = await s.pool.query(`select c3::text from ${mount[0].relation.replace('pool.e_', 'pool.h_')}`)
  assert.deepEqual(old, [{ c3: '512.00' }])
})

test('every broken rule is named with line, item and remedy; the good rows are loaded', async t => {
  const s = await setUp(t)
  const { batch } = await load(
    s,
    table(
      rows[0]!,
      '350125190001010029,校验错,1,20260101,01',
      '350582190402290031,坏日期,abc,2026/2/30,09',
      '35012519000101001X,重复,1,20260101,01',
      '一列',
      '350125190001010028,,1,20260101,01',
      '410102190203048886,<script>alert(1)</script>,1,20260101,01',
      `350102191212121211,"'; drop table x; --",1,20260101,01`,
    ),
  )
  assert.deepEqual(counts(batch), ['done', 8, 3, 0, 5])
  assert.deepEqual(await rejectsOf(s, batch), [
    [3, '公民身份号码', 'id-check'],
    [4, '月补助金额', 'not-number'],
    [4, '起始日期', 'not-date'],
    [4, '保障类别', 'not-in-codes'],
    [5, '公民身份号码', 'duplicate-key'],
    [6, '整行', 'ragged'],
    [7, '姓名', 'required'],
  ])
  const page = await s.steward.ok(contract.rejects, { params: { id: batch.id }, query: { rule: 'id-check' } })
  assert.match(page.rows[0]!.remedy, /末位应为 8；请向来源核对，不要自行改号/)
  const repeat = await s.steward.ok(contract.rejects, { params: { id: batch.id }, query: { rule: 'duplicate-key' } })
  assert.match(repeat.rows[0]!.reason, /首次出现在第 2 行/)
})

test('duplicates are also found when the row was there before', async t => {
  const s = await setUp(t)
  const { source } = await load(s, table(...rows))
  const { batch } = await load(s, table(...rows, rows[0]!, '35012519000101001x,张三丰,1,20260101,01'), { source })
  assert.deepEqual(counts(batch), ['done', 5, 0, 3, 2])
  assert.deepEqual(await rejectsOf(s, batch), [
    [5, '公民身份号码', 'duplicate-key'],
    [6, '公民身份号码', 'duplicate-key'],
  ])
  assert.equal((await poolOf(s)).find(r => r._key === '35012519000101001X').c2, '张三')
})

test('too many rejects hold the whole batch; release needs a reason, return loads nothing', async t => {
  const s = await setUp(t)
  const bad = table(rows[0]!, '350125190001010029,校验错,1,20260101,01')
  const { batch } = await load(s, bad, { threshold: 0.1 })
  assert.deepEqual([...counts(batch), batch.waiting, batch.balanced], ['held', 2, 0, 0, 1, 1, true])
  assert.deepEqual((await s.pool.query('select * from aggregation.mount_view')).rows, [])
  const silent = await s.steward.call(contract.releaseBatch, { params: { id: batch.id }, body: { reason: '' } })
  assert.equal(silent.problem.code, 'aggregation.reason_required')
  await s.steward.ok(contract.releaseBatch, { params: { id: batch.id }, body: { reason: '来源确认其余各行无误' } })
  assert.deepEqual(counts(await finished(s.steward, batch.id)), ['done', 2, 1, 0, 1])
  const late = await s.steward.call(contract.returnBatch, { params: { id: batch.id }, body: { reason: '退回来源核对' } })
  assert.deepEqual([late.status, late.problem.code], [409, 'aggregation.wrong_state'])
})

test('a held batch released late leaves alone what a later one of its source said, changed or not, and brings the rest', async t => {
  const s = await setUp(t)
  const [zhang, li, wang] = ['35012519000101001X,张三', '350125190001010028,李四', '350582190402290031,王五']
  const of = (who: string, amount: number) => `${who},${amount},20260101,01`
  const { source } = await load(s, table(of(zhang!, 1), of(li!, 1)), { threshold: 0.1 })
  const held = await load(s, table(of(zhang!, 2), of(li!, 2), of(wang!, 2), '350125190001010029,校验错,1,20260101,01'), { source })
  assert.equal(held.batch.state, 'held')
  // The later one says of 张三 what was there before, and nothing of 李四.
  const later = await load(s, table(of(zhang!, 1)), { source })
  assert.deepEqual(counts(later.batch), ['done', 1, 0, 1, 0])
  await s.steward.ok(contract.releaseBatch, { params: { id: held.batch.id }, body: { reason: '来源确认其余各行无误' } })
  const late = await finished(s.steward, held.batch.id)
  assert.deepEqual([...counts(late), late.balanced], ['done', 4, 2, 1, 1, true])
  assert.match(late.messages[0]!.text, /^1 行在同一来源后来的批次里已有更新的内容，保留新值/)
  assert.deepEqual(
    (await poolOf(s)).map(r => [r.c2, r.c3]),
    [
      ['张三', '1'],
      ['李四', '2'],
      ['王五', '2'],
    ],
  )
  // Once nothing waits any more, nothing is kept in mind.
  await s.world.job('aggregation.sweep')
  assert.deepEqual((await s.pool.query('select * from aggregation.newest')).rows, [])
})

test('where rows leave with a whole reading, an earlier one is not released after a later one: what it lacks is not gone', async t => {
  const s = await setUp(t)
  const { source } = await load(s, table(rows[0]!, rows[1]!), { threshold: 0.1 })
  // Files never say what is gone; tables at a department's own machine come as files and do.
  await s.pool.query(`update aggregation.source set deletes = 'follow'`)
  const held = await load(s, table(rows[0]!, '350125190001010029,校验错,1,20260101,01'), { source })
  assert.equal(held.batch.state, 'held')
  const later = await load(s, table(...rows), { source })
  assert.deepEqual(counts(later.batch), ['done', 3, 1, 2, 0])
  const refused = await s.steward.call(contract.releaseBatch, { params: { id: held.batch.id }, body: { reason: '来源确认属实' } })
  assert.deepEqual([refused.status, refused.problem.code], [409, 'aggregation.overtaken'])
  assert.match(refused.problem.remedy!, /退回/)
  await s.steward.ok(contract.returnBatch, { params: { id: held.batch.id }, body: { reason: '后来的已经入库' } })
  assert.equal((await poolOf(s)).length, 3)
})

test('the rejects come back as a workbook that can be corrected and uploaded as it is', async t => {
  const s = await setUp(t)
  const { source, batch } = await load(s, table(rows[0]!, '350125190001010029,=cmd|calc,1,20260101,01'))
  const file = await s.world.app.inject({
    method: 'GET',
    url: `/api/aggregation/batches/${batch.id}/rejects/download?format=csv`,
    headers: await cookieOf(s),
  })
  assert.match(
    file.body,
    /原行号,身份证号,姓名,月补助金额,起始日期,保障类别,拒收原因,怎样改,原批次\r\n3,350125190001010029,'=cmd\|calc,1,20260101,01,/,
  )
  const book = await s.world.app.inject({
    method: 'GET',
    url: `/api/aggregation/batches/${batch.id}/rejects/download`,
    headers: await cookieOf(s),
  })
  const sheet = strFromU8(unzipSync(book.rawPayload)['xl/worksheets/sheet1.xml']!)
  assert.ok(sheet.includes('s="3"') && !sheet.includes('<f>'))
  const parts = unzipSync(book.rawPayload)
  parts['xl/worksheets/sheet1.xml'] = strToU8(sheet.replace('350125190001010029', '350125190001010028'))
  const fixed = await load(s, Buffer.from(zipSync(parts)), { source, name: '改好.xlsx' })
  assert.deepEqual(counts(fixed.batch), ['done', 1, 1, 0, 0])
  assert.equal((await poolOf(s)).length, 2)
})

for (const format of ['csv', 'xlsx'] as const)
  test(`a rejects list that is only half corrected (${format}): what is right comes in and is marked as mended, the rest comes back again`, async t => {
    const long = '享受最低生活保障待遇人员的公民身份号码（按照国家标准填写十八位）'
    const s = await setUp(t, [{ ...people[0]!, name: long }, ...people.slice(1)])
    const bad = `备用列,${long},姓名,月补助金额,起始日期,保障类别\n甲,350125190001010029,-李四,300,2026-02-01,02\n乙,350582190402290031,王五,三百,2026-02-30,01\n丙,35012519000101001X,张三,512,20260101,01\n`
    const { source, batch } = await load(s, bad)
    assert.deepEqual(counts(batch), ['done', 3, 1, 0, 2])
    const list = async (id: string) => {
      const { rawPayload } = await s.world.app.inject({
        method: 'GET',
        url: `/api/aggregation/batches/${id}/rejects/download?format=${format}`,
        headers: await cookieOf(s),
      })
      return rawPayload
    }
    const corrected = (file: Buffer, from: string, to: string) => {
      if (format === 'csv') return Buffer.from(file.toString().replace(from, to))
      const parts = unzipSync(file)
      const sheet = strFromU8(parts['xl/worksheets/sheet1.xml']!)
      assert.ok(sheet.includes(from))
      parts['xl/worksheets/sheet1.xml'] = strToU8(sheet.replace(from, to))
      return Buffer.from(zipSync(parts))
    }
    const half = await load(s, corrected(await list(batch.id), '350125190001010029', '350125190001010028'), {
      source,
      name: `改好.${format}`,
    })
    assert.deepEqual([...counts(half.batch), half.batch.mends], ['done', 2, 1, 0, 1, [{ id: batch.id, no: batch.no, rows: 1 }]])
    assert.deepEqual((await poolOf(s)).find(r => r._key === '350125190001010028').c2, '-李四')
    const before = await s.steward.ok(contract.batch, { params: { id: batch.id } })
    assert.deepEqual([before.rejected, before.mended], [2, 1])
    const marked = await s.steward.ok(contract.rejects, { params: { id: batch.id }, query: {} })
    assert.deepEqual(
      marked.rows.map(r => [r.line, r.rule, r.mended]),
      [
        [2, 'id-check', half.batch.no],
        [3, 'not-number', null],
        [3, 'not-date', null],
      ],
    )
    // What is still wrong comes back with its own columns in their places, and can be corrected once more.
    const again = await list(half.batch.id)
    const rest = await load(s, corrected(corrected(again, '三百', '300'), '2026-02-30', '2026-02-28'), { source, name: `再改.${format}` })
    assert.deepEqual([...counts(rest.batch), rest.batch.mends.map(m => m.no)], ['done', 1, 1, 0, 0, [half.batch.no]])
    assert.equal((await poolOf(s)).length, 3)
  })
const cookieOf = async (s: { world: World; steward: Person }) => {
  const signed = await s.world.app.inject({
    method: 'POST',
    url: '/api/session',
    payload: { username: s.steward.username, password: 'a long enough password' },
  })
  return { cookie: String(signed.headers['set-cookie']).split(';')[0]! }
}

test('[yongtai-13-1] data for an entry that is not published is refused with its article; after publication it is accepted', async t => {
  const s = await setUp(t, people, 'draft')
  const refused = await s.steward.call(contract.createSource, { body: { entryId: s.entryId, kind: 'file' } })
  assert.equal(refused.problem.reason, 'entry-not-registered')
  assert.deepEqual([refused.problem.cite!.regulation, refused.problem.cite!.article], ['yongtai-2021', '第十三条第一款'])
  await s.pool.query(`update catalog.version set state = 'published' where entry_id = $1`, [s.entryId])
  await s.pool.query('update catalog.entry set published = 1 where id = $1', [s.entryId])
  const { batch } = await load(s, table(...rows))
  assert.equal(batch.state, 'done')
})

test('another department can neither fill nor see it', async t => {
  const s = await setUp(t)
  const { source, batch } = await load(s, table(...rows))
  await s.world.department({ region: '350125', name: '永泰县教育局' })
  const other = await s.world.person({ department: '永泰县教育局', roles: ['steward'] })
  assert.equal((await other.call(contract.createSource, { body: { entryId: s.entryId, kind: 'file' } })).status, 403)
  assert.equal((await other.call(contract.source, { params: { id: source.id } })).status, 404)
  assert.equal((await other.call(contract.batch, { params: { id: batch.id } })).status, 404)
  assert.equal((await other.call(contract.rejects, { params: { id: batch.id } })).status, 404)
  assert.equal((await other.ok(contract.batches, { query: {} })).total, 0)
})

// ── bad files ──
test('files that are no table are refused in words', async t => {
  const s = await setUp(t)
  const source = await s.steward.ok(contract.createSource, { body: { entryId: s.entryId, kind: 'file' } })
  const cases: [string, string | Buffer, RegExp][] = [
    ['空.csv', '', /文件是空的/],
    ['空行.csv', '\n\n \n', /没有内容/],
    ['坏.xlsx', Buffer.from('PK\x03\x04broken'), /工作簿打不开/],
    ['旧.xls', Buffer.from('d0cf11e0a1b11ae10000000000000000', 'hex'), /旧版 \.xls/],
    ['锁.xlsx', Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.from('EncryptedPackage', 'utf16le')]), /有密码/],
    ['文.pdf', '%PDF-1.7', /PDF/],
  ]
  for (const [name, content, words] of cases) {
    const answer = await send(s.world, s.steward, source.id, name, content)
    assert.equal(answer.status, 422, name)
    assert.match(answer.problem.detail, words)
    assert.ok(answer.problem.remedy)
  }
})

test('a header without rows, and a wrong delimiter, stop in the wizard and say what to do', async t => {
  const s = await setUp(t)
  const source = await s.steward.ok(contract.createSource, { body: { entryId: s.entryId, kind: 'file' } })
  const only = await send(s.world, s.steward, source.id, 'a.csv', `${header}\n`)
  assert.deepEqual([only.body.ready, only.body.messages[0]!.code], [false, 'header-only'])
  const semicolon = await send(s.world, s.steward, source.id, 'b.csv', table(...rows).replaceAll(',', ';'))
  assert.deepEqual([semicolon.body.delimiter, semicolon.body.ready], [';', true])
  const forced = await s.steward.ok(contract.inspect, { params: { id: semicolon.body.uploadId! }, query: { delimiter: ',' } })
  assert.equal(forced.ready, false)
  assert.match(forced.messages[0]!.text, /只有一列.*看起来用分号「;」分隔/)
  const wide = await send(s.world, s.steward, source.id, 'c.csv', table(...rows).replaceAll(',', '，'))
  assert.match(wide.body.messages[0]!.text, /看起来用「，」分隔/)
})

test('GBK with one broken byte loses that row, named by line, and nothing else', async t => {
  const s = await setUp(t)
  const gbk: Record<string, number[]> = {
    张: [0xd5, 0xc5],
    三: [0xc8, 0xfd],
    李: [0xc0, 0xee],
    四: [0xcb, 0xc4],
    王: [0xcd, 0xf5],
    五: [0xce, 0xe5],
  }
  const encode = (text: string) => Buffer.from([...text].flatMap(c => gbk[c] ?? [c.charCodeAt(0)]))
  const content = encode(`sfzh,xm\n${rows.map(r => r.split(',').slice(0, 2).join(',')).join('\n')}\n`)
  content[content.indexOf(0xc0)] = 0xff
  const { batch, seen } = await load(s, content)
  assert.equal(seen.encoding, 'gb18030')
  assert.deepEqual(counts(batch), ['done', 3, 2, 0, 1])
  assert.deepEqual(await rejectsOf(s, batch), [[3, '整行', 'encoding']])
  assert.equal((await poolOf(s))[0].c2, '张三')
})

test('a workbook with two sheets and a two-row merged header; a sheet without a header is named', async t => {
  const s = await setUp(t)
  const content = workbook([
    { name: '说明', rows: [['填表说明']] },
    {
      name: '名单',
      merges: ['A1:E1', 'A2:B2', 'C2:D2', 'E2:E3'],
      rows: [
        ['2026年9月名单', null, null, null, null],
        ['基本信息', null, '补助', null, '保障类别'],
        ['身份证号', '姓名', '月补助金额', '起始日期', null],
        ['35012519000101001X', '张三', 512, '20260101', '01'],
        [null, null, null, null, null],
        ['350125190001010028', '李四', 300.5, '2026-02-01', '02'],
      ],
    },
  ])
  const { seen, batch } = await load(s, content, { name: '低保.xlsx' })
  assert.deepEqual([seen.sheet, seen.headerRow, seen.headerRows], ['名单', 2, 2])
  assert.deepEqual(
    seen.columns.map(c => c.name),
    ['基本信息 身份证号', '基本信息 姓名', '补助 月补助金额', '补助 起始日期', '保障类别'],
  )
  assert.match(seen.messages.map(m => m.text).join(), /第 1 张表『说明』没有表头，未读取/)
  assert.deepEqual(counts(batch), ['done', 2, 2, 0, 0])
  assert.equal((await poolOf(s))[1].c3, '300.5')
})

test('18-digit numbers stored as Excel numbers are refused, not guessed', async t => {
  const s = await setUp(t)
  const content = workbook([
    {
      name: 'Sheet1',
      rows: [
        ['身份证号', '姓名'],
        [Number('350125190001010028'), '李四'],
      ],
    },
  ])
  const source = await s.steward.ok(contract.createSource, { body: { entryId: s.entryId, kind: 'file' } })
  const seen = (await send(s.world, s.steward, source.id, 'a.xlsx', content)).body
  assert.equal(seen.ready, false)
  assert.match(seen.mapping[0]!.problem!, /身份证号列被 Excel 存成数字，末几位已丢失，不能导入。请把该列设为文本后重新导出。/)
  await s.steward.ok(contract.saveMapping, {
    params: { id: source.id },
    body: { mapping: seen.mapping.map(m => ({ source: m.source, item: m.item })), keys: ['c1'], threshold: 1 },
  })
  const batch = await finished(
    s.steward,
    (await s.steward.ok(contract.startBatch, { params: { id: source.id }, body: { uploadId: seen.uploadId } })).id,
  )
  assert.deepEqual(counts(batch), ['failed', 0, 0, 0, 0])
  assert.match(batch.messages[0]!.text, /被 Excel 存成数字，末几位已丢失/)
})

test('Chinese column names of any length are labels, never identifiers', async t => {
  const long = '城乡居民最低生活保障家庭共同生活成员享受待遇起始月份对应的说明文字内容其一'
  const s = await setUp(t, [
    people[0]!,
    { name: long, type: 'C', length: 50 },
    { name: `${long}二`, type: 'C', length: 50 },
    people[3]!,
    people[4]!,
  ])
  const { batch, seen } = await load(s, `公民身份号码,${long},${long}二\n35012519000101001X,甲,乙\n`)
  assert.deepEqual(
    seen.mapping.map(m => m.item),
    ['c1', 'c2', 'c3'],
  )
  assert.equal(batch.state, 'done')
  const { rows: found } = await s.pool.query(
    `select c2, c3 from ${(await s.pool.query('select relation from aggregation.mount_view')).rows[0].relation}`,
  )
  assert.deepEqual(found, [{ c2: '甲', c3: '乙' }])
})

test('a changed structure stops before anything moves and shows the difference', async t => {
  const s = await setUp(t)
  const { source } = await load(s, table(...rows))
  const { batch } = await load(s, '身份证号,姓名,月补助金额,起始日期,新列\n35012519000101001X,改名,1,20260101,x\n', { source })
  assert.equal(batch.state, 'drift')
  assert.deepEqual(batch.difference, { missing: ['保障类别'], added: ['新列'] })
  assert.equal((await poolOf(s))[0].c2, '张三')
})

// ── another database ──
async function aTable(s: Awaited<ReturnType<typeof setUp>>, rowsSql: string) {
  const url = new URL(s.world.url)
  const owner = new pg.Client({ connectionString: s.world.url })
  await owner.connect()
  await owner.query('create schema src')
  await owner.query(`create view src."名单" ("身份证号", "姓名", "月补助金额", "起始日期", "保障类别", "内部列") as ${rowsSql}`)
  await owner.end()
  return {
    kind: 'postgres' as const,
    host: url.hostname,
    port: Number(url.port || 5432),
    database: url.pathname.slice(1),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    tls: false,
    schema: 'src',
    table: '名单',
  }
}

test('a table of another PostgreSQL is read in one snapshot; the password is sealed and never returned', async t => {
  const s = await setUp(t)
  const connection = await aTable(
    s,
    `values ('35012519000101001X', '张三', 512, '2026-01-01', '01', 1), ('350125190001010028', E'李\\n四', null, null, null, 2)`,
  )
  const tried = await s.steward.ok(contract.testConnection, { body: { connection } })
  assert.ok(tried.ok && tried.tables.some(x => x.table === '名单'))
  const source = await s.steward.ok(contract.createSource, {
    body: { entryId: s.entryId, kind: 'postgres', systemId: await aSystem(s.steward), connection, threshold: 1 },
  })
  assert.ok(!JSON.stringify(source.connection).includes('password'))
  const { rows: stored } = await s.pool.query('select connection::text || secret as text from aggregation.source')
  if (connection.password) assert.ok(!stored[0].text.includes(connection.password))
  const seen = await s.steward.ok(contract.inspectTable, { params: { id: source.id } })
  assert.equal(seen.ready, true)
  await s.steward.ok(contract.saveMapping, {
    params: { id: source.id },
    body: { mapping: seen.mapping.map(m => ({ source: m.source, item: m.item })), keys: ['c1'], threshold: 1 },
  })
  const run = async () => finished(s.steward, (await s.steward.ok(contract.startBatch, { params: { id: source.id }, body: {} })).id)
  assert.deepEqual(counts(await run()), ['done', 2, 2, 0, 0])
  assert.deepEqual(counts(await run()), ['done', 2, 0, 2, 0])
  assert.equal((await poolOf(s))[1].c2, '李\n四')
  const wrong = await s.steward.ok(contract.testConnection, { body: { connection: { ...connection, port: 1 } } })
  assert.deepEqual([wrong.ok, /拒绝连接/.test(wrong.text)], [false, true])
})

test('deliveries of one source are loaded in the order they came, however many wait', async t => {
  const s = await setUp(t)
  const { source } = await load(s, table('35012519000101001X,张三,1,20260101,01'))
  const ids: string[] = []
  for (let n = 2; n <= 9; n++) {
    const seen = (await send(s.world, s.steward, source.id, '名单.csv', table(`35012519000101001X,张三,${n},20260101,01`))).body
    ids.push((await s.steward.ok(contract.startBatch, { params: { id: source.id }, body: { uploadId: seen.uploadId } })).id)
  }
  // Whichever is asked for first, the oldest goes first.
  const { runBatch } = await import('./run.ts')
  const { systemContext } = await import('../../platform/context.ts')
  await runBatch(systemContext(s.world.app.services), ids.at(-1)!)
  for (const id of ids) assert.deepEqual(counts(await finished(s.steward, id)), ['done', 1, 1, 0, 0])
  assert.equal((await poolOf(s))[0]!.c3, '9')
  const { rows } = await s.pool.query('select id from aggregation.batch where id = any($1) order by finished', [ids])
  assert.deepEqual(
    rows.map(r => r.id),
    ids,
  )
})

test('a table is followed by its time of change, on a schedule: only what is new is read, and the position moves with the rows', async t => {
  const s = await setUp(t)
  const connection = await aTable(s, `select '', '', 0, '', '', 0 where false`)
  const owner = new pg.Client({ connectionString: s.world.url })
  await owner.connect()
  owner.on('error', () => {})
  t.after(() => owner.end())
  await owner.query(`create table src.people ("身份证号" text, "姓名" text, "更新时间" timestamp)`)
  const put = (id: string, name: string, at: string) => owner.query('insert into src.people values ($1, $2, $3)', [id, name, at])
  await put('35012519000101001X', '张三', '2026-01-01 08:00')
  await put('350125190001010028', '李四', '2026-01-01 09:00')
  const systemId = await aSystem(s.steward)
  const refused = await s.steward.call(contract.createSource, {
    body: { entryId: s.entryId, kind: 'postgres', systemId, connection: { kind: 'folder', path: 'x' } },
  })
  assert.equal(refused.problem.reason, 'aggregation.connection_missing')
  const follow = { mode: 'increment' as const, cursor: '更新时间', schedule: { every: 'minutes' as const, minutes: 10 } }
  const source = await s.steward.ok(contract.createSource, {
    body: {
      entryId: s.entryId,
      kind: 'postgres',
      systemId,
      connection: { ...connection, table: 'people' },
      threshold: 1,
      follow,
    },
  })
  assert.deepEqual([source.follow.mode, source.nextRun !== null], ['increment', true])
  const fault = await s.steward.call(contract.setFollow, { params: { id: source.id }, body: { mode: 'increment', deletes: 'follow' } })
  assert.deepEqual(
    fault.problem.errors?.map(e => e.pointer),
    ['/cursor', '/deletes'],
  )
  await s.steward.ok(contract.saveMapping, {
    params: { id: source.id },
    body: {
      mapping: [
        { source: '身份证号', item: 'c1' },
        { source: '姓名', item: 'c2' },
        { source: '更新时间', item: null },
      ],
      keys: ['c1'],
      threshold: 1,
    },
  })
  const turn = async () => {
    const newest = async () => (await s.steward.ok(contract.batches, { query: { source: source.id } })).rows[0]?.id
    const before = await newest()
    await s.pool.query(`update aggregation.source set next_run = now() - interval '1 minute' where id = $1`, [source.id])
    await s.world.job('aggregation.tick')
    for (let i = 0; i < 200; i++) {
      // Not by the total: it is counted after the rows, so that a batch may stand in the one and not yet in the other.
      const id = await newest()
      if (id && id !== before) return finished(s.steward, id)
      await sleep(50)
    }
    throw new Error('the schedule started no batch')
  }
  assert.deepEqual(counts(await turn()), ['done', 2, 2, 0, 0])
  await put('350582190402290031', '王五', '2026-01-02 08:00')
  // Committed late, with a time a little before the one already reached.
  await put('350102199001010016', '赵六', '2026-01-01 08:57')
  assert.deepEqual(counts(await turn()), ['done', 3, 2, 1, 0])
  const none = await turn()
  assert.deepEqual([...counts(none), none.messages[0]?.code], ['done', 1, 0, 1, 0, undefined])
  assert.equal((await poolOf(s)).length, 4)
  await owner.query('drop table src.people')
  const gone = await turn()
  assert.equal(gone.state, 'failed', JSON.stringify(gone))
  const after = await s.steward.ok(contract.source, { params: { id: source.id } })
  assert.match(after.trouble!.text, /没有表/)
})

test('a source that goes down in the middle applies nothing, says so, and reads from the start afterwards', async t => {
  const s = await setUp(t)
  const connection = await aTable(
    s,
    `select '35012519000101001X', 'x' || i, i, '2026-01-01', '01', i from generate_series(1, 400) i, lateral (select pg_sleep(i * 0.00001)) slowly`,
  )
  const source = await s.steward.ok(contract.createSource, {
    body: { entryId: s.entryId, kind: 'postgres', systemId: await aSystem(s.steward), connection, threshold: 1 },
  })
  const seen = await s.steward.ok(contract.inspectTable, { params: { id: source.id } })
  await s.steward.ok(contract.saveMapping, {
    params: { id: source.id },
    body: { mapping: seen.mapping.map(m => ({ source: m.source, item: m.item })), keys: ['c1'], threshold: 1 },
  })
  const killer = new pg.Client({ connectionString: s.world.url })
  await killer.connect()
  let killed = 0
  const started = await s.steward.ok(contract.startBatch, { params: { id: source.id }, body: {} })
  for (let i = 0; i < 2000 && !killed; i++) {
    const { rows: found } = await killer.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'huitong-source' and query like 'copy%' and datname = current_database()`,
    )
    killed = found.length
    await sleep(1)
  }
  await killer.end()
  assert.ok(killed, 'the source was not caught reading')
  const batch = await finished(s.steward, started.id)
  assert.deepEqual(counts(batch), ['failed', 0, 0, 0, 0])
  assert.match(batch.messages[0]!.text, /断开了连接。已读取的 [\d,]+ 行没有入库，恢复后从头读，不会重复。/)
  assert.deepEqual((await s.pool.query('select * from aggregation.mount_view')).rows, [])
  await s.steward.ok(contract.retryBatch, { params: { id: batch.id }, body: {} })
  assert.deepEqual(counts(await finished(s.steward, batch.id)), ['done', 400, 1, 0, 399])
})

test('a cancelled batch leaves nothing, and can be read again', async t => {
  const s = await setUp(t)
  const slow = `select '35012519000101001X', 'x', 1, '2026-01-01', '01', 1 from generate_series(1, 400) i, lateral (select pg_sleep(case when i > 300 then 0.02 else 0 end)) slowly`
  const source = await s.steward.ok(contract.createSource, {
    body: { entryId: s.entryId, kind: 'postgres', systemId: await aSystem(s.steward), connection: await aTable(s, slow), threshold: 1 },
  })
  const seen = await s.steward.ok(contract.inspectTable, { params: { id: source.id } })
  const mapping = seen.mapping.map(m => ({ source: m.source, item: m.item }))
  await s.steward.ok(contract.saveMapping, { params: { id: source.id }, body: { mapping, keys: ['c1'], threshold: 1 } })
  const started = await s.steward.ok(contract.startBatch, { params: { id: source.id }, body: {} })
  const running = await finished(s.steward, started.id, ['queued'])
  assert.equal(running.state, 'running')
  assert.deepEqual(running.may, ['cancel'])
  await s.steward.ok(contract.cancelBatch, { params: { id: started.id }, body: { reason: '选错了表' } })
  const batch = await finished(s.steward, started.id)
  assert.deepEqual(counts(batch), ['cancelled', 0, 0, 0, 0])
  assert.deepEqual((await s.pool.query('select * from aggregation.mount_view')).rows, [])
  assert.deepEqual(batch.may, ['retry'])
})

test('a batch whose process was killed is taken up again; nothing is left behind and nothing twice', async t => {
  const s = await setUp(t)
  const { source, seen } = await load(s, table(...rows))
  const next = (await send(s.world, s.steward, source.id, 'b.csv', table(...rows, '431123190102031248,赵六,1,20260101,01'))).body
  void seen
  const { queueBatch } = await import('./commands.ts')
  const { orphans, runBatch } = await import('./run.ts')
  const { sourceById } = await import('./queries.ts')
  const { systemContext } = await import('../../platform/context.ts')
  const { rows: actor } = await s.pool.query('select actor from aggregation.batch limit 1')
  const ctx = systemContext(s.world.app.services, actor[0].actor) as any
  const id = await queueBatch(ctx, (await sourceById(ctx.db, source.id))!, { uploadId: next.uploadId! }, false)
  // As a killed process leaves it: says running, holds no lock, has no staging table.
  await s.pool.query(`update aggregation.batch set state = 'running' where id = $1`, [id])
  assert.deepEqual(await orphans(ctx), [id])
  await runBatch(ctx, id)
  assert.deepEqual(counts(await finished(s.steward, id)), ['done', 4, 1, 3, 0])
  await runBatch(ctx, id)
  assert.equal((await poolOf(s)).length, 4)
  assert.deepEqual((await s.pool.query(`select relname from pg_class where relnamespace = 'staging'::regnamespace`)).rows, [])
})

test('a file on disk comes in without the wizard', async t => {
  const s = await setUp(t)
  const folder = await mkdtemp(join(tmpdir(), 'huitong-file-'))
  t.after(() => rm(folder, { recursive: true }))
  writeFileSync(join(folder, '名单.csv'), table(...rows))
  const { importFile } = await import('./commands.ts')
  const { systemContext } = await import('../../platform/context.ts')
  const { rows: person } = await s.pool.query('select name from organization.person where id = $1', [s.steward.id])
  const actor = {
    personId: s.steward.id,
    username: s.steward.username,
    name: person[0].name,
    departmentId: s.steward.departmentId,
    department: '永泰县民政局',
    region: '350125',
    departmentRoles: [],
    roles: ['steward'],
  }
  const done = await importFile(systemContext(s.world.app.services, actor as any) as any, {
    entryId: s.entryId,
    path: join(folder, '名单.csv'),
  })
  assert.deepEqual([done.state, done.read, done.accepted], ['done', 3, 3])
})

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { crc32, deflateSync } from 'node:zlib'
import { strToU8, zipSync } from 'fflate'
import * as audit from '../../../../contract/audit.ts'
import type { EntryContent, Item } from '../../../../contract/catalog.ts'
import * as contract from '../../../../contract/documents.ts'
import { finished } from '../../../../test/support/batches.ts'
import { type Answer, aWorld, type Person } from '../../../../test/support/world.ts'
import { newId } from '../../../platform/id.ts'
import { asBeijing } from './dates.ts'
import { imageOf } from './images.ts'
import { Looker } from './looker.ts'

// ── small real files ──
function pdf(title = '关于低保的批复', extra = ''): Buffer {
  const utf16 = `FEFF${[...title].map(c => c.charCodeAt(0).toString(16).padStart(4, '0')).join('')}`
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>',
    `<< /Title <${utf16}> /Author (Zhang San) /CreationDate (D:20260924003000Z) /ModDate (D:20260925083000+08'00') >>`,
    '<< /Filter /Standard /V 1 /R 2 /O <00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff> /U <00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff> /P -4 >>',
  ]
  let body = '%PDF-1.4\n'
  const places = objects.map((object, i) => {
    const at = body.length
    body += `${i + 1} 0 obj\n${object}\nendobj\n`
    return at
  })
  const xref = body.length
  const lines = places.map(at => `${String(at).padStart(10, '0')} 00000 n \n`).join('')
  body += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${lines}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info 5 0 R ${extra}>>\nstartxref\n${xref}\n%%EOF\n`
  return Buffer.from(body, 'latin1')
}
const locked = () => pdf('密', '/Encrypt 6 0 R /ID [<0011> <0011>] ')

function png(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const out = Buffer.alloc(body.length + 8)
    out.writeUInt32BE(data.length)
    body.copy(out, 4)
    out.writeUInt32BE(crc32(body), body.length + 4)
    return out
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head[8] = 8
  const lines = Buffer.alloc((width + 1) * height)
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}
// A zip carries the time it was made: the same file made twice must be the same bytes.
const zip = (parts: Record<string, string>) =>
  Buffer.from(zipSync(Object.fromEntries(Object.entries(parts).map(([k, v]) => [k, strToU8(v)])), { mtime: '2026-09-01T00:00:00' }))
const ofd = () =>
  zip({
    'OFD.xml': `<?xml version="1.0" encoding="UTF-8"?><ofd:OFD xmlns:ofd="http://www.ofdspec.org/2016" Version="1.1" DocType="OFD"><ofd:DocBody><ofd:DocInfo><ofd:DocID>1</ofd:DocID><ofd:Title>公示 &amp; 名单</ofd:Title><ofd:Author>李四</ofd:Author><ofd:CreationDate>2026-09-01</ofd:CreationDate></ofd:DocInfo><ofd:DocRoot>/Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>`,
    'Doc_0/Document.xml': `<ofd:Document xmlns:ofd="http://www.ofdspec.org/2016"><ofd:Pages><ofd:Page ID="1"/><ofd:Page ID="2"/><ofd:Page ID="3"/></ofd:Pages></ofd:Document>`,
  })
const docx = (more: Record<string, string> = {}) =>
  zip({
    '[Content_Types].xml': `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
    'word/document.xml': '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"/>',
    'docProps/core.xml': `<cp:coreProperties xmlns:cp="a" xmlns:dc="b" xmlns:dcterms="c"><dc:title>工作方案</dc:title><dc:creator>王五</dc:creator><dcterms:created>2026-08-31T16:30:00Z</dcterms:created></cp:coreProperties>`,
    'docProps/app.xml': '<Properties><Pages>12</Pages></Properties>',
    ...more,
  })
const sha = (b: Buffer) => createHash('sha256').update(b).digest('hex')

// ── an entry of files ──
const names: Partial<Item>[] = [
  { name: '文件摘要', type: 'C', length: 64, required: true },
  { name: '文件名', type: 'C', length: 200, required: true },
  { name: '文件类型', type: 'C', length: 10 },
  { name: '字节数', type: 'I', length: 12 },
  { name: '页数', type: 'I', length: 6 },
  { name: '宽度', type: 'I', length: 6 },
  { name: '标题', type: 'C', length: 200 },
  { name: '作者', type: 'C', length: 50 },
  { name: '创建日期', type: 'D', length: 8 },
  { name: '修改时间', type: 'T', length: 14 },
  { name: '文号', type: 'C', length: 10 },
]
async function setUp(t: TestContext, more: Partial<EntryContent> = { formatClass: 1 }, items = names) {
  const world = await aWorld(t, { day: '2026-10-09' })
  const departmentId = await world.department({ region: '350125', name: '永泰县民政局' })
  await world.department({ region: '350125', name: '永泰县教育局' })
  const steward = await world.person({ department: '永泰县民政局', roles: ['steward'] })
  const id = newId()
  const { pool } = world.app.services
  await pool.query(
    `insert into catalog.entry (id, code, region, department_id, published, created_by) values ($1, '307013350125001/000001', '350125', $2, 1, $1)`,
    [id, departmentId],
  )
  const content = {
    title: '民政批复文件',
    ...more,
    items: items.map((item, i) => ({ key: `c${i + 1}`, description: '', identifier: false, required: false, ...item })),
  }
  await pool.query(
    `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved, published) values ($1, 1, 'published', $2, 'x', 'x', now(), now())`,
    [id, JSON.stringify(content)],
  )
  const rows = async () => (await pool.query(`select * from pool.e_${id.replaceAll('-', '').slice(-16)} order by c2`)).rows
  return { world, steward, id, rows, files: join(world.app.services.config.dataDir, 'files') }
}
function send(
  who: Person,
  id: string,
  files: [name: string, content: Buffer | string][],
  metadata?: string,
): Promise<Answer<typeof contract.sendDocuments>> {
  const boundary = 'xxBOUNDARYxx'
  const part = (field: string, name: string, content: Buffer | string) =>
    Buffer.concat([
      Buffer.from(
        `--${boundary}\r\ncontent-disposition: form-data; name="${field}"; filename="${name}"\r\ncontent-type: application/octet-stream\r\n\r\n`,
      ),
      Buffer.from(content as string),
      Buffer.from('\r\n'),
    ])
  const parts = files.map(([name, content]) => part('file', name, content))
  if (metadata !== undefined) parts.push(part('metadata', '说明.csv', metadata))
  return who.call(contract.sendDocuments, {
    params: { id },
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  })
}
const taken = (answer: Awaited<ReturnType<typeof send>>) => {
  assert.equal(answer.status, 200, JSON.stringify(answer.problem))
  return answer.body
}

test('files become rows with what they say of themselves and what was written beside them; bad ones are named', async t => {
  const s = await setUp(t)
  const image = png(40, 30)
  const sent = taken(
    await send(
      s.steward,
      s.id,
      [
        ['批复.pdf', pdf()],
        ['照片.png', image],
        ['照片副本.png', image],
        ['公示.ofd', ofd()],
        ['方案.docx', docx()],
        ['说明.txt', '第一条\n第二条\n'],
        ['拿错.pdf', png(1, 1)],
        ['太长.txt', '文号太长的'],
        ['病毒.pdf', Buffer.from('MZ\x90\0')],
      ],
      '文件名,文号,标题,经办\n批复.pdf,永民〔1〕号,,甲\n方案.docx,,改过的标题,\n太长.txt,一二三四五六七八九十一,,\n没有.pdf,x,,\n',
    ),
  )
  assert.deepEqual(
    sent.files.map(f => [f.name, f.outcome]),
    [
      ['拿错.pdf', 'refused'],
      ['病毒.pdf', 'refused'],
      ['批复.pdf', 'taken'],
      ['照片.png', 'taken'],
      ['照片副本.png', 'same'],
      ['公示.ofd', 'taken'],
      ['方案.docx', 'taken'],
      ['说明.txt', 'taken'],
      ['太长.txt', 'taken'],
    ],
  )
  assert.match(sent.files[0]!.text, /内容是 PNG，文件名却以 \.pdf 结尾/)
  assert.deepEqual(sent.notes, ['随附的表里「经办」不是可以填写的信息项，没有使用。', '随附的表里「没有.pdf」没有对应的文件，没有使用。'])
  const batch = await finished(s.steward, sent.batch.id)
  // Rejected as any row is: with its rule, its line and its value, in the list of the batch.
  assert.deepEqual([batch.state, batch.read, batch.accepted, batch.rejected, batch.balanced], ['done', 6, 5, 1, true])
  const rows = await s.rows()
  const shown = rows.map(r => [r.c2, r.c3, r.c5, r.c6, r.c7, r.c8, r.c11])
  assert.deepEqual(shown, [
    ['公示.ofd', 'OFD', 3, null, '公示 & 名单', '李四', null],
    ['批复.pdf', 'PDF', 2, null, '关于低保的批复', 'Zhang San', '永民〔1〕号'],
    ['方案.docx', 'DOCX', 12, null, '改过的标题', '王五', null],
    ['照片.png', 'PNG', null, 40, null, null, null],
    ['说明.txt', 'TXT', null, null, null, null, null],
  ])
  const written = await s.world.app.services.pool.query(
    `select c9::text, c10::text, c1, c4::text from pool.e_${s.id.replaceAll('-', '').slice(-16)} where c2 in ('批复.pdf', '方案.docx') order by c2`,
  )
  assert.deepEqual(written.rows, [
    { c9: '2026-09-24', c10: '2026-09-25 08:30:00', c1: sha(pdf()), c4: String(pdf().length) },
    { c9: '2026-09-01', c10: null, c1: sha(docx()), c4: String(docx().length) },
  ])
})

test('a content stands once on disk and outlives what comes after; sent again without a table, what was written beside it holds', async t => {
  const s = await setUp(t)
  const first = taken(await send(s.steward, s.id, [['甲.pdf', pdf()]], '文件名,文号\n甲.pdf,1 号\n'))
  await finished(s.steward, first.batch.id)
  const second = taken(
    await send(s.steward, s.id, [
      ['乙.pdf', pdf()],
      ['丙.txt', '丙'],
    ]),
  )
  assert.deepEqual(
    second.files.map(f => f.outcome),
    ['known', 'taken'],
  )
  assert.equal((await finished(s.steward, second.batch.id)).state, 'done')
  const rows = await s.rows()
  assert.deepEqual(
    rows.map(r => [r.c1 === sha(pdf()), r.c11]),
    [
      [false, null],
      [true, '1 号'],
    ],
  )
  const stored = readdirSync(s.files, { recursive: true, withFileTypes: true }).filter(f => f.isFile())
  assert.deepEqual(stored.map(f => f.name).sort(), [sha(pdf()), sha(Buffer.from('丙'))].sort())
  for (const f of stored) assert.equal(statSync(join(f.parentPath, f.name)).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(join(s.files, '../incoming')), [])
  const { rows: sources } = await s.world.app.services.pool.query('select kind, documents from aggregation.source')
  assert.deepEqual(sources, [{ kind: 'file', documents: true }])
})

test('two uploads at once share one source', async t => {
  const s = await setUp(t)
  const sent = await Promise.all(['甲', '乙', '丙'].map(n => send(s.steward, s.id, [[`${n}.txt`, n]])))
  for (const one of sent) assert.equal((await finished(s.steward, taken(one).batch.id)).state, 'done')
  assert.equal((await s.rows()).length, 3)
  const { rows } = await s.world.app.services.pool.query('select id from aggregation.source')
  assert.equal(rows.length, 1)
})

test('its department, the bureau and the inspectors of the region read a file, recorded, and a browser only saves it', async t => {
  const s = await setUp(t)
  const sent = taken(await send(s.steward, s.id, [['批复“一”.pdf', pdf()]]))
  await finished(s.steward, sent.batch.id)
  const params = { id: s.id, digest: sha(pdf()) }
  const inspector = await s.world.person({ department: '永泰县教育局', roles: ['inspector'] })
  const bureau = await s.world.person({ department: '永泰县教育局', roles: ['bureau'] })
  const leader = await s.world.person({ department: '永泰县民政局', roles: ['leader'] })
  for (const who of [s.steward, leader, bureau, inspector]) {
    const list = await who.ok(contract.documents, { params, query: {} })
    assert.deepEqual([list.total, list.rows[0]!.name, list.holds, !!list.upload], [1, '批复“一”.pdf', true, who === s.steward])
    const got = await who.call(contract.readDocument, { params })
    assert.equal(got.status, 200)
    assert.ok(got.raw.equals(pdf()))
    const { headers } = got
    assert.match(String(headers['content-disposition']), /^attachment; filename="[0-9a-f]{12}\.pdf"; filename\*=UTF-8''%E6/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.match(String(headers['content-security-policy']), /sandbox/)
  }
  const stranger = await s.world.person({ department: '永泰县教育局', roles: ['steward'] })
  assert.equal((await stranger.call(contract.readDocument, { params })).status, 404)
  assert.equal((await stranger.call(contract.documents, { params, query: {} })).status, 404)
  assert.equal((await send(stranger, s.id, [['a.pdf', pdf()]])).problem.code, 'aggregation.not_your_entry')
  assert.equal((await s.steward.call(contract.readDocument, { params: { ...params, digest: '0'.repeat(64) } })).status, 404)
  const { rows: ledger } = await inspector.ok(audit.ledger, { query: {} })
  assert.equal(ledger.filter(r => r.label === '下载文件原件').length, 4)
})

test('files that are broken, locked, empty, bombs, programs or something else are refused in plain words', async t => {
  const s = await setUp(t)
  const whole = docx()
  const damaged = Buffer.from(zipSync({ 'OFD.xml': [strToU8('<a>plain</a>'), { level: 0 }] }))
  damaged.write('PLAIN', damaged.indexOf('plain'))
  const bomb = Buffer.from(zipSync({ 'OFD.xml': strToU8('<a/>'), 'x.bin': new Uint8Array(80 * 1024 * 1024) }))
  const bad: [string, Buffer | string, string][] = [
    ['空.pdf', '', 'document-empty'],
    ['断.pdf', pdf().subarray(0, 300), 'document-broken'],
    ['假.pdf', Buffer.from('%PDF-1.4\nnothing\n%%EOF\n'), 'document-broken'],
    ['锁.pdf', locked(), 'document-encrypted'],
    ['断.png', png(40, 30).subarray(0, 60), 'document-broken'],
    ['断.docx', whole.subarray(0, whole.length - 40), 'document-broken'],
    ['坏.ofd', damaged, 'document-broken'],
    ['弹.ofd', bomb, 'document-bomb'],
    ['宏.docx', docx({ 'word/vbaProject.bin': 'x' }), 'document-macro'],
    ['实体.docx', docx({ 'docProps/core.xml': '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>' }), 'document-broken'],
    ['包.docx', zip({ 'a.txt': 'a' }), 'document-kind'],
    ['旧.docx', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'document-kind'],
    ['锁.docx', Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.from('EncryptedPackage', 'utf16le')]), 'document-encrypted'],
    ['脚本.txt', '#!/bin/sh\necho', 'document-executable'],
    ['程序.png', Buffer.from('\x7fELF', 'latin1'), 'document-executable'],
    ['网页.txt', '<!DOCTYPE html><script>1</script>', 'document-kind'],
    ['图.txt', '<svg onload="1"/>', 'document-kind'],
    ['乱.txt', Buffer.from([0, 1, 2, 3, 0xff, 0xfe, 0, 0, 0]), 'document-kind'],
    ['没有结尾', '文字', 'document-ending'],
    ['文字.docx', '文字', 'document-ending'],
  ]
  const { status, problem } = await send(
    s.steward,
    s.id,
    bad.map(([name, content]) => [name, content]),
  )
  assert.equal(status, 422)
  assert.equal(problem.code, 'aggregation.files_refused')
  assert.deepEqual(
    problem.errors!.map((e, i) => [bad[i]![0], e.code]),
    bad.map(([name, , code]) => [name, code]),
  )
  for (const e of problem.errors!) assert.ok(e.remedy && /\p{Script=Han}/u.test(e.message), e.message)
  const { rows } = await s.world.app.services.pool.query('select from aggregation.source union all select from aggregation.document')
  assert.equal(rows.length, 0)
  assert.equal((await send(s.steward, s.id, [])).problem.code, 'aggregation.no_upload')
  assert.equal((await send(s.steward, s.id, [['a.txt', 'a']], '名称,文号\na.txt,1\n')).problem.code, 'aggregation.file_table')
  assert.equal((await send(s.steward, s.id, [['a.txt', 'a']], '文件名,文号\na.txt,1\na.txt,2\n')).problem.code, 'aggregation.file_table')
})

test('only an entry of files takes files, and it has to say what tells them apart', async t => {
  const table = await setUp(t, { formatClass: 3, shareModeType: '数据库' })
  assert.equal((await send(table.steward, table.id, [['a.txt', 'a']])).problem.code, 'aggregation.not_of_files')
  const nameless = await setUp(t, { formatClass: 4 }, [{ name: '标题', type: 'C', length: 20 }])
  assert.equal((await send(nameless.steward, nameless.id, [['a.txt', 'a']])).problem.code, 'aggregation.files_no_key')
  const numbered = await setUp(t, { shareModeType: '文件下载', formatClass: 2 }, [
    { name: '编号', type: 'C', length: 8, identifier: true, required: true },
    { name: '文件名', type: 'C', length: 100 },
  ])
  // The same content under two numbers is two rows; a file nobody has numbered is rejected.
  const sent = taken(
    await send(
      numbered.steward,
      numbered.id,
      [
        ['甲.txt', '空白表'],
        ['乙.txt', '空白表'],
        ['丙.txt', '丙'],
      ],
      '文件名,编号\n甲.txt,1\n乙.txt,2\n',
    ),
  )
  const batch = await finished(numbered.steward, sent.batch.id)
  assert.deepEqual([batch.state, batch.accepted, batch.rejected], ['done', 2, 1])
})

test('a file is given up when it has used too much of a processor, not when its thread had to wait for one', async t => {
  const script = (work: string) =>
    new URL(`data:text/javascript,import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { ${work} })`)
  const done = `parentPort.postMessage({ done: 'seen' })`
  const slow = new Looker(script(`setTimeout(() => ${done}, 3000)`), 0.8)
  const busy = new Looker(script(`for (;;);`), 0.8)
  t.after(() => Promise.all([slow.close(), busy.close()]))
  assert.equal(await slow.look('a', 'a'), 'seen')
  await assert.rejects(busy.look('a', 'a'), { code: 'document-broken' })
})

test('images of every kind give their size', () => {
  const of = (hex: string) => imageOf(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  assert.deepEqual(imageOf(png(7, 5)), { kind: 'png', width: 7, height: 5 })
  assert.deepEqual(of('ffd8 ffe0 0004 0000 ffc0 000b 08 0005 0007 01 011100 ffda 0002 00 ffd9'), { kind: 'jpeg', width: 7, height: 5 })
  assert.deepEqual(of('474946383961 0700 0500 000000 3b'), { kind: 'gif', width: 7, height: 5 })
  const webp = (body: string) =>
    `52494646 ${Buffer.from([4 + body.replaceAll(' ', '').length / 2, 0, 0, 0]).toString('hex')} 57454250 ${body}`
  assert.deepEqual(of(webp('56503858 0a000000 00000000 060000 040000')), { kind: 'webp', width: 7, height: 5 })
  assert.deepEqual(of(webp('5650384c 05000000 2f 06000100 00')), { kind: 'webp', width: 7, height: 5 })
  assert.deepEqual(of(webp('56503820 0a000000 000000 9d012a 0700 0500')), { kind: 'webp', width: 7, height: 5 })
  assert.deepEqual(of('49492a00 08000000 0200 0001 0300 01000000 07000000 0101 0300 01000000 05000000 00000000'), {
    kind: 'tiff',
    width: 7,
    height: 5,
    pages: 1,
  })
  assert.deepEqual(of('4d4d002a 00000008 0002 0100 0003 00000001 0007 0000 0101 0004 00000001 00000005 00000000'), {
    kind: 'tiff',
    width: 7,
    height: 5,
    pages: 1,
  })
  // A directory that leads back to itself has no end.
  assert.throws(() => of('49492a00 08000000 0000 08000000'), { code: 'document-broken' })
})

test('times are told in Beijing’s time', () => {
  for (const [written, told] of [
    ["D:20260924083000+08'00'", '2026-09-24 08:30:00'],
    ['D:20260924003000Z', '2026-09-24 08:30:00'],
    ["D:20251231200000-05'00", '2026-01-01 09:00:00'],
    ['D:20260924', '2026-09-24 00:00:00'],
    ['2026-08-31T16:30:00.5Z', '2026-09-01 00:30:00'],
    ['2026-09-24', '2026-09-24 00:00:00'],
    ['2026-02-30', undefined],
    ['昨天', undefined],
  ])
    assert.equal(asBeijing(written!), told, written)
})

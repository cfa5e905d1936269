import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { unzipSync } from 'fflate'
import { parquetReadObjects } from 'hyparquet'
import iconv from 'iconv-lite'
import pg from 'pg'
import * as contract from '../../../contract/delivery.ts'
import { aGrant, people } from '../../../test/support/delivery.ts'
import { refill } from '../../../test/support/entry.ts'
import { csv } from '../../platform/export.ts'
import { verifyPackage } from './verify.ts'
import { markLength, readMark, rowMarks } from './watermark.ts'

type Given = Awaited<ReturnType<typeof aGrant>>

async function made(g: Given, body: object) {
  await g.developer.ok(contract.orderPackage, { params: g.params, body: { caseRef: 'YB-2026-9', ...body } as never })
  for (let i = 0; i < 100; i++) {
    const [newest] = await g.developer.ok(contract.packages, { params: g.params })
    if (newest!.state !== 'queued') return newest!
    await new Promise(done => setTimeout(done, 100))
  }
  throw new Error('not made')
}
async function taken(g: Given, id: string) {
  const { url } = await g.developer.ok(contract.packageLink, { params: { ...g.params, package: id } })
  const link = new URL(url).searchParams.get('link')!
  const reply = await g.world.anonymous.call(contract.takePackage, { query: { link } })
  return { link, reply }
}

test('[henan-16-6] a package: recorded before it is there, checksums that agree, one download for each link, gone after its day', async t => {
  const g = await aGrant(t, { method: 'file' })
  const p = await made(g, { format: 'csv', encoding: 'gb18030' })
  assert.deepEqual([p.state, p.rows, p.downloads], ['ready', 3, 0])
  const { link, reply } = await taken(g, p.id)
  assert.equal(reply.status, 200)
  assert.equal(createHash('sha256').update(reply.raw).digest('hex'), p.sha256)
  const files = unzipSync(reply.raw)
  const manifest = JSON.parse(Buffer.from(files['manifest.json']!).toString())
  const data = Buffer.from(files[manifest.file.name]!)
  assert.deepEqual(
    [manifest.ledger, manifest.rows, manifest.file.bytes, manifest.recipient.department],
    [p.ledger, 3, data.length, '永泰县医保局'],
  )
  assert.equal(createHash('sha256').update(data).digest('hex'), manifest.file.sha256)
  assert.equal(createHash('sm3').update(data).digest('hex'), manifest.file.sm3)
  assert.deepEqual(
    manifest.fields.map((f: { name: string; treatment: string }) => [f.name, f.treatment]),
    [
      ['姓名', 'masked'],
      ['月补助金额', 'plain'],
      ['起始日期', 'plain'],
    ],
  )
  const text = iconv.decode(data, 'gb18030')
  assert.match(text, /^姓名,月补助金额,起始日期,_水印\r\n张\*\*,512\.50,2024-02-29,/)
  for (const person of people) for (const at of [0, 1, 4]) if (person[at]) assert.ok(!text.includes(person[at]), person[at])

  const ledger = await g.ledger()
  assert.deepEqual(
    ledger
      .filter(r => r.action!.startsWith('data.'))
      .slice(-2)
      .map(r => [r.action, r.method, r.medium, r.person, r.caseNo]),
    [
      ['data.package', '数据文件', '文件', g.developerName, 'YB-2026-9'],
      ['data.download', '数据文件', '文件', g.developerName, 'YB-2026-9'],
    ],
  )
  assert.equal((await g.world.anonymous.call(contract.takePackage, { query: { link } })).problem.code, 'data.link_invalid')

  const mark = text.split('\r\n')[2]!.split(',').at(-1)!
  const steward = await g.world.person({ department: '福州市民政局', roles: ['steward'] })
  const [found] = await steward.ok(contract.traceMarks, { body: { marks: [mark, 'AAAA', mark.replace(/^./, 'z')] } })
  assert.deepEqual([found!.package, found!.row, found!.grantee], [p.no, 2, '永泰县医保局'])
  assert.deepEqual(
    [found!.operator, found!.caseRef, found!.ledger, found!.provider],
    [g.developerName, 'YB-2026-9', p.ledger, '福州市民政局'],
  )
  const stranger = await g.world.person({ department: '双牌县医保局', roles: ['steward'] })
  assert.deepEqual(await stranger.ok(contract.traceMarks, { body: { marks: [mark] } }), [])

  g.world.at('2026-06-09')
  await g.world.job('delivery.sweep')
  assert.equal((await g.developer.ok(contract.packages, { params: g.params }))[0]!.state, 'gone')
  assert.deepEqual(readdirSync(join(g.services.config.dataDir, 'packages')), [])
  assert.equal((await g.developer.call(contract.packageLink, { params: { ...g.params, package: p.id } })).status, 404)
})

test('every format holds the same rows; numbers keep their digits', async t => {
  const g = await aGrant(t, { method: 'file' })
  const json = await made(g, { format: 'json', fields: ['月补助金额'] })
  const rows = JSON.parse(Buffer.from(unzipSync((await taken(g, json.id)).reply.raw)[`${g.entry.path}.json`]!).toString())
  assert.deepEqual(
    rows.map((r: Record<string, unknown>) => r.月补助金额),
    [512.5, 99999999.99, null],
  )
  const parquet = await made(g, { format: 'parquet' })
  const file = unzipSync((await taken(g, parquet.id)).reply.raw)[`${g.entry.path}.parquet`]!
  const read = await parquetReadObjects({ file: file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer })
  assert.deepEqual(
    read.map(r => [r.姓名, r.月补助金额, r.起始日期]),
    [
      ['张**', '512.50', '2024-02-29'],
      ['李**', '99999999.99', '2025-01-01'],
      ['王**', null, null],
    ],
  )
  const xlsx = await made(g, { format: 'xlsx' })
  assert.equal(xlsx.rows, 3)
})

test('files themselves: with the list of them and evidence of each; only those chosen; a file that is not what it was makes no package', async t => {
  const g = await aGrant(t, {
    method: 'file',
    lastItem: '文件摘要',
    items: [
      { key: 'c2', treatment: 'masked' },
      { key: 'c5', treatment: 'plain' },
    ],
  })
  const { pool, config } = g.services
  // The last item now is the digest of a file.
  await pool.query(`update catalog.version set content = replace(content::text, '户籍地址', '文件摘要')::jsonb where entry_id = $1`, [
    g.entry.id,
  ])
  const contents = ['%PDF-1.4 低保批复', '%PDF-1.4 另一份', 'PK 证照'].map(text => Buffer.from(text))
  const digests = contents.map(c => createHash('sha256').update(c).digest('hex'))
  const [first, second, third] = digests as [string, string, string]
  const placeOf = (digest: string) => join(config.dataDir, 'files', digest.slice(0, 2), digest)
  for (const [i, name] of ['批复.pdf', '批复.pdf', '../电子证照'].entries()) {
    mkdirSync(dirname(placeOf(digests[i]!)), { recursive: true })
    writeFileSync(placeOf(digests[i]!), contents[i]!)
    await pool.query(
      `insert into aggregation.document (entry_id, digest, name, kind, bytes, given, batch_id, created, created_by)
       select $1, $2, $3, $4, $5, '{}', id, now(), 'test' from aggregation.batch where entry_id = $1 limit 1`,
      [g.entry.id, digests[i], name, i < 2 ? 'pdf' : 'ofd', contents[i]!.length],
    )
    await pool.query(`update ${g.entry.relation} set c5 = $1 where _key = $2`, [digests[i], people[i]![0]])
  }
  assert.ok((await g.developer.ok(contract.grant, { params: g.params })).originals)

  const p = await made(g, { format: 'originals' })
  assert.deepEqual([p.state, p.rows], ['ready', 3], p.problem ?? '')
  const { reply } = await taken(g, p.id)
  const files = unzipSync(reply.raw)
  const at = (name: string) => Buffer.from(files[name]!)
  const manifest = JSON.parse(at('manifest.json').toString())
  const names = manifest.originals.map((f: { name: string }) => f.name) as string[]
  assert.deepEqual([...names].sort(), ['__电子证照.ofd', '批复 (2).pdf', '批复.pdf'])
  assert.deepEqual(names.map(n => createHash('sha256').update(at(n)).digest('hex')).sort(), [...digests].sort())
  assert.match(at(manifest.file.name).toString(), /^\ufeff姓名,文件摘要,_水印\r\n/)
  const zip = join(config.dataDir, 'taken.zip')
  writeFileSync(zip, reply.raw)
  assert.deepEqual(await verifyPackage(zip, [], []).then(v => [v.ok, v.findings.filter(f => f.holds === false)]), [true, []])
  // One of them by itself against the evidence, and another that is not in it.
  const evidence = join(config.dataDir, 'x.evidence.json')
  writeFileSync(evidence, at(Object.keys(files).find(n => n.endsWith('.evidence.json'))!))
  writeFileSync(join(config.dataDir, '批复.pdf'), contents[1]!)
  assert.equal((await verifyPackage(evidence, [join(config.dataDir, '批复.pdf')], [])).ok, true)
  writeFileSync(join(config.dataDir, '批复.pdf'), '%PDF-1.4 低保批复。')
  assert.equal((await verifyPackage(evidence, [join(config.dataDir, '批复.pdf')], [])).ok, false)
  assert.match((await g.ledger()).findLast(r => r.action === 'data.package')!.content!, /3 行、原件 3 份：/)

  const one = await made(g, { format: 'originals', digests: [second] })
  assert.deepEqual([one.state, one.rows], ['ready', 1])
  const strange = await made(g, { format: 'originals', digests: [second, 'f'.repeat(64)] })
  assert.match(strange.problem!, /授权里没有这些文件：ffff/)

  writeFileSync(placeOf(third), 'PK 换掉的')
  assert.match((await made(g, { format: 'originals' })).problem!, /「\.\.\/电子证照\.ofd」的原件与登记的文件摘要不符/)
  rmSync(placeOf(first))
  assert.match((await made(g, { format: 'originals', digests: [first] })).problem!, /不在平台上/)
  await pool.query('delete from aggregation.document where digest = $1', [first]).catch(() => {})
  const kept = readdirSync(join(config.dataDir, 'packages'))
  assert.equal(kept.length, 2, kept.join())

  const plain = await aGrant(t, { method: 'file' })
  assert.equal((await plain.developer.ok(contract.grant, { params: plain.params })).originals, false)
  assert.match((await made(plain, { format: 'originals' })).problem!, /没有原样提供的「文件摘要」/)
})

test('a suspended grant makes no package and hands none over; another way than granted is refused', async t => {
  const g = await aGrant(t, { method: 'file' })
  assert.equal((await g.rows()).problem.code, 'data.method_not_granted')
  assert.match((await g.developer.call(contract.rotate, { params: g.params })).problem.detail, /「数据文件」，没有凭证/)
  const p = await made(g, { format: 'json' })
  const { url } = await g.developer.ok(contract.packageLink, { params: { ...g.params, package: p.id } })
  await g.set('suspended')
  const refused = await g.world.anonymous.call(contract.takePackage, { query: { link: new URL(url).searchParams.get('link')! } })
  assert.equal(refused.problem.code, 'data.grant_suspended')
  assert.equal((await g.ledger()).at(-1)!.action, 'data.refused')
  const halted = await g.developer.call(contract.orderPackage, { params: g.params, body: { format: 'csv', caseRef: 'YB-1' } })
  assert.deepEqual([halted.status, halted.problem.code], [409, 'grant.wrong_state'])
  await g.set('active')
  await g.developer.ok(contract.orderPackage, { params: g.params, body: { format: 'csv', caseRef: 'YB-1', fields: ['户籍地址'] } })
  for (let i = 0; i < 50; i++) await new Promise(done => setTimeout(done, 50))
  const failed = (await g.developer.ok(contract.packages, { params: g.params }))[0]!
  assert.deepEqual([failed.state, failed.ledger], ['failed', null])
  assert.match(failed.problem!, /不含「户籍地址」/)

  const api = await aGrant(t)
  assert.equal(
    (await api.developer.call(contract.orderPackage, { params: api.params, body: { format: 'csv', caseRef: 'YB-1' } })).status,
    403,
  )
})

test('CSV by COPY is what the same rows make one by one: formulas, quotes, line breaks, marks of records, both encodings, as of a day', async t => {
  const g = await aGrant(t, {
    method: 'file',
    items: [
      { key: 'c2', treatment: 'masked' },
      { key: 'c3', treatment: 'plain' },
      { key: 'c5', treatment: 'plain' },
    ],
  })
  const nasty = ['=cmd|"<b>', '-1.5', '-', '＝1', ' 前', '后\u3000', '甲,乙', '甲"乙', '甲\r\n乙', '\r', '\\.', '', null, '𠮷 é']
  const rows = [...nasty, ...Array.from({ length: 5000 }, (_, i) => `樟城镇${i}号`)].map((text, i) => [
    String(100_000 + i),
    '王五',
    i % 3 ? null : `${i}.50`,
    null,
    text,
  ])
  await refill(g.services.pool, g.entry, ['c1', 'c2', 'c3', 'c4', 'c5'], rows)
  for (const [record, kind] of [
    ['100002', 'objection'],
    ['100003', 'objection'],
    ['100003', 'doubt'],
  ])
    await g.services.pool.query(
      'insert into quality.mark (case_no, entry_id, record, ground, since, kind) values ($1, $2, $3, $4, now(), $5)',
      [`${record} ${kind}`, g.entry.id, record, 'x', kind],
    )
  const key = createSecretKey(g.services.secrets.derive('delivery.row-mark'))
  const said = new Map([
    ['100002', /有异议/],
    ['100003', /疑义/],
  ])
  for (const body of [{ encoding: 'utf-8' }, { encoding: 'gb18030' }, { encoding: 'utf-8', asOf: '2026-06-01' }]) {
    const p = await made(g, { format: 'csv', ...body })
    assert.deepEqual([p.state, p.rows, p.problem], ['ready', body.asOf ? 0 : rows.length, null])
    const { reply } = await taken(g, p.id)
    const data = Buffer.from(unzipSync(reply.raw)[`${g.entry.path}.csv`]!)
    const n = Number(p.no.replace(/\D/g, ''))
    const columns = ['姓名', '月补助金额', '户籍地址', '_标注', '_水印'].map((name, i) => ({ key: String(i), name, type: 'C' }))
    const text = iconv.decode(data, body.encoding)
    const told = (record: string) => said.has(record) && new RegExp(`[^,]*${said.get(record)!.source}[^,]*`).exec(text)![0]
    const wanted = (body.asOf ? [] : rows).map((row, i) => [
      '王**',
      row[2],
      row[4],
      told(row[0]!) || null,
      rowMarks(key, n, i + 1, 1).toString(),
    ])
    const pieces: Uint8Array[] = []
    for await (const piece of csv(
      columns,
      wanted.map(row => ({ ...row })),
      { bom: body.encoding === 'utf-8' },
    ))
      pieces.push(piece)
    const expected = iconv.encode(Buffer.concat(pieces).toString(), body.encoding)
    assert.ok(data.equals(expected), `${body.encoding}: ${text.slice(0, 900)}`)
    if (existsSync('/usr/bin/unzip')) execFileSync('/usr/bin/unzip', ['-tq', join(g.services.config.dataDir, 'packages', `${p.id}.zip`)])
  }
})

test('a grant suspended while a long copy runs stops it: no file, the refusal in the ledger', async t => {
  const g = await aGrant(t, { method: 'file' })
  await refill(
    g.services.pool,
    g.entry,
    ['c1', 'c2', 'c3', 'c4', 'c5'],
    Array.from({ length: 50_000 }, (_, i) => [String(i), '王五', null, null, null]),
  )
  const admin = new pg.Client({ connectionString: g.services.pool.options.connectionString })
  admin.on('error', () => {})
  await admin.connect()
  t.after(() => admin.end())
  // A hundred seconds and more for all of them, some kB each so that they leave at once.
  await admin.query(`create or replace function delivery.mask_name(value text) returns text language plpgsql as
    $$ begin perform pg_sleep(0.002); return repeat('*', 5000); end $$`)
  const copying = async () =>
    (await admin.query('select tuples_processed::int as n from pg_stat_progress_copy where datname = current_database()')).rows[0]?.n
  const until = async (what: () => Promise<boolean>) => {
    for (let i = 0; !(await what()); i++) {
      assert.ok(i < 300, 'in time')
      await new Promise(done => setTimeout(done, 100))
    }
  }
  const files = () => readdirSync(join(g.services.config.dataDir, 'packages'))
  for (const format of ['csv', 'parquet'] as const) {
    if (format !== 'csv') await g.set('active')
    await g.developer.ok(contract.orderPackage, { params: g.params, body: { format, caseRef: `YB-${format}` } })
    await until(async () => (await copying()) > 100)
    assert.ok(files().length)
    await g.set('suspended')
    await until(async () => (await g.developer.ok(contract.packages, { params: g.params }))[0]!.state === 'failed')
    await until(async () => (await copying()) === undefined)
    assert.deepEqual(files(), [])
    const last = (await g.ledger()).at(-1)!
    assert.deepEqual([last.action, last.method, last.caseNo], ['data.refused', '数据文件', `YB-${format}`])
  }
})

test('data that are gone fail the package and leave no file', async t => {
  const g = await aGrant(t, { method: 'file' })
  await g.services.pool.query(`drop table ${g.entry.relation}`)
  const p = await made(g, { format: 'csv' })
  assert.deepEqual([p.state, p.ledger], ['failed', null])
  assert.match(p.problem!, /目前没有挂接数据/)
  assert.deepEqual(readdirSync(join(g.services.config.dataDir, 'packages')), [])
})

test('a mark is read by who made it, and by nobody who guesses; marks of earlier packages are still read', () => {
  const [block, seal, other] = [1, 2, 3].map(byte => createSecretKey(Buffer.alloc(32, byte))) as [KeyObject, KeyObject, KeyObject]
  const keys = { block, seal }
  const marks = rowMarks(block, 7, 123_455, 3).toString()
  const mark = marks.slice(markLength, 2 * markLength)
  assert.equal(marks.length, 3 * markLength)
  assert.deepEqual(readMark(keys, mark), { packageNo: 7, row: 123_456 })
  assert.equal(rowMarks(block, 7, 123_456, 1).toString(), mark)
  assert.equal(readMark({ block: other, seal }, mark), null)
  for (const bad of ['', 'x', `${mark}A`, mark.slice(1), mark.replace(/.$/, '_'), mark.replace(/^./, c => (c === 'A' ? 'B' : 'A'))])
    assert.equal(readMark(keys, bad), null)

  const body = Buffer.from('000000070001e240', 'hex')
  const before = Buffer.concat([body, createHmac('sha256', seal).update(body).digest().subarray(0, 6)]).toString('base64url')
  assert.equal(before.length, 19)
  assert.deepEqual(readMark(keys, before), { packageNo: 7, row: 123_456 })
  assert.equal(readMark({ block, seal: other }, before), null)
})

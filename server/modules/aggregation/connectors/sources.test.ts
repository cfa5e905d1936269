import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as contract from '../../../../contract/aggregation.ts'
import * as organization from '../../../../contract/organization.ts'
import { deliver, finished } from '../../../../test/support/batches.ts'
import { aPlace, aPlainEntry } from '../../../../test/support/country.ts'
import { aMariadb, noMariadb } from '../../../../test/support/mariadb.ts'

test('a MariaDB table fills an entry through the wizard; its password is sealed and never returned', { skip: noMariadb }, async t => {
  const m = (await aMariadb(t))!
  await m.sql(
    `create database d; use d; create table jg (机构编号 varchar(20) primary key, 机构名称 varchar(50), 床位数 int); insert into jg values ('A001', '长者之家', 120), ('A002', '福寿院', 60)`,
  )
  const p = await aPlace(t, 'yongtai')
  const entry = await p.register(aPlainEntry())
  const { id: systemId } = await p.provider.ok(organization.createSystem, { body: { name: '养老业务系统' } })
  const connection = { kind: 'mysql' as const, host: m.host, port: m.port, database: 'd', user: m.user, password: m.password, table: 'jg' }
  const tried = await p.provider.ok(contract.testConnection, { body: { connection } })
  assert.match(tried.text, /连接成功：MySQL \/ MariaDB 1/)
  const bad = await p.provider.ok(contract.testConnection, { body: { connection: { ...connection, password: 'wrong' } } })
  assert.deepEqual([bad.ok, bad.remedy !== null], [false, true])
  const source = await p.provider.ok(contract.createSource, {
    body: { entryId: entry.id, kind: 'mysql', systemId, connection, threshold: 1 },
  })
  assert.ok(!JSON.stringify(source).includes(connection.password))
  const { rows: stored } = await p.world.app.services.pool.query('select row_to_json(s)::text as text from aggregation.source s')
  assert.ok(!stored[0].text.includes(connection.password))
  const seen = await p.provider.ok(contract.inspectTable, { params: { id: source.id } })
  await p.provider.ok(contract.saveMapping, {
    params: { id: source.id },
    body: { mapping: seen.mapping.map(x => ({ source: x.source, item: x.item })), keys: ['c1'], threshold: 1 },
  })
  const run = async () => finished(p.provider, (await p.provider.ok(contract.startBatch, { params: { id: source.id }, body: {} })).id)
  const first = await run()
  assert.deepEqual([first.state, first.read, first.accepted, first.rejected], ['done', 2, 2, 0])
  const again = await run()
  assert.deepEqual([again.state, again.unchanged], ['done', 2])
})

test('JSON, NDJSON and XML files fill an entry like CSV; a rejected row names its line', async t => {
  const p = await aPlace(t, 'yongtai')
  const entry = await p.register(aPlainEntry())
  const json = JSON.stringify({ data: [{ 机构编号: 'A001', 机构名称: '长者之家', 床位数: 120 }] })
  const { source, batch } = await deliver(p.provider, entry, json, { name: '名录.json', keys: ['c1'] })
  assert.deepEqual([batch.state, batch.accepted, batch.rejected], ['done', 1, 0])
  const lines = `${json.slice(9, -2)}\n{"机构编号":"A002","机构名称":"福寿院","床位数":"12345678901"}\n{"机构编号":"A003",\n`
  const second = (await deliver(p.provider, entry, lines, { source: { ...source, ready: true }, name: 'x.ndjson' })).batch
  assert.deepEqual([second.read, second.unchanged, second.rejected], [3, 1, 2])
  const { rows } = await p.provider.ok(contract.rejects, { params: { id: second.id } })
  assert.deepEqual(rows.map(r => [r.line, r.rule]).sort(), [
    [2, 'too-long'],
    [3, 'ragged'],
  ])
  const xml =
    '<?xml version="1.0"?><list><org><机构编号>A001</机构编号><机构名称>长者之家</机构名称><床位数>121</床位数></org><org><机构编号>A009</机构编号><机构名称>九</机构名称><床位数>1</床位数></org></list>'
  const third = (await deliver(p.provider, entry, xml, { source: { ...source, ready: true }, name: 'x.xml' })).batch
  assert.deepEqual([third.state, third.accepted, third.changed], ['done', 2, 1])
})

test('a watched folder: every file is taken once, in the order of its time; a changed one is taken again', async t => {
  const p = await aPlace(t, 'yongtai')
  const root = mkdtempSync(join(tmpdir(), 'huitong-root-'))
  t.after(() => rmSync(root, { recursive: true }))
  const put = (name: string, content: string, minutes: number) => {
    writeFileSync(join(root, name), content)
    const at = new Date(Date.now() - minutes * 60_000)
    utimesSync(join(root, name), at, at)
  }
  const header = '机构编号,机构名称,床位数\n'
  put('b.csv', `${header}A001,新名,1\n`, 5)
  put('a.csv', `${header}A001,旧名,1\n`, 9)
  const connection = { kind: 'folder' as const, path: '.', pattern: '*.csv' }
  const closed = await p.provider.ok(contract.testConnection, { body: { connection } })
  assert.match(closed.remedy!, /HUITONG_FOLDER_ROOT/)
  p.world.app.services.config.sources = { folders: root, local: false }
  const tried = await p.provider.ok(contract.testConnection, { body: { connection } })
  assert.deepEqual([tried.ok, tried.files.map(f => f.name)], [true, ['a.csv', 'b.csv']])
  const entry = await p.register(aPlainEntry())
  const { id } = await p.provider.ok(contract.createSource, { body: { entryId: entry.id, kind: 'folder', connection, threshold: 1 } })
  const mapping = ['机构编号', '机构名称', '床位数'].map((source, i) => ({ source, item: `c${i + 1}` }))
  await p.provider.ok(contract.saveMapping, { params: { id }, body: { mapping, keys: ['c1'], threshold: 1 } })
  const pull = async () => {
    const { batches } = await p.provider.ok(contract.pullNow, { params: { id } })
    const done = []
    for (const batch of batches) done.push(await finished(p.provider, batch))
    return done.map(b => [b.name, b.state])
  }
  assert.deepEqual(await pull(), [
    ['a.csv', 'done'],
    ['b.csv', 'done'],
  ])
  assert.deepEqual(await pull(), [])
  put('b.csv', `${header}A001,更新的名,1\n`, 2)
  assert.deepEqual(await pull(), [['b.csv', 'done']])
})

test('an HTTP interface is pulled as one file; its token is sealed, never returned, and goes to no other server', async t => {
  const p = await aPlace(t, 'yongtai')
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization)
    const page = Number(new URL(request.url!, 'http://x').searchParams.get('page'))
    response.end(JSON.stringify({ data: page > 2 ? [] : [{ 机构编号: `A00${page}`, 机构名称: '院', 床位数: page }] }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  t.after(() => server.close())
  const connection = {
    kind: 'http' as const,
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/list`,
    auth: 'bearer' as const,
    password: 'geheimes-token',
    paging: { by: 'page' as const, rows: 1 },
  }
  const refused = await p.provider.ok(contract.testConnection, { body: { connection } })
  assert.deepEqual([refused.ok, asked.length], [false, 0])
  p.world.app.services.config.sources = { folders: null, local: true }
  assert.ok((await p.provider.ok(contract.testConnection, { body: { connection } })).ok)
  const entry = await p.register(aPlainEntry())
  const source = await p.provider.ok(contract.createSource, { body: { entryId: entry.id, kind: 'http', connection, threshold: 1 } })
  assert.deepEqual([source.secrets, JSON.stringify(source).includes('geheim')], [['password'], false])
  const mapping = ['机构编号', '机构名称', '床位数'].map((name, i) => ({ source: name, item: `c${i + 1}` }))
  await p.provider.ok(contract.saveMapping, { params: { id: source.id }, body: { mapping, keys: ['c1'], threshold: 1 } })
  const { batches } = await p.provider.ok(contract.pullNow, { params: { id: source.id } })
  const batch = await finished(p.provider, batches[0]!)
  assert.deepEqual([batch.state, batch.accepted], ['done', 2])
  assert.ok(asked.every(a => a === 'Bearer geheimes-token'))
  const moved = { ...connection, url: 'http://elsewhere.example/list', password: '' }
  const fault = await p.provider.call(contract.setConnection, { params: { id: source.id }, body: moved })
  assert.deepEqual([fault.status, fault.problem.errors?.map(e => e.pointer)], [422, ['/password']])
  const { rows } = await p.world.app.services.pool.query(
    `select coalesce((select string_agg(r::text, '') from audit.entry r), '') || (select string_agg(s::text, '') from aggregation.source s) || coalesce((select string_agg(o::text, '') from audit.outbox o), '') as text`,
  )
  assert.ok(!rows[0].text.includes('geheim'))
})

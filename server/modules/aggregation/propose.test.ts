import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import * as catalog from '../../../contract/catalog.ts'
import { createSystem } from '../../../contract/organization.ts'
import * as contract from '../../../contract/proposals.ts'
import { finished } from '../../../test/support/batches.ts'
import { act, aPlace, aPlainEntry, inPlace } from '../../../test/support/country.ts'
import { named, propose, typeOf } from './propose.ts'

test('a comment is cut where its explanation begins', () => {
  for (const [comment, name] of [
    ['性别：1男 2女', '性别'],
    ['姓名（全称）', '姓名'],
    ['状态(0停用,1启用)', '状态'],
    ['月补助金额，单位元', '月补助金额'],
    ['  备注 ', '备注'],
    ['', ''],
  ] as const)
    assert.equal(named(comment), name)
})

test('types of PostgreSQL and MySQL become those of the template', () => {
  for (const [type, name, want] of [
    ['character varying(50)', 'x', { type: 'C', length: 50 }],
    ['numeric(12,2)', '月补助金额', { type: 'Y', length: 12, scale: 2 }],
    ['decimal(10,0)', '床位数', { type: 'N', length: 10 }],
    ['bigint(20) unsigned', 'x', { type: 'I' }],
    ['tinyint(1)', 'x', { type: 'L' }],
    ['datetime(3)', 'x', { type: 'T' }],
    ['date', 'x', { type: 'D', length: 8 }],
    ["enum('男','女','it''s')", 'x', { type: 'C', length: 50, codes: ['男', '女', "it's"] }],
    ['longtext', 'x', { type: 'M' }],
    ['jsonb', 'x', { type: 'G' }],
  ] as const)
    assert.deepEqual(typeOf(type, name), want, type)
})

test('identifiers and personal data are told by their check digits, not by the name of the column', () => {
  const column = (name: string, comment = '', key = false) => ({ name, type: 'character varying(50)', comment, key, nullable: !key })
  const rows = [
    ['35012519000101001X', '张三', '13800138000', '6222020200112230', '110101', '35012519000101001Y'],
    ['350125190001010028', '李四', '13900139000', '1234567890123456', '', '12'],
  ]
  const look = {
    columns: [
      column('a'),
      column('xm', '姓名'),
      column('b', '联系方式'),
      column('k', '银行卡号'),
      column('c', '登记号'),
      column('身份证号'),
    ],
    rows,
    estimate: 2,
  }
  const { content, columns } = propose({ schema: 's', table: 't', rows: 2, comment: '城乡低保对象信息表（2026 年起）' }, look, 'MySQL')
  assert.deepEqual(
    content.items.map(i => [i.name, i.semantic, i.identifier, i.sensitive]),
    [
      ['a', 'id-number', true, 'privacy'],
      ['姓名', 'person-name', false, 'privacy'],
      ['联系方式', 'mobile', false, 'privacy'],
      ['银行卡号', undefined, false, undefined],
      ['登记号', undefined, false, undefined],
      ['身份证号', undefined, false, undefined],
    ],
  )
  assert.deepEqual([content.title, content.subject, content.abstract], ['城乡低保对象信息', 'person', '城乡低保对象信息表（2026 年起）'])
  assert.equal(columns[0]!.seen, '样例 2 个值，校验位 100% 符合')
})

test('tables of a database become drafts; once published the first batch is one click', async t => {
  const p = await aPlace(t, 'yongtai')
  const url = new URL(p.world.url)
  const owner = new pg.Client({ connectionString: p.world.url })
  await owner.connect()
  await owner.query(`create schema src;
    create table src.jg (bh varchar(20) primary key, mc varchar(100) not null, cws integer, lxdh varchar(20));
    comment on table src.jg is '养老机构名录表'; comment on column src.jg.bh is '机构编号'; comment on column src.jg.mc is '机构名称（全称）';
    comment on column src.jg.cws is '床位数：张'; comment on column src.jg.lxdh is '联系电话';
    insert into src.jg values ('A001', '长者之家', 120, '13800138000'), ('A002', '福寿院', 60, '13900139000')`)
  await owner.end()
  const connection = {
    kind: 'postgres' as const,
    host: url.hostname,
    port: Number(url.port || 5432),
    database: url.pathname.slice(1),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password) || 'x',
    schema: 'src',
  }
  const tables = [
    { schema: 'src', table: 'jg' },
    { schema: 'src', table: 'nothing' },
  ]
  const { proposals } = await p.provider.ok(contract.proposeEntries, { body: { connection, tables } })
  assert.match(proposals[1]!.trouble!, /没有表/)
  const [one] = proposals
  assert.deepEqual(
    one!.content.items.map(i => [i.name, i.type, i.length, i.required, i.identifier, i.semantic]),
    [
      ['机构编号', 'C', 20, true, true, undefined],
      ['机构名称', 'C', 100, true, false, undefined],
      ['床位数', 'I', undefined, false, false, undefined],
      ['联系电话', 'C', 20, false, false, 'mobile'],
    ],
  )
  // The steward leaves one column out and fills in what a table cannot say.
  const items = one!.content.items.slice(0, 3)
  const content = inPlace(p.region, { ...aPlainEntry(), title: one!.content.title, items })
  const mapping = one!.columns.map((c, i) => ({ source: c.name, item: i < 3 ? c.item : null }))
  const { id: systemId } = await p.provider.ok(createSystem, { body: { name: '养老业务系统' } })
  const { entries } = await p.provider.ok(contract.confirmProposals, {
    body: { connection, systemId, entries: [{ schema: 'src', table: 'jg', content, mapping }] },
  })
  const [draft] = entries
  assert.deepEqual([entries.length, draft!.title, draft!.ready], [1, '养老机构名录', false])
  assert.ok(!JSON.stringify(entries).includes('password'))
  const { rows } = await p.world.app.services.pool.query('select connection, secret from aggregation.prepared')
  assert.ok(!('password' in rows[0].connection) && !rows[0].secret.includes(connection.password))
  const early = await p.provider.call(contract.startPrepared, { params: { entryId: draft!.entryId } })
  assert.equal(early.problem.reason, 'entry-not-registered')
  const other = await p.consumer.call(contract.startPrepared, { params: { entryId: draft!.entryId } })
  assert.equal(other.status, 404)

  const code = draft!.code.replace('/', '-')
  const { caseNo } = await p.provider.ok(catalog.submitEntry, { params: { code } })
  if (caseNo) await act(p.authority, caseNo, 'publish')
  assert.deepEqual(
    (await p.provider.ok(contract.preparedEntries, {})).entries.map(e => e.ready),
    [true],
  )
  const { batchId } = await p.provider.ok(contract.startPrepared, { params: { entryId: draft!.entryId } })
  const batch = await finished(p.provider, batchId)
  assert.deepEqual([batch.state, batch.read, batch.accepted], ['done', 2, 2])
  assert.deepEqual((await p.provider.ok(contract.preparedEntries, {})).entries, [])
})

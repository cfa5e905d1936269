import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import * as bases from '../../../contract/bases.ts'
import * as delivery from '../../../contract/delivery.ts'
import * as organization from '../../../contract/organization.ts'
import * as contract from '../../../contract/sharing.ts'
import { anEntry, identity, idNumber, load, settled, setUp } from '../../../test/support/bases.ts'
import { connect } from '../../../test/support/country.ts'
import type { Person } from '../../../test/support/world.ts'

let systems = 0
const [zhang, li] = [1, 2].map(idNumber) as [string, string]

/** The base of persons of 福州, made of what the police knows; and departments of the city, of a county in it, and of another province. */
async function population(t: TestContext) {
  const w = await setUp(t)
  const { world } = w
  await world.department({ region: '350125', name: '永泰县医保局' })
  await world.department({ region: '431123', name: '双牌县医保局' })
  const county = await world.person({ department: '永泰县医保局', roles: ['steward', 'developer'] })
  const abroad = await world.person({ department: '双牌县医保局', roles: ['steward', 'developer'] })
  const hukou = await anEntry(world, w.police, '户籍人口', [identity, { name: '姓名' }, { name: '住址' }, { name: '血型' }])
  const result = await anEntry(
    world,
    w.builder,
    '人口基础信息',
    [
      identity,
      { name: '姓名', semantic: 'person-name' },
      { name: '住址', semantic: 'address' },
      { name: '血型' },
      { name: '备注', shareClass: 'denied' },
    ],
    { kind: 1 },
  )
  const { id } = await w.builder.ok(bases.createBaseDatabase, { body: { theme: '人口', title: '人口基础数据库' } })
  const plan: bases.BasePlan = {
    subject: 'person',
    sources: [{ entryId: hukou.id, identifier: 'c1' }],
    attributes: ['c2', 'c3', 'c4'].map(item => ({ item, rest: 'order', sources: [{ entryId: hukou.id, item, authority: true }] })),
  }
  const csv = `公民身份号码,姓名,住址,血型\n${zhang},张三丰,福建省福州市鼓楼区东街1号2座303室,A\n${li},李四,福建省福州市鼓楼区南街2号1座101室,B\n`
  await load(w.police, hukou, csv)
  await w.builder.ok(bases.declareBase, { params: { id: id! }, body: { version: 0, entryId: result.id, plan } })
  const made = await settled(world, w.builder, id!)
  const systemOf = async (who: Person) => (await who.ok(organization.createSystem, { body: { name: `业务系统${++systems}` } })).id
  const take = async (who: Person, more: object = {}) =>
    who.call(contract.access, {
      body: { entryId: result.id, system: await systemOf(who), purpose: '核对参保人员的身份', duty: '基本医疗保险参保登记', ...more },
    })
  const offer = (items: object[], way = '由统一接口提供，只用于核对办事人员') =>
    w.builder.call(bases.offerDatabase, { params: { id: id! }, body: { items, way } as never })
  return { ...w, county, abroad, result, id: id!, made, take, offer }
}

test('the builder opens a base to all departments of the region: named items compared or masked, each taken in one step and recorded', async t => {
  const p = await population(t)
  assert.deepEqual(
    p.made.entry!.items.map(i => [i.name, i.proposed]),
    [
      ['公民身份号码', 'verify'],
      ['姓名', 'masked'],
      ['住址', 'masked'],
      ['血型', 'verify'],
      ['备注', null],
    ],
  )
  // Before it is open, a conditional entry has to be applied for.
  assert.equal((await p.take(p.civil)).problem.code, 'sharing.application_needed')
  const [closed] = (await p.civil.ok(contract.baseInterfaces)).rows
  assert.deepEqual([closed!.title, closed!.open, closed!.items, closed!.grant], ['人口基础数据库', false, [], null])

  const items = p.made.entry!.items.flatMap(i => (i.proposed && i.name !== '住址' ? [{ key: i.key, treatment: i.proposed }] : []))
  assert.equal(
    (await p.police.call(bases.offerDatabase, { params: { id: p.id }, body: { items } })).problem.code,
    'aggregation.database_owner',
  )
  assert.deepEqual((await p.offer(items)).body.offer!.items.length, 3)
  for (const who of [p.civil, p.county]) {
    const [row] = (await who.ok(contract.baseInterfaces)).rows
    assert.deepEqual(
      [row!.open, row!.builder, row!.rows, row!.items.map(i => `${i.name} ${i.treatmentLabel}`), row!.others],
      [true, '大数据委', 2, ['公民身份号码 仅核验', '姓名 脱敏（只留姓：李**）', '血型 仅核验'], ['住址']],
    )
    assert.equal(row!.cite.article, '第十九条')
    const { body: grant } = await p.take(who)
    assert.deepEqual(
      [grant.state, grant.awaits, grant.caseNo, grant.items.map(i => i.treatment), grant.agreedWay, grant.cite.article],
      ['active', [], null, ['verify', 'masked', 'verify'], '由统一接口提供，只用于核对办事人员', '第十九条'],
    )
    assert.match(grant.approver, /大数据委（人口基础数据库对各部门开放的接口）/)
    assert.equal((await who.ok(contract.baseInterfaces)).rows[0]!.grant!.no, grant.no)
  }
  assert.deepEqual((await p.abroad.ok(contract.baseInterfaces)).rows, [])
  assert.equal((await p.take(p.abroad)).problem.code, 'sharing.application_needed')
  assert.equal((await p.take(p.builder)).problem.code, 'sharing.own')
  const nothing = await p.take(p.civil, { purpose: '', duty: '' })
  assert.equal(nothing.status, 422)

  // What leaves is what was offered, whatever the request says.
  const { body: narrow } = await p.take(p.county, {
    items: [
      { key: 'c2', treatment: 'plain' },
      { key: 'c3', treatment: 'plain' },
    ],
  })
  assert.deepEqual(
    narrow.items.map(i => [i.name, i.treatment]),
    [['姓名', 'masked']],
  )
  const read = await connect(p.world, p.county, narrow.id)
  const path = p.result.code.replace('/', '-')
  assert.deepEqual(((await read(path)).body as unknown as { rows: object[] }).rows, [{ 姓名: '张**' }, { 姓名: '李**' }])
  const used = (await p.county.ok(delivery.useRecords, { query: {} })).rows[0]!
  assert.deepEqual(
    [used.purpose, used.person, used.grantee, used.method, used.medium, used.caseRef, used.status],
    ['核对参保人员的身份', '周倩', '永泰县医保局', '服务接口', '接口报文', 'YW-2026-77', 200],
  )
})

test('as it is an item is offered only with a reason; a denied one never; closed again nobody takes it, and grants stay', async t => {
  const p = await population(t)
  const verdict = async (items: object[], way?: string) => {
    const reply = await p.offer(items, way)
    return reply.status === 200 ? 'open' : reply.problem.errors!.map(e => `${e.pointer} ${e.code}`).join()
  }
  assert.equal(await verdict([{ key: 'c4', treatment: 'plain' }]), '/items/0 reason-required')
  assert.equal(await verdict([{ key: 'c5', treatment: 'verify' }]), '/items/0 share-type-not-shareable')
  assert.equal(await verdict([{ key: 'c9', treatment: 'verify' }]), '/items/0 field-not-registered')
  assert.equal(await verdict([{ key: 'c2', treatment: 'masked', profile: 'mobile' }]), '/items/0 field-invalid')
  assert.equal(await verdict([{ key: 'c2', treatment: 'masked' }], ''), '/way field-missing')
  assert.equal(await verdict([{ key: 'c4', treatment: 'plain', reason: '急救调血需要原值' }]), 'open')
  const { body: grant } = await p.take(p.civil)
  assert.deepEqual(
    grant.items.map(i => [i.name, i.treatment]),
    [['血型', 'plain']],
  )
  assert.equal(await verdict([]), 'open')
  assert.equal((await p.take(p.health)).problem.code, 'sharing.application_needed')
  assert.equal((await p.civil.ok(delivery.grant, { params: { id: grant.id } })).state, 'active')
  await p.world.app.services.ledger.flush()
  const { rows } = await p.world.app.services.pool.query(
    `select r from audit.block b, unnest(b.records) r where r like '%base.offer%' order by b.height`,
  )
  assert.match(rows[0].r, /血型 原样（急救调血需要原值）/)
  assert.match(rows[1].r, /关闭/)
})

test('[fuzhou-manage-19-1b] base and theme databases serve systems through the interface of the platform; a direct connection is refused', async t => {
  const p = await population(t)
  const { world } = p
  const clinics = await anEntry(world, p.health, '医疗机构', [{ name: '机构编号', identifier: true, required: true }, { name: '名称' }], {
    shareClass: 'unconditional',
  })
  const result = await anEntry(
    world,
    p.health,
    '医疗监管主题',
    [{ name: '机构编号', identifier: true, required: true }, { name: '名称' }],
    { kind: 2, shareClass: 'unconditional' },
  )
  await load(p.health, clinics, '机构编号,名称\nA1,甲\n')
  const theme = await p.health.ok(bases.createThemeDatabase, { body: { theme: '医疗监管' } })
  const columns = ['c1', 'c2'].map(item => ({ item, entryId: clinics.id, from: item }))
  const plan: bases.ThemePlan = { driving: clinics.id, joins: [], columns }
  await p.health.ok(bases.declareTheme, { params: { id: theme.id! }, body: { version: 0, entryId: result.id, plan } })
  assert.equal((await settled(world, p.health, theme.id!)).trouble, null)
  assert.equal((await p.civil.ok(bases.themeDatabases)).rows.find(r => r.id === theme.id)!.department, '卫健委')

  // The system of a department gets the interface of the platform.
  const developer = await world.person({ department: '民政局', roles: ['developer', 'steward'] })
  const grant = await p.take(developer, { entryId: result.id })
  const read = await connect(world, developer, grant.body.id)
  assert.deepEqual(((await read(result.code.replace('/', '-'))).body as unknown as { rows: object[] }).rows, [
    { 机构编号: 'A1', 名称: '甲' },
  ])

  for (const [database, partner] of [
    [theme.id!, p.health.departmentId],
    [p.id, p.builder.departmentId],
  ] as const) {
    const refused = await p.civil.call(contract.declareExchange, {
      body: { partner, data: '直接连接数据库', reason: '系统直连', database },
    })
    assert.deepEqual([refused.status, refused.problem.reason, refused.problem.cite!.article], [409, 'direct-sharing-barred', '第十九条'])
    assert.match(refused.problem.detail, /只由平台的接口提供/)
  }
  assert.equal((await p.builder.ok(contract.exchanges)).filter(x => x.state === 'finding').length, 2)
})

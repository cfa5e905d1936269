import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as catalog from '../../../contract/catalog.ts'
import * as contract from '../../../contract/catalog-runs.ts'
import { anEntry, aPlace, approve, inPlace } from '../../../test/support/country.ts'
import { aWorld } from '../../../test/support/world.ts'
import { classDigits, codeTable, fillPattern, isCode } from './codes.ts'

test('digits come from the table: by the names of the classification, else the usual one, else zeros', async t => {
  const world = await aWorld(t)
  const { db } = world.app.services
  const cases: [string, number, string[], string][] = [
    ['350100', 3, [], '307013'],
    ['350100', 3, ['省及其下各级政务部门', '福建省', '市民政局'], '307013'],
    ['431123', 3, [], '307018'],
    ['350100', 3, ['部门信息资源', '国务院'], '303000'],
    ['350100', 2, ['食品药品安全'], '204000'],
    ['350100', 2, ['民生服务', '社会救助'], '200000'],
    ['350100', 1, ['法人单位'], '102000'],
  ]
  for (const [region, kind, names, digits] of cases)
    assert.equal(classDigits(await codeTable(db, region), kind, names), digits, `${region} ${kind} ${names}`)
  assert.equal(
    fillPattern('{class}{region}{department:3}/{seq:6}', { class: '307013', region: '350125', department: '7', seq: '12' }),
    '307013350125007/000012',
  )
  for (const code of ['307013350125001/000001', '204000350125/000010', '10100035/1A']) assert.ok(isCode(code), code)
  for (const code of ['407013350125001/000001', '307013', '30701/1', '307013x/1']) assert.ok(!isCode(code), code)
})

test('the authority of a place extends the table and the pattern; the next codes follow, those given stay', async t => {
  const { authority, provider } = await aPlace(t, 'fuzhou')
  const make = async (classification: string[], kind = 2) =>
    (await provider.ok(catalog.createEntry, { body: { content: { title: '甲', kind, classification } } })).code
  assert.equal(await make(['公共服务']), '201000350100/000001')
  await authority.ok(contract.saveClass, { body: { code: '201005', name: '停车' } })
  const view = await authority.ok(contract.saveClass, { body: { code: '20100501A', name: '路边' } })
  assert.deepEqual(
    view.classes.filter(c => c.code.startsWith('201')).map(c => [c.code, c.parent, c.name]),
    [
      ['201', '2', '公共服务'],
      ['201005', '201', '停车'],
      ['20100501A', '201005', '路边'],
    ],
  )
  assert.equal(await make(['公共服务', '停车', '路边']), '20100501A350100/000001')
  await authority.ok(contract.savePattern, { body: { kind: 2, pattern: '{class}{region}/Z{seq:4}' } })
  assert.equal(await make(['公共服务']), '201000350100/Z0002')

  const refused = async (
    body: object,
    code: string,
    endpoint: typeof contract.saveClass | typeof contract.savePattern = contract.saveClass,
  ) => assert.equal((await authority.call(endpoint, { body })).problem.code, code, JSON.stringify(body))
  await refused({ code: '299123', name: '没有上级' }, 'catalog.code_parent')
  await refused({ code: '201006', name: '停车' }, 'catalog.code_name')
  await refused({ kind: 2, pattern: '{region}/{seq}' }, 'catalog.code_pattern', contract.savePattern)
  await refused({ kind: 2, pattern: '{class}小/{seq}' }, 'catalog.code_pattern', contract.savePattern)
  assert.equal((await provider.call(contract.saveClass, { body: { code: '208001', name: '乙' } })).status, 403)
})

test('a hundred entries begun at the same moment have a hundred codes, beside one that came with its own', async t => {
  const { world, provider } = await aPlace(t, 'yongtai')
  const { pool } = world.app.services
  const first = (await provider.ok(catalog.createEntry, { body: {} })).code
  await pool.query(`update catalog.entry set code = replace(code, '/000001', '/000040') where code = $1`, [first])
  const made = await Promise.all(Array.from({ length: 100 }, () => provider.ok(catalog.createEntry, { body: {} })))
  const codes = made.map(m => m.code)
  assert.equal(new Set([...codes, first.replace('/000001', '/000040')]).size, 101)
})

test('an entry names the one above that it implements: checked, and shown from both sides with the items it lacks', async t => {
  const p = await aPlace(t, 'yongtai')
  const { world, provider, authority } = p
  await world.department({ region: '350100', name: '市民政局' })
  const city = await world.person({ department: '市民政局', roles: ['steward'] })
  const upper = await city.ok(catalog.createEntry, { body: { content: inPlace('350100', anEntry({ title: '市低保对象' })) } })
  const { caseNo } = await city.ok(catalog.submitEntry, { params: { code: upper.code.replace('/', '-') } })

  const items = anEntry().items.slice(0, 2)
  const lower = await provider.ok(catalog.createEntry, { body: { content: inPlace(p.region, anEntry({ items, upperCode: upper.code })) } })
  const code = lower.code.replace('/', '-')
  const early = await provider.call(catalog.submitEntry, { params: { code } })
  assert.deepEqual(
    early.problem.errors?.map(e => [e.pointer, e.code]),
    [['/upperCode', 'upper-invalid']],
    'not published yet',
  )
  await approve(p.bureaus['350100']!, city, caseNo)
  const check = await provider.ok(catalog.checkDraft, { params: { code } })
  assert.deepEqual(check.faults, [])
  const mine = await provider.ok(catalog.entryByCode, { params: { code } })
  assert.deepEqual([mine.upper?.title, mine.upper?.missing], ['市低保对象', ['保障类别']])
  // Sideways and downwards is no level above.
  const beside = await provider.ok(catalog.createEntry, { body: { content: { upperCode: mine.code } } })
  assert.ok(
    (await provider.ok(catalog.checkDraft, { params: { code: beside.code.replace('/', '-') } })).faults.some(
      f => f.code === 'upper-invalid',
    ),
  )

  const review = await provider.ok(catalog.submitEntry, { params: { code } })
  assert.equal((await city.ok(catalog.entryByCode, { params: { code: upper.code.replace('/', '-') } })).lowers.length, 0)
  await approve(authority, provider, review.caseNo)
  const above = await city.ok(catalog.entryByCode, { params: { code: upper.code.replace('/', '-') } })
  assert.deepEqual(
    above.lowers.map(l => [l.code, l.department]),
    [[mine.code, '提供局']],
  )
})

test('the class of an entry is true of its items', async t => {
  const { provider, region } = await aPlace(t, 'yongtai')
  const faults = async (more: object) => {
    const { code } = await provider.ok(catalog.createEntry, { body: { content: inPlace(region, anEntry(more)) } })
    const { faults } = await provider.ok(catalog.checkDraft, { params: { code: code.replace('/', '-') } })
    return faults.filter(f => f.code === 'class-inconsistent').map(f => f.pointer)
  }
  const items = (own: object) => anEntry().items.map((item, i) => (i < 2 ? { ...item, ...own } : item))
  assert.deepEqual(await faults({ items: items({ shareClass: 'unconditional' }) }), [])
  assert.deepEqual(await faults({ shareClass: 'denied', items: items({ shareClass: 'unconditional' }) }), [
    '/items/0/shareClass',
    '/items/1/shareClass',
  ])
  assert.deepEqual(await faults({ items: anEntry().items.map(i => ({ ...i, shareClass: 'unconditional' })) }), ['/shareClass'])
  assert.deepEqual(await faults({ openClass: 'closed', items: items({ openClass: 'open' }) }), ['/items/0/openClass', '/items/1/openClass'])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as catalog from '../../../contract/catalog.ts'
import * as contract from '../../../contract/organization.ts'
import { anEntry, aPlace, aPlainEntry, type Place, said } from '../../../test/support/country.ts'
import { creditCode } from '../../../test/support/world.ts'

for (const [title, place, article] of [
  ['[yongtai-23-1a] 永泰: three documents make a profile complete; the missing one is named', 'yongtai', '第二十三条'],
  ['[fuzhou-manage-34-1a] 福州: three documents make a profile complete; the missing one is named', 'fuzhou', '第三十四条'],
] as [string, Place, string][])
  test(title, async t => {
    const p = await aPlace(t, place)
    const params = { id: p.provider.departmentId }
    const set = (key: string, title: string) =>
      p.provider.ok(contract.setDocument, { params: { ...params, key }, body: { title, version: '1', issued: '2026-01-04' } })
    await set('procedure', '政务数据工作程序')
    await set('rules', '政务数据管理制度')
    assert.deepEqual((await p.authority.ok(contract.documents, { params })).missing, ['责任追究制度'])
    const refused = await p.provider.call(contract.confirmDocuments, { params })
    assert.deepEqual(said(refused, place), ['document-missing', article])
    assert.match(refused.problem.detail, /责任追究制度/)
    await set('accountability', '政务数据责任追究办法')
    assert.equal((await p.provider.ok(contract.confirmDocuments, { params })).confirmed, '2026-05-21')
    assert.equal((await p.authority.call(contract.confirmDocuments, { params })).status, 403)
  })

const units: [string, Place, string][] = [
  ['[henan-32-1] 河南: a power company joins by reference, may register data, and stands in no ranking', 'henan', '省电力公司'],
  ['[fuzhou-manage-40-1] 福州: a water utility joins by reference, may register data, and stands in no ranking', 'fuzhou', '市自来水公司'],
  ['[shuangpai-46-1] 双牌: a railway unit joins by reference, may register data, and stands in no ranking', 'shuangpai', '铁路车务段'],
]
for (const [title, place, name] of units)
  test(title, async t => {
    const p = await aPlace(t, place)
    const system = await p.world.person({ department: '提供局', roles: ['system_admin'] })
    const body = { region: p.region, name: `${name}分公司`, creditCode: creditCode(p.region, 95), kind: 'utility', byReference: true }
    const made = await system.ok(contract.createDepartment, { body })
    assert.deepEqual([made.byReference, made.department], [true, true])
    assert.match(made.kindLabel, /参照执行/)
    // The same unit as an ordinary company would be no department here.
    const firm = await system.ok(contract.createDepartment, {
      body: { ...body, name: `${name}贸易公司`, creditCode: creditCode(p.region, 96), kind: 'company', byReference: false },
    })
    assert.equal(firm.department, false)
    await p.world.department({ region: p.region, name, kind: 'utility', byReference: true })
    const clerk = await p.world.person({ department: name, roles: ['steward'] })
    await p.register(aPlainEntry({ title: `${name}网点` }), clerk)
    const board = await p.authority.ok(catalog.dutyBoard)
    assert.ok(board.apart.some(d => d.department === name))
    assert.ok(!board.ranked.some(d => d.department === name || d.departmentId === made.id || d.departmentId === firm.id))
    assert.ok(board.ranked.some(d => d.department === '提供局'))
  })

test('by reference needs a clause that says so', async t => {
  const p = await aPlace(t, 'jinjiang')
  const system = await p.world.person({ department: '提供局', roles: ['system_admin'] })
  const body = { region: p.region, name: '供电公司', creditCode: creditCode(p.region, 95), kind: 'company', byReference: true }
  assert.equal((await system.call(contract.createDepartment, { body })).problem.reason, 'out-of-scope')
})

test('[jinjiang-2-2b] the operator of the platform has a recorded authorisation, and decides no applications', async t => {
  const p = await aPlace(t, 'jinjiang')
  const system = await p.world.person({ department: '提供局', roles: ['system_admin'] })
  const body = {
    region: p.region,
    name: '公共数据资源管理公司',
    creditCode: creditCode(p.region, 95),
    kind: 'company',
    roles: ['operator'],
  }
  const refused = await system.call(contract.createDepartment, { body })
  assert.deepEqual(said(refused), ['authorisation-missing', '第二部分第（二）项'])
  const authorisation = { instrument: '晋江市人民政府授权书', article: '2024 年第 3 号' }
  const made = await system.ok(contract.createDepartment, { body: { ...body, authorisation } })
  assert.deepEqual(made.roles, ['operator'])
  // It is no party of a review: what waits for the authority it does not even see.
  await p.world.department({ region: p.region, name: '运营公司', kind: 'company', roles: ['operator'], authorisation })
  const operator = await p.world.person({ department: '运营公司', roles: ['steward'] })
  const { code } = await p.provider.ok(catalog.createEntry, { body: { content: anEntry() } })
  const { caseNo } = await p.provider.ok(catalog.submitEntry, { params: { code: code.replace('/', '-') } })
  const { act, caseByNo } = await import('../../../contract/procedure.ts')
  assert.equal((await operator.call(caseByNo, { params: { no: caseNo } })).status, 404)
  assert.equal((await operator.call(act, { params: { no: caseNo, action: 'publish' }, body: { version: 1, form: {} } })).status, 404)
})

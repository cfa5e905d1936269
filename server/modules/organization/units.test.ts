import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/organization.ts'
import { todo } from '../../../contract/procedure.ts'
import { aWorld, creditCode } from '../../../test/support/world.ts'
import { systemContext } from '../../platform/context.ts'
import { remindCertificates } from '../procedure/certificates.ts'

for (const [title, region, article] of [
  [
    '[henan-2-2] a social organisation is registered in 河南 with the provision that authorises it, and not without',
    '410000',
    '第二条第二款',
  ],
  [
    '[shuangpai-3-1] a social organisation is registered in 双牌 with the provision that authorises it, and not without',
    '431123',
    '第三条第一项',
  ],
] as const)
  test(title, async t => {
    const world = await aWorld(t, { day: '2026-05-21' })
    await world.department({ region, name: '数据局', roles: ['authority'] })
    const system = await world.person({ department: '数据局', roles: ['system_admin'] })
    for (const kind of ['social', 'institution'] as const) {
      const body = { region, name: `某${kind}`, creditCode: creditCode(region, kind === 'social' ? 91 : 92), kind }
      const refused = await system.call(contract.createDepartment, { body })
      assert.equal(refused.status, 422)
      assert.equal(refused.problem.reason, 'authorisation-missing')
      assert.equal(refused.problem.cite?.article, article)
      assert.equal(refused.problem.errors?.[0]?.pointer, '/authorisation')
      const authorisation = { instrument: '中华人民共和国残疾人保障法', article: '第八条' }
      const made = await system.ok(contract.createDepartment, { body: { ...body, authorisation } })
      assert.deepEqual(made.authorisation, authorisation)
      assert.equal(made.department, true)
    }
    // An organ needs none.
    const organ = await system.ok(contract.createDepartment, { body: { region, name: '某局', creditCode: creditCode(region, 93) } })
    assert.equal(organ.department, true)
  })

test('[fuzhou-assess-4-1] only the kinds of units the text lists are taken into the assessment, and only at their own level', async t => {
  const world = await aWorld(t, { day: '2026-05-21' })
  await world.department({ region: '350100', name: '大数据委', roles: ['authority'] })
  const commission = await world.person({ department: '大数据委', roles: ['bureau'] })
  const add = (departmentId: string, named = false) =>
    commission.call(contract.addAssessmentMember, { params: { year: 2026 }, body: { departmentId, named } })
  const company = await world.department({ region: '350100', name: '某科技公司', kind: 'company' })
  const refused = await add(company)
  assert.equal(refused.problem.reason, 'not-an-assessed-object')
  assert.equal(refused.problem.cite?.article, '第四条')
  const foreign = await add(await world.department({ region: '350125', name: '县民政局' }))
  assert.equal(foreign.problem.reason, 'not-an-assessed-object')
  assert.match(foreign.problem.detail, /永泰县/)
  const kinds = { agency: '市民政局', institution: '市档案馆', social: '市红十字会', government: '永泰县人民政府' } as const
  for (const [kind, name] of Object.entries(kinds)) {
    const id = await world.department({ region: kind === 'government' ? '350125' : '350100', name, kind: kind as keyof typeof kinds })
    assert.equal((await add(id)).body.apart, false, kind)
  }
  // Organisations and enterprises are ranked when the plan of the year names them, and listed apart otherwise.
  const water = await world.department({ region: '350100', name: '市自来水公司', kind: 'utility' })
  const trust = await world.department({ region: '350100', name: '市交易中心', kind: 'authorised' })
  assert.equal((await add(water)).body.apart, true)
  assert.equal((await add(trust, true)).body.apart, false)
  const members = await commission.ok(contract.assessmentMembers, { params: { year: 2026 } })
  assert.deepEqual(
    members.filter(m => m.apart).map(m => m.department),
    ['市自来水公司'],
  )
  assert.equal(members.length, 6)
})

test('systems carry hosting, network and security test; a test that runs out is told before', async t => {
  const world = await aWorld(t, { day: '2026-05-21' })
  await world.department({ region: '350100', name: '市民政局' })
  const steward = await world.person({ department: '市民政局', roles: ['steward'] })
  const body = {
    name: '救助系统',
    hosting: '市政务云',
    network: '政务外网',
    protectionLevel: 3,
    certificate: '榕等测2025-18',
    certifiedUntil: '2026-09-30',
  }
  const made = await steward.ok(contract.createSystem, { body })
  assert.equal(made.certification.state, 'valid')
  const owed = async () => (await steward.ok(todo, { query: { who: 'department' } })).rows.filter(r => r.what === '安排等保测评')
  const daily = () => remindCertificates(systemContext(world.app.services))
  await daily()
  assert.equal((await owed()).length, 0)
  world.at('2026-09-10')
  await daily()
  await daily()
  assert.deepEqual(
    (await owed()).map(r => r.clock.cite.article),
    ['第三十二条'],
  )
  assert.equal((await steward.ok(contract.systems))[0]!.certification.state, 'expiring')
  world.at('2026-10-09')
  assert.equal((await steward.ok(contract.systems))[0]!.certification.state, 'expired')
  const renewed = await steward.ok(contract.changeSystem, { params: { id: made.id }, body: { ...body, certifiedUntil: '2027-09-30' } })
  assert.equal(renewed.certification.state, 'valid')
  await daily()
  assert.equal((await owed()).length, 0)
})

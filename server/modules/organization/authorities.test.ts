import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as catalog from '../../../contract/catalog.ts'
import * as opening from '../../../contract/opening.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as sharing from '../../../contract/sharing.ts'
import { act, anEntry, aPlace, aPlainEntry, fill, said, tryAct } from '../../../test/support/country.ts'
import { aWorld } from '../../../test/support/world.ts'

/** 永泰 with its two authorities apart: one for the work, one that receives the filings of slower deliveries. */
async function twoAuthorities(t: Parameters<typeof aWorld>[0]) {
  const world = await aWorld(t, { day: '2026-05-21' })
  await world.department({ region: '350100', name: '市大数据委', roles: ['authority'] })
  const work = await world.department({ region: '350125', name: '县电子政务中心', roles: ['authority'] })
  const centre = await world.department({ region: '350125', name: '县大数据中心', roles: ['data-centre'] })
  await world.department({ region: '350125', name: '县民政局' })
  return {
    world,
    work,
    centre,
    egov: await world.person({ department: '县电子政务中心', roles: ['bureau'] }),
    data: await world.person({ department: '县大数据中心', roles: ['bureau'] }),
    steward: await world.person({ department: '县民政局', roles: ['steward'] }),
  }
}

test('[yongtai-6-1a] the county big data centre receives what cannot be delivered in real time; another addressee is told where it belongs', async t => {
  const { work, centre, egov, data, steward } = await twoAuthorities(t)
  const { code } = await steward.ok(catalog.createEntry, { body: { content: aPlainEntry() } })
  const { caseNo } = await steward.ok(catalog.submitEntry, { params: { code: code.replace('/', '-') } })
  await act(egov, caseNo, 'publish')
  const form = { reason: '机构每月报送一次，不能实时产生。', interval: 'monthly', needsMet: '名录每月更新即可满足核对需要。' }
  const filing = (more: object) =>
    steward.call(procedure.startCase, { body: { procedure: 'non-realtime-filing', about: code, form: { ...form, ...more } } })
  const wrong = await filing({ filedWith: work })
  assert.equal(wrong.problem.reason, 'wrong-filing-authority')
  assert.match(wrong.problem.remedy!, /县大数据中心/)
  const filed = await filing({ filedWith: centre })
  assert.equal(filed.status, 200, JSON.stringify(filed.problem))
  assert.ok((await data.ok(procedure.notices)).rows.some(n => n.href.endsWith(filed.body.no)))
  // It reads every record of data management in the county.
  assert.equal((await data.ok(procedure.caseByNo, { params: { no: caseNo } })).no, caseNo)
})

test('[yongtai-6-1b] a supervision finding is issued by the e-government department and by no other', async t => {
  const { world, egov, data, steward } = await twoAuthorities(t)
  const responsible = await world.department({ region: '350125', name: '县某局' })
  const form = { responsible, breach: 'late', facts: '没有按登记的目录汇聚数据，经提醒仍未办理。', exhibits: ['督办记录 2026-3 号'] }
  const issue = (who: typeof egov) => who.call(procedure.startCase, { body: { procedure: 'accountability', form } })
  for (const who of [steward, data]) {
    const refused = await issue(who)
    assert.equal(refused.status, 403)
    assert.deepEqual(said(refused, 'yongtai'), ['not-competent', '第六条'])
  }
  const issued = await issue(egov)
  assert.equal(issued.status, 200, JSON.stringify(issued.problem))
})

test('[fuzhou-manage-6-1] the commission decides on conditional sharing; the provider alone cannot', async t => {
  const p = await aPlace(t, 'fuzhou')
  const entry = await p.register(anEntry())
  const { no: caseNo } = await p.consumer.ok(sharing.apply, {
    body: {
      entryId: entry.id,
      form: {
        items: ['c1', 'c3'],
        purpose: '救助核对',
        scenario: '受理时核对',
        scope: '本局救助科',
        duty: '社会救助职责',
        dataName: '城乡低保对象信息',
        method: 'api',
        until: '2026-12-31',
        system: p.system,
      },
    },
  })
  const decision = {
    treatments: [
      { key: 'c1', treatment: 'masked' },
      { key: 'c3', treatment: 'plain' },
    ],
    until: '2026-12-31',
  }
  const alone = await tryAct(p.provider, caseNo, 'approve', decision)
  assert.equal(alone.status, 403)
  assert.deepEqual(said(alone), ['not-competent', '第六条'])
  const decided = await act(p.authority, caseNo, 'approve', decision)
  assert.equal(decided.state, 'agreement')
})

test('[fuzhou-open-28-1] a provider files the body and the staff for opening before it submits an open entry', async t => {
  const p = await aPlace(t, 'fuzhou')
  const content = aPlainEntry({ openClass: 'open', openBasis: undefined, openExclusion: undefined })
  await p.world.department({ region: p.region, name: '新设局', officers: false })
  const clerk = await p.world.person({ department: '新设局', roles: ['steward', 'secrecy'] })
  const file = (name: string, form: object) => clerk.call(procedure.startCase, { body: { procedure: name, form } })
  await file('officer-filing', { leader: '王领导', staff: '李管理', contact: '0591-00000002' })
  const entry = await p.register(content, clerk)
  await fill(p.world, entry, [['A1', '甲院', '20']])
  const body = {
    items: entry.content.items.map(i => ({ key: i.key, treatment: 'plain' })),
    theme: '民生服务',
    description: '备案的养老机构名录，每月更新一次。',
    exclusions: true,
    useRequirements: '可以自由使用，须注明来源和获取日期。',
    records: {
      risk: { risks: '没有个人信息', measures: '不需要处理', conclusion: 'acceptable' },
      preprocessing: [{ step: '清洗', operator: '李管理', on: '2026-05-20', note: '去掉停业机构' }],
    },
  }
  const propose = () => clerk.call(opening.propose, { params: { code: entry.code }, body })
  const refused = await propose()
  assert.equal(refused.status, 422)
  assert.deepEqual(said(refused), ['officer-not-filed', '第二十八条第一款'])
  assert.match(refused.problem.detail, /平台约定，不是条文的规定/)
  const partly = await file('opening-officer-filing', { openUnit: '数据科' })
  assert.equal(partly.problem.errors![0]!.pointer, '/form/openStaff')
  const filed = await file('opening-officer-filing', { openUnit: '数据科', openStaff: '李管理、赵开放' })
  assert.equal(filed.body.ended, true)
  const done = await propose()
  assert.equal(done.status, 200, JSON.stringify(done.problem))
  // A change is filed again, in writing.
  assert.equal((await file('opening-officer-filing', { openUnit: '信息科', openStaff: '赵开放' })).problem.reason, 'report-missing')
  assert.equal(
    (await file('opening-officer-filing', { openUnit: '信息科', openStaff: '赵开放', report: '机构调整，改由信息科负责。' })).status,
    200,
  )
})

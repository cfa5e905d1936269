import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/catalog.ts'
import * as delivery from '../../../contract/delivery.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as sharing from '../../../contract/sharing.ts'
import {
  type APlace,
  act,
  anEntry,
  aPlace,
  aPlainEntry,
  approve,
  articleOf,
  inPlace,
  type Place,
  places,
  said,
  tryAct,
} from '../../../test/support/country.ts'
import { application, give, grantOf } from '../../../test/support/sharing.ts'

const pathOf = (code: string) => code.replace('/', '-')
/** Begins an entry, submits it as it is, then saves the mended content and submits again. */
async function drafted({ provider }: Pick<APlace, 'provider'>, content: object, by = provider) {
  const made = await by.ok(contract.createEntry, { body: { content } })
  const params = { code: pathOf(made.code) }
  return {
    code: made.code,
    params,
    submit: () => by.call(contract.submitEntry, { params }),
    save: (next: object) => by.ok(contract.saveDraft, { params, body: { content: next } }),
  }
}

/** Place, what is taken out of a whole entry, and the refusal that follows until it is put back. */
const demands: {
  title: string
  place: Place
  entry?: object
  without: object
  reason: string
  article: string
  pointer: string
  names?: RegExp
  /** Refused for each of these alone too: the element that is taken out, and the words that name it. */
  alone?: [object, string, RegExp][]
  /** The way the data were come by, as the accepted entry shows it. */
  way?: string
}[] = [
  {
    title: '[yongtai-3-1b] 永泰: data from purchased services are registered with their origin, and not without one',
    place: 'yongtai',
    entry: { acquisition: 'purchased' },
    without: { acquisition: undefined },
    reason: 'origin-required',
    article: '第三条',
    pointer: '/acquisition',
    names: /购买服务产生/,
    way: '购买服务产生',
  },
  {
    title: '[fuzhou-manage-3-1b] 福州: data from purchased services are registered with their origin, and not without one',
    place: 'fuzhou',
    entry: { acquisition: 'purchased' },
    without: { acquisition: undefined },
    reason: 'origin-required',
    article: '第三条',
    pointer: '/acquisition',
    names: /购买服务产生/,
    way: '购买服务产生',
  },
  {
    title: '[shuangpai-3-2] 双牌: an entry collected by a contractor says so, and none goes without acquisition way',
    place: 'shuangpai',
    entry: { acquisition: 'collected' },
    without: { acquisition: undefined },
    reason: 'origin-required',
    article: '第三条第二项',
    pointer: '/acquisition',
    names: /第三方采集/,
    way: '直接采集或第三方采集',
  },
  {
    title: '[henan-2-1] 河南: a video archive is registered in the form 视频, and nothing without a form',
    place: 'henan',
    entry: { dataForm: '视频' },
    without: { dataForm: undefined },
    reason: 'catalog-field-missing',
    article: '第二条第一款',
    pointer: '/dataForm',
    names: /数据形式/,
  },
  {
    title: '[yongtai-12-1a] 永泰: an entry that lacks an element comes back naming it, and is registered with a number when it is there',
    place: 'yongtai',
    without: { abstract: '' },
    reason: 'catalog-field-missing',
    article: '第十二条',
    pointer: '/abstract',
    names: /摘要/,
  },
  {
    title:
      '[fuzhou-manage-12-1a] 福州: an entry that lacks an element comes back naming it, and is registered with a number when it is there',
    place: 'fuzhou',
    without: { formatClass: undefined },
    reason: 'catalog-field-missing',
    article: '第十二条',
    pointer: '/formatClass',
    names: /格式/,
  },
  {
    title: '[shuangpai-16-1] 双牌: every entry is of one of three catalog kinds',
    place: 'shuangpai',
    without: { kind: undefined },
    reason: 'catalog-field-missing',
    article: '第十六条',
    pointer: '/kind',
    names: /基础数据目录、主题数据目录、部门数据目录/,
  },
  {
    title: '[shuangpai-17-1a] 双牌: base and theme entries name the lead department and those that compile with it',
    place: 'shuangpai',
    entry: { kind: 2, leadDepartment: '县民政局', coDepartments: ['县人社局'] },
    without: { leadDepartment: '', coDepartments: [] },
    reason: 'lead-department-required',
    article: '第十七条第一款',
    pointer: '/leadDepartment',
  },
  {
    title: '[shuangpai-17-2] 双牌: an entry states its scope of use and its way of sharing',
    place: 'shuangpai',
    without: { shareConditions: '', shareModeType: undefined },
    alone: [
      [{ shareConditions: '' }, '/shareConditions', /使用范围/],
      [{ shareModeType: undefined }, '/shareModeType', /共享方式/],
    ],
    reason: 'catalog-field-missing',
    article: '第十七条第二款',
    pointer: '/shareConditions',
    names: /使用范围/,
  },
  {
    title: '[shuangpai-20-2] 双牌: personal items are collected within a stated scope',
    place: 'shuangpai',
    without: { collectionScope: '' },
    reason: 'collection-basis-required',
    article: '第二十条第二项',
    pointer: '/collectionScope',
    names: /采集边界和范围/,
  },
  {
    title: '[jinjiang-2-5a] 晋江: every entry states what it is collected for and on which statutory duty',
    place: 'jinjiang',
    without: { collectionPurpose: '', collectionBasis: '' },
    reason: 'collection-basis-required',
    article: '第二部分第（五）项',
    pointer: '/collectionPurpose',
    alone: [
      [{ collectionPurpose: '' }, '/collectionPurpose', /收集目的/],
      [{ collectionBasis: '' }, '/collectionBasis', /采集依据/],
    ],
  },
]
for (const d of demands)
  test(d.title, async t => {
    const p = await aPlace(t, d.place)
    const whole = anEntry(d.entry)
    const e = await drafted(p, { ...whole, ...d.without })
    const refused = await e.submit()
    assert.equal(refused.status, 422)
    const fault = refused.problem.errors!.find(f => f.pointer === d.pointer)!
    assert.deepEqual([fault.code, articleOf(fault.cite, d.place)], [d.reason, d.article])
    if (d.names) assert.match(fault.message + (fault.remedy ?? ''), d.names)
    assert.deepEqual(said(refused, d.place)[0], d.reason)
    for (const [lacking, pointer, names] of d.alone ?? []) {
      await e.save({ ...whole, ...lacking })
      const again = await e.submit()
      assert.deepEqual([...said(again, d.place), again.problem.errors![0]!.pointer], [d.reason, d.article, pointer])
      assert.match(again.problem.errors![0]!.message, names)
    }
    await e.save(whole)
    // A draft has its working code only; the number comes with acceptance.
    const before = await p.provider.ok(contract.entryByCode, { params: e.params })
    assert.deepEqual([before.state, before.registration], ['draft', null])
    const accepted = await e.submit()
    assert.equal(accepted.status, 200, JSON.stringify(accepted.problem))
    assert.equal((await p.authority.ok(contract.entryByCode, { params: e.params })).registration, null)
    await approve(p.authority, p.provider, accepted.body.caseNo)
    const shown = await p.provider.ok(contract.entryByCode, { params: e.params })
    assert.equal(shown.state, 'published')
    assert.deepEqual([shown.code, shown.registration], [e.code, `${p.region}-2026-00001`])
    if (d.way) assert.equal((await p.consumer.ok(contract.entryByCode, { params: e.params })).acquisitionLabel, d.way)
  })

test('[shuangpai-17-2] 双牌: scope of use and way of sharing are shown to who applies, and stand in the grant', async t => {
  const p = await aPlace(t, 'shuangpai')
  const scope = '供本县各部门核对养老机构备案情况。'
  const entry = await p.register(aPlainEntry({ shareConditions: scope, shareModeType: '服务接口' }))
  const { content } = await p.consumer.ok(contract.entryByCode, { params: { code: entry.code } })
  assert.deepEqual([content.shareConditions, content.shareModeType], [scope, '服务接口'])
  const { no } = await p.consumer.ok(sharing.apply, { body: { entryId: entry.id, form: application(p) } } as never)
  for (const who of [p.authority, p.provider]) await act(who, no, 'advise', { opinion: 'agree', note: '用途明确，同意。' })
  const approved = await act(p.bureaus[places.yongzhou]!, no, 'approve', give('c1'))
  const grant = await p.consumer.ok(delivery.grant, { params: { id: grantOf(approved) } })
  assert.deepEqual([grant.conditions, grant.method], [scope, 'api'])
  // The next version says something else; what was granted stays as it was.
  await p.provider.ok(contract.saveDraft, {
    params: { code: entry.code },
    body: { content: aPlainEntry({ shareConditions: '仅供统计。' }) },
  })
  const again = await p.provider.ok(contract.submitEntry, { params: { code: entry.code } })
  await approve(p.authority, p.provider, again.caseNo)
  const later = await p.provider.ok(contract.entryByCode, { params: { code: entry.code } })
  assert.deepEqual([later.version, later.registration], [2, `${p.region}-2026-00001`])
  assert.equal((await p.consumer.ok(delivery.grant, { params: { id: grant.id } })).conditions, scope)
})

test('[henan-8-1] [henan-6-2] the provincial authority issues the guide of 河南, a city cannot, and entries are checked by its version', async t => {
  const p = await aPlace(t, 'henan')
  await p.world.department({ region: '410100', name: '郑州市大数据局', roles: ['authority'] })
  const city = await p.world.person({ department: '郑州市大数据局', roles: ['bureau'] })
  const body = { region: '410000', title: '河南省政务数据目录编制指南', required: ['sourceSystem', 'contact'] }
  for (const who of [city, p.provider]) {
    const refused = await who.call(contract.issueGuide, { body })
    assert.equal(refused.status, 403)
    assert.deepEqual(said(refused), ['not-competent', '第六条第二款'])
  }
  const before = await drafted(p, anEntry({ title: '指南之前的目录', contact: { name: '', phone: '' } }))
  assert.equal((await before.submit()).status, 200)
  const guide = await p.authority.ok(contract.issueGuide, { body })
  assert.equal(guide.versions[0]!.version, 1)

  const e = await drafted(p, aPlainEntry({ sourceSystem: '' }))
  const lacking = await e.submit()
  assert.deepEqual(said(lacking), ['catalog-field-missing', '第八条第一款'])
  assert.match(lacking.problem.errors!.find(f => f.pointer === '/sourceSystem')!.message, /编制指南第 1 版要求填写“来源信息系统”/)
  await e.save(aPlainEntry({ sourceSystem: '河南省养老服务系统' }))
  assert.equal((await e.submit()).status, 200)
  // The guide of the province is that of its cities too.
  assert.equal((await city.ok(contract.guide)).versions[0]!.version, 1)
})

test('[jinjiang-1-4] [jinjiang-2-4a] the authority sets the norm of 晋江, no department does, and an entry that lacks what it demands comes back', async t => {
  const p = await aPlace(t, 'jinjiang')
  const body = { title: '晋江市政务数据目录编制规范', required: ['innerUnit'] }
  const refused = await p.provider.call(contract.issueGuide, { body })
  assert.deepEqual(said(refused), ['not-competent', '第一部分第（四）项'])
  await p.authority.ok(contract.issueGuide, { body })
  const e = await drafted(p, aPlainEntry({ innerUnit: '' }))
  const lacking = await e.submit()
  assert.deepEqual(said(lacking), ['catalog-field-missing', '第二部分第（四）项'])
  assert.match(lacking.problem.detail, /内设机构/)
  await e.save(aPlainEntry({ innerUnit: '养老服务科' }))
  assert.equal((await e.submit()).status, 200)
  // 适时: no day count is made up for it.
  const { caseNo } = (await p.provider.ok(contract.entryByCode, { params: e.params })) as { caseNo: string }
  await act(p.authority, caseNo, 'publish')
  const { tasks } = await p.authority.ok(contract.registerChange, {
    body: { kind: 'function', changedOn: '2026-05-20', change: '养老职能划转', codes: [e.code] },
  })
  const clock = (await p.provider.ok(procedure.caseByNo, { params: { no: tasks[0]!.caseNo } })).clocks[0]!
  assert.deepEqual([clock.word, clock.days, clock.light], ['适时', null, 'word'])
})

test('[henan-8-2] a city of 河南 approves the entries of its own departments; the province has no say in them', async t => {
  const p = await aPlace(t, 'henan')
  await p.world.department({ region: '410100', name: '市政务数据局', roles: ['authority'] })
  await p.world.department({ region: '410100', name: '市民政局' })
  const city = await p.world.person({ department: '市政务数据局', roles: ['bureau'] })
  const clerk = await p.world.person({ department: '市民政局', roles: ['steward'] })
  const { code } = await clerk.ok(contract.createEntry, {
    body: { content: inPlace('410100', aPlainEntry({ shareClass: 'unconditional' })) },
  })
  const { caseNo } = await clerk.ok(contract.submitEntry, { params: { code: code.replace('/', '-') } })
  assert.deepEqual(said(await tryAct(p.authority, caseNo, 'publish')), ['not-competent', '第八条第二款'])
  assert.equal((await act(city, caseNo, 'publish')).ended, true)
})
test('[henan-8-2] only the authority of the level approves an entry in 河南; until then nobody can use it', async t => {
  const p = await aPlace(t, 'henan')
  const e = await drafted(p, aPlainEntry({ shareClass: 'unconditional' }))
  const { caseNo } = (await e.submit()).body
  const self = await tryAct(p.provider, caseNo, 'publish')
  assert.equal(self.status, 403)
  assert.deepEqual(said(self), ['not-competent', '第八条第二款'])
  assert.equal((await p.consumer.call(contract.entryByCode, { params: e.params })).status, 404)
  await act(p.authority, caseNo, 'publish')
  assert.equal((await p.consumer.ok(contract.entryByCode, { params: e.params })).state, 'published')
})

test('[henan-15-6] five entries are submitted at once; the one without share type is named and none goes through until it has one', async t => {
  const p = await aPlace(t, 'henan')
  const codes: string[] = []
  for (const n of [1, 2, 3, 4, 5]) {
    const content = aPlainEntry({ title: `养老目录之${n}`, ...(n === 4 && { shareClass: undefined }) })
    codes.push(pathOf((await p.provider.ok(contract.createEntry, { body: { content } })).code))
  }
  const refused = await p.provider.call(contract.submitEntries, { body: { codes } })
  assert.equal(refused.problem.reason, 'share-type-required')
  assert.equal(refused.problem.cite?.article, '第十五条第六款')
  assert.deepEqual(
    refused.problem.errors!.map(f => f.pointer),
    ['/codes/3/shareClass'],
  )
  assert.match(refused.problem.detail, /养老目录之4/)
  assert.equal((await p.provider.ok(contract.entryByCode, { params: { code: codes[0]! } })).state, 'draft')
  const params = { code: codes[3]! }
  await p.provider.ok(contract.saveDraft, { params, body: { content: aPlainEntry({ title: '养老目录之4' }) } })
  assert.equal((await p.provider.ok(contract.submitEntries, { body: { codes } })).cases.length, 5)
})

test('[shuangpai-6-1] [shuangpai-17-1b] 双牌: the centre reviews, the department publishes; neither does the work of the other', async t => {
  const p = await aPlace(t, 'shuangpai')
  const e = await drafted(p, aPlainEntry())
  const { caseNo } = (await e.submit()).body
  const early = await tryAct(p.provider, caseNo, 'publish')
  assert.deepEqual(said(early), ['entry-not-approved', '第十七条第一款'])
  const review = await tryAct(p.provider, caseNo, 'pass')
  assert.equal(review.status, 403)
  assert.deepEqual(said(review), ['not-competent', '第六条第一款'])
  await act(p.authority, caseNo, 'pass')
  assert.notEqual((await tryAct(p.authority, caseNo, 'publish')).status, 200)
  await act(p.provider, caseNo, 'publish')
  assert.equal((await p.provider.ok(contract.entryByCode, { params: e.params })).state, 'published')
})

/** A second department of the place that registers the same data. */
async function another(p: APlace, name = '后来局') {
  await p.world.department({ region: p.region, name })
  return p.world.person({ department: name, roles: ['steward'] })
}
const households = (more: object = {}) =>
  anEntry({ title: '困难群众台账', items: [...anEntry().items, { key: 'c4', name: '备注', type: 'M' }], ...more })
const exception = { kind: 'law', instrument: '中华人民共和国统计法', article: '第七条' }

const sources: [string, Place, string, boolean][] = [
  ['[henan-10-1] 河南: what one department provides no other registers as collected, whatever it cites', 'henan', '第十条第一款', false],
  ['[shuangpai-20-1] 双牌: a second collector is held and the first is named, unless a law is cited', 'shuangpai', '第二十条第一项', true],
  [
    '[jinjiang-2-5b] 晋江: what can be had by sharing is not collected again, unless a law is cited',
    'jinjiang',
    '第二部分第（五）项',
    true,
  ],
]
for (const [title, place, article, excepted] of sources)
  test(title, async t => {
    const p = await aPlace(t, place)
    const first = await p.register(anEntry())
    const second = await another(p)
    const e = await drafted(p, households(), second)
    const refused = await e.submit()
    assert.equal(refused.status, 409)
    assert.deepEqual(said(refused), ['duplicate-collection', article])
    assert.match(refused.problem.detail, /提供局/)
    assert.match(refused.problem.remedy!, /申请共享/)
    assert.match(refused.problem.errors![0]!.remedy!, new RegExp(first.code))
    await e.save(households({ legalException: exception }))
    const again = await e.submit()
    assert.equal(again.status, excepted ? 200 : 409, JSON.stringify(again.problem))
    // Other data about the same persons are another matter.
    const other = await drafted(
      p,
      anEntry({ title: '残疾人证信息', items: [anEntry().items[0], { key: 'c2', name: '残疾等级', type: 'C', length: 4 }] }),
      second,
    )
    assert.equal((await other.submit()).status, 200)
  })

test('[shuangpai-20-3] 双牌: what is on the platform is not collected again, and no law is asked for that would allow it', async t => {
  const p = await aPlace(t, 'shuangpai')
  const first = await p.register(anEntry())
  await p.world.app.services.pool.query(`insert into catalog.mount (entry_id, rows, updated) values ($1, 10, now())`, [first.id])
  const second = await another(p)
  const e = await drafted(p, households({ legalException: exception }), second)
  const refused = await e.submit()
  assert.deepEqual(said(refused), ['duplicate-collection', '第二十条第三项'])
  assert.match(refused.problem.detail, new RegExp(first.code.replace('-', '/')))
  assert.match(refused.problem.remedy!, /申请共享/)
  assert.doesNotMatch(refused.problem.remedy!, /另有规定/)
})

test('[shuangpai-18-1] 双牌: what two departments submitted is published for the one the centre names, and for nobody before', async t => {
  const p = await aPlace(t, 'shuangpai')
  const second = await another(p)
  const one = await drafted(p, anEntry())
  const two = await drafted(p, households(), second)
  const a = (await one.submit()).body.caseNo
  const b = (await two.submit()).body.caseNo
  const merged = await tryAct(p.authority, a, 'pass')
  assert.deepEqual(said(merged), ['duplicate-unresolved', '第十八条'])
  const form = { entries: [one.code, two.code], collector: second.departmentId, reason: '困难群众由后来局统一认定和采集。' }
  const foreign = await p.provider.call(procedure.startCase, { body: { procedure: 'duplicate-settlement', form } })
  assert.equal(foreign.problem.reason, 'not-competent')
  const settled = await p.authority.ok(procedure.startCase, { body: { procedure: 'duplicate-settlement', form } })
  assert.equal(settled.result?.label, '由后来局采集')
  assert.equal(said(await tryAct(p.authority, a, 'pass'))[0], 'duplicate-collection')
  await approve(p.authority, second, b)
  assert.equal((await second.ok(contract.entryByCode, { params: two.params })).state, 'published')
  assert.ok((await p.provider.ok(procedure.notices)).rows.some(n => n.text.includes('改为申请共享')))
})

const waits: [string, object, object, string, string, string][] = [
  [
    '[henan-4-1a] 河南: an entry is linked to the statutory duty on which it is collected',
    { statutoryDuty: '' },
    {},
    'duty-missing',
    '第四条',
    '/statutoryDuty',
  ],
  [
    '[henan-10-2] 河南: an entry collected jointly carries the agreement of those who collect',
    { joint: { parties: ['省民政厅', '省残联'] } },
    { joint: { parties: ['省民政厅', '省残联'], shares: '民政厅采集收入，残联采集等级。', agreement: '豫民〔2026〕4 号' } },
    'agreement-required',
    '第十条第二款',
    '/joint/agreement',
  ],
]
for (const [title, lacking, mended, reason, article, pointer] of waits)
  test(title, async t => {
    const p = await aPlace(t, 'henan')
    const e = await drafted(p, aPlainEntry(lacking))
    const refused = await e.submit()
    assert.equal(refused.status, 422)
    assert.deepEqual([...said(refused), refused.problem.errors![0]!.pointer], [reason, article, pointer])
    assert.match(refused.problem.detail, /平台约定，不是条文的规定/)
    await e.save(aPlainEntry(mended))
    assert.equal((await e.submit()).status, 200)
  })

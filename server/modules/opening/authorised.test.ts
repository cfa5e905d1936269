import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/opening.ts'
import * as procedure from '../../../contract/procedure.ts'
import { act, aPlace, aPlainEntry, fill, lawBasis, type Place, said, tryAct } from '../../../test/support/country.ts'
import type { Person } from '../../../test/support/world.ts'

const conditions = '有数据安全管理制度；用于停车诱导；不向第三方提供'
const met = ['有数据安全管理制度：已提交制度文本', '用于停车诱导：申请的场景相符', '不向第三方提供：已书面承诺']

/** A place with a conditional set, reviewed and published. */
async function conditional(t: Parameters<typeof aPlace>[0], place: Place, day = '2026-06-01') {
  const p = await aPlace(t, place, { day })
  const content = aPlainEntry({
    title: '停车场实时泊位',
    openClass: 'conditional',
    openConditions: conditions,
    openBasis: lawBasis,
    openCriterion: 'timely',
    grade: 3,
  })
  const entry = await p.register(content)
  await fill(p.world, entry, [
    ['J1', '五四路', '12'],
    ['J2', '东街口', '3'],
  ])
  const second = await p.world.person({ department: '提供局', roles: ['secrecy'], name: '黄审查' })
  const { caseNo } = await p.provider.ok(contract.propose, {
    params: entry,
    body: {
      items: entry.content.items.map(i => ({ key: i.key, treatment: 'plain' })),
      theme: '交通运输',
      description: '各停车场的实时空余泊位。',
      exclusions: true,
      useRequirements: '按申请的场景使用，注明来源。',
      records: {
        risk: { risks: '没有个人信息', measures: '逐项核对', conclusion: 'acceptable' },
        preprocessing: [{ step: '清洗', operator: '提供专员', on: day }],
      },
    },
  })
  await act(second, caseNo, 'clear', { secrecyResult: 'clear' })
  // The county's lists are reviewed and published by the city's commission.
  const reviewer = place === 'yongtai' ? p.bureaus['350100']! : p.authority
  if (place !== 'shuangpai') await act(reviewer, caseNo, place === 'henan' ? 'pass' : 'open')
  if (place === 'henan') await p.provider.ok(contract.publish, { params: entry })
  if (place === 'shuangpai') await p.provider.ok(contract.publishList, { body: { class: 'conditional', entries: [entry.code] } })
  const anyone = p.world.anonymous
  const file = (key?: string) =>
    p.world.app.inject({
      method: 'GET',
      url: `/api/open/datasets/${entry.code}/download?format=csv`,
      ...(key && { headers: { authorization: `Bearer ${key}` } }),
    })
  const rows = (key?: string) =>
    anyone.call(contract.openData, { params: entry, ...(key && { headers: { authorization: `Bearer ${key}` } }) })
  const apply = (form: object = {}) =>
    anyone.call(procedure.publicStart, { body: { procedure: 'open-application', about: entry.code, form: { ...application, ...form } } })
  return { ...p, entry, anyone, file, rows, apply }
}
const application = {
  applicantKind: 'enterprise',
  applicantName: '榕城停车科技有限公司',
  contact: '0591-12345678',
  control: '股东均为境内自然人，见登记信息',
  purpose: '改进停车诱导服务',
  scenario: '在手机应用里向市民显示空余泊位',
  security: '数据只存本公司机房，专人管理，日志留存',
  useKind: 'public-service',
  useField: 'service',
}
type Receipt = { no: string; code: string }
const publicAct = async (anyone: Person, { no, code }: Receipt, action: string, form: object = {}) => {
  const { version } = await anyone.ok(procedure.publicCase, { params: { no }, query: { code } })
  return anyone.ok(procedure.publicAct, { params: { no, action }, body: { code, version, form } })
}

test('[fuzhou-manage-22-2b] [fuzhou-open-8-1] who may apply for authorised data, and with which three statements', async t => {
  const p = await conditional(t, 'fuzhou')
  const foreign = await p.apply({ applicantKind: 'foreign-enterprise' })
  assert.equal(foreign.problem.reason, 'applicant-not-eligible')
  assert.match(foreign.problem.cite!.article, /第八条第一款.*福州管理 第二十二条第二款/)
  assert.equal((await p.apply({ control: undefined })).problem.reason, 'applicant-not-eligible', 'no evidence of domestic control')
  for (const [field, label] of [
    ['security', '安全保障措施'],
    ['scenario', '使用场景'],
    ['purpose', '使用用途'],
  ] as const) {
    const refused = await p.apply({ [field]: undefined })
    assert.deepEqual([...said(refused), refused.problem.errors?.[0]?.pointer], ['field-missing', '第八条第一款', `/form/${field}`])
    assert.match(refused.problem.detail, new RegExp(label))
  }
  for (const applicantKind of ['enterprise', 'university', 'institute', 'citizen'])
    assert.equal((await p.apply({ applicantKind })).status, 200, applicantKind)
})

test('[fuzhou-open-8-2a] [fuzhou-manage-23-2a] [fuzhou-open-12-2] provider opinion, every condition, a signed agreement; then the holder’s key opens the data', async t => {
  const p = await conditional(t, 'fuzhou')
  const receipt = await p.anyone.ok(procedure.publicStart, {
    body: { procedure: 'open-application', about: p.entry.code, form: application },
  })
  const { no } = receipt
  const decide = (form: object) => tryAct(p.authority, no, 'approve', { reason: '符合授权开放的条件和用途', ...form })
  assert.deepEqual(said(await decide({ conditionsMet: met })), ['provider-opinion-missing', '第八条第二款'])
  await act(p.provider, no, 'advise', { opinion: 'agree', note: '同意按申请的范围提供' })
  const two = await decide({ conditionsMet: met.slice(0, 2) })
  assert.equal(two.problem.reason, 'conditions-unmet')
  assert.match(two.problem.detail, /不向第三方提供/)
  assert.equal((await decide({ conditionsMet: met })).status, 200)

  const { key, api } = await p.anyone.ok(contract.accessKey, { params: { no }, body: { code: receipt.code } })
  assert.equal(api, `/open/v1/${p.entry.code}`)
  const unsigned = await p.rows(key)
  assert.deepEqual(said(unsigned), ['agreement-required', '第十二条第二款'])
  assert.match(unsigned.problem.detail, /平台约定/)
  assert.equal((await p.file(key)).statusCode, 403)
  await act(p.provider, no, 'draft', { terms: '按申请的场景使用，每 6 个月报告一次。' })
  await act(p.provider, no, 'sign', { acceptTerms: true })
  assert.equal((await p.rows(key)).status, 403, 'one signature is not enough')
  const late = await tryAct(p.provider, no, 'draft', { terms: '改成只用一个月。' })
  assert.equal(late.status, 409, 'what one party signed stands')
  const shown = await p.anyone.ok(contract.myAccess, { params: { no }, body: { code: receipt.code } })
  assert.equal(shown.terms, '按申请的场景使用，每 6 个月报告一次。')
  await publicAct(p.anyone, receipt, 'sign', { acceptTerms: true })
  const page = await p.rows(key)
  assert.deepEqual([page.status, (page.body as never as { rows: object[] }).rows.length], [200, 2])
  const file = await p.file(key)
  assert.deepEqual([file.statusCode, file.body.includes('五四路')], [200, true])
  const { key: next } = await p.anyone.ok(contract.accessKey, { params: { no }, body: { code: receipt.code } })
  assert.deepEqual([(await p.rows(key)).status, (await p.rows(next)).status], [403, 200], 'a new key ends the old one')
  assert.equal((await p.anyone.call(contract.accessKey, { params: { no }, body: { code: 'x'.repeat(16) } })).status, 404)
})

test('[shuangpai-29-2] a conditional set is delivered to holders of an authorisation only', async t => {
  const p = await conditional(t, 'shuangpai')
  const without = await p.rows()
  assert.deepEqual(said(without), ['no-access-grant', '第二十九条第二项'])
  assert.equal((await p.file()).statusCode, 403)
  assert.equal((await p.anyone.call(contract.preview, { params: p.entry })).problem.reason, 'no-access-grant')
  const page = await p.anyone.ok(contract.dataset, { params: p.entry })
  assert.deepEqual([page.files, page.items.map(i => i.top), page.conditions], [[], [[], [], []], conditions])
  const receipt = await p.anyone.ok(procedure.publicStart, {
    body: { procedure: 'open-application', about: p.entry.code, form: application },
  })
  await act(p.provider, receipt.no, 'approve', { reason: '用途符合规定的领域，同意开放。', conditionsMet: met })
  await act(p.provider, receipt.no, 'draft', { terms: '按申请的场景使用，每 6 个月报告一次。' })
  await act(p.provider, receipt.no, 'sign', { acceptTerms: true })
  await publicAct(p.anyone, receipt, 'sign', { acceptTerms: true })
  const { key } = await p.anyone.ok(contract.accessKey, { params: receipt, body: { code: receipt.code } })
  assert.equal((await p.rows(key)).status, 200)
})

test('[shuangpai-32-2a] 双牌: the centre follows up regularly, with a result', async t => {
  const p = await conditional(t, 'shuangpai')
  const receipt = await p.anyone.ok(procedure.publicStart, {
    body: { procedure: 'open-application', about: p.entry.code, form: application },
  })
  await act(p.provider, receipt.no, 'approve', { reason: '用途符合规定的领域，同意开放。', conditionsMet: met })
  await act(p.provider, receipt.no, 'draft', { terms: '按申请的场景使用，每 6 个月报告一次。' })
  await act(p.provider, receipt.no, 'sign', { acceptTerms: true })
  await publicAct(p.anyone, receipt, 'sign', { acceptTerms: true })
  p.world.at('2026-12-02')
  await p.world.job('opening.review')
  const due = async () =>
    (await p.authority.ok(procedure.todo, { query: { who: 'department' } })).rows.filter(d => d.what === '跟踪使用情况').length
  assert.equal(await due(), 1, 'the centre is reminded')
  const [held] = await p.authority.ok(contract.accesses, {})
  const record = (body: object) => p.authority.call(contract.followUp, { params: { no: held!.no }, body })
  assert.deepEqual(said(await record({ findings: '看过系统' })), ['record-incomplete', '第三十二条第二款'])
  assert.equal((await record({ result: '按约定使用', findings: '日志齐全' })).status, 200)
  assert.equal(await due(), 0)
})

test('[shuangpai-32-1] 双牌: the department decides in 15 working days, and says why when it refuses', async t => {
  const p = await conditional(t, 'shuangpai')
  const receipt = await p.anyone.ok(procedure.publicStart, {
    body: { procedure: 'open-application', about: p.entry.code, form: application },
  })
  const seen = () => p.anyone.ok(procedure.publicCase, { params: receipt, query: { code: receipt.code } })
  // 2026-06-01 is a Monday; the Dragon Boat holiday (19 June) does not count: day 15 is 23 June.
  assert.deepEqual([(await seen()).clocks[0]?.days, (await seen()).clocks[0]?.due], [15, '2026-06-23'])
  const silent = await tryAct(p.provider, receipt.no, 'refuse', {})
  assert.deepEqual(said(silent), ['reason-required', '第三十二条第一款'])
  p.world.at('2026-06-24')
  assert.equal((await seen()).clocks[0]?.light, 'red')
  await act(p.provider, receipt.no, 'refuse', { reason: '用途不在规定的领域之内，无法提供。' })
  assert.deepEqual([(await seen()).ended, (await seen()).decision?.reason], [true, '用途不在规定的领域之内，无法提供。'])
})

test('[fuzhou-manage-23-2b] [fuzhou-open-8-2b] commercial development only for who was selected competitively', async t => {
  const p = await conditional(t, 'fuzhou')
  const receipt = await p.anyone.ok(procedure.publicStart, {
    body: { procedure: 'open-application', about: p.entry.code, form: { ...application, useKind: 'commercial' } },
  })
  await act(p.provider, receipt.no, 'advise', { opinion: 'agree', note: '同意' })
  const full = {
    reason: '经公开招标选定，符合条件',
    conditionsMet: met,
    tenderMethod: '公开招标',
    tenderNotice: 'FZ-2026-017 号公告',
    tenderResult: application.applicantName,
  }
  const without = await tryAct(p.authority, receipt.no, 'approve', { reason: full.reason, conditionsMet: met })
  assert.equal(without.problem.reason, 'competitive-selection-required')
  assert.match(without.problem.cite!.article, /第八条第二款.*福州管理 第二十三条第二款/)
  const other = await tryAct(p.authority, receipt.no, 'approve', { ...full, tenderResult: '另一家公司' })
  assert.equal(other.problem.reason, 'competitive-selection-required')
  await act(p.authority, receipt.no, 'approve', full)
})

/** An authorisation in force, with its key. */
async function granted(p: Awaited<ReturnType<typeof conditional>>, form: object = {}) {
  const receipt = await p.anyone.ok(procedure.publicStart, {
    body: { procedure: 'open-application', about: p.entry.code, form: { ...application, ...form } },
  })
  await act(p.provider, receipt.no, 'advise', { opinion: 'agree', note: '同意' })
  await act(p.authority, receipt.no, 'approve', { reason: '符合授权开放的条件和用途', conditionsMet: met })
  await act(p.provider, receipt.no, 'draft', { terms: '按申请的场景使用，每 6 个月报告一次。' })
  await act(p.provider, receipt.no, 'sign', { acceptTerms: true })
  await publicAct(p.anyone, receipt, 'sign', { acceptTerms: true })
  const { key } = await p.anyone.ok(contract.accessKey, { params: receipt, body: { code: receipt.code } })
  return { ...receipt, key }
}

test('[fuzhou-manage-23-3] [fuzhou-open-8-2c] universities and institutes use the data for public benefit only', async t => {
  const p = await conditional(t, 'fuzhou')
  const asked = await p.apply({ applicantKind: 'university', applicantName: '某大学', useKind: 'commercial' })
  assert.equal(asked.problem.reason, 'public-benefit-only')
  const held = await granted(p, { applicantKind: 'university', applicantName: '某大学', useKind: 'research' })
  const product = (kind: string) =>
    p.anyone.call(contract.registerProduct, {
      params: held,
      body: { code: held.code, title: '泊位预测服务', kind, acquired: '2026-06-01' },
    })
  const refused = await product('commercial')
  assert.equal(refused.problem.reason, 'public-benefit-only')
  assert.match(refused.problem.cite!.article, /第八条第二款.*福州管理 第二十三条第三款/)
  for (const kind of ['research', 'education', 'public-service']) assert.equal((await product(kind)).status, 200, kind)
})

test('[fuzhou-open-15-1a] use is reported regularly; a report that does not come is asked for, one of another scenario is flagged', async t => {
  const p = await conditional(t, 'fuzhou')
  const held = await granted(p)
  const mine = () => p.anyone.ok(contract.myAccess, { params: held, body: { code: held.code } })
  assert.deepEqual([(await mine()).reportDue, (await mine()).reportLate], ['2026-12-01', false])
  p.world.at('2026-12-02')
  assert.equal((await mine()).reportLate, true)
  await p.world.job('opening.review')
  const { rows } = await p.provider.ok(procedure.todo, { query: { who: 'department' } })
  assert.ok(
    rows.some(d => d.what === '催报使用情况'),
    'the provider is told',
  )
  const report = (scenario: string) =>
    p.anyone.ok(contract.reportUse, { params: held, body: { code: held.code, scenario, content: '本期共服务 12 万人次。' } })
  const other = await report('向保险公司出售车主停车习惯')
  assert.deepEqual(
    other.flags.map(f => [f.code, f.cite?.article]),
    [['scenario-exceeded', '第十五条第一款']],
  )
  const good = await report('在手机应用里向市民显示空余泊位')
  assert.deepEqual([good.flags, good.access.reportLate], [[], false])
  const [seen] = await p.provider.ok(contract.accesses, {})
  assert.deepEqual(seen!.reports.map(r => r.exceeded).sort(), [false, true])
})

test('[fuzhou-open-14-1] [fuzhou-open-16-2-0] a report against a user opens a case; only both bodies together close the access, and the public reads why', async t => {
  const p = await conditional(t, 'fuzhou')
  const held = await granted(p)
  assert.equal((await p.rows(held.key)).status, 200)
  const report = (form: object) =>
    p.anyone.call(procedure.publicStart, { body: { procedure: 'conduct-report', about: p.entry.code, form } })
  const blank = await report({ accused: application.applicantName, misconduct: 'beyond' })
  assert.deepEqual(said(blank), ['record-incomplete', '第十六条第二款首段'])
  const { body } = await report({ accused: application.applicantName, misconduct: 'beyond', description: '把泊位数据卖给了保险公司。' })
  const no = body.no
  for (const who of [p.provider, p.authority]) {
    const { rows } = await who.ok(procedure.notices, {})
    assert.ok(
      rows.some(n => n.href.endsWith(no)),
      'both are told',
    )
  }
  const alone = await tryAct(p.authority, no, 'close', { reason: '情况属实，情节严重，应当关闭。' })
  assert.deepEqual(said(alone), ['joint-decision-required', '第十六条第二款首段'])
  assert.equal((await tryAct(p.provider, no, 'close', { reason: '情况属实，情节严重。' })).problem.reason, 'not-competent')
  assert.equal((await p.rows(held.key)).status, 200, 'nothing is closed by one body')
  await act(p.provider, no, 'propose', { measure: 'close', note: '查证属实' })
  await act(p.authority, no, 'close', { reason: '情况属实，情节严重，关闭访问。' })
  const refused = await p.rows(held.key)
  assert.deepEqual(said(refused), ['access-limited', '第十六条第二款首段'])
  assert.equal((await p.file(held.key)).statusCode, 403)
  const [notice] = await p.anyone.ok(contract.conductNotices, {})
  assert.deepEqual(
    [notice?.holder, notice?.measure, notice?.reason],
    [application.applicantName, '关闭访问', '情况属实，情节严重，关闭访问。'],
  )
})

test('[fuzhou-open-16-2-3] [fuzhou-open-16-2-4] a call for another purpose is refused and counted; a breach is decided only against a named term', async t => {
  const p = await conditional(t, 'fuzhou')
  const held = await granted(p)
  const call = (purpose: string) =>
    p.anyone.call(contract.openData, {
      params: p.entry,
      headers: { authorization: `Bearer ${held.key}`, 'x-huitong-purpose': encodeURIComponent(purpose) },
    })
  assert.equal((await call('向市民显示空余泊位')).status, 200)
  assert.deepEqual(said(await call('向保险公司出售停车习惯')), ['scenario-exceeded', '第十六条第二款第三项'])
  const [seen] = await p.provider.ok(contract.accesses, {})
  assert.equal(seen!.exceeded, 1)

  const { body } = await p.anyone.call(procedure.publicStart, {
    body: {
      procedure: 'conduct-report',
      about: p.entry.code,
      form: {
        accused: application.applicantName,
        accessNo: held.no.replace('KS', 'SK'),
        misconduct: 'breach',
        description: '没有注明来源。',
      },
    },
  })
  await act(p.provider, body.no, 'propose', { measure: 'limit', note: '多次提醒仍不改正' })
  const reason = '多次提醒仍不注明来源，限制访问。'
  assert.deepEqual(said(await tryAct(p.authority, body.no, 'limit', { reason })), ['citation-required', '第十六条第二款第四项'])
  await act(p.authority, body.no, 'limit', { reason, breachedTerm: '使用要求：注明来源' })
  assert.equal((await p.rows(held.key)).problem.reason, 'access-limited')
})

const citizen = { applicantKind: 'citizen', applicantName: '王女士', contact: '13800000000' }
test('[fuzhou-manage-24-1] [fuzhou-manage-24-2] [fuzhou-manage-40-2] a demand is answered in 20 working days with reasons; the commission reviews in 20 more from acceptance', async t => {
  const p = await aPlace(t, 'fuzhou', { day: '2026-06-01' })
  const { anonymous: anyone } = p.world
  const form = { ...citizen, department: p.provider.departmentId, demand: '希望开放公共厕所的位置和开放时间' }
  const disclosure = await anyone.call(procedure.publicStart, {
    body: { procedure: 'open-demand', region: p.region, form: { ...form, demandKind: 'disclosure' } },
  })
  assert.deepEqual(said(disclosure), ['out-of-scope', '第四十条第二款'])
  assert.match(disclosure.problem.detail, /政府信息公开/)
  assert.equal((await p.authority.ok(procedure.cases, { query: { scope: 'all' } })).total, 0, 'no clock has started')
  const receipt = await anyone.ok(procedure.publicStart, { body: { procedure: 'open-demand', region: p.region, form } })
  const seen = (r: Receipt) => anyone.ok(procedure.publicCase, { params: r, query: { code: r.code } })
  // 20 working days after 1 June, without 19 June: 30 June.
  assert.deepEqual([(await seen(receipt)).clocks[0]?.days, (await seen(receipt)).clocks[0]?.due], [20, '2026-06-30'])
  p.world.at('2026-07-01')
  const watched = await p.authority.ok(procedure.cases, { query: { scope: 'all' } })
  assert.equal(watched.rows.find(c => c.no === receipt.no)?.light, 'red', 'the commission sees that it is overdue')
  assert.deepEqual(said(await tryAct(p.provider, receipt.no, 'refuse', {})), ['reason-required', '第二十四条第一款'])
  await act(p.provider, receipt.no, 'refuse', { reason: '数据由各区分散管理，暂时不能提供。' })

  const answered = await seen(receipt)
  assert.deepEqual(
    answered.next.map(n => n.procedure),
    ['open-demand-review'],
  )
  const review = await anyone.ok(procedure.publicStart, {
    body: { procedure: 'open-demand-review', after: receipt.no, code: receipt.code, form: { reason: '同类城市都已经开放，请再考虑。' } },
  })
  p.world.at('2026-07-06')
  await act(p.authority, review.no, 'accept', {})
  // Accepted on Monday 6 July: day 20 is 3 August.
  const clock = (await seen(review)).clocks.find(c => c.days === 20)
  assert.deepEqual([clock?.opened, clock?.due], ['2026-07-06', '2026-08-03'])
  const own = await tryAct(p.provider, review.no, 'uphold', { reason: '维持原来的答复，理由同前。' })
  assert.deepEqual(said(own), ['not-competent', '第二十四条第二款'])
  await act(p.authority, review.no, 'change', { reason: '数据已有汇总，应当开放。', openPlan: '8 月底前列入目录并开放' })
  const { rows: tasks } = await p.provider.ok(procedure.todo, { query: { who: 'department' } })
  assert.ok(
    tasks.some(d => d.what === '列入目录或开放'),
    'agreement becomes a task',
  )
  const { rows: told } = await p.provider.ok(procedure.notices, {})
  assert.ok(told.some(n => n.href.endsWith(review.no)))
})

test('[fuzhou-open-26-1] errors and rights: a receipt, word to provider and commission, an answer; the time is shown without a limit', async t => {
  const p = await conditional(t, 'fuzhou')
  const file = (about: string | undefined, form: object, name = 'open-objection') =>
    p.anyone.call(procedure.publicStart, { body: { procedure: name, region: p.region, ...(about && { about }), form } })
  const full = { description: '数据里有我家的地址。', rightsKind: 'privacy', ...citizen }
  assert.equal((await file(p.entry.code, { ...full, description: undefined })).problem.reason, 'record-incomplete')
  assert.equal((await file(undefined, full)).problem.reason, 'record-incomplete')
  const { body: receipt } = await file(p.entry.code, full)
  assert.match(receipt.no, /^QY-2026-\d{4}$/)
  for (const who of [p.provider, p.authority]) {
    const { rows } = await who.ok(procedure.notices, {})
    assert.ok(rows.some(n => n.href.endsWith(receipt.no)))
  }
  const seen = await p.anyone.ok(procedure.publicCase, { params: receipt, query: { code: receipt.code } })
  assert.deepEqual([seen.clocks[0]?.days, seen.clocks[0]?.word, seen.clocks[0]?.opened], [null, '法规未定天数', '2026-06-01'])
  await act(p.provider, receipt.no, 'recall', { answer: '属实，已撤下并重新脱敏。' })
  assert.equal((await p.anyone.call(contract.dataset, { params: p.entry })).problem.reason, 'dataset-withdrawn')
  const error = await file(p.entry.code, { description: '第 3 行泊位数不对。', problemKind: 'error' }, 'open-feedback')
  assert.match(error.body.no, /^JC-/)
})

test('永泰 applies for authorised data under 福州’s rule: the city’s commission decides and publishes, the county’s department advises', async t => {
  const p = await conditional(t, 'yongtai')
  const city = p.bureaus['350100']!
  const receipt = await p.anyone.ok(procedure.publicStart, {
    body: { procedure: 'open-application', about: p.entry.code, form: application },
  })
  await act(p.provider, receipt.no, 'advise', { opinion: 'agree', note: '同意' })
  assert.equal(
    (await tryAct(p.authority, receipt.no, 'approve', { reason: '符合授权开放的条件和用途', conditionsMet: met })).problem.reason,
    'not-competent',
  )
  await act(city, receipt.no, 'approve', { reason: '符合授权开放的条件和用途', conditionsMet: met })
  const seen = await p.anyone.ok(procedure.publicCase, { params: receipt, query: { code: receipt.code } })
  assert.deepEqual([seen.cite.title, seen.stateLabel], ['福州开放', '签订使用协议'])
})

for (const place of ['henan', 'jinjiang'] as const)
  test(`${place}: where no text says who decides, the department does, as the platform’s convention says`, async t => {
    const p = await conditional(t, place)
    const receipt = await p.anyone.ok(procedure.publicStart, {
      body: { procedure: 'open-application', about: p.entry.code, form: application },
    })
    await act(p.provider, receipt.no, 'approve', { reason: '用途合理，同意按申请的范围提供。', conditionsMet: met })
    await act(p.provider, receipt.no, 'draft', { terms: '按申请的场景使用，每 6 个月报告一次。' })
    await act(p.provider, receipt.no, 'sign', { acceptTerms: true })
    await publicAct(p.anyone, receipt, 'sign', { acceptTerms: true })
    const { key } = await p.anyone.ok(contract.accessKey, { params: receipt, body: { code: receipt.code } })
    assert.equal((await p.rows(key)).status, 200)
    const seen = await p.anyone.ok(procedure.publicCase, { params: receipt, query: { code: receipt.code } })
    assert.equal(seen.cite.regulation, 'platform')
  })

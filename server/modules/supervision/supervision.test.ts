import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as catalog from '../../../contract/catalog.ts'
import * as opening from '../../../contract/opening.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as sharing from '../../../contract/sharing.ts'
import * as contract from '../../../contract/supervision.ts'
import { type APlace, act, aPlace, aPlainEntry, articleOf, connect, fill, type Place, said, tryAct } from '../../../test/support/country.ts'
import { application, free, give, grantOf, rows, stated } from '../../../test/support/sharing.ts'
import type { Person } from '../../../test/support/world.ts'

const start = (who: Person, name: string, form: object, more: object = {}) =>
  who.call(procedure.startCase, { body: { procedure: name, form, ...more } })
const exhibits = ['现场记录 2026-05-20', '系统截图']
/** A department of the place that plays a role, with somebody who speaks for it. */
async function body(p: APlace, name: string, roles: string[]) {
  const id = await p.world.department({ region: p.region, name, roles })
  return Object.assign(await p.world.person({ department: name, roles: ['leader'] }), { departmentId: id })
}

const inspecting: [string, Place, string][] = [
  ['[yongtai-9-1a] [yongtai-9-1c] the authority of 永泰 inspects five areas and has findings corrected', 'yongtai', '第九条'],
  ['[fuzhou-manage-9-1a] [fuzhou-manage-9-1c] the authority of 福州 inspects five areas and has findings corrected', 'fuzhou', '第九条'],
]
for (const [title, place, article] of inspecting)
  test(title, async t => {
    const p = await aPlace(t, place)
    const entry = await p.register(aPlainEntry(free))
    await fill(p.world, entry, rows)
    await p.consumer.ok(sharing.access, { body: { entryId: entry.id, system: p.system, ...stated } })
    const form = {
      inspected: p.provider.departmentId,
      area: 'aggregate',
      finding: '名录三个月没有更新。',
      exhibits,
      inspectedOn: '2026-05-20',
      inspector: '王检查',
    }
    assert.deepEqual(said(await start(p.consumer, 'inspection', form), place), ['not-competent', article])
    const c = (await start(p.authority, 'inspection', form)).body
    const kept = Object.fromEntries(c.form.map(f => [f.name, f.value]))
    assert.deepEqual([kept.area, kept.finding, kept.inspectedOn, kept.inspector], ['汇聚', form.finding, '2026-05-20', '王检查'])
    assert.match(kept.exhibits!, /系统截图/)
    await act(p.authority, c.no, 'order', { correction: '补齐三个月的数据。', correctBy: '2026-06-05' })
    const task = (await p.provider.ok(procedure.todo, { query: {} })).rows.find(r => r.caseNo === c.no)!
    assert.deepEqual([task.clock.due, articleOf(task.clock.cite, place)], ['2026-06-05', article])
    const board = await p.authority.ok(contract.board)
    const row = board.rows.find(r => r.department === '提供局')!
    assert.deepEqual([row.register, row.aggregate, row.share, row.corrections], [1, 1, 1, 1])
    assert.deepEqual(
      board.areas.map(a => a.label),
      ['登记', '采集', '汇聚', '共享', '服务'],
    )
    const bare = await tryAct(p.provider, c.no, 'report', { correctionDone: '已经补齐。' })
    assert.equal(bare.problem.reason, 'evidence-required')
    await act(p.provider, c.no, 'report', { correctionDone: '已经补齐。', exhibits: ['批次 PC-2026-0001'] })
    assert.equal((await act(p.authority, c.no, 'accept')).ended, true)
  })

test('[yongtai-9-1b] [fuzhou-manage-9-1b] only a registered service unit is evaluated', async t => {
  const p = await aPlace(t, 'yongtai')
  const unit = await p.world.department({ region: p.region, name: '某技术公司', kind: 'company' } as never)
  const form = { period: '2026 年上半年', score: 86, evaluator: '王检查' }
  assert.equal((await start(p.authority, 'service-evaluation', form)).problem.reason, 'unknown-party')
  const gone = '00000000-0000-7000-8000-000000000000'
  assert.equal((await start(p.authority, 'service-evaluation', { ...form, serviceUnit: gone })).problem.reason, 'unknown-party')
  const c = (await start(p.authority, 'service-evaluation', { ...form, serviceUnit: unit })).body
  assert.deepEqual([c.ended, c.form.find(f => f.name === 'score')?.value], [true, '86'])
})

const feedback: [string, Place, string][] = [
  ['[yongtai-17-2] feedback in 永泰 leaves a trail that nobody edits', 'yongtai', '第十七条第二款'],
  ['[fuzhou-manage-18-2] feedback in 福州 leaves a trail that nobody edits', 'fuzhou', '第十八条第二款'],
]
for (const [title, place, article] of feedback)
  test(title, async t => {
    const p = await aPlace(t, place)
    const form = { responsible: p.provider.departmentId, about: '养老机构名录', feedback: '三家机构的床位数与实际不符。' }
    const { no } = (await start(p.consumer, 'feedback', form)).body
    await act(p.authority, no, 'assign')
    await act(p.provider, no, 'answer', { handling: '已核实并更正。' })
    await act(p.consumer, no, 'accept')
    for (const who of [p.consumer, p.provider]) {
      const trail = (await who.ok(procedure.caseByNo, { params: { no } })).timeline
      assert.deepEqual(
        trail.map(e => [e.seq, e.department, !!e.person, !!e.at]),
        [
          [1, '申请局', true, true],
          [2, p.world ? `${place === 'yongtai' ? '永泰县' : '福州市'}主管部门` : '', true, true],
          [3, '提供局', true, true],
          [4, '申请局', true, true],
        ],
      )
      assert.deepEqual(said(await who.call(procedure.editEvent, { params: { no, seq: '3' } as never }), place), [
        'log-append-only',
        article,
      ])
    }
    // No other address changes or removes one, and the tables are append-only below.
    for (const method of ['PATCH', 'DELETE'] as const)
      assert.equal((await p.world.app.inject({ method, url: `/api/cases/${no}/events/3` })).statusCode, 404)
  })

const accused = (p: APlace, more: object = {}) => ({
  responsible: p.provider.departmentId,
  breach: 'duplicate',
  facts: '向办事人重复收集平台已有的信息。',
  exhibits,
  ...more,
})
const ladders: [string, Place, string, string, object][] = [
  ['[yongtai-26-0] [yongtai-26-8] sanctions in 永泰 go step by step', 'yongtai', '第二十六条首段', '第二十八条', {}],
  ['[fuzhou-manage-37-0] [fuzhou-manage-37-9] sanctions in 福州 go step by step', 'fuzhou', '第三十七条首段', '第三十九条', {}],
  [
    '[jinjiang-6-1-0] [jinjiang-6-1-10] sanctions in 晋江 go step by step, with a deduction',
    'jinjiang',
    '第六部分第（一）项首段',
    '第六部分第（三）项',
    { deduction: 2 },
  ],
]
for (const [title, place, article, exemption, extra] of ladders)
  test(title, async t => {
    const p = await aPlace(t, place)
    assert.deepEqual(said(await start(p.authority, 'accountability', accused(p, { breach: undefined })), place), [
      'citation-required',
      article,
    ])
    assert.equal((await start(p.authority, 'accountability', accused(p, { breach: 'other' }))).problem.reason, 'citation-required')
    assert.equal((await start(p.authority, 'accountability', accused(p, { exhibits: [] }))).problem.reason, 'evidence-required')
    assert.equal((await start(p.consumer, 'accountability', accused(p))).problem.reason, 'not-competent')
    const { no } = (await start(p.authority, 'accountability', accused(p))).body
    const circular = { circular: '通报〔2026〕1号', ...extra }
    assert.deepEqual(said(await tryAct(p.authority, no, 'criticise', circular), place), ['ladder-order', article])
    await act(p.authority, no, 'order', { correction: '停止重复收集。', correctBy: '2026-06-05' })
    assert.deepEqual(said(await tryAct(p.authority, no, 'criticise', circular), place), ['ladder-order', article])
    const referral = { disciplineReferral: '移送县纪委监委 2026-1' }
    assert.deepEqual(said(await tryAct(p.authority, no, 'discipline', referral), place), ['ladder-order', article])
    p.world.at('2026-06-08')
    await p.world.job('duties.remind')
    // The platform proposes, the authority decides.
    assert.ok((await p.authority.ok(procedure.notices)).rows.some(n => n.href.endsWith(no) && /通报批评/.test(n.text)))
    if ('deduction' in extra) assert.equal((await tryAct(p.authority, no, 'criticise', { circular: '通报〔2026〕1号' })).status, 422)
    assert.equal((await act(p.authority, no, 'criticise', circular)).state, 'criticised')
    const loss = { compensation: '赔偿办事人往返费用。' }
    assert.deepEqual(said(await tryAct(p.authority, no, 'compensate', loss), place), ['ladder-order', article])
    await act(p.authority, no, 'discipline', referral)
    await act(p.authority, no, 'compensate', loss)
    assert.equal((await act(p.authority, no, 'refer', { criminalReferral: '移送县公安局 2026-3' })).ended, true)

    const other = (await start(p.authority, 'accountability', accused(p, { breach: 'misuse' }))).body.no
    const pilot = { pilotProject: '数据创新试点批复', noNegligence: true, exemptOutcome: 'mitigate', exemptProof: exhibits }
    assert.deepEqual(said(await tryAct(p.authority, other, 'exempt', pilot), place), ['exemption-conditions-unmet', exemption])
    assert.equal((await act(p.authority, other, 'exempt', { ...pilot, noIntent: true })).state, 'exempted')
  })
test('[yongtai-28-1] [fuzhou-manage-39-1] [jinjiang-6-3] a pilot is exempted only with a finding on intent', async t => {
  for (const [place, exemption] of [
    ['yongtai', '第二十八条'],
    ['fuzhou', '第三十九条'],
    ['jinjiang', '第六部分第（三）项'],
  ] as const) {
    const p = await aPlace(t, place)
    const { no } = (await start(p.authority, 'accountability', accused(p))).body
    const pilot = { pilotProject: '数据创新试点批复', noNegligence: true, exemptOutcome: 'exempt', exemptProof: exhibits }
    assert.deepEqual(said(await tryAct(p.authority, no, 'exempt', pilot), place), ['exemption-conditions-unmet', exemption])
    assert.equal(
      (await tryAct(p.authority, no, 'exempt', { ...pilot, noIntent: true, exemptProof: [] })).problem.reason,
      'exemption-conditions-unmet',
    )
    assert.equal((await act(p.authority, no, 'exempt', { ...pilot, noIntent: true })).state, 'exempted')
  }
})

test('[henan-29-0] [henan-30-1] 河南: notify, then report to the government, then order', async t => {
  const p = await aPlace(t, 'henan')
  const government = await body(p, '河南省人民政府', ['government'])
  const { no } = (await start(p.authority, 'accountability', accused(p))).body
  await act(p.authority, no, 'order', { correction: '停止重复收集。', correctBy: '2026-06-05' })
  const report = { reportUp: '逾期没有整改，报请督查。' }
  assert.deepEqual(said(await tryAct(p.authority, no, 'report-up', report)), ['ladder-order', '第二十九条首段'])
  assert.equal((await tryAct(p.authority, no, 'discipline', { disciplineReferral: '移送省纪委监委' })).problem.reason, 'ladder-order')
  p.world.at('2026-06-08')
  await p.world.job('duties.remind')
  assert.ok((await p.authority.ok(procedure.notices)).rows.some(n => n.href.endsWith(no) && /报本级人民政府/.test(n.text)))
  await act(p.authority, no, 'report-up', report)
  await act(government, no, 'order-by-government', { governmentOrder: '责令七日内改正。', correctBy: '2026-06-15' })
  assert.equal((await act(p.authority, no, 'discipline', { disciplineReferral: '移送省纪委监委' })).state, 'disciplined')

  const other = (await start(p.authority, 'accountability', accused(p, { breach: 'standard' }))).body.no
  const found = { exemptOutcome: 'exempt', exemptProof: exhibits }
  assert.deepEqual(said(await tryAct(p.authority, other, 'exempt', { ...found, actedByRule: true })), [
    'exemption-conditions-unmet',
    '第三十条',
  ])
  assert.equal((await act(p.authority, other, 'exempt', { ...found, actedByRule: true, exemptGround: 'care' })).state, 'exempted')
})

test('[henan-28-1] 河南: who answers for an incident follows from its stage, and nobody answers jointly', async t => {
  const p = await aPlace(t, 'henan')
  const form = {
    provider: p.provider.departmentId,
    user: p.consumer.departmentId,
    stage: 'use',
    happenedOn: '2026-05-20',
    incident: '使用系统的账号被盗，名录外泄。',
  }
  assert.deepEqual(said(await start(p.authority, 'incident', { ...form, attributed: 'provider' })), ['no-joint-liability', '第二十八条'])
  const c = (await start(p.authority, 'incident', form)).body
  assert.match(c.result!.label, /申请局/)
  assert.equal((await tryAct(p.authority, c.no, 'close', { handling: '已改密。' })).problem.reason, 'record-incomplete')
  await act(p.authority, c.no, 'close', { cause: '没有开启双因素登录。', handling: '已改密并开启。' })
  assert.match((await start(p.authority, 'incident', { ...form, stage: 'collect' })).body.result!.label, /提供局/)
})

test('[fuzhou-open-31-0] [fuzhou-open-35-0] 福州: providers are ordered by the government or their superior, not by the commission', async t => {
  const p = await aPlace(t, 'fuzhou')
  const government = await body(p, '福州市人民政府', ['government'])
  const form = accused(p, { breach: 'unanswered', decider: government.departmentId, deciderKind: 'government' })
  // The commission cannot name itself, nor act for the body that decides.
  const itself = await start(p.authority, 'provider-accountability', { ...form, decider: p.authority.departmentId })
  assert.deepEqual(said(itself), ['not-competent', '第三十一条首段'])
  const { no } = (await start(p.authority, 'provider-accountability', form)).body
  const order = { correction: '受理并答复。', correctBy: '2026-06-05' }
  assert.deepEqual(said(await tryAct(p.authority, no, 'order', order)), ['not-competent', '第三十一条首段'])
  await act(government, no, 'order', order)
  // Serious: after the order, the body that ordered refers it for discipline; neither the commission nor, before the order, anybody.
  const grave = (await start(p.authority, 'provider-accountability', form)).body.no
  const referral = { disciplineReferral: '移送市纪委监委，逾期没有改正，情节严重。' }
  assert.equal((await tryAct(government, grave, 'discipline', referral)).problem.reason, 'step-skipped')
  await act(government, grave, 'order', order)
  assert.deepEqual(said(await tryAct(p.authority, grave, 'discipline', referral)), ['not-competent', '第三十一条首段'])
  const referred = await act(government, grave, 'discipline', referral)
  assert.deepEqual([referred.state, referred.ended], ['disciplined', true])
  const tolerance = { situation: 'pilot', properProcedure: true, noGain: true, exemptOutcome: 'exempt', exemptProof: exhibits }
  assert.deepEqual(said(await tryAct(government, no, 'exempt', tolerance)), ['exemption-conditions-unmet', '第三十五条首段'])
  assert.equal((await act(government, no, 'exempt', { ...tolerance, noCollusion: true })).state, 'exempted')
})
for (const [title, lacking] of [
  ['[fuzhou-open-35-1] tolerance needs a finding on procedure', 'properProcedure'],
  ['[fuzhou-open-35-2] tolerance needs a finding on gain', 'noGain'],
  ['[fuzhou-open-35-3] tolerance needs a finding on collusion', 'noCollusion'],
] as const)
  test(title, async t => {
    const p = await aPlace(t, 'fuzhou')
    const government = await body(p, '福州市人民政府', ['government'])
    const form = accused(p, { breach: 'standard', decider: government.departmentId, deciderKind: 'government' })
    const { no } = (await start(p.authority, 'provider-accountability', form)).body
    const whole = {
      situation: 'explore',
      properProcedure: true,
      noGain: true,
      noCollusion: true,
      exemptOutcome: 'exempt',
      exemptProof: exhibits,
    }
    assert.equal((await tryAct(government, no, 'exempt', { ...whole, [lacking]: false })).problem.reason, 'exemption-conditions-unmet')
    assert.equal((await act(government, no, 'exempt', whole)).state, 'exempted')
  })

test('[shuangpai-44-0] [shuangpai-44-7] 双牌: one of four kinds of bodies orders, never the department itself', async t => {
  const p = await aPlace(t, 'shuangpai')
  const form = accused(p, { breach: 'purpose', deciderKind: 'supervisory' })
  const own = await start(p.authority, 'accountability', { ...form, decider: p.provider.departmentId })
  assert.deepEqual(said(own), ['not-competent', '第四十四条首段'])
  for (const [kind, name] of [
    ['superior', '上级机关'],
    ['competent', '主管局'],
    ['appointing', '组织部'],
    ['supervisory', '县监委'],
  ] as const) {
    const decider = await body(p, name, [kind])
    const wrong = await start(p.authority, 'accountability', {
      ...form,
      breach: undefined,
      deciderKind: kind,
      decider: decider.departmentId,
    })
    assert.equal(wrong.problem.reason, 'citation-required')
    const { no } = (await start(p.authority, 'accountability', { ...form, deciderKind: kind, decider: decider.departmentId })).body
    const order = { correction: '恢复原定用途。', correctBy: '2026-06-05' }
    assert.deepEqual(said(await tryAct(p.provider, no, 'order', order)), ['not-competent', '第四十四条首段'])
    assert.equal((await act(decider, no, 'order', order)).state, 'correction')
    assert.equal((await tryAct(decider, no, 'refer', { criminalReferral: '移送县公安局' })).problem.reason, 'ladder-order')
    await act(p.provider, no, 'report', { correctionDone: '已恢复。', exhibits })
  }
})

test('[jinjiang-2-1b] 晋江: nobody blocks sharing without a reason; what is blocked is reported and becomes a finding', async t => {
  const p = await aPlace(t, 'jinjiang')
  const entry = await p.register(aPlainEntry(free))
  const grant = await p.consumer.ok(sharing.access, { body: { entryId: entry.id, system: p.system, ...stated } })
  const silent = await p.provider.call(sharing.suspend, { params: { id: grant.id }, body: {} })
  assert.deepEqual(said(silent), ['reason-required', '第二部分第（一）项'])
  const form = { blocker: p.provider.departmentId, blockedTask: `授权 ${grant.no}`, facts: '多次催办，不说明原因。' }
  const { no } = (await start(p.consumer, 'hindrance', form)).body
  assert.deepEqual(said(await tryAct(p.provider, no, 'uphold', {})), ['reason-required', '第二部分第（一）项'])
  const found = await act(p.authority, no, 'establish', { facts: '没有说明原因，阻碍成立。' })
  assert.deepEqual([found.state, found.ruling.cite.article], ['finding', '第二部分第（一）项'])
  assert.equal(found.form.find(f => f.name === 'blocker')?.value, '提供局')
})

test('[yongtai-24-1b] [fuzhou-manage-35-1b] what a survey finds is rectified, with evidence', async t => {
  for (const place of ['yongtai', 'fuzhou'] as const) {
    const p = await aPlace(t, place)
    const c = (
      await start(p.authority, 'survey-finding', { responsible: p.provider.departmentId, surveyor: '某测评中心', finding: '更新不及时。' })
    ).body
    assert.ok((await p.provider.ok(procedure.todo, { query: {} })).rows.some(r => r.caseNo === c.no))
    assert.equal((await tryAct(p.provider, c.no, 'report', { correctionDone: '已经更新。' })).problem.reason, 'evidence-required')
    assert.equal((await act(p.provider, c.no, 'report', { correctionDone: '已经更新。', exhibits })).ended, true)
  }
})

test('[fuzhou-open-16-1a] [fuzhou-open-16-1b] 福州: the provider sees use and reports of its open data, and judges each', async t => {
  const p = await aPlace(t, 'fuzhou')
  const entry = await p.register(aPlainEntry(free))
  await fill(p.world, entry, rows)
  const second = await p.world.person({ department: '提供局', roles: ['secrecy'], name: '黄审查' })
  const { caseNo } = await p.provider.ok(opening.propose, {
    params: entry,
    body: {
      items: entry.content.items.map(i => ({ key: i.key, treatment: 'plain' as const })),
      theme: '社会民生',
      description: '经备案的养老机构名录。',
      exclusions: true,
      useRequirements: '可以自由使用，须注明来源。',
      records: {
        risk: { risks: '没有个人信息', measures: '逐项核对', conclusion: 'acceptable' as const },
        preprocessing: [{ step: '清洗', operator: '提供专员', on: '2026-05-20' }],
      },
    },
  } as never)
  await act(second, caseNo, 'clear', { secrecyResult: 'clear' })
  await act(p.authority, caseNo, 'open')
  const file = await p.world.app.inject({ method: 'GET', url: `/api/open/datasets/${entry.code}/download?format=csv` })
  assert.equal(file.statusCode, 200)
  for (let n = 0; n < 2; n++) await p.world.anonymous.ok(opening.openData, { params: entry, query: { limit: 1 } } as never)
  const filed = await p.world.anonymous.ok(procedure.publicStart, {
    body: {
      procedure: 'use-feedback',
      about: entry.code,
      form: {
        applicantKind: 'citizen',
        applicantName: '林某',
        description: '有人用名录冒充机构推销。',
        useSource: 'report',
        accused: '某营销号',
      },
    },
  })
  const use = await p.provider.ok(contract.openUse, { params: { code: entry.code } })
  assert.deepEqual(
    use.cases.map(c => [c.no, c.ended]),
    [[filed.no, false]],
  )
  assert.deepEqual([use.downloads, use.calls], [1, 2])
  const traced = use.trace.map(r => r.action)
  assert.deepEqual(traced.filter(a => a !== 'open.preview').sort(), ['open.download', 'open.read', 'open.read'])
  assert.ok(use.trace.every(r => r.ledger > 0 && r.at))
  assert.equal((await p.consumer.call(contract.openUse, { params: { code: entry.code } })).problem.reason, 'not-owner')
  const bare = await tryAct(p.provider, filed.no, 'close', { useConclusion: '已经核实。' })
  assert.deepEqual(said(bare), ['conclusion-required', '第十六条第一款'])
  assert.equal(
    (await act(p.provider, filed.no, 'close', { legality: 'improper', useConclusion: '使用不当，另按行为反映处理。' })).ended,
    true,
  )
})

// ── what the facts suggest ──
const misuse: [string, Place, string, string | null][] = [
  ['[yongtai-26-4] [yongtai-26-5] calls outside a grant in 永泰 are kept as suspicions', 'yongtai', '第二十六条第四项', '第二十六条第五项'],
  [
    '[fuzhou-manage-37-5] [fuzhou-manage-37-6] calls outside a grant in 福州 are kept as suspicions',
    'fuzhou',
    '第三十七条第五项',
    '第三十七条第六项',
  ],
  ['[shuangpai-44-6] a call for another purpose in 双牌 is kept as a suspicion', 'shuangpai', '第四十四条第六项', null],
  [
    '[jinjiang-6-1-5] [jinjiang-6-1-6] calls outside a grant in 晋江 are kept as suspicions',
    'jinjiang',
    '第六部分第（一）项第⑤目',
    '第六部分第（一）项第⑥目',
  ],
]
for (const [title, place, article, privacy] of misuse)
  test(title, async t => {
    const p = await aPlace(t, place)
    const items = aPlainEntry().items.map((i, n) => (n === 2 ? { ...i, name: '负责人电话', sensitive: 'privacy' } : i))
    const entry = await p.register(aPlainEntry({ ...free, items }))
    await fill(p.world, entry, rows)
    const taken = ['c1', 'c2'].map(key => ({ key, treatment: 'plain' as const }))
    const grant = await p.consumer.ok(sharing.access, { body: { entryId: entry.id, system: p.system, ...stated, items: taken } })
    const read = await connect(p.world, p.consumer, grant.id)
    assert.equal((await read(entry.code)).status, 200)
    assert.deepEqual(await p.authority.ok(contract.suspicions), [])
    const other = await read(entry.code, {}, { 'x-huitong-purpose': encodeURIComponent('商业营销') })
    assert.deepEqual([other.status, other.problem.reason], [403, 'purpose-mismatch'])
    assert.equal((await read(entry.code, { fields: '负责人电话' })).problem.reason, 'field-not-granted')
    const list = await p.authority.ok(contract.suspicions)
    assert.deepEqual(list.map(s => articleOf(s.cite, place)).sort(), [article, ...(privacy ? [privacy] : [])].sort())
    for (const s of list) assert.equal(s.department, '申请局')
  })

const lying: [string, Place, string, boolean][] = [
  ['[fuzhou-manage-37-1] a catalog not updated after a change is suspected in 福州', 'fuzhou', '第三十七条第一项', false],
  ['[jinjiang-6-1-1] a catalog not updated after a change is suspected in 晋江', 'jinjiang', '第六部分第（一）项第①目', false],
]
for (const [title, place, article, legal] of lying)
  test(title, async t => {
    const p = await aPlace(t, place)
    const entry = await p.register(aPlainEntry())
    const body = { kind: 'structure', changedOn: '2026-05-20', change: '增加了负责人一项。', codes: [entry.code] }
    const [c] = (await p.provider.ok(catalog.registerChange, { body })).tasks
    assert.deepEqual(await p.authority.ok(contract.suspicions), [])
    p.world.at('2026-06-20')
    const [one, ...rest] = await p.authority.ok(contract.suspicions)
    assert.deepEqual([one!.cite.article, one!.department, one!.legal, rest.length], [article, '提供局', legal, 0])
    assert.ok(one!.elapsed > 0 && one!.href.endsWith(c!.caseNo))
  })

test('[shuangpai-44-2] [shuangpai-44-4] overdue verifications and opinions are suspected in 双牌, those in time are not', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(aPlainEntry())
  const c = await p.consumer.ok(sharing.apply, { body: { entryId: entry.id, form: application(p) } } as never)
  const report = (await start(p.consumer, 'verification', { record: 'A001', doubt: '床位数与实际不符。' }, { about: entry.code })).body
  assert.deepEqual(await p.authority.ok(contract.suspicions), [])
  p.world.at('2026-06-10')
  const list = await p.authority.ok(contract.suspicions)
  assert.deepEqual([...new Set(list.map(s => s.cite.article))].sort(), ['第四十四条第二项', '第四十四条第四项'].sort())
  assert.ok(list.every(s => s.legal))
  await act(p.provider, report.no, 'uphold', { reason: '经现场核对，登记的床位数无误。' })
  for (const who of [p.authority, p.provider]) await act(who, (c as { no: string }).no, 'advise', { opinion: 'agree', note: '同意。' })
  assert.deepEqual(await p.authority.ok(contract.suspicions), [])
})

test('[fuzhou-open-31-5] [fuzhou-open-31-6] an objection left lying is suspected in 福州; a case needs its article', async t => {
  const p = await aPlace(t, 'fuzhou')
  const entry = await p.register(aPlainEntry(free))
  const filed = await p.world.anonymous.ok(procedure.publicStart, {
    body: {
      procedure: 'open-feedback',
      about: entry.code,
      form: { applicantKind: 'citizen', applicantName: '林某', description: '床位数有误。', problemKind: 'error' },
    },
  })
  assert.deepEqual(await p.authority.ok(contract.suspicions), [])
  p.world.at('2026-06-20')
  const list = await p.authority.ok(contract.suspicions)
  assert.ok(list.length > 0 && list.every(s => s.cite.article === '第三十一条第五项' && s.href.endsWith(filed.no) && !s.legal))
  await act(p.provider, filed.no, 'answer', { answer: '已更正。' })
  assert.deepEqual(await p.authority.ok(contract.suspicions), [])
  const government = await body(p, '福州市人民政府', ['government'])
  const form = accused(p, { breach: 'other', decider: government.departmentId, deciderKind: 'government' })
  assert.equal((await start(p.authority, 'provider-accountability', form)).problem.reason, 'citation-required')
})

const conduct: [string, string, string][] = [
  ['[fuzhou-open-32-1] harm by a user is filed with evidence', 'harm', '第三十二条第一项'],
  ['[fuzhou-open-32-2] a source left out by a user is filed with evidence', 'no-attribution', '第三十二条第二项'],
  ['[fuzhou-open-32-3] terms broken by a user are filed with evidence', 'breach-terms', '第三十二条第三项'],
  ['[fuzhou-open-32-4] illegal gain of a user is filed with evidence', 'illegal-gain', '第三十二条第四项'],
  ['[fuzhou-open-32-5] other grave conduct of a user is filed with evidence', 'other', '第三十二条第五项'],
]
for (const [title, kind, article] of conduct)
  test(title, async t => {
    const p = await aPlace(t, 'fuzhou')
    const form = { accused: '某营销公司', userBreach: kind, facts: '利用名录冒充机构推销。' }
    assert.deepEqual(said(await start(p.authority, 'user-conduct', form)), ['evidence-required', '第三十二条首段'])
    const c = (await start(p.authority, 'user-conduct', { ...form, exhibits })).body
    assert.match(c.form.find(f => f.name === 'userBreach')!.value, new RegExp(article))
    assert.match(c.form.find(f => f.name === 'exhibits')!.value, /系统截图/)
  })

test('[henan-13-1] [henan-29-6] 河南: no fee on a grant; a case by hand names its article', async t => {
  const p = await aPlace(t, 'henan')
  await body(p, '河南省人民政府', ['government'])
  const entry = await p.register(aPlainEntry())
  const { no } = (await p.consumer.ok(sharing.apply, { body: { entryId: entry.id, form: application(p) } } as never)) as { no: string }
  assert.deepEqual(said(await tryAct(p.provider, no, 'approve', { ...give('c1'), fee: 100 })), ['fee-not-allowed', '第十三条'])
  assert.ok(grantOf(await act(p.provider, no, 'approve', give('c1'))))
  assert.deepEqual(said(await start(p.authority, 'accountability', accused(p, { breach: 'other' }))), [
    'citation-required',
    '第二十九条首段',
  ])
  assert.equal((await start(p.authority, 'accountability', accused(p, { breach: 'other', breachedArticle: '第十二条' }))).status, 200)
})

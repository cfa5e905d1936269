import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as catalog from '../../../contract/catalog.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as contract from '../../../contract/sharing.ts'
import {
  type APlace,
  act,
  anEntry,
  aPlace,
  aPlainEntry,
  connect,
  fill,
  inPlace,
  lawBasis,
  type Place,
  places,
  said,
  tryAct,
} from '../../../test/support/country.ts'
import { application, confirmed, free, give, grantOf, rows, stated } from '../../../test/support/sharing.ts'

type Case = { no: string; state: string }
const apply = async (p: APlace, entryId: string, more: object = {}): Promise<Case> =>
  (await p.consumer.ok(contract.apply, { body: { entryId, form: application(p, ['c1', 'c2'], more) } } as never)) as Case
const tryApply = (p: APlace, entryId: string, more: object = {}) =>
  p.consumer.call(contract.apply, { body: { entryId, form: application(p, ['c1', 'c2'], more) } } as never)
const begin = (who: APlace['consumer'], body: object) => who.call(procedure.startCase, { body })

test('[henan-16-1] [henan-16-3a] an application in 河南 states duty and scope, and becomes a demand form', async t => {
  const p = await aPlace(t, 'henan')
  const entry = await p.register(aPlainEntry())
  const dutiless = await tryApply(p, entry.id, { duty: '' })
  assert.deepEqual(said(dutiless), ['purpose-required', '第十六条第一款'])
  const scopeless = await tryApply(p, entry.id, { scope: '' })
  assert.deepEqual(said(scopeless), ['field-missing', '第十六条第三款'])
  assert.match(scopeless.problem.detail!, /共享范围/)
  assert.equal(scopeless.problem.errors![0]!.pointer, '/form/scope')
  const { no } = await apply(p, entry.id)
  const form = await p.provider.ok(contract.demandForm, { params: { no } })
  assert.deepEqual([form.title, form.applicant, form.provider, form.cite.article], ['需求申请表', '申请局', '提供局', '第十六条第三款'])
  const stands = Object.fromEntries(form.rows.map(r => [r.label, r.value]))
  assert.equal(stands.申请的信息项, '机构编号、机构名称')
  assert.equal(stands.使用范围, '待遇保障股')
  assert.equal(form.conditions, '供救助事项核对使用。')
})

test('[henan-4-1b] in 河南 “our own data” is no reason to refuse', async t => {
  const p = await aPlace(t, 'henan')
  const { no } = await apply(p, (await p.register(aPlainEntry())).id)
  const refusal = { reason: '这是本部门自己的数据，不便提供。', ground: 'own' }
  assert.deepEqual(said(await tryAct(p.provider, no, 'refuse', refusal)), ['basis-required', '第四条'])
  assert.equal((await act(p.provider, no, 'refuse', { ...refusal, basis: lawBasis })).state, 'refused')
})

test('[henan-16-4a] [henan-16-4b] a refusal in 河南 is negotiated, and what fails goes to the authority', async t => {
  const p = await aPlace(t, 'henan')
  const entry = await p.register(aPlainEntry())
  await fill(p.world, entry, rows)
  const { no } = await apply(p, entry.id)
  await act(p.provider, no, 'refuse', { reason: '超出履职必要的范围，请缩小申请。', basis: lawBasis })
  const form = { purpose: '核对养老机构备案情况', items: ['c1'], until: '2027-12-31', system: p.system }
  const bare = await begin(p.consumer, { procedure: 'negotiation', after: no, form })
  assert.deepEqual(said(bare), ['purpose-required', '第十六条第四款'])
  const talks = (await begin(p.consumer, { procedure: 'negotiation', after: no, form: { ...form, duty: '养老服务补贴的审核职责' } })).body
  await act(p.consumer, talks.no, 'propose', { userPosition: '审核补贴需要核对备案编号。' })
  // Nothing was said by the provider yet: there is no result to escalate, nor to record.
  assert.deepEqual(said(await tryAct(p.consumer, talks.no, 'escalate', { claim: '请求协调提供。' })), ['step-skipped', '第十六条第四款'])
  assert.equal((await tryAct(p.consumer, talks.no, 'fail', { reason: '对方没有答复，协商不成。' })).problem.reason, 'record-incomplete')
  await act(p.provider, talks.no, 'answer', { providerPosition: '编号涉及内部管理，不同意。' })
  await act(p.consumer, talks.no, 'fail', { reason: '双方意见不一致，协商不成。' })
  const lifted = await act(p.consumer, talks.no, 'escalate', { claim: '请求协调提供备案编号。' })
  assert.equal(lifted.state, 'coordination')
  assert.ok((await p.authority.ok(procedure.todo, { query: {} })).rows.some(r => r.caseNo === talks.no))
  const granted = await act(p.authority, talks.no, 'approve', give('c1'))
  const read = await connect(p.world, p.consumer, grantOf(granted))
  assert.equal((await read(entry.code)).status, 200)
  const positions = granted.timeline.flatMap(e => e.content.map(c => c.label))
  assert.ok(positions.includes('使用方的立场') && positions.includes('提供方的立场'))
})

test('[henan-16-5] data of persons in 河南 wait for the agreed way', async t => {
  const p = await aPlace(t, 'henan')
  const entry = await p.register(anEntry())
  await fill(p.world, entry, [['410101199001011234', '张三', '一类']])
  const { no } = await apply(p, entry.id, { dataName: '城乡低保对象信息' })
  const id = grantOf(await act(p.provider, no, 'approve', give('c1', 'c2')))
  const read = await connect(p.world, p.consumer, id)
  const early = await read(entry.code)
  assert.deepEqual(said(early), ['agreement-required', '第十六条第五款'])
  assert.doesNotMatch(early.problem.detail!, /平台约定/)
  assert.equal(
    (await p.consumer.call(contract.agreeWay, { params: { id }, body: { way: '双方约定只核对不留存。' } })).problem.reason,
    'not-competent',
  )
  const grant = await p.provider.ok(contract.agreeWay, { params: { id }, body: { way: '双方约定只核对不留存。' } })
  assert.deepEqual([grant.awaits, grant.agreedWay], [[], '双方约定只核对不留存。'])
  assert.equal((await read(entry.code)).status, 200)
})

test('[henan-17-1] a dispute in 河南 is judged after both sides have spoken', async t => {
  const p = await aPlace(t, 'henan')
  const entry = await p.register(aPlainEntry())
  await fill(p.world, entry, rows)
  const { no } = await apply(p, entry.id)
  await act(p.provider, no, 'refuse', { reason: '超出履职必要的范围，请缩小申请。', basis: lawBasis })
  const c = (
    await begin(p.consumer, { procedure: 'dispute', after: no, form: { opponent: p.provider.departmentId, claim: '请求评判应否提供。' } })
  ).body
  const verdict = { panel: ['李一', '王二'], judgement: '应当提供机构编号。', verdict: 'provide', ...give('c1') }
  assert.deepEqual(said(await tryAct(p.authority, c.no, 'judge', verdict)), ['statement-missing', '第十七条'])
  await act(p.consumer, c.no, 'state', { userStatement: '补贴审核必须核对编号。' })
  assert.deepEqual(said(await tryAct(p.authority, c.no, 'judge', verdict)), ['statement-missing', '第十七条'])
  await act(p.provider, c.no, 'answer', { opponentStatement: '编号是内部编号。' })
  // The judgement binds the application: what was judged is granted at once, and nothing that was not asked for.
  assert.equal((await tryAct(p.authority, c.no, 'judge', { ...verdict, treatments: undefined })).status, 422)
  const wider = await tryAct(p.authority, c.no, 'judge', { ...verdict, ...give('c1', 'c3') })
  assert.deepEqual(said(wider), ['field-not-granted', '第十七条'])
  const judged = await act(p.authority, c.no, 'judge', verdict)
  assert.equal(judged.state, 'execution')
  const read = await connect(p.world, p.consumer, grantOf(judged))
  const taken = (await read(entry.code)).body as unknown as { rows: object[] }
  assert.deepEqual(Object.keys(taken.rows[0]!), ['机构编号'])
  const application = await p.provider.ok(procedure.caseByNo, { params: { no } })
  const noted = application.timeline.at(-1)!
  assert.ok(noted.label.includes(c.no) && noted.content.some(x => x.value === '应当提供机构编号。'))
  assert.equal((await act(p.provider, c.no, 'report', { execution: '已按评判提供。' })).ended, true)

  // Here only the provider has spoken; a judgement for the provider gives nothing.
  const second = await apply(p, (await p.register(aPlainEntry({ title: '养老床位补贴' }))).id)
  await act(p.provider, second.no, 'refuse', { reason: '超出履职必要的范围，请缩小申请。', basis: lawBasis })
  const other = (
    await begin(p.consumer, { procedure: 'dispute', after: second.no, form: { opponent: p.provider.departmentId, claim: '请求评判。' } })
  ).body
  const kept = { panel: ['李一'], judgement: '维持提供部门的答复。', verdict: 'keep' }
  await act(p.provider, other.no, 'answer', { opponentStatement: '不是履职所需。' })
  assert.deepEqual(said(await tryAct(p.authority, other.no, 'judge', kept)), ['statement-missing', '第十七条'])
  await act(p.consumer, other.no, 'state', { userStatement: '审核补贴要用。' })
  assert.equal((await act(p.authority, other.no, 'judge', kept)).result, null)
})

test('[shuangpai-3-5] [shuangpai-4-1] [shuangpai-24-0] [shuangpai-23-1] in 双牌 every request names data, purpose and duty, and sharing is free', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(aPlainEntry())
  const open = await p.register(aPlainEntry({ ...free, title: '养老服务热线名录' }))
  for (const missing of ['purpose', 'duty']) {
    const refused = await tryApply(p, entry.id, { [missing]: '' })
    assert.deepEqual(said(refused), ['purpose-required', '第二十四条首段'])
    const direct = await p.consumer.call(contract.access, { body: { entryId: open.id, system: p.system, ...stated, [missing]: '' } })
    assert.deepEqual(said(direct), ['purpose-required', '第二十四条首段'])
  }
  assert.match((await tryApply(p, entry.id, { purpose: '' })).problem.detail!, /使用用途/)
  assert.equal((await tryApply(p, entry.id, { dataName: '' })).problem.reason, 'field-missing')
  const { no } = await apply(p, entry.id)
  await act(p.authority, no, 'advise', { opinion: 'agree', note: '同意。' })
  await act(p.provider, no, 'advise', { opinion: 'agree', note: '同意。' })
  const city = p.bureaus[places.yongzhou]!
  assert.deepEqual(said(await tryAct(city, no, 'approve', { ...give('c1'), fee: 500 })), ['fee-not-allowed', '第二十三条第一款'])
  assert.equal((await act(city, no, 'approve', give('c1'))).state, 'agreement')
  const { code } = await p.provider.ok(catalog.createEntry, {
    body: { content: inPlace(p.region, aPlainEntry({ shareClass: undefined, title: '养老床位补贴' })) },
  })
  const params = { code: code.replace('/', '-') }
  const proposed = (await p.provider.ok(catalog.checkDraft, { params })).faults.find(f => f.code === 'share-type-required')!
  assert.deepEqual([proposed.cite?.article, /无条件共享/.test(proposed.remedy!)], ['第二十三条第一款', true])
  assert.equal(
    (await p.provider.call(catalog.submitEntry, { params })).problem.errors!.some(e => e.code === 'share-type-required'),
    true,
  )
})

test('[shuangpai-24-3] what 双牌 does not share is negotiated, and filed before it is delivered', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = { ...(await confirmed(p)), content: aPlainEntry() }
  await fill(p.world, entry, rows)
  const form = { purpose: '核对养老机构备案情况', duty: '养老服务补贴的审核职责', items: ['c1'], until: '2027-12-31', system: p.system }
  const talks = (await begin(p.consumer, { procedure: 'negotiation', about: entry.code, form })).body
  await act(p.consumer, talks.no, 'propose', { userPosition: '审核补贴需要核对备案编号。' })
  await act(p.provider, talks.no, 'answer', { providerPosition: '同意在审核期间提供。' })
  const agreed = await act(p.provider, talks.no, 'agree', give('c1'))
  const read = await connect(p.world, p.consumer, grantOf(agreed))
  const unfiled = await read(entry.code)
  assert.deepEqual(said(unfiled), ['filing-missing', '第二十四条第三项'])
  assert.match(unfiled.problem.detail!, /平台约定/)
  await act(p.provider, talks.no, 'file', { filing: '协商同意提供备案编号，报备。' })
  assert.equal((await read(entry.code)).status, 200)
  assert.ok((await p.authority.ok(procedure.notices)).rows.some(n => n.href.endsWith(talks.no)))
})

test('[shuangpai-24-p2] a dispute in 双牌 goes to the centre with both statements; a party does not decide it', async t => {
  const p = await aPlace(t, 'shuangpai')
  const { no } = await apply(p, (await p.register(aPlainEntry())).id)
  const c = (
    await begin(p.provider, { procedure: 'dispute', after: no, form: { opponent: p.consumer.departmentId, claim: '对申请范围有争议。' } })
  ).body
  await act(p.provider, c.no, 'state', { userStatement: '范围过大。' })
  await act(p.consumer, c.no, 'answer', { opponentStatement: '范围是履职所需。' })
  assert.deepEqual(said(await tryAct(p.provider, c.no, 'judge', { judgement: '不提供。' })), ['not-competent', '第二十四条第二款'])
  const seen = await p.authority.ok(procedure.caseByNo, { params: { no: c.no } })
  assert.deepEqual(
    seen.timeline.flatMap(e => e.content.map(x => x.label)).filter(l => l.endsWith('陈述')),
    ['提出方陈述', '对方陈述'],
  )
  assert.equal((await act(p.authority, c.no, 'judge', { judgement: '按申请的两项办理。' })).ended, true)
  // The result stands on the application, and leaves the decision where it is.
  const application = await p.authority.ok(procedure.caseByNo, { params: { no } })
  assert.equal(application.state, 'opinion')
  assert.ok(application.timeline.some(e => e.label.includes(c.no) && e.content.some(x => x.value === '按申请的两项办理。')))
})

test('[shuangpai-25-2] a provider in 双牌 that finds misuse stops at once, with a reason, and the centre has its report', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(aPlainEntry(free))
  await fill(p.world, entry, rows)
  const { id } = await p.consumer.ok(contract.access, { body: { entryId: entry.id, system: p.system, ...stated } })
  const read = await connect(p.world, p.consumer, id)
  assert.equal((await read(entry.code)).status, 200)
  const bare = await p.provider.call(contract.suspend, { params: { id }, body: {} })
  assert.deepEqual(said(bare), ['reason-required', '第二十五条第二款'])
  await p.provider.ok(contract.suspend, { params: { id }, body: { reason: '发现超出职责使用' } })
  assert.deepEqual(
    [(await read(entry.code)).problem.code, (await read(entry.code)).problem.cite?.article],
    ['data.grant_suspended', '第二十五条第二款'],
  )
  const report = (await p.authority.ok(procedure.cases, { query: { scope: 'all' } })).rows.find(c => c.procedure === 'suspension-report')!
  assert.match(report.title, /暂停授权/)
  assert.equal((await p.provider.ok(contract.stop, { params: { id }, body: { reason: '整改无效，终止提供' } })).state, 'revoked')
  assert.equal(
    (await p.authority.ok(procedure.cases, { query: { scope: 'all' } })).rows.filter(c => c.procedure === 'suspension-report').length,
    2,
  )
})

// ── beside the platform ──
const bypass: [string, Place, string, boolean][] = [
  ['[yongtai-15-2b] no direct exchange in 永泰 without an approved exception', 'yongtai', '第十五条第二款', true],
  ['[fuzhou-manage-15-3b] no direct exchange in 福州 without an approved exception', 'fuzhou', '第十五条第三款', true],
  ['[henan-16-2] unconditional data of 河南 come through the platform, not beside it', 'henan', '第十六条第二款', false],
  ['[shuangpai-24-1] unconditional data of 双牌 come through the platform, not beside it', 'shuangpai', '第二十四条第一项', false],
  ['[jinjiang-2-3b] 晋江 knows no exchange beside the platform', 'jinjiang', '第二部分第（三）项', false],
]
for (const [title, place, article, exception] of bypass)
  test(title, async t => {
    const p = await aPlace(t, place)
    const entry = await p.register(aPlainEntry(free))
    await fill(p.world, entry, rows)
    const body = { partner: p.provider.departmentId, data: '养老机构名录', reason: '双方系统已经直连' }
    const refused = await p.consumer.call(contract.declareExchange, { body })
    assert.deepEqual(said(refused, place), ['direct-sharing-barred', article])
    const [finding] = await p.authority.ok(contract.exchanges)
    assert.deepEqual([finding!.state, finding!.department, finding!.partner], ['finding', '申请局', '提供局'])
    // The same through the platform.
    const grant = await p.consumer.ok(contract.access, { body: { entryId: entry.id, system: p.system, ...stated } })
    assert.equal((await (await connect(p.world, p.consumer, grant.id))(entry.code)).status, 200)
    const form = { partner: p.provider.departmentId, exchangedData: '养老机构名录', reason: '专线改造期间，平台接口尚未开通。' }
    if (!exception) {
      assert.equal((await begin(p.consumer, { procedure: 'offplatform-exception', form })).status, 409)
      return
    }
    const c = (await begin(p.consumer, { procedure: 'offplatform-exception', form })).body
    assert.equal(c.ruling.cite.article, article)
    assert.equal((await tryAct(p.provider, c.no, 'approve')).problem.reason, 'not-competent')
    assert.equal((await p.consumer.call(contract.declareExchange, { body })).status, 409)
    await act(p.authority, c.no, 'approve')
    assert.deepEqual((await p.consumer.ok(contract.declareExchange, { body })).exceptionNo, c.no)
  })

test('[jinjiang-2-3d] in 晋江 who aggregates nothing uses nothing of others, but by a recorded decision', async t => {
  const p = await aPlace(t, 'jinjiang')
  const entry = await p.register(aPlainEntry(free))
  const own = (what: string) =>
    ['编号', '名称', '等级'].map((n, i) => ({ key: `c${i + 1}`, name: what + n, type: 'C', length: 20, identifier: !i, required: !i }))
  const mine = await p.register(aPlainEntry({ ...free, title: '医疗机构名录', items: own('医院') }), p.consumer)
  const take = () => p.consumer.call(contract.access, { body: { entryId: entry.id, system: p.system, ...stated } })
  assert.deepEqual(said(await take()), ['reciprocity-unmet', '第二部分第（三）项'])
  await fill(p.world, mine, rows)
  const clicks = await Promise.all([take(), take()])
  assert.deepEqual(clicks.map(c => (c.status === 200 ? 'taken' : c.problem.code)).sort(), ['sharing.already_taken', 'taken'])

  await p.world.department({ region: p.region, name: '旁局' })
  const other = await p.world.person({ department: '旁局', roles: ['steward'] })
  await p.register(aPlainEntry({ ...free, title: '药店名录', items: own('药店') }), other)
  const form = application(p)
  assert.equal((await other.call(contract.apply, { body: { entryId: entry.id, form } } as never)).problem.reason, 'reciprocity-unmet')
  const c = (await begin(other, { procedure: 'reciprocity-exception', form: { reason: '业务系统正在改造，年内完成汇聚。' } })).body
  await act(p.authority, c.no, 'approve')
  assert.equal((await other.call(contract.apply, { body: { entryId: entry.id, form } } as never)).problem.code, 'sharing.no_application')
})

// ── matters ──
const asking: [string, Place, string, boolean][] = [
  ['[shuangpai-26-1] a matter in 双牌 does not ask for what the platform has', 'shuangpai', '第二十六条第一款', false],
  [
    '[jinjiang-2-6-2c] a matter in 晋江 does not ask for what can be shared, unless law says so',
    'jinjiang',
    '第二部分第（六）项第二款',
    true,
  ],
]
for (const [title, place, article, exception] of asking)
  test(title, async t => {
    const p = await aPlace(t, place)
    await p.register(aPlainEntry({ ...free, title: '养老机构备案信息' }))
    const paper = { name: '养老机构备案证明（复印件）', source: 'applicant' }
    const other = { name: '补贴申请书', source: 'applicant' }
    const saved = await p.consumer.ok(contract.saveMatter, { body: { name: '养老服务补贴', materials: [paper, other] } })
    assert.deepEqual(
      saved.faults.map(f => [f.pointer, f.code, f.cite?.article]),
      [['/materials/0', 'duplicate-material', article]],
    )
    assert.equal(saved.materials[0]!.available?.provider, '提供局')
    const refused = await p.consumer.call(contract.publishMatter, { params: { id: saved.id } })
    assert.deepEqual(said(refused), ['duplicate-material', article])
    const basis = '《养老机构管理办法》第九条要求查验原件'
    await p.consumer.ok(contract.saveMatter, { body: { name: '养老服务补贴', materials: [{ ...paper, basis }, other] } })
    assert.equal((await p.consumer.call(contract.publishMatter, { params: { id: saved.id } })).status, exception ? 200 : 422)
    await p.consumer.ok(contract.saveMatter, { body: { name: '养老服务补贴', materials: [{ ...paper, source: 'platform' }, other] } })
    assert.equal((await p.consumer.ok(contract.publishMatter, { params: { id: saved.id } })).state, 'published')
  })

// ── clocks ──
test('[fuzhou-manage-17-1b] 福州: a reminder before day 20, overdue on day 21 for commission and applicant', async t => {
  const p = await aPlace(t, 'fuzhou')
  const { no } = await apply(p, (await p.register(aPlainEntry())).id)
  const clock = async (who: APlace['consumer']) => (await who.ok(procedure.caseByNo, { params: { no } })).clocks.find(k => k.days === 20)!
  assert.equal((await clock(p.authority)).due, '2026-06-18')
  p.world.at('2026-06-16')
  await p.world.job('duties.remind')
  assert.ok((await p.authority.ok(procedure.notices)).rows.some(n => n.kind === 'reminder' && n.href.endsWith(no)))
  const alone = await tryAct(p.provider, no, 'refuse', { reason: '超出履职必要的范围，请缩小申请。' })
  assert.deepEqual(said(alone), ['not-competent', '第十七条'])
  p.world.at('2026-06-22')
  for (const who of [p.authority, p.consumer]) assert.equal((await clock(who)).light, 'red')
})

test('[shuangpai-24-2] 双牌: the joint opinion is overdue on day 11; the centre alone does not decide', async t => {
  const p = await aPlace(t, 'shuangpai')
  const { no } = await apply(p, (await p.register(aPlainEntry())).id)
  p.world.at('2026-06-04')
  const lights = async () => (await p.consumer.ok(procedure.caseByNo, { params: { no } })).clocks.map(k => [k.days, k.light])
  assert.deepEqual(await lights(), [
    [10, 'yellow'],
    [10, 'yellow'],
  ])
  p.world.at('2026-06-05')
  assert.deepEqual(await lights(), [
    [10, 'red'],
    [10, 'red'],
  ])
  for (const who of [p.authority, p.provider]) await act(who, no, 'advise', { opinion: 'agree', note: '同意。' })
  assert.deepEqual(said(await tryAct(p.authority, no, 'approve', give('c1'))), ['not-competent', '第二十四条第二项'])
})

test('[henan-16-3b] 河南: unanswered on day 6 is overdue, and the authority sees it; nobody else answers', async t => {
  const p = await aPlace(t, 'henan')
  const { no } = await apply(p, (await p.register(aPlainEntry())).id)
  p.world.at('2026-05-29')
  const seen = await p.authority.ok(procedure.caseByNo, { params: { no } })
  assert.deepEqual([seen.clocks[0]!.days, seen.clocks[0]!.light], [5, 'red'])
  assert.deepEqual(said(await tryAct(p.authority, no, 'approve', give('c1'))), ['not-competent', '第十六条第三款'])
  assert.equal((await act(p.provider, no, 'approve', give('c1'))).ended, true)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import * as catalog from '../../../contract/catalog.ts'
import * as opening from '../../../contract/opening.ts'
import * as organization from '../../../contract/organization.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as contract from '../../../contract/regulation.ts'
import * as sharing from '../../../contract/sharing.ts'
import { type APlace, act, anEntry, aPlace, inPlace, places } from '../../../test/support/country.ts'
import { aWorld, creditCode, type Person, type World } from '../../../test/support/world.ts'
import { gateMode, regionOf } from './public.ts'

const applicationForm = (system: string) => ({
  dataName: '城乡低保对象信息',
  items: ['c1', 'c3'],
  purpose: '办理医疗救助时核对申请人是否在册。',
  scenario: '窗口受理时核对。',
  scope: '待遇保障股',
  duty: '医疗救助的审核职责',
  method: 'api',
  until: '2029-12-31',
  system,
})
const applyFor = (p: APlace, entryId: string) => p.consumer.call(sharing.apply, { body: { entryId, form: applicationForm(p.system) } })
const admin = async (world: World): Promise<Person> => {
  await world.department({ region: places.yongzhou, name: '平台运维中心' })
  return world.person({ department: '平台运维中心', roles: ['system_admin'] })
}
const said = (a: { problem: { reason?: string; cite?: { article: string } } }) => [a.problem.reason, a.problem.cite?.article]

test('[shuangpai-47-1] after the last day nothing new starts until a renewal is recorded; what has begun goes on, and the end is announced ahead', async t => {
  const p = await aPlace(t, 'shuangpai', { day: '2027-12-10' })
  const entry = await p.register(anEntry())
  const other = await p.register(anEntry({ title: '临时救助对象信息', abstract: '在册的临时救助对象，每月更新，由民政部门核定。' }))
  const before = await applyFor(p, entry.id)
  assert.equal(before.status, 200)
  const ahead = await p.authority.ok(contract.regionLaw, { params: { code: p.region }, query: {} })
  assert.deepEqual([ahead.warnings[0]!.last, ahead.warnings[0]!.left], ['2027-12-13', 3])
  const early = await p.authority.ok(contract.regionLaw, { params: { code: p.region }, query: { day: '2026-12-10' } })
  assert.deepEqual(early.warnings, [])

  const { health } = await p.authority.ok(procedure.todo, { query: {} as never })
  assert.ok(health.some(h => h.label === '规定将到期或已失效'))

  p.world.at('2027-12-14')
  const expired = await p.authority.ok(contract.regionLaw, { params: { code: p.region }, query: {} })
  assert.deepEqual([expired.adopted[0]!.status, expired.adopted[0]!.usable], ['expired', false])
  const refused = await applyFor(p, other.id)
  assert.equal(refused.status, 422)
  assert.deepEqual(said(refused), ['not-in-force', '第四十七条'])
  const again = await act(p.authority, before.body.no, 'advise', { opinion: 'agree', note: '同意提供，仅限核对。' })
  assert.equal(again.ruling.regulation, 'shuangpai-2022')

  const renewal = {
    kind: 'continuation',
    regulation: 'shuangpai-2022',
    from: '2027-12-14',
    until: '2029-12-13',
    document: '双政办发〔2027〕20号',
  }
  assert.equal((await p.consumer.call(contract.recordLaw, { params: { code: p.region }, body: renewal })).status, 403)
  await p.authority.ok(contract.recordLaw, { params: { code: p.region }, body: renewal })
  const accepted = await applyFor(p, other.id)
  assert.equal(accepted.status, 200)
  assert.match(accepted.body.ruling.label!, /已失效（已登记延用：双政办发〔2027〕20号）/)
})

test('[jinjiang-7-3] from 2025-10-11 a new application needs a recorded continuation; the shipped one can be ended, a case from before goes on', async t => {
  const p = await aPlace(t, 'jinjiang', { day: '2025-10-09' })
  const entry = await p.register(anEntry())
  const other = await p.register(anEntry({ title: '临时救助对象信息', abstract: '在册的临时救助对象，每月更新，由民政部门核定。' }))
  const third = await p.register(anEntry({ title: '特困供养对象信息', abstract: '在册的特困供养对象，每月更新，由民政部门核定。' }))
  const before = await applyFor(p, entry.id)
  assert.equal(before.status, 200)
  const { records } = await p.authority.ok(contract.regionLaw, { params: { code: p.region }, query: {} })
  const shipped = records.find(r => r.kind === 'continuation')!
  assert.equal(shipped.by, null)
  await p.authority.ok(contract.endLaw, {
    params: { code: p.region, id: shipped.id },
    body: { from: '2025-10-11', reason: '重新研究是否延用' },
  })

  p.world.at('2025-10-10')
  assert.equal((await applyFor(p, other.id)).status, 200)
  p.world.at('2025-10-11')
  const now = await p.authority.ok(contract.regionLaw, { params: { code: p.region }, query: {} })
  assert.deepEqual([now.adopted[0]!.status, now.adopted[0]!.usable], ['expired', false])
  const fresh = await applyFor(p, third.id)
  assert.equal(fresh.status, 422)
  assert.deepEqual([...said(fresh), fresh.problem.cite?.regulation], ['not-in-force', '第七部分第（三）项', 'jinjiang-2023'])
  assert.match(fresh.problem.detail, /已失效（有效期至 2025-10-10）/)
  assert.equal(
    (await act(p.provider, before.body.no, 'return', { corrections: [{ field: 'scope', message: '写明经办的股室' }] })).ended,
    false,
  )

  const renewal = { kind: 'continuation', regulation: 'jinjiang-2023', from: '2025-10-11', document: '晋政办规〔2025〕9号' }
  await p.authority.ok(contract.recordLaw, { params: { code: p.region }, body: renewal })
  const accepted = await applyFor(p, third.id)
  assert.equal(accepted.status, 200)
  const continued = (await p.authority.ok(contract.regionLaw, { params: { code: p.region }, query: {} })).adopted[0]!
  assert.deepEqual([continued.status, continued.usable], ['expired', true])
})

test('[henan-33-1] [henan-1-1] the draft binds only by a recorded trial; without it nothing starts, and every case shows that it is a draft', async t => {
  const p = await aPlace(t, 'henan')
  const entry = await p.register(anEntry())
  const shown = await applyFor(p, entry.id)
  assert.match(shown.body.ruling.label!, /征求意见稿/)
  const { records } = await p.authority.ok(contract.regionLaw, { params: { code: p.region }, query: {} })
  const trial = records.find(r => r.kind === 'continuation')!
  await p.authority.ok(contract.endLaw, { params: { code: p.region, id: trial.id }, body: { reason: '演示结束' } })
  const make = () => p.provider.call(catalog.createEntry, { body: { content: inPlace(p.region, anEntry({ title: '新目录' })) } })
  assert.deepEqual(said(await make()), ['not-in-force', '第三十三条'])
  await p.authority.ok(contract.recordLaw, {
    params: { code: p.region },
    body: { kind: 'continuation', regulation: 'henan-2020', from: '2026-05-21', document: '豫数政〔2026〕1号 试行通知' },
  })
  assert.equal((await make()).status, 200)
})

test('[fuzhou-manage-2-1a] [yongtai-1-1] what 永泰 leaves open falls to 福州, marked inherited and with its article; no place outside 福州 gets a rule of 福州', async t => {
  const world = await aWorld(t, { day: '2026-05-21' })
  const rule = (code: string, topic: string) => world.anonymous.ok(contract.rule, { params: { code, topic }, query: {} })
  const inherited = await rule(places.yongtai, 'sharing-application')
  assert.deepEqual(
    [inherited.regulation, inherited.inherited, inherited.cite.article, inherited.origin],
    ['fuzhou-manage-2019', '福州市', '第十七条', 'law'],
  )
  assert.ok(inherited.words.some(w => w.value.includes('20 个工作日')))
  const both = await world.anonymous.ok(contract.compare, { query: { a: places.yongtai, b: places.shuangpai } })
  for (const row of both.groups.flatMap(g => g.rows).filter(r => r.a.origin === 'law' && r.a.words.length)) {
    if (row.key !== 'own' && row.key !== 'authority') assert.ok(row.a.cite?.article, `${row.key} is served as law without a citation`)
  }
  for (const code of [places.shuangpai, places.henan, places.jinjiang, places.yongzhou]) {
    const { groups } = await world.anonymous.ok(contract.compare, { query: { a: code, b: places.fuzhou } })
    const cited = groups.flatMap(g => g.rows).map(r => r.a.cite?.regulation)
    assert.ok(cited.length > 40)
    assert.ok(!cited.some(r => r?.startsWith('fuzhou')), code)
  }
})

test('[henan-3-1a] an application within a county is decided by the policy of the province, stored with it and the level; a unit without a known region neither exists nor applies', async t => {
  const p = await aPlace(t, 'henan')
  const system = await admin(p.world)
  const unit = (region: string) =>
    system.call(organization.createDepartment, { body: { region, name: '县民政局', creditCode: creditCode('410999', 77) } })
  const nowhere = await unit('410999')
  assert.deepEqual([nowhere.status, nowhere.problem.reason], [422, 'jurisdiction-required'])
  await system.ok(contract.addRegion, { body: { code: '410999', name: '示范县', level: 'county', parent: places.henan } })
  await p.world.department({ region: '410999', name: '县医保局' })
  await p.world.department({ region: '410999', name: '县养老局' })
  const owner = await p.world.person({ department: '县养老局', roles: ['steward'] })
  const clerk = await p.world.person({ department: '县医保局', roles: ['steward'] })
  const own = await clerk.ok(organization.createSystem, { body: { name: '核对系统' } })
  const { code, id } = await owner.ok(catalog.createEntry, { body: { content: inPlace(p.region, anEntry()) } })
  const params = { code: code.replace('/', '-') }
  const { caseNo } = await owner.ok(catalog.submitEntry, { params })
  const review = await act(p.authority, caseNo, 'publish')
  assert.deepEqual([review.ruling.regulation, review.ruling.level], ['henan-2020', 'county'])
  const [version] = await owner.ok(catalog.versions, { params })
  assert.deepEqual([version!.policy?.regulation, version!.policy?.level], ['henan-2020', 'county'])
  const apply = (entryId: string) => clerk.call(sharing.apply, { body: { entryId, form: applicationForm(own.id) as never } })
  const c = (await apply(id)).body
  assert.deepEqual([c.ruling.regulation, c.ruling.cite.article, c.ruling.level], ['henan-2020', '第十六条第三款', 'county'])
  assert.match(c.ruling.version, /^[0-9a-f]{64}$/)
  // Asked of a department of the province, the province decides.
  const provincial = await p.register(anEntry({ title: '城乡特困对象信息' }))
  assert.equal((await apply(provincial.id)).body.ruling.level, 'province')
  assert.equal((await unit('410999')).status, 200)
  // Taken over from elsewhere with a region nobody registered: its application is refused.
  const third = await p.register(anEntry({ title: '临时救助对象信息' }))
  await p.world.app.services.pool.query(`update organization.department set region = '410998' where name = '县医保局'`)
  const lost = await apply(third.id)
  assert.deepEqual([lost.status, lost.problem.reason], [422, 'jurisdiction-required'])
  await p.world.app.services.pool.query(`update organization.department set region = '410999' where name = '县医保局'`)
  assert.equal((await apply(third.id)).status, 200)
})

const submitted = [
  [
    'yongtai',
    '[yongtai-2-1a] an entry of a department of 永泰 keeps the policy of 永泰 and its version; without a known region there is no department to submit it',
  ],
  [
    'shuangpai',
    '[shuangpai-2-1] an entry of a department of 双牌 keeps the policy of 双牌 and its version; without a known region there is no department to submit it',
  ],
  [
    'jinjiang',
    '[jinjiang-1-2a] an entry of a department of 晋江 keeps the policy of 晋江 and its version; without a known region there is no department to submit it',
  ],
] as const
for (const [place, title] of submitted)
  test(title, async t => {
    const p = await aPlace(t, place)
    const system = await admin(p.world)
    const unit = (region: string) =>
      system.call(organization.createDepartment, { body: { region, name: '县统计局', creditCode: creditCode(p.region, 91) } })
    const nowhere = await unit('999999')
    assert.deepEqual(
      [nowhere.status, nowhere.problem.reason, nowhere.problem.errors![0]!.pointer],
      [422, 'jurisdiction-required', '/region'],
    )
    const made = await unit(p.region)
    assert.equal(made.status, 200)

    const entry = await p.register(anEntry())
    const [version] = await p.provider.ok(catalog.versions, { params: { code: entry.code } })
    const adopted = (await p.provider.ok(contract.regionLaw, { params: { code: p.region }, query: {} })).adopted[0]!
    const { level } = regionOf(p.region)!
    assert.deepEqual(version!.policy, { regulation: adopted.regulation, title: adopted.title, version: adopted.version, level })
    assert.ok(adopted.title.includes(regionOf(p.region)!.name.slice(0, 2)))
  })

const rival = `id: rival-2024
title: 某市旧数据规则
short: 旧规则
document: 某政〔2024〕1号
issued: 2024-01-01
effective: { from: 2024-01-01, cite: 第九条, text: 自印发之日起施行。 }
roles: { authority: 市数据局 }
topics:
  share-basis: { required: [conditional, denied], kinds: [law, local-regulation], cite: 第三条, text: 有条件和暂不共享都要写依据，地方性法规也算。 }
`

test('[jinjiang-7-1] another rule of the city with another value loses to this regulation, and is shown as overridden', async t => {
  const p = await aPlace(t, 'jinjiang')
  const made = await p.authority.ok(contract.importRegulation, { body: { text: rival } })
  await p.authority.ok(contract.adoptImport, {
    params: { id: made.id },
    body: { region: p.region, from: '2024-01-01', document: '某政〔2024〕1号' },
  })
  const rule = await p.authority.ok(contract.rule, { params: { code: p.region, topic: 'share-basis' }, query: {} })
  assert.equal(rule.regulation, 'jinjiang-2023')
  assert.deepEqual((rule.value as { required: string[] }).required, ['denied'])
  const lost = rule.chain.find(c => c.regulation === '旧规则')!
  assert.match(lost.overridden!, /让位于晋江规定（第七部分第（一）项）/)
  // The other value is not applied: a conditional entry without a basis goes through review here.
  const { shareBasis: _, ...content } = anEntry()
  const entry = await p.provider.ok(catalog.createEntry, { body: { content: inPlace(p.region, content) } })
  const checks = await p.provider.ok(catalog.checkDraft, {
    params: { code: entry.code.replace('/', '-') },
    body: { content: inPlace(p.region, content) } as never,
  })
  assert.ok(!JSON.stringify(checks).includes('旧规则'))
})

test('[fuzhou-open-2-1] a law recorded for one entry goes before the local opening classes, with its citation; without citation it is refused', async t => {
  const p = await aPlace(t, 'fuzhou')
  const entry = await p.register(anEntry())
  const resolve = () => p.consumer.ok(contract.rule, { params: { code: p.region, topic: 'open-types' }, query: { entry: entry.id } })
  assert.equal((await resolve()).regulation, 'fuzhou-manage-2019')
  const override = { entry: entry.id, topic: 'open-types', value: 'closed', instrument: '', article: '' }
  const bare = await p.authority.call(contract.addOverride, { params: { code: p.region }, body: override })
  assert.equal(bare.problem.reason, 'citation-required')
  assert.deepEqual(
    bare.problem.errors!.map(e => e.pointer),
    ['/instrument', '/article'],
  )
  const cited = { ...override, instrument: '中华人民共和国统计法', article: '第二十八条' }
  assert.equal((await p.consumer.call(contract.addOverride, { params: { code: p.region }, body: cited })).status, 403)
  const made = await p.authority.ok(contract.addOverride, { params: { code: p.region }, body: cited })
  const rule = await resolve()
  assert.deepEqual(
    [rule.cite.title, rule.cite.article, rule.value],
    ['中华人民共和国统计法', '第二十八条', { value: 'closed', label: '不开放' }],
  )
  assert.ok(rule.chain.some(c => c.regulation === '福州管理' && c.overridden))
  // And it is carried out: the gate of this entry refuses by that law.
  const proposal = {
    items: [{ key: 'c3', treatment: 'plain' }],
    exclusions: true,
    theme: '民生服务',
    description: '在册对象的保障类别，由民政部门核定。',
  }
  const gate = await p.provider.call(opening.propose, { params: { code: entry.code }, body: proposal })
  const types = gate.problem.errors!.find(e => e.code === 'open-type-invalid' && e.pointer === '')!
  assert.deepEqual([types.cite!.title, types.cite!.article], ['中华人民共和国统计法', '第二十八条'])
  // Only this entry: the others keep the local rule.
  assert.equal(
    (await p.consumer.ok(contract.rule, { params: { code: p.region, topic: 'open-types' }, query: {} })).regulation,
    'fuzhou-manage-2019',
  )
  await p.authority.ok(contract.endOverride, { params: { code: p.region, id: made.id } })
  assert.equal((await resolve()).regulation, 'fuzhou-manage-2019')
})

test('[jinjiang-1-1] 晋江 gives no day count for applications: none is made up, and the instruments it rests on are named', async t => {
  const world = await aWorld(t, { day: '2026-05-21' })
  const rule = await world.anonymous.ok(contract.rule, { params: { code: places.jinjiang, topic: 'sharing-application' }, query: {} })
  assert.equal(rule.origin, 'platform')
  assert.ok(!rule.words.some(w => /\d+ 个工作日/.test(w.value)))
  assert.ok(rule.chain.some(c => c.regulation === '晋江规定' && c.says === '未规定'))
  const { basis } = await world.anonymous.ok(contract.regulation, { params: { id: 'jinjiang-2023' } })
  assert.deepEqual(basis, ['国发〔2016〕51号', '福建省政务数据管理办法（省政府令第178号）', '泉政办〔2021〕21号'])
})

const asOf = async (world: World, code: string, day: string) =>
  (await world.anonymous.ok(contract.regionLaw, { params: { code }, query: { day } })).adopted
test('[yongtai-29-1] before 2021-09-04 the regulation of 永泰 is not yet in force, and nothing is begun under it', async t => {
  const p = await aPlace(t, 'yongtai', { day: '2020-01-01' })
  assert.deepEqual(
    (await asOf(p.world, p.region, '2020-01-01')).map(a => [a.status, a.usable]),
    [['future', false]],
  )
  const early = await p.provider.call(catalog.createEntry, { body: { content: anEntry() } })
  assert.deepEqual([...said(early), early.problem.cite?.regulation], ['not-in-force', '第二十九条', 'yongtai-2021'])
  p.world.at('2021-09-04')
  const later = await p.world.person({ department: '提供局', roles: ['steward'] })
  assert.equal((await later.call(catalog.createEntry, { body: { content: anEntry() } })).status, 200)
})
test('[fuzhou-manage-41-1] [fuzhou-open-37-1] [fuzhou-assess-27-1] the three texts of 福州 are returned from 2019-11-15 on and for no earlier day', async t => {
  const p = await aPlace(t, 'fuzhou', { day: '2018-01-01' })
  const before = await asOf(p.world, p.region, '2018-01-01')
  assert.deepEqual(
    before.map(a => [a.regulation, a.status]),
    [
      ['fuzhou-manage-2019', 'future'],
      ['fuzhou-open-2019', 'future'],
      ['fuzhou-assess-2019', 'future'],
    ],
  )
  const early = await p.provider.call(catalog.createEntry, { body: { content: anEntry() } })
  assert.deepEqual(said(early), ['not-in-force', '第四十一条'])
  assert.deepEqual(
    (await asOf(p.world, p.region, '2020-06-01')).map(a => a.status),
    ['in-force', 'in-force', 'in-force'],
  )
  const ruleOn = (topic: string, day: string) => p.world.anonymous.ok(contract.rule, { params: { code: p.region, topic }, query: { day } })
  for (const [topic, regulation] of [
    ['share-basis', 'fuzhou-manage-2019'],
    ['open-list', 'fuzhou-open-2019'],
    ['assessment-objects', 'fuzhou-assess-2019'],
  ] as const) {
    assert.equal((await ruleOn(topic, '2020-06-01')).regulation, regulation)
    assert.notEqual((await ruleOn(topic, '2019-11-14')).regulation, regulation)
  }
  const read = await p.consumer.ok(contract.regulation, { params: { id: 'fuzhou-manage-2019' } })
  assert.deepEqual([read.interpreter, read.repeals], ['市大数据委', ['榕政综〔2017〕1726号']])
  p.world.at('2020-06-01')
  const later = await p.world.person({ department: '提供局', roles: ['steward'] })
  assert.equal((await later.call(catalog.createEntry, { body: { content: anEntry() } })).status, 200)
})

test('a change made by another process is in force here after its notification', async t => {
  const world = await aWorld(t)
  const client = new pg.Client({ connectionString: world.url })
  await client.connect()
  await client.query(
    `insert into regulation.gate values ('350100', 'agreement', 'remind', 'test', now(), 'other process'); notify huitong_law`,
  )
  const until = async (key: string) => {
    for (let i = 0; i < 120 && gateMode('350100', key) === 'block'; i++) await new Promise(done => setTimeout(done, 50))
    assert.equal(gateMode('350100', key), 'remind')
  }
  await until('agreement')
  // A listener that lost its connection finds out what it missed when it is back.
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'huitong-law' and datname = current_database()`,
  )
  await client.query(`insert into regulation.gate values ('350100', 'filing', 'remind', 'test', now(), 'other process')`)
  await client.end()
  await until('filing')
})

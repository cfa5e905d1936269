import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import * as catalog from '../../../contract/catalog.ts'
import * as delivery from '../../../contract/delivery.ts'
import * as organization from '../../../contract/organization.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as contract from '../../../contract/sharing.ts'
import { anEntry, approve, inPlace } from '../../../test/support/country.ts'
import { refill } from '../../../test/support/entry.ts'
import { aWorld, type Person, type World } from '../../../test/support/world.ts'

// A Thursday far from holidays: 20 working days later is 2026-06-18 less the Dragon Boat day that falls on a Friday.
const day = '2026-05-21'

const content = (more: object = {}) =>
  anEntry({
    items: [
      { key: 'c1', name: '公民身份号码', type: 'C', length: 18, semantic: 'id-number', identifier: true, required: true },
      { key: 'c2', name: '姓名', type: 'C', length: 50, semantic: 'person-name' },
      { key: 'c3', name: '保障类别', type: 'C', length: 10 },
      { key: 'c4', name: '家庭经济状况', type: 'C', length: 200, shareClass: 'denied', basis: law },
    ],
    ...more,
  }) as ReturnType<typeof anEntry> & { items: object[] }
const law = { kind: 'law', instrument: '中华人民共和国个人信息保护法', article: '第三十四条' }

const places = {
  fuzhou: '350100',
  yongtai: '350125',
  henan: '410000',
  yongzhou: '431100',
  shuangpai: '431123',
  jinjiang: '350582',
} as const
type Place = keyof typeof places

/** Authorities everywhere, a provider with a published entry in one place, and a department of another place that wants it. */
async function aCountry(t: TestContext, provider: Place, applicant: Place = 'yongtai', entry: object = {}) {
  const world = await aWorld(t, { day })
  const authorities = {} as Record<Place, Person>
  for (const [place, region] of Object.entries(places) as [Place, string][]) {
    if (![provider, applicant, 'fuzhou', 'yongzhou'].includes(place)) continue
    await world.department({ region, name: `${place}主管部门`, roles: ['authority'] })
    authorities[place] = await world.person({ department: `${place}主管部门`, roles: ['bureau'], name: `${place}主管` })
  }
  await world.department({ region: places[provider], name: '提供局' })
  await world.department({ region: places[applicant], name: '申请局' })
  const steward = await world.person({ department: '提供局', roles: ['steward'], name: '提供专员' })
  const consumer = await world.person({ department: '申请局', roles: ['steward'], name: '申请专员' })
  const draft = await steward.ok(catalog.createEntry, { body: { content: inPlace(places[provider], content(entry)) } })
  const code = draft.code.replace('/', '-')
  const { caseNo } = await steward.ok(catalog.submitEntry, { params: { code } })
  await approve(authorities[provider], steward, caseNo!)
  const system = await consumer.ok(organization.createSystem, { body: { name: '救助核对系统' } })
  const form = {
    dataName: '城乡低保对象信息',
    items: ['c1', 'c3'],
    purpose: '办理医疗救助时核对申请人是否在册。',
    scenario: '窗口受理时核对。',
    scope: '待遇保障股',
    duty: '医疗救助的审核职责',
    method: 'api' as const,
    until: '2027-12-31',
    system: system.id,
  }
  const apply = (more: object = {}) => consumer.call(contract.apply, { body: { entryId: draft.id, form: { ...form, ...more } } })
  return { world, authorities, steward, consumer, code, entryId: draft.id, form, apply }
}

async function act(who: Person, no: string, action: string, form: object = {}) {
  const c = await who.ok(procedure.caseByNo, { params: { no } })
  return who.ok(procedure.act, { params: { no, action }, body: { version: c.version, form } })
}
async function tryAct(who: Person, no: string, action: string, form: object = {}, version?: number) {
  const seen = version ?? (await who.ok(procedure.caseByNo, { params: { no } })).version
  return who.call(procedure.act, { params: { no, action }, body: { version: seen, form } })
}
const give = {
  treatments: [
    { key: 'c1', treatment: 'masked' },
    { key: 'c3', treatment: 'plain' },
  ],
  until: '2027-12-31',
}
const leaderOf = (world: World, department: string) => world.person({ department, roles: ['leader'] })

test('[fuzhou-manage-17-1b] the authority of 福州 decides within 20 working days; the provider only speaks', async t => {
  const { authorities, steward, consumer, code, apply } = await aCountry(t, 'fuzhou')
  const told = await consumer.ok(contract.prepare, { params: { code } })
  assert.equal(told.mode, 'apply')
  assert.match(told.sentence, /20 个工作日/)
  assert.equal(told.dueIfToday, '2026-06-18')
  const reply = await apply()
  assert.equal(reply.status, 200)
  const c = reply.body
  assert.equal(c.ruling.cite.article, '第十七条')
  const clock = c.clocks[0]!
  assert.deepEqual([clock.days, clock.due, clock.light, clock.origin, clock.debtor], [20, '2026-06-18', 'green', 'law', 'fuzhou主管部门'])

  const early = await tryAct(steward, c.no, 'refuse', { reason: '超出履职必要的范围，请缩小申请。' })
  assert.equal(early.status, 403)
  assert.equal(early.problem.reason, 'not-competent')
  assert.equal(early.problem.cite?.article, '第十七条')
  await act(steward, c.no, 'advise', { opinion: 'agree' })
  const decided = await act(authorities.fuzhou, c.no, 'approve', give)
  assert.equal(decided.state, 'agreement')
  const half = await act(authorities.fuzhou, c.no, 'sign', { accept: true })
  assert.equal(half.ended, false)
  const waiting = await consumer.ok(delivery.grant, { params: { id: half.result!.href.split('/').at(-1)! } })
  assert.deepEqual(
    waiting.awaits.map(a => [a.key, a.platform]),
    [['agreement', true]],
  )
  const whole = await act(consumer, c.no, 'sign', { accept: true })
  assert.equal(whole.ended, true)
  assert.match(whole.result!.label, /授权/)
})

test('[henan-16-3b] in 河南 the provider answers within 5 working days and the grant follows at once', async t => {
  const { world, authorities, steward, apply } = await aCountry(t, 'henan')
  const c = (await apply()).body
  const clock = c.clocks[0]!
  assert.deepEqual([clock.days, clock.due, clock.debtor], [5, '2026-05-28', '提供局'])
  assert.equal((await tryAct(authorities.henan, c.no, 'approve', give)).problem.reason, 'not-competent')
  world.at('2026-05-29')
  const late = await steward.ok(procedure.caseByNo, { params: { no: c.no } })
  assert.deepEqual([late.clocks[0]!.light, late.clocks[0]!.left], ['red', -1])
  const decided = await act(steward, c.no, 'approve', give)
  assert.deepEqual([decided.ended, decided.clocks[0]!.light], [true, 'late'])
  assert.match(decided.result!.label, /授权/)
})

test('[henan-16-3d] a refusal in 河南 needs reason and basis', async t => {
  const { steward, consumer, apply } = await aCountry(t, 'henan')
  const c = (await apply()).body
  const bare = await tryAct(steward, c.no, 'refuse', { reason: '超出履职必要的范围，请缩小申请。' })
  assert.equal(bare.status, 422)
  assert.equal(bare.problem.reason, 'basis-required')
  assert.equal(bare.problem.cite?.article, '第十六条第三款')
  assert.deepEqual(
    bare.problem.errors?.map(e => e.pointer),
    ['/form/basis'],
  )
  await act(steward, c.no, 'refuse', { reason: '超出履职必要的范围，请缩小申请。', basis: law, remedyHint: '只申请保障类别。' })
  const seen = await consumer.ok(procedure.caseByNo, { params: { no: c.no } })
  assert.equal(seen.decision?.kind, 'refused')
  assert.match(seen.decision!.basis!, /第三十四条/)
  assert.equal(seen.decision?.next, '只申请保障类别。')
})

test('[shuangpai-24-2] in 双牌 centre and provider speak within 10 working days, then the city decides', async t => {
  const { authorities, steward, consumer, apply } = await aCountry(t, 'shuangpai', 'yongtai', { items: content().items.slice(0, 3) })
  const c = (await apply()).body
  assert.deepEqual(c.clocks.map(k => `${k.debtor} ${k.days} ${k.due}`).sort(), ['shuangpai主管部门 10 2026-06-04', '提供局 10 2026-06-04'])
  const opinion = { opinion: 'agree', note: '用途明确，同意。' }
  const once = await act(authorities.shuangpai, c.no, 'advise', opinion)
  assert.equal(once.state, 'opinion')
  assert.deepEqual(
    once.missing.map(m => m.what),
    ['提供局 的“提出意见”'],
  )
  const alone = await tryAct(authorities.shuangpai, c.no, 'approve', give)
  assert.equal(alone.problem.code, 'procedure.wrong_step')
  await act(steward, c.no, 'advise', opinion)
  const centre = await tryAct(authorities.shuangpai, c.no, 'approve', give)
  assert.equal(centre.status, 403)
  assert.equal(centre.problem.reason, 'not-competent')
  const decided = await act(authorities.yongzhou, c.no, 'approve', give)
  assert.equal(decided.state, 'agreement')
  await act(authorities.shuangpai, c.no, 'sign', { accept: true })
  assert.equal((await act(consumer, c.no, 'sign', { accept: true })).ended, true)
})

test('[yongtai-1-1] 永泰 has no rule of its own for applications: that of 福州 is inherited, and said so', async t => {
  const { authorities, consumer, code, apply } = await aCountry(t, 'yongtai', 'shuangpai')
  const told = await consumer.ok(contract.prepare, { params: { code } })
  assert.equal(told.ruling.inherited, '福州市')
  assert.match(told.sentence, /继承自福州市/)
  const c = (await apply()).body
  assert.deepEqual([c.clocks[0]!.debtor, c.clocks[0]!.days, c.clocks[0]!.inherited], ['fuzhou主管部门', 20, '福州市'])
  assert.equal((await tryAct(authorities.yongtai, c.no, 'approve', give)).problem.reason, 'not-competent')
  assert.equal((await act(authorities.fuzhou, c.no, 'approve', give)).state, 'agreement')
})

test('[jinjiang-2-6-1c] 晋江 has no rule for applications: the product’s own convention, no legal deadline', async t => {
  const { steward, consumer, code, apply } = await aCountry(t, 'jinjiang')
  const told = await consumer.ok(contract.prepare, { params: { code } })
  assert.match(told.sentence, /平台约定/)
  const c = (await apply()).body
  const clock = c.clocks[0]!
  assert.deepEqual([clock.light, clock.days, clock.origin, clock.debtor], ['word', null, 'platform', '提供局'])
  assert.equal((await act(steward, c.no, 'approve', give)).ended, true)
})

test('items that are not shared, or not in the catalog, cannot be asked for; more than was asked cannot be given', async t => {
  const { steward, apply } = await aCountry(t, 'henan')
  const wrong = await apply({ items: ['c1', 'c4', 'c9'] })
  assert.equal(wrong.status, 422)
  assert.deepEqual(
    wrong.problem.errors?.map(e => e.code),
    ['share-type-not-shareable', 'field-not-registered'],
  )
  const c = (await apply()).body
  const more = await tryAct(steward, c.no, 'approve', { ...give, treatments: [{ key: 'c2', treatment: 'plain' }] })
  assert.equal(more.problem.reason, 'field-not-granted')
})

test('everything an application lacks comes back at once, and a second one for the same entry is refused', async t => {
  const { apply } = await aCountry(t, 'fuzhou')
  const bare = await apply({ purpose: '', scenario: undefined, scope: undefined, items: [], duty: undefined })
  assert.equal(bare.status, 422)
  assert.deepEqual(bare.problem.errors?.map(e => e.pointer).sort(), [
    '/form/duty',
    '/form/items',
    '/form/purpose',
    '/form/scenario',
    '/form/scope',
  ])
  assert.equal((await apply()).status, 200)
  const again = await apply()
  assert.equal(again.status, 409)
  assert.equal(again.problem.code, 'procedure.already_open')
})

test('unconditional data need no application and leave a grant at once; only 福州 departments may take them directly', async t => {
  const entry = { shareClass: 'unconditional', items: content().items.slice(2, 3) }
  const { consumer, entryId, form, apply } = await aCountry(t, 'fuzhou', 'yongtai', entry)
  const needless = await apply({ items: ['c3'] })
  assert.equal(needless.problem.code, 'sharing.no_application')
  const grant = await consumer.ok(contract.access, {
    body: { entryId, system: form.system, purpose: '核对保障类别', duty: '医疗救助的审核职责' },
  })
  assert.deepEqual([grant.state, grant.items.map(i => i.key)], ['active', ['c3']])

  const outside = await aCountry(t, 'fuzhou', 'henan', entry)
  const refused = await outside.consumer.call(contract.access, {
    body: { entryId: outside.entryId, system: outside.form.system, purpose: '核对保障类别', duty: '医疗救助的审核职责' },
  })
  assert.equal(refused.problem.reason, 'not-a-government-department')
})

test('data that are not shared cannot be applied for, and one’s own need not be', async t => {
  const { consumer, steward, code, apply, entryId, form } = await aCountry(t, 'fuzhou', 'yongtai', { shareClass: 'denied' })
  assert.equal((await consumer.ok(contract.prepare, { params: { code } })).mode, 'barred')
  const refused = await apply()
  assert.equal(refused.problem.reason, 'share-type-not-shareable')
  assert.equal(refused.problem.cite?.article, '第十六条第四款')
  assert.equal((await steward.call(contract.apply, { body: { entryId, form } })).problem.code, 'sharing.own')
})

test('two people decide one case at once: one wins, the other is told', async t => {
  const { world, authorities, apply } = await aCountry(t, 'fuzhou')
  const c = (await apply()).body
  const other = await leaderOf(world, 'fuzhou主管部门')
  const { version } = await other.ok(procedure.caseByNo, { params: { no: c.no } })
  const replies = await Promise.all([
    tryAct(authorities.fuzhou, c.no, 'approve', give, version),
    tryAct(other, c.no, 'refuse', { reason: '超出履职必要的范围。' }, version),
  ])
  assert.deepEqual(replies.map(r => r.status).sort(), [200, 409])
  const loser = replies.find(r => r.status === 409)!
  assert.equal(loser.problem.code, 'procedure.changed')
  assert.match(loser.problem.detail, /已于 .* 办理“(同意|不同意)”/)
})

test('a supplement stops the clock, which goes on with what was left', async t => {
  const { world, authorities, consumer, apply } = await aCountry(t, 'fuzhou')
  const c = (await apply()).body
  world.at('2026-05-28')
  const stopped = await act(authorities.fuzhou, c.no, 'return', { corrections: [{ field: 'scope', message: '写明使用的岗位。' }] })
  const clock = stopped.clocks.find(k => k.days === 20)!
  assert.equal(clock.light, 'stopped')
  world.at('2026-07-06')
  assert.equal((await tryAct(authorities.fuzhou, c.no, 'approve', give)).problem.code, 'procedure.wrong_step')
  const going = await act(consumer, c.no, 'resubmit', { scope: '待遇保障股受理岗' })
  const again = going.clocks.find(k => k.days === 20)!
  // Five of twenty days had passed; fifteen more are counted from the day after 6 July.
  assert.deepEqual([again.light, again.due], ['green', '2026-07-27'])
  assert.equal(going.form.find(f => f.name === 'scope')?.value, '待遇保障股受理岗')
})

test('a grant is suspended by provider or authority, not by others, and the reason is needed', async t => {
  const { authorities, steward, consumer, apply } = await aCountry(t, 'henan')
  const c = (await apply()).body
  const ended = await act(steward, c.no, 'approve', give)
  const id = ended.result!.href.split('/').at(-1)!
  const own = await consumer.call(contract.suspend, { params: { id }, body: { reason: '自行暂停试试' } })
  assert.equal(own.problem.reason, 'not-competent')
  assert.equal((await steward.call(contract.suspend, { params: { id }, body: { reason: '' } })).problem.reason, 'reason-required')
  assert.equal((await steward.ok(contract.suspend, { params: { id }, body: { reason: '发现超范围使用' } })).state, 'suspended')
  assert.equal((await authorities.henan.ok(contract.resume, { params: { id }, body: { reason: '已经整改' } })).state, 'active')
})

test('people of other departments and places do not see a case that is not theirs', async t => {
  const { world, apply } = await aCountry(t, 'fuzhou')
  const c = (await apply()).body
  await world.department({ region: places.henan, name: '旁观厅' })
  const stranger = await world.person({ department: '旁观厅', roles: ['steward', 'leader'] })
  assert.equal((await stranger.call(procedure.caseByNo, { params: { no: c.no } })).status, 404)
  assert.equal(
    (await stranger.call(procedure.act, { params: { no: c.no, action: 'approve' }, body: { version: 0, form: give } })).status,
    404,
  )
})

test('who decides sees real rows before and after; the choice of profile, pseudonym and rows becomes the grant', async t => {
  const { world, authorities, steward, consumer, entryId, apply } = await aCountry(t, 'fuzhou')
  const { pool } = world.app.services
  const relation = `pool.e_${entryId.replaceAll('-', '')}`
  await pool.query(
    `create table ${relation} (_key text primary key, _batch uuid, _updated timestamptz, c1 text, c2 text, c3 text, c4 text)`,
  )
  await refill(
    pool,
    { id: entryId, relation },
    ['c1', 'c3'],
    [
      ['35012519000101001X', 'A'],
      ['350125190001010028', 'B'],
    ],
  )
  const c = (await apply()).body
  const body = {
    treatments: [
      { key: 'c1', treatment: 'pseudonym' as const },
      { key: 'c3', treatment: 'plain' as const, only: ['A'] },
    ],
  }
  const look = (who: Person) => who.call(contract.previewTreatments, { params: { no: c.no }, body })
  assert.equal((await look(steward)).problem.code, 'sharing.preview_not_yours')
  assert.equal((await look(consumer)).problem.code, 'sharing.preview_not_yours')
  await act(steward, c.no, 'advise', { opinion: 'agree' })
  const shown = (await look(authorities.fuzhou)).body
  assert.equal(shown.count, 1)
  assert.deepEqual(shown.rows[0]!.before, ['35012519000101001X', 'A'])
  assert.match(shown.rows[0]!.after[0]!, /^[0-9a-f]{32}$/)
  assert.deepEqual(
    shown.columns.map(i => i.treatmentLabel),
    ['假名', '原样'],
  )
  const counted = await authorities.fuzhou.ok(contract.previewTreatments, {
    params: { no: c.no },
    body: { treatments: [{ key: 'c1', treatment: 'aggregate' }] },
  })
  assert.deepEqual([counted.columns[0]!.treatmentLabel, counted.rows.map(r => r.after)], ['聚合', [[null], [null]]])
  const beyond = await authorities.fuzhou.call(contract.previewTreatments, {
    params: { no: c.no },
    body: { treatments: [{ key: 'c2', treatment: 'plain' }] },
  })
  assert.equal(beyond.problem.code, 'sharing.more_than_asked')
  await world.app.services.ledger.flush()
  const { rows } = await pool.query(`select r from audit.block b, unnest(b.records) r where r like '%grant.preview%'`)
  assert.equal(rows.length, 2)
  assert.ok(!rows[0].r.includes('35012519000101001X'))

  const decided = await act(authorities.fuzhou, c.no, 'approve', { ...body, until: '2027-12-31' })
  assert.match(JSON.stringify(decided.timeline ?? decided), /只限 A/)
  const grant = await consumer.ok(delivery.grant, { params: { id: decided.result!.href.split('/').at(-1)! } })
  assert.deepEqual(
    grant.items.map(i => i.treatment),
    ['pseudonym', 'plain'],
  )
  assert.deepEqual(grant.rows, [{ name: '保障类别', values: ['A'] }])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as audit from '../../../contract/audit.ts'
import * as catalog from '../../../contract/catalog.ts'
import * as delivery from '../../../contract/delivery.ts'
import * as organization from '../../../contract/organization.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as contract from '../../../contract/sharing.ts'
import { act, aPlace, aPlainEntry, articleOf, connect, fill, inPlace, type Place, places, said } from '../../../test/support/country.ts'
import { application, confirmed, free, give, grantOf, rows, stated } from '../../../test/support/sharing.ts'
import { systemContext } from '../../platform/context.ts'
import { remindClasses } from './classes.ts'

/** The way of each place from an application to a grant that delivers; returns the case before the last step too. */
async function decide(p: Awaited<ReturnType<typeof aPlace>>, place: Place, no: string, keys: string[]) {
  if (place === 'henan' || place === 'jinjiang') return act(p.provider, no, 'approve', give(...keys))
  const decider = place === 'shuangpai' ? p.bureaus[places.yongzhou]! : p.bureaus[places.fuzhou]!
  if (place === 'shuangpai') {
    await act(p.authority, no, 'advise', { opinion: 'agree', note: '用途明确，同意。' })
    await act(p.provider, no, 'advise', { opinion: 'agree', note: '用途明确，同意。' })
  }
  const approved = await act(decider, no, 'approve', give(...keys))
  return approved
}
async function sign(p: Awaited<ReturnType<typeof aPlace>>, place: Place, no: string) {
  if (place === 'henan' || place === 'jinjiang') return
  await act(place === 'shuangpai' ? p.authority : p.bureaus[places.fuzhou]!, no, 'sign', { accept: true })
  await act(p.consumer, no, 'sign', { accept: true })
}

// ── unconditional: at once, with a record; not for who is no department ──
const unconditional: [string, Place, string, string, string][] = [
  [
    '[yongtai-16-2] departments of 永泰 take unconditional data at once',
    'yongtai',
    'not-a-government-department',
    '第十六条第二款',
    '第三条',
  ],
  [
    '[fuzhou-manage-16-2] [fuzhou-manage-17-1a] departments of 福州 take unconditional data at once',
    'fuzhou',
    'not-a-government-department',
    '第十七条',
    '第三条',
  ],
  [
    '[henan-15-2] departments of 河南 take unconditional data at once',
    'henan',
    'not-a-government-department',
    '第十六条第二款',
    '第二条第二款',
  ],
  [
    '[shuangpai-23-2-1] departments in 双牌 take unconditional data at once',
    'shuangpai',
    'not-a-government-department',
    '第二十四条第一项',
    '第三条第一项',
  ],
  [
    '[jinjiang-2-6-1b] public bodies of 晋江 take unconditional data at once',
    'jinjiang',
    'not-a-public-body',
    '第二部分第（六）项第一款',
    '第二部分第（六）项第一款',
  ],
]
for (const [title, place, reason, article, definition] of unconditional)
  test(title, async t => {
    const p = await aPlace(t, place)
    const entry = await p.register(aPlainEntry(free))
    await fill(p.world, entry, rows)
    const body = { entryId: entry.id, system: p.system, ...stated }
    const nameless = await p.consumer.call(contract.access, { body: { ...body, duty: '' } })
    assert.equal(nameless.status, 422)
    assert.equal(nameless.problem.reason, 'purpose-required')

    const grant = await p.consumer.ok(contract.access, { body })
    assert.deepEqual([grant.state, grant.items.length, grant.basis], ['active', 3, stated.duty])
    assert.equal(articleOf(grant.cite, place), article)
    const read = await connect(p.world, p.consumer, grant.id)
    const taken = await read(entry.code, { limit: 1 })
    assert.equal((taken.body as unknown as { count: number }).count, 1)
    await p.world.app.services.ledger.flush()
    const record = (await p.authority.ok(audit.ledger, { query: { action: 'data.read', limit: 5 } })).rows[0]!
    assert.equal(record.purpose, stated.purpose)
    assert.equal(record.person, '周倩')

    await p.world.department({ region: places[place], name: '某公司', kind: 'company' } as never)
    const company = await p.world.person({ department: '某公司', roles: ['steward'] })
    const system = await company.ok(organization.createSystem, { body: { name: '公司系统' } })
    const refused = await company.call(contract.access, { body: { ...body, system: system.id } })
    assert.equal(refused.status, 403)
    assert.deepEqual(said(refused, place), [reason, definition])
  })

test('[yongtai-16-2] a department of the city is not one of 永泰', async t => {
  const p = await aPlace(t, 'yongtai', { elsewhere: 'fuzhou' })
  const entry = await p.register(aPlainEntry(free))
  const refused = await p.consumer.call(contract.access, { body: { entryId: entry.id, system: p.system, ...stated } })
  assert.deepEqual(said(refused, 'yongtai'), ['not-a-government-department', '第十六条第二款'])
})

// ── conditional: nothing without a grant, only what was granted, only for the purpose of the grant ──
// Where a regulation of another place, or the platform's convention, is meant, it is named before the article.
const conditional: [
  string,
  Place,
  { access: string; use: string; third?: string; agreement?: string; items: string; platform?: boolean },
][] = [
  [
    '[yongtai-16-3] [yongtai-17-1a] conditional data of 永泰 need a grant, and serve its purpose only',
    'yongtai',
    { access: '第十六条第三款', use: '第十七条第一款', agreement: 'fuzhou-manage-2019 第十七条', items: 'fuzhou-manage-2019 第十七条' },
  ],
  [
    '[fuzhou-manage-16-3] [fuzhou-manage-17-1c] [fuzhou-manage-17-1d] [fuzhou-manage-18-1a] conditional data of 福州: grant, agreement, approved items, purpose',
    'fuzhou',
    { access: '第十六条第三款', use: '第十八条第一款', agreement: '第十七条', items: '第十七条' },
  ],
  [
    '[henan-15-3] [henan-16-3c] conditional data of 河南 need a grant and are used as the answer says',
    'henan',
    { access: '第十五条第三款', use: '第十六条第一款', items: '第十六条第三款' },
  ],
  [
    '[shuangpai-23-2-2] [shuangpai-24-2b] [shuangpai-25-1] conditional data of 双牌: grant, agreement, own duties only',
    'shuangpai',
    { access: '第二十三条第二款第二项', use: '第二十五条第一款', agreement: '第二十四条第二项', items: 'platform 按授权范围取用' },
  ],
  [
    '[jinjiang-2-6-1c] [jinjiang-2-6-2a] conditional data of 晋江 need a grant and go to no third party',
    'jinjiang',
    {
      access: '第二部分第（六）项第一款',
      use: '第二部分第（六）项第二款',
      third: '第二部分第（六）项第二款',
      items: 'platform 按授权范围取用',
    },
  ],
]
for (const [title, place, cites] of conditional)
  test(title, async t => {
    const p = await aPlace(t, place)
    const open = await p.register(aPlainEntry({ ...free, title: '养老服务热线名录' }))
    const entry = await p.register(aPlainEntry())
    await fill(p.world, entry, rows)
    // No way in: neither directly nor with the token of something else.
    const direct = await p.consumer.call(contract.access, { body: { entryId: entry.id, system: p.system, ...stated } })
    assert.deepEqual(said(direct, place), ['no-access-grant', cites.access])
    const other = await p.consumer.ok(contract.access, { body: { entryId: open.id, system: p.system, ...stated } })
    const elsewhere = await (await connect(p.world, p.consumer, other.id))(entry.code)
    assert.equal(elsewhere.status, 403)
    assert.deepEqual(said(elsewhere, place), ['no-access-grant', cites.access])
    const logged = (await p.authority.ok(audit.ledger, { query: { action: 'data.refused', limit: 5 } })).rows[0]!
    assert.deepEqual([logged.content, logged.department], ['拒绝：no-access-grant', '申请局'])

    const c = await p.consumer.ok(contract.apply, {
      body: { entryId: entry.id, form: application(p, undefined, { matters: ['高龄补贴核发', '护理补贴核发'] }) },
    } as never)
    const approved = await decide(p, place, (c as { no: string }).no, ['c1', 'c2'])
    const id = grantOf(approved)
    let read = await connect(p.world, p.consumer, id)
    if (cites.agreement) {
      assert.equal(approved.state, 'agreement')
      const unsigned = await read(entry.code)
      assert.deepEqual(said(unsigned, place), ['agreement-required', cites.agreement])
      assert.match(unsigned.problem.detail!, /平台约定/)
      assert.equal((await p.consumer.ok(delivery.grant, { params: { id } })).effective, null)
      p.world.at('2026-05-22')
      await sign(p, place, (c as { no: string }).no)
      // Its token has run out by the next day.
      read = await connect(p.world, p.consumer, id)
    }
    const taken = (await read(entry.code)).body as unknown as { count: number; rows: object[] }
    assert.deepEqual([taken.count, Object.keys(taken.rows[0]!)], [2, ['机构编号', '机构名称']])
    // The third item was not approved.
    const more = await read(entry.code, { fields: '床位数' })
    assert.deepEqual(said(more, place), ['field-not-granted', cites.items])
    // Another purpose, another user.
    const misuse = await read(entry.code, {}, { 'x-huitong-purpose': encodeURIComponent('商业营销') })
    assert.equal(misuse.status, 403)
    assert.deepEqual(said(misuse, place), ['purpose-mismatch', cites.use])
    assert.equal((await read(entry.code, {}, { 'x-huitong-purpose': encodeURIComponent('核对养老机构备案情况') })).status, 200)
    // A grant may serve several matters: a call that states one of them is for what was granted.
    const matter = (name: string) => read(entry.code, {}, { 'x-huitong-purpose': encodeURIComponent(name) })
    assert.deepEqual([(await matter('护理补贴核发')).status, (await matter('低保核发')).problem.reason], [200, 'purpose-mismatch'])
    // From the approval until data could be taken: measured, and on the page of the grant.
    const timed = await p.consumer.ok(delivery.grant, { params: { id } })
    assert.ok(Date.parse(timed.effective!) >= Date.parse(timed.approved!))
    if (cites.agreement) assert.ok(Date.parse(timed.effective!) - Date.parse(timed.approved!) >= 3_600_000)
    const third = await read(entry.code, {}, { 'x-huitong-user': encodeURIComponent('某科技公司') })
    assert.deepEqual(said(third, place), ['third-party-disclosure-barred', cites.third ?? cites.use])
    assert.equal((await read(entry.code, {}, { 'x-huitong-user': encodeURIComponent('申请局') })).status, 200)
    // The refused attempts are in the list the provider sees.
    const seen = await p.provider.ok(delivery.calls, { params: { id }, query: { limit: 20 } })
    assert.ok(seen.rows.some(r => r.code === 'data.purpose_mismatch'))
  })

// ── classes: what they need, and what they close ──
const bases: [string, Place, string, string][] = [
  [
    '[yongtai-15-1] [yongtai-16-5a] a restriction in 永泰 needs a basis; unconditional is proposed',
    'yongtai',
    '第十六条第五款',
    '第十五条第一款',
  ],
  [
    '[fuzhou-manage-15-1] [fuzhou-manage-16-5a] a restriction in 福州 needs a basis; unconditional is proposed',
    'fuzhou',
    '第十六条第五款',
    '第十五条第一款',
  ],
  ['[henan-15-5a] a restriction in 河南 needs a basis, or the data are unconditional', 'henan', '第十五条第五款', '第十五条第六款'],
]
for (const [title, place, article, principle] of bases)
  test(title, async t => {
    const p = await aPlace(t, place)
    const { code } = await p.provider.ok(catalog.createEntry, {
      body: { content: inPlace(p.region, aPlainEntry({ shareClass: undefined })) },
    })
    const params = { code: code.replace('/', '-') }
    const save = (more: object) => p.provider.ok(catalog.saveDraft, { params, body: { content: inPlace(p.region, aPlainEntry(more)) } })
    const open = await p.provider.ok(catalog.checkDraft, { params })
    const proposed = open.faults.find(f => f.code === 'share-type-required')!
    assert.equal(articleOf(proposed.cite, place), principle)
    assert.match(proposed.remedy!, /无条件共享/)
    assert.equal((await p.provider.call(catalog.submitEntry, { params })).problem.reason, 'share-type-required')
    for (const shareClass of ['conditional', 'denied']) {
      await save({ shareClass, shareBasis: undefined })
      const bare = await p.provider.call(catalog.submitEntry, { params })
      assert.deepEqual(said(bare, place), ['basis-required', article])
      assert.match(bare.problem.errors![0]!.remedy!, /无条件共享/)
    }
    // The authority sees the attempts; another department does not.
    const list = await p.authority.ok(contract.lackingBasis)
    assert.deepEqual(
      list.attempts.map(a => [a.code, a.department]),
      [
        [params.code, '提供局'],
        [params.code, '提供局'],
      ],
    )
    assert.deepEqual([list.entries, (await p.consumer.ok(contract.lackingBasis)).attempts], [[], []])
    await save({ shareClass: 'denied' })
    assert.equal((await p.provider.call(catalog.submitEntry, { params })).status, 200)
  })

test('[jinjiang-2-6-1d] in 晋江 a local regulation is no basis for 暂不共享', async t => {
  const p = await aPlace(t, 'jinjiang')
  const local = { kind: 'local-regulation', instrument: '福建省大数据发展条例', article: '第十条' }
  const { code } = await p.provider.ok(catalog.createEntry, {
    body: { content: inPlace(p.region, aPlainEntry({ shareClass: 'denied', shareBasis: local })) },
  })
  const params = { code: code.replace('/', '-') }
  const submit = () => p.provider.call(catalog.submitEntry, { params })
  assert.deepEqual(said(await submit()), ['basis-kind-invalid', '第二部分第（六）项第一款'])
  await p.provider.ok(catalog.saveDraft, { params, body: { content: inPlace(p.region, aPlainEntry({ shareClass: 'denied' })) } })
  assert.equal((await submit()).status, 200)
})

const conditions: [string, Place, string][] = [
  ['[henan-15-5b] conditional data of 河南 state their conditions, which stand in application and grant', 'henan', '第十五条第五款'],
  ['[shuangpai-23-3b] conditional data of 双牌 state their conditions; a basis is not needed', 'shuangpai', '第二十三条第三款'],
]
for (const [title, place, article] of conditions)
  test(title, async t => {
    const p = await aPlace(t, place)
    const basis = place === 'shuangpai' ? { shareBasis: undefined } : {}
    const { code } = await p.provider.ok(catalog.createEntry, {
      body: { content: inPlace(p.region, aPlainEntry({ ...basis, shareConditions: '' })) },
    })
    const bare = await p.provider.call(catalog.submitEntry, { params: { code: code.replace('/', '-') } })
    assert.equal(bare.status, 422)
    assert.equal(bare.problem.errors!.find(e => e.code === 'conditions-required')!.cite?.article, article)
    const entry = await p.register(aPlainEntry(basis))
    const c = await p.consumer.ok(contract.apply, { body: { entryId: entry.id, form: application(p) } } as never)
    const no = (c as { no: string }).no
    const seen = await p.provider.ok(procedure.caseByNo, { params: { no } })
    assert.equal(seen.form.find(f => f.name === 'conditions')?.value, '供救助事项核对使用。')
    const grant = await p.consumer.ok(delivery.grant, { params: { id: grantOf(await decide(p, place, no, ['c1'])) } })
    assert.equal(grant.conditions, '供救助事项核对使用。')
  })

const denied: [string, Place, string, boolean][] = [
  ['[yongtai-16-4] 暂不共享 in 永泰 takes no application', 'yongtai', '第十六条第四款', false],
  ['[fuzhou-manage-16-4] 暂不共享 in 福州 takes no application', 'fuzhou', '第十六条第四款', false],
  ['[henan-15-4] 不予共享 in 河南 takes no application but a negotiation', 'henan', '第十五条第四款', true],
  [
    '[shuangpai-23-2-3] [shuangpai-23-3a] 不予共享 in 双牌 needs confirmation, and takes no application',
    'shuangpai',
    '第二十三条第二款第三项',
    true,
  ],
]
for (const [title, place, article, negotiable] of denied)
  test(title, async t => {
    const p = await aPlace(t, place)
    let entry: { id: string; code: string }
    if (place === 'shuangpai') entry = await confirmed(p)
    else entry = await p.register(aPlainEntry({ shareClass: 'denied' }))
    const refused = await p.consumer.call(contract.apply, { body: { entryId: entry.id, form: application(p) } } as never)
    assert.deepEqual(said(refused, place), ['share-type-not-shareable', article])
    assert.equal((await p.consumer.ok(catalog.entryByCode, { params: { code: entry.code } })).content.items.length, 3)
    const told = await p.consumer.ok(contract.prepare, { params: { code: entry.code } })
    assert.deepEqual([told.mode, !!told.negotiation], ['barred', negotiable])
    // Half a year later (an interval of the platform's own) its owner is asked to look again, once.
    const asked = async () =>
      (await p.provider.ok(procedure.notices)).rows.filter(n => n.kind === 'reminder' && n.text.includes('平台约定')).length
    const remind = () => remindClasses(systemContext(p.world.app.services))
    await remind()
    assert.equal(await asked(), 0)
    p.world.at('2026-12-01')
    await remind()
    await remind()
    assert.equal(await asked(), 1)
    if (!negotiable) return
    const form = { duty: '养老服务补贴的审核职责', purpose: '核对养老机构备案情况', items: ['c1'], until: '2027-12-31', system: p.system }
    const talks = await p.consumer.ok(procedure.startCase, { body: { procedure: 'negotiation', about: entry.code, form } })
    assert.equal(talks.state, 'talks')
  })

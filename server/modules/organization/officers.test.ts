import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as catalog from '../../../contract/catalog.ts'
import * as contract from '../../../contract/organization.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as regulation from '../../../contract/regulation.ts'
import * as sharing from '../../../contract/sharing.ts'
import { anEntry, aPlace, aPlainEntry, articleOf, type Place, said } from '../../../test/support/country.ts'
import type { Person } from '../../../test/support/world.ts'

const file = (who: Person, form: object, procedureName = 'officer-filing') =>
  who.call(procedure.startCase, { body: { procedure: procedureName, form } })
const fuzhou = { leader: '王领导', staff: '李管理', contact: '0591-00000002' }

const filings: [string, Place, string, Record<string, string>, boolean][] = [
  ['[yongtai-23-1b] 永泰: leader, staff and contacts are filed before catalog and applications', 'yongtai', '第二十三条', fuzhou, true],
  [
    '[fuzhou-manage-34-1b] 福州: leader, staff and contacts are filed before catalog and applications',
    'fuzhou',
    '第三十四条',
    fuzhou,
    true,
  ],
  [
    '[henan-6-6] 河南: unit, staff and the first responsible person are named before a catalog is submitted',
    'henan',
    '第六条第六款',
    { unit: '信息科', staff: '李管理', head: '王厅长' },
    false,
  ],
  [
    '[shuangpai-7-1] 双牌: the section for administrative approval is named before a catalog is submitted',
    'shuangpai',
    '第七条',
    { section: '行政审批股', sectionStaff: '李管理' },
    false,
  ],
  [
    '[jinjiang-1-6] 晋江: a digital officer is named before a catalog is submitted',
    'jinjiang',
    '第一部分第（六）项',
    { digitalOfficer: '李专员' },
    false,
  ],
]
for (const [title, place, article, form, applies] of filings)
  test(title, async t => {
    const p = await aPlace(t, place)
    await p.world.department({ region: p.region, name: '新设局', officers: false })
    const clerk = await p.world.person({ department: '新设局', roles: ['steward'] })
    const { code } = await clerk.ok(catalog.createEntry, { body: { content: aPlainEntry({ title: '新设局名录' }) } })
    const params = { code: code.replace('/', '-') }
    const blocked = await clerk.call(catalog.submitEntry, { params })
    assert.equal(blocked.status, 422)
    assert.deepEqual(said(blocked, place), ['officer-not-filed', article])
    assert.match(blocked.problem.detail, /平台约定，不是条文的规定/)
    const posts = Object.keys(form)
    for (const post of posts) assert.match(blocked.problem.detail, new RegExp((await label(clerk, post)) as string))

    const shared = applies ? await p.register(anEntry()) : null
    const application = async () => {
      const system = (await clerk.ok(contract.systems))[0] ?? (await clerk.ok(contract.createSystem, { body: { name: '核对系统' } }))
      const wish = { items: ['c1', 'c3'], purpose: '救助核对', scenario: '受理时核对', scope: '本局救助科', duty: '社会救助职责' }
      return clerk.call(sharing.apply, {
        body: {
          entryId: shared!.id,
          form: { ...wish, dataName: '城乡低保对象信息', method: 'api', until: '2026-12-31', system: system.id },
        },
      })
    }
    if (applies) assert.deepEqual(said(await application(), place), ['officer-not-filed', article])

    const partly = await file(clerk, { ...form, [posts.at(-1)!]: undefined })
    assert.equal(partly.problem.reason, 'field-missing')
    assert.equal(partly.problem.errors![0]!.pointer, `/form/${posts.at(-1)}`)
    const filed = (await file(clerk, form)).body
    assert.equal(filed.ended, true)
    assert.equal(filed.result?.label, `备案回执 ${filed.no}`)
    // The authority it is filed with has it.
    assert.ok((await p.authority.ok(procedure.notices)).rows.some(n => n.href.endsWith(filed.no)))
    const [sheet] = await p.authority.ok(contract.officers, { query: { department: clerk.departmentId } })
    assert.deepEqual(Object.fromEntries(sheet!.posts.map(x => [x.post, x.holder])), form)
    assert.deepEqual([sheet!.complete, sheet!.filings[0]!.receipt, articleOf(sheet!.cite, place)], [true, filed.no, article])
    assert.equal((await clerk.call(catalog.submitEntry, { params })).status, 200)
    if (applies) assert.equal((await application()).status, 200)
  })
const label = async (who: Person, post: string) => (await who.ok(contract.officers))[0]!.posts.find(x => x.post === post)!.label

test('where the authority makes the block a reminder, the submission goes through and the ledger remembers', async t => {
  const p = await aPlace(t, 'jinjiang')
  await p.world.department({ region: p.region, name: '新设局', officers: false })
  const clerk = await p.world.person({ department: '新设局', roles: ['steward'] })
  await p.authority.ok(regulation.switchGate, {
    params: { code: p.region, key: 'officer-filed' },
    body: { mode: 'remind', reason: '机构改革期间，数字专员陆续到位。' },
  })
  const { code } = await clerk.ok(catalog.createEntry, { body: { content: aPlainEntry() } })
  await clerk.ok(catalog.submitEntry, { params: { code: code.replace('/', '-') } })
  await p.world.app.services.ledger.flush()
  const { rows } = await p.world.app.services.pool.query<{ r: string }>(`select unnest(records) as r from audit.block`)
  assert.ok(rows.some(x => x.r.includes('gate.reminded') && x.r.includes('officer-not-filed')))

  // The same for the review of the catalog, which here is the platform's and not the text's: registered at once, with its number.
  await p.authority.ok(regulation.switchGate, {
    params: { code: p.region, key: 'catalog-review' },
    body: { mode: 'remind', reason: '条文只要求编目登记。' },
  })
  const { code: next } = await p.provider.ok(catalog.createEntry, { body: { content: aPlainEntry({ title: '养老驿站名录' }) } })
  const { entry } = await p.provider.ok(catalog.submitEntry, { params: { code: next.replace('/', '-') } })
  assert.deepEqual([entry.state, entry.publishedVersion], ['published', 1])
})

for (const [title, place, article] of [
  [
    '[yongtai-23-1c] 永泰: a filed officer who is gone is no longer current; the department is reminded until it reports the change in writing',
    'yongtai',
    '第二十三条',
  ],
  [
    '[fuzhou-manage-34-1c] 福州: a filed officer who is gone is no longer current; the department is reminded until it reports the change in writing',
    'fuzhou',
    '第三十四条',
  ],
] as [string, Place, string][])
  test(title, async t => {
    const p = await aPlace(t, place)
    await p.world.department({ region: p.region, name: '老局', officers: false })
    const clerk = await p.world.person({ department: '老局', roles: ['steward'], name: '李管理' })
    const leader = await p.world.person({ department: '老局', roles: ['leader'], name: '王领导' })
    const system = await p.world.person({ department: '老局', roles: ['system_admin'] })
    assert.equal((await file(clerk, fuzhou)).status, 200)
    const sheetOf = async (who: Person) => (await who.ok(contract.officers, { query: { department: clerk.departmentId } }))[0]!
    assert.equal((await sheetOf(clerk)).reminder, null)
    await system.ok(contract.setDisabled, { params: { id: leader.id }, body: { disabled: true } })

    for (const who of [clerk, p.authority]) {
      const sheet = await sheetOf(who)
      const post = sheet.posts.find(x => x.post === 'leader')!
      assert.deepEqual([post.holder, post.left?.holder, sheet.complete], [null, '王领导', false])
      assert.deepEqual([sheet.reminder?.word, articleOf(sheet.reminder?.cite, place)], ['及时', article])
    }
    const owed = async () => (await clerk.ok(procedure.todo, { query: { who: 'department' } })).rows.filter(r => r.what.includes('王领导'))
    for (let i = 0; i < 80 && !(await owed()).length; i++) await new Promise(r => setTimeout(r, 100))
    const [duty] = await owed()
    assert.deepEqual([duty!.clock.word, duty!.clock.light, articleOf(duty!.clock.cite, place)], ['及时', 'word', article])
    assert.ok((await p.authority.ok(procedure.notices)).rows.some(n => n.text.includes('老局') && n.text.includes('王领导')))

    const silent = await file(clerk, { ...fuzhou, leader: '赵领导' })
    assert.deepEqual(said(silent, place), ['report-missing', article])
    const report = '王领导调离，自 5 月 21 日起由赵领导分管。'
    const changed = (await file(clerk, { ...fuzhou, leader: '赵领导', report })).body
    const after = await sheetOf(p.authority)
    assert.equal(after.posts.find(x => x.post === 'leader')!.holder, '赵领导')
    assert.deepEqual([after.reminder, after.filings[0]!.receipt, after.filings[0]!.report], [null, changed.no, report])
    assert.equal((await owed()).length, 0)
  })

for (const [title, place] of [
  ['[yongtai-3-1a] 永泰: a private company is no department: it may be registered, but neither applies nor owns an entry', 'yongtai'],
  ['[fuzhou-manage-3-1a] 福州: a private company is no department: it may be registered, but neither applies nor owns an entry', 'fuzhou'],
] as [string, Place][])
  test(title, async t => {
    const p = await aPlace(t, place)
    const entry = await p.register(anEntry())
    await p.world.department({ region: p.region, name: '某科技公司', kind: 'company' })
    const firm = await p.world.person({ department: '某科技公司', roles: ['steward'] })
    const apply = (who: Person) =>
      who.call(sharing.apply, {
        body: {
          entryId: entry.id,
          form: {
            items: ['c1'],
            purpose: '救助核对',
            scenario: '受理时核对',
            scope: '本单位',
            duty: '社会救助职责',
            dataName: '城乡低保对象信息',
            method: 'api',
            until: '2026-12-31',
            system: p.system,
          },
        },
      })
    const refused = await apply(firm)
    assert.equal(refused.status, 403)
    assert.deepEqual(said(refused, place), ['not-a-government-department', '第三条'])
    assert.deepEqual(said(await firm.call(catalog.createEntry, { body: { content: aPlainEntry() } }), place), [
      'not-a-government-department',
      '第三条',
    ])
    assert.equal((await apply(p.consumer)).status, 200)
    for (const kind of ['institution', 'social'] as const) {
      await p.world.department({ region: p.region, name: `某${kind}`, kind })
      const unit = await p.world.person({ department: `某${kind}`, roles: ['steward'] })
      assert.equal((await unit.call(catalog.createEntry, { body: { content: aPlainEntry() } })).status, 200, kind)
    }
  })

test('[henan-6-1] a dispatch order reaches provider and user of the level with its number, and never another level', async t => {
  const p = await aPlace(t, 'henan')
  const city = await p.world.department({ region: '410100', name: '郑州市民政局' })
  const form = { supplier: p.provider.departmentId, receiver: p.consumer.departmentId, order: '5 月底前提供养老机构名录，供消防检查使用。' }
  const order = (f: object, who = p.authority) => who.call(procedure.startCase, { body: { procedure: 'dispatch-order', form: f } })
  const wrong = await order({ ...form, receiver: city })
  assert.deepEqual(said(wrong), ['wrong-level', '第六条第一款'])
  assert.deepEqual(said(await order(form, p.provider)), ['not-competent', '第六条第一款'])
  const { body } = await order(form)
  assert.match(body.no, /^DD-2026-\d{4}$/)
  for (const who of [p.provider, p.consumer]) {
    assert.ok((await who.ok(procedure.notices)).rows.some(n => n.href.endsWith(body.no)))
    assert.equal((await who.ok(procedure.caseByNo, { params: { no: body.no } })).stateLabel, '已下达')
  }
})

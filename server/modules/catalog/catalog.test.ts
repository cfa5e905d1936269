import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import * as contract from '../../../contract/catalog.ts'
import * as procedure from '../../../contract/procedure.ts'
import { aWorld, type Person } from '../../../test/support/world.ts'

const law = { kind: 'law', instrument: '中华人民共和国个人信息保护法', article: '第三十四条' }
const content = (more: object = {}) => ({
  title: '城乡低保对象信息',
  theme: '民生服务',
  abstract: '在册的城乡最低生活保障对象，每月由各县确认后更新。',
  formatClass: 3,
  items: [
    { key: 'c1', name: '公民身份号码', type: 'C', length: 18, semantic: 'id-number', identifier: true, required: true },
    { key: 'c2', name: '保障类别', type: 'C', length: 10 },
  ],
  shareClass: 'conditional',
  shareConditions: '供救助事项核对使用。',
  shareBasis: law,
  shareModeType: '服务接口',
  openClass: 'closed',
  openBasis: law,
  openExclusion: {
    ground: 'third-party',
    evidence: { interest: '救助对象的个人隐私', treatment: '去掉身份后没有用处', consent: '未征求' },
  },
  updateCycle: 'monthly',
  grade: 3,
  kind: 3,
  acquisition: 'collected',
  dataForm: '文字',
  collectionBasis: '《社会救助暂行办法》第十一条',
  collectionScope: '向申请人收集，限于核定所需。',
  collectionPurpose: '核定最低生活保障金。',
  secrecy: { declared: true },
  ...more,
})

async function aPlace(t: TestContext, region = '350100') {
  const world = await aWorld(t, { day: '2026-05-21' })
  await world.department({ region, name: '主管部门', roles: ['authority'] })
  await world.department({ region, name: '市民政局' })
  const authority = await world.person({ department: '主管部门', roles: ['bureau'] })
  const steward = await world.person({ department: '市民政局', roles: ['steward'] })
  const begin = async (more: object = {}) => {
    const entry = await steward.ok(contract.createEntry, { body: { content: content(more) } })
    return { ...entry, path: entry.code.replace('/', '-') }
  }
  const publish = async (path: string) => {
    const { caseNo } = await steward.ok(contract.submitEntry, { params: { code: path } })
    return act(authority, caseNo, 'publish')
  }
  return { world, authority, steward, begin, publish }
}
async function act(who: Person, no: string, action: string, form: object = {}) {
  const { version } = await who.ok(procedure.caseByNo, { params: { no } })
  return who.ok(procedure.act, { params: { no, action }, body: { version, form } })
}
const codesOf = (errors: { pointer: string; code: string }[] | undefined) => errors?.map(e => `${e.pointer} ${e.code}`).sort()

test('an empty draft is saved; at submission everything missing comes back at once, each with its article', async t => {
  const { steward } = await aPlace(t)
  const { code } = await steward.ok(contract.createEntry, { body: {} })
  const reply = await steward.call(contract.submitEntry, { params: { code: code.replace('/', '-') } })
  assert.equal(reply.status, 422)
  assert.deepEqual(codesOf(reply.problem.errors), [
    '/abstract catalog-field-missing',
    '/acquisition origin-required',
    '/formatClass catalog-field-missing',
    '/grade grade-required',
    '/items catalog-field-missing',
    '/openClass catalog-field-missing',
    '/secrecy/declared state-secret-barred',
    '/shareClass share-type-required',
    '/shareModeType catalog-field-missing',
    '/title catalog-field-missing',
    '/updateCycle update-frequency-required',
  ])
  for (const fault of reply.problem.errors!) assert.ok(fault.cite?.article, fault.pointer)
})

test('[fuzhou-manage-16-5a] conditional sharing in 福州 needs a basis, of a kind that counts', async t => {
  const { steward, begin } = await aPlace(t)
  const none = await begin({ shareBasis: undefined })
  const reply = await steward.call(contract.submitEntry, { params: { code: none.path } })
  assert.deepEqual(codesOf(reply.problem.errors), ['/shareBasis basis-required'])
  assert.equal(reply.problem.reason, 'basis-required')
  assert.equal(reply.problem.cite?.article, '第十六条第五款')
  const other = await begin({ shareBasis: { kind: 'other', instrument: '本单位会议纪要', article: '第一条' } })
  const checked = await steward.ok(contract.checkDraft, { params: { code: other.path } })
  assert.deepEqual(codesOf(checked.faults), ['/shareBasis basis-kind-invalid'])
})

test('晋江 asks a basis only for data that are not shared, and does not take local regulations', async t => {
  const { steward, begin } = await aPlace(t, '350582')
  const conditional = await begin({ shareBasis: undefined })
  assert.equal((await steward.ok(contract.checkDraft, { params: { code: conditional.path } })).ready, true)
  const denied = await begin({ shareClass: 'denied', shareBasis: { ...law, kind: 'local-regulation' } })
  const checked = await steward.ok(contract.checkDraft, { params: { code: denied.path } })
  assert.deepEqual(codesOf(checked.faults), ['/shareBasis basis-kind-invalid'])
})

test('items: names once, types and lengths, identifiers of 18 characters', async t => {
  const { steward, begin } = await aPlace(t)
  const entry = await begin({
    items: [
      { key: 'c1', name: '公民身份号码', type: 'C', length: 15, semantic: 'id-number' },
      { key: 'c2', name: '姓名' },
      { key: 'c3', name: '姓名', type: 'C' },
      { key: 'c4', name: '', type: 'D' },
    ],
  })
  const { faults } = await steward.ok(contract.checkDraft, { params: { code: entry.path } })
  assert.deepEqual(codesOf(faults), [
    '/items/0/length standard-violation',
    '/items/1/type catalog-field-missing',
    '/items/2/length catalog-field-missing',
    '/items/2/name field-duplicate',
    '/items/3/name catalog-field-missing',
  ])
})

test('published by the authority only; a change is a new reviewed version and the old one stays in force until then', async t => {
  const { world, authority, steward, begin, publish } = await aPlace(t)
  // One in the morning, when it is still the day before elsewhere.
  world.later(-9 * 60)
  const entry = await begin()
  assert.match(entry.code, /^307013350100\d{3}\/000001$/)
  const { caseNo } = await steward.ok(contract.submitEntry, { params: { code: entry.path } })
  const own = await steward.call(procedure.act, { params: { no: caseNo, action: 'publish' }, body: { version: 1, form: {} } })
  assert.equal(own.problem.reason, 'not-competent')
  await act(authority, caseNo, 'publish')

  const changed = content({ updateCycle: 'weekly' })
  await steward.ok(contract.saveDraft, { params: { code: entry.path }, body: { content: changed } })
  const between = await authority.ok(contract.entryByCode, { params: { code: entry.path } })
  assert.deepEqual([between.publishedVersion, between.published, between.content.updateCycle], [1, '2026-05-21', 'monthly'])
  await publish(entry.path)
  const after = await authority.ok(contract.entryByCode, { params: { code: entry.path } })
  assert.deepEqual([after.publishedVersion, after.content.updateCycle], [2, 'weekly'])
  const { rows } = await authority.ok(contract.compare, { params: { code: entry.path }, query: { a: 1, b: 2 } })
  assert.deepEqual(
    rows.filter(r => r.kind !== 'same').map(r => [r.a, r.b]),
    [['每月', '每周']],
  )
})

test('sent back, corrected, sent again: the clock stands still meanwhile and the draft can be written', async t => {
  const { authority, steward, begin } = await aPlace(t)
  const entry = await begin()
  const { caseNo } = await steward.ok(contract.submitEntry, { params: { code: entry.path } })
  const locked = await steward.call(contract.saveDraft, { params: { code: entry.path }, body: { content: content() } })
  assert.equal(locked.problem.code, 'catalog.in_review')
  await act(authority, caseNo, 'return', { corrections: [{ field: 'abstract', message: '写明统计范围。' }] })
  await steward.ok(contract.saveDraft, {
    params: { code: entry.path },
    body: { content: content({ abstract: '在册的城乡最低生活保障对象，范围是全市各县区。' }) },
  })
  await act(steward, caseNo, 'resubmit')
  await act(authority, caseNo, 'publish')
  const seen = await authority.ok(contract.entryByCode, { params: { code: entry.path } })
  assert.match(seen.content.abstract, /全市各县区/)
})

test('two windows: the second save is told instead of overwriting the first', async t => {
  const { steward, begin } = await aPlace(t)
  const entry = await begin()
  const save = (title: string, etag: string) =>
    steward.call(contract.saveDraft, { params: { code: entry.path }, body: { etag, content: content({ title }) } })
  assert.equal((await save('第一个窗口', entry.etag)).status, 200)
  const second = await save('第二个窗口', entry.etag)
  assert.equal(second.status, 412)
  assert.equal(second.problem.code, 'catalog.draft_changed')
})

test('a draft is its department’s own affair; an entry is only changed by the department that holds it', async t => {
  const { world, begin, publish } = await aPlace(t)
  const entry = await begin()
  await world.department({ region: '350125', name: '县医保局' })
  const other = await world.person({ department: '县医保局', roles: ['steward'] })
  assert.equal((await other.call(contract.entryByCode, { params: { code: entry.path } })).status, 404)
  await publish(entry.path)
  assert.equal((await other.ok(contract.entryByCode, { params: { code: entry.path } })).may.includes('apply'), true)
  const foreign = await other.call(contract.saveDraft, { params: { code: entry.path }, body: { content: content() } })
  assert.equal(foreign.problem.reason, 'not-owner')
})

test('Chinese search finds by words of the name and by item names, in any order', async t => {
  const { authority, begin, publish } = await aPlace(t)
  const entry = await begin()
  await publish(entry.path)
  const hostile = await begin({
    title: `'; drop table catalog.entry; -- <img src=x onerror=alert(1)>`,
    abstract: '名称里写了 SQL 和 HTML 的条目，照原样保存和显示。',
  })
  await publish(hostile.path)
  const find = async (q: string) => (await authority.ok(contract.searchEntries, { query: { q } })).rows.map(r => r.code)
  assert.deepEqual(await find('低保'), [entry.code])
  assert.deepEqual(await find('对象 城乡'), [entry.code])
  assert.ok((await find('身份号码')).includes(entry.code))
  assert.deepEqual(await find('drop table'), [hostile.code])
  assert.equal((await authority.call(contract.searchEntries, { query: { q: `';--` } })).status, 200)
  const seen = await authority.ok(contract.entryByCode, { params: { code: hostile.path } })
  assert.match(seen.content.title, /^'; drop table/)
})

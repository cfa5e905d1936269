import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import * as catalog from '../../../contract/catalog.ts'
import * as contract from '../../../contract/opening.ts'
import * as organization from '../../../contract/organization.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as sharing from '../../../contract/sharing.ts'
import { act, anEntry, aPlace, aPlainEntry, approve, fill, inPlace, lawBasis, type Place, said } from '../../../test/support/country.ts'
import { aFilledEntry } from '../../../test/support/entry.ts'

const rows = [
  ['J1', '仓山养老院', '120'],
  ['J2', '鼓楼养老院', '80'],
]
const records = {
  risk: { risks: '没有个人信息', measures: '逐项核对', conclusion: 'acceptable' },
  preprocessing: [{ step: '清洗', operator: '提供专员', on: '2026-05-20' }],
  desensitization: { method: '姓名只保留姓氏', reviewer: '黄审查', result: '不能识别个人' },
}
const proposal = (content: { items: { key: string; semantic?: string }[] }, more: object = {}) => ({
  items: content.items.map(i => ({ key: i.key, treatment: i.semantic ? 'masked' : 'plain' })),
  theme: '民生服务',
  description: '经备案的养老机构，每月更新一次。',
  exclusions: true,
  useRequirements: '可以自由使用，须注明来源和获取日期。',
  records,
  ...more,
})

/** A place with a registered, filled entry ready to be proposed, and the second person who reviews. */
async function ready(t: Parameters<typeof aPlace>[0], place: Place, content: object = {}, day?: string) {
  const p = await aPlace(t, place, day ? { day } : {})
  const entry = await p.register(aPlainEntry(content))
  await fill(p.world, entry, rows)
  const second = await p.world.person({ department: '提供局', roles: ['secrecy'], name: '黄审查' })
  const propose = (more: object = {}) => p.provider.call(contract.propose, { params: entry, body: proposal(entry.content, more) })
  const anyone = p.world.anonymous
  return {
    ...p,
    entry,
    second,
    propose,
    anyone,
    get: () => p.world.app.inject({ method: 'GET', url: `/api/open/datasets/${entry.code}/download?format=csv` }),
    /** A new version of the catalog entry, through the catalog's own review. */
    async change(content: object) {
      const params = { code: entry.code }
      const body = { content: catalog.EntryContent.parse(inPlace(p.region, { ...entry.content, ...content })) }
      await p.provider.ok(catalog.saveDraft, { params, body })
      const { caseNo } = await p.provider.ok(catalog.submitEntry, { params })
      await approve(p.authority, p.provider, caseNo)
    },
    /** Seven attributes, as the page and the description of the interface tell them. */
    async attributes() {
      const d = await anyone.ok(contract.dataset, { params: entry })
      const api = (await anyone.ok(contract.openApiOf, { params: entry })) as { info: { 'x-open-list': Record<string, unknown> } }
      const page = {
        数据领域: d.theme,
        数据摘要: d.abstract,
        数据项: d.items.map(i => i.name),
        数据格式: d.format,
        开放类型: d.openLabel,
        开放条件: d.conditions,
        更新频度: d.updateCycle,
      }
      assert.deepEqual(api.info['x-open-list'], page)
      return Object.values(page)
    },
    /** Through the review of the place, as far as the place takes it. */
    async review(more: object = {}) {
      const reply = await propose(more)
      assert.equal(reply.status, 200, JSON.stringify(reply.problem))
      const { caseNo } = reply.body
      await act(second, caseNo, 'clear', { secrecyResult: 'clear' })
      return caseNo
    },
  }
}

test('[fuzhou-open-30-2] [fuzhou-open-24-1] [fuzhou-open-12-1] risk assessment, preprocessing and use requirements stand before release', async t => {
  const e = await ready(t, 'fuzhou')
  const lacking: [object, string, string][] = [
    [{ records: { ...records, risk: undefined } }, 'risk-assessment-required', '第三十条第二款'],
    [{ records: { ...records, preprocessing: [] } }, 'preprocessing-missing', '第二十四条'],
    [{ useRequirements: '' }, 'use-requirements-missing', '第十二条第一款'],
  ]
  for (const [more, reason, article] of lacking) {
    const reply = await e.propose(more)
    assert.deepEqual(said(reply), [reason, article])
    if (reason === 'use-requirements-missing') assert.match(reply.problem.detail, /平台约定/)
  }
  assert.equal((await e.get()).statusCode, 404)
  const no = await e.review()
  await act(e.authority, no, 'open')
  assert.equal((await e.get()).statusCode, 200)
  const dataset = await e.anyone.ok(contract.dataset, { params: e.entry })
  assert.deepEqual([dataset.useRequirements, dataset.readBy.steps], ['可以自由使用，须注明来源和获取日期。', ['清洗']])
})

for (const [title, place, article] of [
  ['[fuzhou-manage-20-2] personal data leave only desensitised, with a record of it', 'fuzhou', '第二十条第二款'],
  [
    '[shuangpai-28-2] treated data that meet the conditions are due to be opened; untreated ones are refused',
    'shuangpai',
    '第二十八条第二款',
  ],
] as const)
  test(title, async t => {
    const p = await aPlace(t, place)
    const content = anEntry({ grade: 1 })
    const entry = await p.register(content)
    await fill(p.world, entry, [['350125190001010028', '张三丰', '城市低保']])
    const plain = {
      ...proposal(content),
      items: content.items.map(i => ({ key: i.key, treatment: 'plain' })),
    }
    assert.deepEqual(said(await p.provider.call(contract.propose, { params: entry, body: plain })), ['desensitization-required', article])
    const body = proposal(content)
    const unrecorded = { ...body, records: { ...records, desensitization: undefined } }
    assert.deepEqual(said(await p.provider.call(contract.propose, { params: entry, body: unrecorded })), [
      'desensitization-required',
      article,
    ])
    await p.provider.ok(contract.propose, { params: entry, body })
    // Kept closed for privacy until a treated version is there: then it is due to be opened.
    const closed = await p.register(anEntry({ title: '救助家庭信息', openClass: 'closed', openBasis: lawBasis, grade: 4 }))
    const stateOf = async () => (await p.provider.ok(contract.coverage, {})).rows.find(r => r.title === '救助家庭信息')
    assert.equal((await stateOf())?.state, 'excluded')
    await p.provider.ok(contract.unlock, {
      params: closed,
      body: { how: 'desensitised', method: '按乡镇汇总成表', reviewer: '黄审查', result: '不能识别个人' },
    })
    const due = await stateOf()
    assert.deepEqual([due?.state, due?.cite?.article], ['due', place === 'shuangpai' ? article : '第五条第二款'])
  })

test('[fuzhou-open-2-2] only organs, institutions and social groups provide open data', async t => {
  const e = await ready(t, 'fuzhou')
  await e.world.department({ region: e.region, name: '某科技公司', kind: 'company' })
  const steward = await e.world.person({ department: '某科技公司', roles: ['steward'] })
  const entry = await aFilledEntry(e.world.app.services.pool, {
    department: steward.departmentId,
    region: e.region,
    code: '307913350100777/000001',
    content: aPlainEntry({ title: '公司的名录' }),
    rows,
  })
  const refused = await steward.call(contract.propose, { params: { code: entry.path }, body: proposal(e.entry.content) })
  assert.deepEqual(said(refused), ['not-a-data-provider', '第二条第二款'])
  assert.equal((await e.propose()).status, 200, 'an organ’s own proposal is taken')
})

test('[fuzhou-open-2-3] a scanned PDF alone is not opened', async t => {
  const e = await ready(t, 'fuzhou', { formatClass: 1, formatType: 'PDF' })
  assert.deepEqual(said(await e.propose()), ['not-machine-readable', '第二条第三款'])
})

test('[shuangpai-3-6] data for one department only are shared, not opened', async t => {
  const e = await ready(t, 'shuangpai')
  const refused = await e.propose({ audience: ['departments'] })
  assert.deepEqual(said(refused), ['audience-invalid', '第三条第六项'])
  assert.match(refused.problem.remedy ?? '', /共享/)
})

test('[henan-21-1a] [henan-21-1b] [henan-21-2] [henan-21-3] 河南: registered, own, complete and reviewed, then published by the department', async t => {
  const e = await ready(t, 'henan', {})
  const draft = await e.provider.ok(catalog.createEntry, { body: { content: inPlace(e.region, aPlainEntry({ title: '还没登记的名录' })) } })
  const code = draft.code.replace('/', '-')
  assert.deepEqual(said(await e.provider.call(contract.propose, { params: { code }, body: proposal(e.entry.content) })), [
    'entry-not-registered',
    '第二十一条第一款',
  ])
  assert.deepEqual(said(await e.provider.call(contract.publishList, { body: { class: 'open', entries: [code] } })), [
    'entry-not-registered',
    '第二十一条第一款',
  ])
  const { caseNo } = await e.provider.ok(catalog.submitEntry, { params: { code } })
  await approve(e.authority, e.provider, caseNo)
  await fill(e.world, { id: draft.id, content: e.entry.content }, rows)
  await e.provider.ok(contract.propose, { params: { code }, body: proposal(e.entry.content) })
  const shared = await e.register(aPlainEntry({ title: '共享得来的名录', sharedFrom: 'SQ-2026-0001' }))
  await fill(e.world, shared, rows)
  assert.deepEqual(said(await e.provider.call(contract.propose, { params: shared, body: proposal(shared.content) })), [
    'shared-data-not-openable',
    '第二十一条第一款',
  ])
  // Really obtained by sharing: a grant for another department's data, and an entry made from them.
  const source = await e.register(
    aPlainEntry({
      title: '公办托育机构床位',
      shareClass: 'unconditional',
      items: [
        { key: 'c1', name: '托育编号', type: 'C', length: 20, identifier: true, required: true },
        { key: 'c2', name: '托位数', type: 'C', length: 10 },
      ],
    }),
    e.consumer,
  )
  await fill(e.world, source, [['T1', '60']])
  const derived = await e.register(aPlainEntry({ title: '托育机构托位汇总', relatedCodes: [source.code.replace('-', '/')] }))
  await fill(e.world, derived, rows)
  const system = await e.provider.ok(organization.createSystem, { body: { name: '养老系统' } })
  await e.provider.ok(sharing.access, {
    body: {
      entryId: source.id,
      system: system.id,
      purpose: '核对托育机构的托位数',
      duty: '养老服务的管理职责',
      dataName: '公办托育机构床位',
      items: [{ key: 'c1', treatment: 'plain' }],
    },
  })
  assert.deepEqual(said(await e.provider.call(contract.propose, { params: derived, body: proposal(derived.content) })), [
    'shared-data-not-openable',
    '第二十一条第一款',
  ])
  assert.deepEqual(said(await e.provider.call(contract.publishList, { body: { class: 'open', entries: [derived.code] } })), [
    'shared-data-not-openable',
    '第二十一条第一款',
  ])
  const { openClass: _, formatClass: __, ...noFormat } = aPlainEntry({ title: '没有格式的名录' }) as Record<string, unknown>
  const legacy = await aFilledEntry(e.world.app.services.pool, {
    department: e.provider.departmentId,
    region: e.region,
    code: '307413410000777/000001',
    content: { ...noFormat, openClass: 'open' },
    rows,
  })
  const incomplete = await e.provider.call(contract.propose, { params: { code: legacy.path }, body: proposal(e.entry.content) })
  assert.deepEqual(said(incomplete), ['catalog-field-missing', '第二十一条第二款'])
  assert.match(incomplete.problem.detail, /数据格式/)

  assert.deepEqual(said(await e.provider.call(contract.publish, { params: e.entry })), ['list-review-required', '第二十一条第三款'])
  const no = await e.review()
  assert.deepEqual(said(await e.provider.call(contract.publish, { params: e.entry })), ['list-review-required', '第二十一条第三款'])
  await act(e.authority, no, 'pass')
  assert.equal((await e.get()).statusCode, 404, 'reviewed is not yet published')
  await e.provider.ok(contract.publish, { params: e.entry })
  assert.equal((await e.get()).statusCode, 200)
  const publishList = () => e.provider.call(contract.publishList, { body: { class: 'open', entries: [e.entry.code] } })
  assert.equal((await publishList()).body.version, 1)
  const attributes = [
    '民生服务',
    '经备案的养老机构名称、床位数和地址，每月更新。',
    ['机构编号', '机构名称', '床位数'],
    '数据库 xlsx',
    '无条件开放',
    '无条件',
    '每月',
  ]
  assert.deepEqual(await e.attributes(), attributes)

  // An update: unreviewed, neither the list nor the page takes it.
  await e.change({ abstract: '经备案的养老机构名称、床位数、地址和等级，每月更新。', formatType: 'csv' })
  const update = await publishList()
  assert.deepEqual(said(update), ['list-review-required', '第二十一条第三款'])
  assert.match(update.problem.detail, /数据摘要、数据格式/)
  assert.deepEqual((await e.provider.ok(contract.gate, { params: e.entry })).changed, ['数据摘要', '数据格式'])
  const again = (await e.propose()).body.caseNo
  assert.deepEqual(said(await publishList()), ['list-review-required', '第二十一条第三款'])
  assert.deepEqual(said(await e.provider.call(contract.publish, { params: e.entry })), ['list-review-required', '第二十一条第三款'])
  assert.deepEqual(await e.attributes(), attributes, 'the public reads what was reviewed')
  assert.equal((await e.anyone.ok(contract.lists, { query: { region: e.region } }))[0]?.version, 1)
  await act(e.second, again, 'clear', { secrecyResult: 'clear' })
  await act(e.authority, again, 'pass')
  await e.provider.ok(contract.publish, { params: e.entry })
  assert.equal((await publishList()).body.version, 2)
  assert.deepEqual((await e.attributes()).slice(1, 4), [
    '经备案的养老机构名称、床位数、地址和等级，每月更新。',
    ['机构编号', '机构名称', '床位数'],
    '数据库 csv',
  ])
})

test('[henan-21-3] a list that names an entry whose review is not finished is refused, and the public list does not name it', async t => {
  const e = await ready(t, 'henan')
  const publishList = () => e.provider.call(contract.publishList, { body: { class: 'open', entries: [e.entry.code] } })
  assert.deepEqual(said(await publishList()), ['list-review-required', '第二十一条第三款'])
  const { caseNo } = (await e.propose()).body
  assert.deepEqual(said(await publishList()), ['list-review-required', '第二十一条第三款'], 'proposed only')
  await act(e.second, caseNo, 'clear', { secrecyResult: 'clear' })
  assert.deepEqual(said(await publishList()), ['list-review-required', '第二十一条第三款'], 'half reviewed')
  assert.deepEqual(await e.anyone.ok(contract.lists, { query: { region: e.region } }), [])
  await act(e.authority, caseNo, 'pass')
  assert.equal((await publishList()).status, 200)
  const [list] = await e.anyone.ok(contract.lists, { query: { region: e.region } })
  assert.deepEqual(
    list?.entries.map(x => x.title),
    ['养老机构名录'],
  )
})

test('[fuzhou-manage-20-1] [fuzhou-manage-21-1] [fuzhou-open-11-3] 福州: the commission publishes, after a review; before that the public gets nothing', async t => {
  const e = await ready(t, 'fuzhou')
  const nothing = await e.anyone.call(contract.dataset, { params: e.entry })
  assert.deepEqual([nothing.status, ...said(nothing)], [404, 'not-in-open-catalog', '第二十一条'])
  assert.deepEqual(said(await e.authority.call(contract.publish, { params: e.entry })), ['list-review-required', '第十一条第三款'])
  const no = await e.review()
  assert.deepEqual(said(await e.authority.call(contract.publish, { params: e.entry })), ['list-review-required', '第十一条第三款'])
  await act(e.authority, no, 'pass')
  assert.deepEqual(said(await e.provider.call(contract.publish, { params: e.entry })), ['not-competent', '第二十条第一款'])
  assert.equal((await e.get()).statusCode, 404)
  await e.authority.ok(contract.publish, { params: e.entry })
  assert.equal((await e.get()).statusCode, 200)

  // An update after publication passes the same review.
  const words = async () => {
    const d = await e.anyone.ok(contract.dataset, { params: e.entry })
    return [d.abstract, d.description, d.version]
  }
  const before = await words()
  const abstract = '经备案的养老机构名称、床位数、地址和等级，每月更新。'
  await e.change({ abstract })
  assert.deepEqual(await words(), before)
  assert.deepEqual(said(await e.authority.call(contract.publish, { params: e.entry })), ['list-review-required', '第十一条第三款'])
  const update = await e.review({ description: '增加了等级，由民政部门评定。' })
  assert.deepEqual(said(await e.authority.call(contract.publish, { params: e.entry })), ['list-review-required', '第十一条第三款'])
  assert.deepEqual(await words(), before)
  await act(e.authority, update, 'pass')
  await e.authority.ok(contract.publish, { params: e.entry })
  assert.deepEqual(await words(), [abstract, '增加了等级，由民政部门评定。', 2])
})

test('[fuzhou-open-11-2] [fuzhou-open-25-1] an open entry states its seven attributes, its cycle above all; late data are marked to provider and public', async t => {
  const e = await ready(t, 'fuzhou', { updateCycle: 'monthly' })
  const made = await e.provider.ok(catalog.createEntry, {
    body: { content: inPlace(e.region, aPlainEntry({ title: '没有周期的名录', updateCycle: undefined })) },
  })
  const refused = await e.provider.call(catalog.submitEntry, { params: { code: made.code.replace('/', '-') } })
  assert.equal(refused.problem.reason, 'update-frequency-required')
  const { updateCycle: _, ...noCycle } = aPlainEntry({ title: '早年没有周期的名录' }) as Record<string, unknown>
  const legacy = await aFilledEntry(e.world.app.services.pool, {
    department: e.provider.departmentId,
    region: e.region,
    code: '307413350100777/000001',
    content: noCycle,
    rows,
  })
  const incomplete = await e.provider.call(contract.propose, { params: { code: legacy.path }, body: proposal(e.entry.content) })
  assert.deepEqual(said(incomplete), ['catalog-field-missing', '第十一条第二款'])
  assert.match(incomplete.problem.detail, /更新频度/)

  await act(e.authority, await e.review(), 'open')
  const fresh = await e.anyone.ok(contract.dataset, { params: e.entry })
  assert.deepEqual([fresh.fresh, fresh.late], [true, null])
  assert.deepEqual(await e.attributes(), [
    '民生服务',
    '经备案的养老机构名称、床位数和地址，每月更新。',
    ['机构编号', '机构名称', '床位数'],
    '数据库 xlsx',
    '普遍开放',
    '无条件',
    '每月',
  ])
  await e.world.app.services.pool.query("update aggregation.mount set updated = timestamptz '2026-05-21 10:00+08' - interval '40 days'")
  const late = await e.anyone.ok(contract.dataset, { params: e.entry })
  assert.equal(late.fresh, false)
  assert.match(late.late ?? '', /超过更新周期/)
  const row = (await e.provider.ok(contract.coverage, {})).rows.find(r => r.title === '养老机构名录')
  assert.deepEqual([row?.late, row?.faults.map(f => f.code)], [true, ['update-overdue']])
  await e.world.job('opening.review')
  const { rows: tasks } = await e.provider.ok(procedure.todo, { query: { who: 'department' } })
  assert.ok(tasks.some(d => d.what === '更新开放的数据'))
})

test('[fuzhou-open-23-1] a data set shows its score on five dimensions; late data lower 时效性, what nobody measured has no score', async t => {
  const e = await ready(t, 'fuzhou')
  await act(e.authority, await e.review(), 'open')
  const quality = async () => (await e.anyone.ok(contract.dataset, { params: e.entry })).quality
  const before = await quality()
  assert.deepEqual(
    before.dimensions.map(d => d.label),
    ['真实性', '完整性', '准确性', '时效性', '可用性'],
  )
  const of = (q: typeof before, label: string) => q.dimensions.find(d => d.label === label)!
  assert.deepEqual([of(before, '真实性').score, before.measured < before.of], [null, true])
  assert.match(of(before, '真实性').why, /未测量/)
  assert.equal(of(before, '时效性').score, 100)
  await e.world.app.services.pool.query("update aggregation.mount set updated = timestamptz '2026-05-21 10:00+08' - interval '70 days'")
  const after = await quality()
  assert.ok(of(after, '时效性').score! < 100 && after.score! < before.score!)
  assert.match(of(after, '时效性').why, /超过更新周期/)
})

test('[shuangpai-30-1] [shuangpai-28-1] 双牌: two lists of the department; only what stands in a published list is released', async t => {
  const e = await ready(t, 'shuangpai')
  const unreviewed = await e.provider.call(contract.publish, { params: e.entry })
  assert.deepEqual(said(unreviewed), ['secrecy-review-required', '第二十八条第一款'])
  assert.match(unreviewed.problem.detail, /平台约定/)
  await e.review()
  assert.deepEqual(said(await e.provider.call(contract.publish, { params: e.entry })), ['not-in-open-catalog', '第三十条'])
  assert.equal((await e.get()).statusCode, 404)
  const wrong = await e.provider.call(contract.publishList, { body: { class: 'conditional', entries: [e.entry.code] } })
  assert.equal(wrong.problem.reason, 'open-type-invalid')
  const list = await e.provider.ok(contract.publishList, { body: { class: 'open', entries: [e.entry.code] } })
  assert.deepEqual([list.label, list.version, list.entries.map(x => x.title)], ['无条件开放清单', 1, ['养老机构名录']])
  assert.equal((await e.get()).statusCode, 200)
  const [shown] = await e.anyone.ok(contract.lists, { query: { region: e.region } })
  assert.equal(shown?.label, '无条件开放清单')
  // A version without the entry takes it down.
  await e.provider.ok(contract.publishList, { body: { class: 'open', entries: [] } })
  assert.equal((await e.get()).statusCode, 410)
})

for (const [title, place] of [
  ['[fuzhou-manage-22-2a] [fuzhou-open-7-1] in 福州 generally open data are there for anyone, without sign-in or application', 'fuzhou'],
  ['[shuangpai-29-1] [shuangpai-31-1] in 双牌 the unconditional list is there for anyone, without sign-in or application', 'shuangpai'],
] as const)
  test(title, async t => {
    const e = await ready(t, place)
    const no = await e.review()
    if (place === 'fuzhou') await act(e.authority, no, 'open')
    else await e.provider.ok(contract.publishList, { body: { class: 'open', entries: [e.entry.code] } })
    const found = await e.anyone.ok(contract.searchOpen, { query: { q: '养老' } })
    assert.equal(found.total, 1)
    assert.equal((await e.anyone.ok(contract.preview, { params: e.entry })).rows.length, 2)
    const file = await e.get()
    assert.deepEqual([file.statusCode, file.body.includes('仓山养老院')], [200, true])
    assert.equal((await e.anyone.call(contract.openData, { params: e.entry, query: { limit: 1 } })).status, 200)
    const dataset = await e.anyone.ok(contract.dataset, { params: e.entry })
    assert.ok(dataset.attribution.includes('提供局') && dataset.useRequirements && dataset.files.length === 3)
    const asked = await e.anyone.call(procedure.publicStart, {
      body: {
        procedure: 'open-application',
        about: e.entry.code,
        form: {
          applicantKind: 'citizen',
          applicantName: '王女士',
          contact: '13800000000',
          purpose: '研究养老设施布局',
          scenario: '毕业论文',
          security: '只存在本人电脑',
          useKind: 'research',
          useField: 'service',
        },
      },
    })
    assert.equal(asked.status, 409, 'no application is demanded, none is taken')
  })

test('[fuzhou-open-11-1] [fuzhou-open-9-1] an annual plan names the conditions of every item and is published with its progress', async t => {
  const e = await ready(t, 'fuzhou')
  const item = { title: '养老机构名录', code: '', department: '提供局', conditions: '', target: '2026-09-30' }
  const refused = await e.authority.call(contract.publishPlan, { body: { year: 2026, items: [item] } })
  assert.deepEqual(said(refused), ['conditions-required', '第十一条第一款'])
  const priority = { ...item, conditions: '无条件', priority: true }
  assert.deepEqual(said(await e.authority.call(contract.publishPlan, { body: { year: 2026, items: [priority] } })), [
    'criterion-required',
    '第九条',
  ])
  assert.deepEqual(await e.anyone.ok(contract.plans, {}), [])
  await e.authority.ok(contract.publishPlan, { body: { year: 2026, focus: '民生', items: [{ ...priority, criterion: 'livelihood' }] } })
  const [plan] = await e.anyone.ok(contract.plans, { query: { region: e.region } })
  assert.deepEqual([plan?.year, plan?.items[0]?.conditions, plan?.items[0]?.done, plan?.items[0]?.priority], [2026, '无条件', false, true])
  assert.equal((await e.provider.call(contract.publishPlan, { body: { year: 2026, items: [{ ...item, conditions: '无' }] } })).status, 403)
})

test('[fuzhou-open-3-3a] the status page shows availability and versions; an outage is never shown as available', async t => {
  const { world } = await aPlace(t, 'fuzhou', { day: '2026-05-21' })
  const status = () => world.anonymous.ok(contract.status, {})
  assert.equal((await status()).state, 'unknown', 'not measured is not available')
  await world.job('opening.probe')
  const up = await status()
  assert.deepEqual([up.state, up.parts.every(p => p.ok), up.versions.length], ['up', true, 1])
  // Nobody looked for a day: that was an outage, and without a new look it still is.
  world.at('2026-05-22')
  const down = await status()
  assert.deepEqual([down.state, down.parts.some(p => p.ok), down.outages[0]?.to], ['degraded', false, null])
  await world.job('opening.probe')
  const back = await status()
  assert.equal(back.state, 'up')
  assert.equal(back.outages[0]?.minutes, 24 * 60)
  assert.ok(back.days.at(-1)!.availability! < 1 && back.days.at(-2)!.availability! < 1)

  // A look that fails a minute after a good one is an outage from then on, not after the tolerance.
  const owner = new pg.Client({ connectionString: world.url })
  await owner.connect()
  await owner.query('alter view audit.entry_view rename to entry_view_away')
  assert.equal((await status()).state, 'degraded', 'what fails now is told now')
  world.later(1)
  await world.job('opening.probe')
  const failed = await status()
  assert.deepEqual([failed.state, failed.parts.map(p => p.ok), failed.outages.at(-1)?.to], ['degraded', [true, true, false], null])
  await owner.query('alter view audit.entry_view_away rename to entry_view')
  await owner.end()
  assert.equal((await status()).state, 'degraded', 'one that works again is believed with the next look')
  world.later(1)
  await world.job('opening.probe')
  const healed = await status()
  assert.deepEqual([healed.state, healed.outages.length, healed.outages.at(-1)?.minutes], ['up', 2, 1])
})

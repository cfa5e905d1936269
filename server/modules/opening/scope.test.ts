import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as catalog from '../../../contract/catalog.ts'
import * as contract from '../../../contract/opening.ts'
import { todo } from '../../../contract/procedure.ts'
import * as regulation from '../../../contract/regulation.ts'
import * as sharing from '../../../contract/sharing.ts'
import { anEntry, aPlace, aPlainEntry, approve, connect, fill, inPlace, lawBasis, type Place, said } from '../../../test/support/country.ts'
import { aFilledEntry } from '../../../test/support/entry.ts'
import { systemContext } from '../../platform/context.ts'
import { publishListing } from './public.ts'

/** Submits a draft and says what came of it; then submits the completed draft, which must be taken. */
async function submitting(t: Parameters<typeof aPlace>[0], place: Place) {
  const p = await aPlace(t, place)
  const draft = async (content: object) => {
    const made = await p.provider.ok(catalog.createEntry, { body: { content: inPlace(p.region, content) } })
    return made.code.replace('/', '-')
  }
  const submit = (code: string) => p.provider.call(catalog.submitEntry, { params: { code } })
  return {
    ...p,
    draft,
    submit,
    /** Refused as written, with the first reason and its article; accepted once changed. */
    async refusedThenTaken(wrong: object, right: object) {
      const code = await draft(wrong)
      const refused = await submit(code)
      assert.equal(refused.status, 422, JSON.stringify(refused.body))
      await p.provider.ok(catalog.saveDraft, { params: { code }, body: { content: catalog.EntryContent.parse(inPlace(p.region, right)) } })
      const taken = await submit(code)
      assert.equal(taken.status, 200, JSON.stringify(taken.problem))
      return refused
    },
  }
}
const fault = (
  reply: { problem: { errors?: { code: string; pointer: string; cite?: { article: string; title: string } }[] } },
  code: string,
) => {
  const found = reply.problem.errors?.find(e => e.code === code)
  assert.ok(found, `${code} in ${JSON.stringify(reply.problem.errors)}`)
  return found
}

for (const [title, place, foreign, own, article] of [
  [
    '[henan-20-1] an open type of another place is not valid in 河南',
    'henan',
    '授权开放',
    ['无条件开放', '有条件开放', '不予开放'],
    '第二十条第一款',
  ],
  [
    '[fuzhou-manage-22-1] an open type of another place is not valid in 福州',
    'fuzhou',
    '有条件开放',
    ['普遍开放', '授权开放'],
    '第二十二条第一款',
  ],
  [
    '[shuangpai-29-0] an open type of another place is not valid in 双牌',
    'shuangpai',
    '普遍开放',
    ['无条件开放', '有条件开放', '不予开放'],
    '第二十九条首段',
  ],
] as const)
  test(title, async t => {
    const p = await submitting(t, place)
    const full = (openWord: string) =>
      aPlainEntry({
        title: `名录 ${openWord}`,
        openClass: undefined,
        openWord,
        openConditions: '用于本行业',
        openBasis: lawBasis,
        openCriterion: 'timely',
      })
    const refused = await p.submit(await p.draft(full(foreign)))
    assert.deepEqual(said(refused), ['open-type-invalid', article])
    for (const word of own) {
      const taken = await p.submit(await p.draft(full(word)))
      assert.equal(taken.status, 200, `${word} ${JSON.stringify(taken.problem)}`)
    }
  })

test('[fuzhou-open-6-1] [fuzhou-open-6-2] [fuzhou-manage-23-1] first the grade, then a type with its criterion and conditions', async t => {
  const p = await submitting(t, 'fuzhou')
  const noGrade = await p.refusedThenTaken(aPlainEntry({ title: '甲名录', grade: undefined }), aPlainEntry({ title: '甲名录' }))
  assert.deepEqual(
    [fault(noGrade, 'grade-required').cite?.title, fault(noGrade, 'grade-required').cite?.article],
    ['福州开放', '第六条第一款'],
  )
  const given = { openClass: 'conditional', openConditions: '用于停车诱导', openCriterion: 'timely', grade: 3 }
  const noCriterion = await p.refusedThenTaken(
    aPlainEntry({ title: '乙名录', ...given, openCriterion: undefined }),
    aPlainEntry({ title: '乙名录', ...given }),
  )
  assert.deepEqual(said(noCriterion), ['criterion-required', '第六条第二款'])
  const noConditions = await p.refusedThenTaken(
    aPlainEntry({ title: '丙名录', ...given, openConditions: '' }),
    aPlainEntry({ title: '丙名录', ...given }),
  )
  assert.deepEqual(said(noConditions), ['conditions-required', '第二十三条第一款'])
  // The grade proposes a type; another choice is advised against, not refused.
  const { hints } = await p.provider.ok(catalog.checkDraft, { params: { code: await p.draft(aPlainEntry({ grade: 3 })) } })
  assert.ok(hints.some(h => h.code === 'open-type-deviates'))
})

test('[fuzhou-open-5-0] [fuzhou-open-5-2] [fuzhou-open-5-3] [fuzhou-open-5-4] [fuzhou-open-5-5] [fuzhou-open-5-6] what stays closed in 福州 names one of six grounds, each with its own evidence', async t => {
  const p = await submitting(t, 'fuzhou')
  const closed = (openExclusion?: object) => anEntry({ openClass: 'closed', grade: 4, openExclusion })
  await aFilledEntry(p.world.app.services.pool, {
    department: p.provider.departmentId,
    region: p.region,
    code: '307413350100777/000001',
    content: anEntry({ title: '早年登记的信息', openClass: 'closed', openExclusion: undefined }),
    rows: [['1', '张三', '低保']],
  })
  const [due] = (await p.provider.ok(contract.coverage, {})).rows
  assert.deepEqual([due!.title, due!.state, due!.cite?.article], ['早年登记的信息', 'due', '第五条首段'])
  const none = await p.refusedThenTaken(closed(), closed(evidence['third-party']))
  assert.deepEqual(said(none), ['exclusion-ground-required', '第五条首段'])
  const lacking: [string, string, string][] = [
    ['security', 'risk', '第五条第二项'],
    ['third-party', 'consent', '第五条第三项'],
    ['internal', 'kind', '第五条第四项'],
    ['agreement', 'until', '第五条第五项'],
    ['statute', 'article', '第五条第六项'],
  ]
  for (const [ground, without, article] of lacking) {
    const full = evidence[ground]!
    const part = { ground, evidence: { ...full.evidence, [without]: '' } }
    const title = `信息 ${ground}`
    const refused = await p.refusedThenTaken({ ...closed(part), title }, { ...closed(full), title })
    assert.deepEqual(said(refused), ['ground-evidence-missing', article], ground)
  }
  const business = { ground: 'internal', evidence: { kind: 'business', note: '业务数据' } }
  assert.equal(
    (await p.submit(await p.draft(closed(business)))).problem.reason,
    'ground-evidence-missing',
    'business data are no internal affair',
  )
})
const evidence: Record<string, { ground: string; evidence: Record<string, string> }> = {
  security: { ground: 'security', evidence: { kind: 'public', risk: '公开应急物资的存放点会被利用。' } },
  'third-party': {
    ground: 'third-party',
    evidence: { interest: '救助对象的隐私', treatment: '人数少，脱敏后仍可识别', consent: '没有征求' },
  },
  internal: { ground: 'internal', evidence: { kind: 'staff', note: '本单位考勤记录' } },
  agreement: { ground: 'agreement', evidence: { right: '遥感影像许可协议 2025-11', until: '2026-08-31' } },
  statute: { ground: 'statute', evidence: { article: '统计法第二十五条', channel: '统计部门公布的汇总资料' } },
}

test('[fuzhou-open-5-5] the end of the agreement triggers a re-evaluation, before the interval is over', async t => {
  const p = await aPlace(t, 'fuzhou', { day: '2026-05-21' })
  const entry = await p.register(anEntry({ openClass: 'closed', grade: 4, openExclusion: evidence.agreement }))
  let steward = p.provider
  const stateOf = async () => (await steward.ok(contract.coverage, {})).rows.find(r => r.code.replace('/', '-') === entry.code)!
  const tasks = async () => {
    await p.world.job('opening.review')
    return (await steward.ok(todo, { query: { who: 'department' } })).rows.filter(d => d.what === '再评估不开放的数据').length
  }
  assert.deepEqual(
    [(await stateOf()).state, (await steward.ok(contract.gate, { params: entry })).excluded?.next],
    ['excluded', '2026-09-01'],
  )
  p.world.at('2026-08-31')
  steward = await p.world.person({ department: '提供局', roles: ['steward'] })
  assert.deepEqual([(await stateOf()).state, await tasks()], ['excluded', 0], 'the last day of the agreement')
  p.world.at('2026-09-01')
  steward = await p.world.person({ department: '提供局', roles: ['steward'] })
  const due = await stateOf()
  assert.deepEqual([due.state, due.cite?.article, await tasks()], ['evaluate', '第五条第三款', 1])
  assert.equal(await tasks(), 1, 'once')
})

test('[fuzhou-manage-23-1] a changed law opens a review of the conditions of entries that name it; conditions stand version by version with their basis', async t => {
  const p = await aPlace(t, 'fuzhou')
  const content = aPlainEntry({
    openClass: 'conditional',
    openConditions: '用于养老服务研究',
    openCriterion: 'timely',
    grade: 3,
    openBasis: lawBasis,
  })
  const entry = await p.register(content)
  const versions = async () => (await p.authority.ok(contract.gate, { params: entry })).conditionVersions.map(v => [v.conditions, v.basis])
  const tasks = async (who: typeof p.provider) =>
    (await who.ok(todo, { query: { who: 'department' } })).rows.filter(d => d.what === '核对开放条件')
  const law = `《${lawBasis.instrument}》`
  assert.deepEqual(await versions(), [['用于养老服务研究', law + lawBasis.article]])
  const change = (instrument: string) =>
    p.authority.call(contract.recordLawChange, { body: { instrument, change: '第三十四条有修改', effective: '2026-05-20' } })
  assert.deepEqual((await change('中华人民共和国统计法')).body.entries, [], 'another law')
  assert.deepEqual(await tasks(p.authority), [])
  assert.deepEqual(
    (await change(law)).body.entries.map(e => e.title),
    ['养老机构名录'],
  )
  for (const who of [p.authority, p.provider]) {
    const [task, ...more] = await tasks(who)
    assert.deepEqual([task?.clock.word, task?.clock.cite.article, more.length], ['及时', '第二十三条第一款', 0])
    assert.match(task!.title, /引用《中华人民共和国个人信息保护法》/)
  }
  const conclude = (who: typeof p.provider, conclusion: 'keep' | 'adjusted') =>
    who.call(contract.reviewConditions, { params: entry, body: { conclusion, reason: '已按修改后的条款核对' } })
  assert.equal((await conclude(p.provider, 'keep')).status, 403)
  assert.deepEqual(said(await conclude(p.authority, 'adjusted')), ['conditions-required', '第二十三条第一款'], 'nothing was adjusted yet')
  p.world.later(1)
  const next = { ...content, openConditions: '用于养老服务研究；不识别个人' }
  await p.provider.ok(catalog.saveDraft, { params: entry, body: { content: catalog.EntryContent.parse(inPlace(p.region, next)) } })
  const { caseNo } = await p.provider.ok(catalog.submitEntry, { params: entry })
  await approve(p.authority, p.provider, caseNo)
  assert.equal((await conclude(p.authority, 'adjusted')).status, 200)
  assert.deepEqual(await versions(), [
    ['用于养老服务研究；不识别个人', law + lawBasis.article],
    ['用于养老服务研究', law + lawBasis.article],
  ])
  assert.deepEqual([await tasks(p.authority), await tasks(p.provider)], [[], []])
})

test('[fuzhou-manage-23-1] a regulation adopted in another version asks for the conditions that rest on it, once', async t => {
  const p = await aPlace(t, 'fuzhou')
  const text = readFileSync(new URL('../../../regulations/fuzhou-open-2019.yaml', import.meta.url), 'utf8')
  const instrument = /^title: (.+)$/m.exec(text)![1]!
  await p.register(
    aPlainEntry({
      openClass: 'conditional',
      openConditions: '用于养老服务研究',
      openCriterion: 'timely',
      grade: 3,
      openBasis: { kind: 'local-regulation', instrument, article: '第六条' },
    }),
  )
  const tasks = async () => {
    await p.world.job('opening.review')
    return (await p.authority.ok(todo, { query: { who: 'department' } })).rows.filter(d => d.what === '核对开放条件').length
  }
  assert.equal(await tasks(), 0)
  const { id } = await p.authority.ok(regulation.importRegulation, {
    body: { text: text.replace('open-report: { months: 6', 'open-report: { months: 3') },
  })
  await p.authority.ok(regulation.adoptImport, {
    params: { id },
    body: { region: p.region, from: '2026-05-21', document: '榕政办〔2026〕8号' },
  })
  assert.deepEqual([await tasks(), await tasks()], [1, 1])
})

test('[shuangpai-29-3] [shuangpai-29-p2] 双牌: no 不予开放 without one of three grounds, no restriction without a basis', async t => {
  const p = await submitting(t, 'shuangpai')
  const closed = { openClass: 'closed', openBasis: lawBasis }
  const noGround = await p.refusedThenTaken(anEntry({ ...closed, openExclusion: undefined }), anEntry(closed))
  assert.deepEqual(said(noGround), ['exclusion-ground-required', '第二十九条第三项'])
  const conditional = aPlainEntry({ openClass: 'conditional', openConditions: '限研究使用' })
  const noBasis = await p.refusedThenTaken(conditional, { ...conditional, openBasis: lawBasis })
  assert.deepEqual(said(noBasis), ['basis-required', '第二十九条第二款'])
  const shut = anEntry({ openClass: 'closed', title: '没有依据的信息' })
  const closedNoBasis = await p.refusedThenTaken(shut, { ...shut, openBasis: lawBasis })
  assert.deepEqual(said(closedNoBasis), ['basis-required', '第二十九条第二款'])
  // The ground stands in what the public reads about it.
  const published = await p.register(anEntry({ ...closed, title: '公开写明情形的信息' }))
  const row = (await p.world.anonymous.ok(contract.restricted, { query: { region: p.region } })).find(
    r => r.code.replace('/', '-') === published.code,
  )
  assert.deepEqual([row?.openLabel, row?.basis], ['不予开放', `《${lawBasis.instrument}》${lawBasis.article}`])
  assert.match(row?.ground ?? '', /个人隐私/)
})

test('[fuzhou-open-5-1] an entry found secret is blocked at once; the exclusion is recorded with the determination and only a note stays', async t => {
  const p = await aPlace(t, 'fuzhou')
  const draft = await p.provider.ok(catalog.createEntry, {
    body: {
      content: inPlace(
        p.region,
        anEntry({ openClass: 'closed', openExclusion: { ground: 'state-secret', evidence: { determination: '密字 1 号' } } }),
      ),
    },
  })
  const registering = await p.provider.call(catalog.submitEntry, { params: { code: draft.code.replace('/', '-') } })
  assert.equal(registering.problem.reason, 'state-secret-barred')

  const entry = await p.register(aPlainEntry({ title: '应急储备点位', shareClass: 'unconditional' }))
  await fill(p.world, entry, [['E1', '东仓库', '20']])
  const { services } = p.world.app
  await services.db.transaction().execute(tx =>
    publishListing(
      tx,
      systemContext(services),
      {
        entryId: entry.id,
        items: [{ key: 'c2', treatment: 'plain' }],
        theme: '安全',
        description: '储备点位',
        caseNo: null,
        approver: '市大数据委',
      },
      { code: entry.code, title: '应急储备点位', region: p.region },
    ),
  )
  const dataset = () => p.world.anonymous.call(contract.dataset, { params: entry })
  assert.equal((await dataset()).status, 200)
  const access = await p.consumer.ok(sharing.access, {
    body: {
      entryId: entry.id,
      system: p.system,
      purpose: '核对应急物资的储备点位',
      duty: '应急管理职责',
      dataName: '应急储备点位',
      items: [{ key: 'c2', treatment: 'plain' }],
    },
  })
  const read = await connect(p.world, p.consumer, access.id)
  assert.equal((await read(entry.code)).status, 200)
  const found = () => p.consumer.ok(catalog.searchEntries, { query: { q: '应急储备点位' } })
  assert.equal((await found()).total, 1)
  const without = await p.provider.call(contract.block, { params: entry, body: { ground: 'state-secret', evidence: {} } })
  assert.deepEqual(said(without), ['ground-evidence-missing', '第五条第一项'])
  assert.equal((await found()).total, 0, 'out of search at once')
  const gone = await dataset()
  assert.ok(gone.status === 404 && !gone.problem.detail.includes('应急储备'), 'out of opening at once')
  assert.equal((await read(entry.code)).status, 403, 'out of sharing at once')
  assert.equal((await p.consumer.call(catalog.entryByCode, { params: entry })).status, 410)
  const done = await p.provider.ok(contract.block, {
    params: entry,
    body: { ground: 'state-secret', evidence: { determination: '榕密定〔2026〕3号' } },
  })
  assert.equal(done.state, 'recorded')
  const note = await p.provider.call(catalog.entryByCode, { params: entry })
  assert.ok(note.problem.detail.includes('内容已移除') && !note.problem.detail.includes('应急储备'))
  const { rows } = await p.world.app.services.pool.query(
    'select content::text from catalog.version v join catalog.entry e on e.id = v.entry_id where e.barred is not null',
  )
  assert.ok(rows.length && rows.every(r => !r.content.includes('应急储备') && !r.content.includes('机构编号')))
})

test('[fuzhou-open-5-p2] [fuzhou-open-5-p3] excluded entries come up again: after the interval, and when treatment or consent unlocks them', async t => {
  const p = await aPlace(t, 'fuzhou', { day: '2026-05-21' })
  const entry = await p.register(anEntry({ openClass: 'closed', grade: 4 }))
  let steward = p.provider
  const stateOf = async () => (await steward.ok(contract.coverage, {})).rows.find(r => r.code.replace('/', '-') === entry.code)!
  assert.equal((await stateOf()).state, 'excluded')

  p.world.at('2027-05-24')
  steward = await p.world.person({ department: '提供局', roles: ['steward'] })
  assert.equal((await stateOf()).state, 'evaluate', 'twelve months by the platform’s convention')
  await p.world.job('opening.review')
  const { rows: tasks } = await steward.ok(todo, { query: { who: 'department' } })
  assert.ok(
    tasks.some(d => d.what === '再评估不开放的数据' && d.title.includes('城乡低保')),
    'a task opens',
  )
  const blank = await steward.call(contract.evaluate, { params: entry, body: { reason: '看过了' } })
  assert.deepEqual(said(blank), ['conclusion-required', '第五条第三款'])
  await steward.ok(contract.evaluate, { params: entry, body: { conclusion: 'keep', reason: '情况没有变化' } })
  assert.equal((await stateOf()).state, 'excluded')

  p.world.at('2027-05-25')
  await steward.ok(contract.unlock, {
    params: entry,
    body: { how: 'desensitised', method: '去掉身份，按乡镇汇总', reviewer: '黄审查', result: '不能识别个人' },
  })
  const due = await stateOf()
  assert.deepEqual([due.state, due.cite?.article], ['due', '第五条第二款'])
  const stay = await steward.call(contract.evaluate, { params: entry, body: { conclusion: 'keep', reason: '还是不开放' } })
  assert.equal(stay.problem.reason, 'exclusion-ground-required')
  p.world.at('2027-05-26')
  await steward.ok(contract.evaluate, {
    params: entry,
    body: { conclusion: 'keep', reason: '法律另有规定', ...evidence.statute },
  })
  assert.equal((await stateOf()).state, 'excluded')
})

test('[henan-20-2] 河南 publishes what is not open with its basis; an entry without basis is left out, flagged, and taken once it has one', async t => {
  const p = await submitting(t, 'henan')
  // An entry of earlier days, published before anybody asked for a basis.
  const old = await aFilledEntry(p.world.app.services.pool, {
    department: p.provider.departmentId,
    region: p.region,
    code: '307413410000777/000001',
    content: anEntry({ title: '早年登记的信息', openClass: 'closed' }),
    rows: [['1', '张三', '低保']],
  })
  const listed = () => p.world.anonymous.ok(contract.restricted, { query: { region: p.region } })
  assert.deepEqual(await listed(), [])
  const { rows } = await p.provider.ok(contract.coverage, {})
  assert.deepEqual(
    rows[0]!.faults.map(f => [f.code, f.cite?.article]),
    [['basis-required', '第二十条第二款']],
  )
  const with_ = (openBasis?: object) =>
    catalog.EntryContent.parse(inPlace(p.region, anEntry({ title: '早年登记的信息', openClass: 'closed', openBasis })))
  const code = old.path
  await p.provider.ok(catalog.saveDraft, { params: { code }, body: { content: with_() } })
  assert.deepEqual(said(await p.submit(code)), ['basis-required', '第二十条第二款'])
  await p.provider.ok(catalog.saveDraft, { params: { code }, body: { content: with_(lawBasis) } })
  const { caseNo } = await p.provider.ok(catalog.submitEntry, { params: { code } })
  await approve(p.authority, p.provider, caseNo)
  const [row] = await listed()
  assert.deepEqual(
    [row!.title, row!.openLabel, row!.basis],
    ['早年登记的信息', '不予开放', `《${lawBasis.instrument}》${lawBasis.article}`],
  )
  // What is open on conditions stands there too, with conditions and basis.
  await p.register(
    aPlainEntry({ title: '养老机构名录', openClass: 'conditional', openConditions: '用于养老服务研究', openBasis: lawBasis }),
  )
  assert.deepEqual(
    (await listed()).map(r => [r.title, r.openLabel, r.conditions, r.basis]).sort(),
    [
      ['养老机构名录', '有条件开放', '用于养老服务研究', `《${lawBasis.instrument}》${lawBasis.article}`],
      ['早年登记的信息', '不予开放', '', `《${lawBasis.instrument}》${lawBasis.article}`],
    ].sort(),
  )
})

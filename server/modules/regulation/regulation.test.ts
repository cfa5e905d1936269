import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadLaw, parseFile, RegulationError } from './load.ts'
import { knownEffects } from './public.ts'
import { resolveProcedure, resolveTopic } from './resolve.ts'
import { RegulationSchema } from './schema.ts'

const law = loadLaw(undefined, knownEffects)
const day = '2026-11-22'
const application = (region: string, on = day) => resolveProcedure(law, region, 'sharing-application', on)!

test('the commission decides in 20 working days', () => {
  const rule = application('350100')
  assert.deepEqual(rule.value.steps.decision!.by, { roles: ['authority'], all: false })
  assert.equal(rule.value.steps.decision!.within!.days, 20)
  assert.equal(rule.cite.article, '第十七条')
})
test('Yongtai is silent on the procedure: Fuzhou fills the gap, and it says so', () => {
  const rule = application('350125')
  assert.equal(rule.regulation, 'fuzhou-manage-2019')
  assert.equal(rule.inherited, '福州市')
  assert.deepEqual(
    rule.chain.map(c => c.says),
    ['未规定', '第十七条'],
  )
})
test('in Henan the provider answers in 5 working days; the draft is labelled', () => {
  const rule = application('410000')
  assert.deepEqual(rule.value.steps.decision!.by.roles, ['provider'])
  assert.equal(rule.value.steps.decision!.within!.days, 5)
  assert.match(rule.label!, /征求意见稿/)
})
test('centre and provider give an opinion in 10 working days, the city decides without a number', () => {
  const rule = application('431123')
  assert.deepEqual(rule.value.steps.opinion!.by, { roles: ['authority', 'provider'], all: true })
  assert.equal(rule.value.steps.opinion!.within!.days, 10)
  assert.deepEqual(rule.value.steps.decision!.by.roles, ['parent-authority'])
  assert.deepEqual(rule.value.steps.decision!.within, { days: null, word: '法规未定天数' })
})
test('Jinjiang names neither decider nor days: the platform convention, labelled as such', () => {
  const rule = application('350582')
  assert.equal(rule.origin, 'platform')
  assert.equal(rule.value.steps.decision!.within!.days, null)
})
test('an expired or draft regulation is used only where a continuation is recorded', () => {
  assert.equal(resolveTopic(law, '350582', 'share-basis', '2025-10-10').label, null)
  assert.match(resolveTopic(law, '350582', 'share-basis', '2025-10-11').label!, /已失效/)
  assert.equal(resolveTopic(law, '431123', 'share-basis', '2027-12-13').regulation, 'shuangpai-2022')
  assert.equal(resolveTopic(law, '431123', 'share-basis', '2027-12-14').origin, 'platform')
})
test('the seven regulations exist with number and validity', () => {
  for (const id of [
    'yongtai-2021',
    'henan-2020',
    'fuzhou-manage-2019',
    'fuzhou-open-2019',
    'fuzhou-assess-2019',
    'shuangpai-2022',
    'jinjiang-2023',
  ]) {
    const r = law.regulations.get(id)!
    assert.ok(r.title && r.document && (r.effective.from || r.effective.draft), id)
  }
})

const faults = (yaml: string): string => {
  try {
    parseFile(RegulationSchema, 'x.yaml', yaml)
    return ''
  } catch (error) {
    assert.ok(error instanceof RegulationError)
    return error.message
  }
}
const head = 'id: x\ntitle: 某县办法\nshort: 某县\ndocument: 无\nroles: { authority: 主管部门 }\ntopics: {}\n'
for (const [what, yaml, expected] of [
  ['broken YAML', 'a: [', /x\.yaml: 不是有效的 YAML/],
  ['an unknown topic', head.replace('topics: {}', 'topics: { tea: { cite: 第一条, text: 茶水间开放时间 } }'), /x\.yaml: topics/],
  [
    'a deadline in calendar days',
    `${head}procedures: { p: { label: 某程序, prefix: XX, cite: 第一条, text: 说明文字一句话, start: a, steps: { a: { label: 一步, by: authority, within: 3d, actions: { go: end } } }, ends: { end: { label: 结束 } } } }`,
    /procedures\.p\.steps\.a\.within/,
  ],
  [
    'a step nobody reaches',
    `${head}procedures: { p: { label: 某程序, prefix: XX, cite: 第一条, text: 说明文字一句话, start: a, steps: { a: { label: 一步, by: authority, within: 3wd, actions: { go: end } }, b: { label: 二步, by: authority, within: 3wd, actions: { go: end } } }, ends: { end: { label: 结束 } } } }`,
    /steps\.b: 从起点走不到/,
  ],
  [
    'a step without a clock',
    `${head}procedures: { p: { label: 某程序, prefix: XX, cite: 第一条, text: 说明文字一句话, start: a, steps: { a: { label: 一步, by: authority, actions: { go: end } } }, ends: { end: { label: 结束 } } } }`,
    /steps\.a: 步骤没有期限/,
  ],
] as const) {
  test(`${what} is refused with file, path and problem`, () => assert.match(faults(yaml), expected))
}

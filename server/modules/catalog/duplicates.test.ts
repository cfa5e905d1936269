import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/catalog.ts'
import * as procedure from '../../../contract/procedure.ts'
import { anEntry, aPlace, approve, inPlace, type Place } from '../../../test/support/country.ts'
import type { Person } from '../../../test/support/world.ts'
import { alike, type Compared, likeness, traitsOf } from './likeness.ts'
import { pathOf } from './public.ts'
import { grouped } from './settlement.ts'

const holds = (title: string, items: string[], identifier?: string): Compared => ({
  title,
  items: [...(identifier ? [identifier] : []), ...items].map((name, i) => ({
    key: `c${i + 1}`,
    name,
    description: '',
    required: false,
    identifier: !!identifier && i === 0,
  })),
})

test('doubles are told by identifier and items, by title and items, and by words that mean the same', () => {
  const same = new Map([
    ['发证单位', '发证机关'],
    ['低保户', '低保对象'],
  ])
  const base = holds('低保对象信息', ['保障类别', '月补助金额', '起始日期', '发证机关'], '公民身份号码')
  const cases: [string, Compared, string[] | null, number][] = [
    ['other title, same persons, half of the items', holds('困难群众台账', ['保障类别', '月补助金额'], '身份证号'), ['identifier'], 2],
    ['same persons, other data', holds('残疾人证', ['残疾等级', '残疾类别'], '身份证号'), null, 0],
    ['no identifier, title and items alike', holds('低保户名单（2026年）', ['保障类别', '月补助金额（元）', '发证单位']), ['title'], 3],
    ['same title, other items', holds('低保对象信息', ['经度', '纬度', '海拔']), null, 0],
    [
      'item names that look alike are shown, not counted for the identifier',
      holds('补贴', ['月补助金额标准', '户主'], '身份证号'),
      null,
      0,
    ],
    [
      'brackets, spaces and width do not matter',
      holds('低保', ['保障 类别', '月补助金额（元）', '起始日期'], '身份证号码'),
      ['identifier'],
      3,
    ],
  ]
  for (const [name, other, rules, items] of cases) {
    for (const [x, y] of [
      [base, other],
      [other, base],
    ] as const) {
      const found = likeness(x, y, same)
      assert.deepEqual(found?.rules ?? null, rules, name)
      assert.equal(found?.items.length ?? 0, items, name)
    }
  }
  assert.deepEqual(
    likeness(base, cases[2]![1], same)!.items.map(i => [i.a, i.b, i.rule]),
    [
      ['保障类别', '保障类别', 'same'],
      ['月补助金额', '月补助金额（元）', 'same'],
      ['发证机关', '发证单位', 'synonym'],
    ],
  )
  assert.equal(likeness(base, { ...base, kind: 2 }, same), null)
  assert.ok(traitsOf(base, same).some(k => traitsOf(cases[2]![1], same).includes(k)))
  assert.deepEqual([alike('', ''), alike('低保', '低保'), alike('低保', '高龄')], [0, 1, 0])
})

test('pairs that hang together are one group', () => {
  const pairs = [
    { a: '1', b: '2' },
    { a: '5', b: '6' },
    { a: '2', b: '3' },
    { a: '3', b: '1' },
  ]
  assert.deepEqual(
    grouped(pairs).map(g => g.length),
    [3, 1],
  )
})

async function aPlaceWithDoubles(t: Parameters<typeof aPlace>[0], place: Place) {
  const p = await aPlace(t, place)
  await p.world.department({ region: p.region, name: '后来局' })
  const second = await p.world.person({ department: '后来局', roles: ['steward'] })
  const publish = async (who: Person, content: object) => {
    const { code } = await who.ok(contract.createEntry, { body: { content: { ...inPlace(p.region, content), legalException: law } } })
    const { caseNo } = await who.ok(contract.submitEntry, { params: { code: pathOf(code) } })
    return { code, path: pathOf(code), caseNo, approve: () => approve(p.authority, who, caseNo) }
  }
  const groups = async (who: Person, state: 'open' | 'settled' = 'open') => {
    await p.world.job('catalog.duplicates')
    return (await who.ok(contract.duplicates, { query: { state } })).rows
  }
  return { ...p, second, publish, groups }
}
const law = { kind: 'law', instrument: '中华人民共和国统计法', article: '第七条' }
const settle = (who: Person, name: string, form: object) => who.ok(procedure.startCase, { body: { procedure: name, form } })

test('doubles over the whole catalog stand with their evidence; what is settled does not come back until the items change', async t => {
  const p = await aPlaceWithDoubles(t, 'shuangpai')
  const one = await p.publish(p.provider, anEntry())
  await one.approve()
  const two = await p.publish(p.second, anEntry({ title: '困难群众台账' }))
  await two.approve()
  const [group] = await p.groups(p.authority)
  assert.deepEqual(group!.entries.map(e => e.code).sort(), [one.code, two.code].sort())
  assert.deepEqual(
    group!.pairs[0]!.items.map(i => [i.a, i.rule]),
    [['保障类别', 'same']],
  )
  assert.deepEqual(group!.may, ['settle', 'differ'])
  assert.deepEqual((await p.groups(p.second))[0]!.may, [])
  assert.deepEqual(await p.groups(p.consumer), [])

  const foreign = await p.provider.call(procedure.startCase, {
    body: { procedure: 'duplicate-difference', form: { entries: [one.code, two.code], reason: '名称相近，内容不同。' } },
  })
  assert.equal(foreign.problem.reason, 'not-competent')
  const made = await settle(p.authority, 'duplicate-difference', { entries: [one.code, two.code], reason: '名称相近，内容不同。' })
  assert.equal(made.result?.label, '已认定不重复')
  assert.deepEqual(await p.groups(p.authority), [])
  const [settled] = await p.groups(p.authority, 'settled')
  assert.deepEqual(
    [settled!.pairs[0]!.settled?.label, settled!.pairs[0]!.settled?.reason, settled!.pairs[0]!.settled?.caseNo],
    ['已认定不重复', '名称相近，内容不同。', made.no],
  )

  // Another version with the same names changes nothing; one more item asks again.
  const next = async (content: object) => {
    const params = { code: two.path }
    await p.second.ok(contract.saveDraft, { params, body: { content: { ...inPlace(p.region, content), legalException: law } } })
    const { caseNo } = await p.second.ok(contract.submitEntry, { params })
    await approve(p.authority, p.second, caseNo)
  }
  await next(anEntry({ title: '困难群众台账', abstract: '摘要换了一种说法，其余都和上一版一样。' }))
  assert.deepEqual(await p.groups(p.authority), [])
  await next(anEntry({ title: '困难群众台账', items: [...anEntry().items, { key: 'c4', name: '月补助金额', type: 'C', length: 20 }] }))
  const [again] = await p.groups(p.authority)
  assert.deepEqual([again!.pairs[0]!.settled?.reopened, again!.pairs[0]!.settled?.caseNo], [true, made.no])

  await settle(p.authority, 'duplicate-settlement', {
    entries: [one.code, two.code],
    collector: p.second.departmentId,
    reason: '由后来局统一认定和采集。',
  })
  assert.deepEqual(await p.groups(p.authority), [])
  const [named] = await p.groups(p.authority, 'settled')
  assert.ok(named!.entries.every(e => e.collector === '后来局'))
  await p.world.app.services.pool.query(`update catalog.entry set withdrawn = true where code = $1`, [two.code])
  assert.deepEqual(await p.groups(p.authority, 'settled'), [])
})

test('what was declared to be something else is published, and held again when its items are those of another department', async t => {
  const p = await aPlaceWithDoubles(t, 'shuangpai')
  const without = (content: object) => ({ ...inPlace(p.region, content), legalException: undefined })
  const draft = async (who: Person, content: object) => {
    const { code } = await who.ok(contract.createEntry, { body: { content: without(content) } })
    return { code, ...(await who.ok(contract.submitEntry, { params: { code: pathOf(code) } })) }
  }
  const one = await draft(p.provider, anEntry())
  const two = await draft(p.second, anEntry({ title: '困难群众台账' }))
  const pass = async () => {
    const { version } = await p.authority.ok(procedure.caseByNo, { params: { no: two.caseNo } })
    return p.authority.call(procedure.act, { params: { no: two.caseNo, action: 'pass' }, body: { version, form: {} } })
  }
  assert.equal((await pass()).problem.reason, 'duplicate-unresolved')
  await settle(p.authority, 'duplicate-difference', { entries: [one.code, two.code], reason: '一个是对象，一个是走访记录。' })
  assert.equal((await pass()).status, 200)
})

test('synonyms are added and removed by administrators, and the search knows them at once', async t => {
  const p = await aPlace(t, 'shuangpai')
  await p.provider.ok(contract.createEntry, { body: { content: { title: '一老一小服务机构' } } })
  const find = async (q: string) => (await p.provider.ok(contract.searchEntries, { query: { q } })).total
  assert.equal(await find('养老托育'), 0)
  assert.equal((await p.provider.call(contract.addSynonyms, { body: { words: ['养老托育', '一老一小'] } })).status, 403)
  const made = await p.authority.ok(contract.addSynonyms, { body: { words: ['养老托育', '一老一小', ' 养老托育 '] } })
  assert.deepEqual([made.words, made.same], [['养老托育', '一老一小'], false])
  assert.equal(await find('养老托育'), 1)
  assert.equal(
    (await p.authority.call(contract.addSynonyms, { body: { words: ['一老一小', '养老托育'] } })).problem.code,
    'catalog.synonym_known',
  )
  assert.equal((await p.authority.call(contract.addSynonyms, { body: { words: ['一', '一'] } })).status, 422)
  await p.authority.ok(contract.removeSynonyms, { params: { id: made.id } })
  assert.equal(await find('养老托育'), 0)
  assert.equal((await p.authority.call(contract.removeSynonyms, { params: { id: made.id } })).status, 404)
  assert.ok((await p.provider.ok(contract.synonyms)).some(s => s.words.includes('公民身份号码') && s.same && s.by === null))
})

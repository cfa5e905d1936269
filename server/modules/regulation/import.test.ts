import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as audit from '../../../contract/audit.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as contract from '../../../contract/regulation.ts'
import * as sharing from '../../../contract/sharing.ts'
import { act, anEntry, aPlace, places } from '../../../test/support/country.ts'
import { aWorld } from '../../../test/support/world.ts'
import { addWorkingDays, govern } from './public.ts'

const shipped = (id: string) => readFileSync(new URL(`../../../regulations/${id}.yaml`, import.meta.url), 'utf8')
const form = (system: string) => ({
  dataName: '城乡低保对象信息',
  items: ['c1'],
  purpose: '办理医疗救助时核对申请人是否在册。',
  scenario: '窗口受理时核对。',
  scope: '待遇保障股',
  duty: '医疗救助的审核职责',
  method: 'api' as const,
  until: '2027-12-31',
  system,
})

test('a regulation is imported, its differences are read, and it is adopted from a day; the case that has begun keeps its version', async t => {
  const p = await aPlace(t, 'fuzhou', { day: '2026-05-20' })
  const entry = await p.register(anEntry())
  const other = await p.register(anEntry({ title: '临时救助对象信息', abstract: '在册的临时救助对象，每月更新，由民政部门核定。' }))
  const before = await p.consumer.ok(sharing.apply, { body: { entryId: entry.id, form: form(p.system) } })
  const decision = (c: { clocks: { days: number | null }[] }) => c.clocks[0]!.days
  assert.equal(decision(before), 20)

  const text = shipped('fuzhou-manage-2019')
    .replace('within: 20wd', 'within: 12wd')
    .replace(/requires: \[treatments, until\]/, 'requires: [treatments, until, note]')
    .replace(', note, quota]', ', quota]')
  assert.equal((await p.consumer.call(contract.importRegulation, { body: { text } })).problem.code, 'access.role')
  const made = await p.authority.ok(contract.importRegulation, { body: { text } })
  assert.equal((await p.authority.ok(contract.importRegulation, { body: { text } })).id, made.id, 'the same file again is the same import')
  const shown = await p.authority.ok(contract.importDifferences, { params: { id: made.id }, query: { region: p.region } })
  const changed = shown.differences.map(d => [d.kind, d.label, d.before, d.after])
  assert.ok(
    changed.some(
      ([kind, label, b, a]) => kind === 'changed' && label === '共享申请 · 决定 · 期限' && b === '20 个工作日' && a === '12 个工作日',
    ),
  )
  assert.ok(shown.differences.length < 8, JSON.stringify(changed))

  const adopt = { region: p.region, from: '2026-06-01', document: '榕政办〔2026〕8号' }
  const foreign = await p.authority.call(contract.adoptImport, { params: { id: made.id }, body: { ...adopt, region: places.jinjiang } })
  assert.deepEqual([foreign.status, foreign.problem.reason], [403, 'not-competent'])
  const early = await p.authority.call(contract.adoptImport, { params: { id: made.id }, body: { ...adopt, from: '2019-11-14' } })
  assert.equal(early.problem.code, 'regulation.period')
  await p.authority.ok(contract.adoptImport, { params: { id: made.id }, body: adopt })
  const rule = (day: string) => p.consumer.ok(contract.rule, { params: { code: p.region, topic: 'sharing-application' }, query: { day } })
  assert.equal((await rule('2026-05-31')).version, before.ruling.version)
  assert.equal((await rule('2026-06-01')).version, made.version)

  p.world.at('2026-06-01')
  const after = await p.consumer.ok(sharing.apply, { body: { entryId: other.id, form: form(p.system) } })
  assert.deepEqual([decision(after), after.ruling.version], [12, made.version])
  // The old case is decided under the old text: no note is asked for.
  const approved = await act(p.authority, before.no, 'approve', { treatments: [{ key: 'c1', treatment: 'plain' }], until: '2027-12-31' })
  assert.equal(approved.ruling.version, before.ruling.version)
  const counted = (await p.consumer.ok(procedure.evidence)).find(e => e.regulation === 'fuzhou-manage-2019' && e.article === '第十七条')!
  assert.ok(counted.cases === 2 && counted.acts >= 1 && counted.open >= 1, JSON.stringify(counted))
  const { rows } = await p.authority.ok(audit.ledger, { query: {} })
  assert.deepEqual(
    rows
      .filter(r => r.action.startsWith('regulation.'))
      .map(r => r.action)
      .sort(),
    ['regulation.adopt', 'regulation.import'],
  )
})

test('a file with mistakes is refused with every problem and its path; one that is not wanted is set aside with the reason', async t => {
  const world = await aWorld(t)
  await world.department({ region: places.jinjiang, name: '数字办', roles: ['authority'] })
  const authority = await world.person({ department: '数字办', roles: ['bureau'] })
  const broken = shipped('henan-2020')
    .replace('id: henan-2020', 'id: broken-2026')
    .replace('within: 10wd', 'within: 10d')
    .replace(/by: provider\n {8}within: 5wd/, 'by: nobody\n        within: 5wd')
  const answer = await authority.call(contract.importRegulation, { body: { text: broken } })
  assert.equal(answer.status, 422)
  assert.ok(answer.problem.errors!.some(e => e.pointer.startsWith('/topics/catalog-update/within')))
  assert.equal((await authority.call(contract.importRegulation, { body: { text: 'a: [' } })).problem.errors![0]!.pointer, '/text')
  const bare = await authority.call(contract.importRegulation, { body: { text: 'id: bare-2026' } })
  assert.ok(bare.problem.errors!.length >= 4 && bare.problem.errors!.every(e => /[\u4e00-\u9fff]/.test(e.message)), bare.problem.detail)
  const roles = await authority.call(contract.importRegulation, { body: { text: broken.replace('within: 10d', 'within: 10wd') } })
  assert.ok(roles.problem.errors!.every(e => /nobody/.test(e.message)) && roles.problem.errors!.length > 0)
  assert.equal((await authority.call(contract.importRegulation, { body: { text: shipped('platform') } })).status, 422)
  assert.equal(
    (await authority.call(contract.importRegulation, { body: { text: shipped('henan-2020') } })).problem.code,
    'regulation.recorded',
  )

  const made = await authority.ok(contract.importRegulation, {
    body: { text: shipped('henan-2020').replace('id: henan-2020', 'id: other-2026') },
  })
  assert.equal((await authority.ok(contract.importDifferences, { params: { id: made.id }, query: {} })).against, null)
  await authority.ok(contract.refuseImport, { params: { id: made.id }, body: { reason: '与本市情况不符' } })
  const adopt = { region: places.jinjiang, from: '2026-12-01', document: '晋政办〔2026〕1号' }
  assert.equal((await authority.call(contract.adoptImport, { params: { id: made.id }, body: adopt })).problem.code, 'regulation.decided')
})

test('a year’s holidays are imported, the changed days shown, and open duties counted again when they are adopted', async t => {
  const world = await aWorld(t, { day: '2026-12-01' })
  await world.department({ region: places.fuzhou, name: '平台运维中心' })
  const system = await world.person({ department: '平台运维中心', roles: ['system_admin'] })
  const days = (list: string[], name: string) => list.map(d => `  2027-${d}: ${name}`).join('\n')
  const text = [
    'year: 2027',
    'document: 关于2027年部分节假日安排的通知（测试用，虚构）',
    'holidays:',
    days(['01-01', '01-02', '01-03'], '元旦'),
    days(['02-05', '02-06', '02-07', '02-08', '02-09', '02-10', '02-11', '02-12'], '春节'),
    days(['04-05', '05-01', '05-02', '05-03', '05-04', '05-05', '06-09', '09-15'], '节日'),
    days(['10-01', '10-02', '10-03', '10-04', '10-05', '10-06', '10-07'], '国庆节'),
    'workdays:',
    days(['01-30', '02-20'], '春节'),
  ].join('\n')
  assert.deepEqual(addWorkingDays('2027-02-04', 1), { due: '2027-02-11', estimated: true })
  const wrong = await system.call(contract.importCalendar, {
    body: { text: text.replace('2027-02-20', '2027-02-19').replace('2027-01-03', '2028-01-03') },
  })
  assert.deepEqual(
    wrong.problem.errors!.map(e => e.pointer),
    ['/holidays/2028-01-03', '/workdays/2027-02-19'],
  )
  const made = await system.ok(contract.importCalendar, { body: { text } })
  assert.equal(made.announced, false)
  assert.deepEqual(
    made.differences.filter(d => d.day < '2027-03-01').map(d => `${d.day} ${d.before} → ${d.after}`),
    [
      '2027-01-30 休息（周六） → 上班（春节调休上班）',
      '2027-02-11 上班 → 休息（春节放假）',
      '2027-02-12 上班 → 休息（春节放假）',
      '2027-02-20 休息（周六） → 上班（春节调休上班）',
    ],
  )
  assert.equal(addWorkingDays('2027-02-04', 1).due, '2027-02-11', 'nothing changes before it is adopted')
  await system.ok(contract.adoptCalendar, { params: { id: made.id } })
  assert.deepEqual(addWorkingDays('2027-02-04', 1), { due: '2027-02-15', estimated: false })
  const { rows } = await world.app.services.pool.query(`select data from jobs.job where name = 'duties.recalculate'`)
  assert.deepEqual(rows, [{ data: { year: 2027 } }])
  assert.equal((await system.call(contract.adoptCalendar, { params: { id: made.id } })).problem.code, 'regulation.decided')
  const year = await world.anonymous.ok(contract.calendarYear, { params: { year: 2027 } })
  assert.ok(year.announced && year.days.some(d => d.day === '2027-02-20' && d.working))
})

test('the national law as a layer: the shorter of two periods counts, and both citations are kept', async t => {
  const p = await aPlace(t, 'fuzhou', { day: '2026-05-20' })
  const entry = await p.register(anEntry())
  const other = await p.register(anEntry({ title: '临时救助对象信息', abstract: '在册的临时救助对象，每月更新，由民政部门核定。' }))
  const local = await p.consumer.ok(sharing.apply, { body: { entryId: entry.id, form: form(p.system) } })
  assert.equal(local.clocks[0]!.days, 20)
  assert.deepEqual(govern(p.region, 'catalog-update', '2026-05-20').value.within, { days: null, word: '及时' })
  await p.authority.ok(contract.recordLaw, {
    params: { code: p.region },
    body: { kind: 'layer', regulation: 'national-809', from: '2026-05-20', document: '榕政办〔2026〕9号' },
  })
  const shorter = await p.consumer.ok(sharing.apply, { body: { entryId: other.id, form: form(p.system) } })
  const clock = shorter.clocks[0]!
  assert.equal(clock.days, 10)
  assert.deepEqual(
    [clock.cite.title, clock.cite.article, clock.also?.title, clock.also?.article],
    ['共享条例', '第二十一条', '福州管理', '第十七条'],
  )
  // A word gives no number, so the number of the higher law binds; a shorter local one stays (河南: 5 working days).
  const update = await p.consumer.ok(contract.rule, { params: { code: p.region, topic: 'catalog-update' }, query: {} })
  assert.deepEqual(
    [(update.value as { within: { days: number } }).within.days, update.cite.article, update.also!.article],
    [10, '第十七条', '第十二条'],
  )
  const { adopted } = await p.authority.ok(contract.regionLaw, { params: { code: places.yongtai }, query: {} })
  assert.equal(adopted.length, 1, 'a layer is no adoption')
})

test('two places compared: every topic and procedure of either, differences marked, both citations, words instead of keys', async t => {
  const world = await aWorld(t, { day: '2026-05-20' })
  const table = await world.anonymous.ok(contract.compare, { query: { a: places.fuzhou, b: places.henan } })
  const row = (group: string, key: string) => table.groups.find(g => g.key === group)!.rows.find(r => r.key === key)!
  const answer = row('deadlines', 'sharing-application')
  assert.equal(answer.same, false)
  assert.ok(answer.a.words.some(w => w.value === '市大数据委 20 个工作日'))
  assert.ok(answer.b.words.some(w => w.value === '提供部门 5 个工作日'))
  assert.deepEqual([answer.a.cite!.article, answer.b.cite!.article], ['第十七条', '第十六条第三款'])
  assert.match(answer.b.label!, /征求意见稿/)
  assert.match(row('share', 'share-types').a.words[0]!.value, /暂不共享/)
  assert.ok(table.differences > 10)
  const same = await world.anonymous.ok(contract.compare, { query: { a: places.fuzhou, b: places.fuzhou } })
  assert.equal(same.differences, 0)
  const child = await world.anonymous.ok(contract.compare, { query: { a: places.yongtai, b: places.fuzhou } })
  assert.equal(child.groups.find(g => g.key === 'deadlines')!.rows.find(r => r.key === 'sharing-application')!.a.inherited, '福州市')
})

test('the requirement list is served with the tests that prove each row', async t => {
  const world = await aWorld(t)
  await world.department({ region: places.fuzhou, name: '某局' })
  const anyone = await world.person({ department: '某局', roles: ['steward'] })
  const { rows, totals, regulations } = await anyone.ok(contract.conformance)
  assert.equal(rows.length, 593)
  assert.deepEqual(
    totals.map(x => x.total),
    [329, 176, 88],
  )
  assert.equal(regulations.length, 7)
  const row = rows.find(r => r.id === 'shuangpai-47-1')!
  assert.ok(row.tests.some(x => x.file === 'server/modules/regulation/law.test.ts'))
})

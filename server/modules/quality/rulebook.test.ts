import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as aggregation from '../../../contract/aggregation.ts'
import * as organization from '../../../contract/organization.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as contract from '../../../contract/quality.ts'
import * as sharing from '../../../contract/sharing.ts'
import { deliver } from '../../../test/support/batches.ts'
import { type APlace, act, aPlace, aPlainEntry, type Place, tryAct } from '../../../test/support/country.ts'
import { free, stated } from '../../../test/support/sharing.ts'
import type { Person } from '../../../test/support/world.ts'
import { scoreOf } from './scores.ts'

const items = [
  { key: 'c1', name: '机构编号', type: 'C', length: 20, identifier: true, required: true },
  { key: 'c2', name: '机构名称', type: 'C', length: 100 },
  { key: 'c3', name: '床位数', type: 'I', length: 6 },
  { key: 'c4', name: '已住', type: 'I', length: 6 },
  { key: 'c5', name: '开业日期', type: 'D' },
  { key: 'c6', name: '关闭日期', type: 'D' },
  { key: 'c7', name: '状态', type: 'C', length: 4 },
  { key: 'c8', name: '电话', type: 'C', length: 20 },
]
const header = '机构编号,机构名称,床位数,已住,开业日期,关闭日期,状态,电话'
const homes = [
  header,
  'A001,长者之家,120,100,2015-03-01,,营业,13800000001',
  'A002,福寿院,60,70,2016-05-01,2015-01-01,停业,13800000002',
  'A003,,30,10,2018-07-01,,停业,1380000',
  'A004,长者之家,30,,2030-01-01,,营业,',
].join('\n')
type Rule = Partial<contract.NewRule> & { check: contract.Check }
const rule = (more: Rule) => ({ dimension: 'accurate' as const, severity: 'mark' as const, ...more })
const checks: Record<string, [contract.Check, number]> = {
  notNull: [{ kind: 'not-null', item: 'c2' }, 1],
  unique: [{ kind: 'unique', items: ['c2'] }, 1],
  combination: [{ kind: 'unique', items: ['c2', 'c3'] }, 0],
  format: [{ kind: 'format', item: 'c8', format: 'mobile' }, 1],
  pattern: [{ kind: 'format', item: 'c1', pattern: 'A00[1-3]' }, 1],
  codes: [{ kind: 'codes', item: 'c7', codes: ['营业'] }, 2],
  range: [{ kind: 'range', item: 'c3', min: '50', max: '100' }, 3],
  past: [{ kind: 'range', item: 'c5', max: 'today' }, 1],
  length: [{ kind: 'length', item: 'c2', min: 4 }, 1],
  compare: [{ kind: 'compare', item: 'c6', op: '>=', other: 'c5' }, 1],
  numbers: [{ kind: 'compare', item: 'c4', op: '<=', other: 'c3' }, 1],
  depends: [{ kind: 'depends', when: { item: 'c7', is: 'one-of', values: ['停业'] }, item: 'c6', must: 'filled', values: [] }, 1],
  sum: [{ kind: 'sum', parts: ['c4', 'c4'], total: 'c3', tolerance: 50 }, 2],
}

async function home(t: TestContext, place: Place = 'fuzhou') {
  const p = await aPlace(t, place)
  const entry = await p.register(aPlainEntry({ ...free, items }))
  return { ...p, entry }
}
const add = (who: Person, entry: { code: string }, r: Rule) => who.ok(contract.addRule, { params: { code: entry.code }, body: rule(r) })
const rulesOf = (who: Person, entry: { code: string }) => who.ok(contract.entryRules, { params: { code: entry.code } })
/** Delivers, and waits until what runs after the batch has counted it. */
async function counted(who: Person, entry: { id: string; code: string }, content: string, source?: aggregation.Source) {
  const done = await deliver(who, entry, content, { ...(source && { source }) })
  for (let i = 0; i < 200; i++) {
    const { rules, trend } = await rulesOf(who, entry)
    const active = rules.filter(r => r.active)
    if (trend.some(x => x.batchNo === done.batch.no) && active.every(r => r.last?.batchNo === done.batch.no)) return done
    await sleep(50)
  }
  throw new Error('the rules were not counted')
}
const ticketsOf = async (p: APlace) => (await p.provider.ok(procedure.cases, { query: { procedure: 'quality-ticket' } })).rows

test('every kind of rule says before it is saved what it would find, and finds it again in the batch', async t => {
  const { provider, consumer, entry } = await home(t)
  const preview = (check: contract.Check) => provider.ok(contract.previewRule, { params: { code: entry.code }, body: { check } })
  assert.match((await preview(checks.notNull![0])).note, /还没有入库的数据/)
  const { source } = await deliver(provider, entry, homes)
  for (const [name, [check, failed]] of Object.entries(checks)) {
    const seen = await preview(check)
    assert.equal(seen.failed, failed, `${name}: ${seen.words}`)
    assert.equal(seen.example.length, Math.min(failed, 10), name)
  }
  const seen = await preview(checks.compare![0])
  assert.deepEqual(seen, {
    words: '「关闭日期」不小于（不早于）「开业日期」',
    checked: 4,
    failed: 1,
    sampled: false,
    example: [
      {
        key: 'A002',
        values: [
          { name: '关闭日期', value: '2015-01-01' },
          { name: '开业日期', value: '2016-05-01' },
        ],
      },
    ],
    note: '',
  })
  for (const [check] of Object.values(checks)) await add(provider, entry, { check, threshold: 1 })
  await counted(provider, entry, homes.replace('13800000001', '13800000009'), source)
  const { rules } = await rulesOf(consumer, entry)
  const expected = Object.values(checks).map(([, failed]) => failed)
  assert.deepEqual(
    rules.map(r => r.last?.failed),
    expected,
  )
  assert.deepEqual(
    rules.map(r => r.last?.fault),
    expected.map(() => ''),
  )
  assert.equal(rules[0]!.title, '「机构名称」有值')
  // Others see that there are rules and how many rows break them, not the rows.
  assert.deepEqual([rules[0]!.may, (await consumer.call(contract.ruleRows, { params: { id: rules[0]!.id } })).status], [false, 404])
  assert.equal((await provider.ok(contract.ruleRows, { params: { id: rules[0]!.id } })).example[0]!.key, 'A003')
})

test('a rule is refused with everything that is wrong with it', async t => {
  const { provider, consumer, authority, entry } = await home(t)
  await deliver(provider, entry, homes)
  const fault = async (check: unknown, who = provider, more: object = {}) => {
    const answer = await who.call(contract.addRule, {
      params: { code: entry.code },
      body: { ...rule({ check: check as contract.Check }), ...more },
    })
    assert.ok(answer.status >= 400, JSON.stringify(check))
    return answer.problem.errors?.map(e => `${e.pointer} ${e.message}`).join() ?? `${answer.problem.code} ${answer.problem.detail}`
  }
  assert.match(await fault({ kind: 'not-null', item: 'c99' }), /\/check\/item 这条目录没有信息项 c99/)
  assert.match(await fault({ kind: 'format', item: 'c2', pattern: '(a+)+$' }), /\/check\/pattern .*停不下来/)
  assert.match(await fault({ kind: 'format', item: 'c2', pattern: '[9-0]' }), /\/check\/pattern 数据库读不懂/)
  assert.match(await fault({ kind: 'format', item: 'c2' }), /\/check\/format/)
  assert.match(await fault({ kind: 'range', item: 'c3', min: '9', max: '1' }), /上限小于下限/)
  assert.match(await fault({ kind: 'range', item: 'c3', min: '2026-01-01' }), /请写数字/)
  assert.match(await fault({ kind: 'range', item: 'c5', min: '2026-02-31' }), /不是真实日期/)
  assert.match(await fault({ kind: 'range', item: 'c5', min: `today'; drop table quality.rule` }), /写数字、日期/)
  assert.match(await fault({ kind: 'compare', item: 'c5', op: '>', other: 'c3' }), /不能比较/)
  assert.match(await fault({ kind: 'compare', item: 'c5', op: '> 0 or 1=1 --', other: 'c6' }), /\/check\/op/)
  assert.match(await fault({ kind: 'sum', parts: ['c2', 'c3'], total: 'c4' }), /不是数值/)
  assert.match(await fault({ kind: 'unique', items: ['c2'] }, provider, { severity: 'reject' }), /不能拒收单行/)
  assert.match(await fault({ kind: 'reference', items: ['c1'], code: '307999/999999' }), /没有发布的目录/)
  assert.match(await fault({ kind: 'not-null', item: 'c2' }, consumer), /quality.not_your_rule/)
  // Conditions in one's own words are for administrators, and even theirs reach nothing but the items.
  assert.match(await fault({ kind: 'predicate', expression: '床位数 > 0' }), /quality.not_your_rule .*管理员/)
  for (const [expression, reason] of [
    ['1=1; drop table quality.rule', /分号/],
    ['pg_sleep(30) is null', /没有函数 pg_sleep/],
    ['床位数 > (select count(*) from organization.person)', /select/],
    [`pg_read_file('/etc/passwd') = ''`, /没有函数 pg_read_file/],
    [`set_config('role', 'none', false) = ''`, /没有函数 set_config/],
    ['月薪 > 0', /没有信息项「月薪」/],
  ] as const)
    assert.match(await fault({ kind: 'predicate', expression }, authority), reason)
  const preview = await authority.ok(contract.previewRule, {
    params: { code: entry.code },
    body: { check: { kind: 'predicate', expression: `已住 <= 床位数 and 机构名称 <> '福寿院'` } },
  })
  // Its authority learns which rows, not what they say.
  assert.deepEqual([preview.failed, preview.example], [1, [{ key: 'A002', values: [] }]])
  assert.equal((await add(authority, entry, { check: { kind: 'predicate', expression: '已住 / (床位数 - 床位数) > 1' } })).may, true)
  assert.equal((await rulesOf(provider, entry)).rules.length, 1)
})

test('a reference looks only into data the department may use', async t => {
  const { provider, consumer, register, entry } = await home(t)
  await deliver(provider, entry, homes)
  const beds = await register(
    aPlainEntry({
      ...free,
      title: '床位补贴',
      abstract: '各养老机构的床位补贴发放情况，按月登记。',
      items: [
        { ...items[0]!, name: '补贴编号' },
        { ...items[1]!, name: '机构编号' },
      ],
    }),
    consumer,
  )
  const { source } = await deliver(consumer, beds, '补贴编号,机构编号\nB1,A001\nB2,A009\nB3,\n')
  const check = { kind: 'reference' as const, items: ['c2'], code: entry.code }
  const preview = () => consumer.call(contract.previewRule, { params: { code: beds.code }, body: { check } })
  assert.match((await preview()).problem.errors![0]!.message, /没有取用「养老机构名录」的授权/)
  const { id: system } = await consumer.ok(organization.createSystem, { body: { name: '补贴系统' } })
  await consumer.ok(sharing.access, { body: { entryId: entry.id, system, ...stated } })
  const seen = await preview()
  assert.deepEqual([seen.body.checked, seen.body.failed, seen.body.example[0]?.key], [2, 1, 'B2'])
  await add(consumer, beds, { check, threshold: 1 })
  await counted(consumer, beds, '补贴编号,机构编号\nB1,A001\nB2,A002\nB3,\nB4,A003\n', source)
  assert.deepEqual((await rulesOf(consumer, beds)).rules[0]!.last?.failed, 0)
})

const good = `${header}\nB001,乐龄苑,40,20,2019-01-01,,营业,13800000003\nB002,安康苑,50,50,2019-02-01,2020-02-01,停业,\n`

test('a rule that rejects turns rows away inside the batch, by its own name in the rejects list; a changed rule judges known rows again', async t => {
  const { provider, entry } = await home(t)
  const full = await add(provider, entry, { check: checks.numbers![0], severity: 'reject', title: '已住不超过床位数', threshold: 1 })
  await add(provider, entry, { check: checks.depends![0], severity: 'reject', dimension: 'complete', threshold: 1 })
  const { source, batch } = await counted(provider, entry, homes)
  assert.deepEqual([batch.read, batch.accepted, batch.rejected], [4, 2, 2])
  const { rows } = await provider.ok(aggregation.rejects, { params: { id: batch.id } })
  assert.deepEqual(
    rows.map(r => [r.line, r.itemName, r.ruleLabel]),
    [
      [3, '床位数', '已住不超过床位数'],
      [4, '关闭日期', '「状态」是 停业时，「关闭日期」有值'],
    ],
  )
  assert.match(rows[0]!.reason, /不符合本目录的质量规则：已住不超过床位数/)
  const { rules } = await rulesOf(provider, entry)
  assert.deepEqual(
    rules.map(r => [r.last!.checked, r.last!.failed]),
    [
      [4, 1],
      [4, 1],
    ],
  )
  // A value that is wrong by itself is told as that, and no rule is put to it.
  const odd = await counted(provider, entry, good.replace(',40,20,', ',四十,20,'), source)
  const told = (await provider.ok(aggregation.rejects, { params: { id: odd.batch.id } })).rows
  assert.deepEqual(
    told.map(r => [r.itemName, r.ruleLabel]),
    [['床位数', '不是整数']],
  )
  // The same file again is no news; under another rule it is.
  const same = await deliver(provider, entry, good, { source })
  assert.deepEqual([same.batch.accepted, same.batch.unchanged], [1, 1])
  const again = await deliver(provider, entry, good, { source })
  assert.equal(again.batch.messages[0]?.code, 'same-file')
  await provider.ok(contract.changeRule, {
    params: { id: full.id },
    body: rule({ check: { kind: 'range', item: 'c3', max: '45' }, severity: 'reject', title: '床位不多于 45', threshold: 1 }),
  })
  const stricter = await deliver(provider, entry, good, { source })
  assert.deepEqual([stricter.batch.unchanged, stricter.batch.rejected], [1, 1])
  await provider.ok(contract.removeRule, { params: { id: full.id } })
  const free = await deliver(provider, entry, good, { source })
  assert.deepEqual([free.batch.unchanged, free.batch.rejected], [2, 0])
})

test('an entry without rules is loaded as before: nothing is counted afterwards', async t => {
  const { world, provider, entry } = await home(t)
  const { batch } = await deliver(provider, entry, good)
  assert.equal(batch.accepted, 2)
  const { rows } = await world.app.services.pool.query(`select count(*)::int as n from jobs.job where name = 'quality.evaluate'`)
  assert.equal(rows[0].n, 0)
  assert.equal((await rulesOf(provider, entry)).trend.length, 1)
})

test('scores are weighted, kept for every delivery, and can be worked out again from the counts that are kept', async t => {
  const { world, authority, provider, entry } = await home(t, 'shuangpai')
  await add(provider, entry, { check: { kind: 'codes', item: 'c7', codes: ['营业'] }, dimension: 'accurate', weight: 3, threshold: 1 })
  await add(provider, entry, { check: { kind: 'length', item: 'c2', min: 1 }, dimension: 'accurate', weight: 1, threshold: 1 })
  await add(provider, entry, { check: { kind: 'unique', items: ['c2'] }, dimension: 'truthful', weight: 2, threshold: 1 })
  const { source } = await counted(provider, entry, good)
  world.later(10)
  await counted(provider, entry, good.replace('停业', '营业'), source)
  const { trend } = await rulesOf(provider, entry)
  const accurate = trend.map(x => x.dimensions.find(d => d.key === 'accurate')!.score)
  // Half of the rows fail the rule of weight 3, none the one of weight 1.
  assert.deepEqual(accurate, [62.5, 100])
  assert.equal(trend[0]!.dimensions.find(d => d.key === 'truthful')!.label, '真实性')
  const { pool } = world.app.services
  const { rows } = await pool.query('select * from quality.score order by at')
  const named = (await provider.ok(contract.entryQuality, { params: { code: entry.code } })).dimensions.filter(
    d => d.key !== 'truthful',
  ) as never
  for (const [i, kept] of rows.entries()) {
    const { rows: measures } = await pool.query('select kind, checked, failed, note from quality.measure where batch_id = $1', [
      kept.batch_id,
    ])
    const { rows: rules } = await pool.query(
      'select title, dimension, weight, checked, failed, fault from quality.rule_result where batch_id = $1',
      [kept.batch_id],
    )
    const again = scoreOf(named, { measures, rules, ...kept.facts })
    assert.equal(again.total, kept.total)
    assert.deepEqual(
      again.dimensions.map(d => d.score),
      kept.dimensions.map((d: { score: number }) => d.score),
    )
    assert.equal(trend[i]!.score, kept.total)
  }
  assert.ok(trend[0]!.score! < trend[1]!.score!)
  const seen = await authority.ok(contract.entryScores, { query: {} })
  assert.deepEqual(
    seen.rows.map(r => [r.title, r.score, r.rules]),
    [['养老机构名录', trend[1]!.score, 3]],
  )
  assert.deepEqual(
    seen.trend.map(w => [w.week, w.score]),
    [['2026-05-18', trend[1]!.score]],
  )
})

test('a share over its threshold opens one ticket with a date; it closes with a delivery that passes, or with a reason', async t => {
  const p = await home(t)
  const { world, provider, authority, entry } = p
  await add(provider, entry, { check: checks.codes![0], title: '状态在代码表内', threshold: 0.2 })
  await add(provider, entry, { check: checks.format![0], title: '电话是手机号码', threshold: 0.5 })
  const { source } = await counted(provider, entry, homes)
  const [ticket, ...others] = await ticketsOf(p)
  assert.equal(others.length, 0)
  const seen = await provider.ok(procedure.caseByNo, { params: { no: ticket!.no } })
  assert.deepEqual([seen.waitingFor, seen.due, seen.clocks[0]?.origin], ['提供局', '2026-06-04', 'platform'])
  assert.match(seen.form[0]!.value, /状态在代码表内：批次 \S+ 检查 4 行，2 行不符合，占 50%，超过 20%/)
  assert.equal((await rulesOf(provider, entry)).rules[0]!.ticket, ticket!.no)
  // While it is open there is no second one.
  world.later(10)
  await counted(provider, entry, homes.replace('A004', 'A005'), source)
  assert.equal((await ticketsOf(p)).length, 1)
  const note = { correctionNote: '已按台账更正状态。' }
  const refused = await tryAct(provider, ticket!.no, 'close', note)
  assert.deepEqual([refused.problem.reason, /5 行中 2 行不符合/.test(refused.problem.detail)], ['correction-missing', true])
  world.at('2026-05-25')
  const right = homes.replaceAll('停业', '营业')
  await counted(provider, entry, right, source)
  assert.ok((await provider.ok(procedure.notices, {})).rows.some(n => /已通过检查，问题单 \S+ 可以办结/.test(n.text)))
  const done = await act(provider, ticket!.no, 'close', note)
  assert.deepEqual([done.ended, done.stateLabel], [true, '已整改'])
  // Another failure is another ticket; with a reason it closes too, and the authority reads it.
  world.at('2026-05-26')
  await counted(provider, entry, homes, source)
  const next = (await ticketsOf(p)).find(c => c.no !== ticket!.no)!
  world.at('2026-06-10')
  assert.deepEqual(
    (await authority.ok(contract.tickets, { query: {} })).rows.map(r => [r.no, r.inTime, r.stateLabel]),
    [
      [next.no, false, '逾期'],
      [ticket!.no, true, '已办结'],
    ],
  )
  await act(provider, next.no, 'explain', { reason: '“停业”是新增的状态，代码表正在变更。' })
  const { departments, rows } = await provider.ok(contract.tickets, { query: {} })
  assert.deepEqual(
    departments.map(d => [d.department, d.opened, d.counted, d.inTime, d.rate]),
    [['提供局', 2, 2, 1, 50]],
  )
  assert.deepEqual(
    rows.map(r => r.closed),
    ['2026-05-25', '2026-06-10'],
  )
  assert.deepEqual((await provider.ok(contract.tickets, { query: { from: '2026-05-01', to: '2026-05-22' } })).departments[0]!.opened, 1)
  const other = await world.person({ department: '申请局', roles: ['steward'] })
  assert.deepEqual((await other.ok(contract.tickets, { query: {} })).rows, [])
})

test('a score under the limit opens a ticket; a place with its own correction procedure uses that', async t => {
  const p = await home(t, 'henan')
  const { provider, entry } = p
  await add(provider, entry, { check: checks.codes![0], dimension: 'accurate', weight: 10, threshold: 1 })
  await provider.ok(contract.setLimit, { params: { code: entry.code }, body: { limit: 90 } })
  await counted(provider, entry, homes)
  assert.equal((await ticketsOf(p)).length, 0)
  const tasks = (await provider.ok(procedure.cases, { query: { procedure: 'correction-task' } })).rows
  assert.equal(tasks.length, 1)
  assert.match((await provider.ok(procedure.caseByNo, { params: { no: tasks[0]!.no } })).form[0]!.value, /得分是 [\d.]+，低于 90/)
})

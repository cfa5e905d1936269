import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import * as aggregation from '../../../../contract/aggregation.ts'
import * as contract from '../../../../contract/bases.ts'
import * as procedure from '../../../../contract/procedure.ts'
import { anEntry, change, content, identity, idNumber, load, region, settled, setUp } from '../../../../test/support/bases.ts'
import { act, aPlace, anEntry as aRegisteredEntry, connect } from '../../../../test/support/country.ts'
import { creditCode } from '../../../../test/support/world.ts'
import { systemContext } from '../../../platform/context.ts'
import { newId } from '../../../platform/id.ts'
import { createGrant } from '../../delivery/public.ts'
import { creditCheck } from '../../organization/public.ts'
import { removeRecord } from '../remove.ts'
import { tableName } from '../rules.ts'

async function population(t: TestContext) {
  const w = await setUp(t)
  const hukou = await anEntry(w.world, w.police, '户籍人口', [identity, { name: '姓名' }, { name: '住址' }])
  const marriage = await anEntry(w.world, w.civil, '婚姻登记', [
    { name: '登记号', identifier: true, required: true },
    { name: '身份证号' },
    { name: '姓名' },
    { name: '婚姻状况' },
  ])
  const clinic = await anEntry(w.world, w.health, '健康档案', [
    identity,
    { name: '姓名' },
    { name: '住址' },
    { name: '身高', type: 'N', length: 6 },
  ])
  const result = await anEntry(
    w.world,
    w.builder,
    '人口基础信息',
    [
      identity,
      { name: '姓名', description: '户籍登记的姓名', semantic: 'person-name' },
      { name: '住址' },
      { name: '婚姻状况' },
      { name: '身高', type: 'N', length: 6 },
    ],
    { kind: 1 },
  )
  const made = await w.builder.ok(contract.createBaseDatabase, { body: { theme: '人口', title: '人口基础数据库' } })
  const plan: contract.BasePlan = {
    subject: 'person',
    sources: [
      { entryId: hukou.id, identifier: 'c1' },
      { entryId: marriage.id, identifier: 'c2' },
      { entryId: clinic.id, identifier: 'c1' },
    ],
    attributes: [
      {
        item: 'c2',
        rest: 'order',
        sources: [
          { entryId: marriage.id, item: 'c3', authority: false },
          { entryId: hukou.id, item: 'c2', authority: true },
          { entryId: clinic.id, item: 'c2', authority: false },
        ],
      },
      {
        item: 'c3',
        rest: 'newest',
        sources: [
          { entryId: hukou.id, item: 'c3', authority: true },
          { entryId: clinic.id, item: 'c3', authority: false },
        ],
      },
      { item: 'c4', rest: 'order', sources: [{ entryId: marriage.id, item: 'c4', authority: true }] },
      { item: 'c5', rest: 'order', sources: [{ entryId: clinic.id, item: 'c4', authority: true }] },
    ],
  }
  return { ...w, hukou, marriage, clinic, result, id: made.id!, plan }
}
const [zhang, li, wang, chen] = [1, 2, 3, 4].map(idNumber) as [string, string, string, string]

test('a base takes each attribute from its authority, fills gaps in order, and tells where every value came from', async t => {
  const p = await population(t)
  const first = await load(p.police, p.hukou, `公民身份号码,姓名,住址\n${zhang},张三,东街1号\n${li},李四,\n${wang},,西街3号\n`)
  // Old and oddly written numbers are the same person: fifteen digits, spaces and full width.
  const old = chen.slice(0, 6) + chen.slice(8, 17)
  await load(
    p.civil,
    p.marriage,
    `登记号,身份证号,姓名,婚姻状况\nM1,${zhang.slice(0, 6)} ${zhang.slice(6)},张三 ,已婚\nM2,${li.toLowerCase()},李泗,未婚\nM3,${old},陈六,离异\nM4,12345,无人,已婚\n`,
  )
  await load(p.health, p.clinic, `公民身份号码,姓名,住址,身高\n${li},李四,南街2号,170\n${wang},王五,,165.50\n`)
  await p.builder.ok(contract.declareBase, { params: { id: p.id }, body: { version: 0, entryId: p.result.id, plan: p.plan } })
  const d = await settled(p.world, p.builder, p.id)
  assert.equal(d.trouble, null)
  assert.deepEqual(await content(p.world, p.result), [
    { _key: zhang, c1: zhang, c2: '张三', c3: '东街1号', c4: '已婚', c5: null },
    { _key: li, c1: li, c2: '李四', c3: '南街2号', c4: '未婚', c5: '170' },
    { _key: wang, c1: wang, c2: '王五', c3: '西街3号', c4: null, c5: '165.50' },
    { _key: chen, c1: chen, c2: '陈六', c3: null, c4: '离异', c5: null },
  ])
  assert.deepEqual(
    d.from.map(f => [f.title, f.rows, f.matched]),
    [
      ['户籍人口', 3, 3],
      ['婚姻登记', 4, 3],
      ['健康档案', 2, 2],
    ],
  )
  // 「张三 」 and 「张三」 do not differ; 李四 and 李泗 do.
  assert.deepEqual(
    d.conflicts.map(c => [c.itemName, c.chosen, c.other, c.open]),
    [['姓名', '户籍人口', '婚姻登记', 1]],
  )

  const seen = await p.builder.ok(contract.databaseRecord, { params: { id: p.id }, body: { identifier: li } })
  const name = seen.values.find(v => v.item === 'c2')!
  assert.deepEqual(
    [name.value, name.origin?.entry, name.origin?.batchNo, name.origin?.authority],
    ['李四', '户籍人口', first.batch.no, true],
  )
  assert.deepEqual(
    name.others.map(o => [o.department, o.value, o.differs]),
    [
      ['民政局', '李泗', true],
      ['卫健委', '李四', false],
    ],
  )
  const address = seen.values.find(v => v.item === 'c3')!
  assert.deepEqual([address.value, address.origin?.department, address.origin?.authority], ['南街2号', '卫健委', false])
  assert.ok(seen.values.every(v => !v.pending))

  // A batch touches its own people only; a value that stays keeps the batch that brought it.
  const second = await load(p.police, p.hukou, `公民身份号码,姓名,住址\n${li},李四,北街9号\n`, first.source)
  const after = await settled(p.world, p.builder, p.id)
  assert.deepEqual(
    [after.refreshes[0]!.full, after.refreshes[0]!.touched, after.refreshes[0]!.changed, after.refreshes[0]!.batches],
    [false, 1, 1, [second.batch.no]],
  )
  const again = await p.builder.ok(contract.databaseRecord, { params: { id: p.id }, body: { identifier: li } })
  assert.deepEqual(
    ['c2', 'c3'].map(item => again.values.find(v => v.item === item)!.origin!.batchNo),
    [first.batch.no, second.batch.no],
  )
  assert.equal(again.values.find(v => v.item === 'c3')!.others[0]?.value, '南街2号')
  // The same file again changes nothing, so nothing is refreshed.
  await load(p.police, p.hukou, `公民身份号码,姓名,住址\n${li},李四,北街9号\n`, first.source)
  assert.equal((await settled(p.world, p.builder, p.id)).refreshes.length, after.refreshes.length)

  const stranger = await p.police.call(contract.databaseRecord, { params: { id: p.id }, body: { identifier: li } })
  assert.deepEqual([stranger.status, stranger.problem.code], [403, 'aggregation.database_owner'])
  const { body: none } = await p.builder.call(contract.databaseRecord, { params: { id: p.id }, body: { identifier: idNumber(99) } })
  assert.equal((none as unknown as { code: string }).code, 'aggregation.record_not_found')
  // One way in: the entry of a base takes no files.
  const file = await p.builder.call(aggregation.createSource, { body: { entryId: p.result.id, kind: 'file' } })
  assert.equal(file.problem.code, 'aggregation.entry_derived')
})

test('differences become one case for the authority of the value; its decision or a correction settles them', async t => {
  const p = await population(t)
  const lines = (name: (n: number) => string) => Array.from({ length: 30 }, (_, n) => `${idNumber(n)},${name(n)},某路${n}号`).join('\n')
  const hukou = await load(p.police, p.hukou, `公民身份号码,姓名,住址\n${lines(n => `甲${n}`)}\n`)
  await load(p.health, p.clinic, `公民身份号码,姓名,住址\n${lines(n => (n < 25 ? `乙${n}` : `甲${n}`))}\n`)
  await p.builder.ok(contract.declareBase, { params: { id: p.id }, body: { version: 0, entryId: p.result.id, plan: p.plan } })
  await settled(p.world, p.builder, p.id)
  const conflicts = async (query: object = {}) => (await p.builder.ok(contract.databaseConflicts, { params: { id: p.id }, query })).rows
  const opened = async () => {
    for (let i = 0; i < 100; i++) {
      const rows = await conflicts()
      if (rows.every(r => r.caseNo || r.state === 'agreed')) return rows
      await sleep(50)
    }
    throw new Error('no case')
  }
  const rows = await opened()
  assert.deepEqual([rows.length, new Set(rows.map(r => r.caseNo)).size], [25, 1])
  const no = rows[0]!.caseNo!
  const doubt = (await p.police.ok(procedure.caseByNo, { params: { no } })).form.find(f => f.name === 'doubt')!.value
  assert.match(doubt, /25 处不一致，先列 20 处/)
  assert.match(doubt, /350100\*{8}/)
  assert.doesNotMatch(doubt, new RegExp(idNumber(3)))
  // Both sides see their list; who has no side sees none.
  assert.equal((await p.police.ok(contract.databaseConflicts, { params: { id: p.id }, query: { case: no } })).total, 25)
  assert.equal((await p.civil.ok(contract.databaseConflicts, { params: { id: p.id } })).total, 0)

  // The authority corrects one in its next batch: that conflict closes by itself, the others stay with their case.
  await load(p.police, p.hukou, `公民身份号码,姓名,住址\n${idNumber(0)},乙0,某路0号\n`, hukou.source)
  await settled(p.world, p.builder, p.id)
  assert.deepEqual(
    [(await conflicts({ state: 'agreed' })).map(r => r.key), (await conflicts({ state: 'open' })).length],
    [[idNumber(0)], 24],
  )
  // It confirms the rest: the values stand, and the same difference is not asked again.
  await act(p.builder, no, 'uphold', { reason: '经核对户籍底册，以户口登记的姓名为准。' })
  assert.deepEqual([(await conflicts({ state: 'settled' })).length, (await conflicts({ state: 'open' })).length], [24, 0])
  await p.builder.ok(contract.rebuildDatabase, { params: { id: p.id } })
  const rebuilt = await settled(p.world, p.builder, p.id)
  assert.deepEqual(
    [rebuilt.refreshes[0]!.full, rebuilt.refreshes[0]!.changed, rebuilt.conflicts.map(x => [x.open, x.settled, x.agreed])],
    [true, 0, [[0, 24, 1]]],
  )
  // Another value is another difference.
  await load(p.police, p.hukou, `公民身份号码,姓名,住址\n${idNumber(1)},丙1,某路1号\n`, hukou.source)
  await settled(p.world, p.builder, p.id)
  const fresh = (await opened()).filter(r => r.state === 'open')
  assert.deepEqual([fresh.map(r => [r.key, r.chosen.value]), fresh[0]!.caseNo !== no], [[[idNumber(1), '丙1']], true])
  // It admits an error and then corrects something else: what still differs is asked again.
  p.world.later(5)
  await act(p.builder, fresh[0]!.caseNo!, 'confirm')
  await load(p.police, p.hukou, `公民身份号码,姓名,住址\n${idNumber(40)},新人,某路40号\n`, hukou.source)
  await act(p.police, fresh[0]!.caseNo!, 'correct', { correctionNote: '已按底册更正并重新入库。' })
  await p.world.job('aggregation.conflicts', { id: p.id })
  const asked = (await conflicts({ state: 'open' })).find(r => r.key === idNumber(1))!
  assert.ok(asked.caseNo && asked.caseNo !== fresh[0]!.caseNo)
})

test('a base leaves like any entry: under a grant, by the data API; who is in no source any more is gone from it', async t => {
  const p = await population(t)
  const hukou = await load(p.police, p.hukou, `公民身份号码,姓名,住址\n${zhang},张三,东街1号\n${li},李四,南街2号\n`)
  await p.builder.ok(contract.declareBase, { params: { id: p.id }, body: { version: 0, entryId: p.result.id, plan: p.plan } })
  await settled(p.world, p.builder, p.id)
  const { services } = p.world.app
  const grant = await services.db.transaction().execute(tx =>
    createGrant(tx, systemContext(services), {
      entryId: p.result.id,
      entryVersion: 1,
      granteeDepartmentId: p.civil.departmentId,
      systemId: null,
      items: [
        { key: 'c1', treatment: 'plain' },
        { key: 'c2', treatment: 'masked' },
      ],
      purpose: '核对救助资格',
      basis: '',
      approver: '大数据委',
      from: '2026-01-01',
      until: null,
      quotaPerDay: null,
      caseId: null,
      caseNo: null,
      method: 'api',
      cite: { regulation: 'platform', title: '平台', article: '共享', text: '按批准的范围提供。' },
    }),
  )
  const developer = await p.world.person({ department: '民政局', roles: ['developer'] })
  const read = await connect(p.world, developer, grant.id)
  const path = p.result.code.replace('/', '-')
  const got = (await read(path, { filter: JSON.stringify({ 公民身份号码: li }) })).body as unknown as { rows: object[] }
  assert.deepEqual(got.rows, [{ 公民身份号码: li, 姓名: '李**' }])
  const { approved } = await services.db.transaction().execute(async tx => ({
    approved: await removeRecord(tx, systemContext(services), p.hukou.id, li, newId()),
  }))
  assert.equal(approved, true)
  const after = await settled(p.world, p.builder, p.id)
  assert.deepEqual([after.rows, after.refreshes[0]!.removed], [1, 1])
  assert.deepEqual(((await read(path, { filter: JSON.stringify({ 公民身份号码: li }) })).body as unknown as { rows: object[] }).rows, [])
  const { rows } = await services.pool.query(`select c2 from pool.h_${tableName(p.result.id)} where _key = $1`, [li])
  assert.deepEqual(rows, [{ c2: '李四' }])
  assert.equal(hukou.batch.accepted, 2)
})

test('its entry is registered and reviewed like any other; that it holds the items of its sources is no duplicate', async t => {
  const p = await aPlace(t, 'henan')
  const source = await p.register(aRegisteredEntry())
  const builder = await p.world.person({ department: '河南省主管部门', roles: ['steward', 'bureau'] })
  const base = await p.register(aRegisteredEntry({ title: '自然人基础信息', kind: 1, leadDepartment: '河南省主管部门' }), builder)
  const made = await builder.ok(contract.createBaseDatabase, { body: { theme: '自然人' } })
  const plan: contract.BasePlan = {
    subject: 'person',
    sources: [{ entryId: source.id, identifier: 'c1' }],
    attributes: ['c2', 'c3'].map(item => ({ item, rest: 'order' as const, sources: [{ entryId: source.id, item, authority: true }] })),
  }
  await builder.ok(contract.declareBase, { params: { id: made.id! }, body: { version: 0, entryId: base.id, plan } })
  const empty = await settled(p.world, builder, made.id!)
  assert.deepEqual([empty.trouble, empty.rows, empty.refreshes.length], [null, 0, 1])
})

test('bodies meet by credit code, old organisation codes within it', async t => {
  const w = await setUp(t)
  const items = [{ name: '机构代码', identifier: true, required: true }, { name: '名称' }]
  const [old, now] = [await anEntry(w.world, w.civil, '组织机构档案', items), await anEntry(w.world, w.health, '医疗机构', items)]
  const result = await anEntry(
    w.world,
    w.builder,
    '法人基础信息',
    [{ name: '统一社会信用代码', semantic: 'credit-code', length: 18 }, { name: '名称' }],
    { kind: 1 },
  )
  const made = await w.builder.ok(contract.createBaseDatabase, { body: { theme: '法人' } })
  // The code's ninth to seventeenth characters with a right check character of their own.
  const organisation = 'MA2XQ7JT'
  const weights = [3, 7, 9, 10, 5, 8, 4, 2]
  const sum = [...organisation].reduce((s, ch, i) => s + weights[i]! * '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'.indexOf(ch), 0)
  const nine = organisation + '0X987654321'[sum % 11]
  const body = `91${region}${nine}`
  const code = body + creditCheck(body)
  const other = creditCode(region, 900)
  const source = (await load(w.civil, old, `机构代码,名称\n${nine.slice(0, 8)}-${nine.slice(8)},甲医院\n${other},乙所\n`)).source
  const plan: contract.BasePlan = {
    subject: 'organisation',
    sources: [old, now].map(e => ({ entryId: e.id, identifier: 'c1' })),
    attributes: [{ item: 'c2', rest: 'order', sources: [old, now].map((e, i) => ({ entryId: e.id, item: 'c2', authority: i === 0 })) }],
  }
  await w.builder.ok(contract.declareBase, { params: { id: made.id! }, body: { version: 0, entryId: result.id, plan } })
  await settled(w.world, w.builder, made.id!)
  assert.deepEqual(
    (await content(w.world, result)).map(r => r._key),
    [other, nine].sort(),
  )
  // The credit code arrives: the record goes on under it.
  await load(w.health, now, `机构代码,名称\n${code},甲医院（新）\n`)
  await settled(w.world, w.builder, made.id!)
  assert.deepEqual(
    (await content(w.world, result)).map(r => [r._key, r.c1, r.c2]),
    [
      [code, code, '甲医院'],
      [other, other, '乙所'],
    ].sort(),
  )
  const seen = await w.builder.ok(contract.databaseRecord, { params: { id: made.id! }, body: { identifier: nine } })
  assert.equal(seen.key, code)
  assert.equal((await settled(w.world, w.builder, made.id!)).conflicts[0]?.open, 1)
  assert.equal(source.ready, true)
})

test('what a plan may not say is refused with the place of each fault', async t => {
  const p = await population(t)
  const declare = async (plan: contract.BasePlan, entryId = p.result.id, version = 0) =>
    p.builder.call(contract.declareBase, { params: { id: p.id }, body: { version, entryId, plan } })
  const codes = (a: { problem: { errors?: { code: string }[] } }) => (a.problem.errors ?? []).map(e => e.code)
  const two = structuredClone(p.plan)
  two.attributes[0]!.sources[0]!.authority = true
  assert.deepEqual(codes(await declare(two)), ['one-authority'])
  const none = structuredClone(p.plan)
  none.attributes[0]!.sources[1]!.authority = false
  assert.deepEqual(codes(await declare(none)), ['one-authority'])
  assert.deepEqual(codes(await declare(p.plan, p.hukou.id)).slice(0, 2), ['not-your-entry', 'entry-kind'])
  const free = await anEntry(
    p.world,
    p.builder,
    '人口（无条件）',
    [identity, { name: '姓名' }, { name: '住址' }, { name: '婚姻状况' }, { name: '身高', type: 'N' }],
    { kind: 1, shareClass: 'unconditional' },
  )
  assert.ok(codes(await declare(p.plan, free.id)).includes('source-stricter'))
  const secret = await anEntry(p.world, p.police, '涉案人员', [identity, { name: '姓名' }], { shareClass: 'denied' })
  const denied: contract.BasePlan = {
    subject: 'person',
    sources: [{ entryId: secret.id, identifier: 'c1' }],
    attributes: [{ item: 'c2', rest: 'order', sources: [{ entryId: secret.id, item: 'c2', authority: true }] }],
  }
  assert.deepEqual(codes(await declare(denied)), ['source-denied', 'source-denied'])
  const numbers = structuredClone(p.plan)
  numbers.attributes[3]!.sources[0]!.item = 'c2'
  assert.deepEqual(codes(await declare(numbers)), ['type-mismatch'])
  assert.equal((await declare(p.plan, p.result.id, 7)).problem.code, 'aggregation.database_changed')
  const other = await p.police.call(contract.declareBase, {
    params: { id: p.id },
    body: { version: 0, entryId: p.result.id, plan: p.plan },
  })
  assert.equal(other.problem.code, 'aggregation.database_owner')
})

// ── incremental = made anew ──
const step = fc.record({
  source: fc.integer({ min: 0, max: 2 }),
  rows: fc.uniqueArray(
    fc.record({
      key: fc.integer({ min: 0, max: 5 }),
      id: fc.integer({ min: 0, max: 6 }),
      a: fc.integer({ min: 0, max: 3 }),
      b: fc.integer({ min: 0, max: 3 }),
    }),
    { minLength: 1, maxLength: 5, selector: r => r.key },
  ),
  gone: fc.option(fc.integer({ min: 0, max: 5 }), { nil: null }),
})
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

const word = (n: number, values: (string | null)[]) => values[n] ?? null

test('whatever happens to the sources, refreshing what changed gives what making it anew gives: bases', async t => {
  const p = await population(t)
  const entries = [p.hukou, p.marriage, p.clinic]
  const rowOf = (source: number, r: Step['rows'][number]): (string | null)[] => {
    const id = r.id === 0 ? null : r.id === 1 ? '不详' : r.id === 2 ? ` ${idNumber(2).toLowerCase()}` : idNumber(r.id)
    const name = word(r.a, [null, '张三', '张三 ', '李四'])
    if (source === 1) return [`M${r.key}`, id, name, word(r.b, [null, '已婚', '未婚'])]
    const place = word(r.b, [null, '东街', '西街', ''])
    return source === 0 ? [idNumber(r.key), name, place] : [idNumber(r.key), name, place, word(r.a, [null, '170', '170.0', '171'])]
  }
  for (const [by, entry, csv] of [
    [p.police, p.hukou, `公民身份号码,姓名,住址\n${idNumber(0)},甲,乙\n`],
    [p.civil, p.marriage, `登记号,身份证号,姓名,婚姻状况\nM0,${idNumber(0)},甲,已婚\n`],
    [p.health, p.clinic, `公民身份号码,姓名,住址,身高\n${idNumber(0)},甲,乙,1\n`],
  ] as const)
    await load(by, entry, csv)
  await p.builder.ok(contract.declareBase, { params: { id: p.id }, body: { version: 0, entryId: p.result.id, plan: p.plan } })
  await settled(p.world, p.builder, p.id)
  const { pool } = p.world.app.services
  const conflicts = async () =>
    (
      await pool.query(
        'select id, item, chosen_entry, chosen_value, other_entry, other_value from aggregation.conflict where closed is null order by 1, 2, 5',
      )
    ).rows
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async steps => {
      for (const s of steps) {
        const rows = s.rows.map(r => rowOf(s.source, r))
        const gone = s.gone === null ? null : s.source === 1 ? `M${s.gone}` : idNumber(s.gone)
        await change(p.world, entries[s.source]!, rows, rows.some(r => r[0] === gone) ? null : gone)
        // Several changes may be taken up at once.
        if (s.rows.length % 2) await p.world.job('aggregation.refresh', { id: p.id })
      }
      await p.world.job('aggregation.refresh', { id: p.id })
      const [table, open] = [await content(p.world, p.result), await conflicts()]
      await pool.query('update aggregation.derived set stale = true where id = $1', [p.id])
      await p.world.job('aggregation.refresh', { id: p.id })
      assert.deepEqual(await content(p.world, p.result), table)
      assert.deepEqual(await conflicts(), open)
      const { rows: last } = await pool.query(
        'select "full", added, changed, removed from aggregation.refresh where derived_id = $1 order by no desc limit 1',
        [p.id],
      )
      assert.deepEqual(last, [{ full: true, added: 0, changed: 0, removed: 0 }])
      // And a plain reading of the rule, row by row, says the same.
      assert.deepEqual(table, await plain(p))
    }),
    { numRuns: 25 },
  )
})

/** The rule in ten lines: authority first, then the order of the sources (addresses: the newest), never nothing where somebody says something. */
async function plain(p: Awaited<ReturnType<typeof population>>) {
  const { pool } = p.world.app.services
  const said: { id: string; place: number; item: string; value: string; at: number; key: string }[] = []
  for (const [n, s] of p.plan.sources.entries())
    for (const a of p.plan.attributes)
      for (const x of a.sources.filter(y => y.entryId === s.entryId)) {
        const { rows } = await pool.query(
          `select ${s.identifier} as id, ${x.item}::text as value, (extract(epoch from _updated) * 1000000)::bigint as at, _key as key from pool.e_${tableName(s.entryId)}`,
        )
        for (const r of rows) said.push({ ...r, id: r.id?.trim().toUpperCase() ?? '', place: n, item: a.item })
      }
  const ids = [...new Set(said.map(s => s.id))].filter(id => /^\d{17}[\dX]$/.test(id)).sort()
  return ids.map(id => ({
    _key: id,
    c1: id,
    ...Object.fromEntries(
      p.plan.attributes.map(a => {
        const order = a.sources.map(s => p.plan.sources.findIndex(x => x.entryId === s.entryId))
        const authority = order[a.sources.findIndex(s => s.authority)]
        const mine = said.filter(s => s.id === id && s.item === a.item && s.value)
        mine.sort(
          (x, y) =>
            Number(y.place === authority) - Number(x.place === authority) ||
            (a.rest === 'newest' ? y.at - x.at : 0) ||
            order.indexOf(x.place) - order.indexOf(y.place) ||
            y.at - x.at ||
            (x.key < y.key ? -1 : 1),
        )
        return [a.item, mine[0]?.value ?? null]
      }),
    ),
  }))
}

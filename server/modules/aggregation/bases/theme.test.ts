import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import * as contract from '../../../../contract/bases.ts'
import { anEntry, change, content, type Entry, load, settled, setUp } from '../../../../test/support/bases.ts'
import type { Person, World } from '../../../../test/support/world.ts'
import { systemContext } from '../../../platform/context.ts'
import { createGrant } from '../../delivery/public.ts'

const cite = { regulation: 'platform', title: '平台', article: '共享', text: '按批准的范围提供。' }
/** The lead department may use these items of another's entry, as a decision would have it. */
const grant = (world: World, to: Person, entry: Entry, keys: string[], treatment: 'plain' | 'masked' = 'plain') => {
  const { services } = world.app
  return services.db.transaction().execute(tx =>
    createGrant(tx, systemContext(services), {
      entryId: entry.id,
      entryVersion: 1,
      granteeDepartmentId: to.departmentId,
      systemId: null,
      items: keys.map(key => ({ key, treatment })),
      purpose: '建设主题数据库',
      basis: '',
      approver: '大数据委',
      from: '2026-01-01',
      until: null,
      quotaPerDay: null,
      caseId: null,
      caseNo: null,
      method: 'api',
      cite,
    }),
  )
}

async function theme(t: TestContext) {
  const w = await setUp(t)
  const text = (...names: string[]) => names.map((name, i) => ({ name, ...(i === 0 && { identifier: true, required: true }) }))
  const clinics = await anEntry(w.world, w.health, '医疗机构', text('机构编号', '许可证号', '名称', '区划'))
  const fines = await anEntry(w.world, w.police, '处罚', text('文书号', '许可证号', '事由代码'))
  const causes = await anEntry(w.world, w.police, '事由', text('事由代码', '事由'))
  const areas = await anEntry(w.world, w.civil, '区划', text('区划', '区名'))
  const result = await anEntry(w.world, w.health, '医疗监管主题', text('机构编号', '名称', '区名', '文书号', '事由'), { kind: 2 })
  const made = await w.health.ok(contract.createThemeDatabase, { body: { theme: '医疗监管' } })
  const plan: contract.ThemePlan = {
    driving: clinics.id,
    joins: [
      { entryId: fines.id, kind: 'left', item: 'c2', to: { entryId: clinics.id, item: 'c2' } },
      { entryId: causes.id, kind: 'left', item: 'c1', to: { entryId: fines.id, item: 'c3' } },
      { entryId: areas.id, kind: 'inner', item: 'c1', to: { entryId: clinics.id, item: 'c4' } },
    ],
    columns: [
      { item: 'c1', entryId: clinics.id, from: 'c1' },
      { item: 'c2', entryId: clinics.id, from: 'c3' },
      { item: 'c3', entryId: areas.id, from: 'c2' },
      { item: 'c4', entryId: fines.id, from: 'c1' },
      { item: 'c5', entryId: causes.id, from: 'c2' },
    ],
  }
  const source = (await load(w.health, clinics, '机构编号,许可证号,名称,区划\nA1,L1,甲,01\nA2,L2,乙,01\nA3,L3,丙,09\n')).source
  await load(w.police, fines, '文书号,许可证号,事由代码\nF1,L1,X\nF2,L1,Y\n')
  await load(w.police, causes, '事由代码,事由\nX,超范围\n')
  const area = (await load(w.civil, areas, '区划,区名\n01,鼓楼\n')).source
  return { ...w, clinics, fines, causes, areas, result, id: made.id!, plan, source, area }
}

test('a theme is joined from entries its department may use, and follows their batches', async t => {
  const p = await theme(t)
  const declare = () =>
    p.health.call(contract.declareTheme, { params: { id: p.id }, body: { version: 0, entryId: p.result.id, plan: p.plan } })
  // Masked is no right to build on.
  await grant(p.world, p.health, p.fines, p.fines.keys, 'masked')
  const refused = await declare()
  assert.equal(refused.status, 422)
  assert.ok(refused.problem.errors!.every(e => e.code === 'no-access-grant'))
  assert.ok(refused.problem.errors!.some(e => /「处罚」的「文书号」.*（公安局）/.test(e.message)))
  for (const e of [p.fines, p.causes, p.areas]) await grant(p.world, p.health, e, e.keys)
  assert.equal((await declare()).status, 200)
  const first = await settled(p.world, p.health, p.id)
  assert.equal(first.trouble, null)
  const rows = async () => (await content(p.world, p.result)).map(r => [r.c1, r.c2, r.c3, r.c4, r.c5])
  assert.deepEqual(await rows(), [
    ['A1', '甲', '鼓楼', 'F1', '超范围'],
    ['A1', '甲', '鼓楼', 'F2', null],
    ['A2', '乙', '鼓楼', null, null],
  ])
  // An area appears: only what it touches is made.
  await load(p.civil, p.areas, '区划,区名\n09,台江\n', p.area)
  const next = await settled(p.world, p.health, p.id)
  assert.deepEqual([next.refreshes[0]!.full, next.refreshes[0]!.touched, next.refreshes[0]!.added], [false, 1, 1])
  assert.deepEqual((await rows()).at(-1), ['A3', '丙', '台江', null, null])

  // The right is gone: nothing is taken any more, and the page says so.
  await p.world.app.services.pool.query(`update delivery.grant set state = 'suspended' where entry_id = $1`, [p.areas.id])
  await load(p.health, p.clinics, '机构编号,许可证号,名称,区划\nA1,L1,甲甲,01\n', p.source)
  const stopped = await settled(p.world, p.health, p.id)
  assert.match(stopped.trouble!, /民政局/)
  assert.equal((await rows())[0]![1], '甲')
  await p.world.app.services.pool.query(`update delivery.grant set state = 'active' where entry_id = $1`, [p.areas.id])
  await p.world.job('aggregation.refresh', { id: p.id })
  assert.equal((await rows())[0]![1], '甲甲')
})

const step = fc.record({
  entry: fc.integer({ min: 0, max: 3 }),
  rows: fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })), {
    minLength: 1,
    maxLength: 4,
    selector: r => r[0],
  }),
  gone: fc.option(fc.integer({ min: 0, max: 4 }), { nil: null }),
})
test('whatever happens to the sources, refreshing what changed gives what making it anew gives: themes', async t => {
  const p = await theme(t)
  for (const e of [p.fines, p.causes, p.areas]) await grant(p.world, p.health, e, e.keys)
  await p.health.ok(contract.declareTheme, { params: { id: p.id }, body: { version: 0, entryId: p.result.id, plan: p.plan } })
  await settled(p.world, p.health, p.id)
  const { pool } = p.world.app.services
  const link = (prefix: string, n: number) => (n === 0 ? null : `${prefix}${n}`)
  const kinds: [Entry, (n: number) => string, (k: number, a: number, b: number) => (string | null)[]][] = [
    [p.clinics, k => `A${k}`, (k, a, b) => [`A${k}`, link('L', a), `名${b}`, link('0', b)]],
    [p.fines, k => `F${k}`, (k, a, b) => [`F${k}`, link('L', a), link('X', b)]],
    [p.causes, k => `X${k}`, (k, a) => [`X${k}`, link('因', a)]],
    [p.areas, k => `0${k}`, (k, a) => [`0${k}`, link('区', a)]],
  ]
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async steps => {
      for (const s of steps) {
        const [entry, keyOf, rowOf] = kinds[s.entry]!
        const gone = s.gone === null || s.rows.some(r => r[0] === s.gone) ? null : keyOf(s.gone)
        await change(
          p.world,
          entry,
          s.rows.map(([k, a, b]) => rowOf(k, a, b)),
          gone,
        )
        if (s.rows.length % 2) await p.world.job('aggregation.refresh', { id: p.id })
      }
      await p.world.job('aggregation.refresh', { id: p.id })
      const table = await content(p.world, p.result)
      await pool.query('update aggregation.derived set stale = true where id = $1', [p.id])
      await p.world.job('aggregation.refresh', { id: p.id })
      assert.deepEqual(await content(p.world, p.result), table)
      const e = (x: Entry) => `pool.e_${x.id.replaceAll('-', '').slice(-16)}`
      const { rows: said } = await pool.query(
        `select d.c1, d.c3 as c2, g.c2 as c3, f.c1 as c4, x.c2 as c5 from ${e(p.clinics)} d join ${e(p.areas)} g on g.c1 = d.c4
         left join ${e(p.fines)} f on f.c2 = d.c2 left join ${e(p.causes)} x on x.c1 = f.c3 order by d._key, f._key nulls first`,
      )
      assert.deepEqual(
        table.map(({ _key, ...row }) => row),
        said,
      )
    }),
    { numRuns: 25 },
  )
})

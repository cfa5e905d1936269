import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/delivery.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as supervision from '../../../contract/supervision.ts'
import { aGrant, cite } from '../../../test/support/delivery.ts'
import { systemContext } from '../../platform/context.ts'
import { disposalFaults } from './disposal.ts'
import { createGrant, setGrantState } from './public.ts'

const said = (...done: object[]) => ({ done: done as never, on: '2026-06-01' })

test('a statement names each way of delivery once, and every ground that keeps data', () => {
  const table: [string[], string[], object[], string[]][] = [
    [['api'], [], [{ way: 'api', done: 'deleted', basis: '', grant: '' }], []],
    [['api', 'file'], [], [{ way: 'api', done: 'deleted', basis: '', grant: '' }], ['field-missing']],
    [['api'], [], [{ way: 'file', done: 'deleted', basis: '', grant: '' }], ['field-missing', 'field-invalid']],
    [
      ['api'],
      [],
      [
        { way: 'api', done: 'deleted', basis: '', grant: '' },
        { way: 'api', done: 'returned', basis: '', grant: '' },
      ],
      ['field-invalid'],
    ],
    [['api'], [], [{ way: 'api', done: 'kept', basis: '法', grant: '' }], ['basis-required']],
    [['api'], [], [{ way: 'api', done: 'kept', basis: '《档案法》第十三条', grant: '' }], []],
    [['api'], [], [{ way: 'api', done: 'continued', basis: '', grant: 'SQ-2026-0002' }], ['grant-missing']],
    [['api'], ['SQ-2026-0002'], [{ way: 'api', done: 'continued', basis: '', grant: 'SQ-2026-0002' }], []],
  ]
  for (const [received, later, done, codes] of table)
    assert.deepEqual(
      disposalFaults(received as never, later, said(...done), '2026-06-01', cite).list.map(f => f.code),
      codes,
      JSON.stringify([received, done]),
    )
  assert.deepEqual(
    disposalFaults(
      ['api'],
      [],
      { done: [{ way: 'api', done: 'deleted', basis: '', grant: '' }], on: '2026-06-02' },
      '2026-06-01',
      cite,
    ).list.map(f => f.pointer),
    ['/on'],
  )
})

test('when a grant has run out the consumer owes a word on the data: late is a finding, and both sides and the authority see it', async t => {
  const g = await aGrant(t)
  const { world } = g
  await world.department({ region: '350100', name: '市大数据委', roles: ['authority'] })
  const bureau = await world.person({ department: '市大数据委', roles: ['bureau'] })
  await world.department({ region: '350125', name: '县主管', roles: ['authority'] })
  const county = await world.person({ department: '县主管', roles: ['bureau'] })
  const steward = await world.person({ department: '永泰县医保局', roles: ['steward'], name: '医保专员' })
  const owner = await world.person({ department: '福州市民政局', roles: ['steward'] })
  const inspector = await world.person({ department: '双牌县医保局', roles: ['inspector'] })
  const stranger = await world.person({ department: '双牌县医保局', roles: ['steward'] })
  const { params } = g
  await g.rows({ limit: 2 })
  const done = { way: 'api', done: 'deleted' } as const
  const body = { done: [done], by: '信息科 王工', on: '2027-01-02' }
  const early = await steward.call(contract.stateDisposal, { params, body: { ...body, on: '2026-06-01' } })
  assert.deepEqual([early.status, early.problem.code], [409, 'grant.not_ended'])

  world.at('2027-01-04')
  await world.job('delivery.ended')
  await world.job('delivery.ended')
  const open = await steward.ok(contract.disposal, { params })
  assert.deepEqual(
    [open.ended, open.asked, open.due, open.late, open.platform, open.mayState, open.cite.article],
    [true, '2027-01-04', '2027-01-18', false, true, true, '授权结束后的数据处置'],
  )
  assert.deepEqual(
    open.received.map(r => [r.way, r.rows, r.times]),
    [['api', 2, 1]],
  )
  assert.equal(open.use.article, '第十八条第一款')
  const duties = await steward.ok(procedure.duties, { query: {} })
  assert.equal(duties.rows.filter(d => d.title.includes('怎样处置')).length, 1)

  // The day itself is in time; after it the authority of the provider's place hears of it, and once.
  const heard = async (who: typeof bureau) =>
    (await who.ok(procedure.notices)).rows.filter(n => n.text.includes('逾期没有说明数据处置')).map(n => [n.text, n.href])
  world.at('2027-01-18')
  await world.job('delivery.ended')
  assert.deepEqual(await heard(bureau), [])
  world.at('2027-02-01')
  await world.job('delivery.ended')
  await world.job('delivery.ended')
  const [late, ...more] = await heard(bureau)
  assert.match(late![0]!, /^永泰县医保局 逾期没有说明数据处置：授权 SQ-.*（城乡低保对象信息）已结束，应于 2027-01-18 前说明/)
  assert.deepEqual([late![1], more, await heard(county)], [`/workbench/grants/${g.id}`, [], []])
  const found = (await county.ok(supervision.suspicions, {})).filter(s => s.what.includes('说明数据处置'))
  assert.deepEqual(
    found.map(s => [s.breach, s.department, s.legal]),
    [['misuse', '永泰县医保局', false]],
  )
  assert.equal((await owner.call(contract.stateDisposal, { params, body })).problem.code, 'grant.not_yours')
  assert.equal((await stranger.call(contract.disposal, { params })).status, 404)
  const without = await steward.call(contract.stateDisposal, { params, body: { ...body, done: [{ way: 'api', done: 'kept' }] } })
  assert.deepEqual(
    [without.problem.code, without.problem.reason, without.problem.cite?.article],
    ['grant.disposal_incomplete', 'basis-required', '授权结束后的数据处置'],
  )
  assert.match(without.problem.remedy ?? '', /删除或退还/)
  const attachment = { name: '销毁清单.txt', text: '3 张表已清空' }
  const after = await steward.ok(contract.stateDisposal, { params, body: { ...body, attachment } })
  assert.deepEqual([after.late, after.statements[0]!.late, after.statements[0]!.by], [false, true, '信息科 王工'])
  for (const who of [owner, bureau, county, inspector]) {
    const seen = await who.ok(contract.disposal, { params })
    assert.deepEqual([seen.statements[0]!.done[0]!.doneLabel, seen.statements[0]!.attachment, seen.mayState], ['已删除', attachment, false])
  }
  assert.equal((await county.ok(supervision.suspicions, {})).filter(s => s.what.includes('说明数据处置')).length, 0)
  const told = await owner.ok(procedure.notices)
  assert.ok(told.rows.some(n => /已说明授权 .*的数据处置：服务接口：已删除（逾期）/.test(n.text)))
  assert.deepEqual(
    (await g.ledger()).filter(r => r.action?.startsWith('grant.dispos')).map(r => r.action),
    ['grant.disposal-asked', 'grant.dispose'],
  )
})

test('a revoked grant asks at once; a later grant of the same entry is a ground; without data nothing is owed', async t => {
  const g = await aGrant(t)
  const steward = await g.world.person({ department: '永泰县医保局', roles: ['steward'] })
  const { params } = g
  await g.rows({ limit: 1 })
  await steward.ok(contract.calls, { params })
  await g.set('revoked')
  assert.equal((await steward.ok(contract.disposal, { params })).asked, '2026-06-01')
  const body = { done: [{ way: 'api' as const, done: 'continued' as const, grant: 'SQ-2026-0002' }], by: '王工', on: '2026-06-01' }
  const none = await steward.call(contract.stateDisposal, { params, body })
  assert.equal(none.problem.reason, 'grant-missing')

  const { rows } = await g.services.pool.query('select * from delivery.grant')
  const old = rows[0]
  g.world.at('2026-06-02')
  const ctx = systemContext(g.services)
  const next = await g.services.db.transaction().execute(tx =>
    createGrant(tx, ctx, {
      entryId: old.entry_id,
      entryVersion: 1,
      granteeDepartmentId: old.grantee_department_id,
      systemId: null,
      items: [{ key: 'c3', treatment: 'plain' }],
      purpose: old.purpose,
      basis: '',
      approver: '陈主任',
      from: '2026-06-02',
      until: '2027-06-30',
      quotaPerDay: null,
      caseId: null,
      caseNo: null,
      method: 'api',
      cite,
    }),
  )
  assert.equal(next.no, 'SQ-2026-0002')
  const shown = await steward.ok(contract.stateDisposal, { params, body })
  assert.deepEqual([shown.later.map(l => l.no), shown.statements[0]!.done[0]!.grant], [['SQ-2026-0002'], 'SQ-2026-0002'])

  await g.services.db.transaction().execute(tx => setGrantState(tx, ctx, next.id, 'revoked', '不再需要', cite))
  const empty = await steward.ok(contract.disposal, { params: { id: next.id } })
  assert.deepEqual([empty.asked, empty.received, empty.mayState], [null, [], false])
  const nothing = await steward.call(contract.stateDisposal, { params: { id: next.id }, body: { ...body, on: '2026-06-02' } })
  assert.equal(nothing.problem.code, 'grant.nothing_received')
})

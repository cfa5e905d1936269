import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as audit from '../../../contract/audit.ts'
import * as contract from '../../../contract/regulation.ts'
import { aWorld } from '../../../test/support/world.ts'
import { systemContext } from '../../platform/context.ts'
import type { Problem } from '../../platform/problem.ts'
import { gateMode, passGate } from './public.ts'

const gate = {
  region: '350125',
  key: 'officer-filed',
  code: 'organization.officer',
  reason: 'officer-not-filed',
  detail: '还没有备案责任人。',
}

test('a block of ours says that it is ours; a region’s authority switches it to remind and record, and only there', async t => {
  const world = await aWorld(t, { day: '2026-11-20' })
  await world.department({ region: '350125', name: '县数据局', roles: ['authority'] })
  await world.department({ region: '350100', name: '市数据局', roles: ['authority'] })
  await world.department({ region: '350125', name: '县民政局' })
  const county = await world.person({ department: '县数据局', roles: ['bureau'] })
  const city = await world.person({ department: '市数据局', roles: ['bureau'] })
  const other = await world.person({ department: '县民政局', roles: ['bureau'] })
  const inspector = await world.person({ department: '县数据局', roles: ['inspector'] })
  const params = { code: '350125', key: 'officer-filed' }
  const body = { mode: 'remind', reason: '机构改革期间先提醒' }
  const pass = () => world.app.services.db.transaction().execute(tx => passGate(tx, systemContext(world.app.services), gate))

  const refused = (await pass().catch(error => error)) as Problem
  assert.equal(refused.details.reason, 'officer-not-filed')
  assert.match(refused.message, /平台约定，不是条文的规定/)
  for (const person of [city, other]) {
    const answer = await person.call(contract.switchGate, { params, body })
    assert.deepEqual([answer.status, answer.problem.reason], [403, 'not-competent'])
  }
  assert.equal((await county.call(contract.switchGate, { params: { ...params, key: 'no-such' }, body })).status, 404)

  const row = await county.ok(contract.switchGate, { params, body })
  assert.deepEqual([row.mode, row.standard, row.reason], ['remind', 'block', body.reason])
  assert.equal(await pass(), true)
  assert.equal(gateMode('350100', 'officer-filed'), 'block')
  const table = await inspector.ok(contract.gates, { params: { code: '350125' } })
  assert.equal(table.mayChange, false)
  assert.equal(table.rows.find(r => r.key === 'officer-filed')!.mode, 'remind')
  const { rows } = await inspector.ok(audit.ledger, { query: {} })
  assert.ok(rows.some(r => r.action === 'gate.switched' && r.content!.includes('提醒并记录')))
  assert.ok(rows.some(r => r.action === 'gate.reminded' && r.content === gate.detail))

  // A world of its own starts from the files again: the switch was this database's.
  await aWorld(t)
  assert.equal(gateMode('350125', 'officer-filed'), 'block')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as delivery from '../../../contract/delivery.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as contract from '../../../contract/sharing.ts'
import { act, aPlace, aPlainEntry, connect, fill } from '../../../test/support/country.ts'
import { application, give, rows } from '../../../test/support/sharing.ts'

test('a grant handed to a new officer: the old one no longer counts, the provider is told, and only the user’s own people take it over', async t => {
  const p = await aPlace(t, 'henan')
  const { world, provider, consumer } = p
  const entry = await p.register(aPlainEntry())
  await fill(world, entry, rows)
  const { no } = await consumer.ok(contract.apply, { body: { entryId: entry.id, form: application(p, ['c1', 'c2']) as never } })
  const decided = await act(provider, no, 'approve', give('c1'))
  const params = { id: decided.result!.href.split('/').at(-1)! }
  assert.equal((await consumer.ok(delivery.grant, { params })).officer, '申请专员')
  const next = await world.person({ department: '申请局', roles: ['developer'], name: '接手人' })
  await world.person({ department: '申请局', roles: ['inspector'], name: '不办数据' })
  const take = await connect(world, consumer, params.id)
  const as = (name: string) => take(entry.code, {}, { 'x-huitong-operator': encodeURIComponent(name) })
  const first = await as('申请专员')
  assert.equal(first.status, 200, JSON.stringify(first.problem))

  const [other] = await consumer.ok(contract.officerCandidates, { params })
  assert.equal(other!.name, '接手人')
  const body = { person: other!.id, reason: '调离岗位' }
  const foreign = await provider.call(contract.handOver, { params, body })
  assert.deepEqual([foreign.status, foreign.problem.code], [403, 'sharing.not_competent'])
  const silent = await consumer.call(contract.handOver, { params, body: { ...body, reason: '' } })
  assert.deepEqual(
    [silent.problem.code, silent.problem.reason, silent.problem.cite?.article],
    ['sharing.officer', 'reason-required', '使用记录'],
  )
  assert.equal(
    (await consumer.call(contract.handOver, { params, body: { ...body, person: params.id } })).problem.reason,
    'officer-not-found',
  )
  const after = await consumer.ok(contract.handOver, { params, body })
  assert.deepEqual([after.officer, after.formerOfficers], ['接手人', [{ name: '申请专员', until: '2026-05-21' }]])
  const old = await as('申请专员')
  assert.deepEqual([old.status, old.problem.reason, old.problem.cite?.article], [403, 'operator-replaced', '使用记录'])
  assert.equal((await as('接手人')).status, 200)
  assert.equal((await as('周倩')).status, 200)
  const notices = await provider.ok(procedure.notices)
  assert.ok(notices.rows.some(n => /由 申请专员 变更为 接手人：调离岗位/.test(n.text)))

  // Given back: who takes it over again counts again.
  const back = (await consumer.ok(contract.officerCandidates, { params })).find(p => p.name === '申请专员')!
  assert.equal((await next.call(contract.handOver, { params, body: { person: back.id, reason: '休假结束' } })).problem.code, 'access.role')
  await consumer.ok(contract.handOver, { params, body: { person: back.id, reason: '休假结束' } })
  assert.equal((await as('申请专员')).status, 200)
  assert.equal((await as('接手人')).problem.reason, 'operator-replaced')
})

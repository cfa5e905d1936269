import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import * as delivery from '../../../contract/delivery.ts'
import * as contract from '../../../contract/sharing.ts'
import { act, aPlace, aPlainEntry, tryAct } from '../../../test/support/country.ts'
import { application, grantOf } from '../../../test/support/sharing.ts'

test('both sides sign a text made of the decision; it is digested into the ledger and nobody can change it', async t => {
  const p = await aPlace(t, 'fuzhou')
  const { world, provider, consumer, authority } = p
  const entry = await p.register(aPlainEntry())
  const form = application(p, ['c1', 'c2'], { matters: ['补贴审核'], until: '2027-12-31' })
  const { no } = await consumer.ok(contract.apply, { body: { entryId: entry.id, form: form as never } })
  const treatments = [
    { key: 'c1', treatment: 'plain', only: ['A001'] },
    { key: 'c2', treatment: 'masked', profile: 'ends' },
  ]
  const longer = await tryAct(authority, no, 'approve', { treatments, until: '2028-01-01' })
  assert.deepEqual(
    [longer.problem.code, /到 2027-12-31，不能给到 2028-01-01/.test(longer.problem.detail)],
    ['sharing.more_than_asked', true],
  )
  const twice = await tryAct(authority, no, 'approve', {
    treatments: [...treatments, { key: 'c2', treatment: 'plain' }],
    until: '2027-12-31',
  })
  assert.equal(twice.problem.code, 'grant.item_twice')
  const params = { id: grantOf(await act(authority, no, 'approve', { treatments, until: '2027-06-30', quota: 50 })) }

  const draft = await consumer.ok(contract.agreement, { params })
  for (const part of [
    '使用部门 申请局',
    '机构编号（原样）、机构名称（脱敏（留首末字符））',
    '只提供「机构编号」为 A001 的记录',
    '用途：核对养老机构备案情况；事项：补贴审核；履职依据：养老服务补贴的审核职责',
    '服务接口，自 2026-05-21 起至 2027-06-30 止，每日不超过 50 次',
    '共享条件：',
    '第十八条',
    no,
  ])
    assert.ok(draft.text.includes(part), `${part} in\n${draft.text}`)
  assert.deepEqual([draft.open, draft.signed, draft.digest], [true, [], createHash('sm3').update(draft.text).digest('hex')])
  assert.equal((await provider.ok(delivery.grant, { params })).agreement, true)

  await act(consumer, no, 'sign', { accept: true, agreement: '数共享〔2026〕9 号' })
  await act(authority, no, 'sign', { accept: true })
  const signed = await provider.ok(contract.agreement, { params })
  assert.deepEqual([signed.open, signed.text, signed.digest], [false, draft.text, draft.digest])
  assert.deepEqual(
    signed.signed.map(s => [s.department, s.person, s.number]),
    [
      ['申请局', '申请专员', '数共享〔2026〕9 号'],
      ['福州市主管部门', '福州市主管', null],
    ],
  )
  const { services } = world.app
  await services.ledger.flush()
  const { rows } = await services.pool.query(`select r from audit.block b, unnest(b.records) r where r like '%grant.create%'`)
  assert.equal(JSON.parse(rows[0].r).data.agreement, draft.digest)
  for (const sql of [`update delivery.agreement set text = ''`, 'delete from delivery.agreement'])
    await assert.rejects(services.pool.query(sql), { code: '42501' })
  await world.department({ region: p.region, name: '别的局' })
  const stranger = await world.person({ department: '别的局', roles: ['steward'] })
  assert.equal((await stranger.call(contract.agreement, { params })).status, 404)
})

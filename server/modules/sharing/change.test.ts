import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as audit from '../../../contract/audit.ts'
import * as catalog from '../../../contract/catalog.ts'
import * as delivery from '../../../contract/delivery.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as contract from '../../../contract/sharing.ts'
import * as supervision from '../../../contract/supervision.ts'
import { act, aPlace, aPlainEntry, connect, fill, type Place, said, tryAct } from '../../../test/support/country.ts'
import { free, rows, stated } from '../../../test/support/sharing.ts'

// ── nobody deletes a record without an approved order ──
const deletion: [string, Place, string, string][] = [
  [
    '[yongtai-18-3] [yongtai-26-6] a record of 永泰 is deleted with an approved order only; the attempt without is a suspicion',
    'yongtai',
    '第十八条第三款',
    '第二十六条第六项',
  ],
  [
    '[fuzhou-manage-29-3] [fuzhou-manage-37-7] a record of 福州 is deleted with an approved order only; the attempt without is a suspicion',
    'fuzhou',
    '第二十九条第三款',
    '第三十七条第七项',
  ],
  [
    '[jinjiang-6-1-7] a record of 晋江 is deleted with an approved order only; the attempt without is a suspicion',
    'jinjiang',
    '第六部分第（一）项第⑦目',
    '第六部分第（一）项第⑦目',
  ],
]
for (const [title, place, article, breach] of deletion)
  test(title, async t => {
    const p = await aPlace(t, place)
    const entry = await p.register(aPlainEntry(free))
    await fill(p.world, entry, rows)
    const { pool } = p.world.app.services
    const history = `pool.h_${entry.id.replaceAll('-', '')}`
    await pool.query(
      `create table ${history} (_key text, c1 text, c2 text, c3 text, _batch uuid, _updated timestamptz, _replaced_by uuid, _replaced timestamptz)`,
    )
    const grant = await p.consumer.ok(contract.access, { body: { entryId: entry.id, system: p.system, ...stated } })
    const read = await connect(p.world, p.consumer, grant.id)
    const count = async () => ((await read(entry.code)).body as unknown as { count: number }).count
    const remove = (record: string, order?: string, who = p.provider) =>
      who.call(contract.removeRecord, { params: { code: entry.code, record }, query: order ? { order } : {} })

    for (const who of [p.provider, p.consumer])
      assert.deepEqual(said(await remove('A001', undefined, who)), ['change-not-approved', article])
    assert.equal(await count(), 2)
    const suspected = await p.authority.ok(supervision.suspicions)
    assert.deepEqual(
      suspected
        .filter(s => s.cite.article === breach)
        .map(s => s.department)
        .sort(),
      ['提供局', '申请局'].sort(),
    )
    const attempt = (await p.authority.ok(audit.ledger, { query: { action: 'data.refused', limit: 5 } })).rows[0]!
    assert.match(attempt.content!, /change-not-approved/)

    const body = { procedure: 'change-order', about: entry.code, form: { record: 'A001', reason: '机构已注销，记录有误。' } }
    assert.equal((await p.consumer.call(procedure.startCase, { body })).problem.reason, 'not-owner')
    const { no } = await p.provider.ok(procedure.startCase, { body })
    // Asked for is not approved, and approved for one record is not approved for another.
    assert.equal((await remove('A001', no)).problem.reason, 'change-not-approved')
    assert.equal((await tryAct(p.provider, no, 'approve')).problem.reason, 'not-competent')
    await act(p.authority, no, 'approve')
    assert.equal((await remove('A002', no)).problem.reason, 'change-not-approved')
    assert.equal((await remove('A001', no)).status, 200)
    assert.equal(await count(), 1)
    assert.deepEqual((await pool.query(`select _key, c2 from ${history}`)).rows, [{ _key: 'A001', c2: '长者之家' }])
    assert.equal((await remove('A001', no)).status, 404)
  })

test('a published entry is withdrawn by an approved case; its grants end for good and their holders are told', async t => {
  const p = await aPlace(t, 'henan')
  const entry = await p.register(aPlainEntry(free))
  await fill(p.world, entry, rows)
  const grant = await p.consumer.ok(contract.access, { body: { entryId: entry.id, system: p.system, ...stated } })
  const read = await connect(p.world, p.consumer, grant.id)
  assert.equal((await read(entry.code)).status, 200)
  const body = { procedure: 'entry-withdrawal', about: entry.code, form: { reason: '职能划转，不再产生这类数据。' } }
  assert.equal((await p.consumer.call(procedure.startCase, { body })).problem.reason, 'not-owner')
  assert.equal((await p.provider.call(procedure.startCase, { body: { ...body, form: {} } })).problem.reason, 'reason-required')
  const { no } = await p.provider.ok(procedure.startCase, { body })
  assert.equal((await tryAct(p.provider, no, 'approve')).problem.reason, 'not-competent')
  assert.equal((await read(entry.code)).status, 200)
  await act(p.authority, no, 'approve')
  assert.ok((await read(entry.code)).status >= 400)
  const ended = await p.consumer.ok(delivery.grant, { params: { id: grant.id } })
  assert.equal(ended.state, 'revoked')
  assert.match(ended.stateReason!, /职能划转/)
  assert.ok((await p.consumer.ok(procedure.notices)).rows.some(n => n.text.includes(grant.no) && n.text.includes('职能划转')))
  assert.equal((await p.provider.ok(catalog.entryByCode, { params: { code: entry.code } })).state, 'withdrawn')
  const again = await p.consumer.call(contract.access, { body: { entryId: entry.id, system: p.system, ...stated } })
  assert.equal(again.problem.reason, 'dataset-withdrawn')
  assert.equal((await p.provider.call(procedure.startCase, { body })).problem.reason, 'dataset-withdrawn')
})

test('a grant is ended for good by provider or authority with a reason, and cannot be resumed', async t => {
  const p = await aPlace(t, 'henan')
  const entry = await p.register(aPlainEntry(free))
  await fill(p.world, entry, rows)
  for (const who of [p.provider, p.authority]) {
    const { id } = await p.consumer.ok(contract.access, { body: { entryId: entry.id, system: p.system, ...stated } })
    const read = await connect(p.world, p.consumer, id)
    assert.equal(
      (await p.consumer.call(contract.stop, { params: { id }, body: { reason: '自行终止试试' } })).problem.reason,
      'not-competent',
    )
    assert.equal((await who.call(contract.stop, { params: { id }, body: {} })).problem.reason, 'reason-required')
    assert.equal((await who.ok(contract.stop, { params: { id }, body: { reason: '使用目的已经消失' } })).state, 'revoked')
    assert.equal((await read(entry.code)).status, 403)
    assert.ok((await who.call(contract.resume, { params: { id }, body: { reason: '恢复试试' } })).status >= 400)
  }
})

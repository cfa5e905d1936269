import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import * as delivery from '../../../contract/delivery.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as contract from '../../../contract/sharing.ts'
import { act, aPlace, aPlainEntry, connect, fill } from '../../../test/support/country.ts'
import { application, give, grantOf, rows } from '../../../test/support/sharing.ts'
import { narrowFaults } from './narrow.ts'

const names = (answer: { body: unknown }) => Object.keys((answer.body as { rows: object[] }).rows[0]!)
const cite = { regulation: 'platform', title: '平台约定', article: '暂停授权', text: '' }
test('a grant is narrowed in items, calls and days, and never widened', () => {
  const now = {
    no: 'SQ-2026-0001',
    until: '2027-12-31',
    quotaPerDay: 100,
    items: [
      { key: 'c1', name: '编号' },
      { key: 'c2', name: '名称' },
    ],
  }
  const reason = '职责调整'
  const table: [object, string[]][] = [
    [{ drop: ['c2'] }, []],
    [{ quotaPerDay: 10, until: '2026-12-31' }, []],
    [{ until: '2026-06-01' }, []],
    [{}, ['/drop']],
    [{ drop: ['c1', 'c2'] }, ['/drop']],
    [{ drop: ['c9'] }, ['/drop']],
    [{ quotaPerDay: 100 }, ['/quotaPerDay']],
    [{ until: '2028-01-01' }, ['/until']],
    [{ until: '2026-05-31' }, ['/until']],
    [{ drop: ['c2'], reason: '' }, ['/reason']],
  ]
  for (const [to, pointers] of table) {
    const { list } = narrowFaults(now, { drop: [], reason, ...to }, '2026-06-01', cite)
    assert.deepEqual(
      list.map(f => f.pointer),
      pointers,
      JSON.stringify(to),
    )
    assert.ok(list.every(f => f.remedy && f.cite))
  }
})

async function granted(t: TestContext) {
  const p = await aPlace(t, 'henan')
  const { world, provider, consumer } = p
  const entry = await p.register(aPlainEntry())
  await fill(world, entry, rows)
  const { no } = await consumer.ok(contract.apply, { body: { entryId: entry.id, form: application(p, ['c1', 'c2']) as never } })
  const params = { id: grantOf(await act(provider, no, 'approve', give('c1', 'c2'))) }
  const read = await connect(world, consumer, params.id)
  return { world, provider, consumer, entry, params, read }
}

test('what was misused is suspended, narrowed and resumed; of two who narrow at once one looks again', async t => {
  const { provider, consumer, entry, params, read } = await granted(t)
  const reason = '发现不当使用'
  await provider.ok(contract.suspend, { params, body: { reason } })
  const twice = await provider.call(contract.suspend, { params, body: { reason } })
  assert.deepEqual([twice.status, twice.problem.code, /「已暂停」，不能暂停/.test(twice.problem.detail)], [409, 'grant.wrong_state', true])
  const both = await Promise.all([
    provider.call(contract.narrow, { params, body: { drop: ['c1'], reason } }),
    provider.call(contract.narrow, { params, body: { drop: ['c2'], reason } }),
  ])
  const left = (await consumer.ok(delivery.grant, { params })).items.map(i => i.name)
  assert.deepEqual([both.map(b => b.status).sort()[0], left.length], [200, 1])
  await provider.ok(contract.resume, { params, body: { reason: '已经核查清楚' } })
  assert.deepEqual(names(await read(entry.code)), left)
})

test('the provider narrows a running grant, the next request feels it; a renewal carries the content over into a new application', async t => {
  const { world, provider, consumer, entry, params, read } = await granted(t)
  assert.deepEqual(names(await read(entry.code)), ['机构编号', '机构名称'])

  const body = { drop: ['c2'], quotaPerDay: 2, until: '2026-05-30', reason: '核对只需要编号' }
  const own = await consumer.call(contract.narrow, { params, body })
  assert.deepEqual([own.status, own.problem.code], [403, 'sharing.not_competent'])
  const silent = await provider.call(contract.narrow, { params, body: { ...body, reason: '' } })
  assert.deepEqual([silent.problem.code, silent.problem.reason], ['sharing.narrow', 'reason-required'])
  const less = await provider.ok(contract.narrow, { params, body })
  assert.deepEqual([less.items.map(i => i.key), less.quotaPerDay, less.until], [['c1'], 2, '2026-05-30'])
  assert.deepEqual(names(await read(entry.code)), ['机构编号'])
  const strange = await world
    .department({ region: '410000', name: '别的局' })
    .then(() => world.person({ department: '别的局', roles: ['steward'] }))
  assert.equal((await strange.call(contract.narrow, { params, body })).status, 404)
  assert.equal((await read(entry.code, { fields: '机构名称' })).problem.reason, 'field-not-granted')
  assert.equal((await read(entry.code)).problem.reason, 'quota-exceeded')
  const notices = await consumer.ok(procedure.notices)
  assert.ok(
    notices.rows.some(n => /已收窄：不再提供机构名称，每日上限降为 2 次，提前到 2026-05-30 结束。原因：核对只需要编号/.test(n.text)),
  )
  assert.equal(
    (await provider.call(contract.narrow, { params, body: { until: '2027-01-01', reason: '还要使用' } })).problem.code,
    'sharing.narrow',
  )

  world.at('2026-06-01')
  assert.equal((await consumer.ok(delivery.grant, { params })).state, 'expired')
  const carried = await consumer.ok(contract.renewal, { params })
  assert.deepEqual(
    [carried.form.items, carried.form.purpose, carried.form.scope, carried.form.until, carried.dropped],
    [['c1'], '核对养老机构备案情况', '待遇保障股', undefined, []],
  )
  assert.equal((await provider.call(contract.renewal, { params })).problem.code, 'sharing.renewal')
  const again = await consumer.ok(contract.apply, {
    body: { entryId: entry.id, form: { until: '2028-12-31' }, renews: params.id } as never,
  })
  assert.match(again.title, /申请续期 .*（接续授权 SQ-2026-0001）/)
  assert.equal(again.form.find(f => f.name === 'scope')?.value, '待遇保障股')
  const renewed = await act(provider, again.no, 'approve', { ...give('c1'), until: '2028-12-31' })
  const next = await consumer.ok(delivery.grant, { params: { id: grantOf(renewed) } })
  assert.deepEqual([next.until, next.purpose], ['2028-12-31', '核对养老机构备案情况'])
  // The renewed grant is a ground for keeping what was received under the old one.
  await world.job('delivery.ended')
  const { later, asked } = await consumer.ok(delivery.disposal, { params })
  assert.deepEqual([later.map(l => l.no), asked], [[next.no], '2026-06-01'])
})

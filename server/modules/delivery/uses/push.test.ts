import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import * as delivery from '../../../../contract/delivery.ts'
import * as sharing from '../../../../contract/sharing.ts'
import * as contract from '../../../../contract/uses.ts'
import { aPlace, aPlainEntry, connect, fill, said } from '../../../../test/support/country.ts'
import { aGrant } from '../../../../test/support/delivery.ts'
import { free, rows, stated } from '../../../../test/support/sharing.ts'

type Pushed = { push: string; uses: Record<string, unknown>[]; first: number; last: number; department: string }
/** The system of a department that takes logs and gives a receipt. */
async function aReceiver(t: TestContext) {
  const got: { body: string; headers: Record<string, unknown> }[] = []
  const state = { broken: false, answer: (n: number) => JSON.stringify({ receipt: `HZ-${n}` }) }
  const web = createServer((request, reply) => {
    let body = ''
    request.on('data', piece => (body += piece))
    request.on('end', () => {
      if (state.broken) return reply.writeHead(503).end()
      got.push({ body, headers: request.headers })
      reply.end(state.answer(got.length))
    })
  }).listen(0, '127.0.0.1')
  await once(web, 'listening')
  t.after(() => web.close())
  const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/logs`
  return { url, got, state, pushed: () => got.map(g => JSON.parse(g.body) as Pushed) }
}
const local = { HUITONG_LOCAL_SOURCES: 'true' }

test('[jinjiang-5-3c] a unit that subscribed to its entry receives the log of its use, with receipt; another unit’s log is not delivered', async t => {
  const receiver = await aReceiver(t)
  const p = await aPlace(t, 'jinjiang', { settings: local })
  const entry = await p.register(aPlainEntry(free))
  await fill(p.world, entry, rows)
  const side = 'given' as const
  const made = await p.provider.ok(contract.subscribeUses, { body: { side, entryId: entry.id, url: receiver.url } })
  const other = await p.consumer.call(contract.subscribeUses, { body: { side, entryId: entry.id, url: receiver.url } })
  assert.deepEqual([other.status, ...said(other)], [403, 'not-owner', '第五部分第（三）项'])
  assert.equal((await p.provider.ok(contract.useSubscriptions)).cite.article, '第五部分第（三）项')

  const grant = await p.consumer.ok(sharing.access, { body: { entryId: entry.id, system: p.system, ...stated } })
  const read = await connect(p.world, p.consumer, grant.id)
  assert.equal((await read(entry.code)).status, 200)
  assert.equal((await read(entry.code, { fields: '没有的项' })).status, 403)
  await p.world.job('delivery.uses')
  const [push, ...more] = receiver.pushed()
  assert.equal(more.length, 0)
  assert.equal(push!.department, '提供局')
  assert.deepEqual(
    push!.uses.map(u => [u.result, u.grantee, u.person, u.purpose, u.case, u.method, u.medium, u.grant]),
    [
      ['given', '申请局', '周倩', grant.purpose, 'YW-2026-77', '服务接口', '接口报文', grant.no],
      ['refused', '申请局', '周倩', grant.purpose, 'YW-2026-77', '服务接口', '无', grant.no],
    ],
  )
  assert.equal(
    receiver.got[0]!.headers['x-huitong-signature'],
    `sha256=${createHmac('sha256', made.secret).update(receiver.got[0]!.body).digest('hex')}`,
  )
  // The receipt is kept, beside the ledger's records of push and receipt.
  const pushes = await p.provider.ok(contract.usePushes, { params: { id: made.subscription.id } })
  assert.deepEqual(
    pushes.rows.map(r => [r.uses, r.status, r.receipt, r.error]),
    [[2, 200, 'HZ-1', null]],
  )
  await p.world.app.services.ledger.flush()
  const { rows: ledger } = await p.world.app.services.pool.query(
    `select r::jsonb ->> 'action' as action, r::jsonb ->> 'content' as content from audit.block b, unnest(b.records) r where r like '%"use.%' order by b.height`,
  )
  assert.deepEqual(
    ledger.map(r => r.action),
    ['use.subscribe', 'use.push', 'use.receipt'],
  )
  assert.match(ledger[2].content, /回执 HZ-1$/)
  // Nothing new, nothing sent.
  p.world.later(2)
  await p.world.job('delivery.uses')
  assert.equal(receiver.got.length, 1)
  assert.equal((await p.consumer.call(contract.usePushes, { params: { id: made.subscription.id } })).status, 404)
  assert.deepEqual((await p.consumer.ok(contract.useSubscriptions)).rows, [])
})

test('a receiver that is down gets everything later, once and in order; after a pause as well', async t => {
  const receiver = await aReceiver(t)
  const g = await aGrant(t, { settings: local })
  const user = await g.world.person({ department: '永泰县医保局', roles: ['steward'] })
  const { subscription } = await user.ok(contract.subscribeUses, { body: { side: 'received', url: receiver.url } })
  const params = { id: subscription.id }
  receiver.state.broken = true
  await g.rows({ limit: 1 })
  await g.world.job('delivery.uses')
  const [down] = (await user.ok(contract.useSubscriptions)).rows
  assert.deepEqual([down!.state, down!.trouble, down!.attempts, down!.pushed], ['active', '对方答复 HTTP 503', 1, 0])
  receiver.state.broken = false
  await g.rows({ limit: 2 })
  // It waits before it tries again.
  await g.world.job('delivery.uses')
  assert.equal(receiver.got.length, 0)
  g.world.later(2)
  await g.world.job('delivery.uses')
  const seqs = () => receiver.pushed().flatMap(p => p.uses.map(u => u.seq as number))
  assert.equal(seqs().length, 2)

  const act = (action: 'pause' | 'resume' | 'run' | 'end') => user.ok(contract.actUseSubscription, { params, body: { action } })
  await act('pause')
  await g.rows({ limit: 3 })
  await g.world.job('delivery.uses')
  assert.equal(seqs().length, 2)
  await act('resume')
  receiver.state.answer = () => 'ok'
  await g.world.job('delivery.uses')
  assert.equal(seqs().length, 3)
  assert.deepEqual(
    seqs(),
    [...new Set(seqs())].sort((a, b) => a - b),
  )
  const { rows: pushes } = await user.ok(contract.usePushes, { params })
  assert.deepEqual(
    pushes.map(p => [p.receipt, p.error, p.uses]),
    [
      ['HTTP 200', null, 1],
      ['HZ-1', null, 2],
      ['', '对方答复 HTTP 503', 1],
    ],
  )
  const again = await user.call(contract.subscribeUses, { body: { side: 'received', url: receiver.url } })
  assert.equal(again.problem.code, 'use.exists')
  await act('end')
  assert.equal((await user.call(contract.actUseSubscription, { params, body: { action: 'resume' } })).problem.code, 'use.wrong_state')
  assert.equal((await user.call(contract.subscribeUses, { body: { side: 'received', url: receiver.url } })).status, 200)
})

test('an entry that is no longer its own ends the push; addresses of the platform itself and with passwords are refused', async t => {
  const receiver = await aReceiver(t)
  const g = await aGrant(t)
  const owner = await g.world.person({ department: '福州市民政局', roles: ['steward'] })
  const ask = (url: string, more: object = {}) => owner.call(contract.subscribeUses, { body: { side: 'given', url, ...more } })
  assert.equal((await ask('http://a:b@data.example.cn/logs')).problem.code, 'use.address')
  assert.equal((await ask('ftp://data.example.cn/logs')).problem.code, 'request.invalid')
  const { body: all } = await ask(receiver.url)
  await g.rows({ limit: 1 })
  await g.world.job('delivery.uses')
  assert.equal(receiver.got.length, 0)
  assert.equal((await owner.ok(contract.useSubscriptions)).rows[0]!.trouble, '地址指向平台自己的机器')
  await owner.ok(contract.actUseSubscription, { params: { id: all.subscription.id }, body: { action: 'end' } })

  const { body: one } = await ask('http://data.example.cn/logs', { entryId: g.entry.id })
  const { pool } = g.services
  await pool.query('update catalog.entry set department_id = (select id from organization.department where name = $1) where id = $2', [
    '双牌县医保局',
    g.entry.id,
  ])
  await g.rows({ limit: 1 })
  await g.world.job('delivery.uses')
  const stopped = (await owner.ok(contract.useSubscriptions)).rows.find(r => r.id === one.subscription.id)!
  assert.deepEqual([stopped.state, stopped.pushed], ['stopped', 0])
  assert.match(stopped.trouble!, /不属于本部门/)
  const records = await g.ledger()
  assert.equal((records.find(r => r.action === 'use.stop')!.data as unknown as { reason: string }).reason, 'not-owner')
  assert.equal((await g.developer.ok(delivery.useRecords, {})).total, 2)
})

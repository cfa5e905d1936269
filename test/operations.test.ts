import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as aggregation from '../contract/aggregation.ts'
import * as audit from '../contract/audit.ts'
import * as delivery from '../contract/delivery.ts'
import * as history from '../contract/history.ts'
import * as quality from '../contract/quality.ts'
import * as sharing from '../contract/sharing.ts'
import { recordRead } from '../server/modules/audit/public.ts'
import { systemContext } from '../server/platform/context.ts'
import { deliver, finished } from './support/batches.ts'
import { aPlace, aPlainEntry } from './support/country.ts'
import { free, stated } from './support/sharing.ts'

/** A department's data taken in with one bad row, looked into, shared, read, compared, and its rejects fetched: each through the interface. */
async function aConversation(t: Parameters<typeof aPlace>[0]) {
  const p = await aPlace(t, 'jinjiang')
  const entry = await p.register(aPlainEntry({ ...free, title: '养老机构（含民办）名录' }))
  const { batch } = await deliver(p.provider, entry, '机构编号,机构名称,床位数\nA001,长者之家,120\nA002,福寿院,60\n,无名,1\n')
  const looked = { method: '与登记簿逐行核对', result: '一致' }
  await p.provider.ok(aggregation.verifyBatch, { params: { id: batch.id }, body: looked })
  await p.provider.ok(aggregation.releaseBatch, { params: { id: batch.id }, body: { reason: '缺编号的一行退回补正。' } } as never)
  const done = await finished(p.provider, batch.id, ['queued', 'running', 'held'])
  assert.equal(done.state, 'done', JSON.stringify(done.messages))
  await p.provider.call(aggregation.downloadRejects, { params: { id: batch.id } })
  await p.provider.ok(quality.previewRule, { params: { code: entry.code }, body: { check: { kind: 'length', item: 'c2', max: 3 } } })
  await p.provider.ok(history.recordHistory, { params: { id: entry.id }, body: { key: 'A001' } })
  const grant = await p.consumer.ok(sharing.access, { body: { entryId: entry.id, system: p.system, ...stated } })
  const { clientId, clientSecret } = await p.consumer.ok(delivery.rotate, { params: { id: grant.id } })
  const { body } = await p.world.anonymous.call(delivery.token, {
    body: { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret },
  })
  const headers = {
    authorization: `Bearer ${body.access_token}`,
    'x-huitong-operator': encodeURIComponent('周倩'),
    'x-huitong-case': 'YW-2026-77',
  }
  const read = await p.world.anonymous.call(delivery.data, { params: { code: entry.code }, query: { limit: 1 } as never, headers })
  assert.equal(read.status, 200, JSON.stringify(read.problem))
  const verified = await p.world.anonymous.call(delivery.verify, {
    params: { code: entry.code },
    body: { key: { 机构编号: 'A001' }, values: { 机构名称: '长者之家' } },
    headers,
  })
  assert.equal(verified.status, 200, JSON.stringify(verified.problem))
  const auditor = await p.world.person({ department: '提供局', roles: ['audit_admin'] })
  return { ...p, entry, auditor }
}

test('[jinjiang-5-3b] each of the nine kinds of operation leaves records with person, time and object', async t => {
  const { auditor } = await aConversation(t)
  for (const operation of Object.keys(audit.operations) as (keyof typeof audit.operations)[]) {
    const { rows } = await auditor.ok(audit.ledger, { query: { operation } as never })
    assert.ok(rows.length > 0, `${operation}: no record`)
    // Signing in has no object but the person.
    const whole = rows.filter(r => r.person && r.at && (r.subject || r.content || r.action === 'session.sign-in'))
    assert.ok(whole.length > 0, `${operation}: ${JSON.stringify(rows)}`)
  }
  const cleaned = await auditor.ok(audit.ledger, { query: { action: 'batch.done' } as never })
  const { text } = await auditor.ok(audit.ledgerRecord, { params: { seq: cleaned.rows[0]!.seq } })
  assert.deepEqual(
    (({ read, accepted, rejected }) => [read, accepted, rejected])(
      JSON.parse(text).data as { read: number; accepted: number; rejected: number },
    ),
    [3, 2, 1],
  )
})

test('each use of shared data is recorded with its seven fields, and the provider sees who used it for what', async t => {
  const { world, provider, consumer, entry } = await aConversation(t)
  const { rows } = await provider.ok(audit.ledger, { query: { reads: true, subject: entry.code.replace('-', '/') } as never })
  const uses = rows.filter(r => ['data.read', 'data.verify'].includes(r.action))
  assert.equal(uses.length, 2)
  for (const r of uses) {
    assert.equal(r.purpose, stated.purpose)
    assert.equal(r.person, '周倩')
    for (const field of ['approver', 'content', 'at', 'method', 'medium'] as const) assert.ok(r[field], `${r.action} lacks ${field}`)
    assert.equal(r.department, '申请局')
    assert.ok(r.cite?.article)
  }
  const usage = await provider.ok(audit.ledgerUsage, { query: {} })
  assert.deepEqual([usage.reads, usage.verifies, usage.refused], [1, 1, 0])
  assert.deepEqual(
    usage.users.map(u => [u.department, u.title, u.purpose, u.times, u.people]),
    [
      ['申请局', '养老机构（含民办）名录', stated.purpose, 1, 1],
      ['申请局', '养老机构（含民办）名录', stated.purpose, 1, 1],
    ],
  )
  assert.ok(usage.weeks.length >= 12)
  assert.deepEqual(
    usage.entries.map(e => [e.title, e.times, e.users]),
    [['养老机构（含民办）名录', 2, 1]],
  )
  assert.equal((await consumer.ok(audit.ledgerUsage, { query: {} })).users.length, 0)

  // A file is a use when it is fetched.
  const { subject, content, department, region, providerId } = await provider
    .ok(audit.ledgerRecord, { params: { seq: uses[0]!.seq } })
    .then(({ text }) => JSON.parse(text))
    .then(r => ({ ...r, ...r.data }))
  for (const action of ['data.package', 'data.download'] as const)
    await recordRead(systemContext(world.app.services), {
      ...{ action, subject, content, department, region, person: '周倩', purpose: stated.purpose },
      ...{ method: '数据文件', medium: '文件', data: { providerId } },
    })
  const fetched = await provider.ok(audit.ledgerUsage, { query: {} })
  assert.deepEqual([fetched.reads, fetched.users.find(u => u.method === '数据文件')?.times], [2, 1])
  const files = (await provider.ok(audit.ledger, { query: { reads: true, operation: '下载' } as never })).rows.map(r => r.action)
  assert.deepEqual(files, ['data.download', 'data.package'])

  const long = await provider.call(audit.ledgerUsage, { query: { from: '2020-01-01' } })
  assert.equal(long.problem.code, 'audit.usage_period')
})

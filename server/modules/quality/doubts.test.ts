import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as delivery from '../../../contract/delivery.ts'
import * as organization from '../../../contract/organization.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as contract from '../../../contract/quality.ts'
import * as sharing from '../../../contract/sharing.ts'
import { deliver } from '../../../test/support/batches.ts'
import { act, aPlace, aPlainEntry, connect } from '../../../test/support/country.ts'
import { free, stated } from '../../../test/support/sharing.ts'
import type { Person } from '../../../test/support/world.ts'

const header = '机构编号,机构名称,床位数'
const homes = `${header}\nA001,长者之家,120\nA002,福寿院,60\n`
type Row = Record<string, string>

test('a doubt reported by the data API shows to every consumer of that record until it is settled; the fix reaches all who hold it', async t => {
  const p = await aPlace(t, 'yongtai')
  const entry = await p.register(aPlainEntry(free))
  const { source } = await deliver(p.provider, entry, homes)
  await p.world.department({ region: p.region, name: '医保局' })
  const other = await p.world.person({ department: '医保局', roles: ['steward'] })
  await p.world.department({ region: p.region, name: '没有取用的局' })
  const outsider = await p.world.person({ department: '没有取用的局', roles: ['steward'] })
  const granted = async (who: Person) => {
    const { id: system } = await who.ok(organization.createSystem, { body: { name: `${who.username}系统` } })
    return (await who.ok(sharing.access, { body: { entryId: entry.id, system, ...stated } })).id
  }
  const headersOf = async (who: Person, grantId: string) => {
    const { clientId, clientSecret } = await who.ok(delivery.rotate, { params: { id: grantId } })
    const { body } = await p.world.anonymous.call(delivery.token, {
      body: { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret },
    })
    return {
      authorization: `Bearer ${body.access_token}`,
      'x-huitong-operator': encodeURIComponent('周倩'),
      'x-huitong-case': 'YW-2026-77',
    }
  }
  const headers = await headersOf(p.consumer, await granted(p.consumer))
  const theirs = await connect(p.world, other, await granted(other))
  const rows = async () => ((await theirs(entry.code)).body as unknown as { rows: Row[] }).rows
  const marked = async () => (await rows()).filter(r => r._doubt).map(r => [r.机构编号, r._doubt])
  assert.deepEqual(await marked(), [])

  const ask = (body: object) => p.world.anonymous.call(delivery.reportDoubt, { params: { code: entry.code }, body, headers })
  const doubt = { key: { 机构编号: 'A002' }, item: '床位数', doubt: '现场只有 40 张，与登记的不符。' }
  const refused = async (more: object) => (await ask({ ...doubt, ...more })).problem.code
  assert.deepEqual(
    [
      await refused({ key: { 机构编号: 'A999' } }),
      await refused({ item: '电话' }),
      await refused({ key: {} }),
      await refused({ doubt: '' }),
    ],
    ['data.record_not_found', 'data.field_not_granted', 'data.key_incomplete', 'request.invalid'],
  )
  assert.equal((await p.world.anonymous.call(delivery.reportDoubt, { params: { code: entry.code }, body: doubt })).status, 401)
  const reported = await ask(doubt)
  assert.equal(reported.status, 200, JSON.stringify(reported.problem))
  const no = reported.body.caseNo
  assert.equal((await ask(doubt)).problem.code, 'procedure.already_open')

  // Everybody who reads the record sees the mark, in the API and on the page; the other row says nothing.
  await sleep(1100)
  assert.deepEqual(await marked(), [['A002', '「床位数」有疑义，正在校核，请谨慎使用']])
  const marks = async (who: Person) => (await who.ok(contract.entryQuality, { params: { code: entry.code } })).marks
  assert.deepEqual(
    (await marks(p.provider)).map(m => [m.caseNo, m.record, m.item, m.kind]),
    [[no, 'A002', '床位数', 'doubt']],
  )
  assert.deepEqual(
    (await marks(other)).map(m => [m.caseNo, m.record, m.item]),
    [[null, null, '床位数']],
  )
  const seen = await p.consumer.ok(procedure.caseByNo, { params: { no } })
  assert.match(JSON.stringify(seen.form), /由 周倩 经数据接口提出/)
  assert.deepEqual((await p.world.anonymous.ok(contract.publicMarks, { params: { code: entry.code } })).rows, [])

  await act(p.authority, no, 'confirm')
  p.world.later(10)
  await deliver(p.provider, entry, `${header}\nA002,福寿院,40\n`, { source })
  const told = async (who: Person) => (await who.ok(procedure.notices, {})).rows.some(n => /数据已更正/.test(n.text))
  for (let i = 0; i < 100 && (await p.world.app.services.pool.query('select count(*)::int as n from delivery.call')).rows[0].n < 3; i++)
    await sleep(50)
  await act(p.provider, no, 'correct', { correctionNote: '已按现场核实的床位数更正。' })
  assert.deepEqual([await told(p.consumer), await told(other), await told(outsider)], [true, true, false])
  await sleep(1100)
  assert.deepEqual(await marked(), [])
  assert.equal((await rows()).find(r => r.机构编号 === 'A002')!.床位数, '40')
  const list = await p.world.anonymous.call(delivery.correctionList, {
    params: { code: entry.code },
    query: { since: '2026-05-01T00:00:00+08:00' },
    headers,
  })
  const fixes = (list.body as unknown as { rows: { key: Row; item: string }[] }).rows
  assert.deepEqual(
    fixes.map(r => [r.key, r.item]),
    [[{ 机构编号: 'A002' }, '床位数']],
  )
  const page = async (who: Person) => (await who.ok(contract.corrections, {})).rows.map(r => [r.caseNo, r.record, r.item, r.told])
  assert.deepEqual(await page(p.consumer), [[no, 'A002', '床位数', 2]])
  assert.deepEqual(await page(other), [[null, null, '床位数', 2]])
  assert.deepEqual(await page(outsider), [])
})

test('who does not use the data is heard too, but marks it only once the error is confirmed; an unknown item is told', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(aPlainEntry(free))
  await deliver(p.provider, entry, homes)
  const start = (form: object) =>
    p.consumer.call(procedure.startCase, {
      body: { procedure: 'verification', about: entry.code, form: { record: 'A002', doubt: '床位数与现场不符。', ...form } },
    })
  const wrong = await start({ suspectItem: '面积' })
  assert.deepEqual([wrong.problem.code, wrong.problem.errors?.[0]?.pointer], ['quality.unknown_item', '/form/suspectItem'])
  const { body: c } = await start({ suspectItem: '床位数' })
  const marks = async () => (await p.provider.ok(contract.entryQuality, { params: { code: entry.code } })).marks.map(m => m.text)
  assert.deepEqual(await marks(), [])
  await act(p.provider, c.no, 'confirm')
  assert.deepEqual(await marks(), ['「床位数」有疑义，正在校核，请谨慎使用'])
  // The provider, like every user, marks at once; upheld data lose the mark.
  const { body: own } = await p.provider.call(procedure.startCase, {
    body: { procedure: 'verification', about: entry.code, form: { record: 'A001', doubt: '名称待核实。' } },
  })
  assert.equal((await marks()).length, 2)
  await act(p.provider, own.no, 'uphold', { reason: '已与备案材料核对，名称无误。' })
  assert.equal((await marks()).length, 1)
})

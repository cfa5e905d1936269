import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import * as contract from '../../../contract/aggregation.ts'
import * as bases from '../../../contract/bases.ts'
import * as catalog from '../../../contract/catalog.ts'
import * as organization from '../../../contract/organization.ts'
import * as procedure from '../../../contract/procedure.ts'
import { deliver, finished, send } from '../../../test/support/batches.ts'
import { act, aPlace, aPlainEntry, articleOf, fill, inPlace, type Place, said, tryAct } from '../../../test/support/country.ts'
import type { Person } from '../../../test/support/world.ts'

const homes = '机构编号,机构名称,床位数\nA001,长者之家,120\nA002,福寿院,60\n'
/** The plain entry with a time at which each row was produced. */
const timed = (more: object = {}) => {
  const entry = aPlainEntry(more) as unknown as { items: object[] }
  return { ...entry, items: [...entry.items, { key: 'c4', name: '产生时间', type: 'T' }] } as ReturnType<typeof aPlainEntry>
}

// ── registered entries only, coverage ──
async function registeredOnly(t: TestContext, place: Place, article: string) {
  const p = await aPlace(t, place)
  const draft = await p.provider.ok(catalog.createEntry, { body: { content: inPlace(p.region, aPlainEntry()) } })
  const body = { entryId: draft.id, kind: 'file' as const }
  assert.deepEqual(said(await p.provider.call(contract.createSource, { body }), place), ['entry-not-registered', article])
  const unknown = { ...body, entryId: '01900000-0000-7000-8000-000000000000' }
  assert.deepEqual(said(await p.provider.call(contract.createSource, { body: unknown }), place), ['entry-not-registered', article])
  const code = draft.code.replace('/', '-')
  const { caseNo } = await p.provider.ok(catalog.submitEntry, { params: { code } })
  if (caseNo) await act(p.authority, caseNo, 'publish')
  const { batch } = await deliver(p.provider, draft, homes)
  assert.deepEqual([batch.state, batch.accepted], ['done', 2])

  // A connector belongs to a registered system of the department; the block is ours and says so.
  const connection = { kind: 'postgres' as const, host: 'localhost', database: 'x', user: 'x' }
  const bare = await p.provider.call(contract.createSource, { body: { ...body, kind: 'postgres', connection } })
  assert.deepEqual(said(bare, place), ['field-missing', article])
  assert.match(bare.problem.detail, /平台约定/)
  const { id } = await p.provider.ok(organization.createSystem, { body: { name: '养老业务系统' } })
  const made = await p.provider.ok(contract.createSource, { body: { ...body, kind: 'postgres', connection, systemId: id } })
  assert.equal(made.system?.name, '养老业务系统')
  const seen = await p.authority.ok(contract.coverage, {})
  assert.deepEqual([seen.registered, seen.aggregated, seen.percent, articleOf(seen.cite, place)], [1, 1, 100, article])
}
test('[yongtai-13-1] data without a registered entry are turned away; once it is registered the same delivery comes in, and coverage says so', t =>
  registeredOnly(t, 'yongtai', '第十三条第一款'))
test('[fuzhou-manage-13-1] data without a registered entry are turned away in the city; once it is registered the same delivery comes in', t =>
  registeredOnly(t, 'fuzhou', '第十三条第一款'))

test('[jinjiang-2-1a] ten entries registered, nine aggregated: 90 per cent and the gap by name; a failed batch does not count', async t => {
  const p = await aPlace(t, 'jinjiang')
  const entries = []
  for (let i = 0; i < 10; i++)
    entries.push(await p.register(aPlainEntry({ title: `养老机构名录第${i + 1}册`, abstract: `第${i + 1}册，经备案的养老机构。` })))
  for (const e of entries.slice(0, 9)) await fill(p.world, e, [['A001', '长者之家', '120']])
  const source = await p.provider.ok(contract.createSource, { body: { entryId: entries[9]!.id, kind: 'file' } })
  const { body: seen } = await send(p.provider, source.id, '名录.csv', homes)
  const mapping = seen.mapping.map(m => ({ source: m.source, item: m.item }))
  await p.provider.ok(contract.saveMapping, { params: { id: source.id }, body: { mapping, keys: ['c1'] } })
  const again = await send(p.provider, source.id, '名录.csv', homes)
  await p.world.app.services.pool.query('update aggregation.upload set removed = now() where id = $1', [seen.uploadId])
  const refused = await p.provider.call(contract.startBatch, { params: { id: source.id }, body: { uploadId: seen.uploadId! } })
  assert.equal(refused.status, 422)
  // Its file is gone when the batch runs.
  await rm(`${p.world.app.services.config.dataDir}/uploads/${again.body.uploadId}`)
  const failed = await finished(
    p.provider,
    (await p.provider.ok(contract.startBatch, { params: { id: source.id }, body: { uploadId: again.body.uploadId! } })).id,
  )
  assert.equal(failed.state, 'failed')
  const c = await p.authority.ok(contract.coverage, {})
  assert.deepEqual([c.registered, c.aggregated, c.percent, c.cite.article], [10, 9, 90, '第二部分第（一）项'])
  assert.deepEqual(
    c.rows.map(r => [r.department, r.percent, r.gap]),
    [['提供局', 90, [{ code: entries[9]!.code.replace('-', '/'), title: '养老机构名录第10册', why: '最近一批失败' }]]],
  )
  // A department sees its own; another one has nothing registered.
  assert.equal((await p.consumer.ok(contract.coverage, {})).registered, 0)
})

// ── real time ──
async function realTime(t: TestContext, place: Place, body: string) {
  const p = await aPlace(t, place)
  // In one place the filing goes to another body than the one that does the work.
  const apart = place === 'yongtai'
  const receives = apart ? await p.world.person({ department: body, roles: ['bureau'] }) : p.authority
  const entry = await p.register(timed())
  const header = '机构编号,机构名称,床位数,产生时间\n'
  const { source, batch } = await deliver(p.provider, entry, `${header}A001,长者之家,120,2026-05-21 09:50:00\n`, { producedItem: 'c4' })
  assert.deepEqual([source.promise.cadence, source.promise.realTime, source.promise.missing], ['real-time', true, false])
  assert.deepEqual([batch.state, batch.lag, batch.late], ['done', 600, false])
  // Six hours after production, beside a row that is fresh.
  const late = await deliver(p.provider, entry, `${header}A002,福寿院,60,2026-05-21 04:00:00\nA003,乐龄苑,80,2026-05-21 09:59:00\n`, {
    source,
  })
  assert.deepEqual([late.batch.lag, late.batch.late], [6 * 3600, true])
  assert.match(late.batch.lagText, /6 小时.*迟到/)
  // A delivery that says nothing of its production is not measured, and not called in time.
  const plain = await p.register(aPlainEntry({ title: '养老护理员名录', abstract: '持证的养老护理员，每月更新。' }))
  const silent = await deliver(p.provider, plain, homes)
  assert.deepEqual([silent.batch.lag, silent.batch.lagText], [null, '未测：没有说明数据何时产生'])
  const byFile = await deliver(p.provider, plain, `${homes}A009,静安苑,10\n`, {
    source: silent.source,
    producedAt: '2026-05-21T09:30:00+08:00',
  })
  assert.deepEqual([byFile.batch.lag, byFile.batch.late], [1800, false])

  // A slower cadence stands still until it is filed.
  const daily = await p.provider.ok(contract.setCadence, { params: { id: source.id }, body: { cadence: 'daily' } })
  assert.deepEqual([daily.promise.active, daily.promise.missing], [false, true])
  const refused = await p.provider.call(contract.activateSource, { params: { id: source.id } })
  assert.deepEqual(said(refused, place), ['non-realtime-not-filed', '第十三条第二款'])
  assert.match(refused.problem.detail, /平台约定/)
  assert.equal((await p.provider.ok(contract.source, { params: { id: source.id } })).promise.active, false)
  const { body: seen } = await send(p.provider, source.id, '名录.csv', `${header}A001,长者之家,121,2026-05-21 09:50:00\n`)
  const start = { params: { id: source.id }, body: { uploadId: seen.uploadId! } }
  assert.equal((await p.provider.call(contract.startBatch, start)).problem.reason, 'non-realtime-not-filed')

  const form = { reason: '业务系统每日夜间才能导出一次。', interval: 'daily', needsMet: '使用部门每日核对一次，日更能够满足。' }
  const file = (form: object) =>
    p.provider.call(procedure.startCase, { body: { procedure: 'non-realtime-filing', about: entry.code, form } })
  const { needsMet: _, ...incomplete } = form
  assert.deepEqual(said(await file(incomplete), place), ['field-missing', '第十三条第二款'])
  const wrong = await file({ ...form, filedWith: p.consumer.departmentId })
  assert.equal(wrong.problem.reason, 'wrong-filing-authority')
  if (apart) {
    const other = await file({ ...form, filedWith: p.authority.departmentId })
    assert.equal(other.problem.reason, 'wrong-filing-authority')
    assert.match(other.problem.remedy!, new RegExp(body))
  }
  const filed = (await file(form)).body
  assert.deepEqual([filed.ended, filed.stateLabel], [true, '已备案'])
  const told = async (who: Person) => (await who.ok(procedure.notices, {})).rows.some(n => n.href.endsWith(filed.no))
  assert.ok(await told(receives), `${body} 收到备案`)
  if (apart) assert.equal(await told(p.authority), false)
  const active = await p.provider.ok(contract.activateSource, { params: { id: source.id } })
  assert.deepEqual([active.promise.active, active.promise.missing, active.promise.filing?.caseNo], [true, false, filed.no])
  assert.equal((await finished(p.provider, (await p.provider.ok(contract.startBatch, start)).id)).state, 'done')
  // The filing covers a day, not a week.
  await p.provider.ok(contract.setCadence, { params: { id: source.id }, body: { cadence: 'weekly' } })
  assert.equal((await p.provider.call(contract.activateSource, { params: { id: source.id } })).problem.reason, 'non-realtime-not-filed')
}
test('[yongtai-13-2a] [yongtai-13-2b] in Yongtai a delivery six hours old is late; a daily source waits for its filing with the data centre', t =>
  realTime(t, 'yongtai', '县大数据中心'))
test('[fuzhou-manage-13-2a] [fuzhou-manage-13-2b] in Fuzhou a delivery six hours old is late; a daily source waits for its filing with the commission', t =>
  realTime(t, 'fuzhou', '市大数据委'))

// ── projects ──
async function assets(t: TestContext, place: Place) {
  const p = await aPlace(t, place)
  const c = await p.provider.ok(procedure.startCase, { body: { procedure: 'project', form: { projectName: '智慧养老平台' } } })
  assert.equal(c.title, '信息化项目：智慧养老平台')
  const bare = await tryAct(p.provider, c.no, 'advance')
  assert.deepEqual(said(bare, place), ['assets-not-declared', '第十四条'])
  assert.match(bare.problem.detail, /平台约定/)
  const names = ['养老机构名录', '养老护理员名录', '床位变动记录']
  await act(p.provider, c.no, 'advance', { assets: names })
  for (const [i, title] of names.slice(0, 2).entries()) {
    const entry = await p.register(aPlainEntry({ title, abstract: `${title}，每月更新，第${i + 1}类。` }))
    await deliver(p.provider, entry, homes)
  }
  const early = await tryAct(p.provider, c.no, 'request')
  assert.deepEqual(said(early, place), ['assets-not-aggregated', '第十四条'])
  assert.deepEqual(
    early.problem.errors?.map(e => e.message),
    ['床位变动记录：还没有登记目录'],
  )
  assert.doesNotMatch(early.problem.detail, /平台约定/)
  const third = await p.register(aPlainEntry({ title: names[2]!, abstract: '床位的增减，每日登记。' }))
  assert.match((await tryAct(p.provider, c.no, 'request')).problem.detail, /床位变动记录（已登记，还没有汇聚数据）/)
  await deliver(p.provider, third, homes)
  await act(p.provider, c.no, 'request')
  const done = await act(p.authority, c.no, 'accept')
  assert.deepEqual([done.ended, done.stateLabel], [true, '已通过验收'])
}
test('[yongtai-14-1a] [yongtai-14-1b] in Yongtai a project declares its data assets and fails acceptance while one is missing', t =>
  assets(t, 'yongtai'))
test('[fuzhou-manage-14-1a] [fuzhou-manage-14-1b] in Fuzhou a project declares its data assets and fails acceptance while one is missing', t =>
  assets(t, 'fuzhou'))

test('[henan-7-2] a new system is approved only with its catalog planned: the draft is linked to the system', async t => {
  const p = await aPlace(t, 'henan')
  const { id: system } = await p.provider.ok(organization.createSystem, { body: { name: '养老服务系统' } })
  const c = await p.provider.ok(procedure.startCase, { body: { procedure: 'project', form: { projectName: '养老服务系统', system } } })
  assert.deepEqual(said(await tryAct(p.provider, c.no, 'request')), ['catalog-draft-missing', '第七条第二款'])
  assert.equal((await tryAct(p.authority, c.no, 'approve')).problem.reason, 'step-skipped')
  const foreign = await p.consumer.ok(catalog.createEntry, { body: { content: inPlace(p.region, aPlainEntry()) } })
  assert.equal((await tryAct(p.provider, c.no, 'request', { draftCatalog: foreign.id })).problem.reason, 'catalog-draft-missing')
  const draft = await p.provider.ok(catalog.createEntry, { body: { content: inPlace(p.region, aPlainEntry()) } })
  const asked = await act(p.provider, c.no, 'request', { draftCatalog: draft.id })
  assert.match(asked.result!.label, /养老服务系统 的目录/)
  assert.equal((await act(p.authority, c.no, 'approve')).stateLabel, '已立项')
})

test('[shuangpai-10-3] no approval before technical review and project review; then acceptance and evaluation by the centre', async t => {
  const p = await aPlace(t, 'shuangpai')
  const c = await p.provider.ok(procedure.startCase, { body: { procedure: 'project', form: { projectName: '智慧养老平台' } } })
  assert.deepEqual(said(await tryAct(p.authority, c.no, 'approve')), ['step-skipped', '第十条第三款'])
  assert.equal((await tryAct(p.provider, c.no, 'pass')).problem.reason, 'not-competent')
  await act(p.authority, c.no, 'pass')
  assert.deepEqual(said(await tryAct(p.authority, c.no, 'approve')), ['step-skipped', '第十条第三款'])
  await act(p.authority, c.no, 'conclude')
  await act(p.authority, c.no, 'approve')
  await act(p.provider, c.no, 'request')
  await act(p.authority, c.no, 'accept')
  const done = await act(p.authority, c.no, 'evaluate', { note: '运行平稳，数据已汇聚。' })
  assert.equal(done.stateLabel, '已评价')
})

// ── base databases, standards ──
test('[shuangpai-11-4] the county builds no base database; its departments are shown the municipal one', async t => {
  const p = await aPlace(t, 'shuangpai')
  for (const who of [p.authority, p.provider]) {
    const refused = await who.call(bases.createBaseDatabase, { body: { theme: '人口' } })
    assert.deepEqual(said(refused), ['base-database-owner', '第十一条第四款'])
    assert.match(refused.problem.remedy!, /永州市/)
  }
  const made = await p.bureaus['431100']!.ok(bases.createBaseDatabase, { body: { theme: '人口', title: '永州市人口基础数据库' } })
  assert.equal(made.region, '431100')
  const seen = await p.provider.ok(bases.baseDatabases, {})
  assert.deepEqual([seen.mine, seen.rows.length], [false, 9])
  assert.equal(seen.rows.find(r => r.theme === '人口')?.title, '永州市人口基础数据库')
})

async function standard(t: TestContext, place: Place, article: string) {
  const p = await aPlace(t, place)
  const entry = await p.register(
    aPlainEntry({
      items: [
        { key: 'c1', name: '机构编号', type: 'C', length: 20, identifier: true, required: true },
        { key: 'c2', name: '机构名称', type: 'C', length: 100 },
        { key: 'c3', name: '床位数', type: 'I', length: 5 },
      ],
    }),
  )
  const { source, batch } = await deliver(p.provider, entry, homes.replace('60', '六十'), { threshold: 0.01 })
  const stop = batch.messages[0]!
  assert.deepEqual([batch.state, batch.accepted, stop.code, stop.cite?.article], ['returned', 0, 'standard-violation', article])
  assert.match(stop.text, /不是整数 1 行/)
  assert.deepEqual(batch.may, ['download-rejects', 'upload-fixed'])
  const refused = await p.provider.call(contract.releaseBatch, { params: { id: batch.id }, body: { reason: '先入库再说' } })
  assert.deepEqual(said(refused), ['standard-violation', article])
  const good = await deliver(p.provider, entry, homes, { source })
  assert.deepEqual([good.batch.state, good.batch.accepted], ['done', 2])
}
test('[henan-11-1] a batch against the standard is turned away with the rule; one that meets it comes in', t =>
  standard(t, 'henan', '第十一条第一款'))
test('[shuangpai-21-1] a batch against the technical norm is turned away with the rule; one that meets it comes in', t =>
  standard(t, 'shuangpai', '第二十一条第一款'))

test('[henan-11-2] base databases are the province’s to build: its departments cannot', async t => {
  const p = await aPlace(t, 'henan')
  const refused = await p.provider.call(bases.createBaseDatabase, { body: { theme: '自然人' } })
  assert.deepEqual(said(refused), ['base-database-owner', '第十一条第二款'])
  assert.equal((await p.provider.ok(bases.baseDatabases, {})).rows.length, 4)
  // The list of the text is open: the province may add themes.
  const made = await p.authority.ok(bases.createBaseDatabase, { body: { theme: '社会信用' } })
  assert.equal(made.department, p.authority === p.bureaus[p.region] ? '河南省主管部门' : '')
})

test('[fuzhou-manage-19-1a] base databases are the commission’s to build: its departments cannot, nor does a county beside it', async t => {
  const p = await aPlace(t, 'fuzhou', { elsewhere: 'yongtai' })
  for (const who of [p.provider, p.consumer, p.bureaus['350125']!])
    assert.deepEqual(said(await who.call(bases.createBaseDatabase, { body: { theme: '人口' } })), ['base-database-owner', '第十九条'])
  assert.equal((await p.authority.ok(bases.createBaseDatabase, { body: { theme: '人口' } })).region, '350100')
  assert.equal((await p.consumer.ok(bases.baseDatabases, {})).rows.filter(r => r.id).length, 1)
})

// ── the identifier of persons and bodies ──
test('[henan-10-3] enterprises without credit code go to quarantine as identity-key-missing; with it the same delivery comes in', async t => {
  const p = await aPlace(t, 'henan')
  const items = (required: boolean) => [
    { key: 'c1', name: '登记号', type: 'C', length: 20, identifier: true, required: true },
    { key: 'c2', name: '企业名称', type: 'C', length: 100 },
    { key: 'c3', name: '统一社会信用代码', type: 'C', length: 18, semantic: 'credit-code', required },
  ]
  const entry = await p.register(
    aPlainEntry({ title: '企业名录', abstract: '登记在册的企业，每月更新。', subject: 'organisation', items: items(false) }),
  )
  const file = '登记号,企业名称,统一社会信用代码\n1,甲公司,\n2,乙公司,91350100M000100Y43\n'
  const { source, batch } = await deliver(p.provider, entry, file, { threshold: 0, keys: ['c1'] })
  assert.deepEqual([batch.state, batch.rejected, batch.messages[0]?.code], ['returned', 1, 'identity-key-missing'])
  const { rows } = await p.provider.ok(contract.rejects, { params: { id: batch.id }, query: {} })
  assert.deepEqual(
    rows.map(r => [r.line, r.rule, r.itemName]),
    [[2, 'identity-key-missing', '统一社会信用代码']],
  )
  const refused = await p.provider.call(contract.releaseBatch, { params: { id: batch.id }, body: { reason: '先入库再说' } })
  assert.deepEqual(said(refused), ['identity-key-missing', '第十条第三款'])
  const good = await deliver(p.provider, entry, file.replace('甲公司,', '甲公司,91410100MA44XXXX0A'), { source })
  // A code that is not real stays out as well.
  assert.equal(good.batch.state, 'returned')
  const right = await deliver(p.provider, entry, file.replace('甲公司,', '甲公司,91350100M000100Y43'), { source })
  assert.deepEqual([right.batch.state, right.batch.accepted], ['done', 2])

  // A delivery without the column at all: every row is quarantined.
  const second = await p.register(
    aPlainEntry({ title: '个体户名录', abstract: '登记在册的个体工商户。', subject: 'organisation', items: items(false) }),
  )
  const none = await deliver(p.provider, second, '登记号,企业名称\n1,甲店\n2,乙店\n', { threshold: 1, keys: ['c1'] })
  assert.deepEqual([none.batch.state, none.batch.rejected, none.batch.messages[0]?.code], ['returned', 2, 'identity-key-missing'])
  // Where the item is registered as required, the mapping says so before anything is read.
  const strict = await p.register(
    aPlainEntry({ title: '协会名录', abstract: '登记在册的行业协会。', subject: 'organisation', items: items(true) }),
  )
  const blank = await p.provider.ok(contract.createSource, { body: { entryId: strict.id, kind: 'file' } })
  const mapping = [
    { source: '登记号', item: 'c1' },
    { source: '企业名称', item: 'c2' },
  ]
  const unmapped = await p.provider.call(contract.saveMapping, { params: { id: blank.id }, body: { mapping, keys: ['c1'] } })
  assert.deepEqual(said(unmapped), ['identity-key-missing', '第十条第三款'])
  // Persons go by their number.
  const people = await p.register(
    aPlainEntry({
      title: '护理员名单',
      abstract: '持证的养老护理员名单。',
      items: [
        { key: 'c1', name: '证书号', type: 'C', length: 20, identifier: true, required: true },
        { key: 'c2', name: '姓名', type: 'C', length: 50, semantic: 'person-name' },
        { key: 'c3', name: '公民身份号码', type: 'C', length: 18, semantic: 'id-number' },
      ],
    }),
  )
  const persons = await deliver(p.provider, people, '证书号,姓名,公民身份号码\nZ1,张三,\n', { threshold: 0, keys: ['c1'] })
  assert.equal(persons.batch.messages[0]?.code, 'identity-key-missing')
})

// ── confirmation before sharing ──
test('[jinjiang-2-7b] a batch is held until somebody has verified and confirmed it; the block says that it is ours', async t => {
  const p = await aPlace(t, 'jinjiang')
  const entry = await p.register(aPlainEntry())
  const { batch } = await deliver(p.provider, entry, homes)
  assert.deepEqual([batch.state, batch.waiting, batch.may], ['held', 2, ['verify', 'release', 'return']])
  const release = { params: { id: batch.id }, body: { reason: '核对无误，放行' } }
  const refused = await p.provider.call(contract.releaseBatch, release)
  assert.deepEqual(said(refused), ['verification-missing', '第二部分第（七）项'])
  assert.match(refused.problem.detail, /平台约定/)
  assert.equal((await p.provider.ok(contract.coverage, {})).aggregated, 0)
  const seen = await p.provider.ok(contract.verifyBatch, {
    params: { id: batch.id },
    body: { method: '与备案台账逐条核对', result: '两条都与台账一致，确认可以共享' },
  })
  assert.equal(seen.verification?.person, '提供专员')
  await p.provider.ok(contract.releaseBatch, release)
  const done = await finished(p.provider, batch.id)
  assert.deepEqual([done.state, done.accepted], ['done', 2])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as aggregation from '../../../contract/aggregation.ts'
import * as contract from '../../../contract/catalog.ts'
import * as procedure from '../../../contract/procedure.ts'
import { type APlace, act, aPlace, aPlainEntry, approve, articleOf, type Place, said, tryAct } from '../../../test/support/country.ts'
import { systemContext } from '../../platform/context.ts'
import { remindRechecks, remindReleases } from './holdings.ts'
import { openUpdateTask } from './public.ts'

const paramsOf = (code: string) => ({ code: code.replace('/', '-') })

/** Writes and publishes the next version of an entry. */
async function renew(p: APlace, code: string, content: object) {
  await p.provider.ok(contract.saveDraft, { params: paramsOf(code), body: { content } })
  const { caseNo } = await p.provider.ok(contract.submitEntry, { params: paramsOf(code) })
  await approve(p.authority, p.provider, caseNo)
}

test('[henan-9-1] a change of function opens tasks of ten working days from the change; they close with a new version only', async t => {
  const p = await aPlace(t, 'henan', { day: '2026-05-21' })
  const entry = await p.register(aPlainEntry())
  p.world.at('2026-05-25')
  const body = { kind: 'function', changedOn: '2026-05-22', change: '养老职能划入省卫生健康委', departments: [p.provider.departmentId] }
  const { tasks } = await p.authority.ok(contract.registerChange, { body })
  const no = tasks[0]!.caseNo
  const view = await p.provider.ok(procedure.caseByNo, { params: { no } })
  // Friday 22 May is day 0; ten working days on is Friday 5 June.
  assert.deepEqual([view.clocks[0]!.days, view.clocks[0]!.due, view.clocks[0]!.cite.article], [10, '2026-06-05', '第九条'])
  const early = await tryAct(p.provider, no, 'close', { updateNote: '已经核对' })
  assert.deepEqual(said(early), ['evidence-required', '第九条'])
  p.world.at('2026-06-05')
  assert.notEqual((await p.authority.ok(procedure.caseByNo, { params: { no } })).light, 'red')
  p.world.at('2026-06-08')
  assert.equal((await p.authority.ok(procedure.caseByNo, { params: { no } })).light, 'red')
  await renew(p, entry.code, aPlainEntry({ abstract: '经备案的养老机构名称、床位数和地址，由省卫生健康委更新。' }))
  const closed = await act(p.provider, no, 'close', { updateNote: '提供部门改为省卫生健康委' })
  assert.equal(closed.ended, true)
})

test('[shuangpai-19-2] 双牌: fifteen working days from the change, and closed with a new version that is filed with the centre', async t => {
  const p = await aPlace(t, 'shuangpai', { day: '2026-05-21' })
  const entry = await p.register(aPlainEntry())
  p.world.at('2026-05-25')
  const body = { kind: 'law', changedOn: '2026-05-22', change: '养老服务条例修订', codes: [entry.code] }
  const { tasks } = await p.provider.ok(contract.registerChange, { body })
  const no = tasks[0]!.caseNo
  const { clocks } = await p.provider.ok(procedure.caseByNo, { params: { no } })
  assert.deepEqual([clocks[0]!.days, clocks[0]!.due], [15, '2026-06-12'])
  p.world.at('2026-06-15')
  assert.equal((await p.authority.ok(procedure.caseByNo, { params: { no } })).light, 'red')
  await renew(p, entry.code, aPlainEntry({ abstract: '经备案的养老机构名称、床位数和地址，按新条例更新。' }))
  const unfiled = await tryAct(p.provider, no, 'close')
  assert.deepEqual(said(unfiled), ['filing-missing', '第十九条第二款'])
  const filed = await act(p.provider, no, 'close', { filing: '按新条例增加备案机构范围' })
  assert.match(filed.result!.label, new RegExp(`备案回执 ${no}`))
  assert.ok((await p.authority.ok(procedure.notices)).rows.some(n => n.text.includes('已更新并备案')))
})

for (const [title, place] of [
  ['[yongtai-12-1b] 永泰: a changed structure opens an update task that says 及时 and gives no number', 'yongtai'],
  ['[fuzhou-manage-12-1b] 福州: a changed structure opens an update task that says 及时 and gives no number', 'fuzhou'],
] as [string, Place][])
  test(title, async t => {
    const p = await aPlace(t, place)
    const entry = await p.register(aPlainEntry())
    const source = await p.provider.ok(aggregation.createSource, {
      body: { entryId: entry.id, kind: 'file', name: '机构名录', threshold: 0.01 },
    })
    const upload = async (text: string) => {
      const form = new FormData()
      form.set('file', new File([text], 'a.csv'))
      const body = new Response(form)
      const payload = Buffer.from(await body.arrayBuffer())
      return (
        await p.provider.call(aggregation.upload, {
          params: { id: source.id },
          body: payload,
          headers: { 'content-type': body.headers.get('content-type')! },
        })
      ).body
    }
    const run = async (uploadId: string | undefined) => {
      let batch = await p.provider.ok(aggregation.startBatch, { params: { id: source.id }, body: { uploadId } })
      for (let i = 0; i < 150 && ['queued', 'running'].includes(batch.state); i++) {
        await new Promise(r => setTimeout(r, 100))
        batch = await p.provider.ok(aggregation.batch, { params: { id: batch.id } })
      }
      return batch
    }
    const first = await upload('机构编号,机构名称,床位数\nA1,甲,20\n')
    const mapping = [
      { source: '机构编号', item: 'c1' },
      { source: '机构名称', item: 'c2' },
      { source: '床位数', item: 'c3' },
    ]
    await p.provider.ok(aggregation.saveMapping, { params: { id: source.id }, body: { mapping, keys: ['c1'], threshold: 0.01 } })
    assert.equal((await run(first.uploadId ?? undefined)).state, 'done')
    const changed = await upload('机构编号,机构名称,护理等级\nA1,甲,一级\n')
    assert.equal((await run(changed.uploadId ?? undefined)).state, 'drift')
    const { rows } = await p.provider.ok(procedure.cases, { query: { procedure: 'catalog-update' } })
    assert.equal(rows.length, 1)
    const task = await p.provider.ok(procedure.caseByNo, { params: { no: rows[0]!.no } })
    const clock = task.clocks[0]!
    assert.deepEqual([clock.word, clock.days, clock.light, articleOf(clock.cite, place)], ['及时', null, 'word', '第十二条'])
    // However late it gets, it is never overdue in law.
    p.world.at('2026-08-20')
    assert.equal((await p.authority.ok(procedure.caseByNo, { params: { no: rows[0]!.no } })).light, 'word')
    const ctx = systemContext(p.world.app.services)
    const again = await ctx.db.transaction().execute(tx => openUpdateTask(tx, ctx, entry.id, '结构又变了'))
    assert.equal(again, rows[0]!.no)
  })

test('[shuangpai-15-1] 双牌: data without an entry in force are not accepted; once it is registered the same request is', async t => {
  const p = await aPlace(t, 'shuangpai')
  const made = await p.provider.ok(contract.createEntry, { body: { content: aPlainEntry() } })
  const body = { entryId: made.id, kind: 'file', name: '机构名录', threshold: 0.01 }
  const refused = await p.provider.call(aggregation.createSource, { body })
  assert.deepEqual(said(refused), ['entry-not-registered', '第十五条第一款'])
  const { caseNo } = await p.provider.ok(contract.submitEntry, { params: paramsOf(made.code) })
  await approve(p.authority, p.provider, caseNo)
  await p.provider.ok(aggregation.createSource, { body })
})

test('[shuangpai-15-2] 双牌: the centre publishes the county catalog release by release, is reminded when the interval has passed, and puts nothing unreviewed in', async t => {
  const p = await aPlace(t, 'shuangpai', { day: '2026-05-21' })
  const entry = await p.register(aPlainEntry())
  const draft = await p.provider.ok(contract.createEntry, { body: { content: aPlainEntry({ title: '养老驿站名录' }) } })
  const refused = await p.authority.call(contract.releaseCatalog, { body: { codes: [entry.code, draft.code] } })
  assert.deepEqual(said(refused), ['entry-not-approved', '第十五条第二款'])
  assert.equal(refused.problem.errors![0]!.pointer, '/codes/1')
  const first = await p.authority.ok(contract.releaseCatalog, { body: {} })
  assert.deepEqual([first.version, first.entries.length], [1, 1])
  const remind = () => remindReleases(systemContext(p.world.app.services))
  const owed = async () => (await p.authority.ok(procedure.todo, { query: { who: 'department' } })).rows.filter(r => r.what === '公布目录')
  p.world.at('2026-07-01')
  await remind()
  assert.equal((await owed()).length, 0)
  p.world.at('2026-08-24')
  await remind()
  await remind()
  const [duty, ...more] = await owed()
  assert.equal(more.length, 0)
  assert.deepEqual([duty!.clock.word, duty!.clock.cite.article], ['定期', '第十五条第二款'])
  assert.equal((await p.authority.ok(contract.releaseCatalog, { body: {} })).version, 2)
  assert.equal((await owed()).length, 0)
})

test('[shuangpai-19-1] 双牌: a department is asked to look at its catalog regularly, and says what it found', async t => {
  const p = await aPlace(t, 'shuangpai', { day: '2026-01-08' })
  await p.register(aPlainEntry())
  const ctx = () => systemContext(p.world.app.services)
  const open = async () => (await p.provider.ok(procedure.cases, { query: { procedure: 'catalog-recheck', state: 'open' } })).rows
  // The entry is dated by the platform's clock, which the world moves.
  p.world.at('2026-03-02')
  await remindRechecks(ctx())
  assert.equal((await open()).length, 0)
  p.world.at('2026-08-03')
  await remindRechecks(ctx())
  await remindRechecks(ctx())
  const [task, ...more] = await open()
  assert.equal(more.length, 0)
  assert.ok((await p.provider.ok(procedure.notices)).rows.some(n => n.text.includes('定期核对目录')))
  const clock = (await p.authority.ok(procedure.caseByNo, { params: { no: task!.no } })).clocks[0]!
  assert.deepEqual([clock.word, clock.days, clock.cite.article], ['定期', null, '第十九条第一款'])
  const silent = await tryAct(p.provider, task!.no, 'confirm')
  assert.deepEqual(said(silent), ['conclusion-required', '第十九条第一款'])
  await act(p.provider, task!.no, 'confirm', { conclusion: '养老机构名录：内容仍然准确，不需要更新。' })
  await remindRechecks(ctx())
  assert.equal((await open()).length, 0)
})

test('[jinjiang-2-4c] 晋江: what was purchased and has no entry is listed as missing in the catalog until its entry is named', async t => {
  const p = await aPlace(t, 'jinjiang')
  const wrong = await p.provider.call(contract.addAcquisition, { body: { kind: 'gift', title: '人流热力数据', obtained: '2026-05-04' } })
  assert.equal(wrong.problem.cite?.article, '第二部分第（四）项')
  const a = await p.provider.ok(contract.addAcquisition, {
    body: { kind: 'purchased', title: '人流热力数据', obtained: '2026-05-04', evidence: '采购合同 JJ-2026-8，已付款' },
  })
  for (const who of [p.provider, p.authority]) {
    const [row] = await who.ok(contract.acquisitions)
    assert.deepEqual(
      [row!.missing?.reason, row!.missing?.word, row!.missing?.cite.article],
      ['entry-missing', '及时', '第二部分第（四）项'],
    )
  }
  const entry = await p.register(aPlainEntry({ title: '人流热力数据' }))
  await p.provider.ok(contract.linkAcquisition, { params: { id: a.id }, body: { code: entry.code } })
  assert.equal((await p.authority.ok(contract.acquisitions))[0]!.missing, null)
})

const lists: [string, Place, string, string, string, string][] = [
  ['[yongtai-7-1] 永泰: the duty checklist says done only where records do', 'yongtai', '第七条', '登记目录', '采集处理', '公共服务'],
  [
    '[fuzhou-manage-7-1] 福州: the duty checklist says done only where records do',
    'fuzhou',
    '第七条',
    '登记目录',
    '采集处理',
    '配合开放开发',
  ],
  ['[henan-6-5] 河南: the duty checklist says done only where records do', 'henan', '第六条第五款', '目录编制', '采集', '开放'],
]
for (const [title, place, article, catalog, collect, other] of lists)
  test(title, async t => {
    const p = await aPlace(t, place)
    const params = { id: p.provider.departmentId }
    const list = async () => Object.fromEntries((await p.provider.ok(contract.checklist, { params })).items.map(i => [i.label, i]))
    const before = await list()
    assert.deepEqual([before[catalog]!.done, articleOf(before[catalog]!.cite, place)], [false, article])
    const byHand = (item: string) => p.provider.call(contract.confirmDuty, { params: { ...params, item } })
    assert.deepEqual(said(await byHand(before[catalog]!.key), place), ['evidence-required', article])
    const entry = await p.register(aPlainEntry())
    const after = await list()
    assert.deepEqual([after[catalog]!.done, after[collect]!.done, after[other]!.done], [true, false, false])
    for (const item of Object.values(after)) assert.equal(articleOf(item.cite, place), article)
    assert.equal((await byHand(after[catalog]!.key)).status, 200)
    assert.deepEqual(said(await byHand(after[collect]!.key), place), ['evidence-required', article])
    await p.world.app.services.pool.query('insert into catalog.mount (entry_id, rows, updated) values ($1, 12, now())', [entry.id])
    assert.equal((await list())[collect]!.done, true)
    // The authority sees it, another department does not.
    assert.equal((await p.authority.ok(contract.checklist, { params })).items.length, Object.keys(after).length)
    assert.equal((await p.consumer.call(contract.checklist, { params })).status, 404)
  })

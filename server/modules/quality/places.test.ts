import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as aggregation from '../../../contract/aggregation.ts'
import type { Endpoint } from '../../../contract/endpoint.ts'
import { endpoints } from '../../../contract/index.ts'
import * as organization from '../../../contract/organization.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as contract from '../../../contract/quality.ts'
import * as sharing from '../../../contract/sharing.ts'
import { deliver } from '../../../test/support/batches.ts'
import { type APlace, act, aPlace, aPlainEntry, articleOf, connect, type Place, said, tryAct } from '../../../test/support/country.ts'
import { free, stated } from '../../../test/support/sharing.ts'
import type { Person } from '../../../test/support/world.ts'

const header = '机构编号,机构名称,床位数'
const homes = `${header}\nA001,长者之家,120\nA002,福寿院,60\n`
const light = (c: procedure.Case) => c.clocks.find(k => !k.ended)?.light
const about = (entry: { code: string }, form: object, name = 'verification') => ({ body: { procedure: name, about: entry.code, form } })
const told = async (who: Person, text: RegExp) => (await who.ok(procedure.notices, {})).rows.some(n => text.test(n.text))
const quality = (who: Person, entry: { code: string }) => who.ok(contract.entryQuality, { params: { code: entry.code } })

/** Another department that takes the entry and reads all of it. */
async function reader(p: APlace, entry: { id: string; code: string }, who: Person = p.consumer) {
  const { id: system } = await who.ok(organization.createSystem, { body: { name: `${who.username}业务系统` } })
  const grant = await who.ok(sharing.access, { body: { entryId: entry.id, system, ...stated } })
  const read = await connect(p.world, who, grant.id)
  const answer = await read(entry.code)
  assert.equal(answer.status, 200, JSON.stringify(answer.problem))
  return read
}

// ── dimensions ──
async function fiveDimensions(t: TestContext, place: Place) {
  const p = await aPlace(t, place)
  const plain = aPlainEntry() as unknown as { items: object[] }
  const items = [...plain.items.map((i, n) => (n === 1 ? { ...i, required: true } : i)), { key: 'c4', name: '登记日期', type: 'D' }]
  const entry = await p.register({ ...plain, items } as never)
  const empty = await quality(p.provider, entry)
  assert.deepEqual(
    empty.dimensions.map(d => [d.label, d.measured, d.score]),
    ['真实性', '完整性', '准确性', '时效性', '可用性'].map(label => [label, false, null]),
  )
  const file = `${header},登记日期\nA001,,120,20250103\nA002,福寿院,60,20250104\n`
  const { batch } = await deliver(p.provider, entry, file, { producedItem: 'c4' })
  assert.deepEqual([batch.state, batch.rejected], ['done', 1])
  const q = await quality(p.provider, entry)
  assert.equal(articleOf(q.cite, place), '第八条')
  const by = new Map(q.dimensions.map(d => [d.label, d]))
  assert.deepEqual([by.get('完整性')!.score, by.get('时效性')!.score], [50, 0])
  assert.match(by.get('时效性')!.why, /超过更新周期/)
  // Nobody has checked whether the data are true: not measured, and not counted.
  assert.deepEqual([by.get('真实性')!.measured, by.get('真实性')!.score], [false, null])
  assert.match(by.get('真实性')!.why, /未测/)
  assert.deepEqual([...new Set(q.findings.map(f => `${f.label}/${f.department}`))].sort(), ['完整性/提供局', '时效性/提供局'])
  const { rows } = await p.authority.ok(contract.departmentQuality, {})
  const mine = rows.find(r => r.department === '提供局')!
  assert.deepEqual(
    [mine.entries, mine.findings > 1, mine.dimensions.map(d => d.score === null)],
    [1, true, [true, false, false, false, false]],
  )
}
test('[yongtai-8-1b] in Yongtai quality is kept on five dimensions; what nobody measured is not passed', t => fiveDimensions(t, 'yongtai'))
test('[fuzhou-manage-8-1b] in Fuzhou quality is kept on five dimensions; what nobody measured is not passed', t =>
  fiveDimensions(t, 'fuzhou'))

test('[shuangpai-20-0] in Shuangpai quality is kept on six dimensions; keys that contradict each other are findings of consistency', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(aPlainEntry())
  await deliver(p.provider, entry, `${homes}A001,长者之家（新址）,90\n`)
  const q = await quality(p.provider, entry)
  assert.deepEqual(
    q.dimensions.map(d => [d.label, d.measured]),
    [
      ['规范性', true],
      ['完整性', true],
      ['准确性', false],
      ['一致性', true],
      ['时效性', true],
      ['可访问性', true],
    ],
  )
  assert.equal(q.dimensions[2]!.score, null)
  assert.deepEqual(
    q.findings.map(f => [f.label, f.failed]),
    [['一致性', 1]],
  )
  assert.equal(q.cite.article, '第二十条首段')
  const rolled = (await p.authority.ok(contract.departmentQuality, {})).rows.find(r => r.department === '提供局')!
  assert.deepEqual([rolled.dimensions[2]!.score, rolled.findings], [null, 1])
})

// ── correction tasks ──
const withName = () => {
  const plain = aPlainEntry() as unknown as { items: object[] }
  return { ...plain, items: plain.items.map((i, n) => (n === 1 ? { ...i, required: true } : i)) } as unknown as ReturnType<
    typeof aPlainEntry
  >
}
const taskOf = async (who: Person) => (await who.ok(procedure.cases, { query: { procedure: 'correction-task' } })).rows

test('[henan-12-1] a batch that fails completeness opens a correction task; it closes with corrected data only', async t => {
  const p = await aPlace(t, 'henan')
  const entry = await p.register(withName())
  const { source } = await deliver(p.provider, entry, homes.replace('福寿院', ''))
  const [task] = await taskOf(p.provider)
  assert.deepEqual([task!.waitingFor, task!.stateLabel], ['提供局', '纠错'])
  assert.match((await p.provider.ok(procedure.caseByNo, { params: { no: task!.no } })).form[0]!.value, /完整性/)
  assert.deepEqual(
    (await quality(p.provider, entry)).dimensions.map(d => d.label),
    ['准确性', '时效性', '完整性', '可用性'],
  )
  const form = { correctionNote: '已补上机构名称。' }
  assert.deepEqual(said(await tryAct(p.provider, task!.no, 'close', form)), ['correction-missing', '第十二条第一款'])
  p.world.at('2026-05-22')
  // A second failure belongs to the task that is open.
  await deliver(p.provider, entry, homes.replace('长者之家', ''), { source })
  assert.equal((await taskOf(p.provider)).length, 1)
  assert.equal((await tryAct(p.provider, task!.no, 'close', form)).problem.reason, 'correction-missing')
  await deliver(p.provider, entry, homes, { source })
  const done = await act(p.provider, task!.no, 'close', form)
  assert.deepEqual([done.ended, done.stateLabel, (await quality(p.provider, entry)).findings], [true, '已更正', []])
})

test('[jinjiang-2-7a] a failed check becomes a rectification task; it closes with evidence, and the authority follows it up', async t => {
  const p = await aPlace(t, 'jinjiang')
  const entry = await p.register(withName())
  const { source, batch } = await deliver(p.provider, entry, homes.replace('福寿院', ''))
  const [task] = await taskOf(p.authority)
  assert.deepEqual([task!.stateLabel, task!.waitingFor], ['整改', '提供局'])
  const bare = await tryAct(p.provider, task!.no, 'close')
  assert.deepEqual(said(bare), ['evidence-required', '第二部分第（七）项'])
  const form = { correctionEvidence: '已在业务系统补齐机构名称，见更正批次。' }
  assert.equal((await tryAct(p.provider, task!.no, 'close', form)).problem.reason, 'correction-missing')
  assert.equal(batch.state, 'held')
  await p.provider.ok(aggregation.returnBatch, { params: { id: batch.id }, body: { reason: '退回来源补齐' } })
  const good = await deliver(p.provider, entry, homes, { source })
  const verification = { method: '与台账逐条核对', result: '一致，确认' }
  await p.provider.ok(aggregation.verifyBatch, { params: { id: good.batch.id }, body: verification })
  await p.provider.ok(aggregation.releaseBatch, { params: { id: good.batch.id }, body: { reason: '核对无误' } })
  for (let i = 0; i < 100 && (await p.provider.ok(aggregation.batch, { params: { id: good.batch.id } })).state !== 'done'; i++)
    await sleep(50)
  const closed = await act(p.provider, task!.no, 'close', form)
  assert.equal(closed.stateLabel, '跟踪核查')
  const seen = await p.authority.ok(procedure.caseByNo, { params: { no: task!.no } })
  assert.ok(seen.timeline.some(e => e.content.some(c => /见更正批次/.test(c.value))))
  assert.equal((await act(p.authority, task!.no, 'confirm')).stateLabel, '已整改')
})

// ── reports of wrong shared data: to the authority ──
async function toAuthority(t: TestContext, place: Place, article: string) {
  const p = await aPlace(t, place)
  const entry = await p.register(aPlainEntry(free))
  const { source } = await deliver(p.provider, entry, homes)
  await reader(p, entry)
  for (const form of [{}, { record: 'A002' }, { doubt: '床位数与现场不符。' }])
    assert.deepEqual(said(await p.consumer.call(procedure.startCase, about(entry, form)), place), ['record-incomplete', article])
  const form = { record: 'A002', doubt: '床位数与现场不符，现场只有 40 张。' }
  const c = await p.consumer.ok(procedure.startCase, about(entry, form))
  assert.equal(c.waitingFor, c.parties.find(x => x.role === 'authority')!.department)
  assert.deepEqual([await told(p.authority, /数据校核/), await told(p.provider, /反馈数据疑义/)], [true, true])
  assert.equal(c.form.find(f => f.name === 'record')?.value, 'A002')
  // Another record of the same entry is another matter; the same one is under way already.
  await p.consumer.ok(procedure.startCase, about(entry, { ...form, record: 'A001' }))
  assert.equal((await p.consumer.call(procedure.startCase, about(entry, form))).status, 409)

  await act(p.provider, c.no, 'opine', { opinion: 'agree', note: '现场核实确为 40 张。' })
  assert.equal((await tryAct(p.provider, c.no, 'confirm')).problem.reason, 'not-competent')
  await act(p.authority, c.no, 'confirm')
  p.world.at('2026-05-22')
  const correction = { correctionNote: '已按现场核实的床位数更正。' }
  assert.deepEqual(said(await tryAct(p.provider, c.no, 'correct', correction), place), ['correction-missing', article])
  // A delivery that leaves this record as it was corrects nothing.
  await deliver(p.provider, entry, `${homes}A003,乐龄苑,80\n`, { source })
  assert.equal((await tryAct(p.provider, c.no, 'correct', correction)).problem.reason, 'correction-missing')
  const { batch } = await deliver(p.provider, entry, `${header}\nA002,福寿院,40\n`, { source })
  assert.deepEqual([batch.accepted, batch.changed], [1, 1])
  const done = await act(p.provider, c.no, 'correct', correction)
  assert.deepEqual([done.ended, done.stateLabel, done.result?.label], [true, '已更正', `更正批次 ${batch.no}`])
  assert.ok(await told(p.consumer, /已更正/))
  const truthful = (await quality(p.provider, entry)).dimensions[0]!
  assert.deepEqual([truthful.measured, truthful.score], [true, 0])
}
test('[yongtai-17-1b] [yongtai-17-1c] in Yongtai wrong shared data are reported to the authority; a confirmed error closes with a new version', t =>
  toAuthority(t, 'yongtai', '第十七条第一款'))
test('[fuzhou-manage-18-1b] [fuzhou-manage-18-1c] in Fuzhou wrong shared data are reported to the commission; a confirmed error closes with a new version', t =>
  toAuthority(t, 'fuzhou', '第十八条第一款'))

// ── reports to the provider ──
test('[shuangpai-27-1] [shuangpai-27-2a] [shuangpai-27-2b] doubts go to the provider, who has five working days; the centre sees all with their age', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(aPlainEntry(free))
  await deliver(p.provider, entry, homes)
  await reader(p, entry)
  for (const form of [{ record: 'A002' }, { doubt: '床位数与现场不符。' }])
    assert.deepEqual(said(await p.consumer.call(procedure.startCase, about(entry, form))), ['record-incomplete', '第二十七条第二款'])
  const form = { record: 'A002', doubt: '床位数与现场不符，现场只有 40 张。' }
  const c = await p.consumer.ok(procedure.startCase, about(entry, form))
  assert.deepEqual([c.waitingFor, c.due, light(c)], ['提供局', '2026-05-28', 'green'])
  assert.ok(await told(p.provider, /数据校核/))
  const see = (who: Person) => who.ok(procedure.caseByNo, { params: { no: c.no } })
  assert.equal(light(await see(p.authority)), 'green')
  p.world.at('2026-05-29')
  assert.deepEqual([light(await see(p.consumer)), light(await see(p.authority))], ['red', 'red'])
  const board = await p.authority.ok(contract.board, { query: {} })
  assert.deepEqual(
    board.rows.map(r => [r.no, r.record, r.owner, r.age, r.light, r.ended]),
    [[c.no, 'A002', '提供局', 6, 'red', false]],
  )
  assert.deepEqual([board.counts.open, board.counts.overdue], [1, 1])
  assert.equal((await p.consumer.ok(contract.board, { query: {} })).rows.length, 1)

  // Nobody deletes a case, and there is no other way to.
  for (const who of [p.authority, p.provider, p.consumer])
    assert.equal((await who.call(procedure.removeCase, { params: { no: c.no } })).problem.reason, 'log-append-only')
  const deleting = (e: Endpoint) => e.method === 'DELETE' && /cases/.test(e.path)
  assert.deepEqual(
    endpoints.filter(e => deleting(e.endpoint)).map(e => e.name),
    ['removeCase'],
  )
  assert.equal((await see(p.authority)).no, c.no)

  assert.deepEqual(said(await tryAct(p.provider, c.no, 'uphold')), ['reason-required', '第二十七条第二款'])
  const upheld = await act(p.provider, c.no, 'uphold', { reason: '已到现场复核，床位确为 60 张，有验收记录。' })
  assert.deepEqual([upheld.ended, upheld.light], [true, 'late'])
  assert.ok(await told(p.consumer, /数据无误/))
  assert.equal((await p.authority.ok(contract.board, { query: {} })).counts.upheld, 1)
})

test('[shuangpai-27-2c] an extension: at most 15 working days, with the head’s consent, and told', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(aPlainEntry(free))
  await deliver(p.provider, entry, homes)
  const c = await p.consumer.ok(procedure.startCase, about(entry, { record: 'A002', doubt: '床位数与现场不符。' }))
  const whole = { extendDays: 15, consentBy: '王局长', consentOn: '2026-05-21', told: true }
  const refused = async (more: object) => said(await tryAct(p.provider, c.no, 'extend', { ...whole, ...more }))
  assert.deepEqual(await refused({ extendDays: 16 }), ['extension-limit-exceeded', '第二十七条第二款'])
  assert.deepEqual(await refused({ consentBy: undefined }), ['extension-consent-required', '第二十七条第二款'])
  assert.deepEqual(await refused({ told: undefined }), ['notice-missing', '第二十七条第二款'])
  const longer = await act(p.provider, c.no, 'extend', whole)
  // 5 working days and 15 more.
  assert.deepEqual([longer.due, longer.clocks.find(k => !k.ended)?.extended], ['2026-06-18', 15])
  assert.ok(await told(p.consumer, /延长 15 个工作日/))
  assert.deepEqual(await refused({ extendDays: 1 }), ['extension-limit-exceeded', '第二十七条第二款'])
})

test('[shuangpai-27-4] a correction is told to every department that obtained the record, before the case closes', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(aPlainEntry(free))
  const { source } = await deliver(p.provider, entry, homes)
  const others = []
  for (const name of ['医保局', '卫健局', '没有取用的局']) {
    await p.world.department({ region: p.region, name })
    others.push(await p.world.person({ department: name, roles: ['steward'] }))
  }
  await reader(p, entry)
  for (const who of others.slice(0, 2)) await reader(p, entry, who)
  const calls = async () => (await p.world.app.services.pool.query('select count(*)::int as n from delivery.call')).rows[0].n
  for (let i = 0; i < 100 && (await calls()) < 3; i++) await sleep(50)

  const c = await p.consumer.ok(procedure.startCase, about(entry, { record: 'A002', doubt: '床位数与现场不符，现场只有 40 张。' }))
  await act(p.provider, c.no, 'confirm')
  p.world.at('2026-05-22')
  const correction = { correctionNote: '已按现场核实的床位数更正。' }
  assert.equal((await tryAct(p.provider, c.no, 'correct', correction)).problem.reason, 'correction-missing')
  await deliver(p.provider, entry, `${header}\nA002,福寿院,40\n`, { source })
  await act(p.provider, c.no, 'correct', correction)
  assert.deepEqual(said(await tryAct(p.provider, c.no, 'inform')), ['notice-missing', '第二十七条第四款'])
  assert.equal(await told(others[0]!, /数据已更正/), false)
  const done = await act(p.provider, c.no, 'inform', { usersTold: true })
  assert.deepEqual([done.stateLabel, done.result?.label], ['已更正并告知', '已告知 3 个使用部门'])
  assert.deepEqual(await Promise.all([p.consumer, ...others].map(who => told(who, /数据已更正/))), [true, true, true, false])
  assert.equal((await p.authority.ok(contract.board, { query: {} })).rows[0]?.told, 3)
})

test('[shuangpai-27-3] valid proof: an open verification is no ground to refuse, delay or demand correction first', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(aPlainEntry(free))
  await deliver(p.provider, entry, homes)
  await p.consumer.ok(procedure.startCase, about(entry, { record: 'A002', doubt: '床位数与现场不符。' }))
  const matter = { matter: '养老机构床位补贴', record: 'A002', proof: 'valid', because: 'open-verification' }
  const record = (form: object) => p.consumer.call(procedure.startCase, about(entry, form, 'matter-handling'))
  for (const handling of ['refused', 'postponed', 'correction-demanded'])
    assert.deepEqual(said(await record({ ...matter, handling })), ['verification-must-not-block', '第二十七条第三款'])
  const handled = await record({ ...matter, because: undefined, handling: 'handled' })
  assert.deepEqual([handled.status, handled.body.stateLabel], [200, '已记录'])
  // Without valid proof it is not this rule that speaks.
  assert.equal((await record({ ...matter, matter: '另一事项', proof: 'none', handling: 'postponed' })).status, 200)
})

test('[shuangpai-21-2] differing data: the departments agree first, then the centre coordinates', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(aPlainEntry(free))
  const form = { record: 'A002', valueHere: '40 张', valueThere: '60 张', counterpart: p.provider.departmentId }
  const c = await p.consumer.ok(procedure.startCase, about(entry, form, 'conflict'))
  assert.deepEqual([c.stateLabel, c.clocks[0]?.word], ['部门协商', '及时'])
  const result = { outcome: '以现场核实的 40 张为准，提供局更正。', reason: '现场核实记录由两部门共同签字。' }
  assert.deepEqual(said(await tryAct(p.authority, c.no, 'resolve', result)), ['step-skipped', '第二十一条第二款'])
  assert.equal((await tryAct(p.consumer, c.no, 'escalate')).status, 422)
  await act(p.consumer, c.no, 'escalate', { negotiation: '双方各执一词，两次协商没有结果。' })
  assert.ok(await told(p.authority, /协调处理/))
  const done = await act(p.authority, c.no, 'resolve', result)
  assert.deepEqual([done.ended, done.stateLabel], [true, '已协调'])
  assert.ok(await told(p.provider, /已协调/))
  // The other way: they agree, and nobody else is needed.
  const other = await p.consumer.ok(procedure.startCase, about(entry, { ...form, record: 'A001' }, 'conflict'))
  assert.equal((await act(p.provider, other.no, 'agree', { outcome: '以提供局的数据为准。' })).stateLabel, '协商一致')
})

// ── the public objects ──
const filing = (entry: { code: string }, more: object = {}) => ({
  body: {
    procedure: 'objection',
    about: entry.code,
    form: {
      applicantKind: 'citizen',
      applicantName: '何女士',
      contact: '13800000000',
      ground: 'wrong',
      objection: '床位数写成 60 张，我母亲所在的机构只有 40 张。',
      material: '机构备案证照片一张。',
      record: 'A002',
      ...more,
    },
  },
})
async function disputed(t: TestContext) {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(aPlainEntry(free))
  const { source } = await deliver(p.provider, entry, homes)
  return { ...p, entry, source, read: await reader(p, entry) }
}

test('[shuangpai-40-1] [shuangpai-40-2-0] anyone objects without signing in; the centre has it, and marks the record within one working day', async t => {
  const p = await disputed(t)
  const outside = p.world.anonymous
  for (const missing of ['material', 'objection'])
    assert.deepEqual(said(await outside.call(procedure.publicStart, filing(p.entry, { [missing]: undefined }))), [
      'record-incomplete',
      '第四十条第一款',
    ])
  const { no, code } = await outside.ok(procedure.publicStart, filing(p.entry))
  assert.match(no, /^YY-2026-/)
  assert.ok(await told(p.authority, /数据异议/))
  assert.ok(await told(p.bureaus['431100']!, /抄送/))
  const mine = () => outside.ok(procedure.publicCase, { params: { no }, query: { code } })
  assert.equal((await mine()).stateLabel, '受理和标注')
  const seen = () => p.authority.ok(procedure.caseByNo, { params: { no } })
  const clock = async (what: string) => (await seen()).clocks.find(c => c.what === what)!
  assert.deepEqual([(await clock('异议标注')).due, (await clock('异议标注')).cite.article], ['2026-05-22', '第四十条第二款首段'])
  const rows = async () => (await p.read(p.entry.code)).body as unknown as { rows: Record<string, string>[]; objection?: string }
  assert.equal(JSON.stringify(await rows()).includes('异议'), false)
  p.world.at('2026-05-25')
  assert.equal((await clock('异议标注')).light, 'red')
  await act(p.authority, no, 'mark')
  assert.equal((await clock('异议标注')).light, 'late')
  // Every user of the record sees it, in the API and on the page; other rows are not marked.
  assert.equal((await outside.ok(contract.publicMarks, { params: { code: p.entry.code } })).rows.length, 1)
  await p.world.department({ region: p.region, name: '医保局' })
  const read = await reader(p, p.entry, await p.world.person({ department: '医保局', roles: ['steward'] }))
  const marked = ((await read(p.entry.code)).body as unknown as { rows: Record<string, string>[] }).rows
  assert.match(marked.find(r => r.机构编号 === 'A002')!._objection!, /有异议/)
  assert.equal(marked.find(r => r.机构编号 === 'A001')!._objection, undefined)
  assert.deepEqual(
    (await quality(p.provider, p.entry)).marks.map(m => [m.caseNo, m.record]),
    [[no, 'A002']],
  )
  // A key may identify a person: other departments see that there is a mark, on the page without the key.
  assert.deepEqual(
    (await quality(p.consumer, p.entry)).marks.map(m => [m.caseNo, m.record, m.whole]),
    [[null, null, false]],
  )
})

test('[shuangpai-40-2-1] what the centre can correct itself it decides in five working days, with reasons, and tells the objector', async t => {
  const p = await disputed(t)
  const outside = p.world.anonymous
  const { no, code } = await outside.ok(procedure.publicStart, filing(p.entry, { record: undefined }))
  await act(p.authority, no, 'mark')
  await act(p.authority, no, 'keep')
  await sleep(1100)
  assert.match(((await p.read(p.entry.code)).body as unknown as { objection: string }).objection, /有异议/)
  p.world.at('2026-05-29')
  const seen = await p.authority.ok(procedure.caseByNo, { params: { no } })
  assert.deepEqual(
    seen.clocks.map(c => [c.what, c.due, c.light]),
    [
      ['作出处理决定', '2026-05-28', 'red'],
      ['异议标注', '2026-05-22', 'done'],
      ['转交有权部门', '2026-05-25', 'done'],
    ],
  )
  const decision = { objectionResult: 'corrected', reason: '经核实现场为 40 张，已更正。', objectorTold: true }
  const refused = async (more: object) => said(await tryAct(p.authority, no, 'decide', { ...decision, ...more }))
  assert.deepEqual(await refused({ reason: undefined }), ['reason-required', '第四十条第二款第一项'])
  assert.deepEqual(await refused({ objectorTold: undefined }), ['notice-missing', '第四十条第二款第一项'])
  await act(p.authority, no, 'decide', decision)
  const mine = await outside.ok(procedure.publicCase, { params: { no }, query: { code } })
  assert.ok(mine.ended)
  assert.match(JSON.stringify(mine.timeline), /现场为 40 张/)
  assert.deepEqual((await quality(p.consumer, p.entry)).marks, [])
})

test('[shuangpai-40-2-2] what a department can correct is forwarded in two working days; it has five; the centre tells the objector', async t => {
  const p = await disputed(t)
  const outside = p.world.anonymous
  const { no, code } = await outside.ok(procedure.publicStart, filing(p.entry))
  const seen = () => p.authority.ok(procedure.caseByNo, { params: { no } })
  p.world.at('2026-05-26')
  assert.equal((await seen()).clocks.find(c => c.what === '转交有权部门')!.light, 'red')
  p.world.at('2026-05-22')
  await act(p.authority, no, 'mark')
  await act(p.authority, no, 'forward')
  const forwarded = await seen()
  assert.deepEqual([forwarded.waitingFor, forwarded.due], ['提供局', '2026-05-29'])
  p.world.at('2026-06-01')
  assert.equal(light(await seen()), 'red')
  const result = { objectionResult: 'corrected', reason: '已到现场核实，更正为 40 张。' }
  await act(p.provider, no, 'decide', result)
  assert.ok(await told(p.authority, /告知异议提出人/))
  assert.deepEqual(said(await tryAct(p.authority, no, 'inform')), ['notice-missing', '第四十条第二款第二项'])
  assert.equal((await act(p.authority, no, 'inform', { objectorTold: true })).stateLabel, '已处理并告知')
  assert.match(JSON.stringify((await outside.ok(procedure.publicCase, { params: { no }, query: { code } })).timeline), /更正为 40 张/)
})

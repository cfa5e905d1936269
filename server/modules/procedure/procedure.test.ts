import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import * as contract from '../../../contract/procedure.ts'
import * as regulation from '../../../contract/regulation.ts'
import { sixthPlace, sixthText } from '../../../test/support/sixth.ts'
import type { Person, World } from '../../../test/support/world.ts'

const start = (who: Person, procedure: string, form: object, more: object = {}) =>
  who.ok(contract.startCase, { body: { procedure, form, ...more } })
const tryStart = (who: Person, procedure: string, form: object, more: object = {}) =>
  who.call(contract.startCase, { body: { procedure, form, ...more } })
const look = (who: Person, no: string) => who.ok(contract.caseByNo, { params: { no } })
const act = async (who: Person, no: string, action: string, form: object = {}) =>
  who.ok(contract.act, { params: { no, action }, body: { version: (await look(who, no)).version, form } })
const tryAct = async (who: Person, no: string, action: string, form: object = {}) =>
  who.call(contract.act, { params: { no, action }, body: { version: (await look(who, no)).version, form } })

async function upload(world: World, who: Person, name: string, text: string) {
  const boundary = 'part'
  const payload = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: application/pdf\r\n\r\n${text}\r\n--${boundary}--\r\n`
  const reply = await who.call(contract.attach, { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body: payload })
  assert.equal(reply.status, 200, JSON.stringify(reply.problem))
  void world
  return reply.body.id
}

test('a sixth place is a file: two approvals, 7 and 3 working days, a refusal with an attachment', async t => {
  const { world, clerk, authority, board } = await sixthPlace(t)
  const refused = await tryStart(clerk, 'double-approval', { topic: '试点' })
  assert.equal(refused.problem.reason, 'purpose-required')
  assert.equal(refused.problem.cite?.article, '第八条')
  const one = await start(clerk, 'double-approval', { topic: '试点', purpose: '办理试点事项' })
  assert.match(one.no, /^LJ-2026-/)
  assert.deepEqual([one.clocks[0]!.days, one.clocks[0]!.due, one.clocks[0]!.light], [7, '2026-06-01', 'green'])
  assert.equal((await tryAct(board, one.no, 'pass')).problem.reason, 'not-competent')
  assert.equal((await tryAct(authority, one.no, 'judge')).problem.reason, 'step-skipped')
  const bare = await tryAct(authority, one.no, 'refuse', { reason: '材料不足，暂时不能同意' })
  assert.deepEqual([bare.problem.reason, bare.problem.errors![0]!.pointer], ['evidence-required', '/form/proof'])
  const stolen = await upload(world, clerk, '别人的.pdf', 'x')
  assert.equal((await tryAct(authority, one.no, 'refuse', { reason: '材料不足，暂时不能同意', proof: stolen })).status, 404)
  await act(authority, one.no, 'pass')
  const second = await look(board, one.no)
  assert.deepEqual([second.stateLabel, second.clocks[0]!.days, second.clocks[0]!.cite.article], ['终审', 3, '第九条'])
  const proof = await upload(world, board, '终审意见.pdf', '不同意的理由')
  const done = await act(board, one.no, 'refuse', { reason: '与现有的业务系统重复建设', proof })
  assert.equal(done.stateLabel, '未批准')
  assert.ok(done.timeline.at(-1)!.content.some(c => c.value === '终审意见.pdf'))
  const file = await clerk.call(contract.attachment, { params: { id: proof } })
  assert.deepEqual([file.status, String(file.headers['content-disposition']).startsWith('attachment')], [200, true])

  // What follows a refusal: only after it, only for a party.
  assert.equal((await tryStart(clerk, 'protest', { reason: '我们认为没有重复' })).problem.reason, 'step-skipped')
  const offered = await clerk.ok(contract.startable, { query: { after: one.no } })
  assert.deepEqual(
    offered.map(o => o.procedure),
    ['protest'],
  )
  const protest = await start(clerk, 'protest', { reason: '我们认为没有重复建设' }, { after: one.no })
  const word = protest.clocks[0]!
  assert.deepEqual([word.days, word.word, word.light, word.origin], [null, '及时', 'word', 'platform'])
})

test('a clock passes a make-up weekend, and a year that is not announced is marked 预估', async t => {
  const { world, clerk } = await sixthPlace(t, { day: '2026-02-11' })
  // 2026: 春节 2-15 … 2-23, 2-14 and 2-28 are worked Saturdays.
  const c = await start(clerk, 'double-approval', { topic: '节前', purpose: '跨调休的事项' })
  assert.deepEqual([c.clocks[0]!.due, c.clocks[0]!.estimated], ['2026-02-27', false])
  world.at('2026-12-24')
  const late = await start(clerk, 'update', { topic: '年底', changeDate: '2026-12-28' })
  assert.equal(late.clocks[0]!.estimated, true)
  assert.equal(late.clocks[0]!.opened, '2026-12-28')
})

test('an extension needs consent and word to the other side, and has a limit on all of it together', async t => {
  const { clerk, other, department } = await sixthPlace(t)
  const c = await start(clerk, 'check', { topic: '一条记录', accused: department })
  const due = c.clocks[0]!.due
  const forms: [object, string][] = [
    [{ extendDays: 16, consentBy: '王局', consentOn: '2026-05-22', told: true }, 'extension-limit-exceeded'],
    [{ extendDays: 10, told: true }, 'extension-consent-required'],
    [{ extendDays: 10, consentBy: '王局', consentOn: '2026-05-22' }, 'notice-missing'],
  ]
  for (const [form, reason] of forms) assert.equal((await tryAct(other, c.no, 'extend', form)).problem.reason, reason)
  assert.equal((await tryAct(clerk, c.no, 'extend', forms[0]![0])).problem.reason, 'not-competent')
  const longer = await act(other, c.no, 'extend', { extendDays: 10, consentBy: '王局', consentOn: '2026-05-22', told: true })
  assert.deepEqual([longer.clocks[0]!.extended, longer.clocks[0]!.due! > due!], [10, true])
  assert.ok((await clerk.ok(contract.notices)).rows.some(n => n.text.includes('延长 10 个工作日')))
  assert.equal(
    (await tryAct(other, c.no, 'extend', { extendDays: 6, consentBy: '王局', consentOn: '2026-05-22', told: true })).problem.reason,
    'extension-limit-exceeded',
  )
  await act(other, c.no, 'extend', { extendDays: 5, consentBy: '王局', consentOn: '2026-05-22', told: true })
  await act(other, c.no, 'answer', { result: '核对无误' })
  const after = await tryAct(other, c.no, 'answer', { result: '再答一次' })
  assert.deepEqual([after.status, after.problem.reason], [409, 'step-skipped'])
})

test('an order sets its own date; criticism waits until it has passed; only departments of the place', async t => {
  const { world, clerk, authority, other, department, stranger } = await sixthPlace(t)
  assert.equal(
    (await tryStart(clerk, 'order', { topic: '整改', accused: department, deadline: '2026-06-10' })).problem.reason,
    'not-competent',
  )
  assert.equal(
    (await tryStart(authority, 'order', { topic: '整改', accused: stranger, deadline: '2026-06-10' })).problem.reason,
    'wrong-level',
  )
  assert.equal((await tryStart(authority, 'order', { topic: '整改', accused: department, deadline: '2026-05-01' })).status, 422)
  assert.equal(
    (await tryStart(authority, 'order', { topic: '整改', accused: department, deadlines: '2026-06-10' })).problem.reason,
    'field-unknown',
  )
  const c = await start(authority, 'order', { topic: '整改', accused: department, deadline: '2026-06-10' })
  assert.equal((await look(other, c.no)).clocks[0]!.due, '2026-06-10')
  assert.equal((await tryAct(authority, c.no, 'criticise', { reason: '到期没有改正，予以通报' })).problem.reason, 'ladder-order')
  world.at('2026-06-09')
  await world.job('duties.remind')
  await world.job('duties.remind')
  assert.equal((await other.ok(contract.notices)).rows.filter(n => n.kind === 'reminder').length, 1)
  world.at('2026-06-11')
  await world.job('duties.remind')
  await world.job('duties.remind')
  const told = (await authority.ok(contract.notices)).rows.filter(n => n.kind === 'supervision')
  assert.equal(told.length, 1)
  assert.match(told[0]!.text, /逾期.*通报批评/)
  const book = await authority.ok(contract.duties, { query: { scope: 'region', state: 'late' } })
  assert.deepEqual([book.total, book.rows[0]!.clock.light, book.rows[0]!.may], [1, 'red', ['urge', 'supervise']])
  await authority.ok(contract.urge, { params: { id: book.rows[0]!.id }, body: { kind: 'supervise', note: '请于三日内报告' } })
  assert.equal((await clerk.call(contract.urge, { params: { id: book.rows[0]!.id }, body: { kind: 'supervise' } })).status, 404)
  assert.ok((await look(authority, c.no)).timeline.some(e => e.label.startsWith('督办')))
  assert.equal((await act(authority, c.no, 'criticise', { reason: '到期没有改正，予以通报' })).stateLabel, '已通报')
})

test('a reference that is no id is told to be unknown, never a server error', async t => {
  const { clerk, adopt } = await sixthPlace(t)
  await adopt(sixthText.replace('    label: 人员备案\n', '    label: 人员备案\n    about: department\n'), '2026-05-21')
  const lost = await tryStart(clerk, 'filing', { topic: '三名工作人员' }, { about: '县里的某个局' })
  assert.deepEqual([lost.status, lost.problem.code], [404, 'procedure.subject_not_found'])
})

test('two people at once: one act counts, the other is told what happened', async t => {
  const { clerk, authority } = await sixthPlace(t)
  const c = await start(clerk, 'double-approval', { topic: '同时', purpose: '两个人同时办理' })
  const call = () => authority.call(contract.act, { params: { no: c.no, action: 'pass' }, body: { version: c.version, form: {} } })
  const replies = await Promise.all([call(), call(), call()])
  assert.deepEqual(replies.map(r => r.status).sort(), [200, 409, 409])
  assert.match(replies.find(r => r.status === 409)!.problem.detail, /已于 \d\d:\d\d 办理“初审通过”/)
  const events = (await look(clerk, c.no)).timeline
  assert.equal(events.filter(e => e.action === 'pass').length, 1)
})

test('a filing ends when it is made and is its own receipt', async t => {
  const { clerk, authority } = await sixthPlace(t)
  const c = await start(clerk, 'filing', { topic: '三名工作人员' })
  assert.deepEqual([c.ended, c.stateLabel, c.clocks.length], [true, '已备案', 0])
  assert.ok((await authority.ok(contract.notices)).rows.some(n => n.text.includes('人员备案')))
  assert.equal((await tryAct(clerk, c.no, 'anything')).status, 409)
})

test('somebody outside files, supplements and reads the answer with number and code, and nothing else', async t => {
  const { world, authority, region } = await sixthPlace(t)
  const outside = world.anonymous
  const offered = await outside.ok(contract.publicStartable, { query: { region } })
  assert.ok(offered.some(o => o.procedure === 'opinion' && o.fields.some(f => f.name === 'applicantKind' && f.options!.length === 2)))
  const file = (form: object) => outside.call(contract.publicStart, { body: { procedure: 'opinion', region, form } })
  const base = { applicantName: '张某', applicantKind: 'citizen', ground: '数据里少了一条记录' }
  assert.deepEqual(
    (await file({ ...base, ground: '' })).problem.errors?.map(e => e.pointer),
    ['/form/ground'],
  )
  assert.equal((await file({ ...base, applicantKind: 'university' })).problem.reason, 'applicant-not-eligible')
  assert.equal((await file({ ...base, commercial: true, tender: '已公开招标' })).problem.reason, 'public-benefit-only')
  assert.equal((await file({ ...base, applicantKind: 'enterprise', commercial: true })).problem.reason, 'competitive-selection-required')
  const made = await file(base)
  assert.equal(made.status, 200)
  const { no, code } = made.body
  assert.equal((await outside.call(contract.publicCase, { params: { no }, query: { code: `${code.slice(1)}x` } })).status, 404)
  await act(authority, no, 'return', { corrections: [{ field: '意见内容', message: '请写明是哪条记录' }] })
  const mine = await outside.ok(contract.publicCase, { params: { no }, query: { code } })
  assert.deepEqual([mine.stateLabel, mine.actions.map(a => a.action).sort()], ['补正', ['resubmit', 'withdraw']])
  const wrong = await outside.call(contract.publicAct, {
    params: { no, action: 'answer' },
    body: { code, version: mine.version, form: { reason: '自己给自己的答复内容' } },
  })
  assert.equal(wrong.status, 409)
  const again = await outside.ok(contract.publicAct, {
    params: { no, action: 'resubmit' },
    body: { code, version: mine.version, form: { ground: '第 12 号机构没有列入名录' } },
  })
  assert.equal(again.stateLabel, '答复')
  await act(authority, no, 'answer', { reason: '已经补入，谢谢你的意见。', note: '内部说明' })
  const answered = await outside.ok(contract.publicCase, { params: { no }, query: { code } })
  assert.deepEqual([answered.ended, answered.decision?.reason], [true, '已经补入，谢谢你的意见。'])
  assert.ok(!JSON.stringify(answered).includes('内部说明'))
  const staff = await look(authority, no)
  assert.ok(!JSON.stringify(staff).includes(code))
})

test('an old case keeps the text it began under when a new one is adopted', async t => {
  const { clerk, authority, adopt } = await sixthPlace(t)
  const old = await start(clerk, 'double-approval', { topic: '旧办件', purpose: '旧文本下的办件' })
  await adopt(sixthText.replace('within: 7wd', 'within: 2wd').replace('7 个工作日内初审', '2 个工作日内初审'), '2026-05-21')
  const young = await start(clerk, 'double-approval', { topic: '新办件', purpose: '新文本下的办件' })
  assert.deepEqual([young.clocks[0]!.days, (await look(clerk, old.no)).clocks[0]!.days], [2, 7])
  assert.notEqual(young.ruling.version, old.ruling.version)
  await act(authority, old.no, 'pass')
  assert.equal((await look(clerk, old.no)).stateLabel, '终审')
})

test('an imported calendar moves the due dates of running duties and takes the 预估 away', async t => {
  const { world, clerk, admin } = await sixthPlace(t, { day: '2026-12-24' })
  const c = await start(clerk, 'double-approval', { topic: '跨年', purpose: '跨年的事项' })
  assert.equal(c.clocks[0]!.estimated, true)
  // Thirteen days in a row where the law only guarantees one: nobody can have foreseen them.
  const off = Array.from({ length: 13 }, (_, i) => `  2027-01-${String(i + 1).padStart(2, '0')}: 元旦`)
  const text = ['year: 2027', 'document: 放假安排（测试用，虚构）', 'holidays:', ...off, 'workdays: {}'].join('\n')
  const made = await admin.ok(regulation.importCalendar, { body: { text } })
  assert.ok(made.differences.some(d => d.day === '2027-01-04'))
  await admin.ok(regulation.adoptCalendar, { params: { id: made.id } })
  await world.job('duties.recalculate')
  const after = (await look(clerk, c.no)).clocks[0]!
  assert.deepEqual([after.estimated, after.due! > c.clocks[0]!.due!], [false, true])
})

test('where a higher law gives fewer days it wins, and both articles stand there', async t => {
  const { admin, clerk, region } = await sixthPlace(t)
  const record = { kind: 'layer' as const, regulation: 'national-809', from: '2026-01-01', document: '县政府决定一并适用' }
  await admin.ok(regulation.recordLaw, { params: { code: region }, body: record })
  const c = await start(clerk, 'update', { topic: '职能变化', changeDate: '2026-05-20' })
  const clock = c.clocks[0]!
  assert.equal(clock.days, 10)
  assert.deepEqual([clock.cite.regulation, clock.also?.regulation].sort(), ['national-809', 'sixth-2026'])
})

test('events can be neither changed nor removed, and say where each case is', async t => {
  const { world, clerk, authority } = await sixthPlace(t)
  const c = await start(clerk, 'double-approval', { topic: '留痕', purpose: '全程留痕的办件' })
  await act(authority, c.no, 'pass')
  const endpoints = world.app.endpoints.filter(e => /\/cases\/:no/.test(e.path) && e.method !== 'GET')
  // Two addresses exist only to refuse with reason and article, one shows rows to who decides and changes nothing.
  assert.deepEqual(endpoints.map(e => `${e.method} ${e.path}`).sort(), [
    'DELETE /cases/:no',
    'POST /cases/:no/actions/:action',
    'POST /public/cases/:no/actions/:action',
    'POST /sharing/cases/:no/preview',
    'PUT /cases/:no/events/:seq',
  ])
  for (const who of [clerk, authority])
    for (const refused of [
      await who.call(contract.removeCase, { params: { no: c.no } }),
      await who.call(contract.editEvent, { params: { no: c.no, seq: '1' } as never }),
    ]) {
      assert.deepEqual([refused.status, refused.problem.reason], [409, 'log-append-only'])
      assert.ok(refused.problem.cite?.article)
    }
  for (const statement of ['update procedure.event set label = label', 'delete from procedure.event'])
    await assert.rejects(world.app.services.pool.query(statement), /append-only|permission denied/)
  const { rows } = await world.app.services.pool.query(
    `select c.no, c.state, (select to_state from procedure.event e where e.case_id = c.id order by seq desc limit 1) as said from procedure.case c`,
  )
  for (const r of rows) assert.equal(r.said, r.state, r.no)
})

test('notices go on by mail and by signed webhook; a dead server is tried again', async t => {
  const mails: string[] = []
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _, done) {
      let text = ''
      stream.on('data', chunk => (text += chunk))
      stream.on('end', () => {
        mails.push(text)
        done()
      })
    },
  })
  smtp.listen(0, '127.0.0.1')
  await once(smtp.server, 'listening')
  const posted: { body: string; signature: unknown }[] = []
  let broken = true
  const web = createServer((request, reply) => {
    let body = ''
    request.on('data', chunk => (body += chunk))
    request.on('end', () => {
      if (broken) return reply.writeHead(503).end()
      posted.push({ body, signature: request.headers['x-huitong-signature'] })
      reply.end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(web, 'listening')
  t.after(() => {
    smtp.close()
    web.close()
  })
  const port = (server: { address(): unknown }) => (server.address() as AddressInfo).port
  const { world, clerk, authority } = await sixthPlace(t, {
    settings: {
      HUITONG_SMTP_URL: `smtp://127.0.0.1:${port(smtp.server)}`,
      HUITONG_WEBHOOK_URL: `http://127.0.0.1:${port(web)}/hook`,
      HUITONG_WEBHOOK_SECRET: 'a secret of some length',
      HUITONG_PUBLIC_URL: 'http://data.example.cn',
    },
  })
  await world.app.services.pool.query('update organization.person set email = $1 where id = $2', ['office@example.cn', authority.id])
  await start(clerk, 'double-approval', { topic: '邮件', purpose: '看通知是否发出' })
  await world.job('notices.dispatch')
  assert.equal(mails.length, 1)
  assert.match(mails[0]!, /To: office@example\.cn/)
  assert.equal(posted.length, 0)
  broken = false
  world.later(10)
  await world.job('notices.dispatch')
  await world.job('notices.dispatch')
  assert.deepEqual([mails.length, posted.length], [1, 1])
  const { createHmac } = await import('node:crypto')
  assert.equal(posted[0]!.signature, `sha256=${createHmac('sha256', 'a secret of some length').update(posted[0]!.body).digest('hex')}`)
  assert.match(posted[0]!.body, /"href":"http:\/\/data\.example\.cn\/workbench\/cases\/LJ-/)
})

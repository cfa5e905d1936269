import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import * as catalog from '../../../contract/catalog.ts'
import * as contract from '../../../contract/catalog-runs.ts'
import { anEntry, aPlace, aPlainEntry, approve, inPlace } from '../../../test/support/country.ts'
import type { Person, World } from '../../../test/support/world.ts'
import { type BookSheet, type Merge, workbook } from '../../platform/export.ts'
import { Workbook } from '../../platform/xlsx.ts'

const bytes = async (pieces: AsyncIterable<Uint8Array>) => {
  const list: Uint8Array[] = []
  for await (const piece of pieces) list.push(piece)
  return Buffer.concat(list)
}
type Sheet = { name?: string; head: string[][]; rows: (string | null)[][]; merges?: Merge[] }
const book = (...sheets: Sheet[]): Promise<Buffer> =>
  bytes(
    workbook(
      sheets.map(
        ({ name = '目录', head, rows, merges }): BookSheet => ({
          name,
          head,
          types: Array<string>(Math.max(...head.map(r => r.length))).fill('C'),
          rows: (async function* () {
            for (const cells of rows) yield { cells }
          })(),
          ...(merges && { merges }),
        }),
      ),
    ),
  )
const names = [
  '信息资源名称',
  '信息资源代码',
  '信息资源摘要',
  '信息项名称',
  '数据类型',
  '数据长度',
  '共享类型',
  '共享条件/不予共享依据',
  '更新周期',
]

const send = (who: Person, file: Buffer, name = '目录.xlsx') => {
  const boundary = 'xxxxBOUNDARYxxxx'
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: application/octet-stream\r\n\r\n`
  return who.call(contract.importTemplate, {
    body: Buffer.concat([Buffer.from(head), file, Buffer.from(`\r\n--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  })
}
async function look(world: World, who: Person, file: Buffer) {
  const { body } = await send(who, file)
  return settled(world, who, body.id)
}
/** A worker runs beside the test; whoever comes first does the phase. */
async function settled(world: World, who: Person, id: string) {
  for (;;) {
    await world.job('catalog.run', { id })
    const now = await state(who, id)
    if (now.run.state !== 'checking' && now.run.state !== 'saving') return now
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
async function state(who: Person, id: string) {
  const run = await who.ok(contract.run, { params: { id } })
  const { rows: entries } = await who.ok(contract.runEntries, { params: { id }, query: { limit: 200 } })
  const { rows: notes } = await who.ok(contract.runNotes, { params: { id }, query: { limit: 200 } })
  return { run, entries, notes, faults: notes.filter(n => n.level === 'fault') }
}
async function save(world: World, who: Person, id: string) {
  await who.ok(contract.saveRun, { params: { id } })
  return settled(world, who, id)
}
/** A downloaded workbook, read again. */
async function opened(t: TestContext, raw: Buffer) {
  const dir = mkdtempSync(join(tmpdir(), 'huitong-runs-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'a.xlsx'), raw)
  const read = await Workbook.open(join(dir, 'a.xlsx'))
  t.after(() => read.close())
  const rows = []
  for await (const row of read.rows(read.sheets[0]!)) rows.push(row.cells.map(String))
  return { raw, rows, merges: await read.merges(read.sheets[0]!, 1e6), sheets: read.sheets.map(s => s.name) }
}

const full = ['城乡低保对象信息', '', '在册的城乡最低生活保障对象，每月更新。', '公民身份号码', 'C', '18', '2', '供救助核对', '每月']
const item = (name: string, type = 'C', length = '20', ...more: string[]) => ['', '', '', name, type, length, ...more]

test('a template is checked first; saving makes each entry whole, with its items in order, and the same file again changes nothing', async t => {
  const { world, provider } = await aPlace(t, 'yongtai')
  const file = await book({
    head: [names],
    rows: [
      full,
      item('姓名', '字符型', '５０'),
      item(' 月补助金额　', 'decimal(12,2)', '12,2'),
      ['养老\u0000机构名录', '', '备案机构。', '机构名称', 'varchar', '100', '无条件共享', '', '每年'],
    ],
    merges: [0, 1, 2, 6, 7, 8].map(left => ({ top: 1, left, bottom: 3, right: left })),
  })
  const checked = await look(world, provider, file)
  assert.equal(checked.run.state, 'checked')
  assert.deepEqual(
    checked.entries.map(e => [e.title, e.outcome, e.line, e.lines, e.saved]),
    [
      ['城乡低保对象信息', 'create', 2, 3, false],
      ['养老机构名录', 'create', 5, 1, false],
    ],
  )
  assert.equal((await provider.ok(catalog.searchEntries, { query: { scope: 'mine' } })).total, 0, 'a check saves nothing')
  // What the place asks for before submission is told with its article, at the line.
  const todo = checked.notes.find(n => n.code === 'grade-required')!
  assert.deepEqual([todo.sheet, todo.line, todo.level], ['目录', 2, 'todo'])
  assert.ok(todo.cite?.article)

  const done = await save(world, provider, checked.run.id)
  assert.deepEqual(
    done.entries.map(e => [e.outcome, e.saved]),
    [
      ['create', true],
      ['create', true],
    ],
  )
  const [first] = done.entries
  const { content, state: draft } = await provider.ok(catalog.entryByCode, { params: { code: first!.code.replace('/', '-') } })
  assert.equal(draft, 'draft')
  assert.deepEqual([content.shareClass, content.shareConditions, content.updateCycle], ['conditional', '供救助核对', 'monthly'])
  assert.deepEqual(
    content.items.map(i => [i.key, i.name, i.type, i.length, i.scale]),
    [
      ['c1', '公民身份号码', 'C', 18, undefined],
      ['c2', '姓名', 'C', 50, undefined],
      ['c3', '月补助金额', 'N', 12, 2],
    ],
  )
  const again = await look(world, provider, file)
  assert.deepEqual(
    again.entries.map(e => e.outcome),
    ['same', 'same'],
  )
  assert.equal((await provider.call(contract.saveRun, { params: { id: again.run.id } })).problem.code, 'catalog.run_nothing')
})

test('each fault stands at its cell with what to do; entries with one stay out, the others are saved', async t => {
  const { world, provider, consumer } = await aPlace(t, 'yongtai')
  const foreign = await consumer.ok(catalog.createEntry, { body: { content: { title: '别局的目录' } } })
  const file = await book(
    {
      head: [names],
      rows: [
        full,
        ['别局的目录', foreign.code, '', '名称', 'C', '20', '1', '', ''],
        ['错处很多', 'ABC', '', '甲', '奇怪', '十八', '1', '', '每两周'],
        item('甲'),
        item('', 'C'),
        ['城乡低保对象信息', '', '', '公民身份号码', 'C', '18', '1', '', ''],
        ['公式坏了', '', '#REF!', '乙', 'C', '5', '1', '', ''],
        ['x'.repeat(300), '', '', '丙', 'C', '5', '1', '', ''],
      ],
      merges: [{ top: 3, left: 0, bottom: 5, right: 0 }],
    },
    { name: '封面', head: [['说明']], rows: [['请勿改动']] },
  )
  const checked = await look(world, provider, file)
  assert.deepEqual(
    checked.entries.map(e => [e.line, e.outcome]),
    [
      [2, 'create'],
      [3, 'fault'],
      [4, 'fault'],
      [7, 'fault'],
      [8, 'fault'],
      [9, 'fault'],
    ],
  )
  assert.deepEqual(checked.faults.map(n => [n.cell, n.code]).sort(), [
    ['A9', 'template-too-long'],
    ['B3', 'not-owner'],
    ['B4', 'template-code'],
    ['B7', 'template-duplicate'],
    ['C8', 'template-formula'],
    ['D5', 'field-duplicate'],
    ['D6', 'template-item'],
    ['E4', 'template-choice'],
    ['F4', 'template-length'],
    ['I4', 'template-choice'],
  ])
  for (const fault of checked.faults) assert.ok(fault.remedy && fault.sheet === '目录' && /[一-龥]/.test(fault.message), fault.code)
  assert.ok(checked.notes.some(n => n.code === 'sheet-passed' && n.sheet === '封面'))

  const done = await save(world, provider, checked.run.id)
  assert.deepEqual(done.run.outcomes, { create: 1, change: 0, same: 0, fault: 5 })
  assert.equal((await provider.ok(catalog.searchEntries, { query: { scope: 'mine' } })).total, 1)
  assert.equal((await consumer.ok(catalog.entryByCode, { params: { code: foreign.code.replace('/', '-') } })).content.items.length, 0)
  assert.equal((await consumer.call(contract.run, { params: { id: done.run.id } })).status, 404, 'a run is its department’s own')

  // The report is the workbook with a column more, which can be corrected and comes back as it is.
  const report = await opened(t, (await provider.call(contract.runReport, { params: { id: done.run.id } })).raw)
  assert.equal(report.rows[0]!.at(-1), '检查结果')
  assert.match(report.rows[1]!.at(-1)!, /^新建，已保存 3/)
  assert.match(report.rows[3]!.at(-1)!, /有错，没有保存\n【错误】“ABC”不是信息资源代码。写作/)
  assert.ok(report.merges.some(m => m.top === 4 && m.bottom === 6 && m.left === 0))
  const back = await look(world, provider, report.raw)
  assert.deepEqual(
    back.entries.map(e => e.outcome),
    ['same', 'fault', 'fault', 'fault', 'fault', 'fault'],
  )
})

test('what is exported comes back without a change, merged cells, classes of single items and all', async t => {
  const { world, provider, register } = await aPlace(t, 'yongtai')
  const mixed = anEntry({
    items: [
      { key: 'c1', name: '公民身份号码', type: 'C', length: 18, semantic: 'id-number', identifier: true, required: true },
      { key: 'c2', name: '保障类别', type: 'C', length: 10, shareClass: 'unconditional' },
      { key: 'c5', name: '月补助金额', type: 'N', length: 12, scale: 2, description: '当月数' },
    ],
    classification: ['省及其下各级政务部门', '福建省', '县民政局'],
    tags: ['民生', '救助'],
  })
  const one = await register(mixed)
  await register(aPlainEntry())
  for (const extended of ['false', 'true']) {
    const out = await opened(t, (await provider.call(contract.exportTemplate, { query: { scope: 'mine', extended } as object })).raw)
    const national =
      '序号 部门类信息资源分类(类) 项分类 目分类 细目分类1 细目分类1.1 关联业务事项 信息资源名称 信息资源代码 下设机构 信息资源摘要 信息资源格式分类 信息资源格式类型 其他类型资源格式描述 信息项名称 数据类型 数据长度 共享类型 共享条件/不予共享依据 共享方式分类 共享方式类型 是否向社会开放 开放条件 更新周期 发布日期 开放主题分类'
    const [top, sub] = out.rows
    assert.equal(
      top!
        .map((group, i) => sub![i] || group)
        .slice(0, 26)
        .join(' '),
      national,
    )
    assert.equal(top!.length > 26, extended === 'true')
    assert.ok(
      out.merges.some(m => m.left === 7 && m.bottom - m.top === 2),
      'the name is merged over its items',
    )
    assert.equal(out.merges.filter(m => m.left === 17 && m.bottom - m.top === 2).length, 1, 'classes that differ are not merged')
    const back = await look(world, provider, out.raw)
    assert.deepEqual(
      back.entries.map(e => e.outcome),
      ['same', 'same'],
    )
    assert.deepEqual(back.faults, [])
  }
  const { content } = await provider.ok(catalog.entryByCode, { params: { code: one.code } })
  assert.equal(content.items[1]!.shareClass, 'unconditional')
})

test('a published entry becomes a new draft version by import; items keep their numbers, a class of a single item is its own', async t => {
  const { world, provider, register } = await aPlace(t, 'yongtai')
  const entry = await register(anEntry())
  const code = entry.code.replace('-', '/')
  const file = await book({
    head: [['信息资源名称', '信息资源代码', '信息项名称', '数据类型', '数据长度', '共享类型', '共享条件/不予共享依据']],
    rows: [
      ['城乡低保对象', code, '姓名', 'C', '80', '有条件共享', '供救助事项核对使用。'],
      ['', '', '公民身份号码', 'C', '18', '暂不共享', '《中华人民共和国个人信息保护法》第三十四条'],
      ['', '', '起始日期', 'D', '', '有条件共享', ''],
    ],
  })
  const checked = await look(world, provider, file)
  assert.match(checked.notes.find(n => n.code === 'items-removed')!.message, /保障类别/)
  await save(world, provider, checked.run.id)
  const now = await provider.ok(catalog.entryByCode, { params: { code: entry.code }, query: { version: 2 } })
  assert.deepEqual([now.content.title, now.content.shareClass], ['城乡低保对象', 'conditional'])
  assert.deepEqual(
    now.content.items.map(i => [i.key, i.name, i.length, i.shareClass]),
    [
      ['c2', '姓名', 80, undefined],
      ['c1', '公民身份号码', 18, 'denied'],
      ['c4', '起始日期', undefined, undefined],
    ],
  )
  assert.deepEqual(now.content.items[1]!.basis, { kind: 'law', instrument: '中华人民共和国个人信息保护法', article: '第三十四条' })
  assert.equal(now.content.grade, 2, 'what the template has no column for stays')
  const published = await provider.ok(catalog.entryByCode, { params: { code: entry.code } })
  assert.equal(published.content.title, '城乡低保对象信息', 'the published version stays until review')
})

test('what cannot be read is told in words, and nothing is saved', async t => {
  const { world, provider } = await aPlace(t, 'yongtai')
  const ole = Buffer.alloc(4096)
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(ole)
  const encrypted = Buffer.concat([ole, Buffer.from('EncryptedPackage', 'utf16le')])
  const cases: [string, Buffer, string][] = [
    ['no workbook', Buffer.from('名称,代码\n'), 'catalog.file-kind'],
    ['empty', Buffer.alloc(0), 'catalog.file-empty'],
    ['encrypted', encrypted, 'catalog.workbook-encrypted'],
    ['old', ole, 'catalog.workbook-old'],
    ['damaged', Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), Buffer.alloc(200)]), 'catalog.workbook-broken'],
    ['another table', await book({ head: [['姓名', '年龄']], rows: [['张三', '5']] }), 'catalog.template-wrong'],
    ['no rows', await book({ head: [names], rows: [] }), 'catalog.template-empty'],
  ]
  for (const [what, file, code] of cases) {
    const { run } = await look(world, provider, file)
    assert.deepEqual([run.state, run.problem?.code], ['failed', code], what)
    assert.ok(run.problem!.remedy, what)
    assert.equal((await provider.call(contract.saveRun, { params: { id: run.id } })).status, 409, what)
    await provider.ok(contract.removeRun, { params: { id: run.id } })
  }
  assert.equal((await provider.call(contract.importTemplate, { body: {} })).problem.code, 'catalog.no_file')
})

test('a save that was killed goes on where it stopped and makes nothing twice', async t => {
  const { world, provider } = await aPlace(t, 'yongtai')
  const rows = Array.from({ length: 120 }, (_, i) => [`目录${i}`, '', '', '名称', 'C', '20', '1', '', ''])
  const checked = await look(world, provider, await book({ head: [names], rows }))
  const owner = new pg.Client({ connectionString: world.url })
  await owner.connect()
  await owner.query(`alter table catalog.run_entry add constraint stop check (n <> 60 or not saved)`)
  await provider.ok(contract.saveRun, { params: { id: checked.run.id } })
  const saved = async () => (await provider.ok(catalog.searchEntries, { query: { scope: 'mine' } })).total
  while ((await saved()) < 50) await world.job('catalog.run', { id: checked.run.id }).catch(() => {})
  const { run } = await state(provider, checked.run.id)
  assert.deepEqual([run.state, await saved()], ['saving', 50], 'the second fifty are neither saved nor reported')
  await owner.query('alter table catalog.run_entry drop constraint stop')
  await owner.query(`update catalog.run set beat = beat - interval '5 minutes'`)
  await owner.end()
  await world.job('catalog.sweep')
  const done = await settled(world, provider, checked.run.id)
  assert.deepEqual([done.run.state, done.run.outcomes.create], ['done', 120])
  assert.equal((await provider.ok(catalog.searchEntries, { query: { scope: 'mine' } })).total, 120)
  assert.equal(new Set(done.entries.map(e => e.code)).size, 120)
})

test('many entries change at once: drafts in place, published ones as a new draft version, each judged by itself', async t => {
  const { world, provider, consumer, authority, register } = await aPlace(t, 'yongtai')
  const published = await register(anEntry())
  const draft = await provider.ok(catalog.createEntry, { body: { content: inPlace('350125', aPlainEntry()) } })
  const reviewed = await provider.ok(catalog.createEntry, { body: { content: inPlace('350125', aPlainEntry({ title: '殡葬服务机构' })) } })
  const { caseNo } = await provider.ok(catalog.submitEntry, { params: { code: reviewed.code.replace('/', '-') } })
  const foreign = await consumer.ok(catalog.createEntry, { body: { content: {} } })
  const bulk = async (body: object) => {
    const run = await provider.ok(contract.bulkEdit, { body })
    return settled(world, provider, run.id)
  }
  const codes = [published.code, draft.code, reviewed.code, foreign.code]
  const checked = await bulk({ codes, changes: { contact: { phone: '0591-87654321' }, updateCycle: 'weekly', addTags: ['民生'] } })
  assert.deepEqual(
    checked.entries.map(e => e.outcome),
    ['change', 'change', 'fault', 'fault'],
  )
  assert.deepEqual(
    checked.faults.map(f => f.code),
    ['step-skipped', 'catalog.entry_not_found'],
    'a draft of another department does not exist',
  )
  const done = await save(world, provider, checked.run.id)
  assert.deepEqual(
    done.entries.map(e => e.saved),
    [true, true, false, false],
  )
  const at = async (code: string, version: number) =>
    (await provider.ok(catalog.entryByCode, { params: { code: code.replace('/', '-') }, query: { version } })).content
  assert.deepEqual((await at(published.code, 2)).contact, { name: '林专员', phone: '0591-87654321' })
  assert.equal((await at(published.code, 1)).contact.phone, '0591-12345678')
  assert.deepEqual([(await at(draft.code, 1)).updateCycle, (await at(draft.code, 1)).tags], ['weekly', ['民生']])

  // A class that needs a basis is not set without one; with it, and submitted at once, the review begins.
  const bare = await bulk({
    filter: { scope: 'mine', state: 'draft' },
    changes: { shareClass: 'denied', shareBasis: { kind: 'other', instrument: '会议纪要', article: '第一条' } },
  })
  assert.deepEqual(
    bare.entries.map(e => [e.code, e.outcome]),
    [[draft.code, 'fault']],
  )
  assert.ok(bare.faults[0]!.cite?.article)
  await approve(authority, provider, caseNo)
  const sent = await bulk({ codes: [reviewed.code], changes: { theme: '社会保障' }, submit: true })
  const end = await save(world, provider, sent.run.id)
  assert.ok(end.entries[0]!.caseNo, JSON.stringify(end.notes))
  const report = await opened(t, (await provider.call(contract.runReport, { params: { id: end.run.id } })).raw)
  assert.deepEqual(report.rows[1]!.slice(0, 4), [reviewed.code, '殡葬服务机构', '修改，已保存', end.entries[0]!.caseNo])
  assert.equal((await provider.call(contract.bulkEdit, { body: { codes: [draft.code], changes: {} } })).status, 400)
})

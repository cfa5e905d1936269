import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { strFromU8, unzipSync } from 'fflate'
import { type Column, csv, json, type Merge, workbook, xlsx } from './export.ts'
import { Workbook } from './xlsx.ts'

const columns: Column[] = [
  { key: 'c1', name: '编号', type: 'C' },
  { key: 'c2', name: '金额', type: 'Y' },
  { key: 'c3', name: '说明', type: 'C' },
]
const rows = [
  { c1: '35012519000101001X', c2: '-512.00', c3: '=cmd|calc' },
  { c1: '007', c2: null, c3: '@SUM(A1), "引号"\n换行 <b>&\u0001' },
]
const all = async (pieces: AsyncIterable<Uint8Array>) => {
  const list: Uint8Array[] = []
  for await (const piece of pieces) list.push(piece)
  return Buffer.concat(list)
}

test('a CSV cell that looks like a formula becomes text; a negative amount stays a number', async () => {
  const text = (await all(csv(columns, rows))).toString()
  assert.equal(text, '\ufeff编号,金额,说明\r\n35012519000101001X,-512.00,\'=cmd|calc\r\n007,,"\'@SUM(A1), ""引号""\n换行 <b>&\u0001"\r\n')
  for (const start of ['=', '+', '-', '@', '\t', '\r'])
    assert.match((await all(csv(columns, [{ c3: `${start}1+1` }], { bom: false }))).toString(), /,,"?'/)
})

test('a JSON download keeps exact numbers and gives the items their names', async () => {
  assert.deepEqual(JSON.parse((await all(json(columns, rows))).toString()), [
    { 编号: '35012519000101001X', 金额: -512, 说明: '=cmd|calc' },
    { 编号: '007', 金额: null, 说明: '@SUM(A1), "引号"\n换行 <b>&\u0001' },
  ])
  assert.equal((await all(json(columns, []))).toString(), '[]\n')
})

test('a workbook holds inline text, no formula, and numbers only where no digit is lost', async () => {
  const parts = unzipSync(await all(xlsx(columns, rows)))
  const sheet = strFromU8(parts['xl/worksheets/sheet1.xml']!)
  assert.ok(!sheet.includes('<f>'))
  assert.match(sheet, /<c t="inlineStr" s="2"><is><t xml:space="preserve">=cmd\|calc<\/t>/)
  assert.match(sheet, /<c><v>-512.00<\/v><\/c>/)
  assert.match(sheet, /&lt;b&gt;&amp;_x0001_/)
})

test('more rows than one sheet holds go on in the next one', async () => {
  const many = function* () {
    for (let i = 0; i < 23; i++) yield { c1: 'a' }
  }
  const parts = unzipSync(await all(xlsx(columns.slice(0, 1), many(), { lastRow: 20 })))
  assert.match(strFromU8(parts['xl/workbook.xml']!), /数据 2/)
  assert.equal(strFromU8(parts['xl/worksheets/sheet2.xml']!).match(/<row>/g)!.length, 1 + 4)
})

test('sheets with merged cells, collected while the rows are written, are read back as they were', async t => {
  const merges: Merge[] = [{ top: 0, left: 1, bottom: 0, right: 2 }]
  async function* rows() {
    yield { cells: ['1', '甲', '512.50'] }
    yield { cells: ['', '乙', '1'], marked: new Set([1]) }
    merges.push({ top: 2, left: 0, bottom: 3, right: 0 })
  }
  const head = [
    ['序号', '信息项', ''],
    ['', '名称', '长度'],
  ]
  const types = ['C', 'C', 'I']
  const file = await all(
    workbook([
      { name: '目录[1]', head, types, widths: [6, 20, 8], framed: true, rows: rows(), merges },
      { name: '说明', head: [['说明']], types: ['C'], rows: (async function* () {})() },
    ]),
  )
  const dir = mkdtempSync(join(tmpdir(), 'huitong-book-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'a.xlsx'), file)
  const book = await Workbook.open(join(dir, 'a.xlsx'))
  t.after(() => book.close())
  assert.deepEqual(
    book.sheets.map(s => s.name),
    ['目录 1 ', '说明'],
  )
  const read = []
  for await (const row of book.rows(book.sheets[0]!)) read.push(row.cells)
  assert.deepEqual(read, [
    ['序号', '信息项'],
    ['', '名称', '长度'],
    ['1', '甲', '512.5'],
    ['', '乙', '1'],
  ])
  assert.deepEqual(await book.merges(book.sheets[0]!, 100), [
    { top: 1, left: 1, bottom: 1, right: 2 },
    { top: 3, left: 0, bottom: 4, right: 0 },
  ])
})

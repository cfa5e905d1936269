import assert from 'node:assert/strict'
import { test } from 'node:test'
import { strFromU8, unzipSync } from 'fflate'
import { type Column, csv, json, xlsx } from './export.ts'

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

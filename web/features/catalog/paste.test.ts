import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, guess, itemsFrom, typeOf } from './paste.ts'

test('cells copied from a spreadsheet keep empty cells and quoted line breaks; the last line end is no row', () => {
  assert.deepEqual(cells('姓名\t\t50\r\n"上\n下"\tC\t"他说""好"""\r\n'), [
    ['姓名', '', '50'],
    ['上\n下', 'C', '他说"好"'],
  ])
  assert.deepEqual(cells(''), [])
})

test('columns are known by their header words, else by the usual order', () => {
  assert.deepEqual(guess([['序号', '信息项名称', '数据类型', '数据长度', '备注']]), {
    header: true,
    parts: ['skip', 'name', 'type', 'length', 'description'],
  })
  assert.deepEqual(guess([['姓名', 'C', '50']]), { header: false, parts: ['name', 'type', 'length'] })
})

for (const [text, type] of [
  ['字符型', 'C'],
  ['varchar(18)', 'C'],
  ['C', 'C'],
  ['日期', 'D'],
  ['日期时间', 'T'],
  ['ｉｎｔ', 'I'],
  ['numeric(12,2)', 'N'],
  ['不知道', undefined],
] as const)
  test(`type word ${text} → ${type}`, () => assert.equal(typeOf(text), type))

test('full-width digits become a length; what is not understood is said, not guessed', () => {
  const [one, two] = itemsFrom(
    [
      ['姓名', '字符', '５０'],
      ['', '怪', 'x'],
    ],
    ['name', 'type', 'length'],
    false,
  )
  assert.deepEqual(one, { item: { name: '姓名', type: 'C', length: 50, description: '' }, problems: [] })
  assert.deepEqual(two!.problems, ['没有名称', '不认识类型「怪」', '长度「x」不是数字'])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { marksIn, ranges } from './marks.ts'

test('marks are found alone, in lines of CSV, in cells of a workbook and in JSON; titles have none, doubles count once', () => {
  const [a, b, c] = ['AAAAAQAAAAKq1-_x8Zk', '-BBBBwAAAAKq1_-x8Zk', '~CCCCwAAAAKq1_~x8Zab~']
  assert.deepEqual(marksIn(`  ${a} \n`), [a])
  assert.deepEqual(marksIn(`姓名,月补助金额,_水印\r\n张**,512.50,${a}\r\n"李, 四",,"${b}"\r\n王**,1.00,'${c}\r\n`), [a, b, c])
  assert.deepEqual(marksIn(`姓名\t_水印\n张**\t${a}\n张**\t${a}`), [a])
  assert.deepEqual(marksIn(`[{"姓名":"张**","_水印":"${a}"},{"姓名":"李**","_水印":"${b}"}]`), [a, b])
  assert.deepEqual(marksIn(`{"姓名":"张**","_水印":"${a}"},`), [a])
  assert.deepEqual(marksIn('没有水印的一行\n，。\n'), [])
})

test('row numbers in ranges, in order, doubles once', () => {
  assert.equal(ranges([7, 2, 1, 3, 3, 10, 11]), '1–3、7、10、11')
  assert.equal(ranges([5]), '5')
})

import assert from 'node:assert/strict'
import test from 'node:test'
import { csv } from './csv.ts'

test('a list opens in a spreadsheet as text, not as formulas', () => {
  assert.equal(
    csv([
      ['=cmd|x', '甲"乙', -3],
      ['@a', '一,二', null],
    ]),
    '\ufeff\'=cmd|x,"甲""乙",-3\r\n\'@a,"一,二",\r\n',
  )
})

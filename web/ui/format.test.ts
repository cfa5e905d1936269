import assert from 'node:assert/strict'
import { test } from 'node:test'
import { amount, bytes, codeFromUrl, codeInUrl, dueDay, moment, rate } from './format.ts'
import { lightWords } from './light-words.ts'

test('instants are told in Beijing time, wherever the computer stands', () => {
  assert.equal(moment('2026-09-23T16:30:00Z'), '2026-09-24 00:30')
  assert.equal(moment(null), '—')
  assert.equal(dueDay('2026-09-28'), '9月28日（一）')
})

test('numbers are full up to 99,999, then in 万 and 亿; no rate under five cases', () => {
  assert.deepEqual([99_999, 128_000, 341_000_000, null].map(amount), ['99,999', '12.8 万', '3.41 亿', '—'])
  assert.equal(rate(18, 20), '18/20 ＝ 90.0%')
  assert.equal(rate(1, 3), '1/3')
  assert.equal(bytes(1_258_291), '1.2 MB')
})

test('a code keeps its address and comes back', () =>
  assert.equal(codeFromUrl(codeInUrl('307013350125001/000001')), '307013350125001/000001'))

for (const [lit, words] of [
  [{ light: 'green', left: 7 }, '余 7 个工作日'],
  [{ light: 'yellow', left: 0 }, '今天到期'],
  [{ light: 'red', left: -2 }, '逾期 2 个工作日'],
  [{ light: 'word', left: null, word: '及时', days: 5 }, '及时 · 平台提醒 5 个工作日'],
] as const)
  test(`light ${lit.light} says ${words}`, () => assert.equal(lightWords(lit), words))

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkCreditCode, checkDate, checkIdNumber, checkInteger, checkNumber, explain } from './rules.ts'
import { creditCodes, dates, idNumbers, numbers } from './vectors.ts'

const faultOf = (verdict: { ok: boolean; rule?: string }) => (verdict.ok ? null : verdict.rule)

test('公民身份号码: every vector gets its verdict', () => {
  for (const [value, fault] of idNumbers) assert.equal(faultOf(checkIdNumber(value, '2026-11-22')), fault, value)
  assert.deepEqual(checkIdNumber(' 35012519000101001x ', '2026-11-22'), { ok: true, value: '35012519000101001X' })
})

test('统一社会信用代码: every vector gets its verdict; a broken subject code only warns', () => {
  for (const [value, fault] of creditCodes) assert.equal(faultOf(checkCreditCode(value)), fault, value)
  assert.deepEqual(checkCreditCode('11350125FAKE00010T'), { ok: true, value: '11350125FAKE00010T', warning: 'credit-subject' })
  assert.deepEqual(checkCreditCode('11350125FAKE000134'), { ok: true, value: '11350125FAKE000134' })
})

test('dates are real calendar days in the known spellings', () => {
  for (const [value, day] of dates) assert.equal(checkDate(value).ok ? (checkDate(value) as { value: string }).value : null, day, value)
})

test('numbers lose separators and 元, nothing else', () => {
  for (const [value, number] of numbers)
    assert.equal(checkNumber(value).ok ? (checkNumber(value) as { value: string }).value : null, number, value)
  assert.equal(checkInteger('12').ok, true)
  assert.equal(checkInteger('12.5').ok, false)
})

test('an explanation names the right last digit and tells nobody to change a number', () => {
  assert.match(explain('id-check', '350125190001010029').remedy, /末位应为 8；请向来源核对，不要自行改号/)
})

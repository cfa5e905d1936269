import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkCreditCode, checkDate, checkIdNumber, checkNumber } from './rules.ts'
import { creditCodes, dates, idNumbers, numbers } from './vectors.ts'
import { vouchFor } from './vouch.ts'

const vouch = (item: object, text: string, required = false) => {
  const bytes = Buffer.from(`,${text},`)
  return vouchFor({ key: 'c1', name: '', required, ...item }, required, '2026-11-22')(bytes, 1, bytes.length - 1)
}

test('nothing is vouched for that a rule would reject', () => {
  for (const [text, fault] of idNumbers) if (text && fault) assert.equal(vouch({ semantic: 'id-number' }, text), false, text)
  for (const [text, fault] of creditCodes) if (text && fault) assert.equal(vouch({ semantic: 'credit-code' }, text), false, text)
  for (const [text, day] of dates) if (!day) assert.equal(vouch({ type: 'D' }, text), false, text)
  for (const [text, number] of numbers) if (!number) assert.equal(vouch({ type: 'N' }, text), false, text)
  fc.assert(
    fc.property(
      fc.stringMatching(/^[0-9]{17}[0-9X]$/),
      text => !vouch({ semantic: 'id-number' }, text) || checkIdNumber(text, '2026-11-22').ok,
    ),
  )
  fc.assert(
    fc.property(
      fc.stringMatching(/^[19N][1-3]350125[0-9A-HX]{10}$/),
      text => !vouch({ semantic: 'credit-code' }, text) || checkCreditCode(text).ok,
    ),
  )
  fc.assert(
    fc.property(fc.stringMatching(/^[12][0-9]{3}-?[01][0-9]-?[0-3][0-9]$/), text => !vouch({ type: 'D' }, text) || checkDate(text).ok),
  )
  fc.assert(fc.property(fc.stringMatching(/^-?[0-9.\-,e]{1,6}$/), text => !vouch({ type: 'N' }, text) || checkNumber(text).ok))
})

test('ordinary values are vouched for, so that they are not checked twice', () => {
  const ordinary: [object, string][] = [
    [{ semantic: 'id-number' }, '35012519000101001X'],
    [{ semantic: 'credit-code' }, '91350582FAKE00064A'],
    [{ type: 'D' }, '20260228'],
    [{ type: 'D' }, '2026-02-28'],
    [{ type: 'T' }, '2026-02-28 09:30:00'],
    [{ type: 'Y', length: 5 }, '-512.00'],
    [{ type: 'I' }, '0012'],
    [{ type: 'L' }, '1'],
    [{ type: 'C', length: 3 }, '永泰县'],
    [{ type: 'C', codes: ['01', '02'] }, '02'],
    [{ type: 'C' }, ''],
  ]
  for (const [item, text] of ordinary) assert.equal(vouch(item, text), true, `${JSON.stringify(item)} ${text}`)
})

test('empty, long, unknown and odd values are left to the checks', () => {
  assert.equal(vouch({ type: 'C' }, '', true), false)
  assert.equal(vouch({ type: 'C', length: 2 }, '永泰县'), false)
  assert.equal(vouch({ type: 'C', codes: ['01'] }, '1'), false)
  assert.equal(vouch({ type: 'Y', length: 4 }, '123.45'), false)
  assert.equal(vouch({ type: 'I' }, '9'.repeat(19)), false)
  assert.equal(vouch({ type: 'T' }, '2026-02-28 24:00:00'), false)
})

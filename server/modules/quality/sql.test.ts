import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aWorld } from '../../../test/support/world.ts'
import { checkSql } from './public.ts'
import { creditCodes, dates, idNumbers, numbers } from './vectors.ts'

test('the checks in SQL give every vector the verdict of the checks in TypeScript', async t => {
  const { pool } = (await aWorld(t)).app.services
  const judge = async (item: object, text: string) => {
    const { fault, value } = checkSql({ key: 'c1', name: '', required: false, ...item }, 's.v', '2026-11-22', true)
    const { rows } = await pool.query(
      `select f as fault, case when f is null then (${value})::text end as value from (select nullif(btrim($1::text), '') as v) s, lateral (select ${fault} as f) x`,
      [text],
    )
    return rows[0] as { fault: string | null; value: string | null }
  }
  for (const [text, fault] of idNumbers) {
    assert.equal((await judge({ semantic: 'id-number' }, text)).fault, text ? fault : 'required', text)
  }
  for (const [text, fault] of creditCodes) {
    assert.equal((await judge({ semantic: 'credit-code' }, text)).fault, text ? fault : 'required', text)
  }
  for (const [text, day] of dates) {
    assert.deepEqual(await judge({ type: 'D' }, text), { fault: day ? null : 'not-date', value: day }, text)
  }
  for (const [text, number] of numbers) {
    assert.deepEqual(await judge({ type: 'N' }, text), { fault: number ? null : 'not-number', value: number }, text)
  }
  assert.equal((await judge({ semantic: 'id-number' }, '35012519000101001x')).value, '35012519000101001X')
  const cases: [object, string, string | null, string | null][] = [
    [{ type: 'I' }, '12', null, '12'],
    [{ type: 'I' }, '1.5', 'not-integer', null],
    [{ type: 'I' }, '99999999999999999999', 'not-integer', null],
    [{ type: 'I', length: 20 }, '99999999999999999999', null, '99999999999999999999'],
    [{ type: 'Y', length: 4 }, '-12.34', null, '-12.34'],
    [{ type: 'Y', length: 4 }, '123.45', 'too-many-digits', null],
    [{ type: 'C', length: 2 }, '永泰', null, '永泰'],
    [{ type: 'C', length: 2 }, '永泰县', 'too-long', null],
    [{ type: 'C', codes: ["it's", 'b\\'] }, "it's", null, "it's"],
    [{ type: 'C', codes: ["it's", 'b\\'] }, 'b\\', null, 'b\\'],
    [{ type: 'C', codes: ['a'] }, 'b', 'not-in-codes', null],
    [{ type: 'L' }, '是', null, 'true'],
    [{ type: 'L' }, '0', null, 'false'],
    [{ type: 'L' }, '也许', 'not-boolean', null],
    [{ type: 'T' }, '20260924104200', null, '2026-09-24 10:42:00'],
    [{ type: 'T' }, '2026/9/4 1:02', null, '2026-09-04 01:02:00'],
    [{ type: 'T' }, '2026-09-24T02:42:00Z', null, '2026-09-24 10:42:00'],
    [{ type: 'T' }, '2026-09-31 10:00:00', 'not-datetime', null],
    [{ type: 'F' }, '1e-3', null, '0.001'],
    [{ type: 'F' }, 'NaN', 'not-number', null],
  ]
  for (const [item, text, fault, value] of cases)
    assert.deepEqual(await judge(item, text), { fault, value }, `${JSON.stringify(item)} ${text}`)
})

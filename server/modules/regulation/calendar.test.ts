import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addWorkingDays, calendarDay, estimatedHolidays, workingDaysBetween } from './calendar.ts'

// Vectors of the official calendars 2025 and 2026 with 调休.
for (const [start, n, due] of [
  ['2026-02-12', 2, '2026-02-14'],
  ['2026-02-13', 10, '2026-03-05'],
  ['2026-04-30', 5, '2026-05-11'],
  ['2026-09-24', 5, '2026-10-09'],
  ['2026-09-28', 10, '2026-10-16'],
  ['2026-10-01', 1, '2026-10-08'],
  ['2025-09-30', 10, '2025-10-21'],
] as const) {
  test(`${n} working days after ${start} end on ${due}`, () => {
    assert.deepEqual(addWorkingDays(start, n), { due, estimated: false })
    assert.equal(workingDaysBetween(start, due), n)
    assert.equal(workingDaysBetween(due, start), -n)
  })
}

test('weekends that work and days off of 2026', () => {
  for (const day of ['2026-01-04', '2026-02-14', '2026-02-28', '2026-05-09', '2026-09-20', '2026-10-10'])
    assert.equal(calendarDay(day).working, true, day)
  for (const day of ['2026-01-02', '2026-02-23', '2026-04-06', '2026-05-05', '2026-06-19', '2026-09-27', '2026-10-07'])
    assert.equal(calendarDay(day).working, false, day)
})

test('a year not announced is estimated: statutory days, weekends made up, and said so', () => {
  const off = [...estimatedHolidays(2027).keys()].sort()
  assert.deepEqual(off, [
    '2027-01-01',
    '2027-02-05',
    '2027-02-06',
    '2027-02-07',
    '2027-02-08',
    '2027-02-09',
    '2027-02-10',
    '2027-04-05',
    '2027-05-01',
    '2027-05-02',
    '2027-05-03',
    '2027-05-04',
    '2027-06-09',
    '2027-09-15',
    '2027-10-01',
    '2027-10-02',
    '2027-10-03',
    '2027-10-04',
    '2027-10-05',
  ])
  assert.deepEqual(addWorkingDays('2026-12-31', 1), { due: '2027-01-04', estimated: true })
})

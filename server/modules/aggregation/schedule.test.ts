import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextRun } from './rules.ts'

test('the next turn of a schedule: Beijing days, the last day of short months, never now', () => {
  const at = (text: string) => new Date(text)
  const next = (s: Parameters<typeof nextRun>[0], now: string) => nextRun(s, at(now)).toISOString()
  assert.equal(next({ every: 'minutes', minutes: 15 }, '2026-03-01T00:00:00Z'), '2026-03-01T00:15:00.000Z')
  assert.equal(next({ every: 'day', at: '02:30' }, '2026-03-01T18:29:00Z'), '2026-03-01T18:30:00.000Z')
  assert.equal(next({ every: 'day', at: '02:30' }, '2026-03-01T18:30:00Z'), '2026-03-02T18:30:00.000Z')
  // 2026-03-02 is a Monday in Beijing.
  assert.equal(next({ every: 'week', at: '00:00', weekday: 1 }, '2026-03-01T15:59:00Z'), '2026-03-01T16:00:00.000Z')
  assert.equal(next({ every: 'month', at: '08:00', day: 31 }, '2026-02-01T00:00:00Z'), '2026-02-28T00:00:00.000Z')
})

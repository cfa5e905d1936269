import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/delivery.ts'
import { aGrant } from '../../../test/support/delivery.ts'
import { type Hour, isOff, unusual } from './unusual.ts'

const at = (day: string, hour: number) => new Date(`${day}T${String(hour).padStart(2, '0')}:00:00+08:00`)
const days = ['01', '02', '03', '04', '05', '08', '09'].map(d => `2026-06-${d}`)
const usual: Hour[] = days.map(day => ({ at: at(day, 10), calls: 100, rows: 400 }))
const kinds = (now: Hour, before = usual) => unusual(now, before).map(u => u.kind)

test('an hour is unusual with five times the rows of the fullest one before, or in a night that was quiet before', () => {
  assert.deepEqual(kinds({ at: at('2026-06-10', 15), calls: 10, rows: 2000 }), [])
  assert.deepEqual(kinds({ at: at('2026-06-10', 15), calls: 10, rows: 2001 }), ['volume'])
  const small = usual.map(h => ({ ...h, rows: 10 }))
  assert.deepEqual(kinds({ at: at('2026-06-10', 15), calls: 10, rows: 999 }, small), [])
  assert.deepEqual(kinds({ at: at('2026-06-10', 15), calls: 10, rows: 1000 }, small), ['volume'])
  assert.deepEqual(kinds({ at: at('2026-06-10', 21), calls: 500, rows: 500 }), [])
  assert.deepEqual(kinds({ at: at('2026-06-10', 22), calls: 19, rows: 19 }), [])
  assert.deepEqual(kinds({ at: at('2026-06-10', 22), calls: 20, rows: 20 }), ['hours'])
  assert.deepEqual(kinds({ at: at('2026-06-10', 3), calls: 5000, rows: 5000 }), ['volume', 'hours'])
  // Who always works at night is not told of it.
  const nights = [...usual, { at: at('2026-06-05', 23), calls: 9, rows: 9 }]
  assert.deepEqual(kinds({ at: at('2026-06-10', 22), calls: 20, rows: 20 }, nights), [])
  // Less than a week says nothing.
  assert.deepEqual(kinds({ at: at('2026-06-10', 3), calls: 5000, rows: 50_000 }, usual.slice(0, 6)), [])
})

test('nights and days off, with the weekend days that are worked', () => {
  assert.ok(isOff(at('2026-06-06', 10)) && isOff(at('2026-10-01', 10)) && isOff(at('2026-06-09', 5)))
  assert.ok(!isOff(at('2026-06-09', 6)) && !isOff(at('2026-06-09', 21)))
  // 春节 2026: a Saturday that is worked.
  assert.ok(!isOff(at('2026-02-14', 10)))
})

test('unusual use is told once a day to both sides, stands in the ledger and on the page, and suspends where that is set', async t => {
  const g = await aGrant(t, { settings: { HUITONG_DATA_UNUSUAL_SUSPENDS: 'true' } })
  const { pool } = g.services
  const call = (when: Date, rows: number, n = 1) =>
    pool.query(
      `insert into delivery.call (grant_id, at, day, operator, case_ref, method, rows, status, milliseconds)
       select $1, $2::timestamptz, ($2::timestamptz at time zone 'Asia/Shanghai')::date, '周倩', 'YB-1', '服务接口', $3, 200, 1 from generate_series(1, $4)`,
      [g.id, when, rows, n],
    )
  for (const day of days) await call(at(day, 10), 10, 30)
  g.world.at('2026-06-10')
  g.world.later(330)
  await g.world.job('delivery.watch')
  assert.deepEqual(await g.developer.ok(contract.alerts, { params: g.params }), [])

  await call(at('2026-06-10', 15), 1600)
  await g.world.job('delivery.watch')
  await call(at('2026-06-10', 15), 9000)
  await g.world.job('delivery.watch')
  const [alert, ...more] = await g.developer.ok(contract.alerts, { params: g.params })
  assert.deepEqual([alert!.kind, alert!.suspended, more], ['volume', true, []])
  assert.equal(alert!.what, '2026-06-10 15 时取用 1,600 行，此前 28 天里最多的一小时是 300 行')
  g.use((await g.token()).body.access_token)
  assert.equal((await g.rows()).problem.code, 'data.grant_suspended')
  const records = (await g.ledger()).filter(r => r.action === 'data.unusual')
  assert.equal(records.length, 1)
  assert.match(records[0]!.content!, /已暂停授权/)
  const { rows } = await pool.query(`select text from procedure.notice where text like '%最多的一小时%'`)
  assert.ok(rows.length >= 2, `${rows.length}`)
  // Every call is counted once, however often the job runs.
  const { rows: sum } = await pool.query('select sum(calls)::int as calls, sum(rows)::int as rows from delivery.hour where grant_id = $1', [
    g.id,
  ])
  assert.deepEqual(sum, [{ calls: 212, rows: 12_700 }])
  const stranger = await g.world.person({ department: '双牌县医保局', roles: ['steward'] })
  assert.equal((await stranger.call(contract.alerts, { params: g.params })).status, 404)
})

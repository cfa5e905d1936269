import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as aggregation from '../../../contract/aggregation.ts'
import * as procedure from '../../../contract/procedure.ts'
import { deliver } from '../../../test/support/batches.ts'
import { anEntry, aPlace } from '../../../test/support/country.ts'
import { dueOf } from './freshness.ts'
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

test('when a delivery is due: long cycles are announced three days ahead, short ones stand in the book when missed', () => {
  const last = new Date('2026-03-01T00:00:00Z')
  const of = (interval: number) => Object.values(dueOf(last, interval, 60)).map(d => d.toISOString())
  assert.deepEqual(of(31 * 1440), ['2026-04-01T00:00:00.000Z', '2026-03-29T00:00:00.000Z'])
  assert.deepEqual(of(1440), ['2026-03-02T00:00:00.000Z', '2026-03-02T01:00:00.000Z'])
  assert.deepEqual(of(0), ['2026-03-01T00:00:00.000Z', '2026-03-01T01:00:00.000Z'])
})

test('a monthly entry that gets no data owes a delivery in the book of duties; the next batch fulfils it, and the clock starts anew', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(anEntry({ title: '养老机构名录', abstract: '在册的养老机构，每月更新。' }))
  const content = (name: string) => `公民身份号码,姓名,保障类别\n11010519491231002X,${name},A\n`
  const { source, batch } = await deliver(p.provider, entry, content('张三'))
  assert.equal(batch.state, 'done', JSON.stringify(batch.messages))
  const owed = async (state: 'open' | 'ended') =>
    (await p.provider.ok(procedure.duties, { query: { state, limit: 100 } })).rows.filter(d => d.href === `/workbench/sources/${source.id}`)
  const days = (n: number) => p.world.later(n * 24 * 60)
  days(20)
  await p.world.job('aggregation.freshness')
  assert.deepEqual(await owed('open'), [])
  days(9)
  await p.world.job('aggregation.freshness')
  await p.world.job('aggregation.freshness')
  const [duty, ...more] = await owed('open')
  assert.deepEqual(more, [])
  assert.match(duty!.title, /养老机构名录：按更新周期，应在 \d{4}-\d\d-\d\d 前送到/)
  assert.ok(duty!.clock.cite.article)
  days(5)
  assert.equal((await owed('open'))[0]!.clock.light, 'red')
  await deliver(p.provider, entry, content('李四'), { source })
  assert.deepEqual(await owed('open'), [])
  assert.equal((await owed('ended')).length, 1)
  const [one] = (await p.provider.ok(aggregation.pipelines, { query: { q: '养老机构名录' } })).rows
  assert.deepEqual([one!.state, one!.how, one!.days.length, one!.days.at(-1)], ['idle', '由提供方送来', 14, 1])
  assert.ok(one!.last && one!.perSecond !== null)
  days(29)
  await p.world.job('aggregation.freshness')
  assert.equal((await owed('open')).length, 1)
})

test('each source stands on the pipeline page with what keeps it, what needs a hand first', async t => {
  const p = await aPlace(t, 'shuangpai')
  const entry = await p.register(anEntry({ title: '养老机构名录', abstract: '在册的养老机构，每月更新。' }))
  const { source } = await deliver(p.provider, entry, '公民身份号码,姓名,保障类别\n11010519491231002X,张三,A\n')
  await p.provider.ok(aggregation.createSource, { body: { entryId: entry.id, kind: 'file', name: '没有做完的' } })
  await deliver(p.provider, entry, '公民身份号码,姓名\n11010519491231002X,张三\n', { source })
  const { rows, counts } = await p.provider.ok(aggregation.pipelines, { query: {} })
  assert.deepEqual(
    rows.map(r => [r.state, r.name]),
    [
      ['trouble', '养老机构名录'],
      ['unready', '没有做完的'],
    ],
  )
  assert.match(rows[0]!.text, /结构变化：少 1 列「保障类别」/)
  assert.deepEqual(rows[0]!.may, ['retry'])
  assert.deepEqual([counts.trouble, counts.unready, counts.idle], [1, 1, 0])
  assert.deepEqual((await p.provider.ok(aggregation.pipelines, { query: { state: 'idle' } })).rows, [])
  // Another department sees nothing of it, the authority of the place does.
  assert.deepEqual((await p.consumer.ok(aggregation.pipelines, { query: {} })).rows, [])
  assert.equal((await p.authority.ok(aggregation.pipelines, { query: {} })).rows.length, 2)
})

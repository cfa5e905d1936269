import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainClock } from './clock.ts'

const cells = (...rows: [string, boolean, string | null][]) => rows.map(([day, counts, note]) => ({ day, counts, note }))

test('a clock over a holiday tells the run of days left out, the Saturday worked and the due date', () => {
  const words = explainClock(
    {
      opened: '2026-09-30',
      days: 2,
      due: '2026-10-10',
      word: null,
      estimated: false,
      origin: 'law',
      strip: cells(
        ['2026-09-30', false, null],
        ['2026-10-01', false, '国庆节'],
        ['2026-10-02', false, '国庆节'],
        ['2026-10-03', false, '国庆节'],
        ['2026-10-04', false, '周末'],
        ['2026-10-09', true, null],
        ['2026-10-10', true, '调休上班'],
      ),
    },
    '2026-10-09',
  )
  assert.deepEqual(words, [
    '9月30日（三） 收到，次日起算，共 2 个工作日；今天是第 1 个',
    '10月1日至10月3日 国庆节，不计',
    '10月10日（六） 调休上班，计入',
    '应于 10月10日（六） 前',
  ])
})

test('a word without a number is told as a word', () => {
  const words = explainClock(
    { opened: '2026-09-30', days: null, due: null, word: '及时', estimated: false, origin: 'law', strip: [] },
    '2026-10-09',
  )
  assert.deepEqual(words, ['9月30日（三） 收到。法规写的是「及时」，没有写天数。'])
})

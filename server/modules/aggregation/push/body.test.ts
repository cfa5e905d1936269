import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRecords } from '../reading/csv.ts'
import { csvOf, objectsOf, survey } from './body.ts'

async function* pieces(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size)
}
const all = async <T>(of: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = []
  for await (const one of of) list.push(one)
  return list
}

test('records come out whole, however the body is cut, as an array or line by line', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.array(fc.string()))), { maxLength: 8 }),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      async (records, size, lines) => {
        const text = lines ? records.map(r => JSON.stringify(r)).join('\n') : JSON.stringify(records, null, 1)
        const found = await all(objectsOf(pieces(text, size)))
        assert.deepEqual(
          found.map(t => JSON.parse(t)),
          JSON.parse(JSON.stringify(records)),
        )
      },
    ),
    { numRuns: 200 },
  ))

test('what is no list of objects is refused with the number of the record', async () => {
  for (const [text, n] of [
    ['[1]', 1],
    ['{"a":1}\nnull', 2],
    ['[{"a":1}', 2],
    ['[{"a":1}] {"a":2}', 2],
    ['{"a":1}{"a":', 2],
    ['{"a":1}\n{a:2}', 2],
  ] as const)
    await assert.rejects(survey(pieces(text, 5)), (e: Error & { code: string }) => {
      assert.equal(e.code, 'ingest.body_invalid')
      assert.match(e.message, new RegExp(`第 ${n} 条记录`), text)
      return true
    })
})

test('values keep every digit and letter on their way to CSV; deletions stand apart', async () => {
  const body = `{"号":123456789012345678901,"名":"甲,\\"乙\\"\\n丙","空":null}
    {"号":1.50,"_delete":true}
    {"号":0.10,"新":true,"列":[1.0,{"a":10000000000000000001}]}`
  const seen = await survey(pieces(body, 7))
  assert.deepEqual(seen.columns, ['号', '名', '空', '新', '列'])
  assert.equal(seen.rows, 2)
  assert.deepEqual(
    seen.deletions.map(d => d.line),
    [2],
  )
  const csv = Buffer.concat(await all(csvOf(pieces(body, 7), seen.columns))).toString()
  assert.deepEqual(parseRecords(csv, ',').rows, [
    ['号', '名', '空', '新', '列'],
    ['123456789012345678901', '甲,"乙"\n丙', '', '', ''],
    ['0.10', '', '', 'true', '[1.0,{"a":10000000000000000001}]'],
  ])
})

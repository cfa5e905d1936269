import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { csv } from '../../../platform/export.ts'
import { rowMarks } from '../watermark.ts'
import { csvLines, values } from './csv.ts'

const key = createSecretKey(Buffer.alloc(32, 1))
const marksFrom = (first: number, count: number) => rowMarks(key, 7, first, count)
const markOf = (row: number) => marksFrom(row, 1).toString('latin1')

/** As PostgreSQL writes a row of COPY … (format csv). */
const copied = (row: (string | null)[]) =>
  `${row.map(v => (v === null ? '' : v === '' || /[",\r\n]/.test(v) || (row.length === 1 && v === '\\.') ? `"${v.replaceAll('"', '""')}"` : v)).join(',')}\n`

async function agree(rows: (string | null)[][]): Promise<void> {
  const width = rows[0]!.length
  const columns = Array.from({ length: width + 1 }, (_, i) => ({ key: `c${i}`, name: `c${i}`, type: 'C' }))
  const pieces: Uint8Array[] = []
  const objects = rows.map((row, n) => Object.fromEntries([...row, markOf(n + 1)].map((v, i) => [`c${i}`, v])))
  for await (const piece of csv(columns, objects, { bom: false })) pieces.push(piece)
  const [, ...wanted] = Buffer.concat(pieces)
    .toString()
    .split(/^c0.*\r\n/)
  const lines = csvLines(marksFrom)
  const made: Buffer[] = []
  // Each row stands somewhere in the bytes of a socket.
  const bytes = Buffer.from(rows.map(row => `d....${copied(row)}`).join(''))
  let at = 0
  for (const row of rows) {
    const until = at + 5 + Buffer.byteLength(copied(row))
    lines.add(bytes, at + 5, until)
    assert.deepEqual(values(bytes, at + 5, until), row)
    if (lines.full) made.push(Buffer.from(lines.take()))
    at = until
  }
  made.push(lines.take())
  assert.equal(lines.rows, rows.length)
  const [text, all] = [Buffer.concat(made).toString(), wanted.join('')]
  let same = 0
  while (same < all.length && text[same] === all[same]) same++
  // What differs first and no more: values are long.
  const [before, behind] = [Math.max(0, same - 40), same + 40]
  assert.equal(text.slice(before, behind), all.slice(before, behind))
}

const spaces = ['\u00a0', '\u1680', '\u2000', '\u200a', '\u2028', '\u2029', '\u202f', '\u205f', '\u3000', '\ufeff', '\v', '\f', '\u0085']
test('values that spreadsheets, quotes or white space make special leave as they do by the other way', async () => {
  const nasty = [
    '',
    ' ',
    '=1',
    '+1',
    '-1',
    '-1.5',
    '-',
    '@a',
    '\t1',
    '\r1',
    '\n1',
    '＝1',
    '＋',
    '－1',
    '＠',
    '"',
    '""',
    '",',
    'a"b',
    'a,b',
    'a\r\nb',
    '\\.',
    '\\',
  ]
  const rows = [...nasty, ...spaces].flatMap(x => [
    [x, null],
    [null, x],
    [`${x}甲`, `乙${x}`],
    [`甲${x}乙`, x],
    [`,${x}`, `${x},`],
    [`"${x}"`, `é${x}`],
  ])
  await agree(rows)
  for (const row of rows) await agree([[row[0]!]])
  await agree([[null], ['\\.']])
})

test('whatever the values, the lines are those of the other way', async () => {
  const piece = fc.oneof(
    fc.constantFrom('=', '+', '-', '@', '\t', '\r', '\n', ' ', '"', ',', '\\.', '＝', '中', '李', '1', ...spaces),
    fc.string({ unit: 'binary' }),
  )
  const value = fc.oneof(
    fc.constant(null),
    fc.array(piece, { maxLength: 5 }).map(p => p.join('').replaceAll('\0', '')),
  )
  const width = fc.integer({ min: 1, max: 4 })
  await fc.assert(
    fc.asyncProperty(
      width.chain(n => fc.array(fc.array(value, { minLength: n, maxLength: n }), { minLength: 1, maxLength: 20 })),
      agree,
    ),
    { numRuns: 300 },
  )
})

test('long values and many rows are taken in several pieces, with marks that go on', async () => {
  await agree(Array.from({ length: 9000 }, (_, i) => [String(i), i % 3000 ? '甲' : `=${'长'.repeat(400_000)}`]))
})

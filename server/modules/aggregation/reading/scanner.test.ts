import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRecords, sniffDelimiter } from './csv.ts'
import { detectEncoding, toUtf8 } from './encoding.ts'
import { type Layout, Scanner, type ScanOptions } from './scanner.ts'

/** What the database would be given, read back, and the scanner's books. */
async function scanned(bytes: Buffer, options: Partial<ScanOptions> & { columns: number }, size = 1 << 16) {
  const scanner = new Scanner({ delimiter: ',', skip: 1, ...options })
  const pieces = async function* () {
    for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size)
  }
  const out: Buffer[] = []
  for await (const piece of scanner.scan(pieces())) out.push(piece)
  const numbered = Buffer.concat(out).toString()
  let n = 0
  // Before the fields stand the number of the record and its hash.
  const text = numbered.replace(/^(\d+)(.)\d+\2/gm, (found, no) => {
    if (Number(no) !== n + 1) return found
    n++
    return ''
  })
  assert.equal(n, scanner.passed)
  const lineOf = (n: number) => n + scanner.shifts.findLast(s => s.n <= n)!.shift
  return { scanner, text, rows: text ? parseRecords(text, options.delimiter ?? ',').rows : [], lineOf }
}

test('clean bytes pass through as they are; every line ends alike', async () => {
  const { text, scanner } = await scanned(Buffer.from('\ufeffa,b\r\n1,张三\r\n2,"李,四"\r\n'), { columns: 2 })
  assert.equal(text, '1,张三\n2,"李,四"\n')
  assert.deepEqual([scanner.read, scanner.passed, scanner.bad.length], [2, 2, 0])
})

test('ragged rows, broken quotes and NUL bytes are put aside with their line; the others go on', async () => {
  const source = 'a,b\n1,x\n2\n3,y,z\n\n,\n4,"open\n5,ok\n6,a\0b\n7,"two\nlines"\n8,last'
  const { rows, scanner, lineOf } = await scanned(Buffer.from(source), { columns: 2 })
  assert.deepEqual(rows, [
    ['1', 'x'],
    ['5', 'ok'],
    ['7', 'two\nlines'],
    ['8', 'last'],
  ])
  assert.deepEqual(
    scanner.bad.map(b => [b.line, b.rule]),
    [
      [3, 'ragged'],
      [4, 'ragged'],
      [7, 'quote'],
      [9, 'encoding'],
    ],
  )
  assert.deepEqual([1, 2, 3, 4].map(lineOf), [2, 8, 10, 12])
  assert.equal(scanner.read, 8)
})

test('what is handed on: keys only, some rows only, or typed rows with the doubtful ones aside', async () => {
  const source = Buffer.from('a,b,c,d\n1,x,"p,q",2\n2,y,r,no\n 3,z,s,4\n4,"w",t,5\n')
  const number = (b: Uint8Array, from: number, to: number) => to > from && b.subarray(from, to).every(x => x >= 48 && x <= 57)
  const scan = async (layout: Layout) => {
    const scanner = new Scanner({ delimiter: ',', columns: 4, skip: 1, layout, vouchers: [undefined, undefined, undefined, number] })
    const out: Buffer[] = []
    for await (const piece of scanner.scan(
      (async function* () {
        yield source
      })(),
    ))
      out.push(piece)
    return { out: Buffer.concat(out).toString(), aside: scanner.takeAside().toString() }
  }
  const hashes = (await scan({ kind: 'keys', keys: [0] })).out.split('\n').map(line => line.split(',')[1]!)
  assert.equal(new Set(hashes.slice(0, 4)).size, 4)
  assert.equal(
    (await scan({ kind: 'keys', keys: [2, 0] })).out,
    `1,${hashes[0]},"p,q",1\n2,${hashes[1]},r,2\n3,${hashes[2]},"s","3"\n4,${hashes[3]},t,4\n`,
  )
  assert.equal(
    (await scan({ kind: 'some', wanted: Uint8Array.of(0b1010) })).out,
    `1,${hashes[0]},1,x,"p,q",2\n3,${hashes[2]},"3","z","s","4"\n`,
  )
  assert.deepEqual(await scan({ kind: 'typed', keys: [0], fields: [0, 1, 3] }), {
    out: `${hashes[0]},1,1,x,2\n${hashes[3]},4,4,"w",5\n`,
    aside: `2,${hashes[1]},2,y,r,no\n3,${hashes[2]},"3","z","s","4"\n`,
  })
  // A key of two fields is one value, which a quoted one cannot become.
  const joined = await scan({ kind: 'typed', keys: [0, 1], fields: [0, 3] })
  assert.equal(joined.out, `${hashes[0]},1\x1fx,1,2\n`)
  assert.equal(joined.aside.split('\n').length, 4)
})

test('values arrive trimmed and never empty, whatever the quotes, blanks and line ends', async () => {
  const source = 'a,b\r\n" 1 ",""\n　二　, x \r3,5" tube\r\n\\.,z\n'
  const { text } = await scanned(Buffer.from(source), { columns: 2 })
  assert.equal(text, '"1",\n"二","x"\n"3","5"" tube"\n\\.,z\n')
})

test('a GBK file with one broken byte loses that row only', async () => {
  const gbk = (text: string) => Buffer.from(text.split('').flatMap(c => table[c] ?? [c.charCodeAt(0)]))
  const table: Record<string, number[]> = { 张: [0xd5, 0xc5], 三: [0xc8, 0xfd], 李: [0xc0, 0xee], 四: [0xcb, 0xc4] }
  const bytes = gbk('a,b\n1,张三\n2,李四\n3,张四\n')
  for (const broken of [0xff, 0x80]) {
    const damaged = Buffer.from(bytes)
    damaged[damaged.indexOf(0xc0)] = broken
    assert.equal(detectEncoding([damaged]).encoding, 'gb18030')
    const utf8: Buffer[] = []
    const source = async function* () {
      for (let i = 0; i < damaged.length; i += 3) yield damaged.subarray(i, i + 3)
    }
    for await (const piece of toUtf8(source(), 'gb18030')) utf8.push(piece)
    const { rows, scanner } = await scanned(Buffer.concat(utf8), { columns: 2, converted: true })
    assert.deepEqual(rows, [
      ['1', '张三'],
      ['3', '张四'],
    ])
    assert.deepEqual(
      scanner.bad.map(b => [b.line, b.rule]),
      [[3, 'encoding']],
    )
  }
})

test('encodings are told apart by content', () => {
  const text = '行政区划代码,名称\n350125,永泰县\n'
  assert.deepEqual(detectEncoding([Buffer.from(text)]), { encoding: 'utf-8', bom: 0 })
  assert.deepEqual(detectEncoding([Buffer.from(`\ufeff${text}`)]), { encoding: 'utf-8', bom: 3 })
  assert.deepEqual(detectEncoding([Buffer.from(`\ufeff${text}`, 'utf16le')]), { encoding: 'utf-16le', bom: 2 })
  assert.deepEqual(detectEncoding([Buffer.from(text, 'utf16le')]), { encoding: 'utf-16le', bom: 0 })
  const broken = Buffer.from(text.repeat(20))
  broken[broken.indexOf('永')] = 0xff
  assert.equal(detectEncoding([broken]).encoding, 'utf-8')
})

test('the delimiter is the one that makes an even table', () => {
  assert.equal(sniffDelimiter('a,b,c\n1,2,3\n4,5,6\n'), ',')
  assert.equal(sniffDelimiter('a\tb\n1,5\t2\n4\t6,7\n'), '\t')
  assert.equal(sniffDelimiter('a;b\n1,5;2\n'), ';')
  assert.equal(sniffDelimiter('a|b|c\n1|2|3\n'), '|')
})

test('whatever the cut of the bytes, the rows are those of the careful reader', async () => {
  const cell = fc.stringMatching(/^[a"张, ;\n\r]{0,4}$/)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell, cell), { maxLength: 12 }),
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      async (table, size, crlf) => {
        const quote = (v: string) => (/[",\n\r]/.test(v) ? `"${v.replaceAll('"', '""')}"` : v)
        const source = `h,h,h\n${table.map(r => r.map(quote).join(',') + (crlf ? '\r\n' : '\n')).join('')}`
        const expected = parseRecords(source, ',')
          .rows.slice(1)
          .filter(r => r.some(Boolean))
        const { rows, scanner } = await scanned(Buffer.from(source), { columns: 3 }, size)
        assert.deepEqual(rows, expected)
        assert.equal(scanner.passed, expected.length)
      },
    ),
    { numRuns: 300 },
  )
})

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Unreadable } from '../../../platform/xlsx.ts'
import { parseRecords } from './csv.ts'
import { lookAt } from './inspect.ts'
import { tableOf } from './records.ts'

async function read(t: TestContext, content: string | Buffer) {
  const dir = mkdtempSync(join(tmpdir(), 'huitong-doc-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'x')
  writeFileSync(path, content)
  const bytes = statSync(path).size
  const { shape, preview } = await lookAt(path, bytes, [])
  assert.ok(shape.kind === 'document')
  const { names } = await tableOf(path, bytes, shape.rows, `${path}.csv`)
  const text = readFileSync(`${path}.csv`, 'utf8')
  const { rows, lines } = parseRecords(text, ',')
  const filled = rows
    .map((cells, i) => ({ line: lines[i]!, cells }))
    .filter(r => r.cells.some(Boolean) || (r.cells.length === names.length && names.length > 1))
  return {
    kind: shape.rows.kind,
    at: shape.rows.at,
    names,
    rows: filled.map(r => r.cells),
    lines: filled.map(r => r.line),
    preview,
    estimate: shape.estimate,
  }
}
const refused = async (t: TestContext, content: string | Buffer) => {
  const error = await read(t, content).then(
    () => assert.fail('was read'),
    e => e,
  )
  assert.ok(error instanceof Unreadable, String(error))
  return [error.code, error.message] as const
}

test('rows of JSON are found anywhere in the document; nested objects become a.b, numbers keep their digits', async t => {
  const d = await read(
    t,
    `{"code": 0, "tags": ["x"], "data": {"total": 2, "list": [
  {"编号": 12345678901234567890, "金额": 1.10, "户": {"姓名": "张\\"三", "在册": true}, "别名": ["a", "b"]},
  {"编号": 2, "备注": "两\\n行", "金额": 1e3},

  {"编号": 3}
]}, "more": [{"a": 1}]}`,
  )
  assert.deepEqual([d.kind, d.at, d.estimate], ['json', ['data', 'list'], 3])
  assert.deepEqual(d.names, ['编号', '金额', '户.姓名', '户.在册', '别名', '备注'])
  assert.deepEqual(d.rows, [
    ['12345678901234567890', '1.10', '张"三', 'true', '["a","b"]', ''],
    ['2', '1e3', '', '', '', '两\n行'],
    ['3', '', '', '', '', ''],
  ])
  assert.deepEqual(d.lines, [2, 3, 5])
  assert.deepEqual(d.preview, d.rows)
})

test('a list at the top, one value per line, values after each other and a single object are JSON tables too', async t => {
  const values = [
    ['1', '甲'],
    ['2', '乙'],
  ]
  for (const [content, at] of [
    ['[{"a":1,"b":"甲"},{"a":2,"b":"乙"}]', []],
    ['\ufeff{"a":1,"b":"甲"}\r\n{"a":2,"b":"乙"}\r\n', 'lines'],
    ['{\n"a":1,"b":"甲"}\n{\n"a":2,"b":"乙"}', 'values'],
  ] as const) {
    const d = await read(t, content)
    assert.deepEqual([d.at, d.names, d.rows], [at, ['a', 'b'], values])
  }
  assert.deepEqual((await read(t, '{\n "a": 1,\n "b": {"c": null}\n}')).rows, [['1', '']])
})

test('a broken line of NDJSON is one rejected row; a broken document stops and says where', async t => {
  const d = await read(t, '{"a":1,"b":2}\n{"a":1,"b"\n{"a":3,"b":4}\n')
  assert.deepEqual(d.rows, [['1', '2'], ['{"a":1,"b"'], ['3', '4']])
  assert.deepEqual(d.lines, [1, 2, 3])
  assert.deepEqual(await refused(t, '[\n{"a":1},\n{"a":x}\n]'), ['json-broken', '第 3 行附近不是正确的 JSON。'])
  assert.equal((await refused(t, '[{"a":1},{"a":2}'))[0], 'json-broken')
  assert.equal((await refused(t, '[{"a":1},2]'))[0], 'json-mixed')
  assert.equal((await refused(t, `[${'{"a":'.repeat(40)}1${'}'.repeat(40)}]`))[0], 'too-deep')
  assert.equal((await refused(t, `[{"a":"${'x'.repeat(1100_000)}"}]`))[0], 'record-too-long')
  assert.equal((await refused(t, `[{${Array.from({ length: 1700 }, (_, i) => `"k${i}":1`)}}]`))[0], 'too-many-fields')
})

test('rows of XML are the element that repeats; attributes and children are fields, lists are joined, namespaces fall away', async t => {
  const d = await read(
    t,
    `<?xml version="1.0" encoding="UTF-8"?>
<!-- 名单 --><x:ROOT xmlns:x="urn:x"><head><a>1</a></head>
<x:list>
  <row id="1"><姓名>张 &amp; 三</姓名><金额 币种="CNY">5.10</金额><电话>1</电话><电话>2</电话></row>
  <row id="2"><姓名><![CDATA[<李四>]]></姓名><住址><街>甲</街><号/></住址></row>
</x:list></x:ROOT>`,
  )
  assert.deepEqual([d.kind, d.at], ['xml', ['ROOT', 'list', 'row']])
  assert.deepEqual(d.names, ['id', '姓名', '金额.币种', '金额', '电话', '住址.街', '住址.号'])
  assert.deepEqual(d.rows, [
    ['1', '张 & 三', 'CNY', '5.10', '1；2', '', ''],
    ['2', '<李四>', '', '', '', '甲', ''],
  ])
  assert.deepEqual(d.lines, [4, 5])
  const gbk = Buffer.concat([
    Buffer.from('<?xml version="1.0" encoding="GB2312"?><r><p n="'),
    Buffer.from([0xd5, 0xc5, 0xc8, 0xfd]),
    Buffer.from('"/><p n="x"/></r>'),
  ])
  assert.deepEqual((await read(t, gbk)).rows.flat(), ['张三', 'x'])
})

test('entity bombs, endless values and pages that call themselves workbooks are refused', async t => {
  assert.equal((await refused(t, '<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><r><p>&b;</p><p>&b;</p></r>'))[0], 'xml-entities')
  assert.equal(
    (await refused(t, '<!DOCTYPE r SYSTEM "file:///etc/passwd" [<!ENTITY a SYSTEM "file:///etc/passwd">]><r><p>&a;</p></r>'))[0],
    'xml-entities',
  )
  assert.equal((await refused(t, '<r><p>1</p>\n<p>2</q></r>'))[0], 'xml-broken')
  assert.equal((await refused(t, `<r><p a="1"/><p a="${'x'.repeat(3_000_000)}"/></r>`))[0], 'record-too-long')
  assert.equal((await refused(t, `${'<a>'.repeat(40)}${'</a>'.repeat(40)}`))[0], 'too-deep')
  assert.equal((await refused(t, '<html><table><tr><td>1</td></tr></table></html>'))[0], 'file-kind')
})

test('a large document is taken apart in bounded memory', async t => {
  const row = (i: number) => JSON.stringify({ 编号: i, 姓名: '张三'.repeat(10), 备注: 'x'.repeat(60) })
  const many = `{"list":[${Array.from({ length: 60_000 }, (_, i) => row(i)).join(',\n')}]}`
  const d = await read(t, many)
  assert.deepEqual([d.rows.length, d.lines.at(-1), d.rows.at(-1)![0]], [60_000, 60_000, '59999'])
})

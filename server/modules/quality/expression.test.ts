import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Column, functionNames, patternFault, readExpression } from './expression.ts'

const columns: Column[] = [
  { key: 'c1', name: '机构编号', sql: 't.c1', kind: 'text' },
  { key: 'c2', name: '床位数', sql: 't.c2', kind: 'number' },
  { key: 'c3', name: '登记日期', sql: 't.c3', kind: 'date' },
  { key: 'c4', name: '金额（元）', sql: 't.c4', kind: 'number' },
  { key: 'c5', name: '有效', sql: 't.c5', kind: 'boolean' },
]
const read = (text: string) => readExpression(text, columns, '2026-05-21')

test('a condition is written anew: items become columns, words of the grammar stay, values are quoted', () => {
  const good: [string, string][] = [
    ['床位数 > 0', '((t.c2)::numeric > 0::numeric)'],
    [`机构编号 like 'A%' and not 床位数 = 3`, `((t.c1 like 'A%') and (not ((t.c2)::numeric = 3::numeric)))`],
    [`登记日期 <= today()`, `(t.c3 <= '2026-05-21'::date)`],
    [`登记日期 between '2020-01-01' and '2026-12-31'`, `(t.c3 between '2020-01-01'::date and '2026-12-31'::date)`],
    [`"金额（元）" / 床位数 < 1000`, `(((t.c4)::numeric / nullif((t.c2)::numeric, 0)) < 1000::numeric)`],
    [`「金额（元）」 is not null or 有效`, '((t.c4 is not null) or t.c5)'.replace('t.c4', '(t.c4)::numeric')],
    [`机构编号 = 'it''s; drop table x --'`, `(t.c1 = 'it''s; drop table x --')`],
    [`substr(机构编号, 1, 1) in ('A', 'B')`, `(substr(t.c1, (1::numeric)::int, greatest((1::numeric)::int, 0)) in ('A', 'B'))`],
  ]
  for (const [text, sql] of good) {
    const r = read(text)
    assert.ok(r.ok, `${text}: ${r.ok || r.reason}`)
    assert.equal(r.sql, sql, text)
  }
})

test('whatever is no condition over the items of the entry is refused, with the reason', () => {
  const bad: [string, RegExp][] = [
    ['1=1; drop table quality.rule', /分号/],
    ['床位数 > 0; drop table quality.rule', /分号/],
    ['1=1', /没有信息项/],
    ['床位数 > 0 -- 之后不看', /注释/],
    ['床位数 /* */ > 0', /注释/],
    ['pg_sleep(10) is null', /没有函数 pg_sleep/],
    [`pg_read_file('/etc/passwd') is null`, /没有函数 pg_read_file/],
    [`set_config('role', 'postgres', false) = ''`, /没有函数 set_config/],
    [`current_setting('data_directory') = ''`, /没有函数/],
    ['(select count(*) from audit.entry) > 0', /select/],
    ['床位数 in (select 1)', /select/],
    ['exists (select 1)', /select/],
    ['exists(床位数)', /没有函数 exists/],
    ['audit.entry = 1', /点号/],
    ['pg_catalog.pg_sleep(1) = 1', /点号/],
    [`机构编号::regclass = 'x'`, /::/],
    ['床位数 = $1', /符号 \$/],
    ['current_user = 1', /没有信息项「current_user」/],
    ['密码 = 1', /没有信息项「密码」；这条目录有 机构编号、床位数/],
    [`床位数 > '多'`, /不能与文字比较|不能与/],
    [`机构编号 > 5`, /文字不能与数值比较/],
    ['机构编号 + 1 > 2', /\+ 要数值/],
    [`登记日期 > '2026-02-31'`, /不是日期/],
    ['床位数', /要一个条件/],
    ['床位数 = null', /is null/],
    ["机构编号 = 'x", /单引号/],
    ['床位数 > 0 床位数 < 9', /多了内容/],
    ['床位数 >', /没有写完/],
    ['((((((((((((((((((((((((((((((((((((((((((床位数 > 0))))))))))))))))))))))))))))))))))))))))))', /太深/],
    [Array.from({ length: 120 }, () => '床位数 > 0').join(' or '), /太长/],
    [`机构编号 = E'\\x41'`, /没有信息项「E」|多了内容/],
    ['机构编号 = \u0000', /看不懂符号/],
  ]
  for (const [text, reason] of bad) {
    const r = read(text)
    assert.equal(r.ok, false, text)
    assert.match(r.ok ? '' : r.reason, reason, text)
  }
  for (const name of functionNames) assert.doesNotMatch(name, /^(pg_|set_|current_|dblink|lo_|query_to)/)
})

test('patterns: what could run for ever or means something else is refused', () => {
  for (const good of [
    '[0-9]{6}',
    '\\d{4}-\\d{2}',
    '(?:A|B)[0-9]{3,5}',
    'A(\\d{2}){1,3}',
    '[一-龥]+',
    '沪[A-Z]\\.?',
    '[^,;]{1,20}',
    'a+b+',
    '(ab)+',
  ])
    assert.equal(patternFault(good), null, good)
  const bad: [string, RegExp][] = [
    ['(a+)+$', /停不下来/],
    ['(a*)*', /停不下来/],
    ['((ab)*c)+', /停不下来/],
    ['(a|a)*', /停不下来/],
    ['(a|ab)+', /停不下来/],
    ['(x+x+){10}', /停不下来/],
    ['(.)\\1', /反向引用/],
    ['(?=a)b', /断言/],
    ['(?<!a)b', /断言/],
    ['a{1,99999}', /重复次数/],
    ['a{501}', /500/],
    ['((a{100}){100})', /1000/],
    ['a**', /前面没有/],
    ['[a-', /方括号/],
    ['[[:alpha:]]', /方括号/],
    ['(a', /配对/],
    ['a)', /配对/],
    ['a{5,2}', /上限/],
    ['\\p{L}', /\\p/],
    ['', /请写格式/],
    ['a'.repeat(201), /200/],
  ]
  for (const [pattern, reason] of bad) assert.match(patternFault(pattern) ?? 'null', reason, pattern)
})

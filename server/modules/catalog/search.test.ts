import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import * as contract from '../../../contract/catalog.ts'
import type { Query } from '../../../contract/endpoint.ts'
import { aWorld, type Person } from '../../../test/support/world.ts'
import { newId } from '../../platform/id.ts'
import { marksIn, nearest, oneOff, readQuery, wordsOf } from './search.ts'

const entry = (title: string, items: string[] = [], more: object = {}) => ({
  title,
  items: items.map((name, i) => ({ key: `c${i + 1}`, name, type: 'C', length: 20 })),
  ...more,
})

async function aCatalog(t: TestContext, entries: object[]) {
  const world = await aWorld(t, { day: '2026-05-21' })
  await world.department({ region: '350100', name: '市民政局' })
  await world.department({ region: '350125', name: '县医保局' })
  const steward = await world.person({ department: '市民政局', roles: ['steward'] })
  const other = await world.person({ department: '县医保局', roles: ['steward'] })
  for (const content of entries) await steward.ok(contract.createEntry, { body: { content } })
  const search = (query: Partial<Query<typeof contract.searchEntries>>, who: Person = steward) => who.ok(contract.searchEntries, { query })
  const titles = async (q: string, who?: Person) => (await search({ q }, who)).rows.map(r => r.title)
  return { world, steward, other, search, titles }
}

test('an entry is found by words, item names, synonyms, pinyin, initials and parts of its code', async t => {
  const { search, titles } = await aCatalog(t, [
    entry('城乡低保对象信息', ['公民身份号码', '月补助金额'], { abstract: '民政部门核定的在册家庭。' }),
    entry('企业年报公示', ['统一社会信用代码', '年末从业人数']),
    entry('重庆路停车场所', ['泊位数']),
    entry('工人大会纪要', ['PM2.5浓度']),
  ])
  const cases: [string, string[]][] = [
    ['低保', ['城乡低保对象信息']],
    ['对象 城乡', ['城乡低保对象信息']],
    ['低保对象补助金额', ['城乡低保对象信息']],
    ['在册家庭', ['城乡低保对象信息']],
    ['民政局低保', ['城乡低保对象信息']],
    ['身份证号', ['城乡低保对象信息']],
    ['最低生活保障', ['城乡低保对象信息']],
    ['社会信用代码', ['企业年报公示']],
    ['经营主体', ['企业年报公示']],
    ['dbdx', ['城乡低保对象信息']],
    ['dibao', ['城乡低保对象信息']],
    ['ｄｉｂａｏ', ['城乡低保对象信息']],
    ['chongqing', ['重庆路停车场所']],
    ['gmsfhm', ['城乡低保对象信息']],
    ['停车场', ['重庆路停车场所']],
    ['车场所', ['重庆路停车场所']],
    ['人大会', ['工人大会纪要']],
    ['pm2.5', ['工人大会纪要']],
    ['低保 泊位', []],
    ['zzzz', []],
  ]
  for (const [q, expected] of cases) assert.deepEqual(await titles(q), expected, q)
  const [row] = (await search({ q: '低保' })).rows
  assert.deepEqual(await titles(row!.code), ['城乡低保对象信息'])
  assert.deepEqual(await titles(row!.code.replace('/', '-')), ['城乡低保对象信息'])
})

test('one wrong character is mended with what is there, and said; what is found as written is left alone', async t => {
  const { search } = await aCatalog(t, [entry('城乡低保对象信息'), entry('公共停车场', ['泊位数量']), entry('养老机构名录')])
  const cases: [string, string, string][] = [
    ['低保队象', '低保对象', '城乡低保对象信息'],
    ['低保时象', '低保对象', '城乡低保对象信息'],
    ['低保象对', '低保对象', '城乡低保对象信息'],
    ['公共停车杨', '公共停车场', '公共停车场'],
    ['停车肠', '停车场', '公共停车场'],
    ['养老机勾 名录', '养老机构 名录', '养老机构名录'],
  ]
  for (const [q, corrected, title] of cases) {
    const found = await search({ q })
    assert.deepEqual([found.corrected, found.rows[0]?.title], [corrected, title], q)
  }
  for (const q of ['低保对象', '低对象', '低保对对象']) {
    const { corrected, total } = await search({ q })
    assert.deepEqual([corrected, total], [null, 1], q)
  }
  const none = await search({ q: '航天发动机' })
  assert.deepEqual([none.corrected, none.total], [null, 0])
  // What would be offered is itself something the person may see.
  const marked = await search({ q: '低保队象' })
  assert.deepEqual(marked.rows[0]!.marks.title, [[2, 6]])
})

test('title before items before the rest, the exact title first; hits are marked as ranges, never as markup', async t => {
  const { search, titles } = await aCatalog(t, [
    entry('年度工作总结', ['养老机构']),
    entry('社区台账', ['地址'], { abstract: '含养老机构的检查情况。' }),
    entry('全市养老机构名录及床位统计情况'),
    entry('养老机构'),
    entry('养老机构名录'),
    entry('<img src=x onerror=alert(1)>养老机构', ['<b>养老机构</b>']),
  ])
  const got = await titles('养老机构')
  assert.deepEqual(got.slice(0, 2), ['养老机构', '养老机构名录'])
  assert.deepEqual(got.slice(-2), ['年度工作总结', '社区台账'])
  const row = (await search({ q: '养老机构' })).rows.find(r => r.title.startsWith('<img'))!
  assert.equal(row.title, '<img src=x onerror=alert(1)>养老机构')
  assert.deepEqual(row.marks, { title: [[28, 32]], hits: [[[3, 7]]], snippet: [] })
  assert.deepEqual(row.hits, ['<b>养老机构</b>'])
  assert.deepEqual((await search({ q: 'yljg' })).rows.find(r => r.title === '养老机构名录')!.marks.title, [[0, 4]])
})

test('counts of facets say what another choice would find, whatever else is chosen', async t => {
  const pick = <T>(list: readonly T[], n: number) => list[n % list.length]!
  const made = Array.from({ length: 36 }, (_, n) => ({
    ...entry(`养老目录之${n}`, ['名称']),
    theme: pick(['民生服务', '交通运输', '教育文化'], n),
    kind: pick([1, 2, 3] as const, Math.floor(n / 2)),
    shareClass: pick(['unconditional', 'conditional', 'denied'] as const, Math.floor(n / 3)),
    openClass: pick(['open', 'conditional', 'closed'] as const, Math.floor(n / 5)),
    updateCycle: pick(['daily', 'monthly', 'yearly'] as const, Math.floor(n / 7)),
  }))
  const { world, search } = await aCatalog(t, [...made, entry('无关目录', [], { theme: '民生服务' })])
  const ids = (await search({ q: '养老', limit: 200 })).rows
  const filled = new Set(ids.filter((_, n) => n % 4 === 0).map(r => r.title))
  for (const r of ids.filter(r => filled.has(r.title)))
    await world.app.services.pool.query('insert into catalog.mount (entry_id, rows, updated) values ($1, 1, now())', [r.id])
  const value = (m: (typeof made)[number], key: string): string =>
    ({
      theme: m.theme,
      kind: String(m.kind),
      share: m.shareClass,
      open: m.openClass,
      cycle: m.updateCycle,
      mounted: String(filled.has(m.title)),
    })[key]!
  const keys = ['theme', 'kind', 'share', 'open', 'cycle', 'mounted']
  const choices: Record<string, string>[] = [
    {},
    { theme: '交通运输' },
    { theme: '交通运输', share: 'conditional' },
    { kind: '2', open: 'closed', mounted: 'true' },
    { cycle: 'daily', mounted: 'false', share: 'unconditional' },
    { theme: '没有这个主题' },
  ]
  for (const chosen of choices) {
    const got = await search({ q: '养老', limit: 200, ...(chosen as object) })
    const fits = (m: (typeof made)[number], except?: string) => Object.entries(chosen).every(([k, v]) => k === except || value(m, k) === v)
    assert.equal(got.total, made.filter(m => fits(m)).length, JSON.stringify(chosen))
    assert.equal(got.rows.length, got.total)
    for (const key of keys) {
      const expected = Object.fromEntries(
        [
          ...Map.groupBy(
            made.filter(m => fits(m, key)),
            m => value(m, key),
          ),
        ].map(([v, list]) => [v, list.length]),
      )
      const facet = got.facets.find(f => f.key === key)!
      const shown = Object.fromEntries(facet.values.filter(v => v.count > 0).map(v => [v.value, v.count]))
      assert.deepEqual(shown, expected, `${key} with ${JSON.stringify(chosen)}`)
    }
  }
})

test('drafts are found, counted and offered as corrections to their own department only', async t => {
  const { search, titles, other } = await aCatalog(t, [entry('机密低保对象信息', ['保密项'])])
  assert.deepEqual(await titles('低保'), ['机密低保对象信息'])
  for (const q of ['低保', 'dbdx', '保密项', '低保队象', undefined]) {
    const seen = await search({ ...(q && { q }) }, other)
    assert.deepEqual([seen.total, seen.corrected, seen.facets.flatMap(f => f.values)], [0, null, []], q)
  }
})

test('the index follows saves, withdrawal and writes that bypass the application', async t => {
  const { world, steward, search, titles } = await aCatalog(t, [entry('低保对象')])
  const { pool } = world.app.services
  const [row] = (await search({})).rows
  const params = { code: row!.code.replace('/', '-') }
  const content = contract.EntryContent.parse({ ...entry('养老机构', ['床位数']), theme: '民生服务' })
  await steward.ok(contract.saveDraft, { params, body: { content } })
  assert.deepEqual(await titles('低保'), [])
  assert.deepEqual(await titles('床位'), ['养老机构'])
  assert.equal((await search({ theme: '民生服务' })).total, 1)
  const id = newId()
  await pool.query(`insert into catalog.entry (id, code, region, department_id, created_by) values ($1, '307/1', '350100', $2, $2)`, [
    id,
    steward.departmentId,
  ])
  await pool.query(
    `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved) values ($1, 1, 'draft', $2, 'x', 'import', now())`,
    [id, JSON.stringify(contract.EntryContent.parse(entry('空气质量监测')))],
  )
  assert.deepEqual(await titles('空气质量'), [])
  await world.job('catalog.index')
  assert.deepEqual(await titles('空气质量'), ['空气质量监测'])
  await pool.query('update catalog.entry set withdrawn = true where id = $1', [id])
  assert.deepEqual(await titles('空气质量'), [])
  // A department that is called otherwise is found by its new name after the job.
  await pool.query(`update organization.department set name = '市养老服务局' where id = $1`, [steward.departmentId])
  await world.job('catalog.index')
  assert.deepEqual(await titles('服务局'), ['养老机构'])
  await steward.ok(contract.discardDraft, { params })
  assert.equal((await search({})).total, 0)
})

test('whatever is typed is answered', async t => {
  const { steward, search } = await aCatalog(t, [entry('100%_\\达标'), entry('😀表情'), entry('低保对象', ['公民身份号码'])])
  assert.deepEqual(
    (await search({ q: '😀' })).rows.map(r => r.title),
    ['😀表情'],
  )
  assert.deepEqual(
    (await search({ q: '%_\\' })).rows.map(r => r.title),
    ['100%_\\达标'],
  )
  const big = await steward.call(contract.searchEntries, { query: { q: '低'.repeat(100_000) } })
  assert.ok(big.status === 400 || big.status === 422 || big.status === 414, String(big.status))
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string({ maxLength: 100, unit: 'grapheme' }),
        fc.constantFrom(
          "'; drop table catalog.search; --",
          "'' & ''",
          '!(a|b) <-> :*',
          '(.*)+$',
          '\\\\\\',
          "'\\'",
          '~低',
          '/dbdx',
          '#307',
          '低保'.repeat(50),
        ),
      ),
      async q => {
        const got = await steward.call(contract.searchEntries, { query: { q } })
        assert.ok(got.status < 500, `${JSON.stringify(q)} ${got.status} ${JSON.stringify(got.problem)}`)
      },
    ),
    { numRuns: 60 },
  )
})

test('one character more, less, other or changed places', () => {
  const near: [string, string, boolean][] = [
    ['低保对象', '低保队象', true],
    ['低保对象', '低保象对', true],
    ['低保对象', '低对象', true],
    ['低保对象', '低保对对象', true],
    ['低保对象', '对象低保', false],
    ['低保对象', '低保人员', false],
    ['', '低', true],
  ]
  for (const [a, b, expected] of near) assert.equal(oneOff(a, b), expected, `${a} ${b}`)
  assert.equal(nearest('身分', ['公民身份号码']), '身份')
  assert.equal(nearest('低保', ['城乡低保对象']), undefined)
  assert.equal(nearest('停车杨', ['停车位', '公共停车场', '停车场收费']), '停车场')
})

test('no word cuts a rare character in half, wherever it stands', () => {
  for (let at = 0; at < 40; at++) {
    const text = `${'民'.repeat(at)}𠮷𬺰䌷`
    for (const words of Object.values(wordsOf({ title: text, items: [text], rest: [text] })))
      for (const word of words) assert.ok(word.isWellFormed(), `${at}: ${word}`)
  }
})

test('a query is read into terms: synonyms first, then words, then characters that belong to no word', () => {
  const terms = (q: string) => readQuery(q, new Map([['身份证号', ['公民身份号码']]])).terms.map(x => x.literals[0])
  assert.deepEqual(terms('低保对象身份证号'), ['低保', '对象', '身份证号'])
  assert.deepEqual(terms('樟城镇'), ['樟', '城镇'])
  assert.deepEqual(terms('PM2.5　浓度'), ['pm2.5', '浓度'])
  assert.deepEqual(terms('，。!'), [])
  assert.ok(wordsOf({ title: '低保对象', items: [], rest: [] }).title.includes('/dbdx'))
  assert.deepEqual(marksIn('ＧＰＳ坐标', readQuery('gps', new Map())), [[0, 3]])
})

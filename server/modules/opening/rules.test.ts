import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GateArticles, type GateFacts, gateActions, isFresh, judgeGate, stillOpen } from './rules.ts'

const cite = (article: string) => ({ regulation: 'fuzhou-open-2019', title: '福州开放', article, text: '' })
const articles: GateArticles = {
  list: cite('第十一条'),
  types: cite('第二十二条'),
  secrecy: cite('第三十一条'),
  review: cite('第三十一条'),
  exclusions: cite('第五条'),
  desensitize: cite('第二十条第二款'),
  risk: cite('第十七条第一款'),
  withdraw: cite('第十七条第二款'),
}
const ready: GateFacts = {
  state: 'none',
  published: true,
  openClass: 'open',
  openLabel: '普遍开放',
  secrecyDeclared: true,
  listGaps: [],
  grounds: ['国家秘密'],
  exclusionsDeclared: true,
  rows: 10,
  columns: ['c1', 'c2', 'c3', 'c4'],
  items: [
    { key: 'c1', name: '停车场名称' },
    { key: 'c2', name: '负责人', semantic: 'person-name' },
    { key: 'c3', name: '备注' },
    { key: 'c4', name: '内部编号', openClass: 'closed' },
    { key: 'c5', name: '新项' },
  ],
  proposed: [
    { key: 'c1', treatment: 'plain' },
    { key: 'c2', treatment: 'masked' },
    { key: 'c3', treatment: 'plain' },
  ],
  findings: {},
  processing: '',
  authority: '市大数据委',
}
const ids = { ids: 2, mobiles: 0, soleTraders: 0 }

for (const [title, change, reason, pointer, article] of [
  ['a complete proposal passes', {}, undefined],
  ['not published', { published: false }, 'entry-not-registered', '', '第十一条'],
  ['closed entries are not opened', { openClass: 'closed' }, 'open-type-invalid', '', '第二十二条'],
  ['open list incomplete', { listGaps: ['更新频度'] }, 'catalog-field-missing', '', '第十一条'],
  ['no secrecy declaration', { secrecyDeclared: false }, 'secrecy-declaration-required', '', '第三十一条'],
  ['exclusion grounds not declared', { exclusionsDeclared: false }, 'exclusion-declaration-required', '/exclusions', '第五条'],
  ['no rows', { rows: 0 }, 'not-mounted', '', '第十一条'],
  ['a name as it is', { proposed: [{ key: 'c2', treatment: 'plain' }] }, 'desensitization-required', '/items/0', '第二十条第二款'],
  ['identity numbers in a remark', { findings: { c3: ids } }, 'sensitive-content-detected', '/items/2', '第十七条第一款'],
  ['identity numbers in a masked item', { findings: { c2: ids } }, undefined],
  ['identity numbers in an item that stays closed', { findings: { c4: ids } }, undefined],
  ['a closed item', { proposed: [{ key: 'c4', treatment: 'plain' }] }, 'open-type-invalid', '/items/0', '第二十二条'],
  ['an item without data', { proposed: [{ key: 'c5', treatment: 'plain' }] }, 'field-not-registered', '/items/0', '第十一条'],
  ['an item nobody knows', { proposed: [{ key: 'c99', treatment: 'plain' }] }, 'field-not-registered', '/items/0', '第十一条'],
  ['again after a withdrawal', { state: 'withdrawn' }, 'desensitization-required', '/processing', '第十七条第二款'],
  ['again after a withdrawal, with what was done', { state: 'withdrawn', processing: '删除了备注里的证件号码' }, undefined],
] as [string, Partial<GateFacts>, string | undefined, string?, string?][]) {
  test(`gate: ${title} → ${reason ?? 'passes'}`, () => {
    const { faults } = judgeGate({ ...ready, ...change }, articles)
    assert.deepEqual(
      faults.map(f => [f.code, f.pointer, f.cite?.article]),
      reason ? [[reason, pointer, article]] : [],
    )
  })
}

test('everything missing is told at once', () => {
  const { faults } = judgeGate({ ...ready, published: false, secrecyDeclared: false, rows: 0, exclusionsDeclared: false }, articles)
  assert.equal(faults.length, 4)
})

test('without a proposal the platform proposes: persons masked, closed and empty items left out', () => {
  const { items, checks } = judgeGate({ ...ready, proposed: null, exclusionsDeclared: null }, articles)
  assert.deepEqual(
    items.map(i => i.treatment),
    ['plain', 'masked', 'plain', 'withheld', 'withheld'],
  )
  assert.deepEqual(
    checks.filter(c => !c.ok).map(c => c.key),
    ['exclusions', 'review'],
  )
})

test('of a listing only what the current version still classes as open leaves', () => {
  const listed = [
    { key: 'c1', treatment: 'plain' as const },
    { key: 'c4', treatment: 'plain' as const },
    { key: 'c9', treatment: 'plain' as const },
  ]
  assert.deepEqual(
    stillOpen(listed, ready.items, 'open').map(i => i.key),
    ['c1'],
  )
  assert.deepEqual(stillOpen(listed, ready.items, 'closed'), [])
})

test('who may propose and withdraw', () => {
  const person = (departmentId: string, role: string, departmentRoles: string[] = []) =>
    ({ departmentId, region: '350100', departmentRoles, roles: [role] }) as never
  const at = (state: 'none' | 'in-review' | 'open' | 'withdrawn') => ({ departmentId: 'own', region: '350100', state })
  assert.deepEqual(gateActions(person('own', 'steward'), at('none')), ['propose'])
  assert.deepEqual(gateActions(person('own', 'steward'), at('in-review')), [])
  assert.deepEqual(gateActions(person('own', 'steward'), at('open')), ['propose', 'withdraw'])
  assert.deepEqual(gateActions(person('own', 'leader'), at('open')), [])
  assert.deepEqual(gateActions(person('bureau', 'bureau', ['authority']), at('open')), ['withdraw'])
  assert.deepEqual(gateActions(person('other', 'steward'), at('open')), [])
})

test('late is told by the cycle', () => {
  const now = new Date('2026-06-30T00:00:00Z')
  assert.equal(isFresh('weekly', new Date('2026-06-25T00:00:00Z'), now), true)
  assert.equal(isFresh('weekly', new Date('2026-06-01T00:00:00Z'), now), false)
  assert.equal(isFresh('irregular', new Date('2020-06-01T00:00:00Z'), now), null)
  assert.equal(isFresh('daily', null, now), null)
})

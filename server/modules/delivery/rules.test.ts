import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { limiter } from '../../platform/limiter.ts'
import { Problem } from '../../platform/problem.ts'
import { headerText, readFilter } from './api.ts'
import { type DataCall, type GrantPlace, type GrantRecord, grantActions, judgeCall, maySee } from './rules.ts'
import { readToken, tokenReader, writeToken } from './tokens.ts'

const cite = (article: string) => ({ regulation: 'fuzhou-manage-2019', title: '福州管理', article, text: '' })
const articles = { record: cite('第二十九条第二款'), access: cite('第二十九条'), purpose: cite('第十七条'), use: cite('第十八条第一款') }
const grant: GrantRecord = {
  id: 'g',
  no: 'SQ-2026-0001',
  version: 1,
  state: 'active',
  stateReason: null,
  stateCite: null,
  stateAt: null,
  entryId: 'e',
  granteeDepartmentId: 'd',
  systemId: null,
  items: [],
  limits: [],
  purpose: '核对救助资格',
  basis: '',
  approver: '王',
  from: '2026-01-01',
  until: '2026-12-31',
  quotaPerDay: null,
  caseNo: null,
  method: '服务接口',
  cite: cite('第十七条'),
  awaits: [],
  conditions: '',
  agreedWay: '',
  matters: [],
  approved: null,
  effective: null,
  allowedIps: [],
  clientId: null,
  credential: 2,
  officerId: 'new',
  officer: '新经办',
  formerOfficers: [{ id: 'old', name: '老经办', until: '2026-05-20' }],
}
const waiting = { key: 'agreement', reason: 'agreement-required', what: '签订协议', who: '双方', cite: cite('第十七条'), gate: 'agreement' }
const entry = { code: '307013350125001/000001', published: true }
const call: DataCall = {
  code: '307013350125001-000001',
  credential: 2,
  ip: '10.0.0.9',
  day: '2026-06-01',
  operator: '周倩',
  caseRef: 'YW-1',
  purpose: null,
  user: null,
}

for (const [title, change, code, article] of [
  ['a complete call under a live grant may take', {}, 'ok'],
  ['replaced credentials', { call: { credential: 1 } }, 'data.token_replaced'],
  ['another entry', { call: { code: 'x' } }, 'data.no_grant', '第二十九条'],
  [
    'a suspended grant',
    { grant: { state: 'suspended', stateReason: '核查', stateCite: cite('第十八条') } },
    'data.grant_suspended',
    '第十八条',
  ],
  ['a revoked grant', { grant: { state: 'revoked' } }, 'data.grant_revoked', '第十七条'],
  ['before the first day', { call: { day: '2025-12-31' } }, 'data.grant_not_yet'],
  ['on the last day', { call: { day: '2026-12-31' } }, 'ok'],
  ['after the last day', { call: { day: '2027-01-01' } }, 'data.grant_expired'],
  ['an entry taken down', { entry: { published: false } }, 'data.entry_withdrawn'],
  ['an address outside the list', { grant: { allowedIps: ['10.1.0.0/16', '::1'] } }, 'data.address_not_allowed'],
  ['an address in the list', { grant: { allowedIps: ['10.0.0.0/24'] } }, 'ok'],
  ['an IPv4 address as IPv6 writes it', { grant: { allowedIps: ['10.0.0.9'] }, call: { ip: '::ffff:10.0.0.9' } }, 'ok'],
  ['nobody named as user', { call: { operator: null } }, 'data.record_incomplete', '第二十九条第二款'],
  ['no case named', { call: { caseRef: null } }, 'data.record_incomplete', '第二十九条第二款'],
  ['a purpose outside the grant', { call: { purpose: '营销' } }, 'data.purpose_mismatch', '第十八条第一款'],
  ['the purpose of the grant', { call: { purpose: '核对救助资格' } }, 'ok'],
  ['the duty of the grant instead of the purpose', { grant: { basis: '医疗救助审核' }, call: { purpose: '医疗救助审核' } }, 'ok'],
  ['a third party as user', { call: { user: '某公司' } }, 'data.third_party', '第十八条第一款'],
  ['a grant that waits for an agreement', { grant: { awaits: [waiting] } }, 'data.grant_awaits', '第十七条'],
] as [string, { grant?: Partial<GrantRecord>; call?: Partial<DataCall>; entry?: object }, string, string?][]) {
  test(`data call: ${title} → ${code}`, () => {
    const verdict = judgeCall(
      { ...grant, grantee: '永泰县医保局', ...change.grant },
      { ...entry, ...change.entry },
      { ...call, ...change.call },
      articles,
    )
    assert.equal(verdict.ok ? 'ok' : verdict.code, code)
    if (article && !verdict.ok) assert.equal(verdict.cite?.article, article)
  })
}

const place: GrantPlace = {
  state: 'active',
  expired: false,
  granteeDepartmentId: 'user',
  providerDepartmentId: 'owner',
  granteeRegion: '350125',
  providerRegion: '350100',
  clientId: null,
}
const person = (departmentId: string, role: string, region = '350100', departmentRoles: string[] = []) =>
  ({ departmentId, region, departmentRoles, roles: [role] }) as never

for (const [title, who, at, actions] of [
  ['the user’s developer', person('user', 'developer'), place, ['rotate', 'edit-ips', 'try']],
  ['the user’s developer, files only', person('user', 'developer'), { ...place, files: true, filesOnly: true }, ['package']],
  ['the user’s leader', person('user', 'leader'), place, ['hand-over']],
  ['the user’s leader, expired', person('user', 'leader'), { ...place, expired: true }, ['dispose']],
  ['the owner’s steward', person('owner', 'steward'), place, ['suspend', 'stop', 'narrow']],
  ['the owner’s developer', person('owner', 'developer'), place, []],
  ['the owner’s steward, suspended', person('owner', 'steward'), { ...place, state: 'suspended' }, ['stop', 'narrow', 'resume']],
  ['the user’s developer, suspended', person('user', 'developer'), { ...place, state: 'suspended' }, ['rotate', 'edit-ips']],
  ['the authority', person('bureau', 'bureau', '350100', ['authority']), place, ['suspend', 'stop']],
  ['the authority of the user’s region', person('bureau', 'bureau', '350125', ['authority']), place, []],
  ['the user’s steward, expired', person('user', 'steward'), { ...place, expired: true, applied: true }, ['dispose', 'renew']],
  ['the user’s developer, expired', person('user', 'developer'), { ...place, expired: true }, []],
  ['the user’s developer, revoked', person('user', 'developer'), { ...place, state: 'revoked' }, []],
] as [string, never, GrantPlace, string[]][]) {
  test(`what ${title} may do with a grant`, () => assert.deepEqual(grantActions(who, at), actions))
}

test('a grant is seen by both sides, the authorities of both regions and inspectors, nobody else', () => {
  for (const who of [
    person('user', 'steward'),
    person('owner', 'leader'),
    person('b', 'bureau', '350125', ['authority']),
    person('b', 'bureau', '350100', ['authority']),
    person('x', 'inspector', '410000'),
  ])
    assert.ok(maySee(who, place))
  assert.ok(!maySee(person('other', 'steward'), place))
  assert.ok(!maySee(person('b', 'bureau', '431123', ['authority']), place))
})

test('an access token holds for half an hour and only as it was written', () => {
  const key = createSecretKey(Buffer.alloc(32, 7))
  const now = new Date('2026-06-01T00:00:00Z')
  const t = { grantId: 'g', credential: 1, expires: now.getTime() / 1000 + 1800 }
  const text = writeToken(key, t)
  assert.deepEqual(readToken(key, text, now), t)
  assert.equal(readToken(key, text, new Date(now.getTime() + 1_800_000)), null)
  assert.equal(readToken(createSecretKey(Buffer.alloc(32, 8)), text, now), null)
  const read = tokenReader(key)
  assert.deepEqual([read(text, now), read(text, now), read(text, new Date(now.getTime() + 1_800_000))], [t, t, null])
  for (const bad of ['', 'x', `${text}A`, text.slice(0, -1), text.replace('ht1.', 'ht1.A'), 'ht1..', '..'])
    assert.equal(readToken(key, bad, now), null, bad)
})

test('names in headers may be percent-encoded or raw UTF-8; markup of the record is not broken', () => {
  assert.equal(headerText('%E5%91%A8%E5%80%A9'), '周倩')
  assert.equal(headerText(Buffer.from('周倩').toString('latin1')), '周倩')
  assert.equal(headerText('100%'), '100%')
  assert.equal(headerText('\xd6\xdc\xd9\xbb'), '周倩')
  assert.equal(headerText('%D6%DC%D9%BB'), '周倩')
  assert.equal(headerText('a%0d%0ab'), 'a  b')
  assert.equal(headerText('  '), null)
  assert.equal(headerText(undefined), null)
})

test('a filter is a flat JSON object', () => {
  assert.deepEqual(readFilter('{"金额":1.5,"区划":"350125"}'), { 金额: '1.5', 区划: '350125' })
  for (const bad of ['', '[]', 'null', '{"a":{"b":1}}', '{"a":null}', '{']) assert.throws(() => readFilter(bad), Problem, bad)
})

test('the limiter says how long to wait and forgets when the window is over', () => {
  const limit = limiter(2, 60)
  const at = (s: number) => new Date(s * 1000)
  limit('a', at(0))
  limit('a', at(1))
  limit('b', at(1))
  assert.throws(
    () => limit('a', at(20)),
    (e: Problem) => e.status === 429 && e.details.headers?.['retry-after'] === '40',
  )
  limit('a', at(60))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as contract from '../../../contract/organization.ts'
import { aWorld, creditCode } from '../../../test/support/world.ts'
import { creditCodeFault } from './credit-code.ts'
import { createSetupToken } from './public.ts'
import { rolesFault } from './rules.ts'

for (const [code, right] of [
  ['11350125FAKE000134', true],
  ['11350100FAKE00021P', true],
  ['12350582FAKE0003XR', true],
  ['11431123FAKE00048L', true],
  ['11410000FAKE00056B', true],
  ['91350582FAKE00064A', true],
  ['N2350125FAKE00101R', true],
  ['11350125fake000134', true],
  ['11350125FAKE000130', false],
  ['11350125IAKE000134', false],
  ['11350125FAKE00013', false],
] as const) {
  test(`credit code ${code} is ${right ? 'right' : 'wrong'}`, () => assert.equal(creditCodeFault(code) === null, right))
}

test('the three administrators exclude each other and all working roles', () => {
  assert.equal(rolesFault(['system_admin']), null)
  assert.equal(rolesFault(['steward', 'leader', 'secrecy']), null)
  assert.ok(rolesFault(['system_admin', 'audit_admin']))
  assert.ok(rolesFault(['security_admin', 'steward']))
})

test('the system administrator makes the account, the security administrator gives the role, and it takes effect at once', async t => {
  const world = await aWorld(t)
  const department = await world.department({ region: '350100', name: '某局' })
  const system = await world.person({ department: '某局', roles: ['system_admin'] })
  const security = await world.person({ department: '某局', roles: ['security_admin'] })
  const made = await system.ok(contract.createPerson, {
    body: { username: 'new.clerk', name: '新人', departmentId: department, password: 'correct horse battery' },
  })
  assert.deepEqual(made.roles, [])
  assert.equal((await system.call(contract.setRoles, { params: { id: made.id }, body: { roles: ['steward'] } })).status, 403)
  const both = await security.call(contract.setRoles, { params: { id: made.id }, body: { roles: ['system_admin', 'steward'] } })
  assert.equal(both.problem.code, 'organization.roles_apart')
  assert.deepEqual((await security.ok(contract.setRoles, { params: { id: made.id }, body: { roles: ['steward'] } })).roles, ['steward'])
  assert.equal(
    (await security.call(contract.setRoles, { params: { id: security.id }, body: { roles: ['audit_admin'] } })).problem.code,
    'organization.own_roles',
  )

  const clerk = await world.person({ department: '某局', roles: ['steward'] })
  await clerk.ok(contract.session)
  await system.ok(contract.setDisabled, { params: { id: clerk.id }, body: { disabled: true } })
  assert.equal((await clerk.call(contract.session)).status, 401)
})

test('a password somebody else has set must be changed before anything else', async t => {
  const world = await aWorld(t)
  await world.department({ region: '350100', name: '某局' })
  const system = await world.person({ department: '某局', roles: ['system_admin'] })
  const clerk = await world.person({ department: '某局', roles: ['steward'] })
  await system.ok(contract.resetPassword, { params: { id: clerk.id }, body: { password: 'a first password again' } })
  assert.equal((await clerk.call(contract.session)).status, 401)
  const signed = await world.app.inject({
    method: 'POST',
    url: '/api/session',
    payload: { username: clerk.username, password: 'a first password again' },
  })
  assert.equal(signed.json().person.mustChangePassword, true)
  const headers = { cookie: String(signed.headers['set-cookie']).split(';')[0]!, 'x-csrf-token': signed.json().csrf }
  assert.equal((await world.app.inject({ url: '/api/systems', headers })).json().code, 'session.must_change')
  const changed = await world.app.inject({
    method: 'POST',
    url: '/api/session/password',
    headers,
    payload: { current: 'a first password again', next: 'my own long password' },
  })
  assert.equal(changed.statusCode, 200)
  assert.equal((await world.app.inject({ url: '/api/systems', headers })).statusCode, 200)
})

test('five wrong passwords pause the account; the reply does not tell whether it exists', async t => {
  const world = await aWorld(t)
  await world.department({ region: '350100', name: '某局' })
  const person = await world.person({ department: '某局', roles: ['steward'] })
  const wrong = (username: string) => world.anonymous.call(contract.signIn, { body: { username, password: 'not the password' } })
  const { requestId: _, ...known } = (await wrong(person.username)).problem
  const { requestId: __, ...unknown } = (await wrong('nobody')).problem
  assert.deepEqual(known, unknown)
  for (let i = 0; i < 4; i++) await wrong(person.username)
  const right = await world.anonymous.call(contract.signIn, { body: { username: person.username, password: 'a long enough password' } })
  assert.equal(right.problem.code, 'session.locked')
})

test('a new password ends the other sessions and must not hold the user name', async t => {
  const world = await aWorld(t)
  await world.department({ region: '350100', name: '某局' })
  const person = await world.person({ department: '某局', roles: ['steward'] })
  const again = await world.app.inject({
    method: 'POST',
    url: '/api/session',
    payload: { username: person.username, password: 'a long enough password' },
  })
  const second = String(again.headers['set-cookie']).split(';')[0]!
  assert.match(String(again.headers['set-cookie']), /HttpOnly/)
  const weak = await person.call(contract.changePassword, {
    body: { current: 'a long enough password', next: `${person.username} and more words` },
  })
  assert.equal(weak.problem.code, 'session.weak_password')
  await person.ok(contract.changePassword, { body: { current: 'a long enough password', next: 'another long password' } })
  assert.equal((await world.app.inject({ url: '/api/session', headers: { cookie: second } })).statusCode, 401)
  await person.ok(contract.session)
})

test('an empty installation lets the first administrators in once, with the printed token', async t => {
  const world = await aWorld(t)
  const token = (await createSetupToken(world.app.services.db, new Date()))!
  const body = (given: string) => ({
    token: given,
    region: '350100',
    departmentName: '某市数据局',
    creditCode: creditCode('350100', 7),
    administrators: (['system_admin', 'security_admin', 'audit_admin'] as const).map((role, i) => ({
      role,
      username: `admin${i}`,
      name: `管理员${i}`,
      password: 'correct horse battery',
    })),
  })
  assert.equal((await world.anonymous.ok(contract.setupState)).open, true)
  assert.equal((await world.anonymous.call(contract.setup, { body: body('x'.repeat(43)) })).problem.code, 'setup.token')
  await world.anonymous.ok(contract.setup, { body: body(token) })
  assert.equal((await world.anonymous.ok(contract.setupState)).open, false)
  assert.equal((await world.anonymous.call(contract.setup, { body: body(token) })).status, 403)
  assert.equal(await createSetupToken(world.app.services.db, new Date()), null)
  const signed = await world.anonymous.ok(contract.signIn, { body: { username: 'admin1', password: 'correct horse battery' } })
  assert.deepEqual(
    signed.roles.map(r => r.role),
    ['security_admin'],
  )
})

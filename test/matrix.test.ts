import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Endpoint, type Role, roleKeys } from '../contract/endpoint.ts'
import { endpoints } from '../contract/index.ts'
import { aWorld } from './support/world.ts'

/** Who may call what, as the contract says it: the one place to look when a right is in question. */
const allowed = (e: Endpoint, role: Role | null): boolean =>
  e.access === 'public' ||
  e.access === 'grant' ||
  e.access === 'key' ||
  (role !== null && (e.access === 'signed-in' || (e.access as readonly Role[]).includes(role)))

test('every endpoint of the contract has a route, and answers each role as the contract says', async t => {
  const world = await aWorld(t)
  await world.department({ region: '350100', name: '某局', roles: [] })
  const mounted = new Set(world.app.endpoints)
  for (const { module, name, endpoint: e } of endpoints) assert.ok(mounted.has(e), `${module}.${name} has no route`)
  assert.equal(mounted.size, endpoints.length, 'a route is not in the contract')

  const callers: [Role | null, Awaited<ReturnType<typeof world.person>>][] = [[null, world.anonymous]]
  for (const role of roleKeys) callers.push([role, await world.person({ department: '某局', roles: [role] })])
  for (const { module, name, endpoint: e } of endpoints) {
    // Signing out would end the caller's session for the rest of the table.
    if (module === 'organization' && name === 'signOut') continue
    for (const [role, caller] of callers) {
      const answer = await caller.call(e, { params: params(e) as never })
      const where = `${module}.${name} as ${role ?? 'anonymous'}: ${answer.status} ${JSON.stringify(answer.problem).slice(0, 300)}`
      if (allowed(e, role)) {
        assert.notEqual(answer.problem?.code, 'access.role', where)
        assert.notEqual(answer.problem?.code, 'session.required', where)
        assert.ok(answer.status < 500, where)
      } else {
        assert.equal(answer.status, role ? 403 : 401, where)
        assert.equal(answer.problem.code, role ? 'access.role' : 'session.required', where)
        if (role) assert.match(answer.problem.detail, /^这里只对[^\s]+开放。$/, where)
      }
      if (answer.status >= 400) {
        assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, where)
        for (const field of ['type', 'title', 'status', 'detail', 'code'] as const)
          assert.ok(answer.problem[field], `${where} lacks ${field}`)
      }
    }
  }
})

test('a change without the session’s csrf token is refused', async t => {
  const world = await aWorld(t)
  await world.department({ region: '350100', name: '某局' })
  const person = await world.person({ department: '某局', roles: ['steward'] })
  const signed = await world.app.inject({
    method: 'POST',
    url: '/api/session',
    payload: { username: person.username, password: 'a long enough password' },
  })
  const cookie = String(signed.headers['set-cookie']).split(';')[0]!
  for (const token of [undefined, '', 'x'.repeat(43)]) {
    const reply = await world.app.inject({
      method: 'DELETE',
      url: '/api/session',
      headers: { cookie, ...(token !== undefined && { 'x-csrf-token': token }) },
    })
    assert.equal(reply.statusCode, 403)
    assert.equal(reply.json().code, 'session.csrf')
  }
})

const params = (e: Endpoint): Record<string, string> =>
  Object.fromEntries(
    [...e.path.matchAll(/:(\w+)/g)].map(m => [
      m[1]!,
      m[1] === 'id' ? '00000000-0000-7000-8000-000000000000' : m[1] === 'seq' ? '1' : 'x-1',
    ]),
  )

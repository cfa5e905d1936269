import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import * as catalog from '../contract/catalog.ts'
import { type Endpoint, roleKeys } from '../contract/endpoint.ts'
import { endpoints } from '../contract/index.ts'
import { aWorld } from './support/world.ts'

/** Strings that have broken other people's systems: SQL, markup, formulas, template marks, control and right-to-left characters, lone surrogates, NUL, days nobody has. */
const hostile = [
  "'; drop table catalog.entry; --",
  "' or '1'='1",
  '\\',
  '%_\\%',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "=cmd|'/C calc'!A0",
  '../../../etc/passwd',
  '\u0000',
  '\ud800',
  '\u202e倒序',
  '𠮷𬺰䌷',
  'a'.repeat(5000),
  '1e400',
  '2026-02-30',
  '-1',
  'null',
  '[]',
  '{}',
  '2026-02-30',
  '9999-12-31',
  '0000-01-01',
  '',
]

type Schema = { type?: string; properties?: Record<string, Schema>; items?: Schema; enum?: unknown[]; anyOf?: Schema[]; const?: unknown }
/** A value of the right shape with hostile text wherever text may stand. */
function fill(s: Schema, text: string): unknown {
  if (s.const !== undefined) return s.const
  if (s.enum) return s.enum[0]
  if (s.anyOf) return fill(s.anyOf[0]!, text)
  if (s.type === 'object') return Object.fromEntries(Object.entries(s.properties ?? {}).map(([k, v]) => [k, fill(v, text)]))
  if (s.type === 'array') return s.items ? [fill(s.items, text)] : []
  if (s.type === 'number' || s.type === 'integer') return 1
  if (s.type === 'boolean') return true
  return text
}
const shape = (type: z.ZodType | undefined): Schema =>
  type ? (z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }) as Schema) : {}

test('hostile text in any field of any endpoint is answered, never a server error', async t => {
  const world = await aWorld(t)
  await world.department({ region: '350100', name: '某局', roles: ['authority'] })
  const people = Object.fromEntries(
    await Promise.all(roleKeys.map(async role => [role, await world.person({ department: '某局', roles: [role] })] as const)),
  )
  const callerOf = (e: Endpoint) =>
    typeof e.access === 'string' ? (e.access === 'signed-in' ? people.steward! : world.anonymous) : people[e.access[0]!]!
  const broken: string[] = []
  for (const { module, name, endpoint: e } of endpoints) {
    if (name === 'signOut' || e.kind === 'multipart') continue
    const [query, body] = [shape(e.query), shape(e.body)]
    for (const text of hostile) {
      const params = Object.fromEntries([...e.path.matchAll(/:(\w+)/g)].map(m => [m[1]!, text || 'x']))
      const answer = await callerOf(e).call(e, {
        params: params as never,
        query: fill({ type: 'object', ...query }, text) as never,
        ...(e.body && { body: fill(body, text) }),
      })
      if (answer.status >= 500) broken.push(`${module}.${name} with ${JSON.stringify(text.slice(0, 40))}: ${answer.status}`)
    }
  }
  assert.deepEqual(broken, [])
})

test('what people type comes back letter by letter', async t => {
  const world = await aWorld(t)
  await world.department({ region: '350100', name: '某局' })
  const steward = await world.person({ department: '某局', roles: ['steward'] })
  for (const text of hostile.filter(h => h.trim() && h.length < 200 && !h.includes('\u0000') && !h.includes('\ud800'))) {
    const entry = await steward.ok(catalog.createEntry, { body: { content: { title: text, abstract: text } } })
    const shown = await steward.ok(catalog.entryByCode, { params: { code: entry.code.replace('/', '-') }, query: {} })
    assert.equal(shown.content.title, text)
    const found = await steward.call(catalog.searchEntries, { query: { q: text } })
    assert.equal(found.status, 200)
  }
})

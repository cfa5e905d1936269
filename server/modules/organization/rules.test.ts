import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Role } from '../../../contract/endpoint.ts'
import { menuOf } from './rules.ts'

test('who inspects or oversees finds sources and quality in the menu, a steward the exchanges beside the platform, a developer the systems', () => {
  const cases: [Role, string[], string[]][] = [
    ['inspector', ['sources', 'supervision', 'audit'], ['find', 'applications', 'organization']],
    ['bureau', ['sources', 'supervision'], ['exchanges', 'systems']],
    ['steward', ['sources', 'exchanges', 'organization'], ['supervision', 'systems']],
    ['developer', ['systems', 'grants'], ['sources', 'organization']],
    ['audit_admin', ['audit'], ['sources', 'find']],
  ]
  for (const [role, has, lacks] of cases) {
    const menu = menuOf([role])
    for (const key of has) assert.ok(menu.includes(key), `${role} has ${key}`)
    for (const key of lacks) assert.ok(!menu.includes(key), `${role} has no ${key}`)
  }
  // Each key once, whatever the roles have in common.
  const both = menuOf(['steward', 'developer'])
  assert.equal(new Set(both).size, both.length)
})

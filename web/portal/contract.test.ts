import assert from 'node:assert/strict'
import test from 'node:test'
import * as audit from '../../contract/audit.ts'
import type { Endpoint } from '../../contract/endpoint.ts'
import * as opening from '../../contract/opening.ts'
import * as procedure from '../../contract/procedure.ts'
import * as quality from '../../contract/quality.ts'
import * as regulation from '../../contract/regulation.ts'
import * as portal from './contract.ts'

test('the portal asks at the addresses of the contract', () => {
  const said = new Map<string, unknown>([
    ...Object.entries(opening),
    ...Object.entries(regulation),
    ...Object.entries(procedure),
    ...Object.entries(quality),
    ...Object.entries(audit),
  ])
  said.set('regulationById', regulation.regulation)
  for (const [name, { method, path }] of Object.entries(portal)) {
    const endpoint = said.get(name) as Endpoint | undefined
    assert.deepEqual({ method, path }, { method: endpoint?.method, path: endpoint?.path }, name)
  }
})

import { z } from 'zod'
import { Done, Id, IdParam, Instant } from './common.ts'
import { Connection, Follow, OpenConnection } from './connections.ts'
import { endpoint, staff } from './endpoint.ts'

/** A source as it stands on the agent's machine: where it is, never how to sign in there. */
export const AgentSource = z.object({
  name: z.string().trim().min(1).max(60),
  connection: OpenConnection,
  columns: z
    .array(
      z.object({
        name: z.string().max(200),
        type: z.string().max(200),
        comment: z.string().max(1000),
        key: z.boolean(),
        nullable: z.boolean(),
      }),
    )
    .max(1600)
    .nullable()
    .describe('Of a table, as far as it could be looked at'),
  error: z.string().max(500).nullable(),
})
export type AgentSource = z.infer<typeof AgentSource>

// ── for the department ──
export const Agent = z.object({
  id: Id,
  name: z.string(),
  department: z.string(),
  version: z.string(),
  state: z.enum(['online', 'silent', 'revoked']),
  stateLabel: z.string(),
  paired: Instant,
  pairedBy: z.string(),
  contact: Instant.nullable(),
  lag: z.number().int().describe('Seconds since the oldest reading that was asked for and has not arrived; 0: nothing is owed'),
  spool: z.number().int().describe('Bytes read and not yet delivered'),
  error: z.string().nullable(),
  offered: z.array(AgentSource.extend({ place: z.string(), sourceId: Id.nullable().describe('The source it is, where one was made') })),
  sources: z.array(
    z.object({ id: Id, name: z.string(), title: z.string(), place: z.string(), waiting: z.boolean(), trouble: z.string().nullable() }),
  ),
  may: z.array(z.enum(['revoke', 'assign'])),
})
export type Agent = z.infer<typeof Agent>

export const agents = endpoint({
  method: 'GET',
  path: '/aggregation/agents',
  summary: 'Agents (前置机) of my department; all of the region for the bureau',
  access: staff,
  response: z.array(Agent),
})
export const pairAgent = endpoint({
  method: 'POST',
  path: '/aggregation/agents/pairings',
  summary: 'A code that pairs one agent within ten minutes; shown this once',
  access: ['steward'],
  body: z.object({ name: z.string().trim().min(2, '请给前置机起个名字').max(60) }),
  response: z.object({ code: z.string(), expires: Instant, command: z.string() }),
})
export const revokeAgent = endpoint({
  method: 'DELETE',
  path: '/aggregation/agents/:id',
  summary: 'End an agent; its next request is refused',
  access: ['steward'],
  params: IdParam,
  response: Done,
})
export const agentMakesSource = endpoint({
  method: 'POST',
  path: '/aggregation/agents/:id/sources',
  summary: 'Mount a published entry on a source an agent offers',
  access: ['steward'],
  params: IdParam,
  body: z.object({
    entryId: Id,
    source: z.string().max(60).describe('Its name on the agent'),
    name: z.string().trim().max(100).default(''),
    threshold: z.number().min(0).max(1).default(0.01),
    systemId: Id.optional(),
    follow: Follow.optional(),
  }),
  response: z.object({ id: Id }),
})
export const assignAgent = endpoint({
  method: 'PUT',
  path: '/aggregation/sources/:id/agent',
  summary: 'Let an agent read an existing source, or the platform itself (null)',
  access: ['steward'],
  params: IdParam,
  body: z.object({ agent: z.object({ id: Id, source: z.string().max(60) }).nullable() }),
  response: Done,
})

// ── for agents: /agent/v1, signed with the agent's own key; see server/agent/sign.ts ──
export const pair = endpoint({
  method: 'POST',
  path: '/agent/v1/pair',
  summary: 'Pair an agent by its one-time code',
  access: 'key',
  body: z.object({
    code: z.string().trim().max(40),
    publicKey: z.string().max(200).describe('Ed25519, DER (SPKI), base64'),
    version: z.string().max(40),
  }),
  response: z.object({ id: Id, name: z.string(), department: z.string() }),
})
export const AgentTask = z.object({ run: Id, sourceId: Id, source: z.string().describe('Its name on the agent'), entry: z.string() })
export const sync = endpoint({
  method: 'POST',
  path: '/agent/v1/sync',
  summary: 'Report, and wait for what is to be read',
  access: 'key',
  body: z.object({
    version: z.string().max(40),
    sources: z.array(AgentSource).max(500),
    spool: z.number().int().min(0),
    error: z.string().max(500).nullable(),
    busy: z.array(Id).max(500).describe('Readings it is at already'),
    wait: z.number().int().min(0).max(30).default(0).describe('Seconds the reply may wait for something to do'),
  }),
  response: z.object({ name: z.string(), tasks: z.array(AgentTask) }),
})
export const beginRun = endpoint({
  method: 'POST',
  path: '/agent/v1/runs/:id',
  summary: 'Begin a reading: which columns and from where, or which files',
  access: 'key',
  params: IdParam,
  body: z.object({
    columns: AgentSource.shape.columns.default(null),
    files: z
      .array(z.object({ name: z.string().max(500), stamp: z.string().max(200) }))
      .max(10_000)
      .default([]),
  }),
  response: z.object({
    ask: z.array(z.string()).describe('Columns to read: what is not needed does not leave its source'),
    cursor: z.object({ column: z.string(), from: z.string().nullable() }).nullable(),
    files: z.array(z.object({ name: z.string(), stamp: z.string() })).describe('Those that were not taken yet'),
  }),
})
export const endRun = endpoint({
  method: 'POST',
  path: '/agent/v1/runs/:id/end',
  summary: 'A reading that brought nothing new, or could not be made; the latter stays owed',
  access: 'key',
  params: IdParam,
  body: z.object({
    trouble: z
      .object({ code: z.string().max(60), text: z.string().max(500), remedy: z.string().max(500) })
      .nullable()
      .default(null),
  }),
  response: Done,
})
/** What an agent keeps on its own machine. */
export const LocalSource = z.object({ name: AgentSource.shape.name, connection: Connection })
export type LocalSource = z.infer<typeof LocalSource>

import { z } from 'zod'
import { Done, Id, IdParam, Instant } from './common.ts'
import { agentStates, Connection, Follow, OpenConnection } from './connections.ts'
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
  state: z.enum(agentStates),
  stateLabel: z.string(),
  paired: Instant,
  pairedBy: z.string(),
  contact: Instant.nullable(),
  lag: z.number().int().describe('Seconds since the oldest reading that was asked for and has not arrived; 0: nothing is owed'),
  spool: z.number().int().describe('Bytes read and not yet delivered'),
  error: z.string().nullable(),
  offered: z.array(AgentSource.extend({ place: z.string(), sourceId: Id.nullable().describe('The source it is, where one was made') })),
  sources: z.array(
    z.object({
      id: Id,
      name: z.string(),
      title: z.string(),
      place: z.string(),
      waiting: z.boolean(),
      trouble: z.string().nullable(),
      live: z.string().nullable().describe('How live capture stands'),
    }),
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
/** A source of the agent whose changes are captured live, or are not any more. */
export const AgentCapture = z.object({
  sourceId: Id,
  source: z.string().describe('Its name on the agent'),
  follow: z.boolean().describe('False: take away what was made at the source, and say so'),
  ready: z.boolean().describe('The whole table is loaded; changes go on from its position'),
  retain: z.number().describe('Bytes the source may keep for us at most'),
})
export type AgentCapture = z.infer<typeof AgentCapture>
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
    captures: z
      .array(z.object({ sourceId: Id, follow: z.boolean(), ready: z.boolean() }))
      .max(500)
      .default([])
      .describe('Captures as it knows them; the reply comes at once where they are others'),
    wait: z.number().int().min(0).max(30).default(0).describe('Seconds the reply may wait for something to do'),
  }),
  response: z.object({ name: z.string(), tasks: z.array(AgentTask), captures: z.array(AgentCapture) }),
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
    capture: z
      .object({ keys: z.array(z.string()) })
      .nullable()
      .describe('The reading that live capture begins with, and the columns of the key'),
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
const Place = z.record(z.string(), z.union([z.string(), z.number(), z.null()]))
export const openCapture = endpoint({
  method: 'POST',
  path: '/agent/v1/captures/:id',
  summary: 'From where the changes of a source are wanted',
  access: 'key',
  params: IdParam,
  body: z.object({}).default({}),
  response: z.object({ columns: z.array(z.string()), keys: z.array(z.string()), position: Place }),
})
const Change = z.union([
  z.object({ op: z.enum(['put', 'delete']), row: z.array(z.string().nullable()).max(1600) }),
  z.object({ op: z.literal('empty') }),
])
export const Changes = z.object({
  from: Place.describe('The position these changes follow; where the source stands elsewhere nothing is written'),
  position: Place,
  changes: z.array(Change).max(50_000),
  committed: Instant.nullable().describe('When the last of them was committed at the source'),
  backlog: z
    .object({ bytes: z.number().nullable(), text: z.string().max(500).nullable() })
    .nullable()
    .default(null),
})
export type Changes = z.infer<typeof Changes>
export const sendChanges = endpoint({
  method: 'POST',
  path: '/agent/v1/captures/:id/changes',
  summary:
    'Changes of whole transactions, written once however often they are sent; without changes: nothing has changed up to the position',
  access: 'key',
  params: IdParam,
  body: Changes,
  response: z.object({ position: Place }),
})
const Names = z.array(z.string().max(500)).max(1600)
export const CaptureEnd = z.discriminatedUnion('why', [
  z.object({ why: z.literal('gone'), text: z.string().max(500) }),
  z.object({ why: z.literal('drift'), missing: Names, added: Names, changed: Names, dropped: z.boolean() }),
  z.object({ why: z.literal('down'), code: z.string().max(60), text: z.string().max(500), remedy: z.string().max(500) }),
  z.object({ why: z.literal('dropped') }),
])
export type CaptureEnd = z.infer<typeof CaptureEnd>
export const endCapture = endpoint({
  method: 'POST',
  path: '/agent/v1/captures/:id/end',
  summary:
    'Why changes do not come: `gone` asks for the whole table anew, `drift` waits for a person, `down` is tried again, `dropped` is the end',
  access: 'key',
  params: IdParam,
  body: CaptureEnd,
  response: Done,
})
/** What an agent keeps on its own machine. */
export const LocalSource = z.object({ name: AgentSource.shape.name, connection: Connection })
export type LocalSource = z.infer<typeof LocalSource>

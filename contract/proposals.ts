import { z } from 'zod'
import { Mapping } from './aggregation.ts'
import { EntryContent, EntryState } from './catalog.ts'
import { Id } from './common.ts'
import { MysqlConnection, PostgresConnection } from './connections.ts'
import { endpoint } from './endpoint.ts'

/** 从数据库编目: tables of a department's own database become drafts of entries, whose first batch is then one click. */
export const DatabaseConnection = z.discriminatedUnion('kind', [PostgresConnection, MysqlConnection])
const TableName = z.object({ schema: z.string().trim().max(64).default(''), table: z.string().trim().min(1).max(64) })

export const Proposal = TableName.extend({
  rows: z.number().int().nullable().describe('Estimate'),
  content: EntryContent,
  columns: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      comment: z.string(),
      item: z.string().nullable().describe('Key of the proposed item'),
      seen: z.string().describe('What the sample says, e.g. 300 个值，校验位全部符合'),
      sample: z.string(),
    }),
  ),
  trouble: z.string().nullable().describe('Why this table could not be looked at'),
})
export type Proposal = z.infer<typeof Proposal>

export const proposeEntries = endpoint({
  method: 'POST',
  path: '/aggregation/proposals',
  summary:
    'Propose catalog entries for tables: names, types, identifiers and personal-data marks from comments and a sample; nothing is stored',
  access: ['steward'],
  body: z.object({ connection: DatabaseConnection, tables: z.array(TableName).min(1, '请选择至少一个表').max(50, '一次最多 50 个表') }),
  response: z.object({ proposals: z.array(Proposal) }),
})

export const PreparedEntry = z.object({
  entryId: Id,
  code: z.string(),
  title: z.string(),
  state: EntryState,
  stateLabel: z.string(),
  place: z.string().describe('What will be read'),
  ready: z.boolean().describe('Published: the first batch can start'),
})
export const confirmProposals = endpoint({
  method: 'POST',
  path: '/aggregation/proposals/drafts',
  summary: 'Make drafts of the confirmed proposals, and keep connection and mapping until they are published',
  access: ['steward'],
  body: z.object({
    connection: DatabaseConnection,
    systemId: Id.optional().describe('Registered information system; some places ask for it'),
    entries: z
      .array(TableName.extend({ content: EntryContent, mapping: Mapping }))
      .min(1, '请选择至少一个表')
      .max(50),
  }),
  response: z.object({ entries: z.array(PreparedEntry) }),
})
export const preparedEntries = endpoint({
  method: 'GET',
  path: '/aggregation/prepared',
  summary: 'Entries of my department made from a database whose first batch has not begun',
  access: ['steward'],
  response: z.object({ entries: z.array(PreparedEntry) }),
})
export const startPrepared = endpoint({
  method: 'POST',
  path: '/aggregation/prepared/:entryId/start',
  summary: 'Make the source of a published entry and read its first batch',
  access: ['steward'],
  params: z.object({ entryId: Id }),
  response: z.object({ sourceId: Id, batchId: Id }),
})

import { z } from 'zod'
import { Cite, Id, IdParam, Instant, PageQuery, page } from './common.ts'
import { endpoint, staff } from './endpoint.ts'

/** 基础数据库 and 主题数据库: made of several entries, each kept in the pool table of an entry of its own. */
export const databaseKinds = { base: '基础数据库', theme: '主题数据库' } as const
export const DatabaseKind = z.enum(['base', 'theme'])
export const baseSubjects = { person: '公民身份号码', organisation: '统一社会信用代码' } as const
export const BaseSubject = z.enum(['person', 'organisation'])

const ItemKey = z.string().regex(/^c\d{1,4}$/)

/** Which entries a base is made of, and for each attribute (an item of the base's entry) who provides it. */
export const BasePlan = z.object({
  subject: BaseSubject.describe('What records are matched by'),
  sources: z
    .array(z.object({ entryId: Id, identifier: ItemKey.describe('Item that holds the identifier') }))
    .min(1, '请选择至少一个来源目录')
    .max(20),
  attributes: z
    .array(
      z.object({
        item: ItemKey.describe('Item of the entry of the base'),
        rest: z.enum(['order', 'newest']).default('order').describe('Who follows where the authority has no value'),
        sources: z
          .array(z.object({ entryId: Id, item: ItemKey, authority: z.boolean().default(false) }))
          .min(1, '请选择来源')
          .max(20)
          .describe('In order'),
      }),
    )
    .min(1, '请声明至少一个属性')
    .max(200),
})
export type BasePlan = z.infer<typeof BasePlan>

/** A driving entry, and others joined to it or to one another. */
export const ThemePlan = z.object({
  driving: Id,
  joins: z
    .array(
      z.object({
        entryId: Id,
        kind: z.enum(['left', 'inner']),
        item: ItemKey,
        to: z.object({ entryId: Id.describe('An entry named before'), item: ItemKey }),
      }),
    )
    .max(10),
  columns: z
    .array(z.object({ item: ItemKey.describe('Item of the entry of the theme'), entryId: Id, from: ItemKey }))
    .min(1, '请选择至少一列')
    .max(200),
})
export type ThemePlan = z.infer<typeof ThemePlan>

export const DatabaseRow = z.object({
  id: Id.nullable().describe('null: named by the text, not built yet'),
  kind: DatabaseKind,
  theme: z.string(),
  title: z.string(),
  region: z.string(),
  regionName: z.string(),
  department: z.string().nullable(),
  code: z.string().nullable().describe('Entry its rows stand in'),
  rows: z.number().int(),
  sources: z.number().int(),
  open: z.number().int().describe('Conflicts that are not settled'),
  refreshed: Instant.nullable(),
  trouble: z.string().nullable(),
})
export type DatabaseRow = z.infer<typeof DatabaseRow>
export const baseDatabases = endpoint({
  method: 'GET',
  path: '/aggregation/base-databases',
  summary: 'Base databases that serve my region, who builds them, and whether mine may',
  access: staff,
  response: z.object({ cite: Cite, builder: z.string(), mine: z.boolean(), rows: z.array(DatabaseRow) }),
})
const NewDatabase = z.object({ theme: z.string().trim().min(2).max(50), title: z.string().trim().max(100).default('') })
export const createBaseDatabase = endpoint({
  method: 'POST',
  path: '/aggregation/base-databases',
  summary: 'Set up a base database; only the body the place names may',
  access: ['steward', 'leader', 'bureau'],
  body: NewDatabase,
  response: DatabaseRow,
})
export const themeDatabases = endpoint({
  method: 'GET',
  path: '/aggregation/theme-databases',
  summary: 'Theme databases of my region and those above it',
  access: staff,
  response: z.object({ rows: z.array(DatabaseRow) }),
})
export const createThemeDatabase = endpoint({
  method: 'POST',
  path: '/aggregation/theme-databases',
  summary: 'Set up a theme database of my department',
  access: ['steward', 'leader', 'bureau'],
  body: NewDatabase,
  response: DatabaseRow,
})

/** 接口开放: what every department of the region gets at once. */
export const Offered = z.object({
  key: ItemKey,
  treatment: z.enum(['verify', 'masked', 'pseudonym', 'aggregate', 'plain']),
  profile: z.string().max(40).optional().describe('Masking profile; absent: the usual one'),
  reason: z.string().trim().max(500).default('').describe('Why it leaves as it is; needed for plain where the item is not unconditional'),
})
export type Offered = z.infer<typeof Offered>
export const NewOffer = z.object({
  items: z.array(Offered).max(200).describe('None: the interface is closed'),
  way: z.string().trim().max(1000).default('').describe('How it is provided and what users keep to; part of every grant'),
})
export type NewOffer = z.infer<typeof NewOffer>

const Column = z.object({ key: z.string(), name: z.string(), type: z.string() })
export const DatabaseDetail = DatabaseRow.extend({
  id: Id,
  cite: Cite.nullable().describe('Who builds it'),
  version: z.number().int().describe('Of the declaration; sent back when it is changed'),
  entry: z
    .object({
      id: Id,
      code: z.string(),
      title: z.string(),
      items: z.array(
        Column.extend({
          meaning: z.string(),
          proposed: z.enum(['masked', 'verify']).nullable().describe('How it is offered without a decision; null: not shared'),
          profiles: z.array(z.object({ value: z.string(), label: z.string() })),
        }),
      ),
    })
    .nullable(),
  offer: NewOffer.extend({ since: Instant, person: z.string() }).nullable(),
  base: BasePlan.nullable(),
  joins: ThemePlan.nullable(),
  from: z.array(
    z.object({
      entryId: Id,
      code: z.string(),
      title: z.string(),
      department: z.string(),
      rows: z.number().int(),
      matched: z.number().int().nullable().describe('Rows whose identifier is usable; null for a theme'),
      items: z.array(Column),
    }),
  ),
  waiting: z.number().int().describe('Batches that are not taken up yet'),
  conflicts: z.array(
    z.object({
      item: z.string(),
      itemName: z.string(),
      chosen: z.string().describe('Whose value stands'),
      other: z.string(),
      open: z.number().int(),
      settled: z.number().int(),
      agreed: z.number().int(),
    }),
  ),
  refreshes: z.array(
    z.object({
      no: z.number().int(),
      full: z.boolean(),
      started: Instant,
      finished: Instant,
      touched: z.number().int(),
      added: z.number().int(),
      changed: z.number().int(),
      removed: z.number().int(),
      batches: z.array(z.string()),
    }),
  ),
  may: z.array(z.enum(['declare', 'rebuild', 'record', 'offer'])),
})
export type DatabaseDetail = z.infer<typeof DatabaseDetail>
export const database = endpoint({
  method: 'GET',
  path: '/aggregation/databases/:id',
  summary: 'One base or theme database: what it is made of, conflicts, last refreshes',
  access: staff,
  params: IdParam,
  response: DatabaseDetail,
})
const declared = { version: z.number().int(), entryId: Id.describe('Published entry of my department that holds the result') }
export const declareBase = endpoint({
  method: 'PUT',
  path: '/aggregation/databases/:id/attributes',
  summary: 'Declare the attributes of a base database, who provides each, and which one is the authority',
  access: ['steward', 'bureau'],
  params: IdParam,
  body: z.object({ ...declared, plan: BasePlan }),
  response: DatabaseDetail,
})
export const declareTheme = endpoint({
  method: 'PUT',
  path: '/aggregation/databases/:id/joins',
  summary: 'Declare the joins and columns of a theme database',
  access: ['steward', 'bureau'],
  params: IdParam,
  body: z.object({ ...declared, plan: ThemePlan }),
  response: DatabaseDetail,
})
export const offerDatabase = endpoint({
  method: 'PUT',
  path: '/aggregation/databases/:id/offer',
  summary: 'Open the interface of a base database to every department of its region, change what it gives, or close it; by its builder',
  access: ['steward', 'bureau'],
  params: IdParam,
  body: NewOffer,
  response: DatabaseDetail,
})
export const rebuildDatabase = endpoint({
  method: 'POST',
  path: '/aggregation/databases/:id/rebuild',
  summary: 'Make it anew from all its sources; rows that come out the same are not touched',
  access: ['steward', 'bureau'],
  params: IdParam,
  response: DatabaseDetail,
})
const Origin = z.object({
  entryId: Id,
  entry: z.string(),
  department: z.string(),
  value: z.string(),
  batchNo: z.string().nullable().describe('Batch that brought this value'),
  since: Instant,
  authority: z.boolean(),
})
/** The identifier goes in the body: it must not stand in addresses and their logs. */
export const databaseRecord = endpoint({
  method: 'POST',
  path: '/aggregation/databases/:id/record',
  summary: 'One record of a base database with the origin of each value; the look is recorded',
  access: ['steward', 'leader', 'bureau'],
  params: IdParam,
  body: z.object({ identifier: z.string().trim().min(1, '请填写号码').max(40) }),
  response: z.object({
    key: z.string(),
    updated: Instant,
    values: z.array(
      z.object({
        item: z.string(),
        name: z.string(),
        meaning: z.string(),
        value: z.string().nullable(),
        pending: z.boolean().describe('A source has changed since the last refresh'),
        origin: Origin.nullable(),
        others: z.array(Origin.extend({ differs: z.boolean() })),
      }),
    ),
  }),
})
export const conflictStates = { open: '待校核', settled: '已认定', agreed: '已一致' } as const
export const ConflictState = z.enum(['open', 'settled', 'agreed'])
export const databaseConflicts = endpoint({
  method: 'GET',
  path: '/aggregation/databases/:id/conflicts',
  summary: 'Differences between sources: for the builder all, for a department those it provides a side of; the look is recorded',
  access: ['steward', 'leader', 'bureau'],
  params: IdParam,
  query: PageQuery.extend({
    item: ItemKey.optional(),
    state: ConflictState.optional(),
    case: z.string().max(40).optional(),
  }),
  response: page(
    z.object({
      key: z.string(),
      item: z.string(),
      itemName: z.string(),
      chosen: z.object({ entry: z.string(), department: z.string(), value: z.string() }),
      other: z.object({ entry: z.string(), department: z.string(), value: z.string() }),
      state: ConflictState,
      stateLabel: z.string(),
      since: Instant,
      caseNo: z.string().nullable(),
    }),
  ).extend({ title: z.string() }),
})

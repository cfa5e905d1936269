import { z } from 'zod'
import { Cite, Id, IdParam, Instant, PageQuery, page } from './common.ts'
import { agentStates, Connection, Follow, OpenConnection, SourceKind } from './connections.ts'
import { endpoint, staff } from './endpoint.ts'

export const encodings = {
  'utf-8': 'UTF-8',
  gb18030: 'GB18030（含 GBK）',
  'utf-16le': 'UTF-16LE',
  'utf-16be': 'UTF-16BE',
} as const
export const Encoding = z.enum(Object.keys(encodings) as [keyof typeof encodings, ...(keyof typeof encodings)[]])
export const delimiters = { ',': '逗号', '\t': '制表符', ';': '分号', '|': '竖线' } as const
export const Delimiter = z.enum(Object.keys(delimiters) as [keyof typeof delimiters, ...(keyof typeof delimiters)[]])

/** How a file is read. Everything absent is judged by content. */
export const ReadOptions = z.object({
  encoding: Encoding.optional(),
  delimiter: Delimiter.optional(),
  sheet: z.string().max(200).optional(),
  headerRow: z.coerce.number().int().min(1).max(100).optional().describe('First row of the header, counted from 1'),
  headerRows: z.coerce.number().int().min(1).max(3).optional().describe('Rows the header covers; joined as 「上级 下级」'),
})
export type ReadOptions = z.infer<typeof ReadOptions>

/** Source column (by its header) → item key; null: not imported. */
export const Mapping = z.array(z.object({ source: z.string().max(500), item: z.string().nullable() })).max(1600)
export type Mapping = z.infer<typeof Mapping>

export const Message = z.object({
  level: z.enum(['info', 'warn', 'stop']),
  code: z.string(),
  text: z.string(),
  remedy: z.string().optional(),
  cite: Cite.optional(),
})
export type Message = z.infer<typeof Message>

export const batchStates = {
  queued: '等待入库',
  running: '入库中',
  done: '已入库',
  held: '整批待放行',
  returned: '已退回来源',
  drift: '结构变化',
  failed: '入库失败',
  cancelled: '已取消',
} as const
export const BatchState = z.enum(Object.keys(batchStates) as [keyof typeof batchStates, ...(keyof typeof batchStates)[]])
export type BatchState = z.infer<typeof BatchState>

/** How often a source delivers. `cycle`: as the entry's update cycle says. */
export const cadences = {
  'real-time': '实时',
  hourly: '每小时',
  daily: '每日',
  weekly: '每周',
  monthly: '每月',
  quarterly: '每季度',
  yearly: '每年',
  cycle: '按更新周期',
} as const
export const Cadence = z.enum(Object.keys(cadences) as [keyof typeof cadences, ...(keyof typeof cadences)[]])
export type Cadence = z.infer<typeof Cadence>
/** What the place asks of a source's timing, and whether it is met. */
export const SourcePromise = z.object({
  cadence: Cadence,
  label: z.string(),
  realTime: z.boolean().describe('The place asks for real-time delivery of this entry'),
  filing: z.object({ caseNo: z.string(), filed: Instant, interval: z.string() }).nullable().describe('非实时备案'),
  missing: z.boolean().describe('Slower than real-time, and no filing covers it'),
  active: z.boolean(),
  producedItem: z.string().nullable(),
  text: z.string(),
  cite: Cite,
})
export type SourcePromise = z.infer<typeof SourcePromise>
const PromiseBody = z.object({
  cadence: Cadence.optional().describe('Default: what the place asks for'),
  producedItem: z.string().max(10).nullable().optional().describe('Item (date or time) that says when a record was produced'),
})
export const Verification = z.object({ method: z.string(), result: z.string(), person: z.string(), at: Instant })

export const Batch = z.object({
  id: Id,
  no: z.string(),
  sourceId: Id,
  entryId: Id,
  code: z.string(),
  title: z.string(),
  department: z.string(),
  name: z.string().describe('File name or table'),
  state: BatchState,
  stateLabel: z.string(),
  read: z.number().int(),
  accepted: z.number().int().describe('New and changed rows'),
  changed: z.number().int().describe('Of the accepted ones, those that replaced an older row'),
  unchanged: z.number().int(),
  rejected: z.number().int(),
  waiting: z.number().int().describe('Rows of a held batch that wait for a decision; 0 otherwise'),
  removed: z.number().int().describe('Rows the source no longer holds that left the pool; no part of what was read'),
  mended: z.number().int().describe('Rejected rows that came in corrected with a later batch'),
  mends: z.array(z.object({ id: Id, no: z.string(), rows: z.number().int() })).describe('Batches whose rejected rows this one brought in'),
  balanced: z.boolean().describe('read = accepted + unchanged + rejected + waiting'),
  rejectShare: z.number(),
  threshold: z.number(),
  position: z.string().describe('Source position that is committed'),
  progress: z
    .object({
      phase: z.enum(['reading', 'checking', 'writing']),
      label: z.string(),
      rows: z.number().int(),
      estimate: z.number().int().nullable().describe('Rows expected in all'),
      percent: z.number().nullable(),
      perSecond: z.number().int(),
      secondsLeft: z.number().int().nullable(),
    })
    .nullable(),
  messages: z.array(Message),
  difference: z
    .object({ missing: z.array(z.string()), added: z.array(z.string()) })
    .nullable()
    .describe('Structure against the saved mapping'),
  created: Instant,
  started: Instant.nullable(),
  finished: Instant.nullable(),
  by: z.string(),
  produced: Instant.nullable().describe('When the data were produced, as far as it is known'),
  lag: z.number().int().nullable().describe('Seconds between production and arrival; null: not measured'),
  late: z.boolean(),
  lagText: z.string(),
  verification: Verification.nullable().describe('校核确认'),
  reason: z.string().nullable().describe('Reason of release or return'),
  may: z.array(z.enum(['cancel', 'retry', 'verify', 'release', 'return', 'download-rejects', 'upload-fixed'])),
})
export type Batch = z.infer<typeof Batch>

export const Source = z.object({
  id: Id,
  entryId: Id,
  code: z.string(),
  title: z.string(),
  department: z.string(),
  kind: SourceKind,
  kindLabel: z.string(),
  name: z.string(),
  connection: OpenConnection.nullable(),
  secrets: z.array(z.string()).describe('Fields of the connection that are stored, sealed'),
  follow: Follow,
  nextRun: Instant.nullable(),
  trouble: z
    .object({ code: z.string(), text: z.string(), remedy: z.string(), since: Instant })
    .nullable()
    .describe('What keeps it from working now'),
  contact: Instant.nullable().describe('When it last answered'),
  live: z
    .object({
      phase: z.enum(['copying', 'streaming', 'waiting', 'retrying']),
      text: z.string(),
      lag: z.number().int().nullable().describe('Milliseconds from the commit at the source until it could be read here; 0: nothing to do'),
      retained: z.number().int().nullable().describe('Bytes the source keeps for this'),
      gone: z.number().int().describe('Rows the source has deleted, kept until their removal is approved'),
    })
    .nullable()
    .describe('Live capture; null: not captured'),
  mapping: Mapping,
  keys: z.array(z.string()),
  threshold: z.number().describe('Share of rejected rows that holds the whole batch, e.g. 0.01'),
  options: ReadOptions,
  ready: z.boolean().describe('The mapping is saved; batches can run'),
  agent: z
    .object({
      id: Id,
      name: z.string(),
      source: z.string().describe('Its name on the agent'),
      state: z.enum(agentStates),
      stateLabel: z.string(),
      asked: Instant.nullable().describe('Since when a reading is asked for that has not arrived'),
    })
    .nullable()
    .describe('The agent that reads it; null: the platform itself'),
  system: z.object({ id: Id, name: z.string() }).nullable().describe('The registered system it belongs to'),
  promise: SourcePromise,
  items: z
    .array(z.object({ key: z.string(), name: z.string(), type: z.string(), required: z.boolean() }))
    .describe('Items of the published version'),
  last: Batch.nullable(),
})
export type Source = z.infer<typeof Source>

export const Inspection = z.object({
  uploadId: Id.nullable(),
  name: z.string(),
  kind: z.enum(['csv', 'xlsx', 'json', 'xml', 'table']),
  bytes: z.number().int().nullable(),
  rows: z.number().int().nullable().describe('Estimate'),
  encoding: Encoding.nullable(),
  delimiter: Delimiter.nullable(),
  sheets: z.array(z.object({ name: z.string(), header: z.boolean(), note: z.string().nullable() })),
  sheet: z.string().nullable(),
  headerRow: z.number().int(),
  headerRows: z.number().int(),
  columns: z.array(z.object({ name: z.string(), samples: z.array(z.string()) })),
  preview: z.array(z.array(z.string())).describe('First 50 rows'),
  mapping: z.array(
    z.object({
      source: z.string(),
      item: z.string().nullable(),
      percent: z.number().int().nullable(),
      judgement: z.string().describe('e.g. 名称＋校验位 98%'),
      sample: z.string(),
      level: z.enum(['ok', 'warn', 'stop']),
      problem: z.string().nullable(),
    }),
  ),
  keys: z.array(z.string()).describe('Proposed key items'),
  missing: z.array(z.object({ item: z.string(), name: z.string(), required: z.boolean(), text: z.string() })),
  messages: z.array(Message),
  ready: z.boolean().describe('Nothing stops the import'),
})
export type Inspection = z.infer<typeof Inspection>

export const sources = endpoint({
  method: 'GET',
  path: '/aggregation/sources',
  summary: 'Sources of my department',
  access: staff,
  query: PageQuery.extend({ entry: Id.optional(), q: z.string().trim().max(100).optional() }),
  response: page(Source),
})
/** How a source stands. */
export const pipelineStates = {
  trouble: '有故障',
  late: '迟到',
  running: '正在入库',
  waiting: '待放行',
  idle: '正常',
  stopped: '未启用',
  unready: '未完成挂接',
} as const
export const PipelineState = z.enum(Object.keys(pipelineStates) as [keyof typeof pipelineStates, ...(keyof typeof pipelineStates)[]])
export const Pipeline = z.object({
  sourceId: Id,
  name: z.string(),
  title: z.string(),
  code: z.string(),
  department: z.string(),
  kind: SourceKind,
  kindLabel: z.string(),
  how: z.string().describe('e.g. 实时捕获变更, 每日 02:30 整表读取'),
  state: PipelineState,
  stateLabel: z.string(),
  text: z.string().describe('What keeps it from working, or what it does now'),
  remedy: z.string(),
  since: Instant.nullable(),
  last: Instant.nullable().describe('Last delivery, or the last answer of a source followed live'),
  lag: z
    .number()
    .int()
    .nullable()
    .describe('Seconds: for live capture behind the source, else from production to arrival of the last batch'),
  perSecond: z.number().int().nullable().describe('Rows per second of the last batch'),
  days: z.array(z.number().int()).describe('Rows read on each of the last 14 days, oldest first'),
  rejected: z.number().int().describe('Rows rejected in the last 24 hours'),
  nextRun: Instant.nullable(),
  batchId: Id.nullable(),
  may: z.array(z.enum(['pull', 'retry'])),
})
export type Pipeline = z.infer<typeof Pipeline>
export const pipelines = endpoint({
  method: 'GET',
  path: '/aggregation/pipelines',
  summary: 'How every source stands: lag, throughput, last error; what needs a hand comes first',
  access: staff,
  query: z.object({ state: PipelineState.optional(), q: z.string().trim().max(100).optional() }),
  response: z.object({ rows: z.array(Pipeline), counts: z.record(PipelineState, z.number().int()) }),
})
export const createSource = endpoint({
  method: 'POST',
  path: '/aggregation/sources',
  summary: 'Mount a published entry on a source',
  access: ['steward'],
  body: z.object({
    entryId: Id,
    kind: SourceKind,
    name: z.string().trim().max(100).default(''),
    connection: Connection.optional(),
    follow: Follow.optional(),
    threshold: z.number().min(0).max(1).default(0.01),
    systemId: Id.optional().describe('Registered information system; some places ask for it'),
    ...PromiseBody.shape,
  }),
  response: Source,
})
export const source = endpoint({
  method: 'GET',
  path: '/aggregation/sources/:id',
  summary: 'One source',
  access: staff,
  params: IdParam,
  response: Source,
})
export const setConnection = endpoint({
  method: 'PUT',
  path: '/aggregation/sources/:id/connection',
  summary: 'Change the connection; empty secrets keep the stored ones',
  access: ['steward'],
  params: IdParam,
  body: Connection,
  response: Source,
})
export const setFollow = endpoint({
  method: 'PUT',
  path: '/aggregation/sources/:id/follow',
  summary: 'Whole, by increments or live; when it is fetched; what happens to rows the source deletes',
  access: ['steward'],
  params: IdParam,
  body: Follow,
  response: Source,
})
export const gone = endpoint({
  method: 'GET',
  path: '/aggregation/sources/:id/gone',
  summary: 'Rows the source has deleted, kept until an approved order names their list',
  access: ['steward'],
  params: IdParam,
  query: PageQuery,
  response: page(z.object({ key: z.string(), at: Instant, list: z.string().nullable() })).extend({
    lists: z.array(z.object({ list: z.string(), rows: z.number().int() })),
  }),
})
export const listGone = endpoint({
  method: 'POST',
  path: '/aggregation/sources/:id/gone',
  summary: 'Put them on a list that a 记录删除审批 can name',
  access: ['steward'],
  params: IdParam,
  response: z.object({ list: z.string(), rows: z.number().int() }),
})
export const removeGone = endpoint({
  method: 'POST',
  path: '/aggregation/sources/:id/gone/removal',
  summary: 'Move the rows of an approved list to the history',
  access: ['steward'],
  params: IdParam,
  body: z.object({ list: z.string().max(40), order: z.string().max(40).optional() }),
  response: z.object({ removed: z.number().int(), order: z.string() }),
})
export const pullNow = endpoint({
  method: 'POST',
  path: '/aggregation/sources/:id/pull',
  summary: 'Fetch now what the source has: one batch per table or new file',
  access: ['steward'],
  params: IdParam,
  response: z.object({ batches: z.array(Id), text: z.string() }),
})
export const testConnection = endpoint({
  method: 'POST',
  path: '/aggregation/connection-test',
  summary: 'Try a connection and say in plain words what is wrong; lists the tables when it works',
  access: ['steward'],
  body: z.object({
    connection: Connection,
    sourceId: Id.optional().describe('Use the stored secrets of this source where none are given'),
  }),
  response: z.object({
    ok: z.boolean(),
    text: z.string(),
    remedy: z.string().nullable(),
    version: z.string().nullable(),
    tables: z.array(z.object({ schema: z.string(), table: z.string(), rows: z.number().int().nullable(), comment: z.string() })),
    files: z.array(z.object({ name: z.string(), bytes: z.number().int().nullable() })),
  }),
})
/** Multipart: one part `file`. Streamed to disk, bounded by HUITONG_MAX_UPLOAD_MB. */
export const upload = endpoint({
  method: 'POST',
  path: '/aggregation/sources/:id/uploads',
  summary: 'Upload a CSV, XLSX, JSON or XML file',
  access: ['steward'],
  params: IdParam,
  kind: 'multipart',
  response: Inspection,
})
export const sample = endpoint({
  method: 'POST',
  path: '/aggregation/sources/:id/sample',
  summary: 'Fetch the newest file of a folder, server or interface, to look at it; nothing is loaded',
  access: ['steward'],
  params: IdParam,
  response: Inspection,
})
export const inspect = endpoint({
  method: 'GET',
  path: '/aggregation/uploads/:id',
  summary: 'Encoding, delimiter, sheets, header, preview and proposed mapping of an upload',
  access: ['steward'],
  params: IdParam,
  query: ReadOptions,
  response: Inspection,
})
export const inspectTable = endpoint({
  method: 'GET',
  path: '/aggregation/sources/:id/inspection',
  summary: 'Columns, preview and proposed mapping of the source table',
  access: ['steward'],
  params: IdParam,
  response: Inspection,
})
export const saveMapping = endpoint({
  method: 'PUT',
  path: '/aggregation/sources/:id/mapping',
  summary: 'Save which column fills which item, the key and the threshold',
  access: ['steward'],
  params: IdParam,
  body: z.object({
    mapping: Mapping,
    keys: z.array(z.string()).min(1, '请选择主键').max(8),
    threshold: z.number().min(0).max(1).default(0.01),
    options: ReadOptions.default({}),
  }),
  response: Source,
})
export const startBatch = endpoint({
  method: 'POST',
  path: '/aggregation/sources/:id/batches',
  summary: 'Read the upload, or the source table, as a batch',
  access: ['steward'],
  params: IdParam,
  body: z.object({
    uploadId: Id.optional().describe('Required where files are uploaded'),
    options: ReadOptions.optional(),
    producedAt: z.iso.datetime({ offset: true }).optional().describe('When the file was produced; used where no item says so'),
  }),
  response: Batch,
})
export const batches = endpoint({
  method: 'GET',
  path: '/aggregation/batches',
  summary: 'Batches of my department, newest first',
  access: staff,
  query: PageQuery.extend({
    entry: Id.optional(),
    source: Id.optional(),
    state: BatchState.optional(),
    q: z.string().trim().max(100).optional(),
  }),
  response: page(Batch),
})
export const batch = endpoint({
  method: 'GET',
  path: '/aggregation/batches/:id',
  summary: 'One batch with its progress',
  access: staff,
  params: IdParam,
  response: Batch,
})
export const Reject = z.object({
  line: z.number().int().describe('Line of the file, or row of the table'),
  item: z.string().nullable().describe('Key of the item; null: the whole row'),
  itemName: z.string(),
  value: z.string().nullable(),
  rule: z.string(),
  ruleLabel: z.string(),
  reason: z.string(),
  remedy: z.string(),
  mended: z.string().nullable().describe('Number of the batch that brought the row in, corrected'),
})
export const rejects = endpoint({
  method: 'GET',
  path: '/aggregation/batches/:id/rejects',
  summary: 'Rejected rows: line, item, rule, reason; the look is recorded',
  access: ['steward', 'leader', 'bureau', 'inspector'],
  params: IdParam,
  query: PageQuery.extend({ rule: z.string().max(40).optional(), item: z.string().max(10).optional() }),
  response: page(Reject).extend({
    rules: z.array(z.object({ rule: z.string(), label: z.string(), count: z.number().int() })),
    items: z.array(z.object({ item: z.string(), name: z.string(), count: z.number().int() })),
  }),
})
export const downloadRejects = endpoint({
  method: 'GET',
  path: '/aggregation/batches/:id/rejects/download',
  summary: 'Rejected rows as they came, annotated; correct them and upload the file as it is',
  access: ['steward', 'leader', 'bureau', 'inspector'],
  params: IdParam,
  query: z.object({ format: z.enum(['xlsx', 'csv']).default('xlsx') }),
  kind: 'stream',
})
const decision = (verb: 'release' | 'return' | 'cancel' | 'retry', summary: string) =>
  endpoint({
    method: 'POST',
    path: `/aggregation/batches/:id/${verb}`,
    summary,
    access: ['steward'],
    params: IdParam,
    body: z.object({ reason: z.string().trim().max(500).default('').describe('Required for release and return') }),
    response: Batch,
  })
export const releaseBatch = decision('release', 'Load a held batch although many rows were rejected')
export const returnBatch = decision('return', 'Give a held batch back to its source')
export const cancelBatch = decision('cancel', 'Stop a batch; nothing of it is kept')
export const retryBatch = decision('retry', 'Read a failed batch again from the start')

export const setCadence = endpoint({
  method: 'PUT',
  path: '/aggregation/sources/:id/cadence',
  summary: 'Set how often a source delivers, and which item carries the time of production; a slower one waits for its filing',
  access: ['steward'],
  params: IdParam,
  body: PromiseBody,
  response: Source,
})
export const activateSource = endpoint({
  method: 'POST',
  path: '/aggregation/sources/:id/activation',
  summary: 'Put a source to work; refused while its slower cadence is not filed',
  access: ['steward'],
  params: IdParam,
  response: Source,
})
export const verifyBatch = endpoint({
  method: 'POST',
  path: '/aggregation/batches/:id/verification',
  summary: 'Record that a batch has been looked at and confirmed, before it becomes shareable',
  access: ['steward', 'leader'],
  params: IdParam,
  body: z.object({
    method: z.string().trim().min(2, '请写明怎样校核').max(500),
    result: z.string().trim().min(2, '请写明校核结论').max(500),
  }),
  response: Batch,
})

export const CoverageRow = z.object({
  departmentId: Id,
  department: z.string(),
  region: z.string(),
  registered: z.number().int(),
  aggregated: z.number().int(),
  percent: z.number().describe('aggregated / registered, in per cent'),
  gap: z.array(z.object({ code: z.string(), title: z.string(), why: z.string() })).describe('Registered entries without data'),
})
export type CoverageRow = z.infer<typeof CoverageRow>
export const coverage = endpoint({
  method: 'GET',
  path: '/aggregation/coverage',
  summary: 'Share of the registered entries that are filled, by department, with the gap named; failed batches do not count',
  access: staff,
  response: z.object({
    cite: Cite,
    registered: z.number().int(),
    aggregated: z.number().int(),
    percent: z.number(),
    rows: z.array(CoverageRow),
  }),
})

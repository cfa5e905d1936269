import { z } from 'zod'
import { Cite, Day, Id, IdParam, Instant, PageQuery, page } from './common.ts'
import { endpoint, staff } from './endpoint.ts'
import { Treatment } from './procedure.ts'

/**
 * Masking profiles by name: what a reader still sees. `of` are the meanings a profile is made for, the usual one of each first; `types` the
 * item types. The last ones fit everything. Conventions, not law; whoever decides on a grant chooses.
 */
export const maskProfiles = {
  name: { label: '只留姓：李**', of: ['person-name'] },
  'name-ends': { label: '留首末字：李*花', of: ['person-name'] },
  'id-number': { label: '留前 1 后 2 位', of: ['id-number'] },
  'id-number-area': { label: '留前 6 后 4 位，隐去出生日期', of: ['id-number'] },
  'id-number-tail': { label: '只留后 4 位', of: ['id-number'] },
  mobile: { label: '留前 3 后 4 位', of: ['mobile'] },
  'mobile-tail': { label: '只留后 4 位', of: ['mobile'] },
  phone: { label: '留区号和后 2 位', of: ['phone'] },
  address: { label: '到乡镇街道，末 8 字隐去', of: ['address'] },
  'address-county': { label: '只到县（市、区）', of: ['address'] },
  'bank-card': { label: '留前 4 后 4 位', of: ['bank-card'] },
  'bank-card-tail': { label: '只留后 4 位', of: ['bank-card'] },
  plate: { label: '留前 3 位和末位', of: ['plate'] },
  'plate-head': { label: '只留省份和发牌机关', of: ['plate'] },
  email: { label: '留首字符和域名', of: ['email'] },
  'email-domain': { label: '只留域名', of: ['email'] },
  'credit-code': { label: '个体工商户的隐去主体部分', of: ['credit-code'] },
  'credit-code-hidden': { label: '一律隐去主体部分', of: ['credit-code'] },
  hidden: { label: '全部隐去：***', of: [] },
  ends: { label: '留首末字符', of: [] },
  month: { label: '只到月', of: [], types: ['D', 'T'] },
  year: { label: '只到年', of: [], types: ['D', 'T'] },
} as const satisfies Record<string, { label: string; of: readonly string[]; types?: readonly string[] }>
export type MaskProfile = keyof typeof maskProfiles

/** What can be chosen for an item, the usual one first. */
export function profilesFor(item: { semantic?: string | null | undefined; type?: string | null | undefined }): MaskProfile[] {
  const all = Object.entries(maskProfiles) as [MaskProfile, { of: readonly string[]; types?: readonly string[] }][]
  const own = all.filter(([, p]) => item.semantic && p.of.includes(item.semantic))
  const any = all.filter(([, p]) => !p.of.length && (!p.types || (item.type && p.types.includes(item.type))))
  return [...own, ...any].map(([name]) => name)
}

export const Grant = z.object({
  id: Id,
  no: z.string(),
  entryId: Id,
  code: z.string(),
  title: z.string(),
  provider: z.string(),
  grantee: z.string(),
  system: z.string(),
  state: z.enum(['active', 'suspended', 'revoked', 'expired']),
  stateLabel: z.string(),
  stateReason: z.string().nullable(),
  stateCite: Cite.nullable(),
  items: z.array(z.object({ key: z.string(), name: z.string(), treatment: Treatment, treatmentLabel: z.string(), number: z.boolean() })),
  rows: z.array(z.object({ name: z.string(), values: z.array(z.string()) })).describe('Only rows in which these items have these values'),
  purpose: z.string(),
  basis: z.string(),
  approver: z.string(),
  from: Day,
  until: Day.nullable(),
  daysLeft: z.number().int().nullable(),
  quotaPerDay: z.number().int().nullable(),
  caseNo: z.string().nullable(),
  cite: Cite,
  method: z.string(),
  conditions: z.string().describe('Sharing conditions of the entry when the grant was made'),
  agreedWay: z.string().describe('How data that touch secrets or privacy are handed over, as both sides agreed'),
  agreement: z.boolean().describe('There is a text that both sides sign'),
  matters: z.array(z.string()).describe('A call may state one of these instead of the purpose'),
  approved: Instant.nullable().describe('When the decision was made; null where none is needed'),
  effective: Instant.nullable().describe('Since when it delivers; null while it waits for something'),
  awaits: z
    .array(
      z.object({
        key: z.string(),
        what: z.string(),
        who: z.string(),
        cite: Cite,
        platform: z.boolean().describe('The block is platform policy'),
      }),
    )
    .describe('Nothing is delivered before these are settled'),
  clientId: z.string().nullable(),
  allowedIps: z.array(z.string()),
  officer: z.string().describe('Who answers for the grant at the department that uses it'),
  formerOfficers: z.array(z.object({ name: z.string(), until: Day })).describe('Calls in their names are refused'),
  originals: z.boolean().describe('Packages may hold the files that the entry consists of'),
  may: z.array(
    z.enum(['suspend', 'resume', 'stop', 'settle', 'rotate', 'try', 'edit-ips', 'package', 'dispose', 'hand-over', 'narrow', 'renew']),
  ),
})
export type Grant = z.infer<typeof Grant>
export const GrantRow = Grant.pick({
  id: true,
  no: true,
  code: true,
  title: true,
  provider: true,
  grantee: true,
  system: true,
  state: true,
  stateLabel: true,
  until: true,
  daysLeft: true,
}).extend({ items: z.number().int(), lastCall: Instant.nullable(), callsToday: z.number().int() })

export const grants = endpoint({
  method: 'GET',
  path: '/grants',
  summary: 'Grants given to or by my department',
  access: staff,
  query: PageQuery.extend({
    side: z.enum(['received', 'given', 'all']).default('all'),
    state: z.enum(['active', 'suspended', 'revoked', 'expired']).optional(),
    q: z.string().trim().max(100).optional(),
  }),
  response: page(GrantRow),
})
export const grant = endpoint({ method: 'GET', path: '/grants/:id', summary: 'One grant', access: staff, params: IdParam, response: Grant })
/** 数据处置: what became of the data when the grant had ended. */
export const disposalWays = { api: '服务接口', file: '数据文件', table: '库表推送' } as const
export const disposals = { deleted: '已删除', returned: '已退还', kept: '依法保留', continued: '在后续授权下继续使用' } as const
const DisposalWay = z.enum(['api', 'file', 'table'])
const Disposed = z.object({
  way: DisposalWay,
  done: z.enum(['deleted', 'returned', 'kept', 'continued']),
  basis: z.string().trim().max(500).default('').describe('kept: law or regulation and article that has the data kept'),
  grant: z.string().trim().max(40).default('').describe('continued: number of the later grant'),
})
export const NewDisposal = z.object({
  done: z.array(Disposed).min(1, '请逐项说明').max(3),
  by: z.string().trim().min(2, '请写明由谁处置').max(100).describe('Who carried it out'),
  on: Day.describe('On which day'),
  note: z.string().trim().max(2000).default(''),
  attachment: z.object({ name: z.string().trim().min(1).max(200), text: z.string().max(20_000) }).nullish(),
})
export type NewDisposal = z.infer<typeof NewDisposal>
export const Disposal = z.object({
  ended: z.boolean(),
  asked: Day.nullable().describe('Since when it is to be stated; null while the grant runs, or nothing was received'),
  due: Day.nullable(),
  late: z.boolean(),
  cite: Cite,
  platform: z.boolean().describe('No text of the place governs it: the period is platform policy'),
  use: Cite.describe('What the place says on the use of shared data'),
  received: z.array(
    z.object({ way: DisposalWay, label: z.string(), rows: z.number().int(), times: z.number().int(), last: Instant.nullable() }),
  ),
  later: z
    .array(z.object({ id: Id, no: z.string(), until: Day.nullable() }))
    .describe('Later grants of the same entry to the same department'),
  statements: z.array(
    z.object({
      id: Id,
      at: Instant,
      person: z.string(),
      by: z.string(),
      on: Day,
      note: z.string(),
      attachment: z.object({ name: z.string(), text: z.string() }).nullable(),
      late: z.boolean(),
      done: z.array(Disposed.extend({ label: z.string(), doneLabel: z.string() })),
    }),
  ),
  mayState: z.boolean(),
})
export type Disposal = z.infer<typeof Disposal>
export const disposal = endpoint({
  method: 'GET',
  path: '/grants/:id/disposal',
  summary: 'What became of the data after the grant: for both departments, their authorities and inspectors',
  access: staff,
  params: IdParam,
  response: Disposal,
})
export const stateDisposal = endpoint({
  method: 'POST',
  path: '/grants/:id/disposal',
  summary: 'State for each way of delivery what was done with the data received; by the department that received them',
  access: ['steward', 'leader'],
  params: IdParam,
  body: NewDisposal,
  response: Disposal,
})
export const rotate = endpoint({
  method: 'POST',
  path: '/grants/:id/credentials',
  summary: 'Make or replace the client credentials; the secret is shown this once',
  access: ['developer', 'steward'],
  params: IdParam,
  response: z.object({
    clientId: z.string(),
    clientSecret: z.string(),
    tokenUrl: z.string(),
    dataUrl: z.string(),
    examples: z.array(z.object({ language: z.string(), code: z.string() })),
  }),
})
export const setIps = endpoint({
  method: 'PUT',
  path: '/grants/:id/ips',
  summary: 'Addresses the credentials may be used from; empty: any',
  access: ['developer', 'steward'],
  params: IdParam,
  body: z.object({ ips: z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])).max(50) }),
  response: Grant,
})
export const Aggregate = z.object({
  by: z.array(z.string().max(200)).max(5).default([]).describe('Items to group by; none: one group of all'),
  sum: z.array(z.string().max(200)).max(10).optional().describe('Numbers to add up in each group'),
  average: z.array(z.string().max(200)).max(10).optional(),
  min: z.array(z.string().max(200)).max(10).optional().describe('Only of items granted plain: it is the value of one record'),
  max: z.array(z.string().max(200)).max(10).optional(),
  filter: z.record(z.string().max(200), z.string().max(1000)).optional().describe('Item → value, equality; only granted plain items'),
})
export const tryCall = endpoint({
  method: 'POST',
  path: '/grants/:id/try',
  summary: 'Call the data API as this grant and see request, reply and ledger number',
  access: ['developer', 'steward'],
  params: IdParam,
  body: z.object({
    query: z.string().max(500).default('limit=5'),
    purpose: z.string().trim().max(500).default('试调用'),
    aggregate: Aggregate.optional().describe('Call the aggregate interface with this instead'),
  }),
  response: z.object({
    url: z.string(),
    status: z.number().int(),
    milliseconds: z.number(),
    body: z.unknown(),
    ledger: z.number().int().nullable(),
  }),
})
export const guide = endpoint({
  method: 'GET',
  path: '/grants/:id/interface',
  summary: 'The interface of one grant: calls that are possible, fields, sample code in four languages',
  access: staff,
  params: IdParam,
  response: z.object({
    tokenUrl: z.string(),
    dataUrl: z.string(),
    calls: z
      .array(z.object({ method: z.string(), path: z.string(), what: z.string() }))
      .describe('None under a grant by files, or one that has ended'),
    example: z.string().describe('A page of made-up rows, as the reply would look'),
    examples: z.array(z.object({ language: z.string(), code: z.string() })),
  }),
})
export const openApi = endpoint({
  method: 'GET',
  path: '/grants/:id/openapi.json',
  summary: 'OpenAPI 3.1 of exactly what one grant gives, as a file',
  access: staff,
  params: IdParam,
  kind: 'stream',
})
/** Files under a grant. Each row carries a mark that names the package; no value is changed by it. */
export const packageFormats = {
  csv: 'CSV',
  xlsx: 'Excel 工作簿',
  json: 'JSON',
  parquet: 'Parquet',
  originals: '文件原件（附 CSV 清单）',
} as const
export const NewPackage = z.object({
  format: z
    .enum(['csv', 'xlsx', 'json', 'parquet', 'originals'])
    .describe('originals: the files that the entry consists of, with a CSV list'),
  digests: z
    .array(z.string().regex(/^[0-9a-f]{64}$/, '文件摘要是 64 位的十六进制数'))
    .max(1000)
    .optional()
    .describe('Only these files of `originals`; absent: all that the grant gives'),
  encoding: z.enum(['utf-8', 'gb18030']).default('utf-8').describe('Of CSV; all others are UTF-8'),
  fields: z.array(z.string().max(200)).max(500).optional().describe('Absent: all that the grant gives'),
  asOf: Day.optional().describe('The rows as they stood at the end of this day'),
  caseRef: z.string().trim().min(2, '请写明用于哪一件事').max(100).describe('Case or business reference: part of the usage record'),
})
export type NewPackage = z.infer<typeof NewPackage>
export const Package = z.object({
  id: Id,
  no: z.string(),
  format: z.string(),
  state: z.enum(['queued', 'ready', 'failed', 'gone']),
  stateLabel: z.string(),
  problem: z.string().nullable(),
  operator: z.string(),
  caseRef: z.string(),
  rows: z.number().int().nullable(),
  bytes: z.number().int().nullable(),
  sha256: z.string().nullable(),
  ledger: z.number().int().nullable(),
  created: Instant,
  expires: Instant.nullable(),
  downloads: z.number().int(),
})
export const packages = endpoint({
  method: 'GET',
  path: '/grants/:id/packages',
  summary: 'File packages made under this grant',
  access: staff,
  params: IdParam,
  response: z.array(Package),
})
export const orderPackage = endpoint({
  method: 'POST',
  path: '/grants/:id/packages',
  summary: 'Have a file package made in the background',
  access: ['developer', 'steward'],
  params: IdParam,
  body: NewPackage,
  response: z.array(Package),
})
export const packageLink = endpoint({
  method: 'POST',
  path: '/grants/:id/packages/:package/link',
  summary: 'A link that works once, for ten minutes',
  access: ['developer', 'steward'],
  params: IdParam.extend({ package: Id }),
  response: z.object({ url: z.string(), until: Instant }),
})
export const takePackage = endpoint({
  method: 'GET',
  path: '/data/v1/packages',
  summary: 'The package behind a link; the link is used up',
  access: 'public',
  query: z.object({ link: z.string().min(8).max(100) }),
  kind: 'stream',
})
export const traceMarks = endpoint({
  method: 'POST',
  path: '/watermarks',
  summary: 'Which package marks of rows come from: for the departments of the grant, its authorities and inspectors',
  access: staff,
  body: z.object({ marks: z.array(z.string().trim().min(1).max(60)).min(1).max(200) }),
  response: z.array(
    z.object({
      mark: z.string(),
      row: z.number().int(),
      package: z.string(),
      grantId: Id,
      grant: z.string(),
      provider: z.string(),
      grantee: z.string(),
      title: z.string(),
      operator: z.string().describe('Who ordered the package'),
      caseRef: z.string().describe('For which case'),
      created: Instant,
      ledger: z.number().int().nullable(),
    }),
  ),
})
export const Call = z.object({
  seq: z.number().int().nullable(),
  at: Instant,
  operator: z.string(),
  caseRef: z.string(),
  method: z.string(),
  rows: z.number().int(),
  status: z.number().int(),
  code: z.string().nullable(),
  milliseconds: z.number(),
})
export const calls = endpoint({
  method: 'GET',
  path: '/grants/:id/calls',
  summary: 'Recent calls under this grant',
  access: staff,
  params: IdParam,
  query: PageQuery,
  response: page(Call),
})
/** What a refused use tried to go beyond. */
export const findingKinds = { purpose: '超出用途', period: '超出期限', item: '超出信息项', record: '登记不全', other: '其他拒绝' } as const
const FindingKind = z.enum(['purpose', 'period', 'item', 'record', 'other'])
/** 使用记录: one use with its seven fields, and what became of it. */
export const UseRecord = z.object({
  seq: z.number().int().nullable(),
  at: Instant,
  purpose: z.string(),
  person: z.string(),
  approver: z.string(),
  content: z.string(),
  method: z.string(),
  medium: z.string(),
  caseRef: z.string(),
  grantee: z.string(),
  provider: z.string(),
  grantId: Id,
  grant: z.string(),
  status: z.number().int(),
  kind: FindingKind.nullable().describe('Null: it was allowed'),
  kindLabel: z.string().nullable(),
  code: z.string().nullable(),
})
export const useRecords = endpoint({
  method: 'GET',
  path: '/use-records',
  summary: 'Book of uses of shared data: mine and of my data; of the region for its authority; all for inspectors',
  access: staff,
  query: PageQuery.extend({
    side: z.enum(['received', 'given', 'all']).default('all'),
    kind: z
      .enum(['refused', ...FindingKind.options])
      .optional()
      .describe('Only refused uses, or one kind of them'),
    q: z.string().trim().max(100).optional().describe('Department, entry, grant, person or case'),
    from: Day.optional().describe('Absent: 30 days back'),
    to: Day.optional(),
  }),
  response: page(UseRecord).extend({
    findings: z.array(z.object({ kind: FindingKind, label: z.string(), count: z.number().int(), departments: z.number().int() })),
    from: Day,
    to: Day,
  }),
})
export const usage = endpoint({
  method: 'GET',
  path: '/grants/:id/usage',
  summary: 'Calls per day, last 30 days',
  access: staff,
  params: IdParam,
  response: z.array(z.object({ day: Day, ok: z.number().int(), refused: z.number().int(), rows: z.number().int() })),
})

export const alertKinds = { volume: '用量异常', hours: '时段异常', scan: '试探键值' } as const
export const alerts = endpoint({
  method: 'GET',
  path: '/grants/:id/alerts',
  summary: 'What was unusual in the use of a grant, newest first',
  access: staff,
  params: IdParam,
  response: z.array(
    z.object({ kind: z.enum(['volume', 'hours', 'scan']), kindLabel: z.string(), at: Instant, what: z.string(), suspended: z.boolean() }),
  ),
})

/** OAuth 2.0 client credentials (RFC 6749 §4.4), form-encoded or JSON. Mounted outside /api at /oauth/token. */
export const token = endpoint({
  method: 'POST',
  path: '/oauth/token',
  summary: 'Access token for a consumer system',
  access: 'public',
  body: z.object({
    grant_type: z.string().max(100).default('').describe('client_credentials'),
    client_id: z.string().max(80).optional(),
    client_secret: z.string().max(200).optional(),
  }),
  response: z.object({ access_token: z.string(), token_type: z.literal('Bearer'), expires_in: z.number().int() }),
})
/**
 * The data API, mounted outside /api at /data/v1. Every call names its operator (x-huitong-operator) and its case or business reference
 * (x-huitong-case): two of the seven usage fields. It may state the purpose it serves (x-huitong-purpose: the purpose or the duty of the grant)
 * and the unit that uses the data (x-huitong-user); what is not the grant's is refused and logged. `fields` may narrow the granted items; asking for another is refused.
 */
export const DataQuery = z.object({
  fields: z.string().max(2000).optional().describe('Item names or keys, comma separated'),
  filter: z.string().max(2000).optional().describe('JSON object item → value, equality; only granted plain items'),
  sort: z.string().max(200).optional().describe('Item to order by, `-` before it for descending; only granted plain items. Absent: by key'),
  as_of: Day.optional().describe('The rows as they stood at the end of this day, Beijing time'),
  after: z.string().max(4000).optional().describe('`next` of the page before'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
})
const CodeInPath = z.object({ code: z.string().max(80) })
export const data = endpoint({
  method: 'GET',
  path: '/data/v1/:code',
  summary:
    'Rows of a granted entry; one under objection carries `_objection`, one in doubt `_doubt`, a disputed entry `objection` beside the rows',
  access: 'grant',
  params: CodeInPath,
  query: DataQuery,
  kind: 'stream',
})
export const countRows = endpoint({
  method: 'GET',
  path: '/data/v1/:code/count',
  summary: 'How many rows the grant gives, all or with a filter',
  access: 'grant',
  params: CodeInPath,
  query: DataQuery.pick({ filter: true, as_of: true }),
  response: z.object({ count: z.number().int() }),
})
export const batchOfKeys = endpoint({
  method: 'POST',
  path: '/data/v1/:code/batch',
  summary: 'Rows by up to 1,000 keys at once; the items of the key must be granted as they are',
  access: 'grant',
  params: CodeInPath,
  body: z.object({
    keys: z
      .array(z.record(z.string().max(200), z.string().max(1000)))
      .min(1)
      .max(1000)
      .describe('Each names all identifier items of one row'),
    fields: z.array(z.string().max(200)).max(200).optional(),
  }),
  kind: 'stream',
})
export const changes = endpoint({
  method: 'GET',
  path: '/data/v1/:code/changes',
  summary:
    'What changed since a position: each record once, as it is now (`_change` upsert) or gone (remove), named by `_id`; may come twice, never not at all. Without `since` everything, as a start',
  access: 'grant',
  params: CodeInPath,
  query: z.object({
    since: z.string().max(4000).optional().describe('`next` of the answer before'),
    fields: z.string().max(2000).optional(),
    limit: z.coerce.number().int().min(1).max(1000).default(500),
  }),
  kind: 'stream',
})
export const verify = endpoint({
  method: 'POST',
  path: '/data/v1/:code/verify',
  summary: 'Answer whether given values agree with the record, without showing it',
  access: 'grant',
  params: CodeInPath,
  body: z.object({
    key: z.record(z.string().max(200), z.string().max(1000)).describe('Identifier items of the row'),
    values: z
      .record(z.string().max(200), z.string().max(4000))
      .refine(v => Object.keys(v).length >= 1 && Object.keys(v).length <= 40, '一次核验 1 至 40 项'),
  }),
  response: z.object({
    found: z.boolean(),
    agrees: z.record(z.string(), z.boolean()),
    objection: z.string().optional().describe('异议标注 of the record or the entry'),
    doubt: z.string().optional().describe('疑义标注 of the record'),
  }),
})
export const aggregate = endpoint({
  method: 'POST',
  path: '/data/v1/:code/aggregate',
  summary:
    'Counts, sums and averages over groups, where items are granted for that (聚合); small groups are left out and their number said',
  access: 'grant',
  params: CodeInPath,
  body: Aggregate,
  response: z.object({
    groups: z.array(
      z.object({
        by: z.record(z.string(), z.string().nullable()),
        count: z.number().int(),
        sum: z.record(z.string(), z.string().nullable()).optional(),
        average: z.record(z.string(), z.string().nullable()).optional(),
        min: z.record(z.string(), z.string().nullable()).optional(),
        max: z.record(z.string(), z.string().nullable()).optional(),
      }),
    ),
    count: z.number().int().describe('Groups in this answer'),
    hidden: z.number().int().describe('Groups left out, since they or what is left of them are too small'),
    least: z.number().int().describe('Records a group must have'),
  }),
})
export const reportDoubt = endpoint({
  method: 'POST',
  path: '/data/v1/:code/doubts',
  summary: '校核: report a record (and item) as doubtful; the mark shows to everybody who reads it until the case is settled',
  access: 'grant',
  params: CodeInPath,
  body: z.object({
    key: z.record(z.string().max(200), z.string().max(1000)).describe('Identifier items of the row'),
    item: z.string().trim().max(200).optional().describe('Name or key of the item in doubt'),
    doubt: z.string().trim().min(4, '请写明疑义，至少 4 个字').max(2000),
  }),
  response: z.object({ caseNo: z.string(), text: z.string() }),
})
export const correctionList = endpoint({
  method: 'GET',
  path: '/data/v1/:code/corrections',
  summary: 'Records put right after a doubt, newest first; with their key where the grant holds it as it is',
  access: 'grant',
  params: CodeInPath,
  query: z.object({ since: z.iso.datetime({ offset: true }).optional() }),
  kind: 'stream',
})

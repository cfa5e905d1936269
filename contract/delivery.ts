import { z } from 'zod'
import { Cite, Day, Id, IdParam, Instant, PageQuery, page } from './common.ts'
import { endpoint, staff } from './endpoint.ts'
import { Treatment } from './procedure.ts'

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
  items: z.array(z.object({ key: z.string(), name: z.string(), treatment: Treatment, treatmentLabel: z.string() })),
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
  may: z.array(z.enum(['suspend', 'resume', 'stop', 'settle', 'rotate', 'try', 'edit-ips'])),
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
export const tryCall = endpoint({
  method: 'POST',
  path: '/grants/:id/try',
  summary: 'Call the data API as this grant and see request, reply and ledger number',
  access: ['developer', 'steward'],
  params: IdParam,
  body: z.object({ query: z.string().max(500).default('limit=5'), purpose: z.string().trim().max(500).default('试调用') }),
  response: z.object({
    url: z.string(),
    status: z.number().int(),
    milliseconds: z.number(),
    body: z.unknown(),
    ledger: z.number().int().nullable(),
  }),
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
export const usage = endpoint({
  method: 'GET',
  path: '/grants/:id/usage',
  summary: 'Calls per day, last 30 days',
  access: staff,
  params: IdParam,
  response: z.array(z.object({ day: Day, ok: z.number().int(), refused: z.number().int(), rows: z.number().int() })),
})

/** OAuth 2.0 client credentials (RFC 6749 §4.4), form-encoded or JSON. Mounted outside /api at /oauth/token. */
export const token = endpoint({
  method: 'POST',
  path: '/oauth/token',
  summary: 'Access token for a consumer system',
  access: 'public',
  body: z.object({
    grant_type: z.literal('client_credentials'),
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
  after: z.string().max(4000).optional().describe('`next` of the page before'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
})
export const data = endpoint({
  method: 'GET',
  path: '/data/v1/:code',
  summary:
    'Rows of a granted entry; one under objection carries `_objection`, one in doubt `_doubt`, a disputed entry `objection` beside the rows',
  access: 'grant',
  params: z.object({ code: z.string().max(80) }),
  query: DataQuery,
  kind: 'stream',
})
export const verify = endpoint({
  method: 'POST',
  path: '/data/v1/:code/verify',
  summary: 'Answer whether given values agree with the record, without showing it',
  access: 'grant',
  params: z.object({ code: z.string().max(80) }),
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
export const reportDoubt = endpoint({
  method: 'POST',
  path: '/data/v1/:code/doubts',
  summary: '校核: report a record (and item) as doubtful; the mark shows to everybody who reads it until the case is settled',
  access: 'grant',
  params: z.object({ code: z.string().max(80) }),
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
  params: z.object({ code: z.string().max(80) }),
  query: z.object({ since: z.iso.datetime({ offset: true }).optional() }),
  kind: 'stream',
})

import { z } from 'zod'
import { Message, Reject } from './aggregation.ts'
import { Done, Id, IdParam, Instant, PageQuery, page } from './common.ts'
import { endpoint } from './endpoint.ts'

// ── for the department: credentials and an example ──
const Ips = z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], '请填写 IP 地址或网段，如 10.1.0.0/16')).max(50)
export const PushKey = z.object({
  id: Id,
  name: z.string(),
  ips: Ips,
  by: z.string(),
  created: Instant,
  used: Instant.nullable(),
  revoked: Instant.nullable(),
})
export type PushKey = z.infer<typeof PushKey>
export const PushPage = z.object({
  url: z.string(),
  uploadsUrl: z.string(),
  keys: z.array(PushKey),
  fields: z
    .array(z.object({ name: z.string(), key: z.string(), type: z.string(), required: z.boolean(), identifier: z.boolean() }))
    .describe('What a record may carry; the name or the key of the item'),
  deletes: z.string().describe('What happens to a record with `_delete`'),
  examples: z.array(z.object({ label: z.string(), code: z.string() })),
})
export type PushPage = z.infer<typeof PushPage>

export const pushPage = endpoint({
  method: 'GET',
  path: '/aggregation/sources/:id/push',
  summary: 'How a system pushes to this source: address, credentials, fields, examples',
  access: ['steward', 'developer', 'leader', 'bureau'],
  params: IdParam,
  response: PushPage,
})
const Issued = z.object({ id: Id, key: z.string().describe('Shown this once') })
export const issuePushKey = endpoint({
  method: 'POST',
  path: '/aggregation/sources/:id/push-keys',
  summary: 'Issue credentials for a pushing system; the key is shown this once',
  access: ['steward'],
  params: IdParam,
  body: z.object({ name: z.string().trim().min(2, '请写明是哪个系统').max(60), ips: Ips.default([]) }),
  response: Issued,
})
export const rotatePushKey = endpoint({
  method: 'POST',
  path: '/aggregation/push-keys/:id/rotation',
  summary: 'Replace a key; the old one ends at once',
  access: ['steward'],
  params: IdParam,
  response: Issued,
})
export const setPushIps = endpoint({
  method: 'PUT',
  path: '/aggregation/push-keys/:id/ips',
  summary: 'Addresses the key may be used from; empty: any',
  access: ['steward'],
  params: IdParam,
  body: z.object({ ips: Ips }),
  response: Done,
})
export const revokePushKey = endpoint({
  method: 'DELETE',
  path: '/aggregation/push-keys/:id',
  summary: 'End a key; the next request with it is refused',
  access: ['steward'],
  params: IdParam,
  response: Done,
})

// ── for systems: /ingest/v1, Authorization: Bearer <key> ──
const Code = z.object({ code: z.string().max(60).describe('Catalog code; `/` written as `-`') })
const Wait = z.object({ wait: z.coerce.number().int().min(0).max(60).default(0).describe('Seconds to wait for the batch to end') })
/** A push as its sender sees it. */
export const Pushed = z.object({
  batch: z.string(),
  state: z.string(),
  stateLabel: z.string(),
  ended: z.boolean(),
  read: z.number().int(),
  accepted: z.number().int(),
  changed: z.number().int(),
  unchanged: z.number().int(),
  rejected: z.number().int(),
  messages: z.array(Message),
  status: z.string().describe('Where to ask again'),
  rejects: z.string().describe('Rejected rows, in pages'),
  repeated: z.boolean().describe('The same Idempotency-Key and body had come before'),
})
export type Pushed = z.infer<typeof Pushed>

/** Headers: `Idempotency-Key` (required, up to 200 characters), `Content-Type`, `Content-Encoding: gzip` if so. */
export const pushRows = endpoint({
  method: 'POST',
  path: '/ingest/v1/:code',
  summary: 'Push rows: NDJSON, a JSON array, or CSV; 202 with the batch, with `wait` 200 or 422 once it has ended',
  access: 'key',
  kind: 'raw',
  params: Code,
  query: Wait,
  response: Pushed,
})
export const pushStatus = endpoint({
  method: 'GET',
  path: '/ingest/v1/:code/batches/:no',
  summary: 'What became of a push',
  access: 'key',
  params: Code.extend({ no: z.string().max(30) }),
  query: Wait,
  response: Pushed,
})
export const pushRejects = endpoint({
  method: 'GET',
  path: '/ingest/v1/:code/batches/:no/rejects',
  summary: 'Rejected rows of a push',
  access: 'key',
  params: Code.extend({ no: z.string().max(30) }),
  query: PageQuery,
  response: page(Reject),
})
export const Incoming = z.object({ id: z.string(), bytes: z.number().int(), received: z.number().int() })
export const beginUpload = endpoint({
  method: 'POST',
  path: '/ingest/v1/uploads',
  summary: 'Begin a large push in pieces',
  access: 'key',
  body: z.object({
    bytes: z.number().int().positive().describe('Length of the body as it will be sent'),
    type: z
      .enum(['application/x-ndjson', 'application/json', 'text/csv', 'application/octet-stream'])
      .describe('The last: a file of any kind the platform can read'),
    encoding: z.enum(['identity', 'gzip']).default('identity'),
    name: z.string().trim().max(200).default(''),
    source: Id.optional().describe('For an agent, which has several'),
  }),
  response: Incoming,
})
export const uploadState = endpoint({
  method: 'GET',
  path: '/ingest/v1/uploads/:id',
  summary: 'How much of an upload has arrived',
  access: 'key',
  params: IdParam,
  response: Incoming,
})
/** Headers: `Upload-Offset`, where this piece begins; it must be what has arrived so far. */
export const sendPiece = endpoint({
  method: 'PATCH',
  path: '/ingest/v1/uploads/:id',
  summary: 'Send the next piece',
  access: 'key',
  kind: 'raw',
  params: IdParam,
  response: Incoming,
})
/** Header `Idempotency-Key`, as for a push in one piece. */
export const endUpload = endpoint({
  method: 'POST',
  path: '/ingest/v1/uploads/:id/batch',
  summary: 'Load a complete upload as a batch',
  access: 'key',
  params: IdParam,
  query: Wait,
  body: z.object({
    position: z
      .record(z.string().max(40), z.union([z.string().max(200), z.number(), z.null()]))
      .nullable()
      .default(null),
    file: z
      .object({ name: z.string().max(500), stamp: z.string().max(200) })
      .nullable()
      .default(null),
  }),
  response: Pushed,
})

import { z } from 'zod'
import { Cite, Day, Instant, PageQuery, page } from './common.ts'
import { endpoint } from './endpoint.ts'

/** One ledger record. The seven fields of 福州管理 第二十九条 are purpose, person, approver, content, at, method, medium. */
export const LedgerRow = z.object({
  seq: z.number().int(),
  at: Instant,
  action: z.string(),
  label: z.string(),
  person: z.string().nullable(),
  department: z.string().nullable(),
  region: z.string().nullable(),
  purpose: z.string().nullable(),
  approver: z.string().nullable(),
  content: z.string().nullable(),
  method: z.string().nullable(),
  medium: z.string().nullable(),
  subject: z.string().nullable(),
  caseNo: z.string().nullable(),
  cite: Cite.nullable(),
})
export type LedgerRow = z.infer<typeof LedgerRow>
const readers = ['inspector', 'audit_admin', 'bureau', 'steward', 'leader'] as const
export const ledger = endpoint({
  method: 'GET',
  path: '/audit/records',
  summary: 'Query the ledger; the query is itself recorded',
  access: readers,
  query: PageQuery.extend({
    department: z.string().max(100).optional(),
    person: z.string().max(64).optional(),
    action: z.string().max(60).optional(),
    subject: z.string().max(100).optional(),
    caseNo: z.string().max(40).optional(),
    from: Day.optional(),
    to: Day.optional(),
    reads: z.stringbool().optional().describe('Only data leaving'),
  }),
  response: page(LedgerRow).extend({
    actions: z.array(z.object({ action: z.string(), label: z.string() })),
    scope: z.string().describe('Whose records this person sees, in words'),
  }),
})
export const ledgerRecord = endpoint({
  method: 'GET',
  path: '/audit/records/:seq',
  summary: 'One record: text, leaf digest, proof path, block, neighbours',
  access: readers,
  params: z.object({ seq: z.coerce.number().int().min(1) }),
  response: LedgerRow.extend({
    text: z.string(),
    leaf: z.string(),
    block: z.object({
      height: z.number().int(),
      root: z.string(),
      first: z.number().int(),
      count: z.number().int(),
      at: Instant,
      previous: z.string(),
    }),
    proof: z.array(z.string()),
    intact: z.boolean(),
    previous: z.number().int().nullable(),
    next: z.number().int().nullable(),
  }),
})
export const Verification = z.object({
  ok: z.boolean(),
  records: z.number().int(),
  blocks: z.number().int(),
  upTo: z.number().int(),
  milliseconds: z.number(),
  bad: z.object({ seq: z.number().int().nullable(), height: z.number().int(), message: z.string() }).nullable(),
  checkpoint: z.object({ no: z.number().int(), at: Instant, algorithms: z.array(z.string()) }).nullable(),
})
export const verifyLedger = endpoint({
  method: 'POST',
  path: '/audit/verify',
  summary: 'Verify the whole ledger now',
  access: ['inspector', 'audit_admin', 'bureau'],
  response: Verification,
})
export const ledgerState = endpoint({
  method: 'GET',
  path: '/audit/state',
  summary: 'Last verification, last checkpoint, head',
  access: readers,
  response: z.object({ head: z.number().int(), blocks: z.number().int(), last: Verification.nullable(), lastAt: Instant.nullable() }),
})

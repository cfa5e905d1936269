import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { Cite } from '../../../contract/common.ts'
import type { Context } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import type { Secrets } from '../../platform/secrets.ts'

export { attest } from './attest.ts'
export { expand as expandLedger } from './expand.ts'
export { type Ledger, openLedger } from './ledger.ts'

/** What one record says. Person, department and region come from the context unless given (callers of the data API are no session). */
export type Entry = {
  /** `module.verb`, labelled in contract/audit.ts. */
  action: keyof typeof import('../../../contract/audit.ts').actionLabels
  /** What it was done to, e.g. a catalog code or case number. */
  subject?: string
  /** 具体用途 */
  purpose?: string
  /** 批准人员 */
  approver?: string
  /** 数据内容: which items of what, never the values */
  content?: string
  /** 获取方式 */
  method?: string
  /** 介质类型 */
  medium?: string
  caseNo?: string
  cite?: Cite
  /** Facts that help a reader later; no personal data, no secrets. */
  data?: Record<string, unknown>
  /** What one record was asked for by: a commitment made by `keyCommitment`, never the key itself. */
  key?: string
  person?: string
  department?: string
  departmentId?: string
  region?: string
}

/**
 * A stand-in for the key of a record (公民身份号码 …): the same key always gives the same one, and without the platform's secret nobody finds
 * the key by trying all there are. Parts of a key are joined by U+001F.
 */
export function keyCommitment(secrets: Pick<Secrets, 'derive'>, key: string): string {
  let own = recordKeys.get(secrets)
  if (!own) {
    own = createSecretKey(secrets.derive('ledger.record-key'))
    recordKeys.set(secrets, own)
  }
  return createHmac('sm3', own).update(key.trim().toUpperCase()).digest('hex')
}
// Every look-up needs it.
const recordKeys = new WeakMap<object, KeyObject>()

type Caller = Pick<Context, 'actor' | 'now' | 'requestId' | 'ip'>

/** The text that is sealed: one JSON object with a fixed order of keys. */
export function recordText(ctx: Caller, e: Entry): string {
  const a = ctx.actor
  const text = JSON.stringify({
    at: ctx.now.toISOString(),
    action: e.action,
    person: e.person ?? a?.name ?? null,
    personId: e.person ? null : (a?.personId ?? null),
    department: e.department ?? a?.department ?? null,
    departmentId: e.departmentId ?? (e.department ? null : (a?.departmentId ?? null)),
    region: e.region ?? a?.region ?? null,
    purpose: e.purpose ?? null,
    approver: e.approver ?? null,
    content: e.content ?? null,
    method: e.method ?? null,
    medium: e.medium ?? null,
    subject: e.subject ?? null,
    caseNo: e.caseNo ?? null,
    cite: e.cite ?? null,
    data: e.data ?? null,
    ip: ctx.ip || null,
    request: ctx.requestId,
    ...(e.key && { key: e.key }),
  })
  return unreadable.test(text) ? JSON.stringify(JSON.parse(text), readable) : text
}
/** NUL and half a character, as where a text was cut: PostgreSQL reads no JSON that has them, and the record could never be opened. */
const unreadable = /\\u(0000|d[89a-f])/
const readable = (_: string, value: unknown) => (typeof value === 'string' ? value.replaceAll('\u0000', '\ufffd').toWellFormed() : value)

/** Records a change in the transaction that makes it: both happen or neither. The route's reply waits until it is in a block. */
export async function record(tx: Tx | Database, ctx: Caller, entry: Entry): Promise<void> {
  await tx
    .insertInto('audit.outbox')
    .values({ record: recordText(ctx, entry) })
    .execute()
}

/** Records a read; resolves with its sequence number once the block is on disk. Call before any byte leaves. */
export const recordRead = (ctx: Caller & Pick<Context, 'ledger'>, entry: Entry): Promise<number> =>
  ctx.ledger.append(recordText(ctx, entry))

import type { Cite, Fault } from '../../../contract/common.ts'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { Problem } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { gateKey } from './law.ts'
import type { GateMode } from './schema.ts'
import { law } from './state.ts'

/** Whether a block that is stricter than the texts stands in a region, or only reminds and records. */
export const gateMode = (region: string, key: string): GateMode =>
  law().gates.get(gateKey(region, key)) ?? law().regulations.get('platform')!.gates[key]?.default ?? 'block'

/** The sentence every such refusal ends with: the duty is the article's, the block is ours. */
export const gateWords = '“未办先不放行”是平台约定，不是条文的规定；本地数据主管部门可以改为只提醒并记录。'

export type Gate = {
  region: string
  key: string
  /** Problem code; `reason` and `cite` are those of the duty that the article orders. */
  code: string
  reason: string
  detail: string
  cite?: Cite
  remedy?: string
  errors?: Fault[]
  /** What the ledger names when the gate only reminds. */
  subject?: string
  caseNo?: string
}

/**
 * Call where something is missing that a gate asks for. Blocks with a Problem, or, where the region chose 提醒并记录, writes a ledger record
 * and returns true: go on.
 */
export async function passGate(tx: Tx, ctx: Context, g: Gate): Promise<true> {
  if (gateMode(g.region, g.key) === 'block')
    throw new Problem(g.code, {
      status: 422,
      reason: g.reason,
      detail: `${g.detail}${gateWords}`,
      ...(g.cite && { cite: g.cite }),
      ...(g.remedy && { remedy: g.remedy }),
      ...(g.errors?.length && { errors: g.errors }),
    })
  await record(tx, ctx, {
    action: 'gate.reminded',
    region: g.region,
    subject: g.subject,
    caseNo: g.caseNo,
    content: g.detail,
    cite: g.cite,
    data: { gate: g.key, reason: g.reason },
  })
  return true
}

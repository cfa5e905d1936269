import type { Proof } from '../../../contract/evidence.ts'
import type { Context } from '../../platform/context.ts'
import { checkpoint, signNow } from './jobs.ts'
import { prove } from './prove.ts'

/**
 * Proves a record to somebody who gets its file now: a checkpoint is signed when none covers the record yet, and the key that is in use signs
 * what `message` says about the proof.
 */
export async function attest(
  ctx: Context,
  seq: number,
  message: (proof: Proof) => Buffer,
): Promise<{ proof: Proof; key: number; signatures: Record<string, string> }> {
  if (await checkpoint(ctx, seq)) await ctx.ledger.flush()
  const found = await prove(ctx.db, seq)
  if (!found?.checkpoint || found.record === null || !found.intact)
    throw new Error(`第 ${seq} 条留痕不能证明：它与登记的摘要不符，或没有检查点。请先核验账本（./huitong audit verify）。`)
  const { intact, ...proof } = { ...found, record: found.record, checkpoint: found.checkpoint }
  const { keys, key, signatures } = await signNow(ctx, message(proof))
  return { proof: { ...proof, keys }, key, signatures }
}

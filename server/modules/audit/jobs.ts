import { sql } from 'kysely'
import type { Context } from '../../platform/context.ts'
import type { Jobs } from '../../platform/jobs.ts'
import { openSigner } from '../../platform/signer.ts'
import { record } from './public.ts'

/** Signs the newest block when it is not signed yet. */
export async function checkpoint(ctx: Context): Promise<boolean> {
  const signer = openSigner(ctx.secrets.derive)
  return ctx.db.transaction().execute(async tx => {
    await sql`select pg_advisory_xact_lock(7281003)`.execute(tx)
    const head = await tx
      .selectFrom('audit.block')
      .select(['height', 'first_seq', 'count', 'hash'])
      .orderBy('height', 'desc')
      .limit(1)
      .executeTakeFirst()
    const last = await tx.selectFrom('audit.checkpoint').select(['no', 'height']).orderBy('no', 'desc').limit(1).executeTakeFirst()
    // The record of a checkpoint makes a block of its own; without the 1 the ledger would sign itself for ever.
    if (!head || head.height <= (last?.height ?? 0) + 1) return false
    const no = (last?.no ?? 0) + 1
    await tx
      .insertInto('audit.checkpoint')
      .values({
        no,
        height: head.height,
        seq: head.first_seq + head.count - 1,
        hash: head.hash,
        at: ctx.now,
        signatures: JSON.stringify(signer.sign(head.hash)),
      })
      .execute()
    await record(tx, ctx, { action: 'audit.checkpoint', subject: `#${no}`, data: { height: head.height } })
    return true
  })
}

export function auditJobs(jobs: Jobs): void {
  jobs.on('audit.checkpoint', async (_, ctx) => {
    await checkpoint(ctx)
    await ctx.ledger.flush()
  })
  jobs.every('audit.checkpoint', '*/10 * * * *')
}

import type { FastifyInstance } from 'fastify'
import * as contract from '../../../contract/audit.ts'
import { route } from '../../platform/http.ts'
import { notFound } from '../../platform/problem.ts'
import { openSigner } from '../../platform/signer.ts'
import { expand } from './expand.ts'
import { checkpoint } from './jobs.ts'
import { leafOf, pathOf } from './merkle.ts'
import { record, recordRead } from './public.ts'
import { ledgerPage, scopeOf, toRow } from './queries.ts'
import { verifyLedger } from './verify.ts'

export function registerAudit(app: FastifyInstance): void {
  const { db, pool, secrets } = app.services

  route(app, contract.ledger, async ({ query, ctx }) => {
    await ctx.ledger.flush()
    await expand(db)
    const result = await ledgerPage(db, ctx.actor, {
      ...query,
      before: query.after ? Number(query.after) || undefined : undefined,
      limit: query.limit,
    } as never)
    await recordRead(ctx, {
      action: 'audit.query',
      content: `查得 ${result.total} 条`,
      data: Object.fromEntries(Object.entries(query).filter(([k, v]) => v !== undefined && k !== 'limit')),
    })
    return {
      ...result,
      scope: scopeOf(ctx.actor).words,
      actions: Object.entries(contract.actionLabels).map(([action, label]) => ({ action, label })),
    }
  })

  route(app, contract.ledgerRecord, async ({ params, ctx }) => {
    await expand(db)
    const { rows } = await ledgerPage(db, ctx.actor, { before: params.seq + 1, limit: 1 })
    if (rows[0]?.seq !== params.seq) notFound('audit.record', '留痕记录')
    const block =
      (await db
        .selectFrom('audit.block')
        .selectAll()
        .where('first_seq', '<=', params.seq)
        .orderBy('first_seq', 'desc')
        .limit(1)
        .executeTakeFirst()) ?? notFound('audit.block', '区块')
    const index = params.seq - block.first_seq
    const leaves = block.records.map(leafOf)
    const stored = block.leaves.subarray(32 * index, 32 * index + 32)
    const entry = await db.selectFrom('audit.entry').selectAll().where('seq', '=', params.seq).executeTakeFirstOrThrow()
    await recordRead(ctx, { action: 'audit.query', subject: `第 ${params.seq} 条` })
    return {
      ...toRow(entry),
      text: block.records[index],
      leaf: stored.toString('hex'),
      block: {
        height: block.height,
        root: block.root.toString('hex'),
        first: block.first_seq,
        count: block.count,
        at: block.at.toISOString(),
        previous: block.previous.toString('hex'),
      },
      proof: pathOf(leaves, index).map(h => h.toString('hex')),
      intact: leaves[index]!.equals(stored),
      previous: params.seq > 1 ? params.seq - 1 : null,
      next: params.seq + 1,
    }
  })

  route(app, contract.verifyLedger, async ({ ctx }) => {
    await ctx.ledger.flush()
    await expand(db)
    await checkpoint(ctx)
    const client = await pool.connect()
    try {
      const result = await verifyLedger(client, openSigner(secrets.derive).publicKeys())
      await db
        .insertInto('audit.verification')
        .values({ at: ctx.now, result: JSON.stringify(result) })
        .execute()
      await record(db, ctx, { action: 'audit.verify', content: result.ok ? `通过，至第 ${result.upTo} 条` : result.bad!.message })
      return result
    } finally {
      client.release()
    }
  })

  route(app, contract.ledgerState, async () => {
    const head = await db
      .selectFrom('audit.block')
      .select(['height', 'first_seq', 'count'])
      .orderBy('height', 'desc')
      .limit(1)
      .executeTakeFirst()
    const last = await db.selectFrom('audit.verification').selectAll().orderBy('id', 'desc').limit(1).executeTakeFirst()
    return {
      head: head ? head.first_seq + head.count - 1 : 0,
      blocks: head?.height ?? 0,
      last: (last?.result as never) ?? null,
      lastAt: last ? last.at.toISOString() : null,
    }
  })
}

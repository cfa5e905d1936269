import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import * as contract from '../../../contract/audit.ts'
import type { Cite } from '../../../contract/common.ts'
import { route } from '../../platform/http.ts'
import { limiter } from '../../platform/limiter.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { openSigner } from '../../platform/signer.ts'
import { expand } from './expand.ts'
import { checkpoint, keptOutside, rotateKey } from './jobs.ts'
import { leafOf, pathOf } from './merkle.ts'
import { checkpointText, headsOf, keyText, prove } from './prove.ts'
import { approvePruning, orders, proposePruning, prunedBy, pruningRules, type Retention, withdrawPruning } from './prune.ts'
import { keyCommitment, record, recordRead } from './public.ts'
import { ledgerPage, scopeOf, toRow, visibleRecord } from './queries.ts'
import { verifyDatabase } from './sources.ts'
import { usageOf } from './usage.ts'
import { addWitness, receiveStatement } from './witness.ts'

export function registerAudit(app: FastifyInstance, retention: Retention): void {
  const { db, pool, secrets } = app.services

  route(app, contract.ledger, async ({ query, ctx }) => {
    await ctx.ledger.flush()
    await expand(db)
    const result = await ledgerPage(db, ctx.actor, {
      ...query,
    } as never)
    await recordRead(ctx, {
      action: 'audit.query',
      content: `查得 ${result.total} 条${result.more ? '以上' : ''}`,
      data: Object.fromEntries(Object.entries(query).filter(([k, v]) => v !== undefined && k !== 'limit')),
    })
    return {
      ...result,
      scope: scopeOf(ctx.actor).words,
      actions: Object.entries(contract.actionLabels).map(([action, label]) => ({ action, label })),
    }
  })

  route(app, contract.ledgerKeyCommitment, async ({ body }) => ({ key: keyCommitment(secrets, body.key.split(/\s*\+\s*/).join('\u001f')) }))

  route(app, contract.ledgerRecord, async ({ params, ctx }) => {
    await expand(db)
    const entry = await visibleRecord(db, ctx.actor, params.seq)
    if (!entry) {
      const gone = await prunedBy(db, params.seq)
      if (gone)
        refuse('audit.pruned', {
          status: 410,
          detail: `第 ${params.seq} 条的内容已按第 ${gone.no} 号清理删去，摘要和证明还在。`,
          remedy: '需要证明的，下载这一条的证明。',
          cite: gone.cite as Cite,
        })
      notFound('audit.record', '留痕记录')
    }
    const block =
      (await db
        .selectFrom('audit.block')
        .selectAll()
        .where('first_seq', '<=', params.seq)
        .orderBy('first_seq', 'desc')
        .limit(1)
        .executeTakeFirst()) ?? notFound('audit.block', '区块')
    const index = params.seq - block.first_seq
    const leaves = Array.from({ length: block.count }, (_, i) => block.leaves.subarray(32 * i, 32 * i + 32))
    const stored = leaves[index]!
    const text = block.records[index]!
    const seen = async (seq: number) => ((await visibleRecord(db, ctx.actor, seq)) ? seq : null)
    await recordRead(ctx, { action: 'audit.query', subject: `第 ${params.seq} 条` })
    return {
      ...toRow(entry),
      text,
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
      intact: leafOf(text).equals(stored),
      previous: await seen(params.seq - 1),
      next: await seen(params.seq + 1),
    }
  })

  route(app, contract.ledgerProof, async ({ params: { seq }, ctx, reply }) => {
    await expand(db)
    if (!(await visibleRecord(db, ctx.actor, seq)) && !(await prunedBy(db, seq))) notFound('audit.record', '留痕记录')
    if (await checkpoint(ctx, seq)) await ctx.ledger.flush()
    const proof = await prove(db, seq)
    await recordRead(ctx, { action: 'audit.query', subject: `第 ${seq} 条的证明` })
    return reply
      .headers({ 'content-type': 'application/json; charset=utf-8', 'content-disposition': `attachment; filename="proof-${seq}.json"` })
      .send(JSON.stringify(proof, null, 2))
  })

  route(app, contract.verifyLedger, async ({ ctx }) => {
    await ctx.ledger.flush()
    await expand(db)
    await checkpoint(ctx)
    const client = await pool.connect()
    try {
      const trust = { first: openSigner(secrets.derive).publicKeys(), kept: keptOutside(app.services.config.dataDir) }
      const result = await verifyDatabase(client, trust)
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

  const newest = async () => {
    const c = await db.selectFrom('audit.checkpoint').selectAll().orderBy('no', 'desc').limit(1).executeTakeFirst()
    const keys = await db.selectFrom('audit.key').selectAll().orderBy('no').execute()
    return { keys: keys.map(keyText), checkpoint: c ? checkpointText(c) : null }
  }
  route(app, contract.ledgerHead, newest)
  route(app, contract.ledgerHeads, async ({ query }) => ({ rows: await headsOf(db, query.after, query.limit) }))
  const perAddress = limiter(60, 60)
  route(app, contract.witnessStatement, async ({ body, ctx }) => {
    perAddress(ctx.ip, ctx.now)
    await receiveStatement(ctx, body)
    return { ok: true as const }
  })
  route(app, contract.ledgerTrust, async () => {
    const { keys, checkpoint: last } = await newest()
    const { count } = await db
      .selectFrom('audit.checkpoint')
      .select(eb => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    const { rows: witnesses } = await sql<{
      name: string
      at: Date
      public: Record<string, string>
      statements: number
      last: { no: number; height: number; at: string } | null
    }>`
      select w.name, w.at, w.public, (select count(*) from audit.statement s where s.witness = w.name) as statements,
        (select jsonb_build_object('no', s.no, 'height', s.height, 'at', s.at) from audit.statement s where s.witness = w.name order by s.no desc limit 1) as last
      from audit.witness w order by w.at`.execute(db)
    return {
      keys,
      checkpoints: { count: Number(count), last },
      witnesses: witnesses.map(w => ({
        ...w,
        at: w.at.toISOString(),
        last: w.last && { ...w.last, at: new Date(w.last.at).toISOString() },
      })),
    }
  })
  route(app, contract.rotateLedgerKey, async ({ body, ctx }) => keyText(await rotateKey(ctx, body.reason)))
  route(app, contract.addLedgerWitness, async ({ body, ctx }) => {
    await addWitness(ctx, body as { name: string; public: Record<string, string> })
    return { ok: true as const }
  })

  route(app, contract.prunings, async ({ ctx }) => {
    await expand(db)
    const may = ctx.actor.roles.some(r => r === 'security_admin' || r === 'audit_admin')
    return {
      rules: await pruningRules(db, retention, ctx.day),
      orders: (await orders(db)).map(o => ({
        ...o,
        place: retention(o.region, ctx.day).place,
        at: o.at.toISOString(),
        approvals: o.approvals.map(a => ({ person: a.person, at: new Date(a.at).toISOString() })),
        withdrawn: o.withdrawn && { ...o.withdrawn, at: new Date(o.withdrawn.at).toISOString() },
        mayWithdraw: may && !o.done && !o.withdrawn,
        mayApprove: may && !o.done && !o.withdrawn && o.approvals.length < 2 && !o.approvals.some(a => a.personId === ctx.actor.personId),
      })),
      mayPropose: may,
    }
  })
  route(app, contract.proposePruning, async ({ body, ctx }) => {
    await ctx.ledger.flush()
    await expand(db)
    return { no: await proposePruning(ctx, retention, body) }
  })
  route(app, contract.approvePruning, async ({ params, ctx }) => {
    await approvePruning(ctx, retention, params.no)
    return { ok: true as const }
  })
  route(app, contract.withdrawPruning, async ({ params, body, ctx }) => {
    await withdrawPruning(ctx, params.no, body.reason)
    return { ok: true as const }
  })

  route(app, contract.ledgerUsage, async ({ query, ctx }) => {
    await ctx.ledger.flush()
    await expand(db)
    const usage = await usageOf(ctx, query)
    await recordRead(ctx, {
      action: 'audit.query',
      content: `使用情况 ${usage.from} 至 ${usage.to}`,
      ...(query.subject && { subject: query.subject }),
    })
    return usage
  })
}

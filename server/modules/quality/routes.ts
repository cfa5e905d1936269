import type { FastifyInstance } from 'fastify'
import * as contract from '../../../contract/quality.ts'
import { route } from '../../platform/http.ts'
import { publishedEntry } from '../catalog/public.ts'
import { evaluate } from './evaluate.ts'
import { boardOf, departmentQualityOf, entryQualityOf, entryScoresOf } from './queries.ts'
import { correctionsOf, marksOf, markText } from './reports.ts'
import { addRule, changeRule, entryRulesOf, previewOf, removeRule, rowsOf, setLimit } from './rulebook.ts'
import { ticketsOf } from './tickets.ts'
import './deliveries.ts'

export function registerQuality(app: FastifyInstance): void {
  route(app, contract.entryQuality, ({ params, ctx }) => entryQualityOf(ctx, params.code))
  route(app, contract.departmentQuality, ({ ctx }) => departmentQualityOf(ctx))
  route(app, contract.board, ({ query, ctx }) =>
    boardOf(ctx, { state: query.state, ...(query.procedure && { procedure: query.procedure }) }),
  )
  app.services.jobs.on('quality.evaluate', ({ entryId, batchId }: { entryId: string; batchId: string }, ctx) =>
    evaluate(ctx, entryId, batchId),
  )
  route(app, contract.entryRules, ({ params, ctx }) => entryRulesOf(ctx, params.code))
  route(app, contract.previewRule, ({ params, body, ctx }) => previewOf(ctx, params.code, body.check))
  route(app, contract.addRule, ({ params, body, ctx }) => addRule(ctx, params.code, body))
  route(app, contract.changeRule, ({ params, body, ctx }) => changeRule(ctx, params.id, body))
  route(app, contract.removeRule, async ({ params, ctx }) => {
    await removeRule(ctx, params.id)
    return { ok: true as const }
  })
  route(app, contract.ruleRows, ({ params, ctx }) => rowsOf(ctx, params.id))
  route(app, contract.setLimit, async ({ params, body, ctx }) => {
    await setLimit(ctx, params.code, body.limit)
    return { ok: true as const }
  })
  route(app, contract.entryScores, ({ query, ctx }) => entryScoresOf(ctx, query))
  route(app, contract.tickets, ({ query, ctx }) => ticketsOf(ctx, query))
  route(app, contract.corrections, ({ ctx }) => correctionsOf(ctx))
  route(app, contract.publicMarks, async ({ params, ctx }) => {
    const entry = await publishedEntry(ctx.db, { code: params.code })
    const marks = entry?.state === 'published' ? (await marksOf(ctx.db, entry.id)).filter(m => m.kind === 'objection') : []
    return { rows: marks.map(m => ({ since: m.since.toISOString(), whole: m.record === null })), text: markText }
  })
}

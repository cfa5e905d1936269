import type { FastifyInstance } from 'fastify'
import * as contract from '../../../contract/quality.ts'
import { route } from '../../platform/http.ts'
import { publishedEntry } from '../catalog/public.ts'
import { boardOf, departmentQualityOf, entryQualityOf } from './queries.ts'
import { marksOf, markText } from './reports.ts'
import './deliveries.ts'

export function registerQuality(app: FastifyInstance): void {
  route(app, contract.entryQuality, ({ params, ctx }) => entryQualityOf(ctx, params.code))
  route(app, contract.departmentQuality, ({ ctx }) => departmentQualityOf(ctx))
  route(app, contract.board, ({ query, ctx }) =>
    boardOf(ctx, { state: query.state, ...(query.procedure && { procedure: query.procedure }) }),
  )
  route(app, contract.publicMarks, async ({ params, ctx }) => {
    const entry = await publishedEntry(ctx.db, { code: params.code })
    const marks = entry?.state === 'published' ? await marksOf(ctx.db, entry.id) : []
    return { rows: marks.map(m => ({ since: m.since.toISOString(), whole: m.record === null })), text: markText }
  })
}

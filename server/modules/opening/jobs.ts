import type { Jobs } from '../../platform/jobs.ts'
import { Problem } from '../../platform/problem.ts'
import { servingOf } from './routes.ts'

/** New data are scanned before they are served; this looks also when nobody asks, so that a set that must come down comes down soon. */
export function openingJobs(jobs: Jobs): void {
  jobs.on('opening.rescan', async (_data, ctx) => {
    const { rows } = await ctx.pool.query<{ code: string }>(
      `select replace(e.code, '/', '-') as code from opening.listing l join catalog.entry_view e on e.id = l.entry_id where l.state = 'open'`,
    )
    for (const { code } of rows) {
      await servingOf(ctx)
        .source(ctx, code, 'page')
        .catch(error => {
          if (!(error instanceof Problem)) throw error
        })
    }
  })
  jobs.every('opening.rescan', '*/10 * * * *')
}

import type { Jobs } from '../../platform/jobs.ts'
import { Problem } from '../../platform/problem.ts'
import { remindFollowUps, remindReports } from './access.ts'
import { noticeAdoptions } from './follow.ts'
import { servingOf } from './routes.ts'
import { remindEvaluations } from './scope.ts'
import { probe } from './status.ts'

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

  // What is closed is looked at again after the interval; reports of use that did not come are asked for; late data are told to who provides them;
  // a law adopted in another version asks for the conditions that rest on it.
  jobs.on('opening.review', async (_data, ctx) => {
    await remindReports(ctx)
    await remindFollowUps(ctx)
    await remindEvaluations(ctx)
    await noticeAdoptions(ctx)
  })
  jobs.every('opening.review', '10 6 * * *')

  jobs.on('opening.probe', async (_data, ctx) => probe(ctx), { retry: 0 })
  jobs.every('opening.probe', '* * * * *')
}

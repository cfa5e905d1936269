import type { Jobs } from '../../platform/jobs.ts'
import { compareStale } from './duplicates.ts'
import { remindRechecks, remindReleases } from './holdings.ts'
import { sweepRuns, workOn } from './runs.ts'
import { indexStale } from './search.ts'

export function catalogJobs(jobs: Jobs): void {
  jobs.on('catalog.releases', async (_, ctx) => {
    await remindReleases(ctx)
    await remindRechecks(ctx)
  })
  jobs.every('catalog.releases', '40 8 * * *')
  jobs.on('catalog.index', (_, ctx) => indexStale(ctx))
  jobs.every('catalog.index', '* * * * *')
  jobs.on('catalog.run', async ({ id }: { id: string }, ctx) => workOn(ctx, id), { concurrency: 2 })
  jobs.on('catalog.sweep', async (_, ctx) => sweepRuns(ctx))
  jobs.every('catalog.sweep', '* * * * *')
  jobs.on('catalog.duplicates', (_, ctx) => compareStale(ctx))
  jobs.every('catalog.duplicates', '*/2 * * * *')
}

import type { Jobs } from '../../platform/jobs.ts'
import { remindReleases } from './holdings.ts'

export function catalogJobs(jobs: Jobs): void {
  jobs.on('catalog.releases', async (_, ctx) => remindReleases(ctx))
  jobs.every('catalog.releases', '40 8 * * *')
}

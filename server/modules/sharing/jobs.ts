import type { Jobs } from '../../platform/jobs.ts'
import { remindClasses } from './classes.ts'

export function sharingJobs(jobs: Jobs): void {
  jobs.on('sharing.classes', async (_, ctx) => void (await remindClasses(ctx)))
  jobs.every('sharing.classes', '50 8 * * *')
}

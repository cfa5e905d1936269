import type { Jobs } from '../../platform/jobs.ts'
import { reloadLaw } from '../regulation/public.ts'
import { recalculate } from './duties.ts'
import { dispatchNotices } from './notices.ts'
import { remindDuties } from './reminders.ts'

export function procedureJobs(jobs: Jobs): void {
  jobs.on('duties.remind', async (_, ctx) => void (await remindDuties(ctx)))
  jobs.every('duties.remind', '15 8-18 * * *')
  jobs.on('duties.recalculate', async (_, ctx) => {
    // The process that adopted the calendar may be another one.
    await reloadLaw(ctx.db)
    const moved = await recalculate(ctx.db)
    ctx.log.info({ moved }, 'due dates counted again')
  })
  jobs.on('notices.dispatch', async (_, ctx) => dispatchNotices(ctx))
  jobs.every('notices.dispatch', '* * * * *')
}

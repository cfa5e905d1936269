import type { Jobs } from '../../platform/jobs.ts'
import { deliveryOf } from './api.ts'
import { askEnded, tellLate } from './disposal.ts'
import { makePackage, sweepPackages } from './packages.ts'
import { watchUse } from './unusual.ts'

export function deliveryJobs(jobs: Jobs): void {
  jobs.on('delivery.package', ({ id }: { id: string }, ctx) => makePackage(ctx, deliveryOf(ctx), id))
  jobs.on('delivery.sweep', (_, ctx) => sweepPackages(ctx))
  jobs.every('delivery.sweep', '20 * * * *')
  jobs.on('delivery.ended', async (_, ctx) => {
    await deliveryOf(ctx).calls.flush()
    await askEnded(ctx)
    await tellLate(ctx)
  })
  jobs.every('delivery.ended', '35 * * * *')
  jobs.on('delivery.watch', async (_, ctx) => {
    await deliveryOf(ctx).calls.flush()
    await watchUse(ctx)
  })
  jobs.every('delivery.watch', '*/10 * * * *')
}

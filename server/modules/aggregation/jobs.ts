import { rm } from 'node:fs/promises'
import type { Jobs } from '../../platform/jobs.ts'
import { orphans, runBatch, uploadPath } from './run.ts'

export function aggregationJobs(jobs: Jobs): void {
  jobs.on('aggregation.run', async ({ batchId }: { batchId: string }, ctx) => runBatch(ctx, batchId), { concurrency: 2 })

  // A source that went away is tried again, unless somebody has decided otherwise meanwhile.
  jobs.on('aggregation.retry', async ({ batchId, attempt }: { batchId: string; attempt: number }, ctx) => {
    const { rowCount } = await ctx.pool.query(
      `update aggregation.batch set state = 'queued', finished = null where id = $1 and state = 'failed' and attempt = $2`,
      [batchId, attempt],
    )
    if (rowCount) await runBatch(ctx, batchId)
  })

  // Takes up batches whose process was killed, and removes files nobody needs any more.
  jobs.on('aggregation.sweep', async (_, ctx) => {
    for (const batchId of await orphans(ctx)) await ctx.jobs.enqueue(ctx.db, 'aggregation.run', { batchId })
    const { rows } = await ctx.pool.query<{ id: string }>(
      // By the platform's clock, as `created` is: a test or a demonstration may live on another day than the database.
      `update aggregation.upload u set removed = $1 where removed is null and created < $1::timestamptz - interval '7 days'
         and not exists (select from aggregation.batch b where b.upload_id = u.id and b.state in ('queued', 'running', 'held')) returning id`,
      [ctx.clock()],
    )
    for (const { id } of rows) await rm(uploadPath(ctx.config.dataDir, id), { force: true })
  })
  jobs.every('aggregation.sweep', '* * * * *')
}

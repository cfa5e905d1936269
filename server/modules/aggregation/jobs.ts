import { rm } from 'node:fs/promises'
import { sql } from 'kysely'
import type { StaffContext } from '../../platform/context.ts'
import type { Jobs } from '../../platform/jobs.ts'
import { Problem } from '../../platform/problem.ts'
import { closeOverdue } from './agents/capture.ts'
import { sweepNonces } from './agents/runs.ts'
import { basesJobs } from './bases/routes.ts'
import { SourceDown } from './connectors/types.ts'
import { watchFreshness } from './freshness.ts'
import { sweepNewest } from './order.ts'
import { pull } from './pull.ts'
import { sweepPushes } from './push/receive.ts'
import { type SourceRecord, sourceById } from './queries.ts'
import { nextRun } from './rules.ts'
import { noteTrouble, orphans, runBatch, uploadPath } from './run.ts'

export function aggregationJobs(jobs: Jobs): void {
  basesJobs(jobs)
  jobs.on('aggregation.run', async ({ batchId }: { batchId: string }, ctx) => runBatch(ctx, batchId), { concurrency: 2 })

  // A source that went away is tried again, unless somebody has decided otherwise meanwhile.
  jobs.on('aggregation.retry', async ({ batchId, attempt }: { batchId: string; attempt: number }, ctx) => {
    const { rowCount } = await ctx.pool.query(
      `update aggregation.batch set state = 'queued', finished = null where id = $1 and state = 'failed' and attempt = $2`,
      [batchId, attempt],
    )
    if (rowCount) await runBatch(ctx, batchId)
  })

  // Fetches what is due. The next time is set first, so that two processes do not both fetch and a failure waits for its next turn.
  jobs.on('aggregation.tick', async (_, ctx) => {
    const now = ctx.clock()
    const { rows } =
      await sql<SourceRecord>`select * from aggregation.source where next_run <= ${now} and active order by next_run limit 500`.execute(
        ctx.db,
      )
    for (const source of rows) {
      await ctx.db.transaction().execute(async tx => {
        const { numAffectedRows } =
          await sql`update aggregation.source set next_run = ${nextRun(source.schedule!, now)} where id = ${source.id} and next_run <= ${now}`.execute(
            tx,
          )
        if (numAffectedRows) await ctx.jobs.enqueue(tx, 'aggregation.pull', { sourceId: source.id })
      })
    }
  })
  jobs.every('aggregation.tick', '* * * * *')
  jobs.on(
    'aggregation.pull',
    async ({ sourceId }: { sourceId: string }, ctx) => {
      const source = await sourceById(ctx.db, sourceId)
      if (!source?.run_as) return
      try {
        await pull({ ...ctx, actor: source.run_as } as StaffContext, source)
      } catch (error) {
        // Told on the source's page, and tried again at its next turn.
        if (error instanceof Problem) await noteTrouble(ctx.db, source.id, { code: error.code, text: error.message }, ctx.clock())
        else if (!(error instanceof SourceDown)) throw error
      }
    },
    { concurrency: 2 },
  )

  jobs.on('aggregation.freshness', async (_, ctx) => watchFreshness(ctx))
  jobs.every('aggregation.freshness', '17 * * * *')

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
    await sweepNewest(ctx.pool)
    await sweepPushes(ctx)
    await sweepNonces(ctx)
    await closeOverdue(ctx)
  })
  jobs.every('aggregation.sweep', '* * * * *')
}

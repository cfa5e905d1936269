import { CompiledQuery } from 'kysely'
import { PgBoss } from 'pg-boss'
import type { Context, Log } from './context.ts'
import { appRole, type Database, Listening, type Tx } from './db.ts'

export type JobHandler = (data: any, ctx: Context) => Promise<void>
export type JobOptions = { retry?: number; concurrency?: number; expireSeconds?: number }

/** Background work. Enqueued in the caller's transaction, so that it exists exactly when the change does. */
export type Jobs = {
  /** Registers the handler of a queue; call before `start`. */
  on(queue: string, handler: JobHandler, options?: JobOptions): void
  /** Repeats a queue's job on a cron line, Beijing time. */
  every(queue: string, cron: string): void
  enqueue(tx: Tx | Database, queue: string, data: object, options?: { startAfter?: Date; key?: string }): Promise<void>
  /** Runs a queue's handler here and now, for commands and tests. */
  run(queue: string, data: object, context: Context): Promise<void>
  start(context: () => Context): Promise<void>
  stop(): Promise<void>
}

// Requests enqueue in their own transaction, hence as the application role. Two processes starting at once take turns.
const forRequests = `do $$
begin
  perform pg_advisory_xact_lock(hashtext('huitong.jobs'));
  if exists (select from pg_roles where rolname = '${appRole}') and not has_schema_privilege('${appRole}', 'jobs', 'usage') then
    grant usage on schema jobs to ${appRole};
    grant select, insert, update, delete on all tables in schema jobs to ${appRole};
    alter default privileges in schema jobs grant select, insert, update, delete on tables to ${appRole};
  end if;
end $$`

/** pg-boss keeps its tables in schema `jobs`; `url` is the owner's, since it creates them. */
export function openJobs(url: string, log: Log): Jobs {
  // Its pool is made of this, too.
  const options = { connectionString: url, schema: 'jobs', max: 4, application_name: 'huitong-jobs', Client: Listening }
  const boss = new PgBoss(options)
  boss.on('error', error => log.error({ error: (error as Error).message }, 'jobs'))
  const handlers = new Map<string, { handler: JobHandler; options: JobOptions }>()
  const crons: [string, string][] = []
  const ready = boss.start().then(() => boss.getDb().executeSql(forRequests))
  ready.catch(() => {})
  const made = new Set<string>()
  const ensure = async (queue: string) => {
    await ready
    if (made.has(queue)) return
    const options = handlers.get(queue)?.options
    await boss.createQueue(queue, {
      retryLimit: options?.retry ?? 3,
      retryDelay: 5,
      retryBackoff: true,
      expireInSeconds: options?.expireSeconds ?? 6 * 3600,
    })
    made.add(queue)
  }
  return {
    on: (queue, handler, options = {}) => void handlers.set(queue, { handler, options }),
    every: (queue, cron) => void crons.push([queue, cron]),
    async enqueue(tx, queue, data, options = {}) {
      await ensure(queue)
      await boss.send(queue, data, {
        ...(options.startAfter && { startAfter: options.startAfter }),
        ...(options.key && { singletonKey: options.key }),
        db: {
          executeSql: async (text: string, values?: unknown[]) => ({
            rows: (await tx.executeQuery(rawQuery(text, values ?? []))).rows as any[],
          }),
        },
      })
    },
    run: (queue, data, context) => handlers.get(queue)!.handler(data, context),
    async start(context) {
      await ready
      for (const [queue, { handler, options }] of handlers) {
        await ensure(queue)
        await boss.work(
          queue,
          { pollingIntervalSeconds: 0.5, localConcurrency: options.concurrency ?? 1 } as object,
          async (jobs: { data: unknown; id: string }[]) => {
            for (const job of jobs) {
              try {
                await handler(job.data, context())
              } catch (error) {
                log.error({ queue, job: job.id, error: (error as Error).message, stack: (error as Error).stack }, 'job failed')
                throw error
              }
            }
          },
        )
      }
      for (const [queue, cron] of crons) await boss.schedule(queue, cron, {}, { tz: 'Asia/Shanghai' })
    },
    async stop() {
      await ready.catch(() => {})
      await boss.stop({ graceful: true, timeout: 3000, close: true } as object)
    },
  }
}

const rawQuery = (text: string, values: unknown[]) => CompiledQuery.raw(text, values)

import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { placeOf, secretFields } from '../../../../contract/connections.ts'
import * as contract from '../../../../contract/tables.ts'
import type { StaffContext } from '../../../platform/context.ts'
import { route } from '../../../platform/http.ts'
import { newId } from '../../../platform/id.ts'
import type { Jobs } from '../../../platform/jobs.ts'
import { notFound, refuse } from '../../../platform/problem.ts'
import { SourceDown } from '../../aggregation/public.ts'
import { record } from '../../audit/public.ts'
import { markInterrupted } from '../calls.ts'
import { visibleTo } from '../queries.ts'
import { demandGrant, seeGrant } from '../routes.ts'
import { connectionOf, type PushRecord, pushDue, pushTable } from './run.ts'
import { columnsFor, openTarget } from './target.ts'

export function tableJobs(jobs: Jobs): void {
  jobs.on('delivery.push', async ({ id }: { id: string }, ctx) => pushTable(ctx, id), { concurrency: 2, retry: 0 })
  jobs.on('delivery.pushes', async (_, ctx) => pushDue(ctx))
  jobs.every('delivery.pushes', '* * * * *')
  jobs.on('delivery.interrupted', async (_, ctx) => markInterrupted(ctx))
  jobs.every('delivery.interrupted', '* * * * *')
}

/** 库表推送, under /api. */
export function registerTables(app: FastifyInstance): void {
  route(app, contract.tablePushes, ({ ctx }) => pushes(ctx, sql``))
  route(app, contract.tablePush, async ({ params, ctx }) => {
    const grant = await seeGrant(ctx, params.id)
    const [push] = await pushes(ctx, sql`and g.id = ${grant.id}`)
    return { push: push ?? null, mayCreate: !push && (await allowed(ctx, params.id)) }
  })
  route(app, contract.testTablePush, async ({ params, body, ctx }) => {
    const grant = await demandGrant(ctx, params.id, 'rotate')
    const connection = await completed(ctx, params.id, body.connection)
    try {
      const target = await openTarget(connection, newId(), columnsFor(connection.kind, grant.items))
      await target.close()
      return { version: target.version, exists: target.missing !== null, missing: target.missing ?? [], statement: target.create }
    } catch (error) {
      if (!(error instanceof SourceDown)) throw error
      return refuse('delivery.target', { status: 502, detail: error.diagnosis.text, remedy: error.diagnosis.remedy })
    }
  })
  route(app, contract.setTablePush, async ({ params, body, ctx }) => {
    const grant = await demandGrant(ctx, params.id, 'rotate')
    const connection = await completed(ctx, params.id, body.connection)
    const { password, ...open } = connection
    const id = newId()
    await ctx.db.transaction().execute(async tx => {
      await sql`insert into delivery.table_push as p (id, grant_id, connection, secret, every, state, run_as, next_run, created)
        values (${id}, ${grant.id}, ${JSON.stringify(open)}, ${ctx.secrets.seal(password)}, ${body.every}, 'active', ${JSON.stringify(ctx.actor)}, ${ctx.now}, ${ctx.now})
        on conflict (grant_id) do update set connection = excluded.connection, secret = excluded.secret, every = excluded.every, run_as = excluded.run_as,
          next_run = excluded.next_run, trouble = null, caught_up = case when p.connection = excluded.connection then p.caught_up end`.execute(
        tx,
      )
      await record(tx, ctx, { action: 'grant.table', subject: grant.no, content: placeOf(open), data: { every: body.every } })
    })
    return (await pushes(ctx, sql`and g.id = ${grant.id}`))[0]!
  })
  route(app, contract.actTablePush, async ({ params, body, ctx }) => {
    // Pausing and ending need no standing grant.
    const grant =
      body.action === 'run' || body.action === 'resume' ? await demandGrant(ctx, params.id, 'rotate') : await seeGrant(ctx, params.id)
    const { rows } = await sql<PushRecord>`select * from delivery.table_push where grant_id = ${grant.id}`.execute(ctx.db)
    const push = rows[0] ?? notFound('delivery.table_push', '库表推送')
    if (grant.granteeDepartmentId !== ctx.actor.departmentId)
      refuse('grant.not_yours', {
        status: 403,
        reason: 'not-competent',
        detail: `库表推送由使用部门「${grant.grantee}」管理。`,
        remedy: '请联系使用部门。',
      })
    await ctx.db.transaction().execute(async tx => {
      if (body.action === 'remove') await sql`delete from delivery.table_push where id = ${push.id}`.execute(tx)
      else if (body.action === 'run') await ctx.jobs.enqueue(tx, 'delivery.push', { id: push.id })
      else
        await sql`update delivery.table_push set state = ${body.action === 'pause' ? 'paused' : 'active'}, next_run = ${ctx.now} where id = ${push.id}`.execute(
          tx,
        )
      if (body.action !== 'run') await record(tx, ctx, { action: 'grant.table', subject: grant.no, content: words[body.action] })
    })
    return { ok: true as const }
  })
}
const words = { pause: '暂停推送', resume: '继续推送', remove: '不再推送' }

const allowed = (ctx: StaffContext, id: string) =>
  demandGrant(ctx, id, 'rotate').then(
    () => ctx.actor.roles.some(r => r === 'developer' || r === 'steward'),
    () => false,
  )

/** An empty password keeps the stored one, for the same server only. */
async function completed(ctx: StaffContext, grantId: string, given: contract.TargetConnection): Promise<contract.TargetConnection> {
  if (given.password) return given
  const { rows } = await sql<PushRecord>`select * from delivery.table_push where grant_id = ${grantId}`.execute(ctx.db)
  const kept = rows[0]
  if (!kept) return given
  const before = connectionOf(ctx, kept)
  return before.host === given.host && before.port === given.port && before.user === given.user
    ? { ...given, password: before.password }
    : given
}

type Row = PushRecord & { no: string; code: string; title: string; provider: string; grantee: string; grantee_id: string }
async function pushes(ctx: StaffContext, more: ReturnType<typeof sql>): Promise<contract.TablePush[]> {
  const { rows } = await sql<Row>`
    select p.*, g.no, coalesce(e.code, '') as code, coalesce(e.title, '') as title, coalesce(e.department, '') as provider, d.name as grantee, d.id as grantee_id
    from delivery.table_push p join delivery.grant g on g.id = p.grant_id left join catalog.entry_view e on e.id = g.entry_id
    join organization.department_view d on d.id = g.grantee_department_id
    where ${visibleTo(ctx.actor)} ${more} order by p.trouble is null, p.caught_up nulls first, g.no limit 500`.execute(ctx.db)
  return rows.map(p => {
    const lag = p.caught_up && Math.max(0, Math.round((ctx.now.getTime() - p.caught_up.getTime()) / 1000))
    const state =
      p.state === 'paused' ? 'paused' : p.trouble ? 'trouble' : lag === null ? 'full' : lag > (2 * p.every + 1) * 60 ? 'late' : 'current'
    const mine = p.grantee_id === ctx.actor.departmentId && ctx.actor.roles.some(r => r === 'developer' || r === 'steward')
    return {
      id: p.id,
      grantId: p.grant_id,
      grantNo: p.no,
      code: p.code,
      title: p.title,
      provider: p.provider,
      grantee: p.grantee,
      connection: Object.fromEntries(
        Object.entries(p.connection).filter(([k]) => !(secretFields as readonly string[]).includes(k)),
      ) as never,
      place: placeOf(p.connection as never),
      every: p.every,
      state,
      stateLabel: contract.pushStates[state],
      running: p.began !== null,
      lag,
      caughtUp: p.caught_up?.toISOString() ?? null,
      lastRun: p.last_run?.toISOString() ?? null,
      nextRun: p.state === 'active' ? (p.next_run?.toISOString() ?? null) : null,
      upserts: Number(p.upserts),
      removes: Number(p.removes),
      trouble: p.trouble,
      may: mine ? ['edit', 'run', p.state === 'paused' ? 'resume' : 'pause', 'remove'] : [],
    }
  })
}

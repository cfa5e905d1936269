import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import * as contract from '../../../../contract/agents.ts'
import { placeOf } from '../../../../contract/connections.ts'
import type { Context, StaffContext } from '../../../platform/context.ts'
import { contextOf, route } from '../../../platform/http.ts'
import { limiter } from '../../../platform/limiter.ts'
import { Problem } from '../../../platform/problem.ts'
import { liveView } from '../capture/gone.ts'
import { ownSource } from '../commands.ts'
import type { SourceRecord } from '../queries.ts'
import { type AgentRecord, agentById, agentOf } from './caller.ts'
import { capturesOf, endCapture, openCapture, takeChanges } from './capture.ts'
import { assign, makePairing, makeSource, ownAgent, pairWith, revoke } from './commands.ts'
import { agentState } from './look.ts'
import { begin, end, runSource, wantRun } from './runs.ts'

/** 前置机 for the department, under /api. */
export function registerAgents(app: FastifyInstance): void {
  route(app, contract.agents, ({ ctx }) => agentViews(ctx))
  route(app, contract.pairAgent, async ({ body, ctx, request, reply }) => {
    const { code, expires } = await makePairing(ctx, body.name)
    void reply.header('cache-control', 'no-store')
    const base = ctx.config.publicUrl ?? `${request.protocol}://${request.host}`
    return { code, expires: expires.toISOString(), command: `./huitong agent pair ${base} ${code}` }
  })
  route(app, contract.revokeAgent, async ({ params, ctx }) => {
    await revoke(ctx, await ownAgent(ctx, params.id))
    return { ok: true as const }
  })
  route(app, contract.agentMakesSource, async ({ params, body, ctx }) => ({
    id: (await makeSource(ctx, await ownAgent(ctx, params.id), body)).id,
  }))
  route(app, contract.assignAgent, async ({ params, body, ctx }) => {
    const source = await ownSource(ctx, params.id)
    await assign(ctx, source, body.agent && { agent: await ownAgent(ctx, body.agent.id), source: body.agent.source })
    return { ok: true as const }
  })
}

async function agentViews(ctx: StaffContext): Promise<contract.Agent[]> {
  const wide = ctx.actor.roles.includes('bureau') || ctx.actor.roles.includes('inspector')
  const { rows } = await sql<AgentRecord & { department: string; by: string }>`
    select a.*, d.name as department, coalesce(p.name, '') as by from aggregation.agent a
    join organization.department_view d on d.id = a.department_id
    left join organization.person_view p on p.id = (a.actor->>'personId')::uuid
    where a.department_id = ${ctx.actor.departmentId} ${wide ? sql`or d.region = ${ctx.actor.region}` : sql``}
    order by a.revoked is not null, a.id desc limit 200`.execute(ctx.db)
  const { rows: sources } = await sql<SourceRecord & { title: string }>`
    select s.*, coalesce(e.title, '') as title from aggregation.source s left join catalog.entry_view e on e.id = s.entry_id
    where s.agent_id = any(${rows.map(r => r.id)}::uuid[]) order by s.id`.execute(ctx.db)
  const live = new Map<string, string | null>()
  for (const s of sources) live.set(s.id, (await liveView(ctx.db, s))?.text ?? null)
  return rows.map(a => {
    const own = sources.filter(s => s.agent_id === a.id)
    const owed = own.flatMap(s => (s.agent_run_at ? [(ctx.now.getTime() - s.agent_run_at.getTime()) / 1000] : []))
    const mine = a.department_id === ctx.actor.departmentId && ctx.actor.roles.includes('steward') && !a.revoked
    return {
      id: a.id,
      name: a.name,
      department: a.department,
      version: a.version,
      ...agentState(a, ctx.now),
      paired: a.paired.toISOString(),
      pairedBy: a.by,
      contact: a.contact?.toISOString() ?? null,
      lag: Math.max(0, Math.round(Math.max(0, ...owed))),
      spool: a.report.spool,
      error: a.report.error,
      offered: a.report.sources.map(o => ({
        ...o,
        place: placeOf(o.connection),
        sourceId: own.find(s => s.agent_source === o.name)?.id ?? null,
      })),
      sources: own.map(s => ({
        id: s.id,
        name: s.name,
        title: s.title,
        place: placeOf(s.connection),
        waiting: s.agent_run !== null,
        trouble: s.trouble?.text ?? null,
        live: live.get(s.id) ?? null,
      })),
      may: mine ? ['revoke', 'assign'] : [],
    }
  })
}

/** Of changes an agent sends at once; what is more than that it reads anew as a whole. */
const CHANGES_BYTES = 32 * 1024 * 1024

/** For agents, at the root: /agent/v1. Everything comes from them; the platform never calls. */
export function registerAgentApi(app: FastifyInstance): void {
  const pairing = limiter(10, 60)
  const perAgent = limiter(6000, 60)
  app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: CHANGES_BYTES }, (request, body, done) => {
      request.rawBody = body as Buffer
      try {
        done(null, JSON.parse(String(body)))
      } catch {
        done(new Problem('http.400', { status: 400, detail: '内容不是合法的 JSON。' }))
      }
    })
    const caller = async (request: FastifyRequest) => {
      const ctx = contextOf(app.services, request)
      const agent = await agentOf(ctx, request)
      perAgent(agent.id, ctx.now)
      return { agent, ctx: { ...ctx, actor: agent.actor } as StaffContext }
    }

    route(scope, contract.pair, async ({ body, ctx }) => {
      pairing(ctx.ip, ctx.now)
      const agent = await pairWith(ctx, body)
      const { rows } = await sql<{ name: string }>`select name from organization.department_view where id = ${agent.department_id}`.execute(
        ctx.db,
      )
      return { id: agent.id, name: agent.name, department: rows[0]?.name ?? '' }
    })

    route(scope, contract.sync, async ({ body, request }) => {
      const { ctx, agent } = await caller(request)
      const report = { sources: body.sources, spool: body.spool, error: body.error }
      await sql`update aggregation.agent set version = ${body.version}, contact = ${ctx.now}, report = ${JSON.stringify(report)} where id = ${agent.id}`.execute(
        ctx.db,
      )
      const until = Date.now() + body.wait * 1000
      const known = new Set(body.captures.map(keyOf))
      for (;;) {
        const tasks = await tasksOf(ctx, agent, new Set(body.busy))
        const captures = await capturesOf(ctx, agent)
        const news = captures.length !== known.size || captures.some(c => !known.has(keyOf(c)))
        if (tasks.length || news || Date.now() >= until || (await agentById(ctx, agent.id))?.revoked)
          return { name: agent.name, tasks, captures }
        await sleep(Math.min(500, Math.max(until - Date.now(), 1)))
      }
    })
    route(scope, contract.beginRun, async ({ params, body, request }) => {
      const { ctx, agent } = await caller(request)
      return begin(ctx, await runSource(ctx, agent, params.id), body)
    })
    route(scope, contract.endRun, async ({ params, body, request }) => {
      const { ctx, agent } = await caller(request)
      await end(ctx, await runSource(ctx, agent, params.id), body.trouble)
      return { ok: true as const }
    })
    route(scope, contract.openCapture, async ({ params, request }) => {
      const { ctx, agent } = await caller(request)
      return openCapture(ctx, agent, params.id)
    })
    route(scope, contract.sendChanges, async ({ params, body, request }) => {
      const { ctx, agent } = await caller(request)
      return takeChanges(ctx, agent, params.id, body)
    })
    route(scope, contract.endCapture, async ({ params, body, request }) => {
      const { ctx, agent } = await caller(request)
      await endCapture(ctx, agent, params.id, body)
      return { ok: true as const }
    })
  })
}

const keyOf = (c: Pick<contract.AgentCapture, 'sourceId' | 'follow' | 'ready'>) => `${c.sourceId} ${c.follow} ${c.ready}`

/** What is owed. While a delivery of a source is being loaded its next reading waits: it begins where that one ends. */
async function tasksOf(ctx: Context, agent: AgentRecord, busy: Set<string>) {
  // Live capture begins, or begins again, with the whole table.
  const { rows: blank } = await sql<SourceRecord>`
    select * from aggregation.source where agent_id = ${agent.id} and mode = 'capture' and active and cardinality(keys) > 0
      and position is null and live is null and agent_run is null`.execute(ctx.db)
  for (const source of blank) await wantRun(ctx, source)
  const { rows } = await sql<{ run: string; sourceId: string; source: string; entry: string }>`
    select s.agent_run as run, s.id as "sourceId", s.agent_source as source, e.title as entry
    from aggregation.source s join catalog.entry_view e on e.id = s.entry_id
    where s.agent_id = ${agent.id} and s.agent_run is not null
      and not exists (select from aggregation.batch b where b.source_id = s.id and b.state in ('queued', 'running'))
    order by s.agent_run_at`.execute(ctx.db)
  return rows.filter(r => !busy.has(r.run))
}

import type { FastifyInstance } from 'fastify'
import * as contract from '../../../contract/opening.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import { route } from '../../platform/http.ts'
import { limiter } from '../../platform/limiter.ts'
import { refuse } from '../../platform/problem.ts'
import { entryForFilling } from '../catalog/public.ts'
import { govern, openLabel, regionName } from '../regulation/public.ts'
import { accessesFor, heldView, newKey, noticeViews, recordFollowUp, registerAccessEffects, registerProduct, reportUse } from './access.ts'
import { releaseReviewed } from './commands.ts'
import { assessWithdrawn, recordChange, reviewConditions } from './follow.ts'
import { demandPublisher, listViews, planViews, publishDepartmentList, publishYearPlan, restrictedList } from './lists.ts'
import { findEntry, type OpenEntry } from './queries.ts'
import { blockSecret, coverageLabels, coverageOf, evaluateEntry, scopeOf, unlockEntry } from './scope.ts'
import { statusOf } from './status.ts'

/** A catalog entry by its code; one that is not published is not registered, and the article says why that matters. */
export async function registered(ctx: StaffContext, code: string): Promise<OpenEntry> {
  const entry = await findEntry(ctx.pool, { urlCode: code })
  if (entry) return entry
  const draft = await entryForFilling(ctx.db, code)
  const region = draft?.departmentId === ctx.actor.departmentId ? draft.region : ctx.actor.region
  refuse('opening.not_registered', {
    status: 422,
    reason: 'entry-not-registered',
    detail: `${code} 还不是已登记发布的目录，不能列入开放清单。`,
    remedy: '请先登记目录并经审核发布。',
    cite: govern(region, 'open-scope', ctx.day).cite,
  })
}

/** What surrounds the gate: scope and grounds, lists, plans, authorised use, notices, status. */
export function registerAffairs(app: FastifyInstance, gate: (ctx: StaffContext, entry: OpenEntry) => Promise<never>): void {
  registerAccessEffects()
  const { db, pool } = app.services
  const again = async (ctx: StaffContext, code: string) => gate(ctx, await registered(ctx, code))
  const perAddress = limiter(300, 60)
  const guess = limiter(20, 60)

  route(app, contract.publish, async ({ params, ctx }) => {
    const entry = await registered(ctx, params.code)
    await demandPublisher(ctx, entry)
    await db.transaction().execute(tx => releaseReviewed(tx, ctx, entry))
    return again(ctx, params.code)
  })
  route(app, contract.block, async ({ params, body, ctx }) => blockSecret(ctx, await registered(ctx, params.code), body))
  route(app, contract.unlock, async ({ params, body, ctx }) => {
    const entry = await registered(ctx, params.code)
    await db.transaction().execute(tx => unlockEntry(tx, ctx, entry, body))
    return again(ctx, params.code)
  })
  route(app, contract.evaluate, async ({ params, body, ctx }) => {
    const entry = await registered(ctx, params.code)
    const [facts] = await scopeOf(ctx, { entryId: entry.entryId })
    await db.transaction().execute(tx => evaluateEntry(tx, ctx, entry, facts!, body))
    return again(ctx, params.code)
  })
  route(app, contract.assess, async ({ params, body, ctx }) => {
    await assessWithdrawn(ctx, await registered(ctx, params.code), body)
    return again(ctx, params.code)
  })
  route(app, contract.reviewConditions, async ({ params, body, ctx }) => {
    await reviewConditions(ctx, await registered(ctx, params.code), body)
    return again(ctx, params.code)
  })
  route(app, contract.recordLawChange, ({ body, ctx }) => recordChange(ctx, body))
  route(app, contract.coverage, async ({ query, ctx }) => {
    const wide = ctx.actor.departmentRoles.includes('authority') || ctx.actor.roles.includes('inspector')
    const facts = await scopeOf(ctx, {
      region: query.region ?? (wide ? ctx.actor.region : null),
      departmentId: wide ? null : ctx.actor.departmentId,
    })
    const rows = facts.map(f => {
      const c = coverageOf(f, ctx.day, ctx.now)
      return {
        code: f.code,
        title: f.title,
        department: f.department,
        openLabel: openLabel(f.region, f.openClass, ctx.day),
        state: c.state,
        stateLabel: coverageLabels[c.state],
        why: c.why,
        faults: c.faults,
        late: c.late,
        cite: c.cite,
      }
    })
    return { rows, counts: Object.fromEntries(Object.keys(coverageLabels).map(s => [s, rows.filter(r => r.state === s).length])) }
  })
  route(app, contract.publishList, ({ body, ctx }) => publishDepartmentList(ctx, body.class, body.entries))
  route(app, contract.publishPlan, ({ body, ctx }) => publishYearPlan(ctx, body))
  route(app, contract.followUp, ({ params, body, ctx }) => recordFollowUp(ctx, params.no, body))
  route(app, contract.accesses, ({ query, ctx }) => accessesFor(ctx, query.q ?? ''))

  // ── Anyone ──
  const anyone =
    <C extends { ctx: Context }, R>(limit: ReturnType<typeof limiter>, answer: (call: C) => R) =>
    async (call: C): Promise<Awaited<R>> => {
      limit(call.ctx.ip, call.ctx.now)
      return await answer(call)
    }
  route(
    app,
    contract.lists,
    anyone(perAddress, ({ query, ctx }) => listViews(ctx, query.region ?? null)),
  )
  route(
    app,
    contract.restricted,
    anyone(perAddress, ({ query, ctx }) => restrictedList(ctx, query.region ?? null)),
  )
  route(
    app,
    contract.plans,
    anyone(perAddress, ({ query, ctx }) => planViews(ctx, query.region ?? null)),
  )
  route(
    app,
    contract.offices,
    anyone(perAddress, async ({ ctx }: { ctx: Context }) => {
      const { rows } = await ctx.pool.query<{ id: string; name: string; region: string }>(
        `select d.id, d.name, d.region from organization.department_view d where d.kind <> 'company' order by d.region, d.name`,
      )
      return [...Map.groupBy(rows, r => r.region)].map(([region, list]) => ({
        region,
        regionName: regionName(region),
        departments: list.map(({ id, name }) => ({ id, name })),
      }))
    }),
  )
  route(
    app,
    contract.conductNotices,
    anyone(perAddress, ({ ctx }) => noticeViews(ctx)),
  )
  route(
    app,
    contract.status,
    anyone(perAddress, ({ ctx }) => statusOf(pool, ctx.now)),
  )
  // Whoever holds number and code: few tries a minute, so that a code is not found by trying.
  route(
    app,
    contract.myAccess,
    anyone(guess, ({ params, body, ctx }) => heldView(ctx, params.no, body.code)),
  )
  route(app, contract.accessKey, async ({ params, body, ctx, reply }) => {
    guess(ctx.ip, ctx.now)
    void reply.header('cache-control', 'no-store')
    return newKey(ctx, params.no, body.code)
  })
  route(
    app,
    contract.reportUse,
    anyone(guess, ({ params, body, ctx }) => reportUse(ctx, params.no, body)),
  )
  route(
    app,
    contract.registerProduct,
    anyone(guess, ({ params, body, ctx }) => registerProduct(ctx, params.no, body)),
  )
}

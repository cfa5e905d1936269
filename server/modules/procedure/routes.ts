import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { regionPrefix } from '../../../contract/common.ts'
import * as contract from '../../../contract/procedure.ts'
import type { StaffContext } from '../../platform/context.ts'
import { route } from '../../platform/http.ts'
import { isId, newId } from '../../platform/id.ts'
import { limiter } from '../../platform/limiter.ts'
import { notFound, Problem, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { dutyBook, urge } from './book.ts'
import { act, type CaseRecord, procedureOf } from './engine.ts'
import { evidence } from './evidence.ts'
import { publicView } from './outside.ts'
import { rolesOf } from './rules.ts'
import { holdsCode, startAny, startableIn, startOutside } from './start.ts'
import { caseRow, caseView, type DutyRow, dutyClock, healthOf, hooksOf, mayKnow } from './view.ts'

export function registerProcedure(app: FastifyInstance): void {
  const { db } = app.services

  route(app, contract.cases, async ({ query, ctx }) => {
    const me = ctx.actor
    const waiting = sql<boolean>`exists (select 1 from procedure.duty d where d.case_id = c.id and d.ended is null and d.stopped_on is null and d.debtor_id = ${me.departmentId})`
    const mine = sql<boolean>`departments @> array[${me.departmentId}::uuid]`
    let q = db.selectFrom('procedure.case as c')
    if (query.scope === 'waiting') q = q.where(waiting)
    else if (query.scope === 'started') q = q.where('applicant_id', '=', me.departmentId)
    else if (query.scope === 'all' && (me.roles.includes('bureau') || me.roles.includes('inspector')))
      q = q.where(eb => eb.or([eb('region', 'like', `${regionPrefix(me.region)}%`), mine]))
    else q = q.where(mine)
    if (query.state === 'open') q = q.where('ended_at', 'is', null)
    if (query.state === 'ended') q = q.where('ended_at', 'is not', null)
    if (query.procedure) q = q.where('procedure', '=', query.procedure)
    if (query.q)
      q = q.where(eb =>
        eb.or([eb('title', 'like', `%${query.q}%`), eb('no', 'like', `%${query.q}%`), eb('subject_title', 'like', `%${query.q}%`)]),
      )
    const { total } = await q.select(eb => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
    if (query.after && isId(query.after)) q = q.where('c.id', '<', query.after)
    const rows = (await q
      .selectAll()
      .orderBy('c.id', 'desc')
      .limit(query.limit + 1)
      .execute()) as unknown as CaseRecord[]
    const shown = rows.slice(0, query.limit)
    const duties = shown.length
      ? ((await db
          .selectFrom('procedure.duty')
          .selectAll()
          .where(
            'case_id',
            'in',
            shown.map(c => c.id),
          )
          .execute()) as unknown as DutyRow[])
      : []
    const views = await Promise.all(
      shown.map(async c =>
        caseRow(
          c,
          await procedureOf(db, c),
          duties.filter(d => d.case_id === c.id),
          ctx.day,
        ),
      ),
    )
    return { rows: views, next: rows.length > query.limit ? shown.at(-1)!.id : null, total: Number(total) }
  })

  const find = async (ctx: StaffContext, no: string): Promise<CaseRecord> => {
    const c = (await db.selectFrom('procedure.case').selectAll().where('no', '=', no).executeTakeFirst()) as unknown as
      | CaseRecord
      | undefined
    if (!c || !mayKnow(ctx)(c)) notFound('procedure.case', '办件')
    return c
  }
  route(app, contract.caseByNo, async ({ params, ctx }) => caseView(ctx, await find(ctx, params.no)))

  route(app, contract.act, async ({ params, body, ctx }) => {
    const c = await find(ctx, params.no)
    const block = await hooksOf(c.procedure).blocks?.(db, c, params.action)
    if (block)
      throw new Problem('procedure.blocked', {
        status: 422,
        reason: 'step-skipped',
        detail: block.what,
        remedy: `由 ${block.who} 补齐后再办理。`,
        ...(block.cite && { cite: block.cite }),
      })
    await act(ctx, params.no, params.action, body.version, body.form, mayKnow(ctx))
    return caseView(ctx, await find(ctx, params.no))
  })

  const appendOnly = (c: CaseRecord, detail: string): never =>
    refuse('procedure.append_only', {
      status: 409,
      reason: 'log-append-only',
      detail,
      cite: c.ruling.cite,
      remedy: '内容有误的，在办件里另写说明。',
    })
  route(app, contract.removeCase, async ({ params, ctx }) => {
    const c = await find(ctx, params.no)
    return appendOnly(c, `办件 ${c.no} 全程留痕，任何人都不能删除。`)
  })
  route(app, contract.editEvent, async ({ params, ctx }) => {
    const c = await find(ctx, params.no)
    return appendOnly(c, `办件 ${c.no} 的时间线只能续写，第 ${params.seq} 条不能修改或删除。`)
  })

  route(app, contract.startable, async ({ query, ctx }) => {
    // Nothing is offered that would be refused for the person's role anyway.
    if (!ctx.actor.roles.some(role => (contract.startCase.access as readonly string[]).includes(role))) return []
    const after = query.after ? await find(ctx, query.after) : undefined
    return startableIn(ctx, {
      region: after?.region ?? ctx.actor.region,
      outside: false,
      ...(query.kind && { kind: query.kind }),
      ...(after && { after }),
    })
  })
  route(app, contract.startCase, async ({ body, ctx }) => caseView(ctx, await find(ctx, (await startAny(ctx, body)).no)))

  route(app, contract.attach, async ({ ctx, request }) => {
    const part =
      (await request.file({ limits: { fileSize: 20 * 1024 * 1024 } })) ?? refuse('procedure.no_file', { detail: '没有收到文件。' })
    const content = await part
      .toBuffer()
      .catch(() => refuse('procedure.file_too_large', { status: 413, detail: '附件超过 20 MB，没有接收。' }))
    if (!content.length) refuse('procedure.no_file', { detail: '文件是空的，没有接收。' })
    const id = newId()
    const name = part.filename.replace(/[\\/\p{Cc}]/gu, '_').slice(0, 200) || '附件'
    await db.transaction().execute(async tx => {
      const sha256 = createHash('sha256').update(content).digest('hex')
      await tx
        .insertInto('procedure.attachment')
        .values({
          id,
          department_id: ctx.actor.departmentId,
          name,
          media: part.mimetype,
          content,
          sha256,
          uploaded_by: ctx.actor.personId,
          at: ctx.now,
        })
        .execute()
      await record(tx, ctx, { action: 'case.attach', subject: name, data: { sha256, bytes: content.length } })
    })
    return { id, name, bytes: content.length }
  })
  route(app, contract.attachment, async ({ params, ctx, reply }) => {
    const a = await db
      .selectFrom('procedure.attachment as a')
      .leftJoin('procedure.case as c', 'c.id', 'a.case_id')
      .select(['a.name', 'a.content', 'a.department_id', 'c.parties', 'c.region'])
      .where('a.id', '=', params.id)
      .executeTakeFirst()
    const may = a && (a.department_id === ctx.actor.departmentId || (a.parties && mayKnow(ctx)(a as unknown as CaseRecord)))
    if (!may) notFound('procedure.attachment', '附件')
    // Never shown in the browser: a file from outside must not run as a page of ours.
    return reply
      .header('content-type', 'application/octet-stream')
      .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(a.name)}`)
      .send(a.content)
  })

  const perAddress = limiter(30, 60)
  route(app, contract.publicStartable, async ({ query, ctx }) =>
    startableIn(ctx, { region: query.region, outside: true, ...(query.kind && { kind: query.kind }) }),
  )
  route(app, contract.publicStart, async ({ body, ctx }) => {
    perAddress(ctx.ip, ctx.now)
    return startOutside({ ...ctx, actor: null }, body)
  })
  const own = async (no: string, code: string): Promise<CaseRecord> => {
    const c = (await db.selectFrom('procedure.case').selectAll().where('no', '=', no).executeTakeFirst()) as unknown as
      | CaseRecord
      | undefined
    return c && holdsCode(c, code)
      ? c
      : refuse('procedure.wrong_code', { status: 404, detail: '没有这个编号，或查询码不对。', remedy: '请核对回执上的编号和查询码。' })
  }
  const tries = limiter(30, 60)
  route(app, contract.publicCase, async ({ params, query, ctx }) => {
    tries(ctx.ip, ctx.now)
    return publicView({ ...ctx, actor: null }, await own(params.no, query.code))
  })
  route(app, contract.publicAct, async ({ params, body, ctx }) => {
    tries(ctx.ip, ctx.now)
    await own(params.no, body.code)
    const outside = { ...ctx, actor: null }
    await act(outside, params.no, params.action, body.version, body.form, c => holdsCode(c, body.code), 'applicant')
    return publicView(outside, await own(params.no, body.code))
  })

  route(app, contract.todo, async ({ query, ctx }) => {
    const me = ctx.actor
    let q = db
      .selectFrom('procedure.duty as d')
      .leftJoin('procedure.case as c', 'c.id', 'd.case_id')
      .selectAll('d')
      .select(['c.no', 'c.procedure', 'c.regulation', 'c.regulation_version', 'c.parties', 'c.opened_by', 'c.state'])
      .where('d.ended', 'is', null)
    q = query.who === 'started' ? q.where('c.applicant_id', '=', me.departmentId) : q.where('d.debtor_id', '=', me.departmentId)
    const duties = (await q.orderBy('d.due').limit(2000).execute()) as unknown as (DutyRow &
      Pick<CaseRecord, 'no' | 'procedure' | 'regulation' | 'regulation_version' | 'parties' | 'state'>)[]
    const rows = []
    for (const d of duties) {
      const mine = d.parties ? rolesOf(d.parties, [d.role], me).length > 0 : me.roles.includes('steward')
      if (query.who === 'me' && !mine) continue
      const procedureLabel = d.no ? (await procedureOf(db, d)).label : '义务'
      rows.push({
        dutyId: d.id,
        caseNo: d.no,
        title: d.title,
        what: d.what,
        counterparty: d.creditor,
        href: d.href,
        clock: dutyClock(d, ctx.day),
        mine,
        procedureLabel,
      })
    }
    const counts = { green: 0, yellow: 0, red: 0, stopped: 0, done: 0, late: 0, word: 0 }
    const forecast = new Map<
      string,
      { day: string; light: 'green' | 'yellow' | 'red' | 'word' | 'stopped' | 'done' | 'late'; count: number }
    >()
    for (const r of rows) {
      counts[r.clock.light]++
      if (!r.clock.due || r.clock.light === 'stopped' || r.clock.light === 'word') continue
      const known = forecast.get(r.clock.due)
      if (known) known.count++
      else forecast.set(r.clock.due, { day: r.clock.due, light: r.clock.light, count: 1 })
    }
    const lights = query.light?.split(',')
    const rank = { red: 0, yellow: 1, green: 2, word: 3, stopped: 4, late: 5, done: 6 }
    const shown = rows
      .filter(r => !lights || lights.includes(r.clock.light))
      .sort((a, b) => rank[a.clock.light] - rank[b.clock.light] || (a.clock.due ?? '9').localeCompare(b.clock.due ?? '9'))
    return {
      rows: shown,
      counts,
      forecast: [...forecast.values()].sort((a, b) => a.day.localeCompare(b.day)).slice(0, 10),
      health: await healthOf(ctx),
    }
  })

  route(app, contract.evidence, ({ ctx }) => evidence(ctx))
  route(app, contract.duties, ({ query, ctx }) => dutyBook(ctx, query))
  route(app, contract.urge, async ({ params, body, ctx }) => {
    await urge(ctx, params.id, body.kind, body.note)
    return { ok: true }
  })

  route(app, contract.notices, async ({ ctx }) => {
    const rows = await db
      .selectFrom('procedure.notice')
      .selectAll()
      .where('department_id', '=', ctx.actor.departmentId)
      .orderBy('at', 'desc')
      .limit(100)
      .execute()
    const views = rows.map(n => ({
      id: n.id,
      at: n.at.toISOString(),
      text: n.text,
      href: n.href,
      read: n.read_by.includes(ctx.actor.personId),
      kind: n.kind as 'news',
    }))
    return { unread: views.filter(v => !v.read).length, rows: views }
  })
  route(app, contract.readNotices, async ({ ctx }) => {
    await sql`update procedure.notice set read_by = read_by || ${ctx.actor.personId}::uuid where department_id = ${ctx.actor.departmentId} and not read_by @> array[${ctx.actor.personId}::uuid]`.execute(
      db,
    )
    return { ok: true }
  })
}

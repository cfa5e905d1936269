import { verify } from '@node-rs/argon2'
import type { FastifyInstance } from 'fastify'
import type { Role } from '../../../contract/endpoint.ts'
import * as contract from '../../../contract/organization.ts'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { route } from '../../platform/http.ts'
import { limiter } from '../../platform/limiter.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { law, mainRegulation } from '../regulation/public.ts'
import { createDepartment, createPerson, digestOf, hashPassword } from './public.ts'
import { rolesFault } from './rules.ts'
import { cookieName, installSessions, sessionView, signIn } from './session.ts'
import { announceLeft, departmentView, registerUnits } from './units.ts'

export function registerOrganization(app: FastifyInstance): void {
  installSessions(app)
  const { db } = app.services

  // An account pauses by itself after five failures; this slows somebody who tries many accounts.
  const perAddress = limiter(120, 60)
  route(app, contract.signIn, ({ body, ctx, request, reply }) => {
    perAddress(ctx.ip, ctx.now)
    return signIn(ctx, request, reply, body.username, body.password)
  })
  route(app, contract.session, ({ ctx, request }) => sessionView(ctx, request.cookies[cookieName]!))
  route(app, contract.signOut, async ({ ctx, request, reply }) => {
    await db.deleteFrom('organization.session').where('digest', '=', digestOf(request.cookies[cookieName]!)).execute()
    await record(db, ctx, { action: 'session.sign-out' })
    reply.clearCookie(cookieName, { path: '/' })
    return { ok: true }
  })
  route(app, contract.changePassword, async ({ body, ctx, request }) => {
    const person = await db
      .selectFrom('organization.person')
      .select(['password_hash', 'username'])
      .where('id', '=', ctx.actor.personId)
      .executeTakeFirstOrThrow()
    if (!(await verify(person.password_hash, body.current)))
      refuse('session.wrong_password', {
        detail: '现在的密码不对，没有修改。',
        errors: [{ pointer: '/current', code: 'wrong', message: '现在的密码不对' }],
      })
    if (body.next.toLowerCase().includes(person.username))
      refuse('session.weak_password', {
        detail: '新密码不能包含用户名。',
        errors: [{ pointer: '/next', code: 'weak', message: '不能包含用户名' }],
      })
    await db.transaction().execute(async tx => {
      await tx
        .updateTable('organization.person')
        .set({ password_hash: await hashPassword(body.next), must_change_password: false })
        .where('id', '=', ctx.actor.personId)
        .execute()
      await tx
        .deleteFrom('organization.session')
        .where('person_id', '=', ctx.actor.personId)
        .where('digest', '!=', digestOf(request.cookies[cookieName]!))
        .execute()
      await record(tx, ctx, { action: 'session.password' })
    })
    return { ok: true }
  })
  route(app, contract.myContact, async ({ ctx }) => {
    const one = await db
      .selectFrom('organization.person')
      .select(['phone', 'email'])
      .where('id', '=', ctx.actor.personId)
      .executeTakeFirstOrThrow()
    return { phone: one.phone ?? '', email: one.email ?? '', mail: !!ctx.config.mail }
  })
  route(app, contract.setMyContact, async ({ body, ctx }) => {
    await db.transaction().execute(async tx => {
      await tx
        .updateTable('organization.person')
        .set({ phone: body.phone || null, email: body.email || null })
        .where('id', '=', ctx.actor.personId)
        .execute()
      await record(tx, ctx, { action: 'session.contact' })
    })
    return { ok: true }
  })
  route(app, contract.mySessions, async ({ ctx, request }) => {
    const current = digestOf(request.cookies[cookieName]!)
    const rows = await db
      .selectFrom('organization.session')
      .selectAll()
      .where('person_id', '=', ctx.actor.personId)
      .where('expires', '>', ctx.now)
      .orderBy('last_seen', 'desc')
      .execute()
    return rows.map(s => ({
      id: s.public_id,
      created: s.created.toISOString(),
      lastSeen: s.last_seen.toISOString(),
      ip: s.ip,
      agent: s.agent,
      current: s.digest.equals(current),
    }))
  })

  route(app, contract.setupState, async () => ({ open: (await peopleCount(app)) === 0 }))
  route(app, contract.setup, async ({ body, ctx }) => {
    if (new Set(body.administrators.map(a => a.role)).size !== 3)
      refuse('setup.three', {
        detail: '系统、安全、审计三个管理员各一人。',
        errors: [{ pointer: '/administrators', code: 'three', message: '三个管理员各一人' }],
      })
    await db.transaction().execute(async tx => {
      const token = await tx
        .deleteFrom('organization.setup_token')
        .where('digest', '=', digestOf(body.token))
        .where('expires', '>', ctx.now)
        .returning('digest')
        .executeTakeFirst()
      if (!token || (await peopleCount(app)) > 0)
        refuse('setup.token', {
          status: 403,
          detail: '初始设置的口令不对或已过期，没有执行。',
          remedy: '请重新启动平台，使用新打印的口令。',
        })
      const system = { ...ctx, actor: null }
      const department = await createDepartment(tx, system, {
        region: body.region,
        name: body.departmentName,
        creditCode: body.creditCode,
        roles: ['authority'],
      })
      for (const a of body.administrators)
        await createPerson(tx, system, {
          username: a.username,
          name: a.name,
          departmentId: department.id,
          password: a.password,
          roles: [a.role],
        })
      await record(tx, system, { action: 'setup.done', subject: body.departmentName, region: body.region })
    })
    return { ok: true }
  })

  route(app, contract.regions, async ({ ctx }) =>
    [...law().regions.values()].map(r => ({
      code: r.code,
      name: r.name,
      level: r.level,
      parent: r.parent,
      regulation: mainRegulation(r.code, ctx.day),
    })),
  )
  route(app, contract.departments, async ({ query, ctx }) => {
    let q = db.selectFrom('organization.department').selectAll().orderBy('region').orderBy('name')
    if (query.region) q = q.where('region', '=', query.region)
    return (await q.execute()).map(d => departmentView(d, ctx.day))
  })
  route(app, contract.createDepartment, ({ body, ctx }) =>
    db.transaction().execute(async tx => {
      const d = await createDepartment(tx, ctx, body)
      return departmentView({ ...d, authorisation: body.authorisation ?? null }, ctx.day)
    }),
  )
  registerUnits(app)

  route(app, contract.people, async ({ query, ctx }) => {
    let q = personQuery(ctx)
    if (query.departmentId) q = q.where('p.department_id', '=', query.departmentId)
    if (query.q)
      q = q.where(eb =>
        eb.or([eb('p.name', 'like', `%${query.q}%`), eb('p.username', 'like', `%${query.q}%`), eb('d.name', 'like', `%${query.q}%`)]),
      )
    if (ctx.actor.roles.includes('bureau') && ctx.actor.roles.length === 1) q = q.where('d.region', '=', ctx.actor.region)
    return (await q.orderBy('d.region').orderBy('d.name').orderBy('p.username').limit(1000).execute()).map(personView(ctx))
  })
  route(app, contract.createPerson, async ({ body, ctx }) => {
    const id = await db.transaction().execute(tx => createPerson(tx, ctx, { ...body, mustChange: true }))
    return personView(ctx)(await personQuery(ctx).where('p.id', '=', id).executeTakeFirstOrThrow())
  })
  route(app, contract.setRoles, async ({ params, body, ctx }) => {
    const fault = rolesFault(body.roles)
    if (fault) refuse('organization.roles_apart', { detail: fault, errors: [{ pointer: '/roles', code: 'roles-apart', message: fault }] })
    if (params.id === ctx.actor.personId)
      refuse('organization.own_roles', { status: 403, detail: '不能调整自己的角色。', remedy: '请另一位安全管理员办理。' })
    return changePerson(ctx, params.id, { roles: body.roles }, 'organization.roles', body.roles.join('、'))
  })
  route(app, contract.setDisabled, async ({ params, body, ctx }) => {
    if (params.id === ctx.actor.personId) refuse('organization.own_account', { status: 403, detail: '不能停用自己的账号。' })
    const left = body.disabled ? (tx: Tx) => announceLeft(tx, ctx, params.id) : undefined
    return changePerson(ctx, params.id, { disabled: body.disabled }, 'organization.disabled', body.disabled ? '停用' : '启用', left)
  })

  route(app, contract.resetPassword, async ({ params, body, ctx }) => {
    if (params.id === ctx.actor.personId) refuse('organization.own_account', { status: 403, detail: '自己的密码请在“我的”里修改。' })
    const change = { password_hash: await hashPassword(body.password), must_change_password: true, failures: 0, locked_until: null }
    return changePerson(ctx, params.id, change, 'organization.password', '重设密码')
  })
}

const peopleCount = async (app: FastifyInstance) =>
  Number(
    (
      await app.services.db
        .selectFrom('organization.person')
        .select(eb => eb.fn.countAll<number>().as('n'))
        .executeTakeFirstOrThrow()
    ).n,
  )

const personQuery = (ctx: Context) =>
  ctx.db
    .selectFrom('organization.person as p')
    .innerJoin('organization.department as d', 'd.id', 'p.department_id')
    .selectAll('p')
    .select(['d.name as department'])
const personView = (ctx: Context) => (p: any) => ({
  id: p.id,
  username: p.username,
  name: p.name,
  department: p.department,
  departmentId: p.department_id,
  phone: p.phone,
  roles: p.roles as Role[],
  disabled: p.disabled,
  locked: !!p.locked_until && p.locked_until > ctx.now,
  lastSignIn: p.last_sign_in?.toISOString() ?? null,
})

async function changePerson(
  ctx: Context,
  id: string,
  change: object,
  action: 'organization.roles' | 'organization.disabled' | 'organization.password',
  content: string,
  also?: (tx: Tx) => Promise<void>,
): Promise<object> {
  await ctx.db.transaction().execute(async tx => {
    const person =
      (await tx.updateTable('organization.person').set(change).where('id', '=', id).returning('username').executeTakeFirst()) ??
      notFound('organization.person', '人员')
    // A change of what a person may do takes effect at once: their sessions end.
    await tx.deleteFrom('organization.session').where('person_id', '=', id).execute()
    await record(tx, ctx, { action, subject: person.username, content })
    await also?.(tx)
  })
  return personView(ctx)(await personQuery(ctx).where('p.id', '=', id).executeTakeFirstOrThrow())
}

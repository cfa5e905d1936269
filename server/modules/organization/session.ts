import { createHmac, timingSafeEqual } from 'node:crypto'
import { verify } from '@node-rs/argon2'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import { type Role, roles as roleLabels } from '../../../contract/endpoint.ts'
import type { Actor, Context, Services } from '../../platform/context.ts'
import { newSecret } from '../../platform/id.ts'
import { Problem, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { mainRegulation, regionName, regionOf } from '../regulation/public.ts'
import { digestOf, hashPassword } from './public.ts'
import { lockAfter, lockMinutes, menuOf } from './rules.ts'

export const cookieName = 'ht_session'

const csrfOf = (services: Services, token: string): string =>
  createHmac('sha256', services.secrets.derive('csrf')).update(token).digest('base64url')

/** Finds the signed-in person of every request; changes must carry the session's csrf token. */
export function installSessions(app: FastifyInstance): void {
  const { services } = app
  app.decorateRequest('actor', null)
  app.addHook('onRequest', async request => {
    const token = request.cookies[cookieName]
    if (!token || !request.url.startsWith('/api/')) return
    const found = await actorOf(services, token)
    if (!found) return
    if (!['GET', 'HEAD', 'OPTIONS'].includes(request.method)) {
      const given = Buffer.from(String(request.headers['x-csrf-token'] ?? ''))
      const expected = Buffer.from(csrfOf(services, token))
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
        throw new Problem('session.csrf', {
          status: 403,
          detail: '这次提交没有带上页面的校验码，没有执行。',
          remedy: '请刷新页面后再试，填写的内容请先复制。',
        })
      }
    }
    request.actor = found
  })
}

async function actorOf(services: Services, token: string): Promise<Actor | null> {
  const now = services.clock()
  const row = await services.db
    .selectFrom('organization.session as s')
    .innerJoin('organization.person as p', 'p.id', 's.person_id')
    .innerJoin('organization.department as d', 'd.id', 'p.department_id')
    .select([
      's.digest',
      's.last_seen',
      'p.id',
      'p.username',
      'p.name',
      'p.roles',
      'p.must_change_password',
      'd.id as department_id',
      'd.name as department',
      'd.region',
      'd.roles as department_roles',
    ])
    .where('s.digest', '=', digestOf(token))
    .where('s.expires', '>', now)
    .where('p.disabled', '=', false)
    .executeTakeFirst()
  if (!row) return null
  if (now.getTime() - row.last_seen.getTime() > 60_000) {
    const expires = new Date(now.getTime() + services.config.sessionHours * 3_600_000)
    await services.db.updateTable('organization.session').set({ last_seen: now, expires }).where('digest', '=', row.digest).execute()
  }
  return {
    personId: row.id,
    username: row.username,
    name: row.name,
    departmentId: row.department_id,
    department: row.department,
    region: row.region,
    departmentRoles: row.department_roles,
    roles: row.roles as Role[],
    mustChangePassword: row.must_change_password,
  }
}

/** A hash to compare with when the user name is unknown, so that both answers take the same time. */
const decoy = hashPassword('no such person')

export async function signIn(
  ctx: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  username: string,
  password: string,
): Promise<object> {
  const { db, now } = ctx
  const person = await db.selectFrom('organization.person').selectAll().where('username', '=', username.toLowerCase()).executeTakeFirst()
  const good = await verify(person?.password_hash ?? (await decoy), password)
  if (person?.locked_until && person.locked_until > now) {
    refuse('session.locked', {
      status: 429,
      detail: `连续输错 ${lockAfter} 次，已暂停登录到 ${person.locked_until.toLocaleTimeString('zh-CN', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' })}。`,
      remedy: '请稍后再试，或请系统管理员重设密码。',
    })
  }
  if (!person || !good || person.disabled) {
    if (person) {
      await db
        .updateTable('organization.person')
        .set({
          failures: sql`failures + 1`,
          locked_until: sql`case when (failures + 1) % ${lockAfter} = 0 then ${new Date(now.getTime() + lockMinutes * 60_000)}::timestamptz else locked_until end`,
        })
        .where('id', '=', person.id)
        .execute()
    }
    await record(db, ctx, { action: 'session.refused', subject: username.slice(0, 64) })
    await ctx.ledger.flush()
    refuse('session.wrong', { status: 401, detail: '用户名或密码不对。', remedy: '请核对大小写；连续输错 5 次会暂停登录 15 分钟。' })
  }
  const token = newSecret()
  const expires = new Date(now.getTime() + ctx.config.sessionHours * 3_600_000)
  await db.transaction().execute(async tx => {
    await tx
      .updateTable('organization.person')
      .set({ failures: 0, locked_until: null, last_sign_in: now })
      .where('id', '=', person.id)
      .execute()
    await tx.deleteFrom('organization.session').where('expires', '<', now).execute()
    await tx
      .insertInto('organization.session')
      .values({
        digest: digestOf(token),
        public_id: newSecret().slice(0, 12),
        person_id: person.id,
        created: now,
        last_seen: now,
        expires,
        ip: ctx.ip,
        agent: String(request.headers['user-agent'] ?? '').slice(0, 200),
      })
      .execute()
  })
  const actor = (await actorOf(ctx, token))!
  await record(db, { ...ctx, actor }, { action: 'session.sign-in', subject: person.username })
  reply.setCookie(cookieName, token, {
    httpOnly: true,
    sameSite: 'lax',
    path: '/',
    secure: !!ctx.config.publicUrl?.startsWith('https'),
    expires,
  })
  return sessionView({ ...ctx, actor }, token, expires)
}

/** What the browser needs to know about the signed-in person. */
export async function sessionView(ctx: Context, token: string, expires?: Date): Promise<object> {
  const actor = ctx.actor!
  const department = await ctx.db
    .selectFrom('organization.department')
    .selectAll()
    .where('id', '=', actor.departmentId)
    .executeTakeFirstOrThrow()
  const region = regionOf(actor.region)
  return {
    person: { id: actor.personId, username: actor.username, name: actor.name, mustChangePassword: !!actor.mustChangePassword },
    department: {
      id: department.id,
      region: department.region,
      regionName: regionName(department.region),
      name: department.name,
      creditCode: department.credit_code,
      roles: department.roles,
    },
    region: {
      code: actor.region,
      name: region?.name ?? actor.region,
      level: region?.level ?? 'county',
      parent: region?.parent ?? null,
      regulation: mainRegulation(actor.region, ctx.day),
    },
    roles: actor.roles.map(role => ({ role, label: roleLabels[role] })),
    menu: menuOf(actor.roles),
    csrf: csrfOf(ctx, token),
    expires: (expires ?? new Date(ctx.now.getTime() + ctx.config.sessionHours * 3_600_000)).toISOString(),
  }
}

import { createHash } from 'node:crypto'
import { hash } from '@node-rs/argon2'
import { sql } from 'kysely'
import type { Context } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { newId, newSecret } from '../../platform/id.ts'
import { refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { regionOf } from '../regulation/public.ts'
import { creditCodeFault } from './credit-code.ts'

export { creditCheck } from './credit-code.ts'

export type DepartmentRecord = { id: string; region: string; name: string; credit_code: string; roles: string[] }

/** argon2id with the parameters OWASP recommends (19 MiB, 2 passes). */
export const hashPassword = (password: string): Promise<string> => hash(password, { memoryCost: 19456, timeCost: 2, parallelism: 1 })

export const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()

export const departmentById = (db: Database | Tx, id: string): Promise<DepartmentRecord | undefined> =>
  db.selectFrom('organization.department').select(['id', 'region', 'name', 'credit_code', 'roles']).where('id', '=', id).executeTakeFirst()

/**
 * The department that plays a role for a region. `parent-authority` is the authority of the region above.
 * Refuses when nobody is registered for it, naming region and role.
 */
export async function departmentFor(db: Database | Tx, region: string, role: string, label: string): Promise<DepartmentRecord> {
  const parent = role.startsWith('parent-')
  const where = parent ? regionOf(region)?.parent : region
  const wanted = parent ? role.slice('parent-'.length) : role
  for (let at = where ? regionOf(where) : undefined; at; at = !parent && at.parent ? regionOf(at.parent) : undefined) {
    const found = await db
      .selectFrom('organization.department')
      .select(['id', 'region', 'name', 'credit_code', 'roles'])
      .where('region', '=', at.code)
      .where(sql<boolean>`${wanted} = any(roles)`)
      .executeTakeFirst()
    if (found) return found
  }
  refuse('organization.role_missing', {
    status: 409,
    detail: `还没有登记${label}（${role}），这件事没有人可以办理。`,
    remedy: '请系统管理员在“机构与人员”登记这个部门。',
  })
}

export async function createDepartment(
  tx: Tx | Database,
  ctx: Context,
  d: { region: string; name: string; creditCode: string; roles: string[] },
): Promise<DepartmentRecord> {
  const fault = creditCodeFault(d.creditCode)
  if (fault)
    refuse('organization.credit_code', {
      detail: `统一社会信用代码不对：${fault}`,
      errors: [{ pointer: '/creditCode', code: 'credit-code', message: fault }],
    })
  if (!regionOf(d.region))
    refuse('organization.region', { detail: '没有这个地区。', errors: [{ pointer: '/region', code: 'region', message: '没有这个地区' }] })
  const row = { id: newId(), region: d.region, name: d.name, credit_code: d.creditCode.toUpperCase(), roles: d.roles }
  const done = await tx
    .insertInto('organization.department')
    .values(row)
    .onConflict(c => c.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (!done) refuse('organization.department_exists', { status: 409, detail: `这个地区已有“${d.name}”，或已有同一角色的部门。` })
  await record(tx, ctx, { action: 'organization.department', subject: d.name, region: d.region })
  return row
}

export async function createPerson(
  tx: Tx | Database,
  ctx: Context,
  p: { username: string; name: string; departmentId: string; phone?: string; password: string; roles?: string[]; mustChange?: boolean },
): Promise<string> {
  const id = newId()
  const done = await tx
    .insertInto('organization.person')
    .values({
      id,
      username: p.username,
      name: p.name,
      department_id: p.departmentId,
      phone: p.phone ?? null,
      password_hash: await hashPassword(p.password),
      roles: p.roles ?? [],
      must_change_password: p.mustChange ?? false,
    })
    .onConflict(c => c.column('username').doNothing())
    .returning('id')
    .executeTakeFirst()
  if (!done)
    refuse('organization.username_taken', {
      status: 409,
      detail: `用户名“${p.username}”已有人使用。`,
      errors: [{ pointer: '/username', code: 'taken', message: '已有人使用' }],
    })
  await record(tx, ctx, { action: 'organization.person', subject: p.username })
  return id
}

/** A one-time token, valid for an hour, that lets the first administrators in. Replaces any earlier one. */
export async function createSetupToken(db: Database, now: Date): Promise<string | null> {
  const { count } = await db
    .selectFrom('organization.person')
    .select(eb => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  if (Number(count) > 0) return null
  const token = newSecret()
  await db.deleteFrom('organization.setup_token').execute()
  await db
    .insertInto('organization.setup_token')
    .values({ digest: digestOf(token), expires: new Date(now.getTime() + 3_600_000) })
    .execute()
  return token
}

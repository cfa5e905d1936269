import { createHash } from 'node:crypto'
import { hash } from '@node-rs/argon2'
import { sql } from 'kysely'
import { departmentKinds, type departmentKinds as kinds } from '../../../contract/organization.ts'
import { dayOf } from '../../platform/clock.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { newId, newSecret } from '../../platform/id.ts'
import { refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { govern, passGate, regionName, regionOf } from '../regulation/public.ts'
import { creditCodeFault } from './credit-code.ts'
import { officersMissing, postsOf, type Scope, scopeLabels } from './officers.ts'

export { creditCheck } from './credit-code.ts'
export { type Filing, fileOfficers, postsOf, type Scope, scopeLabels, vacantPosts } from './officers.ts'

export type DepartmentKind = keyof typeof kinds
export type DepartmentRecord = {
  id: string
  region: string
  name: string
  credit_code: string
  roles: string[]
  kind: DepartmentKind
  by_reference: boolean
}
const columns = ['id', 'region', 'name', 'credit_code', 'roles', 'kind', 'by_reference'] as const

/** argon2id with the parameters OWASP recommends (19 MiB, 2 passes). */
export const hashPassword = (password: string): Promise<string> => hash(password, { memoryCost: 19456, timeCost: 2, parallelism: 1 })

export const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()

export const departmentById = (db: Database | Tx, id: string): Promise<DepartmentRecord | undefined> =>
  db.selectFrom('organization.department').select(columns).where('id', '=', id).executeTakeFirst() as Promise<DepartmentRecord | undefined>

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
      .select(columns)
      .where('region', '=', at.code)
      .where(sql<boolean>`${wanted} = any(roles)`)
      .executeTakeFirst()
    if (found) return found as DepartmentRecord
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
  d: {
    region: string
    name: string
    creditCode: string
    roles: string[]
    kind?: DepartmentKind
    authorisation?: { instrument: string; article: string }
    byReference?: boolean
  },
): Promise<DepartmentRecord> {
  const fault = creditCodeFault(d.creditCode)
  if (fault)
    refuse('organization.credit_code', {
      detail: `统一社会信用代码不对：${fault}`,
      errors: [{ pointer: '/creditCode', code: 'credit-code', message: fault }],
    })
  if (!regionOf(d.region))
    refuse('organization.region', {
      reason: 'jurisdiction-required',
      detail: `没有代码为“${d.region}”的地区。部门属于哪个地区，决定它办事适用哪里的规定，所以先登记地区。`,
      remedy: '请系统管理员在“法规 → 地区”登记这个地区，或改填已有的地区。',
      errors: [{ pointer: '/region', code: 'jurisdiction-required', message: '没有这个地区' }],
    })
  const kind = d.kind ?? 'agency'
  const rule = govern(d.region, 'departments', dayOf(ctx.now))
  if (rule.value.authorisation.includes(kind) && !d.authorisation && !d.byReference)
    refuse('organization.authorisation', {
      reason: 'authorisation-missing',
      detail: `${rule.value.kinds[kind] ?? departmentKinds[kind]}要登记授权它管理公共事务的条款，才是${regionName(d.region)}的政务部门。`,
      cite: rule.cite,
      remedy: '写明法律、法规的名称和条款。',
      errors: [{ pointer: '/authorisation', code: 'authorisation-missing', message: '缺授权条款', cite: rule.cite }],
    })
  const operator = govern(d.region, 'operator', dayOf(ctx.now))
  if (d.roles.includes('operator') && operator.value.authorised && !d.authorisation)
    refuse('organization.operator', {
      reason: 'authorisation-missing',
      detail: '平台运营机构要有政府的授权记录，才能给予平台管理的角色。',
      cite: operator.cite,
      errors: [{ pointer: '/authorisation', code: 'authorisation-missing', message: '缺授权文件', cite: operator.cite }],
    })
  if (d.byReference) {
    const reference = govern(d.region, 'by-reference', dayOf(ctx.now))
    if (!reference.value.units.length)
      refuse('organization.by_reference', {
        reason: 'out-of-scope',
        detail: `${regionName(d.region)}的规定没有单位参照执行的条款。`,
        cite: reference.cite,
        errors: [{ pointer: '/byReference', code: 'out-of-scope', message: '没有参照执行的条款', cite: reference.cite }],
      })
  }
  const row = {
    id: newId(),
    region: d.region,
    name: d.name,
    credit_code: d.creditCode.toUpperCase(),
    roles: d.roles,
    kind,
    by_reference: d.byReference ?? false,
  }
  const done = await tx
    .insertInto('organization.department')
    .values({ ...row, authorisation: d.authorisation ? JSON.stringify(d.authorisation) : null })
    .onConflict(c => c.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (!done) refuse('organization.department_exists', { status: 409, detail: `这个地区已有“${d.name}”，或已有同一角色的部门。` })
  await record(tx, ctx, { action: 'organization.department', subject: d.name, region: d.region })
  return row
}

/** Is it a department in the sense of its place? Units that follow the rules by reference count. */
export const isDepartment = (d: Pick<DepartmentRecord, 'region' | 'kind' | 'by_reference'>, day: string): boolean =>
  d.by_reference || !!govern(d.region, 'departments', day).value.kinds[d.kind]

/** Refuses who is no department of its place: a company may be registered, but owns no entries and applies for nothing. */
export async function requireDepartment(db: Database | Tx, ctx: StaffContext): Promise<void> {
  const d = (await departmentById(db, ctx.actor.departmentId))!
  if (!regionOf(d.region))
    refuse('organization.region', {
      reason: 'jurisdiction-required',
      detail: `${d.name}所属的地区“${d.region}”没有登记，不知道适用哪里的规定，不能开始办理。`,
      remedy: '请系统管理员在“法规 → 地区”登记这个地区。',
    })
  if (isDepartment(d, ctx.day)) return
  const rule = govern(d.region, 'departments', ctx.day)
  refuse('organization.not_a_department', {
    status: 403,
    reason: rule.value.reason,
    detail: `${d.name}登记为${departmentKinds[d.kind]}，不在${rule.cite.title}所说的范围内（${Object.values(rule.value.kinds).join('、')}）。`,
    cite: rule.cite,
    remedy: '登记的单位性质有误时，请系统管理员更正。',
  })
}

/** The gate in front of catalog and applications: who answers for data must be filed. The block is the platform's, the duty the article's. */
export async function requireOfficers(tx: Tx, ctx: StaffContext, scope: Scope): Promise<void> {
  const { departmentId, department, region } = ctx.actor
  const missing = await officersMissing(tx, { id: departmentId, region }, scope, ctx.day)
  if (!missing) return
  const rule = postsOf(region, scope, ctx.day)
  await passGate(tx, ctx, {
    region,
    key: 'officer-filed',
    code: 'organization.officers_not_filed',
    reason: 'officer-not-filed',
    detail: `${department}还没有备案${scopeLabels[scope]}的${missing.labels.map(l => `“${l}”`).join('、')}。`,
    cite: missing.cite,
    remedy: `向${rule.roleLabels[rule.value.fileWith] ?? '主管部门'}备案后再提交，内容不用重填。`,
    subject: department,
  })
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

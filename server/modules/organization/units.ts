import type { FastifyInstance } from 'fastify'
import { type Kysely, sql } from 'kysely'
import { regionPrefix } from '../../../contract/common.ts'
import * as contract from '../../../contract/organization.ts'
import { addDays } from '../../platform/clock.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { route } from '../../platform/http.ts'
import { newId } from '../../platform/id.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { govern, regionName } from '../regulation/public.ts'
import { currentOfficers, leavePosts, postsOf, type Scope, scopeLabels } from './officers.ts'
import { type DepartmentKind, isDepartment } from './public.ts'

/** Routes of units: officers as filed, information systems, who is assessed. */
export function registerUnits(app: FastifyInstance): void {
  const { db } = app.services

  route(app, contract.officers, async ({ query, ctx }) => {
    let q = db.selectFrom('organization.department').select(['id', 'name', 'region', 'by_reference']).orderBy('region').orderBy('name')
    q = overseer(ctx) ? q.where('region', 'like', `${regionPrefix(ctx.actor.region)}%`) : q.where('id', '=', ctx.actor.departmentId)
    if (query.department) q = q.where('id', '=', query.department)
    const sheets = []
    for (const d of await q.limit(500).execute())
      for (const scope of ['data', 'opening'] as const)
        if (Object.keys(postsOf(d.region, scope, ctx.day).value.posts).length) sheets.push(await sheetOf(db, d, scope, ctx.day))
    return sheets
  })

  /** A department's own sheet, to change; the authority only reads. */
  const ownDocuments = async (ctx: StaffContext, id: string) => {
    const sheet = await documentsOf(db, ctx, id)
    if (id !== ctx.actor.departmentId)
      refuse('organization.documents_missing', {
        status: 403,
        reason: 'not-owner',
        detail: '管理制度由本部门登记和确认。',
        cite: sheet.cite,
      })
    return sheet
  }
  route(app, contract.documents, ({ params, ctx }) => documentsOf(db, ctx, params.id))
  route(app, contract.setDocument, async ({ params, body, ctx }) => {
    const { cite, documents } = await ownDocuments(ctx, params.id)
    const one =
      documents.find(d => d.key === params.key) ??
      refuse('organization.document_unknown', { reason: 'field-missing', detail: '当地规定没有这一种制度文件。', cite })
    await db.transaction().execute(async tx => {
      const row = { title: body.title, version: body.version, issued: body.issued as never }
      await tx
        .insertInto('organization.document')
        .values({ department_id: params.id, key: params.key, ...row })
        .onConflict(c => c.columns(['department_id', 'key']).doUpdateSet(row))
        .execute()
      const content = `${one.label} ${body.title} ${body.version}`
      await record(tx, ctx, { action: 'organization.document', subject: ctx.actor.department, content, cite })
    })
    return documentsOf(db, ctx, params.id)
  })
  route(app, contract.confirmDocuments, async ({ params, ctx }) => {
    const { cite, missing } = await ownDocuments(ctx, params.id)
    if (missing.length)
      refuse('organization.documents_missing', {
        reason: 'document-missing',
        detail: `还缺${missing.map(m => `“${m}”`).join('、')}，不能确认建全。`,
        cite,
      })
    const row = { confirmed: ctx.day as never, confirmed_by: ctx.actor.name }
    await db.transaction().execute(async tx => {
      await tx
        .insertInto('organization.profile')
        .values({ department_id: params.id, ...row })
        .onConflict(c => c.column('department_id').doUpdateSet(row))
        .execute()
      await record(tx, ctx, { action: 'organization.document', subject: ctx.actor.department, content: '确认管理制度建全', cite })
    })
    return documentsOf(db, ctx, params.id)
  })

  route(app, contract.assessmentMembers, async ({ params, ctx }) => {
    const rows = await members(db)
      .where('m.year', '=', params.year)
      .where('m.region', 'like', `${regionPrefix(ctx.actor.region)}%`)
      .execute()
    return rows.map(m => memberView(m, ctx.day))
  })
  route(app, contract.addAssessmentMember, async ({ params, body, ctx }) => {
    const d =
      (await db
        .selectFrom('organization.department')
        .select(['id', 'name', 'region', 'kind'])
        .where('id', '=', body.departmentId)
        .executeTakeFirst()) ?? notFound('organization.department', '单位')
    const rule = govern(ctx.actor.region, 'assessment-objects', ctx.day)
    const inReach = d.region.startsWith(regionPrefix(ctx.actor.region)) && (d.region === ctx.actor.region || d.kind === 'government')
    if (!rule.value.kinds[d.kind] || !inReach)
      refuse('organization.not_assessed', {
        reason: 'not-an-assessed-object',
        detail: inReach
          ? `${d.name}登记为${contract.departmentKinds[d.kind as DepartmentKind]}，不是考核对象（${Object.values(rule.value.kinds).join('、') || '当地没有规定'}）。`
          : `${d.name}属于${regionName(d.region)}，由它的本级考核。`,
        cite: rule.cite,
      })
    const apart = rule.value.apart.includes(d.kind) && !body.named
    await db.transaction().execute(async tx => {
      await tx
        .insertInto('organization.assessment_member')
        .values({ region: ctx.actor.region, year: params.year, department_id: d.id, apart, added: ctx.now })
        .onConflict(c => c.columns(['year', 'department_id']).doUpdateSet({ apart }))
        .execute()
      await record(tx, ctx, { action: 'organization.assessed', subject: d.name, content: `${params.year} 年度`, cite: rule.cite })
    })
    return memberView(
      await members(db).where('m.year', '=', params.year).where('m.department_id', '=', d.id).executeTakeFirstOrThrow(),
      ctx.day,
    )
  })

  const systemsSeen = (ctx: StaffContext) => {
    const q = db.selectFrom('organization.system_view').selectAll().orderBy('department').orderBy('name')
    return ctx.actor.roles.includes('bureau')
      ? q.where('region', '=', ctx.actor.region)
      : q.where('department_id', '=', ctx.actor.departmentId)
  }
  route(app, contract.systems, async ({ ctx }) => (await systemsSeen(ctx).execute()).map(s => systemView(s, ctx.day)))
  route(app, contract.createSystem, async ({ body, ctx }) => {
    const id = newId()
    await db.transaction().execute(async tx => {
      const done = await tx
        .insertInto('organization.system')
        .values({ id, department_id: ctx.actor.departmentId, name: body.name, ...systemRow(body) })
        .onConflict(c => c.doNothing())
        .returning('id')
        .executeTakeFirst()
      if (!done)
        refuse('organization.system_exists', {
          status: 409,
          detail: `本部门已登记“${body.name}”。`,
          errors: [{ pointer: '/name', code: 'taken', message: '已登记' }],
        })
      await record(tx, ctx, { action: 'organization.system', subject: body.name })
    })
    return systemView(await db.selectFrom('organization.system_view').selectAll().where('id', '=', id).executeTakeFirstOrThrow(), ctx.day)
  })
  route(app, contract.changeSystem, async ({ params, body, ctx }) => {
    await db.transaction().execute(async tx => {
      const done =
        (await tx
          .updateTable('organization.system')
          .set(systemRow(body))
          .where('id', '=', params.id)
          .where('department_id', '=', ctx.actor.departmentId)
          .returning('name')
          .executeTakeFirst()) ?? notFound('organization.system', '信息系统')
      await record(tx, ctx, { action: 'organization.system', subject: done.name, content: '修改托管、网络和等保测评' })
    })
    return systemView(
      await db.selectFrom('organization.system_view').selectAll().where('id', '=', params.id).executeTakeFirstOrThrow(),
      ctx.day,
    )
  })
}

const overseer = (ctx: StaffContext) => ctx.actor.roles.some(r => r === 'bureau' || r === 'inspector')

export const departmentView = (
  d: {
    id: string
    region: string
    name: string
    credit_code: string
    roles: string[]
    kind: string
    authorisation: unknown
    by_reference: boolean
  },
  day: string,
) => ({
  id: d.id,
  region: d.region,
  regionName: regionName(d.region),
  name: d.name,
  creditCode: d.credit_code,
  roles: d.roles,
  kind: d.kind,
  kindLabel: d.by_reference
    ? `${contract.departmentKinds[d.kind as DepartmentKind]}（参照执行）`
    : (govern(d.region, 'departments', day).value.kinds[d.kind] ?? contract.departmentKinds[d.kind as DepartmentKind]),
  authorisation: d.authorisation ?? null,
  byReference: d.by_reference,
  department: isDepartment({ region: d.region, kind: d.kind as DepartmentKind, by_reference: d.by_reference }, day),
})

async function sheetOf(db: Kysely<any> | Database, d: { id: string; name: string; region: string }, scope: Scope, day: string) {
  const rule = postsOf(d.region, scope, day)
  const current = new Map((await currentOfficers(db as Database, d.id, scope)).map(o => [o.post, o]))
  const gone = await sql<{ post: string; holder: string; until: string; left_because: string }>`
    select distinct on (post) post, holder, until, left_because from organization.officer
    where department_id = ${d.id} and scope = ${scope} and until is not null order by post, until desc, id desc`.execute(db as Database)
  const filings = await (db as Database)
    .selectFrom('organization.officer_filing as f')
    .leftJoin('organization.department as w', 'w.id', 'f.filed_with')
    .select(['f.receipt', 'f.filed', 'f.report', 'w.name as filed_with'])
    .where('f.department_id', '=', d.id)
    .where('f.scope', '=', scope)
    .orderBy('f.id', 'desc')
    .limit(20)
    .execute()
  const posts = Object.entries(rule.value.posts).map(([post, label]) => {
    const o = current.get(post)
    const left = o ? undefined : gone.rows.find(g => g.post === post)
    return {
      post,
      label,
      holder: o?.holder ?? null,
      since: o?.since ?? null,
      left: left ? { holder: left.holder, day: left.until, why: left.left_because } : null,
    }
  })
  const vacated = posts.filter(p => p.left)
  const change = govern(d.region, 'officer-change', day)
  return {
    departmentId: d.id,
    department: d.name,
    region: d.region,
    scope,
    scopeLabel: scopeLabels[scope],
    complete: posts.every(p => p.holder),
    posts,
    fileWith: rule.roleLabels[rule.value.fileWith] ?? '主管部门',
    cite: rule.cite,
    reminder: vacated.length
      ? {
          text: `${vacated.map(p => `${p.label}${p.left!.holder}已离开（${p.left!.day}）`).join('，')}，还没有报告变动。`,
          word: change.value.within.word,
          cite: change.cite,
        }
      : null,
    filings: filings.map(f => ({ receipt: f.receipt, filed: f.filed as unknown as string, filedWith: f.filed_with, report: f.report })),
  }
}

async function documentsOf(db: Database, ctx: StaffContext, id: string) {
  const d = await db.selectFrom('organization.department').select(['id', 'region']).where('id', '=', id).executeTakeFirst()
  if (!d || (d.id !== ctx.actor.departmentId && !(overseer(ctx) && d.region.startsWith(regionPrefix(ctx.actor.region)))))
    notFound('organization.department', '单位')
  const rule = govern(d.region, 'department-documents', ctx.day)
  const known = await db.selectFrom('organization.document').selectAll().where('department_id', '=', id).execute()
  const profile = await db.selectFrom('organization.profile').select('confirmed').where('department_id', '=', id).executeTakeFirst()
  const documents = Object.entries(rule.value.documents).map(([key, label]) => {
    const k = known.find(x => x.key === key)
    return { key, label, title: k?.title ?? null, version: k?.version ?? null, issued: (k?.issued ?? null) as unknown as string | null }
  })
  const missing = documents.filter(x => !x.title).map(x => x.label)
  const confirmed = (profile?.confirmed ?? null) as unknown as string | null
  return { departmentId: id, cite: rule.cite, documents, missing, confirmed: missing.length ? null : confirmed }
}

/** Posts of a disabled account fall vacant; the reminder opens to the right, in the same transaction. */
export async function announceLeft(tx: Tx, ctx: Context, personId: string): Promise<void> {
  for (const left of await leavePosts(tx, personId, ctx.day)) await ctx.jobs.enqueue(tx, 'procedure.officer-left', left)
}

const members = (db: Database) =>
  db
    .selectFrom('organization.assessment_member as m')
    .innerJoin('organization.department as d', 'd.id', 'm.department_id')
    .select(['m.year', 'm.region', 'm.apart', 'd.id', 'd.name', 'd.kind'])
    .orderBy('m.apart')
    .orderBy('d.name')
const memberView = (m: { year: number; region: string; apart: boolean; id: string; name: string; kind: string }, day: string) => {
  const rule = govern(m.region, 'assessment-objects', day)
  return {
    year: m.year,
    departmentId: m.id,
    department: m.name,
    kindLabel: rule.value.kinds[m.kind] ?? m.kind,
    apart: m.apart,
    cite: rule.cite,
  }
}

const systemRow = (s: {
  address: string
  hosting?: string | undefined
  network?: string | undefined
  protectionLevel?: number | undefined
  certificate?: string | undefined
  certifiedUntil?: string | undefined
}) => ({
  address: s.address,
  hosting: s.hosting ?? '',
  network: s.network ?? '',
  protection_level: s.protectionLevel ?? null,
  certificate: s.certificate ?? '',
  certified_until: (s.certifiedUntil ?? null) as never,
})

/** A test certificate is watched from this many days before it runs out. */
const watchDays = 30
function systemView(s: any, day: string) {
  const until = s.certified_until as string | null
  const state = !until
    ? ('none' as const)
    : until < day
      ? ('expired' as const)
      : until <= addDays(day, watchDays)
        ? ('expiring' as const)
        : ('valid' as const)
  const words = {
    none: '没有登记等保测评',
    valid: `有效期至 ${until}`,
    expiring: `将于 ${until} 到期，请安排复测`,
    expired: `已于 ${until} 到期`,
  }[state]
  return {
    id: s.id,
    name: s.name,
    departmentId: s.department_id,
    department: s.department,
    address: s.address,
    hosting: s.hosting,
    network: s.network,
    protectionLevel: s.protection_level,
    certificate: s.certificate,
    certifiedUntil: until,
    certification: { state, words },
    created: s.created,
  }
}

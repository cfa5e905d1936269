import { sql } from 'kysely'
import type { Cite } from '../../../contract/common.ts'
import { dayOf } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { govern, type Ruled, regionOf } from '../regulation/public.ts'

export type Scope = 'data' | 'opening'
export const scopeLabels: Record<Scope, string> = { data: '数据工作', opening: '开放工作' }
const topics = { data: 'officers', opening: 'opening-officers' } as const
type Posts = { posts: Record<string, string>; fileWith: string }

/** The posts a place asks its departments to fill, and whom they are filed with. */
export const postsOf = (region: string, scope: Scope, day: string): Ruled<Posts> => govern(region, topics[scope], day)

export type Officer = { post: string; holder: string; since: string; person_id: string | null }
export const currentOfficers = async (db: Database | Tx, departmentId: string, scope: Scope): Promise<Officer[]> =>
  (await db
    .selectFrom('organization.officer')
    .select(['post', 'holder', 'since', 'person_id'])
    .where('department_id', '=', departmentId)
    .where('scope', '=', scope)
    .where('until', 'is', null)
    .execute()) as unknown as Officer[]

/** Posts without a current holder. */
export async function vacantPosts(
  db: Database | Tx,
  d: { id: string; region: string },
  scope: Scope,
  day: string,
): Promise<{ post: string; label: string }[]> {
  const filled = new Set((await currentOfficers(db, d.id, scope)).map(o => o.post))
  return Object.entries(postsOf(d.region, scope, day).value.posts)
    .filter(([post]) => !filled.has(post))
    .map(([post, label]) => ({ post, label }))
}

export type Filing = {
  departmentId: string
  scope: Scope
  /** Holder by post; a post that is not named keeps its holder. */
  holders: Record<string, string>
  /** Number of the case that carried it; without one the filing numbers itself. */
  receipt?: string
  report?: string
}

/**
 * Files officers with the authority of the place. The holders named follow the earlier ones; a later filing is the written report
 * of a change. Returns the receipt.
 */
export async function fileOfficers(tx: Tx | Database, ctx: Context, f: Filing): Promise<{ receipt: string; filedWith: string | null }> {
  const d = await tx
    .selectFrom('organization.department')
    .select(['id', 'region', 'name'])
    .where('id', '=', f.departmentId)
    .executeTakeFirstOrThrow()
  const day = dayOf(ctx.now)
  const rule = postsOf(d.region, f.scope, day)
  const holders = Object.entries(f.holders)
    .map(([post, holder]) => [post, holder.trim()] as const)
    .filter(([post, holder]) => holder && rule.value.posts[post])
  const kept = new Set((await currentOfficers(tx, d.id, f.scope)).map(o => o.post))
  const missing = Object.entries(rule.value.posts).filter(([post]) => !kept.has(post) && !holders.some(([p]) => p === post))
  if (missing.length || holders.length === 0)
    refuse('organization.officers_incomplete', {
      reason: 'field-missing',
      detail: `备案还缺${missing.map(([, label]) => `“${label}”`).join('、') || '人员'}。`,
      cite: rule.cite,
      errors: missing.map(([post, label]) => ({
        pointer: `/form/${post}`,
        code: 'field-missing',
        message: `缺“${label}”。`,
        cite: rule.cite,
      })),
    })
  const earlier = await tx
    .selectFrom('organization.officer_filing')
    .select('id')
    .where('department_id', '=', d.id)
    .where('scope', '=', f.scope)
    .limit(1)
    .executeTakeFirst()
  if (earlier && !f.report?.trim()) {
    const change = govern(d.region, 'officer-change', day)
    refuse('organization.change_report', {
      reason: 'report-missing',
      detail: '人员变动要用书面说明报告：谁离开、谁接任。',
      cite: change.cite,
      errors: [{ pointer: '/form/report', code: 'report-missing', message: '缺变动说明。', cite: change.cite }],
    })
  }
  const authority = await bearerOf(tx, rule.adopter || d.region, rule.value.fileWith)
  const id = newId()
  const receipt = f.receipt ?? (await nextReceipt(tx, day))
  await tx
    .insertInto('organization.officer_filing')
    .values({
      id,
      department_id: d.id,
      scope: f.scope,
      filed_with: authority?.id ?? null,
      filed: day as never,
      receipt,
      report: f.report?.trim() ?? '',
      cite: JSON.stringify(rule.cite),
    })
    .execute()
  for (const [post, holder] of holders) {
    await endPost(tx, { departmentId: d.id, scope: f.scope, post }, day, '由新的备案接替')
    const accounts = await tx
      .selectFrom('organization.person')
      .select('id')
      .where('department_id', '=', d.id)
      .where('name', '=', holder)
      .where('disabled', '=', false)
      .limit(2)
      .execute()
    await tx
      .insertInto('organization.officer')
      .values({
        id: newId(),
        filing_id: id,
        department_id: d.id,
        scope: f.scope,
        post,
        holder,
        person_id: accounts.length === 1 ? accounts[0]!.id : null,
        since: day as never,
      })
      .execute()
  }
  await record(tx, ctx, {
    action: 'organization.officers',
    subject: d.name,
    region: d.region,
    content: holders.map(([post, holder]) => `${rule.value.posts[post]} ${holder}`).join('；'),
    ...(f.receipt && { caseNo: f.receipt }),
    cite: rule.cite,
  })
  return { receipt, filedWith: authority?.name ?? null }
}

const endPost = (tx: Tx | Database, p: { departmentId: string; scope: Scope; post: string }, day: string, why: string) =>
  tx
    .updateTable('organization.officer')
    .set({ until: day as never, left_because: why })
    .where('department_id', '=', p.departmentId)
    .where('scope', '=', p.scope)
    .where('post', '=', p.post)
    .where('until', 'is', null)
    .execute()

/** A person who is gone answers for nothing: their posts fall vacant. Returns them, for the reminder. */
export async function leavePosts(
  tx: Tx,
  personId: string,
  day: string,
): Promise<{ departmentId: string; scope: Scope; post: string; holder: string }[]> {
  const left = await tx
    .updateTable('organization.officer')
    .set({ until: day as never, left_because: '账号停用' })
    .where('person_id', '=', personId)
    .where('until', 'is', null)
    .returning(['department_id', 'scope', 'post', 'holder'])
    .execute()
  return left.map(o => ({ departmentId: o.department_id, scope: o.scope as Scope, post: o.post, holder: o.holder }))
}

async function bearerOf(db: Database | Tx, region: string, role: string): Promise<{ id: string; name: string } | undefined> {
  for (let at = regionOf(region); at; at = at.parent ? regionOf(at.parent) : undefined) {
    const found = await db
      .selectFrom('organization.department')
      .select(['id', 'name'])
      .where('region', '=', at.code)
      .where(sql<boolean>`${role} = any(roles)`)
      .executeTakeFirst()
    if (found) return found
  }
  return undefined
}

async function nextReceipt(tx: Tx | Database, day: string): Promise<string> {
  const year = Number(day.slice(0, 4))
  const { n } = await tx
    .insertInto('organization.counter')
    .values({ prefix: 'BA', year, n: 1 })
    .onConflict(c => c.columns(['prefix', 'year']).doUpdateSet({ n: sql`counter.n + 1` }))
    .returning('n')
    .executeTakeFirstOrThrow()
  return `备案-${year}-${String(n).padStart(4, '0')}`
}

/** What stands against a department that has not filed who answers for its data; null when all is filed. */
export async function officersMissing(
  db: Database | Tx,
  d: { id: string; region: string },
  scope: Scope,
  day: string,
): Promise<{ labels: string[]; cite: Cite } | null> {
  const vacant = await vacantPosts(db, d, scope, day)
  return vacant.length ? { labels: vacant.map(v => v.label), cite: postsOf(d.region, scope, day).cite } : null
}

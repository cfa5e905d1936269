import type { Context } from '../../platform/context.ts'
import type { Jobs } from '../../platform/jobs.ts'
import { departmentById, departmentFor, fileOfficers, postsOf, type Scope } from '../organization/public.ts'
import { govern } from '../regulation/public.ts'
import { remindCertificates } from './certificates.ts'
import { fulfilDuties, openDuty } from './duties.ts'
import { registerEffect } from './engine.ts'
import { notifyDepartments } from './notices.ts'

const page = '/workbench/organization?tab=officers'
const addressOf = (departmentId: string, scope: Scope, post: string) => `${page}&department=${departmentId}&scope=${scope}&post=${post}`

/** A filing of officers is a case that ends when it is made; its number is the receipt. */
for (const [effect, scope] of [
  ['file-officers', 'data'],
  ['file-opening-officers', 'opening'],
] as const)
  registerEffect(effect, async (tx, ctx, c, form) => {
    const departmentId = c.parties.applicant!.departmentId!
    const values = form as Record<string, unknown>
    const posts = Object.keys(postsOf(c.region, scope, ctx.day).value.posts)
    const holders = Object.fromEntries(posts.map(post => [post, String(values[post] ?? '')]))
    await fileOfficers(tx, ctx, { departmentId, scope, holders, receipt: c.no, report: String(values.report ?? '') })
    for (const post of posts) await fulfilDuties(tx, { name: 'officer-change', href: addressOf(departmentId, scope, post) }, ctx.day)
    return { label: `备案回执 ${c.no}`, href: page }
  })

type Left = { departmentId: string; scope: Scope; post: string; holder: string }

/** An officer is gone and nobody follows: a duty of the department, told to the authority as well. */
export async function officerLeft(left: Left, ctx: Context): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const d = await departmentById(tx, left.departmentId)
    if (!d) return
    const rule = govern(d.region, 'officer-change', ctx.day)
    const posts = postsOf(d.region, left.scope, ctx.day)
    const label = posts.value.posts[left.post]
    if (!label) return
    const what = `${label}${left.holder}已离开，报告变动并备案继任`
    const href = addressOf(d.id, left.scope, left.post)
    const known = await tx
      .selectFrom('procedure.duty')
      .select('id')
      .where('name', '=', 'officer-change')
      .where('href', '=', href)
      .where('ended', 'is', null)
      .executeTakeFirst()
    if (known) return
    const authority = await departmentFor(tx, posts.adopter || d.region, posts.value.fileWith, '主管部门').catch(() => null)
    await openDuty(tx, {
      name: 'officer-change',
      what,
      debtorId: d.id,
      debtor: d.name,
      role: 'provider',
      creditor: authority?.name ?? '',
      title: `${d.name} ${what}`,
      href,
      day: ctx.day,
      within: rule.value.within,
      origin: rule.value.within.days ? rule.origin : 'platform',
      cite: rule.cite,
      inherited: rule.inherited,
    })
    const told = [d.id, ...(authority ? [authority.id] : [])]
    await notifyDepartments(tx, ctx.now, told, `${d.name}的${label}${left.holder}已停用，还没有报告变动`, page)
  })
}

export function registerOfficerJobs(jobs: Jobs): void {
  jobs.on('procedure.officer-left', officerLeft, { concurrency: 1 })
  jobs.on('procedure.certificates', async (_, ctx) => remindCertificates(ctx))
  jobs.every('procedure.certificates', '30 8 * * *')
}

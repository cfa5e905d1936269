import type { StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { departmentFor } from '../organization/public.ts'
import { govern, regionName } from '../regulation/public.ts'
import type { Guide } from './registration.ts'
import { guideElements } from './rules.ts'

/** The place whose competent body issues the compilation guide for a region: that of the regulation which speaks of it. */
const home = (region: string, day: string) => {
  const rule = govern(region, 'catalog-guide', day)
  return { rule, region: rule.adopter || region }
}

/** The guide in force for a region: its newest version. */
export async function guideFor(db: Database | Tx, region: string, day: string): Promise<Guide | undefined> {
  const at = home(region, day)
  const row = await db
    .selectFrom('catalog.guide')
    .select(['version', 'title', 'required'])
    .where('region', '=', at.region)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  // What an entry lacks, it lacks under the article that orders compiling by the guide.
  return row && { ...row, title: `${row.title}第 ${row.version} 版`, cite: govern(region, 'catalog-fields', day).cite }
}

export async function guideView(db: Database, region: string, day: string) {
  const at = home(region, day)
  const versions = await db
    .selectFrom('catalog.guide')
    .selectAll()
    .where('region', '=', at.region)
    .orderBy('version', 'desc')
    .limit(50)
    .execute()
  const demanded = new Set(govern(region, 'catalog-fields', day).value.required)
  return {
    region: at.region,
    regionName: regionName(at.region),
    cite: at.rule.cite,
    elements: guideElements.map(e => ({
      ...e,
      by: demanded.has(e.key) ? ('regulation' as const) : versions[0]?.required.includes(e.key) ? ('guide' as const) : null,
    })),
    versions: versions.map(v => ({
      version: v.version,
      title: v.title,
      required: v.required,
      issued: v.issued as unknown as string,
      by: v.issued_by,
    })),
  }
}

/** Only the competent body of the place whose guide it is issues a version; entries submitted afterwards are checked by it. */
export async function issueGuide(ctx: StaffContext, region: string, g: { title: string; required: string[] }): Promise<void> {
  await ctx.db.transaction().execute(async tx => {
    const at = home(region, ctx.day)
    const body = await departmentFor(tx, at.region, at.rule.value.by, '主管部门')
    if (body.id !== ctx.actor.departmentId || !ctx.actor.roles.includes('bureau'))
      refuse('catalog.not_competent', {
        status: 403,
        reason: 'not-competent',
        detail: `编制指南由${body.name}发布，其他部门不能修改。`,
        cite: at.rule.cite,
      })
    const known = new Set(guideElements.map(e => e.key))
    const unknown = g.required.filter(key => !known.has(key))
    if (unknown.length)
      refuse('catalog.guide_element', {
        reason: 'unknown-catalog-item',
        detail: `目录没有名为 ${unknown.join('、')} 的要素。`,
        errors: unknown.map(key => ({ pointer: '/required', code: 'unknown-catalog-item', message: `没有要素 ${key}` })),
      })
    const last = await tx
      .selectFrom('catalog.guide')
      .select('version')
      .where('region', '=', at.region)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst()
    const version = (last?.version ?? 0) + 1
    await tx
      .insertInto('catalog.guide')
      .values({
        region: at.region,
        version,
        title: g.title,
        required: g.required,
        issued: ctx.day as never,
        issued_by: ctx.actor.department,
        cite: JSON.stringify(at.rule.cite),
      })
      .execute()
    await record(tx, ctx, {
      action: 'catalog.guide',
      subject: g.title,
      region: at.region,
      content: `第 ${version} 版：${g.required.map(key => guideElements.find(e => e.key === key)!.label).join('、')}`,
      cite: at.rule.cite,
    })
  })
}

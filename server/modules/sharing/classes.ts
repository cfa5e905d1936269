import { sql } from 'kysely'
import type { EntryContent } from '../../../contract/catalog.ts'
import { regionPrefix } from '../../../contract/common.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import { expandLedger } from '../audit/public.ts'
import { notifyDepartments } from '../procedure/public.ts'
import { govern, shareLabel } from '../regulation/public.ts'

/** 平台约定: no text says how often; what is not shared is looked at again after half a year. */
export const reviewDays = 183

/** Asks the owners of entries that are not shared whether the ground still stands. */
export async function remindClasses(ctx: Context): Promise<number> {
  const { rows } = await sql<{ id: string; code: string; title: string; region: string; department: string }>`
    select e.id, e.code, e.title, e.region, e.department_id as department
    from catalog.entry_view e left join sharing.class_reminder r on r.entry_id = e.id
    where e.state = 'published' and e.content ->> 'shareClass' = 'denied'
      and coalesce(r.asked, e.published) < ${ctx.now}::timestamptz - make_interval(days => ${reviewDays})`.execute(ctx.db)
  for (const e of rows)
    await ctx.db.transaction().execute(async tx => {
      await sql`insert into sharing.class_reminder (entry_id, asked) values (${e.id}, ${ctx.now})
        on conflict (entry_id) do update set asked = excluded.asked`.execute(tx)
      const { cite } = govern(e.region, 'share-denied', ctx.day)
      const text = `“${e.title}”列为${shareLabel(e.region, 'denied', ctx.day)}已满 ${reviewDays} 天（间隔是平台约定），请核对条件是否已经具备（${cite.title} ${cite.article}）`
      await notifyDepartments(tx, ctx.now, [e.department], text, `/workbench/catalog/${e.code.replace('/', '-')}`, 'reminder')
    })
  return rows.length
}

/** Restricted entries without a basis where the place wants one, and the submissions refused for it. */
export async function lackingBasis(ctx: StaffContext) {
  await ctx.ledger.flush()
  await expandLedger(ctx.db)
  const { departmentId, departmentRoles, roles, region } = ctx.actor
  const over = departmentRoles.includes('authority') || roles.includes('inspector')
  const below = `${regionPrefix(region)}%`
  const entries = await sql<{ code: string; title: string; region: string; department: string; content: EntryContent }>`
    select code, title, region, department, content from catalog.entry_view
    where state = 'published' and ${over ? sql`region like ${below}` : sql`department_id = ${departmentId}`} order by code`.execute(ctx.db)
  const attempts = await sql<{ seq: string; at: Date; subject: string; department: string }>`
    select seq, at, subject, coalesce(department, '') as department from audit.entry_view
    where action = 'catalog.refuse' and content = '拒绝：basis-required'
      and ${over ? sql`region like ${below}` : sql`department_id = ${departmentId}`} order by seq desc limit 200`.execute(ctx.db)
  return {
    entries: entries.rows.flatMap(({ content, ...e }) => {
      const rule = govern(e.region, 'share-basis', ctx.day)
      const klass = content.shareClass
      if (!klass || content.shareBasis || !rule.value.required.includes(klass)) return []
      return [{ code: e.code, title: e.title, department: e.department, shareLabel: shareLabel(e.region, klass, ctx.day), cite: rule.cite }]
    }),
    attempts: attempts.rows.map(a => ({ at: a.at.toISOString(), code: a.subject, department: a.department, ledger: Number(a.seq) })),
  }
}

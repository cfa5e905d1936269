import { sql } from 'kysely'
import type { Context } from '../../../platform/context.ts'
import { newId } from '../../../platform/id.ts'
import { Problem } from '../../../platform/problem.ts'
import { publishedEntry } from '../../catalog/public.ts'
import { startCase } from '../../procedure/public.ts'
import { basePlan, derivedById } from './queries.ts'

type Group = { chosen_entry: string; other_entry: string; refresh_id: string; n: number }
/** A case names this many differences; all of them are on the page of the database. */
const named = 20

/**
 * Conflicts go to the department whose value stands: one 校核 case for all that one pair of sources brought up in one refresh. Those of a
 * case that ended with a confirmed error and are still there are asked again.
 */
export async function openCases(ctx: Context, id: string): Promise<void> {
  const d = await derivedById(ctx.db, id)
  const plan = d && basePlan(d)
  if (!plan || !d.entry_id) return
  const waits = sql`c.derived_id = ${id} and c.closed is null and (c.case_no is null or exists (
    select from quality.report_view r join procedure.case_view k on k.no = r.case_no where r.case_no = c.case_no and r.wrong and k.ended_at is not null))`
  const { rows: groups } = await sql<Group>`select chosen_entry, other_entry, refresh_id, count(*)::int as n
    from aggregation.conflict c where ${waits} group by 1, 2, 3 order by 3, 1, 2`.execute(ctx.db)
  const target = await publishedEntry(ctx.db, { id: d.entry_id })
  const nameOf = new Map(target?.content.items.map(i => [i.key, i.name]))
  for (const g of groups) {
    const [chosen, other] = await Promise.all([
      publishedEntry(ctx.db, { id: g.chosen_entry }),
      publishedEntry(ctx.db, { id: g.other_entry }),
    ])
    if (!chosen || !other) continue
    try {
      await ctx.db.transaction().execute(async tx => {
        const pair = sql`${waits} and c.chosen_entry = ${g.chosen_entry} and c.other_entry = ${g.other_entry} and c.refresh_id = ${g.refresh_id}`
        const { rows } = await sql<{ id: string; item: string; chosen_value: string; other_value: string }>`
          select id, item, chosen_value, other_value from aggregation.conflict c where ${pair} order by id, item limit ${named}`.execute(tx)
        if (!rows.length) return
        const lines = rows.map(
          r =>
            `${shown(r.id, plan.subject)}　${nameOf.get(r.item) ?? r.item}：本部门「${r.chosen_value.slice(0, 60)}」，对方「${r.other_value.slice(0, 60)}」`,
        )
        const c = await startCase(
          tx,
          { ...ctx, actor: null },
          {
            procedure: 'verification',
            region: chosen.region,
            subject: { type: 'record', id: newId(), code: chosen.code, title: chosen.title },
            parties: { applicant: d.department_id, provider: chosen.department_id },
            form: {
              record: `${d.title}：与「${other.title}」（${other.department}）不一致 ${g.n} 处`,
              doubt: [
                `「${chosen.title}」与「${other.title}」（${other.department}）有 ${g.n} 处不一致${g.n > named ? `，先列 ${named} 处` : ''}：`,
                ...lines,
                `全部清单在工作台“${d.title}”的不一致页。认定数据无误的，以现值为准；确认有误的，更正后的数据入库即重新比对。`,
              ]
                .join('\n')
                .slice(0, 4000),
            } as never,
            title: `数据校核：${d.title}与来源不一致 ${g.n} 处`,
          },
        )
        await sql`update aggregation.conflict c set case_no = ${c.no} where ${pair}`.execute(tx)
      })
    } catch (error) {
      // A place whose text does not hold now, or that has nobody for it, opens no case; the conflicts stay on the page.
      if (!(error instanceof Problem)) throw error
      ctx.log.warn({ database: d.title, error: error.message }, 'conflicts without a case')
    }
  }
}

/** A number of a person is not spelt out in a case; the page with the list records who looks. */
export const shown = (id: string, subject: 'person' | 'organisation'): string =>
  subject === 'person' ? `${id.slice(0, 6)}********${id.slice(-4)}` : id

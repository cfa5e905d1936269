import type { Context } from '../../platform/context.ts'
import { departmentFor } from '../organization/public.ts'
import { workingDaysBetween } from '../regulation/public.ts'
import { type CaseRecord, procedureOf } from './engine.ts'
import { notifyDepartments } from './notices.ts'

/** Working days before the due date at which the debtor is reminded. */
const ahead = 2

type Row = Pick<CaseRecord, 'no' | 'procedure' | 'regulation' | 'regulation_version' | 'region' | 'adopter'> & {
  id: string
  step: string | null
  what: string
  debtor_id: string | null
  debtor: string
  title: string
  href: string
  due: string
  origin: string
  reminded: string | null
  state: string | null
}

/**
 * Reminds of every running duty once before and once after its due date, however often this runs. A late legal duty is also told to
 * the authority of the place, with the next step the regulation has for it: the platform proposes, a person decides.
 */
export async function remindDuties(ctx: Context): Promise<number> {
  const open = (await ctx.db
    .selectFrom('procedure.duty as d')
    .leftJoin('procedure.case as c', 'c.id', 'd.case_id')
    .select(['d.id', 'd.step', 'd.what', 'd.debtor_id', 'd.debtor', 'd.title', 'd.href', 'd.due', 'd.origin', 'd.reminded'])
    .select(['c.no', 'c.procedure', 'c.regulation', 'c.regulation_version', 'c.region', 'c.adopter', 'c.state'])
    .where('d.ended', 'is', null)
    .where('d.stopped_on', 'is', null)
    .where('d.due', 'is not', null)
    .where(eb => eb.or([eb('d.reminded', 'is', null), eb('d.reminded', '=', 'soon')]))
    .execute()) as unknown as Row[]
  let told = 0
  for (const d of open) {
    const left = workingDaysBetween(ctx.day, d.due)
    const stage = left < 0 ? 'late' : left <= ahead && !d.reminded ? 'soon' : null
    if (!stage) continue
    await ctx.db.transaction().execute(async tx => {
      const mine = await tx
        .updateTable('procedure.duty')
        .set({ reminded: stage })
        .where('id', '=', d.id)
        .where('ended', 'is', null)
        .where(eb => eb.or([eb('reminded', 'is', null), eb('reminded', '!=', stage)]))
        .returning('id')
        .executeTakeFirst()
      if (!mine) return
      told++
      const law = d.origin === 'law'
      const text =
        stage === 'soon'
          ? `“${d.what}”${left === 0 ? '今天' : `还有 ${left} 个工作日`}到期：${d.title}${law ? '' : '（平台提醒，不是法定期限）'}`
          : law
            ? `“${d.what}”已逾期 ${-left} 个工作日：${d.title}`
            : `“${d.what}”已超过平台提醒的日期，条文没有定天数：${d.title}`
      await notifyDepartments(tx, ctx.now, [d.debtor_id], text, d.href, 'reminder')
      if (stage !== 'late' || !law || !d.region) return
      const proposal = await proposed(ctx, d)
      const authority = await departmentFor(tx, d.adopter || d.region, 'authority', '数据主管部门').catch(() => null)
      if (authority && authority.id !== d.debtor_id)
        await notifyDepartments(
          tx,
          ctx.now,
          [authority.id],
          `${d.debtor} 的“${d.what}”逾期：${d.title}${proposal ? `。可以办理“${proposal}”` : ''}`,
          d.href,
          'supervision',
        )
    })
  }
  return told
}

async function proposed(ctx: Context, d: Row): Promise<string | null> {
  if (!d.step) return null
  const step = (await procedureOf(ctx.db, d)).steps[d.step]
  const action = step?.late && (step.actions[step.late.propose] as { label?: string } | undefined)
  return action ? (action.label ?? step.late!.propose) : null
}

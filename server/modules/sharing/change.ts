import type { StaffContext } from '../../platform/context.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { removeRecord } from '../aggregation/public.ts'
import { record } from '../audit/public.ts'
import { publishedEntry, withdrawEntry } from '../catalog/public.ts'
import { setGrantState } from '../delivery/public.ts'
import { caseFor, notifyDepartments, registerEffect, registerHooks, type SubjectHooks } from '../procedure/public.ts'
import { govern } from '../regulation/public.ts'

/** Nobody takes data away on their own: an approved order for just this record, or the attempt is refused and stands in the ledger. */
export async function deleteRecord(ctx: StaffContext, code: string, key: string, order: string | undefined) {
  const entry = (await publishedEntry(ctx.db, { code })) ?? notFound('catalog.entry', '目录')
  const rule = govern(entry.region, 'data-change', ctx.day)
  const c = order ? await caseFor(ctx, order) : undefined
  const approved =
    c?.procedure === 'change-order' &&
    c.state === 'approved' &&
    c.subject.id === entry.id &&
    c.parties.some(p => p.role === 'applicant' && p.departmentId === ctx.actor.departmentId) &&
    c.form.find(f => f.name === 'record')?.value === key
  if (!approved) {
    await ctx.db.transaction().execute(tx =>
      record(tx, ctx, {
        action: 'data.refused',
        subject: entry.code,
        content: '拒绝：change-not-approved',
        method: '删除记录',
        cite: rule.cite,
        ...(order && { caseNo: order }),
      }),
    )
    await ctx.ledger.flush()
    refuse('sharing.change_not_approved', {
      status: 403,
      reason: 'change-not-approved',
      detail: order ? `办件 ${order} 没有批准删除这条记录。` : '没有经批准的审批办件，不能删除数据。',
      cite: rule.cite,
      remedy: '请先在目录页发起“记录删除审批”，批准后凭办件编号办理。',
    })
  }
  await ctx.db.transaction().execute(async tx => {
    if (!(await removeRecord(tx, ctx, entry.id, key, c.id))) notFound('sharing.record', '记录')
    await record(tx, ctx, { action: 'sharing.remove', subject: entry.code, caseNo: c.no, content: '一条记录移入历史', cite: rule.cite })
  })
  return { ok: true as const, order: c.no }
}

const own: NonNullable<SubjectHooks['begin']> = async (_tx, ctx, { subject, cite }) => {
  if (ctx.actor?.departmentId !== subject.parties.provider)
    refuse('sharing.not_provider', {
      status: 403,
      reason: 'not-owner',
      detail: '这条目录属于别的部门，由登记它的部门提出。',
      cite,
    })
}
registerHooks('change-order', { begin: own })
registerHooks('entry-withdrawal', {
  begin: async (tx, ctx, s) => {
    await own(tx, ctx, s)
    const entry = await publishedEntry(tx, { id: s.subject.id })
    if (entry?.state === 'published') return
    refuse('sharing.withdrawn', { status: 409, reason: 'dataset-withdrawn', detail: '这条目录已撤销。' })
  },
})

/** An approved withdrawal: every grant of the entry ends with it, and each user is told why. */
registerEffect('withdraw-entry', async (tx, ctx, c) => {
  const grants = await tx
    .selectFrom('delivery.grant_view')
    .select(['id', 'no', 'grantee_department_id'])
    .where('entry_id', '=', c.subject_id)
    .where('state', '!=', 'revoked')
    .execute()
  const why = `目录“${c.subject_title}”已撤销：${c.form.reason ?? ''}`
  for (const g of grants) {
    await setGrantState(tx, ctx, g.id!, 'revoked', why, c.ruling.cite)
    await notifyDepartments(tx, ctx.now, [g.grantee_department_id], `授权 ${g.no} 终止。${why}`, `/workbench/grants/${g.id}`)
  }
  await withdrawEntry(tx, c.subject_id)
  await record(tx, ctx, {
    action: 'sharing.withdraw',
    subject: c.subject_code ?? '',
    caseNo: c.no,
    approver: ctx.actor?.name,
    content: `${c.form.reason ?? ''}（终止授权 ${grants.length} 个）`,
    cite: c.ruling.cite,
  })
  return undefined
})

import { sql } from 'kysely'
import { refuse } from '../../platform/problem.ts'
import { registerEffect } from '../procedure/public.ts'

/**
 * The body that orders must be registered as one of those the text names: role of the department = `deciderKind` of the form. Neither the
 * department concerned nor the authority decides in its own name.
 */
registerEffect('check-decider', async (tx, _ctx, c) => {
  const form = c.form as { decider?: string; deciderKind?: string; responsible?: string }
  const d = await tx
    .selectFrom('organization.department_view')
    .select(['name', 'roles'])
    .where('id', '=', form.decider!)
    .executeTakeFirstOrThrow()
  const roles = d.roles ?? []
  if (form.decider !== form.responsible && form.deciderKind && roles.includes(form.deciderKind)) return undefined
  const detail =
    form.decider === form.responsible
      ? `${d.name}是责任部门，不能由它自己责令改正。`
      : `${d.name}没有登记为作出责令的机关，不能办理这一步。`
  refuse('supervision.decider', {
    status: 403,
    reason: 'not-competent',
    detail,
    cite: c.ruling.cite,
    remedy: '请选择有权的机关；登记有误的，请系统管理员在“机构与人员”更正。',
    errors: [{ pointer: '/form/decider', code: 'not-competent', message: detail, cite: c.ruling.cite }],
  })
})

const stages: Record<string, string> = { collect: '采集', approve: '审核', provide: '提供', use: '使用' }
/** Who answers follows from the stage: the user for use, the provider for what comes before. Nobody answers jointly. */
registerEffect('attribute-incident', async (tx, _ctx, c) => {
  const form = c.form as { stage?: string; provider?: string; user?: string }
  const id = form.stage === 'use' ? form.user! : form.provider!
  const { rows } = await sql<{ name: string }>`select name from organization.department_view where id = ${id}`.execute(tx)
  return { label: `责任部门：${rows[0]!.name}（${stages[form.stage!]}环节）`, href: `/workbench/cases/${c.no}` }
})

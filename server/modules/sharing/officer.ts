import type { StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { Faults, notFound, refuse } from '../../platform/problem.ts'
import { grantView, type LoadedGrant, loadGrant, setOfficer } from '../delivery/public.ts'
import { notifyDepartments } from '../procedure/public.ts'
import { govern } from '../regulation/public.ts'

/** Who may answer for a grant: people of the department that uses it who work with data. */
const candidates = (db: Database | Tx, grant: LoadedGrant) =>
  db
    .selectFrom('organization.person_view')
    .select(['id', 'name', 'roles'])
    .where('department_id', '=', grant.granteeDepartmentId)
    .where('disabled', '=', false)
    .where(eb => eb(eb.ref('roles'), '&&', eb.val(['steward', 'leader', 'developer'])))
    .orderBy('name')
    .execute() as Promise<{ id: string; name: string; roles: string[] }[]>

async function mine(ctx: StaffContext, id: string): Promise<LoadedGrant> {
  const view = await grantView(ctx, id)
  const grant = (await loadGrant(ctx.pool, id)) ?? notFound('grant', '授权')
  if (!view.may.includes('hand-over'))
    refuse('sharing.not_competent', {
      status: 403,
      reason: 'not-competent',
      detail: `授权 ${grant.no}（${view.stateLabel}）的经办人由使用部门「${grant.grantee}」的数据专员或负责人变更，而且授权还没有结束。`,
      cite: govern(grant.providerRegion, 'usage-record', ctx.day).cite,
      remedy: '请联系使用部门的数据专员或负责人。',
    })
  return grant
}

export async function officerCandidates(ctx: StaffContext, id: string) {
  const grant = await mine(ctx, id)
  return (await candidates(ctx.db, grant)).filter(p => p.id !== grant.officerId).map(({ id, name }) => ({ id, name }))
}

/** Hands a grant to another person. The next call under the old name is refused, in every process. */
export async function handOver(ctx: StaffContext, id: string, said: { person: string; reason: string }) {
  const grant = await mine(ctx, id)
  const { cite } = govern(grant.providerRegion, 'usage-record', ctx.day)
  const faults = new Faults()
  const person = (await candidates(ctx.db, grant)).find(p => p.id === said.person)
  if (!person)
    faults.add('/person', 'officer-not-found', `这个人不在「${grant.grantee}」，或没有数据工作的分工，或账号已停用。`, {
      cite,
      remedy: '请从本部门的数据专员、负责人和开发人员里选。',
    })
  else if (person.id === grant.officerId)
    faults.add('/person', 'officer-not-found', `${person.name} 已经是经办人。`, { cite, remedy: '请选另一个人。' })
  if (said.reason.trim().length < 4)
    faults.add('/reason', 'reason-required', '请写明变更经办人的原因（至少 4 个字）。', { cite, remedy: '写一句话，例如调离岗位。' })
  faults.throwIfAny('sharing.officer')
  await ctx.db.transaction().execute(async tx => {
    const before = await setOfficer(tx, ctx, id, person!, said.reason, cite)
    await notifyDepartments(
      tx,
      ctx.now,
      [grant.providerDepartmentId, grant.granteeDepartmentId],
      `授权 ${grant.no}（${grant.title}）的经办人${before ? `由 ${before} ` : ''}变更为 ${person!.name}：${said.reason}${before ? `。${before} 不再能取用；密钥他知道的，请使用部门轮换。` : ''}`,
      `/workbench/grants/${id}`,
    )
  })
  return grantView(ctx, id)
}

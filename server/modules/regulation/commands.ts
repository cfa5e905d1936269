import type { z } from 'zod'
import type { GateMode } from '../../../contract/regulation.ts'
import type { StaffContext } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { announce, law, reloadLaw } from './state.ts'

/** The region's own authority changes its law; the administrator of the platform may do it for any. */
export const mayGovern = (actor: StaffContext['actor'], region: string): boolean =>
  actor.roles.includes('system_admin') ||
  (actor.roles.includes('bureau') && actor.region === region && actor.departmentRoles.includes('authority'))

export function competent(ctx: StaffContext, region: string): void {
  const place = law().regions.get(region) ?? notFound('region', '地区')
  if (!mayGovern(ctx.actor, region))
    refuse('regulation.not_competent', {
      status: 403,
      reason: 'not-competent',
      detail: `${place.name}的规定和平台约定，由${place.name}的数据主管部门或系统管理员登记和切换。`,
      remedy: `请联系${place.name}的数据主管部门。`,
    })
}

/** One change of the law: in one transaction with its ledger record, told to every process, in force here when it returns. */
export async function changeLaw<T>(ctx: StaffContext, change: (tx: Tx) => Promise<T>): Promise<T> {
  const result = await ctx.db.transaction().execute(async tx => {
    const made = await change(tx)
    await announce(tx)
    return made
  })
  await reloadLaw(ctx.db, ctx.log)
  return result
}

export async function switchGate(
  ctx: StaffContext,
  region: string,
  key: string,
  { mode, reason }: { mode: z.infer<typeof GateMode>; reason: string },
): Promise<void> {
  competent(ctx, region)
  const gate = law().regulations.get('platform')!.gates[key] ?? notFound('regulation.gate', '平台约定')
  const place = law().regions.get(region)!
  await changeLaw(ctx, async tx => {
    const row = { region, key, mode, reason, changed: ctx.now, changed_by: `${ctx.actor.department} ${ctx.actor.name}` }
    await tx
      .insertInto('regulation.gate')
      .values(row)
      .onConflict(c => c.columns(['region', 'key']).doUpdateSet(row))
      .execute()
    await record(tx, ctx, {
      action: 'gate.switched',
      region,
      subject: `${place.name} ${gate.label}`,
      content: `${mode === 'block' ? '阻断' : '提醒并记录'}：${reason}`,
      data: { gate: key, mode },
    })
  })
}

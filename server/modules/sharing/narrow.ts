import type { Cite } from '../../../contract/common.ts'
import type { StaffContext } from '../../platform/context.ts'
import { Faults, notFound, refuse } from '../../platform/problem.ts'
import { grantView, type LoadedGrant, loadGrant, narrowGrant } from '../delivery/public.ts'
import { notifyDepartments } from '../procedure/public.ts'
import { govern } from '../regulation/public.ts'

type Less = { drop: string[]; quotaPerDay?: number | null | undefined; until?: string | null | undefined; reason: string }

/** What is wrong with a narrowing: it takes away at least one thing, leaves something, and widens nothing. */
export function narrowFaults(
  now: Pick<LoadedGrant, 'no' | 'until' | 'quotaPerDay'> & { items: readonly { key: string; name: string }[] },
  to: Less,
  day: string,
  cite: Cite,
): Faults {
  const faults = new Faults()
  if (!to.drop.length && !to.quotaPerDay && !to.until)
    faults.add('/drop', 'field-missing', '没有写收窄什么。', { cite, remedy: '选择不再提供的信息项，或写更低的每日上限、更早的结束日期。' })
  const strange = to.drop.filter(key => !now.items.some(i => i.key === key))
  if (strange.length)
    faults.add('/drop', 'field-not-granted', `授权 ${now.no} 里没有信息项 ${strange.join('、')}。`, { cite, remedy: '请刷新页面后再选。' })
  if (now.items.every(i => to.drop.includes(i.key)))
    faults.add('/drop', 'field-missing', '至少要留一个信息项。', { cite, remedy: '全部不再提供的，请终止授权。' })
  if (to.quotaPerDay && now.quotaPerDay && to.quotaPerDay >= now.quotaPerDay)
    faults.add('/quotaPerDay', 'field-invalid', `每日上限现在是 ${now.quotaPerDay} 次，只能降低。`, {
      cite,
      remedy: '要提高的，由使用部门重新申请。',
    })
  if (to.until && to.until < day)
    faults.add('/until', 'field-invalid', '结束日期不能早于今天。', { cite, remedy: '立即结束的，请终止授权。' })
  if (to.until && now.until && to.until >= now.until)
    faults.add('/until', 'field-invalid', `授权到 ${now.until} 为止，只能提前。`, { cite, remedy: '要延长的，由使用部门申请续期。' })
  if (to.reason.length < 4)
    faults.add('/reason', 'reason-required', '请写明收窄的原因（至少 4 个字）。', { cite, remedy: '写一句话，使用部门会看到。' })
  return faults
}

/** The provider gives less than before, under the article that lets it suspend: less than that is within it. */
export async function narrow(ctx: StaffContext, id: string, to: Less) {
  const view = await grantView(ctx, id)
  const grant = (await loadGrant(ctx.pool, id)) ?? notFound('grant', '授权')
  const { cite } = govern(grant.providerRegion, 'share-suspend', ctx.day)
  if (!view.may.includes('narrow'))
    refuse('sharing.not_competent', {
      status: 403,
      reason: 'not-competent',
      detail: `授权 ${grant.no}（${view.stateLabel}）只能由提供部门「${grant.provider}」的数据专员或负责人在授权结束之前收窄。`,
      cite,
      remedy: '不当使用的线索请告知提供部门；主管部门可以暂停授权。',
    })
  const drop = [...new Set(to.drop)]
  narrowFaults(grant, { ...to, drop }, ctx.day, cite).throwIfAny('sharing.narrow')
  const content = [
    drop.length &&
      `不再提供${grant.items
        .filter(i => drop.includes(i.key))
        .map(i => i.name)
        .join('、')}`,
    to.quotaPerDay && `每日上限${grant.quotaPerDay ? `由 ${grant.quotaPerDay} 次` : ''}降为 ${to.quotaPerDay} 次`,
    to.until && `提前到 ${to.until} 结束`,
  ]
    .filter(Boolean)
    .join('，')
  await ctx.db.transaction().execute(async tx => {
    await narrowGrant(
      tx,
      ctx,
      id,
      grant.version,
      { drop, quotaPerDay: to.quotaPerDay ?? null, until: to.until ?? null },
      { reason: to.reason, content, cite },
    )
    await notifyDepartments(
      tx,
      ctx.now,
      [grant.granteeDepartmentId],
      `授权 ${grant.no}（${grant.title}）已收窄：${content}。原因：${to.reason}`,
      `/workbench/grants/${id}`,
    )
  })
  return grantView(ctx, id)
}

import type { Form } from '../../../contract/procedure.ts'
import type { StaffContext } from '../../platform/context.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { publishedEntry, shareClassOf } from '../catalog/public.ts'
import { grantView, loadGrant } from '../delivery/public.ts'
import { lockCase } from '../procedure/public.ts'
import { govern } from '../regulation/public.ts'

/**
 * What an application takes over from the grant it is to carry on: what was stated then, of the items what was given and is still offered.
 * The end is stated anew.
 */
export async function renewalOf(ctx: StaffContext, id: string) {
  const grant = (await loadGrant(ctx.pool, id)) ?? notFound('grant', '授权')
  // Whose it is not need not learn that it exists.
  if (![grant.granteeDepartmentId, grant.providerDepartmentId].includes(ctx.actor.departmentId)) notFound('grant', '授权')
  const view = await grantView(ctx, id)
  const { cite } = govern(grant.providerRegion, 'no-grant', ctx.day)
  if (!view.may.includes('renew'))
    refuse('sharing.renewal', {
      status: 403,
      reason: 'not-competent',
      detail: grant.caseNo
        ? `授权 ${grant.no} 的续期由使用部门「${grant.grantee}」的数据专员申请。`
        : `授权 ${grant.no} 是直接取用的，没有期限，不需要续期。`,
      cite,
      remedy: grant.caseNo ? '请联系使用部门的数据专员。' : '已经终止而仍需使用的，请重新直接取用。',
    })
  const entry = (await publishedEntry(ctx.db, { id: grant.entryId })) ?? notFound('catalog.entry', '目录')
  const c = await ctx.db.transaction().execute(tx => lockCase(tx, grant.caseNo!))
  const { until: _, conditions: __, ...stated } = (c?.procedure === 'sharing-application' ? c.form : {}) as Form & { conditions?: string }
  const offered = new Set(entry.content.items.filter(i => shareClassOf(entry.content, i) !== 'denied').map(i => i.key))
  return {
    entryId: grant.entryId,
    code: grant.code,
    no: grant.no,
    form: {
      ...stated,
      purpose: grant.purpose,
      ...(grant.basis && { duty: grant.basis }),
      ...(grant.systemId && { system: grant.systemId }),
      method: grant.method as 'api' | 'file',
      items: grant.items.map(i => i.key).filter(key => offered.has(key)),
    } as Form,
    dropped: grant.items.filter(i => !offered.has(i.key)).map(i => i.name),
  }
}

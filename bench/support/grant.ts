import { rotateCredentials } from '../../server/modules/delivery/commands.ts'
import { createGrant } from '../../server/modules/delivery/public.ts'
import { type Services, systemContext } from '../../server/platform/context.ts'

type Treated = { key: string; treatment: 'plain' | 'masked' }
type Wanted = { entryId: string; departmentId: string; items: Treated[]; method?: 'api' | 'file' }
/** A new grant of these items with its credentials; the entry is in its first version. */
export function grantFor(services: Services, o: Wanted) {
  const ctx = systemContext(services)
  return services.db.transaction().execute(async tx => {
    const grant = await createGrant(tx, ctx, {
      entryId: o.entryId,
      entryVersion: 1,
      granteeDepartmentId: o.departmentId,
      systemId: null,
      items: o.items,
      purpose: '核对医疗救助资格',
      basis: '',
      approver: '市大数据委 陈主任',
      from: '2020-01-01',
      until: null,
      quotaPerDay: null,
      caseId: null,
      caseNo: 'GX-2026-0001',
      method: o.method ?? 'api',
      cite: { regulation: 'fuzhou-manage-2019', title: '福州管理', article: '第十七条', text: '按批准的范围提供。' },
    })
    return { id: grant.id, ...(await rotateCredentials(tx, ctx, grant.id)) }
  })
}
/** A token for the data API at `url` under such a grant. */
export async function tokenFor(services: Services, url: string, o: Wanted) {
  const { clientId, clientSecret } = await grantFor(services, o)
  const reply = await fetch(`${url}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }),
  })
  return ((await reply.json()) as { access_token: string }).access_token
}
/** What a caller of the data API sends. */
export const callerOf = (token: string) => ({
  authorization: `Bearer ${token}`,
  'x-huitong-operator': encodeURIComponent('周倩'),
  'x-huitong-case': 'YB-2026-77',
})

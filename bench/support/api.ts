// A server with an entry of 100,000 rows behind the data API: node bench/support/api.ts <database> <data directory>. Says its address and
// a token; a path on its input is loaded into another entry by the same process, and said again when that is done.
import { createInterface } from 'node:readline'
import { buildApp } from '../../server/app.ts'
import { importFile } from '../../server/modules/aggregation/public.ts'
import { rotateCredentials } from '../../server/modules/delivery/commands.ts'
import { createGrant } from '../../server/modules/delivery/public.ts'
import { createDepartment } from '../../server/modules/organization/public.ts'
import { loadConfig } from '../../server/platform/config.ts'
import { systemContext } from '../../server/platform/context.ts'
import { aFilledEntry } from '../../test/support/entry.ts'
import { items, person } from './people.ts'
import { anEntry, steward } from './world.ts'

const [databaseUrl, dataDir] = process.argv.slice(2) as [string, string]
const app = await buildApp({ config: { ...loadConfig({ HUITONG_LOG_LEVEL: 'silent' }), dataDir }, databaseUrl, roles: ['api', 'worker'] })
const { db, pool } = app.services
const ctx = await steward(app.services)
const user = await createDepartment(db, systemContext(app.services), {
  region: '350125',
  name: '永泰县医保局',
  creditCode: '11350125FAKE00025B',
  roles: [],
})
const plain = items.map(({ semantic: _, ...item }) => item)
const entry = await aFilledEntry(pool, {
  department: ctx().actor.departmentId,
  region: '350125',
  code: '307013350125001/900000',
  content: { title: '测速用目录', shareClass: 'conditional', items: plain },
  rows: Array.from({ length: 100_000 }, (_, i) => person(i)),
})
await pool.query(`analyze ${entry.relation}`)
const { clientId, clientSecret } = await db.transaction().execute(async tx => {
  const grant = await createGrant(tx, systemContext(app.services), {
    entryId: entry.id,
    entryVersion: 1,
    granteeDepartmentId: user.id,
    systemId: null,
    items: items.map(i => ({ key: i.key, treatment: 'plain' as const })),
    purpose: '核对医疗救助资格',
    basis: '',
    approver: '测量',
    from: '2020-01-01',
    until: null,
    quotaPerDay: null,
    caseId: null,
    caseNo: 'GX-2026-0001',
    method: 'api',
    cite: { regulation: 'fuzhou-manage-2019', title: '福州管理', article: '第十七条', text: '按批准的范围提供。' },
  })
  return rotateCredentials(tx, systemContext(app.services), grant.id)
})
const url = await app.listen({ host: '127.0.0.1', port: 0 })
const reply = await fetch(`${url}/oauth/token`, {
  method: 'POST',
  body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }),
})
const { access_token } = (await reply.json()) as { access_token: string }
console.log(JSON.stringify({ url: `${url}/data/v1/${entry.path}`, token: access_token }))
for await (const path of createInterface(process.stdin)) {
  const entryId = await anEntry(pool, ctx().actor.departmentId)
  const { state, accepted } = await importFile(ctx(), { entryId, path })
  console.log(JSON.stringify({ state, accepted }))
}
await app.close()

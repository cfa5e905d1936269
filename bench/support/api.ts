// A server with an entry of 100,000 rows behind the data API: node bench/support/api.ts <database> <data directory>. Says its address and
// a token; a path on its input is loaded into another entry by the same process, and said again when that is done.
import { createInterface } from 'node:readline'
import { buildApp } from '../../server/app.ts'
import { importFile } from '../../server/modules/aggregation/public.ts'
import { createDepartment } from '../../server/modules/organization/public.ts'
import { loadConfig } from '../../server/platform/config.ts'
import { systemContext } from '../../server/platform/context.ts'
import { aFilledEntry } from '../../test/support/entry.ts'
import { tokenFor } from './grant.ts'
import { items, person } from './people.ts'
import { anEntry, steward } from './world.ts'

const [databaseUrl, dataDir] = process.argv.slice(2) as [string, string]
const app = await buildApp({
  config: { ...loadConfig({ HUITONG_LOG_LEVEL: 'silent', HUITONG_DATA_BURST: '0' }), dataDir },
  databaseUrl,
  roles: ['api', 'worker'],
})
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
const url = await app.listen({ host: '127.0.0.1', port: 0 })
const granted = items.map(i => ({ key: i.key, treatment: 'plain' as const }))
const token = await tokenFor(app.services, url, { entryId: entry.id, departmentId: user.id, items: granted })
console.log(JSON.stringify({ url: `${url}/data/v1/${entry.path}`, token }))
for await (const path of createInterface(process.stdin)) {
  const entryId = await anEntry(pool, ctx().actor.departmentId)
  const { state, accepted } = await importFile(ctx(), { entryId, path })
  console.log(JSON.stringify({ state, accepted }))
}
await app.close()

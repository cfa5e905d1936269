// A process that only loads one file: node bench/support/load.ts <database> <data directory> <entry> <file>. Says how long that took and
// the most memory it ever had.
import { buildApp } from '../../server/app.ts'
import { importFile } from '../../server/modules/aggregation/public.ts'
import { loadConfig } from '../../server/platform/config.ts'
import { steward } from './world.ts'

const [databaseUrl, dataDir, entryId, path] = process.argv.slice(2) as [string, string, string, string]
const app = await buildApp({ config: { ...loadConfig({ HUITONG_LOG_LEVEL: 'error' }), dataDir }, databaseUrl, roles: ['api'] })
await app.ready()
const ctx = await steward(app.services)
const began = performance.now()
const result = await importFile(ctx(), { entryId, path })
const seconds = (performance.now() - began) / 1000
await app.close()
process.stdout.write(JSON.stringify({ ...result, seconds, megabytes: process.resourceUsage().maxRSS / 1024 }))

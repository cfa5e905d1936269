import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import multipart from '@fastify/multipart'
import statics from '@fastify/static'
import Fastify, { type FastifyInstance } from 'fastify'
import { registerAgentApi } from './modules/aggregation/agents/routes.ts'
import { type Follower, startCapture } from './modules/aggregation/capture/run.ts'
import { aggregationJobs } from './modules/aggregation/jobs.ts'
import { registerPushApi } from './modules/aggregation/push/routes.ts'
import { registerAggregation } from './modules/aggregation/routes.ts'
import { expand } from './modules/audit/expand.ts'
import { auditJobs } from './modules/audit/jobs.ts'
import { openLedger } from './modules/audit/public.ts'
import { registerAudit } from './modules/audit/routes.ts'
import { catalogJobs } from './modules/catalog/jobs.ts'
import { openDictionary } from './modules/catalog/public.ts'
import { registerCatalog } from './modules/catalog/routes.ts'
import { registerCatalogRuns } from './modules/catalog/run-routes.ts'
import { deliveryJobs } from './modules/delivery/jobs.ts'
import { registerDelivery, registerDeliveryApi } from './modules/delivery/routes.ts'
import { registerTables, tableJobs } from './modules/delivery/tables/routes.ts'
import { registerUses, usesJobs } from './modules/delivery/uses/routes.ts'
import { openingJobs } from './modules/opening/jobs.ts'
import { registerOpening, registerOpeningApi } from './modules/opening/routes.ts'
import { registerOrganization } from './modules/organization/routes.ts'
import { procedureJobs } from './modules/procedure/jobs.ts'
import { registerOfficerJobs } from './modules/procedure/officers.ts'
import { registerProcedure } from './modules/procedure/routes.ts'
import { registerQuality } from './modules/quality/routes.ts'
import { govern, openLaw, regionOf, storeVersions } from './modules/regulation/public.ts'
import { registerRegulation } from './modules/regulation/routes.ts'
import { sharingJobs } from './modules/sharing/jobs.ts'
import { registerSharing } from './modules/sharing/routes.ts'
import { registerSupervision } from './modules/supervision/routes.ts'
import type { Clock } from './platform/clock.ts'
import type { Config } from './platform/config.ts'
import { type Services, systemContext } from './platform/context.ts'
import { connect } from './platform/db.ts'
import { handleError } from './platform/http.ts'
import { newId } from './platform/id.ts'
import { openJobs } from './platform/jobs.ts'
import { loggerOptions } from './platform/log.ts'
import { Problem } from './platform/problem.ts'
import { loadKey, openSecrets } from './platform/secrets.ts'

export type AppOptions = { config: Config; databaseUrl: string; clock?: Clock; roles?: ('api' | 'worker')[]; web?: string }

/** How long records are kept stands in the regulations, to the right of the ledger: it is handed in here. */
const retention = (region: string | null, day: string) => {
  const { value, cite } = govern(region ?? '', 'log-retention', day)
  return { months: value.months, cite, place: region === null ? '没有地区的记录' : (regionOf(region)?.name ?? region) }
}

// After a quiet while V8 gives memory back and from then on collects for every few megabytes, ten to twenty milliseconds in which nobody is
// answered.
setFlagsFromString('--no-memory-reducer')

const webRoot = resolve(import.meta.dirname, '../web/dist')

/** Builds one process from settings and a migrated database. `close()` ends it whole. */
export async function buildApp({
  config,
  databaseUrl,
  clock = () => new Date(),
  roles = ['api', 'worker'],
  web = webRoot,
}: AppOptions): Promise<FastifyInstance> {
  const app = Fastify({
    logger: loggerOptions(config.logLevel),
    trustProxy: config.trustProxy,
    genReqId: () => newId().slice(-12),
    bodyLimit: 2 * 1024 * 1024,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  })
  const { db, pool, close } = await connect(databaseUrl, { max: config.poolSize })
  const jobs = openJobs(databaseUrl, app.log)
  // The ledger has a connection of its own: a block must not wait behind the requests that wait for it.
  const sealing = await connect(databaseUrl, { max: 1 })
  const ledger = openLedger(sealing.pool)
  const services: Services = {
    config,
    db,
    pool,
    clock,
    secrets: openSecrets(loadKey(config.secretKey, config.dataDir)),
    jobs,
    ledger,
    log: app.log,
  }
  app.decorate('services', services)
  app.decorate('endpoints', [])
  app.setErrorHandler(handleError)

  const law = await openLaw(databaseUrl, db, app.log)
  await storeVersions(db)
  const https = !!config.publicUrl?.startsWith('https')
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'self'"],
        'style-src': ["'self'", "'unsafe-inline'"],
        'img-src': ["'self'", 'data:'],
        'object-src': ["'none'"],
        'base-uri': ["'none'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
      },
    },
    hsts: https ? { maxAge: 31_536_000 } : false,
    referrerPolicy: { policy: 'same-origin' },
  })
  await app.register(cookie)
  await app.register(multipart, { limits: { fileSize: config.maxUploadBytes, files: 1, fields: 20 } })
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )

  await app.register(
    async api => {
      registerAudit(api, retention)
      registerRegulation(api)
      registerOrganization(api)
      registerProcedure(api)
      registerCatalog(api)
      registerCatalogRuns(api)
      registerQuality(api)
      registerAggregation(api)
      registerDelivery(api)
      registerTables(api)
      registerUses(api)
      registerSharing(api)
      registerOpening(api)
      registerSupervision(api)
    },
    { prefix: '/api' },
  )
  await app.register(async root => {
    registerPushApi(root)
    registerAgentApi(root)
    registerDeliveryApi(root)
    registerOpeningApi(root)
  })

  auditJobs(jobs, databaseUrl, retention)
  procedureJobs(jobs)
  registerOfficerJobs(jobs)
  catalogJobs(jobs)
  aggregationJobs(jobs)
  deliveryJobs(jobs)
  tableJobs(jobs)
  usesJobs(jobs)
  sharingJobs(jobs)
  openingJobs(jobs)
  app.get('/health', async () => {
    await db.selectFrom('audit.block').select('height').limit(1).execute()
    return { ok: true }
  })
  await servePages(app, web)

  // Blocks become queryable within a second; pages that need it at once expand by themselves.
  let expanding = Promise.resolve<unknown>(undefined)
  const timer = setInterval(() => {
    if (!roles.includes('worker')) return
    expanding = expand(db, { wait: false }).catch(error => app.log.warn({ error: (error as Error).message }, 'expand'))
  }, 1000)
  let follower: Follower | undefined
  app.addHook('onReady', async () => {
    if (!roles.includes('worker')) return
    await jobs.start(() => systemContext(services))
    follower = await startCapture(services, databaseUrl)
  })
  app.addHook('onListen', async () => openDictionary())
  app.addHook('onClose', async () => {
    clearInterval(timer)
    await follower?.stop()
    await jobs.stop()
    await expanding
    await law.close()
    await ledger.close()
    await sealing.close()
    await close()
  })
  return app
}

/** Portal at /, workbench below /workbench: both are single pages that read the address themselves. */
async function servePages(app: FastifyInstance, web: string): Promise<void> {
  const built = existsSync(join(web, 'portal.html'))
  if (built)
    await app.register(statics, {
      root: web,
      wildcard: false,
      index: false,
      preCompressed: true,
      setHeaders: (reply, path) =>
        void reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'),
    })
  const pages = built
    ? { portal: readFileSync(join(web, 'portal.html'), 'utf8'), workbench: readFileSync(join(web, 'workbench.html'), 'utf8') }
    : null
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!
    const page =
      request.method === 'GET' &&
      !/^\/(api|data|ingest|agent|open\/v1|oauth|assets)(\/|$)/.test(path) &&
      String(request.headers.accept ?? '').includes('text/html')
    if (page && pages)
      return reply
        .type('text/html; charset=utf-8')
        .header('cache-control', 'no-cache')
        .send(/^\/workbench(\/|$)/.test(path) ? pages.workbench : pages.portal)
    if (page) return reply.status(503).type('text/plain; charset=utf-8').send('页面还没有构建。请用 npm start 启动。')
    return handleError(new Problem('http.not_found', { status: 404, detail: '没有这个地址。' }), request, reply)
  })
}

/** Builds and listens. `address` is what people type. `shared`: other processes listen on the same port, and the system deals out what comes. */
export async function startServer(options: AppOptions & { shared?: boolean }): Promise<{ address: string; close(): Promise<void> }> {
  const app = await buildApp(options)
  try {
    const address = await app.listen({
      host: options.config.host,
      port: options.config.port ?? 8080,
      ...(options.shared && { reusePort: true, exclusive: true }),
    })
    return { address: options.config.publicUrl ?? address, close: () => app.close() }
  } catch (error) {
    await app.close()
    throw error
  }
}

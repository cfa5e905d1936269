// Requests per second of the data API with token, grant, masking, quota and the ledger on, beside a bare Fastify route that runs the
// same projection and passes the JSON through. Same process, same pool, same table, turn by turn: ./huitong bench api [seconds per turn]
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import autocannon from 'autocannon'
import Fastify from 'fastify'
import pg from 'pg'
import copy from 'pg-copy-streams'
import { buildApp } from '../server/app.ts'
import { deliveryOf } from '../server/modules/delivery/api.ts'
import { makePackage, orderPackage } from '../server/modules/delivery/packages.ts'
import { projectCopy, projectJson } from '../server/modules/delivery/projection.ts'
import { loadGrantRow } from '../server/modules/delivery/queries.ts'
import { loadConfig } from '../server/platform/config.ts'
import { systemContext } from '../server/platform/context.ts'
import { migrate } from '../server/platform/migrate.ts'
import { startTemporaryPostgres } from '../server/platform/postgres.ts'
import { asked, keep, keepRates, median } from './results.ts'
import { fill, granted, grow, items, key, keysOf, many, rowAt, treatment } from './support/aid.ts'
import { callerOf, grantFor, tokenFor } from './support/grant.ts'
import { postgraphile } from './support/postgraphile.ts'
import { atRate, forSeconds, p99 } from './support/steady.ts'

export const measures = [
  'api.point',
  'api.point_grants',
  'api.point_vs_postgraphile',
  'api.page100',
  'api.p99_half_load',
  'export.csv',
  'export.csv_vs_plain',
]

const seconds = Number(process.argv.slice(2).find(a => /^\d+$/.test(a)) ?? 6)
const rounds = 3
const connections = 64

// Forced to disk as in use: the ledger's block must be there before the reply leaves.
const server = await startTemporaryPostgres({ durable: true })
const dataDir = mkdtempSync(join(tmpdir(), 'huitong-bench-'))
try {
  await migrate(server.url)
  const config = { ...loadConfig({ HUITONG_LOG_LEVEL: 'silent', HUITONG_DATA_BURST: '0' }), dataDir }
  const app = await buildApp({ config, databaseUrl: server.url, roles: ['api'] })
  const { pool } = app.services
  const ctx = systemContext(app.services)
  const { entry, owner, user } = await fill(app.services)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const headers = callerOf(await tokenFor(app.services, url, { entryId: entry.id, departmentId: user.id, items: granted }))

  const bare = Fastify({ logger: false })
  const statement = (limit: number, filter?: Record<string, string>) =>
    projectJson({
      relation: entry.relation,
      columns: items.map(i => i.key),
      keys: ['c1'],
      items: items.map(i => ({ ...i, treatment: treatment(i) })),
      filter,
      limit,
    })
  const statements = { point: { ...statement(10, { 编号: key }), name: 'bare.point' }, page100: { ...statement(100), name: 'bare.page' } }
  for (const kind of ['point', 'page100'] as const) {
    bare.get<{ Querystring: { key?: string } }>(`/${kind}`, async (request, reply) => {
      const { values, ...prepared } = statements[kind]
      const wanted = values.map(value => (value === key && request.query.key) || value)
      const { rows, count } = (await pool.query({ ...prepared, values: wanted })).rows[0] as { rows: string; count: number }
      return reply.header('content-type', 'application/json; charset=utf-8').send(`{"rows":${rows},"count":${count},"next":null}`)
    })
  }
  const bareUrl = await bare.listen({ host: '127.0.0.1', port: 0 })

  type Call = { path: string; headers?: Record<string, string>; method?: 'POST'; body?: string }
  /** `calls` gives what a connection asks for, one after the other and from the beginning again. */
  const measure = async (address: string, calls: (connection: number) => Call[], time = seconds) => {
    let connection = 0
    const r = await autocannon({
      url: address,
      connections,
      duration: time,
      setupClient: client => client.setRequests(calls(connection++)),
    })
    if (r.non2xx || r.errors) throw new Error(`${address}: ${r.non2xx} refused, ${r.errors} errors`)
    return { perSecond: r['2xx'] / r.duration, p99: r.latency.p99 }
  }

  const kinds = {
    point: {
      title: 'one row by its key',
      bare: (n: number): Call[] => keysOf(n).map(k => ({ path: `/point?key=${k}` })),
      ours: (n: number, headers: Call['headers']): Call[] => keysOf(n).map(k => ({ path: rowAt(entry.path, k), headers })),
    },
    page100: {
      title: 'a page of a hundred rows',
      bare: (): Call[] => [{ path: '/page100' }],
      ours: (_: number, headers: Call['headers']): Call[] => [{ path: `/data/v1/${entry.path}?limit=100`, headers }],
    },
  }
  const at = () => new Date().toISOString()
  for (const kind of ['point', 'page100'] as const) {
    if (!asked(`api.${kind}`)) continue
    const { title, bare, ours: own } = kinds[kind]
    await measure(bareUrl, bare, 2)
    await measure(url, n => own(n, headers), 2)
    const pairs: { ours: number; base: number }[] = []
    for (let round = 1; round <= rounds; round++) {
      const base = await measure(bareUrl, bare)
      const ours = await measure(url, n => own(n, headers))
      pairs.push({ ours: ours.perSecond, base: base.perSecond })
      console.log(
        `${title}, round ${round}: bare ${base.perSecond.toFixed(0)}/s (p99 ${base.p99} ms), data API ${ours.perSecond.toFixed(0)}/s (p99 ${ours.p99} ms), ratio ${(ours.perSecond / base.perSecond).toFixed(2)}`,
      )
    }
    keepRates(
      `api.${kind}`,
      pairs,
      `${title}, ${connections} connections, ledger on, ${rounds} turns of ${seconds} s; baseline: bare Fastify route, same SQL, same process`,
    )
  }
  if (asked('api.point_grants')) {
    const { title, bare, ours: own } = kinds.point
    const callers = await Promise.all(
      Array.from({ length: connections }, async () =>
        callerOf(await tokenFor(app.services, url, { entryId: entry.id, departmentId: user.id, items: granted })),
      ),
    )
    const ask = (n: number) => own(n, callers[n % connections])
    await measure(url, ask, 2)
    const pairs: { ours: number; base: number }[] = []
    for (let round = 1; round <= rounds; round++) {
      const base = await measure(bareUrl, bare)
      const ours = await measure(url, ask)
      pairs.push({ ours: ours.perSecond, base: base.perSecond })
    }
    keepRates('api.point_grants', pairs, `${title}, ${connections} connections, each with a grant of its own; baseline as of api.point`)
  }
  if (asked('api.p99_half_load')) {
    const { title, bare, ours: own } = kinds.point
    const peak = (await measure(url, n => own(n, headers))).perSecond
    const rate = Math.round(peak / 2)
    const asks = (of: string, calls: (n: number) => Call[]) => {
      const lists = Array.from({ length: connections }, (_, n) => calls(n))
      return (i: number) => {
        const { path, headers } = lists[i % connections]![Math.floor(i / connections) % 1000]!
        return { url: of + path, headers }
      }
    }
    const [theirs, ourOwn] = [asks(bareUrl, bare), asks(url, n => own(n, headers))]
    await atRate(rate, theirs, forSeconds(2))
    await atRate(rate, ourOwn, forSeconds(2))
    const pairs: { ours: number; base: number }[] = []
    for (let round = 1; round <= rounds; round++) {
      const base = p99(await atRate(rate, theirs, forSeconds(seconds))).all
      const ours = p99(await atRate(rate, ourOwn, forSeconds(seconds))).all
      pairs.push({ ours, base })
    }
    const value = median(pairs.map(p => p.ours))
    const baseline = median(pairs.map(p => p.base))
    keep([
      {
        name: 'api.p99_half_load',
        value: Number(value.toFixed(1)),
        unit: 'ms',
        baseline: Number(baseline.toFixed(1)),
        ratio: Number((value / baseline).toFixed(2)),
        at: at(),
        note: `${title} at ${rate}/s, half of the peak of the data API, at a steady pace; baseline: the bare route at the same rate`,
      },
    ])
  }
  if (asked('api.point_vs_postgraphile')) {
    // The same rows as a plain table with a primary key: nothing of the platform stands in its way.
    const owner = new pg.Client({ connectionString: server.url })
    await owner.connect()
    await owner.query(`create table public.aid as select ${items.map(i => i.key).join(', ')} from ${entry.relation}`)
    await owner.query('alter table public.aid add primary key (c1)')
    await owner.query('analyze public.aid')
    await owner.end()
    const other = await postgraphile(server.url, config.poolSize)
    const asking = (k: string): Call => ({
      path: '/graphql',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: `query ($k: String!) { aidByC1(c1: $k) { ${items.map(i => i.key).join(' ')} } }`, variables: { k } }),
    })
    const { path, ...request } = asking(key)
    const answer = await (await fetch(`${other.url}${path}`, request as RequestInit)).json()
    if (answer.data?.aidByC1?.c1 !== key) throw new Error(`PostGraphile: ${JSON.stringify(answer)}`)
    const post = (n: number) => keysOf(n).map(asking)
    const own = (n: number) => kinds.point.ours(n, headers)
    await measure(other.url, post, 3)
    await measure(url, own, 2)
    const pairs: { ours: number; base: number }[] = []
    for (let round = 1; round <= rounds; round++) {
      const base = await measure(other.url, post)
      const ours = await measure(url, own)
      pairs.push({ ours: ours.perSecond, base: base.perSecond })
    }
    await other.close()
    keepRates(
      'api.point_vs_postgraphile',
      pairs,
      `${kinds.point.title}, ${connections} connections; baseline: PostGraphile ${other.version} on the same rows, same process, without any token, grant, masking or ledger; at least 1.5`,
    )
  }
  if (asked('export.csv')) {
    await grow(pool, entry.relation)
    const { id: grantId } = await grantFor(app.services, { entryId: entry.id, departmentId: user.id, items: granted, method: 'file' })
    const grant = (await loadGrantRow(pool, grantId))!
    const staff = { ...ctx, actor: { ...ctx.actor, name: '周倩', personId: owner.id } } as Parameters<typeof orderPackage>[0]
    const delivery = deliveryOf(app.services)
    const columns = items.map(i => i.key)
    const { text: same } = projectCopy({
      relation: entry.relation,
      columns,
      items: items.map(i => ({ ...i, treatment: treatment(i) })),
      marks: [],
      whole: null,
    })
    const plain = `copy (select ${columns.join(', ')} from ${entry.relation}) to stdout (format csv)`
    const perSecond = (since: number) => (many / (performance.now() - since)) * 1000
    const copied = async (text: string): Promise<number> => {
      const client = await pool.connect()
      const began = performance.now()
      await pipeline(client.query(copy.to(text)), createWriteStream(join(dataDir, 'copy.csv')))
      client.release()
      return perSecond(began)
    }
    const pairs: { ours: number; base: number; plain: number }[] = []
    for (let round = 0; round <= rounds; round++) {
      const base = await copied(same)
      const bare = await copied(plain)
      await orderPackage(staff, grant, { format: 'csv', encoding: 'utf-8', caseRef: `YB-${round}` } as Parameters<typeof orderPackage>[2])
      const { id } = (await pool.query<{ id: string }>(`select id from delivery.package where state = 'queued'`)).rows[0]!
      const from = performance.now()
      await makePackage(systemContext(app.services), delivery, id)
      const ours = perSecond(from)
      // The first of each warms up: it reads the table from the disk.
      if (round) pairs.push({ ours, base, plain: bare })
      const { state, rows, problem } = (await pool.query(`select state, rows, problem from delivery.package where id = $1`, [id])).rows[0]
      if (state !== 'ready' || Number(rows) !== many) throw new Error(`${state}, ${rows} rows ${JSON.stringify(problem)}`)
    }
    keepRates(
      'export.csv',
      pairs,
      `a CSV package of ${many.toLocaleString('en')} rows, masked, with watermark, digests, manifest and ledger, as a ZIP; baseline: the same statement, COPY TO STDOUT, into a file; at least 0.6`,
      'rows/s',
    )
    keepRates(
      'export.csv_vs_plain',
      pairs.map(p => ({ ours: p.ours, base: p.plain })),
      'the same; baseline: COPY TO STDOUT of the columns as they are, neither masked nor in order',
      'rows/s',
    )
  }
  const { rows } = await pool.query<{ blocks: number; records: number }>(
    'select count(*) as blocks, sum(count)::bigint as records from audit.block',
  )
  console.log(`ledger: ${rows[0]!.records} records in ${rows[0]!.blocks} blocks`)
  await bare.close()
  await app.close()
} finally {
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { type Postgres, startTemporaryPostgres } from './postgres.ts'
import { othersFirst, paced } from './priority.ts'

const linux = process.platform === 'linux' ? false : 'only Linux gives each process of PostgreSQL a priority of its own'
let server: Postgres
let pool: pg.Pool
before(async () => {
  server = await startTemporaryPostgres()
  pool = new pg.Pool({ connectionString: server.url, max: 2 })
  // Its process may still be ending, at its low priority, when the server stops; the pool hears of it.
  pool.on('error', () => {})
})
after(async () => {
  await pool.end()
  await server.stop()
})

test('long work gets a low priority, its helpers too, and says that its connection is spent', { skip: linux }, async () => {
  const client = await pool.connect()
  await client.query(`create table big as select g from generate_series(1, 2000000) g`)
  await client.query(`set force_parallel_mode = on`).catch(() => client.query('set debug_parallel_query = on'))
  await client.query('set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0')
  const polite = othersFirst(client)
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const working = client.query('select sum(sqrt(a.g) + b.h) from big a, generate_series(1, 12) b(h)')
  let helpers: number[] = []
  const low = new Set<number>()
  let ended = false
  void working.finally(() => (ended = true))
  while (!ended) {
    const found = await pool.query<{ pid: number }>('select pid from pg_stat_activity where leader_pid = $1', [rows[0]!.pid])
    helpers = found.rows.map(r => r.pid)
    for (const pid of [rows[0]!.pid, ...helpers])
      try {
        if (getPriority(pid) > 0) low.add(pid)
      } catch {}
    await new Promise(done => setTimeout(done, 50))
  }
  assert.ok(low.has(rows[0]!.pid))
  assert.ok(low.size > 1, `helpers: ${helpers}, low: ${[...low]}`)
  if (process.getuid?.() === 0) assert.match(readFileSync(`/proc/${rows[0]!.pid}/autogroup`, 'utf8'), /nice 10/)
  assert.equal(polite.stop(), true)
  client.release(true)
})

test('short work keeps its priority and its connection', async () => {
  const client = await pool.connect()
  const polite = othersFirst(client)
  await client.query('select 1')
  assert.equal(polite.stop(), false)
  client.release()
})

test('work keeps a slow pace only while the ledger grows', async () => {
  await pool.query('create schema audit; create table audit.block (height bigint primary key, first_seq bigint, count int)')
  await pool.query('insert into audit.block values (1, 1, 1)')
  const pace = paced(pool)
  const megabytes = async (n: number) => {
    const began = performance.now()
    for (let i = 0; i < n; i++) await pace.rest(1024 * 1024)
    return performance.now() - began
  }
  const wait = (ms: number) => new Promise(done => setTimeout(done, ms))
  await wait(1000)
  const alone = await megabytes(8)
  let height = 1
  const serving = setInterval(() => void pool.query('insert into audit.block select $1, $1, 1', [++height]), 10)
  await wait(1000)
  const beside = await megabytes(8)
  clearInterval(serving)
  await wait(1000)
  const after = await megabytes(8)
  pace.stop()
  // Eight megabytes a second when others are served; not a measure of speed but of who waits.
  assert.ok(alone < 500 && after < 500 && beside > 700, `${alone} ${beside} ${after}`)
})

// From commit at the source until the data API gives the value, while 500 changes a second come from a PostgreSQL and a MariaDB; in the
// end the entry must be the source, row by row, with every change counted once: ./huitong bench capture [--seconds=120]
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { buildApp } from '../server/app.ts'
import { createDepartment } from '../server/modules/organization/public.ts'
import { loadConfig } from '../server/platform/config.ts'
import { systemContext } from '../server/platform/context.ts'
import { newId } from '../server/platform/id.ts'
import { migrate } from '../server/platform/migrate.ts'
import { startTemporaryPostgres } from '../server/platform/postgres.ts'
import { aMariadb, noMariadb } from '../test/support/mariadb.ts'
import { creditCode } from '../test/support/world.ts'
import { asked, keep, option } from './results.ts'
import { callerOf, tokenFor } from './support/grant.ts'

export const measures = ['capture.postgres.p95_ms', 'capture.mysql.p95_ms']
const seconds = Number(option('seconds') ?? 120)
const RATE = 500
const LIMIT = 1000

/** A source with a table `people (id, name, amount, day, note)`; `run` commits one transaction. */
type Source = { connection: object; run(statements: string[]): Promise<void>; rows(): Promise<string[][]>; stop(): Promise<void> }
const columns = ['id', 'name', 'amount', 'day', 'note']
const table = 'create table people (id varchar(20) primary key, name varchar(50), amount decimal(12, 2), day date, note varchar(200))'

async function postgresSource(): Promise<Source> {
  const server = await startTemporaryPostgres({ settings: { synchronous_commit: 'on' } })
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query(table)
  const at = new URL(server.url)
  return {
    connection: {
      kind: 'postgres',
      host: at.hostname,
      port: Number(at.port),
      database: 'huitong',
      user: at.username,
      password: at.password,
      tls: false,
      schema: 'public',
      table: 'people',
    },
    run: async statements => void (await client.query(`begin; ${statements.join('; ')}; commit`)),
    rows: async () =>
      (await client.query({ text: `select ${columns.map(c => `${c}::text`)} from people order by id collate "C"`, rowMode: 'array' })).rows,
    stop: async () => {
      await client.end()
      await server.stop()
    },
  }
}
async function mysqlSource(): Promise<Source> {
  const ends: (() => Promise<void>)[] = []
  const server = (await aMariadb({ after: (end: () => Promise<void>) => ends.push(end) } as never))!
  await server.sql('create database business character set utf8mb4')
  const { host, port, user, password } = server
  const client = await mysql.createConnection({ host, port, user, password, database: 'business', multipleStatements: true })
  await client.query(table)
  return {
    connection: { kind: 'mysql', host, port, database: 'business', user, password, tls: false, table: 'people' },
    run: async statements => void (await client.query(`begin; ${statements.join('; ')}; commit`)),
    rows: async () => {
      const list = columns.map(c => `convert(${c} using utf8mb4)`)
      const [rows] = await client.query({ sql: `select ${list} from people order by convert(id using binary)`, rowsAsArray: true })
      return rows as string[][]
    },
    stop: async () => {
      await client.end()
      for (const end of ends) await end()
    },
  }
}

const percentile = (list: number[], p: number) =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor((list.length * p) / 100))]!

async function measure(name: string, source: Source): Promise<void> {
  const server = await startTemporaryPostgres({ durable: true })
  const dataDir = mkdtempSync(join(tmpdir(), 'huitong-bench-'))
  await migrate(server.url)
  const app = await buildApp({ config: { ...loadConfig({ HUITONG_LOG_LEVEL: 'error' }), dataDir }, databaseUrl: server.url })
  try {
    await app.ready()
    const { db, pool, secrets } = app.services
    const ctx = systemContext(app.services)
    const department = (n: number, title: string) =>
      createDepartment(db, ctx, { region: '350100', name: title, creditCode: creditCode('350100', n), roles: [] })
    const [owner, user] = [await department(1, '福州市民政局'), await department(2, '福州市医保局')]
    const [entryId, sourceId] = [newId(), newId()]
    const types = ['C', 'C', 'Y', 'D', 'C']
    const names = ['编号', '名称', '金额', '日期', '说明']
    const items = names.map((title, i) => ({
      key: `c${i + 1}`,
      name: title,
      type: types[i],
      description: '',
      identifier: i === 0,
      required: i === 0,
    }))
    const code = '307013350100001/000001'
    await pool.query(
      `insert into catalog.entry (id, code, region, department_id, published, created_by) values ($1, $2, '350100', $3, 1, $1)`,
      [entryId, code, owner.id],
    )
    await pool.query(
      `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved, published) values ($1, 1, 'published', $2, 'x', 'x', now(), now())`,
      [entryId, JSON.stringify({ title: '测速用目录', shareClass: 'conditional', items })],
    )
    const { password, ...open } = source.connection as { kind: string; password: string }
    const actor = {
      personId: newId(),
      username: 'bench',
      name: '测速',
      departmentId: owner.id,
      department: '福州市民政局',
      region: '350100',
      departmentRoles: [],
      roles: ['steward'],
    }
    await pool.query(
      `insert into aggregation.source (id, entry_id, department_id, kind, name, connection, secret, secret_names, mode, deletes, run_as, mapping, keys, threshold, created, created_by)
       values ($1, $2, $3, $4, '测速', $5, $6, array['password'], 'capture', 'follow', $7, $8, array['c1'], 1, now(), 'bench')`,
      [
        sourceId,
        entryId,
        owner.id,
        open.kind,
        JSON.stringify(open),
        secrets.seal(JSON.stringify({ password })),
        JSON.stringify(actor),
        JSON.stringify(columns.map((c, i) => ({ source: c, item: `c${i + 1}` }))),
      ],
    )
    const live = async () =>
      (await pool.query(`select live->>'phase' as phase, trouble->>'text' as trouble from aggregation.source where id = $1`, [sourceId]))
        .rows[0]
    await source.run(Array.from({ length: 1000 }, (_, i) => `insert into people values ('s${i}', '原有', ${i}, '2026-01-01', null)`))
    for (let i = 0; (await live()).phase !== 'streaming'; i++) {
      if (i > 300) throw new Error(JSON.stringify(await live()))
      await sleep(100)
    }
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const granted = items.map(i => ({ key: i.key, treatment: 'plain' as const }))
    const headers = callerOf(await tokenFor(app.services, url, { entryId, departmentId: user.id, items: granted }))
    const read = async (key: string): Promise<Record<string, string> | undefined> => {
      const filter = encodeURIComponent(JSON.stringify({ 编号: key }))
      const reply = await fetch(`${url}/data/v1/${code.replace('/', '-')}?filter=${filter}`, { headers })
      if (!reply.ok) throw new Error(await reply.text())
      return ((await reply.json()) as { rows: Record<string, string>[] }).rows[0]
    }

    const there: string[] = Array.from({ length: 1000 }, (_, i) => `s${i}`)
    const taken: number[] = []
    const probes: Promise<void>[] = []
    const probe = async (key: string, note: string | null, since: number) => {
      for (;;) {
        const row = await read(key)
        if (note === null ? !row : row?.说明 === note) break
        if (performance.now() - since > 30_000) throw new Error(`${key} did not arrive in 30 s`)
        await sleep(10)
      }
      taken.push(performance.now() - since)
    }
    let changes = 0
    let serial = 0
    const began = performance.now()
    // A transaction every 20 ms or so; of every tenth one change is waited for.
    for (let turn = 0; performance.now() - began < seconds * 1000; turn++) {
      const due = Math.round(((performance.now() - began) / 1000) * RATE) - changes
      const statements: string[] = []
      let watched: { key: string; note: string | null } | undefined
      for (let i = 0; i < due; i++) {
        const dice = Math.random()
        const key = there[Math.floor(Math.random() * there.length)]!
        if (watched?.key === key) continue
        const note = `第 ${++serial} 次变更`
        const first = !watched && turn % 10 === 0
        if (dice < 0.4) {
          there.push(`n${serial}`)
          statements.push(`insert into people values ('n${serial}', '新增', ${serial}.25, '2026-02-28', '${note}')`)
          if (first) watched = { key: `n${serial}`, note }
        } else if (dice < 0.85) {
          statements.push(`update people set note = '${note}', amount = amount + 1 where id = '${key}'`)
          if (first) watched = { key, note }
        } else if (there.length > 500 && key !== there.at(-1)) {
          there[there.indexOf(key)] = there.pop()!
          statements.push(`delete from people where id = '${key}'`)
          if (first) watched = { key, note: null }
        }
      }
      if (statements.length) await source.run(statements)
      changes += statements.length
      if (watched) {
        const { key, note } = watched
        // A later change may overtake the one that is waited for: its key is left alone meanwhile.
        const at = there.indexOf(key)
        if (at !== -1) there.splice(at, 1)
        probes.push(
          probe(key, note, performance.now()).then(() => {
            if (note !== null) there.push(key)
          }),
        )
      }
      await sleep(20)
    }
    const rate = changes / ((performance.now() - began) / 1000)
    await Promise.all(probes)
    const rows = await source.rows()
    const ours = async () =>
      (
        await pool.query({
          text: `select c1, c2, c3::text, c4::text, c5 from pool.e_${entryId.replaceAll('-', '').slice(-16)} order by _key`,
          rowMode: 'array',
        })
      ).rows
    const counts = async () =>
      (
        await pool.query(
          `select sum(read)::int as read, sum(accepted + unchanged + rejected)::int as told, sum(rejected)::int as rejected from aggregation.batch where source_id = $1 and name like '实时%'`,
          [sourceId],
        )
      ).rows[0] as { read: number; told: number; rejected: number }
    for (let i = 0; (await counts()).read < changes && i < 100; i++) await sleep(100)
    const told = await counts()
    assert.deepEqual([told.read, told.told, told.rejected], [changes, changes, 0], 'every change once')
    const mine = await ours()
    assert.equal(mine.length, rows.length)
    for (const [i, row] of rows.entries()) assert.deepEqual(mine[i], row)
    const [p50, p95, p99] = [50, 95, 99].map(p => Math.round(percentile(taken, p)))
    keep([
      {
        name,
        value: p95!,
        unit: 'ms',
        baseline: LIMIT,
        ratio: Number((p95! / LIMIT).toFixed(2)),
        at: new Date().toISOString(),
        note: `commit → data API, p50 ${p50} ms, p99 ${p99} ms, ${taken.length} keys waited for; ${changes} changes in ${seconds} s (${rate.toFixed(0)}/s), ${rows.length} rows equal in the end, every change counted once; baseline: the limit`,
      },
    ])
  } finally {
    await app.close()
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
    await source.stop()
  }
}

if (asked(measures[0]!)) await measure(measures[0]!, await postgresSource())
if (asked(measures[1]!)) {
  if (noMariadb) console.log(`${measures[1]} skipped: ${noMariadb}`)
  else await measure(measures[1]!, await mysqlSource())
}
process.exit()

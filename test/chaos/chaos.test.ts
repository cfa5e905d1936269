import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import * as aggregation from '../../contract/aggregation.ts'
import * as pushing from '../../contract/push.ts'
import { verifyDatabase } from '../../server/modules/audit/sources.ts'
import { Listening } from '../../server/platform/db.ts'
import { migrate } from '../../server/platform/migrate.ts'
import { createDatabase, freePort, type Postgres, startPostgres, startTemporaryPostgres } from '../../server/platform/postgres.ts'
import { openSecrets } from '../../server/platform/secrets.ts'
import { openSigner } from '../../server/platform/signer.ts'
import { send } from '../support/batches.ts'
import { aCapturedEntry, captured, poolOf, until } from '../support/capture.ts'
import { aMariadb, noMariadb } from '../support/mariadb.ts'
import { aPublishedEntry } from '../support/published.ts'
import { aWorld, type Person, type World } from '../support/world.ts'

/**
 * Files, pushes and live changes come in while the process, and then its PostgreSQL, are killed at random moments. Afterwards every
 * pool table is its source row by row, every batch balances, nothing is half there and the ledger verifies. Then the sources go wrong:
 * connections are cut, slot and log are gone, columns are retyped, narrowed and dropped.
 * HUITONG_CHAOS_KILLS and HUITONG_CHAOS_CRASHES (of PostgreSQL) make it longer.
 */
const kills = Number(process.env.HUITONG_CHAOS_KILLS ?? 30)
const crashes = Number(process.env.HUITONG_CHAOS_CRASHES ?? 10)
const items = [
  { name: '编号', type: 'C' as const, length: 20, required: true },
  { name: '姓名', type: 'C' as const, length: 50 },
  { name: '次数', type: 'I' as const, length: 12 },
]
/** Tables have one column more, which will be dropped. */
const captureItems = [...items, { name: '备用', type: 'C' as const, length: 20 }]
const columns = ['id', 'name', 'n', 'spare']
/** Repeatable: a run that fails can be run again with the same moments, as far as the machine lets it. */
const seed = Number(process.env.HUITONG_CHAOS_SEED ?? Date.now() % 1_000_000)
let state = seed
const random = (below: number) => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
  return (state >>> 8) % below
}

/** A platform whose worker is a process of its own, on a PostgreSQL of its own; both can be killed. */
async function setUp(t: TestContext) {
  console.log(`seed ${seed}`)
  const directory = mkdtempSync(join(tmpdir(), 'huitong-chaos-'))
  const place = { directory: join(directory, 'pg'), port: await freePort(), settings: { fsync: 'off', shared_buffers: '128MB' } }
  let postgres: Postgres = await startPostgres(place)
  const key = randomBytes(32)
  const template = await createDatabase(postgres.url, 'huitong_template')
  await migrate(template)
  const before = process.env.HUITONG_TEST_URL
  process.env.HUITONG_TEST_URL = postgres.url
  let child: ChildProcess | undefined
  const ends: (() => unknown)[] = []
  t.after(async () => {
    child?.kill('SIGKILL')
    // A test that failed in the middle of a crash leaves no database to say goodbye to; the rest goes away all the same.
    for (const end of ends) await Promise.resolve(end()).catch(() => {})
    await postgres.stop()
    process.env.HUITONG_TEST_URL = before
    rmSync(directory, { recursive: true, force: true })
  })
  const world = await aWorld({ after: (run: () => unknown) => void ends.push(run) } as never, {
    roles: ['api'],
    settings: { HUITONG_SECRET_KEY: key.toString('base64url') },
  })
  const port = await freePort()
  const start = async () => {
    child = spawn(process.execPath, [resolve(import.meta.dirname, '../../server/main.ts'), 'serve'], {
      env: {
        ...process.env,
        HUITONG_DATABASE_URL: world.url,
        HUITONG_DATA_DIR: world.app.services.config.dataDir,
        HUITONG_SECRET_KEY: key.toString('base64url'),
        HUITONG_PORT: String(port),
        HUITONG_POOL_SIZE: '12',
        HUITONG_LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const mine = child
    let said = ''
    await new Promise<void>((ready, failed) => {
      const hear = (piece: Buffer) => {
        said += piece
        if (said.includes('汇通已启动')) ready()
      }
      mine.stdout!.on('data', hear)
      mine.stderr!.on('data', hear)
      mine.once('exit', code => failed(new Error(`the process ended with ${code}: ${said.slice(-3000)}`)))
    })
  }
  const kill = async () => {
    const mine = child!
    const gone = new Promise(done => mine.once('exit', done))
    if (mine.exitCode !== null || mine.signalCode !== null) return
    mine.kill('SIGKILL')
    await gone
  }
  const crash = async () => {
    process.kill(postgres.pid, 'SIGKILL')
    await postgres.died
    await postgres.stop()
    postgres = await startPostgres(place)
  }
  const verified = async () => {
    const client = new pg.Client({ connectionString: world.url })
    await client.connect()
    try {
      return await verifyDatabase(client, { first: openSigner(openSecrets(key).derive).publicKeys() })
    } finally {
      await client.end()
    }
  }
  return {
    world,
    data: postgres.data,
    start,
    kill,
    crash,
    verified,
    address: `http://127.0.0.1:${port}`,
    alive: () => child?.exitCode === null && child.signalCode === null,
  }
}
type Platform = Awaited<ReturnType<typeof setUp>>

/** Tries until it works: what a client does while a server is away. */
async function insist<T>(what: () => Promise<T>): Promise<T> {
  for (let n = 0; ; n++) {
    try {
      return await what()
    } catch (error) {
      if (n > 300) throw error
      await sleep(100)
    }
  }
}

/** A load runs until it is told to end; `expected` is what the pool must then hold. */
type Load = { name: string; turn: () => Promise<void>; entryId: string; expected: () => Promise<unknown[][]> }

const sorted = (rows: unknown[][]) => rows.sort((a, b) => Buffer.compare(Buffer.from(String(a[0])), Buffer.from(String(b[0]))))

/** Whole files of the same 5,000 keys, each with some new values. */
async function files(steward: Person, entryId: string): Promise<Load> {
  const rows = new Map<string, string[]>()
  for (let i = 0; i < 5000; i++) rows.set(`F${i}`, [`F${i}`, '张三', '0'])
  const source = await steward.ok(aggregation.createSource, { body: { entryId, kind: 'file', threshold: 1 } })
  let mapped = false
  let n = 0
  return {
    name: 'files',
    entryId,
    async turn() {
      n++
      for (let i = 0; i < 300; i++) {
        const id = `F${random(5000)}`
        rows.set(id, [id, `第${n}次`, String(random(1000))])
      }
      const content = `编号,姓名,次数\n${[...rows.values()].map(r => r.join()).join('\n')}\n`
      const { body: seen } = await insist(async () => {
        const answer = await send(steward, source.id, '名单.csv', content)
        if (answer.status !== 200) throw new Error(JSON.stringify(answer.problem))
        return answer
      })
      if (!mapped)
        await insist(() =>
          steward.ok(aggregation.saveMapping, {
            params: { id: source.id },
            body: { mapping: seen.mapping.map(m => ({ source: m.source, item: m.item })), keys: ['c1'], threshold: 1, options: {} },
          }),
        )
      mapped = true
      await insist(() => steward.ok(aggregation.startBatch, { params: { id: source.id }, body: { uploadId: seen.uploadId! } }))
      await sleep(700)
    },
    expected: async () => sorted([...rows.values()]),
  }
}

/** Small pushes with an idempotency key, repeated until they are answered. */
async function pushes(platform: Platform, steward: Person, departmentId: string): Promise<Load> {
  const entry = await aPublishedEntry(platform.world, departmentId, '350125', items)
  const source = await steward.ok(aggregation.createSource, { body: { entryId: entry.id, kind: 'push', threshold: 1 } })
  await steward.ok(aggregation.saveMapping, {
    params: { id: source.id },
    body: { mapping: items.map((i, n) => ({ source: i.name, item: `c${n + 1}` })), keys: ['c1'], threshold: 1, options: {} },
  })
  const { key } = await steward.ok(pushing.issuePushKey, { params: { id: source.id }, body: { name: '民政业务系统' } })
  const rows = new Map<string, string[]>()
  let n = 0
  return {
    name: 'pushes',
    entryId: entry.id,
    async turn() {
      const body: string[] = []
      const now = new Map<string, string[]>()
      for (let i = 0; i < 50; i++) {
        const id = `P${random(2000)}`
        now.set(id, [id, `推送${n}`, String(random(1000))])
      }
      for (const [编号, 姓名, 次数] of now.values()) body.push(JSON.stringify({ 编号, 姓名, 次数: Number(次数) }))
      const idempotency = `push-${n++}`
      await insist(async () => {
        const reply = await fetch(`${platform.address}/ingest/v1/${entry.path}`, {
          method: 'POST',
          body: body.join('\n'),
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson', 'idempotency-key': idempotency },
        })
        if (reply.status !== 202 && reply.status !== 200) throw new Error(`${reply.status} ${await reply.text()}`)
        await reply.text()
      })
      for (const [id, row] of now) rows.set(id, row)
      await sleep(250)
    },
    expected: async () => sorted([...rows.values()]),
  }
}

/** A table whose rows are inserted, changed and deleted, one transaction of a few changes after the other. */
function changes(name: string, entryId: string, sql: (text: string) => Promise<unknown>, read: () => Promise<unknown[][]>): Load {
  let n = 0
  return {
    name,
    entryId,
    async turn() {
      n++
      const one = () => {
        const id = `'C${random(3000)}'`
        return random(5) === 0
          ? `delete from people where id = ${id}`
          : `delete from people where id = ${id}; insert into people (id, name, n) values (${id}, '变更${n}', ${random(1000)})`
      }
      await sql(`begin; ${one()}; ${one()}; update people set n = n + 1 where id = 'C${random(3000)}'; commit`)
      await sleep(15)
    },
    expected: async () => sorted(await read()),
  }
}

/** What happens at a captured source, under load. */
type Faulty = {
  name: string
  steward: Person
  sourceId: string
  /** Ends the connection that follows it. */
  cut(): Promise<unknown>
  /** Makes it forget what the platform has not read yet, once the connection is cut; true when it has. */
  forget(): Promise<boolean>
  alter(text: string): Promise<unknown>
  retype: string
  narrow: string
}
async function goWrong(world: World, f: Faulty): Promise<void> {
  const { pool } = world.app.services
  const source = () => insist(() => f.steward.ok(aggregation.source, { params: { id: f.sourceId } }))
  const wholeReadings = async () =>
    (
      await pool.query<{ n: number }>(
        `select count(*)::int as n from aggregation.batch where source_id = $1 and state = 'done' and name not like '实时%'`,
        [f.sourceId],
      )
    ).rows[0]!.n
  const streaming = () => until(async () => assert.equal((await source()).live?.phase, 'streaming', f.name), 30_000)
  await streaming()
  await f.cut()
  await sleep(500)
  await streaming()
  const before = await wholeReadings()
  // Whoever follows may be faster and have read it all: then it is done again.
  await until(async () => {
    await f.cut()
    assert.ok(await f.forget(), `${f.name} keeps what is not read yet`)
    await until(async () => assert.ok((await wholeReadings()) > before, `${f.name} is read anew`), 10_000)
  }, 120_000)
  for (const [text, said, mapped] of [
    [f.retype, /类型变化「n（/, 4],
    [f.narrow, /类型变化「name（/, 4],
    ['drop column spare', /少 1 列「spare」/, 3],
  ] as const) {
    await streaming()
    await f.alter(text)
    await until(async () => {
      const { trouble } = await source()
      assert.equal(trouble?.code, 'drift', `${f.name} ${text}: ${trouble?.text}`)
      assert.match(trouble.text, said)
      assert.match(trouble.text, /位置未移动/)
      assert.match(trouble.remedy, /重新保存「对应信息项」/)
    }, 30_000)
    const mapping = columns.slice(0, mapped).map((c, i) => ({ source: c, item: `c${i + 1}` }))
    await insist(() =>
      f.steward.ok(aggregation.saveMapping, {
        params: { id: f.sourceId },
        body: { mapping, keys: ['c1'], threshold: 1, options: {} },
      }),
    )
  }
  await streaming()
}

test('killed at random moments, the platform and its database lose nothing, double nothing and show nothing by halves', async t => {
  let over = false
  t.after(() => {
    over = true
  })
  const platform = await setUp(t)
  const { world } = platform
  const { entryId: fileEntry, steward, departmentId } = await aCapturedEntry(world, items)
  const loads: Load[] = [await files(steward, fileEntry), await pushes(platform, steward, departmentId)]

  const postgres = await startTemporaryPostgres()
  const table = new pg.Pool({ connectionString: postgres.url, max: 3, Client: Listening })
  t.after(async () => {
    await table.end()
    await postgres.stop()
  })
  table.on('error', () => {})
  await table.query(`create table people (id varchar(20) primary key, name text, n int, spare text)`)
  const at = new URL(postgres.url)
  const login = { host: at.hostname, port: Number(at.port), user: at.username, password: at.password, tls: false, table: 'people' }
  const live = await aCapturedEntry(world, captureItems)
  const { id: postgresId } = await captured(
    world,
    live.steward,
    live.entryId,
    { kind: 'postgres', ...login, database: at.pathname.slice(1), schema: 'public' },
    columns,
    { deletes: 'follow' },
  )
  const faulty: Faulty[] = [
    {
      name: 'PostgreSQL',
      steward: live.steward,
      sourceId: postgresId,
      cut: () => table.query(`select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'walsender'`),
      async forget() {
        // Whoever follows takes the slot again at once.
        await table.query('select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active')
        return !(await table.query('select from pg_replication_slots')).rowCount
      },
      alter: text => table.query(`alter table people ${text}`),
      retype: 'alter column n type bigint',
      narrow: 'alter column name type varchar(40)',
    },
  ]
  loads.push(
    changes(
      'PostgreSQL',
      live.entryId,
      text => table.query(text),
      async () => (await table.query({ text: 'select id, name, n::text from people', rowMode: 'array' })).rows,
    ),
  )
  if (noMariadb) console.log(`${noMariadb}: its changes are left out`)
  else {
    const maria = (await aMariadb(t))!
    await maria.sql('create database business')
    await maria.sql('create table people (id varchar(20) primary key, name text, n int, spare text)', [], 'business')
    const entry = await aCapturedEntry(world, captureItems)
    const { id: mariaId } = await captured(
      world,
      entry.steward,
      entry.entryId,
      {
        kind: 'mysql',
        host: maria.host,
        port: maria.port,
        user: maria.user,
        password: maria.password,
        tls: false,
        database: 'business',
        table: 'people',
      },
      columns,
      { deletes: 'follow' },
    )
    faulty.push({
      name: 'MariaDB',
      steward: entry.steward,
      sourceId: mariaId,
      async cut() {
        for (const { id } of await maria.sql(`select id from information_schema.processlist where command like 'Binlog Dump%'`))
          await maria.sql(`kill ${Number(id)}`).catch(() => {})
      },
      async forget() {
        await maria.sql('flush binary logs')
        // A connection that was ended holds its file for a moment longer.
        for (let tries = 0; tries < 30; tries++) {
          const logs = (await maria.sql('show binary logs')) as { Log_name: string }[]
          if (logs.length === 1) return true
          await maria.sql(`purge binary logs to '${logs.at(-1)!.Log_name}'`)
          await sleep(10)
        }
        return false
      },
      alter: text => maria.sql(`alter table people ${text}`, [], 'business'),
      retype: 'modify n bigint',
      narrow: 'modify name varchar(40)',
    })
    loads.push(
      changes(
        'MariaDB',
        entry.entryId,
        text => maria.sql(text, [], 'business'),
        async () => (await maria.sql('select id, name, n from people', [], 'business')).map(r => [r.id, r.name, String(r.n)]),
      ),
    )
  }

  const { pool } = world.app.services
  const waiting = (entryId: string) =>
    insist(
      async () =>
        (
          await pool.query<{ n: number }>(
            `select count(*)::int as n from aggregation.batch where entry_id = $1 and state in ('queued', 'running')`,
            [entryId],
          )
        ).rows[0]!.n,
    )
  await platform.start()
  const running = loads.map(async load => {
    while (!over) {
      await load.turn()
      // A sender that waits its turn: what is measured is that nothing gets lost, not how long a queue grows.
      for (let n = 0; n < 100 && !over && (await waiting(load.entryId)) > 3; n++) await sleep(100)
    }
  })
  Promise.all(running).catch(() => {})
  for (let n = 0; n < kills; n++) {
    await sleep(random(1500))
    await platform.kill()
    await platform.start()
  }
  for (let n = 0; n < crashes; n++) {
    await sleep(500 + random(1500))
    await platform.crash()
    // Whether it lived through that or ended with a message, it is started again as a supervisor does.
    await sleep(200)
    if (!platform.alive()) await insist(platform.start)
  }
  for (const f of faulty) await goWrong(world, f)
  over = true
  await Promise.all(running)

  await until(async () => {
    await insist(() => world.job('aggregation.sweep'))
    await sleep(1000)
    const { rows } = await pool.query(
      `select no, state, messages from aggregation.batch where state in ('queued', 'running') and name not like '实时%'`,
    )
    assert.deepEqual(rows, [])
  }, 90_000)
  for (const load of loads)
    await until(async () => assert.deepEqual(await poolOf(world, load.entryId, 'c1,c2,c3'), await load.expected(), load.name), 30_000)
  const { rows: bad } = await pool.query(
    `select no, state, messages from aggregation.batch where state not in ('done', 'drift') or read <> accepted + unchanged + rejected + waiting or rejected > 0`,
  )
  assert.deepEqual(bad, [])
  const { rows: left } = await pool.query(
    `select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname = 'staging' and relkind = 'r'`,
  )
  assert.deepEqual(left, [])
  const ledger = await platform.verified()
  assert.equal(ledger.ok, true, JSON.stringify(ledger))
  const { rows: count } = await pool.query(`select count(*)::int as batches, sum(read)::int as rows from aggregation.batch`)
  console.log(`${kills} kills, ${crashes} crashes: ${count[0].batches} batches, ${count[0].rows} rows`)
})

/** A disk of 16 MB, where this machine lets us mount one. */
function smallDisk(t: TestContext, owner: { uid: number; gid: number }): string | null {
  const at = mkdtempSync(join(tmpdir(), 'huitong-small-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=755', 'tmpfs', at]).status === 0
  t.after(() => {
    if (mounted) spawnSync('umount', ['-l', at])
    rmSync(at, { recursive: true, force: true })
  })
  if (!mounted) return null
  chmodSync(at, 0o755)
  const place = join(at, 'space')
  mkdirSync(place)
  chownSync(place, owner.uid, owner.gid)
  return place
}

test('a full disk loads nothing, says so, and the same batch comes in once there is room', async t => {
  const platform = await setUp(t)
  const { world } = platform
  const { entryId, steward } = await aCapturedEntry(world, items)
  const place = smallDisk(t, statSync(platform.data))
  if (!place) return t.skip('no right to mount a small disk here')
  const source = await steward.ok(aggregation.createSource, { body: { entryId, kind: 'file', threshold: 1 } })
  const rows = (count: number, name: string) => Array.from({ length: count }, (_, i) => [`D${i}`, name, String(i)])
  const deliver = async (list: string[][]) => {
    const { body: seen } = await send(steward, source.id, '名单.csv', `编号,姓名,次数\n${list.map(r => r.join()).join('\n')}\n`)
    await steward.ok(aggregation.saveMapping, {
      params: { id: source.id },
      body: { mapping: seen.mapping.map(m => ({ source: m.source, item: m.item })), keys: ['c1'], threshold: 1, options: {} },
    })
    return (await steward.ok(aggregation.startBatch, { params: { id: source.id }, body: { uploadId: seen.uploadId! } })).id
  }
  const ends = async (id: string, wanted: string) => {
    let batch: aggregation.Batch
    await until(async () => {
      batch = await steward.ok(aggregation.batch, { params: { id } })
      assert.equal(batch.state, wanted, JSON.stringify(batch.messages))
    }, 60_000)
    return batch!
  }
  await platform.start()
  await ends(await deliver(rows(1000, '原来')), 'done')
  const name = new URL(world.url).pathname.slice(1)
  const administrator = new pg.Client({ connectionString: world.url })
  await administrator.connect()
  t.after(() => administrator.end())
  administrator.on('error', () => {})
  await administrator.query(`create tablespace small location '${place}'`)
  await administrator.query('grant create on tablespace small to public')
  await administrator.query(`alter database ${name} set default_tablespace = small`)
  await platform.kill()
  await platform.start()
  const big = rows(300_000, '后来的名字写得长一些，好把盘写满')
  const id = await deliver(big)
  const failed = await ends(id, 'failed')
  assert.deepEqual([failed.messages[0]!.code, failed.read, failed.accepted], ['disk-full', 0, 0])
  assert.match(failed.messages[0]!.text, /磁盘已满，没有入库/)
  assert.deepEqual(await poolOf(world, entryId, 'c1,c2,c3'), sorted(rows(1000, '原来')))
  assert.match((await steward.ok(aggregation.source, { params: { id: source.id } })).trouble!.text, /磁盘已满/)
  await administrator.query(`alter database ${name} reset default_tablespace`)
  await platform.kill()
  await platform.start()
  await steward.ok(aggregation.retryBatch, { params: { id }, body: { reason: '' } })
  const done = await ends(id, 'done')
  assert.deepEqual([done.read, done.accepted, done.changed], [300_000, 300_000, 1000])
  assert.deepEqual(await poolOf(world, entryId, 'c1,c2,c3'), sorted(big))
  await platform.kill()
})

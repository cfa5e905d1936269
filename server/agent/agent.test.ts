import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server, type Socket, connect as tcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import pg from 'pg'
import * as agents from '../../contract/agents.ts'
import * as aggregation from '../../contract/aggregation.ts'
import { createSystem } from '../../contract/organization.ts'
import { finished, send } from '../../test/support/batches.ts'
import { liveCounts } from '../../test/support/capture.ts'
import { aMariadb, noMariadb } from '../../test/support/mariadb.ts'
import { aPublishedEntry } from '../../test/support/published.ts'
import { aWorld } from '../../test/support/world.ts'
import { createDatabase, dropDatabase } from '../platform/postgres.ts'
import { caller, checkedPlatform, type Refused } from './call.ts'
import { openHome } from './home.ts'
import { digestOf, signRequest } from './sign.ts'

const root = resolve(import.meta.dirname, '../..')
/** Signed by itself, for localhost; made for this test and good for nothing else. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUFn8/MOLYG/bt6cItlCPoERJbLyUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjE4MTUxNloYDzIxMjYxMDI5
MTgxNTE2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASm2QlzF1yhjV//4t63tNmv9ETirnpdU6KKnkv+gcjyv8GZgqblDge3
D3OQYMxzVbhYWMgiGCpWbcM6ASu5JwwYo28wbTAdBgNVHQ4EFgQULZsh22rdna0y
d3yBTzGv2aZ6X/MwHwYDVR0jBBgwFoAULZsh22rdna0yd3yBTzGv2aZ6X/MwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAO6TZOxF8Pwu6ZPMekjbL1FjoOen0INejiFPvRjpkTAeAiAj
QhqYm9n36UjEfGgYgf6BZNntacLMmmKkzAFE4odRaQ==
-----END CERTIFICATE-----`
const certificateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgkd8FPLR4sBOOweD7
vkbTnWz+VLsDHctiM1SR8UYsXSahRANCAASm2QlzF1yhjV//4t63tNmv9ETirnpd
U6KKnkv+gcjyv8GZgqblDge3D3OQYMxzVbhYWMgiGCpWbcM6ASu5JwwY
-----END PRIVATE KEY-----`
const items = [
  { name: '编号', type: 'I', identifier: true, required: true },
  { name: '内容', type: 'C', length: 4000 },
]

/** Everything on its way to the platform goes through here, so that a test can cut it. */
async function aWire(port: number) {
  const sockets = new Set<Socket>()
  let limit = Number.POSITIVE_INFINITY
  let open = true
  const server: Server = createServer(socket => {
    if (!open) return socket.destroy()
    const out = tcp(port, '127.0.0.1')
    sockets.add(socket).add(out)
    socket.on('data', piece => {
      limit -= piece.length
      if (limit < 0 || !open) {
        socket.destroy()
        out.destroy()
      } else out.write(piece)
    })
    out.on('data', piece => socket.write(piece))
    for (const [a, b] of [
      [socket, out],
      [out, socket],
    ] as const) {
      a.on('error', () => {})
      a.on('close', () => b.destroy())
    }
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    /** So many more bytes get through. */
    allow: (bytes: number) => {
      limit = bytes
    },
    cut: () => {
      open = false
      for (const s of sockets) s.destroy()
    },
    mend: () => {
      open = true
      limit = Number.POSITIVE_INFINITY
    },
    close: () => {
      for (const s of sockets) s.destroy()
      server.close()
    },
  }
}

async function setUp(t: TestContext) {
  const world = await aWorld(t)
  const departmentId = await world.department({ region: '350125', name: '永泰县民政局' })
  const steward = await world.person({ department: '永泰县民政局', roles: ['steward'] })
  const entry = await aPublishedEntry(world, departmentId, '350125', items)
  const systemId = (await steward.ok(createSystem, { body: { name: '民政业务系统' } })).id
  await world.app.listen({ port: 0, host: '127.0.0.1' })
  const wire = await aWire((world.app.server.address() as { port: number }).port)
  const dir = mkdtempSync(join(tmpdir(), 'huitong-agent-'))
  const running = new Set<ChildProcess>()
  const heard: string[] = []
  t.after(() => {
    for (const child of running) child.kill('SIGKILL')
    wire.close()
    rmSync(dir, { recursive: true, force: true })
  })
  // The agent's own process: it gets its directory and nothing of the platform's.
  const command = (args: string[], input = '') => {
    const child = spawn(process.execPath, ['server/main.ts', 'agent', ...args], {
      cwd: root,
      env: { PATH: process.env.PATH, HUITONG_AGENT_DIR: dir },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    running.add(child)
    child.stdin!.end(input)
    let said = ''
    child.stderr!.on('data', piece => {
      said += piece
      heard.push(String(piece))
    })
    const ended = new Promise<number | null>(done => child.on('exit', code => done(code))).finally(() => running.delete(child))
    return { child, ended, said: () => said }
  }
  const run = async (args: string[], input?: string) => {
    const { ended, said } = command(args, input)
    return { code: await ended, said: said() }
  }
  const until = async <T>(what: string, look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> => {
    for (let i = 0; i < 800; i++) {
      const found = await look()
      if (found) return found
      await sleep(50)
    }
    throw new Error(`never: ${what}; the agent said: ${heard.join('')}`)
  }
  const pairing = async () => {
    const made = await steward.ok(agents.pairAgent, { body: { name: '民政前置机' } })
    return made.code
  }
  const database = new URL(world.url)
  const password = 'not-to-be-seen-outside'
  const addTable = (table: string) =>
    run(
      [
        'source',
        'add',
        '本地表',
        '--kind',
        'postgres',
        '--host',
        database.hostname,
        '--port',
        database.port,
        '--database',
        database.pathname.slice(1),
      ].concat(['--user', database.username, '--table', table, '--schema', 'public']),
      `${decodeURIComponent(database.password) || password}\n`,
    )
  const mine = async () => (await steward.ok(agents.agents, {}))[0]!
  const pool = async () => {
    const { rows } = await world.app.services.pool.query('select relation from aggregation.mount where entry_id = $1', [entry.id])
    return rows.length
      ? (await world.app.services.pool.query(`select c1::int as a, md5(c2) as b from ${rows[0].relation} order by c1`)).rows
      : []
  }
  const source = async () => {
    const made = await steward.ok(agents.agentMakesSource, {
      params: { id: (await mine()).id },
      body: { entryId: entry.id, source: '本地表', threshold: 1, systemId },
    })
    return made.id
  }
  const owner = new pg.Client({ connectionString: world.url })
  owner.on('error', () => {}) // The database goes before this connection does.
  await owner.connect()
  t.after(() => owner.end())
  return { world, steward, entry, systemId, wire, dir, command, run, until, pairing, addTable, mine, pool, source, owner, password }
}
type Setting = Awaited<ReturnType<typeof setUp>>

async function pairedAgent(s: Setting, rows: number, width: number) {
  await s.owner.query(`create table public.local_rows ("编号" int primary key, "内容" text)`)
  // Does not compress: what is delivered is as large as what is read.
  for (let i = 0; i < rows; i += 1000)
    await s.owner.query(`insert into public.local_rows select * from unnest($1::int[], $2::text[])`, [
      Array.from({ length: Math.min(1000, rows - i) }, (_, n) => i + n),
      Array.from({ length: Math.min(1000, rows - i) }, () =>
        randomBytes(Math.ceil(width * 0.75))
          .toString('base64url')
          .slice(0, width),
      ),
    ])
  const paired = await s.run(['pair', s.wire.url, await s.pairing()])
  assert.equal(paired.code, 0, paired.said)
  assert.equal((await s.addTable('local_rows')).code, 0)
}
const batchesOf = async (s: Setting, source: string) => (await s.steward.ok(aggregation.batches, { query: { source } })).rows
const same = async (s: Setting) =>
  assert.deepEqual(await s.pool(), (await s.owner.query(`select "编号" as a, md5("内容") as b from public.local_rows order by 1`)).rows)

test('an agent reads a table at its own machine and delivers it; killed in the middle of an upload it goes on: one batch, no row lost or doubled', async t => {
  const s = await setUp(t)
  await pairedAgent(s, 4000, 3000)
  const first = s.command([])
  await s.until('the agent offers its table', async () => (await s.mine()).offered[0]?.columns)
  const id = await s.source()
  const seen = await s.steward.ok(aggregation.source, { params: { id } })
  assert.equal(seen.connection?.kind, 'postgres')
  assert.deepEqual(seen.secrets, [])
  assert.deepEqual([seen.agent?.name, seen.agent?.source, seen.agent?.state, seen.agent?.asked], ['民政前置机', '本地表', 'online', null])
  // The platform itself goes nowhere for it: what it would need to sign in there it does not have.
  const started = await s.steward.call(aggregation.startBatch, { params: { id }, body: {} })
  assert.deepEqual([started.status, started.problem.code], [409, 'agent.reads'])
  const moved = await s.steward.call(aggregation.setConnection, { params: { id }, body: { ...seen.connection!, password: 'x' } as never })
  assert.deepEqual([moved.status, moved.problem.code], [409, 'agent.reads'])
  // Between the first and the last piece of some 9 MB the way ends, and then the agent does.
  s.wire.allow(5_500_000)
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  assert.equal((await s.mine()).sources[0]!.waiting, true)
  assert.ok((await s.steward.ok(aggregation.source, { params: { id } })).agent!.asked)
  const { pool } = s.world.app.services
  const received = async () => Number((await pool.query('select max(received) as n from aggregation.incoming')).rows[0].n ?? 0)
  const part = await s.until('a part has arrived', received)
  first.child.kill('SIGKILL')
  await first.ended
  const { rows: whole } = await pool.query('select bytes from aggregation.incoming')
  assert.ok(part < Number(whole[0].bytes), 'all of it arrived before the kill')
  assert.deepEqual(await batchesOf(s, id), [])

  s.wire.mend()
  const second = s.command([])
  const [batch] = await s.until('a batch', async () => {
    const list = await batchesOf(s, id)
    return list.length ? list : undefined
  })
  const done = await finished(s.steward, batch!.id)
  assert.deepEqual([done.state, done.read, done.accepted], ['done', 4000, 4000], JSON.stringify(done.messages))
  await same(s)
  // The pieces that had arrived before were not sent again: one upload was begun.
  assert.match(second.said(), /已送达/)
  assert.equal((await pool.query(`select count(*)::int as n from aggregation.push`)).rows[0].n, 1)
  assert.deepEqual(readdirSync(join(s.dir, 'spool')), [])
  assert.equal((await s.mine()).lag, 0)

  // A change at the source arrives with the next reading; so does one while the platform cannot be reached for a while.
  s.wire.cut()
  await s.owner.query(`update public.local_rows set "内容" = '改了' where "编号" = 7`)
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  await s.until('the agent notices', () => second.said().includes('恢复后'))
  s.wire.mend()
  const list = await s.until('the second batch', async () => {
    const found = await batchesOf(s, id)
    return found.length === 2 ? found : undefined
  })
  const next = await finished(s.steward, list[0]!.id)
  assert.deepEqual([next.accepted, next.changed, next.unchanged], [1, 1, 3999])
  await same(s)
  second.child.kill('SIGTERM')
  assert.equal(await second.ended, 0)

  // Nothing of the platform knows how to sign in at the source, and on the machine it is not there to read.
  const dump = JSON.stringify([
    (await pool.query('select connection, secret from aggregation.source')).rows,
    (await pool.query('select report from aggregation.agent')).rows,
  ])
  const kept = readFileSync(join(s.dir, 'sources.json'), 'utf8')
  assert.ok(!dump.includes('"password"') && !kept.includes('"password"'))
  for (const name of ['agent.key', 'agent.json', 'sources.json', 'secret.key'])
    assert.equal(statSync(join(s.dir, name)).mode & 0o077, 0, name)
})

test('a code works once and for ten minutes; a revoked agent is refused at its next request and ends', async t => {
  const s = await setUp(t)
  const wrong = await s.run(['pair', s.wire.url, 'AAAA-BBBB-CCCC'])
  assert.equal(wrong.code, 1)
  assert.match(wrong.said, /配对码不对/)
  const late = await s.pairing()
  s.world.later(11)
  assert.equal((await s.run(['pair', s.wire.url, late])).code, 1)
  const code = await s.pairing()
  assert.equal((await s.run(['pair', s.wire.url, code.toLowerCase()])).code, 0)
  assert.equal((await s.run(['pair', s.wire.url, code])).code, 1)

  const agent = s.command([])
  const { id } = await s.until('contact', async () => {
    const one = await s.mine()
    return one?.version ? one : undefined
  })
  await s.steward.ok(agents.revokeAgent, { params: { id } })
  assert.equal(await agent.ended, 1)
  assert.match(agent.said(), /已经停用/)
  assert.equal((await s.mine()).state, 'revoked')
})

test('a request counts once, unchanged, and only near its time; an agent with a wrong clock sets itself right', async t => {
  const s = await setUp(t)
  assert.equal((await s.run(['pair', s.wire.url, await s.pairing()])).code, 0)
  const home = openHome(s.dir)
  const { id } = home.paired()!
  const body = JSON.stringify({ version: '1', sources: [], spool: 0, error: null, busy: [] })
  const send = async (change: { time?: number; nonce?: string; url?: string; sent?: string } = {}) => {
    const signed = {
      method: 'POST',
      url: '/agent/v1/sync',
      time: String(change.time ?? Date.now()),
      nonce: change.nonce ?? randomBytes(8).toString('hex'),
      digest: digestOf(body),
      offset: '',
      key: '',
    }
    const reply = await s.world.app.inject({
      method: 'POST',
      url: change.url ?? signed.url,
      headers: {
        'content-type': 'application/json',
        'x-huitong-agent': id,
        'x-huitong-time': signed.time,
        'x-huitong-nonce': signed.nonce,
        'x-huitong-digest': signed.digest,
        'x-huitong-signature': signRequest(signed, home.key()),
      },
      payload: change.sent ?? body,
    })
    return reply.statusCode === 200 ? 'ok' : reply.json().code
  }
  assert.equal(await send({ nonce: 'n1' }), 'ok')
  assert.equal(await send({ nonce: 'n1' }), 'agent.replayed')
  assert.equal(await send({ url: '/agent/v1/sync?x=1' }), 'agent.signature')
  assert.equal(await send({ sent: body.replace('"1"', '"2"') }), 'agent.signature')
  assert.equal(await send({ time: Date.now() - 6 * 60_000 }), 'agent.clock')
  assert.equal(await send({ time: Number.NaN }), 'agent.clock')

  // The platform is on another day; the agent learns it from the refusal.
  s.world.later(3 * 24 * 60)
  const call = caller(s.wire.url, { who: { id, key: home.key() } })
  assert.equal((await call<{ name: string }>({ method: 'POST', path: '/agent/v1/sync', body: JSON.parse(body) })).name, '民政前置机')
  // Another machine with the same id but its own key is nobody.
  const other = openHome(mkdtempSync(join(tmpdir(), 'huitong-agent-')))
  t.after(() => rmSync(other.dir, { recursive: true, force: true }))
  const stranger = caller(s.wire.url, { who: { id, key: other.key() } })
  await assert.rejects(
    stranger({ method: 'POST', path: '/agent/v1/sync', body: JSON.parse(body) }),
    (e: Refused) => e.problem.code === 'agent.signature',
  )
})

test('under TLS a certificate is trusted only when it is named', async t => {
  const s = await setUp(t)
  const inside = Number(new URL(s.wire.url).port)
  const front = createTlsServer({ cert: certificate, key: certificateKey }, socket => {
    const out = tcp(inside, '127.0.0.1')
    socket.pipe(out).pipe(socket)
    for (const one of [socket, out]) one.on('error', () => socket.destroy())
  })
  await new Promise<void>(done => front.listen(0, '127.0.0.1', done))
  t.after(() => void front.close())
  const url = `https://localhost:${(front.address() as { port: number }).port}`
  const code = await s.pairing()
  const distrusted = await s.run(['pair', url, code])
  assert.equal(distrusted.code, 1)
  assert.match(distrusted.said, /不信任平台.*--ca/)
  const pem = join(s.dir, 'platform.pem')
  writeFileSync(pem, certificate)
  assert.equal((await s.run(['pair', url, code, '--ca', pem])).code, 0)
})

test('files of a folder are taken once each, new ones with the next reading', async t => {
  const s = await setUp(t)
  const folder = join(s.dir, 'exports')
  mkdirSync(folder)
  const put = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    // Files just written are left for the next time.
    const before = new Date(Date.now() - 3600_000)
    utimesSync(join(folder, name), before, before)
  }
  put('a.csv', '编号,内容\n1,一\n2,二\n')
  put('b.csv', '编号,内容\n3,三\n')
  put('c.txt', 'x')
  assert.equal((await s.run(['pair', s.wire.url, await s.pairing()])).code, 0)
  const added = await s.run(['source', 'add', '本地表', '--kind', 'folder', '--path', folder, '--pattern', '*.csv'])
  assert.equal(added.code, 0, added.said)
  const agent = s.command([])
  await s.until('the folder is offered', async () => (await s.mine()).offered.length > 0)
  assert.equal((await s.mine()).offered[0]!.error, null)
  const id = await s.source()
  const quiet = async () => {
    await s.until('everything is delivered', async () => !(await s.mine()).sources[0]!.waiting)
    for (const batch of await batchesOf(s, id)) await finished(s.steward, batch.id)
  }
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  await quiet()
  assert.deepEqual(
    (await batchesOf(s, id)).map(b => [b.name, b.state, b.accepted]),
    [
      ['b.csv', 'done', 1],
      ['a.csv', 'done', 2],
    ],
  )
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  await quiet()
  assert.equal((await batchesOf(s, id)).length, 2)
  put('d.csv', '编号,内容\n4,四\n')
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  await quiet()
  assert.equal((await s.pool()).length, 4)
  agent.child.kill('SIGTERM')
  await agent.ended
})

test('a file that nobody has mapped is told on the platform, and comes in once a sample there says which column is which', async t => {
  const s = await setUp(t)
  const folder = join(s.dir, 'exports')
  mkdirSync(folder)
  writeFileSync(join(folder, 'a.csv'), '编号,说明\n1,一\n')
  const before = new Date(Date.now() - 3600_000)
  utimesSync(join(folder, 'a.csv'), before, before)
  assert.equal((await s.run(['pair', s.wire.url, await s.pairing()])).code, 0)
  assert.equal((await s.run(['source', 'add', '本地表', '--kind', 'folder', '--path', folder])).code, 0)
  const agent = s.command([])
  await s.until('the folder is offered', async () => (await s.mine()).offered.length > 0)
  const id = await s.source()
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  const trouble = await s.until('trouble', async () => (await s.steward.ok(aggregation.source, { params: { id } })).trouble ?? undefined)
  assert.match(trouble.text, /「说明」/)
  assert.ok((await s.steward.ok(aggregation.source, { params: { id } })).agent!.asked, 'it stays owed')
  const seen = (await send(s.steward, id, '样本.csv', '编号,说明\n9,样\n')).body
  const mapping = [
    { source: '编号', item: 'c1' },
    { source: '说明', item: 'c2' },
  ]
  assert.equal(seen.mapping.length, 2)
  await s.steward.ok(aggregation.saveMapping, { params: { id }, body: { mapping, keys: ['c1'], threshold: 1 } })
  const [batch] = await s.until('a batch', async () => {
    const list = await batchesOf(s, id)
    return list.length ? list : undefined
  })
  assert.deepEqual([(await finished(s.steward, batch!.id)).accepted, (await s.pool()).length], [1, 1])
  agent.child.kill('SIGTERM')
  await agent.ended
})

test('an increment goes on where the loaded one ended, and nothing new is no batch', async t => {
  const s = await setUp(t)
  await pairedAgent(s, 3, 20)
  const agent = s.command([])
  await s.until('the table is offered', async () => (await s.mine()).offered[0]?.columns)
  const id = await s.source()
  await s.steward.ok(aggregation.setFollow, {
    params: { id },
    body: { mode: 'increment', cursor: '编号', schedule: null, deletes: 'keep' },
  })
  const read = async () => {
    await s.steward.ok(aggregation.pullNow, { params: { id } })
    await s.until('nothing is owed', async () => !(await s.mine()).sources[0]!.waiting)
    const list = await batchesOf(s, id)
    for (const batch of list) await finished(s.steward, batch.id)
    return (await batchesOf(s, id)).map(b => b.read)
  }
  assert.deepEqual(await read(), [3])
  assert.deepEqual(await read(), [3])
  await s.owner.query(`insert into public.local_rows values (8, '新'), (9, '新')`)
  assert.deepEqual(await read(), [2, 3])
  await same(s)
  agent.child.kill('SIGTERM')
  await agent.ended
})

test('over an open network only TLS', () => {
  assert.throws(() => checkedPlatform('http://data.example.gov.cn'), /https/)
  assert.equal(checkedPlatform('https://data.example.gov.cn/'), 'https://data.example.gov.cn')
  assert.equal(checkedPlatform('http://127.0.0.1:8080'), 'http://127.0.0.1:8080')
})

test('what the source says no to is told on the platform and tried again; a table that changed is not read', async t => {
  const s = await setUp(t)
  await pairedAgent(s, 3, 20)
  const agent = s.command([])
  await s.until('the table is offered', async () => (await s.mine()).offered[0]?.columns)
  const id = await s.source()
  await s.owner.query('alter table public.local_rows rename to gone_rows')
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  const trouble = await s.until('trouble', async () => (await s.mine()).sources[0]!.trouble ?? undefined)
  assert.match(trouble, /没有表/)
  await s.owner.query('alter table public.gone_rows rename to local_rows')
  const [batch] = await s.until('a batch', async () => {
    const list = await batchesOf(s, id)
    return list.length ? list : undefined
  })
  assert.equal((await finished(s.steward, batch!.id)).accepted, 3)
  await s.owner.query('alter table public.local_rows add column "新列" text')
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  await s.until('drift', async () => (await s.mine()).sources[0]!.trouble?.includes('多 1 列「新列」'))
  assert.equal((await batchesOf(s, id)).length, 1)
  agent.child.kill('SIGTERM')
  await agent.ended
})

test('an agent captures changes live: nothing is lost or doubled over cut lines, kills and big transactions; what it made goes away with it', async t => {
  const s = await setUp(t)
  // A database of its own: the slot is not to hold back the platform's.
  const admin = process.env.HUITONG_TEST_URL!
  const name = `source_${randomBytes(6).toString('hex')}`
  const url = new URL(await createDatabase(admin, name))
  const table = new pg.Pool({ connectionString: url.href, max: 3 })
  table.on('error', () => {})
  t.after(async () => {
    await table.end()
    await dropDatabase(admin, name)
  })
  await table.query(`create table public.local_rows ("编号" int primary key, "内容" text)`)
  await table.query(`insert into public.local_rows select n, '原来' || n from generate_series(1, 2000) n`)
  const slots = async () =>
    (await table.query(`select slot_name from pg_replication_slots where database = $1`, [name])).rows.map(r => r.slot_name)
  const there = async () => (await table.query(`select "编号" as a, md5("内容") as b from public.local_rows order by 1`)).rows
  const arrived = () => s.until('the pool is the source', async () => JSON.stringify(await s.pool()) === JSON.stringify(await there()))

  assert.equal((await s.run(['pair', s.wire.url, await s.pairing()])).code, 0)
  const added = await s.run(
    ['source', 'add', '本地表', '--kind', 'postgres', '--host', url.hostname, '--port', url.port, '--database', name].concat([
      '--user',
      url.username,
      '--table',
      'local_rows',
      '--schema',
      'public',
    ]),
    `${decodeURIComponent(url.password)}\n`,
  )
  assert.equal(added.code, 0, added.said)
  const first = s.command([])
  await s.until('the table is offered', async () => (await s.mine()).offered[0]?.columns)
  const { id } = await s.steward.ok(agents.agentMakesSource, {
    params: { id: (await s.mine()).id },
    body: { entryId: s.entry.id, source: '本地表', threshold: 1, systemId: s.systemId },
  })
  await s.world.app.services.pool.query(`update aggregation.source set deletes = 'follow' where id = $1`, [id])
  await s.steward.ok(aggregation.setFollow, { params: { id }, body: { mode: 'capture', cursor: null, schedule: null, deletes: 'follow' } })
  await s.steward.ok(aggregation.saveMapping, {
    params: { id },
    body: {
      mapping: [
        { source: '编号', item: 'c1' },
        { source: '内容', item: 'c2' },
      ],
      keys: ['c1'],
      threshold: 1,
      options: {},
    },
  })
  await arrived()
  const streaming = () =>
    s.until('it streams', async () => (await s.steward.ok(aggregation.source, { params: { id } })).live?.phase === 'streaming')
  await streaming()
  assert.equal((await slots()).length, 1)

  await table.query(`insert into public.local_rows values (5001, '新的'), (5002, '再一行')`)
  await table.query(`update public.local_rows set "内容" = '改了' where "编号" <= 3`)
  await table.query(`delete from public.local_rows where "编号" between 10 and 12`)
  await arrived()
  // Changes while the way is cut, while the agent is away, and while it is killed in the middle of them.
  s.wire.cut()
  await table.query(`update public.local_rows set "内容" = '断线时' where "编号" between 20 and 40`)
  await sleep(1500)
  s.wire.mend()
  await arrived()
  let child = first
  for (let n = 0; n < 4; n++) {
    for (let i = 0; i < 30; i++) await table.query(`update public.local_rows set "内容" = $1 where "编号" = $2`, [`第${n}轮${i}`, 100 + i])
    await table.query(`insert into public.local_rows values ($1, '轮次')`, [6000 + n])
    child.child.kill('SIGKILL')
    await child.ended
    await table.query(`delete from public.local_rows where "编号" = $1`, [200 + n])
    child = s.command([])
  }
  await arrived()
  const live = await liveCounts(s.world, id)
  assert.equal(live.rejected, 0)
  // Each change of a row once: what was sent again after a kill was known, and not counted again.
  assert.equal(live.removed, 3 + 4)
  assert.ok(live.changed >= 3 + 21 && live.changed <= 3 + 21 + 4 * 30, JSON.stringify(live))

  // More than is sent change by change: the table is read anew, by itself.
  const before = (await batchesOf(s, id)).filter(b => !b.name.startsWith('实时')).length
  await table.query(`insert into public.local_rows select n, '一次很多' from generate_series(10001, 40000) n`)
  await arrived()
  assert.equal((await batchesOf(s, id)).filter(b => !b.name.startsWith('实时')).length, before + 1)
  await streaming()
  await table.query(`update public.local_rows set "内容" = '之后' where "编号" = 10001`)
  await arrived()

  // A slot removed at the source is made good; a column dropped stops it and says so.
  const [slot] = await slots()
  await table.query('select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1', [slot])
  await s.until('the slot is gone', async () => {
    await table.query('select pg_drop_replication_slot($1)', [slot]).catch(() => {})
    await table.query(`update public.local_rows set "内容" = '没有槽' where "编号" = 10002`)
    return (await s.steward.ok(aggregation.source, { params: { id } })).trouble?.code === 'capture-restart'
  })
  await arrived()
  await streaming()
  await table.query(`alter table public.local_rows add column "新列" text`)
  await table.query(`insert into public.local_rows values (70001, '带新列', 'x')`)
  const stopped = await s.until('drift', async () => {
    const seen = await s.steward.ok(aggregation.source, { params: { id } })
    return seen.trouble?.code === 'drift' ? seen : undefined
  })
  assert.match(stopped.trouble!.text, /多 1 列「新列」/)
  assert.equal(stopped.live?.phase, 'waiting')
  await s.steward.ok(aggregation.saveMapping, {
    params: { id },
    body: {
      mapping: [
        { source: '编号', item: 'c1' },
        { source: '内容', item: 'c2' },
        { source: '新列', item: null },
      ],
      keys: ['c1'],
      threshold: 1,
      options: {},
    },
  })
  await arrived()
  await streaming()

  // It cannot be given to another reader while it stands at the source; no longer captured, nothing of ours stays there.
  const refused = await s.steward.call(agents.assignAgent, { params: { id }, body: { agent: null } })
  assert.equal(refused.problem.code, 'agent.capture')
  await s.steward.ok(aggregation.setFollow, { params: { id }, body: { mode: 'snapshot', cursor: null, schedule: null, deletes: 'keep' } })
  await s.until('the slot is taken away', async () => !(await slots()).length)
  await s.steward.ok(aggregation.setFollow, { params: { id }, body: { mode: 'capture', cursor: null, schedule: null, deletes: 'keep' } })
  await streaming()
  await s.steward.ok(agents.revokeAgent, { params: { id: (await s.mine()).id } })
  assert.equal(await child.ended, 1)
  assert.deepEqual(await slots(), [])
})

test('changes are written once: sent again, from elsewhere, by another agent or under another way they are refused', async t => {
  const s = await setUp(t)
  await pairedAgent(s, 3, 20)
  const agent = s.command([])
  await s.until('the table is offered', async () => (await s.mine()).offered[0]?.columns)
  const id = await s.source()
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  await s.until('loaded', async () => (await s.pool()).length === 3)
  agent.child.kill('SIGKILL')
  await agent.ended
  // As after its whole table: the positions are only compared.
  const shape = JSON.stringify([
    ['编号', 'integer'],
    ['内容', 'text'],
  ])
  await s.world.app.services.pool.query(`update aggregation.source set mode = 'capture', position = $2, deletes = 'follow' where id = $1`, [
    id,
    JSON.stringify({ lsn: '0/10', shape }),
  ])
  const home = openHome(s.dir)
  const call = caller(s.wire.url, { who: { id: home.paired()!.id, key: home.key() } })
  const at = (lsn: string) => ({ lsn, shape })
  const send = async (from: string, to: string, changes: object[]) => {
    const body = { from: at(from), position: at(to), changes, committed: new Date().toISOString() }
    return call<{ position: object }>({ method: 'POST', path: `/agent/v1/captures/${id}/changes`, body }).then(
      () => 'ok',
      (e: Refused) => e.problem?.code ?? String(e),
    )
  }
  const put = (key: string, text: string | null) => ({ op: 'put', row: [key, text] })
  assert.equal(await send('0/10', '0/20', [put('1', '甲'), put('9', '乙'), put('x', '不是数')]), 'ok')
  assert.equal(await send('0/10', '0/20', [put('1', '甲'), put('9', '乙')]), 'agent.capture_moved')
  assert.equal(await send('0/30', '0/40', [put('9', '丙')]), 'agent.capture_moved')
  assert.equal(await send('0/20', '0/30', [{ op: 'put', row: ['9'] }]), 'agent.capture_moved')
  // Two at once: one of them.
  const both = await Promise.all([send('0/20', '0/30', [put('8', '一')]), send('0/20', '0/30', [put('8', '一')])])
  assert.equal(both.filter(x => x === 'ok').length, 1, both.join())
  assert.equal(await send('0/30', '0/40', [{ op: 'delete', row: ['9', null] }]), 'ok')
  const live = await liveCounts(s.world, id)
  assert.deepEqual([live.read, live.accepted, live.rejected, live.removed], [5, 4, 1, 1])
  assert.equal((await s.pool()).length, 4)
  const stranger = openHome(mkdtempSync(join(tmpdir(), 'huitong-agent-')))
  t.after(() => rmSync(stranger.dir, { recursive: true, force: true }))
  const other = caller(s.wire.url, { who: { id: home.paired()!.id, key: stranger.key() } })
  await assert.rejects(
    other({ method: 'POST', path: `/agent/v1/captures/${id}`, body: {} }),
    (e: Refused) => e.problem.code === 'agent.signature',
  )
  await s.world.app.services.pool.query(`update aggregation.source set agent_id = null where id = $1`, [id])
  assert.equal(await send('0/40', '0/50', [put('7', '二')]), 'agent.capture_not_found')
})

test('MariaDB at the agent: the whole table, an increment, and live changes over a killed database and a purged log', {
  skip: noMariadb,
}, async t => {
  const s = await setUp(t)
  const maria = (await aMariadb(t))!
  await maria.sql('create database business')
  const sql = (text: string) => maria.sql(text, [], 'business')
  await sql('create table local_rows (`编号` int primary key, `内容` varchar(200))')
  await sql(`insert into local_rows values (1, '一'), (2, '二'), (3, null)`)
  const arrived = () =>
    s.until(
      'the pool is the source',
      async () =>
        JSON.stringify(await s.pool()) ===
        JSON.stringify((await sql('select `编号` as a, md5(`内容`) as b from local_rows order by 1')).map(r => ({ a: r.a, b: r.b }))),
    )
  assert.equal((await s.run(['pair', s.wire.url, await s.pairing()])).code, 0)
  const added = await s.run(
    ['source', 'add', '本地表', '--kind', 'mysql', '--host', maria.host, '--port', String(maria.port)].concat([
      ...['--database', 'business', '--user', maria.user, '--table', 'local_rows'],
    ]),
    `${maria.password}\n`,
  )
  assert.equal(added.code, 0, added.said)
  const agent = s.command([])
  await s.until('the table is offered', async () => (await s.mine()).offered[0]?.columns)
  const id = await s.source()
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  await arrived()
  const follow = (mode: 'increment' | 'capture') =>
    s.steward.ok(aggregation.setFollow, {
      params: { id },
      body: { mode, cursor: mode === 'increment' ? '编号' : null, schedule: null, deletes: 'keep' },
    })
  await follow('increment')
  await sql(`insert into local_rows values (4, '四')`)
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  await arrived()
  await follow('capture')
  const phase = async () => (await s.steward.ok(aggregation.source, { params: { id } })).live?.phase
  const streaming = () => s.until('it streams', async () => (await phase()) === 'streaming')
  await streaming()
  await sql(`update local_rows set \`内容\` = '改了' where \`编号\` = 2`)
  await sql(`insert into local_rows values (5, '五😀')`)
  await arrived()
  await maria.kill()
  await s.until('it is told', async () =>
    (await s.steward.ok(aggregation.source, { params: { id } })).trouble?.text.includes('恢复后从断开处继续'),
  )
  await maria.start()
  await sql(`insert into local_rows values (6, '停电之后')`)
  await arrived()
  assert.equal((await s.steward.ok(aggregation.source, { params: { id } })).trouble, null)
  // What came while the agent was away is purged from the log: the table is read anew.
  agent.child.kill('SIGKILL')
  await agent.ended
  await sql(`insert into local_rows values (7, '清掉的日志里')`)
  await maria.sql('flush binary logs')
  // The server keeps a log as long as it believes that somebody reads it.
  await s.until('the log is purged', async () => {
    const logs = (await maria.sql('show binary logs')) as { Log_name: string }[]
    await maria.sql(`purge binary logs to '${logs.at(-1)!.Log_name}'`)
    return logs.length === 1
  })
  const again = s.command([])
  await arrived()
  await streaming()
  assert.match(again.said(), /开始读取/)
  assert.equal((await liveCounts(s.world, id)).rejected, 0)
})

test('an HTTP interface at the agent, its sign-in, headers and paging written in a file', async t => {
  const s = await setUp(t)
  const asked: string[] = []
  const server = createHttpServer((request, reply) => {
    asked.push(`${request.url} ${request.headers.authorization} ${request.headers['x-unit']}`)
    const page = Number(new URL(request.url!, 'http://x').searchParams.get('p'))
    const rows =
      page < 3
        ? [
            { 编号: page * 2, 内容: '甲' },
            { 编号: page * 2 + 1, 内容: '乙' },
          ]
        : []
    reply.end(JSON.stringify({ data: { list: rows } }))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.after(() => void server.close())
  const file = join(s.dir, 'connection.json')
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/rows`
  const paging = { by: 'page', page: 'p', size: 'n', rows: 2, from: 1 }
  writeFileSync(file, JSON.stringify({ kind: 'http', url, auth: 'bearer', headers: { 'x-unit': 'mz' }, rowsAt: 'data.list', paging }))
  assert.equal((await s.run(['pair', s.wire.url, await s.pairing()])).code, 0)
  assert.match((await s.run(['source', 'add', '本地表', '--file', join(s.dir, 'none.json')])).said, /读不了/)
  const added = await s.run(['source', 'add', '本地表', '--file', file], 'a token\n')
  assert.equal(added.code, 0, added.said)
  assert.ok(!readFileSync(join(s.dir, 'sources.json'), 'utf8').includes('a token'))
  const agent = s.command([])
  await s.until('it is offered', async () => (await s.mine()).offered.length > 0)
  const id = await s.source()
  await s.steward.ok(aggregation.pullNow, { params: { id } })
  await s.until('the rows are there', async () => (await s.pool()).length === 4)
  assert.ok(
    asked.every(a => a.endsWith('Bearer a token mz')),
    asked.join('\n'),
  )
  agent.child.kill('SIGTERM')
  await agent.ended
})

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { verifyDatabase } from '../../server/modules/audit/sources.ts'
import { Listening } from '../../server/platform/db.ts'
import { freePort } from '../../server/platform/postgres.ts'
import { loadKey, openSecrets } from '../../server/platform/secrets.ts'
import { openSigner } from '../../server/platform/signer.ts'
import { until } from '../support/capture.ts'
import { aGrant } from '../support/delivery.ts'
import { childrenOf } from '../support/process.ts'

const kills = Number(process.env.HUITONG_CHAOS_DELIVERY_KILLS ?? 20)

/** A grant whose data API is served by two processes on one port, and clients that never stop asking. */
async function setUp(t: TestContext) {
  const g = await aGrant(t)
  const { pool, config } = g.services
  // The grant was made on another day; the processes live today.
  await pool.query(`update delivery.grant set valid_until = null, valid_from = '2020-01-01' where id = $1`, [g.id])
  const port = await freePort()
  const address = `http://127.0.0.1:${port}`
  let child: ChildProcess
  const start = async () => {
    child = spawn(process.execPath, [resolve(import.meta.dirname, '../../server/main.ts'), 'serve'], {
      env: {
        PATH: process.env.PATH,
        HUITONG_DATABASE_URL: g.world.url,
        HUITONG_DATA_DIR: config.dataDir,
        HUITONG_PORT: String(port),
        HUITONG_PROCESSES: '2',
        HUITONG_POOL_SIZE: '8',
        HUITONG_DATA_BURST: '1000000',
        HUITONG_LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr!.on('data', piece => {
      said += piece
    })
    await until(async () => assert.match(said, /汇通已启动/), 60_000)
  }
  t.after(() => {
    const all = [child.pid!, ...childrenOf(child.pid!)]
    for (const pid of all) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {}
    }
  })
  await start()
  const token = async () => {
    const reply = await fetch(`${address}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: g.credentials.clientId,
        client_secret: g.credentials.clientSecret,
      }),
    })
    return ((await reply.json()) as { access_token: string }).access_token
  }
  const bearer = await token()
  const headers = {
    authorization: `Bearer ${bearer}`,
    'x-huitong-operator': encodeURIComponent('周倩'),
    'x-huitong-case': 'YB-2026-77',
    connection: 'close',
  }
  return {
    ...g,
    pool,
    address,
    kill: (signal: 'SIGKILL' | 'SIGTERM', pid: number) => process.kill(pid, signal),
    parts: () => childrenOf(child.pid!),
    primary: () => child.pid!,
    restart: start,
    ask: () => fetch(`${address}/data/v1/${g.entry.path}?limit=2`, { headers, signal: AbortSignal.timeout(5000) }),
  }
}

test('killed 20 times under load: every reply that arrived has its record, every record a reply or a mark, and the ledger verifies', {
  skip: process.platform !== 'linux',
}, async t => {
  const s = await setUp(t)
  const received = new Set<number>()
  let cut = 0
  let over = false
  const clients = Array.from({ length: 12 }, async () => {
    while (!over) {
      try {
        const reply = await s.ask()
        const text = await reply.text()
        if (reply.status !== 200) {
          await sleep(20)
          continue
        }
        JSON.parse(text)
        const seq = Number(reply.headers.get('huitong-ledger'))
        assert.ok(!received.has(seq), `two replies have the number ${seq}`)
        received.add(seq)
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error
        cut++
        await sleep(20)
      }
    }
  })
  for (let n = 0; n < kills; n++) {
    await sleep(300 + Math.random() * 900)
    // Mostly one of the two; now and then all of it.
    if (n % 7 === 6) {
      const all = [s.primary(), ...s.parts()]
      for (const pid of all) s.kill('SIGKILL', pid)
      await sleep(300)
      await s.restart()
    } else {
      const parts = s.parts()
      const victim = parts[Math.floor(Math.random() * parts.length)]
      if (victim) s.kill('SIGKILL', victim)
    }
  }
  over = true
  await Promise.all(clients)
  assert.ok(received.size > 100, `${received.size} replies`)
  assert.ok(cut > 0, 'no request was cut off')

  const client = new Listening({ connectionString: s.world.url })
  await client.connect()
  t.after(() => client.end())
  const { rows } = await client.query<{ seq: number; action: string }>(
    `select b.first_seq + n - 1 as seq, r::json->>'action' as action from audit.block b, unnest(b.records) with ordinality u(r, n)
     where r::json->>'method' = '服务接口'`,
  )
  const recorded = new Set(rows.filter(r => r.action === 'data.read').map(r => Number(r.seq)))
  assert.deepEqual(
    [...received].filter(seq => !recorded.has(seq)),
    [],
    'replies without a record',
  )
  s.world.at('2027-06-01')
  // Whoever looks at the calls finds each record once: answered, or marked as cut off.
  await until(async () => {
    await s.world.job('delivery.interrupted')
    const { rows: calls } = await client.query<{ seq: number; code: string | null; n: number }>(
      'select seq, min(code) as code, count(*)::int as n from delivery.call where seq is not null group by seq',
    )
    const of = new Map(calls.map(c => [Number(c.seq), c]))
    assert.deepEqual(
      [...recorded].filter(seq => of.get(seq)?.n !== 1),
      [],
    )
    // What arrived and was not listed in time is marked, too: nobody here knows that it arrived.
    assert.ok(calls.every(c => !recorded.has(Number(c.seq)) || c.code === null || c.code === 'interrupted'))
  }, 30_000)
  const keys = openSigner(openSecrets(loadKey(undefined, s.services.config.dataDir)).derive).publicKeys()
  const ledger = await verifyDatabase(client, { first: keys })
  assert.equal(ledger.ok, true, JSON.stringify(ledger))
  console.log(`${kills} kills: ${received.size} replies, ${recorded.size} records, ${cut} cut off`)
})

test('suspended under load in two processes: a second after that is acknowledged no reply leaves any more', {
  skip: process.platform !== 'linux',
}, async t => {
  const s = await setUp(t)
  for (let round = 0; round < 3; round++) {
    const arrived: number[] = []
    let refused = 0
    let over = false
    const clients = Array.from({ length: 24 }, async () => {
      while (!over) {
        const reply = await s.ask()
        await reply.text()
        if (reply.status === 200) arrived.push(Date.now())
        else {
          assert.equal(reply.status, 403)
          refused++
        }
      }
    })
    await until(async () => assert.ok(arrived.length > 100), 20_000)
    await s.set('suspended')
    const acknowledged = Date.now()
    await sleep(1500)
    over = true
    await Promise.all(clients)
    const late = arrived.filter(at => at > acknowledged + 1000)
    assert.deepEqual(
      late.map(at => at - acknowledged),
      [],
    )
    assert.ok(refused > 10, `${refused} refused`)
    await s.set('active')
  }
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { unzipSync } from 'fflate'
import pg from 'pg'
import * as contract from '../contract/delivery.ts'
import { endpoints } from '../contract/index.ts'
import * as tables from '../contract/tables.ts'
import * as uses from '../contract/uses.ts'
import { createDatabase, dropDatabase } from '../server/platform/postgres.ts'
import { aGrant } from './support/delivery.ts'

/**
 * Values that must never leave: every one is marked, so that finding it anywhere is a leak. The canary walks through all endpoints that give
 * data under a grant or about one. A new endpoint there fails the first test until it is put into one of the two lists.
 */
const channels = [
  'data',
  'countRows',
  'batchOfKeys',
  'aggregate',
  'changes',
  'verify',
  'reportDoubt',
  'correctionList',
  'token',
  'grants',
  'grant',
  'guide',
  'openApi',
  'rotate',
  'setIps',
  'tryCall',
  'calls',
  'usage',
  'alerts',
  'useRecords',
  'packages',
  'orderPackage',
  'packageLink',
  'takePackage',
  'traceMarks',
  'tablePushes',
  'tablePush',
  'setTablePush',
  'testTablePush',
  'actTablePush',
  'disposal',
  'stateDisposal',
  'useSubscriptions',
  'subscribeUses',
  'actUseSubscription',
  'usePushes',
]
/** Looks at data that are no delivery under a grant, with the reason why they are tested elsewhere. */
const elsewhere: Record<string, string> = {
  'sharing.previewTreatments': 'real rows for who decides, on purpose: sharing.test.ts',
  'sharing.sandbox': 'reads no table: sandbox.test.ts',
}

test('every endpoint that gives data under a grant is walked by the canary', () => {
  const own = endpoints.filter(e => e.module === 'delivery' || e.endpoint.access === 'grant').map(e => e.name)
  const missing = own.filter(name => !channels.includes(name))
  assert.deepEqual(missing, [], 'add these to `channels` and walk them below')
  const gone = channels.filter(name => !own.includes(name))
  assert.deepEqual(gone, [])
  const suspicious = endpoints.filter(
    e => e.module === 'sharing' && /preview|sandbox|data|rows/i.test(e.name) && !(`${e.module}.${e.name}` in elsewhere),
  )
  assert.deepEqual(
    suspicious.map(e => e.name),
    [],
  )
})

const secret = (item: string, n: number) => `金丝雀${item}${n}号勿泄`
// What a mask may show of a marked value is its first character; these pieces are never shown.
const needles = ['勿泄', '金丝雀']

async function aCanary(t: TestContext, method: 'api' | 'file') {
  const g = await aGrant(t, {
    method,
    settings: { HUITONG_LOG_LEVEL: 'debug', HUITONG_LOCAL_SOURCES: 'true' },
    items: [
      { key: 'c1', treatment: 'verify' },
      { key: 'c2', treatment: 'masked' },
      { key: 'c3', treatment: 'plain' },
      { key: 'c5', treatment: 'aggregate' },
    ],
  })
  const { pool } = g.services
  await pool.query(`delete from ${g.entry.relation}`)
  for (let n = 1; n <= 4; n++)
    await pool.query(
      `insert into ${g.entry.relation} (_key, _batch, _updated, c1, c2, c3, c4, c5) values ($1, gen_random_uuid(), now(), $1, $2, $3, '1912-12-${20 + n}', $4)`,
      [secret('号', n), secret('名', n), n, secret('址', n)],
    )
  const history = g.entry.relation.replace('pool.e_', 'pool.h_')
  await pool.query(`create table ${history} (like ${g.entry.relation}, _replaced_by uuid, _replaced timestamptz)`)
  await pool.query(`insert into ${history} select *, gen_random_uuid(), now() + interval '1 day' from ${g.entry.relation}`)
  return g
}

/** A database of a consumer, and all that stands in it. */
async function aConsumer(t: TestContext) {
  const admin = process.env.HUITONG_TEST_URL!
  const database = `canary_${randomBytes(6).toString('hex')}`
  const url = new URL(await createDatabase(admin, database))
  t.after(() => dropDatabase(admin, database))
  return {
    connection: {
      kind: 'postgres',
      host: url.hostname,
      port: Number(url.port),
      database,
      user: url.username,
      password: decodeURIComponent(url.password),
      table: '名单',
    } as never,
    async everything() {
      const client = new pg.Client({ connectionString: url.href })
      await client.connect()
      const { rows } = await client.query("select table_name as name from information_schema.tables where table_schema = 'public'")
      const all: unknown[] = []
      for (const { name } of rows) all.push(name, (await client.query(`select * from ${pg.escapeIdentifier(name)}`)).rows)
      await client.end()
      return all
    },
  }
}

/** A system of the department that takes use logs. */
async function aReceiver(t: TestContext) {
  const got: string[] = []
  const web = createServer((request, reply) => {
    request.on('data', piece => got.push(String(piece)))
    request.on('end', () => reply.end('{}'))
  }).listen(0, '127.0.0.1')
  await once(web, 'listening')
  t.after(() => web.close())
  return { got, url: `http://127.0.0.1:${(web.address() as AddressInfo).port}/` }
}

test('canary: no channel, parameter, order, filter, error, count, preview, file, log or record holds a value the grant does not give', async t => {
  const written: string[] = []
  // The logger goes through `process.stdout` as soon as its `write` is not the usual one.
  const write = process.stdout.write
  process.stdout.write = ((piece: string | Uint8Array, ...rest: never[]) => {
    if (!String(piece).startsWith('{"level"')) return write.call(process.stdout, piece as string, ...rest)
    written.push(String(piece))
    return true
  }) as typeof write
  t.after(() => {
    process.stdout.write = write
  })
  const seen: [string, unknown][] = []
  for (const method of ['api', 'file'] as const) {
    const g = await aCanary(t, method)
    const walked = new Set<string>()
    const note = async (name: string, what: string, reply: Promise<{ status: number; headers: unknown; body: unknown; raw: Buffer }>) => {
      walked.add(name)
      const { status, headers, body, raw } = await reply
      assert.ok(status < 500 || status === 503, `${name} ${what}: ${status}`)
      seen.push([`${method} ${name} ${what}`, [headers, body, raw.toString('latin1').length]])
      return body as never
    }
    const names = [
      '公民身份号码',
      '姓名',
      '月补助金额',
      '起始日期',
      '户籍地址',
      'c1',
      'c2',
      'c4',
      'c5',
      '_key',
      '_hash',
      'ctid',
      'xmin',
      '*',
      '',
    ]
    const guess = secret('号', 1)
    const receiver = await aReceiver(t)
    const { subscription } = (await note(
      'subscribeUses',
      '',
      g.developer.call(uses.subscribeUses, { body: { side: 'received', url: receiver.url } }) as never,
    )) as { subscription: { id: string } }
    await note('data', 'plain', g.rows())
    for (const name of names) {
      await note('data', `fields ${name}`, g.rows({ fields: name }))
      await note('data', `sort ${name}`, g.rows({ sort: name }))
      await note('data', `sort -${name}`, g.rows({ sort: `-${name}`, limit: 1 }))
      // Values guessed by somebody who knows them would be echoed by a careless error.
      for (const value of ['x', 1]) await note('data', `filter ${name}`, g.rows({ filter: JSON.stringify({ [name]: value }) }))
      await note('countRows', `filter ${name}`, g.ask(contract.countRows, { query: { filter: JSON.stringify({ [name]: 'x' }) } }))
      await note('batchOfKeys', name, g.ask(contract.batchOfKeys, { body: { keys: [{ [name]: 'x' }] } }))
      await note('batchOfKeys', `fields ${name}`, g.ask(contract.batchOfKeys, { body: { keys: [{ 公民身份号码: 'x' }], fields: [name] } }))
      for (const body of [
        { by: [name] },
        { by: ['月补助金额', name] },
        { sum: [name] },
        { average: [name] },
        { min: [name] },
        { max: [name] },
        { by: ['户籍地址'], filter: { [name]: '1' } },
      ])
        await note('aggregate', JSON.stringify(body), g.ask(contract.aggregate, { body }))
      await note(
        'tryCall',
        `aggregate ${name}`,
        g.developer.call(contract.tryCall, { params: g.params, body: { aggregate: { by: [name] } } }),
      )
      await note('verify', name, g.verify({ key: { 公民身份号码: 'x' }, values: { [name]: 'x' } }))
      await note('verify', `key ${name}`, g.verify({ key: { [name]: 'x' }, values: { 月补助金额: '1' } }))
      await note('changes', `fields ${name}`, g.ask(contract.changes, { query: { fields: name } }))
      await note(
        'reportDoubt',
        name,
        g.ask(contract.reportDoubt, { body: { key: { 公民身份号码: 'x' }, item: name, doubt: '与原件不一致' } }),
      )
      await note(
        'tryCall',
        name,
        g.developer.call(contract.tryCall, { params: g.params, body: { query: `fields=${encodeURIComponent(name)}` } }),
      )
      await note(
        'tryCall',
        `sort ${name}`,
        g.developer.call(contract.tryCall, { params: g.params, body: { query: `sort=${encodeURIComponent(name)}` } }),
      )
    }
    for (const as_of of ['2026-05-01', '2026-06-01']) await note('data', `as of ${as_of}`, g.rows({ as_of }))
    await note('countRows', 'all', g.ask(contract.countRows))
    let since = ((await note('changes', 'start', g.ask(contract.changes, { query: { limit: 2 } }))) as { next?: string }).next
    for (let i = 0; since && i < 3; i++)
      since = ((await note('changes', `page ${i}`, g.ask(contract.changes, { query: { since } }))) as { next?: string }).next
    await g.services.pool.query(`delete from ${g.entry.relation} where c3 = 4`)
    if (since) await note('changes', 'removed', g.ask(contract.changes, { query: { since } }))
    // The value itself is known here: the answer must be no more than yes or no.
    await note('verify', 'right', g.verify({ key: { 公民身份号码: guess }, values: { 姓名: secret('名', 1) } }))
    await note('verify', 'aggregate', g.verify({ key: { 公民身份号码: guess }, values: { 户籍地址: secret('址', 1) } }))
    await note('correctionList', 'all', g.ask(contract.correctionList))
    await note('token', 'wrong', g.token('wrong') as never)
    const { developer, params } = g
    const bare: [string, Promise<never>][] = [
      ['grants', developer.call(contract.grants, {}) as never],
      ['grant', developer.call(contract.grant, { params }) as never],
      ['guide', developer.call(contract.guide, { params }) as never],
      ['openApi', developer.call(contract.openApi, { params }) as never],
      ['setIps', developer.call(contract.setIps, { params, body: { ips: [] } }) as never],
      ['usage', developer.call(contract.usage, { params }) as never],
      ['alerts', developer.call(contract.alerts, { params }) as never],
      ['useRecords', developer.call(contract.useRecords, { query: { limit: 200 } }) as never],
      ['calls', developer.call(contract.calls, { params }) as never],
      ['traceMarks', developer.call(contract.traceMarks, { body: { marks: ['x'] } }) as never],
    ]
    for (const [name, reply] of bare) await note(name, '', reply)
    for (const body of [
      { format: 'csv' },
      { format: 'csv', encoding: 'gb18030' },
      { format: 'json', fields: ['户籍地址'] },
      { format: 'json', asOf: '2026-06-01' },
      { format: 'xlsx' },
      { format: 'parquet' },
      { format: 'originals' },
    ]) {
      await note(
        'orderPackage',
        JSON.stringify(body),
        developer.call(contract.orderPackage, { params, body: { ...body, caseRef: 'YB-1' } }),
      )
      for (let i = 0; i < 60; i++) {
        const list = await developer.ok(contract.packages, { params })
        if (!list.some(p => p.state === 'queued')) break
        await new Promise(done => setTimeout(done, 100))
      }
      const list = (await note('packages', '', developer.call(contract.packages, { params }))) as { id: string; state: string }[]
      const id = list[0]?.state === 'ready' ? list[0].id : '00000000-0000-7000-8000-000000000000'
      const link = (await note('packageLink', '', developer.call(contract.packageLink, { params: { ...params, package: id } }))) as {
        url?: string
      }
      const taken = await g.world.anonymous.call(contract.takePackage, {
        query: { link: link.url ? new URL(link.url).searchParams.get('link')! : 'nothing-here' },
      })
      walked.add('takePackage')
      if (taken.status === 200)
        for (const [name, data] of Object.entries(unzipSync(taken.raw))) {
          seen.push([`package ${name}`, Buffer.from(data).toString('utf8')])
          if (name.endsWith('.csv')) seen.push([`package ${name}`, new TextDecoder('gb18030').decode(data)])
          if (name.endsWith('.xlsx'))
            for (const part of Object.values(unzipSync(data))) seen.push([`package ${name}`, Buffer.from(part).toString('utf8')])
        }
      // What the grant does not hold, and files of an entry that has none, make no package.
      else assert.equal(method === 'api' || 'fields' in body || body.format === 'originals', true, `no package for ${JSON.stringify(body)}`)
    }
    const consumer = await aConsumer(t)
    await note('testTablePush', '', developer.call(tables.testTablePush, { params, body: { connection: consumer.connection } }))
    const made = (await note(
      'setTablePush',
      '',
      developer.call(tables.setTablePush, { params, body: { connection: consumer.connection } }),
    )) as {
      id?: string
    }
    for (let i = 0; i < 2; i++) {
      if (made.id) await g.world.job('delivery.push', { id: made.id })
      await note('tablePush', '', developer.call(tables.tablePush, { params }))
    }
    await note('tablePushes', '', developer.call(tables.tablePushes))
    await note('actTablePush', '', developer.call(tables.actTablePush, { params, body: { action: 'pause' } }))
    const pushed = await consumer.everything()
    if (method === 'api') assert.match(JSON.stringify(pushed), /"月补助金额":"1"/, 'nothing was pushed')
    seen.push([`${method} table push`, pushed])
    await g.world.job('delivery.uses')
    assert.ok(receiver.got.join('').includes('"uses":[{'), 'no use log was pushed')
    seen.push([`${method} use logs`, receiver.got])
    for (const [name, reply] of [
      ['useSubscriptions', developer.call(uses.useSubscriptions)],
      ['usePushes', developer.call(uses.usePushes, { params: { id: subscription.id } })],
      ['actUseSubscription', developer.call(uses.actUseSubscription, { params: { id: subscription.id }, body: { action: 'end' } })],
    ] as [string, Promise<never>][])
      await note(name, '', reply)
    await note('rotate', '', developer.call(contract.rotate, { params }))
    await note('disposal', '', developer.call(contract.disposal, { params }))
    const done = [{ way: 'api', done: 'deleted' }]
    await note('stateDisposal', '', developer.call(contract.stateDisposal, { params, body: { done, by: '王工', on: '2026-06-01' } }))
    seen.push([`${method} ledger`, await g.ledger()])
    for (const table of [
      'delivery.call',
      'delivery.package',
      'delivery.table_push',
      'delivery.use_push',
      'procedure.notice',
      'audit.outbox',
    ])
      seen.push([`${method} ${table}`, (await g.services.pool.query(`select * from ${table}`)).rows])
    assert.deepEqual(
      channels.filter(name => !walked.has(name)),
      [],
      'walk these',
    )
  }
  seen.push(['log', written])
  assert.ok(written.join('').includes('/data/v1/'), 'the log was not caught')
  for (const [where, what] of seen) {
    const text = typeof what === 'string' ? what : JSON.stringify(what)
    for (const needle of needles) assert.ok(!text.includes(needle), `${where} holds a value that is not granted`)
    // Dates of birth of an item that is not granted, and the ungranted item’s plain order.
    assert.ok(!text.includes('1912-12-2'), `${where} holds a date that is not granted`)
  }
  assert.ok(seen.length > 300, `${seen.length} replies`)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import * as contract from '../../../contract/audit.ts'
import { aWorld, type World } from '../../../test/support/world.ts'
import { systemContext } from '../../platform/context.ts'
import { connect } from '../../platform/db.ts'
import { openSigner } from '../../platform/signer.ts'
import { expand } from './expand.ts'
import { checkpoint, keptOutside } from './jobs.ts'
import { judgeProof } from './prove.ts'
import { keyCommitment, openLedger, record, recordRead, recordText } from './public.ts'
import { verifyDatabase } from './sources.ts'

const write = (world: World, n: number) =>
  Promise.all(
    Array.from({ length: n }, (_, i) =>
      recordRead(systemContext(world.app.services), {
        action: 'data.read',
        subject: `第 ${i} 次`,
        purpose: '核对',
        content: '姓名、证件号',
      }),
    ),
  )

async function verify(world: World) {
  const client = new pg.Client({ connectionString: world.url })
  await client.connect()
  try {
    const { config, secrets } = world.app.services
    const trust = { first: openSigner(secrets.derive).publicKeys(), kept: keptOutside(config.dataDir) }
    return await verifyDatabase(client, trust)
  } finally {
    await client.end()
  }
}

/** As somebody with the owner's rights and bad intentions would. */
async function tamper(world: World, sql: string, values: unknown[] = []): Promise<void> {
  const client = new pg.Client({ connectionString: world.url })
  await client.connect()
  await client.query('set session_replication_role = replica')
  await client.query(sql, values)
  await client.end()
}

test('records written at once get one number each, without gaps, in few blocks', async t => {
  const world = await aWorld(t)
  const before = (await verify(world)).upTo
  const seqs = (await write(world, 300)).sort((a, b) => a - b)
  assert.deepEqual(
    seqs,
    Array.from({ length: 300 }, (_, i) => before + i + 1),
  )
  const result = await verify(world)
  assert.equal(result.ok, true)
  assert.ok(result.blocks < 30, `${result.blocks} blocks`)
})

test('opening up one new block does not read the blocks before it', async t => {
  const world = await aWorld(t)
  const { db, pool } = world.app.services
  await write(world, 1)
  await expand(db)
  // Blocks as wide as they come, of a day long ago; only how many there are matters here.
  const client = new pg.Client({ connectionString: world.url })
  await client.connect()
  client.on('error', () => {})
  await client.query(`insert into audit.block (height, first_seq, count, records, leaves, root, previous, hash, at)
    select height + g, first_seq + count - 1 + g, 1, records[1:1], substr(leaves, 1, 32), root, previous, hash, at
    from audit.block, generate_series(1, 4000) g where height = (select max(height) from audit.block)`)
  await client.query('analyze audit.block')
  await expand(db)
  const read = async () => {
    await pool.query('select pg_stat_force_next_flush()')
    const { rows } = await client.query(
      `select pg_stat_clear_snapshot(), seq_tup_read + idx_tup_fetch as n from pg_stat_user_tables where relid = 'audit.block'::regclass`,
    )
    return rows[0].n as number
  }
  const flush = () => new Promise(done => setTimeout(done, 1500))
  await flush()
  const before = await read()
  await write(world, 1)
  await expand(db)
  await flush()
  const fetched = (await read()) - before
  await client.end()
  assert.ok(fetched < 2000, `${fetched} blocks read`)
})

test('a ledger of many blocks is verified to its end', async t => {
  const world = await aWorld(t)
  for (let i = 0; i < 450; i++) await write(world, 1)
  await expand(world.app.services.db)
  const result = await verify(world)
  assert.equal(result.ok, true)
  assert.ok(result.blocks >= 450)
})

test('who asks for records that another process is just opening up waits for it; the background does not', async t => {
  const world = await aWorld(t)
  const client = new pg.Client({ connectionString: world.url })
  await client.connect()
  await client.query('begin')
  await client.query('select pg_advisory_xact_lock(7281002)')
  await write(world, 3)
  assert.equal(await expand(world.app.services.db, { wait: false }), 0)
  let done = false
  const asked = expand(world.app.services.db).then(n => {
    done = true
    return n
  })
  await new Promise(r => setTimeout(r, 100))
  assert.equal(done, false)
  await client.query('commit')
  await client.end()
  await asked
  const { rows } = await world.app.services.pool.query(`select count(*)::int as n from audit.entry where action = 'data.read'`)
  assert.equal(rows[0].n, 3)
})

test('a record with text that PostgreSQL cannot read as JSON is opened up all the same, and so are those after it', async t => {
  const world = await aWorld(t)
  const { db } = world.app.services
  const seq = await recordRead(systemContext(world.app.services), {
    action: 'data.refused',
    subject: 'a\u0000b',
    content: 'C:\\u0000',
    data: { asked: `姓名${'𠮷'.slice(0, 1)}` },
  })
  await write(world, 1)
  await expand(db)
  const rows = await db.selectFrom('audit.entry').select(['subject', 'content', 'data']).where('seq', '>=', seq).orderBy('seq').execute()
  assert.deepEqual(rows[0], { subject: 'a\ufffdb', content: 'C:\\u0000', data: { asked: '姓名\ufffd' } })
  assert.equal(rows.length, 2)
  assert.equal((await verify(world)).ok, true)
})

test('a change that is rolled back leaves no record, one that is committed leaves one', async t => {
  const world = await aWorld(t)
  const ctx = systemContext(world.app.services)
  const before = (await verify(world)).upTo
  await assert.rejects(
    ctx.db.transaction().execute(async tx => {
      await record(tx, ctx, { action: 'catalog.create', subject: '不算' })
      throw new Error('undo')
    }),
  )
  await ctx.db.transaction().execute(tx => record(tx, ctx, { action: 'catalog.create', subject: '算' }))
  await ctx.ledger.flush()
  await expand(ctx.db)
  assert.equal((await verify(world)).upTo, before + 1)
  const rows = await ctx.db.selectFrom('audit.entry').select('subject').where('action', '=', 'catalog.create').execute()
  assert.deepEqual(
    rows.map(r => r.subject),
    ['算'],
  )
})

test('[yongtai-17-2] the application cannot edit or delete a record, not even the owner by mistake', async t => {
  const world = await aWorld(t)
  await write(world, 3)
  const { db } = world.app.services
  await assert.rejects(
    db
      .updateTable('audit.block')
      .set({ count: 1 } as never)
      .execute(),
    /permission denied|只能追加/,
  )
  await assert.rejects(db.deleteFrom('audit.block').execute(), /permission denied|只能追加/)
  await assert.rejects(
    db
      .updateTable('audit.entry')
      .set({ purpose: '改' } as never)
      .execute(),
    /permission denied|只能追加/,
  )
  const owner = new pg.Client({ connectionString: world.url })
  await owner.connect()
  try {
    await assert.rejects(owner.query('update audit.block set at = now()'), /只能追加/)
    await assert.rejects(owner.query('truncate audit.block cascade'), /只能追加/)
  } finally {
    await owner.end()
  }
})

test('one changed byte is found and the record named, wherever it is', async t => {
  const world = await aWorld(t)
  const [seq] = await write(world, 40)
  await write(world, 40)
  await expand(world.app.services.db)
  assert.equal((await verify(world)).ok, true)
  await tamper(world, `update audit.block set records[$1] = replace(records[$1], '核对', '核兑') where first_seq = $2`, [1, seq])
  const bad = await verify(world)
  assert.equal(bad.ok, false)
  assert.equal(bad.bad!.seq, seq)
  assert.match(bad.bad!.message, new RegExp(`第 ${seq} 条`))
  assert.equal(bad.upTo, seq! - 1)
})

test('the queryable copy, a missing block and a rebuilt chain are found too', async t => {
  const world = await aWorld(t)
  const ctx = systemContext(world.app.services)
  const [seq] = await write(world, 5)
  await write(world, 5)
  await expand(ctx.db)
  await tamper(world, `update audit.entry set purpose = '另作他用' where seq = $1`, [seq])
  assert.deepEqual((await verify(world)).bad?.seq, seq)
  await tamper(world, `update audit.entry set purpose = '核对' where seq = $1`, [seq])
  assert.equal((await verify(world)).ok, true)
  // What decides who sees a record, and what nobody looks for.
  for (const [change, back, says] of [
    [
      'update audit.entry set department_id = gen_random_uuid() where seq = $1',
      'update audit.entry set department_id = null where seq = $1',
      '「department_id」',
    ],
    [
      'update audit.entry set provider_id = gen_random_uuid() where seq = $1',
      'update audit.entry set provider_id = null where seq = $1',
      '「provider_id」',
    ],
    [`update audit.entry set data = '{"rows": 1}' where seq = $1`, 'update audit.entry set data = null where seq = $1', '「data」'],
    [
      `insert into audit.entry (seq, at, action) select seq, at + interval '1 ms', 'data.read' from audit.entry where seq = $1`,
      `delete from audit.entry where seq = $1 and purpose is null`,
      '在查询表里有 2 条',
    ],
  ] as const) {
    await tamper(world, change, [seq])
    const { bad, upTo } = await verify(world)
    assert.deepEqual([bad?.seq, upTo], [seq, seq! - 1], change)
    assert.ok(bad!.message.includes(says), bad!.message)
    await tamper(world, back, [seq])
  }
  await tamper(world, `insert into audit.entry (seq, at, action) values (0, now(), 'data.read')`)
  assert.match((await verify(world)).bad!.message, /查询表里有第 0 条/)
  await tamper(world, `delete from audit.entry where seq = 0`)
  assert.equal((await verify(world)).ok, true)

  // Asked for by work that began long before: signed when it is, and not when that began.
  assert.equal(await checkpoint({ ...ctx, now: new Date(ctx.now.getTime() - 3600_000) }), true)
  const times = await world.app.services.pool.query(
    'select c.at >= b.at as later from audit.checkpoint c join audit.block b on b.height = c.height',
  )
  assert.deepEqual(times.rows, [{ later: true }])
  await ctx.ledger.flush()
  await expand(ctx.db)
  const signed = await verify(world)
  assert.deepEqual(signed.checkpoint?.algorithms.sort(), ['Ed25519', 'SM2'])
  await tamper(
    world,
    `update audit.checkpoint set signatures = jsonb_set(signatures, '{SM2}', to_jsonb(left(signatures ->> 'SM2', -4) || '0000'))`,
  )
  assert.match((await verify(world)).bad!.message, /检查点 #1/)
  await tamper(world, `delete from audit.block where height = (select height from audit.checkpoint where no = 1)`)
  assert.equal((await verify(world)).ok, false)
})

test('who sees what: a department its own, the authority its region, and the query is recorded', async t => {
  const world = await aWorld(t)
  await world.department({ region: '350100', name: '甲局' })
  await world.department({ region: '431123', name: '乙局', roles: ['authority'] })
  const own = await world.person({ department: '甲局', roles: ['steward'] })
  const other = await world.person({ department: '乙局', roles: ['bureau'] })
  const mine = await own.ok(contract.ledger, { query: {} })
  assert.ok(mine.rows.length > 0)
  assert.ok(mine.rows.every(r => r.department === '甲局'))
  const theirs = await other.ok(contract.ledger, { query: {} })
  assert.ok(theirs.rows.every(r => r.region === '431123'))
  const again = await own.ok(contract.ledger, { query: { action: 'audit.query' } })
  assert.equal(again.rows.length, 1)
  const hidden = await other.call(contract.ledgerRecord, { params: { seq: mine.rows[0]!.seq } })
  assert.equal(hidden.status, 404)
  assert.equal((await other.call(contract.ledgerProof, { params: { seq: mine.rows[0]!.seq } })).status, 404)
  const shown = await own.ok(contract.ledgerRecord, { params: { seq: mine.rows[0]!.seq } })
  assert.equal(shown.intact, true)
  // The neighbours are of the other department, and no way leads to them.
  const all = await world.person({ department: '甲局', roles: ['audit_admin'] })
  const { rows } = await all.ok(contract.ledger, { query: { limit: 200 } })
  const [one] = rows.filter((r, i) => r.department === '甲局' && rows[i - 1]?.department === '乙局')
  assert.equal((await own.ok(contract.ledgerRecord, { params: { seq: one!.seq } })).next, null)
  assert.equal((await all.ok(contract.ledgerRecord, { params: { seq: one!.seq } })).next, one!.seq + 1)
  const proof = (await own.call(contract.ledgerProof, { params: { seq: one!.seq } })).raw.toString()
  assert.equal(judgeProof(JSON.parse(proof)), null)
})

test('who used our data, who asked for one record: found by parts of names, by the provider and by a commitment', async t => {
  const world = await aWorld(t)
  const owner = await world.department({ region: '350100', name: '市民政局' })
  await world.department({ region: '350100', name: '市住房局' })
  const provider = await world.person({ department: '市民政局', roles: ['steward'] })
  const other = await world.person({ department: '市住房局', roles: ['steward'] })
  const { secrets } = world.app.services
  const read = (person: string, department: string, key?: string) =>
    recordRead(systemContext(world.app.services), {
      action: 'data.verify',
      subject: '307010/000001',
      person,
      department,
      region: '350100',
      ...(key && { key: keyCommitment(secrets, key) }),
      data: { providerId: owner },
    })
  await read('张三', '市住房局', '11010519491231002X')
  await read('张三丰', '某区住房局', '110105194912310020')
  await read('李四', '市教育局')
  const found = async (query: object, who = provider) =>
    (await who.ok(contract.ledger, { query: { reads: true, ...query } as never })).rows.map(r => r.person)
  assert.deepEqual(await found({}), ['李四', '张三丰', '张三'])
  assert.deepEqual(await found({ department: '住房局' }), ['张三丰', '张三'])
  assert.deepEqual(await found({ person: '张三' }), ['张三丰', '张三'])
  assert.deepEqual(await found({ person: '张三', department: '市住房' }), ['张三'])
  assert.deepEqual(await found({ department: '没有这个局' }), [])
  assert.deepEqual(await found({ subject: '307010/000001' }), ['李四', '张三丰', '张三'])
  const part = await provider.ok(contract.ledger, { query: { subject: '000001', reads: true } as never })
  assert.deepEqual([part.rows.length, part.partly, part.more], [3, true, false])
  // Another department sees these only where it is the reader, which these names only claim to be.
  assert.deepEqual(await found({}, other), [])

  const { key } = await provider.ok(contract.ledgerKeyCommitment, { body: { key: ' 11010519491231002x ' } })
  assert.match(key, /^[0-9a-f]{64}$/)
  assert.deepEqual(await found({ key }), ['张三'])
  const { rows } = await world.app.services.pool.query(`select string_agg(array_to_string(records, ''), '') as all from audit.block`)
  assert.ok(!rows[0].all.toUpperCase().includes('11010519491231002X'))

  const first = await provider.ok(contract.ledger, { query: { reads: true, limit: 2 } as never })
  assert.deepEqual([first.rows.length, first.total], [2, 3])
  const rest = await provider.ok(contract.ledger, { query: { reads: true, limit: 2, after: first.next! } as never })
  assert.deepEqual(
    rest.rows.map(r => r.person),
    ['张三'],
  )
  const month = first.next!.split('.')[0]
  const far = await provider.ok(contract.ledger, { query: { reads: true, after: `${month}.99999999999999999999` } as never })
  assert.equal(far.rows.length, 3)
})

test('two processes make blocks at once, reads and changes mixed: one chain, no number twice, none missing', async t => {
  const world = await aWorld(t)
  const { services } = world.app
  const other = await connect(world.url, { max: 1 })
  const second = openLedger(other.pool)
  const text = (n: number, who: string) =>
    recordText({ ...systemContext(services), requestId: `${who}${n}` }, { action: 'data.read', subject: `${who}${n}` })
  const seqs: Promise<number>[] = []
  for (let round = 0; round < 30; round++) {
    for (let n = 0; n < 8; n++) {
      seqs.push(services.ledger.append(text(round * 8 + n, 'a')), second.append(text(round * 8 + n, 'b')))
    }
    if (round % 5 === 0) {
      await services.db.transaction().execute(tx => record(tx, systemContext(services), { action: 'batch.start', subject: `c${round}` }))
      await Promise.all([services.ledger.flush(), second.flush()])
    }
    if (round % 3 === 0) await Promise.all(seqs)
  }
  const numbers = await Promise.all(seqs)
  assert.equal(new Set(numbers).size, numbers.length)
  await second.close()
  await other.close()
  const { rows } = await services.pool.query('select height, first_seq, count from audit.block order by height')
  let next = 1
  for (const [i, b] of rows.entries()) {
    assert.deepEqual([b.height, b.first_seq], [i + 1, next])
    next += b.count
  }
  const { rows: records } = await services.pool.query(
    `select b.first_seq + n - 1 as seq, r::json->>'subject' as subject from audit.block b, unnest(b.records) with ordinality u(r, n)`,
  )
  const of = new Map(records.map(r => [Number(r.seq), r.subject]))
  for (const [i, seq] of numbers.entries()) assert.equal(of.get(seq), `${i % 2 ? 'b' : 'a'}${Math.floor(i / 2)}`)
  assert.equal(records.filter(r => /^c/.test(r.subject ?? '')).length, 6)
  const verdict = await verify(world)
  assert.equal(verdict.ok, true, JSON.stringify(verdict))
})

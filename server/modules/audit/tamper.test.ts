import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import * as contract from '../../../contract/audit.ts'
import { aWorld, type World } from '../../../test/support/world.ts'
import { systemContext } from '../../platform/context.ts'
import { checkSignatures, openSigner } from '../../platform/signer.ts'
import { expand } from './expand.ts'
import { checkpoint, keptOutside, rotateKey } from './jobs.ts'
import { prove } from './prove.ts'
import { recordRead } from './public.ts'
import { databaseSource, exportLines, fileSource, readKept, verifyDatabase } from './sources.ts'
import { verifyLedger } from './verify.ts'
import { visit, witnessKeys } from './witness.ts'

const tool = resolve(import.meta.dirname, '../../../tools/verify-ledger.mjs')
/** The second verifier, as anybody would run it. */
const second = async (...args: string[]): Promise<{ ok: boolean; says: string }> =>
  promisify(execFile)(process.execPath, [tool, ...args]).then(
    ({ stdout }) => ({ ok: true, says: stdout }),
    (error: { code?: number; stdout?: string }) => {
      if (error.code !== 1) throw error
      return { ok: false, says: error.stdout! }
    },
  )

async function owner<T>(world: World, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: world.url })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

const trustOf = (world: World) => ({
  first: openSigner(world.app.services.secrets.derive).publicKeys(),
  kept: keptOutside(world.app.services.config.dataDir),
})
const write = async (world: World, n: number) => {
  for (let i = 0; i < n; i++)
    await Promise.all(
      [1, 2, 3].map(k => recordRead(systemContext(world.app.services), { action: 'data.read', subject: `${i}.${k}`, purpose: '核对' })),
    )
}
const place = (t: TestContext) => {
  const dir = mkdtempSync(join(tmpdir(), 'huitong-ledger-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
/** A ledger with two keys, checkpoints under both and a witness. */
async function aLedger(t: TestContext) {
  const world = await aWorld(t)
  const ctx = () => systemContext(world.app.services)
  await world.department({ region: '350100', name: '某局' })
  const admin = await world.person({ department: '某局', roles: ['security_admin'] })
  const home = place(t)
  await write(world, 4)
  assert.equal(await checkpoint(ctx()), true)
  await admin.ok(contract.addLedgerWitness, { body: { name: '上级平台', public: witnessKeys(home) } })
  await rotateKey(ctx(), '到了更换的时候')
  await write(world, 4)
  assert.equal(await checkpoint(ctx()), true)
  await write(world, 2)
  const address = await world.app.listen({ host: '127.0.0.1', port: 0 })
  const visiting = () => visit({ address, name: '上级平台', home, now: new Date() })
  assert.equal((await visiting()).sent, true)
  await write(world, 2)
  await ctx().ledger.flush()
  await expand(ctx().db)
  return { world, ctx, admin, home, visiting }
}

test('whatever somebody with all rights does to the ledger, both verifiers notice it and the first one says where', async t => {
  const { world, home } = await aLedger(t)
  const dir = place(t)
  await owner(world, async client => {
    await client.query('set session_replication_role = replica')
    const attempt = async (sql: string, kept = trustOf(world).kept) => {
      await client.query('begin')
      await client.query(sql)
      const source = await databaseSource(client)
      const ours = await verifyLedger(source, { ...trustOf(world), kept })
      const file = join(dir, 'export.jsonl')
      let text = ''
      for await (const line of exportLines(source, new Date())) text += line
      writeFileSync(file, text)
      const read = await verifyLedger(await fileSource(file), { first: trustOf(world).first })
      const theirs = await second(file, '--witness', join(home, 'statements.jsonl'))
      await client.query('rollback')
      return { ours, read, theirs }
    }
    const whole = await attempt('select 1')
    assert.equal(whole.ours.ok, true, whole.ours.bad?.message)
    assert.equal(whole.read.ok, true, whole.read.bad?.message)
    assert.match(whole.theirs.says, /^✓ 核验通过/)
    assert.equal(whole.ours.witness?.name, '上级平台')

    const { rows } = await client.query<{ height: number; first_seq: number }>(
      `select height, first_seq from audit.block where count > 2 order by height`,
    )
    const { height, first_seq: seq } = rows[1]!
    const signed = (await client.query(`select max(height) as height from audit.checkpoint`)).rows[0].height as number
    const top = (await client.query(`select max(height) as height from audit.block`)).rows[0].height as number
    // Everything after a height, as far as a thief would think of it: rows, their copy, and what was signed.
    const cut = (after: number) => `delete from audit.entry where seq >= (select first_seq from audit.block where height = ${after + 1});
      delete from audit.statement where height > ${after}; delete from audit.checkpoint where height > ${after}; delete from audit.block where height > ${after}`
    const cases: { what: string; sql: string; says: RegExp; seq?: number; exportSays?: RegExp | null }[] = [
      {
        what: 'a changed record',
        sql: `update audit.block set records[2] = replace(records[2], '核对', '核兑') where height = ${height}`,
        says: new RegExp(`第 ${seq + 1} 条内容与登记摘要不符`),
        seq: seq + 1,
      },
      {
        what: 'a record deleted from its block',
        sql: `update audit.block set records = records[2:], leaves = substr(leaves, 33), count = count - 1 where height = ${height}`,
        says: /摘要树与登记的根不符/,
      },
      { what: 'a deleted block', sql: `delete from audit.block where height = ${height}`, says: new RegExp(`缺少第 ${height} 个区块`) },
      {
        what: 'an inserted record',
        sql: `update audit.block set records = records || records[1], leaves = leaves || substr(leaves, 1, 32), count = count + 1 where height = ${height}`,
        says: /摘要树与登记的根不符/,
      },
      {
        what: 'two records in the other order',
        sql: `update audit.block set records = array[records[2], records[1]] || records[3:], leaves = substr(leaves, 33, 32) || substr(leaves, 1, 32) || substr(leaves, 65) where height = ${height}`,
        says: /摘要树与登记的根不符/,
      },
      {
        what: 'two blocks in the other order',
        sql: `update audit.block a set records = b.records, leaves = b.leaves, root = b.root, hash = b.hash, count = b.count from audit.block b
          where a.height in (${height}, ${height + 1}) and b.height = ${2 * height + 1} - a.height`,
        says: /的头与登记的摘要不符|没有接上|应为第/,
      },
      {
        what: 'content taken away without an order',
        sql: `update audit.block set records[1] = null where height = ${height}`,
        says: new RegExp(`第 ${seq} 条的内容没有经过批准的清理就不见了`),
        seq,
      },
      {
        what: 'the tail cut off behind what was signed',
        sql: `delete from audit.block where height > ${signed - 1}`,
        says: /末尾被删去/,
      },
      {
        what: 'the tail cut off after what was signed: the copy gives it away, an export cannot',
        sql: `delete from audit.block where height = ${top}`,
        says: /查询表里有第 \d+ 条，账本里没有/,
        exportSays: null,
      },
      {
        what: 'an older copy put back, with everything that was signed since gone: known outside of the database',
        sql: cut(signed - 1),
        says: /平台在数据库之外在 .* 见过区块 \d+，账本只到区块/,
      },
      {
        what: 'all that was signed taken away, blocks left',
        sql: `delete from audit.statement; delete from audit.checkpoint; delete from audit.key`,
        says: /账本里登记过检查点 #1（区块 \d+），现在不见了/,
      },
      {
        what: 'one checkpoint taken away',
        sql: `delete from audit.statement; delete from audit.checkpoint where no = 1`,
        says: /账本里登记过检查点 #1（区块 \d+），现在不见了/,
      },
      {
        what: 'what a witness said taken away',
        sql: `delete from audit.statement`,
        says: /账本里登记过见证人「上级平台」对检查点 #2（区块 \d+）的见证，现在不见了/,
        exportSays: /账本里登记过上级平台检查点 #2/,
      },
      {
        what: 'a signature taken away',
        sql: `update audit.checkpoint set signatures = signatures - 'SM2'`,
        says: /检查点 #1 的签名与区块 \d+ 不符（SM2）/,
      },
      {
        what: 'a key exchanged',
        sql: `update audit.key set public = jsonb_set(public, '{SM2}', (select public -> 'SM2' from audit.key where no = 1)) where no = 2`,
        says: /第 2 号密钥与登记的摘要不符/,
        exportSays: /第 2 号密钥与它的摘要不符/,
      },
      {
        what: 'a witness made to say something else',
        sql: `update audit.statement set at = at - interval '1 day'`,
        says: /见证人「上级平台」对检查点 #2 的见证签名不符/,
        exportSays: /见证人「上级平台」对检查点 #2 的签名不符/,
      },
    ]
    for (const one of cases) {
      const found = await attempt(one.sql)
      assert.equal(found.ours.ok, false, one.what)
      assert.match(found.ours.bad!.message, one.says, one.what)
      if (one.seq) assert.equal(found.ours.bad!.seq, one.seq, one.what)
      if (one.exportSays === null) continue
      assert.equal(found.theirs.ok, false, one.what)
      if (one.seq) assert.match(found.theirs.says, one.says, one.what)
      if (one.exportSays) assert.match(found.theirs.says, one.exportSays, one.what)
    }

    // The same with only the file the witness keeps.
    const old = await attempt(cut(signed - 1), readKept(readFileSync(join(home, 'statements.jsonl'), 'utf8'), ''))
    assert.match(old.ours.bad!.message, /见证人「上级平台」在 .* 见过区块/)
    assert.match(old.theirs.says, /末尾被删去，或换成了旧的副本/)
  })
})

test('a witness sees that the ledger goes on from what it kept, and that it does not after a rollback', async t => {
  const { world, ctx, visiting, home } = await aLedger(t)
  assert.equal(await checkpoint(ctx()), true)
  const again = await visiting()
  assert.equal(again.kept?.no, 3)
  assert.equal(readFileSync(join(home, 'statements.jsonl'), 'utf8').trim().split('\n').length, 2)
  await owner(world, async client => {
    await client.query('set session_replication_role = replica')
    await client.query('delete from audit.checkpoint where no = 3')
  })
  await assert.rejects(visiting(), /此前见过区块 \d+，对方现在只到区块 \d+：末尾被删去，或换成了旧的副本/)
})

test('a statement of somebody unknown, with a wrong signature or about another block is refused', async t => {
  const { world, admin, home } = await aLedger(t)
  const good = JSON.parse(readFileSync(join(home, 'statements.jsonl'), 'utf8').trim())
  const send = (change: object) => world.anonymous.call(contract.witnessStatement, { body: { ...good, ...change } })
  assert.equal((await send({})).status, 200)
  assert.equal((await send({ witness: '别的平台' })).problem.code, 'audit.witness_not_found')
  assert.equal((await send({ height: good.height - 1 })).problem.code, 'audit.statement_signature')
  assert.equal((await send({ signatures: { SM2: good.signatures.SM2 } })).problem.code, 'audit.statement_signature')
  const known = await admin.call(contract.addLedgerWitness, { body: { name: '上级平台', public: witnessKeys(place(t)) } })
  assert.equal(known.problem.code, 'audit.witness_known')
  // No point of the curve: no key, and nothing is signed by it.
  const nowhere = `04${'1'.repeat(128)}`
  const off = await admin.call(contract.addLedgerWitness, { body: { name: '坏钥平台', public: { SM2: nowhere } } })
  assert.equal(off.problem.code, 'audit.witness_key')
  assert.deepEqual(checkSignatures(Buffer.alloc(32), { SM2: good.signatures.SM2 }, { SM2: nowhere }), { SM2: false })
  assert.throws(() => readKept('{"height":1}\n见证', '文件「a」'), /文件「a」保存的第 1 行读不出来/)
  const trust = await admin.ok(contract.ledgerTrust)
  assert.deepEqual([trust.keys.length, trust.checkpoints.count, trust.witnesses[0]?.statements], [2, 2, 1])
})

test('a proof leads from the record to a signed checkpoint, before and after a change of keys; a changed one leads nowhere', async t => {
  const { world, ctx } = await aLedger(t)
  const dir = place(t)
  const file = join(dir, 'proof.json')
  const first = (await ctx().db.selectFrom('audit.checkpoint').selectAll().orderBy('no').execute()).map(c => c.seq)
  for (const seq of [1, first[0]!, first[0]! + 1, first[1]!]) {
    const proof = (await prove(ctx().db, seq))!
    writeFileSync(file, JSON.stringify(proof, null, 2))
    const { ok, says } = await second(file, '--key', proof.keys[0]!.hash)
    assert.ok(ok, says)
    assert.match(says, new RegExp(`第 ${seq} 条在区块`))
    for (const wrong of [
      { ...proof, record: `${proof.record} ` },
      { ...proof, seq: seq + 1 },
      { ...proof, keys: proof.keys.map(k => ({ ...k, at: new Date(0).toISOString() })) },
      { ...proof, checkpoint: { ...proof.checkpoint!, signatures: { Ed25519: proof.checkpoint!.signatures.Ed25519 } } },
    ]) {
      writeFileSync(file, JSON.stringify(wrong))
      assert.equal((await second(file)).ok, false)
    }
    writeFileSync(file, JSON.stringify(proof))
    assert.equal((await second(file, '--key', '0'.repeat(64))).ok, false)
  }
  // Signed by a key that had been replaced before: as somebody would who kept the old one.
  await ctx().ledger.flush()
  await owner(world, async client => {
    const old = openSigner(world.app.services.secrets.derive, 1)
    const head = (await client.query('select height, first_seq + count - 1 as seq, hash from audit.block order by height desc limit 1'))
      .rows[0]
    await client.query(
      'insert into audit.checkpoint (no, height, seq, hash, at, key_no, signatures) values (99, $1, $2, $3, now(), 1, $4)',
      [head.height, head.seq, head.hash, old.sign(head.hash)],
    )
    assert.match((await verifyDatabase(client, trustOf(world))).bad!.message, /检查点 #99 用的是第 1 号密钥，账本在此之前已更换为第 2 号/)
  })
})

test('the application’s role can add to every table of the ledger and change or remove nothing', async t => {
  const { world, ctx } = await aLedger(t)
  const tables = (
    await owner(world, client =>
      client.query(
        `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'audit' and c.relkind in ('r', 'p')`,
      ),
    )
  ).rows.map(r => r.relname as string)
  assert.ok(tables.length >= 11, String(tables.length))
  await ctx().db.insertInto('audit.outbox').values({ record: '{"action":"case.act"}' }).execute()
  const { pool } = world.app.services
  const role = await pool.query('select current_user as role')
  assert.equal(role.rows[0].role, 'huitong_app')
  for (const table of tables) {
    const column = (
      await pool.query(
        `select column_name from information_schema.columns where table_schema = 'audit' and table_name = $1 and is_identity = 'NO' limit 1`,
        [table],
      )
    ).rows[0]?.column_name
    for (const sql of [
      ...(column ? [`update audit.${table} set "${column}" = "${column}"`] : []),
      `delete from audit.${table}`,
      `truncate audit.${table} cascade`,
      `alter table audit.${table} disable trigger all`,
      `drop table audit.${table} cascade`,
    ])
      await assert.rejects(pool.query(sql), /permission denied|只能追加|还没有写进区块的记录不能删除|must be owner/, sql)
  }
})

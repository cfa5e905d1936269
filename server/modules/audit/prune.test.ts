import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import * as contract from '../../../contract/audit.ts'
import { aWorld, type World } from '../../../test/support/world.ts'
import { systemContext } from '../../platform/context.ts'
import { openSigner } from '../../platform/signer.ts'
import { expand } from './expand.ts'
import { checkpoint, keptOutside } from './jobs.ts'
import { prove } from './prove.ts'
import { judgeApproval, keptFrom, prune } from './prune.ts'
import { recordRead } from './public.ts'
import { exportLines, verifyDatabase, withDatabase } from './sources.ts'

const tool = resolve(import.meta.dirname, '../../../tools/verify-ledger.mjs')

test('the first day to keep is the same day of the month, or the last there is', () => {
  for (const [day, months, from] of [
    ['2026-11-27', 36, '2023-11-27'],
    ['2026-11-27', 24, '2024-11-27'],
    ['2026-08-31', 6, '2026-02-28'],
    ['2024-02-29', 12, '2023-02-28'],
    ['2026-01-15', 1, '2025-12-15'],
  ] as const)
    assert.equal(keptFrom(day, months), from)
})

test('who may approve next', () => {
  const cite = { regulation: 'x', title: '某规定', article: '第一条', text: '保存三年。' }
  const rule = { months: 36, from: '2023-11-27', cite }
  const order = { no: 1, before: '2023-11-27', approvers: ['a'], done: false, withdrawn: false }
  assert.deepEqual(judgeApproval(order, 'b', rule), { ok: true })
  const code = (o: object, who: string) => {
    const v = judgeApproval({ ...order, ...o }, who, rule)
    return v.ok ? null : v.code
  }
  assert.equal(code({}, 'a'), 'audit.pruning_same_person')
  assert.equal(code({ done: true }, 'b'), 'audit.pruning_done')
  assert.equal(code({ withdrawn: true }, 'b'), 'audit.pruning_withdrawn')
  assert.equal(code({ before: '2023-11-28' }, 'b'), 'audit.retention_not_elapsed')
})

const owner = async <T>(world: World, use: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: world.url })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
const verify = (world: World) =>
  owner(world, client =>
    verifyDatabase(client, {
      first: openSigner(world.app.services.secrets.derive).publicKeys(),
      kept: keptOutside(world.app.services.config.dataDir),
    }),
  )
/** Both verifiers over an export. */
async function exported(world: World, dir: string): Promise<string> {
  const file = join(dir, 'export.jsonl')
  let text = ''
  await owner(world, client =>
    withDatabase(client, async source => {
      for await (const line of exportLines(source, new Date())) text += line
    }),
  )
  writeFileSync(file, text)
  return spawnSync(process.execPath, [tool, file], { encoding: 'utf8' }).stdout
}

/** Reads of two places, 23 and 30 months, 25 months and four years before the day it is. */
async function anOldLedger(t: TestContext) {
  const world = await aWorld(t, { day: '2022-10-10' })
  const dir = mkdtempSync(join(tmpdir(), 'huitong-prune-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const seqs: Record<string, number> = {}
  const read = async (name: string, region: string) => {
    seqs[name] = await recordRead(systemContext(world.app.services), { action: 'data.read', subject: name, region, purpose: '核对' })
  }
  await read('350582 four years', '350582')
  await read('410000 four years', '410000')
  await read('350582 four years, again', '350582')
  assert.equal(await checkpoint(systemContext(world.app.services)), true)
  world.at('2024-05-10')
  await read('350582 30 months', '350582')
  world.at('2024-10-10')
  await read('410000 25 months', '410000')
  world.at('2024-12-10')
  await read('410000 23 months', '410000')
  world.at('2026-11-20')
  await world.department({ region: '350582', name: '某局' })
  const security = await world.person({ department: '某局', roles: ['security_admin'], name: '安全员' })
  const auditor = await world.person({ department: '某局', roles: ['audit_admin'], name: '审计员' })
  await expand(world.app.services.db)
  const left = async () =>
    (
      await world.app.services.db.selectFrom('audit.entry').select('subject').where('action', '=', 'data.read').orderBy('seq').execute()
    ).map(r => r.subject)
  const propose = (region: string, before: string) =>
    security.call(contract.proposePruning, { body: { region, before, reason: '已过保存期限' } })
  return { world, dir, seqs, security, auditor, left, propose }
}

test('[henan-12-2] [jinjiang-5-3b] a record stays as long as its place keeps it, and may go after that by the word of two people', async t => {
  const { world, security, auditor, left, propose, seqs, dir } = await anOldLedger(t)
  const { rules } = await auditor.ok(contract.prunings)
  const rule = (region: string) => rules.find(r => r.region === region)!
  assert.deepEqual([rule('350582').months, rule('350582').from, rule('350582').due], [36, '2023-11-20', 2])
  assert.deepEqual([rule('410000').months, rule('410000').from, rule('410000').due], [24, '2024-11-20', 2])

  const young = await propose('350582', '2024-06-01')
  assert.equal(young.status, 422)
  assert.equal(young.problem.reason, 'retention-not-elapsed')
  assert.equal(young.problem.cite?.article, '第五部分第（三）项')
  assert.match(young.problem.detail, /须保存 36 个月，2023-11-20 起的现在还不能清理/)
  const henan = await propose('410000', '2024-12-11')
  assert.equal(henan.problem.reason, 'retention-not-elapsed')
  assert.equal(henan.problem.cite?.article, '第十二条第二款')

  const before = (await prove(world.app.services.db, seqs['350582 four years']!))!
  const made = await propose('350582', '2023-11-20')
  assert.equal(made.status, 200)
  assert.equal((await propose('350582', '2023-11-20')).problem.code, 'audit.pruning_open')
  await world.job('audit.prune', made.body)
  assert.equal((await left()).length, 6, 'one person is not enough')
  const alone = await security.call(contract.approvePruning, { params: made.body })
  assert.equal(alone.problem.code, 'audit.pruning_same_person')
  await auditor.ok(contract.approvePruning, { params: made.body })
  await world.job('audit.prune', made.body)
  assert.deepEqual(await left(), ['410000 four years', '350582 30 months', '410000 25 months', '410000 23 months'])
  const { body } = await propose('410000', '2024-11-20')
  await auditor.ok(contract.approvePruning, { params: body })
  await world.job('audit.prune', body)
  assert.deepEqual(await left(), ['350582 30 months', '410000 23 months'])

  await expand(world.app.services.db)
  const v = await verify(world)
  assert.equal(v.ok, true, v.bad?.message)
  assert.equal(v.pruned, 4)
  assert.match(await exported(world, dir), /^✓/)

  // What was printed before still holds, what is printed now has the digest and no content.
  const file = join(dir, 'proof.json')
  writeFileSync(file, JSON.stringify(before))
  assert.equal(spawnSync(process.execPath, [tool, file]).status, 0)
  const after = (await prove(world.app.services.db, before.seq))!
  assert.deepEqual([after.record, after.leaf, after.path], [null, before.leaf, before.path])
  const gone = await auditor.call(contract.ledgerRecord, { params: { seq: before.seq } })
  assert.equal(gone.status, 410)
  assert.match(gone.problem.detail, /第 1 号清理/)
  const file2 = await auditor.call(contract.ledgerProof, { params: { seq: before.seq } })
  writeFileSync(file, file2.raw)
  assert.equal(spawnSync(process.execPath, [tool, file]).status, 0)
  assert.equal(JSON.parse(file2.raw.toString()).record, null)
  const done = await auditor.ok(contract.prunings)
  assert.ok(done.orders.every(o => o.done && o.approvals.length === 2))
  const again = await auditor.call(contract.approvePruning, { params: made.body })
  assert.equal(again.problem.code, 'audit.pruning_done')
})

test('an order takes what it says and nothing else, whoever tries', async t => {
  const { world, auditor, propose, seqs, left, dir } = await anOldLedger(t)
  const { body } = await propose('350582', '2023-11-20')
  const one = seqs['350582 four years']!
  const { pool } = world.app.services
  // The application itself, and the owner without or with half of an order.
  const attempts = async (client: pg.Client | pg.Pool, setting: string) => {
    for (const sql of [
      `update audit.block set records[1] = null where first_seq <= ${one} and first_seq + count > ${one}`,
      `delete from audit.entry where seq = ${one}`,
    ])
      await assert.rejects(
        client.query(`begin; select set_config('huitong.pruning', '${setting}', true); ${sql}`).finally(() => client.query('rollback')),
        /permission denied|只能追加/,
      )
  }
  const client = await pool.connect()
  await attempts(client as never, String(body.no))
  client.release()
  await owner(world, c => attempts(c, ''))
  await owner(world, c => attempts(c, String(body.no)))
  // The second approval as a row, so that the job does not come first.
  await pool.query(`insert into audit.pruning_approval values ($1, $2, '审计员', now())`, [body.no, auditor.id])
  await owner(world, async c => {
    for (const sql of [
      `update audit.block set records[1] = 'x'`,
      ...['350582 30 months', '410000 four years'].map(
        name =>
          `update audit.block set records[${seqs[name]} - first_seq + 1] = null where first_seq <= ${seqs[name]} and first_seq + count > ${seqs[name]}`,
      ),
      `update audit.block set at = now()`,
      `delete from audit.block`,
      `delete from audit.entry where subject = '350582 30 months'`,
      `delete from audit.entry where subject = '410000 four years'`,
      `update audit.entry set purpose = '别的' where seq = ${one}`,
    ])
      await assert.rejects(
        c.query(`begin; select set_config('huitong.pruning', '${body.no}', true); ${sql}`).finally(() => c.query('rollback')),
        /只能追加/,
        sql,
      )
    // With the rights of the owner and the order, but past the platform: both verifiers miss the record of it.
    await c.query(`begin; select set_config('huitong.pruning', '${body.no}', true);
      update audit.block set records[1] = null where first_seq = ${one}; insert into audit.pruned select ${body.no}, height, '{1}' from audit.block where first_seq = ${one};
      delete from audit.entry where seq = ${one}; commit`)
  })
  assert.match((await verify(world)).bad!.message, /第 1 号清理删去了 1 条的内容，账本里没有它的记录/)
  assert.match(await exported(world, dir), /第 1 号清理删去的与账本里记录的不是同一批/)
  assert.equal((await left()).length, 5)
})

test('an order is withdrawn until it has been carried out, approved or not, by either administrator; then it takes nothing', async t => {
  const { world, security, auditor, propose, left } = await anOldLedger(t)
  const reason = '范围内有未了的案件'
  const withdraw = (who: typeof security, no: number) => who.call(contract.withdrawPruning, { params: { no }, body: { reason } })
  const steward = await world.person({ department: '某局', roles: ['steward'] })
  const { body } = await propose('350582', '2023-11-20')
  assert.equal((await withdraw(steward, body.no)).problem.code, 'access.role')
  assert.equal((await withdraw(security, 99)).problem.code, 'audit.pruning_not_found')
  // Approved, and the job has not come yet.
  const { pool } = world.app.services
  await pool.query(`insert into audit.pruning_approval values ($1, $2, '审计员', now())`, [body.no, auditor.id])
  const seen = async () => (await security.ok(contract.prunings)).orders[0]!
  assert.deepEqual([(await seen()).mayWithdraw, (await seen()).withdrawn], [true, null])
  assert.equal((await withdraw(security, body.no)).status, 200)
  const { mayWithdraw, mayApprove, withdrawn } = await seen()
  assert.deepEqual([mayWithdraw, mayApprove, withdrawn?.reason], [false, false, reason])
  await world.job('audit.prune', body)
  assert.equal((await left()).length, 6)
  // Not by going round the job either.
  await owner(world, c =>
    assert.rejects(
      c
        .query(`begin; select set_config('huitong.pruning', '${body.no}', true); delete from audit.entry where region = '350582'`)
        .finally(() => c.query('rollback')),
      /只能追加/,
    ),
  )
  assert.equal((await withdraw(auditor, body.no)).problem.code, 'audit.pruning_withdrawn')
  assert.equal((await auditor.call(contract.approvePruning, { params: body })).problem.code, 'audit.pruning_withdrawn')

  const again = await propose('350582', '2023-11-20')
  await auditor.ok(contract.approvePruning, { params: again.body })
  await world.job('audit.prune', again.body)
  assert.equal((await left()).length, 4)
  assert.equal((await withdraw(security, again.body.no)).problem.code, 'audit.pruning_done')
  await expand(world.app.services.db)
  const { rows } = await world.app.services.pool.query(`select action, subject, purpose from audit.entry where action = 'audit.withdraw'`)
  assert.deepEqual(rows, [{ action: 'audit.withdraw', subject: '第 1 号清理', purpose: reason }])
})

test('a pruning that waits for its turn sees the order withdrawn meanwhile', async t => {
  const { world, auditor, propose, left } = await anOldLedger(t)
  const { body } = await propose('350582', '2023-11-20')
  const { pool } = world.app.services
  const rule = { months: 36, place: '某地', cite: { regulation: 'x', title: '某规定', article: '第一条', text: '保存三年。' } }
  await pool.query(`insert into audit.pruning_approval values ($1, $2, '审计员', now())`, [body.no, auditor.id])
  await owner(world, async c => {
    await c.query('begin; select pg_advisory_xact_lock(7281004)')
    const pruned = prune(world.url, systemContext(world.app.services), body.no, () => rule)
    for (let n = 0, waiting = 0; !waiting && n < 200; n++) {
      await new Promise(done => setTimeout(done, 20))
      waiting = (await pool.query(`select from pg_locks where locktype = 'advisory' and not granted`)).rowCount!
    }
    await c.query(`insert into audit.pruning_withdrawal values (${body.no}, gen_random_uuid(), '某人', '先不清理', now()); commit`)
    assert.equal(await pruned, 0)
  })
  assert.equal((await left()).length, 6)
})

test('an order that was slipped in takes nothing that must stay', async t => {
  const { world, left } = await anOldLedger(t)
  const { pool } = world.app.services
  await pool.query(`insert into audit.pruning values (7, '350582', '2024-06-01', 1, '{}', '悄悄', now(), 3)`)
  await pool.query(`insert into audit.pruning_approval select 7, gen_random_uuid(), '某人', now() from generate_series(1, 2)`)
  await assert.rejects(
    prune(world.url, systemContext(world.app.services), 7, () => ({
      months: 36,
      place: '某地',
      cite: { regulation: 'x', title: '某规定', article: '第一条', text: '保存三年。' },
    })),
    /须保存 36 个月/,
  )
  assert.equal((await left()).length, 6)
})

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { createDatabase, dropDatabase, runningPostgres, startPostgres } from './postgres.ts'

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query({ text: sql, rowMode: 'array' })
  await client.end()
  return rows[0]?.[0]
}

test('the embedded PostgreSQL: one owner, killed and started again, data kept', async t => {
  const parent = mkdtempSync(join(tmpdir(), 'huitong-test-'))
  chmodSync(parent, 0o755)
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  const directory = join(parent, 'pg')

  const first = await startPostgres({ directory, durable: false })
  t.after(() => first.stop())
  assert.equal(await ask(first.url, 'show timezone'), 'Asia/Shanghai')
  assert.equal(await ask(first.url, 'show wal_level'), 'logical')
  assert.equal(
    await ask(first.url, `select lower('ÄÖ') || (select string_agg(x, '' order by x) from unnest(array['永','b','A']) x)`),
    'äöAb永',
  )
  await ask(first.url, `create table kept as select 7 as n`)
  assert.equal(runningPostgres(directory)?.port, first.port)
  await assert.rejects(startPostgres({ directory }), /正由另一个汇通进程/)

  const copy = await createDatabase(first.url, '副 "本"')
  assert.equal(await ask(copy, 'select current_database()'), '副 "本"')
  await dropDatabase(first.url, '副 "本"')

  process.kill(first.pid, 'SIGKILL')
  assert.match(await first.died, /数据库意外停止/)
  await first.stop()

  const second = await startPostgres({ directory, durable: false })
  assert.equal(await ask(second.url, 'select n from kept'), 7)
  await second.stop()
  assert.equal(runningPostgres(directory), undefined)

  // A process number that now belongs to another program does not stop the start.
  writeFileSync(join(directory, 'postmaster.pid'), `${process.pid}\n${directory}\n1\n5432\n\n\n\nready\n`)
  const third = await startPostgres({ directory, durable: false })
  await third.stop()
})

test('killed just after an unlogged table was rolled back, PostgreSQL starts again', async t => {
  const parent = mkdtempSync(join(tmpdir(), 'huitong-test-'))
  chmodSync(parent, 0o755)
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  const options = {
    directory: join(parent, 'pg'),
    durable: false,
    settings: { wal_writer_delay: '10s', synchronous_commit: 'on', autovacuum: 'off' },
  }
  const first = await startPostgres(options)
  t.after(() => first.stop())
  const client = new pg.Client({ connectionString: first.url })
  client.on('error', () => {})
  await client.connect()
  await client.query('create table kept (n int); checkpoint')
  await client.query('begin; create unlogged table staged (n int); insert into staged values (1)')
  // Another session's commit brings the making of the table to disk; the rollback is not there yet when the power goes.
  await ask(first.url, 'insert into kept values (7) returning n')
  await client.query('rollback')
  process.kill(first.pid, 'SIGKILL')
  await first.died
  await first.stop()
  const second = await startPostgres(options)
  assert.equal(await ask(second.url, 'select n from kept'), 7)
  await second.stop()
  assert.match(readFileSync(`${options.directory}-log`, 'utf8'), /could not create file .* File exists/, 'the trouble did not happen here')
})

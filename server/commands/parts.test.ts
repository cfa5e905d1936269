import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../test/support/capture.ts'
import { childrenOf } from '../../test/support/process.ts'
import { createDatabase, dropDatabase } from '../platform/postgres.ts'
import { root } from './child.ts'

test('several processes answer on one port; one that is killed is replaced, and all end with the first', {
  skip: process.platform !== 'linux',
}, async t => {
  const admin = process.env.HUITONG_TEST_URL!
  const name = `parts_${randomBytes(6).toString('hex')}`
  const url = await createDatabase(admin, name, 'huitong_template')
  const dataDir = mkdtempSync(join(tmpdir(), 'huitong-test-'))
  const child = spawn(process.execPath, [join(root, 'server/main.ts'), 'serve'], {
    env: {
      PATH: process.env.PATH,
      HUITONG_DATABASE_URL: url,
      HUITONG_DATA_DIR: dataDir,
      HUITONG_PROCESSES: '2',
      HUITONG_POOL_SIZE: '6',
      HUITONG_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.after(async () => {
    child.kill('SIGKILL')
    await dropDatabase(admin, name)
    rmSync(dataDir, { recursive: true, force: true })
  })
  let said = ''
  child.stderr!.on('data', piece => {
    said += piece
  })
  await until(async () => assert.match(said, /汇通已启动：/), 60_000)
  const address = /汇通已启动：(\S+)/.exec(said)![1]!
  const health = async () => (await fetch(`${address}/health`)).status
  const parts = childrenOf(child.pid!)
  assert.equal(parts.length, 2, said)
  assert.equal(await health(), 200)
  // Nothing that opens the database stands where others can read it.
  for (const pid of parts) assert.ok(!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres'))

  for (const victim of parts) {
    process.kill(victim, 'SIGKILL')
    await until(async () => {
      assert.equal(await health(), 200)
      assert.equal(childrenOf(child.pid!).filter(pid => !parts.includes(pid)).length, parts.indexOf(victim) + 1)
    }, 30_000)
  }
  const last = childrenOf(child.pid!)
  await sleep(1500)
  const ended = new Promise(done => child.once('exit', code => done(code)))
  child.kill('SIGTERM')
  assert.equal(await ended, 0, said)
  assert.ok(last.every(pid => !childrenOf(1).includes(pid)))
  await assert.rejects(fetch(`${address}/health`))
})

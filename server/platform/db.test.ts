import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from './db.ts'

test('a connection that breaks between two queries of a transaction fails the second, and not the process', async () => {
  const { pool, close } = await connect(process.env.HUITONG_TEST_URL!, { max: 2 })
  const client = await pool.connect()
  await client.query('begin')
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const owner = await connect(process.env.HUITONG_TEST_URL!, { max: 1, as: 'owner' })
  await owner.pool.query('select pg_terminate_backend($1)', [rows[0]!.pid])
  await owner.close()
  await sleep(200)
  await assert.rejects(client.query('select 1'))
  client.release(true)
  assert.equal((await pool.query<{ n: number }>('select 1 as n')).rows[0]!.n, 1)
  await close()
})

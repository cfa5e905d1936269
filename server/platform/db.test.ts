import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { alone, connect } from './db.ts'

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

test('a lock is held by one at a time, and goes with its connection', async () => {
  const { pool, close } = await connect(process.env.HUITONG_TEST_URL!, { max: 4 })
  const pidOf = async (client: { query(text: string): Promise<{ rows: { pid: number }[] }> }) =>
    (await client.query('select pg_backend_pid() as pid')).rows[0]!.pid
  const busy = () => 'busy'
  const inside = await alone(
    pool,
    ['one', 99],
    () =>
      Promise.all([
        alone(pool, ['one', 99], async () => 'mine', busy),
        alone(pool, ['other', 99], async () => 'mine', busy),
        alone(pool, ['one', 98], async () => 'mine', busy),
      ]),
    () => assert.fail('already held'),
  )
  assert.deepEqual(inside, ['busy', 'mine', 'mine'])
  // Given back when the work fails, too.
  const failed = alone(
    pool,
    ['one', 99],
    () => Promise.reject(new Error('failed')),
    () => {},
  )
  await assert.rejects(failed, /failed/)
  let spent = 0
  await alone(
    pool,
    ['one', 99],
    async (client, held) => {
      spent = await pidOf(client)
      held.spent = true
    },
    () => assert.fail('still held'),
  )
  const owner = await connect(process.env.HUITONG_TEST_URL!, { max: 1, as: 'owner' })
  await alone(
    pool,
    ['one', 99],
    async (client, held) => {
      const pid = await pidOf(client)
      assert.notEqual(pid, spent)
      await owner.pool.query('select pg_terminate_backend($1)', [pid])
      while (!held.lost) await sleep(10)
      assert.equal(await alone(pool, ['one', 99], async () => 'mine', busy), 'mine')
    },
    () => assert.fail('still held'),
  )
  await owner.close()
  await close()
})

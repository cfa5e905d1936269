import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { migrate } from '../server/platform/migrate.ts'
import { createDatabase, dropDatabase } from '../server/platform/postgres.ts'

const adminUrl = process.env.HUITONG_TEST_URL

/** What an office's database administrator hands out: a database of one's own, and no other right. */
test('an ordinary owner of a database can migrate it, twice', { skip: !adminUrl && 'runs under npm test' }, async t => {
  const name = `own_${process.pid}`
  await run(adminUrl!, `create role ${name} login password 'secret'`)
  const url = new URL(await createDatabase(adminUrl!, name))
  t.after(async () => {
    await dropDatabase(adminUrl!, name)
    await run(adminUrl!, `drop role ${name}`)
  })
  await run(adminUrl!, `alter database ${name} owner to ${name}`)
  url.username = name
  url.password = 'secret'
  assert.ok((await migrate(url.href)) > 0)
  assert.equal(await migrate(url.href), 0)
})

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(sql)
  await client.end()
}

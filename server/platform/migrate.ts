import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import pg from 'pg'

const directory = resolve(import.meta.dirname, '../migrations')

/**
 * Brings the database up to date: every `server/migrations/NNNN_*.sql` once, in order, each in a transaction.
 * Two processes starting at once take turns. A file changed after it ran is refused: migrations only go forward.
 */
export async function migrate(url: string, log: (line: string) => void = () => {}): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows: version } = await client.query<{ v: number }>(`select current_setting('server_version_num')::int as v`)
    if (version[0]!.v < 150000) throw new Error('需要 PostgreSQL 15 或更高版本。')
    await client.query(`select pg_advisory_lock(hashtext('huitong.migrate'))`)
    await client.query(
      `create table if not exists public.huitong_migration (name text primary key, digest text not null, at timestamptz not null default now())`,
    )
    const done = new Map(
      (await client.query<{ name: string; digest: string }>('select name, digest from public.huitong_migration')).rows.map(r => [
        r.name,
        r.digest,
      ]),
    )
    let count = 0
    for (const name of readdirSync(directory)
      .filter(f => f.endsWith('.sql'))
      .sort()) {
      const sql = readFileSync(join(directory, name), 'utf8')
      const digest = createHash('sha256').update(sql).digest('hex')
      const before = done.get(name)
      if (before === digest) continue
      if (before) throw new Error(`迁移文件 ${name} 在执行之后被改动。请恢复原文件，另写一个新的迁移。`)
      await client.query('begin')
      try {
        await client.query(sql)
        await client.query('insert into public.huitong_migration (name, digest) values ($1, $2)', [name, digest])
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw new Error(`迁移 ${name} 失败：${(error as Error).message}`, { cause: error })
      }
      log(`迁移 ${name}`)
      count++
    }
    return count
  } finally {
    await client.end()
  }
}

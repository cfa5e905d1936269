import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import mysql from 'mysql2/promise'
import { freePort } from '../../server/platform/postgres.ts'

export type Mariadb = {
  host: string
  port: number
  /** May everything, also replicate. */
  user: string
  password: string
  version: string
  /** Runs statements as `user`; rows of the last one. */
  sql(statement: string, values?: unknown[], database?: string): Promise<any[]>
  /** As a power cut; `start` brings it back on the same port with the same data. */
  kill(): Promise<void>
  start(): Promise<void>
}

const found = (...names: string[]) =>
  names
    .flatMap(name => [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/bin', '/usr/local/sbin'].map(dir => join(dir, name)))
    .find(path => existsSync(path))

/** Why there is no MariaDB here; false when there is one. For `test(name, { skip })`. */
export const noMariadb: string | false =
  found('mariadbd', 'mysqld') && found('mariadb-install-db', 'mysql_install_db') && found('my_print_defaults')
    ? false
    : 'MariaDB is not installed (apt-get install mariadb-server)'

/**
 * A MariaDB of its own from the installed programs, with row-based binary log and GTIDs; gone after the test.
 * null where the programs are missing. `options`: further words of its command line.
 */
export async function aMariadb(t: Pick<TestContext, 'after'>, options: string[] = []): Promise<Mariadb | null> {
  if (noMariadb) return null
  const dir = mkdtempSync(join(tmpdir(), 'huitong-mariadb-'))
  const data = join(dir, 'data')
  const root = process.getuid?.() === 0 ? ['--user=root'] : []
  execFileSync(
    found('mariadb-install-db', 'mysql_install_db')!,
    ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...root],
    { stdio: 'pipe' },
  )
  const port = await freePort()
  const password = 'source secret'
  let server: ChildProcess | undefined
  let spoken = ''

  const start = async () => {
    const until = Date.now() + 60_000
    server = spawn(
      found('mariadbd', 'mysqld')!,
      [
        '--no-defaults',
        `--datadir=${data}`,
        `--socket=${join(dir, 's')}`,
        `--pid-file=${join(dir, 'pid')}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        '--skip-name-resolve',
        '--log-bin=binlog',
        '--binlog-format=ROW',
        '--binlog-row-image=FULL',
        '--binlog-row-metadata=FULL',
        '--server-id=1',
        '--gtid-strict-mode=ON',
        '--innodb-buffer-pool-size=64M',
        '--innodb-log-file-size=64M',
        '--innodb-flush-log-at-trx-commit=2',
        '--performance-schema=OFF',
        '--character-set-server=utf8mb4',
        ...root,
        ...options,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const ended = new Promise<never>((_, reject) =>
      server!.once('exit', code => reject(new Error(`mariadbd ended (${code}): ${spoken.slice(-2000)}`))),
    )
    ended.catch(() => {})
    server.stdout!.on('data', piece => (spoken += piece))
    server.stderr!.on('data', piece => (spoken += piece))
    for (;;) {
      // The first start knows only root without a password.
      const error = await Promise.race([
        sql('select 1').then(
          () => null,
          (e: Error & { code?: string }) => e,
        ),
        ended,
      ])
      if (!error) return
      if (error.code === 'ER_ACCESS_DENIED_ERROR') {
        const first = await mysql.createConnection({ socketPath: join(dir, 's'), user: 'root' })
        await first.query(`create user 'huitong'@'%' identified by '${password}'`)
        await first.query(`grant all on *.* to 'huitong'@'%' with grant option`)
        await first.end()
        return
      }
      if (Date.now() > until) throw error
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  const sql = async (statement: string, values?: unknown[], database?: string) => {
    const connection = await mysql.createConnection({
      host: '127.0.0.1',
      port,
      user: 'huitong',
      password,
      multipleStatements: true,
      ...(options.some(o => o.startsWith('--ssl-cert')) && { ssl: { rejectUnauthorized: false } }),
      ...(database && { database }),
    })
    try {
      const [rows] = await connection.query(statement, values)
      return rows as any[]
    } finally {
      await connection.end()
    }
  }
  const kill = async () => {
    const gone = new Promise(resolve => server!.once('exit', resolve))
    if (server!.exitCode !== null || server!.signalCode !== null) return
    server!.kill('SIGKILL')
    await gone
  }
  const bury = () => {
    server?.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
  process.on('exit', bury)
  t.after(async () => {
    await kill()
    bury()
    process.off('exit', bury)
  })
  await start()
  const [{ v }] = (await sql('select version() as v')) as [{ v: string }]
  return { host: '127.0.0.1', port, user: 'huitong', password, version: v, sql, kill, start }
}

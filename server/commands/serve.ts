import { createServer } from 'node:net'
import { parseArgs } from 'node:util'
import type { Config } from '../platform/config.ts'
import { loadConfig } from '../platform/config.ts'
import { migrate } from '../platform/migrate.ts'
import { stopChildren } from './child.ts'
import { openDatabase, say } from './database.ts'
import { untilAsked, within } from './stopping.ts'

export type Role = 'api' | 'worker'
const roles: Role[] = ['api', 'worker']

export default async function (args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { roles: { type: 'string', default: roles.join() } } })
  const chosen = values.roles.split(',') as Role[]
  const wrong = chosen.find(role => !roles.includes(role))
  if (wrong) throw new Error(`没有「${wrong}」这种分工，可选 ${roles.join('、')}。`)
  return run({ roles: chosen, ready: async (_config, _url, address) => say(`汇通已启动：${address}`) })
}

type Run = {
  roles: Role[]
  /** Work that needs no database, done while it starts. */
  meanwhile?: () => Promise<void>
  /** After migration, before anybody is served. */
  prepare?: (config: Config, url: string) => Promise<void>
  ready: (config: Config, url: string, address: string) => Promise<void>
}

/** Database, migration, server; until Ctrl-C or the end of the database. Everything is stopped in the opposite order, within five seconds. */
export async function run({ roles, meanwhile, prepare, ready }: Run): Promise<number> {
  const asked = untilAsked()
  const config = await choosePort(loadConfig())
  const opening = openDatabase(config)
  const building = meanwhile?.()
  building?.catch(() => {})
  const start = async () => {
    const { url } = await opening
    await migrate(url, say)
    await prepare?.(config, url)
    await building
    const options = { config, databaseUrl: url, roles }
    const server =
      config.processes > 1 && roles.includes('api')
        ? await (await import('./parts.ts')).startParts(options)
        : await (await import('../app.ts')).startServer(options)
    await ready(config, url, server.address)
    return server
  }
  const starting = start()
  try {
    const server = await Promise.race([asked, starting])
    if (!server) return 0
    const died = await Promise.race([asked, (await opening).died ?? asked])
    if (died) say(`${died}。汇通随之停止；再次启动时会自动恢复。`)
    if (!(await within(2500, server.close()))) say('还有请求没有办完，不再等待。')
    return died ? 1 : 0
  } finally {
    starting.catch(() => {})
    stopChildren()
    const database = await opening.catch(() => undefined)
    await database?.stop()
  }
}

/** The port that was asked for, or 8080 or the next free one. */
async function choosePort(config: Config): Promise<Config> {
  if (config.port !== undefined) {
    const trouble = await listenError(config.host, config.port)
    if (trouble) throw new Error(`端口 ${config.port} ${trouble}。请停止占用它的程序，或用 HUITONG_PORT 另选一个。`)
    return config
  }
  for (let port = 8080; port < 8180; port++) {
    const trouble = await listenError(config.host, port)
    if (!trouble) return { ...config, port }
    say(`端口 ${port} ${trouble}，改用下一个。`)
  }
  throw new Error('8080 到 8179 的端口都不能用，请用 HUITONG_PORT 指定一个。')
}

const listenError = (host: string, port: number) =>
  new Promise<string | undefined>(done => {
    const probe = createServer()
    probe.on('error', (error: NodeJS.ErrnoException) => {
      done(error.code === 'EADDRINUSE' ? '已被占用' : error.code === 'EACCES' ? '不允许使用' : `不能使用（${error.message}）`)
    })
    probe.listen(port, host, () => probe.close(() => done(undefined)))
  })

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import type { pair } from '../../contract/agents.ts'
import { Connection, placeOf, sourceKinds } from '../../contract/connections.ts'
import type { Reply } from '../../contract/endpoint.ts'
import { caller, checkedPlatform } from '../agent/call.ts'
import { type Home, openHome, publicKeyText, takeTurn } from '../agent/home.ts'
import { Ended, runAgent } from '../agent/run.ts'
import { loadConfig } from '../platform/config.ts'
import { root } from './child.ts'
import { say } from './database.ts'
import { untilAsked } from './stopping.ts'

const usage = `用法：
  ./huitong agent pair <平台地址> <配对码> [--ca 证书.pem]   与平台配对；配对码在工作台「前置机」生成
  ./huitong agent source add <名称> --kind postgres --host … --database … --user … --table …
                                                            登记本机能读的来源；密码接着输入，只存在本机
  ./huitong agent source add <名称> --file 连接.json        同上，连接写在文件里（HTTP 接口的认证、请求头、翻页等）
  ./huitong agent source list                               列出来源
  ./huitong agent source remove <名称>                      去掉来源
  ./huitong agent                                           运行：只向外连接平台，不开端口`

/** The agent on a department's own machine. Opens no database of the platform and no port. */
export default async function (args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: Object.fromEntries(
      ['ca', 'kind', 'host', 'port', 'database', 'user', 'schema', 'table', 'path', 'pattern', 'url', 'hostKey', 'file']
        .map(name => [name, { type: 'string' as const }])
        .concat([['tls', { type: 'boolean' as never }]]),
    ) as Record<string, { type: 'string' }>,
  })
  const config = loadConfig()
  const home = openHome(config.agent.dir)
  const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version?: string }).version ?? '0'
  const [what, ...rest] = positionals
  if (!what) {
    const leave = takeTurn(home)
    const stop = new AbortController()
    void untilAsked().then(() => stop.abort())
    try {
      await runAgent({ home, version, spoolLimit: config.agent.spoolBytes, log: stamped, signal: stop.signal })
      return 0
    } catch (error) {
      if (!(error instanceof Ended)) throw error
      say(error.message)
      return 1
    } finally {
      leave()
    }
  }
  if (what === 'pair' && rest.length === 2) return pairWith(home, rest as [string, string], values.ca, version)
  if (what === 'source' && rest[0] === 'add' && rest[1]) return addSource(home, rest[1], values)
  if (what === 'source' && rest[0] === 'list') {
    for (const s of home.offered()) say(`${s.name}\t${sourceKinds[s.connection.kind]}\t${placeOf(s.connection)}`)
    return 0
  }
  if (what === 'source' && rest[0] === 'remove' && rest[1]) {
    const found = home.removeSource(rest[1])
    say(found ? `已去掉来源「${rest[1]}」。` : `没有名为「${rest[1]}」的来源。`)
    return found ? 0 : 1
  }
  say(usage)
  return 1
}

const stamped = (line: string) => say(`${new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 19).replace('T', ' ')} ${line}`)

async function pairWith(home: Home, [address, code]: [string, string], ca: string | undefined, version: string): Promise<number> {
  const platform = checkedPlatform(address)
  if (ca) home.saveCa(readFileSync(ca, 'utf8'))
  const call = caller(platform, { ca: home.ca() })
  const paired = await call<Reply<typeof pair>>({
    method: 'POST',
    path: '/agent/v1/pair',
    body: { code, publicKey: publicKeyText(home.key()), version },
  })
  home.savePaired({ platform, ...paired })
  say(`已配对：前置机「${paired.name}」，${paired.department}。接着登记来源（./huitong agent source add），再运行 ./huitong agent。`)
  return 0
}

async function addSource(home: Home, name: string, values: Record<string, string | boolean | undefined>): Promise<number> {
  const { file, ...said } = values
  const given = file ? readConnection(String(file)) : {}
  if (!given) return 1
  const merged: Record<string, unknown> = { ...given, ...said, ...(said.port && { port: Number(said.port) }) }
  const open = merged.kind === 'folder' || (merged.kind === 'http' && (merged.auth ?? 'none') === 'none')
  if (!open && merged.password === undefined) merged.password = await typed(`「${name}」的密码：`)
  const parsed = Connection.safeParse(merged)
  if (!parsed.success) {
    say(['来源填写得不全：', ...parsed.error.issues.map(i => `  --${i.path.join('.') || 'kind'}: ${i.message}`)].join('\n'))
    return 1
  }
  home.saveSource({ name, connection: parsed.data })
  say(`已登记来源「${name}」：${placeOf(parsed.data)}。密码加密存放在本机，不会送到平台。`)
  return 0
}

function readConnection(path: string): Record<string, unknown> | null {
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (read && typeof read === 'object' && !Array.isArray(read)) return read as Record<string, unknown>
    say(`${path} 里不是一个 JSON 对象。`)
  } catch (error) {
    say(`读不了 ${path}：${(error as Error).message}`)
  }
  return null
}

/** A line that is not shown while it is typed; from a pipe simply the first line. */
function typed(question: string): Promise<string> {
  const terminal = process.stdin.isTTY
  if (terminal) process.stderr.write(question)
  const lines = createInterface({ input: process.stdin, terminal })
  return new Promise(done => {
    lines.once('line', line => {
      if (terminal) process.stderr.write('\n')
      done(line)
      lines.close()
    })
    lines.once('close', () => done(''))
  })
}

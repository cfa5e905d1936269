import { explain } from './commands/explain.ts'

/** A command gets its arguments and answers with its exit code. */
export type Command = (args: string[]) => Promise<number>

const commands: Record<string, { about: string; load: () => Promise<{ default: Command }> }> = {
  start: { about: '安装、构建、启动，首次启动载入演示数据（--empty 不载入）', load: () => import('./commands/start.ts') },
  serve: { about: '只启动服务，用于正式部署（--roles api,worker 只做其一）', load: () => import('./commands/serve.ts') },
  worker: { about: '只办后台任务，等于 serve --roles worker', load: () => import('./commands/worker.ts') },
  agent: {
    about: '前置机：agent pair <平台地址> <配对码>；agent source add；agent 运行',
    load: () => import('./commands/agent.ts'),
  },
  migrate: { about: '把数据库升级到当前版本', load: () => import('./commands/migrate.ts') },
  demo: { about: '向空库载入演示数据', load: () => import('./commands/demo.ts') },
  audit: { about: '核验台账：audit verify；出具证明：audit prove <记录编号>', load: () => import('./commands/audit.ts') },
  verify: { about: '离线核验数据包的证据：verify <数据包或证据文件> [数据文件 …]', load: () => import('./commands/verify.ts') },
  db: { about: '启动内嵌 PostgreSQL 并打印地址', load: () => import('./commands/db.ts') },
  types: { about: '由数据库生成表类型（--check 只核对）', load: () => import('./commands/types.ts') },
  openapi: { about: '生成 docs/openapi.json（--check 只核对）', load: () => import('./commands/openapi.ts') },
  settings: { about: '生成 docs/settings.md（--check 只核对）', load: () => import('./commands/settings.ts') },
  check: { about: '类型、代码格式与房屋规则', load: () => import('./commands/check.ts') },
  conformance: {
    about: '每条要求由哪些测试证明（--strict 缺一条 must 即失败，--check 只核对）',
    load: () => import('./commands/conformance.ts'),
  },
  test: { about: '全部测试；带文件名则只跑这些文件', load: () => import('./commands/test.ts') },
  bench: { about: '测量：bench <名称>', load: () => import('./commands/bench.ts') },
}

const [name = 'help', ...args] = process.argv.slice(2)
const command = commands[name]
if (name === 'part') {
  // One of several processes of `serve`; nobody types it.
  const { part } = await import('./commands/parts.ts')
  process.exit(await part())
} else if (command) {
  try {
    const { default: run } = await command.load()
    process.exit(await run(args))
  } catch (error) {
    console.error(explain(error))
    process.exit(1)
  }
} else {
  const known = ['help', '--help', '-h'].includes(name)
  const list = Object.entries(commands).map(([key, { about }]) => `  ${key.padEnd(10)}${about}`)
  console.error([known ? '用法：./huitong <命令>' : `没有「${name}」这个命令。可用的命令：`, ...list].join('\n'))
  process.exit(known ? 0 : 1)
}

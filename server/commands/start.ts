import { parseArgs } from 'node:util'
import pg from 'pg'
import { connect } from '../platform/db.ts'
import { say } from './database.ts'
import { run } from './serve.ts'
import { buildWeb } from './web.ts'

/** `npm start`: everything a newcomer needs, in one command. */
export default async function (args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { empty: { type: 'boolean', default: false } } })
  let accounts: Account[] = []
  return run({
    roles: ['api', 'worker'],
    meanwhile: buildWeb,
    async prepare(config, url) {
      const first = await startedWith(url, values.empty ? 'empty' : 'demonstration')
      if (first === 'empty') return
      if (values.empty) say('这个库里已经有演示数据，--empty 不起作用。要从空库开始，请换一个 HUITONG_DATA_DIR 或数据库。')
      const { loadDemo } = await import('../demo/load.ts')
      accounts = await loadDemo({ config, databaseUrl: url, log: say })
    },
    async ready(_config, url, address) {
      const lines = [`汇通已启动：${address}`, `  门户      ${address}/`, `  工作台    ${address}/workbench`]
      if (accounts.length) lines.push('演示账户：', ...accounts.map(a => `  ${a.username}  ${a.password}  ${a.about}`))
      const token = accounts.length ? undefined : await setupToken(url)
      if (token) lines.push('还没有管理员。请在一小时内打开下面的一次性地址，设立第一位管理员：', `  ${address}/workbench/setup#${token}`)
      console.log([...lines, '按 Ctrl-C 停止。'].join('\n'))
    },
  })
}

export type Account = { username: string; password: string; about: string }

type Mode = 'demonstration' | 'empty'

/** How this database was started first; a later start without --empty must not fill a real one with the demonstration. */
async function startedWith(url: string, wanted: Mode): Promise<Mode> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(
      `create table if not exists public.huitong_first_start (one boolean primary key default true check (one), mode text not null)`,
    )
    await client.query('insert into public.huitong_first_start (mode) values ($1) on conflict do nothing', [wanted])
    const { rows } = await client.query<{ mode: Mode }>('select mode from public.huitong_first_start')
    return rows[0]!.mode
  } finally {
    await client.end()
  }
}

/** A one-time way in while there is no administrator; it travels behind the #, so that no log or proxy sees it. */
async function setupToken(url: string): Promise<string | undefined> {
  const { createSetupToken } = await import('../modules/organization/public.ts')
  const { db, close } = await connect(url, { max: 1, as: 'owner' })
  try {
    return (await createSetupToken(db, new Date())) ?? undefined
  } finally {
    await close()
  }
}

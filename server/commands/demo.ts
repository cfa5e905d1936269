import { loadDemo } from '../demo/load.ts'
import { loadConfig } from '../platform/config.ts'
import { migrate } from '../platform/migrate.ts'
import { borrowDatabase, say } from './database.ts'

export default async function (): Promise<number> {
  const config = loadConfig()
  const accounts = await borrowDatabase(config, async url => {
    await migrate(url, say)
    return loadDemo({ config, databaseUrl: url, log: say })
  })
  for (const { username, password, about } of accounts) console.log(`${username}  ${password}  ${about}`)
  return 0
}

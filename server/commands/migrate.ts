import { loadConfig } from '../platform/config.ts'
import { migrate } from '../platform/migrate.ts'
import { borrowDatabase, say } from './database.ts'

export default async function (): Promise<number> {
  const count = await borrowDatabase(loadConfig(), url => migrate(url, say))
  say(count ? `执行了 ${count} 个迁移。` : '数据库已是当前版本。')
  return 0
}

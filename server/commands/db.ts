import { loadConfig } from '../platform/config.ts'
import { runningPostgres } from '../platform/postgres.ts'
import { directoryOf, openDatabase, say } from './database.ts'
import { untilAsked } from './stopping.ts'

export default async function (): Promise<number> {
  const config = loadConfig()
  const running = config.databaseUrl ? { url: config.databaseUrl } : runningPostgres(directoryOf(config))
  if (running) {
    console.log(running.url)
    return 0
  }
  const asked = untilAsked()
  const database = await openDatabase(config)
  console.log(database.url)
  say('按 Ctrl-C 停止。')
  const died = await Promise.race([asked, database.died])
  if (died) say(died)
  await database.stop()
  return died ? 1 : 0
}

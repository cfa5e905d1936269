import { join } from 'node:path'
import type { Config } from '../platform/config.ts'
import { runningPostgres, startPostgres } from '../platform/postgres.ts'

export type OpenDatabase = { url: string; stop(): Promise<void>; died?: Promise<string> }

/** Your own PostgreSQL when its URL is set, else the embedded one. */
export async function openDatabase(config: Config): Promise<OpenDatabase> {
  if (config.databaseUrl) return { url: config.databaseUrl, stop: async () => {} }
  return startPostgres({ directory: directoryOf(config), log: say })
}

/** The same for a command that may run beside a started Huitong: it uses the server that is there, or starts one for itself. */
export async function borrowDatabase<T>(config: Config, use: (url: string) => Promise<T>): Promise<T> {
  const running = config.databaseUrl ? undefined : runningPostgres(directoryOf(config))
  if (running) return use(running.url)
  const database = await openDatabase(config)
  try {
    return await use(database.url)
  } finally {
    await database.stop()
  }
}

export const directoryOf = (config: Config) => join(config.dataDir, 'pg')

/** Commands talk on stderr; stdout is for what another program may read. */
export const say = (line: string) => console.error(line)

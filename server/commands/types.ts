import { migrate } from '../platform/migrate.ts'
import { startTemporaryPostgres } from '../platform/postgres.ts'
import { programs, runNode } from './child.ts'

/** server/platform/tables.ts from a freshly migrated database. */
export default async function (args: string[]): Promise<number> {
  const server = await startTemporaryPostgres()
  try {
    await migrate(server.url)
    return await generateTypes(server.url, args.includes('--check'))
  } finally {
    await server.stop()
  }
}

/** Counts arrive as numbers, calendar days as text (see db.ts); the job queue and our migration list are nobody's business. */
export const generateTypes = (url: string, check: boolean): Promise<number> =>
  runNode([
    programs.kyselyCodegen,
    '--dialect=postgres',
    `--url=${url}`,
    '--out-file=server/platform/tables.ts',
    '--date-parser=string',
    '--type-mapping={"int8":"number"}',
    '--exclude-pattern={jobs,public}.*',
    ...(check ? ['--verify'] : []),
  ])

import { loadConfig } from '../platform/config.ts'
import { connect } from '../platform/db.ts'
import { borrowDatabase, say } from './database.ts'

/** `audit verify` answers 0 when the ledger is whole, 1 when it names a broken record. */
export default async function ([what, ...args]: string[]): Promise<number> {
  const { proveCommand, verifyCommand } = await import('../modules/audit/cli.ts')
  const command = { verify: verifyCommand, prove: proveCommand }[what ?? '']
  if (!command) {
    say('用法：./huitong audit verify | audit prove <记录编号>')
    return 1
  }
  const config = loadConfig()
  return borrowDatabase(config, async url => {
    const { db, pool, close } = await connect(url, { max: 2, as: 'owner' })
    try {
      return await command({ config, db, pool, args, print: console.log })
    } finally {
      await close()
    }
  })
}

import { loadConfig } from '../platform/config.ts'
import { connect } from '../platform/db.ts'
import { borrowDatabase, say } from './database.ts'

const usage = `用法：
  ./huitong audit verify [--witness 文件]            核验整本账；见证人保存的文件可以一并核对
  ./huitong audit verify --file 导出文件             核验导出的账本或证明，不需要数据库
  ./huitong audit prove <记录编号>                   一条记录的证明
  ./huitong audit export <文件>                      导出整本账，可以离线核验
  ./huitong audit rotate <原因>                      更换签署检查点的密钥，新密钥由原密钥签名
  ./huitong audit witness <平台地址> --name <名称>   作为见证人取对方的检查点，核对、保存并签回`

/** `audit verify` answers 0 when the ledger is whole, 1 when it names a broken record. */
export default async function ([what, ...args]: string[]): Promise<number> {
  const cli = await import('../modules/audit/cli.ts')
  const file = args.find((_, i) => args[i - 1] === '--file')
  if (what === 'verify' && file) return cli.verifyFile(file, args, console.log)
  if (what === 'witness') return cli.witnessCommand(args, console.log)
  const command = { verify: cli.verifyCommand, prove: cli.proveCommand, export: cli.exportCommand, rotate: cli.rotateCommand }[what ?? '']
  if (!command) {
    say(usage)
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

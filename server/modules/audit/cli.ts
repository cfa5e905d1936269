import type pg from 'pg'
import type { Config } from '../../platform/config.ts'
import type { Database } from '../../platform/db.ts'
import { loadKey, openSecrets } from '../../platform/secrets.ts'
import { openSigner } from '../../platform/signer.ts'
import { expand } from './expand.ts'
import { leafOf, pathOf, rootFromPath } from './merkle.ts'
import { verifyLedger } from './verify.ts'

type Command = (call: { config: Config; db: Database; pool: pg.Pool; args: string[]; print: (line: string) => void }) => Promise<number>

export const verifyCommand: Command = async ({ config, db, pool, print }) => {
  await expand(db)
  const client = await pool.connect()
  try {
    const keys = openSigner(openSecrets(loadKey(config.secretKey, config.dataDir)).derive).publicKeys()
    const v = await verifyLedger(client, keys)
    const time = `${v.milliseconds} 毫秒`
    if (v.ok)
      print(
        `✓ 账本核验通过：${v.records} 条记录，${v.blocks} 个区块，至第 ${v.upTo} 条，${time}。${v.checkpoint ? `检查点 #${v.checkpoint.no}（${v.checkpoint.algorithms.join('、')} 签名）。` : '还没有检查点。'}`,
      )
    else print(`■ 账本核验失败：${v.bad!.message}。其前 ${v.upTo} 条有效，用时 ${time}。`)
    return v.ok ? 0 : 1
  } finally {
    client.release()
  }
}

export const proveCommand: Command = async ({ db, args, print }) => {
  const seq = Number(args[0])
  if (!Number.isInteger(seq) || seq < 1) {
    print('用法：./huitong audit prove <记录编号>')
    return 1
  }
  const block = await db
    .selectFrom('audit.block')
    .selectAll()
    .where('first_seq', '<=', seq)
    .orderBy('first_seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!block || seq >= block.first_seq + block.count) {
    print(`没有第 ${seq} 条记录。`)
    return 1
  }
  const index = seq - block.first_seq
  const leaves = block.records.map(leafOf)
  const path = pathOf(leaves, index)
  const good = rootFromPath(leaves[index]!, index, leaves.length, path).equals(block.root)
  print(
    JSON.stringify(
      {
        seq,
        record: block.records[index],
        leaf: leaves[index]!.toString('hex'),
        index,
        count: block.count,
        path: path.map(h => h.toString('hex')),
        root: block.root.toString('hex'),
        block: block.height,
        blockHash: block.hash.toString('hex'),
        intact: good,
      },
      null,
      2,
    ),
  )
  return good ? 0 : 1
}

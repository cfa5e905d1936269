import { createWriteStream, readFileSync, statSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import type { Config } from '../../platform/config.ts'
import type { Database } from '../../platform/db.ts'
import { loadKey, openSecrets } from '../../platform/secrets.ts'
import { openSigner } from '../../platform/signer.ts'
import { expand } from './expand.ts'
import { keptOutside, rotateKey } from './jobs.ts'
import { openLedger } from './ledger.ts'
import { judgeProof, prove } from './prove.ts'
import { record } from './public.ts'
import { exportLines, fileSource, readKept, verifyDatabase, withDatabase } from './sources.ts'
import { type Kept, type Verification, verifyLedger } from './verify.ts'
import { visit, witnessKeys } from './witness.ts'

type Call = { config: Config; db: Database; pool: pg.Pool; args: string[]; print: (line: string) => void }
type Command = (call: Call) => Promise<number>

/** `--witness file` as often as one likes: what others kept. */
const witnessed = (args: string[]): Kept[] =>
  args.flatMap((a, i) => (args[i - 1] === '--witness' ? readKept(readFileSync(a, 'utf8'), `文件「${a}」`) : []))

export const verifyCommand: Command = async ({ config, db, pool, args, print }) => {
  await expand(db)
  const client = await pool.connect()
  try {
    const first = openSigner(openSecrets(loadKey(config.secretKey, config.dataDir)).derive).publicKeys()
    const kept = [...keptOutside(config.dataDir), ...witnessed(args)]
    return say(await verifyDatabase(client, { first, kept }), print)
  } finally {
    client.release()
  }
}

/** Verifies an exported ledger or a proof: needs no database and no secret. */
export async function verifyFile(path: string, args: string[], print: (line: string) => void): Promise<number> {
  try {
    const proof = readProof(path)
    if (!proof) return say(await verifyLedger(await fileSource(path), { kept: witnessed(args) }), print)
    const wrong = judgeProof(proof)
    print(wrong ? `■ 证明不成立：${wrong}。` : `✓ 证明成立：第 ${proof.seq} 条由检查点 #${proof.checkpoint.no} 签名。`)
    return wrong ? 1 : 0
  } catch (error) {
    print(`■ 「${path}」不能核验：${(error as Error).message}。`)
    return 1
  }
}

// An exported ledger may be too large to be read at once; a proof never is.
const readProof = (path: string): any => {
  if (statSync(path).size > 2 ** 26) return null
  const text = readFileSync(path, 'utf8')
  return /^\s*{\s*"format":\s*"huitong-proof-1"/.test(text) ? JSON.parse(text) : null
}

function say(v: Verification, print: (line: string) => void): number {
  const time = `${v.milliseconds} 毫秒`
  const parts = [
    v.checkpoint ? `检查点 #${v.checkpoint.no}（${v.checkpoint.algorithms.join('、')} 签名）。` : '还没有检查点。',
    v.witness ? `「${v.witness.name}」见证至区块 ${v.witness.height}。` : '还没有外部见证。',
    v.pruned ? `其中 ${v.pruned} 条的内容已依批准清理。` : '',
  ]
  print(
    v.ok
      ? `✓ 账本核验通过：${v.records} 条记录，${v.blocks} 个区块，至第 ${v.upTo} 条，${time}。${parts.join('')}`
      : `■ 账本核验失败：${v.bad!.message}。其前 ${v.upTo} 条有效，用时 ${time}。`,
  )
  return v.ok ? 0 : 1
}

export const proveCommand: Command = async ({ db, args, print }) => {
  const seq = Number(args[0])
  if (!Number.isInteger(seq) || seq < 1) {
    print('用法：./huitong audit prove <记录编号>')
    return 1
  }
  const proof = await prove(db, seq)
  if (!proof) {
    print(`没有第 ${seq} 条记录。`)
    return 1
  }
  print(JSON.stringify(proof, null, 2))
  return proof.intact === false ? 1 : 0
}

/** Somebody at the machine itself: no account, only the time is known. */
const operator = () => ({ now: new Date(), actor: null, requestId: 'command', ip: '' })
async function seal(pool: pg.Pool): Promise<void> {
  const ledger = openLedger(pool)
  await ledger.flush()
  await ledger.close()
}

/** The records wait in the outbox for the next block; a started platform has it within a second, and this seals by itself as well. */
export const rotateCommand: Command = async ({ config, db, pool, args, print }) => {
  const reason = args.join(' ').trim()
  if (reason.length < 5) {
    print('用法：./huitong audit rotate <原因>，例如：./huitong audit rotate 2027 年度更换')
    return 1
  }
  const secrets = openSecrets(loadKey(config.secretKey, config.dataDir))
  const key = await rotateKey({ db, secrets, config, ...operator() }, reason)
  await seal(pool)
  print(`已更换为第 ${key.no} 号密钥，由第 ${key.no - 1} 号签名，摘要 ${key.hash.toString('hex')}。请告知见证人。`)
  return 0
}

export const exportCommand: Command = async ({ db, pool, args, print }) => {
  const file = args[0]
  if (!file || file.startsWith('-')) {
    print('用法：./huitong audit export <文件>')
    return 1
  }
  // All of it leaves: that is a record too, and it is in what leaves.
  await record(db, operator(), { action: 'audit.export', method: '命令行', medium: '文件' })
  await seal(pool)
  const client = await pool.connect()
  try {
    await withDatabase(client, source =>
      pipeline(Readable.from(exportLines(source, new Date())), createWriteStream(file, { flags: 'wx', mode: 0o600 })),
    )
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') throw error
    print(`文件「${file}」已经有了，没有覆盖。请换一个名字。`)
    return 1
  } finally {
    client.release()
  }
  print(`已导出到「${file}」。离线核验：node tools/verify-ledger.mjs ${file}`)
  return 0
}

/** What a level above, or any organisation, runs against a platform: `audit witness <address> --name <name> [--home <directory>]`. */
export async function witnessCommand(args: string[], print: (line: string) => void): Promise<number> {
  const option = (name: string) => args.find((_, i) => args[i - 1] === `--${name}`)
  const [address] = args
  const home = option('home') ?? 'witness'
  if (address === 'keys') {
    print(JSON.stringify(witnessKeys(home), null, 2))
    return 0
  }
  const name = option('name')
  if (!name || !address || !URL.canParse(address)) {
    print(
      '用法：./huitong audit witness <平台地址> --name <名称> [--home 目录]；先用 ./huitong audit witness keys [--home 目录] 取得公钥，请对方登记',
    )
    return 1
  }
  try {
    const { kept, sent } = await visit({ address, name, home, now: new Date() })
    if (!kept) print('对方还没有检查点。')
    else
      print(
        `✓ 检查点 #${kept.no}（区块 ${kept.height}）接得上此前保存的，已写入 ${home}/statements.jsonl${sent ? '，并已送回对方' : '；对方没有接受，请核对登记的名称和公钥'}。`,
      )
    return kept && !sent ? 2 : 0
  } catch (error) {
    print(`■ ${address}：${(error as Error).message}。`)
    return 1
  }
}

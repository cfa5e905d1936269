import { existsSync, readFileSync } from 'node:fs'
import type { Finding } from '../../contract/evidence.ts'

const usage = `用法：./huitong verify <数据包或证据文件> [数据文件 …] [--key <密钥>]…
  不需要数据库和网络。--key 是您所信任的密钥：第 1 号密钥的摘要（64 位）、SM2 公钥（130 位）、Ed25519 公钥（88 位），或写着其中一个的文件。
  全部成立退出码是 0，有不成立的是 1。`

const marks = new Map([
  [true, '✓'],
  [false, '■'],
  [null, '○'],
])
export const lineOf = ({ holds, text, next }: Finding): string => `${marks.get(holds)} ${text}${next ? `\n    ${next}` : ''}`

/** Whether a package is what was delivered. Says what holds and what does not, a line each. */
export default async function (args: string[]): Promise<number> {
  const { Unreadable, verifyPackage } = await import('../modules/delivery/verify.ts')
  const print = console.log
  const keys = args.filter((_, i) => args[i - 1] === '--key')
  const [file, ...others] = args.filter((a, i) => a !== '--key' && args[i - 1] !== '--key')
  const unknown = args.find(a => a.startsWith('-') && a !== '--key')
  if (!file || unknown || args.at(-1) === '--key') {
    if (unknown && !['--help', '-h'].includes(unknown)) print(`■ 不认识「${unknown}」。`)
    if (args.at(-1) === '--key') print('■ --key 后面没有写密钥。')
    print(usage)
    return 1
  }
  try {
    const trusted = keys.map(key => {
      const text = (existsSync(key) ? readFileSync(key, 'utf8') : key).trim().toLowerCase()
      if (/^([0-9a-f]{64}|[0-9a-f]{88}|04[0-9a-f]{128})$/.test(text)) return text
      throw new Unreadable(
        `--key「${key.slice(0, 80)}」不是密钥。`,
        '请写第 1 号密钥的摘要（64 位十六进制）、SM2 公钥（04 开头，130 位）或 Ed25519 公钥（88 位），或写着其中一个的文件。',
      )
    })
    const { ok, known, package: no, findings } = await verifyPackage(file, others, trusted)
    for (const finding of findings) print(lineOf(finding))
    const wrong = findings.filter(f => f.holds === false).length
    if (!ok) print(`■ 数据包 ${no} 的证据不成立：${wrong} 处不符。`)
    else print(known ? `✓ 数据包 ${no} 的证据成立。` : `✓ 数据包 ${no} 的证据前后相符；没有给 --key，所以没有核对是谁签的。`)
    return ok ? 0 : 1
  } catch (error) {
    const code = (error as { code?: string }).code
    if (error instanceof Unreadable) print(`■ ${error.message}\n    ${error.next}`)
    else if (code === 'EACCES' || code === 'EISDIR') print('■ 文件读不了：没有权限，或它是目录。\n    请核对文件和权限。')
    else throw error
    return 1
  }
}

import { unzipSync } from 'fflate'
import { sm2, sm3 } from 'sm-crypto-v2'
import {
  evidenceEnding,
  evidenceFormat,
  type Finding,
  type Given,
  judgeEvidence,
  readEvidence,
  type Tools,
  visible,
} from '../../contract/evidence.ts'

/** All of it is held in memory, unpacked; the command reads files of any size. */
const mostBytes = 200 * 2 ** 20
const mostWords = '200 MB'

export type Verdict = { hue: 'green' | 'yellow' | 'red'; title: string; findings: Finding[] }

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
const hexOf = (bytes: Uint8Array) => Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('')

const tools: Tools = {
  sm3: bytes => bytesOf(sm3(bytes)),
  async verify(algorithm, message, signature, key) {
    try {
      if (algorithm === 'SM2') return sm2.doVerifySignature(message, signature, key, { hash: true, der: true, userId: '1234567812345678' })
      if (algorithm !== 'Ed25519') return false
      // Browsers before 2025 do not know it, and none does on a page without HTTPS.
      const { subtle } = globalThis.crypto
      if (!subtle) return null
      const own = await subtle.importKey('spki', bytesOf(key), 'Ed25519', false, ['verify'])
      return await subtle.verify('Ed25519', own, bytesOf(signature), Uint8Array.from(message))
    } catch (error) {
      return (error as Error).name === 'NotSupportedError' ? null : false
    }
  },
}

async function factsOf(name: string, bytes: Uint8Array): Promise<Given> {
  const { subtle } = globalThis.crypto
  const sha256 = subtle ? hexOf(new Uint8Array(await subtle.digest('SHA-256', Uint8Array.from(bytes)))) : null
  return { name, bytes: bytes.length, sm3: sm3(bytes), sha256 }
}

/** The files in a package by name, null where the content cannot be unpacked; nothing when this is no package. */
function unpacked(bytes: Uint8Array): Map<string, Uint8Array | null> | 'broken' | 'twice' | 'large' | undefined {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) return undefined
  const names: string[] = []
  let sum = 0
  try {
    unzipSync(bytes, {
      filter: file => {
        names.push(file.name)
        sum += file.originalSize
        return false
      },
    })
  } catch {
    return 'broken'
  }
  // A workbook is a ZIP as well.
  if (!names.some(name => name.endsWith(evidenceEnding))) return undefined
  if (new Set(names).size < names.length) return 'twice'
  if (sum > mostBytes) return 'large'
  return new Map(
    names.map(name => {
      try {
        return [name, unzipSync(bytes, { filter: file => file.name === name })[name] ?? null]
      } catch {
        return [name, null]
      }
    }),
  )
}

const refused = (title: string, next: string): Verdict => ({ hue: 'red', title, findings: [{ holds: false, text: title, next }] })
const again = '请从平台重新下载数据包。'
const byCommand = '请用命令核验：./huitong verify <数据包>，多大的文件都可以。'

/** Judges what was chosen, in this browser: nothing of it is sent anywhere. */
export async function judgeFiles(files: readonly File[], trusted: string[]): Promise<Verdict> {
  const evidences: string[] = []
  const given: Given[] = []
  let whole = false
  const large = files.find(file => file.size > mostBytes)
  if (large) return refused(`「${large.name}」超过 ${mostWords}，在网页里核验不了。`, byCommand)
  for (const file of files) {
    const bytes = new Uint8Array(await file.arrayBuffer())
    const inside = unpacked(bytes)
    if (inside === 'broken' && files.length === 1) return refused(`「${file.name}」不是完整的 ZIP：没有下载完，或目录部分被改动。`, again)
    if (inside === 'twice') return refused(`「${file.name}」里有同名的文件，不知道以哪个为准。`, again)
    if (inside === 'large') return refused(`「${file.name}」解开后超过 ${mostWords}，在网页里核验不了。`, byCommand)
    if (inside instanceof Map) {
      whole = true
      for (const [name, content] of inside) {
        if (name.endsWith(evidenceEnding)) {
          if (!content) return refused(`「${file.name}」里的证据文件读不出来：已损坏或被改动。`, again)
          evidences.push(new TextDecoder().decode(content))
        } else given.push(content ? await factsOf(name, content) : { name, bytes: 0, sm3: null, sha256: null })
      }
    } else if (
      file.name.endsWith(evidenceEnding) ||
      (file.size < 2 ** 23 && new TextDecoder().decode(bytes.subarray(0, 200)).includes(`"${evidenceFormat}"`))
    )
      evidences.push(new TextDecoder().decode(bytes))
    else given.push(await factsOf(file.name, bytes))
  }
  const [text, ...more] = evidences
  if (text === undefined)
    return refused(
      '所选的文件里没有证据。',
      `请选整个数据包（ZIP），或再加上名称以 ${evidenceEnding} 结尾的证据文件。较早生成、还不带证据的数据包，请在授权页重新生成。`,
    )
  if (more.length) return refused('所选的文件里有多份证据。', '请一次核验一个数据包：点「重新开始」后再选。')
  const read = readEvidence(text)
  if ('why' in read) return refused(`${read.why}。`, read.next)
  const { ok, known, findings } = await judgeEvidence(read.evidence, given, tools, { trusted, whose: '本平台公布的', whole })
  const wrong = findings.filter(f => f.holds === false).length
  const no = visible(read.evidence.delivered.package)
  const title = !ok
    ? `数据包 ${no} 的证据不成立：${wrong} 处不符`
    : known
      ? `数据包 ${no} 的证据成立`
      : `数据包 ${no} 的证据前后相符；没有取得本平台的密钥，所以没有核对是谁签的`
  return { hue: !ok ? 'red' : known ? 'green' : 'yellow', title, findings }
}

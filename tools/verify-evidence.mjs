// Verifies the evidence of a data package and the data beside it, offline: node tools/verify-evidence.mjs <file> [data file]… [--key <fingerprint>]
// Written from docs/ledger-format.md alone, like verify-ledger.mjs, whose proof and signatures it uses; no line is shared with the platform.
import { readFileSync } from 'node:fs'
import { args, must, proof, signed, sm3, stop } from './verify-ledger.mjs'

const sorted = v =>
  v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v
function evidence({ delivered: d, proof: p, key, signatures }, files) {
  proof(p)
  const text = JSON.stringify(d, (_, v) => sorted(v))
  must(p.keys[key - 1] && signed(sm3(`huitong-evidence-1|${text}`), signatures, p.keys[key - 1].public), '交付说明的签名不符')
  const { no, height, hash, at } = p.checkpoint
  const same =
    JSON.stringify([p.seq, p.leaf, { no, height, hash, at }]) === JSON.stringify([d.ledger.seq, d.ledger.leaf, d.ledger.checkpoint])
  must(same, '证明的不是交付说明里的那一条')
  const { subject, department, person, caseNo, purpose, approver, data } = p.record ? JSON.parse(p.record) : stop('没有记录的内容')
  const [told, said] = [
    [subject, department, person, caseNo, purpose, approver, data.grant, data.rows],
    [d.entry.code, d.recipient.department, d.person, d.case, d.purpose, d.approver, d.grant, d.rows],
  ]
  must(JSON.stringify(told) === JSON.stringify(said), '记录与交付说明不符')
  must(
    d.files.some(f => ['name', 'bytes', 'sha256', 'sm3'].every(x => f[x] === data.file?.[x])),
    '记录里没有这个数据文件',
  )
  for (const path of files) {
    const [bytes, known] = [readFileSync(path), d.files.find(f => f.name === path.split(/[\\/]/).pop())]
    must(known && sm3(bytes).toString('hex') === known.sm3, `「${path}」与交付的不符`)
    console.log(`✓ 「${path}」与交付的相同`)
  }
  must(!/\p{C}/u.test(d.package), '编号里有不可见的字符')
  console.log(`✓ 数据包 ${d.package} 的证据成立`)
}

const [file, ...files] = args.filter((a, i) => a !== '--key' && args[i - 1] !== '--key')
if (!file || file.startsWith('-')) stop('用法：node verify-evidence.mjs <证据文件> [数据文件 …] [--key <第 1 号密钥的摘要>]')
const text = readFileSync(file, 'utf8')
if (!/^\s*{\s*"format":\s*"huitong-evidence-1"/.test(text)) stop('这不是数据包的证据文件')
evidence(JSON.parse(text), files)

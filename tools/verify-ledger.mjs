// Verifies an exported ledger or a proof, offline: node tools/verify-ledger.mjs <file> [--key <fingerprint>] [--witness <file>]…
// Written from docs/ledger-format.md alone and sharing no line with the platform, so that a mistake of one is found by the other.
// Needs nothing but Node 20 or later. Answers 0 when everything holds, 1 with the first thing that does not.
import { createHash, createPublicKey, verify } from 'node:crypto'
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { createInterface } from 'node:readline'

export const sm3 = (...parts) => parts.reduce((h, p) => h.update(p), createHash('sm3')).digest()
const hex = text => Buffer.from(text, 'hex')

/* SM2 (GB/T 32918.2): verification only, so nothing here is secret. Points are [X, Y, Z] with x = X/Z², y = Y/Z³. */
const p = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn
const b = 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n
const n = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n
const Gx = 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n
const Gy = 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n
const mod = x => ((x % p) + p) % p
const double = ([x, y, z]) => {
  const [zz, yy] = [mod(z * z), mod(y * y)]
  const m = mod(3n * (x - zz) * (x + zz)) // a = -3
  const s = mod(4n * x * yy)
  const x3 = mod(m * m - 2n * s)
  return [x3, mod(m * (s - x3) - 8n * yy * yy), mod(2n * y * z)]
}
const add = (one, two) => {
  if (one[2] === 0n) return two
  if (two[2] === 0n) return one
  const [[x1, y1, z1], [x2, y2, z2]] = [one, two]
  const [u1, u2] = [mod(x1 * z2 * z2), mod(x2 * z1 * z1)]
  const [s1, s2] = [mod(y1 * z2 ** 3n), mod(y2 * z1 ** 3n)]
  if (u1 === u2) return s1 === s2 ? double(one) : [1n, 1n, 0n]
  const [h, r] = [mod(u2 - u1), mod(s2 - s1)]
  const [hh, hhh] = [mod(h * h), mod(h ** 3n)]
  const x3 = mod(r * r - hhh - 2n * u1 * hh)
  return [x3, mod(r * (u1 * hh - x3) - s1 * hhh), mod(h * z1 * z2)]
}
const times = (k, point) => {
  let sum = [1n, 1n, 0n]
  for (const bit of k.toString(2)) sum = bit === '1' ? add(double(sum), point) : double(sum)
  return sum
}
const power = (x, e) => (e === 0n ? 1n : (power(x, e >> 1n) ** 2n * (e & 1n ? x : 1n)) % p)
const number = bytes => BigInt(`0x${bytes.toString('hex') || '0'}`)
const bytes32 = x => hex(x.toString(16).padStart(64, '0'))
function sm2(message, signature, key) {
  const [x, y] = [number(hex(key.slice(2, 66))), number(hex(key.slice(66)))]
  if (!key.startsWith('04') || key.length !== 130 || mod(y * y) !== mod(x ** 3n - 3n * x + b)) return false
  // ASN.1: SEQUENCE { INTEGER r, INTEGER s }, each shorter than 128 bytes.
  const der = hex(signature)
  const middle = 4 + der[3]
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der[2] !== 2 || der[middle] !== 2 || der[middle + 1] !== der.length - middle - 2)
    return false
  const [r, s] = [number(der.subarray(4, middle)), number(der.subarray(middle + 2))]
  if (r < 1n || r >= n || s < 1n || s >= n) return false
  const id = Buffer.from('1234567812345678')
  const za = sm3(Buffer.from([0, id.length * 8]), id, ...[p - 3n, b, Gx, Gy, x, y].map(bytes32))
  const [X, , Z] = add(times(s, [Gx, Gy, 1n]), times((r + s) % n, [x, y, 1n]))
  return (r + s) % n !== 0n && Z !== 0n && (number(sm3(za, message)) + mod(X * power(mod(Z * Z), p - 2n))) % n === r
}
const ed25519 = (message, signature, key) =>
  verify(null, message, createPublicKey({ key: hex(key), format: 'der', type: 'spki' }), hex(signature))
const algorithms = { SM2: sm2, Ed25519: ed25519 }
/** Every algorithm of the key must have signed, and well. */
export const signed = (message, signatures, keys) =>
  Object.keys(keys).length > 0 &&
  Object.entries(keys).every(([name, key]) => signatures[name] && algorithms[name]?.(message, signatures[name], key))

/* Tree, heads, keys: RFC 9162 with SM3; rootFrom is its §2.1.3.2. */
const leafOf = record => sm3(Buffer.from([0]), record)
const nodeOf = (left, right) => sm3(Buffer.from([1]), left, right)
/** By levels, which is the same tree: a node without a neighbour moves up as it is. */
function rootOf(leaves) {
  for (; leaves.length > 1; ) leaves = leaves.flatMap((l, i) => (i % 2 ? [] : [i + 1 < leaves.length ? nodeOf(l, leaves[i + 1]) : l]))
  return leaves[0]
}
function rootFrom(leaf, index, count, path) {
  let [fn, sn, root] = [index, count - 1, leaf]
  for (const other of path) {
    if (sn === 0) return null
    if (fn % 2 || fn === sn) {
      root = nodeOf(other, root)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn >> 1, sn >> 1]
    } else root = nodeOf(root, other)
    ;[fn, sn] = [fn >> 1, sn >> 1]
  }
  return sn === 0 ? root : null
}
const headHash = h => sm3(`huitong-block-1|${h.height}|${h.first}|${h.count}|${h.at}|${h.root}|${h.previous}`).toString('hex')
const keyText = keys => String(Array.from(Object.entries(keys), pair => pair.join(':')).sort())
const keyHash = (k, before = '0'.repeat(64)) => sm3(`huitong-key-1|${k.no}|${k.at}|${keyText(k.public)}|${before}`).toString('hex')
const statementHash = s => sm3(`huitong-witness-1|${s.witness}|${s.no}|${s.height}|${s.hash}|${s.at}`)

export const args = process.argv.slice(2)
const after = name => args.filter((_, i) => args[i - 1] === name)
export const stop = why => process.exit(console.log(`■ 核验失败：${why}`) ?? 1)
export const must = (ok, why) => ok || stop(why)

function checkKeys(keys) {
  for (const [i, k] of keys.entries()) {
    must(k.no === i + 1 && keyHash(k, keys[i - 1]?.hash) === k.hash, `第 ${i + 1} 号密钥与它的摘要不符`)
    must(signed(hex(k.hash), k.signatures, (keys[i - 1] ?? k).public), `第 ${k.no} 号密钥没有由前一号密钥签名`)
  }
  for (const wanted of after('--key')) must(keys[0]?.hash === wanted, '第 1 号密钥不是所给的那一个')
}
const checkCheckpoint = (c, hash, key) =>
  must(c.hash === hash && key && signed(hex(hash), c.signatures, key.public), `检查点 #${c.no} 的签名与区块 ${c.height} 不符`)

export function proof({ seq, record, leaf, path, heads, keys, checkpoint }) {
  const [{ height, first, count, root }, last] = [heads[0], heads.at(-1)]
  must(record === null || leafOf(record).toString('hex') === leaf, `第 ${seq} 条内容与登记摘要不符`)
  must(seq >= first && seq < first + count, `区块 ${height} 里没有第 ${seq} 条`)
  must(rootFrom(hex(leaf), seq - first, count, path.map(hex))?.toString('hex') === root, '证明路径不通向区块的根')
  for (const [i, h] of heads.entries()) {
    must(headHash(h) === h.hash, `区块 ${h.height} 的头与登记的摘要不符`)
    must(i === 0 || h.previous === heads[i - 1].hash, `区块 ${h.height} 没有接上前一个区块`)
  }
  must(checkpoint, '这条记录之后还没有签过名的检查点')
  checkKeys(keys)
  checkCheckpoint(checkpoint, last.hash, keys[checkpoint.key - 1])
  console.log(`✓ 证明成立：第 ${seq} 条在区块 ${height}，由检查点 #${checkpoint.no} 签名。第 1 号密钥 ${keys[0].hash}`)
}

async function ledger(file) {
  const [keys, witnesses, statements, checkpoints, kept] = [[], new Map(), [], new Map(), new Map()]
  const [saidKeys, saidWitnesses, prunings, taken, saidSeen, seen] = [new Map(), new Map(), new Map(), new Map(), new Set(), new Set()]
  const keep = (by, s) => kept.set(s.height, [...(kept.get(s.height) ?? []), { by, hash: s.hash }])
  for (const path of after('--witness')) for (const line of readFileSync(path, 'utf8').match(/.+/g) ?? []) keep(path, JSON.parse(line))
  let [height, next, previous, newest, ended, lastKey, lastSigned] = [0, 1, '0'.repeat(64), 1, false, 0, 0]
  const listen = record => {
    const { action, data, person, subject } = record.includes('"action":"audit.') ? JSON.parse(record) : {}
    if (action === 'audit.key') newest = Math.max(newest, saidKeys.set(data.no, data.hash) && data.no)
    if (action === 'audit.checkpoint') saidSeen.add(`检查点 ${subject}（区块 ${data.height}）`)
    if (action === 'audit.witnessed') saidSeen.add(`${person}检查点 ${subject}（区块 ${data.height}）`)
    if (action === 'audit.witness') saidWitnesses.set(data.name, keyText(data.public))
    if (action === 'audit.prune') prunings.set(data.order, data)
  }
  const block = line => {
    must(line.height === height + 1 && line.first === next, `缺少第 ${height + 1} 个区块`)
    must(line.records.length === line.count && line.leaves.length === 64 * line.count, `区块 ${line.height} 的记录数与登记数不符`)
    const leaves = line.records.map((_, i) => hex(line.leaves.slice(64 * i, 64 * i + 64)))
    const orders = new Map(line.pruned)
    for (const [i, record] of line.records.entries()) {
      const seq = next + i
      if (record === null) {
        must(orders.has(i), `第 ${seq} 条的内容没有经过批准的清理就不见了`)
        const one = taken.get(orders.get(i)) ?? { hash: createHash('sm3'), count: 0 }
        taken.set(orders.get(i), { hash: one.hash.update(`${seq}\n`), count: one.count + 1 })
      } else must(leafOf(record).equals(leaves[i]), `第 ${seq} 条内容与登记摘要不符（区块 ${line.height}）`) && listen(record)
    }
    must(rootOf(leaves).toString('hex') === line.root, `区块 ${line.height} 的摘要树与登记的根不符`)
    must(line.previous === previous && headHash(line) === line.hash, `区块 ${line.height} 没有接上前一个区块`)
    const c = checkpoints.get(line.height)
    if (c) {
      checkCheckpoint(c, line.hash, keys[c.key - 1])
      must(c.key >= newest, `检查点 #${c.no} 用的是已经更换的第 ${c.key} 号密钥`)
      ;[lastKey, lastSigned] = [c.key, line.height]
    }
    for (const k of kept.get(line.height) ?? []) must(k.hash === line.hash, `「${k.by}」保存的区块 ${line.height} 与账本不符：账本被改写`)
    checkpoints.delete(line.height)
    kept.delete(line.height)
    ;[height, next, previous] = [line.height, next + line.count, line.hash]
  }
  for await (const text of createInterface({ input: createReadStream(file) })) {
    const line = JSON.parse(text)
    if (line.type === 'ledger') must(line.format === 'huitong-ledger-1', '不是账本的导出文件')
    if (line.type === 'key') keys.push(line)
    if (line.type === 'witness') witnesses.set(line.name, line.public)
    if (line.type === 'statement') statements.push(line) && keep(line.witness, line)
    if (line.type === 'checkpoint') checkpoints.set(line.height, line)
    if (['statement', 'checkpoint'].includes(line.type)) seen.add(`${line.witness ?? ''}检查点 #${line.no}（区块 ${line.height}）`)
    if (line.type === 'block' && height === 0) checkKeys(keys)
    if (line.type === 'block') block(line)
    if (line.type === 'end') ended = line.blocks === height
  }
  must(ended, '导出文件不完整')
  for (const h of [...checkpoints.keys(), ...kept.keys()])
    stop(`区块 ${h} 有人签过或见过，账本只到 ${height}：末尾被删去，或换成了旧的副本`)
  for (const one of saidSeen) must(seen.has(one), `账本里登记过${one}，现在不见了`)
  for (const s of statements) {
    const key = witnesses.get(s.witness) ?? {}
    must(saidWitnesses.get(s.witness) === keyText(key), `见证人「${s.witness}」的公钥与账本里登记的不符`)
    must(signed(statementHash(s), s.signatures, key), `见证人「${s.witness}」对检查点 #${s.no} 的签名不符`)
  }
  for (const { no, hash } of keys.slice(1))
    must(saidKeys.has(no) ? saidKeys.get(no) === hash : lastKey < no || lastSigned === height, `第 ${no} 号密钥的更换与账本里的记录不符`)
  for (const [no, { hash, count }] of taken) {
    const order = prunings.get(no)
    must(order?.count === count && order.digest === hash.digest('hex'), `第 ${no} 号清理删去的与账本里记录的不是同一批`)
    must(new Set(order.approvers).size > 1, `第 ${no} 号清理没有两个人批准`)
  }
  console.log(`✓ 核验通过：${next - 1} 条，${height} 个区块，签名至区块 ${lastSigned}。第 1 号密钥 ${keys[0]?.hash ?? '还没有'}`)
}

const own = process.argv[1]?.endsWith('verify-ledger.mjs')
const file = args[0] ?? '-'
if (own && file.startsWith('-')) stop('用法：node verify-ledger.mjs <文件> [--key <第 1 号密钥的摘要>] [--witness <见证文件>]')
const small = own && statSync(file).size < 2 ** 26 && /^\s*{\s*"format":\s*"huitong-proof-1"/.test(readFileSync(file, 'utf8'))
if (small) proof(JSON.parse(readFileSync(file, 'utf8')))
else if (own) await ledger(file)

import { createHash, type Hash } from 'node:crypto'
import {
  type Block,
  type ByAlgorithm,
  type Checkpoint,
  type Key,
  keyHash,
  type Statement,
  sameKeys,
  statementHash,
  type Witness,
  wrongSignatures,
} from './format.ts'
import { blockHash, genesis, leafOf, rootOf } from './merkle.ts'

export type Bad = { seq: number | null; height: number; message: string }
export type Verification = {
  ok: boolean
  records: number
  blocks: number
  upTo: number
  milliseconds: number
  bad: Bad | null
  checkpoint: { no: number; at: string; algorithms: string[] } | null
  /** The newest block that somebody outside has seen. */
  witness?: { name: string; height: number; at: string } | null
  pruned?: number
}

/** What is verified, from the database or from an exported file. */
export type Source = {
  keys: Key[]
  checkpoints: Checkpoint[]
  witnesses: Witness[]
  statements: Statement[]
  /** Blocks by height, a few at a time. */
  blocks(): AsyncIterable<Block[]>
  /** The queryable copy must say what the blocks say. */
  compare?(blocks: Block[]): Promise<Bad | null>
  /** What is there beyond the last block and should not be. */
  beyond?(seq: number, height: number): Promise<Bad | null>
}
export type Trust = {
  /** The first key, known from elsewhere. Without it the file's own first key is taken at its word. */
  first?: ByAlgorithm
  /** Checkpoints and statements kept outside of what is verified. */
  kept?: Kept[]
}
export type Kept = { by: string; height: number; hash: Buffer; at: Date }

/**
 * Re-reads the whole ledger: every record against its leaf, leaves against the root, blocks against the chain, checkpoints against their
 * signatures, keys against the keys before them, pruned records against the order that took them, and what others kept against all of it.
 * Names the first bad record. Memory stays at a few blocks, whatever the length.
 */
export async function verifyLedger(source: Source, trust: Trust = {}, progress?: (seq: number) => void): Promise<Verification> {
  const started = performance.now()
  const keys = new Map(source.keys.map(k => [k.no, k]))
  const waiting = new Map(source.checkpoints.map(c => [c.height, c]))
  const seen: (Kept & { statement?: Statement })[] = [
    ...source.statements.map(s => ({ by: `见证人「${s.witness}」`, height: s.height, hash: s.hash, at: s.at, statement: s })),
    ...(trust.kept ?? []),
  ]
  const kept = Map.groupBy(seen, k => k.height)
  const orders = new Map<number, { hash: Hash; count: number }>()
  const said: Said = { keys: new Map(), witnesses: new Map(), prunings: new Map(), seen: new Set() }
  let records = 0
  let pruned = 0
  let blocks = 0
  let next = 1
  let keyNo = 1
  let previous: Buffer = genesis
  let last = null as Checkpoint | null
  let witness = null as Verification['witness']
  const finish = (bad: Bad | null): Verification => ({
    ok: bad === null,
    records,
    blocks,
    upTo: Math.min(next, bad?.seq ?? next) - 1,
    milliseconds: Math.round(performance.now() - started),
    bad,
    checkpoint: last && { no: last.no, at: last.at.toISOString(), algorithms: Object.keys(last.signatures) },
    witness,
    pruned,
  })
  const wrong = badKey(source.keys, trust.first)
  if (wrong) return finish({ seq: null, height: 0, message: wrong })

  const judge = (b: Block): Bad | null => {
    const fail = (seq: number | null, message: string): Bad => ({ seq, height: b.height, message })
    if (b.height !== blocks + 1) return fail(null, `缺少第 ${blocks + 1} 个区块`)
    if (b.first !== next) return fail(b.first, `区块 ${b.height} 从第 ${b.first} 条开始，应为第 ${next} 条`)
    if (b.records.length !== b.count || b.leaves.length !== b.count) return fail(b.first, `区块 ${b.height} 的记录数与登记数不符`)
    for (const [i, record] of b.records.entries()) {
      const seq = b.first + i
      const order = b.pruned.get(i)
      if (record === null) {
        if (order === undefined) return fail(seq, `第 ${seq} 条的内容没有经过批准的清理就不见了（区块 ${b.height}）`)
        const one = orders.get(order) ?? { hash: createHash('sm3'), count: 0 }
        one.hash.update(`${seq}\n`)
        one.count++
        orders.set(order, one)
        pruned++
      } else {
        if (!leafOf(record).equals(b.leaves[i]!)) return fail(seq, `第 ${seq} 条内容与登记摘要不符（区块 ${b.height}）`)
        if (record.includes('"action":"audit.')) keyNo = Math.max(keyNo, listen(record, said))
      }
    }
    if (!rootOf(b.leaves).equals(b.root)) return fail(null, `区块 ${b.height} 的摘要树与登记的根不符`)
    if (!b.previous.equals(previous)) return fail(null, `区块 ${b.height} 没有接上前一个区块`)
    if (!blockHash(b).equals(b.hash)) return fail(null, `区块 ${b.height} 的头与登记的摘要不符`)
    const checkpoint = waiting.get(b.height)
    if (checkpoint) {
      const key = keys.get(checkpoint.key)
      const bad = key ? wrongSignatures(b.hash, checkpoint.signatures, key.public) : [`没有第 ${checkpoint.key} 号密钥`]
      if (!checkpoint.hash.equals(b.hash) || bad.length)
        return fail(null, `检查点 #${checkpoint.no} 的签名与区块 ${b.height} 不符${bad.length ? `（${bad.join('、')}）` : ''}`)
      if (checkpoint.key < keyNo)
        return fail(null, `检查点 #${checkpoint.no} 用的是第 ${checkpoint.key} 号密钥，账本在此之前已更换为第 ${keyNo} 号`)
      waiting.delete(b.height)
      last = checkpoint
    }
    for (const k of kept.get(b.height) ?? [])
      if (!k.hash.equals(b.hash)) return fail(null, `${k.by}保存的区块 ${b.height} 与账本不符：账本从这里或更早被改写`)
    kept.delete(b.height)
    blocks++
    records += b.count
    next += b.count
    previous = b.hash
    return null
  }

  for await (const batch of source.blocks()) {
    for (const b of batch) {
      const bad = judge(b)
      if (bad) return finish(bad)
    }
    const bad = await source.compare?.(batch)
    if (bad) return finish(bad)
    progress?.(next - 1)
  }

  const end = (message: string): Verification => finish({ seq: null, height: blocks, message })
  const lost = waiting.values().next().value
  if (lost) return end(`检查点 #${lost.no} 签过的区块 ${lost.height} 不见了：账本末尾被删去，只到区块 ${blocks}`)
  const beyond = [...kept.values()].flat().sort((a, b) => b.height - a.height)[0]
  if (beyond)
    return end(
      `${beyond.by}在 ${beyond.at.toISOString()} 见过区块 ${beyond.height}，账本只到区块 ${blocks}：末尾被删去，或账本被换成了旧的副本`,
    )
  const more = await source.beyond?.(next - 1, blocks)
  if (more) return finish(more)

  for (const s of source.statements) {
    const known = source.witnesses.find(w => w.name === s.witness)
    const recorded = said.witnesses.get(s.witness)
    if (!known || !recorded || !sameKeys(known.public, recorded)) return end(`见证人「${s.witness}」的公钥与账本里登记的不符`)
    const bad = wrongSignatures(statementHash(s), s.signatures, known.public)
    if (bad.length) return end(`见证人「${s.witness}」对检查点 #${s.no} 的见证签名不符（${bad.join('、')}）`)
    if (!witness || s.height >= witness.height) witness = { name: s.witness, height: s.height, at: s.at.toISOString() }
  }
  const there = new Set([
    ...source.checkpoints.map(c => seenWords('', c.no, c.height)),
    ...source.statements.map(s => seenWords(s.witness, s.no, s.height)),
  ])
  for (const one of said.seen) if (!there.has(one)) return end(`账本里登记过${one}，现在不见了`)
  // A key that was just introduced may still wait for its block; one that signed has been in it before.
  for (const key of source.keys.slice(1)) {
    const hash = said.keys.get(key.no)
    if (hash === undefined ? (last?.key ?? 0) >= key.no && last!.height < blocks : hash !== key.hash.toString('hex'))
      return end(`第 ${key.no} 号密钥的更换与账本里的记录不符`)
  }
  for (const [no, { hash, count }] of orders) {
    const order = said.prunings.get(no)
    if (!order) return end(`第 ${no} 号清理删去了 ${count} 条的内容，账本里没有它的记录`)
    if (order.count !== count || order.digest !== hash.digest('hex'))
      return end(`第 ${no} 号清理实际删去的与账本里记录的不是同一批（记录 ${order.count} 条，实际 ${count} 条）`)
    if (new Set(order.approvers).size < 2) return end(`第 ${no} 号清理没有两个人批准`)
  }
  return finish(null)
}

/** Every key is signed by the one before it, the first by itself. */
export function badKey(keys: Key[], first: ByAlgorithm | undefined): string | null {
  let before: Key | undefined
  for (const [i, key] of keys.entries()) {
    if (key.no !== i + 1) return `缺少第 ${i + 1} 号密钥`
    if (!before && first && !sameKeys(key.public, first)) return '第 1 号密钥与已知的公钥不符'
    if (!keyHash(key.no, key.at, key.public, before?.hash ?? genesis).equals(key.hash)) return `第 ${key.no} 号密钥与登记的摘要不符`
    const bad = wrongSignatures(key.hash, key.signatures, (before ?? key).public)
    if (bad.length) return `第 ${key.no} 号密钥没有由前一号密钥签名（${bad.join('、')}）`
    before = key
  }
  return null
}

type Pruning = { count: number; digest: string; approvers: string[] }
type Said = { keys: Map<number, string>; witnesses: Map<string, ByAlgorithm>; prunings: Map<number, Pruning>; seen: Set<string> }
/** A checkpoint, or what a witness said about one. */
const seenWords = (witness: string, no: number, height: number) =>
  `${witness && `见证人「${witness}」对`}检查点 #${no}（区块 ${height}）${witness && '的见证'}`
/** Takes note of what the ledger says about its own keys, checkpoints, witnesses and prunings; returns the newest key it has heard of. */
function listen(text: string, said: Said): number {
  const { action, data, person, subject } = JSON.parse(text) as {
    action: string
    data: Record<string, unknown> | null
    person: string
    subject: string
  }
  if (!data) return 1
  if (action === 'audit.key') {
    said.keys.set(Number(data.no), String(data.hash))
    return Number(data.no)
  }
  if (action === 'audit.checkpoint' || action === 'audit.witnessed')
    said.seen.add(seenWords(action === 'audit.witnessed' ? person : '', Number(subject.slice(1)), Number(data.height)))
  if (action === 'audit.witness') said.witnesses.set(String(data.name), data.public as ByAlgorithm)
  if (action === 'audit.prune') said.prunings.set(Number(data.order), data as unknown as Pruning)
  return 1
}

import type { Database } from '../../platform/db.ts'
import { type ByAlgorithm, wrongSignatures } from './format.ts'
import { blockHash, leafOf, pathOf, rootFromPath } from './merkle.ts'
import { badKey } from './verify.ts'

/**
 * A proof that stands alone: the record leads to the root of its block, the heads lead from there to a block that is signed, the keys lead
 * to the first one. Null when there is no such record; without `checkpoint` when nothing signed comes after it yet.
 */
export async function prove(db: Database, seq: number) {
  const block = await db
    .selectFrom('audit.block')
    .selectAll()
    .where('first_seq', '<=', seq)
    .orderBy('first_seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!block || seq >= block.first_seq + block.count) return null
  const index = seq - block.first_seq
  const leaves = Array.from({ length: block.count }, (_, i) => block.leaves.subarray(32 * i, 32 * i + 32))
  const record: string | null = block.records[index] ?? null
  const checkpoint = await db
    .selectFrom('audit.checkpoint')
    .selectAll()
    .where('height', '>=', block.height)
    .orderBy('height')
    .limit(1)
    .executeTakeFirst()
  const heads = await headsOf(db, block.height - 1, checkpoint ? checkpoint.height - block.height + 1 : 1)
  const keys = checkpoint ? await db.selectFrom('audit.key').selectAll().where('no', '<=', checkpoint.key_no).orderBy('no').execute() : []
  return {
    format: 'huitong-proof-1',
    seq,
    /** Null when the content was pruned: whoever still has the text can put it here. */
    record,
    leaf: hex(leaves[index]!),
    path: pathOf(leaves, index).map(hex),
    heads,
    keys: keys.map(keyText),
    checkpoint: checkpoint ? checkpointText(checkpoint) : null,
    intact: record === null ? null : leafOf(record).equals(leaves[index]!),
  }
}

/** Whether a proof holds by itself; the reason when it does not. */
export function judgeProof(proof: any): string | null {
  const bytes = (text: string) => Buffer.from(text, 'hex')
  const [head] = proof.heads as HeadText[]
  const leaf = bytes(proof.leaf)
  if (proof.record !== null && !leafOf(proof.record).equals(leaf)) return `第 ${proof.seq} 条内容与登记摘要不符`
  const index = proof.seq - head!.first
  if (index < 0 || index >= head!.count) return `区块 ${head!.height} 里没有第 ${proof.seq} 条`
  if (
    pathLength(index, head!.count) !== proof.path.length ||
    !rootFromPath(leaf, index, head!.count, proof.path.map(bytes)).equals(bytes(head!.root))
  )
    return '证明路径不通向区块的根'
  const broken = brokenHeads(proof.heads)
  if (broken) return broken
  if (!proof.checkpoint) return '这条记录之后还没有签过名的检查点'
  const keys = proof.keys.map((k: any) => ({ ...k, at: new Date(k.at), hash: bytes(k.hash) }))
  const wrong = badKey(keys, undefined)
  if (wrong) return wrong
  const { checkpoint } = proof
  const key = keys[checkpoint.key - 1]
  if (
    checkpoint.hash !== proof.heads.at(-1).hash ||
    !key ||
    wrongSignatures(bytes(checkpoint.hash), checkpoint.signatures, key.public).length
  )
    return `检查点 #${checkpoint.no} 的签名与区块 ${checkpoint.height} 不符`
  return null
}

/** How many steps lead from a leaf to the root. */
const pathLength = (index: number, count: number): number => {
  if (count <= 1) return 0
  const k = 2 ** (Math.ceil(Math.log2(count)) - 1)
  return 1 + (index < k ? pathLength(index, k) : pathLength(index - k, count - k))
}

/** Heads must follow each other and be what they say. */
export function brokenHeads(heads: HeadText[]): string | null {
  for (const [i, h] of heads.entries()) {
    const parts = { ...h, at: new Date(h.at), root: Buffer.from(h.root, 'hex'), previous: Buffer.from(h.previous, 'hex') }
    if (hex(blockHash(parts)) !== h.hash) return `区块 ${h.height} 的头与登记的摘要不符`
    if (i > 0 && (h.previous !== heads[i - 1]!.hash || h.height !== heads[i - 1]!.height + 1)) return `区块 ${h.height} 没有接上前一个区块`
  }
  return null
}

export type HeadText = { height: number; first: number; count: number; at: string; root: string; previous: string; hash: string }

/** What chains blocks, without what is in them. */
export async function headsOf(db: Database, after: number, limit: number) {
  const rows = await db
    .selectFrom('audit.block')
    .select(['height', 'first_seq', 'count', 'at', 'root', 'previous', 'hash'])
    .where('height', '>', after)
    .orderBy('height')
    .limit(limit)
    .execute()
  return rows.map(b => ({
    height: b.height,
    first: b.first_seq,
    count: b.count,
    at: b.at.toISOString(),
    root: hex(b.root),
    previous: hex(b.previous),
    hash: hex(b.hash),
  }))
}

type KeyLike = { no: number; at: Date; public: unknown; hash: Buffer; signatures: unknown }
export const keyText = (k: KeyLike) => ({
  no: k.no,
  at: k.at.toISOString(),
  public: k.public as ByAlgorithm,
  hash: hex(k.hash),
  signatures: k.signatures as ByAlgorithm,
})
type CheckpointLike = { no: number; height: number; hash: Buffer; at: Date; key_no: number; signatures: unknown }
export const checkpointText = (c: CheckpointLike) => ({
  no: c.no,
  height: c.height,
  hash: hex(c.hash),
  at: c.at.toISOString(),
  key: c.key_no,
  signatures: c.signatures as ByAlgorithm,
})

const hex = (b: Buffer) => b.toString('hex')

import { createHash } from 'node:crypto'

/** SM3 digest (GB/T 32905), 32 bytes. */
export const sm3 = (...parts: (Buffer | Uint8Array | string)[]): Buffer => {
  const hash = createHash('sm3')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const leafPrefix = Buffer.from([0])
const nodePrefix = Buffer.from([1])

/** Leaf hash of RFC 9162 §2.1.1 with SM3. */
export const leafOf = (record: string): Buffer => sm3(leafPrefix, record)
const nodeOf = (left: Buffer, right: Buffer): Buffer => sm3(nodePrefix, left, right)

/** Largest power of two smaller than n. */
const split = (n: number): number => 2 ** (Math.ceil(Math.log2(n)) - 1)

/** Merkle tree root of RFC 9162 §2.1.1. */
export function rootOf(leaves: Buffer[]): Buffer {
  if (leaves.length === 0) return sm3('')
  if (leaves.length === 1) return leaves[0]!
  const k = split(leaves.length)
  return nodeOf(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)))
}

/** Inclusion path of RFC 9162 §2.1.3.1, from the leaf upwards. */
export function pathOf(leaves: Buffer[], index: number): Buffer[] {
  if (leaves.length <= 1) return []
  const k = split(leaves.length)
  return index < k
    ? [...pathOf(leaves.slice(0, k), index), rootOf(leaves.slice(k))]
    : [...pathOf(leaves.slice(k), index - k), rootOf(leaves.slice(0, k))]
}

/** Recomputes the root from a leaf and its path (RFC 9162 §2.1.3.2). */
export function rootFromPath(leaf: Buffer, index: number, count: number, path: Buffer[]): Buffer {
  if (count <= 1) return leaf
  const k = split(count)
  const rest = path.slice(0, -1)
  const sibling = path.at(-1)!
  return index < k ? nodeOf(rootFromPath(leaf, index, k, rest), sibling) : nodeOf(sibling, rootFromPath(leaf, index - k, count - k, rest))
}

export type BlockHead = { height: number; first: number; count: number; at: Date; root: Buffer; previous: Buffer }

/** What chains blocks: everything of the head, in one fixed order. */
export const blockHash = (b: BlockHead): Buffer =>
  sm3(`huitong-block-1|${b.height}|${b.first}|${b.count}|${b.at.toISOString()}|${b.root.toString('hex')}|${b.previous.toString('hex')}`)

export const genesis = Buffer.alloc(32)

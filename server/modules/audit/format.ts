import { checkSignatures } from '../../platform/signer.ts'
import { type BlockHead, sm3 } from './merkle.ts'

/** Keys or signatures by algorithm, hex. */
export type ByAlgorithm = Record<string, string>

export type Block = BlockHead & {
  /** `null` where the content was pruned; the leaf stays. */
  records: (string | null)[]
  leaves: Buffer[]
  hash: Buffer
  /** Which order took the content of a record away, by index. */
  pruned: Map<number, number>
}
export type Key = { no: number; at: Date; public: ByAlgorithm; hash: Buffer; signatures: ByAlgorithm }
export type Checkpoint = { no: number; height: number; hash: Buffer; at: Date; key: number; signatures: ByAlgorithm }
export type Witness = { name: string; public: ByAlgorithm }
export type Statement = { witness: string; no: number; height: number; hash: Buffer; at: Date; signatures: ByAlgorithm }

/** A key is introduced by the one before it: its signatures are over this digest, and so is the ledger's record of the change. */
export const keyHash = (no: number, at: Date, publicKeys: ByAlgorithm, previous: Buffer): Buffer =>
  sm3(`huitong-key-1|${no}|${at.toISOString()}|${keysText(publicKeys)}|${previous.toString('hex')}`)

/** What a witness signs: I have seen this block under this number at this time. */
export const statementHash = (s: Omit<Statement, 'signatures'>): Buffer =>
  sm3(`huitong-witness-1|${s.witness}|${s.no}|${s.height}|${s.hash.toString('hex')}|${s.at.toISOString()}`)

const keysText = (keys: ByAlgorithm): string =>
  Object.entries(keys)
    .map(([algorithm, key]) => `${algorithm}:${key}`)
    .sort()
    .join(',')

export const sameKeys = (a: ByAlgorithm, b: ByAlgorithm): boolean => keysText(a) === keysText(b)

/** The algorithms of the key whose signature is missing or wrong. One that was left out counts: otherwise it could simply be taken away. */
export function wrongSignatures(message: Buffer, signatures: ByAlgorithm, keys: ByAlgorithm): string[] {
  const good = checkSignatures(message, signatures, keys)
  const names = Object.keys(keys)
  return names.length ? names.filter(name => !good[name]) : ['没有密钥']
}

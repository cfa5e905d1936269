import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { sm2 } from 'sm-crypto-v2'

/** Signs digests of the ledger. A deployment with a 密码机 supplies another one of these. */
export type Signer = {
  /** Signatures by algorithm, hex. */
  sign(message: Buffer): Record<string, string>
  publicKeys(): Record<string, string>
}

const pkcs8Ed25519 = Buffer.from('302e020100300506032b657004220420', 'hex')

/**
 * The `no`-th pair of keys: the first is what it was before keys could be changed. Ed25519 by node, SM2 by sm-crypto-v2 (node's own SM2 cannot set the standard user ID, so nobody else could verify it).
 */
export function openSigner(derive: (purpose: string) => Buffer, no = 1): Signer {
  const nth = no === 1 ? '' : `.${no}`
  const ed = createPrivateKey({ key: Buffer.concat([pkcs8Ed25519, derive(`ledger.ed25519${nth}`)]), format: 'der', type: 'pkcs8' })
  const sm2Private = derive(`ledger.sm2${nth}`).toString('hex')
  const sm2Public = sm2.getPublicKeyFromPrivateKey(sm2Private)
  const edPublic = createPublicKey(ed).export({ format: 'der', type: 'spki' }).toString('hex')
  return {
    sign: message => ({
      Ed25519: sign(null, message, ed).toString('hex'),
      SM2: sm2.doSignature(message, sm2Private, { hash: true, der: true, publicKey: sm2Public, userId: '1234567812345678' }),
    }),
    publicKeys: () => ({ Ed25519: edPublic, SM2: sm2Public }),
  }
}

/** Which of the signatures are good under these public keys. */
export function checkSignatures(
  message: Buffer,
  signatures: Record<string, string>,
  keys: Record<string, string>,
): Record<string, boolean> {
  const result: Record<string, boolean> = {}
  for (const [algorithm, signature] of Object.entries(signatures)) {
    const key = keys[algorithm]
    try {
      if (!key) result[algorithm] = false
      else if (algorithm === 'Ed25519') result[algorithm] = verify(null, message, ed25519Key(key), Buffer.from(signature, 'hex'))
      else result[algorithm] = sm2.doVerifySignature(message, signature, key, { hash: true, der: true, userId: '1234567812345678' })
    } catch {
      // A key that is no point of the curve, a signature that is none.
      result[algorithm] = false
    }
  }
  return result
}

export function isSm2Key(key: string): boolean {
  try {
    return sm2.verifyPublicKey(key)
  } catch {
    return false
  }
}

const ed25519Key = (hex: string): KeyObject => createPublicKey({ key: Buffer.from(hex, 'hex'), format: 'der', type: 'spki' })

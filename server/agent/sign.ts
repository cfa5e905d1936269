import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** What an agent signs of a request: everything that decides its effect. */
export type Signed = {
  method: string
  /** Path and query. */
  url: string
  /** Milliseconds. */
  time: string
  nonce: string
  /** SHA-256 of the body, hex. */
  digest: string
  offset: string
  key: string
}
const text = (s: Signed) => Buffer.from(['huitong-agent-1', s.method, s.url, s.time, s.nonce, s.digest, s.offset, s.key].join('\n'))

export const signRequest = (s: Signed, key: KeyObject): string => sign(null, text(s), key).toString('base64url')

export function isSigned(s: Signed, signature: string, publicKey: string): boolean {
  return verify(null, text(s), publicKeyOf(publicKey), Buffer.from(signature, 'base64url'))
}

/** Throws when it is no Ed25519 key. */
export function publicKeyOf(base64: string): KeyObject {
  const key = createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('not Ed25519')
  return key
}

export const digestOf = (body: Uint8Array | string): string => createHash('sha256').update(body).digest('hex')

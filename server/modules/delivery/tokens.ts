import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** What an access token says: which credentials of which grant, until when. It carries no right by itself: every call looks the grant up. */
export type Token = { grantId: string; credential: number; expires: number }

export const tokenSeconds = 30 * 60

const mac = (key: KeyObject, text: string) => createHmac('sha256', key).update(text).digest()

export function writeToken(key: KeyObject, t: Token): string {
  const text = `ht1.${Buffer.from(JSON.stringify([t.grantId, t.credential, t.expires])).toString('base64url')}`
  return `${text}.${mac(key, text).toString('base64url')}`
}

export function readToken(key: KeyObject, token: string, now: Date): Token | null {
  const cut = token.lastIndexOf('.')
  if (!token.startsWith('ht1.') || cut < 5 || token.length > 400) return null
  const text = token.slice(0, cut)
  if (!same(Buffer.from(token.slice(cut + 1), 'base64url'), mac(key, text))) return null
  const [grantId, credential, expires] = JSON.parse(Buffer.from(text.slice(4), 'base64url').toString()) as [string, number, number]
  return expires * 1000 > now.getTime() ? { grantId, credential, expires } : null
}

/** The same for a caller who shows his token again and again: what was right once is not reckoned anew, only its end is looked at. */
export function tokenReader(key: KeyObject): (token: string, now: Date) => Token | null {
  const right = new Map<string, Token>()
  return (text, now) => {
    const before = right.get(text)
    if (before && before.expires * 1000 > now.getTime()) return before
    const token = readToken(key, text, now)
    if (token) {
      if (right.size >= 10_000) right.clear()
      right.set(text, token)
    } else right.delete(text)
    return token
  }
}

// The secret is 256 random bits, so a plain digest is enough: there is no dictionary to try.
export const secretHash = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** Equal or not, in a time that does not tell how much of it was right. */
export const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b)

import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { random } from './id.ts'

/** Seals credentials before they are stored (AES-256-GCM, random nonce) and derives keys for other uses. */
export type Secrets = {
  seal(text: string): string
  /** Throws when the text was not sealed with this key. */
  unseal(sealed: string): string
  /** A 32-byte key for one purpose, so that no two uses share one. */
  derive(purpose: string): Buffer
}

export function openSecrets(key: Buffer): Secrets {
  if (key.length !== 32) throw new Error('密钥须为 32 字节')
  const derive = (purpose: string) => createHmac('sha256', key).update(purpose).digest()
  // A key object: given as bytes it is made into one at each use, which takes twice as long as the sealing.
  const sealing = createSecretKey(derive('seal'))
  return {
    derive,
    seal(text) {
      const nonce = random(12)
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce)
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`
    },
    unseal(sealed) {
      if (!sealed.startsWith('v1.')) throw new Error('不是封存的内容')
      const bytes = Buffer.from(sealed.slice(3), 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', sealing, bytes.subarray(0, 12))
      decipher.setAuthTag(bytes.subarray(12, 28))
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
    },
  }
}

/** The key from the setting, or the one in the data directory, made on first use and readable by its owner only. */
export function loadKey(setting: string | undefined, dataDir: string): Buffer {
  if (setting) return Buffer.from(setting, 'base64url')
  const file = join(dataDir, 'secret.key')
  if (!existsSync(file)) {
    mkdirSync(dataDir, { recursive: true })
    writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' })
  }
  return Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url')
}

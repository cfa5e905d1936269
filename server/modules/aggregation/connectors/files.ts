import { setTimeout as sleep } from 'node:timers/promises'
import type { RemoteFile } from './types.ts'

export type Found = { name: string; bytes: number /** Milliseconds. */; changed: number }

/** `*` any letters, `?` one letter; everything else as it stands. */
export function matcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split(/([*?])/).map(p => (p === '*' ? '.*' : p === '?' ? '.' : p.replace(/[\\^$.|+()[\]{}]/g, '\\$&')))
  const whole = new RegExp(`^${parts.join('')}$`, 'isu')
  // What programs call their files while they are still writing them.
  return name => whole.test(name) && !/^(\.|~\$)|\.(tmp|part|partial|filepart|crdownload|writing)$/i.test(name)
}

export const stampOf = (f: Pick<Found, 'bytes' | 'changed'>) => `${f.bytes}-${Math.floor(f.changed)}`

const QUIET = 10_000
const BETWEEN = 2000
/** Files nobody writes any more, oldest first: unchanged for ten seconds, or the same on a second look. */
export async function settled(look: () => Promise<Found[]>, now: number): Promise<RemoteFile[]> {
  const first = await look()
  const young = new Set(first.filter(f => now - f.changed < QUIET).map(f => f.name))
  let files = first
  if (young.size) {
    await sleep(BETWEEN)
    const before = new Map(first.map(f => [f.name, stampOf(f)]))
    files = (await look()).filter(f => before.get(f.name) === stampOf(f))
  }
  return files
    .sort((a, b) => a.changed - b.changed || (a.name < b.name ? -1 : 1))
    .map(f => ({ name: f.name, bytes: f.bytes, stamp: stampOf(f) }))
}

export const changedMeanwhile = (name: string) => ({
  code: 'changed',
  text: `文件「${name}」在读取时又被改动。`,
  remedy: '等它写完后会再取；请让写文件的程序先写临时文件名，写完再改名。',
})

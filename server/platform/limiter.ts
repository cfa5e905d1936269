import { refuse } from './problem.ts'

/** At most `count` in `seconds` for each key, in this process; over it 429 with the seconds to wait. */
export function limiter(count: number, seconds: number, maxKeys = 50_000): (key: string, now: Date) => void {
  const windows = new Map<string, { start: number; used: number }>()
  return (key, now) => {
    const time = now.getTime()
    let window = windows.get(key)
    if (!window || time - window.start >= seconds * 1000) {
      windows.delete(key)
      // The oldest windows come first; dropping one forgives at most one caller.
      if (windows.size >= maxKeys) windows.delete(windows.keys().next().value!)
      window = { start: time, used: 0 }
      windows.set(key, window)
    }
    if (++window.used > count) {
      const wait = Math.max(1, Math.ceil((window.start + seconds * 1000 - time) / 1000))
      refuse('request.too_many', {
        status: 429,
        reason: 'rate-limited',
        detail: `请求太频繁：${seconds} 秒内最多 ${count} 次。`,
        remedy: `请在 ${wait} 秒后再试。`,
        headers: { 'retry-after': String(wait) },
      })
    }
  }
}

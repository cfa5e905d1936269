import { refuse } from '../../platform/problem.ts'

/** Calls of one grant in one second, in this process; over `most` 429. 0: no limit. Says how many are left in this second. */
export function openBurst(most: number) {
  const seconds = new Map<string, { at: number; used: number }>()
  return (grantId: string, no: string, milliseconds: number): number => {
    if (!most) return 0
    const at = Math.floor(milliseconds / 1000)
    let second = seconds.get(grantId)
    if (second?.at !== at) {
      if (seconds.size > 20_000) seconds.clear()
      second = { at, used: 0 }
      seconds.set(grantId, second)
    }
    if (++second.used > most)
      refuse('data.too_fast', {
        status: 429,
        reason: 'rate-limited',
        detail: `授权 ${no} 的调用太快：每秒最多 ${most} 次。`,
        remedy: '请在 1 秒后重试；要取很多行的，用翻页或批量接口。',
        headers: { 'retry-after': '1' },
      })
    return most - second.used
  }
}

const windowMs = 10 * 60_000
// Somebody who knows the keys he asks for misses now and then; who tries them out misses most of the time.
const fewest = 100
const share = 0.5

/**
 * Tells trying keys out from looking them up: at least a hundred misses in ten minutes, and more misses than hits. Counted per grant in this
 * process; `true` once in each window.
 */
export function openScanWatch() {
  const windows = new Map<string, { start: number; asked: number; missed: number; told: boolean }>()
  return (grantId: string, now: Date, asked: number, missed: number): { asked: number; missed: number } | null => {
    const time = now.getTime()
    let w = windows.get(grantId)
    if (!w || time - w.start >= windowMs) {
      if (windows.size > 20_000) windows.clear()
      w = { start: time, asked: 0, missed: 0, told: false }
      windows.set(grantId, w)
    }
    w.asked += asked
    w.missed += missed
    if (w.told || w.missed < fewest || w.missed <= w.asked * share) return null
    w.told = true
    return { asked: w.asked, missed: w.missed }
  }
}

/** What is left, in the words of the draft standard for such headers: of this second and of this day. */
export function rateHeaders(
  burst: { most: number; left: number },
  day: { most: number; left: number; seconds: number } | null,
): Record<string, string> {
  const policy: string[] = []
  const state: string[] = []
  if (burst.most) {
    policy.push(`"second";q=${burst.most};w=1`)
    state.push(`"second";r=${burst.left};t=1`)
  }
  if (day) {
    policy.push(`"day";q=${day.most};w=86400`)
    state.push(`"day";r=${day.left};t=${day.seconds}`)
  }
  return policy.length ? { 'ratelimit-policy': policy.join(', '), ratelimit: state.join(', ') } : {}
}

/** Seconds until midnight in Beijing. */
export const secondsLeft = (now: Date): number => 86_400 - (Math.floor(now.getTime() / 1000 + 8 * 3600) % 86_400)

// Dates and numbers as people here write them. Instants are shown in Beijing time whatever the computer's zone is.

const parts = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'Asia/Shanghai',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})

function read(instant: string | Date) {
  const found = Object.fromEntries(parts.formatToParts(new Date(instant)).map(part => [part.type, part.value]))
  return found as Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', string>
}

export function dayOf(instant: string | Date) {
  const { year, month, day } = read(instant)
  return `${year}-${month}-${day}`
}

/** 2026-09-24 10:42 (tables) */
export function moment(instant: string | null | undefined, seconds = false) {
  if (!instant) return '—'
  const { hour, minute, second } = read(instant)
  return `${dayOf(instant)} ${hour}:${minute}${seconds ? `:${second}` : ''}`
}

const weekdays = '日一二三四五六'
const split = (day: string) => day.split('-').map(Number) as [number, number, number]

export function weekday(day: string) {
  const [y, m, d] = split(day)
  return weekdays[new Date(Date.UTC(y, m - 1, d)).getUTCDay()]!
}

/** 9月28日（一） */
export function dueDay(day: string) {
  const [, m, d] = split(day)
  return `${m}月${d}日（${weekday(day)}）`
}

/** 2026年9月24日 */
export function longDay(day: string | null | undefined) {
  if (!day) return '—'
  const [y, m, d] = split(day.slice(0, 10))
  return `${y}年${m}月${d}日`
}

export const number = (n: number | null | undefined) => (n === null || n === undefined ? '—' : n.toLocaleString('en-US'))

/** Full up to 99,999, then 12.8 万 and 3.41 亿. */
export function amount(n: number | null | undefined) {
  if (n === null || n === undefined) return '—'
  if (n < 100_000) return number(n)
  return n < 100_000_000 ? `${(n / 10_000).toFixed(1)} 万` : `${(n / 100_000_000).toFixed(2)} 亿`
}

export function bytes(n: number | null | undefined) {
  if (n === null || n === undefined) return '—'
  if (n < 1024) return `${n} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let size = n / 1024
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit += 1
  }
  return `${size >= 100 ? size.toFixed(0) : size.toFixed(1)} ${units[unit]}`
}

/** No rate under 5 cases: it would only be noise. */
export function rate(part: number, whole: number) {
  return whole < 5 ? `${number(part)}/${number(whole)}` : `${number(part)}/${number(whole)} ＝ ${((100 * part) / whole).toFixed(1)}%`
}

/** 42 秒, 3 分钟, 2.5 小时, 4 天 */
export const span = (seconds: number): string =>
  seconds < 60
    ? `${seconds} 秒`
    : seconds < 3600
      ? `${Math.round(seconds / 60)} 分钟`
      : seconds < 48 * 3600
        ? `${Math.round(seconds / 360) / 10} 小时`
        : `${Math.round(seconds / 8640) / 10} 天`

/** A code's `/` is written `-` in addresses. */
export const codeInUrl = (code: string) => code.replaceAll('/', '-')
export const codeFromUrl = (code: string) => code.replaceAll('-', '/')

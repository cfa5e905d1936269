import type { Clock } from '../../contract/common.ts'
import { dueDay } from './format.ts'

const short = (day: string) => `${Number(day.slice(5, 7))}月${Number(day.slice(8))}日`
const weekend = (day: string) => [0, 6].includes(new Date(`${day}T00:00:00Z`).getUTCDay())

/** The sentence behind a clock: when it began, what it counts, what it leaves out, and the day it ends. */
export function explainClock(
  clock: Pick<Clock, 'opened' | 'days' | 'due' | 'strip' | 'word' | 'estimated' | 'origin'>,
  today: string,
): string[] {
  const { opened, days, due, strip, word, estimated } = clock
  if (days === null || due === null) return [`${dueDay(opened)} 收到。法规写的是「${word ?? '及时'}」，没有写天数。`]
  const counted = strip.filter(cell => cell.counts && cell.day > opened && cell.day <= today).length
  const words = [`${dueDay(opened)} 收到，次日起算，共 ${days} 个工作日${counted > 0 && today <= due ? `；今天是第 ${counted} 个` : ''}`]

  // Runs of days with the same note are told as one: 10月1日至8日 国庆节，不计.
  let from: string | null = null
  strip.forEach((cell, index) => {
    if (!cell.note || (!cell.counts && weekend(cell.day) && /^周/.test(cell.note))) return
    const next = strip[index + 1]
    from ??= cell.day
    if (next?.note === cell.note && next.counts === cell.counts) return
    const range = from === cell.day ? dueDay(cell.day) : `${short(from)}至${short(cell.day)}`
    words.push(`${range} ${cell.note}，${cell.counts ? '计入' : '不计'}`)
    from = null
  })
  words.push(`应于 ${dueDay(due)} 前`)
  if (estimated) words.push('该年日历尚未公布，日期为预估')
  return words
}

import { createRequire } from 'node:module'
import { addDays, weekdayOf } from '../../platform/clock.ts'

/**
 * The official calendar with 调休. Only the data file of `chinese-days` is used: its functions depend on the process time zone
 * and call an unannounced 1 January a working day.
 */
const announced = createRequire(import.meta.url)('chinese-days/dist/chinese-days.json') as {
  holidays: Record<string, string>
  workdays: Record<string, string>
}

export type CalendarDay = { working: boolean; note: string | null; estimated: boolean }

const years = new Set(Object.keys(announced.holidays).map(day => Number(day.slice(0, 4))))

/** The official days of one year: names of the days off, and of the weekend days that are worked for them. */
export type Year = { year: number; holidays: Record<string, string>; workdays: Record<string, string> }
let imported = new Map<number, Year>()
/** Years that an administrator has adopted; each replaces what the package or the estimate says. */
export const setYears = (of: Year[]): void => {
  imported = new Map(of.map(y => [y.year, y]))
}
const sourceOf = (year: number): Pick<Year, 'holidays' | 'workdays'> | undefined =>
  imported.get(year) ?? (years.has(year) ? announced : undefined)
const nameOf = (entry: string | undefined): string | null => entry?.split(',')[1] ?? entry ?? null

/** Year announced by the State Council's notice; others are marked 预估. */
export const isAnnounced = (year: number): boolean => !!sourceOf(year)

export const calendarDay = (day: string): CalendarDay => dayIn(sourceOf(Number(day.slice(0, 4))), day)

/** A day under the calendar of its year; without one it is estimated. */
export function dayIn(source: Pick<Year, 'holidays' | 'workdays'> | undefined, day: string): CalendarDay {
  const year = Number(day.slice(0, 4))
  const weekday = weekdayOf(day)
  const weekend = weekday === 0 || weekday === 6
  if (source) {
    const holiday = source.holidays[day]
    if (holiday) return { working: false, note: `${nameOf(holiday)}放假`, estimated: false }
    const extra = source.workdays[day]
    if (extra) return { working: true, note: `${nameOf(extra)}调休上班`, estimated: false }
    return { working: !weekend, note: weekend ? weekendName(weekday) : null, estimated: false }
  }
  const off = estimatedHolidays(year).get(day)
  if (off) return { working: false, note: `${off}（预估）`, estimated: true }
  return { working: !weekend, note: weekend ? weekendName(weekday) : null, estimated: true }
}

const weekendName = (weekday: number) => (weekday === 0 ? '周日' : '周六')

const chinese = new Intl.DateTimeFormat('en-u-ca-chinese', { timeZone: 'UTC', month: 'numeric', day: 'numeric' })
const cache = new Map<number, Map<string, string>>()

/**
 * Statutory holidays of a year not yet announced (全国年节及纪念日放假办法, 13 days); those on a weekend are made up on the next
 * working days. Without 调休, which nobody can know before the notice.
 */
export function estimatedHolidays(year: number): Map<string, string> {
  const known = cache.get(year)
  if (known) return known
  const days: [string, string[]][] = [
    ['元旦', [`${year}-01-01`]],
    ['春节', []],
    ['清明节', [qingming(year)]],
    ['劳动节', [`${year}-05-01`, `${year}-05-02`]],
    ['端午节', []],
    ['中秋节', []],
    ['国庆节', [`${year}-10-01`, `${year}-10-02`, `${year}-10-03`]],
  ]
  const [spring, dragonBoat, midAutumn] = lunarDays[year] ?? lunarByIntl(year)
  days[1]![1] = [addDays(spring, -1), spring, addDays(spring, 1), addDays(spring, 2)]
  days[4]![1] = [dragonBoat]
  days[5]![1] = [midAutumn]
  const result = new Map<string, string>()
  for (const [name, list] of days) for (const day of list) result.set(day, name)
  for (const [name, list] of days) {
    for (const day of list) {
      if (![0, 6].includes(weekdayOf(day))) continue
      let next = addDays(list.at(-1)!, 1)
      while ([0, 6].includes(weekdayOf(next)) || result.has(next)) next = addDays(next, 1)
      result.set(next, `${name}补休`)
    }
  }
  cache.set(year, result)
  return result
}

/** 正月初一, 五月初五, 八月十五. ICU is a day off for 2027 and 2030 (the new moon falls minutes before midnight), so the next years are written down. */
const lunarDays: Record<number, [string, string, string]> = {
  2027: ['2027-02-06', '2027-06-09', '2027-09-15'],
  2028: ['2028-01-26', '2028-05-28', '2028-10-03'],
  2029: ['2029-02-13', '2029-06-16', '2029-09-22'],
  2030: ['2030-02-03', '2030-06-05', '2030-09-12'],
}

function lunarByIntl(year: number): [string, string, string] {
  const found: Record<string, string> = {}
  for (let day = `${year}-01-15`; day < `${year}-10-15`; day = addDays(day, 1)) found[chinese.format(new Date(`${day}T00:00:00Z`))] ??= day
  return [found['1/1']!, found['5/5']!, found['8/15']!]
}

/** 清明: the sun's longitude 15°; this rule of thumb is right for 2000–2099. */
const qingming = (year: number): string => {
  const y = year % 100
  return `${year}-04-0${Math.floor(y * 0.2422 + 4.81) - Math.floor(y / 4)}`
}

export type Due = { due: string; estimated: boolean }

/** The n-th working day after `start` (民法典 201, 203: the first day is not counted; it ends on a working day by construction). */
export function addWorkingDays(start: string, n: number): Due {
  let day = start
  let left = n
  let estimated = false
  while (left > 0) {
    day = addDays(day, 1)
    const c = calendarDay(day)
    estimated ||= c.estimated
    if (c.working) left--
  }
  return { due: day, estimated }
}

/** Working days from the day after `from` up to and including `to`; negative when `to` is earlier. 0 on the day itself. */
export function workingDaysBetween(from: string, to: string): number {
  if (to < from) return -workingDaysBetween(to, from)
  let count = 0
  for (let day = from; day < to; ) {
    day = addDays(day, 1)
    if (calendarDay(day).working) count++
  }
  return count
}

/** Day cells from the day of receipt to the due date, for the strip under a clock. */
export function strip(start: string, due: string): { day: string; counts: boolean; note: string | null }[] {
  const cells = []
  for (let day = start; day <= due && cells.length < 400; day = addDays(day, 1)) {
    const c = calendarDay(day)
    cells.push({ day, counts: day !== start && c.working, note: day === start ? '收到，次日起算' : c.note })
  }
  return cells
}

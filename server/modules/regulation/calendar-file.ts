import { z } from 'zod'
import { addDays, weekdayOf } from '../../platform/clock.ts'
import { type CalendarDay, calendarDay, dayIn, type Year } from './calendar.ts'
import { parseFile } from './load.ts'

const realDay = (day: string) => /^\d{4}-\d{2}-\d{2}$/.test(day) && addDays(day, 0) === day
const Days = z.record(z.string().refine(realDay, '不是真实日期，写作 2027-01-01'), z.string().min(1).max(20))
const weekend = (day: string) => [0, 6].includes(weekdayOf(day))

/** The notice on a year's holidays: days off by name, and the weekend days worked for them. */
const YearSchema = z
  .strictObject({
    year: z.number().int().min(2000).max(2099),
    document: z.string().min(4).max(200).describe('The notice it is taken from'),
    holidays: Days,
    workdays: Days.default({}),
  })
  .superRefine((y, ctx) => {
    const issue = (path: string[], message: string) => ctx.addIssue({ code: 'custom', path, message })
    for (const key of ['holidays', 'workdays'] as const)
      for (const day of Object.keys(y[key])) if (realDay(day) && day.slice(0, 4) !== String(y.year)) issue([key, day], `不在 ${y.year} 年`)
    for (const day of Object.keys(y.workdays)) {
      if (y.holidays[day]) issue(['workdays', day], '同一天既放假又上班')
      else if (realDay(day) && !weekend(day)) issue(['workdays', day], '调休上班的只能是周六、周日')
    }
    if (Object.keys(y.holidays).length < 11) issue(['holidays'], '放假日少于 11 天，请核对是否写全')
  })

/** Throws RegulationError with every problem and its path. */
export const readYear = (text: string): Year & { document: string } => parseFile(YearSchema, '', text)

const words = (c: CalendarDay): string => `${c.working ? '上班' : '休息'}${c.note ? `（${c.note}）` : ''}`

/** Days of the year that would count otherwise than now. */
export function changedDays(year: Year): { day: string; before: string; after: string }[] {
  const changed = []
  for (let day = `${year.year}-01-01`; day <= `${year.year}-12-31`; day = addDays(day, 1)) {
    const [before, after] = [calendarDay(day), dayIn(year, day)]
    if (before.working !== after.working) changed.push({ day, before: words(before), after: words(after) })
  }
  return changed
}

/** Time arrives as an argument everywhere below; only `server/app.ts` asks the system for it. */
export type Clock = () => Date

const shanghai = new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Shanghai', year: 'numeric', month: '2-digit', day: '2-digit' })

// The last summer time in China ended in 1991; from then on Beijing is eight hours ahead.
const EIGHT_HOURS = 8 * 3600_000
const plainSince = Date.UTC(1992, 0, 1)

/** The calendar day in Beijing time, 'YYYY-MM-DD', whatever the process time zone is. */
export const dayOf = (instant: Date): string => {
  const time = instant.getTime()
  return time >= plainSince && time < 253_402_200_000_000
    ? new Date(time + EIGHT_HOURS).toISOString().slice(0, 10)
    : shanghai.format(instant)
}

/** Day arithmetic on 'YYYY-MM-DD' strings, free of time zones. */
export function addDays(day: string, n: number): string {
  const [y, m, d] = day.split('-').map(Number) as [number, number, number]
  return new Date(Date.UTC(y, m - 1, d + n)).toISOString().slice(0, 10)
}

/** Adds months to a day, back for a negative number; 31 January and one month is the last day of February. */
export function addMonths(day: string, n: number): string {
  const [y, m, d] = day.split('-').map(Number) as [number, number, number]
  const last = new Date(Date.UTC(y, m + n, 0)).getUTCDate()
  return new Date(Date.UTC(y, m - 1 + n, Math.min(d, last))).toISOString().slice(0, 10)
}

/** 0 = Sunday … 6 = Saturday. */
export const weekdayOf = (day: string): number => new Date(`${day}T00:00:00Z`).getUTCDay()

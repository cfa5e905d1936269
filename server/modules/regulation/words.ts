import type { Term } from './schema.ts'

/** A deadline in words: 20 个工作日, 及时, 停表, or the date an order sets. */
export const timeText = (w: Term | undefined): string => (!w ? '停表' : w.days ? `${w.days} 个工作日` : (w.word ?? '由决定限定日期'))

import type { Within } from './schema.ts'

/** A deadline in words: 20 个工作日, 及时, 停表. */
export const timeText = (w: Within | undefined): string => (!w ? '停表' : w.days ? `${w.days} 个工作日` : w.word!)

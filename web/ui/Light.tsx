import type { Clock } from '../../contract/common.ts'
import { dueDay } from './format.ts'
import { type Lit, lightWords } from './light-words.ts'

export type Hue = 'green' | 'yellow' | 'red' | 'grey' | 'blue' | 'violet'

const look: Record<Clock['light'], { hue: Hue; shape: string }> = {
  green: { hue: 'green', shape: '●' },
  yellow: { hue: 'yellow', shape: '▲' },
  red: { hue: 'red', shape: '■' },
  stopped: { hue: 'grey', shape: '‖' },
  done: { hue: 'grey', shape: '✓' },
  late: { hue: 'grey', shape: '✓' },
  word: { hue: 'blue', shape: '◇' },
}

export { type Lit, lightWords }

/** How a deadline stands: never by colour alone. With `date`, the day it is due follows. */
export function Light({ date = false, ...clock }: Lit & { date?: boolean }) {
  const { hue, shape } = look[clock.light]
  const due = date && clock.due && !['done', 'late'].includes(clock.light) ? ` · ${dueDay(clock.due)}前` : ''
  return (
    <Mark hue={hue} shape={shape}>
      {lightWords(clock)}
      {due}
    </Mark>
  )
}

/** A chip: 草稿, 已发布, 平台约定. Violet is for what is provisional: 预估, 继承, 征求意见稿, 已失效. */
export function Mark({ hue = 'grey', shape, children }: { hue?: Hue; shape?: string; children: React.ReactNode }) {
  return (
    <span className={`ht-light ${hue}`}>
      {shape && <i aria-hidden="true">{shape}</i>}
      <span>{children}</span>
    </span>
  )
}

export const lightOrder: Clock['light'][] = ['red', 'yellow', 'green', 'stopped', 'word', 'done', 'late']
export const lightShape = (light: Clock['light']) => look[light].shape
export const lightHue = (light: Clock['light']) => look[light].hue

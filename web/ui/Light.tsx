import type { Clock } from '../../contract/common.ts'
import { dueDay } from './format.ts'

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

export type Lit = Pick<Clock, 'light' | 'left'> & Partial<Pick<Clock, 'due' | 'word' | 'days' | 'origin' | 'ended'>>

export function lightWords({ light, left, word, days }: Lit): string {
  switch (light) {
    case 'green':
      return `余 ${left} 个工作日`
    case 'yellow':
      return left === 0 ? '今天到期' : `余 ${left} 个工作日`
    case 'red':
      return `逾期 ${Math.abs(left ?? 0)} 个工作日`
    case 'stopped':
      return '停表'
    case 'done':
      return '按时办结'
    case 'late':
      return '逾期办结'
    case 'word':
      return `${word ?? '法规未定天数'}${days ? ` · 平台提醒 ${days} 个工作日` : ''}`
  }
}

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

import type { Clock } from '../../contract/common.ts'

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

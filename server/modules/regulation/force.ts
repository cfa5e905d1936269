import type { LawWarning } from '../../../contract/regulation.ts'
import { addDays } from '../../platform/clock.ts'
import { Problem } from '../../platform/problem.ts'
import { type Adopted, adoptedBy, statusLabels } from './law.ts'
import { citeOf } from './resolve.ts'
import { law } from './state.ts'

/**
 * Refuses a new transaction where the place's own regulation is not in force on the day and nobody has recorded its continuation, renewal or
 * adoption; what has begun goes on. With a procedure (or topic) only the regulations that speak on it count, where there are any.
 */
export function requireInForce(region: string, day: string, about?: string): void {
  for (let at = law().regions.get(region); at; at = at.parent ? law().regions.get(at.parent) : undefined) {
    const own = adoptedBy(law(), at.code, day)
    if (!own.length) continue
    const speaking = own.filter(a => about && (a.regulation.procedures[about] ?? (a.regulation.topics as Record<string, unknown>)[about]))
    const asked = speaking.length ? speaking : own
    if (asked.some(a => a.usable)) return
    throw notInForce(asked[0]!, at.name)
  }
}

export function notInForce({ regulation: r, status }: Pick<Adopted, 'regulation' | 'status'>, place: string): Problem {
  const { cite, text, from, until } = r.effective
  const since = status === 'expired' ? `有效期至 ${until}` : status === 'future' ? `自 ${from} 起施行` : '还没有施行'
  return new Problem('regulation.not_in_force', {
    status: 422,
    reason: 'not-in-force',
    detail: `${r.title}${statusLabels[status]}（${since}），没有登记延用、续期或采用，不能开始新的办件。已经开始的仍按原来的规定办完。`,
    cite: citeOf(r, { cite: cite ?? '有效期', text: text ?? `${since}。` }),
    remedy: `请${place}的数据主管部门在“法规”里登记延用、续期或采用的文件，登记后即可办理。`,
  })
}

/** Law of a region that has run out or does so within some days, as things are recorded now. */
export function lawWarnings(region: string, day: string, ahead: number): LawWarning[] {
  const place = law().regions.get(region)
  if (!place) return []
  return adoptedBy(law(), region, day).flatMap(a => {
    const warn = (last: string | null, left: number | null, text: string): LawWarning[] => [
      { region, place: place.name, regulation: a.regulation.id, title: a.regulation.title, last, left, text },
    ]
    const last = lastDay(a)
    if (!a.usable)
      return warn(
        last,
        last ? daysBetween(day, last) : null,
        `${statusLabels[a.status]}，没有登记延用；新的办件不能开始，已开始的照原规定办完。`,
      )
    if (!last) return []
    const left = daysBetween(day, last)
    return left <= ahead ? warn(last, left, `还有 ${left} 天到期（${last}）。到期前登记延用、续期或新的规定，否则新的办件不能开始。`) : []
  })
}

/** The last day on which it may be used; null when nothing ends it. */
function lastDay({ regulation, continued, status }: Adopted): string | null {
  const own = regulation.effective.draft ? null : regulation.effective.until
  if (!continued) return own
  const recorded = continued.until
  if (!recorded && !continued.ended) return null
  const until = continued.ended ? addDays(continued.ended.on, -1) : recorded!
  return status === 'in-force' && own && own > until ? own : until
}
const daysBetween = (from: string, to: string): number => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000)

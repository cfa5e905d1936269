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

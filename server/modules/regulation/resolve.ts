import type { Cite } from '../../../contract/common.ts'
import type { Ruling } from '../../../contract/regulation.ts'
import type { Law, Loaded } from './load.ts'
import type { Procedure, RegionRecord, Topic, Topics } from './schema.ts'

export type Status = 'in-force' | 'draft' | 'expired' | 'future' | 'platform'

export function statusOf(r: Pick<Loaded, 'id' | 'effective'>, day: string): Status {
  if (r.id === 'platform') return 'platform'
  if (r.effective.draft) return 'draft'
  if (r.effective.from && day < r.effective.from) return 'future'
  if (r.effective.until && day > r.effective.until) return 'expired'
  return 'in-force'
}
export const statusLabels: Record<Status, string> = {
  'in-force': '现行有效',
  draft: '征求意见稿',
  expired: '已失效',
  future: '尚未施行',
  platform: '平台约定',
}

/** A ruling with its value. `adopter` is the region whose regulation it is: roles such as `authority` are looked up there. */
export type Ruled<T> = Ruling & { value: T; adopter: string; roleLabels: Record<string, string> }

type Spoken<T> = T & { cite: string; text: string }

/**
 * Which rule governs a topic in a region on a day: from the region upwards to the first adopted regulation that may be used
 * and speaks on it, last the platform's own convention. Undefined only for a procedure nobody has.
 */
export function resolve<T extends object>(
  law: Law,
  region: string,
  topic: string,
  day: string,
  pick: (r: Loaded) => Spoken<T> | undefined,
): Ruled<Spoken<T>> | undefined {
  const chain: Ruling['chain'] = []
  for (let at: RegionRecord | undefined = law.regions.get(region); at; at = at.parent ? law.regions.get(at.parent) : undefined) {
    for (const adoption of at.adopts) {
      const r = law.regulations.get(adoption.regulation)!
      const status = statusOf(r, day)
      const usable = status === 'in-force' || !!adoption.continued
      const spoken = pick(r)
      chain.push({
        region: at.name,
        regulation: r.short,
        says: spoken ? (usable ? `${spoken.cite}` : `${spoken.cite}，但${statusLabels[status]}`) : '未规定',
      })
      if (!spoken || !usable) continue
      return ruled(r, spoken, topic, at, {
        label: status === 'in-force' ? null : `${statusLabels[status]}（${adoption.continued}）`,
        inherited: at.code === region ? null : at.name,
        chain,
      })
    }
  }
  const platform = law.regulations.get('platform')!
  const spoken = pick(platform)
  if (!spoken) return undefined
  chain.push({ region: '平台', regulation: platform.short, says: spoken.cite })
  return ruled(platform, spoken, topic, law.regions.get(region) ?? null, { label: null, inherited: null, chain })
}

function ruled<T extends object>(
  r: Loaded,
  value: Spoken<T>,
  topic: string,
  at: RegionRecord | null,
  how: Pick<Ruling, 'label' | 'inherited' | 'chain'>,
): Ruled<Spoken<T>> {
  return {
    topic,
    cite: citeOf(r, value),
    regulation: r.id,
    version: r.version,
    origin: r.id === 'platform' ? 'platform' : 'law',
    ...how,
    value,
    adopter: at?.code ?? '',
    roleLabels: r.roles,
  }
}

export const citeOf = (r: Pick<Loaded, 'id' | 'short'>, at: { cite: string; text: string }): Cite => ({
  regulation: r.id,
  title: r.short,
  article: at.cite,
  text: at.text,
})

export const resolveTopic = <K extends Topic>(law: Law, region: string, topic: K, day: string): Ruled<Topics[K]> =>
  resolve(law, region, topic, day, r => r.topics[topic] as Spoken<Topics[K]> | undefined) as Ruled<Topics[K]>

export const resolveProcedure = (law: Law, region: string, procedure: string, day: string): Ruled<Procedure> | undefined =>
  resolve(law, region, procedure, day, r => r.procedures[procedure])

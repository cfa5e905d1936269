import type { Cite } from '../../../contract/common.ts'
import type { Ruling } from '../../../contract/regulation.ts'
import { type Adopted, adoptedBy, type Law, layersOver, statusLabels, statusWords } from './law.ts'
import type { Loaded } from './load.ts'
import type { Procedure, RegionRecord, Topic, Topics, Within } from './schema.ts'

export { type Status, statusLabels, statusOf } from './law.ts'

/** A ruling with its value. `adopter` is the region whose regulation it is: roles such as `authority` are looked up there, unless they are those of the own level. */
export type Ruled<T> = Ruling & { value: T; adopter: string; roleLabels: Record<string, string>; ownLevel: boolean }

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
  const level = law.regions.get(region)?.level ?? null
  for (let at: RegionRecord | undefined = law.regions.get(region); at; at = at.parent ? law.regions.get(at.parent) : undefined) {
    let won: { adopted: Adopted; spoken: Spoken<T> } | undefined
    for (const adopted of adoptedBy(law, at.code, day)) {
      const { regulation: r, status, usable } = adopted
      const spoken = pick(r)
      // Once a rule is found, only those of the same place that lost to it are worth telling.
      if (won && !spoken) continue
      chain.push({
        region: at.name,
        regulation: r.short,
        says: !spoken ? '未规定' : usable ? spoken.cite : `${spoken.cite}，但${statusLabels[status]}`,
        ...(won && { overridden: overriddenBy(won.adopted.regulation) }),
      })
      if (spoken && usable) won ??= { adopted, spoken }
    }
    if (won)
      return ruled(won.adopted.regulation, won.spoken, topic, at, {
        level,
        label: won.adopted.status === 'in-force' ? null : statusWords(won.adopted),
        inherited: at.code === region ? null : at.name,
        chain,
      })
  }
  const platform = law.regulations.get('platform')!
  const spoken = pick(platform)
  if (!spoken) return undefined
  chain.push({ region: '平台', regulation: platform.short, says: spoken.cite })
  return ruled(platform, spoken, topic, law.regions.get(region) ?? null, { level, label: null, inherited: null, chain })
}

const overriddenBy = (r: Loaded): string => (r.prevails ? `让位于${r.short}（${r.prevails.cite}）` : `让位于较新采用的${r.short}`)

function ruled<T extends object>(
  r: Loaded,
  value: Spoken<T>,
  topic: string,
  at: RegionRecord | null,
  how: Pick<Ruling, 'level' | 'label' | 'inherited' | 'chain'>,
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
    ownLevel: r.ownLevel ?? false,
  }
}

export const citeOf = (r: Pick<Loaded, 'id' | 'short'>, at: { cite: string; text: string }): Cite => ({
  regulation: r.id,
  title: r.short,
  article: at.cite,
  text: at.text,
})

/** A topic whose value is a deadline is held against the higher law like a clock of the same name. */
export function resolveTopic<K extends Topic>(law: Law, region: string, topic: K, day: string): Ruled<Topics[K]> {
  const rule = resolve(law, region, topic, day, r => r.topics[topic] as Spoken<Topics[K]> | undefined) as Ruled<Topics[K]>
  const within = (rule?.value as { within?: Within } | undefined)?.within
  if (!within) return rule
  const limit = shorterOf(law, region, day, topic, within, rule.cite)
  return limit.cite
    ? { ...rule, value: { ...rule.value, within: limit.within }, cite: limit.cite, also: limit.also }
    : { ...rule, also: limit.also }
}

export const resolveProcedure = (law: Law, region: string, procedure: string, day: string): Ruled<Procedure> | undefined =>
  resolve(law, region, procedure, day, r => r.procedures[procedure])

/**
 * The shorter of a local period and the limit of a higher law. `cite` is there when the higher law wins; `also` is the other of the two.
 * A word such as 及时 gives no number, so a number of the higher law binds beside it.
 */
export function shorterOf(
  law: Law,
  region: string,
  day: string,
  clock: string,
  within: Within,
  local?: Cite,
): { within: Within; cite?: Cite; also: Cite | null } {
  let best: { within: Within; cite?: Cite; also: Cite | null } = { within, also: null }
  for (const layer of layersOver(law, region, day)) {
    const limit = layer.limits?.[clock]
    if (!limit) continue
    const cite = citeOf(layer, limit)
    if (limit.within.days !== null && (best.within.days === null || limit.within.days < best.within.days))
      best = { within: limit.within, cite, also: local ?? null }
    else if (!best.cite) best = { ...best, also: cite }
  }
  return best
}

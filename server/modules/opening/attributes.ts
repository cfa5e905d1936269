import { formatClasses } from '../../../contract/catalog.ts'
import type { OpenEntry } from './queries.ts'

type Content = NonNullable<OpenEntry['content']>
/** What the open list says about an entry beside its class and domain, as one review saw it. */
export type Attributes = {
  abstract: string
  items: string[]
  formatClass: number | null
  formatType: string
  openConditions: string
  updateCycle: string | null
}
const labels: Record<keyof Attributes, string> = {
  abstract: '数据摘要',
  items: '数据项',
  formatClass: '数据格式',
  formatType: '数据格式',
  openConditions: '开放条件',
  updateCycle: '更新频度',
}

export const attributesOf = (c: Content, keys: string[]): Attributes => ({
  abstract: c.abstract,
  items: c.items.filter(i => keys.includes(i.key)).map(i => i.name),
  formatClass: c.formatClass ?? null,
  formatType: c.formatType ?? '',
  openConditions: c.openConditions ?? '',
  updateCycle: c.updateCycle ?? null,
})

/** Which attributes the catalog has changed since the review. Nothing when nobody wrote them down. */
export function changedSince(entry: Pick<OpenEntry, 'content' | 'listing'>): string[] {
  const reviewed = entry.listing?.attributes
  if (!reviewed || !entry.content) return []
  const now = attributesOf(
    entry.content,
    entry.listing!.items.map(i => i.key),
  )
  const keys = Object.keys(labels) as (keyof Attributes)[]
  return [...new Set(keys.filter(k => JSON.stringify(now[k]) !== JSON.stringify(reviewed[k])).map(k => labels[k]))]
}

/** The entry as the public may read it: what changed after the review waits for the next one. */
export const asReviewed = (c: Content, a: Attributes | null): Content =>
  a
    ? {
        ...c,
        abstract: a.abstract,
        formatType: a.formatType,
        openConditions: a.openConditions,
        ...(a.formatClass && { formatClass: a.formatClass }),
        ...(a.updateCycle && { updateCycle: a.updateCycle }),
      }
    : c

export const formatWords = (c: { formatClass?: number; formatType?: string }): string =>
  [c.formatClass && formatClasses[c.formatClass as keyof typeof formatClasses], c.formatType].filter(Boolean).join(' ')

import type { Cite } from '../../../contract/common.ts'
import type { Loaded } from './load.ts'
import type { GateMode, RegionRecord } from './schema.ts'

/** What a place says about its law. `from` … `until` are days; a record that was ended counts up to the day before. */
export type LawRecord = {
  id: string
  kind: 'adoption' | 'continuation' | 'layer'
  region: string
  regulation: string
  /** Null: the text that comes with the platform. */
  version: string | null
  from: string | null
  until: string | null
  document: string
  note: string
  origin: 'file' | 'record'
  by: string | null
  ended: { on: string; reason: string; by: string } | null
}
export type Override = { id: string; region: string; entry: string; topic: OverrideTopic; value: string; cite: Cite; by: string; at: Date }
export type OverrideTopic = 'share-types' | 'open-types'

/** The files as the built-in stock, and what people changed lying over them. */
export type Law = {
  /** The newest text of each regulation; which one binds a place on a day is `adoptedBy`. */
  regulations: Map<string, Loaded>
  versions: Map<string, Loaded>
  regions: Map<string, RegionRecord>
  records: Map<string, LawRecord[]>
  gates: Map<string, GateMode>
  overrides: Map<string, Override[]>
}

export const gateKey = (region: string, key: string): string => `${region} ${key}`

/** The law as the files alone say it. */
export function lawOf(regulations: Map<string, Loaded>, regions: Map<string, RegionRecord>): Law {
  return {
    regulations,
    versions: new Map([...regulations.values()].map(r => [r.version, r])),
    regions,
    records: new Map([...regions.values()].map(r => [r.code, shipped(r)])),
    gates: new Map(),
    overrides: new Map(),
  }
}

/** What regions.yaml says, as records an administrator can end. */
function shipped(r: RegionRecord): LawRecord[] {
  const record = (kind: LawRecord['kind'], regulation: string, note = ''): LawRecord => ({
    id: `${kind}-${r.code}-${regulation}`,
    kind,
    region: r.code,
    regulation,
    version: null,
    from: null,
    until: null,
    document: '',
    note,
    origin: 'file',
    by: null,
    ended: null,
  })
  return [
    ...r.adopts.map(a => record('adoption', a.regulation)),
    ...r.adopts.filter(a => a.continued).map(a => record('continuation', a.regulation, a.continued)),
    ...r.layers.map(layer => record('layer', layer)),
  ]
}

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

export const countsOn = (r: LawRecord, day: string): boolean =>
  (!r.from || r.from <= day) && (!r.until || day <= r.until) && (!r.ended || day < r.ended.on)

const textOf = (law: Law, r: LawRecord): Loaded | undefined => (r.version ? law.versions.get(r.version) : law.regulations.get(r.regulation))

/** One regulation a place has adopted, as it stands on a day. `usable`: in force, or its use is recorded. */
export type Adopted = { record: LawRecord; regulation: Loaded; status: Status; continued: LawRecord | null; usable: boolean }

/**
 * What a region has adopted, in the order of precedence: what says of itself that it prevails, then the newer adoption, then as listed.
 * Of two versions of one text the newest usable one counts.
 */
export function adoptedBy(law: Law, region: string, day: string): Adopted[] {
  const records = (law.records.get(region) ?? []).filter(r => countsOn(r, day))
  const newest = new Map<string, Adopted>()
  for (const record of records.filter(r => r.kind === 'adoption')) {
    const regulation = textOf(law, record)
    if (!regulation) continue
    const status = statusOf(regulation, day)
    const continued = records.find(r => r.kind === 'continuation' && r.regulation === record.regulation) ?? null
    const one: Adopted = { record, regulation, status, continued, usable: status === 'in-force' || !!continued }
    const other = newest.get(record.regulation)
    if (!other || Number(one.usable) > Number(other.usable) || (one.usable === other.usable && since(one) >= since(other)))
      newest.set(record.regulation, one)
  }
  return [...newest.values()].sort(
    (a, b) => Number(!!b.regulation.prevails) - Number(!!a.regulation.prevails) || (since(a) < since(b) ? 1 : since(a) > since(b) ? -1 : 0),
  )
}
const since = (a: Adopted): string => a.record.from ?? ''

export const continuedWords = (r: LawRecord): string => r.note || `已登记延用：${r.document}`
export const statusWords = (a: Pick<Adopted, 'status' | 'continued'>): string =>
  a.status === 'in-force' || !a.continued ? statusLabels[a.status] : `${statusLabels[a.status]}（${continuedWords(a.continued)}）`

/** Higher law lying over the rules of a region, its own layers first. */
export function layersOver(law: Law, region: string, day: string): Loaded[] {
  const found: Loaded[] = []
  for (let at = law.regions.get(region); at; at = at.parent ? law.regions.get(at.parent) : undefined)
    for (const r of law.records.get(at.code) ?? []) {
      const text = r.kind === 'layer' && countsOn(r, day) ? textOf(law, r) : undefined
      if (text && statusOf(text, day) === 'in-force' && !found.includes(text)) found.push(text)
    }
  return found
}

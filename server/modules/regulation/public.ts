import type { Cite, Clock } from '../../../contract/common.ts'
import type { Database } from '../../platform/db.ts'
import { addWorkingDays, strip, workingDaysBetween } from './calendar.ts'
import { adoptedBy, type Override, type OverrideTopic, statusWords } from './law.ts'
import type { Loaded } from './load.ts'
import { type Ruled, resolveProcedure, resolveTopic, shorterOf } from './resolve.ts'
import type { Procedure, RegionRecord, Topic, Topics, Within } from './schema.ts'
import { law } from './state.ts'

export { addWorkingDays, calendarDay, workingDaysBetween } from './calendar.ts'
export { lawWarnings, requireInForce } from './force.ts'
export { gateMode, gateWords, passGate } from './gates.ts'
export { RegulationError } from './load.ts'
export type { Ruled } from './resolve.ts'
export type { Action, Condition, Procedure, RegionRecord, Requirement, Step, Term, Topic, Topics, Within } from './schema.ts'
export { law, openLaw, reloadLaw } from './state.ts'
export { timeText } from './words.ts'

/** Effects that modules have registered; regulation files may name only these. */
export const knownEffects: ReadonlySet<string> = new Set([
  'bind-judgement',
  'withdraw-entry',
  'open-report',
  'confirm-error',
  'uphold-data',
  'post-correction',
  'tell-users',
  'check-corrected',
  'open-objection',
  'mark-entry',
  'settle-objection',
  'file-cadence',
  'check-assets',
  'link-draft',
  'publish-entry',
  'return-entry',
  'check-entry',
  'check-source',
  'check-updated',
  'name-collector',
  'declare-different',
  'file-officers',
  'file-opening-officers',
  'grant',
  'grant-on-signature',
  'grant-on-filing',
  'grant-effective',
  'grant-filed',
  'allow-exchange',
  'check-decider',
  'attribute-incident',
  'open-entry',
  'close-opening',
  'pass-review',
  'allow-access',
  'begin-access',
  'draft-agreement',
  'sign-agreement',
  'limit-access',
  'close-access',
  'list-demanded',
  'recall-entry',
])

/** Which rule governs a topic in a region (6-digit code) on a day; always answers, last with the platform's convention. */
export const govern = <K extends Topic>(region: string, topic: K, day: string): Ruled<Topics[K]> => resolveTopic(law(), region, topic, day)

export const governProcedure = (region: string, procedure: string, day: string): Ruled<Procedure> | undefined =>
  resolveProcedure(law(), region, procedure, day)

/** The shorter of a local period and what a higher law adopted here allows for a clock of this name; see `shorterOf`. */
export const shorter = (region: string, day: string, clock: string, within: Within, local?: Cite): ReturnType<typeof shorterOf> =>
  shorterOf(law(), region, day, clock, within, local)

/** Form fields that every regulation may use. */
export const platformFields = () => law().regulations.get('platform')!.fields

/** Procedures of one name, or all, in any regulation. */
export const proceduresOf = (name?: string) =>
  [...law().regulations.values()].flatMap(r =>
    Object.entries(r.procedures).flatMap(([n, p]) => (!name || n === name ? [{ name: n, ...p }] : [])),
  )

/** What another law says on one entry, where the region has recorded that it goes before the local rule: a class, with its citation. */
export const lawFor = (region: string, entry: string, topic: OverrideTopic): Override | undefined =>
  law()
    .overrides.get(entry)
    ?.find(o => o.region === region && o.topic === topic)

export const regionOf = (code: string): RegionRecord | undefined => law().regions.get(code)
export const regionName = (code: string): string => law().regions.get(code)?.name ?? code

/** The regulation people of a region work under: its own first, else what it inherits. */
export function mainRegulation(code: string, day: string): { id: string; title: string; status: string } | null {
  for (let r = regionOf(code); r; r = r.parent ? regionOf(r.parent) : undefined) {
    const adopted = adoptedBy(law(), r.code, day)
    const first = adopted.find(a => a.usable) ?? adopted[0]
    if (!first) continue
    const label = statusWords(first)
    const { id, title } = first.regulation
    return { id, title, status: r.code === code ? label : `${label} · 继承自${r.name}` }
  }
  return null
}

/** Words of a region for a class: 暂不共享 here, 不予共享 there. */
export const shareLabel = (region: string, key: string | null | undefined, day: string): string =>
  key ? (govern(region, 'share-types', day).value.values[key] ?? key) : '未填'
export const openLabel = (region: string, key: string | null | undefined, day: string): string =>
  key ? (govern(region, 'open-types', day).value.values[key] ?? key) : '未填'

/** Keeps the text of every regulation in use, so that old cases can go on under their own version. */
export async function storeVersions(db: Database): Promise<void> {
  const rows = [...law().versions.values()].map(r => ({ version: r.version, regulation: r.id, content: JSON.stringify(r) }))
  await db
    .insertInto('regulation.version')
    .values(rows)
    .onConflict(c => c.column('version').doNothing())
    .execute()
}

const old = new Map<string, Loaded>()
/** A regulation as it was when a case began. */
export async function regulationVersion(db: Database, _id: string, version: string): Promise<Loaded> {
  const known = law().versions.get(version) ?? old.get(version)
  if (known) return known
  const row = await db.selectFrom('regulation.version').select('content').where('version', '=', version).executeTakeFirstOrThrow()
  const content = row.content as Loaded
  old.set(version, content)
  return content
}

type DutyLike = {
  id: string
  what: string
  debtor: string
  opened: string
  due: string | null
  days: number | null
  word: string | null
  origin: 'law' | 'platform'
  estimated: boolean
  ended: string | null
  stopped: boolean
  cite: Clock['cite']
  inherited: string | null
  extended: number
  also: Clock['also']
}

function lightOf(d: DutyLike, left: number | null): Clock['light'] {
  if (d.ended) return d.due && d.origin === 'law' && d.ended > d.due ? 'late' : 'done'
  if (d.stopped) return 'stopped'
  // A word such as 及时 has only our reminder: it is never overdue in law.
  if (d.origin === 'platform' || left === null) return 'word'
  return left < 0 ? 'red' : left <= 2 ? 'yellow' : 'green'
}

/** A duty as a clock with its light, for pages: more than 2 working days left is green, 2 or less yellow, past red. */
export function clockOf(d: DutyLike, day: string): Clock {
  const left = d.due && !d.ended ? workingDaysBetween(day, d.due) : null
  const light = lightOf(d, left)
  return {
    dutyId: d.id,
    what: d.what,
    debtor: d.debtor,
    light,
    left,
    due: d.due,
    opened: d.opened,
    days: d.days,
    word: d.word,
    origin: d.origin,
    estimated: d.estimated,
    ended: d.ended,
    cite: d.cite,
    inherited: d.inherited,
    extended: d.extended,
    also: d.also,
    strip: d.due ? strip(d.opened, d.due) : [],
  }
}

/** Working day at or after a day. */
export function nextWorkingDay(day: string): string {
  return addWorkingDays(day, 1).due
}

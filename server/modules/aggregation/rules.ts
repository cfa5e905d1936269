import { createHash } from 'node:crypto'
import type { BatchState, Mapping } from '../../../contract/aggregation.ts'
import type { EntryContent, Item } from '../../../contract/catalog.ts'
import type { Schedule } from '../../../contract/connections.ts'
import { addDays, dayOf } from '../../platform/clock.ts'
import { columnType, type RejectRule } from '../quality/public.ts'
import { annotations } from './reading/mapping.ts'

/** Grows when a check changes its verdicts: rows loaded under older rules are then looked at again. */
export const RULES_VERSION = 1

/** Source columns that fill items, by their place in the file. */
export type Wiring = { index: number; item: Item; required: boolean; identity?: true }[]

/** The structure of this delivery against the saved mapping. Columns of our own rejects workbook do not count as new. */
export function drift(mapping: Mapping, names: string[]): { missing: string[]; added: string[] } | null {
  const known = new Set(mapping.map(m => m.source))
  const now = new Set(names)
  const missing = mapping.filter(m => m.item && !now.has(m.source)).map(m => m.source)
  const added = names.filter(n => !known.has(n) && !annotations.has(n))
  return missing.length || added.length ? { missing, added } : null
}

/** The columns of a source that its rejects workbook shows: of a file all, of a table those that are read. */
export const shownColumns = (mapping: Mapping, table: boolean): Mapping => mapping.filter(m => !table || m.item)

/** `identity`: the item that the place wants every row to carry. */
export function wire(mapping: Mapping, names: string[], items: Item[], keys: string[], identity?: string): Wiring {
  const byKey = new Map(items.map(i => [i.key, i]))
  const wiring: Wiring = []
  for (const { source, item: key } of mapping) {
    const item = key ? byKey.get(key) : undefined
    const index = names.indexOf(source)
    if (item && index !== -1)
      wiring.push({
        index,
        item,
        required: item.required || keys.includes(item.key) || item.key === identity,
        ...(item.key === identity && { identity: true as const }),
      })
  }
  return wiring
}

/** What is wrong with a mapping for these items; empty when batches can run. */
export function mappingFaults(
  mapping: Mapping,
  keys: string[],
  items: Item[],
): { pointer: string; code: string; message: string; remedy: string }[] {
  const faults: { pointer: string; code: string; message: string; remedy: string }[] = []
  const names = new Map(items.map(i => [i.key, i.name]))
  const used = new Map<string, string>()
  for (const [i, m] of mapping.entries()) {
    if (!m.item) continue
    const pointer = `/mapping/${i}/item`
    if (!names.has(m.item)) {
      faults.push({
        pointer,
        code: 'aggregation.unknown_item',
        message: `「${m.source}」对应的信息项不在现行目录里。`,
        remedy: '请重新选择。',
      })
    } else if (used.has(m.item)) {
      const both = `「${used.get(m.item)}」和「${m.source}」`
      faults.push({ pointer, code: 'aggregation.item_twice', message: `${both}都对应到「${names.get(m.item)}」。`, remedy: '只留一列。' })
    } else used.set(m.item, m.source)
  }
  for (const item of items) {
    if (item.required && !used.has(item.key)) {
      faults.push({
        pointer: '/mapping',
        code: 'aggregation.required_unmapped',
        message: `没有源列对应「${item.name}」（必填）。`,
        remedy: '请选择一列，或先变更目录。',
      })
    }
  }
  for (const [i, key] of keys.entries()) {
    if (!used.has(key)) {
      const name = names.get(key) ?? key
      faults.push({
        pointer: `/keys/${i}`,
        code: 'aggregation.key_unmapped',
        message: `主键「${name}」没有对应的源列。`,
        remedy: '请先对应这一项，或换一个主键。',
      })
    }
  }
  if (new Set(keys).size !== keys.length)
    faults.push({ pointer: '/keys', code: 'aggregation.key_twice', message: '主键里有重复的信息项。', remedy: '每项只选一次。' })
  return faults
}

/** Everything a row's verdict depends on besides the row. */
export function fingerprint(wiring: Wiring, keys: string[], rules: readonly RejectRule[] = []): string {
  const items = wiring.map(w => [
    w.item.key,
    columnType(w.item),
    w.item.length,
    w.item.semantic,
    w.required,
    w.item.codes,
    ...(w.identity ? ['identity'] : []),
  ])
  return createHash('sha256')
    .update(JSON.stringify([RULES_VERSION, keys, items, ...rules.map(r => r.check)]))
    .digest('hex')
}

/**
 * Whom the rows are about, as the entry says or its items show, and the item that then has to be there.
 * `item` is undefined when the entry has no such item at all.
 */
export function identityOf(content: Pick<EntryContent, 'subject'>, items: Item[]): { name: string; item: Item | undefined } | null {
  const of = (semantic: Item['semantic']) => items.find(i => i.semantic === semantic)
  const [id, credit] = [of('id-number'), of('credit-code')]
  const subject =
    content.subject ??
    (credit?.identifier ? 'organisation' : id?.identifier || of('person-name') ? 'person' : credit ? 'organisation' : null)
  if (subject === 'person') return { name: '公民身份号码', item: id }
  if (subject === 'organisation') return { name: '统一社会信用代码', item: credit }
  return null
}

export type Verb = 'cancel' | 'retry' | 'release' | 'return'
const transitions: Record<Verb, { from: BatchState[]; word: string }> = {
  cancel: { from: ['queued', 'running'], word: '取消' },
  retry: { from: ['failed', 'drift', 'cancelled'], word: '重试' },
  release: { from: ['held'], word: '放行' },
  return: { from: ['held'], word: '退回' },
}
export function judge(
  state: BatchState,
  verb: Verb,
  reason: string,
): { ok: true } | { ok: false; code: string; detail: string; remedy: string } {
  const { from, word } = transitions[verb]
  if (!from.includes(state))
    return { ok: false, code: 'aggregation.wrong_state', detail: `这一批次现在不能${word}，它的状态已经变化。`, remedy: '请刷新后再看。' }
  if ((verb === 'release' || verb === 'return') && reason.length < 4) {
    return { ok: false, code: 'aggregation.reason_required', detail: `${word}整批需要写明理由。`, remedy: '请用一句话说明，至少 4 个字。' }
  }
  return { ok: true }
}
export const allowed = (state: BatchState): Verb[] => (Object.keys(transitions) as Verb[]).filter(v => transitions[v].from.includes(state))

/** Names of an entry's tables; the item names themselves never become identifiers. */
export const tableName = (entryId: string) => entryId.replaceAll('-', '').slice(-16)

const instant = (day: string, at: string) => new Date(Date.parse(`${day}T${at}:00+08:00`))
/** The first moment of a schedule after `now`. Days and times are Beijing's, which knows no summer time. */
export function nextRun(s: Schedule, now: Date): Date {
  if (s.every === 'minutes') return new Date(now.getTime() + s.minutes * 60_000)
  const today = dayOf(now)
  for (let n = 0; ; n++) {
    const day = addDays(today, n)
    const date = new Date(`${day}T00:00:00Z`)
    const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
    const fits =
      s.every === 'day' || (s.every === 'week' ? (date.getUTCDay() || 7) === s.weekday : date.getUTCDate() === Math.min(s.day, last))
    if (fits && instant(day, s.at) > now) return instant(day, s.at)
  }
}

import { sql } from 'kysely'
import { type Cadence, cadences, type SourcePromise } from '../../../contract/aggregation.ts'
import type { EntryContent } from '../../../contract/catalog.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { freshness, type PublishedEntry, publishedEntry } from '../catalog/public.ts'
import { departmentFor } from '../organization/public.ts'
import { registerEffect, registerHooks } from '../procedure/public.ts'
import { govern, passGate, type Ruled, type Topics } from '../regulation/public.ts'
import type { SourceRecord } from './queries.ts'

const hour = 60
const day = 24 * hour
/** Minutes between two deliveries. */
const minutes: Record<Exclude<Cadence, 'cycle'>, number> = {
  'real-time': 0,
  hourly: hour,
  daily: day,
  weekly: 7 * day,
  monthly: 31 * day,
  quarterly: 92 * day,
  yearly: 366 * day,
}
const ofCycle: Record<NonNullable<EntryContent['updateCycle']>, number | null> = {
  realtime: 0,
  daily: day,
  weekly: 7 * day,
  monthly: 31 * day,
  quarterly: 92 * day,
  halfyearly: 184 * day,
  yearly: 366 * day,
  irregular: null,
}
/** Null: nothing is promised. */
export const intervalOf = (cadence: Cadence, cycle: EntryContent['updateCycle']): number | null =>
  cadence === 'cycle' ? (cycle ? ofCycle[cycle] : null) : minutes[cadence]

type Rule = Ruled<Topics['real-time']>
export const asksRealTime = (rule: Rule, content: Pick<EntryContent, 'kind'>): boolean =>
  rule.value.of === 'all' || (rule.value.of === 'base' && content.kind === 1)

type Entry = Pick<PublishedEntry, 'id' | 'code' | 'region' | 'content'>
type Filing = { case_no: string; cadence: Cadence; filed: Date }
const filingOf = async (db: Database | Tx, entryId: string): Promise<Filing | undefined> =>
  (
    await sql<Filing>`select case_no, cadence, filed from aggregation.filing where entry_id = ${entryId} order by filed desc, case_no desc limit 1`.execute(
      db,
    )
  ).rows[0]

/** A filing covers intervals up to its own; what promises nothing is covered by none. */
const covers = (filing: Filing | undefined, cadence: Cadence, cycle: EntryContent['updateCycle']): boolean => {
  const wanted = intervalOf(cadence, cycle)
  return !!filing && wanted !== null && wanted <= intervalOf(filing.cadence, cycle)!
}

export async function promiseOf(
  db: Database | Tx,
  entry: Entry,
  source: Pick<SourceRecord, 'cadence' | 'produced_item' | 'active'>,
  today: string,
): Promise<SourcePromise> {
  const rule = govern(entry.region, 'real-time', today)
  const realTime = asksRealTime(rule, entry.content)
  const filing = realTime ? await filingOf(db, entry.id) : undefined
  return {
    cadence: source.cadence,
    label: cadences[source.cadence],
    realTime,
    filing: filing ? { caseNo: filing.case_no, filed: filing.filed.toISOString(), interval: cadences[filing.cadence] } : null,
    missing: realTime && source.cadence !== 'real-time' && !covers(filing, source.cadence, entry.content.updateCycle),
    active: source.active,
    producedItem: source.produced_item,
    text: rule.cite.text,
    cite: rule.cite,
  }
}
export const defaultCadence = (entry: Entry, today: string): Cadence =>
  asksRealTime(govern(entry.region, 'real-time', today), entry.content) ? 'real-time' : 'cycle'

/** The gate before a slower source works: the duty to file is the article's, that nothing runs before is ours. */
export async function requireFiled(
  tx: Tx,
  ctx: Context,
  entry: Entry,
  source: Pick<SourceRecord, 'cadence' | 'produced_item' | 'active' | 'name'>,
): Promise<void> {
  const p = await promiseOf(tx, entry, source, ctx.day)
  if (!p.missing) return
  const rule = govern(entry.region, 'real-time', ctx.day)
  const body = rule.roleLabels[rule.value.fileWith] ?? '数据主管部门'
  await passGate(tx, ctx, {
    region: entry.region,
    key: 'non-realtime-filed',
    code: 'aggregation.not_filed',
    reason: 'non-realtime-not-filed',
    detail: rule.value.exception
      ? `数据源“${source.name}”的周期是${p.label}，不是实时，还没有向${body}备案${p.filing ? `（已备案的周期是${p.filing.interval}）` : ''}，不能启用。`
      : `数据源“${source.name}”的周期是${p.label}，而基础数据库的数据要实时汇聚，条文没有写例外，不能启用。`,
    cite: rule.cite,
    remedy: rule.value.exception ? '在目录页提出“非实时汇聚备案”，写明原因、周期和怎样满足共享需求；备案后再启用。' : '请改为实时。',
    subject: entry.code,
  })
}

registerHooks('non-realtime-filing', {
  href: c => (c.subject_code ? `/workbench/catalog/${c.subject_code.replace('/', '-')}` : null),
  begin: async (tx, ctx, { subject, form, region, cite }) => {
    if (subject.parties.provider !== ctx.actor?.departmentId)
      refuse('aggregation.not_your_entry', {
        status: 403,
        reason: 'not-competent',
        detail: '这条目录属于别的部门，由它备案。',
        cite,
      })
    const wanted = (form as { filedWith?: string }).filedWith
    if (!wanted) return
    const rule = govern(region, 'real-time', ctx.day)
    const right = await departmentFor(tx, rule.adopter, rule.value.fileWith, rule.roleLabels[rule.value.fileWith] ?? rule.value.fileWith)
    if (right.id !== wanted)
      refuse('aggregation.wrong_filing_authority', {
        reason: 'wrong-filing-authority',
        detail: `非实时汇聚向${right.name}备案，不是向所选的部门。`,
        cite,
        remedy: `请改选${right.name}，或留空由平台送达。`,
        errors: [{ pointer: '/form/filedWith', code: 'wrong-filing-authority', message: `应向${right.name}备案。`, cite }],
      })
  },
})
registerEffect('file-cadence', async (tx, ctx, c) => {
  const form = c.form as unknown as { interval: Cadence; reason: string; needsMet: string }
  const rule = govern(c.region, 'real-time', ctx.day)
  await sql`insert into aggregation.filing (case_no, entry_id, cadence, reason, needs, filed_with, filed)
    values (${c.no}, ${c.subject_id}, ${form.interval}, ${form.reason}, ${form.needsMet}, ${c.parties[rule.value.fileWith]?.departmentId ?? null}, ${ctx.now})`.execute(
    tx,
  )
  return undefined
})

export async function setCadence(
  ctx: StaffContext,
  source: SourceRecord,
  o: { cadence?: Cadence | undefined; producedItem?: string | null | undefined },
): Promise<void> {
  const entry = (await publishedEntry(ctx.db, { id: source.entry_id }))!
  const next = { ...source, ...checkedPromise(entry, o), ...(o.cadence === undefined && { cadence: source.cadence }) }
  await ctx.db.transaction().execute(async tx => {
    const p = await promiseOf(tx, entry, next, ctx.day)
    // What needs a filing and has none is kept, and stands still until somebody activates it.
    const active = !p.missing || (source.active && source.cadence === next.cadence)
    await sql`update aggregation.source set cadence = ${next.cadence}, produced_item = ${o.producedItem === undefined ? source.produced_item : o.producedItem}, active = ${active} where id = ${source.id}`.execute(
      tx,
    )
    await record(tx, ctx, {
      action: 'source.change',
      subject: entry.code,
      content: `周期：${cadences[next.cadence]}`,
      data: { source: source.id, active },
    })
  })
}

export async function activate(ctx: StaffContext, source: SourceRecord): Promise<void> {
  const entry = (await publishedEntry(ctx.db, { id: source.entry_id }))!
  await ctx.db.transaction().execute(async tx => {
    await requireFiled(tx, ctx, entry, source)
    await sql`update aggregation.source set active = true where id = ${source.id}`.execute(tx)
    await record(tx, ctx, {
      action: 'source.activate',
      subject: entry.code,
      content: cadences[source.cadence],
      data: { source: source.id },
    })
  })
}

/** The item that carries the time of production must be a date or a time. */
export function checkedPromise(entry: Entry, o: { cadence?: Cadence | undefined; producedItem?: string | null | undefined }) {
  const item = o.producedItem ? entry.content.items.find(i => i.key === o.producedItem) : undefined
  if (o.producedItem && item?.type !== 'D' && item?.type !== 'T')
    refuse('aggregation.produced_item', {
      reason: 'field-invalid',
      detail: '产生时间要选一个日期或日期时间类的信息项。',
      errors: [{ pointer: '/producedItem', code: 'field-invalid', message: '请选择日期或日期时间类的信息项。' }],
    })
  return { cadence: o.cadence ?? ('cycle' as Cadence), produced_item: o.producedItem ?? null }
}

/** How far behind a delivery is. `produced`: the record it is measured by; a day counts as over at its end. */
export function lagOf(produced: Date, arrived: Date): number {
  return Math.max(0, Math.round((arrived.getTime() - produced.getTime()) / 1000))
}
/** Late when it comes more than the tolerance after the promised interval; nothing promised, never late. */
export const isLate = (lag: number, interval: number | null, tolerance: number): boolean =>
  interval !== null && lag > (interval + tolerance) * 60

export function lagText(lag: number | null, late: boolean): string {
  if (lag === null) return '未测：没有说明数据何时产生'
  const text =
    lag < 60
      ? '不到 1 分钟'
      : lag < 3600
        ? `${Math.round(lag / 60)} 分钟`
        : lag < 48 * 3600
          ? `${Math.round(lag / 360) / 10} 小时`
          : `${Math.round(lag / 8640) / 10} 天`
  return `产生后 ${text}到达${late ? '，迟到' : ''}`
}
export const isStale = (cycle: EntryContent['updateCycle'], newest: Date, now: Date) => {
  const f = freshness(cycle, newest, now)
  return f && { stale: !f.fresh, note: f.fresh ? '最新内容在更新周期内' : `最新内容${f.words}` }
}

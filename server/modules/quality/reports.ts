import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Reply } from '../../../contract/endpoint.ts'
import type { Form } from '../../../contract/procedure.ts'
import type * as contract from '../../../contract/quality.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { refuse } from '../../platform/problem.ts'
import { type PublishedEntry, publishedEntry, usesEntry } from '../catalog/public.ts'
import { departmentFor } from '../organization/public.ts'
import { type CaseRecord, notifyDepartments, registerEffect, registerHooks, startCase } from '../procedure/public.ts'
import { governProcedure } from '../regulation/public.ts'

/** Departments that have obtained data of an entry; told by the modules through which data leave. */
type Users = (db: Database | Tx, entryId: string, since: Date | null) => Promise<string[]>
const users: Users[] = []
export const registerUsers = (find: Users): void => void users.push(find)

const entryOf = async (db: Database | Tx, code: string | null) =>
  db.selectFrom('catalog.entry_view').select(['id', 'title', 'department_id']).where('code', '=', code).executeTakeFirstOrThrow()
const stated = (c: CaseRecord) => ({ ...c.form, ...c.said }) as Record<string, unknown>
const href = (c: CaseRecord) => `/workbench/cases/${c.no}`

/**
 * A report is about a record: a department may have several open ones about one entry, but only one about each record. So its subject is
 * the record, under a name made of both.
 */
const aboutRecord = (entryId: string, record: string): string => {
  const h = createHash('sha256').update(`${entryId}\n${record}`).digest('hex')
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-5${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20, 32)}`
}
/** The doubt is shown at the item, so it must be one. */
async function requireItem(tx: Tx, entryId: string, name: string): Promise<void> {
  const names = (await publishedEntry(tx, { id: entryId }))?.content.items.map(i => i.name).filter(Boolean) ?? []
  if (names.includes(name.trim())) return
  const message = `这条目录没有信息项「${name.slice(0, 60)}」；有 ${names.slice(0, 30).join('、')}。`
  refuse('quality.unknown_item', {
    reason: 'field-invalid',
    detail: message,
    remedy: '请写目录里的信息项名称；说不清是哪一项时留空。',
    errors: [{ pointer: '/form/suspectItem', code: 'quality.unknown_item', message }],
  })
}
const page = (c: CaseRecord) => (c.subject_code ? `/workbench/catalog/${c.subject_code.replace('/', '-')}` : null)
for (const procedure of ['verification', 'conflict', 'matter-handling'])
  registerHooks(procedure, {
    href: page,
    begin: async (tx, _ctx, { subject, form }) => {
      const { record, matter, suspectItem } = form as { record?: string; matter?: string; suspectItem?: string }
      if (suspectItem) await requireItem(tx, subject.id, suspectItem)
      Object.assign(subject, { type: 'record', id: aboutRecord(subject.id, `${record ?? ''}\n${matter ?? ''}`) })
    },
  })
registerHooks('objection', { href: page })

const write = async (tx: Tx, c: CaseRecord): Promise<void> => {
  const entry = await entryOf(tx, c.subject_code)
  await tx
    .insertInto('quality.report')
    .values({
      case_no: c.no,
      case_id: c.id,
      procedure: c.procedure,
      entry_id: entry.id!,
      department_id: entry.department_id!,
      region: c.region,
      record: String(stated(c).record ?? ''),
    })
    .execute()
}

registerEffect('open-report', async (tx, ctx, c) => {
  await write(tx, c)
  // A department that uses the data is believed at once; the doubt of another shows when it is confirmed.
  const entry = await entryOf(tx, c.subject_code)
  const reporter = c.parties.applicant?.departmentId
  if (reporter && (reporter === entry.department_id || (await usesEntry(tx, entry.id!, reporter)))) await markDoubt(tx, c, ctx.now)
  // The source department hears of it at once, whoever decides.
  const to = [c.parties.provider?.departmentId].filter((id): id is string => !!id)
  await notifyDepartments(tx, ctx.now, to, `${c.parties.applicant?.department ?? ''} 反馈数据疑义：${c.title}`, href(c))
  return undefined
})

async function markDoubt(tx: Tx, c: CaseRecord, now: Date): Promise<void> {
  const { record, suspectItem } = stated(c)
  // Without the key of a row nobody could tell which row it is.
  if (c.procedure !== 'verification' || !record) return
  const entry = await entryOf(tx, c.subject_code)
  const mark = { record: String(record).trim(), ground: '', item: String(suspectItem ?? '').trim(), kind: 'doubt', since: now }
  await tx
    .insertInto('quality.mark')
    .values({ case_no: c.no, entry_id: entry.id!, ...mark })
    .onConflict(x => x.doNothing())
    .execute()
}
const clearMark = async (tx: Tx, caseNo: string, now: Date) =>
  tx.updateTable('quality.mark').set({ cleared: now }).where('case_no', '=', caseNo).where('cleared', 'is', null).execute()

const decide = async (tx: Tx, c: CaseRecord, wrong: boolean, now: Date) =>
  tx.updateTable('quality.report').set({ wrong, decided: now }).where('case_no', '=', c.no).execute()
registerEffect('confirm-error', async (tx, ctx, c) => {
  await decide(tx, c, true, ctx.now)
  await markDoubt(tx, c, ctx.now)
  return undefined
})
registerEffect('uphold-data', async (tx, ctx, c) => {
  await decide(tx, c, false, ctx.now)
  await clearMark(tx, c.no, ctx.now)
  return undefined
})

/** Told by the module that has the data when a record in doubt has come anew: the mark goes, and the correction is listed. */
export async function noteCorrection(tx: Tx, ctx: Context, c: CaseRecord, batchNo: string): Promise<void> {
  await clearMark(tx, c.no, ctx.now)
  const entry = await entryOf(tx, c.subject_code)
  const { record, suspectItem } = stated(c)
  const row = { record: String(record ?? '').trim(), item: String(suspectItem ?? '').trim(), batch_no: batchNo, at: ctx.now }
  await tx
    .insertInto('quality.correction')
    .values({ case_no: c.no, entry_id: entry.id!, ...row })
    .onConflict(x => x.column('case_no').doUpdateSet(row))
    .execute()
  // Where the place has a step of its own for it, the provider tells the users there.
  if (c.ended_at) await tellHolders(tx, ctx, c)
}

/** Every department that obtained data of the entry hears of the correction; how many is kept with the report. */
async function tellHolders(tx: Tx, ctx: Context, c: CaseRecord): Promise<number> {
  const entry = await entryOf(tx, c.subject_code)
  const found = await Promise.all(users.map(find => find(tx, entry.id!, null)))
  const told = [...new Set([...found.flat(), ...(c.parties.applicant?.departmentId ? [c.parties.applicant.departmentId] : [])])].filter(
    id => id !== entry.department_id,
  )
  await notifyDepartments(tx, ctx.now, told, `数据已更正：${entry.title}，请按更正后的内容使用`, '/workbench/quality/corrections')
  await tx.updateTable('quality.report').set({ told: told.length }).where('case_no', '=', c.no).execute()
  await tx.updateTable('quality.correction').set({ told }).where('case_no', '=', c.no).execute()
  return told.length
}
registerEffect('tell-users', async (tx, ctx, c) => ({ label: `已告知 ${await tellHolders(tx, ctx, c)} 个使用部门`, href: href(c) }))

registerEffect('open-objection', async (tx, ctx, c) => {
  await write(tx, c)
  // The text names the body above as addressee; it gets a copy where it is registered. A failed look-up changes nothing.
  const above = await departmentFor(tx, c.adopter, 'parent-authority', '').catch(() => null)
  if (above) await notifyDepartments(tx, ctx.now, [above.id], `收到数据异议（抄送）：${c.title}`, href(c))
  return undefined
})
registerEffect('mark-entry', async (tx, ctx, c) => {
  const entry = await entryOf(tx, c.subject_code)
  const { record, ground } = stated(c)
  await tx
    .insertInto('quality.mark')
    .values({ case_no: c.no, entry_id: entry.id!, record: String(record ?? ''), ground: String(ground ?? ''), since: ctx.now })
    .onConflict(x => x.doNothing())
    .execute()
  return undefined
})
registerEffect('settle-objection', async (tx, ctx, c) => {
  await clearMark(tx, c.no, ctx.now)
  await decide(tx, c, stated(c).objectionResult !== 'upheld', ctx.now)
  return undefined
})

/** Keys as the pool has them; pages write composite ones with a plus sign. */
export const recordKeys = (records: readonly string[]): string[] =>
  records.filter(Boolean).flatMap(record => [...new Set([record, record.split(/\s*\+\s*/).join('\u001f')])])

export const markText = '这条数据有异议，正在处理，请谨慎使用'
export type StandingMark = { caseNo: string; record: string | null; since: Date; kind: 'objection' | 'doubt'; item: string | null }
/** Marks in force on an entry. `record` is the key of a row, or null for the whole entry. */
export async function marksOf(db: Database | Tx, entryId: string): Promise<StandingMark[]> {
  const rows = await db
    .selectFrom('quality.mark_view')
    .select(['case_no', 'record', 'since', 'kind', 'item'])
    .where('entry_id', '=', entryId)
    .orderBy('since')
    .execute()
  return rows.map(r => ({
    caseNo: r.case_no!,
    record: r.record || null,
    since: r.since!,
    kind: r.kind as StandingMark['kind'],
    item: r.item || null,
  }))
}
export const doubtText = (items: readonly (string | null)[]): string =>
  `${items.every(Boolean) ? `${[...new Set(items)].map(i => `「${i}」`).join('')}有疑义` : '这条数据有疑义'}，正在校核，请谨慎使用`

/** What rows say of themselves while a mark stands: a field beside the items, its words, and the keys of the rows that carry it. */
export function rowMarks(
  marks: readonly Pick<StandingMark, 'record' | 'kind' | 'item'>[],
): { field: string; text: string; keys: string[] }[] {
  const about = marks.filter(m => m.record)
  const objected = about.filter(m => m.kind === 'objection').map(m => m.record!)
  const doubted = new Map<string, (string | null)[]>()
  for (const m of about.filter(x => x.kind === 'doubt')) doubted.set(m.record!, [...(doubted.get(m.record!) ?? []), m.item])
  const byText = new Map<string, string[]>()
  for (const [record, items] of doubted) byText.set(doubtText(items), [...(byText.get(doubtText(items)) ?? []), record])
  return [
    ...(objected.length ? [{ field: '_objection', text: markText, keys: recordKeys(objected) }] : []),
    ...[...byText].map(([text, records]) => ({ field: '_doubt', text, keys: recordKeys(records) })),
  ]
}

/** A doubt that comes in by the data API: the department of the grant reports it, in the name of who made the call. */
export async function reportDoubt(
  ctx: Context,
  r: { entry: PublishedEntry; departmentId: string; person: string; record: string; item: string | null; doubt: string },
): Promise<CaseRecord> {
  return ctx.db.transaction().execute(async tx => {
    const label = governProcedure(r.entry.region, 'verification', ctx.day)?.value.label ?? '数据校核'
    return startCase(
      tx,
      { ...ctx, actor: null },
      {
        procedure: 'verification',
        region: r.entry.region,
        subject: { type: 'record', id: aboutRecord(r.entry.id, `${r.record}\n`), code: r.entry.code, title: r.entry.title },
        parties: { applicant: r.departmentId, provider: r.entry.department_id },
        form: { record: r.record, doubt: `${r.doubt}（由 ${r.person} 经数据接口提出）`, ...(r.item && { suspectItem: r.item }) } as Form,
        title: `${label}：${r.entry.title}`,
      },
    )
  })
}

/** Corrections of data my department provides or has obtained. The key of a record is for those who take part in its case. */
export async function correctionsOf(ctx: StaffContext): Promise<Reply<typeof contract.corrections>> {
  const me = ctx.actor.departmentId
  const { rows } = await sql<{
    case_no: string
    record: string
    item: string
    batch_no: string
    at: Date
    code: string
    title: string
    department: string
    party: boolean
    told: number
  }>`
    select q.case_no, q.record, q.item, q.batch_no, q.at, e.code, e.title, e.department, coalesce(cardinality(q.told), 0) as told,
      e.department_id = ${me} or c.applicant_id = ${me} as party
    from quality.correction q join catalog.entry_view e on e.id = q.entry_id join procedure.case_view c on c.no = q.case_no
    where e.department_id = ${me} or c.applicant_id = ${me} or ${me}::uuid = any(q.told) order by q.at desc limit 500`.execute(ctx.db)
  return {
    rows: rows.map(r => ({
      caseNo: r.party ? r.case_no : null,
      code: r.code,
      entry: r.title,
      department: r.department,
      record: r.party ? r.record : null,
      item: r.item || null,
      batchNo: r.batch_no,
      at: r.at.toISOString(),
      told: r.told,
    })),
  }
}

import { createHash } from 'node:crypto'
import type { Database, Tx } from '../../platform/db.ts'
import { departmentFor } from '../organization/public.ts'
import { type CaseRecord, notifyDepartments, registerEffect, registerHooks } from '../procedure/public.ts'

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
const page = (c: CaseRecord) => (c.subject_code ? `/workbench/catalog/${c.subject_code.replace('/', '-')}` : null)
for (const procedure of ['verification', 'conflict', 'matter-handling'])
  registerHooks(procedure, {
    href: page,
    begin: async (_tx, _ctx, { subject, form }) => {
      const { record, matter } = form as { record?: string; matter?: string }
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
  // The source department hears of it at once, whoever decides.
  const to = [c.parties.provider?.departmentId].filter((id): id is string => !!id)
  await notifyDepartments(tx, ctx.now, to, `${c.parties.applicant?.department ?? ''} 反馈数据疑义：${c.title}`, href(c))
  return undefined
})

const decide = async (tx: Tx, c: CaseRecord, wrong: boolean, now: Date) =>
  tx.updateTable('quality.report').set({ wrong, decided: now }).where('case_no', '=', c.no).execute()
registerEffect('confirm-error', async (tx, ctx, c) => {
  await decide(tx, c, true, ctx.now)
  return undefined
})
registerEffect('uphold-data', async (tx, ctx, c) => {
  await decide(tx, c, false, ctx.now)
  return undefined
})

/** Every department that obtained data of the entry hears of the correction; how many is kept with the report. */
registerEffect('tell-users', async (tx, ctx, c) => {
  const entry = await entryOf(tx, c.subject_code)
  const found = await Promise.all(users.map(find => find(tx, entry.id!, null)))
  const told = [...new Set([...found.flat(), ...(c.parties.applicant?.departmentId ? [c.parties.applicant.departmentId] : [])])].filter(
    id => id !== entry.department_id,
  )
  await notifyDepartments(tx, ctx.now, told, `数据已更正：${entry.title}，请按更正后的内容使用`, href(c))
  await tx.updateTable('quality.report').set({ told: told.length }).where('case_no', '=', c.no).execute()
  return { label: `已告知 ${told.length} 个使用部门`, href: href(c) }
})

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
  await tx.updateTable('quality.mark').set({ cleared: ctx.now }).where('case_no', '=', c.no).where('cleared', 'is', null).execute()
  await decide(tx, c, stated(c).objectionResult !== 'upheld', ctx.now)
  return undefined
})

/** Keys as the pool has them; pages write composite ones with a plus sign. */
export const recordKeys = (records: readonly string[]): string[] =>
  records.filter(Boolean).flatMap(record => [...new Set([record, record.split(/\s*\+\s*/).join('\u001f')])])

export const markText = '这条数据有异议，正在处理，请谨慎使用'
/** Marks in force on an entry. `record` is the key of a row, or null for the whole entry. */
export async function marksOf(db: Database | Tx, entryId: string): Promise<{ caseNo: string; record: string | null; since: Date }[]> {
  const rows = await db
    .selectFrom('quality.mark_view')
    .select(['case_no', 'record', 'since'])
    .where('entry_id', '=', entryId)
    .orderBy('since')
    .execute()
  return rows.map(r => ({ caseNo: r.case_no!, record: r.record || null, since: r.since! }))
}

import { sql } from 'kysely'
import { actionLabels, dataActions, type LedgerRow } from '../../../contract/audit.ts'
import { regionPrefix } from '../../../contract/common.ts'
import type { Actor } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'

/** Whose records this person sees: auditors all, authorities and inspectors their region and those below, departments their own. */
export function scopeOf(actor: Actor): { kind: 'all' | 'region' | 'department'; words: string } {
  if (actor.roles.includes('audit_admin')) return { kind: 'all', words: '全部记录' }
  if (actor.roles.includes('inspector') || actor.roles.includes('bureau')) return { kind: 'region', words: '本地区的记录' }
  return { kind: 'department', words: `${actor.department} 的记录，以及他人对本部门数据的取用` }
}

/** A region and those below it share leading digits of the division code. */

export type LedgerFilter = {
  department?: string
  person?: string
  action?: string
  subject?: string
  caseNo?: string
  from?: string
  to?: string
  reads?: boolean
  before?: number
  limit: number
}

export async function ledgerPage(
  db: Database,
  actor: Actor,
  f: LedgerFilter,
): Promise<{ rows: LedgerRow[]; next: string | null; total: number }> {
  const scope = scopeOf(actor)
  let q = db.selectFrom('audit.entry')
  if (scope.kind === 'region') q = q.where('region', 'like', `${regionPrefix(actor.region)}%`)
  if (scope.kind === 'department')
    q = q.where(eb => eb.or([eb('department_id', '=', actor.departmentId), eb(sql`data ->> 'providerId'`, '=', actor.departmentId)]))
  if (f.department) q = q.where('department', 'like', `%${escapeLike(f.department)}%`)
  if (f.person) q = q.where('person', 'like', `%${escapeLike(f.person)}%`)
  if (f.action) q = q.where('action', '=', f.action)
  if (f.reads) q = q.where('action', 'in', [...dataActions])
  if (f.subject) q = q.where('subject', 'like', `%${escapeLike(f.subject)}%`)
  if (f.caseNo) q = q.where('case_no', '=', f.caseNo)
  if (f.from) q = q.where('at', '>=', sql<Date>`${`${f.from} 00:00:00+08`}::timestamptz`)
  if (f.to) q = q.where('at', '<', sql<Date>`(${`${f.to} 00:00:00+08`}::timestamptz + interval '1 day')`)
  const { total } = await q.select(eb => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
  if (f.before) q = q.where('seq', '<', f.before)
  const rows = await q
    .selectAll()
    .orderBy('seq', 'desc')
    .limit(f.limit + 1)
    .execute()
  const shown = rows.slice(0, f.limit)
  return { rows: shown.map(toRow), next: rows.length > f.limit ? String(shown.at(-1)!.seq) : null, total: Number(total) }
}

const escapeLike = (text: string) => text.replace(/[\\%_]/g, c => `\\${c}`)

export const toRow = (r: any): LedgerRow => ({
  seq: r.seq,
  at: r.at.toISOString(),
  action: r.action,
  label: (actionLabels as Record<string, string>)[r.action] ?? r.action,
  person: r.person,
  department: r.department,
  region: r.region,
  purpose: r.purpose,
  approver: r.approver,
  content: r.content,
  method: r.method,
  medium: r.medium,
  subject: r.subject,
  caseNo: r.case_no,
  cite: r.cite,
})

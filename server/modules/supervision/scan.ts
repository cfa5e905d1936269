import { sql } from 'kysely'
import type { EntryContent } from '../../../contract/catalog.ts'
import { regionPrefix } from '../../../contract/common.ts'
import { dayOf } from '../../platform/clock.ts'
import type { StaffContext } from '../../platform/context.ts'
import { expandLedger } from '../audit/public.ts'
import { publishedEntry } from '../catalog/public.ts'
import { govern, regionOf, type Topics } from '../regulation/public.ts'

type Breach = Topics['breaches']['list'][string]
type Found = { region: string; department: string; departmentId: string | null; what: string; since: string; legal: boolean; href: string }

/**
 * Reads the facts against the conduct each place punishes. What a department sees is its own; an authority sees its region and below.
 * Nothing is stored: what has been put right is gone from the list, what was refused stays in the ledger.
 */
export async function suspicionsOf(ctx: StaffContext) {
  const { region, departmentRoles, roles, departmentId } = ctx.actor
  const over = departmentRoles.includes('authority') || roles.includes('inspector')
  await ctx.ledger.flush()
  await expandLedger(ctx.db)
  const found = []
  for (const place of await placesBelow(ctx, over ? regionPrefix(region) : region))
    for (const topic of ['breaches', 'open-breaches'] as const) {
      const rule = govern(place, topic, ctx.day)
      for (const [breach, b] of Object.entries(rule.value.list))
        for (const f of [
          ...(await late(ctx, place, b)),
          ...(await owing(ctx, place, b)),
          ...(await refused(ctx, place, b)),
          ...(await repeated(ctx, place, b)),
        ])
          if (over || f.departmentId === departmentId)
            found.push({
              breach,
              label: b.label,
              cite: { ...rule.cite, article: b.cite, text: b.label },
              procedure: rule.value.procedure,
              department: f.department,
              departmentId: f.departmentId,
              what: f.what,
              since: f.since,
              elapsed: Math.max(0, Math.round((Date.parse(ctx.day) - Date.parse(f.since)) / 86_400_000)),
              legal: f.legal,
              href: f.href,
            })
    }
  return found.sort((a, b) => b.elapsed - a.elapsed)
}

const placesBelow = async (ctx: StaffContext, prefix: string): Promise<string[]> =>
  (
    await sql<{
      region: string
    }>`select distinct region from organization.department_view where region like ${`${prefix}%`} order by 1`.execute(ctx.db)
  ).rows
    .map(r => r.region)
    .filter(r => regionOf(r))

/** Cases left lying past their day. Where a text has no number only our reminder has passed, and the page says so. */
async function late(ctx: StaffContext, region: string, b: Breach): Promise<Found[]> {
  if (!b.procedures.length) return []
  const { rows } = await sql<Found & { due: string; no: string; title: string }>`
    select c.region, u.debtor as department, u.debtor_id as "departmentId", c.no, c.title, u.what, u.due, u.origin = 'law' as legal
    from procedure.duty_view u join procedure.case_view c on c.id = u.case_id
    where c.region = ${region} and c.ended_at is null and c.procedure = any(${b.procedures})
      and u.ended is null and u.stopped_on is null and u.due < ${ctx.day}::date order by u.due limit 200`.execute(ctx.db)
  return rows.map(r => ({ ...r, what: `${r.title}：${r.what}`, since: r.due, href: `/workbench/cases/${r.no}` }))
}

/** Duties that belong to no case and are past their day. */
async function owing(ctx: StaffContext, region: string, b: Breach): Promise<Found[]> {
  if (!b.duties.length) return []
  const { rows } = await sql<Found & { due: string; title: string }>`
    select d.region, u.debtor as department, u.debtor_id as "departmentId", u.title, u.what, u.due, u.origin = 'law' as legal, u.href
    from procedure.reminder_view u join organization.department_view d on d.id = u.debtor_id
    where d.region = ${region} and u.name = any(${b.duties}) and u.ended is null and u.due < ${ctx.day}::date order by u.due limit 200`.execute(
    ctx.db,
  )
  return rows.map(r => ({ ...r, what: `${r.title}：${r.what}`, since: r.due }))
}

const persons = new Set(['id-number', 'person-name', 'mobile', 'phone', 'address', 'bank-card', 'email'])
const sensitiveNames = (c: EntryContent): string[] =>
  c.items.filter(i => i.sensitive || (i.semantic && persons.has(i.semantic))).flatMap(i => [i.name, i.key])

/** Calls that were turned away: what was asked for, by whom, of whom. */
async function refused(ctx: StaffContext, region: string, b: Breach): Promise<Found[]> {
  if (!b.refusals.length) return []
  const reasons = b.refusals.map(r => `拒绝：${r}`)
  const { rows } = await sql<{
    seq: number
    at: Date
    department: string
    departmentId: string | null
    subject: string
    content: string
    asked: string | null
  }>`select seq, at, coalesce(department, '') as department, department_id as "departmentId", subject, content, data ->> 'asked' as asked
    from audit.entry_view where action = 'data.refused' and region = ${region} and content = any(${reasons})
      and at > ${ctx.now}::timestamptz - interval '1 year' order by seq desc limit 200`.execute(ctx.db)
  const found: Found[] = []
  for (const r of rows) {
    const asked = r.asked?.split(/[,，]/).map(name => name.trim()) ?? []
    if (b.sensitive) {
      const entry = await publishedEntry(ctx.db, { code: r.subject })
      if (!entry || !sensitiveNames(entry.content).some(name => asked.includes(name))) continue
    }
    const what = `${r.subject}：${r.content}${asked.length ? `（${asked.join('、')}）` : ''}`
    const since = dayOf(r.at)
    found.push({
      region,
      department: r.department,
      departmentId: r.departmentId,
      what,
      since,
      legal: true,
      href: `/workbench/audit/${r.seq}`,
    })
  }
  return found
}

/** 平台约定: one refused call may be a slip; this many under one grant within so many days are worth a look. */
const often = { calls: 3, days: 30 }
const beyondWords: Record<string, string> = {
  'grant-expired': '已到期',
  'grant-not-yet': '还没有生效',
  'grant-revoked': '已终止',
  'grant-suspended': '已暂停',
  'no-access-grant': '不是授权的目录',
  'field-not-granted': '不是授权的信息项',
  'method-not-granted': '不是授权的方式',
  'operator-replaced': '原经办人',
}

/** What was tried again and again beyond period, items or way of one grant: one hint for the grant, the calls stand in the book of uses. */
async function repeated(ctx: StaffContext, region: string, b: Breach): Promise<Found[]> {
  if (!b.repeated.length) return []
  const reasons = b.repeated.map(r => `拒绝：${r}`)
  const { rows } = await sql<{
    id: string
    no: string
    title: string
    department: string
    departmentId: string
    calls: number
    last: Date
    counts: Record<string, number>
  }>`with tried as (
      select data ->> 'grant' as no, content, count(*)::int as n, max(at) as last from audit.entry_view
      where action = 'data.refused' and region = ${region} and content = any(${reasons})
        and at > ${ctx.now}::timestamptz - make_interval(days => ${often.days}) group by 1, 2)
    select g.id, g.no, e.title, d.name as department, d.id as "departmentId", sum(t.n)::int as calls, max(t.last) as last,
      jsonb_object_agg(t.content, t.n) as counts
    from tried t join delivery.grant_view g on g.no = t.no join catalog.entry_view e on e.id = g.entry_id
    join organization.department_view d on d.id = g.grantee_department_id
    group by 1, 2, 3, 4, 5 having sum(t.n) >= ${often.calls} order by max(t.last) desc limit 200`.execute(ctx.db)
  return rows.map(r => ({
    region,
    department: r.department,
    departmentId: r.departmentId,
    what: `授权 ${r.no}（${r.title}）${often.days} 天内 ${r.calls} 次超出授权取用被拒绝：${Object.entries(r.counts)
      .map(([content, n]) => `${beyondWords[content.slice(3)] ?? content} ${n} 次`)
      .join('、')}`,
    since: dayOf(r.last),
    legal: true,
    href: `/workbench/use-records?kind=refused&q=${r.no}`,
  }))
}

import { addDays } from '../../platform/clock.ts'
import type { Context } from '../../platform/context.ts'
import { govern } from '../regulation/public.ts'
import { fulfilDuties, openDuty } from './duties.ts'

/** A security test is asked for again this many days before it runs out; the interval is ours. */
const ahead = 30
const addressOf = (id: string) => `/workbench/organization?tab=systems&system=${id}`

/** 等保测评 that runs out soon is a duty of the department that owns the system, until a new one is on file. Runs daily. */
export async function remindCertificates(ctx: Context): Promise<void> {
  const systems = await ctx.db
    .selectFrom('organization.system_view as s')
    .leftJoin('procedure.duty as d', j =>
      j.on('d.name', '=', 'system-certificate').on('d.ended', 'is', null).onRef('d.debtor_id', '=', 's.department_id'),
    )
    .select(['s.id', 's.name', 's.department_id', 's.department', 's.region', 's.certified_until', 'd.href'])
    .where('s.certified_until', 'is not', null)
    .execute()
  const open = new Set(systems.flatMap(s => s.href ?? []))
  const seen = new Set<string>()
  for (const s of systems) {
    if (seen.has(s.id!)) continue
    seen.add(s.id!)
    const until = s.certified_until as unknown as string
    const soon = until <= addDays(ctx.day, ahead)
    const href = addressOf(s.id!)
    if (soon === open.has(href)) continue
    const rule = govern(s.region!, 'system-test', ctx.day)
    await ctx.db.transaction().execute(tx =>
      soon
        ? openDuty(tx, {
            name: 'system-certificate',
            what: '安排等保测评',
            debtorId: s.department_id!,
            debtor: s.department!,
            role: 'provider',
            title: `${s.name}的等保测评有效期至 ${until}`,
            href,
            day: ctx.day,
            within: rule.value.within,
            origin: 'platform',
            cite: rule.cite,
            inherited: rule.inherited,
          })
        : fulfilDuties(tx, { name: 'system-certificate', href }, ctx.day),
    )
  }
}

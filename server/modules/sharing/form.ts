import type { StaffContext } from '../../platform/context.ts'
import { notFound } from '../../platform/problem.ts'
import { caseFor } from '../procedure/public.ts'
import { govern } from '../regulation/public.ts'

/** The demand form of an application: what was stated, once more in the shape people file and print. */
export async function demandForm(ctx: StaffContext, no: string) {
  const c = await caseFor(ctx, no)
  if (c?.procedure !== 'sharing-application') notFound('procedure.case', '共享申请')
  const rule = govern(c.region, 'share-form', ctx.day)
  const conditions = c.form.find(f => f.name === 'conditions')?.value ?? ''
  return {
    title: rule.value.title,
    no: c.no,
    made: c.opened.slice(0, 10),
    applicant: c.parties.find(p => p.role === 'applicant')?.department ?? '',
    provider: c.parties.find(p => p.role === 'provider')?.department ?? '',
    entry: `${c.subject.title}（${c.subject.code ?? ''}）`,
    rows: c.form.filter(f => f.name !== 'conditions').map(({ label, value }) => ({ label, value })),
    conditions,
    cite: rule.cite,
  }
}

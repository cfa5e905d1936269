import type { PublicCase } from '../../../contract/procedure.ts'
import type { Context } from '../../platform/context.ts'
import { type CaseRecord, rulebook } from './engine.ts'
import { whoOf } from './rules.ts'
import { startableIn } from './start.ts'
import { actionsFor, caseRow, dutiesOf, dutyClock, formRows, labelOf } from './view.ts'

/** What somebody outside sees of the own filing: who has it, until when, what was answered, what to do. No name of staff, no internal note. */
export async function publicView(ctx: Context, c: CaseRecord): Promise<PublicCase> {
  const book = await rulebook(ctx.db, c)
  const duties = await dutiesOf(ctx.db, c.id)
  const events = await ctx.db.selectFrom('procedure.event').selectAll().where('case_id', '=', c.id).orderBy('seq').execute()
  const { actions, rows } = await actionsFor(ctx, c, book, 'applicant')
  const row = caseRow(c, book.procedure, duties, ctx.day)
  const answer = [...events].reverse().find(e => e.to_state && e.to_state === c.state && c.ended_at)
  const form = (answer?.form ?? {}) as Record<string, unknown>
  return {
    no: c.no,
    procedure: c.procedure,
    label: book.procedure.label,
    title: c.title,
    stateLabel: labelOf(book.procedure, c.state)!,
    ended: !!c.ended_at,
    version: c.version,
    opened: c.opened_at.toISOString(),
    waitingFor: c.ended_at ? '' : whoOf(c.parties, book.procedure.steps[c.state]?.by.roles ?? []),
    clocks: duties.filter(d => !d.ended).map(d => dutyClock(d, ctx.day)),
    cite: c.ruling.cite,
    timeline: events
      .filter(e => e.to_state !== e.from_state || e.role?.split(',').includes('applicant'))
      .map(e => ({
        at: e.at.toISOString(),
        label: e.label,
        by: e.department ?? (e.role?.split(',').includes('applicant') ? '你' : '平台'),
        content: formRows(book.fields, publicPart(e.form as Record<string, unknown>), rows).map(({ label, value }) => ({ label, value })),
      })),
    actions,
    next: c.ended_at ? await startableIn(ctx, { region: row.region, outside: true, after: c }) : [],
    decision:
      c.ended_at && (c.outcome === 'approved' || c.outcome === 'refused')
        ? { kind: c.outcome, reason: (form.reason as string | undefined) ?? null, next: (form.remedyHint as string | undefined) ?? null }
        : null,
  }
}

/** Notes are for colleagues. */
const publicPart = ({ note: _, ...form }: Record<string, unknown>) => form

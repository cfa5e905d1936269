import type { FastifyInstance } from 'fastify'
import { semantics } from '../../../contract/catalog.ts'
import type { Cite } from '../../../contract/common.ts'
import * as contract from '../../../contract/sharing.ts'
import type { StaffContext } from '../../platform/context.ts'
import { route } from '../../platform/http.ts'
import { notFound } from '../../platform/problem.ts'
import { proposedTreatment, publishedEntry, shareClassOf } from '../catalog/public.ts'
import { sandboxOf } from '../delivery/public.ts'
import { departmentById, departmentFor } from '../organization/public.ts'
import { caseView, fieldsOf, fieldView } from '../procedure/public.ts'
import { addWorkingDays, govern, governProcedure, type Procedure, shareLabel, shorter, type Term, timeText } from '../regulation/public.ts'
import { agreementOf } from './agreement.ts'
import { baseInterfaces, offerOf } from './bases.ts'
import { deleteRecord } from './change.ts'
import { lackingBasis } from './classes.ts'
import { apply, itemRows, takeUp } from './commands.ts'
import { declareExchange, listExchanges } from './exchange.ts'
import { demandForm } from './form.ts'
import { agreeWay, changeGrant, previewTreatments } from './grants.ts'
import { listMatters, publishMatter, saveMatter } from './matters.ts'
import { narrow } from './narrow.ts'
import { handOver, officerCandidates } from './officer.ts'
import { renewalOf } from './renewal.ts'
import { statements } from './rules.ts'

export function registerSharing(app: FastifyInstance): void {
  const { db } = app.services

  route(app, contract.prepare, async ({ params, ctx }) => {
    const entry = (await publishedEntry(db, { code: params.code })) ?? notFound('catalog.entry', '目录')
    const c = entry.content
    const own = entry.department_id === ctx.actor.departmentId
    const ruling = governProcedure(entry.region, 'sharing-application', ctx.day)!
    const direct = govern(entry.region, 'share-direct', ctx.day)
    const denied = govern(entry.region, 'share-denied', ctx.day)
    const negotiation = governProcedure(entry.region, 'negotiation', ctx.day)
    const mode =
      own || entry.state !== 'published'
        ? 'barred'
        : c.shareClass === 'unconditional'
          ? 'direct'
          : c.shareClass === 'conditional'
            ? 'apply'
            : 'barred'
    const name = await namer(ctx, ruling.adopter, ruling.roleLabels, entry.department)
    const limited = (step: Procedure['steps'][string]) =>
      step.clock && step.within && !('field' in step.within)
        ? shorter(entry.region, ctx.day, step.clock, step.within)
        : { within: step.within, cite: undefined }
    const path = await pathOf(ruling.value, ruling.cite, name, limited)
    const first = ruling.value.steps[ruling.value.start]!
    const open = await db
      .selectFrom('procedure.case_view')
      .select('no')
      .where('procedure', '=', 'sharing-application')
      .where('subject_id', '=', entry.id)
      .where('applicant_id', '=', ctx.actor.departmentId)
      .where('ended_at', 'is', null)
      .executeTakeFirst()
    const { value: _, adopter: _a, roleLabels: _r, ...plain } = mode === 'direct' ? direct : mode === 'barred' && !own ? denied : ruling
    const rows = itemRows(entry, ctx.day)
    const known = await fieldsOf(db, ruling.regulation, ruling.version)
    const direction = ruling.label
      ? `（${ruling.label}）`
      : ruling.inherited
        ? `（继承自${ruling.inherited}）`
        : ruling.origin === 'platform'
          ? '（平台约定，非法定）'
          : ''
    return {
      entryId: entry.id,
      code: entry.code,
      title: entry.title,
      provider: entry.department,
      shareLabel: shareLabel(entry.region, c.shareClass, ctx.day),
      mode,
      sentence: own
        ? '这是本部门的目录，不需要申请。'
        : mode === 'direct'
          ? '无条件共享：写明用途后直接取用，不需申请，每次取用留痕。'
          : mode === 'barred'
            ? denied.value.text
            : `将${path.map(s => `由 ${s.by} ${s.step}（${s.time}）`).join('，再')}${direction}`,
      cite: plain.cite,
      ruling: plain,
      path,
      dueIfToday: limited(first).within?.days ? addWorkingDays(ctx.day, limited(first).within!.days!).due : null,
      fields: [...ruling.value.requires, ...ruling.value.offers.map(field => ({ field, when: undefined }))]
        .filter(r => known[r.field])
        .map(r =>
          fieldView(
            r.field,
            known[r.field]!,
            !r.when && ruling.value.requires.some(x => x.field === r.field),
            { cite: ruling.cite },
            null,
            rows,
          ),
        ),
      items: c.items.map(i => {
        const klass = shareClassOf(c, i)
        return {
          key: i.key,
          name: i.name,
          semantic: i.semantic ? semantics[i.semantic] : null,
          shareLabel: shareLabel(entry.region, klass, ctx.day),
          available: klass !== 'denied',
          why: klass === 'denied' ? denied.value.text : null,
          treatment: proposedTreatment(i),
        }
      }),
      conditions: c.shareConditions,
      basis: c.shareBasis ? `《${c.shareBasis.instrument}》${c.shareBasis.article}` : '',
      negotiation:
        negotiation && mode === 'barred' && !own
          ? { label: negotiation.value.label, text: negotiation.value.text, cite: negotiation.cite }
          : null,
      needs: govern(entry.region, 'share-request', ctx.day).value.requires.map(name => ({ name, label: statements[name] })),
      offered: !own && c.shareClass !== 'denied' && !!(await offerOf(db, entry, ctx.actor.region)),
      openApplication: open?.no ?? null,
    }
  })

  route(app, contract.apply, async ({ body, ctx }) => caseView(ctx, await apply(ctx, body.entryId, body.form, body.renews)))
  route(app, contract.agreement, ({ params, ctx }) => agreementOf(ctx, params.id))
  route(app, contract.narrow, ({ params, body, ctx }) => narrow(ctx, params.id, body))
  route(app, contract.renewal, ({ params, ctx }) => renewalOf(ctx, params.id))
  route(app, contract.baseInterfaces, ({ ctx }) => baseInterfaces(ctx))
  route(app, contract.access, ({ body, ctx }) => takeUp(ctx, body))
  route(app, contract.suspend, ({ params, body, ctx }) => changeGrant(ctx, params.id, 'suspend', body.reason))
  route(app, contract.stop, ({ params, body, ctx }) => changeGrant(ctx, params.id, 'stop', body.reason))
  route(app, contract.sandbox, async ({ params, body, ctx }) => {
    const entry = (await publishedEntry(db, { code: params.code })) ?? notFound('catalog.entry', '目录')
    const rows = await sandboxOf(ctx, { title: entry.title, items: entry.content.items }, body.treatments, ctx.actor.departmentId)
    return { rows, count: rows.length, next: null }
  })
  route(app, contract.previewTreatments, ({ params, body, ctx }) => previewTreatments(ctx, params.no, body.treatments))
  route(app, contract.officerCandidates, ({ params, ctx }) => officerCandidates(ctx, params.id))
  route(app, contract.handOver, ({ params, body, ctx }) => handOver(ctx, params.id, body))
  route(app, contract.agreeWay, ({ params, body, ctx }) => agreeWay(ctx, params.id, body.way))
  route(app, contract.lackingBasis, ({ ctx }) => lackingBasis(ctx))
  route(app, contract.removeRecord, ({ params, query, ctx }) => deleteRecord(ctx, params.code, params.record, query.order))
  route(app, contract.demandForm, ({ params, ctx }) => demandForm(ctx, params.no))
  route(app, contract.declareExchange, ({ body, ctx }) => declareExchange(ctx, body))
  route(app, contract.exchanges, ({ ctx }) => listExchanges(db, ctx))
  route(app, contract.saveMatter, ({ body, ctx }) => saveMatter(ctx, body))
  route(app, contract.publishMatter, ({ params, ctx }) => publishMatter(ctx, params.id))
  route(app, contract.matters, ({ ctx }) => listMatters(ctx))
  route(app, contract.resume, ({ params, body, ctx }) => changeGrant(ctx, params.id, 'resume', body.reason))
}

/** Names the departments behind roles before there is a case. */
async function namer(
  ctx: StaffContext,
  adopter: string,
  labels: Record<string, string>,
  provider: string,
): Promise<(role: string) => Promise<string>> {
  const own = await departmentById(ctx.db, ctx.actor.departmentId)
  return async role => {
    if (role === 'provider') return provider
    if (role === 'applicant') return own?.name ?? '本部门'
    return (await departmentFor(ctx.db, adopter, role, labels[role] ?? role).catch(() => null))?.name ?? labels[role] ?? role
  }
}

/** The usual way through a procedure: step, who, how long. */
async function pathOf(
  p: Procedure,
  base: { regulation: string; title: string; article: string; text: string },
  name: (role: string) => Promise<string>,
  limited: (step: Procedure['steps'][string]) => { within: Term | undefined; cite?: Cite | undefined },
) {
  const path = []
  const seen = new Set<string>()
  for (let at: string | undefined = p.start; at && p.steps[at] && !seen.has(at); ) {
    seen.add(at)
    const step: Procedure['steps'][string] = p.steps[at]!
    path.push({
      step: step.label,
      by: (await Promise.all(step.by.roles.map(name))).join('、'),
      time: timeText(limited(step).within),
      cite: limited(step).cite ?? { ...base, article: step.cite ?? base.article, text: step.text ?? base.text },
    })
    at = Object.values(step.actions)
      .map(a => a as { to?: string; kind?: string })
      .find(a => a.to && a.kind !== 'return' && a.kind !== 'refuse' && !p.steps[a.to]?.stops)?.to
  }
  return path
}

import type { FastifyInstance } from 'fastify'
import * as contract from '../../../contract/catalog.ts'
import type { Level } from '../../../contract/regulation.ts'
import type { StaffContext } from '../../platform/context.ts'
import { route } from '../../platform/http.ts'
import { notFound, Problem } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { govern, law } from '../regulation/public.ts'
import { createEntry, discardDraft, rulesFor, saveDraft, submitEntries, submitEntry, workingVersion } from './commands.ts'
import { compareContents } from './compare.ts'
import { searchEntries } from './find.ts'
import { entryForm } from './form.ts'
import { guideView, issueGuide } from './guide.ts'
import { acquisitions, addAcquisition, checklist, confirmDuty, dutyBoard, linkAcquisition, releaseCatalog, releases } from './holdings.ts'
import { entryDetail, findEntry } from './queries.ts'
import { checkView } from './rules.ts'
import { addSynonyms, duplicateGroups, listSynonyms, removeSynonyms } from './settlement.ts'
import { registerChange } from './updates.ts'
import { upperFaults } from './upper.ts'

const stateLabels: Record<string, string> = { draft: '草稿', in_review: '待审核', published: '现行', superseded: '历史' }

export function registerCatalog(app: FastifyInstance): void {
  const { db } = app.services
  const show = async (ctx: StaffContext, code: string, version?: number) => entryDetail(ctx, await findEntry(db, ctx, code), version)

  /** The version a steward writes on: the draft, else what is published. */
  const written = async (ctx: StaffContext, code: string) => {
    const e = await findEntry(db, ctx, code)
    return show(ctx, code, (await workingVersion(db, e.id))?.version ?? undefined)
  }

  route(app, contract.searchEntries, ({ query, ctx }) => searchEntries(ctx, query))
  const checked = async (ctx: StaffContext, { content, region }: contract.EntryDetail) =>
    checkView(content, await rulesFor(db, region, ctx.day), await upperFaults(db, region, ctx.day, content))

  route(app, contract.createEntry, async ({ body, ctx }) => show(ctx, await createEntry(ctx, body.content)))
  route(app, contract.entryByCode, ({ params, query, ctx }) => show(ctx, params.code, query.version))
  route(app, contract.saveDraft, async ({ params, body, ctx }) => {
    await saveDraft(ctx, params.code, body.content, body.etag)
    const entry = await written(ctx, params.code)
    return { ...entry, check: await checked(ctx, entry) }
  })
  route(app, contract.checkDraft, async ({ params, ctx }) => {
    const entry = await written(ctx, params.code)
    return checked(ctx, entry)
  })
  route(app, contract.discardDraft, async ({ params, ctx }) => {
    await discardDraft(ctx, params.code)
    return { ok: true }
  })
  route(app, contract.submitEntry, async ({ params, ctx }) => {
    const caseNo = await submitEntry(ctx, params.code).catch(async error => {
      // The authority sees who tried to restrict an entry without a basis.
      if (error instanceof Problem && error.details.reason === 'basis-required') await noteRefusal(ctx, params.code, error)
      throw error
    })
    return { caseNo, entry: await written(ctx, params.code) }
  })
  route(app, contract.entryForm, async ({ query, ctx }) => entryForm(query.region ?? ctx.actor.region, ctx.day))
  route(app, contract.submitEntries, async ({ body, ctx }) => ({ cases: await submitEntries(ctx, body.codes) }))
  route(app, contract.guide, ({ query, ctx }) => guideView(db, query.region ?? ctx.actor.region, ctx.day))
  route(app, contract.issueGuide, async ({ body, ctx }) => {
    await issueGuide(ctx, body.region ?? ctx.actor.region, body)
    return guideView(db, body.region ?? ctx.actor.region, ctx.day)
  })
  route(app, contract.registerChange, async ({ body, ctx }) => ({ tasks: await registerChange(ctx, body) }))
  route(app, contract.releases, ({ query, ctx }) => releases(db, query.region ?? ctx.actor.region))
  route(app, contract.releaseCatalog, async ({ body, ctx }) => {
    const version = await releaseCatalog(ctx, body.codes)
    return (await releases(db, ctx.actor.region)).find(r => r.version === version)!
  })
  route(app, contract.acquisitions, ({ ctx }) => acquisitions(ctx))
  route(app, contract.addAcquisition, async ({ body, ctx }) => {
    const id = await addAcquisition(ctx, body)
    return (await acquisitions(ctx)).find(a => a.id === id)!
  })
  route(app, contract.linkAcquisition, async ({ params, body, ctx }) => {
    await linkAcquisition(ctx, params.id, body.code)
    return (await acquisitions(ctx)).find(a => a.id === params.id)!
  })
  route(app, contract.checklist, ({ params, ctx }) => checklist(ctx, params.id))
  route(app, contract.dutyBoard, ({ ctx }) => dutyBoard(ctx))
  route(app, contract.confirmDuty, ({ params, ctx }) => confirmDuty(ctx, params.id, params.item))
  route(app, contract.duplicates, ({ query, ctx }) => duplicateGroups(ctx, query))
  route(app, contract.synonyms, ({ ctx }) => listSynonyms(ctx))
  route(app, contract.addSynonyms, ({ body, ctx }) => addSynonyms(ctx, body))
  route(app, contract.removeSynonyms, async ({ params, ctx }) => {
    await removeSynonyms(ctx, params.id)
    return { ok: true }
  })
  route(app, contract.versions, async ({ params, ctx }) => {
    const e = await findEntry(db, ctx, params.code)
    const own = e.department_id === ctx.actor.departmentId || ctx.actor.roles.includes('bureau')
    const rows = await db
      .selectFrom('catalog.version')
      .select(['version', 'state', 'saved_by', 'submitted', 'published', 'case_no', 'regulation', 'regulation_version', 'level'])
      .where('entry_id', '=', e.id)
      .orderBy('version', 'desc')
      .execute()
    return rows
      .filter(v => own || ['published', 'superseded'].includes(v.state))
      .map(v => ({
        version: v.version,
        state: v.state,
        label: stateLabels[v.state] ?? v.state,
        by: v.saved_by,
        submitted: v.submitted?.toISOString() ?? null,
        published: v.published?.toISOString() ?? null,
        caseNo: v.case_no,
        policy: v.regulation
          ? {
              regulation: v.regulation,
              title: law().regulations.get(v.regulation)?.title ?? v.regulation,
              version: v.regulation_version!,
              level: v.level as Level | null,
            }
          : null,
      }))
  })
  route(app, contract.compare, async ({ params, query, ctx }) => {
    const e = await findEntry(db, ctx, params.code)
    const of = async (n: number) => (await entryDetail(ctx, e, n)).content
    const empty = contract.EntryContent.parse({})
    const a = query.a > 0 ? await of(query.a) : empty
    const b = query.b > 0 ? await of(query.b) : notFound('catalog.version', '目录版本')
    const labels = {
      share: govern(e.region, 'share-types', ctx.day).value.values,
      open: govern(e.region, 'open-types', ctx.day).value.values,
      origins: govern(e.region, 'catalog-origin', ctx.day).value.values,
    }
    const { rows, changedItems } = compareContents(a, b, labels)
    const uses = await db
      .selectFrom('catalog.use')
      .select(['label', 'items'])
      .where('entry_id', '=', e.id)
      .where('active', '=', true)
      .execute()
    return {
      a: query.a,
      b: query.b,
      rows,
      affected: uses.filter(u => u.items.some((k: string) => changedItems.includes(k))).map(u => u.label),
    }
  })
}

const noteRefusal = (ctx: StaffContext, code: string, problem: Problem): Promise<unknown> =>
  ctx.db.transaction().execute(tx =>
    record(tx, ctx, {
      action: 'catalog.refuse',
      subject: code,
      content: `拒绝：${problem.details.reason}`,
      ...(problem.details.cite && { cite: problem.details.cite }),
    }),
  )

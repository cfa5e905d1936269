import type { FastifyInstance } from 'fastify'
import * as contract from '../../../../contract/bases.ts'
import { itemTypes } from '../../../../contract/catalog.ts'
import { maskProfiles, profilesFor } from '../../../../contract/delivery.ts'
import type { StaffContext } from '../../../platform/context.ts'
import { route } from '../../../platform/http.ts'
import type { Jobs } from '../../../platform/jobs.ts'
import { notFound } from '../../../platform/problem.ts'
import { keyCommitment, recordRead } from '../../audit/public.ts'
import { publishedEntry, shareClassOf } from '../../catalog/public.ts'
import { regionName } from '../../regulation/public.ts'
import { keysOf, rowsOf } from './build.ts'
import { openCases } from './conflicts.ts'
import { builderOf, createBase, createTheme, declare, ownDerived, rebuild, regionsAbove } from './declare.ts'
import { offeredAs, setOffer } from './offer.ts'
import {
  basePlan,
  conflictCounts,
  type Derived,
  derivedById,
  dueOf,
  type Listed,
  listConflicts,
  listDerived,
  partsOf,
  refreshesOf,
  themePlan,
  waitingFor,
} from './queries.ts'
import { recordOf } from './record.ts'
import { entriesOf, refresh } from './refresh.ts'

export function registerBases(app: FastifyInstance): void {
  route(app, contract.baseDatabases, async ({ ctx }) => {
    const { rule, label, body } = await builderOf(ctx.db, ctx.actor.region, ctx.day)
    const rows = await listDerived(ctx.db, 'base', regionsAbove(ctx.actor.region))
    const where = body?.region ?? rule.adopter
    const missing = rule.value.themes.filter(theme => !rows.some(r => r.theme === theme))
    return {
      cite: rule.cite,
      builder: body?.name ?? label,
      mine: body?.id === ctx.actor.departmentId,
      rows: [
        ...rows.map(rowView),
        ...missing.map(theme => ({
          id: null,
          kind: 'base' as const,
          theme,
          title: theme,
          region: where,
          regionName: regionName(where),
          department: null,
          code: null,
          rows: 0,
          sources: 0,
          open: 0,
          refreshed: null,
          trouble: null,
        })),
      ],
    }
  })
  route(app, contract.themeDatabases, async ({ ctx }) => ({
    rows: (await listDerived(ctx.db, 'theme', regionsAbove(ctx.actor.region))).map(rowView),
  }))
  route(app, contract.createBaseDatabase, async ({ body, ctx }) => row(ctx, await createBase(ctx, body)))
  route(app, contract.createThemeDatabase, async ({ body, ctx }) => row(ctx, await createTheme(ctx, body)))

  route(app, contract.database, async ({ params, ctx }) => detail(ctx, await seen(ctx, params.id)))
  const declaring = async (ctx: StaffContext, id: string, kind: Derived['kind'], body: Parameters<typeof declare>[2]) => {
    const d = await ownDerived(ctx, id)
    if (d.kind !== kind) notFound('aggregation.database', '数据库')
    await declare(ctx, d, body)
    return detail(ctx, (await derivedById(ctx.db, id))!)
  }
  route(app, contract.declareBase, ({ params, body, ctx }) => declaring(ctx, params.id, 'base', body))
  route(app, contract.declareTheme, ({ params, body, ctx }) => declaring(ctx, params.id, 'theme', body))
  route(app, contract.rebuildDatabase, async ({ params, ctx }) => {
    const d = await ownDerived(ctx, params.id)
    await rebuild(ctx, d)
    return detail(ctx, d)
  })
  route(app, contract.offerDatabase, async ({ params, body, ctx }) => {
    await setOffer(ctx, await ownDerived(ctx, params.id), body)
    return detail(ctx, (await derivedById(ctx.db, params.id))!)
  })
  route(app, contract.databaseRecord, async ({ params, body, ctx }) => {
    const d = await ownDerived(ctx, params.id)
    const plan = basePlan(d) ?? notFound('aggregation.record', '记录')
    if (!d.refreshed) notFound('aggregation.record', '记录')
    const found = await recordOf(ctx.db, d, plan, body.identifier)
    await recordRead(ctx, {
      action: 'base.record',
      subject: d.title,
      content: found.values.map(v => v.name).join('、'),
      key: keyCommitment(ctx.secrets, body.identifier),
      data: { rows: 1 },
    })
    return found
  })
  route(app, contract.databaseConflicts, async ({ params, query, ctx }) => {
    const d = await seen(ctx, params.id)
    const entries = [...(await partsOf(ctx.db, [...entriesOf(d), ...(d.entry_id ? [d.entry_id] : [])])).values()]
    const own = d.department_id === ctx.actor.departmentId
    const mine = entries.filter(e => e.department === ctx.actor.department).map(e => e.id)
    const { rows, total } = await listConflicts(ctx.db, d.id, { ...query, entries: own ? null : mine })
    if (rows.length) await recordRead(ctx, { action: 'base.conflicts', subject: d.title, data: { rows: rows.length } })
    const at = new Map(entries.map(e => [e.id, e]))
    const side = (entry: string, value: string) => ({
      entry: at.get(entry)?.title ?? '',
      department: at.get(entry)?.department ?? '',
      value,
    })
    return {
      title: d.title,
      total,
      rows: rows.map(r => ({
        key: r.id,
        item: r.item,
        itemName: at.get(d.entry_id!)?.content.items.find(i => i.key === r.item)?.name ?? r.item,
        chosen: side(r.chosen_entry, r.chosen_value),
        other: side(r.other_entry, r.other_value),
        state: r.state,
        stateLabel: contract.conflictStates[r.state],
        since: r.since.toISOString(),
        caseNo: r.case_no,
      })),
      next: rows.length === query.limit ? String((Number(query.after) || 0) + rows.length) : null,
    }
  })
}

export function basesJobs(jobs: Jobs): void {
  jobs.on('aggregation.refresh', async ({ id }: { id: string }, ctx) => refresh(ctx, id), { concurrency: 2 })
  // What a failure or a right that was lost and came back has left waiting.
  jobs.on('aggregation.refresh-due', async (_, ctx) => {
    for (const id of await dueOf(ctx.db)) await ctx.jobs.enqueue(ctx.db, 'aggregation.refresh', { id })
  })
  jobs.every('aggregation.refresh-due', '*/10 * * * *')
  jobs.on('aggregation.conflicts', async ({ id }: { id: string }, ctx) => openCases(ctx, id))
}

const rowView = (d: Listed): contract.DatabaseRow & { id: string } => ({
  id: d.id,
  kind: d.kind,
  theme: d.theme,
  title: d.title,
  region: d.region,
  regionName: regionName(d.region),
  department: d.department,
  code: d.code,
  rows: d.rows ?? 0,
  sources: d.sources,
  open: d.open,
  refreshed: d.refreshed?.toISOString() ?? null,
  trouble: d.trouble,
})
const listed = async (ctx: StaffContext, d: Pick<Derived, 'id' | 'kind' | 'region'>) =>
  (await listDerived(ctx.db, d.kind, [d.region])).find(x => x.id === d.id)!
const row = async (ctx: StaffContext, id: string) => rowView(await listed(ctx, (await derivedById(ctx.db, id))!))

/** Those that serve the region, like the list; and those that a department of another region provides for. */
async function seen(ctx: StaffContext, id: string): Promise<Derived> {
  const d = (await derivedById(ctx.db, id)) ?? notFound('aggregation.database', '数据库')
  if (regionsAbove(ctx.actor.region).includes(d.region)) return d
  return notFound('aggregation.database', '数据库')
}

async function detail(ctx: StaffContext, d: Derived): Promise<contract.DatabaseDetail> {
  const ids = entriesOf(d)
  const [head, parts, refreshes, waiting, conflicts, target] = await Promise.all([
    row(ctx, d.id),
    ids.length ? partsOf(ctx.db, ids) : new Map<string, never>(),
    refreshesOf(ctx.db, d.id),
    waitingFor(ctx.db, d.id),
    conflictCounts(ctx.db, d.id),
    d.entry_id ? publishedEntry(ctx.db, { id: d.entry_id }) : undefined,
  ])
  const columns = (items: { key: string; name: string; type?: keyof typeof itemTypes | undefined }[]) =>
    items.filter(i => i.name).map(i => ({ key: i.key, name: i.name, type: i.type ? itemTypes[i.type] : '' }))
  const base = basePlan(d)
  const rows = new Map(
    (
      await rowsOf<{ entry_id: string; rows: number }>(
        ctx.db,
        'select entry_id, rows from aggregation.mount where entry_id = any($1::uuid[])',
        [ids],
      )
    ).map(m => [m.entry_id, m.rows]),
  )
  const matched = new Map(
    base && d.refreshed
      ? (
          await rowsOf<{ source: number; n: number }>(
            ctx.db,
            `select source, count(*)::int as n from ${keysOf(d.entry_id!)} group by source`,
          )
        ).map(m => [m.source, m.n])
      : [],
  )
  const own = d.department_id === ctx.actor.departmentId && ctx.actor.roles.some(r => r === 'steward' || r === 'bureau')
  const nameOf = (key: string) => target?.content.items.find(i => i.key === key)?.name ?? key
  return {
    ...head,
    cite: d.kind === 'base' ? (await builderOf(ctx.db, d.region, ctx.day)).rule.cite : null,
    version: d.version,
    entry: target
      ? {
          id: target.id,
          code: target.code,
          title: target.title,
          items: target.content.items
            .filter(i => i.name)
            .map(i => ({
              key: i.key,
              name: i.name,
              type: i.type ? itemTypes[i.type] : '',
              meaning: i.description,
              proposed: shareClassOf(target.content, i) === 'denied' ? null : offeredAs(i),
              profiles: profilesFor(i).map(value => ({ value, label: maskProfiles[value].label })),
            })),
        }
      : null,
    offer: d.offer,
    base,
    joins: themePlan(d),
    from: ids.map((id, i) => ({
      entryId: id,
      code: parts.get(id)?.code ?? '',
      title: parts.get(id)?.title ?? '（目录已撤销）',
      department: parts.get(id)?.department ?? '',
      rows: rows.get(id) ?? 0,
      matched: base ? (matched.get(i + 1) ?? 0) : null,
      items: columns(parts.get(id)?.content.items ?? []),
    })),
    waiting,
    conflicts: conflicts.map(c => ({
      item: c.item,
      itemName: nameOf(c.item),
      chosen: parts.get(c.chosen_entry)?.title ?? '',
      other: parts.get(c.other_entry)?.title ?? '',
      open: c.open,
      settled: c.settled,
      agreed: c.agreed,
    })),
    refreshes: refreshes.map(r => ({
      no: r.no,
      full: r.full,
      started: r.started.toISOString(),
      finished: r.finished.toISOString(),
      touched: r.touched,
      added: r.added,
      changed: r.changed,
      removed: r.removed,
      batches: r.nos,
    })),
    may: own ? (d.entry_id ? ['declare', 'rebuild', ...(d.kind === 'base' ? (['record', 'offer'] as const) : [])] : ['declare']) : [],
  }
}

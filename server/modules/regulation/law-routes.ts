import type { FastifyInstance } from 'fastify'
import * as contract from '../../../contract/regulation.ts'
import { addDays, dayOf } from '../../platform/clock.ts'
import type { StaffContext } from '../../platform/context.ts'
import { route } from '../../platform/http.ts'
import { notFound } from '../../platform/problem.ts'
import { calendarDay, isAnnounced } from './calendar.ts'
import { changedDays } from './calendar-file.ts'
import {
  addOverride,
  addRegion,
  adoptCalendar,
  adoptImport,
  endLaw,
  endOverride,
  importCalendar,
  importRegulation,
  kindLabel,
  mayGovern,
  recordLaw,
  refuseImport,
} from './commands.ts'
import { comparePlaces } from './compare.ts'
import { differencesOf, parametersOf, procedureWords, topicWords } from './describe.ts'
import { lawWarnings } from './force.ts'
import { adoptedBy, countsOn, type LawRecord, type Override, statusWords } from './law.ts'
import { type Loaded, readRegulation } from './load.ts'
import { govern, governProcedure, knownEffects, lawFor, regionOf } from './public.ts'
import { requirements } from './requirements.ts'
import { citeOf } from './resolve.ts'
import { type Topic, topicSchemas } from './schema.ts'
import { law } from './state.ts'

/** Routes on what the law is and how it changes; reading it as rules is in routes.ts. */
export function registerLaw(app: FastifyInstance, topicLabels: Record<string, string>): void {
  const { clock } = app.services
  const today = () => dayOf(clock())
  const region = (code: string) => regionOf(code) ?? notFound('region', '地区')
  const platform = () => law().regulations.get('platform')!

  const recordView = (r: LawRecord, day: string) => ({
    id: r.id,
    kind: r.kind,
    kindLabel: kindLabel(r.kind),
    regulation: r.regulation,
    title: law().regulations.get(r.regulation)?.title ?? r.regulation,
    version: r.version,
    from: r.from,
    until: r.until,
    document: r.document,
    note: r.note,
    by: r.by,
    counts: countsOn(r, day),
    ended: r.ended,
  })
  const recordOf = (code: string, id: string) =>
    recordView(
      law()
        .records.get(code)!
        .find(r => r.id === id)!,
      today(),
    )

  route(app, contract.regionLaw, async ({ params, query, ctx }) => {
    const place = region(params.code)
    const day = query.day ?? today()
    return {
      code: place.code,
      name: place.name,
      day,
      mayChange: !!ctx.actor && mayGovern(ctx.actor, place.code),
      adopted: adoptedBy(law(), place.code, day).map(a => ({
        regulation: a.regulation.id,
        title: a.regulation.title,
        version: a.regulation.version,
        status: a.status,
        statusLabel: statusWords(a),
        usable: a.usable,
        cite: citeOf(a.regulation, {
          cite: a.regulation.effective.cite ?? '有效期',
          text: a.regulation.effective.text ?? '按印发的日期施行。',
        }),
      })),
      records: (law().records.get(place.code) ?? []).map(r => recordView(r, day)),
      warnings: lawWarnings(place.code, day, app.services.config.lawWarningDays),
    }
  })
  route(app, contract.recordLaw, async ({ params, body, ctx }) => recordOf(params.code, await recordLaw(ctx, params.code, body)))
  route(app, contract.endLaw, async ({ params, body, ctx }) => {
    await endLaw(ctx, params.code, params.id, body)
    return recordOf(params.code, params.id)
  })
  route(app, contract.addRegion, async ({ body, ctx }) => {
    await addRegion(ctx, body)
    return { code: body.code, name: body.name }
  })
  route(app, contract.rule, async ({ params, query }) => {
    region(params.code)
    const day = query.day ?? today()
    const { topic } = params
    if (topic in topicSchemas) {
      const rule = govern(params.code, topic as Topic, day)
      if (!rule) notFound('regulation.rule', '规则')
      const other = query.entry && (topic === 'open-types' || topic === 'share-types') ? lawFor(params.code, query.entry, topic) : undefined
      const { adopter: _, roleLabels: __, value, ...ruling } = rule
      if (!other) return { ...ruling, value, words: topicWords(textOf(rule), topic, value) }
      const label = (value as { values: Record<string, string> }).values[other.value] ?? other.value
      return {
        ...ruling,
        cite: other.cite,
        regulation: other.cite.regulation,
        origin: 'law' as const,
        label: null,
        inherited: null,
        chain: [
          { region: region(params.code).name, regulation: other.cite.title, says: `${other.cite.article}：${label}` },
          ...ruling.chain.map(c => ({ ...c, overridden: c.overridden ?? `其他法律另有规定的从其规定（${other.cite.title}）` })),
        ],
        value: { value: other.value, label },
        words: [{ label: '本条目', value: label }],
      }
    }
    const rule = governProcedure(params.code, topic, day) ?? notFound('regulation.rule', '规则')
    const { adopter: _, roleLabels: __, value, ...ruling } = rule
    return { ...ruling, value, words: procedureWords(textOf(rule), value, platform()) }
  })
  const textOf = (rule: { regulation: string; version: string }): Loaded =>
    law().versions.get(rule.version) ?? law().regulations.get(rule.regulation)!

  // ---- texts brought in
  const importView = (
    i: {
      id: string
      regulation: string
      title: string
      version: string
      state: string
      recorded: Date
      recorded_by: string
      note: string | null
    },
    ctx: StaffContext,
  ) => ({
    id: i.id,
    regulation: i.regulation,
    title: i.title,
    version: i.version,
    state: i.state as 'checked' | 'adopted' | 'refused',
    recorded: i.recorded.toISOString(),
    by: i.recorded_by,
    note: i.note,
    mayDecide:
      i.state === 'refused'
        ? []
        : [...law().regions.values()].filter(r => mayGovern(ctx.actor, r.code)).map(({ code, name }) => ({ code, name })),
  })
  const importRow = async (ctx: StaffContext, id: string) =>
    (await ctx.db.selectFrom('regulation.import').selectAll().where('id', '=', id).executeTakeFirst()) ??
    notFound('regulation.import', '导入')
  route(app, contract.importRegulation, async ({ body, ctx }) =>
    importView(await importRow(ctx, await importRegulation(ctx, body.text)), ctx),
  )
  route(app, contract.imports, async ({ ctx }) =>
    (await ctx.db.selectFrom('regulation.import').selectAll().orderBy('recorded', 'desc').limit(200).execute()).map(i =>
      importView(i, ctx),
    ),
  )
  route(app, contract.importDifferences, async ({ params, query, ctx }) => {
    const i = await importRow(ctx, params.id)
    const read = readRegulation('', i.source, platform(), knownEffects)
    const own =
      query.region && region(query.region) ? adoptedBy(law(), query.region, today()).find(a => a.regulation.id === read.id) : undefined
    const before = own?.regulation ?? law().regulations.get(read.id)
    const flat = (r: Loaded) => parametersOf(r, platform(), topic => topicLabels[topic] ?? topic)
    return {
      ...importView(i, ctx),
      against: before ? { title: before.title, version: before.version } : null,
      from: read.effective.from,
      until: read.effective.until,
      differences: differencesOf(before ? flat(before) : [], flat(read)),
    }
  })
  route(app, contract.adoptImport, async ({ params, body, ctx }) => recordOf(body.region, await adoptImport(ctx, params.id, body)))
  route(app, contract.refuseImport, async ({ params, body, ctx }) => {
    await refuseImport(ctx, params.id, body.reason)
    return importView(await importRow(ctx, params.id), ctx)
  })

  // ---- the official calendar
  const calendarView = (c: {
    id: string
    year: number
    document: string
    state: string
    recorded: Date
    recorded_by: string
    holidays: unknown
    workdays: unknown
  }) => ({
    id: c.id,
    year: c.year,
    document: c.document,
    state: c.state as 'checked' | 'adopted' | 'refused',
    recorded: c.recorded.toISOString(),
    by: c.recorded_by,
    announced: isAnnounced(c.year),
    differences: changedDays({
      year: c.year,
      holidays: c.holidays as Record<string, string>,
      workdays: c.workdays as Record<string, string>,
    }),
  })
  const calendarRow = async (ctx: StaffContext, id: string) =>
    (await ctx.db.selectFrom('regulation.calendar').selectAll().where('id', '=', id).executeTakeFirst()) ??
    notFound('regulation.import', '导入')
  route(app, contract.importCalendar, async ({ body, ctx }) => calendarView(await calendarRow(ctx, await importCalendar(ctx, body.text))))
  route(app, contract.calendarImports, async ({ ctx }) =>
    (await ctx.db.selectFrom('regulation.calendar').selectAll().orderBy('recorded', 'desc').limit(50).execute()).map(calendarView),
  )
  route(app, contract.adoptCalendar, async ({ params, ctx }) => {
    const before = calendarView(await calendarRow(ctx, params.id))
    await adoptCalendar(ctx, params.id)
    return { ...before, state: 'adopted' as const, announced: true }
  })
  route(app, contract.calendarYear, async ({ params: { year } }) => {
    const days = []
    for (let day = `${year}-01-01`; day <= `${year}-12-31`; day = addDays(day, 1)) {
      const c = calendarDay(day)
      if (c.note && !c.note.startsWith('周')) days.push({ day, working: c.working, note: c.note, estimated: c.estimated })
    }
    return { year, announced: isAnnounced(year), days }
  })

  // ---- a law that goes before the local rule
  const overrideView = (o: Override) => ({
    id: o.id,
    region: o.region,
    entry: o.entry,
    topic: o.topic,
    value: o.value,
    valueLabel: (govern(o.region, o.topic, today()).value.values as Record<string, string>)[o.value] ?? o.value,
    cite: o.cite,
    by: o.by,
    at: o.at.toISOString(),
  })
  const all = () => [...law().overrides.values()].flat()
  route(app, contract.overrides, async ({ params, query }) => {
    region(params.code)
    return all()
      .filter(o => o.region === params.code && (!query.entry || o.entry === query.entry))
      .map(overrideView)
  })
  route(app, contract.addOverride, async ({ params, body, ctx }) => {
    const id = await addOverride(ctx, params.code, body)
    return overrideView(all().find(o => o.id === id)!)
  })
  route(app, contract.endOverride, async ({ params, ctx }) => {
    await endOverride(ctx, params.code, params.id)
    return { ok: true as const }
  })

  route(app, contract.compare, async ({ query }) => {
    const [a, b] = [region(query.a), region(query.b)]
    return comparePlaces(a, b, query.day ?? today(), topicLabels)
  })
  route(app, contract.conformance, async () => requirements())
}

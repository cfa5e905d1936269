import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { OpenClass } from '../../../contract/catalog.ts'
import { itemTypes, updateCycles } from '../../../contract/catalog.ts'
import type { Fault } from '../../../contract/common.ts'
import * as contract from '../../../contract/opening.ts'
import { departmentKinds as departmentKindLabels } from '../../../contract/organization.ts'
import { dayOf } from '../../platform/clock.ts'
import type { Context, Services, StaffContext } from '../../platform/context.ts'
import { csv, json, xlsx } from '../../platform/export.ts'
import { route } from '../../platform/http.ts'
import { limiter } from '../../platform/limiter.ts'
import { notFound, Problem, refuse } from '../../platform/problem.ts'
import { type Entry as LedgerEntry, recordRead } from '../audit/public.ts'
import { type Asked, excerpt, groundCite, marksIn, mend, tsqueryOf, understand } from '../catalog/public.ts'
import { headerText, urlCode } from '../delivery/public.ts'
import { requireOfficers } from '../organization/public.ts'
import { gateMode, govern, lawFor, openLabel, passGate } from '../regulation/public.ts'
import { registerAffairs, registered } from './affairs.ts'
import { changedSince, formatWords } from './attributes.ts'
import { indexListing, proposeOpening, registerOpeningEffects, withdrawListing } from './commands.ts'
import { conditionVersions, isAuthority, waits } from './follow.ts'
import { judgeRecords, type RecordRules } from './gate.ts'
import { demandPublisher } from './lists.ts'
import { openApiDocument } from './openapi.ts'
import { type QualityFacts, scoreOf } from './quality.ts'
import {
  countersOf,
  demandsFor,
  findEntry,
  frequentWords,
  isShared,
  lastBatch,
  listForStaff,
  type OpenEntry,
  type OpenRow,
  searchListings,
  staleWords,
  stateOf,
} from './queries.ts'
import {
  cycleDays,
  type GateArticles,
  type GateResult,
  gateActions,
  isFresh,
  isSensitive,
  itemClass,
  judgeGate,
  mayLeave,
  type State,
  stateLabels,
} from './rules.ts'
import type { Profile } from './scan.ts'
import { coverageOf, scopeOf } from './scope.ts'
import { type OpenSource, openServing, type Serving } from './serve.ts'

const servings = new WeakMap<Services['pool'], Serving>()
/** One per process, whatever part of the app asks. */
export function servingOf(services: Services): Serving {
  const found = servings.get(services.pool) ?? openServing(services)
  servings.set(services.pool, found)
  return found
}

const listFields: Record<string, [string, (e: OpenEntry) => boolean]> = {
  abstract: ['数据摘要', e => !!e.content?.abstract],
  items: ['数据项', e => !!e.content?.items.length],
  formatClass: ['数据格式', e => !!e.content?.formatClass],
  openClass: ['开放类型', e => !!e.openClass],
  updateCycle: ['更新频度', e => !!e.content?.updateCycle],
  openConditions: ['开放条件', e => e.openClass !== 'conditional' || !!e.content?.openConditions],
}

const recordRules = (region: string, day: string): RecordRules => {
  const topics = [
    'open-audience',
    'open-providers',
    'open-scope',
    'open-format',
    'open-desensitize',
    'open-risk',
    'open-preprocess',
    'open-use',
  ] as const
  return Object.fromEntries(topics.map(t => [t, govern(region, t, day)])) as unknown as RecordRules
}

const openness: Record<OpenClass, number> = { closed: 0, conditional: 1, open: 2 }

/** Opening for staff and the portal's reading pages, under /api. */
export function registerOpening(app: FastifyInstance): void {
  registerOpeningEffects()
  const { db, pool } = app.services
  const opening = servingOf(app.services)

  const known = async (code: string) => (await findEntry(pool, { urlCode: code })) ?? notFound('catalog.entry', '目录')

  const judge = async (
    ctx: Context,
    entry: OpenEntry,
    given: Parameters<typeof judgeGate>[0]['proposed'],
    exclusions: boolean | null,
    processing = '',
  ): Promise<GateResult> => {
    const cite = (topic: Parameters<typeof govern>[1]) => govern(entry.region, topic, ctx.day).cite
    const list = govern(entry.region, 'open-list', ctx.day)
    // A law recorded for this entry goes before its class, when it opens less; to open more the catalog has to change first.
    const law = lawFor(entry.region, entry.entryId, 'open-types')
    const other = law && openness[law.value as OpenClass] < openness[entry.openClass ?? 'open'] ? law : undefined
    const openClass = other ? (other.value as OpenClass) : entry.openClass
    const articles: GateArticles = {
      list: list.cite,
      types: other?.cite ?? cite('open-types'),
      secrecy: cite('secrecy'),
      review: cite('secrecy-review'),
      exclusions: cite('open-exclusions'),
      desensitize: cite('open-desensitize'),
      risk: cite('open-risk'),
      withdraw: cite('open-withdraw'),
    }
    return judgeGate(
      {
        state: stateOf(entry),
        published: entry.state === 'published',
        openClass,
        openLabel: openLabel(entry.region, openClass, ctx.day),
        secrecyDeclared: !!entry.content?.secrecy?.declared,
        listGaps: list.value.required.flatMap(f => (listFields[f] && !listFields[f][1](entry) ? [listFields[f][0]] : [])),
        grounds: govern(entry.region, 'open-exclusions', ctx.day).value.grounds.map(g => g.label),
        exclusionsDeclared: exclusions,
        rows: entry.rows,
        columns: entry.columns,
        items: entry.content?.items ?? [],
        proposed: given,
        findings: await opening.findingsOf(entry),
        processing,
        authority: list.roleLabels.authority ?? '主管部门',
      },
      articles,
    )
  }

  const gate = async (ctx: StaffContext, entry: OpenEntry) => {
    const state = stateOf(entry)
    const current = state === 'open' ? (entry.listing?.items ?? null) : null
    const result = await judge(ctx, entry, current, null)
    const { value: _, roleLabels: __, adopter: ___, ...ruling } = govern(entry.region, 'open-list', ctx.day)
    const rules = recordRules(entry.region, ctx.day)
    const exclusions = govern(entry.region, 'open-exclusions', ctx.day)
    const grounds = exclusions.value.grounds.map(g => ({
      key: g.key,
      label: g.label,
      secret: g.secret,
      cite: groundCite(exclusions, g),
      evidence: g.evidence.map(({ options, ...e }) => ({
        ...e,
        options: options ? Object.entries(options).map(([value, label]) => ({ value, label })) : null,
      })),
    }))
    const given = entry.content?.openExclusion
    const ground = grounds.find(g => g.key === given?.ground)
    const [facts] = entry.openClass === 'closed' ? await scopeOf(ctx, { entryId: entry.entryId }) : []
    return {
      code: entry.code,
      title: entry.title,
      state,
      stateLabel: stateLabels[state],
      needs: {
        useRequirements: rules['open-use'].value.required,
        risk: rules['open-risk'].value.record,
        desensitization: rules['open-desensitize'].value.record,
        preprocessing: rules['open-preprocess'].value.required ? rules['open-preprocess'].value.steps : null,
      },
      grounds,
      excluded:
        ground && facts
          ? {
              ground: ground.key,
              label: ground.label,
              evidence: ground.evidence.flatMap(e => {
                const value = given!.evidence[e.key]
                return value ? [{ label: e.label, value: e.options?.find(o => o.value === value)?.label ?? value }] : []
              }),
              evaluated: facts.evaluation ? dayOf(new Date(facts.evaluation.at)) : null,
              next: coverageOf(facts, ctx.day, ctx.now).next,
              cite: ground.cite,
            }
          : null,
      demands: await demandsFor(pool, entry.entryId),
      changed: changedSince(entry),
      conditionVersions: await conditionVersions(ctx, entry.entryId),
      caseNo: entry.pending?.caseNo ?? entry.listing?.caseNo ?? null,
      ...result,
      items: result.items.map(i => ({ ...i, openLabel: openLabel(entry.region, i.openLabel, ctx.day) })),
      ruling,
      may: [
        ...gateActions(ctx.actor, { departmentId: entry.departmentId, region: entry.region, state }),
        ...(await scopeActions(ctx, entry, state)),
      ],
    }
  }
  registerAffairs(app, gate as never)
  const scopeActions = async (ctx: StaffContext, entry: OpenEntry, state: State) => {
    const own = ctx.actor.departmentId === entry.departmentId && ctx.actor.roles.some(r => r === 'steward' || r === 'leader')
    const publisher =
      state === 'reviewed' &&
      (await demandPublisher(ctx, entry).then(
        () => true,
        () => false,
      ))
    const secret = govern(entry.region, 'open-exclusions', ctx.day).value.grounds.some(g => g.secret)
    const authority =
      ctx.actor.departmentRoles.includes('authority') && ctx.actor.region === entry.region && ctx.actor.roles.includes('bureau')
    return [
      ...(publisher ? (['publish'] as const) : []),
      ...(own && entry.openClass === 'closed' ? (['unlock', 'evaluate'] as const) : []),
      ...((own || authority) && secret ? (['block'] as const) : []),
      ...((own || authority) && state === 'withdrawn' && (await waits(ctx, 'open-assess', entry.code)) ? (['assess'] as const) : []),
      ...(ctx.actor.roles.includes('bureau') && isAuthority(ctx, entry.region) && (await waits(ctx, 'open-conditions', entry.code))
        ? (['conditions'] as const)
        : []),
    ]
  }
  const mayAct = (ctx: StaffContext, entry: OpenEntry, action: 'propose' | 'withdraw') => {
    const state = stateOf(entry)
    if (gateActions(ctx.actor, { departmentId: entry.departmentId, region: entry.region, state }).includes(action)) return
    const own = ctx.actor.departmentId === entry.departmentId
    refuse(own ? 'opening.wrong_state' : 'opening.not_yours', {
      status: own ? 409 : 403,
      reason: own ? 'wrong-state' : 'not-competent',
      detail: own
        ? `「${entry.title}」现在是「${stateLabels[state]}」，不能办这一步。`
        : `「${entry.title}」由 ${entry.department} 提供，只有提供部门${action === 'withdraw' ? '和当地主管部门' : '的数据专员'}能办这一步。`,
      cite: govern(entry.region, action === 'withdraw' ? 'open-withdraw' : 'open-list', ctx.day).cite,
    })
  }

  route(app, contract.openList, async ({ query, ctx }) => {
    const { rows, total } = await listForStaff(db, ctx.actor, query)
    return {
      rows: rows.map(({ region, openClass, ...r }) => ({
        ...r,
        openClass,
        openLabel: openLabel(region, openClass, ctx.day),
        stateLabel: stateLabels[r.state as keyof typeof stateLabels],
      })),
      total,
      next: rows.length === query.limit ? rows.at(-1)!.code : null,
    }
  })

  route(app, contract.gate, async ({ params, ctx }) => gate(ctx, await known(params.code)))

  route(app, contract.propose, async ({ params, body, ctx }) => {
    const entry = await registered(ctx, params.code)
    mayAct(ctx, entry, 'propose')
    const result = await judge(ctx, entry, body.items, body.exclusions, body.processing)
    const chosen = new Set(body.items.map(i => i.key))
    const records = judgeRecords(
      {
        department: entry.department,
        departmentKind: entry.departmentKind,
        kindLabel: departmentKindLabels[entry.departmentKind as keyof typeof departmentKindLabels] ?? entry.departmentKind,
        byReference: entry.byReference,
        shared: await isShared(pool, entry),
        formatClass: entry.content?.formatClass,
        formatType: entry.content?.formatType ?? '',
        sensitive: (entry.content?.items ?? []).filter(i => chosen.has(i.key) && isSensitive(i)).map(i => i.name),
      },
      body,
      recordRules(entry.region, ctx.day),
    )
    const faults: Fault[] = [...result.faults, ...records.filter(f => !f.gate).map(({ gate: _, ...f }) => f)]
    const gated = records.filter(f => f.gate)
    const blocked = gated.filter(f => gateMode(entry.region, f.gate!) === 'block')
    if (faults.length) faults.push(...blocked.map(({ gate: _, ...f }) => f))
    const first = faults[0]
    if (first) {
      throw new Problem('opening.gate', {
        status: 422,
        reason: first.code,
        detail: faults.length === 1 ? first.message : `还差 ${faults.length} 处：${first.message}`,
        ...(first.cite && { cite: first.cite }),
        ...(first.remedy && { remedy: first.remedy }),
        errors: faults,
      })
    }
    return db.transaction().execute(async tx => {
      await requireOfficers(tx, ctx, 'opening')
      for (const f of gated)
        await passGate(tx, ctx, {
          region: entry.region,
          key: f.gate!,
          code: 'opening.gate',
          reason: f.code,
          detail: f.message,
          subject: entry.code,
          ...(f.cite && { cite: f.cite }),
          ...(f.remedy && { remedy: f.remedy }),
          errors: [{ pointer: f.pointer, code: f.code, message: f.message, ...(f.cite && { cite: f.cite }) }],
        })
      return proposeOpening(tx, ctx, entry, body)
    })
  })

  route(app, contract.withdraw, async ({ params, body, ctx }) => {
    const entry = await known(params.code)
    mayAct(ctx, entry, 'withdraw')
    await db.transaction().execute(tx => withdrawListing(tx, ctx, entry, body.reason, { assess: true }))
    return gate(ctx, await known(params.code))
  })

  // ── Portal ──
  const perAddress = limiter(600, 60)
  const searchable = async () => {
    for (const e of await staleWords(pool)) {
      const { title, items, abstract } = e.content
      await indexListing(db, e.entryId, e.version, {
        title,
        items: items.filter(i => e.open.includes(i.key)).map(i => i.name),
        rest: `${abstract} ${e.department} ${e.theme}`,
      })
    }
  }

  route(app, contract.site, async ({ ctx }) => ctx.config.site)

  route(app, contract.home, async ({ ctx }) => {
    perAddress(ctx.ip, ctx.now)
    await searchable()
    await opening.counters.flush()
    const all = await searchListings(pool, '', null)
    const rows = all.map(r => rowOf(r, ctx, null))
    const count = (pick: (r: OpenRow) => string) =>
      [...Map.groupBy(all, pick)].map(([k, list]) => [k, list] as const).sort((a, b) => b[1].length - a[1].length)
    return {
      datasets: all.length,
      rows: all.reduce((sum, r) => sum + r.rows, 0),
      updatedToday: all.filter(r => r.updated && dayOf(r.updated) === ctx.day).length,
      themes: count(r => r.theme).map(([theme, list]) => ({ theme, count: list.length })),
      popular: await frequentWords(pool, 6),
      latest: [...rows].sort((a, b) => (b.updated ?? '').localeCompare(a.updated ?? '')).slice(0, 10),
      most: [...rows].sort((a, b) => b.downloads - a.downloads).slice(0, 10),
      regions: count(r => r.region).map(([code, list]) => ({ code, name: list[0]!.regionName, count: list.length })),
    }
  })

  route(app, contract.searchOpen, async ({ query, ctx }) => {
    perAddress(ctx.ip, ctx.now)
    await searchable()
    const q = query.q ?? ''
    const find = async (a: Asked | null, relaxed: boolean) => searchListings(pool, a ? tsqueryOf(a, relaxed) : '', a?.text ?? null)
    let asked = q ? await understand(db, q) : null
    let found = await find(asked, false)
    if (asked && !found.length) found = await find(asked, true)
    let corrected: string | null = null
    if (asked?.terms.length && !found.length) {
      // Only what is open is read for a name that was meant.
      const better = await mend(q, {
        exists: async part => (await find(await understand(db, part), true)).length > 0,
        names: async near => (await searchListings(pool, near, q)).flatMap(r => [r.title, ...r.items]),
      })
      const meant = better ? await understand(db, better) : null
      const instead = meant ? await find(meant, true) : []
      if (better && instead.length) [asked, found, corrected] = [meant, instead, better]
    }
    const facets = {
      theme: { label: '主题', of: (r: OpenRow) => [r.theme, r.theme] },
      region: { label: '地区', of: (r: OpenRow) => [r.region, r.regionName] },
      department: { label: '提供部门', of: (r: OpenRow) => [r.department, r.department] },
      cycle: { label: '更新周期', of: (r: OpenRow) => [r.cycle ?? '', cycleLabel(r.cycle)] },
    } satisfies Record<string, { label: string; of: (r: OpenRow) => [string, string] }>
    const keys = Object.keys(facets) as (keyof typeof facets)[]
    const fits = (r: OpenRow, except?: string) => keys.every(k => k === except || !query[k] || facets[k].of(r)[0] === query[k])
    const order: Record<typeof query.sort, (a: OpenRow, b: OpenRow) => number> = {
      relevance: (a, b) => b.rank - a.rank || b.downloads - a.downloads || time(b) - time(a),
      updated: (a, b) => time(b) - time(a),
      downloads: (a, b) => b.downloads - a.downloads || time(b) - time(a),
    }
    const list = found.filter(r => fits(r)).sort((a, b) => order[query.sort](a, b) || a.code.localeCompare(b.code))
    const from = Math.max(0, Number(query.after) || 0)
    return {
      rows: list.slice(from, from + query.limit).map(r => rowOf(r, ctx, asked)),
      next: from + query.limit < list.length ? String(from + query.limit) : null,
      total: list.length,
      corrected,
      // The counts of a facet leave out its own selection: what another choice would find.
      facets: keys.map(key => ({
        key,
        label: facets[key].label,
        values: [
          ...Map.groupBy(
            found.filter(r => fits(r, key)),
            r => facets[key].of(r)[0]!,
          ),
        ]
          .map(([value, rows]) => ({ value, label: facets[key].of(rows[0]!)[1]!, count: rows.length }))
          .sort((a, b) => b.count - a.count || a.label.localeCompare(b.label)),
      })),
    }
  })

  route(app, contract.dataset, async ({ params, ctx, request }) => {
    perAddress(ctx.ip, ctx.now)
    const s = await opening.source(ctx, params.code, 'page')
    await opening.counters.flush()
    const { downloads, calls } = await countersOf(pool, s.entryId)
    const content = s.content!
    const profile = await opening.profile(s)
    const base = ctx.config.publicUrl ?? `${request.protocol}://${request.host}`
    const updated = s.updated ? dayOf(s.updated) : s.listing.published
    return {
      ...rowOf(rowFrom(s, downloads, calls), ctx, null),
      abstract: content.abstract,
      description: s.listing.description,
      version: s.listing.version,
      published: s.listing.published,
      cite: s.listing.cite,
      citation: `${s.department}. ${s.title}（第 ${s.listing.version} 版，${updated} 更新）[DB]. ${ctx.config.site.name}. ${base}/dataset/${urlCode(s.code)}`,
      attribution: `数据来源：${s.department}（${ctx.config.site.name}）`,
      items: s.items.map(i => ({
        key: i.key,
        name: i.name,
        description: i.description ?? '',
        type: i.type ? itemTypes[i.type as keyof typeof itemTypes] : '字符',
        ...(profile[i.key] ?? { filled: null, distinct: null, top: [] }),
        masked: i.treatment === 'masked',
      })),
      withheld: content.items
        .filter(i => !s.items.some(o => o.key === i.key))
        .map(i => ({
          name: i.name,
          why: mayLeave(itemClass(i, s.openClass), s.openClass)
            ? s.columns.includes(i.key)
              ? '经审查不开放'
              : '暂无数据'
            : openLabel(s.region, itemClass(i, s.openClass), ctx.day),
        })),
      calls,
      useRequirements: s.listing.useRequirements,
      format: formatWords(content),
      conditions: conditionWords(s),
      late: late(s, ctx),
      quality: scoreOf(
        govern(s.region, 'open-quality', ctx.day).value.dimensions,
        await qualityFacts(s, profile, ctx),
        govern(s.region, 'open-quality', ctx.day).cite,
      ),
      readBy: { steps: s.listing.records.preprocessing?.map(p => p.step) ?? [], assessed: !!s.listing.records.risk },
      files: (s.openClass === 'conditional' ? [] : (['csv', 'xlsx', 'json'] as const)).map(format => ({
        format,
        href: `/api/open/datasets/${urlCode(s.code)}/download?format=${format}`,
        bytes: null,
      })),
      api: `/open/v1/${urlCode(s.code)}`,
      source: content.origin || null,
    }
  })

  route(app, contract.preview, async ({ params, ctx, request }) => {
    perAddress(ctx.ip, ctx.now)
    const { source, columns, rows } = await opening.preview(ctx, params.code, 30, keyOf(request))
    await recordRead(ctx, taken(ctx, source, { action: 'open.preview', method: '门户预览', medium: '网页', rows: rows.length }))
    opening.counters.add(source.entryId, 'previews')
    return { columns: columns.map(c => ({ key: c.key, name: c.name, type: c.type ?? 'C' })), rows }
  })

  const perDownload = limiter(60, 60)
  route(app, contract.download, async ({ params, query, ctx, request, reply }) => {
    perDownload(ctx.ip, ctx.now)
    const s = await opening.source(ctx, params.code, keyOf(request))
    const columns = s.items.map(i => ({ key: i.key, name: i.name, type: i.type ?? 'C' }))
    const rows = opening.all(ctx, params.code, keyOf(request))
    const make = { csv: () => csv(columns, rows), json: () => json(columns, rows), xlsx: () => xlsx(columns, rows) }
    const seq = await recordRead(
      ctx,
      taken(ctx, s, { action: 'open.download', method: '门户下载', medium: `文件（${query.format.toUpperCase()}）`, rows: s.rows }),
    )
    opening.counters.add(s.entryId, 'downloads')
    const name = `${s.title.replace(/[\\/:*?"<>|\p{Cc}]/gu, '_')}.${query.format}`
    return reply
      .headers({
        'content-type': {
          csv: 'text/csv; charset=utf-8',
          json: 'application/json; charset=utf-8',
          xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
        }[query.format],
        'content-disposition': `attachment; filename="${urlCode(s.code)}.${query.format}"; filename*=UTF-8''${encodeURIComponent(name)}`,
        'cache-control': 'no-store',
        'huitong-ledger': String(seq),
        'x-content-type-options': 'nosniff',
      })
      .send(Readable.from(make[query.format](), { objectMode: false }))
  })
}

/** The public data interface, at the root: /open/v1. */
export function registerOpeningApi(app: FastifyInstance): void {
  const opening = servingOf(app.services)
  app.addHook('onClose', async () => void (await opening.counters.flush()))
  const perAddress = limiter(300, 60)

  route(app, contract.openData, async ({ params, query, ctx, request, reply }) => {
    perAddress(ctx.ip, ctx.now)
    const { source, columns, count, body } = await opening.rows(ctx, params.code, query, keyOf(request))
    const seq = await recordRead(
      ctx,
      taken(ctx, { ...source, items: columns }, { action: 'open.read', method: '开放接口', medium: '接口报文', rows: count }),
    )
    opening.counters.add(source.entryId, 'calls')
    return reply
      .headers({
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'no-store',
        'huitong-ledger': String(seq),
        // Open data may be used by pages of other sites; nothing here depends on who asks.
        'access-control-allow-origin': '*',
      })
      .send(body)
  })

  route(app, contract.openApiOf, async ({ params, ctx, request, reply }) => {
    perAddress(ctx.ip, ctx.now)
    const s = await opening.source(ctx, params.code, 'page')
    void reply.header('access-control-allow-origin', '*')
    return openApiDocument({
      base: ctx.config.publicUrl ?? `${request.protocol}://${request.host}`,
      code: s.code,
      title: s.title,
      description: s.listing.description,
      department: s.department,
      version: s.listing.version,
      guarded: s.openClass === 'conditional',
      items: s.items,
      // What the open list has to say about a set, by the names it uses.
      attributes: {
        数据领域: s.listing.theme,
        数据摘要: s.content?.abstract ?? '',
        数据项: s.items.map(i => i.name),
        数据格式: formatWords(s.content ?? {}),
        开放类型: openLabel(s.region, s.openClass, ctx.day),
        开放条件: conditionWords(s),
        更新频度: cycleLabel(s.content?.updateCycle),
      },
    })
  })
}

/** The key of an authorisation, in the header only: an address is written down in too many places. */
const keyOf = (request: { headers: Record<string, string | string[] | undefined> }): { key: string | null; purpose: string | null } => ({
  key: /^Bearer (\S{20,200})$/i.exec(String(request.headers.authorization ?? ''))?.[1] ?? null,
  purpose: headerText(request.headers['x-huitong-purpose']),
})

/** The usage record of public data: nobody signs in, so the person is the public, or the holder of the authorisation. */
const taken = (
  ctx: Context,
  s: Pick<OpenSource, 'code' | 'title' | 'departmentId' | 'region' | 'listing' | 'access'> & { items: { name: string }[] },
  how: { action: LedgerEntry['action']; method: string; medium: string; rows: number },
): LedgerEntry => ({
  action: how.action,
  subject: s.code,
  purpose: s.access?.purpose ?? '获取开放数据',
  approver: s.access?.approver ?? s.listing.approver,
  content: `${s.title}（${s.code}）${how.rows} 行：${s.items.map(i => i.name).join('、')}`,
  method: how.method,
  medium: how.medium,
  region: s.region,
  ...(s.access ? { person: s.access.holder } : !ctx.actor && { person: '社会公众' }),
  ...((s.access?.caseNo ?? s.listing.caseNo) && { caseNo: s.access?.caseNo ?? s.listing.caseNo! }),
  cite: s.access?.cite ?? s.listing.cite,
  data: { rows: how.rows, version: s.listing.version, providerId: s.departmentId, ...(s.access && { access: s.access.no }) },
})

const late = (s: OpenSource, ctx: Context): string | null =>
  isFresh(s.content?.updateCycle, s.updated, ctx.now) === false ? `超过更新周期（${cycleLabel(s.content?.updateCycle)}）` : null

/** What the dimensions of quality can be measured by. Unknown stays unknown. */
async function qualityFacts(s: OpenSource, profile: Profile, ctx: Context): Promise<QualityFacts> {
  const filled = s.items.flatMap(i => profile[i.key]?.filled ?? [])
  const cycle = s.content?.updateCycle
  return {
    batch: await lastBatch(ctx.pool, s.entryId),
    filled: filled.length && s.rows > 0 ? filled.reduce((a, b) => a + b, 0) / filled.length : null,
    fresh: isFresh(cycle, s.updated, ctx.now) === null ? null : { fresh: !late(s, ctx), words: late(s, ctx) ?? '期限内' },
    cycleDays: (cycle && cycleDays[cycle]) || null,
    ageDays: s.updated ? Math.floor((ctx.now.getTime() - s.updated.getTime()) / 86_400_000) : null,
    verified: null,
    served: s.rows > 0,
    formats: 4,
  }
}

const conditionWords = (s: Pick<OpenSource, 'openClass' | 'content'>): string =>
  s.openClass === 'conditional' ? (s.content?.openConditions ?? '') : '无条件'

const time = (r: OpenRow) => r.updated?.getTime() ?? 0
const cycleLabel = (cycle: string | null | undefined) => (cycle && updateCycles[cycle as keyof typeof updateCycles]) || '未写明'

function rowOf(r: OpenRow, ctx: Context, asked: Asked | null) {
  const hits = asked ? r.items.filter(name => marksIn(name, asked).length).slice(0, 8) : []
  const snippet = excerpt(r.abstract, asked)
  return {
    code: r.code,
    title: r.title,
    department: r.department,
    region: r.region,
    regionName: r.regionName,
    theme: r.theme,
    openLabel: openLabel(r.region, r.openClass, ctx.day),
    openClass: r.openClass,
    updateCycle: cycleLabel(r.cycle),
    updated: r.updated?.toISOString() ?? null,
    fresh: isFresh(r.cycle ?? undefined, r.updated, ctx.now),
    rows: r.rows,
    formats: r.openClass === 'conditional' ? ['授权后可取'] : ['CSV', 'XLSX', 'JSON', '接口'],
    downloads: r.downloads,
    hits,
    snippet,
    marks: { title: marksIn(r.title, asked), hits: hits.map(name => marksIn(name, asked)), snippet: marksIn(snippet, asked) },
  }
}

const rowFrom = (s: OpenSource, downloads: number, calls: number): OpenRow => ({
  entryId: s.entryId,
  code: s.code,
  title: s.title,
  department: s.department,
  region: s.region,
  regionName: s.regionName,
  theme: s.listing.theme,
  openClass: s.openClass!,
  cycle: s.content?.updateCycle ?? null,
  abstract: s.content?.abstract ?? '',
  updated: s.updated,
  published: s.listing.published,
  rows: s.rows,
  downloads,
  calls,
  rank: 0,
  items: s.items.map(i => i.name),
})

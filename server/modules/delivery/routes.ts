import { createSecretKey } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import * as contract from '../../../contract/delivery.ts'
import { addDays } from '../../platform/clock.ts'
import type { StaffContext } from '../../platform/context.ts'
import { contextOf, problemOf, route } from '../../platform/http.ts'
import { limiter } from '../../platform/limiter.ts'
import { notFound, Problem, refuse } from '../../platform/problem.ts'
import { digestKey } from '../aggregation/public.ts'
import { expandLedger, record, recordRead } from '../audit/public.ts'
import { publishedEntry } from '../catalog/public.ts'
import { deliveryOf, headerText } from './api.ts'
import { rotateCredentials, setAllowedIps } from './commands.ts'
import { disposalOf, stateDisposal } from './disposal.ts'
import { aggregateExample, examples, groupsExample } from './examples.ts'
import { callsOf, grantDocument } from './openapi.ts'
import { listPackages, openLink, orderPackage, packageNo, takePackage, traceMarks } from './packages.ts'
import { isNumber } from './projection.ts'
import { findClient, type LoadedGrant, listCalls, listGrants, listUses, loadGrantRow, usageByDay } from './queries.ts'
import {
  beyond,
  findingOf,
  type GrantAction,
  type GrantPlace,
  grantActions,
  grantStateLabels,
  mayPackage,
  maySee,
  treatmentLabel,
  urlCode,
} from './rules.ts'
import './rights.ts'
import { sandboxOf } from './sandbox.ts'
import { same, secretHash, tokenReader, tokenSeconds, writeToken } from './tokens.ts'
import { alertsOf } from './unusual.ts'

/** A grant that this person may look at. */
export async function seeGrant(ctx: StaffContext, id: string): Promise<LoadedGrant> {
  const grant = await loadGrantRow(ctx.pool, id)
  // Whose it is not need not learn that it exists.
  return grant && maySee(ctx.actor, placeOf(grant, ctx.day)) ? grant : notFound('grant', '授权')
}
/** The same, where this person may take this step. */
export async function demandGrant(ctx: StaffContext, id: string, action: GrantAction): Promise<LoadedGrant> {
  const grant = await seeGrant(ctx, id)
  const way = action === 'package' ? mayPackage(grant) : grant.method !== 'file' || !['rotate', 'edit-ips', 'try'].includes(action)
  if (!way && ctx.actor.departmentId === grant.granteeDepartmentId)
    refuse('data.method_not_granted', {
      status: 403,
      reason: 'method-not-granted',
      detail:
        action === 'package'
          ? `授权 ${grant.no} 的共享方式是「服务接口」，不能生成数据包。`
          : `授权 ${grant.no} 的共享方式是「数据文件」，没有凭证，也不能调用接口。`,
      cite: grant.cite,
      remedy: `请${action === 'package' ? '用接口取用' : '在授权页生成数据包'}；需要别的方式的，重新申请。`,
    })
  if (!grantActions(ctx.actor, placeOf(grant, ctx.day)).includes(action)) {
    // Its own people of the right role were let in by the endpoint; what stands in the way is the state.
    if (ctx.actor.departmentId === grant.granteeDepartmentId)
      refuse('grant.wrong_state', {
        status: 409,
        reason: 'wrong-state',
        detail: `授权 ${grant.no} 现在是「${stateOf(grant, ctx.day).label}」，不能办这一步。`,
        cite: grant.stateCite ?? grant.cite,
        remedy: grant.state === 'suspended' ? '由提供部门恢复后再办理。' : '仍需使用的，请重新申请或续期。',
      })
    refuse('grant.not_yours', {
      status: 403,
      reason: 'not-competent',
      detail: `授权 ${grant.no}（${stateOf(grant, ctx.day).label}）的这一步只能由使用部门「${grant.grantee}」在授权有效时办理。`,
      remedy: '请联系使用部门的数据专员或开发人员。',
    })
  }
  return grant
}

/** Pages about grants, under /api. */
export function registerDelivery(app: FastifyInstance): void {
  const { db } = app.services
  const delivery = deliveryOf(app.services)

  const show = async (ctx: StaffContext, id: string) => view(ctx, await seeGrant(ctx, id))

  route(app, contract.grants, async ({ query, ctx }) => {
    await delivery.calls.flush()
    const { rows, total } = await listGrants(db, ctx.actor, query, ctx.day)
    return {
      rows: rows.map(r => ({
        ...r,
        stateLabel: grantStateLabels[r.state as keyof typeof grantStateLabels],
        daysLeft: daysLeft(r, ctx.day),
        lastCall: r.lastCall?.toISOString() ?? null,
      })),
      total,
      next: rows.length === query.limit ? rows.at(-1)!.no : null,
    }
  })

  route(app, contract.grant, ({ params, ctx }) => show(ctx, params.id))

  route(app, contract.rotate, async ({ params, ctx, request, reply }) => {
    const grant = await demandGrant(ctx, params.id, 'rotate')
    const made = await db.transaction().execute(tx => rotateCredentials(tx, ctx, grant.id))
    const base = baseUrl(ctx, request)
    const urls = { tokenUrl: `${base}/oauth/token`, dataUrl: `${base}/data/v1/${urlCode(grant.code)}` }
    void reply.header('cache-control', 'no-store')
    return { ...made, ...urls, examples: examples({ ...urls, clientId: made.clientId, aggregate: aggregateExample(grant) }) }
  })

  const documentOf = async (ctx: StaffContext, grant: LoadedGrant, base: string) => {
    const entry = await publishedEntry(db, { id: grant.entryId })
    const known = entry?.content.items ?? []
    const given = grant.items
      .filter(i => known.some(k => k.key === i.key))
      .map(i => ({ key: i.key, treatment: i.treatment, ...(i.profile && { profile: i.profile }) }))
    const rows = given.length ? await sandboxOf(ctx, { title: grant.title, items: known }, given, grant.granteeDepartmentId, 2) : []
    return { rows, document: grantDocument({ ...grant, base, leastGroup: ctx.config.data.leastGroup, example: rows[0] }) }
  }
  route(app, contract.guide, async ({ params, ctx, request }) => {
    const grant = await seeGrant(ctx, params.id)
    const base = baseUrl(ctx, request)
    const urls = { tokenUrl: `${base}/oauth/token`, dataUrl: `${base}/data/v1/${urlCode(grant.code)}` }
    const { rows, document } = await documentOf(ctx, grant, base)
    const { state } = stateOf(grant, ctx.day)
    const none = grant.method === 'file' || state === 'revoked' || state === 'expired'
    return {
      ...urls,
      calls: none ? [] : callsOf(document),
      example: JSON.stringify(
        rows.length || !grant.items.some(i => i.treatment === 'aggregate')
          ? { rows, count: rows.length, next: null }
          : groupsExample(grant, ctx.config.data.leastGroup),
        null,
        2,
      ),
      examples: examples({ ...urls, clientId: grant.clientId ?? '<client_id>', aggregate: aggregateExample(grant) }),
    }
  })
  route(app, contract.openApi, async ({ params, ctx, request, reply }) => {
    const grant = await seeGrant(ctx, params.id)
    const { document } = await documentOf(ctx, grant, baseUrl(ctx, request))
    return reply
      .headers({
        'content-type': 'application/json; charset=utf-8',
        'content-disposition': `attachment; filename="${grant.no}.openapi.json"`,
      })
      .send(JSON.stringify(document, null, 2))
  })

  const disposal = async (ctx: StaffContext, id: string) => {
    const grant = await seeGrant(ctx, id)
    await delivery.calls.flush()
    return disposalOf(ctx, grant, grantActions(ctx.actor, placeOf(grant, ctx.day)).includes('dispose'))
  }
  route(app, contract.disposal, ({ params, ctx }) => disposal(ctx, params.id))
  route(app, contract.stateDisposal, async ({ params, body, ctx }) => {
    const grant = await seeGrant(ctx, params.id)
    await delivery.calls.flush()
    await stateDisposal(ctx, grant, body)
    return disposal(ctx, grant.id)
  })

  route(app, contract.setIps, async ({ params, body, ctx }) => {
    const grant = await demandGrant(ctx, params.id, 'edit-ips')
    await db.transaction().execute(tx => setAllowedIps(tx, ctx, grant.id, [...new Set(body.ips)]))
    return show(ctx, grant.id)
  })

  route(app, contract.tryCall, async ({ params, body, ctx }) => {
    const grant = await demandGrant(ctx, params.id, 'try')
    const code = urlCode(grant.code)
    const started = performance.now()
    const done = (status: number, reply: unknown, ledger: number | null) => ({
      url: `/data/v1/${code}${body.aggregate ? '/aggregate' : body.query && `?${body.query}`}`,
      status,
      milliseconds: Math.round((performance.now() - started) * 10) / 10,
      body: reply,
      ledger,
    })
    try {
      const parsed = contract.DataQuery.safeParse(Object.fromEntries(new URLSearchParams(body.query)))
      if (!parsed.success) refuse('request.invalid', { status: 400, detail: `参数不对：${parsed.error.issues[0]?.message ?? ''}` })
      const call = { grantId: grant.id, credential: null, code, operator: ctx.actor.name, caseRef: body.purpose, purpose: null, user: null }
      const { body: text, seq } = await (body.aggregate
        ? delivery.aggregate(ctx, call, body.aggregate, true)
        : delivery.rows(ctx, call, parsed.data, true))
      return done(200, JSON.parse(text), seq)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return done(error.status, error.document(ctx.requestId), Number(error.details.headers?.['huitong-ledger']) || null)
    }
  })

  const packagesOf = async (id: string) =>
    (await listPackages(db, id)).map(p => ({
      id: p.id,
      no: packageNo(p.n),
      format: `${contract.packageFormats[p.format]}${p.encoding === 'gb18030' ? '（GB18030）' : ''}${p.asOf ? `，${p.asOf} 的数据` : ''}`,
      state: p.state,
      stateLabel: packageStates[p.state],
      problem: p.problem?.detail ?? null,
      operator: p.operator,
      caseRef: p.caseRef,
      rows: p.rows,
      bytes: p.bytes,
      sha256: p.sha256,
      ledger: p.seq,
      created: p.created.toISOString(),
      expires: p.expires?.toISOString() ?? null,
      downloads: p.downloads,
    }))
  route(app, contract.packages, async ({ params, ctx }) => packagesOf((await seeGrant(ctx, params.id)).id))
  route(app, contract.orderPackage, async ({ params, body, ctx }) => {
    const grant = await demandGrant(ctx, params.id, 'package')
    await orderPackage(ctx, grant, body)
    return packagesOf(grant.id)
  })
  route(app, contract.packageLink, async ({ params, ctx, request, reply }) => {
    const grant = await demandGrant(ctx, params.id, 'package')
    const { link, until } = await openLink(ctx, grant.id, params.package)
    void reply.header('cache-control', 'no-store')
    return { url: `${baseUrl(ctx, request)}/data/v1/packages?link=${link}`, until: until.toISOString() }
  })
  route(app, contract.traceMarks, async ({ body, ctx }) => {
    const found = []
    for (const one of await traceMarks(ctx, body.marks)) {
      const grant = await loadGrantRow(ctx.pool, one.grantId)
      if (!grant || !maySee(ctx.actor, placeOf(grant, ctx.day))) continue
      found.push({
        mark: one.mark,
        row: one.row,
        package: packageNo(one.package.n),
        grantId: grant.id,
        grant: grant.no,
        provider: grant.provider,
        grantee: grant.grantee,
        title: grant.title,
        operator: one.package.operator,
        caseRef: one.package.caseRef,
        created: one.package.created.toISOString(),
        ledger: one.package.seq,
      })
    }
    await record(db, ctx, { action: 'package.trace', content: [...new Set(found.map(f => f.package))].join('、') || '没有认出' })
    return found
  })

  route(app, contract.calls, async ({ params, query, ctx }) => {
    const grant = await seeGrant(ctx, params.id)
    await delivery.calls.flush()
    const { rows, total } = await listCalls(db, grant.id, query.after, query.limit)
    return {
      rows: rows.map(({ id, ...r }) => ({ ...r, at: r.at.toISOString() })),
      total,
      next: rows.length === query.limit ? String(rows.at(-1)!.id) : null,
    }
  })

  route(app, contract.useRecords, async ({ query, ctx }) => {
    await delivery.calls.flush()
    await ctx.ledger.flush()
    await expandLedger(db)
    const [from, to] = [query.from ?? addDays(ctx.day, -30), query.to ?? ctx.day]
    const known = Object.values(beyond).flat()
    const { kind } = query
    const refused = !kind ? undefined : kind === 'refused' ? { not: [] } : kind === 'other' ? { not: known } : { codes: beyond[kind] }
    const { rows, total, refusals } = await listUses(db, ctx.actor, { ...query, refused, from, to })
    const kinds = Object.keys(contract.findingKinds) as (keyof typeof contract.findingKinds)[]
    return {
      from,
      to,
      total,
      next: rows.length === query.limit ? String(rows.at(-1)!.id) : null,
      findings: kinds.flatMap(kind => {
        const of = refusals.filter(r => findingOf(400, r.code) === kind)
        const count = of.reduce((sum, r) => sum + r.count, 0)
        return count ? [{ kind, label: contract.findingKinds[kind], count, departments: new Set(of.flatMap(r => r.departments)).size }] : []
      }),
      rows: rows.map(({ id: _, ...r }) => {
        const kind = findingOf(r.status, r.code)
        return {
          ...r,
          at: r.at.toISOString(),
          medium: r.status >= 400 ? '无' : r.method === '数据文件' ? '文件' : r.method === '库表推送' ? '库表' : '接口报文',
          kind,
          kindLabel: kind && contract.findingKinds[kind],
        }
      }),
    }
  })
  route(app, contract.usage, async ({ params, ctx }) => {
    const grant = await seeGrant(ctx, params.id)
    await delivery.calls.flush()
    return usageByDay(db, grant.id, addDays(ctx.day, -29), ctx.day)
  })
  route(app, contract.alerts, async ({ params, ctx }) =>
    (await alertsOf(db, (await seeGrant(ctx, params.id)).id)).map(a => ({
      ...a,
      kindLabel: contract.alertKinds[a.kind],
      at: a.at.toISOString(),
    })),
  )
}

/** The data API for consumer systems, at the root: /oauth/token and /data/v1. In a scope of its own, for its errors. */
export const registerDeliveryApi = (root: FastifyInstance): void => void root.register(async app => deliveryApi(app))
function deliveryApi(app: FastifyInstance): void {
  const { pool, secrets } = app.services
  const key = createSecretKey(secrets.derive('delivery.token'))
  const readToken = tokenReader(key)
  const perClient = limiter(30, 60)
  const perAddress = limiter(300, 60)
  const delivery = deliveryOf(app.services)
  app.addHook('onClose', () => delivery.calls.flush())

  route(app, contract.token, async ({ body, ctx, request, reply }) => {
    const basic = readBasic(request.headers.authorization)
    const clientId = basic?.[0] ?? body.client_id ?? ''
    const secret = basic?.[1] ?? body.client_secret ?? ''
    perAddress(ctx.ip, ctx.now)
    perClient(`${ctx.ip} ${clientId.slice(0, 80)}`, ctx.now)
    if (body.grant_type !== 'client_credentials')
      refuse('oauth.grant_type', {
        status: 400,
        error: body.grant_type ? 'unsupported_grant_type' : 'invalid_request',
        detail: body.grant_type ? '只能用 client_credentials 换取令牌。' : '没有写 grant_type。',
        remedy: '请以表单或 JSON 发送 grant_type=client_credentials。',
        headers: { 'cache-control': 'no-store' },
      })
    const client = await findClient(pool, clientId)
    // An unknown client costs the same comparison as a known one.
    const right = same(secretHash(secret), client?.secretHash ?? Buffer.alloc(32))
    if (!client || !right) {
      await noteStranger(ctx, 'client_id 或密钥不对')
      refuse('oauth.invalid_client', {
        status: 401,
        title: '凭证不对',
        reason: 'invalid_client',
        error: 'invalid_client',
        detail: 'client_id 或密钥不对。',
        remedy: '请核对凭证；密钥丢失时请在授权页轮换。',
        headers: { 'www-authenticate': 'Basic realm="huitong"', 'cache-control': 'no-store' },
      })
    }
    void reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
    const expires = Math.floor(ctx.now.getTime() / 1000) + tokenSeconds
    return {
      access_token: writeToken(key, { grantId: client.id, credential: client.credential, expires }),
      token_type: 'Bearer' as const,
      expires_in: tokenSeconds,
    }
  })

  // Somebody without a right token belongs to no grant. That it was tried is recorded, but not each time: nobody may fill the ledger from outside.
  const onceAMinute = limiter(1, 60)
  const noteStranger = async (ctx: StaffContext, what: string) => {
    try {
      onceAMinute(ctx.ip, ctx.now)
    } catch {
      return
    }
    await recordRead(ctx, {
      action: 'data.refused',
      person: '未写明',
      content: '拒绝：token-invalid',
      method: '服务接口',
      medium: '无',
      data: { tried: what },
    })
  }
  const callOf = async (request: FastifyRequest, ctx: StaffContext, code: string) => {
    const bearer = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    const token = bearer ? readToken(bearer, ctx.now) : null
    if (!token) {
      await noteStranger(ctx, bearer ? '令牌不对或已过期' : '没有令牌')
      refuse('data.token_invalid', {
        status: 401,
        title: '令牌无效',
        reason: 'token-invalid',
        detail: bearer ? '令牌不对或已过期。' : '没有带访问令牌。',
        remedy: '请用 client_id 和密钥向 /oauth/token 换取令牌，放在请求头 Authorization: Bearer 里。',
        headers: { 'www-authenticate': `Bearer realm="huitong"${bearer ? ', error="invalid_token"' : ''}` },
      })
    }
    return {
      grantId: token.grantId,
      credential: token.credential,
      code,
      operator: headerText(request.headers['x-huitong-operator']),
      caseRef: headerText(request.headers['x-huitong-case']),
      purpose: headerText(request.headers['x-huitong-purpose']),
      user: headerText(request.headers['x-huitong-user']),
    }
  }
  // What cannot be read (parameters, body, size) is refused and recorded like what is not granted, once it is known whose call it is.
  app.setErrorHandler(async (error, request) => {
    const { code } = request.params as { code?: string }
    const problem = problemOf(error, request)
    if (code !== undefined && /^(request|http)\./.test(problem.code)) {
      const ctx = contextOf(app.services, request) as StaffContext
      await delivery.unread(ctx, await callOf(request, ctx, code), problem)
    }
    throw problem
  })
  const headers = ({ seq, limits }: { seq: number; limits: Record<string, string> }) => ({
    ...limits,
    'huitong-ledger': String(seq),
    'cache-control': 'no-store',
    'content-type': 'application/json; charset=utf-8',
  })

  type Answer = { body: string; seq: number; limits: Record<string, string> }
  const give = (reply: FastifyReply, answer: Answer) => reply.headers(headers(answer)).send(answer.body)

  route(app, contract.data, async ({ params, query, ctx, request, reply }) =>
    give(reply, await delivery.rows(ctx, await callOf(request, ctx, params.code), query)),
  )
  route(app, contract.takePackage, async ({ query, ctx, reply }) => {
    perAddress(ctx.ip, ctx.now)
    const taken = await takePackage(ctx, delivery, query.link)
    return reply
      .headers({
        'huitong-ledger': String(taken.seq),
        'cache-control': 'no-store',
        'content-type': 'application/zip',
        'content-length': String(taken.bytes),
        'content-disposition': `attachment; filename="${taken.name}"`,
        'content-digest': `sha-256=:${Buffer.from(taken.sha256, 'hex').toString('base64')}:`,
        'x-content-type-options': 'nosniff',
      })
      .send(taken.stream)
  })
  route(app, contract.countRows, async ({ params, query, ctx, request, reply }) =>
    give(reply, await delivery.count(ctx, await callOf(request, ctx, params.code), query)),
  )
  route(app, contract.batchOfKeys, async ({ params, body, ctx, request, reply }) =>
    give(reply, await delivery.batch(ctx, await callOf(request, ctx, params.code), body.keys, body.fields)),
  )
  route(app, contract.aggregate, async ({ params, body, ctx, request, reply }) =>
    give(reply, await delivery.aggregate(ctx, await callOf(request, ctx, params.code), body)),
  )
  route(app, contract.changes, async ({ params, query, ctx, request, reply }) =>
    give(reply, await delivery.changes(ctx, await callOf(request, ctx, params.code), query)),
  )

  route(app, contract.reportDoubt, async ({ params, body, ctx, request, reply }) => {
    const answer = await delivery.doubt(ctx, await callOf(request, ctx, params.code), body)
    void reply.headers(headers(answer))
    return { caseNo: answer.caseNo, text: '已受理，办结后会告知；在此期间取用这条记录的部门都会看到疑义标注。' }
  })

  route(app, contract.correctionList, async ({ params, query, ctx, request, reply }) =>
    give(reply, await delivery.corrections(ctx, await callOf(request, ctx, params.code), query.since)),
  )
  route(app, contract.verify, async ({ params, body, ctx, request, reply }) =>
    give(reply, await delivery.compare(ctx, await callOf(request, ctx, params.code), body.key, body.values)),
  )
}

const placeOf = (g: LoadedGrant, day: string): GrantPlace => ({
  state: g.state,
  expired: !!g.until && g.until < day,
  granteeDepartmentId: g.granteeDepartmentId,
  providerDepartmentId: g.providerDepartmentId,
  granteeRegion: g.granteeRegion,
  providerRegion: g.providerRegion,
  clientId: g.clientId,
  settles: g.awaits.some(a => a.key === 'agreed-way'),
  files: mayPackage(g),
  filesOnly: g.method === 'file',
  applied: g.caseNo !== null,
})

const packageStates = { queued: '正在生成', ready: '可以下载', failed: '没有生成', gone: '已到期' } as const
const stateOf = (g: LoadedGrant, day: string) => {
  const state = g.state === 'active' && g.until && g.until < day ? ('expired' as const) : g.state
  return { state, label: grantStateLabels[state] }
}
const daysLeft = ({ state, until }: { state: string; until: string | null }, day: string) =>
  until && state !== 'revoked' && state !== 'expired' ? Math.max(0, Math.round((Date.parse(until) - Date.parse(day)) / 86_400_000)) : null

function view(ctx: StaffContext, g: LoadedGrant) {
  const { state, label } = stateOf(g, ctx.day)
  return {
    id: g.id,
    no: g.no,
    entryId: g.entryId,
    code: g.code,
    title: g.title,
    provider: g.provider,
    grantee: g.grantee,
    system: g.system,
    state,
    stateLabel: label,
    stateReason: g.stateReason,
    stateCite: g.stateCite,
    items: g.items.map(i => ({ key: i.key, name: i.name, treatment: i.treatment, treatmentLabel: treatmentLabel(i), number: isNumber(i) })),
    rows: g.limits.map(l => ({ name: l.name, values: [...l.values] })),
    purpose: g.purpose,
    basis: g.basis,
    approver: g.approver,
    from: g.from,
    until: g.until,
    daysLeft: daysLeft({ state, until: g.until }, ctx.day),
    quotaPerDay: g.quotaPerDay,
    caseNo: g.caseNo,
    cite: g.cite,
    method: g.method,
    conditions: g.conditions,
    agreedWay: g.agreedWay,
    agreement: g.agreement,
    matters: g.matters,
    approved: g.approved?.toISOString() ?? null,
    effective: g.effective?.toISOString() ?? null,
    awaits: g.awaits.map(a => ({ key: a.key, what: a.what, who: a.who, cite: a.cite, platform: !!a.gate })),
    clientId: g.clientId,
    allowedIps: g.allowedIps,
    officer: g.officer,
    formerOfficers: g.formerOfficers.map(({ name, until }) => ({ name, until })),
    originals: !!digestKey(g.items.filter(i => i.treatment === 'plain')),
    may: grantActions(ctx.actor, placeOf(g, ctx.day)),
  }
}
/** The page of a grant, for modules that end an action with it. */
export async function grantView(ctx: StaffContext, id: string) {
  return view(ctx, await seeGrant(ctx, id))
}

const baseUrl = (ctx: StaffContext, request: FastifyRequest) => ctx.config.publicUrl ?? `${request.protocol}://${request.host}`

function readBasic(header: string | undefined): [string, string] | null {
  const encoded = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1]
  if (!encoded) return null
  const text = Buffer.from(encoded, 'base64').toString()
  const cut = text.indexOf(':')
  if (cut < 0) return null
  try {
    return [decodeURIComponent(text.slice(0, cut)), decodeURIComponent(text.slice(cut + 1))]
  } catch {
    return null
  }
}

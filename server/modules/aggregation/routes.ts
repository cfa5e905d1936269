import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import * as contract from '../../../contract/aggregation.ts'
import { itemTypes } from '../../../contract/catalog.ts'
import { type Connection, placeOf, sourceKinds } from '../../../contract/connections.ts'
import type { StaffContext } from '../../platform/context.ts'
import { type Column, csv, xlsx } from '../../platform/export.ts'
import { route } from '../../platform/http.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { Unreadable } from '../../platform/xlsx.ts'
import { recordRead } from '../audit/public.ts'
import { publishedEntry } from '../catalog/public.ts'
import { explain } from '../quality/public.ts'
import { govern } from '../regulation/public.ts'
import { agentsOf } from './agents/look.ts'
import { registerAgents } from './agents/routes.ts'
import { registerBases } from './bases/routes.ts'
import { goneOf, listGone, liveView, removeGone } from './capture/gone.ts'
import {
  changeConnection,
  createSource,
  decide,
  entryToFill,
  itemsOf,
  lookAtSource,
  ownSource,
  queueBatch,
  receiveUpload,
  saveMapping,
  setFollow,
  verifyBatch,
} from './commands.ts'
import { unreachable } from './connectors/diagnosis.ts'
import { fileConnector, tableConnector } from './connectors/index.ts'
import { type Database, SourceDown, serverOf, type Target } from './connectors/types.ts'
import { coverageOf } from './coverage.ts'
import { registerDocuments } from './documents/routes.ts'
import { registerHistory } from './history.ts'
import { pipelinesOf } from './pipelines.ts'
import { registerProposals } from './prepared.ts'
import { activate, lagText, promiseOf, setCadence } from './promises.ts'
import { fetchSample, pull } from './pull.ts'
import { registerPush } from './push/routes.ts'
import {
  allRejects,
  type BatchRecord,
  batchById,
  entryHeads,
  lastBatches,
  listBatches,
  listSources,
  maySee,
  mendsOf,
  progressOf,
  rejectPage,
  type SourceRecord,
  sourceById,
  type UploadRecord,
  uploadById,
  verificationsOf,
} from './queries.ts'
import { judge } from './reading/inspect.ts'
import { allowed, shownColumns, type Verb } from './rules.ts'
import { abandonBatches, targetOf } from './run.ts'
import './health.ts'
import './matters.ts'

export function registerAggregation(app: FastifyInstance): void {
  const { services } = app
  app.addHook('onReady', async () => {
    await services.jobs.enqueue(services.db, 'aggregation.sweep', {})
  })
  app.addHook('preClose', async () => abandonBatches())

  registerPush(app)
  registerAgents(app)

  registerHistory(app)
  registerProposals(app)
  registerDocuments(app)

  route(app, contract.sources, async ({ query, ctx }) => {
    const { rows, total } = await listSources(ctx.db, ctx.actor, query)
    return { rows: await sourceViews(ctx, rows), total, next: rows.length === query.limit ? rows.at(-1)!.id : null }
  })
  route(app, contract.createSource, async ({ body, ctx }) => sourceView(ctx, await createSource(ctx, body)))
  route(app, contract.source, async ({ params, ctx }) => {
    const source = (await sourceById(ctx.db, params.id)) ?? notFound('aggregation.source', '数据源')
    if (!(await maySee(ctx.db, ctx.actor, source.department_id))) notFound('aggregation.source', '数据源')
    return sourceView(ctx, source)
  })
  route(app, contract.setConnection, async ({ params, body, ctx }) => {
    const source = await ownSource(ctx, params.id)
    await changeConnection(ctx, source, body)
    return sourceView(ctx, (await sourceById(ctx.db, source.id))!)
  })
  route(app, contract.testConnection, async ({ body, ctx }) => {
    const stored = body.sourceId ? await ownSource(ctx, body.sourceId) : undefined
    const target = { ...withStored(body.connection, stored && targetOf(ctx, stored)), bounds: ctx.config.sources }
    await recordRead(ctx, { action: 'source.test', subject: stored?.id ?? placeOf(target), data: { kind: target.kind } })
    return tried(target)
  })
  route(app, contract.setFollow, async ({ params, body, ctx }) => {
    const source = await ownSource(ctx, params.id)
    await setFollow(ctx, source, body)
    return sourceView(ctx, (await sourceById(ctx.db, source.id))!)
  })
  route(app, contract.gone, async ({ params, query, ctx }) => {
    const { rows, total, lists } = await goneOf(ctx.db, await ownSource(ctx, params.id), query)
    return {
      rows: rows.map(r => ({ key: r.key.replaceAll('\u001f', ' + '), at: r.at.toISOString(), list: r.list })),
      total,
      next: rows.length === query.limit ? rows.at(-1)!.key : null,
      lists,
    }
  })
  route(app, contract.listGone, async ({ params, ctx }) => listGone(ctx, await ownSource(ctx, params.id)))
  route(app, contract.removeGone, async ({ params, body, ctx }) => removeGone(ctx, await ownSource(ctx, params.id), body))
  route(app, contract.pullNow, async ({ params, ctx }) => {
    const source = await ownSource(ctx, params.id)
    const batches = await pull(ctx, source).catch(unreachable)
    if (source.agent_id) return { batches, text: '已请前置机读取。' }
    return { batches, text: batches.length ? `已取来 ${batches.length} 批，正在入库。` : '没有新的文件，或上一批还没有办完。' }
  })

  route(app, contract.pipelines, ({ query, ctx }) => pipelinesOf(ctx, query))

  route(app, contract.upload, async ({ params, ctx, request }) => {
    const source = await ownSource(ctx, params.id)
    await entryToFill(ctx, source.entry_id)
    const part = await request.file()
    if (!part)
      refuse('aggregation.no_upload', { status: 400, detail: '没有收到文件。', remedy: '请选择一个文件：CSV、XLSX、JSON 或 XML。' })
    const upload = await receiveUpload(ctx, source, part.filename, part.file, () => part.file.truncated)
    return inspection(ctx, source, upload, {})
  })
  route(app, contract.sample, async ({ params, ctx }) => {
    const source = await ownSource(ctx, params.id)
    return inspection(ctx, source, await fetchSample(ctx, source).catch(unreachable), {})
  })
  route(app, contract.inspect, async ({ params, query, ctx }) => {
    const upload = (await uploadById(ctx.db, params.id)) ?? notFound('aggregation.upload', '上传文件')
    return inspection(ctx, await ownSource(ctx, upload.source_id), upload, query)
  })
  route(app, contract.inspectTable, async ({ params, ctx }) => {
    const source = await ownSource(ctx, params.id)
    if (!tableConnector(source.kind))
      refuse('aggregation.no_connection', { detail: '这个数据源是文件，不是数据表。', remedy: '请上传或取来一个文件。' })
    return inspection(ctx, source, null, {})
  })
  route(app, contract.saveMapping, async ({ params, body, ctx }) => {
    const source = await ownSource(ctx, params.id)
    await saveMapping(ctx, source, body)
    return sourceView(ctx, (await sourceById(ctx.db, source.id))!)
  })
  route(app, contract.startBatch, async ({ params, body, ctx }) =>
    batchView(ctx, await queueBatch(ctx, await ownSource(ctx, params.id), body)),
  )

  route(app, contract.batches, async ({ query, ctx }) => {
    const { rows, total } = await listBatches(ctx.db, ctx.actor, query)
    return { rows: await batchViews(ctx, rows), total, next: rows.length === query.limit ? rows.at(-1)!.id : null }
  })
  const seenBatch = async (ctx: StaffContext, id: string): Promise<BatchRecord> => {
    const batch = (await batchById(ctx.db, id)) ?? notFound('aggregation.batch', '批次')
    if (!(await maySee(ctx.db, ctx.actor, batch.department_id))) notFound('aggregation.batch', '批次')
    return batch
  }
  route(app, contract.batch, async ({ params, ctx }) => (await batchViews(ctx, [await seenBatch(ctx, params.id)]))[0]!)
  route(app, contract.rejects, async ({ params, query, ctx }) => {
    const batch = await seenBatch(ctx, params.id)
    const names = await itemNames(ctx, batch)
    const page = await rejectPage(ctx.db, batch.id, query, names)
    if (page.rows.length)
      await recordRead(ctx, { action: 'batch.preview', subject: batch.no, content: '拒收清单', data: { rows: page.rows.length } })
    return {
      ...page,
      rules: page.rules.map(r => ({ ...r, label: explain(r.rule, null).label })),
      items: page.items.map(i => ({ ...i, name: names.get(i.item) ?? i.item })),
    }
  })
  route(app, contract.downloadRejects, async ({ params, query, ctx, reply }) => {
    const batch = await seenBatch(ctx, params.id)
    const source = (await sourceById(ctx.db, batch.source_id))!
    await recordRead(ctx, {
      action: 'batch.rejects',
      subject: batch.no,
      content: '拒收清单（原样）',
      method: '文件下载',
      medium: query.format.toUpperCase(),
      data: { rejected: batch.rejected },
    })
    const { columns, rows, marked } = await annotated(ctx, batch, source)
    const name = `拒收清单_${batch.no}.${query.format}`
    reply.header(
      'content-disposition',
      `attachment; filename="rejects-${batch.no}.${query.format}"; filename*=UTF-8''${encodeURIComponent(name)}`,
    )
    reply.header('cache-control', 'no-store')
    reply.type(query.format === 'csv' ? 'text/csv; charset=utf-8' : 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet')
    return reply.send(Readable.from(query.format === 'csv' ? csv(columns, rows) : xlsx(columns, rows, { sheet: '拒收', marked })))
  })

  route(app, contract.setCadence, async ({ params, body, ctx }) => {
    const source = await ownSource(ctx, params.id)
    await setCadence(ctx, source, body)
    return sourceView(ctx, (await sourceById(ctx.db, source.id))!)
  })
  route(app, contract.activateSource, async ({ params, ctx }) => {
    const source = await ownSource(ctx, params.id)
    await activate(ctx, source)
    return sourceView(ctx, (await sourceById(ctx.db, source.id))!)
  })
  route(app, contract.verifyBatch, async ({ params, body, ctx }) => {
    await verifyBatch(ctx, params.id, body)
    return batchView(ctx, params.id)
  })
  route(app, contract.coverage, ({ ctx }) => coverageOf(ctx))
  registerBases(app)

  const decisions: [Verb, typeof contract.releaseBatch][] = [
    ['release', contract.releaseBatch],
    ['return', contract.returnBatch],
    ['cancel', contract.cancelBatch],
    ['retry', contract.retryBatch],
  ]
  for (const [verb, e] of decisions) {
    route(app, e, async ({ params, body, ctx }) => {
      await decide(ctx, params.id, verb, body.reason)
      return batchView(ctx, params.id)
    })
  }
}

async function inspection(
  ctx: StaffContext,
  source: SourceRecord,
  upload: UploadRecord | null,
  options: contract.ReadOptions,
): Promise<contract.Inspection> {
  const entry = await entryToFill(ctx, source.entry_id)
  const items = itemsOf(entry)
  const name = upload?.name ?? placeOf(source.connection)
  try {
    const seen = await lookAtSource(ctx, source, upload, items, { ...source.options, ...options })
    const { shape } = seen
    await recordRead(ctx, { action: 'batch.preview', subject: entry.code, content: name, data: { rows: seen.preview.length } })
    return {
      uploadId: upload?.id ?? null,
      name,
      kind: !upload ? 'table' : shape.kind === 'document' ? shape.rows.kind : shape.kind,
      bytes: upload?.bytes ?? null,
      rows: shape.estimate,
      encoding: upload && shape.kind !== 'xlsx' ? shape.encoding : null,
      delimiter: upload && shape.kind === 'csv' ? (shape.delimiter as contract.Inspection['delimiter']) : null,
      sheets: seen.sheets,
      sheet: shape.kind === 'xlsx' ? shape.sheet : null,
      headerRow: shape.header.line,
      headerRows: shape.header.rows,
      ...judge(seen.columns, seen.preview, items, seen.messages),
    }
  } catch (error) {
    if (error instanceof Unreadable)
      refuse(`aggregation.${error.code.replaceAll('-', '_')}`, { detail: error.message, remedy: error.remedy, reason: error.code })
    return unreachable(error)
  }
}

/** The connection as typed; where a secret was left empty, the stored one, but only for the same server: no password goes to another. */
function withStored(typed: Connection, stored: Target | undefined): Target {
  if (!stored || stored.kind !== typed.kind || serverOf(stored) !== serverOf(typed)) return typed
  const given = Object.fromEntries(Object.entries(typed).filter(([, value]) => value !== ''))
  return { ...stored, ...given } as Target
}

async function tried(target: Target) {
  const none = { ok: false, remedy: null, version: null, tables: [], files: [] }
  try {
    const database = tableConnector(target.kind)
    if (database) {
      const { version, tables } = await database.tables(target as Database)
      return { ...none, ok: true, text: `连接成功：${database.label} ${version}，可以读取 ${tables.length} 个表。`, version, tables }
    }
    const place = fileConnector(target.kind)
    if (!place) return { ...none, text: '这种来源还不能连接。' }
    const files = await place.list(target)
    return {
      ...none,
      ok: true,
      text: `连接成功：${place.label}，有 ${files.length} 个文件可以取。`,
      files: files.slice(0, 100).map(({ name, bytes }) => ({ name, bytes })),
    }
  } catch (error) {
    if (!(error instanceof SourceDown)) throw error
    return { ...none, text: error.diagnosis.text, remedy: error.diagnosis.remedy }
  }
}

async function itemNames(ctx: StaffContext, batch: Pick<BatchRecord, 'entry_id'>): Promise<Map<string, string>> {
  const entry = await publishedEntry(ctx.db, { id: batch.entry_id })
  return new Map(entry?.content.items.map(i => [i.key, i.name]) ?? [])
}

/** One line per rejected row as it came, and why: corrected in place, the file can be uploaded again as it is. */
async function annotated(ctx: StaffContext, batch: BatchRecord, source: SourceRecord) {
  const names = await itemNames(ctx, batch)
  const mapped = shownColumns(source.mapping, !!tableConnector(source.kind))
  const columns: Column[] = [
    { key: 'line', name: '原行号', type: 'I' },
    ...mapped.map((m, i) => ({ key: `s${i}`, name: m.source, type: 'C' })),
    { key: 'reasons', name: '拒收原因', type: 'C' },
    { key: 'remedies', name: '怎样改', type: 'C' },
    { key: 'batch', name: '原批次', type: 'C' },
  ]
  const place = new Map(mapped.map((m, i) => [m.item, `s${i}`]))
  async function* rows(): AsyncGenerator<Record<string, unknown>> {
    let current: { line: number; values: string[]; reasons: string[]; remedies: string[]; bad: Set<string> } | undefined
    const shown = () => ({
      line: current!.line,
      ...Object.fromEntries(current!.values.map((v, i) => [`s${i}`, v])),
      reasons: current!.reasons.join('；'),
      remedies: current!.remedies.join('；'),
      batch: batch.no,
      bad: current!.bad,
    })
    for await (const r of allRejects(ctx.db, batch.id)) {
      if (current && (r.row || r.line !== current.line)) {
        yield shown()
        current = undefined
      }
      current ??= { line: r.line, values: r.row ?? [], reasons: [], remedies: [], bad: new Set() }
      const { reason, remedy } = explain(r.rule, r.value, r.note)
      current.reasons.push(r.item ? `${names.get(r.item) ?? r.item}：${reason}` : reason)
      current.remedies.push(remedy)
      const cell = place.get(r.item)
      if (cell) current.bad.add(cell)
    }
    if (current) yield shown()
  }
  return { columns, rows: rows(), marked: (row: Record<string, unknown>, key: string) => (row.bad as Set<string>).has(key) }
}

const sourceView = async (ctx: StaffContext, source: SourceRecord) => (await sourceViews(ctx, [source]))[0]!

async function sourceViews(ctx: StaffContext, sources: SourceRecord[]): Promise<contract.Source[]> {
  const last = await lastBatches(
    ctx.db,
    sources.map(s => s.id),
  )
  const views = new Map((await batchViews(ctx, last)).map(b => [b.sourceId, b]))
  const agents = await agentsOf(ctx, sources)
  const named = sources.flatMap(s => s.system_id ?? [])
  const systems = new Map(
    named.length
      ? (await ctx.db.selectFrom('organization.system_view').select(['id', 'name']).where('id', 'in', named).execute()).map(x => [
          x.id!,
          x.name!,
        ])
      : [],
  )
  return Promise.all(
    sources.map(async s => {
      const entry = await publishedEntry(ctx.db, { id: s.entry_id })
      return {
        id: s.id,
        entryId: s.entry_id,
        code: entry?.code ?? '',
        title: entry?.title ?? '（目录已撤销）',
        department: entry?.department ?? '',
        kind: s.kind,
        kindLabel: sourceKinds[s.kind],
        name: s.name,
        connection: s.connection,
        secrets: s.secret ? (s.secret_names ?? ['password']) : [],
        follow: { mode: s.mode, cursor: s.cursor, schedule: s.schedule, deletes: s.deletes },
        nextRun: s.next_run?.toISOString() ?? null,
        trouble: s.trouble,
        contact: s.contact?.toISOString() ?? null,
        live: await liveView(ctx.db, s),
        mapping: s.mapping,
        keys: s.keys,
        threshold: s.threshold,
        options: s.options,
        ready: s.keys.length > 0,
        agent: agents.get(s.id) ?? null,
        system: s.system_id ? { id: s.system_id, name: systems.get(s.system_id) ?? '' } : null,
        promise: entry ? await promiseOf(ctx.db, entry, s, ctx.day) : nothingPromised(ctx, s),
        items: (entry ? itemsOf(entry) : []).map(i => ({
          key: i.key,
          name: i.name,
          type: i.type ? itemTypes[i.type] : '',
          required: i.required,
        })),
        last: views.get(s.id) ?? null,
      }
    }),
  )
}

/** A withdrawn entry asks for nothing. */
const nothingPromised = (ctx: StaffContext, s: SourceRecord): contract.SourcePromise => {
  const { cite } = govern(ctx.actor.region, 'real-time', ctx.day)
  return {
    cadence: s.cadence,
    label: contract.cadences[s.cadence],
    realTime: false,
    filing: null,
    missing: false,
    active: s.active,
    producedItem: s.produced_item,
    text: cite.text,
    cite,
  }
}

const batchView = async (ctx: StaffContext, id: string) => (await batchViews(ctx, [(await batchById(ctx.db, id))!]))[0]!

const phases = { reading: '读取', checking: '检查', writing: '写入' }

async function batchViews(ctx: StaffContext, batches: BatchRecord[]): Promise<contract.Batch[]> {
  const heads = await entryHeads(ctx.db, [...new Set(batches.map(b => b.entry_id))])
  const live = new Map(
    (
      await progressOf(
        ctx.db,
        batches.filter(b => b.state === 'running').map(b => b.id),
      )
    ).map(p => [p.batch_id, p]),
  )
  const verified = new Map(
    (
      await verificationsOf(
        ctx.db,
        batches.map(b => b.id),
      )
    ).map(v => [v.batch_id, v]),
  )
  const mended = await mendsOf(
    ctx.db,
    batches.map(b => b.id),
  )
  return batches.map(b => {
    const seen = verified.get(b.id)
    const head = heads.get(b.entry_id)
    const p = live.get(b.id)
    const seconds = p ? Math.max((p.updated.getTime() - p.started.getTime()) / 1000, 0.001) : 0
    // Bytes tell the share of a file better than an estimate of its rows.
    const share = p
      ? p.phase !== 'reading'
        ? 1
        : p.total
          ? p.taken / p.total
          : p.estimate
            ? Math.min(p.rows / p.estimate, 0.99)
            : null
      : null
    const mine = ctx.actor.departmentId === b.department_id && ctx.actor.roles.includes('steward')
    const barred = b.messages.some(m => m.code === 'standard-violation' || m.code === 'identity-key-missing')
    const may: contract.Batch['may'] = mine ? allowed(b.state).filter(v => !(v === 'release' && barred)) : []
    const waits = b.state === 'held' && b.messages.some(m => m.code === 'verification-missing')
    if (ctx.actor.departmentId === b.department_id && waits && !seen && ctx.actor.roles.some(r => r === 'steward' || r === 'leader'))
      may.unshift('verify')
    if (b.rejected > 0) {
      if (mine || ctx.actor.roles.some(r => r === 'leader' || r === 'bureau' || r === 'inspector')) may.push('download-rejects')
      if (mine && b.upload_id && (b.state === 'done' || b.state === 'held' || b.state === 'returned')) may.push('upload-fixed')
    }
    return {
      id: b.id,
      no: b.no,
      sourceId: b.source_id,
      entryId: b.entry_id,
      code: head?.code ?? '',
      title: head?.title ?? '（目录已撤销）',
      department: head?.department ?? '',
      name: b.name,
      state: b.state,
      stateLabel: contract.batchStates[b.state],
      read: b.read,
      accepted: b.accepted,
      changed: b.changed,
      unchanged: b.unchanged,
      rejected: b.rejected,
      waiting: b.waiting,
      removed: b.removed,
      mended: mended.filter(m => m.batch_id === b.id).reduce((sum, m) => sum + m.lines, 0),
      mends: mended.filter(m => m.mended === b.id).map(m => ({ id: m.batch_id, no: m.no, rows: m.lines })),
      balanced: b.read === b.accepted + b.unchanged + b.rejected + b.waiting,
      rejectShare: b.read ? b.rejected / b.read : 0,
      threshold: b.threshold,
      position: b.position,
      progress: p
        ? {
            phase: p.phase,
            label: phases[p.phase],
            rows: p.rows,
            estimate: share && p.total && p.phase === 'reading' ? Math.round(p.rows / share) : p.phase === 'reading' ? p.estimate : p.rows,
            percent: share === null ? null : Math.round(share * 1000) / 10,
            perSecond: Math.round(p.rows / seconds),
            secondsLeft: share && p.phase === 'reading' ? Math.round((seconds * (1 - share)) / share) : null,
          }
        : null,
      messages: b.messages,
      difference: b.difference,
      created: b.created.toISOString(),
      started: b.started?.toISOString() ?? null,
      finished: b.finished?.toISOString() ?? null,
      by: b.actor.name,
      produced: b.produced?.toISOString() ?? null,
      lag: b.lag === null ? null : Number(b.lag),
      late: b.late,
      lagText: lagText(b.lag === null ? null : Number(b.lag), b.late),
      verification: seen ? { method: seen.method, result: seen.result, person: seen.person, at: seen.at.toISOString() } : null,
      reason: b.reason,
      may,
    }
  })
}

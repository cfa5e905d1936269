import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import { batchStates } from '../../../../contract/aggregation.ts'
import { itemTypes } from '../../../../contract/catalog.ts'
import * as contract from '../../../../contract/push.ts'
import type { Context, StaffContext } from '../../../platform/context.ts'
import { contextOf, route } from '../../../platform/http.ts'
import { newId } from '../../../platform/id.ts'
import { limiter } from '../../../platform/limiter.ts'
import { notFound, Problem, refuse } from '../../../platform/problem.ts'
import { recordRead } from '../../audit/public.ts'
import { publishedEntry } from '../../catalog/public.ts'
import { agentSource } from '../agents/caller.ts'
import { settleDelivery } from '../agents/runs.ts'
import { entryToFill, itemsOf, ownSource } from '../commands.ts'
import { type BatchRecord, batchById, rejectPage, type SourceRecord, sourceById } from '../queries.ts'
import { examples } from './examples.ts'
import { issueKey, keyOf, keysOf, ownKey, revokeKey, rotateKey, setKeyIps } from './keys.ts'
import { accept, type BodyType, discard, incomingPath, keepBody, tooLarge, types } from './receive.ts'

/** Credentials and examples, under /api. */
export function registerPush(app: FastifyInstance): void {
  route(app, contract.pushPage, async ({ params, ctx, request }) => {
    const source = await ownSource(ctx, params.id)
    const entry = await publishedEntry(ctx.db, { id: source.entry_id })
    const base = `${ctx.config.publicUrl ?? `${request.protocol}://${request.host}`}/ingest/v1`
    const url = `${base}/${inUrl(entry?.code ?? '')}`
    const items = entry ? itemsOf(entry) : []
    return {
      url,
      uploadsUrl: `${base}/uploads`,
      keys: (await keysOf(ctx, source.id)).map(k => ({
        id: k.id,
        name: k.name,
        ips: k.ips,
        by: k.by,
        created: k.created.toISOString(),
        used: k.used?.toISOString() ?? null,
        revoked: k.revoked?.toISOString() ?? null,
      })),
      fields: items.map(i => ({
        name: i.name,
        key: i.key,
        type: i.type ? itemTypes[i.type] : '',
        required: i.required,
        identifier: i.identifier,
      })),
      deletes:
        source.deletes === 'follow'
          ? '带 "_delete": true 和标识项的记录移入历史；同一批里先写入，后删除。'
          : '带 "_delete": true 的记录不会删除，列入拒收清单；删除要经「记录删除审批」。',
      examples: examples({ url, uploadsUrl: `${base}/uploads` }, items),
    }
  })
  route(app, contract.issuePushKey, async ({ params, body, ctx, reply }) => {
    void reply.header('cache-control', 'no-store')
    return issueKey(ctx, await ownSource(ctx, params.id), body)
  })
  route(app, contract.rotatePushKey, async ({ params, ctx, reply }) => {
    void reply.header('cache-control', 'no-store')
    return rotateKey(ctx, await ownKey(ctx, params.id))
  })
  route(app, contract.setPushIps, async ({ params, body, ctx }) => {
    await setKeyIps(ctx, await ownKey(ctx, params.id), [...new Set(body.ips)])
    return { ok: true as const }
  })
  route(app, contract.revokePushKey, async ({ params, ctx }) => {
    await revokeKey(ctx, await ownKey(ctx, params.id))
    return { ok: true as const }
  })
}

const inUrl = (code: string) => code.replace('/', '-')

/** The push API for systems and agents, at the root: /ingest/v1. In a scope of its own, since it takes bodies as streams. */
export function registerPushApi(app: FastifyInstance): void {
  const perAddress = limiter(1200, 60)
  const perKey = limiter(600, 60)

  /** Who pushes, and to which source. */
  const caller = async (
    request: FastifyRequest,
    asked?: { source?: string | undefined },
  ): Promise<{ ctx: StaffContext; source: SourceRecord }> => {
    const ctx = contextOf(app.services, request)
    perAddress(ctx.ip, ctx.now)
    if (request.headers['x-huitong-agent']) return agentSource(ctx, request, asked?.source)
    const key = await keyOf(ctx, request.headers.authorization)
    perKey(key.id, ctx.now)
    return { ctx: { ...ctx, actor: key.actor }, source: (await sourceById(ctx.db, key.source_id))! }
  }
  const forCode = async (request: FastifyRequest, code: string) => {
    const who = await caller(request)
    const entry = await entryToFill(who.ctx, who.source.entry_id)
    if (inUrl(entry.code) !== code)
      refuse('ingest.other_entry', {
        status: 403,
        reason: 'not-competent',
        detail: `这个密钥用于目录 ${entry.code}，不能向 ${code} 推送。`,
        remedy: `请使用地址 /ingest/v1/${inUrl(entry.code)}，或换用那条目录的密钥。`,
      })
    return who
  }

  const answer = async (ctx: StaffContext, source: SourceRecord, start: BatchRecord, repeated: boolean, wait: number) => {
    const batch = await ended(ctx, start, wait)
    const entry = (await publishedEntry(ctx.db, { id: source.entry_id }))!
    const status = `/ingest/v1/${inUrl(entry.code)}/batches/${batch.no}`
    const pushed: contract.Pushed = {
      batch: batch.no,
      state: batch.state,
      stateLabel: batchStates[batch.state],
      ended: !open_.has(batch.state),
      read: batch.read,
      accepted: batch.accepted,
      changed: batch.changed,
      unchanged: batch.unchanged,
      rejected: batch.rejected,
      messages: batch.messages,
      status,
      rejects: `${status}/rejects`,
      repeated,
    }
    return { batch, pushed, status }
  }
  /** What a sender learns: 202 while it runs; when asked to wait 200 once it is loaded, 422 when it was not. */
  const outcome = async (
    ctx: StaffContext,
    source: SourceRecord,
    accepted: { batch: BatchRecord; repeated: boolean },
    wait: number,
    reply: import('fastify').FastifyReply,
  ) => {
    const { batch, pushed, status } = await answer(ctx, source, accepted.batch, accepted.repeated, wait)
    void reply.header('location', status)
    if (wait && pushed.ended && batch.state !== 'done') {
      const stop = batch.messages[0]
      refuse('ingest.not_loaded', {
        status: 422,
        detail: `批次 ${batch.no} ${pushed.stateLabel}：${stop?.text ?? '没有入库。'}`,
        remedy: stop?.remedy ?? `请看拒收清单 ${pushed.rejects}。`,
        ...(stop?.cite && { cite: stop.cite }),
        ...(stop && { reason: stop.code }),
        headers: { location: status },
      })
    }
    void reply.status(wait && pushed.ended ? 200 : 202)
    return pushed
  }

  app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

    route(scope, contract.pushRows, async ({ params, query, request, reply }) => {
      const { ctx, source } = await forCode(request, params.code)
      const key = keyFrom(request)
      const body = await keepBody(ctx, request.body as AsyncIterable<Buffer>, typeFrom(request), gzipped(request))
      try {
        return await outcome(ctx, source, await accept(ctx, source, body, key), query.wait, reply)
      } finally {
        await discard(body)
      }
    })

    route(scope, contract.sendPiece, async ({ params, request }) => {
      const { ctx, source } = await caller(request)
      const one = await incoming(ctx, source, params.id)
      const offset = Number(request.headers['upload-offset'])
      if (!Number.isSafeInteger(offset) || offset !== one.received) wrongOffset(one)
      const received = await writePiece(ctx, one, request)
      const { numAffectedRows } =
        await sql`update aggregation.incoming set received = ${received} where id = ${one.id} and received = ${offset}`.execute(ctx.db)
      if (!numAffectedRows) wrongOffset(await incoming(ctx, source, params.id))
      return { ...view(one), received }
    })
  })

  app.register(async scope => {
    // The bytes of a JSON body are kept beside it: an agent signs them.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
      request.rawBody = body as Buffer
      try {
        done(null, body.length ? JSON.parse(String(body)) : {})
      } catch {
        done(new Problem('http.400', { status: 400, detail: '内容不是合法的 JSON。' }))
      }
    })

    route(scope, contract.pushStatus, async ({ params, query, request }) => {
      const { ctx, source } = await forCode(request, params.code)
      return (await answer(ctx, source, await batchOf(ctx, source, params.no), false, query.wait)).pushed
    })
    route(scope, contract.pushRejects, async ({ params, query, request }) => {
      const { ctx, source } = await forCode(request, params.code)
      const batch = await batchOf(ctx, source, params.no)
      const entry = (await publishedEntry(ctx.db, { id: source.entry_id }))!
      const names = new Map(entry.content.items.map(i => [i.key, i.name]))
      const { rows, total, next } = await rejectPage(ctx.db, batch.id, query, names)
      if (rows.length)
        await recordRead(ctx, {
          action: 'batch.preview',
          subject: batch.no,
          content: '拒收清单',
          method: '接口',
          data: { rows: rows.length },
        })
      return { rows, total, next }
    })

    route(scope, contract.beginUpload, async ({ body, request }) => {
      const { ctx, source } = await caller(request, body)
      await entryToFill(ctx, source.entry_id)
      if (body.bytes > ctx.config.maxUploadBytes) throw tooLarge(ctx)
      const { rows } = await sql<{ n: number }>`select count(*)::int as n from aggregation.incoming where source_id = ${source.id}`.execute(
        ctx.db,
      )
      if (rows[0]!.n >= 20)
        refuse('ingest.busy', {
          status: 503,
          reason: 'busy',
          detail: '这个数据源还有 20 个没有传完的内容，暂不接收新的。',
          remedy: '请先传完或稍后再试；两天没有传完的会清除。',
          headers: { 'retry-after': '60' },
        })
      const id = newId()
      await sql`insert into aggregation.incoming (id, source_id, name, type, gzip, bytes, created)
        values (${id}, ${source.id}, ${body.name}, ${body.type}, ${body.encoding === 'gzip'}, ${body.bytes}, ${ctx.now})`.execute(ctx.db)
      return { id, bytes: body.bytes, received: 0 }
    })
    route(scope, contract.uploadState, async ({ params, request }) => {
      const { ctx, source } = await caller(request)
      return view(await incoming(ctx, source, params.id))
    })
    route(scope, contract.endUpload, async ({ params, query, body: more, request, reply }) => {
      const { ctx, source } = await caller(request)
      const key = keyFrom(request)
      // Whoever did not hear the answer asks again; what was uploaded is a batch by then.
      const done = await pushedAs(ctx, source, key, params.id)
      if (done) return outcome(ctx, source, { batch: done, repeated: true }, query.wait, reply)
      const one = await incoming(ctx, source, params.id)
      if (one.received !== one.bytes)
        refuse('ingest.upload_incomplete', {
          status: 409,
          detail: `还没有传完：收到 ${one.received.toLocaleString('en')} 字节，共 ${one.bytes.toLocaleString('en')} 字节。`,
          remedy: `请从 ${one.received} 接着传。`,
          headers: { 'upload-offset': String(one.received) },
        })
      const body = await keepBody(
        ctx,
        createReadStream(incomingPath(ctx, one.id), { end: one.bytes - 1, highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>,
        one.type,
        one.gzip,
      )
      try {
        const accepted = await accept(ctx, source, { ...body, name: one.name }, key, async (tx, batchId, uploadId) => {
          await sql`update aggregation.push set incoming_id = ${one.id} where batch_id = ${batchId}`.execute(tx)
          await settleDelivery(tx, ctx, source, { batchId, uploadId, key, ...more })
        })
        await sql`delete from aggregation.incoming where id = ${one.id}`.execute(ctx.db)
        await rm(incomingPath(ctx, one.id), { force: true })
        return await outcome(ctx, source, accepted, query.wait, reply)
      } finally {
        await discard(body)
      }
    })
  })
}

const open_ = new Set(['queued', 'running'])
async function ended(ctx: Context, batch: BatchRecord, wait: number): Promise<BatchRecord> {
  const until = Date.now() + wait * 1000
  let now = batch
  for (let pause = 5; open_.has(now.state) && Date.now() < until; pause = Math.min(pause * 1.5, 500)) {
    await sleep(Math.min(pause, Math.max(until - Date.now(), 1)))
    now = (await batchById(ctx.db, batch.id))!
  }
  return now
}

async function batchOf(ctx: Context, source: SourceRecord, no: string): Promise<BatchRecord> {
  const { rows } = await sql<{ id: string }>`select id from aggregation.batch where no = ${no} and source_id = ${source.id}`.execute(ctx.db)
  return rows[0] ? (await batchById(ctx.db, rows[0].id))! : notFound('aggregation.batch', '批次')
}

/** The batch this upload became under this key. */
async function pushedAs(ctx: Context, source: SourceRecord, key: string, uploadId: string): Promise<BatchRecord | undefined> {
  const { rows } = await sql<{ batch_id: string }>`select batch_id from aggregation.push
    where source_id = ${source.id} and key = ${key} and incoming_id = ${uploadId}`.execute(ctx.db)
  return rows[0] && batchById(ctx.db, rows[0].batch_id)
}

function keyFrom(request: FastifyRequest): string {
  const key = request.headers['idempotency-key']
  if (typeof key === 'string' && /^[\x21-\x7e]{1,200}$/.test(key)) return key
  return refuse('ingest.key_missing', {
    status: 400,
    reason: 'field-missing',
    detail: key ? 'Idempotency-Key 不对：1 到 200 个可见的 ASCII 字符。' : '没有带请求头 Idempotency-Key。',
    remedy: '每份内容用一个不重复的键（如 UUID）；重发同一份时键不变，就不会重复入库。',
  })
}

function typeFrom(request: FastifyRequest): BodyType {
  const type = String(request.headers['content-type'] ?? '')
    .split(';')[0]!
    .trim()
    .toLowerCase()
  if (type in types) return type as BodyType
  if (type === 'application/ndjson' || type === 'application/jsonl') return 'application/x-ndjson'
  return refuse('ingest.type', {
    status: 415,
    detail: `不接收 ${type || '没有写明类型的内容'}。`,
    remedy: 'Content-Type 请写 application/x-ndjson、application/json（对象数组）或 text/csv。',
  })
}

function gzipped(request: FastifyRequest): boolean {
  const encoding = String(request.headers['content-encoding'] ?? 'identity').toLowerCase()
  if (encoding === 'identity' || encoding === 'gzip') return encoding === 'gzip'
  return refuse('ingest.type', { status: 415, detail: `不接收 ${encoding} 压缩。`, remedy: '请用 gzip，或不压缩。' })
}

type IncomingRecord = { id: string; source_id: string; name: string; type: BodyType; gzip: boolean; bytes: number; received: number }
async function incoming(ctx: Context, source: SourceRecord, id: string): Promise<IncomingRecord> {
  const { rows } = await sql<IncomingRecord>`select * from aggregation.incoming where id = ${id} and source_id = ${source.id}`.execute(
    ctx.db,
  )
  return rows[0] ?? notFound('aggregation.upload', '上传')
}
const view = ({ id, bytes, received }: IncomingRecord) => ({ id, bytes, received })

function wrongOffset(one: IncomingRecord): never {
  refuse('ingest.offset', {
    status: 409,
    detail: `这一段不是接着已收到的 ${one.received.toLocaleString('en')} 字节。`,
    remedy: `Upload-Offset 请写 ${one.received}，从那里接着传。`,
    headers: { 'upload-offset': String(one.received) },
  })
}

/**
 * Writes one piece where it belongs and makes it safe on disk before anybody is told. Of a piece whose sender went away the
 * part that came is kept, unless it is signed as a whole.
 */
async function writePiece(ctx: Context, one: IncomingRecord, request: FastifyRequest): Promise<number> {
  const path = incomingPath(ctx, one.id)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  // Not 'w': that would empty what has come before.
  const file = await open(path, one.received ? 'r+' : 'w', 0o600).catch(async error => {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
    await sql`update aggregation.incoming set received = 0 where id = ${one.id}`.execute(ctx.db)
    return wrongOffset({ ...one, received: 0 })
  })
  const signed = request.headers['x-huitong-digest']
  const hash = createHash('sha256')
  let at = one.received
  try {
    try {
      for await (const chunk of request.body as AsyncIterable<Buffer>) {
        if (at + chunk.length > one.bytes)
          refuse('ingest.too_long', {
            status: 400,
            detail: `内容超过开始时写明的 ${one.bytes.toLocaleString('en')} 字节。`,
            remedy: '请核对长度后重新开始。',
          })
        hash.update(chunk)
        await file.write(chunk, 0, chunk.length, at)
        at += chunk.length
      }
    } catch (error) {
      if (error instanceof Problem || signed) throw error
    }
    if (signed && hash.digest('hex') !== signed)
      refuse('agent.signature', { status: 401, detail: '内容与签名不符，没有接收。', remedy: '请重新发送这一段。' })
    await file.sync()
    return at
  } finally {
    await file.close()
  }
}

import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import { digestOf, isSigned } from '../../../agent/sign.ts'
import type { Actor, Context, StaffContext } from '../../../platform/context.ts'
import { isId } from '../../../platform/id.ts'
import { notFound, refuse } from '../../../platform/problem.ts'
import { type SourceRecord, sourceById } from '../queries.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The bytes of a JSON body, where a signature is over them. */
    rawBody?: Buffer
  }
}

export type AgentRecord = {
  id: string
  department_id: string
  name: string
  public_key: string
  actor: Actor
  version: string
  contact: Date | null
  report: { sources: import('../../../../contract/agents.ts').AgentSource[]; spool: number; error: string | null }
  paired: Date
  revoked: Date | null
}

/** How far the clocks of agent and platform may differ. */
const SKEW = 5 * 60_000

const header = (request: FastifyRequest, name: string) => String(request.headers[name] ?? '')

/** Which agent signed this request. Each is accepted once. */
export async function agentOf(ctx: Context, request: FastifyRequest): Promise<AgentRecord> {
  const id = header(request, 'x-huitong-agent')
  const signed = {
    method: request.method,
    url: request.url,
    time: header(request, 'x-huitong-time'),
    nonce: header(request, 'x-huitong-nonce'),
    digest: header(request, 'x-huitong-digest'),
    offset: header(request, 'upload-offset'),
    key: header(request, 'idempotency-key'),
  }
  const agent = isId(id) ? await agentById(ctx, id) : undefined
  if (!agent || !isSigned(signed, header(request, 'x-huitong-signature'), agent.public_key))
    refuse('agent.signature', {
      status: 401,
      title: '签名无效',
      detail: '不是已配对的前置机，或签名不对。',
      remedy: '请在工作台「前置机」重新生成配对码，再运行 ./huitong agent pair。',
    })
  if (agent.revoked)
    refuse('agent.revoked', {
      status: 401,
      title: '前置机已停用',
      detail: `前置机「${agent.name}」已经停用，不再接收它的数据。`,
      remedy: '需要继续使用的，请数据专员重新配对。',
    })
  // A piece of an upload is compared with its digest while it is written.
  const body = request.rawBody ?? (request.method === 'GET' ? Buffer.alloc(0) : undefined)
  if (body && digestOf(body) !== signed.digest)
    refuse('agent.signature', { status: 401, title: '签名无效', detail: '内容与签名不符。', remedy: '请重新发送。' })
  const time = Number(signed.time)
  if (!(Math.abs(time - ctx.now.getTime()) <= SKEW))
    refuse('agent.clock', {
      status: 401,
      title: '时钟不一致',
      detail: `前置机的时钟与平台相差超过 5 分钟；平台现在是 ${ctx.now.toISOString()}。`,
      remedy: '请校准前置机的时钟。',
      headers: { 'x-huitong-now': String(ctx.now.getTime()) },
    })
  const { numAffectedRows } = await sql`insert into aggregation.agent_nonce (agent_id, nonce, at)
    values (${agent.id}, ${createHash('sha256').update(signed.nonce).digest('base64url')}, ${ctx.now}) on conflict do nothing`.execute(
    ctx.db,
  )
  if (!signed.nonce || !numAffectedRows)
    refuse('agent.replayed', { status: 401, title: '请求重复', detail: '这个请求已经来过，没有再办一次。', remedy: '请重新签名后发送。' })
  return agent
}

export const agentById = async (ctx: Pick<Context, 'db'>, id: string): Promise<AgentRecord | undefined> =>
  (await sql<AgentRecord>`select * from aggregation.agent where id = ${id}`.execute(ctx.db)).rows[0]

/** An agent that delivers to one of its sources: named, or the one an upload is for. */
export async function agentSource(
  ctx: Context,
  request: FastifyRequest,
  sourceId: string | undefined,
): Promise<{ ctx: StaffContext; source: SourceRecord }> {
  const agent = await agentOf(ctx, request)
  const upload = (request.params as { id?: string }).id
  const named =
    sourceId ??
    (upload && isId(upload)
      ? (await sql<{ source_id: string }>`select source_id from aggregation.incoming where id = ${upload}`.execute(ctx.db)).rows[0]
          ?.source_id
      : undefined)
  const source = named ? await sourceById(ctx.db, named) : undefined
  if (source?.agent_id !== agent.id) notFound('aggregation.source', '数据源')
  return { ctx: { ...ctx, actor: agent.actor }, source }
}

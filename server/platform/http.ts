import '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ZodError, z } from 'zod'
import type { Access, Endpoint, Role } from '../../contract/endpoint.ts'
import { roles as roleLabels } from '../../contract/endpoint.ts'
import { dayOf } from './clock.ts'
import type { Actor, Context, Services, StaffContext } from './context.ts'
import { Problem } from './problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    actor: Actor | null
  }
  interface FastifyInstance {
    services: Services
    /** Every endpoint that has a route, for the endpoint × role matrix and the API document. */
    endpoints: Endpoint[]
  }
}

export type Call<P, Q, B> = { params: P; query: Q; body: B; ctx: StaffContext; request: FastifyRequest; reply: FastifyReply }

/**
 * Mounts one endpoint of the contract: checks access, then every part of the request, then answers.
 * The handler of a public endpoint must not rely on `ctx.actor`.
 */
export function route<P, Q, B, R>(
  app: FastifyInstance,
  e: Endpoint<P, Q, B, R>,
  handler: (call: Call<P, Q, B>) => Promise<NoInfer<R>> | Promise<unknown>,
): void {
  app.endpoints.push(e)
  app.route({
    method: e.method,
    url: e.path,
    // What a program reads needs none of the headers that tell a browser how to show a page.
    ...(e.access === 'grant' && { helmet: false }),
    handler: async (request, reply) => {
      if (e.access === 'grant') void reply.header('x-content-type-options', 'nosniff')
      const ctx = contextOf(app.services, request)
      allow(e.access, request.actor)
      if (request.actor?.mustChangePassword && e.access !== 'public' && !e.path.startsWith('/session'))
        throw new Problem('session.must_change', {
          status: 403,
          detail: '首次登录要先修改密码。',
          remedy: '请在“我的”里修改密码，然后继续。',
        })
      const call = {
        params: parse(e.params, request.params, 'params') as P,
        query: parse(e.query, request.query, 'query') as Q,
        body: (e.kind === 'multipart' || e.kind === 'raw' ? undefined : parse(e.body, request.body ?? {}, 'body')) as B,
        ctx: ctx as StaffContext,
        request,
        reply,
      }
      const result = await handler(call)
      // No reply before its record is in a block on disk.
      if (e.method !== 'GET') await ctx.ledger.flush()
      if (e.kind === 'stream' || reply.sent) return result
      return e.response ? (e.response.encode(result as never) as object) : (result ?? { ok: true })
    },
  })
}

export function contextOf(services: Services, request: FastifyRequest): Context {
  const now = services.clock()
  return { ...services, actor: request.actor, now, day: dayOf(now), requestId: request.id, ip: request.ip }
}

/** Default deny: anonymous callers are sent to sign in, others are told who may. */
export function allow(access: Access, actor: Actor | null): void {
  if (access === 'public' || access === 'grant' || access === 'key') return
  if (!actor) throw new Problem('session.required', { status: 401, detail: '请先登录。', remedy: '登录后会回到这一页。' })
  if (access === 'signed-in') return
  if (access.some(role => actor.roles.includes(role))) return
  throw new Problem('access.role', {
    status: 403,
    detail: `这里只对${access.map(r => roleLabels[r as Role]).join('、')}开放。`,
    remedy: '需要时请联系本部门的管理员调整分工。',
  })
}

function parse(
  schema: { safeParse(v: unknown, o: { error: typeof inWords }): { success: boolean; data?: unknown; error?: ZodError } } | undefined,
  value: unknown,
  part: 'params' | 'query' | 'body',
): unknown {
  if (!schema) return undefined
  const unstorable = unstorableText(value, '')
  if (unstorable !== null) {
    throw new Problem('request.unstorable', {
      status: 400,
      detail: '内容里有不能保存的字符（空字符或残缺的字符）。',
      remedy: '请删去后重试；从别处粘贴的内容可先贴到记事本。',
      errors: [{ pointer: unstorable, code: 'request.unstorable', message: '含有不能保存的字符' }],
    })
  }
  const parsed = schema.safeParse(value, { error: inWords })
  if (parsed.success) return parsed.data
  const errors = parsed.error!.issues.map(issue => ({
    pointer: `/${issue.path.map(p => String(p).replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
    code: `request.${issue.code}`,
    message: issue.message,
  }))
  throw new Problem('request.invalid', {
    status: part === 'params' ? 404 : 400,
    detail:
      part === 'params'
        ? '地址不对，没有这样的记录。'
        : `填写的内容有 ${errors.length} 处不对：${errors
            .map(e => `${e.pointer} ${e.message}`)
            .slice(0, 3)
            .join('；')}`,
    reason: 'field-missing',
    errors,
  })
}

/** What is wrong with a value, where its schema says nothing of its own. */
function inWords(issue: z.core.$ZodRawIssue): string {
  const count = (n: unknown, of: string) => `${Number(n).toLocaleString('en')} ${of}`
  const unit = (origin: string) => (origin === 'string' ? '个字' : '项')
  const counted = (origin: string) => ['string', 'array', 'set', 'map'].includes(origin)
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? '没有填写' : '类型不对'
    case 'too_big':
      return counted(issue.origin) ? `最多 ${count(issue.maximum, unit(issue.origin))}` : `不能大于 ${issue.maximum}`
    case 'too_small':
      if (counted(issue.origin)) return `至少 ${count(issue.minimum, unit(issue.origin))}`
      return issue.inclusive ? `不能小于 ${issue.minimum}` : `须大于 ${issue.minimum}`
    case 'invalid_format':
      return '格式不对'
    case 'invalid_value':
      return '不是可选的值'
    case 'unrecognized_keys':
      return `不认识：${issue.keys.join('、')}`
    default:
      return '不对'
  }
}

/** JSON pointer of the first text that PostgreSQL cannot hold (NUL) or that is no Unicode (half a surrogate pair). */
function unstorableText(value: unknown, at: string): string | null {
  if (typeof value === 'string') return value.includes('\u0000') || !value.isWellFormed() ? at : null
  if (typeof value !== 'object' || value === null) return null
  for (const [key, inner] of Object.entries(value)) {
    const found = unstorableText(key, at) ?? unstorableText(inner, `${at}/${key}`)
    if (found !== null) return found
  }
  return null
}

/** The one place where errors become replies: RFC 9457 `application/problem+json`. */
export function handleError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error, request)
  return reply
    .status(problem.status)
    .headers(problem.details.headers ?? {})
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify(problem.document(request.id)))
}

export function problemOf(error: unknown, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error
  const e = error as { statusCode?: number; code?: string; message?: string; validation?: unknown }
  if (e.statusCode && e.statusCode < 500)
    return new Problem(`http.${(e.code ?? String(e.statusCode)).toLowerCase()}`, {
      status: e.statusCode,
      detail: clientMessages[e.statusCode] ?? '请求没有被接受。',
    })
  if (isConnectionError(e)) {
    request.log.error({ err: error }, 'database unavailable')
    return new Problem('database.unavailable', {
      status: 503,
      detail: '数据库暂时连不上，没有保存任何内容。',
      remedy: '请稍后重试。',
      headers: { 'retry-after': '5' },
    })
  }
  request.log.error({ err: error }, 'unexpected')
  return new Problem('server.unexpected', {
    status: 500,
    detail: `没有完成，系统出错了。你填的内容没有丢。请重试；仍不行请把编号 ${request.id} 告诉平台管理员。`,
  })
}

const clientMessages: Record<number, string> = {
  400: '请求的格式不对，没有读懂。',
  404: '没有这个地址。',
  405: '这个地址不接受这种请求。',
  413: '内容超过允许的大小。',
  415: '不接受这种内容类型。',
  429: '请求太频繁，请稍后再试。',
}

const isConnectionError = (e: { code?: string }) =>
  !!e.code && ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P03', '08006', '08001', '53300'].includes(e.code)

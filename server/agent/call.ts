import { type KeyObject, randomUUID } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import type { Problem } from '../../contract/common.ts'
import { digestOf, signRequest } from './sign.ts'

/** The platform answered, with a refusal. */
export class Refused extends Error {
  readonly status: number
  readonly problem: Problem
  /** Seconds to wait, where it says so. */
  readonly retryAfter: number | null
  readonly headers: http.IncomingHttpHeaders
  constructor(status: number, problem: Problem, headers: http.IncomingHttpHeaders) {
    super(problem.detail)
    this.status = status
    this.problem = problem
    this.headers = headers
    const seconds = Number(headers['retry-after'])
    this.retryAfter = Number.isFinite(seconds) && headers['retry-after'] ? Math.min(Math.max(seconds, 1), 3600) : null
  }
}
/** It did not answer. */
export class Unreached extends Error {}

export type Ask = {
  method: 'GET' | 'POST' | 'PATCH'
  path: string
  body?: object | Buffer
  offset?: number
  key?: string
  seconds?: number
}
export type Call = <T>(ask: Ask, signal?: AbortSignal) => Promise<T>

/** Over the open network only under TLS; a platform on the same machine may be reached without. */
export function checkedPlatform(text: string): string {
  const url = URL.parse(text)
  const local = url && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && local)))
    throw new Error(`平台地址不对：${text}。请用 https:// 开头的地址。`)
  return `${url.origin}${url.pathname.replace(/\/$/, '')}`
}

/** Calls the platform, signed where `who` is given. */
export function caller(platform: string, o: { ca?: string | undefined; who?: { id: string; key: KeyObject } | undefined }): Call {
  const base = new URL(platform)
  const secure = base.protocol === 'https:'
  const agent = secure ? new https.Agent({ keepAlive: true, ...(o.ca && { ca: o.ca }) }) : new http.Agent({ keepAlive: true })
  // The difference between the platform's clock and ours, as it told us.
  let ahead = 0

  const once = (ask: Ask, signal?: AbortSignal) =>
    new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: any }>((done, fail) => {
      const body = Buffer.isBuffer(ask.body) ? ask.body : ask.body ? Buffer.from(JSON.stringify(ask.body)) : Buffer.alloc(0)
      const url = `${base.pathname.replace(/\/$/, '')}${ask.path}`
      const signed = {
        method: ask.method,
        url,
        time: String(Date.now() + ahead),
        nonce: randomUUID(),
        digest: digestOf(body),
        offset: ask.offset === undefined ? '' : String(ask.offset),
        key: ask.key ?? '',
      }
      const headers: Record<string, string | number> = {
        accept: 'application/json',
        ...(ask.method !== 'GET' && {
          'content-type': Buffer.isBuffer(ask.body) ? 'application/octet-stream' : 'application/json',
          'content-length': body.length,
        }),
        ...(ask.offset !== undefined && { 'upload-offset': ask.offset }),
        ...(ask.key && { 'idempotency-key': ask.key }),
        ...(o.who && {
          'x-huitong-agent': o.who.id,
          'x-huitong-time': signed.time,
          'x-huitong-nonce': signed.nonce,
          'x-huitong-digest': signed.digest,
          'x-huitong-signature': signRequest(signed, o.who.key),
        }),
      }
      const request = (secure ? https : http).request(
        {
          host: base.hostname.replace(/^\[|\]$/g, ''),
          port: base.port || (secure ? 443 : 80),
          method: ask.method,
          path: url,
          headers,
          agent,
          ...(signal && { signal }),
        },
        reply => {
          const pieces: Buffer[] = []
          reply.on('data', (piece: Buffer) => pieces.push(piece))
          reply.on('error', error => fail(new Unreached(error.message)))
          reply.on('end', () => {
            try {
              done({ status: reply.statusCode!, headers: reply.headers, body: JSON.parse(Buffer.concat(pieces).toString() || '{}') })
            } catch {
              fail(new Unreached(`答复读不懂（${reply.statusCode}）`))
            }
          })
        },
      )
      request.setTimeout((ask.seconds ?? 60) * 1000, () => request.destroy(new Error('超时')))
      request.on('error', error => fail(new Unreached(inWords(error, base.host))))
      request.end(body)
    })

  return async (ask, signal) => {
    for (let attempt = 0; ; attempt++) {
      const reply = await once(ask, signal)
      if (reply.status < 300) return reply.body
      const now = Number(reply.headers['x-huitong-now'])
      if (reply.body?.code === 'agent.clock' && now && attempt === 0) {
        ahead = now - Date.now()
        continue
      }
      if (!reply.body?.code) throw new Unreached(`答复读不懂（${reply.status}）`)
      throw new Refused(reply.status, reply.body, reply.headers)
    }
  }
}

function inWords(error: NodeJS.ErrnoException, host: string): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return `平台 ${host} 拒绝连接`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `找不到平台主机 ${host}`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `不信任平台 ${host} 的证书；自签发的请用 --ca 指明证书文件`
    case 'CERT_HAS_EXPIRED':
      return `平台 ${host} 的证书已过期`
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `平台的证书不是发给 ${host} 的`
  }
  return `连不上平台 ${host}（${error.message}）`
}

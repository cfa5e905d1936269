import type { FastifyInstance } from 'fastify'
import type { Problem } from '../../contract/common.ts'
import type { Endpoint, Params, Query, Reply } from '../../contract/endpoint.ts'
import * as organization from '../../contract/organization.ts'
import { password } from './places.ts'

type Parts<E> = { params?: Partial<Params<E>>; query?: Partial<Query<E>>; body?: unknown; file?: { name: string; bytes: Uint8Array } }
export type Caller = { <E extends Endpoint>(e: E, parts?: Parts<E>): Promise<Reply<E>>; signOut(): Promise<void> }

/** A person at the platform's own interface: what a page would send, without a network. */
export async function signIn(app: FastifyInstance, username: string): Promise<Caller> {
  const signed = await app.inject({ method: 'POST', url: '/api/session', payload: { username, password } })
  if (signed.statusCode !== 200) throw new Error(`${username}: ${signed.body}`)
  const headers = { cookie: String(signed.headers['set-cookie']).split(';')[0]!, 'x-csrf-token': signed.json().csrf }
  const call = async <E extends Endpoint>(e: E, parts: Parts<E> = {}): Promise<Reply<E>> => {
    const params = (parts.params ?? {}) as Record<string, string>
    const path = e.path.replace(/:(\w+)/g, (_, key) => encodeURIComponent(params[key]!))
    const query = new URLSearchParams(
      Object.entries((parts.query ?? {}) as Record<string, unknown>).map(([k, v]): [string, string] => [k, String(v)]),
    )
    const body = parts.file ? await multipart(parts.file) : e.method === 'GET' ? {} : { payload: (parts.body ?? {}) as object }
    const reply = await app.inject({
      method: e.method,
      url: `/api${path}${query.size ? `?${query}` : ''}`,
      ...body,
      headers: { ...headers, ...('headers' in body && body.headers) },
    })
    if (reply.statusCode >= 300) {
      const problem = reply.json() as Problem
      throw new Error(`${username} ${e.method} ${path}: ${reply.statusCode} ${problem.code} ${problem.detail}`)
    }
    return reply.json() as Reply<E>
  }
  return Object.assign(call, { signOut: async () => void (await call(organization.signOut)) })
}

async function multipart(file: { name: string; bytes: Uint8Array }) {
  const form = new FormData()
  form.set('file', new File([new Uint8Array(file.bytes)], file.name))
  const body = new Response(form)
  return { payload: Buffer.from(await body.arrayBuffer()), headers: { 'content-type': body.headers.get('content-type')! } }
}

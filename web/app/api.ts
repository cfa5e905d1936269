import type { Problem } from '../../contract/common.ts'
import type { Body, Endpoint, Params, Query, Reply } from '../../contract/endpoint.ts'

/** The server's refusal, as it said it: what, why with the article, what to do. */
export class ApiProblem extends Error {
  readonly document: Problem
  constructor(document: Problem) {
    super(document.detail)
    this.document = document
  }
}

/** No reply at all: the request never arrived, or its answer got lost. */
export class Offline extends Error {
  constructor() {
    super('网络中断，没有连上服务器。')
  }
}

type Part<K extends string, T> = [T] extends [undefined] ? { [P in K]?: undefined } : { [P in K]: T }
type Ask<K extends string, T> = [T] extends [undefined] ? { [P in K]?: undefined } : { [P in K]?: Partial<T> }
type Send<T> = [T] extends [undefined] ? { body?: FormData } : { body: T | FormData }
export type Input<E> = Part<'params', Params<E>> & Ask<'query', Query<E>> & Send<Body<E>> & { signal?: AbortSignal; key?: string }

let csrf = ''
/** Set from the session reply; sent with every change, so that another site cannot act in a signed-in browser. */
export const setCsrf = (token: string) => {
  csrf = token
}

let onSignedOut: () => void = () => {}
/** What to do when a reply says that the session is gone. The form on the page stays as it is. */
export const whenSignedOut = (react: () => void) => {
  onSignedOut = react
}

/** The address of an endpoint, for links and downloads. */
export function href(endpoint: Endpoint, input: { params?: object; query?: object } = {}) {
  const path = endpoint.path.replace(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(String((input.params as Record<string, unknown>)?.[name] ?? '')),
  )
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (Array.isArray(value)) for (const one of value) query.append(name, String(one))
    else if (value !== undefined && value !== null && value !== '') query.set(name, String(value))
  }
  const search = query.toString()
  return `/api${path}${search && `?${search}`}`
}

/** `randomUUID` needs Chromium 92 and https; office networks often have neither. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')
}

export async function call<E extends Endpoint>(
  endpoint: E,
  ...[input]: Record<never, never> extends Input<E> ? [Input<E>?] : [Input<E>]
): Promise<Reply<E>> {
  const { params, query, body, signal, key } = (input ?? {}) as {
    params?: object
    query?: object
    body?: unknown
    signal?: AbortSignal
    key?: string
  }
  const headers: Record<string, string> = { accept: 'application/json' }
  if (endpoint.method !== 'GET') {
    headers['x-csrf-token'] = csrf
    headers['idempotency-key'] = key ?? newKey()
  }
  const file = body instanceof FormData
  if (body !== undefined && !file) headers['content-type'] = 'application/json'

  const response = await fetch(href(endpoint, { params, query }), {
    method: endpoint.method,
    headers,
    credentials: 'same-origin',
    ...(body !== undefined && { body: file ? (body as FormData) : JSON.stringify(body) }),
    ...(signal && { signal }),
  }).catch(error => {
    throw error?.name === 'AbortError' ? error : new Offline()
  })
  const type = response.headers.get('content-type') ?? ''
  const reply = type.includes('json') ? await response.json() : await response.text()
  if (response.ok) return reply as Reply<E>
  if (response.status === 401) onSignedOut()
  throw new ApiProblem(
    typeof reply === 'object'
      ? reply
      : {
          type: 'about:blank',
          title: '系统出错',
          status: response.status,
          code: 'unreadable',
          detail: '服务器没有给出可读的答复。',
          remedy: '请重试。',
        },
  )
}

/** Any thrown thing as a problem people can read. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiProblem) return error.document
  if (error instanceof Offline)
    return {
      type: 'about:blank',
      title: '网络中断',
      status: 0,
      code: 'offline',
      detail: error.message,
      remedy: '填写的内容还在，请稍后重试。',
    }
  return {
    type: 'about:blank',
    title: '页面出错',
    status: 0,
    code: 'page',
    detail: '页面出错了。',
    remedy: '请刷新页面；仍不行请联系本地数据主管部门。',
  }
}

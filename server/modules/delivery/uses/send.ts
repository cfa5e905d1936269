import { request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { guardedLookup, isLocal } from '../../aggregation/public.ts'

export type Answer = { status: number; text: string }
const TIMEOUT = 15_000
const MOST = 64 * 1024

/** One POST to a department's own system. It follows no redirect, and does not go to the platform's own machine unless the setting says so. */
export function send(to: string, headers: Record<string, string>, body: string, local: boolean): Promise<Answer> {
  const url = new URL(to)
  return new Promise((resolve, reject) => {
    if (!local && isLocal(url.hostname.replace(/^\[|\]$/g, ''))) return reject(new Error('地址指向平台自己的机器'))
    const request = (url.protocol === 'https:' ? secure : plain)(
      url,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'huitong', ...headers },
        agent: false,
        signal: AbortSignal.timeout(TIMEOUT),
        ...(!local && { lookup: guardedLookup }),
      },
      reply => {
        let text = ''
        reply.setEncoding('utf8')
        reply.on('data', (piece: string) => {
          text += piece
          if (text.length > MOST) reply.destroy(new Error('回执太长'))
        })
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, text }))
        reply.on('error', reject)
      },
    )
    request.on('error', error => {
      const code = (error as { code?: string }).code
      reject(code === 'LOCAL' ? new Error('地址指向平台自己的机器') : error)
    })
    request.end(body)
  })
}

/** What the receiver says it has: `receipt` of a JSON answer, or the beginning of a text. */
export function receiptOf({ status, text }: Answer): string {
  try {
    const said = (JSON.parse(text) as { receipt?: unknown }).receipt
    if (typeof said === 'string' || typeof said === 'number') return String(said).slice(0, 200)
  } catch {}
  return `HTTP ${status}`
}

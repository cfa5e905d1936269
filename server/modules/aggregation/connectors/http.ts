import { createHash } from 'node:crypto'
import { lookup } from 'node:dns'
import { type IncomingMessage, request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { Unreadable } from '../../../platform/xlsx.ts'
import { parseRecords, sniffDelimiter } from '../reading/csv.ts'
import { detectEncoding, toUtf8 } from '../reading/encoding.ts'
import { findJsonRows, type JsonRows, jsonRecords } from '../reading/json.ts'
import { findXmlRows, xmlRecords } from '../reading/xml.ts'
import { unreached } from './diagnosis.ts'
import { type Diagnosis, type FileConnector, type Http, SourceDown } from './types.ts'

const down = (code: string, text: string, remedy: string) => new SourceDown({ code, text, remedy })

// ── where a connection may go ──

/** This machine itself, and where machines in clouds find credentials. */
const local = new BlockList()
for (const [net, bits] of [
  ['127.0.0.0', 8],
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
] as const)
  local.addSubnet(net, bits, 'ipv4')
local.addAddress('100.100.100.200', 'ipv4')
for (const [net, bits] of [
  ['::1', 128],
  ['::', 128],
  ['fe80::', 10],
  ['fd00:ec2::254', 128],
] as const)
  local.addSubnet(net, bits, 'ipv6')
export const isLocal = (address: string): boolean => {
  const version = isIP(address)
  return version !== 0 && local.check(address, version === 6 ? 'ipv6' : 'ipv4')
}
const forbidden = (host: string) =>
  down(
    'local-address',
    `地址 ${host} 指向平台自己的机器或它的元数据服务，不能取数。`,
    '请填写来源系统的地址；确需取本机的，由系统管理员设置 HUITONG_LOCAL_SOURCES。',
  )

/** Judges every address a name stands for at the moment of connecting: a name that changes its mind afterwards gains nothing. */
export const guardedLookup: LookupFunction = (host, options, done) =>
  lookup(host, { ...options, all: true }, (error, found) => {
    if (error) return done(error, '')
    const bad = found.find(a => isLocal(a.address))
    if (bad) return done(Object.assign(new Error('local'), { code: 'LOCAL' }), '')
    if (options.all) return (done as (e: null, a: typeof found) => void)(null, found)
    done(null, found[0]!.address, found[0]!.family)
  })

// ── one request ──

type Ask = { url: URL; method?: 'GET' | 'POST'; headers: Record<string, string>; body?: string }
const CONNECT = 15_000
const IDLE = 60_000
const REDIRECTS = 5

/** The answer to one request, redirects followed; credentials stay with the server they are for. */
async function send(c: Http, ask: Ask, signal?: AbortSignal, redirects = REDIRECTS): Promise<IncomingMessage> {
  const { url } = ask
  if (!/^https?:$/.test(url.protocol)) throw down('redirect', `接口转到了 ${url.protocol} 地址。`, '请核对接口地址。')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (!c.bounds?.local && isLocal(host)) throw forbidden(host)
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = (url.protocol === 'https:' ? secure : plain)(
      url,
      {
        method: ask.method ?? 'GET',
        headers: { 'accept-encoding': 'gzip, deflate, br', 'user-agent': 'huitong', ...ask.headers },
        timeout: CONNECT,
        agent: false,
        ...(!c.bounds?.local && { lookup: guardedLookup }),
        ...(signal && { signal }),
      },
      resolve,
    )
    request.on('timeout', () => request.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
    request.on('error', reject)
    request.end(ask.body)
  })
  reply.setTimeout(IDLE, () => reply.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
  const { statusCode: status = 0, headers } = reply
  if (![301, 302, 303, 307, 308].includes(status) || !headers.location) return reply
  reply.destroy()
  if (!redirects) throw down('redirect', '接口一再转向，没有结果。', '请填写最终的地址。')
  const to = new URL(headers.location, url)
  const other = to.origin !== url.origin
  return send(c, { ...ask, url: to, headers: other ? {} : ask.headers, ...(other && { body: undefined }) }, signal, redirects - 1)
}

const TRIES = 5
/** Waits and asks again where the server says it is busy or breaks down; anything else that is not 200 is said in words. */
async function ask(c: Http, make: () => Promise<Ask>, signal?: AbortSignal): Promise<IncomingMessage> {
  for (let n = 1; ; n++) {
    let trouble: Diagnosis
    let wait = 500 * 2 ** (n - 1)
    const { url, ...rest } = await make()
    try {
      const reply = await send(c, { url, ...rest }, signal)
      const status = reply.statusCode ?? 0
      if (status >= 200 && status < 300) return reply
      reply.destroy()
      trouble = ofStatus(status, url)
      if (status !== 429 && status < 500) throw new SourceDown(trouble)
      wait = retryAfter(reply.headers['retry-after']) ?? wait
    } catch (error) {
      if (error instanceof SourceDown || signal?.aborted) throw error
      trouble = ofFailure(error, url)
      if (trouble.code !== 'lost' && trouble.code !== 'timeout') throw new SourceDown(trouble)
    }
    if (n === TRIES) throw new SourceDown(trouble)
    await sleep(wait, undefined, { signal })
  }
}

/** Seconds or a date; nobody is waited for longer than a minute. */
function retryAfter(header: string | undefined): number | null {
  if (!header) return null
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 60_000) : null
}

function ofStatus(status: number, url: URL): Diagnosis {
  const at = url.origin
  if (status === 401 || status === 403)
    return {
      code: 'credentials',
      text: `接口 ${at} 不接受给出的凭据（${status}）。`,
      remedy: '请核对认证方式、用户名和密钥，以及来源方给的权限。',
    }
  if (status === 404 || status === 410)
    return { code: 'no-path', text: `接口 ${at}${url.pathname} 不存在（${status}）。`, remedy: '请核对接口地址。' }
  if (status === 429) return { code: 'busy', text: `接口 ${at} 限制了调用频率（429）。`, remedy: '请放慢取数的间隔，或请来源方提高限额。' }
  if (status >= 500)
    return { code: 'server-error', text: `接口 ${at} 自己出错了（${status}）。`, remedy: '恢复后重试；一直如此的，请告诉来源方。' }
  return { code: 'status', text: `接口 ${at} 拒绝了请求（${status}）。`, remedy: '请核对地址、参数和分页设置。' }
}

function ofFailure(error: unknown, url: URL): Diagnosis {
  const e = error as { code?: string; message?: string }
  if (e.code === 'LOCAL') return forbidden(url.hostname).diagnosis
  const far = unreached(error, '接口', url.hostname, url.host)
  if (far) return far
  if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|SSL|EPROTO|TLS/i.test(`${e.code} ${e.message}`))
    return {
      code: 'tls',
      text: `接口 ${url.host} 的 HTTPS 证书或加密方式通不过（${e.code ?? e.message}）。`,
      remedy: '请来源方换成有效的证书，或核对地址的协议。',
    }
  if (e.message === 'aborted' || /hang up/.test(e.message ?? ''))
    return { code: 'lost', text: `接口 ${url.host} 断开了连接。`, remedy: '恢复后重试。' }
  return { code: 'other', text: `接口 ${url.host} 报错：${e.message ?? error}`, remedy: '请把这段话告诉来源方。' }
}

const unpackers = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress }
async function* bodyOf(reply: IncomingMessage): AsyncGenerator<Buffer> {
  const unpack = unpackers[reply.headers['content-encoding'] as keyof typeof unpackers]?.()
  if (!unpack) return yield* reply as AsyncIterable<Buffer>
  reply.on('error', error => unpack.destroy(error))
  yield* reply.pipe(unpack) as AsyncIterable<Buffer>
}

/** One page is held in memory. */
const MOST_PAGE = 64 * 1024 * 1024
async function whole(reply: IncomingMessage, url: URL): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of bodyOf(reply)) {
      pieces.push(piece)
      size += piece.length
      if (size > MOST_PAGE)
        throw down('page-too-large', '接口一页返回的内容超过 64 MB。', '请减少每页的行数，或不分页时不要填写「行的位置」。')
    }
  } catch (error) {
    throw error instanceof SourceDown ? error : new SourceDown(ofFailure(error, url))
  }
  return Buffer.concat(pieces)
}

// ── who asks ──

function authorised(c: Http): { headers(signal?: AbortSignal): Promise<Record<string, string>>; renew(): boolean } {
  let token: string | null = null
  const basic = `Basic ${Buffer.from(`${c.user}:${c.password}`).toString('base64')}`
  return {
    async headers(signal) {
      switch (c.auth) {
        case 'none':
          return c.headers
        case 'basic':
          return { ...c.headers, authorization: basic }
        case 'bearer':
          return { ...c.headers, authorization: `Bearer ${c.password}` }
        case 'header':
          return { ...c.headers, [c.user || 'x-api-key']: c.password }
        case 'client-credentials':
          token ??= await tokenOf(c, basic, signal)
          return { ...c.headers, authorization: `Bearer ${token}` }
      }
    },
    renew() {
      if (c.auth !== 'client-credentials' || !token) return false
      token = null
      return true
    },
  }
}

async function tokenOf(c: Http, basic: string, signal?: AbortSignal): Promise<string> {
  if (!URL.canParse(c.tokenUrl)) throw down('token', '没有填写取令牌的地址。', '请填写以 https:// 开头的令牌地址。')
  const url = new URL(c.tokenUrl)
  const form = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
  const one = async (headers: Record<string, string>, more: Record<string, string>) =>
    whole(
      await ask(
        c,
        async () => ({
          url,
          method: 'POST',
          headers: { ...form, ...headers },
          body: new URLSearchParams({ grant_type: 'client_credentials', ...more }).toString(),
        }),
        signal,
      ),
      url,
    )
  const refusedHeader = (error: unknown) => error instanceof SourceDown && ['credentials', 'status'].includes(error.diagnosis.code)
  try {
    // The standard's way first; some servers only read the form.
    const text = await one({ authorization: basic }, {}).catch(error => {
      if (!refusedHeader(error)) throw error
      return one({}, { client_id: c.user, client_secret: c.password })
    })
    const token = JSON.parse(text.toString()).access_token
    if (typeof token === 'string' && token) return token
  } catch (error) {
    if (error instanceof SourceDown && !refusedHeader(error)) throw error
  }
  throw down('token', `令牌地址 ${url.origin} 没有给出令牌。`, '请核对令牌地址、客户端标识和密钥。')
}

// ── pages ──

type Page = { rows: string[]; cursor: unknown; next: string | null /** As the interface says. */; total: number | null }
const at = (value: unknown, path: string[]): unknown =>
  path.reduce<unknown>((v, key) => (v && typeof v === 'object' ? (v as Record<string, unknown>)[key] : undefined), value)
const keysOf = (path: string) => path.split('.').filter(Boolean)

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}
async function decoded(bytes: Buffer): Promise<string> {
  const { encoding } = detectEncoding([bytes])
  const pieces: Buffer[] = []
  for await (const piece of toUtf8(once(bytes), encoding)) pieces.push(piece)
  return Buffer.concat(pieces)
    .toString()
    .replace(/^\ufeff/, '')
    .trim()
}

/** The rows of one reply as lines of JSON, whatever form they came in; `found` remembers where the first page had them. */
async function pageOf(c: Http, text: string, found: { at?: JsonRows }, first: boolean): Promise<Page> {
  const rows: string[] = []
  const put = (fields: Iterable<[string, string]>) => rows.push(`${JSON.stringify(Object.fromEntries(fields))}\n`)
  const none = { rows, cursor: null, next: null, total: null }
  if (!text) return none
  if (/^<(!doctype\s+html|html)/i.test(text))
    throw down('not-data', '接口返回的是网页，不是数据；可能要先登录，或地址不对。', '请核对地址和认证方式。')
  try {
    if (text.startsWith('<')) {
      for await (const records of xmlRecords(once(Buffer.from(text)), c.rowsAt ? keysOf(c.rowsAt) : findXmlRows(text)))
        for (const r of records) put(r.fields)
      return none
    }
    if (/^[{[]/.test(text)) {
      found.at ??= c.rowsAt ? keysOf(c.rowsAt) : await findJsonRows(text)
      const document = found.at === 'lines' ? null : parsed(text)
      if (Array.isArray(found.at) && !Array.isArray(at(document, found.at))) {
        if (!first) return none
        const words = [at(document, ['msg']), at(document, ['message'])].find(w => typeof w === 'string' && w)
        throw down(
          'no-rows',
          `接口的答复里没有「${c.rowsAt}」这个列表${words ? `；它说：${String(words).slice(0, 100)}` : ''}。`,
          '请核对「行的位置」，或留空由平台自己找。',
        )
      }
      // An answer without any list: a first page would be taken for a row.
      if (found.at === 'values' && c.paging.by !== 'none') return none
      for await (const records of jsonRecords(once(Buffer.from(text)), found.at))
        for (const r of records) if (r.broken === undefined) put(r.fields)
      const next = [at(document, ['next']), at(document, ['links', 'next']), at(document, ['_links', 'next', 'href'])].find(
        n => typeof n === 'string' && n,
      )
      const beside = Array.isArray(found.at) ? at(document, found.at.slice(0, -1)) : document
      const total = [at(beside, ['total']), at(beside, ['totalCount']), at(document, ['total'])].map(Number).find(n => n > 0) ?? null
      return { rows, cursor: c.paging.by === 'cursor' ? at(document, keysOf(c.paging.at)) : null, next: (next as string) ?? null, total }
    }
    const table = parseRecords(text, sniffDelimiter(text.slice(0, 64 * 1024))).rows
    const names = table.shift() ?? []
    for (const cells of table) if (cells.some(Boolean)) put(names.map((n, i) => [n, cells[i] ?? '']))
    return none
  } catch (error) {
    if (error instanceof Unreadable) throw down('not-data', `接口的答复读不懂：${error.message}`, error.remedy)
    throw error
  }
}
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw down('not-data', '接口的答复不是完整的 JSON。', '请核对地址；一直如此的，请告诉来源方。')
  }
}

const MOST_PAGES = 100_000
async function* pages(c: Http, signal?: AbortSignal): AsyncGenerator<string[]> {
  const auth = authorised(c)
  const found: { at?: JsonRows } = {}
  const seen = new Set<string>()
  const { paging } = c
  let url: URL | null = new URL(c.url)
  const paged = 'rows' in paging ? paging.rows : 0
  let last = 0
  let offset = 0
  for (let n = 0; url; n++) {
    if (n === MOST_PAGES) throw down('endless', `接口翻了 ${MOST_PAGES.toLocaleString('en')} 页还没有完。`, '请核对分页设置。')
    if (paging.by === 'page') {
      url.searchParams.set(paging.page, String(paging.from + n))
      url.searchParams.set(paging.size, String(paging.rows))
    } else if (paging.by === 'offset') {
      url.searchParams.set(paging.offset, String(offset))
      url.searchParams.set(paging.limit, String(paging.rows))
    }
    const here: URL = url
    const make = async () => ({ url: here, headers: { accept: 'application/json, */*;q=0.5', ...(await auth.headers(signal)) } })
    const reply = await ask(c, make, signal).catch(error => {
      // A token that ran out on the way.
      if (n > 0 && error instanceof SourceDown && error.diagnosis.code === 'credentials' && auth.renew()) return ask(c, make, signal)
      throw error
    })
    const link = /<([^>]+)>\s*;[^,]*\brel="?next"?/i.exec(String(reply.headers.link ?? ''))?.[1]
    const page = await pageOf(c, await decoded(await whole(reply, here)), found, n === 0)
    if (!page.rows.length) return
    const mark = createHash('sha256').update(page.rows.join('')).digest('base64')
    if (seen.has(mark)) {
      // Many servers give their last page again to whoever asks for more.
      if (page.total !== null ? offset >= page.total : n > 1 && last < paged) return
      throw down('same-page', `接口第 ${n + 1} 页与前面的一页相同，再取下去没有完。`, '请核对分页方式和参数名：接口可能不认这些参数。')
    }
    seen.add(mark)
    yield page.rows
    last = page.rows.length
    offset += page.rows.length
    switch (paging.by) {
      case 'none':
        url = null
        break
      case 'cursor': {
        if (page.cursor === null || page.cursor === undefined || page.cursor === '' || page.cursor === false) return
        url = new URL(c.url)
        url.searchParams.set(paging.parameter, String(page.cursor))
        break
      }
      case 'link': {
        const next = link ?? page.next
        if (!next) return
        const to: URL = new URL(next, here)
        if (to.origin !== here.origin)
          throw down('other-origin', `接口的下一页在另一台服务器 ${to.origin} 上。`, '请核对；确实如此的，请分别登记。')
        url = to
        break
      }
    }
  }
}

async function* guardedBy<T>(c: Http, work: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield* work
  } catch (error) {
    throw error instanceof SourceDown ? error : new SourceDown(ofFailure(error, new URL(c.url)))
  }
}

export const http: FileConnector<Http> = {
  label: 'HTTP 接口',

  /** One file per time: what the interface gives now. The first page is asked for, so that a test tells what is wrong. */
  async list(c, signal) {
    const rows = guardedBy(c, pages(c, signal))
    const first = await rows.next()
    await rows.return(undefined)
    if (first.done) return []
    const { hostname, pathname } = new URL(c.url)
    const name = `${hostname}${pathname.replace(/\/+$/, '').replaceAll('/', '_')}.ndjson`
    return [{ name, bytes: null, stamp: new Date().toISOString() }]
  },

  async *fetch(c, _file, signal) {
    for await (const rows of guardedBy(c, pages(c, signal))) yield Buffer.from(rows.join(''))
  },
}

import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { HttpConnection } from '../../../../contract/connections.ts'
import { http, isLocal } from './http.ts'
import { type Http, SourceDown } from './types.ts'

type Handler = (url: URL, request: IncomingMessage, response: ServerResponse) => unknown
async function aServer(t: TestContext, handler: Handler) {
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, 'http://x')
    asked.push(request.url!)
    const body = await handler(url, request, response)
    if (response.writableEnded || response.destroyed) return
    if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)) response.setHeader('content-type', 'application/json')
    response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const c = (more: object = {}): Http => ({
    ...HttpConnection.parse({ kind: 'http', url: `${origin}/api`, ...more }),
    bounds: { folders: null, local: true },
  })
  return { origin, asked, c }
}
async function rows(c: Http): Promise<any[]> {
  const [file] = await http.list(c)
  if (!file) return []
  let text = ''
  for await (const piece of http.fetch(c, file)) text += piece
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
}
const down = async (work: Promise<unknown>) => {
  const error = await work.then(
    v => assert.fail(`nothing was thrown: ${JSON.stringify(v)}`),
    e => e,
  )
  assert.ok(error instanceof SourceDown, String(error))
  return error.diagnosis
}
const all = Array.from({ length: 25 }, (_, i) => ({ id: i + 1, 姓名: `第${i + 1}人` }))
const ids = (list: any[]) => list.map(r => Number(r.id))
const complete = all.map(r => r.id)

test('rows come from JSON, NDJSON, CSV and XML replies, packed or in GBK, with all the digits of their numbers', async t => {
  const replies: Record<string, unknown> = {
    '/json': '{"code":0,"data":{"list":[{"id":12345678901234567890,"a":{"b":1.10}}]}}',
    '/top': '[{"id":"1"},{"id":"2"}]',
    '/ndjson': '{"id":1}\n{"id":2}\n',
    '/csv': 'id,姓名\n1,"甲,乙"\n',
    '/xml': '<r><row id="1"><n>甲</n></row><row id="2"/></r>',
    '/gzip': gzipSync('[{"id":1}]'),
    '/gbk': Buffer.concat([Buffer.from('[{"id":"'), Buffer.from([0xd5, 0xc5]), Buffer.from('"}]')]),
    '/empty': '{"data":[]}',
  }
  const s = await aServer(t, (url, _, response) => {
    if (url.pathname === '/gzip') response.setHeader('content-encoding', 'gzip')
    return replies[url.pathname]
  })
  const of = (path: string, more = {}) => rows(s.c({ url: s.origin + path, ...more }))
  assert.deepEqual(await of('/json'), [{ id: '12345678901234567890', 'a.b': '1.10' }])
  assert.deepEqual(await of('/json', { rowsAt: 'data.list' }), [{ id: '12345678901234567890', 'a.b': '1.10' }])
  assert.deepEqual(ids(await of('/top')), [1, 2])
  assert.deepEqual(ids(await of('/ndjson')), [1, 2])
  assert.deepEqual(await of('/csv'), [{ id: '1', 姓名: '甲,乙' }])
  assert.deepEqual(
    await of('/xml'),
    [
      { id: '1', n: '甲' },
      { id: '2', n: '' },
    ].map(r => (r.n ? r : { id: r.id })),
  )
  assert.deepEqual(ids(await of('/gzip')), [1])
  assert.deepEqual(await of('/gbk'), [{ id: '张' }])
  assert.deepEqual(await of('/empty', { rowsAt: 'data' }), [])
})

test('all ways of paging give every row once', async t => {
  const s = await aServer(t, (url, _, response) => {
    const q = (name: string) => url.searchParams.get(name)
    if (url.pathname === '/page') return { data: all.slice((Number(q('p')) - 1) * 10, Number(q('p')) * 10) }
    // Gives no more than ten, whatever is asked for, and its last page again to whoever asks for more.
    if (url.pathname === '/capped')
      return { list: all.slice((Math.min(Number(q('page')), 3) - 1) * 10, Math.min(Number(q('page')), 3) * 10) }
    if (url.pathname === '/total') return { total: 25, list: all }
    if (url.pathname === '/offset') return all.slice(Number(q('offset')), Number(q('offset')) + Number(q('limit')))
    if (url.pathname === '/cursor') {
      const from = Number(q('after') ?? 0)
      return { rows: all.slice(from, from + 10), meta: { next: from + 10 < all.length ? from + 10 : null } }
    }
    if (url.pathname === '/link') {
      const from = Number(q('from') ?? 0)
      if (from + 10 < all.length) response.setHeader('link', `</link?from=0>; rel="first", </link?from=${from + 10}>; rel="next"`)
      return all.slice(from, from + 10)
    }
    const from = Number(q('from') ?? 0)
    return { items: all.slice(from, from + 10), next: from + 10 < all.length ? `${url.pathname}?from=${from + 10}` : null }
  })
  const of = async (path: string, paging: object) => ids(await rows(s.c({ url: s.origin + path, paging })))
  assert.deepEqual(await of('/page', { by: 'page', page: 'p', rows: 10 }), complete)
  assert.deepEqual(await of('/capped', { by: 'page', rows: 500 }), complete)
  assert.deepEqual(await of('/total', { by: 'page', rows: 500 }), complete)
  assert.deepEqual(await of('/offset', { by: 'offset', rows: 10 }), complete)
  assert.deepEqual(await of('/cursor', { by: 'cursor', parameter: 'after', at: 'meta.next' }), complete)
  assert.deepEqual(await of('/link', { by: 'link' }), complete)
  assert.deepEqual(await of('/next', { by: 'link' }), complete)
})

test('an interface that always gives the same page is stopped and told, not read for ever', async t => {
  const s = await aServer(t, () => ({ list: all.slice(0, 10), next: '/api', cursor: 7 }))
  for (const paging of [
    { by: 'page', rows: 10 },
    { by: 'offset', rows: 10 },
    { by: 'cursor', parameter: 'c', at: 'cursor' },
    { by: 'link' },
  ]) {
    const d = await down(rows(s.c({ paging })))
    assert.deepEqual([d.code, /第 2 页与前面的一页相同/.test(d.text)], ['same-page', true], JSON.stringify(paging))
  }
})

test('every way of authentication, and a token that runs out on the way is asked for anew', async t => {
  let tokens = 0
  const s = await aServer(t, async (url, request, response) => {
    const { authorization } = request.headers
    if (url.pathname === '/token') {
      let body = ''
      for await (const piece of request) body += piece
      const form = new URLSearchParams(body)
      // Only reads the form, as some do.
      if (form.get('client_secret') !== 'geheim' || form.get('grant_type') !== 'client_credentials') {
        response.statusCode = 401
        return ''
      }
      return { access_token: `t${++tokens}` }
    }
    const right: Record<string, boolean> = {
      '/basic': authorization === `Basic ${Buffer.from('u:geheim').toString('base64')}`,
      '/bearer': authorization === 'Bearer geheim',
      '/header': request.headers['x-key'] === 'geheim' && request.headers['x-more'] === '1',
      // The first token is good for one page.
      '/oauth': authorization === `Bearer t${tokens}` && !(tokens === 2 && url.searchParams.get('page') === '2'),
    }
    if (!right[url.pathname]) {
      response.statusCode = 401
      return ''
    }
    return url.pathname === '/oauth' ? all.slice((Number(url.searchParams.get('page')) - 1) * 20).slice(0, 20) : [{ id: 1 }]
  })
  const of = (path: string, more: object) => rows(s.c({ url: s.origin + path, password: 'geheim', ...more }))
  assert.deepEqual(ids(await of('/basic', { auth: 'basic', user: 'u' })), [1])
  assert.deepEqual(ids(await of('/bearer', { auth: 'bearer' })), [1])
  assert.deepEqual(ids(await of('/header', { auth: 'header', user: 'x-key', headers: { 'x-more': '1' } })), [1])
  const oauth = { auth: 'client-credentials', user: 'id', tokenUrl: `${s.origin}/token`, paging: { by: 'page', rows: 20 } }
  assert.deepEqual(ids(await of('/oauth', oauth)), complete)
  assert.equal(tokens, 3)
  const wrong = await down(of('/basic', { auth: 'basic', user: 'x' }))
  assert.deepEqual([wrong.code, JSON.stringify(wrong).includes('geheim')], ['credentials', false])
  assert.equal((await down(of('/oauth', { ...oauth, password: 'wrong' }))).code, 'token')
})

test('a busy or broken server is asked again; other answers are said in plain words', async t => {
  let n = 0
  const s = await aServer(t, (url, request, response) => {
    n++
    if (url.pathname === '/busy' && n < 4) {
      response.statusCode = [0, 429, 503, 500][n]!
      response.setHeader('retry-after', '0')
      return ''
    }
    if (url.pathname === '/cut' && n < 2) return void request.socket.destroy()
    if (url.pathname === '/html') return '<!DOCTYPE html><html>登录</html>'
    if (url.pathname === '/broken') return '{"data":[{"id":1},'
    if (url.pathname === '/message') return { code: 500, msg: '签名错误', data: null }
    if (url.pathname === '/gone') response.statusCode = 404
    if (url.pathname === '/always') {
      response.statusCode = 502
      response.setHeader('retry-after', '0')
    }
    return [{ id: 1 }]
  })
  const of = (path: string, more = {}) => {
    n = 0
    return rows(s.c({ url: s.origin + path, ...more }))
  }
  assert.deepEqual(ids(await of('/busy')), [1])
  assert.deepEqual(ids(await of('/cut')), [1])
  const cases: [string, object, string, RegExp][] = [
    ['/html', {}, 'not-data', /网页/],
    ['/broken', {}, 'not-data', /不是完整的 JSON/],
    ['/message', { rowsAt: 'data' }, 'no-rows', /「data」.*签名错误/],
    ['/gone', {}, 'no-path', /不存在/],
    ['/always', {}, 'server-error', /自己出错/],
  ]
  for (const [path, more, code, words] of cases) {
    const d = await down(of(path, more))
    assert.deepEqual([d.code, words.test(d.text)], [code, true], d.text)
  }
  assert.equal((await down(rows(s.c({ url: 'http://127.0.0.1:1/' })))).code, 'refused')
  assert.equal((await down(rows(s.c({ url: 'http://no-such-host.invalid/' })))).code, 'unknown-host')
  assert.equal((await down(rows(s.c({ url: s.origin.replace('http', 'https') })))).code, 'tls')
})

test('this machine and its metadata services cannot be reached: not by address, name, redirect or another page', async t => {
  const s = await aServer(t, (url, request, response) => {
    if (url.pathname === '/away') {
      response.statusCode = 302
      response.setHeader('location', 'http://169.254.169.254/latest/meta-data/')
      return ''
    }
    if (url.pathname === '/here') {
      response.statusCode = 307
      response.setHeader('location', '/shown')
      return ''
    }
    if (url.pathname === '/other') {
      response.statusCode = 307
      response.setHeader('location', `${s.origin.replace('127.0.0.1', 'localhost')}/shown`)
      return ''
    }
    if (url.pathname === '/file') {
      response.statusCode = 302
      response.setHeader('location', 'file:///etc/passwd')
      return ''
    }
    if (url.pathname === '/next') return { list: [{ id: 1 }], next: 'http://10.0.0.1/' }
    return [{ id: request.headers.authorization ?? 'none' }]
  })
  for (const host of [
    '127.0.0.1',
    '0.0.0.0',
    '169.254.169.254',
    '100.100.100.200',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    'fe80::1',
  ])
    assert.ok(isLocal(host), host)
  for (const host of ['10.1.2.3', '192.168.1.1', '8.8.8.8', '2001:db8::1']) assert.ok(!isLocal(host), host)
  const strict = (url: string) => rows({ ...s.c({ url }), bounds: { folders: null, local: false } })
  for (const url of [
    s.origin,
    s.origin.replace('127.0.0.1', 'localhost'),
    'http://[::1]/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::ffff:127.0.0.1]/',
  ])
    assert.equal((await down(strict(url))).code, 'local-address', url)
  assert.equal((await down(rows({ ...s.c({}), bounds: undefined }))).code, 'local-address')
  const bearer = { auth: 'bearer', password: 'geheim' }
  assert.deepEqual(await rows(s.c({ url: `${s.origin}/here`, ...bearer })), [{ id: 'Bearer geheim' }])
  // Another server does not see the credentials.
  assert.deepEqual(await rows(s.c({ url: `${s.origin}/other`, ...bearer })), [{ id: 'none' }])
  assert.equal((await down(rows(s.c({ url: `${s.origin}/file` })))).code, 'redirect')
  assert.equal((await down(rows(s.c({ url: `${s.origin}/next`, paging: { by: 'link' } })))).code, 'other-origin')
})

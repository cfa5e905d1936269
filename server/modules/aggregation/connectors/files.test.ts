import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import ssh2 from 'ssh2'
import { anSshd, noSshd } from '../../../../test/support/sshd.ts'
import { matcher } from './files.ts'
import { folder } from './folder.ts'
import { fingerprintOf, sftp } from './sftp.ts'
import { type FileConnector, type Folder, type RemoteFile, type Sftp, SourceDown } from './types.ts'

const old = new Date(Date.now() - 60_000)
function put(path: string, content: string, at = old) {
  writeFileSync(path, content)
  utimesSync(path, at, at)
}
async function text<C extends Folder | Sftp>(connector: FileConnector<C>, c: C, file: RemoteFile) {
  const pieces: Buffer[] = []
  for await (const piece of connector.fetch(c, file)) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}
const down = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => assert.fail('nothing was thrown'),
    e => e,
  )
  assert.ok(error instanceof SourceDown, String(error))
  return error.diagnosis
}

test('patterns are those of a shell, and files still being written under another name do not count', () => {
  const fits = matcher('低保_*.cs?')
  assert.deepEqual(['低保_2026.csv', '低保_.CSV', '低保.csv', 'x低保_1.csv', '低保_1.csvx'].map(fits), [true, true, false, false, false])
  assert.deepEqual(['a.csv', '.a.csv', '~$a.xlsx', 'a.csv.part', 'a.tmp', 'a(1)+[x].csv'].map(matcher('*')), [
    true,
    false,
    false,
    false,
    false,
    true,
  ])
})

function aRoot(t: TestContext) {
  const base = mkdtempSync(join(tmpdir(), 'huitong-folder-'))
  t.after(() => rmSync(base, { recursive: true, force: true }))
  const root = join(base, 'root')
  mkdirSync(join(root, 'a'), { recursive: true })
  mkdirSync(join(base, 'elsewhere'))
  const c = (path = 'a', pattern = '*'): Folder => ({ kind: 'folder', path, pattern, bounds: { folders: root, local: false } })
  return { base, root, c }
}

test('a folder gives its files oldest first; one that grows waits, a changed one has another stamp', async t => {
  const { root, c } = aRoot(t)
  put(join(root, 'a/2.csv'), 'second', new Date(Date.now() - 50_000))
  put(join(root, 'a/1.csv'), 'first')
  mkdirSync(join(root, 'a/dir.csv'))
  const growing = join(root, 'a/0.csv')
  writeFileSync(growing, 'x')
  writeFileSync(join(root, 'a/still.csv'), 'done')
  const timer = setInterval(() => appendFileSync(growing, 'x'), 100)
  const files = await folder.list(c('a', '*.csv'))
  clearInterval(timer)
  assert.deepEqual(
    files.map(f => f.name),
    ['1.csv', '2.csv', 'still.csv'],
  )
  assert.equal(await text(folder, c(), files[0]!), 'first')
  put(join(root, 'a/1.csv'), 'changed', new Date(Date.now() - 40_000))
  assert.equal((await down(text(folder, c(), files[0]!))).code, 'changed')
  const again = (await folder.list(c('a', '1.csv')))[0]!
  assert.notEqual(again.stamp, files[0]!.stamp)
  assert.equal(await text(folder, c(), again), 'changed')
})

test('nothing leads out of the root: no dots, no absolute path, no link, no name with a slash', async t => {
  const { base, root, c } = aRoot(t)
  put(join(base, 'elsewhere/secret.csv'), 'secret')
  symlinkSync(join(base, 'elsewhere'), join(root, 'link'))
  symlinkSync(join(base, 'elsewhere/secret.csv'), join(root, 'a/secret.csv'))
  for (const path of ['..', '../elsewhere', 'a/../../elsewhere', 'link', `${root}x`])
    assert.match((await down(folder.list(c(path)))).code, /^(outside|no-directory)$/)
  assert.equal((await down(folder.list(c(join(base, 'elsewhere'))))).code, 'no-directory')
  assert.deepEqual(await folder.list(c()), [])
  const file = { name: 'secret.csv', bytes: 6, stamp: `6-${old.getTime()}` }
  assert.equal((await down(text(folder, c(), file))).code, 'no-directory')
  assert.equal((await down(text(folder, c('.'), { ...file, name: '../elsewhere/secret.csv' }))).code, 'no-directory')
  assert.equal((await down(folder.list({ ...c(), bounds: { folders: null, local: false } }))).code, 'no-root')
  assert.equal((await down(folder.list({ kind: 'folder', path: 'a', pattern: '*' }))).code, 'no-root')
  assert.deepEqual((await down(folder.list(c('nothing')))).text, '没有目录「nothing」。')
})

test('files come over SFTP with a private key; the host key of the first contact is held to', { skip: noSshd }, async t => {
  const server = await anSshd(t)
  put(join(server.dir, 'b.csv'), 'x'.repeat(700_000), new Date(Date.now() - 50_000))
  put(join(server.dir, 'a.csv'), '甲')
  const c: Sftp = {
    kind: 'sftp',
    host: server.host,
    port: server.port,
    user: server.user,
    password: '',
    privateKey: server.privateKey,
    hostKey: '',
    path: server.dir,
    pattern: '*.csv',
  }
  const known = await sftp.identify!(c)
  assert.match(known!.hostKey!, /^SHA256:[\w+/]{43}$/)
  const held = { ...c, ...known }
  assert.equal(await sftp.identify!(held), null)
  const files = await sftp.list(held)
  assert.deepEqual(
    files.map(f => [f.name, f.bytes]),
    [
      ['a.csv', 3],
      ['b.csv', 700_000],
    ],
  )
  assert.deepEqual([await text(sftp, held, files[0]!), (await text(sftp, held, files[1]!)).length], ['甲', 700_000])
  put(join(server.dir, 'a.csv'), '乙乙', new Date(Date.now() - 40_000))
  assert.equal((await down(text(sftp, held, files[0]!))).code, 'changed')
  assert.equal((await down(sftp.list({ ...held, path: '/no/such' }))).text, 'SFTP 服务器上没有目录「/no/such」。')
  assert.equal((await down(text(sftp, held, { name: '../x', bytes: 1, stamp: '' }))).code, 'no-directory')
  assert.equal((await down(sftp.list({ ...held, privateKey: 'nonsense' }))).code, 'private-key')
  const other = ssh2.utils.generateKeyPairSync('ed25519').private
  assert.equal((await down(sftp.list({ ...held, privateKey: other }))).code, 'credentials')
  assert.equal((await down(sftp.list({ ...held, privateKey: '', password: 'wrong' }))).code, 'credentials')
  assert.equal((await down(sftp.list({ ...held, port: 1 }))).code, 'refused')
  await server.restart()
  const changed = await down(sftp.list(held))
  assert.deepEqual([changed.code, changed.text.includes(known!.hostKey!)], ['host-key', true])
  assert.equal((await sftp.list(c)).length, 2)
})

test('a password is given to the server; one without SFTP, or that speaks something else, is told apart', async t => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  const given: string[] = []
  const server = new ssh2.Server({ hostKeys: [privateKey] }, client => {
    client.on('error', () => {})
    client.on('authentication', a => {
      if (a.method === 'password') given.push(a.password)
      return a.method === 'password' && a.password === '口令 1' ? a.accept() : a.reject(['password'])
    })
    client.on('ready', () => client.on('session', accept => void accept()))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  t.after(() => server.close())
  const c: Sftp = {
    kind: 'sftp',
    host: '127.0.0.1',
    port: (server.address() as { port: number }).port,
    user: 'u',
    password: '口令 1',
    privateKey: '',
    hostKey: '',
    path: '/',
    pattern: '*',
  }
  const d = await down(sftp.list(c))
  assert.deepEqual([d.code, given], ['no-sftp', ['口令 1']])
  const wrong = await down(sftp.list({ ...c, password: '错' }))
  assert.deepEqual([wrong.code, JSON.stringify(wrong).includes('错')], ['credentials', false])
  assert.equal(fingerprintOf(Buffer.from('x')).length, 50)
})

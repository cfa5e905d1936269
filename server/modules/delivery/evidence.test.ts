import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { unzipSync, zipSync } from 'fflate'
import { ledgerHead } from '../../../contract/audit.ts'
import * as contract from '../../../contract/delivery.ts'
import { type Evidence, judgeEvidence, readEvidence } from '../../../contract/evidence.ts'
import { aGrant } from '../../../test/support/delivery.ts'
import { rotateKey } from '../audit/jobs.ts'
import { nodeTools } from './verify.ts'

type Given = Awaited<ReturnType<typeof aGrant>>

/** A package as its recipient has it. */
async function aPackage(g: Given, format: 'csv' | 'xlsx' | 'json' | 'parquet') {
  await g.developer.ok(contract.orderPackage, { params: g.params, body: { format, caseRef: 'YB-2026-9' } })
  for (let i = 0; ; i++) {
    const [newest] = await g.developer.ok(contract.packages, { params: g.params })
    if (newest!.state === 'ready') break
    assert.ok(newest!.state === 'queued' && i < 100, newest!.problem ?? newest!.state)
    await new Promise(done => setTimeout(done, 100))
  }
  const [p] = await g.developer.ok(contract.packages, { params: g.params })
  const { url } = await g.developer.ok(contract.packageLink, { params: { ...g.params, package: p!.id } })
  const { raw } = await g.world.anonymous.call(contract.takePackage, { query: { link: new URL(url).searchParams.get('link')! } })
  const files = unzipSync(raw)
  const evidenceName = `${p!.no}.evidence.json`
  const text = Buffer.from(files[evidenceName]!).toString()
  return { p: p!, raw, files, evidenceName, text, evidence: JSON.parse(text) as Evidence, dataName: `${g.entry.path}.${format}` }
}

/** The command as somebody runs it, without any database. */
const verify = (...args: string[]) => run('server/main.ts', 'verify', ...args)
const run = (program: string, ...args: string[]) =>
  new Promise<{ code: number; out: string }>(done => {
    const env = { ...process.env, HUITONG_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', HUITONG_TEST_URL: '' }
    execFile(process.execPath, [resolve(program), ...args], { env }, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code) : 0, out: stdout + stderr }),
    )
  })

function aFolder(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'huitong-evidence-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return (name: string, content: string | Uint8Array) => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
}
const flipped = (bytes: Uint8Array, at: number) => {
  const copy = Uint8Array.from(bytes)
  copy[at]! ^= 1
  return copy
}

test('the command, offline: a package and its parts hold; one byte changed is named; other files are told what to do', async t => {
  const g = await aGrant(t, { method: 'file' })
  const keep = aFolder(t)
  const { p, raw, files, evidenceName, text, evidence, dataName } = await aPackage(g, 'csv')
  assert.deepEqual(Object.keys(files).sort(), [evidenceName, dataName, 'manifest.json'].sort())
  const zip = keep('package.zip', raw)
  const whole = await verify(zip)
  assert.equal(whole.code, 0, whole.out)
  for (const line of [
    `✓ 「${dataName}」没有改动`,
    '✓ 「manifest.json」没有改动',
    '✓ 签名有效：第 1 号密钥（',
    `✓ 第 ${p.ledger} 条留痕记的就是这次交付：永泰县医保局，YB-2026-9，3 行`,
    `✓ 第 ${p.ledger} 条包含在区块`,
    '✓ 检查点 #1 由第 1 号密钥于 2026-06-01 10:00:00 北京时间 签到区块',
    '○ 公钥取自证据本身',
    `✓ 数据包 ${p.no} 的证据前后相符；没有给 --key`,
  ])
    assert.ok(whole.out.includes(line), `${line}\n${whole.out}`)

  const { keys } = await g.world.anonymous.ok(ledgerHead)
  const evidenceFile = keep(evidenceName, text)
  const data = keep(dataName, files[dataName]!)
  for (const key of [keys[0]!.hash, keys[0]!.public.SM2!, keep('key.txt', `${keys[0]!.public.Ed25519}\n`)]) {
    const known = await verify(evidenceFile, data, '--key', key)
    assert.equal(known.code, 0, known.out)
    assert.match(known.out, /✓ 密钥始于您所信任的第 1 号密钥。/)
    assert.ok(known.out.includes(`✓ 数据包 ${p.no} 的证据成立。`), known.out)
  }
  const stranger = await verify(evidenceFile, data, '--key', '0'.repeat(64))
  assert.equal(stranger.code, 1)
  assert.match(stranger.out, /■ 签名的密钥不是您所信任的密钥/)
  const alone = await verify(evidenceFile)
  assert.equal(alone.code, 0)
  assert.ok(alone.out.includes(`○ 没有给出「${dataName}」`), alone.out)
  const renamed = await verify(evidenceFile, keep('renamed.csv', files[dataName]!))
  assert.ok(renamed.code === 0 && renamed.out.includes(`原名「${dataName}」`), renamed.out)

  // One byte.
  const changed = await verify(evidenceFile, keep(dataName, flipped(files[dataName]!, 100)))
  assert.equal(changed.code, 1)
  assert.ok(changed.out.includes(`■ 「${dataName}」被改动：仍是 `), changed.out)
  const remade = (name: string, content: Uint8Array) => keep('remade.zip', zipSync({ ...files, [name]: content }))
  const list = await verify(remade('manifest.json', flipped(files['manifest.json']!, 30)))
  assert.ok(list.code === 1 && list.out.includes('■ 「manifest.json」被改动'), list.out)
  const added = await verify(remade('more.csv', files[dataName]!.subarray(1)))
  assert.ok(added.code === 1 && added.out.includes('■ 「more.csv」不是这个数据包里的文件'), added.out)
  const { [dataName]: _, ...rest } = files
  const less = await verify(keep('less.zip', zipSync(rest)))
  assert.ok(less.code === 1 && less.out.includes(`■ 数据包里缺少「${dataName}」`), less.out)
  const { [evidenceName]: __, ...bare } = files
  const at = raw.indexOf(dataName) + dataName.length + 40
  const inside = await verify(keep('inside.zip', flipped(raw, at)))
  assert.ok(inside.code === 1 && inside.out.includes(`■ 「${dataName}」`), inside.out)

  const sly = await verify(evidenceFile, keep('x」没有改动\n✓ 数据包.csv', 'x'))
  assert.ok(sly.code === 1 && !sly.out.includes('\n✓ 数据包'), sly.out)

  // The other program, which shares no line with the platform, comes to the same.
  const second = (...args: string[]) => run('tools/verify-evidence.mjs', ...args)
  const same = await second(evidenceFile, keep(dataName, files[dataName]!), '--key', keys[0]!.hash)
  assert.ok(same.code === 0 && same.out.includes(`✓ 数据包 ${p.no} 的证据成立`), same.out)
  for (const [from, to, why] of [
    ['"case": "YB-2026-9"', '"case": "YB-2026-8"', '交付说明的签名不符'],
    [String.raw`\"caseNo\":\"YB-2026-9\"`, String.raw`\"caseNo\":\"YB-2026-8\"`, '内容与登记摘要不符'],
  ] as const) {
    assert.ok(text.includes(from), from)
    const forged = keep('forged.evidence.json', text.replace(from, to))
    for (const told of [await second(forged), await verify(forged)]) assert.equal(told.code, 1, told.out)
    assert.ok((await second(forged)).out.includes(why))
  }
  const spoilt = await second(evidenceFile, keep(dataName, flipped(files[dataName]!, 100)))
  assert.ok(spoilt.code === 1 && spoilt.out.includes('与交付的不符'), spoilt.out)
  keep(dataName, files[dataName]!)

  // What cannot be judged: a reason and what to do, never a trace.
  for (const [given, why] of [
    [[keep('short.evidence.json', text.slice(0, 900)), data], /文件不完整/],
    [[keep('short.zip', raw.subarray(0, raw.length - 40))], /不是完整的 ZIP/],
    [[keep('old.zip', zipSync(bare))], /没有证据文件[\s\S]*重新生成/],
    [[keep('a.csv', '姓名\r\n张三'), evidenceFile], /内容不是 JSON/],
    [[keep('rows.json', '[{"a":1}]')], /不是数据包的证据/],
    [[keep('proof.json', JSON.stringify(evidence.proof))], /一条留痕的证明[\s\S]*audit verify --file/],
    [[keep('ledger.jsonl', '{"type":"ledger","format":"huitong-ledger-1"}\n{"type":"end"}\n')], /导出的账本[\s\S]*audit verify --file/],
    [[keep('v9.json', '{"format":"huitong-evidence-9"}')], /不认识证据的格式/],
    [[keep('empty.json', '')], /不是 JSON/],
    [[keep('null.json', 'null')], /不是数据包的证据/],
    [[evidenceFile, '/nowhere/x.csv'], /没有「\/nowhere\/x.csv」这个文件/],
    [[tmpdir()], /不是文件/],
    [[evidenceFile, '--key', 'abc'], /不是密钥/],
    [[evidenceFile, '--keys'], /不认识「--keys」[\s\S]*用法/],
    [[evidenceFile, '--key'], /没有写密钥/],
    [[], /用法/],
  ] as [string[], RegExp][]) {
    const told = await verify(...given)
    assert.equal(told.code, 1, told.out)
    assert.match(told.out, why)
    assert.doesNotMatch(told.out, /\n\s+at |Error/)
  }
})

test('any one character of the evidence changed does not hold, and the part is named; later keys and checkpoints change nothing', async t => {
  const g = await aGrant(t, { method: 'file' })
  const { services } = g.world.app
  const now = new Date('2026-06-01T03:00:00Z')
  const ctx = { ...services, now, day: '2026-06-01', actor: null, requestId: 'test', ip: '' }
  const early = await aPackage(g, 'xlsx')
  await rotateKey(ctx, '到期更换')
  await g.world.job('audit.checkpoint')
  const late = await aPackage(g, 'xlsx')
  const hash = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex')
  const givenOf = (x: typeof late) =>
    [x.dataName, 'manifest.json'].map(name => {
      const bytes = x.files[name]!
      return { name, bytes: bytes.length, sm3: hash('sm3', bytes), sha256: hash('sha256', bytes) }
    })
  const judge = async (x: typeof late, text: string, trusted: string[] = []) => {
    const read = readEvidence(text)
    return 'why' in read
      ? { ok: false, findings: [{ holds: false as boolean | null, text: read.why }] }
      : judgeEvidence(read.evidence, givenOf(x), nodeTools, { trusted, whole: true })
  }
  assert.deepEqual([early.evidence.key, late.evidence.key], [1, 2])
  const first = early.evidence.proof.keys[0]!.hash
  for (const x of [early, late]) {
    const good = await judge(x, x.text, [first])
    assert.ok(good.ok, JSON.stringify(good.findings, null, 1))
  }
  // Trusting the second key alone: what it signed holds, what was signed before it cannot lean on it.
  const second = late.evidence.proof.keys[1]!
  assert.ok((await judge(late, late.text, [second.public.SM2!])).ok)
  assert.ok(!(await judge(early, early.text, [second.hash])).ok)

  const gone = Symbol('gone')
  const otherDigest = late.evidence.delivered.files[0]!.sm3.replace(/^./, c => (c === '0' ? '1' : '0'))
  const lastMonth = '2026-05-01T00:00:00.000Z'
  for (const [place, value, says] of [
    ['delivered.recipient.department', '双牌县医保局', /签名无效/],
    ['delivered.files.0.sm3', otherDigest, /被改动[\s\S]*签名无效/],
    ['proof.record', late.evidence.proof.record.replace('YB-2026-9', 'YB-2026-8'), /留痕的内容与它的摘要不符/],
    ['proof.path', ['0'.repeat(64)], /包含证明不通向区块/],
    ['proof.heads.0.at', lastMonth, /区块 \d+ 的头与它的摘要不符/],
    ['proof.checkpoint.at', lastMonth, /检查点被改动/],
    ['signatures.SM2', gone, /签名无效（SM2）/],
    ['proof.checkpoint.signatures.Ed25519', gone, /检查点 #\d+ 的签名无效（Ed25519）/],
    ['key', 1, /签名无效/],
    ['key', 9, /第 9 号密钥不在证据里/],
    ['proof.keys.1.at', lastMonth, /第 2 号密钥与它的摘要不符/],
    ['note', '已核验', /多出 note/],
    ['delivered.note', '已核验', /多出 delivered.note/],
    ['proof.leaf', gone, /缺少 proof.leaf/],
    ['proof.heads', [], /是空的/],
  ] as [string, unknown, RegExp][]) {
    const e = structuredClone(late.evidence) as any
    const steps = place.split('.')
    const last = steps.pop()!
    const holder = steps.reduce((at, step) => at[step], e)
    if (value === gone) delete holder[last]
    else holder[last] = value
    const { ok, findings } = await judge(late, JSON.stringify(e))
    assert.ok(!ok, place)
    const words = findings.filter(f => f.holds === false).map(f => f.text)
    assert.match(words.join('\n'), says)
  }

  // Every text and number in it, one after the other: nothing in an evidence is there that nobody checks.
  let tried = 0
  const walk = async (value: any, at: string): Promise<void> => {
    for (const name of Object.keys(value)) {
      const was = value[name]
      if (was !== null && typeof was === 'object') {
        await walk(was, `${at}.${name}`)
        continue
      }
      const middle = typeof was === 'string' ? was.length >> 1 : 0
      value[name] =
        typeof was === 'number'
          ? was + 1
          : was === null
            ? '某系统'
            : `${was.slice(0, middle)}${was[middle] === '1' ? '2' : '1'}${was.slice(middle + 1)}`
      const { ok } = await judge(late, JSON.stringify(copy))
      assert.ok(!ok, `${at}.${name}`)
      value[name] = was
      tried++
    }
  }
  const copy = structuredClone(late.evidence)
  await walk(copy, '')
  assert.ok(tried > 60)
  assert.ok((await judge(late, JSON.stringify(copy))).ok)
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { unzipSync } from 'fflate'
import * as delivery from '../contract/delivery.ts'
import { launchBrowser } from '../test/support/chromium.ts'
import { aGrant } from '../test/support/delivery.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

test('a package is verified in the browser: as it came, by its parts, changed, by an old browser, and on another platform', async t => {
  const g = await aGrant(t, { method: 'file' })
  const other = await aGrant(t, { method: 'file' })
  const packageOf = async (given: typeof g) => {
    await given.developer.ok(delivery.orderPackage, { params: given.params, body: { format: 'xlsx', caseRef: 'YB-2026-9' } })
    for (let i = 0; i < 100; i++) {
      const [p] = await given.developer.ok(delivery.packages, { params: given.params })
      if (p!.state === 'ready') {
        const { url } = await given.developer.ok(delivery.packageLink, { params: { ...given.params, package: p!.id } })
        const link = new URL(url).searchParams.get('link')!
        return { no: p!.no, raw: (await given.world.anonymous.call(delivery.takePackage, { query: { link } })).raw }
      }
      await new Promise(done => setTimeout(done, 100))
    }
    throw new Error('not made')
  }
  const { no, raw } = await packageOf(g)
  const address = await g.world.app.listen({ host: '127.0.0.1', port: 0 })
  const browser = await launchBrowser()
  t.after(() => browser.close())
  const page = await (await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'zh-CN' })).newPage()
  page.setDefaultTimeout(20_000)
  await page.goto(`${address}/verify`)
  const file = (name: string, bytes: Uint8Array) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) })
  const choose = async (...files: ReturnType<typeof file>[]) => {
    const again = page.getByRole('button', { name: '重新开始' })
    if (await again.isVisible()) await again.click()
    await page.getByText('还没有选择文件。').waitFor()
    await page.getByLabel('数据包、证据文件或数据文件').setInputFiles(files)
  }
  const says = (text: string) => page.getByText(text).first().waitFor()
  const look = async () => {
    await page.evaluate(axe)
    const found = await page.evaluate(async () => {
      const { violations } = await (window as any).axe.run(document, { resultTypes: ['violations'] })
      const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth
      return [...violations.map((v: any) => `${v.id} ${v.nodes[0].html}`), ...(wide > 1 ? [`${wide} px too wide`] : [])]
    })
    assert.deepEqual(found, [])
  }
  await says('还没有选择文件。')
  await look()

  await page.waitForLoadState('networkidle')
  const requests: string[] = []
  page.on('request', request => requests.push(request.url()))
  await choose(file('package.zip', raw))
  await says(`数据包 ${no} 的证据成立`)
  await says('密钥始于本平台公布的第 1 号密钥')
  await says('SM3、SHA-256 相符')
  await look()
  assert.deepEqual(requests, [], 'nothing is sent')

  const files = unzipSync(raw)
  const [evidence, data] = [`${no}.evidence.json`, `${g.entry.path}.xlsx`]
  await choose(file(evidence, files[evidence]!), file(data, files[data]!))
  await says(`数据包 ${no} 的证据成立`)
  await says('没有给出「manifest.json」')
  const changed = Uint8Array.from(files[data]!)
  changed[200]! ^= 1
  await choose(file(evidence, files[evidence]!), file(data, changed))
  await says(`数据包 ${no} 的证据不成立：1 处不符`)
  await says(`「${data}」被改动`)
  await look()
  const text = Buffer.from(files[evidence]!).toString()
  await choose(file(evidence, Buffer.from(text.replace('"case": "YB-2026-9"', '"case": "YB-2026-8"'))))
  await says('签名无效（')
  await choose(file(evidence, Buffer.from(text.slice(0, 500))))
  await says('文件不完整，或被改动得不再是 JSON')
  await choose(file(data, files[data]!))
  await says('所选的文件里没有证据。')
  await choose(file('package.zip', raw.subarray(0, raw.length - 30)))
  await says('不是完整的 ZIP')
  await choose(file('package.zip', (await packageOf(other)).raw))
  await says('签名的密钥不是本平台公布的密钥')

  await page.addInitScript(() => Object.defineProperty(crypto, 'subtle', { value: undefined }))
  await page.reload()
  await choose(file('package.zip', raw))
  await says(`数据包 ${no} 的证据成立`)
  await says('这个浏览器不能核验 Ed25519，只核验了 SM2')
})

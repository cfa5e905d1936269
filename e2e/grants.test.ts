import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unzipSync } from 'fflate'
import type { Locator, Page } from 'playwright-core'
import * as delivery from '../contract/delivery.ts'
import * as procedure from '../contract/procedure.ts'
import * as sharing from '../contract/sharing.ts'
import { launchBrowser } from '../test/support/chromium.ts'
import { act, aPlace, aPlainEntry, connect, fill } from '../test/support/country.ts'
import { look, signedIn } from '../test/support/pages.ts'
import { application, give, grantOf, rows } from '../test/support/sharing.ts'

test('a grant on its pages: narrowed, handed over, renewed, traced by a watermark, ended and accounted for', async t => {
  const p = await aPlace(t, 'henan')
  const { world, provider, consumer } = p
  const entry = await p.register(aPlainEntry())
  await fill(world, entry, rows)
  await world.person({ department: '申请局', roles: ['developer'], name: '接手人' })
  const granted = async (method: 'api' | 'file') => {
    const form = application(p, ['c1', 'c2'], { method })
    const { no } = await consumer.ok(sharing.apply, { body: { entryId: entry.id, form: form as never } })
    return { id: grantOf(await act(provider, no, 'approve', give('c1', 'c2'))) }
  }
  const params = await granted('api')
  const take = await connect(world, consumer, params.id)
  const items = async () => Object.keys(((await take(entry.code)).body as unknown as { rows: object[] }).rows[0]!)
  assert.deepEqual(await items(), ['机构编号', '机构名称'])

  const address = await world.app.listen({ host: '127.0.0.1', port: 0 })
  const browser = await launchBrowser()
  t.after(() => browser.close())
  const owner = await signedIn(browser, address, provider.username)
  const user = await signedIn(browser, address, consumer.username)
  const open = async (page: Page, path = `/grants/${params.id}`) => {
    await page.goto(`${address}/workbench${path}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
  }
  const says = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()
  /** Fills the sheet that a button opens and sends it. */
  const sheet = async (page: Page, opens: string, sends: string, fillIn: (sheet: Locator) => Promise<unknown>) => {
    await page.getByRole('button', { name: opens, exact: true }).click()
    const at = page.getByRole('dialog')
    await at.waitFor()
    await look(page, `授权：${opens}`)
    await fillIn(at)
    await at.getByRole('button', { name: sends, exact: true }).click()
    await at.waitFor({ state: 'hidden' })
  }

  await t.test('the provider narrows it, and the next call has less', async () => {
    await open(owner)
    await look(owner, '授权：提供部门')
    await sheet(owner, '收窄授权', '收窄授权', async at => {
      await at.getByRole('checkbox', { name: '机构名称' }).check()
      await at.getByLabel('每日上限').fill('50')
      await at.getByLabel('原因').fill('核对只需要编号')
    })
    await says(owner, '信息项（1）')
    await says(owner, '50 次')
    assert.deepEqual(await items(), ['机构编号'])
  })

  await t.test('its page says what is given first, then what was unusual, how to call it and the newest calls', async () => {
    for (let n = 0; n < 5; n++) await items()
    await world.app.services.pool.query(
      `insert into delivery.alert values (gen_random_uuid(), $1, 'volume', '2026-05-20', now(), '一小时取用 900 行', false)`,
      [params.id],
    )
    await open(user)
    const calls = user.getByRole('region', { name: '最近调用' }).getByRole('row')
    await calls.nth(7).waitFor()
    await says(user, '一小时取用 900 行')
    await user.getByRole('heading', { name: '接口说明' }).waitFor()
    await look(user, '授权：使用部门')
    const panels = await user.locator('main h2').allTextContents()
    const order = ['授权内容', '异常提示', '凭证', '接口说明', '试调用', '库表推送', '用量', '最近调用']
    assert.deepEqual(
      panels.map(p => order.find(o => p.startsWith(o))),
      order,
    )
    await user.setViewportSize({ width: 390, height: 844 })
    await user.waitForFunction(() => document.querySelectorAll('[aria-label="最近调用"] tbody tr').length === 5)
    await user.getByRole('link', { name: '这个授权的使用记录' }).click()
    await user.getByRole('region', { name: '使用记录' }).getByRole('row').nth(6).waitFor()
    await user.setViewportSize({ width: 1366, height: 768 })
  })

  await t.test('the user hands it to another of its people', async () => {
    await open(user)
    await sheet(user, '变更', '变更经办人', async at => {
      await at.getByRole('combobox', { name: '新的经办人' }).click()
      await user.locator('.ant-select-dropdown:visible').getByText('接手人', { exact: true }).click()
      await at.getByLabel('原因').fill('原经办人调离岗位')
    })
    await says(user, /接手人（以前：申请专员 至 \d{4}-\d\d-\d\d）/)
  })

  await t.test('a renewal carries the content over and asks for the new term alone', async () => {
    await user.getByRole('link', { name: '申请续期' }).click()
    await says(user, /接续授权 SQ-\d+-0001：内容已经填好/)
    assert.ok(await user.getByRole('checkbox', { name: /机构编号/ }).isChecked())
    await look(user, '申请续期')
    const next = () => user.getByRole('button', { name: /^下一步/ }).click()
    await next()
    await next()
    await user.getByLabel('使用时限').fill('2028-12-31')
    await next()
    await user.getByRole('button', { name: '提交申请' }).click()
    await user.getByRole('heading', { name: /申请续期/, level: 1 }).waitFor()
    const no = new URL(user.url()).pathname.split('/').at(-1)!
    const renewed = await act(provider, no, 'approve', { ...give('c1'), until: '2028-12-31' })
    const { until, purpose } = await consumer.ok(delivery.grant, { params: { id: grantOf(renewed) } })
    assert.deepEqual([until, purpose], ['2028-12-31', '核对养老机构备案情况'])
  })

  await t.test('a row found elsewhere leads to the package, who had it made and for what', async () => {
    const files = await granted('file')
    await open(user, `/grants/${files.id}`)
    assert.equal(await user.getByRole('button', { name: '取得凭证' }).count(), 0)
    await sheet(user, '生成数据包', '生成', at => at.getByLabel('用于哪一件事').fill('YW-2026-9'))
    await user.getByRole('button', { name: '下载 SJB-000001' }).waitFor()
    await look(user, '授权：数据文件')
    const [one] = await consumer.ok(delivery.packages, { params: files })
    const { url } = await consumer.ok(delivery.packageLink, { params: { ...files, package: one!.id } })
    const { raw } = await world.anonymous.call(delivery.takePackage, { query: { link: new URL(url).searchParams.get('link')! } })
    const csv = Object.entries(unzipSync(raw)).find(([name]) => name.endsWith('.csv'))![1]
    const lines = new TextDecoder().decode(csv).split('\r\n')

    await open(owner, '/watermarks')
    const box = owner.getByLabel('水印，或带水印的行')
    const ask = () => owner.getByRole('button', { name: '查水印' }).click()
    await box.fill('一行没有水印的文字，')
    await ask()
    await says(owner, '粘贴的文字里没有水印')
    await box.fill([...lines, 'A999,别处的行,AAAAAAAAAAAAAAAAAAA'].join('\n'))
    await ask()
    const row = owner.getByRole('row', { name: /SJB-000001/ })
    await row.waitFor()
    assert.match((await row.textContent())!, /第 1、2 行.*申请局.*申请专员.*YW-2026-9.*SQ-\d+-0003/)
    await says(owner, '没有认出 1 个')
    await look(owner, '水印溯源')
    await row.getByRole('link', { name: /^SQ-/ }).click()
    await owner.getByRole('heading', { name: /养老/, level: 1 }).waitFor()
  })

  await t.test('ended by the provider: the user states what became of the data, and the provider hears it', async () => {
    await open(owner)
    await owner.getByRole('button', { name: '终止授权', exact: true }).click()
    const stop = owner.getByRole('dialog')
    await stop.getByLabel('原因').fill('核对工作已经完成')
    await stop.getByRole('button', { name: '终止授权', exact: true }).click()
    await says(owner, '待说明')
    await says(owner, /^授权 SQ-\d+-0001 已终止$/)

    await open(user)
    await says(user, /经服务接口取得/)
    assert.equal(await user.getByRole('heading', { name: '接口说明' }).count(), 0)
    assert.match((await user.locator('main h2').first().textContent())!, /^数据处置/)
    await look(user, '授权：已结束')
    await sheet(user, '说明数据处置', '提交说明', async at => {
      await at.getByRole('radio', { name: '依法保留' }).check()
      await at.getByLabel('由谁处置').fill('信息科')
      await at.getByLabel('处置日期').fill('2026-05-21')
      // Kept, and no ground named.
      await at.getByRole('button', { name: '提交说明' }).click()
      await at.getByRole('alert').filter({ hasText: '还差' }).waitFor()
      await look(user, '数据处置：还差')
      await at.getByRole('radio', { name: '已删除' }).check()
    })
    await says(user, '已说明')
    await open(owner)
    await says(owner, '信息科，2026-05-21')
    const { rows: told } = await provider.ok(procedure.notices)
    assert.ok(told.some(n => /已说明授权 .*的数据处置：服务接口：已删除/.test(n.text)))
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launchBrowser } from './chromium.ts'

test('the browser from npm opens a page and clicks', async t => {
  const browser = await launchBrowser()
  t.after(() => browser.close())
  const page = await browser.newPage({ viewport: { width: 390, height: 844 } })
  await page.goto(`data:text/html;charset=utf-8,${encodeURIComponent(`<button onclick="this.textContent='已点'">点我</button>`)}`)
  await page.getByRole('button', { name: '点我' }).click()
  assert.equal(await page.getByRole('button').textContent(), '已点')
  const second = await (await browser.newContext()).newPage()
  await second.goto('about:blank')
  assert.ok((await page.screenshot()).length > 500)
})

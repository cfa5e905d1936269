import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** No axe violation and no sideways scrolling, on a phone and on a desk. With HUITONG_SHOTS the pages are kept as pictures there. */
export async function look(page: Page, name: string): Promise<void> {
  for (const size of [
    { width: 390, height: 844 },
    { width: 1366, height: 768 },
  ]) {
    await page.setViewportSize(size)
    await page
      .getByRole('heading', { level: 1 })
      .or(page.getByRole('heading', { level: 2 }))
      .first()
      .waitFor()
    // What still fades in has no colours to judge yet.
    await page.evaluate(() =>
      Promise.allSettled(
        document
          .getAnimations()
          .filter(a => a.effect?.getTiming().iterations !== Infinity)
          .map(a => a.finished),
      ),
    )
    await page.evaluate(axe)
    const found = await page.evaluate(async () => {
      const { violations } = await (window as any).axe.run(document, { resultTypes: ['violations'] })
      const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth
      return [
        ...violations.map(
          (v: any) => `${v.id}: ${v.nodes.slice(0, 3).map((n: any) => `${n.html.slice(0, 160)} ${n.any[0]?.message ?? ''}`)}`,
        ),
        ...(wide > 1 ? [`${wide} px too wide`] : []),
      ]
    })
    const shots = process.env.HUITONG_SHOTS
    if (shots) await page.screenshot({ path: `${shots}/${name}-${size.width}.png`, fullPage: true })
    assert.deepEqual(found, [], `${name} at ${size.width}`)
  }
}

/** The workbench of a person, signed in through the form. */
export async function signedIn(browser: Browser, address: string, username: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: 'zh-CN' })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  await page.goto(`${address}/workbench`)
  await page.getByLabel('用户名').fill(username)
  await page.getByLabel('密码').fill('a long enough password')
  await page.getByRole('button', { name: '登录', exact: true }).click()
  await page.getByRole('navigation', { name: '主菜单', exact: true }).waitFor()
  return page
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordRead } from '../server/modules/audit/public.ts'
import { systemContext } from '../server/platform/context.ts'
import { launchBrowser } from '../test/support/chromium.ts'
import { look, signedIn } from '../test/support/pages.ts'
import { aWorld } from '../test/support/world.ts'

test('账本保管: old records are proposed for pruning by one, approved or withdrawn by another', async t => {
  const world = await aWorld(t, { day: '2022-10-10' })
  const [old] = await Promise.all(
    ['一', '二'].map(subject =>
      recordRead(systemContext(world.app.services), { action: 'data.read', subject, region: '350582', purpose: '核对' }),
    ),
  )
  world.at('2026-11-20')
  const use = await recordRead(systemContext(world.app.services), { action: 'data.read', subject: '三', region: '350582', caseNo: 'YW-7' })
  await world.department({ region: '350582', name: '某局' })
  const security = await world.person({ department: '某局', roles: ['security_admin'], name: '安全员' })
  const auditor = await world.person({ department: '某局', roles: ['audit_admin'], name: '审计员' })
  const address = await world.app.listen({ host: '127.0.0.1', port: 0 })
  const browser = await launchBrowser()
  t.after(() => browser.close())
  const [one, other] = [await signedIn(browser, address, security.username), await signedIn(browser, address, auditor.username)]
  for (const page of [one, other]) await page.goto(`${address}/workbench/audit/keeping`)

  // The matter of whoever used the data is no case of the platform.
  await other.goto(`${address}/workbench/audit/${use}`)
  await other.getByText('YW-7', { exact: true }).waitFor()
  assert.equal(await other.getByRole('link', { name: 'YW-7' }).count(), 0)
  await look(other, '一条留痕')

  // A card of the list has no line for what is empty.
  await other.goto(`${address}/workbench/audit`)
  const nothing = other.getByRole('region', { name: '留痕记录' }).getByRole('cell', { name: '—', exact: true })
  await nothing.first().waitFor()
  await look(other, '审计')
  await other.setViewportSize({ width: 390, height: 844 })
  assert.equal(await nothing.count(), 0)
  await other.setViewportSize({ width: 1366, height: 768 })
  await other.goto(`${address}/workbench/audit/keeping`)

  const propose = async () => {
    await one.getByRole('button', { name: '提出清理' }).click()
    const sheet = one.getByRole('dialog')
    await sheet.getByText('须保存 36 个月（晋江规定 第五部分第（三）项）').waitFor()
    await sheet.getByLabel('理由').fill('已过保存期限')
    await look(one, '账本保管：提出')
    await sheet.getByRole('button', { name: '提出', exact: true }).click()
    await sheet.waitFor({ state: 'hidden' })
    await other.reload()
  }
  await propose()
  await one.getByText('等另一人批准').waitFor()
  assert.equal(await one.getByRole('button', { name: '批准', exact: true }).count(), 0)
  const first = other.getByRole('region', { name: '清理', exact: true }).getByRole('row', { name: /第 1 号/ })
  await first.getByRole('button', { name: '撤回' }).click()
  const sheet = other.getByRole('dialog')
  await sheet.getByLabel('撤回的理由').fill('范围内有未了的案件')
  await look(other, '账本保管：撤回')
  await sheet.getByRole('button', { name: '撤回清理' }).click()
  await first.getByText('已撤回').waitFor()
  assert.match((await first.textContent())!, /审计员.*范围内有未了的案件.*晋江市，2023-11-20 以前 2 条.*36 个月.*安全员/)

  await one.reload()
  await propose()
  await look(other, '账本保管')
  const second = other.getByRole('region', { name: '清理', exact: true }).getByRole('row', { name: /第 2 号/ })
  await second.getByRole('button', { name: '批准', exact: true }).click()
  await other.getByRole('button', { name: '批准并清理' }).click()
  await second.getByText(/正在清理|已清理/).waitFor()

  // The page of a record without content: which order took it, and its proof.
  const { pool } = world.app.services
  while (!(await pool.query('select from audit.pruned')).rowCount) await new Promise(done => setTimeout(done, 50))
  await other.goto(`${address}/workbench/audit/${old}`)
  await other.getByRole('heading', { level: 1, name: `留痕 第 ${old} 条` }).waitFor()
  await other.getByText(`第 ${old} 条的内容已按第 2 号清理删去，摘要和证明还在。`).waitFor()
  await look(other, '一条留痕：已清理')
  const fetched = other.waitForEvent('download')
  await other.getByRole('link', { name: '下载证明' }).click()
  assert.equal((await fetched).suggestedFilename(), `proof-${old}.json`)
  await other.getByRole('link', { name: '审计', exact: true }).last().click()
  await other.getByRole('heading', { level: 1, name: '审计' }).waitFor()
})

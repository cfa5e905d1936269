import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import * as opening from '../contract/opening.ts'
import { launchBrowser } from '../test/support/chromium.ts'
import { act, aPlace, aPlainEntry, fill } from '../test/support/country.ts'
import { look as lookAt } from '../test/support/pages.ts'

/** What somebody without an account does on the portal: demand, apply, sign, take, object, look how it stands; and what the portal makes public. */
let browser: Browser
let address: string
let place: Awaited<ReturnType<typeof aPlace>>
let code: string
const ends: (() => unknown)[] = []

before(async () => {
  browser = await launchBrowser()
  place = await aPlace({ after: (run: () => unknown) => void ends.push(run) } as never, 'fuzhou', { day: '2026-06-01' })
  const entry = await place.register(
    aPlainEntry({
      title: '停车场实时泊位',
      openClass: 'conditional',
      openConditions: '用于停车诱导\n不向第三方提供',
      openCriterion: 'timely',
      grade: 3,
    }),
  )
  code = entry.code
  await fill(place.world, entry, [
    ['P1', '五四路停车场', '12'],
    ['P2', '东街口停车场', '3'],
  ])
  const second = await place.world.person({ department: '提供局', roles: ['secrecy'] })
  const { caseNo } = await place.provider.ok(opening.propose, {
    params: entry,
    body: {
      items: entry.content.items.map(i => ({ key: i.key, treatment: 'plain' })),
      theme: '交通运输',
      description: '各停车场的实时空余泊位，每分钟更新。',
      exclusions: true,
      useRequirements: '按申请的场景使用，注明来源和获取日期。',
      records: {
        risk: { risks: '没有个人信息', measures: '逐项核对', conclusion: 'acceptable' },
        preprocessing: [{ step: '清洗', operator: '提供专员', on: '2026-05-31' }],
      },
    },
  })
  await act(second, caseNo, 'clear', { secrecyResult: 'clear' })
  await act(place.authority, caseNo, 'open')
  await place.authority.ok(opening.publishPlan, {
    body: {
      year: 2026,
      focus: '民生和出行',
      items: [
        {
          code: entry.code.replace('-', '/'),
          title: '停车场实时泊位',
          department: '提供局',
          conditions: '用于停车诱导',
          target: '2026-06-30',
        },
      ],
    },
  })
  await place.world.job('opening.probe')
  address = await place.world.app.listen({ host: '127.0.0.1', port: 0 })
})
after(async () => {
  await browser?.close()
  for (const end of ends) await end()
})

async function look(page: Page, name: string): Promise<void> {
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  await lookAt(page, name)
}
const open = async (path: string) => {
  const page = await (await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: 'zh-CN' })).newPage()
  page.setDefaultTimeout(20_000)
  await page.goto(`${address}${path}`)
  return page
}
const receiptOf = async (page: Page) => {
  await page.getByRole('heading', { name: '已收到', level: 1 }).waitFor()
  const [no, secret] = await page.locator('.receipt b.ht-code').allTextContents()
  return { no: no!, code: secret! }
}

test('a demand is filed without sign-in; with number and code it is found again, refused, and taken to review', async () => {
  const page = await open('/service')
  await look(page, '办事')
  await page.getByRole('link', { name: '开放需求' }).first().click()
  await page.getByRole('heading', { name: '开放需求', level: 1 }).waitFor()
  await page.getByRole('button', { name: '提交' }).click()
  await page.getByText(/还差 \d+ 处/).waitFor()
  await look(page, '提开放需求')
  await page.getByRole('radio', { name: '自然人', exact: true }).check()
  await page.getByLabel('姓名或单位名称').fill('王女士')
  await page.getByLabel(/联系方式/).fill('13800000000')
  await page.getByLabel('由哪个部门答复').selectOption({ label: '提供局' })
  await page.getByLabel('需要什么数据').fill('公共厕所的位置和开放时间')
  await page.getByRole('button', { name: '提交' }).click()
  const receipt = await receiptOf(page)
  await look(page, '回执')

  await act(place.provider, receipt.no, 'refuse', { reason: '数据由各区分散管理，暂时不能提供。' })
  const later = await open('/case')
  await look(later, '查询办理进度')
  await later.getByLabel('办件编号').fill(receipt.no)
  await later.getByLabel('查询码').fill(receipt.code)
  await later.getByRole('button', { name: '查询' }).click()
  await later.getByText('数据由各区分散管理，暂时不能提供。').first().waitFor()
  await look(later, '办件')
  await later.getByLabel('理由').fill('同类城市都已经开放，请再考虑。')
  await later.getByRole('button', { name: '开放需求复核' }).click()
  await later
    .getByText(/XF-2026-\d{4}/)
    .first()
    .waitFor()
})

test('authorised data: applied for, agreed, signed on the portal, taken with a key', async () => {
  const page = await open(`/dataset/${code}`)
  await page.getByText('要先申请').first().waitFor()
  await look(page, '授权开放数据集')
  await page.getByRole('link', { name: '申请使用' }).click()
  await page.getByRole('radio', { name: '内资控股企业' }).check()
  await page.getByLabel('姓名或单位名称').fill('榕城停车科技有限公司')
  await page.getByLabel(/联系方式/).fill('0591-12345678')
  await page.getByLabel('使用用途').fill('改进停车诱导服务')
  await page.getByLabel('使用场景').fill('在手机应用里向市民显示空余泊位')
  await page.getByRole('radio', { name: '公共服务' }).check()
  await page.getByLabel(/内资控股的证明/).fill('股东均为境内自然人')
  await page.getByRole('button', { name: '提交' }).click()
  await page
    .getByText(/安全保障措施/)
    .first()
    .waitFor()
  await page.getByLabel('安全保障措施').fill('数据只存本公司机房，专人管理')
  await look(page, '申请授权开放数据')
  await page.getByRole('button', { name: '提交' }).click()
  const { no } = await receiptOf(page)

  await act(place.provider, no, 'advise', { opinion: 'agree', note: '同意' })
  await act(place.authority, no, 'approve', {
    reason: '符合授权开放的条件和用途',
    conditionsMet: ['用于停车诱导：场景相符', '不向第三方提供：已书面承诺'],
  })
  await act(place.provider, no, 'draft', { terms: '按申请的场景使用，半年报告一次。' })
  await act(place.provider, no, 'sign', { acceptTerms: true })
  await page.getByRole('link', { name: '查看进度' }).click()
  await page.getByRole('heading', { name: '签订协议' }).waitFor()
  await page.getByText('按申请的场景使用，半年报告一次。').first().waitFor()
  await look(page, '签订协议')
  await page.getByRole('checkbox').check()
  await page.getByRole('button', { name: '签订协议' }).click()
  await page.getByRole('button', { name: '生成密钥' }).click()
  const key = await page.locator('code', { hasText: 'hto_' }).first().textContent()
  await look(page, '取用数据')
  const file = await fetch(`${address}/api/open/datasets/${code}/download?format=csv`, { headers: { authorization: `Bearer ${key}` } })
  assert.ok((await file.text()).includes('五四路停车场'))
  assert.equal((await fetch(`${address}/api/open/datasets/${code}/download?format=csv`)).status, 403)
})

test('what the portal makes public: lists, plan, notices, status', async () => {
  for (const [path, name, text] of [
    ['/open-list', '开放清单', '停车场实时泊位'],
    ['/open-list/restricted', '不开放和受限目录', '停车场实时泊位'],
    ['/open-list/plans', '年度计划', '用于停车诱导'],
    ['/open-list/departments', '部门清单', '还没有部门单独公布清单'],
    ['/notices', '公示', '没有公示'],
    ['/status', '运行状态', '正常'],
  ] as const) {
    const page = await open(path)
    await page.getByText(text).first().waitFor()
    await look(page, name)
    await page.close()
  }
})

test('the department sees what is due, its lists, who uses its data, and the gate of an entry', async () => {
  const page = await open('/workbench')
  await page.getByLabel('用户名').fill(place.provider.username)
  await page.getByLabel('密码').fill('a long enough password')
  await page.getByRole('button', { name: '登录', exact: true }).click()
  await page.getByRole('navigation', { name: '主菜单', exact: true }).getByRole('link', { name: '待办', exact: true }).waitFor()
  for (const [path, name, text] of [
    ['/opening', '工作台开放清单', '停车场实时泊位'],
    ['/opening/coverage', '应开放的目录', '停车场实时泊位'],
    ['/opening/lists', '清单与计划', '申请后开放的清单'],
    ['/opening/accesses', '授权使用', '榕城停车科技有限公司'],
    [`/opening/${code}`, '开放关口', '开放类型允许'],
  ] as const) {
    await page.goto(`${address}/workbench${path}`)
    await page.getByText(text).first().waitFor()
    await look(page, name)
  }
})

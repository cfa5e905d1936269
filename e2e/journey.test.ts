import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import pg from 'pg'
import type { Browser, Locator, Page } from 'playwright-core'
import { verifyDatabase } from '../server/modules/audit/sources.ts'
import { idCheck } from '../server/modules/quality/public.ts'
import { openSigner } from '../server/platform/signer.ts'
import { launchBrowser } from '../test/support/chromium.ts'
import { look as lookAt } from '../test/support/pages.ts'
import { aWorld, type Person, type World } from '../test/support/world.ts'

/**
 * The main job as people do it, in a real browser: register, fill, find and apply, decide and sign, call, open, prove.
 * Roles and names are what a person reads; every page is looked at by axe at two widths on the way.
 */
const password = 'a long enough password'
const title = '城乡低保对象信息'

let browser: Browser
let world: World
let address: string
const ends: (() => unknown)[] = []
const people: Record<string, Person> = {}
const pages = new Map<string, Page>()

before(async () => {
  browser = await launchBrowser()
  world = await aWorld({ after: (run: () => unknown) => void ends.push(run) } as never)
  for (const d of [
    { region: '350100', name: '福州市大数据委', roles: ['authority'] },
    { region: '350100', name: '福州市民政局' },
    { region: '350125', name: '永泰县医疗保障局' },
  ])
    await world.department(d)
  people.authority = await world.person({ department: '福州市大数据委', roles: ['bureau'], name: '林示明' })
  people.steward = await world.person({ department: '福州市民政局', roles: ['steward'], name: '黄演秀' })
  people.leader = await world.person({ department: '福州市民政局', roles: ['leader'], name: '吴虚安' })
  people.consumer = await world.person({ department: '永泰县医疗保障局', roles: ['steward'], name: '李例宁' })
  people.developer = await world.person({ department: '永泰县医疗保障局', roles: ['developer'], name: '周样码' })
  address = await world.app.listen({ host: '127.0.0.1', port: 0 })
})
after(async () => {
  await browser?.close()
  for (const end of ends) await end()
})

const looked = new Set<string>()
/** Each kind of page once. */
async function look(page: Page, name: string): Promise<void> {
  if (looked.has(name)) return
  looked.add(name)
  await lookAt(page, name)
}

/** The page of a person, signed in through the form the first time. */
async function as(name: string): Promise<Page> {
  const known = pages.get(name)
  if (known) return known
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: 'zh-CN', acceptDownloads: true })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  pages.set(name, page)
  await page.goto(`${address}/workbench`)
  await page.getByLabel('用户名').fill(people[name]!.username)
  await page.getByLabel('密码').fill(password)
  await look(page, '登录')
  await page.getByRole('button', { name: '登录', exact: true }).click()
  await menu(page, '待办').waitFor()
  return page
}
const textOf = async (place: Locator) => (await place.textContent()) ?? ''
const go = (page: Page, path: string) => page.goto(`${address}/workbench${path}`)
const menu = (page: Page, name: string) =>
  page.getByRole('navigation', { name: '主菜单', exact: true }).getByRole('link', { name, exact: true })
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, ...(typeof name === 'string' && { exact: true }) })
const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { name, level: 1 }).waitFor()

/** Chooses from one of our drop-down lists. */
async function pick(page: Page, label: string, option: string): Promise<void> {
  await page.getByRole('combobox', { name: label }).click()
  await page.locator('.ant-select-dropdown:visible').getByText(option, { exact: true }).last().click()
}
/** Presses an action of a case, fills its sheet and confirms. */
async function act(page: Page, action: string, fill: (sheet: Locator) => Promise<unknown> = async () => {}) {
  await button(page, action).click()
  const sheet = page.getByRole('dialog')
  await sheet.waitFor()
  await look(page, `办理：${action}`)
  await fill(sheet)
  await sheet.getByRole('button', { name: action, exact: true }).click()
  await sheet.waitFor({ state: 'hidden' })
}
/** Opens the first duty of 待办 whose title says so. */
async function take(page: Page, text: string | RegExp): Promise<void> {
  await go(page, '/')
  await page.getByRole('link', { name: text }).first().click()
  await page
    .getByText('办理步骤')
    .or(page.getByRole('heading', { name: '时间线' }))
    .first()
    .waitFor()
}

/** Each step builds on the one before: after a failure the rest is not tried, and the pages are kept as pictures. */
let broken = ''
function step(name: string, run: () => Promise<void>): void {
  test(name, async t => {
    if (broken) return t.skip(`after “${broken}”`)
    try {
      await run()
    } catch (error) {
      broken = name
      const folder = mkdtempSync(join(tmpdir(), 'huitong-journey-'))
      for (const [who, page] of pages) await page.screenshot({ path: join(folder, `${who}.png`) }).catch(() => {})
      t.diagnostic(folder)
      throw error
    }
  })
}

let path = ''
step('1 a department registers an entry; what is missing comes back at once with its articles', async () => {
  const page = await as('steward')
  await look(page, '待办')
  await menu(page, '目录').click()
  await heading(page, '目录')
  await look(page, '目录')
  await page.getByRole('link', { name: '登记目录' }).first().click()
  await look(page, '登记目录')
  await page.getByLabel('信息资源名称').fill(title)
  await button(page, '开始编目').click()
  await heading(page, title)
  path = new URL(page.url()).pathname.split('/').at(-2)!

  await button(page, /提交审核/).click()
  const summary = page.getByRole('alert').filter({ hasText: '还差' })
  await summary.waitFor()
  const told = await textOf(summary)
  for (const part of ['信息资源摘要', '信息项', '共享类型', '更新周期', '数据分级', '国家秘密']) assert.ok(told.includes(part), part)
  assert.match(told, /福州管理 第十二条/)
  await look(page, '编目：还差')

  await page.getByLabel('信息资源摘要').fill('全市在册的城乡最低生活保障对象，每月由县级民政部门确认后汇总，一人一行。')
  await pick(page, '数据来源', '履职采集')
  await pick(page, '格式分类', '数据库')
  await page.getByLabel('格式类型').fill('PostgreSQL')
  await page.getByLabel('主题').fill('社会救助')
  await page.getByRole('link', { name: /^下一步：信息项/ }).click()
  await button(page, '从 Excel 粘贴').click()
  const items = [
    ['信息项名称', '数据类型', '数据长度'],
    ['公民身份号码', '字符型', '18'],
    ['姓名', '字符型', '50'],
    ['保障类别', '字符型', '10'],
    ['月补助金额', '货币型', '10'],
    ['起始日期', '日期型', ''],
  ]
  await page.getByLabel('在这里粘贴（Ctrl V）').fill(items.map(row => row.join('\t')).join('\n'))
  await button(page, '追加 5 项').click()
  await page.getByLabel('第 1 项含义').selectOption('公民身份号码')
  await page.getByLabel('第 1 项是标识').check()
  await page.getByLabel('第 2 项含义').selectOption('姓名')
  for (const row of [1, 2]) await page.getByLabel(`第 ${row} 项开放类型`).selectOption('不开放')
  await look(page, '编目：信息项')
  await page.getByRole('link', { name: /^下一步：共享/ }).click()
  await page.getByRole('radio', { name: '有条件共享' }).check()
  await page.getByLabel('共享条件').fill('供医疗保障等部门办理救助事项时核对。')
  await pick(page, '共享方式', '服务接口')
  await page.getByRole('link', { name: /^下一步：开放/ }).click()
  await page.getByRole('radio', { name: '普遍开放' }).check()
  await page.getByRole('link', { name: /^下一步：更新/ }).click()
  await pick(page, '更新周期', '每月')
  await pick(page, '数据分级', '一般数据3级')
  await page.getByRole('link', { name: /^下一步：保密/ }).click()
  await page.getByRole('checkbox', { name: /不含国家秘密/ }).check()

  // 福州 wants a basis for conditional sharing.
  await button(page, /提交审核/).click()
  const basis = page.getByRole('alert').filter({ hasText: '需要写明依据' })
  await basis.waitFor()
  assert.match(await textOf(basis), /第十六条第五款/)
  await page.getByRole('link', { name: '上一步：更新与分级' }).click()
  await page.getByRole('navigation', { name: '编目步骤' }).getByRole('link', { name: /共享/ }).click()
  await pick(page, '依据的种类', '行政法规')
  await page.getByLabel('依据的名称').fill('社会救助暂行办法')
  await page.getByLabel('依据的条款').fill('第六十一条')
  await button(page, /提交审核/).click()
  await heading(page, new RegExp(`${title}（第 1 版）`))
  await look(page, '办件')
})

step('1 the authority publishes; a change makes a new reviewed version', async () => {
  const authority = await as('authority')
  await take(authority, new RegExp(title))
  await act(authority, '通过并发布')
  await authority.getByText('已发布').first().waitFor()

  const steward = await as('steward')
  await go(steward, `/catalog/${path}/edit#update`)
  await pick(steward, '更新周期', '每周')
  await button(steward, /提交审核/).click()
  await heading(steward, new RegExp(`${title}（第 2 版）`))
  await take(authority, new RegExp(`${title}（第 2 版）`))
  await authority.getByRole('link', { name: '查看变化' }).click()
  await heading(authority, '比较第 1 版与第 2 版')
  await authority.getByText('每周').first().waitFor()
  await look(authority, '比较版本')
  await authority.goBack()
  await act(authority, '通过并发布')
  await go(authority, `/catalog/${path}`)
  await heading(authority, title)
  await authority.getByText('每周').first().waitFor()
  await look(authority, '目录详情')
})

const person = (n: number) => {
  const body = `350125190${n % 6}01${String(1 + (n % 28)).padStart(2, '0')}${String(n).padStart(3, '0')}`
  return body + idCheck(body)
}
function gbkFile(): Buffer {
  const rows = Array.from({ length: 60 }, (_, i) => [
    person(i + 1),
    `示例${'甲乙丙丁'[i % 4]}`,
    i % 3 ? '农村低保' : '城市低保',
    '512.00',
    '2024-03-05',
  ])
  rows[10]![0] = rows[10]![0]!.slice(0, 17) + (rows[10]![0]!.endsWith('1') ? '2' : '1')
  rows[20]![4] = '2026/2/30'
  return gbk([['公民身份号码', '姓名', '保障类别', '月补助金额', '起始日期'], ...rows].map(r => r.join(',')).join('\r\n'))
}

/** As Excel on a Chinese Windows saves text; the platform can only decode, so the table is turned round. */
function gbk(text: string): Buffer {
  const decoder = new TextDecoder('gbk')
  const table = new Map<string, number[]>()
  for (let high = 0x81; high <= 0xfe; high++)
    for (let low = 0x40; low <= 0xfe; low++) if (low !== 0x7f) table.set(decoder.decode(Uint8Array.of(high, low)), [high, low])
  return Buffer.from([...text].flatMap(c => table.get(c) ?? [c.charCodeAt(0)]))
}

step('2 a GBK file is read, balanced, and the rejected rows say why', async () => {
  const page = await as('steward')
  await go(page, `/catalog/${path}`)
  await page.getByRole('link', { name: '挂接数据' }).first().click()
  await look(page, '挂接：来源')
  await button(page, '下一步').click()
  await page.getByLabel('数据文件').setInputFiles({ name: '低保对象.csv', mimeType: 'text/csv', buffer: gbkFile() })
  await page.getByText('GB18030').first().waitFor()
  await look(page, '挂接：预览')
  await button(page, /^下一步/).click()
  await page.getByLabel('拒收阈值（百分比）').fill('10')
  await look(page, '挂接：对应')
  await button(page, '下一步：检查').click()
  await button(page, '读取首批').click()
  await heading(page, /^批次/)
  await page.getByText('已入库').first().waitFor()
  assert.match(await textOf(page.getByRole('main')), /读入60＝接收58＋未变化0＋拒收2✓平衡/)
  await page.getByText('2026/2/30').first().waitFor()
  await page.getByText('末位校验码与前 17 位不符').first().waitFor()
  await look(page, '批次')
})

let caseNo = ''
step('3 a department of 永泰 finds the entry and applies; article, due date and clock are shown', async () => {
  const page = await as('consumer')
  await menu(page, '查找数据').click()
  await page.getByLabel('要找什么').fill('低保')
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: title }).first().waitFor()
  await look(page, '查找数据')
  await page.getByRole('link', { name: title }).first().click()
  await page.getByRole('link', { name: '申请使用' }).first().click()
  await page
    .getByText(/20 个工作日/)
    .first()
    .waitFor()
  await look(page, '申请：信息项')
  for (const item of ['公民身份号码', '姓名', '保障类别']) await page.getByRole('checkbox', { name: new RegExp(item) }).check()
  await button(page, /^下一步/).click()
  await page.getByLabel('使用用途').fill('办理医疗救助时核对申请人是否为在册低保对象。')
  await page.getByLabel('使用场景').fill('受理窗口录入身份号码后核对。')
  await page.getByLabel('使用范围').fill('县医疗保障局待遇保障股')
  await page.getByLabel('履职依据').fill('医疗救助的审核与给付')
  await look(page, '申请：用途')
  await button(page, /^下一步/).click()
  await page.getByRole('radio', { name: '服务接口' }).check()
  await page.getByLabel('使用时限').fill(`${new Date().getFullYear() + 1}-12-31`)
  await button(page, '登记新的信息系统').click()
  await page.getByLabel('新信息系统的名称').fill('永泰县医疗救助系统')
  await button(page, '登记').click()
  await page.getByText('永泰县医疗救助系统').first().waitFor()
  await button(page, /^下一步/).click()
  await look(page, '申请：核对')
  await button(page, '提交申请').click()
  await heading(page, `永泰县医疗保障局 申请 ${title}`)
  caseNo = new URL(page.url()).pathname.split('/').at(-1)!
  const main = await textOf(page.getByRole('main'))
  assert.match(main, /第十七条/)
  assert.match(main, /(剩|余) ?\d+/)
  await look(page, '共享申请')
})

step('3 the authority decides, both sides sign, the grant is there', async () => {
  const authority = await as('authority')
  await take(authority, new RegExp(`申请 ${title}`))
  await act(authority, '同意', async sheet => {
    await sheet.getByLabel('使用时限').fill(`${new Date().getFullYear() + 1}-12-31`)
  })
  await act(authority, '签订协议', sheet => sheet.getByRole('checkbox', { name: /同意按协议/ }).check())
  const consumer = await as('consumer')
  await go(consumer, `/cases/${caseNo}`)
  await act(consumer, '签订协议', sheet => sheet.getByRole('checkbox', { name: /同意按协议/ }).check())
  await consumer.getByRole('link', { name: /^授权/ }).last().waitFor()
})

const credentials = { id: '', secret: '' }
let token = ''
const data = () =>
  fetch(`${address}/data/v1/${path}?limit=5`, {
    headers: { authorization: `Bearer ${token}`, 'x-huitong-operator': encodeURIComponent('杨示乐'), 'x-huitong-case': 'YB-0001' },
  })

step('4 the consumer’s system gets only what was granted, masked; a suspended grant is refused on the next request', async () => {
  const developer = await as('developer')
  await menu(developer, '授权').click()
  await look(developer, '授权列表')
  await developer.getByRole('link', { name: title }).first().click()
  await button(developer, '取得凭证').click()
  credentials.secret = await textOf(developer.getByTestId('client-secret'))
  await look(developer, '凭证')
  await button(developer, '已保存，关闭').click()
  await look(developer, '授权')
  credentials.id = await textOf(developer.getByRole('main').locator('code').filter({ hasText: /^htc_/ }).first())
  const signed = await fetch(`${address}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: credentials.id, client_secret: credentials.secret }),
  })
  assert.equal(signed.status, 200)
  token = ((await signed.json()) as { access_token: string }).access_token

  const reply = await data()
  assert.equal(reply.status, 200)
  assert.match(reply.headers.get('huitong-ledger') ?? '', /^\d+$/)
  const { rows } = (await reply.json()) as { rows: Record<string, string>[] }
  assert.equal(rows.length, 5)
  assert.deepEqual(Object.keys(rows[0]!), ['公民身份号码', '姓名', '保障类别'])
  assert.match(rows[0]!.公民身份号码!, /\*{4,}/)
  assert.match(rows[0]!.姓名!, /\*/)
  assert.match(rows[0]!.保障类别!, /低保$/)

  const steward = await as('steward')
  await menu(steward, '授权').click()
  await steward.getByRole('link', { name: title }).first().click()
  await button(steward, '暂停授权').click()
  const sheet = steward.getByRole('dialog')
  await sheet.getByLabel('原因').fill('发现超范围使用，先行暂停。')
  await sheet.getByRole('button', { name: '暂停授权', exact: true }).click()
  await sheet.waitFor({ state: 'hidden' })
  const refused = await data()
  assert.equal(refused.status, 403)
  assert.match(((await refused.json()) as { detail: string }).detail, /暂停/)
})

step('5 the entry passes its gate and anyone finds, previews and downloads it', async () => {
  const steward = await as('steward')
  await go(steward, `/opening/${path}`)
  await heading(steward, `开放关口：${title}`)
  await look(steward, '开放关口')
  await button(steward, '提请开放').click()
  const sheet = steward.getByRole('dialog')
  await sheet.getByRole('combobox', { name: '主题' }).fill('社会救助')
  await steward.keyboard.press('Enter')
  await sheet.getByLabel('说明').fill('在册低保对象的类别、金额和起始日期，不含能识别个人的信息。')
  await sheet.getByLabel('使用要求').fill('可以自由使用和传播，须注明来源和获取日期。')
  await sheet.getByLabel('安全风险').fill('去掉身份信息后没有能识别个人的内容。')
  await sheet.getByLabel('采取的措施').fill('身份信息项不开放。')
  await sheet.getByRole('radio', { name: '风险可控，可以开放' }).check()
  await sheet.getByRole('checkbox', { name: '脱敏' }).check()
  if (await sheet.getByLabel('脱敏方法').count()) {
    await sheet.getByLabel('脱敏方法').fill('姓名只保留姓氏。')
    await sheet.getByLabel('脱敏审核人').fill('吴虚安')
    await sheet.getByLabel('脱敏结果').fill('不能识别个人。')
  }
  await sheet.getByRole('checkbox', { name: /不得开放的情形/ }).check()
  await look(steward, '提请开放')
  await sheet.getByRole('button', { name: '提请开放', exact: true }).click()
  await heading(steward, new RegExp(`开放「${title}」`))
  // Who proposed may not review.
  await steward
    .getByText(/要由提出人以外的另一人办理/)
    .first()
    .waitFor()

  const leader = await as('leader')
  await take(leader, /开放「/)
  await act(leader, '审查通过', s => s.getByRole('radio', { name: /不含国家秘密/ }).check())
  const authority = await as('authority')
  await take(authority, /开放「/)
  await act(authority, '通过并开放')

  const visitor = await (await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: 'zh-CN' })).newPage()
  visitor.setDefaultTimeout(20_000)
  await visitor.goto(address)
  await look(visitor, '门户')
  await visitor.getByRole('searchbox').first().fill('低保')
  await visitor.keyboard.press('Enter')
  await visitor.getByRole('link', { name: title }).first().waitFor()
  await look(visitor, '门户：搜索')
  await visitor.getByRole('link', { name: title }).first().click()
  await heading(visitor, title)
  await visitor.getByText('月补助金额').first().waitFor()
  await visitor.getByText('512.00').first().waitFor()
  await look(visitor, '门户：数据集')
  const [csv, xlsx, json, api] = await Promise.all(
    ['csv', 'xlsx', 'json']
      .map(f => fetch(`${address}/api/open/datasets/${path}/download?format=${f}`))
      .concat(fetch(`${address}/open/v1/${path}?limit=2`)),
  )
  const text = await csv!.text()
  assert.equal(text.trim().split('\r\n').length, 59)
  assert.ok(!text.includes('3501251900') && !text.includes('示例'), 'no person leaves')
  assert.equal(
    Buffer.from(await xlsx!.arrayBuffer())
      .subarray(0, 2)
      .toString(),
    'PK',
  )
  assert.equal(((await json!.json()) as unknown[]).length, 58)
  assert.equal(((await api!.json()) as { rows: unknown[] }).rows.length, 2)
})

step('6 the ledger shows it all, verifies, and names the record one byte of which was changed', async () => {
  const page = await as('authority')
  await menu(page, '审计').click()
  await heading(page, '审计')
  await page.getByText('取用共享数据').first().waitFor()
  await page.getByText('下载开放数据').first().waitFor()
  await look(page, '审计')
  await button(page, '立即核验').click()
  await page.getByText('账本核验通过').first().waitFor()

  const client = new pg.Client({ connectionString: world.url })
  await client.connect()
  const first = openSigner(world.app.services.secrets.derive).publicKeys()
  const good = await verifyDatabase(client, { first })
  assert.equal(good.ok, true)
  const { rows } = await client.query(`select height, first_seq from audit.block where count > 0 order by height offset 8 limit 1`)
  await client.query('set session_replication_role = replica')
  await client.query(`update audit.block set records[1] = overlay(records[1] placing '9' from 9 for 1) where height = $1`, [rows[0].height])
  const bad = await verifyDatabase(client, { first })
  await client.end()
  assert.equal(bad.ok, false)
  assert.equal(bad.bad?.seq, Number(rows[0].first_seq))
  await button(page, '立即核验').click()
  await page.getByText('核验失败').first().waitFor()
  await page.getByText('按安全事件报告').waitFor()
})

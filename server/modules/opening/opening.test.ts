import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { strFromU8, unzipSync } from 'fflate'
import * as contract from '../../../contract/opening.ts'
import * as organization from '../../../contract/organization.ts'
import * as procedure from '../../../contract/procedure.ts'
import * as sharing from '../../../contract/sharing.ts'
import { act } from '../../../test/support/country.ts'
import { aFilledEntry, refill } from '../../../test/support/entry.ts'
import { aWorld } from '../../../test/support/world.ts'
import { systemContext } from '../../platform/context.ts'
import { publishListing } from './public.ts'

const keys = ['c1', 'c2', 'c3', 'c4', 'c5']
const parks = [
  ['P1', '五四路停车场', '张三丰', '120', '=cmd|calc'],
  ['P2', '东街口停车场', '李四', '80', '全天开放'],
  ['P3', '西湖停车场', null, '45', null],
]
const items = [
  { key: 'c1', name: '编号', type: 'C', identifier: true },
  { key: 'c2', name: '停车场名称', type: 'C', description: '挂牌名称' },
  { key: 'c3', name: '负责人', type: 'C', semantic: 'person-name' },
  { key: 'c4', name: '泊位数', type: 'I' },
  { key: 'c5', name: '备注', type: 'C' },
]
const proposal = {
  items: [
    { key: 'c1', treatment: 'plain' as const },
    { key: 'c2', treatment: 'plain' as const },
    { key: 'c3', treatment: 'masked' as const },
    { key: 'c4', treatment: 'plain' as const },
    { key: 'c5', treatment: 'plain' as const },
  ],
  theme: '交通运输',
  description: '全市公共停车场，由管理单位每周报送。',
  exclusions: true,
  useRequirements: '可以自由使用和传播，须注明来源和获取日期。',
  records: {
    risk: { risks: '负责人姓名可能被识别', measures: '姓名脱敏', conclusion: 'acceptable' as const },
    preprocessing: [{ step: '脱敏', operator: '林专员', on: '2026-05-30', note: '姓名只留姓' }],
    desensitization: { method: '姓名只保留姓氏', reviewer: '黄审查', result: '不能识别个人' },
  },
}

async function anEntry(t: TestContext, more: { content?: object; open?: boolean } = {}) {
  const world = await aWorld(t, { day: '2026-06-01' })
  const { services } = world.app
  const owner = await world.department({ region: '350100', name: '福州市交通运输局' })
  await world.department({ region: '350100', name: '福州市大数据委', roles: ['authority'] })
  const entry = await aFilledEntry(services.pool, {
    department: owner,
    region: '350100',
    code: '307013350100009/000001',
    content: {
      title: '公共停车场信息',
      abstract: '全市公共停车场的位置和泊位，便于市民出行。',
      items,
      shareClass: 'unconditional',
      openClass: 'open',
      updateCycle: 'weekly',
      formatClass: 3,
      grade: 1,
      secrecy: { declared: true },
      ...more.content,
    },
    rows: parks,
  })
  const params = { code: entry.path }
  if (more.open) {
    await services.db
      .transaction()
      .execute(tx =>
        publishListing(
          tx,
          systemContext(services),
          { entryId: entry.id, ...proposal, caseNo: 'KF-2026-0009', approver: '福州市大数据委 陈主任' },
          { code: entry.code, title: '公共停车场信息', region: '350100' },
        ),
      )
  }
  const anyone = world.anonymous
  return {
    world,
    services,
    entry,
    params,
    anyone,
    steward: await world.person({ department: '福州市交通运输局', roles: ['steward', 'secrecy'], name: '林专员' }),
    bureau: await world.person({ department: '福州市大数据委', roles: ['bureau'], name: '陈主任' }),
    download: (format: 'csv' | 'xlsx' | 'json') =>
      world.app.inject({ method: 'GET', url: `/api/open/datasets/${entry.path}/download?format=${format}` }),
    rows: (query: object = {}) => anyone.call(contract.openData, { params, query }),
    refill: (rows: (string | null)[][]) => refill(services.pool, entry, keys, rows),
    ledger: async (): Promise<Record<string, string>[]> => {
      await services.ledger.flush()
      const { rows } = await services.pool.query(
        'select r from audit.block b, unnest(b.records) with ordinality u(r, n) order by b.height, n',
      )
      return rows.map(row => JSON.parse(row.r))
    },
  }
}

test('from proposal through a second person’s secrecy review and the authority to the portal', async t => {
  const e = await anEntry(t)
  const second = await e.world.person({ department: '福州市交通运输局', roles: ['secrecy'], name: '黄审查' })
  const gate = await e.steward.ok(contract.gate, { params: e.params })
  assert.deepEqual([gate.state, gate.may], ['none', ['propose', 'block']])
  assert.equal((await e.anyone.call(contract.dataset, { params: e.params })).status, 404)

  const { caseNo } = await e.steward.ok(contract.propose, { params: e.params, body: proposal })
  assert.equal((await e.steward.call(contract.propose, { params: e.params, body: proposal })).status, 409)
  const attempt = async (who: typeof second, action: string, form: object = {}) => {
    const { version } = await who.ok(procedure.caseByNo, { params: { no: caseNo } })
    return who.call(procedure.act, { params: { no: caseNo, action }, body: { version, form } })
  }
  const self = await attempt(e.steward, 'clear', { secrecyResult: 'clear' })
  assert.ok(self.status >= 400, 'the proposer may not review')
  assert.equal((await attempt(second, 'clear', { secrecyResult: 'clear' })).status, 200)
  assert.equal((await e.anyone.call(contract.dataset, { params: e.params })).status, 404)
  const opened = await attempt(e.bureau, 'open')
  assert.equal(opened.status, 200, JSON.stringify(opened.problem))
  assert.equal((await e.steward.ok(contract.gate, { params: e.params })).state, 'open')

  const dataset = await e.anyone.ok(contract.dataset, { params: e.params })
  assert.deepEqual(
    [dataset.title, dataset.openLabel, dataset.theme, dataset.rows, dataset.version],
    ['公共停车场信息', '普遍开放', '交通运输', 3, 1],
  )
  assert.deepEqual(
    dataset.items.map(i => [i.name, i.masked, i.filled, i.distinct]),
    [
      ['编号', false, 1, 3],
      ['停车场名称', false, 1, 3],
      ['负责人', true, 2 / 3, 2],
      ['泊位数', false, 1, 3],
      ['备注', false, 2 / 3, 2],
    ],
  )
  const actions = (await e.ledger()).map(r => r.action)
  for (const action of ['opening.propose', 'case.act', 'opening.publish']) assert.ok(actions.includes(action), action)
})

test('a refused review leaves the entry closed and free to be proposed again', async t => {
  const e = await anEntry(t)
  const second = await e.world.person({ department: '福州市交通运输局', roles: ['secrecy'] })
  const { caseNo } = await e.steward.ok(contract.propose, { params: e.params, body: proposal })
  const { version } = await second.ok(procedure.caseByNo, { params: { no: caseNo } })
  await second.ok(procedure.act, {
    params: { no: caseNo, action: 'stop' },
    body: { version, form: { reason: '备注里可能有内部联系方式，先清理' } },
  })
  assert.equal((await e.steward.ok(contract.gate, { params: e.params })).state, 'none')
  await e.steward.ok(contract.propose, { params: e.params, body: proposal })
})

test('a proposal that would show a person is refused with the items and counts', async t => {
  const e = await anEntry(t)
  await e.refill([
    ['P1', '五四路', '张三', '1', '联系人证件 35012519000101001X'],
    ['P2', '东街口', '李四', '2', '电话13812341234，24小时'],
    ['P3', '西湖', '王五', '3', '350125190001010029 校验不对的不算'],
  ])
  const refused = await e.steward.call(contract.propose, {
    params: e.params,
    body: {
      ...proposal,
      exclusions: false,
      items: [
        { key: 'c3', treatment: 'plain' },
        { key: 'c5', treatment: 'plain' },
      ],
    },
  })
  assert.equal(refused.status, 422)
  assert.deepEqual(
    refused.problem.errors?.map(x => x.code),
    ['exclusion-declaration-required', 'desensitization-required', 'sensitive-content-detected'],
  )
  assert.match(refused.problem.errors![2]!.message, /「备注」1 行含校验无误的公民身份号码，1 行含手机号/)
  assert.equal(refused.problem.errors![0]!.cite?.regulation, 'fuzhou-open-2019')
})

test('anyone searches, previews, downloads and calls open data without signing in; each is recorded', async t => {
  const e = await anEntry(t, { open: true })
  const found = await e.anyone.ok(contract.searchOpen, { query: { q: '停车泊位' } })
  assert.deepEqual([found.total, found.rows[0]?.hits.includes('泊位数')], [1, true])
  assert.deepEqual(
    found.facets.map(f => [f.key, f.values[0]?.value, f.values[0]?.count]),
    [
      ['theme', '交通运输', 1],
      ['region', '350100', 1],
      ['department', '福州市交通运输局', 1],
      ['cycle', 'weekly', 1],
    ],
  )
  assert.equal((await e.anyone.ok(contract.searchOpen, { query: { q: '天气预报' } })).total, 0)
  assert.equal((await e.anyone.ok(contract.searchOpen, { query: { q: `'; drop table x --` } })).total, 0)
  assert.equal((await e.anyone.ok(contract.searchOpen, { query: { theme: '教育' } })).total, 0)

  const preview = await e.anyone.ok(contract.preview, { params: e.params })
  assert.deepEqual(preview.rows[0], ['P1', '五四路停车场', '张**', '120', '=cmd|calc'])

  const csv = await e.download('csv')
  assert.equal(
    csv.body,
    "\ufeff编号,停车场名称,负责人,泊位数,备注\r\nP1,五四路停车场,张**,120,'=cmd|calc\r\nP2,东街口停车场,李**,80,全天开放\r\nP3,西湖停车场,,45,\r\n",
  )
  assert.match(String(csv.headers['content-disposition']), /filename\*=UTF-8''%E5%85%AC/)
  assert.deepEqual((await e.download('json')).json()[2], { 编号: 'P3', 停车场名称: '西湖停车场', 负责人: null, 泊位数: 45, 备注: null })
  const sheet = strFromU8(unzipSync((await e.download('xlsx')).rawPayload)['xl/worksheets/sheet1.xml']!)
  assert.ok(sheet.includes('五四路停车场') && !sheet.includes('张三丰') && !sheet.includes('<f>'))

  const page = await e.rows({ limit: 2, fields: '编号,泊位数' })
  const body = page.body as unknown as { rows: object[]; next: string; total: number }
  assert.deepEqual(
    [body.rows, body.total],
    [
      [
        { 编号: 'P1', 泊位数: '120' },
        { 编号: 'P2', 泊位数: '80' },
      ],
      3,
    ],
  )
  assert.deepEqual((await e.rows({ after: body.next, filter: '{"泊位数":45}' })).body, {
    rows: [{ 编号: 'P3', 停车场名称: '西湖停车场', 负责人: null, 泊位数: '45', 备注: null }],
    count: 1,
    total: 3,
    next: null,
  } as never)
  assert.equal((await e.rows({ filter: '{"负责人":"张三丰"}' })).status, 403)
  const api = await e.anyone.ok(contract.openApiOf, { params: e.params })
  assert.equal(api.openapi, '3.1.0')

  const dataset = await e.anyone.ok(contract.dataset, { params: e.params })
  assert.deepEqual([dataset.downloads, dataset.calls], [3, 2])
  const home = await e.anyone.ok(contract.home, {})
  assert.deepEqual([home.datasets, home.rows, home.themes], [1, 3, [{ theme: '交通运输', count: 1 }]])
  const taken = (await e.ledger()).filter(r => r.person === '社会公众')
  assert.deepEqual(
    taken.map(r => [r.action, r.method, r.medium]),
    [
      ['open.preview', '门户预览', '网页'],
      ['open.download', '门户下载', '文件（CSV）'],
      ['open.download', '门户下载', '文件（JSON）'],
      ['open.download', '门户下载', '文件（XLSX）'],
      ['open.read', '开放接口', '接口报文'],
      ['open.read', '开放接口', '接口报文'],
    ],
  )
})

test('[fuzhou-open-17-2a] [fuzhou-open-17-2b] a withdrawal stops page, file and interface at once, is assessed, and known users are told', async t => {
  const e = await anEntry(t, { open: true })
  const user = await e.world.department({ region: '350100', name: '福州市城管委' })
  const consumer = await e.world.person({ department: '福州市城管委', roles: ['steward'], name: '周用户' })
  const system = await consumer.ok(organization.createSystem, { body: { name: '停车诱导系统' } })
  await consumer.ok(sharing.access, {
    body: {
      entryId: e.entry.id,
      system: system.id,
      purpose: '核对停车场的泊位数',
      duty: '停车管理职责',
      dataName: '公共停车场信息',
      items: [{ key: 'c4', treatment: 'plain' }],
    },
  })
  assert.equal((await e.download('csv')).statusCode, 200)
  const gate = await e.bureau.ok(contract.withdraw, { params: e.params, body: { reason: '发现泄露风险' } })
  assert.equal(gate.state, 'withdrawn')
  const replies = [
    await e.anyone.call(contract.dataset, { params: e.params }),
    await e.anyone.call(contract.preview, { params: e.params }),
    await e.anyone.call(contract.download, { params: e.params, query: { format: 'csv' } }),
    await e.rows(),
    await e.anyone.call(contract.openApiOf, { params: e.params }),
  ]
  for (const reply of replies) {
    assert.equal(reply.status, 410)
    assert.equal(reply.problem.reason, 'dataset-withdrawn')
    assert.match(reply.problem.detail, /发现泄露风险/)
    assert.equal(reply.problem.cite?.article, '第十七条第二款')
  }
  assert.equal((await e.anyone.ok(contract.searchOpen, {})).total, 0)
  // Provider and authority are to assess it promptly; the department that takes the data by sharing is told.
  const tasks = async (who: typeof e.steward) =>
    (await who.ok(procedure.todo, { query: { who: 'department' } })).rows.filter(d => d.what === '评估下架的数据')
  for (const who of [e.steward, e.bureau]) {
    const [task] = await tasks(who)
    assert.match(task?.title ?? '', /公共停车场信息.*发现泄露风险/)
    assert.deepEqual([task?.clock.word, task?.clock.days, task?.clock.cite.article], ['及时', null, '第十七条第二款'])
    assert.ok((await who.ok(procedure.notices, {})).rows.some(n => /已下架，原因：发现泄露风险。请及时评估/.test(n.text)))
  }
  assert.equal(consumer.departmentId, user)
  const told = (await consumer.ok(procedure.notices, {})).rows
  assert.ok(told.some(n => /「公共停车场信息」已从开放平台下架，原因：发现泄露风险/.test(n.text)))
  assert.deepEqual(await tasks(consumer), [])
  const blank = await e.steward.call(contract.assess, { params: e.params, body: { findings: '', conclusion: 'reopen' } })
  assert.equal(blank.status, 400)
  assert.equal(
    (await consumer.call(contract.assess, { params: e.params, body: { findings: '没有看到影响', conclusion: 'reopen' } })).status,
    403,
  )
  const assessed = await e.steward.ok(contract.assess, {
    params: e.params,
    body: { findings: '备注里有联系人电话，下载过 1 次', measures: '清空备注', conclusion: 'reopen' },
  })
  assert.ok(!assessed.may.includes('assess'))
  assert.deepEqual([await tasks(e.steward), await tasks(e.bureau)], [[], []])
  const again = await e.steward.call(contract.propose, { params: e.params, body: proposal })
  assert.deepEqual([again.problem.reason, again.problem.cite?.article], ['desensitization-required', '第十七条第二款'])
  assert.equal((await e.download('csv')).statusCode, 410, 'it stays withdrawn')
  const { caseNo } = await e.steward.ok(contract.propose, {
    params: e.params,
    body: { ...proposal, processing: '重新脱敏，负责人只留姓氏，备注清空。' },
  })
  const second = await e.world.person({ department: '福州市交通运输局', roles: ['secrecy'] })
  await act(second, caseNo, 'clear', { secrecyResult: 'clear' })
  await act(e.bureau, caseNo, 'open')
  const dataset = await e.anyone.ok(contract.dataset, { params: e.params })
  assert.equal(dataset.version, 3, 'opened, withdrawn, opened again')
})

test('new data that show a person take the set down before a row leaves', async t => {
  const e = await anEntry(t, { open: true })
  assert.equal((await e.rows()).status, 200)
  await e.refill([['P1', '五四路', '张三', '1', '证件350125190001010028']])
  const reply = await e.rows()
  assert.equal(reply.status, 410)
  assert.ok(!JSON.stringify(reply.body).includes('350125190001010028'))
  const last = (await e.ledger()).at(-1)!
  assert.deepEqual([last.action, last.person], ['opening.withdraw', '平台'])
})

test('items closed by a later version stop leaving at once', async t => {
  const e = await anEntry(t, { open: true })
  const changed = items.map(i => (i.key === 'c4' ? { ...i, openClass: 'closed' } : i))
  await e.services.pool.query(
    `insert into catalog.version (entry_id, version, state, content, etag, saved_by, saved, published)
     select entry_id, 2, 'published', jsonb_set(content, '{items}', $2), 'y', 'x', now(), now() from catalog.version where entry_id = $1`,
    [e.entry.id, JSON.stringify(changed)],
  )
  await e.services.pool.query('update catalog.entry set published = 2 where id = $1', [e.entry.id])
  assert.deepEqual(Object.keys((await e.rows()).body as never as { rows: object[] }), ['rows', 'count', 'total', 'next'])
  assert.ok(!JSON.stringify((await e.rows()).body).includes('泊位数'))
  assert.ok(!(await e.download('csv')).body.includes('泊位数'))
})

test('strangers may neither propose nor withdraw, and see only what is open', async t => {
  const e = await anEntry(t)
  await e.world.department({ region: '431123', name: '双牌县交通局' })
  const stranger = await e.world.person({ department: '双牌县交通局', roles: ['steward'] })
  assert.equal((await stranger.call(contract.propose, { params: e.params, body: proposal })).status, 403)
  assert.equal((await stranger.call(contract.withdraw, { params: e.params, body: { reason: '没有理由' } })).status, 403)
  assert.equal((await stranger.ok(contract.openList, {})).total, 0)
  assert.equal((await e.steward.ok(contract.openList, {})).total, 1)
  assert.equal((await e.bureau.ok(contract.openList, { query: { state: 'none', q: '停车' } })).total, 1)
})

test('canary: the portal never carries a value of an item that is not open', async t => {
  const e = await anEntry(t, { open: true })
  await e.services.pool.query(
    `update opening.listing set items = '[{"key":"c3","treatment":"masked"},{"key":"c4","treatment":"plain"}]', version = version + 1`,
  )
  const texts = [
    JSON.stringify((await e.anyone.call(contract.dataset, { params: e.params })).body),
    JSON.stringify((await e.anyone.call(contract.preview, { params: e.params })).body),
    // The position of the next page is sealed: random letters, which may spell anything.
    JSON.stringify({ ...((await e.rows({ limit: 1 })).body as unknown as object), next: '' }),
    JSON.stringify((await e.rows({ fields: '停车场名称' })).body),
    (await e.download('csv')).body,
    (await e.download('json')).body,
    strFromU8(unzipSync((await e.download('xlsx')).rawPayload)['xl/worksheets/sheet1.xml']!),
  ].join('\n')
  for (const secret of ['五四路停车场', '东街口停车场', '张三丰', '李四', 'calc', '全天开放', 'P1', 'P2'])
    assert.ok(!texts.includes(secret), `${secret} leaked`)
})

test('what stands in the footer comes from the settings', async t => {
  const e = await anEntry(t)
  assert.deepEqual(await e.anyone.ok(contract.site, {}), {
    name: '公共数据开放',
    operator: null,
    contact: null,
    siteCode: null,
    icp: null,
    police: null,
    feedback: null,
  })
})

import type { TestContext } from 'node:test'
import * as contract from '../../contract/delivery.ts'
import type { Endpoint } from '../../contract/endpoint.ts'
import type { GrantedItem } from '../../contract/procedure.ts'
import { createGrant, setGrantState } from '../../server/modules/delivery/public.ts'
import { systemContext } from '../../server/platform/context.ts'
import { aFilledEntry } from './entry.ts'
import { aWorld } from './world.ts'

export const cite = { regulation: 'fuzhou-manage-2019', title: '福州管理', article: '第十七条', text: '按批准的范围提供。' }
export const names = ['公民身份号码', '姓名', '月补助金额', '起始日期', '户籍地址']
export const people = [
  ['35012519000101001X', '张三丰', '512.50', '2024-02-29', '福建省福州市永泰县樟城镇北门路12号3栋502室'],
  ['350125190001010028', '李四', '99999999.99', '2025-01-01', '=cmd|"<b>'],
  ['350582190402290031', '王五', null, null, null],
]

/** A grant on an entry with three persons, its credentials, and short ways to call the data API under it. */
export async function aGrant(
  t: TestContext,
  more: { quotaPerDay?: number; items?: GrantedItem[]; method?: 'api' | 'file'; settings?: Record<string, string>; lastItem?: string } = {},
) {
  const world = await aWorld(t, { day: '2026-06-01', ...(more.settings && { settings: more.settings }) })
  const { services } = world.app
  const owner = await world.department({ region: '350100', name: '福州市民政局' })
  const user = await world.department({ region: '350125', name: '永泰县医保局' })
  await world.department({ region: '431123', name: '双牌县医保局' })
  const entry = await aFilledEntry(services.pool, {
    department: owner,
    region: '350100',
    code: '307013350100001/000001',
    content: {
      title: '城乡低保对象信息',
      shareClass: 'conditional',
      items: [
        { key: 'c1', name: names[0], type: 'C', semantic: 'id-number', identifier: true },
        { key: 'c2', name: names[1], type: 'C', semantic: 'person-name' },
        { key: 'c3', name: names[2], type: 'Y' },
        { key: 'c4', name: names[3], type: 'D' },
        more.lastItem ? { key: 'c5', name: more.lastItem, type: 'C' } : { key: 'c5', name: names[4], type: 'C', semantic: 'address' },
      ],
    },
    rows: people,
  })
  const ctx = systemContext(services)
  const made = await services.db.transaction().execute(tx =>
    createGrant(tx, ctx, {
      entryId: entry.id,
      entryVersion: 1,
      granteeDepartmentId: user,
      systemId: null,
      items: more.items ?? [
        { key: 'c1', treatment: 'verify' },
        { key: 'c2', treatment: 'masked' },
        { key: 'c3', treatment: 'plain' },
        { key: 'c4', treatment: 'plain' },
      ],
      purpose: '核对医疗救助资格',
      basis: '',
      approver: '市大数据委 陈主任',
      from: '2026-01-01',
      until: '2026-12-31',
      quotaPerDay: more.quotaPerDay ?? null,
      caseId: null,
      caseNo: 'GX-2026-0001',
      method: 'api',
      cite,
    }),
  )
  const developer = await world.person({ department: '永泰县医保局', roles: ['developer'], name: '周开发' })
  const params = { id: made.id }
  const credentials = await developer.ok(contract.rotate, { params })
  // A grant by files has no credentials to take. These are from before, so that a call by the wrong way can be tried.
  if (more.method === 'file') await services.pool.query(`update delivery.grant set method = 'file' where id = $1`, [made.id])
  const token = async (secret = credentials.clientSecret) =>
    world.anonymous.call(contract.token, {
      body: { grant_type: 'client_credentials', client_id: credentials.clientId, client_secret: secret },
    })
  let bearer = (await token()).body.access_token
  const headers = (extra: Record<string, string> = {}) => ({
    authorization: `Bearer ${bearer}`,
    'x-huitong-operator': encodeURIComponent('周倩'),
    'x-huitong-case': 'YB-2026-77',
    ...extra,
  })
  return {
    world,
    services,
    entry,
    ...made,
    params,
    developer,
    developerName: '周开发',
    credentials,
    token,
    use: (t: string) => {
      bearer = t
    },
    rows: (query: object = {}, extra?: Record<string, string>) =>
      world.anonymous.call(contract.data, { params: { code: entry.path }, query, headers: headers(extra) }),
    bare: (h: Record<string, string>) =>
      world.anonymous.call(contract.data, { params: { code: entry.path }, headers: { authorization: `Bearer ${bearer}`, ...h } }),
    /** Any endpoint of the data API. */
    ask: <E extends Endpoint>(e: E, parts: { query?: object; body?: object } = {}, extra?: Record<string, string>) =>
      world.anonymous.call(e, { params: { code: entry.path } as never, ...(parts as object), headers: headers(extra) }),
    verify: (body: object) => world.anonymous.call(contract.verify, { params: { code: entry.path }, body, headers: headers() }),
    set: (state: 'active' | 'suspended' | 'revoked') =>
      services.db
        .transaction()
        .execute(tx => setGrantState(tx, ctx, made.id, state, '发现不当使用', cite))
        .then(() => services.ledger.flush()),
    ledger: async (): Promise<Record<string, string>[]> => {
      await services.ledger.flush()
      const { rows } = await services.pool.query(
        'select r from audit.block b, unnest(b.records) with ordinality u(r, n) order by b.height, n',
      )
      return rows.map(row => JSON.parse(row.r))
    },
  }
}

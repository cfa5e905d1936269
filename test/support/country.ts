import type { TestContext } from 'node:test'
import * as catalog from '../../contract/catalog.ts'
import type { Cite } from '../../contract/common.ts'
import * as delivery from '../../contract/delivery.ts'
import * as organization from '../../contract/organization.ts'
import * as procedure from '../../contract/procedure.ts'
import { govern, regionOf } from '../../server/modules/regulation/public.ts'
import { refill } from './entry.ts'
import { type Answer, aWorld, type Person, type World } from './world.ts'

/** The five places whose regulations are shipped, and the city above one of them. */
export const places = {
  fuzhou: '350100',
  yongtai: '350125',
  henan: '410000',
  yongzhou: '431100',
  shuangpai: '431123',
  jinjiang: '350582',
} as const
export type Place = keyof typeof places
export const lawBasis = { kind: 'law', instrument: '中华人民共和国个人信息保护法', article: '第三十四条' } as const

/** An entry that every place accepts: whatever one of them asks for is there (see `inPlace`). */
export const anEntry = (more: object = {}) => ({
  innerUnit: '业务科',
  formatType: 'xlsx',
  sourceSystem: '业务系统',
  title: '城乡低保对象信息',
  classification: ['民生服务', '社会救助'],
  theme: '民生服务',
  abstract: '在册的城乡最低生活保障对象，每月更新，由民政部门核定。',
  formatClass: 3,
  items: [
    { key: 'c1', name: '公民身份号码', type: 'C', length: 18, semantic: 'id-number', identifier: true, required: true },
    { key: 'c2', name: '姓名', type: 'C', length: 50, semantic: 'person-name' },
    { key: 'c3', name: '保障类别', type: 'C', length: 10 },
  ],
  shareClass: 'conditional',
  shareConditions: '供救助事项核对使用。',
  shareBasis: lawBasis,
  shareModeType: '服务接口',
  openClass: 'open',
  openExclusion: {
    ground: 'third-party',
    evidence: { interest: '救助对象的个人隐私', treatment: '去掉身份后没有用处', consent: '没有征求，人数众多' },
  },
  updateCycle: 'monthly',
  grade: 2,
  collectionBasis: '《社会救助暂行办法》第十一条，采集在册对象的核定信息。',
  origin: '本部门业务系统产生',
  kind: 3,
  acquisition: 'collected',
  dataForm: '文字',
  collectionScope: '向申请人收集，限于核定所需的项目。',
  collectionPurpose: '核定和发放最低生活保障金。',
  statutoryDuty: '最低生活保障的审核确认',
  contact: { name: '林专员', phone: '0591-12345678' },
  secrecy: { declared: true },
  ...more,
})
/** What differs by place: the ways data are come by, and their forms, are lists of the place. */
export function inPlace<T extends object>(region: string, content: T): T {
  const [acquisition] = Object.keys(govern(region, 'catalog-origin', '2026-05-21').value.values)
  const [dataForm] = govern(region, 'catalog-forms', '2026-05-21').value.values
  return { ...(acquisition && { acquisition }), ...(dataForm && { dataForm }), ...content }
}
/** The same without persons. */
export const aPlainEntry = (more: object = {}) =>
  anEntry({
    title: '养老机构名录',
    abstract: '经备案的养老机构名称、床位数和地址，每月更新。',
    items: [
      { key: 'c1', name: '机构编号', type: 'C', length: 20, identifier: true, required: true },
      { key: 'c2', name: '机构名称', type: 'C', length: 100 },
      { key: 'c3', name: '床位数', type: 'C', length: 10 },
    ],
    grade: 1,
    ...more,
  })

export async function act(who: Person, no: string, action: string, form: object = {}) {
  const c = await who.ok(procedure.caseByNo, { params: { no } })
  return who.ok(procedure.act, { params: { no, action }, body: { version: c.version, form } })
}
export async function tryAct(who: Person, no: string, action: string, form: object = {}): Promise<Answer<typeof procedure.act>> {
  const { version } = await who.ok(procedure.caseByNo, { params: { no } })
  return who.call(procedure.act, { params: { no, action }, body: { version, form } })
}

/** Reviews an entry to its end, whoever publishes it in the place. */
export async function approve(authority: Person, by: Person, no: string) {
  const { actions } = await authority.ok(procedure.caseByNo, { params: { no } })
  if (!actions.some(a => a.action === 'pass')) return act(authority, no, 'publish')
  await act(authority, no, 'pass')
  return act(by, no, 'publish')
}

/**
 * The article cited. With a place it must stand in a regulation of that place: two of the places number their articles alike, so a rule
 * inherited by mistake would otherwise look right. Where it stands in another one, that one is named before the article.
 */
export const articleOf = (cite: Cite | null | undefined, place?: Place): string | undefined =>
  !cite || !place || cite.regulation.startsWith(`${place}-`) ? cite?.article : `${cite.regulation} ${cite.article}`
/** Reason and article of a refusal: what every negative scenario looks at. */
export const said = (a: Answer<never> | Answer<any>, place?: Place) => [a.problem.reason, articleOf(a.problem.cite, place)] as const

/**
 * A place with its authorities (and those above it), a department that provides and one that wants. Entries are registered through the
 * interface. `elsewhere` puts the wanting department into another place.
 */
export async function aPlace(
  t: Pick<TestContext, 'after'>,
  place: Place,
  more: { day?: string; elsewhere?: Place; settings?: Record<string, string> } = {},
) {
  const world = await aWorld(t, { day: more.day ?? '2026-05-21', ...(more.settings && { settings: more.settings }) })
  const region = places[place]
  const bureaus: Record<string, Person> = {}
  const wanted = [region, ...(more.elsewhere ? [places[more.elsewhere]] : [])]
  for (const r of wanted) {
    for (
      let at = regionOf(r);
      at && at.level !== `province${r === region && place === 'henan' ? '-' : ''}`;
      at = at.parent ? regionOf(at.parent) : undefined
    ) {
      if (bureaus[at.code]) continue
      const name = `${at.name}主管部门`
      await world.department({ region: at.code, name, roles: ['authority'] })
      bureaus[at.code] = await world.person({ department: name, roles: ['bureau'], name: `${at.name}主管` })
    }
  }
  // One place has two bodies: one for the work, one that receives filings.
  if (region === places.yongtai) await world.department({ region, name: '县大数据中心', roles: ['data-centre'] })
  await world.department({ region, name: '提供局' })
  await world.department({ region: places[more.elsewhere ?? place], name: '申请局' })
  const provider = await world.person({ department: '提供局', roles: ['steward'], name: '提供专员' })
  const consumer = await world.person({ department: '申请局', roles: ['steward'], name: '申请专员' })
  const authority = bureaus[region]!
  const system = await consumer.ok(organization.createSystem, { body: { name: '业务系统' } })

  /** Registers and publishes an entry of the provider, the way the place does it. */
  const register = async (content: object, by: Person = provider) => {
    const made = await by.ok(catalog.createEntry, { body: { content: inPlace(region, content) } })
    const code = made.code.replace('/', '-')
    const { caseNo } = await by.ok(catalog.submitEntry, { params: { code } })
    if (caseNo) {
      const c = await authority.call(procedure.caseByNo, { params: { no: caseNo } })
      if (c.status === 200 && !c.body.ended) await approve(authority, by, caseNo)
    }
    return { id: made.id, code, content: content as { items: { key: string }[] } }
  }
  return { world, region, authority, bureaus, provider, consumer, system: system.id, register }
}
export type APlace = Awaited<ReturnType<typeof aPlace>>

/** Rows for an entry that was registered through the interface. The first item is the key. */
export async function fill(
  world: World,
  entry: { id: string; content: { items: { key: string }[] } },
  rows: (string | null)[][],
): Promise<void> {
  const { pool } = world.app.services
  const keys = entry.content.items.map(i => i.key)
  const relation = `pool.e_${entry.id.replaceAll('-', '')}`
  await pool.query(
    `create table if not exists ${relation} (_key text primary key, _hash text, _batch uuid, _updated timestamptz, ${keys.map(k => `${k} text`).join(', ')})`,
  )
  await refill(pool, { id: entry.id, relation }, keys, rows)
}

/** A consumer's system with its token: calls the data API under one grant. */
export async function connect(world: World, who: Person, grantId: string) {
  const { clientId, clientSecret } = await who.ok(delivery.rotate, { params: { id: grantId } })
  const { body } = await world.anonymous.call(delivery.token, {
    body: { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret },
  })
  return (code: string, query: object = {}, headers: Record<string, string> = {}) =>
    world.anonymous.call(delivery.data, {
      params: { code },
      query,
      headers: {
        authorization: `Bearer ${body.access_token}`,
        'x-huitong-operator': encodeURIComponent('周倩'),
        'x-huitong-case': 'YW-2026-77',
        ...headers,
      },
    })
}

import assert from 'node:assert/strict'
import * as catalog from '../../contract/catalog.ts'
import * as procedure from '../../contract/procedure.ts'
import { type APlace, act, aPlainEntry, inPlace, said, tryAct } from './country.ts'

/** What tests of sharing ask for and give: three items of one plain entry. */
export const rows = [
  ['A001', '长者之家', '120'],
  ['A002', '福寿院', '60'],
]
export const free = { shareClass: 'unconditional', shareBasis: undefined, shareConditions: '供各部门履职使用。' }
export const stated = { dataName: '养老机构名录', purpose: '核对养老机构备案情况', duty: '养老服务补贴的审核职责' }
export const application = (p: { system: string }, items = ['c1', 'c2'], more: object = {}) => ({
  dataName: '养老机构名录',
  items,
  purpose: '核对养老机构备案情况',
  scenario: '窗口受理时核对。',
  scope: '待遇保障股',
  duty: '养老服务补贴的审核职责',
  method: 'api',
  until: '2027-12-31',
  system: p.system,
  ...more,
})
export const give = (...keys: string[]) => ({ treatments: keys.map(key => ({ key, treatment: 'plain' })), until: '2027-12-31' })
export const grantOf = (c: { result: { href: string } | null }) => c.result!.href.split('/').at(-1)!

/** In 双牌 the class takes effect when the designated department has confirmed it. */
export async function confirmed(p: APlace) {
  await p.world.department({ region: p.region, name: '县政府办', roles: ['share-confirmer'] })
  const confirmer = await p.world.person({ department: '县政府办', roles: ['leader'] })
  const made = await p.provider.ok(catalog.createEntry, { body: { content: inPlace(p.region, aPlainEntry({ shareClass: 'denied' })) } })
  const code = made.code.replace('/', '-')
  const { caseNo } = await p.provider.ok(catalog.submitEntry, { params: { code } })
  await act(p.authority, caseNo!, 'pass')
  const early = await tryAct(p.provider, caseNo!, 'publish')
  assert.deepEqual(said(early), ['confirmation-required', '第二十三条第三款'])
  assert.equal((await p.provider.ok(catalog.entryByCode, { params: { code } })).state, 'in_review')
  const ask = await p.provider.ok(procedure.startCase, {
    body: { procedure: 'share-confirmation', after: caseNo, form: { reason: '含未公开的投诉线索，不宜提供。' } },
  })
  await act(confirmer, ask.no, 'approve')
  await act(p.provider, caseNo!, 'publish')
  return { id: made.id, code }
}

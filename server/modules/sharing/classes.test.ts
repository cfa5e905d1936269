import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as catalog from '../../../contract/catalog.ts'
import { type APlace, aPlace, aPlainEntry, articleOf, inPlace, type Place } from '../../../test/support/country.ts'

/** Draft, then submission; what is refused leaves the draft, which is then mended and submitted again. */
async function drafts(p: APlace, first: object) {
  const { provider } = p
  const { id, code } = await provider.ok(catalog.createEntry, { body: { content: inPlace(p.region, first) } })
  const params = { code: code.replace('/', '-') }
  const submit = () => provider.call(catalog.submitEntry, { params })
  const save = async (content: object) => {
    const now = await provider.ok(catalog.entryByCode, { params })
    return provider.ok(catalog.saveDraft, { params, body: { content: inPlace(p.region, content), etag: now.etag } } as never)
  }
  return { id, params, submit, save }
}

const classes: [string, Place, string, string[], string][] = [
  [
    '[yongtai-16-1] 永泰 knows three share types of its own',
    'yongtai',
    '不予共享',
    ['无条件共享', '有条件共享', '暂不共享'],
    '第十六条第一款',
  ],
  [
    '[fuzhou-manage-16-1] 福州 knows three share types of its own',
    'fuzhou',
    '不予共享',
    ['无条件共享', '有条件共享', '暂不共享'],
    '第十六条第一款',
  ],
  ['[henan-15-1] 河南 knows three share types of its own', 'henan', '暂不共享', ['无条件共享', '有条件共享', '不予共享'], '第十五条第一款'],
  [
    '[shuangpai-23-2-0] 双牌 knows three share types of its own',
    'shuangpai',
    '暂不共享',
    ['无条件共享', '有条件共享', '不予共享'],
    '第二十三条第二款首段',
  ],
  [
    '[jinjiang-2-6-1a] 晋江 knows three share types of its own',
    'jinjiang',
    '不予共享',
    ['无条件共享', '有条件共享', '暂不共享'],
    '第二部分第（六）项第一款',
  ],
]
for (const [title, place, foreign, own, article] of classes)
  test(title, async t => {
    const p = await aPlace(t, place)
    const d = await drafts(p, aPlainEntry({ shareClass: undefined, shareWord: foreign }))
    const refused = await d.submit()
    assert.equal(refused.status, 422)
    const fault = refused.problem.errors!.find(e => e.code === 'share-type-invalid')!
    assert.equal(articleOf(fault.cite, place), article)
    for (const word of own) assert.match(fault.message, new RegExp(word))
    assert.equal(refused.problem.reason, 'share-type-invalid')
    const seen: string[] = []
    for (const [i, word] of own.entries()) {
      const one = await drafts(p, aPlainEntry({ title: `养老机构名录${i + 1}`, shareClass: undefined, shareWord: word }))
      assert.equal((await one.submit()).status, 200, word)
      seen.push((await p.provider.ok(catalog.entryByCode, { params: one.params })).shareLabel)
    }
    assert.deepEqual(seen, own)
    if (place !== 'jinjiang') return
    // Unconditional is proposed where nothing was chosen.
    const none = await drafts(p, aPlainEntry({ shareClass: undefined }))
    assert.match((await none.submit()).problem.errors!.find(e => e.code === 'share-type-required')!.remedy!, /无条件共享/)
  })

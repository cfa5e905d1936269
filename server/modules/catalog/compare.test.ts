import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EntryContent, type Item } from '../../../contract/catalog.ts'
import { compareContents, narrowed } from './compare.ts'

const labels = {
  share: { unconditional: '无条件共享', conditional: '有条件共享', denied: '不予共享' },
  open: { open: '普遍开放', conditional: '授权开放', closed: '不开放' },
  origins: {},
}
const basis = { kind: 'law', instrument: '统计法', article: '第一条' } as const
const item = (more: Partial<Item> = {}): Item => ({
  key: 'c1',
  name: '姓名',
  description: '',
  identifier: false,
  required: false,
  type: 'C',
  length: 50,
  ...more,
})
const entry = (more: object = {}) =>
  EntryContent.parse({ title: '甲', items: [item()], shareClass: 'unconditional', openClass: 'open', ...more })
const changes = (a: object, b: object) => compareContents(entry(a), entry(b), labels).rows.filter(r => r.kind !== 'same')

test('whatever changes in an entry shows as a change', () => {
  const other: Record<keyof EntryContent, unknown> = {
    title: '乙',
    kind: 1,
    classification: ['项'],
    theme: '主题',
    subject: 'person',
    innerUnit: '科',
    abstract: '摘要',
    formatClass: 2,
    formatType: 'xls',
    formatNote: '描述',
    affairs: '事项',
    items: [],
    shareClass: 'denied',
    shareWord: '词',
    shareConditions: '条件',
    shareBasis: basis,
    shareMode: '邮件',
    shareModeType: '数据库',
    openClass: 'closed',
    openWord: '词',
    openConditions: '条件',
    openBasis: basis,
    openCriterion: '理由',
    sharedFrom: '甲',
    openExclusion: { ground: '理由', evidence: {} },
    updateCycle: 'daily',
    grade: 2,
    relatedCodes: ['1'],
    upperCode: '1',
    tags: ['标'],
    sourceSystem: '系统',
    collectionBasis: '依据',
    origin: '来源',
    acquisition: 'collected',
    dataForm: '文字',
    collectionScope: '范围',
    collectionPurpose: '目的',
    leadDepartment: '局',
    coDepartments: ['局'],
    statutoryDuty: '职责',
    joint: { parties: ['局'], shares: '', agreement: '' },
    legalException: basis,
    contact: { name: '林', phone: '' },
    secrecy: { declared: true },
    impactAssessment: '结论',
  }
  assert.deepEqual(Object.keys(other).sort(), Object.keys(EntryContent.shape).sort())
  for (const [key, value] of Object.entries(other)) {
    const bare = key === 'shareWord' ? { shareClass: undefined } : key === 'openWord' ? { openClass: undefined } : {}
    assert.equal(changes(bare, { ...bare, [key]: value }).length > 0, true, key)
  }
})

test('items in words: added, removed, renamed, narrowed, tightened; what users feel is marked', () => {
  const say = (a: Partial<Item>, b: Partial<Item>) => {
    const [row] = changes({ items: [item(a)] }, { items: [item(b)] })
    return [row?.words.join(''), row?.tighter]
  }
  assert.deepEqual(say({}, { name: '人员姓名' }), ['改名：“姓名”改为“人员姓名”。', true])
  assert.deepEqual(say({}, { length: 20 }), ['类型由“字符 50”改为“字符 20”，变窄：已有的值可能放不下。', true])
  assert.deepEqual(say({}, { length: 80 }), ['类型由“字符 50”改为“字符 80”，放宽。', false])
  assert.deepEqual(say({}, { shareClass: 'conditional' }), ['共享由“无条件共享”改为“有条件共享”，收紧。', true])
  assert.deepEqual(say({ openClass: 'closed' }, {}), ['开放由“不开放”改为“普遍开放”，放宽。', false])
  assert.deepEqual(say({ codes: ['1', '2'] }, { codes: ['2', '3'] }), ['取值去掉：1。取值增加：3。', true])
  assert.deepEqual(say({}, { description: '新说明' }), ['说明有修改。', false])
  assert.deepEqual(
    changes({}, { items: [item({ key: 'c2', name: '住址' })] }).map(r => [r.field, r.kind, r.words.join('')]),
    [
      ['信息项 住址', 'added', '新增。'],
      ['信息项 姓名', 'removed', '去掉。'],
    ],
  )
  const two = [item(), item({ key: 'c2', name: '住址' })]
  assert.deepEqual(
    changes({ items: two }, { items: two.toReversed() }).map(r => r.field),
    ['信息项的顺序'],
  )
  const [share] = changes({}, { shareClass: 'denied' })
  assert.deepEqual([share!.words, share!.tighter], [['收紧。'], true])
})

test('a type is narrower when a value that fitted may not fit any more', () => {
  const cases: [Partial<Item>, Partial<Item>, boolean][] = [
    [{ type: 'I', length: undefined }, { type: 'N', length: undefined }, false],
    [{ type: 'N', length: 12 }, { type: 'I', length: 12 }, true],
    [{ type: 'D', length: undefined }, { type: 'T', length: undefined }, false],
    [{ type: 'T', length: undefined }, { type: 'D', length: undefined }, true],
    [{ type: 'C', length: 50 }, { type: 'N', length: 50 }, true],
    [{ type: 'N', length: 12 }, { type: 'C', length: 20 }, false],
    [{ type: 'N', length: 12, scale: 2 }, { type: 'N', length: 12 }, true],
    [{ type: 'C', length: undefined }, { type: 'C', length: 20 }, true],
    [{ type: 'C', length: 20 }, { type: 'M', length: undefined }, false],
  ]
  for (const [a, b, expected] of cases) assert.equal(narrowed(item(a), item(b)), expected, JSON.stringify([a, b]))
})

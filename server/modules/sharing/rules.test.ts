import assert from 'node:assert/strict'
import { test } from 'node:test'
import { core, obtainable } from './rules.ts'

for (const [name, want] of [
  ['结婚登记证明原件', '结婚登记'],
  ['结婚登记信息', '结婚登记'],
  ['无犯罪记录证明（复印件）', '无犯罪'],
  ['证明', '证明'],
] as const)
  test(`the thing asked for by “${name}” is ${want}`, () => assert.equal(core(name), want))

test('a material is found where an entry holds the same thing, and not where a name is only alike', () => {
  const entries = [{ title: '不动产登记信息' }, { title: '结婚登记信息' }]
  assert.equal(obtainable('结婚登记证明', entries)?.title, '结婚登记信息')
  assert.equal(obtainable('夫妻双方结婚登记证明', entries)?.title, '结婚登记信息')
  assert.equal(obtainable('离婚登记证明', entries), undefined)
  assert.equal(obtainable('登记', entries), undefined)
})

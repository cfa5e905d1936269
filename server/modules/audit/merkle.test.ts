import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { leafOf, pathOf, rootFromPath, rootOf, sm3 } from './merkle.ts'

test('SM3 answers its published vector', () => {
  assert.equal(sm3('abc').toString('hex'), '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0')
})

test('every leaf of every tree has a path that leads to the root, and no other leaf has it', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 40 }), fc.nat(), (records, n) => {
      const leaves = records.map(leafOf)
      const index = n % leaves.length
      const path = pathOf(leaves, index)
      assert.deepEqual(rootFromPath(leaves[index]!, index, leaves.length, path), rootOf(leaves))
      const other = leafOf(`${records[index]}!`)
      assert.notDeepEqual(rootFromPath(other, index, leaves.length, path), rootOf(leaves))
    }),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gather } from './gather.ts'

test('who asks while others wait for their answer goes with the next question; each key is asked for once', async () => {
  const questions: string[][] = []
  const answers: (() => void)[] = []
  const one = gather(keys => {
    questions.push(keys)
    return new Promise<string>(done => answers.push(() => done(keys.join())))
  })
  const turn = () => new Promise(done => setImmediate(done))
  const first = [one('a'), one('b')]
  await turn()
  const second = one('c')
  await turn()
  // Two are under way: these wait.
  const third = [one('d'), one('d'), one('e')]
  await turn()
  assert.deepEqual(questions, [['a', 'b'], ['c']])
  answers[1]!()
  assert.equal(await second, 'c')
  await turn()
  assert.deepEqual(questions[2], ['d', 'e'])
  answers[0]!()
  answers[2]!()
  assert.deepEqual(await Promise.all([...first, ...third]), ['a,b', 'a,b', 'd,e', 'd,e', 'd,e'])
})

test('an error is that of the group, and the next one is asked for as before', async () => {
  let broken = true
  const one = gather(async keys => {
    if (broken) throw new Error('gone')
    return keys.length
  })
  const both = await Promise.allSettled([one('a'), one('b')])
  assert.deepEqual(
    both.map(r => r.status),
    ['rejected', 'rejected'],
  )
  broken = false
  assert.equal(await one('a'), 1)
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { verifyFile } from './cli.ts'
import { sm3 } from './merkle.ts'

const root = resolve(import.meta.dirname, '../../..')
const directory = join(root, 'docs/ledger-vectors')
const vectors = JSON.parse(readFileSync(join(directory, 'vectors.json'), 'utf8')) as {
  sm3: { text: string; digest: string }
  firstKey: string
  files: Record<string, { is: 'whole' | 'broken'; says?: string }>
}

test('the published vectors: both verifiers take each file for what it is, and give the same reason', async () => {
  assert.equal(sm3(vectors.sm3.text).toString('hex'), vectors.sm3.digest)
  for (const [name, { is, says }] of Object.entries(vectors.files)) {
    const file = join(directory, name)
    const said: string[] = []
    const ours = await verifyFile(file, [], line => said.push(line))
    const theirs = spawnSync(process.execPath, [join(root, 'tools/verify-ledger.mjs'), file, '--key', vectors.firstKey], {
      encoding: 'utf8',
    })
    assert.equal(ours, is === 'whole' ? 0 : 1, `${name}: ${said}`)
    assert.equal(theirs.status, ours, `${name}: ${theirs.stdout} ${theirs.stderr}`)
    if (says) for (const text of [said.join(), theirs.stdout]) assert.ok(text.includes(says), `${name}: ${text}`)
  }
})

test('the second verifier is short, stands alone and shares nothing with the first', () => {
  const text = readFileSync(join(root, 'tools/verify-ledger.mjs'), 'utf8')
  assert.ok(text.split('\n').length <= 200)
  const imports = [...text.matchAll(/from '([^']+)'/g)].map(m => m[1])
  assert.deepEqual(imports, ['node:crypto', 'node:fs', 'node:readline'])
  assert.doesNotMatch(text, /import\(|require\(|fetch\(/)
  const evidence = readFileSync(join(root, 'tools/verify-evidence.mjs'), 'utf8')
  assert.deepEqual(
    [...evidence.matchAll(/from '([^']+)'/g)].map(m => m[1]),
    ['node:fs', './verify-ledger.mjs'],
  )
})

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { notRun, taggedTests } from '../server/commands/conformance.ts'

const root = resolve(import.meta.dirname, '..')
const run = promisify(execFile)
const rows = readFileSync(join(root, 'regulations/requirements.jsonl'), 'utf8')
  .split('\n')
  .filter(Boolean)
  .map(line => JSON.parse(line) as { id: string; priority: string })

test('every id in the title of a test is a requirement, and titles in tables are found too', () => {
  const known = new Set(rows.map(r => r.id))
  const tests = taggedTests()
  assert.deepEqual(
    tests.flatMap(t => t.ids.filter(id => !known.has(id)).map(id => `${t.file}: ${id}`)),
    [],
  )
  assert.ok(tests.some(t => t.file === 'server/modules/regulation/law.test.ts' && t.ids.includes('shuangpai-2-1')))
  assert.ok(tests.some(t => t.ids.length > 1))
})

test('every requirement is there in Chinese, in the same order', () => {
  const chinese = readFileSync(join(root, 'regulations/requirements.zh.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as { id: string; requirement: string; behaviour: string })
  assert.deepEqual(
    chinese.map(c => c.id),
    rows.map(r => r.id),
  )
  for (const c of chinese) assert.ok(/[\u4e00-\u9fff]{4}/.test(c.requirement) && /[\u4e00-\u9fff]/.test(c.behaviour), c.id)
})

test('the command ends with one line of counts', async () => {
  const { stdout } = await run(process.execPath, ['server/main.ts', 'conformance', '--check', '--modules', 'regulation'], {
    cwd: root,
  }).catch((error: { stdout: string }) => error)
  assert.match(stdout.trimEnd().split('\n').at(-1)!, /^must \d+\/9 should \d+\/10 could \d+\/8$/)
})

test('a title counts only when the test under it ran and passed', async t => {
  const place = mkdtempSync(join(tmpdir(), 'huitong-passed-'))
  t.after(() => rmSync(place, { recursive: true, force: true }))
  const file = join(place, 'some.test.ts')
  writeFileSync(
    file,
    `import { test } from 'node:test'
test('passes', () => {})
test('fails', () => { throw new Error() })
test('is skipped', { skip: true }, () => {})
test('is for later', { todo: true }, () => {})
`,
  )
  const args = ['--test', `--test-reporter=${join(root, 'server/commands/passed.ts')}`, file]
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout } = await run(process.execPath, args, { cwd: place, env }).catch((error: { stdout: string }) => error)
  const names = stdout
    .split('\n')
    .filter(Boolean)
    .map(line => (JSON.parse(line) as { name: string }).name)
  assert.deepEqual(
    names.filter(name => name !== file),
    ['passes'],
  )
  const one = taggedTests()[0]!
  assert.ok(notRun(new Set()).some(x => x.title === one.title))
  assert.ok(!notRun(new Set([`${one.file}: ${one.title}`])).some(x => x.file === one.file && x.title === one.title))
})

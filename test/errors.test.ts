import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import test from 'node:test'
import { errors } from '../contract/errors.ts'

const root = resolve(import.meta.dirname, '..')
const explained = errors.flatMap(({ codes }) => Object.keys(codes))

/** Codes written in the server: `refuse('x.y'`, `new Problem('x.y'`, `notFound('x.y'`, and verdicts `ok: false, code: 'x.y'` that end in one of them. */
function codesOf(source: string) {
  const direct = [...source.matchAll(/(?:\brefuse|new Problem)\(\s*'([a-z_]+\.[a-z_]+)'/g)].map(([, code]) => code!)
  const missing = [...source.matchAll(/\bnotFound\(\s*'([a-z_.]+)'/g)].map(([, code]) => `${code}_not_found`)
  const verdicts = [...source.matchAll(/ok: false, code: '([a-z_]+\.[a-z_]+)'/g)].map(([, code]) => code!)
  return [...direct, ...missing, ...verdicts]
}

test('every code of an error is explained on the help page, once', () => {
  assert.equal(new Set(explained).size, explained.length)
  const used = globSync('server/**/*.ts', { cwd: root, exclude: ['**/*.test.ts', 'server/platform/problem.ts'] })
    .flatMap(file => codesOf(readFileSync(resolve(root, file), 'utf8')).map(code => ({ code, file })))
    .filter(({ code }) => !explained.includes(code))
    .map(({ code, file }) => `${code} (${file})`)
  assert.deepEqual([...new Set(used)], [], 'add these to contract/errors.ts')
})

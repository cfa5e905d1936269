import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { gzipSync } from 'node:zlib'

const dist = resolve(import.meta.dirname, '../web/dist')
const assets = join(dist, 'assets')
const text = (file: string) => readFileSync(join(assets, file), 'utf8')

/** A file and everything it cannot run without; what arrives on demand is left out. */
function whole(...files: string[]): string[] {
  const found = new Set(files)
  for (const file of found) {
    for (const [, needed] of text(file).matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) found.add(needed!)
  }
  return [...found]
}
const kB = (files: string[]) => files.reduce((sum, file) => sum + gzipSync(text(file)).length, 0) / 1000
const entry = (page: string) => /src="\/assets\/([^"]+)"/.exec(readFileSync(join(dist, page), 'utf8'))![1]!

test('every page of the portal arrives with at most 150 kB of script, and without Ant Design', t => {
  for (const page of ['Home', 'Search', 'Dataset', 'Api', 'OpenList', 'Regulations', 'Help', 'HelpErrors', 'Verify']) {
    const [file] = globSync(`${page}-*.js`, { cwd: assets })
    assert.ok(file, `${page} is a file of its own`)
    const files = whole(entry('portal.html'), file)
    t.diagnostic(`${page} ${kB(files).toFixed(1)} kB`)
    assert.ok(kB(files) <= 150, `${page} ${kB(files).toFixed(1)} kB: ${files.join(' ')}`)
    assert.deepEqual(
      files.filter(name => name.startsWith('antd')),
      [],
    )
  }
})

test('the shared part of the workbench stays under 430 kB', t => {
  const size = kB(whole(entry('workbench.html')))
  t.diagnostic(`workbench ${size.toFixed(1)} kB`)
  assert.ok(size <= 430)
})

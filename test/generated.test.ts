import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '..')
const run = promisify(execFile)

for (const what of ['types', 'openapi', 'settings', 'conformance']) {
  test(`what ./huitong ${what} generates is up to date`, async () => {
    await run(process.execPath, ['server/main.ts', what, '--check'], { cwd: root }).catch((error: { stdout: string; stderr: string }) => {
      assert.fail(`run ./huitong ${what} and commit the result\n${error.stdout}${error.stderr}`)
    })
  })
}

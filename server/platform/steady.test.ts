import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createSteady } from './steady.ts'

const folders = [tmpdir(), ...(existsSync('/dev/shm') ? ['/dev/shm'] : [])].map(root => mkdtempSync(join(root, 'huitong-steady-')))
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
const MB = 1024 * 1024

test('a file holds what was written, past the cache, through it, and by turns', async () => {
  const modes = {
    always: () => true,
    never: () => false,
    turns: (
      n => () =>
        ++n % 2 === 0
    )(0),
  }
  for (const folder of folders)
    for (const [mode, steady] of Object.entries(modes))
      for (const size of [0, 1, 4095, MB, MB + 1, 3 * MB + 17]) {
        const content = randomBytes(size)
        const path = join(folder, `${mode}-${size}`)
        const file = await createSteady(path, steady)
        for (let at = 0; at < size; ) {
          const piece = content.subarray(at, at + 1 + ((at * 7919) % 300_000))
          await file.write(piece)
          at += piece.length
        }
        await file.close()
        assert.ok(readFileSync(path).equals(content), `${mode} ${size}`)
      }
})

test('many at once share one block and mix up nothing', async () => {
  const contents = Array.from({ length: 8 }, () => randomBytes(2 * MB + 5))
  await Promise.all(
    contents.map(async (content, i) => {
      const file = await createSteady(join(folders[0]!, `many-${i}`), () => true)
      for (let at = 0; at < content.length; at += 65_536) await file.write(content.subarray(at, at + 65_536))
      await file.close()
    }),
  )
  for (const [i, content] of contents.entries()) assert.ok(readFileSync(join(folders[0]!, `many-${i}`)).equals(content))
})

test('a file that is there is not written over', async () => {
  const path = join(folders[0]!, 'there')
  await (await createSteady(path, () => true)).close()
  await assert.rejects(
    createSteady(path, () => true),
    { code: 'EEXIST' },
  )
})

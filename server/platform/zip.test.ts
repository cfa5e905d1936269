import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { unzipSync } from 'fflate'
import yauzl from 'yauzl'
import { createZip } from './zip.ts'

const at = new Date('2026-06-01T02:03:04Z')
const hash = (name: string, bytes: Buffer) => createHash(name).update(bytes).digest('hex')

async function read(path: string) {
  const zip = await yauzl.openPromise(path, { lazyEntries: true })
  const found: Record<string, Buffer> = {}
  for await (const entry of zip.eachEntry()) {
    const pieces: Buffer[] = []
    for await (const piece of await zip.openReadStreamPromise(entry)) pieces.push(piece as Buffer)
    found[entry.fileName] = Buffer.concat(pieces)
    assert.equal(entry.getLastModDate().getDate(), 1)
  }
  return found
}

// As if four gigabytes were a few bytes: then everything stands in the wide fields.
for (const [what, most] of [
  ['a ZIP', undefined],
  ['a ZIP64', 40],
] as const)
  test(`${what} is read by others as it was written, and its digests are right`, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'huitong-zip-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'a.zip')
    const data = Buffer.concat([randomBytes(3_000_000), Buffer.alloc(3_000_000, '重复')])
    const zip = await createZip(path, at, most)
    async function* pieces() {
      // In turns, as whoever makes pieces may.
      const two = [Buffer.alloc(700_000), Buffer.alloc(700_000)]
      for (let i = 0, n = 0; i < data.length; i += 700_000, n++) {
        const buffer = two[n % 2]!
        yield buffer.subarray(0, data.copy(buffer, 0, i, i + 700_000))
      }
    }
    const facts = await zip.add('数据.csv', pieces())
    assert.deepEqual(facts, { bytes: data.length, sha256: hash('sha256', data), sm3: hash('sm3', data) })
    await zip.add('empty', [])
    await zip.add('short.txt', [Buffer.from('短')])
    const whole = await zip.end()
    const raw = readFileSync(path)
    assert.deepEqual(whole, { bytes: raw.length, sha256: hash('sha256', raw) })
    const expected = { '数据.csv': data, empty: Buffer.alloc(0), 'short.txt': Buffer.from('短') }
    assert.deepEqual(await read(path), expected)
    assert.deepEqual(Object.fromEntries(Object.entries(unzipSync(raw)).map(([name, bytes]) => [name, Buffer.from(bytes)])), expected)
    if (existsSync('/usr/bin/unzip')) execFileSync('/usr/bin/unzip', ['-tq', path])
  })

test('what fails while it is written fails the writing', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'huitong-zip-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const zip = await createZip(join(folder, 'a.zip'), at)
  async function* pieces() {
    yield Buffer.from('x')
    throw new Error('no more')
  }
  await assert.rejects(zip.add('a', pieces()), /no more/)
  await zip.close()
  // Nowhere to write to any more, while there is always another piece.
  function* endless() {
    for (;;) yield randomBytes(100_000)
  }
  const gone = await createZip(join(folder, 'b.zip'), at)
  await assert.rejects(
    gone.add(
      'b',
      (async function* () {
        yield randomBytes(100_000)
        await gone.close()
        yield* endless()
      })(),
    ),
    { code: 'EBADF' },
  )
})

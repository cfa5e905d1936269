import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { programs, root, runNode } from './child.ts'
import { say } from './database.ts'

const stamp = join(root, 'web/dist/.stamp')

/** Builds the pages when anything they are made from has changed since the last time. */
export async function buildWeb(): Promise<void> {
  const wanted = fingerprint()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  say('构建网页，约需半分钟……')
  const code = await runNode([programs.vite, 'build', '--logLevel', 'warn'])
  if (code !== 0) throw new Error('网页没有构建成功，原因见上。')
  compress()
  writeFileSync(stamp, wanted)
}

function fingerprint(): string {
  const files = globSync(['web/**/*', 'contract/**/*.ts', 'vite.config.ts', 'package-lock.json'], {
    cwd: root,
    exclude: ['web/dist/**', '**/*.test.ts', '**/*.test.tsx'],
    withFileTypes: true,
  })
  const hash = createHash('sha256')
  for (const path of files
    .filter(f => f.isFile())
    .map(f => join(f.parentPath, f.name))
    .sort()) {
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update('\0')
  }
  return hash.digest('hex')
}

/** Each script and style beside itself in Brotli and gzip, so that the server sends the small one without work. */
function compress(): void {
  for (const file of globSync('web/dist/**/*.{js,css,svg}', { cwd: root })) {
    const bytes = readFileSync(join(root, file))
    if (bytes.length < 1024) continue
    writeFileSync(join(root, `${file}.br`), brotliCompressSync(bytes))
    writeFileSync(join(root, `${file}.gz`), gzipSync(bytes, { level: 9 }))
  }
}

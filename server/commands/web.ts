import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

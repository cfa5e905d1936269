import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './child.ts'
import { say } from './database.ts'

/** Writes a generated file, or with --check says whether the one in the repository is up to date. */
export function generated(path: string, text: string, args: string[]): number {
  const file = join(root, path)
  if (args.includes('--check')) {
    const same = existsSync(file) && readFileSync(file, 'utf8') === text
    if (!same) say(`${path} 不是最新的，请重新生成。`)
    return same ? 0 : 1
  }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return 0
}

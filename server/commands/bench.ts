import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { root, runNode } from './child.ts'
import { say } from './database.ts'

export default async function ([name, ...args]: string[]): Promise<number> {
  const names = globSync('bench/*.ts', { cwd: root }).map(file => basename(file, '.ts'))
  if (name && names.includes(name)) return runNode([`bench/${name}.ts`, ...args])
  say(`用法：./huitong bench <名称>，可选：${names.join('、') || '（还没有）'}`)
  return 1
}

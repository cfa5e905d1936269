import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, runNode } from './child.ts'
import { say } from './database.ts'

/**
 * All measurements, or those whose names begin as given; anything else on the line goes to them. A file in `bench/` says what it
 * measures by `export const measures = ['…']`; it runs as a process of its own and is told which of them are wanted.
 */
export default async function (args: string[]): Promise<number> {
  const measures = globSync('bench/*.ts', { cwd: root })
    .sort()
    .flatMap(file => {
      const declared = /^export const measures = \[([^\]]*)\]/m.exec(readFileSync(join(root, file), 'utf8'))
      return [...(declared?.[1] ?? '').matchAll(/'([^']+)'/g)].map(m => ({ file, name: m[1]! }))
    })
  const names = args.filter(a => /^[a-z]/.test(a))
  const unknown = names.find(name => !measures.some(m => m.name.startsWith(name)))
  if (unknown) {
    say(`没有「${unknown}」。用法：./huitong bench [名称…]，可选：${measures.map(m => m.name).join('、')}`)
    return 1
  }
  const chosen = measures.filter(m => !names.length || names.some(name => m.name.startsWith(name)))
  let failed = false
  for (const file of new Set(chosen.map(m => m.file))) {
    say(`\n── ${file}`)
    const wanted = chosen.filter(m => m.file === file).map(m => m.name)
    if ((await runNode([file, ...wanted, ...args.filter(a => !names.includes(a))])) !== 0) failed = true
  }
  return failed ? 1 : 0
}

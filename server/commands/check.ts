import { globSync } from 'node:fs'
import { programs, root, runNode } from './child.ts'

/** Types, lint and house rules: the quick part of `npm test`. */
export default async function (): Promise<number> {
  const codes = [await runNode([programs.tsc, '--noEmit']), await runNode([programs.biome, 'check'])]
  const rules = globSync('test/house/*.test.ts', { cwd: root })
  if (rules.length) codes.push(await runNode(['--test', ...rules]))
  return codes.some(code => code !== 0) ? 1 : 0
}

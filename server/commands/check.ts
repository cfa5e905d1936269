import { programs, runNode } from './child.ts'

/** Types, lint and house rules: the quick part of `npm test`. */
export default async function (): Promise<number> {
  const codes = [
    await runNode([programs.tsc, '--noEmit']),
    await runNode([programs.biome, 'check']),
    await runNode(['--test', 'test/house.test.ts']),
  ]
  return codes.some(code => code !== 0) ? 1 : 0
}

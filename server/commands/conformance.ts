import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './child.ts'
import { generated } from './generated.ts'

type Row = { id: string; module: string; priority: 'must' | 'should' | 'could' }
export type Tagged = { file: string; title: string; ids: string[] }
const priorities = ['must', 'should', 'could'] as const
const result = 'regulations/conformance.json'

/**
 * Which requirement is proved by which tests: `[id]` at the start of a literal test title. `--strict` also fails for a `must` row without
 * a test; `--modules a,b` looks at these modules only; `--check` compares the result with the one in the repository.
 */
export default async function (args: string[]): Promise<number> {
  const rows = readFileSync(join(root, 'regulations/requirements.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Row)
  const known = new Set(rows.map(r => r.id))
  const tests = taggedTests()
  const unknown = tests.flatMap(t => t.ids.filter(id => !known.has(id)).map(id => `${t.file}: ${id}`))
  const proofs = new Map<string, Tagged[]>()
  for (const t of tests) for (const id of t.ids) proofs.set(id, [...(proofs.get(id) ?? []), t])
  const json = Object.fromEntries(
    rows.filter(r => proofs.has(r.id)).map(r => [r.id, proofs.get(r.id)!.map(({ file, title }) => ({ file, title }))]),
  )
  const written = generated(result, `${JSON.stringify(json, null, 1)}\n`, args)

  const only = args.find((_, i) => args[i - 1] === '--modules')?.split(',')
  const asked = rows.filter(r => !only || only.includes(r.module))
  const bare: string[] = []
  if (!args.includes('--check'))
    for (const module of new Set(asked.map(r => r.module))) {
      const own = asked.filter(r => r.module === module)
      console.log(`\n${module}  ${tally(own, proofs)}`)
      for (const r of own) {
        const by = proofs.get(r.id)
        if (!by && r.priority === 'must') bare.push(r.id)
        console.log(`  ${by ? '✔' : r.priority === 'must' ? '✘' : '·'} ${r.priority.padEnd(6)} ${r.id}`)
        for (const t of by ?? []) console.log(`           ${t.file}: ${t.title}`)
      }
    }
  if (unknown.length) console.log(`\n没有这些编号的要求 unknown ids:\n  ${unknown.join('\n  ')}`)
  const strict = args.includes('--strict') && bare.length > 0
  if (strict) console.log(`\n没有测试的 must 要求 must rows without a test: ${bare.length}`)
  console.log(tally(asked, proofs))
  return unknown.length || strict ? 1 : written
}

const tally = (rows: Row[], proofs: Map<string, unknown>): string =>
  priorities
    .map(p => {
      const own = rows.filter(r => r.priority === p)
      return `${p} ${own.filter(r => proofs.has(r.id)).length}/${own.length}`
    })
    .join(' ')

/** The tagged titles of these that are not among the tests that ran and passed. */
export const notRun = (passed: ReadonlySet<string>): Tagged[] => taggedTests().filter(t => !passed.has(`${t.file}: ${t.title}`))

/** A string literal that begins with ids in brackets: where a test is declared or in the table it is declared from. */
const literal = /(['"`])((?:\[[a-z]+(?:-[a-z0-9]+)+\]\s*)+[^\n]*?)\1\s*[,\])}]/g

/** Every test of the project whose title carries ids, as written; titles must be literal so that they can be read here. */
export function taggedTests(): Tagged[] {
  return globSync(['{contract,server,test,web,e2e}/**/*.test.ts'], { cwd: root, exclude: ['node_modules/**', 'data/**', 'web/dist/**'] })
    .sort()
    .flatMap(file =>
      [...readFileSync(join(root, file), 'utf8').matchAll(literal)].map(m => {
        const title = m[2]!.replaceAll("\\'", "'")
        return { file, title, ids: [...title.matchAll(/\[([a-z]+(?:-[a-z0-9]+)+)\]/g)].map(x => x[1]!) }
      }),
    )
    .filter(t => t.ids.length > 0 && !t.title.includes('${'))
}

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

const directory = resolve(import.meta.dirname, '../../../regulations')

type Row = {
  id: string
  article: string
  requirement: string
  kind: string
  actor: string
  module: string
  system_behaviour: string
  scenario: { negative?: string } | null
  priority: 'must' | 'should' | 'could'
}
type Proof = { file: string; title: string }

const regulationOf = (id: string): string => id.match(/^[a-z]+(?:-(?:manage|open|assess))?/)![0]

let read: { rows: Row[]; proofs: Record<string, Proof[]> } | undefined
function load() {
  if (read) return read
  const rows = readFileSync(`${directory}/requirements.jsonl`, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Row)
  const words = new Map(
    readFileSync(`${directory}/requirements.zh.jsonl`, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as { id: string; requirement: string; behaviour: string })
      .map(w => [w.id, w]),
  )
  for (const row of rows)
    Object.assign(row, { requirement: words.get(row.id)!.requirement, system_behaviour: words.get(row.id)!.behaviour })
  const proofs = JSON.parse(readFileSync(`${directory}/conformance.json`, 'utf8')) as Record<string, Proof[]>
  read = { rows, proofs }
  return read
}

/** The requirement list, in Chinese, with the tests that prove each row, as `./huitong conformance` found them. */
export function requirements() {
  const { rows, proofs } = load()
  const made = rows.map(r => ({
    id: r.id,
    regulation: regulationOf(r.id),
    article: r.article,
    kind: r.kind,
    module: r.module,
    priority: r.priority,
    actor: r.actor,
    text: r.requirement,
    behaviour: r.system_behaviour,
    refusals: [...(r.scenario?.negative ?? '').matchAll(/`([a-z-]+)`/g)].map(m => m[1]!),
    tests: proofs[r.id] ?? [],
  }))
  const count = (of: typeof made) => ({ total: of.length, proved: of.filter(r => r.tests.length > 0).length })
  return {
    rows: made,
    regulations: [...new Set(made.map(r => r.regulation))].map(key => ({
      key,
      title: made.find(r => r.regulation === key)!.article.replace(/第.*/, ''),
      ...count(made.filter(r => r.regulation === key)),
    })),
    totals: (['must', 'should', 'could'] as const).map(priority => ({ priority, ...count(made.filter(r => r.priority === priority)) })),
  }
}

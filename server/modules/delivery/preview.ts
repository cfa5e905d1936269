import type { Item } from '../../../contract/catalog.ts'
import type { GrantedItem } from '../../../contract/procedure.ts'
import type { Services } from '../../platform/context.ts'
import { hmacPads, leaving, project, projectCount } from './projection.ts'
import { outgoingOf, treatmentLabel } from './rules.ts'

/** The key of a recipient's pseudonyms: one for all that a department obtains, so that it can join its own data and nobody can join it with others'. */
export const pseudonymsOf = (secrets: Services['secrets'], departmentId: string) =>
  hmacPads(secrets.derive(`delivery.pseudonym ${departmentId}`))

type Source = { relation: string; columns: string[]; keys: string[] }

/** A few real rows as they are and as they would leave, through the projection that will serve them. The caller has judged who may look. */
export async function previewOf(
  { pool, secrets }: Pick<Services, 'pool' | 'secrets'>,
  mount: Source,
  entry: { title: string; items: Item[] },
  given: GrantedItem[],
  recipientId: string,
  most = 5,
) {
  const { items, limits } = outgoingOf(entry.title, entry.items, given)
  const there = items.filter(i => mount.columns.includes(i.key))
  const base = { relation: mount.relation, columns: mount.columns, keys: mount.keys, limits, limit: most }
  const shown = leaving(there)
  const rowsOf = async (p: Parameters<typeof project>[0]) => (await pool.query<Record<string, string | null>>(project(p))).rows
  const before = there.length ? await rowsOf({ ...base, items: there.map(i => ({ ...i, treatment: 'plain' as const })) }) : []
  const after = shown.length ? await rowsOf({ ...base, items: shown, pseudonyms: pseudonymsOf(secrets, recipientId) }) : []
  const count = there.length ? (await pool.query<{ count: number }>(projectCount({ ...base, items: there }))).rows[0]!.count : 0
  return {
    columns: there.map(i => ({ key: i.key, name: i.name, treatment: i.treatment, treatmentLabel: treatmentLabel(i) })),
    rows: before.map((row, n) => ({
      before: there.map(i => row[i.key] ?? null),
      after: there.map(i => (shown.includes(i) ? (after[n]?.[i.key] ?? null) : null)),
    })),
    count,
    missing: items.filter(i => !there.includes(i)).map(i => i.name),
  }
}

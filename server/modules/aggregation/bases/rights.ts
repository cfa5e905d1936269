import type { Database, Tx } from '../../../platform/db.ts'

/** Items of other departments' entries that a department may use as they are today. Told by the modules that give rights. */
type Rights = (db: Database | Tx, departmentId: string, entryIds: string[], day: string) => Promise<{ entryId: string; item: string }[]>
const known: Rights[] = []
export const registerRights = (find: Rights): void => void known.push(find)

export async function rightsOf(db: Database | Tx, departmentId: string, entryIds: string[], day: string): Promise<Set<string>> {
  const found = await Promise.all(known.map(find => find(db, departmentId, entryIds, day)))
  return new Set(found.flat().map(r => `${r.entryId} ${r.item}`))
}

import { sql } from 'kysely'
import type { EntryContent } from '../../../contract/catalog.ts'
import type { Fault } from '../../../contract/common.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { govern, regionName, regionOf } from '../regulation/public.ts'
import { plainName } from './likeness.ts'

type Upper = { code: string; title: string; department: string; region: string; items: string[]; state: string }

async function upperOf(db: Database | Tx, code: string): Promise<Upper | undefined> {
  const { rows } = await sql<Upper>`select e.code, e.title, e.department, e.region, e.state,
      array(select i ->> 'name' from jsonb_array_elements(e.content -> 'items') i) as items
    from catalog.entry_view e where e.code = ${code}`.execute(db)
  return rows[0]
}

const isBelow = (region: string, upper: string): boolean => {
  for (let at = regionOf(region)?.parent; at; at = regionOf(at)?.parent) if (at === upper) return true
  return false
}

/** What is wrong with the entry of a level above that an entry says it implements. */
export async function upperFaults(db: Database | Tx, region: string, day: string, content: EntryContent): Promise<Fault[]> {
  if (!content.upperCode) return []
  const upper = await upperOf(db, content.upperCode)
  const message = !upper
    ? `没有找到已发布的上级目录 ${content.upperCode}。`
    : upper.state !== 'published'
      ? `上级目录 ${upper.code}“${upper.title}”已经撤销。`
      : !isBelow(region, upper.region)
        ? `${upper.code}“${upper.title}”是${regionName(upper.region)}的目录，不是上级的。`
        : null
  if (!message) return []
  return [
    {
      pointer: '/upperCode',
      code: 'upper-invalid',
      message,
      remedy: '填上级已发布目录的代码；没有上级目录的留空。',
      cite: govern(region, 'catalog-fields', day).cite,
    },
  ]
}

/** The entry above that an entry implements, with the items it does not have yet; and those below that implement it. */
export async function links(db: Database, code: string, content: EntryContent) {
  const upper = content.upperCode ? await upperOf(db, content.upperCode) : undefined
  const own = new Set(content.items.map(i => plainName(i.name)))
  const { rows } = await sql<{ code: string; title: string; department: string; region: string }>`
    select e.code, e.title, e.department, e.region from catalog.entry_view e
    where e.content ? 'upperCode' and e.content ->> 'upperCode' = ${code} and e.state = 'published' order by e.region, e.code limit 500`.execute(
    db,
  )
  const named = <T extends { region: string }>(e: T) => ({ ...e, regionName: regionName(e.region) })
  return {
    upper: upper
      ? named({
          code: upper.code,
          title: upper.title,
          department: upper.department,
          region: upper.region,
          missing: upper.items.filter(name => !own.has(plainName(name))),
        })
      : null,
    lowers: rows.map(named),
  }
}

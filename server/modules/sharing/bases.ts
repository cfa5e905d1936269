import { regionPrefix } from '../../../contract/common.ts'
import type { StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { type Offer, offeredLabel } from '../aggregation/public.ts'
import { type PublishedEntry, publishedEntry, shareClassOf } from '../catalog/public.ts'
import { departmentById } from '../organization/public.ts'
import { govern, regionName } from '../regulation/public.ts'
import { statements } from './rules.ts'

const databases = (db: Database | Tx) =>
  db
    .selectFrom('aggregation.database_view as d')
    .select(['d.id', 'd.kind', 'd.title', 'd.theme', 'd.region', 'd.department_id', 'd.entry_id', 'd.offer'])

/** What the builder gives of this entry to every department of the region, if it holds a base that is open to them. */
export async function offerOf(db: Database | Tx, entry: Pick<PublishedEntry, 'id' | 'content'>, region: string) {
  const d = await databases(db).where('d.entry_id', '=', entry.id).where('d.offer', 'is not', null).executeTakeFirst()
  if (!d || !region.startsWith(regionPrefix(d.region!))) return undefined
  const offer = d.offer as unknown as Offer
  return { ...offer, items: givenOf(entry, offer), builder: (await departmentById(db, d.department_id!))?.name ?? '', title: d.title! }
}
/** Without what the entry has no longer, or no longer shares. */
const givenOf = (entry: Pick<PublishedEntry, 'content'>, offer: Offer) =>
  offer.items.filter(one => {
    const item = entry.content.items.find(i => i.key === one.key)
    return item && shareClassOf(entry.content, item) !== 'denied'
  })

export async function databaseById(db: Database | Tx, id: string) {
  return databases(db).where('d.id', '=', id).executeTakeFirst()
}

/** 基础数据库接口: which bases this department may call, for what, and under which grant it does. */
export async function baseInterfaces(ctx: StaffContext) {
  const all = await databases(ctx.db).where('d.kind', '=', 'base').where('d.entry_id', 'is not', null).orderBy('d.theme').execute()
  const rows = []
  for (const d of all.filter(d => ctx.actor.region.startsWith(regionPrefix(d.region!)))) {
    const entry = await publishedEntry(ctx.db, { id: d.entry_id! })
    if (entry?.state !== 'published') continue
    const offer = d.offer as unknown as Offer | null
    const items = offer ? givenOf(entry, offer) : []
    const mount = await ctx.db
      .selectFrom('aggregation.mount_view')
      .select(['rows', 'updated'])
      .where('entry_id', '=', entry.id)
      .executeTakeFirst()
    const grant = await ctx.db
      .selectFrom('delivery.grant_view')
      .select(['id', 'no'])
      .where('entry_id', '=', entry.id)
      .where('grantee_department_id', '=', ctx.actor.departmentId)
      .where('state', '=', 'active')
      .where(eb => eb.or([eb('valid_until', 'is', null), eb('valid_until', '>=', ctx.day as never)]))
      .orderBy('no', 'desc')
      .executeTakeFirst()
    rows.push({
      id: d.id!,
      title: d.title!,
      theme: d.theme!,
      regionName: regionName(d.region!),
      builder: (await departmentById(ctx.db, d.department_id!))?.name ?? '',
      own: d.department_id === ctx.actor.departmentId,
      entryId: entry.id,
      code: entry.code,
      rows: mount?.rows ?? 0,
      updated: mount?.updated ? new Date(mount.updated).toISOString() : null,
      open: items.length > 0,
      way: offer?.way ?? '',
      items: items.map(one => ({
        key: one.key,
        name: entry.content.items.find(i => i.key === one.key)!.name,
        treatment: one.treatment,
        treatmentLabel: offeredLabel(entry.content, one),
      })),
      others: entry.content.items
        .filter(i => shareClassOf(entry.content, i) !== 'denied' && !items.some(one => one.key === i.key))
        .map(i => i.name),
      needs: govern(entry.region, 'share-request', ctx.day).value.requires.map(name => ({ name, label: statements[name] })),
      cite: govern(d.region!, 'base-databases', ctx.day).cite,
      grant: grant ? { id: grant.id!, no: grant.no! } : null,
    })
  }
  return { rows }
}

import { sql } from 'kysely'
import type { NewOffer, Offered } from '../../../../contract/bases.ts'
import type { EntryContent, Item } from '../../../../contract/catalog.ts'
import type { Cite } from '../../../../contract/common.ts'
import { maskProfiles, profilesFor } from '../../../../contract/delivery.ts'
import { treatments } from '../../../../contract/procedure.ts'
import type { StaffContext } from '../../../platform/context.ts'
import { Faults, refuse } from '../../../platform/problem.ts'
import { record } from '../../audit/public.ts'
import { proposedTreatment, publishedEntry, shareClassOf } from '../../catalog/public.ts'
import { builderOf } from './declare.ts'
import type { Derived } from './queries.ts'

/** Without a decision on the item: what people are known by is masked, everything else and what names the record is only compared. */
export const offeredAs = (item: Pick<Item, 'semantic' | 'identifier'>): 'masked' | 'verify' =>
  !item.identifier && item.semantic !== 'id-number' && proposedTreatment(item) === 'masked' ? 'masked' : 'verify'

export const offeredLabel = (content: Pick<EntryContent, 'items'>, one: Pick<Offered, 'key' | 'treatment' | 'profile'>): string => {
  const item = content.items.find(i => i.key === one.key)
  const profile = one.profile ?? profilesFor({ semantic: item?.semantic })[0]
  return one.treatment === 'masked' && profile
    ? `脱敏（${maskProfiles[profile as keyof typeof maskProfiles]?.label ?? profile}）`
    : treatments[one.treatment]
}

/** What is wrong with an offer. As it is an item goes only by a decision that says why. */
export function offerFaults(content: EntryContent, offer: NewOffer, cite: Cite): Faults {
  const faults = new Faults()
  for (const [n, one] of offer.items.entries()) {
    const at = `/items/${n}`
    const item = content.items.find(i => i.key === one.key)
    if (!item) faults.add(at, 'field-not-registered', `目录里没有信息项 ${one.key}。`, { remedy: '请刷新页面后再选。' })
    else if (shareClassOf(content, item) === 'denied')
      faults.add(at, 'share-type-not-shareable', `「${item.name}」不予共享，不能开放接口。`, { cite })
    else if (one.treatment === 'plain' && shareClassOf(content, item) !== 'unconditional' && one.reason.length < 4)
      faults.add(at, 'reason-required', `「${item.name}」按原样提供，请写明理由（至少 4 个字）。`, {
        cite,
        remedy: '没有理由的，改为脱敏或仅核验。',
      })
    else if (one.profile && !profilesFor(item).some(p => p === one.profile))
      faults.add(at, 'field-invalid', `「${item.name}」没有叫 ${one.profile} 的脱敏方式。`, { remedy: '请从给出的脱敏方式里选。' })
  }
  if (offer.items.length && offer.way.length < 4) faults.add('/way', 'field-missing', '请写明提供方式和使用要求（至少 4 个字）。', { cite })
  return faults
}

/** Opens the interface of a base to every department of the region, changes what it gives, or closes it. Grants already given stay. */
export async function setOffer(ctx: StaffContext, d: Derived, offer: NewOffer): Promise<void> {
  const { rule } = await builderOf(ctx.db, d.region, ctx.day)
  const entry = d.kind === 'base' && d.entry_id ? await publishedEntry(ctx.db, { id: d.entry_id }) : undefined
  if (entry?.state !== 'published' || !d.refreshed)
    refuse('aggregation.offer', {
      status: 409,
      reason: 'not-mounted',
      detail: `“${d.title}”还没有归集出可以提供的数据。`,
      cite: rule.cite,
      remedy: '请先声明来源，归集以后再开放接口。',
    })
  offerFaults(entry.content, offer, rule.cite).throwIfAny('aggregation.offer')
  const open = offer.items.length > 0
  const kept = { ...offer, since: ctx.now.toISOString(), person: ctx.actor.name }
  await ctx.db.transaction().execute(async tx => {
    await sql`update aggregation.derived set offer = ${open ? JSON.stringify(kept) : null} where id = ${d.id}`.execute(tx)
    const names = offer.items.map(one => {
      const name = entry.content.items.find(i => i.key === one.key)!.name
      return `${name} ${offeredLabel(entry.content, one)}${one.reason ? `（${one.reason}）` : ''}`
    })
    await record(tx, ctx, {
      action: 'base.offer',
      subject: entry.code,
      content: open ? `对本地区各部门开放接口：${names.join('、')}` : '关闭对各部门开放的接口',
      cite: rule.cite,
      data: { database: d.title, items: offer.items.map(i => [i.key, i.treatment]) },
    })
  })
}

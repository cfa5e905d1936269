import type { EntryContent } from '../../../contract/catalog.ts'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { Problem } from '../../platform/problem.ts'
import type { CaseRecord } from '../procedure/public.ts'
import { govern, shareLabel } from '../regulation/public.ts'

/**
 * Where a class takes effect only when a designated body has confirmed it, a version with that class is not published before.
 * A version that leaves the confirmed class as it was needs no second confirmation.
 */
export async function requireConfirmed(tx: Tx, ctx: Context, c: CaseRecord, content: EntryContent): Promise<void> {
  const rule = govern(c.region, 'share-confirmation', ctx.day)
  const classes = (x: EntryContent) => new Set([x.shareClass, ...x.items.map(i => i.shareClass)])
  const wanted = [...classes(content)].filter(k => k && rule.value.required.includes(k))
  if (!wanted.length) return
  const before = await tx
    .selectFrom('catalog.version')
    .select('content')
    .where('entry_id', '=', c.subject_id)
    .where('state', '=', 'published')
    .executeTakeFirst()
  const known = before ? classes(before.content as unknown as EntryContent) : new Set()
  if (wanted.every(k => known.has(k))) return
  const confirmed = await tx
    .selectFrom('procedure.case_view')
    .select('no')
    .where('procedure', '=', 'share-confirmation')
    .where('subject_id', '=', c.subject_id)
    .where('outcome', '=', 'approved')
    .where('opened_at', '>=', c.opened_at)
    .executeTakeFirst()
  if (confirmed) return
  const label = wanted.map(k => shareLabel(c.region, k, ctx.day)).join('、')
  throw new Problem('catalog.unconfirmed', {
    status: 422,
    reason: 'confirmation-required',
    detail: `列为${label}还没有经${rule.roleLabels[rule.value.by] ?? '指定部门'}审核确认，暂不生效。`,
    cite: rule.cite,
    remedy: '请从这件办件提出“不予共享的审核确认”，确认后再发布。',
  })
}

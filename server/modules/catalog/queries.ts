import { sql } from 'kysely'
import type { EntryContent, EntryDetail } from '../../../contract/catalog.ts'
import { regionPrefix } from '../../../contract/common.ts'
import { dayOf } from '../../platform/clock.ts'
import type { Actor, StaffContext } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { govern, governProcedure, openLabel, regionName, shareLabel, timeText } from '../regulation/public.ts'
import { isReturned, workingVersion } from './commands.ts'
import { pathOf } from './public.ts'
import { freshness } from './rules.ts'
import { links } from './upper.ts'

/** Unpublished entries are seen by their own department and by the authority of their region. */
const visible = (a: Actor) =>
  sql<boolean>`(e.published is not null or e.department_id = ${a.departmentId} or (${a.roles.includes('bureau') || a.roles.includes('inspector')} and e.region like ${`${regionPrefix(a.region)}%`}))`

export type EntryHead = {
  id: string
  code: string
  region: string
  department_id: string
  department: string
  credit_code: string
  published: number | null
  registration: string | null
  withdrawn: boolean
  barred: string | null
}

export async function findEntry(db: Database, ctx: StaffContext, code: string): Promise<EntryHead> {
  const e = (
    await sql<EntryHead>`select e.*, d.name as department, d.credit_code from catalog.entry e join organization.department_view d on d.id = e.department_id where replace(e.code, '/', '-') = ${pathOf(code)} and ${visible(ctx.actor)}`.execute(
      db,
    )
  ).rows[0]
  if (e?.barred)
    refuse('catalog.barred', {
      status: 410,
      title: '不能查看',
      reason: 'state-secret-barred',
      detail: `${e.code} ${e.barred}`,
      remedy: '需要了解的，请联系当地主管部门。',
      cite: govern(e.region, 'secrecy', ctx.day).cite,
    })
  return e ?? notFound('catalog.entry', '目录')
}

/** One entry as its page shows it to this person; `version` asks for an older one. */
export async function entryDetail(ctx: StaffContext, e: EntryHead, version?: number): Promise<EntryDetail> {
  const { db, actor, day } = ctx
  const own = e.department_id === actor.departmentId
  const authority = actor.roles.includes('bureau') && e.region.startsWith(regionPrefix(actor.region))
  const working = own || authority ? await workingVersion(db, e.id) : undefined
  const shown = version ?? e.published ?? working?.version
  const v =
    (await db
      .selectFrom('catalog.version')
      .selectAll()
      .where('entry_id', '=', e.id)
      .where('version', '=', shown ?? 0)
      .executeTakeFirst()) ?? notFound('catalog.version', '目录版本')
  if (!['published', 'superseded'].includes(v.state) && !own && !authority) notFound('catalog.version', '目录版本')
  const content = v.content as unknown as EntryContent
  const returned = working ? await isReturned(db, working) : false
  const mount = await db.selectFrom('catalog.mount').selectAll().where('entry_id', '=', e.id).executeTakeFirst()
  const uses = await db.selectFrom('catalog.use').select(['kind']).where('entry_id', '=', e.id).where('active', '=', true).execute()
  const state = e.withdrawn
    ? 'withdrawn'
    : e.published
      ? 'published'
      : returned
        ? 'returned'
        : working?.state === 'in_review'
          ? 'in_review'
          : 'draft'
  const steward = actor.roles.includes('steward')
  const may: EntryDetail['may'] = []
  if (own && steward && !e.withdrawn) {
    if (!working || working.state === 'draft' || returned) may.push('edit')
    if (working?.state === 'draft') may.push('submit', 'discard')
    if (e.published) may.push('mount')
    if (e.published && content.openClass && content.openClass !== 'closed') may.push('propose-open')
  }
  if (authority && working?.state === 'in_review') may.push('review')
  const rule = governProcedure(e.region, 'sharing-application', day)
  let applyNote: string | null = null
  let applyCite = rule?.cite ?? null
  if (!own && steward && e.published) {
    if (content.shareClass === 'unconditional') {
      may.push('access')
      const direct = govern(e.region, 'share-direct', day)
      applyNote = direct.value.text
      applyCite = direct.cite
    } else if (content.shareClass === 'conditional' && rule) {
      may.push('apply')
      const first = rule.value.steps[rule.value.start]!
      applyNote = `由 ${first.by.roles.map(r => (r === 'provider' ? e.department : (rule.roleLabels[r] ?? r))).join('、')} 办理“${first.label}”，${timeText(first.within)}。`
    } else {
      const denied = govern(e.region, 'share-denied', day)
      applyNote = denied.value.text
      applyCite = denied.cite
    }
  }
  const fresh = freshness(content.updateCycle, mount?.updated ?? null, ctx.now)
  return {
    id: e.id,
    code: e.code,
    registration: e.registration,
    state,
    version: v.version,
    publishedVersion: e.published,
    etag: v.etag,
    department: e.department,
    departmentId: e.department_id,
    creditCode: e.credit_code,
    region: e.region,
    regionName: regionName(e.region),
    content,
    published: v.published ? dayOf(v.published) : null,
    shareLabel: shareLabel(e.region, content.shareClass, day),
    openLabel: openLabel(e.region, content.openClass, day),
    acquisitionLabel: govern(e.region, 'catalog-origin', day).value.values[content.acquisition ?? ''] ?? null,
    draft:
      working && e.published && working.version !== v.version
        ? { version: working.version, state: returned ? '退回补正' : working.state === 'draft' ? '变更草稿' : '变更待审核' }
        : null,
    caseNo: working?.case_no ?? null,
    mount: { mounted: !!mount, rows: Number(mount?.rows ?? 0), updated: mount?.updated.toISOString() ?? null, fresh: fresh?.words ?? null },
    grants: uses.filter(u => u.kind === 'grant').length,
    opened: uses.some(u => u.kind === 'open'),
    may,
    applyNote,
    applyCite,
    clock: null,
    ...(await links(db, e.code, content)),
  }
}

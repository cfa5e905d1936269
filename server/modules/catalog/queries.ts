import { sql } from 'kysely'
import {
  type EntryContent,
  type EntryDetail,
  entryStates,
  type OpenClass,
  type ShareClass,
  updateCycles,
} from '../../../contract/catalog.ts'
import { regionPrefix } from '../../../contract/common.ts'
import type { Actor, StaffContext } from '../../platform/context.ts'
import type { Database } from '../../platform/db.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { govern, governProcedure, openLabel, regionName, shareLabel, timeText } from '../regulation/public.ts'
import { isReturned, workingVersion } from './commands.ts'
import { pathOf } from './public.ts'
import { freshness } from './rules.ts'
import { segment } from './segment.ts'

export type SearchQuery = {
  q?: string
  region?: string
  department?: string
  share?: string
  open?: string
  state?: string
  mounted?: boolean
  scope: 'mine' | 'region' | 'all'
  after?: string
  limit: number
}

/** Unpublished entries are seen by their own department and by the authority of their region. */
const visible = (a: Actor) =>
  sql<boolean>`(e.published is not null or e.department_id = ${a.departmentId} or (${a.roles.includes('bureau') || a.roles.includes('inspector')} and e.region like ${`${regionPrefix(a.region)}%`}))`

export async function searchEntries(db: Database, actor: Actor, f: SearchQuery, day: string) {
  const words = f.q ? segment(f.q) : []
  const query = words.map(w => `'${w.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`).join(' & ')
  const base = sql`
    from catalog.entry e
    join catalog.search s on s.entry_id = e.id
    join organization.department_view d on d.id = e.department_id
    join lateral (select * from catalog.version v where v.entry_id = e.id order by (v.version = e.published) desc nulls last, v.version desc limit 1) v on true
    left join catalog.version w on w.entry_id = e.id and w.state in ('draft', 'in_review') and e.published is not null
    left join catalog.mount m on m.entry_id = e.id
    where ${visible(actor)} and not e.withdrawn
      and (${f.scope !== 'mine'} or e.department_id = ${actor.departmentId})
      and (${f.scope !== 'region'} or e.region like ${`${regionPrefix(actor.region)}%`})
      and (${words.length === 0} or s.tokens @@ ${query}::tsquery or s.title ilike ${`%${(f.q ?? '').replace(/[\\%_]/g, c => `\\${c}`)}%`})`
  const state = sql`case when e.withdrawn then 'withdrawn' when e.published is not null then 'published' else v.state end`
  const filters = sql`
      and (${f.region ?? null}::text is null or e.region = ${f.region ?? null})
      and (${f.department ?? null}::uuid is null or e.department_id = ${f.department ?? null}::uuid)
      and (${f.share ?? null}::text is null or v.content ->> 'shareClass' = ${f.share ?? null})
      and (${f.open ?? null}::text is null or v.content ->> 'openClass' = ${f.open ?? null})
      and (${f.state ?? null}::text is null or ${state} = ${f.state ?? null})
      and (${f.mounted === undefined} or (m.entry_id is not null) = ${f.mounted ?? false})`
  const offset = Number(f.after) || 0
  const { rows } =
    await sql<any>`select e.id, e.code, e.region, e.department_id, d.name as department, ${state} as state, coalesce(e.published, v.version) as version, v.content, w.state as changing, m.rows, m.updated,
      ts_rank(s.tokens, ${query}::tsquery) + case when ${f.q ?? ''} <> '' and s.title ilike ${`%${f.q ?? ''}%`} then 1 else 0 end as rank
    ${base} ${filters} order by rank desc, e.id desc limit ${f.limit + 1} offset ${offset}`.execute(db)
  const { rows: counts } = await sql<any>`select count(*)::int as total ${base} ${filters}`.execute(db)
  const { rows: facets } = await sql<any>`
    with found as materialized (select e.region, e.department_id, d.name as department, v.content ->> 'shareClass' as share, v.content ->> 'openClass' as open, ${state} as state ${base})
    select 'region' as key, region as value, region as label, count(*)::int as count from found group by region
    union all select 'department', department_id::text, department, count(*)::int from found group by department_id, department
    union all select 'share', share, share, count(*)::int from found where share is not null group by share
    union all select 'open', open, open, count(*)::int from found where open is not null group by open
    union all select 'state', state, state, count(*)::int from found group by state`.execute(db)
  const total = counts[0].total as number
  const hitsOf = (content: EntryContent) =>
    words.length
      ? content.items
          .map(i => i.name)
          .filter(n => words.some(w => n.toLowerCase().includes(w)))
          .slice(0, 8)
      : []
  return {
    rows: rows.slice(0, f.limit).map(r => {
      const c = r.content as EntryContent
      return {
        id: r.id,
        code: r.code,
        title: c.title || '（未命名）',
        department: r.department,
        departmentId: r.department_id,
        region: r.region,
        regionName: regionName(r.region),
        state: r.state,
        version: r.version,
        changing: r.changing ? (r.changing === 'draft' ? '变更草稿' : '变更待审核') : null,
        shareClass: c.shareClass ?? null,
        shareLabel: shareLabel(r.region, c.shareClass, day),
        openClass: c.openClass ?? null,
        openLabel: openLabel(r.region, c.openClass, day),
        updateCycle: c.updateCycle ? updateCycles[c.updateCycle] : '',
        mounted: r.rows !== null,
        rows: Number(r.rows ?? 0),
        updated: r.updated?.toISOString() ?? null,
        items: c.items.length,
        hits: hitsOf(c),
        snippet: c.abstract.slice(0, 120) || null,
      }
    }),
    next: rows.length > f.limit ? String(offset + f.limit) : null,
    total,
    facets: facetViews(facets, day, actor.region),
  }
}

const facetNames: Record<string, string> = { region: '地区', department: '部门', share: '共享类型', open: '开放类型', state: '状态' }
function facetViews(rows: { key: string; value: string; label: string; count: number }[], day: string, region: string) {
  const label = (key: string, value: string, given: string) =>
    key === 'region'
      ? regionName(value)
      : key === 'share'
        ? shareLabel(region, value as ShareClass, day)
        : key === 'open'
          ? openLabel(region, value as OpenClass, day)
          : key === 'state'
            ? (entryStates[value as keyof typeof entryStates] ?? value)
            : given
  return Object.entries(facetNames).map(([key, name]) => ({
    key,
    label: name,
    values: rows
      .filter(r => r.key === key)
      .map(r => ({ value: r.value, label: label(key, r.value, r.label), count: r.count }))
      .sort((a, b) => b.count - a.count),
  }))
}

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
    published: v.published ? v.published.toISOString().slice(0, 10) : null,
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
  }
}

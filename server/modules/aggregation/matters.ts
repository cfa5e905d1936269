/** What procedures ask of aggregated data: assets of a project, a draft entry for a new system, a corrected record. */

import { sql } from 'kysely'
import type { Tx } from '../../platform/db.ts'
import { refuse } from '../../platform/problem.ts'
import { entryForFilling } from '../catalog/public.ts'
import { type CaseRecord, registerEffect, registerHooks } from '../procedure/public.ts'
import { noteCorrection, registerPool } from '../quality/public.ts'
import { mountOf } from './queries.ts'

// Rules of quality look at the rows of an entry; where they are is known here.
registerPool(mountOf)

const stated = (c: CaseRecord) => ({ ...c.form, ...c.said }) as Record<string, unknown>

registerHooks('project', {
  // The project is known by its name everywhere the case is listed.
  begin: async (_tx, _ctx, { subject, form }) => {
    subject.title = String((form as { projectName?: string }).projectName ?? '').slice(0, 100)
  },
})

registerEffect('check-assets', async (tx, _, c) => {
  const assets = ((stated(c).assets ?? []) as string[]).map(a => a.trim()).filter(Boolean)
  const { rows } = await sql<{ title: string; code: string; filled: boolean }>`
    select e.title, e.code, coalesce(m.rows > 0, false) as filled from catalog.entry_view e left join aggregation.mount m on m.entry_id = e.id
    where e.department_id = ${c.parties.applicant?.departmentId ?? null} and e.state = 'published'`.execute(tx)
  const missing = assets.flatMap(name => {
    const entry = rows.find(r => r.code === name) ?? rows.find(r => same(r.title, name))
    return entry?.filled ? [] : [{ name, why: entry ? '已登记，还没有汇聚数据' : '还没有登记目录' }]
  })
  if (missing.length)
    refuse('aggregation.assets_not_aggregated', {
      reason: 'assets-not-aggregated',
      detail: `申报的 ${assets.length} 项数据资产中，${missing.length} 项没有完成：${missing.map(m => `${m.name}（${m.why}）`).join('；')}。不予通过验收。`,
      cite: c.ruling.cite,
      remedy: '登记目录并把数据汇聚入库后，再申请验收。',
      errors: missing.map(m => ({
        pointer: '/form/assets',
        code: 'assets-not-aggregated',
        message: `${m.name}：${m.why}`,
        cite: c.ruling.cite,
      })),
    })
  return undefined
})
const same = (a: string, b: string) => a.replace(/\s/g, '').toLowerCase() === b.replace(/\s/g, '').toLowerCase()

registerEffect('link-draft', async (tx, _, c) => {
  const { system, draftCatalog } = stated(c) as { system?: string; draftCatalog?: string }
  const owner = c.parties.applicant?.departmentId
  const entry = draftCatalog ? await entryForFilling(tx, draftCatalog) : undefined
  const named = await tx
    .selectFrom('organization.system_view')
    .select('name')
    .where('id', '=', system ?? null)
    .where('department_id', '=', owner ?? null)
    .executeTakeFirst()
  if (!entry || entry.departmentId !== owner || !named)
    refuse('aggregation.catalog_draft_missing', {
      reason: 'catalog-draft-missing',
      detail: named ? '所选的目录不是本部门的，不能作为这个系统的目录规划。' : '立项的信息系统没有登记在本部门名下。',
      cite: c.ruling.cite,
      remedy: named ? '为这个系统新建目录草稿，再选它。' : '先登记信息系统。',
      errors: [
        {
          pointer: named ? '/form/draftCatalog' : '/form/system',
          code: 'catalog-draft-missing',
          message: '请重新选择。',
          cite: c.ruling.cite,
        },
      ],
    })
  return { label: `${named.name} 的目录 ${entry.code}`, href: `/workbench/catalog/${entry.code.replace('/', '-')}` }
})

/** The record as it stands in the pool, and since when. Composite keys may be written with a plus sign, as pages show them. */
async function rowOf(tx: Tx, entryId: string, record: string): Promise<{ updated: Date; batch: string } | undefined> {
  const mount = await mountOf(tx, entryId)
  if (!mount) return undefined
  const key = record.split(/\s*\+\s*/).join('\u001f')
  const { rows } = await sql<{ updated: Date; batch: string }>`
    select _updated as updated, _batch as batch from ${sql.table(mount.relation)} where _key in (${record}, ${key}, ${record.toUpperCase()}) limit 1`.execute(
    tx,
  )
  return rows[0]
}

/** A confirmed error is closed by corrected data only: the record has come anew since the report, or, when no key names it, the entry has changed. */
registerEffect('post-correction', async (tx, ctx, c) => {
  const { rows: entries } = await sql<{ id: string }>`select id from catalog.entry_view where code = ${c.subject_code}`.execute(tx)
  const entryId = entries[0]!.id
  const row = await rowOf(tx, entryId, String(stated(c).record ?? '').trim())
  const { rows } = await sql<{ no: string; id: string }>`
    select no, id from aggregation.batch where entry_id = ${entryId} and state = 'done' and accepted > 0
      and ${row ? sql`id = ${row.batch} and ${row.updated}::timestamptz > ${c.opened_at}` : sql`finished > ${c.opened_at}`} order by finished desc limit 1`.execute(
    tx,
  )
  const batch = rows[0]
  if (!batch)
    refuse('quality.correction_missing', {
      reason: 'correction-missing',
      detail: row ? '这条记录在提出疑义之后没有更正过，不能办结。' : '提出疑义之后还没有更正的数据入库，不能办结。',
      cite: c.ruling.cite,
      remedy: '把更正后的数据入库，形成新版本，再办结。',
    })
  await noteCorrection(tx, ctx, c, batch.no)
  return { label: `更正批次 ${batch.no}`, href: `/workbench/batches/${batch.id}` }
})

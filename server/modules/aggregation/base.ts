import { sql } from 'kysely'
import type { StaffContext } from '../../platform/context.ts'
import { newId } from '../../platform/id.ts'
import { refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { departmentFor } from '../organization/public.ts'
import { govern, regionName, regionOf } from '../regulation/public.ts'

/** Who builds base databases for a region. Nobody registered: it is known by name only. */
async function builderOf(ctx: StaffContext) {
  const rule = govern(ctx.actor.region, 'base-databases', ctx.day)
  const label = rule.roleLabels[rule.value.by] ?? '数据主管部门'
  const body = await departmentFor(ctx.db, rule.adopter || ctx.actor.region, rule.value.by, label).catch(() => null)
  return { rule, label, body }
}

type Row = { id: string; theme: string; title: string; region: string; department: string }
/** Those of the region and of the regions above it: the ones its departments are served by. */
export async function baseDatabasesOf(ctx: StaffContext) {
  const { rule, label, body } = await builderOf(ctx)
  const codes: string[] = []
  for (let at = regionOf(ctx.actor.region); at; at = at.parent ? regionOf(at.parent) : undefined) codes.push(at.code)
  const { rows } = await sql<Row>`select b.id, b.theme, b.title, b.region, d.name as department from aggregation.base_database b
    join organization.department_view d on d.id = b.department_id where b.region = any(${codes}) order by b.theme`.execute(ctx.db)
  const where = body?.region ?? rule.adopter
  const missing = rule.value.themes.filter(theme => !rows.some(r => r.theme === theme))
  return {
    cite: rule.cite,
    builder: body?.name ?? label,
    mine: body?.id === ctx.actor.departmentId,
    rows: [
      ...rows.map(r => ({ ...r, regionName: regionName(r.region) })),
      ...missing.map(theme => ({ id: null, theme, title: theme, region: where, regionName: regionName(where), department: null })),
    ],
  }
}

export async function createBaseDatabase(ctx: StaffContext, o: { theme: string; title: string }) {
  const { rule, label, body } = await builderOf(ctx)
  if (body?.id !== ctx.actor.departmentId)
    refuse('aggregation.base_database_owner', {
      status: 403,
      reason: 'base-database-owner',
      detail: `基础数据库“${o.theme}”由${body?.name ?? label}建设，本部门不能另建（${rule.cite.title} ${rule.cite.article}）。`,
      cite: rule.cite,
      remedy: `请使用${regionName(body?.region ?? rule.adopter)}的基础数据库服务；需要新的主题，向${body?.name ?? label}提出。`,
    })
  const row = { id: newId(), theme: o.theme, title: o.title || o.theme, region: ctx.actor.region }
  await ctx.db.transaction().execute(async tx => {
    const { rows } = await sql<{ id: string }>`insert into aggregation.base_database (id, region, theme, title, department_id, created)
      values (${row.id}, ${row.region}, ${row.theme}, ${row.title}, ${ctx.actor.departmentId}, ${ctx.now}) on conflict do nothing returning id`.execute(
      tx,
    )
    if (!rows.length) refuse('aggregation.base_database_exists', { status: 409, detail: `已有“${o.theme}”基础数据库。` })
    await record(tx, ctx, { action: 'base.create', subject: row.title, cite: rule.cite })
  })
  return { ...row, regionName: regionName(row.region), department: ctx.actor.department }
}

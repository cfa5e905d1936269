import { sql } from 'kysely'
import type { z } from 'zod'
import type { Fault } from '../../../contract/common.ts'
import type { Material } from '../../../contract/sharing.ts'
import type { StaffContext } from '../../platform/context.ts'
import { newId } from '../../platform/id.ts'
import { notFound, Problem } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { govern, regionOf } from '../regulation/public.ts'
import { obtainable } from './rules.ts'

type Given = z.infer<typeof Material>
type Stored = { id: string; name: string; state: 'draft' | 'published'; materials: Given[]; department: string }

/** Entries a region may draw on: its own and those of the places above it. */
async function reachable(ctx: StaffContext): Promise<{ code: string; title: string; provider: string }[]> {
  const regions: string[] = []
  for (let at = regionOf(ctx.actor.region); at; at = at.parent ? regionOf(at.parent) : undefined) regions.push(at.code)
  const { rows } = await sql<{
    code: string
    title: string
    provider: string
  }>`select code, title, department as provider from catalog.entry_view
    where state = 'published' and region = any(${regions}) and content ->> 'shareClass' <> 'denied' and department_id <> ${ctx.actor.departmentId}
    order by title`.execute(ctx.db)
  return rows
}

/** The matter as the page shows it: what the platform has, and what may therefore not be asked for. */
async function view(ctx: StaffContext, m: Stored) {
  const rule = govern(ctx.actor.region, 'share-matters', ctx.day)
  const entries = await reachable(ctx)
  const materials = m.materials.map(x => ({ ...x, available: obtainable(x.name, entries) ?? null }))
  const faults: Fault[] = materials.flatMap((x, i) => {
    if (x.source === 'platform' || !x.available || (rule.value.exception && x.basis)) return []
    return [
      {
        pointer: `/materials/${i}`,
        code: 'duplicate-material',
        message: `“${x.name}”可以从平台的“${x.available.title}”（${x.available.provider}）获得，不能再要求办事人提供。`,
        cite: rule.cite,
        remedy: `改为由平台提供${rule.value.exception ? '；法律法规另有规定的，写明依据' : ''}。`,
      },
    ]
  })
  return { ...m, materials, faults }
}

const find = async (ctx: StaffContext, id?: string): Promise<Stored[]> =>
  (
    await sql<Stored>`select m.id, m.name, m.state, m.materials, d.name as department from sharing.matter m
      join organization.department_view d on d.id = m.department_id
      where m.department_id = ${ctx.actor.departmentId} ${id ? sql`and m.id = ${id}` : sql``} order by m.name`.execute(ctx.db)
  ).rows

export const listMatters = async (ctx: StaffContext) => Promise.all((await find(ctx)).map(m => view(ctx, m)))

/** A saved matter is a draft again: what it asks for has changed. */
export async function saveMatter(ctx: StaffContext, body: { name: string; materials: Given[] }) {
  const row = { materials: JSON.stringify(body.materials), state: 'draft' as const, changed: ctx.now }
  const { id } = await ctx.db.transaction().execute(async tx => {
    const made = await tx
      .insertInto('sharing.matter')
      .values({ id: newId(), region: ctx.actor.region, department_id: ctx.actor.departmentId, name: body.name, ...row })
      .onConflict(c => c.columns(['department_id', 'name']).doUpdateSet(row))
      .returning('id')
      .executeTakeFirstOrThrow()
    await record(tx, ctx, { action: 'sharing.matter', subject: body.name, content: body.materials.map(m => m.name).join('、') })
    return made
  })
  return view(ctx, (await find(ctx, id))[0]!)
}

export async function publishMatter(ctx: StaffContext, id: string) {
  const m = await view(ctx, (await find(ctx, id))[0] ?? notFound('sharing.matter', '事项'))
  const rule = govern(ctx.actor.region, 'share-matters', ctx.day)
  if (m.faults.length && rule.value.required)
    throw new Problem('sharing.duplicate_material', {
      status: 422,
      reason: 'duplicate-material',
      detail: m.faults.map(f => f.message).join(''),
      cite: rule.cite,
      errors: m.faults,
    })
  await ctx.db.transaction().execute(async tx => {
    await tx.updateTable('sharing.matter').set({ state: 'published', changed: ctx.now }).where('id', '=', id).execute()
    await record(tx, ctx, { action: 'sharing.matter', subject: m.name, content: '发布', cite: rule.cite })
  })
  return { ...m, state: 'published' as const }
}

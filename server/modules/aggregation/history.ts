import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import type { Reply } from '../../../contract/endpoint.ts'
import { type RecordVersion, recordHistory } from '../../../contract/history.ts'
import type { StaffContext } from '../../platform/context.ts'
import { route } from '../../platform/http.ts'
import { notFound } from '../../platform/problem.ts'
import { keyCommitment, recordRead } from '../audit/public.ts'
import { publishedEntry } from '../catalog/public.ts'
import { recordKeys } from '../quality/public.ts'
import { maySee, mountOf } from './queries.ts'
import { tableName } from './rules.ts'

const MOST = 200
type Stored = { _batch: string; _updated: Date; _replaced_by: string | null; _replaced: Date | null } & Record<string, unknown>

export function registerHistory(app: FastifyInstance): void {
  route(app, recordHistory, ({ params, body, ctx }) => historyOf(ctx, params.id, body.key, body.day))
}

/** What a record said and when, from the pool and the table of what was replaced there. */
export async function historyOf(ctx: StaffContext, entryId: string, key: string, day = ctx.day): Promise<Reply<typeof recordHistory>> {
  const entry = await publishedEntry(ctx.db, { id: entryId })
  if (!entry || !(await maySee(ctx.db, ctx.actor, entry.department_id))) notFound('aggregation.entry', '目录')
  const mount = (await mountOf(ctx.db, entryId)) ?? notFound('aggregation.record', '记录')
  const items = entry.content.items.filter(i => i.name && mount.columns.includes(i.key))
  const columns = sql.join(items.map(i => sql`${sql.ref(i.key)}::text as ${sql.ref(i.key)}`))
  const history = `pool.h_${tableName(entryId)}`
  const { rows: kept } = await sql<{ there: boolean }>`select to_regclass(${history}) is not null as there`.execute(ctx.db)
  const keys = recordKeys([key])
  const replaced = kept[0]!.there
    ? sql`union all (select _batch, _updated, _replaced_by, _replaced, ${columns} from ${sql.table(history)} where _key = any(${keys}::text[]) order by _replaced desc limit ${MOST + 1})`
    : sql``
  const { rows } = await sql<Stored>`
    select _batch, _updated, null::uuid as _replaced_by, null::timestamptz as _replaced, ${columns} from ${sql.table(mount.relation)} where _key = any(${keys}::text[])
    ${replaced} order by _updated desc, _replaced desc nulls first limit ${MOST + 1}`.execute(ctx.db)
  if (!rows.length) notFound('aggregation.record', '记录')
  await recordRead(ctx, {
    action: 'record.history',
    subject: entry.code,
    content: `一条记录的历史（${day}）`,
    key: keyCommitment(ctx.secrets, keys.at(-1)!),
    data: { versions: rows.length },
  })

  const origins = await originsOf(ctx, [...new Set(rows.flatMap(r => [r._batch, r._replaced_by ?? []].flat()))])
  const said = (r: Stored, i: { key: string }) => (r[i.key] as string | null) ?? null
  const versions: RecordVersion[] = rows.map((r, n) => {
    const before = rows[n + 1]
    // Replaced in the very moment the next came in: one life. Else the record was away for a while.
    const goesOn = before?._replaced?.getTime() === r._updated.getTime()
    const next = rows[n - 1]
    const gone = r._replaced && next?._updated.getTime() !== r._replaced.getTime() ? origins(r._replaced_by!) : null
    return {
      from: r._updated.toISOString(),
      until: r._replaced?.toISOString() ?? null,
      values: Object.fromEntries(items.map(i => [i.key, said(r, i)])),
      changed: goesOn ? items.filter(i => said(r, i) !== said(before!, i)).map(i => i.key) : [],
      first: !goesOn,
      ...origins(r._batch),
      removed: gone,
    }
  })
  const end = new Date(`${day}T00:00:00+08:00`).getTime() + 86_400_000
  const at = rows.findIndex(r => r._updated.getTime() < end && (!r._replaced || r._replaced.getTime() >= end))
  return {
    code: entry.code,
    title: entry.title,
    keyName: mount.keys.map(k => items.find(i => i.key === k)?.name ?? k).join(' + '),
    items: items.map(i => ({ key: i.key, name: i.name })),
    day,
    at: at === -1 ? null : at,
    versions: versions.slice(0, MOST),
    more: rows.length > MOST,
  }
}

/** Who stands behind a change: a batch, a refresh of a base database, or the case that approved a removal. */
async function originsOf(ctx: StaffContext, ids: string[]) {
  const { rows: batches } = await sql<{ id: string; no: string; by: string }>`
    select b.id, b.no, coalesce(b.actor->>'department', '') || ' ' || coalesce(b.actor->>'name', '') as by from aggregation.batch b where b.id = any(${ids}::uuid[])`.execute(
    ctx.db,
  )
  const { rows: cases } = await sql<{
    id: string
    no: string
  }>`select id, no from procedure.case_view where id = any(${ids}::uuid[])`.execute(ctx.db)
  return (id: string) => {
    const batch = batches.find(b => b.id === id)
    if (batch) return { by: batch.by.trim(), batch: { id, no: batch.no } }
    const approved = cases.find(c => c.id === id)
    return { by: approved ? `经办件 ${approved.no} 批准` : '由其他目录汇成', batch: null }
  }
}

import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import type { z } from 'zod'
import type { Mapping } from '../../../contract/aggregation.ts'
import { EntryContent, entryStates } from '../../../contract/catalog.ts'
import { type Connection, placeOf, type SourceKind } from '../../../contract/connections.ts'
import * as contract from '../../../contract/proposals.ts'
import type { StaffContext } from '../../platform/context.ts'
import { route } from '../../platform/http.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { record, recordRead } from '../audit/public.ts'
import { beginEntry, entryForFilling } from '../catalog/public.ts'
import { createSource, entryToFill, itemsOf, parted, queueBatch, saveMapping, sealed } from './commands.ts'
import { unreachable } from './connectors/diagnosis.ts'
import { tableConnector } from './connectors/index.ts'
import { type Database, SourceDown } from './connectors/types.ts'
import { propose } from './propose.ts'
import { targetOf } from './run.ts'

type Target = z.infer<typeof contract.DatabaseConnection>
const at = (c: Target, t: { schema: string; table: string }): Target =>
  c.kind === 'postgres' ? { ...c, schema: t.schema || c.schema, table: t.table } : { ...c, table: t.table }

/** Looks at the tables and says what entries they would make. One that cannot be read does not keep the others back. */
async function proposals(ctx: StaffContext, c: Target, wanted: { schema: string; table: string }[]): Promise<contract.Proposal[]> {
  const connector = tableConnector(c.kind)!
  await recordRead(ctx, {
    action: 'batch.preview',
    subject: placeOf(at(c, { schema: '', table: '' })),
    content: wanted.map(t => t.table).join('、'),
    data: { tables: wanted.length },
  })
  const { tables } = await connector.tables(c as Database).catch(unreachable)
  const list: contract.Proposal[] = []
  for (const t of wanted) {
    const known = tables.find(x => x.table === t.table && (!t.schema || x.schema === t.schema))
    const table = known ?? { ...t, rows: null, comment: '' }
    try {
      list.push(propose(table, await connector.look(at(c, table) as Database), connector.label))
    } catch (error) {
      if (!(error instanceof SourceDown)) throw error
      list.push({ ...t, rows: null, content: EntryContent.parse({ title: t.table }), columns: [], trouble: error.diagnosis.text })
    }
  }
  return list
}

type Prepared = {
  entry_id: string
  department_id: string
  title: string
  kind: SourceKind
  connection: Connection
  secret: string
  secret_names: string[]
  system_id: string | null
  mapping: Mapping
}
const preparedOf = async (ctx: StaffContext): Promise<Prepared[]> =>
  (
    await sql<Prepared>`select * from aggregation.prepared p where department_id = ${ctx.actor.departmentId}
      and not exists (select from aggregation.source s where s.entry_id = p.entry_id) order by created, entry_id limit 500`.execute(ctx.db)
  ).rows

async function view(ctx: StaffContext, p: Prepared): Promise<z.infer<typeof contract.PreparedEntry> | null> {
  const entry = await entryForFilling(ctx.db, p.entry_id)
  if (!entry || entry.state === 'withdrawn') return null
  const state = entry.state === 'published' ? 'published' : 'draft'
  return {
    entryId: p.entry_id,
    code: entry.code,
    title: entry.title || p.title,
    state,
    stateLabel: state === 'published' ? entryStates.published : '尚未发布',
    place: placeOf(p.connection),
    ready: state === 'published',
  }
}
const views = async (ctx: StaffContext, list: Prepared[]) => (await Promise.all(list.map(p => view(ctx, p)))).filter(v => v !== null)

async function confirm(
  ctx: StaffContext,
  o: { connection: Target; systemId?: string; entries: { schema: string; table: string; content: EntryContent; mapping: Mapping }[] },
): Promise<string[]> {
  return ctx.db.transaction().execute(async tx => {
    const made: string[] = []
    for (const e of o.entries) {
      const code = await beginEntry(tx, ctx, e.content)
      const { id } = (await entryForFilling(tx, code))!
      const connection = at(o.connection, e)
      const { open, secrets } = parted(connection)
      const { secret, names } = sealed(ctx, secrets)
      await sql`insert into aggregation.prepared (entry_id, department_id, title, kind, connection, secret, secret_names, system_id, mapping, created, created_by)
        values (${id}, ${ctx.actor.departmentId}, ${e.content.title}, ${connection.kind}, ${JSON.stringify(open)}, ${secret}, ${names}, ${o.systemId ?? null},
          ${JSON.stringify(e.mapping)}, ${ctx.now}, ${ctx.actor.name})`.execute(tx)
      await record(tx, ctx, { action: 'source.prepare', subject: code, data: { kind: connection.kind, place: placeOf(connection) } })
      made.push(id)
    }
    return made
  })
}

/** The source as it was prepared, for the entry as it was published: items that went away in between are no longer filled. */
async function start(ctx: StaffContext, entryId: string): Promise<{ sourceId: string; batchId: string }> {
  const p = (await preparedOf(ctx)).find(x => x.entry_id === entryId) ?? notFound('aggregation.prepared', '备好的数据源')
  const entry = await entryToFill(ctx, entryId)
  const items = itemsOf(entry)
  const there = new Set(items.map(i => i.key))
  const mapping = p.mapping.map(m => ({ source: m.source, item: m.item && there.has(m.item) ? m.item : null }))
  const keys = items.filter(i => i.identifier && mapping.some(m => m.item === i.key)).map(i => i.key)
  if (!keys.length)
    refuse('aggregation.no_mapping', {
      detail: '目录没有标明用什么识别一行（标识项），不能直接入库。',
      remedy: '请在数据源页面选择主键后入库，或变更目录标出标识项。',
    })
  const { bounds: _, ...connection } = targetOf(ctx, p as unknown as Parameters<typeof targetOf>[1])
  const source = await createSource(ctx, {
    entryId,
    kind: p.kind,
    name: '',
    connection: connection as Connection,
    threshold: 0.01,
    ...(p.system_id && { systemId: p.system_id }),
  })
  await saveMapping(ctx, source, { mapping, keys, threshold: 0.01, options: {} })
  const batchId = await queueBatch(ctx, { ...source, mapping, keys }, {})
  await sql`delete from aggregation.prepared where entry_id = ${entryId}`.execute(ctx.db)
  return { sourceId: source.id, batchId }
}

export function registerProposals(app: FastifyInstance): void {
  route(app, contract.proposeEntries, async ({ body, ctx }) => ({ proposals: await proposals(ctx, body.connection, body.tables) }))
  route(app, contract.confirmProposals, async ({ body, ctx }) => {
    const made = new Set(await confirm(ctx, body))
    return { entries: (await views(ctx, await preparedOf(ctx))).filter(e => made.has(e.entryId)) }
  })
  route(app, contract.preparedEntries, async ({ ctx }) => ({ entries: await views(ctx, await preparedOf(ctx)) }))
  route(app, contract.startPrepared, async ({ params, ctx }) => start(ctx, params.entryId))
}

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { batchStates } from '../../../../contract/aggregation.ts'
import * as contract from '../../../../contract/documents.ts'
import type { StaffContext } from '../../../platform/context.ts'
import { route } from '../../../platform/http.ts'
import { notFound } from '../../../platform/problem.ts'
import { recordRead } from '../../audit/public.ts'
import { type PublishedEntry, publishedEntry } from '../../catalog/public.ts'
import { itemsOf } from '../commands.ts'
import { maySee } from '../queries.ts'
import { contentPath, entryOfFiles, MOST_FILES, mostBytes, takeDocuments } from './receive.ts'
import { holdsFiles, nameOfFact } from './row.ts'

type Row = {
  digest: string
  name: string
  kind: contract.DocumentKind
  bytes: string
  created: Date
  created_by: string
  batch_id: string
  no: string
  state: keyof typeof batchStates
}

export function registerDocuments(app: FastifyInstance): void {
  route(app, contract.documents, async ({ params, query, ctx }) => {
    const entry = await seenEntry(ctx, params.id)
    const like = `%${(query.q ?? '').replace(/[\\%_]/g, '\\$&')}%`
    const where = sql`d.entry_id = ${entry.id} and d.name ilike ${like}`
    // After the file whose digest it is, newest first.
    const after = query.after
      ? sql`and (d.created, d.digest) < (select created, digest from aggregation.document where entry_id = ${entry.id} and digest = ${query.after})`
      : sql``
    const { rows } = await sql<Row>`select d.*, b.no, b.state from aggregation.document d join aggregation.batch b on b.id = d.batch_id
      where ${where} ${after} order by d.created desc, d.digest desc limit ${query.limit}`.execute(ctx.db)
    const { rows: counted } = await sql<{ n: number }>`select count(*)::int as n from aggregation.document d where ${where}`.execute(ctx.db)
    if (rows.length)
      await recordRead(ctx, { action: 'batch.preview', subject: entry.code, content: '文件清单', data: { rows: rows.length } })
    const holds = holdsFiles(entry.content)
    const mine = entry.department_id === ctx.actor.departmentId && ctx.actor.roles.includes('steward') && entry.state === 'published'
    return {
      rows: rows.map(r => ({
        digest: r.digest,
        name: r.name,
        kind: r.kind,
        kindLabel: contract.documentKinds[r.kind].label,
        bytes: Number(r.bytes),
        at: r.created.toISOString(),
        by: r.created_by,
        batch: { id: r.batch_id, no: r.no, state: r.state, stateLabel: batchStates[r.state] },
      })),
      total: counted[0]!.n,
      next: rows.length === query.limit ? rows.at(-1)!.digest : null,
      holds,
      upload:
        holds && mine
          ? { items: itemsOf(entry).map(i => ({ name: i.name, from: nameOfFact(i) })), files: MOST_FILES, bytes: mostBytes(ctx) }
          : null,
    }
  })
  route(app, contract.sendDocuments, async ({ params, ctx, request }) => {
    const entry = await entryOfFiles(ctx, params.id)
    return takeDocuments(
      ctx,
      entry.id,
      request.files({ limits: { files: MOST_FILES + 2, fileSize: mostBytes(ctx) }, throwFileSizeLimit: false }),
    )
  })
  route(app, contract.readDocument, async ({ params, ctx, reply }) => {
    const entry = await seenEntry(ctx, params.id)
    const { rows } = await sql<Pick<Row, 'name' | 'kind' | 'digest'>>`select name, kind, digest from aggregation.document
      where entry_id = ${entry.id} and digest = ${params.digest}`.execute(ctx.db)
    const file = rows[0] ?? notFound('aggregation.document', '文件')
    const path = contentPath(ctx.config.dataDir, file.digest)
    const { size } = (await stat(path).catch(() => null)) ?? notFound('aggregation.document', '文件')
    await recordRead(ctx, {
      action: 'document.read',
      subject: entry.code,
      content: '文件原件',
      method: '文件下载',
      medium: contract.documentKinds[file.kind].label,
      data: { digest: file.digest, bytes: size },
    })
    // Whatever it holds, a browser only ever saves it.
    reply.headers({
      'content-type': contract.documentKinds[file.kind].type,
      'content-length': size,
      'content-disposition': `attachment; filename="${file.digest.slice(0, 12)}.${contract.documentKinds[file.kind].endings[0]}"; filename*=UTF-8''${encodeURIComponent(file.name)}`,
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    return reply.send(createReadStream(path))
  })
}

async function seenEntry(ctx: StaffContext, id: string): Promise<PublishedEntry> {
  const entry = await publishedEntry(ctx.db, { id })
  if (!entry || !(await maySee(ctx.db, ctx.actor, entry.department_id))) notFound('aggregation.entry', '目录')
  return entry
}

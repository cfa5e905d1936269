import { sql } from 'kysely'
import type { StaffContext } from '../../platform/context.ts'
import { refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { requireOwnReach } from './agents/look.ts'
import { wantRun } from './agents/runs.ts'
import { queueBatch, receiveUpload } from './commands.ts'
import { fileConnector, tableConnector } from './connectors/index.ts'
import { type FileConnector, SourceDown, type Target } from './connectors/types.ts'
import type { SourceRecord, UploadRecord } from './queries.ts'
import { noteTrouble, targetOf } from './run.ts'

/**
 * Fetches what a source has now: a table as one batch, a place of files as one batch per file that was not taken yet, oldest first.
 * Returns the ids of the batches, none when there is nothing new or one is still under way. Throws SourceDown; its trouble is noted.
 */
export async function pull(ctx: StaffContext, source: SourceRecord): Promise<string[]> {
  if (source.mode === 'capture') refuse('aggregation.pull_capture', { status: 409, detail: '这个数据源实时捕获变更，不用手工取数。' })
  if (source.agent_id) {
    await wantRun(ctx, source)
    return []
  }
  const { rows: busy } =
    await sql`select from aggregation.batch where source_id = ${source.id} and state in ('queued', 'running') limit 1`.execute(ctx.db)
  if (busy.length) return []
  if (tableConnector(source.kind)) return [await queueBatch(ctx, source, {})]
  const connector = placeOfFiles(source)
  const batches: string[] = []
  try {
    const target = await reached(ctx, source, connector)
    for (const file of await connector.list(target)) {
      const { rows } =
        await sql`select from aggregation.taken where source_id = ${source.id} and name = ${file.name} and stamp = ${file.stamp}`.execute(
          ctx.db,
        )
      if (rows.length) continue
      const upload = await receiveUpload(
        ctx,
        source,
        file.name,
        connector.fetch(target, file),
        () => false,
        async (tx, uploadId) => {
          await sql`insert into aggregation.taken (source_id, name, stamp, upload_id, at) values (${source.id}, ${file.name}, ${file.stamp}, ${uploadId}, ${ctx.now})`.execute(
            tx,
          )
        },
      )
      batches.push(await queueBatch(ctx, source, { uploadId: upload.id }))
    }
    await sql`update aggregation.source set contact = ${ctx.now}, trouble = case when trouble->>'code' like 'source-%' then null else trouble end where id = ${source.id}`.execute(
      ctx.db,
    )
  } catch (error) {
    if (error instanceof SourceDown)
      await noteTrouble(ctx.db, source.id, { ...error.diagnosis, code: `source-${error.diagnosis.code}` }, ctx.now)
    throw error
  }
  return batches
}

/** Fetches the newest file, to look at it. It stays to be taken by the first pull. */
export async function fetchSample(ctx: StaffContext, source: SourceRecord): Promise<UploadRecord> {
  requireOwnReach(source)
  const connector = placeOfFiles(source)
  const target = await reached(ctx, source, connector)
  const file = (await connector.list(target)).at(-1)
  if (!file) refuse('aggregation.no_files', { detail: '没有符合文件名的文件。', remedy: '请核对目录和文件名，或等来源放入文件后再试。' })
  return receiveUpload(ctx, source, file.name, connector.fetch(target, file))
}

const placeOfFiles = (source: SourceRecord): FileConnector =>
  fileConnector(source.kind) ??
  refuse('aggregation.pull_file', { status: 409, detail: '这种来源由提供方送来，平台不能去取。', remedy: '请上传文件，或让系统推送。' })

/** Where the files are. What a server shows of itself at the first contact is kept, and asked for from then on. */
async function reached(ctx: StaffContext, source: SourceRecord, connector: FileConnector): Promise<Target> {
  const target = targetOf(ctx, source)
  const known = await connector.identify?.(target)
  if (!known) return target
  await ctx.db.transaction().execute(async tx => {
    await sql`update aggregation.source set connection = connection || ${JSON.stringify(known)}::jsonb where id = ${source.id}`.execute(tx)
    await record(tx, ctx, { action: 'source.change', subject: source.id, data: known as Record<string, unknown> })
  })
  return { ...target, ...known } as Target
}

import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import * as contract from '../../../contract/catalog-runs.ts'
import { outcomes } from '../../../contract/catalog-runs.ts'
import type { StaffContext } from '../../platform/context.ts'
import { route } from '../../platform/http.ts'
import { refuse } from '../../platform/problem.ts'
import { recordRead } from '../audit/public.ts'
import { govern } from '../regulation/public.ts'
import { changeWords } from './bulk.ts'
import { codeView, saveClass, savePattern } from './codes.ts'
import { searchEntries } from './find.ts'
import { listEntries, listNotes, listRuns, ownRun, removeRun, runById, runPath, runView, saveRun, startBulk, startImport } from './runs.ts'
import { bulkReport, importReport, templateOut } from './template-write.ts'

const MOST_CHOSEN = 5000

/** Many entries at once: the template in and out, bulk edits, and the table of codes. */
export function registerCatalogRuns(app: FastifyInstance): void {
  const { db } = app.services
  const shown = async (ctx: StaffContext, id: string) => runView(db, await ownRun(ctx, id))
  const file = (reply: FastifyReply, name: string, plain: string, content: AsyncGenerator<Uint8Array>) => {
    reply.header('content-disposition', `attachment; filename="${plain}.xlsx"; filename*=UTF-8''${encodeURIComponent(`${name}.xlsx`)}`)
    reply.header('cache-control', 'no-store')
    reply.type('application/vnd.openxmlformats-officedocument.spreadsheetml.sheet')
    return reply.send(Readable.from(content))
  }

  route(app, contract.importTemplate, async ({ ctx, request }) => {
    const part = request.isMultipart() ? await request.file() : undefined
    if (!part) refuse('catalog.no_file', { status: 400, detail: '没有收到文件。', remedy: '请选择填好的目录编制模板（.xlsx）。' })
    return shown(ctx, await startImport(ctx, part.filename, part.file, () => part.file.truncated))
  })
  route(app, contract.runs, ({ ctx }) => listRuns(ctx))
  route(app, contract.run, ({ params, ctx }) => shown(ctx, params.id))
  route(app, contract.runEntries, async ({ params, query, ctx }) => listEntries(db, (await ownRun(ctx, params.id)).id, query))
  route(app, contract.runNotes, async ({ params, query, ctx }) => listNotes(db, (await ownRun(ctx, params.id)).id, query))
  route(app, contract.saveRun, async ({ params, ctx }) => {
    await saveRun(ctx, params.id)
    return runView(db, (await runById(db, params.id))!)
  })
  route(app, contract.removeRun, async ({ params, ctx }) => {
    await removeRun(ctx, params.id)
    return { ok: true }
  })
  route(app, contract.runReport, async ({ params, ctx, reply }) => {
    const run = await ownRun(ctx, params.id)
    if (run.state !== 'checked' && run.state !== 'done')
      refuse('catalog.run_state', { status: 409, detail: '检查还没有做完，还没有结果可以下载。', remedy: '稍后再试。' })
    const name = `检查结果_${run.name.replace(/\.xlsx$/i, '').slice(0, 80)}`
    return run.kind === 'import'
      ? file(reply, name, 'report', importReport(ctx, run, runPath(ctx.config.dataDir, run.id)))
      : file(reply, name, 'report', bulkReport(ctx, run, outcomes))
  })

  route(app, contract.exportTemplate, async ({ query, ctx, reply }) => {
    const { extended, blank, ...filter } = query as { extended: boolean; blank: boolean }
    if (!blank)
      await recordRead(ctx, { action: 'catalog.export', subject: '目录清单', method: '文件下载', medium: 'XLSX', data: { filter } })
    return file(reply, blank ? '政务数据目录编制模板' : `政务数据目录_${ctx.day}`, 'catalog', templateOut(ctx, filter, { extended, blank }))
  })

  route(app, contract.bulkEdit, async ({ body, ctx }) => {
    let codes = body.codes
    if (!codes) {
      codes = []
      let after: string | undefined
      do {
        const page = await searchEntries(ctx, { scope: 'mine', ...body.filter, limit: 200, ...(after && { after }) } as Parameters<
          typeof searchEntries
        >[1])
        codes.push(...page.rows.map(r => r.code))
        after = page.next ?? undefined
      } while (after && codes.length <= MOST_CHOSEN)
    }
    if (!codes.length) refuse('catalog.none_chosen', { detail: '没有选中目录。', remedy: '勾选目录，或放宽筛选条件。' })
    if (codes.length > MOST_CHOSEN)
      refuse('catalog.too_many', { detail: `一次最多修改 ${MOST_CHOSEN} 条目录。`, remedy: '加上筛选条件，分几次修改。' })
    return shown(ctx, await startBulk(ctx, changeWords(body.changes), { codes, changes: body.changes, submit: body.submit }))
  })

  const codes = async (ctx: StaffContext) => {
    const view = await codeView(db, ctx.actor.region, govern(ctx.actor.region, 'catalog-kinds', ctx.day).value.values)
    return { ...view, may: ctx.actor.roles.includes('bureau') && ctx.actor.departmentRoles.includes('authority') }
  }
  route(app, contract.codes, ({ ctx }) => codes(ctx))
  route(app, contract.saveClass, async ({ body, ctx }) => {
    await saveClass(ctx, body)
    return codes(ctx)
  })
  route(app, contract.savePattern, async ({ body, ctx }) => {
    await savePattern(ctx, body)
    return codes(ctx)
  })
}

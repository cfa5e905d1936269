import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { sql } from 'kysely'
import type { EntryContent } from '../../../contract/catalog.ts'
import { type Changes, noteLevels, outcomes, type Run, runStates } from '../../../contract/catalog-runs.ts'
import type { Cite } from '../../../contract/common.ts'
import type { Actor, Context, StaffContext } from '../../platform/context.ts'
import { alone, type Database, type Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { notFound, Problem, refuse } from '../../platform/problem.ts'
import { Unreadable } from '../../platform/xlsx.ts'
import { record } from '../audit/public.ts'
import { requireDepartment } from '../organization/public.ts'
import { requireInForce } from '../regulation/public.ts'
import { bulkPlans } from './bulk.ts'
import { type CodeTable, codeTable } from './codes.ts'
import { changeDraft, createDraft, submitOne } from './commands.ts'
import { importPlans } from './template-plan.ts'

/** What is said about a line, with the cell it is about. */
export type Note = {
  sheet: string
  line: number
  cell: string
  field: string
  level: keyof typeof noteLevels
  code: string
  message: string
  remedy?: string | undefined
  cite?: Cite | undefined
}
/** What a run would do with one entry: `content` replaces what stands under `etag`, or begins a new entry. */
export type Plan = {
  n: number
  sheet: string
  line: number
  lines: number
  code: string
  title: string
  outcome: keyof typeof outcomes
  notes: Note[]
  content?: EntryContent
  etag?: string
}
export type Step = { plan: Plan } | { note: Note } | { read: number }

export type RunRecord = {
  id: string
  kind: 'import' | 'bulk'
  name: string
  actor: Actor
  department_id: string
  region: string
  input: { codes?: string[]; changes?: Changes; submit?: boolean }
  state: keyof typeof runStates
  problem: (Problem['details'] & { code: string }) | null
  read: number
  total: number
  done: number
  created: Date
  finished: Date | null
}

export const runPath = (dataDir: string, id: string): string => join(dataDir, 'catalog-imports', `${id}.xlsx`)
/** How long a report can be fetched. */
const KEPT = '7 days'
const MOST_NOTES = 40

export async function startImport(
  ctx: StaffContext,
  name: string,
  content: AsyncIterable<Buffer>,
  truncated: () => boolean,
): Promise<string> {
  const id = newId()
  const path = runPath(ctx.config.dataDir, id)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  try {
    await pipeline(content, createWriteStream(path, { mode: 0o600 }))
    if (truncated())
      refuse('catalog.file_too_large', {
        status: 413,
        detail: `文件超过 ${Math.floor(ctx.config.maxUploadBytes / 1024 / 1024)} MB，没有接收。`,
        remedy: '请分成几个文件，逐个导入。',
      })
    const clean =
      basename(name.replaceAll('\\', '/'))
        .replace(/\p{Cc}/gu, '')
        .slice(0, 200) || '未命名'
    await begin(ctx, id, 'import', clean, {})
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
  return id
}

export async function startBulk(ctx: StaffContext, name: string, input: RunRecord['input']): Promise<string> {
  const id = newId()
  await begin(ctx, id, 'bulk', name, input)
  return id
}

const begin = (ctx: StaffContext, id: string, kind: 'import' | 'bulk', name: string, input: RunRecord['input']): Promise<void> =>
  ctx.db.transaction().execute(async tx => {
    requireInForce(ctx.actor.region, ctx.day)
    await requireDepartment(tx, ctx)
    await tx
      .insertInto('catalog.run')
      .values({
        id,
        kind,
        name,
        actor: JSON.stringify(ctx.actor),
        department_id: ctx.actor.departmentId,
        region: ctx.actor.region,
        input: JSON.stringify(input),
        state: 'checking',
        created: ctx.now,
      })
      .execute()
    await ctx.jobs.enqueue(tx, 'catalog.run', { id })
  })

export const runById = async (db: Database | Tx, id: string): Promise<RunRecord | undefined> =>
  (await db.selectFrom('catalog.run').selectAll().where('id', '=', id).executeTakeFirst()) as unknown as RunRecord | undefined

/** A run of the own department; others' do not exist. */
export async function ownRun(ctx: StaffContext, id: string): Promise<RunRecord> {
  const run = await runById(ctx.db, id)
  return run?.department_id === ctx.actor.departmentId ? run : notFound('catalog.run', '批量办理记录')
}

export async function saveRun(ctx: StaffContext, id: string): Promise<void> {
  await ownRun(ctx, id)
  await ctx.db.transaction().execute(async tx => {
    const run = (await tx.selectFrom('catalog.run').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()) as unknown as RunRecord
    if (run.state !== 'checked')
      refuse('catalog.run_state', {
        status: 409,
        reason: 'step-skipped',
        detail: `现在是“${runStates[run.state]}”，不能保存。`,
        remedy: run.state === 'checking' ? '等检查做完再保存。' : '需要时重新上传。',
      })
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from catalog.run_entry
      where run_id = ${id} and outcome in ('create', 'change')`.execute(tx)
    if (!rows[0]!.n)
      refuse('catalog.run_nothing', {
        reason: 'nothing-to-save',
        detail: '没有可以保存的目录：全部有错或没有变化。',
        remedy: '下载检查结果，改好后重新上传。',
      })
    requireInForce(run.region, ctx.day)
    await requireDepartment(tx, ctx)
    await tx
      .updateTable('catalog.run')
      .set({ state: 'saving', done: 0, actor: JSON.stringify(ctx.actor) })
      .where('id', '=', id)
      .execute()
    await record(tx, ctx, {
      action: run.kind === 'import' ? 'catalog.import' : 'catalog.bulk',
      subject: run.name,
      content: `${rows[0]!.n} 条`,
      data: { run: id },
    })
    await ctx.jobs.enqueue(tx, 'catalog.run', { id })
  })
}

export async function removeRun(ctx: StaffContext, id: string): Promise<void> {
  const run = await ownRun(ctx, id)
  if (run.state === 'saving' || run.state === 'done')
    refuse('catalog.run_state', { status: 409, detail: `“${runStates[run.state]}”的记录不能删除。`, remedy: '记录 7 天后自己消失。' })
  await ctx.db.deleteFrom('catalog.run').where('id', '=', id).execute()
  await rm(runPath(ctx.config.dataDir, id), { force: true })
}

/** The job: does the phase a run is in, to its end. Killed anywhere, it is taken up again and does nothing twice. */
export async function workOn(ctx: Context, id: string): Promise<void> {
  const run = await runById(ctx.db, id)
  if (!run || (run.state !== 'checking' && run.state !== 'saving')) return
  // One at a time in a department, so that two files with the same new entries do not make them twice.
  await alone(
    ctx.pool,
    [run.department_id, 4],
    async () => {
      const staff: StaffContext = { ...ctx, actor: run.actor }
      // Another process may have finished it while this one waited.
      const now = await runById(ctx.db, id)
      if (now?.state === 'checking') await check(staff, now)
      else if (now?.state === 'saving') await save(staff, now)
    },
    async () => void (await ctx.jobs.enqueue(ctx.db, 'catalog.run', { id }, { startAfter: new Date(Date.now() + 3000) })),
  )
}

const stepsOf = (ctx: StaffContext, run: RunRecord): AsyncGenerator<Step> =>
  run.kind === 'import' ? importPlans(ctx, runPath(ctx.config.dataDir, run.id)) : bulkPlans(ctx, run.input)

async function check(ctx: StaffContext, run: RunRecord): Promise<void> {
  for (const table of ['catalog.run_note', 'catalog.run_entry'] as const)
    await ctx.db.deleteFrom(table).where('run_id', '=', run.id).execute()
  let plans: Plan[] = []
  let general: Note[] = []
  let read = 0
  let done = 0
  const flush = () =>
    ctx.db.transaction().execute(async tx => {
      await writeEntries(tx, run.id, plans)
      await writeNotes(tx, run.id, general, plans)
      done += plans.length
      await progress(tx, run.id, { read, done, total: done })
      plans = []
      general = []
    })
  try {
    for await (const step of stepsOf(ctx, run)) {
      if ('plan' in step) plans.push(step.plan)
      else if ('note' in step) general.push({ ...step.note })
      else read = step.read
      if (plans.length >= 200) await flush()
    }
    await flush()
    await ctx.db.updateTable('catalog.run').set({ state: 'checked' }).where('id', '=', run.id).where('state', '=', 'checking').execute()
  } catch (error) {
    if (!(error instanceof Unreadable || error instanceof Problem)) throw error
    const problem =
      error instanceof Unreadable
        ? { code: `catalog.${error.code}`, status: 422, detail: error.message, remedy: error.remedy }
        : { code: error.code, ...error.details }
    await ctx.db
      .updateTable('catalog.run')
      .set({ state: 'failed', problem: JSON.stringify(problem), finished: ctx.clock() })
      .where('id', '=', run.id)
      .execute()
  }
}

async function save(ctx: StaffContext, run: RunRecord): Promise<void> {
  const saved = new Set(
    (await ctx.db.selectFrom('catalog.run_entry').select('n').where('run_id', '=', run.id).where('saved', '=', true).execute()).map(
      r => r.n,
    ),
  )
  const codes = await codeTable(ctx.db, run.region)
  let done = 0
  let held: Plan[] = []
  const flush = async () => {
    await saveAll(ctx, run, held, codes)
    held = []
    await progress(ctx.db, run.id, { done })
  }
  for await (const step of stepsOf(ctx, run)) {
    if (!('plan' in step)) continue
    done++
    if (!saved.has(step.plan.n)) held.push(step.plan)
    if (held.length >= 50) await flush()
  }
  await flush()
  await ctx.db.updateTable('catalog.run').set({ state: 'done', done, finished: ctx.clock() }).where('id', '=', run.id).execute()
}

/** Some entries in one transaction together with what the report says about them; where one is refused, each in one of its own. */
async function saveAll(ctx: StaffContext, run: RunRecord, plans: Plan[], codes: CodeTable): Promise<void> {
  const written = (tx: Tx, p: Plan, saved: boolean) => report(tx, run.id, [p], saved)
  const apply = async (tx: Tx, p: Plan): Promise<Plan> => {
    if (!p.content) return p
    if (p.outcome === 'create') return { ...p, code: await createDraft(tx, ctx, p.content, { codes, ...(p.code && { code: p.code }) }) }
    await changeDraft(tx, ctx, p.code, p.content, p.etag!)
    return p
  }
  const refused = (level: 'fault' | 'todo', p: Plan, error: unknown): Plan => {
    if (!(error instanceof Problem)) throw error
    return { ...p, notes: [...p.notes.filter(n => n.level === 'note'), ...notesOf(p, error, level)] }
  }
  let done: Plan[] = []
  try {
    done = await ctx.db.transaction().execute(async tx => {
      const made = []
      for (const p of plans) made.push(await apply(tx, p))
      await report(
        tx,
        run.id,
        made.filter(p => p.content),
        true,
      )
      await report(
        tx,
        run.id,
        made.filter(p => !p.content),
        false,
      )
      return made
    })
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    for (const p of plans)
      try {
        done.push(
          await ctx.db.transaction().execute(async tx => {
            const made = await apply(tx, p)
            await written(tx, made, !!p.content)
            return made
          }),
        )
      } catch (single) {
        const { content: _c, ...kept } = refused('fault', p, single)
        await ctx.db.transaction().execute(tx => written(tx, { ...kept, outcome: 'fault' }, false))
      }
  }
  if (!run.input.submit) return
  // Sent to review apart: what the review refuses is still saved as a draft, and the report says why.
  for (const p of done.filter(one => one.content))
    try {
      await ctx.db.transaction().execute(async tx => {
        const caseNo = await submitOne(tx, ctx, p.code)
        await tx.updateTable('catalog.run_entry').set({ case_no: caseNo }).where('run_id', '=', run.id).where('n', '=', p.n).execute()
      })
    } catch (error) {
      const told = refused('todo', p, error)
      await ctx.db.transaction().execute(tx => written(tx, told, true))
    }
}

async function report(tx: Tx, runId: string, plans: Plan[], saved: boolean): Promise<void> {
  if (!plans.length) return
  await tx
    .deleteFrom('catalog.run_note')
    .where('run_id', '=', runId)
    .where(
      'n',
      'in',
      plans.map(p => p.n),
    )
    .execute()
  await writeEntries(tx, runId, plans, saved)
  await writeNotes(tx, runId, [], plans)
}

/** A refusal as lines of the report, each of its faults one. */
export const notesOf = (at: Pick<Note, 'sheet' | 'line'>, { code, details }: Problem, level: Note['level']): Note[] => {
  const { detail, reason, remedy, cite, errors } = details
  const place = { sheet: at.sheet, line: at.line, cell: '', field: '', level }
  if (errors?.length) return errors.map(e => ({ ...place, code: e.code, message: e.message, remedy: e.remedy, cite: e.cite }))
  return [{ ...place, code: reason ?? code, message: detail ?? code, remedy, cite }]
}

const progress = (db: Database | Tx, id: string, p: { read?: number; done?: number; total?: number }) =>
  db
    .updateTable('catalog.run')
    .set({ ...p, beat: sql`clock_timestamp()` })
    .where('id', '=', id)
    .execute()

async function writeEntries(tx: Tx, runId: string, plans: Plan[], saved = false): Promise<void> {
  if (!plans.length) return
  const rows = plans.map(({ n, sheet, line, lines, code, title, outcome }) => ({
    n,
    sheet,
    line,
    lines,
    code,
    title: title.slice(0, 200),
    outcome,
  }))
  await sql`insert into catalog.run_entry (run_id, n, sheet, line, lines, code, title, outcome, saved)
    select ${runId}, r.*, ${saved} from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as r(n int, sheet text, line int, lines int, code text, title text, outcome text)
    on conflict (run_id, n) do update set code = excluded.code, title = excluded.title, outcome = excluded.outcome, saved = excluded.saved`.execute(
    tx,
  )
}

async function writeNotes(tx: Tx, runId: string, general: Note[], plans: Plan[]): Promise<void> {
  const rows = [
    ...general.map((note, i) => ({ n: 0, seq: i + 1, ...note })),
    ...plans.flatMap(p => {
      const kept = p.notes.slice(0, MOST_NOTES).map((note, i) => ({ n: p.n, seq: i + 1, ...note }))
      const more = p.notes.length - kept.length
      const at = { n: p.n, seq: MOST_NOTES + 1, sheet: p.sheet, line: p.line, cell: '', field: '' }
      return more > 0
        ? [...kept, { ...at, level: p.notes[MOST_NOTES]!.level, code: 'more', message: `还有 ${more} 处，改好前面的再看。` }]
        : kept
    }),
  ]
  if (!rows.length) return
  await sql`insert into catalog.run_note (run_id, n, seq, sheet, line, cell, field, level, code, message, remedy, cite)
    select ${runId}, r.n, r.seq + case when r.n = 0 then (select count(*)::int from catalog.run_note where run_id = ${runId} and n = 0) else 0 end,
      r.sheet, r.line, r.cell, r.field, r.level, r.code, r.message, r.remedy, r.cite
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as r(n int, seq int, sheet text, line int, cell text, field text, level text, code text, message text, remedy text, cite jsonb)`.execute(
    tx,
  )
}

/** Takes up runs whose process was killed, and forgets old ones with their files. */
export async function sweepRuns(ctx: Context): Promise<void> {
  const { rows: stale } = await sql<{ id: string }>`select id from catalog.run
    where state in ('checking', 'saving') and beat < clock_timestamp() - interval '1 minute'`.execute(ctx.db)
  for (const { id } of stale) await ctx.jobs.enqueue(ctx.db, 'catalog.run', { id })
  // By the platform's clock, as `created` is.
  const { rows: old } = await sql<{ id: string }>`delete from catalog.run
    where created < ${ctx.now}::timestamptz - ${KEPT}::interval and state not in ('checking', 'saving') returning id`.execute(ctx.db)
  for (const { id } of old) await rm(runPath(ctx.config.dataDir, id), { force: true })
}

// ── What pages read ─────────────────────────────────────────────────────────────────────────────────────────────────────
const zeros = <K extends string>(of: Record<K, unknown>) => Object.fromEntries(Object.keys(of).map(k => [k, 0])) as Record<K, number>

export async function runView(db: Database, run: RunRecord): Promise<Run> {
  const { rows: entries } = await sql<{ key: string; n: number }>`select outcome as key, count(*)::int as n
    from catalog.run_entry where run_id = ${run.id} group by 1`.execute(db)
  const { rows: notes } = await sql<{ key: string; n: number }>`select level as key, count(*)::int as n
    from catalog.run_note where run_id = ${run.id} group by 1`.execute(db)
  const { kind, name, state, read, total, done } = run
  const changes = entries.some(r => (r.key === 'create' || r.key === 'change') && r.n > 0)
  const { code, status, ...details } = run.problem ?? { code: '', status: 0 }
  return {
    id: run.id,
    kind,
    name,
    state,
    stateLabel: runStates[state],
    by: run.actor.name,
    created: run.created.toISOString(),
    finished: run.finished?.toISOString() ?? null,
    read,
    total,
    done,
    outcomes: { ...zeros(outcomes), ...Object.fromEntries(entries.map(r => [r.key, r.n])) },
    notes: { ...zeros(noteLevels), ...Object.fromEntries(notes.map(r => [r.key, r.n])) },
    problem: run.problem ? new Problem(code, { ...details, ...(status && { status }) }).document() : null,
    may: [
      ...(state === 'checked' && changes ? (['save'] as const) : []),
      ...(state === 'checked' || state === 'done' ? (['report'] as const) : []),
    ],
  }
}

export async function listRuns(ctx: StaffContext): Promise<Run[]> {
  const rows = (await ctx.db
    .selectFrom('catalog.run')
    .selectAll()
    .where('department_id', '=', ctx.actor.departmentId)
    .orderBy('created', 'desc')
    .limit(20)
    .execute()) as unknown as RunRecord[]
  return Promise.all(rows.map(r => runView(ctx.db, r)))
}

export async function listEntries(db: Database, id: string, q: { outcome?: string; after?: string; limit: number }) {
  const { rows } =
    await sql<any>`select e.*, (select count(*)::int from catalog.run_note t where t.run_id = e.run_id and t.n = e.n and t.level = 'fault') as faults,
      (select count(*)::int from catalog.run_note t where t.run_id = e.run_id and t.n = e.n and t.level = 'todo') as todo
    from catalog.run_entry e where e.run_id = ${id} and (${q.outcome ?? null}::text is null or e.outcome = ${q.outcome ?? null})
      and e.n > ${Number(q.after) || 0} order by e.n limit ${q.limit}`.execute(db)
  const { rows: total } = await sql<{ n: number }>`select count(*)::int as n from catalog.run_entry
    where run_id = ${id} and (${q.outcome ?? null}::text is null or outcome = ${q.outcome ?? null})`.execute(db)
  return {
    rows: rows.map(r => ({ ...r, outcomeLabel: outcomes[r.outcome as keyof typeof outcomes], caseNo: r.case_no })),
    next: rows.length === q.limit ? String(rows.at(-1).n) : null,
    total: total[0]!.n,
  }
}

/** Faults first, then what is to do, then the rest; in each as they stand in the workbook. */
export async function listNotes(db: Database, id: string, q: { level?: string; after?: string; limit: number }) {
  const [rank, n, seq] = (q.after ?? '').split('.').map(Number)
  const order = sql`array_position(array['fault', 'todo', 'note'], t.level)`
  const { rows } = await sql<any>`select t.*, coalesce(e.title, '') as title, ${order} as rank from catalog.run_note t
    left join catalog.run_entry e on e.run_id = t.run_id and e.n = t.n
    where t.run_id = ${id} and (${q.level ?? null}::text is null or t.level = ${q.level ?? null})
      and (${order}, t.n, t.seq) > (${rank || 0}, ${n || 0}, ${seq || 0})
    order by rank, t.n, t.seq limit ${q.limit}`.execute(db)
  const { rows: total } = await sql<{ n: number }>`select count(*)::int as n from catalog.run_note
    where run_id = ${id} and (${q.level ?? null}::text is null or level = ${q.level ?? null})`.execute(db)
  const last = rows.at(-1)
  return {
    rows: rows.map(r => ({ ...r, levelLabel: noteLevels[r.level as keyof typeof noteLevels] })),
    next: rows.length === q.limit ? `${last.rank}.${last.n}.${last.seq}` : null,
    total: total[0]!.n,
  }
}

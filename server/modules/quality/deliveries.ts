import { checkKinds } from '../../../contract/quality.ts'
import type { Context } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { Problem, refuse } from '../../platform/problem.ts'
import { publishedEntry } from '../catalog/public.ts'
import { departmentFor } from '../organization/public.ts'
import { registerEffect, registerHooks, startCase } from '../procedure/public.ts'
import { govern, governProcedure } from '../regulation/public.ts'
import { type RejectRule, ruleOfName } from './checks.ts'
import { keepScore } from './evaluate.ts'
import { standingOf } from './queries.ts'
import { activeRules } from './rulebook.ts'
import { type Delivered, dimensionOf, measuresOf } from './scores.ts'
import { passedSince } from './tickets.ts'

export type Delivery = Delivered & {
  entry: { id: string; code: string; title: string; region: string; departmentId: string }
  batch: { id: string; no: string }
  /** In the pool; false: held or returned. */
  loaded: boolean
  /** Rules of the entry by which rows were turned away; what they rejected stands in `rules` by name. Absent: this way in checks none. */
  applied?: readonly RejectRule[]
}

/**
 * Told by aggregation after each delivery: keeps what the checks found, opens a finding against the owner for every check that failed,
 * closes those a loaded delivery has passed, and opens a correction task where the place knows one.
 */
export async function noteDelivery(tx: Tx, ctx: Context, d: Delivery): Promise<void> {
  const { dimensions } = govern(d.entry.region, 'quality-dimensions', ctx.day).value
  let found = false
  for (const m of measuresOf(d)) {
    await tx
      .insertInto('quality.measure')
      .values({
        entry_id: d.entry.id,
        kind: m.kind,
        batch_id: d.batch.id,
        batch_no: d.batch.no,
        at: ctx.now,
        loaded: d.loaded,
        checked: m.checked,
        failed: m.failed,
        note: m.note ?? '',
      })
      .onConflict(c =>
        c.columns(['entry_id', 'kind', 'batch_id']).doUpdateSet({ at: ctx.now, loaded: d.loaded, checked: m.checked, failed: m.failed }),
      )
      .execute()
    const dimension = dimensionOf(m.kind, dimensions)
    if (!dimension) continue
    if (m.failed === 0) {
      if (d.loaded)
        await tx
          .updateTable('quality.finding')
          .set({ closed: ctx.now })
          .where('entry_id', '=', d.entry.id)
          .where('kind', '=', m.kind)
          .where('closed', 'is', null)
          .execute()
      continue
    }
    found = true
    const text = m.note || `${checkKinds[m.kind]}：${m.checked} 行中 ${m.failed} 行不通过`
    const seen = { failed: m.failed, text, batch_id: d.batch.id, batch_no: d.batch.no, found: ctx.now }
    await tx
      .insertInto('quality.finding')
      .values({
        id: newId(),
        entry_id: d.entry.id,
        department_id: d.entry.departmentId,
        region: d.entry.region,
        dimension: dimension.key,
        label: dimension.label,
        kind: m.kind,
        ...seen,
      })
      .onConflict(c => c.columns(['entry_id', 'kind']).where('closed', 'is', null).doUpdateSet(seen))
      .execute()
  }
  if (found) await openTask(tx, ctx, d)
  await keepResults(tx, ctx, d)
}

/** Counts of the rules that ran inside the batch, and the score; what looks at the whole table follows as a job. */
async function keepResults(tx: Tx, ctx: Context, d: Delivery): Promise<void> {
  if (d.read === 0) return
  const rules = await activeRules(tx, d.entry.id)
  for (const rule of rules) {
    if (!d.applied?.some(a => a.id === rule.id)) continue
    const failed = [...d.rules].reduce((n, [name, rows]) => (ruleOfName(name)?.id === rule.id ? n + rows : n), 0)
    const counts = { checked: d.read, failed: Math.min(d.read, failed), title: rule.title, dimension: rule.dimension, weight: rule.weight }
    await tx
      .insertInto('quality.rule_result')
      .values({ rule_id: rule.id, batch_id: d.batch.id, entry_id: d.entry.id, ...counts })
      .onConflict(c => c.columns(['rule_id', 'batch_id']).doUpdateSet({ ...counts, fault: '' }))
      .execute()
  }
  const entry = (await publishedEntry(tx, { id: d.entry.id }))!
  const standing = (await standingOf(tx, [entry], ctx.now)).get(entry.id)!
  await keepScore(tx, ctx, entry, { ...d.batch, at: ctx.now, loaded: d.loaded }, standing)
  if (rules.length) await ctx.jobs.enqueue(tx, 'quality.evaluate', { entryId: d.entry.id, batchId: d.batch.id })
}

/** One open task per entry: what is found while it runs belongs to it. A place without an authority, or whose text does not hold now, has none. */
async function openTask(tx: Tx, ctx: Context, d: Delivery): Promise<void> {
  const ruled = governProcedure(d.entry.region, 'correction-task', ctx.day)
  if (!ruled) return
  const open = await tx
    .selectFrom('procedure.case_view')
    .select('no')
    .where('procedure', '=', 'correction-task')
    .where('subject_id', '=', d.entry.id)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  let no = open?.no
  if (!no) {
    const findings = await tx
      .selectFrom('quality.finding')
      .select(['label', 'text'])
      .where('entry_id', '=', d.entry.id)
      .where('closed', 'is', null)
      .execute()
    try {
      const authority = await departmentFor(tx, ruled.adopter, 'authority', ruled.roleLabels.authority ?? '主管部门')
      const c = await startCase(
        tx,
        { ...ctx, actor: null },
        {
          procedure: 'correction-task',
          region: d.entry.region,
          subject: { type: 'entry', id: d.entry.id, code: d.entry.code, title: d.entry.title },
          parties: { applicant: authority.id, provider: d.entry.departmentId },
          form: { doubt: `批次 ${d.batch.no}：${findings.map(f => `${f.label}（${f.text}）`).join('；')}`.slice(0, 4000) },
          title: `${ruled.value.label}：${d.entry.title}`,
        },
      )
      no = c.no
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return
    }
  }
  await tx.updateTable('quality.finding').set({ case_no: no }).where('entry_id', '=', d.entry.id).where('closed', 'is', null).execute()
}

const entryOf = async (tx: Tx, code: string | null) =>
  tx.selectFrom('catalog.entry_view').select('id').where('code', '=', code).executeTakeFirstOrThrow()

registerEffect('check-corrected', async (tx, _, c) => {
  const passed = await passedSince(tx, c)
  if (passed) return passed
  const entry = await entryOf(tx, c.subject_code)
  const open = await tx
    .selectFrom('quality.finding')
    .select(['label', 'text', 'batch_no'])
    .where('entry_id', '=', entry.id!)
    .where('closed', 'is', null)
    .execute()
  const since = await tx
    .selectFrom('quality.measure')
    .select('batch_no')
    .where('entry_id', '=', entry.id!)
    .where('loaded', '=', true)
    .where('at', '>=', c.opened_at)
    .orderBy('at', 'desc')
    .executeTakeFirst()
  if (open.length || !since)
    refuse('quality.correction_missing', {
      reason: 'correction-missing',
      detail: open.length
        ? `还没有更正：${open.map(f => `${f.label}（批次 ${f.batch_no}，${f.text}）`).join('；')}。`
        : '任务发出以后，还没有更正的数据入库。',
      cite: c.ruling.cite,
      remedy: '把更正后的数据入库，检查通过后再办结。',
    })
  return { label: `更正批次 ${since.batch_no}`, href: '/workbench/batches' }
})
registerHooks('correction-task', { href: c => c.subject_code && `/workbench/catalog/${c.subject_code.replace('/', '-')}` })

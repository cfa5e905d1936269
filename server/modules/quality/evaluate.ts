/** After a delivery: what the rules find in the whole table, the score, and the tickets that follow. */

import { sql } from 'kysely'
import type { CheckKind } from '../../../contract/quality.ts'
import type { Context } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { type PublishedEntry, publishedEntry } from '../catalog/public.ts'
import { govern } from '../regulation/public.ts'
import type { Standing } from './queries.ts'
import { activeRules, countAll, limitOf } from './rulebook.ts'
import { type Measure, type RuleCount, scoreOf } from './scores.ts'
import { type Cause, openTicketsFor, tellPassed } from './tickets.ts'

type Batch = { id: string; no: string; at: Date; loaded: boolean }

/** Counts of one delivery as they are kept. */
async function countsOf(db: Database | Tx, batchId: string): Promise<{ measures: Measure[]; rules: RuleCount[] }> {
  const { rows: measures } = await sql<{ kind: CheckKind; checked: number; failed: number; note: string }>`
    select kind, checked, failed, note from quality.measure where batch_id = ${batchId} order by kind`.execute(db)
  const { rows: rules } = await sql<RuleCount>`
    select title, dimension, weight, checked, failed, fault from quality.rule_result where batch_id = ${batchId} order by rule_id`.execute(
    db,
  )
  return { measures, rules }
}

/** Works the score of a delivery out from its counts and keeps it. */
export async function keepScore(
  tx: Tx,
  ctx: Context,
  entry: Pick<PublishedEntry, 'id' | 'region'>,
  batch: Batch,
  facts: Standing,
): Promise<number | null> {
  const { dimensions } = govern(entry.region, 'quality-dimensions', ctx.day).value
  const { total, dimensions: scored } = scoreOf(dimensions, { ...facts, ...(await countsOf(tx, batch.id)) })
  const row = {
    total,
    dimensions: JSON.stringify(scored.map(({ key, label, score, weight }) => ({ key, label, score, weight }))),
    facts: JSON.stringify(facts),
  }
  await tx
    .insertInto('quality.score')
    .values({ entry_id: entry.id, batch_id: batch.id, batch_no: batch.no, at: batch.at, loaded: batch.loaded, ...row })
    .onConflict(c => c.columns(['entry_id', 'batch_id']).doUpdateSet({ ...row, at: batch.at, loaded: batch.loaded }))
    .execute()
  return total
}

/** The job of one delivery. What came later has a job of its own, and the table is no longer this delivery's then. */
export async function evaluate(ctx: Context, entryId: string, batchId: string): Promise<void> {
  const entry = await publishedEntry(ctx.db, { id: entryId })
  const batch = await ctx.db
    .selectFrom('quality.score')
    .selectAll()
    .where('entry_id', '=', entryId)
    .where('batch_id', '=', batchId)
    .executeTakeFirst()
  if (entry?.state !== 'published' || !batch) return
  const later = await ctx.db
    .selectFrom('quality.score')
    .select('batch_id')
    .where('entry_id', '=', entryId)
    .where('loaded', '=', true)
    .where('at', '>', batch.at)
    .executeTakeFirst()
  if (later) return
  const rules = await activeRules(ctx.db, entryId)
  const done = new Set(
    (await ctx.db.selectFrom('quality.rule_result').select('rule_id').where('batch_id', '=', batchId).execute()).map(r => r.rule_id),
  )
  const found = batch.loaded
    ? await countAll(
        ctx,
        entry,
        rules.filter(r => !done.has(r.id)),
      )
    : new Map()
  await ctx.db.transaction().execute(async tx => {
    for (const rule of rules) {
      const f = found.get(rule.id)
      if (!f) continue
      await tx
        .insertInto('quality.rule_result')
        .values({
          rule_id: rule.id,
          batch_id: batchId,
          entry_id: entryId,
          checked: f.checked,
          failed: f.failed,
          title: rule.title,
          dimension: rule.dimension,
          weight: rule.weight,
          fault: f.fault,
        })
        .onConflict(c => c.doNothing())
        .execute()
    }
    const total = await keepScore(
      tx,
      ctx,
      entry,
      { id: batchId, no: batch.batch_no, at: batch.at, loaded: batch.loaded },
      batch.facts as unknown as Standing,
    )
    const results = await tx.selectFrom('quality.rule_result').selectAll().where('batch_id', '=', batchId).execute()
    const causes: Cause[] = []
    const passed: (string | null)[] = []
    for (const rule of rules) {
      const r = results.find(x => x.rule_id === rule.id)
      if (!r || r.fault || !Number(r.checked)) continue
      const [checked, failed] = [Number(r.checked), Number(r.failed)]
      if (failed > rule.threshold * checked)
        causes.push({
          rule,
          text:
            rule.check.kind === 'fresh'
              ? `批次 ${batch.batch_no} 以后，数据不够新`
              : `批次 ${batch.batch_no} 检查 ${checked} 行，${failed} 行不符合，占 ${percent(failed / checked)}，超过 ${percent(rule.threshold)}`,
        })
      else passed.push(rule.id)
    }
    const limit = rules.length ? await limitOf(tx, entryId, true) : null
    if (limit !== null && total !== null) {
      if (total < limit) causes.push({ rule: null, text: `批次 ${batch.batch_no} 的得分是 ${total}，低于 ${limit}` })
      else passed.push(null)
    }
    if (batch.loaded) await tellPassed(tx, ctx, entry, passed, batch.batch_no)
    await openTicketsFor(tx, ctx, entry, causes)
  })
}
const percent = (share: number) => `${Math.round(share * 10_000) / 100}%`

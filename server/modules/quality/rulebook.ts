/** Rules of an entry: who may set them, what they would find, what they found. */

import { sql } from 'kysely'
import type pg from 'pg'
import { regionPrefix } from '../../../contract/common.ts'
import {
  afterBatch,
  type Check,
  checkKindLabels,
  dimensions,
  type EntryRules,
  type NewRule,
  type Preview,
  type QualityRule,
} from '../../../contract/quality.ts'
import { dayOf } from '../../platform/clock.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Database, Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { Faults, notFound, refuse } from '../../platform/problem.ts'
import { record, recordRead } from '../audit/public.ts'
import { filledAt, type PublishedEntry, publishedEntry, usesEntry } from '../catalog/public.ts'
import { brokenSql, poolColumns, type RejectRule, referenceKey, ruleFaults, usedBy, wordsOf } from './checks.ts'
import type { CheckedItem } from './columns.ts'
import { literal } from './sql.ts'
import { openTickets } from './tickets.ts'

/** Where the rows of an entry are; told by the module that holds them, which stands to the right. */
export type Pool = { relation: string; columns: string[]; keys: string[] }
type FindPool = (db: Database | Tx, entryId: string) => Promise<Pool | undefined>
let findPool: FindPool = async () => undefined
export const registerPool = (find: FindPool): void => {
  findPool = find
}

export type RuleRecord = NewRule & { id: string; entry_id: string; changed: Date; changed_by: string }
const columns = [
  'id',
  'entry_id',
  'title',
  'check',
  'dimension',
  'severity',
  'weight',
  'threshold',
  'article',
  'active',
  'changed',
  'changed_by',
] as const
export const rulesOf = async (db: Database | Tx, entryId: string): Promise<RuleRecord[]> =>
  (await db
    .selectFrom('quality.rule')
    .select(columns)
    .where('entry_id', '=', entryId)
    .where('removed', 'is', null)
    .orderBy('id')
    .execute()) as unknown as RuleRecord[]
export const activeRules = async (db: Database | Tx, entryId: string): Promise<RuleRecord[]> =>
  (await rulesOf(db, entryId)).filter(r => r.active)

/** Rules that turn rows of this entry away. */
export const rejectRules = async (db: Database | Tx, entryId: string): Promise<RejectRule[]> =>
  (await activeRules(db, entryId)).filter(r => r.severity === 'reject').map(({ id, title, check }) => ({ id, title, check }))

export const itemsOf = (entry: PublishedEntry): CheckedItem[] => entry.content.items.filter(i => i.name)

const oversees = (ctx: StaffContext, entry: PublishedEntry) =>
  ctx.actor.roles.includes('bureau') && entry.region.startsWith(regionPrefix(ctx.actor.region))
const owns = (ctx: StaffContext, entry: PublishedEntry) =>
  entry.department_id === ctx.actor.departmentId && ctx.actor.roles.includes('steward')
/** The department sets its rules; conditions in words of their own are written by the administrators of the authority. */
function kindsFor(ctx: StaffContext, entry: PublishedEntry): Check['kind'][] {
  const all = Object.keys(checkKindLabels) as Check['kind'][]
  return all.filter(kind => (kind === 'predicate' ? oversees(ctx, entry) : owns(ctx, entry)))
}
const entryAt = async (db: Database | Tx, key: { id: string } | { code: string }): Promise<PublishedEntry> =>
  (await publishedEntry(db, key)) ?? notFound('catalog.entry', '目录')

function requireKind(ctx: StaffContext, entry: PublishedEntry, kind: Check['kind']): void {
  if (kindsFor(ctx, entry).includes(kind)) return
  refuse('quality.not_your_rule', {
    status: 403,
    reason: 'not-competent',
    detail:
      kind === 'predicate'
        ? '自定义条件只由数据主管部门的管理员编写。'
        : `目录 ${entry.code} 的质量规则由「${entry.department}」的数据专员设置。`,
    remedy: kind === 'predicate' ? '请选别的检查种类，或请主管部门添加。' : '请联系该部门。',
  })
}

/** The other entry of a reference: its keys must be as many as the items, and its data the department's to use. */
async function referenced(db: Database | Tx, entry: PublishedEntry, check: Extract<Check, { kind: 'reference' }>) {
  const other = await publishedEntry(db, { code: check.code })
  if (other?.state !== 'published') return { ok: false as const, message: `没有发布的目录 ${check.code}。` }
  if (other.department_id !== entry.department_id && !(await usesEntry(db, other.id, entry.department_id)))
    return {
      ok: false as const,
      message: `「${entry.department}」没有取用「${other.title}」的授权，不能拿它的数据核对。`,
      remedy: '先申请共享，取得授权后再设这条规则。',
    }
  const pool = await findPool(db, other.id)
  if (!pool) return { ok: false as const, message: `「${other.title}」还没有数据。`, remedy: '等它的数据入库后再设这条规则。' }
  if (pool.keys.length !== check.items.length) {
    const names = pool.keys.map(k => other.content.items.find(i => i.key === k)?.name ?? k).join('＋')
    return { ok: false as const, message: `「${other.title}」以 ${names} 为主键，要选 ${pool.keys.length} 个信息项与它对应。` }
  }
  return { ok: true as const, other, pool }
}

/** The whole rule, checked once; everything wrong is told together. */
async function requireSound(ctx: StaffContext, entry: PublishedEntry, check: Check, severity?: NewRule['severity']): Promise<void> {
  requireKind(ctx, entry, check.kind)
  const faults = new Faults()
  for (const f of ruleFaults(check, itemsOf(entry), ctx.day))
    faults.add(f.pointer, 'quality.rule_invalid', f.message, f.remedy ? { remedy: f.remedy } : {})
  if (severity === 'reject' && afterBatch.includes(check.kind))
    faults.add('/severity', 'quality.rule_invalid', `「${checkKindLabels[check.kind]}」在入库以后检查，不能拒收单行。`, {
      remedy: '请改为只计数。',
    })
  if (!faults.list.length && check.kind === 'reference') {
    const found = await referenced(ctx.db, entry, check)
    if (!found.ok) faults.add('/check/code', 'quality.rule_invalid', found.message, found.remedy ? { remedy: found.remedy } : {})
  }
  // The server's own word on the pattern: what its engine cannot read would fail every batch.
  if (!faults.list.length && check.kind === 'format' && check.pattern) {
    const { rows } = await readOnly(ctx, 2000, client => client.query(`select '' ~ ${literal(`^(?:${check.pattern})$`)}`)).catch(() => ({
      rows: [],
    }))
    if (!rows.length) faults.add('/check/pattern', 'quality.rule_invalid', '数据库读不懂这个表达式。')
  }
  faults.throwIfAny('quality.rule_invalid')
}

/** A transaction that can change nothing and ends by itself. Every check of a rule runs in one. */
async function readOnly<T>(ctx: Pick<Context, 'pool'>, milliseconds: number, read: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await ctx.pool.connect()
  try {
    await client.query('begin read only')
    await client.query(`set local statement_timeout = ${milliseconds}`)
    await client.query('set local jit = off')
    return await read(client)
  } finally {
    await client.query('rollback').catch(() => {})
    client.release()
  }
}

type Plan = { from: string; broken: string; checked?: string }
/** What a check reads, as SQL over the entry's table `t`; or why it cannot be made now. */
async function planOf(
  db: Database | Tx,
  entry: PublishedEntry,
  check: Check,
  pool: Pool,
  today: string,
  sample = '',
): Promise<Plan | { fault: string }> {
  const items = itemsOf(entry)
  const [fault] = ruleFaults(check, items, today)
  if (fault) return { fault: fault.message }
  const missing = usedBy(check, items, today).find(u => !pool.columns.includes(u.key))
  if (missing) return { fault: `「${items.find(i => i.key === missing.key)!.name}」还没有入库的数据` }
  const all = poolColumns(items)
  if (check.kind === 'unique') {
    const of = check.items.map(key => `t.${key}`).join(', ')
    // Rows without any of the values say nothing; of those that agree the first stands.
    return {
      from: `(select t.*, row_number() over (partition by ${of} order by t._key) > 1 as _again from ${pool.relation} t where num_nonnulls(${of}) > 0) t`,
      broken: 't._again',
    }
  }
  if (check.kind === 'reference') {
    const found = await referenced(db, entry, check)
    if (!found.ok) return { fault: found.message }
    const key = referenceKey(check.items, all)
    return {
      from: `(select t.*, o._key is null as _absent from ${pool.relation} t left join ${found.pool.relation} o on o._key = ${key} where num_nulls(${check.items.map(k => `t.${k}`).join(', ')}) = 0) t`,
      broken: 't._absent',
    }
  }
  const broken = brokenSql(check, all, today)
  return broken === undefined ? { fault: '这条规则现在不能检查' } : { from: `${pool.relation} t${sample}`, broken }
}

export type Found = { checked: number; failed: number; fault: string; newest?: string | null }
/** Counts what checks find in the whole table. Checks of single rows share one scan. */
export async function countAll(ctx: Context, entry: PublishedEntry, checks: { id: string; check: Check }[]): Promise<Map<string, Found>> {
  const found = new Map<string, Found>()
  const pool = await findPool(ctx.db, entry.id)
  const today = dayOf(ctx.now)
  if (!pool) return found
  const broke = (id: string, error: unknown) =>
    found.set(id, { checked: 0, failed: 0, fault: `没有查完：${(error as Error).message}`.slice(0, 300) })
  const byRow: { id: string; broken: string }[] = []
  for (const { id, check } of checks) {
    if (check.kind === 'fresh') {
      found.set(
        id,
        await freshness(ctx, entry, check, pool, today).catch(error => ({
          checked: 0,
          failed: 0,
          fault: `没有查完：${(error as Error).message}`,
        })),
      )
      continue
    }
    const plan = await planOf(ctx.db, entry, check, pool, today)
    if ('fault' in plan) found.set(id, { checked: 0, failed: 0, fault: plan.fault })
    else if (plan.from === `${pool.relation} t`) byRow.push({ id, broken: plan.broken })
    else
      await readOnly(ctx, 600_000, client => count(client, plan.from, [plan.broken]))
        .then(([checked, failed]) => found.set(id, { checked: checked!, failed: failed!, fault: '' }))
        .catch(error => broke(id, error))
  }
  const scan = (rules: typeof byRow) =>
    readOnly(ctx, 600_000, client =>
      count(
        client,
        `${pool.relation} t`,
        rules.map(r => r.broken),
      ),
    ).then(([checked, ...failed]) => {
      for (const [i, r] of rules.entries()) found.set(r.id, { checked: checked!, failed: failed[i]!, fault: '' })
    })
  // One that fails must not take the others with it.
  if (byRow.length)
    await scan(byRow).catch(async () => {
      for (const r of byRow) await scan([r]).catch(error => broke(r.id, error))
    })
  return found
}

async function count(client: pg.PoolClient, from: string, broken: string[]): Promise<number[]> {
  const { rows } = await client.query<{ n: number; failed: string[] }>(
    `select count(*) as n, array[${broken.map(b => `count(*) filter (where ${b})`).join(', ')}]::text[] as failed from ${from}`,
  )
  return [rows[0]!.n, ...rows[0]!.failed.map(Number)]
}

async function freshness(
  ctx: Context,
  entry: PublishedEntry,
  check: Extract<Check, { kind: 'fresh' }>,
  pool: Pool,
  today: string,
): Promise<Found> {
  if (check.item && !pool.columns.includes(check.item)) return { checked: 0, failed: 0, fault: '这一项还没有入库的数据' }
  const newest = check.item
    ? await readOnly(
        ctx,
        600_000,
        async client =>
          (await client.query<{ newest: string | null }>(`select max(t.${check.item})::date as newest from ${pool.relation} t`)).rows[0]!
            .newest,
      )
    : await filledAt(ctx.db, [entry.id]).then(m => (m.get(entry.id) ? dayOf(m.get(entry.id)!.updated) : null))
  const late = newest === null || (Date.parse(today) - Date.parse(newest)) / 86_400_000 > check.days
  return { checked: 1, failed: late ? 1 : 0, fault: '', newest }
}

const large = 1_000_000
/** What a check finds now, with rows that break it. Values are shown to the department whose data they are; its authority sees keys. */
async function look(ctx: StaffContext, entry: PublishedEntry, check: Check, most: number, milliseconds: number): Promise<Preview> {
  const items = itemsOf(entry)
  const other = check.kind === 'reference' ? (await publishedEntry(ctx.db, { code: check.code }))?.title : undefined
  const base = { words: wordsOf(check, items, other), checked: 0, failed: 0, sampled: false, example: [], note: '' }
  const pool = await findPool(ctx.db, entry.id)
  if (!pool) return { ...base, note: '这条目录还没有入库的数据，入库后才能看到检查结果。' }
  const slow = () =>
    refuse('quality.rule_slow', {
      reason: 'too-slow',
      detail: `数据太多，${milliseconds / 1000} 秒内没有查完。`,
      remedy: '规则可以保存；入库以后在后台检查，结果会写在这一页。',
    })
  const guard = (error: unknown): never => {
    if ((error as { code?: string }).code === '57014') slow()
    // Class 22: a value that the condition cannot be worked out for.
    if (/^(22|42)/.test((error as { code?: string }).code ?? ''))
      refuse('quality.rule_invalid', {
        detail: `按现有的数据算不出结果：${(error as Error).message}`,
        errors: [{ pointer: '/check', code: 'quality.rule_invalid', message: (error as Error).message }],
      })
    throw error
  }
  if (check.kind === 'fresh') {
    const found = await freshness(ctx, entry, check, pool, ctx.day)
    return { ...base, ...found, note: found.fault || (found.newest ? `最新的是 ${found.newest}。` : '没有可以比较的日期。') }
  }
  const rows = (await filledAt(ctx.db, [entry.id])).get(entry.id)?.rows ?? 0
  const plan = await planOf(ctx.db, entry, check, pool, ctx.day, rows > large ? ` tablesample system (${(100 * large) / rows})` : '')
  if ('fault' in plan) return { ...base, note: `${plan.fault}。` }
  const used = usedBy(check, items, ctx.day).map(u => u.key)
  const shown = entry.department_id === ctx.actor.departmentId ? [...new Set(used)] : []
  const result = await readOnly(ctx, milliseconds, async client => {
    const [checked, failed] = await count(client, plan.from, [plan.broken])
    const bad = failed
      ? await client.query<Record<string, string | null>>(
          `select t._key${shown.map(key => `, t.${key}::text as ${key}`).join('')} from ${plan.from} where ${plan.broken} order by t._key limit ${most}`,
        )
      : { rows: [] }
    return { checked: checked!, failed: failed!, bad: bad.rows }
  }).catch(guard)
  if (result.bad.length)
    await recordRead(ctx, {
      action: 'quality.preview',
      subject: entry.code,
      content: `不符合规则的行：${base.words}`.slice(0, 500),
      data: { rows: result.bad.length },
    })
  return {
    ...base,
    checked: result.checked,
    failed: result.failed,
    sampled: rows > large && plan.from.includes('tablesample'),
    example: result.bad.map(row => ({
      key: row._key!.replaceAll('\u001f', ' + '),
      values: shown.map(key => ({ name: items.find(i => i.key === key)?.name ?? key, value: row[key] ?? null })),
    })),
    note: result.checked === 0 ? '没有可以检查的行。' : '',
  }
}

export async function previewOf(ctx: StaffContext, code: string, check: Check): Promise<Preview> {
  const entry = await entryAt(ctx.db, { code })
  await requireSound(ctx, entry, check)
  return look(ctx, entry, check, 10, 10_000)
}
export async function rowsOf(ctx: StaffContext, id: string): Promise<Preview> {
  const { rule, entry } = await ownRule(ctx, id)
  return look(ctx, entry, rule.check, 50, 30_000)
}

/** A rule the caller may see the rows of: of the own department, or of the region of an authority. */
async function ownRule(ctx: StaffContext, id: string): Promise<{ rule: RuleRecord; entry: PublishedEntry }> {
  const rule = (await ctx.db
    .selectFrom('quality.rule')
    .select(columns)
    .where('id', '=', id)
    .where('removed', 'is', null)
    .executeTakeFirst()) as unknown as RuleRecord | undefined
  const entry = rule && (await publishedEntry(ctx.db, { id: rule.entry_id }))
  if (!rule || !entry || !(entry.department_id === ctx.actor.departmentId || oversees(ctx, entry))) notFound('quality.rule', '质量规则')
  return { rule, entry }
}

const stored = (ctx: StaffContext, entry: PublishedEntry, n: NewRule) => ({
  title: n.title || wordsOf(n.check, itemsOf(entry)).slice(0, 100),
  check: JSON.stringify(n.check),
  dimension: n.dimension,
  severity: n.severity,
  weight: n.weight,
  threshold: n.threshold,
  article: n.article,
  active: n.active,
  changed: ctx.now,
  changed_by: `${ctx.actor.department} ${ctx.actor.name}`,
})
export const mostRules = 200
export async function addRule(ctx: StaffContext, code: string, n: NewRule): Promise<QualityRule> {
  const entry = await entryAt(ctx.db, { code })
  await requireSound(ctx, entry, n.check, n.severity)
  const id = newId()
  await ctx.db.transaction().execute(async tx => {
    if ((await rulesOf(tx, entry.id)).length >= mostRules)
      refuse('quality.too_many_rules', { detail: `一条目录最多 ${mostRules} 条规则。`, remedy: '请删去不用的规则。' })
    await tx
      .insertInto('quality.rule')
      .values({ id, entry_id: entry.id, ...stored(ctx, entry, n) })
      .execute()
    await record(tx, ctx, {
      action: 'quality.rule',
      subject: entry.code,
      content: `添加：${n.title || wordsOf(n.check, itemsOf(entry))}`,
      data: { rule: id, ...n },
    })
  })
  return one(ctx, entry, id)
}
export async function changeRule(ctx: StaffContext, id: string, n: NewRule): Promise<QualityRule> {
  const { rule, entry } = await ownRule(ctx, id)
  requireKind(ctx, entry, rule.check.kind)
  await requireSound(ctx, entry, n.check, n.severity)
  await ctx.db.transaction().execute(async tx => {
    await tx
      .updateTable('quality.rule')
      .set(stored(ctx, entry, n))
      .where('id', '=', id)
      .execute()
    await record(tx, ctx, {
      action: 'quality.rule',
      subject: entry.code,
      content: `修改：${rule.title}`,
      data: { rule: id, before: rule.check, ...n },
    })
  })
  return one(ctx, entry, id)
}
export async function removeRule(ctx: StaffContext, id: string): Promise<void> {
  const { rule, entry } = await ownRule(ctx, id)
  requireKind(ctx, entry, rule.check.kind)
  await ctx.db.transaction().execute(async tx => {
    await tx.updateTable('quality.rule').set({ removed: ctx.now, active: false }).where('id', '=', id).execute()
    await record(tx, ctx, {
      action: 'quality.rule',
      subject: entry.code,
      content: `删去：${rule.title}`,
      data: { rule: id, before: rule.check },
    })
  })
}
const one = async (ctx: StaffContext, entry: PublishedEntry, id: string): Promise<QualityRule> =>
  (await viewsOf(ctx, entry)).find(r => r.id === id)!

async function viewsOf(ctx: StaffContext, entry: PublishedEntry): Promise<QualityRule[]> {
  const rules = await rulesOf(ctx.db, entry.id)
  const { rows: results } = await sql<{ rule_id: string; batch_no: string; at: Date; checked: number; failed: number; fault: string }>`
    select distinct on (r.rule_id) r.rule_id, s.batch_no, s.at, r.checked, r.failed, r.fault from quality.rule_result r
    join quality.score s on s.entry_id = r.entry_id and s.batch_id = r.batch_id where r.entry_id = ${entry.id} order by r.rule_id, s.at desc, s.batch_no desc`.execute(
    ctx.db,
  )
  const tickets = await openTickets(ctx.db, entry.id)
  const kinds = kindsFor(ctx, entry)
  const items = itemsOf(entry)
  return rules.map(r => {
    const last = results.find(x => x.rule_id === r.id)
    return {
      id: r.id,
      title: r.title,
      check: r.check,
      dimension: r.dimension,
      severity: r.severity,
      weight: r.weight,
      threshold: r.threshold,
      article: r.article,
      active: r.active,
      words: wordsOf(r.check, items),
      kindLabel: checkKindLabels[r.check.kind],
      dimensionLabel: dimensions[r.dimension],
      last: last
        ? { batchNo: last.batch_no, at: last.at.toISOString(), checked: last.checked, failed: last.failed, fault: last.fault }
        : null,
      ticket: tickets.find(t => t.rule_id === r.id)?.case_no ?? null,
      may: kinds.includes(r.check.kind),
      changed: r.changed.toISOString(),
      changedBy: r.changed_by,
    }
  })
}

export const defaultLimit = 60
/** The score under which a ticket opens: as set, else the usual one where the entry has rules. */
export async function limitOf(db: Database | Tx, entryId: string, ruled: boolean): Promise<number | null> {
  const set = await db.selectFrom('quality.score_limit').select('score').where('entry_id', '=', entryId).executeTakeFirst()
  return set ? set.score : ruled ? defaultLimit : null
}
export async function setLimit(ctx: StaffContext, code: string, limit: number | null): Promise<void> {
  const entry = await entryAt(ctx.db, { code })
  if (!owns(ctx, entry) && !oversees(ctx, entry)) requireKind(ctx, entry, 'not-null')
  await ctx.db.transaction().execute(async tx => {
    await tx
      .insertInto('quality.score_limit')
      .values({ entry_id: entry.id, score: limit })
      .onConflict(c => c.column('entry_id').doUpdateSet({ score: limit }))
      .execute()
    await record(tx, ctx, {
      action: 'quality.rule',
      subject: entry.code,
      content: limit === null ? '得分不再发问题单' : `得分低于 ${limit} 发问题单`,
    })
  })
}

export async function entryRulesOf(ctx: StaffContext, code: string): Promise<EntryRules> {
  const entry = await entryAt(ctx.db, { code })
  const rules = await viewsOf(ctx, entry)
  const { rows } = await sql<{
    batch_no: string
    at: Date
    loaded: boolean
    total: number | null
    dimensions: EntryRules['trend'][number]['dimensions']
  }>`
    select batch_no, at, loaded, total, dimensions from quality.score where entry_id = ${entry.id} order by at desc, batch_no desc limit 60`.execute(
    ctx.db,
  )
  return {
    code: entry.code,
    title: entry.title,
    rules,
    items: entry.content.items.filter(i => i.name).map(i => ({ key: i.key, name: i.name, type: i.type ?? 'C', identifier: i.identifier })),
    kinds: kindsFor(ctx, entry),
    limit: await limitOf(
      ctx.db,
      entry.id,
      rules.some(r => r.active),
    ),
    trend: rows.reverse().map(r => ({
      batchNo: r.batch_no,
      at: r.at.toISOString(),
      loaded: r.loaded,
      score: r.total,
      dimensions: r.dimensions.map(({ key, label, score }) => ({ key, label, score })),
    })),
  }
}

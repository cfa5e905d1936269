import { sql } from 'kysely'
import type { Cite, Fault } from '../../../contract/common.ts'
import { addDays, addMonths, dayOf } from '../../platform/clock.ts'
import type { Context, StaffContext } from '../../platform/context.ts'
import type { Tx } from '../../platform/db.ts'
import { newId } from '../../platform/id.ts'
import { Faults, refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { barEntry, checkGround, freshness, groundCite } from '../catalog/public.ts'
import { setGrantState } from '../delivery/public.ts'
import { fulfilDuties, openDuty } from '../procedure/public.ts'
import { govern, openLabel } from '../regulation/public.ts'
import { withdrawListing } from './commands.ts'
import type { OpenEntry } from './queries.ts'

/** What is known about an entry that decides whether it is open, due to be opened, or stays closed. */
export type ScopeFacts = {
  entryId: string
  code: string
  title: string
  department: string
  departmentId: string
  region: string
  openClass: string | null
  ground: string | null
  evidence: Record<string, string>
  hasBasis: boolean
  listed: boolean
  cycle: string | null
  updated: Date | null
  published: Date
  unlock: { how: 'desensitised' | 'consent'; at: string; method: string } | null
  evaluation: { conclusion: 'open' | 'keep'; ground: string | null; at: string } | null
}

export async function scopeOf(
  ctx: Context,
  where: { entryId: string } | { region: string | null; departmentId: string | null },
): Promise<ScopeFacts[]> {
  const one = 'entryId' in where
  const { rows } = await ctx.pool.query<ScopeFacts>(
    `select e.id as "entryId", e.code, e.title, e.department, e.department_id as "departmentId", e.region, e.open_class as "openClass",
       e.content #>> '{openExclusion,ground}' as ground, coalesce(e.content #> '{openExclusion,evidence}', '{}') as evidence,
       coalesce(e.content #>> '{openBasis,instrument}', '') <> '' as "hasBasis", coalesce(l.state = 'open', false) as listed,
       e.content ->> 'updateCycle' as cycle, m.updated, e.published,
       (select json_build_object('how', u.how, 'at', u.at, 'method', u.method) from opening.unlock u where u.entry_id = e.id order by u.at desc limit 1) as unlock,
       (select json_build_object('conclusion', v.conclusion, 'ground', v.ground, 'at', v.at) from opening.evaluation v where v.entry_id = e.id order by v.at desc limit 1) as evaluation
     from catalog.entry_view e
     left join opening.listing l on l.entry_id = e.id
     left join aggregation.mount_view m on m.entry_id = e.id
     where e.state = 'published' and ${one ? 'e.id = $1::uuid and $2::text is null' : '($1::text is null or e.region = $1) and ($2::text is null or e.department_id = $2::uuid)'}
     order by e.code limit 5000`,
    one ? [where.entryId, null] : [where.region, where.departmentId],
  )
  return rows
}

export type Coverage = {
  state: 'open' | 'due' | 'excluded' | 'evaluate'
  why: string
  faults: Fault[]
  cite: Cite | null
  next: string | null
  late: boolean
}
export const coverageLabels = { open: '已开放', due: '应当开放', excluded: '不列入开放', evaluate: '到期再评估' } as const

/** Open, due to be opened, or closed on a ground that still stands. */
export function coverageOf(f: ScopeFacts, day: string, now: Date): Coverage {
  const exclusions = govern(f.region, 'open-exclusions', day)
  const ground = exclusions.value.grounds.find(g => g.key === f.ground)
  const faults: Fault[] = []
  const restricted = govern(f.region, 'open-restricted', day)
  if (f.openClass !== 'open' && (govern(f.region, 'open-basis', day).value.required as string[]).includes(f.openClass ?? '') && !f.hasBasis)
    faults.push({
      pointer: '/openBasis',
      code: 'basis-required',
      message: `没有写明依据，不列入公布的${openLabel(f.region, f.openClass, day)}目录。`,
      cite: restricted.cite,
      remedy: '请在目录里补上依据并发布新版本。',
    })
  const fresh = freshness((f.cycle ?? undefined) as never, f.updated, now)
  const late = f.listed && fresh?.fresh === false
  if (late)
    faults.push({
      pointer: '/updateCycle',
      code: 'update-overdue',
      message: `数据${fresh!.words}，门户已标明。`,
      cite: govern(f.region, 'open-update', day).cite,
      remedy: '请更新数据，或变更更新周期。',
    })
  const base = { faults, late, next: null }
  if (f.listed) return { ...base, state: 'open', why: late ? `已开放，${fresh!.words}` : '已在门户开放', cite: null }
  if (f.openClass !== 'closed')
    return { ...base, state: 'due', why: `类型是${openLabel(f.region, f.openClass, day)}，还没有开放`, cite: exclusions.cite }
  if (!ground) {
    if (!exclusions.value.required) return { ...base, state: 'excluded', why: '当地不要求写明情形', cite: exclusions.cite }
    return { ...base, state: 'due', why: '没有写明属于哪一种不开放的情形', cite: exclusions.cite }
  }
  const cite = groundCite(exclusions, ground)
  const renewed = f.evaluation?.conclusion === 'keep' && f.evaluation.ground && f.unlock && f.evaluation.at >= f.unlock.at
  if (f.unlock && !renewed)
    return {
      ...base,
      state: 'due',
      why: f.unlock.how === 'desensitised' ? `脱敏后的版本可以开放：${f.unlock.method}` : `已取得同意，可以开放：${f.unlock.method}`,
      cite: govern(f.region, 'open-unlock', day).cite,
    }
  if (f.evaluation?.conclusion === 'open')
    return { ...base, state: 'due', why: '再评估的结论是可以开放', cite: govern(f.region, 'open-reevaluate', day).cite }
  const next = nextEvaluation(f, ground.ends ? f.evidence[ground.ends] : undefined, day)
  if (next <= day)
    return {
      ...base,
      state: 'evaluate',
      why: `${ground.label}；上次评估已过间隔，应再评估`,
      next,
      cite: govern(f.region, 'open-reevaluate', day).cite,
    }
  return { ...base, state: 'excluded', why: ground.label, next, cite }
}

/** The day after which an excluded entry must be looked at again: the interval, or sooner the day the ground itself ends. */
function nextEvaluation(f: ScopeFacts, ends: string | undefined, day: string): string {
  const { months } = govern(f.region, 'open-reevaluate', day).value
  const since = f.evaluation ? dayOf(new Date(f.evaluation.at)) : dayOf(f.published)
  const regular = addMonths(since, months)
  return ends && /^\d{4}-\d{2}-\d{2}$/.test(ends) && addDays(ends, 1) < regular && addDays(ends, 1) > since ? addDays(ends, 1) : regular
}

const mine = (ctx: StaffContext, entry: OpenEntry): void => {
  if (ctx.actor.departmentId !== entry.departmentId)
    refuse('opening.not_yours', {
      status: 403,
      reason: 'not-competent',
      detail: `「${entry.title}」由 ${entry.department} 提供，只有提供部门能办这一步。`,
      cite: govern(entry.region, 'open-list', ctx.day).cite,
    })
}

export async function unlockEntry(
  tx: Tx,
  ctx: StaffContext,
  entry: OpenEntry,
  u: { how: 'desensitised' | 'consent'; method: string; reviewer: string; result: string },
): Promise<void> {
  mine(ctx, entry)
  await sql`insert into opening.unlock (id, entry_id, how, method, reviewer, result, at)
    values (${newId(ctx.now.getTime())}, ${entry.entryId}, ${u.how}, ${u.method}, ${u.reviewer}, ${u.result}, ${ctx.now})`.execute(tx)
  await record(tx, ctx, {
    action: 'opening.unlock',
    subject: entry.code,
    approver: u.reviewer,
    content: `${u.how === 'desensitised' ? '脱敏' : '同意'}：${u.result}`,
    cite: govern(entry.region, 'open-unlock', ctx.day).cite,
  })
}

/** A re-evaluation ends with a conclusion; to stay closed after something unlocked the data takes a new ground. */
export async function evaluateEntry(
  tx: Tx,
  ctx: StaffContext,
  entry: OpenEntry,
  facts: ScopeFacts,
  e: { conclusion?: 'open' | 'keep' | undefined; reason: string; ground?: string | undefined; evidence: Record<string, string> },
): Promise<void> {
  mine(ctx, entry)
  const rule = govern(entry.region, 'open-reevaluate', ctx.day)
  const exclusions = govern(entry.region, 'open-exclusions', ctx.day)
  const faults = new Faults()
  if (!e.conclusion) faults.add('/conclusion', 'conclusion-required', '再评估要写明结论：可以开放，或者仍不开放。', { cite: rule.cite })
  if (e.reason.length < 4) faults.add('/reason', 'reason-required', '请写明得出结论的理由。', { cite: rule.cite })
  if (e.conclusion === 'keep') {
    const ground = exclusions.value.grounds.find(g => g.key === e.ground)
    const unlocked = facts.unlock && !(facts.evaluation?.ground && facts.evaluation.at >= facts.unlock.at)
    if (unlocked && (!ground || ground.key === facts.ground))
      faults.add('/ground', 'exclusion-ground-required', '数据经处理或取得同意后已可以开放；仍不开放的，要写明新的情形。', {
        cite: govern(entry.region, 'open-unlock', ctx.day).cite,
      })
    else if (ground) for (const f of checkGround(exclusions, ground, e.evidence)) faults.add(f.pointer, f.code, f.message, { cite: f.cite })
  }
  faults.throwIfAny('opening.evaluation_incomplete')
  await sql`insert into opening.evaluation (id, entry_id, conclusion, reason, ground, evidence, reviewer, at)
    values (${newId(ctx.now.getTime())}, ${entry.entryId}, ${e.conclusion}, ${e.reason}, ${e.ground ?? null}, ${JSON.stringify(e.evidence)}, ${ctx.actor.name}, ${ctx.now})`.execute(
    tx,
  )
  await fulfilDuties(tx, { name: 'open-evaluate', href: `/workbench/opening/${entry.code.replace('/', '-')}` }, ctx.day)
  await record(tx, ctx, {
    action: 'opening.evaluate',
    subject: entry.code,
    content: `${e.conclusion === 'open' ? '可以开放' : '仍不开放'}：${e.reason}`,
    cite: rule.cite,
  })
}

/** A task for every excluded entry whose turn has come, and a word to who provides a set that is late. Once each. */
export async function remindEvaluations(ctx: Context): Promise<void> {
  const { rows: known } = await ctx.pool.query<{ name: string; href: string }>(
    "select name, href from procedure.reminder_view where name in ('open-evaluate', 'open-update') and ended is null",
  )
  const open = new Set(known.map(d => `${d.name} ${d.href}`))
  for (const f of await scopeOf(ctx, { region: null, departmentId: null })) {
    const c = coverageOf(f, ctx.day, ctx.now)
    const href = `/workbench/opening/${f.code.replace('/', '-')}`
    const name = c.state === 'evaluate' ? 'open-evaluate' : c.late ? 'open-update' : null
    if (!name || open.has(`${name} ${href}`)) continue
    const rule = govern(f.region, name === 'open-evaluate' ? 'open-reevaluate' : 'open-update', ctx.day)
    await ctx.db.transaction().execute(tx =>
      openDuty(tx, {
        name,
        what: name === 'open-evaluate' ? '再评估不开放的数据' : '更新开放的数据',
        debtorId: f.departmentId,
        debtor: f.department,
        role: 'provider',
        title: name === 'open-evaluate' ? `再评估「${f.title}」是否可以开放` : `「${f.title}」${c.why}`,
        href,
        day: ctx.day,
        within: { days: null, word: name === 'open-evaluate' ? '定期' : '及时' },
        origin: 'platform',
        cite: rule.cite,
        inherited: rule.inherited,
      }),
    )
  }
}

/**
 * An entry found secret: no channel serves it from this moment, whether or not the determination is named yet. Once it is named, the
 * content of every version is erased and only a note stays.
 */
export async function blockSecret(
  ctx: StaffContext,
  entry: OpenEntry,
  given: { ground: string; evidence: Record<string, string> },
): Promise<{ state: 'blocked' | 'recorded'; note: string }> {
  const authority = ctx.actor.departmentRoles.includes('authority') && ctx.actor.region === entry.region
  if (!authority) mine(ctx, entry)
  const exclusions = govern(entry.region, 'open-exclusions', ctx.day)
  const platform = exclusions.value.grounds.find(g => g.secret && g.key === given.ground)
  const ground =
    platform ??
    refuse('opening.ground', {
      reason: 'exclusion-ground-required',
      detail: `这里只办理涉密的情形：${
        exclusions.value.grounds
          .filter(g => g.secret)
          .map(g => g.label)
          .join('、') || '当地没有列出'
      }。`,
      remedy: '其他情形请变更目录，写明不开放的情形。',
      cite: exclusions.cite,
    })
  const missing = checkGround(exclusions, ground, given.evidence)
  const determination = missing.length ? null : given.evidence[ground.evidence[0]!.key]!
  await ctx.db.transaction().execute(async tx => {
    await sql`insert into opening.exclusion (entry_id, ground, state, determination, blocked_at, blocked_by, recorded_at)
      values (${entry.entryId}, ${ground.key}, ${determination ? 'recorded' : 'blocked'}, ${determination}, ${ctx.now}, ${ctx.actor.name}, ${determination ? ctx.now : null})
      on conflict (entry_id) do update set state = excluded.state, determination = excluded.determination, recorded_at = excluded.recorded_at`.execute(
      tx,
    )
    if (entry.listing?.state === 'open') await withdrawListing(tx, ctx, entry, '按规定停止开放。', { silent: true })
    const cite = groundCite(exclusions, ground)
    // Shared data stop with the same statement: a grant's version is checked by every read.
    const { rows: grants } = await sql<{
      id: string
    }>`select id from delivery.grant_view where entry_id = ${entry.entryId} and state = 'active'`.execute(tx)
    for (const g of grants) await setGrantState(tx, ctx, g.id, 'suspended', '目录按规定停止访问。', cite)
    await sql`update opening.access set state = 'ended', version = version + 1 where entry_id = ${entry.entryId} and state in ('approved', 'active')`.execute(
      tx,
    )
    await barEntry(tx, ctx, entry.entryId, { erase: !!determination, note: `按${ground.label}处理，内容已移除。` })
    await record(tx, ctx, {
      action: 'opening.block',
      subject: entry.code,
      content: determination ? `${ground.label}，已登记定密依据` : `${ground.label}，先行停止访问`,
      cite: groundCite(exclusions, ground),
    })
  })
  if (missing.length) {
    await ctx.ledger.flush()
    refuse('opening.ground_evidence', {
      reason: 'ground-evidence-missing',
      detail: `访问已经立即停止；还缺“${ground.evidence[0]!.label}”，补上后才能登记为${ground.label}。`,
      remedy: '请写明定密的依据和文号，再提交一次。',
      cite: groundCite(exclusions, ground),
      errors: missing.map(({ pointer, code, message, cite }) => ({ pointer: pointer.replace('/openExclusion', ''), code, message, cite })),
    })
  }
  return { state: 'recorded', note: `按${ground.label}登记，只保留这条说明。` }
}

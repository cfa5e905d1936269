import { sql } from 'kysely'
import type pg from 'pg'
import type { Context } from '../../platform/context.ts'
import { refuse } from '../../platform/problem.ts'
import { record } from '../audit/public.ts'
import { digestOf } from '../organization/public.ts'
import { govern } from '../regulation/public.ts'
import type { OpenEntry } from './queries.ts'

export type AccessState = 'approved' | 'active' | 'limited' | 'closed' | 'ended'
export const accessLabels: Record<AccessState, string> = {
  approved: '已同意，待签协议',
  active: '使用中',
  limited: '已限制访问',
  closed: '已关闭访问',
  ended: '已结束',
}
/** One authorisation to use a conditional set. */
export type AccessRow = {
  id: string
  no: string
  version: number
  entryId: string
  region: string
  holder: string
  holderKind: string
  purpose: string
  scenario: string
  useKind: string
  publicBenefit: boolean
  terms: string
  state: AccessState
  stateReason: string | null
  stateCite: import('../../../contract/common.ts').Cite | null
  caseId: string
  caseNo: string
  approver: string
  cite: import('../../../contract/common.ts').Cite
  keyNumber: number
  granted: string
  until: string | null
  reportDue: string | null
  exceeded: number
  followUpDue: string | null
}
export const accessColumns = `a.id, a.no, a.version, a.entry_id as "entryId", a.region, a.holder, a.holder_kind as "holderKind", a.purpose, a.scenario,
  a.use_kind as "useKind", a.public_benefit as "publicBenefit", a.terms, a.state, a.state_reason as "stateReason", a.state_cite as "stateCite",
  a.case_id as "caseId", a.case_no as "caseNo", a.approver, a.cite, a.key_number as "keyNumber", a.granted, a.until, a.report_due as "reportDue",
  a.exceeded, a.follow_up_due as "followUpDue"`

/** The key is 256 random bits, so a plain digest is enough. */

const findByKey = async (pool: pg.Pool, key: string): Promise<AccessRow | undefined> =>
  (await pool.query<AccessRow>(`select ${accessColumns} from opening.access a where a.key_hash = $1`, [digestOf(key)])).rows[0]

/** Who may take the data of a conditional set: the holder of an authorisation in force, with the agreement signed. Else refused, with why. */
export async function admit(
  ctx: Context,
  entry: OpenEntry,
  { key, purpose }: { key: string | null; purpose: string | null },
): Promise<AccessRow> {
  const access = govern(entry.region, 'open-access', ctx.day)
  const deny = (detail: string, remedy: string): never =>
    refuse('opening.no_access', { status: 403, reason: 'no-access-grant', detail, remedy, cite: access.cite })
  if (!key)
    return deny(`「${entry.title}」经申请授权后才能取用。`, '请在数据集页面申请使用；已经获得授权的，在请求头 Authorization 里带上密钥。')
  const a = await findByKey(ctx.pool, key)
  if (!a) return deny('密钥不对，或已经换过。', '请在「查询办理进度」里重新生成密钥。')
  if (a.entryId !== entry.entryId) return deny(`授权 ${a.no} 不含「${entry.title}」。`, '请申请使用这个数据集。')
  if (a.state === 'approved')
    refuse('opening.agreement_missing', {
      status: 403,
      reason: 'agreement-required',
      detail: `授权 ${a.no} 还没有签订数据使用协议，不提供数据。（签订前不提供是平台约定。）`,
      remedy: '由提供部门和你在办件里签订协议后生效。',
      cite: govern(entry.region, 'open-agreement', ctx.day).cite,
    })
  if (a.state === 'limited' || a.state === 'closed')
    refuse('opening.access_limited', {
      status: 403,
      reason: 'access-limited',
      detail: `授权 ${a.no} ${accessLabels[a.state]}。原因：${a.stateReason ?? '未写明'}`,
      remedy: '决定和理由在门户公示；有异议的可以提出。',
      cite: a.stateCite ?? govern(entry.region, 'open-limit', ctx.day).cite,
    })
  if (a.state === 'ended' || (a.until && a.until < ctx.day)) return deny(`授权 ${a.no} 已经结束。`, '仍需使用的，请重新申请。')
  if (purpose && !withinScenario(`${a.scenario}${a.purpose}`, purpose)) {
    await ctx.db.transaction().execute(async tx => {
      await sql`update opening.access set exceeded = exceeded + 1 where id = ${a.id}`.execute(tx)
      await record(tx, ctx, { action: 'opening.exceeded', subject: a.no, person: a.holder, purpose, caseNo: a.caseNo, region: a.region })
    })
    refuse('opening.scenario_exceeded', {
      status: 403,
      reason: 'scenario-exceeded',
      detail: `授权 ${a.no} 的场景是「${a.scenario}」，不含「${purpose}」。`,
      remedy: '需要改变场景的，请重新申请。',
      cite: govern(entry.region, 'open-scenario', ctx.day).cite,
    })
  }
  return a
}

/** Pairs of neighbouring characters: enough to tell another matter from the same one in other words. */
const pairs = (text: string): Set<string> => {
  const s = text.replace(/[\s\p{P}]/gu, '')
  return new Set(Array.from({ length: Math.max(0, s.length - 1) }, (_, i) => s.slice(i, i + 2)))
}
export function withinScenario(applied: string, used: string): boolean {
  const a = pairs(applied)
  const b = pairs(used)
  return b.size > 0 && [...b].filter(x => a.has(x)).length / b.size >= 0.3
}

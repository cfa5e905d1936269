import { BlockList, isIPv4 } from 'node:net'
import type { Item } from '../../../contract/catalog.ts'
import type { Cite } from '../../../contract/common.ts'
import { type MaskProfile, maskProfiles, profilesFor } from '../../../contract/delivery.ts'
import { type GrantedItem, treatments } from '../../../contract/procedure.ts'
import type { Actor } from '../../platform/context.ts'
import { refuse } from '../../platform/problem.ts'
import type { OutgoingItem, RowLimit } from './projection.ts'

/** `gate`: the block is platform policy and may be switched to a reminder. */
export type Await = { key: string; reason: string; what: string; who: string; cite: Cite; gate?: string | undefined }

/** A grant with what is needed to judge and deliver. */
export type GrantRecord = {
  id: string
  no: string
  version: number
  state: 'active' | 'suspended' | 'revoked'
  stateReason: string | null
  stateCite: Cite | null
  stateAt: Date | null
  entryId: string
  granteeDepartmentId: string
  systemId: string | null
  items: OutgoingItem[]
  /** Only rows with one of these values leave. */
  limits: RowLimit[]
  purpose: string
  basis: string
  approver: string
  from: string
  until: string | null
  quotaPerDay: number | null
  caseNo: string | null
  method: string
  cite: Cite
  /** What is still missing before anything is delivered. */
  awaits: Await[]
  /** Sharing conditions of the entry as both sides saw them. */
  conditions: string
  agreedWay: string
  /** Matters beside the purpose: a call that states one of them is for what was granted. */
  matters: string[]
  approved: Date | null
  effective: Date | null
  allowedIps: string[]
  clientId: string | null
  credential: number
  /** Who answers for it at the grantee, and who did before. */
  officerId: string | null
  officer: string
  formerOfficers: { id: string; name: string; until: string }[]
}

export type Refusal = {
  ok: false
  code: string
  status: number
  reason: string
  detail: string
  remedy: string
  cite?: Cite | undefined
}
export type Verdict = { ok: true } | Refusal

export type DataCall = {
  code: string
  /** Number of the credentials the token was made with; null for a trial by a signed-in person. */
  credential: number | null
  ip: string
  day: string
  operator: string | null
  caseRef: string | null
  purpose: string | null
  /** The unit that uses the data, when the caller states one. */
  user: string | null
  /** How the data leave; absent: by the interface. */
  channel?: 'api' | 'file' | undefined
}
/** `purpose`: only what was approved; `use`: only for own duties. `remind`: gates that only remind in this region. */
export type Articles = { record: Cite; access: Cite; purpose: Cite; use: Cite; remind?: ReadonlySet<string> }

/** Whether this call may take data under this grant. First what the grant allows, then what the usage record needs. */
export function judgeCall(
  grant: GrantRecord & { grantee?: string },
  entry: { code: string; published: boolean },
  call: DataCall,
  cite: Articles,
): Verdict {
  const no = (code: string, status: number, reason: string, detail: string, remedy: string, c?: Cite): Refusal => ({
    ok: false,
    code,
    status,
    reason,
    detail,
    remedy,
    cite: c,
  })
  if (call.credential !== null && call.credential !== grant.credential)
    return no('data.token_replaced', 401, 'token-invalid', '凭证已经轮换，这个令牌不再有效。', '请用新密钥换取令牌。')
  if (call.code !== urlCode(entry.code))
    return no(
      'data.no_grant',
      403,
      'no-access-grant',
      `授权 ${grant.no} 不含这个目录。`,
      '请核对地址里的信息资源代码，或申请使用。',
      cite.access,
    )
  if (grant.state === 'suspended')
    return no(
      'data.grant_suspended',
      403,
      'grant-suspended',
      `授权 ${grant.no} 已暂停。原因：${grant.stateReason ?? '未写明'}`,
      '由提供部门恢复后即可再用。',
      grant.stateCite ?? grant.cite,
    )
  if (grant.state === 'revoked')
    return no(
      'data.grant_revoked',
      403,
      'grant-revoked',
      `授权 ${grant.no} 已终止。原因：${grant.stateReason ?? '未写明'}`,
      '仍需使用的，请重新申请。',
      grant.stateCite ?? grant.cite,
    )
  if (call.day < grant.from)
    return no('data.grant_not_yet', 403, 'grant-not-yet', `授权 ${grant.no} 自 ${grant.from} 起生效。`, '请在生效日之后调用。', grant.cite)
  if (grant.until && call.day > grant.until)
    return no(
      'data.grant_expired',
      403,
      'grant-expired',
      `授权 ${grant.no} 已于 ${grant.until} 到期。`,
      '仍需使用的，请申请续期。',
      grant.cite,
    )
  const open = grant.awaits.find(a => !a.gate || !cite.remind?.has(a.gate))
  if (open)
    return no(
      'data.grant_awaits',
      403,
      open.reason,
      `授权 ${grant.no} 还没有${open.what}，暂不提供数据。${open.gate ? '（先补齐再提供是平台约定）' : ''}`,
      `由 ${open.who} 办理后即可调用。`,
      open.cite,
    )
  const wrongWay = (call.channel ?? 'api') === 'file' ? !mayPackage(grant) : grant.method === 'file'
  if (wrongWay)
    return no(
      'data.method_not_granted',
      403,
      'method-not-granted',
      `授权 ${grant.no} 的共享方式是「${grant.method === 'file' ? '数据文件' : '服务接口'}」，不能用别的方式取用。`,
      '请按授权的方式取用；需要别的方式的，重新申请。',
      grant.cite,
    )
  if (!entry.published)
    return no('data.entry_withdrawn', 403, 'entry-withdrawn', '这个目录已撤销或正在下线，不再提供数据。', '请联系提供部门。')
  if (grant.allowedIps.length > 0 && call.credential !== null && !listed(grant.allowedIps, call.ip))
    return no(
      'data.address_not_allowed',
      403,
      'ip-not-allowed',
      `地址 ${call.ip} 不在授权 ${grant.no} 的白名单里。`,
      '请在授权页登记服务器地址。',
    )
  if (!call.operator)
    return no(
      'data.record_incomplete',
      422,
      'record-incomplete',
      '没有写明使用人员：请求头 x-huitong-operator 为空。取用共享数据须登记使用人员，登记不全不提供数据。',
      '请在请求头 x-huitong-operator 写明经办人姓名（UTF-8，百分号编码）。',
      cite.record,
    )
  if (!call.caseRef)
    return no(
      'data.record_incomplete',
      422,
      'record-incomplete',
      '没有写明办理事项：请求头 x-huitong-case 为空。取用共享数据须登记用于哪一件事，登记不全不提供数据。',
      '请在请求头 x-huitong-case 写明业务编号或办件编号。',
      cite.record,
    )
  const former = call.operator === grant.officer ? undefined : grant.formerOfficers.find(f => f.name === call.operator)
  if (former)
    return no(
      'data.operator_replaced',
      403,
      'operator-replaced',
      `${former.name} 自 ${former.until} 起不再是授权 ${grant.no} 的经办人，现在是 ${grant.officer}。`,
      '请写明现在的使用人员；仍由他办理的，由使用部门在授权页变更经办人。',
      cite.record,
    )
  if (call.user && grant.grantee && call.user !== grant.grantee)
    return no(
      'data.third_party',
      403,
      'third-party-disclosure-barred',
      `授权 ${grant.no} 只给 ${grant.grantee} 使用，不能提供给 ${call.user}。`,
      `${call.user} 确需使用的，由它自己申请。`,
      cite.use,
    )
  if (call.purpose && call.purpose !== grant.purpose && call.purpose !== grant.basis && !grant.matters.includes(call.purpose))
    return no(
      'data.purpose_mismatch',
      403,
      'purpose-mismatch',
      `本次用途与授权的用途不一致。授权用途：${[grant.purpose, ...grant.matters].join('；')}`,
      '请按授权的用途使用；用途有变化的，重新申请。',
      cite.use,
    )
  return { ok: true }
}

/** Files where they were granted, and where nobody had to decide on the way. */
export const mayPackage = (grant: Pick<GrantRecord, 'method' | 'caseNo'>): boolean => grant.method === 'file' || grant.caseNo === null

/** `307…/000001` as it stands in an address. */
export const urlCode = (code: string): string => code.replace('/', '-')

function listed(allowed: string[], ip: string): boolean {
  const list = new BlockList()
  for (const entry of allowed) {
    const [address, prefix] = entry.split('/') as [string, string?]
    const family = isIPv4(address) ? 'ipv4' : 'ipv6'
    if (prefix) list.addSubnet(address, Number(prefix), family)
    else list.addAddress(address, family)
  }
  const plain = ip.replace(/^::ffff:(?=\d+\.)/, '')
  return list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6')
}

/** Where a grant stands for people: what it is to them, and what they may do with it now. */
export type GrantPlace = {
  state: GrantRecord['state']
  expired: boolean
  /** Waits for something that is not settled by a case. */
  settles?: boolean
  /** Files may be made under it. */
  files?: boolean
  /** Nothing but files: no credentials, no calls. */
  filesOnly?: boolean
  /** It came of an application, so another one can carry it on. */
  applied?: boolean
  granteeDepartmentId: string
  providerDepartmentId: string
  granteeRegion: string
  providerRegion: string
  clientId: string | null
}
export type GrantAction =
  | 'suspend'
  | 'resume'
  | 'stop'
  | 'settle'
  | 'rotate'
  | 'try'
  | 'edit-ips'
  | 'package'
  | 'dispose'
  | 'hand-over'
  | 'narrow'
  | 'renew'
type Viewer = Pick<Actor, 'departmentId' | 'region' | 'departmentRoles' | 'roles'>

export function maySee(actor: Viewer, g: GrantPlace): boolean {
  if (actor.departmentId === g.granteeDepartmentId || actor.departmentId === g.providerDepartmentId) return true
  if (actor.roles.includes('inspector')) return true
  return isAuthorityOf(actor, [g.granteeRegion, g.providerRegion])
}

export function grantActions(actor: Viewer, g: GrantPlace): GrantAction[] {
  const has = (...roles: Actor['roles']) => roles.some(r => actor.roles.includes(r))
  const live = g.state === 'active' && !g.expired
  const list: GrantAction[] = []
  const mayStop =
    (actor.departmentId === g.providerDepartmentId && has('steward', 'leader')) ||
    (isAuthorityOf(actor, [g.providerRegion]) && has('bureau'))
  if (mayStop && live) list.push('suspend')
  if (mayStop && g.state !== 'revoked') list.push('stop')
  if (g.state !== 'revoked' && !g.expired && actor.departmentId === g.providerDepartmentId && has('steward', 'leader')) list.push('narrow')
  if (g.settles && actor.departmentId === g.providerDepartmentId && has('steward', 'leader')) list.push('settle')
  if (mayStop && g.state === 'suspended') list.push('resume')
  if (actor.departmentId === g.granteeDepartmentId && has('developer', 'steward')) {
    if (g.state !== 'revoked' && !g.expired && !g.filesOnly) list.push('rotate', 'edit-ips')
    if (live && !g.filesOnly) list.push('try')
    if (live && g.files) list.push('package')
  }
  const ended = g.state === 'revoked' || g.expired
  if (!ended && actor.departmentId === g.granteeDepartmentId && has('steward', 'leader')) list.push('hand-over')
  if (ended && actor.departmentId === g.granteeDepartmentId && has('steward', 'leader')) list.push('dispose')
  if (g.applied && actor.departmentId === g.granteeDepartmentId && has('steward')) list.push('renew')
  return list
}

const isAuthorityOf = (actor: Viewer, regions: string[]) => actor.departmentRoles.includes('authority') && regions.includes(actor.region)

/** What a refused call tried to go beyond. */
export const beyond: Record<'purpose' | 'period' | 'item' | 'record', string[]> = {
  purpose: ['data.purpose_mismatch', 'data.third_party'],
  period: ['data.grant_expired', 'data.grant_not_yet', 'data.grant_suspended', 'data.grant_revoked', 'data.grant_awaits'],
  item: [
    'data.field_not_granted',
    'data.no_grant',
    'data.filter_not_plain',
    'data.sort_not_plain',
    'data.verify_only',
    'data.pseudonym_only',
    'data.aggregate_only',
    'data.not_for_aggregate',
    'data.method_not_granted',
  ],
  record: ['data.record_incomplete', 'data.operator_replaced'],
}
export const findingOf = (status: number, code: string | null): 'purpose' | 'period' | 'item' | 'record' | 'other' | null =>
  status < 400 ? null : ((Object.keys(beyond) as (keyof typeof beyond)[]).find(kind => code && beyond[kind].includes(code)) ?? 'other')

type Registered = Pick<Item, 'key' | 'name' | 'semantic' | 'type'>
const readable: Record<string, RegExp> = {
  N: /^-?\d+(\.\d+)?$/,
  Y: /^-?\d+(\.\d+)?$/,
  I: /^-?\d{1,18}$/,
  D: /^\d{4}-\d{2}-\d{2}$/,
  L: /^(true|false)$/,
}

/** What was decided, put on the items of the entry as they are registered now: what leaves and how, and which rows. */
export function outgoingOf(
  title: string,
  registered: readonly Registered[],
  given: readonly GrantedItem[],
): { items: OutgoingItem[]; limits: RowLimit[] } {
  const items: OutgoingItem[] = []
  const limits: RowLimit[] = []
  const wanted = new Map(given.map(g => [g.key, g]))
  if (wanted.size < given.length)
    refuse('grant.item_twice', {
      reason: 'field-invalid',
      detail: '同一个信息项写了两次，不知道按哪一种方式提供。',
      remedy: '每个信息项只写一次。',
    })
  for (const key of wanted.keys())
    if (!registered.some(i => i.key === key))
      refuse('grant.item_not_registered', {
        reason: 'field-not-registered',
        detail: `目录「${title}」的现行版本没有信息项 ${key}，不能授权。`,
        remedy: '请按现行版本重新选择信息项。',
      })
  for (const { key, name, semantic, type } of registered) {
    const g = wanted.get(key)
    if (!g) continue
    const profile = g.treatment === 'masked' ? g.profile : undefined
    if (profile && !profilesFor({ semantic, type }).some(p => p === profile))
      refuse('grant.profile_unknown', {
        reason: 'field-invalid',
        detail: `「${name}」没有叫 ${profile} 的脱敏方式。`,
        remedy: '请从给出的脱敏方式里选。',
      })
    items.push({ key, name, treatment: g.treatment, semantic: semantic ?? null, type: type ?? null, ...(profile && { profile }) })
    if (!g.only?.length) continue
    const wrong = g.only.find(value => type && readable[type] && !readable[type].test(value))
    if (wrong !== undefined)
      refuse('grant.limit_unreadable', {
        reason: 'field-invalid',
        detail: `限定的值「${wrong}」与「${name}」的数据类型不符。`,
        remedy: '日期写作 2026-09-24，数值不带单位。',
      })
    limits.push({ key, name, type: type ?? null, values: [...new Set(g.only)] })
  }
  if (!items.length) refuse('grant.no_items', { reason: 'field-missing', detail: '没有选择任何信息项。', remedy: '请至少选择一项。' })
  return { items, limits }
}

/** How an item is given, in words. */
export const treatmentLabel = (item: OutgoingItem): string =>
  item.treatment === 'masked' ? `脱敏（${maskProfiles[usedProfile(item)].label}）` : treatments[item.treatment]
const usedProfile = (item: OutgoingItem) => (item.profile ?? profilesFor({ semantic: item.semantic })[0]) as MaskProfile

export const grantStateLabels = { active: '生效中', suspended: '已暂停', revoked: '已终止', expired: '已到期' } as const

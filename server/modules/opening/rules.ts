import type { Item, OpenClass } from '../../../contract/catalog.ts'
import type { Cite, Fault } from '../../../contract/common.ts'
import type { Actor } from '../../platform/context.ts'

export type State = 'none' | 'in-review' | 'reviewed' | 'open' | 'withdrawn'
export const stateLabels: Record<State, string> = {
  none: '未开放',
  'in-review': '审查中',
  reviewed: '已审查，待公布',
  open: '已开放',
  withdrawn: '已下架',
}

export type Treatment = 'plain' | 'masked'
/** Counts of what looks like personal data in one column, by checksum or form. */
export type Findings = { ids: number; mobiles: number; soleTraders: number }

export type GateFacts = {
  state: State
  published: boolean
  openClass: OpenClass | null
  openLabel: string
  secrecyDeclared: boolean
  /** Fields of the open list that the entry lacks, in words. */
  listGaps: string[]
  grounds: string[]
  /** Null until the steward declares. */
  exclusionsDeclared: boolean | null
  rows: number
  columns: string[]
  items: Pick<Item, 'key' | 'name' | 'semantic' | 'sensitive' | 'openClass'>[]
  /** Absent: what the platform proposes. */
  proposed: { key: string; treatment: Treatment }[] | null
  findings: Record<string, Findings>
  processing: string
  authority: string
}
export type GateArticles = Record<'list' | 'types' | 'secrecy' | 'review' | 'exclusions' | 'desensitize' | 'risk' | 'withdraw', Cite>

type GateCheck = { key: string; label: string; ok: boolean; detail: string; who: string; cite: Cite }
type GateItem = { key: string; name: string; openLabel: string; opens: boolean; treatment: Treatment | 'withheld'; findings: string[] }
export type GateResult = { checks: GateCheck[]; items: GateItem[]; faults: Fault[] }

/** Names a person by itself: never opened as it is. */
const personal = new Set(['id-number', 'person-name', 'mobile', 'bank-card', 'plate', 'email'])

/** Under a conditional entry the items open to all leave as well; under an open one only those. */
export const mayLeave = (item: OpenClass | null, entry: OpenClass | null): boolean =>
  item === 'open' || (item === 'conditional' && entry === 'conditional')

export const itemClass = (item: Pick<Item, 'openClass'>, entry: OpenClass | null): OpenClass | null => item.openClass ?? entry

/** Masked where the meaning of the item asks for it. The mask of a credit code leaves companies as they are. */
export const proposedTreatment = (item: Pick<Item, 'semantic' | 'sensitive'>): Treatment =>
  item.sensitive || (item.semantic && (personal.has(item.semantic) || item.semantic === 'credit-code')) ? 'masked' : 'plain'

/** Holds privacy or a trade secret, by its meaning or by its mark. */
export const isSensitive = (item: Pick<Item, 'semantic' | 'sensitive'>): boolean =>
  !!item.sensitive || (!!item.semantic && personal.has(item.semantic))

export function findingWords(f: Findings | undefined): string[] {
  if (!f) return []
  return [
    ...(f.ids ? [`${f.ids} 行含校验无误的公民身份号码`] : []),
    ...(f.mobiles ? [`${f.mobiles} 行含手机号`] : []),
    ...(f.soleTraders ? [`${f.soleTraders} 行是个体工商户的统一社会信用代码，可能指向个人`] : []),
  ]
}

/** Everything that stands between an entry and the portal, told at once. */
export function judgeGate(f: GateFacts, cite: GateArticles): GateResult {
  const faults: Fault[] = []
  const fault = (pointer: string, code: string, message: string, c: Cite, remedy?: string) =>
    faults.push({ pointer, code, message, cite: c, ...(remedy && { remedy }) })
  const provider = '提供部门数据专员'

  if (!f.published) fault('', 'entry-not-registered', '目录还没有发布，不能开放。', cite.list, '请先提交目录审核。')
  if (f.openClass !== 'open' && f.openClass !== 'conditional')
    fault('', 'open-type-invalid', `开放类型是「${f.openLabel}」，不能开放。`, cite.types, '开放类型有变化的，请先变更目录。')
  if (f.listGaps.length)
    fault('', 'catalog-field-missing', `开放清单还缺：${f.listGaps.join('、')}。`, cite.list, '请在目录里补齐并发布新版本。')
  if (!f.secrecyDeclared)
    fault('', 'secrecy-declaration-required', '目录没有作不含国家秘密和工作秘密的声明。', cite.secrecy, '请在目录的保密声明里确认。')
  if (f.exclusionsDeclared === false)
    fault(
      '/exclusions',
      'exclusion-declaration-required',
      `没有声明不属于不得开放的情形：${f.grounds.join('；')}。`,
      cite.exclusions,
      '逐项核对后勾选声明；属于其中情形的不开放。',
    )
  if (f.rows === 0) fault('', 'not-mounted', '还没有数据，不能开放。', cite.list, '请先汇聚数据。')
  if (f.state === 'withdrawn' && f.proposed && f.processing.length < 10)
    fault(
      '/processing',
      'desensitization-required',
      '这个数据集下架过，重新开放前须写明作了怎样的处理。',
      cite.withdraw,
      '请写明重新脱敏或更正的做法。',
    )

  const byKey = new Map(f.items.map((item, i) => [item.key, { item, i }]))
  for (const [at, p] of (f.proposed ?? []).entries()) {
    const found = byKey.get(p.key)
    if (!found || !f.columns.includes(p.key))
      fault(
        `/items/${at}`,
        'field-not-registered',
        `信息项「${found?.item.name ?? p.key}」不在现行版本或没有数据。`,
        cite.list,
        '请刷新页面后重新选择。',
      )
    else if (f.openClass !== 'closed' && !mayLeave(itemClass(found.item, f.openClass), f.openClass))
      fault(`/items/${at}`, 'open-type-invalid', `信息项「${found.item.name}」的开放类型不允许直接开放。`, cite.types, '请不要选择这一项。')
  }

  const proposal = new Map(
    f.proposed?.map(p => [p.key, p.treatment]) ??
      f.items
        .filter(i => mayLeave(itemClass(i, f.openClass), f.openClass) && f.columns.includes(i.key))
        .map(i => [i.key, proposedTreatment(i)]),
  )
  let blocked = 0
  const items = f.items.map((item): GateItem => {
    const treatment = proposal.get(item.key)
    const at = f.proposed?.findIndex(p => p.key === item.key) ?? -1
    const words = findingWords(f.findings[item.key])
    if (treatment === 'plain') {
      if (isSensitive(item)) {
        blocked++
        fault(
          `/items/${at}`,
          'desensitization-required',
          item.sensitive === 'trade-secret' ? `「${item.name}」含商业秘密，不能原样开放。` : `「${item.name}」能识别个人，不能原样开放。`,
          cite.desensitize,
          '请改为脱敏，或不开放这一项。',
        )
      } else if (words.length) {
        blocked++
        fault(
          `/items/${at}`,
          'sensitive-content-detected',
          `「${item.name}」${words.join('，')}。`,
          cite.risk,
          '请改为脱敏或不开放这一项；数据有误的先更正。',
        )
      }
    }
    return {
      key: item.key,
      name: item.name,
      openLabel: itemClass(item, f.openClass) ?? '',
      opens: treatment !== undefined,
      treatment: treatment ?? 'withheld',
      findings: words,
    }
  })
  const opening = items.filter(i => i.opens)
  const has = (code: string) => faults.some(x => x.code === code)
  const check = (key: string, label: string, ok: boolean, detail: string, who: string, c: Cite): GateCheck => ({
    key,
    label,
    ok,
    detail,
    who,
    cite: c,
  })
  const checks = [
    check('published', '目录已发布', f.published, f.published ? '现行版本已发布' : '未发布', provider, cite.list),
    check('class', '开放类型允许', f.openClass === 'open' || f.openClass === 'conditional', f.openLabel || '未填', provider, cite.types),
    check('list', '开放清单要素齐全', !f.listGaps.length, f.listGaps.length ? `缺 ${f.listGaps.join('、')}` : '齐全', provider, cite.list),
    check('secrecy', '非涉密声明', f.secrecyDeclared, f.secrecyDeclared ? '已声明' : '未声明', provider, cite.secrecy),
    check(
      'exclusions',
      '不属于不得开放的情形',
      f.exclusionsDeclared === true || f.state === 'open' || f.state === 'in-review' || f.state === 'reviewed',
      f.exclusionsDeclared === null ? '提出时由数据专员声明' : f.exclusionsDeclared ? '已声明' : '未声明',
      provider,
      cite.exclusions,
    ),
    check('data', '已有数据', f.rows > 0, f.rows > 0 ? `${f.rows} 行` : '还没有数据', provider, cite.list),
    check(
      'scan',
      '个人信息扫描',
      blocked === 0 && f.rows > 0,
      f.rows === 0
        ? '有数据后扫描'
        : blocked
          ? `${blocked} 项须脱敏或不开放`
          : `${opening.length} 项开放，其中脱敏 ${opening.filter(i => i.treatment === 'masked').length} 项`,
      provider,
      has('desensitization-required') ? cite.desensitize : cite.risk,
    ),
    check(
      'review',
      '两人保密审查',
      f.state === 'open' || f.state === 'reviewed',
      f.state === 'open' || f.state === 'reviewed' ? '已由提出人以外的人审查' : '提出后由提出人以外的人审查，再由主管部门审查清单',
      `保密审查员、${f.authority}`,
      cite.review,
    ),
  ]
  return { checks, items, faults }
}

/** What of a listing may still leave: items the current version has and still classes as open. */
export const stillOpen = <T extends Pick<Item, 'key' | 'openClass'>>(
  listed: { key: string; treatment: Treatment }[],
  items: T[],
  openClass: OpenClass | null,
): (T & { treatment: Treatment })[] =>
  items.flatMap(item => {
    const treatment = listed.find(l => l.key === item.key)?.treatment
    return treatment && mayLeave(itemClass(item, openClass), openClass) ? [{ ...item, treatment }] : []
  })

type Place = { departmentId: string; region: string; state: State }
type Viewer = Pick<Actor, 'departmentId' | 'region' | 'departmentRoles' | 'roles'>
export function gateActions(actor: Viewer, at: Place): ('propose' | 'withdraw')[] {
  const own = actor.departmentId === at.departmentId && actor.roles.includes('steward')
  const authority = actor.departmentRoles.includes('authority') && actor.region === at.region && actor.roles.includes('bureau')
  return [
    ...(own && at.state !== 'in-review' && at.state !== 'reviewed' ? (['propose'] as const) : []),
    ...((own || authority) && at.state === 'open' ? (['withdraw'] as const) : []),
  ]
}

/** Days after which data of a cycle count as late on the portal; our own tolerance, no legal deadline. */
export const cycleDays: Record<string, number> = {
  realtime: 1,
  daily: 2,
  weekly: 8,
  monthly: 35,
  quarterly: 100,
  halfyearly: 190,
  yearly: 380,
}
export function isFresh(cycle: string | undefined, updated: Date | null, now: Date): boolean | null {
  const days = cycle ? cycleDays[cycle] : undefined
  if (!days || !updated) return null
  return now.getTime() - updated.getTime() <= days * 86_400_000
}

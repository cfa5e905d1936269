import { refuse } from '../../platform/problem.ts'

/** One item as it may leave. `verify` items never do: they are only compared, see `comparison`. */
export type OutgoingItem = {
  key: string
  name: string
  treatment: 'plain' | 'masked' | 'verify'
  semantic?: string | null | undefined
  type?: string | null | undefined
}
export type Param = (value: unknown) => string
export type Statement = { text: string; values: unknown[] }

type Source = {
  /** Pool table, e.g. `pool.e_0192ab`. */
  relation: string
  /** Columns the pool table has now. */
  columns: readonly string[]
  /** What may leave. */
  items: readonly OutgoingItem[]
  /** Items whose values make up `_key`, in order: a filter on all of them becomes a look-up. */
  keys?: readonly string[] | undefined
  /** SQL that must hold in the same snapshot as the data, e.g. that the grant has not changed. */
  guard?: ((param: Param) => string) | undefined
}
export type Projection = Source & {
  /** Names or keys of the items wanted; absent: all that may leave. */
  fields?: readonly string[] | undefined
  /** Item name or key → value, equality. Only items that leave as they are: a filter on a masked one would reveal it. */
  filter?: Readonly<Record<string, string>> | undefined
  /** `_key` of the last row already taken. */
  after?: string | null | undefined
  /** Absent: everything. */
  limit?: number | undefined
}

/** What a masked value passes through; anything else shows nothing at all. */
const masks: Record<string, string> = {
  'person-name': 'mask_name',
  'id-number': 'mask_id_number',
  mobile: 'mask_mobile',
  phone: 'mask_phone',
  address: 'mask_address',
  'bank-card': 'mask_bank_card',
  plate: 'mask_plate',
  email: 'mask_email',
  'credit-code': 'mask_credit_code',
}

/**
 * The only builder of SQL for outgoing data. Rows come as text columns c1, c2 … in the order of `columns`, with `_key` first.
 * Values leave exactly as PostgreSQL writes them, so no digit of a number and no zone of a time is lost on the way.
 */
export function project(p: Projection): Statement & { columns: OutgoingItem[] } {
  const { values, param } = parameters()
  const chosen = choose(p)
  const text = `select _key${chosen.map(item => `, ${outgoing(item)} as ${column(item.key)}`).join('')} from ${table(p.relation)} where ${conditions(p, param)} order by _key${p.limit === undefined ? '' : ` limit ${param(p.limit)}`}`
  return { text, values, columns: chosen }
}

/**
 * The same rows as one JSON text, passed on unparsed: { live, rows, count, last }. `live` tells whether the guard held.
 * Names of items are parameters; they never become identifiers.
 */
export function projectJson(
  p: Projection & { limit: number; marks?: readonly { field: string; keys: readonly string[]; text: string }[] | undefined },
): Statement & { columns: OutgoingItem[] } {
  const { values, param } = parameters()
  const chosen = choose(p)
  const object = chosen
    .map(
      (item, i) => `${param(`${i ? ',' : '{'}${JSON.stringify(item.name)}:`)}::text || coalesce(to_json(${outgoing(item)})::text, 'null')`,
    )
    .join(' || ')
  // A row under objection or in doubt says so itself; its key does not leave by that.
  const mark = (p.marks ?? [])
    .map(
      m =>
        ` || case when _key = any(${param(m.keys)}::text[]) then ${param(`,${JSON.stringify(m.field)}:${JSON.stringify(m.text)}`)}::text else '' end`,
    )
    .join('')
  const text = `with live as materialized (select ${p.guard ? p.guard(param) : 'true'} as ok),
page as materialized (select _key, ${object}${mark} || '}' as row from ${table(p.relation)} where (select ok from live) and ${conditions({ ...p, guard: undefined }, param)} order by _key limit ${param(p.limit)})
select (select ok from live) as live, '[' || coalesce(string_agg(row, ',' order by _key), '') || ']' as rows, count(*)::int as count, max(_key) as last from page`
  return { text, values, columns: chosen }
}

/** Whether given values agree with the one row that `key` names. Nothing of the row leaves. */
export function comparison(p: Source & { key: Record<string, string>; values: Record<string, string> }): Statement {
  const { values, param } = parameters()
  const find = finder(p)
  const given = new Map(Object.entries(p.key).map(([name, value]) => [find(name), value]))
  const named = [...byKey(p, given, param), ...[...given].map(([item, value]) => `${column(item.key)} = ${param(value)}`)]
  const agrees = Object.entries(p.values).map(
    ([name, value]) => `${param(name)}::text, coalesce(${column(find(name).key)} = ${param(value)}, false)`,
  )
  const text = `with live as materialized (select ${p.guard ? p.guard(param) : 'true'} as ok),
row as materialized (select jsonb_build_object(${agrees.join(', ')}) as agrees from ${table(p.relation)} where (select ok from live) and ${named.join(' and ')} limit 1)
select (select ok from live) as live, (select agrees from row) as agrees`
  return { text, values }
}

function parameters(): { values: unknown[]; param: Param } {
  const values: unknown[] = []
  return { values, param: value => `$${values.push(value)}` }
}

function conditions(p: Projection, param: Param): string {
  const find = finder(p)
  const given = new Map(Object.entries(p.filter ?? {}).map(([name, value]) => [find(name), value]))
  const list = byKey(p, given, param)
  for (const [item, value] of given) {
    if (item.treatment !== 'plain') {
      refuse('data.filter_not_plain', {
        status: 403,
        reason: 'field-not-granted',
        detail: `不能按「${item.name}」筛选：它${item.treatment === 'masked' ? '脱敏提供' : '仅供核验'}，按原值筛选会泄露原值。`,
        remedy: '请改按原样提供的信息项筛选；核对某个值请用核验接口。',
      })
    }
    // The server reads the value as the type of the column, so that 1.50 equals 1.5.
    list.push(`${column(item.key)} = ${param(value)}`)
  }
  if (p.after !== undefined && p.after !== null) list.push(`_key > ${param(p.after)}`)
  if (p.guard) list.push(p.guard(param))
  return list.join(' and ') || 'true'
}

/** `_key` is the text of its items, joined by the unit separator; only for text items is what a caller writes the same text. */
function byKey(p: Source, given: Map<OutgoingItem, string>, param: Param): string[] {
  const parts = (p.keys ?? []).map(key => [...given].find(([item]) => item.key === key && (!item.type || 'CMG'.includes(item.type))))
  if (!parts.length || parts.some(part => !part)) return []
  return [`_key = ${param(parts.map(part => part![1]).join('\u001f'))}`]
}

function choose(p: Projection): OutgoingItem[] {
  const find = finder(p)
  const leaving = p.items.filter(item => item.treatment !== 'verify')
  const chosen = p.fields ? [...new Set(p.fields.map(find))] : leaving.map(item => find(item.key))
  for (const item of chosen) {
    if (item.treatment === 'verify') {
      refuse('data.verify_only', {
        status: 403,
        reason: 'field-not-granted',
        detail: `「${item.name}」只能核验，不提供内容。`,
        remedy: '请用核验接口比对，或申请扩大范围。',
      })
    }
  }
  if (!chosen.length) {
    refuse('data.nothing_to_deliver', {
      status: 403,
      reason: 'field-not-granted',
      detail: '授权里没有可以提供内容的信息项。',
      remedy: '仅核验的信息项请用核验接口。',
    })
  }
  return chosen
}

/** Finds an item by name or key; what is not granted or not in the table is refused, never left out in silence. */
function finder(p: Source): (nameOrKey: string) => OutgoingItem {
  return nameOrKey => {
    const item = p.items.find(i => i.name === nameOrKey) ?? p.items.find(i => i.key === nameOrKey)
    if (!item) {
      refuse('data.field_not_granted', {
        status: 403,
        reason: 'field-not-granted',
        detail: `不含「${nameOrKey.slice(0, 60)}」。`,
        remedy: '请核对信息项名称；确需使用的，申请扩大范围。',
      })
    }
    if (!p.columns.includes(item.key)) {
      refuse('data.field_not_registered', {
        status: 409,
        reason: 'field-not-registered',
        detail: `「${item.name}」目前没有挂接数据，不能提供。`,
        remedy: '请联系提供部门核对目录与数据源的对应关系。',
      })
    }
    return item
  }
}

function outgoing(item: OutgoingItem): string {
  const value = `${column(item.key)}::text`
  if (item.treatment === 'plain') return value
  if (item.treatment === 'masked') return `delivery.${(item.semantic && masks[item.semantic]) || 'mask_default'}(${value})`
  throw new Error('verify items do not leave')
}

// Identifiers are not parameters, so they are checked here and nowhere trusted.
function column(key: string): string {
  if (!/^c\d{1,4}$/.test(key)) throw new Error(`not a pool column: ${key}`)
  return key
}
function table(relation: string): string {
  if (!/^pool\.[a-z][a-z0-9_]{0,60}$/.test(relation)) throw new Error(`not a pool relation: ${relation}`)
  return relation
}

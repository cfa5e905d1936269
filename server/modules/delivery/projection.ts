import { type MaskProfile, profilesFor } from '../../../contract/delivery.ts'
import { refuse } from '../../platform/problem.ts'
import { literal } from '../quality/public.ts'

/** One item as it may leave. `verify` items never do, they are only compared (`comparison`); nor `aggregate` ones, they are only counted and summed (`aggregate`). */
export type OutgoingItem = {
  key: string
  name: string
  treatment: 'plain' | 'masked' | 'pseudonym' | 'verify' | 'aggregate'
  /** Masking profile of `masked`; absent: the usual one of the semantic. */
  profile?: string | null | undefined
  semantic?: string | null | undefined
  type?: string | null | undefined
}
export type RowLimit = { key: string; name: string; type?: string | null | undefined; values: readonly string[] }
export type Pads = { inner: Buffer; outer: Buffer }
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
  /** Only rows in which all of these items have one of the values; the items need not leave. */
  limits?: readonly RowLimit[] | undefined
  /** Key of the recipient for pseudonyms, as `hmacPads` makes it. */
  pseudonyms?: Pads | undefined
  /** SQL that must hold in the same snapshot as the data, e.g. that the grant has not changed. */
  guard?: ((param: Param) => string) | undefined
}
export type Projection = Source & {
  /** Names or keys of the items wanted; absent: all that may leave. */
  fields?: readonly string[] | undefined
  /** Item name or key → value, equality. Only items that leave as they are: a filter on a masked one would reveal it. */
  filter?: Readonly<Record<string, string>> | undefined
  /** Rows by their whole key: item name or key → value. Only where every item of the key leaves as it is. */
  among?: readonly Readonly<Record<string, string>>[] | undefined
  /** Order by one item instead of by key; only by one that leaves as it is, since order tells a value. */
  sort?: { by: string; down: boolean } | undefined
  /** `_key` of the last row already taken, and its value in the sorted item. */
  after?: string | null | undefined
  afterValue?: string | null | undefined
  /** As the rows stood at this instant (the end of a day): what was replaced later comes from the history. */
  asOf?: { at: string; history: boolean } | undefined
  /** Absent: everything. */
  limit?: number | undefined
}
type Marks = readonly { field: string; keys: readonly string[]; text: string }[]

/** The SQL function of each masking profile; what has none shows nothing at all. */
const masks: Record<MaskProfile, string> = {
  name: 'mask_name',
  'name-ends': 'mask_name_ends',
  'id-number': 'mask_id_number',
  'id-number-area': 'mask_id_number_area',
  'id-number-tail': 'mask_id_number_tail',
  mobile: 'mask_mobile',
  'mobile-tail': 'mask_mobile_tail',
  phone: 'mask_phone',
  address: 'mask_address',
  'address-county': 'mask_address_county',
  'bank-card': 'mask_bank_card',
  'bank-card-tail': 'mask_bank_card_tail',
  plate: 'mask_plate',
  'plate-head': 'mask_plate_head',
  email: 'mask_email',
  'email-domain': 'mask_email_domain',
  'credit-code': 'mask_credit_code',
  'credit-code-hidden': 'mask_credit_code_hidden',
  hidden: 'mask_default',
  ends: 'mask_ends',
  month: 'mask_month',
  year: 'mask_year',
}
const maskOf = (item: OutgoingItem): string =>
  masks[(item.profile ?? profilesFor({ semantic: item.semantic })[0]) as MaskProfile] ?? 'mask_default'

/**
 * How many rows at most, in the text: a planner that does not see it counts on a tenth of the table, and plans anew each time. That is right only
 * where a value of a filter or of a grant's limits decides how many rows there are to look through.
 */
const atMost = (limit: number): string => {
  if (!Number.isSafeInteger(limit) || limit < 0) throw new TypeError(`${limit} rows`)
  return `limit ${limit}`
}
/** The two pads of HMAC-SHA256 for a key of 32 bytes: SQL needs no more to make pseudonyms. */
export const hmacPads = (key: Buffer): Pads => {
  const block = Buffer.alloc(64)
  key.copy(block)
  return { inner: Buffer.from(block.map(b => b ^ 0x36)), outer: Buffer.from(block.map(b => b ^ 0x5c)) }
}

/**
 * The only builder of SQL for outgoing data. Rows come as text columns c1, c2 … in the order of `columns`, with `_key` first.
 * Values leave exactly as PostgreSQL writes them, so no digit of a number and no zone of a time is lost on the way.
 */
export function project(p: Projection): Statement & { columns: OutgoingItem[] } {
  const { values, param } = parameters()
  const chosen = choose(p)
  const show = outgoing(p, param)
  const text = `select _key${chosen.map(item => `, ${show(item)} as ${column(item.key)}`).join('')} from ${from(p, param)} where ${conditions(p, param)} order by _key${p.limit === undefined ? '' : ` ${atMost(p.limit)}`}`
  return { text, values, columns: chosen }
}

/**
 * The same rows as CSV for a file, without `_key`; a last column tells of objections and doubts where there are any. COPY takes no parameters,
 * so values are quoted by `literal`, the one function for it; they are the grant's own, none is a caller's. What no log may show, the recipient's
 * key and the keys of records, is given to the connection beforehand: `settings` are name and value.
 */
export function projectCopy(p: Source & Pick<Projection, 'fields' | 'asOf'> & { marks: Marks; whole: string | null }): {
  text: string
  settings: [string, string][]
  columns: OutgoingItem[]
} {
  const settings: [string, string][] = []
  const setting = (value: string) => {
    const name = `huitong.v${settings.length}`
    settings.push([name, value])
    // Read once for the statement, not once for each row.
    return `(select current_setting('${name}'))`
  }
  const param: Param = value => (Buffer.isBuffer(value) ? setting(`\\x${value.toString('hex')}`) : literal(String(value)))
  const chosen = choose(p)
  const show = outgoing(p, param)
  // What is said last of a record counts.
  const said = [...p.marks]
    .reverse()
    .map(m => `when _key in (select jsonb_array_elements_text(${setting(JSON.stringify(m.keys))}::jsonb)) then ${literal(m.text)}`)
  const whole = p.whole === null ? 'null' : literal(p.whole)
  const mark = said.length ? [`case ${said.join(' ')} else ${whole} end`] : p.whole === null ? [] : [whole]
  // COPY writes a value as the cast would, except for true and false.
  const shown = (item: OutgoingItem) => (item.treatment === 'plain' && item.type !== 'L' ? column(item.key) : show(item))
  const list = [...chosen.map(shown), ...mark].join(', ')
  const rows = `select ${list} from ${from(p, param)} where ${conditions(p, param)} order by _key`
  return { text: `copy (${rows}) to stdout (format csv)`, settings, columns: chosen }
}

/**
 * The same rows as one JSON text, passed on unparsed: { live, rows, count, last }. `live` tells whether the guard held; `value` is that of the
 * last row in the sorted item. Names of items are parameters; they never become identifiers.
 */
export function projectJson(
  p: Projection & { limit: number; marks?: Marks | undefined },
): Statement & { columns: OutgoingItem[]; sort: OutgoingItem | undefined } {
  const { values, param } = parameters()
  const chosen = choose(p)
  const object = jsonObject(p, chosen, param, '{')
  const sort = p.sort && sortItem(p, p.sort.by)
  const limit = p.filter || p.limits?.length ? `limit ${param(p.limit)}` : atMost(p.limit)
  const order = sort ? `_s ${p.sort!.down ? 'desc' : 'asc'} nulls last, _key` : '_key'
  const where = `${from(p, param)} where (select ok from live) and ${conditions({ ...p, guard: undefined }, param)}`
  // Sorted first and made into text afterwards, or every row of the table would be.
  const rows = sort ? `(select *, ${column(sort.key)} as _s from ${where} order by ${order} ${limit}) r` : `${where} order by _key ${limit}`
  const text = `with live as materialized (select ${p.guard ? p.guard(param) : 'true'} as ok),
page as materialized (select _key, ${sort ? '_s, ' : ''}${object} as row from ${rows})
select (select ok from live) as live, '[' || coalesce(string_agg(row, ',' order by ${order}), '') || ']' as rows, count(*)::int as count, ${
    sort
      ? `(array_agg(_key order by ${order}))[count(*)] as last, (array_agg(_s::text order by ${order}))[count(*)] as value`
      : 'max(_key) as last'
  } from page`
  return { text, values, columns: chosen, sort }
}

/**
 * Rows by their whole keys, one row of the answer for each that is there: { live, key, row }, `row` as JSON; with none of them one row that
 * only says `live`. Keys are as the table has them and stand first among the values.
 */
export function projectEach(
  p: Source & { fields?: readonly string[] | undefined; marks?: Marks | undefined },
  keys: readonly string[],
): Statement & { columns: OutgoingItem[] } {
  const { values, param } = parameters()
  const wanted = among(param(keys))
  const chosen = choose(p)
  const text = `with live as materialized (select ${p.guard ? p.guard(param) : 'true'} as ok)
select live.ok as live, r.* from live left join lateral (select _key as key, ${jsonObject(p, chosen, param, '{')} as row from ${table(p.relation)}
 where (select ok from live) and ${[wanted, ...rowLimits(p, param)].join(' and ')}) r on true`
  return { text, values, columns: chosen }
}

/** How many rows there are: { live, count }. */
export function projectCount(p: Projection): Statement {
  const { values, param } = parameters()
  const text = `with live as materialized (select ${p.guard ? p.guard(param) : 'true'} as ok)
select (select ok from live) as live, (select count(*) from ${from(p, param)} where (select ok from live) and ${conditions({ ...p, guard: undefined }, param)})::int as count`
  return { text, values }
}

/**
 * What changed since a transaction number: { live, rows, count, last, seen, ahead }. Each changed record comes once, as it is now, or as gone;
 * `_id` names it to this recipient without its key. `seen` is the oldest transaction still running: everything before it is in this answer or
 * was in an earlier one, so it is the position to go on from. A time would not do: a batch carries the time it began and commits later.
 */
export function projectChanges(
  p: Source & {
    fields?: readonly string[] | undefined
    since: number | null
    history: boolean
    after: string | null
    limit: number
    ids: Pads
    marks?: Marks | undefined
  },
): Statement & { columns: OutgoingItem[] } {
  const { values, param } = parameters()
  const chosen = choose(p)
  const relation = table(p.relation)
  const [inner, outer] = [param(p.ids.inner), param(p.ids.outer)]
  const id = `'{"_id":"' || delivery.pseudonym(_key, ${inner}::bytea, ${outer}::bytea) || '","_change":'`
  const limits = rowLimits(p, param)
  const within = limits.length ? ` and ${limits.join(' and ')}` : ''
  const on = `(select ok from live)${p.after === null ? '' : ` and _key > ${param(p.after)}`}`
  // Both ages count from the same transaction, so the younger row is the one written later; 32 bits do for two thousand million of them.
  // `offset 0` keeps the planner from walking the key's index for the few rows that are left.
  const xid = String(Math.max(3, (p.since ?? 0) % 2 ** 32))
  const changed = (of: string) => `(select * from ${of} where age(xmin) <= (select age(${param(xid)}::text::xid)) offset 0)`
  const upserts = `(select _key, ${id} || ${jsonObject(p, chosen, param, '"upsert",')} as row from ${p.since === null ? relation : changed(relation)} u
 where ${on}${within} order by _key ${atMost(p.limit)})`
  const gone =
    p.since !== null && p.history
      ? ` union all (select distinct _key, ${id} || '"remove"}' as row from ${changed(historyOf(relation))} h where ${on}${within}
 and not exists (select from ${relation} n where n._key = h._key${within}) order by _key ${atMost(p.limit)})`
      : ''
  const text = `with live as materialized (select ${p.guard ? p.guard(param) : 'true'} as ok, pg_snapshot_xmax(pg_current_snapshot())::text::bigint as ahead,
 pg_snapshot_xmin(pg_current_snapshot())::text::bigint as seen),
page as materialized (select _key, row from (${upserts}${gone}) c order by _key ${atMost(p.limit)})
select (select ok from live) as live, (select ahead from live) as ahead, (select seen from live) as seen,
 '[' || coalesce(string_agg(row, ',' order by _key), '') || ']' as rows, count(*)::int as count, max(_key) as last from page`
  return { text, values, columns: chosen }
}

/** Whether given values agree with the one row that `key` names. Nothing of the row leaves. */
export function comparison(p: Source & { key: Record<string, string>; values: Record<string, string> }): Statement {
  const { values, param } = parameters()
  const find = finder(p)
  const given = new Map(Object.entries(p.key).map(([name, value]) => [find(name), value]))
  for (const item of [...given.keys(), ...Object.keys(p.values).map(find)]) {
    if (item.treatment === 'aggregate') aggregateOnly(item)
    if (item.treatment === 'pseudonym')
      refuse('data.pseudonym_only', {
        status: 403,
        reason: 'field-not-granted',
        detail: `「${item.name}」以假名提供，不能按原值核验：那样会把假名对回原值。`,
        remedy: '请核验其他信息项；确需核验的，申请「仅核验」。',
      })
  }
  const named = [
    ...byKey(p, given, param),
    ...[...given].map(([item, value]) => `${column(item.key)} = ${param(value)}`),
    ...rowLimits(p, param),
  ]
  const agrees = Object.entries(p.values).map(
    ([name, value]) => `${param(name)}::text, coalesce(${column(find(name).key)} = ${param(value)}, false)`,
  )
  const text = `with live as materialized (select ${p.guard ? p.guard(param) : 'true'} as ok),
row as materialized (select jsonb_build_object(${agrees.join(', ')}) as agrees from ${table(p.relation)} where (select ok from live) and ${named.join(' and ')} limit 1)
select (select ok from live) as live, (select agrees from row) as agrees`
  return { text, values }
}

/** Sums and averages are of numbers; the greatest and least are one record's value, so only of items that leave as they are. */
export type Measures = Partial<Record<Measure, readonly string[] | undefined>>
const measures = {
  sum: (c: string, f: string) => `sum(${c})${f}::text`,
  average: (c: string, f: string) => `trim_scale(round(avg(${c})${f}::numeric, 6))::text`,
  min: (c: string, f: string) => `min(${c})${f}::text`,
  max: (c: string, f: string) => `max(${c})${f}::text`,
}
export type Measure = keyof typeof measures
/** Only of text is what a caller writes the same text as in the key of a row. */
export const isText = (item: Pick<OutgoingItem, 'type'>) => !item.type || 'CMG'.includes(item.type)
export const isNumber = (item: Pick<OutgoingItem, 'type'>) => !!item.type && 'NYIBF'.includes(item.type)
const mostGroups = 5000

/**
 * Groups with their counts and measures: { live, groups, count, hidden }; `groups` is null where there are too many. A group is left out when it
 * has fewer than `least` records, or so few with a value that is measured, or when a filter leaves out so few of it that the rest would tell them.
 * If what is left out is itself so few, the next smallest group goes too: else whoever knows the total could subtract.
 */
export function aggregate(
  p: Source & { by: readonly string[]; measures: Measures; filter?: Readonly<Record<string, string>> | undefined; least: number },
): Statement & { by: OutgoingItem[]; measured: { how: Measure; items: OutgoingItem[] }[] } {
  const { values, param } = parameters()
  const find = finder(p)
  const by = [...new Set(p.by.map(find))]
  for (const item of by) needAggregate(item)
  const measured = (Object.keys(measures) as Measure[]).map(how => {
    const items = [...new Set((p.measures[how] ?? []).map(find))]
    for (const item of items) needMeasure(item, how)
    return { how, items }
  })
  const within = ` filter (where ${conditions({ relation: p.relation, columns: p.columns, items: p.items, keys: p.keys, filter: p.filter }, param)})`
  const counted = [...new Set(measured.flatMap(m => m.items.map(i => i.key)))].map(column)
  // n0 are the records, n1 … those with a value in each measured item; a0, a1 … the same without the filter.
  const n = ['*', ...counted].map((c, i) => `count(${c})${within} as n${i}, count(${c}) as a${i}`)
  const each = (make: (i: number) => string) => ['*', ...counted].map((_, i) => make(i)).join(' or ')
  const least = param(p.least)
  const few = (sql: string) => `(${sql}) between 1 and ${least}::bigint - 1`
  const named = (items: OutgoingItem[], sql: (item: OutgoingItem, i: number) => string) =>
    `json_build_object(${items.map((item, i) => `${param(item.name)}::text, ${sql(item, i)}`).join(', ')})`
  const keys = by.map((_, i) => `b${i}`)
  const some = measured.filter(m => m.items.length)
  const row = [`'by', ${named(by, (_, i) => `b${i}`)}`, `'count', n0`, ...some.map(({ how }) => `'${how}', ${how}_`)].join(', ')
  const text = `with live as materialized (select ${p.guard ? p.guard(param) : 'true'} as ok),
g as (select ${[...by.map((item, i) => `${column(item.key)}::text as b${i}`), ...n, ...some.map(({ how, items }) => `${named(items, item => measures[how](column(item.key), within))} as ${how}_`)].join(', ')}
 from ${table(p.relation)} where ${['(select ok from live)', ...rowLimits(p, param)].join(' and ')}${by.length ? ` group by ${by.map(item => column(item.key)).join(', ')}` : ''} having count(*)${within} > 0),
s as (select *, ${each(i => `n${i} < ${least}::bigint or ${few(`a${i} - n${i}`)}`)} as small from g),
r as (select *, small or ${each(i => few(`coalesce(sum(n${i}) over before, 0)`))} as hide from s
 window before as (order by small desc, n0${keys.map(k => `, ${k}`).join('')} rows between unbounded preceding and 1 preceding))
select (select ok from live) as live, count(*) filter (where not hide)::int as count, count(*) filter (where hide)::int as hidden,
 case when count(*) filter (where not hide) <= ${mostGroups} then '[' || coalesce(string_agg(json_build_object(${row})::text, ','${keys.length ? ` order by ${keys.join(', ')}` : ''}) filter (where not hide), '') || ']' end as groups from r`
  return { text, values, by, measured: some }
}

const leaves = (item: OutgoingItem) => item.treatment !== 'verify' && item.treatment !== 'aggregate'
/** The items of which something leaves in rows. */
export const leaving = (items: readonly OutgoingItem[]): OutgoingItem[] => items.filter(leaves)

function aggregateOnly(item: OutgoingItem): never {
  refuse('data.aggregate_only', {
    status: 403,
    reason: 'field-not-granted',
    detail: `「${item.name}」只供聚合，不提供单条记录的内容，也不核验。`,
    remedy: '请用聚合接口取各组的计数、合计和平均。',
  })
}
function notForAggregate(item: OutgoingItem, why: string, remedy: string): never {
  refuse('data.not_for_aggregate', {
    status: 403,
    reason: 'field-not-granted',
    detail: `不能这样聚合「${item.name}」：${why}。`,
    remedy,
  })
}
function needAggregate(item: OutgoingItem): void {
  if (item.treatment === 'plain' || item.treatment === 'aggregate') return
  notForAggregate(item, '它既不是原样提供，也不供聚合', '请用原样提供或供聚合的信息项。')
}
function needMeasure(item: OutgoingItem, how: Measure): void {
  needAggregate(item)
  if (!isNumber(item)) notForAggregate(item, '它不是数值', '非数值的信息项可以用来分组，取各组的计数。')
  if ((how === 'min' || how === 'max') && item.treatment !== 'plain')
    notForAggregate(item, '最大值、最小值是某一条记录的原值', '请改取合计或平均。')
}

function parameters(): { values: unknown[]; param: Param } {
  const values: unknown[] = []
  return { values, param: value => `$${values.push(value)}` }
}

/** The pool table, or what it said at an instant. A record that an approved case removed does not come back out of the history. */
function from(p: Projection, param: Param): string {
  const relation = table(p.relation)
  if (!p.asOf) return relation
  const at = `${param(p.asOf.at)}::timestamptz`
  const keys = new Set([...p.items, ...(p.limits ?? [])].map(i => i.key).filter(key => p.columns.includes(key)))
  const columns = ['_key', ...[...keys].map(column)].join(', ')
  if (!p.asOf.history) return `(select ${columns} from ${relation} where _updated < ${at}) a`
  const history = historyOf(relation)
  return `(select ${columns} from ${relation} where _updated < ${at} union all
 select ${columns} from ${history} h where _updated < ${at} and _replaced >= ${at} and not exists (select from ${history} r join procedure.case_view c
  on c.id = r._replaced_by where r._key = h._key and r._replaced >= h._replaced)) a`
}

function jsonObject(p: Source & { marks?: Marks | undefined }, chosen: OutgoingItem[], param: Param, open: string): string {
  const show = outgoing(p, param)
  const object = chosen
    .map((item, i) => `${param(`${i ? ',' : open}${JSON.stringify(item.name)}:`)}::text || coalesce(to_json(${show(item)})::text, 'null')`)
    .join(' || ')
  // A row under objection or in doubt says so itself; its key does not leave by that.
  const mark = (p.marks ?? [])
    .map(
      m =>
        ` || case when _key = any(${param(m.keys)}::text[]) then ${param(`,${JSON.stringify(m.field)}:${JSON.stringify(m.text)}`)}::text else '' end`,
    )
    .join('')
  return `${object}${mark} || '}'`
}

/** Behind `select` the planner counts on the same number of keys whether it sees them or not, so one plan serves every call. */
const among = (keys: string): string => `_key = any((select ${keys}::text[])::text[])`

function conditions(p: Projection, param: Param): string {
  const find = finder(p)
  const given = new Map(Object.entries(p.filter ?? {}).map(([name, value]) => [find(name), value]))
  const list = byKey(p, given, param)
  for (const [item, value] of given) {
    needPlain(item, '筛选', '按原值筛选会泄露原值')
    // The server reads the value as the type of the column, so that 1.50 equals 1.5.
    list.push(`${column(item.key)} = ${param(value)}`)
  }
  if (p.among) list.push(among(param(p.among.map(one => wholeKey(p, find, one)))))
  list.push(...rowLimits(p, param))
  if (p.after !== undefined && p.after !== null) {
    const key = `_key > ${param(p.after)}`
    const sort = p.sort && column(sortItem(p, p.sort.by).key)
    if (!sort) list.push(key)
    else if (p.afterValue === null || p.afterValue === undefined) list.push(`${sort} is null and ${key}`)
    else {
      const value = param(p.afterValue)
      list.push(`(${sort} ${p.sort!.down ? '<' : '>'} ${value} or (${sort} = ${value} and ${key}) or ${sort} is null)`)
    }
  }
  if (p.guard) list.push(p.guard(param))
  return list.join(' and ') || 'true'
}

/** Filter and order only by what leaves as it is. */
function needPlain(item: OutgoingItem, what: string, why: string): void {
  if (item.treatment === 'plain') return
  const how = { masked: '脱敏提供', pseudonym: '以假名提供', verify: '仅供核验', aggregate: '只供聚合' }[item.treatment]
  refuse(what === '排序' ? 'data.sort_not_plain' : 'data.filter_not_plain', {
    status: 403,
    reason: 'field-not-granted',
    detail: `不能按「${item.name}」${what}：它${how}，${why}。`,
    remedy: `请改按原样提供的信息项${what}${what === '排序' ? '' : '；核对某个值请用核验接口'}。`,
  })
}
function sortItem(p: Projection, by: string): OutgoingItem {
  const item = finder(p)(by)
  needPlain(item, '排序', '次序会泄露原值')
  return item
}

/** The key of one row as the table has it, from items that all leave as they are. */
function wholeKey(p: Source, find: (name: string) => OutgoingItem, given: Readonly<Record<string, string>>): string {
  const named = new Map(Object.entries(given).map(([name, value]) => [find(name), value]))
  for (const item of named.keys()) needPlain(item, '查找', '按原值查找会把其他信息项对到这个值上')
  const parts = (p.keys ?? []).map(key => [...named].find(([item]) => item.key === key)?.[1])
  if (!parts.length || parts.some(part => part === undefined) || named.size !== parts.length)
    refuse('data.key_incomplete', {
      reason: 'field-missing',
      detail: parts.length
        ? `查找须给出能唯一确定一行的信息项，共 ${parts.length} 项，不多不少；其中有授权里没有的，就不能按键查找。`
        : '这个目录没有标识项，不能按键查找。',
      remedy: '请在 key 里逐项写出。',
    })
  return parts.join('\u001f')
}

function rowLimits(p: Source, param: Param): string[] {
  return (p.limits ?? []).map(limit => {
    if (!p.columns.includes(limit.key))
      refuse('data.field_not_registered', {
        status: 409,
        reason: 'field-not-registered',
        detail: `授权按「${limit.name}」限定了行，但它目前没有挂接数据，不能提供。`,
        remedy: '请联系提供部门核对目录与数据源的对应关系。',
      })
    return `(${limit.values.map(value => `${column(limit.key)} = ${param(value)}`).join(' or ') || 'false'})`
  })
}

/** `_key` is the text of its items, joined by the unit separator; only for text items is what a caller writes the same text. */
function byKey(p: Source, given: Map<OutgoingItem, string>, param: Param): string[] {
  const parts = (p.keys ?? []).map(key => [...given].find(([item]) => item.key === key && isText(item)))
  if (!parts.length || parts.some(part => !part)) return []
  return [`_key = ${param(parts.map(part => part![1]).join('\u001f'))}`]
}

function choose(p: Source & { fields?: readonly string[] | undefined }): OutgoingItem[] {
  const find = finder(p)
  const leaving = p.items.filter(leaves)
  const chosen = p.fields ? [...new Set(p.fields.map(find))] : leaving.map(item => find(item.key))
  for (const item of chosen) {
    if (item.treatment === 'aggregate') aggregateOnly(item)
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
      detail: '没有可以提供内容的信息项。',
      remedy: '仅核验的信息项请用核验接口，聚合的用聚合接口。',
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

/** The SQL of a value as it leaves. The recipient's key is given once, however many items need it. */
function outgoing(p: Pick<Source, 'pseudonyms'>, param: Param): (item: OutgoingItem, value?: string) => string {
  let pads: string | undefined
  return (item, value = `${column(item.key)}::text`) => {
    if (item.treatment === 'plain') return value
    if (item.treatment === 'masked') return `delivery.${maskOf(item)}(${value})`
    if (item.treatment === 'pseudonym') {
      if (!p.pseudonyms) throw new Error('no key for pseudonyms')
      pads ??= `${param(p.pseudonyms.inner)}::bytea, ${param(p.pseudonyms.outer)}::bytea`
      return `delivery.pseudonym(${value}, ${pads})`
    }
    throw new Error(`${item.treatment} items do not leave`)
  }
}

/** Made-up values as these items would leave: { row } for each, in the order of `items`. Reads no table. */
export function treated(items: readonly OutgoingItem[], rows: readonly (readonly string[])[], pseudonyms: Pads): Statement {
  const { values, param } = parameters()
  const show = outgoing({ pseudonyms }, param)
  const given = param(JSON.stringify(rows))
  const text = `select array[${items.map((item, i) => show(item, `(r ->> ${i})`)).join(', ')}]::text[] as row from jsonb_array_elements(${given}::jsonb) with ordinality as t(r, n) order by n`
  return { text, values }
}

/** What can be done with these items: look rows up by key, compare; and what the key is called. */
export function usable(items: readonly OutgoingItem[], keys: readonly string[]) {
  const parts = keys.map(key => items.find(i => i.key === key))
  const whole = parts.length > 0 && parts.every(i => i !== undefined)
  return {
    keyNames: parts.map((i, n) => i?.name ?? keys[n]!),
    lookUp: whole && parts.every(i => i!.treatment === 'plain'),
    verify: whole && parts.every(i => i!.treatment !== 'pseudonym' && i!.treatment !== 'aggregate'),
    aggregate: items.some(i => i.treatment === 'aggregate'),
  }
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
/** Where aggregation keeps what was replaced in `pool.e_…`. */
const historyOf = (relation: string): string => table(relation.replace(/^pool\.e_/, 'pool.h_'))

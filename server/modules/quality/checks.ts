/** Rules of an entry, from data to SQL and to words. Pure. */

import type { Item } from '../../../contract/catalog.ts'
import { type Check, formats, type NewRule } from '../../../contract/quality.ts'
import { addDays } from '../../platform/clock.ts'
import { type CheckedItem, columnType } from './columns.ts'
import { type Column, type Kind, patternFault, readExpression } from './expression.ts'
import { literal } from './sql.ts'

export type RuleFault = { pointer: string; message: string; remedy?: string }

export function kindOf(item: CheckedItem): Kind {
  switch (columnType(item)) {
    case 'numeric':
    case 'bigint':
    case 'double precision':
      return 'number'
    case 'date':
      return 'date'
    case 'timestamp':
      return 'time'
    case 'boolean':
      return 'boolean'
    default:
      return 'text'
  }
}
/** Items as columns of a pool table that is called `t`. */
export const poolColumns = (items: readonly CheckedItem[]): Column[] =>
  items.map(i => ({ key: i.key, name: i.name, kind: kindOf(i), sql: `t.${i.key}` }))

/** Keys of the items a check looks at, with the place of each in the rule. */
export function usedBy(check: Check, items: readonly CheckedItem[] = [], today = ''): { key: string; pointer: string }[] {
  const one = (key: string | undefined, pointer: string) => (key ? [{ key, pointer: `/check/${pointer}` }] : [])
  switch (check.kind) {
    case 'unique':
    case 'reference':
      return check.items.map((key, i) => ({ key, pointer: `/check/items/${i}` }))
    case 'compare':
      return [...one(check.item, 'item'), ...one(check.other, 'other')]
    case 'depends':
      return [...one(check.when.item, 'when/item'), ...one(check.item, 'item')]
    case 'sum':
      return [...check.parts.map((key, i) => ({ key, pointer: `/check/parts/${i}` })), ...one(check.total, 'total')]
    case 'predicate': {
      const read = readExpression(check.expression, poolColumns(items), today)
      return read.ok ? read.used.map(c => ({ key: c.key, pointer: '/check/expression' })) : []
    }
    default:
      return one(check.item, 'item')
  }
}

const kindWords: Record<Kind, string> = { text: '文字', number: '数值', date: '日期', time: '日期时间', boolean: '是否' }

/** Everything wrong with a rule over these items. What needs the database (the other entry, the pattern itself) is checked by the command. */
export function ruleFaults(check: Check, items: readonly CheckedItem[], today: string): RuleFault[] {
  const list: RuleFault[] = []
  const add = (pointer: string, message: string, remedy?: string) => list.push({ pointer, message, ...(remedy && { remedy }) })
  const find = (key: string) => items.find(i => i.key === key)
  for (const { key, pointer } of usedBy(check, items, today))
    if (!find(key)) add(pointer, `这条目录没有信息项 ${key}。`, '请从目录的信息项里选择。')
  if (list.length) return list
  const kind = (key: string): Kind => kindOf(find(key)!)
  const name = (key: string) => find(key)!.name
  switch (check.kind) {
    case 'format': {
      if (!check.format === !check.pattern) add('/check/format', '请选择一种格式，或写一个表达式，二选一。')
      const fault = check.pattern && !check.format ? patternFault(check.pattern) : null
      if (fault) add('/check/pattern', `这个表达式不能用：${fault}。`)
      if (kind(check.item) !== 'text')
        add('/check/item', `「${name(check.item)}」是${kindWords[kind(check.item)]}，入库时已按类型检查，不必再查格式。`)
      break
    }
    case 'range': {
      if (check.min === undefined && check.max === undefined) add('/check/min', '请至少写下限或上限。')
      const k = kind(check.item)
      if (k === 'text' || k === 'boolean')
        add('/check/item', `「${name(check.item)}」是${kindWords[k]}，不能查范围。`, '数值和日期可以查范围；文字请用长度、格式或代码表。')
      else
        for (const side of ['min', 'max'] as const) {
          const bound = check[side]
          if (bound === undefined) continue
          if ((k === 'number') !== /^-?\d+(\.\d+)?$/.test(bound))
            add(`/check/${side}`, k === 'number' ? '这一项是数值，请写数字。' : '这一项是日期，请写 2026-09-24 或 today、today-30。')
          else if (k !== 'number' && !bound.startsWith('today') && !realDay(bound)) add(`/check/${side}`, `${bound} 不是真实日期。`)
        }
      if (!list.length && check.min !== undefined && check.max !== undefined && k !== 'text' && k !== 'boolean') {
        const [low, high] = [boundValue(check.min, today), boundValue(check.max, today)]
        if (low > high) add('/check/max', '上限小于下限，没有值能符合。')
      }
      break
    }
    case 'length':
      if (check.min === undefined && check.max === undefined) add('/check/min', '请至少写最短或最长。')
      else if ((check.min ?? 0) > (check.max ?? Number.POSITIVE_INFINITY)) add('/check/max', '最长小于最短，没有值能符合。')
      if (kind(check.item) !== 'text') add('/check/item', `「${name(check.item)}」是${kindWords[kind(check.item)]}，不查字数。`)
      break
    case 'compare':
      if (check.item === check.other) add('/check/other', '请选两个不同的信息项。')
      else if (family(kind(check.item)) !== family(kind(check.other)))
        add(
          '/check/other',
          `「${name(check.item)}」是${kindWords[kind(check.item)]}，「${name(check.other)}」是${kindWords[kind(check.other)]}，不能比较。`,
        )
      break
    case 'depends':
      if (check.when.item === check.item) add('/check/item', '请选两个不同的信息项。')
      if (check.when.is.endsWith('one-of') && !check.when.values.length) add('/check/when/values', '请写条件的值。')
      if (check.must === 'one-of' && !check.values.length) add('/check/values', '请写应为哪些值。')
      break
    case 'sum':
      if (check.parts.length < 2) add('/check/parts', '请至少选两个相加的信息项。')
      if (check.parts.includes(check.total)) add('/check/total', '合计不能又是相加的一项。')
      for (const key of [...check.parts, check.total])
        if (kind(key) !== 'number') add('/check/total', `「${name(key)}」不是数值，不能相加。`)
      break
    case 'fresh':
      if (check.item && !['date', 'time'].includes(kind(check.item))) add('/check/item', `「${name(check.item)}」不是日期。`)
      break
    case 'predicate': {
      const read = readExpression(check.expression, poolColumns(items), today)
      if (!read.ok) add('/check/expression', `这个条件不能用：${read.reason}。`)
      break
    }
  }
  return list
}
const family = (kind: Kind) => (kind === 'time' ? 'date' : kind)
const realDay = (day: string) => /^\d{4}-\d{2}-\d{2}$/.test(day) && addDays(day, 0) === day

function boundValue(bound: string, today: string): number {
  if (/^-?\d+(\.\d+)?$/.test(bound)) return Number(bound)
  const relative = /^today(?:([+-])(\d+))?$/.exec(bound)
  return relative ? Date.parse(today) + Number(`${relative[1] ?? '+'}${relative[2] ?? 0}`) * 86_400_000 : Date.parse(bound)
}
function boundSql(bound: string, kind: Kind, today: string): string {
  if (kind === 'number') return `${bound}::numeric`
  const relative = /^today(?:([+-])(\d+))?$/.exec(bound)
  return relative ? `(${literal(today)}::date ${relative[1] ?? '+'} ${relative[2] ?? 0})` : `${literal(bound)}::date`
}
const texts = (values: readonly string[]) => `array[${values.map(literal).join(', ')}]::text[]`

/** SQL that is true for a row that breaks the check, else false or null; undefined for checks of more than one row. */
export function brokenSql(check: Check, columns: readonly Column[], today: string): string | undefined {
  const of = (key: string) => columns.find(c => c.key === key)!
  const text = (key: string) => (of(key).kind === 'text' ? of(key).sql : `(${of(key).sql})::text`)
  const number = (key: string) => `(${of(key).sql})::numeric`
  switch (check.kind) {
    case 'not-null':
      return `(${of(check.item).sql}) is null`
    case 'format': {
      const v = text(check.item)
      if (check.format === 'id-number')
        return `quality.id_number_fault(quality.code_value(${v}), ${literal(today.replaceAll('-', ''))}) is not null`
      if (check.format === 'credit-code') return `quality.credit_code_fault(quality.code_value(${v})) is not null`
      const pattern = check.format ? formats[check.format].pattern : check.pattern!
      return `${v} !~ ${literal(`^(?:${pattern})$`)}`
    }
    case 'codes':
      return `${text(check.item)} <> all (${texts(check.codes)})`
    case 'range': {
      const c = of(check.item)
      // A moment belongs to its day.
      const v = c.kind === 'number' ? number(c.key) : c.kind === 'time' ? `(${c.sql})::date` : c.sql
      return [
        check.min !== undefined && `${v} < ${boundSql(check.min, c.kind, today)}`,
        check.max !== undefined && `${v} > ${boundSql(check.max, c.kind, today)}`,
      ]
        .filter(Boolean)
        .join(' or ')
    }
    case 'length': {
      const v = `char_length(${text(check.item)})`
      return `${v} < ${check.min ?? 0}${check.max === undefined ? '' : ` or ${v} > ${check.max}`}`
    }
    case 'compare': {
      const side = (key: string) => (of(key).kind === 'number' ? number(key) : of(key).sql)
      return `not (${side(check.item)} ${check.op} ${side(check.other)})`
    }
    case 'depends': {
      const { when } = check
      const w = text(when.item)
      const applies = {
        filled: `${w} is not null`,
        empty: `${w} is null`,
        'one-of': `${w} = any (${texts(when.values)})`,
        'not-one-of': `${w} <> all (${texts(when.values)})`,
      }[when.is]
      const v = text(check.item)
      const holds = { filled: `${v} is not null`, empty: `${v} is null`, 'one-of': `coalesce(${v} = any (${texts(check.values)}), false)` }[
        check.must
      ]
      return `(${applies}) and not (${holds})`
    }
    case 'sum':
      // A part without a value adds nothing; where there is none at all nothing is claimed.
      return `num_nonnulls(${check.parts.map(key => of(key).sql).join(', ')}) > 0 and abs(${check.parts.map(key => `coalesce(${number(key)}, 0)`).join(' + ')} - ${number(check.total)}) > ${check.tolerance}::numeric`
    case 'predicate': {
      const read = readExpression(check.expression, columns, today)
      // As in a CHECK constraint: what cannot be decided because a value is missing is not broken.
      return read.ok ? `not ${read.sql}` : undefined
    }
    default:
      return undefined
  }
}

/** Key of another entry's table made of these items, as its rows have it. */
export const referenceKey = (keys: readonly string[], columns: readonly Column[]): string => {
  const parts = keys.map(key => columns.find(c => c.key === key)!).map(c => (c.kind === 'text' ? c.sql : `(${c.sql})::text`))
  return parts.length === 1 ? parts[0]! : `concat_ws(chr(31), ${parts.join(', ')})`
}

const opWords = {
  '=': '等于',
  '<>': '不等于',
  '<': '小于（早于）',
  '<=': '不大于（不晚于）',
  '>': '大于（晚于）',
  '>=': '不小于（不早于）',
}
const boundWords = (b: string) =>
  b.replace(/^today$/, '当天').replace(/^today([+-])(\d+)$/, (_, sign, n) => `当天${sign === '+' ? '后' : '前'} ${n} 天`)
const some = (values: readonly string[]) => `${values.slice(0, 5).join('、')}${values.length > 5 ? ` 等 ${values.length} 个` : ''}`

/** What a check asks, in one sentence. `other`: title of the entry it refers to. */
export function wordsOf(check: Check, items: readonly Pick<Item, 'key' | 'name'>[], other?: string): string {
  const n = (key: string) => `「${items.find(i => i.key === key)?.name || key}」`
  const all = (keys: readonly string[]) => keys.map(n).join('＋')
  switch (check.kind) {
    case 'not-null':
      return `${n(check.item)}有值`
    case 'unique':
      return `${all(check.items)}不重复`
    case 'format':
      return `${n(check.item)}是${check.format ? formats[check.format].label : `符合 ${check.pattern} 的文字`}`
    case 'codes':
      return `${n(check.item)}是 ${some(check.codes)} 之一`
    case 'range':
      return `${n(check.item)}${[check.min !== undefined && `不小于 ${boundWords(check.min)}`, check.max !== undefined && `不大于 ${boundWords(check.max)}`].filter(Boolean).join('、')}`
    case 'length':
      return `${n(check.item)}的字数${[check.min !== undefined && `不少于 ${check.min}`, check.max !== undefined && `不多于 ${check.max}`].filter(Boolean).join('、')}`
    case 'compare':
      return `${n(check.item)}${opWords[check.op]}${n(check.other)}`
    case 'depends': {
      const w = n(check.when.item)
      const when = {
        filled: `${w}有值`,
        empty: `${w}没有值`,
        'one-of': `${w}是 ${some(check.when.values)}`,
        'not-one-of': `${w}不是 ${some(check.when.values)}`,
      }[check.when.is]
      const must = { filled: '有值', empty: '没有值', 'one-of': `是 ${some(check.values)}` }[check.must]
      return `${when}时，${n(check.item)}${must}`
    }
    case 'sum':
      return `${all(check.parts)}等于${n(check.total)}${check.tolerance ? `（相差不超过 ${check.tolerance}）` : ''}`
    case 'reference':
      return `${all(check.items)}在目录「${other ?? check.code}」里有`
    case 'fresh':
      return check.item ? `最新的${n(check.item)}在 ${check.days} 天以内` : `数据在 ${check.days} 天以内更新过`
    case 'predicate':
      return check.expression
  }
}

/** A rule that turns rows away, as batches need it. */
export type RejectRule = { id: string; title: string; check: Check }
export type WiredItem = { item: CheckedItem; column: string; fault: string; value: string }

/** Rules a source can be held to: those whose items it delivers. The others are counted afterwards, over the whole table. */
export const wiredRules = (rules: readonly RejectRule[], items: readonly CheckedItem[]): RejectRule[] =>
  rules.filter(rule => {
    const used = usedBy(rule.check, items)
    return used.length > 0 && used.every(u => items.some(i => i.key === u.key))
  })

/**
 * Checks of whole rows for a batch, over its staging table. `fault` gives the rule that is broken or null, and looks at values only where
 * each of them is right by itself.
 */
export function rowRules(
  rules: readonly RejectRule[],
  wires: readonly WiredItem[],
  today: string,
): { item: { key: string }; column: string; fault: string }[] {
  const items = wires.map(w => w.item)
  const columns = wires.map(w => ({ key: w.item.key, name: w.item.name, kind: kindOf(w.item), sql: w.value }))
  return wiredRules(rules, items).flatMap(rule => {
    const used = [...new Set(usedBy(rule.check).map(u => u.key))].map(key => wires.find(w => w.item.key === key)!)
    const broken = brokenSql(rule.check, columns, today)
    if (broken === undefined) return []
    const right = used.map(w => `(${w.fault}) is null`).join(' and ')
    // The item the reader looks at first is the last one named: the one that has to fit the others.
    const shown = used.at(-1)!
    return [
      {
        item: { key: shown.item.key },
        column: shown.column,
        fault: `case when ${right} then case when ${broken} then ${literal(ruleName(rule))} end end`,
      },
    ]
  })
}

/** How a broken rule stands in a rejects list: it stays readable when the rule has changed since. */
export const ruleName = (rule: Pick<RejectRule, 'id' | 'title'>): string => `rule:${rule.id}:${rule.title}`
export const ruleOfName = (name: string): { id: string; title: string } | undefined => {
  const m = /^rule:([0-9a-f-]{36}):(.*)$/s.exec(name)
  return m ? { id: m[1]!, title: m[2]! } : undefined
}

export const needsTable = (rule: Pick<NewRule, 'check'>): boolean => ['unique', 'reference', 'fresh'].includes(rule.check.kind)

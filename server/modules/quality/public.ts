export { creditCheck } from '../organization/public.ts'

import { type CheckedItem, columnType } from './columns.ts'
import { literal } from './sql.ts'

export { type RejectRule, rowRules, type WiredItem, wiredRules } from './checks.ts'
export { type CheckedItem, columnType } from './columns.ts'
export { type Delivery, noteDelivery } from './deliveries.ts'
export {
  doubtText,
  marksOf,
  markText,
  noteCorrection,
  recordKeys,
  registerUsers,
  reportDoubt,
  rowMarks,
  type StandingMark,
} from './reports.ts'
export { registerPool, rejectRules } from './rulebook.ts'
export {
  checkCreditCode,
  checkDate,
  checkIdNumber,
  checkInteger,
  checkNumber,
  explain,
  halfWidth,
  idCheck,
  type Rule,
  rules,
  type Verdict,
} from './rules.ts'
export { literal } from './sql.ts'
export { type Voucher, vouchFor } from './vouch.ts'
/** Where vouchFor stands, for a thread that needs nothing else of this module. */
export const vouchModule = new URL('./vouch.ts', import.meta.url).href

const yes = ['1', '是', 'true', 'TRUE', 'True', 'Y', 'y', 'yes', 't', 'T', '有']
const no = ['0', '否', 'false', 'FALSE', 'False', 'N', 'n', 'no', 'f', 'F', '无']
const list = (values: readonly string[]) => values.map(literal).join(', ')

/**
 * The check of one item as SQL over a staging column that holds trimmed text or null: `fault` gives the rule that is broken, or null;
 * `value` the typed value and may only be evaluated where `fault` is null; `plain` the same where a Voucher has vouched for the field.
 * Plain spellings are decided by operators alone; only unusual ones reach a function.
 */
export function checkSql(
  item: CheckedItem,
  column: string,
  today: string,
  required: boolean,
): { fault: string; value: string; plain: string } {
  const s = column
  const whens: string[] = []
  const digits = (v: string) =>
    item.length ? `when length(${v}) > ${item.length} and length(translate(${v}, '-.', '')) > ${item.length} then 'too-many-digits'` : ''
  let value = s
  switch (columnType(item)) {
    case 'bigint':
    case 'numeric': {
      const rule = item.type === 'I' ? 'not-integer' : 'not-number'
      const test = item.type !== 'I' ? 'is_number' : columnType(item) === 'bigint' ? 'is_integer' : 'is_long_integer'
      whens.push(`when not quality.${test}(${s}) and not quality.${test}(quality.number_cleaned(${s})) then '${rule}'`, digits(s))
      value = `quality.number_value(${s})::${columnType(item)}`
      break
    }
    case 'double precision':
      whens.push(`when not quality.is_float(${s}) and not quality.is_float(quality.number_cleaned(${s})) then 'not-number'`)
      value = `case when quality.is_float(${s}) then ${s} else quality.number_cleaned(${s}) end::double precision`
      break
    case 'date':
      whens.push(`when not quality.is_date(${s}) and not quality.is_date(quality.date_cleaned(${s})) then 'not-date'`)
      value = `quality.date_value(${s})::date`
      break
    case 'timestamp':
      whens.push(`when not quality.is_datetime(${s}) and not quality.is_datetime(quality.datetime_cleaned(${s})) then 'not-datetime'`)
      value = `quality.datetime_value(${s})::timestamp`
      break
    case 'boolean':
      whens.push(`when ${s} not in (${list([...yes, ...no])}) then 'not-boolean'`)
      value = `(${s} in (${list(yes)}))`
      break
    default:
      if (item.semantic === 'id-number' || item.semantic === 'credit-code') value = `quality.code_value(${s})`
      else if (item.length) whens.push(`when length(${s}) > ${item.length} then 'too-long'`)
  }
  if (item.codes?.length) whens.push(`when ${s} not in (${list(item.codes)}) then 'not-in-codes'`)
  const identifier =
    item.semantic === 'id-number'
      ? `quality.id_number_fault(quality.code_value(${s}), '${today.replaceAll('-', '')}')`
      : item.semantic === 'credit-code'
        ? `quality.credit_code_fault(quality.code_value(${s}))`
        : 'null'
  const tests = whens.filter(Boolean)
  return {
    fault: `case when ${s} is null then ${required ? `'required'` : 'null'}${tests.length ? ` ${tests.join(' ')}` : ''} else ${identifier} end`,
    value,
    plain: columnType(item) === 'text' ? s : `${s}::${columnType(item)}`,
  }
}

/** Checks of single values, pure. The same rules run as SQL over whole batches (migration 0050); one table of vectors tests both. */

import { creditCheck } from '../organization/public.ts'
import { ruleOfName } from './checks.ts'

export type Verdict<T = string> = { ok: true; value: T; warning?: Rule } | { ok: false; rule: Rule; reason: string }

/** What can be wrong with a value or a row: the short label of the rejects list and what to do about it. */
export const rules = {
  required: { label: '必填项为空', reason: '这一项必须有值', remedy: '补上后重新上传' },
  'identity-key-missing': {
    label: '缺主体标识',
    reason: '人员的数据要有公民身份号码，机构的数据要有统一社会信用代码',
    remedy: '在来源补上标识后重新上传',
  },
  'too-long': { label: '超过长度', reason: '字数超过目录登记的数据长度', remedy: '核对内容；长度登记得太短时先变更目录' },
  'not-integer': { label: '不是整数', reason: '应为整数', remedy: '只填数字，不带单位和小数' },
  'not-number': { label: '不是数值', reason: '应为数值', remedy: '只填数字，如 512.00' },
  'too-many-digits': { label: '位数超长', reason: '数字位数超过目录登记的数据长度', remedy: '核对数值与单位（元、万元）' },
  'not-date': { label: '不是真实日期', reason: '不是一个存在的日期', remedy: '填 8 位日期，如 20260228' },
  'not-datetime': { label: '不是真实时间', reason: '不是一个存在的日期时间', remedy: '写作 2026-02-28 09:30:00' },
  'not-boolean': { label: '不是是或否', reason: '应为 是/否 或 1/0', remedy: '填 1 或 0' },
  'not-in-codes': { label: '不在代码表内', reason: '值不在目录登记的代码表内', remedy: '对照代码表改正；代码表有新增时先变更目录' },
  'id-length': { label: '身份号码位数不对', reason: '公民身份号码应为 18 位', remedy: '请向来源核对，不要自行补位' },
  'id-legacy': { label: '15 位旧身份号码', reason: '15 位旧号码不能作为现行身份号码', remedy: '请换用 18 位号码' },
  'id-form': { label: '身份号码格式不对', reason: '应为 17 位数字加 1 位数字或 X', remedy: '去掉多余的字符' },
  'id-province': { label: '身份号码地区不存在', reason: '前两位不是省级代码', remedy: '请向来源核对' },
  'id-date': { label: '身份号码出生日期不存在', reason: '第 7 至 14 位不是真实日期', remedy: '请向来源核对，不要自行改号' },
  'id-future': { label: '身份号码出生日期在将来', reason: '出生日期晚于今天', remedy: '请向来源核对' },
  'id-check': { label: '校验位不符', reason: '末位校验码与前 17 位不符', remedy: '请向来源核对，不要自行改号' },
  'credit-length': {
    label: '信用代码位数不对',
    reason: '统一社会信用代码应为 18 位',
    remedy: '旧注册号、组织机构代码请换成统一社会信用代码',
  },
  'credit-form': { label: '信用代码含有不该有的字符', reason: '只能是数字和大写字母，不含 I、O、S、V、Z', remedy: '检查 0 与 O、1 与 I' },
  'credit-authority': { label: '信用代码登记机关不存在', reason: '第 1 位不是登记管理部门代码', remedy: '请向来源核对' },
  'credit-area': { label: '信用代码地区不存在', reason: '第 3、4 位不是省级代码', remedy: '请向来源核对' },
  'credit-check': { label: '校验码不符', reason: '末位校验码与前 17 位不符', remedy: '请向来源核对，不要自行改码' },
  'credit-subject': {
    label: '主体标识码校验不符',
    reason: '第 9 至 17 位的校验与国家标准不符（提示）',
    remedy: '可以保留；建议向来源核对',
  },
  'duplicate-key': { label: '主键重复', reason: '同一文件里主键已经出现过', remedy: '只保留一行' },
  'delete-unapproved': {
    label: '删除未经批准',
    reason: '要求删除记录，但没有批准，记录仍在',
    remedy: '提出「记录删除审批」；批准后由平台移除',
  },
  ragged: { label: '列数不符', reason: '这一行的列数与表头不同', remedy: '检查漏掉的分隔符，或含分隔符的内容没有加引号' },
  encoding: { label: '编码损坏', reason: '这一行含有不能识别的字节', remedy: '在来源系统重新导出这一行' },
  quote: { label: '引号没有结束', reason: '引号开始后没有结束', remedy: '补上引号，或去掉多余的引号' },
  'excel-digits': {
    label: '被 Excel 存成数字',
    reason: '超过 15 位的数字被 Excel 存成数字，末几位已丢失',
    remedy: '把该列设为文本后从来源重新导出',
  },
} as const
export type Rule = keyof typeof rules

const fail = (rule: Rule): { ok: false; rule: Rule; reason: string } => ({ ok: false, rule, reason: rules[rule].reason })

/** Full-width digits, letters and signs as half-width. */
export const halfWidth = (text: string) =>
  text.replace(/[\uff01-\uff5e]/g, c => String.fromCharCode(c.charCodeAt(0) - 0xfee0)).replaceAll('\u3000', ' ')
const code = (text: string) => halfWidth(text).trim().toUpperCase()

/** 2-digit province codes of GB/T 2260, with 81–83 for 港澳台 residence permits. */
const provinces = new Set(
  '11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83'.split(' '),
)

const idWeights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
/** Check character of the first 17 digits (GB 11643, ISO 7064 MOD 11-2). */
export function idCheck(digits: string): string {
  let sum = 0
  for (let i = 0; i < 17; i++) sum += (digits.charCodeAt(i) - 48) * idWeights[i]!
  return '10X98765432'[sum % 11]!
}

/** 公民身份号码. `today` 'YYYY-MM-DD' decides what lies in the future. */
export function checkIdNumber(text: string, today = '9999-12-31'): Verdict {
  const value = code(text)
  if (/^\d{15}$/.test(value)) return fail('id-legacy')
  if (value.length !== 18) return fail('id-length')
  if (!/^\d{17}[\dX]$/.test(value)) return fail('id-form')
  if (!provinces.has(value.slice(0, 2))) return fail('id-province')
  const day = `${value.slice(6, 10)}-${value.slice(10, 12)}-${value.slice(12, 14)}`
  if (!isDay(day) || day < '1900') return fail('id-date')
  if (day > today) return fail('id-future')
  if (idCheck(value) !== value[17]) return fail('id-check')
  return { ok: true, value }
}

const subjectWeights = [3, 7, 9, 10, 5, 8, 4, 2]
/** GB 11714: the subject code carries its own check; older registers broke it, so it is a warning only. */
function subjectFits(value: string): boolean {
  const subject = value.slice(8, 17)
  let sum = 0
  for (let i = 0; i < 8; i++) sum += Number.parseInt(subject[i]!, 36) * subjectWeights[i]!
  const rest = 11 - (sum % 11)
  return subject[8] === (rest === 10 ? 'X' : rest === 11 ? '0' : String(rest))
}

/** 统一社会信用代码 */
export function checkCreditCode(text: string): Verdict {
  const value = code(text)
  if (value.length !== 18) return fail('credit-length')
  if (!/^[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}$/.test(value)) return fail('credit-form')
  if (!/[1-9ANY]/.test(value[0]!)) return fail('credit-authority')
  // 10 stands for national organisations (100000).
  if (value.slice(2, 4) !== '10' && !provinces.has(value.slice(2, 4))) return fail('credit-area')
  if (creditCheck(value) !== value[17]) return fail('credit-check')
  return subjectFits(value) ? { ok: true, value } : { ok: true, value, warning: 'credit-subject' }
}

function isDay(day: string): boolean {
  const [y, m, d] = day.split('-').map(Number) as [number, number, number]
  if (y < 1 || m < 1 || m > 12 || d < 1) return false
  const date = new Date(Date.UTC(2000, 0, 1))
  date.setUTCFullYear(y, m - 1, d)
  return date.getUTCMonth() === m - 1 && date.getUTCDate() === d
}

/** 8 digits or CCYY-MM-DD; the spellings of Excel (2026/2/3, 2026年2月3日, 2026.2.3) are put in order. */
export function checkDate(text: string): Verdict {
  const value = halfWidth(text).trim()
  const parts = /^(\d{4})(\d\d)(\d\d)$/.exec(value) ?? /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 0?0:00(?::00)?)?$/.exec(value)
  if (!parts) return fail('not-date')
  const day = `${parts[1]}-${parts[2]!.padStart(2, '0')}-${parts[3]!.padStart(2, '0')}`
  return isDay(day) ? { ok: true, value: day } : fail('not-date')
}

export function checkNumber(text: string): Verdict {
  const value = halfWidth(text)
    .trim()
    .replace(/^[¥￥]/, '')
    .replace(/元$/, '')
  const plain = /^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(value) ? value.replaceAll(',', '') : value
  return /^[-+]?(\d+\.?\d*|\.\d+)$/.test(plain) ? { ok: true, value: plain.replace(/^\+/, '') } : fail('not-number')
}

export function checkInteger(text: string): Verdict {
  const number = checkNumber(text)
  return number.ok && /^-?\d+$/.test(number.value) ? number : fail('not-integer')
}

/** Text for one rejected value: why, and what to do; never a guessed correction of an identifier. */
export function explain(rule: string, value: string | null, note?: string | null): { label: string; reason: string; remedy: string } {
  const own = ruleOfName(rule)
  if (own)
    return {
      label: own.title,
      reason: `不符合本目录的质量规则：${own.title}`,
      remedy: '按规则改正后重新上传；规则不对的，在目录的质量页修改',
    }
  const text = (rules as Record<string, { label: string; reason: string; remedy: string }>)[rule]
  if (!text) return { label: rule, reason: note ?? rule, remedy: '请核对后重新上传' }
  const digits = value ? code(value) : ''
  if (rule === 'id-check' && /^\d{17}/.test(digits)) return { ...text, remedy: `末位应为 ${idCheck(digits)}；请向来源核对，不要自行改号` }
  if (rule === 'credit-check' && digits.length === 18)
    return { ...text, remedy: `末位应为 ${creditCheck(digits)}；请向来源核对，不要自行改码` }
  return { label: text.label, reason: note ? `${text.reason}：${note}` : text.reason, remedy: text.remedy }
}

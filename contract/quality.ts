import { z } from 'zod'
import { Cite, Day, Done, Id, IdParam, Instant, Light } from './common.ts'
import { endpoint, staff } from './endpoint.ts'

/** Kinds of checks; a place's dimensions are made of them. */
export const checkKinds = {
  required: '必填项有值',
  format: '类型、长度和格式',
  codes: '在代码表内',
  identifier: '身份号码和信用代码',
  duplicate: '主键不重复',
  lag: '按约定时间到达',
  stale: '内容在更新周期内',
  reports: '经核实的疑义',
} as const
export const CheckKind = z.enum(Object.keys(checkKinds) as [keyof typeof checkKinds, ...(keyof typeof checkKinds)[]])
export type CheckKind = z.infer<typeof CheckKind>

/** Dimensions by the names of the national standard, and two that regulations add. */
export const dimensions = {
  complete: '完整性',
  accurate: '准确性',
  consistent: '一致性',
  timely: '时效性',
  conforming: '规范性',
  accessible: '可访问性',
  truthful: '真实性',
  usable: '可用性',
} as const
export const DimensionKey = z.enum(Object.keys(dimensions) as [keyof typeof dimensions, ...(keyof typeof dimensions)[]])
export type DimensionKey = z.infer<typeof DimensionKey>

/** Formats a rule may name instead of writing a pattern. The two identifiers are checked to their last digit. */
export const formats = {
  'id-number': { label: '公民身份号码', pattern: '' },
  'credit-code': { label: '统一社会信用代码', pattern: '' },
  mobile: { label: '手机号码', pattern: '1[3-9][0-9]{9}' },
  phone: { label: '固定电话', pattern: '(0[0-9]{2,3}-?)?[1-9][0-9]{6,7}(-[0-9]{1,6})?' },
  email: { label: '电子邮箱', pattern: '[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}[.][A-Za-z]{2,20}' },
  postcode: { label: '邮政编码', pattern: '[0-9]{6}' },
  division: { label: '行政区划代码（6、9 或 12 位）', pattern: '[1-8][0-9]{5}([0-9]{3})?([0-9]{3})?' },
  digits: { label: '只有数字', pattern: '[0-9]+' },
  capitals: { label: '数字和大写字母', pattern: '[0-9A-Z]+' },
  chinese: { label: '汉字姓名（可带间隔号）', pattern: '[一-龥]{1,25}([·•][一-龥]{1,25})?' },
  plate: { label: '机动车号牌', pattern: '[一-龥][A-Z][0-9A-Z]{4,6}[0-9A-Z挂学警港澳]' },
  day: { label: '8 位日期或 CCYY-MM-DD', pattern: '[12][0-9]{3}-?(0[1-9]|1[0-2])-?(0[1-9]|[12][0-9]|3[01])' },
  url: { label: '网址', pattern: 'https?://[^ ]{3,500}' },
} as const
export const FormatKey = z.enum(Object.keys(formats) as [keyof typeof formats, ...(keyof typeof formats)[]])

const ItemKey = z.string().regex(/^c\d{1,4}$/, '请选择信息项')
const ItemKeys = z.array(ItemKey).min(1, '请至少选择一个信息项').max(8, '最多 8 个信息项')
const Value = z.string().trim().max(200)
/** A number, a day, or `today`, `today-30`, `today+1`. */
const Bound = z
  .string()
  .trim()
  .max(30)
  .regex(/^(-?\d{1,18}(\.\d{1,10})?|\d{4}-\d{2}-\d{2}|today([+-]\d{1,5})?)$/, '写数字、日期（2026-09-24），或 today、today-30')

/** What a rule checks. Items are named by their keys, so that a new name changes nothing. */
export const Check = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('not-null'), item: ItemKey }),
  z.object({ kind: z.literal('unique'), items: ItemKeys }),
  z.object({
    kind: z.literal('format'),
    item: ItemKey,
    format: FormatKey.optional(),
    pattern: z
      .string()
      .max(200, '表达式不超过 200 字')
      .optional()
      .describe('The whole value must match; only a safe part of regular expressions'),
  }),
  z.object({ kind: z.literal('codes'), item: ItemKey, codes: z.array(Value.min(1)).min(1, '请填写代码').max(2000) }),
  z.object({ kind: z.literal('range'), item: ItemKey, min: Bound.optional(), max: Bound.optional() }),
  z.object({
    kind: z.literal('length'),
    item: ItemKey,
    min: z.number().int().min(0).max(100_000).optional(),
    max: z.number().int().min(0).max(100_000).optional(),
  }),
  z.object({ kind: z.literal('compare'), item: ItemKey, op: z.enum(['=', '<>', '<', '<=', '>', '>=']), other: ItemKey }),
  z.object({
    kind: z.literal('depends'),
    when: z.object({ item: ItemKey, is: z.enum(['filled', 'empty', 'one-of', 'not-one-of']), values: z.array(Value).max(100).default([]) }),
    item: ItemKey,
    must: z.enum(['filled', 'empty', 'one-of']),
    values: z.array(Value).max(100).default([]),
  }),
  z.object({ kind: z.literal('sum'), parts: ItemKeys, total: ItemKey, tolerance: z.number().min(0).max(1e9).default(0) }),
  z.object({
    kind: z.literal('reference'),
    items: ItemKeys,
    code: z.string().trim().min(1, '请选择目录').max(80).describe('The other entry'),
  }),
  z.object({
    kind: z.literal('fresh'),
    item: ItemKey.optional().describe('When a record was produced; absent: when the data came in'),
    days: z.number().int().min(0).max(3660),
  }),
  z.object({ kind: z.literal('predicate'), expression: z.string().trim().min(1, '请写条件').max(1000, '条件不超过 1000 字') }),
])
export type Check = z.infer<typeof Check>
export const checkKindLabels: Record<Check['kind'], string> = {
  'not-null': '不为空',
  unique: '不重复',
  format: '格式',
  codes: '代码表',
  range: '范围',
  length: '长度',
  compare: '两项比较',
  depends: '条件必填',
  sum: '合计相符',
  reference: '与另一条目录一致',
  fresh: '新鲜度',
  predicate: '自定义条件',
}
/** Kinds that look at more than one row, or that an administrator wrote: they count after the batch and turn no row away. */
export const afterBatch: readonly Check['kind'][] = ['unique', 'reference', 'fresh', 'predicate']

export const NewRule = z.object({
  title: z.string().trim().max(100).default('').describe('Empty: said in words from the check'),
  check: Check,
  dimension: DimensionKey,
  severity: z.enum(['reject', 'mark']).describe('reject: the row is turned away in the batch; mark: counted only'),
  weight: z.number().int().min(1).max(10).default(1),
  threshold: z.number().min(0).max(1).default(0.01).describe('A larger share of bad rows opens a ticket'),
  article: z.string().trim().max(100).default('').describe('Where it stands in a law or a standard'),
  active: z.boolean().default(true),
})
export type NewRule = z.infer<typeof NewRule>
export const QualityRule = NewRule.extend({
  id: Id,
  words: z.string().describe('What it checks, in words'),
  kindLabel: z.string(),
  dimensionLabel: z.string(),
  last: z
    .object({ batchNo: z.string(), at: Instant, checked: z.number().int(), failed: z.number().int(), fault: z.string() })
    .nullable()
    .describe('`fault`: why it could not be checked'),
  ticket: z.string().nullable().describe('Open case'),
  may: z.boolean().describe('You may change it'),
  changed: Instant,
  changedBy: z.string(),
})
export type QualityRule = z.infer<typeof QualityRule>

export const Dimension = z.object({
  key: z.string(),
  label: z.string().describe('In the words of the place'),
  measured: z.boolean(),
  score: z.number().nullable().describe('0–100; null: nothing measures it, which never counts as passed'),
  why: z.string(),
  checks: z.array(z.object({ kind: z.string(), label: z.string(), checked: z.number().int(), failed: z.number().int() })),
})
export type Dimension = z.infer<typeof Dimension>
export const Finding = z.object({
  id: Id,
  dimension: z.string(),
  label: z.string(),
  kind: z.string(),
  failed: z.number().int(),
  text: z.string(),
  department: z.string(),
  batchNo: z.string(),
  found: Instant,
  closed: Instant.nullable(),
  caseNo: z.string().nullable().describe('The correction task'),
})
export type Finding = z.infer<typeof Finding>
/** 异议标注 */
export const Mark = z.object({
  caseNo: z.string().nullable().describe('For the department of the data and its authority'),
  whole: z.boolean().describe('The whole entry, not one record'),
  record: z.string().nullable().describe('Key of the row, for the department of the data and its authority: it may identify a person'),
  kind: z.enum(['objection', 'doubt']).describe('异议 of somebody outside, 疑义 of a department'),
  item: z.string().nullable().describe('The item in doubt'),
  since: Instant,
  text: z.string(),
})
export type Mark = z.infer<typeof Mark>

export const EntryQuality = z.object({
  entryId: Id,
  code: z.string(),
  title: z.string(),
  department: z.string(),
  score: z.number().nullable().describe('Mean of the measured dimensions'),
  measured: z.number().int(),
  dimensions: z.array(Dimension),
  cite: Cite,
  inherited: z.string().nullable(),
  batchNo: z.string().nullable(),
  findings: z.array(Finding).describe('Open ones'),
  marks: z.array(Mark),
})
export type EntryQuality = z.infer<typeof EntryQuality>
const CodeParam = z.object({ code: z.string().max(80) })
export const entryQuality = endpoint({
  method: 'GET',
  path: '/quality/entries/:code',
  summary: 'Scores of an entry on the dimensions of its place, open findings, objection marks',
  access: staff,
  params: CodeParam,
  response: EntryQuality,
})

export const RuleItem = z.object({ key: z.string(), name: z.string(), type: z.string(), identifier: z.boolean() })
export const Point = z.object({
  batchNo: z.string(),
  at: Instant,
  loaded: z.boolean(),
  score: z.number().nullable(),
  dimensions: z.array(z.object({ key: z.string(), label: z.string(), score: z.number().nullable() })),
})
export type Point = z.infer<typeof Point>
export const EntryRules = z.object({
  code: z.string(),
  title: z.string(),
  rules: z.array(QualityRule),
  items: z.array(RuleItem).describe('Of the published version'),
  kinds: z.array(z.string()).describe('Kinds you may add; none: you may only read'),
  limit: z.number().nullable().describe('A total score under it opens a ticket; null: none'),
  trend: z.array(Point).describe('The last 60 deliveries, oldest first'),
})
export type EntryRules = z.infer<typeof EntryRules>
export const entryRules = endpoint({
  method: 'GET',
  path: '/quality/entries/:code/rules',
  summary: 'Rules of an entry with their last results, and its scores over time',
  access: staff,
  params: CodeParam,
  response: EntryRules,
})
const keepers = ['steward', 'bureau'] as const
export const Preview = z.object({
  words: z.string(),
  checked: z.number().int(),
  failed: z.number().int(),
  sampled: z.boolean().describe('Counted on a sample of a large table'),
  example: z.array(z.object({ key: z.string(), values: z.array(z.object({ name: z.string(), value: z.string().nullable() })) })),
  note: z.string().describe('What the counts do not say, e.g. that nothing is in the pool yet'),
})
export type Preview = z.infer<typeof Preview>
export const previewRule = endpoint({
  method: 'POST',
  path: '/quality/entries/:code/rules/preview',
  summary: 'What a rule would find in the data as they are now, before it is saved',
  access: keepers,
  params: CodeParam,
  body: z.object({ check: Check }),
  response: Preview,
})
export const addRule = endpoint({
  method: 'POST',
  path: '/quality/entries/:code/rules',
  summary: 'Add a rule to an entry of my department; conditions in words of their own are for administrators',
  access: keepers,
  params: CodeParam,
  body: NewRule,
  response: QualityRule,
})
export const changeRule = endpoint({
  method: 'PUT',
  path: '/quality/rules/:id',
  summary: 'Change a rule; results kept before stay as they were',
  access: keepers,
  params: IdParam,
  body: NewRule,
  response: QualityRule,
})
export const removeRule = endpoint({
  method: 'DELETE',
  path: '/quality/rules/:id',
  summary: 'Take a rule out of use; its results stay',
  access: keepers,
  params: IdParam,
  response: Done,
})
export const ruleRows = endpoint({
  method: 'GET',
  path: '/quality/rules/:id/rows',
  summary: 'Rows that do not keep a rule now, up to 50',
  access: keepers,
  params: IdParam,
  response: Preview,
})
export const setLimit = endpoint({
  method: 'PUT',
  path: '/quality/entries/:code/limit',
  summary: 'Score under which a ticket is opened; null for none',
  access: keepers,
  params: CodeParam,
  body: z.object({ limit: z.number().min(0).max(100).nullable() }),
  response: Done,
})

export const EntryScore = z.object({
  code: z.string(),
  title: z.string(),
  department: z.string(),
  score: z.number().nullable(),
  dimensions: z.array(z.object({ key: z.string(), label: z.string(), score: z.number().nullable() })),
  batchNo: z.string(),
  at: Instant,
  rules: z.number().int(),
  tickets: z.number().int().describe('Open ones'),
})
export const entryScores = endpoint({
  method: 'GET',
  path: '/quality/entries',
  summary: 'Entries by their last score, the worst first, with the mean of every week; a region for its authority, else my department',
  access: staff,
  query: z.object({ department: Id.optional(), limit: z.coerce.number().int().min(1).max(200).default(50) }),
  response: z.object({
    rows: z.array(EntryScore),
    total: z.number().int(),
    trend: z.array(z.object({ week: Day.describe('Monday'), score: z.number(), entries: z.number().int() })),
  }),
})

export const Ticket = z.object({
  no: z.string(),
  code: z.string(),
  entry: z.string(),
  department: z.string(),
  what: z.string(),
  opened: Day,
  due: Day.nullable(),
  closed: Day.nullable(),
  inTime: z.boolean().nullable().describe('null: still open and not due'),
  stateLabel: z.string(),
})
export const tickets = endpoint({
  method: 'GET',
  path: '/quality/tickets',
  summary: 'Tickets of a period and the share put right in time, by department',
  access: staff,
  query: z.object({ from: Day.optional(), to: Day.optional(), state: z.enum(['open', 'closed', 'all']).default('all') }),
  response: z.object({
    from: Day,
    to: Day,
    rows: z.array(Ticket),
    departments: z.array(
      z.object({
        departmentId: Id,
        department: z.string(),
        opened: z.number().int(),
        counted: z.number().int().describe('Closed or past their date'),
        inTime: z.number().int(),
        rate: z.number().nullable().describe('整改率: closed in time of those closed or due, in percent'),
      }),
    ),
  }),
})

export const DepartmentQuality = z.object({
  departmentId: Id,
  department: z.string(),
  entries: z.number().int(),
  measured: z.number().int().describe('Entries with at least one measured dimension'),
  score: z.number().nullable(),
  dimensions: z.array(z.object({ key: z.string(), label: z.string(), score: z.number().nullable(), measured: z.number().int() })),
  findings: z.number().int().describe('Open ones'),
})
export const departmentQuality = endpoint({
  method: 'GET',
  path: '/quality/departments',
  summary: 'Quality by department, for a region or for my own department',
  access: staff,
  response: z.object({ cite: Cite, rows: z.array(DepartmentQuality) }),
})

export const BoardRow = z.object({
  no: z.string(),
  procedure: z.string(),
  label: z.string(),
  entry: z.string(),
  code: z.string(),
  record: z.string(),
  state: z.string(),
  stateLabel: z.string(),
  ended: z.boolean(),
  owner: z.string().describe('Who has to act, or the department of the data'),
  opened: Instant,
  age: z.number().int().describe('Working days since receipt, to the end when it has ended'),
  light: Light.nullable(),
  left: z.number().int().nullable(),
  word: z.string().nullable().describe('The word of the text where it gives no number'),
  due: Day.nullable(),
  extended: z.number().int(),
  result: z.string().nullable(),
  told: z.number().int().nullable().describe('Departments told of the correction'),
})
export type BoardRow = z.infer<typeof BoardRow>
export const board = endpoint({
  method: 'GET',
  path: '/quality/cases',
  summary: 'All cases about doubtful, wrong or disputed data with their age; the authority sees its region, others their own',
  access: staff,
  query: z.object({ state: z.enum(['open', 'ended', 'all']).default('all'), procedure: z.string().max(40).optional() }),
  response: z.object({
    rows: z.array(BoardRow),
    counts: z.object({
      open: z.number().int(),
      overdue: z.number().int(),
      ended: z.number().int(),
      corrected: z.number().int(),
      upheld: z.number().int(),
      averageDays: z.number().nullable(),
    }),
  }),
})
export const corrections = endpoint({
  method: 'GET',
  path: '/quality/corrections',
  summary: 'Records put right after a doubt, in data my department provides or has obtained',
  access: staff,
  response: z.object({
    rows: z.array(
      z.object({
        caseNo: z.string().nullable().describe('For the parties of the case'),
        code: z.string(),
        entry: z.string(),
        department: z.string(),
        record: z.string().nullable().describe('For the parties of the case; others ask the data API, which knows what their grant holds'),
        item: z.string().nullable(),
        batchNo: z.string(),
        at: Instant,
        told: z.number().int().describe('Departments that were told'),
      }),
    ),
  }),
})
/** For people outside: which open data somebody disputes. Never which person, nor the key of the record. */
export const publicMarks = endpoint({
  method: 'GET',
  path: '/public/marks/:code',
  summary: 'Objection marks in force on an entry, without the records they are about',
  access: 'public',
  params: CodeParam,
  response: z.object({
    rows: z.array(z.object({ since: Instant, whole: z.boolean().describe('The whole entry, not single records') })),
    text: z.string(),
  }),
})

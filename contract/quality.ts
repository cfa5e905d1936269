import { z } from 'zod'
import { Cite, Day, Id, Instant, Light } from './common.ts'
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

import { z } from 'zod'
import { OpenClass, ShareClass, searchEntries, UpdateCycle } from './catalog.ts'
import { Cite, Done, IdParam, Instant, PageQuery, Problem, page } from './common.ts'
import { endpoint, staff } from './endpoint.ts'
import { Basis } from './procedure.ts'

/** Many catalog entries at once: the national template in and out, one change to many entries, and the table that makes their codes. */

export const runStates = { checking: '检查中', checked: '待保存', saving: '保存中', done: '已保存', failed: '没有读成' } as const
export const RunState = z.enum(Object.keys(runStates) as [keyof typeof runStates, ...(keyof typeof runStates)[]])
export const outcomes = { create: '新建', change: '修改', same: '没有变化', fault: '有错，不保存' } as const
export const Outcome = z.enum(Object.keys(outcomes) as [keyof typeof outcomes, ...(keyof typeof outcomes)[]])
/** A fault keeps its entry out; what is to do must be done before submission; a note says what was left out. */
export const noteLevels = { fault: '错误', todo: '提交前要补', note: '说明' } as const
export const NoteLevel = z.enum(Object.keys(noteLevels) as [keyof typeof noteLevels, ...(keyof typeof noteLevels)[]])

export const Run = z.object({
  id: z.uuid(),
  kind: z.enum(['import', 'bulk']),
  name: z.string().describe('Name of the file, or what is changed'),
  state: RunState,
  stateLabel: z.string(),
  by: z.string(),
  created: Instant,
  finished: Instant.nullable(),
  read: z.number().int().describe('Rows of the workbook read so far'),
  total: z.number().int(),
  done: z.number().int().describe('Entries dealt with in the present phase'),
  outcomes: z.record(Outcome, z.number().int()),
  notes: z.record(NoteLevel, z.number().int()),
  problem: Problem.nullable().describe('Why nothing could be read'),
  may: z.array(z.enum(['save', 'report'])),
})
export type Run = z.infer<typeof Run>

export const RunEntry = z.object({
  n: z.number().int(),
  sheet: z.string(),
  line: z.number().int(),
  lines: z.number().int().describe('Rows it takes in the workbook'),
  code: z.string(),
  title: z.string(),
  outcome: Outcome,
  outcomeLabel: z.string(),
  saved: z.boolean(),
  caseNo: z.string().nullable(),
  faults: z.number().int(),
  todo: z.number().int(),
})
export const RunNote = z.object({
  n: z.number().int(),
  sheet: z.string(),
  line: z.number().int(),
  cell: z.string().describe('As the spreadsheet names it, e.g. R12'),
  field: z.string(),
  title: z.string(),
  level: NoteLevel,
  levelLabel: z.string(),
  code: z.string(),
  message: z.string(),
  remedy: z.string().nullable(),
  cite: Cite.nullable(),
})

export const importTemplate = endpoint({
  method: 'POST',
  path: '/catalog/imports',
  summary: 'Upload a workbook in the national template; it is checked first, nothing is saved yet',
  access: ['steward'],
  kind: 'multipart',
  response: Run,
})
export const runs = endpoint({
  method: 'GET',
  path: '/catalog/runs',
  summary: 'Imports and bulk edits of the own department, newest first',
  access: ['steward'],
  response: z.array(Run),
})
export const run = endpoint({
  method: 'GET',
  path: '/catalog/runs/:id',
  summary: 'How far an import or bulk edit is, and what it would do or has done',
  access: ['steward'],
  params: IdParam,
  response: Run,
})
export const runEntries = endpoint({
  method: 'GET',
  path: '/catalog/runs/:id/entries',
  summary: 'Entry by entry: new, changed, unchanged or refused',
  access: ['steward'],
  params: IdParam,
  query: PageQuery.extend({ outcome: Outcome.optional() }),
  response: page(RunEntry),
})
export const runNotes = endpoint({
  method: 'GET',
  path: '/catalog/runs/:id/notes',
  summary: 'Line by line: sheet, row, column, what is wrong and what to do',
  access: ['steward'],
  params: IdParam,
  query: PageQuery.extend({ level: NoteLevel.optional() }),
  response: page(RunNote),
})
export const runReport = endpoint({
  method: 'GET',
  path: '/catalog/runs/:id/report',
  summary: 'The report as a workbook: the uploaded sheets with the wrong cells marked and what to do in the last column',
  access: ['steward'],
  params: IdParam,
  kind: 'stream',
})
export const saveRun = endpoint({
  method: 'POST',
  path: '/catalog/runs/:id/save',
  summary: 'Save what the check found good, each entry whole or not at all; entries with faults stay out',
  access: ['steward'],
  params: IdParam,
  response: Run,
})

/** What the list is filtered by, without its pages. */
export const ListFilter = (searchEntries.query as unknown as z.ZodObject).omit({ after: true, limit: true })
export const exportTemplate = endpoint({
  method: 'GET',
  path: '/catalog/export',
  summary: 'The list as filtered, in the national template (.xlsx); `blank` gives the empty form',
  access: staff,
  query: ListFilter.extend({
    extended: z.stringbool().default(false).describe('Also the columns of this platform, to the right of the national ones'),
    blank: z.stringbool().default(false),
  }),
  kind: 'stream',
})

/** What may be set in many entries at once. Absent means untouched, an empty text empties. */
export const Changes = z
  .strictObject({
    contact: z.object({ name: z.string().trim().max(50).optional(), phone: z.string().trim().max(30).optional() }).optional(),
    innerUnit: z.string().trim().max(100).optional(),
    theme: z.string().trim().max(50).optional(),
    updateCycle: UpdateCycle.optional(),
    grade: z.number().int().min(1).max(4).optional(),
    sourceSystem: z.string().trim().max(100).optional(),
    shareClass: ShareClass.optional(),
    shareConditions: z.string().trim().max(2000).optional(),
    shareBasis: Basis.optional(),
    openClass: OpenClass.optional(),
    openConditions: z.string().trim().max(2000).optional(),
    openBasis: Basis.optional(),
    upperCode: z.string().trim().max(80).optional(),
    addTags: z.array(z.string().trim().min(1).max(20)).max(20).optional(),
    removeTags: z.array(z.string().trim().min(1).max(20)).max(20).optional(),
  })
  .refine(c => Object.values(c).some(v => v !== undefined), '没有选择要改什么')
export type Changes = z.infer<typeof Changes>
export const bulkEdit = endpoint({
  method: 'POST',
  path: '/catalog/bulk',
  summary:
    'Change the same elements in many entries; checked first, saved by the run: drafts in place, published entries as a new draft version',
  access: ['steward'],
  body: z.object({
    codes: z.array(z.string().max(80)).min(1).max(5000).optional().describe('Ticked entries'),
    filter: ListFilter.optional().describe('Or everything the list shows under these filters'),
    changes: Changes,
    submit: z.boolean().default(false).describe('Also submit each changed entry for review'),
  }),
  response: Run,
})

export const CodeClass = z.object({
  code: z
    .string()
    .trim()
    .regex(/^[123](\d{2}(\d{3}[0-9A-Z]{0,30})?)?$/, '类 1 位、项 2 位、目 3 位数字，细目为数字或大写字母'),
  name: z.string().trim().min(1, '请填写名称').max(100),
  usual: z.boolean().default(false).describe('Taken where an entry names none of its siblings'),
})
export type CodeClass = z.infer<typeof CodeClass>
export const CodePattern = z.object({
  kind: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  pattern: z.string().trim().min(3).max(100),
})
export type CodePattern = z.infer<typeof CodePattern>
export const Codes = z.object({
  region: z.string(),
  regionName: z.string(),
  classes: z.array(
    CodeClass.extend({ parent: z.string().nullable(), region: z.string(), regionName: z.string().describe('Whose table the row is from') }),
  ),
  patterns: z.array(CodePattern.extend({ kindLabel: z.string(), example: z.string() })),
  may: z.boolean().describe('This person may extend the table of the own place'),
})
export const codes = endpoint({
  method: 'GET',
  path: '/catalog/codes',
  summary: 'The table that makes 信息资源代码: 类, 项, 目, 细目 and how a code is put together',
  access: staff,
  response: Codes,
})
export const saveClass = endpoint({
  method: 'PUT',
  path: '/catalog/codes/classes',
  summary: 'Add or rename a 项, 目 or 细目 of the own place; codes already given stay',
  access: ['bureau'],
  body: CodeClass,
  response: Codes,
})
export const savePattern = endpoint({
  method: 'PUT',
  path: '/catalog/codes/patterns',
  summary: 'How codes of a kind are put together in the own place',
  access: ['bureau'],
  body: CodePattern,
  response: Codes,
})
export const removeRun = endpoint({
  method: 'DELETE',
  path: '/catalog/runs/:id',
  summary: 'Throw away a check that was not saved',
  access: ['steward'],
  params: IdParam,
  response: Done,
})

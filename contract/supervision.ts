import { z } from 'zod'
import { CodeParam } from './catalog.ts'
import { Cite, Day, Id, Instant } from './common.ts'
import { endpoint } from './endpoint.ts'

/** The five areas an authority looks at, each with the number that leads to the records behind it. */
export const areas = { register: '登记', collect: '采集', aggregate: '汇聚', share: '共享', service: '服务' } as const
export const BoardRow = z.object({
  departmentId: Id,
  department: z.string(),
  register: z.number().int().describe('Published entries'),
  collect: z.number().int().describe('Inspections of collection and duplicate findings still open'),
  aggregate: z.number().int().describe('Published entries with data'),
  share: z.number().int().describe('Grants given that are in force'),
  service: z.number().int().describe('Calls answered in the last 30 days'),
  overdue: z.number().int().describe('Legal duties past their day'),
  corrections: z.number().int().describe('Corrections under way'),
  findings: z.number().int().describe('Exchanges beside the platform'),
})
export const board = endpoint({
  method: 'GET',
  path: '/supervision/board',
  summary: 'Departments of my region by the five areas, with what is overdue and under correction',
  access: ['bureau', 'leader', 'inspector'],
  response: z.object({ rows: z.array(BoardRow), areas: z.array(z.object({ key: z.string(), label: z.string(), href: z.string() })) }),
})

/** What became of an opened entry: use, opinions, reports, and the judgement on each. */
export const OpenUse = z.object({
  code: z.string(),
  title: z.string(),
  downloads: z.number().int(),
  calls: z.number().int(),
  cases: z.array(
    z.object({ no: z.string(), procedure: z.string(), title: z.string(), opened: Instant, ended: z.boolean(), state: z.string() }),
  ),
  trace: z.array(
    z.object({ at: Instant, action: z.string(), who: z.string(), content: z.string(), method: z.string(), ledger: z.number().int() }),
  ),
  from: Day,
})
export const openUse = endpoint({
  method: 'GET',
  path: '/supervision/open-use/:code',
  summary: 'Use of an opened entry, for its provider and the authority: downloads, calls, reports, trace',
  access: ['steward', 'leader', 'bureau', 'inspector'],
  params: CodeParam,
  response: OpenUse,
})

/** What the facts suggest. Nobody is accused by it: a person opens a case, or does not. */
export const Suspicion = z.object({
  breach: z.string(),
  label: z.string(),
  cite: Cite,
  procedure: z.string().describe('Procedure in which somebody would be held responsible'),
  department: z.string(),
  departmentId: Id.nullable(),
  what: z.string(),
  since: Day,
  elapsed: z.number().int().describe('Days since the duty fell due, or since the call'),
  legal: z.boolean().describe('false: no legal day limit exists, the platform only shows the elapsed time'),
  href: z.string(),
})
export const suspicions = endpoint({
  method: 'GET',
  path: '/supervision/suspicions',
  summary: 'Suspected breaches in my region, each with its article and the records behind it',
  access: ['bureau', 'leader', 'inspector'],
  response: z.array(Suspicion),
})

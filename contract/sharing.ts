import { z } from 'zod'
import { CodeParam } from './catalog.ts'
import { Cite, Day, Id, IdParam } from './common.ts'
import { Grant } from './delivery.ts'
import { endpoint } from './endpoint.ts'
import { ActionField, Case, Form, GrantedItem } from './procedure.ts'
import { Ruling } from './regulation.ts'

/** What an applicant is told before writing: who decides, how long, what to state, which items. */
export const Preparation = z.object({
  entryId: Id,
  code: z.string(),
  title: z.string(),
  provider: z.string(),
  shareLabel: z.string(),
  mode: z.enum(['direct', 'apply', 'barred']).describe('direct: unconditional, no application; barred: not shareable'),
  sentence: z.string().describe('e.g. 将由 市大数据委 在 20 个工作日内决定'),
  cite: Cite,
  ruling: Ruling,
  path: z.array(z.object({ step: z.string(), by: z.string(), time: z.string(), cite: Cite })),
  dueIfToday: Day.nullable(),
  fields: z.array(ActionField),
  items: z.array(
    z.object({
      key: z.string(),
      name: z.string(),
      semantic: z.string().nullable(),
      shareLabel: z.string(),
      available: z.boolean(),
      why: z.string().nullable(),
      treatment: z.enum(['plain', 'masked', 'verify']),
    }),
  ),
  conditions: z.string(),
  basis: z.string(),
  openApplication: z.string().nullable().describe('Number of an application of ours that is still open'),
})
export const prepare = endpoint({
  method: 'GET',
  path: '/sharing/prepare/:code',
  summary: 'Before applying: who decides, in how many working days, under which article',
  access: ['steward', 'leader', 'developer', 'bureau'],
  params: CodeParam,
  response: Preparation,
})
export const apply = endpoint({
  method: 'POST',
  path: '/sharing/applications',
  summary: 'Apply for a catalog entry',
  access: ['steward'],
  body: z.object({ entryId: Id, form: Form }),
  response: Case,
})
export const access = endpoint({
  method: 'POST',
  path: '/sharing/access',
  summary: 'Take up unconditional data at once, without application',
  access: ['steward'],
  body: z.object({
    entryId: Id,
    system: Id,
    purpose: z.string().trim().max(2000),
    duty: z.string().trim().max(2000).optional(),
    items: z.array(GrantedItem).max(500).optional(),
  }),
  response: Grant,
})
export const suspend = endpoint({
  method: 'POST',
  path: '/sharing/grants/:id/suspend',
  summary: 'Suspend a grant; the next request is refused',
  access: ['steward', 'leader', 'bureau'],
  params: IdParam,
  body: z.object({ reason: z.string().trim().min(4, '请写明暂停的原因').max(2000) }),
  response: Grant,
})
export const resume = endpoint({
  method: 'POST',
  path: '/sharing/grants/:id/resume',
  summary: 'Resume a suspended grant',
  access: ['steward', 'leader', 'bureau'],
  params: IdParam,
  body: z.object({ reason: z.string().trim().min(4, '请写明恢复的原因').max(2000) }),
  response: Grant,
})

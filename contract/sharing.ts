import { z } from 'zod'
import { CodeParam } from './catalog.ts'
import { Cite, Day, Fault, Id, IdParam, Instant } from './common.ts'
import { Grant } from './delivery.ts'
import { endpoint, staff } from './endpoint.ts'
import { ActionField, Case, Form, GrantedItem, NoParam, Treatment } from './procedure.ts'
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
  negotiation: z.object({ label: z.string(), text: z.string(), cite: Cite }).nullable().describe('Offered where the entry is not shared'),
  needs: z.array(z.object({ name: z.string(), label: z.string() })).describe('What direct access must state'),
  offered: z.boolean().describe('A base database whose interface is open to my department at once'),
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
  body: z.object({
    entryId: Id,
    form: Form,
    renews: Id.optional().describe('Grant this application carries on: what the form leaves out is taken over from it'),
  }),
  response: Case,
})
/** 基础数据库接口: what a department of the region may call, granted in one step by `access`. */
export const BaseInterface = z.object({
  id: Id,
  title: z.string(),
  theme: z.string(),
  regionName: z.string(),
  builder: z.string(),
  own: z.boolean(),
  entryId: Id,
  code: z.string(),
  rows: z.number().int(),
  updated: Instant.nullable(),
  open: z.boolean().describe('False: only by application'),
  way: z.string(),
  items: z.array(z.object({ key: z.string(), name: z.string(), treatment: Treatment, treatmentLabel: z.string() })),
  others: z.array(z.string()).describe('Items that have to be applied for'),
  needs: z.array(z.object({ name: z.string(), label: z.string() })).describe('What has to be stated'),
  cite: Cite,
  grant: z.object({ id: Id, no: z.string() }).nullable().describe('The newest grant in force of my department'),
})
export type BaseInterface = z.infer<typeof BaseInterface>
export const baseInterfaces = endpoint({
  method: 'GET',
  path: '/sharing/base-interfaces',
  summary: 'Base databases of my region and those above it whose interface my department may call, item by item, and its grant',
  access: ['steward', 'leader', 'developer', 'bureau'],
  response: z.object({ rows: z.array(BaseInterface) }),
})
export const access = endpoint({
  method: 'POST',
  path: '/sharing/access',
  summary: 'Take up unconditional data at once, without application',
  access: ['steward'],
  body: z.object({
    entryId: Id,
    system: Id,
    purpose: z.string().trim().max(2000).default(''),
    duty: z.string().trim().max(2000).optional(),
    dataName: z.string().trim().max(200).optional(),
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
  body: z.object({ reason: z.string().trim().max(2000).default('') }),
  response: Grant,
})
export const resume = endpoint({
  method: 'POST',
  path: '/sharing/grants/:id/resume',
  summary: 'Resume a suspended grant',
  access: ['steward', 'leader', 'bureau'],
  params: IdParam,
  body: z.object({ reason: z.string().trim().max(2000).default('') }),
  response: Grant,
})
export const stop = endpoint({
  method: 'POST',
  path: '/sharing/grants/:id/stop',
  summary: 'End a grant for good; a new application is needed afterwards',
  access: ['steward', 'leader', 'bureau'],
  params: IdParam,
  body: z.object({ reason: z.string().trim().max(2000).default('') }),
  response: Grant,
})
export const agreeWay = endpoint({
  method: 'POST',
  path: '/sharing/grants/:id/way',
  summary: 'Put down the agreed way for data that touch secrets or privacy; the grant delivers afterwards',
  access: ['steward', 'leader'],
  params: IdParam,
  body: z.object({ way: z.string().trim().min(4, '请写明双方约定的提供方式').max(2000) }),
  response: Grant,
})

/** 使用协议: what both sides sign. */
export const agreement = endpoint({
  method: 'GET',
  path: '/sharing/grants/:id/agreement',
  summary: 'The text that both sides of a grant sign, its digest, and who has signed',
  access: staff,
  params: IdParam,
  response: z.object({
    grantNo: z.string(),
    title: z.string(),
    caseNo: z.string().nullable(),
    text: z.string().describe('One clause a line, a title before them'),
    digest: z.string().describe('SM3 of the text; the ledger has it with the record of the grant'),
    made: Instant,
    open: z.boolean().describe('Somebody has yet to sign'),
    signed: z.array(
      z.object({
        department: z.string().nullable(),
        person: z.string().nullable(),
        at: Instant,
        number: z.string().nullable(),
        ledger: z.number().int().nullable(),
      }),
    ),
  }),
})

/** 收窄授权: the provider gives less than before. */
export const narrow = endpoint({
  method: 'POST',
  path: '/sharing/grants/:id/narrow',
  summary: 'Give less under a running grant: fewer items, fewer calls a day, an earlier end; holds for the next request',
  access: ['steward', 'leader'],
  params: IdParam,
  body: z.object({
    drop: z.array(z.string().max(200)).max(500).default([]).describe('Keys of items that are no longer given'),
    quotaPerDay: z.number().int().positive().nullish(),
    until: Day.nullish(),
    reason: z.string().trim().max(2000).default(''),
  }),
  response: Grant,
})
/** 续期: a new application with the content of the old one. */
export const renewal = endpoint({
  method: 'GET',
  path: '/sharing/grants/:id/renewal',
  summary: 'What an application to carry on a grant would take over from it',
  access: ['steward'],
  params: IdParam,
  response: z.object({
    entryId: Id,
    code: z.string(),
    no: z.string(),
    form: Form,
    dropped: z.array(z.string()).describe('Items of the grant that the entry no longer gives'),
  }),
})

/** 经办人变更: the department that uses the data hands the grant to another of its people. */
export const officerCandidates = endpoint({
  method: 'GET',
  path: '/sharing/grants/:id/officers',
  summary: 'People of my department to whom a grant may be handed',
  access: ['steward', 'leader'],
  params: IdParam,
  response: z.array(z.object({ id: Id, name: z.string() })),
})
export const handOver = endpoint({
  method: 'POST',
  path: '/sharing/grants/:id/officer',
  summary: 'Hand a grant to another officer; calls in the name of the old one are refused from the next request on',
  access: ['steward', 'leader'],
  params: IdParam,
  body: z.object({ person: Id, reason: z.string().trim().max(2000).default('') }),
  response: Grant,
})

/** Before a grant there is nothing real to see: what a call would answer, made up. */
export const sandbox = endpoint({
  method: 'POST',
  path: '/sharing/prepare/:code/sandbox',
  summary: 'Made-up rows as a grant would give them, by type and meaning of the items; never real ones',
  access: ['steward', 'leader', 'developer', 'bureau'],
  params: CodeParam,
  body: z.object({ treatments: z.array(GrantedItem).min(1).max(500) }),
  response: z.object({ rows: z.array(z.record(z.string(), z.string().nullable())), count: z.number().int(), next: z.null() }),
})

/** What a decision would give: a few real rows before and after, for those who decide on the case. */
export const previewTreatments = endpoint({
  method: 'POST',
  path: '/sharing/cases/:no/preview',
  summary: 'Real rows as they are and as they would leave under these treatments; only for who may decide now, and recorded',
  access: ['steward', 'leader', 'bureau'],
  params: NoParam,
  body: z.object({ treatments: z.array(GrantedItem).min(1).max(500) }),
  response: z.object({
    columns: z.array(z.object({ key: z.string(), name: z.string(), treatment: Treatment, treatmentLabel: z.string() })),
    rows: z.array(z.object({ before: z.array(z.string().nullable()), after: z.array(z.string().nullable()) })),
    count: z.number().int().describe('Rows that would leave'),
    missing: z.array(z.string()).describe('Items that have no data yet'),
  }),
})

/** Restrictions without a basis where the place wants one, and who tried to submit one. */
export const lackingBasis = endpoint({
  method: 'GET',
  path: '/sharing/lacking-basis',
  summary: 'Restricted entries of my region without a basis, and submissions refused for lacking one',
  access: ['steward', 'leader', 'bureau', 'inspector'],
  response: z.object({
    entries: z.array(z.object({ code: z.string(), title: z.string(), department: z.string(), shareLabel: z.string(), cite: Cite })),
    attempts: z.array(z.object({ at: Instant, code: z.string(), department: z.string(), ledger: z.number().int() })),
  }),
})

/** Deletes one aggregated record, with an approved order only; what it held stays in the history. */
export const removeRecord = endpoint({
  method: 'DELETE',
  path: '/sharing/entries/:code/records/:record',
  summary: 'Delete one record under an approved order; without one the attempt is refused and recorded',
  access: ['steward', 'leader', 'bureau'],
  params: CodeParam.extend({ record: z.string().min(1).max(400) }),
  query: z.object({ order: z.string().max(40).optional().describe('Number of the approved change-order case') }),
  response: z.object({ ok: z.literal(true), order: z.string() }),
})

/** 需求申请表: made from the application, the same for both sides. */
export const DemandForm = z.object({
  title: z.string(),
  no: z.string(),
  made: Day,
  applicant: z.string(),
  provider: z.string(),
  entry: z.string(),
  rows: z.array(z.object({ label: z.string(), value: z.string() })),
  conditions: z.string(),
  cite: Cite,
})
export const demandForm = endpoint({
  method: 'GET',
  path: '/sharing/applications/:no/form',
  summary: 'The demand form of an application, made from what it states',
  access: staff,
  params: NoParam,
  response: DemandForm,
})

/** An exchange between two departments beside the platform. */
export const Exchange = z.object({
  id: Id,
  no: z.string(),
  department: z.string(),
  partner: z.string(),
  data: z.string(),
  reason: z.string(),
  state: z.enum(['allowed', 'finding']),
  exceptionNo: z.string().nullable().describe('Case that approved the exception'),
  cite: Cite,
  at: Instant,
})
export const declareExchange = endpoint({
  method: 'POST',
  path: '/sharing/exchanges',
  summary: 'Declare an exchange beside the platform; without an approved exception it is refused and kept as a finding',
  access: ['steward', 'leader'],
  body: z.object({
    partner: Id,
    data: z.string().trim().min(2).max(500),
    reason: z.string().trim().max(2000).default(''),
    database: Id.optional().describe('Base or theme database the data would come from; for these there is no exception'),
  }),
  response: Exchange,
})
export const exchanges = endpoint({
  method: 'GET',
  path: '/sharing/exchanges',
  summary: 'Exchanges beside the platform: of my department, or of the region for its authority',
  access: staff,
  response: z.array(Exchange),
})

/** 政务服务事项: what it asks the applicant for, checked against what the platform can give. */
export const Material = z.object({
  name: z.string().trim().min(2).max(200),
  source: z.enum(['applicant', 'platform']).describe('platform: filled from shared data'),
  basis: z.string().trim().max(500).default('').describe('Law or regulation that demands the paper all the same'),
})
export const Matter = z.object({
  id: Id,
  name: z.string(),
  department: z.string(),
  state: z.enum(['draft', 'published']),
  materials: z.array(Material.extend({ available: z.object({ code: z.string(), title: z.string(), provider: z.string() }).nullable() })),
  faults: z.array(Fault).describe('Materials that may not be asked for'),
})
const MatterBody = z.object({ name: z.string().trim().min(2).max(200), materials: z.array(Material).min(1).max(100) })
export const saveMatter = endpoint({
  method: 'PUT',
  path: '/sharing/matters',
  summary: 'Save a service matter of my department with its materials; what the platform has is flagged',
  access: ['steward'],
  body: MatterBody,
  response: Matter,
})
export const publishMatter = endpoint({
  method: 'POST',
  path: '/sharing/matters/:id/publish',
  summary: 'Publish a matter; material obtainable by sharing may not be asked for',
  access: ['steward'],
  params: IdParam,
  response: Matter,
})
export const matters = endpoint({
  method: 'GET',
  path: '/sharing/matters',
  summary: 'Service matters of my department',
  access: staff,
  response: z.array(Matter),
})

import { z } from 'zod'
import { Cite, Clock, Day, Id, Instant, Light, PageQuery, page } from './common.ts'
import { endpoint, staff } from './endpoint.ts'
import { Ruling } from './regulation.ts'

/**
 * Fields that code knows by name, because a page or an effect treats them specially. A regulation file adds plain ones under
 * `fields:`; every field has a label, a kind of input and a check.
 */
export const fields = {
  reason: { label: '理由', kind: 'longtext', min: 10 },
  basis: { label: '依据', kind: 'basis', min: 1 },
  remedyHint: { label: '可以怎样补救', kind: 'longtext', min: 0 },
  opinion: {
    label: '意见',
    kind: 'choice',
    min: 1,
    options: [
      ['agree', '同意'],
      ['partly', '部分同意'],
      ['disagree', '不同意'],
    ],
  },
  note: { label: '说明', kind: 'longtext', min: 0 },
  corrections: { label: '需要补正的内容（一次性告知）', kind: 'corrections', min: 1 },
  treatments: { label: '给予的信息项与处理方式', kind: 'treatments', min: 1 },
  until: { label: '使用时限', kind: 'day', min: 1 },
  agreement: { label: '协议名称或编号', kind: 'text', min: 4 },
  accept: { label: '本部门同意按协议约定的范围、用途、期限使用和保护数据', kind: 'confirm', min: 1 },
  secrecyResult: {
    label: '保密审查结论',
    kind: 'choice',
    min: 1,
    options: [
      ['clear', '不含国家秘密和工作秘密'],
      ['doubt', '存疑，不能开放'],
    ],
  },
  purpose: { label: '使用用途', kind: 'longtext', min: 4 },
  scope: { label: '使用范围', kind: 'longtext', min: 2 },
  scenario: { label: '使用场景', kind: 'longtext', min: 4 },
  dataName: { label: '数据名称', kind: 'text', min: 1 },
  items: { label: '申请的信息项', kind: 'items', min: 1 },
  method: {
    label: '共享方式',
    kind: 'choice',
    min: 1,
    options: [
      ['api', '服务接口'],
      ['file', '数据文件'],
    ],
  },
  system: { label: '使用数据的信息系统', kind: 'system', min: 1 },
  duty: { label: '履职依据', kind: 'longtext', min: 4 },
  quota: { label: '每日调用上限', kind: 'number', min: 0 },
  extendDays: { label: '延长的工作日数', kind: 'number', min: 1 },
  consentBy: { label: '同意延长的负责人', kind: 'text', min: 2 },
  consentOn: { label: '同意的日期', kind: 'day', min: 1 },
  told: { label: '将延长情况告知对方（平台随即发出通知）', kind: 'confirm', min: 1 },
  applicantName: { label: '姓名或单位名称', kind: 'text', min: 2 },
  applicantKind: { label: '申请人类别', kind: 'choice', min: 1 },
  contact: { label: '联系方式（只用于答复）', kind: 'text', min: 5 },
} as const satisfies Record<string, FieldSpec>
export type FieldName = keyof typeof fields
/** How a field is asked for and checked. `min`: least length, least number of lines, or least value. */
export type FieldSpec = { label: string; kind: string; min: number; options?: readonly (readonly [string, string])[] }

/** Legal or policy basis of a class or a refusal. Which kinds count is the regulation's to say. */
export const basisKinds = {
  law: '法律',
  'administrative-regulation': '行政法规',
  'local-regulation': '地方性法规',
  'national-policy': '国家有关政策',
  'state-council-decision': '国务院决定',
  other: '其他文件',
} as const
export const BasisKind = z.enum(Object.keys(basisKinds) as [keyof typeof basisKinds, ...(keyof typeof basisKinds)[]])
export const Basis = z.object({
  kind: BasisKind,
  instrument: z.string().trim().max(200),
  article: z.string().trim().max(100),
  text: z.string().trim().max(2000).optional(),
})
export type Basis = z.infer<typeof Basis>

export const Treatment = z.enum(['plain', 'masked', 'pseudonym', 'verify', 'aggregate'])
export type Treatment = z.infer<typeof Treatment>
export const treatments = { plain: '原样', masked: '脱敏', pseudonym: '假名', verify: '仅核验', aggregate: '聚合' } as const
export const GrantedItem = z.object({
  key: z.string(),
  treatment: Treatment,
  profile: z.string().max(40).optional().describe('Masking profile; absent: the usual one for what the item means'),
  only: z.array(z.string().trim().min(1).max(200)).max(50).optional().describe('Only rows in which the item has one of these values'),
})
export type GrantedItem = z.infer<typeof GrantedItem>
export const Correction = z.object({
  field: z.string().max(100),
  message: z.string().trim().min(2).max(500),
  who: z.string().max(100).optional(),
})

/** The form of an action: checked again by the regulation's `requires`. */
const CoreForm = z.object({
  reason: z.string().trim().max(4000).optional(),
  basis: Basis.optional(),
  remedyHint: z.string().trim().max(2000).optional(),
  opinion: z.enum(['agree', 'partly', 'disagree']).optional(),
  note: z.string().trim().max(4000).optional(),
  corrections: z.array(Correction).max(50).optional(),
  treatments: z.array(GrantedItem).max(500).optional(),
  until: Day.optional(),
  agreement: z.string().trim().max(200).optional(),
  accept: z.boolean().optional(),
  secrecyResult: z.enum(['clear', 'doubt']).optional(),
  purpose: z.string().trim().max(2000).optional(),
  scope: z.string().trim().max(2000).optional(),
  scenario: z.string().trim().max(2000).optional(),
  dataName: z.string().trim().max(200).optional(),
  items: z.array(z.string()).max(500).optional(),
  method: z.enum(['api', 'file']).optional(),
  system: Id.optional(),
  duty: z.string().trim().max(2000).optional(),
  quota: z.number().int().positive().max(10_000_000).optional(),
  extendDays: z.number().int().positive().max(250).optional(),
})
/** Fields that code knows, and any others a regulation file has declared: text, number, yes or no, list of lines. */
export type Form = z.infer<typeof CoreForm> & { [field: string]: unknown }
export const Form = CoreForm.catchall(
  z.union([z.string().trim().max(4000), z.number(), z.boolean(), z.array(z.string().trim().max(500)).max(200)]),
).refine(form => Object.keys(form).length <= 80, '一次最多填写 80 个字段') as unknown as z.ZodType<Form>

export const ActionField = z.object({
  name: z.string(),
  label: z.string(),
  kind: z.string(),
  required: z.boolean(),
  min: z.number().int(),
  help: z.string().nullable(),
  options: z.array(z.object({ value: z.string(), label: z.string() })).nullable(),
  proposal: z.unknown().optional().describe('Proposed value, e.g. items with a treatment each'),
  rows: z
    .array(
      z.object({
        key: z.string(),
        label: z.string(),
        note: z.string().nullable(),
        profiles: z
          .array(z.object({ value: z.string(), label: z.string() }))
          .optional()
          .describe('Masking profiles for this item, the usual one first'),
      }),
    )
    .optional()
    .describe('What an items/treatments field chooses from'),
})
export type ActionField = z.infer<typeof ActionField>
export const CaseAction = z.object({
  action: z.string(),
  label: z.string(),
  effect: z.string().describe('What will happen, in one line'),
  style: z.enum(['primary', 'default', 'danger']),
  fields: z.array(ActionField),
  cite: Cite,
})
export type CaseAction = z.infer<typeof CaseAction>

export const Party = z.object({
  role: z.string(),
  label: z.string(),
  departmentId: Id.nullable(),
  department: z.string(),
  contact: z.string().nullable(),
})
export const TimelineEvent = z.object({
  seq: z.number().int(),
  at: Instant,
  action: z.string(),
  label: z.string(),
  system: z.boolean(),
  person: z.string().nullable(),
  department: z.string().nullable(),
  role: z.string().nullable(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  content: z.array(z.object({ label: z.string(), value: z.string() })),
  cite: Cite.nullable(),
  ledger: z.number().int().nullable(),
})
export const CaseStep = z.object({
  name: z.string(),
  label: z.string(),
  by: z.string(),
  time: z.string(),
  cite: Cite,
  status: z.enum(['past', 'current', 'future', 'side']),
})

export const CaseRow = z.object({
  id: Id,
  no: z.string(),
  procedure: z.string(),
  procedureLabel: z.string(),
  title: z.string(),
  state: z.string(),
  stateLabel: z.string(),
  ended: z.boolean(),
  region: z.string(),
  regionName: z.string(),
  applicant: z.string(),
  waitingFor: z.string(),
  light: Light.nullable(),
  left: z.number().int().nullable(),
  due: Day.nullable(),
  opened: Instant,
})
export const Case = CaseRow.extend({
  version: z.number().int(),
  ruling: Ruling,
  parties: z.array(Party),
  clocks: z.array(Clock),
  steps: z.array(CaseStep),
  actions: z.array(CaseAction),
  withheld: z
    .array(z.object({ label: z.string(), why: z.string(), cite: Cite.nullable() }))
    .describe('What this person could do in another state or with something supplied, and why not now'),
  missing: z.array(z.object({ what: z.string(), who: z.string() })),
  form: z.array(z.object({ name: z.string(), label: z.string(), value: z.string() })),
  timeline: z.array(TimelineEvent),
  subject: z
    .object({
      type: z.string(),
      id: z.string(),
      code: z.string().nullable(),
      title: z.string(),
      href: z.string().nullable(),
      compare: z.string().nullable(),
    })
    .describe('compare: path of the page that shows what changed'),
  decision: z
    .object({
      kind: z.enum(['approved', 'refused']),
      reason: z.string().nullable(),
      basis: z.string().nullable(),
      next: z.string().nullable(),
    })
    .nullable(),
  result: z.object({ label: z.string(), href: z.string() }).nullable().describe('What came of it, e.g. the grant'),
})
export type Case = z.infer<typeof Case>

export const NoParam = z.object({ no: z.string().max(40) })
export const cases = endpoint({
  method: 'GET',
  path: '/cases',
  summary: 'Cases I may see',
  access: staff,
  query: PageQuery.extend({
    scope: z
      .enum(['waiting', 'started', 'department', 'all'])
      .default('department')
      .describe('waiting: for my department to act; started: by my department'),
    state: z.enum(['open', 'ended', 'all']).default('all'),
    procedure: z.string().max(60).optional(),
    q: z.string().trim().max(100).optional(),
  }),
  response: page(CaseRow),
})
export const caseByNo = endpoint({
  method: 'GET',
  path: '/cases/:no',
  summary: 'One case: clocks, steps, what may be done now, timeline',
  access: staff,
  params: NoParam,
  response: Case,
})
export const act = endpoint({
  method: 'POST',
  path: '/cases/:no/actions/:action',
  summary: 'Act on a case',
  access: ['steward', 'leader', 'bureau', 'secrecy'],
  params: NoParam.extend({ action: z.string().max(60) }),
  body: z.object({
    version: z.number().int().describe('Version of the case the person saw; an older one is answered 409'),
    form: Form.default({}),
  }),
  response: Case,
})

/** Always refused: a trail is only added to. The two addresses exist to say so with reason and article. */
export const removeCase = endpoint({
  method: 'DELETE',
  path: '/cases/:no',
  summary: 'Refused: a case is kept',
  access: staff,
  params: NoParam,
  response: z.object({ ok: z.literal(true) }),
})
export const editEvent = endpoint({
  method: 'PUT',
  path: '/cases/:no/events/:seq',
  summary: 'Refused: what was done stands in the trail as it was done',
  access: staff,
  params: NoParam.extend({ seq: z.coerce.number().int().min(1) }),
  response: z.object({ ok: z.literal(true) }),
})

/** What a person may start here, with the form it asks for. */
export const Startable = z.object({
  procedure: z.string(),
  label: z.string(),
  text: z.string(),
  about: z.string(),
  cite: Cite,
  origin: z.enum(['law', 'platform']),
  inherited: z.string().nullable(),
  follows: z.array(z.string()).describe('Procedures it follows, when it needs an earlier case'),
  who: z.string().describe('Who may start it, in words'),
  fields: z.array(ActionField),
})
export type Startable = z.infer<typeof Startable>
const Start = z.object({
  procedure: z.string().max(60),
  about: z.string().max(60).optional().describe('Entry code, grant id … or nothing for a matter of the region'),
  after: z.string().max(40).optional().describe('Number of the earlier case it follows'),
  form: Form.default({}),
})
export const startable = endpoint({
  method: 'GET',
  path: '/procedures',
  summary: 'What I may start, with the form it asks for',
  access: staff,
  query: z.object({
    kind: z.string().max(20).optional().describe('What it is about'),
    about: z.string().max(60).optional(),
    after: z.string().max(40).optional(),
  }),
  response: z.array(Startable),
})
export const startCase = endpoint({
  method: 'POST',
  path: '/cases',
  summary: 'Start a case of any procedure of the region',
  access: ['steward', 'leader', 'bureau', 'secrecy'],
  body: Start,
  response: Case,
})
export const attach = endpoint({
  method: 'POST',
  path: '/attachments',
  summary: 'Upload a file for a case form; its id goes into the field',
  access: ['steward', 'leader', 'bureau', 'secrecy'],
  kind: 'multipart',
  response: z.object({ id: Id, name: z.string(), bytes: z.number().int() }),
})
export const attachment = endpoint({
  method: 'GET',
  path: '/attachments/:id',
  summary: 'Download a file of a case I may see',
  access: staff,
  params: z.object({ id: Id }),
  kind: 'stream',
})

const Code = z.string().min(8).max(40).describe('The code handed out with the receipt')
/** What the person outside sees of a case: no names of staff, no internal notes. */
export const PublicCase = z.object({
  no: z.string(),
  procedure: z.string(),
  label: z.string(),
  title: z.string(),
  stateLabel: z.string(),
  ended: z.boolean(),
  version: z.number().int(),
  opened: Instant,
  waitingFor: z.string(),
  clocks: z.array(Clock),
  cite: Cite,
  timeline: z.array(
    z.object({ at: Instant, label: z.string(), by: z.string(), content: z.array(z.object({ label: z.string(), value: z.string() })) }),
  ),
  actions: z.array(CaseAction),
  next: z.array(Startable).describe('What may follow, e.g. a review'),
  decision: z.object({ kind: z.enum(['approved', 'refused']), reason: z.string().nullable(), next: z.string().nullable() }).nullable(),
})
export type PublicCase = z.infer<typeof PublicCase>
export const publicStartable = endpoint({
  method: 'GET',
  path: '/public/procedures',
  summary: 'What anyone may file in a region, with the form it asks for',
  access: 'public',
  query: z.object({ region: z.string().regex(/^\d{6}$/), kind: z.string().max(20).optional() }),
  response: z.array(Startable),
})
export const publicStart = endpoint({
  method: 'POST',
  path: '/public/cases',
  summary: 'File something from outside, without signing in; answers a number and a code',
  access: 'public',
  body: Start.extend({
    region: z
      .string()
      .regex(/^\d{6}$/)
      .optional()
      .describe('Needed when the case is about no entry'),
    code: Code.optional().describe('Code of the earlier case'),
  }),
  response: z.object({ no: z.string(), code: z.string() }),
})
export const publicCase = endpoint({
  method: 'GET',
  path: '/public/cases/:no',
  summary: 'How my filing stands',
  access: 'public',
  params: NoParam,
  query: z.object({ code: Code }),
  response: PublicCase,
})
export const publicAct = endpoint({
  method: 'POST',
  path: '/public/cases/:no/actions/:action',
  summary: 'Act on my filing: supplement, withdraw, sign, report',
  access: 'public',
  params: NoParam.extend({ action: z.string().max(60) }),
  body: z.object({ code: Code, version: z.number().int(), form: Form.default({}) }),
  response: PublicCase,
})

export const Todo = z.object({
  dutyId: Id,
  caseNo: z.string().nullable(),
  title: z.string(),
  what: z.string(),
  counterparty: z.string(),
  href: z.string(),
  clock: Clock,
  mine: z.boolean(),
  procedureLabel: z.string(),
})
export const todo = endpoint({
  method: 'GET',
  path: '/todo',
  summary: 'What my department owes, by light, nearest first',
  access: staff,
  query: z.object({
    light: z.string().max(60).optional().describe('Comma separated lights'),
    who: z.enum(['me', 'department', 'started']).default('me'),
  }),
  response: z.object({
    rows: z.array(Todo),
    counts: z.record(Light, z.number().int()),
    forecast: z.array(z.object({ day: Day, light: Light, count: z.number().int() })),
    health: z.array(z.object({ label: z.string(), count: z.number().int(), href: z.string() })),
  }),
})
export const Duty = z.object({
  id: Id,
  caseNo: z.string().nullable(),
  title: z.string(),
  href: z.string(),
  creditor: z.string(),
  clock: Clock,
  urged: z.number().int().describe('How often it was urged'),
  may: z.array(z.enum(['urge', 'supervise'])).describe('催办 by whoever it is owed to, 督办 by the authority or an inspector'),
})
export type Duty = z.infer<typeof Duty>
/** What has happened under an article, in numbers: for the page that lists the requirements. */
export const Evidence = z.object({
  regulation: z.string(),
  article: z.string(),
  cases: z.number().int(),
  acts: z.number().int().describe('Acts on cases that cite it'),
  open: z.number().int().describe('Open duties'),
  late: z.number().int().describe('Duties past their legal day, fulfilled since or not'),
})
export const evidence = endpoint({
  method: 'GET',
  path: '/procedures/evidence',
  summary: 'Cases, acts and duties counted by the article they cite',
  access: 'signed-in',
  response: z.array(Evidence),
})
export const duties = endpoint({
  method: 'GET',
  path: '/duties',
  summary: 'The book of duties: of my department, or of my region for authorities and inspectors',
  access: staff,
  query: PageQuery.extend({
    scope: z.enum(['department', 'owed', 'region']).default('department').describe('owed: to my department'),
    state: z.enum(['open', 'late', 'ended', 'all']).default('open').describe('late: past due, whether fulfilled since or not'),
    department: Id.optional(),
    q: z.string().trim().max(100).optional(),
    article: z.string().trim().max(60).optional().describe('Only duties that stand in this article'),
    regulation: z.string().max(60).optional(),
  }),
  response: page(Duty).extend({
    departments: z.array(z.object({ id: Id, name: z.string(), open: z.number().int(), late: z.number().int(), soon: z.number().int() })),
  }),
})
export const urge = endpoint({
  method: 'POST',
  path: '/duties/:id/urge',
  summary: 'Urge (催办) or supervise (督办) a running duty; the debtor gets a notice',
  access: ['steward', 'leader', 'bureau', 'inspector'],
  params: z.object({ id: Id }),
  body: z.object({ kind: z.enum(['urge', 'supervise']), note: z.string().trim().max(500).default('') }),
  response: z.object({ ok: z.literal(true) }),
})
export const notices = endpoint({
  method: 'GET',
  path: '/notices',
  summary: 'Messages to me',
  access: staff,
  response: z.object({
    unread: z.number().int(),
    rows: z.array(
      z.object({
        id: Id,
        at: Instant,
        text: z.string(),
        href: z.string(),
        read: z.boolean(),
        kind: z.enum(['news', 'reminder', 'supervision']),
      }),
    ),
  }),
})
export const readNotices = endpoint({
  method: 'POST',
  path: '/notices/read',
  summary: 'Mark all messages as read',
  access: staff,
  response: z.object({ ok: z.literal(true) }),
})

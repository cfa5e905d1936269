import { z } from 'zod'
import { CodeParam, Facet, Mark, OpenClass } from './catalog.ts'
import { Cite, Day, Fault, Instant, PageQuery, page } from './common.ts'
import { endpoint, staff } from './endpoint.ts'
import { Ruling } from './regulation.ts'

const EvidenceField = z.object({
  key: z.string(),
  label: z.string(),
  kind: z.enum(['text', 'longtext', 'day', 'choice']),
  options: z.array(z.object({ value: z.string(), label: z.string() })).nullable(),
})

export const audiences = { citizens: '公民', 'legal-persons': '法人', 'other-organisations': '其他组织', departments: '政务部门' } as const
export const Audience = z.enum(Object.keys(audiences) as [keyof typeof audiences, ...(keyof typeof audiences)[]])

/** What was examined and done before opening; which of it must be there is the regulation's to say. */
export const Records = z.object({
  risk: z
    .object({
      risks: z.string().trim().min(4, '请写明有哪些风险').max(4000),
      measures: z.string().trim().min(4, '请写明采取的措施').max(4000),
      conclusion: z.enum(['acceptable', 'unacceptable']),
    })
    .optional(),
  preprocessing: z
    .array(
      z.object({
        step: z.string().trim().min(1).max(40),
        operator: z.string().trim().min(1).max(60),
        on: Day,
        note: z.string().trim().max(500).default(''),
      }),
    )
    .max(20)
    .default([]),
  desensitization: z
    .object({
      method: z.string().trim().min(4, '请写明方法').max(2000),
      reviewer: z.string().trim().min(1, '请写明审核人').max(60),
      result: z.string().trim().min(2, '请写明结果').max(2000),
    })
    .optional(),
})

/** Gate before opening: what must be true, and who can make it true. */
export const Gate = z.object({
  code: z.string(),
  title: z.string(),
  state: z.enum(['none', 'in-review', 'reviewed', 'open', 'withdrawn']),
  stateLabel: z.string(),
  caseNo: z.string().nullable(),
  checks: z.array(z.object({ key: z.string(), label: z.string(), ok: z.boolean(), detail: z.string(), who: z.string(), cite: Cite })),
  items: z.array(
    z.object({
      key: z.string(),
      name: z.string(),
      openLabel: z.string(),
      opens: z.boolean(),
      treatment: z.enum(['plain', 'masked', 'withheld']),
      findings: z.array(z.string()),
    }),
  ),
  faults: z.array(Fault),
  ruling: Ruling,
  may: z.array(z.enum(['propose', 'publish', 'withdraw', 'unlock', 'evaluate', 'block', 'assess', 'conditions'])),
  changed: z.array(z.string()).describe('Attributes the catalog changed since the review; the portal shows the reviewed ones'),
  conditionVersions: z.array(z.object({ version: z.number().int(), published: Instant, conditions: z.string(), basis: z.string() })),
  needs: z
    .object({
      useRequirements: z.boolean(),
      risk: z.boolean(),
      desensitization: z.boolean(),
      preprocessing: z.array(z.string()).nullable().describe('Steps to choose from; null where none is asked for'),
    })
    .describe('Records this place asks for with a proposal'),
  grounds: z.array(z.object({ key: z.string(), label: z.string(), secret: z.boolean(), evidence: z.array(EvidenceField), cite: Cite })),
  excluded: z
    .object({
      ground: z.string(),
      label: z.string(),
      evidence: z.array(z.object({ label: z.string(), value: z.string() })),
      evaluated: Day.nullable(),
      next: Day.nullable(),
      cite: Cite,
    })
    .nullable(),
  demands: z.number().int().describe('How often the public asked for it'),
})
export const openList = endpoint({
  method: 'GET',
  path: '/opening',
  summary: 'Open list: entries that are open, proposed, or could be',
  access: staff,
  query: PageQuery.extend({
    q: z.string().trim().max(100).optional(),
    state: z.enum(['none', 'in-review', 'reviewed', 'open', 'withdrawn']).optional(),
  }),
  response: page(
    z.object({
      code: z.string(),
      title: z.string(),
      department: z.string(),
      openClass: OpenClass.nullable(),
      openLabel: z.string(),
      state: z.string(),
      stateLabel: z.string(),
      published: Day.nullable(),
      downloads: z.number().int(),
    }),
  ),
})
export const gate = endpoint({
  method: 'GET',
  path: '/opening/:code',
  summary: 'The gate of one entry',
  access: staff,
  params: CodeParam,
  response: Gate,
})
export const propose = endpoint({
  method: 'POST',
  path: '/opening/:code/propose',
  summary: 'Propose an entry for opening; starts the review',
  access: ['steward'],
  params: CodeParam,
  body: z.object({
    items: z
      .array(z.object({ key: z.string(), treatment: z.enum(['plain', 'masked']) }))
      .min(1)
      .max(500),
    theme: z.string().trim().min(1, '请选择主题').max(50),
    description: z.string().trim().min(10, '请写明数据是什么、怎么来的').max(4000),
    exclusions: z.boolean().describe('Declared: none of the exclusion grounds applies'),
    processing: z.string().trim().max(2000).default('').describe('After a withdrawal: what was done to the data since'),
    audience: z.array(Audience).max(4).default(['citizens', 'legal-persons', 'other-organisations']),
    useRequirements: z.string().trim().max(4000).default('').describe('使用要求: how the data may be obtained, used and spread'),
    focus: z.string().trim().max(200).default('').describe('Item of the annual focus it comes from'),
    records: Records.prefault({}),
  }),
  response: z.object({ caseNo: z.string() }),
})
export const withdraw = endpoint({
  method: 'POST',
  path: '/opening/:code/withdraw',
  summary: 'Take an open data set down at once',
  access: ['steward', 'bureau'],
  params: CodeParam,
  body: z.object({ reason: z.string().trim().min(4, '请写明下架的原因').max(2000) }),
  response: Gate,
})

export const publish = endpoint({
  method: 'POST',
  path: '/opening/:code/publish',
  summary: 'Publish what passed the review; by the body the place names',
  access: ['steward', 'leader', 'bureau'],
  params: CodeParam,
  response: Gate,
})
const Evidence = z.record(z.string().max(40), z.string().trim().max(4000)).default({})
export const block = endpoint({
  method: 'POST',
  path: '/opening/:code/block',
  summary: 'An entry was found secret: blocked at once, erased when the determination is named',
  access: ['steward', 'leader', 'bureau', 'secrecy'],
  params: CodeParam,
  body: z.object({ ground: z.string().max(40), evidence: Evidence }),
  response: z.object({ state: z.enum(['blocked', 'recorded']), note: z.string() }),
})
export const unlock = endpoint({
  method: 'POST',
  path: '/opening/:code/unlock',
  summary: 'Record that an excluded entry can be opened: a desensitised version, or consent of those concerned',
  access: ['steward'],
  params: CodeParam,
  body: z.object({
    how: z.enum(['desensitised', 'consent']),
    method: z.string().trim().min(4, '请写明怎样处理或取得同意').max(2000),
    reviewer: z.string().trim().min(1, '请写明审核人').max(60),
    result: z.string().trim().min(2, '请写明结果').max(2000),
  }),
  response: Gate,
})
export const evaluate = endpoint({
  method: 'POST',
  path: '/opening/:code/evaluate',
  summary: 'Re-evaluate an entry that is not opened',
  access: ['steward', 'leader'],
  params: CodeParam,
  body: z.object({
    conclusion: z.enum(['open', 'keep']).optional(),
    reason: z.string().trim().max(2000).default(''),
    ground: z.string().max(40).optional(),
    evidence: Evidence,
  }),
  response: Gate,
})
export const assess = endpoint({
  method: 'POST',
  path: '/opening/:code/assess',
  summary: 'Record what was found about a data set that was taken down',
  access: ['steward', 'leader', 'bureau'],
  params: CodeParam,
  body: z.object({
    findings: z.string().trim().min(4, '请写明查明的情况和影响').max(4000),
    measures: z.string().trim().max(4000).default(''),
    conclusion: z.enum(['reopen', 'keep-down']),
  }),
  response: Gate,
})
export const reviewConditions = endpoint({
  method: 'POST',
  path: '/opening/:code/conditions',
  summary: 'Conclude the review of the conditions after a law changed',
  access: ['bureau'],
  params: CodeParam,
  body: z.object({ conclusion: z.enum(['keep', 'adjusted']), reason: z.string().trim().min(4, '请写明理由').max(2000) }),
  response: Gate,
})
export const recordLawChange = endpoint({
  method: 'POST',
  path: '/opening/law-changes',
  summary: 'A law, regulation or policy changed: opens a review of the conditions of every entry that names it',
  access: ['bureau'],
  body: z.object({
    instrument: z.string().trim().min(2, '请写明规定的名称').max(200),
    change: z.string().trim().min(4, '请写明有什么变化').max(2000),
    effective: Day,
  }),
  response: z.object({ entries: z.array(z.object({ code: z.string(), title: z.string() })) }),
})
export const coverage = endpoint({
  method: 'GET',
  path: '/opening/coverage',
  summary: 'What is open, what is due to be opened and why, what stays closed on which ground',
  access: staff,
  query: z.object({ region: z.string().max(6).optional() }),
  response: z.object({
    rows: z.array(
      z.object({
        code: z.string(),
        title: z.string(),
        department: z.string(),
        openLabel: z.string(),
        state: z.enum(['open', 'due', 'excluded', 'evaluate']),
        stateLabel: z.string(),
        why: z.string(),
        faults: z.array(Fault),
        late: z.boolean().describe('Data of an open set are past their update cycle'),
        cite: Cite.nullable(),
      }),
    ),
    counts: z.record(z.string(), z.number().int()),
  }),
})
const ListView = z.object({
  department: z.string(),
  region: z.string(),
  regionName: z.string(),
  class: z.enum(['open', 'conditional']),
  label: z.string(),
  version: z.number().int(),
  published: Instant,
  entries: z.array(z.object({ code: z.string(), title: z.string(), conditions: z.string() })),
  cite: Cite,
})
export const publishList = endpoint({
  method: 'POST',
  path: '/opening/lists',
  summary: 'Publish a version of one of the department’s open lists; releases exactly its entries',
  access: ['steward', 'leader', 'bureau'],
  body: z.object({ class: z.enum(['open', 'conditional']), entries: z.array(z.string().max(80)).max(2000) }),
  response: ListView,
})
export const lists = endpoint({
  method: 'GET',
  path: '/open/lists',
  summary: 'Open lists of the departments, newest version each',
  access: 'public',
  query: z.object({ region: z.string().max(6).optional() }),
  response: z.array(ListView),
})
export const restricted = endpoint({
  method: 'GET',
  path: '/open/restricted',
  summary: 'Data that are not opened or only on conditions, with the basis; no data',
  access: 'public',
  query: z.object({ region: z.string().max(6).optional() }),
  response: z.array(
    z.object({
      code: z.string(),
      title: z.string(),
      department: z.string(),
      region: z.string(),
      regionName: z.string(),
      openClass: OpenClass,
      openLabel: z.string(),
      conditions: z.string(),
      basis: z.string(),
      ground: z.string().nullable(),
      channel: z.string().nullable().describe('Another way the law provides'),
      cite: Cite,
    }),
  ),
})
const PlanItem = z.object({
  code: z.string().max(80).default(''),
  title: z.string().trim().min(2, '请写明开放的内容').max(200),
  department: z.string().trim().max(100).default(''),
  conditions: z.string().trim().max(2000).default(''),
  target: Day,
  priority: z.boolean().default(false).describe('Of the annual focus'),
  criterion: z.string().max(40).default('').describe('Which criterion makes it a priority'),
})
const Plan = z.object({
  region: z.string(),
  regionName: z.string(),
  year: z.number().int(),
  version: z.number().int(),
  focus: z.string(),
  items: z.array(PlanItem.extend({ done: z.boolean() })),
  published: Instant,
  cite: Cite,
})
export const publishPlan = endpoint({
  method: 'POST',
  path: '/opening/plans',
  summary: 'Publish the annual opening plan: content, conditions and target day of each item',
  access: ['bureau', 'leader'],
  body: z.object({
    year: z.number().int().min(2000).max(2100),
    focus: z.string().trim().max(2000).default(''),
    items: z.array(PlanItem).min(1).max(500),
  }),
  response: Plan,
})
export const plans = endpoint({
  method: 'GET',
  path: '/open/plans',
  summary: 'Annual opening plans with progress',
  access: 'public',
  query: z.object({ region: z.string().max(6).optional() }),
  response: z.array(Plan),
})

/** Authorised use of conditionally opened data. */
export const Access = z.object({
  no: z.string(),
  code: z.string(),
  title: z.string(),
  provider: z.string(),
  holder: z.string(),
  holderKind: z.string(),
  purpose: z.string(),
  scenario: z.string(),
  publicBenefit: z.boolean(),
  terms: z.string().describe('What the agreement says'),
  state: z.enum(['approved', 'active', 'limited', 'closed', 'ended']),
  stateLabel: z.string(),
  stateReason: z.string().nullable(),
  withdrawn: z.object({ reason: z.string(), cite: Cite.nullable() }).nullable().describe('The data set was taken down'),
  granted: Day,
  until: Day.nullable(),
  reportDue: Day.nullable(),
  reportLate: z.boolean(),
  exceeded: z.number().int().describe('Calls refused because they named another purpose'),
  followUpDue: Day.nullable(),
  followUps: z.array(z.object({ at: Instant, result: z.string(), findings: z.string(), measures: z.string(), by: z.string() })),
  caseNo: z.string(),
  reports: z.array(z.object({ at: Instant, scenario: z.string(), content: z.string(), exceeded: z.boolean() })),
  products: z.array(z.object({ title: z.string(), kind: z.string(), source: z.string(), acquired: Day })),
  cite: Cite,
})
export const accesses = endpoint({
  method: 'GET',
  path: '/opening/accesses',
  summary: 'Authorisations for conditionally opened data, with reports',
  access: staff,
  query: z.object({ q: z.string().trim().max(100).optional() }),
  response: z.array(Access),
})
const AccessParam = z.object({ no: z.string().max(40) })
export const followUp = endpoint({
  method: 'POST',
  path: '/opening/accesses/:no/follow-ups',
  summary: 'Record how authorised data were found to be used',
  access: ['bureau', 'leader'],
  params: AccessParam,
  body: z.object({
    result: z.string().trim().max(2000).default(''),
    findings: z.string().trim().max(4000).default(''),
    measures: z.string().trim().max(4000).default(''),
  }),
  response: Access,
})
const Receipt = z.object({ code: z.string().min(8).max(40).describe('The code handed out with the application') })
export const myAccess = endpoint({
  method: 'POST',
  path: '/open/access/:no',
  summary: 'My authorisation, by the number of the application and its code',
  access: 'public',
  params: AccessParam,
  body: Receipt,
  response: Access,
})
export const accessKey = endpoint({
  method: 'POST',
  path: '/open/access/:no/key',
  summary: 'A new key for authorised data; shown once, the earlier one ends',
  access: 'public',
  params: AccessParam,
  body: Receipt,
  response: z.object({ key: z.string(), api: z.string() }),
})
export const reportUse = endpoint({
  method: 'POST',
  path: '/open/access/:no/reports',
  summary: 'Report how authorised data are used',
  access: 'public',
  params: AccessParam,
  body: Receipt.extend({
    scenario: z.string().trim().min(4, '请写明实际的使用场景').max(2000),
    content: z.string().trim().min(4, '请写明使用情况').max(4000),
    sameAsApplied: z.boolean().optional().describe('Declared: within the scenario of the application'),
  }),
  response: z.object({ access: Access, flags: z.array(Fault) }),
})
export const registerProduct = endpoint({
  method: 'POST',
  path: '/open/access/:no/products',
  summary: 'Register what was made from authorised data',
  access: 'public',
  params: AccessParam,
  body: Receipt.extend({
    title: z.string().trim().min(2, '请写明成果名称').max(200),
    kind: z.enum(['research', 'education', 'public-service', 'commercial']),
    source: z.string().trim().max(300).default('').describe('数据来源'),
    acquired: Day,
  }),
  response: Access,
})
export const offices = endpoint({
  method: 'GET',
  path: '/open/offices',
  summary: 'Regions and their departments, for who wants to ask one of them',
  access: 'public',
  response: z.array(
    z.object({ region: z.string(), regionName: z.string(), departments: z.array(z.object({ id: z.string(), name: z.string() })) }),
  ),
})
export const conductNotices = endpoint({
  method: 'GET',
  path: '/open/notices',
  summary: 'Public notices: whose access was limited or closed, and why',
  access: 'public',
  response: z.array(
    z.object({
      holder: z.string(),
      measure: z.string(),
      reason: z.string(),
      caseNo: z.string(),
      at: Instant,
      regionName: z.string(),
      cite: Cite,
    }),
  ),
})
export const status = endpoint({
  method: 'GET',
  path: '/open/status',
  summary: 'Availability of the portal, and versions of the platform',
  access: 'public',
  response: z.object({
    state: z.enum(['up', 'degraded', 'unknown']),
    stateLabel: z.string(),
    parts: z.array(z.object({ name: z.string(), ok: z.boolean() })),
    days: z.array(
      z.object({ day: Day, availability: z.number().nullable().describe('0–1; null: not measured'), minutesDown: z.number().int() }),
    ),
    outages: z.array(z.object({ from: Instant, to: Instant.nullable(), minutes: z.number().int() })),
    versions: z.array(z.object({ version: z.string(), since: Instant, notes: z.string() })),
  }),
})

// ── Portal: anyone, no sign-in ──
export const site = endpoint({
  method: 'GET',
  path: '/open/site',
  summary: 'Who runs this portal: name and footer lines',
  access: 'public',
  response: z.object({
    name: z.string(),
    operator: z.string().nullable(),
    contact: z.string().nullable(),
    siteCode: z.string().nullable(),
    icp: z.string().nullable(),
    police: z.string().nullable(),
    feedback: z.string().nullable(),
  }),
})
export const DatasetRow = z.object({
  code: z.string(),
  title: z.string(),
  department: z.string(),
  region: z.string(),
  regionName: z.string(),
  theme: z.string(),
  openLabel: z.string(),
  openClass: OpenClass,
  updateCycle: z.string(),
  updated: Instant.nullable(),
  fresh: z.boolean().nullable(),
  rows: z.number().int(),
  formats: z.array(z.string()),
  downloads: z.number().int(),
  hits: z.array(z.string()),
  snippet: z.string(),
  marks: z
    .object({ title: z.array(Mark), hits: z.array(z.array(Mark)), snippet: z.array(Mark) })
    .describe('Where the words asked for stand'),
})
export const Quality = z.object({
  score: z.number().nullable().describe('0–100 over the measured dimensions; null when none is measured'),
  measured: z.number().int(),
  of: z.number().int(),
  dimensions: z.array(z.object({ key: z.string(), label: z.string(), score: z.number().nullable(), why: z.string() })),
  cite: Cite,
})
export const Dataset = DatasetRow.extend({
  abstract: z.string(),
  format: z.string().describe('数据格式 of the open list; files come as named under formats'),
  description: z.string(),
  version: z.number().int(),
  published: Day,
  cite: Cite,
  citation: z.string(),
  attribution: z.string(),
  items: z.array(
    z.object({
      key: z.string(),
      name: z.string(),
      description: z.string(),
      type: z.string(),
      filled: z.number().nullable().describe('Share of filled rows, 0–1'),
      distinct: z.number().int().nullable(),
      top: z.array(z.object({ value: z.string(), count: z.number().int() })),
      masked: z.boolean(),
    }),
  ),
  withheld: z.array(z.object({ name: z.string(), why: z.string() })),
  calls: z.number().int(),
  files: z.array(z.object({ format: z.string(), href: z.string(), bytes: z.number().int().nullable() })),
  api: z.string(),
  source: z.string().nullable().describe('Where demonstration data come from, with licence'),
  useRequirements: z.string(),
  conditions: z.string().describe('Conditions of use for conditional data'),
  late: z.string().nullable().describe('How far past its update cycle'),
  quality: Quality,
  readBy: z.object({ steps: z.array(z.string()), assessed: z.boolean() }).describe('What was done before opening'),
})
export const home = endpoint({
  method: 'GET',
  path: '/open/home',
  summary: 'Portal home: counts, themes, latest',
  access: 'public',
  response: z.object({
    datasets: z.number().int(),
    rows: z.number().int(),
    updatedToday: z.number().int(),
    themes: z.array(z.object({ theme: z.string(), count: z.number().int() })),
    popular: z.array(z.string()),
    latest: z.array(DatasetRow),
    most: z.array(DatasetRow),
    regions: z.array(z.object({ code: z.string(), name: z.string(), count: z.number().int() })),
  }),
})
export const searchOpen = endpoint({
  method: 'GET',
  path: '/open/datasets',
  summary: 'Search open data',
  access: 'public',
  query: PageQuery.extend({
    q: z.string().trim().max(100).optional(),
    theme: z.string().max(50).optional(),
    region: z.string().max(6).optional(),
    department: z.string().max(100).optional(),
    cycle: z.string().max(20).optional(),
    sort: z.enum(['relevance', 'updated', 'downloads']).default('relevance'),
  }),
  response: page(DatasetRow).extend({
    facets: z.array(Facet),
    corrected: z.string().nullable().describe('Nothing was found; what was searched for instead'),
  }),
})
export const dataset = endpoint({
  method: 'GET',
  path: '/open/datasets/:code',
  summary: 'One open data set',
  access: 'public',
  params: CodeParam,
  response: Dataset,
})
export const preview = endpoint({
  method: 'GET',
  path: '/open/datasets/:code/preview',
  summary: 'First 30 rows',
  access: 'public',
  params: CodeParam,
  response: z.object({
    columns: z.array(z.object({ key: z.string(), name: z.string(), type: z.string() })),
    rows: z.array(z.array(z.string().nullable())),
  }),
})
export const download = endpoint({
  method: 'GET',
  path: '/open/datasets/:code/download',
  summary: 'Whole data set as CSV, XLSX or JSON',
  access: 'public',
  params: CodeParam,
  query: z.object({ format: z.enum(['csv', 'xlsx', 'json']) }),
  kind: 'stream',
})
/** Mounted outside /api at /open/v1/:code, keyset pages, no key. */
export const openData = endpoint({
  method: 'GET',
  path: '/open/v1/:code',
  summary: 'Rows of an open data set',
  access: 'public',
  params: CodeParam,
  query: z.object({
    filter: z.string().max(2000).optional(),
    fields: z.string().max(2000).optional(),
    after: z.string().max(4000).optional(),
    limit: z.coerce.number().int().min(1).max(1000).default(100),
  }),
  kind: 'stream',
})
export const openApiOf = endpoint({
  method: 'GET',
  path: '/open/v1/:code/openapi.json',
  summary: 'OpenAPI document of one data set',
  access: 'public',
  params: CodeParam,
  response: z.record(z.string(), z.unknown()),
})

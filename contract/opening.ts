import { z } from 'zod'
import { CodeParam, Facet, OpenClass } from './catalog.ts'
import { Cite, Day, Fault, Instant, PageQuery, page } from './common.ts'
import { endpoint, staff } from './endpoint.ts'
import { Ruling } from './regulation.ts'

/** Gate before opening: what must be true, and who can make it true. */
export const Gate = z.object({
  code: z.string(),
  title: z.string(),
  state: z.enum(['none', 'in-review', 'open', 'withdrawn']),
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
  may: z.array(z.enum(['propose', 'withdraw'])),
})
export const openList = endpoint({
  method: 'GET',
  path: '/opening',
  summary: 'Open list: entries that are open, proposed, or could be',
  access: staff,
  query: PageQuery.extend({
    q: z.string().trim().max(100).optional(),
    state: z.enum(['none', 'in-review', 'open', 'withdrawn']).optional(),
  }),
  response: page(
    z.object({
      code: z.string(),
      title: z.string(),
      department: z.string(),
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
})
export const Dataset = DatasetRow.extend({
  abstract: z.string(),
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
  response: page(DatasetRow).extend({ facets: z.array(Facet) }),
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

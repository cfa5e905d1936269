import { z } from 'zod'
import { Cite, Clock, Day, Done, Fault, Id, IdParam, Instant, PageQuery, page } from './common.ts'
import { endpoint, staff } from './endpoint.ts'
import { Basis } from './procedure.ts'
import { Level } from './regulation.ts'

/** 共享类型, stored in the guide's order 1/2/3; the words people see are the regulation's. */
export const ShareClass = z.enum(['unconditional', 'conditional', 'denied'])
/** 开放类型. Some places know only two of the three. */
export const OpenClass = z.enum(['open', 'conditional', 'closed'])
export type ShareClass = z.infer<typeof ShareClass>
export type OpenClass = z.infer<typeof OpenClass>

/** 数据类型 codes of the national guide's template. */
export const itemTypes = {
  C: '字符',
  N: '数值',
  Y: '货币',
  D: '日期',
  T: '日期时间',
  L: '逻辑',
  M: '备注',
  G: '通用',
  B: '双精度',
  I: '整型',
  F: '浮点',
} as const
export const ItemType = z.enum(Object.keys(itemTypes) as [keyof typeof itemTypes, ...(keyof typeof itemTypes)[]])
export const updateCycles = {
  realtime: '实时',
  daily: '每日',
  weekly: '每周',
  monthly: '每月',
  quarterly: '每季度',
  halfyearly: '每半年',
  yearly: '每年',
  irregular: '不定期',
} as const
export const UpdateCycle = z.enum(Object.keys(updateCycles) as [keyof typeof updateCycles, ...(keyof typeof updateCycles)[]])
export const formatClasses = {
  1: '电子文件',
  2: '电子表格',
  3: '数据库',
  4: '图形图像',
  5: '流媒体',
  6: '自描述格式',
  7: '服务接口',
} as const
export const kinds = { 1: '基础', 2: '主题', 3: '部门' } as const
export const grades = { 1: '一般数据1级', 2: '一般数据2级', 3: '一般数据3级', 4: '一般数据4级' } as const
/** What a value says about somebody; decides the proposed masking and the checks. */
export const semantics = {
  'id-number': '公民身份号码',
  'credit-code': '统一社会信用代码',
  'person-name': '姓名',
  mobile: '手机号',
  phone: '固定电话',
  address: '地址',
  'bank-card': '银行卡号',
  plate: '车牌',
  email: '邮箱',
  'region-code': '行政区划代码',
  longitude: '经度',
  latitude: '纬度',
} as const
export const Semantic = z.enum(Object.keys(semantics) as [keyof typeof semantics, ...(keyof typeof semantics)[]])

/** 信息项. `key` (c1, c2 …) is the physical column and stays the same through all versions. */
export const Item = z.object({
  key: z.string().regex(/^c\d{1,4}$/),
  name: z.string().trim().max(200).default(''),
  type: ItemType.optional(),
  length: z.number().int().min(1).max(100_000).optional().describe('Characters for C; digits for numbers'),
  scale: z.number().int().min(0).max(10).optional().describe('Digits after the point'),
  description: z.string().trim().max(1000).default(''),
  semantic: Semantic.optional(),
  identifier: z.boolean().default(false).describe('Part of what identifies a row'),
  required: z.boolean().default(false),
  codes: z.array(z.string().max(100)).max(2000).optional().describe('Allowed values'),
  shareClass: ShareClass.optional().describe('Absent: as the entry'),
  openClass: OpenClass.optional().describe('Absent: as the entry'),
  conditions: z.string().trim().max(2000).optional(),
  basis: Basis.optional(),
  sensitive: z.enum(['privacy', 'trade-secret']).optional().describe('个人隐私 / 商业秘密: opened only desensitised'),
})
export type Item = z.infer<typeof Item>

/**
 * 目录条目: the 16 core elements of the national guide (发改高技术〔2017〕1272号) and the extensions the regulations ask for.
 * A draft may lack anything; what must be there at submission is checked by `server/modules/catalog/rules.ts`.
 */
export const EntryContent = z.object({
  title: z.string().trim().max(200).default(''),
  kind: z
    .union([z.literal(1), z.literal(2), z.literal(3)])
    .optional()
    .describe('信息资源分类：类; where the place does not ask for it, 3'),
  classification: z.array(z.string().trim().max(100)).max(6).default([]).describe('项、目、细目'),
  theme: z.string().trim().max(50).default('').describe('开放主题分类'),
  subject: z.enum(['person', 'organisation', 'other']).optional().describe('Whom the rows are about; decides which identifier they carry'),
  innerUnit: z.string().trim().max(100).default(''),
  abstract: z.string().trim().max(4000).default(''),
  formatClass: z.number().int().min(1).max(7).optional(),
  formatType: z.string().trim().max(50).default(''),
  formatNote: z.string().trim().max(500).optional().describe('其他类型资源格式描述'),
  affairs: z.string().trim().max(500).optional().describe('关联业务事项'),
  items: z.array(Item).max(1000).default([]),
  shareClass: ShareClass.optional(),
  shareWord: z
    .string()
    .trim()
    .max(20)
    .optional()
    .describe('共享类型 in words, as a template or another system writes it; the words of the place count'),
  shareConditions: z.string().trim().max(2000).default(''),
  shareBasis: Basis.optional(),
  shareMode: z.string().trim().max(50).default('共享平台方式'),
  shareModeType: z.enum(['数据库', '文件下载', '服务接口']).optional(),
  openClass: OpenClass.optional(),
  openWord: z.string().trim().max(20).optional().describe('开放类型 in words'),
  openConditions: z.string().trim().max(2000).default(''),
  openBasis: Basis.optional(),
  openCriterion: z.string().trim().max(40).optional().describe('Which criterion of the place makes it conditional, e.g. timely'),
  sharedFrom: z.string().trim().max(80).optional().describe('Obtained by sharing: code of the entry or number of the grant'),
  openExclusion: z
    .object({
      ground: z.string().trim().max(40).default(''),
      evidence: z.record(z.string().max(40), z.string().trim().max(4000)).default({}),
    })
    .optional()
    .describe('Ground on which it is not opened, with the statements that support it'),
  updateCycle: UpdateCycle.optional(),
  grade: z.number().int().min(1).max(4).optional(),
  relatedCodes: z.array(z.string().trim().max(60)).max(100).default([]),
  upperCode: z.string().trim().max(80).optional().describe('Code of the entry of a level above that this one implements'),
  tags: z.array(z.string().trim().min(1).max(20)).max(20).optional(),
  sourceSystem: z.string().trim().max(100).default(''),
  collectionBasis: z.string().trim().max(1000).default('').describe('采集依据与范围'),
  origin: z.string().trim().max(200).default('').describe('数据来源与获取方式'),
  acquisition: z.string().trim().max(40).optional().describe('数据来源: one of the ways the place lists, e.g. collected, purchased'),
  dataForm: z.string().trim().max(20).optional().describe('数据形式: 文字, 图像, 视频 …'),
  collectionScope: z.string().trim().max(2000).default('').describe('采集边界和范围'),
  collectionPurpose: z.string().trim().max(1000).default('').describe('收集目的'),
  leadDepartment: z.string().trim().max(100).default('').describe('牵头部门 of a base or theme catalog'),
  coDepartments: z.array(z.string().trim().max(100)).max(50).default([]).describe('会同编制的部门'),
  statutoryDuty: z.string().trim().max(500).default('').describe('The statutory duty on which the data are collected'),
  joint: z
    .object({
      parties: z.array(z.string().trim().max(100)).max(30).default([]),
      shares: z.string().trim().max(2000).default('').describe('Who does what'),
      agreement: z.string().trim().max(200).default('').describe('Title or number of the agreement'),
    })
    .optional()
    .describe('Collected by several departments together'),
  legalException: Basis.optional().describe('Law that provides for collecting what another department already provides'),
  contact: z.object({ name: z.string().trim().max(50).default(''), phone: z.string().trim().max(30).default('') }).prefault({}),
  secrecy: z.object({ declared: z.boolean().default(false).describe('不含国家秘密和工作秘密') }).prefault({}),
  impactAssessment: z.string().trim().max(2000).default('').describe('个人信息保护影响评估结论'),
})
export type EntryContent = z.infer<typeof EntryContent>

export const EntryState = z.enum(['draft', 'in_review', 'returned', 'published', 'withdrawn'])
export const entryStates = { draft: '草稿', in_review: '待审核', returned: '已退回', published: '已发布', withdrawn: '已撤销' } as const

/** From and to which character of a text something is marked. */
export const Mark = z.tuple([z.number().int(), z.number().int()])
export const EntryRow = z.object({
  id: Id,
  code: z.string(),
  title: z.string(),
  department: z.string(),
  departmentId: Id,
  region: z.string(),
  regionName: z.string(),
  state: EntryState,
  version: z.number().int(),
  changing: z.string().nullable().describe('A newer version under way: 变更草稿 / 变更待审核'),
  shareClass: ShareClass.nullable(),
  shareLabel: z.string(),
  openClass: OpenClass.nullable(),
  openLabel: z.string(),
  updateCycle: z.string(),
  mounted: z.boolean(),
  rows: z.number().int(),
  updated: Instant.nullable(),
  items: z.number().int(),
  hits: z.array(z.string()).describe('Item names that matched the search'),
  snippet: z.string().nullable(),
  marks: z
    .object({ title: z.array(Mark), hits: z.array(z.array(Mark)), snippet: z.array(Mark) })
    .describe('Where the words asked for stand: by themselves, as a synonym, or spelt in pinyin'),
})
export const Facet = z.object({
  key: z.string(),
  label: z.string(),
  values: z.array(z.object({ value: z.string(), label: z.string(), count: z.number().int() })),
})

export const Check = z.object({
  ready: z.boolean(),
  done: z.number().int(),
  of: z.number().int(),
  faults: z.array(Fault),
  hints: z.array(Fault),
  sections: z.array(z.object({ key: z.string(), label: z.string(), state: z.enum(['empty', 'wrong', 'done', 'advice']) })),
})

const Linked = z.object({ code: z.string(), title: z.string(), department: z.string(), region: z.string(), regionName: z.string() })
export const EntryDetail = z.object({
  id: Id,
  code: z.string().describe('Working code, there from the first draft on'),
  registration: z.string().nullable().describe('登记号: given when the entry is accepted for the first time'),
  state: EntryState,
  version: z.number().int(),
  publishedVersion: z.number().int().nullable(),
  etag: z.string(),
  department: z.string(),
  departmentId: Id,
  creditCode: z.string(),
  region: z.string(),
  regionName: z.string(),
  content: EntryContent,
  published: Day.nullable(),
  shareLabel: z.string(),
  openLabel: z.string(),
  acquisitionLabel: z.string().nullable().describe('数据来源 in the words of the place'),
  draft: z.object({ version: z.number().int(), state: z.string() }).nullable().describe('A newer version being written or reviewed'),
  caseNo: z.string().nullable().describe('Open review'),
  mount: z.object({ mounted: z.boolean(), rows: z.number().int(), updated: Instant.nullable(), fresh: z.string().nullable() }),
  grants: z.number().int(),
  opened: z.boolean(),
  may: z
    .array(z.enum(['edit', 'submit', 'discard', 'mount', 'apply', 'access', 'propose-open', 'review']))
    .describe('What this person may do now'),
  applyNote: z.string().nullable().describe('Why applying is not possible, or who decides and in how long'),
  applyCite: Cite.nullable(),
  clock: Clock.nullable(),
  upper: Linked.extend({ missing: z.array(z.string()).describe('Items it has that this entry has not') })
    .nullable()
    .describe('The entry of a level above that this one implements'),
  lowers: z.array(Linked).describe('Published entries of levels below that implement this one'),
})
export type EntryDetail = z.infer<typeof EntryDetail>

export const CodeParam = z.object({ code: z.string().max(80).describe('信息资源代码 with `-` for `/`') })
export const searchEntries = endpoint({
  method: 'GET',
  path: '/catalog/entries',
  summary: 'Search the catalog: words, synonyms, pinyin and item names, with the counts of every facet',
  access: staff,
  query: PageQuery.extend({
    q: z.string().trim().max(100).optional(),
    region: z.string().max(6).optional(),
    department: Id.optional(),
    theme: z.string().max(50).optional(),
    kind: z.enum(['1', '2', '3']).optional(),
    share: ShareClass.optional(),
    open: OpenClass.optional(),
    cycle: UpdateCycle.optional(),
    state: EntryState.optional(),
    mounted: z.stringbool().optional(),
    scope: z.enum(['mine', 'region', 'all']).default('all'),
  }),
  response: page(EntryRow).extend({
    facets: z.array(Facet).describe('Counts of a facet leave out its own choice: what another one would find'),
    corrected: z.string().nullable().describe('Nothing was found; what was searched for instead'),
  }),
})
export const createEntry = endpoint({
  method: 'POST',
  path: '/catalog/entries',
  summary: 'Begin a catalog entry (a draft may lack anything)',
  access: ['steward'],
  body: z.object({ content: EntryContent.partial().default({}) }),
  response: EntryDetail,
})
export const entryByCode = endpoint({
  method: 'GET',
  path: '/catalog/entries/:code',
  summary: 'One entry',
  access: staff,
  params: CodeParam,
  query: z.object({ version: z.coerce.number().int().optional() }),
  response: EntryDetail,
})
export const saveDraft = endpoint({
  method: 'PUT',
  path: '/catalog/entries/:code/draft',
  summary: 'Save the draft; on a published entry begins or changes the next version',
  access: ['steward'],
  params: CodeParam,
  body: z.object({ etag: z.string().optional().describe('Absent: overwrite'), content: EntryContent }),
  response: EntryDetail.extend({ check: Check }),
})
export const checkDraft = endpoint({
  method: 'GET',
  path: '/catalog/entries/:code/check',
  summary: 'Everything still missing or wrong, each with its article',
  access: staff,
  params: CodeParam,
  response: Check,
})
export const discardDraft = endpoint({
  method: 'DELETE',
  path: '/catalog/entries/:code/draft',
  summary: 'Throw the draft away',
  access: ['steward'],
  params: CodeParam,
  response: Done,
})
export const submitEntry = endpoint({
  method: 'POST',
  path: '/catalog/entries/:code/submit',
  summary: 'Submit for review; everything missing or wrong comes back at once',
  access: ['steward'],
  params: CodeParam,
  response: z.object({ caseNo: z.string(), entry: EntryDetail }),
})
const Choice = z.object({ key: z.string(), label: z.string() })
/** What the registration form of a place asks for beside the national elements. */
export const EntryForm = z.object({
  acquisition: z.object({ options: z.array(Choice), cite: Cite }).nullable(),
  dataForm: z.object({ options: z.array(Choice), cite: Cite }).nullable(),
  kinds: z.object({ options: z.array(Choice), required: z.boolean(), lead: z.array(z.number().int()), cite: Cite }),
  collection: z.object({ of: z.enum(['personal', 'all', 'none']), fields: z.array(z.string()), cite: Cite }),
  duty: z.boolean(),
  joint: z.boolean(),
  exception: z.object({ cite: Cite }).nullable().describe('Law may provide for collecting what another department provides'),
  criteria: z.object({ of: z.array(z.string()), options: z.array(Choice), cite: Cite }).nullable(),
  exclusions: z.object({
    required: z.boolean(),
    cite: Cite,
    grounds: z.array(
      Choice.extend({ evidence: z.array(Choice.extend({ kind: z.string(), options: z.array(Choice).nullable() })), secret: z.boolean() }),
    ),
  }),
})
export const entryForm = endpoint({
  method: 'GET',
  path: '/catalog/form',
  summary: 'What the registration form of a region asks for beside the national elements',
  access: staff,
  query: z.object({ region: z.string().max(6).optional() }),
  response: EntryForm,
})
export const submitEntries = endpoint({
  method: 'POST',
  path: '/catalog/submissions',
  summary: 'Submit several entries, all or none; each keeps the share type chosen for it',
  access: ['steward'],
  body: z.object({ codes: z.array(z.string().max(80)).min(1).max(500) }),
  response: z.object({ cases: z.array(z.string()) }),
})

/** 编制指南 as machine-readable rules: the elements every entry must have. */
export const Guide = z.object({
  region: z.string(),
  regionName: z.string(),
  cite: Cite,
  elements: z.array(z.object({ key: z.string(), label: z.string(), by: z.enum(['regulation', 'guide']).nullable() })),
  versions: z.array(z.object({ version: z.number().int(), title: z.string(), required: z.array(z.string()), issued: Day, by: z.string() })),
})
export const guide = endpoint({
  method: 'GET',
  path: '/catalog/guide',
  summary: 'The compilation guide of a region, with its versions',
  access: staff,
  query: z.object({ region: z.string().max(6).optional() }),
  response: Guide,
})
export const issueGuide = endpoint({
  method: 'POST',
  path: '/catalog/guide',
  summary: 'Issue a version of the compilation guide; only the competent body may',
  access: staff,
  body: z.object({
    region: z.string().max(6).optional(),
    title: z.string().trim().min(4).max(100),
    required: z.array(z.string().max(40)).max(40),
  }),
  response: Guide,
})
export const registerChange = endpoint({
  method: 'POST',
  path: '/catalog/changes',
  summary: 'Register a revised law or a changed function: every entry it touches gets a task to update, counted from that day',
  access: ['steward', 'bureau'],
  body: z.object({
    kind: z.enum(['law', 'function', 'structure', 'review']),
    changedOn: Day,
    change: z.string().trim().min(4).max(2000),
    departments: z.array(Id).max(200).default([]).describe('All entries of these departments'),
    codes: z.array(z.string().max(80)).max(500).default([]).describe('Only these entries'),
  }),
  response: z.object({ tasks: z.array(z.object({ code: z.string(), title: z.string(), caseNo: z.string() })) }),
})

export const Release = z.object({
  region: z.string(),
  version: z.number().int(),
  released: Day,
  by: z.string(),
  entries: z.array(z.object({ code: z.string(), title: z.string(), department: z.string(), version: z.number().int() })),
  cite: Cite,
})
export const releases = endpoint({
  method: 'GET',
  path: '/catalog/releases',
  summary: 'The catalog of a place as published, release by release',
  access: staff,
  query: z.object({ region: z.string().max(6).optional() }),
  response: z.array(Release),
})
export const releaseCatalog = endpoint({
  method: 'POST',
  path: '/catalog/releases',
  summary: 'Publish the catalog of the place as a numbered release; only reviewed entries go in',
  access: ['bureau'],
  body: z.object({ codes: z.array(z.string().max(80)).max(5000).optional().describe('Absent: everything published') }),
  response: Release,
})

export const Acquisition = z.object({
  id: Id,
  kind: z.string(),
  kindLabel: z.string(),
  title: z.string(),
  obtained: Day,
  evidence: z.string().describe('Contract or payment'),
  department: z.string(),
  code: z.string().nullable(),
  missing: z
    .object({ reason: z.literal('entry-missing'), text: z.string(), word: z.string().nullable(), cite: Cite })
    .nullable()
    .describe('Not in the catalog yet'),
})
export const acquisitions = endpoint({
  method: 'GET',
  path: '/catalog/acquisitions',
  summary: 'Data obtained, entrusted or bought, and what of it is missing in the catalog',
  access: staff,
  response: z.array(Acquisition),
})
export const addAcquisition = endpoint({
  method: 'POST',
  path: '/catalog/acquisitions',
  summary: 'Note data that were obtained, entrusted or bought',
  access: ['steward'],
  body: z.object({
    kind: z.string().max(40),
    title: z.string().trim().min(2).max(200),
    obtained: Day,
    evidence: z.string().trim().max(500).default(''),
    code: z.string().max(80).optional(),
  }),
  response: Acquisition,
})
export const linkAcquisition = endpoint({
  method: 'PUT',
  path: '/catalog/acquisitions/:id',
  summary: 'Name the entry the data belong to',
  access: ['steward'],
  params: IdParam,
  body: z.object({ code: z.string().max(80) }),
  response: Acquisition,
})

export const Checklist = z.object({
  departmentId: Id,
  department: z.string(),
  cite: Cite,
  items: z.array(z.object({ key: z.string(), label: z.string(), done: z.boolean(), evidence: z.string(), cite: Cite })),
})
export const checklist = endpoint({
  method: 'GET',
  path: '/departments/:id/duties',
  summary: 'Duties the regulation gives a department: done or outstanding, by records alone',
  access: staff,
  params: IdParam,
  response: Checklist,
})
export const dutyBoard = endpoint({
  method: 'GET',
  path: '/catalog/duty-board',
  summary: 'How far the departments of the region are with their duties; units that follow the rules by reference stand apart, unranked',
  access: ['bureau', 'inspector', 'leader'],
  response: z.object({
    ranked: z.array(
      z.object({ departmentId: Id, department: z.string(), done: z.number().int(), of: z.number().int(), open: z.array(z.string()) }),
    ),
    apart: z.array(z.object({ departmentId: Id, department: z.string(), kindLabel: z.string() })),
    cite: Cite,
  }),
})
export const confirmDuty = endpoint({
  method: 'POST',
  path: '/departments/:id/duties/:item',
  summary: 'Report a duty as done; refused while no record supports it',
  access: ['steward', 'leader', 'bureau'],
  params: IdParam.extend({ item: z.string().max(40) }),
  response: Checklist,
})
export const versions = endpoint({
  method: 'GET',
  path: '/catalog/entries/:code/versions',
  summary: 'Versions',
  access: staff,
  params: CodeParam,
  response: z.array(
    z.object({
      version: z.number().int(),
      state: z.string(),
      label: z.string(),
      by: z.string(),
      submitted: Instant.nullable(),
      published: Instant.nullable(),
      caseNo: z.string().nullable(),
      policy: z
        .object({ regulation: z.string(), title: z.string(), version: z.string(), level: Level.nullable() })
        .nullable()
        .describe('The regulation it was submitted under, with its version and the level of the place'),
    }),
  ),
})
export const compare = endpoint({
  method: 'GET',
  path: '/catalog/entries/:code/compare',
  summary: 'Difference of two versions in words',
  access: staff,
  params: CodeParam,
  query: z.object({ a: z.coerce.number().int(), b: z.coerce.number().int() }),
  response: z.object({
    a: z.number().int(),
    b: z.number().int(),
    rows: z.array(
      z.object({
        field: z.string(),
        group: z.enum(['entry', 'item']),
        a: z.string(),
        b: z.string(),
        kind: z.enum(['same', 'changed', 'added', 'removed']),
        words: z.array(z.string()).describe('What it comes to: renamed, narrowed, tightened …'),
        tighter: z.boolean().describe('Who uses the data gets less or has to change something'),
      }),
    ),
    affected: z.array(z.string()).describe('Grants that use a changed item'),
  }),
})

/** Words that mean the same to who searches; `same`: names of one thing, so that items called so are the same item. */
export const Synonyms = z.object({
  id: z.number().int(),
  words: z.array(z.string()),
  same: z.boolean(),
  by: z.string().nullable().describe('null: came with the platform'),
})
export const synonyms = endpoint({
  method: 'GET',
  path: '/catalog/synonyms',
  summary: 'Groups of words that mean the same',
  access: staff,
  response: z.array(Synonyms),
})
export const addSynonyms = endpoint({
  method: 'POST',
  path: '/catalog/synonyms',
  summary: 'Add a group of words that mean the same; the search knows it at once, the duplicates after the next comparison',
  access: ['bureau', 'system_admin'],
  body: z.object({
    words: z.array(z.string().trim().min(1).max(30, '一个词最多 30 个字')).min(2, '至少两个不同的词').max(20, '一组最多 20 个词'),
    same: z.boolean().default(false),
  }),
  response: Synonyms,
})
export const removeSynonyms = endpoint({
  method: 'DELETE',
  path: '/catalog/synonyms/:id',
  summary: 'Remove a group of words',
  access: ['bureau', 'system_admin'],
  params: z.object({ id: z.coerce.number().int().max(2_147_483_647) }),
  response: Done,
})

/** Two entries of different departments that seem to hold the same, with what shows it. */
export const DuplicatePair = z.object({
  a: z.string().describe('Code'),
  b: z.string().describe('Code'),
  score: z.number().describe('0 to 1'),
  rules: z.array(z.object({ key: z.string(), label: z.string() })),
  titleLikeness: z.number(),
  items: z.array(z.object({ a: z.string(), b: z.string(), rule: z.enum(['same', 'synonym', 'similar']), label: z.string() })),
  of: z.tuple([z.number().int(), z.number().int()]).describe('Items compared on each side'),
  found: Instant,
  settled: z.object({ label: z.string(), reason: z.string(), caseNo: z.string(), on: Day, reopened: z.boolean() }).nullable(),
})
export const DuplicateGroup = z.object({
  key: Id,
  entries: z.array(
    z.object({
      id: Id,
      code: z.string(),
      title: z.string(),
      department: z.string(),
      departmentId: Id,
      regionName: z.string(),
      state: EntryState,
      mounted: z.boolean(),
      rows: z.number().int(),
      updated: Instant.nullable(),
      items: z.number().int(),
      identifiers: z.array(z.string()),
      shareLabel: z.string(),
      collector: z.string().nullable().describe('数源部门 named for it'),
    }),
  ),
  pairs: z.array(DuplicatePair),
  may: z.array(z.enum(['settle', 'differ'])),
})
export const duplicates = endpoint({
  method: 'GET',
  path: '/catalog/duplicates',
  summary: 'Groups of entries that seem to hold the same data, over the whole catalog; the authority sees its region, a department its own',
  access: staff,
  query: PageQuery.extend({
    state: z.enum(['open', 'settled']).default('open'),
    limit: z.coerce.number().int().min(1).max(50).default(20),
  }),
  response: page(DuplicateGroup).extend({ cite: Cite, waiting: z.number().int().describe('Entries not compared yet') }),
})

import { z } from 'zod'
import { Cite, Day, Done, Id, IdParam, Instant } from './common.ts'
import { endpoint, type Role } from './endpoint.ts'

/** Who may change the law of a region: its authority (see the 403), and the administrator of the platform. */
export const governors = ['bureau', 'system_admin'] as const satisfies readonly Role[]

/** A rule in force for a region on a day, with where it stands and how it came to apply. */
export const Level = z.enum(['province', 'city', 'county'])
export type Level = z.infer<typeof Level>
export const Ruling = z.object({
  topic: z.string(),
  cite: Cite,
  regulation: z.string(),
  version: z.string().describe('SM3 digest of the file the rule was read from'),
  label: z.string().nullable().describe('征求意见稿 / 已失效（已登记延用） … null when simply in force'),
  origin: z.enum(['law', 'platform']),
  level: Level.nullish().describe('Level of the place that decides'),
  inherited: z.string().nullable().describe('Name of the region whose regulation fills the gap'),
  chain: z
    .array(
      z.object({
        region: z.string(),
        regulation: z.string(),
        says: z.string(),
        overridden: z.string().optional().describe('This rule lost: to which, and why'),
      }),
    )
    .describe('How the rule was found, region by region'),
  also: Cite.nullish().describe('The other of two periods where a local rule and a higher law both speak; the shorter one counts'),
})
export type Ruling = z.infer<typeof Ruling>

/** One parameter of a rule in words: 期限 20 个工作日. */
export const Words = z.object({ label: z.string(), value: z.string() })
export type Words = z.infer<typeof Words>

export const RegulationSummary = z.object({
  id: z.string(),
  title: z.string(),
  short: z.string(),
  document: z.string(),
  issued: Day.nullable(),
  from: Day.nullable(),
  until: Day.nullable(),
  status: z.enum(['in-force', 'draft', 'expired', 'future', 'platform']),
  statusLabel: z.string(),
  version: z.string(),
  regions: z.array(z.object({ code: z.string(), name: z.string(), note: z.string().nullable() })),
})
export const StepView = z.object({
  name: z.string(),
  label: z.string(),
  by: z.array(z.string()),
  all: z.boolean(),
  time: z.string(),
  times: z.array(z.object({ label: z.string(), time: z.string() })).describe('One per clock of the step'),
  extend: z.string().nullable(),
  actions: z.array(
    z.object({
      name: z.string(),
      label: z.string(),
      to: z.string().nullable(),
      requires: z.string().describe('What it must state, in words'),
    }),
  ),
  cite: Cite,
})
export const RegulationDetail = RegulationSummary.extend({
  note: z.string(),
  validity: Cite.nullable(),
  basis: z.array(z.string()),
  interpreter: z.string().nullable(),
  repeals: z.array(z.string()),
  prevails: Cite.nullable().describe('It goes before other rules of the place'),
  roles: z.array(z.object({ key: z.string(), label: z.string() })),
  terms: z.array(
    z.object({
      key: z.string(),
      label: z.string(),
      values: z.array(z.object({ key: z.string(), label: z.string() })),
      cite: Cite.nullable(),
    }),
  ),
  rules: z.array(z.object({ topic: z.string(), label: z.string(), text: z.string(), words: z.array(Words), cite: Cite })),
  limits: z.array(z.object({ clock: z.string(), label: z.string(), time: z.string(), cite: Cite })),
  procedures: z.array(
    z.object({
      key: z.string(),
      label: z.string(),
      text: z.string(),
      who: z.string(),
      requires: z.string(),
      cite: Cite,
      steps: z.array(StepView),
      ends: z.array(z.string()),
    }),
  ),
})
export const regulations = endpoint({
  method: 'GET',
  path: '/regulations',
  summary: 'Regulations carried out by this platform',
  access: 'public',
  response: z.array(RegulationSummary),
})
export const regulation = endpoint({
  method: 'GET',
  path: '/regulations/:id',
  summary: 'One regulation as rules',
  access: 'public',
  params: z.object({ id: z.string().max(60) }),
  response: RegulationDetail,
})
export const Terms = z.object({
  share: z.record(z.string(), z.string()),
  open: z.record(z.string(), z.string()),
  roles: z.record(z.string(), z.string()),
})
export const vocabulary = endpoint({
  method: 'GET',
  path: '/regions/:code/vocabulary',
  summary: 'Words and catalog rules of a region: class labels, role names, what needs a basis',
  access: 'public',
  params: z.object({ code: z.string().regex(/^\d{6}$/) }),
  response: Terms.extend({
    rulings: z.record(z.string(), Ruling),
    basis: z.object({ required: z.array(z.string()), kinds: z.array(z.object({ key: z.string(), label: z.string() })), cite: Cite }),
    openClasses: z.array(z.string()),
  }),
})
export const workingDays = endpoint({
  method: 'GET',
  path: '/calendar/due',
  summary: 'Due date of n working days after a day, explained day by day',
  access: 'public',
  query: z.object({ from: Day, days: z.coerce.number().int().min(1).max(250) }),
  response: z.object({
    due: Day,
    estimated: z.boolean(),
    strip: z.array(z.object({ day: Day, counts: z.boolean(), note: z.string().nullable() })),
  }),
})
export const today = endpoint({
  method: 'GET',
  path: '/calendar/today',
  summary: 'Today in Beijing, the next working day and a holiday near by',
  access: 'public',
  response: z.object({ day: Day, weekday: z.string(), working: z.boolean(), nextWorkingDay: Day, note: z.string().nullable() }),
})

// ---- blocks stricter than the texts

export const GateMode = z.enum(['block', 'remind'])
export const RegionParam = z.object({ code: z.string().regex(/^\d{6}$/) })
export const GateRow = z.object({
  key: z.string(),
  label: z.string(),
  text: z.string().describe('What must be done first'),
  cites: z.array(Cite).describe('Where the region’s law orders the duty; the block itself is ours'),
  standard: GateMode.describe('The mode a region has before it chooses'),
  mode: GateMode,
  reason: z.string().nullable(),
  changed: Instant.nullable(),
  by: z.string().nullable(),
})
export const gates = endpoint({
  method: 'GET',
  path: '/regions/:code/gates',
  summary: 'Blocks of the platform that are stricter than the texts, and their mode in a region',
  access: 'signed-in',
  params: RegionParam,
  response: z.object({ region: z.string(), mayChange: z.boolean(), rows: z.array(GateRow) }),
})
export const switchGate = endpoint({
  method: 'PUT',
  path: '/regions/:code/gates/:key',
  summary: 'Switch such a block between 阻断 and 提醒并记录 for a region; recorded',
  access: governors,
  params: RegionParam.extend({ key: z.string().max(60) }),
  body: z.object({ mode: GateMode, reason: z.string().trim().min(4).max(300) }),
  response: GateRow,
})

// ---- what a place says about its law

export const LawRecord = z.object({
  id: z.string(),
  kind: z.enum(['adoption', 'continuation', 'layer']),
  kindLabel: z.string(),
  regulation: z.string(),
  title: z.string(),
  version: z.string().nullable().describe('Null: the text that comes with the platform'),
  from: Day.nullable(),
  until: Day.nullable(),
  document: z.string(),
  note: z.string(),
  by: z.string().nullable().describe('Null: shipped with the platform'),
  counts: z.boolean().describe('Counts on the day asked for'),
  ended: z.object({ on: Day, reason: z.string(), by: z.string() }).nullable(),
})
export type LawRecord = z.infer<typeof LawRecord>
export const LawWarning = z.object({
  region: z.string(),
  place: z.string(),
  regulation: z.string(),
  title: z.string(),
  last: Day.nullable().describe('Last day on which it may be used as things are recorded now'),
  left: z.number().int().nullable().describe('Days left; negative: past'),
  text: z.string(),
})
export type LawWarning = z.infer<typeof LawWarning>
export const regionLaw = endpoint({
  method: 'GET',
  path: '/regions/:code/law',
  summary: 'What a region has adopted, continued and laid over its rules, what is in force on a day, and what runs out soon',
  access: 'public',
  params: RegionParam,
  query: z.object({ day: Day.optional() }),
  response: z.object({
    code: z.string(),
    name: z.string(),
    day: Day,
    mayChange: z.boolean(),
    adopted: z.array(
      z.object({
        regulation: z.string(),
        title: z.string(),
        version: z.string(),
        status: RegulationSummary.shape.status,
        statusLabel: z.string(),
        usable: z.boolean().describe('False: no new transaction starts under it'),
        cite: Cite.describe('Its article on validity'),
      }),
    ),
    records: z.array(LawRecord),
    warnings: z.array(LawWarning),
  }),
})
export const recordLaw = endpoint({
  method: 'POST',
  path: '/regions/:code/law',
  summary: 'Record an adoption, a continuation (延用、续期) or a higher law as a layer, with its document and days',
  access: governors,
  params: RegionParam,
  body: z.object({
    kind: LawRecord.shape.kind,
    regulation: z.string().max(60),
    version: z.string().max(64).optional(),
    from: Day,
    until: Day.optional(),
    document: z.string().trim().min(4).max(200).describe('The document it rests on'),
    note: z.string().trim().max(300).default(''),
  }),
  response: LawRecord,
})
export const endLaw = endpoint({
  method: 'POST',
  path: '/regions/:code/law/:id/end',
  summary: 'End a record from a day on; what has begun goes on',
  access: governors,
  params: RegionParam.extend({ id: z.string().max(120) }),
  body: z.object({ from: Day.optional().describe('First day without it; default today'), reason: z.string().trim().min(4).max(300) }),
  response: LawRecord,
})
export const addRegion = endpoint({
  method: 'POST',
  path: '/regions',
  summary: 'Add a region; its regulation is imported and adopted separately',
  access: ['system_admin'],
  body: z.object({
    code: z.string().regex(/^\d{6}$/, '地区代码是 6 位数字'),
    name: z.string().trim().min(2).max(30),
    level: z.enum(['province', 'city', 'county']),
    parent: z
      .string()
      .regex(/^\d{6}$/)
      .nullable()
      .default(null),
  }),
  response: z.object({ code: z.string(), name: z.string() }),
})
export const rule = endpoint({
  method: 'GET',
  path: '/regions/:code/rules/:topic',
  summary: 'The rule of a region on a topic or procedure on a day, with how it was found; for one entry also what an overriding law says',
  access: 'public',
  params: RegionParam.extend({ topic: z.string().max(60) }),
  query: z.object({ day: Day.optional(), entry: z.uuid().optional() }),
  response: Ruling.extend({ value: z.unknown().describe('As in the regulation file'), words: z.array(Words) }),
})

// ---- texts brought in

export const Difference = z.object({
  kind: z.enum(['added', 'removed', 'changed']),
  at: z.string().describe('Path in the file'),
  label: z.string().describe('Where, in words'),
  before: z.string().nullable(),
  after: z.string().nullable(),
  cite: z.string().nullable(),
})
export type Difference = z.infer<typeof Difference>
export const Import = z.object({
  id: Id,
  regulation: z.string(),
  title: z.string(),
  version: z.string(),
  state: z.enum(['checked', 'adopted', 'refused']),
  recorded: Instant,
  by: z.string(),
  note: z.string().nullable(),
  mayDecide: z.array(z.object({ code: z.string(), name: z.string() })).describe('Regions this person may adopt it for'),
})
export type Import = z.infer<typeof Import>
export const importRegulation = endpoint({
  method: 'POST',
  path: '/regulations/imports',
  summary: 'Bring in a regulation as YAML: checked whole, every problem with its path; nothing is in force yet',
  access: governors,
  body: z.object({ text: z.string().min(1).max(600_000) }),
  response: Import,
})
export const imports = endpoint({
  method: 'GET',
  path: '/regulations/imports',
  summary: 'Texts brought in',
  access: governors,
  response: z.array(Import),
})
export const importDifferences = endpoint({
  method: 'GET',
  path: '/regulations/imports/:id',
  summary: 'What an imported text changes against what a region has in force: topics, procedures, steps, days, actors, fields',
  access: governors,
  params: IdParam,
  query: z.object({
    region: z
      .string()
      .regex(/^\d{6}$/)
      .optional(),
  }),
  response: Import.extend({
    against: z.object({ title: z.string(), version: z.string() }).nullable().describe('Null: a text the platform does not know yet'),
    from: Day.nullable(),
    until: Day.nullable(),
    differences: z.array(Difference),
  }),
})
export const adoptImport = endpoint({
  method: 'POST',
  path: '/regulations/imports/:id/adopt',
  summary: 'Adopt an imported text for a region from a day; cases that have begun keep their version',
  access: governors,
  params: IdParam,
  body: z.object({
    region: z.string().regex(/^\d{6}$/),
    from: Day,
    document: z.string().trim().min(4).max(200),
    note: z.string().trim().max(300).default(''),
  }),
  response: LawRecord,
})
export const refuseImport = endpoint({
  method: 'POST',
  path: '/regulations/imports/:id/refuse',
  summary: 'Decide not to adopt an imported text',
  access: governors,
  params: IdParam,
  body: z.object({ reason: z.string().trim().min(4).max(300) }),
  response: Import,
})

// ---- the official calendar

export const CalendarImport = z.object({
  id: Id,
  year: z.number().int(),
  document: z.string(),
  state: z.enum(['checked', 'adopted', 'refused']),
  recorded: Instant,
  by: z.string(),
  announced: z.boolean().describe('The year had an official calendar before'),
  differences: z.array(z.object({ day: Day, before: z.string(), after: z.string() })).describe('Days that change'),
})
export const importCalendar = endpoint({
  method: 'POST',
  path: '/calendar/imports',
  summary: 'Bring in the holidays and working weekends of a year; shows which days change, nothing is in force yet',
  access: ['system_admin'],
  body: z.object({ text: z.string().min(1).max(50_000) }),
  response: CalendarImport,
})
export const calendarImports = endpoint({
  method: 'GET',
  path: '/calendar/imports',
  summary: 'Calendars brought in',
  access: governors,
  response: z.array(CalendarImport),
})
export const adoptCalendar = endpoint({
  method: 'POST',
  path: '/calendar/imports/:id/adopt',
  summary: 'Put an imported calendar in force; open duties are counted again',
  access: ['system_admin'],
  params: IdParam,
  response: CalendarImport,
})
export const calendarYear = endpoint({
  method: 'GET',
  path: '/calendar/years/:year',
  summary: 'Days off and working weekends of a year as the platform counts them',
  access: 'public',
  params: z.object({ year: z.coerce.number().int().min(2000).max(2099) }),
  response: z.object({
    year: z.number().int(),
    announced: z.boolean(),
    days: z.array(z.object({ day: Day, working: z.boolean(), note: z.string(), estimated: z.boolean() })),
  }),
})

// ---- a law that goes before the local rule for one entry

export const OverrideTopic = z.enum(['share-types', 'open-types'])
export const Override = z.object({
  id: Id,
  region: z.string(),
  entry: Id,
  topic: OverrideTopic,
  value: z.string(),
  valueLabel: z.string(),
  cite: Cite,
  by: z.string(),
  at: Instant,
})
export const overrides = endpoint({
  method: 'GET',
  path: '/regions/:code/overrides',
  summary: 'Laws recorded as going before the local rule for single entries',
  access: 'signed-in',
  params: RegionParam,
  query: z.object({ entry: z.uuid().optional() }),
  response: z.array(Override),
})
export const addOverride = endpoint({
  method: 'POST',
  path: '/regions/:code/overrides',
  summary: 'Record a law that goes before the local rule for one entry, with its article',
  access: governors,
  params: RegionParam,
  body: z.object({
    entry: z.uuid(),
    topic: OverrideTopic,
    value: z.string().max(40).describe('The class that law gives'),
    instrument: z.string().trim().max(200).default(''),
    article: z.string().trim().max(60).default(''),
    text: z.string().trim().max(300).default(''),
  }),
  response: Override,
})
export const endOverride = endpoint({
  method: 'DELETE',
  path: '/regions/:code/overrides/:id',
  summary: 'The local rule governs the entry again',
  access: governors,
  params: RegionParam.extend({ id: Id }),
  response: Done,
})

// ---- two places side by side

export const Side = z.object({
  words: z.array(Words),
  cite: Cite.nullable(),
  also: Cite.nullable(),
  label: z.string().nullable(),
  inherited: z.string().nullable(),
  origin: z.enum(['law', 'platform', 'none']),
})
export const compare = endpoint({
  method: 'GET',
  path: '/compare',
  summary: 'Two places parameter by parameter, generated from the regulation files',
  access: 'public',
  query: z.object({ a: z.string().regex(/^\d{6}$/), b: z.string().regex(/^\d{6}$/), day: Day.optional() }),
  response: z.object({
    day: Day,
    a: z.object({ code: z.string(), name: z.string() }),
    b: z.object({ code: z.string(), name: z.string() }),
    groups: z.array(
      z.object({
        key: z.string(),
        label: z.string(),
        rows: z.array(z.object({ key: z.string(), label: z.string(), same: z.boolean(), a: Side, b: Side })),
      }),
    ),
    differences: z.number().int(),
  }),
})

// ---- requirements and the tests that prove them

export const Requirement = z.object({
  id: z.string(),
  regulation: z.string(),
  article: z.string(),
  kind: z.string(),
  module: z.string(),
  priority: z.enum(['must', 'should', 'could']),
  actor: z.string(),
  text: z.string().describe('Our paraphrase'),
  behaviour: z.string().describe('What the platform does'),
  refusals: z.array(z.string()).describe('Reason codes of what is refused'),
  tests: z.array(z.object({ file: z.string(), title: z.string() })),
})
export type Requirement = z.infer<typeof Requirement>
export const conformance = endpoint({
  method: 'GET',
  path: '/regulations/conformance',
  summary: 'Every requirement of the regulations with the tests that prove it',
  access: 'signed-in',
  response: z.object({
    rows: z.array(Requirement),
    regulations: z.array(z.object({ key: z.string(), title: z.string(), total: z.number().int(), proved: z.number().int() })),
    totals: z.array(z.object({ priority: z.enum(['must', 'should', 'could']), total: z.number().int(), proved: z.number().int() })),
  }),
})

import { z } from 'zod'
import { Cite, Day, Instant } from './common.ts'
import { endpoint, type Role } from './endpoint.ts'

/** Who may change the law of a region: its authority (see the 403), and the administrator of the platform. */
export const governors = ['bureau', 'system_admin'] as const satisfies readonly Role[]

/** A rule in force for a region on a day, with where it stands and how it came to apply. */
export const Ruling = z.object({
  topic: z.string(),
  cite: Cite,
  regulation: z.string(),
  version: z.string().describe('SM3 digest of the file the rule was read from'),
  label: z.string().nullable().describe('征求意见稿 / 已失效（已登记延用） … null when simply in force'),
  origin: z.enum(['law', 'platform']),
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
  actions: z.array(z.object({ name: z.string(), label: z.string(), to: z.string().nullable(), requires: z.array(z.string()) })),
  cite: Cite,
})
export const RegulationDetail = RegulationSummary.extend({
  roles: z.array(z.object({ key: z.string(), label: z.string() })),
  terms: z.array(
    z.object({
      key: z.string(),
      label: z.string(),
      values: z.array(z.object({ key: z.string(), label: z.string() })),
      cite: Cite.nullable(),
    }),
  ),
  rules: z.array(z.object({ topic: z.string(), label: z.string(), text: z.string(), cite: Cite })),
  procedures: z.array(z.object({ key: z.string(), label: z.string(), cite: Cite, steps: z.array(StepView), ends: z.array(z.string()) })),
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
const RegionParam = z.object({ code: z.string().regex(/^\d{6}$/) })
export const GateRow = z.object({
  key: z.string(),
  label: z.string(),
  text: z.string().describe('What must be done first'),
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

import { z } from 'zod'
import { OpenClass, ShareClass } from '../../../contract/catalog.ts'
import { BasisKind, fieldNames } from '../../../contract/procedure.ts'

/**
 * The file format of a regulation. A lawyer checks the file, this checks its form; `npm test` loads every file.
 * Deadlines are written `10wd` (working days), or as the word of the text: `promptly` 及时, `regularly` 定期, `undated` 未规定.
 */
const Name = z.string().regex(/^[a-z][a-z0-9-]*$/, '名称用小写英文、数字和连字符')
const Article = z.string().min(2)
const cited = { cite: Article, text: z.string().min(6, '用一句自己的话转述').max(200) }

export const Within = z.union([
  z
    .string()
    .regex(/^[1-9]\d{0,2}wd$/, '期限写作 10wd')
    .transform(text => ({ days: Number(text.slice(0, -2)), word: null })),
  z
    .enum(['promptly', 'regularly', 'undated'])
    .transform(word => ({ days: null, word: ({ promptly: '及时', regularly: '定期', undated: '法规未定天数' } as const)[word] })),
])
export type Within = z.infer<typeof Within>

/** One role, a list (any of them), or `{ all: [...] }` (each must speak). */
const By = z.union([
  Name.transform(r => ({ roles: [r], all: false })),
  z
    .array(Name)
    .min(1)
    .transform(roles => ({ roles, all: false })),
  z.strictObject({ all: z.array(Name).min(2) }).transform(b => ({ roles: b.all, all: true })),
])

const Requirement = z.union([
  z.enum(fieldNames).transform(field => ({ field, when: undefined })),
  z.strictObject({ field: z.enum(fieldNames), when: z.record(z.string(), z.unknown()) }),
])
export const ActionSchema = z.union([
  Name.transform(to => ({ to })),
  z.strictObject({
    to: Name.optional(),
    label: z.string().min(2).max(20).optional(),
    by: By.optional(),
    requires: z.array(Requirement).default([]),
    offers: z.array(z.enum(fieldNames)).default([]).describe('Fields shown but not demanded'),
    effect: Name.optional(),
    when: z.record(z.string(), z.unknown()).optional(),
    kind: z.enum(['approve', 'refuse', 'return', 'neutral']).default('neutral'),
    otherThan: Name.optional().describe('Must be another person than the one who did this action before'),
    cite: Article.optional(),
    text: z.string().optional(),
  }),
])
const DutySchema = z.strictObject({
  label: z.string().min(2),
  within: Within,
  until: z.array(Name).min(1),
  by: By.optional(),
  when: z.record(z.string(), z.unknown()).optional(),
  cite: Article.optional(),
  text: z.string().optional(),
})
export const StepSchema = z
  .strictObject({
    label: z.string().min(2).max(20),
    by: By,
    within: Within.optional(),
    duties: z.record(Name, DutySchema).optional(),
    stops: z.literal('clock').optional().describe('The clocks of the step before stand still here'),
    actions: z.record(Name, ActionSchema),
    cite: Article.optional(),
    text: z.string().optional(),
  })
  .refine(s => Object.keys(s.actions).length > 0, '步骤没有可办理的动作')
  .refine(s => !(s.within && s.duties), '`within` 与 `duties` 只写一个')
const EndSchema = z.strictObject({
  label: z.string().min(2).max(20),
  kind: z.enum(['approved', 'refused', 'withdrawn', 'neutral']).default('neutral'),
  effect: Name.optional(),
  notify: z.array(Name).default([]),
})

export const ProcedureSchema = z
  .strictObject({
    label: z.string().min(2).max(20),
    prefix: z
      .string()
      .regex(/^[A-Z]{2}$/)
      .describe('办件编号的字头'),
    ...cited,
    requires: z.array(Requirement).default([]).describe('What the application itself must state'),
    start: Name,
    steps: z.record(Name, StepSchema),
    ends: z.record(Name, EndSchema),
  })
  .superRefine((p, ctx) => {
    const known = new Set([...Object.keys(p.steps), ...Object.keys(p.ends)])
    if (!p.steps[p.start]) ctx.addIssue({ code: 'custom', path: ['start'], message: `没有名为 ${p.start} 的步骤` })
    const reached = new Set<string>()
    const visit = (name: string) => {
      if (reached.has(name)) return
      reached.add(name)
      for (const action of Object.values(p.steps[name]?.actions ?? {})) if (action.to) visit(action.to)
    }
    visit(p.start)
    for (const [name, step] of Object.entries(p.steps)) {
      if (!reached.has(name)) ctx.addIssue({ code: 'custom', path: ['steps', name], message: '从起点走不到这个步骤' })
      if (!step.stops && !step.within && !step.duties)
        ctx.addIssue({ code: 'custom', path: ['steps', name], message: '步骤没有期限；没有数字就写 promptly 或 undated' })
      if (!Object.values(step.actions).some(a => a.to)) ctx.addIssue({ code: 'custom', path: ['steps', name], message: '步骤没有出口' })
      for (const [key, action] of Object.entries(step.actions))
        if (action.to && !known.has(action.to))
          ctx.addIssue({ code: 'custom', path: ['steps', name, 'actions', key, 'to'], message: `没有名为 ${action.to} 的步骤或结局` })
      for (const [key, duty] of Object.entries(step.duties ?? {}))
        for (const until of duty.until)
          if (!step.actions[until])
            ctx.addIssue({ code: 'custom', path: ['steps', name, 'duties', key, 'until'], message: `步骤里没有动作 ${until}` })
    }
    for (const name of Object.keys(p.ends))
      if (!reached.has(name)) ctx.addIssue({ code: 'custom', path: ['ends', name], message: '没有动作通向这个结局' })
  })
export type Procedure = z.infer<typeof ProcedureSchema>
export type Step = z.infer<typeof StepSchema>
export type Action = Exclude<z.infer<typeof ActionSchema>, { to: string; label?: undefined }> | { to: string }

const Classes = <T extends z.ZodType>(key: T) => z.record(key as never, z.string().min(2)) as unknown as z.ZodType<Record<string, string>>

/** What the files may speak on. A topic a place leaves out is looked for upwards, last in `platform.yaml`. */
export const topicSchemas = {
  'share-types': z.strictObject({ values: Classes(ShareClass.or(z.string())), default: ShareClass.optional(), ...cited }),
  'share-basis': z.strictObject({ required: z.array(ShareClass), kinds: z.array(BasisKind), ...cited }),
  'share-conditions': z.strictObject({ required: z.array(ShareClass), ...cited }),
  'share-confirmation': z.strictObject({ required: z.array(ShareClass), by: Name, ...cited }),
  'share-direct': z.strictObject({ audience: z.enum(['region', 'all']), ...cited }),
  'share-denied': z.strictObject(cited),
  'share-suspend': z.strictObject({ by: z.array(Name), report: z.array(Name).default([]), ...cited }),
  'no-grant': z.strictObject(cited),
  'not-granted': z.strictObject(cited),
  'open-types': z.strictObject({ values: Classes(OpenClass.or(z.string())), ...cited }),
  'open-basis': z.strictObject({ required: z.array(OpenClass), kinds: z.array(BasisKind), ...cited }),
  'open-list': z.strictObject({ required: z.array(z.string()), ...cited }),
  'open-exclusions': z.strictObject({ grounds: z.array(z.string()).min(1), ...cited }),
  'open-desensitize': z.strictObject(cited),
  'open-risk': z.strictObject(cited),
  'open-withdraw': z.strictObject({ by: z.array(Name), ...cited }),
  'catalog-fields': z.strictObject({ required: z.array(z.string()), ...cited }),
  'catalog-update': z.strictObject({ within: Within, ...cited }),
  secrecy: z.strictObject({ barred: z.array(z.string()), ...cited }),
  'secrecy-review': z.strictObject(cited),
  'usage-record': z.strictObject({ fields: z.array(z.string()), ...cited }),
  'registered-only': z.strictObject(cited),
  'log-retention': z.strictObject({ months: z.number().int(), ...cited }),
} as const
export type Topics = { [K in keyof typeof topicSchemas]: z.infer<(typeof topicSchemas)[K]> }
export type Topic = keyof Topics

const Day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/)
export const GateSchema = z.strictObject({
  label: z.string().min(2).max(20),
  text: cited.text,
  default: z.enum(['block', 'remind']).default('block'),
})
export type GateMode = z.infer<typeof GateSchema>['default']

export const RegulationSchema = z.strictObject({
  id: Name,
  title: z.string(),
  short: z.string().max(8),
  document: z.string(),
  issued: Day.nullable().default(null),
  effective: z
    .strictObject({
      from: Day.nullable().default(null),
      until: Day.nullable().default(null),
      draft: z.boolean().default(false),
      note: z.string().default(''),
      cite: Article.optional().describe('The article on validity: what a refusal after the last day names'),
      text: cited.text.optional(),
    })
    .prefault({}),
  basis: z.array(z.string().min(2)).default([]).describe('Instruments it rests on, by title or number'),
  interpreter: z.string().min(2).optional(),
  repeals: z.array(z.string().min(2)).default([]),
  prevails: z.strictObject(cited).optional().describe('It goes before other rules of the same place where they differ'),
  limits: z
    .record(Name, z.strictObject({ label: z.string().min(2), within: Within, ...cited }))
    .default({})
    .describe('As a layer over local rules: the longest a clock of this name may run'),
  gates: z
    .record(Name, GateSchema)
    .default({})
    .describe('Blocks stricter than a text, only in platform.yaml; switchable for each region'),
  roles: z.record(Name, z.string()),
  topics: z.strictObject(Object.fromEntries(Object.entries(topicSchemas).map(([k, s]) => [k, s.optional()]))) as unknown as z.ZodType<
    Partial<Topics>
  >,
  procedures: z.record(Name, ProcedureSchema).default({}),
})
export type Regulation = z.infer<typeof RegulationSchema>

export const RegionsSchema = z.strictObject({
  regions: z.array(
    z.strictObject({
      code: z.string().regex(/^\d{6}$/),
      name: z.string(),
      level: z.enum(['province', 'city', 'county']),
      parent: z
        .string()
        .regex(/^\d{6}$/)
        .nullable()
        .default(null),
      adopts: z
        .array(z.strictObject({ regulation: Name, continued: z.string().optional().describe('失效或未生效仍使用的登记说明') }))
        .default([]),
      layers: z.array(Name).default([]).describe('Higher law whose limits lie over the rules of the place'),
    }),
  ),
})
export type RegionRecord = z.infer<typeof RegionsSchema>['regions'][number]

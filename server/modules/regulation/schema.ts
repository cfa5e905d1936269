import { z } from 'zod'
import { OpenClass, ShareClass } from '../../../contract/catalog.ts'
import { BasisKind } from '../../../contract/procedure.ts'

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
  z.enum(['promptly', 'as-appropriate', 'regularly', 'undated']).transform(word => ({
    days: null,
    word: ({ promptly: '及时', 'as-appropriate': '适时', regularly: '定期', undated: '法规未定天数' } as const)[word],
  })),
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

/** A condition on the form and the facts beside it: equal, any of, not, given. */
const Scalar = z.union([z.string(), z.number(), z.boolean()])
const Condition = z.record(
  z.string(),
  z.union([Scalar, z.array(Scalar).min(1), z.strictObject({ not: Scalar }), z.strictObject({ given: z.boolean() })]),
)
export type Condition = z.infer<typeof Condition>
/** Reasons are those of the requirement list, e.g. `basis-required`. */
const Reason = Name
const FieldKey = z.string().regex(/^[a-z][A-Za-z0-9]{0,39}$/, '字段名用小写字母开头的英文')
const why = { reason: Reason.optional(), cite: Article.optional(), text: z.string().min(4).max(200).optional(), gate: Name.optional() }

const RequirementSchema = z.union([
  FieldKey.transform((field): Requirement => ({ field })),
  z.strictObject({ field: FieldKey, when: Condition.optional(), ...why }).transform((r): Requirement => r as Requirement),
])
export type Requirement = { field: string; when?: Condition; reason?: string; cite?: string; text?: string; gate?: string }
/** What is refused when its condition holds: a prohibition of the text. */
const Forbid = z.strictObject({ when: Condition, ...why, reason: Reason, text: z.string().min(4).max(200) })

export const FieldSchema = z.strictObject({
  label: z.string().min(2).max(60),
  kind: z.enum(['text', 'longtext', 'day', 'number', 'choice', 'confirm', 'department', 'entry', 'list', 'file']),
  min: z.number().int().min(0).default(1).describe('Least length, least number of lines, or least value'),
  options: z
    .array(z.tuple([z.string(), z.string()]))
    .min(1)
    .optional(),
})
export const ActionSchema = z.union([
  Name.transform(to => ({ to })),
  z.strictObject({
    to: Name.optional(),
    label: z.string().min(2).max(20).optional(),
    by: By.optional(),
    requires: z.array(RequirementSchema).default([]),
    offers: z.array(FieldKey).default([]).describe('Fields shown but not demanded'),
    forbids: z.array(Forbid).default([]),
    effect: Name.optional(),
    when: Condition.optional(),
    reason: Reason.optional().describe('Refusal reason while `when` does not hold'),
    kind: z.enum(['approve', 'refuse', 'return', 'neutral']).default('neutral'),
    otherThan: Name.optional().describe('Must be another person than the one who did this action before'),
    cite: Article.optional(),
    text: z.string().optional(),
  }),
])
/** `10wd`, a word of the text, or a date that the form sets (an order names its own deadline). */
const Term = z.union([Within, z.strictObject({ field: FieldKey }).transform(t => ({ days: null, word: null, field: t.field }))])
export type Term = Within | { days: null; word: null; field: string }
const DutySchema = z.strictObject({
  label: z.string().min(2),
  within: Term,
  from: FieldKey.optional().describe('The clock starts at this date of the form'),
  clock: Name.optional().describe('Name under which a higher law may limit this clock'),
  until: z.array(Name).min(1),
  by: By.optional(),
  when: Condition.optional(),
  cite: Article.optional(),
  text: z.string().optional(),
})
export const StepSchema = z
  .strictObject({
    label: z.string().min(2).max(20),
    by: By,
    within: Term.optional(),
    from: FieldKey.optional(),
    clock: Name.optional(),
    duties: z.record(Name, DutySchema).optional(),
    late: z.strictObject({ propose: Name }).optional().describe('What the platform proposes when the step is overdue; a person decides'),
    extend: z
      .strictObject({
        by: By,
        atMost: Within,
        consent: z.string().min(2).describe('Whose consent it needs, in words'),
        tell: z.array(Name).min(1),
        cite: Article.optional(),
        text: z.string().optional(),
      })
      .optional(),
    competence: z.strictObject(cited).optional().describe('Where the text says who is competent: what a refusal of somebody else names'),
    stops: z.literal('clock').optional().describe('The clocks of the step before stand still here'),
    actions: z.record(Name, ActionSchema),
    cite: Article.optional(),
    text: z.string().optional(),
  })
  .refine(s => Object.keys(s.actions).length > 0, '步骤没有可办理的动作')
  .refine(s => !(s.within && s.duties), '`within` 与 `duties` 只写一个')
  .refine(s => !(s.extend && s.actions.extend), '`extend` 已是动作，不能另写同名动作')
  .refine(s => !s.late || !!s.actions[s.late.propose], '`late.propose` 要是本步骤的动作')
const EndSchema = z.strictObject({
  label: z.string().min(2).max(20),
  kind: z.enum(['approved', 'refused', 'withdrawn', 'neutral']).default('neutral'),
  effect: Name.optional(),
  notify: z.array(Name).default([]),
})
const WhoSchema = z.strictObject({
  roles: z.array(Name).min(1).optional().describe('Departments that play one of these roles here'),
  kinds: z.array(Name).min(1).optional().describe('Kinds of departments'),
  public: z.array(Name).min(1).optional().describe('Kinds of applicants outside the administration'),
  reason: Reason.optional(),
  cite: Article.optional(),
  text: z.string().optional(),
})

export const ProcedureSchema = z
  .strictObject({
    label: z.string().min(2).max(20),
    prefix: z
      .string()
      .regex(/^[A-Z]{2}$/)
      .describe('办件编号的字头'),
    ...cited,
    who: WhoSchema.optional().describe('Who may start it; default any department'),
    applicant: z.string().min(2).max(20).optional().describe('What the one who starts is called here'),
    about: z
      .enum(['entry', 'grant', 'batch', 'case', 'department', 'system', 'region'])
      .default('region')
      .describe('What the case is about'),
    after: z
      .strictObject({
        procedures: z.array(Name).min(1),
        ends: z.array(Name).min(1),
        optional: z.boolean().default(false),
        reason: Reason.optional(),
      })
      .optional()
      .describe('An earlier case it follows'),
    requires: z.array(RequirementSchema).default([]).describe('What the application itself must state'),
    offers: z.array(FieldKey).default([]),
    forbids: z.array(Forbid).default([]),
    gate: z
      .strictObject({ key: Name, pass: Name })
      .optional()
      .describe('The procedure is platform policy: in mode remind it goes to this end at once'),
    parties: z.record(Name, FieldKey).default({}).describe('Role → field of the form that names the department'),
    effect: Name.optional().describe('Runs when the case is opened and may refuse it'),
    start: Name,
    steps: z.record(Name, StepSchema).default({}),
    ends: z.record(Name, EndSchema),
  })
  .superRefine((p, ctx) => {
    const known = new Set([...Object.keys(p.steps), ...Object.keys(p.ends)])
    if (!known.has(p.start)) ctx.addIssue({ code: 'custom', path: ['start'], message: `没有名为 ${p.start} 的步骤或结局` })
    if (p.gate && !p.ends[p.gate.pass]) ctx.addIssue({ code: 'custom', path: ['gate', 'pass'], message: `没有名为 ${p.gate.pass} 的结局` })
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
      if (!reached.has(name) && p.gate?.pass !== name)
        ctx.addIssue({ code: 'custom', path: ['ends', name], message: '没有动作通向这个结局' })
  })
export type Procedure = z.infer<typeof ProcedureSchema>
export type Step = z.infer<typeof StepSchema>
export type Action = Exclude<z.infer<typeof ActionSchema>, { to: string; label?: undefined }> | { to: string }

const Classes = <T extends z.ZodType>(key: T) => z.record(key as never, z.string().min(2)) as unknown as z.ZodType<Record<string, string>>

/** A ground on which data are not opened, with the statements that must support it. */
const GroundSchema = z.strictObject({
  key: Name,
  label: z.string().min(2),
  secret: z.boolean().default(false).describe('State or work secrets: nothing of the kind is registered; found later, only a note remains'),
  evidence: z
    .array(
      z.strictObject({
        key: Name,
        label: z.string().min(2),
        kind: z.enum(['text', 'longtext', 'day', 'choice']).default('longtext'),
        options: z.record(z.string(), z.string()).optional(),
      }),
    )
    .min(1),
  ends: Name.optional().describe('Evidence that gives the day on which the ground ends'),
  cite: Article.optional(),
  text: z.string().min(6).max(200).optional(),
})

/** What the files may speak on. A topic a place leaves out is looked for upwards, last in `platform.yaml`. */
/** Conduct a text punishes, with the facts that suggest it: cases left lying, or refused calls. The platform proposes, people decide. */
const BreachList = {
  procedure: Name.describe('The procedure in which somebody is held responsible'),
  list: z.record(
    Name,
    z.strictObject({
      label: z.string().min(4),
      cite: Article,
      procedures: z.array(Name).default([]).describe('A case of these past its day suggests it'),
      refusals: z.array(Name).default([]).describe('A data call refused for this reason suggests it'),
      repeated: z.array(Name).default([]).describe('Several data calls under one grant, refused for these reasons, suggest it'),
      duties: z.array(Name).default([]).describe('A duty without a case of this name, past its day, suggests it'),
      sensitive: z.boolean().default(false).describe('Only where the call asked for sensitive items'),
    }),
  ),
}

export const topicSchemas = {
  'share-types': z.strictObject({ values: Classes(ShareClass.or(z.string())), default: ShareClass.optional(), ...cited }),
  'share-basis': z.strictObject({ required: z.array(ShareClass), kinds: z.array(BasisKind), ...cited }),
  'share-conditions': z.strictObject({ required: z.array(ShareClass), ...cited }),
  'share-confirmation': z.strictObject({ required: z.array(ShareClass), by: Name, ...cited }),
  'share-direct': z.strictObject({ audience: z.enum(['region', 'all']), ...cited }),
  'share-denied': z.strictObject(cited),
  'share-principle': z.strictObject({ default: ShareClass, free: z.boolean().describe('A grant carries no fee'), ...cited }),
  breaches: z.strictObject({ ...BreachList, ...cited }),
  'open-breaches': z.strictObject({ ...BreachList, ...cited }),
  'share-form': z.strictObject({ title: z.string().min(2), ...cited }),
  'share-request': z.strictObject({ requires: z.array(z.enum(['dataName', 'purpose', 'duty'])), ...cited }),
  'share-use': z.strictObject(cited),
  'share-offplatform': z.strictObject({ exception: z.boolean().describe('A recorded and approved exception is possible'), ...cited }),
  'share-agreement': z.strictObject({ required: z.boolean(), ...cited }),
  'share-filing': z.strictObject({ required: z.boolean(), ...cited }),
  'share-privacy': z.strictObject({ required: z.boolean(), ...cited }),
  'share-reciprocity': z.strictObject({ required: z.boolean(), ...cited }),
  'share-matters': z.strictObject({ required: z.boolean(), exception: z.boolean(), ...cited }),
  'data-change': z.strictObject(cited),
  'share-suspend': z.strictObject({ by: z.array(Name), report: z.array(Name).default([]), ...cited }),
  'share-disposal': z.strictObject({ within: Within, ...cited }),
  'no-grant': z.strictObject(cited),
  'not-granted': z.strictObject(cited),
  'open-types': z.strictObject({ values: Classes(OpenClass.or(z.string())), ...cited }),
  'open-basis': z.strictObject({ required: z.array(OpenClass), kinds: z.array(BasisKind), ...cited }),
  'open-list': z.strictObject({ required: z.array(z.string()), ...cited }),
  'open-exclusions': z.strictObject({
    required: z.boolean().default(false).describe('An entry that is not opened names a ground'),
    grounds: z.array(GroundSchema).min(1),
    ...cited,
  }),
  'open-reevaluate': z.strictObject({ months: z.number().int().min(1), ...cited }),
  'open-unlock': z.strictObject(cited),
  'open-grade': z.strictObject({ required: z.boolean(), proposes: z.record(z.string(), OpenClass).default({}), ...cited }),
  'open-criteria': z.strictObject({ required: z.array(OpenClass), criteria: z.record(z.string(), z.string().min(2)), ...cited }),
  'open-conditions': z.strictObject({ required: z.array(OpenClass), ...cited }),
  'open-format': z.strictObject({ classes: z.array(z.number().int()), types: z.array(z.string()), ...cited }),
  'open-scope': z.strictObject({ shared: z.boolean().describe('Data received by sharing may be opened by who received them'), ...cited }),
  'open-providers': z.strictObject({ kinds: z.array(Name), ...cited }),
  'open-audience': z.strictObject(cited),
  'open-publish': z.strictObject({ by: z.array(Name).min(1), ...cited }),
  'open-list-review': z.strictObject(cited),
  'open-lists': z.strictObject({ required: z.boolean(), names: z.record(z.string(), z.string()).default({}), ...cited }),
  'open-restricted': z.strictObject({ publish: z.array(OpenClass), ...cited }),
  'open-platform': z.strictObject(cited),
  'open-access': z.strictObject(cited),
  'open-agreement': z.strictObject(cited),
  'open-use': z.strictObject({ required: z.boolean(), ...cited }),
  'open-preprocess': z.strictObject({ required: z.boolean(), steps: z.array(z.string().min(2)).min(1), ...cited }),
  'open-update': z.strictObject(cited),
  'open-plan': z.strictObject(cited),
  'open-scenario': z.strictObject(cited),
  'open-focus': z.strictObject({ criteria: z.record(Name, z.string().min(2)), ...cited }),
  'open-follow-up': z.strictObject({ months: z.number().int().min(1), ...cited }),
  'open-quality': z.strictObject({ dimensions: z.record(Name, z.string().min(2)), ...cited }),
  'open-report': z.strictObject({ months: z.number().int().min(1), ...cited }),
  'open-benefit': z.strictObject({ kinds: z.array(Name), ...cited }),
  'open-limit': z.strictObject(cited),
  'open-desensitize': z.strictObject({ record: z.boolean().default(false), ...cited }),
  'open-risk': z.strictObject({ record: z.boolean().default(false), ...cited }),
  'open-withdraw': z.strictObject({ by: z.array(Name), ...cited }),
  departments: z.strictObject({
    kinds: z.record(z.string(), z.string().min(2)).describe('Kinds that are departments here, in the words of the text'),
    authorisation: z.array(z.string()).default([]).describe('Kinds that need the provision that authorises them'),
    reason: Name.default('not-a-government-department'),
    ...cited,
  }),
  'by-reference': z.strictObject({ units: z.array(z.string()), ...cited }),
  officers: z.strictObject({ posts: z.record(FieldKey, z.string().min(2)), fileWith: Name.default('authority'), ...cited }),
  'opening-officers': z.strictObject({ posts: z.record(FieldKey, z.string().min(2)), fileWith: Name.default('authority'), ...cited }),
  'department-documents': z.strictObject({ documents: z.record(FieldKey, z.string().min(2)), ...cited }),
  operator: z.strictObject({ authorised: z.boolean().describe('The operator needs a recorded authorisation'), ...cited }),
  'entry-duty': z.strictObject({ required: z.boolean(), ...cited }),
  'joint-collection': z.strictObject({ agreement: z.boolean().describe('An entry collected jointly needs the agreement'), ...cited }),
  'system-test': z.strictObject({ within: Within, ...cited }),
  'officer-change': z.strictObject({ within: Within, ...cited }),
  'department-duties': z.strictObject({
    items: z.partialRecord(z.enum(['catalog', 'collect', 'update', 'share', 'use', 'service', 'open']), z.string().min(2)),
    ...cited,
  }),
  'assessment-areas': z.strictObject({
    areas: z.array(z.strictObject({ key: Name, label: z.string(), cite: Article, indicators: z.array(z.string()).min(1) })),
    openEnded: z.boolean().default(false).describe('The list of the text ends with 等'),
    ...cited,
  }),
  'assessment-grades': z.strictObject({ grades: z.record(Name, z.string()), ...cited }),
  'assessment-objects': z.strictObject({
    kinds: z.record(z.string(), z.string().min(2)),
    apart: z.array(z.string()).default([]),
    ...cited,
  }),
  'share-marking': z.strictObject(cited),
  'catalog-origin': z.strictObject({ values: z.record(Name, z.string().min(2)), ...cited }),
  'catalog-forms': z.strictObject({ values: z.array(z.string()), ...cited }),
  'catalog-kinds': z.strictObject({ required: z.boolean().default(true), values: z.record(z.enum(['1', '2', '3']), z.string()), ...cited }),
  'catalog-lead': z.strictObject({ kinds: z.array(z.number().int().min(1).max(3)), ...cited }),
  'catalog-guide': z.strictObject({ by: Name.default('authority'), ...cited }),
  'catalog-recheck': z.strictObject({ within: Within, ...cited }),
  'catalog-release': z.strictObject({ within: Within, ...cited }),
  'collection-basis': z.strictObject({
    of: z.enum(['personal', 'all', 'none']),
    fields: z.array(z.enum(['collectionBasis', 'collectionScope', 'collectionPurpose'])),
    ...cited,
  }),
  'one-source': z.strictObject({ bars: z.boolean().default(true), exception: z.enum(['law', 'none']), ...cited }),
  'available-data': z.strictObject({ bars: z.boolean().default(true), exception: z.enum(['law', 'none']), ...cited }),
  'source-department': z.strictObject({ required: z.boolean().default(true), ...cited }),
  acquisitions: z.strictObject({ kinds: z.record(Name, z.string().min(2)), within: Within, ...cited }),
  'catalog-fields': z.strictObject({ required: z.array(z.string()), ...cited }),
  'catalog-update': z.strictObject({ within: Within, ...cited }),
  secrecy: z.strictObject({ barred: z.array(z.string()), ...cited }),
  'secrecy-review': z.strictObject(cited),
  'use-logs': z.strictObject(cited),
  'usage-record': z.strictObject({ fields: z.array(z.string()), ...cited }),
  'quality-dimensions': z.strictObject({
    dimensions: z
      .array(
        z.strictObject({
          key: z.enum(['truthful', 'complete', 'accurate', 'timely', 'usable', 'conforming', 'consistent', 'accessible']),
          label: z.string().min(2),
        }),
      )
      .min(1),
    ...cited,
  }),
  'subject-identifier': z.strictObject({ required: z.boolean().describe('Rows about persons or bodies carry their number'), ...cited }),
  'data-standard': z.strictObject({
    required: z.boolean().describe('A delivery over its limit of faults is turned away as a whole'),
    ...cited,
  }),
  'batch-verification': z.strictObject({ required: z.boolean(), ...cited }),
  'real-time': z.strictObject({
    of: z.enum(['all', 'base', 'none']).describe('Which entries: all, those of base databases, none'),
    exception: z.boolean().describe('A slower cadence can be filed'),
    fileWith: Name.default('authority'),
    within: z.number().int().min(1).describe('Minutes after the promised time from which a delivery is late; the platform’s reading'),
    ...cited,
  }),
  coverage: z.strictObject(cited),
  'source-system': z.strictObject({ required: z.boolean(), ...cited }),
  'base-databases': z.strictObject({ by: Name, themes: z.array(z.string()), ...cited }),
  'registered-only': z.strictObject(cited),
  'log-retention': z.strictObject({ months: z.number().int(), ...cited }),
} as const
export type Topics = { [K in keyof typeof topicSchemas]: z.infer<(typeof topicSchemas)[K]> }
export type Topic = keyof Topics

const Day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/)
export const GateSchema = z.strictObject({
  label: z.string().min(2).max(20),
  text: cited.text,
  about: z.array(Name).default([]).describe('Topics and procedures that order what the gate asks for'),
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
  gates: z.record(Name, GateSchema).default({}).describe('Blocks stricter than a text, only in platform.yaml; switchable for each region'),
  roles: z.record(Name, z.string()),
  ownLevel: z.boolean().default(false).describe('Roles are those of the level of the case (本级), not of the region that adopted the text'),
  topics: z.strictObject(Object.fromEntries(Object.entries(topicSchemas).map(([k, s]) => [k, s.optional()]))) as unknown as z.ZodType<
    Partial<Topics>
  >,
  fields: z.record(FieldKey, FieldSchema).default({}).describe('Form fields of this file, beside those of platform.yaml'),
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

import { z } from 'zod'

/** Where a rule stands: shown beside every deadline, refusal and allowed action. */
export const Cite = z.object({
  regulation: z.string().describe('Identifier of the regulation, e.g. some-county-2022; `platform` for the product’s own convention'),
  title: z.string().describe('Short name of the regulation as people say it, e.g. 某县办法'),
  article: z.string().describe('e.g. 第二十四条第二项'),
  text: z.string().describe('Our own one-sentence paraphrase, never a quotation'),
})
export type Cite = z.infer<typeof Cite>

/** One thing wrong with a request; `pointer` is a JSON pointer into the body. */
export const Fault = z.object({
  pointer: z.string(),
  code: z.string(),
  message: z.string(),
  cite: Cite.optional(),
  remedy: z.string().optional(),
})
export type Fault = z.infer<typeof Fault>

/** RFC 9457 problem document: the one shape of every error. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string().describe('Stable code people can look up, e.g. sharing.not_competent'),
  reason: z.string().optional().describe('Refusal reason of the requirement list, e.g. basis-required'),
  cite: Cite.optional(),
  remedy: z.string().optional().describe('What to do next'),
  errors: z.array(Fault).optional(),
  requestId: z.string().optional(),
  error: z.string().optional().describe('At /oauth/token only: the code of RFC 6749 §5.2'),
})
export type Problem = z.infer<typeof Problem>

/** A day of the calendar, of a year that somebody can mean: whoever counts days from it comes to an end. */
export const Day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, { error: '日期写作 2026-09-24', abort: true })
  .refine(day => /^(19|20|21)/.test(day) && new Date(`${day}T00:00Z`).toJSON()?.startsWith(day) === true, '没有这一天')
export const Id = z.uuid()
export const IdParam = z.object({ id: Id })
export const Instant = z.string().describe('ISO 8601 instant, UTC')

/** Keyset page: pass `next` back as `after`. */
export const PageQuery = z.object({ after: z.string().max(200).optional(), limit: z.coerce.number().int().min(1).max(200).default(50) })
export const page = <T extends z.ZodType>(row: T) => z.object({ rows: z.array(row), next: z.string().nullable(), total: z.number().int() })

export const Done = z.object({ ok: z.literal(true) })

/** Light of a deadline: more than 2 working days, 2 or less, overdue, clock stopped, ended, no number in law. */
export const Light = z.enum(['green', 'yellow', 'red', 'stopped', 'done', 'late', 'word'])
export type Light = z.infer<typeof Light>

/** A clock as people see it, with everything needed to explain it. */
export const Clock = z.object({
  dutyId: Id,
  what: z.string(),
  debtor: z.string().describe('Department that owes it'),
  light: Light,
  left: z.number().int().nullable().describe('Working days left; negative when overdue; null without a number'),
  due: Day.nullable(),
  opened: Day,
  days: z.number().int().nullable().describe('Working days the rule gives; null for a word such as 及时'),
  word: z.string().nullable().describe('The word of the text when it gives no number, e.g. 及时'),
  origin: z.enum(['law', 'platform']).describe('platform: a reminder of ours, no legal deadline'),
  estimated: z.boolean().describe('The calendar of that year is not announced yet'),
  ended: Day.nullable(),
  cite: Cite,
  inherited: z.string().nullable().describe('Region the rule is inherited from'),
  extended: z.number().int().describe('Working days granted beyond the first term'),
  also: Cite.nullable().describe('The other article on the same clock, where two levels of law speak'),
  strip: z
    .array(z.object({ day: Day, counts: z.boolean(), note: z.string().nullable() }))
    .describe('Day cells from receipt to the due date'),
})
export type Clock = z.infer<typeof Clock>

/** What the codes of a region and of everything below it begin with: 350100 → 3501, 350000 → 35. */
export const regionPrefix = (code: string): string => code.replace(/(00)+$/, '')

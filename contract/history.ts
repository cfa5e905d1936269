import { z } from 'zod'
import { Day, Id, IdParam, Instant } from './common.ts'
import { endpoint } from './endpoint.ts'

export const RecordVersion = z.object({
  from: Instant.describe('When it came in'),
  until: Instant.nullable().describe('When it was replaced or removed; null: it stands'),
  values: z.record(z.string(), z.string().nullable()).describe('By key of the item'),
  changed: z.array(z.string()).describe('Items that differ from the version before'),
  first: z.boolean().describe('The record was not there before'),
  by: z.string().describe('Who brought it in'),
  batch: z.object({ id: Id, no: z.string() }).nullable(),
  removed: z.object({ by: z.string(), batch: z.object({ id: Id, no: z.string() }).nullable() }).nullable(),
})
export type RecordVersion = z.infer<typeof RecordVersion>
/** The key goes in the body: it must not stand in addresses and their logs. */
export const recordHistory = endpoint({
  method: 'POST',
  path: '/aggregation/entries/:id/record',
  summary: 'What a record of an entry said at the end of a day, and all its changes; the look is recorded',
  access: ['steward', 'leader', 'bureau', 'inspector'],
  params: IdParam,
  body: z.object({
    key: z.string().trim().min(1, '请填写主键').max(400).describe('Parts of a key of several items stand between plus signs'),
    day: Day.optional().describe('Beijing time; default: today'),
  }),
  response: z.object({
    code: z.string(),
    title: z.string(),
    keyName: z.string(),
    items: z.array(z.object({ key: z.string(), name: z.string() })),
    day: Day,
    at: z.number().int().nullable().describe('Which of the versions stood at the end of the day; null: none'),
    versions: z.array(RecordVersion).describe('Newest first'),
    more: z.boolean().describe('There are older versions than these'),
  }),
})

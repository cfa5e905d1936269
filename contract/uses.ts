import { z } from 'zod'
import { Cite, Done, Id, IdParam, Instant, PageQuery, page } from './common.ts'
import { endpoint, staff } from './endpoint.ts'

/** 使用日志推送: a department has the log of uses sent to a system of its own, signed, and the receipts are kept. */
export const useSides = { given: '使用本部门数据的日志', received: '本部门使用数据的日志' } as const
export const UseSide = z.enum(['given', 'received'])
export const subscriptionStates = { active: '推送中', paused: '已暂停', stopped: '已停止', ended: '已结束' } as const
export const UseSubscription = z.object({
  id: Id,
  no: z.string(),
  side: UseSide,
  sideLabel: z.string(),
  entry: z.object({ id: Id, code: z.string(), title: z.string() }).nullable().describe('Null: all entries'),
  url: z.string(),
  state: z.enum(['active', 'paused', 'stopped', 'ended']),
  stateLabel: z.string(),
  trouble: z.string().nullable(),
  attempts: z.number().int().describe('Failures since the last receipt'),
  nextTry: Instant.nullable(),
  pushed: z.number().int().describe('Uses that were received'),
  last: Instant.nullable().describe('When the last ones were received'),
  created: Instant,
  createdBy: z.string(),
  may: z.array(z.enum(['pause', 'resume', 'run', 'end'])),
})
export type UseSubscription = z.infer<typeof UseSubscription>

export const useSubscriptions = endpoint({
  method: 'GET',
  path: '/use-subscriptions',
  summary: 'Where the use logs of my department are pushed to, and how it goes',
  access: staff,
  response: z.object({ cite: Cite, rows: z.array(UseSubscription) }),
})
export const subscribeUses = endpoint({
  method: 'POST',
  path: '/use-subscriptions',
  summary:
    'Have use logs pushed from now on: of one of my entries, of all of them, or of what my department uses; the secret is shown this once',
  access: ['steward', 'developer'],
  body: z.object({
    side: UseSide.default('given'),
    entryId: Id.nullish().describe('Only for `given`; absent: all entries of my department'),
    url: z.url({ protocol: /^https?$/, error: '请填写 http 或 https 地址' }).max(1000),
  }),
  response: z.object({ subscription: UseSubscription, secret: z.string() }),
})
export const actUseSubscription = endpoint({
  method: 'POST',
  path: '/use-subscriptions/:id/act',
  summary: 'Pause, resume, push now or end; what came meanwhile is pushed after a pause',
  access: ['steward', 'developer'],
  params: IdParam,
  body: z.object({ action: z.enum(['pause', 'resume', 'run', 'end']) }),
  response: Done,
})
export const usePushes = endpoint({
  method: 'GET',
  path: '/use-subscriptions/:id/pushes',
  summary: 'Pushes of one subscription with their receipts, newest first',
  access: staff,
  params: IdParam,
  query: PageQuery,
  response: page(
    z.object({
      id: Id,
      at: Instant,
      uses: z.number().int(),
      first: z.number().int(),
      last: z.number().int(),
      ledger: z.number().int(),
      status: z.number().int().nullable(),
      receipt: z.string(),
      error: z.string().nullable(),
    }),
  ),
})

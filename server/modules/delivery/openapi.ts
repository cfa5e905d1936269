import { treatments } from '../../../contract/procedure.ts'
import { isNumber, leaving as leavingOf, type OutgoingItem, usable } from './projection.ts'
import { treatmentLabel, urlCode } from './rules.ts'

const formats: Record<string, string> = {
  D: '日期，YYYY-MM-DD',
  T: '日期时间，YYYY-MM-DD HH:MM:SS（北京时间）',
  N: '数值，以文本写出，不丢位数',
  Y: '金额，以文本写出，不丢位数',
  I: '整数，以文本写出',
  L: 'true 或 false',
}
type Described = {
  base: string
  no: string
  code: string
  title: string
  provider: string
  purpose: string
  quotaPerDay: number | null
  leastGroup: number
  keys: string[]
  items: OutgoingItem[]
  example: Record<string, string | null> | undefined
}

/** OpenAPI 3.1 of exactly what one grant gives: the items it holds, and only the calls that are possible with them. */
export function grantDocument(d: Described): Record<string, unknown> {
  const path = `/data/v1/${urlCode(d.code)}`
  const can = usable(d.items, d.keys)
  const leaving = leavingOf(d.items)
  const query = (name: string, description: string, schema: object = { type: 'string' }) => ({
    name,
    in: 'query',
    description,
    required: false,
    schema,
  })
  const problem = (description: string) => ({
    description,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  })
  const ok = (description: string, schema: object) => ({ description, content: { 'application/json': { schema } } })
  const body = (schema: object) => ({ required: true, content: { 'application/json': { schema } } })
  const head = ['operator', 'case', 'purpose', 'user'].map(name => ({ $ref: `#/components/parameters/${name}` }))
  const plain = leaving.filter(i => i.treatment === 'plain').map(i => i.name)
  const filter = plain.length ? [query('filter', `JSON 对象，信息项 → 值，相等；可用：${plain.join('、')}`)] : []
  const grouping = d.items.filter(i => i.treatment === 'plain' || i.treatment === 'aggregate')
  const names = (items: OutgoingItem[], description: string) => ({
    type: 'array',
    description,
    items: { type: 'string', ...(items.length && { enum: items.map(i => i.name) }) },
  })
  const numbers = grouping.filter(isNumber)
  const plainNumbers = numbers.filter(i => i.treatment === 'plain')
  const values = { type: 'object', additionalProperties: { type: ['string', 'null'] } }
  const key = {
    type: 'object',
    required: can.keyNames,
    properties: Object.fromEntries(can.keyNames.map(name => [name, { type: 'string' }])),
  }
  const page = (more: object) => ({
    type: 'object',
    required: ['rows', 'count'],
    properties: { rows: { type: 'array', items: { $ref: '#/components/schemas/Row' } }, count: { type: 'integer' }, ...more },
  })
  const refused = {
    400: problem('参数不对'),
    401: problem('令牌无效'),
    403: problem('授权不允许'),
    422: problem('登记不全'),
    429: problem('太快或当天次数用完'),
  }
  const one = (operationId: string, summary: string, more: object, reply: object) => ({
    operationId,
    summary,
    security: [{ client: [] }],
    ...more,
    responses: { 200: reply, ...refused },
  })
  const rows = {
    get: one(
      'rows',
      '逐页取得',
      {
        parameters: [
          ...head,
          query('limit', '每页行数', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }),
          query('after', '上一页答复里的 next'),
          query('fields', '只要哪些信息项，用逗号分开'),
          ...filter,
          ...(plain.length ? [query('sort', '按哪一项排序，前加 - 为倒序；可用项同 filter')] : []),
          query('as_of', '取这一天结束时的数据', { type: 'string', format: 'date' }),
        ],
      },
      ok('一页数据，next 为 null 表示到头', page({ next: { type: ['string', 'null'] } })),
    ),
  }
  return {
    openapi: '3.1.0',
    info: {
      title: `${d.title}（授权 ${d.no}）`,
      version: d.no,
      description: `提供部门：${d.provider}。用途：${d.purpose}。${d.quotaPerDay ? `每日最多 ${d.quotaPerDay} 次。` : ''}每次调用都登记使用人员和办理事项。`,
    },
    servers: [{ url: d.base }],
    paths: {
      ...(leaving.length && {
        [path]: rows,
        [`${path}/count`]: {
          get: one(
            'count',
            '行数',
            { parameters: [...head, ...filter] },
            ok('行数', { type: 'object', properties: { count: { type: 'integer' } } }),
          ),
        },
        [`${path}/changes`]: {
          get: one(
            'changes',
            '上次以来的变更',
            { parameters: [...head, query('since', '上次答复里的 next；没有则从头'), query('fields', '只要哪些信息项')] },
            ok('变更，按 _id 覆盖', page({ more: { type: 'boolean' }, next: { type: 'string' } })),
          ),
        },
      }),
      ...(leaving.length &&
        can.lookUp && {
          [`${path}/batch`]: {
            post: one(
              'batch',
              '一次按最多 1000 个键取',
              {
                parameters: head,
                requestBody: body({
                  type: 'object',
                  required: ['keys'],
                  properties: { keys: { type: 'array', maxItems: 1000, items: key }, fields: { type: 'array', items: { type: 'string' } } },
                }),
              },
              ok('找到的行', page({ asked: { type: 'integer' } })),
            ),
          },
        }),
      ...(can.aggregate && {
        [`${path}/aggregate`]: {
          post: one(
            'aggregate',
            '聚合：各组的计数、合计和平均，不含单条记录',
            {
              description: `少于 ${d.leastGroup} 条记录的组不列出，只说有几组；相减能推出它们的，再隐去一组。`,
              parameters: head,
              requestBody: body({
                type: 'object',
                properties: {
                  by: { ...names(grouping, '按哪些信息项分组；不写则合为一组'), maxItems: 5 },
                  ...(numbers.length && { sum: names(numbers, '合计'), average: names(numbers, '平均') }),
                  ...(plainNumbers.length && { min: names(plainNumbers, '最小值'), max: names(plainNumbers, '最大值') }),
                  ...(plain.length && {
                    filter: {
                      type: 'object',
                      description: '信息项 → 值，相等',
                      properties: Object.fromEntries(plain.map(name => [name, { type: 'string' }])),
                    },
                  }),
                },
              }),
            },
            ok('各组', {
              type: 'object',
              properties: {
                groups: {
                  type: 'array',
                  items: {
                    type: 'object',
                    properties: {
                      by: values,
                      count: { type: 'integer' },
                      ...(numbers.length && { sum: values, average: values }),
                      ...(plainNumbers.length && { min: values, max: values }),
                    },
                  },
                },
                count: { type: 'integer', description: '列出的组数' },
                hidden: { type: 'integer', description: '未列出的组数' },
                least: { type: 'integer', description: '列出的组至少有多少条记录' },
              },
            }),
          ),
        },
      }),
      ...(can.verify && {
        [`${path}/verify`]: {
          post: one(
            'verify',
            '核验：是或否，不含原值',
            {
              parameters: head,
              requestBody: body({
                type: 'object',
                required: ['key', 'values'],
                properties: { key, values: { type: 'object', additionalProperties: { type: 'string' } } },
              }),
            },
            ok('是否相符', {
              type: 'object',
              properties: { found: { type: 'boolean' }, agrees: { type: 'object', additionalProperties: { type: 'boolean' } } },
            }),
          ),
        },
      }),
    },
    components: {
      securitySchemes: { client: { type: 'oauth2', flows: { clientCredentials: { tokenUrl: `${d.base}/oauth/token`, scopes: {} } } } },
      parameters: {
        operator: {
          name: 'x-huitong-operator',
          in: 'header',
          required: true,
          description: '经办人姓名，UTF-8 百分号编码',
          schema: { type: 'string' },
        },
        case: { name: 'x-huitong-case', in: 'header', required: true, description: '业务编号或办件编号', schema: { type: 'string' } },
        purpose: {
          name: 'x-huitong-purpose',
          in: 'header',
          required: false,
          description: `写了就必须是：${d.purpose}`,
          schema: { type: 'string' },
        },
        user: {
          name: 'x-huitong-user',
          in: 'header',
          required: false,
          description: '使用数据的部门，写了就必须是被授权的部门',
          schema: { type: 'string' },
        },
      },
      schemas: {
        Row: {
          type: 'object',
          properties: Object.fromEntries(
            leaving.map(i => [
              i.name,
              {
                type: ['string', 'null'],
                description: [i.type && formats[i.type], i.treatment === 'plain' ? treatments.plain : treatmentLabel(i)]
                  .filter(Boolean)
                  .join('；'),
              },
            ]),
          ),
          ...(d.example && { example: d.example }),
        },
        Problem: {
          type: 'object',
          properties: Object.fromEntries(
            ['title', 'detail', 'code', 'reason', 'remedy']
              .map(name => [name, { type: 'string' }])
              .concat([['status', { type: 'integer' }]] as never),
          ),
        },
      },
    },
  }
}

/** The calls of the document as people read them. */
export const callsOf = (document: Record<string, unknown>): { method: string; path: string; what: string }[] =>
  Object.entries(document.paths as Record<string, Record<string, { summary: string }>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary }]) => ({ method: method.toUpperCase(), path, what: summary })),
  )

type Described = { name: string; description: string; treatment: 'plain' | 'masked'; type?: string | null | undefined }

const formats: Record<string, string> = {
  D: '日期，YYYY-MM-DD',
  T: '日期时间，YYYY-MM-DD HH:MM:SS（北京时间）',
  N: '数值，以文本写出，不丢位数',
  Y: '金额，以文本写出，不丢位数',
  I: '整数，以文本写出',
  L: 'true 或 false',
}

/** OpenAPI 3.1 of one data set, made from its items. */
export function openApiDocument(d: {
  base: string
  code: string
  title: string
  description: string
  department: string
  version: number
  guarded: boolean
  items: Described[]
  attributes: Record<string, string | string[]>
}): Record<string, unknown> {
  const path = `/open/v1/${d.code.replace('/', '-')}`
  const query = (name: string, description: string, schema: object) => ({ name, in: 'query', description, required: false, schema })
  const problem = (description: string) => ({
    description,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  })
  return {
    openapi: '3.1.0',
    info: {
      title: d.title,
      version: String(d.version),
      description: `${d.description}\n\n提供部门：${d.department}。${d.guarded ? '凭授权的密钥取用，放在请求头 Authorization 里。' : '无需登录和密钥。'}每个地址每分钟最多 300 次。`,
      'x-open-list': d.attributes,
    },
    servers: [{ url: d.base }],
    paths: {
      [path]: {
        get: {
          operationId: 'rows',
          summary: `${d.title}：逐页取得`,
          parameters: [
            query('limit', '每页行数', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }),
            query('after', '上一页答复里的 next', { type: 'string' }),
            query('fields', '只要哪些信息项，用逗号分开', { type: 'string' }),
            query('filter', 'JSON 对象，信息项 → 值，相等；脱敏的信息项不能筛选', { type: 'string' }),
          ],
          responses: {
            200: {
              description: '一页数据。next 为 null 表示到头。',
              content: {
                'application/json': {
                  schema: {
                    type: 'object',
                    required: ['rows', 'count', 'total', 'next'],
                    properties: {
                      rows: { type: 'array', items: { $ref: '#/components/schemas/Row' } },
                      count: { type: 'integer' },
                      total: { type: 'integer' },
                      next: { type: ['string', 'null'] },
                    },
                  },
                },
              },
            },
            400: problem('参数不对'),
            403: problem('信息项不开放'),
            410: problem('已下架'),
            429: problem('请求太频繁'),
          },
        },
      },
    },
    components: {
      schemas: {
        Row: {
          type: 'object',
          properties: Object.fromEntries(
            d.items.map(i => [
              i.name,
              {
                type: ['string', 'null'],
                description: [i.description, i.type && formats[i.type], i.treatment === 'masked' && '脱敏'].filter(Boolean).join('；'),
              },
            ]),
          ),
        },
        Problem: {
          type: 'object',
          properties: {
            title: { type: 'string' },
            status: { type: 'integer' },
            detail: { type: 'string' },
            code: { type: 'string' },
            remedy: { type: 'string' },
          },
        },
      },
    },
  }
}

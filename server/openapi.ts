import { z } from 'zod'
import { type Endpoint, roles } from '../contract/endpoint.ts'
import { endpoints, schemas, urlOf } from '../contract/index.ts'

type Schema = Record<string, unknown>
const schemaOf = (type: z.ZodType, io: 'input' | 'output' = 'input'): Schema =>
  z.toJSONSchema(type, { io, target: 'openapi-3.0', unrepresentable: 'any' }) as Schema

const parameters = (type: z.ZodType | undefined, where: 'path' | 'query'): Schema[] => {
  if (!type) return []
  const { properties = {}, required = [] } = schemaOf(type) as { properties?: Record<string, Schema>; required?: string[] }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema,
    ...(schema.description ? { description: schema.description } : {}),
  }))
}

const accessWords = (e: Endpoint): string =>
  e.access === 'public'
    ? '任何人'
    : e.access === 'signed-in'
      ? '已登录的人员'
      : e.access === 'grant'
        ? '持有授权令牌的信息系统'
        : e.access === 'key'
          ? '持有推送密钥的信息系统、已配对的前置机'
          : e.access.map(r => roles[r]).join('、')

/** Named shapes once, everything else refers to them. */
function components(): Record<string, Schema> {
  const registry = z.registry<{ id: string }>()
  for (const [id, type] of Object.entries(schemas)) registry.add(type, { id })
  for (const { module, name, endpoint: e } of endpoints)
    if (e.response && !registry.has(e.response)) registry.add(e.response, { id: replyName(module, name) })
  const printed = z.toJSONSchema(registry, {
    io: 'output',
    target: 'openapi-3.0',
    unrepresentable: 'any',
    uri: id => `#/components/schemas/${id}`,
  }) as { schemas: Record<string, Schema> }
  return Object.fromEntries(Object.entries(printed.schemas).map(([id, { $id: _, $schema: __, ...schema }]) => [id, schema]))
}
const names = new Map<z.ZodType, string>(Object.entries(schemas).map(([id, type]) => [type, id]))
const replyName = (module: string, name: string): string => `${module}.${name}.reply`
const replyRef = (module: string, name: string, e: Endpoint): Schema => ({
  $ref: `#/components/schemas/${names.get(e.response!) ?? replyName(module, name)}`,
})

/** The OpenAPI 3 document of the whole product, printed from the contract that also validates every request. */
export async function openApiDocument(): Promise<object> {
  const paths: Record<string, Record<string, object>> = {}
  for (const { module, name, endpoint: e } of endpoints) {
    const path = urlOf(e).replace(/:(\w+)/g, '{$1}')
    const reply =
      e.kind === 'stream' || !e.response
        ? { description: '成功' }
        : { description: '成功', content: { 'application/json': { schema: replyRef(module, name, e) } } }
    paths[path] ??= {}
    paths[path][e.method.toLowerCase()] = {
      operationId: `${module}.${name}`,
      tags: [module],
      summary: e.summary,
      description: `谁可以调用：${accessWords(e)}。`,
      parameters: [...parameters(e.params, 'path'), ...parameters(e.query, 'query')],
      ...(e.body && {
        requestBody: {
          required: true,
          content: { [e.kind === 'multipart' ? 'multipart/form-data' : 'application/json']: { schema: schemaOf(e.body) } },
        },
      }),
      responses: {
        200: reply,
        default: {
          description: '没有完成：RFC 9457',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      ...(e.access === 'public'
        ? { security: [] }
        : { security: [{ [e.access === 'grant' || e.access === 'key' ? 'token' : 'session']: [] }] }),
    }
  }
  return {
    openapi: '3.0.3',
    info: { title: '汇通 Huitong', version: '0.1.0', description: '政务数据的登记、汇聚、共享、开放与留痕。' },
    paths,
    components: {
      schemas: components(),
      securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: 'ht_session' }, token: { type: 'http', scheme: 'bearer' } },
    },
  }
}

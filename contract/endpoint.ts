import type { z } from 'zod'

/** Who may call an endpoint. `public`: anyone; `signed-in`: any session; `grant`: a bearer token of a data grant; `key`: the key of a pushing system or an agent; else one of these roles. */
export type Access = 'public' | 'signed-in' | 'grant' | 'key' | readonly Role[]

/**
 * Roles of a person inside a department. What a *department* is in a procedure (authority, provider, applicant …)
 * comes from the regulation; the role only says what the person may do on the department's behalf.
 */
export const roles = {
  steward: '数据专员',
  leader: '部门负责人',
  bureau: '数据主管部门管理员',
  developer: '业务系统开发人员',
  inspector: '检查人员',
  system_admin: '系统管理员',
  security_admin: '安全管理员',
  audit_admin: '审计管理员',
  secrecy: '保密审查员',
} as const
export type Role = keyof typeof roles
export const roleKeys = Object.keys(roles) as [Role, ...Role[]]

/** Departments' working staff: everybody who takes part in the main job. */
export const staff = ['steward', 'leader', 'bureau', 'developer', 'inspector', 'secrecy'] as const satisfies readonly Role[]

export type Endpoint<P = any, Q = any, B = any, R = any> = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Fastify path below `/api`, e.g. `/catalog/entries/:code`. */
  path: string
  summary: string
  access: Access
  params?: z.ZodType<P>
  query?: z.ZodType<Q>
  body?: z.ZodType<B>
  /** Absent when the reply is a stream (download, upload progress). */
  response?: z.ZodType<R>
  /** `multipart`: the body is a file upload read by the route itself. `raw`: it is a stream of bytes. `stream`: the reply is a file or event stream. */
  kind?: 'json' | 'multipart' | 'raw' | 'stream'
}

export const endpoint = <P = undefined, Q = undefined, B = undefined, R = undefined>(e: Endpoint<P, Q, B, R>) => e

/** The pieces a caller sends and gets, as TypeScript types. */
export type Params<E> = E extends Endpoint<infer P, any, any, any> ? P : never
export type Query<E> = E extends Endpoint<any, infer Q, any, any> ? Q : never
export type Body<E> = E extends Endpoint<any, any, infer B, any> ? B : never
export type Reply<E> = E extends Endpoint<any, any, any, infer R> ? R : never

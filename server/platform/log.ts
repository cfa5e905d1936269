import type { FastifyServerOptions } from 'fastify'

/** Structured logs without secrets: no bodies, no query strings, no credentials; people are named by id only. */
export function loggerOptions(level: string): FastifyServerOptions['logger'] {
  if (level === 'silent') return false
  return {
    level,
    redact: ['req.headers.authorization', 'req.headers.cookie', 'res.headers["set-cookie"]'],
    serializers: {
      req: req => ({ method: req.method, path: req.url?.split('?')[0], ip: req.ip }),
    },
  }
}

import type { FastifyInstance } from 'fastify'
import * as contract from '../../../contract/supervision.ts'
import { route } from '../../platform/http.ts'
import { notFound, refuse } from '../../platform/problem.ts'
import { caseFor } from '../procedure/public.ts'
import './effects.ts'
import { boardOf, openUseOf } from './queries.ts'
import { suspicionsOf } from './scan.ts'

export function registerSupervision(app: FastifyInstance): void {
  route(app, contract.board, async ({ ctx }) => ({
    rows: await boardOf(ctx),
    areas: Object.entries(contract.areas).map(([key, label]) => ({ key, label, href: hrefs[key as keyof typeof contract.areas] })),
  }))
  route(app, contract.suspicions, ({ ctx }) => suspicionsOf(ctx))
  route(app, contract.openUse, ({ params, ctx }) => openUseOf(ctx, params.code))
  route(app, contract.editEvent, async ({ params, ctx }) => {
    const c = (await caseFor(ctx, params.no)) ?? notFound('procedure.case', '办件')
    refuse('supervision.append_only', {
      status: 409,
      reason: 'log-append-only',
      detail: `办件 ${c.no} 的时间线只能续写，第 ${params.seq} 条不能修改或删除。`,
      cite: c.ruling.cite,
      remedy: '内容有误的，在办件里另写说明。',
    })
  })
}

/** Where the records behind a number are. */
const hrefs = {
  register: '/workbench/catalog',
  collect: '/workbench/cases?procedure=inspection',
  aggregate: '/workbench/catalog?mounted=true',
  share: '/workbench/grants?side=given',
  service: '/workbench/audit?action=data.read',
} as const

import type { FastifyInstance } from 'fastify'
import * as contract from '../../../contract/supervision.ts'
import { route } from '../../platform/http.ts'
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
}

/** Where the records behind a number are. */
const hrefs = {
  register: '/workbench/catalog',
  collect: '/workbench/cases?procedure=inspection',
  aggregate: '/workbench/catalog?mounted=true',
  share: '/workbench/grants?side=given',
  service: '/workbench/audit?action=data.read',
} as const

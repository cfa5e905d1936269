import { z } from 'zod'
import * as agents from './agents.ts'
import * as aggregation from './aggregation.ts'
import * as audit from './audit.ts'
import * as bases from './bases.ts'
import * as catalog from './catalog.ts'
import * as catalogRuns from './catalog-runs.ts'
import * as common from './common.ts'
import * as delivery from './delivery.ts'
import * as documents from './documents.ts'
import type { Endpoint } from './endpoint.ts'
import * as history from './history.ts'
import * as opening from './opening.ts'
import * as organization from './organization.ts'
import * as procedure from './procedure.ts'
import * as proposals from './proposals.ts'
import * as push from './push.ts'
import * as quality from './quality.ts'
import * as regulation from './regulation.ts'
import * as sharing from './sharing.ts'
import * as supervision from './supervision.ts'
import * as tables from './tables.ts'
import * as uses from './uses.ts'

const modules: Record<string, object> = {
  audit,
  regulation,
  organization,
  procedure,
  catalog: { ...catalog, ...catalogRuns },
  quality,
  aggregation: { ...aggregation, ...push, ...agents, ...history, ...proposals, ...documents },
  bases,
  delivery: { ...delivery, ...tables, ...uses },
  sharing,
  opening,
  supervision,
}

const isEndpoint = (value: unknown): value is Endpoint =>
  typeof value === 'object' && value !== null && 'method' in value && 'path' in value && 'access' in value

/** Every endpoint of the product with the module and name it is exported under. */
export const endpoints: { module: string; name: string; endpoint: Endpoint }[] = Object.entries(modules).flatMap(([module, exports]) =>
  Object.entries(exports).flatMap(([name, value]) => (isEndpoint(value) ? [{ module, name, endpoint: value }] : [])),
)

/** Endpoints for systems and the public keep their own address; all others live below /api. */
export const urlOf = (e: Pick<Endpoint, 'path'>): string =>
  /^\/(data|ingest|agent|oauth|open\/v1)(\/|$)/.test(e.path) ? e.path : `/api${e.path}`

/** Shapes with a name of their own, for the API document. */
export const schemas: Record<string, z.ZodType> = Object.fromEntries(
  Object.values({ common, ...modules }).flatMap(exports =>
    Object.entries(exports as Record<string, unknown>).filter((pair): pair is [string, z.ZodObject] => pair[1] instanceof z.ZodObject),
  ),
)
